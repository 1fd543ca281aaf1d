/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "observe/missing.h"

enum { DAYS = 3, TRAPS = 3, DAY = 86400 };

/* Two traps that are asked and one that is not; the bucket is days 0 and 1. */
static void test_why(void **state)
{
    (void)state;
    static const struct {
        uint8_t states[2][2]; /* trap, day */
        enum missing why;
    } CASES[] = {
        {{{TRAP_DOWN, TRAP_DOWN}, {TRAP_UNBORN, TRAP_UNBORN}}, MISSING_DOWN},
        {{{TRAP_DEAD, TRAP_DEAD}, {TRAP_UNBORN, TRAP_DOWN}}, MISSING_DOWN},
        {{{TRAP_UNBORN, TRAP_UNBORN}, {TRAP_UNBORN, TRAP_UNBORN}}, MISSING_UNBORN},
        {{{TRAP_DEAD, TRAP_DEAD}, {TRAP_DEAD, TRAP_DEAD}}, MISSING_DEAD},
        {{{TRAP_DEAD, TRAP_DEAD}, {TRAP_UNBORN, TRAP_UNBORN}}, MISSING_NOBODY},
        {{{TRAP_UP, TRAP_DOWN}, {TRAP_DOWN, TRAP_DOWN}}, MISSING_LATE},
        {{{TRAP_DEGRADED, TRAP_DEAD}, {TRAP_DEAD, TRAP_DEAD}}, MISSING_LATE},
    };
    const bool is_asked[TRAPS] = {true, false, true};
    uint8_t states[TRAPS * DAYS];
    const float up[TRAPS * DAYS] = {0};
    struct trap_watch w = {.bucket = BUCKET_DAY,
                           .first = 0,
                           .count = DAYS,
                           .trap_count = TRAPS,
                           .is_asked = is_asked,
                           .up = up,
                           .states = states};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        memset(states, TRAP_UP, sizeof states); /* the day after, and the trap not asked */
        for (size_t d = 0; d < 2; d++) {
            states[d] = CASES[i].states[0][d];
            states[2 * DAYS + d] = CASES[i].states[1][d];
        }
        assert_string_equal(missing_name(missing_why(&w, 0, 2 * DAY)), missing_name(CASES[i].why));
    }
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(missing_name(MISSING_NOT), "");
    for (enum missing m = MISSING_DOWN; m < MISSING_COUNT; m++) {
        assert_true(strlen(missing_name(m)) > 2 && strlen(missing_text(m)) > 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_why), cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
