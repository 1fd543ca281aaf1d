/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/sort.h"

#include <string.h>

enum { FIELD_C, FIELD_B, FIELD_A };
enum { FEW = 24 }; /* items that are sorted by insertion */

static inline uint64_t field_of(const struct sort_item *i, int field)
{
    return field == FIELD_A ? i->a : field == FIELD_B ? i->b : i->c;
}

/* `field` and `shift` are the same over the loop, so the compiler takes the choice out of it. */
static void byte_pass(const struct sort_item *from, struct sort_item *to, size_t n, int field,
                      unsigned shift)
{
    size_t at[256] = {0};
    for (size_t i = 0; i < n; i++) {
        at[field_of(&from[i], field) >> shift & 0xff]++;
    }
    size_t sum = 0;
    for (size_t i = 0; i < 256; i++) {
        size_t count = at[i];
        at[i] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++) {
        to[at[field_of(&from[i], field) >> shift & 0xff]++] = from[i];
    }
}

/* Few items: counting 256 buckets a byte would cost more than this. */
static void insertion(struct sort_item *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct sort_item x = items[i];
        size_t j = i;
        while (j > 0 &&
               (items[j - 1].a > x.a ||
                (items[j - 1].a == x.a &&
                 (items[j - 1].b > x.b || (items[j - 1].b == x.b && items[j - 1].c > x.c))))) {
            items[j] = items[j - 1];
            j--;
        }
        items[j] = x;
    }
}

struct sort_item *sort_items(struct sort_item *items, struct sort_item *scratch, size_t n)
{
    uint64_t differ[3] = {0};
    if (n <= FEW) {
        insertion(items, n);
        return items;
    }
    for (size_t i = 1; i < n; i++) {
        differ[FIELD_A] |= items[i].a ^ items[0].a;
        differ[FIELD_B] |= items[i].b ^ items[0].b;
        differ[FIELD_C] |= items[i].c ^ items[0].c;
    }
    for (int field = FIELD_C; field <= FIELD_A; field++) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            if (differ[field] >> shift & 0xff) {
                byte_pass(items, scratch, n, field, shift);
                struct sort_item *t = items;
                items = scratch;
                scratch = t;
            }
        }
    }
    return items;
}

static void upper_insertion(uint64_t *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t x = items[i];
        size_t j = i;
        for (; j > 0 && items[j - 1] >> 32 > x >> 32; j--) {
            items[j] = items[j - 1];
        }
        items[j] = x;
    }
}

uint64_t *sort_upper(uint64_t *items, uint64_t *scratch, size_t n)
{
    uint64_t differ = 0;
    if (n <= FEW) {
        upper_insertion(items, n);
        return items;
    }
    for (size_t i = 1; i < n; i++) {
        differ |= items[i] ^ items[0];
    }
    for (unsigned shift = 32; shift < 64; shift += 8) {
        size_t at[256] = {0}, sum = 0;
        if ((differ >> shift & 0xff) == 0) {
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            at[items[i] >> shift & 0xff]++;
        }
        for (size_t i = 0; i < 256; i++) {
            size_t count = at[i];
            at[i] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++) {
            scratch[at[items[i] >> shift & 0xff]++] = items[i];
        }
        uint64_t *t = items;
        items = scratch;
        scratch = t;
    }
    return items;
}
