/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/batch.h"

#include "core/limits.h"

#include <stdlib.h>

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
    b->count = b->bytes = b->row_count = b->failed = 0;
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

enum err batch_add(struct batch *b, const struct source_message *m)
{
    struct source_message *copy = &b->messages[b->count];
    *copy = *m;
    copy->raw = arena_copy(b->raw, m->raw);
    copy->envelope_from = arena_copy(b->raw, m->envelope_from);
    copy->name = NULL; /* diagnostics only; not kept */
    if (!copy->raw.p || !copy->envelope_from.p) {
        return ERR_NOMEM;
    }
    b->count++;
    b->bytes += m->raw.n;
    return OK;
}

enum err batch_analyse(struct batch *b, struct analyser *a, const struct source_message *m,
                       int64_t now)
{
    const struct analysis *result;
    enum err e = analyse_message(a, m, now, &result);
    if (e == OK) {
        e = row_copy(&b->rows[b->row_count], &result->row, b->text);
    }
    if (e == OK) {
        b->row_count++;
    } else if (e == ERR_NOMEM || e == ERR_LIMIT) {
        b->failed++;
        e = OK;
    }
    return e;
}
