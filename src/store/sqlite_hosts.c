/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions about hosts. A pass goes over the host tallies of a period, part by part of the address
 * space: a part is gathered from all days, sorted by host, and then each run of one host is one
 * distinct host. One pass answers all such questions of a report (distinct hosts by botnet, trap
 * and site, top hosts, top networks), so its results are kept until the store changes. */
#include "core/hash.h"
#include "core/sort.h"
#include "store/sqlite.h"

#include <stdlib.h>

enum {
    RESULTS_KEPT = 4,
    RANKS_KEPT = 100,
    PASS_BYTES_MAX = 1024 * 1024 * 1024, /* counts of each day by botnet, trap and site */
    SLOTS_FOR_BOTH = 1024,               /* past that many, days are counted only when asked for */
};

struct host_count {
    int32_t bucket;
    enum dimension d;
    int64_t value;
    uint64_t hosts;
};

struct ranking {
    struct host_rank *ranks; /* greatest first */
    size_t count, limit;
    bool is_by_hosts;
};

/* What one pass found. */
struct host_result {
    /* asked for */
    int32_t first_day, last_day;
    bool is_open;
    uint64_t traps_hash;
    enum bucket bucket;
    /* as of */
    int64_t data_version, changes;
    /* found */
    struct host_count *counts;
    size_t count;
    struct ranking hosts, nets; /* BUCKET_ALL only */
};

struct host_memo {
    struct host_result results[RESULTS_KEPT];
    size_t next;
};

static void result_clear(struct host_result *r)
{
    free(r->counts);
    free(r->hosts.ranks);
    free(r->nets.ranks);
    *r = (struct host_result){0};
}

void hosts_free(struct store *s)
{
    for (size_t i = 0; s->hosts && i < RESULTS_KEPT; i++) {
        result_clear(&s->hosts->results[i]);
    }
    free(s->hosts);
    s->hosts = NULL;
}

enum err streams_load(struct store *s, const struct scope *c, struct arena *arena,
                      struct streams *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    size_t most = 0;
    struct strmap *botnets = NULL;
    enum err e = store_statement(s, STATEMENT_STREAMS, &st, eb);
    while (e == OK && (e = store_step(s, st, "reading the streams", eb)) == OK) {
        size_t id = (size_t)sqlite3_column_int64(st, 0);
        most = id > most ? id : most;
    }
    if (e != ERR_END) {
        return e;
    }
    *out = (struct streams){
        .count = most + 1,
        .trap = arena_calloc(arena, most + 1, sizeof *out->trap),
        .site = arena_calloc(arena, most + 1, sizeof *out->site),
        .botnet = arena_calloc(arena, most + 1, sizeof *out->botnet),
        .botnet_text = arena_calloc(arena, most + 1, sizeof *out->botnet_text),
    };
    botnets = strmap_new();
    if (!out->trap || !out->site || !out->botnet || !out->botnet_text || !botnets) {
        strmap_free(botnets);
        return err_set(eb, ERR_NOMEM, "out of memory for streams");
    }
    e = store_statement(s, STATEMENT_STREAMS, &st, eb);
    while (e == OK && (e = store_step(s, st, "reading the streams", eb)) == OK) {
        size_t id = (size_t)sqlite3_column_int64(st, 0);
        int64_t trap = sqlite3_column_int64(st, 1), botnet = sqlite3_column_int64(st, 2);
        bool is_new;
        uint64_t *number =
            strmap_put(botnets, slice_of((const char *)&botnet, sizeof botnet), &is_new);
        if (!number) {
            e = err_set(eb, ERR_NOMEM, "out of memory for streams");
            sqlite3_reset(st);
            break;
        }
        if (is_new) {
            *number = out->botnet_count++;
            out->botnet_text[*number] = botnet;
        }
        out->botnet[id] = (uint32_t)*number;
        if (trap > 0 && (uint64_t)trap < c->trap_count) {
            out->trap[id] = (uint32_t)trap;
            out->site[id] = (uint32_t)c->sites[trap];
        }
    }
    strmap_free(botnets);
    return e == ERR_END ? OK : e;
}

/* ---- ranking ---- */

static bool rank_before(const struct ranking *r, const struct host_rank *a,
                        const struct host_rank *b)
{
    if (r->is_by_hosts && a->units.hosts != b->units.hosts) {
        return a->units.hosts > b->units.hosts;
    }
    if (a->units.messages != b->units.messages) {
        return a->units.messages > b->units.messages;
    }
    return a->key < b->key;
}

/* Where in the ranking it belongs; r->limit when it does not. */
static size_t rank_place(const struct ranking *r, const struct host_rank *rank)
{
    size_t at = r->count;
    if (at == r->limit && (at == 0 || !rank_before(r, rank, &r->ranks[at - 1]))) {
        return r->limit;
    }
    while (at > 0 && rank_before(r, rank, &r->ranks[at - 1])) {
        at--;
    }
    return at;
}

static void rank_insert(struct ranking *r, const struct host_rank *rank, size_t at)
{
    r->count += r->count < r->limit;
    memmove(&r->ranks[at + 1], &r->ranks[at], (r->count - 1 - at) * sizeof *r->ranks);
    r->ranks[at] = *rank;
}

/* ---- one pass ---- */

/* A host is counted once a run for each of these: TOTAL, then each botnet, trap and site. The
 * numbers of one bucket stand side by side. */
struct slots {
    size_t botnet, trap, site, count; /* where each begins */
};

/* The counts of one kind of bucket. */
struct grid {
    struct host_result *result;
    struct strmap *rows; /* bucket: its uint64_t[slots.count] */
    uint64_t *row;       /* of the current bucket */
    uint32_t *last_run;  /* by slot */
    uint32_t run;
};

/* Apart, because looking them up in the order of hosts is what a pass waits for. */
struct hot {
    uint32_t tag, messages;
};
struct cold {
    uint64_t recipients, bytes;
};

struct pass {
    struct store *s;
    const struct scope *scope;
    struct streams streams;
    struct arena *arena;
    struct slots slots;
    struct grid days; /* counted while reading; BUCKET_DAY and BUCKET_ALL */
    struct grid long_buckets;
    uint64_t *items, *scratch; /* host << 32 | index of the two below; IPv6: rank for host */
    uint64_t *wide;            /* IPv6: host by index, then by rank */
    struct hot *hot;           /* what each entry is asked for */
    struct cold *cold;         /* what only those that are ranked are asked for */
    int32_t *day;              /* of each entry, when `wants_days` */
    bool wants_days;
    size_t count, size;
    struct errbuf *eb;
};

static enum err pass_no_memory(struct pass *p)
{
    return err_set(p->eb, ERR_NOMEM, "out of memory for counting hosts");
}

static enum err pass_grow(struct pass *p)
{
    size_t size = p->size ? p->size * 2 : 4096;
    uint64_t *items = realloc(p->items, size * sizeof *items);
    p->items = items ? items : p->items;
    uint64_t *scratch = realloc(p->scratch, size * sizeof *scratch);
    p->scratch = scratch ? scratch : p->scratch;
    uint64_t *wide = realloc(p->wide, size * sizeof *wide);
    p->wide = wide ? wide : p->wide;
    struct hot *hot = realloc(p->hot, size * sizeof *hot);
    p->hot = hot ? hot : p->hot;
    struct cold *cold = realloc(p->cold, size * sizeof *cold);
    p->cold = cold ? cold : p->cold;
    int32_t *day = p->wants_days ? realloc(p->day, size * sizeof *day) : NULL;
    p->day = day ? day : p->day;
    if (!items || !scratch || !wide || !hot || !cold || (p->wants_days && !day)) {
        return pass_no_memory(p);
    }
    p->size = size;
    return OK;
}

static void pass_free(struct pass *p)
{
    strmap_free(p->days.rows);
    strmap_free(p->long_buckets.rows);
    arena_free(p->arena);
    free(p->items);
    free(p->scratch);
    free(p->wide);
    free(p->hot);
    free(p->cold);
    free(p->day);
}

static enum err bucket_begin(struct pass *p, struct grid *g, int32_t bucket)
{
    bool is_new;
    uint64_t *at = strmap_put(g->rows, slice_of((const char *)&bucket, sizeof bucket), &is_new);
    if (at && is_new) {
        *at = (uintptr_t)arena_calloc(p->arena, p->slots.count, sizeof *g->row);
    }
    if (!at || !*at) {
        return pass_no_memory(p);
    }
    g->row = (uint64_t *)(uintptr_t)*at;
    return OK;
}

static inline void host_begin(struct grid *g)
{
    g->run++;
    g->row[0]++;
}

static inline void slot_see(struct grid *g, size_t slot)
{
    if (g->last_run[slot] != g->run) {
        g->last_run[slot] = g->run;
        g->row[slot]++;
    }
}

static inline void entry_see(const struct pass *p, struct grid *g, uint32_t tag)
{
    slot_see(g, p->slots.botnet + p->streams.botnet[tag]);
    slot_see(g, p->slots.trap + p->streams.trap[tag]);
    slot_see(g, p->slots.site + p->streams.site[tag]);
}

static void slots_make(struct pass *p)
{
    struct slots *l = &p->slots;
    l->botnet = 1;
    l->trap = l->botnet + p->streams.botnet_count;
    l->site = l->trap + p->scope->trap_count;
    l->count = l->site + p->scope->site_count;
}

static enum err grid_make(struct pass *p, struct grid *g, struct host_result *result)
{
    g->result = result;
    g->rows = strmap_new();
    g->last_run = arena_calloc(p->arena, p->slots.count, sizeof *g->last_run);
    return g->rows && g->last_run ? OK : pass_no_memory(p);
}

/* The rows of counts as a list. */
static enum err counts_list(struct pass *p, const struct grid *g)
{
    struct host_result *r = g->result;
    const struct slots *l = &p->slots;
    size_t n = strmap_count(g->rows);
    r->counts = malloc((n * l->count + 1) * sizeof *r->counts);
    if (!r->counts) {
        return pass_no_memory(p);
    }
    for (size_t i = 0; i < n; i++) {
        const uint64_t *row = (const uint64_t *)(uintptr_t)*strmap_value_at(g->rows, i);
        int32_t bucket;
        memcpy(&bucket, strmap_key_at(g->rows, i).p, sizeof bucket);
        for (size_t slot = 0; slot < l->count; slot++) {
            struct host_count c = {.bucket = bucket, .d = DIMENSION_TOTAL, .hosts = row[slot]};
            if (slot >= l->site) {
                c.d = DIMENSION_SITE;
                c.value = (int64_t)(slot - l->site);
            } else if (slot >= l->trap) {
                c.d = DIMENSION_TRAP;
                c.value = (int64_t)(slot - l->trap);
            } else if (slot >= l->botnet) {
                c.d = DIMENSION_BOTNET;
                c.value = p->streams.botnet_text[slot - l->botnet];
            }
            if (c.hosts != 0) {
                r->counts[r->count++] = c;
            }
        }
    }
    return OK;
}

/* Items [from, to) are those of the host or network. */
static void rank_offer(struct pass *p, struct ranking *r, struct host_rank *rank,
                       const uint64_t *sorted, size_t from, size_t to)
{
    size_t at = rank_place(r, rank);
    if (at < r->limit) {
        for (size_t i = from; i < to; i++) {
            rank->units.recipients += p->cold[(uint32_t)sorted[i]].recipients;
            rank->units.bytes += p->cold[(uint32_t)sorted[i]].bytes;
        }
        rank_insert(r, rank, at);
    }
}

/* The network being summed up. */
struct net {
    struct host_rank rank;
    size_t from;
};

static void net_end(struct pass *p, struct net *net, const uint64_t *sorted, size_t to)
{
    if (net->rank.units.hosts != 0) {
        rank_offer(p, &p->long_buckets.result->nets, &net->rank, sorted, net->from, to);
    }
    net->rank = (struct host_rank){0};
}

static void net_add(struct pass *p, struct net *net, const struct host_rank *host,
                    const uint64_t *sorted, size_t from)
{
    if (host->key > UINT32_MAX) {
        return;
    }
    if (net->rank.key != host->key >> 8 || net->rank.units.hosts == 0) {
        net_end(p, net, sorted, from);
        net->rank.key = host->key >> 8;
        net->from = from;
    }
    net->rank.units.hosts++;
    net->rank.units.messages += host->units.messages;
}

static int wide_cmp(const void *a, const void *b)
{
    const struct sort_item *x = a, *y = b;
    if (x->b != y->b) {
        return x->b < y->b ? -1 : 1;
    }
    return (x->index > y->index) - (x->index < y->index); /* days stay in order, as with IPv4 */
}

/* Hosts of 64 bits do not fit beside an index: their rank among those of the group takes their
 * place. */
static enum err wide_sort(struct pass *p)
{
    struct sort_item *items = malloc((p->count + 1) * sizeof *items);
    uint32_t rank = 0;
    if (!items) {
        return pass_no_memory(p);
    }
    for (size_t i = 0; i < p->count; i++) {
        items[i] = (struct sort_item){.b = p->wide[i], .index = (uint32_t)i};
    }
    qsort(items, p->count, sizeof *items, wide_cmp);
    for (size_t i = 0; i < p->count; i++) {
        rank += i > 0 && items[i].b != items[i - 1].b;
        p->items[i] = (uint64_t)rank << 32 | items[i].index;
        p->wide[rank] = items[i].b;
    }
    free(items);
    return OK;
}

/* What was gathered, in order of hosts. */
static enum err group_sort(struct pass *p, unsigned part, const uint64_t **sorted)
{
    if (part == HOST_PART_V6) {
        *sorted = p->items;
        return wide_sort(p);
    }
    *sorted = sort_upper(p->items, p->scratch, p->count);
    return OK;
}

static inline uint64_t host_of(const struct pass *p, unsigned part, uint64_t item)
{
    return part == HOST_PART_V6 ? p->wide[item >> 32] : item >> 32;
}

/* All entries of one part of the address space and one bucket. */
static enum err group_count(struct pass *p, unsigned part, int32_t bucket)
{
    struct grid *g = &p->long_buckets;
    bool is_all = g->result->bucket == BUCKET_ALL;
    struct net net = {0};
    const uint64_t *sorted;
    size_t i = 0;
    enum err e = p->count ? bucket_begin(p, g, bucket) : OK;
    e = e == OK ? group_sort(p, part, &sorted) : e;
    while (e == OK && i < p->count) {
        struct host_rank host = {.key = host_of(p, part, sorted[i])};
        uint64_t upper = sorted[i] >> 32;
        size_t from = i;
        host_begin(g);
        for (; i < p->count && sorted[i] >> 32 == upper; i++) {
            const struct hot *hot = &p->hot[(uint32_t)sorted[i]];
            entry_see(p, g, hot->tag);
            host.units.messages += hot->messages;
        }
        if (is_all) {
            net_add(p, &net, &host, sorted, from);
            host.units.hosts = 1;
            rank_offer(p, &g->result->hosts, &host, sorted, from, i);
        }
    }
    if (e == OK) {
        net_end(p, &net, sorted, i);
    }
    p->count = 0;
    return e;
}

static enum err tally_damaged(struct pass *p)
{
    return err_set(p->eb, ERR_STORE, "%s: a host tally is damaged; db verify says more",
                   p->s->path);
}

static bool tag_holds(const struct pass *p, uint32_t tag)
{
    return tag < p->streams.count && scope_holds_trap(p->scope, p->streams.trap[tag]);
}

/* Gathers the entries of one tally. It is sorted by host, so its day is counted on the way. */
static enum err tally_gather(struct pass *p, struct slice packed, unsigned part, int32_t day)
{
    struct tally_reader r;
    struct tally_entry entry;
    struct grid *g = p->days.result && day != BUCKET_NONE ? &p->days : NULL;
    uint64_t host = 0; /* is none */
    enum err e = g ? bucket_begin(p, g, day) : OK;
    tally_read(&r, packed);
    while (e == OK && tally_next(&r, &entry)) {
        if (!tag_holds(p, entry.tag)) {
            continue;
        }
        if (g) {
            if (entry.key != host) {
                host = entry.key;
                host_begin(g);
            }
            entry_see(p, g, entry.tag);
        }
        if (p->count == p->size && (e = pass_grow(p)) != OK) {
            return e;
        }
        p->hot[p->count] = (struct hot){entry.tag, (uint32_t)entry.messages};
        p->cold[p->count] = (struct cold){entry.recipients, entry.bytes};
        p->items[p->count] = entry.key << 32 | p->count;
        if (p->wants_days) {
            p->day[p->count] = day;
        }
        if (part == HOST_PART_V6) {
            p->wide[p->count] = entry.key;
        }
        p->count++;
    }
    return e == OK && r.is_bad ? tally_damaged(p) : e;
}

/* The tallies of one part, day after day; each month is a group of its own when asked for months.
 */
static enum err part_run(struct pass *p, unsigned part, enum bucket bucket, bool with_none)
{
    const struct scope *c = p->scope;
    sqlite3_stmt *st;
    int32_t current = 0;
    enum err e = store_statement(p->s, STATEMENT_TALLY_RANGE, &st, p->eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, tally_key(TALLY_HOST, part, with_none ? BUCKET_NONE : c->first_day));
    sqlite3_bind_int64(st, 2, tally_key(TALLY_HOST, part, c->last_day));
    while ((e = store_step(p->s, st, "reading the hosts", p->eb)) == OK) {
        int32_t day = tally_key_bucket(sqlite3_column_int64(st, 0));
        int32_t at = bucket == BUCKET_MONTH ? month_of_day(day) : 0;
        if (at != current) {
            e = group_count(p, part, current);
            current = at;
        }
        e = e == OK ? tally_gather(p, column_slice(st, 1), part, day) : e;
        if (e != OK) {
            sqlite3_reset(st);
            return e;
        }
    }
    return e == ERR_END && p->long_buckets.result ? group_count(p, part, current)
           : e == ERR_END                         ? OK
                                                  : e;
}

static enum err parts_run(struct pass *p)
{
    const struct scope *c = p->scope;
    enum bucket bucket = p->long_buckets.result->bucket;
    bool with_none = c->is_open && bucket == BUCKET_ALL;
    enum err e = OK;
    for (unsigned part = 0; e == OK && !c->is_empty && part < HOST_PARTS; part++) {
        e = part_run(p, part, bucket, with_none);
    }
    return e;
}

static bool ranking_make(struct ranking *r, size_t limit, bool is_by_hosts)
{
    r->ranks = calloc(limit + 1, sizeof *r->ranks);
    r->limit = limit;
    r->is_by_hosts = is_by_hosts;
    return r->ranks;
}

/* `days` may be NULL. */
static enum err pass_run(struct store *s, const struct scope *c, struct host_result *result,
                         struct host_result *days, bool is_asked_days, size_t ranks,
                         struct errbuf *eb)
{
    struct pass p = {.s = s, .scope = c, .eb = eb};
    p.arena = arena_new(PASS_BYTES_MAX);
    enum err e = p.arena ? streams_load(s, c, p.arena, &p.streams, eb) : pass_no_memory(&p);
    slots_make(&p);
    e = e == OK ? grid_make(&p, &p.long_buckets, result) : e;
    /* Days by thousands of traps are much to keep for a question that may not come. */
    bool has_days = days && (is_asked_days || p.slots.count <= SLOTS_FOR_BOTH);
    e = e == OK && has_days ? grid_make(&p, &p.days, days) : e;
    if (e == OK && result->bucket == BUCKET_ALL &&
        (!ranking_make(&result->hosts, ranks, false) ||
         !ranking_make(&result->nets, ranks, true))) {
        e = pass_no_memory(&p);
    }
    e = e == OK ? parts_run(&p) : e;
    e = e == OK ? counts_list(&p, &p.long_buckets) : e;
    e = e == OK && has_days ? counts_list(&p, &p.days) : e;
    pass_free(&p);
    return e;
}

/* ---- results ---- */

static enum err data_version(struct store *s, int64_t *out, struct errbuf *eb)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA data_version", -1, &st, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? OK : store_error(s, rc, "reading its version", eb);
}

static struct host_result *result_keep(struct host_memo *m, const struct host_result *result)
{
    struct host_result *r = &m->results[m->next++ % RESULTS_KEPT];
    result_clear(r);
    *r = *result;
    return r;
}

static enum err result_find(struct store *s, const struct scope *c, enum bucket bucket,
                            size_t ranks, struct host_result **out, struct errbuf *eb)
{
    struct host_result ask = {
        .first_day = c->first_day,
        .last_day = c->last_day,
        .is_open = c->is_open,
        .bucket = bucket,
        .changes = sqlite3_total_changes64(s->db),
    };
    if (c->has_traps) {
        ask.traps_hash = hash_u64(slice_of((const char *)c->traps, c->trap_count)) | 1;
    }
    enum err e = data_version(s, &ask.data_version, eb);
    if (e != OK) {
        return e;
    }
    if (!s->hosts && !(s->hosts = calloc(1, sizeof *s->hosts))) {
        return err_set(eb, ERR_NOMEM, "out of memory for counting hosts");
    }
    for (size_t i = 0; i < RESULTS_KEPT; i++) {
        struct host_result *r = &s->hosts->results[i];
        if (r->data_version == ask.data_version && r->changes == ask.changes &&
            r->first_day == ask.first_day && r->last_day == ask.last_day &&
            r->is_open == ask.is_open && r->traps_hash == ask.traps_hash &&
            r->bucket == ask.bucket && (bucket != BUCKET_ALL || r->hosts.limit >= ranks)) {
            *out = r;
            return OK;
        }
    }
    /* Who asks for days asks for the whole soon: one pass gives both. */
    struct host_result days = ask, whole = ask;
    bool is_month = bucket == BUCKET_MONTH;
    days.bucket = BUCKET_DAY;
    whole.bucket = is_month ? BUCKET_MONTH : BUCKET_ALL;
    e = pass_run(s, c, &whole, is_month ? NULL : &days, bucket == BUCKET_DAY,
                 ranks > RANKS_KEPT ? ranks : RANKS_KEPT, eb);
    if (e != OK) {
        result_clear(&whole);
        result_clear(&days);
        return e;
    }
    struct host_result *kept = result_keep(s->hosts, &whole);
    *out = bucket == BUCKET_DAY ? NULL : kept;
    if (!is_month && days.counts) {
        kept = result_keep(s->hosts, &days);
        *out = *out ? *out : kept;
    }
    return OK;
}

enum err hosts_distinct(struct store *s, const struct scope *c, enum bucket bucket,
                        enum dimension d,
                        enum err (*fn)(void *, int32_t bucket, int64_t value, uint64_t hosts),
                        void *arg, struct errbuf *eb)
{
    struct host_result *r;
    enum err e = result_find(s, c, bucket, 0, &r, eb);
    for (size_t i = 0; e == OK && i < r->count; i++) {
        if (r->counts[i].d == d) {
            e = fn(arg, r->counts[i].bucket, r->counts[i].value, r->counts[i].hosts);
        }
    }
    return e;
}

enum err hosts_top(struct store *s, const struct scope *c, enum dimension d, size_t limit,
                   const struct host_rank **out, size_t *count, struct errbuf *eb)
{
    enum { RANKS_MAX = 100000 };
    struct host_result *r;
    if (limit > RANKS_MAX) {
        return err_set(eb, ERR_LIMIT, "at most %d hosts can be ranked", RANKS_MAX);
    }
    enum err e = result_find(s, c, BUCKET_ALL, limit, &r, eb);
    if (e == OK) {
        struct ranking *ranking = d == DIMENSION_HOST ? &r->hosts : &r->nets;
        for (size_t i = 0; i < ranking->count; i++) {
            ranking->ranks[i].units.expected = (double)ranking->ranks[i].units.messages;
        }
        *out = ranking->ranks;
        *count = ranking->count < limit ? ranking->count : limit;
    }
    return e;
}

/* ---- the union of host sets, and their days ---- */

/* Whose hosts go to whom: one of the two functions. */
struct host_union {
    bool has_botnet;
    int64_t botnet;
    void (*host)(void *, uint64_t host);
    void (*host_day)(void *, const struct host_day *);
    const uint64_t *site_bits; /* for host_day */
    void *arg;
};

static bool union_holds(const struct pass *p, const struct host_union *u, uint64_t item)
{
    uint32_t tag = p->hot[(uint32_t)item].tag;
    return !u->has_botnet || p->streams.botnet_text[p->streams.botnet[tag]] == u->botnet;
}

/* The hosts of one part in ascending order; so are the parts. */
static void part_hosts(const struct pass *p, unsigned part, const uint64_t *sorted,
                       const struct host_union *u)
{
    uint64_t last = 0; /* is no host */
    for (size_t i = 0; i < p->count; i++) {
        uint64_t host = host_of(p, part, sorted[i]);
        if (host != last && union_holds(p, u, sorted[i])) {
            last = host;
            u->host(u->arg, host);
        }
    }
}

/* Entries of one host are in order of days: tallies come by day, and the sort is stable. */
static void part_host_days(const struct pass *p, unsigned part, const uint64_t *sorted,
                           const struct host_union *u)
{
    struct host_day at = {0};
    for (size_t i = 0; i < p->count; i++) {
        uint32_t index = (uint32_t)sorted[i];
        uint64_t host = host_of(p, part, sorted[i]);
        if (!union_holds(p, u, sorted[i])) {
            continue;
        }
        if (host != at.host || p->day[index] != at.day) {
            if (at.host) {
                u->host_day(u->arg, &at);
            }
            at = (struct host_day){.host = host, .day = p->day[index]};
        }
        at.messages += p->hot[index].messages;
        at.sites |= u->site_bits[p->streams.site[p->hot[index].tag]];
    }
    if (at.host) {
        u->host_day(u->arg, &at);
    }
}

static enum err part_give(struct pass *p, unsigned part, const struct host_union *u)
{
    const uint64_t *sorted;
    enum err e = part_run(p, part, BUCKET_ALL, u->host && p->scope->is_open);
    e = e == OK ? group_sort(p, part, &sorted) : e;
    if (e == OK && u->host) {
        part_hosts(p, part, sorted, u);
    } else if (e == OK) {
        part_host_days(p, part, sorted, u);
    }
    p->count = 0;
    return e;
}

enum err label_id(struct store *s, struct slice label, int64_t *out, struct errbuf *eb)
{
    *out = TEXT_UNKNOWN;
    return slice_eq(label, S("unknown")) ? OK : text_id(s, label, false, out, eb);
}

static enum err union_run(struct store *s, const struct scope *c, struct slice botnet,
                          struct host_union *u, struct errbuf *eb)
{
    struct pass p = {.s = s, .scope = c, .eb = eb, .wants_days = u->host_day != NULL};
    u->has_botnet = botnet.n != 0;
    enum err e = u->has_botnet ? label_id(s, botnet, &u->botnet, eb) : OK;
    if (e != OK) {
        return e == ERR_NOTFOUND ? OK : e; /* nobody has that label */
    }
    p.arena = arena_new(PASS_BYTES_MAX);
    e = p.arena ? streams_load(s, c, p.arena, &p.streams, eb) : pass_no_memory(&p);
    for (unsigned part = 0; e == OK && !c->is_empty && part < HOST_PARTS; part++) {
        e = part_give(&p, part, u);
    }
    pass_free(&p);
    return e;
}

/* In a transaction of its own. */
static enum err union_read(struct store *s, const struct store_filter *f, struct slice botnet,
                           struct host_union *u, struct errbuf *eb)
{
    struct scope scope;
    enum err e = scope_begin_read(s, f, &scope, eb);
    if (e != OK) {
        return e;
    }
    u->site_bits = scope_site_bits(&scope);
    e = u->site_bits ? union_run(s, &scope, botnet, u, eb)
                     : err_set(eb, ERR_NOMEM, "out of memory for sites");
    return scope_end_read(s, &scope, e, eb);
}

enum err store_hosts(struct store *s, const struct store_filter *f, struct slice botnet,
                     void (*fn)(void *, uint64_t host), void *arg, struct errbuf *eb)
{
    struct host_union u = {.host = fn, .arg = arg};
    return union_read(s, f, botnet, &u, eb);
}

enum err store_host_days(struct store *s, const struct store_filter *f, struct slice botnet,
                         void (*fn)(void *, const struct host_day *), void *arg, struct errbuf *eb)
{
    struct host_union u = {.host_day = fn, .arg = arg};
    return union_read(s, f, botnet, &u, eb);
}
