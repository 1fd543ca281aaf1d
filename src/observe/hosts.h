/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many infected hosts: distinct addresses by day, week and whole period, /24s, the peak hour;
 * machines estimated from them (host_model.h); capture-recapture between sites; and a change of
 * volume split into hosts, rate and acceptance. METHODS B10. Plain data, arena. */
#ifndef OBSERVE_HOSTS_H
#define OBSERVE_HOSTS_H

#include "core/arena.h"
#include "observe/host_model.h"
#include "observe/trap_state.h"
#include "store/store.h"

enum {
    HOSTS_DAYS_MAX = 4000, /* eleven years; a host's days are kept while it is at hand */
    HOSTS_SITES_MAX = 64
};

struct hosts_query {
    struct store_filter filter; /* open ends: the store's first and last day; rounded outwards to
                                   whole days */
    struct slice botnet;        /* empty: all; "unknown": those without */
    struct slice program; /* not empty: this program's mail only. From message rows, not from host
                             sets */
    bool is_brief; /* the counts and the machines alone: no peak hour, no TCP fingerprints, no sites
                      held against each other; `program` is empty */
    const struct trap_watch *watch; /* of this filter by the day, where the caller has it; NULL: it
                                       is loaded */
    size_t rows_max; /* message rows looked at for peak hour and program; 0: LIMIT_HOST_ROWS */
    /* The network of a host (its AS number; 0: unknown, then its /16 is taken). May be NULL. */
    uint32_t (*network)(void *arg, uint64_t host);
    void *arg;
};

struct hosts_day {
    int64_t day;
    uint64_t hosts, messages;
    bool is_watched; /* most of the traps were up: else the day is missing, not zero */
};

struct hosts_site {
    struct slice name;
    double daily; /* distinct hosts of a watched day */
    bool is_used; /* in the capture-recapture */
};

enum hosts_capture {
    HOSTS_CAPTURE_NONE,     /* one site, or sites that have no host in common */
    HOSTS_CAPTURE_TWO,      /* Chapman: assumes that the sites are independent */
    HOSTS_CAPTURE_AVERAGED, /* log-linear models, averaged */
};

struct hosts {
    int64_t since, until;
    struct slice botnet, program, trap, site; /* as asked */
    const struct hosts_day *days;
    size_t day_count, watched_count;
    uint64_t messages; /* with a host */
    uint64_t total, net24s;
    uint64_t last_day, last_week; /* distinct hosts of the last day and of the last 7 days */
    double mean_day;              /* over watched days */
    uint64_t max_day;
    int64_t max_day_at; /* start of that day */

    uint64_t rows;      /* message rows looked at that passed */
    int64_t rows_from;  /* rows before it were not there; INT64_MIN: all were */
    uint64_t peak_hour; /* most distinct hosts within one hour, of these rows */
    int64_t peak_hour_at;
    uint64_t
        last_24h; /* distinct hosts of the 24 hours up to the end of the last hour with a row */
    int64_t last_24h_at; /* that end; 0 when rows do not reach so far back */
    uint64_t tcp_hours;  /* address-hours with a TCP fingerprint */
    uint64_t tcp_more;   /* fingerprints in them beyond the first: as many machines more, at least,
                            behind the same address */

    struct host_fit fit;

    const struct hosts_site *sites;
    size_t site_count;
    enum hosts_capture capture_kind;
    struct capture capture;     /* hosts of a mean watched day */
    double capture_independent; /* were the sites independent; NAN when not asked */
    size_t capture_models;      /* averaged over */
};

/* ERR_USAGE for an empty period, ERR_LIMIT for one of too many days, ERR_NOTFOUND when the store is
 * empty, else what the store says. A botnet that nobody has gives zeros. */
enum err hosts_build(struct store *s, const struct hosts_query *q, struct arena *arena,
                     struct hosts *out, struct errbuf *eb) MUST_USE;

/* ---- two windows ---- */

enum { HOSTS_FACTORS_MAX = 3 };

/* One way of splitting the change of volume: V = hosts x rate [x acceptance]. */
struct hosts_split {
    bool is_known;
    double hosts, rate, acceptance;          /* after / before; NAN: not a factor */
    double hosts_low, hosts_high;            /* 95 %, of the estimate; NAN where it has none */
    double by_hosts, by_rate, by_acceptance; /* LMDI: parts of the change of messages a day */
};

struct hosts_change {
    struct hosts before, after;
    double volume_before, volume_after;         /* messages of a watched day */
    struct hosts_split seen;                    /* of addresses as seen: distinct a day */
    struct hosts_split estimated;               /* of machines as estimated */
    double acceptance_before, acceptance_after; /* messages over connections; NAN: not known */
};

/* The same query over another period before. Acceptance: NAN where connections are not known. */
enum err hosts_compare(struct store *s, const struct hosts_query *q, int64_t before_since,
                       int64_t before_until, struct arena *arena, struct hosts_change *out,
                       struct errbuf *eb) MUST_USE;

#endif
