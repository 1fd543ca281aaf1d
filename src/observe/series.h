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
                               up stand for (their fitted sizes, two-way model of METHODS B5),
                               less what is still to come of late feeds (nowcast.h). 0:
                               nobody watched, the bucket is missing and observed means nothing.
                               observed / exposure is the level; log(exposure) is an offset */
    const uint16_t *network; /* from 0: changes where no trap links what was before with what comes
                                after (two archives, say). Levels of different networks cannot be
                                compared: a step there is none of the spam's */
};

struct series_query {
    struct store_filter filter; /* open ends: first and last bucket of the store. Others are widened
                                   to whole buckets */
    enum bucket bucket;
    enum unit unit;
    const enum dimension *dimensions; /* all values of each of these become series */
    size_t dimension_count;
    struct slice value; /* not empty: only this value */
    size_t series_max;  /* at most so many of each dimension, the greatest first; 0: all */
};

/* All series of the query, in the order of dimensions, then by messages, greatest first (equal:
 * by name). Every value of a dimension is read in one pass over the rollups, and kept as sums by
 * bucket and by trap, which is all that the fit of sizes needs.
 *
 * UNIT_HOSTS (TOTAL, BOTNET, TRAP, SITE, not by the hour): distinct hosts do not add up over traps,
 * so exposure is only 1 or 0, and a host that several traps would see is not told from one that a
 * trap which was down would have seen.
 *
 * ERR_USAGE for an empty period or a dimension that has no series, ERR_UNSUPPORTED for one without
 * this bucket or unit, ERR_LIMIT when period or values are too many, ERR_NOTFOUND when the store
 * has no message with a time of receipt and an end is open. Nothing found is no error: 0 series. */
enum { SERIES_CELLS_MAX = 24 * 1024 * 1024 }; /* values x buckets: 192 MiB of counts */
enum err series_load(struct store *s, const struct series_query *q, struct arena *arena,
                     const struct series **out, size_t *count, struct errbuf *eb) MUST_USE;

#endif
