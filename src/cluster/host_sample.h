/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside cluster only: the machines behind a variant or a group of them, with how often each came:
 * those whose hash is least (a bottom-k sample), so that two samples hold the same machines.
 * Mergeable; the same whatever the order of the messages, and however often one is taken. */
#ifndef CLUSTER_HOST_SAMPLE_H
#define CLUSTER_HOST_SAMPLE_H

#include "core/err.h"
#include "core/slice.h"
#include "core/strbuf.h"

enum {
    HOST_SAMPLE_MOST = 1 << 12,
    HOST_SAMPLE_HASH_BITS = 32,
    HOST_SAMPLE_VISIT_BITS = 16,
    HOST_INDEX_SLOTS = 1 << 13
};

struct host_sample {
    uint32_t *hashes; /* ascending; behind the `room` of them, in one block, 16 bits for each that
                         visits set by their hash */
    uint32_t below;   /* machines whose hash is not below are left out; UINT32_MAX: none */
    uint16_t count, room;
};

void host_sample_init(struct host_sample *s);
void host_sample_free(struct host_sample *s);
/* Takes a message of a machine (the store's host key, 0: none). All of one `visit` (an hour) count
 * once: a burst is one decision of its engine. `most`: machines kept, at most HOST_SAMPLE_MOST.
 * ERR_NOMEM: as it was. */
enum err host_sample_take(struct host_sample *s, uint64_t host, uint64_t visit,
                          size_t most) MUST_USE;
/* What both have, to be freed. ERR_NOMEM: nothing is to be freed. */
enum err host_sample_union(const struct host_sample *a, const struct host_sample *b, size_t most,
                           struct host_sample *out) MUST_USE;
static inline uint16_t *host_sample_visits(const struct host_sample *s)
{
    return (uint16_t *)(s->hashes + s->room);
}
size_t host_sample_bytes(const struct host_sample *s);

/* Memory for so many machines. */
size_t host_sample_words(size_t count);
/* The machines that is_kept says, in memory of the caller for as many as s has: not to be freed,
 * nor added to. What is left out counts as if it were nowhere. */
void host_sample_filter(const struct host_sample *s,
                        bool (*is_kept)(const void *arg, uint32_t hash), const void *arg,
                        uint32_t *words, struct host_sample *out);

/* Two samples, where both are complete. */
struct host_meeting {
    uint32_t first, second; /* machines seen with the one, with the other, */
    uint32_t both;          /* and with both */
    uint32_t returned;      /* came twice or more, always with one of them */
    double evidence;        /* nats for one engine on one pool of machines, against two pools */
};
/* An engine that draws its variant for each message, or for some time, shows both on a machine that
 * returns; two pools of machines have few in common (a second infection, a new lease). Of each
 * machine's visits only how many they are is used, not when. */
void host_sample_meet(const struct host_sample *a, const struct host_sample *b,
                      struct host_meeting *out);

/* Machines of a sample by how often they came, and all their visits. */
struct host_tally {
    uint32_t visits;
    uint16_t by_visits[HOST_SAMPLE_VISIT_BITS + 1];
};
void host_sample_tally(const struct host_sample *s, struct host_tally *out);
/* To meet many with one: where its machines are, valid until it or its tally changes. At most
 * HOST_SAMPLE_MOST of them. */
struct host_index {
    const struct host_sample *sample;
    const struct host_tally *tally;
    uint32_t mask;
    uint16_t slots[HOST_INDEX_SLOTS]; /* places + 1, by hash; 0: free */
};
void host_index_make(struct host_index *x, const struct host_sample *s,
                     const struct host_tally *tally);
/* host_sample_meet of a, whose tally is given, and b's sample. */
void host_index_meet(const struct host_sample *a, const struct host_tally *tally,
                     const struct host_index *b, struct host_meeting *out);

void host_sample_save(const struct host_sample *s, struct strbuf *out);
/* Cuts one off the front of *in into *s, which need not be initialised; what is past `most` is left
 * out. Hashes had 48 bits, of which the first 32 are kept now: `hash_bits`. false: damaged, or no
 * memory; then *s is empty. */
bool host_sample_load(struct host_sample *s, struct slice *in, size_t most,
                      unsigned hash_bits) MUST_USE;

#endif
