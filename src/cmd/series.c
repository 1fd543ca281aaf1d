/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge series: any series of the observatory as numbers. */
#include "observe/series.h"

#include "cmd/context.h"
#include "cmd/subject.h"
#include "cmd/verbs.h"
#include "out/chart.h"
#include "out/series_print.h"

#include <math.h>

enum { SERIES_ARENA_BYTES = 512 * 1024 * 1024 };

struct request {
    const struct command *c;
    struct store *store;
    struct arena *arena;
    struct subject subject;
    const char *value; /* of the subject's option; NULL: everything */
    struct index_query query;
    struct series_document document;
    enum out_format format;
};

/* ---- the command line ---- */

/* What is not kept of older labels, mailers and campaigns. */
static bool subject_fits(const struct request *r)
{
    const struct subject *s = &r->subject;
    if (r->document.kind == SERIES_HOSTS && s->generation) {
        usage_error(r->c, "older labels are kept by the day, and not of hosts");
        return false;
    }
    if (r->document.kind == SERIES_HOSTS && subject_value_is_cluster(s, r->value)) {
        usage_error(r->c, "there is no series of a %s's hosts; spamgauge %s ID tells how many",
                    s->option, s->option);
        return false;
    }
    if (r->document.kind == SERIES_SHARE && !s->option) {
        usage_error(r->c, "a share is of one botnet, program, mailer, campaign or country: which?");
        return false;
    }
    return subject_step_check(r->c, s, r->query.step);
}

static bool request_read(struct request *r)
{
    const struct command *c = r->c;
    struct series_document *d = &r->document;
    const char *step = command_value(c, "step", "day"),
               *weight = command_value(c, "weight", "mail");
    const char *unit = command_value(c, "unit", NULL);
    if (c->argument_count != 1 || !series_kind_parse(slice_cstr(c->arguments[0]), &d->kind)) {
        usage_error(c, "one of index, level, share, hosts, exposure, please");
        return false;
    }
    if (!context_format(c, &r->format) || !context_filter(c, &r->query.filter) ||
        !subject_read(c, &r->subject) ||
        !context_base(c, &d->options.base_since, &d->options.base_until)) {
        return false;
    }
    if (unit && !unit_parse(slice_cstr(unit), &r->query.unit)) {
        usage_error(c, "--unit %s: messages, recipients or bytes, please", unit);
        return false;
    }
    if (!index_step_parse(slice_cstr(step), &r->query.step)) {
        usage_error(c, "--step %s: hour, day, week or month, please", step);
        return false;
    }
    if (strcmp(weight, "trap") != 0 && strcmp(weight, "mail") != 0) {
        usage_error(c, "--weight %s: mail or trap, please", weight);
        return false;
    }
    d->options.weighting = strcmp(weight, "trap") == 0 ? INDEX_BY_TRAP : INDEX_BY_MAIL;
    d->options.is_robust = command_flag(c, "robust");
    r->query.unit = d->kind == SERIES_HOSTS ? UNIT_HOSTS : r->query.unit;
    r->value = r->subject.option ? command_value(c, r->subject.option, NULL) : NULL;
    return subject_fits(r);
}

/* ---- rows ---- */

static enum missing missing_of(const struct trap_watch *w, const struct index_point *p)
{
    return p->gap == INDEX_IS_THERE   ? MISSING_NOT
           : p->gap == INDEX_UNLINKED ? MISSING_UNLINKED
                                      : missing_why(w, p->from, p->until);
}

static struct series_row row_of(const struct trap_watch *w, const struct index_point *p,
                                enum series_kind kind)
{
    struct series_row row = {.from = p->from,
                             .until = p->until,
                             .value = p->level,
                             .low = p->level_low,
                             .high = p->level_high,
                             .observed = p->observed,
                             .exposure = p->exposure,
                             .completeness = p->completeness,
                             .is_incomplete = p->is_incomplete,
                             .missing = missing_of(w, p)};
    if (kind == SERIES_INDEX) {
        row.value = p->index;
        row.low = p->low;
        row.high = p->high;
    } else if (kind == SERIES_EXPOSURE) {
        row.value = p->exposure;
        row.low = row.high = NAN;
    }
    return row;
}

static enum err rows_new(const struct request *r, size_t count, struct series_row **out,
                         struct errbuf *eb)
{
    *out = arena_calloc(r->arena, count + 1, sizeof **out);
    return *out ? OK : err_set(eb, ERR_NOMEM, "out of memory for the rows of a series");
}

/* Levels need no base: a label that was not there in the first weeks has them all the same. */
static enum err index_of(struct request *r, const struct index_panel *panel, struct index *out,
                         struct errbuf *eb)
{
    struct index_options o = r->document.options;
    if (r->document.kind != SERIES_INDEX) {
        o.base_since = panel->from[0];
        o.base_until = panel->from[panel->times];
    }
    enum err e = index_compute(panel, &o, r->arena, out, eb);
    if (e == OK && r->document.kind == SERIES_INDEX) {
        r->document.base_since = out->base_since;
        r->document.base_until = out->base_until;
    }
    return e;
}

static enum err rows_of_index(struct request *r, const struct trap_watch *w,
                              const struct index_panel *panel, struct errbuf *eb)
{
    struct series_row *rows;
    struct index *index = arena_calloc(r->arena, 1, sizeof *index);
    enum err e = index ? index_of(r, panel, index, eb) : ERR_NOMEM;
    e = e == OK ? rows_new(r, panel->times, &rows, eb) : e;
    if (e != OK) {
        return e;
    }
    for (size_t i = 0; i < index->count; i++) {
        rows[i] = row_of(w, &index->points[i], r->document.kind);
    }
    r->document.index = r->document.kind == SERIES_EXPOSURE ? NULL : index;
    r->document.traps = index->traps;
    r->document.sites = index->sites;
    r->document.rows = rows;
    r->document.count = index->count;
    return OK;
}

static enum err rows_of_shares(struct request *r, const struct trap_watch *w,
                               const struct index_panel *part, struct errbuf *eb)
{
    struct index_query q = r->query;
    struct index_panel all;
    struct shares shares;
    struct series_row *rows;
    q.dimension = DIMENSION_TOTAL;
    q.clusters = NULL;
    q.generation = 0; /* everything is the same in all of them */
    enum err e = index_panel_load(r->store, &q, r->arena, &all, eb);
    e = e == OK ? share_compute(part, &all, &r->document.options, r->arena, &shares, eb) : e;
    e = e == OK ? rows_new(r, part->times, &rows, eb) : e;
    if (e != OK) {
        return e;
    }
    for (size_t i = 0; i < shares.count; i++) {
        const struct share_point *p = &shares.points[i];
        rows[i] = row_of(w, &p->part, SERIES_LEVEL);
        rows[i].level = rows[i].value;
        rows[i].level_low = rows[i].low;
        rows[i].level_high = rows[i].high;
        rows[i].value = p->share;
        rows[i].low = p->low;
        rows[i].high = p->high;
        rows[i].observed_all = p->observed_all;
        rows[i].reading = p->reading;
        if (!rows[i].missing && isnan(p->share)) {
            rows[i].missing = MISSING_SILENT;
        }
    }
    r->document.base_since = shares.has_base ? shares.base_since : 0;
    r->document.base_until = shares.has_base ? shares.base_until : 0;
    r->document.traps = shares.traps;
    r->document.sites = shares.sites;
    r->document.rows = rows;
    r->document.count = shares.count;
    return OK;
}

/* Distinct hosts: they do not add up over traps, so there is no panel of them. */
static enum err rows_of_hosts(struct request *r, const struct trap_watch *w, struct errbuf *eb)
{
    const struct series_query q = {.filter = r->query.filter,
                                   .bucket = w->bucket,
                                   .unit = UNIT_HOSTS,
                                   .dimensions = &r->query.dimension,
                                   .dimension_count = 1,
                                   .value = r->query.value};
    const struct series *series;
    struct series_row *rows;
    size_t count;
    if (r->query.step != INDEX_DAY && r->query.step != INDEX_MONTH) {
        return err_set(eb, ERR_USAGE, "hosts are counted by day and by month");
    }
    enum err e = series_load(r->store, &q, r->arena, &series, &count, eb);
    if (e == OK && !count) {
        e = err_set(eb, ERR_NOTFOUND, "there is no message of it in this period");
    }
    e = e == OK ? rows_new(r, series->count, &rows, eb) : e;
    if (e != OK) {
        return e;
    }
    for (size_t i = 0; i < series->count; i++) {
        bool is_there = series->exposure[i] > 0.0;
        rows[i] = (struct series_row){.from = trap_watch_time(w, i),
                                      .until = trap_watch_time(w, i + 1),
                                      .value = is_there ? series->observed[i] : NAN,
                                      .low = NAN,
                                      .high = NAN,
                                      .exposure = series->exposure[i],
                                      .completeness = NAN};
        rows[i].missing = is_there ? MISSING_NOT : missing_why(w, rows[i].from, rows[i].until);
    }
    r->document.rows = rows;
    r->document.count = series->count;
    return OK;
}

/* What was asked for, as the document says it. */
static enum err subject_find(struct request *r, struct errbuf *eb)
{
    struct series_document *d = &r->document;
    enum err e = subject_query(&r->subject, r->value, r->store, r->arena, &r->query, eb);
    d->clusters = r->query.clusters;
    d->dimension = r->query.dimension;
    d->value = !r->value ? S("all") : d->clusters ? d->clusters->asked : r->query.value;
    d->generation = r->query.generation;
    d->trap = r->query.filter.trap;
    d->site = r->query.filter.site;
    d->unit = r->query.unit;
    d->step = r->query.step;
    return e;
}

static enum err rows_make(struct request *r, struct errbuf *eb)
{
    struct trap_watch w;
    struct index_panel panel;
    enum series_kind kind = r->document.kind;
    struct trap_query tq = {.filter = r->query.filter,
                            .bucket = r->query.step == INDEX_HOUR ? BUCKET_HOUR
                                      : kind == SERIES_HOSTS && r->query.step == INDEX_MONTH
                                          ? BUCKET_MONTH
                                          : BUCKET_DAY};
    enum err e = trap_watch_load(r->store, &tq, r->arena, &w, eb);
    if (e == OK && kind == SERIES_HOSTS) {
        return rows_of_hosts(r, &w, eb);
    }
    e = e == OK ? index_panel_load(r->store, &r->query, r->arena, &panel, eb) : e;
    if (e != OK) {
        return e;
    }
    return kind == SERIES_SHARE ? rows_of_shares(r, &w, &panel, eb)
                                : rows_of_index(r, &w, &panel, eb);
}

/* ---- the verb ---- */

static int series_write(const struct request *r)
{
    FILE *f;
    int status = context_output(r->c, &f);
    if (status) {
        return status;
    }
    struct report_style style = context_style(f);
    bool ok = r->format == OUT_TEXT ? series_print_text(f, &r->document, &style)
                                    : series_print(f, r->format, &r->document);
    return context_output_end(r->c, f, ok);
}

static int series_run(struct command *c)
{
    struct context x;
    struct request r = {.c = c};
    struct errbuf eb = {.text = ""};
    if (!request_read(&r)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    if (!status) {
        r.store = x.store;
        r.arena = arena_new(SERIES_ARENA_BYTES);
        enum err e = r.arena ? subject_find(&r, &eb) : ERR_NOMEM;
        e = e == OK ? rows_make(&r, &eb) : e;
        status = e == OK ? series_write(&r) : command_fail(c, e, &eb);
        arena_free(r.arena);
    }
    context_close(&x);
    return status;
}

static const struct option_spec OPTIONS[] = {
    FILTER_OPTIONS,
    SUBJECT_OPTIONS,
    {"unit", OPTION_NO_SHORT, "UNIT", "messages (default), recipients or bytes."},
    {"step", OPTION_NO_SHORT, "STEP", "hour, day (default), week (from Monday) or month; UTC."},
    {"weight", OPTION_NO_SHORT, "BY",
     "mail (default): a trap weighs what it gets; trap: all weigh the same."},
    {"robust", OPTION_NO_SHORT, NULL, "A trap gone wild for a while weighs less."},
    {"base", OPTION_NO_SHORT, "PERIOD",
     "What index is 100 at and shares are compared with: a day, a month, or SINCE..UNTIL; default: "
     "the first 28 days, at most the first half."},
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EXAMPLES[] = {
    "spamgauge series index --base 2010-09 -f csv -o index.csv",
    "The volume index by day, for a spreadsheet.",
    "spamgauge series share --botnet rustock --step week",
    "Its share of all spam, with its level and what the two say together.",
    "spamgauge series level --country RU --unit bytes --step month -f json",
    "Bytes from one country, as all traps together would have counted them.",
    "spamgauge series level --botnet rustock --generation 1",
    "What was counted as its mail on arrival, before rules were changed and relabel was run.",
    "spamgauge series share --campaign campaign-0123abcd --step week",
    "One campaign's share of all spam, whoever sent it.",
    "spamgauge series exposure --site north --since 30d",
    "How much of its usual mail one site was watching.",
    NULL,
};

const struct verb VERB_SERIES = {
    .name = "series",
    .arguments = "index|level|share|hosts|exposure",
    .summary = "any series with its interval, as text, JSON or CSV",
    .text =
        "index: volume compared with a base period, from what the traps had in common. level: what "
        "the whole network would have counted: the count over the part of it that was watching. "
        "share: of the level of everything, beside the level, for a share also rises when others "
        "fall; the reading says so. hosts: distinct addresses seen, by day or month. exposure: how "
        "much of the usual volume was watched and has come in.\n\n"
        "Intervals are 95 %, from counting, over-dispersion and how differently traps and sites "
        "see. A bucket in which nobody watched is null, never 0, with the reason: down, unborn, "
        "dead, nobody, late (not delivered yet), unlinked (no trap in common with the base), "
        "silent (nothing came of anything). A bucket that is less than 90 % complete is a nowcast, "
        "and marked.\n\n"
        "A mailer or campaign is counted with the parts that belong to it now, by day or longer: "
        "what was joined or split since changes its past as well. An id that was merged gives the "
        "series of what it is part of. There are no hosts of them here: mailer ID and campaign ID "
        "tell how many.",
    .options = OPTIONS,
    .examples = EXAMPLES,
    .run = series_run,
};
