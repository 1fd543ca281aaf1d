/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/td1.h"

#include <stdio.h>

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, TCP_HEADER = 20 };

static unsigned byte_at(struct slice s, size_t i)
{
    return (uint8_t)s.p[i];
}

static unsigned word_at(struct slice s, size_t i)
{
    return byte_at(s, i) << 8 | byte_at(s, i + 1);
}

static unsigned ttl_bucket(unsigned ttl)
{
    return ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255;
}

/* RFC 9293 3.1, RFC 7323 (w, t), RFC 2018 (s), RFC 7413 (f). */
static char option_letter(unsigned kind)
{
    switch (kind) {
    case 0:
        return 'e';
    case 1:
        return 'n';
    case 2:
        return 'm';
    case 3:
        return 'w';
    case 4:
        return 's';
    case 8:
        return 't';
    case 34:
        return 'f';
    default:
        return 'u';
    }
}

static void options_read(struct td1 *t, struct slice options)
{
    size_t n = 0, i = 0;
    while (i < options.n && n < TD1_OPTIONS) {
        unsigned kind = byte_at(options, i);
        t->options[n++] = option_letter(kind);
        if (kind == 0) {
            break;
        }
        if (kind == 1) {
            i++;
            continue;
        }
        size_t length = i + 1 < options.n ? byte_at(options, i + 1) : 0;
        if (length < 2 || i + length > options.n) {
            break;
        }
        if (kind == 2 && length == 4) {
            t->mss = (int)word_at(options, i + 2);
        } else if (kind == 3 && length == 3) {
            t->scale = (int)byte_at(options, i + 2);
        }
        i += length;
    }
    t->options[n] = '\0';
}

bool td1_make(struct td1 *out, struct slice syn)
{
    *out = (struct td1){.mss = -1, .scale = -1, .df = -1};
    if (syn.n < IPV4_HEADER) {
        return false;
    }
    size_t ip;
    unsigned version = byte_at(syn, 0) >> 4;
    if (version == 4) {
        ip = (size_t)(byte_at(syn, 0) & 15) * 4;
        out->ttl = ttl_bucket(byte_at(syn, 8));
        out->df = byte_at(syn, 6) >> 6 & 1;
        if (ip < IPV4_HEADER) {
            return false;
        }
    } else if (version == 6 && syn.n >= IPV6_HEADER && byte_at(syn, 6) == 6) {
        ip = IPV6_HEADER; /* a SYN with extension headers is not read */
        out->ttl = ttl_bucket(byte_at(syn, 7));
    } else {
        return false;
    }
    if (syn.n < ip + TCP_HEADER) {
        return false;
    }
    struct slice tcp = slice_sub(syn, ip, syn.n);
    size_t length = (size_t)(byte_at(tcp, 12) >> 4) * 4;
    if (length < TCP_HEADER || length > tcp.n) {
        return false;
    }
    out->window = word_at(tcp, 14);
    options_read(out, slice_sub(tcp, TCP_HEADER, length - TCP_HEADER));
    return true;
}

static int number_text(char *p, size_t room, int v)
{
    return v < 0 ? snprintf(p, room, "-") : snprintf(p, room, "%d", v);
}

size_t td1_print(const struct td1 *t, char out[TD1_TEXT_BYTES])
{
    char mss[12], scale[12], df[12], text[TD1_TEXT_BYTES + 64];
    number_text(mss, sizeof mss, t->mss);
    number_text(scale, sizeof scale, t->scale);
    number_text(df, sizeof df, t->df);
    int n = snprintf(text, sizeof text, "TD1:%u.%u.%s.%s.%s.%s", t->ttl, t->window, mss, scale,
                     t->options[0] ? t->options : "-", df);
    size_t length = n < 0 ? 0 : (size_t)n < TD1_TEXT_BYTES ? (size_t)n : TD1_TEXT_BYTES;
    memcpy(out, text, length);
    return length;
}

/* A number as td1_print writes it: no leading zero, at most `max`; "-" is -1 if it may be. */
static bool number_read(struct slice s, int max, bool may_be_absent, int *out)
{
    uint64_t v;
    if (may_be_absent && slice_eq(s, S("-"))) {
        *out = -1;
        return true;
    }
    if (!slice_to_u64(s, &v) || v > (uint64_t)max || (s.n > 1 && s.p[0] == '0')) {
        return false;
    }
    *out = (int)v;
    return true;
}

bool td1_parse(struct slice text, struct td1 *out)
{
    int ttl, window;
    *out = (struct td1){0};
    if (!slice_starts(text, S("TD1:"))) {
        return false;
    }
    struct slice rest = slice_sub(text, 4, text.n);
    struct slice part[5];
    for (size_t i = 0; i < 5; i++) {
        part[i] = slice_cut(&rest, '.');
    }
    if (!number_read(part[0], 255, false, &ttl) || ttl_bucket((unsigned)ttl) != (unsigned)ttl ||
        !number_read(part[1], 65535, false, &window) ||
        !number_read(part[2], 65535, true, &out->mss) ||
        !number_read(part[3], 255, true, &out->scale) || !number_read(rest, 1, true, &out->df) ||
        part[4].n == 0 || part[4].n > TD1_OPTIONS) {
        return false;
    }
    if (!slice_eq(part[4], S("-"))) {
        for (size_t i = 0; i < part[4].n; i++) {
            if (part[4].p[i] == '\0' || !strchr("enmwstfu", part[4].p[i])) {
                return false;
            }
        }
        memcpy(out->options, part[4].p, part[4].n);
    }
    out->ttl = (unsigned)ttl;
    out->window = (unsigned)window;
    return true;
}
