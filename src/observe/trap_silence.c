/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/trap_silence.h"

#include "core/strmap.h"
#include "observe/trap_rhythm.h"

#include <math.h>
#include <stdlib.h>

/* ln(1e6): what must be expected before nothing at all is that improbable. */
static const double LEAST_EXPECTED = 13.9;
/* A step with no more than this part of the usual is silent: stray mail does not end an outage. */
static const double STRAY = 0.02;
/* A day below this part of what is expected may be a partial outage. */
static const double PARTIAL = 0.6;
/* Other traps say something about a label from this many expected messages on. */
static const double INFORMED = 5;

enum { CONTEXT_DAYS = 14, SEARCH_BYTES_MAX = 512 * 1024 * 1024 };

struct label_row {
    int64_t day; /* of the grid */
    uint32_t label, trap;
    double messages;
};

struct candidate {
    size_t trap;
    size_t from, to; /* steps */
    bool is_partial, is_tail;
    struct trap_rhythm rhythm;
    double days, expected, observed;
};

struct search {
    struct store *store;
    const struct trap_watch *w;
    struct trap_counts counts;
    size_t *born, *dead; /* days of the grid, by trap: first, and after the last with mail */
    size_t end_step;     /* after the last step with any mail at all */
    struct candidate *candidates;
    size_t count, size;
    struct label_row *rows; /* of the days around candidates, by day */
    size_t row_count, row_size;
    struct strmap *labels; /* numbers of texts */
    struct arena *arena;   /* of the search */
    enum err err;
    struct errbuf *eb;
};

static enum err no_memory(struct errbuf *eb)
{
    return err_set(eb, ERR_NOMEM, "out of memory for the search of outages");
}

static size_t step_of(const struct trap_counts *c, int64_t t)
{
    int64_t seconds = SECONDS_PER_DAY / (int64_t)c->steps_a_day;
    int64_t step = t < c->first ? 0 : (t - c->first) / seconds;
    return (size_t)step < c->steps ? (size_t)step : c->steps;
}

static int64_t step_time(const struct trap_counts *c, size_t step)
{
    return c->first + (int64_t)step * (SECONDS_PER_DAY / (int64_t)c->steps_a_day);
}

/* ---- candidates ---- */

static struct candidate *candidate_put(struct search *x, const struct candidate *c)
{
    if (x->count == x->size) {
        size_t size = x->size ? 2 * x->size : 64;
        struct candidate *more = reallocarray(x->candidates, size, sizeof *more);
        if (!more) {
            x->err = no_memory(x->eb);
            return NULL;
        }
        x->candidates = more;
        x->size = size;
    }
    x->candidates[x->count] = *c;
    return &x->candidates[x->count++];
}

/* Messages a day around a day, raw: a quick look before the exact one. */
static double rate_near(const struct search *x, size_t trap, size_t day, size_t reach)
{
    size_t from = day > reach ? day - reach : 0, to = day + reach + 1;
    from = from > x->born[trap] ? from : x->born[trap];
    to = to < x->dead[trap] ? to : x->dead[trap];
    return to > from ? trap_counts_sum(&x->counts, trap, from, to) / (double)(to - from) : 0;
}

static double steps_sum(const struct trap_counts *c, size_t trap, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++) {
        sum += c->by_step[trap * c->steps + i];
    }
    return sum;
}

/* Keeps a run of steps when its count is improbable under the trap's own rhythm. */
static void run_look(struct search *x, size_t trap, size_t from, size_t to, bool is_partial)
{
    const struct trap_counts *c = &x->counts;
    struct candidate run = {.trap = trap,
                            .from = from,
                            .to = to,
                            .is_partial = is_partial,
                            .is_tail = to == x->end_step};
    if (!trap_rhythm_around(c, trap, from, to, x->born[trap],
                            run.is_tail ? from / c->steps_a_day : x->dead[trap], &run.rhythm)) {
        return;
    }
    run.days = trap_rhythm_days(c, &run.rhythm, from, to);
    run.expected = run.rhythm.rate * run.days;
    run.observed = steps_sum(c, trap, from, to);
    double span = fmax(1, (double)(to - from) / (double)c->steps_a_day);
    if (count_log10_at_most(run.observed, run.expected, run.rhythm.theta * span) <= GAP_LOG10_P &&
        (!is_partial || run.observed <= PARTIAL * run.expected)) {
        (void)candidate_put(x, &run);
    }
}

static void silences_look(struct search *x, size_t trap)
{
    const struct trap_counts *c = &x->counts;
    size_t first = x->born[trap] * c->steps_a_day, from = SIZE_MAX;
    for (size_t i = first; i <= x->end_step && x->err == OK; i++) {
        double rate = rate_near(x, trap, i / c->steps_a_day, 7) / (double)c->steps_a_day;
        bool is_silent = i < x->end_step && c->by_step[trap * c->steps + i] <= STRAY * rate;
        if (is_silent && from == SIZE_MAX) {
            from = i;
        } else if (!is_silent && from != SIZE_MAX) {
            double days = (double)(i - from) / (double)c->steps_a_day;
            /* Four: the hours of a run may be the busy ones; and its days are in the mean. */
            double most = 4 * rate_near(x, trap, from / c->steps_a_day, RHYTHM_DAYS) * (days + 1);
            if (most >= LEAST_EXPECTED && from > first) {
                run_look(x, trap, from, i, false);
            }
            from = SIZE_MAX;
        }
    }
}

/* Is the day one in which a silence begins or ends? `from` is the trap's first candidate. */
static bool day_is_edge(const struct search *x, size_t from, size_t day)
{
    size_t first = day * x->counts.steps_a_day, end = first + x->counts.steps_a_day;
    for (size_t i = from; i < x->count; i++) {
        if (!x->candidates[i].is_partial && x->candidates[i].from <= end &&
            x->candidates[i].to >= first) {
            return true;
        }
    }
    return false;
}

/* Days that are low but not silent, between others that are not. `first` is the trap's first
 * candidate: its silences. */
static void partials_look(struct search *x, size_t trap, size_t first)
{
    const struct trap_counts *c = &x->counts;
    size_t from = SIZE_MAX, end = x->end_step / c->steps_a_day;
    for (size_t d = x->born[trap] + 1; d <= end && x->err == OK; d++) {
        double y = d < end ? c->by_day[trap * c->days + d] : 0;
        double usual = rate_near(x, trap, d, CONTEXT_DAYS);
        bool is_low =
            d < end && y > STRAY * usual && y < PARTIAL * usual && !day_is_edge(x, first, d);
        if (is_low && from == SIZE_MAX) {
            from = d;
        } else if (!is_low && from != SIZE_MAX) {
            if (d < end && d - from <= GAP_PARTIAL_DAYS_MAX) {
                run_look(x, trap, from * c->steps_a_day, d * c->steps_a_day, true);
            }
            from = SIZE_MAX;
        }
    }
}

static int candidate_cmp(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->trap != y->trap ? (x->trap < y->trap ? -1 : 1)
                              : (x->from > y->from) - (x->from < y->from);
}

/* ---- labels around candidates ---- */

static bool rows_grow(struct search *x)
{
    if (x->row_count == x->row_size) {
        size_t size = x->row_size ? 2 * x->row_size : 4096;
        struct label_row *more = reallocarray(x->rows, size, sizeof *more);
        if (!more) {
            return false;
        }
        x->rows = more;
        x->row_size = size;
    }
    return true;
}

static void label_add(void *arg, const struct panel_row *row)
{
    struct search *x = arg;
    uint64_t *number = strmap_get(x->labels, row->value);
    if (x->err != OK || row->units.messages == 0 || row->trap >= x->counts.trap_count) {
        return;
    }
    if (!number) {
        uint64_t next = strmap_count(x->labels);
        number = strmap_put(x->labels, row->value, NULL);
        if (number) {
            *number = next;
        }
    }
    if (!number || !rows_grow(x)) {
        x->err = no_memory(x->eb);
        return;
    }
    x->rows[x->row_count++] = (struct label_row){
        .day = (row->bucket - x->counts.first) / SECONDS_PER_DAY,
        .label = (uint32_t)*number,
        .trap = (uint32_t)row->trap,
        .messages = (double)row->units.messages,
    };
}

static enum err labels_read(struct search *x, size_t first_day, size_t end_day)
{
    struct store_filter f = STORE_FILTER_ALL;
    f.since = x->counts.first + (int64_t)first_day * SECONDS_PER_DAY;
    f.until = x->counts.first + (int64_t)end_day * SECONDS_PER_DAY;
    enum err e = store_panel(x->store, &f, BUCKET_DAY, DIMENSION_BOTNET, label_add, x, x->eb);
    return e == OK ? x->err : e;
}

static size_t context_first(const struct search *x, const struct candidate *c)
{
    size_t day = c->from / x->counts.steps_a_day;
    return day > CONTEXT_DAYS ? day - CONTEXT_DAYS : 0;
}

static size_t context_end(const struct search *x, const struct candidate *c)
{
    size_t day = (c->to - 1) / x->counts.steps_a_day + 1 + CONTEXT_DAYS;
    return day < x->counts.days ? day : x->counts.days;
}

/* Reads each day around candidates once. */
static enum err contexts_read(struct search *x)
{
    enum err e = OK;
    bool *is_wanted = arena_calloc(x->arena, x->counts.days + 1, sizeof *is_wanted);
    if (!is_wanted) {
        return no_memory(x->eb);
    }
    for (size_t i = 0; i < x->count; i++) {
        for (size_t d = context_first(x, &x->candidates[i]); d < context_end(x, &x->candidates[i]);
             d++) {
            is_wanted[d] = true;
        }
    }
    for (size_t d = 0; e == OK && d < x->counts.days;) {
        size_t end = d;
        while (end < x->counts.days && is_wanted[end]) {
            end++;
        }
        if (end > d) {
            e = labels_read(x, d, end);
        }
        d = end + 1;
    }
    return e;
}

/* ---- what the labels say ---- */

/* Messages of one label around a candidate, and in it. */
struct label_sum {
    double here, here_now;           /* at the candidate's trap: in the context, in the run */
    double elsewhere, elsewhere_now; /* at the other traps that are not silent themselves */
};

struct evidence {
    struct search *x;
    const struct candidate *c;
    const bool *is_out; /* by trap */
    struct label_sum *sums;
    size_t label_count;
    double context_days;
};

static void now_add(void *arg, const struct panel_row *row)
{
    struct evidence *v = arg;
    const uint64_t *number = strmap_get(v->x->labels, row->value);
    if (!number || row->trap >= v->x->counts.trap_count) {
        return; /* not usual anywhere: says nothing about a silence */
    }
    struct label_sum *sum = &v->sums[*number];
    if (row->trap == v->c->trap) {
        sum->here_now += (double)row->units.messages;
    } else if (!v->is_out[row->trap]) {
        sum->elsewhere_now += (double)row->units.messages;
    }
}

static size_t row_first(const struct search *x, int64_t day)
{
    size_t low = 0, high = x->row_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->rows[middle].day < day) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum err evidence_read(struct evidence *v)
{
    const struct search *x = v->x;
    const struct trap_counts *counts = &x->counts;
    int64_t run_first = (int64_t)(v->c->from / counts->steps_a_day),
            run_last = (int64_t)((v->c->to - 1) / counts->steps_a_day);
    int64_t first = (int64_t)context_first(x, v->c), end = (int64_t)context_end(x, v->c);
    first = first > (int64_t)x->born[v->c->trap] ? first : (int64_t)x->born[v->c->trap];
    end = end < (int64_t)x->dead[v->c->trap] || v->c->is_tail ? end : (int64_t)x->dead[v->c->trap];
    end = v->c->is_tail ? run_last + 1 : end;
    for (size_t i = row_first(x, first); i < x->row_count && x->rows[i].day < end; i++) {
        const struct label_row *row = &x->rows[i];
        struct label_sum *sum = &v->sums[row->label];
        bool is_now = row->day >= run_first && row->day <= run_last;
        if (is_now && counts->steps_a_day == 24) {
            continue; /* by the hour, below */
        }
        if (row->trap == v->c->trap) {
            *(is_now ? &sum->here_now : &sum->here) += row->messages;
        } else if (!v->is_out[row->trap]) {
            *(is_now ? &sum->elsewhere_now : &sum->elsewhere) += row->messages;
        }
    }
    v->context_days = (double)(end - first - (run_last - run_first + 1));
    if (counts->steps_a_day == 1) {
        return OK;
    }
    struct store_filter f = STORE_FILTER_ALL;
    f.since = step_time(counts, v->c->from);
    f.until = step_time(counts, v->c->to);
    return store_panel(x->store, &f, BUCKET_HOUR, DIMENSION_BOTNET, now_add, v, x->eb);
}

/* Traps that are silent at the same time say nothing about the spam. */
static void out_traps_set(const struct search *x, const struct candidate *c, bool *is_out)
{
    for (size_t t = 0; t < x->counts.trap_count; t++) {
        double rate = rate_near(x, t, c->from / x->counts.steps_a_day, RHYTHM_DAYS);
        double usual = rate * (double)(c->to - c->from) / (double)x->counts.steps_a_day;
        is_out[t] =
            t != c->trap && usual > 0 && steps_sum(&x->counts, t, c->from, c->to) <= STRAY * usual;
    }
}

/* How much of what is expected the labels bear out. */
struct judgement {
    double expected;     /* of the trap, given what the others saw of each label */
    double informed;     /* part of the plain expectation that others say something about */
    double low, judged;  /* of `expected`: of labels that fell, of labels that can be judged */
    double log10_labels; /* of the chance that each label is so low by itself */
    double others_now, others_usual;
    size_t labels, silent, silent_only_here;
};

/* Any one botnet may stop, or leave this trap, without anything being wrong with the trap: a named
 * label never counts for more than this. "unknown" is many senders. */
static double label_log10(const struct label_sum *sum, double expected, double theta,
                          bool is_unknown)
{
    static const double BY_ITSELF = -2;
    double p = count_log10_at_most(sum->here_now, expected, theta);
    return is_unknown ? p : fmax(p, BY_ITSELF);
}

static struct judgement labels_judge(const struct evidence *v, double theta)
{
    struct judgement j = {0};
    double all = 0;
    const uint64_t *unknown = strmap_get(v->x->labels, S("unknown"));
    for (size_t l = 0; l < v->label_count; l++) {
        all += v->sums[l].here;
    }
    for (size_t l = 0; l < v->label_count; l++) {
        const struct label_sum *sum = &v->sums[l];
        double usual = v->context_days > 0 ? sum->elsewhere / v->context_days * v->c->days : 0;
        double expected = all > 0 ? v->c->expected * sum->here / all : 0;
        bool is_informed = usual >= INFORMED;
        double level = is_informed ? fmin(1, sum->elsewhere_now / usual) : 1;
        j.others_now += sum->elsewhere_now;
        j.others_usual += usual;
        j.expected += expected * level;
        j.informed += is_informed ? expected : 0;
        j.log10_labels += label_log10(sum, expected * level, theta, unknown && l == *unknown);
        if (expected < INFORMED) {
            continue;
        }
        bool is_silent = sum->here_now <= 0.05 * expected;
        j.labels++;
        j.silent += is_silent;
        j.silent_only_here += is_silent && is_informed && level >= 0.5;
        j.judged += expected * level;
        j.low += sum->here_now <= 0.75 * expected * level ? expected * level : 0;
    }
    return j;
}

/* ---- verdicts ---- */

/* A backlog that came in within a day of the end is a part of the gap: it is the mail of another
 * time. Returns where the gap ends. */
static size_t flush_find(const struct search *x, const struct candidate *c, bool *has_flush)
{
    const struct trap_counts *counts = &x->counts;
    size_t end = c->to + counts->steps_a_day;
    end = end < counts->steps ? end : counts->steps;
    double usual = c->rhythm.rate * trap_rhythm_days(counts, &c->rhythm, c->to, end);
    double came = steps_sum(counts, c->trap, c->to, end);
    *has_flush = usual > 0 && came >= 2 * usual && came - usual >= 0.5 * c->expected &&
                 count_log10_at_least(came, usual, c->rhythm.theta) <= GAP_LOG10_P;
    size_t to = c->to;
    for (size_t i = c->to; *has_flush && i < end; i++) {
        double step = c->rhythm.rate * trap_rhythm_days(counts, &c->rhythm, i, i + 1);
        if (counts->by_step[c->trap * counts->steps + i] > 2 * step) {
            to = i + 1;
        }
    }
    return to;
}

struct edge {
    int64_t last, first; /* hours with mail: end of the last before, start of the first after */
    int64_t middle;
};

static void edge_look(void *arg, const struct panel_row *row)
{
    struct edge *g = arg;
    if (row->units.messages == 0) {
        return;
    }
    if (row->bucket < g->middle) {
        g->last = row->bucket + 3600;
    } else if (g->first == 0) {
        g->first = row->bucket;
    }
}

/* A gap found by the day begins and ends within the days beside it. */
static enum err edges_refine(const struct search *x, const struct candidate *c, struct trap_gap *g)
{
    struct edge edge = {.middle = g->since};
    struct store_filter f = {g->since - SECONDS_PER_DAY, g->since, x->w->traps[c->trap].name,
                             S("")};
    enum err e = store_panel(x->store, &f, BUCKET_HOUR, DIMENSION_TOTAL, edge_look, &edge, x->eb);
    if (e == OK && g->until != INT64_MAX && !g->has_flush) {
        f.since = g->until;
        f.until = g->until + SECONDS_PER_DAY;
        e = store_panel(x->store, &f, BUCKET_HOUR, DIMENSION_TOTAL, edge_look, &edge, x->eb);
    }
    g->since = edge.last ? edge.last : g->since;
    g->until = edge.first ? edge.first : g->until;
    return e;
}

/* An outage must be improbable as a whole, because days vary, and label by label, because botnets
 * come and go. False when the candidate is nothing to tell. */
static bool verdict_set(const struct candidate *c, const struct judgement *j, double theta,
                        struct trap_gap *g)
{
    double whole = count_log10_at_most(c->observed, j->expected, theta);
    g->log10_p = fmax(whole, j->log10_labels);
    if (c->is_partial) {
        g->part = j->expected > 0 ? fmin(1, c->observed / j->expected) : (double)NAN;
        g->verdict = GAP_PARTIAL;
        return g->log10_p <= GAP_LOG10_P && c->observed <= PARTIAL * j->expected &&
               j->low >= 0.9 * j->judged && j->labels >= 2;
    }
    bool is_explained = whole > GAP_LOG10_P && 2 * j->informed > c->expected;
    g->part = 0;
    g->verdict = g->log10_p <= GAP_LOG10_P ? GAP_OUTAGE : is_explained ? GAP_DROP : GAP_UNDECIDED;
    return true;
}

static enum err candidate_judge(struct search *x, const struct candidate *c, bool *is_out,
                                struct trap_gap *g, bool *is_gap)
{
    struct evidence v = {.x = x, .c = c, .is_out = is_out};
    v.label_count = strmap_count(x->labels);
    v.sums = calloc(v.label_count + 1, sizeof *v.sums);
    if (!v.sums) {
        return no_memory(x->eb);
    }
    out_traps_set(x, c, is_out);
    double span = fmax(1, (double)(c->to - c->from) / (double)x->counts.steps_a_day);
    double theta = c->rhythm.theta * span;
    enum err e = evidence_read(&v);
    struct judgement j = labels_judge(&v, theta);
    free(v.sums);
    *g = (struct trap_gap){
        .trap = c->trap,
        .since = step_time(&x->counts, c->from),
        .until = c->is_tail ? INT64_MAX : step_time(&x->counts, c->to),
        .source = GAP_SILENCE,
        .expected = c->expected,
        .expected_elsewhere = j.expected,
        .observed = (uint64_t)c->observed,
        .others = j.others_usual >= INFORMED ? j.others_now / j.others_usual : (double)NAN,
        .labels = j.labels,
        .silent = j.silent,
        .silent_only_here = j.silent_only_here,
    };
    for (size_t t = 0; t < x->counts.trap_count; t++) {
        g->others_count +=
            t != c->trap && !is_out[t] && rate_near(x, t, c->from / x->counts.steps_a_day, 7) > 0;
    }
    *is_gap = verdict_set(c, &j, theta, g);
    if (e == OK && *is_gap && g->verdict == GAP_OUTAGE && !c->is_tail) {
        g->until = step_time(&x->counts, flush_find(x, c, &g->has_flush));
    }
    if (e == OK && *is_gap && x->counts.steps_a_day == 1 && !c->is_partial) {
        e = edges_refine(x, c, g);
    }
    return e;
}

/* ---- the search ---- */

/* From a month before the period to a month after it, as far as the store has mail. */
static enum err grid_load(struct search *x)
{
    const struct trap_watch *w = x->w;
    int64_t first = w->first, end = trap_watch_time(w, w->count), oldest = INT64_MAX,
            newest = INT64_MIN;
    for (size_t t = 0; t < w->trap_count; t++) {
        if (w->traps[t].first_seen != 0) {
            oldest = w->traps[t].first_seen < oldest ? w->traps[t].first_seen : oldest;
            newest = w->traps[t].last_seen > newest ? w->traps[t].last_seen : newest;
        }
    }
    bool is_hourly = end - first <= (int64_t)GAP_HOURLY_DAYS_MAX * SECONDS_PER_DAY;
    first -= RHYTHM_DAYS * SECONDS_PER_DAY;
    end += RHYTHM_DAYS * SECONDS_PER_DAY;
    first = day_of(first > oldest ? first : oldest);
    end = day_of((end <= newest ? end : newest + 1) + SECONDS_PER_DAY - 1);
    if (oldest > newest || end <= first) {
        return OK; /* no mail there */
    }
    size_t days = (size_t)(end - first);
    enum err e = trap_counts_load(x->store, first * SECONDS_PER_DAY, days, is_hourly, w->trap_count,
                                  x->arena, &x->counts, x->eb);
    x->born = arena_calloc(x->arena, w->trap_count + 1, sizeof *x->born);
    x->dead = arena_calloc(x->arena, w->trap_count + 1, sizeof *x->dead);
    if (e == OK && (!x->born || !x->dead)) {
        e = no_memory(x->eb);
    }
    for (size_t t = 0; e == OK && t < w->trap_count; t++) {
        const struct trap_info *info = &w->traps[t];
        x->born[t] =
            info->first_seen ? step_of(&x->counts, info->first_seen) / x->counts.steps_a_day : days;
        int64_t last = day_of(info->last_seen) - first + 1;
        x->dead[t] = last < 0 ? 0 : (size_t)last < days ? (size_t)last : days;
    }
    x->end_step = newest + 1 >= step_time(&x->counts, x->counts.steps)
                      ? x->counts.steps
                      : step_of(&x->counts, newest) + 1;
    return e;
}

static enum err gaps_judge(struct search *x, struct arena *arena, struct trap_gap **out,
                           size_t *count)
{
    const struct trap_watch *w = x->w;
    struct trap_gap *gaps = arena_calloc(arena, x->count + 1, sizeof *gaps);
    bool *is_out = arena_calloc(x->arena, w->trap_count + 1, sizeof *is_out);
    size_t n = 0;
    enum err e = gaps && is_out ? OK : no_memory(x->eb);
    for (size_t i = 0; e == OK && i < x->count; i++) {
        bool is_gap = false;
        e = candidate_judge(x, &x->candidates[i], is_out, &gaps[n], &is_gap);
        n += e == OK && is_gap && gaps[n].since < trap_watch_time(w, w->count) &&
             gaps[n].until > w->first;
    }
    *out = gaps;
    *count = n;
    return e;
}

enum err trap_silences(struct store *s, const struct trap_watch *w, struct arena *arena,
                       struct trap_gap **out, size_t *count, struct errbuf *eb)
{
    struct search x = {.store = s, .w = w, .eb = eb};
    x.arena = arena_new(SEARCH_BYTES_MAX);
    x.labels = strmap_new();
    enum err e = x.arena && x.labels ? grid_load(&x) : no_memory(eb);
    for (size_t t = 0; e == OK && x.counts.days && t < w->trap_count; t++) {
        size_t silences = x.count;
        silences_look(&x, t);
        partials_look(&x, t, silences);
        e = x.err;
    }
    if (x.count) {
        qsort(x.candidates, x.count, sizeof *x.candidates, candidate_cmp);
    }
    e = e == OK ? contexts_read(&x) : e;
    e = e == OK ? gaps_judge(&x, arena, out, count) : e;
    free(x.candidates);
    free(x.rows);
    strmap_free(x.labels);
    arena_free(x.arena);
    return e;
}
