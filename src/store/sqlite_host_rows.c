/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hosts as single message rows have them: by the second, with program and TCP fingerprint. The
 * tallies (sqlite_hosts.c) only know days and botnets. */
#include "store/sqlite.h"

uint64_t *scope_site_bits(const struct scope *c)
{
    uint64_t *bits = arena_calloc(c->arena, c->site_count + 1, sizeof *bits);
    for (size_t i = 0; bits && i < c->site_count; i++) {
        unsigned before = 0;
        for (size_t k = 0; k < c->site_count && before < 63; k++) {
            before += slice_cmp(c->site_names[k], c->site_names[i]) < 0;
        }
        bits[i] = UINT64_C(1) << before;
    }
    return bits;
}

struct row_pass {
    const struct scope *scope;
    const uint64_t *site_bits;
    bool has_botnet, has_program;
    int64_t botnet, program;
};

enum { COLUMN_RECEIVED, COLUMN_CLIENT, COLUMN_TRAP, COLUMN_BOTNET, COLUMN_PROGRAM, COLUMN_TD1 };

static bool row_read(const struct row_pass *p, sqlite3_stmt *st, struct host_row *out)
{
    int64_t trap = sqlite3_column_int64(st, COLUMN_TRAP);
    struct slice client = column_slice(st, COLUMN_CLIENT);
    struct ip ip;
    if (!scope_holds_trap(p->scope, trap) ||
        (p->has_botnet && sqlite3_column_int64(st, COLUMN_BOTNET) != p->botnet) ||
        (p->has_program && sqlite3_column_int64(st, COLUMN_PROGRAM) != p->program)) {
        return false;
    }
    if (client.n == 4) {
        const uint8_t *b = (const uint8_t *)client.p;
        ip = ip_from_v4((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]);
    } else if (client.n == sizeof ip.b) {
        memcpy(ip.b, client.p, sizeof ip.b);
    } else {
        return false;
    }
    *out = (struct host_row){
        .host = host_key(ip),
        .received = sqlite3_column_int64(st, COLUMN_RECEIVED),
        .sites = p->site_bits[p->scope->sites[trap]],
        .tcp = sqlite3_column_int64(st, COLUMN_TD1),
    };
    return out->host != 0;
}

/* Retention deletes rows of whole days of receipt up to the horizon. */
static enum err rows_gone(struct store *s, const struct store_filter *f, int64_t *from,
                          struct errbuf *eb)
{
    int64_t horizon;
    enum err e = counter_get(s, "horizon", &horizon, eb);
    int64_t gone = horizon > INT32_MIN ? horizon * SECONDS_PER_DAY : INT64_MIN;
    *from = e == OK && gone > f->since ? gone : INT64_MIN;
    return e;
}

static enum err rows_run(struct store *s, const struct store_filter *f,
                         const struct host_rows_query *q, const struct row_pass *p,
                         void (*fn)(void *, const struct host_row *), void *arg, int64_t *from,
                         struct errbuf *eb)
{
    sqlite3_stmt *st;
    struct host_row row;
    size_t count = 0;
    int64_t oldest = f->until;
    enum err e = rows_gone(s, f, from, eb);
    e = e == OK ? store_statement(s, STATEMENT_MESSAGE_HOSTS, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, f->since);
    sqlite3_bind_int64(st, 2, f->until);
    sqlite3_bind_int64(st, 3, q->limit > INT64_MAX ? INT64_MAX : (int64_t)q->limit);
    while ((e = store_step(s, st, "reading message rows", eb)) == OK) {
        count++;
        oldest = sqlite3_column_int64(st, COLUMN_RECEIVED);
        if (row_read(p, st, &row)) {
            fn(arg, &row);
        }
    }
    if (e == ERR_END && count == q->limit && oldest > *from) {
        *from = oldest;
    }
    return e == ERR_END ? OK : e;
}

enum err store_host_rows(struct store *s, const struct store_filter *f,
                         const struct host_rows_query *q,
                         void (*fn)(void *, const struct host_row *), void *arg, int64_t *from,
                         struct errbuf *eb)
{
    struct scope scope;
    enum err e = scope_begin_read(s, f, &scope, eb);
    if (e != OK) {
        return e;
    }
    struct row_pass p = {.scope = &scope,
                         .site_bits = scope_site_bits(&scope),
                         .has_botnet = q->botnet.n != 0,
                         .has_program = q->program.n != 0};
    e = p.site_bits ? OK : err_set(eb, ERR_NOMEM, "out of memory for sites");
    e = e == OK && p.has_botnet ? label_id(s, q->botnet, &p.botnet, eb) : e;
    e = e == OK && p.has_program ? label_id(s, q->program, &p.program, eb) : e;
    *from = INT64_MIN;
    e = e == OK             ? rows_run(s, f, q, &p, fn, arg, from, eb)
        : e == ERR_NOTFOUND ? OK /* nobody has that label */
                            : e;
    return scope_end_read(s, &scope, e, eb);
}
