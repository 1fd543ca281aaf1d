/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records as bytes and back. A payload is a kind, a version and the fields in the order of
 * record.h: numbers as LEB128, texts with their length before them, the raw message last. Decoding
 * takes any bytes: what is not a whole record of a known version is ERR_SYNTAX (ERR_VERSION for a
 * newer one), never a crash. One description of the fields serves both ways (codec.c). */
#ifndef SPOOL_CODEC_H
#define SPOOL_CODEC_H

#include "core/arena.h"
#include "core/strbuf.h"
#include "spool/record.h"

enum record_kind { RECORD_MESSAGE = 1, RECORD_SESSION = 2 }; /* stored numbers */
/* "message", "session", "unknown" */
const char *record_kind_name(enum record_kind kind);

/* Append the payload to `out`. ERR_LIMIT when a count or the whole is past limits.h: nothing was
 * appended then. ERR_NOMEM. */
enum err message_encode(struct strbuf *out, const struct message_record *m) MUST_USE;
enum err session_encode(struct strbuf *out, const struct session_record *s) MUST_USE;

/* A dialogue on its own, as a store keeps it; the same bytes as in a session record. */
struct transcript {
    const struct session_step *steps;
    size_t count, first; /* the first `first` stand before the gap of `dropped` steps */
    uint64_t dropped;
};
enum err transcript_encode(struct strbuf *out, const struct transcript *t) MUST_USE;
enum err transcript_decode(struct slice packed, struct arena *arena,
                           struct transcript *out) MUST_USE;

struct decoded_record {
    enum record_kind kind;
    union {
        struct message_record message;
        struct session_record session;
    };
};

/* Slices borrow from `payload`, lists are in `arena`. */
enum err record_decode(struct slice payload, struct arena *arena,
                       struct decoded_record *out) MUST_USE;

/* Both kinds begin with it. */
static inline const struct session_head *record_head(const struct decoded_record *r)
{
    return r->kind == RECORD_MESSAGE ? &r->message.head : &r->session.head;
}

#endif
