/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of a message's URLs, and the Public Suffix List as they ask it.
 * What references look like is url_text.c and html.c; what they mean is url_parse.c. */
#include "mail/url.h"

#include "core/hash.h"
#include "mail/url_build.h"

#include <libpsl.h>

#include <stdlib.h>

/* One of the two: libpsl is for systems without the list's text; it costs twenty times as much. */
struct url_context {
    struct suffix_list *suffixes;
    psl_ctx_t *psl;
};

struct url_context *url_context_new(struct errbuf *eb)
{
    struct url_context *c = calloc(1, sizeof *c);
    if (!c) {
        (void)err_set(eb, ERR_NOMEM, "no memory for the Public Suffix List");
        return NULL;
    }
    c->suffixes = suffix_list_open();
    c->psl = c->suffixes ? NULL : psl_latest(NULL);
    if (!c->suffixes && !c->psl) {
        (void)err_set(eb, ERR_NOTFOUND, "libpsl has no Public Suffix List (package publicsuffix)");
        free(c);
        return NULL;
    }
    return c;
}

void url_context_free(struct url_context *c)
{
    if (c) {
        suffix_list_free(c->suffixes);
        psl_free(c->psl);
        free(c);
    }
}

struct host_info host_info(const struct url_context *c, struct slice host)
{
    if (!c || !host.n || host.n > HOST_BYTES_MAX || memchr(host.p, '\0', host.n)) {
        return (struct host_info){(uint16_t)(host.n > HOST_BYTES_MAX ? 0 : host.n), false};
    }
    return c->suffixes ? suffix_look_up(c->suffixes, host) : suffix_ask_libpsl(c->psl, host);
}

struct slice domain_registrable(const struct url_context *c, struct slice host)
{
    struct ip address;
    const struct slice none = {NULL, 0};
    if (host.n > HOST_BYTES_MAX || ip_parse(host, &address)) {
        return none;
    }
    size_t start = host_info(c, host).domain_start;
    return start < host.n ? slice_sub(host, start, SIZE_MAX) : none;
}

enum err url_scan_begin(struct url_scan *s, const struct url_context *c, struct arena *arena,
                        struct url_list *list)
{
    if (!list->index) {
        list->index = arena_alloc(arena, sizeof *list->index);
        if (!list->index) {
            return ERR_NOMEM;
        }
        memset(list->index->slot, 0, sizeof list->index->slot);
        list->index->capacity = 0;
        list->index->idn_conversions = 0;
        list->index->is_full = false;
    }
    *s = (struct url_scan){.context = c, .arena = arena, .list = list, .index = list->index};
    return OK;
}

/* The slot that holds the text, or the free one where it belongs. */
static uint16_t *index_slot(const struct url_list *list, uint64_t hash, struct slice text)
{
    struct url_index *x = list->index;
    size_t mask = sizeof x->slot / sizeof x->slot[0] - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint16_t at = x->slot[i];
        if (!at || (x->hash[at - 1] == hash && slice_eq(list->items[at - 1].text, text))) {
            return &x->slot[i];
        }
    }
}

static bool list_grow(struct url_scan *s)
{
    struct url_list *list = s->list;
    if (list->count < s->index->capacity) {
        return true;
    }
    size_t capacity = list->count ? list->count * 4 : 16;
    if (capacity > LIMIT_URLS) {
        capacity = LIMIT_URLS;
    }
    struct url *items = arena_alloc(s->arena, capacity * sizeof *items);
    if (!items) {
        return false;
    }
    if (list->count) {
        memcpy(items, list->items, list->count * sizeof *items);
    }
    list->items = items;
    s->index->capacity = capacity;
    return true;
}

/* Copies what was parsed into the arena as one block: text, then shape. */
static bool url_store(struct url_scan *s, const struct url_parsed *u, struct url *item)
{
    UNCLEARED char shape[URL_SHAPE_BYTES];
    struct slice host = u->host;
    size_t domain_start = u->is_ip ? 0 : host_info(s->context, host).domain_start;
    size_t shape_n = url_shape(u, slice_sub(host, domain_start, SIZE_MAX), shape);
    char *copy = arena_alloc(s->arena, u->text.n + shape_n);
    if (!copy) {
        return false;
    }
    memcpy(copy, u->text.p, u->text.n);
    memcpy(copy + u->text.n, shape, shape_n);
    item->text = slice_of(copy, u->text.n);
    item->host = slice_of(copy + (host.p - u->text.p), host.n);
    item->domain = slice_sub(item->host, domain_start, SIZE_MAX);
    item->shape = slice_of(copy + u->text.n, shape_n);
    item->is_ip = u->is_ip;
    item->is_obfuscated = u->is_obfuscated;
    return true;
}

/* The item of the parsed URL, new or old; NULL when it did not go in. */
static const struct url *list_add(struct url_scan *s, const struct url_parsed *u)
{
    struct url_list *list = s->list;
    if (u->is_cut) {
        list->quirks |= QUIRK_BIT(URL_LIMIT);
    }
    if (u->is_obfuscated) {
        list->quirks |= QUIRK_BIT(URL_OBFUSCATED);
    }
    uint64_t hash = hash_u64(u->text);
    uint16_t *slot = index_slot(list, hash, u->text);
    if (*slot) {
        struct url *old = &list->items[*slot - 1];
        old->is_obfuscated |= u->is_obfuscated;
        return old;
    }
    if (list->count == LIMIT_URLS) {
        list->quirks |= QUIRK_BIT(URL_LIMIT);
        s->index->is_full = true;
        return NULL;
    }
    if (!list_grow(s) || !url_store(s, u, &list->items[list->count])) {
        s->e = ERR_NOMEM;
        return NULL;
    }
    s->index->hash[list->count] = hash;
    s->index->place[list->count] = s->place;
    list->count++;
    *slot = (uint16_t)list->count;
    return &list->items[list->count - 1];
}

/* Most messages say each URL twice, in the text and in the HTML, and in its normal form, which is
 * its own normal form: then nothing is left to do. */
static bool list_holds(struct url_scan *s, struct slice reference, bool is_obfuscated)
{
    struct url_list *list = s->list;
    if (!list->count || !reference.n || reference.n > LIMIT_URL_BYTES) {
        return false;
    }
    const uint16_t *slot = index_slot(list, hash_u64(reference), reference);
    if (*slot && is_obfuscated) {
        list->items[*slot - 1].is_obfuscated = true;
        list->quirks |= QUIRK_BIT(URL_OBFUSCATED);
    }
    return *slot != 0;
}

void url_add(struct url_scan *s, struct slice reference, enum reference_kind kind,
             bool is_obfuscated)
{
    if (url_scan_wants(s) && list_holds(s, reference, is_obfuscated)) {
        s->has_found = true;
        return;
    }
    for (int depth = 0; depth <= REDIRECT_DEPTH_MAX && url_scan_wants(s); depth++) {
        struct url_parsed u;
        if (!url_parse(s, reference, kind, s->index->scratch, &u)) {
            return;
        }
        s->has_found = true;
        u.is_obfuscated |= is_obfuscated;
        size_t count = s->list->count;
        if (!list_add(s, &u) || s->list->count == count) {
            return; /* listed before, and so are its targets */
        }
        reference = url_inner(&u, s->index->inner);
        if (!reference.n) {
            return;
        }
        kind = REFERENCE_TEXT;
        is_obfuscated = false;
    }
}

void url_list_merge(struct url_scan *s, size_t from, size_t middle)
{
    struct url_list *list = s->list;
    struct url_index *x = s->index;
    if (from == middle || middle == list->count || x->place[middle - 1] <= x->place[middle]) {
        return;
    }
    UNCLEARED struct url items[LIMIT_URLS];
    UNCLEARED uint64_t hash[LIMIT_URLS];
    size_t n = list->count - from, a = from, b = middle;
    for (size_t i = 0; i < n; i++) {
        bool take_a = b == list->count || (a < middle && x->place[a] <= x->place[b]);
        size_t take = take_a ? a++ : b++;
        items[i] = list->items[take];
        hash[i] = x->hash[take];
    }
    memcpy(list->items + from, items, n * sizeof *items);
    memcpy(x->hash + from, hash, n * sizeof *hash);
    memset(x->slot, 0, sizeof x->slot);
    for (size_t i = 0; i < list->count; i++) {
        *index_slot(list, x->hash[i], list->items[i].text) = (uint16_t)(i + 1);
    }
}

enum err url_scan_text(const struct url_context *c, struct slice text, struct arena *arena,
                       struct url_list *list)
{
    struct url_scan s;
    enum err e = url_scan_begin(&s, c, arena, list);
    if (e != OK) {
        return e;
    }
    url_scan_run(&s, text, URL_TEXT_PROSE);
    return s.e;
}
