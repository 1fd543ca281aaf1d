/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a rule file: findings stand inside the file and come out the same twice; what is
 * accepted has an index, and small rules go on through the compiler and match. */
#include "sig/rule.h"

#include "core/limits.h"

#include <stdlib.h>

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            panic("%s", #x);                                                                       \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses a buffer when a long plain or quoted scalar turns out malformed. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml";
}

static void findings_are_inside(const struct findings *f, struct slice text)
{
    unsigned lines = 1;
    for (size_t i = 0; i < text.n; i++) {
        lines += text.p[i] == '\n';
    }
    for (size_t i = 0; i < f->count; i++) {
        CHECK(f->items[i].line >= 1 && f->items[i].line <= lines);
        CHECK(f->items[i].column >= 1 && f->items[i].column <= text.n + 2);
        for (const char *p = f->items[i].text; *p; p++) {
            CHECK((unsigned char)*p >= 0x20);
        }
    }
}

/* The libhs compiler is not what is tested here, and big automata take seconds. */
static bool is_small(const struct rule_source *rule)
{
    size_t bytes = 0;
    for (size_t i = 0; i < rule->atom_count; i++) {
        const struct pattern *p = &rule->atoms[i].pattern;
        bytes += p->text.n;
        if (p->kind == PATTERN_REGEX && slice_find_byte(p->text, '{') < p->text.n) {
            return false;
        }
    }
    return bytes < 200 && rule->atom_count < 20;
}

static void match_all(struct rules *r)
{
    struct rule_scratch *s = rule_scratch_new(r);
    struct arena *a = arena_new(1 << 20);
    struct slice value = S("<000abc$def@example.com> Microsoft Outlook Express 6.00 viagra +0000");
    struct features f = {0};
    struct attribution out;
    CHECK(s && a);
    for (int i = 0; i < FEATURE_COUNT; i++) {
        f.text[i].items = &value;
        f.text[i].count = 1;
        f.has_number[i] = true;
        f.number[i] = 1;
    }
    CHECK(rules_match(r, s, &f, 1286000000, a, &out) == OK);
    for (size_t i = 0; i < out.hit_count; i++) {
        const struct rule_hit *hit = &out.hits[i];
        for (unsigned k = 0; k < hit->evidence_count; k++) {
            CHECK(hit->evidence[k].matched.n <= RULE_MATCHED_BYTES);
            CHECK(hit->evidence[k].offset + hit->evidence[k].matched.n <= value.n);
        }
    }
    for (int kind = 0; kind < LABEL_KIND_COUNT; kind++) {
        CHECK(out.label[kind].unknown >= 0 && out.label[kind].unknown <= 1);
        CHECK(out.label[kind].posterior >= 0 && out.label[kind].posterior <= 1);
    }
    arena_free(a);
    rule_scratch_free(s);
}

static void compile_and_match(struct rule_source *rule, struct findings *findings)
{
    struct strbuf image = STRBUF_INIT;
    struct rules *r = NULL;
    struct id128 key = {{0}};
    CHECK(image_compile(&rule, 1, findings, S("fuzz"), key, 0, &image, NULL) == OK);
    CHECK(rules_open(image.p, image.n, &r) == OK);
    CHECK(rules_count(r) + rules_rejected(r) == 1);
    match_all(r);
    rules_unref(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    size_t count[2], errors[2];
    for (int round = 0; round < 2; round++) {
        struct arena *arena = arena_new(64 << 20);
        struct findings findings = {.arena = arena};
        struct rule_source *rule = rule_check(text, "fuzz.yml", arena, &findings);
        count[round] = findings.count;
        errors[round] = findings.errors;
        findings_are_inside(&findings, text);
        CHECK(findings.is_exhausted || (rule == NULL) == (findings.errors > 0));
        if (rule) {
            CHECK(rule->groups != 0 && rule->atom_count <= LIMIT_RULE_ATOMS);
            CHECK(rule->label.n > 0 && rule->id.n == 36 && rule->reference_count > 0);
        }
        if (rule && round == 0 && is_small(rule)) {
            compile_and_match(rule, &findings);
        }
        findings_free(&findings);
        arena_free(arena);
    }
    CHECK(count[0] == count[1] && errors[0] == errors[1]);
    return 0;
}
