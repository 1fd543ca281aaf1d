/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a message shows the clusters beyond its row, on its way from the analysing thread to the one
 * that appends. Thousands of rows wait for their transaction, so it is small: words are packed. */
#ifndef ANALYSE_SHOWN_H
#define ANALYSE_SHOWN_H

#include "analyse/analyse.h"
#include "cluster/part.h"

struct shown {
    struct slice hd1_names, hd1_shapes;
    bool is_listed;
    struct slice words; /* packed; empty: none */
};

/* What an analysis shows, without its words; borrowed from it. */
struct shown shown_of(const struct analysis *a);
/* Copies it out of the analysis, with its words. ERR_NOMEM. */
enum err shown_copy(struct shown *to, const struct analysis *from, struct arena *arena) MUST_USE;

/* What a row and that show the clusters; borrowed from both, without words. */
struct cluster_message shown_message(const struct shown *shown, const struct message_row *row);

/* Unpacks the words. ERR_NOMEM. */
enum err shown_words(const struct shown *s, struct words *out, struct arena *arena) MUST_USE;

#endif
