/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tally: counts by (key, tag) in ascending order, packed to about 7 bytes an entry. It is what
 * the store keeps where a table row for each value would cost more than the message itself: hosts,
 * ASNs, domains, and the hourly joint counts. As a set of keys it is exact and mergeable.
 *
 * Format: byte 1 (version), varint number of entries, then for each entry varints: key minus the
 * last key (0: same key, then tag minus the last tag, else the whole tag), messages * 2 + (have
 * recipients), [recipients minus messages, zigzag], bytes. What is read may be damaged: a bad
 * tally is an error of the reader, never a crash. */
#ifndef STORE_TALLY_H
#define STORE_TALLY_H

#include "core/err.h"
#include "core/varint.h"

struct tally_entry {
    uint64_t key;
    uint32_t tag;
    uint64_t messages, recipients, bytes;
};

struct tally_reader {
    const uint8_t *p, *end;
    uint64_t left;
    uint64_t key; /* of the last entry */
    uint32_t tag;
    bool is_bad;
};

/* Borrows `packed`; an empty slice is an empty tally. */
void tally_read(struct tally_reader *r, struct slice packed);
/* The next entry; false at the end, or with r->is_bad when the bytes are damaged. */
static inline bool tally_next(struct tally_reader *r, struct tally_entry *out)
{
    uint64_t key, tag, messages, extra = 0, bytes;
    const uint8_t *p = r->p;
    if (r->left == 0) {
        r->is_bad |= p != r->end;
        return false;
    }
    if (!varint_get(&p, r->end, &key) || !varint_get(&p, r->end, &tag) ||
        !varint_get(&p, r->end, &messages) || ((messages & 1) && !varint_get(&p, r->end, &extra)) ||
        !varint_get(&p, r->end, &bytes)) {
        r->is_bad = true;
        r->left = 0;
        return false;
    }
    r->p = p;
    r->left--;
    r->tag = (uint32_t)tag + (key == 0 ? r->tag : 0);
    r->key += key;
    messages >>= 1;
    *out = (struct tally_entry){r->key, r->tag, messages,
                                messages + ((extra >> 1) ^ (0 - (extra & 1))), bytes};
    return true;
}

/* Appends to `out` the merge of `packed` and `n` entries sorted by (key, tag), each (key, tag) at
 * most once. Sums wrap around, so entries can take away; what has no messages left is dropped.
 * ERR_STORE when `packed` is damaged, ERR_NOMEM. */
enum err tally_merge(struct slice packed, const struct tally_entry *add, size_t n,
                     struct strbuf *out) MUST_USE;

#endif
