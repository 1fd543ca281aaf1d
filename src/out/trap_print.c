/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/trap_print.h"

#include "out/human.h"

#include <inttypes.h>
#include <math.h>

enum {
    MINUTE_BYTES = 21,
    LOG10_P_TOLD = -12, /* what is less is beyond what any model of mail can say */
    /* columns of the list */
    SITE = 10,
    STATE = 9,
    DAY = 11,
    MESSAGES = 10,
    COVERAGE = 9,
    GAPS = 5,
    NAME_LEAST = 12,
    NAME_MOST = 40
};

/* "2012-06-26 04:00" */
static const char *minute_text(char out[MINUTE_BYTES], int64_t t)
{
    time_rfc3339(t, out);
    out[10] = ' ';
    out[16] = '\0';
    return out;
}

/* ---- list ---- */

enum { REST = 1 + SITE + 1 + STATE + 2 * DAY + MESSAGES + COVERAGE + GAPS };

/* Too narrow: since when and coverage go. */
static bool is_wide(const struct page *p)
{
    return p->width >= NAME_LEAST + REST;
}

static size_t name_columns(const struct page *p)
{
    size_t left = is_wide(p) ? p->width - REST : p->width - (REST - DAY - COVERAGE);
    return left < NAME_LEAST ? NAME_LEAST : left > NAME_MOST ? NAME_MOST : left;
}

struct list_cells {
    struct slice name, site, state, since, last, messages, coverage, gaps;
};

static void list_cells_print(struct page *p, const struct list_cells *c)
{
    page_cell(p, c->name, name_columns(p), false);
    page_cell(p, S(""), 1, false);
    page_cell(p, c->site, SITE, false);
    page_cell(p, S(""), 1, false);
    page_cell(p, c->state, STATE, false);
    if (is_wide(p)) {
        page_cell(p, c->since, DAY, false);
    }
    page_cell(p, c->last, DAY, false);
    page_cell(p, c->messages, MESSAGES, true);
    if (is_wide(p)) {
        page_cell(p, c->coverage, COVERAGE, true);
    }
    page_cell(p, c->gaps, GAPS, true);
}

static void list_line(struct page *p, const struct trap_watch *w, size_t t,
                      const struct trap_canary *canary)
{
    const struct trap_info *info = &w->traps[t];
    struct trap_summary s = trap_summarise(w, t);
    char since[11] = "-", last[11] = "-", count[HUMAN_BYTES], percent[HUMAN_BYTES], gaps[32];
    if (w->born[t] != INT64_MAX) {
        day_text(day_of(w->born[t]), since);
    }
    if (info->last_seen) {
        day_text(day_of(info->last_seen), last);
    }
    snprintf(gaps, sizeof gaps, "%zu%s", s.outages, s.undecided ? "?" : "");
    list_cells_print(p, &(struct list_cells){
                            .name = info->name,
                            .site = info->site.n ? info->site : S("-"),
                            .state = slice_cstr(trap_state_name(s.state)),
                            .since = slice_cstr(since),
                            .last = slice_cstr(last),
                            .messages = slice_cstr(human_count(count, info->messages)),
                            .coverage = slice_cstr(human_percent(percent, s.coverage)),
                            .gaps = slice_cstr(gaps),
                        });
    page_newline(p);
    if (info->note.n) {
        page_ink(p, INK_DIM);
        page_paragraph(p, "", 4, info->note);
        page_ink(p, INK_NONE);
    }
    if (canary->is_missing) {
        char at[MINUTE_BYTES];
        page_printf(p, "    canary missing: the last one came %s",
                    minute_text(at, canary->received));
        page_newline(p);
    }
}

static void time_or_null(struct printer *p, const char *key, int64_t t, int64_t none)
{
    print_key(p, key);
    if (t == none) {
        print_null(p);
    } else {
        print_time(p, t);
    }
}

static void list_item(struct printer *p, const struct trap_watch *w, size_t t,
                      const struct trap_canary *canary)
{
    const struct trap_info *info = &w->traps[t];
    struct trap_summary s = trap_summarise(w, t);
    print_map_begin(p);
    print_key(p, "name");
    print_text(p, info->name);
    print_key(p, "site");
    print_text_or_null(p, info->site);
    print_key(p, "state");
    print_text(p, slice_cstr(trap_state_name(s.state)));
    time_or_null(p, "since", w->born[t], INT64_MAX);
    time_or_null(p, "until", w->dead[t], INT64_MAX);
    time_or_null(p, "first_seen", info->first_seen, 0);
    time_or_null(p, "last_seen", info->last_seen, 0);
    print_key(p, "messages");
    print_unsigned(p, info->messages);
    print_key(p, "coverage");
    print_number(p, s.coverage, 4);
    print_key(p, "gaps");
    print_unsigned(p, s.outages);
    print_key(p, "gaps_undecided");
    print_unsigned(p, s.undecided);
    print_key(p, "down_seconds");
    print_integer(p, s.down_seconds);
    time_or_null(p, "canary_received", canary->received, 0);
    print_key(p, "canary_missing");
    print_boolean(p, canary->is_missing);
    print_key(p, "note");
    print_text_or_null(p, info->note);
    print_map_end(p);
}

static struct printer *document_begin(FILE *f, enum out_format format, const struct trap_watch *w,
                                      const char *list)
{
    struct printer *p = printer_new(format, f);
    print_map_begin(p);
    print_key(p, "format_version");
    print_unsigned(p, TRAP_FORMAT_VERSION);
    print_key(p, "since");
    print_time(p, w->first);
    print_key(p, "until");
    print_time(p, trap_watch_time(w, w->count));
    print_key(p, list);
    print_list_begin(p);
    return p;
}

static bool document_end(struct printer *p)
{
    print_list_end(p);
    print_map_end(p);
    return printer_end(p);
}

bool trap_list_print(FILE *f, enum out_format format, const struct trap_watch *w,
                     const struct trap_canary *canaries, const struct report_style *style)
{
    if (format == OUT_TEXT) {
        struct page page = page_new(style);
        page_ink(&page, INK_HEAD);
        list_cells_print(&page, &(struct list_cells){S("trap"), S("site"), S("state"), S("since"),
                                                     S("last seen"), S("messages"), S("coverage"),
                                                     S("gaps")});
        page_ink(&page, INK_NONE);
        page_newline(&page);
        for (size_t t = 0; t < w->trap_count; t++) {
            if (w->is_asked[t]) {
                list_line(&page, w, t, &canaries[t]);
            }
        }
        return page_write(&page, f);
    }
    struct printer *p = document_begin(f, format, w, "traps");
    for (size_t t = 0; t < w->trap_count; t++) {
        if (w->is_asked[t]) {
            list_item(p, w, t, &canaries[t]);
        }
    }
    return document_end(p);
}

/* ---- gaps ---- */

static void silence_text(struct strbuf *b, const struct trap_gap *g)
{
    char expected[HUMAN_BYTES], came[HUMAN_BYTES], others[HUMAN_BYTES];
    strbuf_printf(b, "%s messages expected, %s came",
                  human_count(expected, (uint64_t)(g->expected + 0.5)),
                  human_count(came, g->observed));
    if (g->verdict == GAP_OUTAGE || g->verdict == GAP_PARTIAL) {
        strbuf_printf(b, " (chance below 1e%d)",
                      g->log10_p > LOG10_P_TOLD ? (int)ceil(g->log10_p) : LOG10_P_TOLD);
    }
    strbuf_printf(b, "; %zu of %zu usual labels silent", g->silent, g->labels);
    if (g->silent_only_here) {
        strbuf_printf(b, ", %zu of them only here", g->silent_only_here);
    }
    if (isnan(g->others)) {
        strbuf_add_cstr(b, "; no other trap to compare with");
    } else {
        strbuf_printf(b, "; %zu other trap%s at %s of the usual", g->others_count,
                      g->others_count == 1 ? "" : "s", human_percent(others, g->others));
    }
    if (g->has_flush) {
        strbuf_add_cstr(b, "; a backlog came in at the end");
    }
}

static void evidence_text(struct strbuf *b, const struct trap_gap *g)
{
    char percent[HUMAN_BYTES], n[3][HUMAN_BYTES];
    if (g->source == GAP_SILENCE) {
        silence_text(b, g);
    } else if (g->source == GAP_CONNECTIONS) {
        strbuf_printf(b, "%s connections, %s left a message, %s refused",
                      human_count(n[0], g->connections), human_count(n[1], g->accepted),
                      human_count(n[2], g->refused));
    } else if (g->note.n == 0) {
        strbuf_add_cstr(b, "recorded");
    }
    strbuf_add(b, g->note);
    if (g->verdict == GAP_PARTIAL) {
        strbuf_printf(b, "; it saw %s", human_percent(percent, g->part));
    }
}

static void gap_text(struct page *p, const struct trap_watch *w, const struct trap_gap *g)
{
    char since[MINUTE_BYTES], until[MINUTE_BYTES] = "", length[64] = "no end yet";
    struct strbuf text = STRBUF_INIT;
    minute_text(since, g->since);
    if (g->until != INT64_MAX) {
        minute_text(until, g->until);
        human_duration(length, (uint64_t)(g->until - g->since));
    }
    page_ink(p, INK_HEAD);
    page_escaped(p, w->traps[g->trap].name);
    page_ink(p, INK_NONE);
    page_printf(p, "  %s .. %s (%s)  %s, by %s", since, until, length,
                trap_gap_verdict_name(g->verdict), trap_gap_source_name(g->source));
    page_newline(p);
    evidence_text(&text, g);
    page_paragraph(p, "", 4, strbuf_slice(&text));
    if (g->source >= GAP_CONNECTIONS && g->verdict != GAP_DROP && g->until != INT64_MAX) {
        char from[21], to[21];
        time_rfc3339(g->since, from);
        time_rfc3339(g->until, to);
        page_ink(p, INK_DIM);
        page_printf(p, "    trap edit ");
        page_escaped(p, w->traps[g->trap].name);
        page_printf(p, " --%s %s..%s", g->verdict == GAP_PARTIAL ? "degraded" : "down", from, to);
        page_ink(p, INK_NONE);
        page_newline(p);
    }
    p->out.failed |= text.failed;
    strbuf_free(&text);
}

static void gap_item(struct printer *p, const struct trap_watch *w, const struct trap_gap *g)
{
    const struct {
        const char *key;
        double value;
        int decimals;
    } numbers[] = {
        {"part", g->part, 4},
        {"expected", g->expected, 1},
        {"expected_elsewhere", g->expected_elsewhere, 1},
        {"log10_p", g->log10_p, 2},
        {"others", g->others, 4},
    };
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {
        {"observed", g->observed},
        {"others_count", g->others_count},
        {"labels", g->labels},
        {"labels_silent", g->silent},
        {"labels_silent_only_here", g->silent_only_here},
        {"connections", g->connections},
        {"accepted", g->accepted},
        {"refused", g->refused},
    };
    print_map_begin(p);
    print_key(p, "trap");
    print_text(p, w->traps[g->trap].name);
    print_key(p, "site");
    print_text_or_null(p, w->traps[g->trap].site);
    print_key(p, "since");
    print_time(p, g->since);
    time_or_null(p, "until", g->until, INT64_MAX);
    print_key(p, "verdict");
    print_text(p, slice_cstr(trap_gap_verdict_name(g->verdict)));
    print_key(p, "source");
    print_text(p, slice_cstr(trap_gap_source_name(g->source)));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        print_key(p, numbers[i].key);
        print_number(p, numbers[i].value, numbers[i].decimals);
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        print_key(p, counts[i].key);
        print_unsigned(p, counts[i].value);
    }
    print_key(p, "has_flush");
    print_boolean(p, g->has_flush);
    print_key(p, "note");
    print_text_or_null(p, g->note);
    print_map_end(p);
}

bool trap_gaps_print(FILE *f, enum out_format format, const struct trap_watch *w,
                     const struct report_style *style)
{
    size_t n = 0;
    if (format == OUT_TEXT) {
        struct page page = page_new(style);
        for (size_t i = 0; i < w->gap_count; i++) {
            if (w->is_asked[w->gaps[i].trap]) {
                gap_text(&page, w, &w->gaps[i]);
                n++;
            }
        }
        if (n == 0) {
            page_printf(&page, "No gap is recorded or found.");
            page_newline(&page);
        }
        return page_write(&page, f);
    }
    struct printer *p = document_begin(f, format, w, "gaps");
    for (size_t i = 0; i < w->gap_count; i++) {
        if (w->is_asked[w->gaps[i].trap]) {
            gap_item(p, w, &w->gaps[i]);
        }
    }
    return document_end(p);
}
