/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The subject of a message as what its template wrote: typed words by kind, so that a ticker, a
 * number or a name may differ. Private to wording*.c. */
#ifndef CLUSTER_WORDING_SUBJECT_H
#define CLUSTER_WORDING_SUBJECT_H

#include "core/arena.h"
#include "core/err.h"
#include "core/slice.h"

enum {
    WORDING_SUBJECT_WORDS = 8,
    WORDING_SUBJECTS = 2 /* of a wording: those of the least hashes, whatever came first */
};

struct wording_subject {
    uint16_t word[WORDING_SUBJECT_WORDS]; /* hashes; the rest is 0 */
    uint8_t count;                        /* 0: none, or it says nothing of its own */
    uint8_t own;                          /* of these no types, names in capitals, numbers */
};

/* No subject says anything that answers or forwards ("Re:"), or has fewer than two words of its
 * own, or than three in all. ERR_NOMEM. */
enum err wording_subject_make(struct wording_subject *out, struct slice subject,
                              struct arena *arena) MUST_USE;

/* Never 0, but for a count of 0. */
uint32_t wording_subject_hash(const struct wording_subject *s);
/* Words that both have in this order, of the longer one: 0..1; -1: a side has none. */
double wording_subject_likeness(const struct wording_subject *a, const struct wording_subject *b);

/* Keeps it if it is one of the least; true: it changed what is kept. */
bool wording_subjects_take(struct wording_subject set[WORDING_SUBJECTS],
                           const struct wording_subject *s);

#endif
