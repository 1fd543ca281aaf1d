/* SPDX-License-Identifier: GPL-3.0-or-later */
/* caller -> filling batch | committer thread: write, fdatasync | -> completions -> caller
 *                                      keeper thread: compression, retention
 *
 * Two batches take turns: while one is written the other fills. So the busier the disk, the more
 * records share one fdatasync, without any delay that would have to be chosen. One lock guards what
 * the threads share; nobody holds it over a system call that may block. */
#include "spool/writer.h"

#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/strbuf.h"
#include "spool/codec.h"
#include "spool/folder.h"
#include "spool/keeper.h"
#include "spool/segment.h"
#include "spool/segment_file.h"
#include "spool/share.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
    SEGMENT_BYTES = 64 * 1024 * 1024,
    SEGMENT_SECONDS = 3600,
    SESSION_DELAY_MS = 200,
    ROOM_MS = 1000,           /* between looks at the disk's room */
    ROOM_BYTES = 1024 * 1024, /* and after so much was written, which is sooner */
    KEEPER_SECONDS = 10,      /* between rounds of the keeper; also woken by a full disk */
    KEPT_BYTES = 1024 * 1024, /* of a batch's memory after it was written */
};

struct batch {
    struct strbuf frames;
    uint64_t *cookies;
    size_t count, size; /* records */
    bool hurries;       /* a message is in it */
    double since;       /* monotonic, of the first record */
};

struct spool_writer {
    struct spool_writer_options o;
    int dir, lock_file, event;
    struct share *share;             /* appending thread */
    struct segment_file_writer file; /* committer, as the next two */
    double looked;                   /* when it asked the disk for its room; monotonic */
    uint64_t looked_bytes;           /* written since */

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work, keep;
    struct batch batches[2], *filling;
    size_t writing_bytes, writing_count;
    struct spool_completion *done;            /* with room for one of each record that waits */
    size_t done_first, done_count, done_size; /* done[first .. first + count) */
    bool is_closing, is_full, keeper_wanted;
    bool is_asleep; /* the committer waits for longer than a session's record may */
    volatile bool keeper_stop;
    uint64_t open_segment, open_bytes; /* number; committed in it */
    struct spool_stats stats;
    pthread_t committer, keeper;
    bool has_committer, has_keeper;
};

const char *spool_status_name(enum spool_status status)
{
    static const char *const NAMES[] = {"ok", "full", "share", "error"};
    return NAMES[status];
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void deadline_after(struct timespec *t, unsigned ms)
{
    clock_gettime(CLOCK_MONOTONIC, t);
    t->tv_sec += ms / 1000;
    t->tv_nsec += (long)(ms % 1000) * 1000000;
    if (t->tv_nsec >= 1000000000) {
        t->tv_nsec -= 1000000000;
        t->tv_sec++;
    }
}

/* ---- appending ---- */

static bool batch_reserve(struct batch *b)
{
    if (b->count < b->size) {
        return true;
    }
    size_t size = b->size ? 2 * b->size : 256;
    uint64_t *cookies = realloc(b->cookies, size * sizeof *cookies);
    if (!cookies) {
        return false;
    }
    b->cookies = cookies;
    b->size = size;
    return true;
}

/* Room for the completions of all that waits and one more, so that the committer, whom nobody could
 * tell, never lacks memory. Lock held. */
static bool completions_reserve(struct spool_writer *w)
{
    size_t need = w->done_count + w->writing_count + w->filling->count + 1;
    if (need <= w->done_size) {
        return true;
    }
    struct spool_completion *done = realloc(w->done, 2 * need * sizeof *done);
    if (!done) {
        return false;
    }
    w->done = done;
    w->done_size = 2 * need;
    return true;
}

/* A record on its way in. */
struct entry {
    const struct session_head *head;
    enum err (*encode)(struct strbuf *out, const void *record);
    const void *record;
    size_t bytes; /* about */
    bool hurries;
    uint64_t cookie;
    unsigned flags;
};

static enum err encode_message(struct strbuf *out, const void *record)
{
    return message_encode(out, record);
}

static enum err encode_session(struct strbuf *out, const void *record)
{
    return session_encode(out, record);
}

/* Lock held. The frame's head gets the length only; the committer does the rest. *wakes: it is to
 * be told, when the lock is free again: else it would wake up to wait for that. */
static enum spool_status entry_put(struct spool_writer *w, const struct entry *in, bool *wakes)
{
    struct batch *b = w->filling;
    static const char head[FRAME_HEAD_BYTES];
    size_t start = b->frames.n;
    if (!batch_reserve(b) || !completions_reserve(w)) {
        return SPOOL_ERROR;
    }
    strbuf_add(&b->frames, slice_of(head, sizeof head));
    enum err e = in->encode(&b->frames, in->record);
    if (e != OK || b->frames.failed) {
        b->frames.n = start;
        b->frames.failed = false;
        log_error("spool", "a record cannot be kept: %s", err_text(e == OK ? ERR_NOMEM : e));
        return SPOOL_ERROR;
    }
    uint32_t length = (uint32_t)(b->frames.n - start - FRAME_HEAD_BYTES);
    memcpy(b->frames.p + start, &length, sizeof length);
    *wakes = (b->count == 0 && w->is_asleep) || (in->hurries && !b->hurries);
    b->since = b->count ? b->since : time_monotonic();
    b->hurries = b->hurries || in->hurries;
    b->cookies[b->count++] = in->cookie;
    return SPOOL_OK;
}

static size_t waiting_bytes(const struct spool_writer *w)
{
    return w->filling->frames.n + w->writing_bytes;
}

static enum spool_status entry_append(struct spool_writer *w, const struct entry *in)
{
    enum spool_status status = SPOOL_OK;
    bool wakes = false;
    bool is_shared = w->share && !(in->flags & SPOOL_NO_SHARE);
    int64_t now = is_shared ? now_us() : 0;
    if (is_shared && !share_has_room(w->share, in->head->client, in->bytes, now)) {
        status = SPOOL_SHARE;
    }
    pthread_mutex_lock(&w->lock);
    size_t before = w->filling->frames.n;
    if (status == SPOOL_OK &&
        (w->is_full || waiting_bytes(w) + in->bytes > LIMIT_SPOOL_WAITING_BYTES)) {
        status = SPOOL_FULL;
    }
    if (status == SPOOL_OK) {
        status = entry_put(w, in, &wakes);
    }
    size_t bytes = w->filling->frames.n - before;
    w->stats.refused_full += status == SPOOL_FULL;
    w->stats.refused_share += status == SPOOL_SHARE;
    pthread_mutex_unlock(&w->lock);
    if (wakes) {
        pthread_cond_signal(&w->work);
    }
    if (status == SPOOL_OK && is_shared) {
        share_add(w->share, in->head->client, bytes, now);
    }
    return status;
}

enum spool_status spool_append_message(struct spool_writer *w, const struct message_record *m,
                                       uint64_t cookie, unsigned flags)
{
    struct entry in = {&m->head, encode_message, m, m->raw.n, true, cookie, flags};
    return entry_append(w, &in);
}

enum spool_status spool_append_session(struct spool_writer *w, const struct session_record *s,
                                       uint64_t cookie, unsigned flags)
{
    struct entry in = {&s->head, encode_session, s, 0, false, cookie, flags};
    return entry_append(w, &in);
}

enum spool_status spool_writer_status(struct spool_writer *w, struct ip client, unsigned flags)
{
    if (w->share && !(flags & SPOOL_NO_SHARE) && !share_has_room(w->share, client, 1, now_us())) {
        return SPOOL_SHARE;
    }
    pthread_mutex_lock(&w->lock);
    bool is_full = w->is_full || waiting_bytes(w) >= LIMIT_SPOOL_WAITING_BYTES;
    pthread_mutex_unlock(&w->lock);
    return is_full ? SPOOL_FULL : SPOOL_OK;
}

/* ---- completions ---- */

int spool_writer_fd(const struct spool_writer *w)
{
    return w->event;
}

static void bell_ring(const struct spool_writer *w)
{
    static const uint64_t one = 1;
    ssize_t put = write(w->event, &one, sizeof one); /* fails only when it rings already */
    (void)put;
}

/* The counter is only a bell: what it says is in the queue. It is silenced before the queue is
 * looked at, so that what comes in between rings again, and without the lock. */
size_t spool_writer_poll(struct spool_writer *w, struct spool_completion *out, size_t most)
{
    uint64_t ignored;
    ssize_t got = read(w->event, &ignored, sizeof ignored);
    (void)got;
    pthread_mutex_lock(&w->lock);
    size_t n = w->done_count < most ? w->done_count : most;
    if (n) {
        memcpy(out, w->done + w->done_first, n * sizeof *out);
    }
    w->done_count -= n;
    w->done_first = w->done_count ? w->done_first + n : 0;
    bool has_more = w->done_count > 0;
    pthread_mutex_unlock(&w->lock);
    if (has_more) {
        bell_ring(w);
    }
    return n;
}

/* Lock held; there is room since the record was appended. */
static void completion_put(struct spool_writer *w, uint64_t cookie, enum spool_status status)
{
    if (w->done_first + w->done_count == w->done_size) {
        memmove(w->done, w->done + w->done_first, w->done_count * sizeof *w->done);
        w->done_first = 0;
    }
    w->done[w->done_first + w->done_count++] = (struct spool_completion){cookie, status};
}

/* ---- committer ---- */

/* Is there room for more? Asks the disk, but not after every small commit; lock not held. */
static bool room_is_used_up(struct spool_writer *w, uint64_t folder_bytes, bool was_full)
{
    struct statvfs fs;
    if (w->o.quota_bytes && folder_bytes >= w->o.quota_bytes) {
        return true;
    }
    double now = time_monotonic();
    if (!w->o.free_bytes_least ||
        (!was_full && w->looked_bytes < ROOM_BYTES && (now - w->looked) * 1e3 < w->o.room_ms)) {
        return false;
    }
    w->looked = now;
    w->looked_bytes = 0;
    return fstatvfs(w->dir, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize < w->o.free_bytes_least;
}

/* Lock held. A failed write counts as full until the next look. */
static void room_note(struct spool_writer *w, bool is_full)
{
    bool was_full = w->is_full;
    w->is_full = is_full;
    if (is_full) {
        w->keeper_wanted = true;
        pthread_cond_signal(&w->keep);
    }
    if (is_full != was_full) {
        log_warn("spool", is_full ? "no room: mail is refused with 452 until there is"
                                  : "there is room again: mail is taken");
    }
}

/* Lock held on entry and exit. */
static void room_look(struct spool_writer *w)
{
    uint64_t bytes = w->stats.folder_bytes;
    bool was_full = w->is_full;
    pthread_mutex_unlock(&w->lock);
    bool is_full = room_is_used_up(w, bytes, was_full);
    pthread_mutex_lock(&w->lock);
    room_note(w, is_full);
}

static void batch_clear(struct batch *b)
{
    if (b->frames.capacity > KEPT_BYTES) {
        strbuf_free(&b->frames);
    }
    strbuf_clear(&b->frames);
    b->count = 0;
    b->hurries = false;
}

static bool segment_is_done(const struct spool_writer *w)
{
    return w->file.fd >= 0 && (w->file.committed >= w->o.segment_bytes ||
                               time_monotonic() - w->file.begun > w->o.segment_seconds);
}

/* Lock held. Returns whether somebody waits for one of them. */
static bool batch_finish(struct spool_writer *w, struct batch *b, enum spool_status status)
{
    bool has_completions = false;
    for (size_t i = 0; i < b->count; i++) {
        if (b->cookies[i]) {
            completion_put(w, b->cookies[i], status);
            has_completions = true;
        }
    }
    if (status == SPOOL_OK) {
        w->stats.records += b->count;
        w->stats.bytes += b->frames.n;
        w->stats.folder_bytes += b->frames.n;
        w->stats.commits++;
    } else {
        w->stats.failed += b->count;
    }
    w->writing_bytes = w->writing_count = 0;
    batch_clear(b);
    return has_completions;
}

/* Lock held on entry and exit. */
static void batch_commit(struct spool_writer *w)
{
    struct batch *b = w->filling;
    w->filling = b == &w->batches[0] ? &w->batches[1] : &w->batches[0];
    w->writing_bytes = b->frames.n;
    w->writing_count = b->count;
    uint64_t folder_bytes = w->stats.folder_bytes + b->frames.n;
    bool was_full = w->is_full;
    pthread_mutex_unlock(&w->lock);
    enum spool_status status = segment_file_commit(&w->file, b->frames.p, b->frames.n);
    bool was_abandoned = w->file.is_abandoned;
    w->file.is_abandoned = false;
    if (segment_is_done(w)) {
        segment_file_end(&w->file);
    }
    uint64_t open_segment = w->file.fd >= 0 ? w->file.number : w->file.number + 1;
    uint64_t open_bytes = w->file.fd >= 0 ? w->file.committed : 0;
    w->looked_bytes += b->frames.n;
    bool is_full = status == SPOOL_FULL || room_is_used_up(w, folder_bytes, was_full);
    pthread_mutex_lock(&w->lock);
    w->stats.segments_abandoned += was_abandoned;
    w->open_bytes = open_bytes;
    if (open_segment != w->open_segment) {
        w->open_segment = open_segment;
        w->keeper_wanted = true;
        pthread_cond_signal(&w->keep);
    }
    room_note(w, is_full);
    if (batch_finish(w, b, status)) {
        pthread_mutex_unlock(&w->lock); /* who is woken wants it at once */
        bell_ring(w);
        pthread_mutex_lock(&w->lock);
    }
}

static bool batch_is_due(const struct spool_writer *w)
{
    const struct batch *b = w->filling;
    return b->count && (b->hurries || w->is_closing ||
                        (time_monotonic() - b->since) * 1e3 >= w->o.session_delay_ms);
}

/* Until when the committer waits, lock held. For a while after a commit it naps only as long as a
 * session's record may wait, so that these need not wake it; then it sleeps. */
static void nap_choose(struct spool_writer *w, double committed, struct timespec *until)
{
    const struct batch *b = w->filling;
    double now = time_monotonic();
    unsigned ms = w->o.session_delay_ms;
    if (b->count) {
        double waited = (now - b->since) * 1e3;
        ms = waited < ms ? ms - (unsigned)waited : 1;
    } else if (w->is_full || (now - committed) * 1e3 > w->o.room_ms) {
        w->is_asleep = true;
        ms = w->o.room_ms;
    }
    deadline_after(until, ms);
}

/* Lock held on entry and exit: nothing came for a while. */
static void quiet_look(struct spool_writer *w)
{
    room_look(w);
    if (segment_is_done(w)) { /* nothing came for an hour */
        segment_file_end(&w->file);
        w->open_segment = w->file.number + 1;
        w->open_bytes = 0;
        w->keeper_wanted = true;
        pthread_cond_signal(&w->keep);
    }
}

static void *committer_main(void *arg)
{
    struct spool_writer *w = arg;
    double committed = 0;
    pthread_mutex_lock(&w->lock);
    while (!w->is_closing || w->filling->count) {
        struct timespec until;
        if (batch_is_due(w)) {
            batch_commit(w);
            committed = time_monotonic();
            continue;
        }
        nap_choose(w, committed, &until);
        bool was_asleep = w->is_asleep;
        bool is_over = pthread_cond_timedwait(&w->work, &w->lock, &until) == ETIMEDOUT;
        w->is_asleep = false;
        if (is_over && was_asleep) {
            quiet_look(w);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- keeper ---- */

static void *keeper_main(void *arg)
{
    struct spool_writer *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->is_closing) {
        struct timespec until;
        uint64_t open_segment = w->open_segment, open_bytes = w->open_bytes;
        uint64_t known = w->stats.bytes;
        bool is_full = w->is_full;
        w->keeper_wanted = false;
        pthread_mutex_unlock(&w->lock);
        struct keeper_result r = keeper_round(&w->o, w->dir, open_segment, open_bytes, is_full,
                                              time_now(), &w->keeper_stop);
        pthread_mutex_lock(&w->lock);
        w->stats.folder_bytes = r.folder_bytes + (w->stats.bytes - known);
        w->stats.segments_dropped_unanalysed += r.dropped_unanalysed;
        deadline_after(&until, is_full ? w->o.room_ms : KEEPER_SECONDS * 1000);
        while (!w->is_closing && (!w->keeper_wanted || is_full) &&
               pthread_cond_timedwait(&w->keep, &w->lock, &until) != ETIMEDOUT) {
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- opening and closing ---- */

static void options_complete(struct spool_writer_options *o)
{
    o->segment_bytes = o->segment_bytes ? o->segment_bytes : SEGMENT_BYTES;
    o->segment_seconds = o->segment_seconds ? o->segment_seconds : SEGMENT_SECONDS;
    o->session_delay_ms = o->session_delay_ms ? o->session_delay_ms : SESSION_DELAY_MS;
    o->room_ms = o->room_ms ? o->room_ms : ROOM_MS;
    o->share_seconds = o->share_seconds ? o->share_seconds : SECONDS_PER_DAY;
}

static enum err folder_take(struct spool_writer *w, const char *folder, struct errbuf *eb)
{
    struct id128 id;
    if (mkdir(folder, 0750) != 0 && errno != EEXIST) {
        return err_at(eb, ERR_IO, folder, 0, 0, "%s", strerror(errno));
    }
    enum err e = spool_folder_open(folder, &w->dir, eb);
    if (e != OK) {
        return e;
    }
    w->lock_file = openat(w->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (w->lock_file < 0) {
        return err_at(eb, ERR_IO, folder, 0, 0, "its lock: %s", strerror(errno));
    }
    if (flock(w->lock_file, LOCK_EX | LOCK_NB) != 0) {
        return err_at(eb, ERR_BUSY, folder, 0, 0, "another process writes to this spool");
    }
    return spool_folder_id(w->dir, true, &id, eb);
}

static enum err segments_recover(struct spool_writer *w, struct errbuf *eb)
{
    struct segment_list l;
    enum err e = spool_folder_list(w->dir, &l, eb);
    if (e != OK) {
        return e;
    }
    for (size_t i = 0; i < l.count; i++) {
        w->stats.folder_bytes += l.files[i].bytes;
        w->file.number = l.files[i].number;
    }
    if (l.count && !l.files[l.count - 1].is_compressed) {
        e = segment_recover(w->dir, w->file.number, eb);
    }
    w->open_segment = w->file.number + 1;
    segment_list_free(&l);
    return e;
}

static enum err threads_start(struct spool_writer *w, struct errbuf *eb)
{
    w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->event < 0) {
        return err_set(eb, ERR_IO, "no eventfd: %s", strerror(errno));
    }
    w->has_committer = pthread_create(&w->committer, NULL, committer_main, w) == 0;
    w->has_keeper = w->has_committer && pthread_create(&w->keeper, NULL, keeper_main, w) == 0;
    return w->has_keeper ? OK : err_set(eb, ERR_NOMEM, "no thread for the spool");
}

enum err spool_writer_open(const struct spool_writer_options *o, struct spool_writer **out,
                           struct errbuf *eb)
{
    pthread_condattr_t monotonic;
    struct spool_writer *w = calloc(1, sizeof *w);
    if (!w) {
        return ERR_NOMEM;
    }
    w->o = *o;
    w->o.folder = NULL; /* the caller's; `dir` is what counts */
    options_complete(&w->o);
    w->dir = w->lock_file = w->event = w->file.fd = -1;
    w->filling = &w->batches[0];
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->work, &monotonic);
    pthread_cond_init(&w->keep, &monotonic);
    pthread_condattr_destroy(&monotonic);
    enum err e = folder_take(w, o->folder, eb);
    w->file.dir = w->dir;
    w->file.bytes_most = w->o.segment_bytes;
    e = e == OK ? segments_recover(w, eb) : e;
    if (e == OK && o->share_bytes) {
        w->share = share_new(o->share_bytes, w->o.share_seconds);
        e = w->share ? OK : ERR_NOMEM;
    }
    if (e == OK) {
        w->is_full = room_is_used_up(w, w->stats.folder_bytes, true);
        e = threads_start(w, eb);
    }
    if (e != OK) {
        spool_writer_close(w);
        return e;
    }
    *out = w;
    return OK;
}

void spool_writer_close(struct spool_writer *w)
{
    if (!w) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->is_closing = w->keeper_stop = true;
    pthread_cond_signal(&w->work);
    pthread_cond_signal(&w->keep);
    pthread_mutex_unlock(&w->lock);
    if (w->has_committer) {
        pthread_join(w->committer, NULL);
    }
    if (w->has_keeper) {
        pthread_join(w->keeper, NULL);
    }
    segment_file_end(&w->file);
    const int files[] = {w->event, w->lock_file, w->dir};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (files[i] >= 0) {
            close(files[i]);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        strbuf_free(&w->batches[i].frames);
        free(w->batches[i].cookies);
    }
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->keep);
    pthread_mutex_destroy(&w->lock);
    share_free(w->share);
    free(w->done);
    free(w);
}

struct spool_stats spool_writer_stats(struct spool_writer *w)
{
    pthread_mutex_lock(&w->lock);
    struct spool_stats stats = w->stats;
    stats.waiting_bytes = waiting_bytes(w);
    stats.is_full = w->is_full;
    pthread_mutex_unlock(&w->lock);
    return stats;
}
