/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a case file of tests/golden/url. After cmocka.h. */
#ifndef URL_GOLDEN_RUN_H
#define URL_GOLDEN_RUN_H

#include "url_golden.h"

#include <stdio.h>
#include <stdlib.h>

struct golden_case {
    char name[128];
    struct strbuf input, expected;
};

static inline void golden_check(const struct url_context *c, struct arena *arena,
                                struct golden_case *g, unsigned *failed)
{
    struct strbuf got = STRBUF_INIT;
    struct slice name = slice_cstr(g->name);
    struct slice kind = slice_cut(&name, ' ');
    arena_reset(arena);
    assert_int_equal(golden_answer(c, kind, strbuf_slice(&g->input), arena, &got), OK);
    if (!slice_eq(strbuf_slice(&got), strbuf_slice(&g->expected))) {
        print_error("%s:\nexpected\n%sgot\n%s", g->name, strbuf_cstr(&g->expected),
                    strbuf_cstr(&got));
        (*failed)++;
    }
    strbuf_free(&got);
    strbuf_free(&g->input);
    strbuf_free(&g->expected);
    g->name[0] = '\0';
}

/* `least`: so many cases the file must have, so that an unread file is no success. */
static inline void golden_run(const struct url_context *c, struct arena *arena, const char *file,
                              unsigned least)
{
    char path[1024];
    const char *root = getenv("SOURCE_ROOT");
    (void)snprintf(path, sizeof path, "%s/tests/golden/url/%s", root ? root : ".", file);
    FILE *f = fopen(path, "r");
    if (!f) {
        fail_msg("no %s", path);
    }
    char *line = NULL;
    size_t capacity = 0;
    unsigned count = 0, failed = 0;
    struct golden_case g = {.input = STRBUF_INIT, .expected = STRBUF_INIT};
    for (ssize_t n; (n = getline(&line, &capacity, f)) > 0;) {
        struct slice s = slice_of(line, (size_t)n - (line[n - 1] == '\n'));
        if (!s.n || s.p[0] == '#') {
            continue;
        }
        if (s.p[0] == '<') {
            golden_unescape(&g.input, slice_sub(s, 2, SIZE_MAX));
        } else if (s.p[0] == '>' || s.p[0] == '=') {
            strbuf_add(&g.expected, slice_of(line, (size_t)n));
        } else {
            if (g.name[0]) {
                golden_check(c, arena, &g, &failed);
            }
            (void)snprintf(g.name, sizeof g.name, "%.*s", SLICE_ARG(s));
            count++;
        }
    }
    if (g.name[0]) {
        golden_check(c, arena, &g, &failed);
    }
    free(line);
    (void)fclose(f);
    if (failed || count < least) {
        fail_msg("%s: %u of %u cases fail (at least %u are there)", file, failed, count, least);
    }
}

#endif
