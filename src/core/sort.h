/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stable radix sort over the bytes that differ: linear, and for the few bits that day numbers,
 * host numbers and ids differ in, several times faster than comparing. */
#ifndef CORE_SORT_H
#define CORE_SORT_H

#include <stddef.h>
#include <stdint.h>

struct sort_item {
    uint64_t a, b; /* order: a, then b, then c */
    uint32_t c;
    uint32_t index; /* the caller's */
};

/* `scratch` has room for n items too. The sorted items are in what is returned: one of the two. */
struct sort_item *sort_items(struct sort_item *items, struct sort_item *scratch, size_t n);

/* The same for numbers of which the upper 32 bits are the order, the lower the caller's. */
uint64_t *sort_upper(uint64_t *items, uint64_t *scratch, size_t n);

#endif
