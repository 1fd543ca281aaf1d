/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of the table of wordings: wording*.c share it; nobody else includes it. */
#ifndef CLUSTER_WORDING_PART_H
#define CLUSTER_WORDING_PART_H

#include "cluster/wording.h"
#include "cluster/wording_index.h"
#include "cluster/wording_sketch.h"

struct wording {
    uint64_t key;
    struct wording_sketch sketch;                      /* of its leader */
    struct wording_subject subjects[WORDING_SUBJECTS]; /* of all its messages */
    char *shapes;    /* the leader's URL shapes, a line each; NULL: none */
    uint64_t missed; /* at most so many messages before it was (again) taken in */
    uint32_t heap_at;
    struct profile profile;
};

/* Its place in the queue to give way; apart, for it is looked at often. */
struct wording_rank {
    uint64_t rank; /* missed, and found since */
    uint64_t used; /* when it was last found; of equal ranks the oldest gives way */
};

struct wordings {
    struct wording *items; /* dense: 0 .. count - 1 */
    struct wording_rank *ranks;
    size_t count, most;
    uint64_t clock;
    uint32_t *heap;  /* places, the one that gives way first on top */
    uint64_t *slots; /* hash table over the keys; 0: free */
    size_t slot_mask;
    struct wording_index *index;
    struct arena *arena; /* of one message */
};

/* The chosen shapes, a line each; NULL when there are none, or no memory. */
char *wording_shapes_copy(const struct slice *shapes, const size_t *chosen, size_t n) MUST_USE;
/* Takes in what was kept, with `shapes` and what `profile` holds; when the table is full the one of
 * the lower rank gives way. */
void wording_take_in(struct wordings *v, const struct wording_sketch *s, uint64_t key, char *shapes,
                     const struct wording_subject subjects[WORDING_SUBJECTS], uint64_t missed,
                     const struct profile *profile);

/* What two wordings have in common. */
struct wording_evidence {
    double text, open, close, call, html, shapes; /* likeness; -1: cannot be compared */
    double subject, attachment;
    unsigned subject_words; /* own ones, of the shorter subject */
    bool shares_domain;     /* a rare one */
    double strength;        /* 1 or more: of one campaign */
    const char *reason;     /* the strongest */
};

/* A grouping at work. Nodes are wordings by weight: node 0 is the heaviest. */
struct wording_grouping;
struct wording_grouping *wording_grouping_make(struct wordings *v) MUST_USE; /* NULL: no memory */
void wording_grouping_free(struct wording_grouping *g);
/* The heaviest place of the group of a place. */
uint32_t wording_grouping_head(struct wording_grouping *g, uint32_t place);
#endif
