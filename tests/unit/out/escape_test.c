/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "core/utf8.h"
#include "out/escape.h"

#include <stdio.h>

static void check(const char *name, struct strbuf *got, const char *want)
{
    if (!slice_eq(strbuf_slice(got), slice_cstr(want))) {
        fail_msg("%s: got \"%s\", expected \"%s\"", name, strbuf_cstr(got), want);
    }
    strbuf_free(got);
}

#define BYTES(lit) SLICE(lit)

static void test_terminal(void **state)
{
    static const struct {
        const char *name;
        struct slice in;
        const char *utf8, *ascii;
    } CASES[] = {
        {"plain", BYTES("rustock 1.2"), "rustock 1.2", "rustock 1.2"},
        {"empty", BYTES(""), "", ""},
        {"colour sequence", BYTES("\x1b[31mred"), "\\x1b[31mred", "\\x1b[31mred"},
        {"title sequence", BYTES("\x1b]0;x\x07"), "\\x1b]0;x\\x07", "\\x1b]0;x\\x07"},
        {"line breaks, tab, NUL", BYTES("a\r\nb\tc\0d"), "a\\x0d\\x0ab\\x09c\\x00d",
         "a\\x0d\\x0ab\\x09c\\x00d"},
        {"delete", BYTES("a\x7f"), "a\\x7f", "a\\x7f"},
        {"C1 as UTF-8 (CSI)",
         BYTES("\xc2\x9b"
               "31m"),
         "\\u{009b}31m", "\\u{009b}31m"},
        {"C1 as a byte",
         BYTES("\x9b"
               "31m"),
         "\ufffd"
         "31m",
         "\\x9b"
         "31m"},
        {"right-to-left override",
         BYTES("a\xe2\x80\xae"
               "b"),
         "a\\u{202e}b", "a\\u{202e}b"},
        {"isolate", BYTES("\xe2\x81\xa6x"), "\\u{2066}x", "\\u{2066}x"},
        {"zero width space",
         BYTES("a\xe2\x80\x8b"
               "b"),
         "a\\u{200b}b", "a\\u{200b}b"},
        {"line separator",
         BYTES("a\xe2\x80\xa8"
               "b"),
         "a\\u{2028}b", "a\\u{2028}b"},
        {"tag characters", BYTES("\xf3\xa0\x81\x81"), "\\u{e0041}", "\\u{e0041}"},
        {"cyrillic", BYTES("\xd0\xb4\xd0\xb0"), "да", "\\u{0434}\\u{0430}"},
        {"latin-1 byte", BYTES("caf\xe9"), "caf\ufffd", "caf\\xe9"},
        {"overlong", BYTES("\xc0\xaf"), "\ufffd\ufffd", "\\xc0\\xaf"},
        {"surrogate", BYTES("\xed\xa0\x80"), "\ufffd\ufffd\ufffd", "\\xed\\xa0\\x80"},
        {"cut sequence", BYTES("\xe2\x80"), "\ufffd\ufffd", "\\xe2\\x80"},
        {"marks past three go",
         BYTES("a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81"
               "b"),
         "a\xcc\x81\xcc\x81\xcc\x81"
         "b",
         "a\\u{0301}\\u{0301}\\u{0301}\\u{0301}\\u{0301}b"},
        {"backslash stays", BYTES("a\\b"), "a\\b", "a\\b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct strbuf out = STRBUF_INIT;
        escape_terminal(&out, CASES[i].in, true);
        check(CASES[i].name, &out, CASES[i].utf8);
        escape_terminal(&out, CASES[i].in, false);
        check(CASES[i].name, &out, CASES[i].ascii);
    }
}

static void test_fit(void **state)
{
    static const struct {
        const char *name, *in;
        size_t columns;
        const char *out;
        size_t used;
    } CASES[] = {
        {"fits", "abc", 3, "abc", 3},
        {"one too long", "abcd", 3, "ab…", 3},
        {"one column", "abcd", 1, "…", 1},
        {"no column", "abcd", 0, "", 0},
        {"empty", "", 5, "", 0},
        {"wide fits", "日本", 4, "日本", 4},
        {"wide does not", "日本語", 5, "日本…", 5},
        {"wide at the edge", "日本語", 4, "日…", 3},
        {"an escape is not cut in two",
         "a\x1b"
         "b",
         4, "a…", 2},
        {"marks take nothing",
         "e\xcc\x81"
         "a",
         2,
         "e\xcc\x81"
         "a",
         2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct strbuf out = STRBUF_INIT;
        size_t used = escape_fit(&out, slice_cstr(CASES[i].in), CASES[i].columns, true);
        assert_int_equal(used, CASES[i].used);
        assert_int_equal(text_columns(strbuf_slice(&out)), CASES[i].used);
        check(CASES[i].name, &out, CASES[i].out);
    }
    struct strbuf out = STRBUF_INIT;
    escape_fit(&out, S("abcdef"), 4, false);
    check("ascii ellipsis", &out, "abc~");
}

/* Any bytes: valid UTF-8 without control bytes comes out, ASCII when asked; fit keeps its columns.
 */
static void test_any_bytes(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        size_t n = (size_t)round % sizeof bytes;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            bytes[i] = (char)(seed >> (33 + (round & 1)));
        }
        struct strbuf out = STRBUF_INIT;
        bool use_utf8 = round % 3 != 0;
        size_t columns = (size_t)(seed >> 40) % 12;
        escape_terminal(&out, slice_of(bytes, n), use_utf8);
        assert_true(utf8_valid(strbuf_slice(&out)));
        for (size_t i = 0; i < out.n; i++) {
            assert_true((uint8_t)out.p[i] >= 0x20 && out.p[i] != 0x7f);
            assert_true(use_utf8 || (uint8_t)out.p[i] < 0x80);
        }
        strbuf_clear(&out);
        size_t used = escape_fit(&out, slice_of(bytes, n), columns, use_utf8);
        assert_true(used <= columns && utf8_valid(strbuf_slice(&out)));
        assert_int_equal(text_columns(strbuf_slice(&out)), used);
        strbuf_clear(&out);
        utf8_repair(&out, slice_of(bytes, n));
        assert_true(utf8_valid(strbuf_slice(&out)));
        strbuf_free(&out);
    }
}

static void test_redact(void **state)
{
    static const struct {
        const char *in, *out;
    } CASES[] = {
        {"bob@example.com", "<redacted>@example.com"},
        {"<bob@example.com>", "<<redacted>@example.com>"},
        {"bounce+trap=example.org@list.example.com", "<redacted>@list.example.com"},
        {"SRS0=x=y=example.org=trap@relay.example.net", "<redacted>@relay.example.net"},
        {"\"odd name\"@example.com", "<redacted>@example.com"},
        {"Hello trap@example.org, buy now", "Hello <redacted>@example.org, buy now"},
        {"a@b c@d", "<redacted>@b <redacted>@d"},
        {"a@b@c", "<redacted>@<redacted>@c"},
        {"@", "@"},
        {" @ home", " @ home"},
        {"", ""},
        {"no address", "no address"},
        {"d\xc3\xa9j\xc3\xa0@example.com", "<redacted>@example.com"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct strbuf out = STRBUF_INIT;
        redact_addresses(&out, slice_cstr(CASES[i].in));
        check(CASES[i].in, &out, CASES[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_redact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
