/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Variants of sending software and their grouping into mailers; METHODS B3 "Family",
 * docs/clusters.md "Mailers". Not for several threads. */
#ifndef CLUSTER_VARIANT_H
#define CLUSTER_VARIANT_H

#include "cluster/profile.h"

struct variants;
/* `most` (at least 1): variants kept; the least counted one gives way to a new one, which takes
 * over its count as an error (Space-Saving). NULL: out of memory. */
struct variants *variants_new(size_t most) MUST_USE;
void variants_free(struct variants *v);

/* The variant of a message: found or made, not yet counted (the caller counts it in its profile).
 * NULL profile and key 0 when the message shows no dialect. The profile is valid until the next
 * call that makes or loads a variant. ERR_NOMEM. */
enum err variants_find(struct variants *v, const struct cluster_message *m, uint64_t *key,
                       struct profile **profile, bool *is_new) MUST_USE;

/* One more message of the variant at place i, as the store has it; not yet counted. ERR_NOMEM. */
enum err variants_again(struct variants *v, size_t i, const struct cluster_message *m) MUST_USE;

size_t variants_count(const struct variants *v);
/* Places are 0 .. count - 1; a place keeps its variant until that gives way. */
uint64_t variants_key(const struct variants *v, size_t i);
struct profile *variants_profile(struct variants *v, size_t i);
/* Messages that may have been counted as others before it was made, at most. */
uint64_t variants_error(const struct variants *v, size_t i);
/* Place of a key; variants_count() when it is not (any more) there. */
size_t variants_index(const struct variants *v, uint64_t key);
/* For people: "HD1:*.*.onr6.*.*_b_c SD1:…" ('*' is what varies inside it), then Message-ID and
 * boundary shape and mailer where there are any. ERR_NOMEM. */
enum err variants_print(const struct variants *v, size_t i, struct strbuf *out) MUST_USE;

/* Groups all variants: group[i] is the least place in the group of i; room for variants_count(). A
 * function of the set of variants and their profiles, not of the order in which they came.
 * ERR_NOMEM. */
enum err variants_group(struct variants *v, uint32_t *group) MUST_USE;
/* Why two variants are (not) of one mailer: one line of evidence each, the sum last. ERR_NOMEM. */
enum err variants_explain(struct variants *v, size_t a, size_t b, struct strbuf *out) MUST_USE;

/* One variant with its profile, versioned. ERR_NOMEM. */
enum err variants_save(const struct variants *v, size_t i, struct strbuf *out) MUST_USE;
/* Cuts one off the front of *in and adds it; when there is no more room, the least counted gives
 * way, or the new one is left out. false: damaged, or its key is known already. */
bool variants_load(struct variants *v, uint64_t key, struct slice *in) MUST_USE;

/* Bytes of memory in use, profiles and tables included. */
size_t variants_bytes(const struct variants *v);

#endif
