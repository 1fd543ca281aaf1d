/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a part or a cluster besides its key: bounded, mergeable, the same whatever the
 * order of the messages (but for the tails of tops that overflowed, whose error is kept). Some 120
 * bytes while a part has one message, at most some 6 KiB. */
#ifndef CLUSTER_PROFILE_H
#define CLUSTER_PROFILE_H

#include "cluster/part.h"

/* The most frequent values of ... */
enum profile_top {
    PROFILE_BOTNET, /* the three labels first: they have a belief, too */
    PROFILE_MAILER,
    PROFILE_PROGRAM,
    PROFILE_COUNTRY,
    PROFILE_TRAP,
    PROFILE_DOMAIN,
    PROFILE_PARTNER, /* parts of the other kind: profile_key() of the value */
    PROFILE_TOP_COUNT
};

enum {
    PROFILE_LABELS = PROFILE_PROGRAM + 1, /* the tops that are labels */
    PROFILE_HOSTS = 64,                   /* of the sketch: a standard error of 13 % */
    PROFILE_SAMPLES = 4,
    PROFILE_DOMAINS_TAKEN = 8, /* of one message: hundreds are a trick against tops */
    PROFILE_VALUE_BYTES = 255, /* of a value; a domain has at most 253. More is cut */
    PROFILE_TOP_MAX = 32       /* values of the largest top */
};

struct profile {
    uint64_t messages, recipients, bytes;
    int64_t first, last;           /* receipt; 0: unknown */
    uint64_t hosted;               /* messages with a host */
    struct profile_detail *detail; /* NULL while nothing more is known; private to profile*.c */
};

void profile_init(struct profile *p);
/* Frees what it holds; it is as after profile_init. */
void profile_clear(struct profile *p);
/* Counts one message. `partner`: key of its part of the other kind; 0: none. ERR_NOMEM: nothing
 * was counted. */
enum err profile_take(struct profile *p, const struct cluster_message *m,
                      uint64_t partner) MUST_USE;
/* Labels alone, when rules have changed: forgets all of them; counts those of one message.
 * ERR_NOMEM.
 */
void profile_labels_clear(struct profile *p);
enum err profile_label(struct profile *p, const struct cluster_message *m) MUST_USE;
/* Adds b to a. ERR_NOMEM: a is as it was. */
enum err profile_merge(struct profile *a, const struct profile *b) MUST_USE;

/* Distinct hosts: exact below the sketch's size (*is_exact, may be NULL), else bottom-k's estimate
 * (k - 1) / h_k (relative standard error 1/sqrt(k-2)). */
double profile_hosts(const struct profile *p, bool *is_exact);

/* The key that a value of PROFILE_PARTNER is. */
uint64_t profile_key(struct slice value);

struct profile_entry {
    struct slice value;
    uint64_t count; /* of messages, at most `error` too high; stays at 2^32 - 1 */
    uint64_t error;
};
/* Calls fn with the entries of a top, greatest first (ties by value). */
void profile_each(const struct profile *p, enum profile_top top,
                  void (*fn)(void *arg, const struct profile_entry *e), void *arg);
/* The values of the `most` most frequent ones (ties by value), in no order, valid until the profile
 * changes. Returns how many. */
size_t profile_most(const struct profile *p, enum profile_top top, struct slice *out, size_t most);
/* The most frequent value, valid until the profile changes; false: there is none. */
bool profile_first(const struct profile *p, enum profile_top top, struct profile_entry *out);
/* Messages that had a label of that kind (PROFILE_BOTNET ... PROFILE_PROGRAM), and the mean
 * posterior of these labels (0 when there are none). */
uint64_t profile_labelled(const struct profile *p, enum profile_top top, double *posterior);
/* Sample messages: those with the least ids (ids are hashes), so the same whatever the order.
 * Returns how many are in `out`. */
size_t profile_samples(const struct profile *p, struct id128 *out, size_t most);

/* Appends it, versioned; equal profiles give equal bytes. ERR_NOMEM. */
enum err profile_save(const struct profile *p, struct strbuf *out) MUST_USE;
/* Cuts one off the front of *in into *p, which need not be initialised. false: damaged, or no
 * memory; then *p is empty and *in as it was. */
bool profile_load(struct profile *p, struct slice *in) MUST_USE;

/* Bytes of memory in use beyond the struct. */
size_t profile_bytes(const struct profile *p);

#endif
