/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/channel.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

static const struct {
    const char *name;
    enum serve_role role;
} COUNTERS[COUNTER_COUNT] = {
#define COUNTER(id, name, role, meaning) {name, ROLE_##role},
#include "serve/counter.def"
#undef COUNTER
};

/* Bytes of a message of each type on the wire. */
static const size_t SIZES[MESSAGE_COUNT] = {
#define MESSAGE(id, body, meaning)                                                                 \
    offsetof(struct message, body) + sizeof(((struct message *)0)->body),
#include "serve/message.def"
#undef MESSAGE
};

const char *serve_role_name(enum serve_role r)
{
    static const char *const NAMES[ROLE_COUNT] = {"trap", "analyse"};
    return NAMES[r];
}

const char *counter_name(enum counter c)
{
    return COUNTERS[c].name;
}

enum serve_role counter_role(enum counter c)
{
    return COUNTERS[c].role;
}

enum err channel_open(int ends[2], struct errbuf *eb)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return err_set(eb, ERR_IO, "socketpair: %s", strerror(errno));
    }
    return OK;
}

enum err channel_send(int fd, const struct message *m)
{
    ssize_t n = send(fd, m, SIZES[m->type], MSG_NOSIGNAL | MSG_DONTWAIT);
    return n >= 0 ? OK : errno == EAGAIN || errno == ENOBUFS ? ERR_BUSY : ERR_END;
}

enum err channel_receive(int fd, struct message *m)
{
    ssize_t n;
    do {
        n = recv(fd, m, sizeof *m, MSG_DONTWAIT | MSG_TRUNC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno == EAGAIN ? ERR_BUSY : ERR_END;
    }
    if (n == 0) {
        return ERR_END;
    }
    bool is_ours = (size_t)n >= sizeof m->type && (unsigned)m->type < MESSAGE_COUNT &&
                   (size_t)n == SIZES[m->type];
    return is_ours ? OK : ERR_SYNTAX;
}
