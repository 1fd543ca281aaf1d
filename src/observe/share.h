/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shares beside levels (METHODS B5, B7). A trap network only ever sees parts of a whole, so a
 * botnet's share also rises when the others fall: a share is never given without its level, and
 * what the two say together is put into a word. Plain data, arena. */
#ifndef OBSERVE_SHARE_H
#define OBSERVE_SHARE_H

#include "observe/index.h"
#include "stat/wilson.h"

/* What happened to a part of a whole, compared with a base. */
enum share_reading {
    SHARE_UNKNOWN,     /* an interval is missing */
    SHARE_STEADY,      /* neither share nor level moved beyond their intervals */
    SHARE_ROSE,        /* share and level */
    SHARE_FELL,        /* share and level */
    SHARE_OTHERS_FELL, /* the share rose while the level did not */
    SHARE_OTHERS_ROSE, /* the share fell while the level did not */
    SHARE_WITH_ALL,    /* the level moved, the share did not: so did everything */
    SHARE_READING_COUNT
};
const char *share_reading_name(enum share_reading r); /* "others_fell" */
const char *share_reading_text(enum share_reading r); /* "the share rose, the level did not: others
                                                         fell" */

/* The guard. `level`: 95 % interval of the ratio of the part's level to its base's (1: as before);
 * `odds`: that of the ratio of part / rest. */
enum share_reading share_read(struct interval level, struct interval odds);

/* The ratio a / b with its 95 % interval from those of a and b, which are independent, by the
 * method of variance estimates recovery on logarithms (Zou and Donner 2008). Zeros are allowed: 0
 * and INFINITY are answers; NAN when both are 0 or something is. */
struct ratio {
    double value, low, high;
};
struct ratio ratio_of(struct ratio a, struct ratio b);

struct share_point {
    struct index_point part; /* of the label: level, index against the base, gaps */
    double observed_all;     /* counted of everything */
    double share, low, high; /* 0..1 of the level of everything, 95 % interval; NAN in a gap */
    double change_low, change_high; /* 95 % interval of part / rest against the base's; NAN when
                                       there is no base */
    enum share_reading reading;
};

struct shares {
    const struct share_point *points;
    size_t count;
    bool has_base; /* part and rest both have one; without, all readings are unknown */
    int64_t base_since, base_until;
    size_t traps, sites;
};

/* `part` and `all` are panels of the same query but for the label. Intervals are those of the
 * index: counting, over-dispersion, traps and sites; part and rest vary independently of each
 * other. Errors as index_compute; ERR_BUSY when the store changed between the two panels. */
enum err share_compute(const struct index_panel *part, const struct index_panel *all,
                       const struct index_options *o, struct arena *arena, struct shares *out,
                       struct errbuf *eb) MUST_USE;

#endif
