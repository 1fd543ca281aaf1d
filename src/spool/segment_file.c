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

static enum spool_status status_of(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG ? SPOOL_FULL : SPOOL_ERROR;
}

/* 0, or errno. */
static int all_write(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno != EINTR) {
            return errno;
        }
        if (put == 0) {
            return ENOSPC;
        }
        if (put > 0) {
            p += put;
            n -= (size_t)put;
        }
    }
    return 0;
}

void segment_file_end(struct segment_file_writer *f)
{
    if (f->fd >= 0) {
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
    int fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0) {
        int error = errno;
        log_error("spool", "%s: cannot be made: %s", name, strerror(error));
        return status_of(error);
    }
    segment_header_write(&h, bytes);
    int error = all_write(fd, bytes, sizeof bytes);
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
    f->committed = sizeof bytes;
    f->begun = time_monotonic();
    f->is_abandoned = false;
    return SPOOL_OK;
}

static void segment_abandon(struct segment_file_writer *f)
{
    f->is_abandoned = true;
    segment_file_end(f);
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
    int error = all_write(f->fd, frames, n);
    if (error) {
        enum spool_status status = segment_fail(f, "writing", error);
        if (ftruncate(f->fd, (off_t)f->committed) != 0) {
            segment_fail(f, "cutting a failed write", errno);
            segment_abandon(f);
        }
        return status;
    }
    if (fdatasync(f->fd) != 0) {
        enum spool_status status = segment_fail(f, "synchronising; it is abandoned", errno);
        if (ftruncate(f->fd, (off_t)f->committed) != 0) {
            segment_fail(f, "cutting what was not synchronised", errno);
        }
        segment_abandon(f);
        return status;
    }
    f->committed += n;
    return SPOOL_OK;
}
