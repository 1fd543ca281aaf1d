/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gnuplot script of a chart: a pure function of report and options. All scales, ticks and
 * labels are computed here, so that a picture does not depend on gnuplot's own choices. */
#include "out/chart.h"
#include "out/chart_events.h"
#include "out/human.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

enum {
    MARGIN_LEFT = 78,
    MARGIN_RIGHT = 24,
    MARGIN_TOP = 62,
    LEGEND_ROW = 18, /* above the plot, when there is one */
    MARGIN_BOTTOM = 66,
    FOOTER = 28,         /* of it, the line of small print */
    PLOT_MIN = 110,      /* between the margins, what a list of events leaves of a given height */
    LEGEND_PIXELS = 204, /* right of the plot */
    LEGEND_COLUMNS = 14, /* of a name in it */
    LEGEND_PIXELS_NARROW = 172,
    LEGEND_COLUMNS_NARROW = 10,
    LEGEND_PITCH = 20, /* from one entry to the next below, when there is room */
    SWATCH = 14,
    TICK_PIXELS = 64, /* room of one date under the axis */
    STEP_PIXELS = 3,  /* of one step, so that it can be seen */
    WIDE = 640,       /* pixels from which on everything has its full words */
    SCRIPT_ARENA_BYTES = 16 * 1024 * 1024,
};

/* Okabe and Ito: eight colours that stay apart for colour-blind readers; black is for text. */
static const char *const PALETTE[CHART_BANDS] = {
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442",
};
static const char OTHER_COLOUR[] = "#8A8A8A";
static const char UNKNOWN_COLOUR[] = "#C6C6C6";
static const char GRID_COLOUR[] = "#E4E4E4";

static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct script {
    struct strbuf *out;
    const struct report *r;
    const struct chart_options *o;
    enum volume_step step;
    const struct volume_bucket *buckets;
    size_t bucket_count;
    const struct report_band *bands[REPORT_BANDS + 2]; /* CHART_SHARE: by size */
    unsigned width, height;
    unsigned right, top, bottom; /* margins */
    struct chart_events events;
};

/* ---- text ---- */

static void script_text(struct script *s, unsigned tag, unsigned x, unsigned y_from_top,
                        const char *align, unsigned size, const char *weight, const char *colour,
                        struct slice text)
{
    struct chart_canvas canvas = {s->out, s->width, s->height};
    chart_text(&canvas, tag, x, y_from_top, align, size, weight, colour, text);
}

/* A coloured square and its name: entry `i` of the legend, at a place in pixels. */
static void script_legend(struct script *s, unsigned i, unsigned x, unsigned y_from_top,
                          const char *colour, struct slice text)
{
    strbuf_printf(s->out,
                  "set object %u rectangle from screen %.6f, screen %.6f to screen %.6f, "
                  "screen %.6f front fillcolor rgb '%s' fillstyle solid noborder\n",
                  i + 1, (double)x / s->width, 1.0 - (double)(y_from_top + 5) / s->height,
                  (double)(x + SWATCH) / s->width, 1.0 - (double)(y_from_top - 5) / s->height,
                  colour);
    script_text(s, 10 + i, x + SWATCH + 6, y_from_top, "left", 10, "", CHART_TEXT_COLOUR, text);
}

static const char *unit_title(enum unit u)
{
    static const char *const TITLES[UNIT_COUNT] = {"Messages", "Recipients", "Bytes", "Hosts"};
    return TITLES[u];
}

static void script_titles(struct script *s)
{
    char first[11], last[11], count[HUMAN_BYTES];
    struct strbuf text = STRBUF_INIT;
    day_text(s->r->days[0].day, first);
    day_text(s->r->days[s->r->day_count - 1].day, last);
    if (s->o->kind == CHART_SHARE) {
        strbuf_printf(&text, "Share of %s by botnet", unit_name(s->o->unit));
    } else {
        strbuf_printf(&text, "%s per day", unit_title(s->o->unit));
    }
    if (s->width >= WIDE) {
        strbuf_printf(&text, ", %s to %s", first, last);
    }
    script_text(s, 1, 16, 22, "left", 13, ":Bold", CHART_TEXT_COLOUR, strbuf_slice(&text));
    strbuf_clear(&text);
    if (s->width < WIDE) {
        strbuf_printf(&text, "%s to %s; ", first, last);
    }
    strbuf_printf(&text, "%s messages", human_count(count, s->r->total.messages));
    if (s->step != VOLUME_DAY) {
        strbuf_printf(&text, "; %s by %s", s->o->kind == CHART_SHARE ? "shares" : "daily mean",
                      volume_step_name(s->step));
    }
    if (s->o->is_log) {
        strbuf_add_cstr(&text, "; logarithmic scale");
    }
    if (s->events.hidden && !s->events.count) {
        strbuf_printf(&text, "; no room for %zu event%s", s->events.hidden,
                      s->events.hidden == 1 ? "" : "s");
    }
    if (s->r->trap.n) {
        strbuf_add_cstr(&text, "; trap ");
        chart_label(&text, s->r->trap, 30);
    }
    if (s->r->site.n) {
        strbuf_add_cstr(&text, "; site ");
        chart_label(&text, s->r->site, 30);
    }
    script_text(s, 2, 16, 43, "left", 10, "", CHART_DIM_COLOUR, strbuf_slice(&text));
    script_text(s, 3, 16, s->height - 14, "left", 9, "", CHART_DIM_COLOUR,
                s->width >= WIDE ? S("Days are UTC. Raw sums of the traps, not a volume index.")
                                 : S("Days are UTC. Raw sums, not an index."));
    script_text(s, 4, s->width - 16, s->height - 14, "right", 9, "", CHART_DIM_COLOUR,
                S("spamgauge"));
    s->out->failed |= text.failed;
    strbuf_free(&text);
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

static struct tick_step tick_step_for(const struct script *s, int64_t first, int64_t end)
{
    size_t max = (s->width - MARGIN_LEFT - s->right) / TICK_PIXELS;
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

static void script_dates(struct script *s)
{
    int64_t first = s->r->days[0].day;
    int64_t end = first + (int64_t)s->r->day_count;
    struct tick_step t = tick_step_for(s, first, end);
    int year_before = 0;
    const char *comma = "";
    strbuf_printf(s->out, "set xrange [0:%zu]\nset xtics nomirror out scale 0.5 (",
                  s->r->day_count);
    for (int64_t d = tick_after(t, first); d < end; d = tick_after(t, d + 1)) {
        int year, month, mday;
        days_to_civil(d, &year, &month, &mday);
        strbuf_printf(s->out, "%s\"", comma);
        if (t.months >= 12) {
            strbuf_printf(s->out, "%04d", year);
        } else {
            if (t.days) {
                strbuf_printf(s->out, "%d ", mday);
            }
            strbuf_add_cstr(s->out, MONTHS[month - 1]);
            if (year != year_before) {
                strbuf_printf(s->out, "\\n%04d", year);
            }
        }
        strbuf_printf(s->out, "\" %lld", (long long)(d - first));
        year_before = year;
        comma = ", ";
    }
    strbuf_add_cstr(s->out, ")\n");
}

static void tick_label(struct script *s, double v)
{
    char text[HUMAN_BYTES];
    if (s->o->unit == UNIT_BYTES && s->o->kind == CHART_VOLUME) {
        human_short(text, v);
        bool has_prefix = strchr(text, ' ') != NULL;
        strbuf_printf(s->out, "'%s%sB' %.17g", text, has_prefix ? "" : " ", v);
    } else {
        strbuf_printf(s->out, "'%s' %.17g", human_short(text, v), v);
    }
}

/* 0 to just above the maximum in four to eight steps of 1, 2 or 5 times a power of ten. */
static void script_linear(struct script *s, double max)
{
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
    strbuf_printf(s->out, "set yrange [0:%.17g]\nset ytics nomirror scale 0 (", top);
    for (int i = 0; i * step <= top + step / 2; i++) {
        strbuf_add_cstr(s->out, i ? ", " : "");
        tick_label(s, i * step);
    }
    strbuf_add_cstr(s->out, ")\n");
}

/* Whole decades around what is there; the least value stands well above the bottom, where it could
 * not be seen. Returns the bottom, where the filled steps stand. */
static double script_log(struct script *s, double min, double max)
{
    int low = (int)floor(log10(min) - 0.1);
    int high = (int)ceil(log10(max));
    const char *comma = "";
    strbuf_printf(s->out, "set logscale y 10\nset yrange [1e%d:1e%d]\nset ytics nomirror scale 0 (",
                  low, high);
    for (int i = low; i <= high; i++) {
        for (int k = 1; k <= 5; k += k == 1 ? 1 : 3) {
            /* 2 and 5 in between as long as there are few decades. */
            if (k == 1 || (i < high && high - low <= 3)) {
                strbuf_add_cstr(s->out, comma);
                tick_label(s, k * pow(10.0, i));
                comma = ", ";
            }
        }
    }
    strbuf_add_cstr(s->out, ")\n");
    return pow(10.0, low);
}

/* ---- data ---- */

/* A day's mean of the bucket in the chart's unit. */
static double bucket_value(const struct script *s, const struct volume_bucket *b)
{
    if (s->o->unit == UNIT_HOSTS) {
        return b->hosts_daily;
    }
    return (double)unit_of(&b->units, s->o->unit) / (double)(b->to - b->from);
}

static double band_sum(const struct script *s, const struct report_band *band,
                       const struct volume_bucket *b)
{
    double sum = 0;
    for (size_t i = b->from; i < b->to; i++) {
        sum += (double)unit_of(&band->days[i], s->o->unit);
    }
    return sum;
}

/* A step of a filled curve: from `low` to `high` over the days of the bucket. */
static void data_step(struct script *s, const struct volume_bucket *b, double low, double high)
{
    strbuf_printf(s->out, "%zu %.9g %.9g\n%zu %.9g %.9g\n", b->from, low, high, b->to, low, high);
}

static const struct report_band *unknown_band(const struct report *r)
{
    for (size_t k = 0; k < r->band_count; k++) {
        if (slice_eq(r->bands[k].name, S("unknown"))) {
            return &r->bands[k];
        }
    }
    return NULL;
}

/* Parts can be stacked where they add up: not hosts, not on a logarithmic scale. */
static bool volume_is_split(const struct report *r, const struct chart_options *o)
{
    return o->kind == CHART_VOLUME && !o->is_log && o->unit != UNIT_HOSTS && unknown_band(r);
}

static void script_volume(struct script *s)
{
    const struct report_band *unknown = unknown_band(s->r);
    bool is_split = volume_is_split(s->r, s->o);
    double max = 0;
    double min = INFINITY;
    double base = 0;
    for (size_t i = 0; i < s->bucket_count; i++) {
        double v = bucket_value(s, &s->buckets[i]);
        max = fmax(max, v);
        min = v > 0 ? fmin(min, v) : min;
    }
    if (s->o->is_log && max > 0) {
        base = script_log(s, min, max);
    } else {
        script_linear(s, max);
    }
    strbuf_add_cstr(s->out, "$ALL << EOD\n");
    for (size_t i = 0; i < s->bucket_count; i++) {
        double v = bucket_value(s, &s->buckets[i]);
        data_step(s, &s->buckets[i], base, fmax(v, base));
    }
    strbuf_add_cstr(s->out, "EOD\n");
    if (!is_split) {
        strbuf_printf(s->out, "plot $ALL using 1:2:3 with filledcurves fillcolor rgb '%s'\n",
                      PALETTE[0]);
        return;
    }
    strbuf_add_cstr(s->out, "$KNOWN << EOD\n");
    for (size_t i = 0; i < s->bucket_count; i++) {
        const struct volume_bucket *b = &s->buckets[i];
        double v = bucket_value(s, b) - band_sum(s, unknown, b) / (double)(b->to - b->from);
        data_step(s, b, 0, fmax(v, 0));
    }
    strbuf_add_cstr(s->out, "EOD\n");
    script_legend(s, 0, MARGIN_LEFT, MARGIN_TOP + 2, PALETTE[0], S("attributed to a botnet"));
    script_legend(s, 1, MARGIN_LEFT + 190, MARGIN_TOP + 2, UNKNOWN_COLOUR, S("unknown"));
    strbuf_printf(s->out,
                  "plot $ALL using 1:2:3 with filledcurves fillcolor rgb '%s', \\\n"
                  "  $KNOWN using 1:2:3 with filledcurves fillcolor rgb '%s'\n",
                  UNKNOWN_COLOUR, PALETTE[0]);
}

/* ---- shares ---- */

/* A colour of the stack and the bands of the report in it. */
struct layer {
    struct slice name;
    const char *colour;
    size_t from, to; /* script.bands */
    uint64_t total;
};

/* The bands in order of size in the chart's unit (the report has them by messages); "other" and
 * "unknown" stay last. Few: sorted by insertion. */
static void bands_sort(struct script *s, size_t named)
{
    for (size_t i = 0; i < s->r->band_count; i++) {
        const struct report_band *b = &s->r->bands[i];
        size_t at = i;
        while (i < named && at > 0 &&
               unit_of(&s->bands[at - 1]->total, s->o->unit) < unit_of(&b->total, s->o->unit)) {
            s->bands[at] = s->bands[at - 1];
            at--;
        }
        s->bands[at] = b;
    }
}

static size_t layers_plan(struct script *s, struct layer out[CHART_BANDS + 2])
{
    size_t named = s->r->band_count;
    const struct report_band *unknown = unknown_band(s->r);
    named -= unknown != NULL;
    bool has_other = named && slice_eq(s->r->bands[named - 1].name, S("other"));
    size_t shown = named - has_other;
    bands_sort(s, shown);
    shown = shown < CHART_BANDS ? shown : CHART_BANDS;
    size_t n = 0;
    for (; n < shown; n++) {
        out[n] = (struct layer){s->bands[n]->name, PALETTE[n], n, n + 1, 0};
    }
    if (named > shown) {
        out[n++] = (struct layer){S("other"), OTHER_COLOUR, shown, named, 0};
    }
    if (unknown) {
        out[n++] = (struct layer){S("unknown"), UNKNOWN_COLOUR, named, named + 1, 0};
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = out[i].from; k < out[i].to; k++) {
            out[i].total += unit_of(&s->bands[k]->total, s->o->unit);
        }
    }
    return n;
}

static double layer_sum(const struct script *s, const struct layer *l,
                        const struct volume_bucket *b)
{
    double sum = 0;
    for (size_t k = l->from; k < l->to; k++) {
        sum += band_sum(s, s->bands[k], b);
    }
    return sum;
}

/* The greatest hangs from 100 %, unknown stands on 0: these two can be read off exactly, and the
 * order is the legend's. Steps without a message are gaps: a share of nothing is not 0. */
static void layer_data(struct script *s, const struct layer *layers, size_t n, size_t which)
{
    strbuf_printf(s->out, "$L%zu << EOD\n", which);
    bool is_gap = true;
    for (size_t i = 0; i < s->bucket_count; i++) {
        const struct volume_bucket *b = &s->buckets[i];
        double all = 0;
        double above = 0;
        double own = 0;
        for (size_t k = 0; k < n; k++) {
            double v = layer_sum(s, &layers[k], b);
            all += v;
            above += k < which ? v : 0;
            own = k == which ? v : own;
        }
        if (all > 0) {
            double high = 100.0 * (1.0 - above / all);
            data_step(s, b, fmax(high - 100.0 * own / all, 0), high);
        } else if (!is_gap) {
            strbuf_add_cstr(s->out, "\n");
        }
        is_gap = all <= 0;
    }
    strbuf_add_cstr(s->out, "EOD\n");
}

static void script_share(struct script *s)
{
    struct layer layers[CHART_BANDS + 2];
    size_t n = layers_plan(s, layers);
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++) {
        layer_data(s, layers, n, i);
        all += layers[i].total;
    }
    strbuf_add_cstr(s->out, "set yrange [0:100]\nset ytics nomirror scale 0 ('0 %%' 0, '20 %%' 20, "
                            "'40 %%' 40, '60 %%' 60, '80 %%' 80, '100 %%' 100)\n");
    unsigned room = s->height - MARGIN_TOP - 32 - s->events.list_pixels;
    unsigned pitch = n && room / n < LEGEND_PITCH ? room / (unsigned)n : LEGEND_PITCH;
    for (size_t i = 0; i < n; i++) {
        char percent[HUMAN_BYTES];
        struct strbuf text = STRBUF_INIT;
        chart_label(&text, layers[i].name,
                    s->width >= WIDE ? LEGEND_COLUMNS : LEGEND_COLUMNS_NARROW);
        human_percent(percent, all ? (double)layers[i].total / (double)all : NAN);
        strbuf_printf(&text, "  %s", percent);
        script_legend(s, (unsigned)i, s->width - s->right + 16,
                      MARGIN_TOP + 8 + (unsigned)i * pitch, layers[i].colour, strbuf_slice(&text));
        s->out->failed |= text.failed;
        strbuf_free(&text);
    }
    for (size_t i = 0; i < n; i++) {
        strbuf_printf(s->out, "%s$L%zu using 1:2:3 with filledcurves fillcolor rgb '%s'",
                      i ? ", \\\n  " : "plot ", i, layers[i].colour);
    }
    strbuf_add_cstr(s->out, "\n");
}

/* ---- the whole ---- */

static void script_head(struct script *s)
{
    const char *terminal = s->o->image == CHART_PNG ? "pngcairo" : "svg";
    strbuf_printf(
        s->out,
        "set encoding utf8\n"
        "set terminal %s noenhanced size %u,%u font 'sans-serif,10' background '#FFFFFF'\n"
        "set output\n"
        "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
        "set tmargin at screen %.6f\nset bmargin at screen %.6f\n"
        "set border 1 linecolor rgb '%s'\n"
        "set tics textcolor rgb '%s'\n"
        "set grid ytics linetype 1 linecolor rgb '%s'\n"
        "set style fill solid 1.0 noborder\n",
        terminal, s->width, s->height, (double)MARGIN_LEFT / s->width,
        1.0 - (double)s->right / s->width, 1.0 - (double)s->top / s->height,
        (double)s->bottom / s->height, CHART_DIM_COLOUR, CHART_TEXT_COLOUR, GRID_COLOUR);
    strbuf_printf(s->out, "set key off\nset grid %s\n",
                  s->o->kind == CHART_SHARE ? "front" : "back");
}

static enum err script_check(const struct report *r, const struct chart_options *o,
                             struct errbuf *eb)
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
    if (o->kind == CHART_SHARE && o->unit == UNIT_HOSTS) {
        return err_set(eb, ERR_USAGE,
                       "hosts of several botnets overlap: their shares do not add up to 100 %%");
    }
    if (o->kind == CHART_SHARE && o->is_log) {
        return err_set(eb, ERR_USAGE, "shares have no logarithmic scale");
    }
    if (!r->day_count) {
        return err_set(eb, ERR_NOTFOUND, "there is no day with a message to draw");
    }
    return OK;
}

/* Places for the events' numbers above the plot and for their list below it. The list makes a
 * picture higher unless its height was given; then the plot gives way, down to PLOT_MIN. */
static void script_events_plan(struct script *s)
{
    unsigned used = s->top + CHART_EVENT_NUMBERS + MARGIN_BOTTOM + PLOT_MIN;
    unsigned room = !s->o->height ? UINT_MAX : s->height > used ? s->height - used : 0;
    s->events = chart_events_plan(s->r, s->width, room);
    if (s->events.count) {
        s->height += s->o->height ? 0 : s->events.list_pixels;
        s->top += CHART_EVENT_NUMBERS;
        s->bottom += s->events.list_pixels;
    }
}

static void script_events(struct script *s)
{
    struct chart_canvas canvas = {s->out, s->width, s->height};
    struct chart_plot plot = {
        .left = MARGIN_LEFT,
        .right = s->width - s->right,
        .top = s->top,
        .list_bottom = s->height - FOOTER,
    };
    chart_events_draw(&canvas, s->r, &s->events, &plot);
}

enum err chart_script(const struct report *r, const struct chart_options *o, struct strbuf *out,
                      struct errbuf *eb)
{
    enum err e = script_check(r, o, eb);
    if (e) {
        return e;
    }
    struct arena *arena = arena_new(SCRIPT_ARENA_BYTES);
    struct script s = {
        .out = out,
        .r = r,
        .o = o,
        .width = o->width ? o->width : CHART_WIDTH,
        .height = o->height ? o->height : CHART_HEIGHT,
        .right = MARGIN_RIGHT,
        .bottom = MARGIN_BOTTOM,
        .top = MARGIN_TOP + (volume_is_split(r, o) ? LEGEND_ROW : 0),
    };
    if (o->kind == CHART_SHARE) {
        s.right = s.width >= WIDE ? LEGEND_PIXELS : LEGEND_PIXELS_NARROW;
    }
    script_events_plan(&s);
    size_t steps_max = (s.width - MARGIN_LEFT - s.right) / STEP_PIXELS;
    steps_max = steps_max < CHART_STEPS_MAX ? steps_max : CHART_STEPS_MAX;
    s.step = o->step == VOLUME_AUTO ? volume_step_for(r, steps_max) : o->step;
    e = arena ? volume_buckets(r, s.step, arena, &s.buckets, &s.bucket_count) : ERR_NOMEM;
    if (!e) {
        script_head(&s);
        script_titles(&s);
        script_dates(&s);
        script_events(&s);
        if (o->kind == CHART_SHARE) {
            script_share(&s);
        } else {
            script_volume(&s);
        }
        e = out->failed ? ERR_NOMEM : OK;
    }
    arena_free(arena);
    return e ? err_set(eb, e, "chart: out of memory") : OK;
}
