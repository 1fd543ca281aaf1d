/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the members of a cluster have most, out of its profile. */
#include "observe/clusters.h"

#include <stdlib.h>

struct share_list {
    struct store *store;
    struct arena *arena;
    enum cluster_kind other; /* of relations */
    struct cluster_share items[PROFILE_TOP_MAX];
    size_t count;
    enum err e;
    struct errbuf *eb;
};

static int by_messages(const void *x, const void *y)
{
    const struct cluster_share *a = x, *b = y;
    if (a->messages != b->messages) {
        return a->messages > b->messages ? -1 : 1;
    }
    return slice_cmp(a->name, b->name);
}

enum err cluster_shares_finish(struct arena *arena, const struct cluster_share *items, size_t count,
                               struct cluster_shares *out)
{
    struct cluster_share *kept = arena_alloc(arena, (count + 1) * sizeof *kept);
    uint64_t sum = 0;
    if (!kept) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        sum += items[i].messages;
    }
    for (size_t i = 0; i < count; i++) {
        kept[i] = items[i];
        kept[i].share = sum ? (double)items[i].messages / (double)sum : 0;
    }
    if (count) {
        qsort(kept, count, sizeof *kept, by_messages);
    }
    *out = (struct cluster_shares){kept, count};
    return OK;
}

static struct slice copy(struct share_list *l, struct slice s)
{
    struct slice to = s.n ? arena_copy(l->arena, s) : s;
    if (s.n && !to.p) {
        l->e = ERR_NOMEM;
    }
    return to;
}

static void share_add(void *arg, const struct profile_entry *entry)
{
    struct share_list *l = arg;
    if (l->count < PROFILE_TOP_MAX) {
        l->items[l->count++] =
            (struct cluster_share){.name = copy(l, entry->value), .messages = entry->count};
    }
}

/* A part of the other kind counts for the cluster that it belongs to now. */
static void relation_add(void *arg, const struct profile_entry *entry)
{
    struct share_list *l = arg;
    struct cluster_info info = {.id = 0};
    char id[CLUSTER_ID_BYTES] = "-";
    size_t n = 1, i = 0;
    enum err e =
        l->e == OK ? store_part_cluster(l->store, l->other, profile_key(entry->value), &info, l->eb)
                   : ERR_NOTFOUND;
    if (e == OK) {
        n = cluster_id_print(l->other, info.id, id);
    } else if (e != ERR_NOTFOUND) {
        l->e = e;
    }
    while (i < l->count && !slice_eq(l->items[i].name, slice_of(id, n))) {
        i++;
    }
    if (i == l->count && l->count < PROFILE_TOP_MAX) {
        l->items[l->count++] =
            (struct cluster_share){.name = copy(l, slice_of(id, n)), .text = copy(l, info.name)};
    }
    if (i < l->count) {
        l->items[i].messages += entry->count;
    }
}

enum err cluster_shares_of(struct store *s, enum cluster_kind k, const struct profile *p,
                           enum profile_top top, struct arena *arena, struct cluster_shares *out,
                           struct errbuf *eb)
{
    struct share_list l = {.store = s, .arena = arena, .eb = eb};
    l.other = k == CLUSTER_MAILER ? CLUSTER_CAMPAIGN : CLUSTER_MAILER;
    profile_each(p, top, top == PROFILE_PARTNER ? relation_add : share_add, &l);
    return l.e == OK ? cluster_shares_finish(arena, l.items, l.count, out) : l.e;
}

enum err cluster_line_shares(struct store *s, enum cluster_kind k, const struct profile *p,
                             struct arena *arena, struct cluster_line *line, struct errbuf *eb)
{
    enum err e = cluster_shares_of(s, k, p, PROFILE_COUNTRY, arena, &line->country_shares, eb);
    return e == OK ? cluster_shares_of(s, k, p, PROFILE_PARTNER, arena, &line->relations, eb) : e;
}
