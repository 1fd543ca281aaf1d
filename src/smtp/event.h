/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens at a trap as JSON lines, for whoever wants a stream (docs/smtp.md). No recipient, no
 * sender and no line of a client is ever in them: each may hold a trap's address. */
#ifndef SMTP_EVENT_H
#define SMTP_EVENT_H

#include "core/strbuf.h"
#include "spool/record.h"

/* Each appends one line. */
void event_connect(struct strbuf *out, const struct session_head *head);
/* A message was given 250 (`is_kept`) or 452. */
void event_message(struct strbuf *out, const struct message_record *m, bool is_kept);
void event_close(struct strbuf *out, const struct session_record *r);

#endif
