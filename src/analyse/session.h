/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session's record as the store keeps it: fingerprints made, trap addresses taken out. */
#ifndef ANALYSE_SESSION_H
#define ANALYSE_SESSION_H

#include "analyse/geo.h"
#include "core/arena.h"
#include "spool/record.h"
#include "store/store.h"

/* The row; its texts borrow from the record or lie in `arena`. `geo` may be NULL. ERR_NOMEM. */
enum err session_row_make(struct session_row *row, const struct session_record *s,
                          const struct geo *geo, struct arena *arena) MUST_USE;

/* A client's line without what could be a trap's address: the arguments of RCPT, VRFY, EXPN and
 * AUTH, and the local part of whatever has an @ in any other line but MAIL's. Steps keep their
 * counts, so what a line was can still be told. The same slice when there was nothing, else arena;
 * {NULL, 0} when that has no room. */
struct slice dialogue_redact(struct slice line, struct arena *arena);

#endif
