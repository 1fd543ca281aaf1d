/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "core/ip.h"

static void parses_and_prints(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } CASES[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"2001:DB8::1", "2001:db8::1"},
        {"IPv6:2001:db8::1", "2001:db8::1"},
        {"::1", "::1"},
        {"192.0.2", NULL},
        {"192.0.2.256", NULL},
        {"192.0.2.01", NULL},
        {"192.0.2.1.", NULL},
        {"192.0.2.1 ", NULL},
        {"1.2.3.4567", NULL},
        {"fe80::1%eth0", NULL},
        {"[192.0.2.1]", NULL},
        {":", NULL},
        {"", NULL},
        {"example.org", NULL},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct ip a;
        char text[IP_TEXT_BYTES];
        bool ok = ip_parse(slice_cstr(CASES[i].in), &a);
        if (ok != (CASES[i].out != NULL)) {
            fail_msg("%s", CASES[i].in);
        }
        if (ok) {
            ip_text(a, text);
            assert_string_equal(text, CASES[i].out);
        }
    }
}

static void holds_networks(void **state)
{
    static const struct {
        const char *network, *address;
        bool holds;
    } CASES[] = {
        {"192.0.2.0/24", "192.0.2.255", true},       {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.128/25", "192.0.2.127", false},    {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "2001:db8::1", false},         {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},           {"2001:db8::/32", "2001:db8:ffff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
    };
    static const char *const BAD[] = {"192.0.2.0/33", "192.0.2.0/", "2001:db8::/129", "x/8",
                                      "192.0.2.0/-1"};
    struct cidr c;
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct ip a;
        assert_true(cidr_parse(slice_cstr(CASES[i].network), &c));
        assert_true(ip_parse(slice_cstr(CASES[i].address), &a));
        if (cidr_holds(c, a) != CASES[i].holds) {
            fail_msg("%s holds %s", CASES[i].network, CASES[i].address);
        }
    }
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_false(cidr_parse(slice_cstr(BAD[i]), &c));
    }
}

static void knows_special_addresses(void **state)
{
    static const struct {
        const char *address;
        bool is_special;
    } CASES[] = {
        {"10.1.2.3", true},        {"127.0.0.1", true},
        {"172.15.255.255", false}, {"172.16.0.0", true},
        {"172.31.255.255", true},  {"172.32.0.0", false},
        {"192.168.1.1", true},     {"100.64.0.1", true},
        {"100.128.0.0", false},    {"224.0.0.1", true},
        {"255.255.255.255", true}, {"8.8.8.8", false},
        {"0.1.2.3", true},         {"::1", true},
        {"fe80::1", true},         {"fc00::1", true},
        {"2001:db8::1", true},     {"2001:4860:4860::8888", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct ip a;
        assert_true(ip_parse(slice_cstr(CASES[i].address), &a));
        if (ip_is_special(a) != CASES[i].is_special) {
            fail_msg("%s", CASES[i].address);
        }
    }
}

static void host_keys_turn_back(void **state)
{
    static const struct {
        const char *address, *host;
    } CASES[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
        {"fe80::1", "fe80::"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct ip a;
        char text[IP_TEXT_BYTES];
        assert_true(ip_parse(slice_cstr(CASES[i].address), &a));
        ip_text(host_ip(host_key(a)), text);
        assert_string_equal(text, CASES[i].host);
    }
    struct ip loopback;
    assert_true(ip_parse(S("::1"), &loopback));
    assert_true(host_key(loopback) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_and_prints),
        cmocka_unit_test(holds_networks),
        cmocka_unit_test(knows_special_addresses),
        cmocka_unit_test(host_keys_turn_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
