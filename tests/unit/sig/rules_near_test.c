/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Templates: the index wakes every rule whose template is near, and the share is the Jaccard index
 * of word triples, counted here by comparing the triples as text. */
#include "sig_testing.h"

enum { TEMPLATES = 60, MESSAGES = 200, WORDS_MAX = 60 };

struct words {
    unsigned word[WORDS_MAX];
    size_t count;
};

static void words_random(struct words *w, uint64_t *seed)
{
    w->count = 14 + next_random(seed) % (WORDS_MAX - 14);
    for (size_t i = 0; i < w->count; i++) {
        w->word[i] = next_random(seed) % 12;
    }
}

/* A message is a template with some words changed, left out or added at the end. */
static void words_mutate(struct words *w, const struct words *from, uint64_t *seed)
{
    unsigned changes = next_random(seed) % 8;
    *w = *from;
    for (unsigned i = 0; i < changes; i++) {
        size_t at = next_random(seed) % w->count;
        switch (next_random(seed) % 3) {
        case 0:
            w->word[at] = next_random(seed) % 12;
            break;
        case 1:
            memmove(w->word + at, w->word + at + 1, (w->count - at - 1) * sizeof w->word[0]);
            w->count--;
            break;
        default:
            if (w->count < WORDS_MAX) {
                w->word[w->count++] = next_random(seed) % 12;
            }
        }
    }
}

/* Words are "wa" ... "wl"; punctuation and case differ by `style`. */
static void words_print(const struct words *w, unsigned style, struct strbuf *b)
{
    strbuf_clear(b);
    for (size_t i = 0; i < w->count; i++) {
        strbuf_printf(b, "%s%c%c", i ? (style ? ",\n" : " ") : "", style ? 'W' : 'w',
                      (char)('a' + (int)w->word[i]));
    }
}

/* Distinct triples as numbers. */
static size_t triples(const struct words *w, unsigned *out)
{
    size_t n = 0;
    for (size_t i = 0; i + 2 < w->count; i++) {
        unsigned t = w->word[i] * 144 + w->word[i + 1] * 12 + w->word[i + 2];
        size_t k = 0;
        while (k < n && out[k] != t) {
            k++;
        }
        if (k == n) {
            out[n++] = t;
        }
    }
    return n;
}

static unsigned share(const struct words *a, const struct words *b)
{
    unsigned x[WORDS_MAX], y[WORDS_MAX];
    size_t n = triples(a, x), m = triples(b, y), common = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < m; k++) {
            common += x[i] == y[k];
        }
    }
    return (unsigned)(common * 100 / (n + m - common));
}

static void test_random(void **state)
{
    (void)state;
    static struct words templates[TEMPLATES];
    static unsigned percent[TEMPLATES];
    char folder[] = "/tmp/near_test.XXXXXX";
    struct strbuf b = STRBUF_INIT;
    struct arena *a = arena_new(SIZE_MAX);
    uint64_t seed = 3;
    size_t near = 0;
    make_folder(folder);
    for (unsigned i = 0; i < TEMPLATES; i++) {
        char detection[2048];
        words_random(&templates[i], &seed);
        words_print(&templates[i], 0, &b);
        percent[i] = 20 + next_random(&seed) % 81;
        snprintf(detection, sizeof detection,
                 "  s: {body.text|near: {at_least: %u, text: '%s'}}\n  condition: s\n", percent[i],
                 strbuf_cstr(&b));
        put_rule(folder, i, "stable", detection, "botnet: x, confidence: 80");
    }
    struct rules *r = load_folder(folder, NULL);
    struct rule_scratch *s = rule_scratch_new(r);
    assert_int_equal(rules_count(r), TEMPLATES);
    for (int m = 0; m < MESSAGES; m++) {
        struct words message;
        struct features f = {0};
        words_mutate(&message, &templates[next_random(&seed) % TEMPLATES], &seed);
        words_print(&message, 1, &b);
        struct slice text = strbuf_slice(&b);
        f.text[FEATURE_BODY_TEXT].items = &text;
        f.text[FEATURE_BODY_TEXT].count = 1;
        assert_int_equal(match_scan(r, s, &f, a), OK);
        for (unsigned i = 0; i < TEMPLATES; i++) {
            bool want = share(&templates[i], &message) >= percent[i];
            bool is = s->seen[i] == s->epoch && match_node(r, s, r->rules[i].root);
            near += want;
            if (is != want) {
                fail_msg("message %d, template %u at %u %%: share %u, woken %d", m, i, percent[i],
                         share(&templates[i], &message), s->seen[i] == s->epoch);
            }
        }
    }
    assert_true(near > MESSAGES / 4);
    struct features none = {0};
    assert_int_equal(match_scan(r, s, &none, a), OK);
    assert_int_equal(s->candidate_count, 0);
    strbuf_free(&b);
    rule_scratch_free(s);
    rules_unref(r);
    arena_free(a);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
