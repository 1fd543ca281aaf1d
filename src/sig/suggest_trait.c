/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Traits: what most of the wanted messages share, written as entries of a rule, each compiled as a
 * rule of its own, so that the engine itself tells which message has which. */
#include "core/utf8.h"
#include "sig/suggest_part.h"

#include <stdlib.h>

/* ---- entries ---- */

static bool is_word_byte(char c)
{
    return ascii_is_alnum(c) || (unsigned char)c >= 0x80;
}

/* Whether a recipient's domain or local part stands in the text as a word. */
static bool holds_secret(const struct suggest *s, struct slice text)
{
    for (size_t i = 0; i < strmap_count(s->secrets); i++) {
        struct slice secret = strmap_key_at(s->secrets, i), rest = text;
        for (size_t at; (at = slice_ifind(rest, secret)) != SIZE_MAX;) {
            size_t end = at + secret.n;
            if ((at == 0 || !is_word_byte(rest.p[at - 1])) &&
                (end >= rest.n || !is_word_byte(rest.p[end]))) {
                return true;
            }
            rest = slice_sub(rest, at + 1, SIZE_MAX);
        }
    }
    return false;
}

static bool is_printable(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f) {
            return false;
        }
    }
    return s.n > 0 && utf8_valid(s);
}

/* In single quotes; where a field knows wildcards, their bytes are escaped. */
static void quoted_add(struct strbuf *b, struct slice s, bool has_wildcards)
{
    strbuf_add_byte(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        bool is_wild = s.p[i] == '*' || s.p[i] == '?' || s.p[i] == '\\';
        if (has_wildcards && is_wild) {
            strbuf_add_byte(b, '\\');
        } else if (s.p[i] == '\'') {
            strbuf_add_byte(b, '\'');
        }
        strbuf_add_byte(b, s.p[i]);
    }
    strbuf_add_byte(b, '\'');
}

/* An address that a sender wrote somewhere: it may carry the recipient (VERP). Shapes have '@', but
 * no address. */
static bool holds_address(enum feature_id feature, struct slice value)
{
    bool is_shape = feature == FEATURE_MSGID_SHAPE || feature == FEATURE_BOUNDARY_SHAPE ||
                    feature == FEATURE_URL_SHAPE;
    return !is_shape && slice_find_byte(value, '@') < value.n;
}

/* One trait: `field|how: value`, or a list of values. Left out when it would tell a recipient. */
static enum err trait_add(struct suggest *s, struct slice field, enum feature_id feature,
                          const char *how, const struct slice *values, size_t n, bool has_wildcards)
{
    struct strbuf b = STRBUF_INIT;
    if (s->trait_count == SUGGEST_TRAITS) {
        return OK;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_printable(values[i]) || holds_secret(s, values[i]) ||
            holds_address(feature, values[i])) {
            return OK;
        }
    }
    strbuf_printf(&b, "%.*s%s: %s", SLICE_ARG(field), how, n > 1 ? "[" : "");
    for (size_t i = 0; i < n; i++) {
        strbuf_add_cstr(&b, i ? ", " : "");
        quoted_add(&b, values[i], has_wildcards);
    }
    strbuf_add_cstr(&b, n > 1 ? "]" : "");
    struct slice entry = b.failed ? S("") : arena_copy(s->arena, strbuf_slice(&b));
    strbuf_free(&b);
    if (!entry.p) {
        return ERR_NOMEM;
    }
    s->features[s->trait_count] = feature;
    s->traits[s->trait_count++] = (struct suggest_trait){
        .entry = entry,
        .group = feature < FEATURE_COUNT ? feature_info(feature)->group : EVIDENCE_HEADER};
    return OK;
}

struct counted {
    struct slice value;
    uint64_t count;
};

static int counted_compare(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : slice_cmp(x->value, y->value);
}

static bool is_most(const struct suggest *s, uint64_t count)
{
    return count * 100 >= s->learnt * TRAIT_PERCENT;
}

static size_t values_sort(const struct aspect *a, struct counted *out)
{
    size_t n = strmap_count(a->values);
    for (size_t i = 0; i < n; i++) {
        out[i].value = strmap_key_at(a->values, i);
        out[i].count = *strmap_value_at(a->values, i) & UINT32_MAX;
    }
    qsort(out, n, sizeof *out, counted_compare);
    return n;
}

/* One of few values, each of which several messages have. */
static enum err set_add(struct suggest *s, struct aspect *a, struct slice field,
                        enum feature_id feature, bool is_folded)
{
    struct counted all[ASPECT_VALUES];
    struct slice values[TRAIT_SET];
    size_t n = values_sort(a, all), kept = 0;
    uint64_t sum = 0, least = s->learnt < 10 ? 1 : 2;
    while (kept < n && kept < TRAIT_SET && !is_most(s, sum) && all[kept].count >= least) {
        sum += all[kept].count;
        values[kept] = all[kept].value;
        kept++;
    }
    return is_most(s, sum) ? trait_add(s, field, feature, "", values, kept, is_folded) : OK;
}

static enum err items_add(struct suggest *s, struct aspect *a, struct slice field,
                          enum feature_id feature, bool is_folded)
{
    struct counted all[ASPECT_VALUES];
    size_t n = values_sort(a, all);
    enum err e = OK;
    for (size_t i = 0; i < n && i < TRAIT_ITEMS && is_most(s, all[i].count) && e == OK; i++) {
        e = trait_add(s, field, feature, "", &all[i].value, 1, is_folded);
    }
    return e;
}

static enum err prefix_add(struct suggest *s, struct aspect *a, struct slice field,
                           enum feature_id feature, bool is_folded)
{
    struct slice prefix = strbuf_slice(&a->prefix);
    return prefix.n >= TRAIT_PREFIX && strmap_count(a->values) > 1 && is_most(s, a->present)
               ? trait_add(s, field, feature, "|startswith", &prefix, 1, is_folded)
               : OK;
}

/* What all shapes begin and end with; a run is not cut in its middle by more than its letter. */
static enum err shape_add(struct suggest *s, struct aspect *a, struct slice field,
                          enum feature_id feature)
{
    struct strbuf b = STRBUF_INIT;
    enum err e = OK;
    if (strmap_count(a->values) < 2 || !is_most(s, a->present) ||
        a->prefix.n + a->suffix.n < TRAIT_PREFIX) {
        return OK;
    }
    strbuf_add(&b, strbuf_slice(&a->prefix));
    strbuf_add_byte(&b, '*');
    strbuf_add(&b, strbuf_slice(&a->suffix));
    struct slice shape = strbuf_slice(&b);
    e = b.failed ? ERR_NOMEM : trait_add(s, field, feature, "|shape", &shape, 1, false);
    strbuf_free(&b);
    return e;
}

static enum err order_add(struct suggest *s, struct aspect *a, struct slice field,
                          enum feature_id feature)
{
    struct slice names[ASPECT_NAMES];
    for (size_t i = 0; i < a->name_count; i++) {
        names[i] = slice_cstr(a->names[i]);
    }
    return a->name_count > 2 && is_most(s, a->present)
               ? trait_add(s, field, feature, "|order", names, a->name_count, false)
               : OK;
}

static enum err aspect_add(struct suggest *s, size_t index)
{
    char buffer[HEADER_FIELD_BYTES];
    struct aspect *a = &s->aspects[index];
    enum feature_id feature = aspect_feature(index);
    struct slice field = aspect_name(index, buffer);
    bool is_folded =
        feature == FEATURE_COUNT || feature_info(feature)->match == FEATURE_MATCH_FOLDED;
    enum err e = OK;
    switch (aspect_how(index)) {
    case HOW_TEXT:
        for (size_t i = 0; i < s->text_count && e == OK; i++) {
            e = s->text_fields[i] == feature
                    ? trait_add(s, field, feature, "|contains", &s->texts[i], 1, true)
                    : OK;
        }
        return e;
    case HOW_VALUE:
        return set_add(s, a, field, feature, is_folded);
    case HOW_SHAPE:
        e = shape_add(s, a, field, feature);
        return e == OK ? set_add(s, a, field, feature, is_folded) : e;
    case HOW_ITEM:
        return items_add(s, a, field, feature, is_folded);
    case HOW_PREFIX:
        e = prefix_add(s, a, field, feature, is_folded);
        return e == OK ? set_add(s, a, field, feature, is_folded) : e;
    case HOW_ORDER:
        return order_add(s, a, field, feature);
    }
    return OK;
}

/* ---- compiling ---- */

static struct rule_source *trait_rule(struct suggest *s, size_t index, struct arena *arena,
                                      struct findings *to)
{
    struct strbuf b = STRBUF_INIT;
    struct rule_source *rule = NULL;
    strbuf_printf(&b,
                  "title: trait\nid: 00000000-0000-4000-8000-%012zx\nstatus: experimental\n"
                  "references: [draft]\nlogsource: {product: spamgauge, category: message}\n"
                  "detection:\n  trait:\n    %.*s\n  condition: trait\n"
                  "attribution: {mailer: draft, confidence: 50}\n",
                  index, SLICE_ARG(s->traits[index].entry));
    struct slice text = b.failed ? S("") : arena_copy(arena, strbuf_slice(&b));
    if (text.p) {
        rule = rule_check(text, "draft", arena, to);
    } else {
        to->is_exhausted = true;
    }
    strbuf_free(&b);
    return rule;
}

static enum err traits_compile(struct suggest *s, struct errbuf *eb)
{
    struct arena *arena = arena_new(SIZE_MAX);
    struct findings findings = {.arena = arena};
    struct rule_source *rules[SUGGEST_TRAITS];
    struct strbuf image = STRBUF_INIT;
    struct id128 key = {{0}};
    size_t kept = 0;
    enum err e = arena ? OK : ERR_NOMEM;
    for (size_t i = 0; e == OK && i < s->trait_count; i++) {
        struct rule_source *rule = trait_rule(s, i, arena, &findings);
        if (rule) {
            rule->relative = S("draft");
            s->traits[kept] = s->traits[i];
            s->features[kept] = s->features[i];
            rules[kept++] = rule;
        }
    }
    s->trait_count = kept;
    e = e == OK && findings.is_exhausted ? ERR_NOMEM : e;
    e = e == OK && !kept ? err_set(eb, ERR_NOTFOUND, "the messages share nothing") : e;
    e = e == OK ? image_compile(rules, kept, &findings, S("draft"), key, 0, &image, eb) : e;
    if (e == OK) {
        e = rules_open(image.p, image.n, &s->rules);
    } else {
        strbuf_free(&image);
    }
    if (e == OK && rules_count(s->rules) != s->trait_count) {
        e = err_set(eb, ERR_LIMIT, "a trait is too large to compile");
    }
    if (e == OK && !(s->scratch = rule_scratch_new(s->rules))) {
        e = ERR_NOMEM;
    }
    findings_free(&findings);
    arena_free(arena);
    return e;
}

enum err suggest_traits(struct suggest *s, struct errbuf *eb)
{
    enum err e = OK;
    for (size_t i = 0; i < ASPECT_COUNT && e == OK; i++) {
        e = aspect_add(s, i);
    }
    return e == OK ? traits_compile(s, eb) : e;
}
