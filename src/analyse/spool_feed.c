/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reader -> hold -> (session's record) -> its messages, then the session
 *
 * Time is the spool's own: a backlog of hours is read in the order in which it came, and messages
 * wait no longer for their session than they would have live. */
#include "analyse/spool_feed.h"

#include "analyse/canary.h"
#include "analyse/hold.h"
#include "analyse/session.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/strmap.h"
#include "spool/codec.h"
#include "spool/folder.h"
#include "spool/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 50, MICROSECONDS = 1000000, TRAPS_KNOWN_MAX = 4096 };

struct spool_feed {
    struct feed feed; /* first: a feed is cast to this */
    struct spool_feed_options o;
    int dir;
    struct spool_reader *reader;
    struct hold *hold;
    struct strmap *traps; /* made in the store already */
    struct spool_feed_stats stats;
    int64_t newest_us;          /* time of the newest record read */
    struct spool_position mark; /* given last */

    struct held *leaving; /* messages to give, oldest first */
    struct held *given;   /* the last one: lives until the next call */
    bool has_session;     /* the row is to be given after them */
    struct session_row session;
    struct slice sd1, td1; /* of the messages that leave; empty: not known */
    struct arena *session_arena;
    struct arena *arena;          /* of one record */
    struct slice session_payload; /* copied: what the row borrows from; session_arena */
    struct source_message message;
    struct live_envelope live;
};

static struct spool_feed *self_of(struct feed *f)
{
    return (struct spool_feed *)f;
}

static void damage_tell(void *arg, const struct spool_finding *f)
{
    struct spool_feed *s = arg;
    s->stats.damaged++;
    s->stats.damaged_bytes += f->bytes;
    log_warn("analyse", "spool: segment %" PRIu64 ", offset %" PRIu64 ": %s (%" PRIu64 " bytes)",
             f->at.segment, f->at.offset, f->text, f->bytes);
}

/* A trap that is new, or in another site now. */
static enum err trap_know(struct spool_feed *s, const struct session_head *h, struct errbuf *eb)
{
    const struct id128 key[2] = {hash_id128(h->trap), hash_id128(h->site)};
    bool is_new;
    if (strmap_count(s->traps) == TRAPS_KNOWN_MAX) {
        strmap_clear(s->traps);
    }
    if (!strmap_put(s->traps, slice_of((const char *)key, sizeof key), &is_new)) {
        return ERR_NOMEM;
    }
    return is_new ? store_trap_put(s->o.store, h->trap, h->site, eb) : OK;
}

/* ---- giving ---- */

static struct live_envelope envelope_of(const struct message_record *m)
{
    struct live_envelope live = {
        .trap = m->head.trap,
        .token = m->head.session,
        .received_us = m->accepted_us,
        .session_us = m->head.accepted_us,
        .client = m->head.client,
        .has_proxy = m->head.has_proxy,
        .helo = m->helo,
        .protocol = m->protocol,
        .tls = m->tls,
        .recipients = m->recipients,
        .recipient_count = m->recipient_count,
    };
    for (size_t i = 0; i < sizeof m->number; i++) {
        live.token.b[i] ^= (uint8_t)(m->number >> (8 * i));
    }
    return live;
}

struct id128 spool_message_id(const struct message_record *m)
{
    struct live_envelope live = envelope_of(m);
    return live_message_id(&live, m->raw, m->raw.n);
}

static void message_fill(struct spool_feed *s, const struct message_record *m)
{
    s->live = envelope_of(m);
    s->live.sd1 = s->sd1;
    s->live.td1 = s->td1;
    s->message = (struct source_message){
        .raw = m->raw,
        .bytes = m->raw.n,
        .is_truncated = m->data_flags & DATA_CUT,
        .name = "spool",
        .ordinal = s->stats.messages,
        .envelope_from = m->mail_from,
        .live = &s->live,
    };
}

/* The next message that leaves; false when that was the last, or it is none any more. */
static enum err message_give(struct spool_feed *s, struct feed_item *out)
{
    struct decoded_record record;
    struct held *m = s->leaving;
    s->leaving = m->next;
    s->given = m;
    arena_reset(s->arena);
    enum err e = record_decode(held_payload(m), s->arena, &record);
    if (e != OK || record.kind != RECORD_MESSAGE) {
        return e; /* it was decoded when it was put on hold: memory */
    }
    message_fill(s, &record.message);
    s->stats.messages++;
    out->message = &s->message;
    return OK;
}

/* With the last of what leaves goes the mark, if it has moved. */
static void mark_give(struct spool_feed *s, struct feed_item *out)
{
    const struct held *oldest = hold_oldest(s->hold);
    struct spool_position at = oldest ? oldest->at : spool_reader_position(s->reader);
    if (!s->leaving && !s->has_session && spool_position_before(s->mark, at)) {
        s->mark = at;
        out->has_mark = true;
        out->mark = at;
    }
}

/* ---- taking ---- */

static enum err message_hold(struct spool_feed *s, const struct message_record *m,
                             const struct spool_item *item, struct errbuf *eb)
{
    int64_t made, received = m->accepted_us / MICROSECONDS;
    enum err e = trap_know(s, &m->head, eb);
    if (e == OK && canary_read(m->raw, s->o.recipient_key, m->head.trap, received, &made)) {
        s->stats.canaries++;
        return canary_note(s->o.store, m->head.trap, made, received, eb);
    }
    return e == OK ? hold_put(s->hold, m->head.session, item->at, m->accepted_us, item->payload)
                   : e;
}

/* The record ends its session: what waited for it leaves with its prints. */
static enum err session_take(struct spool_feed *s, const struct session_record *in,
                             const struct spool_item *item, struct errbuf *eb)
{
    struct decoded_record record;
    enum err e = trap_know(s, &in->head, eb);
    if (e != OK) {
        return e;
    }
    arena_reset(s->session_arena);
    s->session_payload = arena_copy(s->session_arena, item->payload);
    e = s->session_payload.p ? record_decode(s->session_payload, s->session_arena, &record)
                             : ERR_NOMEM;
    e = e == OK ? session_row_make(&s->session, &record.session, s->o.geo, s->session_arena) : e;
    if (e != OK) {
        return e;
    }
    s->sd1 = s->session.sd1;
    s->td1 = s->session.td1;
    s->has_session = true;
    s->leaving = hold_take(s->hold, in->head.session);
    return OK;
}

/* What a store takes. A trap writes nothing else; but one record that the store refuses would stop
 * the spool for ever. */
static bool record_is_sane(const struct decoded_record *r)
{
    static const int64_t END_US = INT64_C(253402300800) * MICROSECONDS; /* year 10000 */
    const struct session_head *h = record_head(r);
    int64_t at = r->kind == RECORD_MESSAGE ? r->message.accepted_us : r->session.ended_us;
    return h->trap.n > 0 && h->accepted_us > 0 && h->accepted_us < END_US && at > 0 && at < END_US;
}

static enum err record_take(struct spool_feed *s, const struct spool_item *item, struct errbuf *eb)
{
    struct decoded_record record;
    arena_reset(s->arena);
    enum err e = record_decode(item->payload, s->arena, &record);
    if (e == ERR_NOMEM) {
        return e;
    }
    if (e != OK) {
        struct spool_finding f = {item->at, item->payload.n,
                                  e == ERR_VERSION ? "a record of a newer version"
                                                   : "a record that is none"};
        damage_tell(s, &f);
        return OK;
    }
    if (!record_is_sane(&record)) {
        struct spool_finding f = {item->at, item->payload.n, "a record without a trap or a time"};
        damage_tell(s, &f);
        return OK;
    }
    bool is_message = record.kind == RECORD_MESSAGE;
    int64_t at = is_message ? record.message.accepted_us : record.session.ended_us;
    s->newest_us = at > s->newest_us ? at : s->newest_us;
    return is_message ? message_hold(s, &record.message, item, eb)
                      : session_take(s, &record.session, item, eb);
}

/* The oldest message goes without its session when it has waited long enough, or too many wait. */
static bool oldest_leaves(struct spool_feed *s, int64_t now_us, int64_t over_us)
{
    const struct held *oldest = hold_oldest(s->hold);
    if (!oldest || (!hold_is_full(s->hold) && oldest->accepted_us >= over_us &&
                    now_us - oldest->accepted_us < (int64_t)LIMIT_HELD_SECONDS * MICROSECONDS)) {
        return false;
    }
    s->sd1 = s->td1 = slice_of(NULL, 0);
    s->leaving = hold_take_oldest(s->hold);
    s->stats.without_session++;
    return true;
}

/* At the end of what is there, the clock goes on. What a trap process that is gone had to say
 * stands before what the next one says, so at the end all of it was read. */
static bool end_reached(struct spool_feed *s)
{
    int64_t now_us = (int64_t)time_now() * MICROSECONDS;
    return !oldest_leaves(s, s->o.ends ? INT64_MAX : now_us, s->o.over_us ? *s->o.over_us : 0);
}

static enum err feed_next(struct feed *f, struct feed_item *out, struct errbuf *eb)
{
    struct spool_feed *s = self_of(f);
    struct spool_item item;
    free(s->given);
    s->given = NULL;
    *out = (struct feed_item){NULL};
    while (!s->leaving && !s->has_session && !oldest_leaves(s, s->newest_us, 0)) {
        enum err e = spool_reader_next(s->reader, &item, eb);
        s->stats.at = spool_reader_position(s->reader);
        if (e == ERR_END && end_reached(s)) {
            mark_give(s, out);
            return s->o.ends && !out->has_mark ? ERR_END : OK;
        }
        e = e == OK ? record_take(s, &item, eb) : e == ERR_END ? OK : e;
        if (e != OK) {
            return e;
        }
    }
    enum err e = OK;
    if (s->leaving) {
        e = message_give(s, out);
    } else {
        s->has_session = false;
        s->stats.sessions++;
        out->session = &s->session;
    }
    if (e == OK) {
        mark_give(s, out);
    }
    return e;
}

static void feed_wait(struct feed *f)
{
    struct spool_feed *s = self_of(f);
    if (s->o.wait) {
        s->o.wait(s->o.arg);
    } else {
        nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000L}, NULL);
    }
}

static void feed_committed(struct feed *f, struct spool_position at)
{
    struct errbuf eb = {.text = ""};
    if (self_of(f)->o.is_second_reading) {
        return; /* it may be behind what the store has */
    }
    if (spool_folder_set_analysed(self_of(f)->dir, at, &eb) != OK) {
        log_warn("analyse", "%s: its segments are kept longer than they need to be", eb.text);
    }
}

/* ---- life ---- */

static enum err feed_open(struct spool_feed *s, struct errbuf *eb)
{
    struct spool_reader_options r = {
        .folder = s->o.folder, .is_closed = s->o.ends, .on_finding = damage_tell, .arg = s};
    enum err e = spool_folder_open(s->o.folder, &s->dir, eb);
    e = e == OK ? spool_folder_id(s->dir, false, &s->feed.spool, eb) : e;
    if (s->o.is_second_reading) {
        r.from = s->o.from;
    } else if (e == OK) {
        e = store_spool_mark(s->o.store, s->feed.spool, &r.from, eb);
    }
    e = e == OK ? spool_reader_open(&r, &s->reader, eb) : e;
    if (e == OK) {
        s->mark = r.from;
    }
    return e;
}

enum err spool_feed_new(const struct spool_feed_options *o, struct feed **out, struct errbuf *eb)
{
    struct spool_feed *s = calloc(1, sizeof *s);
    if (!s) {
        return ERR_NOMEM;
    }
    s->feed = (struct feed){.next = feed_next, .wait = feed_wait, .committed = feed_committed};
    s->o = *o;
    s->dir = -1;
    s->hold = hold_new();
    s->traps = strmap_new();
    s->arena = arena_new(LIMIT_RECORD_BYTES);
    s->session_arena = arena_new(2 * (size_t)LIMIT_RECORD_BYTES);
    bool ok = s->hold && s->traps && s->arena && s->session_arena;
    enum err e = ok ? feed_open(s, eb) : ERR_NOMEM;
    if (e != OK) {
        spool_feed_free(&s->feed);
        return e;
    }
    *out = &s->feed;
    return OK;
}

struct spool_feed_stats spool_feed_stats(const struct feed *f)
{
    return ((const struct spool_feed *)f)->stats;
}

void spool_feed_free(struct feed *f)
{
    struct spool_feed *s = self_of(f);
    if (!s) {
        return;
    }
    while (s->leaving) {
        struct held *next = s->leaving->next;
        free(s->leaving);
        s->leaving = next;
    }
    free(s->given);
    hold_free(s->hold);
    strmap_free(s->traps);
    arena_free(s->arena);
    arena_free(s->session_arena);
    spool_reader_close(s->reader);
    if (s->dir >= 0) {
        close(s->dir);
    }
    free(s);
}

/* ---- following ---- */

static bool is_stopped(const struct pipeline_options *p)
{
    return p->stop && *p->stop;
}

static void pause_for(const struct pipeline_options *p, const struct spool_feed_options *o,
                      unsigned seconds)
{
    double until = time_monotonic() + seconds;
    while (!is_stopped(p) && time_monotonic() < until) {
        if (o->wait) {
            o->wait(o->arg);
        } else {
            nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000L}, NULL);
        }
    }
}

/* Another process holds the store, the disk is full, the spool is not made yet: these pass. */
static bool is_passing(enum err e)
{
    return e == ERR_BUSY || e == ERR_STORE || e == ERR_IO || e == ERR_NOTFOUND || e == ERR_NOMEM;
}

static void progress_add(struct pipeline_progress *sum, const struct pipeline_progress *p)
{
    sum->messages += p->messages;
    sum->added += p->added;
    sum->repeated += p->repeated;
    sum->sessions += p->sessions;
    sum->failed += p->failed;
}

static void stats_add(struct spool_feed_stats *sum, const struct feed *f)
{
    struct spool_feed_stats one = spool_feed_stats(f);
    sum->messages += one.messages;
    sum->sessions += one.sessions;
    sum->without_session += one.without_session;
    sum->canaries += one.canaries;
    sum->damaged += one.damaged;
    sum->damaged_bytes += one.damaged_bytes;
    sum->at = one.at;
}

enum err spool_follow(const struct pipeline_options *p, const struct spool_feed_options *o,
                      struct pipeline_progress *progress, struct errbuf *eb)
{
    enum { PAUSE_MAX = 30 };
    unsigned pause = 1;
    *progress = (struct pipeline_progress){0};
    for (;;) {
        struct feed *feed = NULL;
        struct pipeline_progress run = {0};
        enum err e = spool_feed_new(o, &feed, eb);
        e = e == OK ? pipeline_follow(p, feed, o->store, &run, eb) : e;
        if (feed && o->stats) {
            stats_add(o->stats, feed);
        }
        spool_feed_free(feed);
        progress_add(progress, &run);
        if (e == OK || e == ERR_CANCELLED || !is_passing(e) || o->ends) {
            return e == ERR_CANCELLED ? OK : e;
        }
        pause = run.added + run.sessions ? 1 : pause;
        if (e != ERR_NOTFOUND) {
            log_error("analyse", "%s; again in %u s", eb->text[0] ? eb->text : err_text(e), pause);
        }
        pause_for(p, o, pause);
        if (is_stopped(p)) {
            return OK;
        }
        pause = 2 * pause < PAUSE_MAX ? 2 * pause : PAUSE_MAX;
    }
}
