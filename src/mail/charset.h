/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes in a declared charset to UTF-8. ASCII, UTF-8 and all single-byte charsets go without iconv;
 * the rest share one iconv descriptor a charset and thread, closed when the thread ends. */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include "core/arena.h"
#include "core/slice.h"

/* At most `bytes_max` bytes, cut between characters. Borrows `in` when it is valid as it stands,
 * else arena. What cannot be converted becomes U+FFFD. An empty or unknown `charset` is guessed:
 * UTF-8 when valid, else windows-1252. Adds CHARSET_UNKNOWN, CHARSET_BAD, DECODE_LIMIT. */
struct slice charset_to_utf8(struct slice in, struct slice charset, size_t bytes_max,
                             struct arena *arena, uint64_t *quirks);

/* Length of the longest prefix of `s` that is well-formed UTF-8. */
size_t utf8_prefix(struct slice s);

/* Is it a charset of charset.def? */
bool charset_is_known(struct slice charset);

#endif
