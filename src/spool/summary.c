/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spool/summary.h"

#include "core/limits.h"
#include "spool/codec.h"
#include "spool/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void damage_count(void *arg, const struct spool_finding *f)
{
    struct segment_summary *s = arg;
    s->damaged_bytes += f->bytes;
}

static void record_count(struct segment_summary *s, struct slice payload, struct arena *arena)
{
    struct decoded_record record;
    arena_reset(arena);
    s->records++;
    if (record_decode(payload, arena, &record) != OK) {
        return;
    }
    bool is_message = record.kind == RECORD_MESSAGE;
    int64_t at = is_message ? record.message.accepted_us : record.session.ended_us;
    s->messages += is_message;
    s->first_us = !s->first_us || at < s->first_us ? at : s->first_us;
    s->last_us = at > s->last_us ? at : s->last_us;
}

enum err segment_summarise(int dir, uint64_t number, struct segment_summary *out, struct errbuf *eb)
{
    struct segment_summary s = {.bytes = SEGMENT_HEADER_BYTES};
    struct spool_reader_options o = {
        .from = {number, 0},
        .until_segment = number,
        .is_closed = true,
        .on_finding = damage_count,
        .arg = &s,
    };
    struct spool_reader *r = NULL;
    struct spool_item item;
    struct arena *arena = arena_new(LIMIT_RECORD_BYTES);
    enum err e = arena ? spool_reader_open_at(dir, &o, &r, eb) : ERR_NOMEM;
    while (e == OK && (e = spool_reader_next(r, &item, eb)) == OK) {
        record_count(&s, item.payload, arena);
        s.bytes = item.next.offset;
    }
    spool_reader_close(r);
    arena_free(arena);
    if (e == ERR_END) {
        *out = s;
    }
    return e == ERR_END ? OK : e;
}

enum err segment_summary_get(int dir, uint64_t number, bool is_compressed,
                             struct segment_summary *out, struct errbuf *eb)
{
    char name[SEGMENT_NAME_BYTES], head[SEGMENT_SUMMARY_BYTES];
    if (is_compressed) {
        segment_name(number, true, name);
        int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);
        if (fd >= 0) {
            close(fd);
        }
        if (n > 0 && segment_summary_read(slice_of(head, (size_t)n), out)) {
            return OK;
        }
    }
    return segment_summarise(dir, number, out, eb);
}
