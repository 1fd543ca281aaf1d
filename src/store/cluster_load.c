/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/log.h"
#include "store/cluster.h"

/* ---- what a row shows ---- */

struct cluster_message row_shows(const struct message_row *row)
{
    return (struct cluster_message){
        .id = row->id,
        .received = row->clock == CLOCK_NONE ? 0 : row->received,
        .host = row->has_client ? host_key(row->client) : 0,
        .trap = row->trap,
        .country = row->country,
        .recipients = row->recipients,
        .bytes = row->bytes,
        .hd1 = row->hd1,
        .sd1 = row->sd1,
        .td1 = row->td1,
        .msgid_shape = row->msgid_shape,
        .boundary_shape = row->boundary_shape,
        .mime_tree = row->mime_tree,
        .mailer = row->mailer,
        .charsets = row->charsets,
        .quirks = row->quirks,
        .sketch = row->sketch,
        .domains = row->domains,
        .domain_count = row->domain_count,
        .url_shapes = row->url_shapes,
        .url_shape_count = row->url_shape_count,
        .subject = row->subject,
        .attachment_type = row->attachment_count ? row->attachments[0].type : S(""),
        .attachment_bytes = row->attachment_count ? row->attachments[0].bytes : 0,
        .botnet = row->botnet.name,
        .mailer_label = row->mailer_label.name,
        .program = row->program.name,
        .botnet_posterior = row->botnet.posterior,
        .mailer_posterior = row->mailer_label.posterior,
        .program_posterior = row->program.posterior,
    };
}

void row_take_back(const struct clusters *c, struct message_row *row)
{
    const struct row_label none = {.unknown = 1};
    for (size_t i = 0; i < row->rule_count; i++) {
        enum cluster_kind kind;
        uint32_t id;
        if (slice_find_byte(row->rule_ids[i], '-') >= CLUSTER_ID_BYTES ||
            !cluster_id_parse(row->rule_ids[i], &kind, &id)) {
            continue;
        }
        const struct cluster_info *info = clusters_living(c, kind, id);
        bool is_known = info && info->name.n;
        if (kind == CLUSTER_CAMPAIGN || (is_known && info->label == CLUSTER_LABEL_PROGRAM)) {
            row->program = none;
        }
        if (kind == CLUSTER_MAILER && (!is_known || info->label == CLUSTER_LABEL_BOTNET)) {
            row->botnet = none;
        }
        if (kind == CLUSTER_MAILER && (!is_known || info->label == CLUSTER_LABEL_MAILER)) {
            row->mailer_label = none;
        }
    }
}

/* ---- parts ---- */

/* One that is what its message shows. A message that retention has deleted: nothing is left of it.
 * What a row does not tell, no wording asks for. */
static enum err single_load(struct store *s, struct clusters *c, const struct cluster_part *p,
                            struct errbuf *eb)
{
    struct message_row row;
    enum err e = store_row(s, p->message, &row, eb);
    if (e != OK) {
        return e;
    }
    row_take_back(c, &row);
    struct cluster_message m = row_shows(&row);
    m.number = p->message;
    return clusters_load_single(c, p, &m, row.part[!p->kind]) ? OK : ERR_NOTFOUND;
}

enum err store_part_load(struct store *s, struct clusters *c, const struct cluster_part *p,
                         struct errbuf *eb)
{
    if (p->message) {
        return single_load(s, c, p, eb);
    }
    return clusters_load_part(c, p) ? OK : ERR_NOTFOUND;
}

struct loading {
    struct store *store;
    struct clusters *clusters;
    enum cluster_kind kind; /* CLUSTER_KIND_COUNT: all */
    size_t damaged;         /* left out */
    struct errbuf *eb;
};

static bool is_wanted(const struct loading *l, enum cluster_kind kind)
{
    return l->kind == CLUSTER_KIND_COUNT || l->kind == kind;
}

static enum err cluster_take(void *arg, const struct cluster_info *i)
{
    struct loading *l = arg;
    l->damaged += is_wanted(l, i->kind) && !clusters_load_cluster(l->clusters, i);
    return OK;
}

static enum err part_take(void *arg, const struct cluster_part *p)
{
    struct loading *l = arg;
    enum err e = is_wanted(l, p->kind) ? store_part_load(l->store, l->clusters, p, l->eb) : OK;
    l->damaged += e == ERR_NOTFOUND && !p->message;
    return e == ERR_NOTFOUND ? OK : e;
}

enum err store_clusters_load(struct store *s, enum cluster_kind kind, struct clusters **out,
                             struct errbuf *eb)
{
    struct loading l = {s, clusters_new(), kind, 0, eb};
    if (!l.clusters) {
        return err_set(eb, ERR_NOMEM, "no memory for clusters");
    }
    uint64_t counted, next;
    enum err e = store_counted(s, &counted, &next, eb);
    if (e == OK) {
        clusters_set_counted(l.clusters, counted);
        e = store_clusters(s, cluster_take, &l, eb);
    }
    e = e == OK ? store_parts(s, part_take, &l, eb) : e;
    if (e != OK) {
        clusters_free(l.clusters);
        return e;
    }
    if (l.damaged) {
        log_warn("clusters", "event=damaged: %zu parts or clusters of the store were left out",
                 l.damaged);
    }
    *out = l.clusters;
    return OK;
}
