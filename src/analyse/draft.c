/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/draft.h"

#include "analyse/stored.h"
#include "core/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { DRAFT_NAME_BYTES = 16 };

enum err draft_count(struct suggest *s, enum suggest_side side, const struct message_row *row,
                     struct arena *arena)
{
    struct features f;
    feature_set known;
    enum err e = stored_features(row, &f, &known, arena);
    return e == OK ? suggest_count(s, side, &f, &known, arena) : e;
}

/* ---- for mailers ---- */

struct drafting {
    struct store *s;
    const uint32_t *mailers;
    size_t count;
    struct suggest **suggests; /* NULL: of one that has nothing in common */
    int64_t *first;            /* earliest receipt of each one's rows; 0: not known */
    struct store_drawn *drawn; /* of each, and of all mail */
    uint32_t *others;          /* of each row of all mail that was counted: its mailer */
    size_t other_count;
    struct arena *scratch;
    struct errbuf *eb;
};

typedef enum err (*row_fn)(struct drafting *d, size_t at, const struct message_row *row,
                           uint32_t mailer);

/* All rows that are still there. `at` goes to the callback. */
static enum err rows_each(struct drafting *d, const struct store_drawn *drawn, row_fn fn, size_t at)
{
    enum err e = OK;
    for (size_t k = 0; e == OK && k < drawn->count; k++) {
        struct message_row row;
        e = store_row(d->s, drawn->rows[k].number, &row, d->eb);
        e = e == OK ? fn(d, at, &row, drawn->rows[k].cluster) : e == ERR_NOTFOUND ? OK : e;
        arena_reset(d->scratch);
    }
    return e;
}

static enum err member_learn(struct drafting *d, size_t at, const struct message_row *row,
                             uint32_t mailer)
{
    struct features f;
    feature_set known;
    (void)mailer;
    if (row->clock != CLOCK_NONE && (!d->first[at] || row->received < d->first[at])) {
        d->first[at] = row->received;
    }
    enum err e = stored_features(row, &f, &known, d->scratch);
    return e == OK ? suggest_learn(d->suggests[at], &f, NULL, 0, d->scratch) : e;
}

static enum err member_count(struct drafting *d, size_t at, const struct message_row *row,
                             uint32_t mailer)
{
    (void)mailer;
    return draft_count(d->suggests[at], SUGGEST_WANTED, row, d->scratch);
}

static enum err mailer_learn(struct drafting *d, size_t at)
{
    d->suggests[at] = suggest_new();
    if (!d->suggests[at]) {
        return ERR_NOMEM;
    }
    enum err e = rows_each(d, &d->drawn[at], member_learn, at);
    e = e == OK ? suggest_traits(d->suggests[at], d->eb) : e;
    if (e == ERR_NOTFOUND) {
        suggest_free(d->suggests[at]);
        d->suggests[at] = NULL;
        return OK;
    }
    return e == OK ? rows_each(d, &d->drawn[at], member_count, at) : e;
}

/* A row of the background counts for all mailers but its own. */
static enum err other_count(struct drafting *d, size_t at, const struct message_row *row,
                            uint32_t mailer)
{
    struct features f;
    feature_set known;
    (void)at;
    d->others[d->other_count++] = mailer;
    enum err e = stored_features(row, &f, &known, d->scratch);
    for (size_t i = 0; e == OK && i < d->count; i++) {
        if (d->suggests[i] && mailer != d->mailers[i]) {
            e = suggest_count(d->suggests[i], SUGGEST_BACKGROUND, &f, &known, d->scratch);
        }
    }
    return e;
}

static int number_cmp(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The mailer that most of the background that the draft matches is of: the two may be one. */
static enum err rival_find(struct drafting *d, size_t at, struct arena *arena,
                           struct rule_draft *draft)
{
    uint32_t *matched = arena_alloc(d->scratch, (d->other_count + 1) * sizeof *matched);
    size_t n = 0, row = 0, run = 0;
    uint32_t rival = 0;
    if (!matched) {
        return ERR_NOMEM;
    }
    for (size_t k = 0; k < d->other_count; k++) {
        bool is_own = d->others[k] == d->mailers[at];
        if (!is_own && suggest_draft_has(d->suggests[at], SUGGEST_BACKGROUND, row++)) {
            matched[n++] = d->others[k];
        }
    }
    qsort(matched, n, sizeof *matched, number_cmp);
    for (size_t k = 0; k < n; k++) {
        run = k && matched[k] == matched[k - 1] ? run + 1 : 1;
        if (matched[k] && run > draft->rival_messages) {
            draft->rival_messages = run;
            rival = matched[k];
        }
    }
    if (rival) {
        char id[CLUSTER_ID_BYTES];
        draft->rival = arena_copy(arena, slice_of(id, cluster_id_print(CLUSTER_MAILER, rival, id)));
    }
    arena_reset(d->scratch);
    return !rival || draft->rival.p ? OK : ERR_NOMEM;
}

static enum err draft_take(struct drafting *d, size_t i, int64_t now, struct arena *arena,
                           struct rule_draft *out)
{
    char name[DRAFT_NAME_BYTES];
    struct suggest_draft draft;
    struct suggest_head head = {.kind = LABEL_MAILER, .now = now, .first = d->first[i]};
    *out = (struct rule_draft){.is_tried = false};
    if (!d->suggests[i]) {
        return OK;
    }
    /* Not its id: a label that looks like one would be taken for the cluster. */
    snprintf(name, sizeof name, "new-%08" PRIx32, d->mailers[i]);
    head.label = slice_cstr(name);
    suggest_draft(d->suggests[i], head.kind, &draft);
    enum err e = suggest_keep(d->suggests[i], &draft, &head, arena, out);
    return e == OK && draft.background ? rival_find(d, i, arena, out) : e;
}

enum err drafts_make(struct store *s, const uint32_t *mailers, size_t count, int64_t now,
                     struct arena *arena, struct rule_draft *drafts, struct errbuf *eb)
{
    const struct store_draw draw = {.kind = CLUSTER_MAILER,
                                    .clusters = mailers,
                                    .count = count,
                                    .each = DRAFT_MESSAGES,
                                    .all = DRAFT_BACKGROUND};
    struct drafting d = {.s = s, .mailers = mailers, .count = count, .eb = eb};
    d.suggests = arena_calloc(arena, count + 1, sizeof *d.suggests);
    d.first = arena_calloc(arena, count + 1, sizeof *d.first);
    d.drawn = arena_calloc(arena, count + 1, sizeof *d.drawn);
    d.scratch = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    enum err e = d.suggests && d.first && d.drawn && d.scratch
                     ? OK
                     : err_set(eb, ERR_NOMEM, "out of memory for drafts of rules");
    e = e == OK ? store_draw(s, &draw, arena, d.drawn, eb) : e;
    if (e == OK) {
        d.others = arena_alloc(arena, (d.drawn[count].count + 1) * sizeof *d.others);
        e = d.others ? OK : ERR_NOMEM;
    }
    for (size_t i = 0; i < count && e == OK; i++) {
        e = mailer_learn(&d, i);
    }
    e = e == OK ? rows_each(&d, &d.drawn[count], other_count, count) : e;
    for (size_t i = 0; i < count && e == OK; i++) {
        e = draft_take(&d, i, now, arena, &drafts[i]);
    }
    for (size_t i = 0; d.suggests && i < count; i++) {
        suggest_free(d.suggests[i]);
    }
    arena_free(d.scratch);
    return e;
}
