/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shapes of free text, the pattern language, and the class tables that are written in it. */
#include "testing.h"

#include "print/date_style.h"
#include "print/field.h"
#include "print/hd1_shape.h"
#include "print/helo.h"
#include "print/macro.h"

#include <stdio.h>

struct pair {
    const char *in, *out;
};

static void assert_shape(const char *in, struct shape_out *o, const char *want)
{
    struct slice got = shape_end(o);
    if (!slice_eq(got, slice_cstr(want))) {
        fail_msg("%s\n got: %.*s\nwant: %s", in, SLICE_ARG(got), want);
    }
}

static void text_shapes(void **state)
{
    static const struct pair CASES[] = {
        {"", ""},
        {"abc", "a+"},
        {"ABC", "A+"},
        {"aBc", "w+"},
        {"1234567", "9+"},
        {"12345678", "99999999+"},
        {"12345678901", "99999999+"},
        {"123456789012", "999999999999"},
        {"a1b2", "n+"},
        {"A1B2", "N+"},
        {"a1b2c3d", "n+"},
        {"a1b2c3d4", "xxxxxxxx"},
        {"A1B2C3D4", "XXXXXXXX"},
        {"a1b2c3g4", "nnnnnnnn"},
        {"A1B2C3G4", "NNNNNNNN"},
        {"a1b2c3d4.12345678", "xxxxxxxx.xxxxxxxx"}, /* digits beside hex are hex */
        {"12345678-A1B2C3D4", "XXXXXXXX-XXXXXXXX"},
        {"aB3dE5fG7hJ9", "BBBBBBBBBBBB"},
        {"aB3dE5f/7hJ+", "BBBBBBBBBBBB"},
        {"aB3dE5fG7hJ", "nnnnnnnnnnn"}, /* one short of base64 */
        {"path/to/file1", "a+/a+/n+"},
        {"\xc3\xa4\xc3\xb6-\xff", "u-u"},
        {"a\tb\x7f", "a+^a+^"},
        {"---==", "---=="},
        {"0123456789abcdef0123456789abcdef01234567", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
        {"0123456789abcdef0123456789abcdef012345678", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char buffer[SHAPE_BYTES];
        struct shape_out o = {buffer, 0, sizeof buffer, false};
        shape_text(&o, slice_cstr(CASES[i].in));
        assert_shape(CASES[i].in, &o, CASES[i].out);
    }
}

static void output_is_bounded(void **state)
{
    char in[4 * SHAPE_BYTES], buffer[SHAPE_BYTES];
    (void)state;
    memset(in, '.', sizeof in);
    for (size_t n = SHAPE_BYTES - 1; n <= SHAPE_BYTES + 1; n++) {
        struct shape_out o = {buffer, 0, sizeof buffer, false};
        shape_text(&o, slice_of(in, n));
        struct slice got = shape_end(&o);
        assert_int_equal(got.n, n < SHAPE_BYTES ? n : SHAPE_BYTES);
        assert_int_equal(got.p[got.n - 1], n > SHAPE_BYTES ? '~' : '.');
    }
    struct arena *arena = arena_new(1 << 20);
    assert_non_null(arena);
    assert_int_equal(shape_of(slice_of(in, sizeof in), arena).n, SHAPE_BYTES);
    assert_int_equal(shape_of(S(""), arena).n, 0);
    arena_free(arena);
}

static void patterns(void **state)
{
    static const struct {
        const char *pattern, *in, *shape; /* shape NULL: no match */
    } CASES[] = {
        {"%x{4}$%9+", "0a1b$77", "xxxx$9+"},
        {"%x{4}$%9+", "0a1$77", NULL},
        {"%x{4}$%9+", "0a1bc$77", NULL},
        {"%x{4}$%9+", "0A1B$77", NULL},
        {"%x{4}$%9+", "0a1b$", NULL},
        {"%x{4}$%9+", "0a1b$77.", NULL},
        {"%X{2,3}", "A", NULL},
        {"%X{2,3}", "AB", "X+"},
        {"%X{2,3}", "ABC", "X+"},
        {"%X{2,3}", "ABCD", NULL},
        {"a%%b", "a%b", "a%b"},
        {"id-%*", "id-12.ab", "id-9+.a+"},
        {"id-%*", "id-", "id-"},
        {"id-%?", "id-ann.b", "id-*"},
        {"%A{2}%9+", "GA12", "AA9+"},
        {"%B+", "aZ09+/=", "B+"},
        {"%B+", "a-b", NULL},
        {"%b+", "a-b_c", "b+"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char buffer[SHAPE_BYTES] = "keep";
        struct shape_out o = {buffer, 4, sizeof buffer, false};
        bool matched = shape_match(CASES[i].pattern, slice_cstr(CASES[i].in), &o);
        char want[SHAPE_BYTES];
        snprintf(want, sizeof want, "keep%s", CASES[i].shape ? CASES[i].shape : "");
        assert_int_equal(matched, CASES[i].shape != NULL);
        assert_shape(CASES[i].in, &o, want);
        assert_int_equal(shape_match(CASES[i].pattern, slice_cstr(CASES[i].in), NULL), matched);
    }
}

/* One code for one class and one class for one code, in each table. */
static void codes_are_unique(void **state)
{
    const struct value_class *tables[3];
    size_t counts[3] = {msgid_classes(&tables[0]), boundary_classes(&tables[1]),
                        mailer_classes(&tables[2])};
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        assert_true(counts[t] > 40);
        for (size_t i = 0; i < counts[t]; i++) {
            const struct value_class *a = &tables[t][i];
            assert_true(ascii_is_alnum(a->code));
            for (size_t k = 0; k < i; k++) {
                const struct value_class *b = &tables[t][k];
                if ((a->code == b->code) != (strcmp(a->name, b->name) == 0)) {
                    fail_msg("table %zu: %c %s and %c %s", t, a->code, a->name, b->code, b->name);
                }
            }
        }
    }
}

static void mailer_classes_match(void **state)
{
    static const struct pair CASES[] = {
        {"Microsoft Outlook Express 6.00.2900.2180", "oe6"},
        {"microsoft outlook express 6.00", "oe6"},
        {"Microsoft Outlook Express DM", "oe"},
        {"Microsoft Outlook, Build 10.0.4115", "outlook10"},
        {"Microsoft Outlook, Build 9.0", "outlook"},
        {"Mozilla/5.0 (X11) Gecko", "mozilla"},
        {"Mozilla/5.0 (X11) Gecko Thunderbird/3", "thunderbird"},
        {"The Bat! (v9.9)", "thebat"},
        {"The Bat! (v1.52f) Business", "thebat1"},
        {"Spamware 3", "other"},
        {"", "other"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_string_equal(value_class_name(mailer_class(slice_cstr(CASES[i].in))), CASES[i].out);
    }
    assert_int_equal(charset_code(S("koi8-r")), 'k');
    assert_int_equal(charset_code(S("klingon")), '?');
    assert_int_equal(charset_code(S("")), '-');
}

static void fields(void **state)
{
    static const struct {
        const char *name;
        enum field_kind kind;
        int row;
    } CASES[] = {
        {"Subject", FIELD_OWN, -1},
        {"subject", FIELD_OWN, -1},
        {"X-Mailer", FIELD_OWN, VALUE_X_MAILER},
        {"x-MAILER", FIELD_OWN, VALUE_X_MAILER},
        {"X-Mailer-Version", FIELD_OWN, -1},
        {"Return-Path", FIELD_ALWAYS, -1},
        {"STATUS", FIELD_ALWAYS, -1},
        {"X-Spam", FIELD_ALWAYS, -1},
        {"x-spam-anything", FIELD_ALWAYS, -1},
        {"X-Spa", FIELD_OWN, -1},
        {"ARC-Seal", FIELD_ALWAYS, -1},
        {"Arcane", FIELD_OWN, -1},
        {"List-Id", FIELD_MARK, -1},
        {"X-BeenThere", FIELD_MARK, -1},
        {"Sender", FIELD_LIST, VALUE_SENDER},
        {"Precedence", FIELD_LIST, -1},
        {"X-", FIELD_OWN, -1},
        {"X", FIELD_OWN, -1},
        {"", FIELD_OWN, -1},
        {"X-\xff", FIELD_OWN, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct field f = field_of(slice_cstr(CASES[i].name));
        if (f.kind != CASES[i].kind || f.row != CASES[i].row) {
            fail_msg("%s: kind %d row %d", CASES[i].name, (int)f.kind, f.row);
        }
    }
}

static void dates(void **state)
{
    static const struct {
        const char *date, *style;
        char code;
    } CASES[] = {
        {"Fri, 1 Oct 2010 12:34:56 +0200", "w, d m y t z", 'r'},
        {"Fri,  01 Oct 2010  12:34:56 -0800 ", "w, d m y t z", 'r'},
        {"Fri, 21 May 2010 12:34:56.789 +0200", "w, d m y t z", 'r'},
        {"Fri, 1 Oct 2010 12:34:56 +0200 (CEST)", "w, d m y t z (c)", 'c'},
        {"Fri, 1 Oct 2010 12:34:56 +0200 (CEST", "w, d m y t z (c", '?'},
        {"Friday, 1 Oct 2010 12:34:56 +0200", "ww, d m y t z", 'f'},
        {"fri, 1 oct 2010 12:34:56 +0200", "!w, d !m y t z", '?'},
        {"1-Oct-2010 12:34:56 UT", "d-m-y t g", '?'},
        {"Fri, 1 Oct 2010 12:34:56 +200", "w, d m y t Z", 'z'},
        {"Fri, 1 Oct 02010 12:34:56 +0200", "w, d m 9 t z", '?'},
        {"", "", '-'},
        {"\xff\x01", "^^", '?'},
        {"::::", "::::", '?'},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char buffer[48];
        struct shape_out o = {buffer, 0, sizeof buffer, false};
        date_style(slice_cstr(CASES[i].date), &o);
        assert_shape(CASES[i].date, &o, CASES[i].style);
        assert_int_equal(date_style_code(shape_end(&o)), CASES[i].code);
    }
}

/* A style must not tell the date: every day of some years gives one and the same. */
static void date_style_hides_the_date(void **state)
{
    static const char *const MONTH[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static const char *const WEEKDAY[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    (void)state;
    for (int i = 0; i < 12 * 31 * 7; i++) {
        char text[64], buffer[48];
        snprintf(text, sizeof text,
                 i % 2 ? "%s, %d %s %d %02d:%02d:%02d %+05d" : "%s, %02d %s %d %d:%02d:%02d %+05d",
                 WEEKDAY[i % 7], i % 31 + 1, MONTH[i % 12], 1970 + i % 60, i % 24, i % 60,
                 i * 7 % 60, i % 1200);
        struct shape_out o = {buffer, 0, sizeof buffer, false};
        date_style(slice_cstr(text), &o);
        assert_shape(text, &o, "w, d m y t z");
    }
}

static void helo_forms(void **state)
{
    static const struct {
        const char *helo, *ptr, *own;
        char form;
    } CASES[] = {
        {"", "", "", '-'},
        {"[192.0.2.1]", "", "", 'L'},
        {"[IPv6:2001:db8::1]", "", "", 'L'},
        {"192.0.2.1", "", "", 'I'},
        {"mx.example.org", "", "MX.example.org", 'T'},
        {"a.example.net", "A.example.net", "mx.example.org", 'P'},
        {"mail.example.com", "a.example.net", "mx.example.org", 'M'},
        {"ylmf-pc", "", "", 'S'},
        {"localhost", "", "", 'S'},
        {"friend", "", "", 'S'},
        {"WIN-3F8K2L1M", "", "", 'S'},
        {"qwrtpsdf", "", "", 'R'},
        {"a1b2c3d4.example.com", "", "", 'R'},
        {"a1b2c3d", "", "", 'S'}, /* seven: one short */
        {"3232235777", "", "", 'S'},
        {"dsl-203-0-113-5.example.net", "", "", 'M'},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char got = helo_form(slice_cstr(CASES[i].helo), slice_cstr(CASES[i].ptr),
                             slice_cstr(CASES[i].own));
        if (got != CASES[i].form) {
            fail_msg("%s: %c, not %c", CASES[i].helo, got, CASES[i].form);
        }
    }
}

static void macros(void **state)
{
    static const struct pair CASES[] = {
        {"with esmtp ({nChar[8-12]} {nChar[4-6]})", "{nChar[8-12]}"},
        {"{nChar[8]}", "{nChar[8]}"},
        {"buy $DIKSBJ", "$DIKSBJ"},
        {"%RND_UC_CHAR", "%RND_UC_CHAR"},
        {"<%%FROM_NAME%%@x>", "%FROM_NAME%"},
        {"%DEAD%", "%DEAD%"},
        {"{%MAILTO_NAME%}", "{%MAILTO_NAME%}"},
        {"Dear {{first_name}}", "{{first_name}}"},
        {"Dear {FIRST_NAME},", "{FIRST_NAME}"},
        {"buy $GOOGL now", ""},
        {"$100.000", ""},
        {"<000001cb6158$1f2e3d4c$0a00a8c0@pc>", ""},
        {"<abc$DEFGHIJK$abc@pc>", ""},
        {"http://x/?a=%ABCD%EF", ""},
        {"100%", ""},
        {"%", ""},
        {"{", ""},
        {"{}", ""},
        {"{nChar[", ""},
        {"{nChar[-]}", ""},
        {"{%", ""},
        {"$", ""},
        {"\x1b$BABCDEF", ""}, /* ISO-2022-JP */
        {"{0A1B2C3D-0123-4567-89AB-0123456789AB}", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct slice got = macro_find(slice_cstr(CASES[i].in));
        if (!slice_eq(got, slice_cstr(CASES[i].out))) {
            fail_msg("%s\n got: %.*s\nwant: %s", CASES[i].in, SLICE_ARG(got), CASES[i].out);
        }
    }
}

static void addresses_and_types(void **state)
{
    static const struct pair TYPES[] = {
        {"text/plain", "text/plain"},
        {"text/plain;", "text/plain;"},
        {"text/plain;;charset=x", "text/plain;;charset=*"},
        {"text/plain; charset = \"x\"", "text/plain; charset= \"*\""},
        {"text/plain; charset", "text/plain; charset"},
        {"text/plain; name=\"a\\\"b;c\"; format=flowed", "text/plain; name=\"*\"; format=flowed"},
        {"text/plain; charset=", "text/plain; charset=-"},
        {"text/plain; name=\"", "text/plain; name=\"-!"},
        {"text/plain;\r\n\tcharset=x", "text/plain;|tcharset=*"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        char buffer[SHAPE_BYTES];
        struct shape_out o = {buffer, 0, sizeof buffer, false};
        shape_type(slice_cstr(TYPES[i].in), NULL, &o);
        assert_shape(TYPES[i].in, &o, TYPES[i].out);
    }
    static const struct pair ADDRESSES[] = {
        {"\"a", "b"}, {"\"a\\\" <x>", "b"}, {"<", "a"}, {" ", "-"}};
    for (size_t i = 0; i < sizeof ADDRESSES / sizeof ADDRESSES[0]; i++) {
        char buffer[SHAPE_BYTES];
        struct shape_out o = {buffer, 0, sizeof buffer, false};
        shape_address(slice_cstr(ADDRESSES[i].in), &o);
        assert_shape(ADDRESSES[i].in, &o, ADDRESSES[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_shapes),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(patterns),
        cmocka_unit_test(codes_are_unique),
        cmocka_unit_test(mailer_classes_match),
        cmocka_unit_test(fields),
        cmocka_unit_test(dates),
        cmocka_unit_test(date_style_hides_the_date),
        cmocka_unit_test(helo_forms),
        cmocka_unit_test(macros),
        cmocka_unit_test(addresses_and_types),
    };
    return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
