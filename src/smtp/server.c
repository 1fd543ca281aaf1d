/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets around session machines. All that can happen to a connection ends in connection_pump(),
 * which does whatever the session needs until it needs nothing. A connection is freed at one place,
 * connection_end(). Timeouts are looked after once a second; only waits shorter than that (a
 * persona's delays) have a timer of their own. */
#include "smtp/server.h"

#include "core/log.h"
#include "net/listener.h"
#include "net/proxy.h"
#include "net/tcp.h"
#include "smtp/clients.h"
#include "smtp/event.h"
#include "smtp/persona.h"
#include "smtp/session.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SWEEP_MS = 1000,
    OPENING_SECONDS = 30, /* for the PROXY header and the handshake of implicit TLS */
    LINGER_MS = 5000,     /* for the last reply to a slow client */
    STOP_MORE_MS = 2000,  /* after the grace: for the 421s to go out */
    LAG_MIN_US = 2000,    /* a shorter round trip tells nothing: clients are slower */
};

struct trap_listener {
    struct server *server;
    struct server_listener options;
    struct listener *socket;
    struct server_counters counters;
};

struct connection {
    struct trap_listener *listener;
    struct connection *next, **link; /* of the server's */
    struct tcp *tcp;
    struct session *session; /* NULL: the PROXY header is awaited */
    struct timer *delay;     /* made when first needed */
    struct strbuf proxy;     /* bytes of that header */
    struct session_peer peer;
    char syn[LIMIT_SYN_BYTES];
    uint64_t accepted_us; /* monotonic */
    uint64_t host;        /* entered in `clients`; 0: not */
    bool is_started;      /* no handshake is under way */
    bool is_pumping, has_news, is_committing, has_peeked;
};

struct server {
    struct server_options options;
    struct trap_listener *listeners;
    size_t listener_count;
    struct connection *connections;
    size_t connection_count;
    struct clients *clients;
    struct timer *sweep, *stop;
    bool is_sweeping, is_stopping, has_stopped, grace_is_over;
    void (*stopped)(void *arg);
    void *stopped_arg;
    struct {
        uint64_t secret[2], count;
    } id; /* of sessions: the hash of this */
    struct strbuf events;
};

static uint64_t connection_now(const struct connection *c)
{
    return loop_now_us() - c->accepted_us;
}

/* ---- events ---- */

static void events_write(struct server *s)
{
    ssize_t n = write(s->options.events_fd, s->events.p, s->events.n);
    (void)n; /* a reader that is too slow or gone misses lines; the spool has them all */
    strbuf_clear(&s->events);
}

/* ---- the end of a connection ---- */

static void server_stop_check(struct server *s)
{
    if (s->is_stopping && s->connection_count == 0 && !s->has_stopped) {
        s->has_stopped = true;
        timer_stop(s->stop);
        timer_stop(s->sweep);
        s->stopped(s->stopped_arg);
    }
}

/* The record goes to the sink; everything of the connection but the stream's last bytes goes. */
static void connection_end(struct connection *c)
{
    struct server *s = c->listener->server;
    if (c->session) {
        struct session_record record;
        session_record(c->session, &record);
        s->options.sink->session(s->options.sink, &record);
        if (s->options.events_fd >= 0) {
            event_close(&s->events, &record);
            events_write(s);
        }
        session_free(c->session);
        c->listener->counters.sessions--;
    }
    if (c->host) {
        clients_leave(s->clients, c->host);
    }
    *c->link = c->next;
    if (c->next) {
        c->next->link = c->link;
    }
    s->connection_count--;
    tcp_close(c->tcp, LINGER_MS);
    timer_free(c->delay);
    strbuf_free(&c->proxy);
    free(c);
    server_stop_check(s);
}

/* ---- what a session needs ---- */

static void commit_done(void *arg, enum err e);

static void connection_commit(struct connection *c)
{
    struct server *s = c->listener->server;
    c->is_committing = true;
    s->options.sink->message(s->options.sink, session_message(c->session), commit_done, c);
}

static void connection_start_tls(struct connection *c, struct slice first)
{
    struct server *s = c->listener->server;
    if (!s->options.tls || !tcp_start_tls(c->tcp, s->options.tls, first)) {
        session_tls_done(c->session, &(struct session_tls){.is_open = false}, connection_now(c));
    }
}

/* Sends what there is. False: nothing was to be sent, or the client does not read. */
static bool connection_send(struct connection *c)
{
    struct slice out = session_output(c->session);
    if (out.n == 0 || tcp_waiting(c->tcp) > 0) {
        return false;
    }
    if (session_is_quitting(c->session) && !c->has_peeked) {
        c->has_peeked = true;
        if (socket_peer_closed(tcp_fd(c->tcp))) {
            session_peer_closed(c->session, false, connection_now(c));
        }
    }
    bool is_sent = tcp_write(c->tcp, out);
    session_output_taken(c->session, connection_now(c));
    if (!is_sent) {
        session_peer_closed(c->session, true, connection_now(c));
    }
    return true;
}

static void delay_over(void *arg);

/* A wait shorter than the sweep's period gets a timer. */
static void connection_wait(struct connection *c)
{
    uint64_t wake = session_wake_us(c->session), now = connection_now(c);
    if (wake == UINT64_MAX || wake >= now + SWEEP_MS * 1000) {
        return;
    }
    if (!c->delay) {
        c->delay = timer_new(c->listener->server->options.loop, delay_over, c);
    }
    if (c->delay) {
        timer_start(c->delay, wake > now ? (wake - now + 999) / 1000 : 0);
    }
}

/* Frees the connection when its session has ended. */
static void connection_pump(struct connection *c)
{
    if (c->is_pumping) {
        c->has_news = true; /* called back from below: the loop there goes on */
        return;
    }
    c->is_pumping = true;
    for (;;) {
        enum session_need need = session_need(c->session);
        if (need != NEED_CLOSE && connection_send(c)) {
            continue;
        }
        if (need == NEED_COMMIT && !c->is_committing) {
            connection_commit(c);
            continue;
        }
        if (need == NEED_TLS && c->is_started) {
            c->is_started = false; /* until tls_shaken */
            connection_start_tls(c, S(""));
            continue;
        }
        if (need == NEED_CLOSE) {
            tcp_write(c->tcp, session_output(c->session));
            connection_end(c);
            return;
        }
        c->has_news = false;
        if (!c->is_started || session_room(c->session) > 0) {
            tcp_read_on(c->tcp);
        }
        if (!c->has_news) {
            break;
        }
    }
    c->is_pumping = false;
    connection_wait(c);
}

static void commit_done(void *arg, enum err e)
{
    struct connection *c = arg;
    struct server *s = c->listener->server;
    struct server_counters *n = &c->listener->counters;
    const struct message_record *m = session_message(c->session);
    if (e == OK) {
        n->messages++;
        n->recipients += m->recipient_count;
        n->bytes += m->raw.n;
    } else {
        n->deferred++;
    }
    if (s->options.events_fd >= 0) {
        event_message(&s->events, m, e == OK);
        events_write(s);
    }
    c->is_committing = false;
    session_committed(c->session, e, connection_now(c));
    connection_pump(c);
}

static void delay_over(void *arg)
{
    struct connection *c = arg;
    session_tick(c->session, connection_now(c));
    connection_pump(c);
}

/* ---- what a stream tells ---- */

static enum err session_begin(struct connection *c, struct slice first);

static size_t tcp_room(void *arg)
{
    const struct connection *c = arg;
    return c->session ? session_room(c->session) : LIMIT_PROXY_HEADER_BYTES - c->proxy.n;
}

/* Bytes of the PROXY header; what follows it belongs to the session. */
static void proxy_take(struct connection *c, struct slice bytes)
{
    struct proxy proxy;
    size_t used = 0;
    strbuf_add(&c->proxy, bytes);
    enum proxy_result result =
        c->proxy.failed ? PROXY_BAD : proxy_parse(strbuf_slice(&c->proxy), &proxy, &used);
    if (result == PROXY_MORE) {
        return;
    }
    if (result == PROXY_OK && proxy.has_addresses) {
        c->peer.client = proxy.client;
        c->peer.server = proxy.server;
        c->peer.client_port = proxy.client_port;
        c->peer.server_port = proxy.server_port;
        c->peer.has_proxy = true;
        c->peer.syn = S(""); /* it is the balancer's */
    }
    struct slice rest = slice_sub(strbuf_slice(&c->proxy), used, c->proxy.n);
    if (result == PROXY_BAD || session_begin(c, rest) != OK) {
        c->listener->counters.refused += result == PROXY_BAD;
        connection_end(c);
        return;
    }
    connection_pump(c);
}

static void tcp_data(void *arg, struct slice bytes)
{
    struct connection *c = arg;
    if (!c->session) {
        proxy_take(c, bytes);
        return;
    }
    session_input(c->session, bytes, connection_now(c));
    connection_pump(c);
}

static void tls_shaken(void *arg, bool is_open, const struct tls_facts *f)
{
    struct connection *c = arg;
    bool is_implicit = c->listener->options.is_tls;
    session_tls_done(c->session,
                     &(struct session_tls){is_open, f->version, f->cipher, f->sni, f->hello},
                     connection_now(c));
    c->is_started = true;
    if (is_open && is_implicit) {
        session_start(c->session, connection_now(c));
    }
    connection_pump(c);
}

static void tcp_drained(void *arg)
{
    struct connection *c = arg;
    if (c->session) {
        connection_pump(c);
    }
}

static void tcp_ended(void *arg, enum tcp_end how)
{
    struct connection *c = arg;
    if (!c->session) {
        c->listener->counters.refused++;
        connection_end(c);
        return;
    }
    session_peer_closed(c->session, how != TCP_FIN, connection_now(c));
    if (!c->is_started && session_need(c->session) != NEED_CLOSE) {
        session_drop(c->session, connection_now(c)); /* in the middle of a handshake */
    }
    connection_pump(c);
}

static const struct tcp_calls TCP_CALLS = {
    tcp_room, tcp_data, tls_shaken, tcp_drained, tcp_ended,
};

/* ---- the beginning of a connection ---- */

static void refuse(struct connection *c)
{
    const struct smtp_service *v = c->listener->options.service;
    char client[IP_TEXT_BYTES];
    struct strbuf out = STRBUF_INIT;
    ip_text(c->peer.client, client);
    struct persona_words w = {.host = v->host, .client = slice_cstr(client)};
    c->listener->counters.refused++;
    if (!c->listener->options.is_tls) {
        persona_reply(v->persona, REPLY_BUSY, &w, &out);
        tcp_write(c->tcp, strbuf_slice(&out));
    }
    strbuf_free(&out);
}

/* A machine for the connection. Not OK: the caller ends the connection. */
static enum err session_begin(struct connection *c, struct slice first)
{
    struct server *s = c->listener->server;
    struct trap_listener *l = c->listener;
    uint64_t host = host_key(c->peer.client);
    if (s->connection_count > s->options.sessions_max ||
        (host && !clients_enter(s->clients, host, s->options.sessions_per_client_max))) {
        refuse(c);
        return ERR_LIMIT;
    }
    c->host = host;
    c->session = session_new(l->options.service, &c->peer);
    if (!c->session) {
        refuse(c);
        return ERR_NOMEM;
    }
    l->counters.sessions++;
    uint32_t rtt = c->peer.has_proxy ? 0 : socket_round_trip_us(tcp_fd(c->tcp));
    session_set_lag(c->session, rtt >= LAG_MIN_US ? rtt / 2 : 0);
    if (s->options.events_fd >= 0) {
        struct session_record record;
        session_record(c->session, &record);
        event_connect(&s->events, &record.head);
        events_write(s);
    }
    if (l->options.is_tls) {
        c->is_pumping = true; /* a handshake may fail at once */
        connection_start_tls(c, first);
        c->is_pumping = false;
        return OK;
    }
    uint64_t now = connection_now(c); /* one for both: `first` was there before the banner */
    c->is_started = true;
    session_start(c->session, now);
    session_input(c->session, first, now);
    return OK;
}

static void server_sweep(void *arg);

static void connection_link(struct server *s, struct connection *c)
{
    c->next = s->connections;
    c->link = &s->connections;
    if (c->next) {
        c->next->link = &c->next;
    }
    s->connections = c;
    s->connection_count++;
    if (!s->is_sweeping) {
        s->is_sweeping = true;
        timer_start(s->sweep, SWEEP_MS);
    }
}

static void listener_accepted(void *arg, const struct accepted *a)
{
    struct trap_listener *l = arg;
    struct server *s = l->server;
    struct connection *c = calloc(1, sizeof *c);
    l->counters.connections++;
    if (!c) {
        l->counters.refused++;
        close(a->fd);
        return;
    }
    c->listener = l;
    c->accepted_us = loop_now_us();
    s->id.count++;
    c->peer = (struct session_peer){
        .id = hash_id128(slice_of((const char *)&s->id, sizeof s->id)),
        .client = a->client,
        .server = a->server,
        .client_port = a->client_port,
        .server_port = a->server_port,
        .accepted_us = loop_wall_us(),
        .syn = slice_of(c->syn, socket_saved_syn(a->fd, c->syn)),
    };
    c->tcp = tcp_open(s->options.loop, a->fd, &TCP_CALLS, c);
    if (!c->tcp) {
        l->counters.refused++;
        free(c);
        return;
    }
    connection_link(s, c);
    if (l->options.has_proxy) {
        tcp_read_on(c->tcp);
    } else if (session_begin(c, S("")) != OK) {
        connection_end(c);
    } else {
        connection_pump(c);
    }
}

static void listener_failed(void *arg, int error)
{
    struct trap_listener *l = arg;
    if (l->counters.accept_errors++ == 0) {
        log_warn("smtp", "%.*s: accepting pauses: %s", SLICE_ARG(l->options.service->listener),
                 strerror(error));
    }
}

/* ---- the server ---- */

/* The deadlines of all connections. */
static void server_sweep(void *arg)
{
    struct server *s = arg;
    for (struct connection *c = s->connections, *next; c; c = next) {
        uint64_t now = connection_now(c);
        next = c->next;
        if (!c->session) {
            if (now > OPENING_SECONDS * 1000000u || s->grace_is_over) {
                c->listener->counters.refused++;
                connection_end(c);
            }
            continue;
        }
        if (!c->is_started && c->listener->options.is_tls && now > OPENING_SECONDS * 1000000u) {
            session_drop(c->session, now);
            connection_pump(c);
        } else if (session_wake_us(c->session) <= now) {
            session_tick(c->session, now);
            connection_pump(c);
        }
    }
    s->is_sweeping = s->connection_count > 0;
    if (s->is_sweeping) {
        timer_start(s->sweep, SWEEP_MS);
    }
}

static void server_stop_more(void *arg)
{
    struct server *s = arg;
    bool is_last = s->grace_is_over;
    s->grace_is_over = true;
    timer_start(s->stop, STOP_MORE_MS);
    for (struct connection *c = s->connections, *next; c; c = next) {
        next = c->next;
        if (!c->session) {
            connection_end(c);
            continue;
        }
        if (is_last || !c->is_started) {
            session_drop(c->session, connection_now(c));
        } else {
            session_shutdown(c->session, false, connection_now(c));
        }
        connection_pump(c);
    }
}

void server_stop(struct server *s, uint64_t grace_ms, void (*done)(void *arg), void *arg)
{
    if (s->is_stopping) {
        return;
    }
    s->is_stopping = true;
    s->stopped = done;
    s->stopped_arg = arg;
    for (size_t i = 0; i < s->listener_count; i++) {
        listener_free(s->listeners[i].socket);
        s->listeners[i].socket = NULL;
    }
    timer_start(s->stop, grace_ms);
    for (struct connection *c = s->connections, *next; c; c = next) {
        next = c->next;
        if (c->session && c->is_started) {
            session_shutdown(c->session, true, connection_now(c));
            connection_pump(c);
        }
    }
    server_stop_check(s);
}

const struct server_counters *server_counters(const struct server *s, size_t listener)
{
    return &s->listeners[listener].counters;
}

/* Takes the listeners' sockets; on failure those not yet taken are closed. */
static enum err listeners_open(struct server *s, struct errbuf *eb)
{
    static const struct listener_calls CALLS = {listener_accepted, listener_failed};
    enum err e = OK;
    for (size_t i = 0; i < s->options.listener_count; i++) {
        struct trap_listener *l = &s->listeners[i];
        l->server = s;
        l->options = s->options.listeners[i];
        if (e != OK) {
            close(l->options.fd);
            continue;
        }
        l->socket = listener_new(s->options.loop, l->options.fd, &CALLS, l);
        s->listener_count++;
        if (!l->socket) {
            e = err_set(eb, ERR_IO, "%.*s: the socket cannot be watched",
                        SLICE_ARG(l->options.service->listener));
        }
    }
    return e;
}

static enum err options_check(const struct server_options *o, struct errbuf *eb)
{
    if (o->sessions_max == 0 || o->sessions_max > LIMIT_SMTP_SESSIONS) {
        return err_set(eb, ERR_LIMIT, "sessions: 1 to %d", LIMIT_SMTP_SESSIONS);
    }
    for (size_t i = 0; i < o->listener_count; i++) {
        const struct smtp_limits *l = &o->listeners[i].service->limits;
        if (l->recipients == 0 || l->recipients > LIMIT_SMTP_RECIPIENTS) {
            return err_set(eb, ERR_LIMIT, "recipients of a message: 1 to %d",
                           LIMIT_SMTP_RECIPIENTS);
        }
        if (l->message_bytes == 0 || l->message_bytes > LIMIT_MESSAGE_BYTES) {
            return err_set(eb, ERR_LIMIT, "bytes of a message: 1 to %d", LIMIT_MESSAGE_BYTES);
        }
        if (!o->tls && (o->listeners[i].is_tls || o->listeners[i].service->has_tls)) {
            return err_set(eb, ERR_CONFIG, "a listener has TLS, but there is no certificate");
        }
    }
    return OK;
}

enum err server_new(const struct server_options *o, struct server **out, struct errbuf *eb)
{
    struct server *s = calloc(1, sizeof *s);
    enum err e = s ? options_check(o, eb) : ERR_NOMEM;
    if (e == OK) {
        s->options = *o;
        s->listeners = calloc(o->listener_count + 1, sizeof *s->listeners);
        s->clients = clients_new();
        s->sweep = timer_new(o->loop, server_sweep, s);
        s->stop = timer_new(o->loop, server_stop_more, s);
        e = s->listeners && s->clients && s->sweep && s->stop ? OK : ERR_NOMEM;
    }
    if (e == OK) {
        e = random_bytes(s->id.secret, sizeof s->id.secret);
    }
    if (e != OK) {
        for (size_t i = 0; i < o->listener_count; i++) {
            close(o->listeners[i].fd);
        }
    } else {
        e = listeners_open(s, eb);
    }
    if (e != OK) {
        server_free(s);
        return e;
    }
    *out = s;
    return OK;
}

void server_free(struct server *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->listener_count; i++) {
        listener_free(s->listeners[i].socket);
    }
    timer_free(s->sweep);
    timer_free(s->stop);
    clients_free(s->clients);
    strbuf_free(&s->events);
    free(s->listeners);
    free(s);
}
