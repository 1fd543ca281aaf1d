/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "serve/health.h"

#include <string.h>
#include <unistd.h>

/* Three listeners, two traps. */
static const struct serve_trap TRAPS[] = {{"mx1", "here"}, {"mx2", "there"}, {"mx1", "here"}};
static const struct serve_plan PLAN = {.traps = TRAPS, .count = 3};
static const struct listen_sockets SOCKETS = {
    .items = {{.fd = -1, .wish = 0}, {.fd = -1, .wish = 1}, {.fd = -1, .wish = 2}}, .count = 3};

static struct health *start(int64_t at)
{
    static struct health c;
    memset(&c, 0, sizeof c);
    health_plan(&c, &PLAN);
    health_begin(&c, at);
    return &c;
}

static void count(struct health *c, uint32_t socket, uint64_t refused, int64_t now)
{
    struct message_listener m = {socket, refused};
    health_count(c, &m, &SOCKETS, now);
}

static struct message next_any(int channel)
{
    struct message m;
    assert_int_equal(channel_receive(channel, &m), OK);
    return m;
}

static struct message_coverage next(int channel)
{
    struct message m = next_any(channel);
    assert_int_equal(m.type, MESSAGE_COVERAGE);
    return m.coverage;
}

static struct message_hour next_hour(int channel)
{
    struct message m = next_any(channel);
    assert_int_equal(m.type, MESSAGE_HOUR);
    return m.hour;
}

static void counts_by_trap_and_hour(void **state)
{
    int ends[2];
    struct message none;
    struct health *c = start(3500);
    (void)state;
    assert_int_equal(channel_open(ends, NULL), OK);
    count(c, 0, 10, 3500);
    count(c, 1, 5, 3500);
    count(c, 2, 3, 3599);
    count(c, 0, 12, 3600);
    health_send(c, ends[0], 3610);
    struct message_coverage first = next(ends[1]), second = next(ends[1]);
    assert_string_equal(first.trap, "mx1");
    assert_string_equal(first.site, "here");
    assert_int_equal(first.from, 3500);
    assert_int_equal(first.until, 3610);
    assert_true(first.is_open);
    assert_string_equal(second.trap, "mx2");
    struct message_hour mx1 = next_hour(ends[1]), mx2 = next_hour(ends[1]),
                        later = next_hour(ends[1]);
    assert_string_equal(mx1.trap, "mx1");
    assert_int_equal(mx1.hour, 0);
    assert_int_equal(mx1.refused, 13);
    assert_string_equal(mx2.trap, "mx2");
    assert_int_equal(later.hour, 3600);
    assert_int_equal(later.refused, 2);
    /* what was sent grows no more; it goes when it is stored */
    count(c, 0, 13, 3601);
    health_hour_stored(c, &mx1);
    health_hour_stored(c, &later);
    health_send(c, ends[0], 3611);
    next(ends[1]);
    next(ends[1]);
    assert_int_equal(next_hour(ends[1]).serial, mx2.serial);
    assert_int_equal(next_hour(ends[1]).refused, 1);
    assert_int_equal(channel_receive(ends[1], &none), ERR_BUSY);
    close(ends[0]);
    close(ends[1]);
}

static void what_cannot_be_is_not_believed(void **state)
{
    struct health *c = start(1000);
    (void)state;
    count(c, 1, 5, 1000);
    count(c, 1, 4, 1000);   /* fewer than before */
    count(c, 3, 100, 1000); /* no such socket */
    count(c, 70000, 1, 1000);
    assert_int_equal(c->hour_count, 1);
    assert_int_equal(c->hours[0].refused, 5);
}

static void a_crash_ends_an_interval_until_it_is_stored(void **state)
{
    int ends[2];
    struct message none;
    struct health *c = start(1000);
    (void)state;
    assert_int_equal(channel_open(ends, NULL), OK);
    health_end(c, 1010, true);
    health_end(c, 1011, false); /* they are down already */
    health_begin(c, 1012);
    for (int i = 0; i < 2; i++) { /* sent again as long as nobody says that it is stored */
        health_send(c, ends[0], 1020);
        struct message_coverage mx1 = next(ends[1]), mx2 = next(ends[1]);
        assert_true(mx1.is_crash && mx1.until == 1010 && mx2.is_crash && mx2.until == 1010);
        assert_int_equal(next(ends[1]).from, 1012);
        assert_int_equal(next(ends[1]).from, 1012);
        assert_int_equal(channel_receive(ends[1], &none), ERR_BUSY);
        if (i) {
            health_coverage_stored(c, &mx1);
            health_coverage_stored(c, &mx1);
        }
    }
    health_send(c, ends[0], 1030);
    assert_string_equal(next(ends[1]).trap, "mx2");
    assert_int_equal(next(ends[1]).until, 1030);
    assert_int_equal(next(ends[1]).until, 1030);
    assert_int_equal(channel_receive(ends[1], &none), ERR_BUSY);
    close(ends[0]);
    close(ends[1]);
}

static void beat(struct health *c, uint64_t full, uint64_t failed, uint64_t messages,
                 uint64_t deferred, int64_t now, bool changes)
{
    const uint64_t counters[COUNTER_COUNT] = {[COUNTER_SPOOL_FULL] = full,
                                              [COUNTER_SPOOL_FAILED] = failed,
                                              [COUNTER_MESSAGES] = messages,
                                              [COUNTER_DEFERRED] = deferred};
    assert_int_equal(health_beat(c, counters, now), changes);
}

static void a_spool_in_trouble_is_a_degraded_time(void **state)
{
    int ends[2];
    struct message none;
    struct health *c = start(1000);
    (void)state;
    assert_int_equal(channel_open(ends, NULL), OK);
    beat(c, 0, 0, 50, 7, 1001, false); /* one client's share used up is nobody else's trouble */
    beat(c, 1, 0, 51, 8, 1100, true);
    beat(c, 1, 0, 51, 10, 1101, false);
    health_send(c, ends[0], 1102);
    struct message_coverage up[2], bad[2];
    for (int t = 0; t < 2; t++) {
        up[t] = next(ends[1]);
        assert_true(!up[t].is_degraded && !up[t].is_open && !up[t].is_crash);
        assert_int_equal(up[t].from, 1000);
        assert_int_equal(up[t].until, 1099);
        health_coverage_stored(c, &up[t]);
    }
    for (int t = 0; t < 2; t++) {
        bad[t] = next(ends[1]);
        assert_true(bad[t].is_degraded && bad[t].is_open && bad[t].had_no_room);
        assert_int_equal(bad[t].from, 1099);
        assert_int_equal(bad[t].until, 1102);
        assert_true(bad[t].part > 0.249 && bad[t].part < 0.251); /* 1 kept, 3 refused */
    }
    beat(c, 0, 0, 60, 10, 1105, false);
    beat(c, 0, 1, 60, 14, 1108, false); /* again, before it was quiet for long */
    beat(c, 0, 1, 99, 14, 1117, false);
    beat(c, 0, 1, 120, 14, 1118, true);
    beat(c, 0, 1, 130, 14, 1119, false);
    health_send(c, ends[0], 1120);
    for (int t = 0; t < 2; t++) {
        bad[t] = next(ends[1]);
        assert_true(bad[t].is_degraded && !bad[t].is_open);
        assert_int_equal(bad[t].until, 1108);
        assert_true(bad[t].part > 0.58 && bad[t].part < 0.60); /* 10 kept, 7 refused */
    }
    for (int t = 0; t < 2; t++) {
        up[t] = next(ends[1]);
        assert_true(!up[t].is_degraded && up[t].is_open && !up[t].had_no_room);
        assert_int_equal(up[t].from, 1108);
    }
    assert_int_equal(channel_receive(ends[1], &none), ERR_BUSY);
    close(ends[0]);
    close(ends[1]);
    beat(c, 0, 2, 130, 15, 1200, true);
    assert_false(c->open[0].had_no_room);
    health_end(c, 1201, true); /* a new process counts from nothing, and begins well */
    health_begin(c, 1202);
    beat(c, 0, 0, 0, 0, 1203, false);
    assert_false(c->open[0].is_degraded);
}

static void forgets_the_oldest_when_nobody_stores(void **state)
{
    struct health *c = start(1);
    (void)state;
    for (int i = 0; i < HEALTH_HOURS_MOST + 5; i++) {
        count(c, 0, (uint64_t)i + 1, (int64_t)i * 3600);
    }
    assert_int_equal(c->hour_count, HEALTH_HOURS_MOST);
    assert_int_equal(c->hours[0].hour, INT64_C(5) * 3600);
    for (int i = 2; i < HEALTH_ENDED_MOST + 10; i++) {
        health_end(c, i, true);
        health_begin(c, i);
    }
    assert_int_equal(c->ended_count, HEALTH_ENDED_MOST);
    assert_int_equal(c->ended[HEALTH_ENDED_MOST - 1].until, HEALTH_ENDED_MOST + 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_by_trap_and_hour),
        cmocka_unit_test(what_cannot_be_is_not_believed),
        cmocka_unit_test(a_crash_ends_an_interval_until_it_is_stored),
        cmocka_unit_test(a_spool_in_trouble_is_a_degraded_time),
        cmocka_unit_test(forgets_the_oldest_when_nobody_stores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
