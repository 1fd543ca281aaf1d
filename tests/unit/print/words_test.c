/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "core/limits.h"
#include "core/strbuf.h"
#include "print/words.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64 * 1024 * 1024);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* "word {kind:text} <line>" */
static void words_show(const struct words *w, struct strbuf *out)
{
    strbuf_clear(out);
    for (size_t i = 0; i < w->count; i++) {
        const struct word *x = &w->items[i];
        const char *name = word_kind_name(x->kind);
        if (x->kind == WORD_PLAIN) {
            strbuf_printf(out, " %.*s", SLICE_ARG(x->text));
        } else if (word_kind_is_typed(x->kind)) {
            strbuf_printf(out, " {%s:%.*s}", name, SLICE_ARG(x->text));
        } else {
            strbuf_printf(out, " <%s>", name);
        }
    }
}

static void split_is(const char *text, const char *me, const char *want)
{
    struct strbuf got = STRBUF_INIT;
    struct words w;
    struct slice address = slice_cstr(me);
    arena_reset(arena);
    /* a copy without anything behind it, so that a byte too far is seen */
    size_t n = strlen(text);
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    assert_int_equal(words_split(&w, slice_of(copy, n), &address, me ? 1 : 0, arena), OK);
    words_show(&w, &got);
    assert_string_equal(got.n ? strbuf_cstr(&got) + 1 : "", want);
    strbuf_free(&got);
    free(copy);
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } CASES[] = {
        {"", ""},
        {"a", "a"},
        {"  Hello,  world!  ", "Hello world"},
        {"don't and/or e-mail foo.bar", "don t and or e mail foo bar"},
        {"one\ntwo\r\n\r\nthree\n\n", "one <line> two <paragraph> three"},
        {"\n\n \n", ""},
        {"call +1 (555) 123-4567", "call {number:1} {number:555} {number:123-4567}"},
        {"50% of 1,000.50 or 3.14 24/7", "{number:50} of {number:1,000.50} or {number:3.14} "
                                         "{number:24/7}"},
        {"192.168.1.1", "{number:192.168.1.1}"},
        {"$5 $ 1,200.50 99 € €99 99€ £3", "{money:$5} {money:$ 1,200.50} {money:99 €} {money:€99} "
                                          "{money:99€} {money:£3}"},
        {"5 $ 10 7$ 8", "{money:5 $} {number:10} {money:7$} {number:8}"},
        {"10/21/2010 21.10.10 2010-10-21 2010-10-21T12:00:00Z 21-10",
         "{date:10/21/2010} "
         "{date:21.10.10} {date:2010-10-21} {date:2010-10-21T12:00:00Z} {date:21-10}"},
        {"on 21 Oct 2010 or October 21st, 2010 I may go",
         "on {date:21} {date:Oct} {date:2010} or "
         "{date:October} {date:21st} {date:2010} I may go"},
        {"Freitag, 3. März 2006", "{date:Freitag} {date:3} {date:März} {date:2006}"},
        {"21 января", "{date:21} {date:января}"},
        {"10:30 10:30:15 10:30 AM 10:30pm 5pm 5 pm",
         "{time:10:30} {time:10:30:15} "
         "{time:10:30 AM} {time:10:30pm} {time:5pm} {number:5} pm"},
        {"joe@example.com, <a.b+c@x.example.org>", "{address:joe@example.com} "
                                                   "{address:a.b+c@x.example.org}"},
        {"http://shop.example.com/x?id=9, (www.foo.ru) hxxp://a.b/c.",
         "{url:http://shop.example."
         "com/x?id=9} {url:www.foo.ru} {url:hxxp://a.b/c}"},
        {"deadbeef1 a8f7 4a face facade 0x1F", "{hex:deadbeef1} {hex:a8f7} 4a face facade 0x1F"},
        {"550e8400-e29b-41d4-a716-446655440000", "{hex:550e8400-e29b-41d4-a716-446655440000}"},
        {"xkqzjwv aHgTbQzW k7x2m9q p8zzq7yw-1k3m5x7", "{random:xkqzjwv} {random:aHgTbQzW} "
                                                      "{random:k7x2m9q} {random:p8zzq7yw-1k3m5x7}"},
        {"mp3 win7 100mg 2nd H1N1 covid19 v1agra", "mp3 win7 100mg {number:2nd} H1N1 covid19 "
                                                   "v1agra"},
        {"iPhone PayPal YouTube McDonalds JavaScript NASDAQ", "iPhone PayPal YouTube McDonalds "
                                                              "JavaScript NASDAQ"},
        {"我们提供最好的产品。电话", "我 们 提 供 最 好 的 产 品 电 话"},
        {"ABC株式会社 3年", "ABC 株 式 会 社 {number:3} 年"},
        {"\xff\xfe"
         "abc\x80\x80"
         "def",
         "abc def"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        split_is(CASES[i].text, NULL, CASES[i].want);
    }
}

static void test_recipient(void **state)
{
    (void)state;
    const char *me = "john.smith77@mail.example.org";
    split_is("Dear john.smith77@MAIL.example.org: Smith, JOHN, smith77, example, info", me,
             "Dear {recipient:john.smith77@MAIL.example.org} {recipient:Smith} {recipient:JOHN} "
             "{recipient:smith77} {recipient:example} info");
    split_is("for more info ask sales", "info@sales.example", "for more info ask sales");
    split_is("joe@example.net joseph", me, "{address:joe@example.net} joseph");
}

static uint64_t hash_of_first(const char *text)
{
    struct words w;
    assert_int_equal(words_split(&w, slice_cstr(text), NULL, 0, arena), OK);
    assert_int_equal(w.count, 1);
    return w.items[0].hash;
}

/* All spellings of one word have its hash. */
static void test_disguises(void **state)
{
    (void)state;
    static const char *const SAME[] = {"viagra",
                                       "VIAGRA",
                                       "Viagra",
                                       "Vi\xe2\x80\x8b"
                                       "agra",
                                       "V\xd1\x96"
                                       "agra",
                                       "ＶＩＡＧＲＡ",
                                       "𝐕𝐢𝐚𝐠𝐫𝐚",
                                       "Víàgrá",
                                       "ⓥⓘⓐⓖⓡⓐ",
                                       "v\xc2\xad"
                                       "iagra",
                                       "vi\xcc\x81"
                                       "agra"};
    for (size_t i = 1; i < sizeof SAME / sizeof SAME[0]; i++) {
        assert_int_equal(hash_of_first(SAME[i]), hash_of_first(SAME[0]));
    }
    assert_int_equal(hash_of_first("ВИАГРА"), hash_of_first("виагра"));
    assert_int_equal(hash_of_first("ΣΊΣΥΦΟΣ"), hash_of_first("σίσυφος"));
    assert_int_not_equal(hash_of_first("сор"), hash_of_first("cop")); /* whole words stay */
    assert_int_equal(hash_of_first("30day"), hash_of_first("7day"));
    assert_int_equal(hash_of_first("Grüße"), hash_of_first("GRÜSE"));
    assert_int_equal(hash_of_first("12"), hash_of_first("３４５"));
}

static void test_word_hash(void **state)
{
    (void)state;
    assert_int_equal(word_hash(S("")), word_hash(slice_of("x", 0)));
    for (size_t n = 1; n < 70; n++) {
        char text[70];
        memset(text, 'a', sizeof text);
        uint64_t all = word_hash(slice_of(text, n)), less = word_hash(slice_of(text, n - 1));
        assert_int_not_equal(all, less);
        text[n - 1] = 'b';
        assert_int_not_equal(word_hash(slice_of(text, n)), all);
    }
    /* the quick path folds and hashes as the slow one does, wherever a word stands */
    for (size_t n = 1; n <= 20; n++) {
        char text[64], word[21] = "internationalization";
        word[n] = '\0';
        uint64_t want = word_hash(slice_cstr(word));
        (void)snprintf(text, sizeof text, "%s", word);
        assert_int_equal(hash_of_first(text), want);
        (void)snprintf(text, sizeof text, "%s                    ", word);
        assert_int_equal(hash_of_first(text), want);
    }
}

static void test_limit(void **state)
{
    (void)state;
    for (int extra = -1; extra <= 1; extra++) {
        size_t count = (size_t)(LIMIT_WORDS + extra);
        char *text = malloc(2 * count);
        assert_non_null(text);
        for (size_t i = 0; i < count; i++) {
            text[2 * i] = 'a';
            text[2 * i + 1] = ' ';
        }
        struct words w;
        arena_reset(arena);
        assert_int_equal(words_split(&w, slice_of(text, 2 * count), NULL, 0, arena), OK);
        assert_int_equal(w.count, extra > 0 ? LIMIT_WORDS : count);
        assert_int_equal(w.is_cut, extra > 0);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),     cmocka_unit_test(test_recipient),
        cmocka_unit_test(test_disguises), cmocka_unit_test(test_word_hash),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
