/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/clusters_out.h"
#include "out/escape.h"
#include "out/human.h"
#include "out/view.h"

#include <math.h>
#include <stdio.h>

enum {
    ID_COLUMNS = 18,
    NUMBER_COLUMNS = 11,
    SHARE_COLUMNS = 8,
    HOSTS_COLUMNS = 9,
    COUNTRY_COLUMNS = 6,
    DAY_COLUMNS = 12,
    NAME_COLUMNS_MIN = 8,
    SHARES_SHOWN = 8,
    SHARES_LISTED = 5,
    SPARK_CELLS = 60,
    SIGNED_BYTES = HUMAN_BYTES + 4, /* a number with a sign before it */
};

static void period_text(struct page *p, int64_t since, int64_t until, struct slice trap,
                        struct slice site)
{
    char from[11], to[11];
    if (until) {
        day_text(day_of(since), from);
        day_text(day_of(until) - 1, to);
        page_printf(p, ", %s to %s (UTC)", from, to);
    }
    page_ink(p, INK_NONE);
    page_newline(p);
    if (trap.n || site.n) {
        page_printf(p, trap.n ? "trap " : "site ");
        page_escaped(p, trap.n ? trap : site);
        page_newline(p);
    }
}

/* "1,204", "~12 k" where it is an estimate. */
static const char *hosts_text(char out[SIGNED_BYTES], const struct page *p,
                              const struct cluster_line *l)
{
    char number[HUMAN_BYTES];
    (void)human_count(number, (uint64_t)(l->hosts + 0.5));
    snprintf(out, SIGNED_BYTES, "%s%s", l->hosts_error == 0 ? "" : p->use_utf8 ? "≈" : "~", number);
    return out;
}

/* Against the week before: the factor, "new" when there was nothing. */
static const char *trend_text(char out[SIGNED_BYTES], const struct cluster_line *l)
{
    if (!l->week && !l->week_before) {
        snprintf(out, SIGNED_BYTES, "-");
    } else if (!l->week_before) {
        snprintf(out, SIGNED_BYTES, "new");
    } else {
        char factor[HUMAN_BYTES];
        double ratio = (double)l->week / (double)l->week_before;
        snprintf(out, SIGNED_BYTES, "x %s",
                 human_figure(factor, ratio, ratio < 9.95 ? 1 : 0, false));
    }
    return out;
}

static size_t name_columns(const struct page *p)
{
    size_t fixed = ID_COLUMNS + NUMBER_COLUMNS + SHARE_COLUMNS + HOSTS_COLUMNS + COUNTRY_COLUMNS +
                   SHARE_COLUMNS;
    return p->width >= fixed + NAME_COLUMNS_MIN + DAY_COLUMNS ? p->width - fixed - DAY_COLUMNS
           : p->width > fixed                                 ? p->width - fixed
                                                              : 0;
}

static bool has_day(const struct page *p)
{
    return name_columns(p) + ID_COLUMNS + NUMBER_COLUMNS + 2 * SHARE_COLUMNS + HOSTS_COLUMNS +
               COUNTRY_COLUMNS + DAY_COLUMNS <=
           p->width;
}

static void lines_table(struct page *p, const struct clusters_list *l)
{
    char text[SIGNED_BYTES], day[11];
    page_ink(p, INK_HEAD);
    page_cell(p, S("id"), ID_COLUMNS, false);
    page_cell(p, S("messages"), NUMBER_COLUMNS, true);
    page_cell(p, S("share"), SHARE_COLUMNS, true);
    page_cell(p, S("week"), SHARE_COLUMNS, true);
    page_cell(p, S("hosts"), HOSTS_COLUMNS, true);
    page_cell(p, S("from"), COUNTRY_COLUMNS, true);
    if (has_day(p)) {
        page_cell(p, S("  first"), DAY_COLUMNS, false);
    }
    page_cell(p, S("  name"), name_columns(p), false);
    page_ink(p, INK_NONE);
    page_newline(p);
    for (size_t i = 0; i < l->count; i++) {
        const struct cluster_line *x = &l->lines[i];
        page_cell(p, x->id, ID_COLUMNS, false);
        page_cell(p, slice_cstr(human_count(text, x->units.messages)), NUMBER_COLUMNS, true);
        page_cell(p, slice_cstr(human_percent(text, x->share)), SHARE_COLUMNS, true);
        page_cell(p, slice_cstr(trend_text(text, x)), SHARE_COLUMNS, true);
        page_cell(p, slice_cstr(hosts_text(text, p, x)), HOSTS_COLUMNS, true);
        page_cell(p, x->country, COUNTRY_COLUMNS, true);
        if (has_day(p)) {
            day_text(day_of(x->first), day);
            page_printf(p, "  ");
            page_cell(p, slice_cstr(x->first ? day : "-"), DAY_COLUMNS - 2, false);
        }
        size_t columns = name_columns(p);
        page_printf(p, "  ");
        struct slice none = x->namer == CLUSTER_NAMER_MIXED ? S("(mixed)") : S("-");
        page_cell(p, x->name.n ? x->name : none, columns > 2 ? columns - 2 : 0, false);
        page_newline(p);
    }
}

/* ---- what is known of a new one ---- */

/* "BR 41 %, IN 12 %, 20 more" */
static void shares_add(struct strbuf *b, const struct cluster_shares *s)
{
    char share[HUMAN_BYTES];
    size_t shown = s->count <= SHARES_LISTED ? s->count : SHARES_LISTED - 1;
    for (size_t i = 0; i < shown; i++) {
        const struct cluster_share *x = &s->items[i];
        strbuf_printf(b, "%s%.*s", i ? ", " : "",
                      SLICE_ARG(slice_eq(x->name, S("-")) ? S("in none") : x->name));
        if (x->text.n) {
            strbuf_printf(b, " (%.*s)", SLICE_ARG(x->text));
        }
        strbuf_printf(b, " %s", human_percent(share, x->share));
    }
    if (s->count > shown) {
        strbuf_printf(b, ", %zu more", s->count - shown);
    }
}

/* "190 of 200 of its messages, 0 of 9,812 others" */
static void draft_counts_add(struct strbuf *b, const struct rule_draft *d)
{
    char n[4][HUMAN_BYTES];
    strbuf_printf(b, "%s of %s of its messages, %s of %s others",
                  human_count(n[0], d->wanted + d->held),
                  human_count(n[1], d->wanted_of + d->held_of), human_count(n[2], d->background),
                  human_count(n[3], d->background_of));
}

static void draft_add(struct strbuf *b, const struct rule_draft *d)
{
    if (!d->trait_count) {
        strbuf_add_cstr(b, "none: nothing that all of its messages have tells them from others");
        return;
    }
    strbuf_add_cstr(b, d->rule.n ? "" : "none: too many others have ");
    for (size_t i = 0; i < d->trait_count; i++) {
        strbuf_printf(b, "%s%.*s", i ? " and " : "", SLICE_ARG(d->traits[i]));
    }
    strbuf_add_cstr(b, " (");
    draft_counts_add(b, d);
    if (d->rival.n) {
        char n[HUMAN_BYTES];
        strbuf_printf(b, ", %s of them of %.*s", human_count(n, d->rival_messages),
                      SLICE_ARG(d->rival));
    }
    strbuf_add_cstr(b, ")");
}

static void detail_paragraph(struct page *p, const char *lead, struct strbuf *text)
{
    page_paragraph(p, lead, strlen(lead), strbuf_slice(text));
    p->out.failed |= text->failed;
    strbuf_clear(text);
}

static void line_detail(struct page *p, enum cluster_kind kind, const struct cluster_line *l)
{
    struct strbuf text = STRBUF_INIT;
    page_newline(p);
    page_escaped(p, l->id);
    page_newline(p);
    if (l->print.n) {
        cluster_part_redact(&text, l->print);
        detail_paragraph(p, "  print      ", &text);
    }
    if (l->country_shares.count) {
        shares_add(&text, &l->country_shares);
        detail_paragraph(p, "  countries  ", &text);
    }
    if (l->relations.count) {
        shares_add(&text, &l->relations);
        detail_paragraph(p, kind == CLUSTER_MAILER ? "  campaigns  " : "  mailers    ", &text);
    }
    if (l->draft.is_tried) {
        draft_add(&text, &l->draft);
        detail_paragraph(p, "  rule       ", &text);
    }
    strbuf_free(&text);
}

void clusters_lines_text(struct page *p, const struct clusters_list *l)
{
    lines_table(p, l);
    for (size_t i = 0; l->is_new && i < l->count; i++) {
        line_detail(p, l->kind, &l->lines[i]);
    }
}

static const char *kind_plural(enum cluster_kind k)
{
    return k == CLUSTER_MAILER ? "mailers" : "campaigns";
}

bool clusters_list_print_text(FILE *f, const struct clusters_list *l,
                              const struct report_style *style)
{
    struct page p = page_new(style);
    char number[HUMAN_BYTES], share[HUMAN_BYTES];
    page_ink(&p, INK_TITLE);
    page_printf(&p, "%s %s", l->is_new ? "New unnamed" : "All", kind_plural(l->kind));
    period_text(&p, l->since, l->until, l->trap, l->site);
    page_rule(&p);
    if (l->count) {
        clusters_lines_text(&p, l);
    } else {
        page_printf(&p, "none");
        page_newline(&p);
    }
    page_newline(&p);
    if (l->total.messages && !l->is_new) {
        page_printf(&p, "%s messages (%s) are in none of them",
                    human_count(number, l->outside.messages),
                    human_percent(share, (double)l->outside.messages / (double)l->total.messages));
        page_newline(&p);
    }
    if (l->more) {
        page_printf(&p, "%s more; --limit shows them", human_count(number, l->more));
        page_newline(&p);
    }
    if (l->is_new && l->count && l->kind == CLUSTER_MAILER) {
        page_printf(&p,
                    "\"rules suggest ID\" writes the rule of one, \"mailer ID\" shows it in full");
        page_newline(&p);
    }
    return page_write(&p, f);
}

static void view_shares(struct page *p, const char *title, const struct cluster_shares *s)
{
    char number[HUMAN_BYTES], share[HUMAN_BYTES];
    if (!s->count) {
        return;
    }
    view_head(p, title);
    for (size_t i = 0; i < s->count && i < SHARES_SHOWN; i++) {
        const struct cluster_share *x = &s->items[i];
        page_cell(p, x->name, p->width > 50 ? p->width - 40 : 20, false);
        page_cell(p, slice_cstr(human_count(number, x->messages)), NUMBER_COLUMNS, true);
        page_cell(p, slice_cstr(human_percent(share, x->share)), SHARE_COLUMNS, true);
        if (x->text.n) {
            page_printf(p, "  ");
            page_cell(p, x->text, 18, false);
        }
        page_newline(p);
    }
    if (s->count > SHARES_SHOWN) {
        page_printf(p, "%zu more", s->count - SHARES_SHOWN);
        page_newline(p);
    }
}

/* The days, or some days together, as one row of marks. */
static void view_volume(struct page *p, const struct cluster_page *c)
{
    uint64_t cells[SPARK_CELLS] = {0};
    int64_t length = c->until - c->since;
    size_t count = SPARK_CELLS;
    if (!c->volume_count || length <= 0) {
        return;
    }
    if (length / SECONDS_PER_DAY < SPARK_CELLS) {
        count = (size_t)(length / SECONDS_PER_DAY);
    }
    for (size_t i = 0; i < c->volume_count; i++) {
        int64_t from = c->volume[i].bucket > c->since ? c->volume[i].bucket - c->since : 0;
        size_t cell = (size_t)((double)from / (double)length * (double)count);
        cells[cell < count ? cell : count - 1] += c->volume[i].units.messages;
    }
    char from[11], to[11];
    day_text(day_of(c->since), from);
    day_text(day_of(c->until) - 1, to);
    view_head(p, "Volume");
    page_spark(p, cells, count);
    page_newline(p);
    page_printf(p, "%s to %s", from, to);
    page_newline(p);
}

static void view_parts(struct page *p, const struct cluster_page *c)
{
    char number[HUMAN_BYTES];
    if (!c->part_count) {
        return;
    }
    view_head(p, c->kind == CLUSTER_MAILER ? "Variants" : "Wordings");
    for (size_t i = 0; i < c->part_count; i++) {
        const struct cluster_part_line *x = &c->parts[i];
        struct strbuf clean = STRBUF_INIT;
        page_printf(p, "%016llx  %s messages", (unsigned long long)x->key,
                    human_count(number, x->messages));
        page_newline(p);
        cluster_part_redact(&clean, x->text);
        page_paragraph(p, "  ", 2, x->text.n ? strbuf_slice(&clean) : S("no longer in memory"));
        p->out.failed |= clean.failed;
        strbuf_free(&clean);
    }
}

static void view_samples(struct page *p, const struct cluster_page *c)
{
    if (!c->sample_count) {
        return;
    }
    view_head(p, "Samples");
    for (size_t i = 0; i < c->sample_count; i++) {
        const struct cluster_sample *x = &c->samples[i];
        char id[33], time[21];
        struct strbuf clean = STRBUF_INIT;
        id128_hex(x->id, id);
        time_rfc3339(x->received, time);
        redact_addresses(&clean, x->subject);
        page_printf(p, "%.12s  %s  ", id, x->received ? time : "-                   ");
        page_cell(p, x->is_kept ? strbuf_slice(&clean) : S("(its row is deleted)"),
                  p->width > 40 ? p->width - 36 : 20, false);
        page_newline(p);
        p->out.failed |= clean.failed;
        strbuf_free(&clean);
    }
}

static void view_template(struct page *p, const struct cluster_page *c)
{
    char number[HUMAN_BYTES], outliers[HUMAN_BYTES];
    if (!c->template.n) {
        return;
    }
    struct strbuf clean = STRBUF_INIT;
    redact_addresses(&clean, c->template);
    view_head(p, "Template");
    page_printf(p, "learnt from %s messages, %s did not fit%s",
                human_count(number, c->learnt.learnt), human_count(outliers, c->learnt.outliers),
                c->learnt.is_usable ? "" : "; too little to tell it from other mail");
    page_newline(p);
    struct slice rest = strbuf_slice(&clean);
    while (rest.n) {
        page_paragraph(p, "  ", 2, slice_cut(&rest, '\n'));
    }
    p->out.failed |= clean.failed;
    strbuf_free(&clean);
}

static void view_draft(struct page *p, const struct rule_draft *d)
{
    struct strbuf text = STRBUF_INIT;
    if (!d->is_tried) {
        return;
    }
    view_head(p, "A rule drafted for it");
    if (d->rule.n) {
        struct slice rest = d->rule;
        while (rest.n) {
            page_escaped(p, slice_cut(&rest, '\n'));
            page_newline(p);
        }
    } else {
        draft_add(&text, d);
        page_paragraph(p, "", 0, strbuf_slice(&text));
        p->out.failed |= text.failed;
    }
    strbuf_free(&text);
}

static void view_journal(struct page *p, const struct cluster_page *c)
{
    if (!c->event_count) {
        return;
    }
    view_head(p, "Journal");
    for (size_t i = 0; i < c->event_count; i++) {
        const struct cluster_event *e = &c->events[i];
        char time[21], id[CLUSTER_ID_BYTES], other[CLUSTER_ID_BYTES];
        char parts[HUMAN_BYTES], messages[HUMAN_BYTES];
        size_t n = cluster_id_print(c->kind, e->what.cluster, id);
        size_t k = e->what.other ? cluster_id_print(c->kind, e->what.other, other) : 0;
        time_rfc3339(e->time, time);
        page_printf(p, "%s  %.*s %s%s%.*s", time, (int)n, id, cluster_event_name(e->what.kind),
                    k ? ", " : "", (int)k, other);
        if (e->what.parts) {
            page_printf(p, " (%s parts, %s messages)", human_count(parts, e->what.parts),
                        human_count(messages, e->what.messages));
        }
        page_newline(p);
    }
}

static void view_line(struct page *p, const struct cluster_page *c)
{
    const struct cluster_line *l = &c->line;
    char number[HUMAN_BYTES], share[HUMAN_BYTES], hosts[SIGNED_BYTES], trend[SIGNED_BYTES];
    char first[21], last[21];
    if (c->asked.n) {
        view_printf(p, "asked for", "%.*s, which is part of it now", SLICE_ARG(c->asked));
    }
    if (l->name.n) {
        view_printf(p, "name", "%.*s (%s, named by %s; holds for a member with probability %.2f)",
                    SLICE_ARG(l->name), cluster_label_name(l->label), cluster_namer_text(l->namer),
                    l->probability);
    } else {
        bool is_mixed = l->namer == CLUSTER_NAMER_MIXED;
        view_field(p, "name", is_mixed ? S("none: rules disagree on its members") : S(""));
    }
    if (l->note.n) {
        view_field(p, "note", l->note);
    }
    view_printf(p, "messages", "%s, %s of all", human_count(number, l->units.messages),
                human_percent(share, l->share));
    view_printf(p, "recipients", "%s", human_count(number, l->units.recipients));
    view_printf(p, "bytes", "%s", human_bytes(number, l->units.bytes));
    view_printf(p, "last week", "%s messages, %s against the week before",
                human_count(number, l->week), trend_text(trend, l));
    if (l->hosts_error == 0) {
        view_printf(p, "hosts", "%s, of all time", hosts_text(hosts, p, l));
    } else {
        view_printf(p, "hosts", "%s, of all time; standard error %s", hosts_text(hosts, p, l),
                    human_percent(share, l->hosts_error));
    }
    time_rfc3339(l->first, first);
    time_rfc3339(l->last, last);
    view_printf(p, "seen", "%s to %s", l->first ? first : "-", l->last ? last : "-");
}

bool cluster_page_print_text(FILE *f, const struct cluster_page *c,
                             const struct report_style *style)
{
    struct page p = page_new(style);
    page_ink(&p, INK_TITLE);
    page_escaped(&p, c->line.id);
    period_text(&p, c->since, c->until, c->trap, c->site);
    page_rule(&p);
    view_line(&p, c);
    view_volume(&p, c);
    view_shares(&p, "Traps", &c->traps);
    view_shares(&p, "Countries", &c->line.country_shares);
    view_shares(&p, "Botnets, by rules", &c->labels[CLUSTER_LABEL_BOTNET]);
    view_shares(&p, "Mailers, by rules", &c->labels[CLUSTER_LABEL_MAILER]);
    view_shares(&p, "Programs, by rules", &c->labels[CLUSTER_LABEL_PROGRAM]);
    view_shares(&p, c->kind == CLUSTER_MAILER ? "Campaigns" : "Mailers", &c->line.relations);
    view_shares(&p, "Domains", &c->domains);
    view_parts(&p, c);
    view_template(&p, c);
    if (c->rule.n) {
        view_head(&p, "A rule would search for");
        struct slice rest = c->rule;
        while (rest.n) {
            page_escaped(&p, slice_cut(&rest, '\n'));
            page_newline(&p);
        }
    }
    view_draft(&p, &c->line.draft);
    view_samples(&p, c);
    view_journal(&p, c);
    return page_write(&p, f);
}
