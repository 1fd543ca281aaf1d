/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/listen.h"

#include "core/ip.h"
#include "core/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PASSED_FIRST = 3, TRIES = 20, TRY_MS = 100 };
static const char SYSTEMD[] = "systemd:";

static unsigned passed_count(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    uint64_t of, n;
    bool is_ours = pid && count && slice_to_u64(slice_cstr(pid), &of) && of == (uint64_t)getpid();
    return is_ours && slice_to_u64(slice_cstr(count), &n) && n <= LIMIT_LISTENERS ? (unsigned)n : 0;
}

bool listen_is_activated(void)
{
    return passed_count() > 0;
}

bool listen_address_is_valid(const char *address)
{
    struct ip ip;
    return ip_parse(slice_cstr(address), &ip) ||
           (strncmp(address, SYSTEMD, sizeof SYSTEMD - 1) == 0 && address[sizeof SYSTEMD - 1]);
}

/* The name of the i-th passed socket; "" when it has none. */
static struct slice passed_name(unsigned i)
{
    const char *names = getenv("LISTEN_FDNAMES");
    struct slice rest = slice_cstr(names ? names : ""), name = slice_cut(&rest, ':');
    for (; i > 0; i--) {
        name = slice_cut(&rest, ':');
    }
    return name;
}

static void socket_name(struct listen_socket *s)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    char text[IP_TEXT_BYTES];
    struct ip ip = {{0}};
    uint16_t port = 0;
    getsockname(s->fd, (struct sockaddr *)&a, &n);
    if (a.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &a, sizeof v4);
        ip = ip_from_v4(ntohl(v4.sin_addr.s_addr));
        port = ntohs(v4.sin_port);
    } else if (a.ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, &a, sizeof v6);
        memcpy(ip.b, &v6.sin6_addr, sizeof ip.b);
        port = ntohs(v6.sin6_port);
    }
    ip_text(ip, text);
    snprintf(s->name, sizeof s->name, a.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

static enum err socket_add(struct listen_sockets *out, int fd, unsigned wish, bool is_passed,
                           struct errbuf *eb)
{
    if (out->count == LIMIT_LISTENERS) {
        return err_set(eb, ERR_LIMIT, "more than %d listening sockets", LIMIT_LISTENERS);
    }
    struct listen_socket *s = &out->items[out->count++];
    *s = (struct listen_socket){.fd = fd, .wish = wish, .is_passed = is_passed};
    socket_name(s);
    return OK;
}

static enum err passed_take(const char *name, unsigned wish, struct listen_sockets *out,
                            struct errbuf *eb)
{
    unsigned found = 0;
    for (unsigned i = 0; i < passed_count(); i++) {
        int fd = PASSED_FIRST + (int)i, is_listening = 0;
        socklen_t n = sizeof is_listening;
        if (strcmp(name, "*") != 0 && !slice_eq(passed_name(i), slice_cstr(name))) {
            continue;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &n) != 0 || !is_listening) {
            return err_set(eb, ERR_CONFIG, "the socket passed as %s does not listen for streams",
                           name);
        }
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        enum err e = socket_add(out, fd, wish, true, eb);
        if (e != OK) {
            return e;
        }
        found++;
    }
    return found ? OK
                 : err_set(eb, ERR_CONFIG, "the service manager passed no socket named %s", name);
}

static void port_set(struct sockaddr_storage *a, uint16_t port)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (a->ss_family == AF_INET) {
        memcpy(&v4, a, sizeof v4);
        v4.sin_port = htons(port);
        memcpy(a, &v4, sizeof v4);
    } else {
        memcpy(&v6, a, sizeof v6);
        v6.sin6_port = htons(port);
        memcpy(a, &v6, sizeof v6);
    }
}

static bool wish_address(const struct listen_wish *w, struct sockaddr_storage *a, socklen_t *n)
{
    struct ip ip;
    memset(a, 0, sizeof *a);
    if (!ip_parse(slice_cstr(w->address), &ip)) {
        return false;
    }
    if (ip_is_v4(ip)) {
        struct sockaddr_in v4 = {
            .sin_family = AF_INET, .sin_port = htons(w->port), .sin_addr.s_addr = htonl(ip_v4(ip))};
        memcpy(a, &v4, *n = sizeof v4);
    } else {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(w->port)};
        memcpy(&v6.sin6_addr, ip.b, sizeof ip.b);
        memcpy(a, &v6, *n = sizeof v6);
    }
    port_set(a, w->port);
    return true;
}

/* The socket in `old` that fulfils the wish and is not in `taken` yet, or -1. */
static int old_find(const struct listen_sockets *old, const struct listen_sockets *taken,
                    const struct listen_wish *w, const struct sockaddr_storage *a, socklen_t n)
{
    for (size_t i = 0; old && i < old->count; i++) {
        struct sockaddr_storage has = {0};
        socklen_t has_n = sizeof has;
        bool is_free = !old->items[i].is_passed && old->items[i].asked == w->port;
        for (size_t k = 0; k < taken->count; k++) {
            is_free = is_free && taken->items[k].fd != old->items[i].fd;
        }
        if (!is_free || getsockname(old->items[i].fd, (struct sockaddr *)&has, &has_n) != 0) {
            continue;
        }
        port_set(&has, w->port);
        if (has_n == n && memcmp(&has, a, n) == 0) {
            return old->items[i].fd;
        }
    }
    return -1;
}

static int socket_bind(const struct sockaddr_storage *a, socklen_t n)
{
    int on = 1;
    int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    for (int i = 0; i < TRIES; i++) {
        if (bind(fd, (const struct sockaddr *)a, n) == 0 && listen(fd, SOMAXCONN) == 0) {
            return fd;
        }
        if (errno != EADDRINUSE) {
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = TRY_MS * 1000000L}, NULL);
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static enum err wish_fulfil(const struct listen_wish *w, unsigned number,
                            const struct listen_sockets *old, struct listen_sockets *out,
                            struct errbuf *eb)
{
    struct sockaddr_storage a;
    socklen_t n;
    if (strncmp(w->address, SYSTEMD, sizeof SYSTEMD - 1) == 0) {
        return passed_take(w->address + sizeof SYSTEMD - 1, number, out, eb);
    }
    if (!wish_address(w, &a, &n)) {
        return err_set(eb, ERR_CONFIG, "%s is no address", w->address);
    }
    int fd = old_find(old, out, w, &a, n);
    if (fd < 0 && (fd = socket_bind(&a, n)) < 0) {
        return err_set(eb, ERR_IO, "%s port %u: %s", w->address, w->port, strerror(errno));
    }
    enum err e = socket_add(out, fd, number, false, eb);
    out->items[out->count - 1].asked = w->port;
    return e;
}

enum err listen_open(const struct listen_wish *wishes, size_t n, const struct listen_sockets *old,
                     struct listen_sockets *out, struct errbuf *eb)
{
    enum err e = OK;
    out->count = 0;
    for (size_t i = 0; i < n && e == OK; i++) {
        e = wish_fulfil(&wishes[i], (unsigned)i, old, out, eb);
    }
    if (e != OK) {
        listen_close(out, old);
    }
    return e;
}

void listen_close(struct listen_sockets *s, const struct listen_sockets *but)
{
    for (size_t i = 0; i < s->count; i++) {
        bool is_kept = s->items[i].is_passed;
        for (size_t k = 0; but && k < but->count && !is_kept; k++) {
            is_kept = but->items[k].fd == s->items[i].fd;
        }
        if (!is_kept) {
            close(s->items[i].fd);
        }
    }
    s->count = 0;
}
