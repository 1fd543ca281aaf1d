/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/cusum.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_randist.h>
#include <math.h>

enum { ARL_NODES = 80, HALVINGS = 200 };

static const double SHIFT_MIN = .2, ARL_MIN = 2.0, ARL_MAX = 1e5;
static const double H_MAX = 60.0;     /* the run length there is past ARL_MAX for every k */
static const double TAIL_FROM = 40.0; /* P(S >= s) <= exp(-2 k s): at most 0.0004 for the least k */
static const double Z_MAX = 8.0;

/* Nodes and weights of [0, to]. False when out of memory. */
static bool quadrature(double to, size_t n, double *node, double *weight)
{
    gsl_integration_glfixed_table *t = gsl_integration_glfixed_table_alloc(n);
    if (!t) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        gsl_integration_glfixed_point(0.0, to, i, &node[i], &weight[i], t);
    }
    gsl_integration_glfixed_table_free(t);
    return true;
}

/* Solves a x = b in place (a and b are destroyed); n unknowns. False when out of memory. */
static bool solve(double *a, double *b, double *x, size_t n)
{
    gsl_matrix_view m = gsl_matrix_view_array(a, n, n);
    gsl_vector_view right = gsl_vector_view_array(b, n), result = gsl_vector_view_array(x, n);
    gsl_permutation *p = gsl_permutation_alloc(n);
    int sign;
    if (!p) {
        return false;
    }
    gsl_linalg_LU_decomp(&m.matrix, p, &sign);
    gsl_linalg_LU_solve(&m.matrix, p, &right.vector, &result.vector);
    gsl_permutation_free(p);
    return true;
}

/* L(s) = 1 + P(S back to 0) L(0) + integral over y in (0, h) of L(y) density(y from s). Unknown 0
 * is L(0), unknown i + 1 is L at node i. */
double cusum_arl(double k, double h, double shift)
{
    enum { N = ARL_NODES + 1 };
    double node[ARL_NODES], weight[ARL_NODES], a[N * N], b[N], l[N];
    double drift = shift - k;
    if (h <= 0.0) {
        return 1.0 / gsl_cdf_ugaussian_Q(-drift);
    }
    if (!quadrature(h, ARL_NODES, node, weight)) {
        return (double)NAN;
    }
    for (size_t i = 0; i < N; i++) {
        double from = i ? node[i - 1] : 0.0;
        a[i * N] = -gsl_cdf_ugaussian_P(-from - drift);
        for (size_t j = 1; j < N; j++) {
            a[i * N + j] = -weight[j - 1] * gsl_ran_ugaussian_pdf(node[j - 1] - from - drift);
        }
        a[i * N + i] += 1.0;
        b[i] = 1.0;
    }
    return solve(a, b, l, N) ? l[0] : (double)NAN;
}

/* Exact: the two sides are never both above 0 for long enough to meet (van Dobben de Bruyn 1968).
 */
double cusum_arl_two_sided(double k, double h, double shift)
{
    return 1.0 / (1.0 / cusum_arl(k, h, shift) + 1.0 / cusum_arl(k, h, -shift));
}

/* h of the run length, by halving in h (it grows with h). False when out of memory. */
static bool threshold(double k, double arl0, double *h)
{
    double low = 0.0, high = 1.0;
    double arl = cusum_arl(k, high, 0.0);
    while (arl < arl0 && high < H_MAX) {
        low = high;
        high *= 1.5;
        arl = cusum_arl(k, high, 0.0);
    }
    for (int i = 0; i < HALVINGS && !isnan(arl) && fabs(arl - arl0) > arl0 * 1e-10; i++) {
        double middle = (low + high) / 2.0;
        arl = cusum_arl(k, middle, 0.0);
        *(arl < arl0 ? &low : &high) = middle;
        *h = middle;
    }
    return !isnan(arl);
}

/* S has the law of the greatest value M of a walk with steps z - k that begins at 0 (Lindley), so
 * G(x) = P(M > x) solves G(x) = P(z > x + k) + integral over y > 0 of G(y) density(x + k - y). */
static bool tail_fill(struct cusum_design *d)
{
    enum { N = CUSUM_TAIL_NODES };
    double to = fmin(15.0 / d->k, TAIL_FROM), a[N * N], b[N], g[N];
    bool is_done = quadrature(to, N, d->node, d->weight);
    for (size_t i = 0; is_done && i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            double step = d->node[i] + d->k - d->node[j];
            a[i * N + j] = (i == j) - d->weight[j] * gsl_ran_ugaussian_pdf(step);
        }
        b[i] = gsl_cdf_ugaussian_Q(d->node[i] + d->k);
    }
    is_done = is_done && solve(a, b, g, N);
    for (size_t i = 0; is_done && i < N; i++) {
        d->weight[i] *= g[i];
    }
    return is_done;
}

enum err cusum_design(double shift, double arl0, struct cusum_design *out)
{
    struct cusum_design d = {.k = shift / 2.0, .arl0 = arl0};
    if (!(shift >= SHIFT_MIN) || !(arl0 >= ARL_MIN) || !(arl0 <= ARL_MAX)) {
        return ERR_USAGE;
    }
    double shewhart = gsl_cdf_ugaussian_Qinv(1.0 / arl0);
    if (d.k >= shewhart) {
        d.k = shewhart;
    } else if (!threshold(d.k, arl0, &d.h)) {
        return ERR_NOMEM;
    }
    if (!tail_fill(&d)) {
        return ERR_NOMEM;
    }
    *out = d;
    return OK;
}

double cusum_tail(const struct cusum_design *d, double s)
{
    double sum = gsl_cdf_ugaussian_Q(s + d->k);
    if (s <= 0.0) {
        return 1.0;
    }
    for (size_t i = 0; i < CUSUM_TAIL_NODES; i++) {
        sum += d->weight[i] * gsl_ran_ugaussian_pdf(s + d->k - d->node[i]);
    }
    return fmin(sum, 1.0);
}

double cusum_start_next(struct cusum_start *s, double x, double variance, size_t least)
{
    double z = (double)NAN, w = 1.0 / variance;
    if (s->count) {
        double apart = x - s->mean, own = apart * apart / (variance + 1.0 / s->weight);
        if (s->count >= least && s->df >= 2.0 && s->square > 0.0) {
            double t = copysign(sqrt(own / (s->square / s->df)), apart);
            /* The nearer tail, so that nothing is lost next to 1. */
            double tail = gsl_cdf_tdist_Q(fabs(t), s->df);
            z = tail > 0.0 ? fmin(gsl_cdf_ugaussian_Qinv(tail), Z_MAX) : Z_MAX;
            z = copysign(z, t);
        }
        s->square += own;
        s->df += 1.0;
    }
    s->weight += w;
    s->mean += (x - s->mean) * w / s->weight;
    s->count++;
    return z;
}

void cusum_start_level(struct cusum_start *s)
{
    s->mean = s->weight = 0.0;
    s->count = 0;
}
