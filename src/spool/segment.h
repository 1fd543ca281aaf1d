/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of a segment. Little-endian; docs/spool.md has the tables.
 *
 * Each segment has a random seed in its header. Checksums depend on it and on the frame's offset,
 * and each frame begins with a mark derived from it. So a message that carries the image of a frame
 * (its sender can compute XXH3 too) is never taken for one, also when a reader searches for the
 * next frame after damage, and no frame counts at another place than its own. */
#ifndef SPOOL_SEGMENT_H
#define SPOOL_SEGMENT_H

#include "core/slice.h"

enum { SEGMENT_HEADER_BYTES = 40, FRAME_HEAD_BYTES = 16 };

struct segment_header {
    uint64_t number;
    int64_t begun_us; /* microseconds since 1970 */
    uint64_t seed;
};

void segment_header_write(const struct segment_header *h, char out[SEGMENT_HEADER_BYTES]);
/* False when these are not the first bytes of a segment that this version reads. */
bool segment_header_read(struct slice s, struct segment_header *out);

/* The bytes that every frame of the segment begins with, as they stand in the file. */
enum { FRAME_MARK_BYTES = 4 };
void frame_mark(uint64_t seed, char out[FRAME_MARK_BYTES]);

/* Writes a frame's head: its payload of `n` bytes stands behind the head already. */
void frame_seal(char *head, size_t n, uint64_t seed, uint64_t offset);

enum frame_state { FRAME_WHOLE, FRAME_PARTLY, FRAME_DAMAGED };
/* Looks at the frame at the beginning of `s`, which stands at `offset` of its segment.
 * FRAME_PARTLY: it may be one when there is more; *bytes is then how many bytes are needed to say
 * so. FRAME_WHOLE: *payload borrows from `s`, *bytes is the frame's length. */
enum frame_state frame_look(struct slice s, uint64_t seed, uint64_t offset, struct slice *payload,
                            size_t *bytes);

/* Behind the last frame of a segment that is being written, or whose writer was killed, may stand
 * so many zeros: room for the next ones. */
enum { SEGMENT_PREPARED_BYTES = 256 * 1024 };
bool segment_is_blank(struct slice s); /* nothing but zeros, or nothing */

/* What a compressed segment says of itself in a frame that zstd skips, so that a list needs not
 * unpack it. */
struct segment_summary {
    uint64_t records, messages, bytes; /* bytes: uncompressed, with the header */
    int64_t first_us, last_us;         /* of messages' acceptance and sessions' ends; 0: none */
    uint64_t damaged_bytes;
};
enum { SEGMENT_SUMMARY_BYTES = 64 };
void segment_summary_write(const struct segment_summary *s, char out[SEGMENT_SUMMARY_BYTES]);
bool segment_summary_read(struct slice s, struct segment_summary *out);

#endif
