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

#include "core/clock.h"
#include "core/limits.h"

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

static void golden_plain(void **state)
{
    (void)state;
    golden_run(context, arena, "plain.cases", 60);
}

static void golden_negative(void **state)
{
    (void)state;
    golden_run(context, arena, "negative.cases", 25);
}

static void golden_disguise(void **state)
{
    (void)state;
    golden_run(context, arena, "disguise.cases", 44);
}

static void golden_html(void **state)
{
    (void)state;
    golden_run(context, arena, "html.cases", 50);
}

static void registrable(void **state)
{
    (void)state;
    static const struct {
        const char *host, *domain;
    } CASES[] = {
        {"example.com", "example.com"},
        {"a.b.example.com", "example.com"},
        {"a.example.co.uk", "example.co.uk"},
        {"co.uk", ""},
        {"com", ""},
        {"", ""},
        {"192.0.2.1", ""},
        {"2001:db8::1", ""},
        {"www.ck", "www.ck"},           /* an exception to a wildcard */
        {"a.b.c.ck", "b.c.ck"},         /* the wildcard */
        {"a.nosuchtld", "a.nosuchtld"}, /* the list's default rule */
        {"x.xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"},
    };
    for (int round = 0; round < 2; round++) { /* the second one from the cache */
        for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
            struct slice host = slice_cstr(CASES[i].host);
            struct slice got = domain_registrable(context, host);
            if (!slice_eq(got, slice_cstr(CASES[i].domain))) {
                fail_msg("%s: got '%.*s', not '%s'", CASES[i].host, SLICE_ARG(got),
                         CASES[i].domain);
            }
            assert_true(!got.n || (got.p >= host.p && got.p + got.n == host.p + host.n));
        }
    }
    char longest[256];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(domain_registrable(context, slice_of(longest, sizeof longest)).n, 0);
}

/* One context's end is not the other's. */
static void contexts_apart(void **state)
{
    (void)state;
    struct errbuf eb;
    assert_int_equal(domain_registrable(context, S("www.example.com")).n, 11);
    struct url_context *other = url_context_new(&eb);
    assert_non_null(other);
    assert_int_equal(domain_registrable(other, S("www.example.com")).n, 11);
    assert_int_equal(domain_registrable(context, S("www.example.com")).n, 11);
    url_context_free(other);
}

static void scan(struct url_list *list, const struct strbuf *b)
{
    assert_false(b->failed);
    assert_int_equal(url_scan_text(context, strbuf_slice(b), arena, list), OK);
}

static void limit_urls(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        arena_reset(arena);
        struct strbuf b = STRBUF_INIT;
        struct url_list list = {0};
        for (int i = 0; i < LIMIT_URLS + over; i++) {
            strbuf_printf(&b, "http://example.com/%d\nhttp://example.com/%d\n", i, i);
        }
        scan(&list, &b);
        assert_int_equal(list.count, over > 0 ? LIMIT_URLS : LIMIT_URLS + over);
        assert_int_equal(list.quirks, over > 0 ? QUIRK_BIT(URL_LIMIT) : 0);
        /* a full list knows what it holds, in order */
        assert_true(slice_eq(list.items[0].text, S("http://example.com/0")));
        assert_true(slice_eq(list.items[150].text, S("http://example.com/150")));
        strbuf_free(&b);
    }
}

static void limit_url_bytes(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        arena_reset(arena);
        struct strbuf b = STRBUF_INIT;
        struct url_list list = {0};
        strbuf_add_cstr(&b, "http://example.com/");
        while (b.n < (size_t)(LIMIT_URL_BYTES + over)) {
            strbuf_add_byte(&b, 'a');
        }
        scan(&list, &b);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.items[0].text.n, over > 0 ? LIMIT_URL_BYTES : LIMIT_URL_BYTES + over);
        assert_int_equal(list.quirks, over > 0 ? QUIRK_BIT(URL_LIMIT) : 0);
        strbuf_free(&b);
    }
}

/* An escape is not cut in two. */
static void limit_within_escape(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    struct url_list list = {0};
    strbuf_add_cstr(&b, "http://example.com/aa"); /* 21 + 3 n is never 2048 */
    for (int i = 0; i < 1000; i++) {
        strbuf_add_cstr(&b, "%25");
    }
    scan(&list, &b);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].text.n, 21 + 675 * 3);
    strbuf_free(&b);
}

/* Labels of 63 and names of 253 bytes are the most that DNS has. */
static void limit_host(void **state)
{
    (void)state;
    static const struct {
        size_t label, labels, count;
    } CASES[] = {{62, 1, 1}, {63, 1, 1}, {64, 1, 0}, {48, 5, 1}, {49, 5, 0}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        arena_reset(arena);
        struct strbuf b = STRBUF_INIT;
        struct url_list list = {0};
        strbuf_add_cstr(&b, "http://");
        for (size_t l = 0; l < CASES[i].labels; l++) {
            for (size_t n = 0; n < CASES[i].label; n++) {
                strbuf_add_byte(&b, 'a');
            }
            strbuf_add_cstr(&b, ".");
        }
        strbuf_add_cstr(&b, CASES[i].labels > 1 ? "test.com/" : "com/"); /* 5 * 49 + 8 = 253 */
        scan(&list, &b);
        assert_int_equal(list.count, CASES[i].count);
        strbuf_free(&b);
    }
}

static void limit_shape(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    struct url_list list = {0};
    strbuf_add_cstr(&b, "http://example.com");
    for (int i = 0; i < 100; i++) {
        strbuf_add_cstr(&b, "/abc");
    }
    scan(&list, &b);
    assert_true(list.items[0].shape.n <= URL_SHAPE_BYTES);
    assert_true(slice_ends(list.items[0].shape, S("/a*/a*~")) ||
                slice_ends(list.items[0].shape, S("/~")));
    strbuf_free(&b);
}

/* What a shape is for: the random tokens of one campaign give one shape. */
static void campaign_shape(void **state)
{
    (void)state;
    static const char BASE36[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const struct {
        const char *name, *alphabet;
        size_t size, least, most;
        const char *before, *behind, *shape;
        unsigned share; /* per thousand at least */
    } CASES[] = {
        {"letters", BASE36, 26, 3, 12, "http://example.com/", ".html", "http://d/a*.html", 1000},
        {"digits", BASE36 + 26, 10, 1, 9, "http://www.example.com/?id=", "", "http://www.d/?id=9*",
         1000},
        {"base 36", BASE36, 36, 6, 12, "http://example.com/", "/", "http://d/a*/", 998},
        {"base 36 host", BASE36, 36, 5, 9, "http://a", ".example.com/", "http://s.d/", 1000},
        {"base 64", BASE64, 64, 22, 22, "http://example.com/?k=", "", "http://d/?k=b*", 995},
        {"hex", BASE36 + 20, 16, 32, 32, "http://example.com/", "", NULL, 0},
        {"recipient", BASE36, 36, 4, 12, "http://example.com/unsubscribe.php?email=",
         "@example.net", "http://d/unsubscribe.php?email=e*", 1000},
    };
    uint64_t random = 42;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        unsigned hits = 0;
        if (!CASES[i].shape) {
            continue;
        }
        for (int n = 0; n < 1000; n++) {
            arena_reset(arena);
            struct strbuf b = STRBUF_INIT;
            struct url_list list = {0};
            strbuf_add_cstr(&b, CASES[i].before);
            random = random * 6364136223846793005U + 1442695040888963407U;
            size_t length = CASES[i].least + (random >> 33) % (CASES[i].most - CASES[i].least + 1);
            for (size_t k = 0; k < length; k++) {
                random = random * 6364136223846793005U + 1442695040888963407U;
                strbuf_add_byte(&b, CASES[i].alphabet[(random >> 33) % CASES[i].size]);
            }
            strbuf_add_cstr(&b, CASES[i].behind);
            scan(&list, &b);
            assert_int_equal(list.count, 1);
            hits += slice_eq(list.items[0].shape, slice_cstr(CASES[i].shape));
            strbuf_free(&b);
        }
        if (hits < CASES[i].share) {
            fail_msg("%s: %u of 1000 have the shape, not %u", CASES[i].name, hits, CASES[i].share);
        }
    }
}

/* One list over several parts: what the first had is not listed again. */
static void several_scans(void **state)
{
    (void)state;
    struct url_list list = {0};
    assert_int_equal(
        url_scan_text(context, S("http://example.com/a www.example.org"), arena, &list), OK);
    assert_int_equal(url_scan_html(context,
                                   S("<a href=\"http://example.com/a\">x</a> http://example.net/ "
                                     "<a href='http://example.net/b'>y</a>"),
                                   arena, &list),
                     OK);
    static const char *const TEXT[] = {"http://example.com/a", "http://www.example.org/",
                                       "http://example.net/", "http://example.net/b"};
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(slice_eq(list.items[i].text, slice_cstr(TEXT[i])));
    }
    /* after the items have changed places, they are still found */
    assert_int_equal(
        url_scan_text(context, S("http://example.net/b http://example.net"), arena, &list), OK);
    assert_int_equal(list.count, 4);
}

/* Listed before, and disguised only now; with the targets in it, which are listed too. */
static void listed_before(void **state)
{
    (void)state;
    struct url_list list = {0};
    struct slice url = S("http://example.com/r?u=http://example.net/");
    assert_int_equal(url_scan_text(context, url, arena, &list), OK);
    assert_int_equal(url_scan_text(context, url, arena, &list), OK);
    assert_int_equal(list.count, 2);
    assert_false(list.items[0].is_obfuscated);
    assert_int_equal(list.quirks, 0);
    struct slice html = S("<a href='http://ex&#97;mple.com/r?u=http://example.net/'>x</a>");
    assert_int_equal(url_scan_html(context, html, arena, &list), OK);
    assert_int_equal(list.count, 2);
    assert_true(list.items[0].is_obfuscated);
    assert_false(list.items[1].is_obfuscated);
    assert_int_equal(list.quirks, QUIRK_BIT(URL_OBFUSCATED));
}

static void out_of_memory(void **state)
{
    (void)state;
    struct slice html = S("<a href=\"http://example.com/a\">x</a> http://example.net/");
    size_t failed = 0;
    for (size_t bytes = 0; bytes < 32768; bytes += 512) {
        struct arena *small = arena_new(bytes);
        struct url_list list = {0};
        struct slice text = {NULL, 0};
        enum err e = html_scan(context, html, small, &list, NULL, &text);
        assert_true(e == OK || e == ERR_NOMEM);
        assert_true(e == OK ? list.count == 2 && text.n == 21 : text.n == 0);
        failed += e != OK;
        arena_free(small);
    }
    assert_in_range(failed, 1, 63);
}

/* Texts made to be slow: each is half a megabyte and must be read in about no time. */
static void no_quadratic_time(void **state)
{
    (void)state;
    static const char *const UNITS[] = {"http:",
                                        "a.",
                                        "a . ",
                                        "www.a",
                                        "http://a",
                                        "<http:",
                                        "[.]",
                                        "a dot ",
                                        "(",
                                        "<a href='",
                                        "<a b=\"",
                                        "<!--",
                                        "&#",
                                        "http://\xc3\xa9.x ",
                                        "http://x/?http://",
                                        "<URL:http://"};
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        arena_reset(arena);
        struct strbuf b = STRBUF_INIT;
        struct url_list list = {0};
        while (b.n < LIMIT_TEXT_BYTES) {
            strbuf_add_cstr(&b, UNITS[i]);
        }
        double from = time_monotonic();
        scan(&list, &b);
        assert_int_equal(url_scan_html(context, strbuf_slice(&b), arena, &list), OK);
        double took = time_monotonic() - from;
        if (took > 10) {
            fail_msg("'%s' repeated took %.1f s", UNITS[i], took);
        }
        strbuf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(golden_plain, start),
        cmocka_unit_test_setup(golden_negative, start),
        cmocka_unit_test_setup(golden_disguise, start),
        cmocka_unit_test_setup(golden_html, start),
        cmocka_unit_test_setup(registrable, start),
        cmocka_unit_test_setup(contexts_apart, start),
        cmocka_unit_test_setup(limit_urls, start),
        cmocka_unit_test_setup(limit_url_bytes, start),
        cmocka_unit_test_setup(limit_within_escape, start),
        cmocka_unit_test_setup(limit_host, start),
        cmocka_unit_test_setup(limit_shape, start),
        cmocka_unit_test_setup(campaign_shape, start),
        cmocka_unit_test_setup(several_scans, start),
        cmocka_unit_test_setup(listed_before, start),
        cmocka_unit_test_setup(out_of_memory, start),
        cmocka_unit_test_setup(no_quadratic_time, start),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
