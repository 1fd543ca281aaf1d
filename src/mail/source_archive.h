/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One layer of packing (libarchive): tar and zip, and gzip, bzip2, xz, lzma, zstd around them or
 * around one file. Reads from a reader, gives members that a reader can read. Private to
 * mail/source. */
#ifndef MAIL_SOURCE_ARCHIVE_H
#define MAIL_SOURCE_ARCHIVE_H

#include "core/err.h"
#include "mail/source_reader.h"

struct archive;

struct packed {
    struct archive *archive;
    struct reader *from; /* the packed bytes */
    int fd;              /* of the packed file when it can seek (a zip's directory is at its end) */
    bool is_compressed;  /* one compressed file, not an archive */
    bool is_broken;      /* a call failed with nothing to go on with */
    bool is_member_broken;
    bool is_member_open;
    bool is_first;
    char name[1024]; /* of the member; "" of a compressed file's content */
};

/* `fd` is -1 when `from` cannot seek. */
enum err packed_open(struct packed *p, struct reader *from, int fd) MUST_USE;

enum packed_step { PACKED_MEMBER, PACKED_REJECT, PACKED_BROKEN, PACKED_END };
/* The next member, after packed_read has read the last one to its end. PACKED_REJECT: *reason says
 * why this one (p->name) is none; PACKED_BROKEN: nothing more can be read. */
enum packed_step packed_next(struct packed *p, const char **reason);

/* A reader_fn over the open member; `arg` is the struct packed. */
long packed_read(void *arg, char *to, size_t n);

void packed_close(struct packed *p);

#endif
