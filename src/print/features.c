/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/features.h"

#include "print/extract.h"
#include "print/hd1.h"
#include "print/mime_tree.h"

static const struct feature_info INFO[FEATURE_COUNT] = {
#define FEATURE(id, name, type, group, match, doc)                                                 \
    {name, FEATURE_TYPE_##type, EVIDENCE_##group, FEATURE_MATCH_##match, doc},
#include "print/features.def"
#undef FEATURE
};

const struct feature_info *feature_info(enum feature_id id)
{
    return &INFO[id];
}

enum feature_id feature_by_name(struct slice name)
{
    unsigned id = 0;
    while (id < FEATURE_COUNT && !slice_eq(slice_cstr(INFO[id].name), name)) {
        id++;
    }
    return (enum feature_id)id;
}

const char *evidence_group_name(enum evidence_group g)
{
    static const char *const NAMES[EVIDENCE_COUNT] = {
        [EVIDENCE_DIALECT] = "dialect",   [EVIDENCE_HEADER] = "header",
        [EVIDENCE_TEMPLATE] = "template", [EVIDENCE_URL] = "url",
        [EVIDENCE_IPLIST] = "ip-list",    [EVIDENCE_TRANSPORT] = "transport"};
    return NAMES[g];
}

void extract_text(struct extract *x, enum feature_id id, struct slice value)
{
    if (value.n > 0) {
        x->single[id] = value;
        x->f->text[id].items = &x->single[id];
        x->f->text[id].count = 1;
    }
}

void extract_number(struct extract *x, enum feature_id id, int64_t value)
{
    features_set_number(x->f, id, value);
}

struct slice *extract_list(struct extract *x, size_t max)
{
    return arena_calloc(x->arena, max ? max : 1, sizeof(struct slice));
}

void extract_list_set(struct extract *x, enum feature_id id, const struct slice *items,
                      size_t count)
{
    x->f->text[id].items = items;
    x->f->text[id].count = count;
}

void list_add_distinct(struct slice *items, size_t *count, struct slice value)
{
    if (value.n == 0) {
        return;
    }
    for (size_t i = 0; i < *count; i++) {
        if (slice_eq(items[i], value)) {
            return;
        }
    }
    items[(*count)++] = value;
}

enum err features_set_text(struct features *f, enum feature_id id, struct slice value,
                           struct arena *arena)
{
    struct slice *item = arena_alloc(arena, sizeof *item);
    if (!item) {
        return ERR_NOMEM;
    }
    *item = arena_copy(arena, value);
    if (!item->p && value.n > 0) {
        return ERR_NOMEM;
    }
    f->text[id].items = item;
    f->text[id].count = value.n > 0;
    return OK;
}

void features_set_number(struct features *f, enum feature_id id, int64_t value)
{
    f->number[id] = value;
    f->has_number[id] = true;
}

struct slice features_text(const struct features *f, enum feature_id id)
{
    return f->text[id].count > 0 ? f->text[id].items[0] : slice_of(NULL, 0);
}

enum err extract_prints(struct extract *x)
{
    struct hd1 print;
    char *text = arena_alloc(x->arena, HD1_TEXT_BYTES);
    size_t a = 0;
    enum err e = hd1_make(&print, &x->sender, x->mail, x->chain, &x->f->hd1, x->arena);
    if (e != OK || !text) {
        return ERR_NOMEM;
    }
    struct slice whole = slice_of(text, hd1_print(&print, text, &a));
    extract_text(x, FEATURE_FP_HD1, whole);
    size_t from = 4; /* behind "HD1:" */
    extract_text(x, FEATURE_HD1_A, slice_sub(whole, from, a));
    from += a + 1;
    extract_text(x, FEATURE_HD1_B, slice_sub(whole, from, strlen(print.names)));
    from += strlen(print.names) + 1;
    extract_text(x, FEATURE_HD1_C, slice_sub(whole, from, strlen(print.shapes)));
    struct slice tree = slice_sub(whole, 4 + 3, strlen(print.tree));
    extract_text(x, FEATURE_MIME_TREE, tree);
    return OK;
}

typedef enum err (*extract_step)(struct extract *x);

static enum err extract_quirks(struct extract *x)
{
    x->f->quirks |= x->quirks | x->mail->quirks;
    x->f->quirks |= x->chain ? x->chain->quirks : 0;
    x->f->quirks |= x->f->urls ? x->f->urls->quirks : 0;
    size_t count = (size_t)__builtin_popcountll(x->f->quirks), n = 0;
    struct slice *names = extract_list(x, count);
    if (!names) {
        return ERR_NOMEM;
    }
    for (uint64_t bits = x->f->quirks; bits; bits &= bits - 1) {
        names[n++] = slice_cstr(quirk_name((unsigned)__builtin_ctzll(bits)));
    }
    extract_list_set(x, FEATURE_QUIRK, names, n);
    return OK;
}

enum err features_extract(struct features *f, struct mail *m, const struct chain *c,
                          const struct url_context *urls, const struct envelope *e,
                          struct arena *arena)
{
    struct extract x = {.f = f,
                        .mail = m,
                        .chain = c,
                        .url_context = urls,
                        .envelope = e,
                        .arena = arena,
                        .single = arena_alloc(arena, FEATURE_COUNT * sizeof(struct slice))};
    static const extract_step STEPS[] = {extract_prints, extract_header, extract_client,
                                         extract_body, extract_quirks};
    memset(f, 0, sizeof *f);
    f->mail = m;
    f->chain = c;
    if (!x.single) {
        return ERR_NOMEM;
    }
    enum err result = sender_find(&x.sender, m, c, arena);
    for (size_t i = 0; result == OK && i < sizeof STEPS / sizeof STEPS[0]; i++) {
        result = STEPS[i](&x);
    }
    return result;
}
