/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Message records on hold until the record of their session comes, in the order of the spool.
 * Bounded by LIMIT_HELD_BYTES and LIMIT_HELD_MESSAGES: hold_is_full() says when the oldest must go.
 */
#ifndef ANALYSE_HOLD_H
#define ANALYSE_HOLD_H

#include "core/err.h"
#include "core/hash.h"
#include "core/slice.h"
#include "spool/position.h"

struct held {
    struct held *older, *newer; /* all, by position */
    struct held *next;          /* of the same bucket, or of a list that was taken */
    struct id128 session;
    struct spool_position at;
    int64_t accepted_us;
    size_t n;
    char payload[];
};
static inline struct slice held_payload(const struct held *h)
{
    return slice_of(h->payload, h->n);
}

struct hold;
struct hold *hold_new(void) MUST_USE;
void hold_free(struct hold *h);

/* Copies the record. ERR_NOMEM. */
enum err hold_put(struct hold *h, struct id128 session, struct spool_position at,
                  int64_t accepted_us, struct slice payload) MUST_USE;
/* Takes the messages of a session out, oldest first, chained by `next`; the caller frees each. */
struct held *hold_take(struct hold *h, struct id128 session);
/* Takes the oldest out. */
struct held *hold_take_oldest(struct hold *h);
/* NULL when nothing is held. */
const struct held *hold_oldest(const struct hold *h);
bool hold_is_full(const struct hold *h);

#endif
