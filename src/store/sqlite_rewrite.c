/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows written anew: what the old row added to the counts is taken away, what the new one adds is
 * added, in one transaction. The differences by day of the label dimensions are kept under the
 * generation that ends (sqlite_count.c does it while s->generation is set). */
#include "core/limits.h"
#include "store/generation.h"
#include "store/sqlite.h"

#include <stdlib.h>

static enum err no_memory(struct errbuf *eb)
{
    return err_set(eb, ERR_NOMEM, "out of memory for rewriting messages");
}

/* ---- moves of labels ---- */

static const enum dimension LABELS[] = {DIMENSION_BOTNET, DIMENSION_MAILER, DIMENSION_PROGRAM};
enum { LABEL_COUNT = sizeof LABELS / sizeof *LABELS };

static const struct row_label *label_of(const struct message_row *row, size_t i)
{
    return i == 0 ? &row->botnet : i == 1 ? &row->mailer_label : &row->program;
}

/* Counts by dimension, from, to. Key: a byte for the dimension, the length of `from` in four, both
 * names. */
struct moves {
    struct strmap *counts;
    struct strbuf key;
};

enum { MOVE_HEAD = 1 + sizeof(uint32_t) };

static bool moves_init(struct moves *m)
{
    *m = (struct moves){strmap_new(), STRBUF_INIT};
    return m->counts != NULL;
}

static void moves_free(struct moves *m)
{
    strmap_free(m->counts);
    strbuf_free(&m->key);
}

static bool moves_add(struct moves *m, const struct message_row *from, const struct message_row *to)
{
    for (size_t i = 0; i < LABEL_COUNT; i++) {
        struct slice a = label_of(from, i)->name, b = label_of(to, i)->name;
        uint32_t n = (uint32_t)a.n;
        if (slice_eq(a, b)) {
            continue;
        }
        strbuf_clear(&m->key);
        strbuf_add_byte(&m->key, (char)LABELS[i]);
        strbuf_add(&m->key, slice_of((const char *)&n, sizeof n));
        strbuf_add(&m->key, a);
        strbuf_add(&m->key, b);
        uint64_t *count = m->key.failed ? NULL : strmap_put(m->counts, strbuf_slice(&m->key), NULL);
        if (!count) {
            return false;
        }
        ++*count;
    }
    return true;
}

static int move_cmp(const void *a, const void *b)
{
    const struct generation_move *x = a, *y = b;
    if (x->dimension != y->dimension) {
        return x->dimension < y->dimension ? -1 : 1;
    }
    if (x->messages != y->messages) {
        return x->messages > y->messages ? -1 : 1;
    }
    int order = slice_cmp(x->from, y->from);
    return order ? order : slice_cmp(x->to, y->to);
}

/* All moves, by dimension and the most first; free() it. Borrows from m. An empty name is unknown.
 */
static struct generation_move *moves_sorted(const struct moves *m, size_t *count)
{
    size_t n = strmap_count(m->counts);
    struct generation_move *list = calloc(n + 1, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        struct slice key = strmap_key_at(m->counts, i);
        uint32_t from;
        memcpy(&from, key.p + 1, sizeof from);
        list[i] = (struct generation_move){
            .dimension = (enum dimension)key.p[0],
            .from = slice_sub(key, MOVE_HEAD, from),
            .to = slice_sub(key, MOVE_HEAD + from, SIZE_MAX),
            .messages = *strmap_value_at(m->counts, i),
        };
    }
    if (list && n > 1) {
        qsort(list, n, sizeof *list, move_cmp);
    }
    *count = list ? n : 0;
    return list;
}

static enum err move_put(struct store *s, int64_t generation, const struct generation_move *m,
                         struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t from, to;
    enum err e = text_id(s, m->from, true, &from, eb);
    e = e == OK ? text_id(s, m->to, true, &to, eb) : e;
    e = e == OK ? store_statement(s, STATEMENT_GENERATION_MOVE_ADD, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, generation);
    sqlite3_bind_int(st, 2, (int)m->dimension);
    sqlite3_bind_int64(st, 3, from);
    sqlite3_bind_int64(st, 4, to);
    sqlite3_bind_int64(st, 5, (int64_t)m->messages);
    return store_run(s, st, "keeping what moved", eb);
}

static enum err moves_put(struct store *s, int64_t generation, const struct moves *m,
                          struct errbuf *eb)
{
    size_t n;
    struct generation_move *list = moves_sorted(m, &n);
    enum err e = list ? OK : no_memory(eb);
    for (size_t i = 0; e == OK && i < n; i++) {
        e = move_put(s, generation, &list[i], eb);
    }
    free(list);
    return e;
}

/* ---- generations ---- */

static enum err newest_number(struct store *s, int64_t *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_GENERATION_NEWEST, &st, eb);
    e = e == OK ? store_step(s, st, "reading the generations", eb) : e;
    if (e == OK) {
        *out = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return e;
}

/* Differences that are too old to be asked for go. */
static enum err generations_tidy(struct store *s, int64_t newest, struct errbuf *eb)
{
    static const enum statement HOW[] = {STATEMENT_GENERATION_TIDY,
                                         STATEMENT_GENERATION_TIDY_MOVES};
    int64_t from;
    enum err e = counter_get(s, "generation_from", &from, eb);
    if (e != OK || newest - from <= LIMIT_GENERATIONS) {
        return e;
    }
    from = newest - LIMIT_GENERATIONS;
    for (size_t i = 0; e == OK && i < 2; i++) {
        sqlite3_stmt *st;
        e = store_statement(s, HOW[i], &st, eb);
        if (e == OK) {
            sqlite3_bind_int64(st, 1, from - 1);
            e = store_run(s, st, "dropping an old generation", eb);
        }
    }
    return e == OK ? counter_put(s, "generation_from", from, eb) : e;
}

static enum err generation_put(struct store *s, const struct generation *g, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_GENERATION_PUT, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, g->number);
    sqlite3_bind_int64(st, 2, g->made);
    sqlite3_bind_text64(st, 3, g->pack.n ? g->pack.p : "", g->pack.n, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(st, 4, g->note.n ? g->note.p : "", g->note.n, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64(st, 5, (int64_t)g->messages);
    sqlite3_bind_int64(st, 6, (int64_t)g->changed);
    sqlite3_bind_int64(st, 7, (int64_t)g->gone);
    e = store_run(s, st, "writing a generation", eb);
    return e == OK ? generations_tidy(s, g->number, eb) : e;
}

/* ---- one row ---- */

struct rewriting {
    struct store *s;
    struct arrivals arrivals;
    int64_t lag_from;
    struct moves moves;
    struct errbuf *eb;
};

static enum err rewriting_begin(struct rewriting *w, struct store *s, struct errbuf *eb)
{
    *w = (struct rewriting){.s = s, .eb = eb};
    if (!moves_init(&w->moves)) {
        return no_memory(eb);
    }
    enum err e = counter_get(s, "lag_from", &w->lag_from, eb);
    return e == OK ? arrivals_load(s, &w->arrivals, eb) : e;
}

static void rewriting_end(struct rewriting *w)
{
    w->s->generation = 0;
    moves_free(&w->moves);
    arrivals_free(&w->arrivals);
}

/* `old` is what the row that is there counts for. */
static enum err row_rewrite(struct rewriting *w, int64_t seq, struct counted *old,
                            const struct message_row *row)
{
    struct counted m;
    old->arrived = seq >= w->lag_from ? arrival_day(&w->arrivals, seq) : BUCKET_NONE;
    old->is_removed = true;
    enum err e = count_message(w->s, old, false, w->eb);
    e = e == OK ? message_replace(w->s, row, seq, &m, w->eb) : e;
    if (e == OK) {
        m.arrived = old->arrived;
        e = count_message(w->s, &m, false, w->eb);
    }
    return e;
}

/* ---- labels ---- */

struct relabel {
    struct rewriting w;
    const struct store_relabel *r;
    struct scope scope;
    struct generation result;
    uint64_t of;
};

static bool row_is_asked(const struct relabel *x, const struct message_row *row, int64_t trap)
{
    const struct store_filter *f = &x->r->filter;
    return scope_holds_trap(&x->scope, trap) &&
           (row->clock == CLOCK_NONE ? x->scope.is_open
                                     : row->received >= f->since && row->received < f->until);
}

/* The next row in the order of storing: labelled, and written when that changed. */
static enum err row_relabel(struct relabel *x, sqlite3_stmt *st, int64_t seq)
{
    struct store *s = x->w.s;
    struct message_row row;
    struct counted old;
    bool is_changed = false;
    enum err e = message_read(s, st, &row, x->w.eb);
    if (e != OK || !row_is_asked(x, &row, sqlite3_column_int64(st, 2))) {
        return e;
    }
    const struct message_row before = row;
    x->result.messages++;
    e = x->r->label(x->r->arg, &row, &is_changed);
    if (e != OK) {
        return err_set(x->w.eb, e, "labelling a message again: %s", err_text(e));
    }
    if (!is_changed) {
        return OK;
    }
    x->result.changed++;
    if (!moves_add(&x->w.moves, &before, &row)) {
        return no_memory(x->w.eb);
    }
    if (x->r->is_dry) {
        return OK;
    }
    e = message_counted(s, st, &old, x->w.eb);
    sqlite3_reset(st); /* the row is about to be replaced; all of it is in the arena */
    return e == OK ? row_rewrite(&x->w, seq, &old, &row) : e;
}

static enum err rows_relabel(struct relabel *x)
{
    enum { PROGRESS_ROWS = 1000 };
    int64_t seq = 0;
    for (uint64_t n = 0;; n++) {
        sqlite3_stmt *st;
        enum err e = store_statement(x->w.s, STATEMENT_MESSAGE_NEXT, &st, x->w.eb);
        if (e == OK) {
            sqlite3_bind_int64(st, 1, seq);
            e = store_step(x->w.s, st, "reading messages", x->w.eb);
        }
        if (e != OK) {
            return e == ERR_END ? OK : e;
        }
        seq = sqlite3_column_int64(st, 0);
        e = row_relabel(x, st, seq);
        sqlite3_reset(st);
        if (e != OK) {
            return e;
        }
        if (x->r->on_progress && n % PROGRESS_ROWS == 0) {
            x->r->on_progress(x->r->arg, n, x->of);
        }
    }
}

static void gone_add(void *arg, int64_t day, uint64_t messages)
{
    (void)day;
    *(uint64_t *)arg += messages;
}

static enum err relabel_keep(struct relabel *x)
{
    struct store *s = x->w.s;
    int64_t old = s->generation;
    enum err e = count_flush(s, false, x->w.eb);
    s->generation = 0;
    x->result.number = (unsigned)old + 1;
    x->result.made = s->now ? s->now : time_now();
    struct generation g = x->result;
    g.pack = x->r->pack;
    g.note = x->r->note;
    e = e == OK ? generation_put(s, &g, x->w.eb) : e;
    return e == OK ? moves_put(s, old, &x->w.moves, x->w.eb) : e;
}

static enum err relabel_run(struct relabel *x)
{
    struct store *s = x->w.s;
    int64_t stored, newest;
    enum err e = counter_get(s, "stored", &stored, x->w.eb);
    e = e == OK ? newest_number(s, &newest, x->w.eb) : e;
    e = e == OK ? store_gone_days(s, &x->r->filter, gone_add, &x->result.gone, x->w.eb) : e;
    if (e != OK) {
        return e;
    }
    x->of = (uint64_t)stored;
    if (x->r->placing && x->r->placing->begin) {
        e = x->r->placing->begin(x->r->placing->arg, x->w.eb);
        if (e != OK) {
            return e;
        }
    }
    s->generation = x->r->is_dry ? 0 : newest;
    e = rows_relabel(x);
    if (e == OK && x->result.changed && !x->r->is_dry) {
        e = relabel_keep(x);
    }
    if (e == OK && !x->r->is_dry && x->r->placing && x->r->placing->give) {
        e = clusters_put(s, x->r->placing->give, x->r->placing->arg, x->w.eb);
    }
    return e;
}

static enum err moves_tell(const struct relabel *x)
{
    size_t n;
    struct generation_move *list = moves_sorted(&x->w.moves, &n);
    for (size_t i = 0; i < n; i++) {
        list[i].from = list[i].from.n ? list[i].from : S("unknown");
        list[i].to = list[i].to.n ? list[i].to : S("unknown");
        x->r->on_move(x->r->arg, &list[i]);
    }
    free(list);
    return list ? OK : no_memory(x->w.eb);
}

enum err store_relabel(struct store *s, const struct store_relabel *r, struct generation *out,
                       struct errbuf *eb)
{
    struct relabel x = {.r = r};
    enum err e = r->is_dry ? store_begin_read(s, eb) : store_begin_write(s, eb);
    if (e != OK) {
        return e;
    }
    e = rewriting_begin(&x.w, s, eb);
    e = e == OK ? scope_open(s, &r->filter, &x.scope, eb) : e;
    if (e == OK) {
        e = relabel_run(&x);
        scope_close(&x.scope);
    }
    e = r->is_dry ? store_end_read(s, e, eb) : store_end_write(s, e, eb);
    if (e == OK && r->on_move) {
        e = moves_tell(&x);
    }
    rewriting_end(&x.w);
    if (e == OK) {
        *out = x.result;
    }
    return e;
}

/* ---- features ---- */

struct reindex {
    struct rewriting w;
    const struct store_reindex *r;
    struct generation generation; /* number 0: this run has none yet */
    struct reindex_result result;
};

/* Parts stay; a row that has none gets them now. A trap may come under a former name. */
static enum err row_settle(struct reindex *x, size_t index, int64_t seq,
                           const struct message_row *old, struct message_row *row)
{
    const struct store_placing *p = x->r->placing;
    int64_t a, b;
    enum err e = trap_id(x->w.s, row->trap, false, &a, x->w.eb);
    if (e == OK && trap_id(x->w.s, old->trap, false, &b, x->w.eb) == OK && a == b) {
        row->trap = old->trap;
    }
    memcpy(row->part, old->part, sizeof row->part);
    bool has_parts = old->part[CLUSTER_MAILER] || old->part[CLUSTER_CAMPAIGN];
    enum err placed = OK;
    if (p && !has_parts && p->place) {
        placed = p->place(p->arg, index, (uint64_t)seq, row);
    } else if (p && has_parts && p->lend) {
        placed = p->lend(p->arg, row);
    }
    if (placed != OK) {
        return err_set(x->w.eb, placed, "placing a message in its clusters: %s", err_text(placed));
    }
    return e == ERR_NOTFOUND ? OK : e;
}

static bool row_differs(const struct message_row *old, const struct message_row *row)
{
    struct message_row same_pack = *row;
    same_pack.pack_version = old->pack_version;
    return !message_is_same(old, &same_pack) || memcmp(old->part, row->part, sizeof row->part) != 0;
}

static enum err trap_widen(struct store *s, const struct message_row *row, int64_t trap,
                           struct errbuf *eb)
{
    sqlite3_stmt *st;
    if (row->clock == CLOCK_NONE) {
        return OK;
    }
    enum err e = store_statement(s, STATEMENT_TRAP_SEEN, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, trap);
        sqlite3_bind_int64(st, 2, 0);
        sqlite3_bind_int64(st, 3, row->received);
        sqlite3_bind_int64(st, 4, row->received);
        e = store_run(s, st, "writing a trap", eb);
    }
    return e;
}

/* The first row that this run changes begins its generation. */
static enum err generation_begin(struct reindex *x)
{
    struct store *s = x->w.s;
    int64_t newest;
    if (x->generation.number) {
        s->generation = x->generation.number - 1;
        return OK;
    }
    enum err e = newest_number(s, &newest, x->w.eb);
    if (e != OK) {
        return e;
    }
    x->generation = (struct generation){.number = (unsigned)newest + 1,
                                        .made = s->now ? s->now : time_now(),
                                        .pack = x->r->pack,
                                        .note = x->r->note};
    s->generation = newest;
    return generation_put(s, &x->generation, x->w.eb);
}

static enum err known_reindex(struct reindex *x, size_t index, sqlite3_stmt *st, int64_t seq)
{
    struct store *s = x->w.s;
    struct message_row old, row = x->r->rows[index];
    struct counted m;
    enum err e = message_read(s, st, &old, x->w.eb);
    e = e == OK ? message_counted(s, st, &m, x->w.eb) : e;
    sqlite3_reset(st);
    e = e == OK ? row_settle(x, index, seq, &old, &row) : e;
    if (e != OK) {
        return e;
    }
    if (!row_differs(&old, &row)) {
        x->result.unchanged++;
        return OK;
    }
    e = generation_begin(x);
    if (e == OK && !moves_add(&x->w.moves, &old, &row)) {
        e = no_memory(x->w.eb);
    }
    x->generation.changed += !labels_are_same(&old.botnet, &row.botnet) ||
                             !labels_are_same(&old.mailer_label, &row.mailer_label) ||
                             !labels_are_same(&old.program, &row.program);
    x->result.updated++;
    e = e == OK ? row_rewrite(&x->w, seq, &m, &row) : e;
    return e == OK ? trap_widen(s, &row, m.trap, x->w.eb) : e;
}

static enum err row_reindex(struct reindex *x, size_t index)
{
    struct store *s = x->w.s;
    sqlite3_stmt *st;
    int64_t key, seq;
    enum err e = identity_find(s, x->r->rows[index].id, &key, &seq, x->w.eb);
    if (e == ERR_NOTFOUND) {
        x->result.unknown++;
        return OK;
    }
    e = e == OK ? store_statement(s, STATEMENT_MESSAGE_BY_SEQ, &st, x->w.eb) : e;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, seq);
    e = store_step(s, st, "reading a message", x->w.eb);
    if (e == ERR_END) {
        x->result.gone++;
        return OK;
    }
    return e == OK ? known_reindex(x, index, st, seq) : e;
}

static enum err reindex_mark_put(struct store *s, const struct store_reindex *r, struct errbuf *eb)
{
    sqlite3_stmt *st;
    if (r->source.n == 0) {
        return OK;
    }
    enum err e = store_statement(
        s, r->is_complete ? STATEMENT_REINDEX_MARK_DROP : STATEMENT_REINDEX_MARK_PUT, &st, eb);
    if (e == OK) {
        bind_slice(st, 1, r->source);
        if (!r->is_complete) {
            sqlite3_bind_int64(st, 2, (int64_t)r->next_ordinal);
        }
        e = store_run(s, st, "writing a reindex's mark", eb);
    }
    return e;
}

static enum err generation_more(struct reindex *x)
{
    sqlite3_stmt *st;
    enum err e = store_statement(x->w.s, STATEMENT_GENERATION_MORE, &st, x->w.eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, x->generation.number);
        sqlite3_bind_int64(st, 2, (int64_t)(x->result.updated + x->result.unchanged));
        sqlite3_bind_int64(st, 3, (int64_t)x->generation.changed);
        e = store_run(x->w.s, st, "writing a generation", x->w.eb);
    }
    return e == OK ? moves_put(x->w.s, x->generation.number - 1, &x->w.moves, x->w.eb) : e;
}

static enum err reindex_run(struct reindex *x)
{
    struct store *s = x->w.s;
    const struct store_reindex *r = x->r;
    enum err e = identity_begin(s, x->w.eb);
    if (e == OK && r->placing && r->placing->begin) {
        e = r->placing->begin(r->placing->arg, x->w.eb);
    }
    for (size_t i = 0; e == OK && i < r->row_count; i++) {
        e = row_reindex(x, i);
    }
    e = e == OK ? count_flush(s, false, x->w.eb) : e;
    e = e == OK && x->generation.number ? generation_more(x) : e;
    s->generation = 0;
    if (e == OK && r->adds && x->result.unknown) {
        /* What is known counts as repeated there and is left alone. */
        struct append_result added;
        struct store_batch batch = {
            .rows = r->rows, .row_count = r->row_count, .placing = r->placing};
        e = batch_append(s, &batch, &added, x->w.eb);
        x->result.added = e == OK ? added.added : 0;
        x->result.unknown = 0;
    } else if (e == OK && r->placing && r->placing->give) {
        e = clusters_put(s, r->placing->give, r->placing->arg, x->w.eb);
    }
    return e == OK ? reindex_mark_put(s, r, x->w.eb) : e;
}

enum err store_reindex(struct store *s, const struct store_reindex *r, unsigned *generation,
                       struct reindex_result *result, struct errbuf *eb)
{
    struct reindex x = {.r = r, .generation = {.number = *generation}};
    enum err e = store_begin_write(s, eb);
    if (e != OK) {
        return e;
    }
    e = rewriting_begin(&x.w, s, eb);
    e = e == OK ? reindex_run(&x) : e;
    e = store_end_write(s, e, eb);
    rewriting_end(&x.w);
    if (e == OK) {
        *generation = x.generation.number;
        result->updated += x.result.updated;
        result->unchanged += x.result.unchanged;
        result->added += x.result.added;
        result->unknown += x.result.unknown;
        result->gone += x.result.gone;
    }
    return e;
}

enum err store_reindex_mark(struct store *s, struct slice source, uint64_t *next_ordinal,
                            struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_REINDEX_MARK_GET, &st, eb);
    *next_ordinal = 0;
    if (e == OK) {
        bind_slice(st, 1, source);
        e = store_step(s, st, "reading a reindex's mark", eb);
    }
    if (e == OK) {
        *next_ordinal = (uint64_t)sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return e == ERR_END ? OK : e;
}
