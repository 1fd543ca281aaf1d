/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/agreement.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static int order(uint64_t x, uint64_t y)
{
    return (x > y) - (x < y);
}

static int by_a_then_b(const void *x, const void *y)
{
    const struct agreement_cell *p = x, *q = y;
    int c = order(p->a, q->a);
    return c ? c : order(p->b, q->b);
}

static int by_b(const void *x, const void *y)
{
    const struct agreement_cell *p = x, *q = y;
    return order(p->b, q->b);
}

/* Sorts by a and b and adds up cells of the same pair; returns how many are left. */
static size_t cells_merge(struct agreement_cell *cells, size_t count)
{
    size_t kept = 0;
    if (count) {
        qsort(cells, count, sizeof *cells, by_a_then_b);
    }
    for (size_t i = 0; i < count; i++) {
        if (cells[i].count == 0) {
            continue;
        }
        if (kept && by_a_then_b(&cells[kept - 1], &cells[i]) == 0) {
            cells[kept - 1].count += cells[i].count;
        } else {
            cells[kept++] = cells[i];
        }
    }
    return kept;
}

enum err agreement_count(const uint64_t *a, const uint64_t *b, size_t n,
                         struct agreement_cell **cells, size_t *count)
{
    struct agreement_cell *list = calloc(n + 1, sizeof *list);
    if (!list) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        list[i] = (struct agreement_cell){a[i], b[i], 1};
    }
    *count = cells_merge(list, n);
    *cells = list;
    return OK;
}

/* What one labelling's totals give. */
struct margin {
    size_t labels;
    double pairs;   /* of items with the same label */
    double entropy; /* bits */
};

static double pairs(double n)
{
    return n * (n - 1.0) / 2.0;
}

static double surprise(double part, double whole)
{
    return part / whole * log2(whole / part);
}

/* Of cells that are sorted by the label. */
static struct margin margin_of(const struct agreement_cell *cells, size_t count, bool is_a,
                               double items)
{
    struct margin m = {0};
    for (size_t i = 0; i < count;) {
        uint64_t label = is_a ? cells[i].a : cells[i].b;
        double n = 0;
        for (; i < count && (is_a ? cells[i].a : cells[i].b) == label; i++) {
            n += (double)cells[i].count;
        }
        m.labels++;
        m.pairs += pairs(n);
        m.entropy += surprise(n, items);
    }
    return m;
}

static double one_minus_ratio(double part, double whole)
{
    return whole > 0 ? 1.0 - part / whole : 1.0;
}

enum err agreement_of(struct agreement_cell *cells, size_t count, struct agreement *out)
{
    double joint_pairs = 0, joint_entropy = 0, items = 0;
    *out = (struct agreement){.ari = 1, .homogeneity = 1, .completeness = 1, .v_measure = 1};
    count = cells_merge(cells, count);
    for (size_t i = 0; i < count; i++) {
        out->items += cells[i].count;
    }
    if (out->items == 0) {
        return OK;
    }
    items = (double)out->items;
    for (size_t i = 0; i < count; i++) {
        joint_pairs += pairs((double)cells[i].count);
        joint_entropy += surprise((double)cells[i].count, items);
    }
    struct margin a = margin_of(cells, count, true, items);
    qsort(cells, count, sizeof *cells, by_b);
    struct margin b = margin_of(cells, count, false, items);
    out->labels_a = a.labels;
    out->labels_b = b.labels;

    double all = pairs(items), most = (a.pairs + b.pairs) / 2.0;
    double expected = all > 0 ? a.pairs / all * b.pairs : 0;
    /* Both one cluster, or both all singletons: nothing is left to chance, and they are equal. */
    out->ari = most - expected > 0 ? (joint_pairs - expected) / (most - expected) : 1.0;

    out->entropy_a = a.entropy;
    out->entropy_b = b.entropy;
    out->a_given_b = fmax(joint_entropy - b.entropy, 0);
    out->b_given_a = fmax(joint_entropy - a.entropy, 0);
    out->variation = out->a_given_b + out->b_given_a;
    out->homogeneity = one_minus_ratio(out->a_given_b, a.entropy);
    out->completeness = one_minus_ratio(out->b_given_a, b.entropy);
    double sum = out->homogeneity + out->completeness;
    out->v_measure = sum > 0 ? 2.0 * out->homogeneity * out->completeness / sum : 0;
    return OK;
}

/* ---- kappa ---- */

/* mean[i] = sum over j of w(i,j) p[j]. Linear weights by running sums, so that many categories are
 * no square: sum |i - j| p[j] grows from i to i+1 by what is at or below i less what is above. */
static void weights_average(const double *p, size_t n, enum kappa_weight weight, double *mean)
{
    double distance = 0, below = 0;
    for (size_t j = 0; j < n; j++) {
        distance += (double)j * p[j];
    }
    for (size_t i = 0; i < n; i++) {
        mean[i] =
            weight == KAPPA_UNWEIGHTED ? p[i] : 1.0 - (n > 1 ? distance / (double)(n - 1) : 0);
        below += p[i];
        distance += below - (1.0 - below);
    }
}

static double weight_of(uint64_t a, uint64_t b, size_t categories, enum kappa_weight weight)
{
    if (a == b) {
        return 1;
    }
    double distance = a > b ? (double)(a - b) : (double)(b - a);
    return weight == KAPPA_UNWEIGHTED ? 0 : 1.0 - distance / (double)(categories - 1);
}

enum err kappa_of(const struct agreement_cell *cells, size_t count, size_t categories,
                  enum kappa_weight weight, struct kappa *out)
{
    double items = 0, square = 0;
    *out = (struct kappa){NAN, NAN, NAN, NAN};
    for (size_t i = 0; i < count; i++) {
        if (cells[i].a >= categories || cells[i].b >= categories) {
            return ERR_USAGE;
        }
        items += (double)cells[i].count;
    }
    if (items <= 0) {
        return OK;
    }
    double *memory = calloc(categories, 4 * sizeof *memory);
    if (!memory) {
        return ERR_NOMEM;
    }
    double *a = memory, *b = a + categories, *mean_a = b + categories,
           *mean_b = mean_a + categories;
    for (size_t i = 0; i < count; i++) {
        a[cells[i].a] += (double)cells[i].count / items;
        b[cells[i].b] += (double)cells[i].count / items;
    }
    weights_average(b, categories, weight, mean_a);
    weights_average(a, categories, weight, mean_b);
    out->observed = out->expected = 0;
    for (size_t i = 0; i < count; i++) {
        out->observed +=
            weight_of(cells[i].a, cells[i].b, categories, weight) * (double)cells[i].count / items;
    }
    for (size_t i = 0; i < categories; i++) {
        out->expected += a[i] * mean_a[i];
    }
    double chance = 1.0 - out->expected;
    if (chance > 0) {
        out->kappa = (out->observed - out->expected) / chance;
        for (size_t i = 0; i < count; i++) {
            double d = weight_of(cells[i].a, cells[i].b, categories, weight) -
                       (mean_a[cells[i].a] + mean_b[cells[i].b]) * (1.0 - out->kappa);
            square += d * d * (double)cells[i].count / items;
        }
        double centre = out->kappa - out->expected * (1.0 - out->kappa);
        out->ase = sqrt(fmax(square - centre * centre, 0) / items) / chance;
    }
    free(memory);
    return OK;
}
