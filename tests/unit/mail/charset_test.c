/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/limits.h"
#include "core/utf8.h"
#include "mail/charset.h"
#include "mail/mail.h"

#include <pthread.h>
#include <stdlib.h>

/* cmocka.h wants these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

#define BAD     QUIRK_BIT(CHARSET_BAD)
#define UNKNOWN QUIRK_BIT(CHARSET_UNKNOWN)
#define CUT     QUIRK_BIT(DECODE_LIMIT)
#define FFFD    "\xef\xbf\xbd"

static void text_is(struct slice in, const char *charset, size_t max, struct slice want,
                    uint64_t quirks_want)
{
    char *block = malloc(in.n + (in.n == 0)); /* ends where the input ends */
    assert_non_null(block);
    if (in.n) {
        memcpy(block, in.p, in.n);
    }
    uint64_t quirks = 0;
    arena_reset(arena);
    struct slice got =
        charset_to_utf8(slice_of(block, in.n), slice_cstr(charset), max, arena, &quirks);
    if (!slice_eq(got, want) || quirks != quirks_want) {
        fail_msg("\"%.*s\" in %s: got \"%.*s\" %llx, want \"%.*s\" %llx", SLICE_ARG(in), charset,
                 SLICE_ARG(got), (unsigned long long)quirks, SLICE_ARG(want),
                 (unsigned long long)quirks_want);
    }
    assert_true(utf8_valid(got));
    free(block);
}

static void conversions(void **state)
{
    (void)state;
    static const struct {
        const char *charset;
        struct slice in, out;
        uint64_t quirks;
    } CASES[] = {
        {"us-ascii", SLICE("plain"), SLICE("plain"), 0},
        {"us-ascii", SLICE("caf\xe9"), SLICE("caf\xc3\xa9"), BAD},
        {"us-ascii", SLICE("caf\xc3\xa9"), SLICE("caf\xc3\xa9"), BAD},
        {"", SLICE("caf\xe9"), SLICE("caf\xc3\xa9"), BAD},
        {"", SLICE(""), SLICE(""), 0},
        {"utf-8", SLICE("caf\xc3\xa9"), SLICE("caf\xc3\xa9"), 0},
        {"UTF8", SLICE("\xf0\x9f\x98\x80"), SLICE("\xf0\x9f\x98\x80"), 0},
        {"utf-8", SLICE("\xe9"), SLICE(FFFD), BAD},
        {"utf-8", SLICE("a\xe2\x82z"), SLICE("a" FFFD "z"), BAD},              /* one for the two */
        {"utf-8", SLICE("\xf0\x9f\x98"), SLICE(FFFD), BAD},                    /* cut at the end */
        {"utf-8", SLICE("\xc0\xaf"), SLICE(FFFD FFFD), BAD},                   /* overlong */
        {"utf-8", SLICE("\xed\xa0\x80"), SLICE(FFFD FFFD FFFD), BAD},          /* a surrogate */
        {"utf-8", SLICE("\xf4\x90\x80\x80"), SLICE(FFFD FFFD FFFD FFFD), BAD}, /* past 10FFFF */
        {"iso-8859-1", SLICE("caf\xe9 \x80"), SLICE("caf\xc3\xa9 \xe2\x82\xac"), 0},
        {"windows-1252", SLICE("\x93q\x94"), SLICE("\xe2\x80\x9cq\xe2\x80\x9d"), 0},
        {"windows-1252", SLICE("\x81"), SLICE(FFFD), BAD},
        {"iso-8859-15", SLICE("\xa4"), SLICE("\xe2\x82\xac"), 0},
        {"iso-8859-3", SLICE("\xa5"), SLICE(FFFD), BAD}, /* a hole in the table */
        {"koi8-r", SLICE("\xf0\xd2"), SLICE("\xd0\x9f\xd1\x80"), 0},
        {"windows-1251", SLICE("\xcf\xf0"), SLICE("\xd0\x9f\xd1\x80"), 0},
        {"windows-1255", SLICE("\xf9\xc1"), SLICE("\xd7\xa9\xd6\xb1"), 0},
        {"gb2312", SLICE("\xc4\xe3"), SLICE("\xe4\xbd\xa0"), 0},
        {"gb2312", SLICE("a\xff"), SLICE("a" FFFD), BAD},
        {"gb2312", SLICE("a\xc4"), SLICE("a" FFFD), BAD},
        {"big5", SLICE("\xa7\x41"), SLICE("\xe4\xbd\xa0"), 0},
        {"shift_jis", SLICE("\x82\xb1"), SLICE("\xe3\x81\x93"), 0},
        {"euc-jp", SLICE("\xa4\xb3"), SLICE("\xe3\x81\x93"), 0},
        {"euc-kr", SLICE("\xbe\xc8"), SLICE("\xec\x95\x88"), 0},
        {"iso-2022-jp", SLICE("\x1b$B$3\x1b(B."), SLICE("\xe3\x81\x93."), 0},
        {"utf-7", SLICE("+AOk-"), SLICE("\xc3\xa9"), 0},
        {"utf-16le", SLICE("\xe9\0"), SLICE("\xc3\xa9"), 0},
        {"utf-16be", SLICE("\xdc\x00\x00x"), SLICE(FFFD "x"), BAD}, /* half a pair: two bytes */
        {"utf-16le", SLICE("x\0\xe9"), SLICE("x" FFFD), BAD},
        {"nobody-knows", SLICE("plain"), SLICE("plain"), UNKNOWN},
        {"nobody-knows", SLICE("\xe9"), SLICE("\xc3\xa9"), UNKNOWN},
        {"../../etc/passwd", SLICE("\xe9"), SLICE("\xc3\xa9"), UNKNOWN},
        {"UTF-8//TRANSLIT", SLICE("x"), SLICE("x"), UNKNOWN},
    };
    for (int round = 0; round < 2; round++) { /* the second one with everything cached */
        for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
            text_is(CASES[i].in, CASES[i].charset, 1000, CASES[i].out, CASES[i].quirks);
        }
    }
}

static void names(void **state)
{
    (void)state;
    static const char *const KNOWN[] = {
        "utf-8",
        "UTF8",
        "unicode-1-1-utf-8",
        "us-ascii",
        "ASCII",
        "ISO_8859-1",
        "iso8859-1",
        "latin1",
        "windows-1252",
        "Windows1252",
        "win-1252",
        "cp1252",
        "CP-1252",
        "x-cp1251",
        "windows-cp1251",
        "koi8-r",
        "x-sjis",
        "ks_c_5601-1987",
        "x-gbk",
        "x-unknown",
        "unknown-8bit",
        "iso-8859-8-i",
        "_iso-2022-jp$ESC",
        "csISOLatin1",
        "x-mac-cyrillic",
        "gb18030",
        "x-user-defined",
        "ansi_x3.4-1968",
        "IBM437",
        "utf-16be",
    };
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (!charset_is_known(slice_cstr(KNOWN[i]))) {
            fail_msg("%s is not known", KNOWN[i]);
        }
    }
    assert_false(charset_is_known(S("")));
    assert_false(charset_is_known(S("x")));
    assert_false(charset_is_known(S("utf-99")));
    assert_false(
        charset_is_known(S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
}

/* charset.def is searched by halves, and every name in it must convert here. */
static void table(void **state)
{
    (void)state;
    static const struct {
        const char *name, *iconv_name;
    } ROWS[] = {
#define CHARSET(name, iconv_name, kind) {name, iconv_name},
#include "mail/charset.def"
#undef CHARSET
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        uint64_t quirks = 0;
        assert_true(i == 0 || strcmp(ROWS[i - 1].name, ROWS[i].name) < 0);
        arena_reset(arena);
        (void)charset_to_utf8(S("\xd0\xd0\xd0\xd0"), slice_cstr(ROWS[i].name), 1000, arena,
                              &quirks);
        if (quirks & UNKNOWN) {
            fail_msg("%s (%s) is not known", ROWS[i].name, ROWS[i].iconv_name);
        }
    }
}

static void limits(void **state)
{
    (void)state;
    static const struct {
        const char *charset;
        struct slice in, out;
    } CASES[] = {
        {"us-ascii", SLICE("abcdef"), SLICE("abcdef")},
        {"utf-8", SLICE("ab\xc3\xa9\xc3\xa9"), SLICE("ab\xc3\xa9\xc3\xa9")},
        {"iso-8859-1", SLICE("ab\xe9\xe9"), SLICE("ab\xc3\xa9\xc3\xa9")},
        {"gb2312", SLICE("abc\xc4\xe3"), SLICE("abc\xe4\xbd\xa0")},
        {"utf-16le", SLICE("a\0b\0\xe9\0\xe9\0"), SLICE("ab\xc3\xa9\xc3\xa9")},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct slice want = CASES[i].out;
        assert_int_equal(want.n, 6);
        text_is(CASES[i].in, CASES[i].charset, 7, want, 0);
        text_is(CASES[i].in, CASES[i].charset, 6, want, 0);
        struct slice cut = slice_sub(want, 0, i == 0 ? 5 : i == 3 ? 3 : 4);
        text_is(CASES[i].in, CASES[i].charset, 5, cut, CUT);
        text_is(CASES[i].in, CASES[i].charset, 0, S(""), CUT);
    }
    text_is(S("a\xff\xff"), "utf-8", 6, S("a" FFFD), BAD | CUT);
}

static void valid_text_is_borrowed(void **state)
{
    (void)state;
    static const char TEXT[] = "caf\xc3\xa9 and more plain text behind it";
    uint64_t quirks = 0;
    arena_reset(arena);
    assert_ptr_equal(charset_to_utf8(slice_cstr(TEXT), S("utf-8"), 1000, arena, &quirks).p, TEXT);
    assert_int_equal(charset_to_utf8(S("plain"), S("koi8-r"), 1000, arena, &quirks).n, 5);
    assert_int_equal(arena_used(arena), 0);
    assert_int_equal(quirks, 0);
}

/* utf8_prefix is core's utf8_valid, only faster: they must agree on every short sequence. */
static void prefix_agrees_with_core(void **state)
{
    (void)state;
    static const uint8_t BYTES[] = {0x00, 'a',  0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                    0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec,
                                    0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff};
    enum { KINDS = sizeof BYTES };
    for (unsigned i = 0; i < KINDS * KINDS * KINDS * KINDS; i++) {
        char s[4];
        unsigned rest = i;
        for (size_t k = 0; k < sizeof s; k++, rest /= KINDS) {
            s[k] = (char)BYTES[rest % KINDS];
        }
        size_t want = 0;
        for (size_t n; want < sizeof s; want += n) {
            uint32_t c;
            n = utf8_sequence(slice_of(s + want, sizeof s - want), &c);
            if (!n) {
                break;
            }
        }
        assert_int_equal(utf8_prefix(slice_of(s, sizeof s)), want);
    }
}

static void *thread_convert(void *arg)
{
    struct arena *own = arena_new(1 << 20);
    for (int i = 0; own && i < 50; i++) {
        uint64_t quirks = 0;
        arena_reset(own);
        struct slice a = charset_to_utf8(S("\xc4\xe3"), S("gb2312"), 100, own, &quirks);
        struct slice b = charset_to_utf8(S("\xf0\xd2"), S("koi8-r"), 100, own, &quirks);
        if (!slice_eq(a, S("\xe4\xbd\xa0")) || !slice_eq(b, S("\xd0\x9f\xd1\x80"))) {
            *(bool *)arg = true;
        }
    }
    arena_free(own);
    return NULL;
}

/* Each thread has its own converters and leaves none behind (the leak sanitizer looks). */
static void threads_do_not_share(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    bool failed[THREADS] = {false};
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, thread_convert, &failed[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(failed[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversions),
        cmocka_unit_test(names),
        cmocka_unit_test(table),
        cmocka_unit_test(limits),
        cmocka_unit_test(valid_text_is_borrowed),
        cmocka_unit_test(prefix_agrees_with_core),
        cmocka_unit_test(threads_do_not_share),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
