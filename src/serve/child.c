/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/child.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/strbuf.h"
#include "net/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 32, DESCRIPTORS_MAX = ROLE_FD_SOCKETS + LIMIT_LISTENERS };

static const double RESTART_SECONDS = 0.1; /* after one failure; doubled by each that follows */
static const double SETTLED_SECONDS = 5.0; /* who lived that long does not fail at its start */
static const double FORCE_SECONDS = 5.0;   /* more than the grace, for the disk */

/* The configuration as a file that only descriptors lead to; the role opens it as /dev/fd/4. */
static int config_file(struct slice text)
{
    int fd = memfd_create("spamgauge.yaml", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, text.p, text.n) != (ssize_t)text.n) {
        close(fd);
        return -1;
    }
    return fd;
}

/* In the new process: puts the descriptors where the role looks for them and closes all others.
 * They are first copied past the places, so that none overwrites another. */
static bool descriptors_place(const int *fds, size_t n)
{
    int copies[DESCRIPTORS_MAX];
    for (size_t i = 0; i < n; i++) {
        copies[i] = fcntl(fds[i], F_DUPFD, ROLE_FD_CHANNEL + DESCRIPTORS_MAX);
        if (copies[i] < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (dup2(copies[i], ROLE_FD_CHANNEL + (int)i) < 0) { /* without close-on-exec */
            return false;
        }
    }
    return close_range((unsigned)ROLE_FD_CHANNEL + (unsigned)n, ~0U, 0) == 0;
}

static void child_exec(const char *role, const char *sockets, const char *const *more,
                       const int *fds, size_t n)
{
    char config[32];
    const char *argv[ARGUMENTS_MAX] = {"spamgauge", "--role", role};
    size_t count = 3;
    sigset_t none;
    snprintf(config, sizeof config, "/dev/fd/%d", ROLE_FD_CONFIG);
    argv[count++] = "--config";
    argv[count++] = config;
    if (*sockets) {
        argv[count++] = "--sockets";
        argv[count++] = sockets;
    }
    for (; *more && count < ARGUMENTS_MAX - 1; more++) {
        argv[count++] = *more;
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (descriptors_place(fds, n)) {
        execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    }
    static const char FAILED[] = "error: serve: a role cannot be executed\n";
    if (write(STDERR_FILENO, FAILED, sizeof FAILED - 1) < 0) {
        /* nowhere left to say it */
    }
    _exit(127);
}

enum err child_start(struct child *c, const struct serve_options *o, const struct serve_plan *p,
                     const struct listen_sockets *sockets, struct errbuf *eb)
{
    int ends[2], fds[DESCRIPTORS_MAX];
    size_t n = 2;
    struct strbuf numbers = STRBUF_INIT;
    int config = config_file(p->config);
    if (config < 0) {
        return err_set(eb, ERR_IO, "memfd: %s", strerror(errno));
    }
    enum err e = channel_open(ends, eb);
    if (e != OK) {
        close(config);
        return e;
    }
    fds[0] = ends[1];
    fds[1] = config;
    for (size_t i = 0; c->role == ROLE_TRAP && i < sockets->count; i++) {
        fds[n++] = sockets->items[i].fd;
        strbuf_printf(&numbers, "%s%u", i ? "," : "", sockets->items[i].wish);
    }
    pid_t pid = fork();
    if (pid == 0) {
        child_exec(serve_role_name(c->role), strbuf_cstr(&numbers), o->role_arguments, fds, n);
    }
    close(ends[1]);
    close(config);
    strbuf_free(&numbers);
    if (pid < 0) {
        close(ends[0]);
        return err_set(eb, ERR_IO, "fork: %s", strerror(errno));
    }
    c->pid = pid;
    c->channel = ends[0];
    c->is_ready = c->is_stopping = false;
    c->started = c->heard = time_monotonic();
    c->started_us = loop_wall_us();
    memset(c->counters, 0, sizeof c->counters);
    log_info("serve", "role=%s event=started pid=%d", serve_role_name(c->role), (int)pid);
    return OK;
}

void child_stop(struct child *c, unsigned grace_seconds)
{
    struct message m = {.type = MESSAGE_STOP, .stop = {grace_seconds * 1000}};
    if (c->pid && !c->is_stopping) {
        c->is_stopping = true;
        c->kill_at = time_monotonic() + grace_seconds + FORCE_SECONDS;
        if (channel_send(c->channel, &m) != OK) {
            child_kill(c);
        }
    }
}

void child_kill(struct child *c)
{
    if (c->pid) {
        kill(c->pid, SIGKILL);
    }
}

void child_deaf(struct child *c)
{
    close(c->channel);
    c->channel = -1;
    if (!c->is_stopping) { /* else it has until kill_at */
        child_kill(c);
    }
}

static void end_say(const struct child *c, int status)
{
    const char *role = serve_role_name(c->role);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
        log_error("serve",
                  "role=%s event=violation pid=%d: it made a system call that its role "
                  "never makes, and was killed; the kernel's audit log names the call",
                  role, (int)c->pid);
    } else if (WIFSIGNALED(status)) {
        log_error("serve", "role=%s event=killed pid=%d signal=%d", role, (int)c->pid,
                  WTERMSIG(status));
    } else if (!c->is_stopping || WEXITSTATUS(status)) {
        log_error("serve", "role=%s event=exited pid=%d status=%d", role, (int)c->pid,
                  WEXITSTATUS(status));
    } else {
        log_info("serve", "role=%s event=stopped pid=%d", role, (int)c->pid);
    }
}

void child_ended(struct child *c, int status, const struct serve_plan *p)
{
    double now = time_monotonic();
    end_say(c, status);
    for (int i = 0; i < COUNTER_COUNT; i++) {
        c->past[i] += c->counters[i];
        c->counters[i] = 0;
    }
    c->failures =
        c->is_stopping || (c->is_ready && now - c->started > SETTLED_SECONDS) ? 0 : c->failures + 1;
    double wait = c->is_stopping ? 0.0 : RESTART_SECONDS;
    for (unsigned i = 1; i < c->failures && wait < p->restart_seconds; i++) {
        wait *= 2;
    }
    c->restart_at = now + (wait < p->restart_seconds ? wait : p->restart_seconds);
    c->restarts += !c->is_stopping;
    if (c->channel >= 0) {
        close(c->channel);
    }
    c->channel = -1;
    c->pid = 0;
    c->is_ready = false;
}
