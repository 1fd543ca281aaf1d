/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Findings of a check, collected in order of the files; and the "did you mean" behind them. */
#ifndef CORE_FINDING_H
#define CORE_FINDING_H

#include "core/arena.h"

enum finding_level { FINDING_STYLE, FINDING_WARNING, FINDING_ERROR };
struct finding {
    enum finding_level level;
    const char *file;
    unsigned line, column;
    const char *text;
};
typedef void (*finding_fn)(void *arg, const struct finding *f);

struct findings {
    struct arena *arena; /* borrowed: texts and file names */
    struct finding *items;
    size_t count, size;
    const char *file;  /* of the findings to come */
    size_t errors;     /* so far, all files */
    bool is_exhausted; /* out of memory: the list is not complete */
};

void findings_free(struct findings *f);

/* Adds one at a place of the current file. */
void finding_add(struct findings *f, enum finding_level level, unsigned line, unsigned column,
                 const char *fmt, ...) PRINTF_LIKE(5, 6);

/* The nearest of `names` (NULL ends them) to `word` if it is a likely slip of the pen; else NULL.
 */
const char *name_near(struct slice word, const char *const *names);

const char *finding_level_name(enum finding_level level);

#endif
