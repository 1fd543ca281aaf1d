/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of a spool: segments by number, compressed or not, the spool's identity, and how far it
 * is analysed.
 *
 *   NNNNNNNNNNNNNNNN.seg      a segment as it is written
 *   NNNNNNNNNNNNNNNN.seg.zst  the same, ended and compressed (both are there for a moment)
 *   id                        32 hex digits: marks in a store belong to this spool
 *   analysed                  position up to which everything is in a store; the analyser's
 *   lock                      held by the writer
 *
 * The newest segment is never deleted, so that numbers are never used again. */
#ifndef SPOOL_FOLDER_H
#define SPOOL_FOLDER_H

#include "core/err.h"
#include "core/hash.h"
#include "spool/position.h"

struct segment_file {
    uint64_t number;
    uint64_t bytes;     /* on the disk, of both forms */
    int64_t changed;    /* modification time, seconds */
    bool is_compressed; /* only the compressed form is there */
    bool has_both;
};
struct segment_list {
    struct segment_file *files; /* ascending */
    size_t count;
};

enum { SEGMENT_NAME_BYTES = 32 };
void segment_name(uint64_t number, bool is_compressed, char out[SEGMENT_NAME_BYTES]);

/* Opens the folder as a descriptor. ERR_NOTFOUND, ERR_IO. */
enum err spool_folder_open(const char *path, int *dir, struct errbuf *eb) MUST_USE;
/* The segments; free with segment_list_free. ERR_IO, ERR_NOMEM. */
enum err spool_folder_list(int dir, struct segment_list *out, struct errbuf *eb) MUST_USE;
void segment_list_free(struct segment_list *l);

/* The identity; made by the writer (`make`) when absent. ERR_NOTFOUND, ERR_SYNTAX, ERR_IO. */
enum err spool_folder_id(int dir, bool make, struct id128 *out, struct errbuf *eb) MUST_USE;

/* How far the spool is analysed: a hint for retention, written after the store's commit. In place,
 * so that an analyser needs no other right in the folder than to write this one file. Nothing or
 * nonsense reads as position 0: nothing is analysed. */
struct spool_position spool_folder_analysed(int dir);
enum err spool_folder_set_analysed(int dir, struct spool_position p, struct errbuf *eb) MUST_USE;

#endif
