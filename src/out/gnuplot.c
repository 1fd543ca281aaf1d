/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/gnuplot.h"

#include "core/clock.h"
#include "core/strbuf.h"
#include "out/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { SAID_BYTES = 400, POLL_NS = 5 * 1000 * 1000 };

/* The environment without what changes gnuplot's output. Strings are borrowed. */
static char **environment_new(void)
{
    static const char *const DROPPED[] = {"LC_", "LANG", "LANGUAGE", "GNUTERM", "GNUPLOT"};
    static char locale[] = "LC_ALL=C.UTF-8";
    size_t n = 0;
    while (environ && environ[n]) {
        n++;
    }
    char **env = calloc(n + 2, sizeof *env);
    size_t kept = 0;
    for (size_t i = 0; env && i < n; i++) {
        bool is_dropped = false;
        for (size_t k = 0; k < sizeof DROPPED / sizeof *DROPPED; k++) {
            is_dropped |= strncmp(environ[i], DROPPED[k], strlen(DROPPED[k])) == 0;
        }
        if (!is_dropped) {
            env[kept++] = environ[i];
        }
    }
    if (env) {
        env[kept] = locale;
    }
    return env;
}

static bool fd_write(int fd, struct slice s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        s = slice_sub(s, (size_t)n, SIZE_MAX);
    }
    return true;
}

/* Files instead of pipes: nothing can block, whatever the child reads or says. */
static enum err child_start(const char *program, int in, int out, int said, pid_t *pid,
                            struct errbuf *eb)
{
    posix_spawn_file_actions_t actions;
    char flag[] = "-d"; /* no start-up files (gnuplot 5) */
    char stdin_name[] = "-";
    char *name = strdup(program);
    char *argv[] = {name, flag, stdin_name, NULL};
    char **env = environment_new();
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed || !name || !env) {
        free(name);
        free(env);
        return err_set(eb, ERR_NOMEM, "gnuplot: out of memory");
    }
    failed = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
    failed = failed ? failed : posix_spawnp(pid, program, &actions, NULL, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    free(name);
    free(env);
    if (failed == ENOENT || failed == EACCES) {
        return err_set(eb, ERR_NOTFOUND,
                       "'%s' cannot be run (%s): charts need gnuplot (Debian: gnuplot-nox)",
                       program, strerror(failed));
    }
    return failed ? err_set(eb, ERR_IO, "%s: %s", program, strerror(failed)) : OK;
}

/* ERR_CANCELLED when the time is over and the child was killed. */
static enum err child_wait(pid_t pid, unsigned seconds_max, int *status)
{
    double end = time_monotonic() + seconds_max;
    for (;;) {
        pid_t done = waitpid(pid, status, WNOHANG);
        if (done == pid) {
            return OK;
        }
        if (done < 0 && errno != EINTR) {
            return ERR_IO;
        }
        if (time_monotonic() >= end) {
            kill(pid, SIGKILL);
            while (waitpid(pid, status, 0) < 0 && errno == EINTR) {
            }
            return ERR_CANCELLED;
        }
        nanosleep(&(struct timespec){0, POLL_NS}, NULL);
    }
}

/* The first words of what it said, on one line. */
static void said_read(int fd, struct strbuf *out)
{
    char text[SAID_BYTES];
    ssize_t n = pread(fd, text, sizeof text, 0);
    struct slice s = slice_trim(slice_of(text, n > 0 ? (size_t)n : 0));
    bool is_space = false;
    struct strbuf line = STRBUF_INIT;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_space(s.p[i]) || !is_space) {
            strbuf_add_byte(&line, ascii_is_space(s.p[i]) ? ' ' : s.p[i]);
        }
        is_space = ascii_is_space(s.p[i]);
    }
    escape_terminal(out, line.n ? strbuf_slice(&line) : S("it said nothing"), true);
    strbuf_free(&line);
}

enum err gnuplot_run(const char *program, struct slice script, int out_fd, unsigned seconds_max,
                     struct errbuf *eb)
{
    pid_t pid;
    int status = 0;
    struct strbuf said = STRBUF_INIT;
    int in = memfd_create("gnuplot-script", MFD_CLOEXEC);
    int words = memfd_create("gnuplot-said", MFD_CLOEXEC);
    enum err e = OK;
    if (in < 0 || words < 0 || !fd_write(in, script) || lseek(in, 0, SEEK_SET) != 0) {
        e = err_set(eb, ERR_IO, "gnuplot: %s", strerror(errno));
        goto done;
    }
    e = child_start(program, in, out_fd, words, &pid, eb);
    if (e) {
        goto done;
    }
    e = child_wait(pid, seconds_max, &status);
    said_read(words, &said);
    if (e == ERR_CANCELLED) {
        e = err_set(eb, ERR_IO, "%s was stopped after %u seconds", program, seconds_max);
    } else if (e) {
        e = err_set(eb, ERR_IO, "%s: %s", program, strerror(errno));
    } else if (WIFSIGNALED(status)) {
        e = err_set(eb, ERR_IO, "%s was ended by signal %d: %s", program, WTERMSIG(status),
                    strbuf_cstr(&said));
    } else if (WEXITSTATUS(status) != 0) {
        e = err_set(eb, ERR_IO, "%s ended with status %d: %s", program, WEXITSTATUS(status),
                    strbuf_cstr(&said));
    }
done:
    if (in >= 0) {
        close(in);
    }
    if (words >= 0) {
        close(words);
    }
    strbuf_free(&said);
    return e;
}
