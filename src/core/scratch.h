/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Large arrays that one step of work needs for a while, beside much that stays. Their memory goes
 * back to the system at once; what free() gets back is a hole in the heap, which what stays then
 * grows into, so that the next step needs new memory again. Also for tables of many MiB that stay
 * and are touched at random. */
#ifndef CORE_SCRATCH_H
#define CORE_SCRATCH_H

#include "core/err.h"

#include <stddef.h>

/* All zeros; also of 0 items. NULL: out of memory. scratch_free() it. */
void *scratch_new(size_t count, size_t size) MUST_USE;
/* `p` (NULL: none yet) with room for `count` items; what is new is zeros. NULL: out of memory, `p`
 * stays as it was. */
void *scratch_grow(void *p, size_t count, size_t size) MUST_USE;
void scratch_free(void *p);

#endif
