/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The samples of tests/golden/mail/message for the tests of src/mail: NAME.in is a message,
 * NAME.out what the parser makes of it, NAME.diag its quirks. */
#ifndef TEST_MAIL_GOLDEN_H
#define TEST_MAIL_GOLDEN_H

#include "core/slice.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { GOLDEN_MAX = 512 };

struct golden {
    char name[256]; /* without ".in" */
    struct slice in;
};

static inline struct slice file_read(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return slice_of(NULL, 0);
    }
    size_t n = 0, room = 1 << 16;
    char *p = malloc(room);
    for (size_t got; p && (got = fread(p + n, 1, room - n, f)) > 0;) {
        n += got;
        if (n == room) {
            room *= 2;
            p = realloc(p, room);
        }
    }
    (void)fclose(f);
    return slice_of(p, p ? n : 0);
}

static inline void golden_path(char *out, size_t n, const char *name, const char *suffix)
{
    const char *root = getenv("SOURCE_ROOT");
    (void)snprintf(out, n, "%s/tests/golden/mail/message/%s%s", root ? root : ".", name, suffix);
}

static inline int golden_compare(const void *a, const void *b)
{
    return strcmp(((const struct golden *)a)->name, ((const struct golden *)b)->name);
}

/* All samples, sorted by name; the caller frees each `in.p`. */
static inline size_t golden_load(struct golden out[GOLDEN_MAX])
{
    char path[1024];
    size_t count = 0;
    golden_path(path, sizeof path, "", "");
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && count < GOLDEN_MAX && (e = readdir(dir));) {
        struct slice name = slice_cstr(e->d_name);
        if (!slice_ends(name, S(".in")) || name.n - 3 >= sizeof out[count].name) {
            continue;
        }
        memcpy(out[count].name, name.p, name.n - 3);
        out[count].name[name.n - 3] = '\0';
        golden_path(path, sizeof path, e->d_name, "");
        out[count++].in = file_read(path);
    }
    if (dir) {
        (void)closedir(dir);
    }
    qsort(out, count, sizeof out[0], golden_compare);
    return count;
}

#endif
