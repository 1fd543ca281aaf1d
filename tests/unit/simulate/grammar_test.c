/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "simulate/grammar.h"

static bool macro(void *arg, struct slice name, struct slice arguments, struct strbuf *out)
{
    (void)arg;
    if (!slice_eq(name, S("me"))) {
        return false;
    }
    strbuf_printf(out, "<%.*s>", SLICE_ARG(arguments));
    return true;
}

static struct pcg random_number;

static const char *filled(const char *text)
{
    static char out[4096];
    struct strbuf b = STRBUF_INIT;
    struct grammar g = {
        .random = &random_number, .machine = 5, .macro = macro, .open = '{', .close = '}'};
    grammar_expand(&g, slice_cstr(text), &b);
    assert_true(b.n < sizeof out);
    memcpy(out, strbuf_cstr(&b), b.n);
    out[b.n] = '\0';
    strbuf_free(&b);
    return out;
}

static void test_certain(void **state)
{
    (void)state;
    random_number = pcg_keyed(3, 0, 0, 0);
    static const char *const CASES[][2] = {
        {"plain", "plain"},
        {"", ""},
        {"{me}", "<>"},
        {"a {me one two} b", "a <one two> b"},
        {"{only|only}", "only"},
        {"{|}", ""},
        {"{?100 yes}{?0 no}", "yes"},
        {"{*3 x}", "xxx"},
        {"{*0 x}", ""},
        {"{=k {me a}}-{$k}", "<a>-<a>"},
        {"{$none}", "{$none}"},
        /* what an engine does not know stays as it is */
        {"{nChar[8-12]}", "{nChar[8-12]}"},
        {"{color:#{me a}}", "{color:#<a>}"},
        {"{}", "{}"},
        {"open { only", "open { only"},
        {"close } only", "close } only"},
        {"{9 }", "{9 }"},
        {"[a|b]", "[a|b]"},
        {"{[a|b]|[a|b]}", "[a|b]"}, /* the other brackets' bars are no choice */
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_string_equal(filled(CASES[i][0]), CASES[i][1]);
    }
}

static void test_classes(void **state)
{
    (void)state;
    random_number = pcg_keyed(1, 0, 0, 0);
    for (unsigned i = 0; i < 200; i++) {
        const char *s = filled("{9 4}{x 3}{X 2}{A 1}{a 2-5}");
        size_t n = strlen(s);
        assert_in_range(n, 12, 15);
        assert_int_equal(strspn(s, "0123456789") >= 4, 1);
        assert_int_equal(strspn(s + 4, "0123456789abcdef") >= 3, 1);
        assert_true(ascii_is_upper(s[9]));
        assert_true(ascii_is_lower(s[n - 1]));
    }
}

static void test_chance(void **state)
{
    (void)state;
    unsigned counts[3] = {0}, optional = 0;
    random_number = pcg_keyed(2, 0, 0, 0);
    for (unsigned i = 0; i < 3000; i++) {
        counts[filled("{a|b|c}")[0] - 'a']++;
        optional += filled("{?30 x}")[0] == 'x';
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_in_range(counts[i], 870, 1130);
    }
    assert_in_range(optional, 780, 1020);
    char first = filled("{@a|b|c|d}")[0];
    for (unsigned i = 0; i < 50; i++) { /* one machine, one choice */
        assert_int_equal(filled("{@a|b|c|d}")[0], first);
    }
}

static void test_depth(void **state)
{
    (void)state;
    random_number = pcg_keyed(4, 0, 0, 0);
    char deep[4 * 64 + 1] = "";
    for (unsigned i = 0; i < 40; i++) {
        strcat(deep, "{?100 ");
        if (strlen(deep) > 200) {
            break;
        }
    }
    filled(deep); /* never closed */
    assert_string_equal(filled("{?100 {?100 {?100 {?100 {?100 {?100 {?100 {?100 {?100 x}}}}}}}}}"),
                        "{?100 x}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certain),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_chance),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests_name("simulate/grammar", tests, NULL, NULL);
}
