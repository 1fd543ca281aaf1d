/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages out of an mbox stream: mboxo, mboxrd, mboxcl, mboxcl2, LF or CRLF. Slices are handed out
 * of the reader's window; only messages with quoted lines are touched, in place. Private to
 * mail/source. */
#ifndef MAIL_SOURCE_MBOX_H
#define MAIL_SOURCE_MBOX_H

#include "mail/source_kind.h"
#include "mail/source_reader.h"

/* Where sender and date stand in a "From " line. */
struct from_places {
    size_t sender, sender_n, date, date_n;
};

struct mbox {
    struct reader *r;
    bool is_begun;
    struct from_places next; /* of the separator that ended the last message */
    unsigned lies;           /* Content-Length lines that made us read far ahead for nothing */
    char line[FROM_LINE_BYTES_MAX]; /* the "From " line of the message handed out */
};

struct mbox_message {
    struct slice raw;
    uint64_t bytes;
    struct slice sender; /* of the "From " line; into the mbox's own copy */
    struct slice date;
    bool is_junk; /* what stands before the first "From " line */
};

void mbox_start(struct mbox *m, struct reader *r);

/* The next message, borrowed until the next call; false at the end of the stream (or where it broke
 * off: reader_is_done and is_failed tell; the message that was under way is then dropped).
 * `is_skipping` leaves quoting as it is. */
bool mbox_next(struct mbox *m, bool is_skipping, struct mbox_message *out);

#endif
