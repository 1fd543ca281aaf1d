/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TD1, the fingerprint of a client's TCP SYN (docs/sd1.md): "TD1:64.64240.1460.7.mstnw.1", in a
 * syntax of our own: guessed first TTL, window, MSS, window scale, order of options,
 * don't-fragment.
 * '-' is "not there". */
#ifndef PRINT_TD1_H
#define PRINT_TD1_H

#include "core/slice.h"

enum { TD1_OPTIONS = 24, TD1_TEXT_BYTES = 4 + 3 + 1 + 5 + 1 + 5 + 1 + 3 + 1 + TD1_OPTIONS + 1 + 1 };

struct td1 {
    unsigned ttl;                  /* 32, 64, 128 or 255: the least that holds what came */
    unsigned window;               /* 0..65535 */
    int mss;                       /* -1: no such option */
    int scale;                     /* the same */
    char options[TD1_OPTIONS + 1]; /* m s t w n e f, u for others */
    int df;                        /* 0, 1; -1 for IPv6, which has none */
};

/* From IP and TCP header as TCP_SAVED_SYN gives them. False for what is no whole SYN. */
bool td1_make(struct td1 *out, struct slice syn);
/* Writes the text (no NUL) and returns its length. */
size_t td1_print(const struct td1 *t, char out[TD1_TEXT_BYTES]);
/* The inverse; false for what td1_print never writes. */
bool td1_parse(struct slice text, struct td1 *out);

#endif
