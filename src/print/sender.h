/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sender's own header: the fields of a message less those that relays added, and the values
 * that the prints and the features both look at, each taken apart once. */
#ifndef PRINT_SENDER_H
#define PRINT_SENDER_H

#include "mail/mail.h"
#include "mail/received.h"
#include "print/field.h"
#include "print/msgid.h"

struct sender {
    const struct header **fields; /* in order; arena */
    size_t count;
    bool is_listed;                          /* a list server handled the message */
    const struct header *value[VALUE_COUNT]; /* the first field of each row of value_shape.def */
    bool has_msgid;
    struct msgid msgid; /* the sender's; one that the receiving side made counts as none */
    struct slice date;  /* unfolded */
    struct slice date_style;
    struct slice mailer; /* X-Mailer, else User-Agent; unfolded */
    struct mailbox from, to;
    struct slice boundary;                                   /* of the first part that has one */
    const struct value_class *mailer_class, *boundary_class; /* NULL: other */
};

/* `c` may be NULL: then no field is a relay's by its place. ERR_NOMEM only. */
enum err sender_find(struct sender *s, const struct mail *m, const struct chain *c,
                     struct arena *arena) MUST_USE;

#endif
