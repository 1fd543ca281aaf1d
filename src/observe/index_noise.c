/* SPDX-License-Identifier: GPL-3.0-or-later */
/* With w the mean's part of all, p of its site's, e = count / mean - 1 of a site and f a trap's e
 * less its site's, and u = s / mean + trap_var:
 *   E f^2 = (1 - 2 p) u + sum p^2 u             (within a site; traps of it)
 *   E e^2 = (1 - 2 w) v + sum w^2 v,  v = site_var + sum p^2 u   (between sites)
 * linear in s, trap_var, site_var: solved from sums, weighted so that neither the empty nor the
 * greatest traps decide alone. */
#include "observe/index_noise.h"

#include <math.h>

/* Weights of a trap's squares: by counts up to a bound; the low one tells s, the high one trap_var.
 */
static const double WEIGHT_MAX[2] = {20, 2000};
static const double SITE_WEIGHT_MAX = 2000;
static const double RHO_MAX = 0.95;

enum err index_noise_begin(struct index_noise_sums *n, size_t sites, struct arena *arena)
{
    *n = (struct index_noise_sums){
        .sites = sites,
        .site_mean = arena_calloc(arena, sites + 1, sizeof *n->site_mean),
        .site_count = arena_calloc(arena, sites + 1, sizeof *n->site_count),
        .site_square = arena_calloc(arena, sites + 1, sizeof *n->site_square),
        .site_traps = arena_calloc(arena, sites + 1, sizeof *n->site_traps),
        .last = arena_calloc(arena, sites + 1, sizeof *n->last),
    };
    if (!n->site_mean || !n->site_count || !n->site_square || !n->site_traps || !n->last) {
        return ERR_NOMEM;
    }
    for (size_t g = 0; g < sites; g++) {
        n->last[g] = NAN;
    }
    return OK;
}

static void column_sites(struct index_noise_sums *n, size_t traps, const size_t *site,
                         const double *count, const double *mean)
{
    for (size_t g = 0; g < n->sites; g++) {
        n->site_mean[g] = n->site_count[g] = n->site_square[g] = 0;
        n->site_traps[g] = 0;
    }
    for (size_t i = 0; i < traps; i++) {
        if (mean[i] > 0) {
            n->site_mean[site[i]] += mean[i];
            n->site_square[site[i]] += mean[i] * mean[i];
            n->site_count[site[i]] += count[i];
            n->site_traps[site[i]]++;
        }
    }
}

static void traps_add(struct index_noise_sums *n, size_t traps, const size_t *site,
                      const double *count, const double *mean, double keep)
{
    for (size_t i = 0; i < traps; i++) {
        size_t g = site[i];
        if (mean[i] <= 0 || n->site_traps[g] < 2) {
            continue;
        }
        double m = n->site_mean[g], p = mean[i] / m;
        double f = count[i] / mean[i] - n->site_count[g] / m;
        for (int k = 0; k < 2; k++) {
            double weight = fmin(mean[i], WEIGHT_MAX[k]);
            n->trap[k][0] += weight * f * f / keep;
            n->trap[k][1] += weight * (1 / mean[i] - 1 / m);
            n->trap[k][2] += weight * (1 - 2 * p + n->site_square[g] / (m * m));
        }
        n->cells += 1;
    }
}

static void sites_add(struct index_noise_sums *n, double keep)
{
    double all = 0, square = 0, sum_s = 0, sum_trap = 0;
    size_t watched = 0;
    for (size_t g = 0; g < n->sites; g++) {
        all += n->site_mean[g];
        watched += n->site_mean[g] > 0;
    }
    for (size_t g = 0; g < n->sites && watched > 1; g++) {
        double m = n->site_mean[g], w = m / all;
        square += w * w;
        sum_s += m > 0 ? w * w / m : 0;
        sum_trap += m > 0 ? w * w * n->site_square[g] / (m * m) : 0;
    }
    for (size_t g = 0; g < n->sites; g++) {
        double m = n->site_mean[g];
        if (m <= 0 || watched < 2) {
            n->last[g] = NAN;
            continue;
        }
        double w = m / all, e = n->site_count[g] / m - 1, weight = fmin(m, SITE_WEIGHT_MAX);
        double part = 1 - 2 * w + square;
        n->site_squares += weight * e * e / keep;
        n->site_s += weight * ((1 - 2 * w) / m + sum_s);
        n->site_trap += weight * ((1 - 2 * w) * n->site_square[g] / (m * m) + sum_trap);
        n->site_site += weight * part;
        if (isfinite(n->last[g])) {
            n->lag_product += weight * e * n->last[g];
            n->lag_weight += weight * part;
        }
        n->last[g] = e;
        n->pairs += 1;
    }
    n->columns += watched > 1;
}

void index_noise_add(struct index_noise_sums *n, size_t traps, const size_t *site,
                     const double *count, const double *mean, double keep)
{
    column_sites(n, traps, site, count, mean);
    traps_add(n, traps, site, count, mean, keep);
    sites_add(n, keep);
}

/* s >= 1 and trap_var >= 0 from the two equations of the trap level. */
static void traps_solve(const struct index_noise_sums *n, struct index_noise *out)
{
    const double *a = n->trap[0], *b = n->trap[1];
    double det = a[1] * b[2] - a[2] * b[1];
    out->s = 1;
    out->trap_var = 0;
    if (n->cells < 2 || !(b[2] > 0)) {
        return;
    }
    double s = det > 1e-9 * a[1] * b[2] ? (a[0] * b[2] - a[2] * b[0]) / det : 1;
    double var = (b[0] - fmax(s, 1) * b[1]) / b[2];
    if (var < 0) { /* the low weighting alone tells s */
        s = a[1] > 0 ? a[0] / a[1] : 1;
        var = 0;
    }
    out->s = fmax(s, 1);
    out->trap_var = var;
}

struct index_noise index_noise_end(const struct index_noise_sums *n)
{
    struct index_noise out = {.has_sites = n->columns > 0};
    traps_solve(n, &out);
    if (!out.has_sites) {
        /* One trap: nothing was estimated, the noise is what counts have at least. */
        out.df = n->cells < 2 ? 1e6 : fmax(n->cells / 2, 1);
        return out;
    }
    double known = out.s * n->site_s + out.trap_var * n->site_trap;
    out.site_var = fmax((n->site_squares - known) / n->site_site, 0);
    if (n->cells < 2) { /* a trap a site: its own noise and its site's are one */
        out.trap_var = 0;
    }
    if (out.site_var > 0 && n->lag_weight > 0) {
        out.rho = n->lag_product / n->lag_weight / out.site_var;
        out.rho = fmin(fmax(out.rho, 0), RHO_MAX);
    }
    /* Sites less one in each column, worth less when they stay the same for long. */
    double free = n->pairs - (double)n->columns;
    out.df = fmax(free * (1 - out.rho) / (1 + out.rho), 1);
    return out;
}
