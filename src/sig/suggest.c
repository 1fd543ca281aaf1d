/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the wanted messages show, value by value. */
#include "sig/suggest_part.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    enum feature_id feature;
    enum suggest_how how;
} ASPECTS[ASPECT_FEATURES] = {
#define SUGGEST(feature, how) {FEATURE_##feature, HOW_##how},
#define SUGGEST_HEADER(name)
#include "sig/suggest.def"
#undef SUGGEST
#undef SUGGEST_HEADER
};

static const struct slice HEADERS[] = {
#define SUGGEST(feature, how)
#define SUGGEST_HEADER(name) SLICE(name),
#include "sig/suggest.def"
#undef SUGGEST
#undef SUGGEST_HEADER
};
_Static_assert(sizeof HEADERS / sizeof *HEADERS == ASPECT_HEADERS, "a place for each header");

enum feature_id aspect_feature(size_t aspect)
{
    return aspect < ASPECT_FEATURES ? ASPECTS[aspect].feature : FEATURE_COUNT;
}

enum suggest_how aspect_how(size_t aspect)
{
    return aspect < ASPECT_FEATURES ? ASPECTS[aspect].how : HOW_PREFIX;
}

struct slice aspect_name(size_t aspect, char buffer[HEADER_FIELD_BYTES])
{
    if (aspect < ASPECT_FEATURES) {
        return slice_cstr(feature_info(ASPECTS[aspect].feature)->name);
    }
    int n = snprintf(buffer, HEADER_FIELD_BYTES, "header.%.*s",
                     SLICE_ARG(HEADERS[aspect - ASPECT_FEATURES]));
    return slice_of(buffer, (size_t)n);
}

/* ---- life ---- */

struct suggest *suggest_new(void)
{
    struct suggest *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    bool is_good = (s->arena = arena_new(SIZE_MAX)) && (s->secrets = strmap_new());
    for (size_t i = 0; is_good && i < ASPECT_COUNT; i++) {
        is_good = (s->aspects[i].values = strmap_new());
    }
    if (!is_good) {
        suggest_free(s);
        return NULL;
    }
    return s;
}

void suggest_free(struct suggest *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < ASPECT_COUNT; i++) {
        struct aspect *a = &s->aspects[i];
        strmap_free(a->values);
        strbuf_free(&a->prefix);
        strbuf_free(&a->suffix);
        for (size_t k = 0; k < a->name_count; k++) {
            free(a->names[k]);
        }
    }
    rule_scratch_free(s->scratch);
    if (s->rules) {
        rules_unref(s->rules);
    }
    free(s->rows[0].items);
    free(s->rows[1].items);
    strmap_free(s->secrets);
    arena_free(s->arena);
    free(s);
}

/* ---- values ---- */

/* Takes off what this value has not: the beginning and the end of all values. */
static void fixes_narrow(struct aspect *a, struct slice value)
{
    size_t n = 0;
    while (n < a->prefix.n && n < value.n && a->prefix.p[n] == value.p[n]) {
        n++;
    }
    a->prefix.n = n;
    n = 0;
    while (n < a->suffix.n && n < value.n &&
           a->suffix.p[a->suffix.n - 1 - n] == value.p[value.n - 1 - n]) {
        n++;
    }
    if (a->suffix.p) {
        memmove(a->suffix.p, a->suffix.p + (a->suffix.n - n), n);
    }
    a->suffix.n = n;
}

static enum err value_learn(struct suggest *s, struct aspect *a, struct slice value)
{
    if (!value.n || value.n > ASPECT_VALUE) {
        return OK;
    }
    if (strmap_count(a->values)) {
        fixes_narrow(a, value);
    } else {
        strbuf_add(&a->prefix, value);
        strbuf_add(&a->suffix, value);
    }
    uint64_t *count = strmap_get(a->values, value);
    if (!count && strmap_count(a->values) < ASPECT_VALUES) {
        count = strmap_put(a->values, value, NULL);
        if (!count) {
            return ERR_NOMEM;
        }
    }
    if (count && *count >> 32 != s->learnt + 1) { /* once a message */
        *count = (s->learnt + 1) << 32 | ((*count & UINT32_MAX) + 1);
    }
    return a->prefix.failed || a->suffix.failed ? ERR_NOMEM : OK;
}

static void names_begin(struct aspect *a, const struct slice *names, size_t n)
{
    for (size_t i = 0; i < n && i < ASPECT_NAMES; i++) {
        char *copy = names[i].n && names[i].n < HEADER_FIELD_BYTES ? malloc(names[i].n + 1) : NULL;
        if (!copy) {
            continue;
        }
        memcpy(copy, names[i].p, names[i].n);
        copy[names[i].n] = '\0';
        a->names[a->name_count++] = copy;
    }
}

/* Keeps of the names those that the message has in the same order (LCS). */
static void names_narrow(struct aspect *a, const struct slice *names, size_t n)
{
    uint8_t length[ASPECT_NAMES + 1][ASPECT_NAMES + 1] = {{0}};
    size_t m = a->name_count, kept = 0;
    n = n < ASPECT_NAMES ? n : ASPECT_NAMES;
    for (size_t i = m; i-- > 0;) {
        for (size_t j = n; j-- > 0;) {
            uint8_t skip =
                length[i + 1][j] > length[i][j + 1] ? length[i + 1][j] : length[i][j + 1];
            bool is_same = slice_eq(slice_cstr(a->names[i]), names[j]);
            length[i][j] = is_same ? (uint8_t)(length[i + 1][j + 1] + 1) : skip;
        }
    }
    for (size_t i = 0, j = 0; i < m;) {
        if (j < n && slice_eq(slice_cstr(a->names[i]), names[j])) {
            a->names[kept++] = a->names[i++];
            j++;
        } else if (j < n && length[i][j + 1] > length[i + 1][j]) {
            j++;
        } else {
            free(a->names[i++]);
        }
    }
    a->name_count = kept;
}

static enum err feature_learn(struct suggest *s, size_t aspect, const struct features *f)
{
    struct aspect *a = &s->aspects[aspect];
    enum feature_id id = aspect_feature(aspect);
    enum suggest_how how = aspect_how(aspect);
    size_t n = f->text[id].count;
    enum err e = OK;
    if (how == HOW_TEXT || !n) {
        return OK;
    }
    a->present++;
    if (how == HOW_ORDER) {
        if (a->present == 1) {
            names_begin(a, f->text[id].items, n);
        } else {
            names_narrow(a, f->text[id].items, n);
        }
        return OK;
    }
    for (size_t i = 0; i < n && e == OK; i++) {
        e = value_learn(s, a, f->text[id].items[i]);
    }
    return e;
}

/* What of a field's value tells the software: a boundary and what follows it does not. */
static struct slice header_part(struct slice value)
{
    size_t at = slice_ifind(value, S("boundary"));
    return at == SIZE_MAX ? value : slice_sub(value, 0, at);
}

static enum err headers_learn(struct suggest *s, const struct features *f, struct arena *arena)
{
    const struct header_block *h =
        f->mail && f->mail->part_count ? &f->mail->parts[0].header : NULL;
    size_t relays = f->chain ? f->chain->relay_fields : 0;
    for (size_t i = 0; i < ASPECT_HEADERS; i++) {
        for (size_t k = relays; h && k < h->count; k++) {
            if (!slice_ieq(h->fields[k].name, HEADERS[i])) {
                continue;
            }
            struct aspect *a = &s->aspects[ASPECT_FEATURES + i];
            a->present++;
            enum err e = value_learn(s, a, header_part(header_unfold(h->fields[k].value, arena)));
            if (e != OK) {
                return e;
            }
            break;
        }
    }
    return OK;
}

static enum err secrets_learn(struct suggest *s, const struct slice *secrets, size_t n)
{
    enum { LOCAL_PART_MIN = 4 };
    for (size_t i = 0; i < n && strmap_count(s->secrets) < SUGGEST_SECRETS; i++) {
        size_t at = slice_find_byte(secrets[i], '@');
        struct slice local = slice_sub(secrets[i], 0, at);
        struct slice domain = slice_sub(secrets[i], at + 1, SIZE_MAX);
        if ((local.n >= LOCAL_PART_MIN && !strmap_put(s->secrets, local, NULL)) ||
            (domain.n >= LOCAL_PART_MIN && !strmap_put(s->secrets, domain, NULL))) {
            return ERR_NOMEM;
        }
    }
    return OK;
}

bool suggest_holds_next(const struct suggest *s)
{
    return s->seen % HOLD_OUT == HOLD_OUT - 1;
}

enum err suggest_learn(struct suggest *s, const struct features *f, const struct slice *secrets,
                       size_t secret_count, struct arena *arena)
{
    bool is_held = suggest_holds_next(s);
    enum err e = secrets_learn(s, secrets, secret_count);
    s->seen++;
    if (is_held || e != OK) {
        return e;
    }
    for (size_t i = 0; i < ASPECT_FEATURES && e == OK; i++) {
        e = feature_learn(s, i, f);
    }
    e = e == OK ? headers_learn(s, f, arena) : e;
    s->learnt++;
    return e;
}

enum err suggest_texts(struct suggest *s, enum feature_id field, const struct slice *texts,
                       size_t count)
{
    for (size_t i = 0; i < count && s->text_count < sizeof s->texts / sizeof *s->texts; i++) {
        struct slice copy = arena_copy(s->arena, texts[i]);
        if (!copy.p) {
            return ERR_NOMEM;
        }
        s->texts[s->text_count] = copy;
        s->text_fields[s->text_count++] = field;
    }
    return OK;
}
