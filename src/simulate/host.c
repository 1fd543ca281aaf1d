/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "simulate/host.h"

#include "core/hash.h"
#include "simulate/kind.h"
#include "simulate/lexicon.h"

#include <math.h>
#include <stdio.h>

enum {
    COMMON_MACHINES = 400, /* that several botnets share */
    DAY = 86400,
};

static const struct {
    const char *code;
    unsigned weight;
    int zone_minutes;
    struct slice octets;
    const char *tld;
} COUNTRIES[] = {
#define COUNTRY(code, weight, zone, octets, tld) {code, weight, zone, SLICE(octets), tld},
#include "simulate/country.def"
#undef COUNTRY
};
enum { COUNTRY_COUNT = sizeof COUNTRIES / sizeof *COUNTRIES };

static size_t country_draw(struct pcg *r)
{
    uint64_t sum = 0, at;
    size_t i = 0;
    for (i = 0; i < COUNTRY_COUNT; i++) {
        sum += COUNTRIES[i].weight;
    }
    at = pcg_below(r, sum);
    for (i = 0; i + 1 < COUNTRY_COUNT && at >= COUNTRIES[i].weight; i++) {
        at -= COUNTRIES[i].weight;
    }
    return i;
}

static size_t country_of(const struct host *h)
{
    size_t i = 0;
    while (COUNTRIES[i].code != h->country) {
        i++;
    }
    return i;
}

struct host host_make(uint64_t seed, uint64_t botnet, uint64_t number, int64_t since, int64_t until,
                      double mess)
{
    struct pcg infection = pcg_keyed(seed, KIND_HOST, botnet, number);
    struct host h = {.machine = botnet << 32 | number};
    if (pcg_chance(&infection, 0.05 * mess)) {
        h.machine = pcg_below(&infection, COMMON_MACHINES) | UINT64_C(1) << 63;
    }
    struct pcg r = pcg_keyed(seed, KIND_HOST, h.machine, UINT64_MAX);
    size_t country = country_draw(&r);
    h.country = COUNTRIES[country].code;
    h.zone_minutes = COUNTRIES[country].zone_minutes;
    h.tld = COUNTRIES[country].tld;
    if (!pcg_chance(&r, 0.25)) {
        h.lease_seconds = (int64_t)(6 * 3600 * exp(pcg_real(&r) * log(30.0 * 4))); /* 6 h to 30 d */
    }
    if (pcg_chance(&r, 0.9 * mess)) {
        h.clock_off = pcg_chance(&r, 0.05) ? -pcg_between(&r, 1, 30 * 365) * DAY
                                           : (int64_t)(pcg_normal(&r) * 9 * 3600);
    }
    struct slice first = lexicon_word(&r, LEXICON_FIRST);
    switch (pcg_below(&r, 5)) {
    case 0:
        snprintf(h.label, sizeof h.label, "%.*s", SLICE_ARG(first));
        break;
    case 1:
        snprintf(h.label, sizeof h.label, "pc-%.*s", SLICE_ARG(first));
        break;
    case 2:
        snprintf(h.label, sizeof h.label, "%.*s-PC", SLICE_ARG(first));
        break;
    case 3:
        snprintf(h.label, sizeof h.label, "home-%08x", (unsigned)pcg_next(&r));
        break;
    default:
        snprintf(h.label, sizeof h.label, "%.*s%u", SLICE_ARG(first), (unsigned)pcg_below(&r, 99));
    }
    double life = (10 + 50 * pcg_real(&infection)) / log(2.0) * DAY * pcg_exponential(&infection);
    h.rate = fmin(exp(1.2 * pcg_normal(&infection) - 0.72), 8);
    h.born =
        since - 30 * DAY + (int64_t)(pcg_real(&infection) * (double)(until - since + 30 * DAY));
    h.dies = h.born + (int64_t)life + DAY;
    h.upgrade_lag = pcg_exponential(&infection) * 3;
    return h;
}

struct ip host_address(const struct host *h, uint64_t seed, int64_t when)
{
    /* The network is the machine's provider and stays; the rest goes with the lease. */
    struct pcg r = pcg_keyed(seed, KIND_LEASE, h->machine, 0);
    struct slice octets = COUNTRIES[country_of(h)].octets, octet = {0};
    size_t count = 1;
    uint64_t first = 24;
    for (size_t i = 0; i < octets.n; i++) {
        count += octets.p[i] == ' ';
    }
    for (size_t pick = pcg_below(&r, count) + 1; pick > 0; pick--) {
        octet = slice_cut(&octets, ' ');
    }
    if (!slice_to_u64(octet, &first)) {
        first = 24;
    }
    uint32_t net = (uint32_t)first << 24 | (uint32_t)pcg_below(&r, 48) << 18;
    uint64_t lease = h->lease_seconds ? (uint64_t)((when - h->born) / h->lease_seconds) : 0;
    struct pcg l = pcg_keyed(seed, KIND_LEASE, h->machine, 1 + lease);
    return ip_from_v4(net | (uint32_t)pcg_below(&l, 1 << 12) << 4 |
                      (uint32_t)pcg_between(&l, 1, 14));
}

size_t host_name(const struct host *h, struct ip address, char out[HOST_NAME_BYTES])
{
    char text[IP_TEXT_BYTES];
    struct pcg r = pcg_keyed(0, KIND_LEASE, (uint64_t)address.b[12] << 8 | address.b[13], 7);
    if (pcg_chance(&r, 0.33)) {
        out[0] = '\0';
        return 0;
    }
    ip_text(address, text);
    bool is_dashed = pcg_chance(&r, 0.6);
    for (char *p = text; *p && is_dashed; p++) {
        *p = *p == '.' ? '-' : *p;
    }
    static const char *const WORDS[] = {"dsl", "dynamic", "adsl", "pool", "cable", "host", "ppp"};
    struct slice site = lexicon_word(&r, LEXICON_SITE);
    int n =
        snprintf(out, HOST_NAME_BYTES, "%s-%s.%.*s.%s",
                 WORDS[pcg_below(&r, sizeof WORDS / sizeof *WORDS)], text, SLICE_ARG(site), h->tld);
    return n > 0 && n < HOST_NAME_BYTES ? (size_t)n : 0;
}
