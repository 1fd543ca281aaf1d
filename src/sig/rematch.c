/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sig/rematch.h"

#include "core/limits.h"
#include "sig/rule.h"

#include <stdlib.h>

struct rematcher {
    struct rules *rules;
    struct rule_scratch *scratch;
    feature_set *features; /* by rule */
    struct strmap *by_id;  /* rule index */
};

static feature_set field_bit(const struct rules *r, uint32_t field)
{
    return field == IMAGE_NONE ? 0 : feature_bit(r->fields[field].feature);
}

feature_set rule_features(const struct rules *r, size_t rule)
{
    struct image_span atoms = r->rules[rule].atoms;
    feature_set set = 0;
    for (uint32_t i = 0; i < atoms.count; i++) {
        const struct image_atom *a = &r->atoms[atoms.first + i];
        set |= field_bit(r, a->field) | field_bit(r, a->other);
    }
    return set;
}

struct rematcher *rematcher_new(struct rules *r)
{
    struct rematcher *m = calloc(1, sizeof *m);
    size_t n = rules_count(r);
    if (!m) {
        return NULL;
    }
    m->rules = rules_ref(r);
    m->scratch = rule_scratch_new(r);
    m->features = calloc(n + 1, sizeof *m->features);
    m->by_id = strmap_new();
    bool ok = m->scratch && m->features && m->by_id;
    for (size_t i = 0; ok && i < n; i++) {
        uint64_t *at = strmap_put(m->by_id, r->info[i].id, NULL);
        m->features[i] = rule_features(r, i);
        ok = at != NULL;
        if (ok) {
            *at = i;
        }
    }
    if (!ok) {
        rematcher_free(m);
        return NULL;
    }
    return m;
}

void rematcher_free(struct rematcher *m)
{
    if (m) {
        rule_scratch_free(m->scratch);
        rules_unref(m->rules);
        free(m->features);
        strmap_free(m->by_id);
        free(m);
    }
}

/* Appends the earlier hits of rules that cannot be asked again. */
static size_t hits_keep(const struct rematcher *m, const struct rematch *in, struct rule_hit *hits,
                        size_t count, struct rematch_counts *counts)
{
    for (size_t i = 0; i < in->rule_count; i++) {
        const uint64_t *rule = strmap_get(m->by_id, in->rule_ids[i]);
        if (!rule) {
            counts->dropped++;
            continue;
        }
        if ((m->features[*rule] & ~in->known) == 0) {
            continue; /* was asked */
        }
        struct rule_hit hit = {.rule = *rule};
        hit.weight = attribution_weight(&m->rules->info[*rule], in->when, &hit.is_expired);
        hits[count++] = hit;
        counts->kept++;
    }
    return count;
}

enum err rematcher_match(struct rematcher *m, const struct rematch *in, struct arena *arena,
                         struct attribution *out, struct rematch_counts *counts)
{
    struct attribution found;
    enum err e = rules_match(m->rules, m->scratch, in->features, in->when, arena, &found);
    if (e != OK) {
        return e;
    }
    struct rule_hit *hits = arena_calloc(arena, found.hit_count + in->rule_count + 1, sizeof *hits);
    size_t count = 0;
    if (!hits) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < found.hit_count; i++) {
        /* A rule may hit because of what is not there any more. */
        if ((m->features[found.hits[i].rule] & ~in->known) == 0) {
            hits[count++] = found.hits[i];
        }
    }
    count = hits_keep(m, in, hits, count, counts);
    attribution_sort(m->rules, hits, count);
    count = count < LIMIT_RULE_HITS ? count : LIMIT_RULE_HITS;
    *out = (struct attribution){.hits = hits, .hit_count = count};
    attribution_decide(m->rules, hits, count, out->label);
    return OK;
}
