/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structured output: one tree of calls, printed as JSON, JSONL or CSV, so that no command writes
 * JSON by hand. A document is maps, lists and scalars; the text form of a report is not made here
 * (out/report_text.c). JSONL: each item of the outermost list on its own line. CSV: the outermost
 * list's items are rows, their keys (nested ones joined by '.') the header of the first row; other
 * scalars are left out. */
#ifndef OUT_PRINTER_H
#define OUT_PRINTER_H

#include "core/slice.h"
#include "core/strbuf.h"

#include <stdio.h>

enum out_format { OUT_TEXT, OUT_JSON, OUT_JSONL, OUT_CSV };
/* "text", "json", "jsonl", "csv"; false otherwise. */
bool out_format_parse(struct slice s, enum out_format *out);

struct printer;
/* Prints to `f` (not closed). OUT_TEXT is not a printer's format: panics. */
struct printer *printer_new(enum out_format format, FILE *f) MUST_USE;
/* Ends the document; false when writing failed. Frees. */
bool printer_end(struct printer *p);

void print_map_begin(struct printer *p);
void print_map_end(struct printer *p);
void print_list_begin(struct printer *p);
void print_list_end(struct printer *p);
void print_key(struct printer *p, const char *key); /* snake_case; before each value in a map */
void print_text(struct printer *p,
                struct slice s); /* not valid UTF-8: bytes become U+FFFD; "" for empty */
void print_text_or_null(struct printer *p, struct slice s); /* null for empty */
void print_integer(struct printer *p, int64_t v);
void print_unsigned(struct printer *p, uint64_t v);
void print_number(struct printer *p, double v, int decimals); /* null when not finite */
void print_boolean(struct printer *p, bool v);
void print_null(struct printer *p);
void print_time(struct printer *p, int64_t t);  /* RFC 3339 UTC */
void print_day(struct printer *p, int64_t day); /* "2010-10-01" */

#endif
