/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/shown.h"

#include "core/limits.h"
#include "store/cluster.h"

/* Packed words: this head, the words, then the text in which they stand, for templates look at
 * what is between them, too. */
struct packed_head {
    uint16_t count;
    bool is_cut;
};

struct packed_word {
    uint32_t hash; /* folded: as much of it as templates look at */
    uint16_t at;   /* in the text */
    uint8_t bytes;
    uint8_t kind;
};

_Static_assert(LIMIT_TEMPLATE_LEARN_BYTES <= UINT16_MAX, "packed_word.at");

static bool is_line(const struct word *w)
{
    return w->kind == WORD_LINE || w->kind == WORD_PARAGRAPH;
}

/* The words as far as they are in order, in one text and within the bounds; ends of lines are no
   part of a template. *bytes: from the first to the end of the last. */
static struct packed_head pack(const struct words *w, struct packed_word *out, size_t *bytes)
{
    struct packed_head head = {0, w->is_cut};
    uintptr_t start = w->count ? (uintptr_t)w->items[0].text.p : 0;
    *bytes = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct word *word = &w->items[i];
        size_t n = word->text.n < UINT8_MAX ? word->text.n : UINT8_MAX;
        uintptr_t at = (uintptr_t)word->text.p - start;
        if (is_line(word)) {
            continue;
        }
        if (head.count == LIMIT_TEMPLATE_LEARN_WORDS || (uintptr_t)word->text.p < start + *bytes ||
            at + n > LIMIT_TEMPLATE_LEARN_BYTES) {
            head.is_cut = true;
            break;
        }
        out[head.count++] = (struct packed_word){(uint32_t)(word->hash ^ word->hash >> 32),
                                                 (uint16_t)at, (uint8_t)n, (uint8_t)word->kind};
        *bytes = at + n;
    }
    return head;
}

static enum err words_pack(struct slice *out, const struct words *w, struct arena *arena)
{
    UNCLEARED struct packed_word words[LIMIT_TEMPLATE_LEARN_WORDS];
    size_t bytes;
    struct packed_head head = pack(w, words, &bytes);
    size_t size = head.count * sizeof *words;
    *out = S("");
    if (!head.count) {
        return OK;
    }
    char *p = arena_alloc(arena, sizeof head + size + bytes);
    if (!p) {
        return ERR_NOMEM;
    }
    *out = slice_of(p, sizeof head + size + bytes);
    memcpy(p, &head, sizeof head);
    memcpy(p + sizeof head, words, size);
    memcpy(p + sizeof head + size, w->items[0].text.p, bytes);
    return OK;
}

static enum err text_copy(struct slice *to, struct slice from, struct arena *arena)
{
    *to = from.n ? arena_copy(arena, from) : from;
    return !from.n || to->p ? OK : ERR_NOMEM;
}

struct shown shown_of(const struct analysis *a)
{
    return (struct shown){
        .hd1_names = a->features.hd1.names,
        .hd1_shapes = a->features.hd1.shapes,
        .is_listed = a->features.hd1.is_listed,
    };
}

enum err shown_copy(struct shown *to, const struct analysis *from, struct arena *arena)
{
    *to = shown_of(from);
    enum err e = text_copy(&to->hd1_names, to->hd1_names, arena);
    e = e == OK ? text_copy(&to->hd1_shapes, to->hd1_shapes, arena) : e;
    return e == OK ? words_pack(&to->words, &from->words, arena) : e;
}

enum err shown_words(const struct shown *s, struct words *out, struct arena *arena)
{
    struct packed_head head;
    memcpy(&head, s->words.p, sizeof head);
    struct word *words = arena_calloc(arena, (size_t)head.count + 1, sizeof *words);
    if (!words) {
        return ERR_NOMEM;
    }
    const char *packed = s->words.p + sizeof head;
    const char *text = packed + head.count * sizeof(struct packed_word);
    for (size_t i = 0; i < head.count; i++) {
        struct packed_word w;
        memcpy(&w, packed + i * sizeof w, sizeof w);
        words[i] = (struct word){
            .text = slice_of(text + w.at, w.bytes), .hash = w.hash, .kind = (enum word_kind)w.kind};
    }
    *out = (struct words){.items = words, .count = head.count, .is_cut = head.is_cut};
    return OK;
}

struct cluster_message shown_message(const struct shown *shown, const struct message_row *row)
{
    struct cluster_message m = row_shows(row);
    m.hd1_names = shown->hd1_names;
    m.hd1_shapes = shown->hd1_shapes;
    m.is_listed = shown->is_listed;
    return m;
}
