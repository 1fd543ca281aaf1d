/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Campaigns: what is said, in whose words, with which links. A campaign is made from a seed out of
 * the phrases of a type; it is a pair of templates (text and HTML) that each message fills in. */
#ifndef SIMULATE_CAMPAIGN_H
#define SIMULATE_CAMPAIGN_H

#include "core/arena.h"
#include "core/strbuf.h"
#include "stat/pcg.h"

enum campaign_layout {
    LAYOUT_TEXT,
    LAYOUT_HTML,
    LAYOUT_IMAGE, /* a picture says it all */
    LAYOUT_SHORT, /* a line and a link */
    LAYOUT_BOOK,  /* little, and much random prose */
    LAYOUT_COUNT,
};
const char *campaign_layout_name(enum campaign_layout l);

enum { CAMPAIGN_SUBJECTS = 4 };

struct campaign {
    struct slice name, program;
    const char *type;
    enum campaign_layout layout;
    struct slice subjects[CAMPAIGN_SUBJECTS]; /* templates */
    size_t subject_count;
    struct slice text, html; /* templates; html may be empty */
    struct slice url;        /* template */
    struct slice brand;      /* a sender's name */
    uint64_t domain_pool;    /* campaigns of one program may share it */
    unsigned domain_days;    /* how long a domain is used; 0: one for each message */
    unsigned domains;        /* at a time */
    bool has_garbage;        /* links to domains that nobody has, to poison lists */
    bool is_russian;
    unsigned images; /* variants of the picture; 0: each message has its own */
    uint64_t number;
};

/* ERR_NOMEM. */
enum err campaign_make(struct campaign *out, uint64_t seed, size_t number, double mess,
                       struct arena *arena) MUST_USE;
/* A domain of a day; `r` chooses among them. */
void campaign_domain(const struct campaign *c, uint64_t seed, int64_t day, struct pcg *r,
                     struct strbuf *out);

/* Somebody's private letter: its subject and text as templates. */
void campaign_letter(struct pcg *r, struct strbuf *subject, struct strbuf *text);

#endif
