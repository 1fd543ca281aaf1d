/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checked rules into an image: patterns shared between rules, one libhs database a field, the
 * watch lists, and everything that a set answers about its rules. The image is position-free, so
 * what is compiled and what comes from the cache is one and the same. */
#include "core/limits.h"
#include "sig/rule.h"

#include <math.h>
#include <stdlib.h>

struct build {
    struct rule_source **rules;
    size_t count;
    struct findings *findings;
    struct strbuf section[SECTION_COUNT];
    struct strmap *patterns, *fields, *texts;
    struct pattern *pattern_list; /* by pattern number */
    unsigned *users;              /* atoms that ask for it */
    size_t pattern_count, pattern_size;
    uint64_t *db_at, *db_bytes; /* by field */
    bool failed;
};

static void build_free(struct build *b)
{
    for (int i = 0; i < SECTION_COUNT; i++) {
        strbuf_free(&b->section[i]);
    }
    strmap_free(b->patterns);
    strmap_free(b->fields);
    strmap_free(b->texts);
    free(b->pattern_list);
    free(b->users);
    free(b->db_at);
    free(b->db_bytes);
}

static uint32_t put(struct build *b, enum image_section section, const void *item, size_t bytes)
{
    size_t at = b->section[section].n;
    strbuf_add(&b->section[section], slice_of(item, bytes));
    b->failed |= b->section[section].failed || at / bytes >= IMAGE_NONE;
    return (uint32_t)(at / bytes);
}
#define PUT(b, name, item) put(b, SECTION_##name, item, sizeof *(item))

/* Texts are kept once: labels, keys and references repeat. */
static struct image_text put_text(struct build *b, struct slice s)
{
    if (s.n == 0) {
        return (struct image_text){0, 0};
    }
    bool is_new;
    uint64_t *at = strmap_put(b->texts, s, &is_new);
    if (!at || b->section[SECTION_text].n + s.n >= IMAGE_NONE) {
        b->failed = true;
        return (struct image_text){0, 0};
    }
    if (is_new) {
        *at = b->section[SECTION_text].n;
        strbuf_add(&b->section[SECTION_text], s);
    }
    return (struct image_text){(uint32_t)*at, (uint32_t)s.n};
}

static struct image_span put_texts(struct build *b, const struct slice *texts, size_t count)
{
    struct image_span span = {(uint32_t)(b->section[SECTION_texts].n / sizeof(struct image_text)),
                              (uint32_t)count};
    for (size_t i = 0; i < count; i++) {
        struct image_text t = put_text(b, texts[i]);
        PUT(b, texts, &t);
    }
    return span;
}

/* ---- fields and patterns get their numbers ---- */

static uint32_t field_number(struct build *b, const struct rule_field *f)
{
    bool is_new;
    uint64_t *at = strmap_put(b->fields, f->name, &is_new);
    if (!at) {
        b->failed = true;
        return 0;
    }
    if (is_new) {
        *at = strmap_count(b->fields) - 1;
        struct image_field field = {.feature = (uint32_t)f->feature,
                                    .type = (uint32_t)f->type,
                                    .group = (uint32_t)f->group,
                                    .is_folded = f->is_folded,
                                    .name = put_text(b, f->name)};
        PUT(b, fields, &field);
    }
    return (uint32_t)*at;
}

static struct image_field *field_at(struct build *b, uint32_t number)
{
    return (struct image_field *)(void *)b->section[SECTION_fields].p + number;
}

/* What makes two patterns the same. */
static bool pattern_key(struct strbuf *key, const struct pattern *p, uint32_t field)
{
    strbuf_clear(key);
    strbuf_printf(key, "%u %d %d %u %u ", field, (int)p->kind, p->is_caseless, p->flags,
                  p->kind == PATTERN_NEAR ? p->length : 0);
    strbuf_add(key, p->text);
    return !key->failed;
}

static uint32_t pattern_number(struct build *b, const struct pattern *p)
{
    struct strbuf key = STRBUF_INIT;
    uint32_t field = field_number(b, &p->field);
    bool is_new;
    uint64_t *at =
        pattern_key(&key, p, field) ? strmap_put(b->patterns, strbuf_slice(&key), &is_new) : NULL;
    strbuf_free(&key);
    if (!at) {
        b->failed = true;
        return 0;
    }
    if (!is_new) {
        return (uint32_t)*at;
    }
    *at = b->pattern_count;
    if (b->pattern_count == b->pattern_size) {
        size_t size = b->pattern_size ? 2 * b->pattern_size : 64;
        struct pattern *list = realloc(b->pattern_list, size * sizeof *list);
        b->pattern_list = list ? list : b->pattern_list;
        unsigned *users = list ? realloc(b->users, size * sizeof *users) : NULL;
        if (!users) {
            b->failed = true;
            return 0;
        }
        b->users = users;
        b->pattern_size = size;
    }
    b->users[b->pattern_count] = 0;
    b->pattern_list[b->pattern_count] = *p;
    return (uint32_t)b->pattern_count++;
}

static bool atom_has_pattern(const struct atom *a)
{
    return a->op == ATOM_PATTERN || a->op == ATOM_ORDER || a->op == ATOM_NEAR;
}

static void patterns_number(struct build *b)
{
    for (size_t i = 0; i < b->count && !b->failed; i++) {
        const struct rule_source *rule = b->rules[i];
        for (size_t j = 0; j < rule->atom_count && !b->failed && !rule->is_dropped; j++) {
            const struct atom *a = &rule->atoms[j];
            field_number(b, &a->field);
            if (a->op >= ATOM_REF_EQ) {
                field_number(b, &a->other);
            }
            if (atom_has_pattern(a)) {
                uint32_t number = pattern_number(b, &a->pattern);
                if (!b->failed) {
                    b->users[number]++;
                }
            }
        }
    }
}

/* ---- databases ---- */

/* A pattern that passed its own check but not the compiler: the rules that use it are dropped. */
static void drop_users(struct build *b, uint32_t pattern, const char *why)
{
    for (size_t i = 0; i < b->count; i++) {
        struct rule_source *rule = b->rules[i];
        for (size_t j = 0; j < rule->atom_count && !rule->is_dropped; j++) {
            const struct atom *a = &rule->atoms[j];
            if (atom_has_pattern(a) && pattern_number(b, &a->pattern) == pattern) {
                b->findings->file = rule->file;
                finding_add(b->findings, FINDING_ERROR, a->line, a->column,
                            "regular expression: %s", why);
                rule->is_dropped = true;
            }
        }
    }
}

/* The serialised database of one field into the blob. ERR_CONFIG: rules were dropped, start again.
 */
static enum err field_compile(struct build *b, uint32_t field, const char **expressions,
                              unsigned *flags, unsigned *ids, size_t count)
{
    enum err e = OK;
    hs_database_t *db = NULL;
    hs_compile_error_t *error = NULL;
    char *bytes = NULL;
    size_t n = 0;
    hs_error_t result = hs_compile_multi(expressions, flags, ids, (unsigned)count, HS_MODE_BLOCK,
                                         NULL, &db, &error);
    if (result == HS_COMPILER_ERROR && error && error->expression >= 0) {
        drop_users(b, ids[error->expression], error->message);
        e = ERR_CONFIG;
    } else if (result != HS_SUCCESS || hs_serialize_database(db, &bytes, &n) != HS_SUCCESS) {
        e = ERR_NOMEM;
    } else {
        /* Blobs are aligned, so that a look into a dump is easy; libhs copies them anyway. */
        while (b->section[SECTION_blob].n % 16) {
            strbuf_add_byte(&b->section[SECTION_blob], '\0');
        }
        field_at(b, field)->db_at = b->section[SECTION_blob].n;
        field_at(b, field)->db_bytes = n;
        strbuf_add(&b->section[SECTION_blob], slice_of(bytes, n));
    }
    free(bytes);
    hs_free_compile_error(error);
    hs_free_database(db);
    return e;
}

static enum err databases_compile(struct build *b)
{
    enum err e = OK;
    size_t n = b->pattern_count + 1;
    const char **expressions = calloc(n, sizeof *expressions);
    unsigned *flags = calloc(n, sizeof *flags), *ids = calloc(n, sizeof *ids);
    if (!expressions || !flags || !ids) {
        e = ERR_NOMEM;
        goto done;
    }
    for (uint32_t field = 0; field < strmap_count(b->fields) && e == OK; field++) {
        size_t count = 0;
        for (size_t i = 0; i < b->pattern_count; i++) {
            const struct pattern *p = &b->pattern_list[i];
            if (p->kind == PATTERN_REGEX && *strmap_get(b->fields, p->field.name) == field) {
                expressions[count] = p->text.p; /* a NUL stands behind it */
                flags[count] = p->flags;
                ids[count++] = (unsigned)i;
            }
        }
        e = count ? field_compile(b, field, expressions, flags, ids, count) : OK;
    }
done:
    free(expressions);
    free(flags);
    free(ids);
    return e;
}

/* ---- rules ---- */

static uint32_t put_node(struct build *b, const struct cond *c, uint32_t first_atom,
                         const uint32_t *search_roots)
{
    struct image_node node = {.op = (uint32_t)c->op};
    if (c->op == COND_SEARCH) {
        return search_roots[c->index];
    }
    if (c->op == COND_TRUE_ATOM) {
        node.atom = first_atom + (uint32_t)c->index;
        return PUT(b, nodes, &node);
    }
    uint32_t kids[LIMIT_RULE_ATOMS + 1];
    struct strbuf more = STRBUF_INIT;
    size_t count = 0;
    for (const struct cond *kid = c->first; kid; kid = kid->next) {
        uint32_t number = put_node(b, kid, first_atom, search_roots);
        if (count < LIMIT_RULE_ATOMS) {
            kids[count++] = number;
        } else { /* a long condition may name a search more often than that */
            strbuf_add(&more, slice_of((const char *)&number, sizeof number));
        }
    }
    node.kids.first = (uint32_t)(b->section[SECTION_kids].n / sizeof(uint32_t));
    node.kids.count = (uint32_t)(count + more.n / sizeof(uint32_t));
    strbuf_add(&b->section[SECTION_kids], slice_of((const char *)kids, count * sizeof *kids));
    strbuf_add(&b->section[SECTION_kids], strbuf_slice(&more));
    b->failed |= more.failed;
    strbuf_free(&more);
    return PUT(b, nodes, &node);
}

static struct image_span put_atoms(struct build *b, const struct rule_source *rule)
{
    struct image_span span = {(uint32_t)(b->section[SECTION_atoms].n / sizeof(struct image_atom)),
                              (uint32_t)rule->atom_count};
    for (size_t i = 0; i < rule->atom_count; i++) {
        const struct atom *a = &rule->atoms[i];
        struct image_atom atom = {
            .op = (uint32_t)a->op,
            .field = field_number(b, &a->field),
            .other = a->op >= ATOM_REF_EQ ? field_number(b, &a->other) : IMAGE_NONE,
            .pattern = atom_has_pattern(a) ? pattern_number(b, &a->pattern) : IMAGE_NONE,
            .key = put_text(b, a->key),
            .value = put_text(b, a->value),
            .items = put_texts(b, a->items, a->item_count),
            .number = a->number,
            .net = a->net,
            .is_positive = a->is_positive,
        };
        PUT(b, atoms, &atom);
    }
    return span;
}

static struct image_span put_tests(struct build *b, const struct rule_source *rule)
{
    struct image_span span = {(uint32_t)(b->section[SECTION_tests].n / sizeof(struct image_test)),
                              (uint32_t)rule->test_count};
    for (size_t i = 0; i < rule->test_count; i++) {
        const struct rule_test_source *t = &rule->tests[i];
        struct image_test test = {.is_match = t->is_match,
                                  .has_when = t->received.n > 0,
                                  .when = t->when,
                                  .message = put_text(b, t->message),
                                  .client = put_text(b, t->client),
                                  .helo = put_text(b, t->helo),
                                  .ptr = put_text(b, t->ptr)};
        PUT(b, tests, &test);
    }
    return span;
}

/* 100 is a claim that nobody can back; it counts as 99.5, as 0 counts as 0.5. */
static double confidence_of(unsigned percent)
{
    return percent == 0 ? 0.005 : percent == 100 ? 0.995 : percent / 100.0;
}

static void put_rule(struct build *b, const struct rule_source *rule)
{
    uint32_t roots[LIMIT_RULE_SELECTIONS + 1];
    double confidence = confidence_of(rule->confidence);
    struct image_rule out = {
        .id = put_text(b, rule->id),
        .title = put_text(b, rule->title),
        .file = put_text(b, rule->relative),
        .label = put_text(b, rule->label),
        .line = rule->line,
        .status = (uint32_t)rule->status,
        .kind = (uint32_t)rule->kind,
        .groups = rule->groups,
        .confidence = confidence,
        .weight = log(confidence / (1 - confidence)),
        .valid_from = rule->valid_from,
        .valid_until = rule->valid_until,
        .references = put_texts(b, rule->references, rule->reference_count),
        .aka = put_texts(b, rule->aka, rule->aka_count),
        .tests = put_tests(b, rule),
        .atoms = put_atoms(b, rule),
    };
    out.searches = (struct image_span){
        (uint32_t)(b->section[SECTION_searches].n / sizeof(struct image_search)),
        (uint32_t)rule->search_count};
    for (size_t i = 0; i < rule->search_count; i++) {
        roots[i] = put_node(b, rule->searches[i].root, out.atoms.first, NULL);
        struct image_search search = {.name = put_text(b, rule->searches[i].name),
                                      .root = roots[i]};
        PUT(b, searches, &search);
    }
    out.root = put_node(b, rule->condition, out.atoms.first, roots);
    PUT(b, rules, &out);
}

/* ---- watch lists ---- */

struct watch {
    uint32_t pattern, rule;
};

static int watch_cmp(const void *a, const void *b)
{
    const struct watch *x = a, *y = b;
    int order = (x->pattern > y->pattern) - (x->pattern < y->pattern);
    return order ? order : (x->rule > y->rule) - (x->rule < y->rule);
}

/* Which pattern wakes which rule. Deprecated rules are never woken. */
static void watch_collect(struct build *b, struct strbuf *list)
{
    size_t triggers[LIMIT_RULE_ATOMS + 1];
    unsigned users[LIMIT_RULE_ATOMS + 1];
    uint32_t number = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct rule_source *rule = b->rules[i];
        size_t count = 0;
        if (rule->is_dropped) {
            continue;
        }
        for (size_t j = 0; j < rule->atom_count; j++) {
            const struct atom *a = &rule->atoms[j];
            users[j] = atom_has_pattern(a) ? b->users[pattern_number(b, &a->pattern)] : 1;
        }
        if (rule->status != RULE_DEPRECATED && rule_triggers(rule, users, triggers, &count)) {
            for (size_t j = 0; j < count; j++) {
                struct watch w = {pattern_number(b, &rule->atoms[triggers[j]].pattern), number};
                strbuf_add(list, slice_of((const char *)&w, sizeof w));
            }
        }
        number++;
    }
    b->failed |= list->failed;
}

static void put_patterns(struct build *b)
{
    struct strbuf list = STRBUF_INIT;
    watch_collect(b, &list);
    struct watch *watch = (struct watch *)(void *)list.p;
    size_t count = list.n / sizeof *watch, at = 0;
    if (count) {
        qsort(watch, count, sizeof *watch, watch_cmp);
    }
    for (size_t i = 0; i < b->pattern_count && !b->failed; i++) {
        const struct pattern *p = &b->pattern_list[i];
        uint32_t number = field_number(b, &p->field);
        struct image_pattern out = {.kind = (uint32_t)p->kind,
                                    .field = number,
                                    .is_caseless = p->is_caseless,
                                    .length = p->length,
                                    .is_anchored = p->is_anchored,
                                    .is_fixed = p->is_fixed,
                                    .text = put_text(b, p->text)};
        if (p->kind == PATTERN_EXACT && field_at(b, number)->exact_bytes_max < p->text.n) {
            field_at(b, number)->exact_bytes_max = (uint32_t)p->text.n;
        }
        out.triggers.first = (uint32_t)(b->section[SECTION_watch].n / sizeof(uint32_t));
        for (; at < count && watch[at].pattern == i; at++) {
            if (out.triggers.count == 0 || watch[at].rule != watch[at - 1].rule) {
                PUT(b, watch, &watch[at].rule);
                out.triggers.count++;
            }
        }
        PUT(b, patterns, &out);
    }
    strbuf_free(&list);
}

static void put_findings(struct build *b)
{
    for (size_t i = 0; i < b->findings->count; i++) {
        const struct finding *f = &b->findings->items[i];
        struct image_finding out = {.level = (uint32_t)f->level,
                                    .line = f->line,
                                    .column = f->column,
                                    .file = put_text(b, slice_cstr(f->file)),
                                    .text = put_text(b, slice_cstr(f->text))};
        PUT(b, findings, &out);
    }
}

/* ---- the whole ---- */

bool image_checksum(const char *image, size_t bytes, struct id128 *out)
{
    enum { AT = offsetof(struct image_header, checksum) };
    static const struct id128 ZERO = {{0}};
    struct hash_stream *h = hash_stream_new();
    if (h) {
        hash_stream_add(h, slice_of(image, AT));
        hash_stream_add(h, slice_of((const char *)ZERO.b, sizeof ZERO.b));
        hash_stream_add(h, slice_of(image + AT + sizeof ZERO.b, bytes - AT - sizeof ZERO.b));
        *out = hash_stream_end(h);
        hash_stream_free(h);
    }
    return h != NULL;
}

static enum err image_assemble(struct build *b, struct image_header *header, struct strbuf *image)
{
    size_t at = sizeof *header;
    for (int i = 0; i < SECTION_COUNT; i++) {
        at = (at + 15) & ~(size_t)15;
        header->section[i].at = at;
        header->section[i].bytes = b->section[i].n;
        at += b->section[i].n;
    }
    header->bytes = at;
    strbuf_clear(image);
    if (b->failed || !strbuf_reserve(image, at)) {
        return ERR_NOMEM;
    }
    memset(image->p, 0, at + 1);
    for (int i = 0; i < SECTION_COUNT; i++) {
        if (b->section[i].n) {
            memcpy(image->p + header->section[i].at, b->section[i].p, b->section[i].n);
        }
    }
    image->n = at;
    memcpy(image->p, header, sizeof *header);
    if (!image_checksum(image->p, at, &header->checksum)) {
        return ERR_NOMEM;
    }
    memcpy(image->p, header, sizeof *header);
    return OK;
}

static enum err build_once(struct build *b)
{
    b->patterns = strmap_new();
    b->fields = strmap_new();
    b->texts = strmap_new();
    if (!b->patterns || !b->fields || !b->texts) {
        return ERR_NOMEM;
    }
    patterns_number(b);
    enum err e = b->failed ? ERR_NOMEM : databases_compile(b);
    for (size_t i = 0; e == OK && i < b->count; i++) {
        if (!b->rules[i]->is_dropped) {
            put_rule(b, b->rules[i]);
        }
    }
    if (e == OK) {
        put_patterns(b);
        put_findings(b);
    }
    return e != OK ? e : b->failed ? ERR_NOMEM : OK;
}

enum err image_compile(struct rule_source **rules, size_t count, struct findings *findings,
                       struct slice version, struct id128 key, size_t rejected,
                       struct strbuf *image, struct errbuf *eb)
{
    enum err e;
    if (hs_valid_platform() != HS_SUCCESS) {
        return err_set(eb, ERR_UNSUPPORTED, "this processor lacks SSSE3, which libhs needs");
    }
    do {
        struct build b = {.rules = rules, .count = count, .findings = findings};
        struct image_header header = {.magic = IMAGE_MAGIC, .key = key};
        e = build_once(&b);
        if (e == OK) {
            header.rejected = rejected;
            for (size_t i = 0; i < count; i++) {
                header.rejected += rules[i]->is_dropped;
            }
            header.version = put_text(&b, version);
            e = image_assemble(&b, &header, image);
        }
        build_free(&b);
    } while (e == ERR_CONFIG); /* each round drops at least one rule */
    return e == OK ? OK : err_set(eb, e, "compiling the rules: %s", err_text(e));
}
