/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside print only: what features.c, features_header.c and features_body.c share. */
#ifndef PRINT_EXTRACT_H
#define PRINT_EXTRACT_H

#include "print/features.h"
#include "print/sender.h"

struct extract {
    struct features *f;
    struct mail *mail;
    const struct chain *chain; /* may be NULL */
    const struct url_context *url_context;
    const struct envelope *envelope; /* may be NULL */
    struct arena *arena;
    struct sender sender;
    struct slice *single; /* one item for each TEXT feature */
    uint64_t quirks;
};

/* Absent when empty. */
void extract_text(struct extract *x, enum feature_id id, struct slice value);
void extract_number(struct extract *x, enum feature_id id, int64_t value);

/* Room for a LIST of at most `max` items; NULL when out of memory. */
struct slice *extract_list(struct extract *x, size_t max) MUST_USE;
void extract_list_set(struct extract *x, enum feature_id id, const struct slice *items,
                      size_t count);
/* Appends unless it is empty or there already. */
void list_add_distinct(struct slice *items, size_t *count, struct slice value);

enum err extract_prints(struct extract *x) MUST_USE;
enum err extract_header(struct extract *x) MUST_USE;
enum err extract_client(struct extract *x) MUST_USE;
enum err extract_body(struct extract *x) MUST_USE;

#endif
