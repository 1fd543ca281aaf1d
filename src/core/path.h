/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of files. */
#ifndef CORE_PATH_H
#define CORE_PATH_H

#include <stddef.h>

/* The folder that a path is in: "/a" of "/a/b", "/" of "/a", "." of "a". Cut to `n` bytes with the
 * NUL. */
void path_folder(const char *path, char *out, size_t n);

#endif
