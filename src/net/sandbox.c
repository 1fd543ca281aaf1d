/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/sandbox.h"

#include "net/sandbox_part.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPABILITIES_MOST = 64, LANDLOCK_ABI_WANTED = 6 };

struct cage {
    const char *role;
    const char *promises; /* sandbox_call.def */
    const struct sandbox_path *paths;
    size_t path_count;
    struct sandbox_user user;
    unsigned descriptors; /* 0: as they are */
};

static enum err refused(struct errbuf *eb, const char *what)
{
    return err_set(eb, ERR_IO, "sandbox: %s: %s", what, strerror(errno));
}

/* Also what a service manager gave us to bind port 25 with: ambient capabilities outlive an exec.
 */
static bool capabilities_drop(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &header, none) == 0;
}

/* What no exec could give back; as long as we may: not after the change of user. */
static void capabilities_bound(void)
{
    for (unsigned long c = 0; c < CAPABILITIES_MOST; c++) {
        prctl(PR_CAPBSET_DROP, c, 0, 0, 0); /* EPERM without CAP_SETPCAP, EINVAL past the last */
    }
}

static enum err user_drop(struct sandbox_user user, struct errbuf *eb)
{
    capabilities_bound();
    if (user.uid && geteuid() == 0) {
        if (setgroups(0, NULL) != 0 || setresgid(user.gid, user.gid, user.gid) != 0 ||
            setresuid(user.uid, user.uid, user.uid) != 0) {
            return refused(eb, "change of user");
        }
        if (setuid(0) == 0) {
            return err_set(eb, ERR_IO, "sandbox: root can be had back");
        }
    }
    return capabilities_drop() ? OK : refused(eb, "dropping capabilities");
}

/* As many open files as wanted; as many as the system lets us have (*got) when that is less: then
 * accepting pauses at the last one. */
static enum err limits_set(const struct cage *c, unsigned *got, struct errbuf *eb)
{
    struct rlimit none = {0, 0}, files;
    *got = c->descriptors;
    if (setrlimit(RLIMIT_CORE, &none) != 0) {
        return refused(eb, "no core files");
    }
    if (!c->descriptors || getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return OK;
    }
    rlim_t most = files.rlim_max;
    files.rlim_cur = files.rlim_max = c->descriptors;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) { /* more than the hard limit wants a capability */
        files.rlim_cur = files.rlim_max = most;
        *got = (unsigned)most;
        return setrlimit(RLIMIT_NOFILE, &files) == 0 ? OK : refused(eb, "limit of open files");
    }
    return OK;
}

static enum err cage_close(const struct cage *c, struct sandbox_report *report, struct errbuf *eb)
{
    unsigned calls = 0, descriptors;
    int abi = 0;
    enum err e = limits_set(c, &descriptors, eb);
    e = e == OK ? user_drop(c->user, eb) : e;
    if (e != OK) {
        return e;
    }
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return refused(eb, "no new privileges");
    }
    e = landlock_close(c->paths, c->path_count, &abi, eb);
    e = e == OK ? seccomp_close(c->role, c->promises, &calls, eb) : e;
    if (e != OK) {
        return e;
    }
    report->is_partial =
        abi < LANDLOCK_ABI_WANTED || geteuid() == 0 || descriptors < c->descriptors;
    int n = snprintf(report->text, sizeof report->text, "user %u, seccomp %u calls, ",
                     (unsigned)geteuid(), calls);
    if (descriptors < c->descriptors) {
        n += snprintf(report->text + n, sizeof report->text - (size_t)n,
                      "%u open files of %u (raise the hard limit), ", descriptors, c->descriptors);
    }
    snprintf(report->text + n, sizeof report->text - (size_t)n,
             abi == 0 ? "no Landlock in this kernel: seccomp and the user alone guard files"
             : abi < 4
                 ? "Landlock %d: files (TCP and signals need a newer kernel; seccomp has them)"
             : abi < LANDLOCK_ABI_WANTED ? "Landlock %d: files, TCP (signals by seccomp)"
                                         : "Landlock %d: files, TCP, signals",
             abi);
    return OK;
}

enum err sandbox_trap(struct sandbox_user user, const char *spool, unsigned descriptors,
                      struct sandbox_report *report, struct errbuf *eb)
{
    const struct sandbox_path paths[] = {{spool, SANDBOX_WRITE}};
    const struct cage cage = {
        .role = "trap",
        .promises = "stdio thread loop channel accept rpath wpath",
        .paths = paths,
        .path_count = 1,
        .user = user,
        .descriptors = descriptors,
    };
    return cage_close(&cage, report, eb);
}

enum err sandbox_analyse(struct sandbox_user user, const struct sandbox_path *paths, size_t n,
                         struct sandbox_report *report, struct errbuf *eb)
{
    const struct cage cage = {
        .role = "analyse",
        .promises = "stdio thread channel rpath wpath fchown",
        .paths = paths,
        .path_count = n,
        .user = user,
    };
    return cage_close(&cage, report, eb);
}

enum err sandbox_web(struct sandbox_user user, const struct sandbox_path *paths, size_t n,
                     unsigned descriptors, struct sandbox_report *report, struct errbuf *eb)
{
    const struct cage cage = {
        .role = "web",
        .promises = "stdio thread loop channel accept rpath wpath",
        .paths = paths,
        .path_count = n,
        .user = user,
        .descriptors = descriptors,
    };
    return cage_close(&cage, report, eb);
}
