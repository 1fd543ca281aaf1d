/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside simulate only: one message in the making. compose.c fills in templates, mime.c builds the
 * body, path.c does what relays do to it. */
#ifndef SIMULATE_COMPOSE_H
#define SIMULATE_COMPOSE_H

#include "core/arena.h"
#include "core/strbuf.h"
#include "simulate/campaign.h"
#include "simulate/family.h"
#include "simulate/grammar.h"
#include "simulate/host.h"

enum { COMPOSE_LINES = 128 };

struct compose_line {
    struct slice name, value; /* folding in the value */
};

struct compose {
    /* what it is made from */
    uint64_t seed;
    double mess;
    int64_t time; /* of receipt */
    const struct host *host;
    struct ip address;
    char host_name[HOST_NAME_BYTES];
    const struct family *family;
    const struct family_client *client;
    const struct campaign *campaign; /* NULL: somebody's letter */
    struct slice to;                 /* the trap's address */
    struct pcg random;
    struct arena *arena;

    /* what is drawn for it */
    struct grammar grammar;
    struct slice from_name, from_local, from_domain, helo;
    struct slice charset, boundary, cid;
    struct slice subject, text, html, image; /* filled in; empty: none */
    int64_t sent;                            /* by the machine's clock */
    int64_t arrival;                         /* as the trap's own Received line says */
    bool is_live;                            /* the trap itself writes no line */
    const char *relay, *relay_ip;            /* that hands it to the trap; NULL: the machine */

    /* where a macro stands */
    const char *sub, *kind; /* "html"; "alternative" */
    const char *cte;        /* NULL: a multipart */
    bool is_dropped;        /* the line that is being filled in */

    /* the result: header fields, top first, and the body */
    struct compose_line lines[COMPOSE_LINES];
    size_t count;
    struct strbuf body;
};

/* Draws everything and fills in header and body. ERR_NOMEM. The caller frees c->body. */
enum err compose_write(struct compose *c) MUST_USE;

/* A template filled in; arena. */
struct slice compose_fill(struct compose *c, struct slice text);
void compose_line_insert(struct compose *c, size_t at, struct slice name, struct slice value);
/* Date of RFC 5322. */
void compose_date(int64_t t, int zone_minutes, struct strbuf *out);

/* Body with all parts, and the type and encoding of the root into c->kind, c->sub, c->cte. */
void compose_body(struct compose *c);
/* Encodes for a header when it is no ASCII (or by the family's habit). */
void compose_subject_encode(struct compose *c, struct slice utf8, struct strbuf *out);

/* What happens between the bot and the mailbox: Received lines, what relays add, move and rename.
 * Returns the name of the way. */
const char *compose_path(struct compose *c, bool is_late);
/* The relay that hands it to the trap, when there is one; else false. */
bool compose_relay(const struct compose *c, struct slice *name, struct ip *address);

#endif
