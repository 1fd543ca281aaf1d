/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why did a rule match or not: every comparison of every search, with what it found. */
#include "sig/rule.h"

struct explain {
    const struct rules *rules;
    struct rule_scratch *scratch;
    struct strbuf text;
    struct slice search;
    unsigned atoms, atoms_true;
};

/* Hostile bytes and line breaks must not tear a line apart. */
static void put_bytes(struct strbuf *b, struct slice s)
{
    strbuf_add_byte(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f || s.p[i] == '\'') {
            strbuf_printf(b, "\\x%02x", (unsigned)(unsigned char)s.p[i]);
        } else {
            strbuf_add_byte(b, s.p[i]);
        }
    }
    strbuf_add_byte(b, '\'');
}

static void explain_found(struct explain *x, const struct image_atom *a, bool is_true)
{
    const struct rules *r = x->rules;
    const struct features *f = x->scratch->features;
    uint32_t feature = r->fields[a->field].feature;
    if (a->op == ATOM_NEAR && x->scratch->hits[a->pattern].epoch == x->scratch->epoch) {
        strbuf_printf(&x->text, " (%u %% shared)", near_share(r, x->scratch, a->pattern));
    } else if (is_true && a->pattern != IMAGE_NONE) {
        struct rule_evidence e = match_evidence(r, x->scratch, a);
        strbuf_printf(&x->text, " at %zu: ", e.offset);
        put_bytes(&x->text, e.matched);
    } else if (feature < FEATURE_COUNT && f->has_number[feature]) {
        strbuf_printf(&x->text, " (is %lld)", (long long)f->number[feature]);
    } else if (feature < FEATURE_COUNT && f->text[feature].count && !is_true) {
        strbuf_add_cstr(&x->text, " (is ");
        put_bytes(&x->text, slice_sub(f->text[feature].items[0], 0, RULE_MATCHED_BYTES));
        strbuf_add_cstr(&x->text, f->text[feature].count > 1 ? " and others)" : ")");
    }
}

static void explain_atom(struct explain *x, const struct image_atom *a)
{
    bool is_true = match_atom(x->rules, x->scratch, a);
    x->atoms++;
    x->atoms_true += is_true;
    strbuf_printf(&x->text, "%.*s: %.*s ", SLICE_ARG(x->search),
                  SLICE_ARG(image_slice(x->rules, a->key)));
    put_bytes(&x->text, slice_sub(image_slice(x->rules, a->value), 0, 200));
    strbuf_add_cstr(&x->text, is_true ? " true" : " false");
    explain_found(x, a, is_true);
    strbuf_add_byte(&x->text, '\n');
}

static void explain_node(struct explain *x, uint32_t node)
{
    const struct image_node *n = &x->rules->nodes[node];
    if (n->op == COND_TRUE_ATOM) {
        explain_atom(x, &x->rules->atoms[n->atom]);
    }
    for (uint32_t i = 0; i < n->kids.count; i++) {
        explain_node(x, x->rules->kids[n->kids.first + i]);
    }
}

enum err rules_explain(const struct rules *r, struct rule_scratch *s, const struct features *f,
                       int64_t when, struct arena *arena, rule_trace_fn fn, void *arg)
{
    struct explain x = {.rules = r, .scratch = s};
    enum err e = match_scan(r, s, f, arena);
    for (size_t i = 0; e == OK && i < r->rules_count; i++) {
        const struct image_rule *rule = &r->rules[i];
        struct rule_trace trace = {.rule = i, .is_match = match_node(r, s, rule->root)};
        strbuf_clear(&x.text);
        x.atoms = x.atoms_true = 0;
        for (uint32_t j = 0; j < rule->searches.count; j++) {
            const struct image_search *search = &r->searches[rule->searches.first + j];
            x.search = image_slice(r, search->name);
            explain_node(&x, search->root);
        }
        bool is_expired;
        attribution_weight(&r->info[i], when, &is_expired);
        if (is_expired) {
            strbuf_add_cstr(&x.text, "out of its dates: counts half\n");
        }
        if (rule->status == RULE_DEPRECATED) {
            strbuf_add_cstr(&x.text, "deprecated: not used for labels\n");
        }
        trace.atoms = x.atoms;
        trace.atoms_true = x.atoms_true;
        trace.text = strbuf_slice(&x.text);
        e = x.text.failed ? ERR_NOMEM : OK;
        if (e == OK) {
            fn(arg, &trace);
        }
    }
    strbuf_free(&x.text);
    return e;
}
