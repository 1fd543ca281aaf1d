/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spool/spool_sink.h"

#include <stdlib.h>

/* Who waits for which completion: slots in a table, their numbers (from 1) as cookies; free ones
 * are chained. */
struct waiting {
    sink_done_fn done; /* NULL: free */
    void *arg;
    size_t next_free;
};

struct spool_sink {
    struct sink sink; /* first: a sink is cast to this */
    struct spool_writer *writer;
    bool (*is_relay)(void *arg, struct ip client);
    void *arg;
    struct waiting *slots;
    size_t count, size, first_free; /* first_free: number, 0 when none */
};

static enum err err_of(enum spool_status status)
{
    return status == SPOOL_OK ? OK : status == SPOOL_SHARE ? ERR_LIMIT : ERR_IO;
}

/* A number, 0 when out of memory. */
static size_t slot_take(struct spool_sink *k, sink_done_fn done, void *arg)
{
    size_t number = k->first_free;
    if (number) {
        k->first_free = k->slots[number - 1].next_free;
    } else {
        if (k->count == k->size) {
            size_t size = k->size ? 2 * k->size : 64;
            struct waiting *slots = realloc(k->slots, size * sizeof *slots);
            if (!slots) {
                return 0;
            }
            k->slots = slots;
            k->size = size;
        }
        number = ++k->count;
    }
    k->slots[number - 1] = (struct waiting){done, arg, 0};
    return number;
}

static struct waiting slot_give(struct spool_sink *k, size_t number)
{
    struct waiting w = k->slots[number - 1];
    k->slots[number - 1] = (struct waiting){NULL, NULL, k->first_free};
    k->first_free = number;
    return w;
}

static unsigned flags_of(const struct spool_sink *k, struct ip client)
{
    return k->is_relay && k->is_relay(k->arg, client) ? SPOOL_NO_SHARE : 0;
}

static void sink_message(struct sink *sink, const struct message_record *m, sink_done_fn done,
                         void *arg)
{
    struct spool_sink *k = (struct spool_sink *)sink;
    size_t number = slot_take(k, done, arg);
    if (!number) {
        done(arg, ERR_NOMEM);
        return;
    }
    enum spool_status status =
        spool_append_message(k->writer, m, number, flags_of(k, m->head.client));
    if (status != SPOOL_OK) {
        slot_give(k, number);
        done(arg, err_of(status));
    }
}

static void sink_session(struct sink *sink, const struct session_record *s)
{
    struct spool_sink *k = (struct spool_sink *)sink;
    /* when there is no room, a session that nobody waits for is lost; the writer counts it */
    enum spool_status ignored = spool_append_session(k->writer, s, 0, flags_of(k, s->head.client));
    (void)ignored;
}

struct sink *spool_sink_new(struct spool_writer *w, bool (*is_relay)(void *arg, struct ip client),
                            void *arg)
{
    struct spool_sink *k = calloc(1, sizeof *k);
    if (!k) {
        return NULL;
    }
    *k = (struct spool_sink){
        .sink = {sink_message, sink_session}, .writer = w, .is_relay = is_relay, .arg = arg};
    return &k->sink;
}

void spool_sink_poll(struct sink *sink)
{
    enum { AT_ONCE = 64 };
    struct spool_sink *k = (struct spool_sink *)sink;
    struct spool_completion done[AT_ONCE];
    size_t n;
    do {
        n = spool_writer_poll(k->writer, done, AT_ONCE);
        for (size_t i = 0; i < n; i++) {
            struct waiting w = slot_give(k, (size_t)done[i].cookie);
            w.done(w.arg, err_of(done[i].status));
        }
    } while (n == AT_ONCE);
}

void spool_sink_free(struct sink *sink)
{
    struct spool_sink *k = (struct spool_sink *)sink;
    if (!k) {
        return;
    }
    for (size_t i = 0; i < k->count; i++) {
        if (k->slots[i].done) {
            k->slots[i].done(k->slots[i].arg, ERR_CANCELLED);
        }
    }
    free(k->slots);
    free(k);
}
