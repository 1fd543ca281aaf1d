/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/hosts.h"

#include "core/hash.h"
#include "core/limits.h"
#include "core/strmap.h"
#include "observe/trap_state.h"

#include <math.h>
#include <stdlib.h>

/* A day counts as watched when traps that usually get this part of the mail were up. */
static const double WATCHED_LEAST = 0.5;
enum { SITE_SETS_MAX = 4096 }; /* combinations of sites; of 64 sites few ever occur */

struct row_item {
    uint64_t host, sites;
    uint32_t hour, tcp;
};

struct build {
    struct store *store;
    const struct hosts_query *query;
    struct store_filter filter; /* whole days */
    struct arena *arena;
    struct hosts *h;
    struct errbuf *eb;
    enum err err; /* the first failure inside a callback */
    struct hosts_day *days;
    struct host_model *model;
    /* the host at hand */
    uint64_t host, net24;
    struct host_seen *seen;
    size_t seen_count;
    struct strmap *site_sets; /* set of sites: watched host-days */
    struct row_item *rows;
    size_t row_count, row_size;
};

static enum err build_nomem(struct build *b)
{
    return err_set(b->eb, ERR_NOMEM, "counting hosts needs more memory than its arena has");
}

/* ---- period and watched days ---- */

static enum err period_build(struct build *b)
{
    const struct store_filter *f = &b->query->filter;
    struct store_span span;
    enum err e = store_span(b->store, f, &span, b->eb);
    if (e) {
        return e;
    }
    bool is_open = f->since == INT64_MIN || f->until == INT64_MAX;
    if (is_open && !span.last) {
        return err_set(b->eb, ERR_NOTFOUND, "%s has no message with a time of receipt",
                       f->trap.n || f->site.n ? "this trap or site" : "the store");
    }
    int64_t first = day_of(f->since == INT64_MIN ? span.first : f->since);
    int64_t end =
        f->until == INT64_MAX ? day_of(span.last) + 1 : day_of(f->until + SECONDS_PER_DAY - 1);
    if (first >= end) {
        return err_set(b->eb, ERR_USAGE, "the period is empty");
    }
    if (end - first > HOSTS_DAYS_MAX) {
        return err_set(b->eb, ERR_LIMIT, "the period has %lld days; hosts are counted over %d",
                       (long long)(end - first), HOSTS_DAYS_MAX);
    }
    b->h->since = b->filter.since = first * SECONDS_PER_DAY;
    b->h->until = b->filter.until = end * SECONDS_PER_DAY;
    b->h->day_count = (size_t)(end - first);
    b->days = arena_calloc(b->arena, b->h->day_count, sizeof *b->days);
    if (!b->days) {
        return build_nomem(b);
    }
    for (size_t i = 0; i < b->h->day_count; i++) {
        b->days[i].day = first + (int64_t)i;
    }
    return OK;
}

/* Each trap weighs what it got in all; one that never got anything can not be missed. */
static enum err watched_build(struct build *b)
{
    struct trap_watch own = {.count = 0};
    const struct trap_watch *w = b->query->watch ? b->query->watch : &own;
    const struct trap_query q = {.filter = b->filter, .bucket = BUCKET_DAY};
    enum err e = b->query->watch ? OK : trap_watch_load(b->store, &q, b->arena, &own, b->eb);
    if (e) {
        return e;
    }
    for (size_t i = 0; i < b->h->day_count && i < w->count; i++) {
        double up = 0.0, all = 0.0;
        for (size_t t = 0; t < w->trap_count; t++) {
            enum trap_state state = trap_watch_state(w, t, i);
            if (w->is_asked[t] && state != TRAP_UNBORN && state != TRAP_DEAD) {
                up += trap_watch_up(w, t, i) * (double)w->traps[t].messages;
                all += (double)w->traps[t].messages;
            }
        }
        b->days[i].is_watched = up > 0.0 && up >= WATCHED_LEAST * all;
        b->h->watched_count += b->days[i].is_watched;
    }
    return OK;
}

static enum err model_build(struct build *b)
{
    bool *watched = arena_calloc(b->arena, b->h->day_count, sizeof *watched);
    b->seen = arena_calloc(b->arena, b->h->day_count, sizeof *b->seen);
    b->site_sets = strmap_new();
    if (!watched || !b->seen || !b->site_sets) {
        return build_nomem(b);
    }
    for (size_t i = 0; i < b->h->day_count; i++) {
        watched[i] = b->days[i].is_watched;
    }
    b->model = host_model_new(b->h->day_count, watched);
    return b->model ? OK : build_nomem(b);
}

/* ---- hosts, one after the other ---- */

static uint32_t network_of(const struct build *b, uint64_t host)
{
    uint32_t network = b->query->network ? b->query->network(b->query->arg, host) : 0;
    if (network) {
        return network;
    }
    /* The /16, or the /32 of IPv6: what providers get, roughly. Apart from AS numbers. */
    uint64_t prefix = host > UINT32_MAX ? host >> 32 : host >> 16;
    return (uint32_t)prefix | UINT32_C(0x80000000);
}

static void host_end(struct build *b)
{
    struct hosts *h = b->h;
    size_t last = b->seen_count - 1;
    if (!b->seen_count) {
        return;
    }
    h->total++;
    h->last_day += b->seen[last].day + 1 == h->day_count;
    h->last_week += b->seen[last].day + 7 >= h->day_count;
    if (b->host <= UINT32_MAX && b->host >> 8 != b->net24) {
        b->net24 = b->host >> 8;
        h->net24s++;
    }
    host_model_add(b->model, b->host, network_of(b, b->host), b->seen, b->seen_count);
    b->seen_count = 0;
}

static void host_day_see(void *arg, const struct host_day *d)
{
    struct build *b = arg;
    int64_t at = d->day - b->days[0].day;
    if (at < 0 || (uint64_t)at >= b->h->day_count) {
        panic("store_host_days gave a day out of its period");
    }
    if (d->host != b->host) {
        host_end(b);
        b->host = d->host;
    }
    b->seen[b->seen_count++] = (struct host_seen){(uint32_t)at, d->messages};
    b->days[at].hosts++;
    b->days[at].messages += d->messages;
    b->h->messages += d->messages;
    if (b->days[at].is_watched && strmap_count(b->site_sets) < SITE_SETS_MAX) {
        uint64_t *count =
            strmap_put(b->site_sets, slice_of((const char *)&d->sites, sizeof d->sites), NULL);
        if (count) {
            ++*count;
        } else {
            b->err = ERR_NOMEM;
        }
    }
}

/* ---- message rows: the hour, the program, the TCP fingerprint ---- */

static void row_see(void *arg, const struct host_row *r)
{
    struct build *b = arg;
    if (b->row_count == b->row_size) {
        size_t size = b->row_size ? b->row_size * 2 : 4096;
        struct row_item *rows = reallocarray(b->rows, size, sizeof *rows);
        if (!rows) {
            b->err = ERR_NOMEM;
            return;
        }
        b->rows = rows;
        b->row_size = size;
    }
    /* Hours since the start of the period: it has at most HOSTS_DAYS_MAX days. */
    b->rows[b->row_count++] = (struct row_item){
        r->host, r->sites, (uint32_t)((r->received - b->filter.since) / 3600), (uint32_t)r->tcp};
}

static int by_host(const void *pa, const void *pb)
{
    const struct row_item *a = pa, *b = pb;
    if (a->host != b->host) {
        return a->host < b->host ? -1 : 1;
    }
    return (a->hour > b->hour) - (a->hour < b->hour);
}

static int by_hour(const void *pa, const void *pb)
{
    const struct row_item *a = pa, *b = pb;
    if (a->hour != b->hour) {
        return a->hour < b->hour ? -1 : 1;
    }
    if (a->host != b->host) {
        return a->host < b->host ? -1 : 1;
    }
    return (a->tcp > b->tcp) - (a->tcp < b->tcp);
}

/* The host days of a program, which host sets do not know. */
static void rows_host_days(struct build *b)
{
    struct host_day d = {0};
    qsort(b->rows, b->row_count, sizeof *b->rows, by_host);
    for (size_t i = 0; i < b->row_count; i++) {
        const struct row_item *r = &b->rows[i];
        int64_t day = b->days[r->hour / 24].day;
        if (d.messages && (r->host != d.host || day != d.day)) {
            host_day_see(b, &d);
            d = (struct host_day){0};
        }
        d.host = r->host;
        d.day = day;
        d.sites |= r->sites;
        d.messages++;
    }
    if (d.messages) {
        host_day_see(b, &d);
    }
}

static void rows_peak(struct build *b)
{
    struct hosts *h = b->h;
    uint64_t hosts = 0;
    if (b->row_count) {
        qsort(b->rows, b->row_count, sizeof *b->rows, by_hour);
    }
    for (size_t i = 0; i < b->row_count; i++) {
        const struct row_item *r = &b->rows[i], *before = i ? r - 1 : NULL;
        bool is_hour = before && before->hour == r->hour;
        bool is_host = is_hour && before->host == r->host;
        hosts = (is_hour ? hosts : 0) + !is_host;
        if (hosts > h->peak_hour) {
            h->peak_hour = hosts;
            h->peak_hour_at = b->filter.since + (int64_t)r->hour * 3600;
        }
        bool has_tcp_before = is_host && before->tcp;
        h->tcp_hours += r->tcp && !has_tcp_before;
        h->tcp_more += r->tcp && has_tcp_before && before->tcp != r->tcp;
    }
    h->rows = b->row_count;
}

/* The end of a period is seldom the end of a day: the last 24 hours by the hour. Rows are sorted by
 * hour. */
static void rows_last_24h(struct build *b)
{
    struct hosts *h = b->h;
    size_t from = b->row_count;
    if (!b->row_count) {
        return;
    }
    uint32_t last = b->rows[b->row_count - 1].hour;
    int64_t end = b->filter.since + ((int64_t)last + 1) * 3600;
    while (from > 0 && b->rows[from - 1].hour + 24 > last) {
        from--;
    }
    qsort(b->rows + from, b->row_count - from, sizeof *b->rows, by_host);
    if (h->rows_from <= end - SECONDS_PER_DAY) {
        h->last_24h_at = end;
        for (size_t i = from; i < b->row_count; i++) {
            h->last_24h += i == from || b->rows[i].host != b->rows[i - 1].host;
        }
    }
}

static enum err rows_load(struct build *b)
{
    const struct host_rows_query q = {b->query->botnet, b->query->program,
                                      b->query->rows_max ? b->query->rows_max
                                                         : (size_t)LIMIT_HOST_ROWS};
    enum err e = store_host_rows(b->store, &b->filter, &q, row_see, b, &b->h->rows_from, b->eb);
    return e ? e : b->err ? build_nomem(b) : OK;
}

/* ---- sites ---- */

struct site_names {
    struct slice names[HOSTS_SITES_MAX];
    size_t count;
    struct arena *arena;
    bool failed;
};

/* Kept in the order of their bytes, without repetition: that of the bits. */
static void site_name_add(void *arg, const struct trap_info *t)
{
    struct site_names *s = arg;
    struct slice name = t->site.n ? t->site : S("-");
    size_t at = 0;
    while (at < s->count && slice_cmp(s->names[at], name) < 0) {
        at++;
    }
    if (at < s->count && slice_eq(s->names[at], name)) {
        return;
    }
    struct slice copy = arena_copy(s->arena, name);
    s->failed |= !copy.p;
    if (at == HOSTS_SITES_MAX) {
        return; /* past the 64th all are one */
    }
    s->count += s->count < HOSTS_SITES_MAX;
    memmove(&s->names[at + 1], &s->names[at], (s->count - 1 - at) * sizeof *s->names);
    s->names[at] = copy;
}

/* The sites with most hosts become lists; what only others saw is not in the table. */
static void lists_choose(struct hosts_site *sites, size_t count, uint64_t lists[CAPTURE_LISTS_MAX],
                         size_t *list_count)
{
    *list_count = 0;
    while (*list_count < CAPTURE_LISTS_MAX) {
        size_t best = count;
        for (size_t i = 0; i < count; i++) {
            if (!sites[i].is_used && sites[i].daily > 0.0 &&
                (best == count || sites[i].daily > sites[best].daily)) {
                best = i;
            }
        }
        if (best == count) {
            return;
        }
        sites[best].is_used = true;
        lists[(*list_count)++] = UINT64_C(1) << best;
    }
}

/* On the mean watched day: over several days one machine would be several addresses, and one
 * address several counts. */
static enum err capture_build(struct build *b, struct hosts_site *sites, size_t count)
{
    struct hosts *h = b->h;
    double cells[1 << CAPTURE_LISTS_MAX] = {0};
    uint64_t lists[CAPTURE_LISTS_MAX];
    size_t list_count;
    struct capture_average average;
    lists_choose(sites, count, lists, &list_count);
    for (size_t i = 0; i < strmap_count(b->site_sets); i++) {
        uint64_t set;
        size_t cell = 0;
        memcpy(&set, strmap_key_at(b->site_sets, i).p, sizeof set);
        for (size_t k = 0; k < list_count; k++) {
            cell |= set & lists[k] ? (size_t)1 << k : 0;
        }
        cells[cell] += (double)*strmap_value_at(b->site_sets, i) / (double)h->watched_count;
    }
    cells[0] = 0.0;
    if (list_count == 2 && cells[3] > 0.0) {
        h->capture_kind = HOSTS_CAPTURE_TWO;
        h->capture = capture_chapman(cells[1] + cells[3], cells[2] + cells[3], cells[3]);
    } else if (list_count > 2) {
        enum err e = capture_lists(cells, list_count, &average);
        if (!e) {
            h->capture_kind = HOSTS_CAPTURE_AVERAGED;
            h->capture = average.n;
            h->capture_independent = average.independent;
            h->capture_models = average.admissible;
        } else if (e != ERR_NOTFOUND) {
            return err_set(b->eb, e, "capture-recapture between sites: %s", err_text(e));
        }
    }
    return OK;
}

static enum err sites_build(struct build *b)
{
    struct site_names names = {.arena = b->arena};
    enum err e = store_traps(b->store, site_name_add, &names, b->eb);
    struct hosts_site *sites = arena_calloc(b->arena, names.count + 1, sizeof *sites);
    if (e || names.failed || !sites) {
        return e ? e : build_nomem(b);
    }
    for (size_t i = 0; i < names.count; i++) {
        sites[i].name = names.names[i];
        for (size_t k = 0; k < strmap_count(b->site_sets); k++) {
            uint64_t set;
            memcpy(&set, strmap_key_at(b->site_sets, k).p, sizeof set);
            sites[i].daily += set >> i & 1 ? (double)*strmap_value_at(b->site_sets, k) : 0.0;
        }
        sites[i].daily /= fmax((double)b->h->watched_count, 1.0);
    }
    b->h->sites = sites;
    b->h->site_count = names.count;
    return b->h->watched_count ? capture_build(b, sites, names.count) : OK;
}

/* ---- the whole ---- */

static void days_finish(struct build *b)
{
    struct hosts *h = b->h;
    double sum = 0.0;
    for (size_t i = 0; i < h->day_count; i++) {
        sum += b->days[i].is_watched ? (double)b->days[i].hosts : 0.0;
        if (b->days[i].hosts > h->max_day) {
            h->max_day = b->days[i].hosts;
            h->max_day_at = b->days[i].day * SECONDS_PER_DAY;
        }
    }
    h->mean_day = h->watched_count ? sum / (double)h->watched_count : NAN;
    h->days = b->days;
}

static enum err hosts_count(struct build *b)
{
    enum err e = b->query->is_brief ? OK : rows_load(b);
    if (!e && b->query->program.n) {
        if (b->row_count) {
            rows_host_days(b);
        }
    } else if (!e) {
        e = store_host_days(b->store, &b->filter, b->query->botnet, host_day_see, b, b->eb);
    }
    if (!e) {
        host_end(b);
        rows_peak(b);
        rows_last_24h(b);
    }
    return e ? e : b->err ? build_nomem(b) : OK;
}

enum err hosts_build(struct store *s, const struct hosts_query *q, struct arena *arena,
                     struct hosts *out, struct errbuf *eb)
{
    struct hosts h = {.capture = {NAN, NAN, NAN, NAN}, .capture_independent = NAN};
    struct build b = {
        .store = s, .query = q, .filter = q->filter, .arena = arena, .h = &h, .eb = eb};
    h.botnet = arena_copy(arena, q->botnet);
    h.program = arena_copy(arena, q->program);
    h.trap = arena_copy(arena, q->filter.trap);
    h.site = arena_copy(arena, q->filter.site);
    enum err e = period_build(&b);
    e = e ? e : watched_build(&b);
    e = e ? e : model_build(&b);
    e = e ? e : hosts_count(&b);
    e = e || q->is_brief ? e : sites_build(&b);
    if (!e) {
        days_finish(&b);
        e = host_model_fit(b.model, &h.fit);
        e = e ? build_nomem(&b) : OK;
    }
    host_model_free(b.model);
    strmap_free(b.site_sets);
    free(b.rows);
    if (!e) {
        *out = h;
    }
    return e;
}
