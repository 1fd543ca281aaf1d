/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comma-separated values (RFC 4180) out of a text in memory: rows of fields, each with its place.
 * A field may be quoted, "" in it is a quote; rows end with LF or CRLF; empty lines are passed
 * over. What RFC 4180 does not allow (a quote within a bare field, text after a closing one, no
 * closing one) is an error with line and column, not a guess. */
#ifndef CORE_CSV_H
#define CORE_CSV_H

#include "core/arena.h"

struct csv_field {
    struct slice text;
    unsigned line, column; /* 1-based; columns are bytes */
};

struct csv {
    struct slice left;
    const char *file;    /* for errors; borrowed */
    struct arena *arena; /* for fields with "" in them; the others are slices of the text */
    unsigned line, column;
};

/* Borrows all. A byte order mark at the start is passed over. */
void csv_open(struct csv *c, const char *file, struct slice text, struct arena *arena);

/* The next row: OK with at least one field, ERR_END, ERR_SYNTAX, ERR_LIMIT for more than `max`
 * fields, ERR_NOMEM. */
enum err csv_row(struct csv *c, struct csv_field *fields, size_t max, size_t *count,
                 struct errbuf *eb) MUST_USE;

/* Reads a header row of known names in any order: columns[i] becomes the field of names[i] (a list
 * of `count`), or SIZE_MAX when the file has it not. ERR_SYNTAX for an unknown or repeated name. */
enum err csv_header(struct csv *c, const char *const *names, size_t count, size_t *columns,
                    struct errbuf *eb) MUST_USE;

#endif
