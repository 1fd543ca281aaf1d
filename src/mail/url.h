/* SPDX-License-Identifier: GPL-3.0-or-later */
/* URLs of a message: found in text and in HTML (also malformed), undone from the disguises that
 * spam really uses, reduced to host, registrable domain (Public Suffix List) and shape. */
#ifndef MAIL_URL_H
#define MAIL_URL_H

#include "core/ip.h"
#include "mail/mail.h"

struct url {
    struct slice text; /* normalised: scheme and host lower case, entities and percent-escapes of
                          unreserved bytes undone, fragment kept; at most LIMIT_URL_BYTES; arena */
    struct slice host; /* lower case ASCII (punycode); dotted quad for every IPv4 disguise */
    struct slice
        domain; /* registrable; the address itself for IP literals; empty when there is none */
    struct slice
        shape; /* METHODS B3 / signatures: e.g. "http://d/a*.html?a=9*"; see docs/urls.md */
    bool is_ip;
    bool is_obfuscated;
};

struct url_list {
    struct url *items; /* distinct by text, in order of appearance; arena */
    size_t count;
    uint64_t quirks;
};

/* Opens the Public Suffix List once per process; shared by threads (read only). NULL if absent. */
struct url_context;
struct url_context *url_context_new(struct errbuf *eb) MUST_USE;
void url_context_free(struct url_context *c);

/* Adds the URLs of plain UTF-8 text, or of HTML, to the list. Bounded by LIMIT_URLS. */
enum err url_scan_text(const struct url_context *c, struct slice text, struct arena *arena,
                       struct url_list *list) MUST_USE;
enum err url_scan_html(const struct url_context *c, struct slice html, struct arena *arena,
                       struct url_list *list) MUST_USE;

/* The visible text of HTML: tags out, entities decoded, block tags to line breaks, script and style
 * left out; UTF-8, at most LIMIT_TEXT_BYTES. Arena. */
struct slice html_text(struct slice html, struct arena *arena, uint64_t *quirks);

/* The registrable domain of a host name (lower case ASCII); empty when there is none. Borrows
 * `host`. */
struct slice domain_registrable(const struct url_context *c, struct slice host);

#endif
