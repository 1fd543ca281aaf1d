/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/wording_part.h"
#include "core/limits.h"
#include "core/scratch.h"

#include <stdlib.h>

/* A message joins the nearest wording at this likeness or more. Well above what makes a campaign
 * (0.5 and 0.75), so that which message came first hardly matters: the grouping absorbs it. */
static const double NEAR = 0.8;

static const uint64_t SLOT_TAG = UINT64_C(0xffffffff) << 32;

static bool gives_way(const void *arg, uint32_t a, uint32_t b)
{
    const struct wording_rank *x = arg, *y = x + b;
    x += a;
    return x->rank != y->rank ? x->rank < y->rank : x->used < y->used;
}

/* The heap: places, the one that gives way first on top. */

static void heap_set(struct wordings *v, size_t at, uint32_t place)
{
    v->heap[at] = place;
    v->items[place].heap_at = (uint32_t)at;
}

static void heap_up(struct wordings *v, size_t at)
{
    uint32_t place = v->heap[at];
    while (at > 0 && gives_way(v->ranks, place, v->heap[(at - 1) / 2])) {
        heap_set(v, at, v->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_set(v, at, place);
}

static void heap_down(struct wordings *v, size_t at)
{
    uint32_t place = v->heap[at];
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= v->count) {
            break;
        }
        child += child + 1 < v->count && gives_way(v->ranks, v->heap[child + 1], v->heap[child]);
        if (!gives_way(v->ranks, v->heap[child], place)) {
            break;
        }
        heap_set(v, at, v->heap[child]);
        at = child;
    }
    heap_set(v, at, place);
}

/* The hash table over the keys: linear probing, at most half full. A slot holds the key's upper
 * half before the place, so that a look-up seldom leaves the table. */

static uint64_t slot_make(uint64_t key, size_t place)
{
    return (key & SLOT_TAG) | (place + 1);
}

static size_t slot_place(uint64_t slot)
{
    return (uint32_t)slot - 1;
}

static size_t slot_of(const struct wordings *v, uint64_t key)
{
    size_t at = key & v->slot_mask;
    while (v->slots[at] &&
           (((v->slots[at] ^ key) & SLOT_TAG) || v->items[slot_place(v->slots[at])].key != key)) {
        at = (at + 1) & v->slot_mask;
    }
    return at;
}

static void slot_clear(struct wordings *v, uint64_t key)
{
    size_t hole = slot_of(v, key);
    for (size_t at = (hole + 1) & v->slot_mask; v->slots[at]; at = (at + 1) & v->slot_mask) {
        size_t home = v->items[slot_place(v->slots[at])].key & v->slot_mask;
        if (((at - home) & v->slot_mask) >= ((at - hole) & v->slot_mask)) {
            v->slots[hole] = v->slots[at];
            hole = at;
        }
    }
    v->slots[hole] = 0;
}

struct wordings *wordings_new(size_t most)
{
    struct wordings *v = calloc(1, sizeof *v);
    if (!v) {
        return NULL;
    }
    size_t slots = 16;
    while (slots < most * 2) {
        slots *= 2;
    }
    v->most = most > 0 ? most : 1;
    v->slot_mask = slots - 1;
    v->items = scratch_new(v->most, sizeof v->items[0]);
    v->ranks = scratch_new(v->most, sizeof v->ranks[0]);
    v->heap = calloc(v->most, sizeof v->heap[0]);
    v->slots = scratch_new(slots, sizeof v->slots[0]);
    v->index = wording_index_new();
    v->arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    if (!v->arena || !v->items || !v->ranks || !v->heap || !v->slots || !v->index) {
        wordings_free(v);
        return NULL;
    }
    return v;
}

void wordings_free(struct wordings *v)
{
    if (!v) {
        return;
    }
    for (size_t i = 0; i < v->count; i++) {
        profile_clear(&v->items[i].profile);
        free(v->items[i].shapes);
    }
    wording_index_free(v->index);
    arena_free(v->arena);
    scratch_free(v->items);
    scratch_free(v->ranks);
    free(v->heap);
    scratch_free(v->slots);
    free(v);
}

static size_t nearest(const struct wordings *v, const struct wording_sketch *s)
{
    UNCLEARED struct wording_candidate near[WORDING_CANDIDATES];
    size_t n = wording_has_lanes(s) ? wording_index_find(v->index, s, near) : 0;
    for (size_t i = 0; i < n; i++) {
        __builtin_prefetch(&v->items[near[i].place]);
    }
    size_t best = v->count;
    double most = NEAR;
    for (size_t i = 0; i < n; i++) {
        const struct wording *w = &v->items[near[i].place];
        double j = wording_text_likeness(s, &w->sketch);
        if (j > most || (j == most && (best == v->count || w->key < v->items[best].key))) {
            most = j;
            best = near[i].place;
        }
    }
    return best;
}

char *wording_shapes_copy(const struct slice *shapes, const size_t *chosen, size_t n)
{
    struct strbuf b = STRBUF_INIT;
    for (size_t i = 0; i < n; i++) {
        strbuf_add(&b, slice_sub(shapes[chosen[i]], 0, URL_SHAPE_BYTES));
        strbuf_add_byte(&b, '\n');
    }
    if (b.failed) {
        strbuf_free(&b);
        return NULL;
    }
    return b.p;
}

static void wording_use(struct wordings *v, size_t place, uint64_t messages)
{
    v->ranks[place].rank += messages;
    v->ranks[place].used = ++v->clock;
    heap_up(v, v->items[place].heap_at);
    heap_down(v, v->items[place].heap_at);
}

/* Room for one more: at the end, or where the one stood that gives way. Its rank is *missed. */
static size_t place_make(struct wordings *v, uint64_t *missed)
{
    *missed = 0;
    if (v->count < v->most) {
        heap_set(v, v->count, (uint32_t)v->count);
        return v->count++;
    }
    size_t place = v->heap[0];
    struct wording *old = &v->items[place];
    *missed = v->ranks[place].rank;
    if (wording_has_lanes(&old->sketch)) {
        wording_index_remove(v->index, &old->sketch, (uint32_t)place);
    }
    slot_clear(v, old->key);
    profile_clear(&old->profile);
    free(old->shapes);
    return place;
}

/* `shapes` is taken. */
static void wording_put(struct wordings *v, size_t place, const struct wording_sketch *s,
                        uint64_t key, char *shapes, uint64_t missed)
{
    struct wording *w = &v->items[place];
    *w = (struct wording){
        .key = key, .sketch = *s, .shapes = shapes, .missed = missed, .heap_at = w->heap_at};
    v->ranks[place] = (struct wording_rank){0, 0};
    profile_init(&w->profile);
    v->slots[slot_of(v, key)] = slot_make(key, place);
}

/* After its rank is known: a full bucket keeps those of highest rank. */
static void wording_list(struct wordings *v, size_t place)
{
    if (wording_has_lanes(&v->items[place].sketch)) {
        wording_index_add(v->index, &v->items[place].sketch, (uint32_t)place, gives_way, v->ranks);
    }
}

enum err wordings_find(struct wordings *v, const struct cluster_message *m, uint64_t *key,
                       struct profile **profile, bool *is_new)
{
    struct wording_sketch s;
    struct wording_subject subject;
    size_t chosen[WORDING_SHAPES];
    if (!wording_sketch_of(m, &s, chosen)) {
        *key = 0;
        *profile = NULL;
        *is_new = false;
        return OK;
    }
    if (wording_subject_make(&subject, m->subject, v->arena) != OK) {
        return ERR_NOMEM;
    }
    uint64_t own = wording_sketch_key(&s);
    size_t place = wordings_index(v, own);
    if (place == v->count) {
        place = nearest(v, &s);
    }
    bool is_made = place == v->count;
    if (is_made) {
        char *shapes = wording_shapes_copy(m->url_shapes, chosen, s.shape_count);
        if (s.shape_count > 0 && !shapes) {
            return ERR_NOMEM;
        }
        uint64_t missed;
        place = place_make(v, &missed);
        wording_put(v, place, &s, own, shapes, missed);
        wording_use(v, place, missed + 1);
        wording_list(v, place);
    } else {
        wording_use(v, place, 1);
    }
    wording_subjects_take(v->items[place].subjects, &subject);
    *key = v->items[place].key;
    *profile = &v->items[place].profile;
    *is_new = is_made;
    return OK;
}

enum err wordings_again(struct wordings *v, size_t i, const struct cluster_message *m)
{
    struct wording_subject subject;
    if (wording_subject_make(&subject, m->subject, v->arena) != OK) {
        return ERR_NOMEM;
    }
    wording_use(v, i, 1);
    wording_subjects_take(v->items[i].subjects, &subject);
    return OK;
}

void wording_take_in(struct wordings *v, const struct wording_sketch *s, uint64_t key, char *shapes,
                     const struct wording_subject subjects[WORDING_SUBJECTS], uint64_t missed,
                     const struct profile *profile)
{
    enum { RANK_BITS = 62 }; /* of a damaged state; what is counted on top never wraps */
    const uint64_t rank_max = (uint64_t)1 << RANK_BITS;
    missed = missed < rank_max ? missed : rank_max;
    uint64_t gone, rank = profile->messages < rank_max ? profile->messages : rank_max;
    rank += missed;
    if (v->count == v->most && v->ranks[v->heap[0]].rank >= rank) {
        struct profile clear = *profile; /* it is itself the first to give way */
        profile_clear(&clear);
        free(shapes);
        return;
    }
    size_t place = place_make(v, &gone);
    wording_put(v, place, s, key, shapes, missed);
    v->items[place].profile = *profile;
    memcpy(v->items[place].subjects, subjects, sizeof v->items[place].subjects);
    wording_use(v, place, rank);
    wording_list(v, place);
}

size_t wordings_count(const struct wordings *v)
{
    return v->count;
}

uint64_t wordings_key(const struct wordings *v, size_t i)
{
    return v->items[i].key;
}

uint64_t wordings_missed(const struct wordings *v, size_t i)
{
    return v->items[i].missed;
}

struct profile *wordings_profile(struct wordings *v, size_t i)
{
    return &v->items[i].profile;
}

size_t wordings_index(const struct wordings *v, uint64_t key)
{
    uint64_t slot = v->slots[slot_of(v, key)];
    return slot ? slot_place(slot) : v->count;
}

size_t wordings_bytes(const struct wordings *v)
{
    size_t bytes = sizeof *v +
                   v->most * (sizeof v->items[0] + sizeof v->ranks[0] + sizeof v->heap[0]) +
                   (v->slot_mask + 1) * sizeof v->slots[0] + wording_index_bytes(v->index);
    for (size_t i = 0; i < v->count; i++) {
        bytes += profile_bytes(&v->items[i].profile);
        bytes += v->items[i].shapes ? strlen(v->items[i].shapes) + 1 : 0;
    }
    return bytes;
}
