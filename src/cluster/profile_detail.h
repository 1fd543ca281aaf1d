/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a profile: profile.c and profile_save.c share it; nobody else includes it. One
 * block of memory: this head, then labels, hosts, samples, floors, entries and the text of their
 * values, each with room in size classes; what most parts do not have takes no room. */
#ifndef CLUSTER_PROFILE_DETAIL_H
#define CLUSTER_PROFILE_DETAIL_H

#include "cluster/profile.h"

struct profile_entry_slot {
    uint32_t count, error;
    uint16_t at;    /* of the value in the text */
    uint8_t length; /* of the value */
    uint8_t mark;   /* its top, above that some bits of its hash: profile_mark() */
};

enum {
    PROFILE_TOP_BITS = 3,
    PROFILE_TOP_MASK = (1 << PROFILE_TOP_BITS) - 1,
    PROFILE_KEY_BYTES = 8 /* of a partner's key, the highest first */
};
_Static_assert((int)PROFILE_TOP_COUNT <= 1 << PROFILE_TOP_BITS, "a top fits into a mark");

static inline enum profile_top entry_top(const struct profile_entry_slot *e)
{
    return (enum profile_top)(e->mark & PROFILE_TOP_MASK);
}

struct profile_label {
    uint64_t doubt; /* sum of 1 - posterior, in millionths */
    uint64_t messages;
};

/* What has room or not. */
enum { PROFILE_HAS_LABELS = 1, PROFILE_HAS_FLOORS = 2 };

struct profile_room {
    uint8_t hosts, samples, entries, extras; /* PROFILE_HAS_* */
    uint16_t text;
};

struct profile_detail {
    struct profile_room room, used; /* used.extras is not used */
    bool has_more_hosts;            /* than fit: the sketch is not exact any more */
    uint64_t memory[];              /* labels; hosts; samples; floors; entries; text */
};

/* struct profile holds it by a pointer that is not const, so none of these need a const one. */

/* PROFILE_LABELS of them, with PROFILE_HAS_LABELS. */
static inline struct profile_label *detail_labels(struct profile_detail *d)
{
    return (struct profile_label *)d->memory;
}

/* The first 32 bits of their hashes: what is estimated from them is as good. */
static inline uint32_t *detail_hosts(struct profile_detail *d)
{
    size_t labels = d->room.extras & PROFILE_HAS_LABELS ? PROFILE_LABELS : 0;
    return (uint32_t *)(detail_labels(d) + labels);
}

static inline struct id128 *detail_samples(struct profile_detail *d)
{
    return (struct id128 *)(detail_hosts(d) + d->room.hosts);
}

/* By top, with PROFILE_HAS_FLOORS: no value that is not in the top was counted more often
 * (Space-Saving). */
static inline uint32_t *detail_floors(struct profile_detail *d)
{
    return (uint32_t *)(void *)(detail_samples(d) + d->room.samples);
}

static inline uint32_t detail_floor(struct profile_detail *d, enum profile_top top)
{
    return d->room.extras & PROFILE_HAS_FLOORS ? detail_floors(d)[top] : 0;
}

static inline struct profile_entry_slot *detail_entries(struct profile_detail *d)
{
    size_t floors = d->room.extras & PROFILE_HAS_FLOORS ? PROFILE_TOP_COUNT : 0;
    return (struct profile_entry_slot *)(detail_floors(d) + floors);
}

static inline char *detail_text(struct profile_detail *d)
{
    return (char *)(detail_entries(d) + d->room.entries);
}

static inline struct slice detail_value(struct profile_detail *d,
                                        const struct profile_entry_slot *e)
{
    return slice_of(detail_text(d) + e->at, e->length);
}

/* Values of one top that are kept. */
unsigned profile_top_room(enum profile_top top);

/* A key as a value: equal order, equal bytes on any machine. */
static inline struct slice profile_key_put(uint64_t key, char out[PROFILE_KEY_BYTES])
{
    for (int i = 0; i < PROFILE_KEY_BYTES; i++) {
        out[i] = (char)(key >> (8 * (PROFILE_KEY_BYTES - 1 - i)));
    }
    return slice_of(out, PROFILE_KEY_BYTES);
}

/* An empty one with that room; NULL when out of memory. */
struct profile_detail *detail_new(struct profile_room room) MUST_USE;

/* Adds an entry to a detail that has room for it. */
void detail_entry_add(struct profile_detail *d, enum profile_top top, struct slice value,
                      uint32_t count, uint32_t error);

/* The entries of a top, into `out` (PROFILE_TOP_MAX); returns how many. */
size_t detail_top(struct profile_detail *d, enum profile_top top,
                  const struct profile_entry_slot **out);

#endif
