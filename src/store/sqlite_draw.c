/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Samples of rows: one pass over the newest, of which it reads only the parts. */
#include "core/hash.h"
#include "store/sqlite.h"

#include <stdlib.h>

struct ticket {
    uint64_t hash, number;
    uint32_t cluster;
};

/* The tickets of least hash so far: a heap, the greatest hash on top. */
struct lot {
    struct ticket *heap;
    size_t count, most;
};

struct drawing {
    struct store *s;
    const struct store_draw *q;
    struct membership members;
    const uint32_t **order; /* the clusters asked for, by id */
    struct lot *lots;
};

static enum err no_memory(struct errbuf *eb)
{
    return err_set(eb, ERR_NOMEM, "out of memory for a sample of messages");
}

/* ---- the heap ---- */

static void heap_up(struct lot *l, size_t at)
{
    while (at && l->heap[(at - 1) / 2].hash < l->heap[at].hash) {
        struct ticket t = l->heap[at];
        l->heap[at] = l->heap[(at - 1) / 2];
        l->heap[(at - 1) / 2] = t;
        at = (at - 1) / 2;
    }
}

static void heap_down(struct lot *l)
{
    for (size_t at = 0, child; (child = 2 * at + 1) < l->count; at = child) {
        child += child + 1 < l->count && l->heap[child + 1].hash > l->heap[child].hash;
        if (l->heap[child].hash <= l->heap[at].hash) {
            return;
        }
        struct ticket t = l->heap[at];
        l->heap[at] = l->heap[child];
        l->heap[child] = t;
    }
}

static void lot_add(struct lot *l, struct ticket t)
{
    if (l->count < l->most) {
        l->heap[l->count++] = t;
        heap_up(l, l->count - 1);
    } else if (l->count && t.hash < l->heap[0].hash) {
        l->heap[0] = t;
        heap_down(l);
    }
}

static int number_cmp(const void *a, const void *b)
{
    const struct ticket *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static enum err lot_finish(struct lot *l, struct arena *arena, struct store_drawn *out,
                           struct errbuf *eb)
{
    struct drawn_row *rows = arena_alloc(arena, (l->count + 1) * sizeof *rows);
    if (!rows) {
        return no_memory(eb);
    }
    if (l->count) {
        qsort(l->heap, l->count, sizeof *l->heap, number_cmp);
    }
    for (size_t i = 0; i < l->count; i++) {
        rows[i] = (struct drawn_row){l->heap[i].number, l->heap[i].cluster};
    }
    *out = (struct store_drawn){rows, l->count};
    return OK;
}

/* ---- the pass ---- */

static int order_cmp(const void *a, const void *b)
{
    const uint32_t *x = *(const uint32_t *const *)a, *y = *(const uint32_t *const *)b;
    return (*x > *y) - (*x < *y);
}

static enum err lots_make(struct drawing *d, struct errbuf *eb)
{
    size_t n = d->q->count;
    d->lots = calloc(n + 1, sizeof *d->lots);
    d->order = calloc(n + 1, sizeof *d->order);
    if (!d->lots || !d->order) {
        return no_memory(eb);
    }
    for (size_t i = 0; i <= n; i++) {
        d->lots[i].most = i < n ? d->q->each : d->q->all;
        d->lots[i].heap = calloc(d->lots[i].most + 1, sizeof *d->lots[i].heap);
        if (!d->lots[i].heap) {
            return no_memory(eb);
        }
        d->order[i] = i < n ? &d->q->clusters[i] : NULL;
    }
    qsort(d->order, n, sizeof *d->order, order_cmp);
    return OK;
}

static void row_draw(struct drawing *d, uint64_t number, uint64_t part)
{
    uint32_t cluster = membership_of(&d->members, part);
    struct ticket t = {hash_mix(number), number, cluster};
    const uint32_t *key = &cluster;
    const uint32_t **found =
        cluster ? bsearch(&key, d->order, d->q->count, sizeof *d->order, order_cmp) : NULL;
    if (found) {
        lot_add(&d->lots[*found - d->q->clusters], t);
    }
    lot_add(&d->lots[d->q->count], t);
}

static enum err rows_pass(struct drawing *d, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(d->s, STATEMENT_MESSAGE_PARTS, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, STORE_DRAWN_FROM);
    }
    while (e == OK && (e = store_step(d->s, st, "reading messages", eb)) == OK) {
        row_draw(d, (uint64_t)sqlite3_column_int64(st, 0),
                 (uint64_t)sqlite3_column_int64(st, 1 + (int)d->q->kind));
    }
    return e == ERR_END ? OK : e;
}

enum err store_draw(struct store *s, const struct store_draw *q, struct arena *arena,
                    struct store_drawn *out, struct errbuf *eb)
{
    struct drawing d = {.s = s, .q = q};
    enum err e = store_begin_read(s, eb);
    if (e != OK) {
        return e;
    }
    e = membership_load(s, q->kind, &d.members, eb);
    e = e == OK ? lots_make(&d, eb) : e;
    e = e == OK ? rows_pass(&d, eb) : e;
    for (size_t i = 0; i <= q->count && e == OK; i++) {
        e = lot_finish(&d.lots[i], arena, &out[i], eb);
    }
    for (size_t i = 0; d.lots && i <= q->count; i++) {
        free(d.lots[i].heap);
    }
    free(d.lots);
    free(d.order);
    membership_free(&d.members);
    return store_end_read(s, e, eb);
}
