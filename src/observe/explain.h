/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What fell (METHODS B7): the change of volume between two periods, split by botnet, program,
 * country and trap, with intervals; which of these dimensions changed on its own; hosts against
 * what each sends; what is only a change of mix. No split is given when the change itself is not
 * certain. Whether a fall is real is not said here: that takes evidence of other kinds. Plain data,
 * arena. */
#ifndef OBSERVE_EXPLAIN_H
#define OBSERVE_EXPLAIN_H

#include "core/arena.h"
#include "stat/decompose.h"
#include "store/store.h"

enum explain_dimension {
    EXPLAIN_BOTNET,
    EXPLAIN_PROGRAM,
    EXPLAIN_COUNTRY,
    EXPLAIN_TRAP,
    EXPLAIN_DIMENSIONS
};
const char *explain_dimension_name(enum explain_dimension d); /* "botnet" */

enum {
    EXPLAIN_VALUES = 15,        /* of a dimension with a row of their own; the rest is "other" */
    EXPLAIN_DAYS_MAX = 1000,    /* of one window */
    EXPLAIN_DRAWS = 999,        /* of the bootstrap */
    EXPLAIN_FACTOR_DRAWS = 199, /* of the factors' intervals: each is a fit */
    EXPLAIN_FACTORS = EXPLAIN_DIMENSIONS + 1 /* the last: the common level */
};

struct explain_query {
    struct store_filter filter;         /* the window after; trap and site hold for both */
    int64_t before_since, before_until; /* both INT64_MIN: as long a window right before */
};

/* low and high: 95 %, NAN when there is none. */
struct estimate {
    double value, low, high;
};

/* One value of a dimension. Levels are messages a day. */
struct explain_part {
    struct slice name;
    double before, after;
    struct estimate change;           /* after - before */
    struct estimate ratio;            /* after / before; NAN when before is 0 */
    struct estimate part;             /* of the change of the total; NAN when that is not certain */
    double share_before, share_after; /* of the total */
    struct estimate share_change;     /* of the share */
    bool is_share_only;  /* its share rose for certain, its level did not: others fell */
    struct kitagawa mix; /* of its share, over trap x country; botnets and programs */
    bool is_mix; /* the share's change crude and standardised differ in sign or by more than half */
    double hosts_before, hosts_after; /* distinct a day; NAN: not counted */
    double by_hosts, by_rate;         /* LMDI: messages a day; NAN: not known */
};

struct explain_table {
    const struct explain_part *parts; /* by what they add to the change, greatest first */
    size_t count;
};

struct explain {
    int64_t before_since, before_until, since, until; /* whole days */
    struct slice trap, site;
    size_t traps, sites;   /* compared: watching in both windows */
    size_t traps_left_out; /* had mail in a window but did not watch long enough in both */
    uint64_t messages_before, messages_after;       /* that were compared */
    struct explain_part total;                      /* name empty, part 1 */
    bool has_interval;                              /* both windows are long enough for one */
    bool is_certain;                                /* the interval of the change does not hold 0 */
    size_t blocks_before, blocks_after, block_days; /* of days that are drawn together */
    struct explain_table tables[EXPLAIN_DIMENSIONS];
    bool has_factors; /* one can be told from the other: not when what was in one window only makes
                         a multiplier run to nothing or without bound */
    struct estimate shapley[EXPLAIN_FACTORS], lmdi[EXPLAIN_FACTORS]; /* messages a day; NAN without
                                                                        has_factors */
    double level;                                                    /* the common multiplier */
    double misfit; /* of the main effects: stat/main_effects.h */
};

/* ERR_USAGE for windows that are empty or overlap, ERR_LIMIT for too long ones, ERR_NOTFOUND when
 * no trap watched in both. */
enum err explain_build(struct store *s, const struct explain_query *q, struct arena *arena,
                       struct explain *out, struct errbuf *eb) MUST_USE;

#endif
