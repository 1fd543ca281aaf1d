/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes for a person and for programs. docs/changes.md explains each figure. */
#ifndef OUT_CHANGE_OUT_H
#define OUT_CHANGE_OUT_H

#include "observe/change.h"
#include "out/layout.h"
#include "out/printer.h"

/* Raised when a reader of the old form would misread the new one. CSV columns are only ever added
 * at the right. */
enum { CHANGE_FORMAT_VERSION = 1 };

/* Each false when writing failed or memory ran out. */
bool changes_print_text(FILE *f, const struct changes *c, const struct change_query *q,
                        const struct report_style *style) MUST_USE;
bool changes_print(FILE *f, enum out_format format, const struct changes *c,
                   const struct change_query *q) MUST_USE;

/* One change as a map, as in the list of the JSON document. */
void change_print(struct printer *p, const struct change *c);

enum { CHANGE_PERCENT_BYTES = 32 };
/* "-41 %", "+212 %", "x 31" of a ratio; "-100 %" of 0, "new" of INFINITY, "-" of NAN. */
const char *change_percent(char out[CHANGE_PERCENT_BYTES], double ratio, bool use_utf8);

#endif
