/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside the URL code only (url*.c, html.c): one scan's state and the steps from a reference as
 * found to an item of the list. Text and HTML scanners find references and call url_add. */
#ifndef MAIL_URL_BUILD_H
#define MAIL_URL_BUILD_H

#include "core/limits.h"
#include "core/vec.h"
#include "mail/suffix.h"
#include "mail/url.h"

enum {
    HOST_BYTES_MAX = 253,     /* RFC 1035 2.3.4, without the root's dot */
    LABEL_BYTES_MAX = 63,     /* RFC 1035 2.3.4 */
    USERINFO_BYTES_MAX = 256, /* kept of it; so the host always fits in front of the cut */
    /* Read of one reference: escaping makes three bytes of one at most. */
    REFERENCE_BYTES_MAX = 3 * LIMIT_URL_BYTES,
    REDIRECT_DEPTH_MAX = 3, /* a URL in a URL in a URL: deeper is no redirector but a bomb */
    IDN_CONVERSIONS_MAX = 2 * LIMIT_URLS, /* of one list: each costs some microseconds */
};

/* A normalised URL as bytes of `text`. */
struct url_parsed {
    struct slice text;
    struct slice scheme; /* without "://" */
    struct slice host;
    struct slice port; /* digits; empty when it is the scheme's own */
    struct slice rest; /* from the '/' that starts the path to the end */
    bool has_userinfo;
    bool is_ip;
    bool is_obfuscated;
    bool is_cut;
};

struct url_index {
    uint64_t hash[LIMIT_URLS];  /* of items[i].text */
    uint32_t place[LIMIT_URLS]; /* where items[i] was found, to put a scan's two runs in order */
    uint16_t slot[2 * 256];     /* open addressing by hash; item + 1, 0 is free */
    size_t capacity;            /* of list->items */
    unsigned idn_conversions;
    bool is_full;                        /* LIMIT_URLS reached: nothing more is looked for */
    char scratch[LIMIT_URL_BYTES];       /* the URL being normalised */
    char inner[LIMIT_URL_BYTES];         /* a redirector's target, unescaped */
    char reference[REFERENCE_BYTES_MAX]; /* what a scanner puts together before url_add */
};
_Static_assert(LIMIT_URLS < 256, "the index is at most half full");

struct url_scan {
    const struct url_context *context;
    struct arena *arena;
    struct url_list *list;
    struct url_index *index;
    struct slice base; /* of <base href>, normalised; empty when there is none */
    uint32_t place;    /* of the reference being added */
    bool has_found;    /* url_add met a URL, new or listed before */
    enum err e;        /* ERR_NOMEM sticks */
};

/* What a reference may be besides an absolute URL. */
enum reference_kind {
    REFERENCE_TEXT,      /* as found in prose: with a scheme, or a host name that was checked */
    REFERENCE_ATTRIBUTE, /* an HTML attribute's value: also relative, or a bare host name */
};

enum err url_scan_begin(struct url_scan *s, const struct url_context *c, struct arena *arena,
                        struct url_list *list) MUST_USE;
/* False once there is no point in looking on: the list is full, or memory is out. */
static inline bool url_scan_wants(const struct url_scan *s)
{
    return s->e == OK && !s->index->is_full;
}

/* Normalises the reference and adds it with the targets of redirectors in it, unless there already.
 * Not a URL: nothing happens. */
void url_add(struct url_scan *s, struct slice reference, enum reference_kind kind,
             bool is_obfuscated);
/* Stable order by place of items[from..), which are two ordered runs cut at `middle`. */
void url_list_merge(struct url_scan *s, size_t from, size_t middle);

/* url_parse.c */
bool url_parse(struct url_scan *s, struct slice reference, enum reference_kind kind,
               char out[LIMIT_URL_BYTES], struct url_parsed *u);
/* The target in a redirector's URL, unescaped into `out`; empty when there is none. */
struct slice url_inner(const struct url_parsed *u, char out[LIMIT_URL_BYTES]);
/* One of the schemes we follow, or a disguise of one (hxxp). */
bool url_scheme_is_known(struct slice word);
/* Is the text a host name as it stands (ASCII), ending in a listed top-level domain or numeric
 * IPv4? */
bool host_is_complete(const struct url_scan *s, struct slice host);

/* url_shape.c: at most URL_SHAPE_BYTES. */
size_t url_shape(const struct url_parsed *u, struct slice domain, char out[URL_SHAPE_BYTES]);

/* url_text.c */
enum url_text_mode {
    URL_TEXT_PROSE,    /* all forms */
    URL_TEXT_EXPLICIT, /* with a scheme only: scripts, where "window.open" is no host */
};
void url_scan_run(struct url_scan *s, struct slice text, enum url_text_mode mode);
/* The url(...) of CSS. */
void url_scan_css(struct url_scan *s, struct slice css);

/* How far a bare host name in prose may be believed by its top-level domain (url_tld.def). */
enum tld_class {
    TLD_OPEN,  /* sold to anybody and no word of prose: com, net, ru */
    TLD_OTHER, /* any other two-letter one */
    TLD_WORD,  /* also a word, a file's extension or a method's name: it, md, call */
};
enum tld_class tld_class_of(struct slice host);

struct host_info host_info(const struct url_context *c, struct slice host);

/* Lower-case ASCII letters, digits and punctuation packed into a number, for switch: the case of
 * letters is folded, what is past 8 bytes is left off. */
#define NAME_KEY(a, b, c, d, e, f, g, h)                                                           \
    ((uint64_t)(a) << 56 | (uint64_t)(b) << 48 | (uint64_t)(c) << 40 | (uint64_t)(d) << 32 |       \
     (uint64_t)(e) << 24 | (uint64_t)(f) << 16 | (uint64_t)(g) << 8 | (uint64_t)(h))
static inline uint64_t name_key(struct slice s)
{
    uint64_t key = 0;
    size_t n = s.n < 8 ? s.n : 8;
    for (size_t i = 0; i < n; i++) {
        key = key << 8 | (uint8_t)(s.p[i] | 0x20);
    }
    return n ? key << (8 * (8 - n)) : 0;
}

#endif
