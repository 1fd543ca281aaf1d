/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/template_part.h"

/* What stands between two words that lie in one text. */
static void separator_take(struct token *t, const struct token *before)
{
    const char *end = before->text.p + before->text.n;
    if ((uintptr_t)t->text.p < (uintptr_t)end ||
        (uintptr_t)t->text.p - (uintptr_t)end > SEPARATOR_TEXT) {
        return;
    }
    t->separator = slice_span(end, t->text.p);
    t->has_separator = true;
    for (size_t i = 0; i < t->separator.n; i++) {
        t->has_separator &= (unsigned char)t->separator.p[i] >= ' ';
    }
}

void tokens_take(struct tokens *out, const struct words *w)
{
    out->count = out->plain = 0;
    out->is_cut = w->is_cut;
    for (size_t i = 0; i < w->count; i++) {
        const struct word *word = &w->items[i];
        if (word->kind == WORD_LINE || word->kind == WORD_PARAGRAPH) {
            continue;
        }
        if (out->count == TEMPLATE_WORDS) {
            out->is_cut = true;
            return;
        }
        struct token *t = &out->items[out->count];
        *t = (struct token){.hash = (uint32_t)(word->hash ^ word->hash >> 32),
                            .kind = (uint8_t)word->kind,
                            .text = word->text};
        if (out->count) {
            separator_take(t, t - 1);
        }
        out->plain += word->kind == WORD_PLAIN;
        out->count++;
    }
}
