/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The trap's server alone, for measuring it and for tests with real clients: no roles, no sandbox,
 * no configuration. Binds 127.0.0.1, prints "port N", serves until SIGTERM, prints its counters.
 *
 * trap_server [-p PORT] [-P PERSONA.yaml] [-s FOLDER: a spool; else records are thrown away]
 *             [-n SESSIONS] [-c SESSIONS-PER-CLIENT] [-b BANNER-MS] [-t FOLDER: TLS, certificate
 * there]
 *             [-l: LMTP] [-i: implicit TLS] [-x: PROXY header] [-a: AUTH is believed] [-e: events
 * on fd 1]
 *             [-X: 127.0.0.0/8 may send XCLIENT] [-d DOMAIN: only this domain's recipients] */
#include "core/log.h"
#include "smtp/persona.h"
#include "smtp/policy.h"
#include "smtp/server.h"
#include "spool/spool_sink.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct program {
    struct loop *loop;
    struct server *server;
    struct sink *spool;
    struct spool_writer *writer;
    uv_signal_t signal;
    uv_poll_t poll;
    uint64_t records;
};

static void message_forget(struct sink *k, const struct message_record *m, sink_done_fn done,
                           void *arg)
{
    (void)k;
    (void)m;
    done(arg, OK);
}

static void session_forget(struct sink *k, const struct session_record *r)
{
    (void)k;
    (void)r;
}

static void die(enum err e, const struct errbuf *eb)
{
    char text[1024];
    fprintf(stderr, "trap_server: %s\n", err_format(eb, e, text, sizeof text));
    exit(1);
}

static int bind_loopback(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
        perror("trap_server: bind");
        exit(1);
    }
    printf("port %d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

static void server_stopped(void *arg)
{
    struct program *p = arg;
    uv_signal_stop(&p->signal);
    uv_close((uv_handle_t *)&p->signal, NULL);
    if (p->writer) {
        uv_close((uv_handle_t *)&p->poll, NULL);
    }
}

static void signalled(uv_signal_t *h, int number)
{
    struct program *p = h->data;
    (void)number;
    server_stop(p->server, 1000, server_stopped, p);
}

static void spool_ready(uv_poll_t *h, int status, int events)
{
    struct program *p = h->data;
    (void)status;
    (void)events;
    spool_sink_poll(p->spool);
}

static void spool_open(struct program *p, const char *folder)
{
    struct errbuf eb = {0};
    enum err e =
        spool_writer_open(&(struct spool_writer_options){.folder = folder}, &p->writer, &eb);
    if (e != OK) {
        die(e, &eb);
    }
    p->spool = spool_sink_new(p->writer, NULL, NULL);
    uv_poll_init(loop_uv(p->loop), &p->poll, spool_writer_fd(p->writer));
    p->poll.data = p;
    uv_poll_start(&p->poll, UV_READABLE, spool_ready);
}

static struct tls_context *tls_open(const char *folder)
{
    struct tls_context *tls = NULL;
    struct errbuf eb = {0};
    char certificate[4096], key[4096];
    snprintf(certificate, sizeof certificate, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    enum err e = tls_certificate_ensure(certificate, key, "mx.trap.example", &eb);
    if (e != OK || (e = tls_context_new(certificate, key, &tls, &eb)) != OK) {
        die(e, &eb);
    }
    return tls;
}

static void counters_print(const struct server_counters *n)
{
    printf("connections %llu refused %llu sessions %llu messages %llu recipients %llu bytes %llu "
           "deferred %llu accept_errors %llu\n",
           (unsigned long long)n->connections, (unsigned long long)n->refused,
           (unsigned long long)n->sessions, (unsigned long long)n->messages,
           (unsigned long long)n->recipients, (unsigned long long)n->bytes,
           (unsigned long long)n->deferred, (unsigned long long)n->accept_errors);
}

int main(int argc, char **argv)
{
    static const uint8_t key[SECRET_KEY_BYTES] = "not a secret: the test's";
    struct sink null = {message_forget, session_forget};
    struct program p = {.loop = loop_new()};
    struct persona *persona = NULL;
    struct errbuf eb = {0};
    struct cidr relay;
    const char *persona_path = "rules/personas/postfix.yaml", *spool = NULL, *tls = NULL;
    uint16_t port = 0;
    struct smtp_service service = {.trap = S("bench"),
                                   .site = S("bench"),
                                   .listener = S("127.0.0.1"),
                                   .host = S("mx.trap.example"),
                                   .limits = SMTP_LIMITS_DEFAULT,
                                   .key = key};
    struct server_listener listener = {.service = &service};
    struct server_options o = {.loop = p.loop,
                               .listeners = &listener,
                               .listener_count = 1,
                               .sessions_max = 50000,
                               .sessions_per_client_max = 50000,
                               .events_fd = -1};
    service.limits.messages = 10000000;
    signal(SIGPIPE, SIG_IGN);
    for (int c; (c = getopt(argc, argv, "p:P:s:n:c:b:t:d:lixaeX")) != -1;) {
        switch (c) {
        case 'p':
            port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case 'P':
            persona_path = optarg;
            break;
        case 's':
            spool = optarg;
            break;
        case 'n':
            o.sessions_max = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            o.sessions_per_client_max = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'b':
            service.banner_ms = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 't':
            tls = optarg;
            break;
        case 'd': {
            struct policy *policy = policy_new(false);
            if (!policy || policy_add(policy, slice_cstr(optarg), S("")) != OK) {
                return 1;
            }
            service.policy = policy;
            break;
        }
        case 'l':
            service.is_lmtp = true;
            break;
        case 'i':
            listener.is_tls = true;
            break;
        case 'x':
            listener.has_proxy = true;
            break;
        case 'a':
            service.accepts_auth = true;
            break;
        case 'e':
            o.events_fd = STDOUT_FILENO;
            break;
        case 'X':
            service.relays = cidr_parse(S("127.0.0.0/8"), &relay) ? &relay : NULL;
            service.relay_count = 1;
            break;
        default:
            return 2;
        }
    }
    enum err e = persona_load(persona_path, &persona, &eb);
    if (e != OK) {
        die(e, &eb);
    }
    service.persona = persona;
    o.sink = &null;
    if (spool) {
        spool_open(&p, spool);
        o.sink = p.spool;
    }
    if (tls) {
        o.tls = tls_open(tls);
        service.has_tls = true;
    }
    listener.fd = bind_loopback(port);
    if ((e = server_new(&o, &p.server, &eb)) != OK) {
        die(e, &eb);
    }
    uv_signal_init(loop_uv(p.loop), &p.signal);
    p.signal.data = &p;
    uv_signal_start(&p.signal, signalled, SIGTERM);
    loop_run(p.loop);
    counters_print(server_counters(p.server, 0));
    server_free(p.server);
    loop_free(p.loop);
    spool_sink_free(p.spool);
    if (p.writer) {
        spool_writer_close(p.writer);
    }
    tls_context_free(o.tls);
    policy_free((struct policy *)(uintptr_t)service.policy);
    persona_free(persona);
    return 0;
}
