/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tree of MIME parts as a short code: "p", "a(ph)", "m(r(hg+)z)" (docs/hd1.md). */
#ifndef PRINT_MIME_TREE_H
#define PRINT_MIME_TREE_H

#include "mail/mail.h"
#include "print/shape.h"

/* Appends the code of the whole message. Leaves of one letter that follow each other are written
 * once with a "+"; what is past the buffer is cut with a "~". */
void mime_tree(const struct mail *m, struct shape_out *o);

/* No part stands below it. */
bool part_is_leaf(const struct mail *m, size_t i);

/* Is the byte one that mime_tree() writes? */
bool mime_tree_byte(char c);

#endif
