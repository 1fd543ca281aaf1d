/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The attribution block and the tests of a rule. */
#include "core/clock.h"
#include "core/ip.h"
#include "core/limits.h"
#include "sig/rule.h"

static const char *const KIND_NAMES[] = {"botnet", "mailer", "program", NULL};

static const char *const ATTRIBUTION_KEYS[] = {"botnet",      "mailer",     "program",
                                               "aka",         "confidence", "valid_from",
                                               "valid_until", "malpedia",   NULL};
static const char *const TEST_KEYS[] = {"message", "received", "client", "helo", "ptr", NULL};

const char *label_kind_name(enum label_kind k)
{
    return KIND_NAMES[k];
}

static bool is_slug(struct slice s)
{
    bool is_sound = s.n > 0 && s.n <= 64 && s.p[0] != '-' && s.p[s.n - 1] != '-';
    for (size_t i = 0; is_sound && i < s.n; i++) {
        is_sound = ascii_is_lower(s.p[i]) || ascii_is_digit(s.p[i]) || s.p[i] == '-' ||
                   s.p[i] == '.' || s.p[i] == '_';
    }
    return is_sound && !slice_eq(s, S("unknown"));
}

static bool key_is_known(const struct yaml_node *key, const char *const *names, const char *where,
                         struct findings *to)
{
    for (int i = 0; names[i]; i++) {
        if (slice_eq(key->text, slice_cstr(names[i]))) {
            return true;
        }
    }
    const char *near = name_near(key->text, names);
    finding_add(to, FINDING_ERROR, key->line, key->column, "unknown key '%.*s' in %s%s%s%s",
                SLICE_ARG(slice_sub(key->text, 0, 60)), where, near ? "; did you mean '" : "",
                near ? near : "", near ? "'?" : "");
    return false;
}

static void read_aka(const struct yaml_node *n, struct rule_source *rule, struct arena *arena,
                     struct findings *to)
{
    if (n->kind != YAML_LIST) {
        finding_add(to, FINDING_ERROR, n->line, n->column, "aka must be a list of names");
        return;
    }
    rule->aka = arena_calloc(arena, n->count + 1, sizeof *rule->aka);
    if (!rule->aka) {
        to->is_exhausted = true;
        return;
    }
    for (const struct yaml_node *item = n->first; item; item = item->next) {
        if (check_text(item, "an alias", to)) {
            rule->aka[rule->aka_count++] = item->text;
        }
    }
}

static void read_confidence(const struct yaml_node *n, struct rule_source *rule,
                            struct findings *to)
{
    uint64_t value;
    if (n->kind != YAML_SCALAR || !slice_to_u64(n->text, &value) || value > 100) {
        finding_add(to, FINDING_ERROR, n->line, n->column,
                    "confidence is a whole number from 0 to 100");
        return;
    }
    rule->confidence = (unsigned)value;
    if (value <= 50) {
        finding_add(to, FINDING_WARNING, n->line, n->column,
                    "with a confidence of %u the rule says nothing for its label: unknown is at "
                    "least as likely",
                    rule->confidence);
    }
}

static void read_validity(const struct yaml_node *from, const struct yaml_node *until,
                          struct rule_source *rule, struct findings *to)
{
    const struct yaml_node *nodes[2] = {from, until};
    int64_t first, after;
    for (int i = 0; i < 2; i++) {
        if (!nodes[i]) {
            continue;
        }
        if (nodes[i]->kind != YAML_SCALAR || !check_date(nodes[i]->text, &first, &after)) {
            finding_add(to, FINDING_ERROR, nodes[i]->line, nodes[i]->column,
                        "a date like 2010, 2010-10 or 2010-10-01 is expected here");
            return;
        }
        *(i == 0 ? &rule->valid_from : &rule->valid_until) = i == 0 ? first : after;
    }
    if (rule->valid_until <= rule->valid_from) {
        finding_add(to, FINDING_ERROR, until->line, until->column,
                    "valid_until lies before valid_from");
    }
}

bool check_attribution(const struct yaml_node *attribution, struct rule_source *rule,
                       struct arena *arena, struct findings *to)
{
    size_t errors = to->errors;
    unsigned labels = 0;
    for (const struct yaml_node *n = attribution->first; n; n = n->next) {
        if (!key_is_known(n->key, ATTRIBUTION_KEYS, "attribution", to)) {
            continue;
        }
        for (int kind = 0; KIND_NAMES[kind]; kind++) {
            if (!slice_eq(n->key->text, slice_cstr(KIND_NAMES[kind]))) {
                continue;
            }
            if (labels++) {
                finding_add(to, FINDING_ERROR, n->key->line, n->key->column,
                            "one rule names one label: botnet, mailer or program");
            }
            if (n->kind != YAML_SCALAR || !is_slug(n->text)) {
                finding_add(to, FINDING_ERROR, n->line, n->column,
                            "a label is lower-case letters, digits, '-', '.', '_', at most 64 "
                            "bytes, and not 'unknown'");
            }
            rule->kind = (enum label_kind)kind;
            rule->label = n->text;
        }
    }
    if (labels == 0) {
        finding_add(to, FINDING_ERROR, attribution->line, attribution->column,
                    "attribution names nothing: botnet, mailer or program");
    }
    const struct yaml_node *confidence = yaml_get(attribution, "confidence");
    const struct yaml_node *aka = yaml_get(attribution, "aka");
    const struct yaml_node *malpedia = yaml_get(attribution, "malpedia");
    if (!confidence) {
        finding_add(to, FINDING_ERROR, attribution->line, attribution->column,
                    "attribution has no confidence");
    } else {
        read_confidence(confidence, rule, to);
    }
    if (aka) {
        read_aka(aka, rule, arena, to);
    }
    if (malpedia) {
        check_text(malpedia, "malpedia", to);
    }
    read_validity(yaml_get(attribution, "valid_from"), yaml_get(attribution, "valid_until"), rule,
                  to);
    return to->errors == errors;
}

/* ---- tests ---- */

static void read_test(const struct yaml_node *n, bool is_match, struct rule_source *rule,
                      struct findings *to)
{
    struct rule_test_source *t = &rule->tests[rule->test_count];
    const struct yaml_node *message = n->kind == YAML_MAP ? yaml_get(n, "message") : n;
    *t = (struct rule_test_source){.is_match = is_match};
    if (!message || message->kind != YAML_SCALAR || message->text.n == 0) {
        finding_add(to, FINDING_ERROR, n->line, n->column,
                    "a test is a message, or a map with the key message");
        return;
    }
    t->message = message->text;
    rule->test_count++;
    if (n->kind != YAML_MAP) {
        return;
    }
    for (const struct yaml_node *at = n->first; at; at = at->next) {
        struct ip ip;
        if (!key_is_known(at->key, TEST_KEYS, "a test", to) || at == message ||
            !check_text(at, "this", to)) {
            continue;
        }
        if (slice_eq(at->key->text, S("client"))) {
            t->client = at->text;
            if (!ip_parse(at->text, &ip)) {
                finding_add(to, FINDING_ERROR, at->line, at->column, "an IP address is expected");
            }
        } else if (slice_eq(at->key->text, S("helo"))) {
            t->helo = at->text;
        } else if (slice_eq(at->key->text, S("ptr"))) {
            t->ptr = at->text;
        } else {
            t->received = at->text;
            /* At least YYYY-MM-DD: time_parse also knows "7d", which a test must not. */
            if (at->text.n < 10 || at->text.p[4] != '-' || !time_parse(at->text, 0, &t->when)) {
                finding_add(to, FINDING_ERROR, at->line, at->column,
                            "a time like 2010-10-01 or 2010-10-01T12:34:56Z is expected");
            }
        }
    }
}

bool check_tests(const struct yaml_node *tests, struct rule_source *rule, struct arena *arena,
                 struct findings *to)
{
    static const char *const KEYS[] = {"match", "reject", NULL};
    size_t errors = to->errors, total = 0;
    for (const struct yaml_node *n = tests->first; n; n = n->next) {
        total += n->count;
    }
    rule->tests = arena_calloc(arena, total + 1, sizeof *rule->tests);
    if (!rule->tests) {
        to->is_exhausted = true;
        return false;
    }
    for (const struct yaml_node *n = tests->first; n; n = n->next) {
        if (!key_is_known(n->key, KEYS, "tests", to)) {
            continue;
        }
        if (n->kind != YAML_LIST) {
            finding_add(to, FINDING_ERROR, n->line, n->column, "%.*s must be a list of messages",
                        SLICE_ARG(n->key->text));
            continue;
        }
        for (const struct yaml_node *item = n->first; item; item = item->next) {
            read_test(item, slice_eq(n->key->text, S("match")), rule, to);
        }
    }
    for (int i = 0; KEYS[i]; i++) {
        const struct yaml_node *n = yaml_get(tests, KEYS[i]);
        if (!n || (n->kind == YAML_LIST && n->count == 0)) {
            finding_add(to, FINDING_STYLE, tests->line, tests->column, "tests has no message to %s",
                        KEYS[i]);
        }
    }
    return to->errors == errors;
}
