/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A borrowed run of bytes: what crosses every parser boundary. Never NUL-terminated, may hold any
 * byte, `p` may be NULL only when `n` is 0. A slice never owns; its source must outlive it. */
#ifndef CORE_SLICE_H
#define CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* For a buffer on a hot path that is written before it is read: the build's zeroing of automatic
 * variables (-ftrivial-auto-var-init) leaves it out. */
#if defined(__has_attribute) && __has_attribute(uninitialized)
#define UNCLEARED __attribute__((uninitialized))
#else
#define UNCLEARED
#endif

struct slice {
    const char *p;
    size_t n;
};

/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) (int)(s).n, ((s).p ? (s).p : "")
/* A literal, usable in static initialisers: SLICE("text") */
#define SLICE(lit)                                                                                 \
    {                                                                                              \
        (lit), sizeof(lit) - 1                                                                     \
    }
#define S(lit) ((struct slice)SLICE(lit))

static inline struct slice slice_of(const char *p, size_t n)
{
    return (struct slice){p, n};
}

static inline struct slice slice_cstr(const char *s)
{
    return (struct slice){s, s ? strlen(s) : 0};
}

/* From `p` up to (not with) `end`. */
static inline struct slice slice_span(const char *p, const char *end)
{
    return (struct slice){p, (size_t)(end - p)};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII character classes that do not ask the locale. */
static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool ascii_is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static inline bool ascii_is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}
static inline bool ascii_is_alpha(char c)
{
    return ascii_is_lower(ascii_lower(c));
}
static inline bool ascii_is_alnum(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c);
}
/* Space, tab, CR, LF, VT, FF. */
static inline bool ascii_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
/* 0..15, or -1. */
static inline int ascii_hex(char c)
{
    if (ascii_is_digit(c)) {
        return c - '0';
    }
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Do the first n bytes equal but for ASCII case? For slice_ieq and slice_istarts. */
bool bytes_ieq(const char *a, const char *b, size_t n);

/* Most comparisons fail at the first byte, and without a call: case is a single bit. */
static inline bool bytes_may_ieq(const char *a, const char *b, size_t n)
{
    return n == 0 || ((uint8_t)*a | 0x20) == ((uint8_t)*b | 0x20);
}

/* Equal but for ASCII case. */
static inline bool slice_ieq(struct slice a, struct slice b)
{
    return a.n == b.n && bytes_may_ieq(a.p, b.p, a.n) && bytes_ieq(a.p, b.p, a.n);
}
static inline bool slice_istarts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && bytes_may_ieq(s.p, prefix.p, prefix.n) &&
           bytes_ieq(s.p, prefix.p, prefix.n);
}
/* Inline: of a literal a comparison of a number or two remains. */
static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}
static inline bool slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}
bool slice_iends(struct slice s, struct slice suffix);

/* memcmp order, shorter first on a tie: for qsort and binary search. */
int slice_cmp(struct slice a, struct slice b);

/* Offset of the first `c`, or s.n. */
static inline size_t slice_find_byte(struct slice s, char c)
{
    const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : s.n;
}

/* Offset of the first `needle`, or SIZE_MAX. */
size_t slice_find(struct slice s, struct slice needle);
/* The same but for ASCII case; for short inputs (no index is built). */
size_t slice_ifind(struct slice s, struct slice needle);

/* From offset `from` on, at most `n` bytes; clipped, never out of bounds. */
static inline struct slice slice_sub(struct slice s, size_t from, size_t n)
{
    if (from > s.n) {
        from = s.n;
    }
    /* NULL + 0 is undefined in C */
    return (struct slice){s.n ? s.p + from : s.p, n < s.n - from ? n : s.n - from};
}

/* Without white space (ascii_is_space) at both ends. */
struct slice slice_trim(struct slice s);

/* Cuts off and returns what stands before the first `sep`; *s becomes what stands after it.
 * Without a `sep` returns all and leaves *s empty. */
struct slice slice_cut(struct slice *s, char sep);

/* Decimal number of the whole slice; false if it is empty, has another byte, or does not fit. */
bool slice_to_u64(struct slice s, uint64_t *out);

/* Is `s` matched by the glob `pattern` ("*" any run, "?" any byte), ASCII case aside? At worst
 * O(n*m). */
bool slice_glob(struct slice s, struct slice pattern);

#endif
