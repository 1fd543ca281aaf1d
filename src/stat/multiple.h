/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many tests at once: which of them to believe so that of what is believed only a stated part is
 * false (the false discovery rate). */
#ifndef STAT_MULTIPLE_H
#define STAT_MULTIPLE_H

#include "core/arena.h"

/* Benjamini-Hochberg (1995) adjusted p-values, as R's p.adjust(method = "BH"): rejecting every i
 * with adjusted[i] <= q keeps the false discovery rate at q when the tests are independent or
 * positively dependent. A p that is NAN was not tested: it does not count and stays NAN. `adjusted`
 * may be `p`. ERR_NOMEM only; the arena is for scratch. */
enum err multiple_bh(const double *p, size_t count, struct arena *arena, double *adjusted) MUST_USE;

/* The same from e-values (non-negative, expectation at most 1 when nothing is there; Wang and
 * Ramdas 2022): holds under any dependence of the tests, such as a label's and its trap's. */
enum err multiple_ebh(const double *e, size_t count, struct arena *arena,
                      double *adjusted) MUST_USE;

#endif
