/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Message-IDs and MIME boundaries: class, shape, and the Windows clock inside Outlook's. */
#ifndef PRINT_MSGID_H
#define PRINT_MSGID_H

#include "print/shape.h"
#include "print/value_class.h"

struct msgid {
    struct slice text;  /* trimmed, with its brackets */
    struct slice left;  /* before the last @; all of it when there is none */
    struct slice right; /* after it */
    bool has_brackets;
    bool is_bad; /* no brackets, not one @, or text outside the brackets (RFC 5322 3.6.4) */
    const struct value_class *class; /* NULL: other */
};

/* Takes the unfolded value of the field apart. False when it is empty. */
bool msgid_parse(struct slice value, struct msgid *out);

/* Words of the message that a template may put into its Message-IDs; each may be empty. In the
 * shape of a Message-ID of no known class they become R, D, F and E. */
struct msgid_words {
    struct slice rcpt_local, rcpt_domain, from_local, from_domain;
};

/* "xxxxxxxxxxxx$xxxxxxxx$xxxxxxxx@host": the right side is host (has a dot), label, ip or nothing;
 * a Message-ID without brackets starts with "!". */
void msgid_shape(const struct msgid *m, const struct msgid_words *w, struct shape_out *o);

/* "fqdn", "label", "ip", "from-domain", "from-local", "empty" (features.def). */
const char *msgid_host_form(const struct msgid *m, struct slice from_domain,
                            struct slice from_local);

void boundary_shape(struct slice boundary, const struct value_class *c, struct shape_out *o);

/* The Windows clock (FILETIME: 100 ns since 1601) in an Outlook Message-ID
 * <nnnnHHHHHHHH$LLLLLLLL$..> and in a boundary ----=_NextPart_000_nnnn_HHHHHHHH.LLLLLLLL. The
 * boundary's is local time. */
struct windows_clock {
    uint32_t high; /* one step is 429.5 s */
    uint32_t low;
};
bool msgid_clock(const struct msgid *m, struct windows_clock *out);
bool boundary_clock(struct slice boundary, struct windows_clock *out);

/* The high half that a clock shows at `t` seconds since 1970. */
int64_t windows_clock_at(int64_t t);

enum {
    /* Steps that a clock may be off: 29.8 h, so that time zones and slow queues pass. The number is
     * SpamAssassin's, whose rule has run on all the world's mail for twenty years. */
    WINDOWS_CLOCK_TOLERANCE = 250,
    /* 30 days: a boundary this much older than its Date was copied from a template. */
    WINDOWS_CLOCK_OLD = 6035,
};

enum clock_state { CLOCK_STATE_OK, CLOCK_STATE_OFF, CLOCK_STATE_OLD };
/* Against `date`, then against `received` (each counts only if its flag is set). With neither
 * there is no answer: false. */
bool windows_clock_check(struct windows_clock c, bool has_date, int64_t date, bool has_received,
                         int64_t received, enum clock_state *out);

/* Both clocks are read at different moments, the boundary's in local time: equal low halves are no
 * chance, nor are equal high halves where local time is not UTC. */
bool windows_clock_collides(struct windows_clock id, struct windows_clock boundary,
                            int zone_minutes);

#endif
