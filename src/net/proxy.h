/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): the header by which a load
 * balancer in front of the trap says who the client is. */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include "core/ip.h"

enum proxy_result { PROXY_MORE, PROXY_OK, PROXY_BAD };

struct proxy {
    bool has_addresses; /* false: LOCAL or UNKNOWN, the connection's own addresses hold */
    struct ip client, server;
    uint16_t client_port, server_port;
};

/* The header at the beginning of `bytes`; *used is its length. PROXY_BAD as soon as it cannot be
 * one any more, or when it would be longer than LIMIT_PROXY_HEADER_BYTES. */
enum proxy_result proxy_parse(struct slice bytes, struct proxy *out, size_t *used);

#endif
