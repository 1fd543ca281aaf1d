/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jansson is the oracle: what the printer writes must parse to what went in. */
#include "golden.h"
#include "testing.h"

#include "core/utf8.h"
#include "out/escape.h"
#include "out/printer.h"

#include <jansson.h>

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* {"format_version": 1, "rows": [...], "after": true} with nesting, nulls and hostile text. */
static void sample(struct printer *p)
{
    print_map_begin(p);
    print_key(p, "format_version");
    print_unsigned(p, 1);
    print_key(p, "rows");
    print_list_begin(p);
    for (int i = 0; i < 3; i++) {
        static const struct slice NAMES[] = {
            SLICE("plain"),
            SLICE("comma, \"quote\" and\r\nline"),
            SLICE("=HYPERLINK(\"http://x.example/\")\xff"),
        };
        print_map_begin(p);
        print_key(p, "name");
        print_text(p, NAMES[i]);
        print_key(p, "when");
        print_map_begin(p);
        print_key(p, "at");
        print_time(p, 1285936496 + i);
        print_key(p, "day");
        print_day(p, 14883);
        print_map_end(p);
        print_key(p, "codes");
        print_list_begin(p);
        for (int k = 0; k < i; k++) {
            print_integer(p, -k);
        }
        print_list_end(p);
        print_key(p, "share");
        print_number(p, i == 1 ? NAN : i / 3.0, 3);
        print_key(p, "is_last");
        print_boolean(p, i == 2);
        print_key(p, "note");
        print_text_or_null(p, i ? S("-1+1") : S(""));
        print_map_end(p);
    }
    print_list_end(p);
    print_key(p, "after");
    print_boolean(p, true);
    print_map_end(p);
}

static struct slice run(struct capture *c, enum out_format format, void (*fn)(struct printer *))
{
    capture_start(c);
    struct printer *p = printer_new(format, c->f);
    fn(p);
    assert_true(printer_end(p));
    return capture_text(c);
}

static void test_json(void **state)
{
    (void)state;
    struct capture c;
    struct slice text = run(&c, OUT_JSON, sample);
    assert_true(
        slice_eq(text, S("{\n"
                         "  \"format_version\": 1,\n"
                         "  \"rows\": [\n"
                         "    {\n"
                         "      \"name\": \"plain\",\n"
                         "      \"when\": {\n"
                         "        \"at\": \"2010-10-01T12:34:56Z\",\n"
                         "        \"day\": \"2010-10-01\"\n"
                         "      },\n"
                         "      \"codes\": [],\n"
                         "      \"share\": 0.000,\n"
                         "      \"is_last\": false,\n"
                         "      \"note\": null\n"
                         "    },\n"
                         "    {\n"
                         "      \"name\": \"comma, \\\"quote\\\" and\\r\\nline\",\n"
                         "      \"when\": {\n"
                         "        \"at\": \"2010-10-01T12:34:57Z\",\n"
                         "        \"day\": \"2010-10-01\"\n"
                         "      },\n"
                         "      \"codes\": [0],\n"
                         "      \"share\": null,\n"
                         "      \"is_last\": false,\n"
                         "      \"note\": \"-1+1\"\n"
                         "    },\n"
                         "    {\n"
                         "      \"name\": \"=HYPERLINK(\\\"http://x.example/\\\")\ufffd\",\n"
                         "      \"when\": {\n"
                         "        \"at\": \"2010-10-01T12:34:58Z\",\n"
                         "        \"day\": \"2010-10-01\"\n"
                         "      },\n"
                         "      \"codes\": [0, -1],\n"
                         "      \"share\": 0.667,\n"
                         "      \"is_last\": true,\n"
                         "      \"note\": \"-1+1\"\n"
                         "    }\n"
                         "  ],\n"
                         "  \"after\": true\n"
                         "}\n")));
    json_error_t error;
    json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    assert_int_equal(json_array_size(json_object_get(root, "rows")), 3);
    json_decref(root);
    capture_end(&c);
}

static void test_jsonl(void **state)
{
    (void)state;
    struct capture c;
    struct slice text = run(&c, OUT_JSONL, sample);
    size_t lines = 0;
    while (text.n) {
        struct slice line = slice_cut(&text, '\n');
        json_t *row = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(row);
        assert_int_equal(json_object_size(row), 6);
        json_decref(row);
        lines++;
    }
    assert_int_equal(lines, 3);
    capture_end(&c);
}

static void test_csv(void **state)
{
    (void)state;
    struct capture c;
    struct slice text = run(&c, OUT_CSV, sample);
    assert_true(slice_eq(
        text, S("name,when.at,when.day,codes,share,is_last,note\r\n"
                "plain,2010-10-01T12:34:56Z,2010-10-01,,0.000,false,\r\n"
                "\"comma, \"\"quote\"\" and\r\nline\",2010-10-01T12:34:57Z,2010-10-01,0,,false,"
                "'-1+1\r\n"
                "\"'=HYPERLINK(\"\"http://x.example/\"\")\ufffd\",2010-10-01T12:34:58Z,2010-10-01,"
                "0;-1,0.667,true,'-1+1\r\n")));
    capture_end(&c);
}

static void lone_map(struct printer *p)
{
    print_map_begin(p);
    print_key(p, "a");
    print_integer(p, -5);
    print_key(p, "b");
    print_map_begin(p);
    print_key(p, "c");
    print_text(p, S("x y "));
    print_map_end(p);
    print_map_end(p);
}

static void two_lists(struct printer *p)
{
    print_map_begin(p);
    for (int list = 0; list < 2; list++) {
        print_key(p, list ? "second" : "first");
        print_list_begin(p);
        for (int i = 0; i < 2; i++) {
            print_map_begin(p);
            print_key(p, list ? "y" : "x");
            print_integer(p, i);
            print_map_end(p);
        }
        print_list_end(p);
    }
    print_map_end(p);
}

static void scalars(struct printer *p)
{
    print_list_begin(p);
    print_integer(p, INT64_MIN);
    print_unsigned(p, UINT64_MAX);
    print_number(p, -0.0001, 2);
    print_number(p, INFINITY, 2);
    print_text(p, S("@x"));
    print_list_end(p);
}

static void maps_in_a_cell(struct printer *p)
{
    print_list_begin(p);
    print_map_begin(p);
    print_key(p, "cell");
    print_list_begin(p);
    print_text(p, S("a"));
    print_map_begin(p);
    print_key(p, "k");
    print_text(p, S("left out"));
    print_map_end(p);
    print_text(p, S("b"));
    print_list_end(p);
    print_map_end(p);
    print_map_begin(p); /* a row without the key: an empty cell */
    print_map_end(p);
    print_list_end(p);
}

static void nothing(struct printer *p)
{
    print_list_begin(p);
    print_list_end(p);
}

static void lone_scalar(struct printer *p)
{
    print_text(p, S("x"));
}

static void test_forms(void **state)
{
    static const struct {
        const char *name;
        void (*fn)(struct printer *);
        const char *jsonl, *csv;
    } CASES[] = {
        {"a map is one line", lone_map, "{\"a\":-5,\"b\":{\"c\":\"x y \"}}\n",
         "a,b.c\r\n-5,\"x y \"\r\n"},
        {"lists beside each other", two_lists, "{\"x\":0}\n{\"x\":1}\n{\"y\":0}\n{\"y\":1}\n",
         "x\r\n0\r\n1\r\n"},
        {"scalars", scalars, "-9223372036854775808\n18446744073709551615\n0.00\nnull\n\"@x\"\n",
         "value\r\n-9223372036854775808\r\n18446744073709551615\r\n0.00\r\n\r\n'@x\r\n"},
        {"maps in a cell", maps_in_a_cell, "{\"cell\":[\"a\",{\"k\":\"left out\"},\"b\"]}\n{}\n",
         "cell\r\na;b\r\n\r\n"},
        {"nothing", nothing, "", ""},
        {"one scalar", lone_scalar, "\"x\"\n", "value\r\nx\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct capture c;
        struct slice text = run(&c, OUT_JSONL, CASES[i].fn);
        if (!slice_eq(text, slice_cstr(CASES[i].jsonl))) {
            fail_msg("%s: jsonl %.*s", CASES[i].name, SLICE_ARG(text));
        }
        capture_end(&c);
        text = run(&c, OUT_CSV, CASES[i].fn);
        if (!slice_eq(text, slice_cstr(CASES[i].csv))) {
            fail_msg("%s: csv %.*s", CASES[i].name, SLICE_ARG(text));
        }
        capture_end(&c);
        text = run(&c, OUT_JSON, CASES[i].fn);
        json_t *root = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
        assert_non_null(root);
        json_decref(root);
        capture_end(&c);
    }
}

/* Random bytes as text: jansson reads back the repaired text, in every form. */
static void test_text_oracle(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int round = 0; round < 3000; round++) {
        char bytes[32];
        size_t n = (size_t)round % sizeof bytes;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            bytes[i] = (char)(seed >> (33 + (round & 1)));
        }
        struct capture c;
        capture_start(&c);
        struct printer *p = printer_new(round & 2 ? OUT_JSON : OUT_JSONL, c.f);
        print_map_begin(p);
        print_key(p, "t");
        print_text(p, slice_of(bytes, n));
        print_map_end(p);
        assert_true(printer_end(p));
        struct slice text = capture_text(&c);
        assert_true(utf8_valid(text));
        json_t *root = json_loadb(text.p, text.n, JSON_ALLOW_NUL, NULL);
        assert_non_null(root);
        json_t *t = json_object_get(root, "t");
        struct strbuf want = STRBUF_INIT;
        utf8_repair(&want, slice_of(bytes, n));
        assert_true(
            slice_eq(strbuf_slice(&want), slice_of(json_string_value(t), json_string_length(t))));
        strbuf_free(&want);
        json_decref(root);
        capture_end(&c);
    }
}

/* ---- misuse ---- */

static void misuse_value_without_key(struct printer *p)
{
    print_map_begin(p);
    print_integer(p, 1);
}
static void misuse_key_in_list(struct printer *p)
{
    print_list_begin(p);
    print_key(p, "a");
}
static void misuse_key_twice(struct printer *p)
{
    print_map_begin(p);
    print_key(p, "a");
    print_key(p, "b");
}
static void misuse_key_without_value(struct printer *p)
{
    print_map_begin(p);
    print_key(p, "a");
    print_map_end(p);
}
static void misuse_wrong_end(struct printer *p)
{
    print_map_begin(p);
    print_list_end(p);
}
static void misuse_end_of_nothing(struct printer *p)
{
    print_map_end(p);
}
static void misuse_second_document(struct printer *p)
{
    print_integer(p, 1);
    print_integer(p, 2);
}
static void misuse_incomplete(struct printer *p)
{
    print_list_begin(p);
    (void)printer_end(p);
}
static void misuse_empty_document(struct printer *p)
{
    (void)printer_end(p);
}
static void misuse_depth(struct printer *p)
{
    for (int i = 0; i <= PRINTER_DEPTH; i++) {
        print_list_begin(p);
    }
}
static void misuse_decimals(struct printer *p)
{
    print_number(p, 1.0, 18);
}
static void misuse_csv_new_key(struct printer *p)
{
    print_list_begin(p);
    for (int i = 0; i < 2; i++) {
        print_map_begin(p);
        print_key(p, i ? "b" : "a");
        print_integer(p, i);
        print_map_end(p);
    }
}
static void misuse_csv_key_twice(struct printer *p)
{
    print_list_begin(p);
    print_map_begin(p);
    print_key(p, "a");
    print_integer(p, 1);
    print_key(p, "a");
    print_integer(p, 2);
}

/* True when the call ends in abort(), as panic() does. */
static bool aborts(enum out_format format, void (*fn)(struct printer *))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        FILE *null = fopen("/dev/null", "w");
        if (freopen("/dev/null", "w", stderr) && null) {
            fn(printer_new(format, null));
        }
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_misuse(void **state)
{
    static void (*const ALL[])(struct printer *) = {
        misuse_value_without_key, misuse_key_in_list,
        misuse_key_twice,         misuse_key_without_value,
        misuse_wrong_end,         misuse_end_of_nothing,
        misuse_second_document,   misuse_incomplete,
        misuse_empty_document,    misuse_depth,
        misuse_decimals,
    };
    (void)state;
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++) {
        for (enum out_format f = OUT_JSON; f <= OUT_CSV; f++) {
            if (!aborts(f, ALL[i])) {
                fail_msg("misuse %zu as %s does not panic", i, out_format_name(f));
            }
        }
    }
    assert_true(aborts(OUT_CSV, misuse_csv_new_key));
    assert_true(aborts(OUT_CSV, misuse_csv_key_twice));
    assert_true(aborts(OUT_TEXT, lone_map));
    assert_false(aborts(OUT_JSON, lone_map)); /* the harness itself */
}

static void many_rows(struct printer *p)
{
    print_list_begin(p);
    for (int i = 0; i < 20000; i++) {
        print_map_begin(p);
        print_key(p, "number");
        print_integer(p, i);
        print_map_end(p);
    }
    print_list_end(p);
}

/* A full disk is told. */
static void test_write_failure(void **state)
{
    (void)state;
    for (enum out_format format = OUT_JSON; format <= OUT_CSV; format++) {
        FILE *full = fopen("/dev/full", "w");
        if (!full) {
            skip();
        }
        struct printer *p = printer_new(format, full);
        many_rows(p);
        assert_false(printer_end(p));
        fclose(full);
    }
    struct capture c;
    struct slice text = run(&c, OUT_JSONL, many_rows);
    assert_true(slice_ends(text, S("{\"number\":19999}\n")));
    capture_end(&c);
}

static void test_format_parse(void **state)
{
    enum out_format f = OUT_TEXT;
    (void)state;
    for (enum out_format want = OUT_TEXT; want <= OUT_CSV; want++) {
        assert_true(out_format_parse(slice_cstr(out_format_name(want)), &f));
        assert_int_equal(f, want);
    }
    assert_false(out_format_parse(S("JSON"), &f));
    assert_false(out_format_parse(S(""), &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),          cmocka_unit_test(test_jsonl),
        cmocka_unit_test(test_csv),           cmocka_unit_test(test_forms),
        cmocka_unit_test(test_text_oracle),   cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_write_failure), cmocka_unit_test(test_format_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
