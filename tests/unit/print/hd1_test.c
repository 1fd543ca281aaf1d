/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HD1: the golden vectors of docs/hd1.md, what must not and what must change it, its bounds. */
#include "message.h"

#include "core/hash.h"

struct vector {
    struct slice name, expected, names, shapes; /* names, shapes: with the LFs that are hashed */
    struct slice message;
};

static char *vectors_text;
static size_t vectors_bytes;

static struct slice vectors_read(void)
{
    const char *root = getenv("SOURCE_ROOT");
    char path[512];
    if (!vectors_text) {
        snprintf(path, sizeof path, "%s/tests/golden/hd1/vectors.txt", root ? root : ".");
        FILE *f = fopen(path, "rb");
        if (!f) {
            fail_msg("cannot open %s", path);
        }
        vectors_text = malloc(1 << 20);
        assert_non_null(vectors_text);
        vectors_bytes = fread(vectors_text, 1, 1 << 20, f);
        assert_true(vectors_bytes > 0 && vectors_bytes < 1 << 20);
        fclose(f);
    }
    return slice_of(vectors_text, vectors_bytes);
}

/* Takes the next vector off `*text`; the lines behind "b " and "c " are gathered in `arena`. */
static bool vector_next(struct slice *text, struct vector *v, struct arena *arena)
{
    char *lines[2];
    size_t counts[2] = {0, 0};
    while (text->n > 0 && !slice_starts(*text, S("=== "))) {
        slice_cut(text, '\n');
    }
    if (text->n == 0) {
        return false;
    }
    struct slice line = slice_cut(text, '\n');
    *v = (struct vector){.name = slice_sub(line, 4, line.n)};
    lines[0] = arena_alloc(arena, 8192);
    lines[1] = arena_alloc(arena, 8192);
    assert_non_null(lines[0]);
    assert_non_null(lines[1]);
    for (line = slice_cut(text, '\n'); !slice_eq(line, S("---")); line = slice_cut(text, '\n')) {
        if (slice_starts(line, S("HD1:"))) {
            v->expected = line;
        } else if (slice_starts(line, S("b ")) || slice_starts(line, S("c "))) {
            int which = line.p[0] == 'c';
            memcpy(lines[which] + counts[which], line.p + 2, line.n - 2);
            counts[which] += line.n - 2;
            lines[which][counts[which]++] = '\n';
        } else {
            assert_true(slice_starts(line, S("#")));
        }
    }
    v->names = slice_of(lines[0], counts[0]);
    v->shapes = slice_of(lines[1], counts[1]);
    size_t end = 0;
    while (end < text->n && !slice_starts(slice_sub(*text, end, 4), S("=== "))) {
        end += slice_find_byte(slice_sub(*text, end, text->n), '\n') + 1;
    }
    end = end < text->n ? end : text->n;
    v->message = slice_sub(*text, 0, end);
    *text = slice_sub(*text, end, text->n);
    return true;
}

/* Says all differences, not the first only. */
static unsigned differs(struct slice name, const char *what, struct slice got, struct slice want)
{
    if (slice_eq(got, want)) {
        return 0;
    }
    print_error("%.*s: %s\n got: %.*s\nwant: %.*s\n", SLICE_ARG(name), what, SLICE_ARG(got),
                SLICE_ARG(want));
    return 1;
}

static void vectors_match(void **state)
{
    (void)state;
    struct slice text = vectors_read();
    struct arena *arena = arena_new(16 << 20);
    struct vector v;
    unsigned count = 0, wrong = 0;
    assert_non_null(arena);
    while (vector_next(&text, &v, arena)) {
        struct message m;
        message_open(&m, v.message);
        wrong += differs(v.name, "names", m.inputs.names, v.names);
        wrong += differs(v.name, "shapes", m.inputs.shapes, v.shapes);
        wrong += differs(v.name, "hd1", slice_cstr(m.text), v.expected);
        message_close(&m);
        struct slice crlf = message_crlf(v.message);
        message_open(&m, crlf);
        wrong += differs(v.name, "with CRLF", slice_cstr(m.text), v.expected);
        message_close(&m);
        free((void *)(uintptr_t)crlf.p);
        count++;
    }
    arena_free(arena);
    assert_int_equal(wrong, 0);
    assert_true(count >= 60);
}

/* The spec page promises that the hashed lines give the hashes: check the promise itself. */
static void vectors_hash(void **state)
{
    (void)state;
    struct slice text = vectors_read();
    struct arena *arena = arena_new(16 << 20);
    struct vector v;
    assert_non_null(arena);
    while (vector_next(&text, &v, arena)) {
        struct hd1 h;
        char hash[13];
        assert_true(hd1_parse(v.expected, &h));
        hash12(v.names, hash);
        assert_string_equal(h.names, v.names.n ? hash : "-");
        hash12(v.shapes, hash);
        assert_string_equal(h.shapes, v.shapes.n ? hash : "-");
    }
    arena_free(arena);
}

#define RELAY                                                                                      \
    "Received: from bot.example.net (bot.example.net [198.51.100.7])\n"                            \
    "\tby mx.example.org (Postfix) with ESMTP id A1B2C3D4E5\n"                                     \
    "\tfor <bob@example.org>; Fri,  1 Oct 2010 12:35:00 +0200 (CEST)\n"
#define FORGED                                                                                     \
    "Received: from a.example.com (b.example.com [203.0.113.5])\n"                                 \
    "\tby c.example.com with SMTP id x7y8; Fri, 1 Oct 2010 03:34:56 -0700\n"
#define ID       "Message-ID: <000001cb6158$1f2e3d4c$0a00a8c0@pc>\n"
#define FROM     "From: \"Ann\" <ann@example.com>\n"
#define TO       "To: <bob@example.org>\n"
#define SUBJECT  "Subject: hi\n"
#define DATE     "Date: Fri, 1 Oct 2010 12:34:56 +0200\n"
#define MIME     "MIME-Version: 1.0\n"
#define BOUNDARY "----=_NextPart_000_0006_01CB6158.1F2E3D4C"
#define TYPE(b)  "Content-Type: multipart/alternative;\n\tboundary=\"" b "\"\n"
#define MAILER   "X-Mailer: Microsoft Outlook Express 6.00.2900.2180\n"
#define BODY(b)                                                                                    \
    "\n--" b "\nContent-Type: text/plain;\n\tcharset=\"iso-8859-1\"\n\nhello\n--" b                \
    "\nContent-Type: text/html;\n\tcharset=\"iso-8859-1\"\n\n<b>hello</b>\n--" b "--\n"
#define BASE                                                                                       \
    RELAY FORGED ID FROM TO SUBJECT DATE MIME TYPE(BOUNDARY)                                       \
    MAILER BODY(BOUNDARY)

enum { PART_A = 1, PART_B = 2, PART_C = 4 };

static unsigned parts_changed(const char *x, const char *y)
{
    struct hd1 a, b;
    char ta[HD1_TEXT_BYTES], tb[HD1_TEXT_BYTES];
    size_t na = 0, nb = 0;
    assert_true(hd1_parse(slice_cstr(x), &a));
    assert_true(hd1_parse(slice_cstr(y), &b));
    hd1_print(&a, ta, &na);
    hd1_print(&b, tb, &nb);
    unsigned changed = na != nb || memcmp(ta, tb, na + 4) != 0 ? PART_A : 0;
    changed |= strcmp(a.names, b.names) != 0 ? PART_B : 0;
    changed |= strcmp(a.shapes, b.shapes) != 0 ? PART_C : 0;
    return changed;
}

static void changes(void **state)
{
    static const struct {
        const char *name;
        const char *message;
        unsigned parts;
    } CASES[] = {
        {"the same", BASE, 0},
        {"another recipient",
         RELAY FORGED ID FROM
         "To: <a.much-longer_name99@mail.example.co.uk>\n" SUBJECT DATE MIME TYPE(BOUNDARY)
             MAILER BODY(BOUNDARY),
         0},
        {"more recipients",
         RELAY FORGED ID FROM "To: <bob@example.org>, <eve@example.org>\n" SUBJECT DATE MIME TYPE(
             BOUNDARY) MAILER BODY(BOUNDARY),
         0},
        {"another sender",
         RELAY FORGED ID "From: \"Zoe, Q.\" <z9@example.net>\n" TO SUBJECT DATE MIME TYPE(BOUNDARY)
             MAILER BODY(BOUNDARY),
         0},
        {"another subject",
         RELAY FORGED ID FROM TO "Subject: =?utf-8?B?aGk=?=\n" DATE MIME TYPE(BOUNDARY)
             MAILER BODY(BOUNDARY),
         0},
        {"another date",
         RELAY FORGED ID FROM TO SUBJECT
         "Date: Sun, 28 Feb 1999 01:02:03 -0530\n" MIME TYPE(BOUNDARY) MAILER BODY(BOUNDARY),
         0},
        {"another zone of minute 60",
         RELAY FORGED ID FROM TO SUBJECT
         "Date: Sun, 28 Feb 1999 01:02:03 +0760\n" MIME TYPE(BOUNDARY) MAILER BODY(BOUNDARY),
         0},
        {"another Message-ID, all digits",
         RELAY FORGED "Message-ID: <012345678901$23456789$01234567@laptop>\n" FROM TO SUBJECT DATE
             MIME TYPE(BOUNDARY) MAILER BODY(BOUNDARY),
         0},
        {"another boundary",
         RELAY FORGED ID FROM TO SUBJECT DATE MIME TYPE("----=_NextPart_000_00A1_01234567.89012345")
             MAILER BODY("----=_NextPart_000_00A1_01234567.89012345"),
         0},
        {"another forged Received",
         RELAY "Received: from x9.example.net (y.example.net [192.0.2.200])\n"
               "\tby zz.example.net with SMTP id q1; Mon, 11 Oct 2010 03:34:56 +0000\n" ID FROM TO
                   SUBJECT DATE MIME TYPE(BOUNDARY) MAILER BODY(BOUNDARY),
         0},
        {"another body", BASE "epilogue", 0},
        {"another build of the mailer",
         RELAY FORGED ID FROM TO SUBJECT DATE MIME TYPE(
             BOUNDARY) "X-Mailer: Microsoft Outlook Express 6.00.2800.1106\n" BODY(BOUNDARY),
         0},
        {"relays on top",
         "Return-Path: <x@example.com>\nX-Foo: by a relay\n"
         "Received: from mx.example.org (localhost [127.0.0.1])\n"
         "\tby store.example.org (Postfix) with ESMTP id FF00FF00FF; Fri,  1 Oct 2010 12:36:00 "
         "+0200 (CEST)\n" BASE,
         0},
        {"X-Spam between",
         RELAY FORGED ID FROM "X-Spam-Flag: YES\nX-Spam-Level: *****\n" TO SUBJECT DATE MIME TYPE(
             BOUNDARY) MAILER "Status: RO\n" BODY(BOUNDARY),
         0},
        {"a list server's fields",
         RELAY FORGED ID FROM TO SUBJECT DATE MIME TYPE(BOUNDARY) MAILER
         "List-Id: <l.example.org>\nSender: l@example.org\nPrecedence: list\n" BODY(BOUNDARY),
         0},
        {"one more forged Received of the kind",
         RELAY FORGED FORGED ID FROM TO SUBJECT DATE MIME TYPE(BOUNDARY) MAILER BODY(BOUNDARY),
         PART_A},
        {"two fields swapped",
         RELAY FORGED ID TO FROM SUBJECT DATE MIME TYPE(BOUNDARY) MAILER BODY(BOUNDARY), PART_B},
        {"case of a name",
         RELAY FORGED "Message-Id: <000001cb6158$1f2e3d4c$0a00a8c0@pc>\n" FROM TO SUBJECT DATE MIME
             TYPE(BOUNDARY) MAILER BODY(BOUNDARY),
         PART_B},
        {"one field more",
         RELAY FORGED ID FROM TO SUBJECT DATE MIME "X-Foo: bar\n" TYPE(BOUNDARY)
             MAILER BODY(BOUNDARY),
         PART_A | PART_B},
        {"the mailer's version class",
         RELAY FORGED ID FROM TO SUBJECT DATE MIME TYPE(
             BOUNDARY) "X-Mailer: Microsoft Outlook Express 5.50.4807.2300\n" BODY(BOUNDARY),
         PART_A},
        {"another mailer",
         RELAY FORGED ID FROM TO SUBJECT DATE MIME TYPE(BOUNDARY) "X-Mailer: Foxmail 4.2\n" BODY(
             BOUNDARY),
         PART_A | PART_C},
        {"From without quotes",
         RELAY FORGED ID "From: Ann <ann@example.com>\n" TO SUBJECT DATE MIME TYPE(BOUNDARY)
             MAILER BODY(BOUNDARY),
         PART_C},
        {"Message-ID in capitals",
         RELAY FORGED "Message-ID: <000001CB6158$1F2E3D4C$0A00A8C0@pc>\n" FROM TO SUBJECT DATE MIME
             TYPE(BOUNDARY) MAILER BODY(BOUNDARY),
         PART_A | PART_C},
        {"Date without weekday",
         RELAY FORGED ID FROM TO SUBJECT "Date: 1 Oct 2010 12:34:56 +0200\n" MIME TYPE(BOUNDARY)
             MAILER BODY(BOUNDARY),
         PART_A | PART_C},
        {"folding of Content-Type",
         RELAY FORGED ID FROM TO SUBJECT DATE MIME
         "Content-Type: multipart/alternative; boundary=\"" BOUNDARY "\"\n" MAILER BODY(BOUNDARY),
         PART_C},
        {"a charset",
         RELAY FORGED ID FROM TO SUBJECT DATE MIME TYPE(BOUNDARY) MAILER
         "\n--" BOUNDARY "\nContent-Type: text/plain;\n\tcharset=\"koi8-r\"\n\nhello\n--" BOUNDARY
         "\nContent-Type: text/html;\n\tcharset=\"iso-8859-1\"\n\n<b>hello</b>\n--" BOUNDARY "--\n",
         PART_A},
    };
    char base[HD1_TEXT_BYTES + 1], other[HD1_TEXT_BYTES + 1];
    (void)state;
    message_hd1(slice_cstr(BASE), base);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (unsigned crlf = 0; crlf < 2; crlf++) {
            struct slice raw = slice_cstr(CASES[i].message);
            struct slice fed = crlf ? message_crlf(raw) : raw;
            message_hd1(fed, other);
            if (parts_changed(base, other) != CASES[i].parts) {
                fail_msg("%s: parts %#x changed, not %#x\n%s\n%s", CASES[i].name,
                         parts_changed(base, other), CASES[i].parts, base, other);
            }
            if (crlf) {
                free((void *)(uintptr_t)fed.p);
            }
        }
    }
}

/* Random ids of the bots that matter: the shape must not depend on which digits were drawn. */
static void random_parts_are_stable(void **state)
{
    uint64_t seed = 7;
    char first[HD1_TEXT_BYTES + 1], text[HD1_TEXT_BYTES + 1], raw[1024];
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t r[5];
        for (unsigned k = 0; k < 5; k++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            r[k] = (uint32_t)(seed >> 32);
        }
        int n =
            snprintf(raw, sizeof raw,
                     "Message-ID: <%04x%08x$%08x$%08x@h%u.example.com>\n"
                     "From: \"N%u\" <u%u@example.com>\nTo: <t%u@example.org>\n"
                     "Content-Type: multipart/mixed;\n\tboundary=\"----=_NextPart_000_%04X_%08X."
                     "%08X\"\n\nx\n",
                     r[0] & 0xffff, r[1], r[2], r[3], r[4] % 1000, r[0], r[1] % 100, r[2],
                     r[3] & 0xffff, r[4], r[0]);
        message_hd1(slice_of(raw, (size_t)n), i == 0 ? first : text);
        if (i > 0) {
            assert_string_equal(text, first);
        }
    }
}

static void parse_refuses(void **state)
{
    static const char *const BAD[] = {
        "",
        "HD1:",
        "HD2:03.p.--r-.0.--_0123456789ab_0123456789ab",
        "HD1:3.p.--r-.0.--_0123456789ab_0123456789ab",
        "HD1:003.p.--r-.0.--_0123456789ab_0123456789ab",
        "HD1:0x.p.--r-.0.--_0123456789ab_0123456789ab",
        "HD1:03..--r-.0.--_0123456789ab_0123456789ab",
        "HD1:03.a(p.--r-.0.--_0123456789ab_0123456789ab",
        "HD1:03.a)p(.--r-.0.--_0123456789ab_0123456789ab",
        "HD1:03.a~p.--r-.0.--_0123456789ab_0123456789ab",
        "HD1:03.p.--r.0.--_0123456789ab_0123456789ab",
        "HD1:03.p.--r-.10.--_0123456789ab_0123456789ab",
        "HD1:03.p.--r-.0.---_0123456789ab_0123456789ab",
        "HD1:03.p.--r-.0.--_0123456789AB_0123456789ab",
        "HD1:03.p.--r-.0.--_0123456789a_0123456789ab",
        "HD1:03.p.--r-.0.--_0123456789ab_0123456789ab_",
        "HD1:03.p.--r-.0.--_0123456789ab",
    };
    struct hd1 h;
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (hd1_parse(slice_cstr(BAD[i]), &h)) {
            fail_msg("taken: %s", BAD[i]);
        }
    }
}

static void parse_inverts_print(void **state)
{
    static const char *const GOOD[] = {
        "HD1:00.p.----.0.--_-_-",
        "HD1:99.m(r(hg+)z).??rr.9.a7uq_0123456789ab_-",
        "HD1:14.m(pgpgpgpgpgpgpgpgpgpgpgpgpgpgp~.onr6.0.17_-_0123456789ab",
    };
    struct hd1 h;
    char text[HD1_TEXT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        assert_true(hd1_parse(slice_cstr(GOOD[i]), &h));
        size_t n = hd1_print(&h, text, NULL);
        assert_int_equal(differs(S("print"), "text", slice_of(text, n), slice_cstr(GOOD[i])), 0);
    }
}

/* 98, 99 and 100 fields; 9 and 10 forged lines; a tree longer than its buffer. */
static void bounds(void **state)
{
    char text[HD1_TEXT_BYTES + 1];
    char *raw = malloc(1 << 16);
    (void)state;
    assert_non_null(raw);
    for (unsigned fields = 98; fields <= 100; fields++) {
        size_t n = 0;
        for (unsigned i = 0; i < fields; i++) {
            n += (size_t)snprintf(raw + n, 64, "X-F%u: y\n", i);
        }
        raw[n++] = '\n';
        message_hd1(slice_of(raw, n), text);
        assert_memory_equal(text, fields == 98 ? "HD1:98." : "HD1:99.", 7);
    }
    for (unsigned lines = 8; lines <= 10; lines++) {
        struct hd1 h;
        size_t n = (size_t)snprintf(raw, 4096, "%s", RELAY);
        for (unsigned i = 0; i < lines; i++) {
            n += (size_t)snprintf(raw + n, 4096, "%s", FORGED);
        }
        n += (size_t)snprintf(raw + n, 64, "From: a@example.com\n\n");
        message_hd1(slice_of(raw, n), text);
        assert_true(hd1_parse(slice_cstr(text), &h));
        assert_int_equal(h.forged, lines < 9 ? lines : 9);
    }
    size_t n = (size_t)snprintf(raw, 128, "Content-Type: multipart/mixed; boundary=b\n\n");
    for (unsigned i = 0; i < 40; i++) {
        n += (size_t)snprintf(raw + n, 64, "--b\nContent-Type: %s\n\nx\n",
                              i % 2 ? "image/gif" : "text/plain");
    }
    struct hd1 h;
    message_hd1(slice_of(raw, n), text);
    assert_true(hd1_parse(slice_cstr(text), &h));
    assert_int_equal(strlen(h.tree), HD1_TREE_BYTES);
    assert_int_equal(h.tree[HD1_TREE_BYTES - 1], '~');
    free(raw);
}

/* docs/hd1.md is the specification: it names each letter with its class. */
static void page_lists_letters(void **state)
{
    const struct value_class *tables[3];
    size_t counts[3] = {msgid_classes(&tables[0]), boundary_classes(&tables[1]),
                        mailer_classes(&tables[2])};
    const char *root = getenv("SOURCE_ROOT");
    char path[512], entry[64], *page = malloc(1 << 16);
    (void)state;
    assert_non_null(page);
    snprintf(path, sizeof path, "%s/docs/hd1.md", root ? root : ".");
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("cannot open %s", path);
    }
    struct slice text = slice_of(page, fread(page, 1, 1 << 16, f));
    fclose(f);
    for (size_t t = 0; t < 3; t++) {
        for (size_t i = 0; i < counts[t]; i++) {
            snprintf(entry, sizeof entry, "`%c` %s", tables[t][i].code, tables[t][i].name);
            if (slice_find(text, slice_cstr(entry)) == SIZE_MAX) {
                fail_msg("docs/hd1.md does not list %s", entry);
            }
        }
    }
    assert_true(slice_find(text, S("tests/golden/hd1/vectors.txt")) != SIZE_MAX);
    struct slice vectors = vectors_read();
    size_t at = slice_find(vectors, S("=== outlook-express-whole\n"));
    assert_true(at != SIZE_MAX);
    struct slice rest = slice_sub(vectors, at, vectors.n);
    slice_cut(&rest, '\n');
    assert_true(slice_find(text, slice_cut(&rest, '\n')) != SIZE_MAX); /* the page's example */
    free(page);
}

static int vectors_free(void **state)
{
    (void)state;
    free(vectors_text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_match), cmocka_unit_test(vectors_hash),
        cmocka_unit_test(changes),       cmocka_unit_test(random_parts_are_stable),
        cmocka_unit_test(parse_refuses), cmocka_unit_test(parse_inverts_print),
        cmocka_unit_test(bounds),        cmocka_unit_test(page_lists_letters),
    };
    return cmocka_run_group_tests_name("hd1", tests, NULL, vectors_free);
}
