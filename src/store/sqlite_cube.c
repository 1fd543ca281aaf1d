/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Aggregates out: rollups and tallies summed by (bucket, value). A long period is its whole months
 * and, at the edges, the days of the others. */
#include "core/sort.h"
#include "store/generation.h"
#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the filter ---- */

static enum err scope_traps(struct store *s, const struct store_filter *f, struct scope *c,
                            struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t most = 0;
    size_t sites_max = 1;
    enum err e = store_statement(s, STATEMENT_TRAPS, &st, eb);
    while (e == OK && (e = store_step(s, st, "reading the traps", eb)) == OK) {
        int64_t id = sqlite3_column_int64(st, 0);
        most = id > most ? id : most;
        sites_max++;
    }
    if (e != ERR_END) {
        return e;
    }
    c->trap_count = (size_t)most + 1;
    c->traps = arena_calloc(c->arena, c->trap_count, sizeof *c->traps);
    c->sites = arena_calloc(c->arena, c->trap_count, sizeof *c->sites);
    c->positions = arena_calloc(c->arena, c->trap_count, sizeof *c->positions);
    c->trap_names = arena_calloc(c->arena, c->trap_count, sizeof *c->trap_names);
    c->site_names = arena_calloc(c->arena, sites_max, sizeof *c->site_names);
    struct strmap *sites = strmap_new();
    if (!c->traps || !c->sites || !c->positions || !c->trap_names || !c->site_names || !sites) {
        strmap_free(sites);
        return err_set(eb, ERR_NOMEM, "out of memory for traps");
    }
    uint32_t position = 0;
    e = store_statement(s, STATEMENT_TRAPS, &st, eb);
    while (e == OK && (e = store_step(s, st, "reading the traps", eb)) == OK) {
        size_t id = (size_t)sqlite3_column_int64(st, 0);
        struct slice name = column_slice(st, 1), site = column_slice(st, 2);
        bool is_new;
        uint64_t *number = strmap_put(sites, site, &is_new);
        if (number && is_new) {
            *number = c->site_count++;
            c->site_names[*number] = arena_copy(c->arena, site.n ? site : S("-"));
        }
        c->trap_names[id] = arena_copy(c->arena, name);
        if (!number || !c->trap_names[id].p || !c->site_names[*number].p) {
            e = err_set(eb, ERR_NOMEM, "out of memory for traps");
            sqlite3_reset(st);
            break;
        }
        c->sites[id] = (int64_t)*number;
        c->positions[id] = position++;
        c->traps[id] = (f->trap.n == 0 || slice_eq(f->trap, name)) &&
                       (f->site.n == 0 || slice_eq(f->site, site));
    }
    strmap_free(sites);
    return e == ERR_END ? OK : e;
}

static int32_t clipped(int64_t n)
{
    /* INT32_MIN is BUCKET_NONE. */
    return n <= INT32_MIN ? INT32_MIN + 1 : n > INT32_MAX ? INT32_MAX : (int32_t)n;
}

/* Keeps arithmetic on the ends of int64 from overflowing; no message is that old or new. */
static int64_t time_clipped(int64_t t)
{
    static const int64_t FAR = INT64_C(1) << 55;
    return t < -FAR ? -FAR : t > FAR ? FAR : t;
}

enum err scope_open(struct store *s, const struct store_filter *f, struct scope *out,
                    struct errbuf *eb)
{
    enum { SCOPE_BYTES_MAX = 256 * 1024 * 1024 };
    int64_t first = time_clipped(f->since), last = time_clipped(f->until) - 1;
    *out = (struct scope){
        .first_day = clipped(day_of(first)),
        .last_day = clipped(day_of(last)),
        .first_hour = clipped(hour_of(first)),
        .last_hour = clipped(hour_of(last)),
        .is_empty = f->until <= f->since,
        .is_open = f->since == INT64_MIN && f->until == INT64_MAX,
        .has_traps = f->trap.n != 0 || f->site.n != 0,
        .arena = arena_new(SCOPE_BYTES_MAX),
    };
    if (!out->arena) {
        return err_set(eb, ERR_NOMEM, "out of memory");
    }
    enum err e = scope_traps(s, f, out, eb);
    if (e != OK) {
        scope_close(out);
    }
    return e;
}

void scope_close(struct scope *c)
{
    arena_free(c->arena);
    c->arena = NULL;
}

enum err scope_begin_read(struct store *s, const struct store_filter *f, struct scope *out,
                          struct errbuf *eb)
{
    enum err e = store_begin_read(s, eb);
    if (e != OK) {
        return e;
    }
    e = scope_open(s, f, out, eb);
    return e == OK ? OK : store_end_read(s, e, eb);
}

enum err scope_end_read(struct store *s, struct scope *c, enum err e, struct errbuf *eb)
{
    scope_close(c);
    return store_end_read(s, e, eb);
}

/* ---- sums by (bucket, value) ---- */

struct sum {
    int32_t bucket;
    bool is_used;
    uint64_t value;
    uint64_t messages, recipients, bytes, expected, hosts; /* expected: millionths */
};

struct sums {
    struct sum *slots;
    size_t size, count;
};

static struct sum *sum_find(const struct sums *t, int32_t bucket, uint64_t value)
{
    size_t mask = t->size - 1;
    uint64_t h = (value * UINT64_C(0x9e3779b97f4a7c15)) ^
                 ((uint64_t)(uint32_t)bucket * UINT64_C(0xc2b2ae3d27d4eb4f));
    size_t at = (size_t)(h ^ h >> 29) & mask;
    while (t->slots[at].is_used && (t->slots[at].bucket != bucket || t->slots[at].value != value)) {
        at = (at + 1) & mask;
    }
    return &t->slots[at];
}

static struct sum *sum_put(struct sums *t, int32_t bucket, uint64_t value)
{
    if (2 * (t->count + 1) > t->size) {
        struct sums bigger = {.size = t->size ? t->size * 2 : 1024, .count = t->count};
        bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
        if (!bigger.slots) {
            return NULL;
        }
        for (size_t i = 0; i < t->size; i++) {
            if (t->slots[i].is_used) {
                *sum_find(&bigger, t->slots[i].bucket, t->slots[i].value) = t->slots[i];
            }
        }
        free(t->slots);
        *t = bigger;
    }
    struct sum *sum = sum_find(t, bucket, value);
    if (!sum->is_used) {
        *sum = (struct sum){.bucket = bucket, .value = value, .is_used = true};
        t->count++;
    }
    return sum;
}

struct cube {
    struct store *s;
    const struct scope *scope;
    enum bucket bucket;
    enum dimension d;
    struct sums sums;
    struct streams streams; /* BUCKET_HOUR */
    unsigned generation;    /* of labels; 0: the newest */
    struct errbuf *eb;
};

/* Adds a row of (.., .., .., messages, recipients, bytes, expected). False: no memory, and the
 * statement is reset. */
static bool row_sum(struct cube *c, sqlite3_stmt *st, int32_t bucket, int64_t value)
{
    struct sum *sum = sum_put(&c->sums, bucket, (uint64_t)value);
    if (!sum) {
        sqlite3_reset(st);
        return false;
    }
    sum->messages += (uint64_t)sqlite3_column_int64(st, 3);
    sum->recipients += (uint64_t)sqlite3_column_int64(st, 4);
    sum->bytes += (uint64_t)sqlite3_column_int64(st, 5);
    sum->expected += (uint64_t)sqlite3_column_int64(st, 6);
    return true;
}

int32_t bucket_of(enum bucket bucket, const struct rollup_span *span, int32_t at)
{
    return bucket == BUCKET_DAY     ? at
           : bucket == BUCKET_MONTH ? (span->is_month ? at : month_of_day(at))
                                    : 0;
}

static enum err no_memory(struct errbuf *eb)
{
    return err_set(eb, ERR_NOMEM, "out of memory for an aggregate");
}

static bool is_by_trap(enum dimension d)
{
    return d == DIMENSION_TRAP || d == DIMENSION_SITE;
}

/* Rows of a rollup: those of TRAP and SITE are TOTAL's. */
static enum err rollup_sum(struct cube *c, const struct rollup_span *span)
{
    sqlite3_stmt *st;
    enum dimension d = is_by_trap(c->d) ? DIMENSION_TOTAL : c->d;
    enum err e = rollup_open(c->s, d, span, &st, c->eb);
    while (e == OK && (e = store_step(c->s, st, "reading a rollup", c->eb)) == OK) {
        int32_t at = sqlite3_column_int(st, 0);
        int64_t trap = sqlite3_column_int64(st, 2);
        if (!scope_holds_trap(c->scope, trap)) {
            continue;
        }
        int64_t value = c->d == DIMENSION_TRAP   ? trap
                        : c->d == DIMENSION_SITE ? c->scope->sites[trap]
                                                 : sqlite3_column_int64(st, 1);
        if (!row_sum(c, st, bucket_of(c->bucket, span, at), value)) {
            return no_memory(c->eb);
        }
    }
    return e == ERR_END ? OK : e;
}

/* Entries of the tallies of one kind whose tag is a trap. */
static enum err tally_sum(struct cube *c, enum tally_kind kind, const struct rollup_span *span)
{
    sqlite3_stmt *st;
    enum err e = store_statement(c->s, STATEMENT_TALLY_RANGE, &st, c->eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, tally_key(kind, 0, span->first));
        sqlite3_bind_int64(st, 2, tally_key(kind, 0, span->last));
    }
    while (e == OK && (e = store_step(c->s, st, "reading a tally", c->eb)) == OK) {
        int32_t at = tally_key_bucket(sqlite3_column_int64(st, 0));
        int32_t bucket = bucket_of(c->bucket, span, at);
        struct tally_reader r;
        struct tally_entry entry;
        tally_read(&r, column_slice(st, 1));
        while (tally_next(&r, &entry)) {
            if (!scope_holds_trap(c->scope, entry.tag)) {
                continue;
            }
            struct sum *sum = sum_put(&c->sums, bucket, entry.key);
            if (!sum) {
                sqlite3_reset(st);
                return no_memory(c->eb);
            }
            sum->messages += entry.messages;
            sum->recipients += entry.recipients;
            sum->bytes += entry.bytes;
            sum->expected += entry.messages * 1000000;
        }
        if (r.is_bad) {
            sqlite3_reset(st);
            return err_set(c->eb, ERR_STORE, "%s: a tally is damaged; db verify says more",
                           c->s->path);
        }
    }
    return e == ERR_END ? OK : e;
}

/* Years outside 1..9999 hold no message; civil arithmetic stays within int. */
static int32_t day_in_years(int32_t day)
{
    enum { FIRST = -719162, LAST = 2932896 };
    return day < FIRST ? FIRST : day > LAST ? LAST : day;
}

static void span_add(struct rollup_span *spans, size_t *n, int32_t first, int32_t last,
                     bool is_month)
{
    if (first <= last) {
        spans[(*n)++] = (struct rollup_span){first, last, is_month};
    }
}

size_t scope_spans(const struct scope *p, enum bucket bucket, struct rollup_span spans[SPANS_MAX])
{
    size_t n = 0;
    if (p->is_empty) {
        return 0;
    }
    if (bucket == BUCKET_DAY) {
        span_add(spans, &n, p->first_day, p->last_day, false);
        return n;
    }
    int32_t first_day = day_in_years(p->first_day), last_day = day_in_years(p->last_day);
    int32_t first = month_of_day(first_day), last = month_of_day(last_day);
    bool starts_whole = month_first_day(first) == first_day || p->first_day < first_day;
    bool ends_whole = month_first_day(last + 1) - 1 == last_day || p->last_day > last_day;
    int32_t first_whole = starts_whole ? first : first + 1,
            last_whole = ends_whole ? last : last - 1;
    if (first_whole > last_whole) {
        span_add(spans, &n, first_day, last_day, false);
        return n;
    }
    if (p->is_open && bucket == BUCKET_ALL) {
        span_add(spans, &n, BUCKET_NONE, BUCKET_NONE, true);
    }
    span_add(spans, &n, first_day, month_first_day(first_whole) - 1, false);
    span_add(spans, &n, first_whole, last_whole, true);
    span_add(spans, &n, month_first_day(last_whole + 1), last_day, false);
    return n;
}

enum err rollup_open(struct store *s, unsigned dim, const struct rollup_span *span,
                     sqlite3_stmt **out, struct errbuf *eb)
{
    enum err e =
        store_statement(s, span->is_month ? STATEMENT_MONTH_RANGE : STATEMENT_DAY_RANGE, out, eb);
    if (e == OK) {
        sqlite3_bind_int(*out, 1, (int)dim);
        sqlite3_bind_int(*out, 2, span->first);
        sqlite3_bind_int(*out, 3, span->last);
    }
    return e;
}

static enum err period_sum(struct cube *c)
{
    struct rollup_span spans[SPANS_MAX];
    size_t n = scope_spans(c->scope, c->bucket, spans);
    enum err e = OK;
    for (size_t i = 0; e == OK && i < n; i++) {
        bool is_month = spans[i].is_month;
        e = c->d == DIMENSION_ASN
                ? tally_sum(c, is_month ? TALLY_ASN_MONTH : TALLY_ASN_DAY, &spans[i])
            : c->d == DIMENSION_DOMAIN
                ? tally_sum(c, is_month ? TALLY_DOMAIN_MONTH : TALLY_DOMAIN_DAY, &spans[i])
                : rollup_sum(c, &spans[i]);
    }
    return e;
}

/* What the labels were in an older generation: the differences of all since. */
static enum err differences_sum(struct cube *c, int32_t first, int32_t last)
{
    const struct rollup_span span = {first, last, false};
    sqlite3_stmt *st;
    enum err e = differences_open(c->s, c->generation, c->d, &span, &st, c->eb);
    while (e == OK && (e = store_step(c->s, st, "reading a generation", c->eb)) == OK) {
        int32_t day = sqlite3_column_int(st, 0);
        if (!scope_holds_trap(c->scope, sqlite3_column_int64(st, 2))) {
            continue;
        }
        if (!row_sum(c, st, bucket_of(c->bucket, &span, day), sqlite3_column_int64(st, 1))) {
            return no_memory(c->eb);
        }
    }
    return e == ERR_END ? OK : e;
}

static enum err generation_sum(struct cube *c)
{
    const struct scope *p = c->scope;
    enum err e = period_sum(c);
    if (e == OK && p->is_open && c->bucket == BUCKET_ALL) {
        e = differences_sum(c, BUCKET_NONE, BUCKET_NONE);
    }
    return e == OK && !p->is_empty && p->first_day <= p->last_day
               ? differences_sum(c, p->first_day, p->last_day)
               : e;
}

/* ---- hours ---- */

enum err hours_each(struct store *s, const struct scope *p, const struct streams *streams,
                    hour_fn fn, void *arg, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = p->is_empty ? ERR_END : store_statement(s, STATEMENT_TALLY_RANGE, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, tally_key(TALLY_HOUR, 0, p->first_hour));
        sqlite3_bind_int64(st, 2, tally_key(TALLY_HOUR, 0, p->last_hour));
    }
    while (e == OK && (e = store_step(s, st, "reading the hours", eb)) == OK) {
        int32_t hour = tally_key_bucket(sqlite3_column_int64(st, 0));
        struct tally_reader r;
        struct tally_entry entry;
        tally_read(&r, column_slice(st, 1));
        while (e == OK && tally_next(&r, &entry)) {
            uint32_t trap = entry.tag < streams->count ? streams->trap[entry.tag] : 0;
            e = scope_holds_trap(p, trap) ? fn(arg, hour, trap, &entry) : OK;
        }
        if (e == OK && r.is_bad) {
            e = err_set(eb, ERR_STORE, "%s: a tally is damaged; db verify says more", s->path);
        }
        if (e != OK) {
            sqlite3_reset(st);
        }
    }
    return e == ERR_END ? OK : e;
}

uint64_t hour_value(const struct streams *streams, enum dimension d,
                    const struct tally_entry *entry)
{
    return d == DIMENSION_BOTNET    ? (uint64_t)streams->botnet_text[streams->botnet[entry->tag]]
           : d == DIMENSION_PROGRAM ? entry->key >> 16
           : d == DIMENSION_COUNTRY ? entry->key & 0xffff
                                    : 0;
}

static enum err hour_sum(void *arg, int32_t hour, uint32_t trap, const struct tally_entry *entry)
{
    struct cube *c = arg;
    uint64_t value = c->d == DIMENSION_TRAP   ? trap
                     : c->d == DIMENSION_SITE ? (uint64_t)c->scope->sites[trap]
                                              : hour_value(&c->streams, c->d, entry);
    struct sum *sum = sum_put(&c->sums, hour, value);
    if (!sum) {
        return no_memory(c->eb);
    }
    sum->messages += entry->messages;
    sum->recipients += entry->recipients;
    sum->bytes += entry->bytes;
    sum->expected += entry->messages * 1000000;
    return OK;
}

static enum err hours_sum(struct cube *c)
{
    enum err e = streams_load(c->s, c->scope, c->scope->arena, &c->streams, c->eb);
    return e == OK ? hours_each(c->s, c->scope, &c->streams, hour_sum, c, c->eb) : e;
}

/* ---- hosts ---- */

static enum err host_count_put(void *arg, int32_t bucket, int64_t value, uint64_t hosts)
{
    struct cube *c = arg;
    struct sum *sum = sum_put(&c->sums, bucket, (uint64_t)value);
    if (!sum) {
        return no_memory(c->eb);
    }
    sum->hosts = hosts;
    return OK;
}

static bool has_hosts(enum bucket bucket, enum dimension d)
{
    return bucket != BUCKET_HOUR && (d == DIMENSION_TOTAL || d == DIMENSION_BOTNET ||
                                     d == DIMENSION_TRAP || d == DIMENSION_SITE);
}

/* ---- rows out ---- */

struct out_row {
    const struct sum *sum;
    struct slice value;
};

enum err value_text(struct store *s, const struct scope *scope, enum dimension d, uint64_t value,
                    struct slice *out, struct errbuf *eb)
{
    char text[32];
    struct slice borrowed = slice_of(text, 0);
    switch (d) {
    case DIMENSION_TOTAL:
        borrowed = S("all");
        break;
    case DIMENSION_BOTNET:
    case DIMENSION_MAILER:
    case DIMENSION_PROGRAM: {
        enum err e = value == TEXT_UNKNOWN ? OK : text_value(s, (int64_t)value, &borrowed, eb);
        if (e != OK) {
            return e;
        }
        borrowed = value == TEXT_UNKNOWN ? S("unknown") : borrowed;
        break;
    }
    case DIMENSION_COUNTRY:
        country_text((unsigned)value, text);
        borrowed.n = strlen(text);
        break;
    case DIMENSION_ASN:
        borrowed.n = (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
        break;
    case DIMENSION_TRAP:
        borrowed = value < scope->trap_count ? scope->trap_names[value] : borrowed;
        break;
    case DIMENSION_SITE:
        borrowed = value < scope->site_count ? scope->site_names[value] : borrowed;
        break;
    case DIMENSION_QUIRK:
        borrowed = value < QUIRK_COUNT ? slice_cstr(quirk_name((unsigned)value)) : S("?");
        break;
    case DIMENSION_CLOCK: {
        static const char *const NAMES[] = {"none", "received", "envelope", "trap"};
        borrowed = value < 4 ? slice_cstr(NAMES[value]) : S("?");
        break;
    }
    default:
        break;
    }
    *out = arena_copy(scope->arena, borrowed);
    return borrowed.n != 0 && !out->p ? no_memory(eb) : OK;
}

static int row_cmp(const void *a, const void *b)
{
    const struct out_row *x = a, *y = b;
    if (x->sum->bucket != y->sum->bucket) {
        return x->sum->bucket < y->sum->bucket ? -1 : 1;
    }
    return slice_cmp(x->value, y->value);
}

static int rank_cmp(const void *a, const void *b)
{
    const struct out_row *x = a, *y = b;
    if (x->sum->messages != y->sum->messages) {
        return x->sum->messages > y->sum->messages ? -1 : 1;
    }
    return slice_cmp(x->value, y->value);
}

/* Domains are ranked before their names are known: equal counts go by key. */
static int rank_key_cmp(const void *a, const void *b)
{
    const struct out_row *x = a, *y = b;
    if (x->sum->messages != y->sum->messages) {
        return x->sum->messages > y->sum->messages ? -1 : 1;
    }
    return (x->sum->value > y->sum->value) - (x->sum->value < y->sum->value);
}

/* The rows of domains, of a ranking the first `limit` ones only, with their names; what has no name
 * is left out of a ranking. */
static enum err domain_rows_make(struct cube *c, struct out_row *rows, size_t limit, bool is_ranked,
                                 size_t *count)
{
    size_t n = 0, named = 0;
    for (size_t i = 0; i < c->sums.size; i++) {
        if (c->sums.slots[i].is_used) {
            rows[n++] = (struct out_row){.sum = &c->sums.slots[i], .value = S("?")};
        }
    }
    if (is_ranked) {
        qsort(rows, n, sizeof *rows, rank_key_cmp);
        n = n < limit ? n : limit;
    }
    struct domain_name *names = calloc(n + 1, sizeof *names);
    if (!names) {
        return no_memory(c->eb);
    }
    for (size_t i = 0; i < n; i++) {
        names[i] =
            (struct domain_name){.key = rows[i].sum->value, .arena = c->scope->arena, .index = i};
    }
    enum err e = domain_names(c->s, names, n, is_ranked, c->eb);
    for (size_t i = 0; i < n; i++) {
        if (names[i].name.n) {
            rows[names[i].index].value = names[i].name;
        }
    }
    free(names);
    for (size_t i = 0; i < n; i++) {
        if (!is_ranked || !slice_eq(rows[i].value, S("?"))) {
            rows[named++] = rows[i];
        }
    }
    *count = named;
    return e;
}

/* The text of a value is looked up once, not once a bucket. */
static enum err rows_make(struct cube *c, struct out_row *rows, size_t *count)
{
    enum err e = OK;
    size_t n = 0;
    struct strmap *texts = strmap_new();
    if (!texts) {
        return no_memory(c->eb);
    }
    for (size_t i = 0; e == OK && i < c->sums.size; i++) {
        const struct sum *sum = &c->sums.slots[i];
        bool is_new;
        if (!sum->is_used || (c->generation && !sum->messages && !sum->expected)) {
            continue;
        }
        uint64_t *index =
            strmap_put(texts, slice_of((const char *)&sum->value, sizeof sum->value), &is_new);
        if (!index) {
            e = no_memory(c->eb);
        } else if (is_new) {
            *index = n;
            e = value_text(c->s, c->scope, c->d, sum->value, &rows[n].value, c->eb);
        } else {
            rows[n].value = rows[*index].value;
        }
        rows[n++].sum = sum;
    }
    strmap_free(texts);
    *count = n;
    return e;
}

int64_t bucket_start(enum bucket bucket, int32_t n)
{
    return bucket == BUCKET_HOUR    ? (int64_t)n * 3600
           : bucket == BUCKET_DAY   ? (int64_t)n * SECONDS_PER_DAY
           : bucket == BUCKET_MONTH ? (int64_t)month_first_day(n) * SECONDS_PER_DAY
                                    : INT64_MIN;
}

static enum err rows_give(struct cube *c, size_t limit, bool is_ranked, cube_fn fn, void *arg)
{
    size_t n = 0;
    struct out_row *rows = malloc((c->sums.count + 1) * sizeof *rows);
    enum err e = !rows                      ? no_memory(c->eb)
                 : c->d == DIMENSION_DOMAIN ? domain_rows_make(c, rows, limit, is_ranked, &n)
                                            : rows_make(c, rows, &n);
    if (e == OK && n > 0) {
        qsort(rows, n, sizeof *rows, is_ranked ? rank_cmp : row_cmp);
    }
    for (size_t i = 0; e == OK && i < n && i < limit; i++) {
        const struct sum *sum = rows[i].sum;
        struct cube_row row = {
            .bucket = bucket_start(c->bucket, sum->bucket),
            .value = rows[i].value,
            .units = {.messages = sum->messages,
                      .recipients = sum->recipients,
                      .bytes = sum->bytes,
                      .hosts = sum->hosts,
                      .expected = (double)sum->expected / 1e6},
        };
        fn(arg, &row);
    }
    free(rows);
    return e;
}

static enum err cube_run(struct cube *c, size_t limit, bool is_ranked, cube_fn fn, void *arg)
{
    enum err e = c->bucket == BUCKET_HOUR ? hours_sum(c)
                 : c->generation          ? generation_sum(c)
                                          : period_sum(c);
    if (e == OK && !c->generation && has_hosts(c->bucket, c->d)) {
        e = hosts_distinct(c->s, c->scope, c->bucket, c->d, host_count_put, c, c->eb);
    }
    e = e == OK ? rows_give(c, limit, is_ranked, fn, arg) : e;
    free(c->sums.slots);
    return e;
}

static bool has_hours(enum dimension d)
{
    return d == DIMENSION_TOTAL || d == DIMENSION_BOTNET || d == DIMENSION_PROGRAM ||
           d == DIMENSION_COUNTRY || is_by_trap(d);
}

static enum err cube_open(struct store *s, const struct store_filter *f, enum bucket bucket,
                          enum dimension d, size_t limit, bool is_ranked, cube_fn fn, void *arg,
                          struct errbuf *eb)
{
    struct scope scope;
    enum err e = scope_begin_read(s, f, &scope, eb);
    if (e != OK) {
        return e;
    }
    struct cube c = {.s = s, .scope = &scope, .bucket = bucket, .d = d, .eb = eb};
    e = cube_run(&c, limit, is_ranked, fn, arg);
    return scope_end_read(s, &scope, e, eb);
}

enum err store_generation_cube(struct store *s, const struct store_filter *f, unsigned number,
                               enum bucket bucket, enum dimension d, cube_fn fn, void *arg,
                               struct errbuf *eb)
{
    struct scope scope;
    if (bucket == BUCKET_HOUR) {
        return err_set(eb, ERR_UNSUPPORTED, "generations are of labels, by day or month");
    }
    enum err e = store_begin_read(s, eb);
    if (e != OK) {
        return e;
    }
    e = generation_check(s, number, d, eb);
    e = e == OK ? scope_open(s, f, &scope, eb) : e;
    if (e == OK) {
        struct cube c = {
            .s = s, .scope = &scope, .bucket = bucket, .d = d, .generation = number, .eb = eb};
        e = cube_run(&c, SIZE_MAX, false, fn, arg);
        scope_close(&scope);
    }
    return store_end_read(s, e, eb);
}

enum err store_cube(struct store *s, const struct store_filter *f, enum bucket bucket,
                    enum dimension d, cube_fn fn, void *arg, struct errbuf *eb)
{
    if (d == DIMENSION_HOST || d == DIMENSION_NET24 || (unsigned)d >= DIMENSION_COUNT) {
        return err_set(eb, ERR_UNSUPPORTED, "no cube by %s: ask for the top ones",
                       dimension_name(d));
    }
    if (bucket == BUCKET_HOUR && !has_hours(d)) {
        return err_set(eb, ERR_UNSUPPORTED, "%s is not counted by the hour", dimension_name(d));
    }
    return cube_open(s, f, bucket, d, SIZE_MAX, false, fn, arg, eb);
}

static enum err hosts_give(struct store *s, const struct scope *scope, enum dimension d,
                           size_t limit, cube_fn fn, void *arg, struct errbuf *eb)
{
    const struct host_rank *ranks;
    size_t count;
    enum err e = hosts_top(s, scope, d, limit, &ranks, &count, eb);
    for (size_t i = 0; e == OK && i < count; i++) {
        char text[IP_TEXT_BYTES + 4];
        bool is_net = d == DIMENSION_NET24;
        bool is_v6 = !is_net && ranks[i].key > UINT32_MAX;
        ip_text(host_ip(is_net ? ranks[i].key << 8 : ranks[i].key), text);
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s", is_net ? "/24" : is_v6 ? "/64" : "");
        struct cube_row row = {
            .bucket = INT64_MIN, .value = slice_cstr(text), .units = ranks[i].units};
        fn(arg, &row);
    }
    return e;
}

enum err store_top(struct store *s, const struct store_filter *f, enum dimension d, size_t limit,
                   unsigned *least_daily, cube_fn fn, void *arg, struct errbuf *eb)
{
    if (least_daily) {
        *least_daily = 0; /* all are counted */
    }
    if (d != DIMENSION_HOST && d != DIMENSION_NET24) {
        return (unsigned)d < DIMENSION_COUNT
                   ? cube_open(s, f, BUCKET_ALL, d, limit, true, fn, arg, eb)
                   : err_set(eb, ERR_UNSUPPORTED, "no such dimension");
    }
    struct scope scope;
    enum err e = scope_begin_read(s, f, &scope, eb);
    if (e != OK) {
        return e;
    }
    e = hosts_give(s, &scope, d, limit, fn, arg, eb);
    return scope_end_read(s, &scope, e, eb);
}

/* ---- span ---- */

static enum err rollup_total(struct store *s, const struct scope *scope, unsigned dim,
                             int64_t value, uint64_t *messages, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_MONTH_RANGE, &st, eb);
    *messages = 0;
    if (e == OK) {
        sqlite3_bind_int(st, 1, (int)dim);
        sqlite3_bind_int(st, 2, INT32_MIN);
        sqlite3_bind_int(st, 3, INT32_MAX);
    }
    while (e == OK && (e = store_step(s, st, "reading a rollup", eb)) == OK) {
        if (scope_holds_trap(scope, sqlite3_column_int64(st, 2)) &&
            sqlite3_column_int64(st, 1) == value) {
            *messages += (uint64_t)sqlite3_column_int64(st, 3);
        }
    }
    return e == ERR_END ? OK : e;
}

static enum err span_of(struct store *s, const struct scope *scope, struct store_span *out,
                        struct errbuf *eb)
{
    struct store_span span = {0};
    const struct {
        unsigned dim;
        int64_t value;
        uint64_t *messages;
    } counts[] = {
        {DIMENSION_CLOCK, CLOCK_NONE, &span.no_clock},
        {ROLLUP_NO_CLIENT, 0, &span.no_client},
        {ROLLUP_CONFLICT, 0, &span.conflicts},
        {ROLLUP_CLOCK_OFF, 0, &span.clock_off},
    };
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_TRAPS, &st, eb);
    while (e == OK && (e = store_step(s, st, "reading the traps", eb)) == OK) {
        int64_t first = sqlite3_column_int64(st, 3), last = sqlite3_column_int64(st, 4);
        if (!scope_holds_trap(scope, sqlite3_column_int64(st, 0))) {
            continue;
        }
        span.messages += (uint64_t)sqlite3_column_int64(st, 5);
        span.first = span.first == 0 || (first != 0 && first < span.first) ? first : span.first;
        span.last = span.last == 0 || (last != 0 && last > span.last) ? last : span.last;
    }
    e = e == ERR_END ? OK : e;
    for (size_t i = 0; e == OK && i < sizeof counts / sizeof *counts; i++) {
        e = rollup_total(s, scope, counts[i].dim, counts[i].value, counts[i].messages, eb);
    }
    if (e == OK) {
        *out = span;
    }
    return e;
}

enum err store_span(struct store *s, const struct store_filter *f, struct store_span *out,
                    struct errbuf *eb)
{
    struct scope scope;
    enum err e = scope_begin_read(s, f, &scope, eb);
    if (e != OK) {
        return e;
    }
    e = span_of(s, &scope, out, eb);
    return scope_end_read(s, &scope, e, eb);
}
