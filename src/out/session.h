/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stored sessions for people and programs: one with its dialogue, or a list. Of addresses only the
 * domain is shown, whatever the row holds; hostile bytes are escaped. */
#ifndef OUT_SESSION_H
#define OUT_SESSION_H

#include "out/layout.h"
#include "out/printer.h"
#include "store/store.h"

enum { SESSION_FORMAT_VERSION = 1 };

/* False when writing failed or memory ran out. */
bool session_print_text(FILE *f, const struct session_row *s,
                        const struct report_style *style) MUST_USE;
/* JSON: one map. JSONL and CSV: one line or row. */
bool session_print(FILE *f, enum out_format format, const struct session_row *s) MUST_USE;

/* Parts of the above, for a message's page: SD1 and the dialogue under headings; all fields, in
 * a map that is open. */
void session_view_sd1(struct page *p, struct slice sd1);
void session_view_dialogue(struct page *p, const struct session_row *s);
void session_fields(struct printer *p, const struct session_row *s);

/* A list, written as it comes. NULL when out of memory. */
struct session_list;
struct session_list *session_list_new(FILE *f, enum out_format format,
                                      const struct report_style *style) MUST_USE;
void session_list_add(struct session_list *l, const struct session_row *s);
/* False when writing failed or memory ran out. Frees. */
bool session_list_end(struct session_list *l, bool has_more);

#endif
