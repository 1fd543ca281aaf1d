/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Variants of sending software and their grouping into mailers; METHODS B3 "Family". */
#ifndef CLUSTER_VARIANT_H
#define CLUSTER_VARIANT_H

#include "cluster/profile.h"

struct variants;
/* `most`: variants kept; the least counted one gives way to a new one (Space-Saving). */
struct variants *variants_new(size_t most) MUST_USE;
void variants_free(struct variants *v);

/* The variant of a message: found or made, not yet counted. *index is its place (until the next
 * call that makes one gives it away); NULL profile and key 0 when the message shows no dialect. */
enum err variants_find(struct variants *v, const struct cluster_message *m, uint64_t *key,
                       struct profile **profile, bool *is_new) MUST_USE;

size_t variants_count(const struct variants *v);
uint64_t variants_key(const struct variants *v, size_t i);
struct profile *variants_profile(struct variants *v, size_t i);
/* Place of a key; variants_count() when it is not (any more) there. */
size_t variants_index(const struct variants *v, uint64_t key);
/* For people: "HD1:… SD1:…" and what the print does not say (mailer header, shapes). */
enum err variants_print(const struct variants *v, size_t i, struct strbuf *out) MUST_USE;

/* Groups all variants: group[i] is the least place in the group of i. A function of the set of
 * variants and their profiles, not of the order in which they came. */
enum err variants_group(struct variants *v, uint32_t *group) MUST_USE;
/* Why two variants are (not) of one mailer: one line of evidence each. */
enum err variants_explain(struct variants *v, size_t a, size_t b, struct strbuf *out) MUST_USE;

/* One variant with its profile. Loading adds it; false: damaged. */
enum err variants_save(const struct variants *v, size_t i, struct strbuf *out) MUST_USE;
bool variants_load(struct variants *v, uint64_t key, struct slice *in) MUST_USE;

size_t variants_bytes(const struct variants *v);

#endif
