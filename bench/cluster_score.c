/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cluster_score [seed=N] [messages=N] [families=N] [campaigns=N] [days=N] [mess=F] [rules=FOLDER]
 * [live=0|1] [take=all|half|twice] [shuffle=N] [show=N]: simulates, takes each message the way of
 * an import (relays inferred, features, sketch), places it in variants and wordings, groups them,
 * and scores both against the truth. Nothing is stored: for tuning the grouping. Built as two
 * programs, for mailers and for campaigns; docs/simulate.md. live=1: as a trap of ours took it,
 * with SD1.
 *
 * show=N: the N worst splits (a family in several clusters) and mixtures (a cluster of several
 * families), in messages. take=half: every other message; twice: each two times. */
#include "analyse/shown.h"
#include "core/clock.h"
#include "core/limits.h"
#include "simulate/simulate.h"
#include "stat/agreement.h"
#ifdef SCORE_MAILERS
#include "cluster/variant.h"
#define PARTS_NEW     variants_new
#define PARTS_FREE    variants_free
#define PARTS_FIND    variants_find
#define PARTS_COUNT   variants_count
#define PARTS_KEY     variants_key
#define PARTS_PROFILE variants_profile
#define PARTS_INDEX   variants_index
#define PARTS_PRINT   variants_print
#define PARTS_GROUP   variants_group
#define PARTS_EXPLAIN variants_explain
#define PARTS_BYTES   variants_bytes
typedef struct variants parts;
#else
#include "cluster/wording.h"
#define PARTS_NEW     wordings_new
#define PARTS_FREE    wordings_free
#define PARTS_FIND    wordings_find
#define PARTS_COUNT   wordings_count
#define PARTS_KEY     wordings_key
#define PARTS_PROFILE wordings_profile
#define PARTS_INDEX   wordings_index
#define PARTS_PRINT   wordings_print
#define PARTS_GROUP   wordings_group
#define PARTS_EXPLAIN wordings_explain
#define PARTS_BYTES   wordings_bytes
typedef struct wordings parts;
#endif
#include "print/cd1.h"
#include "print/sd1.h"
#include "stat/pcg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_BYTES = 32, PARTS_MOST = 65536 };

struct truth {
    struct slice raw; /* ours */
    char sd1[SD1_TEXT_BYTES];
    size_t sd1_bytes;
    struct ip client; /* who spoke with the trap */
    struct slice helo;
    int64_t received_us;
    char truth[NAME_BYTES], label[NAME_BYTES], layout[NAME_BYTES], path[NAME_BYTES];
    bool is_spam, is_ruled; /* a rule names its botnet */
    uint64_t key;           /* of its part */
    uint64_t group;         /* of that */
    uint64_t number;        /* of its truth */
};

struct score {
    struct truth *list;
    size_t count;
    struct trust *trust;
    struct rules_live *rules;
    struct url_context *urls;
    parts *parts;
    uint32_t *group;
    double seconds; /* of placing alone */
};

static void die(const char *what)
{
    fprintf(stderr, "cluster_score: %s\n", what);
    exit(1);
}

static const char *argument(int argc, char **argv, const char *name, const char *fallback)
{
    size_t n = strlen(name);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=') {
            return argv[i] + n + 1;
        }
    }
    return fallback;
}

static void name_copy(char out[NAME_BYTES], struct slice s)
{
    snprintf(out, NAME_BYTES, "%.*s", SLICE_ARG(s));
}

static void world_read(struct score *s, const struct simulate_options *o)
{
    struct simulation *world;
    struct simulated m;
    struct errbuf eb = {.text = ""};
    if (simulation_new(o, &world, &eb) != OK) {
        die(eb.text);
    }
    struct arena *arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    s->list = calloc(o->messages + 1, sizeof *s->list);
    if (!arena || !s->list) {
        die("out of memory");
    }
    while (simulation_next(world, &m) == OK) {
        struct truth *t = &s->list[s->count++];
        char *raw = malloc(m.raw.n + 1);
        memcpy(raw, m.raw.p, m.raw.n);
        t->raw = slice_of(raw, m.raw.n);
        t->is_spam = m.botnet.n != 0;
#ifdef SCORE_MAILERS
        name_copy(t->truth, m.mailer);
#else
        name_copy(t->truth, m.campaign);
#endif
        name_copy(t->label, m.label);
        name_copy(t->layout, slice_cstr(m.layout ? m.layout : ""));
        name_copy(t->path, slice_cstr(m.path));
        t->number = hash_u64(slice_cstr(t->truth));
        if (m.session) {
            struct sd1 d;
            arena_reset(arena);
            if (sd1_make(&d, m.session, S(""), NULL, arena) != OK) {
                die("out of memory");
            }
            t->sd1_bytes = sd1_print(&d, t->sd1);
            t->client = m.session->head.client;
            t->received_us = m.message->accepted_us;
            char *helo = malloc(m.message->helo.n + 1);
            memcpy(helo, m.message->helo.p, m.message->helo.n);
            t->helo = slice_of(helo, m.message->helo.n);
        }
    }
    arena_free(arena);
    simulation_free(world);
}

/* As import does: relays that the messages share. */
static void relays_infer(struct score *s, bool is_live)
{
    struct trust_learner *learner = trust_learner_new();
    struct arena *arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    for (size_t i = 0; i < s->count; i++) {
        struct mail mail = {0};
        struct chain chain;
        struct part part = {0};
        arena_reset(arena);
        if (header_block_parse(&part.header, s->list[i].raw, arena) != OK) {
            continue;
        }
        mail.parts = &part;
        mail.part_count = 1;
        mail.arena = arena;
        if (chain_build(&chain, &mail, s->trust, time_now(), arena) == OK) {
            trust_learner_see(learner, chain.hops, chain.count);
        }
    }
    trust_learner_apply(learner, s->trust, NULL, NULL);
    /* a live trap's operator says which relays are his */
    static const char *const RELAYS[] = {"212.27.48.10", "193.99.144.80", "209.85.199.27",
                                         "140.211.166.4"};
    for (size_t i = 0; is_live && i < sizeof RELAYS / sizeof *RELAYS; i++) {
        if (trust_add(s->trust, slice_cstr(RELAYS[i]), NULL) != OK) {
            die("a relay");
        }
    }
    trust_learner_free(learner);
    arena_free(arena);
}

static void message_place(struct score *s, struct analyser *a, struct truth *t)
{
    const struct analysis *analysis;
    struct profile *profile;
    bool is_new;
    struct source_message source = {.raw = t->raw, .bytes = t->raw.n, .name = "simulated"};
    struct live_envelope live = {
        .trap = S("import"),
        .received_us = t->received_us,
        .client = t->client,
        .helo = t->helo,
        .sd1 = slice_of(t->sd1, t->sd1_bytes),
    };
    if (t->sd1_bytes) {
        source.live = &live;
    }
    if (analyse_message(a, &source, time_now(), &analysis) != OK) {
        die("a message can not be analysed");
    }
    const struct shown shown = shown_of(analysis);
    struct cluster_message m = shown_message(&shown, &analysis->row);
    t->is_ruled = m.botnet.n != 0;
    double started = time_monotonic();
    m.words = &analysis->words;
    if (PARTS_FIND(s->parts, &m, &t->key, &profile, &is_new) != OK ||
        (profile && profile_take(profile, &m, 0) != OK)) {
        die("out of memory");
    }
    s->seconds += time_monotonic() - started;
}

/* Which messages, in which order. */
static size_t order_make(const struct score *s, const char *take, uint64_t shuffle, size_t *order)
{
    size_t n = 0;
    bool is_half = strcmp(take, "half") == 0, is_twice = strcmp(take, "twice") == 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!is_half || i % 2 == 0) {
            order[n++] = i;
        }
        if (is_twice) {
            order[n++] = i;
        }
    }
    struct pcg r = pcg_keyed(shuffle, 0, 0, 0);
    for (size_t i = n; shuffle && i > 1; i--) {
        size_t j = pcg_below(&r, i), swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
    return n;
}

/* Places and groups all anew; the groups go into the list. */
static void round_run(struct score *s, const char *take, uint64_t shuffle, bool *is_in)
{
    struct analyse_config config = {
        .trap = S("import"), .trust = s->trust, .urls = s->urls, .rules = s->rules};
    static const uint8_t KEY[SECRET_KEY_BYTES];
    size_t *order = calloc(2 * s->count + 1, sizeof *order);
    config.recipient_key = KEY;
    struct analyser *a = analyser_new(&config);
    if (s->parts) {
        PARTS_FREE(s->parts);
    }
    s->parts = PARTS_NEW(PARTS_MOST);
    if (!a || !order || !s->parts) {
        die("out of memory");
    }
    size_t n = order_make(s, take, shuffle, order);
    memset(is_in, 0, s->count * sizeof *is_in);
    s->seconds = 0;
    for (size_t i = 0; i < n; i++) {
        is_in[order[i]] = true;
        message_place(s, a, &s->list[order[i]]);
    }
    double started = time_monotonic();
    free(s->group);
    s->group = calloc(PARTS_COUNT(s->parts) + 1, sizeof *s->group);
    if (!s->group || PARTS_GROUP(s->parts, s->group) != OK) {
        die("out of memory");
    }
    double grouped = time_monotonic() - started;
    for (size_t i = 0; i < s->count; i++) {
        struct truth *t = &s->list[i];
        size_t at = t->key ? PARTS_INDEX(s->parts, t->key) : PARTS_COUNT(s->parts);
        /* a part that gave way, or none: a cluster of its own */
        t->group = at < PARTS_COUNT(s->parts) ? PARTS_KEY(s->parts, s->group[at])
                                              : hash_u64_seeded(t->raw, i);
    }
    printf(
        "%-6s shuffle %llu: %zu messages, %zu parts, %.1f MiB; %.0f messages/s placed, grouped in "
        "%.3f s\n",
        take, (unsigned long long)shuffle, n, PARTS_COUNT(s->parts),
        (double)PARTS_BYTES(s->parts) / (1 << 20), (double)n / s->seconds, grouped);
    free(order);
    analyser_free(a);
}

/* ---- scores ---- */

static struct agreement compare(const struct score *s, const bool *is_in, const uint64_t *other)
{
    struct agreement_cell *cells = calloc(s->count + 1, sizeof *cells);
    struct agreement out;
    size_t n = 0;
    for (size_t i = 0; cells && i < s->count; i++) {
        const struct truth *t = &s->list[i];
        if (is_in[i] && t->is_spam) {
            cells[n++] = (struct agreement_cell){other ? other[i] : t->number, t->group, 1};
        }
    }
    if (!cells || agreement_of(cells, n, &out) != OK) {
        die("out of memory");
    }
    free(cells);
    return out;
}

/* Messages of people in clusters that are mostly spam of size, and messages of families without a
 * label in clusters whose most frequent rule label is one. */
static void contamination_print(const struct score *s)
{
    size_t people = 0, wrong = 0, unknown = 0, named = 0, ruled[2] = {0}, of_label[2] = {0};
    struct agreement_cell *sizes = calloc(s->count + 1, sizeof *sizes);
    uint64_t *groups = calloc(s->count + 1, sizeof *groups);
    size_t count = 0;
    if (!sizes || !groups) {
        die("out of memory");
    }
    uint64_t *spam = calloc(s->count + 1, sizeof *spam);
    for (size_t i = 0; i < s->count; i++) {
        bool has_label = s->list[i].label[0] != '\0';
        ruled[has_label] += s->list[i].is_ruled;
        of_label[has_label]++;
        groups[i] = s->list[i].group;
        spam[i] = s->list[i].is_spam ? s->list[i].label[0] ? 2 : 1 : 0;
    }
    free(sizes);
    if (agreement_count(groups, spam, s->count, &sizes, &count) != OK) {
        die("out of memory");
    }
    for (size_t i = 0; i < count;) {
        uint64_t of[3] = {0}, group = sizes[i].a;
        for (; i < count && sizes[i].a == group; i++) {
            of[sizes[i].b] += sizes[i].count;
        }
        people += of[0];
        wrong += of[1] + of[2] > of[0] && of[0] ? of[0] : 0;
        unknown += of[1];
        named += of[2] > of[1] ? of[1] : 0;
    }
    printf("rules alone name %zu of %zu with a label, %zu of %zu without\n  ", ruled[1],
           of_label[1], ruled[0], of_label[0]);
    printf(
        "people's messages in clusters of spam: %zu of %zu; of unknown families in clusters that "
        "are mostly a known one: %zu of %zu (%.2f %%)\n",
        wrong, people, named, unknown, unknown ? 100.0 * (double)named / (double)unknown : 0);
    free(sizes);
    free(groups);
    free(spam);
}

static int by_count(const void *x, const void *y)
{
    const struct agreement_cell *a = x, *b = y;
    return (a->count < b->count) - (a->count > b->count);
}

static const struct truth *example(const struct score *s, uint64_t number, uint64_t group)
{
    size_t i = 0;
    while (s->list[i].number != number || s->list[i].group != group) {
        i++;
    }
    return &s->list[i];
}

/* One end of a wrong link or a missing one: its part in words. */
static void part_print(const struct score *s, const struct truth *t)
{
    struct strbuf b = STRBUF_INIT;
    size_t at = t->key ? PARTS_INDEX(s->parts, t->key) : PARTS_COUNT(s->parts);
    if (at < PARTS_COUNT(s->parts) && PARTS_PRINT(s->parts, at, &b) == OK) {
        printf("      %s [%s] %s\n", t->layout, t->path, strbuf_cstr(&b));
    }
    strbuf_free(&b);
}

static void explain_print(const struct score *s, const struct truth *a, const struct truth *b)
{
    struct strbuf why = STRBUF_INIT;
    size_t i = PARTS_INDEX(s->parts, a->key), j = PARTS_INDEX(s->parts, b->key);
    if (i < PARTS_COUNT(s->parts) && j < PARTS_COUNT(s->parts) &&
        PARTS_EXPLAIN(s->parts, i, j, &why) == OK) {
        printf("%s\n", strbuf_cstr(&why));
    }
    strbuf_free(&why);
}

static double entropy_term(uint64_t part, uint64_t whole)
{
    return (double)part * -log((double)part / (double)whole);
}

/* What each truth loses: nats a message that it adds to "split" and to "lumped". */
static void losses_print(const struct score *s, const struct agreement_cell *cells, size_t count,
                         size_t messages, size_t show)
{
    struct loss {
        uint64_t truth, count, most;
        double split, lumped;
    } *losses = calloc(count + 1, sizeof *losses);
    size_t n = 0;
    if (!losses) {
        die("out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < n && losses[k].truth != cells[i].a) {
            k++;
        }
        n += k == n;
        losses[k].truth = cells[i].a;
        losses[k].count += cells[i].count;
        losses[k].most = cells[i].count > losses[k].most ? cells[i].count : losses[k].most;
    }
    for (size_t i = 0; i < count; i++) {
        struct loss *l = losses;
        uint64_t group = 0;
        for (size_t k = 0; k < count; k++) {
            group += cells[k].b == cells[i].b ? cells[k].count : 0;
        }
        while (l->truth != cells[i].a) {
            l++;
        }
        l->split += entropy_term(cells[i].count, l->count) / (double)messages;
        l->lumped += entropy_term(cells[i].count, group) / (double)messages;
    }
    puts("nats lost by truth:");
    for (; show; show--) {
        struct loss *worst = losses;
        for (size_t k = 0; k < n; k++) {
            worst = losses[k].split + losses[k].lumped > worst->split + worst->lumped ? &losses[k]
                                                                                      : worst;
        }
        if (worst->split + worst->lumped < 0.001) {
            break;
        }
        size_t i = 0;
        while (s->list[i].number != worst->truth) {
            i++;
        }
        printf("  %s %s: %llu messages, %llu in the largest cluster; split %.3f, lumped %.3f\n",
               s->list[i].truth, s->list[i].layout, (unsigned long long)worst->count,
               (unsigned long long)worst->most, worst->split, worst->lumped);
        worst->split = worst->lumped = 0;
    }
    free(losses);
}

static void worst_print(const struct score *s, size_t show)
{
    uint64_t *a = calloc(s->count + 1, sizeof *a), *b = calloc(s->count + 1, sizeof *b);
    struct agreement_cell *cells;
    size_t count, n = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i].is_spam) {
            a[n] = s->list[i].number;
            b[n++] = s->list[i].group;
        }
    }
    if (agreement_count(a, b, n, &cells, &count) != OK) {
        die("out of memory");
    }
    qsort(cells, count, sizeof *cells, by_count);
    losses_print(s, cells, count, n, show);
    puts("split: a truth's messages outside of its largest cluster");
    for (size_t i = 0, shown = 0; i < count && shown < show; i++) {
        for (size_t j = 0; j < i; j++) {
            if (cells[j].a == cells[i].a) {
                const struct truth *x = example(s, cells[j].a, cells[j].b),
                                   *y = example(s, cells[i].a, cells[i].b);
                printf("  %s: %llu here, %llu there\n", x->truth,
                       (unsigned long long)cells[j].count, (unsigned long long)cells[i].count);
                part_print(s, x);
                part_print(s, y);
                explain_print(s, x, y);
                shown++;
                break;
            }
        }
    }
    puts("mixed: clusters of several truths");
    for (size_t i = 0, shown = 0; i < count && shown < show; i++) {
        for (size_t j = 0; j < i; j++) {
            if (cells[j].b == cells[i].b) {
                const struct truth *x = example(s, cells[j].a, cells[j].b),
                                   *y = example(s, cells[i].a, cells[i].b);
                printf("  %s %llu with %s %llu\n", x->truth, (unsigned long long)cells[j].count,
                       y->truth, (unsigned long long)cells[i].count);
                part_print(s, x);
                part_print(s, y);
                explain_print(s, x, y);
                shown++;
                break;
            }
        }
    }
    free(cells);
    free(a);
    free(b);
}

/* What no grouping can be better than: each part with the truth that most of its messages have. */
static void oracle_print(const struct score *s, const bool *is_in)
{
    uint64_t *part = calloc(s->count + 1, sizeof *part),
             *truth = calloc(s->count + 1, sizeof *truth);
    struct agreement_cell *cells;
    struct agreement out;
    size_t n = 0, count;
    if (!part || !truth) {
        die("out of memory");
    }
    for (size_t i = 0; i < s->count; i++) {
        if (is_in[i] && s->list[i].is_spam) {
            part[n] = s->list[i].key ? s->list[i].key : s->list[i].group;
            truth[n++] = s->list[i].number;
        }
    }
    if (agreement_count(part, truth, n, &cells, &count) != OK) {
        die("out of memory");
    }
    for (size_t i = 0, next; i < count; i = next) {
        size_t most = i;
        for (next = i; next < count && cells[next].a == cells[i].a; next++) {
            most = cells[next].count > cells[most].count ? next : most;
        }
        uint64_t winner = cells[most].b;
        for (size_t k = i; k < next; k++) {
            cells[k].a = cells[k].b;
            cells[k].b = winner;
        }
    }
    if (agreement_of(cells, count, &out) != OK) {
        die("out of memory");
    }
    printf("the best that can be made of these parts: ARI %.4f  V %.4f\n  ", out.ari,
           out.v_measure);
    free(cells);
    free(part);
    free(truth);
}

static void round_score(const struct score *s, const bool *is_in)
{
    struct agreement g = compare(s, is_in, NULL);
    printf("  ARI %.4f  V %.4f (homogeneity %.4f, completeness %.4f)  VI %.3f = %.3f lumped + %.3f "
           "split  %zu truths, %zu clusters\n  ",
           g.ari, g.v_measure, g.homogeneity, g.completeness, g.variation, g.a_given_b, g.b_given_a,
           g.labels_a, g.labels_b);
    oracle_print(s, is_in);
    contamination_print(s);
}

int main(int argc, char **argv)
{
    struct score s = {.trust = trust_new()};
    struct errbuf eb = {.text = ""};
    const char *pack = argument(argc, argv, "rules", "rules");
    struct rule_options rules = {.paths = &pack, .path_count = 1};
    struct simulate_options o = {
        .seed = strtoull(argument(argc, argv, "seed", "1"), NULL, 10),
        .messages = strtoull(argument(argc, argv, "messages", "20000"), NULL, 10),
        .families = (unsigned)strtoul(argument(argc, argv, "families", "24"), NULL, 10),
        .campaigns = (unsigned)strtoul(argument(argc, argv, "campaigns", "40"), NULL, 10),
        .days = (unsigned)strtoul(argument(argc, argv, "days", "60"), NULL, 10),
        .mess = strtod(argument(argc, argv, "mess", "0.5"), NULL),
        .since = civil_to_days(2007, 7, 1) * SECONDS_PER_DAY,
        .trap = S("import"),
        .is_live = strcmp(argument(argc, argv, "live", "0"), "1") == 0,
    };
    const char *take = argument(argc, argv, "take", "all");
    uint64_t shuffles = strtoull(argument(argc, argv, "shuffle", "2"), NULL, 10);
    size_t show = strtoul(argument(argc, argv, "show", "0"), NULL, 10);
    if (rules_live_open(&rules, &s.rules, &eb) != OK || !(s.urls = url_context_new(&eb)) ||
        !s.trust) {
        die(eb.text);
    }
    world_read(&s, &o);
    relays_infer(&s, o.is_live);
    bool *is_in = calloc(s.count + 1, sizeof *is_in);
    uint64_t *first = calloc(s.count + 1, sizeof *first);
    round_run(&s, take, strtoull(argument(argc, argv, "first", "0"), NULL, 10), is_in);
    round_score(&s, is_in);
    worst_print(&s, show);
    for (size_t i = 0; i < s.count; i++) {
        first[i] = s.list[i].group;
    }
    for (uint64_t k = 1; k <= shuffles; k++) {
        round_run(&s, take, k, is_in);
        struct agreement g = compare(&s, is_in, NULL), same = compare(&s, is_in, first);
        printf("  ARI %.4f  V %.4f; against the first order ARI %.4f\n", g.ari, g.v_measure,
               same.ari);
    }
    static const char *const TAKES[] = {"half", "twice"};
    for (size_t k = 0; shuffles && k < 2; k++) {
        round_run(&s, TAKES[k], 0, is_in);
        struct agreement g = compare(&s, is_in, NULL), same = compare(&s, is_in, first);
        printf("  ARI %.4f  V %.4f; against all, on the same messages ARI %.4f\n", g.ari,
               g.v_measure, same.ari);
    }
    return 0;
}
