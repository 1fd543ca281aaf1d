/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a store may know of a dialogue: everything but the addresses of traps. */
#include "testing.h"

#include "analyse/hold.h"
#include "analyse/session.h"
#include "core/limits.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena *arena;

static void test_lines_lose_addresses_and_keep_their_dialect(void **state)
{
    static const struct {
        const char *line, *expected;
    } CASES[] = {
        {"RCPT TO:<trap77@example.org>", "RCPT TO:<<rcpt>>"},
        {"rcpt to: <trap77@example.org> NOTIFY=NEVER", "rcpt to: <<rcpt>> NOTIFY=NEVER"},
        {"RCPT TO:trap77@example.org", "RCPT TO:<rcpt>"},
        {"RCPT TO : <trap77@example.org>", "RCPT TO : <<rcpt>>"},
        {"RCPT TO <trap77@example.org>", "RCPT TO <<rcpt>>"},
        {"RCPT trap77@example.org", "RCPT <rcpt>"},
        {"RCPT TO:<\"trap 77\"@example.org>", "RCPT TO:<<rcpt>>"},
        {"RCPT TO:\"trap 77\"@example.org", "RCPT TO:<rcpt>"},
        {"RCPT TO:<@a,@b:trap77@example.org>", "RCPT TO:<<rcpt>>"},
        {"RCPT TO:<trap77@example.org", "RCPT TO:<<rcpt>"},
        {"RCPT TO:<trap77>", "RCPT TO:<<rcpt>>"},
        {"RCPT TO:", "RCPT TO:"},
        {"RCPT", "RCPT"},
        {"  RCPT TO:<a@b>", "  RCPT TO:<<rcpt>>"},
        {"RCPT TO:<a@b><trap77@c>", "RCPT TO:<<rcpt>><<rcpt>@c>"},
        {"VRFY trap77", "VRFY <rcpt>"},
        {"vrfy trap77@example.org", "vrfy <rcpt>"},
        {"EXPN list", "EXPN <rcpt>"},
        {"AUTH PLAIN AHRyYXA3NwBzZWNyZXQ=", "AUTH PLAIN"},
        {"AUTH LOGIN", "AUTH LOGIN"},
        {"AUTH", "AUTH"},
        {"MAIL FROM:<joe@example.net>", "MAIL FROM:<joe@example.net>"},
        {"To: \"trap 77\"@example.org, trap78@example.org",
         "To: <rcpt>@example.org, <rcpt>@example.org"},
        {"GET /?to=trap77@example.org HTTP/1.1", "GET <rcpt>@example.org HTTP/1.1"},
        {"RCPTX TO:<trap77@example.org>", "RCPTX TO:<<rcpt>@example.org>"},
        {"EHLO mail.example.com", "EHLO mail.example.com"},
        {"@", "@"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[256];
        struct slice got = dialogue_redact(slice_cstr(CASES[i].line), arena);
        snprintf(text, sizeof text, "%.*s", SLICE_ARG(got));
        assert_string_equal(text, CASES[i].expected);
    }
}

static struct session_step step_of(enum step_kind kind, const char *text)
{
    return (struct session_step){.kind = kind, .text = slice_cstr(text)};
}

/* VERP senders, echoes in replies, user names: all that repeats a recipient of the session. */
static void test_rows_know_no_recipient(void **state)
{
    struct session_row row;
    struct session_step steps[] = {
        step_of(STEP_COMMAND, "HELO trap77.example.org"),
        step_of(STEP_COMMAND, "MAIL FROM:<bounce-trap77=example.org@spam.example>"),
        step_of(STEP_COMMAND, "RCPT TO:<trap77@example.org>"),
        step_of(STEP_REPLY, "250 trap77@example.org ok"),
        step_of(STEP_COMMAND, "Subject: hello trap77, buy"),
        step_of(STEP_END, ""),
    };
    struct session_record s = {
        .head = {.trap = S("t"), .accepted_us = 1000, .client = ip_from_v4(1)},
        .helo = S("trap77.example.org"),
        .auth_user = S("trap77@example.org"),
        .tls_version = S("TLSv1.3"),
        .tls_cipher = S("X"),
        .steps = steps,
        .step_count = sizeof steps / sizeof *steps,
        .steps_first = sizeof steps / sizeof *steps,
    };
    (void)state;
    assert_int_equal(session_row_make(&row, &s, NULL, arena), OK);
    assert_int_equal(row.transcript.count, s.step_count);
    for (size_t i = 0; i < row.transcript.count; i++) {
        assert_int_equal(slice_ifind(row.transcript.steps[i].text, S("trap77")), SIZE_MAX);
    }
    assert_int_equal(slice_ifind(row.auth_user, S("trap77")), SIZE_MAX);
    assert_int_equal(slice_ifind(row.helo, S("trap77")), SIZE_MAX);
    assert_true(slice_eq(row.tls, S("TLSv1.3 X")));
    assert_true(slice_eq(row.transcript.steps[2].text, S("RCPT TO:<<rcpt>>")));
}

static void test_transcripts_are_bounded(void **state)
{
    static char text[1000];
    size_t most = LIMIT_SESSION_ROW_STEPS;
    struct session_step *steps = calloc(most + 1, sizeof *steps);
    (void)state;
    assert_non_null(steps);
    memset(text, 'x', sizeof text);
    for (size_t n = most - 1; n <= most + 1; n++) {
        struct session_row row;
        struct session_record s = {.steps = steps, .step_count = n, .steps_first = n};
        for (size_t i = 0; i < n; i++) {
            steps[i] = (struct session_step){
                .kind = STEP_COMMAND,
                .text = slice_of(text, LIMIT_SESSION_ROW_STEP_BYTES - 1 + i % 3)};
        }
        assert_int_equal(session_row_make(&row, &s, NULL, arena), OK);
        assert_int_equal(row.transcript.count, n < most ? n : most);
        assert_int_equal(row.transcript.dropped, n > most);
        assert_true(row.transcript.first <= row.transcript.count);
        assert_int_equal(row.transcript.steps[0].text.n, LIMIT_SESSION_ROW_STEP_BYTES - 1);
        assert_int_equal(row.transcript.steps[1].text.n, LIMIT_SESSION_ROW_STEP_BYTES);
        assert_int_equal(row.transcript.steps[2].text.n, LIMIT_SESSION_ROW_STEP_BYTES);
    }
    free(steps);
}

static struct id128 id_of(unsigned n)
{
    return (struct id128){{(uint8_t)n, (uint8_t)(n >> 4)}}; /* some share a bucket */
}

static void test_hold_keeps_the_order(void **state)
{
    struct hold *h = hold_new();
    (void)state;
    assert_non_null(h);
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(hold_put(h, id_of(i % 30), (struct spool_position){1, i}, i, S("payload")),
                         OK);
    }
    for (unsigned n = 0; n < 30; n += 2) {
        struct held *m = hold_take(h, id_of(n));
        for (unsigned k = 0; k < 10; k++) {
            assert_non_null(m);
            assert_int_equal(m->at.offset, n + 30 * k);
            struct held *next = m->next;
            free(m);
            m = next;
        }
        assert_null(m);
        assert_null(hold_take(h, id_of(n)));
    }
    for (unsigned i = 0; i < 300; i++) {
        if (i % 2 == 0) {
            continue;
        }
        assert_int_equal(hold_oldest(h)->at.offset, i);
        struct held *m = hold_take_oldest(h);
        assert_int_equal(m->at.offset, i);
        free(m);
    }
    assert_null(hold_oldest(h));
    assert_null(hold_take_oldest(h));
    for (unsigned i = 0; i < LIMIT_HELD_MESSAGES + 1; i++) {
        assert_false(hold_is_full(h));
        assert_int_equal(hold_put(h, id_of(i), (struct spool_position){1, i}, i, S("x")), OK);
    }
    assert_true(hold_is_full(h));
    hold_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_lose_addresses_and_keep_their_dialect),
        cmocka_unit_test(test_rows_know_no_recipient),
        cmocka_unit_test(test_transcripts_are_bounded),
        cmocka_unit_test(test_hold_keeps_the_order),
    };
    arena = arena_new(16 * 1024 * 1024);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
