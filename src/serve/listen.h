/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listening sockets: bound by the parent, or passed by a service manager (sd_listen_fds(3)). */
#ifndef SERVE_LISTEN_H
#define SERVE_LISTEN_H

#include "core/err.h"
#include "core/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listen_wish {
    const char *address; /* "192.0.2.1", "::", "systemd:NAME" */
    uint16_t port;
};

struct listen_socket {
    int fd;
    unsigned wish;  /* which it fulfils */
    char name[80];  /* "127.0.0.1:2525", "[::1]:25" */
    uint16_t asked; /* the wish's port; 0: the system chose */
    bool is_passed; /* by the service manager */
};

struct listen_sockets {
    struct listen_socket items[LIMIT_LISTENERS];
    size_t count;
};

/* "systemd:NAME", an IPv4 or an IPv6 address. */
bool listen_address_is_valid(const char *address);

/* Fulfils all wishes or none. A socket of `old` (may be NULL) that fulfils one is taken over:
 * nothing is refused in between. A port in use is tried again for two seconds: the former process
 * may be on its way out. ERR_IO, ERR_CONFIG (no socket of that name), ERR_LIMIT. */
enum err listen_open(const struct listen_wish *wishes, size_t n, const struct listen_sockets *old,
                     struct listen_sockets *out, struct errbuf *eb) MUST_USE;

/* Closes what `but` (may be NULL) does not have too. Passed sockets stay: there is no second
 * chance. */
void listen_close(struct listen_sockets *s, const struct listen_sockets *but);

/* Was any socket passed to this process? */
bool listen_is_activated(void);

#endif
