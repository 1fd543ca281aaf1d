/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image into a set: every number in it is checked once, then databases are made usable and the
 * small tables that only memory needs are built. */
#include "core/limits.h"
#include "sig/rule.h"

#include <stdlib.h>

static bool span_fits(struct image_span s, size_t count)
{
    return s.count <= count && s.first <= count - s.count;
}

static bool text_fits(const struct rules *r, struct image_text t)
{
    return span_fits((struct image_span){t.at, t.n}, r->text_count);
}

static bool sections_bind(struct rules *r)
{
    const struct image_header *h = r->header;
    const char *p = r->image;
    if (r->image_bytes < sizeof *h || memcmp(h->magic, IMAGE_MAGIC, sizeof h->magic) != 0 ||
        h->bytes != r->image_bytes) {
        return false;
    }
    for (int i = 0; i < SECTION_COUNT; i++) {
        if (h->section[i].at % 16 || h->section[i].at > h->bytes ||
            h->section[i].bytes > h->bytes - h->section[i].at) {
            return false;
        }
    }
#define X(name, type)                                                                              \
    if (h->section[SECTION_##name].bytes % sizeof(type)) {                                         \
        return false;                                                                              \
    }                                                                                              \
    r->name = (const type *)(const void *)(p + h->section[SECTION_##name].at);                     \
    r->name##_count = (size_t)h->section[SECTION_##name].bytes / sizeof(type);
    IMAGE_SECTIONS(X)
#undef X
    return text_fits(r, h->version);
}

static bool rules_are_sound(const struct rules *r)
{
    for (size_t i = 0; i < r->rules_count; i++) {
        const struct image_rule *x = &r->rules[i];
        if (!text_fits(r, x->id) || !text_fits(r, x->title) || !text_fits(r, x->file) ||
            !text_fits(r, x->label) || !span_fits(x->references, r->texts_count) ||
            !span_fits(x->aka, r->texts_count) || !span_fits(x->tests, r->tests_count) ||
            !span_fits(x->atoms, r->atoms_count) || !span_fits(x->searches, r->searches_count) ||
            x->root >= r->nodes_count || x->status > RULE_DEPRECATED ||
            x->kind >= LABEL_KIND_COUNT) {
            return false;
        }
    }
    for (size_t i = 0; i < r->tests_count; i++) {
        const struct image_test *x = &r->tests[i];
        if (!text_fits(r, x->message) || !text_fits(r, x->client) || !text_fits(r, x->helo) ||
            !text_fits(r, x->ptr)) {
            return false;
        }
    }
    for (size_t i = 0; i < r->findings_count; i++) {
        if (!text_fits(r, r->findings[i].file) || !text_fits(r, r->findings[i].text) ||
            r->findings[i].level > FINDING_ERROR) {
            return false;
        }
    }
    for (size_t i = 0; i < r->texts_count; i++) {
        if (!text_fits(r, r->texts[i])) {
            return false;
        }
    }
    return true;
}

static bool conditions_are_sound(const struct rules *r)
{
    for (size_t i = 0; i < r->searches_count; i++) {
        if (!text_fits(r, r->searches[i].name) || r->searches[i].root >= r->nodes_count) {
            return false;
        }
    }
    for (size_t i = 0; i < r->nodes_count; i++) {
        const struct image_node *n = &r->nodes[i];
        if (n->op >= COND_SEARCH || !span_fits(n->kids, r->kids_count) ||
            (n->op == COND_TRUE_ATOM && n->atom >= r->atoms_count) ||
            (n->op == COND_NOT && n->kids.count != 1)) {
            return false;
        }
        for (uint32_t k = 0; k < n->kids.count; k++) {
            /* Below the parent's own number: no circles. */
            if (r->kids[n->kids.first + k] >= i) {
                return false;
            }
        }
    }
    return true;
}

static bool atoms_are_sound(const struct rules *r)
{
    for (size_t i = 0; i < r->atoms_count; i++) {
        const struct image_atom *a = &r->atoms[i];
        bool is_indexed = a->op <= ATOM_NEAR, is_reference = a->op >= ATOM_REF_EQ;
        if (a->op >= ATOM_OP_COUNT || a->field >= r->fields_count ||
            (is_reference && a->other >= r->fields_count) ||
            (is_indexed ? a->pattern >= r->patterns_count : a->pattern != IMAGE_NONE) ||
            !text_fits(r, a->key) || !text_fits(r, a->value) ||
            !span_fits(a->items, r->texts_count)) {
            return false;
        }
    }
    for (size_t i = 0; i < r->watch_count; i++) {
        if (r->watch[i] >= r->rules_count) {
            return false;
        }
    }
    for (size_t i = 0; i < r->patterns_count; i++) {
        const struct image_pattern *p = &r->patterns[i];
        if (p->kind > PATTERN_NEAR || p->field >= r->fields_count || !text_fits(r, p->text) ||
            !span_fits(p->triggers, r->watch_count)) {
            return false;
        }
    }
    for (size_t i = 0; i < r->fields_count; i++) {
        const struct image_field *f = &r->fields[i];
        if (f->feature > FEATURE_COUNT || f->type > FEATURE_TYPE_FLAG ||
            f->group >= EVIDENCE_COUNT || !text_fits(r, f->name) || f->db_at > r->blob_count ||
            f->db_bytes > r->blob_count - f->db_at) {
            return false;
        }
    }
    return true;
}

/* ---- what only memory needs ---- */

static enum err databases_open(struct rules *r)
{
    r->databases = calloc(r->fields_count + 1, sizeof(hs_database_t *));
    if (!r->databases) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < r->fields_count; i++) {
        const struct image_field *f = &r->fields[i];
        if (f->db_bytes == 0) {
            continue;
        }
        if (hs_deserialize_database(r->blob + f->db_at, (size_t)f->db_bytes, &r->databases[i]) !=
            HS_SUCCESS) {
            return ERR_SYNTAX;
        }
        if (hs_alloc_scratch(r->databases[i], &r->scratch) != HS_SUCCESS) {
            return ERR_NOMEM;
        }
    }
    return OK;
}

static enum err exact_build(struct rules *r)
{
    size_t size = 64;
    while (size < 2 * r->patterns_count) {
        size *= 2;
    }
    r->exact = calloc(size, sizeof *r->exact);
    if (!r->exact) {
        return ERR_NOMEM;
    }
    r->exact_mask = size - 1;
    for (size_t i = 0; i < r->patterns_count; i++) {
        if (r->patterns[i].kind == PATTERN_EXACT) {
            uint64_t hash = exact_hash(r->patterns[i].field, image_slice(r, r->patterns[i].text));
            size_t at = (size_t)hash & r->exact_mask;
            while (r->exact[at]) {
                at = (at + 1) & r->exact_mask;
            }
            r->exact[at] = (uint32_t)i + 1;
        }
    }
    return OK;
}

static enum err fields_build(struct rules *r)
{
    r->near_field = IMAGE_NONE;
    r->scanned = calloc(r->fields_count + 1, sizeof *r->scanned);
    r->header_fields = strmap_new();
    if (!r->scanned || !r->header_fields) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < r->fields_count; i++) {
        const struct image_field *f = &r->fields[i];
        struct slice name = image_slice(r, f->name);
        if (!f->db_bytes && !f->exact_bytes_max) {
            continue;
        }
        if (f->feature < FEATURE_COUNT) {
            r->scanned[r->scanned_count++] = i;
            continue;
        }
        uint64_t *at =
            strmap_put(r->header_fields, slice_sub(name, sizeof "header." - 1, name.n), NULL);
        if (!at) {
            return ERR_NOMEM;
        }
        *at = i;
    }
    for (size_t i = 0; i < r->patterns_count; i++) {
        if (r->patterns[i].kind == PATTERN_NEAR) {
            r->near_field = r->patterns[i].field;
        }
    }
    return near_index_new(r, &r->near);
}

static enum err info_build(struct rules *r)
{
    r->info = calloc(r->rules_count + 1, sizeof *r->info);
    r->info_texts = calloc(r->texts_count + 1, sizeof *r->info_texts);
    if (!r->info || !r->info_texts) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < r->texts_count; i++) {
        r->info_texts[i] = image_slice(r, r->texts[i]);
    }
    for (size_t i = 0; i < r->rules_count; i++) {
        const struct image_rule *x = &r->rules[i];
        size_t match = 0;
        for (uint32_t t = 0; t < x->tests.count; t++) {
            match += r->tests[x->tests.first + t].is_match != 0;
        }
        r->info[i] = (struct rule_info){
            .id = image_slice(r, x->id),
            .title = image_slice(r, x->title),
            .file = image_slice(r, x->file),
            .line = x->line,
            .status = (enum rule_status)x->status,
            .kind = (enum label_kind)x->kind,
            .label = image_slice(r, x->label),
            .confidence = x->confidence,
            .weight = x->weight,
            .groups = x->groups,
            .valid_from = x->valid_from,
            .valid_until = x->valid_until,
            .references = r->info_texts + x->references.first,
            .reference_count = x->references.count,
            .aka = r->info_texts + x->aka.first,
            .aka_count = x->aka.count,
            .test_match_count = match,
            .test_reject_count = x->tests.count - match,
        };
    }
    return OK;
}

enum err rules_open(char *image, size_t bytes, struct rules **out)
{
    static atomic_ullong serials;
    struct rules *r = calloc(1, sizeof *r);
    if (!r) {
        free(image);
        return ERR_NOMEM;
    }
    r->refs = 1;
    r->serial = atomic_fetch_add(&serials, 1) + 1;
    r->image = image;
    r->image_bytes = bytes;
    r->header = (const struct image_header *)(void *)image;
    enum err e =
        sections_bind(r) && rules_are_sound(r) && conditions_are_sound(r) && atoms_are_sound(r)
            ? OK
            : ERR_SYNTAX;
    e = e == OK ? databases_open(r) : e;
    e = e == OK ? exact_build(r) : e;
    e = e == OK ? fields_build(r) : e;
    e = e == OK ? info_build(r) : e;
    if (e != OK) {
        rules_unref(r);
        return e;
    }
    r->version = image_slice(r, r->header->version);
    *out = r;
    return OK;
}

struct rules *rules_ref(struct rules *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void rules_unref(struct rules *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; r->databases && i < r->fields_count; i++) {
        hs_free_database(r->databases[i]);
    }
    free(r->databases);
    hs_free_scratch(r->scratch);
    near_index_free(r->near);
    strmap_free(r->header_fields);
    free(r->scanned);
    free(r->exact);
    free(r->info);
    free(r->info_texts);
    free(r->image);
    free(r);
}

size_t rules_count(const struct rules *r)
{
    return r->rules_count;
}

const struct rule_info *rules_info(const struct rules *r, size_t i)
{
    return &r->info[i];
}

size_t rules_rejected(const struct rules *r)
{
    return (size_t)r->header->rejected;
}

struct slice rules_version(const struct rules *r)
{
    return r->version;
}

bool rules_from_cache(const struct rules *r)
{
    return r->is_from_cache;
}
