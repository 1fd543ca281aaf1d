/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an operator wants done with an alarm: a program of his, a POST to an address of his. Text of
 * alarms may come from spammers: it goes to the program as JSON on standard input and as
 * environment variables without control characters, never through a shell. */
#ifndef CMD_HOOK_H
#define CMD_HOOK_H

#include "core/err.h"
#include "core/slice.h"

#include <signal.h>

struct hook_variable {
    const char *name;   /* "SPAMGAUGE_ALARM_VALUE" */
    struct slice value; /* control characters become '?'; cut to 1,000 bytes */
};

/* Runs the program (a path, no arguments; in a process group of its own) with `body` on its
 * standard input and its output on our standard error. After `seconds` the group gets SIGTERM, two
 * seconds later SIGKILL. OK when it exits with status 0; ERR_IO otherwise, with what happened. */
enum err hook_exec(const char *program, const struct hook_variable *variables, size_t count,
                   struct slice body, unsigned seconds, struct errbuf *eb) MUST_USE;

/* POSTs `body` as application/json to the address (http or https only; no redirect is followed).
 * Tries 4 times, waiting 1, 2 and 4 seconds, when the connection fails or the answer is 408, 429
 * or 5xx; each try takes at most `seconds`. *stop ends the waiting. OK for an answer of 2xx;
 * ERR_IO. */
enum err hook_post(const char *url, struct slice body, unsigned seconds,
                   const volatile sig_atomic_t *stop, struct errbuf *eb) MUST_USE;
/* Is it an http or https address? */
bool hook_url_check(const char *url);

#endif
