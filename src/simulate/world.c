/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "simulate/world.h"

#include "core/clock.h"
#include "simulate/kind.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WORLD_ARENA_BYTES = 256 * 1024 * 1024,
    CARRIERS_MAX = 5,
    DRAWS_MAX = 60, /* of a host that is up; then the last one drawn is */
};
static const double PEOPLE_SHARE = 0.05, SERVER_SHARE = 0.03;

/* ---- botnets ---- */

static enum err botnet_add(struct world *w, size_t family, unsigned which)
{
    struct botnet *b = &w->botnets[w->botnet_count++];
    const struct family *f = &w->families[family];
    struct pcg r = pcg_keyed(w->o.seed, KIND_BOTNET, family, which);
    char name[64];
    *b = (struct botnet){.number = (uint64_t)family << 1 | which, .family = family};
    b->size = exp(1.1 * pcg_normal(&r));
    b->hosts = (uint64_t)fmax(30, 4000 * exp(pcg_normal(&r)));
    if (which == 0 && f->label.n) {
        b->name = f->label;
        return OK;
    }
    snprintf(name, sizeof name, "botnet-%02zu%s", family, which ? "b" : "");
    b->name = arena_copy(w->arena, slice_cstr(name));
    return b->name.p ? OK : ERR_NOMEM;
}

static enum err botnets_make(struct world *w)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < w->family_count; i++) {
        struct pcg r = pcg_keyed(w->o.seed, KIND_BOTNET, i, 2);
        e = botnet_add(w, i, 0);
        if (e == OK && w->families[i].label.n == 0 && pcg_chance(&r, 0.2 * w->o.mess)) {
            e = botnet_add(w, i, 1); /* a kit that was sold twice */
        }
    }
    return e;
}

/* ---- runs ---- */

static void windows_draw(struct run *run, const struct world *w, struct pcg *r)
{
    double days = (double)w->o.days;
    double from = pcg_real(r) * days * 0.9, length = 1 + pcg_exponential(r) * days / 5;
    run->windows = 1;
    run->since[0] = w->o.since + (int64_t)(from * SECONDS_PER_DAY);
    run->until[0] = run->since[0] + (int64_t)(length * SECONDS_PER_DAY);
    if (pcg_chance(r, 0.35)) { /* dropped, and taken up again weeks later */
        run->since[1] =
            run->until[0] + (int64_t)((0.1 + 0.3 * pcg_real(r)) * days * SECONDS_PER_DAY);
        run->until[1] = run->since[1] + (int64_t)(length * SECONDS_PER_DAY / 2);
        run->windows = run->since[1] < w->until ? 2 : 1;
    }
    for (size_t i = 0; i < run->windows; i++) {
        run->until[i] = run->until[i] < w->until ? run->until[i] : w->until;
        run->weight += (double)(run->until[i] - run->since[i]) / SECONDS_PER_DAY;
    }
}

static void run_add(struct world *w, size_t campaign, size_t botnet)
{
    struct run *run = &w->runs[w->run_count++];
    uint64_t key = (uint64_t)w->campaigns[campaign].number << 20 | w->botnets[botnet].number;
    struct pcg r = pcg_keyed(w->o.seed, KIND_RUN, key, 0);
    *run = (struct run){.kind = RUN_BOTNET, .botnet = botnet, .campaign = campaign, .key = key};
    windows_draw(run, w, &r);
    run->weight = sqrt(run->weight) * w->botnets[botnet].size * exp(0.9 * pcg_normal(&r));
}

/* The carriers of a campaign are the botnets whose hash with it is least: one botnet more displaces
 * at most one. */
static void carriers_draw(struct world *w, size_t campaign)
{
    static const double SHARES[] = {0.40, 0.65, 0.80, 0.90};
    struct pcg r = pcg_keyed(w->o.seed, KIND_CARRIER, campaign, UINT64_MAX);
    double at = pcg_real(&r);
    size_t want = 1, best[CARRIERS_MAX] = {0}, count = 0;
    double score[CARRIERS_MAX];
    while (want < CARRIERS_MAX && at >= SHARES[want - 1]) {
        want++;
    }
    for (size_t b = 0; b < w->botnet_count; b++) {
        struct pcg h = pcg_keyed(w->o.seed, KIND_CARRIER, campaign, w->botnets[b].number);
        double s = pcg_real(&h);
        size_t i = count < want ? count++ : count;
        while (i > 0 && score[i - 1] > s) {
            if (i < want) {
                score[i] = score[i - 1];
                best[i] = best[i - 1];
            }
            i--;
        }
        if (i < want) {
            score[i] = s;
            best[i] = b;
        }
    }
    for (size_t i = 0; i < count; i++) {
        run_add(w, campaign, best[i]);
    }
}

static enum err campaigns_make(struct world *w)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < w->o.campaigns; i++) {
        e = campaign_make(&w->campaigns[w->campaign_count++], w->o.seed, i, w->o.mess, w->arena);
        if (e == OK) {
            carriers_draw(w, i);
        }
    }
    for (size_t b = 0; e == OK && b < w->botnet_count; b++) {
        bool has_run = false;
        for (size_t i = 0; i < w->run_count && !has_run; i++) {
            has_run = w->runs[i].botnet == b;
        }
        if (!has_run) { /* nobody rents it: it sends something of its own */
            size_t at = w->campaign_count++;
            e = campaign_make(&w->campaigns[at], w->o.seed,
                              SIMULATE_CAMPAIGNS_MAX + (size_t)w->botnets[b].number, w->o.mess,
                              w->arena);
            if (e == OK) {
                run_add(w, at, b);
            }
        }
    }
    return e;
}

/* One hacked web server, one day, and people all the time. */
static void special_runs_add(struct world *w, double sum)
{
    struct pcg r = pcg_keyed(w->o.seed, KIND_RUN, UINT64_MAX, 0);
    struct run *server = &w->runs[w->run_count++], *people = &w->runs[w->run_count++];
    int64_t day = w->o.since + pcg_between(&r, 0, w->o.days - 1) * (int64_t)SECONDS_PER_DAY;
    double rest = sum / (1 - PEOPLE_SHARE - SERVER_SHARE);
    *server = (struct run){.kind = RUN_SERVER,
                           .botnet = SIZE_MAX,
                           .campaign = pcg_below(&r, w->campaign_count),
                           .key = UINT64_MAX - 1,
                           .weight = rest * SERVER_SHARE,
                           .windows = 1,
                           .since = {day},
                           .until = {day + SECONDS_PER_DAY}};
    *people = (struct run){.kind = RUN_PEOPLE,
                           .botnet = SIZE_MAX,
                           .campaign = SIZE_MAX,
                           .key = UINT64_MAX - 2,
                           .weight = rest * PEOPLE_SHARE,
                           .windows = 1,
                           .since = {w->o.since},
                           .until = {w->until}};
}

/* Messages by weight; the sum is exact. */
static void messages_allot(struct world *w)
{
    double sum = 0, so_far = 0;
    uint64_t given = 0;
    for (size_t i = 0; i < w->run_count; i++) {
        sum += w->runs[i].weight;
    }
    for (size_t i = 0; i < w->run_count; i++) {
        so_far += w->runs[i].weight;
        uint64_t upto = i + 1 == w->run_count ? w->o.messages
                                              : (uint64_t)((double)w->o.messages * (so_far / sum));
        w->runs[i].messages = upto - given;
        given = upto;
    }
}

enum err world_make(struct world *w, const struct simulate_options *o)
{
    double sum = 0;
    enum err e = OK;
    *w = (struct world){.o = *o, .until = o->since + (int64_t)o->days * SECONDS_PER_DAY};
    size_t botnets = 2 * (size_t)o->families, campaigns = o->campaigns + botnets;
    w->arena = arena_new(WORLD_ARENA_BYTES);
    w->families = calloc(o->families, sizeof *w->families);
    w->botnets = calloc(botnets, sizeof *w->botnets);
    w->campaigns = calloc(campaigns, sizeof *w->campaigns);
    w->runs =
        calloc(o->campaigns * (size_t)CARRIERS_MAX + botnets + WORLD_SPECIAL, sizeof *w->runs);
    if (!w->arena || !w->families || !w->botnets || !w->campaigns || !w->runs) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; e == OK && i < o->families; i++) {
        e = family_make(&w->families[i], o->seed, i, o->mess, w->families, w->arena);
        w->family_count++;
    }
    e = e == OK ? botnets_make(w) : e;
    e = e == OK ? campaigns_make(w) : e;
    if (e != OK) {
        return e;
    }
    for (size_t i = 0; i < w->run_count; i++) {
        sum += w->runs[i].weight;
    }
    special_runs_add(w, sum);
    messages_allot(w);
    return OK;
}

void world_free(struct world *w)
{
    free(w->families);
    free(w->botnets);
    free(w->campaigns);
    free(w->runs);
    arena_free(w->arena);
}

/* ---- messages ---- */

/* Machines are on in the evening, and less so on a Sunday. */
static double on_probability(const struct host *h, int64_t t)
{
    double hour = (double)((t + h->zone_minutes * 60) % SECONDS_PER_DAY) / 3600;
    double day = ((day_of(t) + 4) % 7) == 0 ? 0.8 : 1.0;
    return day * (0.6 + 0.4 * cos((hour - 20) * M_PI / 12));
}

static int64_t moment_draw(const struct run *run, struct pcg *r)
{
    int64_t length = 0, at;
    for (size_t i = 0; i < run->windows; i++) {
        length += run->until[i] - run->since[i];
    }
    at = (int64_t)(pcg_real(r) * (double)length);
    size_t i = 0;
    while (i + 1 < run->windows && at >= run->until[i] - run->since[i]) {
        at -= run->until[i] - run->since[i];
        i++;
    }
    return run->since[i] + at;
}

int64_t world_place(const struct world *w, const struct run *run, uint64_t k, struct pcg *r,
                    struct host *host)
{
    const struct simulate_options *o = &w->o;
    int64_t t = 0;
    *r = pcg_keyed(o->seed, KIND_MESSAGE, run->key, k);
    if (run->kind != RUN_BOTNET) {
        /* people have machines of their own; the server is one */
        uint64_t number = run->kind == RUN_SERVER ? 0 : pcg_below(r, 1 << 20);
        *host = host_make(o->seed, run->key, number, o->since, w->until, 0);
        host->clock_off = 0;
        host->lease_seconds = 0;
        return moment_draw(run, r);
    }
    const struct botnet *b = &w->botnets[run->botnet];
    for (unsigned i = 0; i < DRAWS_MAX; i++) {
        t = moment_draw(run, r);
        *host = host_make(o->seed, b->number, pcg_below(r, b->hosts), o->since, w->until, o->mess);
        if (t >= host->born && t < host->dies &&
            pcg_chance(r, host->rate / 8 * on_probability(host, t))) {
            break;
        }
    }
    return t;
}

size_t world_version(const struct world *w, const struct botnet *b, const struct host *h,
                     int64_t when)
{
    const struct family *f = &w->families[b->family];
    struct pcg r = pcg_keyed(w->o.seed, KIND_BOTNET, b->number, 3);
    size_t version = 0;
    double release = 0;
    for (size_t i = 1; i < f->version_count; i++) {
        release += (0.15 + 0.35 * pcg_real(&r)) * w->o.days;
        double since = (double)(when - w->o.since) / SECONDS_PER_DAY;
        version = since >= release + h->upgrade_lag ? i : version;
    }
    return version;
}
