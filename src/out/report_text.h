/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report for a person at a terminal, or in a mail. docs/report.md shows one and says what its
 * figures mean. */
#ifndef OUT_REPORT_TEXT_H
#define OUT_REPORT_TEXT_H

#include "observe/report.h"
#include "out/layout.h"

/* False when writing failed or memory ran out. */
bool report_print_text(FILE *f, const struct report *r, const struct report_style *style) MUST_USE;

/* The plain sentences on the quality of the data and on what the figures mean, one call each; also
 * in the JSON form. In order, the same for the same report. */
typedef void (*report_note_fn)(void *arg, const char *key, struct slice sentence);
void report_notes(const struct report *r, report_note_fn fn, void *arg);

#endif
