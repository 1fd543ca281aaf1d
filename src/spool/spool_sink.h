/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool as a sink of records: an answer for each message after its commit. One thread: the one
 * that appends also polls. */
#ifndef SPOOL_SPOOL_SINK_H
#define SPOOL_SPOOL_SINK_H

#include "spool/sink.h"
#include "spool/writer.h"

/* Borrows the writer. Messages of clients for which `is_relay` (may be NULL) is true have no share.
 * NULL when out of memory. */
struct sink *spool_sink_new(struct spool_writer *w, bool (*is_relay)(void *arg, struct ip client),
                            void *arg) MUST_USE;
/* When spool_writer_fd() is readable: gives the answers that have come. */
void spool_sink_poll(struct sink *k);
/* Sessions that still wait for an answer get ERR_CANCELLED. */
void spool_sink_free(struct sink *k);

#endif
