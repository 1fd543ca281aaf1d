/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Series charts: a golden script, gaps, scales, hostile names, and real pictures. */
#include "golden.h"
#include "testing.h"

#include "core/clock.h"
#include "out/chart_series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DAYS = 28, FIRST = 14879 /* 2010-09-27 */ };

static struct chart_point points[DAYS];
static struct chart_line lines[CHART_BANDS];
static struct chart_mark mark;

static struct chart_series october(void)
{
    for (int i = 0; i < DAYS; i++) {
        double v = i < 7 ? 100 + i % 3 : 60 + i % 4;
        bool is_out = i >= 15 && i < 17;
        points[i] = (struct chart_point){
            .from = (int64_t)(FIRST + i) * SECONDS_PER_DAY,
            .until = (int64_t)(FIRST + i + 1) * SECONDS_PER_DAY,
            .value = is_out ? NAN : v,
            .low = is_out ? NAN : v * 0.9,
            .high = is_out ? NAN : v * 1.1,
            .is_incomplete = i >= DAYS - 2,
        };
    }
    lines[0] = (struct chart_line){S("all"), points, DAYS};
    lines[1] = (struct chart_line){S("it's <b>$(id)`id`"), points, DAYS};
    mark = (struct chart_mark){(int64_t)(FIRST + 6) * SECONDS_PER_DAY,
                               (int64_t)(FIRST + 8) * SECONDS_PER_DAY, S("-40 %")};
    return (struct chart_series){
        .title = S("Spam volume index"),
        .subtitle = S("2010-09-01 = 100"),
        .footer = S("Days are UTC."),
        .footer_narrow = S("UTC."),
        .suffix = "",
        .base = 100,
        .lines = lines,
        .line_count = 1,
        .marks = &mark,
        .mark_count = 1,
        .since = (int64_t)FIRST * SECONDS_PER_DAY,
        .until = (int64_t)(FIRST + DAYS) * SECONDS_PER_DAY,
    };
}

static struct strbuf script(const struct chart_series *c, struct chart_options o)
{
    struct strbuf out = STRBUF_INIT;
    struct errbuf eb = {.text = ""};
    if (chart_series_script(c, &o, &out, &eb)) {
        fail_msg("%s", eb.text);
    }
    return out;
}

static void test_golden(void **state)
{
    (void)state;
    struct chart_series c = october();
    struct strbuf s = script(&c, (struct chart_options){.image = CHART_SVG});
    golden_check("index.gnuplot", strbuf_slice(&s));
    strbuf_free(&s);
}

static size_t count_of(struct slice s, const char *what)
{
    size_t n = 0;
    for (;;) {
        size_t at = slice_find(s, slice_cstr(what));
        if (at == SIZE_MAX) {
            return n;
        }
        n++;
        s = slice_sub(s, at + strlen(what), SIZE_MAX);
    }
}

/* A gap is a grey area and an empty line in the data, never a zero; two gaps are two areas. */
static void test_gaps(void **state)
{
    (void)state;
    struct chart_series c = october();
    points[20].value = points[20].low = points[20].high = NAN;
    struct strbuf s = script(&c, (struct chart_options){.image = CHART_SVG});
    assert_int_equal(count_of(strbuf_slice(&s), "behind fillcolor rgb '#EFEFEF'"), 2);
    assert_int_equal(count_of(strbuf_slice(&s), "nan"), 0);
    strbuf_free(&s);
    for (size_t i = 0; i < DAYS; i++) {
        points[i].value = NAN;
    }
    c.base = NAN;
    struct strbuf out = STRBUF_INIT;
    struct errbuf eb = {.text = ""};
    struct chart_options o = {.image = CHART_SVG};
    assert_int_equal(chart_series_script(&c, &o, &out, &eb), ERR_NOTFOUND);
    strbuf_free(&out);
}

/* One hopeless interval does not press the line to the ground. */
static void test_scale(void **state)
{
    (void)state;
    struct chart_series c = october();
    points[3].high = 1e9;
    struct strbuf s = script(&c, (struct chart_options){.image = CHART_SVG});
    assert_true(count_of(strbuf_slice(&s), "set yrange [0:350]") == 1);
    strbuf_free(&s);
}

static void test_hostile_names(void **state)
{
    (void)state;
    struct chart_series c = october();
    c.line_count = 2;
    struct strbuf s = script(&c, (struct chart_options){.image = CHART_SVG});
    assert_int_equal(count_of(strbuf_slice(&s), "`"), 0);
    assert_int_equal(count_of(strbuf_slice(&s), "<b>"), 0);
    assert_int_equal(count_of(strbuf_slice(&s), "it's"), 0);
    strbuf_free(&s);
}

/* Ids of campaigns are whole, in as many rows as they need, and the plot begins below them. */
static void test_legend(void **state)
{
    (void)state;
    struct chart_series c = october();
    static const char *const IDS[CHART_BANDS] = {
        "campaign-00000001", "campaign-00000002", "campaign-00000003", "campaign-00000004",
        "campaign-00000005", "campaign-00000006", "campaign-00000007"};
    for (size_t k = 0; k < CHART_BANDS; k++) {
        lines[k] = (struct chart_line){slice_cstr(IDS[k]), points, DAYS};
    }
    c.line_count = CHART_BANDS;
    /* 5 and 2 in the default's 858 pixels, twos in 378 of them; of a row 18 of the height. */
    for (unsigned narrow = 0; narrow < 2; narrow++) {
        struct strbuf s = script(
            &c, (struct chart_options){.image = CHART_SVG, .width = narrow ? CHART_WIDTH_MIN : 0});
        for (size_t k = 0; k < CHART_BANDS; k++) {
            char text[32];
            snprintf(text, sizeof text, " '%s' at screen", IDS[k]);
            assert_int_equal(count_of(strbuf_slice(&s), text), 1);
        }
        assert_int_equal(count_of(strbuf_slice(&s), narrow ? "screen 0.754167 left noenhanced"
                                                           : "screen 0.829167 left noenhanced"),
                         narrow ? 1 : 2);
        strbuf_free(&s);
    }
    /* A longer one is cut, so that two stand side by side. */
    lines[0].name = S("0123456789012345678901234567890123456789012345678901234567890123456789");
    c.line_count = 2;
    struct strbuf s = script(&c, (struct chart_options){.image = CHART_SVG});
    assert_int_equal(count_of(strbuf_slice(&s), "4567890123456789012345678901234567890123"), 1);
    assert_int_equal(count_of(strbuf_slice(&s), "0123456789'"), 0);
    assert_int_equal(count_of(strbuf_slice(&s), "screen 0.866667 left noenhanced"), 2);
    strbuf_free(&s);
}

static void test_picture(void **state)
{
    (void)state;
    char folder[] = "/tmp/chart_series_test.XXXXXX", path[64], magic[5] = "";
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/index.png", folder);
    struct chart_series c = october();
    struct chart_options o = {.path = path};
    struct errbuf eb = {.text = ""};
    if (chart_series_draw(&c, &o, &eb)) {
        fail_msg("%s", eb.text);
    }
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(magic, 1, 4, f), 4);
    assert_memory_equal(magic, "\x89PNG", 4);
    fclose(f);
    const char *keep = getenv("KEEP_PICTURE");
    if (keep) {
        rename(path, keep);
    }
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_scale),  cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_legend), cmocka_unit_test(test_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
