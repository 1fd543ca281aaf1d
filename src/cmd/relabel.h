/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge relabel --compare: two label generations beside each other. */
#ifndef CMD_RELABEL_H
#define CMD_RELABEL_H

#include "cmd/context.h"
#include "store/generation.h"

/* Prints generation --generation (default: the one before the newest) beside the newest; the exit
 * status. */
int relabel_compare(struct context *x, const struct command *c, const struct store_filter *f,
                    enum out_format format);

/* "3 days, 2010-10-01 to 2010-10-05" of days without (all) their rows. */
struct gone_days {
    uint64_t messages;
    size_t days;
    int64_t first, last; /* days' starts */
    bool has_no_time;    /* also of messages without a time */
};
void gone_day_add(void *arg, int64_t day, uint64_t messages);
/* One sentence about them; nothing when there are none. */
void gone_days_print(struct page *p, const struct gone_days *g);

#endif
