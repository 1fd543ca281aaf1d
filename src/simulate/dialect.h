/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a family speaks SMTP, and what a trap of ours would have recorded of one delivery. */
#ifndef SIMULATE_DIALECT_H
#define SIMULATE_DIALECT_H

#include "core/arena.h"
#include "spool/record.h"
#include "stat/pcg.h"

struct dialect {
    bool is_extended;  /* EHLO */
    char letters;      /* of verbs: 'U' upper, 'l' lower, 'm' first upper */
    const char *colon; /* ":", ": ", " : " */
    bool has_brackets;
    const char *parameters; /* of MAIL, with %zu for the size; "" none */
    bool is_pipelined;      /* MAIL, RCPT and DATA without waiting */
    bool is_early;          /* before the banner */
    bool has_reset;         /* RSET before MAIL */
    bool has_bare_lf;       /* line ends of commands and of the body */
    enum session_end end;
    int64_t pace_us; /* between an answer and the next command */
};

/* Of the number-th family. */
struct dialect dialect_make(uint64_t seed, size_t number);
/* A mail server that follows the standards: forwarders, and people's providers. */
struct dialect dialect_server(void);

struct dialect_delivery {
    struct slice helo, sender, recipient, raw;
    struct ip client;
    int64_t received_us;
    struct slice trap;
    struct id128 session;
};
/* The two records of a session with one message; all in the arena or borrowed. ERR_NOMEM. */
enum err dialect_speak(const struct dialect *d, const struct dialect_delivery *m,
                       struct arena *arena, struct message_record *message,
                       struct session_record *session) MUST_USE;

#endif
