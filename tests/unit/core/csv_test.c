/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 4180, section 2, and what it forbids. */
#include "testing.h"

#include "core/csv.h"

#include <stdio.h>

struct fixture {
    struct arena *arena;
    struct csv csv;
    struct csv_field fields[4];
    size_t count;
    struct errbuf eb;
};

static void open_text(struct fixture *x, const char *text)
{
    arena_free(x->arena);
    x->arena = arena_new(1 << 16);
    assert_non_null(x->arena);
    csv_open(&x->csv, "t.csv", slice_cstr(text), x->arena);
}

static enum err row(struct fixture *x)
{
    return csv_row(&x->csv, x->fields, 4, &x->count, &x->eb);
}

static void field_is(const struct fixture *x, size_t i, const char *text, unsigned line,
                     unsigned column)
{
    char have[64];
    (void)snprintf(have, sizeof have, "%.*s", SLICE_ARG(x->fields[i].text));
    assert_string_equal(have, text);
    assert_int_equal(x->fields[i].line, line);
    assert_int_equal(x->fields[i].column, column);
}

static void test_rows(void **state)
{
    struct fixture x = {0};
    (void)state;
    open_text(&x, "\xef\xbb\xbf"
                  "a,b,\r\n\r\n\"x, \"\"y\"\"\nz\",,\"\"\n1");
    assert_int_equal(row(&x), OK);
    assert_int_equal(x.count, 3);
    field_is(&x, 0, "a", 1, 1);
    field_is(&x, 1, "b", 1, 3);
    field_is(&x, 2, "", 1, 5);
    assert_int_equal(row(&x), OK);
    assert_int_equal(x.count, 3);
    field_is(&x, 0, "x, \"y\"\nz", 3, 1);
    field_is(&x, 1, "", 4, 4);
    field_is(&x, 2, "", 4, 5);
    assert_int_equal(row(&x), OK);
    assert_int_equal(x.count, 1);
    field_is(&x, 0, "1", 5, 1);
    assert_int_equal(row(&x), ERR_END);
    assert_int_equal(row(&x), ERR_END);
    arena_free(x.arena);
}

static void test_errors(void **state)
{
    static const struct {
        const char *text;
        enum err err;
        unsigned line, column;
    } CASES[] = {
        {"a,\"b", ERR_SYNTAX, 1, 3},        {"a,\"b\"\"", ERR_SYNTAX, 1, 3},
        {"\"a\"b", ERR_SYNTAX, 1, 4},       {"\na,b\"c", ERR_SYNTAX, 2, 4},
        {"\"a\n\" ,b", ERR_SYNTAX, 2, 2},   {"1,2,3,4,5", ERR_LIMIT, 1, 9},
        {"1,2,3,\"4\",", ERR_LIMIT, 1, 11}, {"\"", ERR_SYNTAX, 1, 1},
    };
    struct fixture x = {0};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        open_text(&x, CASES[i].text);
        assert_int_equal(row(&x), CASES[i].err);
        assert_int_equal(x.eb.line, CASES[i].line);
        assert_int_equal(x.eb.column, CASES[i].column);
        assert_string_equal(x.eb.file, "t.csv");
    }
    arena_free(x.arena);
}

static void test_header(void **state)
{
    static const char *const NAMES[] = {"trap", "hour", "note"};
    size_t columns[3];
    struct fixture x = {0};
    (void)state;
    open_text(&x, "hour,trap\n");
    assert_int_equal(csv_header(&x.csv, NAMES, 3, columns, &x.eb), OK);
    assert_int_equal(columns[0], 1);
    assert_int_equal(columns[1], 0);
    assert_true(columns[2] == SIZE_MAX);
    open_text(&x, "hour,trap,hour\n");
    assert_int_equal(csv_header(&x.csv, NAMES, 3, columns, &x.eb), ERR_SYNTAX);
    assert_int_equal(x.eb.column, 11);
    open_text(&x, "hour, trap\n");
    assert_int_equal(csv_header(&x.csv, NAMES, 3, columns, &x.eb), ERR_SYNTAX);
    assert_int_equal(x.eb.column, 6);
    open_text(&x, "\n");
    assert_int_equal(csv_header(&x.csv, NAMES, 3, columns, &x.eb), ERR_SYNTAX);
    arena_free(x.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
