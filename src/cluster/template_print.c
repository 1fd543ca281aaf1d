/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A template for people, and what its anchors tell. */
#include "cluster/template_part.h"

/* ---- what everybody's mail has ---- */

static bool word_is(const struct template *t, const struct anchor *a, struct slice word)
{
    return a->kind == WORD_PLAIN && a->n && slice_ieq(anchor_text(t, a), word);
}

static bool is_common(struct slice word)
{
    static const struct slice lists[] = {
#define COMMON(words) SLICE(words),
#define BOILERPLATE(phrase)
#include "cluster/common_words.def"
#undef COMMON
#undef BOILERPLATE
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct slice list = lists[i];
        while (list.n) {
            if (slice_ieq(slice_cut(&list, ' '), word)) {
                return true;
            }
        }
    }
    return false;
}

/* Anchors that a phrase takes from `at` on: all its words, one after the other; 0: it is not there.
 */
static size_t phrase_at(const struct template *t, size_t at, struct slice phrase)
{
    size_t n = 0;
    while (phrase.n) {
        struct slice word = slice_cut(&phrase, ' ');
        if (at + n >= t->anchor_count || !word_is(t, &t->anchors[at + n], word)) {
            return 0;
        }
        n++;
    }
    return n;
}

static size_t boilerplate_at(const struct template *t, size_t at)
{
    static const struct slice phrases[] = {
#define COMMON(words)
#define BOILERPLATE(phrase) SLICE(phrase),
#include "cluster/common_words.def"
#undef COMMON
#undef BOILERPLATE
    };
    size_t most = 0;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        size_t n = phrase_at(t, at, phrases[i]);
        most = n > most ? n : most;
    }
    return most;
}

void anchors_weigh(const struct template *t, uint8_t *weight)
{
    for (size_t i = 0; i < t->anchor_count; i++) {
        const struct anchor *a = &t->anchors[i];
        bool tells = a->kind == WORD_PLAIN && (!a->n || a->most >= 3);
        bool is_rare = tells && !(a->n && is_common(anchor_text(t, a)));
        weight[i] = is_rare ? ANCHOR_WEIGHT : a->kind == WORD_PLAIN;
    }
    for (size_t i = 0; i < t->anchor_count; i++) {
        size_t n = boilerplate_at(t, i);
        for (size_t k = 0; k < n; k++) {
            weight[i + k] = 0;
        }
    }
}

uint64_t template_learnt(const struct template *t)
{
    return t->learnt;
}

void template_info(const struct template *t, struct template_info *out)
{
    uint8_t weight[TEMPLATE_WORDS];
    unsigned sum = 0;
    *out = (struct template_info){.learnt = t->learnt,
                                  .outliers = t->outliers,
                                  .anchors = t->anchor_count > 0,
                                  .holes = t->hole_count};
    anchors_weigh(t, weight);
    for (size_t i = 0; i < t->anchor_count; i++) {
        out->anchor_words += t->anchors[i].kind == WORD_PLAIN;
        sum += weight[i];
    }
    for (size_t i = 0; i < t->hole_count; i++) {
        out->anchors += t->holes[i].before > 0 && t->holes[i].before < t->anchor_count;
    }
    out->is_usable = t->learnt >= TEMPLATE_PRIVATE && sum >= TEMPLATE_USABLE;
}

/* ---- for people ---- */

static const char *hole_kind_text(enum hole_kind k)
{
    static const char *const names[HOLE_KIND_COUNT] = {
#define HOLE(id, name, doc) name,
#include "cluster/hole.def"
#undef HOLE
    };
    return names[k];
}

static void range_print(unsigned least, unsigned most, struct strbuf *out)
{
    if (least < most) {
        strbuf_printf(out, " %u-%u", least, most);
    } else {
        strbuf_printf(out, " %u", most);
    }
}

static void dictionary_print(const struct template *t, const struct hole *h, struct strbuf *out)
{
    size_t index = (size_t)(h - t->holes), shown = 0, hidden = 0;
    const struct entry *last = NULL;
    for (size_t round = 0; round < TEMPLATE_SHOWS; round++) {
        const struct entry *best = NULL;
        for (size_t i = 0; i < t->entry_count; i++) {
            const struct entry *e = &t->entries[i];
            bool is_left = !last || e->count < last->count || (e->count == last->count && e > last);
            if (e->hole == index && e->n && is_left && (!best || e->count > best->count)) {
                best = e;
            }
        }
        if (!best) {
            break;
        }
        strbuf_add_cstr(out, shown++ ? " | " : "");
        strbuf_add(out, template_text(t, best->at, best->n));
        last = best;
    }
    for (size_t i = 0; i < t->entry_count; i++) {
        hidden += t->entries[i].hole == index;
    }
    if (hidden > shown) {
        strbuf_printf(out, "%s%zu more", shown ? " | " : "", hidden - shown);
    }
    strbuf_add_cstr(out, h->empties ? " | nothing" : "");
}

static bool counts_bytes(enum hole_kind k)
{
    return k == HOLE_DIGITS || k == HOLE_HEX || k == HOLE_RANDOM || k == HOLE_MONEY;
}

static void hole_print(const struct template *t, const struct hole *h, struct strbuf *out)
{
    enum hole_kind kind = hole_kind(t, h);
    strbuf_printf(out, "⟨%s", hole_kind_text(kind));
    if (!h->seen) {
        /* anchors fell with the last message: nothing is known of it yet */
    } else if (kind == HOLE_DICTIONARY) {
        strbuf_add_cstr(out, ": ");
        dictionary_print(t, h, out);
    } else if (h->most == 1 && counts_bytes(kind) && h->least_bytes <= h->most_bytes) {
        range_print(h->least_bytes, h->most_bytes, out);
    } else if (h->most > 1 || kind == HOLE_WORDS) {
        range_print(h->least, h->most, out);
    }
    strbuf_add_cstr(out, kind != HOLE_DICTIONARY && !h->least ? " or nothing⟩" : "⟩");
}

static enum hole_kind kind_of_word(uint8_t kind)
{
    static const enum hole_kind kinds[WORD_KIND_COUNT] = {
        [WORD_ME] = HOLE_RECIPIENT,  [WORD_ADDRESS] = HOLE_ADDRESS, [WORD_URL] = HOLE_URL,
        [WORD_MONEY] = HOLE_MONEY,   [WORD_DATE] = HOLE_DATE,       [WORD_TIME] = HOLE_TIME,
        [WORD_NUMBER] = HOLE_DIGITS, [WORD_HEX] = HOLE_HEX,         [WORD_RANDOM] = HOLE_RANDOM};
    return kinds[kind];
}

const char *typed_name(uint8_t kind)
{
    return hole_kind_text(kind_of_word(kind));
}

/* A typed word that every message has. */
static void typed_print(const struct template *t, const struct anchor *a, struct strbuf *out)
{
    if (a->n && a->is_exact) {
        strbuf_add(out, anchor_text(t, a));
        return;
    }
    strbuf_printf(out, "⟨%s", typed_name(a->kind));
    if (counts_bytes(kind_of_word(a->kind))) {
        range_print(a->least, a->most, out);
    }
    strbuf_add_cstr(out, "⟩");
}

static void anchor_print(const struct template *t, const struct anchor *a, struct strbuf *out)
{
    if (a->kind != WORD_PLAIN) {
        typed_print(t, a, out);
    } else if (a->n) {
        strbuf_add(out, anchor_text(t, a));
    } else {
        strbuf_add_cstr(out, "⟨a word⟩");
    }
}

enum err template_print(const struct template *t, struct strbuf *out)
{
    size_t hole = 0;
    if (t->learnt < TEMPLATE_PRIVATE) {
        strbuf_printf(out, "⟨words %zu, of too few messages⟩", t->anchor_count);
        return out->failed ? ERR_NOMEM : OK;
    }
    for (size_t i = 0; i <= t->anchor_count; i++) {
        bool is_free = hole < t->hole_count && t->holes[hole].before == i;
        if (is_free) {
            strbuf_add_cstr(out, i ? " " : "");
            hole_print(t, &t->holes[hole++], out);
        }
        if (i == t->anchor_count) {
            break;
        }
        const struct anchor *a = &t->anchors[i];
        if (!is_free && a->separator_n != SEPARATOR_VARIES && i) {
            strbuf_add(out, template_text(t, a->at, a->separator_n));
        } else if (is_free || i) {
            strbuf_add_cstr(out, " ");
        }
        anchor_print(t, a, out);
    }
    if (t->is_cut) {
        strbuf_add_cstr(out, " …");
    }
    return out->failed ? ERR_NOMEM : OK;
}
