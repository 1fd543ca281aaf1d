/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/source_reader.h"

#include <stdlib.h>

void reader_start(struct reader *r, reader_fn read, void *arg)
{
    reader_shrink(r);
    r->at = r->end = 0;
    r->is_eof = r->is_failed = false;
    r->bytes = 0;
    r->read = read;
    r->arg = arg;
}

static void reader_fail(struct reader *r, bool is_nomem)
{
    r->is_failed = true;
    r->is_nomem = r->is_nomem || is_nomem;
}

/* Room behind `end`: by moving when at least half is consumed (so that bytes are moved once on
 * average), else by growing. False when full or out of memory. */
static bool reader_room(struct reader *r)
{
    if (r->end < r->capacity) {
        return true;
    }
    if (r->capacity > 0 && (r->at >= r->capacity / 2 || r->capacity >= READER_BYTES_MAX)) {
        if (r->at == 0) {
            return false;
        }
        memmove(r->buf, r->buf + r->at, r->end - r->at);
        r->end -= r->at;
        r->at = 0;
        return true;
    }
    size_t capacity = r->capacity == 0 ? READER_BYTES_FIRST : 2 * r->capacity;
    if (capacity < READER_BYTES_BASE && r->capacity != 0) {
        capacity = READER_BYTES_BASE;
    }
    if (capacity > READER_BYTES_MAX) {
        capacity = READER_BYTES_MAX;
    }
    char *buf = realloc(r->buf, capacity);
    if (!buf) {
        reader_fail(r, true);
        return false;
    }
    r->buf = buf;
    r->capacity = capacity;
    return true;
}

bool reader_more(struct reader *r)
{
    if (reader_is_done(r) || !reader_room(r)) {
        return false;
    }
    long got = r->read(r->arg, r->buf + r->end, r->capacity - r->end);
    if (got < 0) {
        reader_fail(r, false);
        return false;
    }
    if (got == 0) {
        r->is_eof = true;
        return false;
    }
    r->end += (size_t)got;
    r->bytes += (uint64_t)got;
    return true;
}

bool reader_want(struct reader *r, size_t n)
{
    while (r->end - r->at < n) {
        if (!reader_more(r)) {
            return false;
        }
    }
    return true;
}

void reader_shrink(struct reader *r)
{
    size_t n = r->end - r->at;
    if (r->capacity <= READER_BYTES_BASE || n > READER_BYTES_BASE / 2) {
        return;
    }
    memmove(r->buf, r->buf + r->at, n);
    r->at = 0;
    r->end = n;
    char *buf = realloc(r->buf, READER_BYTES_BASE);
    if (buf) {
        r->buf = buf;
        r->capacity = READER_BYTES_BASE;
    }
}

void reader_free(struct reader *r)
{
    free(r->buf);
    *r = (struct reader){0};
}
