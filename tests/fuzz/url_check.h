/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must hold of every list of URLs, whatever was read. */
#ifndef FUZZ_URL_CHECK_H
#define FUZZ_URL_CHECK_H

#include "core/limits.h"
#include "mail/url.h"

static inline void check(bool holds, const char *what)
{
    if (!holds) {
        panic("%s", what);
    }
}

static inline bool is_printable(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~') {
            return false;
        }
    }
    return true;
}

static inline void url_check(const struct url_context *c, const struct url *u)
{
    check(u->text.n > 0 && u->text.n <= LIMIT_URL_BYTES && is_printable(u->text), "text");
    check(u->shape.n > 0 && u->shape.n <= URL_SHAPE_BYTES && is_printable(u->shape), "shape");
    check(slice_istarts(u->shape, slice_sub(u->text, 0, slice_find_byte(u->text, ':'))), "scheme");
    check(u->host.n > 0 && u->host.n <= 253, "host's length");
    check(u->host.p >= u->text.p && u->host.p + u->host.n <= u->text.p + u->text.n,
          "host inside text");
    for (size_t i = 0; i < u->host.n; i++) {
        char h = u->host.p[i];
        check(!ascii_is_upper(h) && (ascii_is_alnum(h) || memchr("-._:", h, 4)), "host's bytes");
    }
    check(slice_ends(u->host, u->domain), "domain is the end of host");
    struct ip address;
    check(u->is_ip == ip_parse(u->host, &address), "is_ip");
    check(!u->is_ip || slice_eq(u->host, u->domain), "an address is its own domain");
    check(u->is_ip || slice_eq(u->domain, domain_registrable(c, u->host)), "domain");
}

static inline void url_list_check(const struct url_context *c, const struct url_list *list)
{
    check(list->count <= LIMIT_URLS, "count");
    bool is_obfuscated = false;
    for (size_t i = 0; i < list->count; i++) {
        url_check(c, &list->items[i]);
        is_obfuscated |= list->items[i].is_obfuscated;
        for (size_t j = 0; j < i; j++) {
            check(!slice_eq(list->items[i].text, list->items[j].text), "distinct");
        }
    }
    check(!is_obfuscated || (list->quirks & QUIRK_BIT(URL_OBFUSCATED)), "obfuscated");
}

static inline void url_lists_same(const struct url_list *a, const struct url_list *b)
{
    check(a->count == b->count && a->quirks == b->quirks, "the same count again");
    for (size_t i = 0; i < a->count; i++) {
        check(slice_eq(a->items[i].text, b->items[i].text), "the same text again");
        check(slice_eq(a->items[i].shape, b->items[i].shape), "the same shape again");
        check(slice_eq(a->items[i].domain, b->items[i].domain), "the same domain again");
    }
}

#endif
