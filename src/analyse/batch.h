/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A run of messages on its way through the pipeline: raw bytes in, rows out. Private to
 * analyse/pipeline*.c. */
#ifndef ANALYSE_BATCH_H
#define ANALYSE_BATCH_H

#include "analyse/shown.h"

enum {
    BATCH_MESSAGES = 128,
    BATCH_BYTES = 512 * 1024, /* of raw messages; one that is larger makes a batch of its own */
};

struct batch {
    struct batch *next;
    uint64_t sequence;
    struct arena *raw;  /* copies of the messages, until they are analysed */
    struct arena *text; /* what the rows point to */
    struct source_message messages[BATCH_MESSAGES];
    size_t count;
    size_t bytes;
    struct message_row rows[BATCH_MESSAGES];
    struct shown shown[BATCH_MESSAGES]; /* of each row */
    size_t row_count;
    struct session_row sessions[BATCH_MESSAGES];
    size_t session_count;
    bool has_spool_mark;
    struct spool_position spool_mark; /* everything before it is in this batch or an earlier one */
    size_t failed;
    uint64_t next_ordinal; /* of the source, after this batch */
    uint64_t bytes_read;
    enum err error; /* what stopped its analysis; OK otherwise */
};

struct batch *batch_new(void) MUST_USE;
void batch_clear(struct batch *b);
void batch_free(struct batch *b);

/* Copies a message into the batch. ERR_NOMEM. */
enum err batch_add(struct batch *b, const struct source_message *m) MUST_USE;

/* Copies a session's row into the batch. ERR_NOMEM. */
enum err batch_add_session(struct batch *b, const struct session_row *s) MUST_USE;

/* Analyses its messages, keeps their rows and gives back their bytes. A message past the arena's
 * limit counts as failed. ERR_NOMEM. */
enum err batch_analyse(struct batch *b, struct analyser *a, int64_t now) MUST_USE;

#endif
