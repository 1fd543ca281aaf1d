/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a trap's records go. The spool is one (group commit); tests and benches have others. All
 * calls are made, and all answers given, on the thread of the trap's loop. */
#ifndef SPOOL_SINK_H
#define SPOOL_SINK_H

#include "spool/record.h"

/* OK once the message would survive a crash; else it is not kept (ERR_LIMIT: the client's share or
 * the spool's quota is used up; ERR_IO: the disk is full or broken) and the client is told 452. */
typedef void (*sink_done_fn)(void *arg, enum err e);

struct sink {
    /* Borrows the record and everything it points to until `done` is called, exactly once; that
     * may be from inside this call. */
    void (*message)(struct sink *k, const struct message_record *m, sink_done_fn done, void *arg);
    /* A connection has ended; nobody waits for this one. Borrows during the call only. */
    void (*session)(struct sink *k, const struct session_record *r);
};

#endif
