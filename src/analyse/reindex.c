/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/reindex.h"

#include <stdlib.h>

/* In place of store_append_batch. */
static enum err batch_reindex(void *arg, struct store *s, const struct store_batch *batch,
                              struct append_result *result, struct errbuf *eb)
{
    struct reindex *r = arg;
    struct rules *rules =
        r->o->pipeline.analyse.rules ? rules_live_get(r->o->pipeline.analyse.rules) : NULL;
    uint64_t added = r->result.added;
    struct store_reindex in = {
        .rows = batch->rows,
        .row_count = batch->row_count,
        .adds = r->o->adds,
        .placing = batch->placing,
        .source = r->source,
        .pack = rules ? rules_version(rules) : slice_of("", 0),
        .note = S("reindex"),
    };
    if (batch->import) {
        in.next_ordinal = batch->import->next_ordinal;
        in.is_complete = batch->import->is_complete;
    }
    enum err e = store_reindex(s, &in, &r->generation, &r->result, eb);
    rules_unref(rules);
    *result = (struct append_result){.added = (size_t)(r->result.added - added)};
    result->repeated = batch->row_count - result->added;
    return e;
}

static struct pipeline_options options_of(struct reindex *r)
{
    struct pipeline_options o = r->o->pipeline;
    o.identity = r->source;
    o.append = batch_reindex;
    o.append_arg = r;
    return o;
}

enum err reindex_source(struct reindex *r, const char *path, struct slice identity,
                        struct pipeline_progress *progress, struct errbuf *eb)
{
    /* Not the import's own mark: that one is done. */
    struct strbuf mark = STRBUF_INIT;
    struct source *source = NULL;
    strbuf_add_cstr(&mark, "reindex ");
    strbuf_add(&mark, identity);
    enum err e = mark.failed ? ERR_NOMEM : source_open(path, &source, eb);
    if (e == OK) {
        r->source = strbuf_slice(&mark);
        e = store_reindex_mark(r->o->store, r->source, &r->resumed, eb);
        if (e == OK && r->resumed) {
            e = source_skip(source, r->resumed, eb);
            e = e == ERR_END ? OK : e;
        }
        struct pipeline_options o = options_of(r);
        e = e == OK ? pipeline_run(&o, source, r->o->store, progress, eb) : e;
        source_close(source);
    }
    r->source = slice_of("", 0);
    strbuf_free(&mark);
    return e;
}

enum err reindex_spool(struct reindex *r, struct spool_feed_options feed,
                       struct pipeline_progress *progress, struct errbuf *eb)
{
    struct pipeline_options o = options_of(r);
    feed.store = r->o->store;
    feed.ends = true;
    feed.is_second_reading = true;
    r->resumed = 0;
    return spool_follow(&o, &feed, progress, eb);
}
