/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/minhash.h"

#include <pthread.h>
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

/* Where an empty lane looks first: of `bits` 4 and 6, all that CD1 has. */
enum { TRIES = 8 };
static uint8_t first_tries[2][64][TRIES];
static pthread_once_t tries_once = PTHREAD_ONCE_INIT;

static uint64_t lane_try(uint64_t lane, uint64_t attempt, unsigned bits)
{
    return minhash_mix(attempt << 8 | lane) >> (64 - bits);
}

static void tries_fill(void)
{
    for (unsigned lane = 0; lane < 64; lane++) {
        for (unsigned i = 0; i < TRIES; i++) {
            first_tries[0][lane][i] = (uint8_t)lane_try(lane, i + 1, 4);
            first_tries[1][lane][i] = (uint8_t)lane_try(lane, i + 1, 6);
        }
    }
}

/* Ends soon: a try finds one of f filled lanes with probability f / lanes. */
static unsigned lane_filled(const struct minhash *m, unsigned lane)
{
    bool is_listed = m->bits == 4 || m->bits == 6;
    if (is_listed) {
        const uint8_t *tries = first_tries[m->bits == 6][lane];
        unsigned found = 0; /* all at once: which is the first cannot be predicted */
        for (unsigned i = 0; i < TRIES; i++) {
            found |= (unsigned)(m->filled >> tries[i] & 1) << i;
        }
        if (found) {
            return tries[__builtin_ctz(found)];
        }
    }
    uint64_t from, attempt = is_listed ? TRIES + 1 : 1;
    do {
        from = lane_try(lane, attempt++, m->bits);
    } while (!(m->filled >> from & 1));
    return (unsigned)from;
}

void minhash_end(struct minhash *m)
{
    const unsigned lanes = 1U << m->bits;
    if (!m->filled) {
        memset(m->lane, 0, lanes * sizeof *m->lane);
        return;
    }
    (void)pthread_once(&tries_once, tries_fill);
    for (uint64_t empty = ~m->filled & (UINT64_MAX >> (64 - lanes)); empty; empty &= empty - 1) {
        unsigned lane = (unsigned)__builtin_ctzll(empty);
        m->lane[lane] = m->lane[lane_filled(m, lane)];
    }
}
