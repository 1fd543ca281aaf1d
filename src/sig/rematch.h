/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Labels again for a message of which only some features are left: rules that look at nothing else
 * are matched, of the others an earlier hit still holds. */
#ifndef SIG_REMATCH_H
#define SIG_REMATCH_H

#include "sig/rules.h"

/* Features by bit; bit FEATURE_COUNT is header.NAME. */
typedef uint64_t feature_set;
_Static_assert(FEATURE_COUNT < 64, "a bit for each feature and one for header fields");
static inline feature_set feature_bit(unsigned feature)
{
    return UINT64_C(1) << feature;
}

/* What a rule looks at. */
feature_set rule_features(const struct rules *r, size_t rule);

struct rematcher;
/* Holds a reference to the rules. NULL when out of memory. One thread. */
struct rematcher *rematcher_new(struct rules *r) MUST_USE;
void rematcher_free(struct rematcher *m);

struct rematch {
    const struct features *features;
    feature_set known;            /* features that are as the message had them, absent ones too */
    const struct slice *rule_ids; /* that hit before */
    size_t rule_count;
    int64_t when; /* of receipt; 0: unknown */
};
/* What became of the earlier hits, and what could not be asked; adds. */
struct rematch_counts {
    uint64_t kept;    /* earlier hits that stand, because their rule cannot be matched again */
    uint64_t dropped; /* earlier hits of rules that are not there any more */
};
/* ERR_NOMEM only. */
enum err rematcher_match(struct rematcher *m, const struct rematch *in, struct arena *arena,
                         struct attribution *out, struct rematch_counts *counts) MUST_USE;

#endif
