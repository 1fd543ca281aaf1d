/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counting: what a batch adds to the rollups and tallies is summed up in memory and written once
 * per touched key, in key order. All counts are integers, so that any order and any split into
 * batches gives the same store. */
#include "core/sort.h"
#include "store/sqlite.h"
#include "store/trap.h"

#include <stdlib.h>

enum {
    CELLS_MAX = 32768,      /* rollup cells pending: 3 MiB with the half empty table */
    INCREMENTS_MAX = 98304, /* tally increments pending: 7 MiB with the sort's two arrays. Those of
                               a batch: each flush writes the month's tallies anew */
    EXPECTED_ONE = 1000000,
};

/* One row of a rollup. a: dim << 32 | bucket, b: value << 32 | trap: ordered as the table is. */
struct cell {
    uint64_t a, b;
    uint64_t messages, recipients, bytes, expected;
    bool is_used;
};

struct cells {
    struct cell *slots;
    size_t size, count;
};

struct increment {
    uint64_t messages, recipients, bytes; /* what is taken away wraps around, as everywhere here */
};

struct counting {
    struct cells days, months;
    struct sort_item *items, *scratch; /* a: tally key, b: key, c: tag, index: increment */
    struct increment *increments;
    size_t count;
    struct tally_entry *entries;
    struct strbuf packed;
};

int32_t month_of_day(int32_t day)
{
    int year, month, d;
    if (day == BUCKET_NONE) {
        return BUCKET_NONE;
    }
    days_to_civil(day, &year, &month, &d);
    return year * 12 + month - 1;
}

int32_t month_first_day(int32_t month)
{
    int year = month >= 0 ? month / 12 : -((11 - month) / 12);
    return (int32_t)civil_to_days(year, month - year * 12 + 1, 1);
}

int64_t hour_of(int64_t t)
{
    return t >= 0 ? t / 3600 : -1 - (-1 - t) / 3600;
}

static struct cell *cell_find(const struct cells *c, uint64_t a, uint64_t b)
{
    size_t mask = c->size - 1;
    uint64_t h = (a * UINT64_C(0x9e3779b97f4a7c15)) ^ (b * UINT64_C(0xc2b2ae3d27d4eb4f));
    size_t at = (size_t)(h ^ h >> 29) & mask;
    while (c->slots[at].is_used && (c->slots[at].a != a || c->slots[at].b != b)) {
        at = (at + 1) & mask;
    }
    return &c->slots[at];
}

static bool cells_grow(struct cells *c)
{
    struct cells bigger = {.size = c->size ? c->size * 2 : 2048, .count = c->count};
    bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
    if (!bigger.slots) {
        return false;
    }
    for (size_t i = 0; i < c->size; i++) {
        if (c->slots[i].is_used) {
            *cell_find(&bigger, c->slots[i].a, c->slots[i].b) = c->slots[i];
        }
    }
    free(c->slots);
    *c = bigger;
    return true;
}

static void cells_clear(struct cells *c)
{
    if (c->count != 0) {
        memset(c->slots, 0, c->size * sizeof *c->slots);
    }
    c->count = 0;
}

static uint64_t cell_a(unsigned dim, int32_t bucket)
{
    return (uint64_t)dim << 32 | (uint32_t)((int64_t)bucket - INT32_MIN);
}

/* The cell's place, made when it is not there; NULL when out of memory. */
static struct cell *cell_put(struct cells *c, uint64_t a, uint64_t b)
{
    if (2 * (c->count + 1) > c->size && !cells_grow(c)) {
        return NULL;
    }
    struct cell *cell = cell_find(c, a, b);
    if (!cell->is_used) {
        *cell = (struct cell){.a = a, .b = b, .is_used = true};
        c->count++;
    }
    return cell;
}

/* 1, or -1 for what is taken away: all sums are modulo 2^64. */
static uint64_t sign_of(const struct counted *m)
{
    return m->is_removed ? UINT64_MAX : 1;
}

static bool cell_add(struct counting *c, unsigned dim, int32_t day, int64_t value,
                     const struct counted *m, uint64_t expected)
{
    struct cell *cell =
        cell_put(&c->days, cell_a(dim, day), (uint64_t)value << 32 | (uint32_t)m->trap);
    if (cell) {
        cell->messages += sign_of(m);
        cell->recipients += sign_of(m) * m->recipients;
        cell->bytes += sign_of(m) * m->bytes;
        cell->expected += sign_of(m) * expected;
    }
    return cell;
}

static bool soft_add(struct counting *c, const struct counted *m, int32_t day,
                     const struct soft_count *soft)
{
    struct cell *cell =
        cell_put(&c->days, cell_a(soft->dim, day), (uint64_t)soft->value << 32 | (uint32_t)m->trap);
    if (cell) {
        cell->expected += sign_of(m) * soft->expected;
    }
    return cell;
}

static void tally_add(struct counting *c, int64_t tally, uint64_t key, int64_t tag,
                      const struct counted *m)
{
    c->items[c->count] = (struct sort_item){
        .a = (uint64_t)tally, .b = key, .c = (uint32_t)tag, .index = (uint32_t)c->count};
    c->increments[c->count++] =
        (struct increment){sign_of(m), sign_of(m) * m->recipients, sign_of(m) * m->bytes};
}

static uint64_t expected_of(uint64_t have, uint64_t most)
{
    return have < most ? have : most;
}

void counted_label(struct counted *m, enum dimension d, const struct label_ids *l)
{
    uint64_t left = EXPECTED_ONE;
    const struct {
        int64_t label;
        uint64_t expected;
    } parts[] = {{l->best, l->posterior}, {l->runner_up, l->runner_up_posterior}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        uint64_t expected = expected_of(parts[i].expected, left);
        if (parts[i].label != TEXT_UNKNOWN && expected != 0) {
            m->soft[m->soft_count++] = (struct soft_count){d, parts[i].label, expected};
            left -= expected;
        }
    }
    if (left != 0) {
        m->soft[m->soft_count++] = (struct soft_count){d, TEXT_UNKNOWN, left};
    }
}

static enum err counting_make(struct store *s, struct errbuf *eb)
{
    struct counting *c = s->counting;
    if (c) {
        return OK;
    }
    c = calloc(1, sizeof *c);
    if (c) {
        s->counting = c;
        c->items = malloc(INCREMENTS_MAX * sizeof *c->items);
        c->scratch = malloc(INCREMENTS_MAX * sizeof *c->scratch);
        c->increments = malloc(INCREMENTS_MAX * sizeof *c->increments);
        if (c->items && c->scratch && c->increments) {
            return OK;
        }
        count_free(s);
    }
    return err_set(eb, ERR_NOMEM, "out of memory for counting");
}

void count_forget(struct store *s)
{
    if (s->counting) {
        cells_clear(&s->counting->days);
        cells_clear(&s->counting->months);
        s->counting->count = 0;
    }
}

void count_free(struct store *s)
{
    struct counting *c = s->counting;
    if (c) {
        free(c->days.slots);
        free(c->months.slots);
        free(c->items);
        free(c->scratch);
        free(c->increments);
        free(c->entries);
        strbuf_free(&c->packed);
        free(c);
        s->counting = NULL;
    }
}

/* What is received after it arrived is a clock that is off. */
static bool lag_is_counted(const struct counted *m, int32_t day)
{
    return day != BUCKET_NONE && m->arrived != BUCKET_NONE && m->arrived >= day &&
           m->arrived - day <= LAG_DAYS_MAX;
}

static bool cells_count(struct counting *c, const struct counted *m, int32_t day)
{
    bool ok = cell_add(c, DIMENSION_TOTAL, day, 0, m, EXPECTED_ONE) &&
              cell_add(c, DIMENSION_CLOCK, day, m->clock, m, EXPECTED_ONE) &&
              cell_add(c, DIMENSION_COUNTRY, day, m->country, m, EXPECTED_ONE) &&
              cell_add(c, DIMENSION_BOTNET, day, m->botnet, m, 0) &&
              cell_add(c, DIMENSION_MAILER, day, m->mailer, m, 0) &&
              cell_add(c, DIMENSION_PROGRAM, day, m->program, m, 0);
    for (size_t i = 0; ok && i < m->soft_count; i++) {
        ok = soft_add(c, m, day, &m->soft[i]);
    }
    for (uint64_t bits = m->quirks; ok && bits; bits &= bits - 1) {
        ok = cell_add(c, DIMENSION_QUIRK, day, __builtin_ctzll(bits), m, EXPECTED_ONE);
    }
    if (ok && !m->has_client) {
        ok = cell_add(c, ROLLUP_NO_CLIENT, day, 0, m, EXPECTED_ONE);
    }
    if (ok && m->is_conflict) {
        ok = cell_add(c, ROLLUP_CONFLICT, day, 0, m, EXPECTED_ONE);
    }
    if (ok && lag_is_counted(m, day)) {
        ok = cell_add(c, ROLLUP_LAG, day, m->arrived - day, m, EXPECTED_ONE);
    }
    if (ok && m->is_clock_off) {
        ok = cell_add(c, ROLLUP_CLOCK_OFF, day, 0, m, EXPECTED_ONE);
    }
    return ok;
}

static enum err domains_count(struct store *s, const struct counted *m, int32_t day, int32_t month,
                              bool is_scratch, struct errbuf *eb)
{
    struct counting *c = s->counting;
    for (size_t i = 0; i < m->domain_count; i++) {
        if (c->count + 2 > INCREMENTS_MAX) {
            enum err e = count_flush(s, is_scratch, eb);
            if (e != OK) {
                return e;
            }
        }
        tally_add(c, tally_key(TALLY_DOMAIN_DAY, 0, day), m->domains[i], m->trap, m);
        tally_add(c, tally_key(TALLY_DOMAIN_MONTH, 0, month), m->domains[i], m->trap, m);
    }
    return OK;
}

enum err count_message(struct store *s, const struct counted *m, bool is_scratch, struct errbuf *eb)
{
    enum err e = counting_make(s, eb);
    struct counting *c = s->counting;
    int32_t day = m->has_time ? (int32_t)day_of(m->received) : BUCKET_NONE;
    int32_t month = month_of_day(day);
    if (e == OK &&
        (c->count + 4 + CLUSTER_KIND_COUNT > INCREMENTS_MAX || c->days.count > CELLS_MAX)) {
        e = count_flush(s, is_scratch, eb);
    }
    if (e != OK) {
        return e;
    }
    if (!cells_count(c, m, day)) {
        return err_set(eb, ERR_NOMEM, "out of memory for counting");
    }
    tally_add(c, tally_key(TALLY_ASN_DAY, 0, day), m->asn, m->trap, m);
    tally_add(c, tally_key(TALLY_ASN_MONTH, 0, month), m->asn, m->trap, m);
    if (m->host != 0) {
        tally_add(c, tally_key(TALLY_HOST, host_part(m->host), day), m->host, m->stream, m);
    }
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        if (m->part[k] != 0) {
            tally_add(c, tally_key(part_tally((enum cluster_kind)k), 0, day), (uint64_t)m->part[k],
                      m->trap, m);
        }
    }
    if (m->has_time) {
        tally_add(c, tally_key(TALLY_HOUR, 0, (int32_t)hour_of(m->received)),
                  (uint64_t)m->program << 16 | m->country, m->stream, m);
    }
    return domains_count(s, m, day, month, is_scratch, eb);
}

static bool cell_is_nothing(const struct cell *c)
{
    return !c->messages && !c->recipients && !c->bytes && !c->expected;
}

static void cell_bind_key(sqlite3_stmt *st, const struct cell *cell)
{
    sqlite3_bind_int64(st, 1, (int64_t)(cell->a >> 32));
    sqlite3_bind_int64(st, 2, (int64_t)(cell->a & 0xffffffff) + INT32_MIN);
    sqlite3_bind_int64(st, 3, (int64_t)(cell->b >> 32));
    sqlite3_bind_int64(st, 4, (int64_t)(cell->b & 0xffffffff));
}

static void cell_bind(sqlite3_stmt *st, const struct cell *cell)
{
    cell_bind_key(st, cell);
    sqlite3_bind_int64(st, 5, (int64_t)cell->messages);
    sqlite3_bind_int64(st, 6, (int64_t)cell->recipients);
    sqlite3_bind_int64(st, 7, (int64_t)cell->bytes);
    sqlite3_bind_int64(st, 8, (int64_t)cell->expected);
}

/* A row of which nothing is left goes: a store does not tell what it has never had. */
static enum err cell_drop(struct store *s, const struct cell *cell, enum statement add,
                          struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(
        s, add == STATEMENT_DAY_ADD ? STATEMENT_DAY_DROP : STATEMENT_MONTH_DROP, &st, eb);
    if (e == OK) {
        cell_bind_key(st, cell);
        e = store_run(s, st, "taking from a rollup", eb);
    }
    return e;
}

/* What a day of a label dimension loses or gains by a rewriting, the other way round. */
static enum err cell_keep(struct store *s, const struct cell *cell, struct errbuf *eb)
{
    sqlite3_stmt *st;
    unsigned dim = (unsigned)(cell->a >> 32);
    if (dim != DIMENSION_BOTNET && dim != DIMENSION_MAILER && dim != DIMENSION_PROGRAM) {
        return OK;
    }
    enum err e = store_statement(s, STATEMENT_GENERATION_DAY_ADD, &st, eb);
    if (e == OK) {
        cell_bind(st, &(struct cell){.a = cell->a,
                                     .b = cell->b,
                                     .messages = 0 - cell->messages,
                                     .recipients = 0 - cell->recipients,
                                     .bytes = 0 - cell->bytes,
                                     .expected = 0 - cell->expected});
        sqlite3_bind_int64(st, 9, s->generation);
        e = store_run(s, st, "keeping a generation", eb);
    }
    return e;
}

static enum err cells_write(struct store *s, struct cells *cells, enum statement add,
                            struct errbuf *eb)
{
    sqlite3_stmt *st;
    const struct cell *slots = cells->slots;
    enum err e = store_statement(s, add, &st, eb);
    size_t n = 0;
    struct sort_item *items = malloc(2 * (cells->count + 1) * sizeof *items);
    if (!items) {
        return err_set(eb, ERR_NOMEM, "out of memory for counting");
    }
    for (size_t i = 0; i < cells->size; i++) {
        if (slots[i].is_used) {
            items[n++] = (struct sort_item){slots[i].a, slots[i].b, 0, (uint32_t)i};
        }
    }
    const struct sort_item *sorted = sort_items(items, items + n, n);
    for (size_t i = 0; e == OK && i < n; i++) {
        const struct cell *cell = &slots[sorted[i].index];
        if (cell_is_nothing(cell)) {
            continue; /* taken away and added again */
        }
        cell_bind(st, cell);
        e = store_run(s, st, "adding to a rollup", eb);
        if (e == OK && ((int64_t)cell->messages < 0 || (int64_t)cell->expected < 0)) {
            e = cell_drop(s, cell, add, eb);
        }
        if (e == OK && s->generation && add == STATEMENT_DAY_ADD) {
            e = cell_keep(s, cell, eb);
        }
    }
    free(items);
    return e;
}

static bool months_sum(struct counting *c)
{
    for (size_t i = 0; i < c->days.size; i++) {
        const struct cell *day = &c->days.slots[i];
        if (!day->is_used) {
            continue;
        }
        int32_t month = month_of_day((int32_t)((int64_t)(day->a & 0xffffffff) + INT32_MIN));
        struct cell *cell = cell_put(&c->months, cell_a((unsigned)(day->a >> 32), month), day->b);
        if (!cell) {
            return false;
        }
        cell->messages += day->messages;
        cell->recipients += day->recipients;
        cell->bytes += day->bytes;
        cell->expected += day->expected;
    }
    return true;
}

/* Merges `n` entries into one stored tally. */
static enum err tally_write(struct store *s, int64_t key, const struct tally_entry *entries,
                            size_t n, bool is_scratch, struct errbuf *eb)
{
    sqlite3_stmt *get, *put;
    struct strbuf *packed = &s->counting->packed;
    struct slice have = {NULL, 0};
    enum err e = store_statement(s, is_scratch ? STATEMENT_TALLY_GET_SCRATCH : STATEMENT_TALLY_GET,
                                 &get, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(get, 1, key);
    e = store_step(s, get, "reading a tally", eb);
    if (e == OK) {
        have = column_slice(get, 0);
    } else if (e != ERR_END) {
        return e;
    }
    strbuf_clear(packed);
    e = tally_merge(have, entries, n, packed);
    sqlite3_reset(get);
    if (e != OK) {
        return err_set(eb, e, "%s: tally %lld: %s", s->path, (long long)key,
                       e == ERR_NOMEM ? "out of memory" : "damaged; db verify says more");
    }
    struct tally_reader r;
    tally_read(&r, strbuf_slice(packed));
    e = store_statement(s,
                        r.left == 0  ? STATEMENT_TALLY_DROP
                        : is_scratch ? STATEMENT_TALLY_PUT_SCRATCH
                                     : STATEMENT_TALLY_PUT,
                        &put, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(put, 1, key);
    if (r.left != 0) {
        bind_packed(put, 2, strbuf_slice(packed));
    }
    return store_run(s, put, "writing a tally", eb);
}

static enum err tallies_write(struct store *s, bool is_scratch, struct errbuf *eb)
{
    struct counting *c = s->counting;
    enum err e = OK;
    const struct sort_item *sorted = sort_items(c->items, c->scratch, c->count);
    if (!c->entries && !(c->entries = malloc(INCREMENTS_MAX * sizeof *c->entries))) {
        return err_set(eb, ERR_NOMEM, "out of memory for counting");
    }
    for (size_t i = 0; e == OK && i < c->count;) {
        uint64_t tally = sorted[i].a;
        size_t n = 0;
        for (; i < c->count && sorted[i].a == tally; i++) {
            const struct increment *plus = &c->increments[sorted[i].index];
            struct tally_entry *last = n ? &c->entries[n - 1] : NULL;
            if (!last || last->key != sorted[i].b || last->tag != sorted[i].c) {
                last = &c->entries[n++];
                *last = (struct tally_entry){.key = sorted[i].b, .tag = sorted[i].c};
            }
            last->messages += plus->messages;
            last->recipients += plus->recipients;
            last->bytes += plus->bytes;
        }
        e = tally_write(s, (int64_t)tally, c->entries, n, is_scratch, eb);
    }
    return e;
}

enum err count_flush(struct store *s, bool is_scratch, struct errbuf *eb)
{
    struct counting *c = s->counting;
    if (!c || (c->days.count == 0 && c->count == 0)) {
        return OK;
    }
    if (!months_sum(c)) {
        return err_set(eb, ERR_NOMEM, "out of memory for counting");
    }
    enum err e =
        cells_write(s, &c->days, is_scratch ? STATEMENT_DAY_ADD_SCRATCH : STATEMENT_DAY_ADD, eb);
    e = e == OK ? cells_write(s, &c->months,
                              is_scratch ? STATEMENT_MONTH_ADD_SCRATCH : STATEMENT_MONTH_ADD, eb)
                : e;
    e = e == OK ? tallies_write(s, is_scratch, eb) : e;
    count_forget(s);
    return e;
}
