/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is taken, and how often: recipient policy, sessions per client, greylisting. */
#include "testing.h"

#include "core/limits.h"
#include "smtp/clients.h"
#include "smtp/greylist.h"
#include "smtp/policy.h"

static void add(struct policy *p, const char *entry, const char *trap)
{
    assert_int_equal(policy_add(p, slice_cstr(entry), slice_cstr(trap)), OK);
}

static void policy_finds(void **state)
{
    (void)state;
    struct policy *p = policy_new(false);
    assert_non_null(p);
    add(p, "user@one.example", "exact");
    add(p, "one.example", "domain");
    add(p, "@two.example", "at-domain");
    add(p, ".three.example", "below");
    add(p, ".b.three.example", "further-below");
    add(p, "spam*@*.example", "glob");
    add(p, "s?am@four.example", "second-glob");
    static const struct {
        const char *address, *trap; /* NULL: refused */
    } CASES[] = {
        {"user@one.example", "exact"},
        {"USER@One.Example", "exact"},
        {"other@one.example", "domain"},
        {"x@sub.one.example", NULL},
        {"x@two.example", "at-domain"},
        {"x@three.example", "below"},
        {"x@a.three.example", "below"},
        {"x@c.b.three.example", "further-below"},
        {"spammer@four.example", "glob"},
        {"slam@four.example", "second-glob"},
        {"x@four.example", NULL},
        {"user", NULL},
        {"", NULL},
        {"@", NULL},
        {"x@xthree.example", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct slice trap;
        bool takes = policy_takes(p, slice_cstr(CASES[i].address), &trap);
        if (takes != (CASES[i].trap != NULL) ||
            !slice_eq(trap, slice_cstr(CASES[i].trap ? CASES[i].trap : ""))) {
            fail_msg("%s: %d, %.*s", CASES[i].address, takes, SLICE_ARG(trap));
        }
    }
    policy_free(p);
}

static void policy_takes_all(void **state)
{
    (void)state;
    struct policy *p = policy_new(true);
    struct slice trap;
    char longest[400];
    assert_non_null(p);
    add(p, "vip@one.example", "vip");
    assert_true(policy_takes(p, S("x@any.example"), &trap));
    assert_int_equal(trap.n, 0);
    assert_true(policy_takes(p, S("vip@one.example"), &trap));
    assert_true(slice_eq(trap, S("vip")));
    memset(longest, 'a', sizeof longest);
    assert_true(policy_takes(p, slice_of(longest, sizeof longest), &trap));
    for (size_t n = 319; n <= 321; n++) {
        assert_int_equal(policy_add(p, slice_of(longest, n), S("")), n <= 320 ? OK : ERR_SYNTAX);
    }
    assert_int_equal(policy_add(p, S(""), S("")), ERR_SYNTAX);
    assert_int_equal(policy_add(p, S("@"), S("")), ERR_SYNTAX);
    policy_free(p);
}

static void clients_count_up_and_down(void **state)
{
    (void)state;
    struct clients *c = clients_new();
    assert_non_null(c);
    assert_true(clients_enter(c, 7, 2));
    assert_true(clients_enter(c, 7, 2));
    assert_false(clients_enter(c, 7, 2));
    clients_leave(c, 7);
    assert_true(clients_enter(c, 7, 2));
    assert_false(clients_enter(c, 8, 0));
    /* Many hosts come and go in another order; nobody's count is lost. */
    for (uint64_t h = 100; h < 20100; h++) {
        assert_true(clients_enter(c, h, 1));
    }
    for (uint64_t h = 100; h < 20100; h += 3) {
        clients_leave(c, h);
    }
    for (uint64_t h = 100; h < 20100; h++) {
        assert_int_equal(clients_enter(c, h, 1), (h - 100) % 3 == 0);
    }
    assert_true(clients_enter(c, 7, 3)); /* two, as before */
    assert_false(clients_enter(c, 7, 3));
    clients_leave(c, 999999); /* nobody: no harm */
    clients_free(c);
}

static void clients_limit(void **state)
{
    (void)state;
    struct clients *c = clients_new();
    assert_non_null(c);
    for (uint64_t h = 1; h <= LIMIT_SMTP_CLIENTS; h++) {
        assert_true(clients_enter(c, h, 1));
    }
    assert_false(clients_enter(c, LIMIT_SMTP_CLIENTS + 1, 1));
    clients_leave(c, 1);
    assert_true(clients_enter(c, LIMIT_SMTP_CLIENTS + 1, 1));
    clients_free(c);
}

static void greylist_delays(void **state)
{
    (void)state;
    enum { SECOND = 1000000 };
    struct greylist *g = greylist_new(300, 3600);
    struct ip a = ip_from_v4(0xc0000207), neighbour = ip_from_v4(0xc00002fe),
              other = ip_from_v4(0xc6336401);
    const int64_t start = 1285891200 * (int64_t)SECOND;
    assert_non_null(g);
    assert_false(greylist_passes(g, a, S("f"), S("t"), start));
    assert_false(greylist_passes(g, a, S("f"), S("t"), start + 299 * (int64_t)SECOND));
    assert_true(greylist_passes(g, a, S("f"), S("t"), start + 300 * (int64_t)SECOND));
    assert_true(greylist_passes(g, neighbour, S("f"), S("t"), start + 301 * (int64_t)SECOND));
    assert_false(greylist_passes(g, other, S("f"), S("t"), start + 302 * (int64_t)SECOND));
    assert_false(greylist_passes(g, a, S("f"), S("t2"), start + 302 * (int64_t)SECOND));
    assert_true(greylist_passes(g, a, S("f"), S("t"), start + 3900 * (int64_t)SECOND));
    assert_false(greylist_passes(g, a, S("f"), S("t"), start + 3901 * (int64_t)SECOND));
    greylist_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_finds),
        cmocka_unit_test(policy_takes_all),
        cmocka_unit_test(clients_count_up_and_down),
        cmocka_unit_test(clients_limit),
        cmocka_unit_test(greylist_delays),
    };
    return cmocka_run_group_tests_name("smtp_policy", tests, NULL, NULL);
}
