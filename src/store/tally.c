/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/tally.h"

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

/* The number of entries stands before them and is known after them: room is left for the longest
 * varint and the entries move up against it at the end. */
enum err tally_merge(struct slice packed, const struct tally_entry *add, size_t n,
                     struct strbuf *out)
{
    struct tally_reader r;
    struct tally_entry have, last = {0};
    size_t start = out->n, count = 0, i = 0;
    tally_read(&r, packed);
    if (!strbuf_reserve(out, 1 + VARINT_BYTES_MAX + packed.n + (r.left < packed.n ? r.left : 0) +
                                 n * ENTRY_BYTES_MAX)) {
        return ERR_NOMEM;
    }
    uint8_t *base = (uint8_t *)out->p + start, *body = base + 1 + VARINT_BYTES_MAX, *p = body;
    uint8_t *limit = base + (out->capacity - start);
    bool more = tally_next(&r, &have);
    while (more || i < n) {
        int order = !more ? 1 : i == n ? -1 : entry_cmp(&have, &add[i]);
        struct tally_entry e = order < 0 ? have : order > 0 ? add[i] : entry_sum(&have, &add[i]);
        more = order <= 0 ? tally_next(&r, &have) : more;
        i += order >= 0;
        if (e.messages == 0) {
            continue; /* all of it was taken away */
        }
        if (limit - p <= ENTRY_BYTES_MAX) {
            /* Sums may need a few bytes more than their parts. */
            size_t used = (size_t)(p - base);
            out->n = start + used;
            if (!strbuf_reserve(out, out->capacity / 2 + ENTRY_BYTES_MAX + 1)) {
                return ERR_NOMEM;
            }
            base = (uint8_t *)out->p + start;
            body = base + 1 + VARINT_BYTES_MAX;
            p = base + used;
            limit = base + (out->capacity - start);
        }
        p = entry_put(p, &e, &last);
        last = e;
        count++;
    }
    base[0] = TALLY_VERSION;
    size_t head = 1 + varint_put(base + 1, count), used = (size_t)(p - body);
    memmove(base + head, body, used);
    out->n = start + head + used;
    return r.is_bad ? ERR_STORE : OK;
}
