/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the store and its clusters (docs/clusters.md): places each new row inside the store's
 * transaction, keeps what changed, groups again now and then. Belongs to the thread that appends.
 * At the start of each transaction what is in memory is brought up to the store, which other
 * processes may have written. When a transaction fails, the clusters in memory have seen what the
 * store has not: they are thrown away, and read back before the next. */
#ifndef ANALYSE_CLUSTERING_H
#define ANALYSE_CLUSTERING_H

#include "analyse/shown.h"
#include "store/cluster.h"

struct clustering;
/* Reads nothing yet. NULL when out of memory. `store` is borrowed. */
struct clustering *clustering_new(struct store *store) MUST_USE;
void clustering_free(struct clustering *k);

/* Makes ready to place the rows of one store_append_batch(); `shown` goes with the rows, both must
 * live until clustering_end(). The result is to be given to the store. */
const struct store_placing *clustering_begin(struct clustering *k, const struct shown *shown,
                                             int64_t now) MUST_USE;
/* Says how the batch went. */
void clustering_end(struct clustering *k, enum err result);

/* Between two transactions: each minute keeps what changed; `groups` (live mail): and groups again.
 * Less often where that takes more than a twentieth of the time.
 * An import groups by the number of messages in the store alone, so that the store does not depend
 * on how fast it went, or how often it was killed. */
enum err clustering_rest(struct clustering *k, bool groups, int64_t now,
                         struct errbuf *eb) MUST_USE;
/* At the end: groups again and keeps all that changed. Nothing to do when nothing was placed, now
 * or by one that was killed before its end. */
enum err clustering_finish(struct clustering *k, int64_t now, struct errbuf *eb) MUST_USE;

/* ---- for those who only look, or say something ---- */

/* The clusters of the row's parts lend their names to a row of which no rule says anything: decided
 * only from a probability of .9 on. Where a label came from is added to its rules
 * ("mailer-0123abcd"). What it then points to is in `arena`. ERR_NOMEM. */
enum err clustering_lend(const struct clusters *c, struct message_row *row,
                         struct arena *arena) MUST_USE;
/* All clusters, with every message that is stored counted. Inside a transaction they stay so until
 * it ends. clusters_free() them. */
enum err clustering_load(struct store *s, struct clusters **out, struct errbuf *eb) MUST_USE;
/* Keeps what a person's words (`edit`) change, in one transaction, so that no other process changes
 * clusters in between. An error of `edit` is returned, with its text. */
enum err clustering_edit(struct store *s,
                         enum err (*edit)(void *arg, struct clusters *c, struct errbuf *eb),
                         void *arg, struct errbuf *eb) MUST_USE;

#endif
