/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wilson's score interval of a proportion: right also at 0 and 1 and for few messages, where the
 * textbook interval (p +- 1.96 s) leaves [0, 1]. */
#ifndef STAT_WILSON_H
#define STAT_WILSON_H

#include <stdint.h>

struct interval {
    double low, high; /* 0 <= low <= k/n <= high <= 1; both NAN when n is 0 */
};

/* The 95 % interval of k out of n; k above n counts as n. */
struct interval wilson_95(uint64_t k, uint64_t n);

#endif
