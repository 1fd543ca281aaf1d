/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/tally.h"

#include <endian.h>

enum { TALLY_VERSION = 1, ENTRY_BYTES_MAX = 5 * VARINT_BYTES_MAX };

void tally_read(struct tally_reader *r, struct slice packed)
{
    *r = (struct tally_reader){.p = (const uint8_t *)packed.p};
    if (packed.n == 0) {
        return;
    }
    r->end = r->p + packed.n;
    r->is_bad = *r->p++ != TALLY_VERSION || !varint_get(&r->p, r->end, &r->left);
    if (r->is_bad) {
        r->left = 0;
    }
}

static uint8_t *entry_put(uint8_t *p, const struct tally_entry *e, const struct tally_entry *last)
{
    uint64_t extra = e->recipients - e->messages;
    p += varint_put(p, e->key - last->key);
    p += varint_put(p, e->key == last->key ? e->tag - last->tag : e->tag);
    p += varint_put(p, e->messages << 1 | (extra != 0));
    if (extra != 0) {
        p += varint_put(p, extra << 1 ^ (0 - (extra >> 63)));
    }
    return p + varint_put(p, e->bytes);
}

static int entry_cmp(const struct tally_entry *a, const struct tally_entry *b)
{
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return (a->tag > b->tag) - (a->tag < b->tag);
}

static struct tally_entry entry_sum(const struct tally_entry *a, const struct tally_entry *b)
{
    struct tally_entry sum = *a;
    sum.messages += b->messages;
    sum.recipients += b->recipients;
    sum.bytes += b->bytes;
    return sum;
}

/* What is being written. */
struct writer {
    struct strbuf *out;
    size_t start;
    uint8_t *base, *p, *limit;
};

static bool writer_begin(struct writer *w, struct strbuf *out, size_t bytes)
{
    *w = (struct writer){.out = out, .start = out->n};
    if (!strbuf_reserve(out, 1 + VARINT_BYTES_MAX + bytes)) {
        return false;
    }
    w->base = (uint8_t *)out->p + w->start;
    w->p = w->base + 1 + VARINT_BYTES_MAX;
    w->limit = w->base + (out->capacity - w->start);
    return true;
}

/* Room for so many bytes and an entry: sums may need a few bytes more than their parts. */
static bool writer_room(struct writer *w, size_t bytes)
{
    size_t used = (size_t)(w->p - w->base);
    if ((size_t)(w->limit - w->p) > bytes + ENTRY_BYTES_MAX) {
        return true;
    }
    w->out->n = w->start + used;
    if (!strbuf_reserve(w->out, w->out->capacity / 2 + bytes + ENTRY_BYTES_MAX + 1)) {
        return false;
    }
    w->base = (uint8_t *)w->out->p + w->start;
    w->p = w->base + used;
    w->limit = w->base + (w->out->capacity - w->start);
    return true;
}

/* The number of entries stands before them and is known after them: room was left for the longest
 * varint and the entries move up against it at the end. */
static void writer_end(struct writer *w, size_t count)
{
    const uint8_t *body = w->base + 1 + VARINT_BYTES_MAX;
    w->base[0] = TALLY_VERSION;
    size_t head = 1 + varint_put(w->base + 1, count), used = (size_t)(w->p - body);
    memmove(w->base + head, body, used);
    w->out->n = w->start + head + used;
}

/* As tally_next(), but of the next entry only key and tag are read, where it is an ordinary one.
 * Others are read whole. */
static bool entry_pass(struct tally_reader *r, struct tally_entry *out)
{
    enum { SOME = 1, LONGEST = 2 * VARINT_BYTES_MAX + 1 + sizeof(uint64_t) };
    const uint8_t *p = r->p;
    uint64_t key, tag, ends;
    if (r->left == 0 || r->end - p < LONGEST || !varint_get(&p, r->end, &key) ||
        !varint_get(&p, r->end, &tag) || *p < 2 * SOME || *p >= 0x80) {
        return tally_next(r, out);
    }
    bool has_extra = *p++ & 1;
    memcpy(&ends, p, sizeof ends);
    ends = le64toh(ends);
    ends = ~ends & 0x8080808080808080;
    ends = has_extra ? ends & (ends - 1) : ends;
    if (ends == 0) {
        return tally_next(r, out);
    }
    r->p = p + (unsigned)__builtin_ctzll(ends) / 8 + 1;
    r->left--;
    r->tag = (uint32_t)tag + (key == 0 ? r->tag : 0);
    r->key += key;
    *out = (struct tally_entry){.key = r->key, .tag = r->tag, .messages = SOME};
    return true;
}

/* Takes entries from the reader: `have`, and those behind it that come before `next` (NULL: all).
 * `have` is then what follows, if *more, and *last the last one taken. Returns how many. */
static size_t run_take(struct tally_reader *r, struct tally_entry *have,
                       const struct tally_entry *next, struct tally_entry *last,
                       const uint8_t **end, bool *more)
{
    size_t n = 0;
    do {
        *last = *have;
        *end = r->p;
        n++;
        *more = entry_pass(r, have);
    } while (*more && have->messages != 0 && (!next || entry_cmp(have, next) < 0));
    if (*more) { /* what follows, whole */
        r->p = *end;
        r->left++;
        r->key = last->key;
        r->tag = last->tag;
        *more = tally_next(r, have);
    }
    return n;
}

/* An entry that stands behind the same one as before is the same bytes as before: such are copied,
 * and most are, for each batch adds a little to what is there. */
enum err tally_merge(struct slice packed, const struct tally_entry *add, size_t n,
                     struct strbuf *out)
{
    struct tally_reader r;
    struct tally_entry have, last = {0};
    struct writer w;
    size_t count = 0, i = 0;
    tally_read(&r, packed);
    if (!writer_begin(&w, out, packed.n + (r.left < packed.n ? r.left : 0) + n * ENTRY_BYTES_MAX)) {
        return ERR_NOMEM;
    }
    const uint8_t *from = r.p; /* the bytes of `have` begin here */
    bool more = tally_next(&r, &have), is_behind_last = true;
    while (more || i < n) {
        int order = !more ? 1 : i == n ? -1 : entry_cmp(&have, &add[i]);
        if (order < 0 && is_behind_last && have.messages != 0) {
            const uint8_t *end;
            count += run_take(&r, &have, i < n ? &add[i] : NULL, &last, &end, &more);
            if (!writer_room(&w, (size_t)(end - from))) {
                return ERR_NOMEM;
            }
            memcpy(w.p, from, (size_t)(end - from));
            w.p += end - from;
            from = end;
            continue;
        }
        struct tally_entry e = order < 0 ? have : order > 0 ? add[i] : entry_sum(&have, &add[i]);
        if (order <= 0) {
            from = r.p;
            more = tally_next(&r, &have);
            is_behind_last = e.messages != 0;
        }
        i += order >= 0;
        if (e.messages == 0) {
            continue; /* all of it was taken away */
        }
        if (!writer_room(&w, 0)) {
            return ERR_NOMEM;
        }
        w.p = entry_put(w.p, &e, &last);
        is_behind_last = order <= 0;
        last = e;
        count++;
    }
    writer_end(&w, count);
    return r.is_bad ? ERR_STORE : OK;
}
