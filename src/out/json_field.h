/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside out only: fields of messages, sessions and records in a map that is open. */
#ifndef OUT_JSON_FIELD_H
#define OUT_JSON_FIELD_H

#include "core/ip.h"
#include "out/printer.h"

void key_text(struct printer *p, const char *key, struct slice s); /* null for empty */
void key_unsigned(struct printer *p, const char *key, uint64_t v);
void key_ip(struct printer *p, const char *key, struct ip a);
/* For what the sender wrote: addresses lose their local parts. The second without a key. */
void key_redacted(struct printer *p, const char *key, struct slice s);
void text_redacted(struct printer *p, struct slice s);

#endif
