/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When each trap was up, or up but without a spool to put mail in, and how many connections it had,
 * as the parent knows it: it sees the trap role begin, end and die, so a crash ends an interval at
 * its true time. Both go to the analyse role, which has the store, and are sent again until it says
 * that they are in it. An analyse role that is killed between its commit and its word makes half a
 * minute of connections count twice; messages are never counted so. Private to serve/. */
#ifndef SERVE_HEALTH_H
#define SERVE_HEALTH_H

#include "serve/serve.h"

/* What waits for an analyse role; then the oldest is forgotten. Hours: two days of eight traps. */
enum { HEALTH_ENDED_MOST = 256, HEALTH_HOURS_MOST = 384 };

/* The spool is of all traps, and so is its trouble. */
struct health_trouble {
    int64_t since, last;                       /* 0: none */
    uint64_t refused, failed;                  /* as last heard */
    uint64_t messages_before, deferred_before; /* as heard before it began */
};

struct health {
    struct message_coverage open[LIMIT_LISTENERS]; /* one a trap; `from` 0: it is down */
    struct message_coverage ended[HEALTH_ENDED_MOST];
    struct message_hour hours[HEALTH_HOURS_MOST]; /* serial 0: not sent yet, still growing */
    size_t trap_count, ended_count, hour_count;
    uint32_t serial;                                  /* of the last hour sent */
    size_t trap_of[LIMIT_LISTENERS];                  /* a listener's trap */
    struct message_listener counted[LIMIT_LISTENERS]; /* by socket, as last heard */
    struct health_trouble trouble;
};

/* The traps of a plan; every interval has to be ended. */
void health_plan(struct health *h, const struct serve_plan *p);
/* All traps are up from `now` on. */
void health_begin(struct health *h, int64_t now);
/* A socket's refusals. */
void health_count(struct health *h, const struct message_listener *m,
                  const struct listen_sockets *sockets, int64_t now);
/* A beat of the trap role, one a second: while it says that the spool is full or fails, and until
 * it has not for ten seconds, all traps are degraded. True: that has begun or ended. */
bool health_beat(struct health *h, const uint64_t counters[COUNTER_COUNT], int64_t now);
/* All traps are down. */
void health_end(struct health *h, int64_t now, bool is_crash);
/* Sends all there is to the analyse role. */
void health_send(struct health *h, int channel, int64_t now);
/* The analyse role has stored it. */
void health_coverage_stored(struct health *h, const struct message_coverage *m);
void health_hour_stored(struct health *h, const struct message_hour *m);

#endif
