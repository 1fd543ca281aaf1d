/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of one segment, compressed or not, through a window. Private to spool/. */
#ifndef SPOOL_STREAM_H
#define SPOOL_STREAM_H

#include "core/err.h"
#include "core/slice.h"

struct stream;

/* Opens a segment: the form as it was written when it is there, else the compressed one.
 * ERR_NOTFOUND when neither is; ERR_IO, ERR_NOMEM. */
enum err stream_open(int dir, uint64_t number, struct stream **out, struct errbuf *eb) MUST_USE;
void stream_close(struct stream *s);

/* Makes at least `n` bytes from `offset` on visible, fewer only at what is the end for now.
 * `offset` never goes back. A compressed segment that cannot be unpacked ends there:
 * stream_is_broken(). */
enum err stream_look(struct stream *s, uint64_t offset, size_t n, struct slice *out,
                     struct errbuf *eb) MUST_USE;
/* Forgets what was read but not yet consumed: a writer may have taken it back. */
void stream_refresh(struct stream *s, uint64_t offset);
bool stream_is_compressed(const struct stream *s);
bool stream_is_broken(const struct stream *s);

#endif
