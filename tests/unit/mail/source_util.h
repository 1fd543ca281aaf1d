/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of sources share: scratch folders, archives made on the spot, streams in any
 * chunking, and a transcript of all that a source gave. */
#ifndef TESTS_SOURCE_UTIL_H
#define TESTS_SOURCE_UTIL_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

#include "core/limits.h"
#include "core/strbuf.h"
#include "mail/source.h"

#include <archive.h>
#include <archive_entry.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAIL_A  "Received: from a.example.com\nFrom: a@example.com\nSubject: A\n\nbody of a\n"
#define MAIL_B  "From: b@example.com\nTo: t@example.org\nSubject: B\n\nbody of b\n"
#define MAIL_C  "Message-ID: <c@example.com>\nSubject: C\n\nbody of c\n"
#define FROM_A  "From a@example.com Mon Sep 13 10:00:00 2004\n"
#define FROM_B  "From b@example.com  Fri Oct  1 12:34:56 2010\n"
#define MBOX_AB FROM_A MAIL_A "\n" FROM_B MAIL_B "\n"

#define UNUSED __attribute__((unused))

static char scratch[64];

static UNUSED int scratch_make(void **state)
{
    (void)state;
    snprintf(scratch, sizeof scratch, "/tmp/source_test.XXXXXX");
    return mkdtemp(scratch) ? 0 : -1;
}

static int scratch_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static UNUSED int scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* "scratch/name", good until the call after the next three. */
static UNUSED const char *in_scratch(const char *name)
{
    static char path[4][4096];
    static unsigned turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", scratch, name);
    return path[turn];
}

static UNUSED void make_folder(const char *name)
{
    assert_int_equal(mkdir(in_scratch(name), 0700), 0);
}

static UNUSED const char *make_file(const char *name, struct slice content)
{
    const char *path = in_scratch(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(content.p ? content.p : "", 1, content.n, f), content.n);
    assert_int_equal(fclose(f), 0);
    return path;
}

/* An archive in memory. `format` is "tar", "zip" or "raw", `filter` "", "gzip", "zstd", "xz" or
 * "bzip2". A name that ends in "/" is a folder. */
struct pack_member {
    const char *name;
    struct slice content;
};

static la_ssize_t pack_write(struct archive *a, void *arg, const void *p, size_t n)
{
    (void)a;
    strbuf_add(arg, slice_of(p, n));
    return (la_ssize_t)n;
}

static UNUSED void pack_long(struct strbuf *out, const char *format, const char *filter,
                             const char *options, const struct pack_member *members, size_t count)
{
    struct archive *a = archive_write_new();
    strbuf_clear(out);
    assert_int_equal(strcmp(format, "tar") == 0   ? archive_write_set_format_ustar(a)
                     : strcmp(format, "zip") == 0 ? archive_write_set_format_zip(a)
                                                  : archive_write_set_format_raw(a),
                     ARCHIVE_OK);
    if (filter[0]) {
        assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
    }
    if (options) {
        assert_int_equal(archive_write_set_options(a, options), ARCHIVE_OK);
    }
    archive_write_set_bytes_per_block(a, 512);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open(a, out, NULL, pack_write, NULL), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        struct archive_entry *e = archive_entry_new();
        size_t n = strlen(members[i].name);
        bool is_folder = n > 0 && members[i].name[n - 1] == '/';
        archive_entry_set_pathname(e, members[i].name);
        archive_entry_set_filetype(e, is_folder ? AE_IFDIR : AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, (la_int64_t)members[i].content.n);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        if (!is_folder) {
            assert_int_equal(archive_write_data(a, members[i].content.p, members[i].content.n),
                             members[i].content.n);
        }
        archive_entry_free(e);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    assert_false(out->failed);
}

static UNUSED void pack(struct strbuf *out, const char *format, const char *filter,
                        const struct pack_member *members, size_t count)
{
    pack_long(out, format, filter, NULL, members, count);
}

/* One member, whose content may be what `out` holds now. */
static UNUSED void pack_one(struct strbuf *out, const char *format, const char *filter,
                            const char *name, struct slice content)
{
    struct strbuf fresh = STRBUF_INIT;
    struct pack_member member = {name, content};
    pack(&fresh, format, filter, &member, 1);
    strbuf_free(out);
    *out = fresh;
}

/* A stream that gives at most `chunk` bytes a call, and breaks off after `break_at`. */
struct chunks {
    struct slice left;
    size_t chunk;
    bool breaks;
};

static UNUSED long chunks_read(void *arg, char *p, size_t n)
{
    struct chunks *c = arg;
    n = n < c->chunk ? n : c->chunk;
    n = n < c->left.n ? n : c->left.n;
    if (n == 0) {
        return c->breaks ? -1 : 0;
    }
    memcpy(p, c->left.p, n);
    c->left = slice_sub(c->left, n, SIZE_MAX);
    return (long)n;
}

/* All messages as text: "name bytes cut time sender", the raw bytes, a line "--". */
static UNUSED void transcribe(struct source *s, struct strbuf *out, bool with_names)
{
    struct source_message m;
    uint64_t ordinal = 0;
    enum err e;
    while ((e = source_next(s, &m, NULL)) == OK) {
        assert_int_equal(m.ordinal, ordinal);
        ordinal++;
        assert_true(m.raw.n <= LIMIT_MESSAGE_BYTES && m.bytes >= m.raw.n);
        assert_int_equal(m.is_truncated, m.bytes > m.raw.n);
        strbuf_printf(out, "%s %llu%s %lld <%.*s>\n", with_names ? m.name : "",
                      (unsigned long long)m.bytes, m.is_truncated ? " cut" : "",
                      (long long)m.envelope_time, SLICE_ARG(m.envelope_from));
        strbuf_add(out, m.raw);
        strbuf_add_cstr(out, "--\n");
    }
    assert_int_equal(e, ERR_END);
    const struct source_rejects *r;
    size_t n = source_rejects(s, &r);
    for (size_t i = 0; i < n; i++) {
        strbuf_printf(out, "reject %llu %s: %s\n", (unsigned long long)r[i].count, r[i].reason,
                      with_names ? r[i].example : "");
    }
    assert_false(out->failed);
}

static UNUSED void transcribe_chunks(struct slice input, size_t chunk, struct strbuf *out)
{
    struct chunks c = {input, chunk, false};
    struct source *s;
    assert_int_equal(source_open_stream(chunks_read, &c, "stream", &s, NULL), OK);
    transcribe(s, out, true);
    source_close(s);
}

static UNUSED void transcribe_path(const char *path, struct strbuf *out, bool with_names)
{
    struct source *s;
    struct errbuf eb = {{0}, 0, 0, {0}};
    if (source_open(path, &s, &eb) != OK) {
        fail_msg("%s", eb.text);
    }
    transcribe(s, out, with_names);
    source_close(s);
}

#endif
