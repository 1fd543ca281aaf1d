/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A series: one thing counted over time, with how much of the trap network was watching. What
 * change detection, the index and the split of a change all work on. Gaps are missing, never zero.
 * Plain data, arena. */
#ifndef OBSERVE_SERIES_H
#define OBSERVE_SERIES_H

#include "core/arena.h"
#include "observe/report.h"
#include "store/store.h"

/* What is counted. `dimension` TOTAL has the value "all"; TRAP and SITE count one trap or site;
 * BOTNET, MAILER, PROGRAM, COUNTRY count a label over all traps of the filter. */
struct series_key {
    enum dimension dimension;
    struct slice value;
    enum unit unit;
};

struct series {
    struct series_key key;
    enum bucket bucket;     /* BUCKET_HOUR, BUCKET_DAY or BUCKET_MONTH */
    int64_t first;          /* start of bucket 0, seconds; bucket i of days is first + i * 86400 */
    size_t count;           /* buckets, without a gap in time */
    const double *observed; /* counted by the traps that were up */
    const double *exposure; /* 0..1: the part of this series' usual volume that the traps which were
                               up stand for (their fitted sizes, two-way model of METHODS B5). 0:
                               nobody watched, the bucket is missing and observed means nothing.
                               observed / exposure is the level; log(exposure) is an offset */
};

struct series_query {
    struct store_filter filter; /* open ends: first and last bucket of the store */
    enum bucket bucket;
    enum unit unit;
    const enum dimension *dimensions; /* all values of each of these become series */
    size_t dimension_count;
    struct slice value; /* not empty: only this value */
    size_t series_max;  /* at most so many of each dimension, the greatest first; 0: all */
};

/* All series of the query, in the order of dimensions, then by messages, greatest first. Every
 * value of every dimension is read in one pass over the rollups. ERR_USAGE for an empty or
 * overlong period or a dimension that has no buckets, ERR_NOTFOUND when the store has nothing in
 * it. */
enum err series_load(struct store *s, const struct series_query *q, struct arena *arena,
                     const struct series **out, size_t *count, struct errbuf *eb) MUST_USE;

#endif
