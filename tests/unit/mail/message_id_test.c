/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One mail has one id, whatever held it; another mail has another. */
#include "source_util.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct id128 id_of(struct slice raw)
{
    return message_id(S("trap"), 1285891200, raw, raw.n);
}

static const struct same_case {
    const char *name;
    struct slice a, b;
    bool is_same;
} CASES[] = {
    {"itself", SLICE(MAIL_A), SLICE(MAIL_A), true},
    {"CRLF", SLICE("A: 1\r\n\r\nx\r\ny"), SLICE("A: 1\n\nx\ny"), true},
    {"CRLF made of CRLF", SLICE("A: 1\n\nx\r\r\ny"), SLICE("A: 1\n\nx\ny"), true},
    {"final newline", SLICE("A: 1\n\nx\n"), SLICE("A: 1\n\nx"), true},
    {"blank lines at the end", SLICE("A: 1\n\nx\n\n\r\n\n"), SLICE("A: 1\n\nx\n"), true},
    {"header only", SLICE("A: 1\n\n"), SLICE("A: 1"), true},
    {"quoted once", SLICE("A: 1\n\n>From x\n"), SLICE("A: 1\n\nFrom x\n"), true},
    {"quoted more", SLICE("A: 1\n\n>From x\n>>>From y\n"), SLICE("A: 1\n\nFrom x\nFrom y"), true},
    {"quoted first line", SLICE(">From x\nA: 1\n"), SLICE("From x\nA: 1\n"), true},
    {"quoted last line", SLICE("A: 1\n\n>From "), SLICE("A: 1\n\nFrom "), true},
    {"nothing", SLICE(""), SLICE("\r\n\n"), true},

    {"another body", SLICE("A: 1\n\nx\n"), SLICE("A: 1\n\ny\n"), false},
    {"a reply's mark is no quoting", SLICE("A: 1\n\n> From x\n"), SLICE("A: 1\n\nFrom x\n"), false},
    {"nor is a mark elsewhere", SLICE("A: 1\n\na >From x\n"), SLICE("A: 1\n\na From x\n"), false},
    {"a lone CR is content", SLICE("A: 1\n\nx\ry\n"), SLICE("A: 1\n\nxy\n"), false},
    {"blank lines inside", SLICE("A: 1\n\n\nx\n"), SLICE("A: 1\n\nx\n"), false},
    {"blanks at the end", SLICE("A: 1\n\nx "), SLICE("A: 1\n\nx"), false},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        if (id128_eq(id_of(CASES[i].a), id_of(CASES[i].b)) != CASES[i].is_same) {
            fail_msg("%s", CASES[i].name);
        }
    }
}

/* The id is stored: it must not change from one release to the next. */
static void test_known_answers(void **state)
{
    char hex[33];
    (void)state;
    id128_hex(id_of(S(MAIL_A)), hex);
    assert_string_equal(hex, "b69dfd2a3715807102c8bbef84507e04");
    id128_hex(message_id(S(""), 0, S(""), 0), hex);
    assert_string_equal(hex, "b5e8989969d20acdbc1c9981ff1b52be");
}

static void test_parts(void **state)
{
    struct id128 id = id_of(S(MAIL_A));
    size_t n = strlen(MAIL_A);
    (void)state;
    assert_false(id128_eq(id, message_id(S("trap2"), 1285891200, S(MAIL_A), n)));
    assert_false(id128_eq(id, message_id(S("trap"), 1285891201, S(MAIL_A), n)));
    assert_false(id128_eq(id, message_id(S("trap"), 1285891200, S(MAIL_A), n + 1)));
    assert_false(id128_eq(message_id(S("trap"), 1285891200, S(MAIL_A), n + 2),
                          message_id(S("trap"), 1285891200, S(MAIL_A), n + 1)));
}

/* The canonical form, written down the simple way. */
static void canonical(struct slice raw, struct strbuf *out)
{
    strbuf_clear(out);
    while (raw.n > 0) {
        bool has_lf = slice_find_byte(raw, '\n') < raw.n;
        struct slice line = slice_cut(&raw, '\n'), bare;
        while (has_lf && line.n > 0 && line.p[line.n - 1] == '\r') {
            line.n--;
        }
        for (bare = line; bare.n > 0 && bare.p[0] == '>';) {
            bare = slice_sub(bare, 1, SIZE_MAX);
        }
        strbuf_add(out, slice_starts(bare, S("From ")) ? bare : line);
        strbuf_add_cstr(out, has_lf ? "\n" : "");
    }
    while (out->n > 0 && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r')) {
        out->n--;
    }
}

/* All lengths around the blocks and pieces of the fast ways, with all that is special. */
static void test_against_the_simple_way(void **state)
{
    static const char *const WORDS[] = {
        "\n",        "\r\n", ">",    "From ",
        "\n>From x", "\r",   "text", "a longer run of words without anything of note in it"};
    uint32_t random = 1;
    struct strbuf raw = STRBUF_INIT, want = STRBUF_INIT;
    (void)state;
    for (int i = 0; i < 3000; i++) {
        size_t n = i % 10 == 0 ? 20000 : (size_t)i % 700;
        size_t plain = (size_t)i % 4 * 16; /* some have little that is special */
        strbuf_clear(&raw);
        while (raw.n < n) {
            random = random * 1664525 + 1013904223;
            size_t pick = (random >> 16) % (COUNT(WORDS) + plain);
            strbuf_add_cstr(&raw, pick < COUNT(WORDS) ? WORDS[pick] : "word ");
        }
        canonical(strbuf_slice(&raw), &want);
        if (!id128_eq(id_of(strbuf_slice(&raw)), id_of(strbuf_slice(&want)))) {
            fail_msg("case %d: \"%.*s\"", i, SLICE_ARG(strbuf_slice(&raw)));
        }
    }
    strbuf_free(&raw);
    strbuf_free(&want);
}

/* Mail with all that mbox writers trip over. */
static const char *const MAILS[] = {
    MAIL_A,
    "Subject: from\n\nFrom here\n>From there\n>>From everywhere\n> From nowhere\n\nFrom "
    "x@example.com "
    "on\nend\n",
    "Subject: blank lines\n\n\n\nx\n\n\n",
    "Subject: header only\n",
    "Subject: no newline\n\nend",
};

enum writer { MBOXO, MBOXRD, MBOXCL, MBOXCL2 };

/* As mail software writes them: an mbox line, the mail, quoted, an empty line. */
static void mbox_write(struct strbuf *out, enum writer writer, const char *mail)
{
    struct strbuf body = STRBUF_INIT;
    struct slice rest = slice_cstr(mail);
    while (rest.n > 0) {
        struct slice line = slice_cut(&rest, '\n'), bare = line;
        while (writer == MBOXRD && bare.n > 0 && bare.p[0] == '>') {
            bare = slice_sub(bare, 1, SIZE_MAX);
        }
        strbuf_add_cstr(&body, writer != MBOXCL2 && slice_starts(bare, S("From ")) ? ">" : "");
        strbuf_add(&body, line);
        strbuf_add_cstr(&body, "\n");
    }
    strbuf_add_cstr(out, "From trap@example.org Mon Sep 13 10:00:00 2004\n");
    strbuf_add(out, strbuf_slice(&body));
    strbuf_add_cstr(out, "\n");
    strbuf_free(&body);
}

static void ids_of_path(const char *path, struct strbuf *out)
{
    struct source *s;
    struct source_message m;
    assert_int_equal(source_open(path, &s, NULL), OK);
    while (source_next(s, &m, NULL) == OK) {
        char hex[33];
        id128_hex(message_id(S("trap"), 7, m.raw, m.bytes), hex);
        strbuf_printf(out, "%s\n", hex);
    }
    source_close(s);
}

static void test_same_out_of_everything(void **state)
{
    struct strbuf want = STRBUF_INIT, got = STRBUF_INIT, file = STRBUF_INIT;
    struct pack_member members[COUNT(MAILS)];
    char names[COUNT(MAILS)][16];
    (void)state;
    make_folder("lf");
    make_folder("lf/cur");
    make_folder("crlf");
    for (size_t i = 0; i < COUNT(MAILS); i++) {
        char name[64];
        snprintf(names[i], sizeof names[i], "cur/%zu", i);
        members[i] = (struct pack_member){names[i], slice_cstr(MAILS[i])};
        snprintf(name, sizeof name, "lf/%s", names[i]);
        make_file(name, slice_cstr(MAILS[i]));
        strbuf_clear(&file);
        for (const char *p = MAILS[i]; *p; p++) {
            strbuf_add_cstr(&file, *p == '\n' ? "\r" : "");
            strbuf_add_byte(&file, *p);
        }
        snprintf(name, sizeof name, "crlf/%zu", i);
        make_file(name, strbuf_slice(&file));
    }
    ids_of_path(in_scratch("lf"), &want);
    assert_int_equal(want.n, COUNT(MAILS) * 33);
    ids_of_path(in_scratch("crlf"), &got);
    assert_string_equal(strbuf_cstr(&got), strbuf_cstr(&want));
    for (enum writer w = MBOXO; w <= MBOXRD; w++) {
        strbuf_clear(&got);
        strbuf_clear(&file);
        for (size_t i = 0; i < COUNT(MAILS); i++) {
            mbox_write(&file, w, MAILS[i]);
        }
        ids_of_path(make_file("mbox", strbuf_slice(&file)), &got);
        assert_string_equal(strbuf_cstr(&got), strbuf_cstr(&want));
        pack_one(&file, "raw", "gzip", "", strbuf_slice(&file));
        strbuf_clear(&got);
        ids_of_path(make_file("mbox", strbuf_slice(&file)), &got);
        assert_string_equal(strbuf_cstr(&got), strbuf_cstr(&want));
    }
    strbuf_clear(&got);
    pack(&file, "tar", "zstd", members, COUNT(members));
    ids_of_path(make_file("tar", strbuf_slice(&file)), &got);
    assert_string_equal(strbuf_cstr(&got), strbuf_cstr(&want));
    strbuf_free(&want);
    strbuf_free(&got);
    strbuf_free(&file);
}

/* A Content-Length is part of the header, so the same mail must have it to begin with. */
static void test_same_with_content_length(void **state)
{
    static const char MAIL[] =
        "Content-Length: 35\nSubject: x\n\nx\n\nFrom b@example.com\nA: 1\n>From "
        "y\n";
    struct strbuf want = STRBUF_INIT, got = STRBUF_INIT, file = STRBUF_INIT;
    (void)state;
    assert_int_equal(strlen(strstr(MAIL, "\n\n") + 2), 35);
    ids_of_path(make_file("eml", S(MAIL)), &want);
    assert_int_equal(want.n, 33);
    mbox_write(&file, MBOXCL2, MAIL);
    ids_of_path(make_file("mbox", strbuf_slice(&file)), &got);
    assert_string_equal(strbuf_cstr(&got), strbuf_cstr(&want));
    strbuf_clear(&got);
    strbuf_clear(&file);
    mbox_write(&file, MBOXCL, MAIL);
    ids_of_path(make_file("mbox", strbuf_slice(&file)), &got);
    assert_string_equal(strbuf_cstr(&got), strbuf_cstr(&want));
    strbuf_free(&want);
    strbuf_free(&got);
    strbuf_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_against_the_simple_way),
        cmocka_unit_test_setup_teardown(test_same_out_of_everything, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_same_with_content_length, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
