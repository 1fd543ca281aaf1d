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

/* ---- the set ---- */

static void test_specs(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        enum err want;
    } SPECS[] = {
        {"192.0.2.0/24", OK},       {"192.0.2.1", OK},
        {"2001:db8::/32", OK},      {"2001:db8::1", OK},
        {"*.example.org", OK},      {"mx1.example.org", OK},
        {"mx1.example.org.", OK},   {"mx?.example.org", OK},
        {" 192.0.2.7 ", OK},        {"", ERR_USAGE},
        {"*", ERR_USAGE},           {"*.*", ERR_USAGE},
        {"192.0.2.256", ERR_USAGE}, {"192.0.2.0/33", ERR_USAGE},
        {"192.0.2", ERR_USAGE},     {"2001:db8::/129", ERR_USAGE},
        {"a b", ERR_USAGE},         {"a/b", ERR_USAGE},
        {"<mx>", ERR_USAGE},
    };
    for (size_t i = 0; i < sizeof SPECS / sizeof *SPECS; i++) {
        struct trust *t = trust_new();
        struct errbuf eb = {0};
        assert_non_null(t);
        enum err e = trust_add(t, slice_cstr(SPECS[i].spec), &eb);
        if (e != SPECS[i].want || trust_count(t) != (e == OK) || (e != OK) != (eb.text[0] != 0)) {
            fail_msg("\"%s\": %s, \"%s\"", SPECS[i].spec, err_name(e), eb.text);
        }
        trust_free(t);
    }
}

static struct ip ip_of(const char *text)
{
    struct ip a;
    assert_true(ip_parse(slice_cstr(text), &a));
    return a;
}

static void test_holds(void **state)
{
    (void)state;
    struct trust *t = trust_new();
    assert_non_null(t);
    assert_int_equal(trust_add(t, S("192.0.2.0/25"), NULL), OK);
    assert_int_equal(trust_add(t, S("2001:db8:1::/48"), NULL), OK);
    assert_int_equal(trust_add(t, S("*.relay.example"), NULL), OK);
    assert_int_equal(trust_add(t, S("mx.example.org"), NULL), OK);
    assert_int_equal(trust_add(t, S("MX.example.org."), NULL), OK); /* the same again */
    assert_int_equal(trust_count(t), 4);
    assert_true(slice_eq(trust_spec(t, 2), S("*.relay.example")));
    assert_true(trust_holds_ip(t, ip_of("192.0.2.127")));
    assert_false(trust_holds_ip(t, ip_of("192.0.2.128")));
    assert_true(trust_holds_ip(t, ip_of("2001:db8:1::9")));
    assert_false(trust_holds_ip(t, ip_of("2001:db8:2::9")));
    assert_true(trust_holds_host(t, S("a.b.RELAY.example")));
    assert_true(trust_holds_host(t, S("mx.example.org.")));
    assert_false(trust_holds_host(t, S("relay.example")));
    assert_false(trust_holds_host(t, S("xmx.example.org")));
    assert_false(trust_holds_host(t, S("mx.example.org.evil.example")));
    assert_false(trust_holds_host(t, S("")));
    trust_free(t);
    trust_free(NULL);
}

static void test_spec_limit(void **state)
{
    (void)state;
    struct trust *t = trust_new();
    char text[32];
    assert_non_null(t);
    for (int i = 0; i <= LIMIT_TRUST_SPECS; i++) {
        snprintf(text, sizeof text, "10.%d.%d.1", i / 256, i % 256);
        assert_int_equal(trust_add(t, slice_cstr(text), NULL),
                         i < LIMIT_TRUST_SPECS ? OK : ERR_LIMIT);
    }
    assert_int_equal(trust_count(t), LIMIT_TRUST_SPECS);
    trust_free(t);
}

/* ---- the learner: synthetic sources ---- */

enum { LINES_MAX = 8, LINE_BYTES = 300, SPECS_MAX = 64 };

struct message {
    int count;
    char lines[LINES_MAX][LINE_BYTES];
};

struct source {
    struct message *messages;
    size_t count, size;
    uint32_t random;
};

static uint32_t source_random(struct source *s)
{
    s->random = s->random * 1664525 + 1013904223;
    return s->random >> 8;
}

static struct message *source_next(struct source *s)
{
    if (s->count == s->size) {
        s->size = s->size ? 2 * s->size : 1024;
        s->messages = realloc(s->messages, s->size * sizeof *s->messages);
        assert_non_null(s->messages);
    }
    struct message *m = &s->messages[s->count++];
    m->count = 0;
    return m;
}

/* One line; `minute` counts from 2007-01-01. */
static void PRINTF_LIKE(3, 4) line_add(struct message *m, int minute, const char *fmt, ...)
{
    char text[200], date[40];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    int day = minute / 1440;
    snprintf(date, sizeof date, "%d %s 2007 %02d:%02d:00 +0000", day % 28 + 1,
             day / 28 ? (day / 28 == 1 ? "Feb" : "Mar") : "Jan", minute / 60 % 24, minute % 60);
    assert_true(m->count < LINES_MAX);
    snprintf(m->lines[m->count++], LINE_BYTES, "%s; %s", text, date);
}

static const char *random_ip(struct source *s, char out[20])
{
    snprintf(out, 20, "%u.%u.%u.%u", 20 + source_random(s) % 90, source_random(s) % 256,
             source_random(s) % 256, 1 + source_random(s) % 254);
    return out;
}

/* What a bot hands in: one line by `mx`, every third with a forged line below. */
static void bot_add(struct source *s, struct message *m, const char *mx, int minute)
{
    char a[20], b[20];
    unsigned id = source_random(s);
    line_add(m, minute, "from bot%u (unknown [%s]) by %s (Postfix) with SMTP id %X", id,
             random_ip(s, a), mx, id);
    if (id % 3 == 0) {
        line_add(m, minute - 5, "from [%s] by mail%u.example with SMTP id %X", random_ip(s, b),
                 id % 1000, id);
    }
}

static void forwarded_add(struct source *s, struct message *m, const char *mx, const char *relay,
                          const char *relay_ip, int minute)
{
    line_add(m, minute, "from %s (%s [%s]) by %s (Postfix) with ESMTP id %X", relay, relay,
             relay_ip, mx, source_random(s));
    bot_add(s, m, relay, minute - 1);
}

struct learnt {
    size_t count;
    char specs[SPECS_MAX][80];
    uint64_t messages[SPECS_MAX], of;
};

static void learnt_say(void *arg, struct slice spec, uint64_t messages, uint64_t of)
{
    struct learnt *l = arg;
    assert_true(l->count < SPECS_MAX);
    snprintf(l->specs[l->count], sizeof l->specs[0], "%.*s", SLICE_ARG(spec));
    l->messages[l->count++] = messages;
    l->of = of;
}

static struct learnt source_learn(const struct source *s)
{
    struct learnt l = {0};
    struct trust *t = trust_new();
    struct trust_learner *k = trust_learner_new();
    assert_non_null(t);
    assert_non_null(k);
    for (size_t i = 0; i < s->count; i++) {
        struct hop hops[LINES_MAX];
        for (int j = 0; j < s->messages[i].count; j++) {
            hops[j] = received_parse(slice_cstr(s->messages[i].lines[j]));
        }
        trust_learner_see(k, hops, (size_t)s->messages[i].count);
    }
    trust_learner_apply(k, t, learnt_say, &l);
    assert_int_equal(trust_count(t), l.count);
    struct trust *again = trust_new(); /* what was seen is sorted now, but not forgotten */
    assert_non_null(again);
    trust_learner_apply(k, again, NULL, NULL);
    assert_int_equal(trust_count(again), l.count);
    trust_free(again);
    trust_learner_free(k);
    trust_free(t);
    return l;
}

static int64_t learnt_messages(const struct learnt *l, const char *spec)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->specs[i], spec) == 0) {
            return (int64_t)l->messages[i];
        }
    }
    return -1;
}

static void learnt_expect(const struct learnt *l, size_t count, ...)
{
    va_list args;
    va_start(args, count);
    for (size_t i = 0; i < count; i++) {
        const char *spec = va_arg(args, const char *);
        if (learnt_messages(l, spec) < 0) {
            fail_msg("%s was not learnt", spec);
        }
    }
    va_end(args);
    for (size_t i = count; i < l->count; i++) {
        print_error("learnt, perhaps one too many: %s\n", l->specs[i]);
    }
    assert_int_equal(l->count, count);
}

enum { DAYS = 80, MESSAGES = 4000 };

/* 41 % through one forwarder, the receiving host renamed in the middle. */
static void forwarder_source(struct source *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int minute = (int)(i * DAYS * 1440 / count) + 10;
        const char *mx = i < count / 2 ? "mx1.trap.example" : "mx2.trap.example";
        struct message *m = source_next(s);
        if (i % 100 < 41) {
            forwarded_add(s, m, mx, "fwd.example.com", "192.0.2.50", minute);
        } else {
            bot_add(s, m, mx, minute);
        }
    }
}

static void test_forwarder(void **state)
{
    (void)state;
    struct source s = {.random = 1};
    forwarder_source(&s, MESSAGES);
    struct learnt l = source_learn(&s);
    learnt_expect(&l, 3, "mx1.trap.example", "mx2.trap.example", "192.0.2.50");
    assert_int_equal(learnt_messages(&l, "192.0.2.50"), MESSAGES * 41 / 100);
    assert_int_equal(learnt_messages(&l, "mx1.trap.example"), MESSAGES / 2);
    assert_int_equal(l.of, MESSAGES);
    free(s.messages);
}

/* A second forwarder behind the first, and qmail's lines without names between them. */
static void test_two_depths(void **state)
{
    (void)state;
    struct source s = {.random = 2};
    for (int i = 0; i < MESSAGES; i++) {
        int minute = i * DAYS * 1440 / MESSAGES + 10;
        struct message *m = source_next(&s);
        line_add(m, minute, "(qmail %d invoked from network)", i);
        if (i % 2) {
            line_add(m, minute,
                     "from unknown (HELO fwd.example.com) (192.0.2.50) by mx.trap.example"
                     " with SMTP");
            line_add(m, minute, "(qmail %d invoked from network)", i * 7);
            if (i % 4 == 1) {
                forwarded_add(&s, m, "fwd.example.com", "list.example.org", "198.51.100.9",
                              minute - 1);
            } else {
                bot_add(&s, m, "fwd.example.com", minute - 1);
            }
        } else {
            bot_add(&s, m, "mx.trap.example", minute);
        }
    }
    struct learnt l = source_learn(&s);
    /* The topmost lines have no name. */
    learnt_expect(&l, 2, "192.0.2.50", "198.51.100.9");
    assert_int_equal(learnt_messages(&l, "198.51.100.9"), MESSAGES / 4);
    free(s.messages);
}

/* Twelve outgoing addresses of one service, none with a large share alone. */
static void test_farm(void **state)
{
    (void)state;
    struct source s = {.random = 3};
    for (int i = 0; i < MESSAGES; i++) {
        int minute = i * DAYS * 1440 / MESSAGES + 10;
        struct message *m = source_next(&s);
        if (i % 5 == 0) {
            char name[40], ip[20];
            snprintf(name, sizeof name, "out%d.example.com", i / 5 % 12);
            snprintf(ip, sizeof ip, "192.0.2.%d", 20 + i / 5 % 12);
            forwarded_add(&s, m, "mx.trap.example", name, ip, minute);
        } else {
            bot_add(&s, m, "mx.trap.example", minute);
        }
    }
    struct learnt l = source_learn(&s);
    learnt_expect(&l, 2, "mx.trap.example", "192.0.2.0/24");
    assert_int_equal(learnt_messages(&l, "192.0.2.0/24"), MESSAGES / 5);
    free(s.messages);
}

/* What must not be taken for a relay: `kind` of message in 8 % of the source. */
static void stranger_add(struct source *s, struct message *m, int kind, int i, int minute)
{
    char ip[20];
    unsigned id = source_random(s);
    switch (kind) {
    case 0: /* a hacked web server: local lines below */
        line_add(m, minute,
                 "from www.example.org (www.example.org [203.0.113.5]) by "
                 "mx.trap.example (Postfix) with ESMTP id %X",
                 id);
        line_add(m, minute, "from apache by www.example.org with local (Exim 4.66) id %X", id);
        break;
    case 1: /* the same, its form script writes the visitor: few visitors */
        line_add(m, minute,
                 "from www.example.org (www.example.org [203.0.113.5]) by "
                 "mx.trap.example (Postfix) with ESMTP id %X",
                 id);
        line_add(m, minute, "from 198.51.100.%u by www.example.org with HTTP", id % 4);
        break;
    case 2: /* one address, forged lines whose writer is its HELO, new at every message */
        line_add(m, minute,
                 "from h%u.example (unknown [203.0.113.5]) by mx.trap.example (Postfix)"
                 " with SMTP id %X",
                 id, id);
        line_add(m, minute - 2, "from [%s] by h%u.example with SMTP", random_ip(s, ip), id);
        break;
    case 3: /* one address, forged lines by names that are not its own */
        line_add(m, minute,
                 "from a.example (dyn5.example.org [203.0.113.5]) by mx.trap.example "
                 "(Postfix) with SMTP id %X",
                 id);
        line_add(m, minute - 2, "from [%s] by mx%u.example.com with SMTP", random_ip(s, ip),
                 id % 3);
        break;
    case 4: /* a perfect forgery, on one day */
        minute = 30 * 1440 + i % 1000;
        line_add(m, minute,
                 "from www.example.org (www.example.org [203.0.113.5]) by "
                 "mx.trap.example (Postfix) with ESMTP id %X",
                 id);
        line_add(m, minute - 2, "from [%s] by www.example.org with SMTP", random_ip(s, ip));
        break;
    default: /* a perfect forgery but for its clock */
        line_add(m, minute,
                 "from www.example.org (www.example.org [203.0.113.5]) by "
                 "mx.trap.example (Postfix) with ESMTP id %X",
                 id);
        line_add(m, minute + 300, "from [%s] by www.example.org with SMTP", random_ip(s, ip));
    }
}

static void test_strangers(void **state)
{
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        struct source s = {.random = (uint32_t)kind + 10};
        for (int i = 0; i < MESSAGES; i++) {
            int minute = i * DAYS * 1440 / MESSAGES + 10;
            struct message *m = source_next(&s);
            if (i % 100 < 8) {
                stranger_add(&s, m, kind, i, minute);
            } else {
                bot_add(&s, m, "mx.trap.example", minute);
            }
        }
        struct learnt l = source_learn(&s);
        learnt_expect(&l, 1, "mx.trap.example");
        free(s.messages);
    }
}

/* A list server under 5 % is believed when the machines behind it also come without it. */
static void test_small_relay(void **state)
{
    (void)state;
    static const struct {
        int per_mille; /* of the messages come through it */
        int known;     /* per cent of its clients that are machines of the other mail */
        bool is_relay;
    } CASES[] = {{40, 100, true}, {40, 20, true}, {15, 50, true},
                 {40, 0, false},  {40, 5, false}, {8, 100, false}};
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        struct source s = {.random = 21};
        for (int i = 0; i < MESSAGES; i++) {
            int minute = i * DAYS * 1440 / MESSAGES + 10;
            struct message *m = source_next(&s);
            unsigned bot = source_random(&s) % 2000;
            bool is_listed = i * 7 % 1000 < CASES[k].per_mille;
            bool is_known = !is_listed || (int)(source_random(&s) % 100) < CASES[k].known;
            char ip[20];
            snprintf(ip, sizeof ip, "10%u.%u.7.9", bot % 10, bot / 10);
            if (is_listed) {
                line_add(m, minute,
                         "from lists.example.org (lists.example.org [192.0.2.50]) by "
                         "mx.trap.example (Postfix) with ESMTP id %d",
                         i);
            }
            line_add(m, minute - 1, "from bot%u (unknown [%s]) by %s (Postfix) with SMTP id %d",
                     bot, is_known ? ip : random_ip(&s, ip),
                     is_listed ? "lists.example.org" : "mx.trap.example", i);
        }
        struct learnt l = source_learn(&s);
        if (CASES[k].is_relay) {
            learnt_expect(&l, 2, "mx.trap.example", "192.0.2.50");
        } else {
            learnt_expect(&l, 1, "mx.trap.example");
        }
        free(s.messages);
    }
}

/* A gateway in front of the trap, under other names, hands over everything. */
static void test_gateway(void **state)
{
    (void)state;
    struct source s = {.random = 4};
    for (int i = 0; i < 200; i++) {
        int minute = i * 300 + 10;
        struct message *m = source_next(&s);
        line_add(m, minute,
                 "from nat-7 (unknown [192.0.2.99]) by mx.trap.example (Postfix) with "
                 "ESMTP id %d",
                 i);
        bot_add(&s, m, "spamwall", minute - 1);
    }
    struct learnt l = source_learn(&s);
    learnt_expect(&l, 2, "mx.trap.example", "192.0.2.99");
    free(s.messages);
}

/* A forwarder whose names do not agree is believed for its size and steadiness only. */
static void test_nameless_forwarder(void **state)
{
    (void)state;
    static const struct {
        int percent, days;
        bool is_relay;
    } CASES[] = {{41, DAYS, true}, {21, DAYS, true}, {15, DAYS, false}, {41, DAYS / 3, false}};
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        struct source s = {.random = 8};
        for (int i = 0; i < MESSAGES; i++) {
            int minute = i * DAYS * 1440 / MESSAGES + 10;
            struct message *m = source_next(&s);
            if (i % 100 < CASES[k].percent) {
                minute = minute % (CASES[k].days * 1440) + 10;
                line_add(m, minute,
                         "from out-7.example.org (unknown [192.0.2.50]) by "
                         "mx.trap.example (Postfix) with ESMTP id %d",
                         i);
                bot_add(&s, m, "popserver", minute - 1);
            } else {
                bot_add(&s, m, "mx.trap.example", minute);
            }
        }
        struct learnt l = source_learn(&s);
        if (CASES[k].is_relay) {
            learnt_expect(&l, 2, "mx.trap.example", "192.0.2.50");
        } else {
            learnt_expect(&l, 1, "mx.trap.example");
        }
        free(s.messages);
    }
}

/* Writers that hide addresses: the names of the lines below are shared. */
static void test_blind(void **state)
{
    (void)state;
    struct source s = {.random = 5};
    for (int i = 0; i < 200; i++) {
        int minute = i * 300 + 10;
        struct message *m = source_next(&s);
        line_add(m, minute, "from edge by store.trap.example with ESMTP id %d", i);
        bot_add(&s, m, i % 2 ? "edge1.trap.example" : "edge2.trap.example", minute - 1);
    }
    struct learnt l = source_learn(&s);
    learnt_expect(&l, 3, "store.trap.example", "edge1.trap.example", "edge2.trap.example");
    free(s.messages);
}

static void test_few_messages(void **state)
{
    (void)state;
    for (int count = 19; count <= 21; count++) {
        struct source s = {.random = 6};
        for (int i = 0; i < count; i++) {
            forwarded_add(&s, source_next(&s), "mx.trap.example", "fwd.example.com", "192.0.2.50",
                          i * 600 + 10);
        }
        struct learnt l = source_learn(&s);
        if (count < 20) {
            learnt_expect(&l, 1, "mx.trap.example");
        } else {
            learnt_expect(&l, 2, "mx.trap.example", "192.0.2.50");
        }
        free(s.messages);
    }
    struct source none = {0};
    struct learnt l = source_learn(&none);
    assert_int_equal(l.count, 0);
}

static void source_shuffle(struct source *s)
{
    for (size_t i = s->count; i > 1; i--) {
        size_t j = source_random(s) % i;
        struct message m = s->messages[i - 1];
        s->messages[i - 1] = s->messages[j];
        s->messages[j] = m;
    }
}

/* The same messages in another order give the same specs and counts, also when there are more than
 * the sample holds and some come twice. */
static void test_order(void **state)
{
    (void)state;
    static const size_t COUNTS[] = {500, 40000};
    for (size_t k = 0; k < sizeof COUNTS / sizeof *COUNTS; k++) {
        struct source s = {.random = 7};
        forwarder_source(&s, COUNTS[k]);
        for (size_t i = 0; i < COUNTS[k] / 10; i++) {
            struct message repeat = s.messages[i * 3];
            *source_next(&s) = repeat;
        }
        struct learnt first = source_learn(&s);
        for (int round = 0; round < 2; round++) {
            source_shuffle(&s);
            struct learnt again = source_learn(&s);
            assert_memory_equal(&first, &again, sizeof first);
        }
        learnt_expect(&first, 3, "mx1.trap.example", "mx2.trap.example", "192.0.2.50");
        if (k == 0) { /* all of it is in the sample: every repeat, all of mx1's, counts */
            assert_int_equal(learnt_messages(&first, "mx1.trap.example"),
                             COUNTS[k] / 2 + COUNTS[k] / 10);
        }
        int64_t share = learnt_messages(&first, "192.0.2.50") * 1000 / (int64_t)s.count;
        assert_in_range(share, 390, 430);
        free(s.messages);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specs),      cmocka_unit_test(test_holds),
        cmocka_unit_test(test_spec_limit), cmocka_unit_test(test_forwarder),
        cmocka_unit_test(test_two_depths), cmocka_unit_test(test_farm),
        cmocka_unit_test(test_strangers),  cmocka_unit_test(test_small_relay),
        cmocka_unit_test(test_gateway),    cmocka_unit_test(test_nameless_forwarder),
        cmocka_unit_test(test_blind),      cmocka_unit_test(test_few_messages),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
