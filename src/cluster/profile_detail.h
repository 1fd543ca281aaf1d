/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a profile: profile.c and profile_save.c share it; nobody else includes it. One
 * block of memory: this head, then hosts, samples, entries and the text of their values, each with
 * room in size classes. */
#ifndef CLUSTER_PROFILE_DETAIL_H
#define CLUSTER_PROFILE_DETAIL_H

#include "cluster/profile.h"

struct profile_entry_slot {
    uint32_t hash; /* of the value */
    uint32_t count, error;
    uint16_t at;    /* of the value in the text */
    uint8_t length; /* of the value */
    uint8_t top;
};

struct profile_label {
    uint64_t doubt; /* sum of 1 - posterior, in millionths */
    uint64_t messages;
};

struct profile_room {
    uint8_t hosts, samples, entries;
    uint16_t text;
};

struct profile_detail {
    struct profile_room room, used;
    bool has_more_hosts; /* than fit: the sketch is not exact any more */
    /* No value that is not in the top was counted more often (Space-Saving) */
    uint32_t floor[PROFILE_TOP_COUNT];
    struct profile_label label[PROFILE_LABELS];
    uint64_t memory[]; /* hosts; samples; entries; text */
};

/* struct profile holds it by a pointer that is not const, so none of these need a const one. */
static inline uint64_t *detail_hosts(struct profile_detail *d)
{
    return (uint64_t *)d->memory;
}

static inline struct id128 *detail_samples(struct profile_detail *d)
{
    return (struct id128 *)(detail_hosts(d) + d->room.hosts);
}

static inline struct profile_entry_slot *detail_entries(struct profile_detail *d)
{
    return (struct profile_entry_slot *)(detail_samples(d) + d->room.samples);
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

/* An empty one with that room; NULL when out of memory. */
struct profile_detail *detail_new(struct profile_room room) MUST_USE;

/* Adds an entry to a detail that has room for it. */
void detail_entry_add(struct profile_detail *d, enum profile_top top, struct slice value,
                      uint32_t count, uint32_t error);

/* The entries of a top, into `out` (PROFILE_TOP_MAX); returns how many. */
size_t detail_top(struct profile_detail *d, enum profile_top top,
                  const struct profile_entry_slot **out);

#endif
