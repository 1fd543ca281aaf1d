/* SPDX-License-Identifier: GPL-3.0-or-later */
/* States of traps over made-up messages. */
#include "fake_store.h"
#include "testing.h"

#include "observe/trap_rhythm.h"
#include "observe/trap_state.h"

#include <math.h>

static int64_t at(int year, int month, int day, int hour)
{
    return civil_to_days(year, month, day) * SECONDS_PER_DAY + hour * 3600;
}

static struct fake_message mail(int64_t received, const char *trap)
{
    return (struct fake_message){
        .received = received, .clock = CLOCK_TRAP, .trap = trap, .site = "north", .recipients = 1};
}

struct fixture {
    struct arena *arena;
    struct errbuf eb;
    struct trap_watch w;
};

static enum err watch(struct fixture *x, struct store *s, enum bucket bucket, int64_t since,
                      int64_t until)
{
    x->arena = arena_new(1 << 24);
    assert_non_null(x->arena);
    return trap_watch_load(s, &(struct trap_query){{since, until, S(""), S("")}, bucket}, x->arena,
                           &x->w, &x->eb);
}

static void test_life_of_a_trap(void **state)
{
    (void)state;
    struct fake_message messages[] = {
        mail(at(2010, 9, 10, 12), "old"),
        mail(at(2010, 10, 3, 6), "old"),
        mail(at(2010, 9, 11, 0), "young"),
        mail(at(2010, 12, 31, 23), "young"),
        {.trap = "timeless", .site = "north", .recipients = 1},
    };
    struct store s = {.messages = messages, .count = 5};
    struct fixture x = {0};
    assert_int_equal(watch(&x, &s, BUCKET_MONTH, INT64_MIN, INT64_MAX), OK);
    assert_int_equal(x.w.count, 4);
    assert_int_equal(x.w.trap_count, 3);
    assert_int_equal(x.w.first, at(2010, 9, 1, 0));
    assert_int_equal(trap_watch_time(&x.w, 2), at(2010, 11, 1, 0));
    assert_int_equal(trap_watch_time(&x.w, 4), at(2011, 1, 1, 0));
    assert_int_equal(trap_watch_state(&x.w, 0, 0), TRAP_UP);
    assert_float_equal(trap_watch_up(&x.w, 0, 0), 20.5 / 30, 1e-6);
    assert_int_equal(trap_watch_state(&x.w, 0, 1), TRAP_UP);
    /* Two messages are no rhythm, and their end no death. */
    assert_int_equal(trap_watch_state(&x.w, 0, 2), TRAP_UP);
    assert_float_equal(trap_watch_up(&x.w, 0, 2), 1, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(trap_watch_state(&x.w, 1, i), TRAP_UNBORN); /* "timeless" */
        assert_int_equal(trap_watch_state(&x.w, 2, i), TRAP_UP);
    }
    arena_free(x.arena);
    assert_int_equal(watch(&x, &s, BUCKET_DAY, at(2010, 9, 9, 5), at(2010, 9, 11, 1)), OK);
    assert_int_equal(x.w.count, 3);
    assert_int_equal(trap_watch_state(&x.w, 0, 0), TRAP_UNBORN);
    assert_float_equal(trap_watch_up(&x.w, 0, 1), 0.5, 1e-6);
    assert_float_equal(trap_watch_up(&x.w, 0, 2), 1, 1e-6);
    arena_free(x.arena);
}

static void test_periods(void **state)
{
    (void)state;
    struct fake_message one[] = {mail(at(2010, 9, 10, 12), "old")};
    struct store s = {.messages = one, .count = 1}, empty = {.messages = one};
    struct fixture x = {0};
    assert_int_equal(watch(&x, &s, BUCKET_ALL, INT64_MIN, INT64_MAX), ERR_USAGE);
    arena_free(x.arena);
    assert_int_equal(watch(&x, &s, BUCKET_DAY, 1000, 1000), ERR_USAGE);
    arena_free(x.arena);
    assert_int_equal(watch(&x, &s, BUCKET_HOUR, 0, INT64_MAX), ERR_LIMIT);
    arena_free(x.arena);
    assert_int_equal(watch(&x, &empty, BUCKET_DAY, INT64_MIN, INT64_MAX), ERR_NOTFOUND);
    arena_free(x.arena);
    assert_int_equal(watch(&x, &empty, BUCKET_DAY, 0, 86400), OK);
    assert_int_equal(x.w.trap_count, 0);
    arena_free(x.arena);
}

static void close_to(double have, double want)
{
    if (!(fabs(have - want) <= 1e-9 * fabs(want) + 1e-12)) {
        fail_msg("%.12g is not %.12g", have, want);
    }
}

/* NB2 with theta 5 and mean 20 has p = 1/5: P(0) = p^5, P(Y <= 2) = p^5 (1 + 5 q + 15 q^2). */
static void test_probabilities(void **state)
{
    (void)state;
    close_to(count_log10_at_most(0, 20, 5), log10(3.2e-4));
    close_to(count_log10_at_most(2, 20, 5), log10(3.2e-4 * 14.6));
    close_to(count_log10_at_least(1, 20, 5), log10(1 - 3.2e-4));
    close_to(count_log10_at_least(3, 20, 5), log10(1 - 3.2e-4 * 14.6));
    close_to(count_log10_at_most(0, 1e6, 100), 100 * log10(100 / (1e6 + 100)));
    close_to(count_log10_at_most(5, 0, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probabilities),
        cmocka_unit_test(test_life_of_a_trap),
        cmocka_unit_test(test_periods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
