/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tests inside the rules: each message goes the whole way (parse, chain, features, index,
 * condition), and its own rule is asked. Deprecated rules are tested as well. */
#include "core/clock.h"
#include "core/limits.h"
#include "sig/rule.h"

#include <stdio.h>

struct test_run {
    const struct rules *rules;
    struct rule_scratch *scratch;
    struct arena *arena;
    const struct url_context *urls;
};

/* What an import would take from a trusted relay's Received line, when the test says it. */
static void chain_override(const struct rules *r, const struct image_test *t, struct chain *c)
{
    if (t->client.n && ip_parse(image_slice(r, t->client), &c->client)) {
        c->has_client = true;
    }
    if (t->helo.n) {
        c->helo = image_slice(r, t->helo);
    }
    if (t->ptr.n) {
        c->ptr = image_slice(r, t->ptr);
    }
    if (t->has_when) {
        c->time = t->when;
        c->clock = CLOCK_RECEIVED;
    }
}

static enum err test_one(struct test_run *run, const struct image_rule *rule,
                         const struct image_test *t, bool *is_match)
{
    const struct rules *r = run->rules;
    struct slice raw = image_slice(r, t->message);
    struct mail mail;
    struct chain chain;
    struct features features;
    struct envelope envelope = {.bytes = raw.n};
    arena_reset(run->arena);
    enum err e = mail_parse(&mail, raw, run->arena);
    if (e == OK) {
        e = chain_build(&chain, &mail, NULL, time_now(), run->arena);
    }
    if (e == OK) {
        chain_override(r, t, &chain);
        e = features_extract(&features, &mail, &chain, run->urls, &envelope, run->arena);
    }
    if (e == OK) {
        e = match_scan(r, run->scratch, &features, run->arena);
    }
    if (e == OK) {
        *is_match = match_node(r, run->scratch, rule->root);
    }
    return e;
}

/* The first comparison that stands in the way, for the report. */
static const char *why_not(struct test_run *run, const struct image_rule *rule, char *out, size_t n)
{
    const struct rules *r = run->rules;
    for (uint32_t i = 0; i < rule->atoms.count; i++) {
        const struct image_atom *a = &r->atoms[rule->atoms.first + i];
        if (a->is_positive && !match_atom(r, run->scratch, a)) {
            snprintf(out, n, "does not match; first false comparison: %.*s '%.*s'",
                     SLICE_ARG(image_slice(r, a->key)),
                     SLICE_ARG(slice_sub(image_slice(r, a->value), 0, 120)));
            return out;
        }
    }
    return "does not match";
}

enum err rules_test(const struct rules *r, rule_test_fn fn, void *arg, size_t *passed,
                    size_t *failed, struct errbuf *eb)
{
    struct test_run run = {.rules = r};
    struct url_context *urls = url_context_new(eb);
    enum err e = OK;
    char why[512];
    *passed = *failed = 0;
    run.urls = urls;
    run.arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    run.scratch = rule_scratch_new(r);
    if (!urls || !run.arena || !run.scratch) {
        e = urls ? err_set(eb, ERR_NOMEM, "out of memory") : ERR_NOTFOUND;
    }
    for (size_t i = 0; e == OK && i < r->rules_count; i++) {
        const struct image_rule *rule = &r->rules[i];
        size_t index[2] = {0, 0};
        for (uint32_t j = 0; e == OK && j < rule->tests.count; j++) {
            const struct image_test *t = &r->tests[rule->tests.first + j];
            bool is_match = false;
            struct rule_test_result result = {.rule = i, .is_match_case = t->is_match != 0};
            result.index = index[result.is_match_case]++;
            e = test_one(&run, rule, t, &is_match);
            if (e != OK) {
                err_set(eb, e, "a test of rule %.*s: %s", SLICE_ARG(r->info[i].id), err_text(e));
                break;
            }
            result.passed = is_match == result.is_match_case;
            result.why = result.passed ? NULL
                         : is_match    ? "matches, but is a message to reject"
                                       : why_not(&run, rule, why, sizeof why);
            *(result.passed ? passed : failed) += 1;
            if (fn) {
                fn(arg, &result);
            }
        }
    }
    rule_scratch_free(run.scratch);
    arena_free(run.arena);
    url_context_free(urls);
    return e;
}

void rules_test_messages(const struct rules *r,
                         void (*fn)(void *arg, size_t rule, bool is_match, struct slice message),
                         void *arg)
{
    for (size_t i = 0; i < r->rules_count; i++) {
        const struct image_rule *rule = &r->rules[i];
        for (uint32_t j = 0; j < rule->tests.count; j++) {
            const struct image_test *t = &r->tests[rule->tests.first + j];
            fn(arg, i, t->is_match != 0, image_slice(r, t->message));
        }
    }
}
