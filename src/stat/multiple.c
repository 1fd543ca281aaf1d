/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/multiple.h"

#include <gsl/gsl_sort.h>
#include <math.h>

enum err multiple_bh(const double *p, size_t count, struct arena *arena, double *adjusted)
{
    size_t *order = arena_calloc(arena, count + 1, sizeof *order);
    size_t *tested = arena_calloc(arena, count + 1, sizeof *tested);
    double *value = arena_calloc(arena, count + 1, sizeof *value);
    size_t n = 0;
    if (!order || !tested || !value) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        if (isnan(p[i])) {
            adjusted[i] = NAN;
            continue;
        }
        value[n] = p[i];
        tested[n++] = i;
    }
    gsl_sort_index(order, value, 1, n);
    double least = 1.0;
    for (size_t rank = n; rank > 0; rank--) {
        size_t i = order[rank - 1];
        least = fmin(least, value[i] * (double)n / (double)rank);
        adjusted[tested[i]] = least;
    }
    return OK;
}

enum err multiple_ebh(const double *e, size_t count, struct arena *arena, double *adjusted)
{
    for (size_t i = 0; i < count; i++) {
        /* 1/e is a p-value (Markov), and that is all that e-BH is: only the proof differs. */
        adjusted[i] = e[i] > 1.0 ? 1.0 / e[i] : isnan(e[i]) ? NAN : 1.0;
    }
    return multiple_bh(adjusted, count, arena, adjusted);
}
