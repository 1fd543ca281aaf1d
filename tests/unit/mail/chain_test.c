/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/clock.h"
#include "core/limits.h"
#include "mail/received.h"

/* cmocka needs these before it */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#define NOW  INT64_C(1285936496) /* 2010-10-01T12:34:56Z */
#define DATE "; Fri, 1 Oct 2010 12:00:00 +0000\r\n"

#define TOP                                                                                        \
    "Received: from bot (dyn.example.org [203.0.113.9]) by mx.trap.example (Postfix) with SMTP "   \
    "id 1"
#define FORWARDED                                                                                  \
    "Received: from fwd.example.com (fwd.example.com [192.0.2.50]) by mx.trap.example (Postfix) "  \
    "with ESMTP id 1"
#define FORWARDER                                                                                  \
    "Received: from bot (unknown [198.51.100.7])\r\n\tby fwd.example.com (Postfix) with ESMTPS "   \
    "(using TLSv1.2 with cipher X)\r\n\tid 2"
#define FORGED "Received: from victim ([203.0.113.77]) by mx.trap.example (Postfix) with SMTP id 9"
#define REST   "Subject: x\r\n\r\nbody\r\n"

struct chain_case {
    const char *name;
    const char *trust; /* specs, blank between */
    const char *mail;
    const char *client; /* NULL: none */
    size_t trusted, relay_fields;
};

static const struct chain_case CASES[] = {
    {"no lines", "", REST, NULL, 0, 0},
    {"one line", "", TOP DATE REST, "203.0.113.9", 1, 1},
    {"header before it", "", "Return-Path: <>\r\nX-A: b\r\n" TOP DATE REST, "203.0.113.9", 1, 3},
    {"forged line below", "", TOP DATE FORGED DATE REST, "203.0.113.9", 1, 1},
    {"forged line by a trusted name", "mx.trap.example *.trap.example", TOP DATE FORGED DATE REST,
     "203.0.113.9", 1, 1},
    {"forwarder not trusted", "", FORWARDED DATE FORWARDER DATE REST, "192.0.2.50", 1, 1},
    {"forwarder by address", "192.0.2.50", FORWARDED DATE FORWARDER DATE FORGED DATE REST,
     "198.51.100.7", 2, 2},
    {"forwarder by network", "192.0.2.0/24", FORWARDED DATE "X-Fwd: 1\r\n" FORWARDER DATE REST,
     "198.51.100.7", 2, 3},
    {"forwarder by name", "*.example.com", FORWARDED DATE FORWARDER DATE REST, "198.51.100.7", 2,
     2},
    {"HELO alone is no name", "fwd.example.com",
     "Received: from fwd.example.com (unknown [203.0.113.9]) by mx.trap.example (Postfix) with "
     "ESMTP id 1" DATE FORWARDER DATE REST,
     "203.0.113.9", 1, 1},
    {"HELO pair is no name", "fwd.example.com",
     "Received: from [203.0.113.9] (helo=fwd.example.com) by mx.trap.example with esmtp (Exim 4) id"
     " 1" DATE FORWARDER DATE REST,
     "203.0.113.9", 1, 1},
    {"HELO comment is no name", "fwd.example.com",
     "Received: from unknown (HELO fwd.example.com) (203.0.113.9) by mx.trap.example with SMTP" DATE
         FORWARDER DATE REST,
     "203.0.113.9", 1, 1},
    {"a name that does not point back", "fwd.example.com",
     "Received: from x (fwd.example.com [203.0.113.9] (may be forged)) by mx.trap.example "
     "(8.13.1/8.13.1) with ESMTP id 1" DATE FORWARDER DATE REST,
     "203.0.113.9", 1, 1},
    {"trust does not jump over a stranger", "192.0.2.50",
     TOP DATE FORWARDED DATE FORWARDER DATE REST, "203.0.113.9", 1, 1},
    {"loopback is peeled", "",
     "Received: from localhost (localhost [127.0.0.1]) by mx.trap.example (Postfix) with ESMTP id "
     "8" DATE TOP DATE REST,
     "203.0.113.9", 2, 2},
    {"private networks are peeled", "",
     "Received: from edge (edge [10.1.2.3]) by store.trap.example (Postfix) with ESMTP id 8" DATE
     "Received: from edge6 (edge6 [IPv6:fd00::5]) by edge (Postfix) with ESMTP id 8" DATE TOP DATE
         REST,
     "203.0.113.9", 3, 3},
    {"documentation addresses are strangers", "",
     "Received: from x (x [IPv6:2001:db8::1]) by mx.trap.example (Postfix) with SMTP id 1" DATE
         FORGED DATE REST,
     "2001:db8::1", 1, 1},
    {"fetchmail is peeled", "",
     "Received: from pop.example.com [192.0.2.200] by localhost with POP3 (fetchmail-6.2.1) for "
     "a@localhost (single-drop)" DATE TOP DATE REST,
     "203.0.113.9", 2, 2},
    {"qmail's own lines are peeled", "",
     "Received: (qmail 7 invoked by uid 90)" DATE "Received: (qmail 6 invoked from network)" DATE
     "Received: from unknown (HELO bot) (203.0.113.9) by mx.trap.example with SMTP" DATE FORGED DATE
         REST,
     "203.0.113.9", 3, 3},
    {"amavis is peeled", "",
     "Received: from localhost ([127.0.0.1]) by mx.trap.example (Postfix) with ESMTP id 8" DATE
     "Received: from mx.trap.example ([127.0.0.1]) by localhost (mx.trap.example [127.0.0.1]) "
     "(amavisd-new, port 10024) with LMTP id 3-6" DATE TOP DATE REST,
     "203.0.113.9", 3, 3},
    {"filter on the same machine", "",
     "Received: by mx.trap.example (Postfix, from userid 500) id 5" DATE TOP DATE REST,
     "203.0.113.9", 2, 2},
    {"script on a relay, forged below", "192.0.2.50",
     FORWARDED DATE
     "Received: by fwd.example.com (Postfix, from userid 33) id 5" DATE
     "Received: from victim ([203.0.113.77]) by other.example with SMTP id 9" DATE REST,
     NULL, 2, 2},
    {"writer hides the client", "",
     "Received: from bot by mx.trap.example with SMTP id 1" DATE FORGED DATE REST, NULL, 1, 1},
    {"writer hides the client, trusted name below", "edge.trap.example",
     "Received: from edge by mx.trap.example with SMTP id 1" DATE
     "Received: from bot (bot [203.0.113.9]) by edge.trap.example with SMTP id 1" DATE REST,
     "203.0.113.9", 2, 2},
    {"the relay's own mail", "192.0.2.50", FORWARDED DATE REST, NULL, 1, 1},
    {"garbage on top", "", "Received: apparently\r\n" FORGED DATE REST, NULL, 1, 1},
    {"two forwarders", "192.0.2.50 198.51.100.7",
     FORWARDED DATE FORWARDER DATE
     "Received: from [203.0.113.1] (port=2 helo=a) by list.example with smtp (Exim 4.6) id 2" DATE
         FORGED DATE REST,
     "203.0.113.1", 3, 3},
};

static void chain_of(struct chain *c, const char *text, const struct trust *t, struct arena *a)
{
    struct mail m;
    assert_int_equal(mail_parse(&m, slice_cstr(text), a), OK);
    assert_int_equal(chain_build(c, &m, t, NOW, a), OK);
}

static struct trust *trust_of(const char *specs)
{
    struct trust *t = trust_new();
    struct slice s = slice_cstr(specs);
    assert_non_null(t);
    while (s.n) {
        assert_int_equal(trust_add(t, slice_cut(&s, ' '), NULL), OK);
    }
    return t;
}

static void test_cases(void **state)
{
    (void)state;
    struct arena *a = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    unsigned wrong = 0;
    assert_non_null(a);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const struct chain_case *k = &CASES[i];
        struct trust *t = k->trust[0] ? trust_of(k->trust) : NULL;
        struct chain c;
        char text[IP_TEXT_BYTES] = "-";
        arena_reset(a);
        chain_of(&c, k->mail, t, a);
        if (c.has_client) {
            ip_text(c.client, text);
        }
        if (strcmp(text, k->client ? k->client : "-") != 0 || c.trusted != k->trusted ||
            c.relay_fields != k->relay_fields) {
            print_error("%s: client %s, %zu trusted, %zu fields\n", k->name, text, c.trusted,
                        c.relay_fields);
            wrong++;
        }
        trust_free(t);
    }
    arena_free(a);
    assert_int_equal(wrong, 0);
}

static void test_client_fields(void **state)
{
    (void)state;
    struct arena *a = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    struct trust *t = trust_of("192.0.2.50");
    struct chain c;
    assert_non_null(a);
    chain_of(&c,
             FORWARDED "; Fri, 1 Oct 2010 12:00:09 +0000\r\n" FORWARDER
                       "; Fri, 1 Oct 2010 11:59:00 +0000\r\n" FORGED DATE REST,
             t, a);
    assert_true(slice_eq(c.helo, S("bot")));
    assert_int_equal(c.ptr.n, 0);
    assert_true(slice_eq(c.protocol, S("ESMTPS")));
    assert_true(slice_eq(c.tls, S("TLSv1.2")));
    assert_int_equal(c.time, NOW - 2156);
    assert_int_equal(c.clock, CLOCK_RECEIVED);
    assert_int_equal(c.arrival, NOW - 2087);
    assert_int_equal(c.count, 3);
    assert_int_equal(c.quirks, 0);
    trust_free(t);

    chain_of(&c,
             FORWARDED "; Fri, 1 Oct 2010 12:00:09 +0000\r\n" FORWARDER
                       "; Fri, 1 Oct 2010 11:59:00 +0000\r\n" REST,
             NULL, a);
    assert_int_equal(c.time, NOW - 2087);
    assert_int_equal(c.arrival, NOW - 2087); /* the same: part of the identity */
    arena_free(a);
}

/* Times outside 1990 .. now + 2 days are refused; the next trusted line above stands in. */
static void test_clock(void **state)
{
    (void)state;
    static const struct {
        const char *name, *top, *relay;
        int64_t time;
        enum clock_source clock;
        bool is_bad;
    } TIMES[] = {
        {"good", "Fri, 1 Oct 2010 12:00:00 +0000", "Fri, 1 Oct 2010 11:00:00 +0000", NOW - 5696,
         CLOCK_RECEIVED, false},
        {"relay in 1989", "Fri, 1 Oct 2010 12:00:00 +0000", "31 Dec 1989 23:59:59 +0000",
         NOW - 2096, CLOCK_RECEIVED, true},
        {"relay in 1990", "Fri, 1 Oct 2010 12:00:00 +0000", "1 Jan 1990 00:00:00 +0000", 631152000,
         CLOCK_RECEIVED, false},
        {"two days ahead", "Fri, 1 Oct 2010 12:00:00 +0000", "3 Oct 2010 12:34:56 +0000",
         NOW + 172800, CLOCK_RECEIVED, false},
        {"more than two days", "Fri, 1 Oct 2010 12:00:00 +0000", "3 Oct 2010 12:34:57 +0000",
         NOW - 2096, CLOCK_RECEIVED, true},
        {"relay has none", "Fri, 1 Oct 2010 12:00:00 +0000", "soon", NOW - 2096, CLOCK_RECEIVED,
         false},
        {"both bad", "1 Jan 1970 00:00:00 +0000", "1 Jan 2030 00:00:00 +0000", 0, CLOCK_NONE, true},
        {"both none", "x", "y", 0, CLOCK_NONE, false},
    };
    struct arena *a = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    struct trust *t = trust_of("192.0.2.50");
    assert_non_null(a);
    for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) {
        char text[1000];
        struct chain c;
        snprintf(text, sizeof text, FORWARDED "; %s\r\n" FORWARDER "; %s\r\n" REST, TIMES[i].top,
                 TIMES[i].relay);
        arena_reset(a);
        chain_of(&c, text, t, a);
        if (c.time != TIMES[i].time || c.clock != TIMES[i].clock ||
            ((c.quirks & QUIRK_BIT(CLOCK_BAD)) != 0) != TIMES[i].is_bad) {
            fail_msg("%s: %lld, clock %d, quirks %llx", TIMES[i].name, (long long)c.time, c.clock,
                     (unsigned long long)c.quirks);
        }
    }
    trust_free(t);
    arena_free(a);
}

static void test_limit(void **state)
{
    (void)state;
    struct arena *a = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    static char text[LIMIT_RECEIVED * 200];
    assert_non_null(a);
    for (int lines = LIMIT_RECEIVED - 1; lines <= LIMIT_RECEIVED + 1; lines++) {
        struct chain c;
        size_t n = 0;
        for (int i = 0; i < lines; i++) {
            n += (size_t)snprintf(text + n, sizeof text - n,
                                  "Received: from a (a [127.0.0.1]) by b with SMTP id %d" DATE, i);
        }
        snprintf(text + n, sizeof text - n, "%s", REST);
        arena_reset(a);
        chain_of(&c, text, NULL, a);
        assert_int_equal(c.count, lines < LIMIT_RECEIVED ? lines : LIMIT_RECEIVED);
        assert_int_equal(c.trusted, c.count);
        assert_int_equal((c.quirks & QUIRK_BIT(RECEIVED_LIMIT)) != 0, lines > LIMIT_RECEIVED);
    }
    arena_free(a);
}

static void test_bad_line_quirk(void **state)
{
    (void)state;
    struct arena *a = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    struct chain c;
    assert_non_null(a);
    chain_of(&c, TOP DATE "Received: junk\r\n" REST, NULL, a);
    assert_true(c.quirks & QUIRK_BIT(RECEIVED_BAD));
    chain_of(&c, TOP DATE FORGED DATE "Received: (x 1 invoked)" DATE REST, NULL, a);
    assert_int_equal(c.quirks, 0);
    /* A relay's odd line is not the sender's mistake. */
    chain_of(&c, "Received: junk\r\n" TOP DATE REST, NULL, a);
    assert_int_equal(c.quirks, 0);
    arena_free(a);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct arena *a = arena_new(LIMIT_MESSAGE_ARENA_BYTES), *small = arena_new(64);
    struct mail m;
    struct chain c;
    assert_non_null(a);
    assert_non_null(small);
    assert_int_equal(mail_parse(&m, slice_cstr(TOP DATE REST), a), OK);
    assert_int_equal(chain_build(&c, &m, NULL, NOW, small), ERR_NOMEM);
    arena_free(small);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),          cmocka_unit_test(test_client_fields),
        cmocka_unit_test(test_clock),          cmocka_unit_test(test_limit),
        cmocka_unit_test(test_bad_line_quirk), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
