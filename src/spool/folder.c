/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spool/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NUMBER_DIGITS = 16, ANALYSED_BYTES = 60 };

void segment_name(uint64_t number, bool is_compressed, char out[SEGMENT_NAME_BYTES])
{
    snprintf(out, SEGMENT_NAME_BYTES, "%016" PRIu64 ".seg%s", number, is_compressed ? ".zst" : "");
}

/* False for other files. */
static bool segment_name_parse(const char *name, uint64_t *number, bool *is_compressed)
{
    char again[SEGMENT_NAME_BYTES];
    if (!slice_to_u64(slice_sub(slice_cstr(name), 0, NUMBER_DIGITS), number) || *number == 0) {
        return false;
    }
    *is_compressed = slice_ends(slice_cstr(name), S(".zst"));
    segment_name(*number, *is_compressed, again);
    return strcmp(again, name) == 0;
}

enum err spool_folder_open(const char *path, int *dir, struct errbuf *eb)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_at(eb, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, path, 0, 0, "%s",
                      strerror(errno));
    }
    *dir = fd;
    return OK;
}

static enum err file_add(struct segment_list *l, size_t *size, const struct segment_file *f)
{
    if (l->count == *size) {
        size_t more = *size ? 2 * *size : 64;
        struct segment_file *files = realloc(l->files, more * sizeof *files);
        if (!files) {
            return ERR_NOMEM;
        }
        l->files = files;
        *size = more;
    }
    l->files[l->count++] = *f;
    return OK;
}

/* By number, the form as written before the compressed one. */
static int file_order(const void *a, const void *b)
{
    const struct segment_file *x = a, *y = b;
    return x->number != y->number ? (x->number < y->number ? -1 : 1)
                                  : x->is_compressed - y->is_compressed;
}

static void forms_join(struct segment_list *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (n && l->files[n - 1].number == l->files[i].number) {
            l->files[n - 1].bytes += l->files[i].bytes;
            l->files[n - 1].has_both = true;
        } else {
            l->files[n++] = l->files[i];
        }
    }
    l->count = n;
}

enum err spool_folder_list(int dir, struct segment_list *out, struct errbuf *eb)
{
    struct segment_list l = {NULL, 0};
    size_t size = 0;
    enum err e = OK;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        e = err_set(eb, ERR_IO, "the spool's folder cannot be read: %s", strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return e;
    }
    for (struct dirent *entry; e == OK && (entry = readdir(d));) {
        struct segment_file f = {0};
        struct stat st;
        if (segment_name_parse(entry->d_name, &f.number, &f.is_compressed) &&
            fstatat(dir, entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode)) {
            f.bytes = (uint64_t)st.st_size;
            f.changed = st.st_mtim.tv_sec;
            e = file_add(&l, &size, &f);
        }
    }
    closedir(d);
    if (e != OK) {
        free(l.files);
        return e;
    }
    if (l.count) {
        qsort(l.files, l.count, sizeof *l.files, file_order);
    }
    forms_join(&l);
    *out = l;
    return OK;
}

void segment_list_free(struct segment_list *l)
{
    free(l->files);
    *l = (struct segment_list){NULL, 0};
}

static long small_file_read(int dir, const char *name, char *p, size_t n)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t got = read(fd, p, n);
    int failed = errno;
    close(fd);
    errno = failed;
    return got;
}

static enum err id_make(int dir, struct id128 *out, struct errbuf *eb)
{
    char text[34];
    enum err e = random_bytes(out->b, sizeof out->b);
    if (e != OK) {
        return e;
    }
    id128_hex(*out, text);
    text[32] = '\n';
    int fd = openat(dir, "id", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, text, 33) == 33 && fsync(fd) == 0;
    e = ok ? OK : err_set(eb, ERR_IO, "the spool's id cannot be written: %s", strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return e;
}

enum err spool_folder_id(int dir, bool make, struct id128 *out, struct errbuf *eb)
{
    char text[33];
    long n = small_file_read(dir, "id", text, sizeof text);
    if (make && (n == 0 || (n < 0 && errno == ENOENT))) { /* 0: a crash while it was made */
        return id_make(dir, out, eb);
    }
    if (n < 0) {
        return err_set(eb, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "no spool: its id: %s",
                       strerror(errno));
    }
    return n >= 32 && id128_parse(slice_of(text, 32), out)
               ? OK
               : err_set(eb, ERR_SYNTAX, "the spool's id is no id");
}

/* "segment offset hash\n" in fixed columns; the hash tells a torn write. */
static void analysed_text(struct spool_position p, char out[ANALYSED_BYTES + 1])
{
    char head[2 * NUMBER_DIGITS + 10];
    snprintf(head, sizeof head, "%020" PRIu64 " %020" PRIu64, p.segment, p.offset);
    snprintf(out, ANALYSED_BYTES + 1, "%s %016" PRIx64 " \n", head, hash_u64(slice_cstr(head)));
}

struct spool_position spool_folder_analysed(int dir)
{
    char text[ANALYSED_BYTES + 1] = "", again[ANALYSED_BYTES + 1];
    struct spool_position p;
    long n = small_file_read(dir, "analysed", text, ANALYSED_BYTES);
    if (n == ANALYSED_BYTES && slice_to_u64(slice_of(text, 20), &p.segment) &&
        slice_to_u64(slice_of(text + 21, 20), &p.offset)) {
        analysed_text(p, again);
        if (memcmp(text, again, ANALYSED_BYTES) == 0) {
            return p;
        }
    }
    return (struct spool_position){0, 0};
}

enum err spool_folder_set_analysed(int dir, struct spool_position p, struct errbuf *eb)
{
    char text[ANALYSED_BYTES + 1];
    analysed_text(p, text);
    int fd = openat(dir, "analysed", O_WRONLY | O_CREAT | O_CLOEXEC, 0664);
    bool ok = fd >= 0 && pwrite(fd, text, ANALYSED_BYTES, 0) == ANALYSED_BYTES;
    enum err e =
        ok ? OK : err_set(eb, ERR_IO, "the spool's mark cannot be written: %s", strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return e;
}
