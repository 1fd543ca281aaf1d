/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/reindex.h"

#include "spool/folder.h"

#include <stdlib.h>
#include <unistd.h>

/* A place in a spool as the number in a mark: segments are far smaller than 4 GiB. */
enum { OFFSET_BITS = 32 };

static uint64_t position_pack(struct spool_position p)
{
    return p.segment << OFFSET_BITS | (p.offset & UINT32_MAX);
}

static struct spool_position position_unpack(uint64_t n)
{
    return (struct spool_position){n >> OFFSET_BITS, n & UINT32_MAX};
}

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
    if (batch->spool) {
        in.next_ordinal = position_pack(batch->spool->at);
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

/* As the source of a mark. */
static enum err spool_identity(const char *folder, struct strbuf *out, struct errbuf *eb)
{
    int dir = -1;
    struct id128 id;
    char hex[33];
    enum err e = spool_folder_open(folder, &dir, eb);
    if (e == OK) {
        e = spool_folder_id(dir, false, &id, eb);
        (void)close(dir);
    }
    if (e == OK) {
        id128_hex(id, hex);
        strbuf_printf(out, "reindex spool %s", hex);
        e = out->failed ? ERR_NOMEM : OK;
    }
    return e;
}

enum err reindex_spool(struct reindex *r, struct spool_feed_options feed,
                       struct pipeline_progress *progress, struct errbuf *eb)
{
    struct strbuf mark = STRBUF_INIT;
    uint64_t done = 0;
    enum err e = spool_identity(feed.folder, &mark, eb);
    r->resumed = 0;
    r->source = strbuf_slice(&mark);
    e = e == OK ? store_reindex_mark(r->o->store, r->source, &done, eb) : e;
    if (e == OK) {
        struct pipeline_options o = options_of(r);
        feed.store = r->o->store;
        feed.ends = true;
        feed.is_second_reading = true;
        feed.from = position_unpack(done);
        e = spool_follow(&o, &feed, progress, eb);
        if (e == OK && !(o.stop && *o.stop)) {
            const struct store_reindex end = {.source = r->source, .is_complete = true};
            e = store_reindex(r->o->store, &end, &r->generation, &r->result, eb);
        }
    }
    r->source = slice_of("", 0);
    strbuf_free(&mark);
    return e;
}
