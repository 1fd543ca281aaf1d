/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Landlock without libc wrappers: Debian 12's headers know ABI 2, kernels may have 7. Rights newer
 * than the kernel are masked off, so that what it has is used. Numbers are those of the kernel's
 * userspace ABI (Documentation/userspace-api/landlock.rst), which never change. */
#include "net/sandbox_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };
enum { RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_TRUNCATE = 1 << 14,
    FS_ABI_1 = (1 << 13) - 1,
    FS_ABI_2 = (1 << 14) - 1, /* REFER */
    FS_ABI_3 = (1 << 15) - 1, /* TRUNCATE */
    FS_ABI_5 = (1 << 16) - 1, /* IOCTL_DEV */
    NET_ABI_4 = 3,            /* BIND_TCP, CONNECT_TCP */
    SCOPE_ABI_6 = 3,          /* abstract sockets, signals */
    FS_FILE = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE, /* of a file's own path */
};

struct ruleset {
    uint64_t fs, net, scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

static enum err path_allow(int ruleset, uint64_t handled, const struct sandbox_path *p,
                           struct errbuf *eb)
{
    struct stat st;
    struct path_beneath rule = {.allowed = FS_READ_FILE | FS_READ_DIR};
    if (!p->path) {
        return OK;
    }
    if (p->access == SANDBOX_WRITE) {
        rule.allowed |= FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_TRUNCATE;
    }
    rule.parent = open(p->path, O_PATH | O_CLOEXEC);
    if (rule.parent < 0 || fstat(rule.parent, &st) != 0) {
        if (rule.parent >= 0) {
            close(rule.parent);
        }
        return p->access == SANDBOX_READ
                   ? OK
                   : err_at(eb, ERR_IO, p->path, 0, 0, "cannot be opened by user %u: %s",
                            (unsigned)geteuid(), strerror(errno));
    }
    rule.allowed &= handled & (S_ISDIR(st.st_mode) ? UINT64_MAX : FS_FILE);
    long failed = syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0);
    int why = errno;
    close(rule.parent);
    return failed ? err_at(eb, ERR_IO, p->path, 0, 0, "Landlock: %s", strerror(why)) : OK;
}

enum err landlock_close(const struct sandbox_path *paths, size_t n, int *abi, struct errbuf *eb)
{
    long version = syscall(CREATE_RULESET, NULL, 0, RULESET_VERSION);
    if (version < 1) { /* ENOSYS: not built in; EOPNOTSUPP: switched off at boot */
        *abi = 0;
        return OK;
    }
    *abi = (int)version;
    struct ruleset handled = {
        .fs = version >= 5   ? FS_ABI_5
              : version >= 3 ? FS_ABI_3
              : version == 2 ? FS_ABI_2
                             : FS_ABI_1,
        .net = version >= 4 ? NET_ABI_4 : 0,
        .scoped = version >= 6 ? SCOPE_ABI_6 : 0,
    };
    /* fields that an older kernel does not know must be left out or be zero; they are */
    int ruleset = (int)syscall(CREATE_RULESET, &handled, sizeof handled, 0);
    if (ruleset < 0) {
        return err_set(eb, ERR_IO, "Landlock: %s", strerror(errno));
    }
    enum err e = OK;
    for (size_t i = 0; i < n && e == OK; i++) {
        e = path_allow(ruleset, handled.fs, &paths[i], eb);
    }
    if (e == OK && syscall(RESTRICT_SELF, ruleset, 0) != 0) {
        e = err_set(eb, ERR_IO, "Landlock: %s", strerror(errno));
    }
    close(ruleset);
    return e;
}
