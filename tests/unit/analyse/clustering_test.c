/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mailers and campaigns on the whole way: mail through the pipeline into a real store. */
#include "testing.h"

#include "analyse/pipeline.h"
#include "core/strmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GUARD_SECONDS = 240, NOW = 1300000000, FAMILIES = 5, CONTENTS = 8 };

static char folder[] = "/tmp/spamgauge-clustering-XXXXXX";
static const uint8_t KEY[SECRET_KEY_BYTES] = {1};

static int folder_make(void **state)
{
    (void)state;
    alarm(GUARD_SECONDS);
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_drop(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* ---- mail ---- */

/* Five kinds of software, each with fields of its own; eight offers, each with words of its own and
 * a number that varies. */
static void message_add(struct strbuf *out, unsigned i, unsigned contents)
{
    unsigned family = i % FAMILIES, content = contents ? i % contents : i / 3 % CONTENTS;
    strbuf_printf(out,
                  "From a@example.org Fri Oct  1 00:00:00 2010\n"
                  "Received: from h%u (unknown [%u.%u.7.9]) by mx.example.org (Postfix) with ESMTP"
                  " id 1%u\n\tfor <trap@example.org>; %u Oct 2010 00:00:%02u +0000\n",
                  i, 20 + i % 60, i % 250, i, 1 + i % 28, i % 60);
    for (unsigned k = 0; k < 4; k++) {
        strbuf_printf(out, "X-Family%u-%c: v%u\n", family, 'A' + (int)((k + family) % 4), family);
    }
    strbuf_printf(
        out,
        "From: <x%u@example.net>\nTo: <trap@example.org>\nSubject: our finest offer kind%c now\n\n",
        i, 'a' + (int)(i / 700));
    for (unsigned k = 0; k < 60; k++) {
        strbuf_printf(out, "word%c%c%c ", 'a' + (int)content, 'a' + (int)(k / 8),
                      'a' + (int)(k % 8));
    }
    strbuf_printf(out, "price %u.99 http://d%u.example.com/a\n\n", 10 + i % 80, content);
}

struct stream {
    struct strbuf mbox;
    size_t at;
};

static long stream_read(void *arg, char *p, size_t n)
{
    struct stream *s = arg;
    size_t left = s->mbox.n - s->at;
    n = n < left ? n : left;
    memcpy(p, s->mbox.p + s->at, n);
    s->at += n;
    return (long)n;
}

/* ---- runs ---- */

struct run {
    const char *name; /* of the store */
    unsigned from, to, jobs;
    unsigned contents; /* messages in a row that are unlike each other; 0: three are alike */
    const char *identity;
    uint64_t stop_after; /* messages; 0: never */
    bool is_killed;      /* no clustering_finish() */
    bool stop;
    struct pipeline_progress progress;
};

static void progress_watch(void *arg, const struct pipeline_progress *p)
{
    struct run *run = arg;
    run->stop = run->stop_after && p->messages >= run->stop_after;
}

static struct store *store_of(const char *name, enum store_mode mode)
{
    char path[256];
    struct store *store;
    struct errbuf eb = {.text = ""};
    snprintf(path, sizeof path, "%s/%s.db", folder, name);
    assert_int_equal(
        store_open(&(struct store_options){.path = path, .mode = mode, .now = NOW}, &store, &eb),
        OK);
    return store;
}

static void import(struct run *run)
{
    struct errbuf eb = {.text = ""};
    struct stream stream = {.mbox = STRBUF_INIT};
    struct store *store = store_of(run->name, STORE_CREATE);
    struct source *source;
    for (unsigned i = run->from; i < run->to; i++) {
        message_add(&stream.mbox, i, run->contents);
    }
    struct pipeline_options o = {
        .analyse = {.trap = S("t"), .recipient_key = KEY},
        .clustering = clustering_new(store),
        .jobs = run->jobs,
        .identity = slice_cstr(run->identity ? run->identity : ""),
        .now = NOW,
        .append_ms = run->stop_after ? 1 : 0,
        .stop = &run->stop,
        .on_progress = progress_watch,
        .arg = run,
    };
    run->stop = false;
    assert_non_null(o.clustering);
    assert_int_equal(store_trap_put(store, S("t"), S("s"), &eb), OK);
    assert_int_equal(source_open_stream(stream_read, &stream, "stream", &source, &eb), OK);
    enum err e = pipeline_run(&o, source, store, &run->progress, &eb);
    assert_int_equal(e, run->stop ? ERR_CANCELLED : OK);
    if (!run->is_killed) {
        assert_int_equal(clustering_finish(o.clustering, NOW, &eb), OK);
    }
    clustering_free(o.clustering);
    source_close(source);
    store_close(store);
    strbuf_free(&stream.mbox);
}

/* ---- what a store holds ---- */

static enum err part_print(void *arg, const struct cluster_part *p)
{
    strbuf_printf(arg, "part %d %016llx %08x %08x %016llx\n", (int)p->kind,
                  (unsigned long long)p->key, p->cluster, p->pin,
                  (unsigned long long)hash_u64(p->state));
    return OK;
}

static enum err cluster_print(void *arg, const struct cluster_info *i)
{
    strbuf_printf(arg, "cluster %d %08x %08x %d %.*s\n", (int)i->kind, i->id, i->merged_into,
                  (int)i->namer, SLICE_ARG(i->name));
    return OK;
}

static void volume_print(void *arg, const struct cluster_volume *v)
{
    strbuf_printf(arg, "volume %08x %llu %llu %zu\n", v->id, (unsigned long long)v->units.messages,
                  (unsigned long long)v->units.bytes, v->parts);
}

static void row_print(void *arg, const struct message_row *row)
{
    char id[33];
    id128_hex(row->id, id);
    strbuf_printf(arg, "row %s %016llx %016llx %.*s %.*s %.3f %zu\n", id,
                  (unsigned long long)row->part[0], (unsigned long long)row->part[1],
                  SLICE_ARG(row->cd1), SLICE_ARG(row->botnet.best), row->botnet.posterior,
                  row->rule_count);
}

static void problem_say(void *arg, const char *line)
{
    strbuf_printf(arg, "%s\n", line);
}

enum { WITH_PARTS = 1, WITH_ROWS = 2, WITH_VOLUMES = 4 };

static struct strbuf dump(const char *name, unsigned what)
{
    struct strbuf out = STRBUF_INIT;
    struct store *s = store_of(name, STORE_READ);
    struct store_filter all = STORE_FILTER_ALL;
    struct page_cursor cursor = {.is_set = false};
    if (what & WITH_PARTS) {
        assert_int_equal(store_parts(s, part_print, &out, NULL), OK);
        assert_int_equal(store_clusters(s, cluster_print, &out, NULL), OK);
    }
    for (int k = 0; what & WITH_VOLUMES && k < CLUSTER_KIND_COUNT; k++) {
        assert_int_equal(
            store_cluster_top(s, &all, (enum cluster_kind)k, 100, volume_print, &out, NULL), OK);
    }
    if (what & WITH_ROWS) {
        assert_int_equal(store_page(s, &all, &cursor, 100000, row_print, &out, NULL), OK);
    }
    size_t problems = 9;
    assert_int_equal(store_verify(s, problem_say, &out, &problems, NULL), OK);
    assert_int_equal(problems, 0);
    store_close(s);
    return out;
}

static void assert_dumps_equal(const char *a, const char *b, unsigned what)
{
    struct strbuf x = dump(a, what), y = dump(b, what);
    assert_true(x.n > 100);
    assert_string_equal(strbuf_cstr(&x), strbuf_cstr(&y));
    strbuf_free(&x);
    strbuf_free(&y);
}

/* What is known of each part, templates aside: words are learnt once and not stored. */
static struct strbuf evidence(const char *name)
{
    struct strbuf out = STRBUF_INIT, state = STRBUF_INIT;
    struct store *s = store_of(name, STORE_READ);
    struct clusters *c;
    assert_int_equal(store_clusters_load(s, CLUSTER_KIND_COUNT, &c, NULL), OK);
    struct variants *v = clusters_variants(c);
    struct wordings *w = clusters_wordings(c);
    for (size_t i = 0; i < variants_count(v); i++) {
        strbuf_clear(&state);
        assert_int_equal(variants_save(v, i, &state), OK);
        strbuf_printf(&out, "variant %016llx %016llx\n", (unsigned long long)variants_key(v, i),
                      (unsigned long long)hash_u64(strbuf_slice(&state)));
    }
    for (size_t i = 0; i < wordings_count(w); i++) {
        strbuf_clear(&state);
        assert_int_equal(wordings_save(w, i, &state), OK);
        strbuf_printf(&out, "wording %016llx %016llx\n", (unsigned long long)wordings_key(w, i),
                      (unsigned long long)hash_u64(strbuf_slice(&state)));
    }
    clusters_free(c);
    store_close(s);
    strbuf_free(&state);
    return out;
}

static void assert_same_evidence(const char *a, const char *b)
{
    struct strbuf x = evidence(a), y = evidence(b);
    assert_string_equal(strbuf_cstr(&x), strbuf_cstr(&y));
    strbuf_free(&x);
    strbuf_free(&y);
}

static void row_count(void *arg, const struct message_row *row)
{
    struct strmap *counts = arg;
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        uint64_t key = row->part[k];
        ++*strmap_put(counts, slice_of((const char *)&key, sizeof key), NULL);
    }
}

static void assert_counted(const struct strmap *counts, uint64_t key, const struct profile *p)
{
    const uint64_t *n = strmap_get(counts, slice_of((const char *)&key, sizeof key));
    assert_non_null(n);
    assert_int_equal(p->messages, *n);
}

/* Each part knows each of its messages once. */
static void assert_evidence_is_whole(const char *name)
{
    struct store *s = store_of(name, STORE_READ);
    struct strmap *counts = strmap_new();
    struct store_filter all = STORE_FILTER_ALL;
    struct page_cursor cursor = {.is_set = false};
    struct clusters *c;
    assert_int_equal(store_page(s, &all, &cursor, 100000, row_count, counts, NULL), OK);
    assert_int_equal(store_clusters_load(s, CLUSTER_KIND_COUNT, &c, NULL), OK);
    struct variants *v = clusters_variants(c);
    struct wordings *w = clusters_wordings(c);
    for (size_t i = 0; i < variants_count(v); i++) {
        assert_counted(counts, variants_key(v, i), variants_profile(v, i));
    }
    for (size_t i = 0; i < wordings_count(w); i++) {
        assert_counted(counts, wordings_key(w, i), wordings_profile(w, i));
    }
    assert_int_equal(strmap_count(counts), variants_count(v) + wordings_count(w));
    strmap_free(counts);
    clusters_free(c);
    store_close(s);
}

/* ---- tests ---- */

static void test_families(void **state)
{
    (void)state;
    struct run run = {.name = "families", .to = 800, .jobs = 1};
    import(&run);
    struct store *s = store_of("families", STORE_READ);
    struct clusters *c;
    assert_int_equal(store_clusters_load(s, CLUSTER_KIND_COUNT, &c, NULL), OK);
    size_t mailers = 0, campaigns = 0, templates = 0;
    const struct cluster_info *i = NULL;
    while ((i = clusters_next(c, CLUSTER_MAILER, i ? i->id : 0))) {
        mailers++;
    }
    while ((i = clusters_next(c, CLUSTER_CAMPAIGN, i ? i->id : 0))) {
        const struct template *t = clusters_template(c, i->id);
        struct template_info info = {0};
        campaigns++;
        if (t) {
            template_info(t, &info);
        }
        templates += info.is_usable && info.learnt > 50;
    }
    assert_int_equal(mailers, FAMILIES);
    assert_int_equal(campaigns, CONTENTS);
    assert_int_equal(templates, CONTENTS);
    clusters_free(c);
    store_close(s);
}

/* Also when it groups in between (after 5,000 messages). */
static void test_jobs(void **state)
{
    (void)state;
    struct run one = {.name = "one", .to = 5600, .jobs = 1};
    struct run more = {.name = "more", .to = 5600, .jobs = 3};
    import(&one);
    import(&more);
    assert_dumps_equal("one", "more", WITH_PARTS | WITH_ROWS | WITH_VOLUMES);
}

static void test_twice(void **state)
{
    (void)state;
    struct run run = {.name = "twice", .to = 700, .jobs = 2};
    import(&run);
    struct strbuf before = dump("twice", WITH_PARTS | WITH_VOLUMES | WITH_ROWS);
    import(&run);
    assert_int_equal(run.progress.added, 0);
    struct strbuf after = dump("twice", WITH_PARTS | WITH_VOLUMES | WITH_ROWS);
    assert_string_equal(strbuf_cstr(&before), strbuf_cstr(&after));
    strbuf_free(&before);
    strbuf_free(&after);
}

/* Stopped as by a kill, five times, without a word to the clusters: the same counts, the same
 * evidence, grouped after the same messages. */
static void test_resume(void **state)
{
    (void)state;
    struct run whole = {.name = "whole", .to = 5600, .jobs = 1};
    struct run cut = {.name = "cut", .to = 5600, .jobs = 2, .identity = "mbox", .is_killed = true};
    size_t killed = 0;
    import(&whole);
    for (uint64_t n = 200; n <= 5400; n += 1300) {
        cut.stop_after = n;
        import(&cut);
        killed += cut.progress.added > 0 && cut.stop;
    }
    assert_true(killed >= 2);
    cut.stop_after = 0;
    cut.is_killed = false;
    import(&cut);
    assert_true(cut.progress.resumed > 0);
    assert_dumps_equal("whole", "cut", WITH_VOLUMES | WITH_ROWS);
    assert_same_evidence("whole", "cut");
    assert_evidence_is_whole("cut");
}

static enum err single_count(void *arg, const struct cluster_part *p)
{
    *(size_t *)arg += p->kind == CLUSTER_CAMPAIGN && p->message && p->state.n == 0;
    return OK;
}

static size_t singles(const char *name)
{
    size_t n = 0;
    struct store *s = store_of(name, STORE_READ);
    assert_int_equal(store_parts(s, single_count, &n, NULL), OK);
    store_close(s);
    return n;
}

/* A wording of one message is not kept, for it is what its row shows: read back it is the same, and
 * goes on as one that was never read back. */
static void test_singles(void **state)
{
    (void)state;
    enum { SINGLES = 20, ALL = 30 };
    struct run whole = {.name = "unread", .to = ALL, .jobs = 1, .contents = SINGLES};
    struct run first = {.name = "read", .to = SINGLES, .jobs = 1, .contents = SINGLES};
    struct run rest = {.name = "read", .from = SINGLES, .to = ALL, .jobs = 1, .contents = SINGLES};
    import(&whole);
    import(&first);
    assert_int_equal(singles("read"), SINGLES);
    assert_evidence_is_whole("read");
    import(&rest);
    assert_int_equal(singles("read"), SINGLES - (ALL - SINGLES));
    assert_dumps_equal("unread", "read", WITH_VOLUMES | WITH_ROWS);
    assert_same_evidence("unread", "read");
    assert_evidence_is_whole("read");
}

/* It goes with its row. */
static void test_single_without_row(void **state)
{
    (void)state;
    enum { SINGLES = 20, DAYS = 3 };
    struct run run = {.name = "gone", .to = SINGLES, .jobs = 1, .contents = SINGLES};
    uint64_t deleted;
    struct clusters *c;
    import(&run);
    struct store *s = store_of("gone", STORE_WRITE);
    assert_int_equal(store_retain(s, NOW + DAYS * 86400, 0, &deleted, NULL), OK);
    assert_int_equal(deleted, SINGLES);
    assert_int_equal(store_clusters_load(s, CLUSTER_KIND_COUNT, &c, NULL), OK);
    assert_int_equal(wordings_count(clusters_wordings(c)), 0);
    assert_true(variants_count(clusters_variants(c)) > 0);
    clusters_free(c);
    store_close(s);
    run.from = SINGLES;
    run.to = 2 * SINGLES;
    import(&run);
    assert_int_equal(run.progress.added, SINGLES);
    assert_int_equal(singles("gone"), SINGLES);
}

static int import_beside(struct run run, unsigned from, unsigned to)
{
    pid_t child = fork();
    if (child == 0) {
        run.from = from;
        run.to = to;
        import(&run);
        _exit(0);
    }
    return child;
}

static enum err name_again(void *arg, struct clusters *c, struct errbuf *eb)
{
    (void)eb;
    return clusters_name(c, CLUSTER_MAILER, clusters_next(c, CLUSTER_MAILER, 0)->id,
                         CLUSTER_LABEL_BOTNET, S("storm"), slice_cstr(arg), NOW);
}

/* A person, who says something new again and again. */
static int name_beside(const char *name)
{
    enum { WORDS = 20, PAUSE_MICROSECONDS = 30000 };
    pid_t child = fork();
    if (child == 0) {
        struct store *s = store_of(name, STORE_WRITE);
        for (int i = 0; i < WORDS; i++) {
            char note[16];
            snprintf(note, sizeof note, "note %d", i);
            assert_int_equal(clustering_edit(s, name_again, note, NULL), OK);
            usleep(PAUSE_MICROSECONDS);
        }
        store_close(s);
        _exit(0);
    }
    return child;
}

static void name_check(void *arg, const struct cluster_event *e)
{
    *(size_t *)arg += e->what.kind == CLUSTER_NAMED;
}

/* Two processes store halves at the same time, a third names a cluster meanwhile: each follows what
 * the others wrote. */
static void test_three_at_once(void **state)
{
    (void)state;
    enum { FIRST = 600, HALF = 3100, ALL = 5600 };
    struct run whole = {.name = "alone", .to = FIRST, .jobs = 1};
    struct run part = {.name = "both", .to = FIRST, .jobs = 1};
    import(&whole);
    whole.from = FIRST;
    whole.to = ALL;
    import(&whole);
    import(&part);
    part.stop_after = UINT64_MAX; /* never, but in many transactions */
    pid_t children[] = {import_beside(part, FIRST, HALF), import_beside(part, HALF, ALL),
                        name_beside("both")};
    for (int i = 0; i < 3; i++) {
        int status = -1;
        assert_true(waitpid(children[i], &status, 0) > 0);
        assert_int_equal(status, 0);
    }
    assert_evidence_is_whole("both");
    assert_dumps_equal("alone", "both", WITH_VOLUMES);
    struct store *s = store_of("both", STORE_READ);
    struct cluster_event_query q = {.since = INT64_MIN, .until = INT64_MAX, .kind = CLUSTER_MAILER};
    size_t named = 0;
    assert_int_equal(store_cluster_events(s, &q, name_check, &named, NULL), OK);
    assert_true(named >= 20);
    struct clusters *c;
    assert_int_equal(store_clusters_load(s, CLUSTER_KIND_COUNT, &c, NULL), OK);
    const struct cluster_info *i = clusters_next(c, CLUSTER_MAILER, 0);
    assert_int_equal(i->namer, CLUSTER_NAMER_PERSON);
    assert_true(slice_eq(i->name, S("storm")));
    assert_true(slice_eq(i->note, S("note 19")));
    clusters_free(c);
    store_close(s);
}

static void label_count(void *arg, const struct message_row *row)
{
    size_t *n = arg;
    bool is_lent = slice_eq(row->botnet.best, S("storm"));
    assert_true(!is_lent || (row->rule_count == 1 && slice_starts(row->rule_ids[0], S("mailer-"))));
    assert_true(!is_lent || slice_eq(row->botnet.name, S("storm"))); /* .95 is decided */
    n[is_lent]++;
}

static enum err first_name(void *arg, struct clusters *c, struct errbuf *eb)
{
    (void)arg;
    (void)eb;
    uint32_t id = clusters_next(c, CLUSTER_MAILER, 0)->id;
    struct profile p;
    assert_int_equal(clusters_profile(c, CLUSTER_MAILER, id, &p), OK);
    assert_int_equal(p.messages, 500 / FAMILIES);
    profile_clear(&p);
    return clusters_name(c, CLUSTER_MAILER, id, CLUSTER_LABEL_BOTNET, S("storm"), S(""), NOW);
}

/* A person's name goes to what comes after, while another process holds the clusters, too. */
static void test_lending(void **state)
{
    (void)state;
    struct run run = {.name = "lend", .to = 500, .jobs = 1};
    import(&run);
    struct store *s = store_of("lend", STORE_WRITE);
    assert_int_equal(clustering_edit(s, first_name, NULL, NULL), OK);
    store_close(s);
    run.from = 500;
    run.to = 1000;
    import(&run);
    s = store_of("lend", STORE_READ);
    struct store_filter all = STORE_FILTER_ALL;
    struct page_cursor cursor = {.is_set = false};
    size_t n[2] = {0, 0};
    assert_int_equal(store_page(s, &all, &cursor, 100000, label_count, n, NULL), OK);
    assert_int_equal(n[1], 500 / FAMILIES);
    assert_int_equal(n[0], 1000 - n[1]);
    store_close(s);
}

/* Rules name a cluster of n messages, all labelled and certain, with n / (n + 1.96^2) * .95:
 * Wilson's bound, less what the grouping may err. From .9 on the name is decided. */
static void test_lent_from(void **state)
{
    (void)state;
    static const struct {
        unsigned labelled, others;
        bool is_best, is_decided;
    } cases[] =
        {
            {19, 5, false, false},   {20, 5, true, false}, {21, 5, true, false},
            {69, 0, true, false},    {70, 0, true, true},  {71, 0, true, true},
            {70, 630, true, true}, /* a tenth is labelled */
            {70, 631, false, false},
        };
    struct arena *arena = arena_new(1 << 20);
    const struct row_label none = {.unknown = 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct clusters *c = clusters_new();
        struct placed placed;
        for (unsigned k = 0; k < cases[i].labelled + cases[i].others; k++) {
            struct cluster_message m = {
                .id = hash_id128(slice_of((const char *)&k, sizeof k)),
                .host = 1 + k,
                .hd1 = S("HD1:03.p.onr6.0.1q_0123456789ab_0123456789ab"),
                .botnet = k < cases[i].labelled ? S("storm") : S(""),
                .botnet_posterior = 1,
            };
            assert_int_equal(clusters_place(c, &m, &placed), OK);
        }
        assert_int_equal(clusters_regroup(c, NOW), OK);
        struct message_row row = {.botnet = none, .mailer_label = none, .program = none};
        struct message_row known = row;
        memcpy(row.part, placed.key, sizeof row.part);
        memcpy(known.part, placed.key, sizeof row.part);
        known.botnet = (struct row_label){.best = S("grum"), .posterior = .5, .unknown = .5};
        assert_int_equal(clustering_lend(c, &row, arena), OK);
        assert_int_equal(clustering_lend(c, &known, arena), OK);
        assert_true(slice_eq(row.botnet.best, cases[i].is_best ? S("storm") : S("")));
        assert_true(slice_eq(row.botnet.name, cases[i].is_decided ? S("storm") : S("")));
        assert_int_equal(row.rule_count, cases[i].is_best);
        assert_true(row.botnet.posterior < .95);
        assert_true((row.botnet.posterior >= .9) == cases[i].is_decided);
        assert_true(row.botnet.posterior + row.botnet.unknown == 1);
        assert_true(slice_eq(row.program.best, S("")));
        assert_true(slice_eq(known.botnet.best, S("grum"))); /* a rule said something */
        assert_int_equal(known.rule_count, 0);
        row_take_back(c, &row);
        assert_true(slice_eq(row.botnet.best, S("")));
        assert_true(row.botnet.posterior == 0 && row.botnet.unknown == 1);
        clusters_free(c);
    }
    arena_free(arena);
}

/* What a failed transaction has shown the clusters is forgotten; what others wrote is followed. */
static void test_failure(void **state)
{
    (void)state;
    struct run run = {.name = "fail", .to = 100, .jobs = 1};
    import(&run);
    struct store *s = store_of("fail", STORE_WRITE);
    struct clustering *k = clustering_new(s);
    struct shown shown = {.is_listed = false};
    struct message_row row = {.trap = S("t"),
                              .clock = CLOCK_NONE,
                              .recipients = 1,
                              .bytes = 9,
                              .hd1 = S("HD1:03.p.onr6.0.1q_0123456789ab_0123456789ab")};
    const struct store_placing *placing;
    for (int i = 0; i < 30; i++) {
        placing = clustering_begin(k, &shown, NOW);
        struct message_row copy = row;
        assert_int_equal(placing->begin(placing->arg, NULL), OK);
        assert_int_equal(placing->place(placing->arg, 0, 101, &copy), OK);
        assert_true(copy.part[CLUSTER_MAILER] != 0);
        assert_int_equal(copy.part[CLUSTER_CAMPAIGN], 0);
        clustering_end(k, ERR_BUSY);
    }
    placing = clustering_begin(k, &shown, NOW);
    struct append_result result;
    struct store_batch in = {.rows = &row, .row_count = 1, .placing = placing};
    assert_int_equal(store_append_batch(s, &in, &result, NULL), OK);
    clustering_end(k, OK);
    assert_int_equal(clustering_finish(k, NOW, NULL), OK);
    clustering_free(k);
    struct clusters *c;
    assert_int_equal(store_clusters_load(s, CLUSTER_KIND_COUNT, &c, NULL), OK);
    struct variants *v = clusters_variants(c);
    uint64_t messages = 0;
    for (size_t i = 0; i < variants_count(v); i++) {
        messages += variants_profile(v, i)->messages;
    }
    assert_int_equal(messages, 101);
    clusters_free(c);
    store_close(s);
}

/* Packed words are what a template sees of them. */
static void test_words(void **state)
{
    (void)state;
    static const char TEXT[] = "Dear customer, buy  cheap\n\npills - now at 12.50 today";
    struct arena *arena = arena_new(1024 * 1024);
    struct analysis *a = calloc(1, sizeof *a);
    struct shown shown;
    struct words words;
    struct strbuf first = STRBUF_INIT, again = STRBUF_INIT;
    assert_int_equal(words_split(&a->words, slice_cstr(TEXT), NULL, 0, arena), OK);
    a->cd1.kind = CD1_SHORT; /* a campaign may have its short texts with a footer, too */
    assert_int_equal(shown_copy(&shown, a, arena), OK);
    assert_int_equal(shown_words(&shown, &words, arena), OK);
    assert_true(words.count >= 8 && words.count < a->words.count);
    struct template *t = template_new(), *u = template_new();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(template_learn(t, &a->words), OK);
        assert_int_equal(template_learn(u, &words), OK);
    }
    assert_int_equal(template_print(t, &first), OK);
    assert_int_equal(template_print(u, &again), OK);
    assert_string_equal(strbuf_cstr(&first), strbuf_cstr(&again));
    assert_true(first.n > 20);
    template_free(t);
    template_free(u);
    strbuf_free(&first);
    strbuf_free(&again);
    free(a);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_three_at_once),
        cmocka_unit_test(test_lending),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_lent_from),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_singles),
        cmocka_unit_test(test_single_without_row),
    };
    return cmocka_run_group_tests_name("clustering", tests, folder_make, folder_drop);
}
