/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far two labellings of the same items agree. Clusterings (names do not matter): adjusted Rand
 * index, V-measure, variation of information. Raters of the same categories (names matter): Cohen's
 * kappa. All from a sparse contingency, so that a million items with 100,000 labels are a sort.
 * METHODS B11, C1. */
#ifndef STAT_AGREEMENT_H
#define STAT_AGREEMENT_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

/* So many items have label a in the one and label b in the other labelling. */
struct agreement_cell {
    uint64_t a, b;
    uint64_t count;
};

/* The contingency of two vectors of n labels: sorted by a and b, each pair once; the caller frees
 * *cells. ERR_NOMEM. */
enum err agreement_count(const uint64_t *a, const uint64_t *b, size_t n,
                         struct agreement_cell **cells, size_t *count) MUST_USE;

struct agreement {
    uint64_t items;
    size_t labels_a, labels_b;
    double ari;          /* Hubert and Arabie 1985; 1 is equal, 0 is chance */
    double entropy_a;    /* bits, like all below */
    double entropy_b;    /* */
    double a_given_b;    /* H(A|B): how far B lumps together what A keeps apart */
    double b_given_a;    /* H(B|A): how far B splits what A keeps together */
    double variation;    /* of information: their sum (Meila 2007) */
    double homogeneity;  /* 1 - H(A|B) / H(A), A being the truth; 1 when H(A) is 0 */
    double completeness; /* 1 - H(B|A) / H(B); 1 when H(B) is 0 */
    double v_measure;    /* their harmonic mean (Rosenberg and Hirschberg 2007) */
};

/* Sorts the cells; the same pair may stand in several. A is the truth where that matters. Without
 * items everything agrees. ERR_NOMEM. */
enum err agreement_of(struct agreement_cell *cells, size_t count, struct agreement *out) MUST_USE;

enum kappa_weight {
    KAPPA_UNWEIGHTED,
    KAPPA_LINEAR /* 1 - |a - b| / (categories - 1): near misses count in part */
};

struct kappa {
    double kappa;    /* NAN when chance alone agrees fully, and without items */
    double ase;      /* asymptotic standard error (Fleiss, Cohen and Everitt 1969) */
    double observed; /* agreement, weighted */
    double expected; /* of independent raters */
};

/* Labels are the numbers of ordered categories, 0 to categories - 1; a cell beyond is ERR_USAGE.
 * The order of the cells does not matter, the same pair must not stand in two. ERR_NOMEM. */
enum err kappa_of(const struct agreement_cell *cells, size_t count, size_t categories,
                  enum kappa_weight weight, struct kappa *out) MUST_USE;

#endif
