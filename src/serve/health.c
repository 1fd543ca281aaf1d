/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/health.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SECONDS_PER_HOUR = 3600,
    QUIET_SECONDS = 10, /* a disk that fails now and then is one trouble, not hundreds */
};

void health_plan(struct health *h, const struct serve_plan *p)
{
    h->trap_count = 0;
    for (size_t i = 0; i < p->count; i++) {
        size_t t = 0;
        while (t < h->trap_count && strcmp(h->open[t].trap, p->traps[i].trap) != 0) {
            t++;
        }
        if (t == h->trap_count) {
            struct message_coverage *m = &h->open[h->trap_count++];
            *m = (struct message_coverage){.is_open = true};
            snprintf(m->trap, sizeof m->trap, "%s", p->traps[i].trap);
            snprintf(m->site, sizeof m->site, "%s", p->traps[i].site);
        }
        h->trap_of[i] = t;
    }
}

void health_begin(struct health *h, int64_t now)
{
    memset(h->counted, 0, sizeof h->counted);
    h->trouble = (struct health_trouble){0};
    for (size_t t = 0; t < h->trap_count; t++) {
        h->open[t].from = h->open[t].until = now;
        h->open[t].is_degraded = false;
    }
}

/* The growing entry of a trap's hour; made when there is none. */
static struct message_hour *hour_of(struct health *h, const char trap[TRAP_NAME_BYTES],
                                    int64_t hour)
{
    for (size_t i = h->hour_count; i-- > 0;) {
        struct message_hour *m = &h->hours[i];
        if (!m->serial && m->hour == hour && strcmp(m->trap, trap) == 0) {
            return m;
        }
    }
    if (h->hour_count == HEALTH_HOURS_MOST) {
        memmove(h->hours, h->hours + 1, --h->hour_count * sizeof *h->hours);
    }
    struct message_hour *m = &h->hours[h->hour_count++];
    *m = (struct message_hour){.hour = hour};
    memcpy(m->trap, trap, sizeof m->trap);
    return m;
}

void health_count(struct health *h, const struct message_listener *m,
                  const struct listen_sockets *sockets, int64_t now)
{
    if (m->socket >= sockets->count) {
        return;
    }
    struct message_listener *last = &h->counted[m->socket];
    if (m->refused > last->refused) { /* counters only grow: who says else is not believed */
        const char *trap = h->open[h->trap_of[sockets->items[m->socket].wish]].trap;
        hour_of(h, trap, now - now % SECONDS_PER_HOUR)->refused += m->refused - last->refused;
        *last = *m;
    }
}

static void interval_end(struct health *h, const struct message_coverage *open, int64_t now,
                         bool is_crash)
{
    if (h->ended_count == HEALTH_ENDED_MOST) {
        memmove(h->ended, h->ended + 1, --h->ended_count * sizeof *h->ended);
    }
    struct message_coverage *to = &h->ended[h->ended_count++];
    *to = *open;
    to->until = now;
    to->is_open = false;
    to->is_crash = is_crash;
}

void health_end(struct health *h, int64_t now, bool is_crash)
{
    for (size_t t = 0; t < h->trap_count; t++) {
        if (h->open[t].from) {
            interval_end(h, &h->open[t], now, is_crash);
            h->open[t].from = 0;
        }
    }
}

/* From `at` on all traps that are up are in the other state. */
static void state_turn(struct health *h, int64_t at, bool is_degraded)
{
    for (size_t t = 0; t < h->trap_count; t++) {
        struct message_coverage *m = &h->open[t];
        if (m->from && at > m->from) {
            interval_end(h, m, at, false);
            m->from = at;
        }
        m->until = m->from;
        m->is_degraded = is_degraded;
        m->had_no_room = false;
        m->part = (double)NAN;
    }
}

bool health_beat(struct health *h, const uint64_t counters[COUNTER_COUNT], int64_t now)
{
    struct health_trouble *t = &h->trouble;
    uint64_t messages = counters[COUNTER_MESSAGES], deferred = counters[COUNTER_DEFERRED];
    bool has_no_room = counters[COUNTER_SPOOL_FULL] || counters[COUNTER_SPOOL_REFUSED] > t->refused;
    bool is_trouble = has_no_room || counters[COUNTER_SPOOL_FAILED] > t->failed;
    bool begins = is_trouble && !t->since,
         ends = !is_trouble && t->since && now - t->last >= QUIET_SECONDS;
    t->refused = counters[COUNTER_SPOOL_REFUSED];
    t->failed = counters[COUNTER_SPOOL_FAILED];
    if (begins) {
        t->since = now - 1; /* at some time since the beat before */
        state_turn(h, t->since, true);
    }
    if (is_trouble) {
        uint64_t kept = messages - t->messages_before, lost = deferred - t->deferred_before;
        t->last = now;
        for (size_t i = 0; i < h->trap_count; i++) {
            h->open[i].had_no_room |= has_no_room;
            h->open[i].part =
                kept + lost ? (double)kept / ((double)kept + (double)lost) : (double)NAN;
        }
    }
    if (ends) {
        state_turn(h, t->last, false);
        t->since = 0;
    }
    if (!t->since) {
        t->messages_before = messages;
        t->deferred_before = deferred;
    }
    return begins || ends;
}

void health_send(struct health *h, int channel, int64_t now)
{
    struct message m = {.type = MESSAGE_COVERAGE};
    for (size_t i = 0; i < h->ended_count; i++) {
        m.coverage = h->ended[i];
        channel_send(channel, &m);
    }
    for (size_t t = 0; t < h->trap_count; t++) {
        if (h->open[t].from) {
            h->open[t].until = now;
            m.coverage = h->open[t];
            channel_send(channel, &m);
        }
    }
    m.type = MESSAGE_HOUR;
    for (size_t i = 0; i < h->hour_count; i++) {
        h->hours[i].serial = h->hours[i].serial ? h->hours[i].serial : ++h->serial;
        m.hour = h->hours[i];
        channel_send(channel, &m);
    }
}

void health_coverage_stored(struct health *h, const struct message_coverage *m)
{
    for (size_t i = 0; i < h->ended_count && !m->is_open; i++) {
        if (h->ended[i].from == m->from && h->ended[i].until == m->until &&
            strncmp(h->ended[i].trap, m->trap, sizeof m->trap) == 0) {
            memmove(h->ended + i, h->ended + i + 1, (--h->ended_count - i) * sizeof *h->ended);
            return;
        }
    }
}

void health_hour_stored(struct health *h, const struct message_hour *m)
{
    for (size_t i = 0; i < h->hour_count && m->serial; i++) {
        if (h->hours[i].serial == m->serial) {
            memmove(h->hours + i, h->hours + i + 1, (--h->hour_count - i) * sizeof *h->hours);
            return;
        }
    }
}
