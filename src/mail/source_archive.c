/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/source_archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { RETRIES_MAX = 8 };

static la_ssize_t packed_pull(struct archive *a, void *arg, const void **out)
{
    struct packed *p = arg;
    struct reader *r = p->from;
    if (r->at == r->end) {
        r->at = r->end = 0;
        reader_more(r);
    }
    size_t n = r->end - r->at;
    if (n == 0 && r->is_failed) {
        archive_set_error(a, EIO, "the packed data broke off");
        return ARCHIVE_FATAL;
    }
    *out = r->buf + r->at;
    r->at = r->end;
    return (la_ssize_t)n;
}

static la_int64_t packed_seek(struct archive *a, void *arg, la_int64_t offset, int whence)
{
    struct packed *p = arg;
    struct reader *r = p->from;
    if (whence == SEEK_CUR) {
        offset -= (la_int64_t)(r->end - r->at);
    }
    off_t at = lseek(p->fd, offset, whence);
    if (at < 0) {
        archive_set_error(a, EIO, "cannot seek");
        return ARCHIVE_FATAL;
    }
    r->at = r->end = 0;
    r->is_eof = false;
    r->bytes = (uint64_t)at;
    return at;
}

/* Only what needs no other program and no seeking through a whole disk image. */
static int formats_allow(struct archive *a)
{
    int failed = 0;
    failed |= archive_read_support_filter_gzip(a) < ARCHIVE_WARN;
    failed |= archive_read_support_filter_bzip2(a) < ARCHIVE_WARN;
    failed |= archive_read_support_filter_xz(a) < ARCHIVE_WARN;
    failed |= archive_read_support_filter_lzma(a) < ARCHIVE_WARN;
    failed |= archive_read_support_filter_zstd(a) < ARCHIVE_WARN;
    failed |= archive_read_support_format_tar(a) < ARCHIVE_WARN;
    failed |= archive_read_support_format_zip(a) < ARCHIVE_WARN;
    failed |= archive_read_support_format_raw(a) < ARCHIVE_WARN;
    failed |= archive_read_support_format_empty(a) < ARCHIVE_WARN;
    return failed;
}

enum err packed_open(struct packed *p, struct reader *from, int fd)
{
    *p = (struct packed){.from = from, .fd = fd, .is_first = true};
    p->archive = archive_read_new();
    if (!p->archive || formats_allow(p->archive)) {
        packed_close(p);
        return ERR_NOMEM;
    }
    archive_read_set_read_callback(p->archive, packed_pull);
    archive_read_set_callback_data(p->archive, p);
    if (fd >= 0) {
        archive_read_set_seek_callback(p->archive, packed_seek);
    }
    /* A failure is remembered: packed_next reports it like any other damage. */
    p->is_broken = archive_read_open1(p->archive) < ARCHIVE_WARN;
    return OK;
}

/* Control bytes would reach a terminal by way of a diagnostic. */
static void name_set(struct packed *p, const char *name)
{
    snprintf(p->name, sizeof p->name, "%s", name);
    for (char *c = p->name; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) {
            *c = '?';
        }
    }
}

static const char *entry_reject(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry) || archive_entry_filetype(entry) == AE_IFLNK) {
        return "link in an archive";
    }
    if (archive_entry_filetype(entry) != AE_IFREG) {
        return "not a regular file";
    }
    return archive_entry_is_data_encrypted(entry) ? "encrypted archive member" : NULL;
}

enum packed_step packed_next(struct packed *p, const char **reason)
{
    struct archive_entry *entry;
    p->is_member_open = false;
    if (p->is_broken) {
        return PACKED_BROKEN;
    }
    p->is_member_broken = false;
    for (int retries = 0;;) {
        int got = archive_read_next_header(p->archive, &entry);
        if (got == ARCHIVE_EOF) {
            return PACKED_END;
        }
        if (got == ARCHIVE_RETRY && retries++ < RETRIES_MAX) {
            continue;
        }
        if (got < ARCHIVE_WARN) {
            break;
        }
        bool is_raw = archive_format(p->archive) == ARCHIVE_FORMAT_RAW;
        if (p->is_first) {
            p->is_compressed = is_raw;
            p->is_first = false;
        }
        const char *name = archive_entry_pathname(entry);
        name = name ? name : archive_entry_pathname_utf8(entry);
        name_set(p, is_raw ? "" : name ? name : "?");
        if (archive_entry_filetype(entry) == AE_IFDIR) {
            continue;
        }
        *reason = is_raw ? NULL : entry_reject(entry);
        p->is_member_open = *reason == NULL;
        return *reason ? PACKED_REJECT : PACKED_MEMBER;
    }
    p->is_broken = true;
    return PACKED_BROKEN;
}

long packed_read(void *arg, char *to, size_t n)
{
    struct packed *p = arg;
    if (!p->is_member_open || p->is_member_broken) {
        return p->is_member_broken ? -1 : 0;
    }
    for (int retries = 0; retries < RETRIES_MAX; retries++) {
        la_ssize_t got = archive_read_data(p->archive, to, n);
        if (got >= 0) {
            p->is_member_open = got > 0;
            return (long)got;
        }
        if (got != ARCHIVE_RETRY) {
            p->is_broken = got == ARCHIVE_FATAL;
            break;
        }
    }
    p->is_member_broken = true;
    return -1;
}

void packed_close(struct packed *p)
{
    if (p->archive) {
        archive_read_free(p->archive);
    }
    p->archive = NULL;
}
