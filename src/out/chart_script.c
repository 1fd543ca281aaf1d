/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gnuplot script of a report's chart, volume or share: a pure function of report and options.
 */
#include "out/chart.h"
#include "out/chart_frame.h"
#include "out/human.h"

#include <math.h>
#include <stdio.h>

enum {
    LEGEND_PIXELS = 204, /* right of the plot */
    LEGEND_COLUMNS = 14, /* of a name in it */
    LEGEND_PIXELS_NARROW = 172,
    LEGEND_COLUMNS_NARROW = 10,
    LEGEND_PITCH = 20, /* from one entry to the next below, when there is room */
    SCRIPT_ARENA_BYTES = 16 * 1024 * 1024,
};

static const char OTHER_COLOUR[] = "#8A8A8A";
static const char UNKNOWN_COLOUR[] = "#C6C6C6";

struct script {
    struct strbuf *out;
    const struct report *r;
    const struct chart_options *o;
    enum volume_step step;
    const struct volume_bucket *buckets;
    size_t bucket_count;
    const struct report_band *bands[REPORT_BANDS + 2]; /* CHART_SHARE: by size */
    struct chart_frame frame;
};

/* ---- text ---- */

static const char *unit_title(enum unit u)
{
    static const char *const TITLES[UNIT_COUNT] = {"Messages", "Recipients", "Bytes", "Hosts"};
    return TITLES[u];
}

static const char *unit_suffix(enum unit u)
{
    return u == UNIT_BYTES ? "B" : "";
}

static void script_title(const struct script *s, const char *first, const char *last,
                         struct strbuf *text)
{
    if (s->o->kind == CHART_SHARE) {
        strbuf_printf(text, "Share of %s by botnet", unit_name(s->o->unit));
    } else {
        strbuf_printf(text, "%s per day", unit_title(s->o->unit));
    }
    if (s->frame.canvas.width >= CHART_WIDE) {
        strbuf_printf(text, ", %s to %s", first, last);
    }
}

static void script_subtitle(const struct script *s, const char *first, const char *last,
                            struct strbuf *text)
{
    char count[HUMAN_BYTES];
    const struct chart_events *events = &s->frame.events;
    if (s->frame.canvas.width < CHART_WIDE) {
        strbuf_printf(text, "%s to %s; ", first, last);
    }
    strbuf_printf(text, "%s messages", human_count(count, s->r->total.messages));
    if (s->step != VOLUME_DAY) {
        strbuf_printf(text, "; %s by %s", s->o->kind == CHART_SHARE ? "shares" : "daily mean",
                      volume_step_name(s->step));
    }
    if (s->o->is_log) {
        strbuf_add_cstr(text, "; logarithmic scale");
    }
    if (events->hidden && !events->count) {
        strbuf_printf(text, "; no room for %zu event%s", events->hidden,
                      events->hidden == 1 ? "" : "s");
    }
    if (s->r->trap.n) {
        strbuf_add_cstr(text, "; trap ");
        chart_label(text, s->r->trap, 30);
    }
    if (s->r->site.n) {
        strbuf_add_cstr(text, "; site ");
        chart_label(text, s->r->site, 30);
    }
}

static void script_titles(const struct script *s)
{
    char first[11], last[11];
    struct strbuf title = STRBUF_INIT, subtitle = STRBUF_INIT;
    day_text(s->r->days[0].day, first);
    day_text(s->r->days[s->r->day_count - 1].day, last);
    script_title(s, first, last, &title);
    script_subtitle(s, first, last, &subtitle);
    chart_frame_titles(&s->frame, strbuf_slice(&title), strbuf_slice(&subtitle),
                       s->frame.canvas.width >= CHART_WIDE
                           ? S("Days are UTC. Raw sums of the traps, not a volume index.")
                           : S("Days are UTC. Raw sums, not an index."));
    s->out->failed |= title.failed || subtitle.failed;
    strbuf_free(&title);
    strbuf_free(&subtitle);
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
        base = chart_axis_log(&s->frame, min, max, unit_suffix(s->o->unit));
    } else {
        chart_axis_linear(&s->frame, max, unit_suffix(s->o->unit));
    }
    strbuf_add_cstr(s->out, "$ALL << EOD\n");
    for (size_t i = 0; i < s->bucket_count; i++) {
        double v = bucket_value(s, &s->buckets[i]);
        data_step(s, &s->buckets[i], base, fmax(v, base));
    }
    strbuf_add_cstr(s->out, "EOD\n");
    if (!is_split) {
        strbuf_printf(s->out, "plot $ALL using 1:2:3 with filledcurves fillcolor rgb '%s'\n",
                      CHART_PALETTE[0]);
        return;
    }
    strbuf_add_cstr(s->out, "$KNOWN << EOD\n");
    for (size_t i = 0; i < s->bucket_count; i++) {
        const struct volume_bucket *b = &s->buckets[i];
        double v = bucket_value(s, b) - band_sum(s, unknown, b) / (double)(b->to - b->from);
        data_step(s, b, 0, fmax(v, 0));
    }
    strbuf_add_cstr(s->out, "EOD\n");
    chart_legend(&s->frame, 0, CHART_MARGIN_LEFT, CHART_MARGIN_TOP + 2, CHART_PALETTE[0],
                 S("attributed to a botnet"));
    chart_legend(&s->frame, 1, CHART_MARGIN_LEFT + 190, CHART_MARGIN_TOP + 2, UNKNOWN_COLOUR,
                 S("unknown"));
    strbuf_printf(s->out,
                  "plot $ALL using 1:2:3 with filledcurves fillcolor rgb '%s', \\\n"
                  "  $KNOWN using 1:2:3 with filledcurves fillcolor rgb '%s'\n",
                  UNKNOWN_COLOUR, CHART_PALETTE[0]);
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
        out[n] = (struct layer){s->bands[n]->name, CHART_PALETTE[n], n, n + 1, 0};
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
    unsigned room = s->frame.canvas.height - CHART_MARGIN_TOP - 32 - s->frame.events.list_pixels;
    unsigned pitch = n && room / n < LEGEND_PITCH ? room / (unsigned)n : LEGEND_PITCH;
    for (size_t i = 0; i < n; i++) {
        char percent[HUMAN_BYTES];
        struct strbuf text = STRBUF_INIT;
        chart_label(&text, layers[i].name,
                    s->frame.canvas.width >= CHART_WIDE ? LEGEND_COLUMNS : LEGEND_COLUMNS_NARROW);
        human_percent(percent, all ? (double)layers[i].total / (double)all : NAN);
        strbuf_printf(&text, "  %s", percent);
        chart_legend(&s->frame, (unsigned)i, s->frame.canvas.width - s->frame.right + 16,
                     CHART_MARGIN_TOP + 8 + (unsigned)i * pitch, layers[i].colour,
                     strbuf_slice(&text));
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

static enum err script_check(const struct report *r, const struct chart_options *o,
                             struct errbuf *eb)
{
    enum err e = chart_size_check(o, eb);
    if (e) {
        return e;
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

enum err chart_script(const struct report *r, const struct chart_options *o, struct strbuf *out,
                      struct errbuf *eb)
{
    enum err e = script_check(r, o, eb);
    if (e) {
        return e;
    }
    struct arena *arena = arena_new(SCRIPT_ARENA_BYTES);
    bool is_wide = (o->width ? o->width : CHART_WIDTH) >= CHART_WIDE;
    unsigned right = o->kind == CHART_VOLUME ? CHART_MARGIN_RIGHT
                     : is_wide               ? LEGEND_PIXELS
                                             : LEGEND_PIXELS_NARROW;
    struct script s = {
        .out = out,
        .r = r,
        .o = o,
        .frame = chart_frame_new(out, o->width, o->height, right, volume_is_split(r, o),
                                 r->days[0].day, r->day_count, &r->annotations),
    };
    size_t steps_max = chart_frame_steps(&s.frame);
    steps_max = steps_max < CHART_STEPS_MAX ? steps_max : CHART_STEPS_MAX;
    s.step = o->step == VOLUME_AUTO ? volume_step_for(r, steps_max) : o->step;
    e = arena ? volume_buckets(r, s.step, arena, &s.buckets, &s.bucket_count) : ERR_NOMEM;
    if (!e) {
        chart_frame_head(&s.frame, o->image, o->kind == CHART_SHARE);
        script_titles(&s);
        chart_frame_dates(&s.frame);
        chart_frame_events(&s.frame);
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
