/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spool/segment_file.h"

#include "core/clock.h"
#include "core/hash.h"
#include "core/log.h"
#include "spool/folder.h"
#include "spool/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

enum {
    PREPARED_COMMIT =
        32 * 1024, /* for commits up to this: greater ones share their cost among many */
};

static enum spool_status status_of(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG ? SPOOL_FULL : SPOOL_ERROR;
}

/* 0, or errno. */
static int all_write(int fd, const char *p, size_t n, uint64_t at)
{
    while (n) {
        ssize_t put = pwrite(fd, p, n, (off_t)at);
        if (put < 0 && errno != EINTR) {
            return errno;
        }
        if (put == 0) {
            return ENOSPC;
        }
        if (put > 0) {
            p += put;
            at += (uint64_t)put;
            n -= (size_t)put;
        }
    }
    return 0;
}

void segment_file_end(struct segment_file_writer *f)
{
    if (f->fd >= 0) {
        if (f->prepared > f->committed && ftruncate(f->fd, (off_t)f->committed) != 0) {
            log_warn("spool", "zeros stay at a segment's end: %s", strerror(errno));
        }
        close(f->fd);
        f->fd = -1;
    }
}

static enum spool_status segment_fail(struct segment_file_writer *f, const char *doing, int error)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(f->number, false, name);
    log_error("spool", "%s: %s: %s", name, doing, strerror(error));
    return status_of(error);
}

static enum spool_status segment_begin(struct segment_file_writer *f)
{
    char name[SEGMENT_NAME_BYTES], bytes[SEGMENT_HEADER_BYTES];
    struct segment_header h = {.number = f->number + 1, .begun_us = time_now() * 1000000};
    if (random_bytes(&h.seed, sizeof h.seed) != OK) {
        return SPOOL_ERROR;
    }
    segment_name(h.number, false, name);
    int fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0) {
        int error = errno;
        log_error("spool", "%s: cannot be made: %s", name, strerror(error));
        return status_of(error);
    }
    segment_header_write(&h, bytes);
    int error = all_write(fd, bytes, sizeof bytes, 0);
    if (!error && fsync(f->dir) != 0) {
        error = errno;
    }
    if (error) {
        log_error("spool", "%s: cannot be begun: %s", name, strerror(error));
        close(fd);
        unlinkat(f->dir, name, 0);
        return status_of(error);
    }
    f->fd = fd;
    f->number = h.number;
    f->seed = h.seed;
    f->committed = f->prepared = sizeof bytes;
    f->begun = time_monotonic();
    f->is_abandoned = false;
    return SPOOL_OK;
}

static void segment_abandon(struct segment_file_writer *f)
{
    f->is_abandoned = true;
    f->prepared = f->committed; /* what could be cut off was */
    segment_file_end(f);
}

/* Writing into bytes that the file has already changes nothing but these bytes, and fdatasync has
 * none of the file's metadata to write: that is a third to a half of what it costs. So the next
 * small commits find zeros in their place. A failure is none: then the file grows as it goes. */
static void segment_prepare(struct segment_file_writer *f, uint64_t end)
{
    static const char zeros[SEGMENT_PREPARED_BYTES];
    size_t n = end >= f->bytes_most                 ? 0
               : f->bytes_most - end < sizeof zeros ? (size_t)(f->bytes_most - end)
                                                    : sizeof zeros;
    if (all_write(f->fd, zeros, n, end) == 0 || ftruncate(f->fd, (off_t)end) != 0) {
        f->prepared = end + n;
    }
}

/* What a failed commit left is cut off. */
static bool segment_cut(struct segment_file_writer *f, const char *doing)
{
    if (ftruncate(f->fd, (off_t)f->committed) != 0) {
        segment_fail(f, doing, errno);
        return false;
    }
    f->prepared = f->committed;
    return true;
}

/* Each frame's length was left in its head by the one who appended it. */
static void frames_seal(const struct segment_file_writer *f, char *frames, size_t n)
{
    for (size_t at = 0; at < n;) {
        uint32_t length;
        memcpy(&length, frames + at, sizeof length);
        frame_seal(frames + at, length, f->seed, f->committed + at);
        at += FRAME_HEAD_BYTES + length;
    }
}

enum spool_status segment_file_commit(struct segment_file_writer *f, char *frames, size_t n)
{
    if (f->fd < 0) {
        enum spool_status status = segment_begin(f);
        if (status != SPOOL_OK) {
            return status;
        }
    }
    frames_seal(f, frames, n);
    int error = all_write(f->fd, frames, n, f->committed);
    if (error) {
        enum spool_status status = segment_fail(f, "writing", error);
        if (!segment_cut(f, "cutting a failed write")) {
            segment_abandon(f);
        }
        return status;
    }
    uint64_t end = f->committed + n;
    f->prepared = f->prepared > end ? f->prepared : end;
    if (f->prepared == end && n <= PREPARED_COMMIT) {
        segment_prepare(f, end);
    }
    if (fdatasync(f->fd) != 0) {
        enum spool_status status = segment_fail(f, "synchronising; it is abandoned", errno);
        (void)segment_cut(f, "cutting what was not synchronised");
        segment_abandon(f);
        return status;
    }
    f->committed = end;
    return SPOOL_OK;
}
