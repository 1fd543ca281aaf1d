/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/explain_out.h"
#include "out/human.h"

#include <math.h>
#include <stdarg.h>

enum { NAME = 16, LEVEL = 9, CHANGE = 10, PART = 7, INTERVAL = 15, SHARE = 14, ROWS_MAX = 8 };
enum { FACTOR_NAME = 11, FACTOR = 11, FACTOR_INTERVAL = 23 };

/* Too narrow: intervals and shares of the tables go, the sentences have them. */
static bool is_wide(const struct page *p)
{
    return p->width >= NAME + 2 * LEVEL + CHANGE + PART + INTERVAL + SHARE;
}

static void window_add(struct strbuf *text, int64_t since, int64_t until)
{
    char a[11], b[11];
    day_text(day_of(since), a);
    day_text(day_of(until) - 1, b);
    strbuf_printf(text, "%s to %s", a, b);
}

static void title(struct page *p, const struct explain *x)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_add_cstr(&text, "What changed: ");
    window_add(&text, x->since, x->until);
    strbuf_add_cstr(&text, " against ");
    window_add(&text, x->before_since, x->before_until);
    strbuf_add_cstr(&text, " (UTC)");
    page_ink(p, INK_TITLE);
    page_paragraph(p, "", 0, strbuf_slice(&text));
    page_ink(p, INK_NONE);
    p->out.failed |= text.failed;
    strbuf_free(&text);
    if (x->trap.n || x->site.n) {
        page_printf(p, x->trap.n ? "trap " : "site ");
        page_escaped(p, x->trap.n ? x->trap : x->site);
        page_newline(p);
    }
    page_rule(p);
}

static void finding_text(void *arg, const char *key, struct slice sentence)
{
    (void)key;
    page_paragraph(arg, "", 0, sentence);
}

static void note_text(void *arg, const char *key, struct slice sentence)
{
    struct page *p = arg;
    (void)key;
    page_paragraph(p, p->use_utf8 ? "•" : "-", 2, sentence);
}

static void heading(struct page *p, const char *text)
{
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_printf(p, "%s", text);
    page_ink(p, INK_NONE);
    page_newline(p);
}

static void cell(struct page *p, size_t columns, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void cell(struct page *p, size_t columns, const char *fmt, ...)
{
    char text[64];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    page_cell(p, slice_cstr(text), columns, true);
}

/* "45.6", "100": as wide as the column allows. */
static const char *share_text(char out[HUMAN_BYTES], double share, bool use_utf8)
{
    return human_figure(out, share * 100.0, share < 0.9995 ? 1 : 0, use_utf8);
}

static void part_line(struct page *p, const struct explain *x, const struct explain_part *r)
{
    char number[HUMAN_BYTES], other[HUMAN_BYTES];
    bool utf8 = p->use_utf8;
    page_cell(p, r->name, NAME, false);
    cell(p, LEVEL, "%s", human_figure(number, r->before, 1, utf8));
    cell(p, LEVEL, "%s", human_figure(number, r->after, 1, utf8));
    if (isnan(r->ratio.value)) {
        cell(p, CHANGE, "new");
    } else {
        cell(p, CHANGE, "%s %%",
             human_change(number, (r->ratio.value - 1.0) * 100.0, r->ratio.value < 10.0 ? 1 : 0,
                          utf8));
    }
    if (x->is_certain) {
        cell(p, PART, "%s %%", human_figure(number, r->part.value * 100.0, 0, utf8));
        if (!is_wide(p)) {
            page_newline(p);
            return;
        }
        if (isnan(r->part.low)) {
            cell(p, INTERVAL, "-");
        } else {
            cell(p, INTERVAL, "%s to %s %%", human_figure(number, r->part.low * 100.0, 0, utf8),
                 human_figure(other, r->part.high * 100.0, 0, utf8));
        }
    }
    cell(p, SHARE, "%s %s %s %%", share_text(number, r->share_before, utf8), utf8 ? "→" : ">",
         share_text(other, r->share_after, utf8));
    page_newline(p);
}

static void table_text(struct page *p, const struct explain *x, enum explain_dimension k)
{
    static const char *const TITLES[EXPLAIN_DIMENSIONS] = {"By botnet", "By program", "By country",
                                                           "By trap"};
    const struct explain_table *t = &x->tables[k];
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_cell(p, slice_cstr(TITLES[k]), NAME, false);
    page_ink(p, INK_NONE);
    cell(p, LEVEL, "before");
    cell(p, LEVEL, "after");
    cell(p, CHANGE, "change");
    if (x->is_certain) {
        cell(p, PART, "part");
    }
    if (x->is_certain && is_wide(p)) {
        cell(p, INTERVAL, "95 %%");
    }
    if (!x->is_certain || is_wide(p)) {
        cell(p, SHARE, "share");
    }
    page_newline(p);
    for (size_t i = 0; i < t->count && i < ROWS_MAX; i++) {
        part_line(p, x, &t->parts[i]);
    }
    if (t->count > ROWS_MAX) {
        page_printf(p, "%zu more", t->count - ROWS_MAX);
        page_newline(p);
    }
}

static void factor_cells(struct page *p, const struct estimate *e)
{
    char number[HUMAN_BYTES], other[HUMAN_BYTES];
    cell(p, FACTOR, "%s", human_change(number, e->value, 1, p->use_utf8));
    if (isnan(e->low)) {
        cell(p, FACTOR_INTERVAL, "-");
    } else {
        cell(p, FACTOR_INTERVAL, "%s to %s", human_change(number, e->low, 1, p->use_utf8),
             human_change(other, e->high, 1, p->use_utf8));
    }
}

static void factors_text(struct page *p, const struct explain *x)
{
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_cell(p, S("On its own"), FACTOR_NAME, false);
    page_ink(p, INK_NONE);
    cell(p, FACTOR, "Shapley");
    cell(p, FACTOR_INTERVAL, "95 %%");
    if (is_wide(p)) {
        cell(p, FACTOR, "LMDI");
        cell(p, FACTOR_INTERVAL, "95 %%");
    }
    page_newline(p);
    for (size_t k = 0; k < EXPLAIN_FACTORS; k++) {
        const char *name =
            k < EXPLAIN_DIMENSIONS ? explain_dimension_name((enum explain_dimension)k) : "common";
        page_cell(p, slice_cstr(name), FACTOR_NAME, false);
        factor_cells(p, &x->shapley[k]);
        if (is_wide(p)) {
            factor_cells(p, &x->lmdi[k]);
        }
        page_newline(p);
    }
}

bool explain_print_text(FILE *f, const struct explain *x, const struct report_style *style)
{
    struct page p = page_new(style);
    title(&p, x);
    explain_findings(x, p.use_utf8, finding_text, &p);
    page_newline(&p);
    page_printf(&p, "Levels are messages a day.");
    page_newline(&p);
    for (size_t k = 0; k < EXPLAIN_DIMENSIONS; k++) {
        table_text(&p, x, (enum explain_dimension)k);
    }
    if (x->is_certain) {
        if (x->has_factors) {
            factors_text(&p, x);
        }
    }
    heading(&p, "Notes");
    explain_notes(x, p.use_utf8, note_text, &p);
    return page_write(&p, f);
}
