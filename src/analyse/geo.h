/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Country and autonomous system of an address, from files on disk; nothing is ever asked of the
 * network. Built-in default: the database of Debian's libloc-database. By configuration: any .mmdb
 * (MaxMind DB) with country or AS records, one or two of them. Read-only after opening: threads
 * share it without locks. */
#ifndef ANALYSE_GEO_H
#define ANALYSE_GEO_H

#include "core/err.h"
#include "core/ip.h"

struct geo;

struct geo_place {
    char country[3]; /* ISO 3166 code and NUL; "" when unknown */
    uint32_t asn;    /* 0 when unknown */
};

/* `spec`: "auto" (the packaged database if there is one, else none), "none", or one path or two
 * paths joined by
 * ',' (.mmdb or a libloc database, told by content). */
enum err geo_open(const char *spec, struct geo **out, struct errbuf *eb) MUST_USE;
void geo_close(struct geo *g);

/* Never fails: what is unknown is empty. Special addresses (core/ip.h) are unknown. */
struct geo_place geo_lookup(const struct geo *g, struct ip a);

/* What is asked and its date, for reports: "libloc 2022-10-29", "GeoLite2-Country 2024-05-01"; ""
 * for none. */
const char *geo_name(const struct geo *g);

/* The name of an autonomous system into `out` ("" when unknown); returns `out`. For reports, not
 * for hot paths. */
const char *geo_as_name(const struct geo *g, uint32_t asn, char *out, size_t n);

#endif
