/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules drafted from what the store has of messages (sig/suggest.h), and for whole mailers at once.
 * Rows lack the text and most headers; a trait of those counts as there. docs/rules.md,
 * "Drafting". */
#ifndef ANALYSE_DRAFT_H
#define ANALYSE_DRAFT_H

#include "sig/suggest.h"
#include "store/cluster.h"

/* suggest_count() of a stored row. `arena` is scratch. ERR_NOMEM, ERR_LIMIT. */
enum err draft_count(struct suggest *s, enum suggest_side side, const struct message_row *row,
                     struct arena *arena) MUST_USE;

/* So that a list of twenty takes a second or two. */
enum draft_limits {
    DRAFT_MAILERS = 20,       /* at a time */
    DRAFT_MESSAGES = 500,     /* of each, at most */
    DRAFT_BACKGROUND = 10000, /* of all mail, at most */
};

/* A rule for each of the mailers, from a sample of its rows against one of all other mail:
 * drafts[i] of mailers[i], at most DRAFT_MAILERS; it names mailer "new-" and the id's digits. A
 * draft without a rule tells how near it came; one that was not tried had no row left, or nothing
 * in common. `now`: the rules' date. The drafts are in the arena. ERR_NOMEM, and what the store
 * says. */
enum err drafts_make(struct store *s, const uint32_t *mailers, size_t count, int64_t now,
                     struct arena *arena, struct rule_draft *drafts, struct errbuf *eb) MUST_USE;

#endif
