/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whom the roles become when serve is started as root. */
#ifndef SERVE_USER_H
#define SERVE_USER_H

#include "net/sandbox.h"

#include <sys/stat.h>

/* By name; else ("") the owner of `folder` if that is not root, else spamgauge, else a number
 * nobody has. {0, 0}: nothing to change, because we are not root or `name` is root. ERR_CONFIG: no
 * such user. */
enum err user_choose(const char *name, const char *folder, struct sandbox_user *out,
                     struct errbuf *eb) MUST_USE;

/* For the trap role, another one of the same group, so that `user` can read what it writes and
 * nobody else can: by name; else the owner of its `folder` if that is neither root nor `user`, else
 * spamgauge-trap, else a number nobody has. Both are {0, 0} when `user` is. ERR_CONFIG. */
enum err user_choose_trap(const char *name, const char *folder, struct sandbox_user user,
                          struct sandbox_user *out, struct errbuf *eb) MUST_USE;

/* Gives a file or a folder to the user, `with_files` also the files in the folder. Absent: OK. */
enum err user_give(struct sandbox_user user, const char *path, bool with_files,
                   struct errbuf *eb) MUST_USE;

/* Sets the permissions that `mask` has to what `mode` has of them. Absent: OK. */
enum err user_permit(const char *path, mode_t mask, mode_t mode, struct errbuf *eb) MUST_USE;

/* Can the user read, or also write, in the folder? Tried by a process that becomes the user.
 * ERR_CONFIG with what to do about it. */
enum err user_reaches(struct sandbox_user user, const char *folder, bool writes,
                      struct errbuf *eb) MUST_USE;

#endif
