/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transfer decodings (RFC 2045 section 6, RFC 2047 section 4, uuencode). All are total: what is
 * broken is decoded as far as sense can be made of it and marked in *quirks. */
#ifndef MAIL_DECODE_H
#define MAIL_DECODE_H

#include "core/slice.h"

/* Room that base64_decode needs for `n` bytes of input. */
static inline size_t base64_room(size_t n)
{
    return n / 4 * 3 + 8;
}

/* Each returns the bytes written. White space is skipped; padding ends a group, not the data
 * (concatenated base64 decodes whole). */
size_t base64_decode(struct slice in, char *out, uint64_t *quirks);

/* Needs in.n bytes of room. */
size_t qp_decode(struct slice in, char *out, uint64_t *quirks);

/* The Q of an encoded word: as above, with "_" for a space. Needs in.n bytes of room. */
size_t q_word_decode(struct slice in, char *out, uint64_t *quirks);

/* What stands between the first "begin MODE NAME" line and "end". Needs in.n bytes of room. */
size_t uu_decode(struct slice in, char *out, uint64_t *quirks);

#endif
