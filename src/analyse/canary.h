/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Canaries: messages that an operator sends to a trap, so that silence can be told from an outage.
 * One header field carries the trap, the time and a keyed hash of both; what carries a good one is
 * noted and not counted as mail. Nobody without the key makes one; who repeats one within its day
 * only keeps his own message from being counted. */
#ifndef ANALYSE_CANARY_H
#define ANALYSE_CANARY_H

#include "core/strbuf.h"
#include "store/store.h"

enum { CANARY_SECONDS = 86400 }; /* how long after it was made it counts as one */

/* Appends a whole message (RFC 5322) for this trap: the operator's own MTA sends it. `to` and
 * `from` are addresses. */
void canary_write(struct strbuf *out, const uint8_t key[SECRET_KEY_BYTES], struct slice trap,
                  int64_t now, struct slice from, struct slice to);

/* Is this a canary of the trap that was made at most a day before `received`? *made is when. */
bool canary_read(struct slice raw, const uint8_t key[SECRET_KEY_BYTES], struct slice trap,
                 int64_t received, int64_t *made);

/* Notes a canary that came, and tells the last one: 0 when there was none. In the store's facts. */
enum err canary_note(struct store *s, struct slice trap, int64_t made, int64_t received,
                     struct errbuf *eb) MUST_USE;
enum err canary_last(struct store *s, struct slice trap, int64_t *made, int64_t *received,
                     struct errbuf *eb) MUST_USE;

#endif
