/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/role_trap.h"

#include "core/log.h"
#include "serve/channel.h"
#include "serve/role.h"
#include "spool/spool_sink.h"

#include <time.h>
#include <unistd.h>

enum {
    BEAT_MS = 1000,
    LOCK_TRIES = 100,
    LOCK_TRY_MS = 100, /* a former trap process may be committing its last records */
    DESCRIPTORS_BESIDES_SESSIONS = 64 + LIMIT_LISTENERS,
    ORPHAN_GRACE_MS = 500, /* the parent is gone: a new one wants the ports */
};

struct trap {
    const struct trap_options *o;
    struct loop *loop;
    struct spool_writer *spool;
    struct sink *sink;
    struct server *server;
    struct timer *beat;
    uv_poll_t channel, completions;
    bool is_stopping, is_stopped;
};

/* ---- the parent ---- */

static void beat(void *arg)
{
    struct trap *t = arg;
    struct message m = {.type = MESSAGE_BEAT};
    uint64_t *n = m.beat.counters;
    struct spool_stats spool = spool_writer_stats(t->spool);
    for (uint32_t i = 0; i < t->o->listener_count; i++) {
        const struct server_counters *c = server_counters(t->server, i);
        struct message l = {.type = MESSAGE_LISTENER, .listener = {i, c->refused}};
        channel_send(t->o->channel, &l);
        n[COUNTER_CONNECTIONS] += c->connections;
        n[COUNTER_REFUSED] += c->refused;
        n[COUNTER_SESSIONS] += c->sessions;
        n[COUNTER_MESSAGES] += c->messages;
        n[COUNTER_DEFERRED] += c->deferred;
        n[COUNTER_ACCEPT_ERRORS] += c->accept_errors;
    }
    n[COUNTER_SPOOL_BYTES] = spool.folder_bytes;
    n[COUNTER_SPOOL_FULL] = spool.is_full;
    n[COUNTER_SPOOL_REFUSED] = spool.refused_full;
    n[COUNTER_COMMITS] = spool.commits;
    n[COUNTER_SPOOL_FAILED] = spool.failed;
    channel_send(t->o->channel, &m);
    if (!t->is_stopped) {
        timer_start(t->beat, BEAT_MS);
    }
}

static void server_stopped(void *arg)
{
    struct trap *t = arg;
    t->is_stopped = true;
    beat(t); /* the counters to the end */
    timer_stop(t->beat);
    uv_poll_stop(&t->channel);
    uv_poll_stop(&t->completions);
    loop_stop(t->loop);
}

static void stop(struct trap *t, uint64_t grace_ms)
{
    if (!t->is_stopping) {
        t->is_stopping = true;
        server_stop(t->server, grace_ms, server_stopped, t);
    }
}

static void channel_ready(uv_poll_t *handle, int status, int events)
{
    struct trap *t = handle->data;
    struct message m;
    enum err e = ERR_BUSY;
    (void)events;
    while (status == 0 && (e = channel_receive(t->o->channel, &m)) == OK) {
        if (m.type == MESSAGE_STOP) {
            stop(t, m.stop.grace_ms);
        }
    }
    if (status != 0 || e == ERR_END) {
        log_warn("trap", "event=orphaned: the parent is gone");
        uv_poll_stop(&t->channel);
        stop(t, ORPHAN_GRACE_MS);
    }
}

static void completions_ready(uv_poll_t *handle, int status, int events)
{
    struct trap *t = handle->data;
    (void)status;
    (void)events;
    spool_sink_poll(t->sink);
}

/* ---- set up ---- */

static bool is_relay(void *arg, struct ip client)
{
    const struct trap_options *o = arg;
    for (size_t i = 0; i < o->relay_count; i++) {
        if (cidr_holds(o->relays[i], client)) {
            return true;
        }
    }
    return false;
}

static enum err spool_open(struct trap *t, struct errbuf *eb)
{
    enum err e = ERR_BUSY;
    for (int i = 0; i < LOCK_TRIES && e == ERR_BUSY; i++) {
        e = spool_writer_open(&t->o->spool, &t->spool, eb);
        if (e == ERR_BUSY) {
            nanosleep(&(struct timespec){.tv_nsec = LOCK_TRY_MS * 1000000L}, NULL);
        }
    }
    return e;
}

static enum err watch(struct trap *t, uv_poll_t *handle, int fd, uv_poll_cb fn, struct errbuf *eb)
{
    int e = uv_poll_init(loop_uv(t->loop), handle, fd);
    handle->data = t;
    e = e ? e : uv_poll_start(handle, UV_READABLE, fn);
    return e ? err_set(eb, ERR_IO, "event loop: %s", uv_strerror(e)) : OK;
}

static enum err trap_open(struct trap *t, struct errbuf *eb)
{
    const struct trap_options *o = t->o;
    enum err e = spool_open(t, eb);
    if (e != OK) {
        return e;
    }
    t->sink = t->loop ? spool_sink_new(t->spool, is_relay, (void *)(uintptr_t)o) : NULL;
    t->beat = t->sink ? timer_new(t->loop, beat, t) : NULL;
    if (!t->beat) {
        return ERR_NOMEM;
    }
    struct server_options server = {
        .loop = t->loop,
        .sink = t->sink,
        .tls = o->tls,
        .listeners = o->listeners,
        .listener_count = o->listener_count,
        .sessions_max = o->sessions_max,
        .sessions_per_client_max = o->sessions_per_client_max,
        .events_fd = o->events_fd,
    };
    e = watch(t, &t->channel, o->channel, channel_ready, eb);
    e = e == OK ? watch(t, &t->completions, spool_writer_fd(t->spool), completions_ready, eb) : e;
    return e == OK ? server_new(&server, &t->server, eb) : e;
}

static void trap_close(struct trap *t)
{
    server_free(t->server);
    timer_free(t->beat);
    if (t->loop) {
        loop_free(t->loop);
    }
    if (t->sink) {
        spool_sink_free(t->sink);
    }
    if (t->spool) {
        spool_writer_close(t->spool);
    }
}

enum err role_trap_run(const struct trap_options *o, struct errbuf *eb)
{
    struct trap t = {.o = o, .loop = loop_new()}; /* opens /dev/null, which the sandbox has not */
    struct sandbox_report report;
    enum err e = sandbox_trap(o->user, o->spool.folder,
                              o->sessions_max + DESCRIPTORS_BESIDES_SESSIONS, &report, eb);
    e = e == OK ? trap_open(&t, eb) : e;
    if (e == OK) {
        role_ready(o->channel, &report);
        beat(&t);
        loop_run(t.loop);
    }
    trap_close(&t);
    return e;
}
