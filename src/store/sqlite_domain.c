/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domains. Spam makes new ones by the million, most of them for one message: a dictionary of them
 * would cost more than all other columns. So a message row holds its domains as text, the tallies
 * count them by a 48-bit key (two of a million domains share one with probability 0.002), and only
 * what comes again gets an entry in the table `domain`, which turns keys back into names. What has
 * no entry stands in a message row: retention enters the names of the rows it deletes. */
#include "core/hash.h"
#include "store/sqlite.h"

#include <stdlib.h>

enum { DOMAIN_KEY_BITS = 48 };

/* A name found in many rows is looked for in the newest ones first; a ranking does not look any
 * further. */
static const int64_t RANKED_ROWS_READ = 20000;

uint64_t domain_key(struct slice name)
{
    return hash_u64(name) >> (64 - DOMAIN_KEY_BITS);
}

bool domain_cut(struct slice *list, struct slice *name)
{
    if (list->n == 0) {
        return false;
    }
    *name = slice_cut(list, '\n');
    return true;
}

static enum err name_keep(struct store *s, uint64_t key, struct slice name, struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_DOMAIN_ADD, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, (int64_t)key);
    bind_slice(st, 2, name);
    return store_run(s, st, "naming a domain", eb);
}

enum err domain_note(struct store *s, uint64_t key, struct slice name, struct errbuf *eb)
{
    uint64_t *seen = &s->domains_seen[key % DOMAINS_SEEN];
    uint64_t once = key << 1, named = key << 1 | 1;
    if (*seen == named) {
        return OK;
    }
    if (*seen != once) {
        *seen = once;
        return OK;
    }
    *seen = named;
    return name_keep(s, key, name, eb);
}

enum err domains_keep(struct store *s, struct slice list, struct errbuf *eb)
{
    struct slice name;
    enum err e = OK;
    while (e == OK && domain_cut(&list, &name)) {
        e = name_keep(s, domain_key(name), name, eb);
    }
    return e;
}

static enum err names_from_table(struct store *s, struct domain_name *names, size_t n,
                                 size_t *missing, struct errbuf *eb)
{
    *missing = 0;
    for (size_t i = 0; i < n; i++) {
        sqlite3_stmt *st;
        enum err e = store_statement(s, STATEMENT_DOMAIN_BY_KEY, &st, eb);
        if (e != OK) {
            return e;
        }
        sqlite3_bind_int64(st, 1, (int64_t)names[i].key);
        e = store_step(s, st, "reading a domain", eb);
        if (e == OK) {
            names[i].name = arena_copy(names[i].arena, column_slice(st, 0));
            sqlite3_reset(st);
        } else if (e != ERR_END) {
            return e;
        }
        *missing += names[i].name.n == 0;
    }
    return OK;
}

static int key_cmp(const void *a, const void *b)
{
    const struct domain_name *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static void name_found(struct domain_name *names, size_t n, struct slice name, size_t *missing)
{
    struct domain_name wanted = {.key = domain_key(name)};
    struct domain_name *at = bsearch(&wanted, names, n, sizeof *names, key_cmp);
    if (at && at->name.n == 0) {
        at->name = arena_copy(at->arena, name);
        --*missing;
    }
}

enum err domain_names(struct store *s, struct domain_name *names, size_t n, bool is_ranking,
                      struct errbuf *eb)
{
    size_t missing;
    int64_t rows = 0;
    sqlite3_stmt *st;
    qsort(names, n, sizeof *names, key_cmp);
    enum err e = names_from_table(s, names, n, &missing, eb);
    if (e != OK || missing == 0) {
        return e;
    }
    e = store_statement(s, STATEMENT_DOMAIN_LISTS, &st, eb);
    while (e == OK && missing && (!is_ranking || rows++ < RANKED_ROWS_READ) &&
           (e = store_step(s, st, "reading domains", eb)) == OK) {
        struct slice list = column_slice(st, 0), name;
        while (domain_cut(&list, &name)) {
            name_found(names, n, name, &missing);
        }
    }
    if (e == OK) {
        sqlite3_reset(st);
    }
    return e == ERR_END ? OK : e;
}
