/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EARS C1, C2, C3 (Hutwagner et al. 2003; surveillance::earsC gives the golden values): a day
 * against mean and standard deviation of the seven days before. For series too young for anything
 * else. Each has a lower bound too, the same on the other side. */
#ifndef STAT_EARS_H
#define STAT_EARS_H

#include <stdbool.h>
#include <stddef.h>

enum ears_method {
    EARS_C1, /* the 7 days just before */
    EARS_C2, /* the 7 days that ended 3 days ago: a rise of days does not hide itself */
    EARS_C3, /* what the two days before were past C2's mean, less one deviation each, added up: a
                slow rise. This day only moves its own bound with it, as surveillance has it */
};

enum { EARS_BASELINE = 7 };

struct ears {
    double lower, upper;
    bool is_low, is_high;
};

/* The bounds of day `now` of `y`, each crossed with probability `alpha` (EARS_C3: by its rule). All
 * bounds are NAN and nothing is crossed when one of the days needed is missing (NAN) or before
 * the first: 7 days of the past for C1, 9 for C2, 11 for C3. */
struct ears ears_at(const double *y, size_t now, enum ears_method method, double alpha);

#endif
