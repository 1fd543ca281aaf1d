/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Macros of a template engine that the engine left as they are. */
#ifndef PRINT_MACRO_H
#define PRINT_MACRO_H

#include "core/slice.h"

/* The first macro in a header value, or an empty slice. Known forms: {nChar[8-12]}, {%NAME%},
 * {{name}}, {FIRST_NAME}, %RND_UC_CHAR, %%NAME%%, $DIKSBJ (a dollar sign and six or more capitals:
 * stock tickers are shorter). */
struct slice macro_find(struct slice value);

#endif
