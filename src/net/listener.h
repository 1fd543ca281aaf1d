/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accepts connections of a listening socket. When the machine has no descriptors or memory left
 * (EMFILE, ENFILE, ENOMEM, ENOBUFS) it pauses and tries again; it never gives up. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "core/ip.h"
#include "core/limits.h"
#include "net/loop.h"

struct listener;

struct accepted {
    int fd; /* non-blocking, close-on-exec; the callback takes it */
    struct ip client, server;
    uint16_t client_port, server_port;
};

struct listener_calls {
    void (*accepted)(void *arg, const struct accepted *a);
    void (*failed)(void *arg, int error); /* errno; accepting pauses for LISTENER_PAUSE_MS */
};

enum { LISTENER_PAUSE_MS = 100 };

/* Takes `fd` (listening), also when it fails. The SYN of connections is saved from now on where the
 * kernel does that. NULL when out of memory or the socket cannot be watched. */
struct listener *listener_new(struct loop *l, int fd, const struct listener_calls *calls,
                              void *arg) MUST_USE;
/* Closes the socket; nothing is called after that. NULL is fine. */
void listener_free(struct listener *n);

/* The IP and TCP header of the connection's SYN into `out`; its length, 0 when it is not known. */
size_t socket_saved_syn(int fd, char out[LIMIT_SYN_BYTES]);
/* Smoothed round trip of a connection in microseconds; 0 when it is not known. */
uint32_t socket_round_trip_us(int fd);
/* Has the peer closed its side, with nothing left to read before that? */
bool socket_peer_closed(int fd);

#endif
