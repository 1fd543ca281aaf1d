/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Late feeds (METHODS B5): how much of the mail of the last days has already come in, by trap, and
 * what is still to come. From the lag of arrival that the store keeps, by chain ladder
 * (stat/chain_ladder.h). Nothing asks the clock: the newest arrival is now. Plain data, arena. */
#ifndef OBSERVE_NOWCAST_H
#define OBSERVE_NOWCAST_H

#include "core/arena.h"
#include "store/store.h"

/* A bucket less complete than this is marked: charts hatch it. */
#define NOWCAST_COMPLETE 0.9

/* One trap's feed. By lag in days, 0 to lags - 1; later than that all has come. */
struct nowcast_feed {
    size_t lags;
    const double *completeness;         /* 0..1 of a day's mail has come by this lag */
    const double *process, *estimation; /* as in struct chain_ladder_fit */
    int64_t arrived;                    /* day of its last arrival; INT64_MIN: none of late */
    bool is_prompt;                     /* nine tenths come on the same day: a day without
                                           anything is a day without mail, not one still to come */
};

struct nowcast {
    int64_t first;    /* start of the first day about which there is something to say; before it all
                         is complete. INT64_MAX when nothing is known of lags */
    int64_t arrived;  /* start of the last day of arrival of the store */
    int64_t received; /* last receipt: on the last day of arrival nothing is known of what is after
                         it */
    const struct nowcast_feed *feeds; /* by trap, in the order of store_traps() */
    size_t trap_count;
    bool is_pooled; /* for some trap that has too few days of its own the lags of all stand in */
};

/* A store without lags (archives only) gives a nowcast that says that all is complete. */
enum err nowcast_load(struct store *s, struct arena *arena, struct nowcast *out,
                      struct errbuf *eb) MUST_USE;

/* The part of the bucket's mail at the trap that has come, 0..1: to be multiplied into exposure. 0
 * when its feed has not delivered anything of that time yet. */
double nowcast_completeness(const struct nowcast *n, size_t trap, int64_t from, int64_t until);

/* ---- a bucket's total over traps ---- */

struct nowcast_sum {
    double counted, expected, error; /* error: mean squared, of expected */
};
/* Adds what the trap counted in the bucket, not longer than a day. */
void nowcast_add(const struct nowcast *n, size_t trap, int64_t from, int64_t until, double count,
                 struct nowcast_sum *sum);

struct nowcast_total {
    double expected, low, high; /* when all has come, 95 % interval; never below what was counted */
    double completeness;        /* counted / expected; 1 when nothing is expected */
    double log_variance;        /* of expected */
};
struct nowcast_total nowcast_total(const struct nowcast_sum *sum);

#endif
