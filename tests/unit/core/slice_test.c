/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "core/slice.h"
#include "core/strbuf.h"
#include "core/utf8.h"

static void finds_and_cuts(void **state)
{
    struct slice s = S("a,b,,c");
    (void)state;
    assert_true(slice_eq(slice_cut(&s, ','), S("a")));
    assert_true(slice_eq(slice_cut(&s, ','), S("b")));
    assert_true(slice_eq(slice_cut(&s, ','), S("")));
    assert_true(slice_eq(slice_cut(&s, ','), S("c")));
    assert_int_equal(s.n, 0);
    assert_int_equal(slice_find(S("hello"), S("ll")), 2);
    assert_int_equal(slice_find(S("hello"), S("lx")), SIZE_MAX);
    assert_int_equal(slice_find(S(""), S("x")), SIZE_MAX);
    assert_int_equal(slice_ifind(S("HeLLo"), S("ll")), 2);
    assert_int_equal(slice_ifind(S("ab"), S("abc")), SIZE_MAX);
    assert_true(slice_eq(slice_trim(S(" \t x y\r\n")), S("x y")));
    assert_true(slice_eq(slice_sub(S("abc"), 2, 9), S("c")));
    assert_true(slice_eq(slice_sub(S("abc"), 7, 9), S("")));
    struct slice nothing = {NULL, 0};
    assert_int_equal(slice_sub(nothing, 0, 5).n, 0);
    assert_int_equal(slice_cut(&nothing, ',').n, 0);
}

static void compares(void **state)
{
    (void)state;
    assert_true(slice_ieq(S("Message-ID"), S("message-id")));
    assert_false(slice_ieq(S("a"), S("ab")));
    assert_true(slice_istarts(S("X-Spam-Flag"), S("x-spam-")));
    assert_true(slice_iends(S("a.EXE"), S(".exe")));
    assert_false(slice_ends(S("a.EXE"), S(".exe")));
    assert_true(slice_cmp(S("a"), S("ab")) < 0);
    assert_true(slice_cmp(S("b"), S("ab")) > 0);
    assert_int_equal(slice_cmp(S(""), S("")), 0);
}

/* Every length and offset within two words, every pair of bytes: as byte after byte. */
static void compares_without_case(void **state)
{
    char a[24], b[24];
    (void)state;
    for (size_t n = 1; n <= 20; n++) {
        unsigned step = n > 8 ? 7 : 1;
        for (unsigned at = 0; at < n; at++) {
            for (unsigned pair = 0; pair < 256 * 256; pair += step) {
                memcpy(a, "Received-Spf: pass (x)", 23);
                memcpy(b, "rECEIVED-sPF: PASS (X)", 23);
                a[at] = (char)(pair & 0xff);
                b[at] = (char)(pair >> 8);
                bool expected = ascii_lower(a[at]) == ascii_lower(b[at]);
                if (slice_ieq(slice_of(a, n), slice_of(b, n)) != expected) {
                    fail_msg("%zu bytes, %02x and %02x at %u", n, pair & 0xff, pair >> 8, at);
                }
            }
        }
    }
}

static void reads_numbers_within_range(void **state)
{
    uint64_t v = 7;
    (void)state;
    assert_true(slice_to_u64(S("18446744073709551615"), &v));
    assert_true(v == UINT64_MAX);
    assert_false(slice_to_u64(S("18446744073709551616"), &v));
    assert_false(slice_to_u64(S(""), &v));
    assert_false(slice_to_u64(S("-1"), &v));
    assert_true(v == UINT64_MAX);
}

static void matches_globs(void **state)
{
    static const struct {
        const char *text, *pattern;
        bool is_match;
    } CASES[] = {
        {"mx1.example.org", "*.example.org", true},
        {"example.org", "*.example.org", false},
        {"mx1.EXAMPLE.org", "mx?.example.*", true},
        {"abc", "*", true},
        {"", "*", true},
        {"", "?", false},
        {"aXbXc", "a*b*c", true},
        {"aXbX", "a*b*c", false},
        {"aaaaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*a*c", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        if (slice_glob(slice_cstr(CASES[i].text), slice_cstr(CASES[i].pattern)) !=
            CASES[i].is_match) {
            fail_msg("%s against %s", CASES[i].text, CASES[i].pattern);
        }
    }
}

static void strbuf_grows(void **state)
{
    struct strbuf b = STRBUF_INIT;
    (void)state;
    assert_string_equal(strbuf_cstr(&b), "");
    for (int i = 0; i < 1000; i++) {
        strbuf_printf(&b, "%d,", i % 10);
    }
    assert_int_equal(b.n, 2000);
    assert_false(b.failed);
    assert_true(slice_ends(strbuf_slice(&b), S("8,9,")));
    strbuf_clear(&b);
    assert_string_equal(strbuf_cstr(&b), "");
    assert_false(strbuf_reserve(&b, SIZE_MAX));
    assert_true(b.failed);
    strbuf_free(&b);
}

/* RFC 3629 section 10's examples of what must be refused, and the edges of each length. */
static void utf8_knows_well_formed(void **state)
{
    static const struct {
        const char *bytes;
        bool is_valid;
    } CASES[] = {
        {"", true},
        {"plain ascii, long enough for words", true},
        {"\xc3\xa9", true},
        {"\xe2\x82\xac", true},
        {"\xf0\x9f\x98\x80", true},
        {"\xc0\x80", false},
        {"\xe0\x80\x80", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xc3", false},
        {"abcdefgh\x80", false},
        {"\xe2\x82", false},
        {"\xf4\x8f\xbf\xbf", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        if (utf8_valid(slice_cstr(CASES[i].bytes)) != CASES[i].is_valid) {
            fail_msg("case %zu", i);
        }
    }
}

static void utf8_round_trip(void **state)
{
    char out[4];
    uint32_t back;
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x3000 ? 1 : 37) {
        size_t n = utf8_encode(c, out);
        bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
        assert_int_equal(utf8_sequence(slice_of(out, n), &back), n);
        assert_int_equal(back, is_surrogate ? 0xfffd : c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_and_cuts),         cmocka_unit_test(compares),
        cmocka_unit_test(compares_without_case),  cmocka_unit_test(reads_numbers_within_range),
        cmocka_unit_test(matches_globs),          cmocka_unit_test(strbuf_grows),
        cmocka_unit_test(utf8_knows_well_formed), cmocka_unit_test(utf8_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
