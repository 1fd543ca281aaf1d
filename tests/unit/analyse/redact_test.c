/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "analyse/redact.h"

#include <string.h>

static struct recipients recipients_of(const char *addr)
{
    static struct slice one;
    one = slice_cstr(addr);
    return (struct recipients){.addr = &one, .most = 1, .count = 1, .delivered = 1};
}

static void takes_every_disguise_out(void **state)
{
    static const struct {
        const char *text, *expected;
    } CASES[] = {
        {"hello", "hello"},
        {"", ""},
        {"mail for trap77@example.org now", "mail for <rcpt> now"},
        {"TRAP77@EXAMPLE.ORG", "<rcpt>"},
        {"bounce-trap77=example.org-5@list.example", "bounce-<rcpt>-5@list.example"},
        {"trap77#example.org", "<rcpt>"},
        {"Trap77, your order", "<rcpt>, your order"},
        {"trap77 and trap77", "<rcpt> and <rcpt>"},
        {"mytrap77 stays, it is another word", "mytrap77 stays, it is another word"},
        {"trap77x stays too", "trap77x stays too"},
        {"\xc3\xa9trap77", "\xc3\xa9trap77"},
        {"trap77@other.example", "<rcpt>@other.example"},
    };
    struct recipients r = recipients_of("trap77@example.org");
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct arena *arena = arena_new(1 << 16);
        struct slice out = redact(&r, slice_cstr(CASES[i].text), arena);
        if (!slice_eq(out, slice_cstr(CASES[i].expected))) {
            fail_msg("%s: %.*s", CASES[i].text, SLICE_ARG(out));
        }
        arena_free(arena);
    }
}

/* Under four bytes a local part is a word like any other; the whole address still goes. */
static void keeps_short_words(void **state)
{
    struct recipients r = recipients_of("joe@example.org");
    struct arena *arena = arena_new(1 << 16);
    (void)state;
    assert_true(slice_eq(redact(&r, S("joe, hello"), arena), S("joe, hello")));
    assert_true(slice_eq(redact(&r, S("to joe@example.org"), arena), S("to <rcpt>")));
    arena_free(arena);
}

static void gives_nothing_rather_than_a_secret(void **state)
{
    struct recipients r = recipients_of("trap77@example.org");
    struct arena *arena = arena_new(16);
    (void)state;
    assert_int_equal(redact(&r, S("for trap77@example.org"), arena).n, 0);
    arena_free(arena);
}

/* The address at any place of any text, in any case, is gone afterwards. */
static void never_keeps_the_address(void **state)
{
    static const char ADDRESS[] = "trap77@example.org", NOISE[] = " .,<>-=@#/x7t";
    struct recipients r = recipients_of(ADDRESS);
    uint64_t seed = 88172645463325252ULL;
    (void)state;
    for (int round = 0; round < 5000; round++) {
        struct arena *arena = arena_new(1 << 16);
        char text[128];
        size_t n = 0, at;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        at = seed % 40;
        for (; n < at; n++) {
            text[n] = NOISE[(seed >> n % 50) % (sizeof NOISE - 1)];
        }
        if (n) {
            text[n - 1] = ' '; /* at a token's start: what else is another word */
        }
        for (size_t k = 0; k < sizeof ADDRESS - 1; k++) {
            text[n++] = ADDRESS[k] >= 'a' && (seed >> k & 1) ? (char)(ADDRESS[k] - 32) : ADDRESS[k];
        }
        text[n++] = ' ';
        struct slice out = redact(&r, slice_of(text, n), arena);
        if (slice_ifind(out, S("trap77@")) != SIZE_MAX) {
            fail_msg("%.*s", SLICE_ARG(out));
        }
        arena_free(arena);
    }
}

static struct recipients collect(const char *text, struct arena *arena)
{
    struct mail mail;
    struct chain chain;
    struct recipients r;
    assert_int_equal(mail_parse(&mail, slice_cstr(text), arena), OK);
    assert_int_equal(chain_build(&chain, &mail, NULL, 1300000000, arena), OK);
    assert_int_equal(recipients_collect(&r, &mail, &chain, NULL, arena), OK);
    return r;
}

static void counts_one_envelope_once(void **state)
{
    static const struct {
        const char *text;
        size_t delivered, known;
    } CASES[] = {
        {"Received: from a (unknown [8.8.8.8]) by mx.example.org (Postfix) with SMTP id 1\n"
         "\tfor <one@example.org>; Fri, 1 Oct 2010 00:00:00 +0000\nDelivered-To: "
         "alias@example.org\n"
         "To: <two@example.org>, three@example.org\n\nx\n",
         1, 4},
        {"Delivered-To: one@example.org\nDelivered-To: two@example.org\nX-Original-To: "
         "three@example.org\n\nx\n",
         2, 3},
        {"To: one@example.org\n\nx\n", 0, 1},
        {"Subject: none\n\nx\n", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct arena *arena = arena_new(1 << 20);
        struct recipients r = collect(CASES[i].text, arena);
        if (r.delivered != CASES[i].delivered || r.count != CASES[i].known) {
            fail_msg("case %zu: %zu delivered, %zu known", i, r.delivered, r.count);
        }
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_disguise_out),
        cmocka_unit_test(keeps_short_words),
        cmocka_unit_test(gives_nothing_rather_than_a_secret),
        cmocka_unit_test(never_keeps_the_address),
        cmocka_unit_test(counts_one_envelope_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
