/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The language in which spam engines write their templates, as the simulator has it: text with
 * macros in braces.
 *
 *   {9 4} {x 4-8}      that many digits, x lower hex, X upper hex, a A letters, n N letters and
 *                      digits (lower, upper), w letters of both cases, B of base64's alphabet
 *   {one|two|three}    one of them, by chance
 *   {@one|two|three}   one of them, always the same on one machine
 *   {?30 text}         the text, in 30 of 100 messages
 *   {*2-5 text}        the text two to five times, each time anew
 *   {=name text}       the text, which is kept under the name; {$name} is the same text again
 *   {name arguments}   what the caller makes of it; a name that he does not know stays as it is,
 *                      braces and all, as it does in real engines
 *
 * Macros may hold macros. The other pair of brackets (campaigns are made with [..], what is left
 * is written with {..}) is plain text. */
#ifndef SIMULATE_GRAMMAR_H
#define SIMULATE_GRAMMAR_H

#include "core/strbuf.h"
#include "stat/pcg.h"

enum { GRAMMAR_DEPTH = 8, GRAMMAR_NAMES = 8, GRAMMAR_KEPT_BYTES = 128 };

struct grammar {
    struct pcg *random;
    uint64_t machine; /* what {@..} depends on */
    /* Appends what a macro stands for; false: not known. */
    bool (*macro)(void *arg, struct slice name, struct slice arguments, struct strbuf *out);
    void *arg;
    char open, close; /* '{' and '}' */
    struct {
        struct slice name; /* borrowed from the template */
        char text[GRAMMAR_KEPT_BYTES];
        size_t n;
    } kept[GRAMMAR_NAMES];
    size_t kept_count;
};

void grammar_expand(struct grammar *g, struct slice text, struct strbuf *out);

/* `n` random characters of a class; false for a letter that is none. */
bool grammar_characters(struct pcg *random, char kind, size_t n, struct strbuf *out);

/* "4" or "4-8": a number in that range; false when it is neither. */
bool grammar_number(struct pcg *random, struct slice s, uint64_t *out);

#endif
