/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages out of whatever holds them: mbox (mboxo, mboxrd, mboxcl), Maildir, one-message files,
 * folders of these, tar/zip/gzip/zstd/xz of any of these, standard input. The kind is told by
 * content, never by name. Streaming: memory is bounded by LIMIT_MESSAGE_BYTES and the
 * decompressors, whatever the size. The order is stable (folders sorted by name), so a position can
 * be resumed. */
#ifndef MAIL_SOURCE_H
#define MAIL_SOURCE_H

#include "core/err.h"
#include "core/hash.h"
#include "core/ip.h"
#include "core/slice.h"

struct source;

/* What a trap saw of a message's delivery; borrowed like the message. */
struct live_envelope {
    struct slice trap;
    struct id128 token;  /* differs for each delivery: of its session and its number therein */
    int64_t received_us; /* acceptance, microseconds since 1970, as is the connection: */
    int64_t session_us;
    struct ip client;
    bool has_proxy;                   /* a trusted relay says that this is the client */
    struct slice helo, protocol, tls; /* as in the chain of an imported message */
    const struct slice *recipients;   /* secret */
    size_t recipient_count;
    struct slice sd1, td1; /* empty: not known */
};

struct source_message {
    struct slice raw; /* mbox quoting and separator taken off; borrowed until the next call */
    uint64_t bytes;   /* of the whole message, also when raw was cut at LIMIT_MESSAGE_BYTES */
    bool is_truncated;
    const char *name;      /* "inbox.mbox", "spam.tar.zst!spam/0001": for diagnostics; borrowed */
    uint64_t ordinal;      /* 0-based over the whole source */
    int64_t envelope_time; /* of an mbox "From " line; 0 when there is none */
    struct slice envelope_from;       /* sender of that line; empty when there is none */
    const struct live_envelope *live; /* NULL: out of a file */
};

/* What was found that is no mail, by reason ("not mail: image", "empty file", "unreadable"). */
struct source_rejects {
    const char *reason;
    uint64_t count;
    char example[256]; /* name of the first one */
};

struct source_progress {
    uint64_t bytes_read;  /* of the files on disk (compressed size) */
    uint64_t bytes_total; /* 0 when unknown (standard input) */
};

/* `path` "-" is standard input. ERR_NOTFOUND or ERR_IO with a text when it cannot be opened at all.
 */
enum err source_open(const char *path, struct source **out, struct errbuf *eb) MUST_USE;

/* Reads from a caller's function instead (standard input, tests that chunk): it returns the number
 * of bytes put into `p` (at most `n`), 0 at the end, negative on error. */
typedef long (*source_read_fn)(void *arg, char *p, size_t n);
enum err source_open_stream(source_read_fn read, void *arg, const char *name, struct source **out,
                            struct errbuf *eb) MUST_USE;

/* The next message; ERR_END after the last. ERR_IO only when nothing further can be read: a broken
 * member or file is a reject, and the rest goes on. */
enum err source_next(struct source *s, struct source_message *out, struct errbuf *eb) MUST_USE;

/* Passes over `count` messages as cheaply as possible, with the same ordinals and rejects as
 * source_next: to resume. ERR_END when there are fewer. */
enum err source_skip(struct source *s, uint64_t count, struct errbuf *eb) MUST_USE;

/* Where the time went and what was left out. */
struct source_progress source_progress(const struct source *s);
size_t source_rejects(const struct source *s, const struct source_rejects **out);

void source_close(struct source *s);

/* The identity of DESIGN 4: XXH3-128 over trap, arrival time and the message's bytes in canonical
 * form: line endings as LF, every line of >*From as "From " (so that all mbox quotings agree), line
 * ends and blank lines at the end left out. So the same mail out of an mbox, a Maildir and a tar
 * has one id. `bytes` counts only when `raw` was cut (then line endings do make a difference).
 * Panics when out of memory for a large message. */
struct id128 message_id(struct slice trap, int64_t arrival, struct slice raw, uint64_t bytes);

#endif
