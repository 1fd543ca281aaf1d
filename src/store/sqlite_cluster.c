/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts, clusters and their journal: kept, and given back. */
#include "core/limits.h"
#include "store/sqlite.h"

/* ---- numbers of parts ---- */

static struct part_seen *seen_by_key(struct store *s, enum cluster_kind k, uint64_t key)
{
    return &s->parts_seen[k][(key * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (PARTS_SEEN - 1)];
}

void parts_prefetch(struct store *s, const uint64_t part[CLUSTER_KIND_COUNT])
{
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        __builtin_prefetch(seen_by_key(s, (enum cluster_kind)k, part[k]));
    }
}

/* `message`: as the column; 0: NULL. *out stays as it is when the part is there already. */
static enum err part_add(struct store *s, enum cluster_kind k, uint64_t key, int64_t message,
                         int64_t *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_PART_ADD, &st, eb);
    if (e == OK) {
        sqlite3_bind_int(st, 1, (int)k);
        sqlite3_bind_int64(st, 2, (int64_t)key);
        bind_id(st, 3, message);
        e = store_run(s, st, "adding a part", eb);
        *out = e == OK && sqlite3_changes(s->db) ? sqlite3_last_insert_rowid(s->db) : *out;
    }
    return e;
}

/* Where a part is; `message` as the column. */
static enum err place_put(struct store *s, int64_t id, uint32_t cluster, uint32_t pin,
                          int64_t message, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_PART_SET, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, id);
        sqlite3_bind_int64(st, 2, cluster);
        sqlite3_bind_int64(st, 3, pin);
        bind_id(st, 4, message);
        e = store_run(s, st, "writing a part", eb);
    }
    return e;
}

/* Made in this transaction and not yet put: in no cluster. */
static bool fresh_take(struct store *s, enum cluster_kind k, uint64_t key)
{
    struct part_seen *seen = seen_by_key(s, k, key);
    bool is_fresh = seen->key == key && seen->made_in == s->writes;
    if (is_fresh) {
        seen->made_in = 0;
    }
    return is_fresh;
}

static enum err state_drop(struct store *s, int64_t part, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_PART_STATE_DROP, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, part);
        e = store_run(s, st, "writing a part", eb);
    }
    return e;
}

/* ERR_NOTFOUND. */
static enum err part_look_up(struct store *s, enum cluster_kind k, uint64_t key, int64_t *out,
                             struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_PART_BY_KEY, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int(st, 1, (int)k);
    sqlite3_bind_int64(st, 2, (int64_t)key);
    e = store_step(s, st, "looking a part up", eb);
    if (e == OK) {
        *out = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return e == ERR_END ? ERR_NOTFOUND : e;
}

enum err part_id(struct store *s, enum cluster_kind k, uint64_t key, int64_t first, int64_t *out,
                 struct errbuf *eb)
{
    enum err e = OK;
    int64_t id = 0, made = 0;
    int64_t message = k == CLUSTER_CAMPAIGN ? first : 0; /* other parts are more than a row shows */
    *out = 0;
    if (key == 0) {
        return OK;
    }
    struct part_seen *seen = seen_by_key(s, k, key);
    bool is_seen = seen->id != 0 && seen->key == key;
    if (is_seen && !first) {
        *out = seen->id;
        return OK;
    }
    if (first && !is_seen) { /* most are not there: it is not looked for before */
        e = part_add(s, k, key, message, &made, eb);
    }
    if (e == OK && !made) {
        e = part_look_up(s, k, key, &id, eb);
    }
    if (e == ERR_NOTFOUND) {
        e = part_add(s, k, key, message, &made, eb);
    } else if (e == OK && !made && first) { /* it comes back: what was known of it is not */
        e = place_put(s, id, 0, 0, message, eb);
        e = e == OK ? state_drop(s, id, eb) : e;
    }
    if (e == OK) {
        *seen = (struct part_seen){key, made ? made : id, made ? s->writes : 0};
        *out = seen->id;
    }
    return e;
}

enum err part_key(struct store *s, int64_t id, uint64_t *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    *out = 0;
    if (id == 0) {
        return OK;
    }
    struct part_seen *seen = &s->part_ids_seen[(uint64_t)id & (PART_IDS_SEEN - 1)];
    if (seen->id != id) {
        enum err e = store_statement(s, STATEMENT_PART_BY_ID, &st, eb);
        if (e != OK) {
            return e;
        }
        sqlite3_bind_int64(st, 1, id);
        e = store_step(s, st, "reading a part", eb);
        if (e != OK) {
            return e == ERR_END
                       ? err_set(eb, ERR_STORE, "%s: part %lld is missing", s->path, (long long)id)
                       : e;
        }
        *seen = (struct part_seen){.key = (uint64_t)sqlite3_column_int64(st, 0), .id = id};
        sqlite3_reset(st);
    }
    *out = seen->key;
    return OK;
}

/* ---- in ---- */

struct putting {
    struct store *s;
    struct errbuf *eb;
};

static enum err state_put(struct store *s, int64_t part, const struct cluster_part *p,
                          struct errbuf *eb)
{
    sqlite3_stmt *st;
    if (p->state.n == 0) {
        return state_drop(s, part, eb);
    }
    enum err e = store_statement(s, STATEMENT_PART_STATE_PUT, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, part);
        bind_packed(st, 2, p->state);
        sqlite3_bind_int64(st, 3, (int64_t)p->counted);
        e = store_run(s, st, "writing a part", eb);
    }
    return e;
}

static enum err part_put(void *arg, const struct cluster_part *p)
{
    const struct putting *put = arg;
    int64_t id;
    if ((unsigned)p->kind >= CLUSTER_KIND_COUNT || p->key == 0) {
        return err_set(put->eb, ERR_USAGE, "a part without a key");
    }
    enum err e = part_id(put->s, p->kind, p->key, 0, &id, put->eb);
    bool is_fresh = e == OK && fresh_take(put->s, p->kind, p->key);
    if (e == OK && (p->cluster || p->pin || p->message || !is_fresh)) {
        e = place_put(put->s, id, p->cluster, p->pin, (int64_t)p->message, put->eb);
    }
    bool has_state = !p->message && !p->is_same_state;
    return e == OK && has_state ? state_put(put->s, id, p, put->eb) : e;
}

static void bind_text(sqlite3_stmt *st, int at, struct slice s)
{
    sqlite3_bind_text64(st, at, s.n ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8);
}

static enum err cluster_put(void *arg, const struct cluster_info *i)
{
    const struct putting *put = arg;
    sqlite3_stmt *st;
    if ((unsigned)i->kind >= CLUSTER_KIND_COUNT || i->id == 0) {
        return err_set(put->eb, ERR_USAGE, "a cluster without an id");
    }
    enum err e = store_statement(put->s, STATEMENT_CLUSTER_PUT, &st, put->eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int(st, 1, (int)i->kind);
    sqlite3_bind_int64(st, 2, i->id);
    sqlite3_bind_int64(st, 3, i->merged_into);
    sqlite3_bind_int(st, 4, (int)i->namer);
    sqlite3_bind_int(st, 5, (int)i->label);
    bind_text(st, 6, i->name);
    sqlite3_bind_double(st, 7, i->probability);
    bind_text(st, 8, i->note);
    sqlite3_bind_int64(st, 9, i->born);
    sqlite3_bind_int64(st, 10, i->changed);
    return store_run(put->s, st, "writing a cluster", put->eb);
}

static enum err event_put(void *arg, const struct cluster_event *event)
{
    const struct putting *put = arg;
    sqlite3_stmt *st;
    enum err e = store_statement(put->s, STATEMENT_CLUSTER_EVENT_ADD, &st, put->eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, event->time);
    sqlite3_bind_int(st, 2, (int)event->kind);
    sqlite3_bind_int(st, 3, (int)event->what.kind);
    sqlite3_bind_int64(st, 4, event->what.cluster);
    sqlite3_bind_int64(st, 5, event->what.other);
    sqlite3_bind_int64(st, 6, (int64_t)event->what.parts);
    sqlite3_bind_int64(st, 7, (int64_t)event->what.messages);
    return store_run(put->s, st, "writing the journal of clusters", put->eb);
}

static enum err counted_put(void *arg, uint64_t next)
{
    const struct putting *put = arg;
    return counter_put(put->s, "clusters_counted", (int64_t)next, put->eb);
}

enum err clusters_put(struct store *s, cluster_give_fn give, void *arg, struct errbuf *eb)
{
    struct errbuf why = {0};
    struct putting put = {s, &why};
    enum err e =
        give(arg, &(struct cluster_sink){part_put, cluster_put, event_put, &put, counted_put});
    if (e == OK) {
        return OK;
    }
    return err_set(eb, e, "%s", why.text[0] ? why.text : err_text(e));
}

enum err store_clusters_put(struct store *s, cluster_give_fn give, void *arg, struct errbuf *eb)
{
    enum err e = store_begin_write(s, eb);
    return e == OK ? store_end_write(s, clusters_put(s, give, arg, eb), eb) : e;
}

/* ---- out ---- */

static bool kind_is_known(int kind)
{
    return kind >= 0 && kind < CLUSTER_KIND_COUNT;
}

enum err store_counted(struct store *s, uint64_t *counted, uint64_t *next, struct errbuf *eb)
{
    int64_t all, end;
    enum err e = counter_get(s, "clusters_counted", &all, eb);
    e = e == OK ? counter_get(s, "next_seq", &end, eb) : e;
    if (e == OK) {
        *counted = all > 0 ? (uint64_t)all : 1;
        *next = end > 0 ? (uint64_t)end : 1;
    }
    return e;
}

static struct cluster_part part_read(sqlite3_stmt *st, uint64_t counted)
{
    uint64_t own = (uint64_t)sqlite3_column_int64(st, 5);
    struct slice state = column_slice(st, 4);
    return (struct cluster_part){
        .kind = (enum cluster_kind)sqlite3_column_int(st, 0),
        .key = (uint64_t)sqlite3_column_int64(st, 1),
        .cluster = (uint32_t)sqlite3_column_int64(st, 2),
        .pin = (uint32_t)sqlite3_column_int64(st, 3),
        .state = state,
        .counted = own > counted ? own : counted,
        .message = state.n ? 0 : (uint64_t)sqlite3_column_int64(st, 6),
    };
}

enum err store_part(struct store *s, enum cluster_kind k, uint64_t key,
                    enum err (*fn)(void *arg, const struct cluster_part *p), void *arg,
                    struct errbuf *eb)
{
    sqlite3_stmt *st;
    uint64_t counted, next;
    enum err e = store_counted(s, &counted, &next, eb);
    e = e == OK ? store_statement(s, STATEMENT_PART_GET, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int(st, 1, (int)k);
    sqlite3_bind_int64(st, 2, (int64_t)key);
    e = store_step(s, st, "reading a part", eb);
    if (e == OK) {
        struct cluster_part p = part_read(st, counted);
        e = fn(arg, &p);
        sqlite3_reset(st);
    }
    return e == ERR_END ? ERR_NOTFOUND : e;
}

enum err store_row(struct store *s, uint64_t number, struct message_row *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_MESSAGE_BY_SEQ, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, (int64_t)number);
        e = store_step(s, st, "reading a message", eb);
    }
    if (e == OK) {
        e = message_read(s, st, out, eb);
        sqlite3_reset(st);
    }
    return e == ERR_END ? ERR_NOTFOUND : e;
}

enum err store_rows_from(struct store *s, uint64_t from,
                         enum err (*fn)(void *arg, uint64_t number, struct message_row *row),
                         void *arg, struct errbuf *eb)
{
    enum err e = OK;
    while (e == OK) {
        sqlite3_stmt *st;
        struct message_row row;
        e = store_statement(s, STATEMENT_MESSAGE_NEXT, &st, eb);
        if (e == OK) {
            sqlite3_bind_int64(st, 1, (int64_t)from - 1);
            e = store_step(s, st, "reading messages", eb);
        }
        if (e != OK) {
            break;
        }
        from = (uint64_t)sqlite3_column_int64(st, 0);
        e = message_read(s, st, &row, eb);
        sqlite3_reset(st);
        e = e == OK ? fn(arg, from, &row) : e;
        from++;
    }
    return e == ERR_END ? OK : e;
}

struct parts_taking {
    enum err (*fn)(void *arg, const struct cluster_part *p);
    void *arg;
    uint64_t counted;
};

static enum err parts_take(struct store *s, enum statement which, int64_t bound,
                           const struct parts_taking *t, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, which, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, bound);
    }
    while (e == OK && (e = store_step(s, st, "reading the parts", eb)) == OK) {
        struct cluster_part p = part_read(st, t->counted);
        e = kind_is_known((int)p.kind) ? t->fn(t->arg, &p) : OK;
        if (e != OK) {
            sqlite3_reset(st);
            e = err_set(eb, e, "%s: reading the parts: %s", s->path, err_text(e));
        }
    }
    return e == ERR_END ? OK : e;
}

/* Those with a state are few, those with a message are the newest: parts stay for ever, and not all
 * are looked at. */
enum err store_parts(struct store *s, enum err (*fn)(void *arg, const struct cluster_part *p),
                     void *arg, struct errbuf *eb)
{
    enum { PARTS_LOOKED_AT = 4 * LIMIT_WORDINGS };
    struct parts_taking t = {fn, arg, 0};
    sqlite3_stmt *st;
    uint64_t next;
    int64_t bound = 0;
    enum err e = store_counted(s, &t.counted, &next, eb);
    e = e == OK ? store_statement(s, STATEMENT_PART_LAST, &st, eb) : e;
    e = e == OK ? store_step(s, st, "reading the parts", eb) : e;
    if (e == OK) {
        bound = sqlite3_column_int64(st, 0) - PARTS_LOOKED_AT;
        sqlite3_reset(st);
        e = parts_take(s, STATEMENT_PARTS_OLD, bound, &t, eb);
    }
    return e == OK ? parts_take(s, STATEMENT_PARTS, bound, &t, eb) : e;
}

static struct cluster_info cluster_read(sqlite3_stmt *st)
{
    return (struct cluster_info){
        .kind = (enum cluster_kind)sqlite3_column_int(st, 0),
        .id = (uint32_t)sqlite3_column_int64(st, 1),
        .merged_into = (uint32_t)sqlite3_column_int64(st, 2),
        .namer = (enum cluster_namer)sqlite3_column_int(st, 3),
        .label = (enum cluster_label)sqlite3_column_int(st, 4),
        .name = column_slice(st, 5),
        .probability = sqlite3_column_double(st, 6),
        .note = column_slice(st, 7),
        .born = sqlite3_column_int64(st, 8),
        .changed = sqlite3_column_int64(st, 9),
    };
}

static bool cluster_is_sound(const struct cluster_info *i)
{
    return kind_is_known((int)i->kind) && i->id != 0 && (unsigned)i->label < CLUSTER_LABEL_COUNT &&
           (unsigned)i->namer <= CLUSTER_NAMER_MIXED;
}

enum err store_clusters(struct store *s, enum err (*fn)(void *arg, const struct cluster_info *i),
                        void *arg, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_CLUSTERS, &st, eb);
    while (e == OK && (e = store_step(s, st, "reading the clusters", eb)) == OK) {
        struct cluster_info info = cluster_read(st);
        e = cluster_is_sound(&info) ? fn(arg, &info) : OK;
        if (e != OK) {
            sqlite3_reset(st);
            e = err_set(eb, e, "%s: reading the clusters: %s", s->path, err_text(e));
        }
    }
    return e == ERR_END ? OK : e;
}

/* Follows what was merged. A chain is short, for each merge leads to what is alive then; the bound
 * is for a damaged store, where it may be a ring. */
static enum err cluster_find(struct store *s, enum cluster_kind k, uint32_t id,
                             struct cluster_info *out, struct errbuf *eb)
{
    for (int hop = 0; id != 0 && hop < CLUSTER_HOPS_MAX; hop++) {
        sqlite3_stmt *st;
        enum err e = store_statement(s, STATEMENT_CLUSTER_GET, &st, eb);
        if (e != OK) {
            return e;
        }
        sqlite3_bind_int(st, 1, (int)k);
        sqlite3_bind_int64(st, 2, id);
        e = store_step(s, st, "reading a cluster", eb);
        if (e == ERR_END) {
            break;
        }
        if (e != OK) {
            return e;
        }
        struct cluster_info info = cluster_read(st);
        if (info.merged_into == 0 && cluster_is_sound(&info)) {
            arena_reset(s->arena);
            e = arena_text(s, info.name, &info.name, eb);
            e = e == OK ? arena_text(s, info.note, &info.note, eb) : e;
            if (e == OK) {
                *out = info;
            }
            sqlite3_reset(st);
            return e;
        }
        id = info.merged_into;
        sqlite3_reset(st);
    }
    return err_set(eb, ERR_NOTFOUND, "%s: no such %s", s->path, cluster_kind_name(k));
}

enum err store_cluster(struct store *s, enum cluster_kind k, uint32_t id, struct cluster_info *out,
                       struct errbuf *eb)
{
    enum err e = store_begin_read(s, eb);
    return e == OK ? store_end_read(s, cluster_find(s, k, id, out, eb), eb) : e;
}

static enum err part_cluster(struct store *s, enum cluster_kind k, uint64_t key,
                             struct cluster_info *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    uint32_t id = 0;
    enum err e = store_statement(s, STATEMENT_PART_CLUSTER, &st, eb);
    if (e == OK) {
        sqlite3_bind_int(st, 1, (int)k);
        sqlite3_bind_int64(st, 2, (int64_t)key);
        e = store_step(s, st, "looking a part up", eb);
    }
    if (e == OK) {
        id = (uint32_t)sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return e == OK || e == ERR_END ? cluster_find(s, k, id, out, eb) : e;
}

enum err store_part_cluster(struct store *s, enum cluster_kind k, uint64_t key,
                            struct cluster_info *out, struct errbuf *eb)
{
    enum err e = store_begin_read(s, eb);
    return e == OK ? store_end_read(s, part_cluster(s, k, key, out, eb), eb) : e;
}

enum err store_cluster_events(struct store *s, const struct cluster_event_query *q,
                              void (*fn)(void *arg, const struct cluster_event *e), void *arg,
                              struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_CLUSTER_EVENTS, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, q->since);
        sqlite3_bind_int64(st, 2, q->until);
        sqlite3_bind_int(st, 3, q->kind);
        sqlite3_bind_int64(st, 4, q->cluster);
        sqlite3_bind_int64(st, 5, q->limit && q->limit < INT64_MAX ? (int64_t)q->limit : -1);
    }
    while (e == OK && (e = store_step(s, st, "reading the journal of clusters", eb)) == OK) {
        struct cluster_event event = {
            .time = sqlite3_column_int64(st, 0),
            .kind = (enum cluster_kind)sqlite3_column_int(st, 1),
            .what = {.kind = (enum identity_event_kind)sqlite3_column_int(st, 2),
                     .cluster = (uint32_t)sqlite3_column_int64(st, 3),
                     .other = (uint32_t)sqlite3_column_int64(st, 4),
                     .parts = (uint64_t)sqlite3_column_int64(st, 5),
                     .messages = (uint64_t)sqlite3_column_int64(st, 6)},
        };
        if (kind_is_known((int)event.kind) && (unsigned)event.what.kind < CLUSTER_EVENT_COUNT) {
            fn(arg, &event);
        }
    }
    return e == ERR_END ? OK : e;
}
