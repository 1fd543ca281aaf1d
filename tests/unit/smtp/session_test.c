/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine's bounds: lines, steps, envelope, memory, output; and that traps do not show. */
#include "scenario.h"
#include "session_bytes.h"
#include "testing.h"

#include <stdio.h>

static struct smtp_service service_make(void)
{
    return (struct smtp_service){.trap = S("trap"),
                                 .host = S("mx.trap.example"),
                                 .persona = scenario_persona(S("postfix")),
                                 .limits = SMTP_LIMITS_DEFAULT};
}

struct run {
    struct session *s;
    uint64_t now_us;
    struct strbuf replies;
    size_t most_bytes;
};

static void run_pump(struct run *r)
{
    for (;;) {
        struct slice out = session_output(r->s);
        size_t bytes = session_bytes(r->s);
        r->most_bytes = bytes > r->most_bytes ? bytes : r->most_bytes;
        if (out.n > 0) {
            strbuf_add(&r->replies, out);
            session_output_taken(r->s, r->now_us);
        } else if (session_need(r->s) == NEED_COMMIT) {
            session_committed(r->s, OK, r->now_us);
        } else {
            return;
        }
    }
}

static void run_start(struct run *r, const struct smtp_service *service)
{
    struct session_peer peer = {.accepted_us = 1285891200000000};
    *r = (struct run){.s = session_new(service, &peer)};
    assert_non_null(r->s);
    session_start(r->s, 0);
    run_pump(r);
}

static void run_send(struct run *r, struct slice bytes)
{
    r->now_us += 1000;
    while (bytes.n > 0 && session_room(r->s) > 0) {
        size_t n = session_room(r->s);
        session_input(r->s, slice_sub(bytes, 0, n), r->now_us);
        run_pump(r);
        bytes = slice_sub(bytes, n, bytes.n);
    }
}

static void run_line(struct run *r, const char *text)
{
    run_send(r, slice_cstr(text));
    run_send(r, S("\r\n"));
}

static void run_end(struct run *r, struct session_record *record)
{
    session_drop(r->s, r->now_us);
    session_record(r->s, record);
}

static void run_free(struct run *r)
{
    session_free(r->s);
    strbuf_free(&r->replies);
}

/* The reply to the last thing sent: its code. */
static unsigned last_code(const struct run *r)
{
    struct slice all = strbuf_slice(&r->replies);
    size_t at = all.n > 2 ? all.n - 2 : 0;
    while (at > 0 && all.p[at - 1] != '\n') {
        at--;
    }
    uint64_t code = 0;
    assert_true(slice_to_u64(slice_sub(all, at, 3), &code));
    return (unsigned)code;
}

/* A line with its end has LIMIT_SMTP_LINE_BYTES, one less, one more; whole or in two pieces. */
static void line_limit(void **state)
{
    (void)state;
    struct smtp_service service = service_make();
    for (int d = -1; d <= 1; d++) {
        for (int pieces = 1; pieces <= 2; pieces++) {
            char line[LIMIT_SMTP_LINE_BYTES + 8];
            struct run r;
            size_t n = (size_t)(LIMIT_SMTP_LINE_BYTES + d);
            run_start(&r, &service);
            memset(line, 'x', sizeof line);
            memcpy(line, "NOOP ", 5);
            memcpy(line + n - 2, "\r\n", 2);
            size_t first = pieces == 1 ? n : n - 1;
            run_send(&r, slice_of(line, first));
            run_send(&r, slice_of(line + first, n - first));
            assert_int_equal(last_code(&r), d <= 0 ? 250 : 500);
            run_free(&r);
        }
    }
}

/* The endless line is cut off one byte past its limit. */
static void skipped_limit(void **state)
{
    (void)state;
    struct smtp_service service = service_make();
    static char block[LIMIT_SMTP_LINE_SKIPPED_BYTES + 1];
    struct run r;
    memset(block, 'x', sizeof block);
    run_start(&r, &service);
    run_send(&r, slice_of(block, LIMIT_SMTP_LINE_SKIPPED_BYTES));
    assert_int_equal(session_need(r.s), NEED_NOTHING);
    assert_true(r.most_bytes <= SESSION_BYTES_MAX);
    run_send(&r, slice_of(block, 1));
    assert_int_equal(session_need(r.s), NEED_CLOSE);
    run_free(&r);
}

/* The steps of a dialogue: banner, then two for each NOOP, then the end. */
static void steps_limit(void **state)
{
    (void)state;
    enum { FIRST = LIMIT_SMTP_STEPS_FIRST, LAST = LIMIT_SMTP_STEPS_LAST };
    struct smtp_service service = service_make();
    for (int total = FIRST - 2; total <= FIRST + LAST + 4; total += 2) {
        struct session_record record;
        struct run r;
        run_start(&r, &service);
        for (int i = 0; i < total / 2 - 1; i++) {
            char line[32];
            snprintf(line, sizeof line, "NOOP %d", i);
            run_line(&r, line);
        }
        run_end(&r, &record);
        uint64_t kept = (uint64_t)(total < FIRST + LAST ? total : FIRST + LAST);
        assert_int_equal(record.step_count, kept);
        assert_int_equal(record.steps_dropped, (uint64_t)total - kept);
        assert_int_equal(record.steps_first, total < FIRST ? total : FIRST);
        assert_int_equal(record.steps[0].kind, STEP_REPLY);
        assert_true(slice_eq(record.steps[1].text, S("NOOP 0")));
        assert_int_equal(record.steps[kept - 1].kind, STEP_END);
        char last[32];
        snprintf(last, sizeof last, "NOOP %d", total / 2 - 2);
        assert_true(slice_eq(record.steps[kept - 3].text, slice_cstr(last)));
        run_free(&r);
    }
}

static void step_text_limit(void **state)
{
    (void)state;
    struct smtp_service service = service_make();
    for (int d = -1; d <= 1; d++) {
        char line[LIMIT_SMTP_STEP_BYTES + 8];
        struct session_record record;
        struct run r;
        size_t n = (size_t)(LIMIT_SMTP_STEP_BYTES + d);
        memset(line, 'x', sizeof line);
        memcpy(line, "NOOP ", 5);
        line[n] = '\0';
        run_start(&r, &service);
        run_line(&r, line);
        run_end(&r, &record);
        assert_int_equal(record.steps[1].bytes, n + 2);
        assert_int_equal(record.steps[1].text.n,
                         n < LIMIT_SMTP_STEP_BYTES ? n : LIMIT_SMTP_STEP_BYTES);
        run_free(&r);
    }
}

/* Sender and recipients fill the envelope to its last byte; the next one gets 452. */
static void envelope_limit(void **state)
{
    (void)state;
    struct smtp_service service = service_make();
    service.limits.recipients = LIMIT_SMTP_RECIPIENTS;
    for (int d = -1; d <= 1; d++) {
        char line[4000];
        struct run r;
        size_t left = (size_t)(LIMIT_SMTP_ENVELOPE_BYTES + d);
        run_start(&r, &service);
        run_line(&r, "MAIL FROM:<>");
        while (left > 0) {
            size_t n = left > 3000 ? 2000 : left;
            snprintf(line, sizeof line, "RCPT TO:<%0*d>", (int)n, 0);
            run_line(&r, line);
            left -= n;
            assert_int_equal(last_code(&r), left == 0 && d > 0 ? 452 : 250);
        }
        run_free(&r);
    }
}

/* Everything a client can fill, at once. */
static void memory_limit(void **state)
{
    (void)state;
    struct smtp_service service = service_make();
    static char noise[LIMIT_SMTP_INPUT_BYTES];
    struct run r;
    char line[1100];
    service.limits.recipients = 100;
    service.limits.errors = 1000;
    service.reply_ms = 100; /* so that commands wait */
    run_start(&r, &service);
    memset(line, 'h', sizeof line);
    memcpy(line, "EHLO ", 5);
    line[1000] = '\0';
    const char *acts[] = {line, "MAIL FROM:<a@b.example>"};
    for (size_t i = 0; i < 2; i++) {
        run_line(&r, acts[i]);
        r.now_us += 200000;
        session_tick(r.s, r.now_us);
        run_pump(&r);
    }
    for (int i = 0; i < 130; i++) {
        snprintf(line, sizeof line, "RCPT TO:<%0150d@trap.example>", i);
        run_line(&r, line);
        r.now_us += 200000;
        session_tick(r.s, r.now_us);
        run_pump(&r);
    }
    memset(noise, 'n', sizeof noise);
    run_line(&r, "NOOP");
    run_send(&r, slice_of(noise, sizeof noise));
    run_pump(&r);
    assert_int_equal(session_room(r.s), 0);
    assert_true(r.most_bytes > SESSION_BYTES_MAX / 2); /* the test does fill it */
    assert_true(r.most_bytes <= SESSION_BYTES_MAX);
    run_free(&r);
}

/* A client that sends and never reads: the machine stops at its output's limit. */
static void output_limit(void **state)
{
    (void)state;
    struct smtp_service service = service_make();
    struct session_peer peer = {.accepted_us = 1};
    struct session *s = session_new(&service, &peer);
    assert_non_null(s);
    session_start(s, 0);
    for (uint64_t now = 1; session_room(s) >= 6 && now < 100000; now++) {
        session_input(s, S("NOOP\r\n"), now);
    }
    assert_true(session_room(s) < 6);
    assert_true(session_output(s).n < LIMIT_SMTP_OUTPUT_BYTES + 100);
    assert_true(session_bytes(s) <= SESSION_BYTES_MAX);
    session_output_taken(s, 100000); /* it reads again: on it goes */
    assert_true(session_output(s).n > 0);
    session_free(s);
}

/* Same replies, byte for byte, to a trap's address and to any other that is taken. */
static void replies_do_not_tell(void **state)
{
    (void)state;
    static const char SCRIPT[] = "set takes trap.example\nset takes secret@trap.example hidden\n"
                                 "C EHLO a\nC VRFY %s\nC EXPN %s\nC MAIL FROM:<a@b.example>\n"
                                 "C RCPT TO:<%s>\nC DATA\nC x\nC .\nC QUIT\n";
    struct strbuf replies[2] = {STRBUF_INIT, STRBUF_INIT};
    static const char *const ADDRESSES[] = {"secret@trap.example", "nobody@trap.example"};
    for (int i = 0; i < 2; i++) {
        char text[1024];
        snprintf(text, sizeof text, SCRIPT, ADDRESSES[i], ADDRESSES[i], ADDRESSES[i]);
        struct strbuf file = STRBUF_INIT;
        strbuf_printf(&file, "=== x\n%s", text);
        struct slice rest = strbuf_slice(&file), word, act;
        struct scenario scenario;
        struct run r;
        assert_true(scenario_next(&rest, &scenario));
        run_start(&r, &scenario.service);
        while (scenario_act(&scenario.script, &word, &act)) {
            run_send(&r, act);
            run_send(&r, S("\r\n"));
        }
        strbuf_add(&replies[i], strbuf_slice(&r.replies));
        run_free(&r);
        scenario_free(&scenario);
        strbuf_free(&file);
    }
    /* "secret" and "nobody" are of one length: blank the names and compare. */
    for (int i = 0; i < 2; i++) {
        struct slice name = slice_sub(slice_cstr(ADDRESSES[i]), 0, 6);
        for (size_t at; (at = slice_find(strbuf_slice(&replies[i]), name)) != SIZE_MAX;) {
            memset(replies[i].p + at, '_', name.n);
        }
    }
    assert_string_equal(strbuf_cstr(&replies[0]), strbuf_cstr(&replies[1]));
    strbuf_free(&replies[0]);
    strbuf_free(&replies[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_limit),     cmocka_unit_test(skipped_limit),
        cmocka_unit_test(steps_limit),    cmocka_unit_test(step_text_limit),
        cmocka_unit_test(envelope_limit), cmocka_unit_test(memory_limit),
        cmocka_unit_test(output_limit),   cmocka_unit_test(replies_do_not_tell),
    };
    return cmocka_run_group_tests_name("smtp_session", tests, NULL, NULL);
}
