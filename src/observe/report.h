/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The figures of `report`: computed from the store's aggregates, printed elsewhere (out/). Plain
 * data, arena. */
#ifndef OBSERVE_REPORT_H
#define OBSERVE_REPORT_H

#include "core/arena.h"
#include "store/store.h"

struct report_query {
    struct store_filter filter; /* open ends: the store's first and last day */
    size_t top;                 /* rows of each ranking; 0: 10 */
};

struct report_share {
    struct slice name;            /* "unknown" last in label tables */
    struct units units;           /* hosts where the store fills them */
    double share_messages;        /* 0..1 of the table's total */
    double share_low, share_high; /* 95 % Wilson interval over messages; NAN for tables without a
                                     meaning for it */
};

struct report_table {
    const struct report_share *rows;
    size_t count;
    struct units total;   /* of all, also of rows not shown */
    unsigned least_daily; /* store_top's threshold; 0: exact ranking over everything */
};

struct report_day {
    int64_t day;
    struct units units;
    uint64_t unknown_messages; /* unattributed band */
};

struct report {
    int64_t since, until; /* [since, until) actually covered; whole days */
    struct units total;
    const struct report_day *days; /* every day of the period, zeros included */
    size_t day_count;
    struct report_table botnets, mailers, programs, countries, networks, traps, hosts, net24s,
        domains, quirks;
    struct store_span span;
    uint64_t clock_received, clock_envelope, clock_trap, clock_none;
    struct slice geo_name; /* "libloc 2022-10-29", empty when none */
    struct slice trust; /* what is trusted and where from ("inferred: ..."), empty when unknown */
    struct slice pack_version;
};

enum err report_build(struct store *s, const struct report_query *q, struct arena *arena,
                      struct report *out, struct errbuf *eb) MUST_USE;

#endif
