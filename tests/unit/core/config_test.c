/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "core/config.h"

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
        cmocka_unit_test(reads_sizes),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
