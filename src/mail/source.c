/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stack of levels: level 0 is a file (or the caller's stream), each level above it the member of
 * an archive below. The top level is either packed, and then gives members, or it is an mbox or a
 * mail, and gives messages. What is neither is a reject. */
#include "mail/source.h"

#include "core/limits.h"
#include "mail/date.h"
#include "mail/source_archive.h"
#include "mail/source_folder.h"
#include "mail/source_kind.h"
#include "mail/source_mbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REJECT_REASONS_MAX = 40, NAME_BYTES = 4096 };

enum level_state { LEVEL_PACKED, LEVEL_MBOX, LEVEL_MAIL, LEVEL_SPENT };

struct level {
    struct source *source;
    struct reader reader;
    struct packed packed;
    enum level_state state;
    size_t name_n; /* of source.name, up to and with this level */
    bool is_damage_counted;
};

struct source {
    struct level levels[LIMIT_ARCHIVE_DEPTH + 1];
    unsigned top;   /* level in use */
    bool is_open;   /* level 0 has a stream */
    bool is_single; /* one stream, not a folder */
    bool is_begun;
    bool is_skipping;
    bool is_io_failed; /* the single stream */
    bool is_bomb;      /* the file at level 0 expands too much */
    struct mbox mbox;
    struct folder *folder;
    int fd;               /* of level 0; -1 when none */
    bool is_fd_owned;     /* not standard input */
    bool is_seekable;     /* a regular file from its beginning */
    uint64_t file_bytes;  /* of a regular file; else 0 */
    uint64_t expanded;    /* bytes that came out of the packing of the file at level 0 */
    uint64_t bytes_done;  /* of the files before it */
    uint64_t bytes_total; /* of all files */
    source_read_fn read;
    void *read_arg;
    char root[NAME_BYTES];
    char name[NAME_BYTES];
    uint64_t ordinal;
    struct source_rejects rejects[REJECT_REASONS_MAX];
    size_t reject_count;
};

static void reject_count(struct source *s, const char *reason)
{
    size_t i = 0;
    while (i < s->reject_count && strcmp(s->rejects[i].reason, reason) != 0) {
        i++;
    }
    if (i == REJECT_REASONS_MAX) {
        panic("more reasons for rejects than known: %s", reason);
    }
    struct source_rejects *r = &s->rejects[i];
    if (i == s->reject_count) {
        s->reject_count++;
        r->reason = reason;
        snprintf(r->example, sizeof r->example, "%.255s", s->name);
    }
    r->count++;
}

static size_t name_append(struct source *s, size_t at, const char *sep, const char *text)
{
    int n = snprintf(s->name + at, sizeof s->name - at, "%s%s", sep, text);
    size_t end = at + (n > 0 ? (size_t)n : 0);
    return end < sizeof s->name ? end : sizeof s->name - 1;
}

static long fd_read(void *arg, char *p, size_t n)
{
    const struct source *s = arg;
    ssize_t got;
    do {
        got = read(s->fd, p, n);
    } while (got < 0 && errno == EINTR);
    return got;
}

static long caller_read(void *arg, char *p, size_t n)
{
    const struct source *s = arg;
    return s->read(s->read_arg, p, n);
}

/* Counts what comes out of the packing, to stop what was built to expand without end. The level
 * reads from the one below it. */
static long member_read(void *arg, char *p, size_t n)
{
    struct level *l = arg;
    struct source *s = l->source;
    uint64_t packed = s->levels[0].reader.bytes;
    packed = packed > s->file_bytes ? packed : s->file_bytes;
    if (s->expanded > LIMIT_ARCHIVE_EXPANSION_FREE + LIMIT_ARCHIVE_EXPANSION * packed) {
        s->is_bomb = true;
        return -1;
    }
    long got = packed_read(&l[-1].packed, p, n);
    s->expanded += got > 0 ? (uint64_t)got : 0;
    return got;
}

/* A stream broke off: counted once, at the lowest level that did. */
static void damage_count(struct source *s)
{
    unsigned i = 0;
    while (i < s->top && !s->levels[i].reader.is_failed) {
        i++;
    }
    struct level *l = &s->levels[i];
    if (!l->reader.is_failed || l->is_damage_counted) {
        return;
    }
    l->is_damage_counted = true;
    if (l->reader.is_nomem) {
        reject_count(s, "no memory");
    } else if (i > 0) {
        reject_count(s, s->is_bomb ? "archive expands too much" : "damaged archive");
    } else if (s->is_single) {
        s->is_io_failed = true;
    } else {
        reject_count(s, "unreadable");
    }
}

static void level_close_file(struct source *s)
{
    s->bytes_done += s->file_bytes ? s->file_bytes : s->levels[0].reader.bytes;
    s->levels[0].reader.bytes = 0;
    s->file_bytes = 0;
    if (s->fd >= 0 && s->is_fd_owned) {
        close(s->fd);
    }
    s->fd = -1;
    s->is_open = false;
}

/* Closes the top level. Of an archive's member the rest is read, to find the next one. */
static void level_close(struct source *s)
{
    struct level *l = &s->levels[s->top];
    packed_close(&l->packed);
    if (s->top > 0 && !l[-1].packed.is_compressed) {
        do {
            l->reader.at = l->reader.end = 0;
        } while (reader_more(&l->reader));
    }
    if (l->reader.is_failed) {
        damage_count(s);
    }
    if (s->top == 0) {
        level_close_file(s);
        return;
    }
    /* The other members of a bomb are not worth the time. */
    l[-1].packed.is_broken |= s->is_bomb;
    s->top--;
    s->name[l[-1].name_n] = '\0';
}

/* The top level has a new stream: tells its kind and prepares for it. */
static void level_begin(struct source *s)
{
    struct level *l = &s->levels[s->top];
    const char *reason = NULL;
    l->is_damage_counted = false;
    l->state = LEVEL_SPENT;
    reader_want(&l->reader, SOURCE_HEAD_BYTES);
    struct slice head = slice_sub(reader_window(&l->reader), 0, SOURCE_HEAD_BYTES);
    enum source_kind kind = source_kind(head, &reason);
    if (l->reader.is_failed && kind == SOURCE_REJECT) {
        return; /* the damage says more than "empty file" */
    }
    if (kind == SOURCE_MBOX) {
        l->state = LEVEL_MBOX;
        mbox_start(&s->mbox, &l->reader);
    } else if (kind == SOURCE_MAIL) {
        l->state = LEVEL_MAIL;
    } else if (kind == SOURCE_PACKED && s->top == LIMIT_ARCHIVE_DEPTH) {
        reason = "archives nested too deep";
    } else if (kind == SOURCE_PACKED) {
        int fd = s->top == 0 && s->is_seekable ? s->fd : -1;
        bool is_opened = packed_open(&l->packed, &l->reader, fd) == OK;
        l->state = is_opened ? LEVEL_PACKED : LEVEL_SPENT;
        reason = is_opened ? NULL : "no memory";
    }
    if (reason) {
        reject_count(s, reason);
    }
}

/* s->fd or s->read is set. */
static void file_begin(struct source *s)
{
    struct stat st;
    s->top = 0;
    s->is_open = true;
    s->is_bomb = false;
    s->expanded = 0;
    bool is_regular = s->fd >= 0 && fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode);
    s->is_seekable = is_regular && lseek(s->fd, 0, SEEK_CUR) == 0;
    s->file_bytes = is_regular ? (uint64_t)st.st_size : 0;
    reader_start(&s->levels[0].reader, s->read ? caller_read : fd_read, s);
    level_begin(s);
}

/* A Maildir's `tmp` in an archive: nothing says yet what else the archive holds, so the member's
 * name must be one that Maildir deliveries have, too ("1285891200.M1P2.host"). */
static bool is_maildir_tmp(const char *path)
{
    const char *base = strrchr(path, '/');
    if (!base || base - path < 3 || memcmp(base - 3, "tmp", 3) != 0 ||
        (base - path > 3 && base[-4] != '/')) {
        return false;
    }
    base++;
    size_t digits = strspn(base, "0123456789");
    return digits >= 9 && base[digits] == '.' && strchr(base + digits + 1, '.');
}

/* The top level is packed and has no further member. */
static void packed_end(struct source *s, bool is_broken)
{
    const struct level *l = &s->levels[s->top];
    if (is_broken && l->reader.is_failed) {
        damage_count(s);
    } else if (is_broken && !l->packed.is_member_broken && !s->is_bomb) {
        reject_count(s, "damaged archive");
    }
    level_close(s);
}

/* The top level is packed: opens its next member, or closes it. */
static void member_begin(struct source *s)
{
    struct level *l = &s->levels[s->top];
    const char *reason = NULL;
    if (l->packed.is_compressed) { /* and its content was read: there is only one */
        packed_end(s, false);
        return;
    }
    enum packed_step step = packed_next(&l->packed, &reason);
    if (step == PACKED_END || step == PACKED_BROKEN) {
        packed_end(s, step == PACKED_BROKEN);
        return;
    }
    bool has_name = l->packed.name[0] != '\0';
    size_t name_n = has_name ? name_append(s, l->name_n, "!", l->packed.name) : l->name_n;
    if (step == PACKED_MEMBER && is_maildir_tmp(l->packed.name)) {
        reason = "in a Maildir's tmp: not delivered";
    }
    if (reason) {
        reject_count(s, reason);
    }
    if (step == PACKED_REJECT) {
        s->name[l->name_n] = '\0';
        return;
    }
    s->top++;
    l[1].name_n = name_n;
    reader_start(&l[1].reader, member_read, &l[1]);
    l[1].state = LEVEL_SPENT;
    l[1].is_damage_counted = false;
    if (!reason) {
        level_begin(s);
    }
}

/* Opens the folder's next file, if any. ERR_END after the last. */
static enum err folder_step(struct source *s)
{
    const char *reason;
    enum err e = folder_next(s->folder, &s->fd, &reason);
    if (e != OK) {
        return e;
    }
    size_t root_n = strlen(s->root);
    bool has_slash = root_n > 0 && s->root[root_n - 1] == '/';
    size_t n = name_append(s, 0, s->root, has_slash ? "" : "/");
    s->levels[0].name_n = name_append(s, n, "", folder_name(s->folder));
    for (char *c = s->name; *c; c++) {
        *c = (unsigned char)*c < ' ' || *c == 127 ? '?' : *c; /* names reach terminals */
    }
    if (reason) {
        reject_count(s, reason);
    } else {
        file_begin(s);
    }
    return OK;
}

/* A stream that is one mail, whole. */
static bool mail_next(struct reader *r, struct source_message *out)
{
    reader_want(r, LIMIT_MESSAGE_BYTES);
    size_t at = r->at, n = r->end - r->at;
    size_t kept = n < LIMIT_MESSAGE_BYTES ? n : LIMIT_MESSAGE_BYTES;
    uint64_t bytes = n;
    /* The rest is read over the window's tail and only counted. */
    while (!reader_is_done(r)) {
        if (r->end == r->capacity) {
            r->end = at + kept;
        }
        size_t before = r->end;
        reader_more(r);
        bytes += r->end - before;
    }
    out->raw = slice_of(r->buf + at, kept);
    out->bytes = bytes;
    return !r->is_failed;
}

/* The next message of the mbox at the top level. */
static bool mbox_message_next(struct source *s, struct source_message *out)
{
    struct mbox_message message;
    while (mbox_next(&s->mbox, s->is_skipping, &message)) {
        if (message.is_junk) {
            reject_count(s, "text before the first message");
        } else if (message.bytes == 0) {
            reject_count(s, "empty message");
        } else {
            out->raw = message.raw;
            out->bytes = message.bytes;
            out->envelope_from = message.sender;
            if (!s->is_skipping && !mbox_date_parse(message.date, &out->envelope_time)) {
                out->envelope_time = 0;
            }
            return true;
        }
    }
    return false;
}

/* One step further: true when it gave a message. */
static bool level_step(struct source *s, struct source_message *out)
{
    struct level *l = &s->levels[s->top];
    switch (l->state) {
    case LEVEL_PACKED:
        member_begin(s);
        return false;
    case LEVEL_MBOX:
        if (mbox_message_next(s, out)) {
            return true;
        }
        break;
    case LEVEL_MAIL:
        l->state = LEVEL_SPENT;
        l->reader.at += source_dirt(reader_window(&l->reader));
        /* To skip a file of a folder it need not be read; an archive must be. */
        if ((s->is_skipping && s->top == 0 && !s->is_single) || mail_next(&l->reader, out)) {
            return true;
        }
        break;
    case LEVEL_SPENT:
        break;
    }
    level_close(s);
    return false;
}

enum err source_next(struct source *s, struct source_message *out, struct errbuf *eb)
{
    *out = (struct source_message){0};
    for (;;) {
        if (s->is_open) {
            if (level_step(s, out)) {
                break;
            }
            continue;
        }
        if (s->is_io_failed) {
            return err_set(eb, ERR_IO, "%s: reading failed", s->root);
        }
        if (s->folder) {
            enum err e = folder_step(s);
            if (e != OK) {
                return e == ERR_END ? e : err_set(eb, e, "%s: %s", s->root, err_text(e));
            }
        } else if (s->is_begun) {
            return ERR_END;
        } else {
            s->is_begun = true;
            file_begin(s);
        }
    }
    out->is_truncated = out->bytes > out->raw.n;
    out->name = s->name;
    out->ordinal = s->ordinal++;
    return OK;
}

enum err source_skip(struct source *s, uint64_t count, struct errbuf *eb)
{
    struct source_message message;
    enum err e = OK;
    s->is_skipping = true;
    for (uint64_t i = 0; i < count && e == OK; i++) {
        e = source_next(s, &message, eb);
        if (e == ERR_END) {
            err_set(eb, e, "%s: ends after %llu messages, before the position to resume at",
                    s->root, (unsigned long long)s->ordinal);
        }
    }
    s->is_skipping = false;
    return e;
}

static struct source *source_new(const char *name)
{
    struct source *s = calloc(1, sizeof *s);
    if (s) {
        s->fd = -1;
        s->is_single = true;
        for (unsigned i = 0; i <= LIMIT_ARCHIVE_DEPTH; i++) {
            s->levels[i].source = s;
        }
        snprintf(s->root, sizeof s->root, "%s", name);
        s->levels[0].name_n = name_append(s, 0, "", name);
    }
    return s;
}

enum err source_open_stream(source_read_fn read, void *arg, const char *name, struct source **out,
                            struct errbuf *eb)
{
    struct source *s = source_new(name);
    if (!s) {
        return err_set(eb, ERR_NOMEM, "%s: out of memory", name);
    }
    s->read = read;
    s->read_arg = arg;
    *out = s;
    return OK;
}

enum err source_open(const char *path, struct source **out, struct errbuf *eb)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        bool is_missing = errno == ENOENT || errno == ENOTDIR;
        enum err e =
            err_set(eb, is_missing ? ERR_NOTFOUND : ERR_IO, "%s: %s", path, strerror(errno));
        if (fd >= 0 && !is_stdin) {
            close(fd);
        }
        return e;
    }
    struct source *s = source_new(is_stdin ? "standard input" : path);
    if (!s) {
        if (!is_stdin) {
            close(fd);
        }
        return err_set(eb, ERR_NOMEM, "%s: out of memory", path);
    }
    s->is_fd_owned = !is_stdin;
    if (S_ISDIR(st.st_mode) && !is_stdin) {
        s->is_single = false;
        enum err e = folder_open(fd, &s->folder);
        if (e != OK) {
            source_close(s);
            return err_set(eb, e, "%s: %s", path, err_text(e));
        }
        s->bytes_total = folder_bytes(s->folder);
    } else {
        s->fd = fd;
        s->bytes_total = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    }
    *out = s;
    return OK;
}

struct source_progress source_progress(const struct source *s)
{
    uint64_t at = s->is_open ? s->levels[0].reader.bytes : 0;
    at = s->file_bytes && at > s->file_bytes ? s->file_bytes : at;
    return (struct source_progress){.bytes_read = s->bytes_done + at,
                                    .bytes_total = s->bytes_total};
}

size_t source_rejects(const struct source *s, const struct source_rejects **out)
{
    *out = s->rejects;
    return s->reject_count;
}

void source_close(struct source *s)
{
    if (!s) {
        return;
    }
    for (unsigned i = LIMIT_ARCHIVE_DEPTH + 1; i-- > 0;) {
        packed_close(&s->levels[i].packed);
        reader_free(&s->levels[i].reader);
    }
    if (s->fd >= 0 && s->is_fd_owned) {
        close(s->fd);
    }
    folder_close(s->folder);
    free(s);
}
