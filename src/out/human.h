/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers for people: thousands separated, bytes in decimal units, percentages. Machine output does
 * not use these. */
#ifndef OUT_HUMAN_H
#define OUT_HUMAN_H

#include <stdbool.h>
#include <stdint.h>

enum { HUMAN_BYTES = 32 };

/* "1,286" */
const char *human_count(char out[HUMAN_BYTES], uint64_t v);
/* "1,286.4", "−45.6": thousands separated, `decimals` after the point. The minus sign is the
 * typographic one, or "-" without `use_utf8`; what rounds to nothing has none. "-" for what is not
 * finite. */
const char *human_figure(char out[HUMAN_BYTES], double v, int decimals, bool use_utf8);
/* The same with "+" before what is above nothing: for changes. */
const char *human_change(char out[HUMAN_BYTES], double v, int decimals, bool use_utf8);
/* "812 B", "3.1 kB", "104 MB": three figures, powers of 1000. */
const char *human_bytes(char out[HUMAN_BYTES], uint64_t v);
/* "812", "3.1 k", "104 M": for axes. */
const char *human_short(char out[HUMAN_BYTES], double v);
/* "41.2 %" of 0.412; "<0.1 %" for what would round to nothing but is not; "-" for NAN. */
const char *human_percent(char out[HUMAN_BYTES], double share);
/* "3 days 4 hours", "12 minutes", "5 seconds": the two greatest units of a length of time. */
const char *human_duration(char out[64], uint64_t seconds);

#endif
