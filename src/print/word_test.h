/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside words*.c only: what a folded token is. All of it is part of CD1's definition. */
#ifndef PRINT_WORD_TEST_H
#define PRINT_WORD_TEST_H

#include "print/words.h"

enum {
    /* Pieces of names count as the recipient's only in mail to few: what goes to hundreds is not
       personal, and their names together are half a dictionary. */
    WORD_ME_MAX = 8,
    WORD_ME_TOKENS = 64,
    WORD_TOKEN_BYTES = 64, /* no language has words of more ASCII letters */
};

/* The names that stand for a recipient. */
struct me {
    const struct slice *address; /* as given; borrowed */
    size_t address_count;
    uint64_t bloom; /* of hash[] % 64 */
    size_t count;
    uint64_t hash[WORD_ME_TOKENS];
};
void me_read(struct me *me, const struct slice *items, size_t count);
static inline bool me_has(const struct me *me, uint64_t hash)
{
    if (!(me->bloom >> (hash & 63) & 1)) {
        return false;
    }
    size_t i = 0;
    while (i < me->count && me->hash[i] != hash) {
        i++;
    }
    return i < me->count;
}

/* How much likelier the letter pairs of `folded` (a..z alone) are in a language than by chance, in
 * bits; negative: by chance. */
int word_bigrams(const char *folded, size_t n);
/* The same of up to 16 letters with zeros behind them; is_long: more than 8. */
int word_bigrams_block(const uint8_t folded[16], bool is_long);

enum {
    WORD_RANDOM_BYTES = 5,  /* shorter ones are abbreviations as well */
    WORD_RANDOM_SCORE = -8, /* below it nobody's language: docs/cd1.md has the error rates */
    WORD_SWITCH_COST = 5,   /* of a change between letters and digits past the first */
    WORD_RISE_COST = 6,     /* of a capital behind a small letter past the first */
    WORD_KEY_BYTES = 16,    /* a token so long ... */
    WORD_KEY_DIGITS = 3,    /* ... with so many digits is a key, whatever its letters say */
    WORD_HEX_BYTES = 4,
};

/* PLAIN, NUMBER, HEX or RANDOM: `folded` of a..z and 0..9; `rises`: capitals behind small letters.
 */
enum word_kind word_kind_of(const char *folded, size_t n, unsigned rises);

/* Runs of digits become one 0, in place. Returns the new length. */
size_t word_digits_fold(char *folded, size_t n);

/* By word_hash: a month's or a weekday's name. */
bool word_is_calendar(uint64_t hash);

#endif
