/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a role may do once it has opened what it needs: one function a role, called once, before the
 * first thread is made and before the first hostile byte is read. Each gives up the user (when
 * started as root), capabilities and core dumps for good, then closes the file system (Landlock)
 * and the kernel (seccomp) down to what the role's promises name.
 *
 * A call outside the promises is refused with EPERM and logged once ("sandbox: trap was refused
 * getcwd"): a newer libc may make a call of its own, and a trap that is down keeps nothing. A call
 * that only an intruder makes (exec, ptrace, connect, socket, fork ...) kills the process; the
 * parent says so and starts a new one. */
#ifndef NET_SANDBOX_H
#define NET_SANDBOX_H

#include "core/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct sandbox_user {
    uid_t uid; /* 0: stay who we are, without capabilities */
    gid_t gid;
};

enum sandbox_access {
    SANDBOX_READ,  /* a file, or a folder and all below it */
    SANDBOX_WRITE, /* files below the folder may also be made, changed and removed */
};

struct sandbox_path {
    const char *path; /* NULL or absent: left out, unless it is to be written */
    enum sandbox_access access;
};

/* What is in force, for the log: "user 997, Landlock 7 (2 paths), seccomp 71 calls; not available:
 * ..." */
struct sandbox_report {
    char text[256];
    bool is_partial; /* something that should be in force is not available here */
};

/* Sockets that it was given, and the spool. No name is resolved, nothing connected, no other file
 * opened. `descriptors` is the most it may have open. ERR_IO when a step fails that the system has.
 */
enum err sandbox_trap(struct sandbox_user user, const char *spool, unsigned descriptors,
                      struct sandbox_report *report, struct errbuf *eb) MUST_USE;

/* Files only: reads the spool and data (rules, geo), writes the store's folder. No network at all.
 */
enum err sandbox_analyse(struct sandbox_user user, const struct sandbox_path *paths, size_t n,
                         struct sandbox_report *report, struct errbuf *eb) MUST_USE;

/* Listening sockets that it was given, and the store's folder (a reader of a WAL writes its index).
 */
enum err sandbox_web(struct sandbox_user user, const struct sandbox_path *paths, size_t n,
                     unsigned descriptors, struct sandbox_report *report,
                     struct errbuf *eb) MUST_USE;

#endif
