/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "core/config.h"
#include "core/limits.h"
#include "core/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/spamgauge-config-XXXXXX";

static int folder_setup(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static const char *file_write(const char *name, const char *text)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static void later_files_win(void **state)
{
    struct config *c = config_new();
    struct errbuf eb;
    char path[256];
    (void)state;
    assert_string_equal(config_text(c, CONFIG_TRAP), "import");
    assert_string_equal(config_origin(c, CONFIG_TRAP), "default");
    assert_int_equal(config_number(c, CONFIG_CACHE_BYTES), 64 << 20);
    assert_int_equal(config_count(c, CONFIG_RULES), 0);
    snprintf(path, sizeof path, "%s/conf.d", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    file_write("conf.d/20-b.yaml", "trap: second\n");
    file_write("conf.d/10-a.yaml", "trap: first\nretain_days: 30\n");
    file_write("conf.d/30-c.txt", "trap: ignored\n");
    assert_int_equal(
        config_read(
            c, file_write("s.yaml", "trap: base\ntrust: [192.0.2.0/24, auto]\ncache_bytes: 8m\n"),
            &eb),
        OK);
    assert_string_equal(config_text(c, CONFIG_TRAP), "second");
    assert_int_equal(config_number(c, CONFIG_RETAIN_DAYS), 30);
    assert_int_equal(config_number(c, CONFIG_CACHE_BYTES), 8 << 20);
    assert_int_equal(config_count(c, CONFIG_TRUST), 2);
    assert_string_equal(config_item(c, CONFIG_TRUST, 1), "auto");
    assert_non_null(strstr(config_origin(c, CONFIG_TRAP), "20-b.yaml"));
    snprintf(path, sizeof path, "rm -r %s/conf.d", folder);
    assert_int_equal(system(path), 0);
    config_free(c);
}

static void says_file_line_and_column(void **state)
{
    static const struct {
        const char *text;
        unsigned line, column;
        const char *says;
    } CASES[] = {
        {"trap: a\nnonsense: 1\n", 2, 1, "unknown key \"nonsense\""},
        {"trap: a\njobs: many\n", 2, 1, "jobs: a whole number"},
        {"cache_bytes: 12q\n", 1, 1, "cache_bytes: a size"},
        {"trap: [a, b]\n", 1, 1, "trap: a text"},
        {"trap: {a: b}\n", 1, 1, "trap: a text"},
        {"- a\n", 1, 1, "a mapping"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct config *c = config_new();
        struct errbuf eb = {.text = ""};
        assert_int_equal(config_read(c, file_write("s.yaml", CASES[i].text), &eb), ERR_CONFIG);
        if (eb.line != CASES[i].line || eb.column != CASES[i].column ||
            !strstr(eb.text, CASES[i].says)) {
            fail_msg("case %zu: %u:%u: %s", i, eb.line, eb.column, eb.text);
        }
        config_free(c);
    }
}

static void broken_yaml_has_a_place(void **state)
{
    struct config *c = config_new();
    struct errbuf eb = {.text = ""};
    (void)state;
    assert_int_equal(config_read(c, file_write("s.yaml", "trap: a\nsite: [b\njobs: 2\n"), &eb),
                     ERR_CONFIG);
    assert_true(eb.line >= 2);
    assert_true(eb.text[0] != '\0');
    assert_int_equal(config_read(c, "/nonexistent.yaml", &eb), ERR_NOTFOUND);
    config_free(c);
}

static void listeners_have_keys_of_their_own(void **state)
{
    struct config *c = config_new();
    struct errbuf eb = {.text = ""};
    (void)state;
    assert_int_equal(config_listeners(c), 0);
    assert_int_equal(config_read(c,
                                 file_write("s.yaml", "listeners:\n  - {port: 25, address: '::'}\n"
                                                      "  - port: 24\n    protocol: lmtp\n"
                                                      "    recipients: [all,\n      it's@*]\n"),
                                 &eb),
                     OK);
    assert_int_equal(config_listeners(c), 2);
    assert_int_equal(listener_number(c, 0, LISTENER_PORT), 25);
    assert_string_equal(listener_text(c, 0, LISTENER_ADDRESS), "::");
    assert_string_equal(listener_text(c, 1, LISTENER_ADDRESS), "127.0.0.1"); /* its default */
    assert_string_equal(listener_text(c, 1, LISTENER_PROTOCOL), "lmtp");
    assert_string_equal(listener_item(c, 1, LISTENER_RECIPIENTS, 1), "it's@*");
    assert_int_equal(listener_error(c, 1, LISTENER_RECIPIENTS, 1, &eb, "%s", "no"), ERR_CONFIG);
    assert_int_equal(eb.line, 6);
    assert_int_equal(eb.column, 7);
    assert_string_equal(eb.text, "recipients: no");
    listener_error(c, 1, LISTENER_PERSONA, 0, &eb, "no"); /* a default: where its listener is */
    assert_int_equal(eb.line, 3);
    config_free(c);
}

static void listeners_are_checked(void **state)
{
    static const struct {
        const char *text;
        unsigned line, column;
        const char *says;
    } CASES[] = {
        {"trap: a\nlisteners: x\n", 2, 1, "a list of at most"},
        {"listeners: [x]\n", 1, 13, "each is a mapping"},
        {"listeners:\n  - {port: 1}\n  - {port: 2, prt: 3}\n", 3, 15, "unknown key \"prt\""},
        {"listeners:\n  - port: many\n", 2, 5, "port: a whole number"},
        {"listeners:\n  - proxy: maybe\n", 2, 5, "proxy: yes or no"},
        {"listeners:\n  - port: [1]\n", 2, 5, "port: a whole number"},
    };
    char many[32 * (LIMIT_LISTENERS + 2)] = "listeners:\n";
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct config *c = config_new();
        struct errbuf eb = {.text = ""};
        assert_int_equal(config_read(c, file_write("s.yaml", CASES[i].text), &eb), ERR_CONFIG);
        if (eb.line != CASES[i].line || eb.column != CASES[i].column ||
            !strstr(eb.text, CASES[i].says)) {
            fail_msg("case %zu: %u:%u: %s", i, eb.line, eb.column, eb.text);
        }
        config_free(c);
    }
    for (int n = 1; n <= LIMIT_LISTENERS + 1; n++) {
        strncat(many, "  - {port: 25}\n", sizeof many - strlen(many) - 1);
        if (n >= LIMIT_LISTENERS - 1) {
            struct config *c = config_new();
            enum err e = config_read(c, file_write("s.yaml", many), NULL);
            assert_int_equal(e, n > LIMIT_LISTENERS ? ERR_CONFIG : OK);
            config_free(c);
        }
    }
}

static void what_is_printed_reads_back(void **state)
{
    struct config *a = config_new(), *b = config_new();
    struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
    char *text;
    (void)state;
    assert_int_equal(
        config_read(a,
                    file_write("s.yaml", "trap: \"it's: #1\"\nretain_bytes: 3g\nrules: [a, 'b c']\n"
                                         "listeners: [{port: 0, recipients: [\"a'b\", all]}]\n"),
                    NULL),
        OK);
    config_print(a, &first);
    assert_int_equal(config_read(b, file_write("t.yaml", strbuf_cstr(&first)), NULL), OK);
    config_print(b, &second);
    assert_string_equal(config_text(b, CONFIG_TRAP), "it's: #1");
    assert_string_equal(listener_item(b, 0, LISTENER_RECIPIENTS, 0), "a'b");
    for (char *line = strtok_r(first.p, "\n", &text), *at = second.p; line;
         line = strtok_r(NULL, "\n", &text)) { /* all but where it was set */
        char *hash = strstr(line, "  # ");
        size_t n = hash ? (size_t)(hash - line) : strlen(line);
        assert_memory_equal(line, at, n);
        at = strchr(at, '\n') + 1;
    }
    strbuf_free(&first);
    strbuf_free(&second);
    config_free(a);
    config_free(b);
}

static void reads_sizes(void **state)
{
    uint64_t v;
    (void)state;
    assert_true(size_parse(S("64k"), &v) && v == 65536);
    assert_true(size_parse(S("2G"), &v) && v == UINT64_C(2) << 30);
    assert_true(size_parse(S("0"), &v) && v == 0);
    assert_false(size_parse(S("k"), &v));
    assert_false(size_parse(S(""), &v));
    assert_false(size_parse(S("1kb"), &v));
    assert_false(size_parse(S("18446744073709551615k"), &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_files_win),
        cmocka_unit_test(says_file_line_and_column),
        cmocka_unit_test(broken_yaml_has_a_place),
        cmocka_unit_test(listeners_have_keys_of_their_own),
        cmocka_unit_test(listeners_are_checked),
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(reads_sizes),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
