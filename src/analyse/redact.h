/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trap addresses are secret (DESIGN 4): before a row is stored, every text of it is freed of the
 * message's own recipients, also in the disguises that senders use to find traps (VERP,
 * personalised subjects). */
#ifndef ANALYSE_REDACT_H
#define ANALYSE_REDACT_H

#include "mail/mail.h"
#include "mail/received.h"
#include "mail/source.h"

enum { RECIPIENTS_MAX = 64 }; /* out of a header; a live envelope has all of its own besides */

struct recipients {
    struct slice *addr; /* as written, distinct but for case; arena */
    size_t most;        /* room in addr */
    size_t
        delivered; /* the first `delivered` are envelope recipients as our side wrote them; the
                      rest stand in To and Cc: maybe traps, so redacted as well, but not counted */
    size_t count;
};

/* Collects from the envelope (`live`, or NULL), else from trusted Received lines ("for") or
 * Delivered-To and kin; then To and Cc. ERR_NOMEM. */
enum err recipients_collect(struct recipients *r, const struct mail *m, const struct chain *c,
                            const struct live_envelope *live, struct arena *arena) MUST_USE;

/* Adds all addresses of a text, roughly: what stands around each '@'. */
void recipients_scan(struct recipients *r, struct slice text);

/* `text` with each recipient's address, VERP form (local=domain) and local part (of four bytes or
 * more, at token boundaries) replaced by "<rcpt>". The same slice when there was none; arena
 * otherwise. */
struct slice redact(const struct recipients *r, struct slice text, struct arena *arena);

#endif
