/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a row says of a message is what the message had, or is not said. */
#include "testing.h"

#include "analyse/analyse.h"
#include "analyse/row.h"
#include "analyse/stored.h"

#include <stdio.h>

static const uint8_t KEY[SECRET_KEY_BYTES] = {7};

static struct url_context *urls;

static int set_up(void **state)
{
    struct errbuf eb = {.text = ""};
    (void)state;
    urls = url_context_new(&eb);
    return urls ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    url_context_free(urls);
    return 0;
}

static struct analyser *analyser_make(void)
{
    struct analyse_config c = {.trap = S("t"), .urls = urls, .recipient_key = KEY};
    struct analyser *a = analyser_new(&c);
    assert_non_null(a);
    return a;
}

static bool lists_same(const struct features *a, const struct features *b, int id)
{
    bool same = a->text[id].count == b->text[id].count;
    for (size_t i = 0; same && i < a->text[id].count; i++) {
        same = slice_eq(a->text[id].items[i], b->text[id].items[i]);
    }
    return same;
}

/* Domains and shapes are stored once each. */
static bool sets_same(const struct features *a, const struct features *b, int id)
{
    for (size_t i = 0; i < a->text[id].count; i++) {
        bool found = false;
        for (size_t j = 0; j < b->text[id].count; j++) {
            found |= slice_eq(a->text[id].items[i], b->text[id].items[j]);
        }
        if (!found) {
            return false;
        }
    }
    return (a->text[id].count == 0) == (b->text[id].count == 0);
}

static feature_set compare(struct analyser *a, const char *raw)
{
    const struct analysis *r;
    struct source_message m = {.raw = slice_cstr(raw), .bytes = strlen(raw)};
    struct features f;
    feature_set known;
    struct arena *arena = arena_new(SIZE_MAX);
    assert_int_equal(analyse_message(a, &m, 1300000000, &r), OK);
    assert_int_equal(stored_features(&r->row, &f, &known, arena), OK);
    assert_true((known & ~stored_features_all()) == 0);
    for (int id = 0; id < FEATURE_COUNT; id++) {
        enum feature_type type = feature_info((enum feature_id)id)->type;
        bool is_set = id == FEATURE_URL_DOMAIN || id == FEATURE_URL_SHAPE;
        if (!(known & feature_bit((unsigned)id))) {
            assert_int_equal(f.text[id].count, 0);
            continue;
        }
        bool same = type == FEATURE_TYPE_NUMBER || type == FEATURE_TYPE_FLAG
                        ? f.has_number[id] == r->features.has_number[id] &&
                              (!f.has_number[id] || f.number[id] == r->features.number[id])
                    : is_set ? sets_same(&f, &r->features, id) && sets_same(&r->features, &f, id)
                             : lists_same(&f, &r->features, id);
        if (!same) {
            fail_msg("%s differs for:\n%s", feature_info((enum feature_id)id)->name, raw);
        }
    }
    arena_free(arena);
    return known;
}

#define HEAD                                                                                       \
    "Received: from [198.51.100.7] (unknown [203.0.113.9])\r\n"                                    \
    "\tby mx.trap.example (Postfix) with ESMTPS id 77 for <planted@trap.example>;\r\n"             \
    "\tFri, 1 Oct 2010 00:00:01 +0000\r\n"                                                         \
    "From: \"A\" <a@b.example>\r\nTo: <planted@trap.example>\r\n"                                  \
    "Date: Fri, 1 Oct 2010 02:00:00 +0200\r\n"

static void test_same(void **state)
{
    static const char *const MESSAGES[] = {
        HEAD "Subject: cheap watches\r\nMessage-ID: <0001$ab@host>\r\nX-Mailer: The Bat! (v3)\r\n"
             "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"--=_b1\"\r\n\r\n"
             "----=_b1\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n"
             "http://a.shop.example/x?1 http://b.shop.example/y http://other.example/\r\n"
             "----=_b1\r\nContent-Type: image/gif; name=a.gif\r\n\r\nGIF89a\r\n----=_b1--\r\n",
        HEAD "\r\nno subject at all\r\n",
        "Subject: no header of ours\r\n\r\nx\r\n",
        "\r\n",
        "",
    };
    (void)state;
    struct analyser *a = analyser_make();
    for (size_t i = 0; i < sizeof MESSAGES / sizeof *MESSAGES; i++) {
        feature_set known = compare(a, MESSAGES[i]);
        assert_true(known & feature_bit(FEATURE_SUBJECT));
        assert_true(known & feature_bit(FEATURE_QUIRK));
    }
    analyser_free(a);
}

/* Cut at 200 bytes, or with a trap address taken out: then nobody knows. */
static void test_cut(void **state)
{
    char raw[2048];
    (void)state;
    struct analyser *a = analyser_make();
    for (int n = 190; n < 210; n++) {
        (void)snprintf(raw, sizeof raw, HEAD "Subject: %0*d\r\n\r\nx\r\n", n, 7);
        feature_set known = compare(a, raw);
        assert_int_equal((known & feature_bit(FEATURE_SUBJECT)) != 0, n < 197);
    }
    feature_set known =
        compare(a, HEAD "Subject: for planted@trap.example only\r\nX-Mailer: planted\r\n\r\nx\r\n");
    assert_false(known & feature_bit(FEATURE_SUBJECT));
    assert_false(known & feature_bit(FEATURE_MAILER));
    assert_true(known & feature_bit(FEATURE_SMTP_HELO));
    analyser_free(a);
}

/* Lists that were cut are not known. */
static void test_lists(void **state)
{
    struct strbuf raw = STRBUF_INIT;
    (void)state;
    struct analyser *a = analyser_make();
    for (int n = ROW_DOMAINS_MAX - 1; n <= ROW_DOMAINS_MAX + 1; n++) {
        strbuf_clear(&raw);
        strbuf_add_cstr(&raw, HEAD "Subject: x\r\n\r\n");
        for (int i = 0; i < n; i++) {
            strbuf_printf(&raw, "http://d%d.example/\r\n", i);
        }
        feature_set known = compare(a, strbuf_cstr(&raw));
        assert_int_equal((known & feature_bit(FEATURE_URL_DOMAIN)) != 0, n < ROW_DOMAINS_MAX);
    }
    strbuf_free(&raw);
    analyser_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
