/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/host_model.h"

#include "core/hash.h"

#include <math.h>
#include <stdlib.h>

enum {
    NODES = 32,           /* of the gamma distribution */
    GRID = 33,            /* churns at which the means are computed */
    BISECTIONS = 30,      /* to 1e-9 of a range */
    PAIRS_LEAST = 60,     /* addresses seen again that a churn of its own needs: its error is then
                              some 0.05 a day */
    PAIRS_ALL_LEAST = 30, /* that any churn needs */
};
static const double CHURN_MAX = 6.0; /* an address for four hours; past that days tell nothing */
/* How much less often addresses must come again, and in standard errors, before machines count as
 * unlike. */
static const double SEEN_ALWAYS = 0.99;
static const double UNLIKE_LEAST = 0.01, UNLIKE_ERRORS = 3.0;
static const double SHAPE_LOW = 0.05, SHAPE_HIGH = 50.0;
static const double RATE_LOW = 1e-4, RATE_HIGH = 1e5;
static const double T95_19 =
    2.093024054408263; /* Student's t, HOST_GROUPS - 1 degrees of freedom */

double host_addresses(double rate, double churn, double days)
{
    double s = rate + churn;
    if (!(s > 0.0)) {
        return 0.0;
    }
    return rate / s * (rate / s * -expm1(-s * days) + churn * days);
}

double host_pairs(double rate, double churn, unsigned lag)
{
    double s = rate + churn;
    double end = s > 0.0 ? rate / s * -expm1(-s) : 0.0; /* the address at a day's end was seen */
    return end * end * exp(-churn * (double)(lag - 1));
}

/* ---- what is counted ---- */

struct cell {
    double host_days, messages;
    double pairs[HOST_LAGS];    /* addresses seen on a day and again */
    double possible[HOST_LAGS]; /* address-days that had such a day, half for each side */
    /* Days between two on which an address was seen: it was there, and was it seen? */
    double between, between_possible;
};

struct host_model {
    size_t days, watched_count;
    bool *watched;
    uint32_t *watched_before;  /* by day: watched days before it */
    float (*sides)[HOST_LAGS]; /* by day: half for each watched day at the lag's distance */
    struct cell cells[HOST_NETWORKS][HOST_GROUPS];
    double frequency[HOST_FREQUENCIES], beyond, beyond_sum; /* of address-days */
};

struct host_model *host_model_new(size_t days, const bool *watched)
{
    struct host_model *m = calloc(1, sizeof *m);
    if (!m) {
        return NULL;
    }
    m->days = days;
    m->watched = calloc(days + 1, sizeof *m->watched);
    m->watched_before = calloc(days + 1, sizeof *m->watched_before);
    m->sides = calloc(days + 1, sizeof *m->sides);
    if (!m->watched || !m->watched_before || !m->sides) {
        host_model_free(m);
        return NULL;
    }
    for (size_t day = 0; day < days; day++) {
        m->watched[day] = watched[day];
        m->watched_before[day] = (uint32_t)m->watched_count;
        m->watched_count += watched[day];
        for (size_t lag = 1; lag <= HOST_LAGS; lag++) {
            bool before = day >= lag && watched[day - lag];
            bool after = day + lag < days && watched[day + lag];
            m->sides[day][lag - 1] = 0.5F * (float)(before + after);
        }
    }
    return m;
}

void host_model_free(struct host_model *m)
{
    if (m) {
        free(m->watched);
        free(m->watched_before);
        free(m->sides);
        free(m);
    }
}

/* Machines stay in their network, and mostly leave their /24: what one does is spread over groups.
 */
static size_t group_of(uint64_t host)
{
    uint64_t net = host > UINT32_MAX ? host >> 16 : host >> 8;
    return hash_u64(slice_of((const char *)&net, sizeof net)) % HOST_GROUPS;
}

static size_t network_slot(uint32_t network)
{
    return hash_u64(slice_of((const char *)&network, sizeof network)) % HOST_NETWORKS;
}

static void frequency_add(struct host_model *m, uint64_t messages)
{
    if (messages < HOST_FREQUENCIES) {
        m->frequency[messages]++;
    } else {
        m->beyond++;
        m->beyond_sum += (double)messages;
    }
}

/* Days before seen[i] on which the address was seen, too. */
static void pairs_count(const struct host_model *m, struct cell *c, const struct host_seen *seen,
                        size_t i)
{
    size_t between = 0;
    for (size_t k = i; k-- > 0 && seen[i].day - seen[k].day <= HOST_LAGS;) {
        if (m->watched[seen[k].day]) {
            c->pairs[seen[i].day - seen[k].day - 1]++;
            c->between += (double)between++;
            c->between_possible +=
                m->watched_before[seen[i].day] - m->watched_before[seen[k].day] - 1;
        }
    }
}

void host_model_add(struct host_model *m, uint64_t host, uint32_t network,
                    const struct host_seen *seen, size_t n)
{
    struct cell *c = &m->cells[network_slot(network)][group_of(host)];
    for (size_t i = 0; i < n; i++) {
        if (seen[i].day >= m->days) {
            panic("host_model_add: day %u", seen[i].day);
        }
        if (!m->watched[seen[i].day]) {
            continue;
        }
        c->host_days++;
        c->messages += (double)seen[i].messages;
        frequency_add(m, seen[i].messages);
        for (size_t lag = 0; lag < HOST_LAGS; lag++) {
            c->possible[lag] += (double)m->sides[seen[i].day][lag];
        }
        pairs_count(m, c, seen, i);
    }
}

/* ---- churn of a network ---- */

static void cell_add(struct cell *to, const struct cell *c)
{
    to->host_days += c->host_days;
    to->messages += c->messages;
    for (size_t lag = 0; lag < HOST_LAGS; lag++) {
        to->pairs[lag] += c->pairs[lag];
        to->possible[lag] += c->possible[lag];
    }
    to->between += c->between;
    to->between_possible += c->between_possible;
}

static double cell_pairs(const struct cell *c)
{
    double sum = 0.0;
    for (size_t lag = 0; lag < HOST_LAGS; lag++) {
        sum += c->pairs[lag];
    }
    return sum;
}

/* log(pairs / possible) = level - churn (lag - 1): exact for any distribution of rates. Poisson
 * regression with two parameters, by Newton. False when the lags do not tell. */
static bool churn_fit(const struct cell *c, double *churn)
{
    double level, slope = 0.0, pairs = 0.0, possible = 0.0;
    size_t lags = 0;
    for (size_t lag = 0; lag < HOST_LAGS; lag++) {
        pairs += c->pairs[lag];
        possible += c->possible[lag];
        lags += c->possible[lag] > 0.0;
    }
    if (lags < 2 || pairs < PAIRS_ALL_LEAST) {
        return false;
    }
    level = log(pairs / possible);
    for (int i = 0; i < 100; i++) {
        double g0 = 0, g1 = 0, h00 = 0, h01 = 0, h11 = 0;
        for (size_t lag = 0; lag < HOST_LAGS; lag++) {
            double x = (double)lag, mean = c->possible[lag] * exp(level + slope * x);
            g0 += c->pairs[lag] - mean;
            g1 += (c->pairs[lag] - mean) * x;
            h00 += mean;
            h01 += mean * x;
            h11 += mean * x * x;
        }
        double det = h00 * h11 - h01 * h01;
        if (!(det > 1e-12 * h00 * h11)) {
            return false;
        }
        double step0 = (h11 * g0 - h01 * g1) / det, step1 = (h00 * g1 - h01 * g0) / det;
        double scale = fmin(1.0, 1.0 / fmax(fabs(step0), fabs(step1)));
        level += scale * step0;
        slope += scale * step1;
        if (fabs(step0) + fabs(step1) < 1e-10) {
            break;
        }
    }
    *churn = fmin(fmax(-slope, 0.0), CHURN_MAX);
    return isfinite(slope) && isfinite(level);
}

/* ---- machines ---- */

/* What all networks together say, with address-days spread over a grid of churns. */
struct demand {
    double addresses[GRID]; /* a watched day */
    double messages;        /* a watched day */
    double again;           /* addresses a day that are seen on the next, too */
    double between;         /* part of the days between two on which an address was seen */
    double
        spans[HOST_LAGS]; /* address-days with a day at that lag, by which `between` is weighted */
    size_t networks;
    double own_days, days;
};

static double grid_churn(size_t i)
{
    /* denser near 0, where most networks are */
    double x = (double)i / (GRID - 1);
    return CHURN_MAX * x * x * x;
}

static void grid_add(struct demand *d, double churn, double addresses)
{
    size_t i = 0;
    while (i + 2 < GRID && grid_churn(i + 1) < churn) {
        i++;
    }
    double low = grid_churn(i), high = grid_churn(i + 1);
    double part = fmin(fmax((churn - low) / (high - low), 0.0), 1.0);
    d->addresses[i] += (1.0 - part) * addresses;
    d->addresses[i + 1] += part * addresses;
}

static void demand_finish(struct demand *d, const struct cell *all, double watched)
{
    d->messages = all->messages / watched;
    d->days = all->host_days;
    /* Of one day to the next, no churn is in it: not extrapolated, so that networks of mixed churn
     * do no harm. */
    d->again =
        all->possible[0] > 0.0 ? all->pairs[0] / all->possible[0] * all->host_days / watched : NAN;
    d->between = all->between_possible > 0.0 ? all->between / all->between_possible : NAN;
    for (size_t lag = 0; lag < HOST_LAGS; lag++) {
        d->spans[lag] = all->possible[lag];
    }
}

/* `without`: the group left out; HOST_GROUPS: none. False when churn can not be told. */
static bool demand_make(const struct host_model *m, size_t without, struct demand *d)
{
    struct cell rest = {0}, total = {0};
    double watched = (double)m->watched_count;
    double churn;
    *d = (struct demand){0};
    for (size_t k = 0; k < HOST_NETWORKS; k++) {
        struct cell all = {0};
        for (size_t g = 0; g < HOST_GROUPS; g++) {
            if (g != without) {
                cell_add(&all, &m->cells[k][g]);
            }
        }
        cell_add(&total, &all);
        if (cell_pairs(&all) >= PAIRS_LEAST && churn_fit(&all, &churn)) {
            grid_add(d, churn, all.host_days / watched);
            d->own_days += all.host_days;
            d->networks++;
        } else {
            cell_add(&rest, &all);
        }
    }
    if (rest.host_days > 0.0) {
        if (churn_fit(&rest, &churn)) {
            grid_add(d, churn, rest.host_days / watched);
        } else if (d->own_days > 0.0) {
            /* A few stray addresses: as the others. */
            double scale = 1.0 + rest.host_days / d->own_days;
            for (size_t i = 0; i < GRID; i++) {
                d->addresses[i] *= scale;
            }
        } else {
            return false;
        }
    }
    demand_finish(d, &total, watched);
    return d->days > 0.0 && d->between > 0.0 && d->again > 0.0;
}

/* The gamma distribution with mean 1 as weighted points; one point when all are alike. */
struct rates {
    double at[NODES], weight[NODES];
    size_t count;
};

/* The trapezoid rule on the logarithm, where the density falls off at both ends faster than any
 * power: a few dozen points give nine digits. To the left it may end early, because what is
 * averaged goes to 0 with the rate: the weights need not add up to 1. */
static struct rates rates_make(double shape)
{
    struct rates r = {.at = {1.0}, .weight = {1.0}, .count = 1};
    if (isfinite(shape)) {
        double low = fmax(log(shape) - 2.0 - 10.0 / sqrt(shape), -20.0);
        double high = log(shape + 8.0 * sqrt(shape) + 25.0);
        double step = (high - low) / (NODES - 1);
        r.count = NODES;
        for (size_t i = 0; i < NODES; i++) {
            double u = low + step * (double)i;
            r.at[i] = exp(u) / shape;
            r.weight[i] = step * exp(shape * u - exp(u) - lgamma(shape));
        }
    }
    return r;
}

/* What machines of one mean rate make of what was seen. */
struct supply {
    double machines; /* that explain the addresses */
    double again;    /* addresses seen on the next day, too */
    double between;  /* part of the days between two on which an address was seen */
};

static struct supply supply_at(const struct demand *d, const struct rates *r, double rate)
{
    struct supply s = {0};
    double between = 0.0, possible = 0.0;
    for (size_t i = 0; i < GRID; i++) {
        double churn = grid_churn(i), addresses = 0.0, again = 0.0, again_seen = 0.0, spans = 0.0;
        if (d->addresses[i] <= 0.0) {
            continue;
        }
        for (size_t k = 0; k < r->count; k++) {
            double pairs = r->weight[k] * host_pairs(rate * r->at[k], churn, 1);
            addresses += r->weight[k] * host_addresses(rate * r->at[k], churn, 1.0);
            again += pairs;
            again_seen += pairs * -expm1(-rate * r->at[k]);
        }
        for (size_t lag = 1; lag < HOST_LAGS; lag++) {
            spans += (double)lag * d->spans[lag] * exp(-churn * (double)lag);
        }
        double machines = d->addresses[i] / addresses;
        s.machines += machines;
        s.again += machines * again;
        between += machines * again_seen * spans;
        possible += machines * again * spans;
    }
    s.between = between / possible;
    return s;
}

/* The mean rate at which addresses are seen between as often as they were. */
static double rate_by_between(const struct demand *d, const struct rates *r)
{
    double low = log(RATE_LOW), high = log(RATE_HIGH);
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = (low + high) / 2.0;
        if (supply_at(d, r, exp(middle)).between < d->between) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return exp((low + high) / 2.0);
}

struct solution {
    double machines;
    double rate, shape; /* at which a machine shows up: once for a burst of messages */
    double again;       /* as in struct supply */
};

/* An address that was seen on two days was there in between (it was the same machine's), so the
 * part of those days on which it was seen is the probability of being seen, of machines weighted by
 * how often they are seen. For each shape this gives the rate. The more machines differ, the more
 * of them are seldom seen, and the fewer of a day's addresses come again: this gives the shape.
 * Messages are not asked: they may come in bursts. */
static struct solution demand_solve(const struct demand *d, bool is_alike)
{
    struct rates r = rates_make(INFINITY);
    struct solution s = {.shape = INFINITY};
    if (!is_alike && supply_at(d, &r, rate_by_between(d, &r)).again > d->again) {
        double low = log(SHAPE_LOW), high = log(SHAPE_HIGH);
        for (int i = 0; i < BISECTIONS; i++) {
            double middle = (low + high) / 2.0;
            r = rates_make(exp(middle));
            if (supply_at(d, &r, rate_by_between(d, &r)).again > d->again) {
                high = middle;
            } else {
                low = middle;
            }
        }
        s.shape = exp((low + high) / 2.0);
        r = rates_make(s.shape);
    }
    s.rate = rate_by_between(d, &r);
    struct supply at = supply_at(d, &r, s.rate);
    s.machines = at.machines;
    s.again = at.again;
    return s;
}

/* ---- the whole ---- */

#define CAPTURE_NONE                                                                               \
    {                                                                                              \
        NAN, NAN, NAN, NAN                                                                         \
    }
#define FIT_NONE                                                                                   \
    .method = HOST_NOT_ESTIMATED, .live = CAPTURE_NONE, .daily = NAN, .churn = NAN,                \
    .churn_low = NAN, .churn_high = NAN, .rate = NAN, .burst = NAN, .shape = NAN, .seen = NAN,     \
    .period_expected = NAN, .chao = CAPTURE_NONE

/* Machines by churn, for the figures about churn and about the period. */
static void fit_churn(const struct host_model *m, const struct demand *d, const struct solution *s,
                      struct host_fit *out)
{
    struct rates r = rates_make(s->shape);
    double machines[GRID] = {0}, seen = 0.0, below = 0.0;
    out->churn = out->period_expected = 0.0;
    out->churn_low = out->churn_high = 0.0;
    for (size_t i = 0; i < GRID; i++) {
        struct demand one = {0};
        one.addresses[i] = d->addresses[i];
        machines[i] = supply_at(&one, &r, s->rate).machines;
        for (size_t k = 0; k < r.count; k++) {
            double part = machines[i] * r.weight[k];
            seen += part * -expm1(-s->rate * r.at[k]);
            out->period_expected +=
                part * host_addresses(s->rate * r.at[k], grid_churn(i), (double)m->watched_count);
        }
        out->churn += machines[i] * grid_churn(i) / s->machines;
    }
    out->seen = seen / s->machines;
    for (size_t i = 0; i < GRID; i++) {
        double next = below + machines[i] / s->machines;
        out->churn_low = below < 0.1 && next >= 0.1 ? grid_churn(i) : out->churn_low;
        out->churn_high = below < 0.9 && next >= 0.9 ? grid_churn(i) : out->churn_high;
        below = next;
    }
}

/* The frequencies of a mean day. */
static struct capture_counts counts_of(const struct host_model *m, double mean[HOST_FREQUENCIES])
{
    double watched = (double)m->watched_count;
    for (size_t k = 0; k < HOST_FREQUENCIES; k++) {
        mean[k] = m->frequency[k] / watched;
    }
    return (struct capture_counts){mean, HOST_FREQUENCIES, m->beyond / watched,
                                   m->beyond_sum / watched};
}

static void fit_detection(const struct capture_counts *counts, struct host_fit *out)
{
    struct capture_truncated t = capture_truncated_negative(counts);
    if (isfinite(t.n.n)) {
        out->method = HOST_DETECTION;
        out->live = t.n;
        out->rate = t.mean;
        out->shape = t.shape;
        out->seen = t.seen;
    }
}

struct jackknife {
    struct demand *without; /* HOST_GROUPS: what is left without a group */
    double values[HOST_GROUPS];
};

static double jackknife_variance(const struct jackknife *j)
{
    double mean = 0.0, variance = 0.0;
    for (size_t g = 0; g < HOST_GROUPS; g++) {
        mean += j->values[g] / HOST_GROUPS;
    }
    for (size_t g = 0; g < HOST_GROUPS; g++) {
        variance += (j->values[g] - mean) * (j->values[g] - mean) * (HOST_GROUPS - 1) / HOST_GROUPS;
    }
    return variance;
}

/* How much less often addresses come again than if machines were alike, as a logarithm. */
static double unlikeness(const struct demand *d)
{
    return log(demand_solve(d, true).again / d->again);
}

/* Machines are taken as alike unless the data say otherwise: a shape found by chance would always
 * add machines and never take any away. */
static bool machines_are_alike(const struct demand *d, struct jackknife *j)
{
    for (size_t g = 0; g < HOST_GROUPS; g++) {
        j->values[g] = unlikeness(&j->without[g]);
    }
    return !(unlikeness(d) > fmax(UNLIKE_LEAST, UNLIKE_ERRORS * sqrt(jackknife_variance(j))));
}

/* On the logarithm. */
static bool fit_interval(struct jackknife *j, bool is_alike, struct host_fit *out)
{
    for (size_t g = 0; g < HOST_GROUPS; g++) {
        j->values[g] = log(demand_solve(&j->without[g], is_alike).machines);
    }
    double se = sqrt(jackknife_variance(j));
    out->live.se = out->live.n * se;
    out->live.low = out->live.n * exp(-T95_19 * se);
    out->live.high = out->live.n * exp(T95_19 * se);
    return isfinite(se);
}

static enum err jackknife_begin(const struct host_model *m, struct jackknife *j, bool *is_made)
{
    j->without = calloc(HOST_GROUPS, sizeof *j->without);
    *is_made = true;
    for (size_t g = 0; j->without && g < HOST_GROUPS; g++) {
        *is_made &= demand_make(m, g, &j->without[g]);
        for (size_t i = 0; i < GRID; i++) {
            j->without[g].addresses[i] *= (double)HOST_GROUPS / (HOST_GROUPS - 1);
        }
        j->without[g].again *= (double)HOST_GROUPS / (HOST_GROUPS - 1);
        j->without[g].messages *= (double)HOST_GROUPS / (HOST_GROUPS - 1);
    }
    return j->without ? OK : ERR_NOMEM;
}

enum err host_model_fit(const struct host_model *m, struct host_fit *out)
{
    double mean[HOST_FREQUENCIES], host_days = m->beyond;
    struct demand d;
    *out = (struct host_fit){FIT_NONE};
    for (size_t k = 1; k < HOST_FREQUENCIES; k++) {
        host_days += m->frequency[k];
    }
    if (!(host_days > 0.0)) {
        return OK;
    }
    struct capture_counts counts = counts_of(m, mean);
    out->daily = host_days / (double)m->watched_count;
    out->chao = capture_chao(&counts);
    bool has_churn = demand_make(m, HOST_GROUPS, &d), is_made;
    struct jackknife j;
    if (jackknife_begin(m, &j, &is_made)) {
        return ERR_NOMEM;
    }
    if (has_churn && is_made) {
        bool is_alike = machines_are_alike(&d, &j);
        struct solution s = demand_solve(&d, is_alike);
        out->method = HOST_CHURN;
        out->live.n = s.machines;
        out->rate = d.messages / s.machines;
        out->shape = s.shape;
        out->networks = d.networks;
        out->own_share = d.own_days / d.days;
        fit_churn(m, &d, &s, out);
        /* Where a machine is seen every day, how often it shows up in a day can not be told. */
        out->burst = out->seen < SEEN_ALWAYS ? fmax(out->rate / s.rate, 1.0) : NAN;
        has_churn = fit_interval(&j, is_alike, out);
    }
    if (!has_churn || !is_made) {
        struct host_fit none = {FIT_NONE};
        none.daily = out->daily;
        none.chao = out->chao;
        *out = none;
        fit_detection(&counts, out);
    }
    free(j.without);
    return OK;
}

bool host_split(double addresses, double messages, double rate, double *machines,
                double *rate_ratio)
{
    /* addresses = machines * seen(after) / seen(before), messages = machines * after / before */
    double target = addresses / messages * -expm1(-rate) / rate; /* seen(after) / after */
    double low = log(RATE_LOW * 1e-3), high = log(RATE_HIGH);
    if (!(target > 0.0) || !(target < 1.0)) {
        return false;
    }
    for (int i = 0; i < 200; i++) {
        double middle = (low + high) / 2.0;
        if (-expm1(-exp(middle)) / exp(middle) > target) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *rate_ratio = exp((low + high) / 2.0) / rate;
    *machines = messages / *rate_ratio;
    return true;
}
