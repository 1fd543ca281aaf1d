/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Canaries: made and known again, and nothing else taken for one. */
#include "testing.h"

#include "analyse/canary.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const uint8_t KEY[SECRET_KEY_BYTES] = {1}, OTHER_KEY[SECRET_KEY_BYTES] = {2};
static const int64_t MADE = 1290000000;

static struct strbuf canary_of(struct slice trap)
{
    struct strbuf b = STRBUF_INIT;
    canary_write(&b, KEY, trap, MADE, S("a@example.net"), S("x@example.org"));
    assert_false(b.failed);
    return b;
}

static void test_is_known_for_a_day(void **state)
{
    static const struct {
        int64_t after;
        bool is_good;
    } CASES[] = {
        {-601, false},
        {-600, true},
        {-599, true},
        {0, true},
        {CANARY_SECONDS - 1, true},
        {CANARY_SECONDS, true},
        {CANARY_SECONDS + 1, false},
    };
    struct strbuf b = canary_of(S("mx1"));
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        int64_t made = 0;
        assert_int_equal(canary_read(strbuf_slice(&b), KEY, S("mx1"), MADE + CASES[i].after, &made),
                         CASES[i].is_good);
        assert_true(!CASES[i].is_good || made == MADE);
    }
    strbuf_free(&b);
}

static void test_others_are_none(void **state)
{
    struct strbuf b = canary_of(S("mx1"));
    int64_t made;
    (void)state;
    assert_false(canary_read(strbuf_slice(&b), KEY, S("mx2"), MADE, &made));
    assert_false(canary_read(strbuf_slice(&b), OTHER_KEY, S("mx1"), MADE, &made));
    assert_false(canary_read(S(""), KEY, S("mx1"), MADE, &made));
    assert_false(canary_read(S("X-Spamgauge-Canary: "), KEY, S("mx1"), MADE, &made));
    assert_false(canary_read(S("X-Spamgauge-Canary: 1 x\r\n"), KEY, S("mx1"), 1, &made));
    /* every changed byte of the token, and every cut before its end */
    size_t end = slice_find_byte(strbuf_slice(&b), '\r');
    for (size_t i = 0; i < end; i++) {
        b.p[i] ^= 1;
        assert_false(canary_read(strbuf_slice(&b), KEY, S("mx1"), MADE, &made));
        b.p[i] ^= 1;
        assert_false(canary_read(slice_of(b.p, i), KEY, S("mx1"), MADE, &made));
    }
    strbuf_free(&b);
}

/* Lines that relays put before it do not hide it; a line that only contains it is none. */
static void test_stands_at_the_beginning_of_a_line(void **state)
{
    struct strbuf b = canary_of(S("mx1")), relayed = STRBUF_INIT, quoted = STRBUF_INIT;
    int64_t made;
    (void)state;
    strbuf_add_cstr(&relayed, "Received: from a by b; Fri, 1 Oct 2010 00:00:00 +0000\r\n");
    strbuf_add(&relayed, strbuf_slice(&b));
    assert_true(canary_read(strbuf_slice(&relayed), KEY, S("mx1"), MADE, &made));
    strbuf_add_cstr(&quoted, "> ");
    strbuf_add(&quoted, strbuf_slice(&b));
    assert_false(canary_read(strbuf_slice(&quoted), KEY, S("mx1"), MADE, &made));
    strbuf_free(&b);
    strbuf_free(&relayed);
    strbuf_free(&quoted);
}

static void test_the_last_one_is_noted(void **state)
{
    char path[] = "/tmp/spamgauge-canary-XXXXXX", name[64];
    struct store *s;
    struct errbuf eb = {.text = ""};
    int64_t made, received;
    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(name, sizeof name, "%s/store.db", path);
    struct store_options o = {.path = name, .mode = STORE_CREATE};
    assert_int_equal(store_open(&o, &s, &eb), OK);
    assert_int_equal(canary_last(s, S("mx1"), &made, &received, &eb), OK);
    assert_int_equal(received, 0);
    assert_int_equal(canary_note(s, S("mx1"), 100, 110, &eb), OK);
    assert_int_equal(canary_note(s, S("mx1"), 90, 95, &eb), OK); /* a spool read again */
    assert_int_equal(canary_last(s, S("mx1"), &made, &received, &eb), OK);
    assert_int_equal(made, 100);
    assert_int_equal(received, 110);
    assert_int_equal(canary_last(s, S("mx2"), &made, &received, &eb), OK);
    assert_int_equal(received, 0);
    store_close(s);
    snprintf(name, sizeof name, "rm -rf %s", path);
    assert_int_equal(system(name), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_known_for_a_day),
        cmocka_unit_test(test_others_are_none),
        cmocka_unit_test(test_stands_at_the_beginning_of_a_line),
        cmocka_unit_test(test_the_last_one_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
