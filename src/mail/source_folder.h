/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks a folder's files in the bytewise order of their names, folders in their place. A folder of
 * a million files takes bounded memory: the smallest names that fit are sorted, the rest is read
 * again later. Private to mail/source. */
#ifndef MAIL_SOURCE_FOLDER_H
#define MAIL_SOURCE_FOLDER_H

#include "core/err.h"
#include "core/slice.h"

struct folder;

/* Takes `fd`, an open directory, also on failure. */
enum err folder_open(int fd, struct folder **out) MUST_USE;

/* Size of all files that folder_next will give. */
uint64_t folder_bytes(const struct folder *f);

/* What one step gave: an open file (*fd, the caller closes it), or *reason why there is none. The
 * name, relative to the folder, is in folder_name(). ERR_END after the last. */
enum err folder_next(struct folder *f, int *fd, const char **reason) MUST_USE;
const char *folder_name(const struct folder *f);

void folder_close(struct folder *f);

#endif
