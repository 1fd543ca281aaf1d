/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The segment that is being written: begun, appended to and synchronised, ended. Private to spool/;
 * used by the writer's second thread only. */
#ifndef SPOOL_SEGMENT_FILE_H
#define SPOOL_SEGMENT_FILE_H

#include "spool/writer.h"

struct segment_file_writer {
    int dir;
    int fd; /* -1: none is begun */
    uint64_t number, seed;
    uint64_t committed; /* bytes that are on the disk: what is behind them was never acknowledged */
    uint64_t prepared;  /* the file's length: zeros lie behind what is committed */
    uint64_t bytes_most; /* about; no zeros past it */
    double begun;        /* monotonic */
    bool is_abandoned;   /* set by a failure after which the file is not trusted any more */
};

/* Appends `n` bytes of frames, whose heads it fills in, and synchronises. On failure nothing of
 * them counts: they are cut off; where that, or fdatasync, fails, the segment is abandoned (closed;
 * the next call begins another one). After a failed fdatasync the kernel may drop the pages and
 * report success the next time, so the segment is never written again. */
enum spool_status segment_file_commit(struct segment_file_writer *f, char *frames, size_t n);

/* Cuts the zeros off and closes what is open; the next commit begins a new segment. */
void segment_file_end(struct segment_file_writer *f);

#endif
