/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Golden files of tests/golden/report. To write them anew: GOLDEN_WRITE=1 in the environment, then
 * read the difference before committing it. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "testing.h"

#include "core/strbuf.h"

#include <stdio.h>
#include <stdlib.h>

/* The whole of a file; empty and false when it cannot be read. */
static inline bool file_read(const char *path, struct strbuf *out)
{
    FILE *f = fopen(path, "rb");
    char buffer[4096];
    size_t n;
    while (f && (n = fread(buffer, 1, sizeof buffer, f)) > 0) {
        strbuf_add(out, slice_of(buffer, n));
    }
    if (f) {
        fclose(f);
    }
    return f != NULL;
}

static inline void golden_path(char out[1024], const char *folder, const char *name)
{
    const char *root = getenv("SOURCE_ROOT");
    snprintf(out, 1024, "%s/%s/%s", root ? root : ".", folder, name);
}

static inline void golden_check(const char *name, struct slice got)
{
    char path[1024];
    struct strbuf expected = STRBUF_INIT;
    golden_path(path, "tests/golden/report", name);
    if (getenv("GOLDEN_WRITE")) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(got.p, 1, got.n, f), got.n);
        assert_int_equal(fclose(f), 0);
    }
    assert_true(file_read(path, &expected));
    struct slice want = strbuf_slice(&expected);
    size_t line = 1;
    for (size_t i = 0; i < want.n && i < got.n && want.p[i] == got.p[i]; i++) {
        line += want.p[i] == '\n';
    }
    if (!slice_eq(want, got)) {
        fail_msg("%s differs in line %zu (%zu bytes, expected %zu)", name, line, got.n, want.n);
    }
    strbuf_free(&expected);
}

/* What `f` got so far; `f` was opened by open_memstream on p and n. */
struct capture {
    FILE *f;
    char *p;
    size_t n;
};

static inline void capture_start(struct capture *c)
{
    *c = (struct capture){0};
    c->f = open_memstream(&c->p, &c->n);
    assert_non_null(c->f);
}

static inline struct slice capture_text(struct capture *c)
{
    assert_int_equal(fflush(c->f), 0);
    return slice_of(c->p, c->n);
}

static inline void capture_end(struct capture *c)
{
    fclose(c->f);
    free(c->p);
}

#endif
