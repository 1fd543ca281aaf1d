/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One role as the parent sees it: a process that is started, heard of, stopped, and started again
 * when it ends unasked. Private to serve/. */
#ifndef SERVE_CHILD_H
#define SERVE_CHILD_H

#include "serve/serve.h"

#include <sys/types.h>

struct child {
    enum serve_role role;
    pid_t pid;             /* 0: not running */
    int channel;           /* -1 when not running */
    bool is_ready;         /* it said so */
    bool is_stopping;      /* it was told to end */
    bool is_partial;       /* its sandbox lacks something */
    int64_t started_us;    /* wall clock, microseconds since 1970 */
    double started, heard; /* monotonic seconds */
    double kill_at;        /* when it is stopping: then by force */
    double restart_at;     /* when it is not running */
    unsigned failures;     /* ended soon after its start, in a row */
    uint64_t restarts;
    uint64_t counters[COUNTER_COUNT]; /* of the running process */
    uint64_t past[COUNTER_COUNT];     /* of those before it */
};

/* Executes this program anew. Only the channel, the configuration and (trap) the sockets are open
 * in it. ERR_IO. */
enum err child_start(struct child *c, const struct serve_options *o, const struct serve_plan *p,
                     const struct listen_sockets *sockets, struct errbuf *eb) MUST_USE;

/* Asks it to end; by force after `grace_seconds` and some more. */
void child_stop(struct child *c, unsigned grace_seconds);

/* SIGKILL. */
void child_kill(struct child *c);

/* Its end of the channel is closed: ends it, if it has not ended by itself. */
void child_deaf(struct child *c);

/* It has ended with this wait status: logs how, keeps its counters, says when it may start again.
 */
void child_ended(struct child *c, int status, const struct serve_plan *p);

#endif
