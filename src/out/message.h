/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One stored message with its evidence, for `message ID`. Redacted: of addresses only the domain is
 * shown, whatever the row holds, because bounce addresses and subjects can carry a trap address. */
#ifndef OUT_MESSAGE_H
#define OUT_MESSAGE_H

#include "out/layout.h"
#include "out/printer.h"
#include "out/session.h"
#include "store/store.h"

enum { MESSAGE_FORMAT_VERSION = 1 };

/* What the row does not hold and the caller may know. */
struct message_names {
    struct slice site; /* of the trap; empty: not known */
    /* Title of a rule of the pack at hand; empty when it has none of that id. May be NULL. */
    struct slice (*rule_title)(void *arg, struct slice rule_id);
    void *arg;
    const struct session_row *session; /* that brought it; NULL: none is known */
    /* The clusters it is in now, "mailer-0123abcd" with a name in brackets if there is one; empty:
     * none */
    struct slice mailer, campaign;
};

/* `names` may be NULL. False when writing failed or memory ran out. */
bool message_print_text(FILE *f, const struct message_row *m, const struct message_names *names,
                        const struct report_style *style) MUST_USE;
/* JSON: one map. JSONL and CSV: one line or row. */
bool message_print(FILE *f, enum out_format format, const struct message_row *m,
                   const struct message_names *names) MUST_USE;

/* "received", "envelope", "trap", "none" */
const char *clock_source_name(enum clock_source c);

#endif
