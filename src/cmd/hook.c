/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/hook.h"

#include "core/clock.h"
#include "core/strbuf.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VALUE_BYTES = 1000, TRIES = 4, GRACE_SECONDS = 2, TICK_MS = 20, ANSWER_BYTES_MAX = 65536 };

static void variable_set(const struct hook_variable *v)
{
    char text[VALUE_BYTES + 1];
    size_t n = v->value.n < VALUE_BYTES ? v->value.n : VALUE_BYTES;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)v->value.p[i];
        text[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    text[n] = '\0';
    setenv(v->name, text, 1);
}

static _Noreturn void child_run(const char *program, int in, const struct hook_variable *variables,
                                size_t count)
{
    char *const argv[] = {(char *)(uintptr_t)program, NULL};
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    setpgid(0, 0);
    for (size_t i = 0; i < count; i++) {
        variable_set(&variables[i]);
    }
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0) {
        execv(program, argv);
    }
    dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

static void tick(void)
{
    struct timespec t = {.tv_nsec = TICK_MS * 1000000L};
    nanosleep(&t, NULL);
}

/* Feeds the child and waits for it; *status as waitpid gives it. False when its time was over. */
static bool child_wait(pid_t pid, int to, struct slice body, unsigned seconds, int *status)
{
    double end = time_monotonic() + seconds;
    bool is_over = false;
    size_t sent = 0;
    fcntl(to, F_SETFL, O_NONBLOCK);
    for (;;) {
        ssize_t n = to >= 0 && sent < body.n ? write(to, body.p + sent, body.n - sent) : 0;
        sent += n > 0 ? (size_t)n : 0;
        bool is_closed = n < 0 && errno != EAGAIN && errno != EINTR;
        if (to >= 0 && (sent == body.n || is_closed)) {
            close(to);
            to = -1;
        }
        if (waitpid(pid, status, WNOHANG) == pid) {
            break;
        }
        double now = time_monotonic();
        if (now > end) {
            kill(-pid, is_over ? SIGKILL : SIGTERM);
            is_over = true;
            end = now + GRACE_SECONDS;
        }
        tick();
    }
    if (to >= 0) {
        close(to);
    }
    return !is_over;
}

enum err hook_exec(const char *program, const struct hook_variable *variables, size_t count,
                   struct slice body, unsigned seconds, struct errbuf *eb)
{
    int fds[2], status = 0;
    if (pipe2(fds, O_CLOEXEC) < 0) {
        return err_set(eb, ERR_IO, "%s: %s", program, strerror(errno));
    }
    pid_t pid = fork();
    if (pid == 0) {
        child_run(program, fds[0], variables, count);
    }
    close(fds[0]);
    if (pid < 0) {
        close(fds[1]);
        return err_set(eb, ERR_IO, "%s: %s", program, strerror(errno));
    }
    setpgid(pid, pid); /* both sides do it: whoever comes first */
    if (!child_wait(pid, fds[1], body, seconds, &status)) {
        return err_set(eb, ERR_IO, "%s: stopped after %u seconds", program, seconds);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return OK;
    }
    return WIFEXITED(status)
               ? err_set(eb, ERR_IO, "%s: exit status %d", program, WEXITSTATUS(status))
               : err_set(eb, ERR_IO, "%s: killed by signal %d", program, WTERMSIG(status));
}

/* ---- webhook ---- */

bool hook_url_check(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

/* The answer's body is of no interest; one without end ends the transfer. */
static size_t answer_drop(char *p, size_t size, size_t n, void *arg)
{
    size_t *total = arg;
    (void)p;
    *total += size * n;
    return *total > ANSWER_BYTES_MAX ? 0 : size * n;
}

static CURLcode post_once(CURL *curl, long *code, char *detail)
{
    size_t total = 0;
    *code = 0;
    detail[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &total);
    CURLcode e = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, code);
    return e;
}

static void wait_seconds(unsigned seconds, const volatile sig_atomic_t *stop)
{
    double end = time_monotonic() + seconds;
    while (!*stop && time_monotonic() < end) {
        tick();
    }
}

static CURL *curl_make(const char *url, struct slice body, unsigned seconds,
                       struct curl_slist *headers, char *detail)
{
    CURL *curl = curl_easy_init();
    if (curl) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)seconds);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)seconds);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.n);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p);
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "spamgauge/" SPAMGAUGE_VERSION);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_drop);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    }
    return curl;
}

enum err hook_post(const char *url, struct slice body, unsigned seconds,
                   const volatile sig_atomic_t *stop, struct errbuf *eb)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = curl_make(url, body, seconds, headers, detail);
    enum err e = ERR_IO;
    if (!curl) {
        curl_slist_free_all(headers);
        return err_set(eb, ERR_NOMEM, "webhook: out of memory");
    }
    for (unsigned i = 0; i < TRIES && !*stop; i++) {
        long code;
        CURLcode c = post_once(curl, &code, detail);
        if (c == CURLE_OK && code >= 200 && code < 300) {
            e = OK;
            break;
        }
        if (c == CURLE_OK) {
            (void)err_set(eb, ERR_IO, "webhook: the answer was %ld", code);
        } else {
            (void)err_set(eb, ERR_IO, "webhook: %s", detail[0] ? detail : curl_easy_strerror(c));
        }
        if (c == CURLE_OK && code != 408 && code != 429 && code < 500) {
            break; /* it will not be better next time */
        }
        if (i + 1 < TRIES) {
            wait_seconds(1u << i, stop);
        }
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return e;
}
