/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HD1, the header dialect fingerprint (docs/hd1.md):
 * "HD1:14.a(ph).onr6.0.17q_0123456789ab_ba9876543210". It tells the software that wrote a header,
 * whatever the recipient, date, addresses and random parts are. */
#ifndef PRINT_HD1_H
#define PRINT_HD1_H

#include "print/sender.h"

enum {
    HD1_TREE_BYTES = 32,
    HD1_A_BYTES = 2 + 1 + HD1_TREE_BYTES + 1 + 4 + 1 + 1 + 1 + 4,
    HD1_TEXT_BYTES = 4 + HD1_A_BYTES + 1 + 12 + 1 + 12,
};

struct hd1 {
    unsigned count;                /* sender's fields but Received; 99 is "99 or more" */
    char tree[HD1_TREE_BYTES + 1]; /* MIME tree code */
    char msgid;                    /* class letters; '?' other, '-' absent */
    char boundary;
    char date;
    char mailer;
    unsigned forged; /* Received lines below the first untrusted hop; 9 is "9 or more" */
    char coding[5];  /* charset and encoding letter of the first two text parts; "--" for none */
    char names[13];  /* b; "-" when there are no fields */
    char shapes[13]; /* c; "-" when no field of value_shape.def is there */
};

/* What was hashed, for people who ask why two prints differ. Arena. */
struct hd1_inputs {
    struct slice names;
    struct slice shapes;
    bool is_listed; /* a list server handled it: names and their order are half of its making */
};

/* `inputs` may be NULL. ERR_NOMEM only. */
enum err hd1_make(struct hd1 *out, const struct sender *s, const struct mail *m,
                  const struct chain *c, struct hd1_inputs *inputs, struct arena *arena) MUST_USE;

/* Writes the text (no NUL) and returns its length; part a alone begins at 4 and is *a_bytes long.
 */
size_t hd1_print(const struct hd1 *h, char out[HD1_TEXT_BYTES], size_t *a_bytes);

/* The inverse; false for what hd1_print never writes. */
bool hd1_parse(struct slice text, struct hd1 *out);

#endif
