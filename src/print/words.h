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

struct word {
    struct slice text; /* as it stands in the visible text; borrowed */
    uint64_t hash;     /* of the folded text (NFKC, lower case), or of the kind when it is typed; of
                          the host's shape for a URL */
    enum word_kind kind;
};

struct words {
    const struct word *items; /* arena */
    size_t count;             /* at most LIMIT_WORDS */
    bool is_cut;              /* there was more */
};

/* The words of a text, line and paragraph ends included as words. `me`: addresses of the message's
 * recipients; they, their local parts and what a sender makes of these are WORD_ME. ERR_NOMEM. */
enum err words_split(struct words *out, struct slice text, const struct slice *me, size_t me_count,
                     struct arena *arena) MUST_USE;

/* Those of a message: the part that its reader sees (HTML before plain text), not both. */
enum err words_of(struct words *out, const struct features *f, const struct slice *me,
                  size_t me_count, struct arena *arena) MUST_USE;

#endif
