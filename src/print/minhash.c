/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/minhash.h"

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
    const uint64_t lanes = UINT64_C(1) << m->bits;
    for (uint64_t i = 0; i < lanes; i++) {
        if (m->filled >> i & 1) {
            continue;
        }
        if (!m->filled) {
            m->lane[i] = 0;
            continue;
        }
        /* Ends soon: a try finds one of f filled lanes with probability f / lanes. */
        uint64_t from, attempt = 1;
        do {
            from = minhash_mix(attempt++ << 8 | i) >> (64 - m->bits);
        } while (!(m->filled >> from & 1));
        m->lane[i] = m->lane[from];
    }
}
