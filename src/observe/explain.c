/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/explain.h"

#include "core/strbuf.h"
#include "observe/explain_load.h"
#include "stat/main_effects.h"
#include "stat/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    VALUES = EXPLAIN_ROWS,
    BLOCKS_LEAST = 3, /* fewer days in a window say nothing of how days differ */
};
static const double MIX_LEAST = 0.005; /* of a share: less is not worth a word */

const char *explain_dimension_name(enum explain_dimension d)
{
    static const char *const NAMES[EXPLAIN_DIMENSIONS] = {"botnet", "program", "country", "trap"};
    return NAMES[d];
}

/* What is kept of each draw for each value. */
enum metric { METRIC_CHANGE, METRIC_RATIO, METRIC_PART, METRIC_SHARE, METRICS };

struct explaining {
    struct explain_data data;
    struct explain *x;
    struct arena *arena;
    struct errbuf *eb;
    struct explain_sums sums;
    double *draws; /* [metric of a value][draw]: a column each */
    double *factor_draws;
    double *block_weights, *site_weights;
};

static enum err explain_nomem(struct explaining *a)
{
    return err_set(a->eb, ERR_NOMEM, "explaining a change needs more memory than its arena has");
}

/* ---- the bootstrap: blocks of days and sites, together ---- */

/* Column 0 of the total, then those of the values. */
static double *column(const struct explaining *a, size_t k, size_t v, enum metric m)
{
    return a->draws + ((1 + k * VALUES + v) * METRICS + m) * EXPLAIN_DRAWS;
}

static double *total_column(const struct explaining *a, enum metric m)
{
    return a->draws + m * EXPLAIN_DRAWS;
}

/* Sites are drawn whole; a trap's own change is not a matter of which sites are drawn. */
static void weights_draw(struct explaining *a, gsl_rng *rng, bool has_sites)
{
    const struct explain *x = a->x;
    size_t blocks = x->blocks_before + x->blocks_after;
    for (size_t i = 0; i < blocks; i++) {
        a->block_weights[i] = 0.0;
    }
    for (size_t i = 0; i < x->blocks_before; i++) {
        a->block_weights[gsl_rng_uniform_int(rng, x->blocks_before)]++;
    }
    for (size_t i = 0; i < x->blocks_after; i++) {
        a->block_weights[x->blocks_before + gsl_rng_uniform_int(rng, x->blocks_after)]++;
    }
    for (size_t i = 0; i < x->sites; i++) {
        a->site_weights[i] = has_sites ? 0.0 : 1.0;
    }
    for (size_t i = 0; has_sites && i < x->sites; i++) {
        a->site_weights[gsl_rng_uniform_int(rng, x->sites)]++;
    }
}

static void draw_keep(struct explaining *a, const struct explain_sums *s, size_t k, size_t draw)
{
    double change = s->total[SIDE_AFTER] - s->total[SIDE_BEFORE];
    for (size_t v = 0; v < VALUES; v++) {
        double before = s->value[k][v][SIDE_BEFORE], after = s->value[k][v][SIDE_AFTER];
        column(a, k, v, METRIC_CHANGE)[draw] = after - before;
        column(a, k, v, METRIC_RATIO)[draw] = after / before;
        column(a, k, v, METRIC_PART)[draw] = (after - before) / change;
        column(a, k, v, METRIC_SHARE)[draw] =
            after / s->total[SIDE_AFTER] - before / s->total[SIDE_BEFORE];
    }
}

static enum err factors_fit(struct explaining *a, struct main_effects *m)
{
    const struct explain_data *d = &a->data;
    struct effects_table t = {
        .cells = d->cells,
        .dimensions = EXPLAIN_DIMENSIONS,
        .value = d->cell_value,
        .before = d->level[SIDE_BEFORE],
        .after = d->level[SIDE_AFTER],
    };
    for (size_t k = 0; k < EXPLAIN_DIMENSIONS; k++) {
        t.values[k] = VALUES;
    }
    return main_effects(&t, m);
}

/* A draw without any volume on one side has no factors: it counts as no change of anything. */
static enum err factors_keep(struct explaining *a, size_t draw)
{
    struct main_effects m = {0};
    enum err e = factors_fit(a, &m);
    for (size_t k = 0; k < EXPLAIN_FACTORS; k++) {
        a->factor_draws[k * EXPLAIN_FACTOR_DRAWS + draw] = m.shapley[k];
        a->factor_draws[(EXPLAIN_FACTORS + k) * EXPLAIN_FACTOR_DRAWS + draw] = m.lmdi[k];
    }
    return e == ERR_USAGE ? OK : e;
}

static enum err draws_run(struct explaining *a)
{
    struct strbuf seed = STRBUF_INIT;
    const struct explain *x = a->x;
    strbuf_printf(&seed, "explain %lld %lld %lld %lld %.*s %.*s", (long long)x->before_since,
                  (long long)x->before_until, (long long)x->since, (long long)x->until,
                  SLICE_ARG(x->trap), SLICE_ARG(x->site));
    gsl_rng *rng = seed.failed ? NULL : random_seeded(strbuf_slice(&seed));
    strbuf_free(&seed);
    if (!rng) {
        return explain_nomem(a);
    }
    enum err e = OK;
    for (size_t draw = 0; !e && draw < EXPLAIN_DRAWS; draw++) {
        struct explain_sums s;
        weights_draw(a, rng, false);
        explain_sums(&a->data, a->block_weights, a->site_weights, &s);
        draw_keep(a, &s, EXPLAIN_TRAP, draw);
        weights_draw(a, rng, true);
        explain_sums(&a->data, a->block_weights, a->site_weights, &s);
        for (size_t k = 0; k < EXPLAIN_TRAP; k++) {
            draw_keep(a, &s, k, draw);
        }
        total_column(a, METRIC_CHANGE)[draw] = s.total[SIDE_AFTER] - s.total[SIDE_BEFORE];
        total_column(a, METRIC_RATIO)[draw] = s.total[SIDE_AFTER] / s.total[SIDE_BEFORE];
        if (draw < EXPLAIN_FACTOR_DRAWS) {
            explain_levels(&a->data, a->block_weights, a->site_weights);
            e = factors_keep(a, draw);
        }
    }
    gsl_rng_free(rng);
    return e ? explain_nomem(a) : OK;
}

static int double_cmp(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;
    return (a > b) - (a < b);
}

/* The 2.5 and 97.5 % points of a column, which is sorted. Draws that gave no number (of sites that
 * never saw the value) are left out; NAN when they are the most. */
static struct estimate estimate_of(double value, double *draws, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(draws[i])) {
            draws[kept++] = draws[i];
        }
    }
    if (2 * kept < n) {
        return (struct estimate){value, NAN, NAN};
    }
    qsort(draws, kept, sizeof *draws, double_cmp);
    size_t tail = (kept + 1) / 40;
    tail = tail ? tail - 1 : 0;
    return (struct estimate){value, draws[tail], draws[kept - 1 - tail]};
}

/* ---- the tables ---- */

static const struct estimate UNKNOWN = {NAN, NAN, NAN};

/* Of the share of a label: strata are traps and countries. */
static struct kitagawa mix_of(const struct explain_data *d, const struct explain_sums *s,
                              enum explain_dimension k, size_t v)
{
    static const size_t STRATA = (size_t)VALUES * VALUES;
    double weight[SIDES][VALUES * VALUES] = {{0}}, rate[SIDES][VALUES * VALUES] = {{0}};
    for (size_t c = 0; c < d->cells; c++) {
        const uint16_t *at = d->cell_value + c * EXPLAIN_DIMENSIONS;
        size_t stratum = (size_t)at[EXPLAIN_TRAP] * VALUES + at[EXPLAIN_COUNTRY];
        for (unsigned side = 0; side < SIDES; side++) {
            weight[side][stratum] += d->level[side][c] / s->total[side];
            rate[side][stratum] += at[k] == v ? d->level[side][c] / s->total[side] : 0.0;
        }
    }
    for (size_t i = 0; i < STRATA; i++) {
        for (unsigned side = 0; side < SIDES; side++) {
            rate[side][i] = weight[side][i] > 0.0 ? rate[side][i] / weight[side][i] : 0.0;
        }
    }
    return decompose_kitagawa(weight[SIDE_BEFORE], rate[SIDE_BEFORE], weight[SIDE_AFTER],
                              rate[SIDE_AFTER], STRATA);
}

/* METHODS B7 (4). */
static bool is_mix_change(const struct kitagawa *k)
{
    double crude = k->crude, standard = k->standardised;
    return fmax(fabs(crude), fabs(standard)) >= MIX_LEAST &&
           (crude * standard < 0.0 || fabs(crude - standard) > 0.5 * fabs(standard));
}

static struct explain_part part_make(struct explaining *a, enum explain_dimension k, size_t v)
{
    const struct explain_sums *s = &a->sums;
    double before = s->value[k][v][SIDE_BEFORE], after = s->value[k][v][SIDE_AFTER];
    double change = s->total[SIDE_AFTER] - s->total[SIDE_BEFORE];
    struct explain_part p = {
        .name = a->data.values[k][v].name,
        .before = before,
        .after = after,
        .change = {after - before, NAN, NAN},
        .ratio = {before > 0.0 ? after / before : NAN, NAN, NAN},
        .part = UNKNOWN,
        .share_before = before / s->total[SIDE_BEFORE],
        .share_after = after / s->total[SIDE_AFTER],
        .hosts_before = NAN,
        .hosts_after = NAN,
        .by_hosts = NAN,
        .by_rate = NAN,
    };
    p.share_change = (struct estimate){p.share_after - p.share_before, NAN, NAN};
    if (k == EXPLAIN_BOTNET || k == EXPLAIN_PROGRAM) {
        p.mix = mix_of(&a->data, s, k, v);
        p.is_mix = is_mix_change(&p.mix);
    }
    if (a->x->has_interval) {
        p.change = estimate_of(p.change.value, column(a, k, v, METRIC_CHANGE), EXPLAIN_DRAWS);
        p.ratio = estimate_of(p.ratio.value, column(a, k, v, METRIC_RATIO), EXPLAIN_DRAWS);
        p.share_change =
            estimate_of(p.share_change.value, column(a, k, v, METRIC_SHARE), EXPLAIN_DRAWS);
        p.is_share_only = p.share_change.low > 0.0 && !(p.change.low > 0.0);
    }
    if (a->x->is_certain) {
        p.part =
            estimate_of((after - before) / change, column(a, k, v, METRIC_PART), EXPLAIN_DRAWS);
    }
    return p;
}

static int part_cmp(const void *pa, const void *pb)
{
    const struct explain_part *a = pa, *b = pb;
    double x = fabs(a->change.value), y = fabs(b->change.value);
    if (x != y) {
        return x < y ? 1 : -1;
    }
    return slice_cmp(a->name, b->name);
}

static enum err table_make(struct explaining *a, enum explain_dimension k)
{
    struct explain_part *parts = arena_calloc(a->arena, VALUES, sizeof *parts);
    size_t n = 0;
    if (!parts) {
        return explain_nomem(a);
    }
    for (size_t v = 0; v < VALUES; v++) {
        if (a->sums.value[k][v][SIDE_BEFORE] > 0.0 || a->sums.value[k][v][SIDE_AFTER] > 0.0) {
            parts[n++] = part_make(a, k, v);
        }
    }
    qsort(parts, n, sizeof *parts, part_cmp);
    a->x->tables[k] = (struct explain_table){parts, n};
    return OK;
}

static void total_make(struct explaining *a)
{
    struct explain *x = a->x;
    const double *total = a->sums.total;
    struct estimate part = {1.0, NAN, NAN};
    x->total = (struct explain_part){
        .before = total[SIDE_BEFORE],
        .after = total[SIDE_AFTER],
        .change = {total[SIDE_AFTER] - total[SIDE_BEFORE], NAN, NAN},
        .ratio = {total[SIDE_AFTER] / total[SIDE_BEFORE], NAN, NAN},
        .part = part,
        .share_before = 1.0,
        .share_after = 1.0,
        .share_change = UNKNOWN,
        .hosts_before = NAN,
        .hosts_after = NAN,
        .by_hosts = NAN,
        .by_rate = NAN,
    };
    if (x->has_interval) {
        x->total.change =
            estimate_of(x->total.change.value, total_column(a, METRIC_CHANGE), EXPLAIN_DRAWS);
        x->total.ratio =
            estimate_of(x->total.ratio.value, total_column(a, METRIC_RATIO), EXPLAIN_DRAWS);
        x->is_certain = x->total.change.low > 0.0 || x->total.change.high < 0.0;
    }
}

/* ---- hosts and what each sends ---- */

struct hosts_daily {
    struct explaining *a;
    unsigned side;
    int64_t first; /* start of the window */
    double *sums;  /* by part of the botnet table, then the total */
    bool is_total;
};

static void hosts_see(void *arg, const struct cube_row *row)
{
    struct hosts_daily *h = arg;
    const struct explain_table *t = &h->a->x->tables[EXPLAIN_BOTNET];
    int64_t day = (row->bucket - h->first) / SECONDS_PER_DAY;
    if (!h->a->data.watched[h->side][day]) {
        return;
    }
    for (size_t i = 0; !h->is_total && i < t->count; i++) {
        if (slice_eq(t->parts[i].name, row->value)) {
            h->sums[i] += (double)row->units.hosts;
        }
    }
    h->sums[t->count] += h->is_total ? (double)row->units.hosts : 0.0;
}

static void hosts_split(struct explain_part *p, double before, double after)
{
    double x[2] = {before, p->before / before}, y[2] = {after, p->after / after}, effect[2];
    if (!(before > 0.0) && !(after > 0.0)) {
        return;
    }
    p->hosts_before = before;
    p->hosts_after = after;
    if (before > 0.0 && after > 0.0 && p->before > 0.0 && p->after > 0.0) {
        decompose_lmdi(x, y, 1, 2, effect);
        p->by_hosts = effect[0];
        p->by_rate = effect[1];
    }
}

/* Distinct hosts of all traps asked for: they can not be counted without those left out, so they
 * are not counted then. "other" is several botnets, whose hosts do not add up. */
static enum err hosts_make(struct explaining *a, struct store *s, const struct store_filter *filter)
{
    struct explain *x = a->x;
    size_t n = x->tables[EXPLAIN_BOTNET].count;
    double *sums[SIDES];
    struct explain_part *parts = arena_calloc(a->arena, n + 1, sizeof *parts);
    if (x->traps_left_out) {
        return OK;
    }
    if (!parts) {
        return explain_nomem(a);
    }
    for (unsigned side = 0; side < SIDES; side++) {
        struct store_filter f = *filter;
        f.since = side == SIDE_BEFORE ? x->before_since : x->since;
        f.until = side == SIDE_BEFORE ? x->before_until : x->until;
        sums[side] = arena_calloc(a->arena, n + 1, sizeof *sums[side]);
        if (!sums[side]) {
            return explain_nomem(a);
        }
        struct hosts_daily h = {a, side, f.since, sums[side], false};
        enum err e = store_cube(s, &f, BUCKET_DAY, DIMENSION_BOTNET, hosts_see, &h, a->eb);
        h.is_total = true;
        e = e ? e : store_cube(s, &f, BUCKET_DAY, DIMENSION_TOTAL, hosts_see, &h, a->eb);
        if (e) {
            return e;
        }
        size_t watched = 0;
        for (int64_t day = 0; day < (f.until - f.since) / SECONDS_PER_DAY; day++) {
            watched += a->data.watched[side][day];
        }
        for (size_t i = 0; i <= n; i++) {
            sums[side][i] /= watched ? (double)watched : 1.0;
        }
    }
    memcpy(parts, x->tables[EXPLAIN_BOTNET].parts, n * sizeof *parts);
    for (size_t i = 0; i < n; i++) {
        hosts_split(&parts[i], sums[SIDE_BEFORE][i], sums[SIDE_AFTER][i]);
    }
    hosts_split(&x->total, sums[SIDE_BEFORE][n], sums[SIDE_AFTER][n]);
    x->tables[EXPLAIN_BOTNET].parts = parts;
    return OK;
}

/* ---- the whole ---- */

/* A factor that is many times the change, cancelled by another, is none that anybody could name. */
static bool factors_are_sound(const struct main_effects *m, double change)
{
    const double most = 10.0 * fabs(change);
    for (size_t k = 0; k < EXPLAIN_FACTORS; k++) {
        if (!(fabs(m->shapley[k]) <= most) || !(fabs(m->lmdi[k]) <= most)) {
            return false;
        }
    }
    return true;
}

static enum err factors_make(struct explaining *a)
{
    struct main_effects m;
    enum err e = factors_fit(a, &m);
    if (e) {
        return e == ERR_NOMEM ? explain_nomem(a) : e;
    }
    a->x->level = m.level;
    a->x->misfit = m.misfit;
    a->x->has_factors = factors_are_sound(&m, a->x->total.change.value);
    for (size_t k = 0; k < EXPLAIN_FACTORS; k++) {
        double shapley = a->x->has_factors ? m.shapley[k] : NAN;
        double lmdi = a->x->has_factors ? m.lmdi[k] : NAN;
        a->x->shapley[k] = (struct estimate){shapley, NAN, NAN};
        a->x->lmdi[k] = (struct estimate){lmdi, NAN, NAN};
    }
    return OK;
}

static void factors_intervals(struct explaining *a)
{
    for (size_t k = 0; k < EXPLAIN_FACTORS && a->x->has_factors; k++) {
        double *shapley = a->factor_draws + k * EXPLAIN_FACTOR_DRAWS;
        double *lmdi = a->factor_draws + (EXPLAIN_FACTORS + k) * EXPLAIN_FACTOR_DRAWS;
        a->x->shapley[k] = estimate_of(a->x->shapley[k].value, shapley, EXPLAIN_FACTOR_DRAWS);
        a->x->lmdi[k] = estimate_of(a->x->lmdi[k].value, lmdi, EXPLAIN_FACTOR_DRAWS);
    }
}

static enum err room_make(struct explaining *a)
{
    size_t columns = (1 + (size_t)EXPLAIN_DIMENSIONS * VALUES) * METRICS;
    size_t blocks = a->x->blocks_before + a->x->blocks_after;
    a->draws = arena_calloc(a->arena, columns * EXPLAIN_DRAWS, sizeof *a->draws);
    a->factor_draws =
        arena_calloc(a->arena, (size_t)2 * EXPLAIN_FACTORS * EXPLAIN_FACTOR_DRAWS, sizeof(double));
    a->block_weights = arena_calloc(a->arena, blocks, sizeof *a->block_weights);
    a->site_weights = arena_calloc(a->arena, a->x->sites, sizeof *a->site_weights);
    return a->draws && a->factor_draws && a->block_weights && a->site_weights ? OK
                                                                              : explain_nomem(a);
}

/* Everything once with all blocks and sites as they are, after the draws have left their own. */
static enum err tables_make(struct explaining *a)
{
    struct explain *x = a->x;
    for (size_t i = 0; i < x->blocks_before + x->blocks_after; i++) {
        a->block_weights[i] = 1.0;
    }
    for (size_t i = 0; i < x->sites; i++) {
        a->site_weights[i] = 1.0;
    }
    explain_sums(&a->data, a->block_weights, a->site_weights, &a->sums);
    explain_levels(&a->data, a->block_weights, a->site_weights);
    if (!(a->sums.total[SIDE_BEFORE] > 0.0) || !(a->sums.total[SIDE_AFTER] > 0.0)) {
        return err_set(a->eb, ERR_NOTFOUND,
                       "one of the windows has no message in the traps that are compared");
    }
    total_make(a);
    enum err e = OK;
    for (size_t k = 0; !e && k < EXPLAIN_DIMENSIONS; k++) {
        e = table_make(a, (enum explain_dimension)k);
    }
    e = e ? e : factors_make(a);
    if (!e && x->has_interval) {
        factors_intervals(a);
    }
    return e;
}

enum err explain_build(struct store *s, const struct explain_query *q, struct arena *arena,
                       struct explain *out, struct errbuf *eb)
{
    struct explain x = {0};
    struct explaining a = {.data = {.arena = arena, .x = &x}, .x = &x, .arena = arena, .eb = eb};
    x.trap = arena_copy(arena, q->filter.trap);
    x.site = arena_copy(arena, q->filter.site);
    enum err e = explain_load(s, q, &a.data, eb);
    e = e ? e : room_make(&a);
    if (!e && x.blocks_before >= BLOCKS_LEAST && x.blocks_after >= BLOCKS_LEAST) {
        x.has_interval = true;
        e = draws_run(&a);
    }
    e = e ? e : tables_make(&a);
    e = e ? e : hosts_make(&a, s, &q->filter);
    explain_data_free(&a.data);
    if (!e) {
        *out = x;
    }
    return e;
}
