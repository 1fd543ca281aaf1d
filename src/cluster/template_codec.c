/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A template as bytes: version, counts, anchors, holes, entries, text; numbers as varints. What
 * cannot be a template is refused. */
#include "cluster/template_part.h"
#include "core/varint.h"

#include <stdlib.h>

enum { VERSION = 1, SEPARATOR_NONE = SEPARATOR_TEXT + 1 };

/* The text of few messages may be of their recipient: it stays out, and is learnt again. */
static bool keeps_texts(const struct template *t)
{
    return t->learnt >= TEMPLATE_PRIVATE;
}

static void anchor_save(const struct template *t, const struct anchor *a, struct strbuf *out)
{
    bool varies = a->separator_n == SEPARATOR_VARIES;
    size_t separator = varies ? 0 : a->separator_n;
    varint_add(out, a->hash);
    varint_add(out, (uint64_t)a->kind << 1 | a->is_exact);
    varint_add(out, a->misses);
    strbuf_add_byte(out, (char)a->least);
    strbuf_add_byte(out, (char)a->most);
    if (keeps_texts(t)) {
        strbuf_add_byte(out, (char)(varies ? SEPARATOR_NONE : separator));
        strbuf_add_byte(out, (char)a->n);
        strbuf_add(out, template_text(t, a->at, separator + a->n));
    } else {
        strbuf_add_byte(out, SEPARATOR_NONE);
        strbuf_add_byte(out, 0);
    }
}

static void hole_save(const struct hole *h, struct strbuf *out)
{
    const uint64_t numbers[] = {
        h->seen,       h->empties, h->before,
        h->least,      h->most,    h->least_bytes,
        h->most_bytes, h->kinds,   (uint64_t)h->is_capital << 1 | h->is_open};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        varint_add(out, numbers[i]);
    }
}

enum err template_save(const struct template *t, struct strbuf *out)
{
    const uint64_t numbers[] = {t->learnt, t->outliers,     t->votes,      t->misfits,
                                t->is_cut, t->anchor_count, t->hole_count, t->entry_count};
    strbuf_add_byte(out, VERSION);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        varint_add(out, numbers[i]);
    }
    for (size_t i = 0; i < t->anchor_count; i++) {
        anchor_save(t, &t->anchors[i], out);
    }
    for (size_t i = 0; i < t->hole_count; i++) {
        hole_save(&t->holes[i], out);
    }
    for (size_t i = 0; i < t->entry_count; i++) {
        const struct entry *entry = &t->entries[i];
        varint_add(out, entry->hash);
        varint_add(out, entry->count);
        strbuf_add_byte(out, (char)entry->hole);
        strbuf_add_byte(out, (char)entry->n);
        strbuf_add(out, template_text(t, entry->at, entry->n));
    }
    return out->failed ? ERR_NOMEM : OK;
}

/* ---- back ---- */

static bool number_cut(struct slice *in, uint64_t most, uint64_t *out)
{
    return varint_cut(in, out) && *out <= most;
}

static bool byte_cut(struct slice *in, uint8_t *out)
{
    if (!in->n) {
        return false;
    }
    *out = (uint8_t)in->p[0];
    *in = slice_sub(*in, 1, in->n);
    return true;
}

static bool text_cut(struct template *t, struct slice *in, size_t n, uint16_t *at)
{
    enum err e = OK;
    *at = (uint16_t)t->text_n;
    if (in->n < n || !template_text_add(t, slice_sub(*in, 0, n), &e)) {
        return false;
    }
    *in = slice_sub(*in, n, in->n);
    return true;
}

static bool anchor_load(struct template *t, struct slice *in)
{
    struct anchor *a = &t->anchors[t->anchor_count];
    uint64_t hash, kind, misses;
    uint8_t separator;
    if (!number_cut(in, UINT32_MAX, &hash) || !number_cut(in, 2 * WORD_KIND_COUNT - 1, &kind) ||
        !number_cut(in, UINT16_MAX, &misses) || !byte_cut(in, &a->least) ||
        !byte_cut(in, &a->most) || !byte_cut(in, &separator) || separator > SEPARATOR_NONE ||
        !byte_cut(in, &a->n) || a->n > WORD_TEXT) {
        return false;
    }
    a->hash = (uint32_t)hash;
    a->kind = (uint8_t)(kind >> 1);
    a->is_exact = kind & 1;
    a->misses = (uint16_t)misses;
    a->separator_n = separator == SEPARATOR_NONE ? SEPARATOR_VARIES : separator;
    t->anchor_count++;
    return text_cut(t, in, (separator == SEPARATOR_NONE ? 0U : separator) + a->n, &a->at);
}

static bool hole_load(struct template *t, struct slice *in)
{
    static const uint64_t MOST[] = {
        UINT32_MAX, UINT32_MAX, TEMPLATE_WORDS, UINT16_MAX,
        UINT16_MAX, UINT16_MAX, UINT16_MAX,     (1U << WORD_KIND_COUNT) - 1,
        3};
    uint64_t v[sizeof MOST / sizeof *MOST];
    for (size_t i = 0; i < sizeof MOST / sizeof *MOST; i++) {
        if (!number_cut(in, MOST[i], &v[i])) {
            return false;
        }
    }
    if (v[2] > t->anchor_count || (t->hole_count && v[2] <= t->holes[t->hole_count - 1].before)) {
        return false;
    }
    t->holes[t->hole_count++] = (struct hole){.seen = (uint32_t)v[0],
                                              .empties = (uint32_t)v[1],
                                              .before = (uint16_t)v[2],
                                              .least = (uint16_t)v[3],
                                              .most = (uint16_t)v[4],
                                              .least_bytes = (uint16_t)v[5],
                                              .most_bytes = (uint16_t)v[6],
                                              .kinds = (uint16_t)v[7],
                                              .is_capital = v[8] >> 1,
                                              .is_open = v[8] & 1};
    return true;
}

static bool entry_load(struct template *t, struct slice *in)
{
    struct entry *entry = &t->entries[t->entry_count];
    uint64_t hash, count;
    if (!number_cut(in, UINT32_MAX, &hash) || !number_cut(in, UINT16_MAX, &count) ||
        !byte_cut(in, &entry->hole) || entry->hole >= t->hole_count || !byte_cut(in, &entry->n) ||
        entry->n > WORD_TEXT) {
        return false;
    }
    entry->hash = (uint32_t)hash;
    entry->count = (uint16_t)count;
    t->entry_count++;
    return text_cut(t, in, entry->n, &entry->at);
}

/* The counts, and room for what they say. */
static bool head_load(struct template *t, struct slice *in, size_t *holes, size_t *entries,
                      size_t *anchors)
{
    uint64_t v[8];
    static const uint64_t MOST[] = {UINT64_MAX, UINT64_MAX,     UINT64_MAX,     UINT32_MAX,
                                    1,          TEMPLATE_WORDS, TEMPLATE_HOLES, TEMPLATE_ENTRIES};
    uint8_t version;
    if (!byte_cut(in, &version) || version != VERSION) {
        return false;
    }
    for (size_t i = 0; i < sizeof MOST / sizeof *MOST; i++) {
        if (!number_cut(in, MOST[i], &v[i])) {
            return false;
        }
    }
    t->learnt = v[0];
    t->outliers = v[1];
    t->votes = v[2];
    t->misfits = (uint32_t)v[3];
    t->is_cut = v[4];
    *anchors = (size_t)v[5];
    *holes = (size_t)v[6];
    *entries = (size_t)v[7];
    t->anchors = calloc(*anchors + 1, sizeof *t->anchors);
    t->entries = calloc(*entries + 1, sizeof *t->entries);
    t->anchor_capacity = *anchors + 1;
    t->entry_capacity = *entries + 1;
    return t->anchors && t->entries && t->votes <= t->learnt && !t->learnt == !t->votes;
}

struct template *template_load(struct slice *in)
{
    struct template *t = template_new();
    size_t holes, entries, anchors;
    bool is_good = t && head_load(t, in, &holes, &entries, &anchors);
    while (is_good && t->anchor_count < anchors) {
        is_good = anchor_load(t, in);
    }
    while (is_good && t->hole_count < holes) {
        is_good = hole_load(t, in);
    }
    while (is_good && t->entry_count < entries) {
        is_good = entry_load(t, in);
    }
    if (!is_good) {
        template_free(t);
        return NULL;
    }
    return t;
}
