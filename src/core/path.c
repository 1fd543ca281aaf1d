/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/path.h"

#include <stdio.h>
#include <string.h>

void path_folder(const char *path, char *out, size_t n)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        snprintf(out, n, ".");
    } else {
        snprintf(out, n, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    }
}
