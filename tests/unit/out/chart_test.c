/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scripts against golden files; with gnuplot at hand, real pictures. */
#include "fake_annotations.h"
#include "fake_store.h"
#include "golden.h"
#include "testing.h"

#include "out/chart.h"
#include "out/chart_text.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena *arena;
static struct store store;
static struct report report;
static char folder[] = "/tmp/chart_test.XXXXXX";

static struct annotation events[FAKE_ANNOTATIONS];
static struct annotations annotations;

static void build(void)
{
    struct errbuf eb = {0};
    struct report_query q = {.filter = STORE_FILTER_ALL, .annotations = &annotations};
    if (report_build(&store, &q, arena, &report, &eb)) {
        fail_msg("%s", eb.text);
    }
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64 * 1024 * 1024);
    store = (struct store){0};
    annotations = (struct annotations){NULL, 0};
    store.messages = fake_october(&store.count);
    build();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static int group_setup(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static size_t folder_empty(void)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        n += e->d_name[0] != '.' && unlink(path) == 0;
    }
    if (d) {
        closedir(d);
    }
    return n;
}

static int group_teardown(void **state)
{
    (void)state;
    folder_empty();
    return rmdir(folder);
}

static bool has_gnuplot(void)
{
    return system("gnuplot --version >/dev/null 2>&1") == 0;
}

static struct strbuf script(struct chart_options o)
{
    struct strbuf out = STRBUF_INIT;
    struct errbuf eb = {0};
    if (chart_script(&report, &o, &out, &eb)) {
        fail_msg("%s", eb.text);
    }
    return out;
}

static void test_golden(void **state)
{
    (void)state;
    struct strbuf s = script((struct chart_options){.kind = CHART_VOLUME, .image = CHART_SVG});
    golden_check("volume.gnuplot", strbuf_slice(&s));
    strbuf_free(&s);
    s = script((struct chart_options){
        .kind = CHART_SHARE, .image = CHART_PNG, .width = 500, .height = 300});
    golden_check("share.gnuplot", strbuf_slice(&s));
    strbuf_free(&s);
    store.messages = fake_many(3, 800, &store.count);
    build();
    s = script((struct chart_options){.kind = CHART_VOLUME,
                                      .image = CHART_SVG,
                                      .is_log = true,
                                      .unit = UNIT_BYTES,
                                      .step = VOLUME_MONTH});
    golden_check("volume-log.gnuplot", strbuf_slice(&s));
    strbuf_free(&s);
    store.messages = fake_october(&store.count);
    annotations = fake_annotations(events, FAKE_ANNOTATIONS);
    build();
    s = script((struct chart_options){.kind = CHART_SHARE, .image = CHART_SVG});
    golden_check("share-events.gnuplot", strbuf_slice(&s));
    strbuf_free(&s);
}

/* What a label can do at worst is look odd. */
static void test_label(void **state)
{
    static const struct {
        const char *in, *out;
    } CASES[] = {
        {"rustock", "rustock"},
        {"mega-d 2.0", "mega-d 2.0"},
        {"' ; system('id')", "? ; system(?id?)"},
        {"`id`", "?id?"},
        {"a\nplot sin(x)\nEOD\n", "a?x0aplot sin(x)?x0aEOD?x0a"},
        {"{/*20 big}_2^3@x&y~z", "?/*20 big?_2?3?x?y?z"},
        {"%s%n", "?s?n"},
        {"\\n\"$VAR", "?n??VAR"},
        {"<script>alert(1)</script>", "?script?alert(1)?/script?"},
        {"&#x3c;", "?#x3c;"},
        {"\xff\x1b[0m", "??x1b?0m"},
        {"ботнет – Grüße", "ботнет – Grüße"},
        {"日本 \u05d0\u0627\U0001f480", "?? ???"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct strbuf out = STRBUF_INIT;
        chart_label(&out, slice_cstr(CASES[i].in), 80);
        assert_string_equal(strbuf_cstr(&out), CASES[i].out);
        strbuf_free(&out);
    }
    struct strbuf out = STRBUF_INIT;
    chart_label(&out, S("abcdefgh"), 4);
    assert_string_equal(strbuf_cstr(&out), "abc…");
    strbuf_free(&out);
}

/* What a script says of its labels, in pixels. */
struct placed {
    double x, y; /* from the left and the top */
    unsigned tag;
    char text[400], align[8];
};

static size_t labels_of(struct slice s, unsigned width, unsigned height, struct placed *out,
                        size_t max)
{
    size_t n = 0;
    while (s.n) {
        struct slice line = slice_cut(&s, '\n');
        char text[1024];
        snprintf(text, sizeof text, "%.*s", SLICE_ARG(line));
        struct placed p;
        if (n < max && sscanf(text, "set label %u '%399[^']' at screen %lf, screen %lf %7s", &p.tag,
                              p.text, &p.x, &p.y, p.align) == 5) {
            p.x *= width;
            p.y = (1 - p.y) * height;
            out[n++] = p;
        }
    }
    return n;
}

/* The height of the picture that a script asks for. */
static unsigned script_height(struct slice s)
{
    unsigned width = 0, height = 0;
    size_t at = slice_find(s, S(" size "));
    assert_true(at != SIZE_MAX);
    assert_int_equal(sscanf(s.p + at, " size %u,%u", &width, &height), 2);
    return height;
}

static void check_events(size_t count, struct chart_options o, size_t shown, const char *more)
{
    struct placed labels[64];
    annotations = fake_annotations(events, count);
    build();
    struct strbuf s = script(o);
    unsigned height = script_height(strbuf_slice(&s));
    assert_int_equal(o.height ? o.height : CHART_HEIGHT,
                     o.height || !shown ? height : CHART_HEIGHT);
    assert_true(height >= (o.height ? o.height : CHART_HEIGHT + 16 * (shown != 0)));
    size_t n = labels_of(strbuf_slice(&s), o.width, height, labels, 64);
    size_t numbers = 0, listed = 0, mores = 0;
    double before = -1;
    for (size_t i = 0; i < n; i++) {
        const struct placed *p = &labels[i];
        assert_true(p->x >= 0 && p->x <= o.width && p->y >= 0 && p->y <= height);
        if (!strcmp(p->align, "center")) {
            numbers++;
            assert_int_equal(atoi(p->text), numbers);
            assert_true(before < 0 || p->x - before >= 13.5); /* they stand apart */
            before = p->x;
        }
        listed += !strcmp(p->align, "right") && atoi(p->text) > 0;
        mores += !strncmp(p->text, "+", 1) && more && !strcmp(p->text, more);
        /* No two at one place. */
        for (size_t k = 0; k < i; k++) {
            assert_true(fabs(labels[k].x - p->x) > 4 || fabs(labels[k].y - p->y) > 12);
        }
    }
    assert_int_equal(numbers, shown);
    assert_int_equal(listed, shown);
    assert_int_equal(mores, more != NULL);
    bool has_dashes = slice_find(strbuf_slice(&s), S("dashtype")) != SIZE_MAX;
    assert_true(has_dashes == (shown != 0));
    strbuf_free(&s);
}

static void test_events(void **state)
{
    (void)state;
    static const struct {
        size_t count; /* the first of them is not of the period */
        unsigned width, height;
        size_t shown;
        const char *more;
    } CASES[] = {
        {0, 960, 0, 0, NULL},          {1, 960, 0, 0, NULL},        {2, 960, 0, 1, NULL},
        {9, 960, 0, 8, NULL},          {9, 480, 0, 8, NULL},        {10, 960, 0, 8, "+1 more"},
        {22, 960, 0, 8, "+12 more"},   {22, 480, 0, 8, "+12 more"}, {22, 4000, 0, 8, "+12 more"},
        {22, 960, 316, 3, "+17 more"}, {5, 960, 316, 4, NULL},      {22, 480, 240, 0, NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        for (enum chart_kind kind = CHART_VOLUME; kind <= CHART_SHARE; kind++) {
            struct chart_options o = {.kind = kind,
                                      .image = CHART_SVG,
                                      .width = CASES[i].width,
                                      .height = CASES[i].height};
            /* the share chart has no legend row above the plot and so room for one row more */
            if (kind == CHART_SHARE && o.height) {
                continue;
            }
            check_events(CASES[i].count, o, CASES[i].shown, CASES[i].more);
        }
    }
    /* All on one day, which is the last of a long period. */
    annotations = fake_annotations(events, FAKE_ANNOTATIONS);
    for (size_t i = 0; i < FAKE_ANNOTATIONS; i++) {
        events[i].since = fake_day(10, 24);
        events[i].until = fake_day(10, 25);
    }
    build();
    struct placed labels[64];
    struct strbuf s = script((struct chart_options){.image = CHART_SVG, .width = 480});
    size_t n = labels_of(strbuf_slice(&s), 480, script_height(strbuf_slice(&s)), labels, 64);
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        most = !strcmp(labels[i].align, "center") ? fmax(most, labels[i].x) : most;
    }
    assert_true(most > 440 && most <= 480 - 24);
    strbuf_free(&s);
}

static void test_events_hidden(void **state)
{
    (void)state;
    annotations = fake_annotations(events, FAKE_ANNOTATIONS);
    build();
    struct strbuf s = script(
        (struct chart_options){.image = CHART_SVG, .width = 480, .height = CHART_HEIGHT_MIN});
    assert_true(slice_find(strbuf_slice(&s), S("no room for 20 events")) != SIZE_MAX);
    strbuf_free(&s);
}

static void test_title(void **state)
{
    static const struct {
        const char *in, *out;
        unsigned pixels;
    } CASES[] = {
        {"It's \"so\" ('he' said)", "It’s “so” (‘he’ said)", 400},
        {"Down 40% ; `id` <b>", "Down 40% ; ?id? ?b?", 400},
        {"'; system('id')", "‘; system(‘id’)", 400},
        {"one two three", "one two three", 120},
        {"one two three four", "one two…", 72},
        {"WWWWWWWWWW", "WWWWW…", 72},
        {"", "", 72},
        {"x", "…", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct strbuf out = STRBUF_INIT;
        chart_title(&out, slice_cstr(CASES[i].in), CASES[i].pixels, 9);
        assert_string_equal(strbuf_cstr(&out), CASES[i].out);
        strbuf_free(&out);
    }
}

/* Hostile names: the script has the same lines as with harmless ones, and none of their commands.
 */
static void test_hostile(void **state)
{
    (void)state;
    char victim[64];
    char botnet[256];
    snprintf(victim, sizeof victim, "%s/victim", folder);
    snprintf(botnet, sizeof botnet, "'\nsystem('touch %s')\n`touch %s`#", victim, victim);
    struct fake_message m[2] = {
        {.received = 1285936496,
         .clock = CLOCK_TRAP,
         .host = 1,
         .botnet = botnet,
         .trap = "t",
         .site = "s",
         .recipients = 1,
         .bytes = 10},
        {.received = 1285936496,
         .clock = CLOCK_TRAP,
         .host = 2,
         .botnet = "</text><script>",
         .trap = "t",
         .site = "s",
         .recipients = 1,
         .bytes = 10},
    };
    store.messages = m;
    store.count = 2;
    annotations = fake_annotations(events, 7);
    events[5].title = slice_cstr(botnet);
    events[6].title = S("</text><script>");
    events[6].date = slice_cstr(botnet);
    build();
    assert_int_equal(report.annotations.count, 3);
    report.trap = S("'\nexit\n");
    struct strbuf evil = script((struct chart_options){.kind = CHART_SHARE, .image = CHART_SVG});
    assert_true(slice_find(strbuf_slice(&evil), S("\nsystem")) == SIZE_MAX);
    assert_true(slice_find(strbuf_slice(&evil), S("\nexit")) == SIZE_MAX);
    assert_true(slice_find(strbuf_slice(&evil), S("`")) == SIZE_MAX);
    assert_true(slice_find(strbuf_slice(&evil), S("<script")) == SIZE_MAX);
    strbuf_free(&evil);
    if (!has_gnuplot()) {
        print_message("gnuplot is not installed: no picture drawn\n");
        return;
    }
    char path[128];
    struct errbuf eb = {0};
    snprintf(path, sizeof path, "%s/evil.svg", folder);
    struct chart_options o = {.kind = CHART_SHARE, .path = path};
    if (chart_draw(&report, &o, &eb)) {
        fail_msg("%s", eb.text);
    }
    struct strbuf svg = STRBUF_INIT;
    assert_true(file_read(path, &svg));
    assert_true(slice_find(strbuf_slice(&svg), S("<script")) == SIZE_MAX);
    assert_int_equal(access(victim, F_OK), -1);
    strbuf_free(&svg);
    folder_empty();
}

static void test_usage(void **state)
{
    static const struct {
        const char *name;
        struct chart_options o;
        enum err err;
    } CASES[] = {
        {"no path", {.image = CHART_SVG}, ERR_USAGE},
        {"no known suffix", {.path = "/nonexistent/x.gif"}, ERR_USAGE},
        {"stdout without a format", {.path = "-"}, ERR_USAGE},
        {"too narrow", {.path = "x.svg", .width = CHART_WIDTH_MIN - 1}, ERR_USAGE},
        {"too high", {.path = "x.svg", .height = CHART_SIDE_MAX + 1}, ERR_USAGE},
        {"share of hosts", {.path = "x.svg", .kind = CHART_SHARE, .unit = UNIT_HOSTS}, ERR_USAGE},
        {"log of shares", {.path = "x.svg", .kind = CHART_SHARE, .is_log = true}, ERR_USAGE},
        {"no folder", {.path = "/nonexistent/x.svg"}, ERR_IO},
        {"no program", {.path = NULL, .gnuplot = "/nonexistent/gnuplot"}, ERR_NOTFOUND},
        {"program fails", {.path = NULL, .gnuplot = "false"}, ERR_IO},
        {"program draws nothing", {.path = NULL, .gnuplot = "true"}, ERR_IO},
    };
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/usage.svg", folder);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct chart_options o = CASES[i].o;
        struct errbuf eb = {0};
        if (!o.path && i > 0) {
            o.path = path;
        }
        enum err e = chart_draw(&report, &o, &eb);
        if (e != CASES[i].err || !eb.text[0]) {
            fail_msg("%s: %s %s", CASES[i].name, err_name(e), eb.text);
        }
        assert_int_equal(folder_empty(), 0); /* nothing half-made is left */
    }
    store.count = 0;
    build();
    struct errbuf eb = {0};
    struct chart_options o = {.path = path};
    assert_int_equal(chart_draw(&report, &o, &eb), ERR_NOTFOUND);
    assert_non_null(strstr(eb.text, "no day"));
}

/* What gnuplot says goes to the user, without its control bytes. */
static void test_failure_words(void **state)
{
    (void)state;
    char program[128], path[128];
    snprintf(program, sizeof program, "%s/fake-gnuplot", folder);
    snprintf(path, sizeof path, "%s/x.svg", folder);
    FILE *f = fopen(program, "w");
    assert_non_null(f);
    fputs("#!/bin/sh\nprintf 'line 3:\\n\\033[31mno  such terminal' >&2\nexit 7\n", f);
    fclose(f);
    assert_int_equal(chmod(program, 0700), 0);
    struct errbuf eb = {0};
    struct chart_options o = {.path = path, .gnuplot = program};
    assert_int_equal(chart_draw(&report, &o, &eb), ERR_IO);
    assert_non_null(strstr(eb.text, "ended with status 7: line 3: \\x1b[31mno such terminal"));
    assert_int_equal(folder_empty(), 1); /* the program only */
}

static void check_picture(const char *name, struct chart_options o, const char *magic)
{
    char path[128];
    struct errbuf eb = {0};
    struct strbuf picture = STRBUF_INIT;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    o.path = path;
    if (chart_draw(&report, &o, &eb)) {
        fail_msg("%s: %s", name, eb.text);
    }
    assert_true(file_read(path, &picture));
    assert_true(slice_starts(strbuf_slice(&picture), slice_cstr(magic)));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    strbuf_free(&picture);
    assert_int_equal(folder_empty(), 1); /* no temporary file beside it */
}

static void test_pictures(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        print_message("gnuplot is not installed\n");
        skip();
    }
    umask(022);
    check_picture("volume.svg", (struct chart_options){.kind = CHART_VOLUME}, "<?xml");
    check_picture("share.png", (struct chart_options){.kind = CHART_SHARE}, "\x89PNG");
    check_picture("log.PNG", (struct chart_options){.is_log = true, .unit = UNIT_BYTES}, "\x89PNG");
    check_picture("no-suffix", (struct chart_options){.image = CHART_SVG, .unit = UNIT_HOSTS},
                  "<?xml");
    annotations = fake_annotations(events, FAKE_ANNOTATIONS);
    build();
    check_picture("events.svg", (struct chart_options){.kind = CHART_VOLUME}, "<?xml");
    check_picture("events.png", (struct chart_options){.kind = CHART_SHARE, .width = 480},
                  "\x89PNG");
    check_picture("odd 'name`.svg", (struct chart_options){.unit = UNIT_RECIPIENTS}, "<?xml");
    store.messages = fake_many(40, 2, &store.count);
    build();
    check_picture("other.svg", (struct chart_options){.kind = CHART_SHARE}, "<?xml");
}

/* The same report gives the same picture. */
static void test_same_picture(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    char path[128];
    struct strbuf first = STRBUF_INIT;
    struct strbuf second = STRBUF_INIT;
    struct errbuf eb = {0};
    snprintf(path, sizeof path, "%s/same.svg", folder);
    struct chart_options o = {.kind = CHART_SHARE, .path = path};
    assert_int_equal(chart_draw(&report, &o, &eb), OK);
    assert_true(file_read(path, &first));
    setenv("GNUTERM", "dumb", 1);
    assert_int_equal(chart_draw(&report, &o, &eb), OK);
    assert_true(file_read(path, &second));
    assert_true(slice_eq(strbuf_slice(&first), strbuf_slice(&second)));
    strbuf_free(&first);
    strbuf_free(&second);
    folder_empty();
}

static void test_parse(void **state)
{
    enum chart_kind kind;
    enum chart_image image;
    enum unit unit;
    enum volume_step step;
    (void)state;
    assert_true(chart_kind_parse(S("share"), &kind) && kind == CHART_SHARE);
    assert_false(chart_kind_parse(S("pie"), &kind));
    assert_true(chart_image_parse(S("PNG"), &image) && image == CHART_PNG);
    assert_false(chart_image_parse(S("gif"), &image));
    assert_true(unit_parse(S("hosts"), &unit) && unit == UNIT_HOSTS);
    assert_false(unit_parse(S("host"), &unit));
    assert_true(volume_step_parse(S("week"), &step) && step == VOLUME_WEEK);
    assert_false(volume_step_parse(S("hour"), &step));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_golden),   CASE(test_label),        CASE(test_events), CASE(test_events_hidden),
        CASE(test_title),    CASE(test_hostile),      CASE(test_usage),  CASE(test_failure_words),
        CASE(test_pictures), CASE(test_same_picture), CASE(test_parse),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
