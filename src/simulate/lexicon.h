/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words, names, domains and random prose. */
#ifndef SIMULATE_LEXICON_H
#define SIMULATE_LEXICON_H

#include "core/strbuf.h"
#include "stat/pcg.h"

enum lexicon_kind {
#define WORDS(kind, words) LEXICON_##kind,
#include "simulate/lexicon.def"
#undef WORDS
    LEXICON_KIND_COUNT
};

struct slice lexicon_word(struct pcg *r, enum lexicon_kind kind);
/* Prose of about so many words, as hash-busting engines pad with, with or without line ends. */
void lexicon_book(struct pcg *r, size_t words, bool has_lines, struct strbuf *out);
/* "best-shop24.cn", "qwxhj.com" when is_garbage. */
void lexicon_domain(struct pcg *r, bool is_garbage, struct strbuf *out);

#endif
