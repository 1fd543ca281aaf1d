/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Command lines out of a byte stream, as one MTA or another cuts them. No line is copied; a call
 * that needs more says how far it has looked, so nothing is looked at twice. */
#ifndef SMTP_LINE_H
#define SMTP_LINE_H

#include "core/slice.h"
#include "spool/record.h"

enum line_rule {
    LINE_RULE_LF,   /* LF ends a line, a CR before it belongs to the end (Postfix, Exim, ...) */
    LINE_RULE_CRLF, /* only CR LF does; other CRs and LFs are bytes of the line (Exchange) */
};

struct line {
    struct slice text; /* without its end */
    enum line_ending ending;
    size_t bytes; /* with it */
};

/* True: `out` is the first line of `bytes`. False: none is complete; *seen bytes need not be looked
 * at again when more have come (pass it back then, 0 for a new line). */
bool line_next(struct slice bytes, enum line_rule rule, size_t *seen, struct line *out);

#endif
