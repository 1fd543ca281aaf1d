/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bulletin's sections in the text and the structured forms of a report. */
#ifndef OUT_BULLETIN_TEXT_H
#define OUT_BULLETIN_TEXT_H

#include "observe/bulletin.h"
#include "out/layout.h"
#include "out/printer.h"

/* The index: nothing at all when there is none. */
void bulletin_index_text(struct page *p, const struct bulletin *b);
/* The value of the key "index": a map, or null. */
void bulletin_index_print(struct printer *p, const struct bulletin *b);

#endif
