/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/clock.h"
#include "out/bulletin_out.h"
#include "out/change_out.h"
#include "out/clusters_out.h"
#include "out/explain_out.h"
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

static int index_decimals(const struct index_point *p)
{
    return p->index < 999.95 ? 1 : 0;
}

static void line_text(struct page *p, const struct columns *c, const struct bulletin_index *l)
{
    char text[CELL_BYTES];
    const struct index_point *now = &l->index.points[l->newest];
    page_cell(p, l->name, c->name, false);
    char low[HUMAN_BYTES], high[HUMAN_BYTES];
    page_cell(p, slice_cstr(human_figure(text, now->index, index_decimals(now), p->use_utf8)),
              c->index, true);
    snprintf(text, sizeof text, "%s %s %s",
             human_figure(low, now->low, index_decimals(now), p->use_utf8), dash(p),
             human_figure(high, now->high, index_decimals(now), p->use_utf8));
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
    if (i->points[all->newest].is_incomplete) {
        strbuf_printf(
            &text,
            " Late feeds have brought about %.0f %% of this %s's mail so far; the rest is "
            "estimated.",
            100 * i->points[all->newest].completeness, index_step_name(b->step));
    }
    if (i->sites < 2) {
        strbuf_add_cstr(&text, " One site: the interval holds nothing of what it alone sees "
                               "differently.");
    }
    if (i->weighting_gap > INDEX_GAP_WARNS && i->traps > 1) {
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

/* ---- changes ---- */

enum {
    DATE_COLUMNS = 12,
    SIZE_COLUMNS = 9,
    SIZE_INTERVAL_COLUMNS = 20,
    FATE_COLUMNS = 11,
    SITES_COLUMNS = 8,
};

static void change_name(struct page *p, const struct change *c, size_t columns)
{
    struct strbuf name = STRBUF_INIT;
    const struct series_key *key = &c->series->key;
    if (key->dimension == DIMENSION_TOTAL) {
        strbuf_add_cstr(&name, "all");
    } else {
        strbuf_printf(&name, "%s ", dimension_name(key->dimension));
        strbuf_add(&name, key->value);
    }
    page_cell(p, strbuf_slice(&name), columns, false);
    p->out.failed |= name.failed;
    strbuf_free(&name);
}

static void change_line(struct page *p, const struct change *c, size_t name, size_t interval)
{
    char text[CELL_BYTES], low[CHANGE_PERCENT_BYTES], high[CHANGE_PERCENT_BYTES];
    day_text(day_of(c->time), text);
    page_cell(p, slice_cstr(text), DATE_COLUMNS, false);
    change_name(p, c, name);
    page_cell(p, slice_cstr(change_percent(low, c->size.ratio, p->use_utf8)), SIZE_COLUMNS, true);
    snprintf(text, sizeof text, "%s to %s", change_percent(low, c->size.low, p->use_utf8),
             isinf(c->size.high) ? "any" : change_percent(high, c->size.high, p->use_utf8));
    page_cell(p, slice_cstr(text), interval, true);
    page_cell(p, slice_cstr(change_fate_name(c->fate)), FATE_COLUMNS, true);
    snprintf(text, sizeof text, "%zu/%zu", c->sites_seen, c->sites);
    page_cell(p, c->sites ? slice_cstr(text) : S("-"), SITES_COLUMNS, true);
    page_newline(p);
}

static void finding_text(void *arg, const char *key, struct slice sentence)
{
    struct page *p = arg;
    (void)key;
    page_paragraph(p, p->use_utf8 ? "•" : "-", 2, sentence);
}

static void explain_section(struct page *p, const struct explain *x)
{
    char text[96], since[11], until[11];
    day_text(day_of(x->since), since);
    day_text(day_of(x->until - 1), until);
    snprintf(text, sizeof text, "What %s, %s to %s", x->total.change.value < 0 ? "fell" : "rose",
             since, until);
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_printf(p, "%s", text);
    page_ink(p, INK_NONE);
    page_newline(p);
    explain_findings(x, p->use_utf8, finding_text, p);
}

void bulletin_changes_text(struct page *p, const struct bulletin *b)
{
    size_t width = p->width < WIDTH_MAX ? p->width : WIDTH_MAX;
    size_t interval = width >= 76 ? SIZE_INTERVAL_COLUMNS : 0;
    size_t name = width - DATE_COLUMNS - SIZE_COLUMNS - interval - FATE_COLUMNS - SITES_COLUMNS;
    if (!b->line_count) {
        return;
    }
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_cell(p, S("Changes of level"), DATE_COLUMNS + name, false);
    page_ink(p, INK_NONE);
    page_cell(p, S("size"), SIZE_COLUMNS, true);
    page_cell(p, S("95 % interval"), interval, true);
    page_cell(p, S("fate"), FATE_COLUMNS, true);
    page_cell(p, S("sites"), SITES_COLUMNS, true);
    page_newline(p);
    for (size_t i = 0; i < b->change_count; i++) {
        change_line(p, b->changes[i], name, interval);
    }
    char number[HUMAN_BYTES];
    struct strbuf text = STRBUF_INIT;
    strbuf_printf(&text,
                  b->change_count ? "Of %zu lines searched (all, botnets, programs, sites)"
                                  : "None in %zu lines (all, botnets, programs, sites)",
                  b->lines_searched);
    if (b->changes_hidden) {
        strbuf_printf(&text, "; %s smaller ones are not shown",
                      human_count(number, b->changes_hidden));
    }
    strbuf_add_cstr(&text, ". sites: at how many of those that can tell it was seen. \"spamgauge "
                           "changes\" has dates with intervals, windows and places.");
    page_ink(p, INK_DIM);
    page_paragraph(p, "", 0, strbuf_slice(&text));
    page_ink(p, INK_NONE);
    p->out.failed |= text.failed;
    strbuf_free(&text);
    if (b->explain) {
        explain_section(p, b->explain);
    }
}

/* ---- hosts ---- */

enum { HOST_DAY, HOST_MOST, HOST_WEEK, HOST_TOTAL, HOST_NET24, HOST_MACHINES, HOST_COLUMNS };

static const char *const HOST_HEADS[HOST_COLUMNS] = {"a day",   "most", "7 days",
                                                     "28 days", "/24s", "machines alive"};
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
    struct strbuf text = STRBUF_INIT;
    period_add(&text, b->hosts[0].hosts.since, b->hosts[0].hosts.until);
    strbuf_add_cstr(&text,
                    ": distinct addresses on a mean and on the greatest day, in the last 7 "
                    "days, in all of these days (a footprint, not a size), their /24s; "
                    "machines alive at a time, corrected for changing addresses and for "
                    "those not seen, 95 % interval. \"spamgauge hosts\" says how and what it "
                    "cannot know.");
    page_ink(p, INK_DIM);
    page_paragraph(p, "", 0, strbuf_slice(&text));
    p->out.failed |= text.failed;
    strbuf_free(&text);
    page_ink(p, INK_NONE);
}

void bulletin_mailers_text(struct page *p, const struct bulletin *b)
{
    const struct clusters_list *l = &b->new_mailers;
    if (!l->count) {
        return;
    }
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_printf(p, "New unnamed mailers");
    page_ink(p, INK_NONE);
    page_newline(p);
    clusters_lines_text(p, l);
    page_newline(p);
    struct strbuf text = STRBUF_INIT;
    strbuf_printf(&text,
                  "No rule and nobody names them; first seen in the last %d days, at least doubled "
                  "within a week, of %d hosts or more. \"spamgauge mailer ID\" shows one, "
                  "\"spamgauge rules suggest ID\" writes the rule.",
                  CLUSTERS_NEW_DAYS, CLUSTERS_NEW_HOSTS);
    page_ink(p, INK_DIM);
    page_paragraph(p, "", 0, strbuf_slice(&text));
    p->out.failed |= text.failed;
    strbuf_free(&text);
    page_ink(p, INK_NONE);
}
