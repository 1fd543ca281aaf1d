/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machines of whole groups: gathered from those of their variants, without relays, joined, and
 * found by. */
#include "cluster/host_gather.h"
#include "cluster/variant_grouping.h"
#include "core/limits.h"
#include "core/scratch.h"

enum {
    GROUP_HOSTS = 2048,    /* machines of a group's sample */
    RELAY_CELLS = 1 << 22, /* counters of groups a machine is seen with, by hash */
    MACHINE_CELLS = 1 << 16,
    HOST_MAILERS = BUCKET_GROUPS, /* groups a machine may be seen with; past that it relays */
};
_Static_assert((int)LIMIT_VARIANTS <= (int)MACHINE_CELLS,
               "a group is a half of an item of machine_index");

/* What is placed, group by group, the heaviest first. first[group]: where the group begins in
 * `place`; of g->count + 1. */
struct members {
    uint32_t *place, *first;
};

static void members_free(struct members *m)
{
    scratch_free(m->place);
    scratch_free(m->first);
    *m = (struct members){0};
}

static enum err members_list(const struct variant_grouping *g, size_t placed, struct members *m)
{
    m->place = scratch_new(placed, sizeof *m->place);
    m->first = scratch_new(g->count + 2, sizeof *m->first);
    if (!m->place || !m->first) {
        members_free(m);
        return ERR_NOMEM;
    }
    uint32_t *next = m->first + 1; /* each ends up where the one behind it begins */
    for (size_t i = 0; i < placed; i++) {
        next[g->group_of[g->order[i]] + 1]++;
    }
    for (size_t i = 1; i <= g->count; i++) {
        next[i] += next[i - 1];
    }
    for (size_t i = 0; i < placed; i++) {
        m->place[next[g->group_of[g->order[i]]]++] = g->order[i];
    }
    return OK;
}

/* The machines of one group; there until those of the next are gathered. */
static void hosts_gather(const struct variant_grouping *g, const struct members *m, size_t group,
                         struct host_gather *gather, struct host_sample *out)
{
    size_t from = m->first[group], to = m->first[group + 1];
    if (to - from == 1) {
        *out = grouping_variant(g, m->place[from])->hosts;
        return;
    }
    for (size_t i = from; i < to; i++) {
        host_gather_add(gather, &grouping_variant(g, m->place[i])->hosts);
    }
    host_gather_sum(gather, out);
}

/* Machines that send for more mailers than one machine has infections are relays, list servers,
 * NAT of whole companies: they do not tell groups from each other. Counted by hash alone: in the
 * rare case that two machines share a counter, one less is looked at. *words: for the machines of
 * all groups. */
static void relays_count(const struct variant_grouping *g, const struct members *m,
                         struct host_gather *gather, uint8_t *seen, size_t *words)
{
    for (size_t i = 0; i < g->count; i++) {
        struct host_sample s;
        hosts_gather(g, m, i, gather, &s);
        for (size_t h = 0; h < s.count; h++) {
            uint8_t *n = &seen[s.hashes[h] % RELAY_CELLS];
            *n = (uint8_t)(*n + (*n < UINT8_MAX));
        }
        *words += host_sample_words(s.count);
    }
}

static bool is_no_relay(const void *seen, uint32_t hash)
{
    return ((const uint8_t *)seen)[hash % RELAY_CELLS] <= HOST_MAILERS;
}

/* The machines of each group, without relays. Gathered twice: all at once, with relays, they take
 * more than anything else here. */
static enum err hosts_set(struct variant_grouping *g, const struct members *m,
                          struct host_gather *gather, const uint8_t *seen, size_t words)
{
    uint32_t *free_words = g->machines = scratch_new(words, sizeof *g->machines);
    if (!g->machines) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < g->count; i++) {
        struct variant_group *x = &g->groups[i];
        struct host_sample all;
        hosts_gather(g, m, i, gather, &all);
        host_sample_filter(&all, is_no_relay, seen, free_words, &x->hosts);
        host_sample_tally(&x->hosts, &x->hosts_tally);
        free_words += host_sample_words(x->hosts.count);
    }
    return OK;
}

enum err variant_hosts_find(struct variant_grouping *g, size_t placed)
{
    struct members m = {0};
    struct host_gather gather = {0};
    size_t words = 0;
    uint8_t *seen = scratch_new(RELAY_CELLS, sizeof *seen);
    enum err e = seen ? members_list(g, placed, &m) : ERR_NOMEM;
    e = e == OK ? host_gather_init(&gather, GROUP_HOSTS) : e;
    if (e == OK) {
        relays_count(g, &m, &gather, seen, &words);
        e = hosts_set(g, &m, &gather, seen, words);
    }
    scratch_free(seen);
    host_gather_free(&gather);
    members_free(&m);
    return e;
}

void variant_hosts_drop(struct variant_group *x)
{
    if (x->owns_hosts) {
        host_sample_free(&x->hosts);
    }
    x->owns_hosts = false;
    host_sample_init(&x->hosts);
}

enum err variant_hosts_join(struct variant_group *to, struct variant_group *from)
{
    struct host_sample sum;
    if (host_sample_union(&to->hosts, &from->hosts, GROUP_HOSTS, &sum) != OK) {
        return ERR_NOMEM;
    }
    variant_hosts_drop(to);
    variant_hosts_drop(from);
    to->hosts = sum;
    to->owns_hosts = true;
    host_sample_tally(&sum, &to->hosts_tally);
    return OK;
}

enum err variant_machines_index(struct variant_grouping *g)
{
    struct machine_index *x = &g->hosts;
    size_t items = 0;
    for (size_t i = 0; i < g->count; i++) {
        items += hosts_looked_up(&g->groups[i]);
    }
    x->first = scratch_new(MACHINE_CELLS + 2, sizeof *x->first);
    x->items = scratch_new(items, sizeof *x->items);
    if (!x->first || !x->items) {
        return ERR_NOMEM; /* freed with the grouping */
    }
    uint32_t *next = x->first + 1; /* each ends up where the cell behind it begins */
    for (size_t i = 0; i < g->count; i++) {
        for (size_t h = 0; h < hosts_looked_up(&g->groups[i]); h++) {
            next[g->groups[i].hosts.hashes[h] % MACHINE_CELLS + 1]++;
        }
    }
    for (size_t i = 1; i <= MACHINE_CELLS; i++) {
        next[i] += next[i - 1];
    }
    for (uint32_t i = 0; i < g->count; i++) {
        for (size_t h = 0; h < hosts_looked_up(&g->groups[i]); h++) {
            uint32_t hash = g->groups[i].hosts.hashes[h];
            x->items[next[hash % MACHINE_CELLS]++] = hash / MACHINE_CELLS * MACHINE_CELLS + i;
        }
    }
    return OK;
}

struct bucket_groups variant_machine_find(const struct machine_index *x, uint32_t hash)
{
    UNCLEARED struct bucket_groups g;
    g.count = 0;
    size_t cell = hash % MACHINE_CELLS;
    for (size_t i = x->first[cell]; i < x->first[cell + 1] && g.count < BUCKET_GROUPS; i++) {
        if (x->items[i] / MACHINE_CELLS == hash / MACHINE_CELLS) {
            g.group[g.count++] = x->items[i] % MACHINE_CELLS;
        }
    }
    return g;
}
