/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dates as mail really carries them (RFC 5322 section 3.3 and 4.3, RFC 822, asctime, and worse). */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "core/slice.h"

struct mail_date {
    int64_t time;          /* UTC seconds; valid only when is_valid */
    int zone_minutes;      /* as written: "+0530" is 330; 0 for names */
    struct slice zone;     /* as written, e.g. "+0000", "GMT", "EDT"; empty when absent */
    bool is_valid;         /* a moment could be told from it */
    bool is_zone_possible; /* minutes 00, 15, 30 or 45, hours -12..+14 */
};

/* Tolerant: weekday optional or wrong, 2-digit years, names or numbers, comments. Borrows `s`. */
struct mail_date mail_date_parse(struct slice s);

/* The time of an mbox "From " line ("Fri Oct  1 12:34:56 2010", zone optional, read as UTC). */
bool mbox_date_parse(struct slice s, int64_t *out);

#endif
