/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which MTA a trap plays: a YAML file (docs/personas.md) with banner, EHLO list, reply texts,
 * delays, and how that MTA cuts lines and ends data. Immutable once loaded. */
#ifndef SMTP_PERSONA_H
#define SMTP_PERSONA_H

#include "core/finding.h"
#include "core/strbuf.h"
#include "smtp/body.h"
#include "smtp/line.h"

enum reply_id {
#define REPLY(id, name, class, doc) REPLY_##id,
#include "smtp/reply.def"
#undef REPLY
    REPLY_COUNT
};

/* What a reply text may hold in braces. */
struct persona_words {
    struct slice host;   /* {host}: our name */
    struct slice client; /* {client}: the client's address */
    struct slice helo;   /* {helo}: what it called itself */
    struct slice from;   /* {from}, {rcpt}: envelope addresses */
    struct slice rcpt;
    struct slice line; /* {line}: the command as it came, {verb}: its first word */
    struct slice verb;
    uint64_t size;   /* {size}: the greatest message */
    uint64_t bytes;  /* {bytes}: of the message or chunk */
    int64_t time_us; /* {date}: RFC 5322; {id}, {time}: from it and `seed` */
    uint64_t seed;   /* {id}: the queue id, in the persona's own form */
};

struct persona;

/* Reads a file's text; findings go to `to` (its `file` names it). NULL when it has errors or memory
 * is out. All its memory is its own. */
struct persona *persona_read(struct slice text, struct findings *to) MUST_USE;
/* Opens, reads, checks; on errors the first finding becomes the error's text and place. */
enum err persona_load(const char *path, struct persona **out, struct errbuf *eb) MUST_USE;
void persona_free(struct persona *p);

struct persona_traits {
    struct slice name;
    enum line_rule line_rule;
    enum body_rule body_rule;
    bool needs_helo;     /* before MAIL */
    bool needs_brackets; /* around addresses */
    /* Milliseconds of its own before the banner, every other reply, and a 4xx or 5xx. */
    uint32_t banner_ms, reply_ms, error_ms;
    unsigned extensions; /* all that its EHLO list names: enum smtp_extension */
};
const struct persona_traits *persona_traits(const struct persona *p);

/* Appends the reply, CRLF and all. Control bytes in words become "?"; words are cut to what a reply
 * line may hold. Returns the reply's code. */
unsigned persona_reply(const struct persona *p, enum reply_id r, const struct persona_words *w,
                       struct strbuf *out);
/* Appends the EHLO reply without the lines of extensions outside `allowed`; XCLIENT's line is added
 * when `has_xclient`. Returns 250. */
unsigned persona_ehlo(const struct persona *p, unsigned allowed, bool has_xclient,
                      const struct persona_words *w, struct strbuf *out);

#endif
