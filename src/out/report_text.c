/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/report_text.h"

#include "out/bulletin_out.h"
#include "out/escape.h"
#include "out/human.h"
#include "out/report_events.h"

#include <math.h>

enum {
    BUCKETS_MAX = 35,      /* lines of the volume chart: five weeks of days */
    MONTHS_MAX = 60,       /* before years are shown */
    NAME_MIN = 14,         /* columns of a table's first column before others are dropped */
    SPARK_CELLS = 20,      /* columns of a botnet's own small chart */
    SPARK_WIDTH_MIN = 100, /* shown from this width on */
    TABLE_WIDTH_MAX = 100, /* wider tables are harder to read */
    VOLUME_ARENA_BYTES = 16 * 1024 * 1024,
};

/* ---- title ---- */

static void text_title(struct page *p, const struct report *r)
{
    char a[HUMAN_BYTES], b[HUMAN_BYTES], c[HUMAN_BYTES], d[HUMAN_BYTES];
    char first[11], last[11];
    page_ink(p, INK_TITLE);
    if (r->day_count) {
        day_text(r->days[0].day, first);
        day_text(r->days[r->day_count - 1].day, last);
        page_printf(p, "Spam, %s%s%s (%s day%s, UTC)", first, r->day_count == 1 ? "" : " to ",
                    r->day_count == 1 ? "" : last, human_count(a, r->day_count),
                    r->day_count == 1 ? "" : "s");
    } else {
        page_printf(p, "Spam, no day with a message");
    }
    page_ink(p, INK_NONE);
    page_newline(p);
    page_printf(p, "%s message%s, %s recipient%s, %s, %s host%s", human_count(a, r->total.messages),
                r->total.messages == 1 ? "" : "s", human_count(b, r->total.recipients),
                r->total.recipients == 1 ? "" : "s", human_bytes(c, r->total.bytes),
                human_count(d, r->total.hosts), r->total.hosts == 1 ? "" : "s");
    if (r->trap.n) {
        page_printf(p, "; trap ");
        page_escaped(p, r->trap);
    }
    if (r->site.n) {
        page_printf(p, "; site ");
        page_escaped(p, r->site);
    }
    page_newline(p);
    page_rule(p);
}

/* ---- volume ---- */

static void bucket_label(const struct report *r, const struct volume_bucket *b,
                         enum volume_step step, char out[32])
{
    static const char *const WEEKDAYS[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    int64_t day = r->days[b->from].day;
    char text[11];
    day_text(day, text);
    switch (step) {
    case VOLUME_MONTH:
        snprintf(out, 32, "%.7s%s", text, b->is_partial ? "*" : "");
        return;
    case VOLUME_YEAR:
        snprintf(out, 32, "%.4s%s", text, b->is_partial ? "*" : "");
        return;
    case VOLUME_WEEK:
        snprintf(out, 32, "%s%s", text, b->is_partial ? "*" : "");
        return;
    case VOLUME_AUTO:
    case VOLUME_DAY:
        break;
    }
    snprintf(out, 32, "%s %s", text, WEEKDAYS[((day % 7) + 7) % 7]);
}

/* The volume chart's columns; on a narrow page the recipients make room for the bars. */
enum { LABEL_COLUMNS = 15, RECIPIENTS_COLUMNS = 13, NUMBERS_COLUMNS = 31, BAR_MIN = 12 };

static size_t volume_recipients(const struct page *p)
{
    return p->width >= LABEL_COLUMNS + NUMBERS_COLUMNS + RECIPIENTS_COLUMNS + BAR_MIN
               ? RECIPIENTS_COLUMNS
               : 0;
}

static size_t volume_bar(const struct page *p)
{
    return p->width - LABEL_COLUMNS - NUMBERS_COLUMNS - volume_recipients(p);
}

static void bucket_line(struct page *p, const struct report *r, const struct volume_bucket *b,
                        enum volume_step step, uint64_t max)
{
    char label[32], number[HUMAN_BYTES];
    bucket_label(r, b, step, label);
    page_cell(p, slice_cstr(label), LABEL_COLUMNS, false);
    uint64_t known =
        b->units.messages -
        (b->unknown_messages < b->units.messages ? b->unknown_messages : b->units.messages);
    page_bar(p, known, b->units.messages - known, max, volume_bar(p));
    page_cell(p, slice_cstr(human_count(number, b->units.messages)), 12, true);
    page_cell(p, slice_cstr(human_count(number, b->units.recipients)), volume_recipients(p), true);
    page_cell(p, slice_cstr(human_bytes(number, b->units.bytes)), 9, true);
    if (step != VOLUME_DAY && b->hosts_daily > 0 && b->hosts_daily < 9.95) {
        snprintf(number, sizeof number, "%.1f", b->hosts_daily);
    } else {
        human_count(number, (uint64_t)(b->hosts_daily + 0.5));
    }
    page_cell(p, slice_cstr(number), 10, true);
    page_newline(p);
}

static void volume_summary(struct page *p, const struct report *r)
{
    const struct report_day *most = &r->days[0];
    const struct report_day *least = NULL; /* of the days that have any */
    size_t empty = 0;
    for (size_t i = 0; i < r->day_count; i++) {
        const struct report_day *d = &r->days[i];
        most = d->units.messages > most->units.messages ? d : most;
        empty += d->units.messages == 0;
        if (d->units.messages && (!least || d->units.messages < least->units.messages)) {
            least = d;
        }
    }
    if (!least) {
        return;
    }
    char a[HUMAN_BYTES], b[HUMAN_BYTES], c[HUMAN_BYTES], d[HUMAN_BYTES], day_a[11], day_b[11];
    struct strbuf text = STRBUF_INIT;
    day_text(most->day, day_a);
    day_text(least->day, day_b);
    strbuf_printf(&text, "Most on %s (%s)", day_a, human_count(a, most->units.messages));
    if (least != most) {
        strbuf_printf(&text, ", fewest on %s (%s)", day_b, human_count(b, least->units.messages));
    }
    if (empty) {
        strbuf_printf(&text, "; %s of %s days %s no message at all", human_count(c, empty),
                      human_count(d, r->day_count), empty == 1 ? "has" : "have");
    }
    strbuf_add_byte(&text, '.');
    page_paragraph(p, "", 0, strbuf_slice(&text));
    p->out.failed |= text.failed;
    strbuf_free(&text);
}

static void text_volume(struct page *p, const struct report *r, struct arena *arena)
{
    const struct volume_bucket *buckets = NULL;
    size_t count = 0;
    enum volume_step step = volume_step_for(r, BUCKETS_MAX);
    if (step == VOLUME_YEAR) {
        step = volume_step_for(r, MONTHS_MAX); /* a few bars of years say too little */
    }
    if (volume_buckets(r, step, arena, &buckets, &count)) {
        p->out.failed = true;
        return;
    }
    uint64_t max = 0;
    bool has_partial = false;
    for (size_t i = 0; i < count; i++) {
        max = buckets[i].units.messages > max ? buckets[i].units.messages : max;
        has_partial |= buckets[i].is_partial;
    }
    char title[64];
    snprintf(title, sizeof title, "Volume by %s", volume_step_name(step));
    page_ink(p, INK_HEAD);
    page_cell(p, slice_cstr(title), LABEL_COLUMNS + volume_bar(p), false);
    page_ink(p, INK_NONE);
    page_cell(p, S("messages"), 12, true);
    page_cell(p, S("recipients"), volume_recipients(p), true);
    page_cell(p, S("bytes"), 9, true);
    page_cell(p, step == VOLUME_DAY ? S("hosts") : S("hosts/day"), 10, true);
    page_newline(p);
    for (size_t i = 0; i < count; i++) {
        bucket_line(p, r, &buckets[i], step, max);
    }
    page_ink(p, INK_DIM);
    struct strbuf legend = STRBUF_INIT;
    strbuf_printf(&legend, "%s attributed to a botnet, %s unknown.", p->use_utf8 ? "█" : "#",
                  p->use_utf8 ? "░" : ".");
    if (step != VOLUME_DAY) {
        strbuf_add_cstr(&legend, " hosts/day: mean of the days' distinct hosts.");
    }
    if (step == VOLUME_WEEK) {
        strbuf_add_cstr(&legend, " Weeks begin on Monday.");
    }
    if (has_partial) {
        strbuf_printf(&legend, " * the period covers only a part of this %s.",
                      volume_step_name(step));
    }
    page_paragraph(p, "", 0, strbuf_slice(&legend));
    p->out.failed |= legend.failed;
    strbuf_free(&legend);
    page_ink(p, INK_NONE);
    volume_summary(p, r);
}

/* ---- tables ---- */

enum column { COL_SHARE, COL_INTERVAL, COL_MESSAGES, COL_RECIPIENTS, COL_BYTES, COL_HOSTS, COLS };

static const char *const HEADS[COLS] = {"share",      "95 % interval", "messages",
                                        "recipients", "bytes",         "hosts"};

struct columns {
    size_t width[COLS]; /* with two of distance; 0: not shown */
    size_t name;
    size_t spark;
};

static const char *interval_text(const struct page *p, const struct report_share *s, char out[64])
{
    if (!isfinite(s->share_low)) {
        snprintf(out, 64, "-");
    } else {
        snprintf(out, 64, "%.1f %s %.1f %%", s->share_low * 100.0, p->use_utf8 ? "–" : "-",
                 s->share_high * 100.0);
    }
    return out;
}

static const char *cell_text(const struct page *p, enum column c, const struct report_share *s,
                             char out[64])
{
    switch (c) {
    case COL_SHARE:
        return human_percent(out, s->share_messages);
    case COL_INTERVAL:
        return interval_text(p, s, out);
    case COL_MESSAGES:
        return human_count(out, s->units.messages);
    case COL_RECIPIENTS:
        return human_count(out, s->units.recipients);
    case COL_BYTES:
        return human_bytes(out, s->units.bytes);
    case COL_HOSTS:
        return human_count(out, s->units.hosts);
    case COLS:
        break;
    }
    return "";
}

static struct columns columns_plan(const struct page *p, const struct report_table *t,
                                   const struct report_table_info *info, bool has_bands)
{
    struct columns c = {0};
    char text[64];
    struct report_share all = {
        .units = t->total, .share_messages = 1, .share_low = 1, .share_high = 1};
    size_t width = p->width < TABLE_WIDTH_MAX ? p->width : TABLE_WIDTH_MAX;
    bool is_wordy = info->dimension == DIMENSION_QUIRK;
    for (enum column k = 0; k < COLS; k++) {
        if ((k == COL_HOSTS && !t->has_hosts) ||
            (is_wordy && k != COL_SHARE && k != COL_MESSAGES)) {
            continue;
        }
        size_t w = strlen(HEADS[k]);
        for (size_t i = 0; i <= t->count; i++) {
            const struct report_share *row = i < t->count ? &t->rows[i] : &all;
            size_t n = text_columns(slice_cstr(cell_text(p, k, row, text)));
            w = n > w ? n : w;
        }
        c.width[k] = w + 2;
    }
    /* Too narrow: the interval goes first, it can be computed; recipients next. */
    static const enum column DROPPED[] = {COL_INTERVAL, COL_RECIPIENTS, COL_BYTES};
    for (size_t d = 0;; d++) {
        size_t used = 0;
        for (enum column k = 0; k < COLS; k++) {
            used += c.width[k];
        }
        c.name = width > used ? width - used : 0;
        if (c.name >= NAME_MIN || d == sizeof DROPPED / sizeof *DROPPED) {
            break;
        }
        c.width[DROPPED[d]] = 0;
    }
    if (has_bands && p->width >= SPARK_WIDTH_MIN && c.name >= NAME_MIN + SPARK_CELLS + 2) {
        c.spark = SPARK_CELLS + 2;
        c.name -= c.spark;
    }
    return c;
}

/* A botnet's messages over the period in SPARK_CELLS steps. */
static void row_spark(struct page *p, const struct report *r, struct slice name, size_t columns)
{
    uint64_t values[SPARK_CELLS] = {0};
    size_t cells = r->day_count < SPARK_CELLS ? r->day_count : SPARK_CELLS;
    const struct report_band *band = NULL;
    for (size_t k = 0; k < r->band_count; k++) {
        band = slice_eq(r->bands[k].name, name) ? &r->bands[k] : band;
    }
    for (size_t i = 0; band && i < r->day_count; i++) {
        values[i * cells / r->day_count] += band->days[i].messages;
    }
    /* Steps may differ by a day in length: compare means. */
    for (size_t k = 0; cells && k < cells; k++) {
        size_t from = (k * r->day_count + cells - 1) / cells;
        size_t to = ((k + 1) * r->day_count + cells - 1) / cells;
        values[k] = to > from ? values[k] * 1000 / (to - from) : 0;
    }
    page_printf(p, "  ");
    page_ink(p, INK_BAR);
    page_spark(p, values, band ? cells : 0);
    page_ink(p, INK_NONE);
    page_cell(p, S(""), columns - 2 - (band ? cells : 0), false);
}

static void row_name(struct page *p, const struct report_table_info *info,
                     const struct report_share *s, size_t columns)
{
    struct strbuf name = STRBUF_INIT;
    bool is_number = s->name.n && ascii_is_digit(s->name.p[0]);
    if (info->dimension == DIMENSION_ASN && is_number) {
        strbuf_add_cstr(&name, "AS");
    }
    strbuf_add(&name, s->name);
    if (s->text.n) {
        strbuf_add_cstr(&name, info->dimension == DIMENSION_QUIRK ? ": " : " ");
        strbuf_add(&name, s->text);
    }
    page_cell(p, strbuf_slice(&name), columns, false);
    p->out.failed |= name.failed;
    strbuf_free(&name);
}

static void table_line(struct page *p, const struct columns *c, const struct report_share *s,
                       bool has_interval, bool has_hosts)
{
    char text[64];
    for (enum column k = 0; k < COLS; k++) {
        bool is_blank = (k == COL_INTERVAL && !has_interval) || (k == COL_HOSTS && !has_hosts);
        page_cell(p, is_blank ? S("") : slice_cstr(cell_text(p, k, s, text)), c->width[k], true);
    }
}

static bool slice_is_unknown(struct slice s)
{
    return slice_eq(s, S("unknown"));
}

/* What the values that are not shown make together. */
static void table_rest(struct page *p, const struct report_table *t, const struct columns *c)
{
    char name[64], number[HUMAN_BYTES];
    struct report_share rest = {
        .units = t->rest,
        .share_messages =
            t->total.messages ? (double)t->rest.messages / (double)t->total.messages : NAN,
    };
    snprintf(name, sizeof name, "%s more", human_count(number, t->rest_count));
    page_ink(p, INK_DIM);
    page_cell(p, slice_cstr(name), c->name + c->spark, false);
    table_line(p, c, &rest, false, false);
    page_ink(p, INK_NONE);
    page_newline(p);
}

/* Rankings differ by unit; the best published critique of trackers is about this. */
static void table_leaders(struct page *p, const struct report_table *t)
{
    bool differs = false;
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        differs |= t->first_by[u].n && !slice_eq(t->first_by[u], t->first_by[UNIT_MESSAGES]);
    }
    if (!differs) {
        return;
    }
    struct strbuf text = STRBUF_INIT;
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        if (t->first_by[u].n) {
            strbuf_printf(&text, "%s %s: %.*s",
                          u ? "; by" : "The order depends on the unit. First by", unit_name(u),
                          SLICE_ARG(t->first_by[u]));
        }
    }
    strbuf_add_byte(&text, '.');
    page_paragraph(p, "", 0, strbuf_slice(&text));
    p->out.failed |= text.failed;
    strbuf_free(&text);
}

static void text_table(struct page *p, const struct report *r, const struct report_table *t,
                       const struct report_table_info *info)
{
    bool is_botnet = info->dimension == DIMENSION_BOTNET;
    struct columns c = columns_plan(p, t, info, is_botnet && r->day_count > 1);
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_cell(p, slice_cstr(info->title), c.name, false);
    page_ink(p, INK_NONE);
    if (c.spark) {
        page_cell(p, S("  messages by time"), c.spark, false);
    }
    for (enum column k = 0; k < COLS; k++) {
        page_cell(p, c.width[k] ? slice_cstr(HEADS[k]) : S(""), c.width[k], true);
    }
    page_newline(p);
    if (!t->count) {
        page_printf(p, "none seen");
        page_newline(p);
    }
    bool is_rest_due = t->has_rest && t->rest_count;
    for (size_t i = 0; i < t->count; i++) {
        const struct report_share *s = &t->rows[i];
        if (!s->units.messages && !slice_is_unknown(s->name)) {
            continue; /* a label that was only ever second best; it ranks last */
        }
        if (slice_is_unknown(s->name) && is_rest_due) {
            table_rest(p, t, &c);
            is_rest_due = false;
        }
        row_name(p, info, s, c.name);
        if (c.spark) {
            row_spark(p, r, s->name, c.spark);
        }
        table_line(p, &c, s, true, t->has_hosts);
        page_newline(p);
    }
    if (is_rest_due) {
        table_rest(p, t, &c);
    }
    if (is_botnet) {
        table_leaders(p, t);
    }
}

static void text_note(void *arg, const char *key, struct slice sentence)
{
    struct page *p = arg;
    (void)key;
    page_paragraph(p, p->use_utf8 ? "•" : "-", 2, sentence);
}

bool report_print_text(FILE *f, const struct report *r, const struct report_style *style)
{
    struct page p = page_new(style);
    struct arena *arena = arena_new(VOLUME_ARENA_BYTES);
    if (!arena) {
        return false;
    }
    text_title(&p, r);
    if (r->day_count && r->total.messages) {
        text_volume(&p, r, arena);
    }
    if (r->bulletin) {
        bulletin_index_text(&p, r->bulletin);
        bulletin_changes_text(&p, r->bulletin);
    }
    report_events_text(&p, r);
    for (size_t i = 0; r->total.messages && i < REPORT_TABLES; i++) {
        const struct report_table *t = report_table(r, i);
        /* One site says nothing that the traps do not say. */
        if (report_table_info(i)->dimension != DIMENSION_SITE || t->count > 1) {
            text_table(&p, r, t, report_table_info(i));
        }
        if (r->bulletin && report_table_info(i)->dimension == DIMENSION_BOTNET) {
            bulletin_hosts_text(&p, r->bulletin);
        }
        if (r->bulletin && report_table_info(i)->dimension == DIMENSION_MAILER) {
            bulletin_mailers_text(&p, r->bulletin);
        }
    }
    if (r->total.messages) {
        page_newline(&p);
        page_ink(&p, INK_HEAD);
        page_printf(&p, "Notes");
        page_ink(&p, INK_NONE);
        page_newline(&p);
    }
    report_notes(r, text_note, &p);
    arena_free(arena);
    return page_write(&p, f);
}
