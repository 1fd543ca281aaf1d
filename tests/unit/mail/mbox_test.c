/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an mbox is split into: quotings, Content-Length, damaged separators, sizes. */
#include "source_util.h"

enum { MESSAGES_MAX = 4 };

static const struct mbox_case {
    const char *name;
    const char *input;
    const char *messages[MESSAGES_MAX + 1];
    const char *reject; /* reason, if there must be one */
} CASES[] = {
    {"two messages", MBOX_AB, {MAIL_A, MAIL_B}, NULL},
    {"no final newline", FROM_A "X-A: 1\n\nbody", {"X-A: 1\n\nbody"}, NULL},
    {"no final blank line", FROM_A "X-A: 1\n\nbody\n", {"X-A: 1\n\nbody\n"}, NULL},
    {"one blank line belongs to the separator",
     FROM_A "X-A: 1\n\nbody\n\n\n" FROM_B "X-B: 2\n\nb\n\n\n",
     {"X-A: 1\n\nbody\n\n", "X-B: 2\n\nb\n\n"},
     NULL},
    {"CRLF",
     "From a@example.com Mon Sep 13 10:00:00 2004\r\nX-A: 1\r\n\r\nbody\r\n\r\n"
     "From b@example.com Mon Sep 13 10:00:01 2004\r\nX-B: 2\r\n\r\n>From b\r\n\r\n",
     {"X-A: 1\r\n\r\nbody\r\n", "X-B: 2\r\n\r\nFrom b\r\n"},
     NULL},
    {"header only", FROM_A "X-A: 1\n\n" FROM_B "X-B: 2\n\n", {"X-A: 1\n", "X-B: 2\n"}, NULL},
    {"mboxo and mboxrd quoting",
     FROM_A "X-A: 1\n\n>From here\n>>From there\n> From no\n>Frommage\n>>>From last",
     {"X-A: 1\n\nFrom here\n>From there\n> From no\n>Frommage\n>>From last"},
     NULL},
    {"bare From in the body",
     FROM_A "X-A: 1\n\nFrom Russia with love\n\nFrom here on: all\n\n" FROM_B "X-B: 2\n\n",
     {"X-A: 1\n\nFrom Russia with love\n\nFrom here on: all\n", "X-B: 2\n"},
     NULL},
    {"no blank line before the separator",
     FROM_A "X-A: 1\n\nbody\n" FROM_B "X-B: 2\n\nb\n",
     {"X-A: 1\n\nbody\n", "X-B: 2\n\nb\n"},
     NULL},
    {"a dated From line inside a paragraph is text",
     FROM_A "X-A: 1\n\nhe wrote\n" FROM_B "and then nothing\n",
     {"X-A: 1\n\nhe wrote\n" FROM_B "and then nothing\n"},
     NULL},
    {"Mozilla's bare dash, also without a blank line",
     "From - \nSubject: a\n\nbody\nFrom - \nSubject: b\n\nbody\n",
     {"Subject: a\n\nbody\n", "Subject: b\n\nbody\n"},
     NULL},
    {"an address alone, as after a redaction",
     "From a@example.com\nSubject: a\n\nbody\n\nFrom b@example.com\nSubject: b\n\nFrom "
     "c@example.com\nSubject c\n",
     {"Subject: a\n\nbody\n", "Subject: b\n\nFrom c@example.com\nSubject c\n"},
     NULL},
    {"an address alone in front of a URL",
     FROM_A "X-A: 1\n\nwrite to\n\nFrom b@example.com\nhttp://example.com/\n",
     {"X-A: 1\n\nwrite to\n\nFrom b@example.com\nhttp://example.com/\n"},
     NULL},
    {"two From lines in a row", FROM_A FROM_B "X-A: 1\n\n", {"X-A: 1\n"}, "empty message"},
    {"From line at the end", FROM_A "X-A: 1\n\n" FROM_B, {"X-A: 1\n"}, NULL},
    {"From line at the end, cut",
     FROM_A "X-A: 1\n\nx\n\nFrom b@exam",
     {"X-A: 1\n\nx\n\nFrom b@exam"},
     NULL},
    {"BOM and blank lines first", "\xef\xbb\xbf\n\n" FROM_A "X-A: 1\n\n", {"X-A: 1\n"}, NULL},
    {"junk first",
     "Saved by a program\n\n" FROM_A MAIL_A "\n" FROM_B MAIL_B,
     {MAIL_A, MAIL_B},
     "text before the first message"},
    {"only a From line", FROM_A, {NULL}, NULL},
    {"NUL-free binary body",
     FROM_A "X-A: 1\n\n\x01\xff\x80\r\r\n\rFrom x\n",
     {"X-A: 1\n\n\x01\xff\x80\r\r\n\rFrom x\n"},
     NULL},

    {"Content-Length protects a body (mboxcl2)",
     FROM_A "Content-Length: 73\n\nx\n\n" FROM_B "X-No: separator\n\n>From y\n\n" FROM_B
            "X-B: 2\n\n",
     {"Content-Length: 73\n\nx\n\n" FROM_B "X-No: separator\n\n>From y\n", "X-B: 2\n"},
     NULL},
    {"Content-Length to the end",
     FROM_A "Content-length:   74  \n\nx\n\n" FROM_B "X-No: separator\n\n>From y\n\n",
     {"Content-length:   74  \n\nx\n\n" FROM_B "X-No: separator\n\n>From y\n\n"},
     NULL},
    {"Content-Length with quoted lines (mboxcl)",
     FROM_A "Content-Length: 10\n\n>From y\nz\n\n" FROM_B "X-B: 2\n\n",
     {"Content-Length: 10\n\nFrom y\nz\n", "X-B: 2\n"},
     NULL},
    {"Content-Length too small",
     FROM_A "Content-Length: 2\n\nlong body\n\n" FROM_B "X-B: 2\n\n",
     {"Content-Length: 2\n\nlong body\n", "X-B: 2\n"},
     NULL},
    {"Content-Length too large",
     FROM_A "Content-Length: 99999\n\nbody\n\n" FROM_B "X-B: 2\n\n",
     {"Content-Length: 99999\n\nbody\n", "X-B: 2\n"},
     NULL},
    {"Content-Length into the middle of the next message",
     FROM_A "Content-Length: 60\n\nbody\n\n" FROM_B "X-B: 2\n\nbody of b, which is long\n\n",
     {"Content-Length: 60\n\nbody\n", "X-B: 2\n\nbody of b, which is long\n"},
     NULL},
    {"Content-Length 0 before a body",
     FROM_A "Content-Length: 0\n\nbody\n\n" FROM_B "X-B: 2\n\n",
     {"Content-Length: 0\n\nbody\n", "X-B: 2\n"},
     NULL},
    {"Content-Length that is no number",
     FROM_A "Content-Length: 18446744073709551616\n\nbody\n\n" FROM_B "X-B: 2\n\n",
     {"Content-Length: 18446744073709551616\n\nbody\n", "X-B: 2\n"},
     NULL},
    {"Content-Length in the body means nothing",
     FROM_A "X-A: 1\n\nContent-Length: 40\n\nx\n\n" FROM_B "X-B: 2\n\n",
     {"X-A: 1\n\nContent-Length: 40\n\nx\n", "X-B: 2\n"},
     NULL},
};

static void case_run(const struct mbox_case *c, size_t chunk)
{
    struct chunks chunks = {slice_cstr(c->input), chunk, false};
    struct source *s;
    struct source_message m;
    const struct source_rejects *r;
    size_t n = 0;
    assert_int_equal(source_open_stream(chunks_read, &chunks, "t", &s, NULL), OK);
    while (source_next(s, &m, NULL) == OK) {
        const char *want = n < MESSAGES_MAX ? c->messages[n] : NULL;
        if (!want || !slice_eq(m.raw, slice_cstr(want)) || m.bytes != m.raw.n || m.is_truncated) {
            fail_msg("%s (chunks of %zu): message %zu is \"%.*s\"", c->name, chunk, n,
                     SLICE_ARG(m.raw));
        }
        n++;
    }
    if (c->messages[n]) {
        fail_msg("%s (chunks of %zu): message %zu is missing", c->name, chunk, n);
    }
    size_t rejects = source_rejects(s, &r);
    if (c->reject && (rejects == 0 || strcmp(r[0].reason, c->reject) != 0)) {
        fail_msg("%s: no reject \"%s\"", c->name, c->reject);
    }
    source_close(s);
}

static void test_cases(void **state)
{
    static const size_t CHUNKS[] = {1, 2, 7, 61, 1000000};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        for (size_t k = 0; k < sizeof CHUNKS / sizeof *CHUNKS; k++) {
            case_run(&CASES[i], CHUNKS[k]);
        }
    }
}

static void test_envelope(void **state)
{
    struct chunks chunks = {S(MBOX_AB "From -\nSubject: c\n\n"), 5, false};
    struct source *s;
    struct source_message m;
    (void)state;
    assert_int_equal(source_open_stream(chunks_read, &chunks, "t", &s, NULL), OK);
    assert_int_equal(source_next(s, &m, NULL), OK);
    assert_int_equal(m.envelope_time, 1095069600);
    assert_true(slice_eq(m.envelope_from, S("a@example.com")));
    assert_int_equal(source_next(s, &m, NULL), OK);
    assert_int_equal(m.envelope_time, 1285936496);
    assert_true(slice_eq(m.envelope_from, S("b@example.com")));
    assert_int_equal(source_next(s, &m, NULL), OK);
    assert_int_equal(m.envelope_time, 0);
    assert_true(slice_eq(m.envelope_from, S("-")));
    assert_int_equal(source_next(s, &m, NULL), ERR_END);
    assert_int_equal(source_next(s, &m, NULL), ERR_END);
    source_close(s);
}

/* A body of lines made of `unit`, `n` bytes in all, with one small message before and after. */
static void big_mbox(struct strbuf *out, const char *unit, size_t n)
{
    size_t start;
    strbuf_add_cstr(out, FROM_A MAIL_A "\n" FROM_B);
    start = out->n;
    strbuf_add_cstr(out, "X-Big: 1\n\n");
    while (out->n - start + strlen(unit) < n) {
        strbuf_add_cstr(out, unit);
    }
    while (out->n - start + 1 < n) {
        strbuf_add_byte(out, 'z');
    }
    strbuf_add_cstr(out, "\n\n" FROM_A MAIL_C "\n");
    assert_false(out->failed);
}

/* The bound at n-1, n, n+1 and far past it, for short lines, quoted lines, one huge line, blank
 * lines; what stands around the large message is whole. */
static void test_message_limit(void **state)
{
    static const char *const UNITS[] = {
        "a line of the usual length, more or less, as mail has them\n",
        ">From the start, quoted\n",
        "\n",
        "x",
        "From nobody in particular, unquoted\n",
    };
    static const long SIZES[] = {-1, 0, 1, 3000000};
    (void)state;
    for (size_t u = 0; u < sizeof UNITS / sizeof *UNITS; u++) {
        for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
            if (u > 0 && SIZES[k] <= 0) {
                continue; /* the exact bound is about bytes, not lines */
            }
            struct strbuf input = STRBUF_INIT;
            struct source_message m;
            struct source *s;
            size_t n = (size_t)(LIMIT_MESSAGE_BYTES + SIZES[k]);
            bool is_quoted = UNITS[u][0] == '>';
            big_mbox(&input, UNITS[u], n);
            uint64_t quotes = is_quoted ? (n - 11) / strlen(UNITS[u]) : 0;
            struct chunks chunks = {strbuf_slice(&input), 100003, false};
            assert_int_equal(source_open_stream(chunks_read, &chunks, "t", &s, NULL), OK);
            assert_int_equal(source_next(s, &m, NULL), OK);
            assert_true(slice_eq(m.raw, S(MAIL_A)));
            assert_int_equal(source_next(s, &m, NULL), OK);
            assert_true(m.bytes >= n - quotes - 1 && m.bytes <= n - quotes + 1);
            assert_int_equal(m.raw.n,
                             m.bytes < LIMIT_MESSAGE_BYTES ? m.bytes : LIMIT_MESSAGE_BYTES);
            assert_int_equal(m.is_truncated, m.bytes > LIMIT_MESSAGE_BYTES);
            if (!is_quoted && SIZES[k] <= 1) {
                assert_int_equal(m.bytes, n);
                assert_int_equal(m.is_truncated, SIZES[k] > 0);
            }
            if (is_quoted) {
                assert_true(slice_find(m.raw, S(">")) == SIZE_MAX);
            }
            assert_int_equal(source_next(s, &m, NULL), OK);
            assert_true(slice_eq(m.raw, S(MAIL_C)));
            assert_int_equal(source_next(s, &m, NULL), ERR_END);
            source_close(s);
            strbuf_free(&input);
        }
    }
}

/* A stored mbox and one that comes in chunks of any size give the same, also for messages larger
 * than the window at first is. */
static void test_chunking_of_large_messages(void **state)
{
    struct strbuf input = STRBUF_INIT, whole = STRBUF_INIT;
    static const size_t CHUNKS[] = {4093, 65536, 65537, 262144};
    (void)state;
    for (size_t n = 65000; n < 600000; n += 93701) {
        big_mbox(&input, ">From an odd line\nand another\n\n", n);
    }
    transcribe_chunks(strbuf_slice(&input), SIZE_MAX, &whole);
    for (size_t k = 0; k < sizeof CHUNKS / sizeof *CHUNKS; k++) {
        struct strbuf parts = STRBUF_INIT;
        transcribe_chunks(strbuf_slice(&input), CHUNKS[k], &parts);
        assert_true(slice_eq(strbuf_slice(&parts), strbuf_slice(&whole)));
        strbuf_free(&parts);
    }
    strbuf_free(&input);
    strbuf_free(&whole);
}

/* Forged lengths must not make the time grow with the square of the size: each may make the reader
 * look 8 MiB ahead, so only a few are believed. */
static void test_content_length_attack(void **state)
{
    struct strbuf input = STRBUF_INIT;
    struct source *s;
    struct source_message m;
    uint64_t n = 0;
    (void)state;
    while (input.n < 24 * 1024 * 1024) {
        strbuf_add_cstr(&input, FROM_A "Content-Length: 8000000\n\nbody\n\n");
    }
    struct chunks chunks = {strbuf_slice(&input), 65536, false};
    assert_int_equal(source_open_stream(chunks_read, &chunks, "t", &s, NULL), OK);
    while (source_next(s, &m, NULL) == OK) {
        n++;
    }
    assert_int_equal(n, input.n / strlen(FROM_A "Content-Length: 8000000\n\nbody\n\n"));
    source_close(s);
    strbuf_free(&input);
}

/* Skipping gives the same positions and rejects as reading. */
static void test_skip(void **state)
{
    static const char INPUT[] = "junk\n\n" MBOX_AB FROM_A FROM_B
                                ">From x\nX-A: 1\n\n>From y\n\n" FROM_A MAIL_C "\n" MBOX_AB;
    (void)state;
    for (uint64_t skip = 0; skip <= 6; skip++) {
        struct chunks a = {S(INPUT), 11, false}, b = {S(INPUT), 1000, false};
        struct source *read, *skipped;
        struct source_message m, want;
        assert_int_equal(source_open_stream(chunks_read, &a, "t", &read, NULL), OK);
        assert_int_equal(source_open_stream(chunks_read, &b, "t", &skipped, NULL), OK);
        for (uint64_t i = 0; i < skip; i++) {
            assert_int_equal(source_next(read, &want, NULL), OK);
        }
        assert_int_equal(source_skip(skipped, skip, NULL), OK);
        enum err e;
        while ((e = source_next(read, &want, NULL)) == OK) {
            assert_int_equal(source_next(skipped, &m, NULL), OK);
            assert_int_equal(m.ordinal, want.ordinal);
            assert_true(slice_eq(m.raw, want.raw));
            assert_int_equal(m.envelope_time, want.envelope_time);
        }
        assert_int_equal(source_next(skipped, &m, NULL), ERR_END);
        const struct source_rejects *ra, *rb;
        size_t na = source_rejects(read, &ra), nb = source_rejects(skipped, &rb);
        assert_int_equal(na, 2);
        assert_int_equal(na, nb);
        assert_int_equal(ra[0].count, rb[0].count);
        source_close(read);
        source_close(skipped);
    }
    struct chunks c = {S(MBOX_AB), 11, false};
    struct source *s;
    struct errbuf eb = {{0}, 0, 0, {0}};
    assert_int_equal(source_open_stream(chunks_read, &c, "t", &s, NULL), OK);
    assert_int_equal(source_skip(s, 3, &eb), ERR_END);
    assert_non_null(strstr(eb.text, "after 2 messages"));
    source_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_message_limit),
        cmocka_unit_test(test_chunking_of_large_messages),
        cmocka_unit_test(test_content_length_attack),
        cmocka_unit_test(test_skip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
