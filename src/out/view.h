/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside out only: what the pages of a message and of a session are made of. */
#ifndef OUT_VIEW_H
#define OUT_VIEW_H

#include "out/layout.h"

/* An empty line and a heading. */
void view_head(struct page *p, const char *title);
/* "name   value", wrapped; unknown values are "-". */
void view_field(struct page *p, const char *name, struct slice value);
void view_printf(struct page *p, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* For what the sender wrote and may hold an address; shapes and fingerprints hold none, and their
 * '@' is to be seen. */
void view_redacted(struct page *p, const char *name, struct slice value);

#endif
