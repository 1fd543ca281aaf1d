/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a trap usually gets: its rate around a time, by weekday and hour, and how much it varies.
 * From it the probability of a silence. Of use to observe/trap_silence.c only. */
#ifndef OBSERVE_TRAP_RHYTHM_H
#define OBSERVE_TRAP_RHYTHM_H

#include "core/arena.h"
#include "store/store.h"

enum {
    RHYTHM_DAYS = 28,     /* looked at before and after: four of each weekday */
    RHYTHM_DAYS_LEAST = 3 /* of a side that says something */
};

/* Messages of all traps over a grid of steps, hours or days, that begins and ends at midnight. */
struct trap_counts {
    int64_t first; /* start of step 0 */
    size_t days, steps, steps_a_day;
    size_t trap_count;
    double *by_step; /* trap * steps + i */
    double *by_day;  /* trap * days + d */
    double *before;  /* trap * (days + 1) + d: sum of the days before d */
};

/* [first, first + days) of every trap; `first` is a midnight. Arena. */
enum err trap_counts_load(struct store *s, int64_t first, size_t days, bool is_hourly,
                          size_t trap_count, struct arena *arena, struct trap_counts *out,
                          struct errbuf *eb) MUST_USE;

/* Days from `from` to before `to` of a trap, clipped to the grid: their sum. */
double trap_counts_sum(const struct trap_counts *c, size_t trap, size_t from, size_t to);

struct trap_rhythm {
    double rate;                 /* messages a day */
    double theta;                /* of a day's count: variance = mean + mean^2 / theta */
    double weekday[7], hour[24]; /* factors; mean 1 */
};

/* The rhythm of a trap around the steps [from, to), which are left out with the days that they
 * touch. Days before `born` or from `dead` on do not count. The rate is the lower one of the time
 * before and the time after, so that a lasting fall does not make what follows it look like a
 * silence. False when there is too little to say. */
bool trap_rhythm_around(const struct trap_counts *c, size_t trap, size_t from, size_t to,
                        size_t born, size_t dead, struct trap_rhythm *out);

/* How many usual days the steps [from, to) are worth. */
double trap_rhythm_days(const struct trap_counts *c, const struct trap_rhythm *r, size_t from,
                        size_t to);

/* log10 of the probability of a count of at most (at least) `y` where `mean` is expected: negative
 * binomial with parameter theta. */
double count_log10_at_most(double y, double mean, double theta);
double count_log10_at_least(double y, double mean, double theta);

#endif
