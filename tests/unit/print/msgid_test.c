/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Message-IDs taken apart, their host forms, and the Windows clock in them and in boundaries. */
#include "testing.h"

#include "print/msgid.h"

#include <math.h>
#include <stdio.h>

static void parses(void **state)
{
    static const struct {
        const char *in, *left, *right;
        bool has_brackets, is_bad;
    } CASES[] = {
        {"<a@b>", "a", "b", true, false},    {"  <a@b>\t", "a", "b", true, false},
        {"a@b", "a", "b", false, true},      {"<a@b", "a", "b", false, true},
        {"a@b>", "a", "b>", false, true},    {"<a@b> (added by x@y)", "a", "b", true, true},
        {"<a@b@c>", "a@b", "c", true, true}, {"<ab>", "ab", "", true, true},
        {"<a@>", "a", "", true, true},       {"<@b>", "", "b", true, false},
        {"<>", "", "", true, true},          {"<", "", "", false, true},
    };
    struct msgid id;
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_true(msgid_parse(slice_cstr(CASES[i].in), &id));
        if (!slice_eq(id.left, slice_cstr(CASES[i].left)) ||
            !slice_eq(id.right, slice_cstr(CASES[i].right)) ||
            id.has_brackets != CASES[i].has_brackets || id.is_bad != CASES[i].is_bad) {
            fail_msg("%s: %.*s | %.*s %d %d", CASES[i].in, SLICE_ARG(id.left), SLICE_ARG(id.right),
                     id.has_brackets, id.is_bad);
        }
    }
    assert_false(msgid_parse(S(""), &id));
    assert_false(msgid_parse(S(" \t"), &id));
}

static void host_forms(void **state)
{
    static const struct {
        const char *id, *form;
    } CASES[] = {
        {"<a@mail.example.net>", "fqdn"},
        {"<a@pc>", "label"},
        {"<a@192.0.2.1>", "ip"},
        {"<a@[192.0.2.1]>", "ip"},
        {"<a@EXAMPLE.com>", "from-domain"},
        {"<a@ann>", "from-local"},
        {"<a@>", "empty"},
        {"<a>", "empty"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct msgid id;
        assert_true(msgid_parse(slice_cstr(CASES[i].id), &id));
        assert_string_equal(msgid_host_form(&id, S("example.com"), S("ann")), CASES[i].form);
    }
}

/* Known answers by the published formula, expected = int(t * 0.0023283064365387 +
 * 27111902.8329849), which is the high half of a FILETIME: (t + 11644473600) * 10^7 / 2^32. Worked
 * out by hand for 1285929296 (2010-10-01 10:34:56 UTC): 12930402896 * 10^7 / 4294967296 =
 * 30105940.29 -> 30105940 = 0x01cb6154. */
static void clock_known_answers(void **state)
{
    (void)state;
    assert_int_equal(windows_clock_at(1285929296), 0x01cb6154);
    assert_int_equal(windows_clock_at(0), 27111902);
    for (int64_t t = 0; t < 2000000000; t += 12345677) {
        double formula = (double)t * 0.0023283064365387 + 27111902.8329849;
        double off = formula - (double)windows_clock_at(t);
        assert_true(off > -1e-3 && off < 1 + 1e-3);
    }
    /* The same far outside any date that mail can have: no overflow. */
    assert_true(windows_clock_at(INT64_MAX) > 0);
    assert_true(windows_clock_at(INT64_MIN) < 0);
}

static void clock_tolerance(void **state)
{
    const int64_t t = 1285929296;
    const int64_t at = windows_clock_at(t);
    (void)state;
    static const struct {
        int off;
        enum clock_state state;
    } CASES[] = {
        {0, CLOCK_STATE_OK},      {249, CLOCK_STATE_OK},    {-249, CLOCK_STATE_OK},
        {250, CLOCK_STATE_OFF},   {-250, CLOCK_STATE_OFF},  {6035, CLOCK_STATE_OFF},
        {-6034, CLOCK_STATE_OFF}, {-6035, CLOCK_STATE_OLD}, {-1000000, CLOCK_STATE_OLD},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct windows_clock c = {(uint32_t)(at + CASES[i].off), 1};
        enum clock_state got;
        assert_true(windows_clock_check(c, true, t, false, 0, &got));
        assert_int_equal(got, CASES[i].state);
        /* a wrong Date is no proof: the Received time may still agree */
        assert_true(windows_clock_check(c, true, t + 90 * 86400, true, t, &got));
        assert_true((got == CLOCK_STATE_OK) == (CASES[i].state == CLOCK_STATE_OK));
        assert_false(windows_clock_check(c, false, t, false, t, &got));
    }
}

static void clocks_are_found(void **state)
{
    static const struct {
        const char *id;
        bool found;
    } IDS[] = {
        {"<000001cb6158$1f2e3d4c$0a00a8c0@pc>", true},
        {"000001cb6158$1f2e3d4c$0a00a8c0@pc", true},
        {"<000001CB6158$1F2E3D4C$0A00A8C0@pc>", false},
        {"<000001cb615$1f2e3d4c$0a00a8c0@pc>", false},
    };
    struct windows_clock c;
    (void)state;
    for (size_t i = 0; i < sizeof IDS / sizeof IDS[0]; i++) {
        struct msgid id;
        assert_true(msgid_parse(slice_cstr(IDS[i].id), &id));
        assert_int_equal(msgid_clock(&id, &c), IDS[i].found);
        if (IDS[i].found) {
            assert_int_equal(c.high, 0x01cb6158);
            assert_int_equal(c.low, 0x1f2e3d4c);
        }
    }
    assert_true(boundary_clock(S("----=_NextPart_000_0006_01C6527E.1F2E3D4C"), &c));
    assert_int_equal(c.high, 0x01c6527e);
    assert_int_equal(c.low, 0x1f2e3d4c);
    assert_true(boundary_clock(S("----_=_NextPart_001_01c6527e.1f2e3d4c"), &c));
    assert_false(boundary_clock(S("----=_NextPart_000_0006_01C6527E.1F2E3D4"), &c));
    assert_false(boundary_clock(S("----=_NextPart_000_0006_01C6527E-1F2E3D4C"), &c));
    assert_false(boundary_clock(S("----=_OtherPart_000_0006_01C6527E.1F2E3D4C"), &c));
    assert_false(boundary_clock(S("01C6527E.1F2E3D4C"), &c));
    assert_false(boundary_clock(S(""), &c));
}

static void collisions(void **state)
{
    struct windows_clock id = {0x01cb6158, 0x1f2e3d4c};
    (void)state;
    assert_true(windows_clock_collides(id, (struct windows_clock){0x01cb6999, 0x1f2e3d4c}, 0));
    /* In UTC the two high halves are alike in honest mail, elsewhere they cannot be. */
    assert_false(windows_clock_collides(id, (struct windows_clock){0x01cb6158, 0x2f2e3d4c}, 0));
    assert_true(windows_clock_collides(id, (struct windows_clock){0x01cb6158, 0x2f2e3d4c}, 120));
    assert_true(windows_clock_collides(id, (struct windows_clock){0x01cb6158, 0x2f2e3d4c}, -420));
    assert_false(windows_clock_collides(id, (struct windows_clock){0x01cb6159, 0x2f2e3d4c}, 120));
    id.low = 0;
    assert_false(windows_clock_collides(id, (struct windows_clock){0x01cb6999, 0}, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(host_forms),
        cmocka_unit_test(clock_known_answers),
        cmocka_unit_test(clock_tolerance),
        cmocka_unit_test(clocks_are_found),
        cmocka_unit_test(collisions),
    };
    return cmocka_run_group_tests_name("msgid", tests, NULL, NULL);
}
