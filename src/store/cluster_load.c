/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/log.h"
#include "store/cluster.h"

struct loading {
    struct clusters *clusters;
    enum cluster_kind kind; /* CLUSTER_KIND_COUNT: all */
    size_t damaged;         /* left out */
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
    l->damaged += is_wanted(l, p->kind) && !clusters_load_part(l->clusters, p);
    return OK;
}

enum err store_clusters_load(struct store *s, enum cluster_kind kind, struct clusters **out,
                             struct errbuf *eb)
{
    struct loading l = {clusters_new(), kind, 0};
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
