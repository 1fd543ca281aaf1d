/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/limits.h"
#include "core/strbuf.h"
#include "core/utf8.h"
#include "mail/mail.h"

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

static void slice_is(const char *name, struct slice got, const char *want)
{
    if (!slice_eq(got, slice_cstr(want))) {
        fail_msg("%s: got \"%.*s\", want \"%s\"", name, SLICE_ARG(got), want);
    }
}

static struct header_block block_of(struct slice raw)
{
    struct header_block h;
    arena_reset(arena);
    assert_int_equal(header_block_parse(&h, raw, arena), OK);
    return h;
}

/* ---- names ---- */

static void every_known_name_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum header_id id;
    } NAMES[] = {
#define HEADER(id, name) {name, HEADER_##id},
#include "mail/header_name.def"
#undef HEADER
    };
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        struct slice name = slice_cstr(NAMES[i].name);
        char other[64];
        assert_int_equal(header_id_of(name), NAMES[i].id);
        for (size_t k = 0; k < name.n; k++) {
            char c = name.p[k];
            other[k] = ascii_is_lower(c) ? (char)(c - 32) : ascii_lower(c);
        }
        assert_int_equal(header_id_of(slice_of(other, name.n)), NAMES[i].id);
        other[name.n / 2] = '_';
        assert_int_equal(header_id_of(slice_of(other, name.n)), HEADER_OTHER);
        assert_int_equal(header_id_of(slice_of(name.p, name.n - 1)), HEADER_OTHER);
    }
    assert_int_equal(header_id_of(S("")), HEADER_OTHER);
}

static void quirks_have_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < QUIRK_COUNT; i++) {
        assert_true(strlen(quirk_name(i)) > 2 && strlen(quirk_text(i)) > 5);
    }
    assert_string_equal(quirk_name(QUIRK_INDEX_BARE_CR), "bare-cr");
    assert_string_equal(quirk_name(QUIRK_COUNT), "unknown");
}

/* ---- the block ---- */

static void bytes_are_kept(void **state)
{
    (void)state;
    struct header_block h =
        block_of(S("sUBJECT:  a\r\n\tb \r\nReceived: 1\nReceived: 2\nX-E:\n\nbody"));
    assert_int_equal(h.count, 4);
    slice_is("name", h.fields[0].name, "sUBJECT");
    slice_is("value", h.fields[0].value, "  a\r\n\tb ");
    assert_int_equal(h.fields[0].id, HEADER_SUBJECT);
    slice_is("first", h.fields[1].value, " 1");
    slice_is("second", h.fields[2].value, " 2");
    slice_is("empty", h.fields[3].value, "");
    assert_int_equal(h.raw.n,
                     sizeof "sUBJECT:  a\r\n\tb \r\nReceived: 1\nReceived: 2\nX-E:\n\n" - 1);
    assert_true(h.quirks == QUIRK_BIT(MIXED_EOL));
    assert_ptr_equal(header_find(&h, HEADER_RECEIVED), &h.fields[1]);
    assert_null(header_find(&h, HEADER_TO));
}

static void limit_headers(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        struct strbuf b = STRBUF_INIT;
        for (int i = 0; i < LIMIT_HEADERS + over; i++) {
            strbuf_printf(&b, "X-%d: value\n folded\n", i);
        }
        strbuf_add_cstr(&b, "\nbody");
        struct header_block h = block_of(strbuf_slice(&b));
        assert_int_equal(h.count, LIMIT_HEADERS + (over < 0 ? -1 : 0));
        assert_int_equal(!!(h.quirks & QUIRK_BIT(HEADER_LIMIT)), over > 0);
        assert_int_equal(h.raw.n, b.n - 4); /* the block ends where it ends all the same */
        slice_is("last", h.fields[h.count - 1].value, " value\n folded");
        strbuf_free(&b);
    }
}

static void limit_block_bytes(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        struct strbuf b = STRBUF_INIT;
        strbuf_add_cstr(&b, "X-A: 1\nX-B: ");
        while (b.n < (size_t)(LIMIT_HEADER_BLOCK_BYTES + over - 2)) {
            strbuf_add_byte(&b, 'x');
        }
        strbuf_add_cstr(&b, "\n\n");
        struct header_block h = block_of(strbuf_slice(&b));
        assert_int_equal(!!(h.quirks & QUIRK_BIT(HEADER_LIMIT)), over > 0);
        assert_int_equal(h.count, 2);
        assert_true(h.raw.n <= LIMIT_HEADER_BLOCK_BYTES);
        strbuf_free(&b);
    }
}

static void limit_value_bytes(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        struct strbuf b = STRBUF_INIT;
        strbuf_add_cstr(&b, "x\n ");
        while (b.n - 1 < (size_t)LIMIT_HEADER_VALUE_BYTES + (size_t)over) {
            strbuf_add_byte(&b, 'x');
        }
        arena_reset(arena);
        size_t want = (size_t)LIMIT_HEADER_VALUE_BYTES + (over < 0 ? -1UL : 0);
        assert_int_equal(header_unfold(strbuf_slice(&b), arena).n, want);
        assert_int_equal(header_decode(strbuf_slice(&b), arena, NULL).n, want);
        strbuf_free(&b);
    }
}

static void unfolding(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } CASES[] = {
        {"", ""},          {"  a b\t", "a b"}, {" a\r\n\tb", "a\tb"}, {" a\n b\n  c\n ", "a b  c"},
        {" a\r b", "a b"}, {" a\rb", "a\rb"},  {"\r\n only", "only"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        arena_reset(arena);
        slice_is(CASES[i].in, header_unfold(slice_cstr(CASES[i].in), arena), CASES[i].out);
    }
    static const char PLAIN[] = " no folding ";
    assert_ptr_equal(header_unfold(slice_cstr(PLAIN), arena).p, PLAIN + 1); /* borrowed */
}

/* ---- encoded words ---- */

static void encoded_words(void **state)
{
    (void)state;
    enum { BAD = 1 };
    static const struct {
        const char *in, *out;
        int bad;
    } CASES[] = {
        {" plain ", "plain", 0},
        {"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
         "Gr\xc3\xbc\xc3\x9f"
         "e",
         0},
        {"=?UTF-8?b?R3LDvMOfZQ==?=",
         "Gr\xc3\xbc\xc3\x9f"
         "e",
         0},
        {"=?iso-8859-1?Q?a?= =?iso-8859-1?Q?b?=", "ab", 0},
        {"=?iso-8859-1?Q?a?=\r\n =?utf-8?B?Yg==?=", "ab", 0},
        {"=?iso-8859-1?Q?a?= x =?iso-8859-1?Q?b?=", "a x b", 0},
        {"(=?iso-8859-1?Q?a_b?=)", "(a b)", 0},
        {"x=?us-ascii?Q?a?=y", "xay", 0},
        {"=?utf-8?B?4oI=?= =?utf-8?B?rA==?=", "\xe2\x82\xac", 0}, /* one character in two words */
        {"=?utf-8?Q?=E2=82?= =?utf-8?B?rA==?=", "\xe2\x82\xac", 0},
        {"=?utf-8*en?Q?lang?=", "lang", 0},
        {"=?koi8-r?B?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", 0},
        {"=?iso-8859-1?Q?with space inside?=", "with space inside", 0},
        {"=?utf-8?Q?\?=", "", 0},
        {"=?utf-8?X?a?=", "=?utf-8?X?a?=", BAD},
        {"=?utf-8?Q?open", "=?utf-8?Q?open", BAD},
        {"=?utf-8?Q", "=?utf-8?Q", BAD},
        {"=??Q?a?=", "=??Q?a?=", BAD},
        {"=?utf-8?Q?=G1?=", "=G1", BAD},
        {"=?utf-8?B?!!?=", "", BAD},
        {"=?nobody?Q?=41=42?=", "AB", 0},
        {"caf\xe9", "caf\xc3\xa9", 0},
        {"caf\xc3\xa9", "caf\xc3\xa9", 0},
        {"=?utf-8?Q?=FF?=", "\xef\xbf\xbd", 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint64_t quirks = 0;
        arena_reset(arena);
        slice_is(CASES[i].in, header_decode(slice_cstr(CASES[i].in), arena, &quirks), CASES[i].out);
        assert_int_equal(!!(quirks & QUIRK_BIT(ENCODED_WORD_BAD)), CASES[i].bad);
    }
}

static void open_words_are_linear(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < 8000; i++) {
        strbuf_add_cstr(&b, "=?a?q?b ");
    }
    uint64_t quirks = 0;
    arena_reset(arena);
    assert_true(utf8_valid(header_decode(strbuf_slice(&b), arena, &quirks)));
    assert_true(quirks & QUIRK_BIT(ENCODED_WORD_BAD));
    strbuf_free(&b);
}

/* ---- addresses ---- */

static void mailboxes(void **state)
{
    (void)state;
    static const struct {
        const char *in, *name, *local, *domain;
        size_t count;
    } CASES[] = {
        {"ann@example.com", "", "ann", "example.com", 1},
        {" <ann@example.com>", "", "ann", "example.com", 1},
        {"Ann <ann@example.com>", "Ann", "ann", "example.com", 1},
        {"\"Doe, Ann\" <ann@example.com>, bob@example.net", "Doe, Ann", "ann", "example.com", 2},
        {"\"A \\\"q\\\" B\" <a@example.com>", "A \"q\" B", "a", "example.com", 1},
        {"=?utf-8?Q?J=C3=BCrgen?= <j@example.com>", "J\xc3\xbcrgen", "j", "example.com", 1},
        {"ann@example.com (Ann Doe)", "Ann Doe", "ann", "example.com", 1},
        {"\"ann doe\"@example.com", "", "\"ann doe\"", "example.com", 1},
        {"Ann ann@example.com", "", "ann", "example.com", 1},
        {"<@r1.example,@r2.example:ann@example.com>", "", "ann", "example.com", 1},
        {"Friends: ann@example.com, bob@example.net;", "", "ann", "example.com", 2},
        {"undisclosed-recipients:;", "", "", "", 0},
        {"", "", "", "", 0},
        {"<>", "", "", "", 1},
        {"nobody", "", "nobody", "", 1},
        {"Ann <ann@example.com", "Ann", "ann", "example.com", 1},
        {"a@b@example.com", "", "a@b", "example.com", 1},
        {", , ann@example.com", "", "ann", "example.com", 1},
        {"\"open <ann@example.com>", "open", "ann", "example.com", 1},
        {"ann@[192.0.2.1]", "", "ann", "[192.0.2.1]", 1},
        {"a@example.com,\r\n b@example.com,\r\n c@example.com", "", "a", "example.com", 3},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        arena_reset(arena);
        struct mailbox m = mailbox_first(slice_cstr(CASES[i].in), arena);
        slice_is(CASES[i].in, m.name, CASES[i].name);
        slice_is(CASES[i].in, m.local, CASES[i].local);
        slice_is(CASES[i].in, m.domain, CASES[i].domain);
        assert_int_equal(mailbox_count(slice_cstr(CASES[i].in)), CASES[i].count);
    }
}

static void open_quotes_are_linear(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    strbuf_add_cstr(&b, "\"");
    for (int i = 0; i < 100000; i++) {
        strbuf_add_cstr(&b, "(\\\"");
    }
    arena_reset(arena);
    (void)mailbox_first(strbuf_slice(&b), arena);
    (void)mailbox_count(strbuf_slice(&b));
    strbuf_free(&b);
}

/* ---- parameters ---- */

static void parameters(void **state)
{
    (void)state;
    static const struct {
        const char *value, *name, *out;
    } CASES[] = {
        {"text/plain; charset=utf-8", "charset", "utf-8"},
        {"text/plain; CHARSET = \"utf-8\" ; x=y", "charset", "utf-8"},
        {"text/plain; charset=a; charset=b", "charset", "a"},
        {"text/plain;charset=utf-8 (comment)", "charset", "utf-8"},
        {"a/b; boundary=\"a\\\"b\\\\c\"", "boundary", "a\"b\\c"},
        {"a/b; boundary=\"a;b=c\"; x=y", "x", "y"},
        {"a/b; boundary=\"open", "boundary", "open"},
        {"a/b; junk; =; boundary=b", "boundary", "b"},
        {"a/b; name=two words.txt; x=y", "name", "two words.txt"},
        {"a/b;\r\n\tname=\"a\r\n b\"", "name", "a b"},
        {"a/b", "name", ""},
        {"a/b; name", "name", ""},
        {"a/b; names=x", "name", ""},
        {"a/b; name*=utf-8''na%C3%AFve", "name", "na\xc3\xafve"},
        {"a/b; name*=iso-8859-1'en'na%EFve", "name", "na\xc3\xafve"},
        {"a/b; name*0=one; name*1=two; name*2=three", "name", "onetwothree"},
        {"a/b; name*1=two; name*0=one", "name", "onetwo"},
        {"a/b; name*0*=utf-8''%E2%82; name*1*=%AC; name*2=\".txt\"", "name", "\xe2\x82\xac.txt"},
        {"a/b; name*0=one; name*2=three", "name", "one"},
        {"a/b; name*99=x; name=plain", "name", "plain"},
        {"a/b; name=plain; name*=utf-8''better", "name", "better"},
        {"a/b; name*=no-quotes", "name", "no-quotes"},
        {"a/b; name*=utf-8''%zz%4", "name", "%zz%4"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint64_t quirks = 0;
        arena_reset(arena);
        slice_is(
            CASES[i].value,
            mime_parameter(slice_cstr(CASES[i].value), slice_cstr(CASES[i].name), arena, &quirks),
            CASES[i].out);
    }
}

/* Values made to be slow: what is open must not be searched for its end again and again. */
static void open_comments_are_linear(void **state)
{
    (void)state;
    static const char *const PIECES[] = {"(;", "((", "x=(;", "\";x=\"", "*0*=;", "\\("};
    for (size_t i = 0; i < sizeof PIECES / sizeof PIECES[0]; i++) {
        struct strbuf b = STRBUF_INIT;
        strbuf_add_cstr(&b, "Content-Type: a/b;");
        while (b.n < (size_t)LIMIT_HEADER_BLOCK_BYTES - 8) {
            strbuf_add_cstr(&b, PIECES[i]);
        }
        strbuf_add_cstr(&b, "\n\n");
        struct mail m;
        arena_reset(arena);
        assert_int_equal(mail_parse(&m, strbuf_slice(&b), arena), OK);
        (void)mime_parameter(strbuf_slice(&b), S("x"), arena, NULL);
        (void)mailbox_first(strbuf_slice(&b), arena);
        (void)mailbox_count(strbuf_slice(&b));
        strbuf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_name_is_found),
        cmocka_unit_test(quirks_have_names),
        cmocka_unit_test(bytes_are_kept),
        cmocka_unit_test(limit_headers),
        cmocka_unit_test(limit_block_bytes),
        cmocka_unit_test(limit_value_bytes),
        cmocka_unit_test(unfolding),
        cmocka_unit_test(encoded_words),
        cmocka_unit_test(open_words_are_linear),
        cmocka_unit_test(mailboxes),
        cmocka_unit_test(open_quotes_are_linear),
        cmocka_unit_test(parameters),
        cmocka_unit_test(open_comments_are_linear),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
