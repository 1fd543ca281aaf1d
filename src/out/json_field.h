/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside out only: keys with their values in a map that is open. */
#ifndef OUT_JSON_FIELD_H
#define OUT_JSON_FIELD_H

#include "core/ip.h"
#include "out/printer.h"

void key_text(struct printer *p, const char *key, struct slice s); /* null for empty */
void key_unsigned(struct printer *p, const char *key, uint64_t v);
void key_boolean(struct printer *p, const char *key, bool v);
void key_number(struct printer *p, const char *key, double v, int decimals); /* null: not finite */
void key_time(struct printer *p, const char *key, int64_t t);
/* A sentence as an item of a list: a map of key and text. Fits the note functions of reports; `arg`
 * is the printer. */
void note_item(void *arg, const char *key, struct slice sentence);
void key_ip(struct printer *p, const char *key, struct ip a);
/* For what the sender wrote: addresses lose their local parts. The second without a key. */
void key_redacted(struct printer *p, const char *key, struct slice s);
void text_redacted(struct printer *p, struct slice s);

#endif
