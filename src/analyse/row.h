/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The row of a message: what the store keeps of its features, and its labels. */
#ifndef ANALYSE_ROW_H
#define ANALYSE_ROW_H

#include "analyse/redact.h"
#include "print/features.h"
#include "sig/rules.h"
#include "store/store.h"

/* Bounds of what is kept in a row. Past the text's a sender only pads. */
enum { ROW_TEXT_BYTES = 200, ROW_DOMAINS_MAX = 32, ROW_ATTACHMENTS_MAX = 16 };

/* Fills in what the features and the chain they are of say, without the recipients' names; borrowed
 * from them and the arena. ERR_NOMEM. */
enum err row_describe(struct message_row *row, const struct features *f, const struct recipients *r,
                      struct arena *arena) MUST_USE;

/* Labels, rule ids and pack of the row; borrowed from the rules and the arena. ERR_NOMEM. */
enum err row_attribute(struct message_row *row, const struct rules *rules,
                       const struct attribution *at, struct arena *arena) MUST_USE;

/* A copy of the row with all it points to in `arena`. ERR_NOMEM. */
enum err row_copy(struct message_row *to, const struct message_row *from,
                  struct arena *arena) MUST_USE;

#endif
