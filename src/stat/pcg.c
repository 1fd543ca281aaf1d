/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/pcg.h"

#include "core/hash.h"

#include <math.h>

static const unsigned __int128 MULTIPLIER =
    (unsigned __int128)UINT64_C(2549297995355413924) << 64 | UINT64_C(4865540595714422341);

static void step(struct pcg *p)
{
    p->state = p->state * MULTIPLIER + p->stream;
}

struct pcg pcg_seeded(unsigned __int128 seed, unsigned __int128 stream)
{
    struct pcg p = {.state = 0, .stream = stream << 1 | 1};
    step(&p);
    p.state += seed;
    step(&p);
    return p;
}

struct pcg pcg_keyed(uint64_t seed, uint64_t kind, uint64_t a, uint64_t b)
{
    uint64_t key[4] = {seed, kind, a, b}, word[4];
    struct slice bytes = slice_of((const char *)key, sizeof key);
    for (uint64_t i = 0; i < 4; i++) {
        word[i] = hash_u64_seeded(bytes, i);
    }
    return pcg_seeded((unsigned __int128)word[0] << 64 | word[1],
                      (unsigned __int128)word[2] << 64 | word[3]);
}

uint64_t pcg_next(struct pcg *p)
{
    step(p);
    uint64_t x = (uint64_t)(p->state >> 64) ^ (uint64_t)p->state;
    unsigned turn = (unsigned)(p->state >> 122);
    return x >> turn | x << (-turn & 63);
}

uint64_t pcg_below(struct pcg *p, uint64_t n)
{
    unsigned __int128 wide = (unsigned __int128)pcg_next(p) * n; /* Lemire 2019 */
    if ((uint64_t)wide < n) {
        uint64_t least = -n % n;
        while ((uint64_t)wide < least) {
            wide = (unsigned __int128)pcg_next(p) * n;
        }
    }
    return (uint64_t)(wide >> 64);
}

int64_t pcg_between(struct pcg *p, int64_t least, int64_t most)
{
    return least + (int64_t)pcg_below(p, (uint64_t)(most - least) + 1);
}

double pcg_real(struct pcg *p)
{
    return (double)(pcg_next(p) >> 11) * 0x1p-53;
}

bool pcg_chance(struct pcg *p, double probability)
{
    return pcg_real(p) < probability;
}

double pcg_normal(struct pcg *p)
{
    double u = 1.0 - pcg_real(p), v = pcg_real(p);
    return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v);
}

double pcg_exponential(struct pcg *p)
{
    return -log(1.0 - pcg_real(p));
}
