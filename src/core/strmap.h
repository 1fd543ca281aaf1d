/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A map from byte strings to 64-bit values: dictionaries, de-duplication, name look-up. Open
 * addressing; keys are copied. Not thread-safe. */
#ifndef CORE_STRMAP_H
#define CORE_STRMAP_H

#include "core/err.h"
#include "core/slice.h"

struct strmap;

struct strmap *strmap_new(void) MUST_USE;
void strmap_free(struct strmap *m);

/* The value's place, or NULL. Valid until the next strmap_put. */
uint64_t *strmap_get(const struct strmap *m, struct slice key);

/* The value's place, made with value 0 if it was not there (*is_new says which; may be NULL).
 * NULL when out of memory. Valid until the next strmap_put. */
uint64_t *strmap_put(struct strmap *m, struct slice key, bool *is_new) MUST_USE;

size_t strmap_count(const struct strmap *m);
/* Bytes that the entries take, for bounded caches: 0 after strmap_clear, though memory is kept. */
size_t strmap_bytes(const struct strmap *m);
/* Forgets all entries, keeps the memory of the table. */
void strmap_clear(struct strmap *m);

/* Entries in order of insertion: 0 .. strmap_count - 1. */
struct slice strmap_key_at(const struct strmap *m, size_t i);
uint64_t *strmap_value_at(const struct strmap *m, size_t i);

#endif
