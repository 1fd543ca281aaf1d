/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "core/clock.h"
#include "observe/annotation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct seen {
    size_t errors;
    unsigned line, column;
    char text[256];
};

static void finding_see(void *arg, const struct finding *f)
{
    struct seen *seen = arg;
    seen->errors += f->level == FINDING_ERROR;
    seen->line = f->line;
    seen->column = f->column;
    snprintf(seen->text, sizeof seen->text, "%s", f->text);
}

static enum err load_text(const char *text, struct arena *arena, struct seen *seen,
                          struct annotations *out)
{
    char path[] = "/tmp/spamgauge-annotation-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    const char *paths[] = {path};
    memset(seen, 0, sizeof *seen);
    enum err e = annotations_load(paths, 1, finding_see, seen, arena, out, NULL);
    unlink(path);
    return e;
}

static void reads_days_months_and_years(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct annotations all;
    struct seen seen;
    char day[11];
    (void)state;
    assert_int_equal(
        load_text(
            "annotations:\n"
            "  - {date: '2022', kind: surge, title: C, source: 'https://example.org/'}\n"
            "  - {date: 2010-12, kind: pause, title: B, source: 'https://example.org/'}\n"
            "  - {date: 2008-11-11, kind: takedown, title: A, source: 'https://example.org/', "
            "botnets: [srizbi, rustock], programs: [spamit]}\n",
            arena, &seen, &all),
        OK);
    assert_int_equal(seen.errors, 0);
    assert_int_equal(all.count, 3);
    assert_int_equal(all.items[0].botnet_count, 2);
    assert_int_equal(all.items[0].program_count, 1);
    static const char *const UNTIL[] = {"2008-11-12", "2011-01-01", "2023-01-01"};
    for (size_t i = 0; i < 3; i++) {
        day_text(day_of(all.items[i].until), day);
        assert_string_equal(day, UNTIL[i]);
    }
    assert_int_equal(all.items[1].kind, ANNOTATION_PAUSE);
    arena_free(arena);
}

static void says_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *text;
        unsigned line, column;
        const char *says;
    } CASES[] = {
        {"annotations:\n  - {date: 2010-13-01, kind: law, title: x, source: y}\n", 2, 12, "date:"},
        {"annotations:\n  - {date: 2010-10-01, kind: takedwn, title: x, source: y}\n", 2, 30,
         "did you mean takedown?"},
        {"annotations:\n  - {date: 2010-10-01, kind: law, titel: x, title: x, source: y}\n", 2, 35,
         "did you mean title?"},
        {"annotations:\n  - date: 2010-10-01\n    kind: law\n    title: x\n", 2, 5,
         "source is missing"},
        {"annotations:\n  - date: 2010-10-01\n    kind: law\n    title: x\n    source: y\n    "
         "botnets: z\n",
         6, 14, "a list of names"},
        {"events: []\n", 1, 1, "annotations: a list"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct arena *arena = arena_new(1 << 20);
        struct annotations all;
        struct seen seen;
        assert_int_equal(load_text(CASES[i].text, arena, &seen, &all), OK);
        assert_int_equal(seen.errors, 1);
        assert_int_equal(all.count, 0);
        if (!strstr(seen.text, CASES[i].says) || seen.line != CASES[i].line ||
            seen.column != CASES[i].column) {
            fail_msg("case %zu: %u:%u: %s", i, seen.line, seen.column, seen.text);
        }
        arena_free(arena);
    }
}

/* One bad entry must not cost the good ones. */
static void keeps_the_good_ones(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct annotations all;
    struct seen seen;
    (void)state;
    assert_int_equal(load_text("annotations:\n"
                               "  - {date: never, kind: law, title: x, source: y}\n"
                               "  - {date: 2010-10-01, kind: closure, title: x, source: y}\n",
                               arena, &seen, &all),
                     OK);
    assert_int_equal(seen.errors, 1);
    assert_int_equal(all.count, 1);
    arena_free(arena);
}

static void shipped_ones_are_sound(void **state)
{
    struct arena *arena = arena_new(1 << 22);
    struct annotations all;
    struct seen seen = {0};
    char folder[4096];
    const char *root = getenv("SOURCE_ROOT");
    (void)state;
    assert_non_null(root);
    snprintf(folder, sizeof folder, "%s/rules/annotations", root);
    const char *paths[] = {folder};
    assert_int_equal(annotations_load(paths, 1, finding_see, &seen, arena, &all, NULL), OK);
    if (seen.errors) {
        fail_msg("%u:%u: %s", seen.line, seen.column, seen.text);
    }
    assert_true(all.count >= 60);
    for (size_t i = 0; i < all.count; i++) {
        assert_true(all.items[i].source.n > 10);
        assert_true(i == 0 || all.items[i - 1].since <= all.items[i].since);
    }
    arena_free(arena);
}

static void missing_path_is_an_error(void **state)
{
    struct arena *arena = arena_new(1 << 16);
    struct annotations all;
    struct errbuf eb = {.text = ""};
    const char *paths[] = {"/nonexistent.yaml"};
    (void)state;
    assert_int_equal(annotations_load(paths, 1, NULL, NULL, arena, &all, &eb), ERR_CONFIG);
    assert_string_equal(eb.file, "/nonexistent.yaml");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_days_months_and_years),
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(keeps_the_good_ones),
        cmocka_unit_test(shipped_ones_are_sound),
        cmocka_unit_test(missing_path_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
