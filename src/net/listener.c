/* SPDX-License-Identifier: GPL-3.0-or-later */
/* accept4 by hand under uv_poll: libuv's own listener closes connections silently on EMFILE and
 * costs two more calls a connection. */
#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_AT_ONCE = 16, /* then the sessions there are get their turn */
    FULL_ROUNDS = 8,      /* in a row, until more are tried at once */
};

struct listener {
    uv_poll_t poll;
    uv_timer_t pause;
    struct listener_calls calls;
    void *arg;
    int fd;
    int at_once; /* accepts before it waits again: one more would mostly find nobody */
    int full_rounds;
    unsigned open_handles;
};

/* An address and a port out of the kernel's form; IPv4 in IPv6 is IPv4. */
static void read_sockaddr(const struct sockaddr_storage *a, struct ip *ip, uint16_t *port)
{
    *ip = (struct ip){{0}};
    *port = 0;
    if (a->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof in);
        *ip = ip_from_v4(ntohl(in.sin_addr.s_addr));
        *port = ntohs(in.sin_port);
    } else if (a->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, a, sizeof in6);
        memcpy(ip->b, in6.sin6_addr.s6_addr, sizeof ip->b);
        *port = ntohs(in6.sin6_port);
    }
}

static void listener_pause(struct listener *n, int error);

/* One connection; false when there is none, or none can be had. */
static bool accept_one(struct listener *n)
{
    struct sockaddr_storage peer, own;
    socklen_t length = sizeof peer;
    struct accepted a;
    a.fd = accept4(n->fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (a.fd < 0) {
        if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) {
            return true; /* that one is gone */
        }
        if (errno != EAGAIN) {
            listener_pause(n, errno);
        }
        return false;
    }
    read_sockaddr(&peer, &a.client, &a.client_port);
    length = sizeof own;
    if (getsockname(a.fd, (struct sockaddr *)&own, &length) != 0) {
        own.ss_family = AF_UNSPEC;
    }
    read_sockaddr(&own, &a.server, &a.server_port);
    n->calls.accepted(n->arg, &a);
    return true;
}

static void listener_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *n = poll->data;
    int most = n->at_once;
    (void)status;
    (void)events;
    for (int i = 0; i < most && !uv_is_closing((uv_handle_t *)poll); i++) {
        if (!accept_one(n)) {
            n->at_once = i > 1 ? i : 1;
            n->full_rounds = 0;
            return;
        }
    }
    if (++n->full_rounds == FULL_ROUNDS) {
        n->full_rounds = 0;
        n->at_once = 2 * most < ACCEPTS_AT_ONCE ? 2 * most : ACCEPTS_AT_ONCE;
    }
}

static void listener_resume(uv_timer_t *timer)
{
    struct listener *n = timer->data;
    uv_poll_start(&n->poll, UV_READABLE, listener_ready);
}

static void listener_pause(struct listener *n, int error)
{
    uv_poll_stop(&n->poll);
    uv_timer_start(&n->pause, listener_resume, LISTENER_PAUSE_MS, 0);
    n->calls.failed(n->arg, error);
}

struct listener *listener_new(struct loop *l, int fd, const struct listener_calls *calls, void *arg)
{
    struct listener *n = calloc(1, sizeof *n);
    int on = 1;
    if (!n || uv_timer_init(loop_uv(l), &n->pause) != 0) {
        free(n);
        close(fd);
        return NULL;
    }
    n->calls = *calls;
    n->arg = arg;
    n->fd = fd;
    n->at_once = 1;
    n->pause.data = n->poll.data = n;
    n->open_handles = 1;
    /* Both are wishes: a kernel without them serves as well. Accepted sockets inherit NODELAY. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_SAVE_SYN, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (uv_poll_init(loop_uv(l), &n->poll, fd) != 0) {
        listener_free(n);
        return NULL;
    }
    n->open_handles = 2;
    if (uv_poll_start(&n->poll, UV_READABLE, listener_ready) != 0) {
        listener_free(n);
        return NULL;
    }
    return n;
}

static void listener_closed(uv_handle_t *h)
{
    struct listener *n = h->data;
    if (--n->open_handles == 0) {
        close(n->fd);
        free(n);
    }
}

void listener_free(struct listener *n)
{
    if (n) {
        if (n->open_handles == 2) {
            uv_close((uv_handle_t *)&n->poll, listener_closed);
        }
        uv_close((uv_handle_t *)&n->pause, listener_closed);
    }
}

size_t socket_saved_syn(int fd, char out[LIMIT_SYN_BYTES])
{
    socklen_t n = LIMIT_SYN_BYTES;
    return getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, out, &n) == 0 ? n : 0;
}

uint32_t socket_round_trip_us(int fd)
{
    struct tcp_info info;
    socklen_t n = sizeof info;
    memset(&info, 0, sizeof info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? info.tcpi_rtt : 0;
}

bool socket_peer_closed(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}
