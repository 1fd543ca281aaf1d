/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which recipients a trap takes, and which trap each belongs to. The reply depends on the first
 * only: that an address is a trap must not show. Entries compare without ASCII case. */
#ifndef SMTP_POLICY_H
#define SMTP_POLICY_H

#include "core/err.h"
#include "core/slice.h"

struct policy;

/* Takes nobody until entries are added, or everybody if `takes_all`. */
struct policy *policy_new(bool takes_all) MUST_USE;
void policy_free(struct policy *p);

/* Adds recipients that are taken: "user@domain", "domain" or "@domain" (with its subdomains if it
 * begins with "."), or a glob with "*" or "?" over the whole address. `trap` tags them; empty: the
 * listener's own trap. Among several that fit the address itself wins, then the longest domain,
 * then the first glob. ERR_LIMIT, ERR_NOMEM, ERR_SYNTAX for an empty entry. */
enum err policy_add(struct policy *p, struct slice entry, struct slice trap) MUST_USE;

/* Is `address` taken? *trap is its tag (borrowed from the policy), or empty. */
bool policy_takes(const struct policy *p, struct slice address, struct slice *trap);

#endif
