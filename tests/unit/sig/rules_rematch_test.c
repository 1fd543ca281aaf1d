/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules asked again with only some features left. */
#include "sig_testing.h"

#include "sig/rematch.h"

static char folder[] = "/tmp/rematch_test.XXXXXX";
static struct rules *rules;
static struct rematcher *rematcher;
static struct arena *arena;

#define ID(n) S("00000000-0000-4000-8000-00000000000" #n)

static int set_up(void **state)
{
    (void)state;
    make_folder(folder);
    put_rule(folder, 1, "stable", "  s: {subject: cheap}\n  condition: s\n",
             "botnet: alpha, confidence: 95");
    put_rule(folder, 2, "stable", "  s: {body.text|contains: pills}\n  condition: s\n",
             "botnet: beta, confidence: 95");
    put_rule(folder, 3, "stable",
             "  s: {subject: cheap}\n  no: {header.x-mailer: x}\n  condition: s and not no\n",
             "mailer: gamma, confidence: 95");
    put_rule(folder, 4, "stable", "  s: {mailer|startswith: The Bat}\n  condition: s\n",
             "mailer: bat, confidence: 95, valid_until: 2010");
    put_rule(folder, 5, "stable",
             "  s: {subject|fieldref: from.addr}\n  t: {subject: a}\n"
             "  condition: s and t\n",
             "program: delta, confidence: 95");
    rules = load_folder(folder, NULL);
    rematcher = rematcher_new(rules);
    arena = arena_new(SIZE_MAX);
    return rules_count(rules) == 5 && rematcher && arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rematcher_free(rematcher);
    rules_unref(rules);
    arena_free(arena);
    remove_folder(folder);
    return 0;
}

static size_t rule_of(struct slice id)
{
    for (size_t i = 0; i < rules_count(rules); i++) {
        if (slice_eq(rules_info(rules, i)->id, id)) {
            return i;
        }
    }
    fail_msg("no rule %.*s", SLICE_ARG(id));
    return 0;
}

static void test_features(void **state)
{
    (void)state;
    assert_true(rule_features(rules, rule_of(ID(1))) == feature_bit(FEATURE_SUBJECT));
    assert_true(rule_features(rules, rule_of(ID(2))) == feature_bit(FEATURE_BODY_TEXT));
    assert_true(rule_features(rules, rule_of(ID(3))) ==
                (feature_bit(FEATURE_SUBJECT) | feature_bit(FEATURE_COUNT)));
    assert_true(rule_features(rules, rule_of(ID(5))) ==
                (feature_bit(FEATURE_SUBJECT) | feature_bit(FEATURE_FROM_ADDR)));
}

struct asked {
    const char *subject; /* NULL: absent */
    feature_set known;
    struct slice hits[4];
    size_t hit_count;
    int64_t when;
};

static struct attribution ask(const struct asked *a, struct rematch_counts *counts)
{
    struct features f = {0};
    struct slice subject = slice_cstr(a->subject ? a->subject : "");
    struct attribution out = {0};
    f.text[FEATURE_SUBJECT].items = &subject;
    f.text[FEATURE_SUBJECT].count = a->subject != NULL;
    struct rematch in = {&f, a->known, a->hits, a->hit_count, a->when};
    *counts = (struct rematch_counts){0};
    assert_int_equal(rematcher_match(rematcher, &in, arena, &out, counts), OK);
    return out;
}

static void label_is(const struct attribution *a, enum label_kind kind, const char *want)
{
    if (!slice_eq(a->label[kind].name, slice_cstr(want))) {
        fail_msg("%s is '%.*s', not '%s'", label_kind_name(kind), SLICE_ARG(a->label[kind].name),
                 want);
    }
}

static void test_again(void **state)
{
    (void)state;
    struct rematch_counts n;
    const feature_set subject = feature_bit(FEATURE_SUBJECT);
    /* Rule 1 can be asked, 2 and 3 cannot: 3 would hit for want of a header. */
    struct attribution a = ask(&(struct asked){"cheap", subject, {{NULL, 0}}, 0, 0}, &n);
    label_is(&a, LABEL_BOTNET, "alpha");
    label_is(&a, LABEL_MAILER, "");
    assert_int_equal(a.hit_count, 1);
    assert_int_equal(n.kept + n.dropped, 0);
    /* Earlier hits: 1 is asked and says no, 2 stands, one is of no rule any more. */
    a = ask(&(struct asked){"dear", subject, {ID(1), ID(2), ID(9)}, 3, 0}, &n);
    label_is(&a, LABEL_BOTNET, "beta");
    assert_int_equal(a.hit_count, 1);
    assert_int_equal(n.kept, 1);
    assert_int_equal(n.dropped, 1);
    /* Nothing is known: all earlier hits stand. */
    a = ask(&(struct asked){NULL, 0, {ID(1), ID(3)}, 2, 0}, &n);
    label_is(&a, LABEL_BOTNET, "alpha");
    label_is(&a, LABEL_MAILER, "gamma");
    assert_int_equal(n.kept, 2);
    /* Two labels, one asked and one kept, are weighed together. */
    a = ask(&(struct asked){"cheap", subject, {ID(2)}, 1, 0}, &n);
    label_is(&a, LABEL_BOTNET, "");
    assert_true(a.label[LABEL_BOTNET].is_conflict);
    assert_int_equal(a.hit_count, 2);
}

/* A kept hit weighs what its rule weighs today, at the message's time. */
static void test_dates(void **state)
{
    (void)state;
    struct rematch_counts n;
    struct asked asked = {NULL, 0, {ID(4)}, 1, INT64_C(1280000000)}; /* 2010-07 */
    struct attribution a = ask(&asked, &n);
    label_is(&a, LABEL_MAILER, "bat");
    asked.when = INT64_C(1400000000);
    a = ask(&asked, &n);
    assert_true(a.hits[0].is_expired);
    label_is(&a, LABEL_MAILER, "");
    assert_true(slice_eq(a.label[LABEL_MAILER].best, S("bat")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
