/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An event stands in the middle of the day, month or year that its source gives; longer than a day,
 * a bar above the line says how uncertain that is. */
#include "out/chart_events.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

enum {
    LIST_ROW = 16,
    LIST_GAP = 8, /* between the dates and the list */
    LIST_SIZE = 9,
    LIST_SIDE = 16,
    LIST_DATE = 20,   /* columns of a cell: after the number */
    LIST_TITLE = 104, /* after the date */
    LIST_COLUMN_GAP = 20,
    TWO_COLUMNS = 880, /* pixels of width */
    NUMBER_PITCH = 15, /* from one number to the next, so that they do not touch */
    NUMBER_SIZE = 9,
    SPAN_PIXELS = 2,
    FIRST_TAG = 100, /* of labels, arrows, objects; the rest of the chart stays below */
};
static const char LINE_COLOUR[] = "#333333";

struct chart_events chart_events_plan(const struct annotations *events, unsigned width,
                                      unsigned room)
{
    struct chart_events e = {.columns = width >= TWO_COLUMNS ? 2 : 1};
    size_t rows_max = room == UINT_MAX  ? CHART_EVENTS + 1
                      : room > LIST_GAP ? (room - LIST_GAP) / LIST_ROW
                                        : 0;
    size_t cells = rows_max * e.columns;
    size_t max = cells < CHART_EVENTS ? cells : CHART_EVENTS;
    if (events->count > max && max == cells && max) {
        max--; /* a cell to say how many more */
    }
    e.count = annotations_pick(events, max, e.shown);
    e.hidden = events->count - e.count;
    if (e.count) {
        size_t used = e.count + (e.hidden != 0);
        e.rows = (unsigned)((used + e.columns - 1) / e.columns);
        e.list_pixels = e.rows * LIST_ROW + LIST_GAP;
    }
    return e;
}

/* The wanted places, moved as little as it takes to stand NUMBER_PITCH apart within the plot: what
 * would overlap becomes a group around its own mean. `x` is in ascending order. */
static void numbers_spread(double *x, size_t count, const struct chart_plot *plot)
{
    struct {
        double sum; /* of the members' wanted places, as if they all stood at its first one's */
        size_t from, n;
    } groups[CHART_EVENTS];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        groups[n].sum = x[i];
        groups[n].from = i;
        groups[n++].n = 1;
        while (n > 1) {
            size_t a = n - 2, b = n - 1;
            double end = groups[a].sum / (double)groups[a].n + (double)groups[a].n * NUMBER_PITCH;
            if (groups[b].sum / (double)groups[b].n >= end) {
                break;
            }
            groups[a].sum +=
                groups[b].sum - (double)groups[b].n * (double)groups[a].n * NUMBER_PITCH;
            groups[a].n += groups[b].n;
            n--;
        }
    }
    for (size_t g = 0; g < n; g++) {
        for (size_t i = 0; i < groups[g].n; i++) {
            x[groups[g].from + i] = groups[g].sum / (double)groups[g].n + (double)i * NUMBER_PITCH;
        }
    }
    for (size_t i = 0; i < count; i++) {
        double least = i ? x[i - 1] + NUMBER_PITCH : plot->left;
        x[i] = fmax(x[i], least);
    }
    for (size_t i = count; i-- > 0;) {
        double most = i + 1 < count ? x[i + 1] - NUMBER_PITCH : plot->right;
        x[i] = fmin(x[i], most);
    }
}

static double day_x(const struct chart_plot *plot, int64_t t)
{
    double days = (double)t / SECONDS_PER_DAY - (double)plot->first_day;
    days = fmin(fmax(days, 0), (double)plot->day_count);
    return plot->left + days / (double)plot->day_count * (plot->right - plot->left);
}

/* Lines meet their numbers with a short slant where these had to move aside. */
static void line_draw(const struct chart_canvas *c, const struct chart_plot *plot, unsigned i,
                      double x, double number_x)
{
    double top = 1.0 - (double)plot->top / c->height;
    double above = 1.0 - (double)(plot->top - 5) / c->height;
    strbuf_printf(c->out,
                  "set arrow %u from screen %.6f, graph 0 to screen %.6f, graph 1 nohead front "
                  "linecolor rgb '%s' linewidth 1 dashtype (10,8)\n",
                  FIRST_TAG + i, x / c->width, x / c->width, LINE_COLOUR);
    strbuf_printf(c->out,
                  "set arrow %u from screen %.6f, screen %.6f to screen %.6f, screen %.6f nohead "
                  "front linecolor rgb '%s' linewidth 1\n",
                  FIRST_TAG + CHART_EVENTS + i, x / c->width, top, number_x / c->width, above,
                  LINE_COLOUR);
}

static void span_draw(const struct chart_canvas *c, const struct chart_plot *plot, unsigned i,
                      double from, double to)
{
    strbuf_printf(c->out,
                  "set object %u rectangle from screen %.6f, screen %.6f to screen %.6f, screen "
                  "%.6f front fillcolor rgb '%s' fillstyle solid noborder\n",
                  FIRST_TAG + i, from / c->width, 1.0 - (double)plot->top / c->height,
                  to / c->width, 1.0 - (double)(plot->top - SPAN_PIXELS) / c->height, LINE_COLOUR);
}

/* Cell `i` of the list. */
static void cell_draw(const struct chart_canvas *c, const struct chart_events *e,
                      const struct chart_plot *plot, unsigned i)
{
    unsigned cell = (c->width - 2 * LIST_SIDE) / e->columns;
    unsigned x = LIST_SIDE + i / e->rows * cell;
    unsigned y = plot->list_bottom - e->rows * LIST_ROW + LIST_ROW / 2 + i % e->rows * LIST_ROW;
    unsigned tag = FIRST_TAG + CHART_EVENTS + 3 * i;
    struct strbuf text = STRBUF_INIT;
    if (i == e->count) {
        strbuf_printf(&text, "+%zu more", e->hidden);
        chart_text(c, tag, x + LIST_DATE, y, "left", LIST_SIZE, "", CHART_DIM_COLOUR,
                   strbuf_slice(&text));
        c->out->failed |= text.failed;
        strbuf_free(&text);
        return;
    }
    strbuf_printf(&text, "%u", i + 1);
    chart_text(c, tag, x + LIST_DATE - 8, y, "right", LIST_SIZE, ":Bold", CHART_TEXT_COLOUR,
               strbuf_slice(&text));
    strbuf_clear(&text);
    chart_label(&text, e->shown[i]->date, 10);
    chart_text(c, tag + 1, x + LIST_DATE, y, "left", LIST_SIZE, "", CHART_DIM_COLOUR,
               strbuf_slice(&text));
    strbuf_clear(&text);
    chart_title(&text, e->shown[i]->title, cell - LIST_TITLE - LIST_COLUMN_GAP, LIST_SIZE);
    chart_text(c, tag + 2, x + LIST_TITLE, y, "left", LIST_SIZE, "", CHART_TEXT_COLOUR,
               strbuf_slice(&text));
    c->out->failed |= text.failed;
    strbuf_free(&text);
}

/* Numbers go by the place of the lines, which for months and years is not the order of the starts.
 */
static void events_order(const struct chart_plot *plot, const struct chart_events *e,
                         const struct annotation *items[CHART_EVENTS], double x[CHART_EVENTS])
{
    for (size_t i = 0; i < e->count; i++) {
        const struct annotation *a = e->shown[i];
        double middle = (day_x(plot, a->since) + day_x(plot, a->until)) / 2;
        size_t at = i;
        for (; at > 0 && x[at - 1] > middle; at--) {
            x[at] = x[at - 1];
            items[at] = items[at - 1];
        }
        x[at] = middle;
        items[at] = a;
    }
}

void chart_events_draw(const struct chart_canvas *c, const struct chart_events *events,
                       const struct chart_plot *plot)
{
    struct chart_events e = *events;
    double x[CHART_EVENTS] = {0}, number_x[CHART_EVENTS];
    events_order(plot, events, e.shown, x);
    memcpy(number_x, x, sizeof x);
    numbers_spread(number_x, e.count, plot);
    for (unsigned i = 0; i < e.count; i++) {
        const struct annotation *a = e.shown[i];
        char number[16];
        line_draw(c, plot, i, x[i], number_x[i]);
        if (a->until - a->since > SECONDS_PER_DAY) {
            span_draw(c, plot, i, day_x(plot, a->since), day_x(plot, a->until));
        }
        snprintf(number, sizeof number, "%u", i + 1);
        chart_text(c, FIRST_TAG + i, (unsigned)lround(number_x[i]), plot->top - 11, "center",
                   NUMBER_SIZE, ":Bold", CHART_TEXT_COLOUR, slice_cstr(number));
        cell_draw(c, &e, plot, i);
    }
    if (e.count && e.hidden) {
        cell_draw(c, &e, plot, (unsigned)e.count);
    }
}
