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
#include "core/strbuf.h"

struct tally_entry {
    uint64_t key;
    uint32_t tag;
    uint64_t messages, recipients, bytes;
};

/* LEB128, as in all packed columns of the store. */
enum { VARINT_BYTES_MAX = 10 };
size_t varint_put(uint8_t *out, uint64_t v);
void varint_add(struct strbuf *b, uint64_t v);
/* Cuts one off the front of *s; false when it is cut short or too long. */
bool varint_cut(struct slice *s, uint64_t *v);

struct tally_reader {
    const uint8_t *p, *end;
    uint64_t left;
    struct tally_entry last;
    bool is_bad;
};

/* Borrows `packed`; an empty slice is an empty tally. */
void tally_read(struct tally_reader *r, struct slice packed);
/* The next entry; false at the end, or with r->is_bad when the bytes are damaged. */
bool tally_next(struct tally_reader *r, struct tally_entry *out);

/* Appends to `out` the merge of `packed` and `n` entries sorted by (key, tag), each (key, tag) at
 * most once. ERR_STORE when `packed` is damaged, ERR_NOMEM. */
enum err tally_merge(struct slice packed, const struct tally_entry *add, size_t n,
                     struct strbuf *out) MUST_USE;

#endif
