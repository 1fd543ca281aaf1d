/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The id of a message. Most raw bytes are canonical but for their end, and are hashed where they
 * are; the others are copied in pieces without what is not canonical. */
#include "core/hash.h"
#include "mail/source.h"

enum { PIECE_BYTES = 8 * 1024, BLOCK_BYTES = 64 };

/* Line ends and blank lines at the end, of either kind. */
static struct slice content_trim(struct slice s)
{
    while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r')) {
        s.n--;
    }
    return s;
}

/* How many '>' stand before "From " at the start of a line; 0 if it is no such line. */
static size_t line_quotes(struct slice line)
{
    size_t i = 0;
    while (i < line.n && line.p[i] == '>') {
        i++;
    }
    return slice_starts(slice_sub(line, i, 5), S("From ")) ? i : 0;
}

/* A CR anywhere, or a line that begins with '>'? Each block is a loop without branches, which
 * compilers turn into vector code. */
static bool block_is_suspect(const char *p)
{
    unsigned char hit = 0;
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        hit |= (unsigned char)((p[i] == '\r') | ((p[i] == '\n') & (p[i + 1] == '>')));
    }
    return hit != 0;
}

/* The offset of the first line that must be looked at; s.n when all is canonical. */
static size_t canonical_prefix(struct slice s)
{
    size_t i = 0;
    if (s.n > 0 && s.p[0] == '>') {
        return 0;
    }
    while (i + BLOCK_BYTES < s.n && !block_is_suspect(s.p + i)) {
        i += BLOCK_BYTES;
    }
    for (; i < s.n; i++) {
        if (s.p[i] == '\r' || (s.p[i] == '\n' && i + 1 < s.n && s.p[i + 1] == '>')) {
            break;
        }
    }
    if (i == s.n) {
        return i;
    }
    while (i > 0 && s.p[i - 1] != '\n') {
        i--;
    }
    return i;
}

/* Canonical bytes, handed on in pieces. */
struct piece {
    struct hash_stream *hash;
    size_t n;
    char p[PIECE_BYTES];
};

static void piece_flush(struct piece *b)
{
    if (!b->hash && !(b->hash = hash_stream_new())) {
        panic("out of memory for a message's id");
    }
    hash_stream_add(b->hash, slice_of(b->p, b->n));
    b->n = 0;
}

static void piece_add(struct piece *b, struct slice s)
{
    while (s.n > sizeof b->p - b->n) {
        size_t n = sizeof b->p - b->n;
        memcpy(b->p + b->n, s.p, n);
        b->n += n;
        s = slice_sub(s, n, SIZE_MAX);
        piece_flush(b);
    }
    if (s.n > 0) {
        memcpy(b->p + b->n, s.p, s.n);
        b->n += s.n;
    }
}

/* XXH3 gives the same for one piece and for many, so the short way needs no state. */
static struct id128 piece_end(struct piece *b)
{
    if (!b->hash) {
        return hash_id128(slice_of(b->p, b->n));
    }
    piece_flush(b);
    struct id128 id = hash_stream_end(b->hash);
    hash_stream_free(b->hash);
    return id;
}

static struct id128 canonical_hash(struct slice s, size_t prefix)
{
    UNCLEARED struct piece b;
    b.hash = NULL;
    b.n = 0;
    piece_add(&b, slice_sub(s, 0, prefix));
    for (size_t i = prefix; i < s.n;) {
        struct slice line = slice_sub(s, i, SIZE_MAX);
        size_t n = slice_find_byte(line, '\n');
        bool has_lf = n < line.n;
        line.n = n;
        i += n + has_lf;
        /* All of them: text-mode tools make "\r\r\n" of CRLF. */
        while (has_lf && line.n > 0 && line.p[line.n - 1] == '\r') {
            line.n--;
        }
        if (line.n > 0 && line.p[0] == '>') {
            line = slice_sub(line, line_quotes(line), SIZE_MAX);
        }
        piece_add(&b, line);
        if (has_lf) {
            piece_add(&b, S("\n"));
        }
    }
    return piece_end(&b);
}

static struct id128 content_hash(struct slice s)
{
    size_t prefix = canonical_prefix(s);
    return prefix == s.n ? hash_id128(s) : canonical_hash(s, prefix);
}

static char *put_u64(char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        *p++ = (char)(unsigned char)(v >> 8 * i);
    }
    return p;
}

struct id128 message_id(struct slice trap, int64_t arrival, struct slice raw, uint64_t bytes)
{
    char parts[16 + 8 + 16 + 8], *p = parts;
    struct id128 trap_hash = hash_id128(trap);
    struct id128 content = content_hash(content_trim(raw));
    memcpy(p, trap_hash.b, sizeof trap_hash.b);
    p = put_u64(p + sizeof trap_hash.b, (uint64_t)arrival);
    memcpy(p, content.b, sizeof content.b);
    put_u64(p + sizeof content.b, bytes > raw.n ? bytes : 0);
    return hash_id128(slice_of(parts, sizeof parts));
}
