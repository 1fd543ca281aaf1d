/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Families of sending software: how each writes a header and a body. Some stand in family.def, as
 * public sources describe them; the others are made from a seed as their writers made them, out of
 * a client's header with changes (trait.def), some of them out of another family. */
#ifndef SIMULATE_FAMILY_H
#define SIMULATE_FAMILY_H

#include "core/arena.h"
#include "simulate/dialect.h"
#include "stat/pcg.h"

enum {
    FAMILY_FIELDS = 48,
    FAMILY_CLIENTS = 2,
    FAMILY_VERSIONS = 3,
    FAMILY_DIFFERENCES = 3, /* with fewer, nobody could tell two apart */
};

struct family_field {
    struct slice name, value; /* value: a template */
    unsigned percent;         /* of the messages that have it */
};

/* A client that a family pretends to be. */
struct family_client {
    const char *name;
    struct family_field fields[FAMILY_FIELDS];
    size_t count;
    struct slice boundary, multi, leaf, part, preamble;
    bool is_alternative;
};

struct family_version {
    struct family_client clients[FAMILY_CLIENTS];
    size_t client_count;
};

/* How it makes text fit for mail. */
enum family_coding { FAMILY_7BIT, FAMILY_QUOTED, FAMILY_BASE64 };

struct family {
    struct slice name;
    struct slice label; /* the botnet that the shipped rules call it; empty: none */
    struct slice helo;
    struct dialect dialect;
    struct slice charset;
    enum family_coding coding;
    bool is_shuffled;   /* writes its X- fields in any order */
    bool has_own_words; /* wraps HTML in a skeleton of its own */
    unsigned person;    /* 0: a random sender, 1: the recipient, 2: a name of the campaign */
    struct family_version versions[FAMILY_VERSIONS];
    size_t version_count;
};

/* The families of family.def come first. */
size_t family_known_count(void);
/* The number-th family of a seed; `earlier`: those before it, from which it may be taken and from
 * each of which it differs in FAMILY_DIFFERENCES things at least. `mess` (0..1): how often it
 * varies. ERR_NOMEM. */
enum err family_make(struct family *out, uint64_t seed, size_t number, double mess,
                     const struct family *earlier, struct arena *arena) MUST_USE;

/* A real client, for people's mail: the `number`-th of client.def; false past the last. */
bool family_person(struct family *out, size_t number);
/* Which of them a hacked web server runs. */
extern const size_t FAMILY_SERVER;

#endif
