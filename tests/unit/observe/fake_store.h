/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store.h's aggregates over an array of messages, computed the slow and plain way: the oracle of
 * the report's tests, and what the printers' golden reports come from. */
#ifndef TESTS_FAKE_STORE_H
#define TESTS_FAKE_STORE_H

#include "store/store.h"
#include "store/trap.h"

struct fake_message {
    int64_t received; /* 0: CLOCK_NONE */
    enum clock_source clock;
    uint32_t host;                                                       /* IPv4; 0: no client */
    const char *botnet, *mailer, *program, *country, *asn, *trap, *site; /* NULL: unknown */
    const char *domains[3];
    uint64_t quirks;
    uint32_t recipients;
    uint64_t bytes;
    bool is_date_off, is_conflict;
};

struct store {
    const struct fake_message *messages;
    size_t count;
    const char *geo, *trust, *pack;  /* NULL: no such fact */
    const struct coverage *coverage; /* in the order of store_coverage_list() */
    size_t coverage_count;
    const struct trap_hour *hours; /* in the order of store_trap_hours_list() */
    size_t hour_count;
    unsigned least_daily;    /* what store_top says of HOST, ASN and DOMAIN */
    bool has_second_unknown; /* after each "unknown" label one more, without messages */
    enum err fail;           /* of the aggregate call number fail_at, from 1 */
    unsigned calls, fail_at;
};

/* Four weeks of October 2010 at two sites: hosts, labels and gaps from a fixed generator. The same
 * array each time; `count` of it. */
const struct fake_message *fake_october(size_t *count);
/* `botnets` labels over `days` days from 2009-01-01, with a few messages each. */
const struct fake_message *fake_many(size_t botnets, size_t days, size_t *count);

#endif
