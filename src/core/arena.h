/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory for one message or session: many small allocations, one reset. Chunks are kept over a
 * reset, so a steady stream of messages allocates nothing. Not thread-safe; one per thread. */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include "core/err.h"
#include "core/slice.h"

struct arena;

/* At most `bytes_max` in all; past that allocations return NULL. NULL when out of memory. */
struct arena *arena_new(size_t bytes_max) MUST_USE;

/* 16-byte aligned, not cleared. NULL past the limit or out of memory: callers must look. */
void *arena_alloc(struct arena *a, size_t n) MUST_USE;

/* The same, cleared; for `count` items of `size` bytes (overflow gives NULL). */
void *arena_calloc(struct arena *a, size_t count, size_t size) MUST_USE;

/* Makes the arena's last allocation `n` bytes long (shrink or grow in place); NULL if `p` is not
 * the last one or there is no room, and then nothing has changed. */
void *arena_resize_last(struct arena *a, void *p, size_t n) MUST_USE;

/* A copy of the bytes (no NUL). A slice with p == NULL and n == 0 when there is no room. */
struct slice arena_copy(struct arena *a, struct slice s) MUST_USE;

/* Bytes in use since the last reset. */
size_t arena_used(const struct arena *a);

/* Forgets all allocations. Keeps up to 1 MiB of chunks for the next message, frees the rest. */
void arena_reset(struct arena *a);

/* Forgets all allocations and keeps nothing: for an arena that will not be used for a while. */
void arena_release(struct arena *a);

/* NULL is fine. */
void arena_free(struct arena *a);

#endif
