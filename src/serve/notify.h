/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service manager's notification socket (sd_notify(3)): READY, RELOADING, STOPPING, STATUS,
 * WATCHDOG. Does nothing without one. */
#ifndef SERVE_NOTIFY_H
#define SERVE_NOTIFY_H

#include "core/err.h"

/* "READY=1\nSTATUS=..." (printf). Reads $NOTIFY_SOCKET. */
void notify_send(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Seconds between two WATCHDOG=1 that the manager wants at most; 0: none. Half of it is right. */
double notify_watchdog_seconds(void);

#endif
