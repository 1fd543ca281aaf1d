/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How well outages are told from drops (docs/traps.md): seeded years of made-up traps in real
 * stores, with planted outages of one trap, silences of one botnet everywhere, and botnets that
 * leave one site. Prints what was found, what was found that is not so, and the CPU of one search.
 *
 *   trap_bench [-y YEARS] [-t TRAPS] [-m MESSAGES_A_DAY_AND_TRAP] [-s SEED] [-p PATH]
 *
 * Noise after METHODS D.1: botnet-day log-sd 0.2 with AR(1) 0.5, trap-day log-sd 0.2, Poisson
 * counts, weekends at 80 %, nights at half. */
#include "count_store.h"

#include "observe/trap_state.h"
#include "stat/random.h"

#include <getopt.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BOTNETS = 6, SITES = 4, TRAPS_MAX = 64, EVENTS_MAX = 400 };
static const char *const NAMES[BOTNETS] = {"rustock", "cutwail", "grum", "lethic", "mega-d", ""};
static const double SHARES[BOTNETS] = {0.35, 0.15, 0.12, 0.08, 0.05, 0.25};

enum event_kind { OUTAGE, SILENCE, BLACKLISTED };
struct event {
    enum event_kind kind;
    size_t trap, botnet; /* BLACKLISTED: the trap's whole site */
    int from, to;        /* hours */
    bool is_found;
};

struct world {
    gsl_rng *rng;
    size_t traps;
    double a_day;
    struct event events[EVENTS_MAX];
    size_t event_count;
};

static void event_add(struct world *w, enum event_kind kind, int least, int most)
{
    struct event *e = &w->events[w->event_count++];
    unsigned long span = (unsigned long)most - (unsigned long)least + 1;
    int hours = least + (int)gsl_rng_uniform_int(w->rng, span);
    *e = (struct event){.kind = kind,
                        .trap = gsl_rng_uniform_int(w->rng, w->traps),
                        .botnet = gsl_rng_uniform_int(w->rng, BOTNETS - 1),
                        .from = 30 * 24 + (int)gsl_rng_uniform_int(w->rng, 300 * 24)};
    e->to = e->from + hours;
}

static bool is_cut(const struct world *w, size_t trap, size_t botnet, int hour)
{
    for (size_t i = 0; i < w->event_count; i++) {
        const struct event *e = &w->events[i];
        bool is_here = e->kind == OUTAGE    ? e->trap == trap
                       : e->kind == SILENCE ? e->botnet == botnet
                                            : /* BLACKLISTED */ e->botnet == botnet &&
                                                  e->trap % SITES == trap % SITES;
        if (is_here && hour >= e->from && hour < e->to) {
            return true;
        }
    }
    return false;
}

static void day_write(struct world *w, struct count_store *to, int64_t first, int day,
                      const double *botnet_log)
{
    char trap[16], site[16];
    for (size_t t = 0; t < w->traps; t++) {
        double trap_log = gsl_ran_gaussian(w->rng, 0.2);
        double weekend = day % 7 >= 5 ? 0.8 : 1.0;
        snprintf(trap, sizeof trap, "t%02zu", t);
        snprintf(site, sizeof site, "s%zu", t % SITES);
        for (int h = 0; h < 24; h++) {
            double night = h < 12 ? 0.67 : 1.33;
            for (size_t b = 0; b < BOTNETS; b++) {
                double mean =
                    w->a_day / 24 * SHARES[b] * weekend * night * exp(botnet_log[b] + trap_log);
                unsigned n = gsl_ran_poisson(w->rng, mean);
                int64_t from = first + (int64_t)(day * 24 + h) * 3600;
                if (n && !is_cut(w, t, b, day * 24 + h)) {
                    count_store_add(to, &(struct count_cell){.from = from,
                                                             .until = from + 3600,
                                                             .trap = trap,
                                                             .site = site,
                                                             .botnet = NAMES[b],
                                                             .messages = n});
                }
            }
        }
    }
}

static void year_write(struct world *w, const char *path, int64_t first)
{
    double botnet_log[BOTNETS] = {0};
    struct count_store *to = count_store_open(path);
    for (int day = 0; day < 365; day++) {
        for (size_t b = 0; b < BOTNETS; b++) {
            botnet_log[b] = 0.5 * botnet_log[b] + gsl_ran_gaussian(w->rng, 0.2 * sqrt(0.75));
        }
        day_write(w, to, first, day, botnet_log);
    }
    (void)count_store_close(to);
}

struct score {
    size_t found[8], planted[8]; /* outages by messages lost: under 8, 16, 32 ... */
    size_t false_outages, false_partials, undecided, drops;
    double lost_hours, cpu_seconds, trap_years;
};

static size_t size_class(double lost)
{
    size_t c = lost < 8 ? 0 : (size_t)floor(log2(lost)) - 2;
    return c < 8 ? c : 7;
}

static void year_score(struct world *w, const struct trap_watch *watch, int64_t first,
                       struct score *s)
{
    for (size_t i = 0; i < watch->gap_count; i++) {
        const struct trap_gap *g = &watch->gaps[i];
        bool is_true = false;
        s->undecided += g->verdict == GAP_UNDECIDED;
        s->drops += g->verdict == GAP_DROP;
        if (g->verdict != GAP_OUTAGE && g->verdict != GAP_PARTIAL) {
            continue;
        }
        for (size_t e = 0; e < w->event_count; e++) {
            struct event *v = &w->events[e];
            if (v->kind == OUTAGE && v->trap == g->trap && first + v->from * 3600 < g->until &&
                g->since < first + v->to * 3600) {
                v->is_found = is_true = true;
            }
        }
        s->false_outages += !is_true && g->verdict == GAP_OUTAGE;
        s->false_partials += !is_true && g->verdict == GAP_PARTIAL;
    }
    for (size_t e = 0; e < w->event_count; e++) {
        const struct event *v = &w->events[e];
        if (v->kind == OUTAGE) {
            size_t c = size_class(w->a_day * (v->to - v->from) / 24.0);
            s->planted[c]++;
            s->found[c] += v->is_found;
            s->lost_hours += v->is_found ? 0 : v->to - v->from;
        }
    }
    s->trap_years += (double)w->traps;
}

static double cpu_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void year_run(struct world *w, const char *path, struct score *s)
{
    int64_t first = civil_to_days(2010, 1, 4) * SECONDS_PER_DAY;
    struct errbuf eb = {.text = ""};
    struct store *store = NULL;
    struct trap_watch watch;
    struct arena *arena = arena_new(1 << 30);
    const struct trap_query q = {STORE_FILTER_ALL, BUCKET_DAY};
    w->event_count = 0;
    for (size_t i = 0; i < w->traps; i++) {
        event_add(w, OUTAGE, 12, 72);
    }
    for (size_t i = 0; i < 6; i++) {
        event_add(w, SILENCE, 24, 120);
        event_add(w, BLACKLISTED, 48, 24 * 12);
    }
    year_write(w, path, first);
    enum err e = store_open(&(struct store_options){.path = path, .mode = STORE_READ}, &store, &eb);
    double before = cpu_seconds();
    e = e == OK ? trap_watch_load(store, &q, arena, &watch, &eb) : e;
    s->cpu_seconds += cpu_seconds() - before;
    if (e != OK) {
        fprintf(stderr, "trap_bench: %s: %s\n", err_name(e), eb.text);
        exit(1);
    }
    year_score(w, &watch, first, s);
    store_close(store);
    arena_free(arena);
}

static void score_print(const struct score *s, int years)
{
    printf("%.0f trap-years, %.3f s of CPU a search\n", s->trap_years, s->cpu_seconds / years);
    printf("false outages %zu, false partial ones %zu; undecided %zu, drops %zu\n",
           s->false_outages, s->false_partials, s->undecided, s->drops);
    printf("hours of outages not found: %.2f %% of all hours\n",
           100 * s->lost_hours / (s->trap_years * 365 * 24));
    for (size_t c = 0; c < 8; c++) {
        if (s->planted[c]) {
            printf("outages that lost %4d messages or more: %zu of %zu found\n", c ? 4 << c : 0,
                   s->found[c], s->planted[c]);
        }
    }
}

/* 0 for what is none, or too great. */
static uint64_t number(const char *text, uint64_t most)
{
    uint64_t n = 0;
    return slice_to_u64(slice_cstr(text), &n) && n <= most ? n : 0;
}

int main(int argc, char **argv)
{
    struct world w = {.traps = 12, .a_day = 60};
    struct score score = {.trap_years = 0};
    const char *seed = "traps";
    char path[4096] = "/tmp/trap_bench.db";
    int years = 3, option;
    while ((option = getopt(argc, argv, "y:t:m:s:p:")) != -1) {
        switch (option) {
        case 'y':
            years = (int)number(optarg, 1000);
            break;
        case 't':
            w.traps = (size_t)number(optarg, TRAPS_MAX);
            break;
        case 'm':
            w.a_day = (double)number(optarg, 1000000);
            break;
        case 's':
            seed = optarg;
            break;
        case 'p':
            snprintf(path, sizeof path, "%s", optarg);
            break;
        default:
            return 2;
        }
    }
    if (years < 1 || w.traps < 1 || w.traps > TRAPS_MAX || !(w.a_day > 0)) {
        return 2;
    }
    w.rng = random_seeded(slice_cstr(seed));
    for (int y = 0; w.rng && y < years; y++) {
        unlink(path);
        year_run(&w, path, &score);
    }
    unlink(path);
    score_print(&score, years);
    gsl_rng_free(w.rng);
    return 0;
}
