/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static enum log_level threshold = LOG_WARN;

void log_set_level(enum log_level level)
{
    threshold = level;
}

enum log_level log_get_level(void)
{
    return threshold;
}

void log_line(enum log_level level, const char *component, const char *fmt, ...)
{
    static const char *const NAMES[] = {"error", "warning", "info", "debug"};
    char line[1024];
    int saved = errno;
    if (level > threshold) {
        return;
    }
    int n = snprintf(line, sizeof line, "%s: %s: ", NAMES[level], component);
    va_list ap;
    va_start(ap, fmt);
    n += vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
    va_end(ap);
    size_t length = (size_t)n < sizeof line - 1 ? (size_t)n : sizeof line - 2;
    for (size_t i = 0; i < length; i++) { /* what a client said can not steer a terminal */
        line[i] = (unsigned char)line[i] < ' ' || line[i] == 0x7f ? '?' : line[i];
    }
    line[length] = '\n';
    if (write(STDERR_FILENO, line, length + 1) < 0) {
        /* nowhere left to say it */
    }
    errno = saved;
}
