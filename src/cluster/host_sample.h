/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside cluster only: the machines behind a variant or a group of them, with how often each came:
 * those whose hash is least (a bottom-k sample), so that two samples hold the same machines.
 * Mergeable; the same whatever the order of the messages, and however often one is taken. */
#ifndef CLUSTER_HOST_SAMPLE_H
#define CLUSTER_HOST_SAMPLE_H

#include "core/err.h"
#include "core/slice.h"
#include "core/strbuf.h"

struct host_sample {
    uint64_t *items; /* ascending; 48 bits of hash, 16 that visits set by their hash */
    uint32_t count, room;
    uint64_t
        below; /* machines of a hash (48 bits) that is not below are left out; UINT64_MAX: none */
};

void host_sample_init(struct host_sample *s);
void host_sample_free(struct host_sample *s);
/* Takes a message of a machine (the store's host key, 0: none). All of one `visit` (an hour) count
 * once: a burst is one decision of its engine. `most`: machines kept. ERR_NOMEM: as it was. */
enum err host_sample_take(struct host_sample *s, uint64_t host, uint64_t visit,
                          size_t most) MUST_USE;
/* Adds b to a. ERR_NOMEM: as it was. */
enum err host_sample_merge(struct host_sample *a, const struct host_sample *b,
                           size_t most) MUST_USE;
static inline uint64_t host_sample_hash(const struct host_sample *s, size_t i)
{
    return s->items[i] >> 16;
}
size_t host_sample_bytes(const struct host_sample *s);

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

void host_sample_save(const struct host_sample *s, struct strbuf *out);
/* Cuts one off the front of *in into *s, which need not be initialised. false: damaged, or no
 * memory; then *s is empty. */
bool host_sample_load(struct host_sample *s, struct slice *in, size_t most) MUST_USE;

#endif
