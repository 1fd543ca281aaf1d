/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The body of a message behind DATA: finds its end as the persona's MTA would, takes the dots off
 * (RFC 5321 4.5.2), and notes what a well-behaved client never sends. Bytes may come in any pieces;
 * the result does not depend on them. */
#ifndef SMTP_BODY_H
#define SMTP_BODY_H

#include "core/err.h"
#include "core/slice.h"
#include "smtp/line.h"
#include "spool/record.h"

enum body_rule {
    BODY_RULE_LF,     /* LF ends a line: <LF>.<LF> and its kin end the data */
    BODY_RULE_CRLF,   /* <CRLF>.<CRLF> only */
    BODY_RULE_REFUSE, /* the first bare LF ends the session (qmail) */
};

/* Where in a line the scanner stands. */
enum body_place { BODY_TEXT, BODY_CR, BODY_START, BODY_DOT, BODY_DOT_CR };

struct body {
    enum body_rule rule;
    enum body_place place;
    enum line_ending start; /* how the line before ended: for BODY_START and the dots */
    uint8_t flags;          /* enum data_flag */
    char *p;                /* kept bytes, owned */
    size_t n, capacity;
    size_t bytes_max;
    uint64_t bytes; /* as they came, the end included */
};

enum body_result {
    BODY_MORE,
    BODY_END,     /* *used bytes were the message's, the rest are not */
    BODY_REFUSED, /* a bare LF under BODY_RULE_REFUSE; *used counts it */
    BODY_NOMEM,   /* as BODY_MORE, but bytes could not be kept: DATA_CUT is set */
};

/* Keeps at most `bytes_max`; what is more is counted and dropped, and DATA_CUT set. */
void body_start(struct body *b, enum body_rule rule, size_t bytes_max);
enum body_result body_feed(struct body *b, struct slice bytes, size_t *used);
/* Bytes of a BDAT chunk: all of them, dots as they are. BODY_MORE or BODY_NOMEM. */
enum body_result body_chunk(struct body *b, struct slice bytes);
/* Frees the kept bytes; the flags stay. */
void body_free(struct body *b);

#endif
