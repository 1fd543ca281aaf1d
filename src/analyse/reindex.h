/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Raw mail that is still there, analysed again, in place of the rows that it once became
 * (docs/relabel.md). Goes the way of an import; only the last step differs. */
#ifndef ANALYSE_REINDEX_H
#define ANALYSE_REINDEX_H

#include "analyse/pipeline.h"
#include "analyse/spool_feed.h"
#include "store/generation.h"

struct reindex_options {
    struct pipeline_options pipeline; /* identity and append are set here */
    struct store *store;
    bool adds; /* messages that are not in the store are added */
};

/* One run over any number of inputs: it makes at most one label generation. */
struct reindex {
    const struct reindex_options *o;
    struct reindex_result result;
    unsigned generation; /* 0: no label changed so far */
    struct slice source; /* of the input at hand; empty: without a mark */
    uint64_t resumed;    /* messages of it that an earlier run has done */
};

/* Mail from files. Goes on where an earlier run of the same input was stopped. */
enum err reindex_source(struct reindex *r, const char *path, struct slice identity,
                        struct pipeline_progress *progress, struct errbuf *eb) MUST_USE;
/* A spool from its start, or from where an earlier run was stopped; `feed` says where it is, and
 * that it ends. Sessions are left as they are. */
enum err reindex_spool(struct reindex *r, struct spool_feed_options feed,
                       struct pipeline_progress *progress, struct errbuf *eb) MUST_USE;

#endif
