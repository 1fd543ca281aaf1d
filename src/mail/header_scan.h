/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of src/mail only: the header scanner with what the MIME scanner must tell it. */
#ifndef MAIL_HEADER_SCAN_H
#define MAIL_HEADER_SCAN_H

#include "mail/mail.h"

struct header_scan {
    char eol; /* '\n', or '\r' for a message without any LF */
    /* Is a line that starts with "--" a boundary of an enclosing multipart? NULL: there is none. */
    bool (*is_boundary)(const void *arg, const char *line, const char *end);
    const void *arg;
};

/* What ends the lines of `raw`: '\r' only where there is no '\n' at all (old Mac mailers). */
char eol_of(struct slice raw);

/* Reads the block at the start of `raw`; h->raw is what was consumed, the body begins after it. */
enum err header_scan(struct header_block *h, const struct header_scan *s, struct slice raw,
                     struct arena *arena) MUST_USE;

#endif
