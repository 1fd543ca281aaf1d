/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/relabel.h"

#include "analyse/analyse.h"
#include "analyse/clustering.h"
#include "analyse/row.h"
#include "analyse/stored.h"
#include "core/limits.h"

#include <stdlib.h>

struct relabel {
    struct store *store;
    const struct relabel_options *o;
    struct clusters *clusters; /* NULL: the store has none */
    struct rematcher *rematcher;
    struct arena *arena; /* of one row */
    struct relabel_result *result;
};

static bool labels_same(const struct row_label *a, const struct row_label *b)
{
    /* As they are stored: in millionths. */
    enum { MILLION = 1000000 };
    return slice_eq(a->name, b->name) && slice_eq(a->best, b->best) &&
           slice_eq(a->runner_up, b->runner_up) && a->is_conflict == b->is_conflict &&
           (int64_t)(a->posterior * MILLION + 0.5) == (int64_t)(b->posterior * MILLION + 0.5) &&
           (int64_t)(a->runner_up_posterior * MILLION + 0.5) ==
               (int64_t)(b->runner_up_posterior * MILLION + 0.5) &&
           (int64_t)(a->unknown * MILLION + 0.5) == (int64_t)(b->unknown * MILLION + 0.5);
}

static bool rows_same(const struct message_row *a, const struct message_row *b)
{
    bool same = labels_same(&a->botnet, &b->botnet) &&
                labels_same(&a->mailer_label, &b->mailer_label) &&
                labels_same(&a->program, &b->program) && a->rule_count == b->rule_count;
    for (size_t i = 0; same && i < a->rule_count; i++) {
        same = slice_eq(a->rule_ids[i], b->rule_ids[i]);
    }
    return same;
}

static enum err rules_again(struct relabel *x, struct message_row *row)
{
    struct features f;
    struct attribution found;
    struct rematch in = {.features = &f,
                         .rule_ids = row->rule_ids,
                         .rule_count = row->rule_count,
                         .when = row->clock == CLOCK_NONE ? 0 : row->received};
    enum err e = stored_features(row, &f, &in.known, x->arena);
    e = e == OK ? rematcher_match(x->rematcher, &in, x->arena, &found, &x->result->hits) : e;
    return e == OK ? row_attribute(row, x->o->rules, &found, x->arena) : e;
}

static bool stop_is_wanted(const struct relabel *x)
{
    return x->o->stop && *x->o->stop;
}

static enum err row_again(void *arg, struct message_row *row, bool *is_changed)
{
    struct relabel *x = arg;
    const struct message_row before = *row;
    if (stop_is_wanted(x)) {
        return ERR_CANCELLED;
    }
    arena_reset(x->arena);
    enum err e = rules_again(x, row);
    e = e == OK && x->clusters ? clustering_lend(x->clusters, row, x->arena) : e;
    *is_changed = e == OK && !rows_same(&before, row);
    return e;
}

/* ---- clusters: first all rows are asked, then clusters named, then names lent ---- */

static bool is_asked(const struct relabel *x, const struct message_row *row)
{
    const struct store_filter *f = &x->o->filter;
    bool is_open = f->since == INT64_MIN && f->until == INT64_MAX;
    return (f->trap.n == 0 || slice_eq(f->trap, row->trap)) && f->site.n == 0 &&
           (row->clock == CLOCK_NONE ? is_open
                                     : row->received >= f->since && row->received < f->until);
}

/* Rows that are not labelled again count with what rules said of them before. */
static enum err row_see(void *arg, uint64_t number, struct message_row *row)
{
    struct relabel *x = arg;
    enum err e = OK;
    (void)number;
    if (stop_is_wanted(x)) {
        return ERR_CANCELLED;
    }
    arena_reset(x->arena);
    if (is_asked(x, row)) {
        e = rules_again(x, row);
    } else {
        row_take_back(x->clusters, row);
    }
    const struct cluster_message m = {.botnet = row->botnet.name,
                                      .mailer_label = row->mailer_label.name,
                                      .program = row->program.name,
                                      .botnet_posterior = row->botnet.posterior,
                                      .mailer_posterior = row->mailer_label.posterior,
                                      .program_posterior = row->program.posterior};
    return e == OK ? clusters_label(x->clusters, row->part, &m) : e;
}

static enum err cluster_seen(void *arg, const struct cluster_info *i)
{
    (void)i;
    *(bool *)arg = true;
    return OK;
}

/* Inside the transaction that labels, so that no message is stored in between. */
static enum err clusters_name_again(void *arg, struct errbuf *eb)
{
    struct relabel *x = arg;
    bool any = false;
    enum err e = store_clusters(x->store, cluster_seen, &any, eb);
    if (e != OK || !any) {
        return e;
    }
    e = clustering_load(x->store, &x->clusters, eb);
    if (e == OK) {
        clusters_labels_clear(x->clusters);
        e = store_rows_from(x->store, 1, row_see, x, eb);
    }
    x->result->hits = (struct rematch_counts){0}; /* they are counted in the second pass */
    return e == OK ? clusters_regroup(x->clusters, time_now()) : e;
}

static enum err clusters_keep(void *arg, const struct cluster_sink *sink)
{
    const struct relabel *x = arg;
    return x->clusters ? clusters_give(x->clusters, CLUSTERS_ALL, sink) : OK;
}

static void progress_pass(void *arg, uint64_t done, uint64_t of)
{
    const struct relabel *x = arg;
    if (x->o->on_progress) {
        x->o->on_progress(x->o->arg, done, of);
    }
}

static void move_pass(void *arg, const struct generation_move *m)
{
    const struct relabel *x = arg;
    if (x->o->on_move) {
        x->o->on_move(x->o->arg, m);
    }
}

static void rules_count_asked(const struct relabel *x)
{
    feature_set all = stored_features_all();
    x->result->rules = rules_count(x->o->rules);
    for (size_t i = 0; i < x->result->rules; i++) {
        x->result->rules_asked += (rule_features(x->o->rules, i) & ~all) == 0;
    }
}

enum err relabel_run(const struct relabel_options *o, struct store *store,
                     struct relabel_result *out, struct errbuf *eb)
{
    *out = (struct relabel_result){.rules = 0};
    struct relabel x = {.o = o,
                        .store = store,
                        .rematcher = rematcher_new(o->rules),
                        .arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES),
                        .result = out};
    enum err e = x.rematcher && x.arena ? OK : err_set(eb, ERR_NOMEM, "out of memory");
    if (e == OK) {
        struct store_relabel how = {.filter = o->filter,
                                    .is_dry = o->is_dry,
                                    .pack = rules_version(o->rules),
                                    .note = o->note,
                                    .label = row_again,
                                    .on_progress = progress_pass,
                                    .on_move = move_pass,
                                    .arg = &x};
        const struct store_placing placing = {
            .begin = clusters_name_again, .give = clusters_keep, .arg = &x};
        rules_count_asked(&x);
        how.placing = &placing;
        e = store_relabel(store, &how, &out->generation, eb);
    }
    clusters_free(x.clusters);
    rematcher_free(x.rematcher);
    arena_free(x.arena);
    return e;
}
