/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool's reader: records in order, from any position on, while a writer appends. It never
 * waits and never writes; several readers and the writer do not know of each other. Bytes are
 * hostile: what is damaged is a finding, and reading goes on at the next whole record. */
#ifndef SPOOL_READER_H
#define SPOOL_READER_H

#include "core/err.h"
#include "core/slice.h"
#include "spool/position.h"

struct spool_reader;

/* What is wrong in a spool. */
struct spool_finding {
    struct spool_position at;
    uint64_t bytes;   /* left out; 0 when not known */
    const char *text; /* "damaged", "torn at its end", "segments are missing", ... */
};

struct spool_reader_options {
    const char *folder;
    struct spool_position from; /* {0, 0}: the oldest */
    uint64_t until_segment;     /* ends after this segment; 0: none */
    bool is_closed; /* nobody writes: what the newest segment lacks at its end is a finding */
    void (*on_finding)(void *arg, const struct spool_finding *f); /* may be NULL */
    void *arg;
};

/* ERR_NOTFOUND, ERR_IO, ERR_NOMEM. */
enum err spool_reader_open(const struct spool_reader_options *o, struct spool_reader **out,
                           struct errbuf *eb) MUST_USE;
/* The same in an open folder (copied descriptor); `folder` is not looked at. */
enum err spool_reader_open_at(int dir, const struct spool_reader_options *o,
                              struct spool_reader **out, struct errbuf *eb) MUST_USE;
void spool_reader_close(struct spool_reader *r);

struct spool_item {
    struct spool_position at, next; /* of the record; of what follows it */
    struct slice payload;           /* for record_decode; borrowed until the next call */
};

/* The next record. ERR_END: none for now (ask again later). ERR_IO, ERR_NOMEM. */
enum err spool_reader_next(struct spool_reader *r, struct spool_item *out,
                           struct errbuf *eb) MUST_USE;

/* Where the next call will read. */
struct spool_position spool_reader_position(const struct spool_reader *r);

#endif
