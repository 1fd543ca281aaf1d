/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The forms of `trap list` and `trap gaps`. */
#ifndef OUT_TRAP_PRINT_H
#define OUT_TRAP_PRINT_H

#include "observe/trap_state.h"
#include "out/layout.h"
#include "out/printer.h"

enum { TRAP_FORMAT_VERSION = 1 };

/* Canaries of a trap (docs/spool.md). */
struct trap_canary {
    int64_t received; /* the last one; 0: never */
    bool is_missing;  /* the next one is late, and the trap lives */
};

/* The traps that are asked for, with their canaries; `style` is for OUT_TEXT. False when writing
 * failed or memory ran out. */
bool trap_list_print(FILE *f, enum out_format format, const struct trap_watch *w,
                     const struct trap_canary *canaries, const struct report_style *style);
/* Their gaps, with the evidence. */
bool trap_gaps_print(FILE *f, enum out_format format, const struct trap_watch *w,
                     const struct report_style *style);

#endif
