/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One mailer or campaign in full. */
#include "core/strbuf.h"
#include "observe/clusters.h"

#include <math.h>
#include <stdlib.h>

struct page_building {
    struct cluster_page *page;
    struct clusters *clusters;
    struct arena *arena;
    struct cluster_series_row *volume;
    size_t volume_room;
    struct cluster_event *events;
    struct cluster_part_line *parts;
    struct cluster_share *traps; /* by their place in store_traps() */
    size_t trap_count, trap_room;
    enum err e;
};

static struct slice copy(struct page_building *b, struct slice s)
{
    struct slice to = s.n ? arena_copy(b->arena, s) : s;
    if (s.n && !to.p) {
        b->e = ERR_NOMEM;
    }
    return to;
}

static enum err sample_load(struct page_building *b, struct store *s, struct id128 id,
                            struct cluster_sample *out, struct errbuf *eb)
{
    struct message_row row;
    enum err e = store_message(s, id, &row, eb);
    *out = (struct cluster_sample){.id = id};
    if (e == OK) {
        out->is_kept = true;
        out->received = row.received;
        out->trap = copy(b, row.trap);
        out->country = copy(b, row.country);
        out->subject = copy(b, row.subject);
        return b->e;
    }
    return e == ERR_NOTFOUND ? OK : e;
}

static enum err profile_show(struct page_building *b, struct store *s, uint32_t id,
                             struct errbuf *eb)
{
    static const enum profile_top LABELS[CLUSTER_LABEL_COUNT] = {
        [CLUSTER_LABEL_BOTNET] = PROFILE_BOTNET,
        [CLUSTER_LABEL_MAILER] = PROFILE_MAILER,
        [CLUSTER_LABEL_PROGRAM] = PROFILE_PROGRAM};
    struct cluster_page *page = b->page;
    struct profile profile;
    struct id128 samples[PROFILE_SAMPLES];
    enum err e = clusters_profile(b->clusters, page->kind, id, &profile);
    if (e != OK) {
        return e == ERR_NOTFOUND ? OK : e;
    }
    for (size_t i = 0; i < CLUSTER_LABEL_COUNT && e == OK; i++) {
        double posterior;
        e = cluster_shares_of(s, page->kind, &profile, LABELS[i], b->arena, &page->labels[i], eb);
        page->labelled[i] = profile_labelled(&profile, LABELS[i], &posterior);
    }
    e = e == OK ? cluster_line_shares(s, page->kind, &profile, b->arena, &page->line, eb) : e;
    e = e == OK ? cluster_shares_of(s, page->kind, &profile, PROFILE_DOMAIN, b->arena,
                                    &page->domains, eb)
                : e;
    size_t n = profile_samples(&profile, samples, PROFILE_SAMPLES);
    profile_clear(&profile);
    struct cluster_sample *list = arena_alloc(b->arena, (n + 1) * sizeof *list);
    if (!list) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; e == OK && i < n; i++) {
        e = sample_load(b, s, samples[i], &list[i], eb);
    }
    page->samples = list;
    page->sample_count = n;
    return e == OK ? b->e : e;
}

/* ---- volume ---- */

static void volume_take(void *arg, const struct cluster_series_row *row)
{
    struct page_building *b = arg;
    if (b->page->volume_count < b->volume_room) {
        b->volume[b->page->volume_count++] = *row;
    }
}

static void trap_name_take(void *arg, const struct trap_info *t)
{
    struct page_building *b = arg;
    if (b->trap_count == b->trap_room) {
        size_t room = b->trap_room ? 2 * b->trap_room : 64;
        struct cluster_share *traps = arena_alloc(b->arena, room * sizeof *traps);
        if (!traps) {
            b->e = ERR_NOMEM;
            return;
        }
        if (b->trap_count) {
            memcpy(traps, b->traps, b->trap_count * sizeof *traps);
        }
        b->traps = traps;
        b->trap_room = room;
    }
    b->traps[b->trap_count++] = (struct cluster_share){.name = copy(b, t->name)};
}

static void trap_take(void *arg, const struct cluster_panel_row *row)
{
    struct page_building *b = arg;
    if (row->trap < b->trap_count) {
        b->traps[row->trap].messages += row->units.messages;
    }
    b->page->line.units.messages += row->units.messages;
    b->page->line.units.recipients += row->units.recipients;
    b->page->line.units.bytes += row->units.bytes;
}

static enum err volume_show(struct page_building *b, struct store *s, const struct store_filter *f,
                            const struct store_filter *all, uint32_t id, struct errbuf *eb)
{
    struct cluster_page *page = b->page;
    int64_t days = (f->until - f->since) / SECONDS_PER_DAY;
    page->bucket = days > CLUSTERS_DAYS_MAX ? BUCKET_MONTH : BUCKET_DAY;
    b->volume_room = (size_t)(page->bucket == BUCKET_DAY ? days : days / 28 + 2);
    b->volume = arena_alloc(b->arena, (b->volume_room + 1) * sizeof *b->volume);
    if (!b->volume) {
        return ERR_NOMEM;
    }
    enum err e = store_cluster_series(s, f, page->bucket, page->kind, &id, volume_take, b, eb);
    page->volume = b->volume;
    for (size_t i = 0; i < page->volume_count && page->bucket == BUCKET_DAY; i++) {
        int64_t back = (f->until - b->volume[i].bucket) / SECONDS_PER_DAY;
        uint64_t messages = b->volume[i].units.messages;
        page->line.week += back <= 7 ? messages : 0;
        page->line.week_before += back > 7 && back <= 14 ? messages : 0;
    }
    e = e == OK ? store_traps(s, trap_name_take, b, eb) : e;
    e = e == OK ? b->e : e;
    e = e == OK ? store_cluster_panel(s, all, BUCKET_ALL, page->kind, &id, trap_take, b, eb) : e;
    size_t seen = 0;
    for (size_t i = 0; i < b->trap_count; i++) {
        if (b->traps[i].messages) {
            b->traps[seen++] = b->traps[i];
        }
    }
    e = e == OK ? b->e : e;
    return e == OK ? cluster_shares_finish(b->arena, b->traps, seen, &page->traps) : e;
}

struct total {
    uint64_t messages;
};

static void total_take(void *arg, const struct cube_row *row)
{
    struct total *t = arg;
    t->messages += row->units.messages;
}

/* ---- parts, template, journal ---- */

static void part_take(void *arg, const struct part_volume *v)
{
    struct page_building *b = arg;
    if (b->page->part_count < CLUSTERS_PARTS) {
        b->parts[b->page->part_count++] =
            (struct cluster_part_line){.key = v->key, .messages = v->units.messages};
    }
}

static enum err part_print(struct page_building *b, struct cluster_part_line *part)
{
    bool is_variant = b->page->kind == CLUSTER_MAILER;
    struct variants *v = clusters_variants(b->clusters);
    struct wordings *w = clusters_wordings(b->clusters);
    size_t place = is_variant ? variants_index(v, part->key) : wordings_index(w, part->key);
    if (place < (is_variant ? variants_count(v) : wordings_count(w))) {
        part->text = cluster_part_print(b->clusters, b->page->kind, place, b->arena, &b->e);
    }
    return b->e;
}

static enum err parts_show(struct page_building *b, struct store *s, const struct store_filter *f,
                           uint32_t id, struct errbuf *eb)
{
    b->parts = arena_alloc(b->arena, CLUSTERS_PARTS * sizeof *b->parts);
    if (!b->parts) {
        return ERR_NOMEM;
    }
    enum err e = store_part_top(s, f, b->page->kind, id, CLUSTERS_PARTS, part_take, b, eb);
    for (size_t i = 0; e == OK && i < b->page->part_count; i++) {
        e = part_print(b, &b->parts[i]);
    }
    b->page->parts = b->parts;
    b->page->parts_all = clusters_parts(b->clusters, b->page->kind, id, NULL, 0);
    return e;
}

static enum err template_show(struct page_building *b, uint32_t id)
{
    const struct template *t = clusters_template(b->clusters, id);
    struct strbuf text = STRBUF_INIT;
    if (b->page->kind != CLUSTER_CAMPAIGN || !t) {
        return OK;
    }
    enum { RULE_INDENT = 4 };
    template_info(t, &b->page->learnt);
    enum err e = template_print(t, &text);
    b->page->template = copy(b, slice_trim(strbuf_slice(&text)));
    strbuf_clear(&text);
    enum err rule = e == OK ? template_rule(t, RULE_INDENT, &text) : e;
    if (rule == OK) {
        b->page->rule = copy(b, strbuf_slice(&text));
    }
    strbuf_free(&text);
    return rule == ERR_NOTFOUND ? b->e : rule == OK ? b->e : rule;
}

static void event_take(void *arg, const struct cluster_event *e)
{
    struct page_building *b = arg;
    if (b->page->event_count < CLUSTERS_EVENTS) {
        b->events[b->page->event_count++] = *e;
    }
}

static enum err journal_show(struct page_building *b, struct store *s, uint32_t id,
                             struct errbuf *eb)
{
    const struct cluster_event_query q = {.since = INT64_MIN,
                                          .until = INT64_MAX,
                                          .kind = (int)b->page->kind,
                                          .cluster = id,
                                          .limit = CLUSTERS_EVENTS};
    b->events = arena_alloc(b->arena, CLUSTERS_EVENTS * sizeof *b->events);
    b->page->events = b->events;
    return b->events ? store_cluster_events(s, &q, event_take, b, eb) : ERR_NOMEM;
}

static enum err id_follow(struct page_building *b, uint32_t *id, struct errbuf *eb)
{
    char text[CLUSTER_ID_BYTES];
    struct slice asked = slice_of(text, cluster_id_print(b->page->kind, *id, text));
    const struct cluster_info *info = clusters_living(b->clusters, b->page->kind, *id);
    if (!info) {
        return err_set(eb, ERR_NOTFOUND, "there is no %.*s", SLICE_ARG(asked));
    }
    if (info->id != *id) {
        b->page->asked = copy(b, asked);
        *id = info->id;
    }
    return b->e;
}

enum err cluster_page_build(struct store *s, struct clusters *c, const struct store_filter *f,
                            enum cluster_kind kind, uint32_t id, struct arena *arena,
                            struct cluster_page *out, struct errbuf *eb)
{
    struct store_filter period = *f;
    struct total total = {0};
    *out = (struct cluster_page){.kind = kind};
    struct page_building b = {.page = out, .clusters = c, .arena = arena};
    enum err e = id_follow(&b, &id, eb);
    e = e == OK ? clusters_period(s, &period, eb) : e;
    bool is_all = f->since == INT64_MIN && f->until == INT64_MAX;
    const struct store_filter *all = is_all ? f : &period;
    out->since = period.since;
    out->until = period.until;
    out->trap = copy(&b, f->trap);
    out->site = copy(&b, f->site);
    e = e == OK ? cluster_line_fill(c, kind, id, arena, &out->line) : e;
    e = e == OK ? volume_show(&b, s, &period, all, id, eb) : e;
    e = e == OK ? store_cube(s, all, BUCKET_ALL, DIMENSION_TOTAL, total_take, &total, eb) : e;
    out->line.share =
        total.messages ? (double)out->line.units.messages / (double)total.messages : (double)NAN;
    e = e == OK ? profile_show(&b, s, id, eb) : e;
    e = e == OK ? parts_show(&b, s, all, id, eb) : e;
    out->line.parts = out->parts_all > out->part_count ? out->parts_all : out->part_count;
    e = e == OK ? template_show(&b, id) : e;
    return e == OK ? journal_show(&b, s, id, eb) : e;
}
