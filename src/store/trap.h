/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store's word on traps beyond their mail: edits by a person, when they watched, how many
 * connections they had, how late their mail came. A part of the interface of store/store.h, with
 * its rules; observe/trap_state.h makes states of it. */
#ifndef STORE_TRAP_H
#define STORE_TRAP_H

#include "store/store.h"

/* What a person changes of a trap; NULL leaves a part as it is. */
struct trap_edit {
    const struct slice *site, *note, *name; /* name: the old one stays known: what comes in under it
                                               (an import again, a server that still runs) is this
                                               trap's */
    const int64_t *up_from, *retired;       /* 0 takes back what was said */
};
/* ERR_NOTFOUND, ERR_EXISTS when another trap has or had the name, ERR_USAGE for an empty name or a
 * retirement before the beginning. */
enum err store_trap_edit(struct store *s, struct slice name, const struct trap_edit *edit,
                         struct errbuf *eb) MUST_USE;

/* ---- when they watched ---- */

enum coverage_state { COVERAGE_UP, COVERAGE_DEGRADED, COVERAGE_DOWN, COVERAGE_STATE_COUNT };
enum coverage_source { COVERAGE_SERVER, COVERAGE_PERSON, COVERAGE_FEED, COVERAGE_SOURCE_COUNT };
const char *coverage_state_name(enum coverage_state s);   /* "up", "degraded", "down" */
const char *coverage_source_name(enum coverage_source s); /* "server", "person", "feed" */

struct coverage {
    struct slice trap;
    int64_t since, until; /* [since, until); until INT64_MAX: still so */
    int64_t seen;         /* last sign of life of an interval without an end; 0: none yet */
    enum coverage_state state;
    enum coverage_source source;
    double part; /* COVERAGE_DEGRADED: what it still saw, 0 to 1; NAN: not known */
    struct slice note;
};
/* Records how a trap watched (made when new; `seen` is not looked at). What the same source said
 * before of the same time is overruled: cut, or dropped. An interval of it without an end ends
 * where this one begins, but one that gave signs of life ends at the last of them: a server puts an
 * open interval when it starts or its state changes, calls store_coverage_seen now and then and
 * store_coverage_end when it stops; if it was killed, the next start leaves the gap to be seen.
 * ERR_USAGE for an empty interval or impossible times. */
enum err store_coverage_put(struct store *s, const struct coverage *c, struct errbuf *eb) MUST_USE;
/* A sign of life of the open interval. ERR_NOTFOUND when there is none. */
enum err store_coverage_seen(struct store *s, struct slice trap, enum coverage_source source,
                             int64_t at, struct errbuf *eb) MUST_USE;
/* Ends the open interval. ERR_NOTFOUND when there is none. */
enum err store_coverage_end(struct store *s, struct slice trap, enum coverage_source source,
                            int64_t at, struct errbuf *eb) MUST_USE;
/* Intervals that overlap the filter's period (to the second), by trap name, time, source. */
enum err store_coverage_list(struct store *s, const struct store_filter *f,
                             void (*fn)(void *, const struct coverage *), void *arg,
                             struct errbuf *eb) MUST_USE;

/* ---- connections ---- */

/* Connections of one hour at a trap that counts them. store_append counts the sessions of live
 * traps (canaries too: they show that the trap accepts mail); feeds with a log bring theirs. */
struct trap_hour {
    struct slice trap;
    int64_t hour;         /* its start */
    uint64_t connections; /* all */
    uint64_t accepted;    /* that left at least one message */
    uint64_t refused;     /* that the trap turned away: by a guard, or all their recipients */
};
/* One transaction; an hour that is there already is replaced. Traps are made when new. ERR_USAGE
 * for a time that is no hour, or for more accepted and refused than connections. */
enum err store_trap_hours_put(struct store *s, const struct trap_hour *hours, size_t n,
                              struct errbuf *eb) MUST_USE;
/* By trap name, then hour; the period is widened to whole hours. */
enum err store_trap_hours_list(struct store *s, const struct store_filter *f,
                               void (*fn)(void *, const struct trap_hour *), void *arg,
                               struct errbuf *eb) MUST_USE;

/* ---- lag ---- */

/* How late mail comes in: messages by trap, day of receipt and whole days from receipt to arrival
 * in the store, 0 to LAG_DAYS_MAX. Mail that is older on arrival is an archive and not counted, nor
 * is what came before schema 2. By day, then lag, then in the order in which the traps were made;
 * whole days. */
enum { LAG_DAYS_MAX = 60 };
struct lag_row {
    int64_t day; /* of receipt: its start */
    unsigned lag;
    size_t trap; /* as in panel_row */
    uint64_t messages;
};
enum err store_lag(struct store *s, const struct store_filter *f,
                   void (*fn)(void *, const struct lag_row *), void *arg,
                   struct errbuf *eb) MUST_USE;

#endif
