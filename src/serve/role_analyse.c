/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One thread owns store and channel. It comes by here between transactions: the feed's wait and the
 * pipeline's progress are where beats are sent and the parent is heard. */
#include "serve/role_analyse.h"

#include "core/limits.h"
#include "core/log.h"
#include "core/path.h"
#include "serve/channel.h"
#include "serve/role.h"
#include "store/trap.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 20, HOURS_REMEMBERED = 1024 /* more than the parent has on its way */ };

static const double BEAT_SECONDS = 1.0;
static const double RETAIN_SECONDS = 3600.0;
static const double OPEN_SECONDS_MOST = 60.0; /* a store that is locked when the role starts */

struct known { /* an interval put as open by this process */
    char trap[TRAP_NAME_BYTES];
    int64_t from; /* 0: none */
};

struct analyse {
    const struct analyse_options *o;
    struct store *store;
    volatile bool is_stopping;
    volatile int64_t over_us; /* the trap process of today began then */
    double stop_at;           /* a backlog is left to the next start then; 0: no end yet */
    double beat_at, retain_at;
    struct message_beat counters;
    struct known known[LIMIT_LISTENERS];
    size_t known_count;
    uint32_t hours[HOURS_REMEMBERED]; /* serials of the last ones stored */
    size_t hour_next;
};

/* ---- health ---- */

/* Where the trap's open interval is noted; NULL when there is no room. */
static struct known *known_find(struct analyse *a, const char *trap)
{
    for (size_t i = 0; i < a->known_count; i++) {
        if (strcmp(a->known[i].trap, trap) == 0) {
            return &a->known[i];
        }
    }
    if (a->known_count == LIMIT_LISTENERS) {
        return NULL;
    }
    struct known *k = &a->known[a->known_count++];
    *k = (struct known){.from = 0};
    snprintf(k->trap, sizeof k->trap, "%s", trap);
    return k;
}

/* An interval is put without an end, then it is seen or ended. One that has ended may be told again
 * after a later one has begun, and overrules that: so the later one, told next, is put again. */
static enum err coverage_store(struct analyse *a, const struct message_coverage *m,
                               struct errbuf *eb)
{
    struct slice trap = slice_cstr(m->trap);
    struct known *known = known_find(a, m->trap);
    struct coverage c = {
        .trap = trap,
        .since = m->from,
        .until = INT64_MAX,
        .state = m->is_degraded ? COVERAGE_DEGRADED : COVERAGE_UP,
        .source = COVERAGE_SERVER,
        .part = m->is_degraded ? m->part : (double)NAN,
        .note = m->had_no_room   ? S("the spool had no room: mail was refused")
                : m->is_degraded ? S("the spool could not be written: mail was refused")
                : m->is_crash    ? S("ended by a crash")
                                 : S(""),
    };
    if (m->until <= m->from) {
        return OK; /* up for less than a second, so far: nothing to say */
    }
    enum err e = store_trap_put(a->store, trap, slice_cstr(m->site), eb);
    bool is_put = m->is_open && known && known->from == m->from && !m->is_degraded;
    if (e == OK && !is_put) { /* the part that is kept changes: it is put anew */
        e = store_coverage_put(a->store, &c, eb);
    }
    if (e == OK) {
        e = m->is_open ? store_coverage_seen(a->store, trap, COVERAGE_SERVER, m->until, eb)
                       : store_coverage_end(a->store, trap, COVERAGE_SERVER, m->until, eb);
    }
    if (known) {
        known->from = e == OK && m->is_open ? m->from : 0;
    }
    return e;
}

struct hour_sum {
    struct trap_hour *to;
    const struct message_hour *m;
};

static void hour_add(void *arg, const struct trap_hour *have)
{
    struct hour_sum *sum = arg;
    if (have->hour == sum->m->hour) {
        sum->to->connections += have->connections;
        sum->to->accepted += have->accepted;
        sum->to->refused += have->refused;
    }
}

/* Was it stored already? It is sent until the parent has heard so. */
static bool hour_is_stored(const struct analyse *a, uint32_t serial)
{
    for (size_t i = 0; i < HOURS_REMEMBERED; i++) {
        if (a->hours[i] == serial) {
            return true;
        }
    }
    return false;
}

static enum err hour_store(struct analyse *a, const struct message_hour *m, struct errbuf *eb)
{
    if (hour_is_stored(a, m->serial)) {
        return OK;
    }
    struct trap_hour hour = {.trap = slice_cstr(m->trap),
                             .hour = m->hour,
                             .connections = m->refused,
                             .refused = m->refused};
    struct store_filter filter = {
        .since = m->hour, .until = m->hour + 3600, .trap = slice_cstr(m->trap)};
    struct hour_sum sum = {&hour, m};
    enum err e = store_trap_hours_list(a->store, &filter, hour_add, &sum, eb);
    e = e == OK ? store_trap_hours_put(a->store, &hour, 1, eb) : e;
    if (e == OK) {
        a->hours[a->hour_next++ % HOURS_REMEMBERED] = m->serial;
    }
    return e;
}

/* ---- the parent ---- */

static void stop(struct analyse *a, double grace)
{
    if (a->stop_at <= 0) {
        a->stop_at = time_monotonic() + grace;
    }
}

static void message_take(struct analyse *a, struct message *m)
{
    struct errbuf eb = {.text = ""};
    enum err e = OK;
    switch (m->type) {
    case MESSAGE_COVERAGE:
        e = coverage_store(a, &m->coverage, &eb);
        m->type = MESSAGE_COVERAGE_STORED;
        break;
    case MESSAGE_HOUR:
        e = hour_store(a, &m->hour, &eb);
        m->type = MESSAGE_HOUR_STORED;
        break;
    case MESSAGE_TRAP_BEGAN:
        a->over_us = m->began.at_us;
        return;
    case MESSAGE_STOP:
        stop(a, m->stop.grace_ms / 1000.0);
        return;
    default:
        return;
    }
    if (e == OK) {
        channel_send(a->o->channel, m);
    } else { /* it comes again */
        log_warn("analyse", "event=health-not-stored: %s", eb.text[0] ? eb.text : err_text(e));
    }
}

static void channel_read(struct analyse *a)
{
    struct message m;
    enum err e;
    while ((e = channel_receive(a->o->channel, &m)) == OK) {
        message_take(a, &m);
    }
    if (e == ERR_END && a->stop_at <= 0) {
        log_warn("analyse", "event=orphaned: the parent is gone");
        stop(a, 0);
    }
}

static void retain(struct analyse *a)
{
    struct errbuf eb = {.text = ""};
    uint64_t deleted = 0;
    unsigned days = a->o->retain_days;
    int64_t before = days ? time_now() - (int64_t)days * SECONDS_PER_DAY : INT64_MIN;
    if (store_retain(a->store, before, a->o->retain_bytes, &deleted, &eb) != OK) {
        log_warn("analyse", "event=retention-failed: %s", eb.text);
    } else if (deleted) {
        log_info("analyse", "event=retention rows=%llu", (unsigned long long)deleted);
    }
}

/* Between two transactions. */
static void turn(struct analyse *a)
{
    double now = time_monotonic();
    channel_read(a);
    if (now >= a->beat_at) {
        struct message m = {.type = MESSAGE_BEAT, .beat = a->counters};
        a->beat_at = now + BEAT_SECONDS;
        channel_send(a->o->channel, &m);
    }
    if (a->stop_at > 0) {
        a->is_stopping = a->is_stopping || now >= a->stop_at;
    } else if (now >= a->retain_at) {
        a->retain_at = now + RETAIN_SECONDS;
        retain(a);
    }
}

static void progress(void *arg, const struct pipeline_progress *p)
{
    struct analyse *a = arg;
    uint64_t *n = a->counters.counters;
    n[COUNTER_ANALYSED] = p->added + p->repeated;
    n[COUNTER_REPEATED] = p->repeated;
    n[COUNTER_FAILED] = p->failed;
    turn(a);
}

/* The spool has nothing for now: then there is no backlog to finish before the end either. */
static void idle(void *arg)
{
    struct analyse *a = arg;
    struct pollfd fd = {a->o->channel, POLLIN, 0};
    turn(a);
    if (a->stop_at > 0) {
        a->is_stopping = true;
    } else {
        poll(&fd, 1, WAIT_MS);
    }
}

/* ---- set up ---- */

/* Another writer may hold the store, such as an import; the parent hears that we are alive. */
static enum err store_wait(struct analyse *a, struct errbuf *eb)
{
    double until = time_monotonic() + OPEN_SECONDS_MOST;
    enum err e;
    do {
        e = store_open(&a->o->store, &a->store, eb);
        turn(a);
    } while (e == ERR_BUSY && time_monotonic() < until && a->stop_at <= 0);
    return e;
}

enum err role_analyse_run(const struct analyse_options *o, struct errbuf *eb)
{
    struct analyse a = {.o = o, .retain_at = INFINITY};
    struct sandbox_report report;
    struct pipeline_progress done;
    char folder[4096], analysed[4096];
    path_folder(o->store.path, folder, sizeof folder);
    snprintf(analysed, sizeof analysed, "%s/analysed", o->spool);
    const struct sandbox_path paths[] = {
        {folder, SANDBOX_WRITE}, {o->spool, SANDBOX_READ}, {analysed, SANDBOX_WRITE}};
    struct pipeline_options pipeline = o->pipeline;
    pipeline.stop = &a.is_stopping;
    pipeline.on_progress = progress;
    pipeline.arg = &a;
    enum err e = sandbox_analyse(o->user, paths, sizeof paths / sizeof *paths, &report, eb);
    e = e == OK ? store_wait(&a, eb) : e;
    if (e == OK) {
        struct spool_feed_options feed = {
            .folder = o->spool,
            .store = a.store,
            .geo = pipeline.analyse.geo,
            .recipient_key = pipeline.analyse.recipient_key,
            .over_us = &a.over_us,
            .wait = idle,
            .arg = &a,
        };
        role_ready(o->channel, &report);
        a.retain_at = time_monotonic();
        pipeline.clustering = clustering_new(a.store);
        e = pipeline.clustering ? spool_follow(&pipeline, &feed, &done, eb) : ERR_NOMEM;
        e = e == OK ? clustering_finish(pipeline.clustering, time_now(), eb) : e;
        clustering_free(pipeline.clustering);
    }
    a.beat_at = 0; /* the counters to the end */
    turn(&a);
    store_close(a.store);
    return e;
}
