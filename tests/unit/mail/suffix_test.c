/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our table of the Public Suffix List against libpsl's answers: from the same text, and from the
 * compiled list that psl_latest() takes. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

#include "core/clock.h"
#include "core/limits.h"
#include "core/strbuf.h"
#include "mail/suffix.h"

#include <libpsl.h>

#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct suffix_list *list;
    psl_ctx_t *from_text, *compiled;
    struct strbuf text;
    unsigned count, failed;
};

/* Skips, and says so, on a system that has libpsl's list only. */
static int set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    *state = x;
    x->list = suffix_list_open();
    x->compiled = psl_latest(NULL);
    struct strbuf path = STRBUF_INIT;
    struct slice dist = slice_cstr(psl_dist_filename());
    strbuf_add(&path, slice_ends(dist, S(".dafsa")) ? slice_sub(dist, 0, dist.n - 6) : dist);
    strbuf_add_cstr(&path, slice_ends(dist, S(".dafsa")) ? ".dat" : "");
    FILE *f = fopen(strbuf_cstr(&path), "rb");
    char block[4096];
    for (size_t n; f && (n = fread(block, 1, sizeof block, f)) > 0;) {
        strbuf_add(&x->text, slice_of(block, n));
    }
    if (f) {
        (void)fclose(f);
    }
    x->from_text = psl_load_file(strbuf_cstr(&path));
    strbuf_free(&path);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    suffix_list_free(x->list);
    psl_free(x->from_text);
    psl_free(x->compiled);
    strbuf_free(&x->text);
    free(x);
    return 0;
}

static void need_list(const struct fixture *x)
{
    if (!x->list || !x->from_text || !x->compiled) {
        print_message("no text of the Public Suffix List here (package publicsuffix): skipped\n");
        skip();
    }
}

static void compare_with(struct fixture *x, const psl_ctx_t *psl, struct slice host,
                         struct host_info ours)
{
    struct host_info theirs = suffix_ask_libpsl(psl, host);
    x->count++;
    if (ours.domain_start != theirs.domain_start || ours.is_listed != theirs.is_listed) {
        print_error("%.*s: domain at %u, listed %d; libpsl: %u, %d\n", SLICE_ARG(host),
                    ours.domain_start, ours.is_listed, theirs.domain_start, theirs.is_listed);
        x->failed++;
    }
}

/* libpsl 0.21 finds names of one character in its compiled list that are only the beginning of
 * others: "m" for "*.mm". */
static bool compiled_is_wrong(struct slice host)
{
    size_t characters = 0;
    for (size_t i = host.n; i && host.p[i - 1] != '.'; i--) {
        characters += (host.p[i - 1] & 0xc0) != 0x80;
    }
    return characters == 1;
}

static void compare(struct fixture *x, struct slice host)
{
    if (!host.n || host.n > SUFFIX_HOST_BYTES_MAX) {
        return;
    }
    /* An exact allocation: AddressSanitizer sees a byte read too far. */
    char *copy = malloc(host.n);
    assert_non_null(copy);
    memcpy(copy, host.p, host.n);
    struct host_info ours = suffix_look_up(x->list, slice_of(copy, host.n));
    free(copy);
    compare_with(x, x->from_text, host, ours);
    if (!compiled_is_wrong(host)) {
        compare_with(x, x->compiled, host, ours);
    }
}

static void compare_joined(struct fixture *x, const char *front, struct slice name)
{
    struct strbuf b = STRBUF_INIT;
    strbuf_add_cstr(&b, front);
    strbuf_add(&b, name);
    compare(x, strbuf_slice(&b));
    strbuf_free(&b);
}

/* The next rule of the list, without "*." and "!". */
static bool rule_next(struct slice *text, struct slice *name)
{
    while (text->n) {
        *name = slice_trim(slice_cut(text, '\n'));
        if (name->n && !slice_starts(*name, S("//"))) {
            size_t skip = name->p[0] == '!' ? 1 : slice_starts(*name, S("*.")) ? 2 : 0;
            *name = slice_sub(*name, skip, SIZE_MAX);
            return true;
        }
    }
    return false;
}

static void every_rule(void **state)
{
    static const char *FRONT[] = {"",      "a.",  "b.a.", "www.b.a.", "xn--9ca.", "\xc3\xa9.",
                                  "city.", "a..", ".",    "-.",       "com.",     "a-"};
    struct fixture *x = *state;
    need_list(x);
    struct slice text = strbuf_slice(&x->text), name;
    unsigned rules = 0, international = 0;
    while (rule_next(&text, &name)) {
        rules++;
        char utf8[256], *ascii = NULL;
        assert_true(name.n < sizeof utf8);
        memcpy(utf8, name.p, name.n);
        utf8[name.n] = '\0';
        int e = idn2_to_ascii_8z(utf8, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
        bool is_international = e == IDN2_OK && !slice_eq(slice_cstr(ascii), name);
        international += is_international;
        for (size_t i = 0; i < sizeof FRONT / sizeof FRONT[0]; i++) {
            compare_joined(x, FRONT[i], name);
            if (is_international) {
                compare_joined(x, FRONT[i], slice_cstr(ascii));
            }
        }
        /* All its ends, and an end that is a label's end. */
        for (size_t i = 0; i < name.n; i++) {
            if ((name.p[i] & 0xc0) != 0x80) {
                compare(x, slice_sub(name, i, SIZE_MAX));
            }
        }
        idn2_free(ascii);
    }
    assert_int_equal(x->failed, 0);
    assert_true(rules > 5000);
    assert_true(international > 100);
}

static uint64_t draw(uint64_t *seed, uint64_t n)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*seed >> 33) % n;
}

/* Labels of rules in any order, with made-up ones between. */
static void random_hosts(void **state)
{
    struct fixture *x = *state;
    need_list(x);
    static struct slice names[32768];
    size_t count = 0;
    struct slice text = strbuf_slice(&x->text);
    while (count < sizeof names / sizeof names[0] && rule_next(&text, &names[count])) {
        count++;
    }
    uint64_t seed = 1;
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < 100000; i++) {
        strbuf_clear(&b);
        for (uint64_t labels = draw(&seed, 12) + 1; labels; labels--) {
            struct slice name = names[draw(&seed, count)];
            switch (draw(&seed, 4)) {
            case 0:
                for (uint64_t n = draw(&seed, 12) + 1; n; n--) {
                    strbuf_add_byte(&b, "abcdefghijklmnopqrstuvwxyz0123456789-_"[draw(&seed, 38)]);
                }
                break;
            case 1:
                strbuf_add(&b, slice_cut(&name, '.'));
                break;
            default:
                strbuf_add(&b, name);
            }
            if (labels > 1) {
                strbuf_add_cstr(&b, draw(&seed, 50) ? "." : "..");
            }
        }
        compare(x, strbuf_slice(&b));
    }
    assert_false(b.failed);
    strbuf_free(&b);
    assert_int_equal(x->failed, 0);
    assert_true(x->count > 180000);
}

static void own_lists(void **state)
{
    (void)state;
    static const char LIST[] = "// ===BEGIN ICANN DOMAINS===\n"
                               "com\nCO.uk \t a note\r\n*.ck\n!www.ck\n\n   \n"
                               "deep.under.test\n*.w.test\n!e.w.test\n!\n*.\n"
                               "// ===BEGIN PRIVATE DOMAINS===\n"
                               "\xd1\x80\xd1\x84\nprivate.com";
    static const struct {
        const char *host, *domain;
        bool is_listed;
    } CASES[] = {
        {"com", "", true},
        {"example.com", "example.com", true},
        {"a.b.example.com", "example.com", true},
        {"private.com", "", true},
        {"a.private.com", "a.private.com", true},
        {"b.a.private.com", "a.private.com", true},
        {"aprivate.com", "aprivate.com", true},
        {"uk", "", false}, /* its names are listed, it is not */
        {"co.uk", "", false},
        {"a.co.uk", "a.co.uk", false},
        {"a.org.uk", "org.uk", false},
        {"ck", "", true},
        {"a.ck", "", true},
        {"b.a.ck", "b.a.ck", true},
        {"a.www.ck", "www.ck", true},
        {"test", "", false},
        {"under.test", "under.test", false},
        {"deep.under.test", "", false},
        {"x.deep.under.test", "x.deep.under.test", false},
        {"x.y.w.test", "x.y.w.test", false},
        {"y.w.test", "", false},
        {"x.e.w.test", "e.w.test", false},
        {"a.xn--p1ai", "a.xn--p1ai", true},
        {"a.\xd1\x80\xd1\x84", "a.\xd1\x80\xd1\x84", true},
        {"a.nowhere", "a.nowhere", false},
        {"a..com", "a..com", true},
        {".com", "", true},
        {".", "", false},
        {"..", "", false},
        {"a.", "", false},
    };
    struct suffix_list *l = suffix_list_new(slice_of(LIST, sizeof LIST - 1));
    assert_non_null(l);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct slice host = slice_cstr(CASES[i].host);
        struct host_info got = suffix_look_up(l, host);
        struct slice domain = slice_sub(host, got.domain_start, SIZE_MAX);
        if (!slice_eq(domain, slice_cstr(CASES[i].domain)) || got.is_listed != CASES[i].is_listed) {
            fail_msg("%s: got '%.*s', listed %d", CASES[i].host, SLICE_ARG(domain), got.is_listed);
        }
    }
    suffix_list_free(l);
}

static void no_list(void **state)
{
    (void)state;
    static const char *EMPTY[] = {"", "\n", "// com\n", " com\n", "!\n", "*.\n"};
    for (size_t i = 0; i < sizeof EMPTY / sizeof EMPTY[0]; i++) {
        assert_null(suffix_list_new(slice_cstr(EMPTY[i])));
    }
    suffix_list_free(NULL);
}

static void limit_bytes(void **state)
{
    (void)state;
    char *text = malloc(LIMIT_SUFFIX_LIST_BYTES + 1);
    assert_non_null(text);
    memset(text, '\n', LIMIT_SUFFIX_LIST_BYTES + 1);
    memcpy(text, "com", 3);
    for (int over = -1; over <= 1; over++) {
        size_t n = (size_t)(LIMIT_SUFFIX_LIST_BYTES + over);
        struct suffix_list *l = suffix_list_new(slice_of(text, n));
        assert_int_equal(l != NULL, over <= 0);
        suffix_list_free(l);
    }
    free(text);
}

/* Every verb that reads mail pays for it. The bound is for a loaded machine with sanitizers. */
static void load_is_quick(void **state)
{
    const struct fixture *x = *state;
    need_list(x);
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        double start = time_monotonic();
        struct suffix_list *l = suffix_list_open();
        double took = time_monotonic() - start;
        assert_non_null(l);
        suffix_list_free(l);
        best = took < best ? took : best;
    }
    print_message("loaded in %.0f us\n", best * 1e6);
    assert_true(best < 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_rule, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_hosts, set_up, tear_down),
        cmocka_unit_test(own_lists),
        cmocka_unit_test(no_list),
        cmocka_unit_test(limit_bytes),
        cmocka_unit_test_setup_teardown(load_is_quick, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
