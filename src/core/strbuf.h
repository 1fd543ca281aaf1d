/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A growing byte buffer on the heap, for output and assembled text. Start from STRBUF_INIT, end
 * with strbuf_free. Appending never fails visibly: out of memory sets `failed` and drops the rest,
 * so a writer checks once at the end. `p` is NUL-terminated whenever it is not NULL. */
#ifndef CORE_STRBUF_H
#define CORE_STRBUF_H

#include "core/err.h"
#include "core/slice.h"

#include <stdarg.h>

struct strbuf {
    char *p;
    size_t n;
    size_t capacity;
    bool failed;
};

#define STRBUF_INIT                                                                                \
    {                                                                                              \
        NULL, 0, 0, false                                                                          \
    }

void strbuf_free(struct strbuf *b);
/* Empties it but keeps the memory. */
void strbuf_clear(struct strbuf *b);
/* Makes room for `n` more bytes; false when out of memory (then `failed` is set). */
bool strbuf_reserve(struct strbuf *b, size_t n);
void strbuf_add(struct strbuf *b, struct slice s);
void strbuf_add_cstr(struct strbuf *b, const char *s);
void strbuf_add_byte(struct strbuf *b, char c);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

/* Borrowed view of the content. */
static inline struct slice strbuf_slice(const struct strbuf *b)
{
    return slice_of(b->p, b->n);
}

/* The content as a C string; "" when empty. */
static inline const char *strbuf_cstr(const struct strbuf *b)
{
    return b->p ? b->p : "";
}

#endif
