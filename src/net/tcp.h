/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connected socket on a loop: bytes in by callback, bytes out at once or, when the peer is
 * slow, from a bounded buffer; TLS can be put between at any moment. */
#ifndef NET_TCP_H
#define NET_TCP_H

#include "core/slice.h"
#include "net/loop.h"
#include "net/tls.h"

struct tcp;

enum tcp_end { TCP_FIN, TCP_RESET, TCP_ERROR };

struct tcp_calls {
    /* How many bytes may be given to `data` now; 0 stops reading until tcp_read_on. */
    size_t (*room)(void *arg);
    /* Plain bytes, at most as many as `room` said. */
    void (*data)(void *arg, struct slice bytes);
    /* The handshake is over; `is_open` says how it went. Borrows the facts. */
    void (*tls)(void *arg, bool is_open, const struct tls_facts *facts);
    /* Everything written has gone. */
    void (*drained)(void *arg);
    /* Nothing more will come. The stream still has to be closed. */
    void (*ended)(void *arg, enum tcp_end how);
};

/* Takes `fd`, also when it fails (NULL: out of memory, or a socket that cannot be watched). Does
 * not read until tcp_read_on. */
struct tcp *tcp_open(struct loop *l, int fd, const struct tcp_calls *calls, void *arg) MUST_USE;
int tcp_fd(const struct tcp *s);

/* Reads, or reads on after `room` was 0; may call `data` with what was kept. */
void tcp_read_on(struct tcp *s);

/* Sends or keeps to send; false when it is broken or more than LIMIT_SMTP_OUTPUT_BYTES would wait
 * on top of `bytes`: close it. */
bool tcp_write(struct tcp *s, struct slice bytes);
/* Bytes that wait to go. */
size_t tcp_waiting(const struct tcp *s);

/* What comes from now on is TLS, beginning with `first`, which was read already (mostly empty);
 * callbacks may come from inside. False: out of memory. */
bool tcp_start_tls(struct tcp *s, struct tls_context *c, struct slice first);

/* Closes when what waits has gone, or `linger_ms` later. No callback comes any more. Frees it. */
void tcp_close(struct tcp *s, uint64_t linger_ms);

#endif
