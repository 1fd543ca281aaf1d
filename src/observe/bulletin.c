/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/bulletin.h"

#include "core/clock.h"

#include <math.h>

enum { DAYS_MAX = 27, WEEKS_DAYS_MAX = 800 };

struct build {
    struct store *store;
    const struct report *report;
    const struct bulletin_query *q;
    struct index_query query;
    struct trap_watch watch, host_watch; /* of the period, of its last days */
    struct arena *arena;
    struct bulletin *out;
    struct errbuf *eb;
};

/* Weeks where there are a few of them: spam has a weekly rhythm. */
static enum index_step step_for(size_t days)
{
    return days <= DAYS_MAX ? INDEX_DAY : days <= WEEKS_DAYS_MAX ? INDEX_WEEK : INDEX_MONTH;
}

/* The last step that lies wholly in the period and was watched; SIZE_MAX: none. */
static size_t newest_whole(const struct build *b, const struct index *i)
{
    for (size_t t = i->count; t-- > 0;) {
        const struct index_point *p = &i->points[t];
        if (p->gap == INDEX_IS_THERE && p->until <= b->report->until &&
            p->from >= b->report->since) {
            return t;
        }
    }
    return SIZE_MAX;
}

/* The newest step against the one before it. */
static enum err change_make(const struct build *b, const struct index_panel *panel,
                            struct bulletin_index *line)
{
    struct index against;
    struct errbuf ignored;
    size_t t = line->newest;
    line->change =
        (struct index_point){.index = NAN, .low = NAN, .high = NAN, .gap = INDEX_UNWATCHED};
    if (t == 0 || line->index.points[t - 1].gap != INDEX_IS_THERE) {
        return OK;
    }
    struct index_options o = {.base_since = panel->from[t - 1], .base_until = panel->from[t]};
    enum err e = index_compute(panel, &o, b->arena, &against, &ignored);
    if (e == OK) {
        line->change = against.points[t];
    }
    return e == ERR_NOTFOUND ? OK : e;
}

/* ERR_NOTFOUND: there is no such line. */
static enum err line_make(const struct build *b, enum dimension d, struct slice value,
                          struct bulletin_index *line)
{
    struct index_query q = b->query;
    struct index_panel panel;
    q.dimension = d;
    q.value = value;
    line->name = d == DIMENSION_TOTAL ? S("all") : value;
    enum err e = index_panel_load(b->store, &q, b->arena, &panel, b->eb);
    e = e ? e : index_compute(&panel, &(struct index_options){0}, b->arena, &line->index, b->eb);
    if (e) {
        return e;
    }
    line->newest = newest_whole(b, &line->index);
    return line->newest == SIZE_MAX ? ERR_NOTFOUND : change_make(b, &panel, line);
}

static enum err lines_make(struct build *b)
{
    const struct report_table *t = &b->report->botnets;
    struct bulletin_index *lines = arena_calloc(b->arena, BULLETIN_BOTNETS + 2, sizeof *lines);
    if (!lines) {
        return err_set(b->eb, ERR_NOMEM, "out of memory for the index");
    }
    size_t n = 0;
    enum err e = line_make(b, DIMENSION_TOTAL, S(""), &lines[0]);
    if (e == ERR_NOTFOUND) {
        return OK; /* nothing was watched for a whole step */
    }
    n += e == OK;
    for (size_t i = 0; e == OK && i < t->count; i++) {
        bool is_unknown = slice_eq(t->rows[i].name, S("unknown"));
        if (!t->rows[i].units.messages || (!is_unknown && n > BULLETIN_BOTNETS)) {
            continue;
        }
        e = line_make(b, DIMENSION_BOTNET, t->rows[i].name, &lines[n]);
        n += e == OK;
        e = e == ERR_NOTFOUND ? OK : e;
    }
    b->out->lines = lines;
    b->out->line_count = n;
    return e;
}

/* ---- hosts ---- */

/* The last days of the period. */
static int64_t hosts_since(const struct build *b)
{
    const struct store_filter *f = &b->query.filter;
    int64_t since = f->until - (int64_t)BULLETIN_HOST_DAYS * SECONDS_PER_DAY;
    return since > f->since ? since : f->since;
}

static enum err hosts_line(const struct build *b, struct slice botnet, struct bulletin_hosts *out)
{
    struct hosts_query q = {
        .filter = b->query.filter,
        .botnet = botnet,
        .is_brief = true,
        .watch = &b->host_watch,
        .network = b->q->network,
        .arg = b->q->arg,
    };
    q.filter.since = hosts_since(b);
    out->name = botnet.n ? botnet : S("all");
    return hosts_build(b->store, &q, b->arena, &out->hosts, b->eb);
}

static enum err hosts_make(struct build *b)
{
    const struct report_table *t = &b->report->botnets;
    struct bulletin_hosts *lines = arena_calloc(b->arena, BULLETIN_HOST_LINES, sizeof *lines);
    if (!lines) {
        return err_set(b->eb, ERR_NOMEM, "out of memory for hosts");
    }
    size_t n = 1;
    struct trap_query watched = {.filter = b->query.filter, .bucket = BUCKET_DAY};
    watched.filter.since = hosts_since(b);
    enum err e = trap_watch_load(b->store, &watched, b->arena, &b->host_watch, b->eb);
    e = e ? e : hosts_line(b, S(""), &lines[0]);
    if (e || !lines[0].hosts.total) {
        return e;
    }
    for (size_t i = 0; !e && i < t->count && n < BULLETIN_HOST_LINES; i++) {
        if (t->rows[i].units.messages && !slice_eq(t->rows[i].name, S("unknown"))) {
            e = hosts_line(b, t->rows[i].name, &lines[n++]);
        }
    }
    b->out->hosts = lines;
    b->out->host_count = n;
    return e;
}

/* ---- changes ---- */

static enum err changes_make(struct build *b, struct changes *found)
{
    static const enum dimension DIMENSIONS[] = {DIMENSION_TOTAL, DIMENSION_BOTNET,
                                                DIMENSION_PROGRAM, DIMENSION_SITE};
    struct change_query q = {
        .filter = b->query.filter,
        .bucket = BUCKET_DAY,
        .unit = UNIT_MESSAGES,
        .dimensions = DIMENSIONS,
        .dimension_count = sizeof DIMENSIONS / sizeof *DIMENSIONS,
        .series_max = 16,
        .least = 0.1,
        .annotations = b->q->annotations,
    };
    enum err e = changes_build(b->store, &q, b->arena, found, b->eb);
    if (e) {
        return e;
    }
    size_t all = changes_greatest(found, BULLETIN_CHANGES, b->arena, &b->out->changes,
                                  &b->out->change_count);
    if (all == SIZE_MAX) {
        return err_set(b->eb, ERR_NOMEM, "out of memory for changes");
    }
    b->out->changes_hidden = all - b->out->change_count;
    b->out->lines_searched = found->series;
    return OK;
}

/* Two windows of the same length around its date, outside of the dates that it may have. */
static enum err explain_make(struct build *b, const struct changes *found)
{
    const struct change *greatest = NULL;
    for (size_t i = 0; i < found->count; i++) {
        const struct change *c = &found->items[i];
        if (c->is_confirmed && c->series->key.dimension == DIMENSION_TOTAL &&
            (!greatest || change_weight(c) > change_weight(greatest))) {
            greatest = c;
        }
    }
    if (!greatest) {
        return OK;
    }
    int64_t days = (greatest->before_to - greatest->before_from) / SECONDS_PER_DAY;
    int64_t after = (greatest->after_to - greatest->after_from) / SECONDS_PER_DAY;
    days = after < days ? after : days;
    days = days < BULLETIN_EXPLAIN_DAYS ? days : BULLETIN_EXPLAIN_DAYS;
    struct explain_query q = {.filter = b->query.filter};
    q.filter.since = greatest->after_from;
    q.filter.until = q.filter.since + days * SECONDS_PER_DAY;
    q.before_until = greatest->before_to;
    q.before_since = q.before_until - days * SECONDS_PER_DAY;
    struct explain *x = arena_calloc(b->arena, 1, sizeof *x);
    struct errbuf ignored;
    if (!x || days < 1) {
        return x ? OK : err_set(b->eb, ERR_NOMEM, "out of memory for a split");
    }
    enum err e = explain_build(b->store, &q, b->arena, x, &ignored);
    if (e == OK) {
        b->out->explain = x;
    }
    /* No trap watched on both sides, say: the change stands in the list all the same. */
    return e == ERR_NOTFOUND || e == ERR_USAGE ? OK : e;
}

static enum err mailers_make(struct build *b)
{
    struct clusters *clusters;
    const struct clusters_query q = {.filter = b->query.filter,
                                     .kind = CLUSTER_MAILER,
                                     .limit = BULLETIN_MAILERS,
                                     .is_new = true};
    enum err e = store_clusters_load(b->store, CLUSTER_MAILER, &clusters, b->eb);
    if (e == OK) {
        e = clusters_list_build(b->store, clusters, &q, b->arena, &b->out->new_mailers, b->eb);
        clusters_free(clusters);
    }
    return e;
}

enum err bulletin_build(struct store *s, const struct report *r, const struct bulletin_query *q,
                        struct arena *arena, struct bulletin *out, struct errbuf *eb)
{
    *out = (struct bulletin){.step = step_for(r->day_count)};
    struct build b = {
        .store = s,
        .report = r,
        .q = q,
        .query = {.filter = q->filter, .step = out->step, .unit = UNIT_MESSAGES},
        .arena = arena,
        .out = out,
        .eb = eb,
    };
    if (!r->day_count) {
        return OK;
    }
    b.query.filter.since = r->since;
    b.query.filter.until = r->until;
    struct trap_query watched = {.filter = b.query.filter, .bucket = BUCKET_DAY};
    enum err e = trap_watch_load(s, &watched, arena, &b.watch, eb);
    b.query.watch = &b.watch;
    e = e || r->day_count < 2 ? e : lines_make(&b);
    e = e ? e : hosts_make(&b);
    e = e ? e : mailers_make(&b);
    struct changes found = {.count = 0};
    if (!e && r->day_count > 1) {
        e = changes_make(&b, &found);
        e = e ? e : explain_make(&b, &found);
    }
    return e;
}
