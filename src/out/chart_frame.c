/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All scales, ticks and labels are computed here, so that a picture does not depend on gnuplot's
 * own choices. */
#include "out/chart_frame.h"

#include "out/human.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

enum {
    FOOTER = 28,    /* of the bottom margin, the line of small print */
    PLOT_MIN = 110, /* between the margins, what a list of events leaves of a given height */
    SWATCH = 14,
    TICK_PIXELS = 64, /* room of one date under the axis */
    TITLE_SIDE = 16,
};

const char *const CHART_PALETTE[CHART_BANDS] = {
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442",
};
static const char GRID_COLOUR[] = "#E4E4E4";

static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* ---- the frame ---- */

enum err chart_size_check(const struct chart_options *o, struct errbuf *eb)
{
    unsigned w = o->width ? o->width : CHART_WIDTH;
    unsigned h = o->height ? o->height : CHART_HEIGHT;
    if (o->image == CHART_BY_SUFFIX) {
        return err_set(eb, ERR_USAGE, "a chart is svg or png: say which it shall be");
    }
    if (w < CHART_WIDTH_MIN || h < CHART_HEIGHT_MIN || w > CHART_SIDE_MAX || h > CHART_SIDE_MAX) {
        return err_set(eb, ERR_USAGE, "a chart has %u x %u to %u x %u pixels, not %u x %u",
                       CHART_WIDTH_MIN, CHART_HEIGHT_MIN, CHART_SIDE_MAX, CHART_SIDE_MAX, w, h);
    }
    return OK;
}

struct chart_frame chart_frame_new(struct strbuf *out, unsigned width, unsigned height,
                                   unsigned right, unsigned legend_rows, int64_t first_day,
                                   size_t day_count, const struct annotations *events)
{
    struct chart_frame f = {
        .canvas = {out, width ? width : CHART_WIDTH, height ? height : CHART_HEIGHT},
        .right = right,
        .top = CHART_MARGIN_TOP + legend_rows * CHART_LEGEND_ROW,
        .bottom = CHART_MARGIN_BOTTOM,
        .first_day = first_day,
        .day_count = day_count,
    };
    /* Places for the events' numbers above the plot and for their list below it */
    unsigned used = f.top + CHART_EVENT_NUMBERS + CHART_MARGIN_BOTTOM + PLOT_MIN;
    unsigned room = !height ? UINT_MAX : f.canvas.height > used ? f.canvas.height - used : 0;
    f.events = chart_events_plan(events, f.canvas.width, room);
    if (f.events.count) {
        f.canvas.height += height ? 0 : f.events.list_pixels;
        f.top += CHART_EVENT_NUMBERS;
        f.bottom += f.events.list_pixels;
    }
    return f;
}

size_t chart_frame_steps(const struct chart_frame *f)
{
    return (f->canvas.width - CHART_MARGIN_LEFT - f->right) / CHART_STEP_PIXELS;
}

void chart_frame_head(const struct chart_frame *f, enum chart_image image, bool grid_in_front)
{
    const struct chart_canvas *c = &f->canvas;
    strbuf_printf(
        c->out,
        "set encoding utf8\n"
        "set terminal %s noenhanced size %u,%u font 'sans-serif,10' background '#FFFFFF'\n"
        "set output\n"
        "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
        "set tmargin at screen %.6f\nset bmargin at screen %.6f\n"
        "set border 1 linecolor rgb '%s'\n"
        "set tics textcolor rgb '%s'\n"
        "set grid ytics linetype 1 linecolor rgb '%s'\n"
        "set style fill solid 1.0 noborder\n",
        image == CHART_PNG ? "pngcairo" : "svg", c->width, c->height,
        (double)CHART_MARGIN_LEFT / c->width, 1.0 - (double)f->right / c->width,
        1.0 - (double)f->top / c->height, (double)f->bottom / c->height, CHART_DIM_COLOUR,
        CHART_TEXT_COLOUR, GRID_COLOUR);
    strbuf_printf(c->out, "set key off\nset grid %s\n", grid_in_front ? "front" : "back");
}

void chart_frame_titles(const struct chart_frame *f, struct slice title, struct slice subtitle,
                        struct slice footer)
{
    const struct chart_canvas *c = &f->canvas;
    chart_text(c, 1, TITLE_SIDE, 22, "left", 13, ":Bold", CHART_TEXT_COLOUR, title);
    chart_text(c, 2, TITLE_SIDE, 43, "left", 10, "", CHART_DIM_COLOUR, subtitle);
    chart_text(c, 3, TITLE_SIDE, c->height - 14, "left", 9, "", CHART_DIM_COLOUR, footer);
    chart_text(c, 4, c->width - TITLE_SIDE, c->height - 14, "right", 9, "", CHART_DIM_COLOUR,
               S("spamgauge"));
}

void chart_frame_events(const struct chart_frame *f)
{
    struct chart_plot plot = {
        .first_day = f->first_day,
        .day_count = f->day_count,
        .left = CHART_MARGIN_LEFT,
        .right = f->canvas.width - f->right,
        .top = f->top,
        .list_bottom = f->canvas.height - FOOTER,
    };
    chart_events_draw(&f->canvas, &f->events, &plot);
}

void chart_legend(const struct chart_frame *f, unsigned i, unsigned x, unsigned y_from_top,
                  const char *colour, struct slice text)
{
    const struct chart_canvas *c = &f->canvas;
    strbuf_printf(c->out,
                  "set object %u rectangle from screen %.6f, screen %.6f to screen %.6f, "
                  "screen %.6f front fillcolor rgb '%s' fillstyle solid noborder\n",
                  i + 1, (double)x / c->width, 1.0 - (double)(y_from_top + 5) / c->height,
                  (double)(x + SWATCH) / c->width, 1.0 - (double)(y_from_top - 5) / c->height,
                  colour);
    chart_text(c, 10 + i, x + SWATCH + 6, y_from_top, "left", 10, "", CHART_TEXT_COLOUR, text);
}

/* ---- axes ---- */

/* How often a date stands under the axis. */
struct tick_step {
    int days, months; /* one of them */
};

static const struct tick_step TICK_STEPS[] = {{1, 0},  {2, 0},   {7, 0},  {14, 0}, {0, 1},
                                              {0, 2},  {0, 3},   {0, 6},  {0, 12}, {0, 24},
                                              {0, 60}, {0, 120}, {0, 600}};

/* The first tick at or after `day`. */
static int64_t tick_after(struct tick_step t, int64_t day)
{
    int year, month, mday;
    if (t.days) {
        /* Weeks begin on Monday; day 4 after the epoch was one. */
        int64_t off = ((day - 4) % t.days + t.days) % t.days;
        return off ? day + t.days - off : day;
    }
    days_to_civil(day, &year, &month, &mday);
    int index = year * 12 + month - 1 + (mday > 1);
    index += (t.months - index % t.months) % t.months;
    return civil_to_days(index / 12, index % 12 + 1, 1);
}

static struct tick_step tick_step_for(const struct chart_frame *f, int64_t first, int64_t end)
{
    size_t max = (f->canvas.width - CHART_MARGIN_LEFT - f->right) / TICK_PIXELS;
    size_t last = sizeof TICK_STEPS / sizeof *TICK_STEPS - 1;
    for (size_t i = 0; i < last; i++) {
        size_t n = 0;
        for (int64_t d = tick_after(TICK_STEPS[i], first); d < end && n <= max;
             d = tick_after(TICK_STEPS[i], d + 1)) {
            n++;
        }
        if (n <= max) {
            return TICK_STEPS[i];
        }
    }
    return TICK_STEPS[last];
}

void chart_frame_dates(const struct chart_frame *f)
{
    struct strbuf *out = f->canvas.out;
    int64_t first = f->first_day;
    int64_t end = first + (int64_t)f->day_count;
    struct tick_step t = tick_step_for(f, first, end);
    int year_before = 0;
    const char *comma = "";
    strbuf_printf(out, "set xrange [0:%zu]\nset xtics nomirror out scale 0.5 (", f->day_count);
    for (int64_t d = tick_after(t, first); d < end; d = tick_after(t, d + 1)) {
        int year, month, mday;
        days_to_civil(d, &year, &month, &mday);
        strbuf_printf(out, "%s\"", comma);
        if (t.months >= 12) {
            strbuf_printf(out, "%04d", year);
        } else {
            if (t.days) {
                strbuf_printf(out, "%d ", mday);
            }
            strbuf_add_cstr(out, MONTHS[month - 1]);
            if (year != year_before) {
                strbuf_printf(out, "\\n%04d", year);
            }
        }
        strbuf_printf(out, "\" %lld", (long long)(d - first));
        year_before = year;
        comma = ", ";
    }
    strbuf_add_cstr(out, ")\n");
}

static void tick_label(const struct chart_frame *f, double v, const char *suffix)
{
    char text[HUMAN_BYTES];
    human_short(text, v);
    bool has_prefix = strchr(text, ' ') != NULL;
    strbuf_printf(f->canvas.out, "'%s%s%s' %.17g", text, has_prefix || !*suffix ? "" : " ", suffix,
                  v);
}

void chart_axis_linear(const struct chart_frame *f, double max, const char *suffix)
{
    struct strbuf *out = f->canvas.out;
    double power = pow(10.0, floor(log10(max > 0 ? max : 1.0)));
    double steps[] = {0.1, 0.2, 0.5, 1.0, 2.0};
    double step = power;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (max / (steps[i] * power) <= 7.0) {
            step = steps[i] * power;
            break;
        }
    }
    double top = max > 0 ? ceil(max / step - 1e-9) * step : step;
    strbuf_printf(out, "set yrange [0:%.17g]\nset ytics nomirror scale 0 (", top);
    for (int i = 0; i * step <= top + step / 2; i++) {
        strbuf_add_cstr(out, i ? ", " : "");
        tick_label(f, i * step, suffix);
    }
    strbuf_add_cstr(out, ")\n");
}

double chart_axis_log(const struct chart_frame *f, double min, double max, const char *suffix)
{
    struct strbuf *out = f->canvas.out;
    int low = (int)floor(log10(min) - 0.1);
    int high = (int)ceil(log10(max));
    const char *comma = "";
    strbuf_printf(out, "set logscale y 10\nset yrange [1e%d:1e%d]\nset ytics nomirror scale 0 (",
                  low, high);
    for (int i = low; i <= high; i++) {
        for (int k = 1; k <= 5; k += k == 1 ? 1 : 3) {
            /* 2 and 5 in between as long as there are few decades. */
            if (k == 1 || (i < high && high - low <= 3)) {
                strbuf_add_cstr(out, comma);
                tick_label(f, k * pow(10.0, i), suffix);
                comma = ", ";
            }
        }
    }
    strbuf_add_cstr(out, ")\n");
    return pow(10.0, low);
}
