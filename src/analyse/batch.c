/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/batch.h"

#include "analyse/row.h"
#include "core/limits.h"

#include <stdlib.h>

/* Raw bytes that are analysed together: they and what is made of them shall fit in a cache, and in
 * memory whatever they are. */
static const size_t TOGETHER_BYTES = 128 * 1024;

/* Rows are a few hundred bytes; this holds a batch of the longest ones. */
static const size_t BATCH_TEXT_BYTES = 16 * 1024 * 1024;

struct batch *batch_new(void)
{
    struct batch *b = calloc(1, sizeof *b);
    if (b) {
        b->raw = arena_new((size_t)LIMIT_MESSAGE_BYTES + 2 * BATCH_BYTES);
        b->text = arena_new(BATCH_TEXT_BYTES);
    }
    if (b && (!b->raw || !b->text)) {
        batch_free(b);
        return NULL;
    }
    return b;
}

void batch_clear(struct batch *b)
{
    arena_reset(b->raw);
    arena_reset(b->text);
    b->next = NULL;
    b->count = b->bytes = b->row_count = b->session_count = b->failed = 0;
    b->has_spool_mark = false;
    b->error = OK;
}

void batch_free(struct batch *b)
{
    if (b) {
        arena_free(b->raw);
        arena_free(b->text);
        free(b);
    }
}

static bool text_copy(struct slice *s, struct arena *arena)
{
    if (s->n) {
        *s = arena_copy(arena, *s);
    }
    return !s->n || s->p;
}

static struct live_envelope *live_copy(const struct live_envelope *from, struct arena *arena)
{
    struct live_envelope *to = arena_alloc(arena, sizeof *to);
    struct slice *list = arena_calloc(arena, from->recipient_count + 1, sizeof *list);
    if (!to || !list) {
        return NULL;
    }
    *to = *from;
    struct slice *const texts[] = {&to->trap, &to->helo, &to->protocol,
                                   &to->tls,  &to->sd1,  &to->td1};
    bool ok = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ok = ok && text_copy(texts[i], arena);
    }
    for (size_t i = 0; i < from->recipient_count; i++) {
        list[i] = from->recipients[i];
        ok = ok && text_copy(&list[i], arena);
    }
    to->recipients = list;
    return ok ? to : NULL;
}

enum err batch_add(struct batch *b, const struct source_message *m)
{
    struct source_message *copy = &b->messages[b->count];
    *copy = *m;
    copy->raw = arena_copy(b->raw, m->raw);
    copy->envelope_from = arena_copy(b->raw, m->envelope_from);
    copy->name = NULL; /* diagnostics only; not kept */
    copy->live = m->live ? live_copy(m->live, b->raw) : NULL;
    if (!copy->raw.p || !copy->envelope_from.p || (m->live && !copy->live)) {
        return ERR_NOMEM;
    }
    b->count++;
    b->bytes += m->raw.n;
    return OK;
}

enum err batch_add_session(struct batch *b, const struct session_row *s)
{
    struct session_row *to = &b->sessions[b->session_count];
    struct session_step *steps = arena_calloc(b->text, s->transcript.count + 1, sizeof *steps);
    bool ok = steps != NULL;
    *to = *s;
    struct slice *const texts[] = {
        &to->trap, &to->listener, &to->persona, &to->country,        &to->helo,     &to->sd1,
        &to->td1,  &to->tls,      &to->sni,     &to->auth_mechanism, &to->auth_user};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ok = ok && text_copy(texts[i], b->text);
    }
    for (size_t i = 0; ok && i < s->transcript.count; i++) {
        steps[i] = s->transcript.steps[i];
        ok = text_copy(&steps[i].text, b->text);
    }
    to->transcript.steps = steps;
    b->session_count += ok;
    return ok ? OK : ERR_NOMEM;
}

static enum err result_keep(struct batch *b, const struct analyser *a, size_t i)
{
    const struct analysis *result;
    enum err e = analysis_of(a, i, &result);
    if (e == OK) {
        e = row_copy(&b->rows[b->row_count], &result->row, b->text);
    }
    if (e == OK) {
        e = shown_copy(&b->shown[b->row_count], result, b->text);
    }
    if (e == OK) {
        b->row_count++;
    } else if (e == ERR_NOMEM || e == ERR_LIMIT) {
        b->failed++;
        e = OK;
    }
    return e;
}

/* How many of the messages from `from` on go together. */
static size_t together(const struct batch *b, size_t from)
{
    size_t n = 1, bytes = b->messages[from].raw.n;
    while (n < ANALYSE_TOGETHER && from + n < b->count &&
           bytes + b->messages[from + n].raw.n <= TOGETHER_BYTES) {
        bytes += b->messages[from + n++].raw.n;
    }
    return n;
}

enum err batch_analyse(struct batch *b, struct analyser *a, int64_t now)
{
    enum err e = OK;
    for (size_t from = 0, n; e == OK && from < b->count; from += n) {
        n = together(b, from);
        e = analyse_messages(a, &b->messages[from], n, now);
        for (size_t i = 0; e == OK && i < n; i++) {
            e = result_keep(b, a, i);
        }
    }
    arena_release(b->raw); /* many batches wait for their transaction */
    return e;
}
