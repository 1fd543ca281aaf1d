/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/clusters.h"

#include "core/strbuf.h"

#include <math.h>
#include <stdlib.h>

enum { WEEK_DAYS = 7 };

struct building {
    struct store *store;
    struct clusters_list *list;
    struct cluster_line *lines; /* arena */
    size_t count, room;
    struct arena *arena;
    int64_t week_from; /* start of the last seven days */
    enum err e;
    struct errbuf *eb;
};

enum err clusters_period(struct store *s, struct store_filter *f, struct errbuf *eb)
{
    struct store_span span;
    enum err e = store_span(s, f, &span, eb);
    if (e != OK) {
        return e;
    }
    if (!span.messages) {
        f->since = f->until = 0;
        return OK;
    }
    int64_t first = span.first ? span.first : span.last;
    f->since = (f->since == INT64_MIN ? day_of(first) : day_of(f->since)) * SECONDS_PER_DAY;
    f->until = (f->until == INT64_MAX ? day_of(span.last) + 1 : day_of(f->until - 1) + 1) *
               SECONDS_PER_DAY;
    return f->since < f->until ? OK : err_set(eb, ERR_USAGE, "the period is empty");
}

/* The most frequent country, how much of what has one it is, and how many there are. */
struct country_count {
    struct cluster_line *line;
    struct arena *arena;
    uint64_t sum, first;
};

static void country_add(void *arg, const struct profile_entry *entry)
{
    struct country_count *count = arg;
    if (!count->line->countries++) {
        count->line->country = arena_copy(count->arena, entry->value);
        count->first = entry->count;
    }
    count->sum += entry->count;
}

static struct slice copy(struct arena *arena, struct slice s, enum err *e)
{
    struct slice to = s.n ? arena_copy(arena, s) : s;
    if (s.n && !to.p) {
        *e = ERR_NOMEM;
    }
    return to;
}

struct slice cluster_part_print(struct clusters *c, enum cluster_kind k, size_t place,
                                struct arena *arena, enum err *e)
{
    struct strbuf text = STRBUF_INIT;
    enum err printed = k == CLUSTER_MAILER ? variants_print(clusters_variants(c), place, &text)
                                           : wordings_print(clusters_wordings(c), place, &text);
    *e = *e == OK ? printed : *e;
    struct slice out = copy(arena, slice_trim(strbuf_slice(&text)), e);
    strbuf_free(&text);
    return out;
}

enum err cluster_line_fill(struct clusters *c, enum cluster_kind k, uint32_t id,
                           struct arena *arena, struct cluster_line *line)
{
    char text[CLUSTER_ID_BYTES];
    struct profile profile;
    enum err e = OK;
    bool is_exact;
    const struct cluster_info *info = clusters_info(c, k, id);
    line->number = id;
    line->id = copy(arena, slice_of(text, cluster_id_print(k, id, text)), &e);
    if (info) {
        line->name = copy(arena, info->name, &e);
        line->note = copy(arena, info->note, &e);
        line->namer = info->namer;
        line->label = info->label;
        line->probability = info->probability;
        line->born = info->born;
    }
    enum err found = e == OK ? clusters_profile(c, k, id, &profile) : e;
    if (found != OK) {
        return found == ERR_NOTFOUND ? OK : found; /* all its parts gave way: no profile */
    }
    struct country_count count = {.line = line, .arena = arena};
    line->first = profile.first;
    line->last = profile.last;
    line->hosts = profile_hosts(&profile, &is_exact);
    line->hosts_error = is_exact ? 0 : 1 / sqrt(PROFILE_HOSTS - 2);
    profile_each(&profile, PROFILE_COUNTRY, country_add, &count);
    line->country_share = count.sum ? (double)count.first / (double)count.sum : (double)NAN;
    profile_clear(&profile);
    return line->countries && !line->country.p ? ERR_NOMEM : OK;
}

static void units_add(struct units *to, const struct units *u)
{
    to->messages += u->messages;
    to->recipients += u->recipients;
    to->bytes += u->bytes;
    to->expected += u->expected;
}

static void volume_take(void *arg, const struct cluster_volume *v)
{
    struct building *b = arg;
    units_add(&b->list->total, &v->units);
    if (!v->id) {
        b->list->outside = v->units;
        return;
    }
    if (b->count == b->room) {
        size_t room = b->room ? 2 * b->room : 256;
        struct cluster_line *lines = arena_alloc(b->arena, room * sizeof *lines);
        if (!lines) {
            b->e = ERR_NOMEM;
            return;
        }
        if (b->count) {
            memcpy(lines, b->lines, b->count * sizeof *lines);
        }
        b->lines = lines;
        b->room = room;
    }
    b->lines[b->count++] =
        (struct cluster_line){.number = v->id, .units = v->units, .parts = v->parts};
}

static int by_number(const void *x, const void *y)
{
    const struct cluster_line *a = x, *b = y;
    return a->number < b->number ? -1 : a->number > b->number;
}

static int by_messages(const void *x, const void *y)
{
    const struct cluster_line *a = x, *b = y;
    if (a->units.messages != b->units.messages) {
        return a->units.messages > b->units.messages ? -1 : 1;
    }
    return by_number(x, y);
}

static int by_hosts(const void *x, const void *y)
{
    const struct cluster_line *a = x, *b = y;
    return a->hosts > b->hosts ? -1 : a->hosts < b->hosts ? 1 : by_messages(x, y);
}

/* The last two weeks of each line; they stand in the order of their numbers meanwhile. */
static void week_take(void *arg, const struct cluster_series_row *row)
{
    struct building *b = arg;
    struct cluster_line key = {.number = row->cluster};
    struct cluster_line *line = row->cluster && b->count
                                    ? bsearch(&key, b->lines, b->count, sizeof *b->lines, by_number)
                                    : NULL;
    if (line) {
        *(row->bucket >= b->week_from ? &line->week : &line->week_before) += row->units.messages;
    }
}

static enum err weeks_load(struct building *b, struct store_filter f, enum cluster_kind k)
{
    b->week_from = f.until - WEEK_DAYS * SECONDS_PER_DAY;
    f.since = b->week_from - WEEK_DAYS * SECONDS_PER_DAY;
    if (b->count) {
        qsort(b->lines, b->count, sizeof *b->lines, by_number);
    }
    return store_cluster_series(b->store, &f, BUCKET_DAY, k, NULL, week_take, b, b->eb);
}

static bool line_is_new(const struct cluster_line *l, int64_t until)
{
    double least = l->hosts * (1 - 2 * l->hosts_error);
    return l->namer == CLUSTER_NAMER_NONE && l->first &&
           l->first >= until - (int64_t)CLUSTERS_NEW_DAYS * SECONDS_PER_DAY &&
           least >= CLUSTERS_NEW_HOSTS && l->week > 0 &&
           l->week >= CLUSTERS_NEW_GROWTH * l->week_before;
}

static enum err line_detail(struct building *b, struct clusters *c, enum cluster_kind k,
                            struct cluster_line *l)
{
    struct profile profile;
    size_t place;
    enum err e = OK;
    if (clusters_parts(c, k, l->number, &place, 1)) {
        l->print = cluster_part_print(c, k, place, b->arena, &e);
    }
    e = e == OK ? clusters_profile(c, k, l->number, &profile) : e;
    if (e == OK) {
        e = cluster_line_shares(b->store, k, &profile, b->arena, l, b->eb);
        profile_clear(&profile);
    }
    return e == ERR_NOTFOUND ? OK : e;
}

/* Profiles are costly to merge: with is_new for those alone that grow, else for what is listed. */
static enum err lines_fill(struct building *b, struct clusters *c, const struct clusters_query *q,
                           size_t limit)
{
    struct clusters_list *list = b->list;
    size_t kept = 0, count = b->count;
    if (count) {
        qsort(b->lines, count, sizeof *b->lines, by_messages);
    }
    if (!q->is_new) {
        list->more = count > limit ? count - limit : 0;
        count = count > limit ? limit : count;
    }
    for (size_t i = 0; i < count; i++) {
        struct cluster_line *l = &b->lines[i];
        bool grows = l->week > 0 && l->week >= CLUSTERS_NEW_GROWTH * l->week_before;
        if (q->is_new && !grows) {
            continue;
        }
        enum err e = cluster_line_fill(c, q->kind, l->number, b->arena, l);
        if (e != OK) {
            return e;
        }
        l->share = list->total.messages ? (double)l->units.messages / (double)list->total.messages
                                        : (double)NAN;
        if (q->is_new && !line_is_new(l, list->until)) {
            continue;
        }
        e = q->is_new ? line_detail(b, c, q->kind, l) : OK;
        if (e != OK) {
            return e;
        }
        b->lines[kept++] = *l;
    }
    if (q->is_new && kept) {
        qsort(b->lines, kept, sizeof *b->lines, by_hosts);
        list->more = kept > limit ? kept - limit : 0;
        kept = kept > limit ? limit : kept;
    }
    list->lines = b->lines;
    list->count = kept;
    return OK;
}

enum err clusters_list_build(struct store *s, struct clusters *c, const struct clusters_query *q,
                             struct arena *arena, struct clusters_list *out, struct errbuf *eb)
{
    struct store_filter f = q->filter;
    *out = (struct clusters_list){.kind = q->kind, .is_new = q->is_new};
    struct building b = {.store = s, .list = out, .arena = arena, .eb = eb};
    enum err e = clusters_period(s, &f, eb);
    out->trap = copy(arena, f.trap, &e);
    out->site = copy(arena, f.site, &e);
    out->since = f.since;
    out->until = f.until;
    if (e != OK || !f.until) {
        return e;
    }
    /* What has no receipt time counts when nobody asked for a period. */
    const struct store_filter *all =
        q->filter.since == INT64_MIN && q->filter.until == INT64_MAX ? &q->filter : &f;
    e = store_cluster_top(s, all, q->kind, CLUSTERS_LISTED_MAX, volume_take, &b, eb);
    e = e == OK ? b.e : e;
    e = e == OK ? weeks_load(&b, f, q->kind) : e;
    return e == OK ? lines_fill(&b, c, q, q->limit ? q->limit : CLUSTERS_LISTED) : e;
}
