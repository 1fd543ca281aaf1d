/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens to segments that have ended: compressed, kept, deleted. Private to spool/; called
 * from the writer's third thread. Takes no lock: it only touches segments below `open_segment`. */
#ifndef SPOOL_KEEPER_H
#define SPOOL_KEEPER_H

#include "spool/writer.h"

struct keeper_result {
    uint64_t folder_bytes;       /* of all segments, afterwards */
    uint64_t dropped_unanalysed; /* segments */
};

/* One round: `open_segment` and later ones are the writer's, of which `open_bytes` are filled;
 * `now` in seconds. With `is_full` the disk has no room: only deletes. Stops between segments when
 * *stop. */
struct keeper_result keeper_round(const struct spool_writer_options *o, int dir,
                                  uint64_t open_segment, uint64_t open_bytes, bool is_full,
                                  int64_t now, const volatile bool *stop);

/* Compresses one segment: to a temporary name, synchronised, renamed, then the other form is
 * deleted. On failure the segment stays as it was. */
enum err segment_compress(int dir, uint64_t number, int level, struct errbuf *eb) MUST_USE;

/* Cuts what a crash left behind the last whole record of a segment that nobody writes. */
enum err segment_recover(int dir, uint64_t number, struct errbuf *eb) MUST_USE;

#endif
