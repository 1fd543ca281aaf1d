/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wordings and their grouping into campaigns; METHODS B3 "Campaign". */
#ifndef CLUSTER_WORDING_H
#define CLUSTER_WORDING_H

#include "cluster/profile.h"

struct wordings;
/* `most`: wordings kept; the least counted one gives way to a new one (Space-Saving). */
struct wordings *wordings_new(size_t most) MUST_USE;
void wordings_free(struct wordings *v);

/* The wording of a message: found or made, not yet counted in its profile. *profile is valid until
 * the next call that finds or loads; NULL, and key 0, when the message shows no content. ERR_NOMEM.
 */
enum err wordings_find(struct wordings *v, const struct cluster_message *m, uint64_t *key,
                       struct profile **profile, bool *is_new) MUST_USE;

/* One more message of the wording at place i, as the store has it; not yet counted. ERR_NOMEM. */
enum err wordings_again(struct wordings *v, size_t i, const struct cluster_message *m) MUST_USE;

/* The table's count is exact since a wording was (last) taken in; at most so many messages more may
 * have had it before it gave way to others. */
uint64_t wordings_missed(const struct wordings *v, size_t i);

size_t wordings_count(const struct wordings *v);
uint64_t wordings_key(const struct wordings *v, size_t i);
struct profile *wordings_profile(struct wordings *v, size_t i);
/* Place of a key; wordings_count() when it is not (any more) there. */
size_t wordings_index(const struct wordings *v, uint64_t key);
/* For people: the sketch and the URL shapes of the leader. */
enum err wordings_print(const struct wordings *v, size_t i, struct strbuf *out) MUST_USE;

/* Groups all wordings: group[i] is the least place in the group of i. A function of the set of
 * wordings and their profiles, not of the order in which they came. */
enum err wordings_group(struct wordings *v, uint32_t *group) MUST_USE;
/* Why two wordings are (not) of one campaign: one line of evidence each. */
enum err wordings_explain(struct wordings *v, size_t a, size_t b, struct strbuf *out) MUST_USE;

/* One wording with its profile. Loading cuts one off the front of *in and adds it; false: damaged,
 * there already, or no memory, and *in is as it was. When more are loaded than fit the least
 * counted ones give way. */
enum err wordings_save(const struct wordings *v, size_t i, struct strbuf *out) MUST_USE;
bool wordings_load(struct wordings *v, uint64_t key, struct slice *in) MUST_USE;

/* Is it what one message shows, whatever else was seen: so that message is all to be kept of it? */
bool wordings_is_single(const struct wordings *v, size_t i);
/* Adds such a one again. `partner` as profile_take() has it. false: the message has another key, it
 * is there already, or no memory. */
bool wordings_load_single(struct wordings *v, uint64_t key, const struct cluster_message *m,
                          uint64_t partner) MUST_USE;

size_t wordings_bytes(const struct wordings *v);

#endif
