/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Error codes and the caller-owned detail text that goes with them. OK is 0, all others negative.
 */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include <stddef.h>

#define MUST_USE            __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, a) __attribute__((format(printf, fmt, a)))

enum err_index {
    ERR_INDEX_OK,
#define ERR(name, text) ERR_INDEX_##name,
#include "core/err.def"
#undef ERR
    ERR_INDEX_COUNT
};

enum err {
    OK = 0,
#define ERR(name, text) ERR_##name = -ERR_INDEX_##name,
#include "core/err.def"
#undef ERR
};

/* Where and why a call failed; the caller owns it and may pass NULL to say that it does not care.
 */
struct errbuf {
    char file[256];  /* input file, "" when none */
    unsigned line;   /* 1-based, 0 when unknown */
    unsigned column; /* 1-based, 0 when unknown */
    char text[512];
};

/* "ERR_NOMEM"; "OK" for 0. Never NULL. */
const char *err_name(enum err e);

/* The sentence of err.def. Never NULL. */
const char *err_text(enum err e);

/* Sets the text (printf) and returns `e`, so that a caller can write `return err_set(...)`. */
enum err err_set(struct errbuf *eb, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same with the place in an input file. */
enum err err_at(struct errbuf *eb, enum err e, const char *file, unsigned line, unsigned column,
                const char *fmt, ...) PRINTF_LIKE(6, 7);

/* "file:line:column: text" (as much as is known) into `out`; returns `out`. */
const char *err_format(const struct errbuf *eb, enum err e, char *out, size_t n);

/* Our own mistake: says where and aborts, also in release builds. */
_Noreturn void panic(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
