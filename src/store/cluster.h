/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store's side of mailers and campaigns (docs/clusters.md): parts with their states, clusters,
 * the journal; the volume of clusters. Keeps what the room cluster gives out and gives it back;
 * knows nothing of how parts are grouped. Volumes are sums over the parts that belong to a cluster
 * now, so they are exact whatever merged or split since, also where retention has deleted rows. */
#ifndef STORE_CLUSTER_H
#define STORE_CLUSTER_H

#include "cluster/cluster.h"
#include "store/store.h"

_Static_assert((int)CLUSTER_KIND_COUNT == (int)ROW_PARTS, "a part of each kind in a row");

/* ---- what is kept ---- */

/* Gives changes to the sink, as clusters_give() does; an error of the sink is to be returned. */
typedef enum err (*cluster_give_fn)(void *arg, const struct cluster_sink *sink);

/* All that `give` gives, in one transaction: all or nothing. ERR_BUSY as store_append. Inside it
 * `give` may read what is under "read by who appends", so what it gives can be a function of what
 * no other process changes meanwhile. */
enum err store_clusters_put(struct store *s, cluster_give_fn give, void *arg,
                            struct errbuf *eb) MUST_USE;

/* For store_append_batch(): what happens to rows that are found new. All are called inside the
 * transaction; only begin and give may read the store, what is under "read by who appends". When
 * the batch fails, nothing of it is kept: what the callbacks have counted is to be thrown away and
 * read back. */
struct store_placing {
    /* In the order of the rows, repeats left out. Sets row->part and may lend labels; the row is a
     * copy of the batch's with this index, what it points to must live until the batch ends.
     * `number`: of the message in the store. */
    enum err (*place)(void *arg, size_t index, uint64_t number, struct message_row *row);
    cluster_give_fn give; /* after the last row; NULL: nothing to keep */
    void *arg;
    /* Before the first row: what other processes have written since is seen now, and stays as it is
     * until the transaction ends. NULL: nothing to do. */
    enum err (*begin)(void *arg, struct errbuf *eb);
    /* For a row that has its parts from before (store_reindex): may lend labels. NULL: none. */
    enum err (*lend)(void *arg, struct message_row *row);
};

/* ---- read by who appends: also inside its transaction ---- */

/* All states of parts know the messages with a number below *counted; *next is the number that the
 * next message gets. */
enum err store_counted(struct store *s, uint64_t *counted, uint64_t *next,
                       struct errbuf *eb) MUST_USE;
/* The rows from a number on, by number; those that retention has deleted are left out. */
enum err store_rows_from(struct store *s, uint64_t from,
                         enum err (*fn)(void *arg, uint64_t number, struct message_row *row),
                         void *arg, struct errbuf *eb) MUST_USE;
/* The row of a message by its number, valid until the next row is read. ERR_NOTFOUND. */
enum err store_row(struct store *s, uint64_t number, struct message_row *out,
                   struct errbuf *eb) MUST_USE;
/* One part, if it has a state or a message; else ERR_NOTFOUND. */
enum err store_part(struct store *s, enum cluster_kind k, uint64_t key,
                    enum err (*fn)(void *arg, const struct cluster_part *p), void *arg,
                    struct errbuf *eb) MUST_USE;
/* Parts that have a state or a message, in the order in which they were first seen. A callback's
 * error ends the call and is returned. */
enum err store_parts(struct store *s, enum err (*fn)(void *arg, const struct cluster_part *p),
                     void *arg, struct errbuf *eb) MUST_USE;
/* All clusters, those merged into others too, by kind and id. */
enum err store_clusters(struct store *s, enum err (*fn)(void *arg, const struct cluster_info *i),
                        void *arg, struct errbuf *eb) MUST_USE;
/* The clusters of a kind with their parts in memory, which is half of the memory and time, or of
 * all (CLUSTER_KIND_COUNT); clusters_free() them. What is damaged is left out, and logged. */
enum err store_clusters_load(struct store *s, enum cluster_kind kind, struct clusters **out,
                             struct errbuf *eb) MUST_USE;
/* Takes in a part that store_part() or store_parts() gave, after the clusters. ERR_NOTFOUND: it is
 * damaged, or was known by a message that retention has deleted, and is left out. */
enum err store_part_load(struct store *s, struct clusters *c, const struct cluster_part *p,
                         struct errbuf *eb) MUST_USE;

/* What a row shows the clusters; borrowed from it. */
struct cluster_message row_shows(const struct message_row *row);
/* Takes from a stored row the labels that clusters have lent it: they are no evidence for names of
 * clusters. */
void row_take_back(const struct clusters *c, struct message_row *row);

/* ---- read by anybody ---- */

/* The cluster that an id leads to (through what it was merged into). Slices are valid until the
 * next call on this store. ERR_NOTFOUND. */
enum err store_cluster(struct store *s, enum cluster_kind k, uint32_t id, struct cluster_info *out,
                       struct errbuf *eb) MUST_USE;
/* The cluster that a message's part (message_row.part) belongs to; likewise. ERR_NOTFOUND: none. */
enum err store_part_cluster(struct store *s, enum cluster_kind k, uint64_t key,
                            struct cluster_info *out, struct errbuf *eb) MUST_USE;

struct cluster_event_query {
    int64_t since, until; /* half-open, to the second; INT64_MIN, INT64_MAX: open */
    int kind;             /* enum cluster_kind; -1: all */
    uint32_t cluster;     /* as cluster or as other; 0: all */
    size_t limit;         /* 0: no limit */
};
/* The journal, newest first. */
enum err store_cluster_events(struct store *s, const struct cluster_event_query *q,
                              void (*fn)(void *arg, const struct cluster_event *e), void *arg,
                              struct errbuf *eb) MUST_USE;

/* ---- samples of rows ---- */

enum {
    STORE_DRAWN_FROM = 4000000
}; /* the newest rows, which a draw looks at; a second a million */

/* Rows to look at when there is no time for all. */
struct store_draw {
    enum cluster_kind kind;
    const uint32_t *clusters; /* living ones, each once */
    size_t count;
    size_t each; /* at most, of each of the clusters */
    size_t all;  /* at most, of all mail, that of the clusters too */
};
struct drawn_row {
    uint64_t number;  /* as store_row() takes it */
    uint32_t cluster; /* of the draw's kind; 0: none */
};
struct store_drawn {
    const struct drawn_row *rows; /* by number */
    size_t count;
};
/* Fills out[i] for the i-th cluster and out[q->count] for all mail. The rows are those whose
 * numbers have the least hash: the same whenever it is asked, and no run of what came together. In
 * the arena. ERR_NOMEM. */
enum err store_draw(struct store *s, const struct store_draw *q, struct arena *arena,
                    struct store_drawn *out, struct errbuf *eb) MUST_USE;

/* ---- volume ---- */

/* Periods are widened to whole days. Buckets are BUCKET_ALL, DAY or MONTH; HOUR gives
 * ERR_UNSUPPORTED. units.hosts is not filled; expected = messages. Messages without a receipt time
 * are in no bucket, but in BUCKET_ALL and in store_cluster_top() where both ends are open. Cluster
 * 0 is every other message: whose part is in no cluster, or that has no part. So the sum over all
 * clusters of a kind is that of DIMENSION_TOTAL. Callbacks must not call the store. */

struct cluster_volume {
    uint32_t id; /* 0: in no cluster */
    struct units units;
    size_t parts;        /* of it, seen in the period */
    int64_t first, last; /* first and last day of the period on which it was seen: their start; 0:
                            it has only messages without a time, or it is cluster 0 */
};
/* The `limit` greatest by messages, ties by id; the line of cluster 0 comes last and is not one of
 * the `limit`. */
enum err store_cluster_top(struct store *s, const struct store_filter *f, enum cluster_kind k,
                           size_t limit, void (*fn)(void *arg, const struct cluster_volume *v),
                           void *arg, struct errbuf *eb) MUST_USE;

struct cluster_panel_row {
    int64_t bucket; /* its start; INT64_MIN for BUCKET_ALL */
    uint32_t cluster;
    size_t trap; /* as in panel_row */
    struct units units;
};
/* Volume by cluster and trap over buckets, by bucket, cluster, trap; what is not there has no row.
 * `only`: that cluster alone; NULL: all. In the memory of one bucket. */
enum err store_cluster_panel(struct store *s, const struct store_filter *f, enum bucket bucket,
                             enum cluster_kind k, const uint32_t *only,
                             void (*fn)(void *arg, const struct cluster_panel_row *row), void *arg,
                             struct errbuf *eb) MUST_USE;

struct cluster_series_row {
    int64_t bucket;
    uint32_t cluster;
    struct units units;
};
/* The same summed over traps. */
enum err store_cluster_series(struct store *s, const struct store_filter *f, enum bucket bucket,
                              enum cluster_kind k, const uint32_t *only,
                              void (*fn)(void *arg, const struct cluster_series_row *row),
                              void *arg, struct errbuf *eb) MUST_USE;

/* Volume by part, for what shows a cluster's parts: those of cluster `id`, greatest first. */
struct part_volume {
    uint64_t key;
    struct units units;
};
enum err store_part_top(struct store *s, const struct store_filter *f, enum cluster_kind k,
                        uint32_t id, size_t limit,
                        void (*fn)(void *arg, const struct part_volume *v), void *arg,
                        struct errbuf *eb) MUST_USE;

#endif
