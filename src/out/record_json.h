/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records of a spool as JSON, for their operator: nothing is redacted, only bodies are left out. */
#ifndef OUT_RECORD_JSON_H
#define OUT_RECORD_JSON_H

#include "out/printer.h"
#include "spool/codec.h"
#include "spool/position.h"

enum { RECORD_FORMAT_VERSION = 1 };

/* Around any number of record_print(). */
void records_begin(struct printer *p);
/* Ends the document; false when writing failed. */
bool records_end(struct printer *p);
/* `id`: of the message, or of the session, as a store would have it. */
void record_print(struct printer *p, struct spool_position at, const struct decoded_record *r,
                  struct id128 id);

/* "command", "reply", "data", ... */
const char *step_kind_name(enum step_kind kind);
const char *line_ending_name(enum line_ending ending);
/* A list of steps as they are; with `redact` addresses lose their local parts. */
void transcript_print(struct printer *p, const struct transcript *t, bool redact);

#endif
