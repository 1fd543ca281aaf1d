/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UTF-8 (RFC 3629): no surrogates, no overlong forms, at most U+10FFFF. */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include "core/slice.h"

/* Length of the well-formed sequence at the start of `s` (1..4), 0 if there is none. `code_point`
 * may be NULL. */
size_t utf8_sequence(struct slice s, uint32_t *code_point);

/* Writes 1..4 bytes; code points that are not scalar values become U+FFFD. Returns the count. */
size_t utf8_encode(uint32_t code_point, char out[4]);

/* Offset of the first byte that is not ASCII, or s.n. */
size_t ascii_prefix(struct slice s);

bool utf8_valid(struct slice s);

/* At most `max` bytes of it, not inside a sequence. */
static inline struct slice utf8_cut(struct slice s, size_t max)
{
    if (s.n > max) {
        s.n = max;
        while (s.n && ((uint8_t)s.p[s.n] & 0xc0) == 0x80) {
            s.n--;
        }
    }
    return s;
}

#endif
