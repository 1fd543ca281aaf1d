/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `changes watch` has told already, in a file beside the store, so that an alarm is told once
 * over restarts. One line an alarm; a broken line is left out. */
#ifndef CMD_ALARM_TOLD_H
#define CMD_ALARM_TOLD_H

#include "core/hash.h"
#include "observe/alarm.h"

enum {
    TOLD_MAX = 4096,      /* alarms remembered, the newest */
    TOLD_SAME_DAYS = 7,   /* a date that moved by less with new data is the same change */
    TOLD_KEPT_DAYS = 400, /* older ones are forgotten */
};

enum told_way { TOLD_PRINTED = 1, TOLD_EXEC = 2, TOLD_WEBHOOK = 4 };

struct told {
    struct id128 series; /* hash of dimension, value and unit */
    bool is_drop;
    int64_t date, raised;
    unsigned ways; /* enum told_way: what has been done */
};

struct told_list {
    struct told items[TOLD_MAX];
    size_t count;
};

/* A file that is not there is an empty list. ERR_IO. */
enum err told_load(const char *path, struct told_list *out, struct errbuf *eb) MUST_USE;
/* Whole or not at all: written beside it, flushed to the disk, renamed. ERR_IO. */
enum err told_save(const char *path, const struct told_list *list, struct errbuf *eb) MUST_USE;
/* The entry of this alarm, made (nothing done) when there is none. */
struct told *told_entry(struct told_list *list, const struct alarm *a);

#endif
