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
    size_t count, size;
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

static void rank_offer(struct ranking *r, const struct host_rank *rank)
{
    size_t at = r->count;
    if (at == r->limit) {
        if (at == 0 || !rank_before(r, rank, &r->ranks[at - 1])) {
            return;
        }
        at--;
    } else {
        r->count++;
    }
    for (; at > 0 && rank_before(r, rank, &r->ranks[at - 1]); at--) {
        r->ranks[at] = r->ranks[at - 1];
    }
    r->ranks[at] = *rank;
}

static void units_add(struct units *sum, const struct tally_entry *e)
{
    sum->messages += e->messages;
    sum->recipients += e->recipients;
    sum->bytes += e->bytes;
}

/* ---- one pass ---- */

/* Distinct counts of one label dimension inside a bucket: a value is counted once a run. */
struct distinct {
    enum dimension d;
    uint32_t *last_run;
    uint64_t *hosts;
    size_t count;
};

enum { DISTINCT_BOTNET, DISTINCT_TRAP, DISTINCT_SITE, DISTINCTS };

struct pass {
    struct store *s;
    const struct scope *scope;
    struct streams streams;
    struct host_result *result;
    struct strmap *index; /* of result->counts */
    struct arena *arena;
    struct distinct distinct[DISTINCTS];
    uint64_t total;
    uint32_t run;
    struct sort_item *items, *scratch; /* a: bucket, b: host, index: entry */
    struct tally_entry *entries;
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
    struct tally_entry *entries = realloc(p->entries, size * sizeof *entries);
    p->entries = entries ? entries : p->entries;
    if (!items || !scratch || !entries) {
        return pass_no_memory(p);
    }
    p->size = size;
    return OK;
}

static enum err count_add(struct pass *p, int32_t bucket, enum dimension d, int64_t value,
                          uint64_t hosts)
{
    struct host_result *r = p->result;
    const int64_t key[3] = {bucket, d, value};
    bool is_new;
    uint64_t *at = strmap_put(p->index, slice_of((const char *)key, sizeof key), &is_new);
    if (!at) {
        return pass_no_memory(p);
    }
    if (is_new) {
        if (r->count == r->size) {
            size_t size = r->size ? r->size * 2 : 256;
            struct host_count *counts = realloc(r->counts, size * sizeof *counts);
            if (!counts) {
                return pass_no_memory(p);
            }
            r->counts = counts;
            r->size = size;
        }
        *at = r->count;
        r->counts[r->count++] = (struct host_count){bucket, d, value, 0};
    }
    r->counts[*at].hosts += hosts;
    return OK;
}

/* Moves the counts of one bucket of one group into the result. */
static enum err bucket_end(struct pass *p, int32_t bucket)
{
    enum err e = p->total ? count_add(p, bucket, DIMENSION_TOTAL, 0, p->total) : OK;
    p->total = 0;
    for (int i = 0; i < DISTINCTS; i++) {
        struct distinct *d = &p->distinct[i];
        for (size_t v = 0; e == OK && v < d->count; v++) {
            if (d->hosts[v] != 0) {
                int64_t value = i == DISTINCT_BOTNET ? p->streams.botnet_text[v] : (int64_t)v;
                e = count_add(p, bucket, d->d, value, d->hosts[v]);
                d->hosts[v] = 0;
            }
        }
    }
    return e;
}

static inline void distinct_see(struct distinct *d, uint32_t value, uint32_t run)
{
    if (d->last_run[value] != run) {
        d->last_run[value] = run;
        d->hosts[value]++;
    }
}

static inline void entry_see(struct pass *p, const struct tally_entry *e)
{
    distinct_see(&p->distinct[DISTINCT_BOTNET], p->streams.botnet[e->tag], p->run);
    distinct_see(&p->distinct[DISTINCT_TRAP], p->streams.trap[e->tag], p->run);
    distinct_see(&p->distinct[DISTINCT_SITE], p->streams.site[e->tag], p->run);
}

static void net_add(struct pass *p, struct host_rank *net, const struct host_rank *host)
{
    if (host->key > UINT32_MAX) {
        return;
    }
    if (net->units.hosts != 0 && net->key != host->key >> 8) {
        rank_offer(&p->result->nets, net);
        *net = (struct host_rank){0};
    }
    net->key = host->key >> 8;
    net->units.hosts++;
    net->units.messages += host->units.messages;
    net->units.recipients += host->units.recipients;
    net->units.bytes += host->units.bytes;
}

/* All entries of one group: a part of the address space (of a day: BUCKET_DAY). */
static enum err group_end(struct pass *p)
{
    bool is_all = p->result->bucket == BUCKET_ALL;
    struct host_rank net = {0};
    enum err e = OK;
    const struct sort_item *sorted = sort_items(p->items, p->scratch, p->count);
    for (size_t i = 0; e == OK && i < p->count;) {
        int32_t bucket = (int32_t)((int64_t)sorted[i].a + INT32_MIN);
        struct host_rank host = {.key = sorted[i].b};
        size_t from = i;
        p->run++;
        p->total++;
        for (; i < p->count && sorted[i].b == host.key && sorted[i].a == sorted[from].a; i++) {
            const struct tally_entry *entry = &p->entries[sorted[i].index];
            entry_see(p, entry);
            units_add(&host.units, entry);
        }
        if (is_all) {
            host.units.hosts = 1;
            rank_offer(&p->result->hosts, &host);
            net_add(p, &net, &host);
        }
        if (i == p->count || sorted[i].a != sorted[from].a) {
            e = bucket_end(p, bucket);
        }
    }
    if (net.units.hosts != 0) {
        rank_offer(&p->result->nets, &net);
    }
    p->count = 0;
    return e;
}

static enum err blob_add(struct pass *p, struct slice packed, int32_t bucket)
{
    struct tally_reader r;
    struct tally_entry entry;
    tally_read(&r, packed);
    while (tally_next(&r, &entry)) {
        if (entry.tag >= p->streams.count ||
            !scope_holds_trap(p->scope, p->streams.trap[entry.tag])) {
            continue;
        }
        if (p->count == p->size) {
            enum err e = pass_grow(p);
            if (e != OK) {
                return e;
            }
        }
        p->entries[p->count] = entry;
        p->items[p->count] = (struct sort_item){.a = (uint64_t)((int64_t)bucket - INT32_MIN),
                                                .b = entry.key,
                                                .index = (uint32_t)p->count};
        p->count++;
    }
    return r.is_bad ? err_set(p->eb, ERR_STORE, "%s: a host tally is damaged; db verify says more",
                              p->s->path)
                    : OK;
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
        e = blob_add(p, column_slice(st, 1),
                     bucket == BUCKET_DAY     ? day
                     : bucket == BUCKET_MONTH ? month_of_day(day)
                                              : 0);
        e = e == OK && bucket == BUCKET_DAY ? group_end(p) : e;
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
        e = e == OK ? group_end(p) : e;
    }
    return e;
}

static bool distinct_make(struct pass *p, int which, enum dimension d, size_t count)
{
    struct distinct *x = &p->distinct[which];
    *x = (struct distinct){d, arena_calloc(p->arena, count + 1, sizeof *x->last_run),
                           arena_calloc(p->arena, count + 1, sizeof *x->hosts), count};
    return x->last_run && x->hosts;
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
    p.index = strmap_new();
    enum err e =
        p.arena && p.index ? streams_load(s, c, p.arena, &p.streams, eb) : pass_no_memory(&p);
    if (e == OK &&
        (!distinct_make(&p, DISTINCT_BOTNET, DIMENSION_BOTNET, p.streams.botnet_count) ||
         !distinct_make(&p, DISTINCT_TRAP, DIMENSION_TRAP, c->trap_count) ||
         !distinct_make(&p, DISTINCT_SITE, DIMENSION_SITE, c->site_count) ||
         (result->bucket == BUCKET_ALL && (!ranking_make(&result->hosts, ranks, false) ||
                                           !ranking_make(&result->nets, ranks, true))))) {
        e = pass_no_memory(&p);
    }
    e = e == OK ? parts_run(&p) : e;
    strmap_free(p.index);
    arena_free(p.arena);
    free(p.items);
    free(p.scratch);
    free(p.entries);
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
            uint32_t tag = p->entries[sorted[i].index].tag;
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
    free(p.entries);
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
