/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many messages from a source into the store: read, analysed on one or more threads, appended in
 * the order they were read. Memory is bounded by bytes in flight, whatever the input. Each commit
 * carries the mark up to which the source is in the store, so a run that was killed is taken up
 * where it stopped. */
#ifndef ANALYSE_PIPELINE_H
#define ANALYSE_PIPELINE_H

#include "analyse/analyse.h"
#include "analyse/clustering.h"
#include "core/strbuf.h"

/* Where live messages come from. */
struct feed_item {
    const struct source_message *message; /* NULL: none */
    const struct session_row *session;    /* NULL: none */
    bool has_mark; /* everything before `mark` is given with this item or was before */
    struct spool_position mark;
};
struct feed {
    /* The next item, borrowed until the next call; one with nothing in it: nothing for now.
     * ERR_END: never again. Called from the thread that owns the store, between transactions. */
    enum err (*next)(struct feed *f, struct feed_item *out, struct errbuf *eb);
    /* Waits until there may be something, for a moment at most. */
    void (*wait)(struct feed *f);
    /* The store holds everything before `at`. */
    void (*committed)(struct feed *f, struct spool_position at);
    struct id128 spool; /* whose marks these are */
};

struct pipeline_progress {
    uint64_t messages;        /* read in this run, without the skipped ones */
    uint64_t resumed;         /* messages before the mark: in the store from an earlier run */
    uint64_t added, repeated; /* committed in this run */
    uint64_t sessions;        /* the same of sessions */
    uint64_t
        failed; /* messages too costly to analyse (out of the arena's limit): counted, left out */
    uint64_t bytes_read, bytes_total; /* of the input as it lies on disk; total 0 when unknown */
};

struct pipeline_options {
    struct analyse_config analyse;
    /* Takes the rows in place of store_append_batch(), as reindex does; NULL: that. */
    enum err (*append)(void *arg, struct store *s, const struct store_batch *batch,
                       struct append_result *result, struct errbuf *eb);
    void *append_arg;
    /* Mailers and campaigns of the store; NULL: rows go in without. Borrowed; whoever has it calls
     * clustering_finish() at the end. */
    struct clustering *clustering;
    unsigned jobs;         /* analysing threads; 1: everything in the calling thread */
    struct slice identity; /* of the source, for the mark; empty: no resuming (standard input,
                              live) */
    int64_t now;           /* bounds receipt times; 0: the system's clock */
    unsigned append_ms;    /* how old a transaction may get; 0: 2 s, live 1 s */
    const volatile bool
        *stop; /* set by a signal handler: finish what was read, commit, ERR_CANCELLED */
    /* Called now and then from the calling thread, after commits and while reading; may be NULL. */
    void (*on_progress)(void *arg, const struct pipeline_progress *p);
    void *arg;
};

/* Runs the source to its end. OK, ERR_CANCELLED, or the error that stopped it; what was committed
 * stays. */
enum err pipeline_run(const struct pipeline_options *o, struct source *source, struct store *store,
                      struct pipeline_progress *progress, struct errbuf *eb) MUST_USE;

/* The same for live messages, until the feed ends or `stop`: appends what it has after a second at
 * the latest, with the feed's mark in the same transaction. */
enum err pipeline_follow(const struct pipeline_options *o, struct feed *feed, struct store *store,
                         struct pipeline_progress *progress, struct errbuf *eb) MUST_USE;

/* The identity of an input for marks: its real path, and size and modification time of every file
 * below it; so a changed input is read from its start (and its known messages are recognised one by
 * one). Empty for "-". */
enum err input_identity(const char *path, struct slice trap, struct strbuf *out,
                        struct errbuf *eb) MUST_USE;

#endif
