/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random numbers for the bootstrap: GSL's Mersenne twister from a seed that is made of what is
 * computed, so that the same store gives the same bytes. */
#ifndef STAT_RANDOM_H
#define STAT_RANDOM_H

#include "core/slice.h"

#include <gsl/gsl_rng.h>

/* A generator seeded from the text (a series' name and period, say). NULL when out of memory; free
 * with gsl_rng_free. Distributions are GSL's (gsl/gsl_randist.h). */
gsl_rng *random_seeded(struct slice text);

#endif
