/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Code points as words see them: what kind of a letter, and which one when case, accents, widths
 * and fonts are undone. Much less than NFKC and case folding of Unicode: what senders really do to
 * hide a word, and no more than a second implementation can copy from docs/cd1.md. */
#ifndef PRINT_RUNE_H
#define PRINT_RUNE_H

#include <stdbool.h>
#include <stdint.h>

enum rune_class {
    RUNE_LETTER,
    RUNE_DIGIT,
    RUNE_IDEOGRAPH, /* a word by itself */
    RUNE_MARK,      /* not seen: accents, joiners, zero-width characters */
    RUNE_MONEY,     /* a currency's sign */
    RUNE_OTHER,     /* blanks, punctuation, pictures */
};

/* For code points from U+0080 on. *folded is set for letters, digits ('0') and ideographs. */
enum rune_class rune_fold(uint32_t code_point, uint32_t *folded);

/* What rune_fold() says of all that UTF-8 writes in two bytes, by code point. */
enum { RUNE_TWO_BYTES_END = 0x800 };
struct rune_folded {
    uint16_t folded;
    uint8_t class; /* enum rune_class */
};
const struct rune_folded *rune_two_bytes(void);

/* The Latin letter that a folded Cyrillic or Greek one looks like; 0 when there is none. */
char rune_latin(uint32_t folded);

#endif
