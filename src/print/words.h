/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of a message as typed words: what CD1 sketches and what templates are learnt from. What
 * senders vary by machine (numbers, dates, addresses, the recipient, random strings) is its kind,
 * not its bytes. docs/cd1.md. */
#ifndef PRINT_WORDS_H
#define PRINT_WORDS_H

#include "print/features.h"

/* WORD(ID, "name", is_typed, "meaning"): typed words count by kind alone. */
enum word_kind {
#define WORD(id, name, is_typed, doc) WORD_##id,
#include "print/word.def"
#undef WORD
    WORD_KIND_COUNT
};
const char *word_kind_name(enum word_kind k);
bool word_kind_is_typed(enum word_kind k);

struct word {
    struct slice text; /* as it stands in the visible text; borrowed */
    uint64_t hash;     /* word_hash of the folded text (lower case, accents and disguises undone, a
                          run of digits as one 0), or of "<kind>" when it is typed or a line's end */
    enum word_kind kind;
};

struct words {
    const struct word *items; /* arena */
    size_t count;             /* at most LIMIT_WORDS */
    const uint32_t *links;    /* words at which a link stands, ascending: URLs, and what follows an
                                 <a> of HTML (`count` when nothing does); arena */
    size_t link_count;
    bool is_cut; /* there was more */
};

/* The words of a text, line and paragraph ends included as words. `me`: addresses of the message's
 * recipients, or their names; they, their local parts and what a sender makes of these are WORD_ME.
 * ERR_NOMEM. */
enum err words_split(struct words *out, struct slice text, const struct slice *me, size_t me_count,
                     struct arena *arena) MUST_USE;

/* Those of a message: the part that its reader sees (HTML before plain text), not both. */
enum err words_of(struct words *out, const struct features *f, const struct slice *me,
                  size_t me_count, struct arena *arena) MUST_USE;

/* Both are part of CD1's definition (docs/cd1.md), so they never change. */
uint64_t word_hash(struct slice folded);
static inline uint64_t word_hash_step(uint64_t h, uint64_t chunk)
{
    h = (h ^ chunk) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

#endif
