/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes looked at sixteen at a time, for scans of text. */
#ifndef CORE_VEC_H
#define CORE_VEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* In the widest registers that every machine of its kind has. */
typedef uint8_t vec __attribute__((vector_size(16)));

static inline vec vec_load(const char *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Offset of the first byte set (0xff, as comparisons set it), 16 when none. */
static inline size_t vec_first(vec v)
{
#ifdef __SSE2__
    typedef char mask_source __attribute__((vector_size(16)));
    return (size_t)__builtin_ctz((unsigned)__builtin_ia32_pmovmskb128((mask_source)v) | 1U << 16);
#else
    uint64_t half[2];
    memcpy(half, &v, sizeof half);
    for (size_t i = 0; i < 2; i++) {
        if (half[i]) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
            return 8 * i + (size_t)__builtin_clzll(half[i]) / 8;
#else
            return 8 * i + (size_t)__builtin_ctzll(half[i]) / 8;
#endif
        }
    }
    return 16;
#endif
}

#endif
