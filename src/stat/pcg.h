/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PCG64 (O'Neill 2014, XSL-RR 128/64): a small generator that is cheap to seed, so that every
 * entity of a simulation has its own. What one entity draws then depends on the seed and its key
 * alone, and adding an entity changes no other. */
#ifndef STAT_PCG_H
#define STAT_PCG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pcg {
    unsigned __int128 state, stream; /* stream is odd */
};

/* As the reference's pcg64_srandom. */
struct pcg pcg_seeded(unsigned __int128 seed, unsigned __int128 stream);
/* The generator of an entity: kind and up to two numbers. */
struct pcg pcg_keyed(uint64_t seed, uint64_t kind, uint64_t a, uint64_t b);

uint64_t pcg_next(struct pcg *p);
/* Uniform in [0, n), without bias; n > 0. */
uint64_t pcg_below(struct pcg *p, uint64_t n);
/* Uniform in [least, most]. */
int64_t pcg_between(struct pcg *p, int64_t least, int64_t most);
/* Uniform in [0, 1), 53 bits. */
double pcg_real(struct pcg *p);
bool pcg_chance(struct pcg *p, double probability);
/* Standard normal (Box and Muller), and exponential with mean 1. */
double pcg_normal(struct pcg *p);
double pcg_exponential(struct pcg *p);

#endif
