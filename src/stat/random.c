/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stat/random.h"

#include "core/hash.h"

gsl_rng *random_seeded(struct slice text)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    if (rng) {
        gsl_rng_set(rng, (unsigned long)(hash_u64(text) & 0xffffffff));
    }
    return rng;
}
