/* SPDX-License-Identifier: GPL-3.0-or-later */
/* METHODS B2 with answers worked out by hand: ln(.8/.2) = 1.386294, ln(.95/.05) = 2.944439. */
#include "sig_testing.h"

#include "core/clock.h"

#include <math.h>

static char folder[] = "/tmp/attribution_test.XXXXXX";
static struct rules *rules;
static struct arena *arena;

/* Each rule asks for one quirk (group header) or a word in a field of another group. */
static int set_up(void **state)
{
    (void)state;
    make_folder(folder);
    put_rule(folder, 1, "stable", "  s: {quirk: q1}\n  condition: s\n",
             "botnet: alpha, confidence: 80");
    put_rule(folder, 2, "stable", "  s: {subject: q2}\n  condition: s\n",
             "botnet: alpha, confidence: 80");
    put_rule(folder, 3, "stable", "  s: {quirk: q3}\n  condition: s\n",
             "botnet: alpha, confidence: 95");
    put_rule(folder, 4, "stable", "  s: {subject: q4}\n  condition: s\n",
             "botnet: beta, confidence: 80");
    put_rule(folder, 5, "stable", "  s: {quirk: q5}\n  condition: s\n",
             "botnet: alpha, confidence: 80, valid_from: 2010-01, valid_until: 2010-06");
    put_rule(folder, 6, "experimental", "  s: {quirk: q6}\n  condition: s\n",
             "botnet: alpha, confidence: 80");
    put_rule(folder, 7, "test", "  s: {quirk: q7}\n  condition: s\n",
             "botnet: alpha, confidence: 80");
    put_rule(folder, 8, "deprecated", "  s: {quirk: q8}\n  condition: s\n",
             "botnet: alpha, confidence: 80");
    put_rule(folder, 9, "stable", "  s: {quirk: q9, subject: q9}\n  condition: s\n",
             "botnet: alpha, confidence: 95");
    put_rule(folder, 10, "stable", "  s: {subject: q10}\n  condition: s\n",
             "botnet: beta, confidence: 96");
    put_rule(folder, 11, "stable", "  s: {quirk: q11}\n  condition: s\n",
             "botnet: alpha, confidence: 96");
    put_rule(folder, 12, "stable", "  s: {quirk: q12}\n  condition: s\n",
             "program: pills, confidence: 95");
    put_rule(folder, 13, "stable", "  s: {subject: q13}\n  condition: s\n",
             "botnet: alpha, confidence: 40");
    put_rule(folder, 14, "stable", "  s: {quirk: q14}\n  condition: s\n",
             "botnet: alpha, confidence: 100");
    rules = load_folder(folder, NULL);
    arena = arena_new(SIZE_MAX);
    return rules_count(rules) == 14 && arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rules_unref(rules);
    arena_free(arena);
    remove_folder(folder);
    return 0;
}

/* Quirks q1,q3 ... and one subject. */
static struct attribution match(const char *subject, int64_t when, const char *const *quirks)
{
    struct features f = {0};
    struct slice items[8], text = slice_cstr(subject);
    struct attribution out;
    struct rule_scratch *s = rule_scratch_new(rules);
    size_t n = 0;
    for (; quirks[n]; n++) {
        items[n] = slice_cstr(quirks[n]);
    }
    f.text[FEATURE_QUIRK].items = items;
    f.text[FEATURE_QUIRK].count = n;
    f.text[FEATURE_SUBJECT].items = &text;
    f.text[FEATURE_SUBJECT].count = subject != NULL;
    assert_int_equal(rules_match(rules, s, &f, when, arena, &out), OK);
    rule_scratch_free(s);
    return out;
}
#define QUIRKS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void near(double is, double want)
{
    if (fabs(is - want) > 1e-9) {
        fail_msg("is %.12f, wanted %.12f", is, want);
    }
}

static void text_is(struct slice is, const char *want)
{
    if (!slice_eq(is, slice_cstr(want))) {
        fail_msg("is '%.*s', wanted '%s'", SLICE_ARG(is), want);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    struct attribution a = match(NULL, 0, QUIRKS());
    assert_int_equal(a.hit_count, 0);
    near(a.label[LABEL_BOTNET].unknown, 1);
    text_is(a.label[LABEL_BOTNET].best, "");
    text_is(a.label[LABEL_BOTNET].runner_up, "");
}

static void test_one_rule_is_its_confidence(void **state)
{
    (void)state;
    struct attribution a = match(NULL, 0, QUIRKS("q1"));
    struct label l = a.label[LABEL_BOTNET];
    near(a.hits[0].weight, log(4));
    near(l.posterior, .8);
    near(l.unknown, .2);
    text_is(l.best, "alpha");
    text_is(l.name, ""); /* .8 does not decide */
    text_is(l.runner_up, "unknown");
    near(l.runner_up_posterior, .2);
    assert_false(l.is_conflict);
    near(a.label[LABEL_PROGRAM].unknown, 1); /* another kind */
}

static void test_groups_add_up(void **state)
{
    (void)state;
    /* Header 4:1 and template 4:1 give 16:1. */
    struct label l = match("q2", 0, QUIRKS("q1")).label[LABEL_BOTNET];
    near(l.posterior, 16.0 / 17);
    text_is(l.name, "alpha");
}

static void test_same_group_counts_once(void **state)
{
    (void)state;
    /* 95 beats 80 in the group header: 19:1, not 76:1. */
    near(match(NULL, 0, QUIRKS("q1", "q3")).label[LABEL_BOTNET].posterior, .95);
    near(match(NULL, 0, QUIRKS("q3", "q1")).label[LABEL_BOTNET].posterior, .95);
    /* A rule over header and template takes both: nothing is left for rules 1 and 2. */
    near(match("q9", 0, QUIRKS("q9", "q1")).label[LABEL_BOTNET].posterior, .95);
}

static void test_two_labels(void **state)
{
    (void)state;
    /* alpha 4, beta 4, unknown 1. */
    struct label l = match("q4", 0, QUIRKS("q1")).label[LABEL_BOTNET];
    near(l.posterior, 4.0 / 9);
    text_is(l.best, "alpha"); /* a tie goes by name */
    text_is(l.runner_up, "beta");
    near(l.runner_up_posterior, 4.0 / 9);
    near(l.unknown, 1.0 / 9);
    assert_true(l.is_conflict);
}

static void test_conflict_of_groups(void **state)
{
    (void)state;
    /* Header says alpha, template says beta, both at ln 24 = 3.18. */
    struct label l = match("q10", 0, QUIRKS("q11")).label[LABEL_BOTNET];
    assert_true(l.is_conflict);
    near(l.posterior, 24.0 / 49);
    /* ln 4 is no conflict by itself: beta at 4 against alpha at 24 + unknown has 4/29 < .2. */
    l = match("q4", 0, QUIRKS("q11")).label[LABEL_BOTNET];
    assert_false(l.is_conflict);
    near(l.posterior, 24.0 / 29);
}

static void test_dates(void **state)
{
    (void)state;
    int64_t from = civil_to_days(2010, 1, 1) * SECONDS_PER_DAY;
    int64_t until = civil_to_days(2010, 7, 1) * SECONDS_PER_DAY;
    static const struct {
        const char *name;
        int from_offset, until_offset; /* one of them set, or neither: unknown time */
        bool is_expired;
    } CASES[] = {
        {"unknown time", 0, 0, false},
        {"one second before", -1, 0, true},
        {"one second after the first", 1, 0, false},
        {"the last second", 0, -1, false},
        {"the first second after", 0, 1, true},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int64_t when = CASES[i].from_offset    ? from + CASES[i].from_offset
                       : CASES[i].until_offset ? until + CASES[i].until_offset
                                               : 0;
        struct attribution a = match(NULL, when, QUIRKS("q5"));
        assert_int_equal(a.hit_count, 1);
        assert_int_equal(a.hits[0].is_expired, CASES[i].is_expired);
        /* Half of ln 4 is ln 2: 2:1. */
        near(a.label[LABEL_BOTNET].posterior, CASES[i].is_expired ? 2.0 / 3 : .8);
    }
    struct attribution edge = match(NULL, from, QUIRKS("q5"));
    assert_false(edge.hits[0].is_expired);
    edge = match(NULL, until, QUIRKS("q5"));
    assert_true(edge.hits[0].is_expired);
}

static void test_status(void **state)
{
    (void)state;
    near(match(NULL, 0, QUIRKS("q6")).label[LABEL_BOTNET].posterior, 2.0 / 3);
    struct attribution a = match(NULL, 0, QUIRKS("q7"));
    assert_int_equal(a.hit_count, 1); /* told, but no label */
    near(a.hits[0].weight, 0);
    near(a.label[LABEL_BOTNET].unknown, 1);
    text_is(a.label[LABEL_BOTNET].best, "");
    assert_int_equal(match(NULL, 0, QUIRKS("q8")).hit_count, 0);
}

static void test_low_confidence_never_lowers(void **state)
{
    (void)state;
    near(match("q13", 0, QUIRKS()).label[LABEL_BOTNET].posterior, .4);
    near(match("q13", 0, QUIRKS("q1")).label[LABEL_BOTNET].posterior, .8);
}

static void test_certainty_is_bounded(void **state)
{
    (void)state;
    near(match(NULL, 0, QUIRKS("q14")).label[LABEL_BOTNET].posterior, .995);
}

static void test_kinds_are_apart(void **state)
{
    (void)state;
    struct attribution a = match(NULL, 0, QUIRKS("q12", "q1"));
    near(a.label[LABEL_PROGRAM].posterior, .95);
    text_is(a.label[LABEL_PROGRAM].name, "pills");
    near(a.label[LABEL_BOTNET].posterior, .8);
}

static void test_order_does_not_matter(void **state)
{
    (void)state;
    struct rule_hit hits[8], shuffled[8];
    struct label want[LABEL_KIND_COUNT], is[LABEL_KIND_COUNT];
    uint64_t seed = 1;
    bool expired;
    static const size_t RULES[8] = {0, 1, 2, 3, 8, 9, 10, 11};
    for (int i = 0; i < 8; i++) {
        hits[i] = (struct rule_hit){.rule = RULES[i]};
        hits[i].weight = attribution_weight(rules_info(rules, RULES[i]), 0, &expired);
    }
    attribution_sort(rules, hits, 8);
    attribution_decide(rules, hits, 8, want);
    for (int round = 0; round < 200; round++) {
        memcpy(shuffled, hits, sizeof hits);
        for (size_t i = 7; i > 0; i--) {
            size_t j = next_random(&seed) % (i + 1);
            struct rule_hit swap = shuffled[i];
            shuffled[i] = shuffled[j];
            shuffled[j] = swap;
        }
        attribution_sort(rules, shuffled, 8);
        attribution_decide(rules, shuffled, 8, is);
        for (int kind = 0; kind < LABEL_KIND_COUNT; kind++) {
            assert_true(slice_eq(is[kind].best, want[kind].best));
            assert_true(slice_eq(is[kind].runner_up, want[kind].runner_up));
            near(is[kind].posterior, want[kind].posterior);
            near(is[kind].unknown, want[kind].unknown);
            assert_int_equal(is[kind].is_conflict, want[kind].is_conflict);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_one_rule_is_its_confidence),
        cmocka_unit_test(test_groups_add_up),
        cmocka_unit_test(test_same_group_counts_once),
        cmocka_unit_test(test_two_labels),
        cmocka_unit_test(test_conflict_of_groups),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_low_confidence_never_lowers),
        cmocka_unit_test(test_certainty_is_bounded),
        cmocka_unit_test(test_kinds_are_apart),
        cmocka_unit_test(test_order_does_not_matter),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
