/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The trap's server: listeners, connections, guards, counters. It owns sockets that others have
 * bound, runs on a loop that others turn, and gives all it sees to a sink. One thread. */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include "net/loop.h"
#include "net/tls.h"
#include "smtp/service.h"
#include "spool/sink.h"

struct server_listener {
    int fd;                             /* bound and listening; taken, also when server_new fails */
    const struct smtp_service *service; /* borrowed */
    bool is_tls;                        /* TLS from the first byte (port 465) */
    bool has_proxy;                     /* every connection begins with a PROXY protocol header */
};

struct server_options {
    struct loop *loop;
    struct sink *sink;
    struct tls_context *tls; /* NULL: none; needed for is_tls and has_tls */
    const struct server_listener *listeners;
    size_t listener_count;
    uint32_t sessions_max;            /* in all; past it a connection gets 421 */
    uint32_t sessions_per_client_max; /* of one host (host_key) */
    int events_fd;                    /* JSON lines of what happens (docs/smtp.md); -1: none */
};

#define SERVER_SESSIONS_DEFAULT            10000
#define SERVER_SESSIONS_PER_CLIENT_DEFAULT 50

/* Since the start; of one listener. */
struct server_counters {
    uint64_t connections;   /* accepted by us, also those refused below */
    uint64_t refused;       /* a guard said 421, or the PROXY header was wrong */
    uint64_t sessions;      /* open now */
    uint64_t messages;      /* given 250 */
    uint64_t recipients;    /* of those */
    uint64_t bytes;         /* of those */
    uint64_t deferred;      /* messages given 452 because the sink said so */
    uint64_t accept_errors; /* EMFILE, ENOMEM and the like; accepting paused */
};

struct server;

/* Borrows what the options point to, copies the options themselves. ERR_NOMEM, ERR_LIMIT (of
 * limits.h), ERR_IO for a socket that cannot be watched. */
enum err server_new(const struct server_options *o, struct server **out,
                    struct errbuf *eb) MUST_USE;

const struct server_counters *server_counters(const struct server *s, size_t listener);

/* Stops accepting at once and ends sessions: those between two messages now with 421, the others
 * when their message is done, all after `grace_ms`. Then calls `done`, and not before every record
 * has been given to the sink. Idempotent. */
void server_stop(struct server *s, uint64_t grace_ms, void (*done)(void *arg), void *arg);

/* After `done` of server_stop and one more turn of the loop. NULL is fine. */
void server_free(struct server *s);

#endif
