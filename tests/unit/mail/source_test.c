/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources as a whole: files, folders, archives in archives, damage, order, rejects, memory. */
#include "source_util.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct pack_member MEMBERS[] = {
    {"spam/", SLICE("")},         {"spam/0002", SLICE(MAIL_B)},
    {"spam/0001", SLICE(MAIL_A)}, {"spam/cmds", SLICE("mv 1 0001\n")},
    {"ham.mbox", SLICE(MBOX_AB)}, {"logo.png", SLICE("\x89PNG\r\n\x1a\n")},
    {"empty", SLICE("")},         {"last", SLICE(MAIL_C)},
};

static const char MEMBERS_TRANSCRIPT[] =
    "stream!spam/0002 60 0 <>\n" MAIL_B "--\n"
    "stream!spam/0001 71 0 <>\n" MAIL_A "--\n"
    "stream!ham.mbox 71 1095069600 <a@example.com>\n" MAIL_A "--\n"
    "stream!ham.mbox 60 1285936496 <b@example.com>\n" MAIL_B "--\n"
    "stream!last 50 0 <>\n" MAIL_C "--\n"
    "reject 1 not mail: text: stream!spam/cmds\n"
    "reject 1 not mail: image: stream!logo.png\n"
    "reject 1 empty file: stream!empty\n";

static void assert_text(const char *what, const struct strbuf *got, const char *want)
{
    if (strcmp(strbuf_cstr(got), want) != 0) {
        fail_msg("%s: got\n%s\nexpected\n%s", what, strbuf_cstr(got), want);
    }
}

static void test_archives(void **state)
{
    static const char *const FORMATS[] = {"tar", "zip"};
    static const char *const FILTERS[] = {"", "gzip", "zstd", "xz", "bzip2"};
    static const size_t CHUNKS[] = {1, 509, SIZE_MAX};
    (void)state;
    for (size_t i = 0; i < COUNT(FORMATS); i++) {
        for (size_t k = 0; k < COUNT(FILTERS); k++) {
            struct strbuf packed = STRBUF_INIT;
            pack(&packed, FORMATS[i], FILTERS[k], MEMBERS, COUNT(MEMBERS));
            for (size_t c = 0; c < COUNT(CHUNKS); c++) {
                struct strbuf got = STRBUF_INIT;
                transcribe_chunks(strbuf_slice(&packed), CHUNKS[c], &got);
                assert_text(FILTERS[k], &got, MEMBERS_TRANSCRIPT);
                strbuf_free(&got);
            }
            strbuf_free(&packed);
        }
    }
}

/* As a file a zip is read by its directory at the end; the messages are the same. */
static void test_zip_file(void **state)
{
    struct strbuf packed = STRBUF_INIT, stream = STRBUF_INIT, file = STRBUF_INIT;
    (void)state;
    pack(&packed, "zip", "", MEMBERS, COUNT(MEMBERS));
    transcribe_chunks(strbuf_slice(&packed), 100, &stream);
    transcribe_path(make_file("stream", strbuf_slice(&packed)), &file, true);
    size_t prefix = strlen(scratch) + 1;
    const char *at = file.p;
    assert_int_equal(strncmp(at, scratch, strlen(scratch)), 0);
    assert_int_equal(strncmp(at + prefix, stream.p, strlen("stream!spam/0002 60")), 0);
    strbuf_clear(&stream);
    strbuf_clear(&file);
    struct chunks c = {strbuf_slice(&packed), 100, false};
    struct source *s;
    assert_int_equal(source_open_stream(chunks_read, &c, "stream", &s, NULL), OK);
    transcribe(s, &stream, false);
    source_close(s);
    transcribe_path(in_scratch("stream"), &file, false);
    assert_text("zip file", &file, strbuf_cstr(&stream));
    strbuf_free(&packed);
    strbuf_free(&stream);
    strbuf_free(&file);
}

static void test_one_file_compressed(void **state)
{
    static const char *const FILTERS[] = {"gzip", "zstd", "xz", "bzip2"};
    (void)state;
    for (size_t k = 0; k < COUNT(FILTERS); k++) {
        struct strbuf packed = STRBUF_INIT, got = STRBUF_INIT;
        pack_one(&packed, "raw", FILTERS[k], "data", S(MBOX_AB));
        transcribe_chunks(strbuf_slice(&packed), 3, &got);
        assert_text(FILTERS[k], &got,
                    "stream 71 1095069600 <a@example.com>\n" MAIL_A "--\n"
                    "stream 60 1285936496 <b@example.com>\n" MAIL_B "--\n");
        strbuf_free(&packed);
        strbuf_free(&got);
    }
}

/* mbox.gz in tar in zip in tar.zst: four layers are read, five are not. */
static void test_nesting(void **state)
{
    struct strbuf packed = STRBUF_INIT, got = STRBUF_INIT;
    (void)state;
    pack_one(&packed, "raw", "gzip", "data", S(MBOX_AB));
    pack_one(&packed, "tar", "", "in.gz", strbuf_slice(&packed));
    pack_one(&packed, "zip", "", "in.tar", strbuf_slice(&packed));
    pack_one(&packed, "tar", "zstd", "in.zip", strbuf_slice(&packed));
    transcribe_chunks(strbuf_slice(&packed), 777, &got);
    assert_text("depth 4", &got,
                "stream!in.zip!in.tar!in.gz 71 1095069600 <a@example.com>\n" MAIL_A "--\n"
                "stream!in.zip!in.tar!in.gz 60 1285936496 <b@example.com>\n" MAIL_B "--\n");
    pack_one(&packed, "tar", "", "out.tar", strbuf_slice(&packed));
    strbuf_clear(&got);
    transcribe_chunks(strbuf_slice(&packed), 777, &got);
    assert_text("depth 5", &got,
                "reject 1 archives nested too deep: stream!out.tar!in.zip!in.tar!in.gz\n");
    strbuf_free(&packed);
    strbuf_free(&got);
}

/* zstd --long=27: a window of 128 MiB in the frame header, used or not. */
static void test_zstd_long(void **state)
{
    struct strbuf packed = STRBUF_INIT, got = STRBUF_INIT;
    (void)state;
    pack_long(&packed, "tar", "zstd", "zstd:compression-level=3", MEMBERS, COUNT(MEMBERS));
    /* The frame header: magic, descriptor, window. 2^(10 + (0x88 >> 3)) = 2^27. */
    assert_int_equal(packed.p[4] & 0x20, 0);
    packed.p[5] = (char)0x88;
    transcribe_chunks(strbuf_slice(&packed), SIZE_MAX, &got);
    assert_text("--long=27", &got, MEMBERS_TRANSCRIPT);
    strbuf_free(&packed);
    strbuf_free(&got);
}

static size_t lines_with(const struct strbuf *text, const char *needle)
{
    size_t n = 0;
    for (const char *p = strbuf_cstr(text); (p = strstr(p, needle)) != NULL; p++) {
        n++;
    }
    return n;
}

/* Cut anywhere: what came before is read, nothing is invented, the damage is one reject. */
static void test_truncated_gzip(void **state)
{
    struct strbuf packed = STRBUF_INIT, mbox = STRBUF_INIT;
    (void)state;
    for (int i = 0; i < 3000; i++) {
        strbuf_printf(&mbox, FROM_A "Subject: %d\nX-Random: %08x\n\nbody\n\n", i,
                      (unsigned)i * 2654435761U);
    }
    pack_one(&packed, "raw", "gzip", "data", strbuf_slice(&mbox));
    size_t last = 0;
    for (size_t n = 40; n < packed.n; n += 1999) {
        struct strbuf got = STRBUF_INIT;
        transcribe_chunks(slice_sub(strbuf_slice(&packed), 0, n), 4096, &got);
        size_t messages = lines_with(&got, "Subject: ");
        assert_true(messages >= last && messages < 3000);
        assert_int_equal(lines_with(&got, "body\n"), messages);
        assert_int_equal(lines_with(&got, "reject 1 damaged archive"), 1);
        assert_int_equal(lines_with(&got, "reject"), 1);
        last = messages;
        strbuf_free(&got);
    }
    /* libarchive gives what it unpacks in blocks of 64 KiB, and a cut block not at all. */
    assert_true(last > 1500);
    strbuf_free(&packed);
    strbuf_free(&mbox);
}

/* One member is damaged (its checksum does not fit): it is left out, the others are not. */
static void test_damaged_member(void **state)
{
    struct strbuf inner = STRBUF_INIT, packed = STRBUF_INIT, got = STRBUF_INIT;
    (void)state;
    pack_one(&inner, "raw", "gzip", "data", S(MAIL_A MAIL_A MAIL_A MAIL_A MAIL_A));
    inner.p[inner.n / 2] ^= 0x55;
    struct pack_member members[] = {
        {"one", SLICE(MAIL_A)}, {"bad.gz", strbuf_slice(&inner)}, {"two", SLICE(MAIL_B)}};
    pack(&packed, "tar", "", members, COUNT(members));
    transcribe_chunks(strbuf_slice(&packed), 1000, &got);
    assert_text("damaged member", &got,
                "stream!one 71 0 <>\n" MAIL_A "--\n"
                "stream!two 60 0 <>\n" MAIL_B "--\n"
                "reject 1 damaged archive: stream!bad.gz\n");

    strbuf_clear(&got);
    struct pack_member pair[] = {{"one", SLICE(MAIL_A MAIL_A MAIL_A)}, {"two", SLICE(MAIL_B)}};
    pack_long(&packed, "zip", "", "compression=store", pair, COUNT(pair));
    char *body = memmem(packed.p, packed.n, "body of a", 9);
    assert_non_null(body);
    *body = 'B';
    /* As a stream, a stored member of unknown length ends where the checksum fits. */
    transcribe_path(make_file("zip", strbuf_slice(&packed)), &got, false);
    assert_text("zip with a wrong checksum", &got,
                " 60 0 <>\n" MAIL_B "--\nreject 1 damaged archive: \n");
    strbuf_free(&inner);
    strbuf_free(&packed);
    strbuf_free(&got);
}

static void test_truncated_tar(void **state)
{
    struct strbuf packed = STRBUF_INIT, got = STRBUF_INIT;
    (void)state;
    pack(&packed, "tar", "", MEMBERS, COUNT(MEMBERS));
    transcribe_chunks(slice_sub(strbuf_slice(&packed), 0, 512 * 4 + 20), 1000, &got);
    assert_text("tar", &got,
                "stream!spam/0002 60 0 <>\n" MAIL_B "--\n"
                "reject 1 damaged archive: stream!spam/0001\n");
    strbuf_free(&packed);
    strbuf_free(&got);
}

/* Nothing built to fill a disk is unpacked to its end. */
static void test_bomb(void **state)
{
    struct strbuf packed = STRBUF_INIT, got = STRBUF_INIT;
    size_t n = 480u * 1024 * 1024;
    char *zeros = calloc(1, n);
    (void)state;
    assert_non_null(zeros);
    struct pack_member members[] = {{"a", SLICE(MAIL_A)}, {"zeros", slice_of(zeros, n)}};
    pack_long(&packed, "tar", "zstd", "zstd:compression-level=1", members, COUNT(members));
    free(zeros);
    /* zstd makes 10,000 : 1 of zeros. */
    assert_true(packed.n < 120 * 1024);
    transcribe_chunks(strbuf_slice(&packed), 1 << 20, &got);
    assert_text("bomb", &got,
                "stream!a 71 0 <>\n" MAIL_A "--\n"
                "reject 1 not mail: binary: stream!zeros\n"
                "reject 1 archive expands too much: stream!zeros\n");
    strbuf_free(&packed);
    strbuf_free(&got);
}

static void make_maildir(void)
{
    make_folder("box");
    make_folder("box/md");
    make_folder("box/md/cur");
    make_folder("box/md/new");
    make_folder("box/md/tmp");
    make_folder("box/md/.Sent");
    make_folder("box/tmp");
    make_file("box/md/new/1285891201.M1P2.host", S(MAIL_B));
    make_file("box/md/cur/1285891200.M1P2.host:2,S", S(MAIL_A));
    make_file("box/md/tmp/1285891202.M1P2.host", S(MAIL_C));
    make_file("box/md/dovecot-uidlist", S("3 V1275660208 N25022 G3085\n25006 :1276528487.M3\n"));
    make_file("box/md/.Sent/1", S(MAIL_C));
    make_file("box/tmp/x", S(MAIL_C)); /* not a Maildir's */
    make_file("box/Z", S(MBOX_AB));
    make_file("box/a", S(MAIL_A));
    make_file("box/ZZ.txt", S("notes\n"));
    make_file("box/bell\a", S(""));
}

static void test_folder(void **state)
{
    struct strbuf got = STRBUF_INIT, names = STRBUF_INIT;
    struct source *s;
    struct source_message m;
    (void)state;
    make_maildir();
    assert_int_equal(symlink("..", in_scratch("box/loop")), 0);
    assert_int_equal(symlink("a", in_scratch("box/link")), 0);
    assert_int_equal(symlink("nowhere", in_scratch("box/broken")), 0);
    assert_int_equal(mkfifo(in_scratch("box/fifo"), 0600), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", in_scratch("box/socket"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);

    assert_int_equal(source_open(in_scratch("box"), &s, NULL), OK);
    uint64_t read_before = 0, total = source_progress(s).bytes_total;
    while (source_next(s, &m, NULL) == OK) {
        strbuf_printf(&names, "%s\n", m.name + strlen(scratch) + 1);
        struct source_progress p = source_progress(s);
        assert_true(p.bytes_read >= read_before && p.bytes_read <= p.bytes_total);
        read_before = p.bytes_read;
    }
    assert_text("order", &names,
                "box/Z\nbox/Z\nbox/a\nbox/link\nbox/md/.Sent/1\n"
                "box/md/cur/1285891200.M1P2.host:2,S\nbox/md/new/1285891201.M1P2.host\n"
                "box/tmp/x\n");
    assert_int_equal(source_progress(s).bytes_read, total);
    const struct source_rejects *r;
    size_t n = source_rejects(s, &r);
    for (size_t i = 0; i < n; i++) {
        strbuf_printf(&got, "%llu %s: %s\n", (unsigned long long)r[i].count, r[i].reason,
                      r[i].example + strlen(scratch) + 1);
    }
    assert_text("rejects", &got,
                "2 not mail: text: box/ZZ.txt\n"
                "1 empty file: box/bell?\n"
                "1 unreadable: box/broken\n"
                "2 not a regular file: box/fifo\n"
                "1 symbolic link to a folder: box/loop\n");
    source_close(s);

    for (uint64_t skip = 0; skip <= 8; skip++) {
        assert_int_equal(source_open(in_scratch("box"), &s, NULL), OK);
        assert_int_equal(source_skip(s, skip, NULL), OK);
        if (skip < 8) {
            const char *want = names.p;
            for (uint64_t i = 0; i < skip; i++) {
                want = strchr(want, '\n') + 1;
            }
            assert_int_equal(source_next(s, &m, NULL), OK);
            assert_int_equal(m.ordinal, skip);
            assert_memory_equal(m.name + strlen(scratch) + 1, want,
                                (size_t)(strchr(want, '\n') - want));
        } else {
            assert_int_equal(source_next(s, &m, NULL), ERR_END);
        }
        source_close(s);
    }
    strbuf_free(&got);
    strbuf_free(&names);
}

/* More names than are held at once (2 MiB of them): every one comes, in order, once. */
static void test_large_folder(void **state)
{
    enum { FILES = 20000, NAME_BYTES = 250 };
    struct source *s;
    char last[NAME_BYTES + 1] = "";
    (void)state;
    make_folder("large");
    make_file("mail", S(MAIL_C));
    make_file("nothing", S(""));
    for (int i = 0; i < FILES; i++) {
        /* Not made in order, so that halving has something to sort; links cost no inode. */
        char name[NAME_BYTES + 16];
        snprintf(name, sizeof name, "large/%08x%0*d", (unsigned)i * 2654435761U, NAME_BYTES - 8, i);
        const char *content = in_scratch(i % 100 == 0 ? "mail" : "nothing");
        assert_int_equal(link(content, in_scratch(name)), 0);
    }
    assert_int_equal(source_open(in_scratch("large"), &s, NULL), OK);
    struct source_message m;
    int n = 0;
    while (source_next(s, &m, NULL) == OK) {
        const char *base = strrchr(m.name, '/') + 1;
        assert_true(strcmp(base, last) > 0);
        snprintf(last, sizeof last, "%s", base);
        n++;
    }
    const struct source_rejects *r;
    assert_int_equal(source_rejects(s, &r), 1);
    assert_int_equal(n, FILES / 100);
    assert_int_equal(r[0].count, FILES - FILES / 100);
    source_close(s);
}

static void test_folder_depth(void **state)
{
    struct strbuf folder = STRBUF_INIT, mail = STRBUF_INIT;
    (void)state;
    strbuf_add_cstr(&folder, "deep");
    for (int i = 0; i <= LIMIT_FOLDER_DEPTH; i++) {
        make_folder(strbuf_cstr(&folder));
        strbuf_clear(&mail);
        strbuf_printf(&mail, "%s/m", strbuf_cstr(&folder));
        make_file(strbuf_cstr(&mail), S(MAIL_A));
        strbuf_add_cstr(&folder, "/d");
    }
    strbuf_free(&folder);
    strbuf_free(&mail);
    struct strbuf got = STRBUF_INIT;
    transcribe_path(in_scratch("deep"), &got, false);
    assert_int_equal(lines_with(&got, "71 0 <>"), LIMIT_FOLDER_DEPTH);
    assert_int_equal(lines_with(&got, "reject 1 folders nested too deep"), 1);
    strbuf_free(&got);
}

/* The Maildir's undelivered mail is left out of an archive, too; "tmp" alone says nothing. */
static void test_maildir_in_tar(void **state)
{
    static const struct pack_member MAILDIR[] = {
        {"md/tmp/1285891202.M1P2.host", SLICE(MAIL_C)},
        {"md/cur/1285891200.M1P2.host:2,S", SLICE(MAIL_A)},
        {"tmp/mail", SLICE(MAIL_B)},
    };
    struct strbuf packed = STRBUF_INIT, got = STRBUF_INIT;
    (void)state;
    pack(&packed, "tar", "gzip", MAILDIR, COUNT(MAILDIR));
    transcribe_chunks(strbuf_slice(&packed), 1000, &got);
    assert_text("tar", &got,
                "stream!md/cur/1285891200.M1P2.host:2,S 71 0 <>\n" MAIL_A "--\n"
                "stream!tmp/mail 60 0 <>\n" MAIL_B "--\n"
                "reject 1 in a Maildir's tmp: not delivered: "
                "stream!md/tmp/1285891202.M1P2.host\n");
    strbuf_free(&packed);
    strbuf_free(&got);
}

static void test_one_mail(void **state)
{
    static const struct {
        const char *name, *input, *raw;
    } CASES[] = {
        {"LF", MAIL_A, MAIL_A},
        {"kept as it is", "Subject: x\r\n\r\n>From y\r\n\r\n\r\n",
         "Subject: x\r\n\r\n>From y\r\n\r\n\r\n"},
        {"BOM and blank lines off", "\xef\xbb\xbf\r\n\n" MAIL_B, MAIL_B},
        {"junk line stays", "lost words\n" MAIL_A, "lost words\n" MAIL_A},
        {"From line in the body", MAIL_C "\n" FROM_A MAIL_B, MAIL_C "\n" FROM_A MAIL_B},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct chunks c = {slice_cstr(CASES[i].input), 3, false};
        struct source *s;
        struct source_message m;
        assert_int_equal(source_open_stream(chunks_read, &c, "t", &s, NULL), OK);
        assert_int_equal(source_next(s, &m, NULL), OK);
        if (!slice_eq(m.raw, slice_cstr(CASES[i].raw))) {
            fail_msg("%s: \"%.*s\"", CASES[i].name, SLICE_ARG(m.raw));
        }
        assert_int_equal(source_next(s, &m, NULL), ERR_END);
        source_close(s);
    }
}

static void test_one_mail_limit(void **state)
{
    static const size_t CHUNKS[] = {65521, 1 << 20, SIZE_MAX};
    static const size_t EXTRA[] = {0, 1, 2, 1000003, 2 * LIMIT_MESSAGE_BYTES};
    (void)state;
    for (size_t i = 0; i < COUNT(EXTRA); i++) {
        size_t n = LIMIT_MESSAGE_BYTES - 1 + EXTRA[i];
        char *mail = malloc(n);
        assert_non_null(mail);
        for (size_t k = 0; k < n; k++) {
            mail[k] = "abcdefghijklmnopqrstuvwxyz01234\n"[k % 32];
        }
        memcpy(mail, MAIL_A, strlen(MAIL_A));
        for (size_t k = 0; k < COUNT(CHUNKS); k++) {
            struct chunks c = {slice_of(mail, n), CHUNKS[k], false};
            struct source *s;
            struct source_message m;
            assert_int_equal(source_open_stream(chunks_read, &c, "t", &s, NULL), OK);
            assert_int_equal(source_next(s, &m, NULL), OK);
            assert_int_equal(m.bytes, n);
            assert_int_equal(m.is_truncated, n > LIMIT_MESSAGE_BYTES);
            assert_true(slice_eq(m.raw, slice_sub(slice_of(mail, n), 0, LIMIT_MESSAGE_BYTES)));
            assert_int_equal(source_next(s, &m, NULL), ERR_END);
            source_close(s);
        }
        free(mail);
    }
}

static void test_open_errors(void **state)
{
    struct source *s = NULL;
    struct errbuf eb = {{0}, 0, 0, {0}};
    struct source_message m;
    (void)state;
    assert_int_equal(source_open(in_scratch("no/such"), &s, &eb), ERR_NOTFOUND);
    assert_non_null(strstr(eb.text, in_scratch("no/such")));
    make_file("plain", S(MAIL_A));
    assert_int_equal(source_open(in_scratch("plain/below"), &s, &eb), ERR_NOTFOUND);
    assert_null(s);
    assert_int_equal(source_open("/proc/self/mem", &s, &eb), OK); /* opens, but reading fails */
    assert_int_equal(source_next(s, &m, &eb), ERR_IO);
    assert_non_null(strstr(eb.text, "/proc/self/mem"));
    assert_int_equal(source_next(s, &m, &eb), ERR_IO);
    source_close(s);
    source_close(NULL);
}

/* A stream that breaks off: what is complete is given, then the error; the broken message is not
 * taken for a whole one. */
static void test_stream_error(void **state)
{
    struct chunks c = {S(MBOX_AB FROM_A "Subject: cut\n\nbo"), 10, true};
    struct source *s;
    struct source_message m;
    struct errbuf eb = {{0}, 0, 0, {0}};
    (void)state;
    assert_int_equal(source_open_stream(chunks_read, &c, "feed", &s, NULL), OK);
    assert_int_equal(source_next(s, &m, &eb), OK);
    assert_int_equal(source_next(s, &m, &eb), OK);
    assert_int_equal(source_next(s, &m, &eb), ERR_IO);
    assert_non_null(strstr(eb.text, "feed"));
    source_close(s);
}

/* Makes up an mbox as it is read. */
struct endless {
    uint64_t left;
    size_t at;
};

static const char ENDLESS[] = FROM_A MAIL_A "some more text to make it a line\n>From quoted\n\n";

static long endless_read(void *arg, char *p, size_t n)
{
    struct endless *e = arg;
    size_t done = 0;
    while (done < n && e->left > 0) {
        size_t part = sizeof ENDLESS - 1 - e->at;
        part = part < n - done ? part : n - done;
        part = part < e->left ? part : (size_t)e->left;
        memcpy(p + done, ENDLESS + e->at, part);
        e->at = (e->at + part) % (sizeof ENDLESS - 1);
        e->left -= part;
        done += part;
    }
    return (long)done;
}

static long rss_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* 150 MB through the pipe: memory does not follow the size. Comes first in the list, as the peak of
 * the process is what can be asked for. */
static void test_memory(void **state)
{
    struct endless e = {(uint64_t)(sizeof ENDLESS - 1) * 1000000, 0};
    struct source *s;
    struct source_message m;
    long before = rss_kib();
    uint64_t n = 0;
    (void)state;
    assert_int_equal(source_open_stream(endless_read, &e, "t", &s, NULL), OK);
    while (source_next(s, &m, NULL) == OK) {
        n++;
    }
    assert_int_equal(n, 1000000);
    source_close(s);
    assert_in_range(rss_kib() - before, 0, 4 * 1024);
}

/* A window of LIMIT_MESSAGE_BYTES, and the one before it that is copied. The address sanitizer
 * keeps what was freed, and the window doubles on its way up. */
#if defined(__SANITIZE_ADDRESS__) || defined(FUZZING)
enum { ONE_MESSAGE_KIB = 64 * 1024 };
#else
enum { ONE_MESSAGE_KIB = 14 * 1024 };
#endif

static long long_line_read(void *arg, char *p, size_t n)
{
    uint64_t *left = arg;
    n = n < *left ? n : (size_t)*left;
    memset(p, 'x', n);
    if (*left == 100 * 1000 * 1000) {
        memcpy(p, FROM_A, strlen(FROM_A));
    }
    *left -= n;
    return (long)n;
}

static void test_memory_one_message(void **state)
{
    uint64_t left = 100 * 1000 * 1000;
    struct source *s;
    struct source_message m;
    long before = rss_kib();
    (void)state;
    assert_int_equal(source_open_stream(long_line_read, &left, "t", &s, NULL), OK);
    assert_int_equal(source_next(s, &m, NULL), OK);
    assert_int_equal(m.bytes, 100 * 1000 * 1000 - strlen(FROM_A));
    assert_int_equal(m.raw.n, LIMIT_MESSAGE_BYTES);
    assert_int_equal(source_next(s, &m, NULL), ERR_END);
    source_close(s);
    assert_in_range(rss_kib() - before, 0, ONE_MESSAGE_KIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_memory_one_message),
        cmocka_unit_test(test_archives),
        cmocka_unit_test_setup_teardown(test_zip_file, scratch_make, scratch_remove),
        cmocka_unit_test(test_one_file_compressed),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_zstd_long),
        cmocka_unit_test(test_truncated_gzip),
        cmocka_unit_test_setup_teardown(test_damaged_member, scratch_make, scratch_remove),
        cmocka_unit_test(test_truncated_tar),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test_setup_teardown(test_folder, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_large_folder, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_folder_depth, scratch_make, scratch_remove),
        cmocka_unit_test(test_maildir_in_tar),
        cmocka_unit_test(test_one_mail),
        cmocka_unit_test(test_one_mail_limit),
        cmocka_unit_test_setup_teardown(test_open_errors, scratch_make, scratch_remove),
        cmocka_unit_test(test_stream_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
