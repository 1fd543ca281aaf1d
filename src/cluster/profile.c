/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hosts are a bottom-k sketch, the most frequent values Space-Saving summaries (Metwally 2005;
 * merged as Agarwal 2012 does), samples the least ids: all three can be merged, and merging equals
 * counting the union. Values come from hostile mail; what is kept of them is bounded. */
#include "cluster/profile.h"

#include "cluster/profile_detail.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>

enum {
    ENTRIES_MAX = 8 + 8 + 8 + 32 + 32 + 16 + 24, /* profile_top_room of all */
    VALUES_MAX = 6 + PROFILE_DOMAINS_TAKEN,      /* of one message */
    ENTRY_STEP = 4,                              /* room for entries grows by this, */
    TEXT_STEP = 16,                              /* for text by this and a quarter */
};

unsigned profile_top_room(enum profile_top top)
{
    /* Few labels meet in one part, else it is a mixture whatever their order; countries and traps
       are wide and flat; fast-flux domains overflow any room. */
    static const uint8_t room[PROFILE_TOP_COUNT] = {
        [PROFILE_BOTNET] = 8, [PROFILE_MAILER] = 8,  [PROFILE_PROGRAM] = 8,  [PROFILE_COUNTRY] = 32,
        [PROFILE_TRAP] = 32,  [PROFILE_DOMAIN] = 16, [PROFILE_PARTNER] = 24,
    };
    return room[top];
}

void profile_init(struct profile *p)
{
    *p = (struct profile){0};
}

void profile_clear(struct profile *p)
{
    free(p->detail);
    profile_init(p);
}

static size_t room_bytes(const struct profile_room *room)
{
    size_t labels = room->extras & PROFILE_HAS_LABELS ? PROFILE_LABELS : 0;
    size_t floors = room->extras & PROFILE_HAS_FLOORS ? PROFILE_TOP_COUNT : 0;
    return labels * sizeof(struct profile_label) + room->hosts * sizeof(uint32_t) +
           room->samples * sizeof(struct id128) + floors * sizeof(uint32_t) +
           room->entries * sizeof(struct profile_entry_slot) + room->text;
}

size_t profile_bytes(const struct profile *p)
{
    return p->detail ? sizeof *p->detail + room_bytes(&p->detail->room) : 0;
}

struct profile_detail *detail_new(struct profile_room room)
{
    struct profile_detail *d = malloc(sizeof *d + room_bytes(&room));
    if (d) {
        *d = (struct profile_detail){.room = room};
        if (room.extras & PROFILE_HAS_LABELS) {
            memset(detail_labels(d), 0, PROFILE_LABELS * sizeof(struct profile_label));
        }
        if (room.extras & PROFILE_HAS_FLOORS) {
            memset(detail_floors(d), 0, PROFILE_TOP_COUNT * sizeof(uint32_t));
        }
    }
    return d;
}

/* Never kept, so any hash will do that is cheap: values of equal marks are compared. */
static uint8_t profile_mark(enum profile_top top, struct slice value)
{
    uint64_t h = value.n, word;
    size_t at = 0;
    for (; at + sizeof word <= value.n; at += sizeof word) {
        memcpy(&word, value.p + at, sizeof word);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    if (at < value.n) {
        word = 0;
        memcpy(&word, value.p + at, value.n - at);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return (uint8_t)(h >> 56 << PROFILE_TOP_BITS | top);
}

uint64_t profile_key(struct slice value)
{
    uint64_t key = 0;
    for (size_t i = 0; i < value.n; i++) {
        key = key << 8 | (uint8_t)value.p[i];
    }
    return key;
}

static uint32_t add_u32(uint32_t a, uint64_t b)
{
    return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t)b;
}

/* Where the old one stood if it fits there. */
static void value_set(struct profile_detail *d, struct profile_entry_slot *e, struct slice value,
                      uint8_t mark)
{
    if (value.n > e->length) {
        e->at = d->used.text;
        d->used.text = (uint16_t)(d->used.text + value.n);
    }
    e->mark = mark;
    e->length = (uint8_t)value.n;
    if (value.n) {
        memcpy(detail_text(d) + e->at, value.p, value.n);
    }
}

static void entry_add(struct profile_detail *d, struct slice value, uint8_t mark, uint32_t count,
                      uint32_t error)
{
    struct profile_entry_slot *e = &detail_entries(d)[d->used.entries++];
    *e = (struct profile_entry_slot){.count = count, .error = error};
    value_set(d, e, value, mark);
}

void detail_entry_add(struct profile_detail *d, enum profile_top top, struct slice value,
                      uint32_t count, uint32_t error)
{
    entry_add(d, value, profile_mark(top, value), count, error);
}

/* The number of its entry; that of all entries when there is none. */
static size_t entry_number(struct profile_detail *d, uint8_t mark, struct slice value)
{
    const struct profile_entry_slot *entries = detail_entries(d);
    size_t i = 0;
    while (i < d->used.entries &&
           !(entries[i].mark == mark && slice_eq(detail_value(d, &entries[i]), value))) {
        i++;
    }
    return i;
}

static struct profile_entry_slot *entry_find(struct profile_detail *d, enum profile_top top,
                                             struct slice value)
{
    size_t i = entry_number(d, profile_mark(top, value), value);
    return i < d->used.entries ? &detail_entries(d)[i] : NULL;
}

size_t detail_top(struct profile_detail *d, enum profile_top top,
                  const struct profile_entry_slot **out)
{
    const struct profile_entry_slot *entries = detail_entries(d);
    size_t n = 0;
    for (size_t i = 0; i < d->used.entries && n < PROFILE_TOP_MAX; i++) {
        if (entry_top(&entries[i]) == top) {
            out[n++] = &entries[i];
        }
    }
    return n;
}

/* ---- room ---- */

static uint8_t class_up(size_t n, size_t most)
{
    size_t size = n > 0;
    while (size < n) {
        size *= 2;
    }
    return (uint8_t)(size < most ? size : most);
}

static size_t round_up(size_t n, size_t step)
{
    return (n + step - 1) / step * step;
}

static size_t text_live(struct profile_detail *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->used.entries; i++) {
        n += detail_entries(d)[i].length;
    }
    return n;
}

static void detail_copy(struct profile_detail *to, struct profile_detail *from)
{
    memcpy(detail_hosts(to), detail_hosts(from), from->used.hosts * sizeof(uint32_t));
    memcpy(detail_samples(to), detail_samples(from), from->used.samples * sizeof(struct id128));
    to->used.hosts = from->used.hosts;
    to->used.samples = from->used.samples;
    to->has_more_hosts = from->has_more_hosts;
    if (from->room.extras & PROFILE_HAS_LABELS) {
        memcpy(detail_labels(to), detail_labels(from),
               PROFILE_LABELS * sizeof(struct profile_label));
    }
    if (from->room.extras & PROFILE_HAS_FLOORS) {
        memcpy(detail_floors(to), detail_floors(from), PROFILE_TOP_COUNT * sizeof(uint32_t));
    }
    for (size_t i = 0; i < from->used.entries; i++) {
        const struct profile_entry_slot *e = &detail_entries(from)[i];
        entry_add(to, detail_value(from, e), e->mark, e->count, e->error);
    }
}

/* Makes room for that much more. The first message gets just what it needs: most parts have no
   second one. */
static enum err detail_reserve(struct profile *p, struct profile_room more)
{
    struct profile_detail *old = p->detail;
    struct profile_room room = more;
    if (old) {
        const struct profile_room *used = &old->used;
        if (used->hosts + more.hosts <= old->room.hosts &&
            used->samples + more.samples <= old->room.samples &&
            used->entries + more.entries <= old->room.entries &&
            used->text + more.text <= old->room.text && (more.extras & ~old->room.extras) == 0) {
            return OK;
        }
        size_t entries = round_up((size_t)used->entries + more.entries, ENTRY_STEP);
        size_t live = text_live(old);
        room.hosts = class_up((size_t)used->hosts + more.hosts, PROFILE_HOSTS);
        room.samples = class_up((size_t)used->samples + more.samples, PROFILE_SAMPLES);
        room.entries = (uint8_t)(entries < ENTRIES_MAX ? entries : ENTRIES_MAX);
        room.text = (uint16_t)round_up(live + more.text + live / 4, TEXT_STEP);
        room.extras |= old->room.extras;
    }
    struct profile_detail *d = detail_new(room);
    if (!d) {
        return ERR_NOMEM;
    }
    if (old) {
        detail_copy(d, old);
        free(old);
    }
    p->detail = d;
    return OK;
}

/* ---- taking ---- */

/* Ascending, `n` of at most `most`, the greatest gives way. Returns the new number; *is_cut: one
 * was left out. */
static size_t least_add(uint32_t *items, size_t n, size_t most, uint32_t value, bool *is_cut)
{
    size_t at = n;
    while (at > 0 && items[at - 1] > value) {
        at--;
    }
    if (at > 0 && items[at - 1] == value) {
        return n;
    }
    if (n == most) {
        *is_cut = true;
        if (at == n) {
            return n;
        }
        n--;
    }
    memmove(&items[at + 1], &items[at], (n - at) * sizeof *items);
    items[at] = value;
    return n + 1;
}

static size_t sample_add(struct id128 *items, size_t n, struct id128 id)
{
    size_t at = n;
    while (at > 0 && memcmp(items[at - 1].b, id.b, sizeof id.b) > 0) {
        at--;
    }
    if ((at > 0 && id128_eq(items[at - 1], id)) || at == PROFILE_SAMPLES) {
        return n;
    }
    if (n == PROFILE_SAMPLES) {
        n--;
    }
    memmove(&items[at + 1], &items[at], (n - at) * sizeof *items);
    items[at] = id;
    return n + 1;
}

/* The first bytes of a value as a number: of two that differ the order is that of the values. */
static uint64_t value_head(struct slice value)
{
    uint64_t head = 0;
    if (value.n >= sizeof head) {
        memcpy(&head, value.p, sizeof head);
    } else if (value.n) {
        memcpy(&head, value.p, value.n);
    }
    return be64toh(head);
}

/* The entries of a full top: a message may have several values that are new to it. */
struct full_top {
    enum profile_top top; /* PROFILE_TOP_COUNT: none was listed yet */
    size_t n;
    uint64_t head[PROFILE_TOP_MAX]; /* of their values */
    uint8_t number[PROFILE_TOP_MAX];
};

static void full_top_list(struct full_top *t, struct profile_detail *d, enum profile_top top)
{
    t->top = top;
    t->n = 0;
    for (size_t i = 0; i < d->used.entries && t->n < PROFILE_TOP_MAX; i++) {
        const struct profile_entry_slot *e = &detail_entries(d)[i];
        if (entry_top(e) == top) {
            t->number[t->n] = (uint8_t)i;
            t->head[t->n++] = value_head(detail_value(d, e));
        }
    }
}

/* The place of the entry that gives way: the least counted, of these the last by value. */
static size_t entry_least(struct profile_detail *d, const struct full_top *t)
{
    const struct profile_entry_slot *entries = detail_entries(d), *least = &entries[t->number[0]];
    size_t at = 0;
    for (size_t i = 1; i < t->n; i++) {
        const struct profile_entry_slot *e = &entries[t->number[i]];
        if (e->count > least->count || (e->count == least->count && t->head[i] < t->head[at])) {
            continue;
        }
        if (e->count < least->count || t->head[i] > t->head[at] ||
            slice_cmp(detail_value(d, e), detail_value(d, least)) > 0) {
            least = e;
            at = i;
        }
    }
    return at;
}

struct message_value {
    struct slice value;
    size_t entry; /* its number; NONE: it is new */
    uint8_t mark;
};
static const size_t NONE = SIZE_MAX;

static enum profile_top value_top(const struct message_value *v)
{
    return (enum profile_top)(v->mark & PROFILE_TOP_MASK);
}

static size_t value_gather(struct message_value *out, size_t n, enum profile_top top,
                           struct slice value)
{
    if (value.n == 0) {
        return n;
    }
    value = slice_sub(value, 0, PROFILE_VALUE_BYTES);
    uint8_t mark = profile_mark(top, value);
    out[n] = (struct message_value){value, NONE, mark};
    for (size_t i = 0; i < n; i++) {
        if (out[i].mark == mark && slice_eq(out[i].value, value)) {
            return n;
        }
    }
    return n + 1;
}

static size_t labels_of(const struct cluster_message *m, struct message_value *out)
{
    size_t n = value_gather(out, 0, PROFILE_BOTNET, m->botnet);
    n = value_gather(out, n, PROFILE_MAILER, m->mailer_label);
    return value_gather(out, n, PROFILE_PROGRAM, m->program);
}

static size_t values_of(const struct cluster_message *m, struct slice partner,
                        struct message_value out[VALUES_MAX + 1])
{
    size_t n = labels_of(m, out);
    n = value_gather(out, n, PROFILE_COUNTRY, m->country);
    n = value_gather(out, n, PROFILE_TRAP, m->trap);
    n = value_gather(out, n, PROFILE_PARTNER, partner);
    for (size_t i = 0; i < m->domain_count && n < VALUES_MAX; i++) {
        n = value_gather(out, n, PROFILE_DOMAIN, m->domains[i]);
    }
    return n;
}

/* Sets `entry` of the values; `count`: entries of each top. One pass over the entries: of most the
 * mark is none of the values'. */
static void values_find(struct profile_detail *d, struct message_value *values, size_t n,
                        uint8_t count[PROFILE_TOP_COUNT])
{
    enum { COUNT_BITS = 8 };
    const struct profile_entry_slot *entries = d ? detail_entries(d) : NULL;
    const size_t all = d ? d->used.entries : 0;
    uint64_t wanted[256 / 64] = {0};
    uint64_t counts = 0; /* a byte each: in memory one would wait for the other */
    for (size_t i = 0; i < n; i++) {
        wanted[values[i].mark / 64] |= UINT64_C(1) << values[i].mark % 64;
    }
    for (size_t at = 0; at < all; at++) {
        const struct profile_entry_slot *e = &entries[at];
        counts += UINT64_C(1) << COUNT_BITS * entry_top(e);
        if (!(wanted[e->mark / 64] >> e->mark % 64 & 1)) {
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            if (values[i].mark == e->mark && slice_eq(values[i].value, detail_value(d, e))) {
                values[i].entry = at;
            }
        }
    }
    for (unsigned t = 0; t < PROFILE_TOP_COUNT; t++) {
        count[t] = (uint8_t)(counts >> COUNT_BITS * t);
    }
}

/* Labels come first among the values. Room that the message can need: no more than what is new in
 * it, and never past the whole. `have`: entries of each top. */
static struct profile_room room_for(const struct profile_detail *d, const struct cluster_message *m,
                                    const struct message_value *values, size_t n,
                                    const uint8_t have[PROFILE_TOP_COUNT])
{
    size_t hosts = d ? d->used.hosts : 0, samples = d ? d->used.samples : 0;
    size_t entries = d ? d->used.entries : 0, text = 0, fresh = 0;
    uint8_t count[PROFILE_TOP_COUNT];
    unsigned extras = n && (int)value_top(&values[0]) < PROFILE_LABELS ? PROFILE_HAS_LABELS : 0;
    memcpy(count, have, sizeof count);
    for (size_t i = 0; i < n; i++) {
        enum profile_top top = value_top(&values[i]);
        if (values[i].entry == NONE) {
            extras |= ++count[top] > profile_top_room(top) ? PROFILE_HAS_FLOORS : 0;
            fresh++;
            text += values[i].value.n;
        }
    }
    fresh = fresh < ENTRIES_MAX - entries ? fresh : ENTRIES_MAX - entries;
    return (struct profile_room){.hosts = m->host && hosts < PROFILE_HOSTS,
                                 .samples = samples < PROFILE_SAMPLES,
                                 .entries = (uint8_t)fresh,
                                 .extras = (uint8_t)extras,
                                 .text = (uint16_t)text};
}

/* `count`: entries of each top. */
static void value_add(struct profile_detail *d, const struct message_value *v, uint8_t *count,
                      struct full_top *full)
{
    enum profile_top top = value_top(v);
    uint32_t floor = detail_floor(d, top);
    if (count[top] < profile_top_room(top)) {
        entry_add(d, v->value, v->mark, add_u32(floor, 1), floor);
        count[top]++;
        return;
    }
    if (full->top != top) {
        full_top_list(full, d, top);
    }
    size_t at = entry_least(d, full);
    struct profile_entry_slot *least = &detail_entries(d)[full->number[at]];
    full->head[at] = value_head(v->value);
    floor = detail_floors(d)[top] = least->count;
    value_set(d, least, v->value, v->mark);
    least->error = floor;
    least->count = add_u32(floor, 1);
}

/* Those that are known are counted first: then none of them gives way to a new one before. They
 * were looked for before there was room for all; making it moves entries, but not their order. */
static void values_count(struct profile_detail *d, const struct message_value *values, size_t n,
                         uint8_t count[PROFILE_TOP_COUNT])
{
    struct profile_entry_slot *entries = detail_entries(d);
    for (size_t i = 0; i < n; i++) {
        if (values[i].entry != NONE) {
            struct profile_entry_slot *e = &entries[values[i].entry];
            e->count = add_u32(e->count, 1);
        }
    }
    UNCLEARED struct full_top full;
    full.top = PROFILE_TOP_COUNT;
    full.n = 0;
    for (size_t i = 0; i < n; i++) {
        if (values[i].entry == NONE) {
            value_add(d, &values[i], count, &full);
        }
    }
}

static void label_count(struct profile_detail *d, enum profile_top top, struct slice name,
                        double posterior)
{
    if (name.n) {
        double doubt = posterior >= 0 && posterior <= 1 ? 1 - posterior : 1;
        detail_labels(d)[top].messages++;
        detail_labels(d)[top].doubt += (uint64_t)lround(doubt * 1e6);
    }
}

static void labels_count(struct profile_detail *d, const struct cluster_message *m)
{
    label_count(d, PROFILE_BOTNET, m->botnet, m->botnet_posterior);
    label_count(d, PROFILE_MAILER, m->mailer_label, m->mailer_posterior);
    label_count(d, PROFILE_PROGRAM, m->program, m->program_posterior);
}

static void seen(struct profile *p, int64_t first, int64_t last)
{
    if (first && (!p->first || first < p->first)) {
        p->first = first;
    }
    if (last && (!p->last || last > p->last)) {
        p->last = last;
    }
}

enum err profile_take(struct profile *p, const struct cluster_message *m, uint64_t partner)
{
    UNCLEARED struct message_value values[VALUES_MAX + 1]; /* one is tried past the end */
    char key[PROFILE_KEY_BYTES];
    struct slice other = profile_key_put(partner, key);
    size_t n = values_of(m, partner ? other : slice_of(NULL, 0), values);
    uint8_t count[PROFILE_TOP_COUNT];
    values_find(p->detail, values, n, count);
    if (detail_reserve(p, room_for(p->detail, m, values, n, count)) != OK) {
        return ERR_NOMEM;
    }
    struct profile_detail *d = p->detail;
    values_count(d, values, n, count);
    labels_count(d, m);
    if (m->host) {
        p->hosted++;
        d->used.hosts = (uint8_t)least_add(detail_hosts(d), d->used.hosts, PROFILE_HOSTS,
                                           (uint32_t)(hash_mix(m->host) >> 32), &d->has_more_hosts);
    }
    d->used.samples = (uint8_t)sample_add(detail_samples(d), d->used.samples, m->id);
    p->messages++;
    p->recipients += m->recipients;
    p->bytes += m->bytes;
    seen(p, m->received, m->received);
    return OK;
}

void profile_labels_clear(struct profile *p)
{
    struct profile_detail *d = p->detail;
    size_t kept = 0;
    for (size_t i = 0; d && i < d->used.entries; i++) {
        struct profile_entry_slot *entries = detail_entries(d);
        if ((int)entry_top(&entries[i]) >= PROFILE_LABELS) {
            entries[kept++] = entries[i];
        }
    }
    if (d) {
        d->used.entries = (uint8_t)kept;
    }
    if (d && d->room.extras & PROFILE_HAS_LABELS) {
        memset(detail_labels(d), 0, PROFILE_LABELS * sizeof(struct profile_label));
    }
    if (d && d->room.extras & PROFILE_HAS_FLOORS) {
        memset(detail_floors(d), 0, PROFILE_LABELS * sizeof(uint32_t));
    }
}

enum err profile_label(struct profile *p, const struct cluster_message *m)
{
    UNCLEARED struct message_value values[VALUES_MAX + 1];
    size_t n = labels_of(m, values);
    uint8_t count[PROFILE_TOP_COUNT];
    values_find(p->detail, values, n, count);
    struct cluster_message none = {.host = 0};
    if (n == 0) {
        return OK;
    }
    struct profile_room room = room_for(p->detail, &none, values, n, count);
    room.samples = 0;
    if (detail_reserve(p, room) != OK) {
        return ERR_NOMEM;
    }
    values_count(p->detail, values, n, count);
    labels_count(p->detail, m);
    return OK;
}

/* ---- merging ---- */

struct merged_entry {
    struct slice value; /* in a or b */
    uint32_t count, error;
};

static int merged_cmp(const void *x, const void *y)
{
    const struct merged_entry *a = x, *b = y;
    if (a->count != b->count) {
        return a->count > b->count ? -1 : 1;
    }
    return slice_cmp(a->value, b->value);
}

/* A value that one side does not have was counted there at most as often as its floor. */
static size_t merge_top(struct profile_detail *a, struct profile_detail *b, enum profile_top top,
                        struct merged_entry out[2 * PROFILE_TOP_MAX], uint32_t *floor)
{
    const struct profile_entry_slot *side[PROFILE_TOP_MAX];
    size_t count = 0, n = detail_top(a, top, side), room = profile_top_room(top);
    uint32_t a_floor = detail_floor(a, top), b_floor = detail_floor(b, top);
    for (size_t i = 0; i < n; i++) {
        struct slice value = detail_value(a, side[i]);
        const struct profile_entry_slot *other = entry_find(b, top, value);
        out[count++] =
            (struct merged_entry){value, add_u32(side[i]->count, other ? other->count : b_floor),
                                  add_u32(side[i]->error, other ? other->error : b_floor)};
    }
    n = detail_top(b, top, side);
    for (size_t i = 0; i < n; i++) {
        struct slice value = detail_value(b, side[i]);
        if (!entry_find(a, top, value)) {
            out[count++] = (struct merged_entry){value, add_u32(side[i]->count, a_floor),
                                                 add_u32(side[i]->error, a_floor)};
        }
    }
    qsort(out, count, sizeof *out, merged_cmp);
    *floor = add_u32(a_floor, b_floor);
    if (count > room) {
        *floor = out[room].count > *floor ? out[room].count : *floor;
        count = room;
    }
    return count;
}

static void merge_lists(struct profile_detail *to, struct profile_detail *from)
{
    for (size_t i = 0; i < from->used.hosts; i++) {
        to->used.hosts = (uint8_t)least_add(detail_hosts(to), to->used.hosts, PROFILE_HOSTS,
                                            detail_hosts(from)[i], &to->has_more_hosts);
    }
    for (size_t i = 0; i < from->used.samples; i++) {
        to->used.samples =
            (uint8_t)sample_add(detail_samples(to), to->used.samples, detail_samples(from)[i]);
    }
    to->has_more_hosts |= from->has_more_hosts;
}

static void labels_add(struct profile_detail *to, struct profile_detail *from)
{
    for (int t = 0; from->room.extras & PROFILE_HAS_LABELS && t < PROFILE_LABELS; t++) {
        detail_labels(to)[t].messages += detail_labels(from)[t].messages;
        detail_labels(to)[t].doubt += detail_labels(from)[t].doubt;
    }
}

static bool has_labels(struct profile_detail *d)
{
    bool any = false;
    for (int t = 0; d->room.extras & PROFILE_HAS_LABELS && t < PROFILE_LABELS; t++) {
        any |= detail_labels(d)[t].messages > 0;
    }
    return any;
}

static struct profile_detail *detail_merge(struct profile_detail *a, struct profile_detail *b)
{
    struct merged_entry merged[PROFILE_TOP_COUNT][2 * PROFILE_TOP_MAX];
    size_t counts[PROFILE_TOP_COUNT], entries = 0, text = 0;
    uint32_t floor[PROFILE_TOP_COUNT];
    unsigned extras = has_labels(a) || has_labels(b) ? PROFILE_HAS_LABELS : 0;
    for (int t = 0; t < PROFILE_TOP_COUNT; t++) {
        counts[t] = merge_top(a, b, (enum profile_top)t, merged[t], &floor[t]);
        extras |= floor[t] ? PROFILE_HAS_FLOORS : 0;
        entries += counts[t];
        for (size_t i = 0; i < counts[t]; i++) {
            text += merged[t][i].value.n;
        }
    }
    struct profile_detail *d = detail_new((struct profile_room){
        .hosts = class_up((size_t)a->used.hosts + b->used.hosts, PROFILE_HOSTS),
        .samples = class_up((size_t)a->used.samples + b->used.samples, PROFILE_SAMPLES),
        .entries = (uint8_t)entries,
        .extras = (uint8_t)extras,
        .text = (uint16_t)text});
    if (!d) {
        return NULL;
    }
    for (int t = 0; t < PROFILE_TOP_COUNT; t++) {
        for (size_t i = 0; i < counts[t]; i++) {
            detail_entry_add(d, (enum profile_top)t, merged[t][i].value, merged[t][i].count,
                             merged[t][i].error);
        }
    }
    if (extras & PROFILE_HAS_FLOORS) {
        memcpy(detail_floors(d), floor, sizeof floor);
    }
    if (extras & PROFILE_HAS_LABELS) {
        labels_add(d, a);
        labels_add(d, b);
    }
    merge_lists(d, a);
    merge_lists(d, b);
    return d;
}

enum err profile_merge(struct profile *a, const struct profile *b)
{
    if (b->detail) {
        struct profile_detail empty = {0};
        struct profile_detail *d = detail_merge(a->detail ? a->detail : &empty, b->detail);
        if (!d) {
            return ERR_NOMEM;
        }
        free(a->detail);
        a->detail = d;
    }
    a->messages += b->messages;
    a->recipients += b->recipients;
    a->bytes += b->bytes;
    a->hosted += b->hosted;
    seen(a, b->first, b->last);
    return OK;
}

/* ---- asking ---- */

double profile_hosts(const struct profile *p, bool *is_exact)
{
    struct profile_detail *d = p->detail;
    bool exact = !d || !d->has_more_hosts;
    if (is_exact) {
        *is_exact = exact;
    }
    if (exact) {
        return d ? d->used.hosts : 0;
    }
    return (d->used.hosts - 1) / ldexp((double)detail_hosts(d)[d->used.hosts - 1] + 1, -32);
}

static int slot_cmp(struct profile_detail *d, const struct profile_entry_slot *a,
                    const struct profile_entry_slot *b)
{
    if (a->count != b->count) {
        return a->count > b->count ? -1 : 1;
    }
    return slice_cmp(detail_value(d, a), detail_value(d, b));
}

static struct profile_entry entry_out(struct profile_detail *d, const struct profile_entry_slot *e)
{
    return (struct profile_entry){detail_value(d, e), e->count, e->error};
}

bool profile_first(const struct profile *p, enum profile_top top, struct profile_entry *out)
{
    const struct profile_entry_slot *slots[PROFILE_TOP_MAX], *first = NULL;
    size_t n = p->detail ? detail_top(p->detail, top, slots) : 0;
    for (size_t i = 0; i < n; i++) {
        if (!first || slot_cmp(p->detail, slots[i], first) < 0) {
            first = slots[i];
        }
    }
    if (first) {
        *out = entry_out(p->detail, first);
    }
    return first != NULL;
}

/* Greatest first. */
static void slots_sort(struct profile_detail *d, const struct profile_entry_slot **slots, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct profile_entry_slot *e = slots[i];
        size_t at = i;
        for (; at > 0 && slot_cmp(d, slots[at - 1], e) > 0; at--) {
            slots[at] = slots[at - 1];
        }
        slots[at] = e;
    }
}

size_t profile_most(const struct profile *p, enum profile_top top, struct slice *out, size_t most)
{
    UNCLEARED const struct profile_entry_slot *slots[PROFILE_TOP_MAX];
    size_t n = p->detail ? detail_top(p->detail, top, slots) : 0;
    if (n > most) {
        slots_sort(p->detail, slots, n);
        n = most;
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = detail_value(p->detail, slots[i]);
    }
    return n;
}

void profile_each(const struct profile *p, enum profile_top top,
                  void (*fn)(void *arg, const struct profile_entry *e), void *arg)
{
    UNCLEARED const struct profile_entry_slot *slots[PROFILE_TOP_MAX];
    size_t n = p->detail ? detail_top(p->detail, top, slots) : 0;
    slots_sort(p->detail, slots, n);
    for (size_t i = 0; i < n; i++) {
        struct profile_entry e = entry_out(p->detail, slots[i]);
        fn(arg, &e);
    }
}

uint64_t profile_labelled(const struct profile *p, enum profile_top top, double *posterior)
{
    struct profile_label none = {0, 0};
    const struct profile_label *l =
        p->detail && p->detail->room.extras & PROFILE_HAS_LABELS && (int)top < PROFILE_LABELS
            ? &detail_labels(p->detail)[top]
            : &none;
    *posterior = l->messages ? 1 - (double)l->doubt / 1e6 / (double)l->messages : 0;
    return l->messages;
}

size_t profile_samples(const struct profile *p, struct id128 *out, size_t most)
{
    size_t n = p->detail ? p->detail->used.samples : 0;
    n = n < most ? n : most;
    if (n) {
        memcpy(out, detail_samples(p->detail), n * sizeof *out);
    }
    return n;
}
