/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The volume index (METHODS B5): how much spam there is compared with a base period, told from what
 * the traps had in common, so that a trap that is new, out or dead does not move it. docs/index.md
 * has the method. Two steps: a panel (traps by time) out of the store, and the index of a panel.
 * Plain data, arena; nothing asks the clock. */
#ifndef OBSERVE_INDEX_H
#define OBSERVE_INDEX_H

#include "core/arena.h"
#include "observe/cluster_choice.h"
#include "observe/report.h"
#include "observe/trap_state.h"
#include "store/store.h"

enum index_step { INDEX_HOUR, INDEX_DAY, INDEX_WEEK, INDEX_MONTH, INDEX_STEP_COUNT };
const char *index_step_name(enum index_step s); /* "hour", "day", "week", "month" */
bool index_step_parse(struct slice s, enum index_step *out);

/* What is indexed, and by what steps. */
struct index_query {
    struct store_filter filter; /* open ends: first and last day of the store; widened to whole
                                   steps */
    enum index_step step;
    enum dimension dimension; /* TOTAL, BOTNET, MAILER, PROGRAM or COUNTRY */
    struct slice value;       /* of the dimension; TOTAL: empty */
    enum unit unit;           /* messages, recipients or bytes */
    unsigned generation; /* labels of this label generation (docs/relabel.md): BOTNET, MAILER or
                            PROGRAM, not by the hour; 0: today's */
    const struct cluster_choice *clusters; /* these instead of a label: `dimension` is TOTAL, not by
                                              the hour; NULL: none */
    const struct trap_watch *watch; /* of this filter by the day (INDEX_HOUR: by the hour), where
                                       the caller has it for several lines; NULL: it is loaded */
};

/* Counts by trap and step of time, and how much of each step the trap was watching. */
struct index_panel {
    size_t traps, times, sites;
    const struct slice *trap_names, *site_names;
    const size_t *site;  /* by trap: its site's number. Traps without one are sites of their own */
    const int64_t *from; /* times + 1: the starts of the steps and the end of the last one */
    const double *count; /* trap * times + time */
    const float *exposure; /* the same; 0: missing. What has not come in yet of a late feed
                              (nowcast.h) is a part that was not watched */
    /* By time, of late feeds: the part of what is expected that has come, and the variance of the
     * logarithm of what is. NULL: all has come. */
    const double *completeness, *late_variance;
    enum index_step step;
};

/* ERR_NOTFOUND when there is no message of it, ERR_USAGE for an empty or overlong period or a unit
 * or dimension that has no panel. */
enum err index_panel_load(struct store *s, const struct index_query *q, struct arena *arena,
                          struct index_panel *out, struct errbuf *eb) MUST_USE;

enum index_weighting {
    INDEX_BY_MAIL, /* Poisson: a trap weighs as much as it gets */
    INDEX_BY_TRAP, /* log-linear: every trap weighs the same */
};

struct index_options {
    enum index_weighting weighting;
    bool is_robust;                 /* INDEX_BY_MAIL: a trap gone wild for a while weighs less */
    int64_t base_since, base_until; /* the index's mean (of logarithms) over it is 100. Both 0: the
                                       first 28 days, at most the first half */
    size_t window; /* steps of a window; 0: 336 hours, 91 days, 52 weeks, 24 months */
};

enum index_gap {
    INDEX_IS_THERE,
    INDEX_UNWATCHED, /* no trap was up */
    INDEX_UNLINKED,  /* no trap that was up can be compared with the base's */
};

struct index_point {
    int64_t from, until;
    double index, low, high; /* NAN in a gap; 95 % interval against the base */
    double observed;         /* counted, in the unit */
    double exposure;         /* 0..1: part of the network's usual volume that was watched */
    double level;            /* observed / exposure: what the whole network would have counted */
    double level_low, level_high; /* 95 % interval of it */
    double completeness; /* of what will have been observed when all late feeds are in, 0..1 */
    bool is_incomplete;  /* less than NOWCAST_COMPLETE of it: index and level are nowcasts */
    enum index_gap gap;
};

struct index {
    const struct index_point *points;
    size_t count;
    int64_t base_since, base_until; /* as used */
    size_t traps, sites;            /* that counted anything */
    size_t windows;
    double dispersion;       /* of counts within a trap: 1 is Poisson */
    double trap_sd, site_sd; /* log-sd of what one trap, one site sees differently on one step;
                                site_sd NAN: one site only, it cannot be told, and intervals say
                                nothing of it */
    double site_persistence; /* of the latter from one step to the next, 0..0.95 */
    double drift_yearly;     /* of the chain of windows against one fit of all, log a year; 0
                                with one window */
    double geks_gap;         /* greatest |log| distance from the GEKS-Toernqvist index of four-
                                week blocks; NAN: too short */
    double weighting_gap;    /* greatest |log| distance between mail- and trap-weighted index over
                                four-week blocks (or steps, when longer): over INDEX_GAP_WARNS
                                the traps do not tell one story */
};
#define INDEX_GAP_WARNS 0.10

/* ERR_NOTFOUND when the base has no watched step, ERR_NOMEM. */
enum err index_compute(const struct index_panel *panel, const struct index_options *o,
                       struct arena *arena, struct index *out, struct errbuf *eb) MUST_USE;

#endif
