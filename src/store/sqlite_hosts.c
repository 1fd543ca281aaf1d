/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions about hosts. A pass goes over the host tallies of a period, part by part of the address
 * space: a part is gathered from all days, sorted by host, and then each run of one host is one
 * distinct host. One pass answers all such questions of a report (distinct hosts by botnet, trap
 * and site, top hosts, top networks), so its results are kept until the store changes. */
#include "core/hash.h"
#include "store/sort.h"
#include "store/sqlite.h"

#include <stdlib.h>

enum {
    RESULTS_KEPT = 4,
    RANKS_KEPT = 100,
    STREAM_BYTES_MAX = 64 * 1024 * 1024,
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
    uint32_t *last_run;
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
    struct host_result *result;
    struct strmap *rows; /* bucket: its uint64_t[slots.count] */
    struct arena *arena;
    struct slots slots;
    uint64_t *row; /* of the current bucket */
    uint32_t run;
    struct sort_item *items, *scratch; /* a: bucket, b: host, index: of the two below */
    struct hot *hot;                   /* what each entry is asked for */
    struct cold *cold;                 /* what only those that are ranked are asked for */
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
    struct sort_item *items = realloc(p->items, size * sizeof *items);
    p->items = items ? items : p->items;
    struct sort_item *scratch = realloc(p->scratch, size * sizeof *scratch);
    p->scratch = scratch ? scratch : p->scratch;
    struct hot *hot = realloc(p->hot, size * sizeof *hot);
    p->hot = hot ? hot : p->hot;
    struct cold *cold = realloc(p->cold, size * sizeof *cold);
    p->cold = cold ? cold : p->cold;
    if (!items || !scratch || !hot || !cold) {
        return pass_no_memory(p);
    }
    p->size = size;
    return OK;
}

static enum err bucket_begin(struct pass *p, int32_t bucket)
{
    bool is_new;
    uint64_t *at = strmap_put(p->rows, slice_of((const char *)&bucket, sizeof bucket), &is_new);
    if (at && is_new) {
        *at = (uintptr_t)arena_calloc(p->arena, p->slots.count, sizeof *p->row);
    }
    if (!at || !*at) {
        return pass_no_memory(p);
    }
    p->row = (uint64_t *)(uintptr_t)*at;
    return OK;
}

static inline void slot_see(struct pass *p, size_t slot)
{
    if (p->slots.last_run[slot] != p->run) {
        p->slots.last_run[slot] = p->run;
        p->row[slot]++;
    }
}

static inline void entry_see(struct pass *p, uint32_t tag)
{
    slot_see(p, p->slots.botnet + p->streams.botnet[tag]);
    slot_see(p, p->slots.trap + p->streams.trap[tag]);
    slot_see(p, p->slots.site + p->streams.site[tag]);
}

static enum err slots_make(struct pass *p)
{
    struct slots *l = &p->slots;
    l->botnet = 1;
    l->trap = l->botnet + p->streams.botnet_count;
    l->site = l->trap + p->scope->trap_count;
    l->count = l->site + p->scope->site_count;
    l->last_run = arena_calloc(p->arena, l->count, sizeof *l->last_run);
    return l->last_run ? OK : pass_no_memory(p);
}

/* The rows of counts as a list. */
static enum err counts_list(struct pass *p)
{
    struct host_result *r = p->result;
    const struct slots *l = &p->slots;
    size_t n = strmap_count(p->rows);
    r->counts = malloc((n * l->count + 1) * sizeof *r->counts);
    if (!r->counts) {
        return pass_no_memory(p);
    }
    for (size_t i = 0; i < n; i++) {
        const uint64_t *row = (const uint64_t *)(uintptr_t)*strmap_value_at(p->rows, i);
        int32_t bucket;
        memcpy(&bucket, strmap_key_at(p->rows, i).p, sizeof bucket);
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
                       const struct sort_item *sorted, size_t from, size_t to)
{
    size_t at = rank_place(r, rank);
    if (at < r->limit) {
        for (size_t i = from; i < to; i++) {
            rank->units.recipients += p->cold[sorted[i].index].recipients;
            rank->units.bytes += p->cold[sorted[i].index].bytes;
        }
        rank_insert(r, rank, at);
    }
}

/* The network being summed up. */
struct net {
    struct host_rank rank;
    size_t from;
};

static void net_end(struct pass *p, struct net *net, const struct sort_item *sorted, size_t to)
{
    if (net->rank.units.hosts != 0) {
        rank_offer(p, &p->result->nets, &net->rank, sorted, net->from, to);
    }
    net->rank = (struct host_rank){0};
}

static void net_add(struct pass *p, struct net *net, const struct host_rank *host,
                    const struct sort_item *sorted, size_t from)
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

/* All entries of one part of the address space. */
static enum err part_count(struct pass *p)
{
    bool is_all = p->result->bucket == BUCKET_ALL;
    struct net net = {0};
    size_t i = 0;
    const struct sort_item *sorted = sort_items(p->items, p->scratch, p->count);
    while (i < p->count) {
        struct host_rank host = {.key = sorted[i].b};
        size_t from = i;
        if (i == 0 || sorted[i].a != sorted[i - 1].a) {
            enum err e = bucket_begin(p, (int32_t)((int64_t)sorted[i].a + INT32_MIN));
            if (e != OK) {
                return e;
            }
        }
        p->run++;
        p->row[0]++;
        for (; i < p->count && sorted[i].b == host.key && sorted[i].a == sorted[from].a; i++) {
            const struct hot *hot = &p->hot[sorted[i].index];
            entry_see(p, hot->tag);
            host.units.messages += hot->messages;
        }
        if (is_all) {
            net_add(p, &net, &host, sorted, from);
            host.units.hosts = 1;
            rank_offer(p, &p->result->hosts, &host, sorted, from, i);
        }
    }
    net_end(p, &net, sorted, i);
    p->count = 0;
    return OK;
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

/* BUCKET_DAY: a tally is sorted by host already, so it is counted as it is read. */
static enum err day_count(struct pass *p, struct slice packed, int32_t day)
{
    struct tally_reader r;
    struct tally_entry entry;
    uint64_t host = 0; /* is none */
    enum err e = bucket_begin(p, day);
    if (e != OK) {
        return e;
    }
    tally_read(&r, packed);
    while (tally_next(&r, &entry)) {
        if (tag_holds(p, entry.tag)) {
            if (entry.key != host) {
                host = entry.key;
                p->run++;
                p->row[0]++;
            }
            entry_see(p, entry.tag);
        }
    }
    return r.is_bad ? tally_damaged(p) : OK;
}

static enum err blob_add(struct pass *p, struct slice packed, int32_t bucket)
{
    struct tally_reader r;
    struct tally_entry entry;
    tally_read(&r, packed);
    while (tally_next(&r, &entry)) {
        if (!tag_holds(p, entry.tag)) {
            continue;
        }
        if (p->count == p->size) {
            enum err e = pass_grow(p);
            if (e != OK) {
                return e;
            }
        }
        p->hot[p->count] = (struct hot){entry.tag, (uint32_t)entry.messages};
        p->cold[p->count] = (struct cold){entry.recipients, entry.bytes};
        p->items[p->count] = (struct sort_item){.a = (uint64_t)((int64_t)bucket - INT32_MIN),
                                                .b = entry.key,
                                                .index = (uint32_t)p->count};
        p->count++;
    }
    return r.is_bad ? tally_damaged(p) : OK;
}

/* Gathers one part of a day range; BUCKET_DAY counts each day by itself. */
static enum err part_run(struct pass *p, unsigned part, int32_t first, int32_t last)
{
    sqlite3_stmt *st;
    enum bucket bucket = p->result->bucket;
    enum err e = store_statement(p->s, STATEMENT_TALLY_RANGE, &st, p->eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, tally_key(TALLY_HOST, part, first));
    sqlite3_bind_int64(st, 2, tally_key(TALLY_HOST, part, last));
    while ((e = store_step(p->s, st, "reading the hosts", p->eb)) == OK) {
        int32_t day = tally_key_bucket(sqlite3_column_int64(st, 0));
        e = bucket == BUCKET_DAY
                ? day_count(p, column_slice(st, 1), day)
                : blob_add(p, column_slice(st, 1), bucket == BUCKET_MONTH ? month_of_day(day) : 0);
        if (e != OK) {
            sqlite3_reset(st);
            break;
        }
    }
    return e == ERR_END ? OK : e;
}

static enum err parts_run(struct pass *p)
{
    const struct scope *c = p->scope;
    enum err e = OK;
    bool with_none = c->is_open && p->result->bucket == BUCKET_ALL;
    for (unsigned part = 0; e == OK && !c->is_empty && part < HOST_PARTS; part++) {
        e = part_run(p, part, with_none ? BUCKET_NONE : c->first_day, c->last_day);
        e = e == OK ? part_count(p) : e;
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

static enum err pass_run(struct store *s, const struct scope *c, struct host_result *result,
                         size_t ranks, struct errbuf *eb)
{
    struct pass p = {.s = s, .scope = c, .result = result, .eb = eb};
    p.arena = arena_new(STREAM_BYTES_MAX);
    p.rows = strmap_new();
    enum err e =
        p.arena && p.rows ? streams_load(s, c, p.arena, &p.streams, eb) : pass_no_memory(&p);
    e = e == OK ? slots_make(&p) : e;
    if (e == OK && result->bucket == BUCKET_ALL &&
        (!ranking_make(&result->hosts, ranks, false) ||
         !ranking_make(&result->nets, ranks, true))) {
        e = pass_no_memory(&p);
    }
    e = e == OK ? parts_run(&p) : e;
    e = e == OK ? counts_list(&p) : e;
    strmap_free(p.rows);
    arena_free(p.arena);
    free(p.items);
    free(p.scratch);
    free(p.hot);
    free(p.cold);
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
    struct host_result *r = &s->hosts->results[s->hosts->next++ % RESULTS_KEPT];
    result_clear(r);
    e = pass_run(s, c, &ask, ranks > RANKS_KEPT ? ranks : RANKS_KEPT, eb);
    if (e != OK) {
        result_clear(&ask);
        return e;
    }
    *r = ask;
    *out = r;
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

/* ---- the union of host sets ---- */

/* Distinct hosts of one botnet in ascending order: the parts ascend, and so does each when sorted.
 */
static enum err union_give(struct pass *p, bool has_botnet, int64_t botnet,
                           void (*fn)(void *, uint64_t), void *arg)
{
    const struct scope *c = p->scope;
    enum err e = OK;
    for (unsigned part = 0; e == OK && !c->is_empty && part < HOST_PARTS; part++) {
        uint64_t last = 0;
        e = part_run(p, part, c->is_open ? BUCKET_NONE : c->first_day, c->last_day);
        const struct sort_item *sorted = sort_items(p->items, p->scratch, p->count);
        for (size_t i = 0; e == OK && i < p->count; i++) {
            uint32_t tag = p->hot[sorted[i].index].tag;
            bool is_in = !has_botnet || p->streams.botnet_text[p->streams.botnet[tag]] == botnet;
            if (is_in && sorted[i].b != last) {
                last = sorted[i].b; /* 0 is no host */
                fn(arg, last);
            }
        }
        p->count = 0;
    }
    return e;
}

static enum err union_run(struct store *s, const struct scope *c, struct slice botnet,
                          void (*fn)(void *, uint64_t), void *arg, struct errbuf *eb)
{
    struct host_result all = {.bucket = BUCKET_ALL};
    struct pass p = {.s = s, .scope = c, .result = &all, .eb = eb};
    int64_t label = TEXT_UNKNOWN;
    bool is_unknown = slice_eq(botnet, S("unknown"));
    enum err e = is_unknown ? OK : text_id(s, botnet, false, &label, eb);
    if (e != OK) {
        return e == ERR_NOTFOUND ? OK : e; /* nobody has that label */
    }
    p.arena = arena_new(STREAM_BYTES_MAX);
    e = p.arena ? streams_load(s, c, p.arena, &p.streams, eb) : pass_no_memory(&p);
    e = e == OK ? union_give(&p, botnet.n != 0, label, fn, arg) : e;
    arena_free(p.arena);
    free(p.items);
    free(p.scratch);
    free(p.hot);
    free(p.cold);
    return e;
}

enum err store_hosts(struct store *s, const struct store_filter *f, struct slice botnet,
                     void (*fn)(void *, uint64_t host), void *arg, struct errbuf *eb)
{
    struct scope scope;
    enum err e = store_begin_read(s, eb);
    if (e != OK) {
        return e;
    }
    e = scope_open(s, f, &scope, eb);
    if (e == OK) {
        e = union_run(s, &scope, botnet, fn, arg, eb);
        scope_close(&scope);
    }
    return store_end_read(s, e, eb);
}
