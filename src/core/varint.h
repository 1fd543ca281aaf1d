/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers of any size in few bytes (LEB128), as in all packed columns of the store. */
#ifndef CORE_VARINT_H
#define CORE_VARINT_H

#include "core/strbuf.h"

enum { VARINT_BYTES_MAX = 10 };
size_t varint_put(uint8_t *out, uint64_t v);
void varint_add(struct strbuf *b, uint64_t v);
/* Cuts one off the front of *s; false when it is cut short or too long. */
bool varint_cut(struct slice *s, uint64_t *v);

bool varint_get_slowly(const uint8_t **p, const uint8_t *end, uint64_t *v);

/* Lengths vary from one number to the next, so a loop over bytes mispredicts: up to four bytes are
 * put together without a branch. */
static inline bool varint_get(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
    uint32_t x;
    if (end - *p < 4) {
        return varint_get_slowly(p, end, v);
    }
    memcpy(&x, *p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap32(x);
#endif
    uint32_t ends = ~x & 0x80808080;
    if (ends == 0) {
        return varint_get_slowly(p, end, v);
    }
    x &= ends ^ (ends - 1); /* through the first byte without the high bit */
    *v = (x & 0x7f) | (x >> 1 & 0x3f80) | (x >> 2 & 0x1fc000) | (x >> 3 & 0xfe00000);
    *p += (unsigned)__builtin_ctz(ends) / 8 + 1;
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
