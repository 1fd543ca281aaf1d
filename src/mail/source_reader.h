/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A byte stream with a window into it: what every kind of source reads from. The window moves
 * forward only and is bounded, whatever the stream holds. Private to mail/source. */
#ifndef MAIL_SOURCE_READER_H
#define MAIL_SOURCE_READER_H

#include "core/limits.h"
#include "core/slice.h"

/* Puts at most `n` bytes into `p`: their number, 0 at the end, negative on error. */
typedef long (*reader_fn)(void *arg, char *p, size_t n);

enum {
    READER_BYTES_FIRST = 64 * 1024, /* most files are mails of a few KiB: a fresh window */
    READER_BYTES_BASE = 256 * 1024, /* of an mbox: fits the second-level cache */
    READER_BYTES_MAX = LIMIT_MESSAGE_BYTES + READER_BYTES_BASE,
};

struct reader {
    char *buf;
    size_t capacity;
    size_t at;  /* of the first byte not yet consumed */
    size_t end; /* of the bytes that were read */
    bool is_eof;
    bool is_failed; /* the stream broke off: an error, or no memory */
    bool is_nomem;
    uint64_t bytes; /* read from the stream so far */
    reader_fn read;
    void *arg;
};

/* Begins a stream; the memory of the one before is kept. */
void reader_start(struct reader *r, reader_fn read, void *arg);

/* Reads more behind `end`; moves the window's content to its front or grows it when there is no
 * room, so pointers into it are stale afterwards (offsets from `at` are not). False at the end of
 * the stream, on failure, and when the window is full. */
bool reader_more(struct reader *r);

/* Nothing more can be had, but not because the window is full. */
static inline bool reader_is_done(const struct reader *r)
{
    return r->is_eof || r->is_failed;
}

/* The window is as large as it gets and has no room left. */
static inline bool reader_is_full(const struct reader *r)
{
    return r->at == 0 && r->end == r->capacity && r->capacity >= READER_BYTES_MAX;
}

static inline struct slice reader_window(const struct reader *r)
{
    return r->buf ? slice_of(r->buf + r->at, r->end - r->at) : slice_of(NULL, 0);
}

/* At least `n` bytes in the window, or false when the stream has fewer. */
bool reader_want(struct reader *r, size_t n);

/* Gives back what one large message made it grow to. */
void reader_shrink(struct reader *r);

void reader_free(struct reader *r);

#endif
