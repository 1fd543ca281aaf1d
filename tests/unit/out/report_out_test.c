/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report's four forms over one fixture: golden texts, the JSON document against its schema and
 * against the report it came from, and the rows. */
#include "fake_annotations.h"
#include "fake_store.h"
#include "golden.h"
#include "testing.h"

#include "out/escape.h"
#include "out/report_json.h"
#include "out/report_text.h"

#include <jansson.h>

#include <math.h>

static struct arena *arena;
static struct store store;
static struct report report;

static void build(struct report_query q)
{
    struct errbuf eb = {0};
    if (report_build(&store, &q, arena, &report, &eb)) {
        fail_msg("%s", eb.text);
    }
}

static struct annotation events[FAKE_ANNOTATIONS];
static struct annotations annotations;

static void build_with_events(size_t n)
{
    annotations = fake_annotations(events, n);
    build((struct report_query){.filter = STORE_FILTER_ALL, .annotations = &annotations});
}

#define QUERY_ALL ((struct report_query){.filter = STORE_FILTER_ALL})

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64 * 1024 * 1024);
    store = (struct store){
        .geo = "libloc 2022-10-29",
        .trust = "mx.example.org, inferred from 3,020 of 3,096 messages",
        .pack = "spamgauge-2026.11+9f3a1c2b",
        .least_daily = 3,
    };
    store.messages = fake_october(&store.count);
    build(QUERY_ALL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* No line is wider than the page, nothing ends in spaces, only printable text and SGR. */
static void check_page(struct slice text, size_t width, bool use_utf8)
{
    while (text.n) {
        struct slice line = slice_cut(&text, '\n');
        if (text_columns(line) > width) {
            fail_msg("wider than %zu: %.*s", width, SLICE_ARG(line));
        }
        assert_false(line.n && line.p[line.n - 1] == ' ');
        struct strbuf escaped = STRBUF_INIT;
        escape_terminal(&escaped, line, use_utf8);
        assert_true(slice_eq(line, strbuf_slice(&escaped)));
        strbuf_free(&escaped);
    }
}

static void check_text(const char *golden, struct report_style style)
{
    struct capture c;
    capture_start(&c);
    assert_true(report_print_text(c.f, &report, &style));
    struct slice text = capture_text(&c);
    size_t width = style.width ? style.width : 80;
    if (!style.use_colour) {
        check_page(text, width < 60 ? 60 : width > 160 ? 160 : width, style.use_utf8);
    }
    if (golden) {
        golden_check(golden, text);
    }
    capture_end(&c);
}

static void test_text_golden(void **state)
{
    (void)state;
    check_text("october-80.txt", (struct report_style){.width = 80, .use_utf8 = true});
    check_text("october-120.txt", (struct report_style){.width = 120, .use_utf8 = true});
    check_text("october-80-ascii.txt", (struct report_style){.width = 80});
    check_text("october-120-colour.txt",
               (struct report_style){.width = 120, .use_utf8 = true, .use_colour = true});
    store.messages = fake_many(12, 200, &store.count);
    build(QUERY_ALL);
    check_text("many-100.txt", (struct report_style){.width = 100, .use_utf8 = true});
}

static void test_text_widths(void **state)
{
    (void)state;
    for (size_t width = 0; width <= 170; width++) {
        check_text(NULL, (struct report_style){.width = width, .use_utf8 = width % 2 != 0});
    }
}

static void test_text_small(void **state)
{
    (void)state;
    store.count = 0;
    build(QUERY_ALL);
    check_text("empty-80.txt", (struct report_style){.width = 80, .use_utf8 = true});
    struct fake_message one = {.received = 1285936496,
                               .clock = CLOCK_TRAP,
                               .host = 0xc0000201,
                               .trap = "t",
                               .site = "s",
                               .recipients = 1,
                               .bytes = 10};
    store.messages = &one;
    store.count = 1;
    store.geo = store.trust = store.pack = NULL;
    build(QUERY_ALL);
    check_text("one-80.txt", (struct report_style){.width = 80, .use_utf8 = true});
}

/* Names from mail cannot reach the terminal as they are. */
static void test_text_hostile(void **state)
{
    (void)state;
    struct fake_message one = {
        .received = 1285936496,
        .clock = CLOCK_RECEIVED,
        .host = 0xc0000201,
        .botnet = "bot\x1b[2Jnet",
        .program = "\xe2\x80\xaegnp.exe",
        .trap = "t\r\nx",
        .site = "s",
        .domains = {"\x9b"
                    "31m.example",
                    "a.very.long.name.that.does.not.fit.anywhere.on.the.page.of.a.terminal.at.all."
                    "example.com"},
        .recipients = 1,
        .bytes = 10,
    };
    store.messages = &one;
    store.count = 1;
    store.trust = "\x1b]0;owned\x07";
    struct report_query q = QUERY_ALL;
    q.filter.trap = S("t\r\nx");
    build(q);
    check_text(NULL, (struct report_style){.width = 80, .use_utf8 = true});
    check_text(NULL, (struct report_style){.width = 80});
}

/* The section of the events, up to the empty line after it; false when there is none. */
static bool events_section(struct slice text, struct strbuf *out)
{
    bool is_inside = false;
    while (text.n) {
        struct slice line = slice_cut(&text, '\n');
        is_inside = line.n && (is_inside || slice_eq(line, S("Events in this period")));
        if (is_inside) {
            strbuf_add(out, line);
            strbuf_add_byte(out, '\n');
        }
    }
    return out->n > 0;
}

static void check_events(const char *golden, struct report_style style)
{
    struct capture c;
    struct strbuf section = STRBUF_INIT;
    capture_start(&c);
    assert_true(report_print_text(c.f, &report, &style));
    assert_true(events_section(capture_text(&c), &section) == (golden != NULL));
    if (golden) {
        golden_check(golden, strbuf_slice(&section));
    }
    strbuf_free(&section);
    capture_end(&c);
}

static void test_text_events(void **state)
{
    (void)state;
    build_with_events(0);
    check_events(NULL, (struct report_style){.width = 80});
    build_with_events(1); /* not of this period */
    check_events(NULL, (struct report_style){.width = 80});
    build_with_events(6);
    check_events("events-60-ascii.txt", (struct report_style){.width = 60});
    build_with_events(FAKE_ANNOTATIONS);
    check_events("events-100.txt", (struct report_style){.width = 100, .use_utf8 = true});
}

/* What a hostile annotation file can do is look odd. */
static void test_text_events_hostile(void **state)
{
    (void)state;
    struct slice names[] = {S("a\x1b[2J"), S("\xe2\x80\xaegnp"), S("\xff\xfe")};
    struct annotation a = {
        .since = fake_day(10, 1),
        .until = fake_day(10, 2),
        .date = S("2010-10-01\x1b]0;x\x07"),
        .title = S("\x1b[31mred\r\nEvents in this period\n\xc2\x9b"),
        .source = S("https://example.com/\x1b]8;;\a\xf0\x9f"),
        .effect = S("\x80"),
        .botnets = names,
        .botnet_count = 3,
        .programs = names,
        .program_count = 3,
    };
    annotations = (struct annotations){&a, 1};
    build((struct report_query){.filter = STORE_FILTER_ALL, .annotations = &annotations});
    assert_int_equal(report.annotations.count, 1);
    check_text(NULL, (struct report_style){.width = 80, .use_utf8 = true});
    check_text(NULL, (struct report_style){.width = 80});
}

/* ---- JSON ---- */

/* The part of JSON Schema that share/report.schema.json uses. */
static void schema_check(json_t *root, json_t *schema, json_t *value, const char *path);

static bool type_matches(const char *type, json_t *v)
{
    return (!strcmp(type, "object") && json_is_object(v)) ||
           (!strcmp(type, "array") && json_is_array(v)) ||
           (!strcmp(type, "string") && json_is_string(v)) ||
           (!strcmp(type, "integer") && json_is_integer(v)) ||
           (!strcmp(type, "number") && json_is_number(v)) ||
           (!strcmp(type, "boolean") && json_is_boolean(v)) ||
           (!strcmp(type, "null") && json_is_null(v));
}

static void schema_type(json_t *schema, json_t *value, const char *path)
{
    json_t *type = json_object_get(schema, "type");
    bool ok = !type || (json_is_string(type) && type_matches(json_string_value(type), value));
    for (size_t i = 0; i < json_array_size(type); i++) {
        ok |= type_matches(json_string_value(json_array_get(type, i)), value);
    }
    if (!ok) {
        fail_msg("%s has the wrong type", path);
    }
    json_t *minimum = json_object_get(schema, "minimum");
    json_t *maximum = json_object_get(schema, "maximum");
    if (json_is_number(value)) {
        assert_true(!minimum || json_number_value(value) >= json_number_value(minimum));
        assert_true(!maximum || json_number_value(value) <= json_number_value(maximum));
    }
    json_t *constant = json_object_get(schema, "const");
    if (constant && !json_equal(constant, value)) {
        fail_msg("%s is not the constant", path);
    }
    json_t *words = json_object_get(schema, "enum");
    bool is_word = words == NULL;
    for (size_t i = 0; i < json_array_size(words); i++) {
        is_word |= json_equal(json_array_get(words, i), value);
    }
    if (!is_word) {
        fail_msg("%s is none of the schema's words", path);
    }
}

static void schema_object(json_t *root, json_t *schema, json_t *value, const char *path)
{
    json_t *required = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *key = json_string_value(json_array_get(required, i));
        if (!json_object_get(value, key)) {
            fail_msg("%s has no %s", path, key);
        }
    }
    const char *key;
    json_t *sub;
    json_object_foreach(json_object_get(schema, "properties"), key, sub)
    {
        char below[512];
        snprintf(below, sizeof below, "%s.%s", path, key);
        json_t *v = json_object_get(value, key);
        if (v) {
            schema_check(root, sub, v, below);
        }
    }
}

static void schema_check(json_t *root, json_t *schema, json_t *value, const char *path)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    if (ref) {
        json_t *def = json_object_get(json_object_get(root, "$defs"), ref + strlen("#/$defs/"));
        assert_non_null(def);
        schema_check(root, def, value, path);
    }
    json_t *all = json_object_get(schema, "allOf");
    for (size_t i = 0; i < json_array_size(all); i++) {
        schema_check(root, json_array_get(all, i), value, path);
    }
    /* oneOf is "null or this" here. */
    json_t *one = json_object_get(schema, "oneOf");
    for (size_t i = 0; i < json_array_size(one); i++) {
        json_t *option = json_array_get(one, i);
        const char *type = json_string_value(json_object_get(option, "type"));
        bool is_null_option = type && !strcmp(type, "null");
        if (is_null_option == json_is_null(value)) {
            schema_check(root, option, value, path);
        }
    }
    schema_type(schema, value, path);
    if (json_is_object(value)) {
        schema_object(root, schema, value, path);
    }
    json_t *items = json_object_get(schema, "items");
    for (size_t i = 0; items && i < json_array_size(value); i++) {
        schema_check(root, items, json_array_get(value, i), path);
    }
}

static json_t *json_report(void)
{
    struct capture c;
    capture_start(&c);
    assert_true(report_print(c.f, OUT_JSON, &report));
    struct slice text = capture_text(&c);
    json_error_t error;
    json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        fail_msg("line %d: %s", error.line, error.text);
    }
    capture_end(&c);
    return root;
}

static json_t *schema_load(void)
{
    char path[1024];
    golden_path(path, "share", "report.schema.json");
    json_t *schema = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(schema);
    return schema;
}

static void check_schema(void)
{
    json_t *schema = schema_load();
    json_t *root = json_report();
    schema_check(schema, schema, root, "report");
    /* And the other way round: nothing is printed that the schema does not describe. */
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        if (!json_object_get(json_object_get(schema, "properties"), key)) {
            fail_msg("the schema does not know %s", key);
        }
    }
    json_decref(root);
    json_decref(schema);
}

static void test_schema(void **state)
{
    (void)state;
    check_schema();
    build_with_events(FAKE_ANNOTATIONS);
    check_schema();
    store.messages = fake_many(30, 30, &store.count);
    build((struct report_query){.filter = STORE_FILTER_ALL, .top = 3});
    check_schema();
    store.count = 0;
    store.geo = store.trust = store.pack = NULL;
    build(QUERY_ALL);
    check_schema();
}

static uint64_t unsigned_at(json_t *map, const char *key)
{
    json_t *v = json_object_get(map, key);
    assert_true(json_is_integer(v));
    return (uint64_t)json_integer_value(v);
}

/* Every figure of the report is in the document. */
static void test_json_round_trip(void **state)
{
    (void)state;
    json_t *root = json_report();
    assert_int_equal(unsigned_at(root, "format_version"), REPORT_FORMAT_VERSION);
    json_t *total = json_object_get(root, "total");
    assert_int_equal(unsigned_at(total, "messages"), report.total.messages);
    assert_int_equal(unsigned_at(total, "bytes"), report.total.bytes);
    json_t *days = json_object_get(root, "days");
    assert_int_equal(json_array_size(days), report.day_count);
    for (size_t i = 0; i < report.day_count; i++) {
        json_t *day = json_array_get(days, i);
        char text[11];
        day_text(report.days[i].day, text);
        assert_string_equal(json_string_value(json_object_get(day, "day")), text);
        assert_int_equal(unsigned_at(day, "hosts"), report.days[i].units.hosts);
        assert_int_equal(unsigned_at(day, "unknown_messages"), report.days[i].unknown_messages);
    }
    json_t *bands = json_object_get(root, "botnet_days");
    assert_int_equal(json_array_size(bands), report.band_count);
    for (size_t t = 0; t < REPORT_TABLES; t++) {
        const struct report_table *table = report_table(&report, t);
        json_t *rows = json_object_get(json_object_get(root, report_table_info(t)->table), "rows");
        assert_int_equal(json_array_size(rows), table->count);
        for (size_t i = 0; i < table->count; i++) {
            json_t *row = json_array_get(rows, i);
            const struct report_share *s = &table->rows[i];
            assert_true(
                slice_eq(s->name, slice_cstr(json_string_value(json_object_get(row, "name")))));
            assert_int_equal(unsigned_at(row, "messages"), s->units.messages);
            assert_int_equal(unsigned_at(row, "recipients"), s->units.recipients);
            assert_true(fabs(json_real_value(json_object_get(row, "share")) - s->share_messages) <
                        1e-6);
            assert_true(json_is_null(json_object_get(row, "hosts")) == !table->has_hosts);
        }
    }
    json_decref(root);
}

/* Each kind is a word of the schema, each event is in the document as it was written. */
static void test_json_annotations(void **state)
{
    (void)state;
    for (enum annotation_kind k = 0; k < ANNOTATION_KIND_COUNT; k++) {
        build_with_events(3);
        events[1].kind = k;
        build((struct report_query){.filter = STORE_FILTER_ALL, .annotations = &annotations});
        check_schema();
    }
    build_with_events(FAKE_ANNOTATIONS);
    json_t *root = json_report();
    json_t *list = json_object_get(root, "annotations");
    assert_int_equal(json_array_size(list), report.annotations.count);
    for (size_t i = 0; i < report.annotations.count; i++) {
        json_t *event = json_array_get(list, i);
        const struct annotation *a = &report.annotations.items[i];
        char since[21];
        time_rfc3339(a->since, since);
        assert_string_equal(json_string_value(json_object_get(event, "since")), since);
        assert_true(
            slice_eq(slice_cstr(json_string_value(json_object_get(event, "title"))), a->title));
        assert_int_equal(json_array_size(json_object_get(event, "botnets")), a->botnet_count);
        assert_int_equal(json_array_size(json_object_get(event, "programs")), a->program_count);
        assert_true(json_is_null(json_object_get(event, "effect")) == !a->effect.n);
    }
    json_decref(root);
}

static size_t rows_expected(void)
{
    size_t n = 1 + report.day_count * (1 + report.band_count) + 9;
    for (size_t t = 0; t < REPORT_TABLES; t++) {
        const struct report_table *table = report_table(&report, t);
        n += table->count + (table->has_rest && table->rest_count);
    }
    return n;
}

static void test_jsonl(void **state)
{
    (void)state;
    struct capture c;
    build_with_events(FAKE_ANNOTATIONS);
    capture_start(&c);
    assert_true(report_print(c.f, OUT_JSONL, &report));
    struct slice text = capture_text(&c);
    size_t lines = 0, annotation_lines = 0;
    for (; text.n; lines++) {
        struct slice line = slice_cut(&text, '\n');
        json_t *row = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(row);
        assert_true(json_is_string(json_object_get(row, "table")));
        if (!lines) {
            assert_int_equal(unsigned_at(row, "format_version"), REPORT_FORMAT_VERSION);
        } else if (!strcmp(json_string_value(json_object_get(row, "table")), "annotation")) {
            annotation_lines++;
            assert_true(json_is_string(json_object_get(row, "source")));
        } else {
            assert_int_equal(json_object_size(row), 10);
        }
        json_decref(row);
    }
    assert_int_equal(annotation_lines, report.annotations.count);
    assert_int_equal(lines, 1 + rows_expected() + annotation_lines);
    capture_end(&c);
}

static void test_csv(void **state)
{
    (void)state;
    struct capture c;
    annotations = fake_annotations(events, FAKE_ANNOTATIONS); /* they change nothing here */
    build((struct report_query){.filter = STORE_FILTER_ALL, .top = 3, .annotations = &annotations});
    capture_start(&c);
    assert_true(report_print(c.f, OUT_CSV, &report));
    struct slice text = capture_text(&c);
    golden_check("october.csv", text);
    size_t lines = 0;
    for (; text.n; lines++) {
        struct slice line = slice_cut(&text, '\n');
        size_t commas = 0;
        for (size_t i = 0; i < line.n; i++) {
            commas += line.p[i] == ',';
        }
        assert_true(line.n && line.p[line.n - 1] == '\r');
        assert_int_equal(commas, 9);
    }
    assert_int_equal(lines, 1 + rows_expected());
    capture_end(&c);
}

/* The same store gives the same bytes. */
static void test_deterministic(void **state)
{
    (void)state;
    for (enum out_format f = OUT_JSON; f <= OUT_CSV; f++) {
        struct capture a, b;
        capture_start(&a);
        capture_start(&b);
        assert_true(report_print(a.f, f, &report));
        build(QUERY_ALL);
        assert_true(report_print(b.f, f, &report));
        assert_true(slice_eq(capture_text(&a), capture_text(&b)));
        capture_end(&a);
        capture_end(&b);
    }
}

static void test_write_failure(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full) {
        skip();
    }
    assert_false(report_print_text(full, &report, &(struct report_style){.width = 80}));
    fclose(full);
    for (enum out_format f = OUT_JSON; f <= OUT_CSV; f++) {
        full = fopen("/dev/full", "w");
        assert_false(report_print(full, f, &report));
        fclose(full);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_text_golden),
        CASE(test_text_widths),
        CASE(test_text_small),
        CASE(test_text_hostile),
        CASE(test_schema),
        CASE(test_json_round_trip),
        CASE(test_jsonl),
        CASE(test_csv),
        CASE(test_deterministic),
        CASE(test_write_failure),
        CASE(test_text_events),
        CASE(test_text_events_hostile),
        CASE(test_json_annotations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
