/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of variants: what is one variant, what gives way, what is kept. */
#include "dialect.h"

#include <stdlib.h>

static void same_dialect_is_one_variant(void **state)
{
    (void)state;
    struct variants *v = variants_new(100);
    struct spoken s = OUTLOOK;
    uint64_t key = speak(v, &s);
    s.mailer = "Microsoft Outlook Express 6.00.2600.0000"; /* as all else */
    s.host = 7;
    s.received = 1286000000;
    assert_int_equal(speak(v, &s), key);
    s.is_row = true; /* the key is of the prints alone */
    assert_int_equal(speak(v, &s), key);
    assert_int_equal(variants_count(v), 1);
    assert_int_equal(variants_profile(v, 0)->messages, 3);
    assert_int_equal(variants_index(v, key), 0);
    assert_int_equal(variants_index(v, key + 1), 1);
    assert_true(variants_bytes(v) > 500);
    variants_free(v);
}

static void what_makes_another_variant(void **state)
{
    (void)state;
    const struct {
        const char *what;
        struct spoken s;
        bool is_other;
    } table[] = {
        {"a field name's case", {.names = "Received Message-Id From To"}, true},
        {"a shape", {.shapes = "from=b\n"}, true},
        {"a Message-ID class", {.classes = "Onr6"}, true},
        {"a session", {.sd1 = "SD1:EMUn01002--0cQ_866597aaa783_da600fd483ca"}, true},
        {"a host", {.host = 5}, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct variants *v = variants_new(100);
        struct spoken s = OUTLOOK;
        uint64_t key = speak(v, &s);
        s.names = table[i].s.names ? table[i].s.names : s.names;
        s.shapes = table[i].s.shapes ? table[i].s.shapes : s.shapes;
        s.classes = table[i].s.classes ? table[i].s.classes : s.classes;
        s.sd1 = table[i].s.sd1 ? table[i].s.sd1 : s.sd1;
        s.host = table[i].s.host;
        if ((speak(v, &s) != key) != table[i].is_other) {
            fail_msg("%s", table[i].what);
        }
        variants_free(v);
    }
}

static uint64_t key_of(const char *hd1, const char *sd1)
{
    struct variants *v = variants_new(1);
    struct cluster_message m = {.hd1 = slice_cstr(hd1), .sd1 = slice_cstr(sd1)};
    uint64_t key;
    struct profile *p;
    bool is_new;
    assert_int_equal(variants_find(v, &m, &key, &p, &is_new), OK);
    assert_int_equal(p == NULL, key == 0);
    assert_int_equal(is_new, key != 0);
    variants_free(v);
    return key;
}

/* Keys are stored: these values may only change together with the version of stores. */
static void keys_are_golden(void **state)
{
    (void)state;
    static const char HD1[] = "HD1:11.a(ph).onr6.0.1q1q_b598a19f648b_38a6d0cc6125";
    assert_int_equal(key_of(HD1, ""), 0x3997897f44e15f30);
    assert_int_equal(key_of(HD1, "SD1:EMUn01002--0cQ_866597aaa783_da600fd483ca"),
                     0xa3e3c452a3978cb4);
}

static void what_the_key_leaves_open(void **state)
{
    (void)state;
    uint64_t key = key_of("HD1:11.a(ph).onr6.0.1q1q_b598a19f648b_38a6d0cc6125",
                          "SD1:EMUn01002--0cQ_866597aaa783_da600fd483ca");
    /* parts, forged lines, charset; recipients, what the trap refused, how it ended, reverse name
     */
    assert_int_equal(key_of("HD1:12.a(phh).onr6.3.k-_b598a19f648b_38a6d0cc6125",
                            "SD1:EPUn01009qqbcR_000000000000_da600fd483ca"),
                     key);
    assert_int_not_equal(key_of("HD1:11.a(ph).onr6.0.1q1q_b598a19f648b_38a6d0cc6125",
                                "SD1:HMUn01002--0cQ_866597aaa783_da600fd483ca"),
                         key);
    assert_int_not_equal(key_of("HD1:11.a(ph).onr6.0.1q1q_b598a19f648b_38a6d0cc6125",
                                "SD1:ELUn01002--0cQ_866597aaa783_da600fd483ca"),
                         key);
}

static void no_dialect_no_variant(void **state)
{
    (void)state;
    static const char *const none[] = {"", "HD1:", "nonsense", "HD1:00.p.----.0.--_-_-"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(key_of(none[i], ""), 0);
    }
}

static struct spoken numbered(char names[64], unsigned i)
{
    struct spoken s = OUTLOOK;
    snprintf(names, 64, "From To X-Field-%u Subject", i);
    s.names = names;
    return s;
}

/* Space-Saving: whoever has more than N / k of the messages is there, counted right within the
 * error that it states, and no error is more than N / k. */
static void heavy_ones_outlive_a_flood(void **state)
{
    (void)state;
    enum { MOST = 64, FLOOD = 20000, EACH = 25 };
    struct variants *v = variants_new(MOST);
    char names[64];
    uint64_t heavy[3], count[3] = {0}, total = 0;
    for (unsigned i = 0; i < FLOOD; i++) {
        struct spoken s = numbered(names, i);
        (void)speak(v, &s);
        total++;
        if (i % EACH == 0) {
            for (unsigned h = 0; h < 3; h++) {
                struct spoken big = numbered(names, 1000000 + h);
                heavy[h] = speak(v, &big);
                count[h]++;
                total++;
            }
        }
    }
    assert_int_equal(variants_count(v), MOST);
    uint64_t sum = 0;
    for (size_t i = 0; i < MOST; i++) {
        assert_true(variants_error(v, i) <= total / MOST);
        assert_int_equal(variants_index(v, variants_key(v, i)), i);
        sum += variants_profile(v, i)->messages;
    }
    assert_true(sum <= total);
    for (unsigned h = 0; h < 3; h++) {
        size_t i = variants_index(v, heavy[h]);
        assert_true(i < MOST);
        uint64_t messages = variants_profile(v, i)->messages;
        assert_true(messages <= count[h] && messages + variants_error(v, i) >= count[h]);
    }
    variants_free(v);
}

static void one_place_is_enough(void **state)
{
    (void)state;
    struct variants *v = variants_new(1);
    char names[64];
    for (unsigned i = 0; i < 10; i++) {
        struct spoken s = numbered(names, i);
        uint64_t key = speak(v, &s);
        assert_int_equal(variants_count(v), 1);
        assert_int_equal(variants_key(v, 0), key);
        assert_int_equal(variants_error(v, 0), i);
    }
    variants_free(v);
}

static bool load(struct variants *v, uint64_t key, struct slice in)
{
    size_t n = in.n;
    bool ok = variants_load(v, key, &in);
    assert_int_equal(in.n, ok ? 0 : n);
    return ok;
}

static struct strbuf saved(const struct variants *v, size_t i)
{
    struct strbuf b = STRBUF_INIT;
    assert_int_equal(variants_save(v, i, &b), OK);
    return b;
}

static void what_is_saved_comes_back(void **state)
{
    (void)state;
    struct variants *v = variants_new(100), *w = variants_new(100);
    struct spoken all[] = {OUTLOOK, THEBAT, OUTLOOK};
    all[1].is_row = true;
    all[2].sd1 = "SD1:EMUn01002--0cQ_866597aaa783_da600fd483ca";
    for (size_t i = 0; i < 3; i++) {
        uint64_t key = speak(v, &all[i]);
        struct strbuf b = saved(v, i), text = STRBUF_INIT, again = STRBUF_INIT;
        assert_true(load(w, key, strbuf_slice(&b)));
        assert_false(load(w, key, strbuf_slice(&b))); /* known already */
        assert_int_equal(variants_print(v, i, &text), OK);
        assert_int_equal(variants_print(w, i, &again), OK);
        assert_string_equal(strbuf_cstr(&text), strbuf_cstr(&again));
        struct strbuf c = saved(w, i);
        assert_true(slice_eq(strbuf_slice(&b), strbuf_slice(&c)));
        assert_int_equal(speak(w, &all[i]), key); /* goes on where it was */
        assert_int_equal(variants_profile(w, i)->messages, 2);
        strbuf_free(&b);
        strbuf_free(&c);
        strbuf_free(&text);
        strbuf_free(&again);
    }
    assert_int_equal(variants_count(w), 3);
    variants_free(v);
    variants_free(w);
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct variants *v = variants_new(10), *w = variants_new(10);
    struct spoken s = OUTLOOK;
    uint64_t key = speak(v, &s);
    struct strbuf b = saved(v, 0);
    for (size_t n = 0; n < b.n; n++) { /* each prefix is too short */
        char *copy = malloc(n ? n : 1);
        memcpy(copy, b.p, n);
        assert_false(load(w, key, slice_of(copy, n)));
        free(copy);
    }
    assert_false(load(w, 0, strbuf_slice(&b)));
    b.p[0]++; /* a newer version */
    assert_false(load(w, key, strbuf_slice(&b)));
    assert_int_equal(variants_count(w), 0);
    b.p[0]--;
    strbuf_add_cstr(&b, "rest");
    struct slice in = strbuf_slice(&b);
    assert_true(variants_load(w, key, &in));
    assert_true(slice_eq(in, S("rest"))); /* what follows is somebody else's */
    strbuf_free(&b);
    variants_free(v);
    variants_free(w);
}

/* A store may hold more variants than fit: the most counted ones are taken. */
static void loading_keeps_the_heaviest(void **state)
{
    (void)state;
    struct variants *v = variants_new(100), *w = variants_new(10);
    char names[64];
    for (unsigned i = 0; i < 100; i++) {
        struct spoken s = numbered(names, i);
        for (unsigned k = 0; k <= i * 37 % 100; k++) {
            (void)speak(v, &s);
        }
    }
    for (size_t i = 0; i < 100; i++) {
        struct strbuf b = saved(v, i);
        assert_true(load(w, variants_key(v, i), strbuf_slice(&b)));
        strbuf_free(&b);
    }
    assert_int_equal(variants_count(w), 10);
    for (size_t i = 0; i < 10; i++) {
        assert_true(variants_profile(w, i)->messages > 90);
    }
    variants_free(v);
    variants_free(w);
}

static void print_says_what_is_fixed(void **state)
{
    (void)state;
    struct variants *v = variants_new(10);
    struct spoken s = OUTLOOK;
    struct strbuf b = STRBUF_INIT;
    s.sd1 = "SD1:EMUn01002--0cQ_866597aaa783_da600fd483ca";
    (void)speak(v, &s);
    assert_int_equal(variants_print(v, 0, &b), OK);
    struct slice text = strbuf_slice(&b);
    assert_true(slice_starts(text, S("HD1:*.*.onr6.*.*_")));
    assert_true(slice_find(text, S(" SD1:EMUn0100****c*_*_da600fd483ca")) != SIZE_MAX);
    assert_true(slice_find(text, S(" mailer:Microsoft Outlook Express 9")) != SIZE_MAX);
    assert_true(slice_find(text, S(" Message-ID:xxxxxxxxxxxx$xxxxxxxx$xxxxxxxx@label")) !=
                SIZE_MAX);
    strbuf_free(&b);
    variants_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_dialect_is_one_variant),
        cmocka_unit_test(what_makes_another_variant),
        cmocka_unit_test(keys_are_golden),
        cmocka_unit_test(what_the_key_leaves_open),
        cmocka_unit_test(no_dialect_no_variant),
        cmocka_unit_test(heavy_ones_outlive_a_flood),
        cmocka_unit_test(one_place_is_enough),
        cmocka_unit_test(what_is_saved_comes_back),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(loading_keeps_the_heaviest),
        cmocka_unit_test(print_says_what_is_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
