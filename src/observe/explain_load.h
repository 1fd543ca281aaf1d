/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two windows of a store as cells that can be drawn again (bootstrap): only for explain.c. Levels
 * are messages a day: what a trap got over the days that it watched. */
#ifndef OBSERVE_EXPLAIN_LOAD_H
#define OBSERVE_EXPLAIN_LOAD_H

#include "core/strmap.h"
#include "observe/explain.h"

enum { SIDE_BEFORE, SIDE_AFTER, SIDES };
enum { EXPLAIN_ROWS = EXPLAIN_VALUES + 2 }; /* "unknown", then "other" behind the values */

struct cell_entry {
    uint32_t cell;
    uint16_t trap, block;
    float messages;
};

struct explain_trap {
    bool is_compared;
    uint32_t site;        /* 0 <= site < sites, of those compared */
    double *up;           /* by block: days watched */
    double factor[SIDES]; /* from messages to a level, in the draw at hand */
};

struct explain_value {
    struct slice name;
    double messages;
};

struct explain_data {
    struct arena *arena;
    struct explain *x;
    struct explain_trap *traps;
    size_t trap_count;
    struct explain_value values[EXPLAIN_DIMENSIONS]
                               [EXPLAIN_VALUES + 2]; /* "unknown", "other" too */
    struct cell_entry *entries;                      /* heap */
    size_t entry_count;
    uint16_t *cell_value; /* cells * EXPLAIN_DIMENSIONS; arena */
    size_t cells;
    double *level[SIDES]; /* by cell, of the draw at hand; arena */
    float *margins; /* messages by trap, block, dimension and value: what most draws need; arena */
    bool *watched[SIDES]; /* by day of the window: most of the traps that are compared; arena */
};

/* Reads both windows; x->traps, sites, blocks are filled in. */
enum err explain_load(struct store *s, const struct explain_query *q, struct explain_data *d,
                      struct errbuf *eb) MUST_USE;
void explain_data_free(struct explain_data *d);

/* Levels by dimension and value. */
struct explain_sums {
    double total[SIDES];
    double value[EXPLAIN_DIMENSIONS][EXPLAIN_ROWS][SIDES];
};

/* For weights of blocks (by block) and of sites: by value, and by cell (into d->level). */
void explain_sums(struct explain_data *d, const double *blocks, const double *sites,
                  struct explain_sums *out);
void explain_levels(struct explain_data *d, const double *blocks, const double *sites);

#endif
