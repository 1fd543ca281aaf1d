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

/* Traps x buckets. Cell of trap t (its place in store_traps(), as in struct panel_row) and bucket
 * i: t * count + i. All traps of the store are in it, whatever the filter, because an outage is
 * told from a drop by what the other traps saw. */
struct trap_watch {
    enum bucket bucket;
    int64_t first; /* start of bucket 0 */
    size_t count;
    const struct trap_info *traps;
    size_t trap_count;
    const bool *is_asked;  /* by trap: the filter's trap and site hold */
    const float *up;       /* 0..1: the part of the bucket's mail that the trap could see; log(up)
                              is an offset of a count model. 0 unless TRAP_UP or TRAP_DEGRADED */
    const uint8_t *states; /* enum trap_state: the worst that is neither unborn nor dead */
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

/* ERR_USAGE for an empty period or another bucket, ERR_LIMIT for one of too many buckets,
 * ERR_NOTFOUND when the store has no message with a receipt time and an end is open. */
enum err trap_watch_load(struct store *s, const struct trap_query *q, struct arena *arena,
                         struct trap_watch *out, struct errbuf *eb) MUST_USE;

#endif
