/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server on the loopback: scenarios through real sockets, the guards on sessions, accepting
 * without descriptors, stopping. The server runs in a thread of its own; the client blocks. */
#include "scenario.h"
#include "testing.h"

#include "print/sd1.h"
#include "smtp/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILES = 32, RECORDS = 64 };

struct seen_session {
    char sd1[SD1_TEXT_BYTES + 1];
    enum session_end end;
    uint32_t messages;
    size_t syn_bytes;
    struct ip client;
    bool has_proxy;
};

struct fixture {
    struct sink sink; /* first: the sink's calls get it back */
    struct loop *loop;
    struct server *server;
    struct smtp_service service;
    struct server_listener listener;
    struct server_options options;
    pthread_t thread;
    uv_async_t stop;
    uint16_t port;
    bool is_v6;
    pthread_mutex_t lock;
    struct seen_session seen[RECORDS];
    size_t count;
    struct server_counters counters; /* at the end */
};

static void keep_message(struct sink *k, const struct message_record *m, sink_done_fn done,
                         void *arg)
{
    (void)k;
    (void)m;
    done(arg, OK);
}

static void keep_session(struct sink *k, const struct session_record *r)
{
    struct fixture *f = (struct fixture *)k;
    struct arena *arena = arena_new(1 << 20);
    struct sd1 s;
    pthread_mutex_lock(&f->lock);
    struct seen_session *seen = &f->seen[f->count < RECORDS ? f->count : RECORDS - 1];
    *seen = (struct seen_session){.end = r->end,
                                  .messages = r->messages,
                                  .syn_bytes = r->syn.n,
                                  .client = r->head.client,
                                  .has_proxy = r->head.has_proxy};
    if (arena && sd1_make(&s, r, r->client_name, NULL, arena) == OK) {
        sd1_print(&s, seen->sd1);
    }
    f->count++;
    pthread_mutex_unlock(&f->lock);
    arena_free(arena);
}

static void has_stopped(void *arg)
{
    struct fixture *f = arg;
    f->counters = *server_counters(f->server, 0);
    uv_close((uv_handle_t *)&f->stop, NULL);
}

static void stop_wanted(uv_async_t *a)
{
    struct fixture *f = a->data;
    server_stop(f->server, 1000, has_stopped, f);
}

static void *thread_main(void *arg)
{
    struct fixture *f = arg;
    loop_run(f->loop);
    return NULL;
}

/* -1: a machine without IPv6. */
static int listen_loopback(uint16_t *port, bool is_v6)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = is_v6 ? sizeof a : sizeof v4;
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (!is_v6) {
        memcpy(&a, &v4, sizeof v4);
    }
    if (is_v6 && (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0)) {
        close(fd);
        return -1;
    }
    assert_true(fd >= 0);
    assert_true(is_v6 || bind(fd, (struct sockaddr *)&a, n) == 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    memcpy(&v4, &a, sizeof v4); /* the port stands at the same place in both */
    *port = ntohs(v4.sin_port);
    return fd;
}

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){.sink = {keep_message, keep_session}};
    f->service = (struct smtp_service){.trap = S("trap"),
                                       .listener = S("loopback"),
                                       .host = S("mx.trap.example"),
                                       .persona = scenario_persona(S("postfix")),
                                       .limits = SMTP_LIMITS_DEFAULT};
    f->options = (struct server_options){.sink = &f->sink,
                                         .listeners = &f->listener,
                                         .listener_count = 1,
                                         .sessions_max = 100,
                                         .sessions_per_client_max = 100,
                                         .events_fd = -1};
}

static void fixture_start(struct fixture *f)
{
    struct errbuf eb = {0};
    pthread_mutex_init(&f->lock, NULL);
    f->listener.service = &f->service;
    f->listener.fd = listen_loopback(&f->port, f->is_v6);
    f->loop = loop_new();
    assert_non_null(f->loop);
    f->options.loop = f->loop;
    assert_int_equal(uv_async_init(loop_uv(f->loop), &f->stop, stop_wanted), 0);
    f->stop.data = f;
    assert_int_equal(server_new(&f->options, &f->server, &eb), OK);
    assert_int_equal(pthread_create(&f->thread, NULL, thread_main, f), 0);
}

static void fixture_stop(struct fixture *f)
{
    uv_async_send(&f->stop);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    server_free(f->server);
    loop_free(f->loop);
    pthread_mutex_destroy(&f->lock);
}

/* The n-th session record, when it is there. */
static struct seen_session fixture_wait(struct fixture *f, size_t n)
{
    for (int i = 0; i < 5000; i++) {
        pthread_mutex_lock(&f->lock);
        struct seen_session s = f->seen[n];
        bool is_there = f->count > n;
        pthread_mutex_unlock(&f->lock);
        if (is_there) {
            return s;
        }
        usleep(1000);
    }
    fail_msg("no session record %zu", n);
    return f->seen[0];
}

/* ---- a blocking client ---- */

static int dial(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

/* One line without its end; empty at the end of the stream. */
static struct slice read_line(int fd, char line[1024])
{
    size_t n = 0;
    while (n < 1024 && recv(fd, line + n, 1, 0) == 1) {
        if (line[n] == '\n') {
            return slice_of(line, n > 0 ? n - 1 : 0);
        }
        n++;
    }
    return slice_of(line, 0);
}

static void expect(int fd, struct slice glob, bool skips, struct slice name)
{
    char line[1024];
    struct slice got;
    do {
        got = read_line(fd, line);
    } while (skips && got.n > 0 && !slice_glob(got, glob));
    if (!slice_glob(got, glob)) {
        fail_msg("%.*s: wanted %.*s, got %.*s", SLICE_ARG(name), SLICE_ARG(glob), SLICE_ARG(got));
    }
}

static void say(int fd, struct slice bytes)
{
    assert_int_equal(send(fd, bytes.p, bytes.n, MSG_NOSIGNAL), (ssize_t)bytes.n);
}

static void play(const struct scenario *s, uint16_t port)
{
    int fd = dial(port);
    struct slice script = s->script, word, rest;
    struct strbuf bytes = STRBUF_INIT;
    while (scenario_act(&script, &word, &rest)) {
        if (slice_eq(word, S("C")) || slice_eq(word, S("c"))) {
            scenario_bytes(rest, &bytes);
            if (*word.p == 'C') {
                strbuf_add(&bytes, S("\r\n"));
            }
            usleep(20000); /* a think time: what comes sooner is pipelined */
            say(fd, strbuf_slice(&bytes));
        } else if (slice_eq(word, S("S")) || slice_eq(word, S("S+"))) {
            expect(fd, rest, word.n == 2, s->name);
        }
    }
    strbuf_free(&bytes);
    close(fd);
}

/* What the bare machine gave in scenario_test, sockets give too. */
static void loopback_scenarios(void **state)
{
    (void)state;
    static struct slice texts[FILES];
    static char names[FILES][64];
    size_t files = scenario_files(texts, names, FILES), count = 0;
    for (size_t i = 0; i < files; i++) {
        struct scenario s;
        while (scenario_next(&texts[i], &s)) {
            if (s.is_loopback) {
                struct fixture f;
                fixture_init(&f);
                f.service = s.service;
                fixture_start(&f);
                play(&s, f.port);
                struct seen_session seen = fixture_wait(&f, 0);
                struct slice want = s.expected;
                want = slice_cut(&want, '\n');
                if (!slice_eq(want, slice_cstr(seen.sd1))) {
                    fail_msg("%.*s: %s, not %.*s", SLICE_ARG(s.name), seen.sd1, SLICE_ARG(want));
                }
                assert_true(seen.syn_bytes >= 40); /* TCP_SAVED_SYN */
                fixture_stop(&f);
                count++;
            }
            scenario_free(&s);
        }
    }
    assert_true(count >= 5);
}

/* Over IPv6: the client is who it is, also in what it is told, and its SYN is kept. */
static void ipv6_listener(void **state)
{
    (void)state;
    struct fixture f;
    struct ip loopback;
    uint16_t port;
    int probe = listen_loopback(&port, true);
    if (probe < 0) {
        skip();
    }
    close(probe);
    fixture_init(&f);
    f.is_v6 = true;
    f.options.sessions_max = 1;
    fixture_start(&f);
    struct sockaddr_in6 a = {
        .sin6_family = AF_INET6, .sin6_port = htons(f.port), .sin6_addr = in6addr_loopback};
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fds[i] >= 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *)&a, sizeof a), 0);
        expect(fds[i], i ? S("421 *::1*") : S("220 *"), false, S("IPv6"));
    }
    say(fds[0], S("QUIT\r\n"));
    expect(fds[0], S("221 *"), false, S("IPv6"));
    close(fds[0]);
    close(fds[1]);
    struct seen_session seen = fixture_wait(&f, 0);
    assert_true(ip_parse(S("::1"), &loopback));
    assert_true(ip_eq(seen.client, loopback));
    assert_true(seen.syn_bytes >= 60); /* an IPv6 header alone is 40 */
    fixture_stop(&f);
    assert_int_equal(f.counters.refused, 1);
}

/* Sessions at once: n-1 and n get the banner, n+1 gets 421; when one leaves there is room again. */
static void guard_try(struct fixture *f, unsigned limit)
{
    int fds[8];
    fixture_start(f);
    for (unsigned i = 0; i <= limit; i++) {
        fds[i] = dial(f->port);
        expect(fds[i], i < limit ? S("220 *") : S("421 4.7.0 *too many connections*"), false,
               S("guard"));
    }
    say(fds[0], S("QUIT\r\n"));
    expect(fds[0], S("221 *"), false, S("guard"));
    close(fds[0]);
    fixture_wait(f, 0);
    fds[0] = dial(f->port);
    expect(fds[0], S("220 *"), false, S("guard, again"));
    for (unsigned i = 0; i <= limit; i++) {
        close(fds[i]);
    }
    fixture_stop(f);
    assert_int_equal(f->counters.connections, limit + 2);
    assert_int_equal(f->counters.refused, 1);
    assert_int_equal(f->counters.sessions, 0);
}

static void guard_total(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.options.sessions_max = 3;
    guard_try(&f, 3);
}

static void guard_per_client(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.options.sessions_per_client_max = 2;
    guard_try(&f, 2);
}

/* Behind a balancer the client is who the header says, for records and for the guard. */
static void proxy_header(void **state)
{
    (void)state;
    struct fixture f;
    struct ip client;
    fixture_init(&f);
    f.listener.has_proxy = true;
    f.options.sessions_per_client_max = 1;
    fixture_start(&f);
    int a = dial(f.port), b = dial(f.port), c = dial(f.port), d = dial(f.port);
    say(a, S("PROXY TCP4 203.0.113.9 198.51.100.1 4711 25\r\nEHLO early.example\r\n"));
    expect(a, S("220 *"), false, S("proxy"));
    expect(a, S("250 CHUNKING"), true, S("proxy"));
    say(b, S("PROXY TCP4 203.0.113.9 198.51.100.1 4712 25\r\n"));
    expect(b, S("421 *203.0.113.9*"), false, S("proxy, same client"));
    say(c, S("PROXY TCP4 203.0.113.10"));
    usleep(10000);
    say(c, S(" 198.51.100.1 4713 25\r\n"));
    expect(c, S("220 *"), false, S("proxy in pieces"));
    say(d, S("EHLO x\r\n"));
    expect(d, S(""), false, S("no header"));
    close(a);
    struct seen_session seen = fixture_wait(&f, 0);
    assert_true(ip_parse(S("203.0.113.9"), &client));
    assert_true(ip_eq(seen.client, client) && seen.has_proxy);
    assert_int_equal(seen.syn_bytes, 0); /* it would be the balancer's */
    assert_int_equal(seen.sd1[4 + SD1_EARLY], '1');
    close(b);
    close(c);
    close(d);
    fixture_stop(&f);
    assert_int_equal(f.counters.refused, 2);
}

/* No descriptors left: connections wait in the kernel, and are served when there are some again. */
static void without_descriptors(void **state)
{
    (void)state;
    struct fixture f;
    struct rlimit old, low;
    struct pollfd p = {.events = POLLIN};
    fixture_init(&f);
    fixture_start(&f);
    int first = dial(f.port);
    expect(first, S("220 *"), false, S("before"));
    int second = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* ours, before none are left */
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(f.port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(connect(second, (struct sockaddr *)&a, sizeof a), 0);
    p.fd = second;
    assert_int_equal(poll(&p, 1, 300), 0); /* nobody there */
    say(first, S("NOOP\r\n"));             /* the others are served */
    expect(first, S("250 *"), false, S("meanwhile"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(poll(&p, 1, 3000), 1);
    expect(second, S("220 *"), false, S("after"));
    close(first);
    close(second);
    fixture_stop(&f);
    assert_true(f.counters.accept_errors >= 1);
    assert_int_equal(f.counters.connections, 2);
}

/* Stopping: an idle session gets 421; one inside a message may end it within the grace. */
static void stopping(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_start(&f);
    int idle = dial(f.port), busy = dial(f.port);
    expect(idle, S("220 *"), false, S("idle"));
    expect(busy, S("220 *"), false, S("busy"));
    say(busy, S("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"));
    expect(busy, S("354 *"), true, S("busy"));
    uv_async_send(&f.stop);
    expect(idle, S("421 4.3.2 *"), false, S("idle"));
    say(busy, S("x\r\n.\r\n"));
    expect(busy, S("250 *"), false, S("busy"));
    expect(busy, S("421 4.3.2 *"), false, S("busy"));
    close(idle);
    close(busy);
    assert_int_equal(pthread_join(f.thread, NULL), 0);
    server_free(f.server);
    loop_free(f.loop);
    assert_int_equal(f.counters.messages, 1);
    assert_int_equal(f.count, 2);
}

/* A client that does not read at all is dropped in the end, and its record is there. */
static void stopping_with_a_deaf_client(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.service.limits.errors = 1000000;
    fixture_start(&f);
    int fd = dial(f.port);
    struct strbuf many = STRBUF_INIT;
    for (int i = 0; i < 200000; i++) {
        strbuf_add(&many, S("NOOP\r\n"));
    }
    for (struct slice rest = strbuf_slice(&many); rest.n > 0;) {
        ssize_t n = send(fd, rest.p, rest.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0) {
            usleep(50000);
            n = send(fd, rest.p, rest.n, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n <= 0) {
                break; /* the server has stopped reading */
            }
        }
        rest = slice_sub(rest, (size_t)n, rest.n);
    }
    fixture_stop(&f);
    assert_int_equal(f.count, 1);
    close(fd);
    strbuf_free(&many);
}

static void options_are_checked(void **state)
{
    (void)state;
    static const struct {
        uint32_t sessions, recipients;
        uint64_t bytes;
        enum err want;
    } CASES[] = {{0, 100, 1000, ERR_LIMIT},
                 {1, 100, 1000, OK},
                 {LIMIT_SMTP_SESSIONS, 100, 1000, OK},
                 {LIMIT_SMTP_SESSIONS + 1, 100, 1000, ERR_LIMIT},
                 {1, 0, 1000, ERR_LIMIT},
                 {1, LIMIT_SMTP_RECIPIENTS, 1000, OK},
                 {1, LIMIT_SMTP_RECIPIENTS + 1, 1000, ERR_LIMIT},
                 {1, 100, LIMIT_MESSAGE_BYTES, OK},
                 {1, 100, LIMIT_MESSAGE_BYTES + 1, ERR_LIMIT}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct fixture f;
        struct errbuf eb = {0};
        fixture_init(&f);
        f.options.sessions_max = CASES[i].sessions;
        f.service.limits.recipients = CASES[i].recipients;
        f.service.limits.message_bytes = CASES[i].bytes;
        f.listener.service = &f.service;
        f.listener.fd = listen_loopback(&f.port, false);
        f.options.loop = f.loop = loop_new();
        assert_int_equal(server_new(&f.options, &f.server, &eb), CASES[i].want);
        if (CASES[i].want == OK) {
            server_free(f.server);
        }
        loop_free(f.loop);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_scenarios),
        cmocka_unit_test(ipv6_listener),
        cmocka_unit_test(guard_total),
        cmocka_unit_test(guard_per_client),
        cmocka_unit_test(proxy_header),
        cmocka_unit_test(without_descriptors),
        cmocka_unit_test(stopping),
        cmocka_unit_test(stopping_with_a_deaf_client),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests_name("smtp_server", tests, NULL, NULL);
}
