/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/golden/rules: NAME.yml, what the checker says of it (NAME.findings) and how its own tests
 * go (NAME.results). GOLDEN_UPDATE=1 writes both anew, for reading before they are committed. */
#include "sig_testing.h"

#include <dirent.h>

static struct strbuf said, results;

static void on_finding(void *arg, const struct finding *f)
{
    (void)arg;
    const char *slash = strrchr(f->file, '/');
    strbuf_printf(&said, "%s:%u:%u: %s: %s\n", slash ? slash + 1 : f->file, f->line, f->column,
                  finding_level_name(f->level), f->text);
}

static void on_test(void *arg, const struct rule_test_result *t)
{
    (void)arg;
    strbuf_printf(&results, "%s %zu: %s%s%s\n", t->is_match_case ? "match" : "reject", t->index,
                  t->passed ? "passed" : "FAILED", t->why ? ", " : "", t->why ? t->why : "");
}

static void expect_file(const char *path, const struct strbuf *is)
{
    if (getenv("GOLDEN_UPDATE")) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        fputs(strbuf_cstr(is), f);
        fclose(f);
        return;
    }
    static char want[65536];
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("%s is missing", path);
    }
    size_t n = fread(want, 1, sizeof want - 1, f);
    want[n] = '\0';
    fclose(f);
    if (strcmp(want, strbuf_cstr(is)) != 0) {
        fail_msg("%s\nis:\n%swanted:\n%s", path, strbuf_cstr(is), want);
    }
}

static void golden_one(const char *folder, const char *name)
{
    char path[512], other[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const char *paths[] = {path};
    struct rule_options o = {.paths = paths, .path_count = 1, .on_finding = on_finding};
    struct errbuf eb = {.text = ""};
    struct rules *r = NULL;
    size_t passed, failed;
    strbuf_clear(&said);
    strbuf_clear(&results);
    assert_int_equal(rules_load(&o, &r, &eb), OK);
    assert_int_equal(rules_count(r) + rules_rejected(r), 1);
    if (rules_count(r) == 0) {
        strbuf_add_cstr(&results, "refused\n");
    } else {
        assert_int_equal(rules_test(r, on_test, NULL, &passed, &failed, &eb), OK);
        strbuf_printf(&results, "%zu passed, %zu failed\n", passed, failed);
    }
    rules_unref(r);
    int stem = (int)strlen(path) - 4;
    snprintf(other, sizeof other, "%.*s.findings", stem, path);
    expect_file(other, &said);
    snprintf(other, sizeof other, "%.*s.results", stem, path);
    expect_file(other, &results);
}

static void test_golden(void **state)
{
    (void)state;
    char folder[256];
    const char *root = getenv("SOURCE_ROOT");
    snprintf(folder, sizeof folder, "%s/tests/golden/rules", root ? root : ".");
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort);
    size_t seen = 0;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        if (slice_ends(slice_cstr(names[i]->d_name), S(".yml"))) {
            golden_one(folder, names[i]->d_name);
            seen++;
        }
        free(names[i]);
    }
    free(names);
    assert_true(seen >= 90);
    strbuf_free(&said);
    strbuf_free(&results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
