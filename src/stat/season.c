/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/season.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

enum { ROUNDS = 2 };

static const double CLIP = 2.5;
/* Median of |x| of a normal variable with standard deviation 1. */
static const double MAD_NORMAL = 0.6744897501960817;

struct work {
    const struct season_query *q;
    double *deviation;    /* count: from the level around and, clipped, from the factor so far */
    double *scratch;      /* count */
    double *total;        /* count + 1: running sums of what is known ... */
    size_t *known;        /* ... and how many */
    double *sum, *weight; /* slots */
};

/* Deviations from the mean of what is known of the cycle around each bucket, seasons taken out. */
static void deviations(struct work *w, const double *factor)
{
    const struct season_query *q = w->q;
    size_t half = q->slots / 2;
    for (size_t i = 0; i < q->count; i++) {
        bool is_known = !isnan(q->log_value[i]);
        w->total[i + 1] = w->total[i] + (is_known ? q->log_value[i] - factor[i] : 0.0);
        w->known[i + 1] = w->known[i] + is_known;
    }
    for (size_t i = 0; i < q->count; i++) {
        size_t from = i > half ? i - half : 0;
        size_t to = i + half < q->count ? i + half + 1 : q->count;
        size_t known = w->known[to] - w->known[from];
        bool is_whole = to - from == 2 * half + 1; /* at the ends there is no cycle around */
        bool is_learnt =
            is_whole && !isnan(q->log_value[i]) && !(q->is_odd && q->is_odd[i]) && known > 1;
        w->deviation[i] =
            is_learnt ? q->log_value[i] - (w->total[to] - w->total[from]) / (double)known : NAN;
    }
}

/* Pulls deviations to within CLIP robust standard deviations of the factors so far. Returns the
 * variance of what remains around the factors. */
static double clip(struct work *w, const double *factor)
{
    size_t n = 0;
    for (size_t i = 0; i < w->q->count; i++) {
        if (!isnan(w->deviation[i])) {
            w->scratch[n++] = fabs(w->deviation[i] - factor[i]);
        }
    }
    if (!n) {
        return 0.0;
    }
    gsl_sort(w->scratch, 1, n);
    double sd = gsl_stats_median_from_sorted_data(w->scratch, 1, n) / MAD_NORMAL;
    for (size_t i = 0; i < w->q->count; i++) {
        double d = w->deviation[i] - factor[i];
        if (!isnan(d)) {
            w->deviation[i] = factor[i] + fmin(fmax(d, -CLIP * sd), CLIP * sd);
        }
    }
    return sd * sd;
}

/* One bucket's factor from the sums so far: centred over the slots known, shrunk by `ratio`, the
 * variance of one deviation over that of the factors. */
static double factor_now(const struct work *w, size_t slot, double ratio)
{
    double centre = 0.0;
    size_t known = 0;
    if (!(w->weight[slot] > 0.0)) {
        return 0.0;
    }
    for (size_t s = 0; s < w->q->slots; s++) {
        if (w->weight[s] > 0.0) {
            centre += w->sum[s] / w->weight[s];
            known++;
        }
    }
    if (known < 2) {
        return 0.0;
    }
    double raw = w->sum[slot] / w->weight[slot] - centre / (double)known;
    return raw * w->weight[slot] / (w->weight[slot] + ratio);
}

/* Variance of one deviation over that of the factors, from all data at equal weight; infinite when
 * the factors differ by no more than noise does. */
static double noise_ratio(struct work *w, double noise)
{
    const struct season_query *q = w->q;
    double square = 0.0, error = 0.0;
    size_t known = 0;
    memset(w->sum, 0, q->slots * sizeof *w->sum);
    memset(w->weight, 0, q->slots * sizeof *w->weight);
    for (size_t i = 0; i < q->count; i++) {
        if (!isnan(w->deviation[i])) {
            w->sum[q->slot[i]] += w->deviation[i];
            w->weight[q->slot[i]] += 1.0;
        }
    }
    for (size_t s = 0; s < q->slots; s++) {
        if (w->weight[s] > 0.0) {
            double raw = factor_now(w, s, 0.0);
            square += raw * raw;
            error += noise / w->weight[s];
            known++;
        }
    }
    double signal = known > 1 ? (square - error) / (double)(known - 1) : 0.0;
    return signal > 0.0 ? noise / signal : INFINITY;
}

static void bucket_add(struct work *w, size_t i)
{
    if (!isnan(w->deviation[i])) {
        w->sum[w->q->slot[i]] += w->deviation[i];
        w->weight[w->q->slot[i]] += 1.0;
    }
}

static void decay(struct work *w, double keep)
{
    for (size_t s = 0; s < w->q->slots; s++) {
        w->sum[s] *= keep;
        w->weight[s] *= keep;
    }
}

/* The factors at the start of each cycle serve it whole: within a cycle each slot occurs once, so
 * nothing newer than the cycle before could be known of it anyway. */
static void factors_of_past(struct work *w, double ratio, double *factor)
{
    const struct season_query *q = w->q;
    double keep = exp2(-1.0 / q->half_life * (double)q->slots);
    memset(w->sum, 0, q->slots * sizeof *w->sum);
    memset(w->weight, 0, q->slots * sizeof *w->weight);
    for (size_t start = 0; start < q->count; start += q->slots) {
        size_t end = start + q->slots < q->count ? start + q->slots : q->count;
        for (size_t i = start; i < end; i++) {
            factor[i] = factor_now(w, q->slot[i], ratio);
        }
        decay(w, keep);
        for (size_t i = start; i < end; i++) {
            bucket_add(w, i);
        }
    }
}

/* Both sides: the sums of the past of each cycle are kept, then those of its future added. */
static enum err factors_of_both(struct work *w, double ratio, double *factor, struct arena *arena)
{
    const struct season_query *q = w->q;
    size_t slots = q->slots, cycles = (q->count + slots - 1) / slots;
    double keep = exp2(-1.0 / q->half_life * (double)slots);
    double *sum = arena_calloc(arena, cycles + 1, slots * sizeof *sum);
    double *weight = arena_calloc(arena, cycles + 1, slots * sizeof *weight);
    if (!sum || !weight) {
        return ERR_NOMEM;
    }
    memset(w->sum, 0, slots * sizeof *w->sum);
    memset(w->weight, 0, slots * sizeof *w->weight);
    for (size_t c = 0; c < cycles; c++) {
        decay(w, keep);
        for (size_t i = c * slots; i < (c + 1) * slots && i < q->count; i++) {
            bucket_add(w, i);
        }
        memcpy(sum + c * slots, w->sum, slots * sizeof *sum);
        memcpy(weight + c * slots, w->weight, slots * sizeof *weight);
    }
    double *future_sum = sum + cycles * slots, *future_weight = weight + cycles * slots;
    for (size_t c = cycles; c-- > 0;) {
        for (size_t s = 0; s < slots; s++) {
            w->sum[s] = sum[c * slots + s] + future_sum[s];
            w->weight[s] = weight[c * slots + s] + future_weight[s];
        }
        for (size_t i = c * slots; i < (c + 1) * slots && i < q->count; i++) {
            factor[i] = factor_now(w, q->slot[i], ratio);
        }
        memset(w->sum, 0, slots * sizeof *w->sum);
        memset(w->weight, 0, slots * sizeof *w->weight);
        for (size_t i = c * slots; i < (c + 1) * slots && i < q->count; i++) {
            bucket_add(w, i);
        }
        for (size_t s = 0; s < slots; s++) {
            future_sum[s] = (future_sum[s] + w->sum[s]) * keep;
            future_weight[s] = (future_weight[s] + w->weight[s]) * keep;
        }
    }
    return OK;
}

enum err season_factors(const struct season_query *q, struct arena *arena, double *factor)
{
    struct work w = {.q = q,
                     .deviation = arena_calloc(arena, q->count + 1, sizeof *w.deviation),
                     .scratch = arena_calloc(arena, q->count + 1, sizeof *w.scratch),
                     .total = arena_calloc(arena, q->count + 1, sizeof *w.total),
                     .known = arena_calloc(arena, q->count + 1, sizeof *w.known),
                     .sum = arena_calloc(arena, q->slots + 1, sizeof *w.sum),
                     .weight = arena_calloc(arena, q->slots + 1, sizeof *w.weight)};
    if (!w.deviation || !w.scratch || !w.total || !w.known || !w.sum || !w.weight) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < q->count; i++) {
        factor[i] = 0.0;
    }
    enum err e = OK;
    for (int round = 0; e == OK && round < ROUNDS; round++) {
        deviations(&w, factor);
        double ratio = noise_ratio(&w, clip(&w, factor));
        /* What the level around is cleaned of may come from both sides. */
        if (q->side == SEASON_PAST && round + 1 == ROUNDS) {
            factors_of_past(&w, ratio, factor);
        } else {
            e = factors_of_both(&w, ratio, factor, arena);
        }
    }
    return e;
}
