/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/index_check.h"

#include "core/clock.h"

#include <math.h>

enum { BLOCK_DAYS = 28, BLOCKS_MAX = 600 };

/* The panel in blocks; exposure is the mean over the block's steps. */
struct blocks {
    size_t traps, count;
    double *y;
    float *exposure;
    double *log_index; /* of the block's mean index; NAN: none */
    int64_t seconds;   /* from the middle of the first to that of the last block */
};

static size_t steps_a_block(const struct index_panel *p)
{
    int64_t step = p->times ? (p->from[p->times] - p->from[0]) / (int64_t)p->times : 1;
    int64_t n = (int64_t)BLOCK_DAYS * SECONDS_PER_DAY / (step > 0 ? step : 1);
    size_t size = n > 1 ? (size_t)n : 1;
    /* Very long periods: longer blocks, so that the quadratic GEKS stays cheap. */
    while (p->times / size > BLOCKS_MAX) {
        size *= 2;
    }
    return size;
}

static enum err blocks_make(const struct index_panel *p, const double *log_index,
                            struct arena *arena, struct blocks *out)
{
    size_t size = steps_a_block(p);
    struct blocks b = {.traps = p->traps, .count = p->times / size};
    b.y = arena_calloc(arena, b.traps * (b.count + 1), sizeof *b.y);
    b.exposure = arena_calloc(arena, b.traps * (b.count + 1), sizeof *b.exposure);
    b.log_index = arena_calloc(arena, b.count + 1, sizeof *b.log_index);
    if (!b.y || !b.exposure || !b.log_index) {
        return ERR_NOMEM;
    }
    for (size_t k = 0; k < b.count; k++) {
        double sum = 0, n = 0;
        for (size_t t = k * size; t < (k + 1) * size; t++) {
            double v = exp(log_index[t]);
            sum += isfinite(v) ? v : 0;
            n += isfinite(v);
            for (size_t i = 0; i < b.traps; i++) {
                float up = p->exposure[i * p->times + t];
                b.y[i * b.count + k] += up > 0 ? p->count[i * p->times + t] : 0;
                b.exposure[i * b.count + k] += up / (float)size;
            }
        }
        /* Blocks with a gap are not compared: their exposure weighs days as if all were alike. */
        b.log_index[k] = n == (double)size && sum > 0 ? log(sum / n) : NAN;
    }
    b.seconds = b.count ? (int64_t)(b.count - 1) * (p->from[size] - p->from[0]) : 0;
    *out = b;
    return OK;
}

static bool has_trap(const struct blocks *b, size_t i, size_t k)
{
    return b->exposure[i * b->count + k] >= 0.99F && b->y[i * b->count + k] > 0;
}

/* log Toernqvist of block l against k over the traps that both have; NAN: none. */
static double toernqvist(const struct blocks *b, size_t k, size_t l)
{
    double sum_k = 0, sum_l = 0, out = 0;
    for (size_t i = 0; i < b->traps; i++) {
        if (has_trap(b, i, k) && has_trap(b, i, l)) {
            sum_k += b->y[i * b->count + k];
            sum_l += b->y[i * b->count + l];
        }
    }
    for (size_t i = 0; i < b->traps && sum_k > 0 && sum_l > 0; i++) {
        if (has_trap(b, i, k) && has_trap(b, i, l)) {
            double yk = b->y[i * b->count + k], yl = b->y[i * b->count + l];
            out += (yk / sum_k + yl / sum_l) / 2 * log(yl / yk);
        }
    }
    return sum_k > 0 && sum_l > 0 ? out : NAN;
}

/* Greatest |a - b| once their means over what both have are taken off; NAN when fewer than two. */
static double greatest_gap(const double *a, const double *b, size_t n)
{
    double sum = 0, count = 0, gap = 0;
    for (size_t k = 0; k < n; k++) {
        if (isfinite(a[k]) && isfinite(b[k])) {
            sum += a[k] - b[k];
            count++;
        }
    }
    for (size_t k = 0; k < n; k++) {
        if (isfinite(a[k]) && isfinite(b[k])) {
            gap = fmax(gap, fabs(a[k] - b[k] - sum / count));
        }
    }
    return count > 1 ? gap : NAN;
}

static enum err geks_gap(const struct blocks *b, struct arena *arena, double *out)
{
    size_t n = b->count;
    double *pairs = arena_calloc(arena, n * n + 1, sizeof *pairs);
    double *geks = arena_calloc(arena, n + 1, sizeof *geks);
    if (!pairs || !geks) {
        return ERR_NOMEM;
    }
    for (size_t k = 0; k < n; k++) {
        for (size_t l = 0; l < k; l++) {
            pairs[l * n + k] = toernqvist(b, l, k);
            pairs[k * n + l] = -pairs[l * n + k];
        }
    }
    for (size_t k = 0; k < n; k++) {
        double sum = 0, count = 0;
        for (size_t l = 0; l < n; l++) {
            double v = pairs[l] + pairs[l * n + k]; /* 0 -> l -> k */
            sum += isfinite(v) ? v : 0;
            count += isfinite(v);
        }
        geks[k] = count > 0 ? sum / count : NAN;
    }
    *out = greatest_gap(geks, b->log_index, n);
    return OK;
}

/* Log column effects of one fit of all blocks. */
static enum err blocks_fit(const struct blocks *b, enum two_way_kind kind, struct arena *arena,
                           double **out)
{
    struct two_way_data d = {b->traps, b->count, b->y, b->exposure};
    struct two_way_fit f;
    enum err e = two_way_fit(kind, &d, arena, &f);
    for (size_t k = 0; !e && k < b->count; k++) {
        f.column[k] = f.column[k] > 0 ? log(f.column[k]) : NAN;
    }
    *out = e ? NULL : f.column;
    return e;
}

/* Least-squares slope of chain less fixed base over the blocks, a year. */
static double drift(const struct blocks *b, const double *fixed)
{
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (size_t k = 0; k < b->count; k++) {
        double d = b->log_index[k] - fixed[k];
        if (isfinite(d)) {
            double at = (double)k;
            n++;
            x += at;
            y += d;
            xx += at * at;
            xy += at * d;
        }
    }
    double det = n * xx - x * x;
    double years =
        b->count > 1 ? (double)b->seconds / (double)(b->count - 1) / (365.25 * SECONDS_PER_DAY) : 1;
    return n > 2 && det > 0 ? (n * xy - x * y) / det / years : 0;
}

enum err index_check(const struct index_panel *p, enum two_way_kind kind, const double *log_index,
                     size_t windows, struct arena *scratch, struct index *out)
{
    struct blocks b;
    double *fixed, *other;
    arena_reset(scratch);
    out->geks_gap = out->weighting_gap = NAN;
    out->drift_yearly = 0;
    enum err e = blocks_make(p, log_index, scratch, &b);
    if (e || b.count < 2) {
        return e;
    }
    e = geks_gap(&b, scratch, &out->geks_gap);
    e = e ? e : blocks_fit(&b, kind, scratch, &fixed);
    e = e ? e
          : blocks_fit(&b, kind == TWO_WAY_LOG ? TWO_WAY_POISSON : TWO_WAY_LOG, scratch, &other);
    if (!e) {
        out->weighting_gap = greatest_gap(other, b.log_index, b.count);
        out->drift_yearly = windows > 1 ? drift(&b, fixed) : 0;
    }
    return e;
}
