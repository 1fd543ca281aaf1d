/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which messages are there already. A plain unique index over a hash dirties one page a message
 * once it is larger than the cache; that alone would cost more than all else that is written. So
 * the newest identities are held in memory only (they are in the message rows, and read back from
 * there by the next writer) and go into message_key some 100,000 at a time, in order. */
#include "store/sqlite.h"

#include <stdlib.h>

enum {
    TAIL_MAX = 196608, /* three quarters of the table: 4 MiB; read back in 0.2 s */
    FILTER_BITS_A_KEY = 12,
    FILTER_WORDS_MAX =
        2 * 1024 * 1024,      /* 16 MiB; with more than 11 million keys it errs more often */
    FILTER_KEYS_MIN = 100000, /* fewer are in the cache */
};

/* The order of the keys is the order of the ids. */
int64_t identity_key(struct id128 id)
{
    uint64_t key = 0;
    for (int i = 0; i < 8; i++) {
        key = key << 8 | id.b[i];
    }
    return (int64_t)(key ^ UINT64_C(1) << 63);
}

/* Where the search for a key begins. */
static size_t tail_at(const struct tail *t, int64_t key)
{
    return (size_t)(((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (t->size - 1);
}

static struct tail_slot *tail_slot(const struct tail *t, int64_t key)
{
    size_t mask = t->size - 1;
    size_t at = tail_at(t, key);
    while (t->slots[at].seq != 0 && t->slots[at].key != key) {
        at = (at + 1) & mask;
    }
    return &t->slots[at];
}

static enum err tail_put(struct store *s, int64_t key, int64_t seq, struct errbuf *eb)
{
    struct tail *t = &s->tail;
    if (4 * (t->count + 1) > 3 * t->size) {
        struct tail bigger = *t;
        bigger.size = t->size ? t->size * 2 : 4096;
        bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
        if (!bigger.slots) {
            return err_set(eb, ERR_NOMEM, "out of memory for identities");
        }
        for (size_t i = 0; i < t->size; i++) {
            if (t->slots[i].seq != 0) {
                *tail_slot(&bigger, t->slots[i].key) = t->slots[i];
            }
        }
        free(t->slots);
        *t = bigger;
    }
    struct tail_slot *slot = tail_slot(t, key);
    t->count += slot->seq == 0;
    *slot = (struct tail_slot){key, seq};
    return OK;
}

/* Five bits of one word, so that a question costs one memory access. */
static uint64_t filter_bits(int64_t key)
{
    uint64_t h = (uint64_t)key * UINT64_C(0xc2b2ae3d27d4eb4f), bits = 0;
    for (int i = 0; i < 5; i++) {
        bits |= UINT64_C(1) << (h >> 58);
        h <<= 6;
    }
    return bits;
}

static uint64_t *filter_word(const struct filter *f, int64_t key)
{
    uint64_t h = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15);
    return &f->words[(h ^ h >> 32) & (f->words_count - 1)];
}

static bool filter_holds(const struct filter *f, int64_t key)
{
    uint64_t bits = filter_bits(key);
    return (*filter_word(f, key) & bits) == bits;
}

static void filter_add(struct filter *f, int64_t key)
{
    if (f->words) {
        *filter_word(f, key) |= filter_bits(key);
        f->count++;
    }
}

static void filter_drop(struct filter *f)
{
    free(f->words);
    *f = (struct filter){0};
}

void identity_free(struct store *s)
{
    filter_drop(&s->filter);
    free(s->tail.slots);
    s->tail.slots = NULL;
}

/* Reading all keys costs what a few look-ups in a hundred do, so it waits for as many. */
static enum err filter_make(struct store *s, struct errbuf *eb)
{
    struct filter *f = &s->filter;
    size_t keys = (size_t)s->tail.keyed, words = 4096;
    sqlite3_stmt *st;
    if ((f->words && (f->count <= f->most || f->words_count == FILTER_WORDS_MAX)) ||
        keys < FILTER_KEYS_MIN || (!f->words && f->asked < keys / 16)) {
        return OK;
    }
    filter_drop(f);
    /* Room for half as many again. */
    while (words < FILTER_WORDS_MAX && words * 64 < keys / 2 * 3 * FILTER_BITS_A_KEY) {
        words *= 2;
    }
    enum err e = store_statement(s, STATEMENT_KEYS, &st, eb);
    f->words = calloc(words, sizeof *f->words);
    if (e != OK || !f->words) {
        return e; /* goes without */
    }
    f->words_count = words;
    f->most = words * 64 / FILTER_BITS_A_KEY;
    while ((e = store_step(s, st, "reading the identities", eb)) == OK) {
        filter_add(f, sqlite3_column_int64(st, 0));
    }
    if (e != ERR_END) {
        filter_drop(f);
    }
    return e == ERR_END ? OK : e;
}

static void tail_clear(struct tail *t)
{
    if (t->count != 0) {
        memset(t->slots, 0, t->size * sizeof *t->slots);
    }
    t->count = 0;
}

static enum err key_seq(struct store *s, int64_t key, int64_t *seq, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_KEY_FIND, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, key);
    e = store_step(s, st, "looking an identity up", eb);
    if (e == OK) {
        *seq = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return e;
}

/* Is that row the message `id`? A row that retention deleted is taken for it: its identity is all
 * that is left, and 64 equal bits by chance are a matter of 1 in 10^12 for millions of messages. */
static enum err seq_is(struct store *s, int64_t seq, struct id128 id, bool *is_it,
                       struct errbuf *eb)
{
    sqlite3_stmt *st;
    const struct unwritten *u = &s->unwritten;
    if (seq >= u->first && seq - u->first < (int64_t)u->count) {
        *is_it = id128_eq(u->ids[seq - u->first], id);
        return OK;
    }
    enum err e = store_statement(s, STATEMENT_ID_BY_SEQ, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, seq);
    e = store_step(s, st, "reading an identity", eb);
    *is_it = true;
    if (e == OK) {
        *is_it = slice_eq(column_slice(st, 0), slice_of((const char *)id.b, sizeof id.b));
        sqlite3_reset(st);
    }
    return e == ERR_END ? OK : e;
}

static int64_t key_next(int64_t key)
{
    return (int64_t)((uint64_t)key + 1);
}

void identity_prefetch(const struct store *s, struct id128 id)
{
    if (s->tail.size) {
        __builtin_prefetch(&s->tail.slots[tail_at(&s->tail, identity_key(id))]);
    }
}

enum err identity_find(struct store *s, struct id128 id, int64_t *key, int64_t *seq,
                       struct errbuf *eb)
{
    for (int64_t k = identity_key(id);; k = key_next(k)) {
        const struct tail_slot *slot = s->tail.size ? tail_slot(&s->tail, k) : NULL;
        bool is_it;
        if (slot && slot->seq != 0) {
            *seq = slot->seq;
        } else if (s->filter.words && !filter_holds(&s->filter, k)) {
            *key = k;
            return ERR_NOTFOUND;
        } else {
            s->filter.asked++;
            enum err e = key_seq(s, k, seq, eb);
            if (e != OK) {
                *key = k;
                return e == ERR_END ? ERR_NOTFOUND : e;
            }
        }
        enum err e = seq_is(s, *seq, id, &is_it, eb);
        if (e != OK || is_it) {
            return e;
        }
    }
}

enum err identity_put(struct store *s, int64_t key, int64_t seq, struct errbuf *eb)
{
    enum err e = tail_put(s, key, seq, eb);
    s->tail.next = seq + 1;
    return e == OK ? identity_flush(s, TAIL_MAX, eb) : e;
}

static enum err key_add(struct store *s, int64_t key, int64_t seq, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_KEY_ADD, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, key);
    sqlite3_bind_int64(st, 2, seq);
    return store_run(s, st, "adding an identity", eb);
}

static int slot_cmp(const void *a, const void *b)
{
    const struct tail_slot *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

enum err identity_flush(struct store *s, size_t least, struct errbuf *eb)
{
    struct tail *t = &s->tail;
    enum err e = OK;
    size_t n = 0;
    if (t->count < least || t->count == 0) {
        return OK;
    }
    for (size_t i = 0; i < t->size; i++) {
        if (t->slots[i].seq != 0) {
            t->slots[n++] = t->slots[i];
        }
    }
    qsort(t->slots, n, sizeof *t->slots, slot_cmp);
    for (size_t i = 0; e == OK && i < n; i++) {
        e = key_add(s, t->slots[i].key, t->slots[i].seq, eb);
        filter_add(&s->filter, t->slots[i].key);
    }
    tail_clear(t);
    t->keyed = t->next - 1;
    return e == OK ? counter_put(s, "keyed", t->keyed, eb) : e;
}

/* Keys are given again in the order of seq, as they were given first. */
static enum err tail_read(struct store *s, int64_t after, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_TAIL, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, after);
    while ((e = store_step(s, st, "reading identities", eb)) == OK) {
        struct slice bytes = column_slice(st, 1);
        int64_t key, seq, found;
        struct id128 id;
        if (bytes.n != sizeof id.b) {
            e = err_set(eb, ERR_STORE, "%s: a message has no identity", s->path);
            break;
        }
        memcpy(id.b, bytes.p, sizeof id.b);
        seq = sqlite3_column_int64(st, 0);
        e = identity_find(s, id, &key, &found, eb);
        if (e == ERR_NOTFOUND) {
            e = tail_put(s, key, seq, eb);
        }
        if (e != OK) {
            break;
        }
    }
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

enum err identity_begin(struct store *s, struct errbuf *eb)
{
    struct tail *t = &s->tail;
    int64_t keyed, next;
    enum err e = counter_get(s, "keyed", &keyed, eb);
    e = e == OK ? counter_get(s, "next_seq", &next, eb) : e;
    if (e != OK) {
        return e;
    }
    if (t->keyed != keyed) {
        filter_drop(&s->filter); /* another writer added keys */
    }
    if (!t->is_valid || t->keyed != keyed) {
        tail_clear(t);
        t->keyed = keyed;
        t->next = keyed + 1;
    }
    e = filter_make(s, eb);
    if (e == OK && t->next != next) {
        e = tail_read(s, t->next - 1, eb);
    }
    t->next = next;
    t->is_valid = e == OK;
    return e;
}

/* Without a tail: message_key first, then the rows that are not in it. */
enum err identity_look_up(struct store *s, struct id128 id, int64_t *seq, struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t keyed;
    for (int64_t k = identity_key(id);; k = key_next(k)) {
        bool is_it;
        enum err e = key_seq(s, k, seq, eb);
        if (e == ERR_END) {
            break;
        }
        e = e == OK ? seq_is(s, *seq, id, &is_it, eb) : e;
        if (e != OK || is_it) {
            return e;
        }
    }
    enum err e = counter_get(s, "keyed", &keyed, eb);
    e = e == OK ? store_statement(s, STATEMENT_TAIL, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, keyed);
    while ((e = store_step(s, st, "reading identities", eb)) == OK) {
        if (slice_eq(column_slice(st, 1), slice_of((const char *)id.b, sizeof id.b))) {
            *seq = sqlite3_column_int64(st, 0);
            sqlite3_reset(st);
            return OK;
        }
    }
    return e == ERR_END ? ERR_NOTFOUND : e;
}
