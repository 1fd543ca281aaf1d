/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mail as clusters see it, made of sets of shingles: for tests and benches that need to know how
 * alike two contents truly are. */
#ifndef MADE_MAIL_H
#define MADE_MAIL_H

#include "cluster/part.h"

enum { MADE_SHINGLES = 400, MADE_LINKS = 4 };

/* A content: shingles by number. Empty sets are absent. */
struct made_mail {
    uint32_t text[MADE_SHINGLES], open[MADE_SHINGLES], call[MADE_SHINGLES], html[MADE_SHINGLES];
    uint32_t close[MADE_SHINGLES];
    size_t text_count, open_count, close_count, call_count, html_count; /* no opening, no end: one
                                                                           like no other */
    uint64_t attachment, attachment_bytes;                              /* its hash; 0: none */
    struct slice subject;
    struct slice shapes[MADE_LINKS], domains[MADE_LINKS];
    size_t shape_count, domain_count;
    /* what made_message() makes of it */
    struct cd1 cd1;
    uint8_t packed[CD1_PACKED_BYTES];
    struct cluster_message message;
};

/* A generator of its own, so that made mail is the same everywhere (splitmix64). */
uint64_t made_random(uint64_t *state);

/* Appends `n` shingles to a set: from `first` on, or drawn by `state`. */
void made_run(uint32_t *set, size_t *count, uint32_t first, size_t n);
void made_draw(uint32_t *set, size_t *count, uint64_t *state, size_t n);

/* As a message shows it; `packed` is what it lies in. */
struct slice made_sketch(const struct cd1 *c, uint8_t packed[CD1_PACKED_BYTES]);

/* Sketches it; `id` makes the message its own. Borrows `m`. */
const struct cluster_message *made_message(struct made_mail *m, uint64_t id);

/* Lanes as of two sets of likeness `j`: `to` is like `from` in so many lanes, by chance. */
void made_alike(const uint32_t *from, uint32_t *to, size_t lanes, double j, uint64_t *state);

#endif
