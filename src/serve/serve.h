/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The live program: a parent that binds ports, starts roles, watches and restarts them (DESIGN 2;
 * docs/serve.md). The parent reads no byte that a client sent and opens neither spool nor store. */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "core/slice.h"
#include "serve/channel.h"
#include "serve/listen.h"

struct serve_trap {
    const char *trap, *site; /* of the listener with the same number */
};

/* One reading of the configuration; all borrowed. */
struct serve_plan {
    const struct listen_wish *wishes; /* the listeners, in order */
    const struct serve_trap *traps;   /* of each */
    size_t count;
    struct slice config;       /* the effective configuration as YAML, for the roles */
    unsigned drain_seconds;    /* sessions get that long to end when a trap is stopped */
    unsigned watchdog_seconds; /* a role that is silent this long is killed */
    unsigned restart_seconds;  /* the longest wait before a role that fails is started again */
};

struct serve_options {
    /* Reads the configuration again; on failure says why and returns false: the old one stays. The
     * plan is borrowed until the next call. */
    bool (*plan)(void *arg, struct serve_plan *out);
    void *arg;
    const char *const *role_arguments; /* passed on to every role, NULL-terminated */
    const char *says;                  /* where the data goes, for the log */
};

/* Runs until SIGTERM or SIGINT. OK, or what kept it from starting. */
enum err serve_run(const struct serve_options *o, struct errbuf *eb) MUST_USE;

/* What a role process is started with: `spamgauge --role NAME --sockets 0,0,1 -c CONFIG ...` and
 * these descriptors; sockets follow, one for each number of --sockets, which is its listener. */
enum { ROLE_FD_CHANNEL = 3, ROLE_FD_CONFIG = 4, ROLE_FD_SOCKETS = 5 };

#endif
