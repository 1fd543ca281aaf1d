/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The share is p / (p + r) of two levels that are estimated apart, part and rest, so that their
 * intervals are independent; everything is done on the odds p / r. */
#include "observe/share.h"

#include "stat/poisson_ratio.h"

#include <math.h>

static const struct {
    const char *name, *text;
} READINGS[SHARE_READING_COUNT] = {
    [SHARE_UNKNOWN] = {"unknown", "not known"},
    [SHARE_STEADY] = {"steady", "neither share nor level moved"},
    [SHARE_ROSE] = {"rose", "share and level rose"},
    [SHARE_FELL] = {"fell", "share and level fell"},
    [SHARE_OTHERS_FELL] = {"others_fell", "the share rose, the level did not: others fell"},
    [SHARE_OTHERS_ROSE] = {"others_rose", "the share fell, the level did not: others rose"},
    [SHARE_WITH_ALL] = {"with_all", "the level moved, the share did not: so did everything"},
};

const char *share_reading_name(enum share_reading r)
{
    return READINGS[r].name;
}

const char *share_reading_text(enum share_reading r)
{
    return READINGS[r].text;
}

enum share_reading share_read(struct interval level, struct interval odds)
{
    if (isnan(level.low) || isnan(level.high) || isnan(odds.low) || isnan(odds.high)) {
        return SHARE_UNKNOWN;
    }
    bool is_up = level.low > 1.0, is_down = level.high < 1.0;
    if (odds.low > 1.0) {
        return is_up ? SHARE_ROSE : SHARE_OTHERS_FELL;
    }
    if (odds.high < 1.0) {
        return is_down ? SHARE_FELL : SHARE_OTHERS_ROSE;
    }
    return is_up || is_down ? SHARE_WITH_ALL : SHARE_STEADY;
}

/* Distance on logarithms from a value to an end of its interval; of a value that is 0, whose
 * logarithm has none, nothing. */
static double reach(double value, double end)
{
    return value > 0.0 && end > 0.0 ? fabs(log(end / value)) : 0.0;
}

struct ratio ratio_of(struct ratio a, struct ratio b)
{
    if (!(a.value >= 0.0) || !(b.value >= 0.0) || !(a.value + b.value > 0.0)) {
        return (struct ratio){NAN, NAN, NAN};
    }
    if (!(a.value > 0.0)) {
        return (struct ratio){0.0, 0.0, a.high / b.value};
    }
    if (!(b.value > 0.0)) {
        return (struct ratio){INFINITY, a.value / b.high, INFINITY};
    }
    double value = a.value / b.value;
    double down = hypot(reach(a.value, a.low), reach(b.value, b.high));
    double up = hypot(reach(a.value, a.high), reach(b.value, b.low));
    return (struct ratio){value, value * exp(-down), value * exp(up)};
}

static double share_of_odds(double odds)
{
    return isinf(odds) ? 1.0 : odds / (1.0 + odds);
}

/* ---- part and rest ---- */

/* Everything less the part. Counts of a label can exceed those of all only when the store changed
 * in between. */
static enum err rest_panel(const struct index_panel *part, const struct index_panel *all,
                           struct arena *arena, struct index_panel *out, struct errbuf *eb)
{
    size_t cells = all->traps * all->times;
    bool is_same =
        part->traps == all->traps && part->times == all->times && part->from[0] == all->from[0];
    for (size_t i = 0; is_same && i < all->traps; i++) {
        is_same = slice_eq(part->trap_names[i], all->trap_names[i]);
    }
    double *count = arena_calloc(arena, cells + 1, sizeof *count);
    if (!count) {
        return err_set(eb, ERR_NOMEM, "the shares need too much memory");
    }
    for (size_t i = 0; is_same && i < cells; i++) {
        count[i] = all->count[i] - part->count[i];
        is_same = count[i] >= 0.0;
    }
    if (!is_same) {
        return err_set(eb, ERR_BUSY, "the store changed while shares were computed; try again");
    }
    *out = *all; /* what is late of it is late of the rest as well */
    out->count = count;
    return OK;
}

/* The index against the base that was asked for; when there was nothing of it then, levels alone:
 * against the whole period. */
static enum err part_index(const struct index_panel *p, const struct index_options *o,
                           struct arena *arena, struct index *out, bool *has_base,
                           struct errbuf *eb)
{
    enum err e = index_compute(p, o, arena, out, eb);
    *has_base = e == OK;
    if (e == ERR_NOTFOUND) {
        struct index_options whole = *o;
        whole.base_since = p->from[0];
        whole.base_until = p->from[p->times];
        e = index_compute(p, &whole, arena, out, eb);
    }
    return e;
}

static struct ratio level_of(const struct index_point *p)
{
    return (struct ratio){p->level, p->level_low, p->level_high};
}

static struct ratio index_of(const struct index_point *p)
{
    return (struct ratio){p->index / 100.0, p->low / 100.0, p->high / 100.0};
}

/* Part over rest. Where one of them is 0 its logarithm has no error, but counts have: exactly, and
 * over-dispersed ones are worth so many fewer. */
static struct ratio odds_of(const struct index_point *part, const struct index_point *rest,
                            double dispersion)
{
    bool is_zero = !(part->observed > 0.0) || !(rest->observed > 0.0);
    if (!is_zero || isnan(part->level) || isnan(rest->level) ||
        !(part->observed + rest->observed > 0.0)) {
        return ratio_of(level_of(part), level_of(rest));
    }
    struct poisson_ratio r = poisson_ratio(part->observed / dispersion, part->exposure,
                                           rest->observed / dispersion, rest->exposure);
    return (struct ratio){r.ratio, r.low, r.high};
}

/* A silence of everything is no gap, but has no share either. */
static void point_fill(const struct index_point *part, const struct index_point *rest,
                       double dispersion, bool has_base, struct share_point *out)
{
    *out = (struct share_point){.part = *part,
                                .observed_all = part->observed + rest->observed,
                                .share = NAN,
                                .low = NAN,
                                .high = NAN,
                                .change_low = NAN,
                                .change_high = NAN};
    struct ratio odds = odds_of(part, rest, dispersion);
    if (isnan(odds.value)) {
        return;
    }
    out->share = share_of_odds(odds.value);
    out->low = share_of_odds(odds.low);
    out->high = share_of_odds(odds.high);
    if (has_base) {
        struct ratio level = index_of(part), change = ratio_of(level, index_of(rest));
        out->change_low = change.low;
        out->change_high = change.high;
        out->reading = share_read((struct interval){level.low, level.high},
                                  (struct interval){change.low, change.high});
    }
}

static bool is_empty(const struct index_panel *p)
{
    for (size_t i = 0; i < p->traps * p->times; i++) {
        if (p->count[i] > 0.0) {
            return false;
        }
    }
    return true;
}

/* When the part is all there is its rest has no index: 1, with Wilson's lower end. */
static void point_alone(const struct index_point *part, struct share_point *out)
{
    double n = part->observed;
    struct interval w = wilson_95((uint64_t)n, (uint64_t)n);
    *out = (struct share_point){.part = *part,
                                .observed_all = n,
                                .share = n > 0.0 ? 1.0 : NAN,
                                .low = w.low,
                                .high = w.high,
                                .change_low = NAN,
                                .change_high = NAN};
}

enum err share_compute(const struct index_panel *part, const struct index_panel *all,
                       const struct index_options *o, struct arena *arena, struct shares *out,
                       struct errbuf *eb)
{
    struct index_panel rest;
    struct index index, rest_index;
    bool has_base = false, rest_has_base = false;
    enum err e = rest_panel(part, all, arena, &rest, eb);
    e = e == OK ? part_index(part, o, arena, &index, &has_base, eb) : e;
    bool is_alone = e == OK && is_empty(&rest);
    if (e == OK && !is_alone) {
        e = part_index(&rest, o, arena, &rest_index, &rest_has_base, eb);
    }
    struct share_point *points =
        e == OK ? arena_calloc(arena, part->times + 1, sizeof *points) : NULL;
    if (!points) {
        return e == OK ? err_set(eb, ERR_NOMEM, "the shares need too much memory") : e;
    }
    has_base &= rest_has_base;
    for (size_t t = 0; t < part->times; t++) {
        if (is_alone) {
            point_alone(&index.points[t], &points[t]);
        } else {
            point_fill(&index.points[t], &rest_index.points[t],
                       fmax(index.dispersion, rest_index.dispersion), has_base, &points[t]);
        }
    }
    *out = (struct shares){.points = points,
                           .count = part->times,
                           .has_base = has_base,
                           .base_since = index.base_since,
                           .base_until = index.base_until,
                           .traps = index.traps,
                           .sites = index.sites};
    return OK;
}
