/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/notify.h"

#include "core/slice.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_send(const char *fmt, ...)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char text[512];
    va_list ap;
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof to.sun_path || (*path != '/' && *path != '@')) {
        return;
    }
    memcpy(to.sun_path, path, n);
    to.sun_path[0] = *path == '@' ? '\0' : '/'; /* @: an abstract name */
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
        close(fd);
    }
}

double notify_watchdog_seconds(void)
{
    const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t us, of;
    bool is_ours = !pid || (slice_to_u64(slice_cstr(pid), &of) && of == (uint64_t)getpid());
    return text && is_ours && slice_to_u64(slice_cstr(text), &us) ? (double)us / 1e6 : 0.0;
}
