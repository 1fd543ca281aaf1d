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

static enum err hosts_line(const struct build *b, struct slice botnet, struct bulletin_hosts *out)
{
    struct hosts_query q = {
        .filter = b->query.filter,
        .botnet = botnet,
        .skips_rows = true,
        .network = b->q->network,
        .arg = b->q->arg,
    };
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
    enum err e = hosts_line(b, S(""), &lines[0]);
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
    enum err e = r->day_count > 1 ? lines_make(&b) : OK;
    return e || r->day_count > HOSTS_DAYS_MAX ? e : hosts_make(&b);
}
