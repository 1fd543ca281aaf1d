/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FINDING_TEXT_BYTES = 512, NAME_NEAR_BYTES = 64 };

void findings_free(struct findings *f)
{
    free(f->items);
    f->items = NULL;
    f->count = f->size = 0;
}

void finding_add(struct findings *f, enum finding_level level, unsigned line, unsigned column,
                 const char *fmt, ...)
{
    char text[FINDING_TEXT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++) {
        /* Quoted input may hold anything; a finding stays one printable line. */
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }
    f->errors += level == FINDING_ERROR;
    if (f->count == f->size) {
        size_t size = f->size ? 2 * f->size : 16;
        struct finding *items = realloc(f->items, size * sizeof *items);
        if (!items) {
            f->is_exhausted = true;
            return;
        }
        f->items = items;
        f->size = size;
    }
    struct slice copy = arena_copy(f->arena, slice_of(text, strlen(text) + 1));
    if (!copy.p) {
        f->is_exhausted = true;
        return;
    }
    f->items[f->count++] = (struct finding){
        .level = level, .file = f->file, .line = line, .column = column, .text = copy.p};
}

/* Levenshtein distance, bounded by the names' lengths. */
static size_t edit_distance(struct slice a, struct slice b)
{
    size_t row[NAME_NEAR_BYTES + 1];
    for (size_t j = 0; j <= b.n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t change = diagonal + (ascii_lower(a.p[i - 1]) != ascii_lower(b.p[j - 1]));
            size_t gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < gap ? change : gap;
        }
    }
    return row[b.n];
}

const char *name_near(struct slice word, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = word.n / 3 < 3 ? word.n / 3 + 1 : 3;
    if (word.n == 0 || word.n > NAME_NEAR_BYTES) {
        return NULL;
    }
    for (; *names; names++) {
        struct slice name = slice_cstr(*names);
        if (name.n > NAME_NEAR_BYTES) {
            continue;
        }
        size_t distance = edit_distance(word, name);
        if (distance < best_distance || (distance == best_distance && !best)) {
            best_distance = distance;
            best = *names;
        }
    }
    return best;
}

const char *finding_level_name(enum finding_level level)
{
    static const char *const NAMES[] = {"style", "warning", "error"};
    return NAMES[level];
}
