/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/bulletin_text.h"

#include "core/clock.h"
#include "out/hosts_out.h"
#include "out/human.h"

#include <math.h>

enum {
    NAME_MIN = 14,
    INDEX_COLUMNS = 9,
    INTERVAL_COLUMNS = 17,
    CHANGE_COLUMNS = 10,
    CHANGE_INTERVAL_COLUMNS = 20,
    WIDTH_MAX = 100,
    CELL_BYTES = 64,
};

/* ---- text ---- */

static const char *dash(const struct page *p)
{
    return p->use_utf8 ? "–" : "-";
}

/* "+12 %", "-3.4 %" of an index whose base was the other step. */
static void percent_text(const struct page *p, double index, char out[CELL_BYTES])
{
    char number[HUMAN_BYTES];
    double v = index - 100;
    snprintf(out, CELL_BYTES, "%s %%",
             human_change(number, v, fabs(v) < 9.95 ? 1 : 0, p->use_utf8));
}

/* "-10 to +3 %" */
static void percent_interval(const struct page *p, const struct index_point *c,
                             char out[CELL_BYTES])
{
    char low[HUMAN_BYTES], high[HUMAN_BYTES];
    snprintf(out, CELL_BYTES, "%s to %s %%", human_change(low, c->low - 100, 0, p->use_utf8),
             human_change(high, c->high - 100, 0, p->use_utf8));
}

struct columns {
    size_t name, index, interval, change, change_interval;
};

/* Too narrow: the change's interval goes first, then the change. */
static struct columns columns_plan(const struct page *p)
{
    size_t width = p->width < WIDTH_MAX ? p->width : WIDTH_MAX;
    struct columns c = {0, INDEX_COLUMNS, INTERVAL_COLUMNS, CHANGE_COLUMNS,
                        CHANGE_INTERVAL_COLUMNS};
    if (c.index + c.interval + c.change + c.change_interval + NAME_MIN > width) {
        c.change_interval = 0;
    }
    c.name = width - c.index - c.interval - c.change - c.change_interval;
    return c;
}

static void line_text(struct page *p, const struct columns *c, const struct bulletin_index *l)
{
    char text[CELL_BYTES];
    const struct index_point *now = &l->index.points[l->newest];
    page_cell(p, l->name, c->name, false);
    snprintf(text, sizeof text, "%.1f", now->index);
    page_cell(p, slice_cstr(text), c->index, true);
    snprintf(text, sizeof text, "%.1f %s %.1f", now->low, dash(p), now->high);
    page_cell(p, slice_cstr(text), c->interval, true);
    bool has_change = l->change.gap == INDEX_IS_THERE && isfinite(l->change.index);
    snprintf(text, sizeof text, "-");
    if (has_change) {
        percent_text(p, l->change.index, text);
    }
    page_cell(p, slice_cstr(text), c->change, true);
    text[0] = 0;
    if (has_change) {
        percent_interval(p, &l->change, text);
    }
    page_cell(p, slice_cstr(text), c->change_interval, true);
    page_newline(p);
}

static void period_add(struct strbuf *text, int64_t since, int64_t until)
{
    char first[11], last[11];
    day_text(day_of(since), first);
    day_text(day_of(until - 1), last);
    strbuf_add_cstr(text, first);
    if (strcmp(first, last) != 0) {
        strbuf_printf(text, " to %s", last);
    }
}

/* What the numbers are, and when not to trust them. */
static void legend_text(struct page *p, const struct bulletin *b)
{
    const struct bulletin_index *all = &b->lines[0];
    const struct index *i = &all->index;
    char number[HUMAN_BYTES];
    struct strbuf text = STRBUF_INIT;
    period_add(&text, i->base_since, i->base_until);
    strbuf_add_cstr(&text, " = 100; shown is ");
    period_add(&text, i->points[all->newest].from, i->points[all->newest].until);
    strbuf_printf(
        &text,
        " and its change on the %s before, with 95 %% intervals. Mail-weighted over %s trap%s "
        "at %zu site%s; a trap that is new, out or dead does not move it.",
        index_step_name(b->step), human_count(number, i->traps), i->traps == 1 ? "" : "s", i->sites,
        i->sites == 1 ? "" : "s");
    if (i->sites < 2) {
        strbuf_add_cstr(&text, " One site: the interval holds nothing of what it alone sees "
                               "differently.");
    }
    if (i->weighting_gap > INDEX_GAP_WARNS) {
        strbuf_printf(
            &text,
            " The traps do not tell one story: an index in which each trap weighs the same "
            "is up to %.0f %% away (chart index --weight trap).",
            100 * expm1(i->weighting_gap));
    }
    page_ink(p, INK_DIM);
    page_paragraph(p, "", 0, strbuf_slice(&text));
    page_ink(p, INK_NONE);
    p->out.failed |= text.failed;
    strbuf_free(&text);
}

void bulletin_index_text(struct page *p, const struct bulletin *b)
{
    if (!b->line_count) {
        return;
    }
    struct columns c = columns_plan(p);
    char text[CELL_BYTES];
    page_newline(p);
    page_ink(p, INK_HEAD);
    snprintf(text, sizeof text, "Volume index by %s", index_step_name(b->step));
    page_cell(p, slice_cstr(text), c.name, false);
    page_ink(p, INK_NONE);
    page_cell(p, S("index"), c.index, true);
    page_cell(p, S("95 % interval"), c.interval, true);
    page_cell(p, S("change"), c.change, true);
    page_cell(p, S("95 % interval"), c.change_interval, true);
    page_newline(p);
    for (size_t k = 0; k < b->line_count; k++) {
        line_text(p, &c, &b->lines[k]);
    }
    legend_text(p, b);
}

/* ---- hosts ---- */

enum { HOST_DAY, HOST_MOST, HOST_WEEK, HOST_TOTAL, HOST_NET24, HOST_MACHINES, HOST_COLUMNS };

static const char *const HOST_HEADS[HOST_COLUMNS] = {"a day",  "most", "7 days",
                                                     "period", "/24s", "machines alive"};
static const size_t HOST_WIDTHS[HOST_COLUMNS] = {9, 9, 9, 9, 9, 21};

static void host_cell(struct page *p, const struct hosts *h, unsigned column)
{
    char text[CELL_BYTES], low[HUMAN_BYTES], high[HUMAN_BYTES];
    const double values[] = {h->mean_day, (double)h->max_day, (double)h->last_week,
                             (double)h->total, (double)h->net24s};
    snprintf(text, sizeof text, "-");
    if (column < HOST_MACHINES) {
        human_count(text, (uint64_t)(values[column] + 0.5));
    } else if (isfinite(h->fit.live.low) && isfinite(h->fit.live.high)) {
        snprintf(text, sizeof text, "%s %s %s", human_count(low, (uint64_t)(h->fit.live.low + 0.5)),
                 dash(p), human_count(high, (uint64_t)(h->fit.live.high + 0.5)));
    }
    page_cell(p, slice_cstr(text), HOST_WIDTHS[column], true);
}

void bulletin_hosts_text(struct page *p, const struct bulletin *b)
{
    if (!b->host_count) {
        return;
    }
    size_t width = p->width < WIDTH_MAX ? p->width : WIDTH_MAX, used = 0, first = 0;
    for (size_t k = 0; k < HOST_COLUMNS; k++) {
        used += HOST_WIDTHS[k];
    }
    /* Too narrow: the first two columns go, they can be had from the days. */
    while (used + NAME_MIN > width && first < 2) {
        used -= HOST_WIDTHS[first++];
    }
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_cell(p, S("Infected hosts"), width - used, false);
    page_ink(p, INK_NONE);
    for (size_t k = first; k < HOST_COLUMNS; k++) {
        page_cell(p, slice_cstr(HOST_HEADS[k]), HOST_WIDTHS[k], true);
    }
    page_newline(p);
    for (size_t i = 0; i < b->host_count; i++) {
        page_cell(p, b->hosts[i].name, width - used, false);
        for (unsigned k = (unsigned)first; k < HOST_COLUMNS; k++) {
            host_cell(p, &b->hosts[i].hosts, k);
        }
        page_newline(p);
    }
    page_ink(p, INK_DIM);
    page_paragraph(
        p, "", 0,
        S("Distinct addresses on a mean and on the greatest day, in the last 7 days, in "
          "the whole period (a footprint, not a size), their /24s; machines alive at a "
          "time, corrected for changing addresses and for those not seen, 95 % interval. "
          "\"spamgauge hosts\" says how and what it cannot know."));
    page_ink(p, INK_NONE);
}

/* ---- JSON ---- */

static void number_of(struct printer *p, const char *key, double v, int decimals)
{
    print_key(p, key);
    print_number(p, v, decimals);
}

static void time_of(struct printer *p, const char *key, int64_t t)
{
    print_key(p, key);
    print_time(p, t);
}

static const char *gap_name(enum index_gap g)
{
    static const char *const NAMES[] = {"", "unwatched", "unlinked"};
    return NAMES[g];
}

static void point_print(struct printer *p, const struct index_point *point)
{
    print_map_begin(p);
    time_of(p, "from", point->from);
    time_of(p, "until", point->until);
    number_of(p, "index", point->index, 4);
    number_of(p, "low", point->low, 4);
    number_of(p, "high", point->high, 4);
    number_of(p, "level", point->level, 3);
    number_of(p, "exposure", point->exposure, 6);
    print_key(p, "gap");
    print_text_or_null(p, slice_cstr(gap_name(point->gap)));
    print_map_end(p);
}

static void checks_print(struct printer *p, const struct index *i)
{
    print_key(p, "checks");
    print_map_begin(p);
    print_key(p, "traps");
    print_unsigned(p, i->traps);
    print_key(p, "sites");
    print_unsigned(p, i->sites);
    number_of(p, "dispersion", i->dispersion, 4);
    number_of(p, "trap_sd", i->trap_sd, 4);
    number_of(p, "site_sd", i->site_sd, 4);
    number_of(p, "site_persistence", i->site_persistence, 4);
    number_of(p, "drift_yearly", i->drift_yearly, 5);
    number_of(p, "geks_gap", i->geks_gap, 5);
    number_of(p, "weighting_gap", i->weighting_gap, 5);
    print_map_end(p);
}

static void line_print(struct printer *p, const struct bulletin_index *l)
{
    print_map_begin(p);
    print_key(p, "name");
    print_text(p, l->name);
    print_key(p, "newest");
    print_unsigned(p, l->newest);
    number_of(p, "change", l->change.index / 100 - 1, 6);
    number_of(p, "change_low", l->change.low / 100 - 1, 6);
    number_of(p, "change_high", l->change.high / 100 - 1, 6);
    checks_print(p, &l->index);
    print_key(p, "points");
    print_list_begin(p);
    for (size_t t = 0; t < l->index.count; t++) {
        point_print(p, &l->index.points[t]);
    }
    print_list_end(p);
    print_map_end(p);
}

static void index_print(struct printer *p, const struct bulletin *b)
{
    print_key(p, "index");
    if (!b->line_count) {
        print_null(p);
        return;
    }
    print_map_begin(p);
    print_key(p, "step");
    print_text(p, slice_cstr(index_step_name(b->step)));
    time_of(p, "base_since", b->lines[0].index.base_since);
    time_of(p, "base_until", b->lines[0].index.base_until);
    print_key(p, "lines");
    print_list_begin(p);
    for (size_t k = 0; k < b->line_count; k++) {
        line_print(p, &b->lines[k]);
    }
    print_list_end(p);
    print_map_end(p);
}

static void hosts_print_line(struct printer *p, const struct bulletin_hosts *l)
{
    struct hosts_figure figures[HOSTS_FIGURES_MAX];
    size_t n = hosts_figures(&l->hosts, figures);
    print_map_begin(p);
    print_key(p, "name");
    print_text(p, l->name);
    for (size_t i = 0; i < n; i++) {
        print_key(p, figures[i].name);
        print_map_begin(p);
        number_of(p, "value", figures[i].value, figures[i].decimals);
        number_of(p, "low", figures[i].low, figures[i].decimals);
        number_of(p, "high", figures[i].high, figures[i].decimals);
        print_map_end(p);
    }
    print_map_end(p);
}

void bulletin_print(struct printer *p, const struct bulletin *b)
{
    index_print(p, b);
    print_key(p, "hosts_estimated");
    print_list_begin(p);
    for (size_t i = 0; i < b->host_count; i++) {
        hosts_print_line(p, &b->hosts[i]);
    }
    print_list_end(p);
}
