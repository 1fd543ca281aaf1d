/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conditions: random trees are written out as text, compiled and matched under every assignment of
 * their searches, against the tree itself. The index is part of what is tested: a rule that is not
 * woken when it should be fails here. */
#include "sig_testing.h"

#include "core/limits.h"

enum { SEARCHES = 4, TREES = 400 };

enum tree_op { TREE_SEARCH, TREE_NOT, TREE_AND, TREE_OR, TREE_ONE_OF, TREE_ALL_OF };

struct tree {
    enum tree_op op;
    unsigned search; /* for the "of" forms: 0 = a*, 1 = b*, 2 = them */
    struct tree *left, *right;
};

/* The searches are a1 a2 b1 b2, so that a* and b* are two each. */
static const char *const NAMES[SEARCHES] = {"a1", "a2", "b1", "b2"};

static struct tree *tree_new(struct arena *a, uint64_t *seed, unsigned depth)
{
    struct tree *t = arena_calloc(a, 1, sizeof *t);
    assert_non_null(t);
    t->op = depth == 0 ? TREE_SEARCH : (enum tree_op)(next_random(seed) % 6);
    t->search = next_random(seed) % (t->op == TREE_SEARCH ? SEARCHES : 3);
    if (t->op == TREE_NOT || t->op == TREE_AND || t->op == TREE_OR) {
        t->left = tree_new(a, seed, depth - 1);
        t->right = t->op == TREE_NOT ? NULL : tree_new(a, seed, depth - 1);
    }
    return t;
}

/* Brackets only where they are needed, or by chance. */
static void tree_print(const struct tree *t, int precedence, uint64_t *seed, struct strbuf *b)
{
    static const char *const SETS[] = {"a*", "b*", "them"};
    static const int PRECEDENCE[] = {9, 3, 2, 1, 9, 9};
    bool has_brackets = PRECEDENCE[t->op] < precedence || next_random(seed) % 5 == 0;
    strbuf_add_cstr(b, has_brackets ? "(" : "");
    switch (t->op) {
    case TREE_SEARCH:
        strbuf_add_cstr(b, NAMES[t->search]);
        break;
    case TREE_NOT:
        strbuf_add_cstr(b, "not ");
        tree_print(t->left, 3, seed, b);
        break;
    case TREE_AND:
    case TREE_OR:
        tree_print(t->left, PRECEDENCE[t->op], seed, b);
        strbuf_add_cstr(b, t->op == TREE_AND ? " and " : " or ");
        tree_print(t->right, PRECEDENCE[t->op], seed, b);
        break;
    case TREE_ONE_OF:
    case TREE_ALL_OF:
        strbuf_printf(b, "%s of %s", t->op == TREE_ONE_OF ? "1" : "all", SETS[t->search]);
        break;
    }
    strbuf_add_cstr(b, has_brackets ? ")" : "");
}

static bool tree_holds(const struct tree *t, unsigned assignment)
{
    static const unsigned SETS[] = {3, 12, 15};
    switch (t->op) {
    case TREE_SEARCH:
        return assignment >> t->search & 1;
    case TREE_NOT:
        return !tree_holds(t->left, assignment);
    case TREE_AND:
        return tree_holds(t->left, assignment) && tree_holds(t->right, assignment);
    case TREE_OR:
        return tree_holds(t->left, assignment) || tree_holds(t->right, assignment);
    case TREE_ONE_OF:
        return (assignment & SETS[t->search]) != 0;
    case TREE_ALL_OF:
        return (assignment & SETS[t->search]) == SETS[t->search];
    }
    return false;
}

static bool is_hit(const struct attribution *a, const struct rules *r, unsigned id)
{
    char text[40];
    snprintf(text, sizeof text, "00000000-0000-4000-8000-%012u", id);
    for (size_t i = 0; i < a->hit_count; i++) {
        if (slice_eq(rules_info(r, a->hits[i].rule)->id, slice_cstr(text))) {
            return true;
        }
    }
    return false;
}

/* With `has_base` an always true search is joined, so that every tree has an index; without it,
 * what is accepted must be false when nothing is there. */
static void trees_check(bool has_base)
{
    char folder[] = "/tmp/condition_test.XXXXXX";
    struct tree *trees[TREES];
    struct arena *a = arena_new(SIZE_MAX), *m = arena_new(SIZE_MAX);
    struct strbuf condition = STRBUF_INIT;
    uint64_t seed = has_base ? 7 : 11;
    make_folder(folder);
    for (unsigned i = 0; i < TREES; i++) {
        char detection[4096];
        trees[i] = tree_new(a, &seed, 4);
        strbuf_clear(&condition);
        tree_print(trees[i], has_base ? 2 : 0, &seed, &condition);
        snprintf(detection, sizeof detection,
                 "  a1: {quirk: q0}\n  a2: {subject|contains: q1}\n  b1: {msgid|re: '^q2$'}\n"
                 "  b2: {quirk: q3}\n%s  condition: %s%s\n",
                 has_base ? "  _base: {quirk: base}\n" : "", has_base ? "_base and " : "",
                 strbuf_cstr(&condition));
        /* `them` leaves out what begins with an underscore. */
        put_rule(folder, i, "stable", detection, "botnet: x, confidence: 80");
    }
    struct rules *r = load_folder(folder, NULL);
    struct rule_scratch *s = rule_scratch_new(r);
    assert_int_equal(rules_count(r) + rules_rejected(r), TREES);
    if (has_base) {
        assert_int_equal(rules_count(r), TREES);
    } else {
        assert_true(rules_count(r) > 50 && rules_rejected(r) > 50);
    }
    for (unsigned assignment = 0; assignment < 1U << SEARCHES; assignment++) {
        struct features f = {0};
        struct slice quirks[3], subject = S("-- Q1 --"), msgid = S("q2");
        size_t n = 0;
        quirks[n++] = S("base");
        if (assignment & 1) {
            quirks[n++] = S("q0");
        }
        if (assignment & 8) {
            quirks[n++] = S("q3");
        }
        f.text[FEATURE_QUIRK].items = quirks;
        f.text[FEATURE_QUIRK].count = n;
        f.text[FEATURE_SUBJECT].items = &subject;
        f.text[FEATURE_SUBJECT].count = assignment >> 1 & 1;
        f.text[FEATURE_MSGID].items = &msgid;
        f.text[FEATURE_MSGID].count = assignment >> 2 & 1;
        struct attribution out;
        arena_reset(m);
        assert_int_equal(match_scan(r, s, &f, m), OK);
        for (size_t i = 0; i < rules_count(r); i++) {
            unsigned id = (unsigned)strtoul(rules_info(r, i)->id.p + 24, NULL, 10);
            bool want = tree_holds(trees[id], assignment);
            bool woken = s->seen[i] == s->epoch;
            if (match_node(r, s, r->rules[i].root) != want) {
                fail_msg("rule %u under %u: wanted %d", id, assignment, want);
            }
            if (want && !woken) {
                fail_msg("rule %u under %u: true but not woken", id, assignment);
            }
        }
        assert_int_equal(rules_match(r, s, &f, 0, m, &out), OK);
        for (size_t i = 0; i < out.hit_count; i++) {
            assert_true(is_hit(
                &out, r, (unsigned)strtoul(rules_info(r, out.hits[i].rule)->id.p + 24, NULL, 10)));
        }
    }
    strbuf_free(&condition);
    rule_scratch_free(s);
    rules_unref(r);
    arena_free(a);
    arena_free(m);
    remove_folder(folder);
}

static void test_trees(void **state)
{
    (void)state;
    trees_check(true);
}

static void test_trees_without_base(void **state)
{
    (void)state;
    trees_check(false);
}

/* n - 1, n and n + 1 of every limit that a rule can reach. */
static size_t accepted(const char *detection)
{
    char folder[] = "/tmp/limit_test.XXXXXX";
    make_folder(folder);
    static char text[2 * LIMIT_RULE_FILE_BYTES];
    int n = rule_text(text, sizeof text, 1, "stable", detection, "botnet: x, confidence: 80");
    put_file(folder, "a.yml", text, (size_t)n);
    struct rules *r = load_folder(folder, NULL);
    size_t count = rules_count(r);
    rules_unref(r);
    remove_folder(folder);
    return count;
}

static void test_limits(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    for (int d = -1; d <= 1; d++) {
        bool is_within = d <= 0;
        strbuf_clear(&b); /* nesting of a condition: "not" and brackets count */
        strbuf_add_cstr(&b, "  s: {msgid: x}\n  condition: s and ");
        for (int i = 0; i < LIMIT_RULE_DEPTH - 1 + d; i++) {
            strbuf_add_cstr(&b, "(");
        }
        strbuf_add_cstr(&b, "s");
        for (int i = 0; i < LIMIT_RULE_DEPTH - 1 + d; i++) {
            strbuf_add_cstr(&b, ")");
        }
        strbuf_add_cstr(&b, "\n");
        assert_int_equal(accepted(strbuf_cstr(&b)), is_within);

        strbuf_clear(&b); /* searches */
        for (int i = 0; i < LIMIT_RULE_SELECTIONS + d; i++) {
            strbuf_printf(&b, "  s%d: {msgid: x%d}\n", i, i);
        }
        strbuf_add_cstr(&b, "  condition: 1 of them\n");
        assert_int_equal(accepted(strbuf_cstr(&b)), is_within);

        strbuf_clear(&b); /* comparisons: two lists that together reach the limit */
        strbuf_add_cstr(&b, "  s:\n    msgid: [");
        for (int i = 0; i < LIMIT_RULE_ATOMS / 2 + d; i++) {
            strbuf_printf(&b, "%sx%d", i ? ", " : "", i);
        }
        strbuf_add_cstr(&b, "]\n    boundary: [");
        for (int i = 0; i < LIMIT_RULE_ATOMS / 2; i++) {
            strbuf_printf(&b, "%sx%d", i ? ", " : "", i);
        }
        strbuf_add_cstr(&b, "]\n  condition: s\n");
        assert_int_equal(accepted(strbuf_cstr(&b)), is_within);

        strbuf_clear(&b); /* bytes of a value */
        strbuf_add_cstr(&b, "  s: {msgid|contains: ");
        for (int i = 0; i < LIMIT_PATTERN_BYTES + d; i++) {
            strbuf_add_byte(&b, 'x');
        }
        strbuf_add_cstr(&b, "}\n  condition: s\n");
        assert_int_equal(accepted(strbuf_cstr(&b)), is_within);

        strbuf_clear(&b); /* a run of a shape */
        strbuf_printf(&b, "  s: {msgid|shape: '<x{%d}>'}\n  condition: s\n", LIMIT_SHAPE_RUN + d);
        assert_int_equal(accepted(strbuf_cstr(&b)), is_within);

        strbuf_clear(&b); /* words of a template */
        strbuf_add_cstr(&b, "  s:\n    body.text|near:\n      at_least: 50\n      text: a");
        for (int i = 1; i < LIMIT_TEMPLATE_WORDS + d; i++) {
            strbuf_printf(&b, " %c%c", 'a' + i % 26, 'a' + i / 26 % 26);
        }
        strbuf_add_cstr(&b, "\n  condition: s\n");
        assert_int_equal(accepted(strbuf_cstr(&b)), is_within);

        strbuf_clear(&b); /* bytes of the file: the rest of the file is a comment */
        char head[2048];
        int n = rule_text(head, sizeof head, 1, "stable", "", "botnet: x, confidence: 80");
        strbuf_add_cstr(&b, "  s: {msgid: x}\n  condition: s\n  #");
        while (b.n < (size_t)(LIMIT_RULE_FILE_BYTES + d - n - 1)) {
            strbuf_add_byte(&b, 'x');
        }
        strbuf_add_cstr(&b, "\n");
        assert_int_equal(accepted(strbuf_cstr(&b)), is_within);
    }
    strbuf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_trees_without_base),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
