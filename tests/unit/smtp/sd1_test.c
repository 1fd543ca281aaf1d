/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SD1: what must not and what must change it, prefixes, its text form. Its golden vectors are the
 * scenarios (scenario_test, and sd1_test.py, which computes them anew from the steps). */
#include "scenario.h"
#include "testing.h"

#include "print/sd1.h"
#include "print/td1.h"

#include <stdio.h>
#include <stdlib.h>

struct print {
    char text[SD1_TEXT_BYTES + 1];
    struct sd1 sd1;
};

static struct print print_of(const struct session_record *r)
{
    struct arena *arena = arena_new(1 << 20);
    struct print p = {{0}, {{0}, {0}, {0}}};
    assert_non_null(arena);
    assert_int_equal(sd1_make(&p.sd1, r, r->client_name, NULL, arena), OK);
    sd1_print(&p.sd1, p.text);
    arena_free(arena);
    return p;
}

/* SD1 of a script (scenario acts, "\n" between them). */
static struct print play(const char *script)
{
    struct strbuf file = STRBUF_INIT, recorded = STRBUF_INIT;
    struct scenario s;
    struct print p = {{0}, {{0}, {0}, {0}}};
    strbuf_printf(&file, "=== x\n%s\n", script);
    struct slice rest = strbuf_slice(&file);
    assert_true(scenario_next(&rest, &s));
    scenario_play(&s, 0, 0, &recorded);
    struct slice all = strbuf_slice(&recorded), text = slice_cut(&all, '\n');
    assert_true(sd1_parse(text, &p.sd1));
    snprintf(p.text, sizeof p.text, "%.*s", SLICE_ARG(text));
    scenario_free(&s);
    strbuf_free(&file);
    strbuf_free(&recorded);
    return p;
}

#define BASE                                                                                       \
    "C EHLO host-17.sender.example\nC MAIL FROM:<a@sender.example> SIZE=1234\n"                    \
    "C RCPT TO:<user@trap.example>\nC DATA\nC Subject: one\nC \nC body\nC .\n"

/* Recipient, addresses, size, date, body, their number and the pieces they come in: nothing. */
static void same_software(void **state)
{
    (void)state;
    static const char *const SAME[] = {
        BASE "C QUIT",
        "C EHLO mail.other.example\nC MAIL FROM:<someone.else@third.example> SIZE=99\n"
        "C RCPT TO:<x@trap.example>\nC DATA\nC Date: today\nC \nC quite another body\nC .\nC QUIT",
        BASE BASE BASE "C QUIT",
        "wait 30000\n" BASE "wait 100000\nC QUIT",
        "c EHL\nc O host-17.send\nc er.example\\r\\n\nC MAIL FROM:<a@sender.example> SIZE=1234\n"
        "C RCPT TO:<user@trap.example>\nC DATA\nC Subject: one\nC \nC body\nC .\nC QUIT",
    };
    struct print first = play(SAME[0]);
    for (size_t i = 1; i < sizeof SAME / sizeof *SAME; i++) {
        struct print p = play(SAME[i]);
        if (i == 2) { /* the greeting begins each transaction: the same segments, again */
            assert_string_equal(p.sd1.b, first.sd1.b);
        }
        assert_string_equal(p.text, first.text);
    }
}

/* Many messages: the steps no longer fit, the print stays. */
static void many_messages(void **state)
{
    (void)state;
    static const char ONE[] = "C MAIL FROM:<a@sender.example>\nC RCPT TO:<u@trap.example>\nC DATA\n"
                              "C x\nC .\n";
    struct print first = {{0}, {{0}, {0}, {0}}};
    for (int n = 1; n <= 60; n += n < 20 ? 1 : 7) {
        struct strbuf script = STRBUF_INIT;
        strbuf_add(&script, S("C HELO a.example\n"));
        for (int i = 0; i < n; i++) {
            strbuf_add_cstr(&script, ONE);
        }
        strbuf_add(&script, S("C QUIT"));
        struct print p = play(strbuf_cstr(&script));
        first = n == 1 ? p : first;
        if (strcmp(p.text, first.text) != 0) {
            fail_msg("%d messages: %s, one: %s", n, p.text, first.text);
        }
        strbuf_free(&script);
    }
}

/* More recipients are part a's bucket and nothing else, also past what is kept. */
static void many_recipients(void **state)
{
    (void)state;
    static const struct {
        int n;
        char letter;
    } CASES[] = {{1, '1'}, {2, '2'}, {5, '2'}, {6, '6'}, {20, '6'}, {21, '9'}, {90, '9'}};
    struct print first = {{0}, {{0}, {0}, {0}}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char script[512];
        snprintf(script, sizeof script,
                 "C HELO a.example\nC MAIL FROM:<a@sender.example>\n"
                 "repeat %d C RCPT TO:<u{n}@trap.example>\nC DATA\nC x\nC .\nC QUIT",
                 CASES[i].n);
        struct print p = play(script);
        first = i == 0 ? p : first;
        assert_int_equal(p.sd1.a[SD1_RECIPIENTS], CASES[i].letter);
        assert_string_equal(p.sd1.b, first.sd1.b);
        assert_string_equal(p.sd1.c, first.sd1.c);
    }
}

/* One change of case or of a blank: never part b, always part c, of part a at most its own letter.
 */
static void other_writing(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int letter; /* of part a that may change; -1: none */
    } CASES[] = {
        {"C EHLO h.example\nC MAIL FROM:<a@s.example>\nC RCPT TO: <u@trap.example>\nC QUIT", -1},
        {"C EHLO h.example\nC MAIL FROM:<a@s.example>\nC RCPT  TO:<u@trap.example>\nC QUIT", -1},
        {"C EHLO h.example\nC MAIL FROM:<a@s.example>\nC RCPT To:<u@trap.example>\nC QUIT", -1},
        {"C EHLO h.example\nC MAIL FROM:<a@s.example>\nC RCPT TO:<u@trap.example> \nC QUIT", -1},
        {"C EHLO h.example\nC MAIL FROM:<a@s.example>\nC RCPT TO:<u@trap.example>\nc QUIT\\n", -1},
        {"C EHLO h.example\nC MAIL FROM: <a@s.example>\nC RCPT TO:<u@trap.example>\nC QUIT",
         SD1_SPACING},
        {"C EHLO h.example\nC MAIL FROM:<a@s.example>\nC RCPT TO:<u@trap.example>\nC quit",
         SD1_CASE},
        {"C Ehlo h.example\nC MAIL FROM:<a@s.example>\nC RCPT TO:<u@trap.example>\nC QUIT",
         SD1_CASE},
    };
    struct print base =
        play("C EHLO h.example\nC MAIL FROM:<a@s.example>\nC RCPT TO:<u@trap.example>\nC QUIT");
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct print p = play(CASES[i].script);
        assert_string_equal(p.sd1.b, base.sd1.b);
        assert_string_not_equal(p.sd1.c, base.sd1.c);
        for (int k = 0; k < SD1_TRAIT_COUNT; k++) {
            assert_int_equal(p.sd1.a[k] != base.sd1.a[k], k == CASES[i].letter);
        }
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(p.sd1.c, play(CASES[k].script).sd1.c);
        }
    }
}

/* Any prefix of a dialogue has a print that reads back; without an end its last letter is '-'. */
static void prefixes(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"EHLO ylmf-pc", "Mail From: <a@b>", "RCPT TO:<c@d>", "DATA",
                                        "QUIT"};
    struct session_step steps[11] = {{.kind = STEP_REPLY, .code = 220}};
    for (size_t i = 0; i < 5; i++) {
        steps[1 + 2 * i] = (struct session_step){
            .kind = STEP_COMMAND, .ending = ENDING_CRLF, .text = slice_cstr(TEXTS[i])};
        steps[2 + 2 * i] = (struct session_step){.kind = STEP_REPLY, .code = i == 2 ? 450 : 250};
    }
    for (size_t n = 0; n <= 11; n++) {
        struct session_record r = {.steps = steps, .step_count = n, .steps_first = n};
        struct print p = print_of(&r);
        struct sd1 again;
        assert_true(sd1_parse(slice_cstr(p.text), &again));
        assert_int_equal(p.sd1.a[SD1_END], '-');
        assert_int_equal(p.sd1.a[SD1_AFTER_4XX], n > 7 ? 'c' : '-');
        assert_int_equal(p.sd1.a[SD1_GREETING], n > 1 ? 'E' : '-');
        assert_int_equal(p.sd1.a[SD1_SPACING], n > 3 ? 's' : '-');
        assert_int_equal(strcmp(p.sd1.b, "-") == 0, n <= 1);
    }
}

static void sd1_text_form(void **state)
{
    (void)state;
    static const char GOOD[] = "SD1:EMUn01002--0cQ_866597aaa783_da600fd483ca";
    static const char *const BAD[] = {"",
                                      "SD1:",
                                      "SD2:EMUn01002--0cQ_866597aaa783_da600fd483ca",
                                      "SD1:EMUn01002--0c_866597aaa783_da600fd483ca",
                                      "SD1:XMUn01002--0cQ_866597aaa783_da600fd483ca",
                                      "SD1:EMUn01002--0cQ_866597aaa78_da600fd483ca",
                                      "SD1:EMUn01002--0cQ_866597aaa783",
                                      "SD1:EMUn01002--0cQ_866597AAA783_da600fd483ca",
                                      "SD1:EMUn01002--0cQ_866597aaa783_da600fd483ca_"};
    struct sd1 s;
    char text[SD1_TEXT_BYTES];
    assert_true(sd1_parse(slice_cstr(GOOD), &s));
    assert_int_equal(sd1_print(&s, text), sizeof GOOD - 1);
    assert_memory_equal(text, GOOD, sizeof GOOD - 1);
    assert_true(sd1_parse(S("SD1:--------------_-_-"), &s));
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        if (sd1_parse(slice_cstr(BAD[i]), &s)) {
            fail_msg("%s was read", BAD[i]);
        }
    }
}

/* A Linux 6 SYN, a Windows 10 one, IPv6, and what is none. Headers by hand from RFC 791, 8200,
 * 9293. */
static void td1_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *text; /* NULL: no SYN */
    } CASES[] = {
        {"\x45\0\0\x3c\x12\x34\x40\0\x3f\x06\0\0\xc0\0\x02\x07\xc6\x33\x64\x01"
         "\x9c\x40\0\x19\0\0\0\x01\0\0\0\0\xa0\x02\xfa\xf0\0\0\0\0"
         "\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\x01\0\0\0\0\x01\x03\x03\x07",
         60, "TD1:64.64240.1460.7.mstnw.1"},
        {"\x45\0\0\x34\x12\x34\x40\0\x80\x06\0\0\xc0\0\x02\x07\xc6\x33\x64\x01"
         "\x9c\x40\0\x19\0\0\0\x01\0\0\0\0\x80\x02\xfa\xf0\0\0\0\0"
         "\x02\x04\x05\xb4\x01\x03\x03\x08\x01\x01\x04\x02",
         52, "TD1:128.64240.1460.8.mnwnns.1"},
        {"\x60\0\0\0\0\x14\x06\x40 0000000000000000000000000000000"
         "\x9c\x40\0\x19\0\0\0\x01\0\0\0\0\x50\x02\x20\0\0\0\0\0",
         60, "TD1:64.8192.-.-.-.-"},
        {"\x45\0\0\x28\x12\x34\0\0\x1f\x06\0\0\xc0\0\x02\x07\xc6\x33\x64\x01"
         "\x9c\x40\0\x19\0\0\0\x01\0\0\0\0\x50\x02\x40\0\0\0\0\0",
         40, "TD1:32.16384.-.-.-.0"},
        {"\x45\0\0\x28\x12\x34\0\0\x1f\x06\0\0\xc0\0\x02\x07\xc6\x33\x64\x01"
         "\x9c\x40\0\x19\0\0\0\x01\0\0\0\0\x60\x02\x40\0\0\0\0\0",
         40, NULL}, /* options that are not there */
        {"\x44\0", 2, NULL},
        {"", 0, NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct td1 t, again;
        char text[TD1_TEXT_BYTES];
        bool is_made = td1_make(&t, slice_of(CASES[i].bytes, CASES[i].n));
        assert_int_equal(is_made, CASES[i].text != NULL);
        if (is_made) {
            struct slice got = slice_of(text, td1_print(&t, text));
            if (!slice_eq(got, slice_cstr(CASES[i].text))) {
                fail_msg("%.*s, not %s", SLICE_ARG(got), CASES[i].text);
            }
            assert_true(td1_parse(got, &again));
            assert_memory_equal(&t, &again, sizeof t);
        }
    }
}

static void td1_text_form(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",
                                      "TD1:",
                                      "TD1:63.64240.1460.7.mstnw.1",
                                      "TD1:64.65536.1460.7.mstnw.1",
                                      "TD1:64.064240.1460.7.mstnw.1",
                                      "TD1:64.64240.1460.256.mstnw.1",
                                      "TD1:64.64240.1460.7.mstxw.1",
                                      "TD1:64.64240.1460.7..1",
                                      "TD1:64.64240.1460.7.mstnw.2",
                                      "TD1:64.64240.1460.7.mstnw.1.",
                                      "TD1:64.64240.1460.7.mmmmmmmmmmmmmmmmmmmmmmmmm.1"};
    struct td1 t;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        if (td1_parse(slice_cstr(BAD[i]), &t)) {
            fail_msg("%s was read", BAD[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_software),   cmocka_unit_test(many_messages),
        cmocka_unit_test(many_recipients), cmocka_unit_test(other_writing),
        cmocka_unit_test(prefixes),        cmocka_unit_test(sd1_text_form),
        cmocka_unit_test(td1_vectors),     cmocka_unit_test(td1_text_form),
    };
    return cmocka_run_group_tests_name("sd1", tests, NULL, NULL);
}
