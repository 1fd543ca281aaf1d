/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A batch of messages in: one transaction for rows, dictionaries, counts and the import's mark. */
#include "store/sqlite.h"

#include <stdlib.h>

/* What the batch adds to the table of traps, by trap id. */
struct trap_seen {
    uint64_t messages;
    int64_t first, last;
    bool has_time;
};

enum { CHUNK_ROWS = 64 };

/* Rows that are new, on their way. */
struct chunk {
    size_t count;
    size_t index[CHUNK_ROWS]; /* in the batch */
    struct id128 ids[CHUNK_ROWS];
    struct message_row rows[CHUNK_ROWS]; /* placed */
};

struct batch {
    struct chunk *chunk;
    struct trap_seen *traps;
    size_t traps_size;
    int32_t arrived; /* day */
    struct append_result result;
};

bool time_is_sane(int64_t t)
{
    static const int64_t FIRST = INT64_C(-62135596800); /* year 1 */
    static const int64_t END = INT64_C(253402300800);   /* year 10000 */
    return t >= FIRST && t < END;
}

static enum err trap_seen_add(struct batch *b, const struct counted *m, struct errbuf *eb)
{
    size_t id = (size_t)m->trap;
    if (id >= b->traps_size) {
        size_t size = b->traps_size ? b->traps_size : 16;
        while (size <= id) {
            size *= 2;
        }
        struct trap_seen *traps = realloc(b->traps, size * sizeof *traps);
        if (!traps) {
            return err_set(eb, ERR_NOMEM, "out of memory for traps");
        }
        memset(traps + b->traps_size, 0, (size - b->traps_size) * sizeof *traps);
        b->traps = traps;
        b->traps_size = size;
    }
    struct trap_seen *seen = &b->traps[id];
    seen->messages++;
    if (m->has_time) {
        seen->first = !seen->has_time || m->received < seen->first ? m->received : seen->first;
        seen->last = !seen->has_time || m->received > seen->last ? m->received : seen->last;
        seen->has_time = true;
    }
    return OK;
}

static enum err traps_write(struct store *s, const struct batch *b, struct errbuf *eb)
{
    enum err e = OK;
    for (size_t id = 0; e == OK && id < b->traps_size; id++) {
        const struct trap_seen *seen = &b->traps[id];
        sqlite3_stmt *st;
        if (seen->messages == 0) {
            continue;
        }
        e = store_statement(s, STATEMENT_TRAP_SEEN, &st, eb);
        if (e == OK) {
            sqlite3_bind_int64(st, 1, (int64_t)id);
            sqlite3_bind_int64(st, 2, (int64_t)seen->messages);
            if (seen->has_time) {
                sqlite3_bind_int64(st, 3, seen->first);
                sqlite3_bind_int64(st, 4, seen->last);
            }
            e = store_run(s, st, "counting a trap's messages", eb);
        }
    }
    return e;
}

/* Inside the transaction, for a row that is new. */
static enum err row_place(const struct store_placing *p, size_t index, int64_t seq,
                          struct message_row *row, struct errbuf *eb)
{
    enum err e = p && p->place ? p->place(p->arg, index, (uint64_t)seq, row) : OK;
    return e == OK ? OK : err_set(eb, e, "placing a message in its clusters: %s", err_text(e));
}

/* Takes the rows from *at on that are new, and numbers them; *at is the first of the next chunk. */
static enum err chunk_take(struct store *s, const struct store_batch *in, size_t *at,
                           struct batch *b, struct errbuf *eb)
{
    struct chunk *c = b->chunk;
    enum err e = OK;
    c->count = 0;
    s->unwritten = (struct unwritten){.ids = c->ids, .first = s->tail.next};
    for (size_t i = *at; i < in->row_count && i < *at + CHUNK_ROWS; i++) {
        identity_prefetch(s, in->rows[i].id);
    }
    for (; e == OK && *at < in->row_count && c->count < CHUNK_ROWS; ++*at) {
        const struct message_row *row = &in->rows[*at];
        int64_t key, seq;
        if (row->trap.n == 0 || (row->clock != CLOCK_NONE && !time_is_sane(row->received))) {
            return err_set(eb, ERR_USAGE,
                           "a message row without a trap or with an impossible time");
        }
        e = identity_find(s, row->id, &key, &seq, eb);
        b->result.repeated += e == OK;
        if (e == ERR_NOTFOUND) {
            c->index[c->count] = *at;
            c->ids[c->count] = row->id;
            s->unwritten.count = ++c->count;
            e = identity_put(s, key, s->tail.next, eb);
        }
    }
    return e;
}

static enum err chunk_place(struct store *s, const struct store_batch *in, struct batch *b,
                            struct errbuf *eb)
{
    struct chunk *c = b->chunk;
    enum err e = OK;
    for (size_t i = 0; e == OK && i < c->count; i++) {
        c->rows[i] = in->rows[c->index[i]];
        e = row_place(in->placing, c->index[i], s->unwritten.first + (int64_t)i, &c->rows[i], eb);
        parts_prefetch(s, c->rows[i].part);
    }
    return e;
}

static enum err chunk_write(struct store *s, struct batch *b, struct errbuf *eb)
{
    struct chunk *c = b->chunk;
    enum err e = OK;
    for (size_t i = 0; e == OK && i < c->count; i++) {
        struct counted m;
        e = message_put(s, &c->rows[i], s->unwritten.first + (int64_t)i, &m, eb);
        if (e == OK) {
            m.arrived = b->arrived;
            e = trap_seen_add(b, &m, eb);
        }
        e = e == OK ? count_message(s, &m, false, eb) : e;
        b->result.added += e == OK;
    }
    s->unwritten.count = 0;
    return e;
}

/* Step by step, each for all rows of a chunk: the code of all steps is more than a processor holds
 * at a time. */
static enum err chunks_append(struct store *s, const struct store_batch *in, struct batch *b,
                              struct errbuf *eb)
{
    enum err e = OK;
    b->chunk = malloc(sizeof *b->chunk);
    if (!b->chunk) {
        return err_set(eb, ERR_NOMEM, "out of memory for a batch");
    }
    for (size_t at = 0; e == OK && at < in->row_count;) {
        e = chunk_take(s, in, &at, b, eb);
        e = e == OK ? chunk_place(s, in, b, eb) : e;
        e = e == OK ? chunk_write(s, b, eb) : e;
    }
    s->unwritten.count = 0;
    free(b->chunk);
    return e;
}

static enum err mark_put(struct store *s, const struct import_mark *mark, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_MARK_PUT, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_text64(st, 1, mark->source.n ? mark->source.p : "", mark->source.n, SQLITE_STATIC,
                        SQLITE_UTF8);
    sqlite3_bind_int64(st, 2, (int64_t)mark->next_ordinal);
    sqlite3_bind_int64(st, 3, (int64_t)mark->bytes_read);
    sqlite3_bind_int64(st, 4, (int64_t)mark->added);
    sqlite3_bind_int64(st, 5, (int64_t)mark->repeated);
    sqlite3_bind_int64(st, 6, (int64_t)mark->rejected);
    sqlite3_bind_int64(st, 7, mark->is_complete);
    sqlite3_bind_int64(st, 8, time_now());
    return store_run(s, st, "writing an import's mark", eb);
}

/* The day's first message, where nothing was stored today before this batch. A clock that was set
 * back to a day that has its entry leaves that as it is. */
static enum err arrival_put(struct store *s, int64_t first_seq, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_ARRIVAL_ADD, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, day_of(s->now ? s->now : time_now()));
    sqlite3_bind_int64(st, 2, first_seq);
    return store_run(s, st, "writing a day of arrival", eb);
}

enum err arrivals_load(struct store *s, struct arrivals *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    size_t size = 0;
    *out = (struct arrivals){NULL, 0};
    enum err e = store_statement(s, STATEMENT_ARRIVALS, &st, eb);
    while (e == OK && (e = store_step(s, st, "reading the days of arrival", eb)) == OK) {
        if (out->count == size) {
            size = size ? 2 * size : 64;
            struct arrival *days = reallocarray(out->days, size, sizeof *days);
            if (!days) {
                sqlite3_reset(st);
                e = err_set(eb, ERR_NOMEM, "out of memory for days of arrival");
                break;
            }
            out->days = days;
        }
        out->days[out->count++] =
            (struct arrival){sqlite3_column_int64(st, 1), sqlite3_column_int(st, 0)};
    }
    if (e != ERR_END) {
        arrivals_free(out);
    }
    return e == ERR_END ? OK : e;
}

void arrivals_free(struct arrivals *a)
{
    free(a->days);
    *a = (struct arrivals){NULL, 0};
}

int32_t arrival_day(const struct arrivals *a, int64_t seq)
{
    size_t low = 0, high = a->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (a->days[middle].first_seq <= seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? BUCKET_NONE : a->days[low - 1].day;
}

/* The day of arrival that the table will tell of this batch: a day that has its entry gets no
 * second one, so after a clock was set back it is that of the last entry. */
static enum err arrival_find(struct store *s, int64_t first_seq, int32_t *day, struct errbuf *eb)
{
    struct arrivals a;
    int32_t today = (int32_t)day_of(s->now ? s->now : time_now());
    enum err e = arrivals_load(s, &a, eb);
    if (e != OK) {
        return e;
    }
    *day = today;
    for (size_t i = 0; i < a.count; i++) {
        if (a.days[i].day == today) {
            *day = arrival_day(&a, first_seq);
        }
    }
    arrivals_free(&a);
    return OK;
}

static enum err rows_append(struct store *s, const struct store_batch *in, struct batch *b,
                            struct errbuf *eb)
{
    int64_t stored;
    enum err e = identity_begin(s, eb);
    if (e == OK && in->placing && in->placing->begin) {
        e = in->placing->begin(in->placing->arg, eb);
    }
    e = e == OK ? counter_get(s, "stored", &stored, eb) : e;
    int64_t first = s->tail.next;
    e = e == OK ? arrival_find(s, first, &b->arrived, eb) : e;
    e = e == OK ? chunks_append(s, in, b, eb) : e;
    if (e == OK && b->result.added > 0) {
        e = count_flush(s, false, eb);
        e = e == OK ? traps_write(s, b, eb) : e;
        e = e == OK ? arrival_put(s, first, eb) : e;
        e = e == OK ? counter_put(s, "next_seq", s->tail.next, eb) : e;
        e = e == OK ? counter_put(s, "stored", stored + (int64_t)b->result.added, eb) : e;
    }
    if (e == OK && in->placing && in->placing->give) {
        e = clusters_put(s, in->placing->give, in->placing->arg, eb);
    }
    if (e == OK && in->session_count) {
        e = sessions_put(s, in->sessions, in->session_count, &b->result.sessions_added, eb);
    }
    e = e == OK && in->import ? mark_put(s, in->import, eb) : e;
    return e == OK && in->spool ? spool_mark_put(s, in->spool, eb) : e;
}

enum err store_append(struct store *s, const struct message_row *rows, size_t n,
                      const struct import_mark *mark, struct append_result *result,
                      struct errbuf *eb)
{
    struct store_batch in = {.rows = rows, .row_count = n, .import = mark};
    return store_append_batch(s, &in, result, eb);
}

enum err batch_append(struct store *s, const struct store_batch *in, struct append_result *result,
                      struct errbuf *eb)
{
    struct batch b = {0};
    enum err e = rows_append(s, in, &b, eb);
    *result = b.result;
    free(b.traps);
    return e;
}

enum err store_append_batch(struct store *s, const struct store_batch *in,
                            struct append_result *result, struct errbuf *eb)
{
    struct append_result done;
    enum err e = store_begin_write(s, eb);
    if (e != OK) {
        return e;
    }
    e = store_end_write(s, batch_append(s, in, &done, eb), eb);
    if (e == OK && result) {
        *result = done;
    }
    return e;
}
