/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/extract.h"
#include "print/mime_tree.h"

struct texts {
    struct slice *visible, *html;
    size_t visible_count, html_count;
    struct body_text *bodies;
    size_t body_count;
    struct url_list *urls;
};

/* Does a variant of the part as HTML follow it? Then few readers ever see it. */
static bool part_has_html_variant(const struct mail *m, size_t i)
{
    for (int up = m->parts[i].parent; up >= 0; up = m->parts[up].parent) {
        const struct part *a = &m->parts[up];
        if (!part_is_multipart(a) || !slice_eq(a->subtype, S("alternative"))) {
            continue;
        }
        for (size_t k = i + 1; k < m->part_count && m->parts[k].depth > a->depth; k++) {
            const struct part *p = &m->parts[k];
            if (part_is_text(p) && !p->is_attachment && slice_eq(p->subtype, S("html"))) {
                return true;
            }
        }
    }
    return false;
}

/* One text part: its text, its HTML, its URLs. */
static enum err body_text(struct extract *x, struct part *p, struct texts *t)
{
    bool is_html = slice_eq(p->subtype, S("html"));
    struct slice text = part_text(x->mail, p), visible = text;
    struct body_text *body = &t->bodies[t->body_count++];
    enum err e = OK;
    body->is_html = is_html;
    body->is_seen = !p->is_attachment &&
                    (is_html || !part_has_html_variant(x->mail, (size_t)(p - x->mail->parts)));
    if (text.n == 0) {
        return OK;
    }
    if (is_html) {
        t->html[t->html_count++] = text;
        if (x->url_context) {
            e = html_scan(x->url_context, text, x->arena, t->urls, &body->outline, &visible);
        } else {
            visible = html_text(text, x->arena, &t->urls->quirks);
        }
    } else if (x->url_context) {
        e = url_scan_text(x->url_context, text, x->arena, t->urls);
    }
    if (e == OK && visible.n > 0) {
        t->visible[t->visible_count++] = visible;
    }
    body->text = visible;
    return e;
}

/* "w+_9+.gif": the ending says what the sender wants opened, the rest may hold a personal token. */
static struct slice name_shape(struct slice name, struct arena *arena)
{
    enum { ENDING_MAX = 5 };
    UNCLEARED char buffer[SHAPE_BYTES];
    struct shape_out o = {buffer, 0, sizeof buffer, false};
    size_t dot = name.n;
    while (dot > 0 && name.n - dot < ENDING_MAX && ascii_is_alnum(name.p[dot - 1])) {
        dot--;
    }
    bool has_ending = dot > 1 && dot < name.n && name.p[dot - 1] == '.';
    size_t stem = has_ending ? dot - 1 : name.n;
    shape_text(&o, slice_sub(name, 0, stem));
    for (size_t i = stem; i < name.n; i++) {
        shape_put(&o, ascii_lower(name.p[i]));
    }
    return arena_copy(arena, shape_end(&o));
}

static enum err body_attachment(struct extract *x, struct part *p, struct attachment *a)
{
    char *type = arena_alloc(x->arena, p->type.n + p->subtype.n + 1);
    if (!type) {
        return ERR_NOMEM;
    }
    struct shape_out o = {type, 0, p->type.n + p->subtype.n + 1, false};
    shape_put_slice(&o, p->type);
    shape_put(&o, '/');
    shape_put_slice(&o, p->subtype);
    struct slice bytes = part_decode(x->mail, p);
    a->type = slice_of(o.p, o.n);
    a->name = p->filename;
    a->name_shape = p->filename.n ? name_shape(p->filename, x->arena) : p->filename;
    a->hash = hash_id128(bytes);
    a->bytes = bytes.n;
    return OK;
}

static enum err body_attachments(struct extract *x, const struct attachment *items, size_t count)
{
    struct slice *names = extract_list(x, count), *types = extract_list(x, count),
                 *hashes = extract_list(x, count);
    size_t named = 0;
    char *hex = arena_alloc(x->arena, count * 33);
    if (!names || !types || !hashes || !hex) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++, hex += 33) {
        id128_hex(items[i].hash, hex);
        hashes[i] = slice_of(hex, 32);
        types[i] = items[i].type;
        if (items[i].name.n > 0) {
            names[named++] = items[i].name;
        }
    }
    x->f->attachments = items;
    x->f->attachment_count = count;
    extract_list_set(x, FEATURE_ATTACHMENT_NAME, names, named);
    extract_list_set(x, FEATURE_ATTACHMENT_TYPE, types, count);
    extract_list_set(x, FEATURE_ATTACHMENT_HASH, hashes, count);
    return OK;
}

static enum err body_urls(struct extract *x, const struct url_list *urls)
{
    x->f->urls = urls;
    if (!x->url_context) {
        return OK; /* nobody looked: absent, not none */
    }
    extract_number(x, FEATURE_URL_COUNT, (int64_t)urls->count);
    if (urls->count == 0) {
        return OK;
    }
    struct slice *all = extract_list(x, 4 * urls->count);
    if (!all) {
        return ERR_NOMEM;
    }
    struct slice *hosts = all + urls->count, *domains = hosts + urls->count,
                 *shapes = domains + urls->count;
    size_t host_count = 0, domain_count = 0, shape_count = 0;
    for (size_t i = 0; i < urls->count; i++) {
        all[i] = urls->items[i].text;
        list_add_distinct(hosts, &host_count, urls->items[i].host);
        list_add_distinct(domains, &domain_count, urls->items[i].domain);
        list_add_distinct(shapes, &shape_count, urls->items[i].shape);
    }
    extract_list_set(x, FEATURE_URL, all, urls->count);
    extract_list_set(x, FEATURE_URL_HOST, hosts, host_count);
    extract_list_set(x, FEATURE_URL_DOMAIN, domains, domain_count);
    extract_list_set(x, FEATURE_URL_SHAPE, shapes, shape_count);
    return OK;
}

enum err extract_body(struct extract *x)
{
    struct mail *m = x->mail;
    struct url_list *urls = arena_calloc(x->arena, 1, sizeof *urls);
    struct texts t = {.visible = extract_list(x, m->part_count),
                      .html = extract_list(x, m->part_count),
                      .bodies = arena_calloc(x->arena, m->part_count, sizeof *t.bodies),
                      .urls = urls};
    struct attachment *attachments = NULL;
    size_t attachment_count = 0;
    if (!urls || !t.visible || !t.html || !t.bodies) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < m->part_count; i++) {
        struct part *p = &m->parts[i];
        bool is_text = part_is_text(p);
        if (!part_is_leaf(m, i) || (!is_text && part_is_multipart(p))) {
            continue;
        }
        if (is_text) {
            enum err e = body_text(x, p, &t);
            if (e != OK) {
                return e;
            }
        }
        if (is_text && !p->is_attachment) {
            continue;
        }
        if (!attachments) {
            attachments = arena_calloc(x->arena, m->part_count - i, sizeof *attachments);
        }
        if (!attachments || body_attachment(x, p, &attachments[attachment_count++]) != OK) {
            return ERR_NOMEM;
        }
    }
    extract_list_set(x, FEATURE_BODY_TEXT, t.visible, t.visible_count);
    extract_list_set(x, FEATURE_BODY_HTML, t.html, t.html_count);
    x->f->bodies = t.bodies;
    x->f->body_count = t.body_count;
    if (attachment_count > 0 && body_attachments(x, attachments, attachment_count) != OK) {
        return ERR_NOMEM;
    }
    return body_urls(x, urls);
}
