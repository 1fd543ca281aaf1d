/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules over the stored rows again: a new label generation (docs/relabel.md). */
#ifndef ANALYSE_RELABEL_H
#define ANALYSE_RELABEL_H

#include "sig/rematch.h"
#include "store/generation.h"

struct relabel_options {
    struct rules *rules; /* borrowed */
    struct store_filter filter;
    bool is_dry; /* tells, and changes nothing */
    struct slice note;
    const volatile bool *stop; /* set by a signal handler: nothing is changed, ERR_CANCELLED */
    void (*on_progress)(void *arg, uint64_t done, uint64_t of);
    void (*on_move)(void *arg, const struct generation_move *m);
    void *arg;
};

struct relabel_result {
    struct generation generation; /* number 0: nothing changed, or dry */
    size_t rules, rules_asked;    /* of the pack; those that a row can answer */
    struct rematch_counts hits;   /* earlier hits that were kept, and dropped */
};

enum err relabel_run(const struct relabel_options *o, struct store *store,
                     struct relabel_result *out, struct errbuf *eb) MUST_USE;

#endif
