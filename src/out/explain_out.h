/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What fell, for people and for programs. share/explain.schema.json describes the JSON,
 * docs/explain.md what the figures mean. */
#ifndef OUT_EXPLAIN_OUT_H
#define OUT_EXPLAIN_OUT_H

#include "observe/explain.h"
#include "out/layout.h"
#include "out/printer.h"

enum { EXPLAIN_FORMAT_VERSION = 1 };

/* Sentences that can be quoted, then what has to be said with them; one call each. Minus signs are
 * typographic with `use_utf8`. */
typedef void (*explain_note_fn)(void *arg, const char *key, struct slice sentence);
void explain_findings(const struct explain *x, bool use_utf8, explain_note_fn fn, void *arg);
void explain_notes(const struct explain *x, bool use_utf8, explain_note_fn fn, void *arg);

/* False when writing failed or memory ran out. */
bool explain_print_text(FILE *f, const struct explain *x,
                        const struct report_style *style) MUST_USE;
/* JSON, JSONL (the parts) or CSV (the parts). */
bool explain_print(FILE *f, enum out_format format, const struct explain *x) MUST_USE;

#endif
