/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When each trap was watching (METHODS B5): what the index takes as exposure and a chart shows as
 * missing. A bucket in which a trap was down says nothing about spam; it is never a zero. Plain
 * data, arena. */
#ifndef OBSERVE_TRAP_STATE_H
#define OBSERVE_TRAP_STATE_H

#include "core/arena.h"
#include "store/store.h"

enum trap_state {
    TRAP_UNBORN,   /* before it began */
    TRAP_UP,       /* watching */
    TRAP_DEGRADED, /* it lost a part of what came */
    TRAP_DOWN,     /* not watching: missing */
    TRAP_DEAD,     /* after its end */
    TRAP_STATE_COUNT
};
const char *trap_state_name(enum trap_state s); /* "unborn", "up", "degraded", "down", "dead" */

struct trap_query {
    struct store_filter filter; /* open ends: first and last bucket of the store. Others are widened
                                   to whole buckets. Trap and site: see trap_watch.is_asked */
    enum bucket bucket;         /* BUCKET_HOUR, BUCKET_DAY or BUCKET_MONTH */
};

enum trap_gap_verdict {
    GAP_OUTAGE,    /* the trap did not watch */
    GAP_PARTIAL,   /* it lost a part */
    GAP_DROP,      /* it watched, and the mail fell everywhere */
    GAP_UNDECIDED, /* silent, but too few labels and no other trap to tell the two apart */
    GAP_VERDICT_COUNT
};
const char *trap_gap_verdict_name(enum trap_gap_verdict v); /* "outage", "partial", ... */

/* Where it is known from, strongest first: of one moment the first that says something holds. */
enum trap_gap_source {
    GAP_PERSON,      /* trap_coverage */
    GAP_SERVER,      /* trap_coverage, and what is between the last sign of life and a start */
    GAP_FEED,        /* trap_coverage */
    GAP_CONNECTIONS, /* trap_hour: connections came, nothing or less than usual was accepted */
    GAP_SILENCE,     /* found in the counts */
    GAP_SOURCE_COUNT
};
const char *trap_gap_source_name(enum trap_gap_source s); /* "person", ..., "silence" */

/* A time in which a trap did not see all there was, or seemed so, with the evidence. */
struct trap_gap {
    size_t trap;
    int64_t since, until; /* INT64_MAX: no end yet */
    enum trap_gap_verdict verdict;
    enum trap_gap_source source;
    double part;       /* what it still saw, 0 to 1; NAN: not known */
    struct slice note; /* of coverage */
    /* GAP_SILENCE: what the trap's rhythm promised for this time (and what of that the other traps
     * bear out), what came, and log10 of the probability of so little. */
    double expected, expected_elsewhere, log10_p;
    uint64_t observed;
    double others;           /* what the other traps saw of what they usually see; NAN: none */
    size_t others_count;     /* traps that are in it */
    size_t labels, silent;   /* botnet labels (with "unknown") usual here; of them silent now */
    size_t silent_only_here; /* of those, the ones that went on at other traps */
    bool has_flush;          /* a backlog came in at the end; it is part of the gap */
    uint64_t connections, accepted, refused; /* GAP_CONNECTIONS */
};

/* Thresholds of detection. */
enum {
    GAP_LOG10_P = -6,          /* a silence is one when the chance of it is below 1e-6 */
    GAP_PARTIAL_DAYS_MAX = 14, /* what is low for longer is a level, not a fault */
    GAP_HOURLY_DAYS_MAX = 120, /* longer periods are searched by the day */
};

/* Traps x buckets. Cell of trap t (its place in store_traps(), as in struct panel_row) and bucket
 * i: t * count + i. All traps of the store are in it, whatever the filter, because an outage is
 * told from a drop by what the other traps saw. */
struct trap_watch {
    enum bucket bucket;
    int64_t first; /* start of bucket 0 */
    size_t count;
    const struct trap_info *traps;
    size_t trap_count;
    const bool *is_asked; /* by trap: the filter's trap and site hold */
    const float *up;      /* 0..1: the part of the bucket's mail that the trap could see; log(up)
                             is an offset of a count model. 0 unless TRAP_UP or TRAP_DEGRADED */
    const int64_t *born, *dead; /* by trap: it lives in [born, dead); INT64_MAX: not yet */
    const uint8_t *states; /* enum trap_state. Of the part of the bucket in which it lived: down
                              when it saw less than 5 % of it, degraded when less than 95 % */
    const struct trap_gap *gaps; /* that touch the period, by trap and time; also drops */
    size_t gap_count;
};

/* Start of bucket i, 0 <= i <= count (the end of the last one). Months are not of one length. */
int64_t trap_watch_time(const struct trap_watch *w, size_t i);
static inline enum trap_state trap_watch_state(const struct trap_watch *w, size_t trap, size_t i)
{
    return (enum trap_state)w->states[trap * w->count + i];
}
static inline double trap_watch_up(const struct trap_watch *w, size_t trap, size_t i)
{
    return (double)w->up[trap * w->count + i];
}

/* A trap over the period. */
struct trap_summary {
    enum trap_state state;     /* in the last bucket */
    double coverage;           /* part of the time it lived in which it watched; NAN: never lived */
    size_t outages, undecided; /* gaps: outages and partial ones; silences nobody can judge */
    int64_t down_seconds;      /* of outages, within the period */
};
struct trap_summary trap_summarise(const struct trap_watch *w, size_t trap);

/* Reads coverage, connections and counts, and searches the counts where nobody says how the trap
 * watched. A trap lives from its first message (or what a person or its server says) to its
 * retirement, or to its last message when the silence since is significant and no other trap shows
 * that its mail stopped everywhere.
 * ERR_USAGE for an empty period or another bucket, ERR_LIMIT for one of too many buckets,
 * ERR_NOTFOUND when the store has no message with a receipt time and an end is open. */
enum err trap_watch_load(struct store *s, const struct trap_query *q, struct arena *arena,
                         struct trap_watch *out, struct errbuf *eb) MUST_USE;

#endif
