/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes of level in the history of series: when, by how much, for how long, where.
 * docs/changes.md says how they are found and what they can not say. What is published as "spam
 * fell by 40 %" comes from here. Works on levels (counts over what was watched), never on shares: a
 * share that rose because others fell is not a change. Deterministic. Plain data, arena. */
#ifndef OBSERVE_CHANGE_H
#define OBSERVE_CHANGE_H

#include "observe/annotation.h"
#include "observe/series.h"
#include "stat/step.h"

enum change_limits {
    CHANGE_WINDOWS = 3,
    CHANGE_SITES_MAX = 64,      /* at which a change is looked for: each is a pass over the store */
    CHANGE_TRAPS_MAX = 32,      /* the same of traps; with more, sites alone tell */
    CHANGE_EVENTS_MAX = 4,      /* annotations named with a change */
    CHANGE_BUCKETS_MAX = 40000, /* of one series by day; a century */
    CHANGE_HOURS_MAX = 24 * 400, /* by the hour: the search is quadratic on a quiet line */
    CHANGE_CONTEXT_HOURLY_DAYS = 28,
    CHANGE_CONTEXT_DAYS = 91, /* read before and after the period asked for, when there */
};

enum change_fate {
    CHANGE_LASTING,   /* the level stayed for `return_days` and longer */
    CHANGE_TRANSIENT, /* more than half of it (of its logarithm) was undone within `return_days` */
    CHANGE_OVERTAKEN, /* within these days a change the other way went far past where it began */
    CHANGE_OPEN,      /* none of these, but fewer days than that have been seen since */
};
const char *change_fate_name(enum change_fate f); /* "lasting", "transient", "overtaken", "open" */

/* How it stands over a window as long before as after the date. The same change is -34 % in two
 * days and -2 % over its month: a size without its window says little. */
struct change_window {
    const char *name; /* "2 days", "7 days", "month"; by the hour "6 hours", "24 hours", "7 days" */
    struct step step; /* levels of [before, at) and [at, after), seasons taken out; the month is the
                         calendar month of the date against the one before */
    size_t covered, buckets; /* observed ones of all: fewer means that nobody watched, or no data */
};

/* One trap or site under a change of a label or of the total. */
enum change_seen {
    CHANGE_SEEN,     /* it changed there too: the interval leaves out no change, same direction */
    CHANGE_NOT_SEEN, /* the interval leaves out half of the change and more */
    CHANGE_UNCLEAR   /* too little mail, or not watching */
};
const char *change_seen_name(enum change_seen s); /* "seen", "not seen", "unclear" */
struct change_place {
    enum dimension dimension; /* DIMENSION_SITE or DIMENSION_TRAP */
    struct slice name;
    struct step step;
    enum change_seen seen;
};

struct change {
    const struct series *series;
    size_t at;                /* first bucket of the new level */
    int64_t time;             /* its start */
    int64_t earliest, latest; /* 95 %: the first bucket of the new level is one of these */
    bool is_gradual;          /* the dates span more than a week (by the hour: a day) */
    struct step size;         /* level a bucket before and after, ratio with its 95 % interval */
    int64_t before_from, before_to, after_from, after_to; /* what it was measured over */
    struct change_window windows[CHANGE_WINDOWS];
    enum change_fate fate;
    int64_t returned;   /* TRANSIENT, OVERTAKEN: first bucket of the level that undid it; 0 */
    double returned_to; /* that level over the one before the change */
    int64_t undoes;     /* it is the return of the change of that time; 0 */
    double statistic;   /* twice the log likelihood ratio over its inflation by rho */
    double p, q; /* bootstrap of supLR; false discovery rate over everything that was looked at;
                    neither is told below 1e-12 */
    double prominence; /* greatest penalty at which it still stands, over the one it was found at */
    bool is_main;      /* one of those at the elbow of its line's penalty path */
    bool is_part; /* of a site or trap: its part in a change of the total that is listed, too, and
                     seen there */
    bool is_confirmed;                /* p < 0.01 and q <= 0.05 and at least `least` great */
    double share_before, share_after; /* of all, same windows; NAN for the total, traps and sites */
    const char *holiday;              /* that begins within its dates, or NULL */
    const struct change_place *places;
    size_t place_count, sites, sites_seen, traps, traps_seen; /* of those that are not unclear */
    const struct annotation *const *events; /* near its dates, about this label or all */
    size_t event_count;
};

struct change_query {
    struct store_filter filter; /* changes dated in this period; data around it is read too */
    enum bucket bucket;         /* BUCKET_DAY, BUCKET_HOUR */
    enum unit unit;
    const enum dimension *dimensions; /* TOTAL, BOTNET, MAILER, PROGRAM, COUNTRY, TRAP, SITE */
    size_t dimension_count;
    struct slice value;   /* not empty: only this one */
    size_t series_max;    /* of each dimension, greatest first; 0: 100 */
    double least;         /* smaller ones are not confirmed: 0.1 is 10 % up or down */
    unsigned return_days; /* 0: 28 */
    bool is_all;          /* also those that are not confirmed */
    bool is_bootstrap;    /* sizes by the block bootstrap instead of the model */
    const struct annotations *annotations; /* NULL: none */
};

struct changes {
    const struct change *items; /* by date, then in the order of the series */
    size_t count;
    int64_t since, until;                 /* the period of the series that were read */
    size_t series, tested;                /* lines looked at, candidates tested */
    const struct change_line_note *lines; /* `series` of them: how each was looked at */
};

/* What was taken for noise of a line. */
struct change_line_note {
    const struct series *series;
    bool is_count;        /* negative binomial counts; else logarithms */
    double rho, variance; /* from one bucket to the next; of the logarithm, without sampling */
    double inflation;     /* of penalty and statistics */
    size_t observed, candidates;
};

/* Finds changes in series that are there already: everything but places, shares and annotations.
 * `total` (may be NULL) is the line that shares are shares of. ERR_NOMEM; ERR_LIMIT for a series
 * of too many buckets. */
enum err changes_find(const struct series *series, size_t count, const struct change_query *q,
                      const struct series *total, struct arena *arena,
                      struct changes *out) MUST_USE;

/* Reads the series, finds, and looks at each trap and site. What series_load says on failure. A
 * store without such series has no changes. */
enum err changes_build(struct store *s, const struct change_query *q, struct arena *arena,
                       struct changes *out, struct errbuf *eb) MUST_USE;

/* How great a change is, up or down alike: |log ratio|; INFINITY from or to nothing. */
double change_weight(const struct change *c);
/* The confirmed changes, the `max` greatest of them, by date. Arena: *out. Returns how many there
 * are in all; *count is how many *out holds. SIZE_MAX when out of memory. */
size_t changes_greatest(const struct changes *found, size_t max, struct arena *arena,
                        const struct change *const **out, size_t *count);

/* Start of bucket i of hours or days. */
static inline int64_t change_time(const struct series *s, size_t i)
{
    return s->first + (int64_t)i * (s->bucket == BUCKET_HOUR ? 3600 : SECONDS_PER_DAY);
}

#endif
