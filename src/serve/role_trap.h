/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The trap role: the server of smtp/ on a loop, the spool behind it, the parent's channel beside
 * it. What it needs of the file system but the spool is opened before. */
#ifndef SERVE_ROLE_TRAP_H
#define SERVE_ROLE_TRAP_H

#include "net/sandbox.h"
#include "smtp/server.h"
#include "spool/writer.h"

struct trap_options {
    int channel;
    const struct server_listener *listeners; /* taken: their sockets */
    size_t listener_count;
    struct tls_context *tls;
    uint32_t sessions_max, sessions_per_client_max;
    int events_fd; /* -1: none */
    struct spool_writer_options spool;
    const struct cidr *relays; /* their clients share no share of the spool */
    size_t relay_count;
    struct sandbox_user user;
};

/* Enters the sandbox and serves until the parent says stop or is gone. */
enum err role_trap_run(const struct trap_options *o, struct errbuf *eb) MUST_USE;

#endif
