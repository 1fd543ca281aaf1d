/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The steps of one dialogue, bounded: the first LIMIT_SMTP_STEPS_FIRST with their text, the last
 * LIMIT_SMTP_STEPS_LAST with less of it, the number of those between. Grows as it needs to: most
 * sessions have a dozen steps. */
#ifndef SMTP_TRANSCRIPT_H
#define SMTP_TRANSCRIPT_H

#include "core/strbuf.h"
#include "spool/record.h"

struct transcript_last;

struct transcript {
    struct session_step *first; /* text.p is NULL: the text is in `texts`, at offset[] */
    uint32_t *offset;
    size_t count, capacity;
    struct strbuf texts;
    struct transcript_last *last; /* a ring, from the first step on that has no room */
    uint64_t total;
    bool has_failed; /* out of memory: later steps are only counted */
};

/* Copies the step and as much of its text as is kept. */
void transcript_add(struct transcript *t, const struct session_step *step);

/* Adds to the bytes of a step that is one of the first: what belonged to it came in pieces. */
void transcript_add_bytes(struct transcript *t, size_t index, uint64_t bytes);

/* All steps kept, in order, as one array; texts point into the transcript. The array is the
 * transcript's, valid until it is changed. *dropped lie behind the first *first. */
const struct session_step *transcript_steps(struct transcript *t, size_t *count, size_t *first,
                                            uint64_t *dropped);
void transcript_free(struct transcript *t);

#endif
