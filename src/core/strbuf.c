/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/strbuf.h"

#include <stdio.h>
#include <stdlib.h>

void strbuf_free(struct strbuf *b)
{
    free(b->p);
    *b = (struct strbuf)STRBUF_INIT;
}

void strbuf_clear(struct strbuf *b)
{
    b->n = 0;
    b->failed = false;
    if (b->p) {
        b->p[0] = '\0';
    }
}

bool strbuf_reserve(struct strbuf *b, size_t n)
{
    size_t need;
    if (b->failed || __builtin_add_overflow(b->n, n, &need) ||
        __builtin_add_overflow(need, 1, &need)) {
        b->failed = true;
        return false;
    }
    if (need <= b->capacity) {
        return true;
    }
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity < need) {
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    }
    char *p = realloc(b->p, capacity);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->capacity = capacity;
    return true;
}

void strbuf_add(struct strbuf *b, struct slice s)
{
    if (!strbuf_reserve(b, s.n)) {
        return;
    }
    if (s.n) {
        memcpy(b->p + b->n, s.p, s.n);
    }
    b->n += s.n;
    b->p[b->n] = '\0';
}

void strbuf_add_cstr(struct strbuf *b, const char *s)
{
    strbuf_add(b, slice_cstr(s));
}

void strbuf_add_byte(struct strbuf *b, char c)
{
    strbuf_add(b, slice_of(&c, 1));
}

void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n > 0 && strbuf_reserve(b, (size_t)n)) {
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(b, fmt, ap);
    va_end(ap);
}
