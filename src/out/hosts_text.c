/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/hosts_out.h"
#include "out/human.h"

#include <math.h>

enum {
    LABEL = 34,
    NUMBER = 14,
    CHANGE = 11,
    NARROW_NUMBER = 11,
    NARROW_CHANGE = 9,
    WHEN_LEAST = 76
};

/* Columns of a comparison; too narrow: labels are cut. */
static bool is_wide(const struct page *p)
{
    return p->width >= LABEL + 2 * NUMBER + CHANGE;
}

static size_t number_columns(const struct page *p)
{
    return is_wide(p) ? NUMBER : NARROW_NUMBER;
}

static size_t change_columns(const struct page *p)
{
    return is_wide(p) ? CHANGE : NARROW_CHANGE;
}

static size_t label_columns(const struct page *p)
{
    return is_wide(p) ? LABEL : p->width - 2 * NARROW_NUMBER - NARROW_CHANGE;
}

static const char *figure_text(char out[64], double v, int decimals)
{
    char count[HUMAN_BYTES];
    if (isnan(v)) {
        snprintf(out, 64, "-");
    } else if (isinf(v)) {
        snprintf(out, 64, "all alike");
    } else if (decimals == 0) {
        snprintf(out, 64, "%s", human_count(count, (uint64_t)(v + 0.5)));
    } else {
        snprintf(out, 64, "%s", human_figure(count, v, decimals, true));
    }
    return out;
}

static void title(struct page *p, const struct hosts *h, const char *what)
{
    char since[11], until[11];
    day_text(day_of(h->since), since);
    day_text(day_of(h->until) - 1, until);
    page_ink(p, INK_TITLE);
    page_printf(p, "%s, ", what);
    page_escaped(p, h->botnet.n ? h->botnet : S("all mail"));
    if (h->program.n) {
        page_printf(p, " for ");
        page_escaped(p, h->program);
    }
    page_printf(p, ", %s to %s (UTC)", since, until);
    page_ink(p, INK_NONE);
    page_newline(p);
    if (h->trap.n || h->site.n) {
        page_printf(p, h->trap.n ? "trap " : "site ");
        page_escaped(p, h->trap.n ? h->trap : h->site);
        page_newline(p);
    }
}

static void interval_cell(struct page *p, const struct hosts_figure *f)
{
    char low[64], high[64];
    if (!isnan(f->low) && !isnan(f->high)) {
        page_printf(p, "  %s %s %s", figure_text(low, f->low, f->decimals), p->use_utf8 ? "–" : "-",
                    figure_text(high, f->high, f->decimals));
    }
}

/* When the busiest day and hour were. */
static void when_cell(struct page *p, const struct hosts *h, const struct hosts_figure *f)
{
    char text[21];
    if (p->width < WHEN_LEAST) {
        return;
    }
    if (strcmp(f->name, "addresses_day_max") == 0 && h->max_day) {
        day_text(day_of(h->max_day_at), text);
        page_printf(p, "  %s", text);
    } else if (strcmp(f->name, "addresses_last_24_hours") == 0 && h->last_24h_at) {
        time_rfc3339(h->last_24h_at, text);
        page_printf(p, "  up to %s", text);
    } else if (strcmp(f->name, "addresses_hour_max") == 0 && h->rows) {
        time_rfc3339(h->peak_hour_at, text);
        page_printf(p, "  %s", text);
    }
}

static void sites_text(struct page *p, const struct hosts *h)
{
    char number[64];
    if (h->site_count < 2) {
        return;
    }
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_cell(p, S("Sites"), label_columns(p), false);
    page_ink(p, INK_NONE);
    page_cell(p, S("hosts a day"), number_columns(p), true);
    page_newline(p);
    for (size_t i = 0; i < h->site_count; i++) {
        if (h->sites[i].daily <= 0.0) {
            continue;
        }
        page_cell(p, h->sites[i].name, label_columns(p), false);
        page_cell(p, slice_cstr(figure_text(number, h->sites[i].daily, 1)), number_columns(p),
                  true);
        page_newline(p);
    }
}

static void note_text(void *arg, const char *key, struct slice sentence)
{
    struct page *p = arg;
    (void)key;
    page_paragraph(p, p->use_utf8 ? "•" : "-", 2, sentence);
}

static void notes_head(struct page *p)
{
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_printf(p, "Notes");
    page_ink(p, INK_NONE);
    page_newline(p);
}

bool hosts_print_text(FILE *f, const struct hosts *h, const struct report_style *style)
{
    struct page p = page_new(style);
    struct hosts_figure figures[HOSTS_FIGURES_MAX];
    size_t n = hosts_figures(h, figures);
    char number[64];
    title(&p, h, "Infected hosts");
    page_rule(&p);
    for (size_t i = 0; i < n; i++) {
        page_cell(&p, slice_cstr(figures[i].label), label_columns(&p), false);
        page_cell(&p, slice_cstr(figure_text(number, figures[i].value, figures[i].decimals)),
                  number_columns(&p), true);
        interval_cell(&p, &figures[i]);
        when_cell(&p, h, &figures[i]);
        page_newline(&p);
    }
    sites_text(&p, h);
    notes_head(&p);
    hosts_notes(h, note_text, &p);
    return page_write(&p, f);
}

static void change_cells(struct page *p, double before, double after, int decimals)
{
    char text[64], number[HUMAN_BYTES];
    page_cell(p, slice_cstr(figure_text(text, before, decimals)), number_columns(p), true);
    page_cell(p, slice_cstr(figure_text(text, after, decimals)), number_columns(p), true);
    if (before > 0.0 && isfinite(before) && isfinite(after)) {
        snprintf(text, sizeof text, "%s %%",
                 human_change(number, (after / before - 1.0) * 100.0, 1, p->use_utf8));
        page_cell(p, slice_cstr(text), change_columns(p), true);
    }
    page_newline(p);
}

static void split_text(struct page *p, const struct hosts_split *s, const char *name)
{
    struct strbuf text = STRBUF_INIT;
    char number[HUMAN_BYTES];
    if (!s->is_known) {
        return;
    }
    strbuf_printf(&text, "Messages a day by %s (LMDI): hosts %s", name,
                  human_change(number, s->by_hosts, 1, p->use_utf8));
    strbuf_printf(&text, ", rate %s", human_change(number, s->by_rate, 1, p->use_utf8));
    if (isfinite(s->acceptance)) {
        strbuf_printf(&text, ", acceptance %s",
                      human_change(number, s->by_acceptance, 1, p->use_utf8));
    }
    page_paragraph(p, "", 0, strbuf_slice(&text));
    p->out.failed |= text.failed;
    strbuf_free(&text);
}

bool hosts_change_print_text(FILE *f, const struct hosts_change *c,
                             const struct report_style *style)
{
    struct page p = page_new(style);
    struct hosts_figure before[HOSTS_FIGURES_MAX], after[HOSTS_FIGURES_MAX];
    size_t n = hosts_figures(&c->before, before);
    char day[11];
    hosts_figures(&c->after, after);
    title(&p, &c->before, "Before");
    title(&p, &c->after, "After");
    page_rule(&p);
    page_cell(&p, S(""), label_columns(&p), false);
    day_text(day_of(c->before.since), day);
    page_cell(&p, slice_cstr(day), number_columns(&p), true);
    day_text(day_of(c->after.since), day);
    page_cell(&p, slice_cstr(day), number_columns(&p), true);
    page_cell(&p, S("change"), change_columns(&p), true);
    page_newline(&p);
    page_cell(&p, S("messages a day"), label_columns(&p), false);
    change_cells(&p, c->volume_before, c->volume_after, 1);
    page_cell(&p, S("messages a host and day"), label_columns(&p), false);
    change_cells(&p, c->volume_before / c->before.mean_day, c->volume_after / c->after.mean_day, 2);
    for (size_t i = 0; i < n; i++) {
        page_cell(&p, slice_cstr(before[i].label), label_columns(&p), false);
        change_cells(&p, before[i].value, after[i].value, before[i].decimals);
    }
    page_newline(&p);
    split_text(&p, &c->seen, "addresses as seen");
    split_text(&p, &c->estimated, "machines as estimated");
    notes_head(&p);
    hosts_change_notes(c, p.use_utf8, note_text, &p);
    return page_write(&p, f);
}
