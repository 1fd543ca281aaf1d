/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PROXY headers: the examples of HAProxy's proxy-protocol.txt 2.1 and 2.2, and what must be
 * refused. */
#include "testing.h"

#include "core/limits.h"
#include "net/proxy.h"

static const char SIGNATURE[] = "\r\n\r\n\0\r\nQUIT\n";

struct v1_case {
    const char *bytes;
    enum proxy_result result;
    const char *client; /* NULL: no addresses */
    uint16_t port;
    size_t used;
};

static void v1_headers(void **state)
{
    (void)state;
    static const struct v1_case CASES[] = {
        {"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\nEHLO x\r\n", PROXY_OK, "192.0.2.1", 56324,
         44},
        {"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", PROXY_OK, "2001:db8::1", 1, 44},
        {"PROXY UNKNOWN\r\n", PROXY_OK, NULL, 0, 15},
        {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", PROXY_OK, NULL, 0, 59},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r", PROXY_MORE, NULL, 0, 0},
        {"PRO", PROXY_MORE, NULL, 0, 0},
        {"", PROXY_MORE, NULL, 0, 0},
        {"EHLO x\r\n", PROXY_BAD, NULL, 0, 0},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\n", PROXY_BAD, NULL, 0, 0},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 65536 25\r\n", PROXY_BAD, NULL, 0, 0},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 056 25\r\n", PROXY_BAD, NULL, 0, 0},
        {"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", PROXY_BAD, NULL, 0, 0},
        {"PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n", PROXY_BAD, NULL, 0, 0},
        {"PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n", PROXY_BAD, NULL, 0, 0},
        {"PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n", PROXY_BAD, NULL, 0, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const struct v1_case *c = &CASES[i];
        struct proxy p;
        struct ip client;
        size_t used;
        enum proxy_result result = proxy_parse(slice_cstr(c->bytes), &p, &used);
        if (result != c->result || (result == PROXY_OK && used != c->used)) {
            fail_msg("%s: result %d, used %zu", c->bytes, result, used);
        }
        assert_int_equal(p.has_addresses && result == PROXY_OK, c->client != NULL);
        if (c->client) {
            assert_true(ip_parse(slice_cstr(c->client), &client));
            assert_true(ip_eq(client, p.client));
            assert_int_equal(p.client_port, c->port);
        }
    }
}

/* A line of 107 bytes is the longest (2.1); 108 is none. */
static void v1_limit(void **state)
{
    (void)state;
    for (int n = 106; n <= 108; n++) {
        char line[128];
        struct proxy p;
        size_t used;
        memset(line, 'x', sizeof line);
        memcpy(line, "PROXY UNKNOWN ", 14);
        memcpy(line + n - 2, "\r\n", 2);
        assert_int_equal(proxy_parse(slice_of(line, (size_t)n), &p, &used),
                         n <= 107 ? PROXY_OK : PROXY_BAD);
    }
}

static size_t v2_header(char out[1024], uint8_t command, uint8_t family, size_t length)
{
    memset(out, 0, 1024);
    memcpy(out, SIGNATURE, 12);
    out[12] = (char)command;
    out[13] = (char)family;
    out[14] = (char)(length >> 8);
    out[15] = (char)length;
    return 16 + length;
}

static void v2_headers(void **state)
{
    (void)state;
    char h[1024];
    struct proxy p;
    size_t used, n = v2_header(h, 0x21, 0x11, 12);
    memcpy(h + 16, "\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x00\x19", 12);
    assert_int_equal(proxy_parse(slice_of(h, n), &p, &used), PROXY_OK);
    assert_int_equal(used, n);
    assert_int_equal(ip_v4(p.client), 0xc0000201);
    assert_int_equal(ip_v4(p.server), 0xc6336401);
    assert_int_equal(p.client_port, 56324);
    assert_int_equal(p.server_port, 25);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(proxy_parse(slice_of(h, i), &p, &used), PROXY_MORE);
    }
    n = v2_header(h, 0x21, 0x21, 36);
    h[16] = 0x20;
    assert_int_equal(proxy_parse(slice_of(h, n), &p, &used), PROXY_OK);
    assert_false(ip_is_v4(p.client));
    n = v2_header(h, 0x20, 0, 0); /* LOCAL: a health check */
    assert_int_equal(proxy_parse(slice_of(h, n), &p, &used), PROXY_OK);
    assert_false(p.has_addresses);
    n = v2_header(h, 0x21, 0x11, 11); /* too short for its family */
    assert_int_equal(proxy_parse(slice_of(h, n), &p, &used), PROXY_BAD);
    n = v2_header(h, 0x31, 0x11, 12); /* version 3 */
    assert_int_equal(proxy_parse(slice_of(h, n), &p, &used), PROXY_BAD);
}

static void v2_limit(void **state)
{
    (void)state;
    for (int d = -1; d <= 1; d++) {
        char h[1024];
        struct proxy p;
        size_t used, n = v2_header(h, 0x21, 0x11, (size_t)(LIMIT_PROXY_HEADER_BYTES - 16 + d));
        assert_int_equal(proxy_parse(slice_of(h, n), &p, &used), d <= 0 ? PROXY_OK : PROXY_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v1_headers),
        cmocka_unit_test(v1_limit),
        cmocka_unit_test(v2_headers),
        cmocka_unit_test(v2_limit),
    };
    return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
