/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structured output: one tree of calls, printed as JSON, JSONL or CSV, so that no command writes
 * JSON by hand. A document is maps, lists and scalars; the text form of a report is not made here
 * (out/report_text.c).
 *
 * JSON: the whole tree, indented; a list of scalars stays on one line. RFC 8259, UTF-8.
 * JSONL: each item of the outermost list on its own line; what stands outside of it is left out. A
 *   document without a list is one line. Several lists beside each other: all their items.
 * CSV: the outermost list's items are rows, their keys (nested ones joined by '.') the header of
 * the first row; a list inside a row becomes one cell, its scalars joined by ';', its maps left
 * out. A document without a list is one row. Of several lists beside each other only the first is
 *   printed: one file has one header. RFC 4180: CRLF, quotes where needed, UTF-8 without a mark.
 *   Text that begins with = + - @ TAB or CR gets an apostrophe before it, because spreadsheets take
 *   it for a formula and the text may come from a spammer; JSON has it unchanged. Null is an empty
 *   cell.
 *
 * A strict state machine: a value in a map without a key, a key in a list, an end that does not
 * match, a second document, a CSV row with a key that the first row did not have: panic. */
#ifndef OUT_PRINTER_H
#define OUT_PRINTER_H

#include "core/slice.h"
#include "core/strbuf.h"

#include <stdio.h>

enum out_format { OUT_TEXT, OUT_JSON, OUT_JSONL, OUT_CSV };
/* "text", "json", "jsonl", "csv"; false otherwise. */
bool out_format_parse(struct slice s, enum out_format *out);
const char *out_format_name(enum out_format format);

enum { PRINTER_DEPTH = 32 }; /* nesting; deeper is our own mistake */

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
