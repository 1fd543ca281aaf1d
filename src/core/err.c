/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    const char *text;
} ERRORS[ERR_INDEX_COUNT] = {
    {"OK", "no error"},
#define ERR(name, text) {"ERR_" #name, text},
#include "core/err.def"
#undef ERR
};

static int err_index(enum err e)
{
    int i = -(int)e;
    return i >= 0 && i < ERR_INDEX_COUNT ? i : -1;
}

const char *err_name(enum err e)
{
    int i = err_index(e);
    return i < 0 ? "ERR_?" : ERRORS[i].name;
}

const char *err_text(enum err e)
{
    int i = err_index(e);
    return i < 0 ? "unknown error" : ERRORS[i].text;
}

static void PRINTF_LIKE(5, 0) errbuf_fill(struct errbuf *eb, const char *file, unsigned line,
                                          unsigned column, const char *fmt, va_list ap)
{
    if (!eb) {
        return;
    }
    snprintf(eb->file, sizeof eb->file, "%s", file);
    eb->line = line;
    eb->column = column;
    vsnprintf(eb->text, sizeof eb->text, fmt, ap);
}

enum err err_set(struct errbuf *eb, enum err e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    errbuf_fill(eb, "", 0, 0, fmt, ap);
    va_end(ap);
    return e;
}

enum err err_at(struct errbuf *eb, enum err e, const char *file, unsigned line, unsigned column,
                const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    errbuf_fill(eb, file ? file : "", line, column, fmt, ap);
    va_end(ap);
    return e;
}

const char *err_format(const struct errbuf *eb, enum err e, char *out, size_t n)
{
    const char *text = eb && eb->text[0] ? eb->text : err_text(e);
    if (!eb || !eb->file[0]) {
        snprintf(out, n, "%s", text);
    } else if (!eb->line) {
        snprintf(out, n, "%s: %s", eb->file, text);
    } else if (!eb->column) {
        snprintf(out, n, "%s:%u: %s", eb->file, eb->line, text);
    } else {
        snprintf(out, n, "%s:%u:%u: %s", eb->file, eb->line, eb->column, text);
    }
    return out;
}

void panic(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("spamgauge: bug: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}
