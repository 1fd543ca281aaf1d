/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/minhash.h"

#include <string.h>

void minhash_begin(struct minhash *m, unsigned bits, uint32_t *lane)
{
    m->lane = lane;
    m->bits = bits;
    m->filled = 0;
    for (size_t i = 0; i < (size_t)1 << bits; i++) {
        lane[i] = UINT32_MAX;
    }
}

void minhash_end(struct minhash *m)
{
    const unsigned lanes = 1U << m->bits;
    if (!m->filled) {
        memset(m->lane, 0, lanes * sizeof *m->lane);
        return;
    }
    for (uint64_t empty = ~m->filled & (UINT64_MAX >> (64 - lanes)); empty; empty &= empty - 1) {
        uint64_t i = (uint64_t)__builtin_ctzll(empty);
        /* Ends soon: a try finds one of f filled lanes with probability f / lanes. */
        uint64_t from, attempt = 1;
        do {
            from = minhash_mix(attempt++ << 8 | i) >> (64 - m->bits);
        } while (!(m->filled >> from & 1));
        m->lane[i] = m->lane[from];
    }
}
