/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/rune.h"

#include <pthread.h>
#include <stddef.h>

struct range {
    uint32_t first, last;
    enum rune_class class;
};

static const struct range RANGES[] = {
#define RUNE(first, last, class) {first, last, RUNE_##class},
#include "print/rune.def"
#undef RUNE
};

enum {
    RANGE_COUNT = sizeof RANGES / sizeof RANGES[0],
    LATIN_FIRST = 0xc0, /* U+00C0..U+017F: Latin-1 and Extended-A */
    LATIN_LAST = 0x17f,
    LATIN_MORE_FIRST = 0x1e00, /* Extended Additional */
    LATIN_MORE_LAST = 0x1eff,
};

/* The base letter of each; a blank where there is no letter. */
static const char LATIN[] = "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty"
                            "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
                            "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
static const char LATIN_MORE[] = "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"
                                 "mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
                                 "wwwwwwwwwwxxxxyyzzzzzzhtwyas  sdaaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
                                 "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyyllvvyy";
_Static_assert(sizeof LATIN == LATIN_LAST - LATIN_FIRST + 2, "one letter for each");
_Static_assert(sizeof LATIN_MORE == LATIN_MORE_LAST - LATIN_MORE_FIRST + 2, "one letter for each");

static enum rune_class rune_class(uint32_t c)
{
    size_t low = 0, high = RANGE_COUNT;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (RANGES[middle].last < c) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < RANGE_COUNT && RANGES[low].first <= c ? RANGES[low].class : RUNE_LETTER;
}

static uint32_t fold_greek(uint32_t c)
{
    switch (c) {
    case 0x386:
    case 0x3ac:
        return 0x3b1;
    case 0x388:
    case 0x3ad:
        return 0x3b5;
    case 0x389:
    case 0x3ae:
        return 0x3b7;
    case 0x38a:
    case 0x390:
    case 0x3aa:
    case 0x3af:
    case 0x3ca:
        return 0x3b9;
    case 0x38c:
    case 0x3cc:
        return 0x3bf;
    case 0x38e:
    case 0x3ab:
    case 0x3b0:
    case 0x3cb:
    case 0x3cd:
        return 0x3c5;
    case 0x38f:
    case 0x3ce:
        return 0x3c9;
    case 0x3c2:
        return 0x3c3;
    default:
        return c >= 0x391 && c <= 0x3a9 ? c + 0x20 : c;
    }
}

static uint32_t fold_cyrillic(uint32_t c)
{
    if (c >= 0x400 && c <= 0x40f) {
        c += 0x50;
    } else if (c >= 0x410 && c <= 0x42f) {
        c += 0x20;
    } else if ((c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf) ||
               (c >= 0x4d0 && c <= 0x52f)) {
        c |= 1;
    }
    return c == 0x450 || c == 0x451 ? 0x435 : c; /* few write the dots of the letter yo */
}

/* A letter's. */
static uint32_t fold(uint32_t c)
{
    if (c >= LATIN_FIRST && c <= LATIN_LAST) {
        return (uint8_t)LATIN[c - LATIN_FIRST];
    }
    if (c >= 0x370 && c <= 0x3ff) {
        return fold_greek(c);
    }
    if (c >= 0x400 && c <= 0x52f) {
        return fold_cyrillic(c);
    }
    if (c >= 0x531 && c <= 0x556) {
        return c + 0x30; /* Armenian */
    }
    if (c >= LATIN_MORE_FIRST && c <= LATIN_MORE_LAST && LATIN_MORE[c - LATIN_MORE_FIRST] != ' ') {
        return (uint8_t)LATIN_MORE[c - LATIN_MORE_FIRST];
    }
    if (c >= 0x24b6 && c <= 0x24e9) {
        return 'a' + (c - 0x24b6) % 26; /* in circles */
    }
    if (c >= 0xff21 && c <= 0xff5a) {
        return (c - 0xff21) % 32 + 'a'; /* of full width */
    }
    if (c >= 0x1d400 && c <= 0x1d6a3) {
        return 'a' + (c - 0x1d400) % 26; /* mathematical: bold, italic, script ... */
    }
    return c;
}

enum rune_class rune_fold(uint32_t code_point, uint32_t *folded)
{
    /* Most text that is not Latin is one of these. */
    bool is_common = (code_point >= 0x400 && code_point < 0x483) ||
                     (code_point >= LATIN_FIRST && code_point <= LATIN_LAST &&
                      LATIN[code_point - LATIN_FIRST] != ' ');
    enum rune_class class = is_common ? RUNE_LETTER : rune_class(code_point);
    *folded = class == RUNE_LETTER ? fold(code_point) : class == RUNE_DIGIT ? '0' : code_point;
    return class;
}

static struct rune_folded two_bytes[RUNE_TWO_BYTES_END];
static pthread_once_t two_bytes_once = PTHREAD_ONCE_INIT;

static void two_bytes_fill(void)
{
    for (uint32_t c = 0x80; c < RUNE_TWO_BYTES_END; c++) {
        uint32_t folded = 0;
        two_bytes[c].class = (uint8_t)rune_fold(c, &folded);
        two_bytes[c].folded = (uint16_t)folded;
    }
}

const struct rune_folded *rune_two_bytes(void)
{
    (void)pthread_once(&two_bytes_once, two_bytes_fill);
    return two_bytes;
}

char rune_latin(uint32_t folded)
{
    static const struct {
        uint16_t rune;
        char latin;
    } ALIKE[] = {
        {0x3b1, 'a'}, {0x3b5, 'e'}, {0x3b9, 'i'}, {0x3ba, 'k'}, {0x3bd, 'v'}, {0x3bf, 'o'},
        {0x3c1, 'p'}, {0x3c4, 't'}, {0x3c5, 'u'}, {0x3c7, 'x'}, {0x3f2, 'c'}, {0x3f3, 'j'},
        {0x430, 'a'}, {0x432, 'b'}, {0x435, 'e'}, {0x43a, 'k'}, {0x43c, 'm'}, {0x43d, 'h'},
        {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x442, 't'}, {0x443, 'y'}, {0x445, 'x'},
        {0x455, 's'}, {0x456, 'i'}, {0x457, 'i'}, {0x458, 'j'}, {0x475, 'v'}, {0x4af, 'y'},
        {0x4bb, 'h'}, {0x4cf, 'l'}, {0x501, 'd'}, {0x51b, 'q'}, {0x51d, 'w'},
    };
    for (size_t i = 0; i < sizeof ALIKE / sizeof ALIKE[0]; i++) {
        if (ALIKE[i].rune == folded) {
            return ALIKE[i].latin;
        }
    }
    return 0;
}
