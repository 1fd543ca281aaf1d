/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one thing that a cut-short id means. */
#ifndef CMD_CHOOSE_H
#define CMD_CHOOSE_H

#include "cmd/verb.h"
#include "store/store.h"

/* store_find or store_session_find */
typedef enum err (*find_fn)(struct store *s, struct slice hex_prefix, size_t limit,
                            void (*fn)(void *, struct id128), void *arg, struct errbuf *eb);

/* The one `what` ("message") whose id begins as the user typed it: EXIT_STATUS_OK. Else says which
 * there are, or that there is none. */
int id_choose(const struct command *c, struct store *s, find_fn find, const char *what,
              const char *text, struct id128 *out);

#endif
