/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Greylisting as an experiment: who tries again, and when. A table of fixed size of (client /24 or
 * /64, sender, recipient) hashes; the oldest of a bucket makes room. */
#ifndef SMTP_GREYLIST_H
#define SMTP_GREYLIST_H

#include "core/err.h"
#include "core/ip.h"

struct greylist;

/* A triple passes from `delay_seconds` after its first try on, and for `life_seconds` from then. */
struct greylist *greylist_new(uint32_t delay_seconds, uint32_t life_seconds) MUST_USE;
void greylist_free(struct greylist *g);
/* Notes the try; false: it comes too early, say 4xx. */
bool greylist_passes(struct greylist *g, struct ip client, struct slice from, struct slice rcpt,
                     int64_t now_us);

#endif
