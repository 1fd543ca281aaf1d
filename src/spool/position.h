/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A place in a spool: the offset in a segment as it was written (not as it is compressed).
 * Positions are ordered; that of a record never changes. */
#ifndef SPOOL_POSITION_H
#define SPOOL_POSITION_H

#include <stdbool.h>
#include <stdint.h>

struct spool_position {
    uint64_t segment; /* from 1; 0: before everything */
    uint64_t offset;
};

static inline bool spool_position_before(struct spool_position a, struct spool_position b)
{
    return a.segment < b.segment || (a.segment == b.segment && a.offset < b.offset);
}

#endif
