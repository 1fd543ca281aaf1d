/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operational log: one line an event on stderr, "level component message". Never a body, an address
 * of a trap or another secret above debug level. Results go to stdout, not here. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What is printed: `level` and graver. The default is LOG_WARN. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Thread-safe: one write per line. */
void log_line(enum log_level level, const char *component, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
