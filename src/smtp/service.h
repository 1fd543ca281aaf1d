/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is the same for all sessions of a listener: who the trap pretends to be, whom it takes mail
 * for, and its guards. Plain data, filled by the program, borrowed by the sessions. */
#ifndef SMTP_SERVICE_H
#define SMTP_SERVICE_H

#include "core/hash.h"
#include "core/ip.h"
#include "core/limits.h"
#include "spool/record.h"

struct persona;
struct policy;
struct greylist;

struct smtp_limits {
    uint64_t message_bytes;     /* of one message; past it 552 */
    uint32_t recipients;        /* of one message; past it 452 */
    uint32_t errors;            /* refused commands of a session; the next one ends it */
    uint32_t messages;          /* of a session; then 421 */
    uint32_t command_seconds;   /* for one whole command line, however slowly its bytes come */
    uint32_t data_idle_seconds; /* between two reads of a message */
    uint32_t data_seconds;      /* for one whole message */
    uint32_t session_seconds;
};

#define SMTP_LIMITS_DEFAULT                                                                        \
    {                                                                                              \
        .message_bytes = LIMIT_MESSAGE_BYTES, .recipients = 100, .errors = 20, .messages = 10000,  \
        .command_seconds = 300, .data_idle_seconds = 180, .data_seconds = 900,                     \
        .session_seconds = 3600                                                                    \
    }

struct smtp_service {
    struct slice trap, site, listener; /* names for the records */
    struct slice host;                 /* the name it gives itself */
    const struct persona *persona;
    const struct policy *policy; /* NULL: every recipient is taken, all belong to `trap` */
    struct smtp_limits limits;
    bool is_lmtp;
    bool has_tls;      /* STARTTLS can be done; offered when the persona lists it */
    bool is_teased;    /* the banner's first line comes alone, the rest after `banner_ms` */
    bool accepts_auth; /* any password is right; else none is */
    uint32_t banner_ms, reply_ms; /* waits on top of the persona's own */
    const struct cidr *relays;    /* may send XCLIENT */
    size_t relay_count;
    const uint8_t *key; /* SECRET_KEY_BYTES for password hashes; NULL: they are not kept at all */
    uint32_t reject_4xx_permille, reject_5xx_permille; /* of RCPT, sampled */
    struct greylist *greylist;                         /* NULL: off; borrowed, changed */
};

#endif
