/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A scratch store for tests on known counts: its path, an arena, days from 2010-09-01. For one test
 * program each. */
#ifndef TESTS_COUNT_SCRATCH_H
#define TESTS_COUNT_SCRATCH_H

#include "count_store.h"
#include "testing.h"

#include "core/arena.h"

#include <stdio.h>
#include <unistd.h>

enum { SCRATCH_START = 14853 }; /* 2010-09-01 */
static char path[64];
static struct arena *arena;

static inline int64_t at(int64_t day)
{
    return (SCRATCH_START + day) * SECONDS_PER_DAY;
}

static inline int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/spamgauge-test.%d.db", (int)getpid());
    arena = arena_new((size_t)512 * 1024 * 1024);
    return arena ? 0 : -1;
}

static inline void store_remove(void)
{
    static const char *const ENDS[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", path, ENDS[i]);
        (void)unlink(name);
    }
}

static inline int teardown(void **state)
{
    (void)state;
    store_remove();
    arena_free(arena);
    return 0;
}

/* A fresh one to add cells to; then to read. */
static inline struct count_store *scratch_begin(void)
{
    store_remove();
    return count_store_open(path);
}

static inline struct store *scratch_open(enum store_mode mode)
{
    struct store *s = NULL;
    struct errbuf eb = {0};
    enum err e = store_open(&(struct store_options){.path = path, .mode = mode}, &s, &eb);
    if (e) {
        fail_msg("%s: %s", err_name(e), eb.text);
    }
    return s;
}

#endif
