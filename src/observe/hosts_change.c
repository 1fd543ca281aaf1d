/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fewer hosts, or less from each? METHODS B10: V = hosts x rate x acceptance, split by LMDI. */
#include "observe/hosts.h"
#include "stat/decompose.h"
#include "store/trap.h"

#include <math.h>

static double volume_of(const struct hosts *h)
{
    uint64_t messages = 0;
    for (size_t i = 0; i < h->day_count; i++) {
        messages += h->days[i].is_watched ? h->days[i].messages : 0;
    }
    return h->watched_count ? (double)messages / (double)h->watched_count : NAN;
}

struct acceptance {
    uint64_t connections, accepted;
};

static void acceptance_add(void *arg, const struct trap_hour *h)
{
    struct acceptance *a = arg;
    a->connections += h->connections;
    a->accepted += h->accepted;
}

/* Connections that left a message, of all. They are counted for all mail together, so a botnet or a
 * program has none of its own. */
static enum err acceptance_of(struct store *s, const struct hosts_query *q, const struct hosts *h,
                              double *out, struct errbuf *eb)
{
    struct store_filter f = q->filter;
    struct acceptance a = {0};
    f.since = h->since;
    f.until = h->until;
    enum err e =
        q->botnet.n || q->program.n ? OK : store_trap_hours_list(s, &f, acceptance_add, &a, eb);
    *out = a.connections ? (double)a.accepted / (double)a.connections : NAN;
    return e;
}

/* Hosts of both windows; the rate is what is left of the volume. */
static struct hosts_split split_make(const struct hosts_change *c, double hosts_before,
                                     double hosts_after)
{
    struct hosts_split s = {false, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    bool has_acceptance = isfinite(c->acceptance_before) && isfinite(c->acceptance_after);
    double a0 = has_acceptance ? c->acceptance_before : 1.0;
    double a1 = has_acceptance ? c->acceptance_after : 1.0;
    if (!(hosts_before > 0.0) || !(hosts_after > 0.0) || !(c->volume_before > 0.0) ||
        !(c->volume_after > 0.0) || !(a0 > 0.0) || !(a1 > 0.0)) {
        return s;
    }
    const double before[HOSTS_FACTORS_MAX] = {hosts_before, c->volume_before / hosts_before / a0,
                                              a0};
    const double after[HOSTS_FACTORS_MAX] = {hosts_after, c->volume_after / hosts_after / a1, a1};
    double effect[HOSTS_FACTORS_MAX];
    decompose_lmdi(before, after, 1, HOSTS_FACTORS_MAX, effect);
    s.is_known = true;
    s.hosts = after[0] / before[0];
    s.rate = after[1] / before[1];
    s.by_hosts = effect[0];
    s.by_rate = effect[1];
    if (has_acceptance) {
        s.acceptance = a1 / a0;
        s.by_acceptance = effect[2];
    }
    return s;
}

/* The two windows' errors are independent; on the logarithm. */
static void split_interval(struct hosts_split *s, const struct capture *before,
                           const struct capture *after)
{
    double up = hypot(log(after->high / after->n), log(before->n / before->low));
    double down = hypot(log(after->n / after->low), log(before->high / before->n));
    s->hosts_low = s->hosts * exp(-down);
    s->hosts_high = s->hosts * exp(up);
}

enum err hosts_compare(struct store *s, const struct hosts_query *q, int64_t before_since,
                       int64_t before_until, struct arena *arena, struct hosts_change *out,
                       struct errbuf *eb)
{
    struct hosts_change c = {.acceptance_before = NAN, .acceptance_after = NAN};
    struct hosts_query before = *q;
    before.filter.since = before_since;
    before.filter.until = before_until;
    enum err e = hosts_build(s, &before, arena, &c.before, eb);
    e = e ? e : hosts_build(s, q, arena, &c.after, eb);
    e = e ? e : acceptance_of(s, q, &c.before, &c.acceptance_before, eb);
    e = e ? e : acceptance_of(s, q, &c.after, &c.acceptance_after, eb);
    if (e) {
        return e;
    }
    c.volume_before = volume_of(&c.before);
    c.volume_after = volume_of(&c.after);
    c.seen = split_make(&c, c.before.mean_day, c.after.mean_day);
    if (c.before.fit.method == c.after.fit.method) {
        c.estimated = split_make(&c, c.before.fit.live.n, c.after.fit.live.n);
        split_interval(&c.estimated, &c.before.fit.live, &c.after.fit.live);
    }
    *out = c;
    return OK;
}
