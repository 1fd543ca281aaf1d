/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmocka.h needs the four before it, and url_golden_run.h needs cmocka.h. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "url_golden_run.h"
/* clang-format on */

#include "core/limits.h"
#include "core/utf8.h"
#include "mail/html_entity.h"

static struct url_context *context;
static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    struct errbuf eb;
    context = url_context_new(&eb);
    arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    return context && arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    url_context_free(context);
    arena_free(arena);
    return 0;
}

static int start(void **state)
{
    (void)state;
    arena_reset(arena);
    return 0;
}

static void golden_visible(void **state)
{
    (void)state;
    golden_run(context, arena, "visible.cases", 24);
}

/* The table is searched by halves, so its order is part of its meaning. */
static void entities_all_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t code_point;
        bool is_bare;
    } ALL[] = {
#define ENTITY(name, code_point, bare) {name, code_point, bare},
#include "mail/html_entity.def"
#undef ENTITY
    };
    unsigned bare = 0;
    for (size_t i = 0; i < sizeof ALL / sizeof ALL[0]; i++) {
        char s[40];
        uint32_t got = 0;
        int n = snprintf(s, sizeof s, "&%s;", ALL[i].name);
        assert_int_equal(html_entity(slice_of(s, (size_t)n), true, &got), n);
        assert_int_equal(got, ALL[i].code_point);
        if (ALL[i].is_bare) {
            bare++;
            s[n - 1] = ' ';
            assert_int_equal(html_entity(slice_of(s, (size_t)n), false, &got), n - 1);
            assert_int_equal(got, ALL[i].code_point);
        }
        assert_true(i == 0 || strcmp(ALL[i - 1].name, ALL[i].name) < 0);
    }
    assert_int_equal(bare, 106); /* as many as HTML 5 has */
}

static void limit_text(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        arena_reset(arena);
        struct strbuf b = STRBUF_INIT;
        uint64_t quirks = 0;
        strbuf_add_cstr(&b, "<b>");
        while (b.n < (size_t)(LIMIT_TEXT_BYTES + 3 + over)) {
            strbuf_add_byte(&b, 'a');
        }
        strbuf_add_cstr(&b, "</b>");
        struct slice text = html_text(strbuf_slice(&b), arena, &quirks);
        assert_int_equal(text.n, over > 0 ? LIMIT_TEXT_BYTES : LIMIT_TEXT_BYTES + over);
        assert_int_equal(quirks, over > 0 ? QUIRK_BIT(DECODE_LIMIT) : 0);
        strbuf_free(&b);
    }
}

/* A character is not cut in two, wherever the limit falls in it; links behind the limit count. */
static void limit_within_character(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        arena_reset(arena);
        struct strbuf b = STRBUF_INIT;
        strbuf_add(&b, slice_of("aaaa", shift));
        while (b.n < LIMIT_TEXT_BYTES + 100) {
            strbuf_add_cstr(&b, "\xf0\x9f\x92\x8a");
        }
        strbuf_add_cstr(&b, "<a href='http://example.com/'>");
        struct url_list list = {0};
        struct slice text;
        assert_int_equal(html_scan(context, strbuf_slice(&b), arena, &list, NULL, &text), OK);
        assert_true(utf8_valid(text));
        assert_in_range(text.n, LIMIT_TEXT_BYTES - 3, LIMIT_TEXT_BYTES);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.quirks, QUIRK_BIT(DECODE_LIMIT));
        strbuf_free(&b);
    }
}

/* The combined scan and the two others agree. */
static void one_pass_is_two(void **state)
{
    (void)state;
    struct slice html = S("<title>Hi</title><p>Buy at <a href=\"http://example.com/\">example.org"
                          "</a> <i>now</i><img src=http://example.net/i.gif>");
    struct url_list both = {0}, urls = {0};
    struct slice text;
    uint64_t quirks = 0;
    assert_int_equal(html_scan(context, html, arena, &both, NULL, &text), OK);
    assert_int_equal(url_scan_html(context, html, arena, &urls), OK);
    assert_true(slice_eq(text, html_text(html, arena, &quirks)));
    assert_true(slice_eq(text, S("Hi\nBuy at example.org now")));
    assert_int_equal(both.count, 3);
    assert_int_equal(urls.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(slice_eq(both.items[i].text, urls.items[i].text));
    }
    assert_true(slice_eq(both.items[1].text, S("http://example.org/")));
}

static void out_of_memory(void **state)
{
    (void)state;
    struct arena *none = arena_new(0);
    struct slice text = html_text(S("<b>x"), none, NULL);
    assert_int_equal(text.n, 0);
    arena_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(golden_visible, start),
        cmocka_unit_test_setup(entities_all_found, start),
        cmocka_unit_test_setup(limit_text, start),
        cmocka_unit_test_setup(limit_within_character, start),
        cmocka_unit_test_setup(one_pass_is_two, start),
        cmocka_unit_test_setup(out_of_memory, start),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
