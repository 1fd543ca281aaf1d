/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/cluster_choice.h"

#include "core/strbuf.h"

#include <stdlib.h>

bool cluster_choice_has(const struct cluster_choice *c, uint32_t id)
{
    size_t low = 0, high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->ids[middle] == id) {
            return true;
        }
        if (c->ids[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static enum err no_memory(struct errbuf *eb)
{
    return err_set(eb, ERR_NOMEM, "out of memory for the ids of clusters");
}

/* ---- by id ---- */

static enum err id_choose(struct store *s, uint32_t id, struct arena *arena,
                          struct cluster_choice *out, struct errbuf *eb)
{
    struct cluster_info info;
    char asked[CLUSTER_ID_BYTES], title[CLUSTER_ID_BYTES];
    uint32_t *living = arena_calloc(arena, 1, sizeof *living);
    if (!living) {
        return no_memory(eb);
    }
    enum err e = store_cluster(s, out->kind, id, &info, eb);
    if (e != OK) {
        return e;
    }
    *living = info.id;
    out->ids = living;
    out->count = 1;
    out->asked = arena_copy(arena, slice_of(asked, cluster_id_print(out->kind, id, asked)));
    out->title = arena_copy(arena, slice_of(title, cluster_id_print(out->kind, info.id, title)));
    return out->asked.p && out->title.p ? OK : no_memory(eb);
}

/* ---- by name ---- */

struct naming {
    struct cluster_choice *choice;
    struct arena *arena;
    uint32_t *ids;
    size_t size;
};

/* They come by id. */
static enum err name_look(void *arg, const struct cluster_info *i)
{
    struct naming *n = arg;
    struct cluster_choice *c = n->choice;
    if (i->kind != c->kind || i->merged_into || !slice_eq(i->name, c->asked)) {
        return OK;
    }
    if (c->count == n->size) {
        size_t size = n->size ? 2 * n->size : 16;
        uint32_t *more = arena_calloc(n->arena, size, sizeof *more);
        if (!more) {
            return ERR_NOMEM;
        }
        if (c->count) {
            memcpy(more, n->ids, c->count * sizeof *more);
        }
        n->ids = more;
        n->size = size;
    }
    n->ids[c->count++] = i->id;
    return OK;
}

static enum err name_title(struct cluster_choice *c, struct arena *arena, struct errbuf *eb)
{
    struct strbuf text = STRBUF_INIT;
    char id[CLUSTER_ID_BYTES];
    strbuf_add(&text, c->asked);
    if (c->count == 1) {
        strbuf_printf(&text, " (%.*s)", (int)cluster_id_print(c->kind, c->ids[0], id), id);
    } else {
        strbuf_printf(&text, " (%zu %ss)", c->count, cluster_kind_name(c->kind));
    }
    c->title = text.failed ? (struct slice){NULL, 0} : arena_copy(arena, strbuf_slice(&text));
    strbuf_free(&text);
    return c->title.p ? OK : no_memory(eb);
}

static enum err name_choose(struct store *s, struct slice name, struct arena *arena,
                            struct cluster_choice *out, struct errbuf *eb)
{
    struct naming n = {.choice = out, .arena = arena};
    out->is_name = true;
    out->asked = arena_copy(arena, name);
    if (!out->asked.p) {
        return no_memory(eb);
    }
    enum err e = store_clusters(s, name_look, &n, eb);
    if (e == OK && !out->count) {
        return err_set(eb, ERR_NOTFOUND, "no %s has the id or the name %.*s",
                       cluster_kind_name(out->kind), (int)name.n, name.p);
    }
    out->ids = n.ids;
    return e == OK ? name_title(out, arena, eb) : e;
}

enum err cluster_choose(struct store *s, enum cluster_kind kind, struct slice text,
                        struct arena *arena, struct cluster_choice *out, struct errbuf *eb)
{
    enum cluster_kind said = kind;
    uint32_t id;
    *out = (struct cluster_choice){.kind = kind};
    if (!cluster_id_parse(text, &said, &id)) {
        return name_choose(s, text, arena, out, eb);
    }
    if (said != kind) {
        return err_set(eb, ERR_USAGE, "%.*s is a %s, not a %s", (int)text.n, text.p,
                       cluster_kind_name(said), cluster_kind_name(kind));
    }
    enum err e = id_choose(s, id, arena, out, eb);
    return e == ERR_NOTFOUND ? name_choose(s, text, arena, out, eb) : e;
}
