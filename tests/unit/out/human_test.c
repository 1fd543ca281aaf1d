/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "out/human.h"

#include <math.h>

static void test_numbers(void **state)
{
    char t[64];
    (void)state;
    assert_string_equal(human_count(t, 0), "0");
    assert_string_equal(human_count(t, 999), "999");
    assert_string_equal(human_count(t, 1000), "1,000");
    assert_string_equal(human_count(t, UINT64_MAX), "18,446,744,073,709,551,615");
    assert_string_equal(human_bytes(t, 0), "0 B");
    assert_string_equal(human_bytes(t, 999), "999 B");
    assert_string_equal(human_bytes(t, 1000), "1.0 kB");
    assert_string_equal(human_bytes(t, 99949), "99.9 kB");
    assert_string_equal(human_bytes(t, 99950), "100 kB");
    assert_string_equal(human_bytes(t, 999499), "999 kB");
    assert_string_equal(human_bytes(t, 999500), "1.0 MB");
    assert_string_equal(human_bytes(t, UINT64_MAX), "18.4 EB");
    assert_string_equal(human_short(t, 0), "0");
    assert_string_equal(human_short(t, 2500), "2.5 k");
    assert_string_equal(human_short(t, 2e6), "2 M");
}

static void test_percent(void **state)
{
    char t[64];
    (void)state;
    assert_string_equal(human_percent(t, 0.0), "0.0 %");
    assert_string_equal(human_percent(t, 0.0004), "<0.1 %");
    assert_string_equal(human_percent(t, 0.0005), "0.1 %");
    assert_string_equal(human_percent(t, 0.412), "41.2 %");
    assert_string_equal(human_percent(t, 0.9994), "99.9 %");
    assert_string_equal(human_percent(t, 0.9999), ">99.9 %");
    assert_string_equal(human_percent(t, 1.0), "100.0 %");
    assert_string_equal(human_percent(t, NAN), "-");
}

static void test_signs(void **state)
{
    char t[HUMAN_BYTES];
    (void)state;
    assert_string_equal(human_figure(t, 1234567.25, 1, true), "1,234,567.2");
    assert_string_equal(human_figure(t, 999.96, 1, true), "1,000.0");
    assert_string_equal(human_figure(t, -45.6, 1, true), "−45.6");
    assert_string_equal(human_figure(t, -45.6, 1, false), "-45.6");
    assert_string_equal(human_figure(t, -0.4, 0, true), "0");
    assert_string_equal(human_figure(t, -0.0, 2, true), "0.00");
    assert_string_equal(human_figure(t, NAN, 1, true), "-");
    assert_string_equal(human_figure(t, INFINITY, 1, true), "-");
    assert_string_equal(human_change(t, 3, 1, true), "+3.0");
    assert_string_equal(human_change(t, 0.04, 1, true), "0.0");
    assert_string_equal(human_change(t, -0.04, 1, true), "0.0");
    assert_string_equal(human_change(t, -1000, 0, true), "−1,000");
    /* The longest that there is fits. */
    assert_string_equal(human_change(t, -1e300, 3, true), "−1,000,000,000,000,000.000");
}

static void test_duration(void **state)
{
    char t[64];
    (void)state;
    assert_string_equal(human_duration(t, 0), "0 seconds");
    assert_string_equal(human_duration(t, 1), "1 second");
    assert_string_equal(human_duration(t, 61), "1 minute 1 second");
    assert_string_equal(human_duration(t, 3600), "1 hour");
    assert_string_equal(human_duration(t, 3 * 86400 + 4 * 3600 + 5), "3 days 4 hours");
    assert_string_equal(human_duration(t, 2 * 31557600ULL), "2 years");
    assert_true(human_duration(t, UINT64_MAX) == t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_percent),
        cmocka_unit_test(test_signs),
        cmocka_unit_test(test_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
