/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A trap's mail with its truth: botnets on hosts with engines send campaigns, people write too, and
 * relays leave their marks (docs/simulate.md). The same options give the same bytes on any machine;
 * every entity draws from a generator of its own, so one more of a kind changes no other. Files
 * only: nothing is ever sent. */
#ifndef SIMULATE_SIMULATE_H
#define SIMULATE_SIMULATE_H

#include "core/err.h"
#include "core/hash.h"
#include "core/ip.h"
#include "core/slice.h"
#include "spool/record.h"

enum {
    SIMULATE_FAMILIES_MAX = 500,
    SIMULATE_CAMPAIGNS_MAX = 2000,
    SIMULATE_DAYS_MAX = 3650,
    SIMULATE_MESSAGES_MAX = 10 * 1000 * 1000, /* 32 bytes each while they are put in order */
};

struct simulate_options {
    uint64_t seed, messages;
    unsigned families, campaigns, days;
    double mess;       /* 0: all as it should be, 1: as bad as it gets */
    int64_t since;     /* first day */
    struct slice trap; /* as the import will name it: it is in the ids */
    bool is_live;      /* as the trap took it: with sessions, without Received lines of the trap */
};

struct simulation;
/* ERR_USAGE for options out of range, ERR_NOMEM. */
enum err simulation_new(const struct simulate_options *o, struct simulation **out,
                        struct errbuf *eb) MUST_USE;
void simulation_free(struct simulation *s);

/* A message and what is true of it; valid until the next call. */
struct simulated {
    struct slice raw; /* lines end with LF */
    int64_t received;
    struct slice sender; /* of the envelope */
    struct id128 id;     /* as an import under the trap's name computes it; zero: live */
    struct ip client;    /* the host that sent it */
    uint64_t machine;    /* the same for one machine, whatever its address and botnet */
    const char *country;
    struct slice mailer; /* the software: a family, or a person's client */
    unsigned version;    /* of it, from 1 */
    const char *forged;  /* the client that the header pretends */
    struct slice botnet; /* who sends it; empty: a person */
    struct slice label;  /* what the shipped rules may call it; empty: nothing of theirs fits */
    struct slice campaign, program; /* empty: none */
    const char *type, *layout, *path;
    const struct message_record *message; /* live; else NULL */
    const struct session_record *session;
};
/* In order of receipt. ERR_END after the last, ERR_NOMEM. */
enum err simulation_next(struct simulation *s, struct simulated *out) MUST_USE;

#endif
