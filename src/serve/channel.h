/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The socketpair between the parent and a role, and the small typed messages on it (message.def).
 * One datagram a message, plain structs: both ends are the same binary. What comes from a role may
 * come from an intruder in it, so type and size are checked and nothing in a message is a pointer,
 * a length or a descriptor. Never blocks: a message that has no room is dropped (beats come again).
 */
#ifndef SERVE_CHANNEL_H
#define SERVE_CHANNEL_H

#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>

enum serve_role { ROLE_TRAP, ROLE_ANALYSE, ROLE_COUNT };
/* "trap", "analyse" */
const char *serve_role_name(enum serve_role r);

enum counter {
#define COUNTER(id, name, role, meaning) COUNTER_##id,
#include "serve/counter.def"
#undef COUNTER
    COUNTER_COUNT
};
const char *counter_name(enum counter c);
enum serve_role counter_role(enum counter c);

enum message_type {
#define MESSAGE(id, body, meaning) MESSAGE_##id,
#include "serve/message.def"
#undef MESSAGE
    MESSAGE_COUNT
};

/* Names in messages are cut to this, NUL and all; the configuration refuses longer ones. */
enum { TRAP_NAME_BYTES = 128 };

struct message {
    enum message_type type;
    union {
        struct message_ready {
            bool is_partial;   /* the sandbox lacks something here */
            char sandbox[252]; /* sandbox_report, NUL-terminated */
        } ready;
        struct message_beat {
            uint64_t counters[COUNTER_COUNT];
        } beat;
        struct message_listener {
            uint32_t socket; /* number of the socket, as handed over */
            uint64_t refused;
        } listener;
        struct message_began {
            int64_t at_us; /* microseconds since 1970 */
        } began;
        struct message_coverage {
            char trap[TRAP_NAME_BYTES], site[TRAP_NAME_BYTES];
            int64_t from, until; /* seconds */
            bool is_open;        /* it is up still: sent again with a later `until` */
            bool is_crash;       /* it ended without being asked to */
            bool is_degraded;    /* mail was refused: the spool could not be written */
            bool had_no_room;    /* for want of room, or also for that */
            double part;         /* of the messages in it that were kept; NAN: there were none */
        } coverage;
        struct message_hour {
            char trap[TRAP_NAME_BYTES];
            int64_t hour; /* its start */
            uint64_t refused;
            uint32_t serial; /* of this message; tells which one was stored */
        } hour;
        struct message_stop {
            uint32_t grace_ms;
        } stop;
    };
};

/* Both ends, close-on-exec and non-blocking. ERR_IO. */
enum err channel_open(int ends[2], struct errbuf *eb) MUST_USE;

/* ERR_BUSY: no room now; ERR_END: the other end is gone. */
enum err channel_send(int fd, const struct message *m);

/* ERR_BUSY: nothing there; ERR_END: the other end is gone; ERR_SYNTAX: not a message of ours. */
enum err channel_receive(int fd, struct message *m) MUST_USE;

#endif
