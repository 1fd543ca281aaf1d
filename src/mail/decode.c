/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/decode.h"

#include "mail/mail.h"

enum { B64_BAD = -1, B64_SPACE = -2, B64_PAD = -3 };

#define B1(c, v) [c] = (v)
#define B4(c, v) B1(c, v), B1((c) + 1, (v) + 1), B1((c) + 2, (v) + 2), B1((c) + 3, (v) + 3)
#define B8(c, v) B4(c, v), B4((c) + 4, (v) + 4)
#define N4(c)    B1(c, B64_BAD), B1((c) + 1, B64_BAD), B1((c) + 2, B64_BAD), B1((c) + 3, B64_BAD)
#define N8(c)    N4(c), N4((c) + 4)
#define N32(c)   N8(c), N8((c) + 8), N8((c) + 16), N8((c) + 24)

/* Value of a base64 character, or one of B64_*. */
static const int16_t B64[256] = {
    /* 00 */ N8(0),
    B1(8, B64_BAD),
    B1('\t', B64_SPACE),
    B1('\n', B64_SPACE),
    B1(11, B64_SPACE),
    B1(12, B64_SPACE),
    B1('\r', B64_SPACE),
    B1(14, B64_BAD),
    B1(15, B64_BAD),
    N8(16),
    N8(24),
    /* 20 */ B1(' ', B64_SPACE),
    B1('!', B64_BAD),
    B1('"', B64_BAD),
    B1('#', B64_BAD),
    N4('$'),
    B1('(', B64_BAD),
    B1(')', B64_BAD),
    B1('*', B64_BAD),
    B1('+', 62),
    B1(',', B64_BAD),
    B1('-', B64_BAD),
    B1('.', B64_BAD),
    B1('/', 63),
    /* 30 */ B8('0', 52),
    B1('8', 60),
    B1('9', 61),
    B1(':', B64_BAD),
    B1(';', B64_BAD),
    B1('<', B64_BAD),
    B1('=', B64_PAD),
    B1('>', B64_BAD),
    B1('?', B64_BAD),
    /* 40 */ B1('@', B64_BAD),
    B8('A', 0),
    B8('I', 8),
    B8('Q', 16),
    B1('Y', 24),
    B1('Z', 25),
    B1('[', B64_BAD),
    B1('\\', B64_BAD),
    B1(']', B64_BAD),
    B1('^', B64_BAD),
    B1('_', B64_BAD),
    /* 60 */ B1('`', B64_BAD),
    B8('a', 26),
    B8('i', 34),
    B8('q', 42),
    B1('y', 50),
    B1('z', 51),
    B1('{', B64_BAD),
    B1('|', B64_BAD),
    B1('}', B64_BAD),
    B1('~', B64_BAD),
    B1(127, B64_BAD),
    /* 80 */ N32(128),
    N32(160),
    N32(192),
    N32(224)};

/* Whole groups of four valid characters, as many as there are in a row. */
static inline const uint8_t *base64_bulk(const uint8_t *p, const uint8_t *end, char **out)
{
    char *o = *out;
    while (end - p >= 4) {
        int a = B64[p[0]], b = B64[p[1]], c = B64[p[2]], d = B64[p[3]];
        if ((a | b | c | d) < 0) {
            break;
        }
        uint32_t v = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | (uint32_t)d;
        o[0] = (char)(v >> 16);
        o[1] = (char)(v >> 8);
        o[2] = (char)v;
        o += 3;
        p += 4;
    }
    *out = o;
    return p;
}

/* Ends a group of `have` characters early: at padding or at the end of the data. */
static char *base64_flush(uint32_t group, unsigned have, char *o)
{
    if (have >= 2) {
        group <<= 6 * (4 - have);
        *o++ = (char)(group >> 16);
        if (have == 3) {
            *o++ = (char)(group >> 8);
        }
    }
    return o;
}

size_t base64_decode(struct slice in, char *out, uint64_t *quirks)
{
    const uint8_t *p = (const uint8_t *)in.p, *end = in.n ? p + in.n : p;
    char *o = out;
    uint32_t group = 0;
    unsigned have = 0, pads_due = 0;
    bool is_bad = false, has_ended = false;
    while (p < end) {
        if (!have) {
            const uint8_t *from = p;
            p = base64_bulk(p, end, &o);
            is_bad |= has_ended && p != from;
            if (p == end) {
                break;
            }
        }
        int v = B64[*p++];
        if (v >= 0) {
            is_bad |= has_ended; /* data after padding: some senders join encoded pieces */
            pads_due = 0;
            group = group << 6 | (uint32_t)v;
            if (++have == 4) {
                o[0] = (char)(group >> 16);
                o[1] = (char)(group >> 8);
                o[2] = (char)group;
                o += 3;
                group = 0;
                have = 0;
            }
        } else if (v == B64_PAD) {
            has_ended = true;
            if (pads_due) {
                pads_due--;
            } else {
                is_bad |= have < 2;
                pads_due = have == 2;
                o = base64_flush(group, have, o);
                group = 0;
                have = 0;
            }
        } else if (v == B64_BAD) {
            is_bad = true;
        }
    }
    if (have || pads_due || is_bad) {
        *quirks |= QUIRK_BIT(BASE64_BAD);
    }
    o = base64_flush(group, have, o);
    return (size_t)(o - out);
}

/* The escape at p[0] == '='; returns where to go on. */
static const char *qp_escape(const char *p, const char *end, char **out, bool is_word,
                             uint64_t *quirks)
{
    if (end - p >= 3) {
        int hi = ascii_hex(p[1]), lo = ascii_hex(p[2]);
        if ((hi | lo) >= 0) {
            *(*out)++ = (char)(hi << 4 | lo);
            return p + 3;
        }
    }
    if (!is_word) {
        /* A soft line break, also with white space before the line's end (RFC 2045 6.7 rule 3). */
        const char *c = p + 1;
        while (c < end && (*c == ' ' || *c == '\t')) {
            c++;
        }
        if (c == end) {
            return end;
        }
        if (*c == '\n') {
            return c + 1;
        }
        if (*c == '\r') {
            return c + 1 < end && c[1] == '\n' ? c + 2 : c + 1;
        }
    }
    *quirks |= QUIRK_BIT(QP_BAD);
    *(*out)++ = '=';
    return p + 1;
}

size_t qp_decode(struct slice in, char *out, uint64_t *quirks)
{
    const char *p = in.p, *end = in.n ? p + in.n : p;
    char *o = out;
    while (p < end) {
        if (*p == '=') {
            p = qp_escape(p, end, &o, false, quirks);
            continue;
        }
        const char *hit = memchr(p, '=', (size_t)(end - p));
        size_t n = (size_t)((hit ? hit : end) - p);
        memcpy(o, p, n);
        o += n;
        p += n;
    }
    return (size_t)(o - out);
}

size_t q_word_decode(struct slice in, char *out, uint64_t *quirks)
{
    const char *p = in.p, *end = in.n ? p + in.n : p;
    char *o = out;
    while (p < end) {
        if (*p == '=') {
            p = qp_escape(p, end, &o, true, quirks);
        } else {
            *o++ = *p == '_' ? ' ' : *p;
            p++;
        }
    }
    return (size_t)(o - out);
}

/* One data line after its length character; false when it is shorter than it says. Some encoders
 * leave out the characters of the last group that carry no bits. */
static bool uu_line(const char *p, const char *end, unsigned count, char **out)
{
    char *o = *out;
    while (count) {
        uint32_t group = 0;
        unsigned have = 0;
        for (unsigned i = 0; i < 4; i++) {
            uint32_t c = 0;
            if (p < end) {
                c = ((uint8_t)*p++ - 0x20U) & 0x3f;
                have++;
            }
            group = group << 6 | c;
        }
        unsigned want = count < 3 ? count : 3;
        unsigned got = have < 2 ? 0 : have - 1;
        for (unsigned i = 0; i < want && i < got; i++) {
            *o++ = (char)(group >> (16 - 8 * i));
        }
        if (got < want) {
            *out = o;
            return false;
        }
        count -= want;
    }
    *out = o;
    return true;
}

size_t uu_decode(struct slice in, char *out, uint64_t *quirks)
{
    char *o = out;
    enum { BEFORE, INSIDE, AFTER } state = BEFORE;
    while (in.n && state != AFTER) {
        struct slice line = slice_cut(&in, '\n');
        if (line.n && line.p[line.n - 1] == '\r') {
            line.n--;
        }
        if (state == BEFORE) {
            if (slice_starts(line, S("begin ")) && line.n >= 9 && ascii_is_digit(line.p[6])) {
                state = INSIDE;
            }
            continue;
        }
        if (slice_eq(slice_trim(line), S("end"))) {
            state = AFTER;
            continue;
        }
        if (!line.n) {
            continue;
        }
        unsigned count = (unsigned)((uint8_t)line.p[0] - 0x20U) & 0x3f;
        bool is_data = line.p[0] >= ' ' && line.p[0] <= '`';
        if (!is_data || !uu_line(line.p + 1, line.p + line.n, count, &o)) {
            *quirks |= QUIRK_BIT(UU_BAD);
        }
    }
    if (state != AFTER) {
        *quirks |= QUIRK_BIT(UU_BAD);
    }
    return (size_t)(o - out);
}
