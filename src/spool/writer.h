/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool's writer: records of many sessions in, one write and one fdatasync for all that wait,
 * and a completion for each afterwards. The caller's event loop never waits for the disk: it
 * appends, watches spool_writer_fd() for reading and then takes completions with
 * spool_writer_poll(). Appending and polling belong to one thread; a second thread writes, a third
 * one compresses and retains.
 *
 * A message may be acknowledged (250) only when its completion says SPOOL_OK: then it is on the
 * disk. Failures are temporary by themselves: when there is room again, or a new segment can be
 * begun, appending succeeds again without a restart. docs/spool.md has the format and the failure
 * cases. */
#ifndef SPOOL_WRITER_H
#define SPOOL_WRITER_H

#include "core/err.h"
#include "spool/position.h"
#include "spool/record.h"

enum spool_status {
    SPOOL_OK,
    SPOOL_FULL,  /* no room: disk, quota, or too much waiting in memory; answer 452 */
    SPOOL_SHARE, /* this client's share is used up for now; answer 452 */
    SPOOL_ERROR, /* not written, or not known to be on the disk; answer 451 */
};
/* "ok", "full", "share", "error" */
const char *spool_status_name(enum spool_status status);

struct spool_writer_options {
    const char *folder;        /* made when absent; one writer at a time */
    uint64_t segment_bytes;    /* a segment is ended at this size; 0: 64 MiB */
    unsigned segment_seconds;  /* and at this age; 0: one hour */
    uint64_t quota_bytes;      /* of all segments; past it SPOOL_FULL; 0: none */
    uint64_t free_bytes_least; /* to be left on the file system; else SPOOL_FULL */
    uint64_t retain_bytes;     /* analysed segments past this go, oldest first; 0: no bound */
    unsigned retain_seconds;   /* analysed segments this old go; 0: never */
    bool may_drop_unanalysed;  /* at the quota, delete what was not analysed rather than refuse mail
                                */
    uint64_t share_bytes;      /* one client's, refilled evenly over share_seconds; 0: no bound */
    unsigned share_seconds;    /* 0: one day */
    int compression_level;     /* of ended segments, zstd's; 0: they stay as they are */
    unsigned session_delay_ms; /* how long session records alone may wait for company; 0: 200 */
    unsigned room_ms;          /* between looks whether there is room again; 0: 1000 */
};

struct spool_writer;

/* Takes the folder's lock, cuts torn tails of a crash (and logs how much), begins no segment yet.
 * ERR_BUSY when another process writes here, ERR_IO, ERR_NOMEM. */
enum err spool_writer_open(const struct spool_writer_options *o, struct spool_writer **out,
                           struct errbuf *eb) MUST_USE;

/* Commits what waits, ends the segment, stops the threads. Completions that were not polled are
 * lost. Blocks for as long as the disk does. */
void spool_writer_close(struct spool_writer *w);

enum spool_append_flag {
    SPOOL_NO_SHARE =
        1, /* the client is a relay of our side: many senders' mail under one address */
};

/* Copies the record. SPOOL_OK: a completion with this cookie will follow, once (cookie 0: none is
 * wanted). Any other status: the record was not taken and no completion follows. */
enum spool_status spool_append_message(struct spool_writer *w, const struct message_record *m,
                                       uint64_t cookie, unsigned flags) MUST_USE;
/* Session records don't hurry: alone they wait up to session_delay_ms. */
enum spool_status spool_append_session(struct spool_writer *w, const struct session_record *s,
                                       uint64_t cookie, unsigned flags) MUST_USE;

/* Would a message of this client be taken now? For an early 452 after MAIL or RCPT. */
enum spool_status spool_writer_status(struct spool_writer *w, struct ip client, unsigned flags);

struct spool_completion {
    uint64_t cookie;
    enum spool_status status; /* SPOOL_OK, SPOOL_FULL or SPOOL_ERROR */
};

/* Readable when completions wait; for epoll, poll or uv_poll. Owned by the writer. */
int spool_writer_fd(const struct spool_writer *w);
/* Takes up to `most` completions, in order; returns how many. Fewer than `most`: no more for now.
 */
size_t spool_writer_poll(struct spool_writer *w, struct spool_completion *out, size_t most);

struct spool_stats {
    uint64_t records, bytes;  /* committed since the writer was opened */
    uint64_t commits, failed; /* fdatasync calls; records reported as not written */
    uint64_t refused_full, refused_share;
    uint64_t segments_abandoned, segments_dropped_unanalysed;
    uint64_t folder_bytes, waiting_bytes;
    bool is_full; /* messages are refused now */
};
struct spool_stats spool_writer_stats(struct spool_writer *w);

#endif
