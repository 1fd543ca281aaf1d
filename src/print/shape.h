/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shapes: a value with its random parts replaced by what kind of bytes they are, so that two
 * messages of one template have one shape. And the small pattern language of the class tables.
 * Class letters: 9 digit, x lower hex, X upper hex, h hex of either case, a lower, A upper, w
 * letter, n alphanumeric, N upper alphanumeric, B base64 alphabet, b the same with - and _, u bytes
 * above 0x7f; other bytes stand for themselves. A run of fixed length repeats its letter; "9+" is a
 * run of any length. */
#ifndef PRINT_SHAPE_H
#define PRINT_SHAPE_H

#include "core/arena.h"
#include "core/slice.h"

/* A bounded output buffer: what does not fit is dropped and `~` ends the text. */
struct shape_out {
    char *p;
    size_t n;
    size_t capacity;
    bool is_cut;
};

static inline void shape_put(struct shape_out *o, char c)
{
    if (o->n < o->capacity) {
        o->p[o->n++] = c;
    } else {
        o->is_cut = true;
    }
}
void shape_put_slice(struct shape_out *o, struct slice s);
struct slice shape_end(struct shape_out *o);

enum { SHAPE_BYTES = 160 }; /* of one value's shape; a Message-ID of 998 bytes is cut */

/* Appends the shape of free text (docs/hd1.md, "Runs"). */
void shape_text(struct shape_out *o, struct slice s);

/* The same into the arena; empty when out of memory. */
struct slice shape_of(struct slice s, struct arena *arena);

/* Does the whole of `s` match the pattern? Then the shape that the pattern gives it is appended to
 * `o` (may be NULL); else `o` is as before.
 *   byte        itself, %% a percent sign
 *   %C{n}       exactly n bytes of class C     %C{m,n}  m to n of them     %C+  one or more
 *   %*          the rest, whatever it is, shaped as free text
 *   %?          the rest, whatever it is, shaped as one `*`: a user's or a host's name
 * Runs take as many bytes as they can and never give back: linear time. */
bool shape_match(const char *pattern, struct slice s, struct shape_out *o);

/* Can a text that starts with `c` match? For dispatch tables. */
bool shape_match_starts(const char *pattern, unsigned char c);

/* The letters and digits that a text starts with, and the byte behind them: what nearly all
 * patterns differ in, so that a table is searched without matching each row. */
struct shape_lead {
    size_t min, max;
    int next; /* the byte behind them; -1 for the end of the text, -2 for any */
};
struct shape_lead shape_pattern_lead(const char *pattern);
struct shape_lead shape_text_lead(struct slice s); /* min == max */
/* False only if the text cannot match the pattern. */
static inline bool shape_lead_fits(struct shape_lead pattern, struct shape_lead text)
{
    return text.min >= pattern.min && text.min <= pattern.max &&
           (pattern.next == -2 || pattern.next == text.next);
}

#endif
