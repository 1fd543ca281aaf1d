/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside words*.c only: the state of one split, and the ways in which a word ends up in it. */
#ifndef PRINT_SPLITTER_H
#define PRINT_SPLITTER_H

#include "print/word_test.h"

enum byte_class { BYTE_OTHER, BYTE_LETTER, BYTE_DIGIT, BYTE_HIGH, BYTE_LINE, BYTE_GLUE };
extern const uint8_t BYTE_CLASS[256];

struct splitter {
    const char *begin, *end; /* of the text */
    struct word *items;      /* room for `room`; arena */
    size_t n, room;
    size_t from;                 /* the first word of this text: nothing joins over texts */
    const struct url_list *urls; /* may be NULL */
    bool is_cut;
    const uint64_t *kind_hash; /* by kind */
    const struct rune_folded *two_bytes;
    struct me me;
};

/* False, and is_cut, when there is no more room. */
bool splitter_put(struct splitter *s, struct slice text, enum word_kind kind, uint64_t hash);
bool splitter_put_kind(struct splitter *s, struct slice text, enum word_kind kind);
/* A word of that folded text and kind, if it is not the recipient's or a date's. */
bool splitter_put_folded(struct splitter *s, struct slice text, struct slice folded,
                         enum word_kind kind);
void splitter_letters(struct splitter *s, struct slice text);

/* Each puts what begins at `p` and returns where to go on. */
const char *splitter_compound(struct splitter *s, const char *p); /* word_compound.c */
const char *splitter_runes(struct splitter *s, const char *p);    /* word_rune.c */

#endif
