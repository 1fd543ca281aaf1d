/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reader (calling thread) -> queue -> workers -> done, by sequence -> writer (calling thread).
 *
 * The calling thread reads and writes in turn, so the store belongs to one thread and a slow disk
 * slows the reader: there is no other back-pressure to get wrong. With one job there are no threads
 * at all: the calling thread analyses each batch itself. Bytes in flight are bounded by
 * IN_FLIGHT_BYTES (a single larger message goes alone). */
#include "analyse/pipeline.h"

#include "analyse/batch.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    JOBS_MAX = 64,
    IN_FLIGHT_BYTES = 12 * 1024 * 1024,
    APPEND_ROWS = 4096, /* rows of one transaction ... */
    APPEND_BYTES =
        32 * 1024 * 1024, /* ... and what they point to: 4,096 ordinary ones have a third */
    BATCHES_AHEAD = 16,   /* a worker: what it chews on while a transaction is written (30 ms) */
    APPEND_BATCHES = APPEND_ROWS / BATCH_MESSAGES + JOBS_MAX + 2,
};

/* A transaction is not older than this: bounds what a kill repeats; live, how late figures are. */
enum { APPEND_MS = 2000, APPEND_MS_LIVE = 1000 };

struct pipeline {
    const struct pipeline_options *o;
    struct source *source; /* or */
    struct feed *feed;
    struct store *store;
    struct pipeline_progress *progress;
    struct errbuf *eb;

    pthread_mutex_t lock; /* guards all below, up to the blank line */
    pthread_cond_t work_ready, work_done;
    struct batch *queue, **queue_tail;
    struct batch *done; /* sorted by sequence */
    bool closing;
    size_t in_flight_bytes;

    uint64_t sequence_read, sequence_append;
    size_t batches_out; /* read but not yet appended */
    struct batch *spare;
    struct batch *pending[APPEND_BATCHES]; /* analysed, in order, waiting for their transaction */
    size_t pending_count, pending_rows, pending_sessions, pending_bytes;
    double pending_since;
    struct message_row *rows;     /* APPEND_ROWS + BATCH_MESSAGES, gathered for the store */
    struct shown *shown;          /* of these */
    struct session_row *sessions; /* likewise; NULL without a feed */
    struct import_mark mark;
    struct pthread_arg {
        struct pipeline *p;
        struct analyser *analyser;
        pthread_t thread;
    } workers[JOBS_MAX];
    unsigned worker_count;
    struct analyser *inline_analyser; /* without workers */
};

static bool stop_wanted(const struct pipeline *p)
{
    return p->o->stop && *p->o->stop;
}

static struct batch *batch_take(struct pipeline *p)
{
    struct batch *b = p->spare;
    if (!b) {
        return batch_new();
    }
    p->spare = b->next;
    batch_clear(b);
    return b;
}

static void batch_give(struct pipeline *p, struct batch *b)
{
    batch_clear(b);
    b->next = p->spare;
    p->spare = b;
}

/* ---- writer ---- */

static enum err rows_append(struct pipeline *p, const struct store_batch *in,
                            struct append_result *result)
{
    return p->o->append ? p->o->append(p->o->append_arg, p->store, in, result, p->eb)
                        : store_append_batch(p->store, in, result, p->eb);
}

/* Rows, sessions and marks of all pending batches, in order. */
static void pending_gather(struct pipeline *p, struct store_batch *in, struct import_mark *mark,
                           struct spool_mark *spool)
{
    for (size_t i = 0; i < p->pending_count; i++) {
        const struct batch *b = p->pending[i];
        memcpy(p->rows + in->row_count, b->rows, b->row_count * sizeof *p->rows);
        memcpy(p->shown + in->row_count, b->shown, b->row_count * sizeof *p->shown);
        in->row_count += b->row_count;
        if (b->session_count) {
            memcpy(p->sessions + in->session_count, b->sessions,
                   b->session_count * sizeof *p->sessions);
            in->session_count += b->session_count;
        }
        spool->at = b->has_spool_mark ? b->spool_mark : spool->at;
        mark->next_ordinal = b->next_ordinal;
        mark->bytes_read = b->bytes_read;
        mark->rejected += b->failed;
    }
}

static int64_t pipeline_now(const struct pipeline *p)
{
    return p->o->now ? p->o->now : time_now();
}

/* With the clusters' part in the same transaction. */
static enum err batch_append(struct pipeline *p, struct store_batch *in,
                             struct append_result *result)
{
    struct clustering *k = p->o->clustering;
    if (!k || in->row_count == 0) {
        return rows_append(p, in, result);
    }
    in->placing = clustering_begin(k, p->shown, pipeline_now(p));
    enum err e = rows_append(p, in, result);
    clustering_end(k, e);
    return e;
}

static void pending_done(struct pipeline *p, const struct append_result *result)
{
    p->progress->added += result->added;
    p->progress->repeated += result->repeated;
    p->progress->sessions += result->sessions_added;
    for (size_t i = 0; i < p->pending_count; i++) {
        p->progress->failed += p->pending[i]->failed;
        batch_give(p, p->pending[i]);
    }
    p->batches_out -= p->pending_count;
    p->pending_count = p->pending_rows = p->pending_sessions = p->pending_bytes = 0;
}

static enum err clusters_rest(struct pipeline *p)
{
    return p->o->clustering
               ? clustering_rest(p->o->clustering, p->feed != NULL, pipeline_now(p), p->eb)
               : OK;
}

static enum err pending_append(struct pipeline *p, bool is_complete)
{
    struct append_result result = {0};
    struct import_mark mark = p->mark;
    struct spool_mark spool = {.at = {0, 0}};
    struct store_batch in = {.rows = p->rows, .sessions = p->sessions};
    pending_gather(p, &in, &mark, &spool);
    mark.is_complete = is_complete;
    /* what repeats is only known inside the transaction; the store adds it to the mark it writes */
    in.import = p->o->identity.n ? &mark : NULL;
    if (p->feed && spool.at.segment) {
        spool.spool = p->feed->spool;
        in.spool = &spool;
    }
    enum err e = batch_append(p, &in, &result);
    if (e != OK) {
        return e;
    }
    if (in.spool) {
        p->feed->committed(p->feed, spool.at);
    }
    mark.added += result.added;
    mark.repeated += result.repeated;
    p->mark = mark;
    pending_done(p, &result);
    return clusters_rest(p);
}

static bool pending_is_due(const struct pipeline *p)
{
    unsigned ms = p->o->append_ms ? p->o->append_ms : p->feed ? APPEND_MS_LIVE : APPEND_MS;
    return p->pending_count && (time_monotonic() - p->pending_since) * 1e3 > ms;
}

static enum err batch_pend(struct pipeline *p, struct batch *b)
{
    if (b->error != OK) {
        enum err e = b->error;
        p->batches_out--;
        batch_give(p, b);
        return e;
    }
    if (!p->pending_count) {
        p->pending_since = time_monotonic();
    }
    p->pending[p->pending_count++] = b;
    p->pending_rows += b->row_count;
    p->pending_sessions += b->session_count;
    p->pending_bytes += arena_used(b->text);
    bool is_due = p->pending_rows + BATCH_MESSAGES > APPEND_ROWS ||
                  p->pending_sessions + BATCH_MESSAGES > APPEND_ROWS ||
                  p->pending_count == APPEND_BATCHES || p->pending_bytes > APPEND_BYTES ||
                  pending_is_due(p);
    return is_due ? pending_append(p, false) : OK;
}

/* ---- workers ---- */

static void done_insert(struct pipeline *p, struct batch *b)
{
    struct batch **at = &p->done;
    while (*at && (*at)->sequence < b->sequence) {
        at = &(*at)->next;
    }
    b->next = *at;
    *at = b;
}

static void *worker_main(void *arg)
{
    struct pthread_arg *w = arg;
    struct pipeline *p = w->p;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->queue && !p->closing) {
            pthread_cond_wait(&p->work_ready, &p->lock);
        }
        struct batch *b = p->queue;
        if (!b) {
            break;
        }
        p->queue = b->next;
        if (!p->queue) {
            p->queue_tail = &p->queue;
        }
        pthread_mutex_unlock(&p->lock);
        b->error = batch_analyse(b, w->analyser, pipeline_now(p));
        pthread_mutex_lock(&p->lock);
        p->in_flight_bytes -= b->bytes;
        done_insert(p, b);
        pthread_cond_signal(&p->work_done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* The next batch in order if it is done; with `wait` until it is. NULL: not done yet. */
static struct batch *done_take(struct pipeline *p, bool wait)
{
    struct batch *b = NULL;
    pthread_mutex_lock(&p->lock);
    while (!(p->done && p->done->sequence == p->sequence_append) && wait) {
        pthread_cond_wait(&p->work_done, &p->lock);
    }
    if (p->done && p->done->sequence == p->sequence_append) {
        b = p->done;
        p->done = b->next;
        b->next = NULL;
        p->sequence_append++;
    }
    pthread_mutex_unlock(&p->lock);
    return b;
}

static bool is_flight_full(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    bool is_full = p->in_flight_bytes > IN_FLIGHT_BYTES;
    pthread_mutex_unlock(&p->lock);
    return is_full ||
           p->sequence_read - p->sequence_append >= BATCHES_AHEAD * (uint64_t)p->worker_count;
}

/* Appends what is done, oldest first; waits for the oldest while too much is in flight. */
static enum err done_drain(struct pipeline *p, bool all)
{
    while (p->sequence_append < p->sequence_read) {
        struct batch *b = done_take(p, all || is_flight_full(p));
        if (!b) {
            return OK;
        }
        enum err e = batch_pend(p, b);
        if (e != OK) {
            return e;
        }
    }
    return OK;
}

static enum err batch_send(struct pipeline *p, struct batch *b)
{
    p->batches_out++;
    if (!p->worker_count) {
        b->error = batch_analyse(b, p->inline_analyser, pipeline_now(p));
        return batch_pend(p, b);
    }
    pthread_mutex_lock(&p->lock);
    b->sequence = p->sequence_read++;
    b->next = NULL;
    *p->queue_tail = b;
    p->queue_tail = &b->next;
    p->in_flight_bytes += b->bytes;
    pthread_cond_signal(&p->work_ready);
    pthread_mutex_unlock(&p->lock);
    return done_drain(p, false);
}

/* ---- reader ---- */

static void progress_tell(struct pipeline *p)
{
    if (p->source) {
        struct source_progress at = source_progress(p->source);
        p->progress->bytes_read = at.bytes_read;
        p->progress->bytes_total = at.bytes_total;
    }
    if (p->o->on_progress) {
        p->o->on_progress(p->o->arg, p->progress);
    }
}

static enum err message_take(struct pipeline *p, struct batch *b, const struct source_message *m)
{
    p->progress->messages++;
    b->next_ordinal = m->ordinal + 1;
    return batch_add(b, m);
}

/* From a source: *is_idle stays. From a feed: set when it has nothing for now. */
static enum err item_take(struct pipeline *p, struct batch *b, bool *is_idle)
{
    struct source_message m;
    struct feed_item item = {NULL};
    if (p->source) {
        enum err e = source_next(p->source, &m, p->eb);
        return e == OK ? message_take(p, b, &m) : e;
    }
    enum err e = p->feed->next(p->feed, &item, p->eb);
    if (e == OK && item.message) {
        e = message_take(p, b, item.message);
    }
    if (e == OK && item.session) {
        e = batch_add_session(b, item.session);
    }
    if (e == OK && item.has_mark) {
        b->has_spool_mark = true;
        b->spool_mark = item.mark;
    }
    *is_idle = !item.message && !item.session;
    return e;
}

/* Fills a batch; ERR_END when the source has ended (the batch may hold messages all the same). */
static enum err batch_fill(struct pipeline *p, struct batch *b, bool *is_idle)
{
    enum err e = OK;
    while (e == OK && !*is_idle && b->count < BATCH_MESSAGES && b->session_count < BATCH_MESSAGES &&
           b->bytes < BATCH_BYTES && !stop_wanted(p)) {
        e = item_take(p, b, is_idle);
    }
    b->bytes_read = p->source ? source_progress(p->source).bytes_read : 0;
    return e;
}

/* Nothing for now: what is ready goes on its way, what is old enough into the store. */
static enum err feed_idle(struct pipeline *p)
{
    enum err e = p->worker_count ? done_drain(p, true) : OK;
    e = e == OK && pending_is_due(p) ? pending_append(p, false) : e;
    e = e == OK ? clusters_rest(p) : e;
    if (e == OK && !stop_wanted(p)) {
        p->feed->wait(p->feed);
    }
    return e;
}

static enum err source_drain(struct pipeline *p)
{
    for (enum err e = OK; e != ERR_END;) {
        struct batch *b = batch_take(p);
        bool is_idle = false;
        if (!b) {
            return ERR_NOMEM;
        }
        e = batch_fill(p, b, &is_idle);
        if (e != OK && e != ERR_END) {
            batch_give(p, b);
            return e;
        }
        if (b->count || b->session_count || b->has_spool_mark) {
            enum err sent = batch_send(p, b);
            if (sent != OK) {
                return sent;
            }
        } else {
            batch_give(p, b);
        }
        progress_tell(p);
        if (stop_wanted(p)) {
            return ERR_CANCELLED;
        }
        enum err idled = is_idle ? feed_idle(p) : OK;
        if (idled != OK) {
            return idled;
        }
    }
    return ERR_END;
}

static enum err mark_resume(struct pipeline *p)
{
    if (!p->o->identity.n) {
        return OK;
    }
    enum err e = store_import_mark(p->store, p->o->identity, &p->mark, p->eb);
    p->mark.source = p->o->identity;
    if (e == ERR_NOTFOUND || (e == OK && p->mark.is_complete)) {
        /* a finished input is read again from its start: ids tell what is known, and the counts say
         * so */
        p->mark = (struct import_mark){.source = p->o->identity};
        return OK;
    }
    if (e != OK) {
        return e;
    }
    p->progress->resumed = p->mark.next_ordinal;
    e = source_skip(p->source, p->mark.next_ordinal, p->eb);
    return e == ERR_END ? OK : e;
}

static enum err workers_start(struct pipeline *p)
{
    unsigned jobs = p->o->jobs < JOBS_MAX ? p->o->jobs : JOBS_MAX;
    for (unsigned i = 0; i < jobs; i++) {
        struct pthread_arg *w = &p->workers[i];
        w->p = p;
        w->analyser = analyser_new(&p->o->analyse);
        if (!w->analyser || pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            analyser_free(w->analyser);
            return ERR_NOMEM;
        }
        p->worker_count++;
    }
    return OK;
}

static void workers_stop(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->work_ready);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->worker_count; i++) {
        pthread_join(p->workers[i].thread, NULL);
        analyser_free(p->workers[i].analyser);
    }
}

static void batches_free(struct batch *b)
{
    while (b) {
        struct batch *next = b->next;
        batch_free(b);
        b = next;
    }
}

static enum err pipeline_work(struct pipeline *p)
{
    enum err e = mark_resume(p);
    if (e != OK) {
        return e;
    }
    if (p->o->jobs > 1) {
        e = workers_start(p);
    } else {
        p->inline_analyser = analyser_new(&p->o->analyse);
        e = p->inline_analyser ? OK : ERR_NOMEM;
    }
    e = e == OK ? source_drain(p) : e;
    if (e == ERR_END || e == ERR_CANCELLED) {
        enum err rest = p->worker_count ? done_drain(p, true) : OK;
        rest = rest == OK ? pending_append(p, e == ERR_END) : rest;
        e = rest != OK ? rest : e == ERR_END ? OK : e;
    }
    analyser_free(p->inline_analyser);
    workers_stop(p);
    progress_tell(p);
    return e;
}

static enum err pipeline_start(const struct pipeline_options *o, struct source *source,
                               struct feed *feed, struct store *store,
                               struct pipeline_progress *progress, struct errbuf *eb)
{
    struct pipeline *p = calloc(1, sizeof *p);
    enum err e = ERR_NOMEM;
    if (!p) {
        return ERR_NOMEM;
    }
    *progress = (struct pipeline_progress){0};
    *p = (struct pipeline){
        .o = o, .source = source, .feed = feed, .store = store, .progress = progress, .eb = eb};
    p->queue_tail = &p->queue;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work_ready, NULL);
    pthread_cond_init(&p->work_done, NULL);
    p->rows = calloc(APPEND_ROWS + BATCH_MESSAGES, sizeof *p->rows);
    p->shown = calloc(APPEND_ROWS + BATCH_MESSAGES, sizeof *p->shown);
    p->sessions = feed ? calloc(APPEND_ROWS + BATCH_MESSAGES, sizeof *p->sessions) : NULL;
    if (p->rows && p->shown && (p->sessions || !feed)) {
        e = pipeline_work(p);
    }
    batches_free(p->queue);
    batches_free(p->done);
    batches_free(p->spare);
    for (size_t i = 0; i < p->pending_count; i++) {
        batch_free(p->pending[i]);
    }
    free(p->sessions);
    free(p->shown);
    free(p->rows);
    pthread_cond_destroy(&p->work_done);
    pthread_cond_destroy(&p->work_ready);
    pthread_mutex_destroy(&p->lock);
    free(p);
    return e;
}

enum err pipeline_run(const struct pipeline_options *o, struct source *source, struct store *store,
                      struct pipeline_progress *progress, struct errbuf *eb)
{
    return pipeline_start(o, source, NULL, store, progress, eb);
}

enum err pipeline_follow(const struct pipeline_options *o, struct feed *feed, struct store *store,
                         struct pipeline_progress *progress, struct errbuf *eb)
{
    return pipeline_start(o, NULL, feed, store, progress, eb);
}
