/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a client's command line is taken apart: verb, argument, path, parameters, and the blanks
 * between them. The session machine and the fingerprint read lines by this same code. Nothing is an
 * error; what is not there is empty. All slices point into the line. */
#ifndef SPOOL_COMMAND_H
#define SPOOL_COMMAND_H

#include "core/slice.h"

enum smtp_verb {
#define VERB(id, name) VERB_##id,
#include "spool/verb.def"
#undef VERB
    VERB_OTHER, /* a word that is none of them, or no word */
    VERB_COUNT
};

/* Upper case; "" for VERB_OTHER. */
struct slice verb_name(enum smtp_verb v);
/* ASCII case aside. */
enum smtp_verb verb_by_name(struct slice word);
/* A word of another protocol (HTTP). */
static inline bool verb_is_foreign(enum smtp_verb v)
{
    return v >= VERB_GET && v < VERB_OTHER;
}

struct command {
    enum smtp_verb verb;
    struct slice lead;     /* blanks before the verb */
    struct slice word;     /* the verb as written */
    struct slice gap;      /* blanks behind it */
    struct slice argument; /* the rest without blanks at its end */
    struct slice tail;     /* those blanks */
};
void command_read(struct slice line, struct command *out);

/* The argument of MAIL ("FROM") or RCPT ("TO"). */
struct path {
    bool has_keyword;        /* the keyword and the colon are there */
    bool has_brackets;       /* <...>, closed */
    bool is_open;            /* "<" without ">" */
    struct slice keyword;    /* as written, without the colon */
    struct slice colon_gap;  /* blanks before the colon */
    struct slice gap;        /* blanks behind it */
    struct slice route;      /* "@a,@b:" of a source route, with its colon */
    struct slice address;    /* without brackets and route; empty is the null sender */
    struct slice parameters; /* behind the path, without blanks at its ends */
};
void path_read(struct slice argument, struct slice keyword, struct path *out);

/* Cuts the next "NAME" or "NAME=value" off; false at the end. `value` is empty without "=". */
bool parameter_next(struct slice *parameters, struct slice *name, struct slice *value);

/* The domain of an address: what stands behind its last "@"; empty without one. */
struct slice address_domain(struct slice address);

#endif
