/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/clock.h"
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

static bool is_inside(struct slice s, struct slice of)
{
    return s.n == 0 || (s.p >= of.p && s.p + s.n <= of.p + of.n);
}

static void assert_inside(const struct hop *h, struct slice line)
{
    const struct slice *fields[] = {&h->helo, &h->ptr, &h->by,       &h->protocol,
                                    &h->tls,  &h->id,  &h->for_addr, &h->raw};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        assert_true(is_inside(*fields[i], line));
    }
}

/* ---- the golden set: blocks of "key: value" lines in tests/golden/received ---- */

static struct slice hop_field(const struct hop *h, struct slice key, char *buffer)
{
    static const struct slice EMPTY = SLICE("-");
    struct slice v = EMPTY;
    if (slice_eq(key, S("form"))) {
        v = slice_cstr(h->form);
    } else if (slice_eq(key, S("helo"))) {
        v = h->helo;
    } else if (slice_eq(key, S("ptr"))) {
        v = h->ptr;
    } else if (slice_eq(key, S("by"))) {
        v = h->by;
    } else if (slice_eq(key, S("protocol"))) {
        v = h->protocol;
    } else if (slice_eq(key, S("tls"))) {
        v = h->tls;
    } else if (slice_eq(key, S("id"))) {
        v = h->id;
    } else if (slice_eq(key, S("for"))) {
        v = h->for_addr;
    } else if (slice_eq(key, S("addr")) && h->has_addr) {
        ip_text(h->addr, buffer);
        v = slice_cstr(buffer);
    } else if (slice_eq(key, S("time")) && h->has_time) {
        time_rfc3339(h->time, buffer);
        v = slice_cstr(buffer);
    } else if (slice_eq(key, S("flags"))) {
        snprintf(buffer, 64, "%s%s%s", h->is_local ? " local" : "", h->is_pickup ? " pickup" : "",
                 h->is_ptr_doubtful ? " doubtful" : "");
        v = slice_trim(slice_cstr(buffer));
    }
    return v.n ? v : EMPTY;
}

static unsigned golden_check(const char *name)
{
    enum { KEYS = 11 };
    char path[1024], *text = NULL, buffer[64];
    size_t size = 0;
    unsigned lines = 0, keys = KEYS, wrong = 0;
    struct hop h = {0};
    char *line = NULL;
    const char *root = getenv("SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/golden/received/%s.txt", root ? root : ".", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (ssize_t n; (n = getline(&text, &size, f)) > 0;) {
        struct slice s = slice_trim(slice_of(text, (size_t)n));
        if (s.n == 0 || s.p[0] == '#') {
            continue;
        }
        struct slice key = slice_cut(&s, ':'), want = slice_trim(s);
        if (slice_eq(key, S("line"))) {
            assert_int_equal(keys, KEYS); /* every block names every field */
            free(line);
            line = strndup(want.p, want.n);
            assert_non_null(line);
            h = received_parse(slice_cstr(line));
            assert_inside(&h, slice_cstr(line));
            lines++;
            keys = 0;
            continue;
        }
        struct slice got = hop_field(&h, key, buffer);
        if (!slice_eq(got, want)) {
            print_error("%s: %s\n  %.*s: want \"%.*s\", got \"%.*s\"\n", name, line, SLICE_ARG(key),
                        SLICE_ARG(want), SLICE_ARG(got));
            wrong++;
        }
        keys++;
    }
    assert_int_equal(keys, KEYS);
    free(line);
    free(text);
    fclose(f);
    assert_int_equal(wrong, 0);
    return lines;
}

static void test_golden(void **state)
{
    (void)state;
    unsigned lines = golden_check("unix") + golden_check("other") + golden_check("odd");
    assert_true(lines >= 80);
}

/* ---- what a client must not be able to do by his HELO, ident or certificate ---- */

static void test_client_words_are_no_address(void **state)
{
    (void)state;
    static const struct {
        const char *name, *line;
    } CASES[] = {
        {"literal HELO", "from [203.0.113.9] (unknown [192.0.2.1]) by mx (Postfix) with SMTP id 1"},
        {"bare HELO", "from 203.0.113.9 (unknown [192.0.2.1]) by mx (Postfix) with SMTP id 1"},
        {"HELO pair", "from [192.0.2.1] (helo=[203.0.113.9]) by mx with smtp (Exim 4.6) id 1"},
        {"HELO pair, port", "from [192.0.2.1]:25 (port=9 helo=203.0.113.9) by mx with smtp id 1"},
        {"ident pair", "from a ([192.0.2.1] ident=[203.0.113.9]) by mx with smtp (Exim 4) id 1"},
        {"ident", "from a ([203.0.113.9]@[192.0.2.1]) by mx (8.12.8/8.12.8) with SMTP id 1"},
        {"HELO comment", "from unknown (HELO [203.0.113.9]) (192.0.2.1) by mx with SMTP"},
        {"HELO comment, more", "from a (HELO x 203.0.113.9) (192.0.2.1) by mx with SMTP"},
        {"certificate", "from a (Client CN \"[203.0.113.9]\") (b [192.0.2.1]) by mx with SMTP"},
        {"by comment", "from a ([192.0.2.1]) by mx ([203.0.113.9]) with SMTP"},
        {"proxy", "from 192.0.2.1 (proxying for 203.0.113.9) by mx with HTTP"},
        {"for", "from a ([192.0.2.1]) by mx for <a@[203.0.113.9]>"},
    };
    struct ip want;
    assert_true(ip_parse(S("192.0.2.1"), &want));
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct hop h = received_parse(slice_cstr(CASES[i].line));
        if (!h.has_addr || !ip_eq(h.addr, want)) {
            fail_msg("%s: %s", CASES[i].name, CASES[i].line);
        }
    }
}

static void test_no_address(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        "from a (HELO 203.0.113.9) by mx with SMTP",
        "from a (authenticated [203.0.113.9]) by mx with SMTP",
        "from a by [203.0.113.9] with SMTP",
        "from a ([999.1.1.1]) by mx",
        "from a ([1.2.3]) by mx",
        "",
        " ",
        "(",
        "from",
        "by",
    };
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        struct hop h = received_parse(slice_cstr(LINES[i]));
        if (h.has_addr) {
            fail_msg("%s", LINES[i]);
        }
    }
}

/* Long and nested lines: bounded, quick, and the date at the end is still found. */
static void test_hostile_shapes(void **state)
{
    (void)state;
    enum { N = 60000 };
    static const char TAIL[] = "; Mon, 10 Feb 2003 11:01:48 +0000";
    static const struct {
        const char *name, *unit;
        bool has_time;
    } CASES[] = {
        {"words", "x ", true},     {"opens", "(", true},       {"closes", ")", true},
        {"pairs", "()", true},     {"brackets", "[", true},    {"escapes", "\\(", true},
        {"semicolons", ";", true}, {"froms", "from ", true},   {"bys", "by ", true},
        {"withs", "with ", true},  {"comments", "(a [", true}, {"ats", "@", true},
    };
    char *text = malloc(N + sizeof TAIL);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        size_t unit = strlen(CASES[i].unit), n = 0;
        while (n + unit <= N) {
            memcpy(text + n, CASES[i].unit, unit);
            n += unit;
        }
        memcpy(text + n, TAIL, sizeof TAIL);
        struct slice line = slice_of(text, n + sizeof TAIL - 1);
        double start = time_monotonic();
        struct hop h = received_parse(line);
        assert_true(time_monotonic() - start < 0.5);
        assert_inside(&h, line);
        if (h.has_time != CASES[i].has_time) {
            fail_msg("%s: time %d", CASES[i].name, h.has_time);
        }
    }
    free(text);
}

/* A clause that begins where the parser stops to keep tokens. */
static void test_clause_at_the_limit(void **state)
{
    (void)state;
    char text[1000];
    static const char *const KEYS[] = {"from", "by", "with", "id", "for", "via", "tls"};
    for (size_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++) {
        for (size_t words = 0; words < 100; words++) {
            size_t n = 0;
            for (size_t i = 0; i < words; i++) {
                n += (size_t)snprintf(text + n, sizeof text - n, "(x) ");
            }
            n += (size_t)snprintf(text + n, sizeof text - n, "%s a [192.0.2.1] by b", KEYS[k]);
            struct hop h = received_parse(slice_of(text, n));
            assert_inside(&h, slice_of(text, n));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_client_words_are_no_address),
        cmocka_unit_test(test_no_address),
        cmocka_unit_test(test_hostile_shapes),
        cmocka_unit_test(test_clause_at_the_limit),
    };
    return cmocka_run_group_tests_name("received", tests, NULL, NULL);
}
