/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is more than letters: URLs, addresses, numbers of all kinds, keys. URLs are told by their
 * scheme, by "www." or because the URL scanner listed their host; it alone knows which bare names
 * are hosts. */
#include "core/limits.h"
#include "print/splitter.h"

enum {
    LOCAL_BYTES_MAX = 64, /* RFC 5321 4.5.3.1 */
    HOST_BYTES_MAX = 253, /* RFC 1035 2.3.4 */
    COMPOUND_BYTES_MAX = 128,
    PIECES_MAX = 16,
    KEY_BYTES_MIN = 8, /* of several pieces: "4a-2" is a house number */
};

/* "10/21/2010": letters and digits, joined by single signs. */
struct compound {
    size_t n, count;
    bool has_letters, has_digits;
    struct slice piece[PIECES_MAX];
    char joint[PIECES_MAX]; /* in front of the piece */
};

static bool byte_ends_url(char c)
{
    return (uint8_t)c <= ' ' || c == '<' || c == '>' || c == '"' || c == '`' || c == 0x7f ||
           (uint8_t)c == 0xc2 || (uint8_t)c >= 0xe0;
}

static size_t trimmed(struct slice s, size_t n, const char *ends)
{
    while (n && strchr(ends, s.p[n - 1])) {
        n--;
    }
    return n;
}

static size_t host_length(struct slice s)
{
    size_t n = 0;
    while (n < s.n && n < HOST_BYTES_MAX &&
           (ascii_is_alnum(s.p[n]) || s.p[n] == '.' || s.p[n] == '-' || s.p[n] == '_')) {
        n++;
    }
    return trimmed(s, n, ".-_");
}

static bool host_is_listed(const struct splitter *s, struct slice host)
{
    if (slice_find_byte(host, '.') == host.n) {
        return false;
    }
    for (size_t i = 0; s->urls && i < s->urls->count; i++) {
        if (slice_ieq(s->urls->items[i].host, host)) {
            return true;
        }
    }
    return false;
}

/* Of a URL at the start of `s`; 0 when there is none. */
static size_t url_length(const struct splitter *x, struct slice s)
{
    size_t word = 0, n = 0;
    while (word < s.n && ascii_is_alpha(s.p[word])) {
        word++;
    }
    bool is_url =
        slice_starts(slice_sub(s, word, SIZE_MAX), S("://")) || slice_istarts(s, S("www."));
    size_t host = is_url ? 0 : host_length(s);
    if (!is_url && !host_is_listed(x, slice_sub(s, 0, host))) {
        return 0;
    }
    if (!is_url && !(host < s.n && strchr("/:?#", s.p[host]) && s.p[host])) {
        return host;
    }
    while (n < s.n && !byte_ends_url(s.p[n])) {
        n++;
    }
    n = trimmed(s, n, ".,;:!?'*|)]}");
    return n > word ? n : 0;
}

static size_t address_length(struct slice s)
{
    size_t n = 0;
    while (n < s.n && n < LOCAL_BYTES_MAX &&
           (ascii_is_alnum(s.p[n]) || (s.p[n] && strchr("._+=%-&~#", s.p[n])))) {
        n++;
    }
    if (n == s.n || s.p[n] != '@') {
        return 0;
    }
    size_t host = host_length(slice_sub(s, n + 1, SIZE_MAX));
    return host ? n + 1 + host : 0;
}

static enum word_kind address_kind(const struct me *me, struct slice address)
{
    for (size_t i = 0; i < me->address_count; i++) {
        if (slice_ieq(me->address[i], address)) {
            return WORD_ME;
        }
    }
    return WORD_ADDRESS;
}

static void compound_read(struct compound *c, struct slice s)
{
    c->n = c->count = 0;
    c->has_letters = c->has_digits = false;
    char joint = 0;
    while (c->count < PIECES_MAX && c->n < COMPOUND_BYTES_MAX) {
        size_t n = c->n;
        while (n < s.n && ascii_is_alnum(s.p[n])) {
            bool is_digit = ascii_is_digit(s.p[n]);
            c->has_digits |= is_digit;
            c->has_letters |= !is_digit;
            n++;
        }
        c->joint[c->count] = joint;
        c->piece[c->count++] = slice_sub(s, c->n, n - c->n);
        c->n = n;
        if (n + 1 >= s.n || !memchr(".,:/-_+=%#~&'", s.p[n], 13) || !ascii_is_alnum(s.p[n + 1])) {
            break;
        }
        joint = s.p[n];
        c->n = n + 1;
    }
    if (c->count == PIECES_MAX || c->n >= COMPOUND_BYTES_MAX) {
        c->n = (size_t)(c->piece[c->count - 1].p + c->piece[c->count - 1].n - s.p);
    }
}

static size_t digits_at(struct slice s)
{
    size_t n = 0;
    while (n < s.n && ascii_is_digit(s.p[n])) {
        n++;
    }
    return n;
}

/* D-D-D, with a year at one end, or ISO 8601's date and whatever follows its T. */
static bool is_date(const struct compound *c)
{
    if (c->count < 3 || c->joint[1] != c->joint[2] || !strchr("/.-", c->joint[1])) {
        return false;
    }
    size_t a = digits_at(c->piece[0]), b = digits_at(c->piece[1]), d = digits_at(c->piece[2]);
    if (a != c->piece[0].n || b != c->piece[1].n || b > 2) {
        return false;
    }
    bool has_t = d < c->piece[2].n && ascii_lower(c->piece[2].p[d]) == 't';
    bool is_whole = c->count == 3 && d == c->piece[2].n;
    return (a == 4 && d && d <= 2 && (is_whole || has_t)) ||
           (is_whole && a <= 2 && (d == 2 || d == 4));
}

static bool is_half_day(struct slice s)
{
    return slice_ieq(s, S("am")) || slice_ieq(s, S("pm"));
}

/* H:M, H:M:S, each also with "am", "pm"; "5pm". */
static bool is_time(const struct compound *c)
{
    if (c->count > 3) {
        return false;
    }
    for (size_t i = 0; i < c->count; i++) {
        struct slice piece = c->piece[i];
        size_t n = digits_at(piece);
        bool is_last = i + 1 == c->count;
        bool has_half = is_last && is_half_day(slice_sub(piece, n, SIZE_MAX));
        if (!n || n > 2 || (n < piece.n && !has_half) || (i && (c->joint[i] != ':' || n != 2)) ||
            (!i && is_last && !has_half)) {
            return false;
        }
    }
    return true;
}

static size_t piece_fold(struct slice piece, char folded[WORD_TOKEN_BYTES], unsigned *rises)
{
    size_t n = piece.n < WORD_TOKEN_BYTES ? piece.n : WORD_TOKEN_BYTES;
    *rises = 0;
    for (size_t i = 0; i < n; i++) {
        folded[i] = ascii_lower(piece.p[i]);
        *rises += i && ascii_is_upper(piece.p[i]) && ascii_is_lower(piece.p[i - 1]);
    }
    return n;
}

static enum word_kind piece_kind(struct slice piece)
{
    UNCLEARED char folded[WORD_TOKEN_BYTES];
    unsigned rises;
    size_t n = piece_fold(piece, folded, &rises);
    return piece.n > n ? WORD_RANDOM : word_kind_of(folded, n, rises);
}

/* What the whole is; PLAIN when it is no whole, and its pieces are words by themselves. */
static enum word_kind compound_kind(const struct compound *c)
{
    if (is_time(c)) {
        return WORD_TIME;
    }
    if (is_date(c)) {
        return WORD_DATE;
    }
    if (!c->has_letters) {
        return WORD_NUMBER;
    }
    if (c->count < 2) {
        return WORD_PLAIN;
    }
    enum word_kind all = WORD_NUMBER;
    for (size_t i = 0; i < c->count; i++) {
        enum word_kind k = piece_kind(c->piece[i]);
        if (k != WORD_NUMBER && k != WORD_HEX && k != WORD_RANDOM) {
            return WORD_PLAIN;
        }
        all = k > all ? k : all;
    }
    return all == WORD_NUMBER || c->n >= KEY_BYTES_MIN ? all : WORD_PLAIN;
}
_Static_assert(WORD_NUMBER < WORD_HEX && WORD_HEX < WORD_RANDOM,
               "the greatest kind is the whole's");

/* Bytes of a currency's sign that ends at `end`, or begins at `p`; 0 for none. */
static size_t sign_before(const char *begin, const char *end)
{
    size_t room = (size_t)(end - begin);
    const uint8_t *p = (const uint8_t *)end;
    if (room >= 1 && p[-1] == '$') {
        return 1;
    }
    if (room >= 2 && p[-2] == 0xc2 && p[-1] >= 0xa2 && p[-1] <= 0xa5) {
        return 2;
    }
    return room >= 3 && p[-3] == 0xe2 &&
                   ((p[-2] == 0x82 && p[-1] >= 0xa0) || (p[-2] == 0x83 && p[-1] <= 0x8f))
               ? 3
               : 0;
}

static size_t sign_at(const char *p, const char *end)
{
    for (size_t n = 1; n <= 3 && n <= (size_t)(end - p); n++) {
        if (sign_before(p, p + n) == n) {
            return n;
        }
    }
    return 0;
}

/* A number or time from `p` to `q`, with the sign or the half of the day that may stand beside it.
 * Returns its end. */
static const char *number_put(struct splitter *s, const char *p, const char *q, enum word_kind kind)
{
    size_t blank_after = q < s->end && *q == ' ';
    if (kind == WORD_TIME) {
        struct slice half = slice_sub(slice_span(q, s->end), blank_after, 2);
        const char *end = half.p + half.n;
        if (is_half_day(half) && (end == s->end || !ascii_is_alnum(*end))) {
            q = end;
        }
    } else if (kind == WORD_NUMBER) {
        /* A sign that the word before took is not this one's. */
        const struct word *last = s->n > s->from ? &s->items[s->n - 1] : NULL;
        const char *begin = last ? last->text.p + last->text.n : s->begin;
        const char *from = p > begin && p[-1] == ' ' ? p - 1 : p;
        size_t sign = sign_before(begin, from);
        size_t after = sign ? 0 : sign_at(q + blank_after, s->end);
        p = sign ? from - sign : p;
        q = after ? q + blank_after + after : q;
        kind = sign || after ? WORD_MONEY : WORD_NUMBER;
    }
    (void)splitter_put_kind(s, slice_span(p, q), kind);
    return q;
}

const char *splitter_compound(struct splitter *s, const char *p)
{
    struct slice rest = slice_sub(slice_span(p, s->end), 0, LIMIT_URL_BYTES);
    size_t n = 0;
    while (n < rest.n && ascii_is_alnum(rest.p[n])) {
        n++;
    }
    bool is_joined = n < rest.n && BYTE_CLASS[(uint8_t)rest.p[n]] == BYTE_GLUE;
    n = is_joined ? url_length(s, rest) : 0;
    if (n) {
        (void)splitter_put_kind(s, slice_of(p, n), WORD_URL);
        return p + n;
    }
    n = is_joined ? address_length(rest) : 0;
    if (n) {
        struct slice address = slice_of(p, n);
        (void)splitter_put_kind(s, address, address_kind(&s->me, address));
        return p + n;
    }
    UNCLEARED struct compound c;
    compound_read(&c, rest);
    enum word_kind kind = c.has_digits ? compound_kind(&c) : WORD_PLAIN;
    if (kind == WORD_NUMBER || kind == WORD_TIME) {
        return number_put(s, p, p + c.n, kind);
    }
    if (kind != WORD_PLAIN) {
        (void)splitter_put_kind(s, slice_of(p, c.n), kind);
        return p + c.n;
    }
    struct slice piece = c.piece[0];
    UNCLEARED char folded[WORD_TOKEN_BYTES];
    unsigned rises;
    n = piece_fold(piece, folded, &rises);
    kind = piece.n > n ? WORD_RANDOM : word_kind_of(folded, n, rises);
    if (kind == WORD_NUMBER) {
        return number_put(s, p, p + piece.n, kind);
    }
    (void)splitter_put_folded(s, piece, slice_of(folded, word_digits_fold(folded, n)), kind);
    return p + piece.n;
}
