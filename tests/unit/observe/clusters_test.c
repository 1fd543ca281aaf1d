/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of mailers against sums counted the plain way, and the bounds of what is new. */
#include "count_scratch.h"

#include "observe/clusters.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS_MAX = 8192, MAILERS_MAX = 40, BATCH = 500 };

static struct message_row rows[ROWS_MAX];
static int row_mailer[ROWS_MAX]; /* -1: shows no dialect */
static char names[MAILERS_MAX][64], shapes[MAILERS_MAX][64], hd1[MAILERS_MAX][64];
static size_t row_count;
static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (seed >> 33) % n;
}

static void start(void)
{
    row_count = 0;
    seed = 1;
    for (unsigned i = 0; i < MAILERS_MAX; i++) { /* programs that have nothing in common */
        char b[13], c[13];
        snprintf(names[i], sizeof names[i], "received\nx-%u-a\nx-%u-b\nx-%u-c\nsubject\n", i, i, i);
        snprintf(shapes[i], sizeof shapes[i], "message-id=x%u\ndate=d%u\nx-mailer=m%u\n", i, i, i);
        hash12(slice_cstr(names[i]), b);
        hash12(slice_cstr(shapes[i]), c);
        snprintf(hd1[i], sizeof hd1[i], "HD1:05.p.onr6.0.1q_%.12s_%.12s", b, c);
    }
}

/* `host`: of the mailer's own, for machines that two share join them. */
static void add(int mailer, int64_t when, unsigned host, const char *trap)
{
    struct message_row *row = &rows[row_count];
    uint32_t address = ((uint32_t)(mailer + 11) << 24) + host;
    *row = (struct message_row){.id = hash_id128(slice_of((const char *)&row_count, 8)),
                                .received = when,
                                .clock = CLOCK_RECEIVED,
                                .trap = slice_cstr(trap),
                                .has_client = true,
                                .country = host % 4 ? S("DE") : S("US"),
                                .recipients = 2,
                                .bytes = 1000 + host,
                                .hd1 = mailer >= 0 ? slice_cstr(hd1[mailer]) : S("")};
    row->client = ip_from_v4(address);
    row_mailer[row_count++] = mailer;
}

/* ---- into a store ---- */

struct placer {
    struct clusters *c;
    size_t from; /* the first row of the batch */
};

static enum err place(void *arg, size_t index, uint64_t number, struct message_row *row)
{
    struct placer *p = arg;
    struct placed placed;
    int mailer = row_mailer[p->from + index];
    struct cluster_message m = {.id = row->id,
                                .received = row->received,
                                .host = host_key(row->client),
                                .trap = row->trap,
                                .country = row->country,
                                .recipients = row->recipients,
                                .bytes = row->bytes,
                                .hd1 = row->hd1,
                                .hd1_names = slice_cstr(mailer < 0 ? "" : names[mailer]),
                                .hd1_shapes = slice_cstr(mailer < 0 ? "" : shapes[mailer])};
    (void)number;
    enum err e = clusters_place(p->c, &m, &placed);
    memcpy(row->part, placed.key, sizeof row->part);
    return e;
}

static enum err give(void *arg, const struct cluster_sink *sink)
{
    struct placer *p = arg;
    return clusters_give(p->c, CLUSTERS_CHANGED, sink);
}

static struct clusters *stored(struct store **out)
{
    struct errbuf eb = {0};
    struct append_result result;
    store_remove();
    struct store *s = scratch_open(STORE_CREATE);
    struct placer p = {.c = clusters_new()};
    struct store_placing placing = {.place = place, .arg = &p};
    assert_non_null(p.c);
    for (size_t i = 0; i < row_count; i += BATCH) {
        struct store_batch batch = {.rows = rows + i,
                                    .row_count = row_count - i < BATCH ? row_count - i : BATCH,
                                    .placing = &placing};
        p.from = i;
        assert_int_equal(store_append_batch(s, &batch, &result, &eb), OK);
        assert_int_equal(result.added, batch.row_count);
    }
    assert_int_equal(clusters_regroup(p.c, at(0)), OK);
    assert_int_equal(store_clusters_put(s, give, &p, &eb), OK);
    *out = s;
    return p.c;
}

/* The mailer's id; 0: in no cluster. */
static uint32_t id_of(const struct clusters *c, int mailer)
{
    uint64_t key;
    struct cluster_message m = {.hd1 = slice_cstr(hd1[mailer])};
    struct variants *v = variants_new(1);
    struct profile *profile;
    bool is_new;
    assert_int_equal(variants_find(v, &m, &key, &profile, &is_new), OK);
    variants_free(v);
    const struct cluster_info *i = clusters_of(c, CLUSTER_MAILER, key);
    return i ? i->id : 0;
}

static struct clusters_list list(struct store *s, struct clusters *c,
                                 const struct clusters_query *q)
{
    struct clusters_list l;
    struct errbuf eb = {0};
    enum err e = clusters_list_build(s, c, q, arena, &l, &eb);
    if (e) {
        fail_msg("%s: %s", err_name(e), eb.text);
    }
    return l;
}

static const struct cluster_line *line_of(const struct clusters_list *l, uint32_t id)
{
    for (size_t i = 0; id && i < l->count; i++) {
        if (l->lines[i].number == id) {
            return &l->lines[i];
        }
    }
    return NULL;
}

/* ---- sums ---- */

static bool row_counts(size_t i, const struct clusters_query *q)
{
    const struct message_row *row = &rows[i];
    return row->received >= q->filter.since && row->received < q->filter.until &&
           (q->filter.trap.n == 0 || slice_eq(row->trap, q->filter.trap));
}

/* Messages of one mailer (-2: of all) in the query, and from `since` on. */
static struct units sum(int mailer, const struct clusters_query *q, int64_t since, int64_t until)
{
    struct units u = {0};
    for (size_t i = 0; i < row_count; i++) {
        if (row_counts(i, q) && rows[i].received >= since && rows[i].received < until &&
            (mailer == -2 || row_mailer[i] == mailer)) {
            u.messages++;
            u.recipients += rows[i].recipients;
            u.bytes += rows[i].bytes;
        }
    }
    return u;
}

static void assert_units(const struct units *a, const struct units *b)
{
    assert_int_equal(a->messages, b->messages);
    assert_int_equal(a->recipients, b->recipients);
    assert_int_equal(a->bytes, b->bytes);
}

static void list_check(struct store *s, struct clusters *c, const struct clusters_query *q,
                       int mailers, int64_t until)
{
    struct clusters_list l = list(s, c, q);
    const int64_t week = 7 * SECONDS_PER_DAY;
    struct units all = sum(-2, q, INT64_MIN, INT64_MAX), outside = all;
    size_t seen = 0;
    assert_units(&l.total, &all);
    assert_int_equal(l.until, until);
    for (int m = 0; m < mailers; m++) {
        struct units own = sum(m, q, INT64_MIN, INT64_MAX);
        const struct cluster_line *line = line_of(&l, id_of(c, m));
        if (!line) {
            assert_true(own.messages == 0 || id_of(c, m) == 0);
            continue;
        }
        seen++;
        outside.messages -= own.messages;
        outside.recipients -= own.recipients;
        outside.bytes -= own.bytes;
        assert_units(&line->units, &own);
        assert_true(line->share == (double)own.messages / (double)all.messages);
        /* the weeks may begin before the period does */
        struct clusters_query open = *q;
        open.filter.since = INT64_MIN;
        assert_int_equal(line->week, sum(m, &open, until - week, until).messages);
        assert_int_equal(line->week_before, sum(m, &open, until - 2 * week, until - week).messages);
        assert_int_equal(line->parts, 1);
    }
    assert_int_equal(seen, l.count);
    assert_units(&l.outside, &outside);
    for (size_t i = 1; i < l.count; i++) {
        assert_true(l.lines[i - 1].units.messages >= l.lines[i].units.messages);
    }
}

static void sums(void **state)
{
    (void)state;
    enum { MAILERS = 8, DAYS = 60, MESSAGES = 3000 };
    start();
    for (unsigned i = 0; i < MESSAGES; i++) {
        int mailer = (int)(random_below(MAILERS + 1) * random_below(MAILERS + 1) / MAILERS) - 1;
        int64_t when = at((int64_t)random_below(DAYS)) + (int64_t)random_below(SECONDS_PER_DAY);
        add(mailer, when, (unsigned)random_below(200), random_below(3) ? "alpha" : "beta");
    }
    for (unsigned i = 0; i < 4; i++) { /* too few for a cluster */
        add(MAILERS, at(30), i, "alpha");
    }
    add(-1, at(DAYS - 1), 1, "alpha"); /* so that this is the last day */
    struct store *s;
    struct clusters *c = stored(&s);
    assert_int_equal(id_of(c, MAILERS), 0);
    struct clusters_query q = {.filter = STORE_FILTER_ALL, .kind = CLUSTER_MAILER, .limit = 100};
    list_check(s, c, &q, MAILERS + 1, at(DAYS));
    q.filter.trap = S("beta");
    q.filter.since = at(0);
    q.filter.until = at(DAYS);
    list_check(s, c, &q, MAILERS + 1, at(DAYS));
    q.filter.trap = S("");
    for (int i = 0; i < 20; i++) {
        q.filter.since = at((int64_t)random_below(DAYS - 1));
        q.filter.until = q.filter.since + (1 + (int64_t)random_below(20)) * SECONDS_PER_DAY;
        list_check(s, c, &q, MAILERS + 1, q.filter.until);
    }
    q = (struct clusters_query){.filter = STORE_FILTER_ALL, .kind = CLUSTER_MAILER, .limit = 3};
    struct clusters_list few = list(s, c, &q);
    q.limit = 100;
    struct clusters_list all = list(s, c, &q);
    assert_int_equal(few.count, 3);
    assert_int_equal(few.more, all.count - 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(few.lines[i].number, all.lines[i].number);
    }
    clusters_free(c);
    store_close(s);
}

/* ---- what is new ---- */

enum { END = 100 }; /* the period's last day is the one before */

struct grown {
    int64_t first;         /* seen first at this time; 0: in its last week */
    unsigned hosts;        /* in all */
    unsigned week, before; /* messages */
    bool is_named;
    bool is_new; /* expected */
};

static void grown_add(int mailer, const struct grown *g)
{
    unsigned host = 0;
    int64_t week = at(END - 7), before = at(END - 14);
    if (g->first) {
        add(mailer, g->first, host++ % g->hosts, "alpha");
    }
    for (unsigned i = 0; i < g->before; i++) {
        add(mailer, i ? before + i * 60 : week - 1, host++ % g->hosts, "alpha");
    }
    for (unsigned i = 0; i < g->week; i++) {
        add(mailer, i ? at(END) - 1 - i * 60 : week, host++ % g->hosts, "alpha");
    }
}

static void new_ones(void **state)
{
    (void)state;
    const int64_t day = SECONDS_PER_DAY, edge = at(END) - CLUSTERS_NEW_DAYS * day;
    const struct grown cases[] = {
        {0, CLUSTERS_NEW_HOSTS, 40, 0, false, true},
        {0, CLUSTERS_NEW_HOSTS - 1, 40, 0, false, false},
        {0, CLUSTERS_NEW_HOSTS + 1, 40, 0, false, true},
        {0, 30, 60, 30, false, true}, /* twice as many */
        {0, 30, 59, 30, false, false},
        {0, 30, 61, 30, false, true},
        {0, 30, 30, 0, false, true},
        {edge, 30, 60, 0, false, true}, /* the first second of the 28 days */
        {edge - 1, 30, 60, 0, false, false},
        {edge + 1, 30, 60, 0, false, true},
        {at(END - 20), 30, 0, 29, false, false}, /* gone again */
        {0, 40, 60, 0, true, false},             /* known */
        {0, 80, 100, 0, false, true}, /* estimated: 13 % twice off is still more than 20 */
    };
    enum { COUNT = sizeof cases / sizeof *cases };
    size_t expected = 0;
    start();
    for (int i = 0; i < COUNT; i++) {
        grown_add(i, &cases[i]);
        expected += cases[i].is_new;
    }
    add(-1, at(END) - 1, 1, "alpha");
    add(-1, at(0), 1, "alpha");
    struct store *s;
    struct clusters *c = stored(&s);
    for (int i = 0; i < COUNT; i++) {
        uint32_t id = id_of(c, i);
        assert_true(id != 0);
        if (cases[i].is_named) {
            assert_int_equal(clusters_name(c, CLUSTER_MAILER, id, CLUSTER_LABEL_BOTNET, S("known"),
                                           S(""), at(END)),
                             OK);
        }
    }
    struct clusters_query q = {
        .filter = STORE_FILTER_ALL, .kind = CLUSTER_MAILER, .is_new = true, .limit = 100};
    struct clusters_list l = list(s, c, &q);
    for (int i = 0; i < COUNT; i++) {
        const struct cluster_line *line = line_of(&l, id_of(c, i));
        if ((line != NULL) != cases[i].is_new) {
            fail_msg("case %d: %s", i, line ? "is listed" : "is not listed");
        }
        if (line && cases[i].hosts < PROFILE_HOSTS) {
            assert_true(line->hosts == cases[i].hosts);
            assert_true(line->hosts_error == 0);
            assert_true(line->print.n > 0);
        }
    }
    assert_int_equal(l.count, expected);
    assert_int_equal(l.more, 0);
    for (size_t i = 1; i < l.count; i++) {
        assert_true(l.lines[i - 1].hosts >= l.lines[i].hosts);
    }
    q.limit = 2; /* of the most hosts */
    struct clusters_list few = list(s, c, &q);
    assert_int_equal(few.count, 2);
    assert_int_equal(few.more, expected - 2);
    assert_int_equal(few.lines[0].number, l.lines[0].number);
    clusters_free(c);
    store_close(s);
}

static void nothing(void **state)
{
    (void)state;
    start();
    struct store *s;
    struct clusters *c = stored(&s);
    struct clusters_query q = {.filter = STORE_FILTER_ALL, .kind = CLUSTER_CAMPAIGN};
    struct clusters_list l = list(s, c, &q);
    assert_int_equal(l.count, 0);
    assert_int_equal(l.total.messages, 0);
    assert_int_equal(l.until, 0);
    clusters_free(c);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums),
        cmocka_unit_test(new_ones),
        cmocka_unit_test(nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
