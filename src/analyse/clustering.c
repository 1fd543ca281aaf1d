/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/clustering.h"

#include "analyse/row.h"
#include "core/clock.h"

#include <stdlib.h>

enum {
    /* Messages from one grouping of an import to the next: first few, so that a small one has names
       soon, then more each time up to the most, so that grouping stays a small part */
    REGROUP_FIRST = 5000,
    REGROUP_TIMES = 4,
    REGROUP_MOST = 200000,
    PLACE_ARENA_BYTES = 64 * 1024 * 1024,
};

static const double REST_SECONDS = 60; /* the evidence that a kill can cost */
static const double REST_TIMES = 19;   /* what a grouping takes: it gets a twentieth of the time */
static const double LEND_DECIDED = .9; /* METHODS B2: less is no decision */

struct clustering {
    struct store *store;
    struct clusters *clusters; /* NULL: to be read */
    struct arena *arena;       /* what placed rows point to, until the batch ends */
    struct arena *words;
    const struct shown *shown;
    int64_t now;
    bool has_changed;          /* since all was kept */
    bool has_placed;           /* since all was grouped and kept */
    double rest_at;            /* monotonic seconds */
    struct cluster_event last; /* of the journal, when it was read or written last */
    bool has_last;
    struct store_placing placing;
};

/* ---- the journal tells what others wrote ---- */

struct newest {
    struct cluster_event event;
    bool is_there;
};

static void newest_take(void *arg, const struct cluster_event *e)
{
    struct newest *n = arg;
    *n = (struct newest){*e, true};
}

static enum err newest_find(struct store *s, struct newest *out, struct errbuf *eb)
{
    struct cluster_event_query q = {.since = INT64_MIN, .until = INT64_MAX, .kind = -1, .limit = 1};
    *out = (struct newest){.is_there = false};
    return store_cluster_events(s, &q, newest_take, out, eb);
}

static bool event_eq(const struct cluster_event *a, const struct cluster_event *b)
{
    return a->time == b->time && a->kind == b->kind && a->what.kind == b->what.kind &&
           a->what.cluster == b->what.cluster && a->what.other == b->what.other &&
           a->what.parts == b->what.parts && a->what.messages == b->what.messages;
}

/* Inside the transaction, after what it gave: what another process writes then is not taken for its
 * own. */
static enum err journal_remember(struct clustering *k)
{
    struct newest n;
    enum err e = newest_find(k->store, &n, NULL);
    if (e == OK) {
        k->has_last = n.is_there;
        k->last = n.event;
    }
    return e;
}

static void drop(struct clustering *k)
{
    clusters_free(k->clusters);
    k->clusters = NULL;
    k->has_changed = false;
}

/* ---- what is stored but not counted: by a process that was killed, or another one ---- */

struct catching_up {
    struct store *store;
    struct clusters *clusters;
    struct arena *arena;
};

static enum err part_take(void *arg, const struct cluster_part *p)
{
    struct catching_up *x = arg;
    return store_part_load(x->store, x->clusters, p, NULL); /* damaged: left out */
}

/* Another process may have made its parts. Reading them ends the row, so it is copied. */
static enum err parts_fetch(struct catching_up *x, struct message_row *row)
{
    struct message_row copy;
    bool is_copied = false;
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        if (!row->part[k] || clusters_has_part(x->clusters, (enum cluster_kind)k, row->part[k])) {
            continue;
        }
        if (!is_copied) {
            arena_reset(x->arena);
            enum err e = row_copy(&copy, row, x->arena);
            if (e != OK) {
                return e;
            }
            *row = copy;
            is_copied = true;
        }
        enum err e = store_part(x->store, (enum cluster_kind)k, row->part[k], part_take, x, NULL);
        if (e != OK && e != ERR_NOTFOUND) {
            return e;
        }
    }
    return OK;
}

static enum err row_take(void *arg, uint64_t number, struct message_row *row)
{
    struct catching_up *x = arg;
    enum err e = parts_fetch(x, row);
    if (e != OK) {
        return e;
    }
    /* what a row does not tell is as it was */
    const struct shown nothing = {.is_listed = true};
    row_take_back(x->clusters, row);
    struct cluster_message m = shown_message(&nothing, row);
    return clusters_recount(x->clusters, number, row->part, &m);
}

static enum err catch_up(struct store *s, struct clusters *c, struct errbuf *eb)
{
    struct catching_up x = {s, c, NULL};
    uint64_t counted, next;
    enum err e = store_counted(s, &counted, &next, eb);
    if (e == OK && clusters_counted(c) < next) {
        x.arena = arena_new(PLACE_ARENA_BYTES);
        e = x.arena ? store_rows_from(s, clusters_counted(c), row_take, &x, eb)
                    : err_set(eb, ERR_NOMEM, "out of memory");
        arena_free(x.arena);
    }
    if (e == OK) {
        clusters_set_counted(c, next);
    }
    return e;
}

enum err clustering_load(struct store *s, struct clusters **out, struct errbuf *eb)
{
    struct clusters *c;
    enum err e = store_clusters_load(s, CLUSTER_KIND_COUNT, &c, eb);
    if (e != OK) {
        return e;
    }
    e = catch_up(s, c, eb);
    if (e != OK) {
        clusters_free(c);
        return e;
    }
    *out = c;
    return OK;
}

/* A person, or another process that appends, may have changed clusters since. */
static enum err follow(void *arg, struct errbuf *eb)
{
    struct clustering *k = arg;
    struct newest n;
    enum err e = newest_find(k->store, &n, eb);
    if (e != OK) {
        return e;
    }
    if (k->clusters &&
        (n.is_there != k->has_last || (n.is_there && !event_eq(&n.event, &k->last)))) {
        drop(k);
    }
    if (k->clusters) {
        return catch_up(k->store, k->clusters, eb);
    }
    e = clustering_load(k->store, &k->clusters, eb);
    k->has_last = n.is_there;
    k->last = n.event;
    return e;
}

/* ---- life ---- */

struct clustering *clustering_new(struct store *store)
{
    struct clustering *k = calloc(1, sizeof *k);
    if (!k) {
        return NULL;
    }
    *k = (struct clustering){.store = store};
    k->arena = arena_new(PLACE_ARENA_BYTES);
    k->words = arena_new(PLACE_ARENA_BYTES);
    if (!k->arena || !k->words) {
        clustering_free(k);
        return NULL;
    }
    return k;
}

void clustering_free(struct clustering *k)
{
    if (k) {
        clusters_free(k->clusters);
        arena_free(k->arena);
        arena_free(k->words);
        free(k);
    }
}

/* ---- placing ---- */

/* The cluster is shown where a rule would be: `message` tells where the label came from. */
static enum err provenance_add(struct message_row *row, const struct cluster_info *i,
                               struct arena *arena)
{
    char id[CLUSTER_ID_BYTES];
    struct slice text = arena_copy(arena, slice_of(id, cluster_id_print(i->kind, i->id, id)));
    struct slice *ids = arena_calloc(arena, row->rule_count + 1, sizeof *ids);
    if (!ids || !text.p) {
        return ERR_NOMEM;
    }
    if (row->rule_count) {
        memcpy(ids, row->rule_ids, row->rule_count * sizeof *ids);
    }
    ids[row->rule_count++] = text;
    row->rule_ids = ids;
    return OK;
}

/* A named cluster lends its name to a member of which no rule says anything. */
static enum err name_lend(struct message_row *row, const struct cluster_info *i,
                          struct arena *arena)
{
    struct row_label *const labels[CLUSTER_LABEL_COUNT] = {[CLUSTER_LABEL_BOTNET] = &row->botnet,
                                                           [CLUSTER_LABEL_MAILER] =
                                                               &row->mailer_label,
                                                           [CLUSTER_LABEL_PROGRAM] = &row->program};
    struct row_label *label = labels[i->label];
    if (!i->name.n || label->best.n) {
        return OK;
    }
    struct slice name = arena_copy(arena, i->name); /* a grouping in this batch may rename it */
    if (!name.p) {
        return ERR_NOMEM;
    }
    *label = (struct row_label){
        .best = name, .posterior = i->probability, .unknown = 1 - i->probability};
    if (i->probability >= LEND_DECIDED) {
        label->name = name;
    }
    return provenance_add(row, i, arena);
}

enum err clustering_lend(const struct clusters *c, struct message_row *row, struct arena *arena)
{
    enum err e = OK;
    for (int k = 0; e == OK && k < CLUSTER_KIND_COUNT; k++) {
        const struct cluster_info *info = clusters_of(c, (enum cluster_kind)k, row->part[k]);
        e = info ? name_lend(row, info, arena) : OK;
    }
    return e;
}

static enum err template_teach(struct clustering *k, const struct shown *shown, uint64_t key)
{
    struct words words;
    if (shown->words.n == 0 || !clusters_learns(k->clusters, key)) {
        return OK;
    }
    arena_reset(k->words);
    enum err e = shown_words(shown, &words, k->words);
    return e == OK ? clusters_teach(k->clusters, key, &words) : e;
}

static enum err regroup(struct clustering *k)
{
    k->has_changed = true;
    return clusters_regroup(k->clusters, k->now);
}

/* By the number of the message in the store alone: whoever stores it, and whatever was killed
 * before. */
static bool groups_after(uint64_t number)
{
    uint64_t at = REGROUP_FIRST, step = REGROUP_FIRST;
    while (at < number && step < REGROUP_MOST) {
        step = REGROUP_TIMES * step < REGROUP_MOST ? REGROUP_TIMES * step : REGROUP_MOST;
        at += step;
    }
    return at == number || (at < number && (number - at) % REGROUP_MOST == 0);
}

static enum err place(void *arg, size_t index, uint64_t number, struct message_row *row)
{
    struct clustering *k = arg;
    const struct shown *shown = &k->shown[index];
    struct cluster_message m = shown_message(shown, row);
    struct placed placed;
    m.number = number;
    enum err e = clusters_place(k->clusters, &m, &placed);
    e = e == OK ? template_teach(k, shown, placed.key[CLUSTER_CAMPAIGN]) : e;
    if (e == OK) {
        memcpy(row->part, placed.key, sizeof row->part);
        memcpy(row->part_is_new, placed.is_new, sizeof row->part_is_new);
        e = clustering_lend(k->clusters, row, k->arena);
    }
    k->has_changed = k->has_placed = true;
    if (number >= clusters_counted(k->clusters)) { /* not a row that had no parts before */
        clusters_set_counted(k->clusters, number + 1);
    }
    return e == OK && groups_after(number) ? regroup(k) : e;
}

static enum err lend(void *arg, struct message_row *row)
{
    struct clustering *k = arg;
    return clustering_lend(k->clusters, row, k->arena);
}

static enum err batch_give(void *arg, const struct cluster_sink *sink)
{
    struct clustering *k = arg;
    enum err e = clusters_give(k->clusters, CLUSTERS_NEW, sink);
    return e == OK ? journal_remember(k) : e;
}

const struct store_placing *clustering_begin(struct clustering *k, const struct shown *shown,
                                             int64_t now)
{
    arena_reset(k->arena);
    k->shown = shown;
    k->now = now;
    k->placing = (struct store_placing){
        .begin = follow, .place = place, .give = batch_give, .arg = k, .lend = lend};
    return &k->placing;
}

void clustering_end(struct clustering *k, enum err result)
{
    k->shown = NULL;
    if (result != OK) {
        drop(k);
    }
}

/* ---- between transactions ---- */

struct keeping {
    struct clustering *k;
    bool groups;
    struct errbuf *eb;
};

static enum err keep_give(void *arg, const struct cluster_sink *sink)
{
    struct keeping *x = arg;
    enum err e = follow(x->k, x->eb);
    e = e == OK && x->groups ? regroup(x->k) : e;
    e = e == OK ? clusters_give(x->k->clusters, CLUSTERS_CHANGED, sink) : e;
    return e == OK ? journal_remember(x->k) : e;
}

static enum err keep(struct clustering *k, bool groups, int64_t now, struct errbuf *eb)
{
    struct keeping x = {k, groups, eb};
    k->now = now;
    enum err e = store_clusters_put(k->store, keep_give, &x, eb);
    if (e != OK) {
        drop(k);
        return e;
    }
    k->has_changed = false;
    k->has_placed &= !groups;
    return OK;
}

enum err clustering_rest(struct clustering *k, bool groups, int64_t now, struct errbuf *eb)
{
    double at = time_monotonic();
    if (k->rest_at <= 0) {
        k->rest_at = at + REST_SECONDS;
    }
    if (at < k->rest_at || !k->clusters || !k->has_changed) {
        return OK;
    }
    enum err e = keep(k, groups, now, eb);
    double after = time_monotonic(), pause = REST_TIMES * (after - at);
    k->rest_at = after + (pause > REST_SECONDS ? pause : REST_SECONDS);
    return e;
}

enum err clustering_finish(struct clustering *k, int64_t now, struct errbuf *eb)
{
    uint64_t counted, next;
    enum err e = store_counted(k->store, &counted, &next, eb);
    bool is_due = k->has_changed || k->has_placed || counted < next;
    return e == OK && is_due ? keep(k, true, now, eb) : e;
}

/* ---- a person's words ---- */

struct editing {
    struct store *store;
    enum err (*edit)(void *arg, struct clusters *c, struct errbuf *eb);
    void *arg;
    struct errbuf why;
};

static enum err edit_give(void *arg, const struct cluster_sink *sink)
{
    struct editing *x = arg;
    struct clusters *c = NULL;
    enum err e = clustering_load(x->store, &c, &x->why);
    e = e == OK ? x->edit(x->arg, c, &x->why) : e;
    e = e == OK ? clusters_give(c, CLUSTERS_NEW, sink) : e;
    clusters_free(c);
    return e;
}

enum err clustering_edit(struct store *s,
                         enum err (*edit)(void *arg, struct clusters *c, struct errbuf *eb),
                         void *arg, struct errbuf *eb)
{
    struct editing x = {.store = s, .edit = edit, .arg = arg};
    enum err e = store_clusters_put(s, edit_give, &x, eb);
    return e != OK && x.why.text[0] ? err_set(eb, e, "%s", x.why.text) : e;
}
