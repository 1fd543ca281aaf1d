/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules name clusters. Each part's labels are votes; a cluster takes the name of most of them when
 * there are enough and they agree, with the probability that is left after all doubts: the lower
 * bound of the share among labelled messages, the rules' own posterior, and that of the grouping
 * itself. */
#include "cluster/cluster_table.h"
#include "core/scratch.h"
#include "stat/wilson.h"

#include <stdlib.h>

enum {
    NAME_MESSAGES = 20, /* labelled: of fewer the bound says too little */
    NAME_HOSTS = 3,     /* of a part that is labelled, where hosts are known: one sender's own mail
                           names nobody else's */
    NAME_SHARE = 10,    /* labelled, of 100 messages: a rule that knows few of them may know a
                           neighbour that was lumped in */
};
static const double NAME_PURITY = .8;    /* less is a mixture */
static const double NAME_GROUPING = .95; /* that a member of the cluster is what the others are */

struct vote {
    const struct cluster_entry *cluster;
    struct slice name; /* in a profile */
    uint64_t count;
};

/* What a cluster's parts say of one label. */
struct tally {
    uint64_t messages, labelled; /* of the cluster */
    double belief;               /* sum of posteriors */
    double hosts;                /* of its labelled part that has most */
    bool has_hosts;
};

struct count {
    struct clusters *c;
    enum cluster_kind kind;
    enum profile_top top;
    struct vote *votes;
    size_t count, size;
    struct tally *tallies; /* by place among the entries */
    const struct cluster_entry *now;
    enum err error;
};

static void vote_add(void *arg, const struct profile_entry *e)
{
    struct count *n = arg;
    if (n->count == n->size) {
        size_t size = n->size ? 2 * n->size : 64;
        struct vote *votes = scratch_grow(n->votes, size, sizeof *votes);
        if (!votes) {
            n->error = ERR_NOMEM;
            return;
        }
        n->votes = votes;
        n->size = size;
    }
    n->votes[n->count++] = (struct vote){n->now, e->value, e->count - e->error};
}

/* By cluster, then name. */
static int vote_cmp(const void *x, const void *y)
{
    const struct vote *a = x, *b = y;
    uint32_t i = a->cluster->info.id, j = b->cluster->info.id;
    return i != j ? (i > j) - (i < j) : slice_cmp(a->name, b->name);
}

static enum err votes_count(struct count *n)
{
    const struct cluster_table *t = &n->c->table[n->kind];
    for (size_t i = 0; i < t->slot_count && n->error == OK; i++) {
        struct cluster_entry *e =
            t->slots[i].key ? cluster_find(n->c, n->kind, t->slots[i].cluster) : NULL;
        if (!e) {
            continue;
        }
        const struct profile *p = parts_profile(n->c, n->kind, i);
        struct tally *tally = &n->tallies[cluster_number(n->c, n->kind, e)];
        double posterior;
        uint64_t labelled = profile_labelled(p, n->top, &posterior);
        tally->messages += p->messages;
        tally->has_hosts |= p->hosted > 0;
        if (labelled) {
            double hosts = profile_hosts(p, NULL);
            tally->labelled += labelled;
            tally->belief += posterior * (double)labelled;
            tally->hosts = hosts > tally->hosts ? hosts : tally->hosts;
            n->now = e;
            profile_each(p, n->top, vote_add, n);
        }
    }
    if (n->error == OK && n->count) {
        qsort(n->votes, n->count, sizeof *n->votes, vote_cmp);
    }
    return n->error;
}

struct verdict {
    enum cluster_namer namer; /* NONE, RULES or MIXED */
    struct slice name;
    double probability;
};

/* Of one cluster's sorted votes. */
static struct verdict votes_judge(const struct vote *votes, size_t n, const struct tally *t)
{
    struct verdict v = {CLUSTER_NAMER_NONE, {NULL, 0}, 0};
    uint64_t most = 0;
    for (size_t i = 0, end; i < n; i = end) {
        uint64_t count = 0;
        for (end = i; end < n && slice_eq(votes[end].name, votes[i].name); end++) {
            count += votes[end].count;
        }
        if (count > most) { /* names ascend: of equals the first */
            most = count;
            v.name = votes[i].name;
        }
    }
    if (t->labelled < NAME_MESSAGES || t->labelled * 100 < t->messages * NAME_SHARE ||
        (t->has_hosts && t->hosts < NAME_HOSTS)) {
        return (struct verdict){CLUSTER_NAMER_NONE, {NULL, 0}, 0};
    }
    double share = (double)most / (double)t->labelled;
    double bound = wilson_95(most, t->labelled).low;
    if (share < NAME_PURITY) {
        return (struct verdict){CLUSTER_NAMER_MIXED, {NULL, 0}, share};
    }
    v.namer = CLUSTER_NAMER_RULES;
    v.probability = bound * t->belief / (double)t->labelled * NAME_GROUPING;
    return v;
}

/* Keeps the better word of two kinds of labels: a botnet's name before a mailer's. */
static enum err verdict_set(struct clusters *c, struct cluster_entry *e, enum cluster_label label,
                            const struct verdict *v, int64_t now)
{
    struct cluster_info *i = &e->info;
    bool is_same = i->namer == v->namer && i->label == label && slice_eq(i->name, v->name);
    if (i->namer == CLUSTER_NAMER_PERSON || (is_same && i->probability == v->probability)) {
        return OK;
    }
    if (!is_same) {
        bool had = i->name.n > 0;
        if (!cluster_set_name(e, v->name)) {
            return ERR_NOMEM;
        }
        i->namer = v->namer;
        i->label = label;
        i->changed = now;
        enum identity_event_kind what = v->name.n ? CLUSTER_NAMED : CLUSTER_UNNAMED;
        enum err error = v->name.n || had
                             ? event_add(c, i->kind, now,
                                         (struct identity_event){.kind = what, .cluster = i->id})
                             : OK;
        if (error != OK) {
            return error;
        }
    }
    i->probability = v->probability;
    e->has_changed = true;
    return OK;
}

struct label_source {
    enum profile_top top;
    enum cluster_label label;
};

/* verdicts[i]: of the entry at place i, from the first source that has one. */
static enum err label_judge(struct clusters *c, enum cluster_kind k, struct label_source source,
                            struct verdict *verdicts, enum cluster_label *labels)
{
    struct count n = {.c = c, .kind = k, .top = source.top};
    n.tallies = scratch_new(c->table[k].entry_count, sizeof *n.tallies);
    enum err e = n.tallies ? votes_count(&n) : ERR_NOMEM;
    for (size_t i = 0, end; e == OK && i < n.count; i = end) {
        for (end = i; end < n.count && n.votes[end].cluster == n.votes[i].cluster;) {
            end++;
        }
        size_t at = cluster_number(c, k, n.votes[i].cluster);
        struct verdict v = votes_judge(n.votes + i, end - i, &n.tallies[at]);
        if (verdicts[at].namer != CLUSTER_NAMER_RULES && v.namer != CLUSTER_NAMER_NONE) {
            verdicts[at] = v;
            labels[at] = source.label;
        }
    }
    scratch_free(n.tallies);
    scratch_free(n.votes);
    return e;
}

enum err clusters_name_by_rules(struct clusters *c, enum cluster_kind k, int64_t now)
{
    static const struct label_source mailer[] = {{PROFILE_BOTNET, CLUSTER_LABEL_BOTNET},
                                                 {PROFILE_MAILER, CLUSTER_LABEL_MAILER}};
    static const struct label_source campaign[] = {{PROFILE_PROGRAM, CLUSTER_LABEL_PROGRAM}};
    const struct label_source *sources = k == CLUSTER_MAILER ? mailer : campaign;
    size_t source_count = k == CLUSTER_MAILER ? 2 : 1, n = c->table[k].entry_count;
    struct verdict *verdicts = scratch_new(n, sizeof *verdicts);
    enum cluster_label *labels = scratch_new(n, sizeof *labels);
    bool *is_here =
        scratch_new(n, sizeof *is_here); /* one whose parts all gave way keeps its name */
    enum err e = verdicts && labels && is_here ? OK : ERR_NOMEM;
    for (size_t i = 0; e == OK && i < c->table[k].slot_count; i++) {
        const struct part_slot *s = &c->table[k].slots[i];
        const struct cluster_entry *entry = s->key ? cluster_find(c, k, s->cluster) : NULL;
        if (entry) {
            is_here[cluster_number(c, k, entry)] = true;
        }
    }
    for (size_t s = 0; e == OK && s < source_count; s++) {
        e = label_judge(c, k, sources[s], verdicts, labels);
    }
    for (size_t i = 0; e == OK && i < n; i++) {
        struct cluster_entry *entry = c->table[k].entries[i];
        if (is_here[i] && !entry->info.merged_into) {
            e = verdict_set(c, entry, labels[i], &verdicts[i], now);
        }
    }
    scratch_free(verdicts);
    scratch_free(labels);
    scratch_free(is_here);
    return e;
}

void clusters_labels_clear(struct clusters *c)
{
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        for (size_t i = 0; i < c->table[k].slot_count; i++) {
            if (c->table[k].slots[i].key) {
                profile_labels_clear(parts_profile(c, (enum cluster_kind)k, i));
                c->table[k].slots[i].flags |= PART_CHANGED;
            }
        }
    }
}

enum err clusters_label(struct clusters *c, const uint64_t key[CLUSTER_KIND_COUNT],
                        const struct cluster_message *m)
{
    enum err e = OK;
    for (int k = 0; e == OK && k < CLUSTER_KIND_COUNT; k++) {
        struct part_slot *s = slot_find(c, (enum cluster_kind)k, key[k]);
        if (s) {
            size_t place = (size_t)(s - c->table[k].slots);
            e = profile_label(parts_profile(c, (enum cluster_kind)k, place), m);
        }
    }
    return e;
}
