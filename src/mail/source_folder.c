/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/source_folder.h"

#include "core/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FOLDER_NAMES_BYTES = 2 * 1024 * 1024, /* of names held of one folder: some 40,000 files */
    FOLDER_NAMES_MAX = 64 * 1024,
    FOLDER_PATH_BYTES = 8192,
};

/* Names of one folder, sorted: a part of them when they do not fit. */
struct frame {
    DIR *dir;
    char *names;  /* NUL-terminated, one after the other */
    size_t used;  /* bytes of names */
    uint32_t *at; /* offsets into names, sorted */
    size_t count;
    size_t next;  /* index of the one to give */
    bool is_part; /* larger names were left out */
    bool is_maildir;
    char last[NAME_MAX + 1]; /* the largest name given so far */
    size_t path_n;           /* of the folder's own path, with its slash */
};

struct folder {
    struct frame *frames[LIMIT_FOLDER_DEPTH];
    unsigned depth; /* of frames in use */
    uint64_t bytes;
    char path[FOLDER_PATH_BYTES];
};

static _Thread_local const char *sort_names; /* qsort has no argument for it */

static int offset_cmp(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return strcmp(sort_names + x, sort_names + y);
}

static void frame_sort(struct frame *f)
{
    sort_names = f->names;
    qsort(f->at, f->count, sizeof *f->at, offset_cmp);
}

/* Full: keeps the smaller half of the names. */
static bool frame_halve(struct frame *f)
{
    frame_sort(f);
    f->count /= 2;
    f->is_part = true;
    char *names = malloc(FOLDER_NAMES_BYTES);
    if (!names) {
        return false;
    }
    size_t used = 0;
    for (size_t i = 0; i < f->count; i++) {
        size_t n = strlen(f->names + f->at[i]) + 1;
        memcpy(names + used, f->names + f->at[i], n);
        f->at[i] = (uint32_t)used;
        used += n;
    }
    free(f->names);
    f->names = names;
    f->used = used;
    return true;
}

/* `limit` is the largest kept name after a halving: a larger one can wait. */
static bool frame_add(struct frame *f, const char *name, const char **limit)
{
    size_t n = strlen(name) + 1;
    if (*limit && strcmp(name, *limit) > 0) {
        return true;
    }
    if (f->used + n > FOLDER_NAMES_BYTES || f->count == FOLDER_NAMES_MAX) {
        if (!frame_halve(f)) {
            return false;
        }
        *limit = f->names + f->at[f->count - 1];
        if (strcmp(name, *limit) > 0) {
            return true;
        }
    }
    memcpy(f->names + f->used, name, n);
    f->at[f->count++] = (uint32_t)f->used;
    f->used += n;
    return true;
}

/* Reads the names after f->last. */
static bool frame_fill(struct frame *f)
{
    const char *limit = NULL;
    struct dirent *e;
    f->used = f->count = f->next = 0;
    f->is_part = false;
    rewinddir(f->dir);
    while ((e = readdir(f->dir)) != NULL) {
        const char *name = e->d_name;
        bool is_dot = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        if (!is_dot && strcmp(name, f->last) > 0 && !frame_add(f, name, &limit)) {
            return false;
        }
    }
    frame_sort(f);
    return true;
}

static bool is_folder_at(int fd, const char *name)
{
    struct stat st;
    return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* By content: what has `cur` and `new` is a Maildir, whose `tmp` holds deliveries under way. */
static bool is_maildir_at(int fd)
{
    return is_folder_at(fd, "cur") && is_folder_at(fd, "new");
}

static void frame_free(struct frame *f)
{
    if (f) {
        if (f->dir) {
            closedir(f->dir);
        }
        free(f->names);
        free(f->at);
        free(f);
    }
}

/* Takes `fd`. */
static enum err folder_push(struct folder *f, int fd, size_t path_n)
{
    struct frame *frame = calloc(1, sizeof *frame);
    DIR *dir = frame ? fdopendir(fd) : NULL;
    if (!dir) {
        close(fd);
        free(frame);
        return frame ? ERR_IO : ERR_NOMEM;
    }
    frame->dir = dir;
    frame->path_n = path_n;
    frame->names = malloc(FOLDER_NAMES_BYTES);
    frame->at = malloc(FOLDER_NAMES_MAX * sizeof *frame->at);
    if (!frame->names || !frame->at || !frame_fill(frame)) {
        frame_free(frame);
        return ERR_NOMEM;
    }
    frame->is_maildir = is_maildir_at(dirfd(dir));
    f->frames[f->depth++] = frame;
    return OK;
}

/* Sizes only, in any order; what cannot be read counts as nothing. */
static uint64_t bytes_below(int fd, unsigned depth)
{
    uint64_t bytes = 0;
    DIR *dir = fdopendir(fd);
    struct dirent *e;
    if (!dir) {
        close(fd);
        return 0;
    }
    bool is_maildir = is_maildir_at(dirfd(dir));
    while ((e = readdir(dir)) != NULL) {
        struct stat st;
        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            (S_ISLNK(st.st_mode) && fstatat(dirfd(dir), e->d_name, &st, 0) == 0 &&
             !S_ISREG(st.st_mode))) {
            continue;
        }
        if (S_ISREG(st.st_mode)) {
            bytes += (uint64_t)st.st_size;
        } else if (S_ISDIR(st.st_mode) && depth + 1 < LIMIT_FOLDER_DEPTH &&
                   strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
                   !(is_maildir && strcmp(e->d_name, "tmp") == 0)) {
            int below =
                openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            bytes += below >= 0 ? bytes_below(below, depth + 1) : 0;
        }
    }
    closedir(dir);
    return bytes;
}

enum err folder_open(int fd, struct folder **out)
{
    struct folder *f = calloc(1, sizeof *f);
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!f) {
        close(fd);
        if (again >= 0) {
            close(again);
        }
        return ERR_NOMEM;
    }
    f->bytes = again >= 0 ? bytes_below(again, 0) : 0;
    enum err e = folder_push(f, fd, 0);
    if (e != OK) {
        folder_close(f);
        return e;
    }
    *out = f;
    return OK;
}

uint64_t folder_bytes(const struct folder *f)
{
    return f->bytes;
}

const char *folder_name(const struct folder *f)
{
    return f->path;
}

/* A folder in the place of a file: descends, or says why not. */
static const char *folder_descend(struct folder *f, const struct frame *top, const char *name,
                                  size_t path_n)
{
    if (f->depth == LIMIT_FOLDER_DEPTH) {
        return "folders nested too deep";
    }
    int fd = openat(dirfd(top->dir), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return "unreadable";
    }
    f->path[path_n] = '/';
    f->path[path_n + 1] = '\0';
    return folder_push(f, fd, path_n + 1) == OK ? NULL : "unreadable";
}

/* One name: *fd, or the reason, or neither when a folder was entered. */
static const char *folder_visit(struct folder *f, const char *name, int *fd)
{
    struct frame *top = f->frames[f->depth - 1];
    struct stat st, target;
    size_t n = strlen(name), path_n = top->path_n + n;
    if (path_n + 2 > sizeof f->path) {
        return "folders nested too deep";
    }
    memcpy(f->path + top->path_n, name, n + 1);
    if (fstatat(dirfd(top->dir), name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return "unreadable";
    }
    if (S_ISDIR(st.st_mode)) {
        bool is_tmp = top->is_maildir && strcmp(name, "tmp") == 0;
        return is_tmp ? NULL : folder_descend(f, top, name, path_n);
    }
    if (S_ISLNK(st.st_mode)) {
        /* Never followed into folders: that is how loops and 2^32 paths come about. */
        if (fstatat(dirfd(top->dir), name, &target, 0) != 0) {
            return "unreadable";
        }
        if (S_ISDIR(target.st_mode)) {
            return "symbolic link to a folder";
        }
        st = target;
    }
    if (!S_ISREG(st.st_mode)) {
        return "not a regular file";
    }
    /* O_NONBLOCK: it may have become a FIFO since. */
    *fd = openat(dirfd(top->dir), name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return *fd < 0 ? "unreadable" : NULL;
}

enum err folder_next(struct folder *f, int *fd, const char **reason)
{
    *fd = -1;
    *reason = NULL;
    while (f->depth > 0) {
        struct frame *top = f->frames[f->depth - 1];
        if (top->next == top->count) {
            if (top->is_part) {
                if (!frame_fill(top)) {
                    return ERR_NOMEM;
                }
                continue;
            }
            frame_free(top);
            f->depth--;
            continue;
        }
        const char *name = top->names + top->at[top->next++];
        memcpy(top->last, name, strlen(name) + 1);
        *reason = folder_visit(f, name, fd);
        if (*fd >= 0 || *reason) {
            return OK;
        }
    }
    return ERR_END;
}

void folder_close(struct folder *f)
{
    if (f) {
        while (f->depth > 0) {
            frame_free(f->frames[--f->depth]);
        }
        free(f);
    }
}
