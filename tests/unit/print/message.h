/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of print: a message out of a string, taken apart up to its HD1. */
#ifndef TEST_PRINT_MESSAGE_H
#define TEST_PRINT_MESSAGE_H

#include "testing.h"

#include "core/limits.h"
#include "print/hd1.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEST_NOW = 1300000000 }; /* 2011-03-13 */

struct message {
    struct arena *arena;
    char *raw;
    struct mail mail;
    struct chain chain;
    struct sender sender;
    struct hd1 hd1;
    struct hd1_inputs inputs;
    char text[HD1_TEXT_BYTES + 1];
};

static inline void message_open(struct message *m, struct slice raw)
{
    *m = (struct message){.arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES)};
    assert_non_null(m->arena);
    /* A heap copy of the exact size, so that the sanitizer sees a read past the end. */
    m->raw = malloc(raw.n ? raw.n : 1);
    assert_non_null(m->raw);
    memcpy(m->raw, raw.p, raw.n);
    assert_int_equal(mail_parse(&m->mail, slice_of(m->raw, raw.n), m->arena), OK);
    assert_int_equal(chain_build(&m->chain, &m->mail, NULL, TEST_NOW, m->arena), OK);
    assert_int_equal(sender_find(&m->sender, &m->mail, &m->chain, m->arena), OK);
    assert_int_equal(hd1_make(&m->hd1, &m->sender, &m->mail, &m->chain, &m->inputs, m->arena), OK);
    m->text[hd1_print(&m->hd1, m->text, NULL)] = '\0';
}

static inline void message_close(struct message *m)
{
    arena_free(m->arena);
    free(m->raw);
}

/* The HD1 of a message; `out` has HD1_TEXT_BYTES + 1 bytes. */
static inline void message_hd1(struct slice raw, char *out)
{
    struct message m;
    message_open(&m, raw);
    memcpy(out, m.text, sizeof m.text);
    message_close(&m);
}

/* `s` with LF line endings as CRLF; the caller frees it. */
static inline struct slice message_crlf(struct slice s)
{
    char *p = malloc(2 * s.n + 1);
    size_t n = 0;
    assert_non_null(p);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n') {
            p[n++] = '\r';
        }
        p[n++] = s.p[i];
    }
    return slice_of(p, n);
}

#endif
