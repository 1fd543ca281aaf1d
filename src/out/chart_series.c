/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gnuplot script of series with intervals. A line and its ribbon are steps over the bucket, as
 * between two counts there is nothing; gaps are drawn, never bridged. */
#include "out/chart_series.h"

#include "out/chart_frame.h"
#include "out/escape.h"
#include "out/picture.h"

#include <math.h>

enum {
    MARK_TAG = 60, /* labels and objects of the marks; below them the frame's and the legend's */
    GAP_TAG = 300,
    GAPS_MAX = 400,     /* grey areas; what is more are single buckets that nobody could see */
    LEGEND_PITCH = 150, /* pixels from one entry to the next; more where names are long */
    LEGEND_SIDES = 40,  /* of them the square and what is empty */
    LEGEND_GLYPH = 7,   /* a column of its text */
    MARK_SIZE = 9,
};
static const char GAP_COLOUR[] = "#EFEFEF";
static const char MARK_COLOUR[] = "#C0392B";
static const char BASE_COLOUR[] = "#9A9A9A";

/* Entries stand in columns, in as many rows as they need. */
struct legend {
    unsigned pitch, per_row, rows; /* rows: 0 where one line needs no legend */
};

struct drawing {
    const struct chart_series *c;
    const struct chart_options *o;
    struct chart_frame frame;
    struct legend legend;
    struct strbuf *out;
};

/* Days since the first one. */
static double day_x(const struct drawing *d, int64_t t)
{
    double x = (double)t / SECONDS_PER_DAY - (double)d->frame.first_day;
    return fmin(fmax(x, 0), (double)d->frame.day_count);
}

static bool has_interval(const struct chart_point *p)
{
    return isfinite(p->value) && isfinite(p->low) && isfinite(p->high);
}

/* ---- scale ---- */

/* The highest value, and interval ends up to three times it: one wide interval does not press the
 * line to the ground. */
static double values_max(const struct chart_series *c, double *min)
{
    double max = 0, ends = 0;
    *min = INFINITY;
    for (size_t k = 0; k < c->line_count; k++) {
        for (size_t i = 0; i < c->lines[k].count; i++) {
            const struct chart_point *p = &c->lines[k].points[i];
            if (isfinite(p->value)) {
                max = fmax(max, p->value);
                *min = p->value > 0 ? fmin(*min, p->value) : *min;
            }
            ends = has_interval(p) ? fmax(ends, p->high) : ends;
        }
    }
    max = isfinite(c->base) ? fmax(max, c->base) : max;
    return fmin(fmax(max, ends), 3 * max);
}

/* ---- data ---- */

static void point_step(struct drawing *d, const struct chart_point *p, double a, double b)
{
    double from = day_x(d, p->from), until = day_x(d, p->until);
    strbuf_printf(d->out, "%.6g %.6g %.6g\n%.6g %.6g %.6g\n", from, a, b, until, a, b);
}

/* A block of steps of those points that `wanted` takes; an empty line where one is left out. */
static bool data_block(struct drawing *d, const struct chart_line *line, const char *name,
                       size_t which, bool wants_incomplete, bool is_ribbon, double floor)
{
    bool is_gap = true, any = false;
    strbuf_printf(d->out, "$%s%zu << EOD\n", name, which);
    for (size_t i = 0; i < line->count; i++) {
        const struct chart_point *p = &line->points[i];
        bool is_wanted = is_ribbon ? has_interval(p) : isfinite(p->value);
        is_wanted &=
            p->is_incomplete == wants_incomplete && p->until > d->c->since && p->from < d->c->until;
        if (is_wanted) {
            point_step(d, p, fmax(is_ribbon ? p->low : p->value, floor),
                       fmax(is_ribbon ? p->high : p->value, floor));
        } else if (!is_gap) {
            strbuf_add_cstr(d->out, "\n");
        }
        is_gap = !is_wanted;
        any |= is_wanted;
    }
    strbuf_add_cstr(d->out, "EOD\n");
    return any;
}

/* ---- what stands behind ---- */

/* Grey where no line has a value. Adjacent missing buckets of the first line are one area. */
static void gaps_draw(struct drawing *d)
{
    const struct chart_line *line = &d->c->lines[0];
    unsigned n = 0;
    for (size_t i = 0; d->c->line_count == 1 && i < line->count && n < GAPS_MAX;) {
        size_t to = i;
        while (to < line->count && !isfinite(line->points[to].value)) {
            to++;
        }
        if (to > i) {
            strbuf_printf(d->out,
                          "set object %u rectangle from first %.6g, graph 0 to first %.6g, graph 1 "
                          "behind fillcolor rgb '%s' fillstyle solid noborder\n",
                          GAP_TAG + n++, day_x(d, line->points[i].from),
                          day_x(d, line->points[to - 1].until), GAP_COLOUR);
        }
        i = to > i ? to : i + 1;
    }
}

static void marks_draw(struct drawing *d)
{
    for (size_t i = 0; i < d->c->mark_count; i++) {
        const struct chart_mark *m = &d->c->marks[i];
        unsigned tag = MARK_TAG + (unsigned)i;
        double from = day_x(d, m->low), to = day_x(d, m->high);
        strbuf_printf(d->out,
                      "set object %u rectangle from first %.6g, graph 0 to first %.6g, graph 1 "
                      "behind fillcolor rgb '%s' fillstyle transparent solid 0.15 noborder\n",
                      tag, from, fmax(to, from + (double)d->frame.day_count / 400), MARK_COLOUR);
        strbuf_printf(d->out, "set label %u '", tag);
        chart_words(d->out, m->text, 12);
        strbuf_printf(d->out,
                      "' at first %.6g, graph 0.965 %s offset character %s,0 noenhanced front font "
                      "'sans-serif:Bold,%d' textcolor rgb '%s'\n",
                      from, i % 2 ? "right" : "left", i % 2 ? "-0.4" : "0.6", MARK_SIZE,
                      MARK_COLOUR);
    }
}

/* ---- the whole ---- */

/* At least two stand side by side, also where that cuts the longest name. */
static struct legend legend_plan(const struct chart_series *c, unsigned width)
{
    unsigned room = width - CHART_MARGIN_LEFT - CHART_MARGIN_RIGHT, count = (unsigned)c->line_count;
    struct legend l = {.pitch = LEGEND_PITCH};
    for (size_t k = 0; k < c->line_count; k++) {
        unsigned pitch = (unsigned)text_columns(c->lines[k].name) * LEGEND_GLYPH + LEGEND_SIDES;
        l.pitch = pitch > l.pitch ? pitch : l.pitch;
    }
    l.pitch = l.pitch < room / 2 ? l.pitch : room / 2;
    l.per_row = room / l.pitch;
    l.rows = count > 1 ? (count + l.per_row - 1) / l.per_row : 0;
    return l;
}

static void legend_draw(struct drawing *d)
{
    const struct legend *l = &d->legend;
    unsigned columns = (l->pitch - LEGEND_SIDES) / LEGEND_GLYPH;
    for (unsigned k = 0; l->rows && k < d->c->line_count; k++) {
        struct strbuf text = STRBUF_INIT;
        chart_label(&text, d->c->lines[k].name, columns);
        chart_legend(&d->frame, k, CHART_MARGIN_LEFT + k % l->per_row * l->pitch,
                     CHART_MARGIN_TOP + 2 + k / l->per_row * CHART_LEGEND_ROW, CHART_PALETTE[k],
                     strbuf_slice(&text));
        d->out->failed |= text.failed;
        strbuf_free(&text);
    }
}

static void plot_add(struct strbuf *plot, const char *what, size_t which, const char *style,
                     const char *colour)
{
    strbuf_printf(plot, "%s$%s%zu %s rgb '%s'", plot->n ? ", \\\n  " : "plot ", what, which, style,
                  colour);
}

static void lines_draw(struct drawing *d, double floor)
{
    static const char RIBBON[] = "using 1:2:3 with filledcurves fillstyle transparent solid 0.22 "
                                 "noborder fillcolor";
    static const char HATCHED[] = "using 1:2:3 with filledcurves fillstyle transparent pattern 4 "
                                  "noborder fillcolor";
    static const char LINE[] = "using 1:2 with lines linewidth 1.6 linecolor";
    static const char DASHED[] = "using 1:2 with lines linewidth 1.6 dashtype (4,3) linecolor";
    struct strbuf plot = STRBUF_INIT;
    for (size_t k = 0; k < d->c->line_count; k++) {
        const struct chart_line *line = &d->c->lines[k];
        const char *colour = CHART_PALETTE[k];
        if (data_block(d, line, "R", k, false, true, floor)) {
            plot_add(&plot, "R", k, RIBBON, colour);
        }
        if (data_block(d, line, "H", k, true, true, floor)) {
            plot_add(&plot, "H", k, HATCHED, colour);
        }
        if (data_block(d, line, "I", k, true, false, floor)) {
            plot_add(&plot, "I", k, DASHED, colour);
        }
        if (data_block(d, line, "L", k, false, false, floor)) {
            plot_add(&plot, "L", k, LINE, colour);
        }
    }
    if (isfinite(d->c->base)) {
        strbuf_printf(&plot,
                      ", \\\n  %.17g with lines linewidth 1 dashtype (2,3) linecolor rgb '%s'",
                      d->c->base, BASE_COLOUR);
    }
    strbuf_add(d->out, strbuf_slice(&plot));
    strbuf_add_cstr(d->out, "\n");
    d->out->failed |= plot.failed;
    strbuf_free(&plot);
}

enum err chart_series_script(const struct chart_series *c, const struct chart_options *o,
                             struct strbuf *out, struct errbuf *eb)
{
    enum err e = chart_size_check(o, eb);
    double min, max = values_max(c, &min), floor = 0;
    if (e) {
        return e;
    }
    if (!isfinite(min) && max <= 0) {
        return err_set(eb, ERR_NOTFOUND, "there is nothing to draw in this period");
    }
    int64_t first_day = day_of(c->since), end_day = day_of(c->until - 1) + 1;
    struct drawing d = {.c = c, .o = o, .out = out};
    d.legend = legend_plan(c, o->width ? o->width : CHART_WIDTH);
    static const struct annotations NO_EVENTS = {NULL, 0};
    d.frame =
        chart_frame_new(out, o->width, o->height, CHART_MARGIN_RIGHT, d.legend.rows, first_day,
                        (size_t)(end_day - first_day), c->events ? c->events : &NO_EVENTS);
    chart_frame_head(&d.frame, o->image, false);
    chart_frame_titles(&d.frame, c->title, c->subtitle,
                       d.frame.canvas.width >= CHART_WIDE ? c->footer : c->footer_narrow);
    chart_frame_dates(&d.frame);
    if (o->is_log && isfinite(min)) {
        floor = chart_axis_log(&d.frame, min, max, c->suffix);
    } else {
        chart_axis_linear(&d.frame, max, c->suffix);
    }
    gaps_draw(&d);
    marks_draw(&d);
    chart_frame_events(&d.frame);
    legend_draw(&d);
    lines_draw(&d, floor);
    return out->failed ? err_set(eb, ERR_NOMEM, "chart: out of memory") : OK;
}

enum err chart_series_draw(const struct chart_series *c, const struct chart_options *options,
                           struct errbuf *eb)
{
    struct chart_options o;
    struct strbuf script = STRBUF_INIT;
    enum err e = chart_options_complete(options, &o, eb);
    e = e ? e : chart_series_script(c, &o, &script, eb);
    e = e ? e : picture_write(&o, strbuf_slice(&script), eb);
    strbuf_free(&script);
    return e;
}
