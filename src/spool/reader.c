/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A segment has ended when a later one exists; only then what lies at its end, or does not verify,
 * is damage and not a write that is under way. The order of looking matters: first the folder, then
 * the segment's bytes once more, because its last records may have come in between. */
#include "spool/reader.h"

#include "core/limits.h"
#include "spool/folder.h"
#include "spool/segment.h"
#include "spool/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes that a search for the next record after damage may look at and hash, for one segment: a
 * forged file could have a mark everywhere. */
static const uint64_t SEARCH_BYTES_MAX = (uint64_t)1 << 30;

enum { LOOKS_A_LISTING = 64 };

struct spool_reader {
    struct spool_reader_options o;
    int dir;
    struct spool_position at;
    struct stream *stream; /* of segment at.segment; NULL: none is open */
    struct segment_header header;
    bool has_header;
    bool has_ended; /* a later segment was seen, after which the bytes are read once more */
    uint64_t searched;
    unsigned quiet; /* looks at the end that found nothing */
};

enum err spool_reader_open_at(int dir, const struct spool_reader_options *o,
                              struct spool_reader **out, struct errbuf *eb)
{
    struct spool_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return ERR_NOMEM;
    }
    r->o = *o;
    r->at = o->from;
    r->dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    if (r->dir < 0) {
        free(r);
        return err_set(eb, ERR_IO, "the spool cannot be opened: %s", strerror(errno));
    }
    *out = r;
    return OK;
}

enum err spool_reader_open(const struct spool_reader_options *o, struct spool_reader **out,
                           struct errbuf *eb)
{
    int dir;
    enum err e = spool_folder_open(o->folder, &dir, eb);
    if (e == OK) {
        e = spool_reader_open_at(dir, o, out, eb);
        close(dir);
    }
    return e;
}

static void segment_leave(struct spool_reader *r)
{
    stream_close(r->stream);
    r->stream = NULL;
    r->has_header = r->has_ended = false;
    r->searched = 0;
}

void spool_reader_close(struct spool_reader *r)
{
    if (r) {
        segment_leave(r);
        close(r->dir);
        free(r);
    }
}

struct spool_position spool_reader_position(const struct spool_reader *r)
{
    return r->at;
}

static void finding(const struct spool_reader *r, uint64_t bytes, const char *text)
{
    struct spool_finding f = {r->at, bytes, text};
    if (r->o.on_finding) {
        r->o.on_finding(r->o.arg, &f);
    }
}

/* Numbers have no gaps but where segments were deleted, so nearly always one name tells. */
static bool next_is_there(struct spool_reader *r)
{
    for (int is_compressed = 0; is_compressed < 2; is_compressed++) {
        char name[SEGMENT_NAME_BYTES];
        segment_name(r->at.segment + 1, is_compressed, name);
        if (faccessat(r->dir, name, F_OK, 0) == 0) {
            return true;
        }
    }
    return false;
}

/* The first segment of this number or a later one; ERR_END when there is none. */
static enum err segment_from(struct spool_reader *r, uint64_t number, uint64_t *out,
                             struct errbuf *eb)
{
    struct segment_list l;
    enum err e = spool_folder_list(r->dir, &l, eb);
    if (e != OK) {
        return e;
    }
    e = ERR_END;
    for (size_t i = 0; i < l.count && e == ERR_END; i++) {
        if (l.files[i].number >= number) {
            *out = l.files[i].number;
            e = OK;
        }
    }
    segment_list_free(&l);
    return e;
}

static enum err segment_open(struct spool_reader *r, struct errbuf *eb)
{
    uint64_t number;
    enum err e = segment_from(r, r->at.segment, &number, eb);
    if (e == OK && r->o.until_segment && number > r->o.until_segment) {
        return ERR_END;
    }
    e = e == OK ? stream_open(r->dir, number, &r->stream, eb) : e;
    if (e == ERR_NOTFOUND) {
        return ERR_END; /* retention was faster: the next call looks again */
    }
    if (e == OK && number != r->at.segment) {
        if (r->at.segment && r->at.offset) {
            finding(r, 0, "the rest of this segment is missing");
        }
        r->at = (struct spool_position){number, 0};
    }
    return e;
}

/* The header, then on to the first record; ERR_END when it is not there yet. */
static enum err header_take(struct spool_reader *r, struct errbuf *eb)
{
    struct slice s;
    enum err e = stream_look(r->stream, 0, SEGMENT_HEADER_BYTES, &s, eb);
    if (e != OK) {
        return e;
    }
    r->has_header = segment_header_read(s, &r->header) && r->header.number == r->at.segment;
    if (r->has_header && r->at.offset < SEGMENT_HEADER_BYTES) {
        r->at.offset = SEGMENT_HEADER_BYTES;
    }
    return r->has_header ? OK : ERR_END;
}

/* To the next whole record after damage, or to the end of the segment. */
static enum err damage_pass(struct spool_reader *r, struct errbuf *eb)
{
    char mark[FRAME_MARK_BYTES];
    uint64_t offset = r->at.offset + 1, known = offset;
    bool is_found = false;
    frame_mark(r->header.seed, mark);
    for (;;) {
        struct slice s, payload;
        size_t bytes = 0;
        enum err e = stream_look(r->stream, offset, FRAME_HEAD_BYTES, &s, eb);
        if (e != OK) {
            return e;
        }
        known = offset + s.n;
        if (s.n < FRAME_HEAD_BYTES || r->searched > SEARCH_BYTES_MAX) {
            break;
        }
        size_t hit = slice_find(s, slice_of(mark, sizeof mark));
        r->searched += hit == SIZE_MAX ? s.n : hit;
        if (hit == SIZE_MAX) {
            offset += s.n - (sizeof mark - 1);
            continue;
        }
        offset += hit;
        enum frame_state state =
            frame_look(slice_sub(s, hit, SIZE_MAX), r->header.seed, offset, &payload, &bytes);
        if (state == FRAME_PARTLY) {
            e = stream_look(r->stream, offset, bytes, &s, eb);
            if (e != OK) {
                return e;
            }
            state = frame_look(s, r->header.seed, offset, &payload, &bytes);
        }
        r->searched += bytes;
        if (state == FRAME_WHOLE) {
            is_found = true;
            break;
        }
        offset++;
    }
    uint64_t end = is_found ? offset : known;
    finding(r, end > r->at.offset ? end - r->at.offset : 0,
            stream_is_broken(r->stream) ? "cannot be unpacked from here on"
            : is_found                  ? "damaged"
                                        : "torn at its end");
    r->at.offset = end;
    return is_found ? OK : ERR_END;
}

/* Is there nothing but prepared room from here on? Looks no further than there are zeros. */
static enum err rest_is_blank(struct spool_reader *r, bool *out, struct errbuf *eb)
{
    *out = false;
    for (size_t n = FRAME_HEAD_BYTES;; n *= 2) {
        struct slice s;
        enum err e = stream_look(r->stream, r->at.offset, n, &s, eb);
        if (e != OK || s.n > SEGMENT_PREPARED_BYTES || !segment_is_blank(s)) {
            return e;
        }
        if (s.n < n) {
            *out = true;
            return OK;
        }
    }
}

/* At the end of what can be read: OK to look once more, ERR_END when nothing more is to be had now.
 */
static enum err segment_end(struct spool_reader *r, bool is_clean, struct errbuf *eb)
{
    uint64_t number;
    if (!r->has_ended && !stream_is_compressed(r->stream)) {
        enum err e = ERR_END;
        if (next_is_there(r)) {
            e = OK;
        } else if (r->o.is_closed || r->quiet++ % LOOKS_A_LISTING == 0) {
            e = segment_from(r, r->at.segment + 1, &number, eb);
        }
        if (e == ERR_END && !r->o.is_closed) {
            stream_refresh(r->stream, r->at.offset);
            return ERR_END;
        }
        if (e != OK && e != ERR_END) {
            return e;
        }
        r->has_ended = true;
        stream_refresh(r->stream, r->at.offset);
        return OK;
    }
    if (r->has_header && !is_clean) {
        enum err e = rest_is_blank(r, &is_clean, eb);
        if (e != OK) {
            return e;
        }
    }
    if (!r->has_header) {
        finding(r, 0, "has no valid header");
    } else if (!is_clean) {
        enum err e = damage_pass(r, eb);
        if (e != ERR_END) {
            return e;
        }
    } else if (stream_is_broken(r->stream)) {
        finding(r, 0, "cannot be unpacked from here on");
    }
    r->at = (struct spool_position){r->at.segment + 1, 0};
    segment_leave(r);
    return OK;
}

static enum err frame_take(struct spool_reader *r, struct spool_item *out, bool *is_clean,
                           struct errbuf *eb)
{
    struct slice s, payload;
    size_t bytes = 0;
    enum err e = stream_look(r->stream, r->at.offset, FRAME_HEAD_BYTES, &s, eb);
    if (e != OK) {
        return e;
    }
    enum frame_state state = frame_look(s, r->header.seed, r->at.offset, &payload, &bytes);
    if (state == FRAME_PARTLY && s.n >= FRAME_HEAD_BYTES) {
        e = stream_look(r->stream, r->at.offset, bytes, &s, eb);
        if (e != OK) {
            return e;
        }
        state = frame_look(s, r->header.seed, r->at.offset, &payload, &bytes);
    }
    *is_clean = s.n == 0;
    if (state != FRAME_WHOLE) {
        return ERR_END;
    }
    out->at = r->at;
    r->at.offset += bytes;
    out->next = r->at;
    out->payload = payload;
    return OK;
}

enum err spool_reader_next(struct spool_reader *r, struct spool_item *out, struct errbuf *eb)
{
    for (;;) {
        bool is_clean = true;
        enum err e = r->stream ? OK : segment_open(r, eb);
        if (e != OK) {
            return e;
        }
        e = r->has_header ? OK : header_take(r, eb);
        e = e == OK ? frame_take(r, out, &is_clean, eb) : e;
        if (e != ERR_END) {
            return e;
        }
        e = segment_end(r, is_clean, eb);
        if (e != OK) {
            return e;
        }
    }
}
