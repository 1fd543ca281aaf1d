/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which dimension of a table changed? Cells of a table with several dimensions, before and after;
 * the change of the total is split into what each dimension's values did on their own (main
 * effects) and what all of them did together.
 *
 * The fit: after / before of a cell is the product of one multiplier of its value in each dimension
 * (a logistic regression of "after" on the dimensions; it keeps the totals of every value on both
 * sides). Multipliers are known but for a factor in each dimension. It is chosen so that the common
 * level is 1 unless nearly all of every dimension (95 % by volume) changed in one direction; then
 * it is what the least changed of them did. So a fall of one botnet is the botnet's even when it is
 * most of the mail, and a fall of everything is nobody's.
 *
 * The split: Shapley's values and LMDI-I of those factors. Both add up to the change. */
#ifndef STAT_MAIN_EFFECTS_H
#define STAT_MAIN_EFFECTS_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

enum { MAIN_EFFECTS_DIMENSIONS_MAX = 6 };

struct effects_table {
    size_t cells, dimensions;
    const uint16_t *value; /* cells * dimensions: which value of the dimension */
    size_t values[MAIN_EFFECTS_DIMENSIONS_MAX]; /* how many there are of each */
    const double *before, *after;               /* by cell, >= 0; any unit that adds up */
};

struct main_effects {
    double change;                                   /* of the total */
    double shapley[MAIN_EFFECTS_DIMENSIONS_MAX + 1]; /* by dimension, then the common level */
    double lmdi[MAIN_EFFECTS_DIMENSIONS_MAX + 1];
    double level;  /* the common multiplier */
    double misfit; /* sum of |cell after - fitted| over the total after: what changed in single
                      combinations only (chance included) */
};

/* Fits and splits. ERR_NOMEM, ERR_USAGE when one side is empty. */
enum err main_effects(const struct effects_table *t, struct main_effects *out) MUST_USE;

#endif
