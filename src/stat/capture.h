/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many individuals there are when only some were seen: two lists (Lincoln-Petersen, Chapman),
 * several lists (log-linear models, averaged by AIC), and how often each was seen (Chao's lower
 * bound, zero-truncated Poisson and negative binomial). Individuals are closed in time and lists
 * see the same ones: who calls has to see to that. METHODS B10. */
#ifndef STAT_CAPTURE_H
#define STAT_CAPTURE_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

/* How many there are. All NAN when the data can not say. */
struct capture {
    double n;
    double se;
    double low, high; /* 95 %; low is never below the number that was seen */
};

/* ---- two lists: first and second saw so many, `both` of them the same ---- */

/* first * second / both; NAN when both is 0. Biased upwards when it is small. */
struct capture capture_lincoln_petersen(double first, double second, double both);
/* (first + 1)(second + 1) / (both + 1) - 1 (Chapman 1951; variance of Seber 1970). */
struct capture capture_chapman(double first, double second, double both);

/* ---- how often each was seen ---- */

struct capture_counts {
    const double *frequency; /* [k]: individuals seen k times, 1 <= k < n; [0] is not read */
    size_t n;
    double beyond, beyond_sum; /* individuals seen n times or more, and how often in all */
};

/* Seen + f1 (f1 - 1) / (2 (f2 + 1)): a lower bound, whatever the differences between individuals
 * (Chao 1987, in the form without bias). */
struct capture capture_chao(const struct capture_counts *c);

/* Counts that follow a Poisson (shape INFINITY) or negative binomial distribution of which the
 * zeros were not seen. */
struct capture_truncated {
    struct capture n;
    double mean;  /* of all individuals, the unseen too */
    double shape; /* k of the negative binomial: variance = mean + mean^2 / k */
    double seen;  /* probability of being seen at all: n = seen individuals / this */
    double log_likelihood;
};
/* Maximum likelihood. NAN when everybody was seen only once: then there is no upper limit. */
struct capture_truncated capture_truncated_poisson(const struct capture_counts *c);
/* The same with the shape by profile likelihood, its interval into that of n. Falls back on the
 * Poisson (shape INFINITY) when the counts do not vary more than that; NAN when the shape goes to
 * 0, where n grows without limit. */
struct capture_truncated capture_truncated_negative(const struct capture_counts *c);

/* ---- several lists ---- */

enum {
    CAPTURE_LISTS_MAX = 5,       /* ten pairs: 1,024 models */
    CAPTURE_OCCASIONS_MAX = 8,   /* of a single model */
    CAPTURE_MODELS_MAX = 1 << 10 /* */
};

/* Poisson log-linear model of the 2^lists - 1 cells (Fienberg 1972, Cormack 1989). */
struct capture_model {
    unsigned pairs; /* bit p: interaction of the p-th pair, in the order 01 02 12 03 13 23 04 ... */
    bool is_mixed;  /* a term 2^k - 1 for who was seen k times: differences between individuals
                       (Rcapture's Mth Poisson2) */
    bool is_admissible; /* converged, every term estimable, n no wild extrapolation */
    double n, se;
    double deviance, aic; /* of the cells seen */
    size_t df;
    double weight; /* in the average */
};

/* cells[s]: individuals seen by exactly the lists of s (bit i: list i); [0] is not read. Fits the
 * terms that `out` asks for (pairs, is_mixed) and fills in the rest. `lists` from 2 to
 * CAPTURE_OCCASIONS_MAX. ERR_NOMEM, ERR_USAGE when nobody was seen. */
enum err capture_fit(const double *cells, size_t lists, struct capture_model *out) MUST_USE;

struct capture_average {
    struct capture n; /* mean by weight; the interval averages the profile likelihoods' tails
                         (Cormack 1992; Fletcher and Turek 2012), its se is that of Buckland,
                         Burnham and Augustin 1997 */
    struct capture_model best;
    size_t models, admissible; /* fitted; in the average */
    double independent;        /* n of the model without interactions; NAN when not admissible */
};

/* All models of pairwise interactions of 3 to CAPTURE_LISTS_MAX lists, averaged by AIC over those
 * that are admissible. ERR_NOTFOUND when none is. */
enum err capture_lists(const double *cells, size_t lists, struct capture_average *out) MUST_USE;

/* The number of a pair of lists (i < j) in capture_model.pairs. */
static inline unsigned capture_pair(unsigned i, unsigned j)
{
    return j * (j - 1) / 2 + i;
}

#endif
