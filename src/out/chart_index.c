/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/chart_index.h"

#include "core/clock.h"
#include "out/human.h"

#include <math.h>

static struct chart_point point_of(const struct index_point *p, bool is_level)
{
    return (struct chart_point){
        .from = p->from,
        .until = p->until,
        .value = is_level ? p->level : p->index,
        .low = is_level ? p->level_low : p->low,
        .high = is_level ? p->level_high : p->high,
        .is_incomplete = p->is_incomplete,
    };
}

static void title_add(const struct index_chart *c, struct strbuf *text)
{
    if (c->is_level) {
        strbuf_printf(text, "Spam, %s per %s", unit_name(c->unit), index_step_name(c->step));
    } else {
        strbuf_add_cstr(text, "Spam volume index");
    }
    if (c->line_count == 1 && !slice_eq(c->lines[0].name, S("all"))) {
        strbuf_add_cstr(text, ", ");
        chart_label(text, c->lines[0].name, 40);
    }
}

/* "2010-09-01 to 2010-09-28 = 100" */
static void base_add(const struct index *i, struct strbuf *text)
{
    char first[11], last[11];
    day_text(day_of(i->base_since), first);
    day_text(day_of(i->base_until - 1), last);
    strbuf_printf(text, "%s%s%s = 100; ", first, strcmp(first, last) ? " to " : "",
                  strcmp(first, last) ? last : "");
}

static void subtitle_add(const struct index_chart *c, struct strbuf *text)
{
    const struct index *i = c->lines[0].index;
    if (!c->is_level) {
        base_add(i, text);
        strbuf_add_cstr(text, c->options.weighting == INDEX_BY_TRAP ? "trap-weighted; "
                              : c->options.is_robust                ? "mail-weighted, robust; "
                                                                    : "mail-weighted; ");
    }
    if (c->generation) {
        strbuf_printf(text, "labels of generation %u; ", c->generation);
    }
    if (c->step != INDEX_DAY) {
        strbuf_printf(text, "by %s; ", index_step_name(c->step));
    }
    strbuf_printf(text, "95 %% interval; %zu trap%s", i->traps, i->traps == 1 ? "" : "s");
    if (c->site.n == 0) {
        strbuf_printf(text, " at %zu site%s", i->sites, i->sites == 1 ? "" : "s");
    }
    if (c->trap.n) {
        strbuf_add_cstr(text, "; trap ");
        chart_label(text, c->trap, 30);
    }
    if (c->site.n) {
        strbuf_add_cstr(text, "; site ");
        chart_label(text, c->site, 30);
    }
}

static enum err words_make(const struct index_chart *c, struct arena *arena,
                           struct chart_series *out)
{
    struct strbuf title = STRBUF_INIT, subtitle = STRBUF_INIT;
    title_add(c, &title);
    subtitle_add(c, &subtitle);
    bool failed = title.failed || subtitle.failed;
    out->title = arena_copy(arena, strbuf_slice(&title));
    out->subtitle = arena_copy(arena, strbuf_slice(&subtitle));
    strbuf_free(&title);
    strbuf_free(&subtitle);
    return failed || !out->title.p || !out->subtitle.p ? ERR_NOMEM : OK;
}

enum err index_chart_series(const struct index_chart *c, struct arena *arena,
                            struct chart_series *out)
{
    struct chart_line *lines = arena_calloc(arena, c->line_count, sizeof *lines);
    if (!lines) {
        return ERR_NOMEM;
    }
    *out = (struct chart_series){
        .footer =
            c->lines[0].index->sites < 2
                ? S("UTC. Grey: nobody watched. One site: the interval holds nothing of what "
                    "it alone sees differently.")
                : S("UTC. Grey: no trap was watching; hatched: late feeds are missing. Traps that "
                    "are new or out do not move it."),
        .footer_narrow = S("UTC. Grey: nobody watched."),
        .suffix = c->is_level && c->unit == UNIT_BYTES ? "B" : "",
        .base = c->is_level ? NAN : 100,
        .lines = lines,
        .line_count = c->line_count,
        .marks = c->marks,
        .mark_count = c->mark_count,
        .events = c->events,
    };
    for (size_t k = 0; k < c->line_count; k++) {
        const struct index *i = c->lines[k].index;
        struct chart_point *points = arena_calloc(arena, i->count + 1, sizeof *points);
        if (!points) {
            return ERR_NOMEM;
        }
        for (size_t t = 0; t < i->count; t++) {
            points[t] = point_of(&i->points[t], c->is_level);
        }
        lines[k] = (struct chart_line){c->lines[k].name, points, i->count};
        if (k == 0 && i->count) {
            out->since = points[0].from;
            out->until = points[i->count - 1].until;
        }
    }
    return words_make(c, arena, out);
}
