/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers of any size in few bytes (LEB128), as in all packed columns of the store. */
#ifndef CORE_VARINT_H
#define CORE_VARINT_H

#include "core/strbuf.h"

#include <endian.h>

enum { VARINT_BYTES_MAX = 10 };
size_t varint_put(uint8_t *out, uint64_t v);
void varint_add(struct strbuf *b, uint64_t v);
/* Cuts one off the front of *s; false when it is cut short or too long. */
bool varint_cut(struct slice *s, uint64_t *v);

bool varint_get_slowly(const uint8_t **p, const uint8_t *end, uint64_t *v);

/* Lengths vary from one number to the next, so a loop over bytes mispredicts: up to eight bytes
 * (differences of hashes have seven) are put together without a branch, neighbours first. */
static inline bool varint_get(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
    uint64_t x;
    if (end - *p < 8) {
        return varint_get_slowly(p, end, v);
    }
    memcpy(&x, *p, sizeof x);
    x = le64toh(x);
    uint64_t ends = ~x & 0x8080808080808080;
    if (ends == 0) {
        return varint_get_slowly(p, end, v);
    }
    x &= ends ^ (ends - 1); /* through the first byte without the high bit */
    x = (x & 0x007f007f007f007f) | (x & 0x7f007f007f007f00) >> 1;
    x = (x & 0x00003fff00003fff) | (x & 0x3fff00003fff0000) >> 2;
    *v = (x & 0xfffffff) | (x & 0x0fffffff00000000) >> 4;
    *p += (unsigned)__builtin_ctzll(ends) / 8 + 1;
    return true;
}

/* Signed numbers near 0 as small unsigned ones: 0, -1, 1, -2 ... */
static inline uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}
static inline int64_t zigzag_back(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

#endif
