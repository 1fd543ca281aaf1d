/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge chart index|level: the volume index and levels of labels over time. */
#include "cmd/chart.h"
#include "cmd/context.h"
#include "cmd/subject.h"
#include "observe/change.h"
#include "out/change_out.h"
#include "out/chart_index.h"
#include "out/picture.h"

enum {
    ARENA_BYTES = 256 * 1024 * 1024,
    HOURS_DAYS_MAX = 14, /* up to so many days by the hour unless the user says otherwise */
    DAYS_MAX = 400,
    WEEKS_DAYS_MAX = 3660,
    MARKS_MAX = 6, /* the greatest changes; more would cover each other */
};

struct request {
    const struct command *c;
    struct chart_options picture;
    struct subject subject;
    struct index_query query;
    struct index_options options;
    bool is_level, has_step;
    const char *values[CHART_BANDS]; /* of the subject's option; [0] NULL: everything */
    size_t value_count;
};

bool chart_is_of_series(const char *kind)
{
    return strcmp(kind, "index") == 0 || strcmp(kind, "level") == 0;
}

static bool request_read(struct request *r)
{
    const struct command *c = r->c;
    const char *step = command_value(c, "step", NULL), *weight = command_value(c, "weight", "mail");
    r->is_level = strcmp(c->arguments[0], "level") == 0;
    if (!chart_size_read(c, &r->picture) || !context_filter(c, &r->query.filter) ||
        !subject_read(c, &r->subject) ||
        !context_base(c, &r->options.base_since, &r->options.base_until)) {
        return false;
    }
    r->query.unit = r->picture.unit;
    r->options.is_robust = command_flag(c, "robust");
    r->options.weighting = strcmp(weight, "trap") == 0 ? INDEX_BY_TRAP : INDEX_BY_MAIL;
    r->has_step = step != NULL;
    if (step && !index_step_parse(slice_cstr(step), &r->query.step)) {
        usage_error(c, "--step %s: hour, day, week or month, please", step);
        return false;
    }
    if (step && !subject_step_check(c, &r->subject, r->query.step)) {
        return false;
    }
    if (strcmp(weight, "trap") != 0 && strcmp(weight, "mail") != 0) {
        usage_error(c, "--weight %s: mail or trap, please", weight);
        return false;
    }
    const char *value;
    while (r->subject.option && (value = command_value_at(c, r->subject.option, r->value_count))) {
        if (r->value_count == CHART_BANDS) {
            usage_error(c, "more than %d lines cannot be told apart", CHART_BANDS);
            return false;
        }
        r->values[r->value_count++] = value;
    }
    return true;
}

/* The finest step that a picture has room for. */
static enum err step_choose(struct request *r, struct store *s, struct errbuf *eb)
{
    struct store_span span;
    enum err e = r->has_step ? OK : store_span(s, &r->query.filter, &span, eb);
    if (e || r->has_step) {
        return e;
    }
    int64_t since = r->query.filter.since, until = r->query.filter.until;
    since = since == INT64_MIN || since < span.first ? span.first : since;
    until = until == INT64_MAX || until > span.last ? span.last : until;
    int64_t days = (until - since) / SECONDS_PER_DAY;
    r->query.step = days <= HOURS_DAYS_MAX   ? INDEX_HOUR
                    : days <= DAYS_MAX       ? INDEX_DAY
                    : days <= WEEKS_DAYS_MAX ? INDEX_WEEK
                                             : INDEX_MONTH;
    if (r->query.step == INDEX_HOUR && !subject_has_hours(&r->subject)) {
        r->query.step = INDEX_DAY;
    }
    return OK;
}

/* `value`: of the option; NULL: everything. Sets the line's name as well. */
static enum err line_compute(const struct request *r, const char *value, struct store *s,
                             struct arena *arena, struct index_line *out, struct errbuf *eb)
{
    struct index_query q = r->query;
    struct index_panel panel;
    struct index *index = arena_calloc(arena, 1, sizeof *index);
    if (!index) {
        return err_set(eb, ERR_NOMEM, "chart: out of memory");
    }
    enum err e = subject_query(&r->subject, value, s, arena, &q, eb);
    if (e) {
        return e;
    }
    out->name = q.clusters ? q.clusters->title : value ? slice_cstr(value) : S("all");
    out->index = index;
    struct index_options o = r->options;
    e = index_panel_load(s, &q, arena, &panel, eb);
    if (!e && r->is_level) { /* needs no base: what was not there in the first weeks has one */
        o.base_since = panel.from[0];
        o.base_until = panel.from[panel.times];
    }
    e = e ? e : index_compute(&panel, &o, arena, index, eb);
    if (e == ERR_NOTFOUND && value) { /* which of several? */
        struct errbuf why = *eb;
        e = err_set(eb, e, "%s: %s", value, why.text);
    }
    return e;
}

/* Changes are known of everything and of today's labels. */
static bool has_marks(const struct request *r)
{
    return r->value_count < 2 && !r->subject.generation &&
           !subject_value_is_cluster(&r->subject, r->values[0]) &&
           !command_flag(r->c, "no-changes");
}

/* The greatest confirmed changes of the one line that is drawn, by date. */
static enum err marks_make(const struct request *r, struct store *s, struct arena *arena,
                           struct chart_mark marks[MARKS_MAX], size_t *count, struct errbuf *eb)
{
    struct changes found;
    struct change_query q = {.filter = r->query.filter,
                             .bucket = BUCKET_DAY,
                             .unit = r->query.unit,
                             .dimensions = &r->subject.dimension,
                             .dimension_count = 1,
                             .least = 0.1,
                             .value = r->value_count ? slice_cstr(r->values[0]) : S("")};
    const struct change *const *kept = NULL;
    size_t n = 0;
    enum err e = changes_build(s, &q, arena, &found, eb);
    if (!e && changes_greatest(&found, MARKS_MAX, arena, &kept, &n) == SIZE_MAX) {
        e = err_set(eb, ERR_NOMEM, "chart: out of memory");
    }
    for (size_t k = 0; k < n; k++) {
        char percent[CHANGE_PERCENT_BYTES];
        marks[k] = (struct chart_mark){
            kept[k]->earliest, kept[k]->latest + SECONDS_PER_DAY,
            arena_copy(arena, slice_cstr(change_percent(percent, kept[k]->size.ratio, true)))};
    }
    *count = n;
    return e;
}

static enum err picture_make(const struct request *r, struct context *x, struct arena *arena,
                             const struct annotations *events, struct errbuf *eb)
{
    struct index_line lines[CHART_BANDS] = {{.index = NULL}};
    size_t count = r->value_count ? r->value_count : 1;
    enum err e = OK;
    for (size_t k = 0; !e && k < count; k++) {
        e = line_compute(r, r->values[k], x->store, arena, &lines[k], eb);
    }
    if (e) {
        return e;
    }
    const struct index *first = lines[0].index;
    struct chart_mark marks[MARKS_MAX];
    size_t mark_count = 0;
    if (has_marks(r)) {
        e = marks_make(r, x->store, arena, marks, &mark_count, eb);
    }
    if (e) {
        return e;
    }
    struct annotations within;
    struct index_chart chart = {.lines = lines,
                                .line_count = count,
                                .is_level = r->is_level,
                                .unit = r->query.unit,
                                .step = r->query.step,
                                .options = r->options,
                                .generation = r->subject.generation,
                                .trap = r->query.filter.trap,
                                .site = r->query.filter.site,
                                .events = &within,
                                .marks = marks,
                                .mark_count = mark_count};
    struct chart_series series;
    e = annotations_within(events, first->points[0].from, first->points[first->count - 1].until,
                           arena, &within);
    e = e ? e : index_chart_series(&chart, arena, &series);
    if (e) {
        return err_set(eb, e, "chart: out of memory");
    }
    if (!command_flag(r->c, "script")) {
        return chart_series_draw(&series, &r->picture, eb);
    }
    struct chart_options o;
    struct strbuf script = STRBUF_INIT;
    e = chart_options_complete(&r->picture, &o, eb);
    e = e ? e : chart_series_script(&series, &o, &script, eb);
    fwrite(strbuf_cstr(&script), 1, script.n, stdout);
    strbuf_free(&script);
    return e;
}

int chart_series_run(struct command *c)
{
    struct context x;
    struct request r = {.c = c};
    struct errbuf eb = {.text = ""};
    if (!request_read(&r)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    struct arena *arena = status ? NULL : arena_new(ARENA_BYTES);
    if (!status) {
        struct annotations events = {.count = 0};
        enum err e = arena ? step_choose(&r, x.store, &eb) : ERR_NOMEM;
        if (e == OK && !command_flag(c, "no-events")) {
            status = context_annotations(&x, arena, &events);
        }
        if (!status) {
            e = e ? e : picture_make(&r, &x, arena, &events, &eb);
            status = e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
        }
    }
    arena_free(arena);
    context_close(&x);
    return status;
}
