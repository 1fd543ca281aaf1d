/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outages and drops in stores with known histories (tests/fixture/count_store.h). */
#include "count_store.h"
#include "testing.h"

#include "observe/trap_state.h"
#include "store/trap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOUR = 3600, DAY = SECONDS_PER_DAY };

static void close_to(double have, double want, double by)
{
    if (!(fabs(have - want) <= by)) {
        fail_msg("%f is not %f", have, want);
    }
}

/* A history being written, and what is read of it. */
struct history {
    char path[40];
    struct count_store *to;
    int64_t first; /* hour 0 */
    uint64_t noise;
    struct store *store;
    struct arena *arena;
    struct trap_watch w;
};

static void history_open(struct history *h, int year, int month, int day)
{
    *h = (struct history){.path = "/tmp/trap_gap.XXXXXX", .noise = 1};
    int fd = mkstemp(h->path);
    assert_true(fd >= 0);
    close(fd);
    h->first = civil_to_days(year, month, day) * DAY;
    h->to = count_store_open(h->path);
}

/* A stream of `a_day` messages, from hour `from` to hour `to`, varied by up to a fifth from day to
 * day, without the hours [quiet, loud) of which it keeps the part `kept` in percent. */
struct stream {
    const char *trap, *site, *botnet;
    uint32_t a_day;
    int from, to, quiet, loud;
    unsigned kept;
};

static void stream_write(struct history *h, struct stream s)
{
    uint32_t today = s.a_day;
    for (int hour = s.from; hour < s.to; hour++) {
        if (hour % 24 == 0 || hour == s.from) {
            h->noise = h->noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            today = s.a_day * (uint32_t)(80 + (h->noise >> 33) % 41) / 100;
        }
        uint32_t n = today * (uint32_t)(hour % 24 + 1) / 24 - today * (uint32_t)(hour % 24) / 24;
        n = hour >= s.quiet && hour < s.loud ? n * s.kept / 100 : n;
        if (n) {
            count_store_add(h->to, &(struct count_cell){.from = h->first + hour * HOUR,
                                                        .until = h->first + (hour + 1) * HOUR,
                                                        .trap = s.trap,
                                                        .site = s.site,
                                                        .botnet = s.botnet,
                                                        .messages = n});
        }
    }
}

static void history_read(struct history *h)
{
    struct errbuf eb = {.text = ""};
    (void)count_store_close(h->to);
    assert_int_equal(
        store_open(&(struct store_options){.path = h->path, .mode = STORE_WRITE}, &h->store, &eb),
        OK);
}

static void watch(struct history *h, enum bucket bucket, int64_t since, int64_t until)
{
    struct errbuf eb = {.text = ""};
    struct trap_query q = {{since, until, S(""), S("")}, bucket};
    arena_free(h->arena);
    h->arena = arena_new(1 << 28);
    assert_non_null(h->arena);
    if (trap_watch_load(h->store, &q, h->arena, &h->w, &eb) != OK) {
        fail_msg("%s", eb.text);
    }
}

static void history_close(struct history *h)
{
    arena_free(h->arena);
    store_close(h->store);
    unlink(h->path);
}

/* One line a gap: trap, verdict, source, hours from the history's first. */
static void gaps_are(const struct history *h, const char *want)
{
    char text[2048] = "";
    size_t n = 0;
    for (size_t i = 0; i < h->w.gap_count; i++) {
        const struct trap_gap *g = &h->w.gaps[i];
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s %s %s %lld..",
                              SLICE_ARG(h->w.traps[g->trap].name),
                              trap_gap_verdict_name(g->verdict), trap_gap_source_name(g->source),
                              (long long)(g->since - h->first) / HOUR);
        n += (size_t)(g->until == INT64_MAX ? snprintf(text + n, sizeof text - n, "\n")
                                            : snprintf(text + n, sizeof text - n, "%lld\n",
                                                       (long long)(g->until - h->first) / HOUR));
    }
    assert_string_equal(text, want);
}

/* SpamRankings.net, 26 and 27 June 2012 (facts: perilocity.com, "own software"): all botnets of the
 * one trap at once. Levels as published for June 2012, in thousands for millions. */
static void test_software_gap_is_an_outage(void **state)
{
    (void)state;
    static const struct {
        const char *botnet;
        uint32_t a_day;
    } BOTNETS[] = {{"cutwail", 90}, {"festi", 60}, {"grum", 36}, {"lethic", 40}, {"kelihos", 24}};
    struct history h;
    history_open(&h, 2012, 6, 1);
    for (size_t i = 0; i < sizeof BOTNETS / sizeof *BOTNETS; i++) {
        stream_write(&h, (struct stream){"cbl", "cbl", BOTNETS[i].botnet, BOTNETS[i].a_day, 0,
                                         45 * 24, 25 * 24, 27 * 24, 0});
    }
    history_read(&h);
    watch(&h, BUCKET_DAY, INT64_MIN, INT64_MAX);
    gaps_are(&h, "cbl outage silence 600..648\n");
    assert_int_equal(trap_watch_state(&h.w, 0, 24), TRAP_UP);
    assert_int_equal(trap_watch_state(&h.w, 0, 25), TRAP_DOWN);
    assert_int_equal(trap_watch_state(&h.w, 0, 26), TRAP_DOWN);
    assert_int_equal(trap_watch_state(&h.w, 0, 27), TRAP_UP);
    const struct trap_gap *g = &h.w.gaps[0];
    assert_int_equal(g->observed, 0);
    close_to(g->expected, 500, 60);
    assert_true(g->log10_p < GAP_LOG10_P);
    assert_int_equal(g->labels, 5);
    assert_int_equal(g->silent, 5);
    assert_true(isnan(g->others)); /* there is no other trap */
    /* By the hour, and a period that begins in it. */
    watch(&h, BUCKET_HOUR, h.first + 620 * HOUR, h.first + 660 * HOUR);
    gaps_are(&h, "cbl outage silence 600..648\n");
    assert_int_equal(trap_watch_state(&h.w, 0, 27), TRAP_DOWN);
    assert_int_equal(trap_watch_state(&h.w, 0, 28), TRAP_UP);
    /* The same said by a person, and taken back. */
    struct errbuf eb;
    struct coverage c = {.trap = S("cbl"),
                         .since = h.first + 600 * HOUR,
                         .until = h.first + 648 * HOUR,
                         .state = COVERAGE_DOWN,
                         .source = COVERAGE_PERSON,
                         .part = (double)NAN,
                         .note = S("own software")};
    assert_int_equal(store_coverage_put(h.store, &c, &eb), OK);
    watch(&h, BUCKET_DAY, INT64_MIN, INT64_MAX);
    gaps_are(&h, "cbl outage person 600..648\n");
    c.state = COVERAGE_UP;
    assert_int_equal(store_coverage_put(h.store, &c, &eb), OK);
    watch(&h, BUCKET_DAY, INT64_MIN, INT64_MAX);
    gaps_are(&h, "");
    assert_int_equal(trap_watch_state(&h.w, 0, 25), TRAP_UP);
    history_close(&h);
}

/* Real Host, 1 August 2009 (abuseat.org/public/realhost.html): Cutwail gone for about 60 hours,
 * with 15 to 20 % of all spam, hardly to be seen in the total of a trap. */
static void test_silent_botnet_is_no_outage(void **state)
{
    (void)state;
    struct history h;
    int from = 31 * 24 + 8;
    history_open(&h, 2009, 7, 1);
    for (int t = 0; t < 2; t++) {
        const char *trap = t ? "south" : "north";
        stream_write(&h,
                     (struct stream){trap, trap, "cutwail", 36, 0, 60 * 24, from, from + 60, 0});
        stream_write(&h, (struct stream){trap, trap, "rustock", 60, 0, 60 * 24, 0, 0, 0});
        stream_write(&h, (struct stream){trap, trap, "grum", 48, 0, 60 * 24, 0, 0, 0});
        stream_write(&h, (struct stream){trap, trap, NULL, 60, 0, 60 * 24, 0, 0, 0});
    }
    /* A trap that gets nothing but Cutwail is silent, and was up: the others tell. */
    stream_write(&h,
                 (struct stream){"west", "west", "cutwail", 100, 0, 60 * 24, from, from + 60, 0});
    history_read(&h);
    watch(&h, BUCKET_DAY, INT64_MIN, INT64_MAX);
    gaps_are(&h, "west drop silence 752..812\n");
    for (size_t t = 0; t < 3; t++) {
        for (size_t i = 0; i < h.w.count; i++) {
            assert_int_equal(trap_watch_state(&h.w, t, i), TRAP_UP);
        }
    }
    assert_true(h.w.gaps[0].others > 0.75 && h.w.gaps[0].others < 0.95);
    assert_int_equal(h.w.gaps[0].silent_only_here, 0);
    history_close(&h);
}

/* A botnet that leaves one trap (blacklists its site) is no outage there, also when it is nearly
 * all that the trap has; what else it has goes on, or is too little to tell. */
static void test_blacklisted_by_one(void **state)
{
    (void)state;
    struct history h;
    history_open(&h, 2009, 7, 1);
    for (int t = 0; t < 3; t++) {
        static const char *const TRAPS[] = {"a", "b", "c"};
        int quiet = t == 0 ? 700 : 0, loud = t == 0 ? 800 : 0;
        stream_write(
            &h, (struct stream){TRAPS[t], TRAPS[t], "cutwail", 200, 0, 60 * 24, quiet, loud, 0});
        if (t) {
            stream_write(&h, (struct stream){TRAPS[t], TRAPS[t], "grum", 100, 0, 60 * 24, 0, 0, 0});
        } else {
            stream_write(&h, (struct stream){"a", "a", NULL, 3, 0, 60 * 24, 0, 0, 0});
        }
    }
    /* Half of it only, with as much of others beside it. */
    stream_write(&h, (struct stream){"d", "d", "cutwail", 200, 0, 60 * 24, 720, 816, 30});
    stream_write(&h, (struct stream){"d", "d", "grum", 20, 0, 60 * 24, 0, 0, 0});
    stream_write(&h, (struct stream){"d", "d", NULL, 20, 0, 60 * 24, 0, 0, 0});
    history_read(&h);
    watch(&h, BUCKET_DAY, INT64_MIN, INT64_MAX);
    for (size_t i = 0; i < h.w.gap_count; i++) {
        assert_int_equal(h.w.gaps[i].verdict, GAP_UNDECIDED);
        assert_int_equal(h.w.gaps[i].trap, 0);
    }
    for (size_t i = 0; i < h.w.count; i++) {
        assert_int_equal(trap_watch_state(&h.w, 0, i), TRAP_UP);
        assert_int_equal(trap_watch_state(&h.w, 3, i), TRAP_UP);
    }
    history_close(&h);
}

/* One trap with one label: nobody can tell the two apart. */
static void test_one_label_alone_is_undecided(void **state)
{
    (void)state;
    struct history h;
    history_open(&h, 2009, 7, 1);
    stream_write(&h, (struct stream){"west", "", "cutwail", 100, 0, 60 * 24, 700, 760, 0});
    history_read(&h);
    watch(&h, BUCKET_DAY, INT64_MIN, INT64_MAX);
    gaps_are(&h, "west undecided silence 700..760\n");
    assert_int_equal(trap_watch_state(&h.w, 0, 30), TRAP_UP);
    history_close(&h);
}

/* Three traps: one is out for 30 hours, one loses half of everything for four days, one is gone for
 * good; and the third fell by 70 % for good (McColo) without an outage. */
static void test_outage_partial_death(void **state)
{
    (void)state;
    static const char *const BOTNETS[] = {"srizbi", "rustock", "mega-d", NULL};
    struct history h;
    history_open(&h, 2008, 9, 1);
    for (size_t i = 0; i < 4; i++) {
        const char *b = BOTNETS[i];
        stream_write(&h, (struct stream){"a", "one", b, 60, 0, 90 * 24, 500, 530, 0});
        stream_write(&h, (struct stream){"b", "two", b, 96, 0, 90 * 24, 40 * 24, 44 * 24, 50});
        stream_write(&h, (struct stream){"c", "two", b, 60, 0, 71 * 24, 0, 0, 0});
        stream_write(&h, (struct stream){"c", "two", b, 18, 71 * 24, 90 * 24, 0, 0, 0});
        stream_write(&h, (struct stream){"d", "three", b, 60, 0, 60 * 24 + 7, 0, 0, 0});
    }
    history_read(&h);
    watch(&h, BUCKET_DAY, INT64_MIN, INT64_MAX);
    gaps_are(&h, "a outage silence 500..530\n"
                 "b partial silence 960..1056\n"
                 "d outage silence 1447..\n");
    close_to(h.w.gaps[0].others, 1, 0.25);
    assert_int_equal(h.w.gaps[0].others_count, 3);
    assert_int_equal(h.w.gaps[0].silent_only_here, 4);
    close_to(h.w.gaps[1].part, 0.5, 0.1);
    assert_int_equal(trap_watch_state(&h.w, 0, 20), TRAP_DEGRADED); /* from 20:00 on */
    close_to(trap_watch_up(&h.w, 0, 20), 20.0 / 24, 1e-6);
    assert_int_equal(trap_watch_state(&h.w, 0, 21), TRAP_DOWN);
    assert_int_equal(trap_watch_state(&h.w, 0, 22), TRAP_DEGRADED);
    assert_int_equal(trap_watch_state(&h.w, 1, 41), TRAP_DEGRADED);
    assert_int_equal(trap_watch_state(&h.w, 2, 75), TRAP_UP);
    assert_int_equal(trap_watch_state(&h.w, 3, 60), TRAP_UP); /* as long as it lived */
    close_to(trap_watch_up(&h.w, 3, 60), 7.0 / 24, 1e-6);
    assert_int_equal(trap_watch_state(&h.w, 3, 61), TRAP_DEAD);
    history_close(&h);
}

/* What is only seldom there is not out when it is not there. */
static void test_quiet_traps_are_up(void **state)
{
    (void)state;
    struct history h;
    history_open(&h, 2010, 1, 4); /* a Monday */
    for (int day = 0; day < 90; day++) {
        /* Two messages on two days of three. */
        if (day % 3) {
            stream_write(&h,
                         (struct stream){"few", "", "grum", 2, day * 24, day * 24 + 24, 0, 0, 0});
        }
        /* A feed that rests on weekends, and one that runs from 8 to 18. */
        if (day % 7 < 5) {
            stream_write(
                &h, (struct stream){"office", "", NULL, 120, day * 24, day * 24 + 24, 0, 0, 0});
        }
        stream_write(
            &h, (struct stream){"by-day", "", NULL, 480, day * 24 + 8, day * 24 + 18, 0, 0, 0});
    }
    history_read(&h);
    watch(&h, BUCKET_DAY, INT64_MIN, INT64_MAX);
    gaps_are(&h, "");
    watch(&h, BUCKET_HOUR, INT64_MIN, INT64_MAX);
    gaps_are(&h, "");
    history_close(&h);
}

/* More than GAP_HOURLY_DAYS_MAX: found by the day, with ends by the hour. And a backlog. */
static void test_long_period_and_flush(void **state)
{
    (void)state;
    static const char *const BOTNETS[] = {"rustock", "cutwail", "grum", NULL};
    struct history h;
    history_open(&h, 2010, 1, 1);
    for (size_t i = 0; i < 4; i++) {
        stream_write(&h, (struct stream){"a", "", BOTNETS[i], 24, 0, 150 * 24, 1205, 1287, 0});
        stream_write(&h, (struct stream){"b", "", BOTNETS[i], 24, 0, 60 * 24, 0, 0, 0});
        stream_write(&h, (struct stream){"b", "", BOTNETS[i], 24, 62 * 24, 150 * 24, 0, 0, 0});
        count_store_add(h.to, &(struct count_cell){.from = h.first + 62 * DAY + HOUR,
                                                   .until = h.first + 62 * DAY + 3 * HOUR,
                                                   .trap = "b",
                                                   .botnet = BOTNETS[i],
                                                   .messages = 48});
    }
    history_read(&h);
    watch(&h, BUCKET_MONTH, INT64_MIN, INT64_MAX);
    gaps_are(&h, "a outage silence 1205..1287\nb outage silence 1440..1512\n");
    assert_true(h.w.gaps[1].has_flush);
    /* 82 hours of February 2010. */
    close_to(trap_watch_up(&h.w, 0, 1), 1 - 82.0 / (28 * 24), 1e-6);
    assert_int_equal(trap_watch_state(&h.w, 0, 1), TRAP_DEGRADED);
    history_close(&h);
}

/* ---- what is said ---- */

static void hour_put(struct history *h, int hour, uint64_t connections, uint64_t accepted,
                     uint64_t refused)
{
    struct errbuf eb;
    struct trap_hour row = {S("a"), h->first + hour * HOUR, connections, accepted, refused};
    assert_int_equal(store_trap_hours_put(h->store, &row, 1, &eb), OK);
}

static void test_connections_tell(void **state)
{
    (void)state;
    struct history h;
    history_open(&h, 2010, 1, 1);
    /* One label, so that counts alone could not decide. */
    stream_write(&h, (struct stream){"a", "", "rustock", 240, 0, 40 * 24, 300, 312, 0});
    history_read(&h);
    for (int hour = 280; hour < 330; hour++) {
        bool is_out = hour >= 300 && hour < 312;
        hour_put(&h, hour, 20, is_out ? 0 : 10, is_out ? 20 : 0);
    }
    hour_put(&h, 320, 20, 6, 10);
    watch(&h, BUCKET_HOUR, h.first + 290 * HOUR, h.first + 330 * HOUR);
    gaps_are(&h, "a outage connections 300..312\na partial connections 320..321\n");
    assert_int_equal(h.w.gaps[0].refused, 240);
    assert_int_equal(trap_watch_state(&h.w, 0, 9), TRAP_UP);
    assert_int_equal(trap_watch_state(&h.w, 0, 10), TRAP_DOWN);
    assert_int_equal(trap_watch_state(&h.w, 0, 21), TRAP_DOWN);
    assert_int_equal(trap_watch_state(&h.w, 0, 22), TRAP_UP);
    assert_int_equal(trap_watch_state(&h.w, 0, 30), TRAP_DEGRADED);
    assert_true(trap_watch_up(&h.w, 0, 30) > 0.5 && trap_watch_up(&h.w, 0, 30) < 0.9);
    history_close(&h);
}

static void test_sources_rank(void **state)
{
    (void)state;
    struct history h;
    struct errbuf eb;
    history_open(&h, 2010, 1, 1);
    stream_write(&h, (struct stream){"a", "", "rustock", 240, 240, 40 * 24, 0, 0, 0});
    history_read(&h);
    const struct {
        int since, until;
        enum coverage_state state;
        enum coverage_source source;
    } SAID[] = {{0, 300, COVERAGE_UP, COVERAGE_SERVER},
                {310, 400, COVERAGE_UP, COVERAGE_SERVER},
                {200, 500, COVERAGE_DOWN, COVERAGE_FEED},
                {390, 395, COVERAGE_DEGRADED, COVERAGE_PERSON}};
    for (size_t i = 0; i < sizeof SAID / sizeof *SAID; i++) {
        struct coverage c = {.trap = S("a"),
                             .since = h.first + SAID[i].since * HOUR,
                             .until = h.first + SAID[i].until * HOUR,
                             .state = SAID[i].state,
                             .source = SAID[i].source,
                             .part = 0.25};
        assert_int_equal(store_coverage_put(h.store, &c, &eb), OK);
    }
    watch(&h, BUCKET_HOUR, h.first, h.first + 600 * HOUR);
    gaps_are(&h, "a outage feed 200..500\na outage server 300..310\na partial person 390..395\n");
    const struct {
        size_t hour;
        double up;
    } WANT[] = {{0, 1},      {299, 1}, {300, 0}, {309, 0}, {310, 1},
                {390, 0.25}, {395, 1}, {400, 0}, {499, 0}, {500, 1}};
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++) {
        close_to(trap_watch_up(&h.w, 0, WANT[i].hour), WANT[i].up, 1e-6);
    }
    /* A person's dates of service. */
    const int64_t from = h.first + 5 * HOUR + HOUR / 2, to = h.first + 550 * HOUR;
    struct trap_edit edit = {.up_from = &from, .retired = &to};
    assert_int_equal(store_trap_edit(h.store, S("a"), &edit, &eb), OK);
    watch(&h, BUCKET_HOUR, h.first, h.first + 600 * HOUR);
    assert_int_equal(trap_watch_state(&h.w, 0, 4), TRAP_UNBORN);
    assert_int_equal(trap_watch_state(&h.w, 0, 5), TRAP_UP);
    close_to(trap_watch_up(&h.w, 0, 5), 0.5, 1e-6);
    assert_int_equal(trap_watch_state(&h.w, 0, 549), TRAP_UP);
    assert_int_equal(trap_watch_state(&h.w, 0, 550), TRAP_DEAD);
    history_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_software_gap_is_an_outage),
        cmocka_unit_test(test_silent_botnet_is_no_outage),
        cmocka_unit_test(test_blacklisted_by_one),
        cmocka_unit_test(test_one_label_alone_is_undecided),
        cmocka_unit_test(test_outage_partial_death),
        cmocka_unit_test(test_quiet_traps_are_up),
        cmocka_unit_test(test_long_period_and_flush),
        cmocka_unit_test(test_connections_tell),
        cmocka_unit_test(test_sources_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
