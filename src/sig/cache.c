/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images on disk, one file a key. The key holds everything that an image depends on, so a file
 * never goes stale; it is written beside its name and renamed, so readers see all of it or nothing;
 * a checksum over all bytes tells a damaged one, which is compiled anew and replaced. */
#include "sig/rule.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CACHE_PATH_BYTES = 4096,
    CACHE_KEPT_FILES = 8, /* sets of one machine: a pack, its last versions, a few tests */
};

static const char SUFFIX[] = ".rules";

static bool cache_path(char out[CACHE_PATH_BYTES], const char *dir, struct id128 key)
{
    char hex[33];
    id128_hex(key, hex);
    int n = snprintf(out, CACHE_PATH_BYTES, "%s/%s%s", dir, hex, SUFFIX);
    return n > 0 && n < CACHE_PATH_BYTES;
}

static bool read_all(int fd, char *p, size_t n)
{
    while (n > 0) {
        ssize_t got = read(fd, p, n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        p += got;
        n -= (size_t)got;
    }
    return true;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        p += put;
        n -= (size_t)put;
    }
    return true;
}

static bool image_is_whole(const char *image, size_t n, struct id128 key)
{
    struct image_header h;
    struct id128 checksum;
    if (n < sizeof h) {
        return false;
    }
    memcpy(&h, image, sizeof h);
    return memcmp(h.magic, IMAGE_MAGIC, sizeof h.magic) == 0 && id128_eq(h.key, key) &&
           h.bytes == n && image_checksum(image, n, &checksum) && id128_eq(h.checksum, checksum);
}

enum err cache_read(const char *dir, struct id128 key, char **image, size_t *bytes)
{
    char path[CACHE_PATH_BYTES];
    struct stat st;
    char *p = NULL;
    enum err e = ERR_NOTFOUND;
    if (!cache_path(path, dir, key)) {
        return e;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return e;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        size_t n = (size_t)st.st_size;
        p = malloc(n);
        if (p && read_all(fd, p, n) && image_is_whole(p, n, key)) {
            *image = p;
            *bytes = n;
            p = NULL;
            e = OK;
            /* The time of last use, for cache_prune. */
            futimens(fd, NULL);
        }
    }
    free(p);
    close(fd);
    return e;
}

struct cached {
    char name[64];
    int64_t used;
};

static int cached_cmp(const void *a, const void *b)
{
    const struct cached *x = a, *y = b;
    return (x->used < y->used) - (x->used > y->used);
}

/* Keeps the sets that were used last. */
static void cache_prune(const char *dir)
{
    struct cached list[256];
    size_t count = 0;
    DIR *d = opendir(dir);
    struct dirent *entry;
    while (d && count < sizeof list / sizeof list[0] && (entry = readdir(d))) {
        struct slice name = slice_cstr(entry->d_name);
        struct stat st;
        if (name.n == 32 + sizeof SUFFIX - 1 && slice_ends(name, slice_cstr(SUFFIX)) &&
            fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            snprintf(list[count].name, sizeof list[count].name, "%.60s", entry->d_name);
            list[count++].used = (int64_t)st.st_mtim.tv_sec;
        }
    }
    qsort(list, count, sizeof list[0], cached_cmp);
    for (size_t i = CACHE_KEPT_FILES; d && i < count; i++) {
        unlinkat(dirfd(d), list[i].name, 0);
    }
    if (d) {
        closedir(d);
    }
}

/* The folder and those above it, as far as they are missing. */
static bool folder_make(const char *dir)
{
    char path[CACHE_PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s", dir);
    if (n <= 0 || n >= CACHE_PATH_BYTES) {
        return false;
    }
    for (char *p = path + 1; *p; p++) {
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(path, 0777);
            *p = '/';
        }
    }
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

enum err cache_write(const char *dir, struct id128 key, struct slice image, struct errbuf *eb)
{
    char path[CACHE_PATH_BYTES], temporary[CACHE_PATH_BYTES + 8];
    if (!folder_make(dir) || !cache_path(path, dir, key)) {
        return err_set(eb, ERR_IO, "%s: cannot make the cache folder", dir);
    }
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int fd = mkstemp(temporary);
    if (fd < 0) {
        return err_set(eb, ERR_IO, "%s: %s", temporary, strerror(errno));
    }
    bool is_good = fchmod(fd, 0644) == 0 && write_all(fd, image.p, image.n) && fsync(fd) == 0;
    is_good = close(fd) == 0 && is_good;
    if (!is_good || rename(temporary, path) != 0) {
        enum err e = err_set(eb, ERR_IO, "%s: %s", path, strerror(errno));
        unlink(temporary);
        return e;
    }
    cache_prune(dir);
    return OK;
}
