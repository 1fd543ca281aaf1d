/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One SMTP or LMTP session as a machine without sockets and without a clock: bytes and times go in,
 * bytes, needs and records come out. All times are microseconds since the connection was accepted,
 * and never run backwards. What the client sends is hostile: a session holds at most 64 KiB outside
 * of a message's body, and the reading of its bytes does not depend on how they were cut.
 *
 * The owner's loop: feed what has come (no more than session_room), then send session_output, then
 * serve session_need, and call session_tick when session_wake_us has come. */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include "smtp/service.h"

struct session;

struct session_peer {
    struct id128 id;
    struct ip client, server;
    uint16_t client_port, server_port;
    bool has_proxy;
    int64_t accepted_us; /* since 1970 */
    struct slice syn;    /* copied */
};

/* Borrows the service. NULL when out of memory. */
struct session *session_new(const struct smtp_service *service,
                            const struct session_peer *peer) MUST_USE;
void session_free(struct session *s);

/* Sends the banner, or begins to wait for it. Once, before anything else but the handshake of
 * implicit TLS. */
void session_start(struct session *s, uint64_t at_us);

/* How many bytes may be fed now; 0: leave them in the socket. */
size_t session_room(const struct session *s);
void session_input(struct session *s, struct slice bytes, uint64_t at_us);

/* The client cannot have seen a reply before this long after it: half of the round trip. What
 * comes sooner was pipelined, however it was cut. */
void session_set_lag(struct session *s, uint64_t us);

/* What is to be sent now; empty while a reply is held back. */
struct slice session_output(const struct session *s);
void session_output_taken(struct session *s, uint64_t at_us);

/* When session_tick must be called at the latest; UINT64_MAX: never. */
uint64_t session_wake_us(const struct session *s);
void session_tick(struct session *s, uint64_t at_us);

enum session_need {
    NEED_NOTHING,
    NEED_TLS,    /* send the output, shake hands, then session_tls_done */
    NEED_COMMIT, /* give session_message to the sink, then session_committed */
    NEED_CLOSE,  /* send the output and close; the session has ended */
};
enum session_need session_need(const struct session *s);

/* The message to keep, valid until session_committed. */
const struct message_record *session_message(const struct session *s);
void session_committed(struct session *s, enum err e, uint64_t at_us);

struct session_tls {
    bool is_open; /* false: the handshake failed, and the session ends */
    struct slice version, cipher, sni, hello; /* copied */
};
void session_tls_done(struct session *s, const struct session_tls *tls, uint64_t at_us);

/* Does the client only wait for the reply to QUIT? Then whether it has closed already tells. */
bool session_is_quitting(const struct session *s);
/* The client has closed its side (its last bytes were fed before), or reset the connection. */
void session_peer_closed(struct session *s, bool was_reset, uint64_t at_us);
/* The server stops: 421 and the end, after a message that is under way if `waits_for_message`. */
void session_shutdown(struct session *s, bool waits_for_message, uint64_t at_us);
/* The end without a word: nothing more can be sent or kept. */
void session_drop(struct session *s, uint64_t at_us);

/* The record of an ended session; borrows from it. */
void session_record(struct session *s, struct session_record *out);

#endif
