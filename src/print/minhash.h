/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One-permutation min-hash with optimal densification (Shrivastava, ICML 2017): a set of 64-bit
 * hashes becomes 2^bits lanes; the share of equal lanes of two sets estimates their Jaccard
 * likeness. A part of CD1's definition (docs/cd1.md): it never changes. */
#ifndef PRINT_MINHASH_H
#define PRINT_MINHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MINHASH_PRINTED_MASK = 0xf
}; /* of a lane, in print: its low bits; the high ones are small */

struct minhash {
    uint32_t *lane; /* borrowed */
    unsigned bits;
    uint64_t filled; /* lanes that a member fell into */
};

/* The last steps of MurmurHash3's 64-bit variant: every bit of x reaches every bit. */
static inline uint64_t minhash_mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

/* Of three in order. */
static inline uint64_t minhash_shingle(uint64_t a, uint64_t b, uint64_t c)
{
    return minhash_mix(a * UINT64_C(0x9e3779b185ebca87) + b * UINT64_C(0xc2b2ae3d27d4eb4f) +
                       c * UINT64_C(0x165667b19e3779f9));
}

/* `lane`: room for 2^bits, bits at most 6. */
void minhash_begin(struct minhash *m, unsigned bits, uint32_t *lane);

static inline void minhash_add(struct minhash *m, uint64_t hash)
{
    unsigned i = (unsigned)(hash >> (64 - m->bits));
    uint32_t value = (uint32_t)hash;
    m->filled |= UINT64_C(1) << i;
    m->lane[i] = value < m->lane[i] ? value : m->lane[i];
}

/* Gives each empty lane the value of a filled one, the same for every set in which that one is
 * filled. Without any member all lanes are 0. */
void minhash_end(struct minhash *m);

#endif
