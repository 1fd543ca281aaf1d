/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strings from mail on their way to a person. They are hostile: terminal escapes, bidirectional
 * overrides that turn a line around, stacked accents, names too long for their column, addresses of
 * traps. What leaves these functions is one line of printable text. */
#ifndef OUT_ESCAPE_H
#define OUT_ESCAPE_H

#include "core/strbuf.h"

/* Appends `s` for a terminal. Control bytes become \xNN (also ESC, line breaks and tabs); code
 * points that are invisible, control (C1) or change direction become \u{NNNN}; more than three
 * combining marks in a row are left out; bytes that are not UTF-8 become U+FFFD. Without `use_utf8`
 * the result is ASCII: other code points become \u{NNNN} too, and bad bytes \xNN. */
void escape_terminal(struct strbuf *out, struct slice s, bool use_utf8);

/* The same, cut to `columns` with an ellipsis ("~" in ASCII); returns the columns used. */
size_t escape_fit(struct strbuf *out, struct slice s, size_t columns, bool use_utf8);

/* Columns of a terminal that escaped text takes: East Asian wide 2, combining 0. */
size_t text_columns(struct slice s);

/* Appends `s` as well-formed UTF-8: each byte that is not becomes U+FFFD. */
void utf8_repair(struct strbuf *out, struct slice s);

/* Appends `s` with the local part of everything that looks like a mail address replaced by
 * "<redacted>": bounce addresses carry the recipient (VERP), and so do subjects. Domains stay. */
void redact_addresses(struct strbuf *out, struct slice s);

#endif
