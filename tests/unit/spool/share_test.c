/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shares of the spool: a bucket a host that leaks, in a bounded table. */
#include "testing.h"

#include "core/limits.h"
#include "spool/share.h"

static const int64_t SECOND = 1000000;

static void test_a_host_has_its_share(void **state)
{
    struct share *s = share_new(1000, 100);
    struct ip a = ip_from_v4(1), b = ip_from_v4(2);
    (void)state;
    assert_non_null(s);
    assert_true(share_has_room(s, a, 5000, 0)); /* the first record may be of any size */
    share_add(s, a, 600, 0);
    assert_true(share_has_room(s, a, 399, 0));
    assert_true(share_has_room(s, a, 400, 0));
    assert_false(share_has_room(s, a, 401, 0));
    assert_true(share_has_room(s, b, 1000, 0));
    /* ten bytes a second leak; a clock that was set back leaks nothing */
    assert_true(share_has_room(s, a, 500, 10 * SECOND));
    assert_false(share_has_room(s, a, 501, 10 * SECOND));
    assert_false(share_has_room(s, a, 401, -1000 * SECOND));
    assert_true(share_has_room(s, a, 5000, 60 * SECOND));
    share_free(s);
}

/* IPv6: a /64 is a host. */
static void test_a_network_is_a_host(void **state)
{
    struct share *s = share_new(1000, 100);
    struct ip a, same, other;
    (void)state;
    assert_true(ip_parse(S("2001:db8:0:1::1"), &a));
    assert_true(ip_parse(S("2001:db8:0:1:ffff::2"), &same));
    assert_true(ip_parse(S("2001:db8:0:2::1"), &other));
    share_add(s, a, 1000, 0);
    assert_false(share_has_room(s, same, 1, 0));
    assert_true(share_has_room(s, other, 1000, 0));
    share_free(s);
}

/* Ten times more hosts than the table holds do not make it forget who has filled his share. */
static void test_a_flood_of_hosts_hides_nobody(void **state)
{
    struct share *s = share_new(1000000, 86400);
    struct ip heavy = ip_from_v4(0x01020304);
    (void)state;
    share_add(s, heavy, 1000000, 0);
    for (uint32_t i = 0; i < 10 * LIMIT_SPOOL_SHARE_HOSTS; i++) {
        struct ip a = ip_from_v4(0x0a000000U + i);
        assert_true(share_has_room(s, a, 5000, SECOND)); /* nor does anyone inherit */
        share_add(s, a, 5000, SECOND);
    }
    assert_false(share_has_room(s, heavy, 5000, SECOND));
    share_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_host_has_its_share),
        cmocka_unit_test(test_a_network_is_a_host),
        cmocka_unit_test(test_a_flood_of_hosts_hides_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
