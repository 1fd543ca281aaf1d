/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bulletin's sections in the text and the structured forms of a report. */
#ifndef OUT_BULLETIN_OUT_H
#define OUT_BULLETIN_OUT_H

#include "observe/bulletin.h"
#include "out/layout.h"
#include "out/printer.h"

/* Each is nothing at all when there is none. */
void bulletin_index_text(struct page *p, const struct bulletin *b);
void bulletin_changes_text(struct page *p, const struct bulletin *b); /* and what fell */
void bulletin_hosts_text(struct page *p, const struct bulletin *b);
void bulletin_mailers_text(struct page *p, const struct bulletin *b);
/* The bulletin's keys in a report's map, each with null when there is none. */
void bulletin_print(struct printer *p, const struct bulletin *b);

#endif
