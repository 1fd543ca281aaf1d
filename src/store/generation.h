/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows written anew (docs/relabel.md): labels after a change of rules (a new label generation),
 * features after a change of the parser. Rollups, tallies and streams follow in the same
 * transaction, so that the store is always what its rows say. What the labels were before is kept
 * by day. */
#ifndef STORE_GENERATION_H
#define STORE_GENERATION_H

#include "store/store.h"

/* One of the runs that labelled rows again. Generation 1 is what messages got on arrival. */
struct generation {
    unsigned number;
    int64_t made;
    struct slice pack; /* rule pack */
    struct slice note;
    uint64_t messages; /* looked at */
    uint64_t changed;  /* of them, that got other labels or rules */
    uint64_t gone;     /* of the period, whose rows retention has deleted: they keep their labels */
};
/* All but the first, newest first. */
enum err store_generations(struct store *s, void (*fn)(void *arg, const struct generation *g),
                           void *arg, struct errbuf *eb) MUST_USE;
/* The newest number; 1 when nothing was ever labelled again. */
enum err store_generation_newest(struct store *s, unsigned *number, struct errbuf *eb) MUST_USE;

/* Messages whose decided label moved. */
struct generation_move {
    enum dimension dimension; /* BOTNET, MAILER or PROGRAM */
    struct slice from, to;    /* "unknown" for none */
    uint64_t messages;
};
/* Those between generation `number` and the next one, most messages first. */
enum err store_generation_moves(struct store *s, unsigned number,
                                void (*fn)(void *arg, const struct generation_move *m), void *arg,
                                struct errbuf *eb) MUST_USE;

/* store_cube of BOTNET, MAILER or PROGRAM by day, month or all as it would be with the labels of
 * generation `number` (what arrived later has its own). Hosts are not filled. ERR_NOTFOUND when
 * there is no such generation, or its difference is not kept any more. */
enum err store_generation_cube(struct store *s, const struct store_filter *f, unsigned number,
                               enum bucket bucket, enum dimension d, cube_fn fn, void *arg,
                               struct errbuf *eb) MUST_USE;

/* store_panel by day, likewise: one pass over all traps. */
enum err store_generation_panel(struct store *s, const struct store_filter *f, unsigned number,
                                enum dimension d, panel_fn fn, void *arg,
                                struct errbuf *eb) MUST_USE;

/* Days of the filter's period (traps and sites are not looked at) of which rows are gone: (day's
 * start, messages without a row). INT64_MIN is what has no receipt time. */
enum err store_gone_days(struct store *s, const struct store_filter *f,
                         void (*fn)(void *arg, int64_t day, uint64_t messages), void *arg,
                         struct errbuf *eb) MUST_USE;

/* ---- labels ---- */

struct store_relabel {
    struct store_filter filter; /* of receipt; to the second. Open ends: also what has no time */
    bool is_dry;                /* nothing is written */
    struct slice pack, note;
    /* Changes the labels, rule ids and pack of one row. *is_changed: they are others now. What it
     * sets must live until the next call; it must not call the store. */
    enum err (*label)(void *arg, struct message_row *row, bool *is_changed);
    /* Called once after the last row, to keep the clusters as they are named now; NULL. Not when
     * dry. */
    const struct store_placing *placing;                         /* its `begin` and `give` only */
    void (*on_progress)(void *arg, uint64_t done, uint64_t of);  /* NULL: none; every 1,000 rows */
    void (*on_move)(void *arg, const struct generation_move *m); /* at the end, most first */
    void *arg;
};
/* One transaction over all rows of the filter: an error of `label`, or a kill, leaves the old
 * generation whole. *out (its texts are not set) has number 0 when nothing changed: then there is
 * no new generation. */
enum err store_relabel(struct store *s, const struct store_relabel *r, struct generation *out,
                       struct errbuf *eb) MUST_USE;

/* ---- features ---- */

struct reindex_result {
    uint64_t updated, unchanged;
    uint64_t added;   /* not known before */
    uint64_t unknown; /* likewise, left out */
    uint64_t gone;    /* known, but retention has deleted the row: left as it is */
};
struct store_reindex {
    const struct message_row *rows;
    size_t row_count;
    bool adds; /* rows that are not known are added as store_append does */
    const struct store_placing *placing; /* for rows that have no parts yet; NULL: none */
    struct slice source;                 /* for the mark; empty: none */
    uint64_t next_ordinal;               /* of the source, after these rows */
    bool is_complete;                    /* the source is through: its mark goes */
    struct slice pack, note;             /* of the generation, when labels change */
};
/* One transaction: rows that are known by id are written anew where they differ from what is stored
 * (parts of clusters stay). *generation: 0 at first; the number that this run got when the first
 * label changed. Adds to *result. */
enum err store_reindex(struct store *s, const struct store_reindex *r, unsigned *generation,
                       struct reindex_result *result, struct errbuf *eb) MUST_USE;
/* Where a reindex that was stopped goes on: 0 when it is not known. */
enum err store_reindex_mark(struct store *s, struct slice source, uint64_t *next_ordinal,
                            struct errbuf *eb) MUST_USE;

#endif
