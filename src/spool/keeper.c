/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spool/keeper.h"

#include "core/log.h"
#include "spool/folder.h"
#include "spool/segment.h"
#include "spool/stream.h"
#include "spool/summary.h"

#include <zstd.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char TEMPORARY[] = "compressing.tmp";
enum { COPY_BYTES = 256 * 1024 };

/* ---- compression ---- */

static enum err bytes_write(int fd, const char *p, size_t n, struct errbuf *eb)
{
    while (n) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return err_set(eb, ERR_IO, "a compressed segment cannot be written: %s",
                           strerror(put ? errno : ENOSPC));
        }
        p += put;
        n -= (size_t)put;
    }
    return OK;
}

static enum err packed_write(ZSTD_CCtx *zstd, int fd, struct slice in, bool is_last,
                             struct slice room, char *out, struct errbuf *eb)
{
    ZSTD_inBuffer i = {in.p, in.n, 0};
    for (size_t left = 1; left || i.pos < i.size;) {
        ZSTD_outBuffer o = {out, room.n, 0};
        left = ZSTD_compressStream2(zstd, &o, &i, is_last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            return err_set(eb, ERR_NOMEM, "zstd: %s", ZSTD_getErrorName(left));
        }
        enum err e = bytes_write(fd, out, o.pos, eb);
        if (e != OK) {
            return e;
        }
        if (!is_last && i.pos == i.size) {
            break;
        }
    }
    return OK;
}

/* Summary first, then everything that stands in the segment, damaged or not. */
static enum err segment_pack(int dir, uint64_t number, int level, int fd, struct errbuf *eb)
{
    struct segment_summary summary;
    char head[SEGMENT_SUMMARY_BYTES];
    struct stream *s = NULL;
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    size_t room = ZSTD_CStreamOutSize();
    char *out = malloc(room);
    uint64_t offset = 0;
    enum err e = zstd && out ? segment_summarise(dir, number, &summary, eb) : ERR_NOMEM;
    if (e == OK) {
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level);
        ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
        segment_summary_write(&summary, head);
        e = bytes_write(fd, head, sizeof head, eb);
        e = e == OK ? stream_open(dir, number, &s, eb) : e;
    }
    while (e == OK) {
        struct slice bytes;
        e = stream_look(s, offset, COPY_BYTES, &bytes, eb);
        if (e == OK) {
            e = packed_write(zstd, fd, bytes, bytes.n == 0, slice_of(NULL, room), out, eb);
            offset += bytes.n;
        }
        if (e != OK || bytes.n == 0) {
            break;
        }
    }
    stream_close(s);
    free(out);
    ZSTD_freeCCtx(zstd);
    return e;
}

enum err segment_compress(int dir, uint64_t number, int level, struct errbuf *eb)
{
    char plain[SEGMENT_NAME_BYTES], packed[SEGMENT_NAME_BYTES];
    segment_name(number, false, plain);
    segment_name(number, true, packed);
    int fd = openat(dir, TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        return err_set(eb, ERR_IO, "%s: %s", TEMPORARY, strerror(errno));
    }
    enum err e = segment_pack(dir, number, level, fd, eb);
    if (e == OK && fsync(fd) != 0) {
        e = err_set(eb, ERR_IO, "%s: %s", TEMPORARY, strerror(errno));
    }
    close(fd);
    if (e == OK && renameat(dir, TEMPORARY, dir, packed) != 0) {
        e = err_set(eb, ERR_IO, "%s: %s", packed, strerror(errno));
    }
    if (e != OK) {
        unlinkat(dir, TEMPORARY, 0);
        return e;
    }
    /* the new name must be on the disk before the old bytes go */
    if (fsync(dir) != 0 || unlinkat(dir, plain, 0) != 0) {
        return err_set(eb, ERR_IO, "%s: %s", plain, strerror(errno));
    }
    return OK;
}

/* ---- recovery ---- */

/* Where the zeros that the writer prepared begin, at or behind `from`: bytes of a torn write end
 * there. */
static uint64_t torn_end(int fd, uint64_t from, uint64_t size)
{
    char bytes[4096];
    uint64_t end = from;
    for (uint64_t at = from; at < size; at += sizeof bytes) {
        ssize_t n = pread(fd, bytes, sizeof bytes, (off_t)at);
        for (; n > 0; n--) {
            if (bytes[n - 1] != 0) {
                end = at + (uint64_t)n;
                break;
            }
        }
    }
    return end;
}

/* Prepared zeros go without a word. */
static enum err tail_cut(int fd, const char *name, const struct segment_summary *summary,
                         uint64_t size, struct errbuf *eb)
{
    uint64_t end = torn_end(fd, summary->bytes, size);
    if (end > summary->bytes) {
        log_warn("spool",
                 "%s: %" PRIu64 " bytes of a torn write are cut off its end (%" PRIu64
                 " whole records stay)",
                 name, end - summary->bytes, summary->records);
    }
    return ftruncate(fd, (off_t)summary->bytes) == 0 && fsync(fd) == 0
               ? OK
               : err_set(eb, ERR_IO, "%s: %s", name, strerror(errno));
}

enum err segment_recover(int dir, uint64_t number, struct errbuf *eb)
{
    char name[SEGMENT_NAME_BYTES];
    struct segment_summary summary;
    segment_name(number, false, name);
    enum err e = segment_summarise(dir, number, &summary, eb);
    if (e != OK) {
        return e;
    }
    int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (size < 0) {
        e = err_set(eb, ERR_IO, "%s: %s", name, strerror(errno));
    } else if ((uint64_t)size > summary.bytes) {
        e = tail_cut(fd, name, &summary, (uint64_t)size, eb);
    }
    if (fd >= 0) {
        close(fd);
    }
    return e;
}

/* ---- retention ---- */

static bool segment_delete(int dir, const struct segment_file *f)
{
    char name[SEGMENT_NAME_BYTES];
    bool ok = true;
    for (int is_compressed = 0; is_compressed < 2; is_compressed++) {
        segment_name(f->number, is_compressed, name);
        ok = (unlinkat(dir, name, 0) == 0 || errno == ENOENT) && ok;
    }
    if (!ok) {
        log_warn("spool", "%s cannot be deleted: %s", name, strerror(errno));
    }
    return ok;
}

/* What was prepared in the open segment is not counted. */
static uint64_t list_bytes(const struct segment_list *l, uint64_t open_segment, uint64_t open_bytes)
{
    uint64_t n = open_bytes;
    for (size_t i = 0; i < l->count && l->files[i].number < open_segment; i++) {
        n += l->files[i].bytes;
    }
    return n;
}

/* Oldest first; the newest segment and the writer's stay. */
static void segments_retain(const struct spool_writer_options *o, int dir, uint64_t open_segment,
                            bool is_full, int64_t now, const struct segment_list *l,
                            struct keeper_result *r)
{
    enum { MARGIN = 16 }; /* 1/16 below the quota, so that mail is not refused now and then */
    uint64_t analysed = spool_folder_analysed(dir).segment;
    uint64_t soft_quota = o->quota_bytes - o->quota_bytes / MARGIN;
    for (size_t i = 0; i + 1 < l->count && l->files[i].number < open_segment; i++) {
        const struct segment_file *f = &l->files[i];
        bool is_old = o->retain_seconds && f->changed + (int64_t)o->retain_seconds <= now;
        bool is_past = o->retain_bytes && r->folder_bytes > o->retain_bytes;
        bool is_squeezed = is_full || (o->quota_bytes && r->folder_bytes > soft_quota);
        bool is_analysed = f->number < analysed;
        if (is_analysed ? !is_old && !is_past && !is_squeezed
                        : !is_squeezed || !o->may_drop_unanalysed) {
            return;
        }
        if (!segment_delete(dir, f)) {
            return;
        }
        r->folder_bytes -= f->bytes;
        if (!is_analysed) {
            r->dropped_unanalysed++;
            log_error("spool",
                      "segment %" PRIu64 " is deleted although nothing has analysed it: the spool "
                      "has no more room, and its messages are lost",
                      f->number);
        }
        is_full = false; /* one segment makes room; the next round looks again */
    }
}

struct keeper_result keeper_round(const struct spool_writer_options *o, int dir,
                                  uint64_t open_segment, uint64_t open_bytes, bool is_full,
                                  int64_t now, const volatile bool *stop)
{
    struct keeper_result r = {0, 0};
    struct segment_list l;
    struct errbuf eb = {.text = ""};
    if (spool_folder_list(dir, &l, &eb) != OK) {
        log_warn("spool", "%s", eb.text);
        return r;
    }
    r.folder_bytes = list_bytes(&l, open_segment, open_bytes);
    segments_retain(o, dir, open_segment, is_full, now, &l, &r);
    segment_list_free(&l);
    if (!o->compression_level || is_full || spool_folder_list(dir, &l, &eb) != OK) {
        return r;
    }
    for (size_t i = 0; i < l.count && l.files[i].number < open_segment && !*stop; i++) {
        if (!l.files[i].is_compressed &&
            segment_compress(dir, l.files[i].number, o->compression_level, &eb) != OK) {
            log_warn("spool", "segment %" PRIu64 " stays as it is: %s", l.files[i].number, eb.text);
            break;
        }
    }
    segment_list_free(&l);
    if (spool_folder_list(dir, &l, &eb) == OK) {
        r.folder_bytes = list_bytes(&l, open_segment, open_bytes);
        segment_list_free(&l);
    }
    return r;
}
