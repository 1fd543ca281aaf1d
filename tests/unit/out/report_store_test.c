/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real store fed with the fixture of the golden reports gives the same reports: report_build,
 * the fake store of the other tests and the SQLite store agree on what store.h means. */
#include "fake_store.h"
#include "golden.h"
#include "testing.h"

#include "core/strbuf.h"
#include "out/report_json.h"
#include "out/report_text.h"

#include <unistd.h>

static char folder[] = "/tmp/report_store_test.XXXXXX";
static char path[128];
static struct store *store;

/* A label as the analysis gives it: decided, or unknown. */
static struct row_label label_of(const char *name)
{
    struct slice s = slice_cstr(name);
    return name ? (struct row_label){.name = s, .best = s, .posterior = 1.0}
                : (struct row_label){.unknown = 1.0};
}

static struct message_row row_of(const struct fake_message *m, size_t number,
                                 struct slice domains[3])
{
    uint64_t asn = 0;
    struct message_row row = {
        .trap = slice_cstr(m->trap),
        .received = m->received,
        .clock = m->clock,
        .has_client = m->host != 0,
        .client = ip_from_v4(m->host),
        .country = slice_cstr(m->country),
        .recipients = m->recipients,
        .bytes = m->bytes,
        .has_date_offset = m->is_date_off,
        .date_offset = 7200,
        .quirks = m->quirks,
        .botnet = label_of(m->botnet),
        .mailer_label = label_of(m->mailer),
        .program = label_of(m->program),
        .domains = domains,
    };
    row.id = hash_id128(slice_of((const char *)&number, sizeof number));
    row.botnet.is_conflict = m->is_conflict;
    if (m->asn && slice_to_u64(slice_cstr(m->asn), &asn)) {
        row.asn = (uint32_t)asn;
    }
    for (size_t i = 0; i < 3 && m->domains[i]; i++) {
        domains[row.domain_count++] = slice_cstr(m->domains[i]);
    }
    return row;
}

static void fact_put(const char *key, const char *value)
{
    struct errbuf eb = {0};
    assert_int_equal(store_fact_put(store, slice_cstr(key), slice_cstr(value), &eb), OK);
}

static int setup(void **state)
{
    (void)state;
    struct errbuf eb = {0};
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/store.db", folder);
    struct store_options o = {.path = path, .mode = STORE_CREATE};
    if (store_open(&o, &store, &eb)) {
        print_error("%s\n", eb.text);
        return -1;
    }
    assert_int_equal(store_trap_put(store, S("north-1"), S("north"), &eb), OK);
    assert_int_equal(store_trap_put(store, S("south-1"), S("south"), &eb), OK);
    size_t count = 0;
    const struct fake_message *messages = fake_october(&count);
    enum { BATCH = 500 };
    static struct message_row rows[BATCH];
    static struct slice domains[BATCH][3];
    for (size_t at = 0; at < count; at += BATCH) {
        size_t n = count - at < BATCH ? count - at : BATCH;
        struct append_result result;
        for (size_t i = 0; i < n; i++) {
            rows[i] = row_of(&messages[at + i], at + i, domains[i]);
        }
        if (store_append(store, rows, n, NULL, &result, &eb)) {
            print_error("%s\n", eb.text);
            return -1;
        }
        assert_int_equal(result.added, n);
    }
    fact_put("geo", "libloc 2022-10-29");
    fact_put("trust", "mx.example.org, inferred from 3,020 of 3,096 messages");
    fact_put("pack", "spamgauge-2026.11+9f3a1c2b");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(store);
    unlink(path);
    char name[160];
    snprintf(name, sizeof name, "%s-wal", path);
    unlink(name);
    snprintf(name, sizeof name, "%s-shm", path);
    unlink(name);
    return rmdir(folder);
}

static void build(struct report_query q, struct arena *arena, struct report *r)
{
    struct errbuf eb = {0};
    if (report_build(store, &q, arena, r, &eb)) {
        fail_msg("%s", eb.text);
    }
}

static void test_same_rows(void **state)
{
    (void)state;
    struct arena *arena = arena_new(16 * 1024 * 1024);
    struct report r;
    struct capture c;
    build((struct report_query){.filter = STORE_FILTER_ALL, .top = 3}, arena, &r);
    capture_start(&c);
    assert_true(report_print(c.f, OUT_CSV, &r));
    golden_check("october.csv", capture_text(&c));
    capture_end(&c);
    arena_free(arena);
}

/* A period and a trap: the parts add up to the whole, the outage is seen. */
static void test_period(void **state)
{
    (void)state;
    struct arena *arena = arena_new(16 * 1024 * 1024);
    struct report whole, north, south;
    struct report_query q = {.filter = STORE_FILTER_ALL};
    q.filter.since = civil_to_days(2010, 10, 11) * SECONDS_PER_DAY + 7;
    q.filter.until = civil_to_days(2010, 10, 15) * SECONDS_PER_DAY;
    build(q, arena, &whole);
    assert_int_equal(whole.day_count, 4);
    assert_int_equal(whole.days[1].units.messages + whole.days[2].units.messages, 0);
    q.filter.trap = S("north-1");
    build(q, arena, &north);
    q.filter.trap = S("");
    q.filter.site = S("south");
    build(q, arena, &south);
    assert_true(north.total.messages > 0 && south.total.messages > 0);
    assert_int_equal(north.total.messages + south.total.messages, whole.total.messages);
    assert_int_equal(north.total.bytes + south.total.bytes, whole.total.bytes);
    assert_true(north.total.hosts + south.total.hosts >= whole.total.hosts);
    assert_int_equal(whole.clock_none, 0);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_rows),
        cmocka_unit_test(test_period),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
