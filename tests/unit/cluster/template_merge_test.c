/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two templates made one: as if one had learnt all. */
#include "template_mail.h"

#include "cluster/template.h"

static const struct planted BOTH[] = {{'a', 12}, {'d', 4}, {'a', 9}, {'n', 5},
                                      {'a', 7},  {'u', 1}, {'a', 6}, {0, 0}};
/* one paragraph that only the first has, one that only the second has, other words in a list */
static const struct planted FIRST[] = {{'a', 12}, {'a', 6}, {'a', 10}, {'\n', 0},
                                       {'a', 8},  {'d', 3}, {'a', 9},  {0, 0}};
static const struct planted SECOND[] = {{'a', 12}, {'\n', 0}, {'a', 10}, {'a', 5},
                                        {'a', 8},  {'d', 5},  {'a', 9},  {0, 0}};

enum { FRESH = 200 };

static struct template *merged(struct template *t, struct template *other)
{
    assert_int_equal(template_merge(t, other), OK);
    template_free(other);
    return t;
}

static void prints(const struct template *t, struct strbuf *out)
{
    strbuf_clear(out);
    assert_int_equal(template_print(t, out), OK);
}

/* Saved, it is a template that can be read. */
static void assert_sound(const struct template *t)
{
    struct strbuf b = STRBUF_INIT, twice = STRBUF_INIT;
    assert_int_equal(template_save(t, &b), OK);
    struct slice in = strbuf_slice(&b);
    struct template *again = template_load(&in);
    assert_non_null(again);
    assert_int_equal(template_save(again, &twice), OK);
    assert_true(slice_eq(strbuf_slice(&b), strbuf_slice(&twice)));
    assert_in_range(template_bytes(t), 1, 16 * 1024);
    template_free(again);
    strbuf_free(&b);
    strbuf_free(&twice);
}

static void two_of_one_grammar_are_what_one_had_learnt(void **state)
{
    (void)state;
    struct strbuf one = STRBUF_INIT, two = STRBUF_INIT;
    struct template_info info;
    struct template *whole = learn(BOTH, 3, 500, 7);
    struct template *t = merged(learn(BOTH, 3, 300, 11), learn(BOTH, 3, 200, 13));
    template_info(t, &info);
    assert_int_equal(info.learnt, 500);
    assert_int_equal(info.outliers, 0);
    prints(whole, &one);
    prints(t, &two);
    /* how often each word of the list was seen decides its order, no more */
    assert_int_equal(one.n, two.n);
    assert_int_equal(matches(t, BOTH, 3, FRESH, 99), 200);
    assert_sound(t);
    template_free(whole);
    template_free(t);
    strbuf_free(&one);
    strbuf_free(&two);
}

static void what_one_lacks_becomes_a_hole(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    struct template *t = learn(FIRST, 3, 300, 17), *other = learn(SECOND, 3, 200, 19);
    struct template_info info;
    assert_int_equal(matches(t, SECOND, 3, FRESH, 99), 0);
    assert_int_equal(matches(other, FIRST, 3, FRESH, 99), 0);
    t = merged(t, other);
    assert_int_equal(matches(t, FIRST, 3, FRESH, 99), 200);
    assert_int_equal(matches(t, SECOND, 3, FRESH, 99), 200);
    assert_int_equal(matches(t, BOTH, 4, FRESH, 99), 0);
    template_info(t, &info);
    assert_int_equal(info.anchor_words, 12 + 10 + 8 + 9);
    assert_int_equal(info.holes, 3);
    prints(t, &b);
    /* each paragraph is there or not; the lists are one of five words */
    size_t found = 0;
    for (struct slice rest = strbuf_slice(&b); slice_find(rest, S("⟨one of: ")) != SIZE_MAX;
         found++) {
        rest = slice_sub(rest, slice_find(rest, S("⟨one of: ")) + 1, SIZE_MAX);
    }
    assert_int_equal(found, 3);
    assert_true(slice_find(strbuf_slice(&b), S("| nothing⟩")) != SIZE_MAX ||
                slice_find(strbuf_slice(&b), S("nothing |")) != SIZE_MAX);
    strbuf_clear(&b);
    assert_int_equal(template_rule(t, 0, &b), OK);
    char word[64];
    word[mail_word(word, 301000)] = '\0'; /* the first word that only FIRST has */
    assert_true(slice_find(strbuf_slice(&b), slice_cstr(word)) == SIZE_MAX);
    assert_sound(t);
    template_free(t);
    strbuf_free(&b);
}

/* It goes on learning as any other does. */
static void a_merged_one_learns_on(void **state)
{
    (void)state;
    static struct message_words m;
    struct dice d = {23};
    struct template *t = merged(learn(FIRST, 3, 30, 29), learn(SECOND, 3, 20, 31));
    for (size_t i = 0; i < 400; i++) {
        mail_make(&m, i % 2 ? FIRST : SECOND, 3, &d);
        assert_int_equal(template_learn(t, &m.view), OK);
    }
    struct template_info info;
    template_info(t, &info);
    assert_int_equal(info.learnt, 450);
    assert_int_equal(info.anchor_words, 12 + 10 + 8 + 9);
    assert_int_equal(matches(t, FIRST, 3, FRESH, 99), 200);
    assert_int_equal(matches(t, SECOND, 3, FRESH, 99), 200);
    assert_sound(t);
    template_free(t);
}

static void a_stranger_is_so_many_outliers(void **state)
{
    (void)state;
    struct strbuf before = STRBUF_INIT, after = STRBUF_INIT;
    struct template_info info;
    struct template *t = learn(BOTH, 3, 300, 37);
    prints(t, &before);
    t = merged(t, learn(FIRST, 50, 299, 41));
    prints(t, &after);
    assert_string_equal(strbuf_cstr(&before), strbuf_cstr(&after));
    template_info(t, &info);
    assert_int_equal(info.learnt, 300);
    assert_int_equal(info.outliers, 299);
    assert_sound(t);
    template_free(t);
    strbuf_free(&before);
    strbuf_free(&after);
}

/* As one cut message takes nothing away, three among thousands do not. */
static void few_messages_take_nothing_away(void **state)
{
    (void)state;
    struct template_info info;
    struct template *t = merged(learn(FIRST, 3, 1000, 43), learn(FIRST, 3, 900, 47));
    t = merged(t, learn(SECOND, 3, 3, 53));
    template_info(t, &info);
    assert_int_equal(info.learnt, 1903);
    assert_int_equal(info.anchor_words, 12 + 6 + 10 + 8 + 9);
    t = merged(t, learn(SECOND, 3, 40, 59));
    template_info(t, &info);
    assert_int_equal(info.anchor_words, 12 + 10 + 8 + 9);
    assert_sound(t);
    template_free(t);
}

/* More holes than fit: the weakest anchors fall. Long dictionaries become words. */
static void bounds_hold(void **state)
{
    (void)state;
    static struct message_words m;
    struct template *both[2] = {template_new(), template_new()};
    struct dice d = {61};
    for (size_t side = 0; side < 2; side++) {
        for (size_t n = 0; n < 60; n++) {
            m.n = 0;
            for (size_t i = 0; i < 80; i++) {
                bool is_listed = i % 2 == side;
                mail_part(&m, (struct planted){'a', 3}, 300000 + i * 1000, &d);
                mail_part(&m, (struct planted){is_listed ? 'd' : '\n', 20}, 600000 + i * 1000, &d);
            }
            message_split(&m);
            assert_int_equal(template_learn(both[side], &m.view), OK);
        }
        assert_sound(both[side]);
    }
    assert_int_equal(template_merge(both[0], both[1]), OK);
    assert_sound(both[0]);
    struct template_info info;
    template_info(both[0], &info);
    assert_in_range(info.holes, 40, 48);
    assert_int_equal(info.learnt, 120);
    template_free(both[0]);
    template_free(both[1]);
}

static void empty_ones_are_no_trouble(void **state)
{
    (void)state;
    struct template *t = merged(template_new(), template_new());
    assert_sound(t);
    t = merged(t, learn(BOTH, 3, 20, 67));
    assert_sound(t);
    template_free(t);
    t = merged(learn(BOTH, 3, 20, 67), template_new());
    assert_int_equal(matches(t, BOTH, 3, FRESH, 99), 200);
    assert_sound(t);
    template_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_of_one_grammar_are_what_one_had_learnt),
        cmocka_unit_test(what_one_lacks_becomes_a_hole),
        cmocka_unit_test(a_merged_one_learns_on),
        cmocka_unit_test(a_stranger_is_so_many_outliers),
        cmocka_unit_test(few_messages_take_nothing_away),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(empty_ones_are_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
