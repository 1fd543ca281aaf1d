/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who says what of a trap's time: intervals with the part of its mail that it saw, by source, and
 * what comes of them for each bucket. Of use to observe/trap_state.c only. */
#ifndef OBSERVE_TRAP_MARKS_H
#define OBSERVE_TRAP_MARKS_H

#include "observe/trap_state.h"

struct trap_mark {
    int64_t since, until;
    double part;
};

struct trap_mark_list {
    struct trap_mark *items;
    size_t count, size;
};

/* What the sources said of all traps of `w`, and the gaps in it. */
struct trap_marks {
    const struct trap_watch *w;
    struct trap_mark_list *lists; /* trap * GAP_SOURCE_COUNT + source: in order, without overlap */
    int64_t *born, *dead;         /* by trap: it lives in [born, dead); INT64_MAX: not yet */
    struct trap_gap *gaps;
    size_t gap_count, gap_size;
    struct arena *arena; /* of notes */
    enum err err;        /* of a callback */
    struct errbuf *eb;
};

/* Lists of `w`'s traps, without marks: born at the first message. */
enum err trap_marks_make(struct trap_marks *m, const struct trap_watch *w, struct arena *arena,
                         struct errbuf *eb) MUST_USE;
void trap_marks_free(struct trap_marks *m);

/* Reads the store's coverage and connections of the period. */
enum err trap_marks_coverage(struct trap_marks *m, struct store *s) MUST_USE;
enum err trap_marks_connections(struct trap_marks *m, struct store *s) MUST_USE;
/* Adds what was found in the counts; a silence without an end is a trap's death. Those that a
 * stronger source contradicts throughout are left out. */
enum err trap_marks_silences(struct trap_marks *m, const struct trap_gap *gaps,
                             size_t count) MUST_USE;

/* Fills the cells of one trap: up[i] and states[i] of each bucket. */
enum err trap_marks_cells(const struct trap_marks *m, size_t trap, float *up,
                          uint8_t *states) MUST_USE;

#endif
