/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a part or of a cluster besides its key. Bounded, mergeable, the same whatever
 * the order of the messages (but for the tails of the tops, whose error is kept). Small while a
 * part has one message. */
#ifndef CLUSTER_PROFILE_H
#define CLUSTER_PROFILE_H

#include "cluster/part.h"

/* The most frequent values of ... */
enum profile_top {
    PROFILE_COUNTRY,
    PROFILE_TRAP,
    PROFILE_BOTNET,
    PROFILE_MAILER,
    PROFILE_PROGRAM,
    PROFILE_DOMAIN,
    PROFILE_PARTNER, /* parts of the other kind, by key in 16 hex digits */
    PROFILE_TOP_COUNT
};

struct profile {
    uint64_t messages, recipients, bytes;
    int64_t first, last;           /* receipt; 0: unknown */
    uint64_t hosted;               /* messages with a host */
    struct profile_detail *detail; /* NULL while nothing more is known; private to profile.c */
};

void profile_init(struct profile *p);
void profile_clear(struct profile *p);
/* ERR_NOMEM. `partner`: key of its part of the other kind; 0: none. */
enum err profile_take(struct profile *p, const struct cluster_message *m,
                      uint64_t partner) MUST_USE;
/* Adds b to a. */
enum err profile_merge(struct profile *a, const struct profile *b) MUST_USE;

/* Distinct hosts: exact below the sketch's size (*is_exact), else bottom-k's estimate (relative
 * standard error 1/sqrt(k-2)). */
double profile_hosts(const struct profile *p, bool *is_exact);
/* Estimated Jaccard likeness of the two host sets, and of the smaller one's share that is in the
 * other (containment); 0 when a side has no hosts. */
double profile_host_overlap(const struct profile *a, const struct profile *b, double *containment);

struct profile_entry {
    struct slice value;
    uint64_t count; /* of messages, at most `error` too high */
    uint64_t error;
};
/* Calls fn with the entries of a top, greatest first (ties by value). */
void profile_each(const struct profile *p, enum profile_top top,
                  void (*fn)(void *arg, const struct profile_entry *e), void *arg);
/* Sample messages: those with the least hash of their id, so the same whatever the order. */
size_t profile_samples(const struct profile *p, struct id128 *out, size_t most);

/* Serialised: versioned, bounded; a damaged one is refused. */
enum err profile_save(const struct profile *p, struct strbuf *out) MUST_USE;
bool profile_load(struct profile *p, struct slice *in);

/* Bytes of memory in use. */
size_t profile_bytes(const struct profile *p);

#endif
