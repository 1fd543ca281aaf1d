/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A spool as a feed of the pipeline: live messages with what their trap saw, sessions, and the mark
 * up to which everything is given. A message waits for the record of its session, which comes when
 * the connection ends and gives SD1; after a minute, or when too many wait, it goes without. The
 * mark is that of the oldest record that still waits, so that after a crash it is read again; what
 * is in the store already is known by its id and counts once. */
#ifndef ANALYSE_SPOOL_FEED_H
#define ANALYSE_SPOOL_FEED_H

#include "analyse/pipeline.h"

struct spool_feed_stats {
    uint64_t messages, sessions; /* given */
    uint64_t without_session;    /* messages that went before the record of their session came */
    uint64_t canaries;
    uint64_t damaged_bytes, damaged; /* of the spool: bytes, places */
    struct spool_position at;        /* what was read up to */
};

struct spool_feed_options {
    const char *folder;
    struct store *store;          /* its mark says where to begin; traps are made in it */
    const struct geo *geo;        /* NULL: none */
    const uint8_t *recipient_key; /* SECRET_KEY_BYTES; also of canaries */
    /* Messages taken before this (microseconds since 1970) do not wait for a session: the trap
     * process that had it is gone. May change while it runs; NULL: not known. */
    const volatile int64_t *over_us;
    bool ends;              /* at the spool's end, instead of waiting for more */
    bool is_second_reading; /* from `from`, and nothing is marked in the store or the spool */
    struct spool_position from;
    /* Waits for some milliseconds, from the thread of the store and outside of transactions; NULL:
     * sleeps. */
    void (*wait)(void *arg);
    void *arg;
    struct spool_feed_stats
        *stats; /* spool_follow adds to it when a feed ends; NULL: nobody asks */
};

/* ERR_NOTFOUND when there is no spool yet. */
enum err spool_feed_new(const struct spool_feed_options *o, struct feed **out,
                        struct errbuf *eb) MUST_USE;
struct spool_feed_stats spool_feed_stats(const struct feed *f);
void spool_feed_free(struct feed *f);

/* The id that a message of a spool has in a store. */
struct id128 spool_message_id(const struct message_record *m);

/* Follows a spool into the store until `stop` of the pipeline's options (or the spool's end with
 * `ends`): OK then. Waits for a spool that is not there yet, and tries again after failures of the
 * store or the spool, after 1 to 30 seconds; what cannot be mended by waiting is returned. */
enum err spool_follow(const struct pipeline_options *p, const struct spool_feed_options *o,
                      struct pipeline_progress *progress, struct errbuf *eb) MUST_USE;

#endif
