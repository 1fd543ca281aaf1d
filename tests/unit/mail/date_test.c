/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/clock.h"
#include "mail/date.h"

/* cmocka needs these before it */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>

static const struct {
    const char *date, *time; /* RFC 3339, NULL: no date */
    const char *zone;
    int zone_minutes;
    bool is_zone_possible;
} DATES[] = {
    /* RFC 5322 */
    {"Fri, 01 Oct 2010 12:34:56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Fri, 1 Oct 2010 12:34:56 -0700", "2010-10-01T19:34:56Z", "-0700", -420, true},
    {"1 Oct 2010 12:34:56 +0530", "2010-10-01T07:04:56Z", "+0530", 330, true},
    {"Fri, 1 Oct 2010 12:34 +0200", "2010-10-01T10:34:00Z", "+0200", 120, true},
    {"Fri, 01 Oct 2010 12:34:56 +0100 (CET)", "2010-10-01T11:34:56Z", "+0100", 60, true},
    {"Fri, 01 Oct 2010 12:34:56 +0100 (a (nested) one)", "2010-10-01T11:34:56Z", "+0100", 60, true},
    {"Fri, 01 Oct 2010 12:34:56 -0000", "2010-10-01T12:34:56Z", "-0000", 0, true},
    {"  Fri, 01 Oct 2010 12:34:56 +0000  ", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Thu, 31 Dec 1998 23:59:60 +0000", "1999-01-01T00:00:00Z", "+0000", 0, true},
    {"Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z", "+0000", 0, true},
    {"Thu, 01 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z", "+0000", 0, true},
    {"Fri, 01 Oct 2010 00:10:00 +0100", "2010-09-30T23:10:00Z", "+0100", 60, true},
    {"Fri, 01 Oct 2010 12:34:56 +1400", "2010-09-30T22:34:56Z", "+1400", 840, true},
    {"Fri, 01 Oct 2010 12:34:56 -1200", "2010-10-02T00:34:56Z", "-1200", -720, true},
    /* wrong, long or missing weekdays, spaces, case */
    {"Mon, 01 Oct 2010 12:34:56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Friday, 01 Oct 2010 12:34:56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Fri,01 Oct 2010 12:34:56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Fri 01 Oct 2010 12:34:56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Fri,  1 Oct  2010  12:34:56  +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"FRI, 01 OCT 2010 12:34:56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Fri, 01 October 2010 12:34:56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Fri, 1 Oct\t2010 12:34:56\t+0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"(spam) Fri, 01 Oct 2010 12:34:56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Fri, 01 Oct 2010 12 : 34 : 56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {", 01 Oct 2010 12:34:56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    /* years of two, three and five digits */
    {"Tue, 24 Dec 91 05:52:04 -0800", "1991-12-24T13:52:04Z", "-0800", -480, true},
    {"22 Aug 02 14:54:29 +0000", "2002-08-22T14:54:29Z", "+0000", 0, true},
    {"Mon, 22 Aug 102 14:54:29 +0000", "2002-08-22T14:54:29Z", "+0000", 0, true},
    {"Mon, 22 Aug 19102 14:54:29 +0000", "2002-08-22T14:54:29Z", "+0000", 0, true},
    {"1 Jan 49 00:00:00 GMT", "2049-01-01T00:00:00Z", "GMT", 0, true},
    {"1 Jan 50 00:00:00 GMT", "1950-01-01T00:00:00Z", "GMT", 0, true},
    /* names of zones */
    {"Fri, 01 Oct 2010 12:34:56 GMT", "2010-10-01T12:34:56Z", "GMT", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 EDT", "2010-10-01T16:34:56Z", "EDT", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 PST", "2010-10-01T20:34:56Z", "PST", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 CEST", "2010-10-01T10:34:56Z", "CEST", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 MET DST", "2010-10-01T10:34:56Z", "MET", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 Z", "2010-10-01T12:34:56Z", "Z", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 A", "2010-10-01T12:34:56Z", "A", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 XYZ", "2010-10-01T12:34:56Z", "XYZ", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 GMT+0100", "2010-10-01T11:34:56Z", "+0100", 60, true},
    {"Fri, 01 Oct 2010 12:34:56 UTC -0500", "2010-10-01T17:34:56Z", "-0500", -300, true},
    {"Fri, 01 Oct 2010 12:34:56 Eastern Daylight Time", "2010-10-01T16:34:56Z", "Eastern", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 Pacific Standard Time", "2010-10-01T20:34:56Z", "Pacific", 0, true},
    {"Fri, 01 Oct 2010 12:34:56", "2010-10-01T12:34:56Z", "", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 (PDT)", "2010-10-01T12:34:56Z", "", 0, true},
    /* odd and impossible numeric zones */
    {"Fri, 01 Oct 2010 12:34:56 +0160", "2010-10-01T10:34:56Z", "+0160", 120, false},
    {"Fri, 01 Oct 2010 12:34:56 -0520", "2010-10-01T17:54:56Z", "-0520", -320, false},
    {"Fri, 01 Oct 2010 12:34:56 +1500", "2010-09-30T21:34:56Z", "+1500", 900, false},
    {"Fri, 01 Oct 2010 12:34:56 -1215", "2010-10-02T00:49:56Z", "-1215", -735, false},
    {"Fri, 01 Oct 2010 12:34:56 +0545", "2010-10-01T06:49:56Z", "+0545", 345, true},
    {"Fri, 01 Oct 2010 12:34:56 +0015", "2010-10-01T12:19:56Z", "+0015", 15, true},
    {"Fri, 01 Oct 2010 12:34:56 0800", "2010-10-01T04:34:56Z", "0800", 480, true},
    {"Fri, 01 Oct 2010 12:34:56 -5", "2010-10-01T17:34:56Z", "-5", -300, true},
    {"Fri, 01 Oct 2010 12:34:56 +05:30", "2010-10-01T07:04:56Z", "+05:30", 330, true},
    {"Fri, 01 Oct 2010 12:34:56 -04000", "2010-10-01T16:34:56Z", "-04000", -240, false},
    {"Fri, 01 Oct 2010 12:34:56 +0000 -0500", "2010-10-01T12:34:56Z", "+0000", 0, true},
    /* asctime, ctime, date(1) */
    {"Fri Oct  1 12:34:56 2010", "2010-10-01T12:34:56Z", "", 0, true},
    {"Fri Oct 01 12:34:56 2010 -0700", "2010-10-01T19:34:56Z", "-0700", -420, true},
    {"Fri Oct  1 12:34:56 EDT 2010", "2010-10-01T16:34:56Z", "EDT", 0, true},
    {"Fri Oct  1 12:34:56 +0200 2010", "2010-10-01T10:34:56Z", "+0200", 120, true},
    {"Oct 1 2010 12:34:56", "2010-10-01T12:34:56Z", "", 0, true},
    /* what programs and bots write */
    {"2010-10-01T12:34:56Z", "2010-10-01T12:34:56Z", "Z", 0, true},
    {"2010-10-01 12:34:56 +0200", "2010-10-01T10:34:56Z", "+0200", 120, true},
    {"2010-10-01T12:34:56.789-05:00", "2010-10-01T17:34:56Z", "-05:00", -300, true},
    {"2010/10/01 12:34:56", "2010-10-01T12:34:56Z", "", 0, true},
    {"22/08/2002 11:28:44", "2002-08-22T11:28:44Z", "", 0, true},
    {"8/22/02 11:28:44", "2002-08-22T11:28:44Z", "", 0, true},
    {"01.10.2010 12:34:56", "2010-10-01T12:34:56Z", "", 0, true},
    {"01-Oct-2010 12:34:56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"1-Oct-10 12:34:56", "2010-10-01T12:34:56Z", "", 0, true},
    {"Aug, 28 2002 9:16:46 AM +0600", "2002-08-28T03:16:46Z", "+0600", 360, true},
    {"Wed, 28 Aug 2002 9:16:46 PM", "2002-08-28T21:16:46Z", "", 0, true},
    {"Wed, 28 Aug 2002 12:16:46 AM", "2002-08-28T00:16:46Z", "", 0, true},
    {"Wed, 28 Aug 2002 12:16:46 PM", "2002-08-28T12:16:46Z", "", 0, true},
    {"Fri, 01 Oct 2010 12.34.56 +0000", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Tue, 24 Dec 91 0552 PST", "1991-12-24T13:52:00Z", "PST", 0, true},
    {"Fr, 01 Okt 2010 12:34:56 +0200", "2010-10-01T10:34:56Z", "+0200", 120, true},
    {"ven., 01 avr. 2005 12:34:56 +0200", "2005-04-01T10:34:56Z", "+0200", 120, true},
    {"Mon, 26 Aug 2002 16:56:55 -08:00", "2002-08-27T00:56:55Z", "-08:00", -480, true},
    {"Fri, 01 Oct 2010 12:34:56 +0000 and more words", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 +0000; id 42", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"Fri, 01 Oct 2010 12:34:56 +0000 (unclosed", "2010-10-01T12:34:56Z", "+0000", 0, true},
    {"2010 Oct 1 12:34:56", "2010-10-01T12:34:56Z", "", 0, true},
    /* no dates */
    {"", NULL, "", 0, true},
    {"Thu, 34 Sep 2007 01:50:37 -0700", NULL, "-0700", -420, true},
    {"Sat, 30 Feb 2007 01:50:37 +0000", NULL, "+0000", 0, true},
    {"Thu, 29 Feb 1900 01:50:37 +0000", NULL, "+0000", 0, true},
    {"Fri, 01 Oct 2010 24:00:00 +0000", NULL, "+0000", 0, true},
    {"Fri, 01 Oct 2010 12:60:00 +0000", NULL, "+0000", 0, true},
    {"Fri, 01 Oct 2010 12:34:61 +0000", NULL, "+0000", 0, true},
    {"Fri, 01 Oct 2010", NULL, "", 0, true},
    {"12:34:56", NULL, "", 0, true},
    {"01/02/2003 12:34:56", NULL, "", 0, true},
    {"Fri, 01 Foo 2010 12:34:56 +0000", NULL, "+0000", 0, true},
    {"hello there my friend", NULL, "", 0, true},
    {"99999999999999999999", NULL, "", 0, true},
    {"(((((((", NULL, "", 0, true},
    {"%CURRENT_DATE_TIME", NULL, "", 0, true},
};

static void test_dates(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof DATES / sizeof *DATES; i++) {
        struct mail_date d = mail_date_parse(slice_cstr(DATES[i].date));
        char text[21] = "-";
        if (d.is_valid) {
            time_rfc3339(d.time, text);
        }
        const char *want = DATES[i].time ? DATES[i].time : "-";
        if (strcmp(text, want) != 0 || !slice_eq(d.zone, slice_cstr(DATES[i].zone)) ||
            d.zone_minutes != DATES[i].zone_minutes ||
            d.is_zone_possible != DATES[i].is_zone_possible) {
            print_error("%s: want %s \"%s\" %d %d, got %s \"%.*s\" %d %d\n", DATES[i].date, want,
                        DATES[i].zone, DATES[i].zone_minutes, DATES[i].is_zone_possible, text,
                        SLICE_ARG(d.zone), d.zone_minutes, d.is_zone_possible);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    assert_true(sizeof DATES / sizeof *DATES >= 60);
}

/* The quick reader and the tolerant one are two programs: they must agree. */
static void test_readers_agree(void **state)
{
    (void)state;
    static const char *const ZONES[] = {"+0000", "-0800", "+0545", "+1400", "+0160", "-9959"};
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int64_t t = 0; t < INT64_C(4102444800); t += 7654321) {
        int year, month, day;
        days_to_civil(day_of(t), &year, &month, &day);
        int second = (int)(t % SECONDS_PER_DAY);
        char quick[64], slow[80];
        snprintf(quick, sizeof quick, "%d %.3s %d %02d:%02d:%02d %s", day, MONTHS + 3 * (month - 1),
                 year, second / 3600, second / 60 % 60, second % 60, ZONES[t % 6]);
        snprintf(slow, sizeof slow, "(x) %s", quick);
        struct mail_date a = mail_date_parse(slice_cstr(quick));
        struct mail_date b = mail_date_parse(slice_cstr(slow));
        assert_true(a.is_valid && b.is_valid);
        assert_int_equal(a.time, t - a.zone_minutes * 60);
        assert_int_equal(a.time, b.time);
        assert_int_equal(a.zone_minutes, b.zone_minutes);
        assert_true(slice_eq(a.zone, b.zone));
        assert_int_equal(a.is_zone_possible, b.is_zone_possible);
    }
}

static void test_mbox(void **state)
{
    (void)state;
    static const struct {
        const char *line, *time;
    } LINES[] = {
        {"Fri Oct  1 12:34:56 2010", "2010-10-01T12:34:56Z"},
        {"Fri Oct 01 12:34:56 2010", "2010-10-01T12:34:56Z"},
        {"Fri Oct  1 12:34 2010", "2010-10-01T12:34:00Z"},
        {"Fri Oct  1 12:34:56 2010 +0200", "2010-10-01T10:34:56Z"},
        {"Fri Oct  1 12:34:56 EDT 2010", "2010-10-01T16:34:56Z"},
        {"Fri Oct  1 12:34:56 2010 remote from host", "2010-10-01T12:34:56Z"},
        {"Fri, 1 Oct 2010 12:34:56 +0000", "2010-10-01T12:34:56Z"},
        {"the day before, 1 Oct 2010 12:34:56", NULL},
        {"Monday on, we ship", NULL},
        {"1 Oct 2010 12:34:56", NULL},
        {"Fri Oct 32 12:34:56 2010", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        int64_t t = -1;
        char text[21] = "";
        bool is_date = mbox_date_parse(slice_cstr(LINES[i].line), &t);
        if (is_date != (LINES[i].time != NULL)) {
            fail_msg("\"%s\" is %sa date", LINES[i].line, is_date ? "" : "not ");
        }
        if (is_date) {
            time_rfc3339(t, text);
            assert_string_equal(text, LINES[i].time);
        } else {
            assert_int_equal(t, -1);
        }
    }
}

static void test_long_input(void **state)
{
    (void)state;
    static char text[200000];
    static const char *const UNITS[] = {"1", "a", "(", ":", "-", "+1 ", "1:1 ", "Jan ", "\\("};
    for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
        size_t unit = strlen(UNITS[i]), n = 0;
        for (; n + unit < sizeof text; n += unit) {
            memcpy(text + n, UNITS[i], unit);
        }
        double start = time_monotonic();
        assert_false(mail_date_parse(slice_of(text, n)).is_valid);
        assert_true(time_monotonic() - start < 0.5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_readers_agree),
        cmocka_unit_test(test_mbox),
        cmocka_unit_test(test_long_input),
    };
    return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
