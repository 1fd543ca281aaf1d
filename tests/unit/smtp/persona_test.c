/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Persona files: the shipped ones are whole, faults are found where they stand, texts are filled.
 */
#include "testing.h"

#include "core/limits.h"
#include "smtp/persona.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static struct strbuf shipped(const char *name)
{
    const char *root = getenv("SOURCE_ROOT");
    struct strbuf text = STRBUF_INIT;
    char path[512], buffer[4096];
    snprintf(path, sizeof path, "%s/rules/personas/%s.yaml", root ? root : ".", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, f)) > 0;) {
        strbuf_add(&text, slice_of(buffer, n));
    }
    fclose(f);
    return text;
}

/* The postfix file with one text in the place of another. */
static struct strbuf changed(struct slice from, struct slice to)
{
    struct strbuf text = shipped("postfix"), out = STRBUF_INIT;
    struct slice all = strbuf_slice(&text);
    size_t at = slice_find(all, from);
    assert_true(at != SIZE_MAX);
    strbuf_add(&out, slice_sub(all, 0, at));
    strbuf_add(&out, to);
    strbuf_add(&out, slice_sub(all, at + from.n, all.n));
    strbuf_free(&text);
    return out;
}

static void shipped_are_whole(void **state)
{
    (void)state;
    const char *root = getenv("SOURCE_ROOT");
    char path[512];
    unsigned count = 0;
    snprintf(path, sizeof path, "%s/rules/personas", root ? root : ".");
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *d; (d = readdir(dir));) {
        if (slice_ends(slice_cstr(d->d_name), S(".yaml"))) {
            struct persona *p = NULL;
            struct errbuf eb = {0};
            char file[800], text[1024];
            snprintf(file, sizeof file, "%s/%s", path, d->d_name);
            enum err e = persona_load(file, &p, &eb);
            if (e != OK) {
                fail_msg("%s", err_format(&eb, e, text, sizeof text));
            }
            struct slice name = slice_cstr(d->d_name);
            assert_true(slice_eq(persona_traits(p)->name, slice_sub(name, 0, name.n - 5)));
            persona_free(p);
            count++;
        }
    }
    closedir(dir);
    assert_int_equal(count, 5);
}

struct fault {
    const char *from, *to;
    unsigned line, column;
    const char *text; /* the first finding begins so */
};

static void faults_are_found(void **state)
{
    (void)state;
    static const struct fault FAULTS[] = {
        {"command_lines: lf", "command_lines: cr", 6, 16, "'cr' is none of the values"},
        {"helo_required: false", "helo_required: no", 8, 16, "'no' is none of the values"},
        {"queue_id: postfix", "queue_id: postfx", 10, 11, "'postfx' is none of"},
        {"banner: 0, reply", "banner: -1, reply", 11, 21, "'-1' is not a number of milliseconds"},
        {"banner: 0, reply", "banner: 120001, reply", 11, 21, "'120001' is not a number"},
        {"banner: 0, reply", "bannr: 0, banner: 0, reply", 11, 13, "unknown key 'bannr'; did you"},
        {"- SIZE {size}", "- SIZE {sise}", 15, 5, "'{sise}' is no word"},
        {"rset_ok: 250", "rset_ok: 2500", 39, 12, "'2500 2.0.0 Ok' does not begin"},
        {"rset_ok: 250", "rset_ok: 550", 39, 12, "'550 2.0.0 Ok' has a code of the wrong class"},
        {"  rset_ok: 250 2.0.0 Ok\n", "", 25, 3, "'rset_ok' is missing"},
        {"  rset_ok:", "  reset_ok:", 25, 3, "'rset_ok' is missing"},
        {"queue_id: postfix", "queue_id: [postfix]", 10, 11, "'queue_id' must be one value"},
        {"persona: postfix", "persona: ''", 2, 11, "'' is no name"},
        {"title:", "titel:", 2, 1, "'title' is missing"},
    };
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        const struct fault *t = &FAULTS[i];
        struct strbuf text = changed(slice_cstr(t->from), slice_cstr(t->to));
        struct arena *arena = arena_new(1 << 20);
        struct findings findings = {.arena = arena, .file = "p.yaml"};
        bool is_found = false;
        assert_null(persona_read(strbuf_slice(&text), &findings));
        for (size_t k = 0; k < findings.count; k++) {
            is_found |= findings.items[k].line == t->line &&
                        findings.items[k].column == t->column &&
                        slice_starts(slice_cstr(findings.items[k].text), slice_cstr(t->text));
        }
        if (!is_found) {
            fail_msg("%s: %zu findings, first %u:%u: %s", t->to, findings.count,
                     findings.items[0].line, findings.items[0].column, findings.items[0].text);
        }
        findings_free(&findings);
        arena_free(arena);
        strbuf_free(&text);
    }
}

/* A reply text of LIMIT_PERSONA_REPLY_BYTES, one less, one more. */
static void reply_limit(void **state)
{
    (void)state;
    for (int d = -1; d <= 1; d++) {
        struct strbuf long_text = STRBUF_INIT;
        struct arena *arena = arena_new(1 << 20);
        struct findings findings = {.arena = arena, .file = "p.yaml"};
        strbuf_add(&long_text, S("noop_ok: 250 "));
        for (int i = 4; i < LIMIT_PERSONA_REPLY_BYTES + d; i++) {
            strbuf_add_byte(&long_text, 'x');
        }
        struct strbuf text = changed(S("noop_ok: 250 2.0.0 Ok"), strbuf_slice(&long_text));
        struct persona *p = persona_read(strbuf_slice(&text), &findings);
        assert_int_equal(p != NULL, d <= 0);
        persona_free(p);
        findings_free(&findings);
        arena_free(arena);
        strbuf_free(&text);
        strbuf_free(&long_text);
    }
}

static struct persona *load(const char *name)
{
    struct strbuf text = shipped(name);
    struct arena *arena = arena_new(1 << 20);
    struct findings findings = {.arena = arena, .file = name};
    struct persona *p = persona_read(strbuf_slice(&text), &findings);
    assert_non_null(p);
    findings_free(&findings);
    arena_free(arena);
    strbuf_free(&text);
    return p;
}

static void texts_are_filled(void **state)
{
    (void)state;
    struct persona *exim = load("exim"), *postfix = load("postfix");
    struct persona_words w = {.host = S("mx.example"),
                              .client = S("192.0.2.7"),
                              .helo = S("a\r\n250 b"),
                              .rcpt = S("u@d.example"),
                              .size = 1000,
                              .time_us = 1285891200000000};
    struct strbuf out = STRBUF_INIT;
    assert_int_equal(persona_reply(exim, REPLY_BANNER, &w, &out), 220);
    assert_string_equal(strbuf_cstr(&out),
                        "220 mx.example ESMTP Exim 4.96 Fri, 1 Oct 2010 00:00:00 +0000\r\n");
    strbuf_clear(&out);
    persona_reply(exim, REPLY_HELO, &w, &out); /* a client cannot put lines into our mouth */
    assert_string_equal(strbuf_cstr(&out), "250 mx.example Hello a??250 b [192.0.2.7]\r\n");
    strbuf_clear(&out);
    persona_reply(exim, REPLY_HELP, &w, &out);
    assert_string_equal(strbuf_cstr(&out),
                        "214-Commands supported:\r\n"
                        "214 AUTH STARTTLS HELO EHLO MAIL RCPT DATA BDAT NOOP QUIT RSET HELP\r\n");
    strbuf_clear(&out);
    assert_int_equal(persona_reply(postfix, REPLY_RCPT_UNKNOWN, &w, &out), 550);
    assert_true(slice_starts(strbuf_slice(&out), S("550 5.1.1 <u@d.example>: Recipient")));
    strbuf_clear(&out);
    persona_ehlo(postfix, EXTENSION_SIZE, true, &w, &out);
    assert_string_equal(strbuf_cstr(&out),
                        "250-mx.example\r\n250-SIZE 1000\r\n250-VRFY\r\n250-ETRN\r\n"
                        "250-ENHANCEDSTATUSCODES\r\n"
                        "250 XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT\r\n");
    strbuf_free(&out);
    persona_free(exim);
    persona_free(postfix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_are_whole),
        cmocka_unit_test(faults_are_found),
        cmocka_unit_test(reply_limit),
        cmocka_unit_test(texts_are_filled),
    };
    return cmocka_run_group_tests_name("smtp_persona", tests, NULL, NULL);
}
