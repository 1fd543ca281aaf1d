/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The detection block: searches (maps of field|modifiers: value, or lists of such maps) into atoms
 * and small trees over them. */
#include "core/limits.h"
#include "sig/rule.h"

#include <stdio.h>

enum modifier {
#define MODIFIER(id, name, role, doc) MODIFIER_##id,
#include "sig/modifier.def"
#undef MODIFIER
    MODIFIER_COUNT
};

enum modifier_role { ROLE_HOW, ROLE_ALSO };

static const struct {
    const char *name;
    enum modifier_role role;
} MODIFIERS[MODIFIER_COUNT] = {
#define MODIFIER(id, name, role, doc) {name, ROLE_##role},
#include "sig/modifier.def"
#undef MODIFIER
};

static const char *const MODIFIER_NAMES[] = {
#define MODIFIER(id, name, role, doc) name,
#include "sig/modifier.def"
#undef MODIFIER
    NULL};

/* Modifiers of Sigma that are not ours, with what to do instead. */
static const struct {
    const char *name;
    const char *instead;
} FOREIGN[] = {
    {"base64", "mail is decoded before matching"},
    {"base64offset", "mail is decoded before matching"},
    {"utf16", "text is UTF-8 here"},
    {"utf16le", "text is UTF-8 here"},
    {"utf16be", "text is UTF-8 here"},
    {"wide", "text is UTF-8 here"},
    {"windash", "fields of mail have no command lines"},
    {"expand", "write the values out"},
    {"i", "write (?i) at the start of the expression"},
    {"m", "write (?m) at the start of the expression"},
    {"s", "write (?s) at the start of the expression"},
    {"minute", "dates are matched as text or by date.offset"},
    {"hour", "dates are matched as text or by date.offset"},
    {"day", "dates are matched as text or by date.offset"},
};

struct detection {
    struct rule_source *rule;
    struct arena *arena;
    struct findings *to;
    size_t atom_size;
    bool failed;
};

struct entry {
    const struct yaml_node *node; /* the value; its key names the field */
    struct rule_field field;
    bool has[MODIFIER_COUNT];
    int how; /* enum modifier, or -1 for equality */
    struct slice key;
};

static void refuse(struct detection *d, const struct yaml_node *n, const char *text)
{
    finding_add(d->to, FINDING_ERROR, n->line, n->column, "%s", text);
    d->failed = true;
}

static void *checked(struct detection *d, void *p)
{
    if (!p) {
        d->to->is_exhausted = d->failed = true;
    }
    return p;
}

static struct cond *cond_new(struct detection *d, enum cond_op op)
{
    struct cond *c = checked(d, arena_calloc(d->arena, 1, sizeof *c));
    if (c) {
        c->op = op;
    }
    return c;
}

/* ---- the key: field|modifier|modifier ---- */

static unsigned key_column(const struct yaml_node *key, struct slice part)
{
    size_t at = part.p >= key->text.p && part.p <= key->text.p + key->text.n
                    ? (size_t)(part.p - key->text.p)
                    : 0;
    return key->column + key->is_quoted + (unsigned)at;
}

static void modifier_unknown(struct detection *d, const struct yaml_node *key, struct slice name)
{
    unsigned column = key_column(key, name);
    d->failed = true;
    for (size_t i = 0; i < sizeof FOREIGN / sizeof FOREIGN[0]; i++) {
        if (slice_eq(name, slice_cstr(FOREIGN[i].name))) {
            finding_add(d->to, FINDING_ERROR, key->line, column,
                        "modifier '%s' is not part of this language: %s", FOREIGN[i].name,
                        FOREIGN[i].instead);
            return;
        }
    }
    const char *near = name_near(name, MODIFIER_NAMES);
    finding_add(d->to, FINDING_ERROR, key->line, column, "unknown modifier '%.*s'%s%s%s",
                SLICE_ARG(slice_sub(name, 0, 60)), near ? "; did you mean '" : "", near ? near : "",
                near ? "'?" : "");
}

static bool entry_modifiers(struct detection *d, struct entry *e, const struct yaml_node *key,
                            struct slice rest)
{
    e->how = -1;
    while (rest.p && !d->failed) {
        bool is_last = slice_find_byte(rest, '|') == rest.n;
        struct slice name = slice_cut(&rest, '|');
        int id = 0;
        while (id < MODIFIER_COUNT && !slice_eq(name, slice_cstr(MODIFIERS[id].name))) {
            id++;
        }
        if (id == MODIFIER_COUNT) {
            modifier_unknown(d, key, name);
        } else if (e->has[id]) {
            finding_add(d->to, FINDING_ERROR, key->line, key_column(key, name),
                        "modifier '%s' twice", MODIFIERS[id].name);
            d->failed = true;
        } else if (MODIFIERS[id].role == ROLE_HOW && e->how >= 0) {
            finding_add(d->to, FINDING_ERROR, key->line, key_column(key, name),
                        "'%s' and '%s' cannot go together", MODIFIERS[e->how].name,
                        MODIFIERS[id].name);
            d->failed = true;
        } else {
            e->has[id] = true;
            e->how = MODIFIERS[id].role == ROLE_HOW ? id : e->how;
        }
        if (is_last) {
            break;
        }
    }
    return !d->failed;
}

static bool field_find(struct detection *d, const struct yaml_node *at, unsigned column,
                       struct slice name, struct rule_field *out)
{
    char buffer[HEADER_FIELD_BYTES];
    if (rule_field_find(name, buffer, out)) {
        if (out->feature == FEATURE_COUNT) {
            out->name = arena_copy(d->arena, out->name);
            return checked(d, (void *)(uintptr_t)out->name.p) != NULL;
        }
        return true;
    }
    const char *near = name_near(name, rule_field_names());
    finding_add(d->to, FINDING_ERROR, at->line, column, "unknown field '%.*s'%s%s%s",
                SLICE_ARG(slice_sub(name, 0, 100)), near ? "; did you mean '" : "",
                near ? near : "", near ? "'?" : "");
    d->failed = true;
    return false;
}

static bool is_text(const struct rule_field *f)
{
    return f->type == FEATURE_TYPE_TEXT || f->type == FEATURE_TYPE_LIST;
}

static const char *type_name(const struct rule_field *f)
{
    static const char *const NAMES[] = {"a text", "a list of texts", "a number", "a flag"};
    return NAMES[f->type];
}

/* Does the modifier fit the field's type? A finding names both. */
static bool entry_fits(struct detection *d, struct entry *e, const struct yaml_node *key)
{
    bool fits = true;
    switch (e->how) {
    case MODIFIER_CONTAINS:
    case MODIFIER_STARTSWITH:
    case MODIFIER_ENDSWITH:
    case MODIFIER_RE:
    case MODIFIER_SHAPE:
        fits = is_text(&e->field);
        break;
    case MODIFIER_NEAR:
        fits = e->field.feature == FEATURE_BODY_TEXT;
        break;
    case MODIFIER_ORDER:
        fits = e->field.type == FEATURE_TYPE_LIST;
        break;
    case MODIFIER_CIDR:
        fits = e->field.feature == FEATURE_CLIENT_IP || e->field.feature == FEATURE_URL_HOST;
        break;
    case MODIFIER_GT:
    case MODIFIER_GTE:
    case MODIFIER_LT:
    case MODIFIER_LTE:
        fits = e->field.type == FEATURE_TYPE_NUMBER;
        break;
    default:
        break;
    }
    if (!fits) {
        finding_add(d->to, FINDING_ERROR, key->line, key->column,
                    "modifier '%s' does not fit '%.*s', which is %s", MODIFIERS[e->how].name,
                    SLICE_ARG(e->field.name), type_name(&e->field));
        d->failed = true;
        return false;
    }
    if (e->has[MODIFIER_CASED] && (!is_text(&e->field) || e->how == MODIFIER_CIDR ||
                                   e->how == MODIFIER_EXISTS || e->how == MODIFIER_NEAR)) {
        refuse(d, key, "'cased' goes with texts only");
    } else if (e->has[MODIFIER_CASED] && !e->field.is_folded) {
        finding_add(d->to, FINDING_STYLE, key->line, key->column,
                    "'%.*s' is cased anyway; leave 'cased' out", SLICE_ARG(e->field.name));
    }
    if (e->has[MODIFIER_NEQ] && (e->how == MODIFIER_EXISTS || e->has[MODIFIER_ALL])) {
        refuse(d, key, "'neq' does not go with 'exists' or 'all'; use 'not' in the condition");
    }
    if (e->has[MODIFIER_FIELDREF] && e->how != -1 && e->how != MODIFIER_CONTAINS &&
        e->how != MODIFIER_STARTSWITH && e->how != MODIFIER_ENDSWITH &&
        !(e->how >= MODIFIER_GT && e->how <= MODIFIER_LTE)) {
        refuse(d, key, "'fieldref' goes with contains, startswith, endswith, gt, gte, lt, lte");
    }
    return !d->failed;
}

/* ---- values ---- */

static struct atom *atom_new(struct detection *d, const struct entry *e,
                             const struct yaml_node *value)
{
    struct rule_source *rule = d->rule;
    if (rule->atom_count == LIMIT_RULE_ATOMS) {
        finding_add(d->to, FINDING_ERROR, value->line, value->column,
                    "more than %d comparisons in one rule", LIMIT_RULE_ATOMS);
        d->failed = true;
        return NULL;
    }
    if (rule->atom_count == d->atom_size) {
        size_t size = d->atom_size ? 2 * d->atom_size : 8;
        struct atom *atoms = checked(d, arena_calloc(d->arena, size, sizeof *atoms));
        if (!atoms) {
            return NULL;
        }
        if (rule->atom_count) {
            memcpy(atoms, rule->atoms, rule->atom_count * sizeof *atoms);
        }
        rule->atoms = atoms;
        d->atom_size = size;
    }
    struct atom *a = &rule->atoms[rule->atom_count++];
    *a = (struct atom){.field = e->field,
                       .key = e->key,
                       .value = value->text,
                       .line = value->line,
                       .column = value->column};
    return a;
}

static bool value_number(struct detection *d, const struct yaml_node *n, int64_t *out)
{
    bool is_negative = n->text.n && n->text.p[0] == '-';
    uint64_t value;
    if (!slice_to_u64(slice_sub(n->text, is_negative, n->text.n), &value) || value > INT64_MAX) {
        refuse(d, n, "a whole number is expected here");
        return false;
    }
    *out = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool value_truth(struct detection *d, const struct yaml_node *n, int64_t *out)
{
    if (slice_eq(n->text, S("true")) || slice_eq(n->text, S("1"))) {
        *out = 1;
    } else if (slice_eq(n->text, S("false")) || slice_eq(n->text, S("0"))) {
        *out = 0;
    } else {
        refuse(d, n, "true or false is expected here");
        return false;
    }
    return true;
}

static void atom_fieldref(struct detection *d, const struct entry *e, struct atom *a,
                          const struct yaml_node *n)
{
    static const enum atom_op NUMBER_OPS[] = {ATOM_REF_GT, ATOM_REF_GTE, ATOM_REF_LT, ATOM_REF_LTE};
    if (!field_find(d, n, n->column + n->is_quoted, n->text, &a->other)) {
        return;
    }
    if (is_text(&a->other) != is_text(&e->field)) {
        finding_add(d->to, FINDING_ERROR, n->line, n->column,
                    "'%.*s' is %s and cannot be compared with %s", SLICE_ARG(a->other.name),
                    type_name(&a->other), type_name(&e->field));
        d->failed = true;
        return;
    }
    a->op = e->how == MODIFIER_CONTAINS     ? ATOM_REF_CONTAINS
            : e->how == MODIFIER_STARTSWITH ? ATOM_REF_STARTS
            : e->how == MODIFIER_ENDSWITH   ? ATOM_REF_ENDS
            : e->how >= MODIFIER_GT         ? NUMBER_OPS[e->how - MODIFIER_GT]
                                            : ATOM_REF_EQ;
    /* Case counts when either side is cased, or the rule says so. */
    a->number = e->has[MODIFIER_CASED] || !e->field.is_folded || !a->other.is_folded;
}

static bool atom_text(struct detection *d, const struct entry *e, struct atom *a,
                      const struct yaml_node *n)
{
    bool is_cased = e->has[MODIFIER_CASED];
    struct pattern *p = &a->pattern;
    switch (e->how) {
    case MODIFIER_RE:
        return pattern_regex(p, &e->field, is_cased, n, d->arena, d->to);
    case MODIFIER_SHAPE:
        return pattern_shape(p, &e->field, n, d->arena, d->to);
    case MODIFIER_CONTAINS:
        return pattern_literal(p, &e->field, is_cased, PLACE_ANYWHERE, n, d->arena, d->to);
    case MODIFIER_STARTSWITH:
        return pattern_literal(p, &e->field, is_cased, PLACE_START, n, d->arena, d->to);
    case MODIFIER_ENDSWITH:
        return pattern_literal(p, &e->field, is_cased, PLACE_END, n, d->arena, d->to);
    default:
        break;
    }
    if (!e->field.is_folded && slice_find_byte(n->text, '*') < n->text.n) {
        finding_add(d->to, FINDING_STYLE, n->line, n->column,
                    "'%.*s' is literal: * stands for itself here (use re, shape or startswith)",
                    SLICE_ARG(e->field.name));
    }
    return pattern_exact(p, &e->field, is_cased, n, d->arena, d->to);
}

/* The tree of the atom that was made last. */
static struct cond *cond_atom(struct detection *d)
{
    struct cond *c = cond_new(d, COND_TRUE_ATOM);
    if (c) {
        c->index = d->rule->atom_count - 1;
    }
    return c;
}

/* One value of an entry into one atom. */
static struct cond *entry_value(struct detection *d, const struct entry *e,
                                const struct yaml_node *n)
{
    static const enum atom_op NUMBER_OPS[] = {ATOM_GT, ATOM_GTE, ATOM_LT, ATOM_LTE};
    if (n->kind != YAML_SCALAR) {
        refuse(d, n, "a value must be a text or a number");
        return NULL;
    }
    if (n->text.n == 0 ||
        (n->is_plain && (slice_eq(n->text, S("null")) || slice_eq(n->text, S("~"))))) {
        refuse(d, n, "an empty value matches nothing; write 'exists: false' for an absent field");
        return NULL;
    }
    if (n->text.n > LIMIT_PATTERN_BYTES) {
        finding_add(d->to, FINDING_ERROR, n->line, n->column, "a value longer than %d bytes",
                    LIMIT_PATTERN_BYTES);
        d->failed = true;
        return NULL;
    }
    struct atom *a = atom_new(d, e, n);
    if (!a) {
        return NULL;
    }
    if (e->has[MODIFIER_FIELDREF]) {
        atom_fieldref(d, e, a, n);
    } else if (e->how == MODIFIER_EXISTS) {
        a->op = ATOM_EXISTS;
        value_truth(d, n, &a->number);
    } else if (e->how == MODIFIER_CIDR) {
        a->op = ATOM_CIDR;
        if (!cidr_parse(n->text, &a->net)) {
            refuse(d, n, "a network like 192.0.2.0/24 or 2001:db8::/32 is expected here");
        }
    } else if (e->field.type == FEATURE_TYPE_NUMBER) {
        a->op = e->how < 0 ? ATOM_EQ : NUMBER_OPS[e->how - MODIFIER_GT];
        value_number(d, n, &a->number);
    } else if (e->field.type == FEATURE_TYPE_FLAG) {
        a->op = ATOM_EQ;
        value_truth(d, n, &a->number);
    } else {
        a->op = ATOM_PATTERN;
        d->failed |= !atom_text(d, e, a, n);
    }
    if (d->failed) {
        return NULL;
    }
    return cond_atom(d);
}

/* A header field that much mail has: a poor index. */
static bool item_is_common(struct slice item)
{
    static const char *const COMMON[] = {
#define HEADER(id, name) name,
#include "mail/header_name.def"
#undef HEADER
        "X-Priority",       "X-MSMail-Priority", "X-MimeOLE",
        "X-Originating-IP", "Importance",        "Priority",
    };
    for (size_t i = 0; i < sizeof COMMON / sizeof COMMON[0]; i++) {
        if (slice_eq(item, slice_cstr(COMMON[i]))) {
            return true;
        }
    }
    return false;
}

/* One item of an order as an exact pattern. Items are literal whatever the field: names of header
 * fields hold no wildcards. */
static bool order_item(struct detection *d, const struct entry *e, const struct yaml_node *item,
                       struct pattern *out)
{
    struct rule_field literal = e->field;
    literal.is_folded = false;
    if (item->kind != YAML_SCALAR || item->text.n == 0 || item->text.n > LIMIT_PATTERN_BYTES) {
        refuse(d, item, "an item of the order must be a text");
        return false;
    }
    if (!pattern_exact(out, &literal, true, item, d->arena, d->to)) {
        d->failed = true;
        return false;
    }
    out->field = e->field;
    out->is_caseless = e->field.is_folded && !e->has[MODIFIER_CASED];
    /* Known names stand in most mail; an unknown one is the better index. */
    out->rarity = item_is_common(item->text) ? 0.5 : out->rarity;
    return true;
}

/* "A, B, C": the value of an order in explanations. */
static struct slice order_text(struct detection *d, const struct atom *a)
{
    struct strbuf joined = STRBUF_INIT;
    for (size_t i = 0; i < a->item_count; i++) {
        strbuf_add_cstr(&joined, i ? ", " : "");
        strbuf_add(&joined, a->items[i]);
    }
    struct slice text = arena_copy(d->arena, strbuf_slice(&joined));
    d->to->is_exhausted |= joined.failed || !text.p;
    strbuf_free(&joined);
    return text;
}

/* header.order|order: [A, B, C] is one sequence, not a choice. */
static struct cond *entry_order(struct detection *d, const struct entry *e)
{
    const struct yaml_node *n = e->node;
    if (n->kind != YAML_LIST || n->count < 2) {
        refuse(d, n, "'order' wants a list of at least two items");
        return NULL;
    }
    struct atom *a = atom_new(d, e, n);
    struct slice *items = checked(d, arena_calloc(d->arena, n->count, sizeof *items));
    if (!a || !items) {
        return NULL;
    }
    a->op = ATOM_ORDER;
    a->items = items;
    for (const struct yaml_node *item = n->first; item; item = item->next) {
        struct pattern p;
        if (!order_item(d, e, item, &p)) {
            return NULL;
        }
        if (a->item_count == 0 || p.rarity < a->pattern.rarity) {
            a->pattern = p;
        }
        items[a->item_count++] = p.text;
    }
    a->value = order_text(d, a);
    return cond_atom(d);
}

/* body.text|near: {text: ..., at_least: 60} */
static struct cond *entry_near(struct detection *d, const struct entry *e)
{
    const struct yaml_node *n = e->node;
    const struct yaml_node *text = n->kind == YAML_MAP ? yaml_get(n, "text") : NULL;
    const struct yaml_node *share = n->kind == YAML_MAP ? yaml_get(n, "at_least") : NULL;
    if (!text || !share || n->count != 2 || text->kind != YAML_SCALAR ||
        share->kind != YAML_SCALAR) {
        refuse(d, n, "'near' wants {text: the template, at_least: percent}");
        return NULL;
    }
    struct atom *a = atom_new(d, e, n);
    if (!a || !value_number(d, share, &a->number)) {
        return NULL;
    }
    if (a->number < 20 || a->number > 100) {
        refuse(d, share, "'at_least' is a percentage from 20 to 100");
        return NULL;
    }
    a->op = ATOM_NEAR;
    a->value = slice_sub(text->text, 0, 60);
    if (!pattern_near(&a->pattern, &e->field, text, d->arena, d->to)) {
        d->failed = true;
        return NULL;
    }
    a->pattern.length = (unsigned)a->number;
    return cond_atom(d);
}

static struct cond *entry_values(struct detection *d, const struct entry *e)
{
    const struct yaml_node *n = e->node;
    if (e->how == MODIFIER_ORDER) {
        return entry_order(d, e);
    }
    if (e->how == MODIFIER_NEAR) {
        return entry_near(d, e);
    }
    if (n->kind == YAML_SCALAR) {
        if (e->has[MODIFIER_ALL]) {
            refuse(d, n, "'all' wants a list of values");
            return NULL;
        }
        return entry_value(d, e, n);
    }
    if (n->kind == YAML_MAP || n->count == 0) {
        refuse(d, n, "a value or a list of values is expected here");
        return NULL;
    }
    struct cond *group = cond_new(d, e->has[MODIFIER_ALL] ? COND_AND : COND_OR);
    struct cond **tail = group ? &group->first : NULL;
    for (const struct yaml_node *item = n->first; group && item; item = item->next) {
        struct cond *one = entry_value(d, e, item);
        if (!one) {
            return NULL;
        }
        *tail = one;
        tail = &one->next;
    }
    return group;
}

static struct cond *entry_read(struct detection *d, const struct yaml_node *node)
{
    struct entry e = {.node = node, .key = node->key->text};
    struct slice rest = e.key;
    bool has_modifiers = slice_find_byte(rest, '|') < rest.n;
    struct slice name = slice_cut(&rest, '|');
    if (!has_modifiers) {
        rest = slice_of(NULL, 0);
    }
    if (!field_find(d, node->key, node->key->column + node->key->is_quoted, name, &e.field) ||
        !entry_modifiers(d, &e, node->key, rest) || !entry_fits(d, &e, node->key)) {
        return NULL;
    }
    struct cond *c = entry_values(d, &e);
    if (c && e.has[MODIFIER_NEQ]) {
        struct cond *negated = cond_new(d, COND_NOT);
        if (negated) {
            negated->first = c;
        }
        return negated;
    }
    return c;
}

static struct cond *search_map(struct detection *d, const struct yaml_node *map)
{
    if (map->count == 0) {
        refuse(d, map, "an empty search");
        return NULL;
    }
    struct cond *group = cond_new(d, COND_AND);
    struct cond **tail = group ? &group->first : NULL;
    bool has_failed = false;
    for (const struct yaml_node *n = map->first; group && n; n = n->next) {
        struct cond *one = entry_read(d, n);
        if (one) {
            *tail = one;
            tail = &one->next;
            continue;
        }
        /* The other entries are looked at too: one run tells all. */
        has_failed = true;
        d->failed = d->to->is_exhausted;
        if (d->failed) {
            return NULL;
        }
    }
    d->failed |= has_failed;
    return has_failed ? NULL : group;
}

static struct cond *search_read(struct detection *d, const struct yaml_node *n)
{
    if (n->kind == YAML_MAP) {
        return search_map(d, n);
    }
    if (n->kind == YAML_SCALAR || n->count == 0 || n->first->kind != YAML_MAP) {
        refuse(d, n,
               "a search is a map of fields or a list of such maps; words without a field are "
               "not searched for");
        return NULL;
    }
    struct cond *group = cond_new(d, COND_OR);
    struct cond **tail = group ? &group->first : NULL;
    for (const struct yaml_node *item = n->first; group && item; item = item->next) {
        if (item->kind != YAML_MAP) {
            refuse(d, item, "all items of a list of searches must be maps of fields");
            return NULL;
        }
        struct cond *one = search_map(d, item);
        if (!one) {
            return NULL;
        }
        *tail = one;
        tail = &one->next;
    }
    return group;
}

static bool search_name_is_sound(struct slice name)
{
    static const char *const RESERVED[] = {"and", "or", "not", "of", "all", "them", "1", "any"};
    for (size_t i = 0; i < sizeof RESERVED / sizeof RESERVED[0]; i++) {
        if (slice_ieq(name, slice_cstr(RESERVED[i]))) {
            return false;
        }
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!ascii_is_alpha(c) && c != '_' && (i == 0 || (!ascii_is_digit(c) && c != '-'))) {
            return false;
        }
    }
    return name.n > 0;
}

bool check_detection(const struct yaml_node *detection, struct rule_source *rule,
                     struct arena *arena, struct findings *to)
{
    struct detection d = {.rule = rule, .arena = arena, .to = to};
    const struct yaml_node *condition = NULL;
    size_t errors = to->errors;
    if (detection->count > LIMIT_RULE_SELECTIONS + 1) {
        finding_add(to, FINDING_ERROR, detection->line, detection->column,
                    "more than %d searches in one rule", LIMIT_RULE_SELECTIONS);
        return false;
    }
    rule->searches = arena_calloc(arena, detection->count + 1, sizeof *rule->searches);
    if (!rule->searches) {
        to->is_exhausted = true;
        return false;
    }
    for (const struct yaml_node *n = detection->first; n; n = n->next) {
        if (slice_eq(n->key->text, S("condition"))) {
            condition = n;
            continue;
        }
        if (!search_name_is_sound(n->key->text)) {
            finding_add(to, FINDING_ERROR, n->key->line, n->key->column,
                        "'%.*s' cannot name a search: letters, digits, _ and -, no word of the "
                        "condition",
                        SLICE_ARG(slice_sub(n->key->text, 0, 60)));
            continue;
        }
        d.failed = false;
        rule->searches[rule->search_count++] = (struct search){.name = n->key->text,
                                                               .root = search_read(&d, n),
                                                               .line = n->key->line,
                                                               .column = n->key->column};
    }
    if (!condition) {
        finding_add(to, FINDING_ERROR, detection->line, detection->column,
                    "detection has no condition");
        return false;
    }
    rule->condition = condition_parse(condition, rule, arena, to);
    if (!rule->condition || to->errors > errors || to->is_exhausted) {
        return false;
    }
    for (size_t i = 0; i < rule->search_count; i++) {
        if (!rule->searches[i].is_used) {
            finding_add(to, FINDING_WARNING, rule->searches[i].line, rule->searches[i].column,
                        "search '%.*s' is not used by the condition",
                        SLICE_ARG(rule->searches[i].name));
        }
    }
    size_t triggers = 0;
    size_t *watch = arena_calloc(arena, rule->atom_count + 1, sizeof *watch);
    if (!watch) {
        to->is_exhausted = true;
        return false;
    }
    if (!rule_triggers(rule, NULL, watch, &triggers)) {
        finding_add(to, FINDING_ERROR, condition->line, condition->column,
                    "the rule has no indexable part: with every text, expression, shape and order "
                    "absent the condition can still be true");
        return false;
    }
    return true;
}
