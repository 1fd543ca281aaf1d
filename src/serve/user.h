/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whom the roles become when serve is started as root. */
#ifndef SERVE_USER_H
#define SERVE_USER_H

#include "net/sandbox.h"

/* By name; else ("") the owner of `folder` if that is not root, else spamgauge, else a number
 * nobody has. {0, 0}: nothing to change, because we are not root or `name` is root. ERR_CONFIG: no
 * such user. */
enum err user_choose(const char *name, const char *folder, struct sandbox_user *out,
                     struct errbuf *eb) MUST_USE;

/* Gives a file or a folder to the user, `with_files` also the files in the folder. Absent: OK. */
enum err user_give(struct sandbox_user user, const char *path, bool with_files,
                   struct errbuf *eb) MUST_USE;

/* Can the user work in the folder? Tried by a process that becomes the user. ERR_CONFIG with what
 * to do about it. */
enum err user_reaches(struct sandbox_user user, const char *folder, struct errbuf *eb) MUST_USE;

#endif
