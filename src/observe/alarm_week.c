/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weeks against the same season of the years before. Needs a year and a month of the past; says
 * what days are too noisy to say: slow decay, and series of a few messages a day. */
#include "core/clock.h"
#include "observe/alarm_line.h"
#include "stat/farrington.h"
#include "stat/multiple.h"

#include <math.h>

enum {
    WEEK = 7,
    SEASONS_YEARS = 3, /* with fewer years ten seasons would be fitted to noise */
    SEASONS_FEW = 4,
    EXPLAINED_DAYS = 28, /* a day alarm that young is the same change */
    CHANGE_WEEKS = 4,    /* P(change in the last four weeks) */
    WEEKS_LOOKED =
        ALARM_WEEK_BACK + 2 /* and one before: an alarm is when a bound is first crossed */
};

static const double WEEK_HAZARD = WEEK / 90.0, WEEK_PRUNE = 1e-6;
static const double WATCHED_LEAST = .5; /* part of a week that must have been watched */

/* One series by weeks, the last of which ends at `until`. */
struct weeks {
    double *y, *exposure; /* y NAN: missing */
    size_t count;
    struct farrington looks[WEEKS_LOOKED]; /* [0]: the last week */
    bool is_known[WEEKS_LOOKED];
};

static bool weeks_fill(const struct alarm_line *l, size_t until, struct arena *arena,
                       struct weeks *w)
{
    size_t skip = until % WEEK;
    w->count = until / WEEK;
    w->y = arena_calloc(arena, w->count + 1, sizeof *w->y);
    w->exposure = arena_calloc(arena, w->count + 1, sizeof *w->exposure);
    if (!w->y || !w->exposure) {
        return false;
    }
    for (size_t i = 0; i < w->count; i++) {
        for (size_t t = skip + i * WEEK; t < skip + (i + 1) * WEEK; t++) {
            if (l->series->exposure[t] > 0.0) {
                w->y[i] += l->series->observed[t];
                w->exposure[i] += l->series->exposure[t] * exp(l->season.log_factor[t]);
            }
        }
        w->y[i] = w->exposure[i] < WATCHED_LEAST * WEEK ? (double)NAN : w->y[i];
    }
    return true;
}

static enum err week_look(struct weeks *w, size_t back, struct arena *arena)
{
    struct farrington_options o = FARRINGTON_IMPROVED;
    if (back >= w->count) {
        return OK;
    }
    size_t now = w->count - 1 - back;
    size_t years = now >= o.half_window ? (now - o.half_window) / FARRINGTON_YEAR_WEEKS : 0;
    if (!years) {
        return OK;
    }
    o.years = years < o.years ? (unsigned)years : o.years;
    o.periods = years < SEASONS_YEARS ? SEASONS_FEW : o.periods;
    enum err e = farrington_at(w->y, w->exposure, now, &o, arena, &w->looks[back]);
    w->is_known[back] = e == OK;
    return e == ERR_NOMEM ? e : OK;
}

/* Is the week past a bound that the week before was not past? */
static bool is_crossed(const struct weeks *w, size_t back, bool *is_drop)
{
    const struct farrington *f = &w->looks[back], *before = &w->looks[back + 1];
    *is_drop = f->is_low;
    return w->is_known[back] && w->is_known[back + 1] &&
           ((f->is_low && !before->is_low) || (f->is_high && !before->is_high));
}

static void evidence_fill(const struct weeks *w, size_t back, struct alarm_evidence *e)
{
    const struct farrington *f = &w->looks[back];
    e->week_observed = w->y[w->count - 1 - back];
    e->week_expected = f->expected;
    e->week_lower = f->lower;
    e->week_upper = f->upper;
}

/* The week in which the present rate began, by the posterior over weeks. */
static enum err date_fill(const struct weeks *w, size_t back, int64_t first, struct arena *arena,
                          struct alarm *a)
{
    const struct farrington *f = &w->looks[back];
    size_t now = w->count - 1 - back, low, high, best = now;
    struct bocpd_model model = {.kind = BOCPD_COUNT,
                                .alpha = 1.0,
                                .beta = w->exposure[now] / fmax(f->expected, 1.0),
                                .dispersion = f->dispersion,
                                .hazard = WEEK_HAZARD,
                                .prune = WEEK_PRUNE,
                                .steps_max = now + 1};
    struct bocpd *b = bocpd_new(&model, arena);
    if (!b) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i <= now; i++) {
        bocpd_step(b, w->y[i], w->exposure[i] > 0.0 ? w->exposure[i] : 1.0);
    }
    for (size_t i = now + 1 > CHANGE_WEEKS ? now + 1 - CHANGE_WEEKS : 0; i <= now; i++) {
        best = bocpd_began(b, i) > bocpd_began(b, best) ? i : best;
    }
    bocpd_range(b, .9, &low, &high);
    low = low < best ? low : best;
    high = high > best ? high : best;
    a->evidence.change_p = bocpd_since(b, now + 1 > CHANGE_WEEKS ? now + 1 - CHANGE_WEEKS : 0);
    a->evidence.window_days = CHANGE_WEEKS * WEEK;
    a->date = first + (int64_t)best * WEEK * SECONDS_PER_DAY;
    a->date_p = bocpd_began(b, best);
    a->date_from = first + (int64_t)low * WEEK * SECONDS_PER_DAY;
    a->date_to = first + ((int64_t)high * WEEK + WEEK - 1) * SECONDS_PER_DAY;
    return OK;
}

static struct alarm *explained_by(struct alarm *days, size_t count, const struct series *s,
                                  bool is_drop, int64_t raised)
{
    for (size_t i = count; i-- > 0;) {
        struct alarm *a = &days[i];
        if (a->series == s && a->is_drop == is_drop && a->raised <= raised &&
            raised - a->raised < (int64_t)EXPLAINED_DAYS * SECONDS_PER_DAY) {
            return a;
        }
    }
    return NULL;
}

/* p-values of the week `back` weeks ago over all series, adjusted. */
static enum err adjust(const struct weeks *w, size_t count, size_t back, struct arena *arena,
                       double *q)
{
    for (size_t i = 0; i < count; i++) {
        const struct farrington *f = &w[i].looks[back];
        q[i] = w[i].is_known[back] ? fmin(2.0 * fmin(f->p_low, f->p_high), 1.0) : (double)NAN;
    }
    return multiple_bh(q, count, arena, q);
}

enum err alarm_weeks(const struct alarm_line *lines, size_t count, const struct alarm_options *o,
                     size_t since, size_t until, struct alarm *days, size_t day_count,
                     struct arena *arena, struct alarm *out, size_t *out_count, bool *is_watched)
{
    struct weeks *w = arena_calloc(arena, count + 1, sizeof *w);
    double *q = arena_calloc(arena, count + 1, sizeof *q);
    enum err e = w && q ? OK : ERR_NOMEM;
    *out_count = 0;
    for (size_t i = 0; e == OK && i < count; i++) {
        e = weeks_fill(&lines[i], until, arena, &w[i]) ? OK : ERR_NOMEM;
        for (size_t back = 0; e == OK && back < WEEKS_LOOKED; back++) {
            e = week_look(&w[i], back, arena);
        }
        is_watched[i] = w[i].is_known[0];
    }
    for (size_t back = ALARM_WEEK_BACK + 1; e == OK && back-- > 0;) {
        if (until < (back + 1) * WEEK || until - back * WEEK - 1 < since) {
            continue;
        }
        e = adjust(w, count, back, arena, q);
        for (size_t i = 0; e == OK && i < count; i++) {
            const struct series *s = lines[i].series;
            int64_t raised = s->first + (int64_t)(until - back * WEEK - 1) * SECONDS_PER_DAY;
            bool is_drop;
            if (!is_crossed(&w[i], back, &is_drop) || !(q[i] <= o->fdr)) {
                continue;
            }
            struct alarm *same = explained_by(days, day_count, s, is_drop, raised);
            if (same) {
                evidence_fill(&w[i], back, &same->evidence);
                continue;
            }
            const struct farrington *f = &w[i].looks[back];
            struct alarm *a = &out[(*out_count)++];
            *a = (struct alarm){
                .series = s,
                .kind = ALARM_WEEK,
                .is_drop = is_drop,
                .raised = raised,
                .before_from = s->first,
                .evidence = {.cusum = (double)NAN,
                             .cusum_threshold = (double)NAN,
                             .p = fmin(2.0 * fmin(f->p_low, f->p_high), 1.0),
                             .q = q[i],
                             .e = (double)NAN,
                             .log_sd = lines[i].is_watched ? sqrt(lines[i].variance) : (double)NAN,
                             .rho = lines[i].rho}};
            evidence_fill(&w[i], back, &a->evidence);
            e = date_fill(&w[i], back, s->first + (int64_t)(until % WEEK) * SECONDS_PER_DAY, arena,
                          a);
        }
    }
    return e;
}
