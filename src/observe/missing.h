/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a bucket of a series has no value. */
#ifndef OBSERVE_MISSING_H
#define OBSERVE_MISSING_H

#include "observe/trap_state.h"

enum missing {
    MISSING_NOT,      /* it has one */
    MISSING_DOWN,     /* a trap that lived was down, and no other watched */
    MISSING_UNBORN,   /* before the first trap */
    MISSING_DEAD,     /* after the last one */
    MISSING_NOBODY,   /* between the life of one trap and the next */
    MISSING_LATE,     /* traps watched, their feeds have delivered nothing yet */
    MISSING_UNLINKED, /* no trap can be compared with the base's */
    MISSING_SILENT,   /* nothing came of anything: no share */
    MISSING_COUNT
};
const char *missing_name(enum missing m); /* "down" */
const char *missing_text(enum missing m); /* "traps down" */

/* Of a bucket [from, until) within the watch's period in which no asked trap watched: MISSING_DOWN
 * to MISSING_LATE. */
enum missing missing_why(const struct trap_watch *w, int64_t from, int64_t until);

#endif
