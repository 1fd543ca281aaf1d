/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a report says beyond raw sums: the volume index of all and of the greatest botnets and what
 * became of it of late, how many machines are behind them, which levels changed, and what the
 * greatest change of the whole is made of. Plain data, arena. */
#ifndef OBSERVE_BULLETIN_H
#define OBSERVE_BULLETIN_H

#include "observe/change.h"
#include "observe/clusters.h"
#include "observe/explain.h"
#include "observe/hosts.h"
#include "observe/index.h"
#include "observe/report.h"

enum {
    BULLETIN_BOTNETS = 8,       /* lines of the index besides all and unknown */
    BULLETIN_CHANGES = 12,      /* the greatest of the period's */
    BULLETIN_MAILERS = 5,       /* new unnamed ones, most hosts first */
    BULLETIN_EXPLAIN_DAYS = 14, /* at most, before and after the change that is split */
    BULLETIN_HOST_LINES = 5,    /* of hosts, "all" among them */
    BULLETIN_HOST_DAYS = 28 /* the last ones of the period: over years addresses are a footprint */
};

/* One line of the index: its newest whole step, and that one against the step before it. */
struct bulletin_index {
    struct slice name;         /* "all", a botnet, "unknown" */
    struct index index;        /* over the whole period, against its base */
    size_t newest;             /* the last whole step that was watched */
    struct index_point change; /* the newest step with the one before it as base: 100 is no change;
                                  `gap` when there is no such step */
};

struct bulletin_hosts {
    struct slice name;  /* "all", a botnet */
    struct hosts hosts; /* of the last BULLETIN_HOST_DAYS */
};

struct bulletin_query {
    struct store_filter filter; /* the report's; its period is taken from the report */
    /* The network of a host, as in struct hosts_query. May be NULL. */
    uint32_t (*network)(void *arg, uint64_t host);
    void *arg;
    const struct annotations *annotations; /* to stand beside changes; NULL: none */
};

struct bulletin {
    enum index_step step; /* day, week or month: the finest that gives at most 120 of them */
    const struct bulletin_index *lines;  /* "all" first, by size, "unknown" last */
    size_t line_count;                   /* 0: the period is shorter than two steps */
    const struct bulletin_hosts *hosts;  /* "all" first, then the greatest botnets */
    size_t host_count;                   /* 0: no message has a client address */
    const struct change *const *changes; /* confirmed ones by date; of more than BULLETIN_CHANGES
                                            the greatest */
    size_t change_count, changes_hidden;
    size_t lines_searched;
    struct clusters_list new_mailers; /* unnamed, growing, of many hosts */
    const struct explain *explain; /* what fell: the greatest change of the total split; NULL: the
                                      total did not change, or it cannot be split */
};

/* Of the report's period and botnets. Whatever the store says on failure. */
enum err bulletin_build(struct store *s, const struct report *r, const struct bulletin_query *q,
                        struct arena *arena, struct bulletin *out, struct errbuf *eb) MUST_USE;

#endif
