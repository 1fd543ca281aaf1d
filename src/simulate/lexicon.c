/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "simulate/lexicon.h"

#include "simulate/grammar.h"

static const struct slice LISTS[LEXICON_KIND_COUNT] = {
#define WORDS(kind, words) SLICE(words),
#include "simulate/lexicon.def"
#undef WORDS
};

struct slice lexicon_word(struct pcg *r, enum lexicon_kind kind)
{
    size_t count = 1;
    struct slice list = LISTS[kind], word = {0};
    for (size_t i = 0; i < list.n; i++) {
        count += list.p[i] == ' ';
    }
    for (size_t pick = pcg_below(r, count) + 1; pick > 0; pick--) {
        word = slice_cut(&list, ' ');
    }
    return word;
}

static size_t words_add(struct pcg *r, const char *pattern, struct strbuf *out)
{
    size_t n = 0;
    for (; *pattern; pattern++, n++) {
        static const char LETTERS[] = "NVAJPD";
        static const enum lexicon_kind KINDS[] = {LEXICON_NOUN,   LEXICON_VERB,  LEXICON_ADJECTIVE,
                                                  LEXICON_JOINER, LEXICON_PLACE, LEXICON_ADVERB};
        const char *letter = strchr(LETTERS, *pattern);
        if (n) {
            strbuf_add_byte(out, ' ');
        }
        if (letter) {
            strbuf_add(out, lexicon_word(r, KINDS[letter - LETTERS]));
        } else {
            strbuf_add_cstr(out, *pattern == 't' ? "the" : *pattern == 'a' ? "a" : "had");
        }
    }
    return n;
}

void lexicon_book(struct pcg *r, size_t words, bool has_lines, struct strbuf *out)
{
    static const char *const PATTERNS[] = {"tANV",  "tNhDVtN", "DtNVPtAN", "JtNV", "aANVtNPaN",
                                           "tNVtN", "tANJtNV", "PtNaANV",  "DVtAN"};
    for (size_t n = 0; n < words;) {
        size_t from = out->n, clauses = 1 + pcg_below(r, 3);
        for (size_t i = 0; i < clauses; i++) {
            if (i) {
                strbuf_add_cstr(out, pcg_below(r, 2) ? ", " : " ");
            }
            n += words_add(r, PATTERNS[pcg_below(r, sizeof PATTERNS / sizeof *PATTERNS)], out);
        }
        if (out->n > from) {
            out->p[from] = (char)(out->p[from] - 32);
        }
        strbuf_add_cstr(out, pcg_below(r, 8) ? "." : "?");
        strbuf_add_byte(out, has_lines && pcg_below(r, 3) == 0 ? '\n' : ' ');
    }
}

void lexicon_domain(struct pcg *r, bool is_garbage, struct strbuf *out)
{
    uint64_t way = is_garbage ? 3 : pcg_below(r, 4);
    if (way == 3) {
        grammar_characters(r, 'a', 5 + pcg_below(r, 8), out);
    } else {
        strbuf_add(out, lexicon_word(r, LEXICON_DOMAIN));
        if (way == 1) {
            strbuf_add_byte(out, '-');
        }
        strbuf_add(out, lexicon_word(r, LEXICON_DOMAIN));
        strbuf_add(out, lexicon_word(r, way == 2 ? LEXICON_NOUN : LEXICON_DOMAIN));
        if (pcg_chance(r, 0.3)) {
            grammar_characters(r, '9', 1 + pcg_below(r, 3), out);
        }
    }
    strbuf_add_byte(out, '.');
    strbuf_add(out, lexicon_word(r, LEXICON_TLD));
}
