/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "core/clock.h"

#include <time.h>

/* glibc's timegm and gmtime_r are the oracle. */
static void agrees_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t t = -40000000000; t < 60000000000; t += 86399 * 531) {
        struct tm tm;
        time_t c = (time_t)t;
        int year, month, day;
        char text[21], expected[64];
        gmtime_r(&c, &tm);
        days_to_civil(day_of(t), &year, &month, &day);
        assert_int_equal(year, tm.tm_year + 1900);
        assert_int_equal(month, tm.tm_mon + 1);
        assert_int_equal(day, tm.tm_mday);
        assert_int_equal(civil_to_days(year, month, day), day_of(t));
        time_rfc3339(t, text);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm);
        if (year >= 1000) {
            assert_string_equal(text, expected);
        }
    }
}

static void reads_what_users_type(void **state)
{
    static const int64_t NOW = 1285934400; /* 2010-10-01T12:00:00Z */
    static const struct {
        const char *text;
        int64_t expected;
    } CASES[] = {
        {"2010-10-01", 1285891200},
        {"2010-10", 1285891200},
        {"2010-10-01T12:00:00Z", 1285934400},
        {"2010-10-01 12:00:00Z", 1285934400},
        {"2010-10-01T14:00:00+02:00", 1285934400},
        {"@1285891200", 1285891200},
        {"7d", 1285934400 - 7 * 86400},
        {"36h", 1285934400 - 36 * 3600},
        {"2w", 1285934400 - 14 * 86400},
        {"2008-02-29", 1204243200},
    };
    static const char *const BAD[] = {
        "",          "2010", "2010-13",  "2010-02-30",           "2009-02-29",
        "yesterday", "7",    "7y",       "2010-10-01T25:00:00Z", "2010-10-01T12:00:00",
        "@",         "-7d",  "2010-10-1"};
    int64_t t;
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        t = 0;
        assert_true(time_parse(slice_cstr(CASES[i].text), NOW, &t));
        if (t != CASES[i].expected) {
            fail_msg("%s: %lld", CASES[i].text, (long long)t);
        }
    }
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        if (time_parse(slice_cstr(BAD[i]), NOW, &t)) {
            fail_msg("%s was taken", BAD[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_c_library),
                                       cmocka_unit_test(reads_what_users_type)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
