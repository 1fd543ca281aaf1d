/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The figures of `report`: computed from the store's aggregates, printed elsewhere (out/). Plain
 * data, arena. Nothing here asks the clock: the same store gives the same report. */
#ifndef OBSERVE_REPORT_H
#define OBSERVE_REPORT_H

#include "core/arena.h"
#include "observe/annotation.h"
#include "store/store.h"

enum report_limits {
    REPORT_TOP = 10,        /* rows of a ranking when the query does not say */
    REPORT_BANDS = 16,      /* botnets with a line of their own by day; the rest is one band */
    REPORT_DAYS_MAX = 40000 /* a century; more is a mistake in --since or --until */
};

enum unit { UNIT_MESSAGES, UNIT_RECIPIENTS, UNIT_BYTES, UNIT_HOSTS, UNIT_COUNT };
const char *unit_name(enum unit u); /* "messages", "recipients", "bytes", "hosts" */
uint64_t unit_of(const struct units *u, enum unit unit);

struct report_query {
    struct store_filter filter; /* open ends: the store's first and last day. Others are rounded
                                   outwards to whole days */
    size_t top;                 /* rows of each ranking; 0: 10 */
    /* Plain words for a country code or an AS number; empty when it knows none. May be NULL. The
     * slice is copied. */
    struct slice (*describe)(void *arg, enum dimension d, struct slice value);
    void *arg;
    const struct annotations *annotations; /* NULL: none. Borrowed as long as the report lives */
};

struct report_share {
    struct slice name;            /* "unknown" last in label tables */
    struct slice text;            /* what the name means in words; may be empty */
    struct units units;           /* hosts where the table has them */
    double share_messages;        /* 0..1 of all messages of the report; NAN when there are none */
    double share_low, share_high; /* 95 % Wilson interval over messages; NAN for tables without a
                                     meaning for it */
};

struct report_table {
    const struct report_share *rows;
    size_t count;
    struct units total;   /* of all, also of rows not shown: what shares are shares of */
    unsigned least_daily; /* store_top's threshold; 0: exact ranking over everything */
    bool has_hosts;       /* units.hosts of the rows is filled */
    bool has_rest;        /* what is not shown is known: rest, rest_count */
    struct units rest;    /* the values not shown, together; without hosts */
    size_t rest_count;
    struct slice first_by[UNIT_COUNT]; /* the greatest value but unknown in each unit; empty when
                                          there is none, or when the table does not have the unit */
};

struct report_day {
    int64_t day;
    struct units units;
    uint64_t unknown_messages; /* unattributed band */
};

/* One botnet over the days of the report; name "other" for those past REPORT_BANDS. */
struct report_band {
    struct slice name;
    struct units total;
    const struct units *days; /* report.day_count of them */
};

struct bulletin;
struct report {
    int64_t since, until;    /* [since, until) actually covered; whole days */
    bool is_whole;           /* both ends were open: messages without a time are in the totals */
    struct slice trap, site; /* of the filter; empty: all */
    struct units total;
    const struct report_day *days; /* every day of the period, zeros included */
    size_t day_count;
    const struct report_band
        *bands; /* by messages, then "other" and "unknown" when they hold any */
    size_t band_count;
    struct report_table botnets, mailers, programs, countries, networks, traps, sites, hosts,
        net24s, domains, quirks;
    struct store_span span; /* of the whole store (trap and site apply), not of the period */
    uint64_t clock_received, clock_envelope, clock_trap, clock_none;
    struct slice geo_name; /* "libloc 2022-10-29", empty when none */
    struct slice trust; /* what is trusted and where from ("inferred: ..."), empty when unknown */
    struct slice pack_version;
    struct annotations annotations; /* those that overlap the period, by date */
    const struct bulletin
        *bulletin; /* what there is beyond sums (bulletin.h); report_build: NULL */
};

/* ERR_USAGE when the period is empty, ERR_LIMIT when it is longer than REPORT_DAYS_MAX, else what
 * the store says. A store without messages gives a report without days. */
enum err report_build(struct store *s, const struct report_query *q, struct arena *arena,
                      struct report *out, struct errbuf *eb) MUST_USE;

/* The tables of a report in the order in which they are printed. */
struct report_table_info {
    const char *table; /* "botnets": key of the JSON document */
    const char *row;   /* "botnet": `table` of JSONL and CSV rows */
    const char *title; /* "Botnets" */
    enum dimension dimension;
};
enum { REPORT_TABLES = 11 };
const struct report_table_info *report_table_info(size_t i);
const struct report_table *report_table(const struct report *r, size_t i);

/* ---- days put together for a chart or a bar list ---- */

enum volume_step { VOLUME_AUTO, VOLUME_DAY, VOLUME_WEEK, VOLUME_MONTH, VOLUME_YEAR };
const char *volume_step_name(enum volume_step s); /* "day", "week", "month", "year" */

struct volume_bucket {
    size_t from, to;           /* indices of report.days: [from, to) */
    struct units units;        /* sums; hosts do not add up over days: see below */
    uint64_t unknown_messages; /* of them */
    double hosts_daily;        /* mean of the days' distinct hosts */
    bool is_partial;           /* the period covers only a part of this week, month or year */
};

/* The finest step that gives at most `buckets_max` buckets (VOLUME_YEAR when none does). */
enum volume_step volume_step_for(const struct report *r, size_t buckets_max);
/* Weeks begin on Monday (ISO 8601). `step` is not VOLUME_AUTO. ERR_NOMEM only. */
enum err volume_buckets(const struct report *r, enum volume_step step, struct arena *arena,
                        const struct volume_bucket **out, size_t *count) MUST_USE;

#endif
