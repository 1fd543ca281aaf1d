/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One loop over signals and channels. All it keeps of a role is a struct child; a role's end is an
 * event like others, so one crash takes nothing else with it. */
#include "core/clock.h"
#include "core/log.h"
#include "core/strbuf.h"
#include "serve/child.h"
#include "serve/health.h"
#include "serve/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MS = 250, MESSAGES_AT_ONCE = 256 };

static const double HEALTH_SECONDS = 30.0; /* what a kill of the parent leaves unsaid at most */
static const double STATUS_SECONDS = 5.0;
static const double LOG_SECONDS = 60.0;
static const double START_SECONDS = 600.0; /* before READY a role may compile rules that long */

struct parent {
    const struct serve_options *o;
    struct serve_plan plan;
    struct listen_sockets sockets;
    struct child children[ROLE_COUNT];
    struct health health;
    int signals;
    bool is_stopping, was_ready;
    double health_at, status_at, log_at, watchdog_at; /* when next */
    double watchdog_every;                            /* the service manager's; 0: none */
    uint64_t logged[COUNTER_COUNT];
};

static uint64_t total(const struct parent *p, enum counter c)
{
    const struct child *child = &p->children[counter_role(c)];
    bool is_level = c == COUNTER_SESSIONS || c == COUNTER_SPOOL_BYTES || c == COUNTER_SPOOL_FULL;
    return child->counters[c] + (is_level ? 0 : child->past[c]);
}

/* ---- what it says ---- */

static void sockets_say(const struct parent *p)
{
    for (size_t i = 0; i < p->sockets.count; i++) {
        const struct listen_socket *s = &p->sockets.items[i];
        log_info("serve", "event=listening address=%s trap=%s site=%s%s", s->name,
                 p->plan.traps[s->wish].trap, p->plan.traps[s->wish].site,
                 s->is_passed ? " by=service-manager" : "");
    }
}

static void status_say(struct parent *p)
{
    notify_send("STATUS=%" PRIu64 " sessions open, %" PRIu64 " messages kept, %" PRIu64 " analysed",
                total(p, COUNTER_SESSIONS), total(p, COUNTER_MESSAGES), total(p, COUNTER_ANALYSED));
}

static void counters_log(struct parent *p)
{
    struct strbuf line = STRBUF_INIT;
    bool is_changed = false;
    for (int c = 0; c < COUNTER_COUNT; c++) {
        uint64_t n = total(p, (enum counter)c);
        is_changed = is_changed || n != p->logged[c];
        p->logged[c] = n;
        strbuf_printf(&line, " %s=%" PRIu64, counter_name((enum counter)c), n);
    }
    if (is_changed) {
        log_info("serve", "event=counters%s", strbuf_cstr(&line));
    }
    strbuf_free(&line);
}

/* ---- roles ---- */

static void role_start(struct parent *p, struct child *c)
{
    struct errbuf eb = {.text = ""};
    if (child_start(c, p->o, &p->plan, &p->sockets, &eb) != OK) {
        log_error("serve", "role=%s event=not-started: %s", serve_role_name(c->role), eb.text);
        c->restart_at = time_monotonic() + p->plan.restart_seconds;
    }
}

/* To the analyse role: at its start, and when another trap process has begun. */
static void began_tell(const struct parent *p)
{
    const struct child *trap = &p->children[ROLE_TRAP], *analyse = &p->children[ROLE_ANALYSE];
    struct message m = {.type = MESSAGE_TRAP_BEGAN, .began = {trap->started_us}};
    if (trap->is_ready && analyse->is_ready) {
        channel_send(analyse->channel, &m);
    }
}

static void ready_take(struct parent *p, struct child *c, struct message_ready *m)
{
    m->sandbox[sizeof m->sandbox - 1] = '\0';
    c->is_ready = true;
    log_line(m->is_partial && !c->restarts ? LOG_WARN : LOG_INFO, "serve",
             "role=%s event=ready pid=%d sandbox=\"%s\"", serve_role_name(c->role), (int)c->pid,
             m->sandbox);
    if (c->role == ROLE_TRAP) {
        health_begin(&p->health, time_now());
    }
    p->health_at = 0;
    began_tell(p);
    bool all = true;
    for (int r = 0; r < ROLE_COUNT; r++) {
        all = all && p->children[r].is_ready;
    }
    if (all && !p->was_ready) {
        p->was_ready = true;
        log_info("serve", "event=ready %s", p->o->says);
        notify_send("READY=1");
    }
}

static void message_take(struct parent *p, struct child *c, struct message *m)
{
    bool is_trap = c->role == ROLE_TRAP;
    c->heard = time_monotonic();
    switch (m->type) {
    case MESSAGE_READY:
        if (!c->is_ready && !c->is_stopping) {
            ready_take(p, c, &m->ready);
        }
        break;
    case MESSAGE_BEAT:
        for (int i = 0; i < COUNTER_COUNT; i++) {
            if (counter_role((enum counter)i) == c->role) {
                c->counters[i] = m->beat.counters[i];
            }
        }
        if (is_trap && c->is_ready && health_beat(&p->health, c->counters, time_now())) {
            p->health_at = 0; /* told at once */
        }
        break;
    case MESSAGE_LISTENER:
        if (is_trap && c->is_ready) {
            health_count(&p->health, &m->listener, &p->sockets, time_now());
        }
        break;
    case MESSAGE_COVERAGE_STORED:
        if (!is_trap) {
            health_coverage_stored(&p->health, &m->coverage);
        }
        break;
    case MESSAGE_HOUR_STORED:
        if (!is_trap) {
            health_hour_stored(&p->health, &m->hour);
        }
        break;
    default: /* the parent's own: a role does not send them */
        break;
    }
}

static void channel_read(struct parent *p, struct child *c)
{
    struct message m;
    for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
        enum err e = channel_receive(c->channel, &m);
        if (e == ERR_SYNTAX) {
            log_error("serve", "role=%s event=nonsense pid=%d: killed", serve_role_name(c->role),
                      (int)c->pid);
            child_kill(c);
        }
        if (e == ERR_END) { /* it is gone or, by mistake or malice, cannot be spoken to any more */
            child_deaf(c);
        }
        if (e != OK) {
            return;
        }
        message_take(p, c, &m);
    }
}

static void children_reap(struct parent *p)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (int r = 0; r < ROLE_COUNT; r++) {
            struct child *c = &p->children[r];
            if (c->pid != pid) {
                continue;
            }
            if (c->channel >= 0) {
                channel_read(p, c); /* its last words */
            }
            if (r == ROLE_TRAP) {
                health_end(&p->health, time_now(), !c->is_stopping);
                p->health_at = 0;
            }
            child_ended(c, status, &p->plan);
        }
    }
}

/* ---- signals ---- */

static void reload(struct parent *p)
{
    struct serve_plan plan;
    struct listen_sockets sockets;
    struct errbuf eb = {.text = ""};
    notify_send("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, (uint64_t)(time_monotonic() * 1e6));
    if (!p->o->plan(p->o->arg, &plan)) {
        log_error("serve", "event=reload-refused: the configuration in effect stays");
    } else if (listen_open(plan.wishes, plan.count, &p->sockets, &sockets, &eb) != OK) {
        log_error("serve", "event=reload-refused: %s; the configuration in effect stays", eb.text);
    } else {
        health_end(&p->health, time_now(), false);
        listen_close(&p->sockets, &sockets);
        p->sockets = sockets;
        p->plan = plan;
        health_plan(&p->health, &plan);
        sockets_say(p);
        log_info("serve", "event=reload");
        for (int r = 0; r < ROLE_COUNT; r++) {
            child_stop(&p->children[r], plan.drain_seconds);
            p->children[r].restart_at = 0;
            p->children[r].failures = 0;
        }
    }
    notify_send("READY=1");
}

/* The first time politely, the second time at once. */
static void stop(struct parent *p)
{
    for (int r = 0; p->is_stopping && r < ROLE_COUNT; r++) {
        child_kill(&p->children[r]);
    }
    if (!p->is_stopping) {
        p->is_stopping = true;
        log_info("serve", "event=stopping drain=%us", p->plan.drain_seconds);
        notify_send("STOPPING=1");
        health_end(&p->health, time_now(), false);
        p->health_at = 0;
        child_stop(&p->children[ROLE_TRAP], p->plan.drain_seconds);
    }
}

static void signals_read(struct parent *p)
{
    struct signalfd_siginfo s;
    while (read(p->signals, &s, sizeof s) == (ssize_t)sizeof s) {
        switch (s.ssi_signo) {
        case SIGCHLD:
            children_reap(p);
            break;
        case SIGHUP:
            if (!p->is_stopping) {
                reload(p);
            }
            break;
        default:
            stop(p);
        }
    }
}

/* ---- the loop ---- */

static void watch(struct parent *p, double now)
{
    for (int r = 0; r < ROLE_COUNT; r++) {
        struct child *c = &p->children[r];
        double patience = c->is_ready ? p->plan.watchdog_seconds : START_SECONDS;
        if (c->pid && c->is_stopping && now > c->kill_at) {
            log_error("serve", "role=%s event=overdue pid=%d: killed", serve_role_name(c->role),
                      (int)c->pid);
            child_kill(c);
            c->kill_at = now + 1;
        } else if (c->pid && !c->is_stopping && now - c->heard > patience) {
            log_error("serve", "role=%s event=silent pid=%d seconds=%.0f: killed",
                      serve_role_name(c->role), (int)c->pid, now - c->heard);
            child_kill(c);
            c->heard = now;
        } else if (!c->pid && !p->is_stopping && now >= c->restart_at) {
            role_start(p, c);
        }
    }
    /* what the trap kept last is analysed before the analyse role ends */
    if (p->is_stopping && !p->children[ROLE_TRAP].pid) {
        child_stop(&p->children[ROLE_ANALYSE], p->plan.drain_seconds);
    }
}

static bool is_due(double *at, double now, double every)
{
    bool due = every > 0 && now >= *at;
    *at = due ? now + every : *at;
    return due;
}

static void tell(struct parent *p, double now)
{
    struct child *analyse = &p->children[ROLE_ANALYSE];
    if (analyse->is_ready && is_due(&p->health_at, now, HEALTH_SECONDS)) {
        health_send(&p->health, analyse->channel, time_now());
    }
    if (is_due(&p->status_at, now, STATUS_SECONDS)) {
        status_say(p);
    }
    if (is_due(&p->log_at, now, LOG_SECONDS)) {
        counters_log(p);
    }
    if (is_due(&p->watchdog_at, now, p->watchdog_every)) {
        notify_send("WATCHDOG=1");
    }
}

static bool is_running(const struct parent *p)
{
    bool any = !p->is_stopping;
    for (int r = 0; r < ROLE_COUNT; r++) {
        any = any || p->children[r].pid;
    }
    return any;
}

static void loop(struct parent *p)
{
    while (is_running(p)) {
        struct pollfd fds[ROLE_COUNT + 1];
        double now = time_monotonic();
        watch(p, now);
        tell(p, now);
        for (int r = 0; r < ROLE_COUNT; r++) {
            fds[r] = (struct pollfd){p->children[r].channel, POLLIN, 0};
        }
        fds[ROLE_COUNT] = (struct pollfd){p->signals, POLLIN, 0};
        poll(fds, ROLE_COUNT + 1, POLL_MS);
        for (int r = 0; r < ROLE_COUNT; r++) {
            if (fds[r].revents) {
                channel_read(p, &p->children[r]);
            }
        }
        if (fds[ROLE_COUNT].revents) {
            signals_read(p);
        }
    }
    counters_log(p);
    log_info("serve", "event=stopped");
}

static enum err signals_open(int *fd, struct errbuf *eb)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    *fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return *fd >= 0 ? OK : err_set(eb, ERR_IO, "signalfd: %s", strerror(errno));
}

enum err serve_run(const struct serve_options *o, struct errbuf *eb)
{
    static struct parent p; /* one a process; a quarter of it would be much of a stack */
    p = (struct parent){.o = o, .watchdog_every = notify_watchdog_seconds() / 2};
    for (int r = 0; r < ROLE_COUNT; r++) {
        p.children[r] = (struct child){.role = (enum serve_role)r, .channel = -1};
    }
    if (!o->plan(o->arg, &p.plan)) {
        return err_set(eb, ERR_CONFIG, "nothing is started");
    }
    enum err e = signals_open(&p.signals, eb);
    e = e == OK ? listen_open(p.plan.wishes, p.plan.count, NULL, &p.sockets, eb) : e;
    if (e == OK) {
        health_plan(&p.health, &p.plan);
        sockets_say(&p);
        loop(&p);
        listen_close(&p.sockets, NULL);
        close(p.signals);
    }
    return e;
}
