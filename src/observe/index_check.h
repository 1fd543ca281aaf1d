/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an index is checked against before it is published: one fit of the whole period, the
 * GEKS-Toernqvist index, the other weighting. On blocks of four weeks, or steps where these are
 * longer. Private to observe/index*.c. */
#ifndef OBSERVE_INDEX_CHECK_H
#define OBSERVE_INDEX_CHECK_H

#include "observe/index.h"
#include "stat/two_way.h"

/* Fills drift_yearly, geks_gap and weighting_gap. `scratch` is reset. ERR_NOMEM. */
enum err index_check(const struct index_panel *p, enum two_way_kind kind, const double *log_index,
                     size_t windows, struct arena *scratch, struct index *out) MUST_USE;

#endif
