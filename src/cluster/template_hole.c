/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Holes of a template: what stands in them, and how they grow when anchors fall. */
#include "cluster/template_part.h"

#include <assert.h>
#include <stdlib.h>

enum {
    DICTIONARY_SEEN = 50, /* messages before few different contents are called a dictionary */
    /* Contents seen once tell how many were never seen (Good and Turing): one in so many messages
       is still a dictionary */
    DICTIONARY_SINGLE = 1000
};

/* ---- text ---- */

bool template_text_add(struct template *t, struct slice s, enum err *e)
{
    size_t need = t->text_n + s.n;
    if (need > TEMPLATE_TEXT) {
        return false;
    }
    if (need > t->text_capacity) {
        size_t capacity = need + need / 4 + 256;
        capacity = capacity < TEMPLATE_TEXT ? capacity : TEMPLATE_TEXT;
        char *text = realloc(t->text, capacity);
        if (!text) {
            *e = ERR_NOMEM;
            return false;
        }
        t->text = text;
        t->text_capacity = capacity;
    }
    if (s.n) {
        memcpy(t->text + t->text_n, s.p, s.n);
    }
    t->text_n = need;
    return true;
}

static uint16_t sum_u16(uint16_t a, size_t b)
{
    return (uint16_t)(a + b < UINT16_MAX ? a + b : UINT16_MAX);
}

static uint16_t text_move(char *to, size_t *n, const char *from, size_t at, size_t bytes)
{
    if (bytes) {
        memcpy(to + *n, from + at, bytes);
    }
    *n += bytes;
    return (uint16_t)(*n - bytes);
}

enum err template_text_compact(struct template *t)
{
    size_t n = 0;
    if (!t->text_n) {
        return OK;
    }
    char *text = malloc(t->text_n);
    if (!text) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < t->anchor_count; i++) {
        struct anchor *a = &t->anchors[i];
        size_t separator = a->separator_n == SEPARATOR_VARIES ? 0 : a->separator_n;
        a->at = text_move(text, &n, t->text, a->at, separator + a->n);
    }
    for (size_t i = 0; i < t->entry_count; i++) {
        t->entries[i].at = text_move(text, &n, t->text, t->entries[i].at, t->entries[i].n);
    }
    free(t->text);
    t->text = text;
    t->text_capacity = t->text_n;
    t->text_n = n;
    return OK;
}

/* ---- dictionaries ---- */

uint32_t content_hash(const struct token *items, size_t n)
{
    uint32_t hash = (uint32_t)n * 0x9e3779b1U;
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ items[i].hash) * 0x01000193U;
        hash ^= hash >> 15;
    }
    return hash;
}

const struct entry *entry_find(const struct template *t, const struct hole *h, uint32_t hash)
{
    size_t index = (size_t)(h - t->holes);
    for (size_t i = 0; i < t->entry_count; i++) {
        if (t->entries[i].hash == hash && t->entries[i].hole == index) {
            return &t->entries[i];
        }
    }
    return NULL;
}

/* Forgets a hole's dictionary. */
static void hole_forget(struct template *t, size_t hole)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->entry_count; i++) {
        if (t->entries[i].hole != hole) {
            t->entries[kept++] = t->entries[i];
        }
    }
    t->entry_count = kept;
}

void hole_open(struct template *t, size_t hole)
{
    t->holes[hole].is_open = true;
    hole_forget(t, hole);
}

/* The dictionary with the most contents seen once gives way: it is least of a dictionary. */
static void entries_make_room(struct template *t)
{
    unsigned single[TEMPLATE_HOLES] = {0};
    size_t worst = 0;
    for (size_t i = 0; i < t->entry_count; i++) {
        single[t->entries[i].hole] += t->entries[i].count == 1;
    }
    for (size_t i = 1; i < t->hole_count; i++) {
        worst = single[i] > single[worst] ? i : worst;
    }
    hole_open(t, worst);
}

static enum err entry_add(struct template *t, size_t hole, uint32_t hash)
{
    size_t of_hole = 0;
    for (size_t i = 0; i < t->entry_count; i++) {
        of_hole += t->entries[i].hole == hole;
    }
    if (of_hole == DICTIONARY_ENTRIES) {
        hole_open(t, hole);
        return OK;
    }
    if (t->entry_count == TEMPLATE_ENTRIES) {
        entries_make_room(t);
        if (t->holes[hole].is_open) {
            return OK;
        }
    }
    if (t->entry_count == t->entry_capacity) {
        size_t capacity = t->entry_capacity ? 2 * t->entry_capacity : 8;
        capacity = capacity < TEMPLATE_ENTRIES ? capacity : TEMPLATE_ENTRIES;
        struct entry *entries = realloc(t->entries, capacity * sizeof *entries);
        if (!entries) {
            return ERR_NOMEM;
        }
        t->entries = entries;
        t->entry_capacity = capacity;
    }
    t->entries[t->entry_count++] = (struct entry){.hash = hash, .count = 1, .hole = (uint8_t)hole};
    return OK;
}

size_t content_text(const struct token *items, size_t n, char text[WORD_TEXT])
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_plain = items[i].kind == WORD_PLAIN;
        struct slice name = slice_cstr(typed_name(items[i].kind));
        struct slice word = is_plain ? items[i].text : name;
        struct slice separator = items[i].has_separator ? items[i].separator : S(" ");
        separator = i ? separator : S("");
        if (at + separator.n + word.n + 2 > WORD_TEXT) {
            return 0;
        }
        if (separator.n) {
            memcpy(text + at, separator.p, separator.n);
            at += separator.n;
        }
        if (!is_plain) {
            text[at++] = '<';
        }
        memcpy(text + at, word.p, word.n);
        at += word.n;
        if (!is_plain) {
            text[at++] = '>';
        }
    }
    return at;
}

static enum err entry_text(struct template *t, struct entry *entry, struct slice text)
{
    size_t start = t->text_n;
    enum err e = OK;
    if (text.n && template_text_add(t, text, &e)) {
        entry->at = (uint16_t)start;
        entry->n = (uint8_t)text.n;
    }
    return e;
}

static enum err dictionary_take(struct template *t, struct hole *h, const struct token *items,
                                size_t n)
{
    if (n > DICTIONARY_WORDS) {
        hole_open(t, (size_t)(h - t->holes));
        return OK;
    }
    uint32_t hash = content_hash(items, n);
    const struct entry *found = entry_find(t, h, hash);
    if (!found) {
        return entry_add(t, (size_t)(h - t->holes), hash);
    }
    struct entry *entry = &t->entries[found - t->entries];
    entry->count = sum_u16(entry->count, 1);
    if (entry->n || entry->count < TEMPLATE_PRIVATE) {
        return OK;
    }
    char text[WORD_TEXT];
    return entry_text(t, entry, slice_of(text, content_text(items, n, text)));
}

enum err entry_join(struct template *t, size_t hole, const struct entry *other, struct slice text)
{
    const struct hole *h = &t->holes[hole];
    const struct entry *found = entry_find(t, h, other->hash);
    bool is_new = !found;
    if (is_new) {
        enum err e = entry_add(t, hole, other->hash);
        if (e != OK || h->is_open) {
            return e;
        }
        found = &t->entries[t->entry_count - 1];
    }
    struct entry *entry = &t->entries[found - t->entries];
    entry->count = sum_u16(other->count, is_new ? 0 : entry->count);
    return entry->n ? OK : entry_text(t, entry, text);
}

/* ---- holes ---- */

struct hole *hole_before(struct template *t, size_t anchor)
{
    for (size_t i = 0; i < t->hole_count && t->holes[i].before <= anchor; i++) {
        if (t->holes[i].before == anchor) {
            return &t->holes[i];
        }
    }
    return NULL;
}

static bool begins_capital(struct slice s)
{
    return s.n && (ascii_is_upper(s.p[0]) || (unsigned char)s.p[0] >= 0x80);
}

/* From the first word to the last, with what stands between where that is known. */
static uint16_t content_bytes(const struct token *items, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        size_t separator = items[i].has_separator ? items[i].separator.n : 1;
        bytes += items[i].text.n + (i ? separator : 0);
    }
    return (uint16_t)(bytes < UINT16_MAX ? bytes : UINT16_MAX);
}

enum err hole_take(struct template *t, struct hole *h, const struct token *items, size_t n)
{
    uint16_t bytes = content_bytes(items, n);
    h->seen += h->seen < UINT32_MAX;
    h->least = n < h->least ? (uint16_t)n : h->least;
    h->most = n > h->most ? (uint16_t)n : h->most;
    if (!n) {
        h->empties += h->empties < UINT32_MAX;
        return OK;
    }
    h->least_bytes = bytes < h->least_bytes ? bytes : h->least_bytes;
    h->most_bytes = bytes > h->most_bytes ? bytes : h->most_bytes;
    for (size_t i = 0; i < n; i++) {
        h->kinds |= (uint16_t)(1U << items[i].kind);
        h->is_capital &= items[i].kind != WORD_PLAIN || begins_capital(items[i].text);
    }
    return h->is_open ? OK : dictionary_take(t, h, items, n);
}

struct hole *hole_add(struct template *t, size_t anchor, uint64_t seen)
{
    size_t at = 0;
    assert(t->hole_count < TEMPLATE_HOLES);
    while (at < t->hole_count && t->holes[at].before < anchor) {
        at++;
    }
    memmove(&t->holes[at + 1], &t->holes[at], (t->hole_count - at) * sizeof *t->holes);
    for (size_t i = 0; i < t->entry_count; i++) {
        struct entry *entry = &t->entries[i];
        entry->hole = (uint8_t)(entry->hole + (entry->hole >= at));
    }
    t->hole_count++;
    uint32_t before = (uint32_t)(seen < UINT32_MAX ? seen : UINT32_MAX);
    t->holes[at] = (struct hole){.before = (uint16_t)anchor,
                                 .seen = before,
                                 .empties = before,
                                 .least = before ? 0 : UINT16_MAX,
                                 .least_bytes = UINT16_MAX,
                                 .is_capital = true};
    return &t->holes[at];
}

void hole_begin(struct hole *h)
{
    h->seen = h->empties = 0;
    h->least = h->least_bytes = UINT16_MAX;
    h->most = h->most_bytes = 0;
    h->is_open = false;
}

void hole_take_anchor(const struct template *t, struct hole *h, const struct anchor *a)
{
    h->kinds |= (uint16_t)(1U << a->kind);
    h->is_capital &= a->kind != WORD_PLAIN || !a->n || begins_capital(anchor_text(t, a));
}

void hole_merge(struct hole *h, const struct hole *other)
{
    h->kinds |= other->kinds;
    h->is_capital &= other->is_capital;
}

enum err anchors_fall(struct template *t, const bool *falls, uint16_t *position)
{
    struct hole merged[TEMPLATE_HOLES + 1];
    uint8_t moved[TEMPLATE_HOLES];
    size_t kept = 0, holes = 0, next = 0;
    struct hole *open = NULL; /* the gap before the next anchor that stays */
    bool has_fallen = false;
    memset(moved, UINT8_MAX, sizeof moved);
    for (size_t i = 0; i <= t->anchor_count; i++) {
        if (next < t->hole_count && t->holes[next].before == i) {
            if (open) {
                hole_merge(open, &t->holes[next]);
            } else {
                moved[next] = (uint8_t)holes;
                open = &merged[holes++];
                *open = t->holes[next];
                open->before = (uint16_t)kept;
            }
            next++;
        }
        if (i == t->anchor_count || !falls[i]) {
            if (has_fallen && open) {
                /* its contents from now on are others: what is counted begins anew */
                hole_begin(open);
                for (size_t k = 0; k < t->hole_count; k++) {
                    moved[k] = moved[k] == holes - 1 ? UINT8_MAX : moved[k];
                }
            }
            open = NULL;
            has_fallen = false;
            if (i < t->anchor_count) {
                t->anchors[kept] = t->anchors[i];
                if (position) {
                    position[kept] = position[i];
                }
                kept++;
            }
            continue;
        }
        has_fallen = true;
        if (!open) {
            open = &merged[holes++];
            *open = (struct hole){.before = (uint16_t)kept, .is_capital = true};
        }
        hole_take_anchor(t, open, &t->anchors[i]);
    }
    assert(holes <= TEMPLATE_HOLES);
    size_t entries = 0;
    for (size_t i = 0; i < t->entry_count; i++) {
        if (moved[t->entries[i].hole] != UINT8_MAX) {
            t->entries[entries] = t->entries[i];
            t->entries[entries++].hole = moved[t->entries[i].hole];
        }
    }
    t->entry_count = entries;
    memcpy(t->holes, merged, holes * sizeof *merged);
    t->hole_count = holes;
    t->anchor_count = kept;
    return template_text_compact(t);
}

/* ---- kinds ---- */

static bool is_dictionary(const struct template *t, const struct hole *h)
{
    size_t single = 0, count = 0;
    if (h->is_open || h->seen < DICTIONARY_SEEN) {
        return false;
    }
    for (size_t i = 0; i < t->entry_count; i++) {
        if (t->entries[i].hole == (size_t)(h - t->holes)) {
            single += t->entries[i].count == 1;
            count++;
        }
    }
    return count && single * DICTIONARY_SINGLE <= h->seen;
}

#define KIND(k) (1U << WORD_##k)

enum hole_kind hole_kind(const struct template *t, const struct hole *h)
{
    static const struct {
        unsigned kinds;
        enum hole_kind is;
    } typed[] = {
        {KIND(NUMBER), HOLE_DIGITS},
        {KIND(NUMBER) | KIND(HEX), HOLE_HEX},
        {KIND(MONEY), HOLE_MONEY},
        {KIND(DATE), HOLE_DATE},
        {KIND(TIME), HOLE_TIME},
        {KIND(URL), HOLE_URL},
        {KIND(ADDRESS), HOLE_ADDRESS},
        {KIND(ME), HOLE_RECIPIENT},
        {KIND(RANDOM) | KIND(HEX) | KIND(NUMBER), HOLE_RANDOM},
    };
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
        if (h->kinds && !(h->kinds & ~typed[i].kinds)) {
            return typed[i].is;
        }
    }
    if (is_dictionary(t, h)) {
        return HOLE_DICTIONARY;
    }
    if (h->most == 1 && (h->kinds & KIND(RANDOM))) {
        return HOLE_RANDOM;
    }
    if (h->is_capital && !(h->kinds & ~(KIND(PLAIN) | KIND(ME)))) {
        return HOLE_NAME;
    }
    return HOLE_WORDS;
}
