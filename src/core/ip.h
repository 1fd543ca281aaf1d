/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IP addresses and networks. IPv4 is kept as ::ffff:a.b.c.d, so one 16-byte form holds both. */
#ifndef CORE_IP_H
#define CORE_IP_H

#include "core/slice.h"

struct ip {
    uint8_t b[16];
};

struct cidr {
    struct ip base;
    unsigned bits; /* of the 128; an IPv4 /24 is 120 */
};

enum { IP_TEXT_BYTES = 46 };

/* "192.0.2.1", "2001:db8::1", "IPv6:2001:db8::1" (RFC 5321 literal tag), "::ffff:192.0.2.1". No
 * brackets, no zone, no leading zeros in IPv4. False for anything else. */
bool ip_parse(struct slice s, struct ip *out);
/* Canonical text (RFC 5952; IPv4 dotted) and a NUL. */
void ip_text(struct ip a, char out[IP_TEXT_BYTES]);
bool ip_is_v4(struct ip a);
/* The IPv4 address as a number in host order; 0 for IPv6. */
uint32_t ip_v4(struct ip a);
struct ip ip_from_v4(uint32_t v4);
static inline bool ip_eq(struct ip a, struct ip b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

/* Not routed on the Internet: private, loopback, link-local, CGNAT, documentation, unspecified,
 * multicast and their IPv6 kin. */
bool ip_is_special(struct ip a);

/* "192.0.2.0/24", "2001:db8::/32", or a single address. False for anything else. */
bool cidr_parse(struct slice s, struct cidr *out);
bool cidr_holds(struct cidr c, struct ip a);

/* The host of DESIGN 1 as one number: the IPv4 address, or the upper half of an IPv6 address (its
 * /64). 0 means "no host": 0.0.0.0 and the ::/64 network are not hosts. host_ip() turns it back. */
uint64_t host_key(struct ip a);
struct ip host_ip(uint64_t key);

#endif
