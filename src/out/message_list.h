/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of `message` without an id: one line or row a message, written as they come. */
#ifndef OUT_MESSAGE_LIST_H
#define OUT_MESSAGE_LIST_H

#include "out/layout.h"
#include "out/printer.h"
#include "store/store.h"

struct message_list;

/* NULL when out of memory. `f` is borrowed, `style` is for OUT_TEXT. */
struct message_list *message_list_new(FILE *f, enum out_format format,
                                      const struct report_style *style) MUST_USE;
void message_list_add(struct message_list *l, const struct message_row *m);
/* `has_more`: there are messages after the last one. False when writing failed or memory ran out.
 * Frees. */
bool message_list_end(struct message_list *l, bool has_more);

#endif
