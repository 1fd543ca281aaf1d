/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spool/stream.h"

#include "spool/folder.h"

#include <zstd.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { WINDOW_BYTES = 256 * 1024, INPUT_BYTES = 128 * 1024 };

struct stream {
    int fd;
    bool is_compressed, is_broken, has_ended;
    char *window; /* bytes [start, start + n) of the segment */
    size_t size, n;
    uint64_t start;
    ZSTD_DStream *zstd;
    char *input;
    ZSTD_inBuffer in;
};

void stream_close(struct stream *s)
{
    if (s) {
        if (s->fd >= 0) {
            close(s->fd);
        }
        ZSTD_freeDStream(s->zstd);
        free(s->input);
        free(s->window);
        free(s);
    }
}

static bool stream_unpacks(struct stream *s)
{
    s->zstd = ZSTD_createDStream();
    s->input = malloc(INPUT_BYTES);
    s->in = (ZSTD_inBuffer){s->input, 0, 0};
    return s->zstd && s->input;
}

enum err stream_open(int dir, uint64_t number, struct stream **out, struct errbuf *eb)
{
    char name[SEGMENT_NAME_BYTES];
    struct stream *s = calloc(1, sizeof *s);
    if (!s) {
        return ERR_NOMEM;
    }
    segment_name(number, false, name);
    s->fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0 && errno == ENOENT) {
        s->is_compressed = true;
        segment_name(number, true, name);
        s->fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    }
    if (s->fd < 0) {
        enum err e = errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
        err_at(eb, e, name, 0, 0, "%s", strerror(errno));
        stream_close(s);
        return e;
    }
    s->window = malloc(WINDOW_BYTES);
    s->size = WINDOW_BYTES;
    if (!s->window || (s->is_compressed && !stream_unpacks(s))) {
        stream_close(s);
        return ERR_NOMEM;
    }
    *out = s;
    return OK;
}

static enum err plain_fill(struct stream *s, struct errbuf *eb)
{
    while (s->n < s->size) {
        ssize_t got = pread(s->fd, s->window + s->n, s->size - s->n, (off_t)(s->start + s->n));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_set(eb, ERR_IO, "a segment cannot be read: %s", strerror(errno));
        }
        if (got == 0) {
            break;
        }
        s->n += (size_t)got;
    }
    return OK;
}

/* False at the end of the file. */
static enum err input_fill(struct stream *s, bool *is_end, struct errbuf *eb)
{
    ssize_t got;
    do {
        got = read(s->fd, s->input, INPUT_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return err_set(eb, ERR_IO, "a segment cannot be read: %s", strerror(errno));
    }
    s->in = (ZSTD_inBuffer){s->input, (size_t)got, 0};
    *is_end = got == 0;
    return OK;
}

static enum err packed_fill(struct stream *s, struct errbuf *eb)
{
    size_t wants = 1; /* what zstd expects next; 0: a frame has just ended */
    while (s->n < s->size && !s->has_ended) {
        bool is_end = false;
        enum err e = s->in.pos == s->in.size ? input_fill(s, &is_end, eb) : OK;
        if (e != OK) {
            return e;
        }
        ZSTD_outBuffer o = {s->window, s->size, s->n};
        wants = is_end ? wants : ZSTD_decompressStream(s->zstd, &o, &s->in);
        s->has_ended = is_end || ZSTD_isError(wants);
        s->is_broken = s->is_broken || ZSTD_isError(wants);
        s->n = o.pos;
    }
    return OK;
}

/* Room for `n` bytes from `offset` on, which becomes the window's start. */
static enum err window_move(struct stream *s, uint64_t offset, size_t n)
{
    size_t gone = offset - s->start < s->n ? (size_t)(offset - s->start) : s->n;
    if (s->n - gone) {
        memmove(s->window, s->window + gone, s->n - gone);
    }
    s->n -= gone;
    s->start += gone;
    if (n > s->size) {
        char *window = realloc(s->window, n);
        if (!window) {
            return ERR_NOMEM;
        }
        s->window = window;
        s->size = n;
    }
    return OK;
}

enum err stream_look(struct stream *s, uint64_t offset, size_t n, struct slice *out,
                     struct errbuf *eb)
{
    enum err e = OK;
    if (offset - s->start > s->n || s->n - (size_t)(offset - s->start) < n) {
        if (!s->is_compressed && offset - s->start > s->n) {
            s->n = 0; /* nothing has to be read to get there */
            s->start = offset;
        }
        do {
            e = window_move(s, offset, n);
            size_t before = s->n;
            e = e == OK ? (s->is_compressed ? packed_fill(s, eb) : plain_fill(s, eb)) : e;
            if (s->n == before) {
                break;
            }
        } while (e == OK && s->start + s->n < offset);
    }
    uint64_t skip = offset - s->start;
    *out = skip < s->n ? slice_of(s->window + skip, s->n - (size_t)skip) : slice_of(s->window, 0);
    return e;
}

void stream_refresh(struct stream *s, uint64_t offset)
{
    if (!s->is_compressed) {
        s->n = 0;
        s->start = offset;
    }
}

bool stream_is_compressed(const struct stream *s)
{
    return s->is_compressed;
}

bool stream_is_broken(const struct stream *s)
{
    return s->is_broken;
}
