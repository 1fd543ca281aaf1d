/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/change_out.h"
#include "out/escape.h"
#include "out/human.h"

#include <math.h>

enum { INDENT = 18, PLACES_NAMED = 4 };

const char *change_percent(char out[CHANGE_PERCENT_BYTES], double ratio, bool use_utf8)
{
    char number[HUMAN_BYTES];
    bool is_nearly_all = ratio > 0 && ratio < 0.01; /* -99.7 % is not -100 % */
    if (isnan(ratio)) {
        snprintf(out, CHANGE_PERCENT_BYTES, "-");
    } else if (isinf(ratio)) {
        snprintf(out, CHANGE_PERCENT_BYTES, "new");
    } else if (ratio >= 10) {
        snprintf(out, CHANGE_PERCENT_BYTES, "x %.0f", fmin(ratio, 1e9));
    } else {
        double percent = is_nearly_all ? fmax(100 * (ratio - 1), -99.9) : 100 * (ratio - 1);
        snprintf(out, CHANGE_PERCENT_BYTES, "%s %%",
                 human_change(number, percent, is_nearly_all ? 1 : 0, use_utf8));
    }
    return out;
}

static void when_text(char out[32], const struct change *c, int64_t time)
{
    if (c->series->bucket == BUCKET_HOUR) {
        char full[21];
        time_rfc3339(time, full);
        snprintf(out, 32, "%.10s %.5s", full, full + 11);
    } else {
        day_text(day_of(time), out);
    }
}

static void level_add(struct strbuf *b, const struct change *c, double level)
{
    char number[HUMAN_BYTES];
    if (c->series->key.unit == UNIT_BYTES && level >= 0) {
        strbuf_add_cstr(b, human_bytes(number, (uint64_t)level));
    } else if (level >= 100) {
        strbuf_add_cstr(b, human_count(number, (uint64_t)(level + 0.5)));
    } else {
        strbuf_printf(b, level >= 10 ? "%.0f" : "%.1f", level);
    }
}

static void paragraph(struct page *p, struct strbuf *b)
{
    if (b->n) {
        page_paragraph(p, "", INDENT, strbuf_slice(b));
    }
    p->out.failed |= b->failed;
    strbuf_clear(b);
}

/* "1,234 to 728 messages a day; between 2008-11-11 and 2008-11-12" */
static void size_text(struct page *p, struct strbuf *b, const struct change *c)
{
    char first[32], last[32], low[CHANGE_PERCENT_BYTES], high[CHANGE_PERCENT_BYTES];
    level_add(b, c, c->size.before);
    strbuf_add_cstr(b, " to ");
    level_add(b, c, c->size.after);
    enum unit unit = c->series->key.unit;
    strbuf_printf(b, "%s%s %s (95 %%: %s to %s)", unit == UNIT_BYTES ? "" : " ",
                  unit == UNIT_BYTES ? "" : unit_name(unit),
                  c->series->bucket == BUCKET_HOUR ? "an hour" : "a day",
                  change_percent(low, c->size.low, p->use_utf8),
                  isinf(c->size.high) ? "without bound"
                                      : change_percent(high, c->size.high, p->use_utf8));
    when_text(first, c, c->earliest);
    when_text(last, c, c->latest);
    if (c->earliest != c->latest) {
        strbuf_printf(b, "; dated %s to %s", first, last);
        strbuf_add_cstr(b, c->is_gradual ? ", gradual" : "");
    }
    paragraph(p, b);
}

static void windows_text(struct page *p, struct strbuf *b, const struct change *c)
{
    char percent[CHANGE_PERCENT_BYTES];
    for (size_t i = 0; i < CHANGE_WINDOWS; i++) {
        const struct change_window *w = &c->windows[i];
        if (isnan(w->step.ratio)) {
            continue;
        }
        bool is_month = !strcmp(w->name, "month");
        strbuf_printf(b, "%s%s %s", b->n ? ", " : "",
                      change_percent(percent, w->step.ratio, p->use_utf8),
                      is_month ? "month on month" : "in ");
        strbuf_add_cstr(b, is_month ? "" : w->name);
        if (w->covered < w->buckets) {
            strbuf_printf(b, " (%zu of %zu %s seen)", w->covered, w->buckets,
                          c->series->bucket == BUCKET_HOUR ? "hours" : "days");
        }
    }
    paragraph(p, b);
}

static void share_text(struct page *p, struct strbuf *b, const struct change *c)
{
    char before[HUMAN_BYTES], after[HUMAN_BYTES];
    if (!isnan(c->share_before) && !isnan(c->share_after)) {
        strbuf_printf(b, "%s of everything before, %s after",
                      human_percent(before, c->share_before), human_percent(after, c->share_after));
        paragraph(p, b);
    }
}

static void places_named(const struct page *p, struct strbuf *b, const struct change *c,
                         enum dimension d, enum change_seen seen)
{
    char percent[CHANGE_PERCENT_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < c->place_count; i++) {
        const struct change_place *place = &c->places[i];
        if (place->dimension != d || place->seen != seen) {
            continue;
        }
        if (n++ < PLACES_NAMED) {
            strbuf_add_cstr(b, n > 1 ? ", " : seen == CHANGE_SEEN ? ": " : "; not at ");
            strbuf_add(b, place->name);
            strbuf_printf(b, " %s", change_percent(percent, place->step.ratio, p->use_utf8));
        }
    }
    if (n > PLACES_NAMED) {
        strbuf_printf(b, " and %zu more", n - PLACES_NAMED);
    }
}

static void places_text(struct page *p, struct strbuf *b, const struct change *c)
{
    if (c->sites) {
        strbuf_printf(b, "seen at %zu of %zu sites", c->sites_seen, c->sites);
        places_named(p, b, c, DIMENSION_SITE, CHANGE_SEEN);
        places_named(p, b, c, DIMENSION_SITE, CHANGE_NOT_SEEN);
        paragraph(p, b);
    }
    if (c->traps) {
        strbuf_printf(b, "seen at %zu of %zu traps", c->traps_seen, c->traps);
        if (!c->sites) {
            places_named(p, b, c, DIMENSION_TRAP, CHANGE_SEEN);
        }
        places_named(p, b, c, DIMENSION_TRAP, CHANGE_NOT_SEEN);
        paragraph(p, b);
    }
}

static void events_text(struct page *p, struct strbuf *b, const struct change *c)
{
    for (size_t i = 0; i < c->event_count; i++) {
        const struct annotation *a = c->events[i];
        strbuf_add(b, a->date);
        strbuf_printf(b, " %s: ", annotation_kind_name(a->kind));
        strbuf_add(b, a->title);
        paragraph(p, b);
    }
    if (c->holiday) {
        strbuf_printf(b, "near a holiday: %s", c->holiday);
        paragraph(p, b);
    }
}

static void fate_text(struct page *p, struct strbuf *b, const struct change *c)
{
    char when[32], percent[CHANGE_PERCENT_BYTES];
    switch (c->fate) {
    case CHANGE_TRANSIENT:
        when_text(when, c, c->returned);
        strbuf_printf(b, "transient: undone from %s on, %s against the level before it", when,
                      change_percent(percent, c->returned_to, p->use_utf8));
        break;
    case CHANGE_OVERTAKEN:
        when_text(when, c, c->returned);
        strbuf_printf(b, "overtaken by the change of %s", when);
        break;
    case CHANGE_OPEN:
        strbuf_add_cstr(b, "too recent to say whether it lasts");
        break;
    case CHANGE_LASTING:
        strbuf_add_cstr(b, "lasting");
        break;
    }
    if (c->undoes) {
        when_text(when, c, c->undoes);
        strbuf_printf(b, "; it undoes the change of %s", when);
    }
    if (!c->is_confirmed) {
        strbuf_printf(b, "; NOT CONFIRMED (p %.2g, false discovery rate %.2g)", c->p, c->q);
    }
    paragraph(p, b);
}

static void change_text(struct page *p, struct strbuf *b, const struct change *c)
{
    char when[32], percent[CHANGE_PERCENT_BYTES];
    const struct series_key *key = &c->series->key;
    when_text(when, c, c->time);
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_cell(p, slice_cstr(when), INDENT, false);
    if (key->dimension != DIMENSION_TOTAL) {
        page_printf(p, "%s ", dimension_name(key->dimension));
    }
    page_escaped(p, key->value);
    page_printf(p, "  %s", change_percent(percent, c->size.ratio, p->use_utf8));
    page_ink(p, INK_NONE);
    page_newline(p);
    size_text(p, b, c);
    windows_text(p, b, c);
    fate_text(p, b, c);
    share_text(p, b, c);
    places_text(p, b, c);
    events_text(p, b, c);
}

bool changes_print_text(FILE *f, const struct changes *c, const struct change_query *q,
                        const struct report_style *style)
{
    struct page p = page_new(style);
    struct strbuf b = STRBUF_INIT;
    char since[11], until[11];
    day_text(day_of(q->filter.since > c->since ? q->filter.since : c->since), since);
    day_text(day_of((q->filter.until < c->until ? q->filter.until : c->until) - 1), until);
    page_ink(&p, INK_TITLE);
    if (c->series) {
        page_printf(&p, "Changes of level, %s to %s (UTC)", since, until);
    } else {
        page_printf(&p, "Changes of level");
    }
    page_ink(&p, INK_NONE);
    page_newline(&p);
    size_t parts = 0;
    for (size_t i = 0; i < c->count; i++) {
        parts += c->items[i].is_part;
        if (!c->items[i].is_part) {
            change_text(&p, &b, &c->items[i]);
        }
    }
    page_newline(&p);
    page_ink(&p, INK_DIM);
    strbuf_printf(
        &b,
        "%zu change%s of %g %% or more in %zu line%s. A size is measured over the levels on "
        "both sides, up to eight weeks; other windows give other sizes. Seasons of the "
        "week are taken out, hours in which no trap watched are missing.",
        c->count - parts, c->count - parts == 1 ? "" : "s", 100 * q->least, c->series,
        c->series == 1 ? "" : "s");
    if (parts) {
        strbuf_printf(&b,
                      " %zu more, of single sites and traps, %s part of a change of the total; -f "
                      "json has %s.",
                      parts, parts == 1 ? "is" : "are", parts == 1 ? "it" : "them");
    }
    page_paragraph(&p, "", 0, strbuf_slice(&b));
    page_ink(&p, INK_NONE);
    p.out.failed |= b.failed;
    strbuf_free(&b);
    return page_write(&p, f);
}
