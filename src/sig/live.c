/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set that is renewed while it is used: loading takes seconds, so it runs in a thread of its own;
 * the swap is a pointer under a lock, and the old set dies with its last user. A reload that fails
 * leaves the old set in place. */
#include "sig/rule.h"

#include <pthread.h>
#include <stdlib.h>

struct rules_live {
    pthread_mutex_t lock;
    struct rules *current;
    struct rule_options options; /* copies */
    char **paths;
    char *cache_dir;
    pthread_t thread;
    bool has_thread; /* to be joined */
    bool is_running;
    enum err result;
    struct errbuf eb;
};

static void live_free(struct rules_live *l)
{
    for (size_t i = 0; l->paths && i < l->options.path_count; i++) {
        free(l->paths[i]);
    }
    free(l->paths);
    free(l->cache_dir);
    rules_unref(l->current);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static bool options_copy(struct rules_live *l, const struct rule_options *o)
{
    l->options = *o;
    l->paths = calloc(o->path_count + 1, sizeof *l->paths);
    for (size_t i = 0; l->paths && i < o->path_count; i++) {
        l->paths[i] = strdup(o->paths[i]);
        if (!l->paths[i]) {
            return false;
        }
    }
    l->options.paths = (const char *const *)l->paths;
    if (o->cache_dir) {
        l->cache_dir = strdup(o->cache_dir);
        l->options.cache_dir = l->cache_dir;
    }
    return l->paths && (!o->cache_dir || l->cache_dir);
}

enum err rules_live_open(const struct rule_options *o, struct rules_live **out, struct errbuf *eb)
{
    struct rules_live *l = calloc(1, sizeof *l);
    if (!l) {
        return err_set(eb, ERR_NOMEM, "out of memory");
    }
    pthread_mutex_init(&l->lock, NULL);
    enum err e = options_copy(l, o) ? rules_load(&l->options, &l->current, eb)
                                    : err_set(eb, ERR_NOMEM, "out of memory");
    if (e != OK) {
        live_free(l);
        return e;
    }
    *out = l;
    return OK;
}

struct rules *rules_live_get(struct rules_live *l)
{
    pthread_mutex_lock(&l->lock);
    struct rules *r = rules_ref(l->current);
    pthread_mutex_unlock(&l->lock);
    return r;
}

static void *live_run(void *arg)
{
    struct rules_live *l = arg;
    struct rules *fresh = NULL;
    struct errbuf eb = {0};
    enum err e = rules_load(&l->options, &fresh, &eb);
    pthread_mutex_lock(&l->lock);
    struct rules *old = NULL;
    if (e == OK) {
        old = l->current;
        l->current = fresh;
    }
    l->result = e;
    l->eb = eb;
    l->is_running = false;
    pthread_mutex_unlock(&l->lock);
    rules_unref(old);
    return NULL;
}

enum err rules_live_reload(struct rules_live *l)
{
    enum err e = OK;
    pthread_mutex_lock(&l->lock);
    if (l->is_running) {
        e = ERR_BUSY;
        goto done;
    }
    if (l->has_thread) {
        /* It has said that it is done; what is left of it takes no lock. */
        pthread_join(l->thread, NULL);
        l->has_thread = false;
    }
    l->is_running = true;
    if (pthread_create(&l->thread, NULL, live_run, l) != 0) {
        l->is_running = false;
        e = ERR_NOMEM;
        goto done;
    }
    l->has_thread = true;
done:
    pthread_mutex_unlock(&l->lock);
    return e;
}

enum err rules_live_wait(struct rules_live *l, struct errbuf *eb)
{
    pthread_mutex_lock(&l->lock);
    bool has_thread = l->has_thread;
    l->has_thread = false;
    pthread_mutex_unlock(&l->lock);
    if (has_thread) {
        pthread_join(l->thread, NULL);
    }
    pthread_mutex_lock(&l->lock);
    enum err e = l->result;
    if (e != OK && eb) {
        *eb = l->eb;
    }
    pthread_mutex_unlock(&l->lock);
    return e;
}

void rules_live_close(struct rules_live *l)
{
    if (l) {
        (void)rules_live_wait(l, NULL);
        live_free(l);
    }
}
