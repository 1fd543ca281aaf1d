/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a stream of bytes is, told by its first bytes. Private to mail/source; the rules are written
 * down in docs/import.md. */
#ifndef MAIL_SOURCE_KIND_H
#define MAIL_SOURCE_KIND_H

#include "core/slice.h"

enum source_kind { SOURCE_REJECT, SOURCE_MAIL, SOURCE_MBOX, SOURCE_PACKED };

/* As much as is looked at. */
enum { SOURCE_HEAD_BYTES = 16 * 1024 };

/* The kind of what begins with `head` (all of it, or SOURCE_HEAD_BYTES). For SOURCE_REJECT *reason
 * is a static text ("not mail: image"). */
enum source_kind source_kind(struct slice head, const char **reason);

/* A byte order mark and blank lines: transport's dirt in front of a mail or an mbox. */
size_t source_dirt(struct slice head);

/* Does a line with a field name and a colon (RFC 5322 2.2; blanks before the colon as in 4.5.1)
 * stand at the start of `s`? *name is the name. */
bool source_field(struct slice s, struct slice *name);

/* The same, and the name is one that mail has (Received, Message-ID, ...), or at least
 * (SOURCE_FIELD_LIKELY) one with a capital letter as no URL and no prose has it. */
enum source_field_grade { SOURCE_FIELD_NONE, SOURCE_FIELD_LIKELY, SOURCE_FIELD_MAIL };
enum source_field_grade source_field_grade(struct slice line);

/* How sure it is that a line ("From " to before the LF) separates the messages of an mbox.
 * `STRONG`: a sender and a date of the asctime family. `WEAK`: "From -", or an address alone or
 * with a date in no known form; it needs support from its neighbours. */
enum from_line { FROM_LINE_NONE, FROM_LINE_WEAK, FROM_LINE_STRONG };
enum { FROM_LINE_BYTES_MAX = 1024 }; /* a longer line is none: senders have at most 320 bytes */
enum from_line source_from_line(struct slice line, struct slice *sender, struct slice *date);

#endif
