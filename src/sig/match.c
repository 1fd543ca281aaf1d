/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One message against the set. The index (libhs databases, exact values, templates) is asked once
 * per value; it names patterns, patterns name the rules that watch them, and only those rules have
 * their condition evaluated. What the index does not hold is computed then. */
#include "core/limits.h"
#include "sig/rule.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- scratch ---- */

static enum err scratch_fit(struct rule_scratch *s, const struct rules *r)
{
    if (r->scratch) {
        for (size_t i = 0; i < r->fields_count; i++) {
            if (r->databases[i] && hs_alloc_scratch(r->databases[i], &s->hs) != HS_SUCCESS) {
                return ERR_NOMEM;
            }
        }
    }
    struct pattern_hit *hits = calloc(r->patterns_count + 1, sizeof *hits);
    uint32_t *seen = calloc(r->rules_count + 1, sizeof *seen);
    uint32_t *candidates = calloc(r->rules_count + 1, sizeof *candidates);
    struct rule_hit *found = calloc(r->rules_count + 1, sizeof *found);
    if (r->near && !s->near) {
        s->near = near_words_new();
    }
    if (!hits || !seen || !candidates || !found || (r->near && !s->near)) {
        free(hits);
        free(seen);
        free(candidates);
        free(found);
        return ERR_NOMEM;
    }
    free(s->hits);
    free(s->seen);
    free(s->candidates);
    free(s->found);
    s->hits = hits;
    s->seen = seen;
    s->candidates = candidates;
    s->found = found;
    s->pattern_count = r->patterns_count;
    s->rule_count = r->rules_count;
    s->epoch = 0;
    s->serial = r->serial;
    return OK;
}

struct rule_scratch *rule_scratch_new(const struct rules *r)
{
    struct rule_scratch *s = calloc(1, sizeof *s);
    if (s && scratch_fit(s, r) != OK) {
        rule_scratch_free(s);
        return NULL;
    }
    return s;
}

void rule_scratch_free(struct rule_scratch *s)
{
    if (s) {
        hs_free_scratch(s->hs);
        near_words_free(s->near);
        free(s->hits);
        free(s->seen);
        free(s->candidates);
        free(s->found);
        free(s);
    }
}

/* ---- the values of a field ---- */

struct values {
    const struct slice *items;
    size_t count;
    const struct header_block *block; /* header.NAME */
    struct slice name;
    size_t at;
    struct arena *arena;
};

/* The sender's own fields: what trusted relays put above them is not evidence. */
static const struct header_block *sender_fields(const struct features *f, size_t *from)
{
    *from = f->chain ? f->chain->relay_fields : 0;
    return f->mail && f->mail->part_count ? &f->mail->parts[0].header : NULL;
}

static struct values values_of(const struct rules *r, const struct rule_scratch *s, uint32_t field)
{
    const struct image_field *at = &r->fields[field];
    struct values v = {.arena = s->arena};
    if (at->feature < FEATURE_COUNT) {
        v.items = s->features->text[at->feature].items;
        v.count = s->features->text[at->feature].count;
        return v;
    }
    v.block = sender_fields(s->features, &v.at);
    v.name = slice_sub(image_slice(r, at->name), sizeof "header." - 1, HEADER_FIELD_BYTES);
    return v;
}

static bool values_next(struct values *v, struct slice *out)
{
    if (v->items || !v->block) {
        if (v->at == v->count) {
            return false;
        }
        *out = v->items[v->at++];
        return true;
    }
    while (v->at < v->block->count) {
        const struct header *h = &v->block->fields[v->at++];
        if (slice_ieq(h->name, v->name)) {
            *out = header_unfold(h->value, v->arena);
            return true;
        }
    }
    return false;
}

/* ---- the index ---- */

void match_mark(struct rule_scratch *s, uint32_t pattern, size_t end)
{
    struct pattern_hit *hit = &s->hits[pattern];
    if (hit->epoch == s->epoch) {
        return;
    }
    *hit = (struct pattern_hit){s->epoch, (uint32_t)end, s->item};
    struct image_span watch = s->rules->patterns[pattern].triggers;
    for (uint32_t i = 0; i < watch.count; i++) {
        uint32_t rule = s->rules->watch[watch.first + i];
        if (s->seen[rule] != s->epoch) {
            s->seen[rule] = s->epoch;
            s->candidates[s->candidate_count++] = rule;
        }
    }
}

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                  void *arg)
{
    (void)from;
    (void)flags;
    match_mark(arg, id, (size_t)to);
    return 0;
}

uint64_t exact_hash(uint32_t field, struct slice value)
{
    UNCLEARED char folded[LIMIT_PATTERN_BYTES];
    size_t n = value.n < sizeof folded ? value.n : sizeof folded;
    for (size_t i = 0; i < n; i++) {
        folded[i] = ascii_lower(value.p[i]);
    }
    return hash_u64(slice_of(folded, n)) ^ (field * UINT64_C(0x9e3779b97f4a7c15));
}

static void exact_probe(const struct rules *r, struct rule_scratch *s, uint32_t field)
{
    uint64_t hash = exact_hash(field, s->item);
    for (size_t at = (size_t)hash & r->exact_mask; r->exact[at]; at = (at + 1) & r->exact_mask) {
        uint32_t id = r->exact[at] - 1;
        const struct image_pattern *p = &r->patterns[id];
        if (p->field == field && p->text.n == s->item.n) {
            struct slice text = image_slice(r, p->text);
            if (p->is_caseless ? slice_ieq(text, s->item) : slice_eq(text, s->item)) {
                match_mark(s, id, s->item.n);
            }
        }
    }
}

static void scan_value(const struct rules *r, struct rule_scratch *s, uint32_t field,
                       struct slice value)
{
    const struct image_field *f = &r->fields[field];
    s->item = value;
    if (value.n == 0) {
        return;
    }
    if (f->exact_bytes_max >= value.n) {
        exact_probe(r, s, field);
    }
    if (r->databases[field]) {
        unsigned n = value.n < UINT32_MAX ? (unsigned)value.n : UINT32_MAX;
        s->failed |= hs_scan(r->databases[field], value.p, n, 0, s->hs, on_hit, s) != HS_SUCCESS;
    }
}

static void scan_headers(const struct rules *r, struct rule_scratch *s, const struct features *f)
{
    size_t at;
    const struct header_block *block = sender_fields(f, &at);
    for (; block && at < block->count; at++) {
        const struct header *h = &block->fields[at];
        UNCLEARED char folded[HEADER_FIELD_BYTES];
        if (h->name.n > sizeof folded) {
            continue;
        }
        for (size_t i = 0; i < h->name.n; i++) {
            folded[i] = ascii_lower(h->name.p[i]);
        }
        uint64_t *field = strmap_get(r->header_fields, slice_of(folded, h->name.n));
        if (field) {
            scan_value(r, s, (uint32_t)*field, header_unfold(h->value, s->arena));
        }
    }
}

enum err match_scan(const struct rules *r, struct rule_scratch *s, const struct features *f,
                    struct arena *arena)
{
    enum err e = s->serial == r->serial ? OK : scratch_fit(s, r);
    if (e != OK) {
        return e;
    }
    if (++s->epoch == 0) { /* after 2^32 messages the old marks would look new */
        memset(s->hits, 0, s->pattern_count * sizeof *s->hits);
        memset(s->seen, 0, s->rule_count * sizeof *s->seen);
        s->epoch = 1;
    }
    s->rules = r;
    s->features = f;
    s->arena = arena;
    s->candidate_count = 0;
    s->failed = false;
    for (size_t i = 0; i < r->scanned_count; i++) {
        uint32_t field = r->scanned[i];
        uint32_t feature = r->fields[field].feature;
        for (size_t j = 0; j < f->text[feature].count; j++) {
            scan_value(r, s, field, f->text[feature].items[j]);
        }
    }
    if (r->near_field != IMAGE_NONE) {
        near_scan(r, s, f->text[FEATURE_BODY_TEXT].items, f->text[FEATURE_BODY_TEXT].count);
    }
    if (strmap_count(r->header_fields)) {
        scan_headers(r, s, f);
    }
    return s->failed ? ERR_NOMEM : OK;
}

/* ---- atoms ---- */

static bool number_of(const struct rules *r, const struct rule_scratch *s, uint32_t field,
                      int64_t *out)
{
    uint32_t feature = r->fields[field].feature;
    if (feature >= FEATURE_COUNT || !s->features->has_number[feature]) {
        return false;
    }
    *out = s->features->number[feature];
    return true;
}

static bool number_holds(enum atom_op op, int64_t a, int64_t b)
{
    switch (op) {
    case ATOM_GT:
        return a > b;
    case ATOM_GTE:
        return a >= b;
    case ATOM_LT:
        return a < b;
    case ATOM_LTE:
        return a <= b;
    default:
        return a == b;
    }
}

static bool field_exists(const struct rules *r, struct rule_scratch *s, uint32_t field)
{
    int64_t number;
    struct slice value;
    if (r->fields[field].type == FEATURE_TYPE_NUMBER ||
        r->fields[field].type == FEATURE_TYPE_FLAG) {
        return number_of(r, s, field, &number);
    }
    struct values v = values_of(r, s, field);
    return values_next(&v, &value);
}

static bool order_holds(const struct rules *r, struct rule_scratch *s, const struct image_atom *a)
{
    bool is_caseless = r->patterns[a->pattern].is_caseless != 0;
    struct values v = values_of(r, s, a->field);
    struct slice value;
    uint32_t at = 0;
    while (at < a->items.count && values_next(&v, &value)) {
        struct slice want = image_slice(r, r->texts[a->items.first + at]);
        at += is_caseless ? slice_ieq(value, want) : slice_eq(value, want);
    }
    return at == a->items.count;
}

static bool cidr_matches(const struct rules *r, struct rule_scratch *s, const struct image_atom *a)
{
    struct values v = values_of(r, s, a->field);
    struct slice value;
    struct ip ip;
    while (values_next(&v, &value)) {
        if (ip_parse(value, &ip) && cidr_holds(a->net, ip)) {
            return true;
        }
    }
    return false;
}

static bool texts_relate(enum atom_op op, struct slice a, struct slice b)
{
    switch (op) {
    case ATOM_REF_CONTAINS:
        return b.n > 0 && slice_find(a, b) != SIZE_MAX;
    case ATOM_REF_STARTS:
        return b.n > 0 && slice_starts(a, b);
    case ATOM_REF_ENDS:
        return b.n > 0 && slice_ends(a, b);
    default:
        return slice_eq(a, b);
    }
}

enum {
    FIELDREF_VALUES = 32,  /* of each side: the pairs stay bounded */
    FIELDREF_BYTES = 4096, /* of a value; what is longer is cut */
};

/* Cut, and in lower case where case does not count: then searching is linear (memmem). */
static struct slice fieldref_text(struct slice s, bool is_cased, char buffer[FIELDREF_BYTES])
{
    s = slice_sub(s, 0, FIELDREF_BYTES);
    if (is_cased) {
        return s;
    }
    for (size_t i = 0; i < s.n; i++) {
        buffer[i] = ascii_lower(s.p[i]);
    }
    return slice_of(buffer, s.n);
}

static bool fieldref_numbers(const struct rules *r, struct rule_scratch *s,
                             const struct image_atom *a)
{
    static const enum atom_op PLAIN[] = {ATOM_GT, ATOM_GTE, ATOM_LT, ATOM_LTE};
    int64_t x, y;
    enum atom_op op = a->op >= ATOM_REF_GT ? PLAIN[a->op - ATOM_REF_GT] : ATOM_EQ;
    return number_of(r, s, a->field, &x) && number_of(r, s, a->other, &y) && number_holds(op, x, y);
}

static bool fieldref_holds(const struct rules *r, struct rule_scratch *s,
                           const struct image_atom *a)
{
    char left[FIELDREF_BYTES], right[FIELDREF_BYTES];
    struct slice x, y;
    uint32_t type = r->fields[a->field].type;
    if (type == FEATURE_TYPE_NUMBER || type == FEATURE_TYPE_FLAG) {
        return fieldref_numbers(r, s, a);
    }
    struct values xs = values_of(r, s, a->field);
    for (int i = 0; i < FIELDREF_VALUES && values_next(&xs, &x); i++) {
        struct values ys = values_of(r, s, a->other);
        x = fieldref_text(x, a->number != 0, left);
        for (int j = 0; j < FIELDREF_VALUES && values_next(&ys, &y); j++) {
            y = fieldref_text(y, a->number != 0, right);
            if (texts_relate((enum atom_op)a->op, x, y)) {
                return true;
            }
        }
    }
    return false;
}

bool match_atom(const struct rules *r, struct rule_scratch *s, const struct image_atom *a)
{
    int64_t number;
    bool is_found = a->pattern != IMAGE_NONE && s->hits[a->pattern].epoch == s->epoch;
    switch ((enum atom_op)a->op) {
    case ATOM_PATTERN:
        return is_found;
    case ATOM_ORDER:
        return is_found && order_holds(r, s, a);
    case ATOM_NEAR:
        return is_found && near_share(r, s, a->pattern) >= (uint64_t)a->number;
    case ATOM_EXISTS:
        return field_exists(r, s, a->field) == (a->number != 0);
    case ATOM_EQ:
    case ATOM_GT:
    case ATOM_GTE:
    case ATOM_LT:
    case ATOM_LTE:
        return number_of(r, s, a->field, &number) &&
               number_holds((enum atom_op)a->op, number, a->number);
    case ATOM_CIDR:
        return cidr_matches(r, s, a);
    case ATOM_REF_EQ:
    case ATOM_REF_CONTAINS:
    case ATOM_REF_STARTS:
    case ATOM_REF_ENDS:
    case ATOM_REF_GT:
    case ATOM_REF_GTE:
    case ATOM_REF_LT:
    case ATOM_REF_LTE:
        return fieldref_holds(r, s, a);
    case ATOM_OP_COUNT:
        break;
    }
    return false;
}

bool match_node(const struct rules *r, struct rule_scratch *s, uint32_t node)
{
    const struct image_node *n = &r->nodes[node];
    const uint32_t *kid = r->kids + n->kids.first;
    switch ((enum cond_op)n->op) {
    case COND_TRUE_ATOM:
        return match_atom(r, s, &r->atoms[n->atom]);
    case COND_NOT:
        return !match_node(r, s, kid[0]);
    case COND_AND:
        for (uint32_t i = 0; i < n->kids.count; i++) {
            if (!match_node(r, s, kid[i])) {
                return false;
            }
        }
        return true;
    case COND_OR:
        for (uint32_t i = 0; i < n->kids.count; i++) {
            if (match_node(r, s, kid[i])) {
                return true;
            }
        }
        return false;
    case COND_SEARCH:
        break;
    }
    return false;
}

/* ---- hits ---- */

struct rule_evidence match_evidence(const struct rules *r, const struct rule_scratch *s,
                                    const struct image_atom *a)
{
    struct rule_evidence e = {.field = image_slice(r, r->fields[a->field].name)};
    if (a->pattern == IMAGE_NONE) {
        return e;
    }
    const struct pattern_hit *hit = &s->hits[a->pattern];
    const struct image_pattern *p = &r->patterns[a->pattern];
    size_t start = 0, end = hit->end;
    if (p->kind == PATTERN_NEAR) {
        end = hit->item.n;
    } else if (!p->is_anchored && p->kind == PATTERN_REGEX) {
        /* libhs tells where a match ends. Where it began is known for a fixed length; else what
         * is shown is the shortest piece that can have matched. */
        start = end > p->length ? end - p->length : 0;
    }
    e.matched = slice_sub(hit->item, start, end > start ? end - start : 0);
    e.matched.n = e.matched.n < RULE_MATCHED_BYTES ? e.matched.n : RULE_MATCHED_BYTES;
    e.offset = start;
    return e;
}

static void hit_evidence(const struct rules *r, struct rule_scratch *s, struct rule_hit *hit)
{
    enum { EVIDENCE_MAX = sizeof hit->evidence / sizeof hit->evidence[0] };
    struct image_span atoms = r->rules[hit->rule].atoms;
    for (uint32_t i = 0; i < atoms.count && hit->evidence_count < EVIDENCE_MAX; i++) {
        const struct image_atom *a = &r->atoms[atoms.first + i];
        if (a->is_positive && a->pattern != IMAGE_NONE && match_atom(r, s, a)) {
            hit->evidence[hit->evidence_count++] = match_evidence(r, s, a);
        }
    }
}

enum err rules_match(const struct rules *r, struct rule_scratch *s, const struct features *f,
                     int64_t when, struct arena *arena, struct attribution *out)
{
    size_t count = 0;
    enum err e = match_scan(r, s, f, arena);
    if (e != OK) {
        return e;
    }
    for (size_t i = 0; i < s->candidate_count; i++) {
        uint32_t rule = s->candidates[i];
        if (match_node(r, s, r->rules[rule].root)) {
            struct rule_hit *hit = &s->found[count++];
            *hit = (struct rule_hit){.rule = rule};
            hit->weight = attribution_weight(&r->info[rule], when, &hit->is_expired);
        }
    }
    attribution_sort(r, s->found, count);
    count = count < LIMIT_RULE_HITS ? count : LIMIT_RULE_HITS;
    struct rule_hit *hits = count ? arena_calloc(arena, count, sizeof *hits) : NULL;
    if (count && !hits) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        hits[i] = s->found[i];
        hit_evidence(r, s, &hits[i]);
    }
    *out = (struct attribution){.hits = hits, .hit_count = count};
    attribution_decide(r, hits, count, out->label);
    return OK;
}
