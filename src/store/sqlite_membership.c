/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which cluster each part is in now. */
#include "store/sqlite.h"

#include <stdlib.h>

struct merge {
    uint32_t id, into;
};

struct merges {
    struct merge *items; /* by id */
    size_t count, room;
};

static enum err no_memory(struct errbuf *eb)
{
    return err_set(eb, ERR_NOMEM, "out of memory for the parts of clusters");
}

static int merge_cmp(const void *a, const void *b)
{
    const struct merge *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Clusters of the kind that are now part of another one, by id. */
static enum err merges_load(struct store *s, enum cluster_kind k, struct merges *m,
                            struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_CLUSTERS_MERGED, &st, eb);
    if (e == OK) {
        sqlite3_bind_int(st, 1, (int)k);
    }
    while (e == OK && (e = store_step(s, st, "reading the clusters", eb)) == OK) {
        if (m->count == m->room) {
            size_t room = m->room ? 2 * m->room : 64;
            struct merge *items = realloc(m->items, room * sizeof *items);
            if (!items) {
                sqlite3_reset(st);
                return no_memory(eb);
            }
            m->items = items;
            m->room = room;
        }
        m->items[m->count++] = (struct merge){(uint32_t)sqlite3_column_int64(st, 0),
                                              (uint32_t)sqlite3_column_int64(st, 1)};
    }
    return e == ERR_END ? OK : e;
}

/* Parts that gave way before a merge still have the old id. */
static uint32_t merge_follow(const struct merges *m, uint32_t id)
{
    for (int hop = 0; m->count && hop < CLUSTER_HOPS_MAX; hop++) {
        const struct merge *found =
            bsearch(&(struct merge){.id = id}, m->items, m->count, sizeof *m->items, merge_cmp);
        if (!found) {
            break;
        }
        id = found->into;
    }
    return id;
}

static enum err parts_count(struct store *s, size_t *count, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_PART_LAST, &st, eb);
    e = e == OK ? store_step(s, st, "reading the parts", eb) : e;
    if (e == OK) {
        *count = (size_t)sqlite3_column_int64(st, 0) + 1;
        sqlite3_reset(st);
    }
    return e;
}

static enum err parts_load(struct store *s, enum cluster_kind k, const struct merges *merges,
                           struct membership *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = parts_count(s, &out->count, eb);
    if (e != OK) {
        return e;
    }
    out->clusters = calloc(out->count, sizeof *out->clusters);
    if (!out->clusters) {
        return no_memory(eb);
    }
    e = store_statement(s, STATEMENT_PARTS_OF_KIND, &st, eb);
    if (e == OK) {
        sqlite3_bind_int(st, 1, (int)k);
    }
    while (e == OK && (e = store_step(s, st, "reading the parts", eb)) == OK) {
        uint64_t id = (uint64_t)sqlite3_column_int64(st, 0);
        if (id < out->count) {
            out->clusters[id] = merge_follow(merges, (uint32_t)sqlite3_column_int64(st, 1));
        }
    }
    return e == ERR_END ? OK : e;
}

enum err membership_load(struct store *s, enum cluster_kind k, struct membership *out,
                         struct errbuf *eb)
{
    struct merges merges = {.count = 0};
    *out = (struct membership){.count = 0};
    enum err e = merges_load(s, k, &merges, eb);
    e = e == OK ? parts_load(s, k, &merges, out, eb) : e;
    free(merges.items);
    return e;
}

void membership_free(struct membership *m)
{
    free(m->clusters);
}
