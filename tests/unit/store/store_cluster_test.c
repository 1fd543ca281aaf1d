/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts and clusters: kept and given back, placed within a batch, and their volume against a naive
 * count of the rows. */
#include "store_rows.h"

#include "store/cluster.h"

#include <sqlite3.h>

static const struct store_filter ALL = STORE_FILTER_ALL;

static void sql_run(const char *path, const char *sql)
{
    sqlite3 *db;
    char *error = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", sql, error);
    }
    sqlite3_close(db);
}

/* ---- kept and given back ---- */

/* What is given to a sink, in order. */
struct changes {
    const struct cluster_part *parts;
    const struct cluster_info *clusters;
    const struct cluster_event *events;
    size_t part_count, cluster_count, event_count;
    enum err fails; /* after all was given */
};

static enum err changes_give(void *arg, const struct cluster_sink *sink)
{
    const struct changes *c = arg;
    enum err e = OK;
    for (size_t i = 0; e == OK && i < c->part_count; i++) {
        e = sink->part(sink->arg, &c->parts[i]);
    }
    for (size_t i = 0; e == OK && i < c->cluster_count; i++) {
        e = sink->cluster(sink->arg, &c->clusters[i]);
    }
    for (size_t i = 0; e == OK && i < c->event_count; i++) {
        e = sink->event(sink->arg, &c->events[i]);
    }
    return e == OK ? c->fails : e;
}

struct lines {
    char text[4096];
    size_t n, left; /* lines until an error; 0: none */
};

static void line(struct lines *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void line(struct lines *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    l->n += (size_t)vsnprintf(l->text + l->n, sizeof l->text - l->n, fmt, ap);
    va_end(ap);
    assert_true(l->n < sizeof l->text);
}

static enum err part_line(void *arg, const struct cluster_part *p)
{
    struct lines *l = arg;
    line(l, "%s %llx in %x pin %x: %.*s\n", cluster_kind_name(p->kind), (unsigned long long)p->key,
         p->cluster, p->pin, SLICE_ARG(p->state));
    return l->left && --l->left == 0 ? ERR_CANCELLED : OK;
}

static enum err info_line(void *arg, const struct cluster_info *i)
{
    struct lines *l = arg;
    line(l, "%s %x into %x, namer %d label %d '%.*s' %.17g '%.*s' %lld %lld\n",
         cluster_kind_name(i->kind), i->id, i->merged_into, (int)i->namer, (int)i->label,
         SLICE_ARG(i->name), i->probability, SLICE_ARG(i->note), (long long)i->born,
         (long long)i->changed);
    return l->left && --l->left == 0 ? ERR_CANCELLED : OK;
}

static void event_line(void *arg, const struct cluster_event *e)
{
    line(arg, "%lld %s %d %x %x %llu %llu\n", (long long)e->time, cluster_kind_name(e->kind),
         (int)e->what.kind, e->what.cluster, e->what.other, (unsigned long long)e->what.parts,
         (unsigned long long)e->what.messages);
}

static const uint64_t KEY = UINT64_C(0xfedcba9876543210);

static const struct cluster_part PARTS[] = {
    {CLUSTER_MAILER, KEY, 0xffffffff, 0, {"state one", 9}},
    {CLUSTER_CAMPAIGN, KEY, 0, 0, {"a\0b", 3}},
    {CLUSTER_MAILER, 1, 0xffffffff, 7, {"state two", 9}},
};
static const struct cluster_info CLUSTERS[] = {
    {.kind = CLUSTER_MAILER,
     .id = 0xffffffff,
     .namer = CLUSTER_NAMER_RULES,
     .label = CLUSTER_LABEL_MAILER,
     .name = {"reactor", 7},
     .probability = 0.1 + 0.2,
     .born = 100,
     .changed = 200},
    {.kind = CLUSTER_MAILER, .id = 7, .namer = CLUSTER_NAMER_PERSON, .note = {"by hand", 7}},
    {.kind = CLUSTER_MAILER, .id = 8, .merged_into = 9},
    {.kind = CLUSTER_MAILER, .id = 9, .merged_into = 7},
    {.kind = CLUSTER_CAMPAIGN, .id = 8},
};
static const struct cluster_event EVENTS[] = {
    {100, CLUSTER_MAILER, {CLUSTER_BORN, 0xffffffff, 0, 2, 12}},
    {300, CLUSTER_CAMPAIGN, {CLUSTER_BORN, 8, 0, 1, 5}},
    {300, CLUSTER_MAILER, {CLUSTER_MERGED, 8, 9, 3, UINT32_MAX}},
};
static const struct changes CHANGES = {PARTS, CLUSTERS, EVENTS, 3, 5, 3, OK};

static void parts_are(struct store *s, const char *expected)
{
    struct lines l = {.n = 0};
    assert_ok(store_parts(s, part_line, &l, eb));
    assert_string_equal(l.text, expected);
}

static void test_kept(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct lines l = {.n = 0};
    struct errbuf error = {0};
    parts_are(s, "");
    assert_ok(store_clusters_put(s, changes_give, (void *)(uintptr_t)&CHANGES, eb));
    store_close(s);
    s = open_as(scratch.path, STORE_WRITE);
    parts_are(s, "mailer fedcba9876543210 in ffffffff pin 0: state one\n"
                 "campaign fedcba9876543210 in 0 pin 0: a\n" /* up to the NUL */
                 "mailer 1 in ffffffff pin 7: state two\n");
    assert_ok(store_clusters(s, info_line, &l, eb));
    assert_string_equal(
        l.text, "mailer 7 into 0, namer 2 label 0 '' 0 'by hand' 0 0\n"
                "mailer 8 into 9, namer 0 label 0 '' 0 '' 0 0\n"
                "mailer 9 into 7, namer 0 label 0 '' 0 '' 0 0\n"
                "mailer ffffffff into 0, namer 1 label 1 'reactor' 0.30000000000000004 '' 100 200\n"
                "campaign 8 into 0, namer 0 label 0 '' 0 '' 0 0\n");
    /* One of them changes, one gives way; the others stay. A failing giver changes nothing. */
    const struct cluster_part part[] = {{CLUSTER_MAILER, KEY, 7, 7, {"state three", 11}},
                                        {CLUSTER_MAILER, 1, 7, 7, {NULL, 0}}};
    struct changes some = {.parts = part, .part_count = 2, .fails = ERR_NOMEM};
    assert_int_equal(store_clusters_put(s, changes_give, &some, &error), ERR_NOMEM);
    l = (struct lines){.n = 0};
    assert_ok(store_parts(s, part_line, &l, eb));
    assert_non_null(strstr(l.text, "state one"));
    some.fails = OK;
    assert_ok(store_clusters_put(s, changes_give, &some, eb));
    parts_are(s, "mailer fedcba9876543210 in 7 pin 7: state three\n"
                 "campaign fedcba9876543210 in 0 pin 0: a\n");
    l = (struct lines){.left = 1};
    assert_int_equal(store_parts(s, part_line, &l, &error), ERR_CANCELLED);
    l = (struct lines){.left = 2};
    assert_int_equal(store_clusters(s, info_line, &l, &error), ERR_CANCELLED);
    const struct cluster_part nothing = {CLUSTER_MAILER, 0, 7, 7, {NULL, 0}};
    some = (struct changes){.parts = &nothing, .part_count = 1};
    assert_int_equal(store_clusters_put(s, changes_give, &some, &error), ERR_USAGE);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
}

static void test_looked_up(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct cluster_info info;
    struct errbuf error = {0};
    assert_ok(store_clusters_put(s, changes_give, (void *)(uintptr_t)&CHANGES, eb));
    assert_ok(store_cluster(s, CLUSTER_MAILER, 8, &info, eb)); /* 8 -> 9 -> 7 */
    assert_int_equal(info.id, 7);
    assert_true(slice_eq(info.note, S("by hand")));
    assert_ok(store_cluster(s, CLUSTER_CAMPAIGN, 8, &info, eb));
    assert_int_equal(info.id, 8);
    assert_int_equal(store_cluster(s, CLUSTER_CAMPAIGN, 7, &info, &error), ERR_NOTFOUND);
    assert_ok(store_part_cluster(s, CLUSTER_MAILER, KEY, &info, eb));
    assert_int_equal(info.id, 0xffffffff);
    assert_true(slice_eq(info.name, S("reactor")));
    assert_int_equal(store_part_cluster(s, CLUSTER_CAMPAIGN, KEY, &info, &error), ERR_NOTFOUND);
    assert_int_equal(store_part_cluster(s, CLUSTER_MAILER, 4711, &info, &error), ERR_NOTFOUND);
    assert_int_equal(store_part_cluster(s, CLUSTER_MAILER, 0, &info, &error), ERR_NOTFOUND);
    /* A ring, as only damage makes it, ends. */
    const struct cluster_info ring[] = {{.kind = CLUSTER_MAILER, .id = 20, .merged_into = 21},
                                        {.kind = CLUSTER_MAILER, .id = 21, .merged_into = 20}};
    struct changes some = {.clusters = ring, .cluster_count = 2};
    assert_ok(store_clusters_put(s, changes_give, &some, eb));
    assert_int_equal(store_cluster(s, CLUSTER_MAILER, 20, &info, &error), ERR_NOTFOUND);
    store_close(s);
    scratch_remove(&scratch);
}

static void journal_is(struct store *s, struct cluster_event_query q, const char *expected)
{
    struct lines l = {.n = 0};
    assert_ok(store_cluster_events(s, &q, event_line, &l, eb));
    assert_string_equal(l.text, expected);
}

static void test_journal(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    char born[64], born_8[64], merged[64];
    assert_ok(store_clusters_put(s, changes_give, (void *)(uintptr_t)&CHANGES, eb));
    (void)snprintf(born, sizeof born, "100 mailer %d ffffffff 0 2 12\n", CLUSTER_BORN);
    (void)snprintf(born_8, sizeof born_8, "300 campaign %d 8 0 1 5\n", CLUSTER_BORN);
    (void)snprintf(merged, sizeof merged, "300 mailer %d 8 9 3 4294967295\n", CLUSTER_MERGED);
    char all[256];
    (void)snprintf(all, sizeof all, "%s%s%s", merged, born_8, born);
    const struct cluster_event_query every = {INT64_MIN, INT64_MAX, -1, 0, 0};
    journal_is(s, every, all);
    struct cluster_event_query q = every;
    q.limit = 1;
    journal_is(s, q, merged);
    q = every;
    q.kind = CLUSTER_CAMPAIGN;
    journal_is(s, q, born_8);
    q = every;
    q.cluster = 9;
    journal_is(s, q, merged);
    q = every;
    q.until = 300;
    journal_is(s, q, born);
    q = every;
    q.since = 301;
    journal_is(s, q, "");
    store_close(s);
    scratch_remove(&scratch);
}

/* ---- placing ---- */

struct placing {
    size_t places, gives, first, last;
    size_t fail_at; /* this call of place, counted from 1, fails; 0: none */
    struct changes changes;
};

static enum err place_test(void *arg, size_t index, uint64_t number, struct message_row *row)
{
    assert_true(number > 0);
    struct placing *p = arg;
    p->places++;
    p->first = p->places == 1 ? index : p->first;
    assert_true(p->places == 1 || index > p->last);
    p->last = index;
    row->part[CLUSTER_MAILER] = KEY;
    row->part[CLUSTER_CAMPAIGN] = index % 2 ? KEY : 0;
    row->botnet = (struct row_label){.name = S("lent"), .best = S("lent"), .posterior = 0.95};
    return p->places == p->fail_at ? ERR_NOMEM : OK;
}

static enum err give_test(void *arg, const struct cluster_sink *sink)
{
    struct placing *p = arg;
    p->gives++;
    return changes_give(&p->changes, sink);
}

static enum err append_placed(struct store *s, const struct rows *rows, struct placing *p,
                              struct append_result *result, struct errbuf *eb)
{
    struct store_placing placing = {.place = place_test, .give = give_test, .arg = p};
    struct store_batch batch = {.rows = rows->rows, .row_count = rows->n, .placing = &placing};
    return store_append_batch(s, &batch, result, eb);
}

/* New rows are placed, repeats are not; what fails is all gone. */
static void test_placing(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct rows rows = rows_make(50, 40);
    struct placing p = {.fail_at = 30};
    struct append_result result = {0};
    struct message_row row;
    struct errbuf error = {0};
    p.changes = CHANGES;
    assert_ok(store_append(s, rows.rows, 10, NULL, NULL, eb));
    assert_int_equal(append_placed(s, &rows, &p, &result, &error), ERR_NOMEM);
    assert_int_equal(p.gives, 0);
    parts_are(s, "");
    assert_int_equal(store_message(s, rows.rows[20].id, &row, &error), ERR_NOTFOUND);
    /* The giver fails, after all rows. */
    p = (struct placing){.changes = CHANGES};
    p.changes.fails = ERR_NOMEM;
    assert_int_equal(append_placed(s, &rows, &p, &result, &error), ERR_NOMEM);
    assert_int_equal(p.places, 30);
    assert_int_equal(store_message(s, rows.rows[20].id, &row, &error), ERR_NOTFOUND);
    assert_int_equal(verify_count(s), 0);
    p = (struct placing){.changes = CHANGES};
    assert_ok(append_placed(s, &rows, &p, &result, eb));
    assert_int_equal(result.added, 30);
    assert_int_equal(result.repeated, 10);
    assert_int_equal(p.places, 30);
    assert_int_equal(p.gives, 1);
    assert_int_equal(p.first, 10);
    assert_int_equal(p.last, 39);
    assert_ok(store_message(s, rows.rows[21].id, &row, eb));
    assert_true(row.part[CLUSTER_MAILER] == KEY && row.part[CLUSTER_CAMPAIGN] == KEY);
    assert_true(slice_eq(row.botnet.name, S("lent")));
    assert_ok(store_message(s, rows.rows[5].id, &row, eb));
    assert_memory_equal(row.part, rows.rows[5].part, sizeof row.part);
    struct lines l = {.n = 0};
    assert_ok(store_parts(s, part_line, &l, eb));
    assert_non_null(strstr(l.text, "state two"));
    /* Again: nothing is placed, but what is to be kept is kept. */
    p = (struct placing){.changes = {.events = EVENTS, .event_count = 1}};
    assert_ok(append_placed(s, &rows, &p, &result, eb));
    assert_int_equal(p.places, 0);
    assert_int_equal(p.gives, 1);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    rows_free(&rows);
    scratch_remove(&scratch);
}

static enum err single_line(void *arg, const struct cluster_part *p)
{
    line(arg, "%s in %x, message %llu: %.*s\n", cluster_kind_name(p->kind), p->cluster,
         (unsigned long long)p->message, SLICE_ARG(p->state));
    return OK;
}

static void singles_are(struct store *s, const char *expected)
{
    struct lines l = {.n = 0};
    assert_ok(store_parts(s, single_line, &l, eb));
    assert_string_equal(l.text, expected);
}

/* A part with the message that a row says is its first, until there is a state; when it comes back
 * after it gave way, and when what is known of it was not read. */
static void test_first_message(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct rows rows = rows_make(54, 4);
    const struct cluster_part moved = {
        .kind = CLUSTER_CAMPAIGN, .key = KEY, .cluster = 8, .is_same_state = true, .message = 1};
    const struct cluster_part grown = {
        .kind = CLUSTER_CAMPAIGN, .key = KEY, .cluster = 8, .state = S("state"), .counted = 3};
    const struct cluster_part gone = {.kind = CLUSTER_CAMPAIGN, .key = KEY, .cluster = 8};
    struct changes c = {.part_count = 1};
    for (size_t i = 0; i < rows.n; i++) {
        rows.rows[i].part[CLUSTER_MAILER] = rows.rows[i].part[CLUSTER_CAMPAIGN] = KEY;
        rows.rows[i].part_is_new[CLUSTER_MAILER] = rows.rows[i].part_is_new[CLUSTER_CAMPAIGN] =
            i != 1;
    }
    assert_ok(store_append(s, &rows.rows[0], 1, NULL, NULL, eb));
    assert_ok(store_append(s, &rows.rows[1], 1, NULL, NULL, eb));
    singles_are(s, "campaign in 0, message 1: \n"); /* of a variant a row does not tell all */
    c.parts = &moved;
    assert_ok(store_clusters_put(s, changes_give, &c, eb));
    singles_are(s, "campaign in 8, message 1: \n");
    c.parts = &grown;
    assert_ok(store_clusters_put(s, changes_give, &c, eb));
    singles_are(s, "campaign in 8, message 0: state\n");
    c.parts = &gone;
    assert_ok(store_clusters_put(s, changes_give, &c, eb));
    singles_are(s, "");
    assert_ok(store_append(s, &rows.rows[2], 1, NULL, NULL, eb));
    singles_are(s, "campaign in 0, message 3: \n");
    c.parts = &grown;
    assert_ok(store_clusters_put(s, changes_give, &c, eb));
    assert_ok(store_append(s, &rows.rows[3], 1, NULL, NULL, eb));
    singles_are(s, "campaign in 0, message 4: \n");
    store_close(s);
    rows_free(&rows);
    scratch_remove(&scratch);
}

/* ---- volume ---- */

/* Wordings by number into clusters: some in none, one merged into another. */
static uint32_t cluster_of_wording(uint64_t key)
{
    uint64_t n = 0;
    while (n * UINT64_C(0xc2b2ae3d27d4eb4f) != key) {
        n++;
    }
    return n == 0 || n % 7 == 0 ? 0 : 1 + (uint32_t)(n % 4);
}

static void wordings_cluster(struct store *s)
{
    struct cluster_part parts[60];
    struct cluster_info clusters[6];
    size_t n = 0;
    for (uint64_t i = 1; i < 60; i++) {
        uint64_t key = i * UINT64_C(0xc2b2ae3d27d4eb4f);
        uint32_t cluster = cluster_of_wording(key);
        if (cluster) {
            /* Number 2 is a cluster that was merged: what is in it counts for 3. */
            parts[n++] = (struct cluster_part){CLUSTER_CAMPAIGN, key,
                                               cluster == 3 && i % 2 ? 2 : cluster, 0, S("x")};
        }
    }
    for (uint32_t i = 0; i < 5; i++) {
        clusters[i] = (struct cluster_info){
            .kind = CLUSTER_CAMPAIGN, .id = i + 1, .merged_into = i == 1 ? 3 : 0};
    }
    struct changes c = {.parts = parts, .part_count = n, .clusters = clusters, .cluster_count = 5};
    assert_ok(store_clusters_put(s, changes_give, &c, eb));
}

/* The naive count of a cluster; 2 is part of 3. */
static uint32_t cluster_of_row(const struct message_row *row)
{
    uint32_t cluster = cluster_of_wording(row->part[CLUSTER_CAMPAIGN]);
    return cluster == 2 ? 3 : cluster;
}

struct expected {
    const struct rows *rows;
    const struct store_filter *filter;
    enum bucket bucket;
    size_t seen;
    uint64_t sum;
    int64_t last_bucket;
    uint32_t last_cluster;
    size_t last_trap;
    bool by_trap;
};

static int64_t bucket_start_of(enum bucket bucket, const struct message_row *row)
{
    int64_t day = day_of(row->received);
    int year, month, d;
    if (bucket == BUCKET_ALL) {
        return INT64_MIN;
    }
    if (bucket == BUCKET_MONTH) {
        days_to_civil(day, &year, &month, &d);
        day = civil_to_days(year, month, 1);
    }
    return day * SECONDS_PER_DAY;
}

static bool row_is_in(const struct expected *x, const struct message_row *row)
{
    const struct store_filter *f = x->filter;
    bool is_open = f->since == INT64_MIN && f->until == INT64_MAX;
    if (f->trap.n && !slice_eq(row->trap, f->trap)) {
        return false;
    }
    if (row->clock == CLOCK_NONE) {
        return is_open && x->bucket == BUCKET_ALL;
    }
    return (f->since == INT64_MIN || day_of(row->received) >= day_of(f->since)) &&
           (f->until == INT64_MAX || day_of(row->received) <= day_of(f->until - 1));
}

static struct units units_expected(const struct expected *x, int64_t bucket, uint32_t cluster,
                                   const char *trap)
{
    struct units u = {0};
    for (size_t i = 0; i < x->rows->n; i++) {
        const struct message_row *row = &x->rows->rows[i];
        if (row_is_in(x, row) && cluster_of_row(row) == cluster &&
            bucket_start_of(x->bucket, row) == bucket &&
            (!trap || slice_eq(row->trap, slice_cstr(trap)))) {
            u.messages++;
            u.recipients += row->recipients;
            u.bytes += row->bytes;
        }
    }
    return u;
}

static void units_equal(const struct units *a, const struct units *b)
{
    assert_int_equal(a->messages, b->messages);
    assert_int_equal(a->recipients, b->recipients);
    assert_int_equal(a->bytes, b->bytes);
}

static void panel_row(void *arg, const struct cluster_panel_row *row)
{
    static const char *const TRAPS[] = {"alpha", "beta", "gamma"}; /* as store_traps() */
    struct expected *x = arg;
    struct units u = units_expected(x, row->bucket, row->cluster, TRAPS[row->trap]);
    units_equal(&row->units, &u);
    assert_true(u.messages > 0);
    if (x->seen++) {
        assert_true(row->bucket > x->last_bucket ||
                    (row->bucket == x->last_bucket &&
                     (row->cluster > x->last_cluster ||
                      (row->cluster == x->last_cluster && row->trap > x->last_trap))));
    }
    x->last_bucket = row->bucket;
    x->last_cluster = row->cluster;
    x->last_trap = row->trap;
    x->sum += row->units.messages;
}

static void series_row(void *arg, const struct cluster_series_row *row)
{
    struct expected *x = arg;
    struct units u = units_expected(x, row->bucket, row->cluster, NULL);
    units_equal(&row->units, &u);
    if (x->seen++) {
        assert_true(row->bucket > x->last_bucket ||
                    (row->bucket == x->last_bucket && row->cluster > x->last_cluster));
    }
    x->last_bucket = row->bucket;
    x->last_cluster = row->cluster;
    x->sum += row->units.messages;
}

static uint64_t rows_in(const struct expected *x, const uint32_t *only)
{
    uint64_t n = 0;
    for (size_t i = 0; i < x->rows->n; i++) {
        const struct message_row *row = &x->rows->rows[i];
        n += row_is_in(x, row) && !(x->bucket != BUCKET_ALL && row->clock == CLOCK_NONE) &&
             (!only || cluster_of_row(row) == *only);
    }
    return n;
}

static void test_volume(void **state)
{
    static const enum bucket BUCKETS[] = {BUCKET_ALL, BUCKET_DAY, BUCKET_MONTH};
    static const uint32_t ONLY[] = {0, 3, 4, 99};
    const int64_t start = (int64_t)ROWS_START_DAY * SECONDS_PER_DAY;
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct rows rows = rows_make(51, 700);
    const struct store_filter filters[] = {
        STORE_FILTER_ALL,
        {start + 5 * SECONDS_PER_DAY + 1, start + 50 * SECONDS_PER_DAY, {NULL, 0}, {NULL, 0}},
        {INT64_MIN, start + 9 * SECONDS_PER_DAY, S("beta"), {NULL, 0}},
        {start, start, {NULL, 0}, {NULL, 0}},
    };
    assert_int_equal(append_all(s, rows.rows, 350, 80), 350);
    wordings_cluster(s); /* what is stored later is in them too */
    assert_int_equal(append_all(s, rows.rows + 350, 350, 80), 350);
    for (size_t f = 0; f < sizeof filters / sizeof *filters; f++) {
        for (size_t b = 0; b < 3; b++) {
            for (size_t o = 0; o <= sizeof ONLY / sizeof *ONLY; o++) {
                const uint32_t *only = o ? &ONLY[o - 1] : NULL;
                struct expected x = {&rows, &filters[f], BUCKETS[b], .by_trap = true};
                assert_ok(store_cluster_panel(s, &filters[f], BUCKETS[b], CLUSTER_CAMPAIGN, only,
                                              panel_row, &x, eb));
                bool is_empty = filters[f].since == filters[f].until;
                assert_int_equal(x.sum, is_empty ? 0 : rows_in(&x, only));
                x = (struct expected){&rows, &filters[f], BUCKETS[b]};
                assert_ok(store_cluster_series(s, &filters[f], BUCKETS[b], CLUSTER_CAMPAIGN, only,
                                               series_row, &x, eb));
                assert_int_equal(x.sum, is_empty ? 0 : rows_in(&x, only));
            }
        }
    }
    struct errbuf error = {0};
    assert_int_equal(store_cluster_series(s, &ALL, BUCKET_HOUR, CLUSTER_CAMPAIGN, NULL, series_row,
                                          NULL, &error),
                     ERR_UNSUPPORTED);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    rows_free(&rows);
    scratch_remove(&scratch);
}

struct tops {
    const struct rows *rows;
    size_t n;
    uint64_t last, sum;
    bool is_over;
};

static void top_row(void *arg, const struct cluster_volume *v)
{
    struct tops *t = arg;
    struct expected x = {t->rows, &ALL, BUCKET_ALL};
    struct units u = units_expected(&x, INT64_MIN, v->id, NULL);
    int64_t first = INT64_MAX, last = 0;
    uint64_t keys[60];
    size_t parts = 0;
    units_equal(&v->units, &u);
    assert_false(t->is_over);
    t->sum += v->units.messages;
    if (v->id == 0) {
        t->is_over = true; /* it comes last */
        return;
    }
    assert_true(t->n++ == 0 || v->units.messages <= t->last);
    t->last = v->units.messages;
    for (size_t i = 0; i < t->rows->n; i++) {
        const struct message_row *row = &t->rows->rows[i];
        size_t k = 0;
        if (cluster_of_row(row) != v->id) {
            continue;
        }
        while (k < parts && keys[k] != row->part[CLUSTER_CAMPAIGN]) {
            k++;
        }
        if (k == parts) {
            keys[parts++] = row->part[CLUSTER_CAMPAIGN];
        }
        if (row->clock != CLOCK_NONE) {
            int64_t day = day_of(row->received) * SECONDS_PER_DAY;
            first = day < first ? day : first;
            last = day > last ? day : last;
        }
    }
    assert_int_equal(v->parts, parts);
    assert_int_equal(v->first, first);
    assert_int_equal(v->last, last);
}

static void part_volume_row(void *arg, const struct part_volume *v)
{
    struct tops *t = arg;
    uint64_t messages = 0;
    for (size_t i = 0; i < t->rows->n; i++) {
        messages += t->rows->rows[i].part[CLUSTER_CAMPAIGN] == v->key;
    }
    assert_int_equal(v->units.messages, messages);
    assert_true(t->n++ == 0 || messages <= t->last);
    t->last = messages;
    t->sum += messages;
}

/* Volumes stay when retention has deleted the rows. */
static void test_tops(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct rows rows = rows_make(52, 600);
    uint64_t deleted;
    assert_int_equal(append_all(s, rows.rows, rows.n, 200), rows.n);
    wordings_cluster(s);
    for (int round = 0; round < 2; round++) {
        struct tops t = {.rows = &rows};
        assert_ok(store_cluster_top(s, &ALL, CLUSTER_CAMPAIGN, 100, top_row, &t, eb));
        assert_true(t.n == 3 && t.is_over);
        assert_int_equal(t.sum, rows.n);
        t = (struct tops){.rows = &rows};
        assert_ok(store_cluster_top(s, &ALL, CLUSTER_CAMPAIGN, 2, top_row, &t, eb));
        assert_true(t.n == 2 && t.is_over);
        struct expected x = {&rows, &ALL, BUCKET_ALL};
        t = (struct tops){.rows = &rows};
        assert_ok(store_part_top(s, &ALL, CLUSTER_CAMPAIGN, 3, 100, part_volume_row, &t, eb));
        const uint32_t three = 3;
        assert_int_equal(t.sum, rows_in(&x, &three));
        t = (struct tops){.rows = &rows};
        assert_ok(store_part_top(s, &ALL, CLUSTER_CAMPAIGN, 3, 2, part_volume_row, &t, eb));
        assert_int_equal(t.n, 2);
        assert_int_equal(verify_count(s), 0);
        assert_ok(store_retain(s, time_now() + 2 * SECONDS_PER_DAY, 0, &deleted, eb));
        assert_int_equal(deleted, round == 0 ? rows.n : 0);
    }
    store_close(s);
    rows_free(&rows);
    scratch_remove(&scratch);
}

/* ---- samples ---- */

/* Numbers ascend, and each row is of the cluster that is said. */
static void drawn_holds(const struct store_drawn *drawn, const struct rows *rows)
{
    for (size_t i = 0; i < drawn->count; i++) {
        const struct drawn_row *r = &drawn->rows[i];
        assert_in_range(r->number, 1, rows->n);
        assert_int_equal(r->cluster, cluster_of_row(&rows->rows[r->number - 1]));
        assert_true(i == 0 || drawn->rows[i - 1].number < r->number);
    }
}

static size_t drawn_count(const struct store_drawn *drawn, uint64_t number)
{
    size_t n = 0;
    for (size_t i = 0; i < drawn->count; i++) {
        n += drawn->rows[i].number == number;
    }
    return n;
}

static void test_draw(void **state)
{
    static const uint32_t ASKED[] = {4, 99, 3};
    (void)state;
    struct scratch scratch = scratch_make();
    struct store *s = open_as(scratch.path, STORE_CREATE);
    struct rows rows = rows_make(53, 600);
    struct arena *arena = arena_new(SIZE_MAX);
    struct store_drawn all[4], few[4], again[4];
    struct store_draw q = {CLUSTER_CAMPAIGN, ASKED, 3, 1000, 1000};
    uint32_t sum[5] = {0};
    assert_int_equal(append_all(s, rows.rows, rows.n, 200), rows.n);
    wordings_cluster(s);
    for (size_t i = 0; i < rows.n; i++) {
        sum[cluster_of_row(&rows.rows[i])]++;
    }
    /* Enough for all: all are there, also by what was merged into 3. */
    assert_ok(store_draw(s, &q, arena, all, eb));
    assert_int_equal(all[0].count, sum[4]);
    assert_int_equal(all[1].count, 0);
    assert_int_equal(all[2].count, sum[3]);
    assert_int_equal(all[3].count, rows.n);
    for (size_t i = 0; i < 4; i++) {
        drawn_holds(&all[i], &rows);
    }
    /* Not enough: as many as asked for, part of the greater sample, the same again, and not those
     * that came first or last. */
    q.each = 10;
    q.all = 50;
    assert_ok(store_draw(s, &q, arena, few, eb));
    assert_ok(store_draw(s, &q, arena, again, eb));
    assert_int_equal(few[0].count, 10);
    assert_int_equal(few[3].count, 50);
    assert_true(few[3].rows[0].number < rows.n / 4);
    assert_true(few[3].rows[49].number > 3 * rows.n / 4);
    for (size_t i = 0; i < 4; i++) {
        drawn_holds(&few[i], &rows);
        assert_int_equal(few[i].count, again[i].count);
        for (size_t k = 0; k < few[i].count; k++) {
            assert_int_equal(few[i].rows[k].number, again[i].rows[k].number);
            assert_int_equal(drawn_count(&all[i], few[i].rows[k].number), 1);
        }
    }
    q = (struct store_draw){.kind = CLUSTER_MAILER, .all = 0};
    assert_ok(store_draw(s, &q, arena, few, eb));
    assert_int_equal(few[0].count, 0);
    arena_free(arena);
    store_close(s);
    rows_free(&rows);
    scratch_remove(&scratch);
}

/* ---- harm ---- */

static void test_verify(void **state)
{
    static const char *const HARMS[] = {
        "UPDATE message SET wording = 99999 WHERE seq = 3",
        "DELETE FROM part WHERE id = 2",
        "UPDATE tally SET entries = x'0100' WHERE key >> 48 = 7",
        "DELETE FROM tally WHERE key >> 48 = 8",
        "UPDATE message SET variant = NULL WHERE variant = (SELECT min(variant) FROM message)",
        "INSERT INTO part_state(part, state) VALUES (12345, x'00')",
        "UPDATE part SET cluster = 77 WHERE id = 1",
        "UPDATE part SET pin = 77 WHERE id = 1",
        "INSERT INTO cluster VALUES (0, 78, 79, 0, 0, '', 0.0, '', 0, 0)",
    };
    (void)state;
    struct rows rows = rows_make(53, 100);
    for (size_t i = 0; i < sizeof HARMS / sizeof *HARMS; i++) {
        struct scratch scratch = scratch_make();
        struct store *s = open_as(scratch.path, STORE_CREATE);
        size_t problems = 0;
        append_all(s, rows.rows, rows.n, 100);
        store_close(s);
        sql_run(scratch.path, HARMS[i]);
        s = open_as(scratch.path, STORE_READ);
        assert_ok(store_verify(s, NULL, NULL, &problems, eb));
        if (problems == 0) {
            fail_msg("%s: not found", HARMS[i]);
        }
        store_close(s);
        scratch_remove(&scratch);
    }
    rows_free(&rows);
}

/* tests/golden/store/003.sql is the dump of a store that version 3 wrote: nothing of it is in any
 * cluster, and it goes on as a store of today. */
static void test_version_3(void **state)
{
    (void)state;
    struct scratch scratch = scratch_make();
    struct rows rows = rows_make(54, 20);
    char path[512];
    static char sql[131072];
    (void)snprintf(path, sizeof path, "%s/tests/golden/store/003.sql", getenv("SOURCE_ROOT"));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(sql, 1, sizeof sql - 1, f) > 1000 && feof(f));
    (void)fclose(f);
    sql_run(scratch.path, sql);
    struct store *s = open_as(scratch.path, STORE_CREATE);
    assert_int_equal(verify_count(s), 0);
    struct expected x = {&rows, &ALL, BUCKET_ALL};
    assert_int_equal(append_all(s, rows.rows, rows.n, 20), rows.n);
    wordings_cluster(s);
    for (uint32_t cluster = 1; cluster < 6; cluster++) {
        assert_ok(store_cluster_series(s, &ALL, BUCKET_ALL, CLUSTER_CAMPAIGN, &cluster, series_row,
                                       &x, eb));
    }
    const uint32_t zero = 0;
    assert_int_equal(x.sum, rows.n - rows_in(&x, &zero));
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    rows_free(&rows);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),          cmocka_unit_test(test_looked_up),
        cmocka_unit_test(test_journal),       cmocka_unit_test(test_placing),
        cmocka_unit_test(test_volume),        cmocka_unit_test(test_tops),
        cmocka_unit_test(test_verify),        cmocka_unit_test(test_version_3),
        cmocka_unit_test(test_first_message), cmocka_unit_test(test_draw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
