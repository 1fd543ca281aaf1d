/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/alarm_line.h"

#include "core/clock.h"
#include "stat/ar1.h"
#include "stat/ears.h"
#include "stat/step.h"

#include <math.h>

enum {
    LEVEL_DAYS = 14,  /* residuals that tell how much mail is expected: for sampling variance */
    SEASON_DAYS = 28, /* weekdays have been seen often enough to be told from noise */
    LEVEL_LEAST = 5   /* days of a level before the next one is held against it */
};

static const double HAZARD = 1.0 / 90.0, PRUNE = 1e-6; /* METHODS B6 */
static const double HOLIDAY_VARIANCE = 4.0;            /* a day twice as wild as others */
static const double VARIANCE_LEAST = 1e-4;             /* sd 1 %: no series of mail is calmer */
static const double LEVEL_PRIOR_VARIANCE =
    .25;                                  /* of the logarithm: half or twice as much is usual */
static const double DF_PRIOR_MOST = 20.0; /* what a new level's variance owes to the ones before */
static const double SHIFT_LEAST = .3, SHIFT_MOST = 6.0, SHIFT_STEP = .05;
static const double EARS_ALPHA = .001, DATE_MASS = .9;

/* Sampling variance of each residual: 1 over the messages expected of that day, by the days before.
 */
static void sampling_fill(const struct alarm_line *l, double *sampling)
{
    double recent[LEVEL_DAYS], sum = 0.0;
    size_t n = 0;
    for (size_t t = 0; t < l->series->count; t++) {
        double x = l->season.residual[t];
        sampling[t] = 0.0;
        if (isnan(x)) {
            continue;
        }
        if (n >= LEVEL_DAYS) {
            sum -= recent[n % LEVEL_DAYS];
        }
        recent[n++ % LEVEL_DAYS] = x;
        sum += x;
        double level = sum / (double)(n < LEVEL_DAYS ? n : LEVEL_DAYS);
        double expected = l->series->exposure[t] * exp(level + l->season.log_factor[t]);
        sampling[t] = 1.0 / fmax(expected, 1.0);
    }
}

static enum err design_find(struct alarm_line *l, const struct alarm_options *o,
                            struct alarm_designs *designs, struct arena *arena)
{
    double sd = sqrt(l->variance * (1.0 + l->rho) / (1.0 - l->rho));
    double shift = fmin(fmax(-log(1.0 - o->shift) / sd, SHIFT_LEAST), SHIFT_MOST);
    size_t i = (size_t)lround(log(shift / SHIFT_LEAST) / SHIFT_STEP);
    if (!designs->items[i]) {
        struct cusum_design *d = arena_calloc(arena, 1, sizeof *d);
        if (!d || cusum_design(SHIFT_LEAST * exp((double)i * SHIFT_STEP), o->run_length, d) != OK) {
            return ERR_NOMEM;
        }
        designs->items[i] = d;
    }
    l->design = designs->items[i];
    return OK;
}

/* Noise of the line, residuals without correlation, and how each day's variance compares. */
static bool noise_fill(struct alarm_line *l, struct arena *arena, double *df)
{
    size_t n = l->series->count, known = 0;
    double *sampling = arena_calloc(arena, n + 1, sizeof *sampling);
    double *white = arena_calloc(arena, n + 1, sizeof *white);
    double *spread = arena_calloc(arena, n + 1, sizeof *spread);
    l->own_spread = arena_calloc(arena, n + 1, sizeof *l->own_spread);
    if (!sampling || !white || !spread || !l->own_spread) {
        return false;
    }
    double latent, sum = 0.0;
    sampling_fill(l, sampling);
    if (!step_noise(l->season.residual, sampling, n, arena, &l->rho, &latent, df)) {
        return false;
    }
    for (size_t t = 0; t < n; t++) {
        if (!isnan(l->season.residual[t])) {
            sum += latent + sampling[t];
            known++;
        }
    }
    l->latent = latent;
    l->variance = fmax(sum / (double)known, VARIANCE_LEAST);
    /* What is sampling is not correlated: the line's correlation is that of its latent part. */
    l->rho *= fmin(latent / l->variance, 1.0);
    ar1_whiten(l->season.residual, n, l->rho, white, spread);
    for (size_t t = 0; t < n; t++) {
        l->own_spread[t] = fmax(latent + sampling[t], VARIANCE_LEAST) / l->variance *
                           (l->season.is_holiday[t] ? HOLIDAY_VARIANCE : 1.0);
        spread[t] *= l->own_spread[t];
    }
    l->white = white;
    l->spread = spread;
    return true;
}

static bool is_worth_watching(const struct series *s)
{
    double sum = 0.0;
    size_t known = 0;
    for (size_t t = 0; t < s->count; t++) {
        if (s->exposure[t] > 0.0) {
            sum += s->observed[t];
            known++;
        }
    }
    return known > ALARM_WARM_DAYS && sum >= ALARM_DAILY_LEAST * (double)known;
}

enum err alarm_line_init(struct alarm_line *l, const struct series *s,
                         const struct alarm_options *o, struct alarm_designs *designs,
                         struct arena *arena)
{
    double df, first = 0.0;
    *l = (struct alarm_line){.series = s, .rho = (double)NAN, .latent = (double)NAN};
    enum err e = season_fit(s, SEASON_PAST, arena, &l->season);
    if (e != OK || !is_worth_watching(s)) {
        return e;
    }
    if (!noise_fill(l, arena, &df) || design_find(l, o, designs, arena) != OK) {
        return ERR_NOMEM;
    }
    for (size_t t = s->count; t-- > 0;) {
        first = isnan(l->season.residual[t]) ? first : l->season.residual[t];
    }
    struct bocpd_model model = {.kind = BOCPD_NORMAL,
                                .mean = first,
                                .kappa = l->variance / LEVEL_PRIOR_VARIANCE,
                                .alpha = fmin(fmax(df, 2.0), DF_PRIOR_MOST) / 2.0,
                                .hazard = HAZARD,
                                .prune = PRUNE,
                                .steps_max = s->count};
    model.beta = model.alpha * l->variance;
    l->bocpd = bocpd_new(&model, arena);
    l->before = arena_calloc(arena, s->count + 1, sizeof *l->before);
    l->is_watched = l->bocpd && l->before;
    return l->is_watched ? OK : ERR_NOMEM;
}

/* What is assumed of a holiday's variance is no news of that of other days; nor is what scatters
 * while the season is not known yet. */
static double start_next(struct alarm_line *l, size_t t, size_t least)
{
    struct cusum_start was = l->start;
    double z = cusum_start_next(&l->start, l->white[t], l->spread[t], least);
    if (l->season.is_holiday[t] || t < SEASON_DAYS) {
        l->start.square = was.square;
        l->start.df = was.df;
    }
    return z;
}

static void chart_forget(struct alarm_line *l)
{
    l->s[ALARM_DROP] = l->s[ALARM_RISE] = 0.0;
    l->recent_count = 0;
}

void alarm_line_step(struct alarm_line *l, size_t t)
{
    const struct series *s = l->series;
    l->is_seen = false;
    l->q = (double)NAN;
    if (s->network && t && s->network[t] != s->network[t - 1]) {
        cusum_start_level(&l->start);
        chart_forget(l);
        bocpd_restart(l->bocpd);
        l->level_start = t;
    }
    l->before[t] = l->start;
    bocpd_step(l->bocpd, l->white[t], l->spread[t]);
    if (isnan(l->white[t])) {
        return;
    }
    double z = start_next(l, t, LEVEL_LEAST);
    if (isnan(z)) {
        return;
    }
    for (int side = 0; side < ALARM_SIDES; side++) {
        double signed_z = side == ALARM_DROP ? -z : z;
        l->s[side] = fmax(0.0, l->s[side] + signed_z - l->design->k);
    }
    memmove(l->recent + 1, l->recent, (ALARM_WINDOW_DAYS - 1) * sizeof *l->recent);
    l->recent[0] = z;
    l->recent_count += l->recent_count < ALARM_WINDOW_DAYS;
    l->is_seen = true;
}

bool alarm_line_is_past(const struct alarm_line *l, enum alarm_side side)
{
    return l->is_seen && l->start.df >= ALARM_WARM_DAYS && l->s[side] > l->design->h;
}

double alarm_line_p(const struct alarm_line *l)
{
    double s = fmax(l->s[ALARM_DROP], l->s[ALARM_RISE]);
    return l->is_seen ? fmin(2.0 * cusum_tail(l->design, s), 1.0) : (double)NAN;
}

/* A change by the design's shift: the mean of the likelihood ratios over the days that it may have
 * begun and both directions, each 1 on average when there is none. */
double alarm_line_e(const struct alarm_line *l)
{
    double shift = 2.0 * l->design->k, sum = 0.0, up = 0.0, down = 0.0;
    for (size_t i = 0; i < l->recent_count; i++) {
        up += shift * (l->recent[i] - shift / 2.0);
        down += shift * (-l->recent[i] - shift / 2.0);
        sum += exp(up) + exp(down);
    }
    return l->is_seen ? sum / (2.0 * ALARM_WINDOW_DAYS) : (double)NAN;
}

/* ---- an alarm ---- */

static int64_t time_of(const struct alarm_line *l, size_t t)
{
    return l->series->first + (int64_t)t * SECONDS_PER_DAY;
}

static unsigned ears_of(const struct alarm_line *l, size_t t, bool is_drop)
{
    double level[EARS_BASELINE + 5];
    size_t n = sizeof level / sizeof *level;
    unsigned bits = 0;
    for (size_t i = 0; i < n; i++) {
        size_t back = n - 1 - i;
        level[i] = back <= t ? exp(l->season.residual[t - back]) : (double)NAN;
    }
    for (int m = EARS_C1; m <= EARS_C3; m++) {
        struct ears e = ears_at(level, n - 1, (enum ears_method)m, EARS_ALPHA);
        bits |= (is_drop ? e.is_low : e.is_high) ? 1u << m : 0;
    }
    return bits;
}

/* The most probable day from `from` on, and the days around it that hold DATE_MASS. */
static size_t date_fill(const struct alarm_line *l, size_t from, size_t t, struct alarm *a)
{
    size_t best = from, low, high;
    for (size_t i = from; i <= t; i++) {
        best = bocpd_began(l->bocpd, i) > bocpd_began(l->bocpd, best) ? i : best;
    }
    bocpd_range(l->bocpd, DATE_MASS, &low, &high);
    a->date = time_of(l, best);
    a->date_p = bocpd_began(l->bocpd, best);
    a->date_from = time_of(l, low < best ? low : best);
    a->date_to = time_of(l, high > best ? high : best);
    return best;
}

/* From `date` on it is another level: mean and charts begin there. */
static void level_begin(struct alarm_line *l, size_t date, size_t t)
{
    l->start = l->before[date];
    cusum_start_level(&l->start);
    /* That day stands out of what comes before by more than the step: not so in its own level. */
    l->white[date] = l->season.residual[date];
    l->spread[date] = l->own_spread[date];
    for (size_t i = date; i <= t; i++) {
        l->before[i] = l->start;
        if (!isnan(l->white[i])) {
            (void)start_next(l, i, SIZE_MAX);
        }
    }
    l->level_start = date;
    chart_forget(l);
}

bool alarm_line_alarm(struct alarm_line *l, size_t t, const struct alarm_options *o,
                      struct alarm *out)
{
    enum alarm_side side = l->s[ALARM_DROP] >= l->s[ALARM_RISE] ? ALARM_DROP : ALARM_RISE;
    if (!alarm_line_is_past(l, side) || !(l->q <= o->fdr)) {
        return false;
    }
    /* Not the change that began the present level: that one was told. */
    size_t window = t - l->level_start < ALARM_WINDOW_DAYS ? t - l->level_start : ALARM_WINDOW_DAYS;
    size_t from = t + 1 - window;
    double change_p = bocpd_since(l->bocpd, from);
    if (!(change_p >= o->change_p)) {
        return false;
    }
    *out = (struct alarm){.series = l->series,
                          .kind = ALARM_DAY,
                          .is_drop = side == ALARM_DROP,
                          .raised = time_of(l, t),
                          .before_from = time_of(l, l->level_start),
                          .evidence = {.cusum = l->s[side],
                                       .cusum_threshold = l->design->h,
                                       .p = alarm_line_p(l),
                                       .q = l->q,
                                       .e = alarm_line_e(l),
                                       .change_p = change_p,
                                       .window_days = (unsigned)window,
                                       .week_observed = (double)NAN,
                                       .week_expected = (double)NAN,
                                       .week_lower = (double)NAN,
                                       .week_upper = (double)NAN,
                                       .ears = ears_of(l, t, side == ALARM_DROP),
                                       .log_sd = sqrt(l->variance),
                                       .rho = l->rho}};
    level_begin(l, date_fill(l, from, t, out), t);
    return true;
}

/* Levels are compared by counts over exposure and season, with the line's own noise. */
void alarm_line_size(const struct alarm_line *l, size_t until, double *exposure, struct alarm *a)
{
    const struct series *s = l->series;
    size_t date = (size_t)((a->date - s->first) / SECONDS_PER_DAY);
    size_t before_to = (size_t)((a->date_from - s->first) / SECONDS_PER_DAY);
    size_t level_start = (size_t)((a->before_from - s->first) / SECONDS_PER_DAY);
    before_to = before_to > level_start ? before_to : date; /* the level was that short */
    size_t before_from = before_to > ALARM_BEFORE_DAYS ? before_to - ALARM_BEFORE_DAYS : 0;
    before_from = before_from > level_start ? before_from : level_start;
    for (size_t t = before_from; t < until; t++) {
        exposure[t] = s->exposure[t] * exp(l->season.log_factor[t]);
    }
    struct step_data d = {.y = s->observed,
                          .exposure = exposure,
                          .before_from = before_from,
                          .before_to = before_to,
                          .after_from = date,
                          .after_to = until,
                          .rho = l->rho,
                          .variance = l->latent,
                          .noise_df = l->start.df};
    struct step step;
    step_estimate(&d, &step);
    a->ratio = step.ratio;
    a->ratio_low = step.low;
    a->ratio_high = step.high;
    a->before_from = time_of(l, before_from);
    a->before_to = time_of(l, before_to);
    a->since_from = a->date;
    a->since_to = time_of(l, until);
}
