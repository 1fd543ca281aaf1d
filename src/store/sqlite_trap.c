/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Traps and how they watched: names and sites, coverage, connections by the hour, lag of arrival.
 */
#include "store/sqlite.h"
#include "store/trap.h"

#include <math.h>
#include <stdlib.h>

static enum err trap_put(struct store *s, struct slice name, struct slice site, struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t id;
    enum err e = trap_id(s, name, true, &id, eb);
    if (e != OK || site.n == 0) {
        return e;
    }
    e = store_statement(s, STATEMENT_TRAP_SITE, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, id);
        bind_slice(st, 2, site);
        e = store_run(s, st, "setting a trap's site", eb);
    }
    return e;
}

enum err store_trap_put(struct store *s, struct slice name, struct slice site, struct errbuf *eb)
{
    enum err e = store_begin_write(s, eb);
    return e == OK ? store_end_write(s, trap_put(s, name, site, eb), eb) : e;
}

enum err store_traps(struct store *s, void (*fn)(void *, const struct trap_info *), void *arg,
                     struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_TRAPS, &st, eb);
    while (e == OK && (e = store_step(s, st, "reading the traps", eb)) == OK) {
        struct trap_info t = {
            .name = column_slice(st, 1),
            .site = column_slice(st, 2),
            .first_seen = sqlite3_column_int64(st, 3),
            .last_seen = sqlite3_column_int64(st, 4),
            .messages = (uint64_t)sqlite3_column_int64(st, 5),
            .up_from = sqlite3_column_int64(st, 6),
            .retired = sqlite3_column_int64(st, 7),
            .note = column_slice(st, 8),
        };
        fn(arg, &t);
    }
    return e == ERR_END ? OK : e;
}

/* ---- edits ---- */

static void bind_part(sqlite3_stmt *st, int at, const struct slice *text)
{
    if (text) {
        sqlite3_bind_text64(st, at, text->n ? text->p : "", text->n, SQLITE_STATIC, SQLITE_UTF8);
    }
}

/* The old name becomes an alias; the new one may be one of the trap's own. */
static enum err trap_rename(struct store *s, int64_t id, struct slice from, struct slice to,
                            struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t other;
    enum err e = trap_id(s, to, false, &other, eb);
    if (e == OK && other != id) {
        return err_set(eb, ERR_EXISTS, "'%.*s' is or was the name of another trap", SLICE_ARG(to));
    }
    if (e != OK && e != ERR_NOTFOUND) {
        return e;
    }
    e = store_statement(s, STATEMENT_ALIAS_DROP, &st, eb);
    if (e == OK) {
        bind_slice(st, 1, to);
        sqlite3_bind_int64(st, 2, id);
        e = store_run(s, st, "renaming a trap", eb);
    }
    e = e == OK ? store_statement(s, STATEMENT_ALIAS_ADD, &st, eb) : e;
    if (e == OK) {
        bind_slice(st, 1, from);
        sqlite3_bind_int64(st, 2, id);
        e = store_run(s, st, "renaming a trap", eb);
    }
    return e;
}

/* The name that the trap of this name or former name has now. Arena of the store. */
static enum err name_now(struct store *s, int64_t id, struct slice *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_TRAP_NAME, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, id);
    e = store_step(s, st, "reading a trap's name", eb);
    if (e == OK) {
        arena_reset(s->arena);
        *out = arena_copy(s->arena, column_slice(st, 0));
        sqlite3_reset(st);
        e = out->p ? OK : err_set(eb, ERR_NOMEM, "out of memory for a name");
    }
    return e;
}

static enum err trap_edit_run(struct store *s, struct slice name, const struct trap_edit *edit,
                              struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t id;
    struct slice now;
    enum err e = trap_id(s, name, false, &id, eb);
    if (e != OK) {
        return e == ERR_NOTFOUND ? err_set(eb, e, "no trap '%.*s'", SLICE_ARG(name)) : e;
    }
    if (edit->name && edit->name->n == 0) {
        return err_set(eb, ERR_USAGE, "a trap needs a name");
    }
    e = name_now(s, id, &now, eb);
    if (e == OK && edit->name && !slice_eq(now, *edit->name)) {
        e = trap_rename(s, id, now, *edit->name, eb);
    }
    e = e == OK ? store_statement(s, STATEMENT_TRAP_EDIT, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, id);
    bind_part(st, 2, edit->name);
    bind_part(st, 3, edit->site);
    bind_part(st, 4, edit->note);
    if (edit->up_from) {
        sqlite3_bind_int64(st, 5, *edit->up_from);
    }
    if (edit->retired) {
        sqlite3_bind_int64(st, 6, *edit->retired);
    }
    e = store_step(s, st, "editing a trap", eb);
    if (e == OK) {
        bool is_reversed = sqlite3_column_int(st, 0); /* NULL: 0 */
        e = store_run(s, st, "editing a trap", eb);
        if (e == OK && is_reversed) {
            e = err_set(eb, ERR_USAGE, "trap '%.*s' would end before it begins", SLICE_ARG(name));
        }
    }
    return e;
}

enum err store_trap_edit(struct store *s, struct slice name, const struct trap_edit *edit,
                         struct errbuf *eb)
{
    enum err e = store_begin_write(s, eb);
    if (e != OK) {
        return e;
    }
    e = store_end_write(s, trap_edit_run(s, name, edit, eb), eb);
    strmap_clear(s->trap_ids);
    return e;
}

/* ---- coverage ---- */

const char *coverage_state_name(enum coverage_state state)
{
    static const char *const NAMES[COVERAGE_STATE_COUNT] = {"up", "degraded", "down"};
    return NAMES[state];
}

const char *coverage_source_name(enum coverage_source source)
{
    static const char *const NAMES[COVERAGE_SOURCE_COUNT] = {"server", "person", "feed"};
    return NAMES[source];
}

/* One row of the table. */
struct interval {
    int64_t trap;
    struct coverage c;
};

/* Borrows the note from the statement. What the file holds may be damaged: unknown numbers become
 * known ones, db verify says more. */
static struct interval interval_read(sqlite3_stmt *st)
{
    bool has_until = sqlite3_column_type(st, 3) != SQLITE_NULL;
    bool has_part = sqlite3_column_type(st, 6) != SQLITE_NULL;
    unsigned source = (unsigned)sqlite3_column_int(st, 1),
             state = (unsigned)sqlite3_column_int(st, 5);
    return (struct interval){
        .trap = sqlite3_column_int64(st, 0),
        .c = {.since = sqlite3_column_int64(st, 2),
              .until = has_until ? sqlite3_column_int64(st, 3) : INT64_MAX,
              .seen = sqlite3_column_int64(st, 4),
              .state = state < COVERAGE_STATE_COUNT ? (enum coverage_state)state : COVERAGE_DOWN,
              .source =
                  source < COVERAGE_SOURCE_COUNT ? (enum coverage_source)source : COVERAGE_PERSON,
              .part = has_part ? sqlite3_column_double(st, 6) : (double)NAN,
              .note = column_slice(st, 7)},
    };
}

static enum err interval_add(struct store *s, const struct interval *i, struct errbuf *eb)
{
    sqlite3_stmt *st;
    const struct coverage *c = &i->c;
    enum err e = c->since < c->until ? store_statement(s, STATEMENT_COVERAGE_ADD, &st, eb) : OK;
    if (e != OK || c->since >= c->until) {
        return e; /* nothing is left of it */
    }
    sqlite3_bind_int64(st, 1, i->trap);
    sqlite3_bind_int(st, 2, (int)c->source);
    sqlite3_bind_int64(st, 3, c->since);
    if (c->until != INT64_MAX) {
        sqlite3_bind_int64(st, 4, c->until);
    } else if (c->seen != 0) {
        sqlite3_bind_int64(st, 5, c->seen);
    }
    sqlite3_bind_int(st, 6, (int)c->state);
    if (c->state == COVERAGE_DEGRADED && !isnan(c->part)) {
        sqlite3_bind_double(st, 7, c->part);
    }
    bind_part(st, 8, &c->note);
    return store_run(s, st, "recording coverage", eb);
}

/* What is left of an older interval beside the new one: before it, and after it. */
static enum err interval_cut(struct store *s, const struct interval *old, const struct coverage *by,
                             struct errbuf *eb)
{
    sqlite3_stmt *st;
    struct interval before = *old, after = *old;
    bool is_open = old->c.until == INT64_MAX;
    enum err e = store_statement(s, STATEMENT_COVERAGE_DROP, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, old->trap);
    sqlite3_bind_int(st, 2, (int)old->c.source);
    sqlite3_bind_int64(st, 3, old->c.since);
    e = store_run(s, st, "recording coverage", eb);
    before.c.until = by->since;
    if (is_open && old->c.seen != 0 && old->c.seen < by->since) {
        before.c.until = old->c.seen;
    }
    after.c.since = by->until;
    e = e == OK ? interval_add(s, &before, eb) : e;
    /* What had no end yet goes on behind an interval that has one. */
    return e == OK && by->until != INT64_MAX ? interval_add(s, &after, eb) : e;
}

static enum err overlaps_cut(struct store *s, int64_t trap, const struct coverage *c,
                             struct errbuf *eb)
{
    enum { OVERLAPS_AT_ONCE = 64 };
    struct interval old[OVERLAPS_AT_ONCE];
    sqlite3_stmt *st;
    size_t n;
    enum err e;
    do {
        n = 0;
        e = store_statement(s, STATEMENT_COVERAGE_OVERLAP, &st, eb);
        if (e == OK) {
            sqlite3_bind_int64(st, 1, trap);
            sqlite3_bind_int(st, 2, (int)c->source);
            sqlite3_bind_int64(st, 3, c->since);
            sqlite3_bind_int64(st, 4, c->until);
        }
        arena_reset(s->arena);
        while (e == OK && n < OVERLAPS_AT_ONCE &&
               (e = store_step(s, st, "reading coverage", eb)) == OK) {
            old[n] = interval_read(st);
            old[n].c.note = arena_copy(s->arena, old[n].c.note);
            n++;
        }
        if (e == OK || e == ERR_END) {
            sqlite3_reset(st);
            e = OK;
        }
        for (size_t i = 0; e == OK && i < n; i++) {
            e = interval_cut(s, &old[i], c, eb);
        }
    } while (e == OK && n == OVERLAPS_AT_ONCE);
    return e;
}

static enum err coverage_put(struct store *s, const struct coverage *c, struct errbuf *eb)
{
    struct interval i = {.c = *c};
    i.c.seen = 0;
    enum err e = trap_id(s, c->trap, true, &i.trap, eb);
    e = e == OK ? overlaps_cut(s, i.trap, c, eb) : e;
    return e == OK ? interval_add(s, &i, eb) : e;
}

enum err store_coverage_put(struct store *s, const struct coverage *c, struct errbuf *eb)
{
    bool is_part = !(c->part < 0) && !(c->part > 1); /* NAN is one */
    if (c->since >= c->until || !time_is_sane(c->since) ||
        (c->until != INT64_MAX && !time_is_sane(c->until)) ||
        (unsigned)c->state >= COVERAGE_STATE_COUNT ||
        (unsigned)c->source >= COVERAGE_SOURCE_COUNT ||
        (c->state == COVERAGE_DEGRADED && !is_part)) {
        return err_set(eb, ERR_USAGE, "an impossible interval of coverage");
    }
    enum err e = store_begin_write(s, eb);
    return e == OK ? store_end_write(s, coverage_put(s, c, eb), eb) : e;
}

static enum err open_interval_set(struct store *s, enum statement id, struct slice trap,
                                  enum coverage_source source, int64_t at, struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t number;
    enum err e = trap_id(s, trap, false, &number, eb);
    e = e == OK ? store_statement(s, id, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, number);
    sqlite3_bind_int(st, 2, (int)source);
    sqlite3_bind_int64(st, 3, at);
    e = store_step(s, st, "recording coverage", eb);
    if (e == ERR_END) {
        return err_set(eb, ERR_NOTFOUND, "trap '%.*s' has no open interval of coverage",
                       SLICE_ARG(trap));
    }
    return e == OK ? store_run(s, st, "recording coverage", eb) : e;
}

enum err store_coverage_seen(struct store *s, struct slice trap, enum coverage_source source,
                             int64_t at, struct errbuf *eb)
{
    enum err e = store_begin_write(s, eb);
    return e == OK ? store_end_write(
                         s, open_interval_set(s, STATEMENT_COVERAGE_SEEN, trap, source, at, eb), eb)
                   : e;
}

enum err store_coverage_end(struct store *s, struct slice trap, enum coverage_source source,
                            int64_t at, struct errbuf *eb)
{
    enum err e = store_begin_write(s, eb);
    return e == OK ? store_end_write(
                         s, open_interval_set(s, STATEMENT_COVERAGE_END, trap, source, at, eb), eb)
                   : e;
}

/* The traps of the filter, by name and site. */
static bool filter_holds(const struct store_filter *f, struct slice name, struct slice site)
{
    return (f->trap.n == 0 || slice_eq(f->trap, name)) &&
           (f->site.n == 0 || slice_eq(f->site, site));
}

enum err store_coverage_list(struct store *s, const struct store_filter *f,
                             void (*fn)(void *, const struct coverage *), void *arg,
                             struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = f->since < f->until ? store_statement(s, STATEMENT_COVERAGES, &st, eb) : ERR_END;
    if (e == OK) {
        sqlite3_bind_int64(st, 1, f->since);
        sqlite3_bind_int64(st, 2, f->until);
    }
    while (e == OK && (e = store_step(s, st, "reading coverage", eb)) == OK) {
        struct coverage c = interval_read(st).c;
        c.trap = column_slice(st, 8);
        if (filter_holds(f, c.trap, column_slice(st, 9))) {
            fn(arg, &c);
        }
    }
    return e == ERR_END ? OK : e;
}

/* ---- connections by the hour ---- */

static enum err hour_write(struct store *s, enum statement id, const struct trap_hour *h,
                           struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t trap;
    enum err e = trap_id(s, h->trap, true, &trap, eb);
    e = e == OK ? store_statement(s, id, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, trap);
    sqlite3_bind_int64(st, 2, hour_of(h->hour));
    sqlite3_bind_int64(st, 3, (int64_t)h->connections);
    sqlite3_bind_int64(st, 4, (int64_t)h->accepted);
    sqlite3_bind_int64(st, 5, (int64_t)h->refused);
    return store_run(s, st, "recording connections", eb);
}

enum err trap_hour_add(struct store *s, const struct trap_hour *h, struct errbuf *eb)
{
    return h->connections ? hour_write(s, STATEMENT_TRAP_HOUR_ADD, h, eb) : OK;
}

static enum err hour_put(struct store *s, const struct trap_hour *h, struct errbuf *eb)
{
    if (h->hour != hour_of(h->hour) * 3600 || !time_is_sane(h->hour) ||
        h->accepted > h->connections || h->refused > h->connections - h->accepted ||
        h->connections > INT64_MAX) {
        return err_set(eb, ERR_USAGE, "impossible counts of connections, or no whole hour");
    }
    return hour_write(s, STATEMENT_TRAP_HOUR_PUT, h, eb);
}

enum err store_trap_hours_put(struct store *s, const struct trap_hour *hours, size_t n,
                              struct errbuf *eb)
{
    enum err e = store_begin_write(s, eb);
    if (e != OK) {
        return e;
    }
    for (size_t i = 0; e == OK && i < n; i++) {
        e = hour_put(s, &hours[i], eb);
    }
    return store_end_write(s, e, eb);
}

enum err store_trap_hours_list(struct store *s, const struct store_filter *f,
                               void (*fn)(void *, const struct trap_hour *), void *arg,
                               struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = f->since < f->until ? store_statement(s, STATEMENT_TRAP_HOURS, &st, eb) : ERR_END;
    if (e == OK) {
        sqlite3_bind_int64(st, 1, hour_of(f->since));
        sqlite3_bind_int64(st, 2, hour_of(f->until - 1));
    }
    while (e == OK && (e = store_step(s, st, "reading connections", eb)) == OK) {
        struct trap_hour h = {.trap = column_slice(st, 5),
                              .hour = sqlite3_column_int64(st, 1) * 3600,
                              .connections = (uint64_t)sqlite3_column_int64(st, 2),
                              .accepted = (uint64_t)sqlite3_column_int64(st, 3),
                              .refused = (uint64_t)sqlite3_column_int64(st, 4)};
        if (filter_holds(f, h.trap, column_slice(st, 6))) {
            fn(arg, &h);
        }
    }
    return e == ERR_END ? OK : e;
}

/* ---- lag ---- */

static enum err lag_give(struct store *s, const struct scope *scope,
                         void (*fn)(void *, const struct lag_row *), void *arg, struct errbuf *eb)
{
    sqlite3_stmt *st;
    struct rollup_span days = {scope->first_day, scope->last_day, false};
    enum err e = scope->is_empty ? ERR_END : rollup_open(s, ROLLUP_LAG, &days, &st, eb);
    while (e == OK && (e = store_step(s, st, "reading the lag", eb)) == OK) {
        int64_t trap = sqlite3_column_int64(st, 2);
        if (scope_holds_trap(scope, trap)) {
            fn(arg, &(struct lag_row){.day = sqlite3_column_int64(st, 0) * SECONDS_PER_DAY,
                                      .lag = (unsigned)sqlite3_column_int(st, 1),
                                      .trap = scope->positions[trap],
                                      .messages = (uint64_t)sqlite3_column_int64(st, 3)});
        }
    }
    return e == ERR_END ? OK : e;
}

enum err store_lag(struct store *s, const struct store_filter *f,
                   void (*fn)(void *, const struct lag_row *), void *arg, struct errbuf *eb)
{
    struct scope scope;
    enum err e = scope_begin_read(s, f, &scope, eb);
    if (e != OK) {
        return e;
    }
    e = lag_give(s, &scope, fn, arg, eb);
    return scope_end_read(s, &scope, e, eb);
}
