/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line a bucket: value, interval, a bar, what was counted, how much was watched; or why there is
 * no value. */
#include "core/clock.h"
#include "out/human.h"
#include "out/series_print.h"

#include <math.h>

enum {
    DAY_COLUMNS = 11,
    HOUR_COLUMNS = 17,
    VALUE_COLUMNS = 11,
    INTERVAL_COLUMNS = 23,
    COUNT_COLUMNS = 13,
    WATCHED_COLUMNS = 9,
    BAR_MAX = 24,
};

static size_t time_columns(const struct series_document *d)
{
    return d->step == INDEX_HOUR ? HOUR_COLUMNS : DAY_COLUMNS;
}

/* Too narrow: what was watched goes first, then what was counted. */
static bool shows_count(const struct page *p, const struct series_document *d)
{
    return d->kind != SERIES_HOSTS &&
           p->width >= time_columns(d) + VALUE_COLUMNS + INTERVAL_COLUMNS + COUNT_COLUMNS;
}

static bool shows_watched(const struct page *p, const struct series_document *d)
{
    return d->kind != SERIES_EXPOSURE && p->width >= time_columns(d) + VALUE_COLUMNS +
                                                         INTERVAL_COLUMNS + COUNT_COLUMNS +
                                                         WATCHED_COLUMNS;
}

/* What it is measured against and by whom. */
static void basis_print(struct page *p, const struct series_document *d)
{
    struct strbuf text = STRBUF_INIT;
    char first[11], last[11];
    if (d->base_since || d->base_until) {
        day_text(day_of(d->base_since), first);
        day_text(day_of(d->base_until - 1), last);
        strbuf_printf(&text, "base %s to %s%s; ", first, last,
                      d->kind == SERIES_INDEX ? " = 100" : "");
    }
    if (d->traps) {
        strbuf_printf(&text, "%s%s; %zu trap%s at %zu site%s; 95 %% intervals",
                      d->options.weighting == INDEX_BY_TRAP ? "trap-weighted" : "mail-weighted",
                      d->options.is_robust ? ", robust" : "", d->traps, d->traps == 1 ? "" : "s",
                      d->sites, d->sites == 1 ? "" : "s");
    }
    if (text.n) {
        page_paragraph(p, "", 0, strbuf_slice(&text));
    }
    p->out.failed |= text.failed;
    strbuf_free(&text);
}

static void title_print(struct page *p, const struct series_document *d)
{
    static const char *const TITLES[SERIES_KIND_COUNT] = {
        [SERIES_INDEX] = "Volume index", [SERIES_LEVEL] = "Level",       [SERIES_SHARE] = "Share",
        [SERIES_HOSTS] = "Hosts",        [SERIES_EXPOSURE] = "Exposure",
    };
    page_ink(p, INK_TITLE);
    page_printf(p, "%s", TITLES[d->kind]);
    if (d->clusters) {
        page_printf(p, " of ");
        page_escaped(p, d->clusters->title);
    } else if (d->dimension != DIMENSION_TOTAL) {
        page_printf(p, " of %s ", dimension_name(d->dimension));
        page_escaped(p, d->value);
    }
    page_printf(p, ", %s by %s, UTC", unit_name(d->unit), index_step_name(d->step));
    page_ink(p, INK_NONE);
    page_newline(p);
    basis_print(p, d);
    if (d->trap.n || d->site.n) {
        page_printf(p, d->trap.n ? "trap " : "site ");
        page_escaped(p, d->trap.n ? d->trap : d->site);
        page_newline(p);
    }
    page_rule(p);
}

static void cell(struct page *p, const char *text, size_t columns, bool is_right)
{
    page_cell(p, slice_cstr(text), columns, is_right);
}

static void head_print(struct page *p, const struct series_document *d)
{
    bool has_interval = d->kind != SERIES_HOSTS && d->kind != SERIES_EXPOSURE;
    page_ink(p, INK_HEAD);
    cell(p, index_step_name(d->step), time_columns(d), false);
    cell(p, series_kind_name(d->kind), VALUE_COLUMNS, true);
    if (has_interval) {
        cell(p, "95 %", INTERVAL_COLUMNS, true);
    }
    if (shows_count(p, d)) {
        cell(p, d->kind == SERIES_SHARE ? "level" : "counted", COUNT_COLUMNS, true);
    }
    if (shows_watched(p, d)) {
        cell(p, "watched", WATCHED_COLUMNS, true);
    }
    page_ink(p, INK_NONE);
    page_newline(p);
}

static void time_print(struct page *p, const struct series_document *d, int64_t from)
{
    char text[21];
    time_rfc3339(from, text);
    text[d->step == INDEX_HOUR ? 16 : d->step == INDEX_MONTH ? 7 : 10] = '\0';
    if (d->step == INDEX_HOUR) {
        text[10] = ' ';
    }
    cell(p, text, time_columns(d), false);
}

/* A value of the kind. */
static const char *value_text(const struct series_document *d, double v, char out[HUMAN_BYTES])
{
    if (!isfinite(v)) {
        snprintf(out, HUMAN_BYTES, "-");
    } else if (d->kind == SERIES_INDEX) {
        (void)human_figure(out, v, 1, true);
    } else if (d->kind == SERIES_SHARE || d->kind == SERIES_EXPOSURE) {
        (void)human_percent(out, v);
    } else {
        (void)human_count(out, (uint64_t)fmin(round(v), 1e18));
    }
    return out;
}

static void interval_print(struct page *p, const struct series_document *d,
                           const struct series_row *r)
{
    char low[HUMAN_BYTES], high[HUMAN_BYTES], text[2 * HUMAN_BYTES + 8];
    snprintf(text, sizeof text, "%s %s %s", value_text(d, r->low, low), p->use_utf8 ? "–" : "-",
             value_text(d, r->high, high));
    cell(p, text, INTERVAL_COLUMNS, true);
}

static void row_print(struct page *p, const struct series_document *d, const struct series_row *r,
                      double most, size_t bar)
{
    char text[HUMAN_BYTES];
    bool has_interval = d->kind != SERIES_HOSTS && d->kind != SERIES_EXPOSURE;
    time_print(p, d, r->from);
    cell(p, value_text(d, r->value, text), VALUE_COLUMNS, true);
    if (r->missing) {
        page_ink(p, INK_DIM);
        page_printf(p, "  %s", missing_text(r->missing));
        page_ink(p, INK_NONE);
        page_newline(p);
        return;
    }
    if (has_interval) {
        interval_print(p, d, r);
    }
    if (shows_count(p, d)) {
        double counted = d->kind == SERIES_SHARE ? r->level : r->observed;
        cell(p, human_count(text, (uint64_t)fmin(round(counted), 1e18)), COUNT_COLUMNS, true);
    }
    if (shows_watched(p, d)) {
        cell(p, human_percent(text, r->exposure), WATCHED_COLUMNS, true);
    }
    if (bar) {
        page_printf(p, "  ");
        uint64_t scaled = most > 0.0 ? (uint64_t)(1e6 * r->value / most) : 0;
        page_ink(p, INK_BAR);
        /* A nowcast is drawn light. */
        page_bar(p, r->is_incomplete ? 0 : scaled, r->is_incomplete ? scaled : 0, 1000000, bar);
        page_ink(p, INK_NONE);
    }
    if (r->reading == SHARE_OTHERS_FELL || r->reading == SHARE_OTHERS_ROSE) {
        page_printf(p, "  %s", r->reading == SHARE_OTHERS_FELL ? "others fell" : "others rose");
    }
    page_newline(p);
}

/* The first one brings the heading. */
struct notes_page {
    struct page *page;
    bool has_head;
};

static void note_print(void *arg, struct slice sentence)
{
    struct notes_page *n = arg;
    struct page *p = n->page;
    if (!n->has_head) {
        page_newline(p);
        page_ink(p, INK_HEAD);
        page_printf(p, "Notes");
        page_ink(p, INK_NONE);
        page_newline(p);
        n->has_head = true;
    }
    page_paragraph(p, p->use_utf8 ? "•" : "-", 2, sentence);
}

static size_t bar_columns(const struct page *p, const struct series_document *d)
{
    size_t used =
        time_columns(d) + VALUE_COLUMNS + INTERVAL_COLUMNS + COUNT_COLUMNS + WATCHED_COLUMNS + 2;
    used += d->kind == SERIES_SHARE ? 13 : 0;
    size_t left = p->width > used ? p->width - used : 0;
    return left < 4 ? 0 : left < BAR_MAX ? left : BAR_MAX;
}

bool series_print_text(FILE *f, const struct series_document *d, const struct report_style *style)
{
    struct page p = page_new(style);
    double most = 0.0;
    for (size_t i = 0; i < d->count; i++) {
        most = isfinite(d->rows[i].value) ? fmax(most, d->rows[i].value) : most;
    }
    title_print(&p, d);
    head_print(&p, d);
    size_t bar = bar_columns(&p, d);
    for (size_t i = 0; i < d->count; i++) {
        row_print(&p, d, &d->rows[i], most, bar);
    }
    struct notes_page notes = {.page = &p};
    series_notes(d, note_print, &notes);
    return page_write(&p, f);
}
