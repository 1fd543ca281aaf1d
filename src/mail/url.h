/* SPDX-License-Identifier: GPL-3.0-or-later */
/* URLs of a message: found in text and in HTML (also malformed), undone from the disguises that
 * spam really uses, reduced to host, registrable domain (Public Suffix List) and shape. */
#ifndef MAIL_URL_H
#define MAIL_URL_H

#include "core/ip.h"
#include "mail/mail.h"

struct url {
    struct slice text;   /* normalised printable ASCII: scheme and host lower case, entities and
                            percent-escapes of unreserved bytes undone, other bytes escaped, user
                            info and fragment kept; at most LIMIT_URL_BYTES; arena */
    struct slice host;   /* lower case ASCII (punycode), inside `text`; dotted quad for every IPv4
                            disguise; IPv6 without its brackets */
    struct slice domain; /* registrable, the end of `host`; the address itself for IP literals;
                            empty when there is none */
    struct slice shape;  /* "http://d/a*.html?a=9*"; docs/urls.md; at most URL_SHAPE_BYTES; arena */
    bool is_ip;
    bool is_obfuscated;
};

enum { URL_SHAPE_BYTES = 200 };

struct url_index;

/* Starts as {0} and may be handed to several scans: one list a message. */
struct url_list {
    struct url *items; /* distinct by text, in order of appearance within each scan; arena */
    size_t count;
    uint64_t quirks;
    struct url_index *index; /* private: what is listed already; arena */
};

/* Opens the Public Suffix List once per process; shared by threads (read only). NULL if absent. */
struct url_context;
struct url_context *url_context_new(struct errbuf *eb) MUST_USE;
void url_context_free(struct url_context *c);

/* Adds the URLs of plain UTF-8 text, or of HTML (of its attributes, its styles and scripts, and of
 * its visible text), to the list. Bounded by LIMIT_URLS. ERR_NOMEM only. */
enum err url_scan_text(const struct url_context *c, struct slice text, struct arena *arena,
                       struct url_list *list) MUST_USE;
enum err url_scan_html(const struct url_context *c, struct slice html, struct arena *arena,
                       struct url_list *list) MUST_USE;

/* The visible text of HTML: tags out, entities decoded, white space collapsed, block tags to line
 * breaks, comments, script and style left out; at most LIMIT_TEXT_BYTES. Text that the HTML hides
 * from its reader is kept. UTF-8 when `html` is. Adds to *quirks (may be NULL). Arena; empty when
 * out of memory. */
struct slice html_text(struct slice html, struct arena *arena, uint64_t *quirks);

/* The elements of HTML in order of their start tags; those that no HTML has are left out. */
struct html_tag {
    uint64_t name;  /* the first eight bytes, lower case, the first byte on top, zeros at the end */
    uint32_t place; /* offset in the visible text */
};
struct html_outline {      /* starts as {0} */
    struct html_tag *tags; /* arena */
    size_t count, capacity;
    bool is_cut; /* there were more than LIMIT_HTML_TAGS */
};

/* url_scan_html and html_text in one pass, which costs little more than one of them; quirks of
 * both go to the list. `outline` may be NULL. ERR_NOMEM only. */
enum err html_scan(const struct url_context *c, struct slice html, struct arena *arena,
                   struct url_list *list, struct html_outline *outline,
                   struct slice *text) MUST_USE;

/* The registrable domain of a host name (lower case ASCII); empty when there is none, and for
 * addresses. A top-level domain that nobody lists counts as one (the list's "*" rule). Borrows
 * `host`. */
struct slice domain_registrable(const struct url_context *c, struct slice host);

#endif
