/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/parameter.h"

#include "core/limits.h"
#include "mail/charset.h"
#include "mail/mail.h"

enum {
    SEGMENTS = 64,       /* RFC 2231 continuations; real ones have under ten */
    COMMENT_BYTES = 256, /* a longer comment is none: rows of open ones must not be searched again
                            and again to the end */
};

struct slice slice_lower(struct slice s, struct arena *arena)
{
    size_t i = 0;
    while (i < s.n && !ascii_is_upper(s.p[i])) {
        i++;
    }
    if (i == s.n) {
        return s;
    }
    char *p = arena_alloc(arena, s.n);
    if (!p) {
        return slice_of(NULL, 0);
    }
    for (i = 0; i < s.n; i++) {
        p[i] = ascii_lower(s.p[i]);
    }
    return slice_of(p, s.n);
}

struct slice cfws_skip(struct slice s)
{
    unsigned depth = 0;
    size_t i = 0, open = 0;
    for (; i < s.n && (!depth || i - open < COMMENT_BYTES); i++) {
        char c = s.p[i];
        if (c == '(') {
            open = depth++ ? open : i;
        } else if (depth && c == '\\') {
            i++;
        } else if (depth && c == ')') {
            depth--;
        } else if (!depth && !ascii_is_space(c)) {
            break;
        }
    }
    return slice_sub(s, depth ? open : i, SIZE_MAX); /* a comment that never ends is none */
}

static bool is_token(char c)
{
    return (uint8_t)c > ' ' && (uint8_t)c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

static size_t token_bytes(struct slice s)
{
    size_t n = 0;
    while (n < s.n && is_token(s.p[n])) {
        n++;
    }
    return n;
}

bool content_type_split(struct slice value, struct slice *type, struct slice *subtype,
                        struct slice *rest, struct arena *arena)
{
    value = slice_sub(value, 0, LIMIT_HEADER_VALUE_BYTES);
    *rest = value;
    (void)slice_cut(rest, ';');
    struct slice s = cfws_skip(value);
    size_t n = token_bytes(s);
    struct slice t = slice_sub(s, 0, n);
    s = cfws_skip(slice_sub(s, n, SIZE_MAX));
    if (!t.n || !s.n || s.p[0] != '/') {
        *type = slice_lower(t, arena);
        *subtype = slice_of(NULL, 0);
        return false;
    }
    s = cfws_skip(slice_sub(s, 1, SIZE_MAX));
    n = token_bytes(s);
    *type = slice_lower(t, arena);
    *subtype = slice_lower(slice_sub(s, 0, n), arena);
    if (n) {
        *rest = slice_sub(s, n, SIZE_MAX);
        (void)slice_cut(rest, ';');
        struct slice after = cfws_skip(slice_sub(s, n, SIZE_MAX));
        if (after.n && after.p[0] != ';') {
            *rest = after; /* the ";" is missing: "text/plain charset=..." */
        }
    }
    return n > 0;
}

static struct slice separators_skip(struct slice s)
{
    for (;;) {
        s = cfws_skip(s);
        if (!s.n || s.p[0] != ';') {
            return s;
        }
        s = slice_sub(s, 1, SIZE_MAX);
    }
}

bool param_next(struct slice *rest, struct param *out)
{
    for (;;) {
        struct slice s = separators_skip(*rest);
        if (!s.n) {
            *rest = s;
            return false;
        }
        size_t n = token_bytes(s);
        struct slice name = slice_sub(s, 0, n);
        struct slice after = cfws_skip(slice_sub(s, n, SIZE_MAX));
        if (!n || !after.n || after.p[0] != '=') {
            (void)slice_cut(&s, ';'); /* no parameter: on to the next one */
            *rest = s;
            continue;
        }
        s = cfws_skip(slice_sub(after, 1, SIZE_MAX));
        *out = (struct param){.name = name};
        if (!s.n || s.p[0] != '"') {
            out->value = slice_trim(slice_cut(&s, ';'));
            *rest = s;
            return true;
        }
        out->is_quoted = true;
        s = slice_sub(s, 1, SIZE_MAX);
        size_t i = 0;
        while (i < s.n && s.p[i] != '"') {
            i += s.p[i] == '\\' ? 2 : 1;
        }
        i = i < s.n ? i : s.n;
        out->is_open = i == s.n;
        out->value = slice_sub(s, 0, i);
        *rest = slice_sub(s, i + 1, SIZE_MAX);
        return true;
    }
}

struct slice param_text(const struct param *p, struct arena *arena)
{
    struct slice v = p->value;
    if (!p->is_quoted) {
        size_t comment = slice_find(v, S(" ("));
        v = slice_trim(slice_sub(v, 0, comment));
    }
    bool has_escape = p->is_quoted && v.n && memchr(v.p, '\\', v.n);
    bool has_break = v.n && (memchr(v.p, '\n', v.n) || memchr(v.p, '\r', v.n));
    if (!has_escape && !has_break) {
        return v;
    }
    char *out = arena_alloc(arena, v.n);
    size_t n = 0;
    for (size_t i = 0; out && i < v.n; i++) {
        char c = v.p[i];
        if (c == '\r' || c == '\n') {
            continue;
        }
        if (has_escape && c == '\\' && i + 1 < v.n) {
            c = v.p[++i];
        }
        out[n++] = c;
    }
    return slice_of(out, n);
}

struct slice param_token(const struct param *p, struct arena *arena)
{
    struct slice v = param_text(p, arena);
    if (!p->is_quoted) {
        size_t n = 0;
        while (n < v.n && !ascii_is_space(v.p[n])) {
            n++;
        }
        v.n = n;
    }
    return v;
}

/* ---- RFC 2231 ---- */

struct segment {
    struct param param;
    bool is_set, is_encoded;
};

/* Is `full` the name with "*", "*N" or "*N*" after it? Gives the number (0 for a lone "*"). */
static bool segment_name(struct slice full, struct slice name, unsigned *index, bool *is_encoded,
                         bool *is_single)
{
    if (!slice_istarts(full, name) || full.n <= name.n || full.p[name.n] != '*') {
        return false;
    }
    struct slice s = slice_sub(full, name.n + 1, SIZE_MAX);
    *index = 0;
    *is_single = !s.n;
    *is_encoded = !s.n || s.p[s.n - 1] == '*';
    if (*is_single) {
        return true;
    }
    s.n -= *is_encoded;
    uint64_t number;
    if (!slice_to_u64(s, &number) || number >= SEGMENTS) {
        return false;
    }
    *index = (unsigned)number;
    return true;
}

static size_t percent_decode(struct slice s, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int hi = -1, lo = -1;
        if (s.p[i] == '%' && i + 2 < s.n) {
            hi = ascii_hex(s.p[i + 1]);
            lo = ascii_hex(s.p[i + 2]);
        }
        if (hi >= 0 && lo >= 0) {
            out[n++] = (char)(hi << 4 | lo);
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    }
    return n;
}

static struct slice segments_join(const struct segment *segments, struct arena *arena,
                                  uint64_t *quirks)
{
    size_t room = 0, n = 0;
    for (size_t i = 0; i < SEGMENTS && segments[i].is_set; i++) {
        room += segments[i].param.value.n;
    }
    char *out = arena_alloc(arena, room + 1);
    if (!out) {
        return slice_of(NULL, 0);
    }
    struct slice charset = {0};
    for (size_t i = 0; i < SEGMENTS && segments[i].is_set; i++) {
        struct slice v = param_text(&segments[i].param, arena);
        if (!segments[i].is_encoded) {
            if (v.n) {
                memcpy(out + n, v.p, v.n);
                n += v.n;
            }
            continue;
        }
        struct slice rest = v;
        if (i == 0) {
            struct slice name = slice_cut(&rest, '\'');
            if (name.n < v.n && slice_find_byte(rest, '\'') < rest.n) {
                charset = name;
                (void)slice_cut(&rest, '\'');
            } else {
                rest = v;
            }
        }
        n += percent_decode(rest, out + n);
    }
    return charset_to_utf8(slice_of(out, n), charset, LIMIT_HEADER_VALUE_BYTES, arena, quirks);
}

struct slice params_find(struct slice rest, struct slice name, struct arena *arena,
                         uint64_t *quirks)
{
    uint64_t ignored = 0;
    struct segment segments[SEGMENTS];
    for (size_t i = 0; i < SEGMENTS; i++) {
        segments[i].is_set = false;
    }
    struct segment plain = {.is_set = false};
    struct param p;
    while (param_next(&rest, &p)) {
        unsigned index;
        bool is_encoded, is_single;
        if (slice_ieq(p.name, name)) {
            plain = plain.is_set ? plain : (struct segment){.param = p, .is_set = true};
        } else if (segment_name(p.name, name, &index, &is_encoded, &is_single) &&
                   !segments[index].is_set) {
            segments[index] =
                (struct segment){.param = p, .is_set = true, .is_encoded = is_encoded};
        }
    }
    if (segments[0].is_set) {
        return segments_join(segments, arena, quirks ? quirks : &ignored);
    }
    return plain.is_set ? slice_sub(param_text(&plain.param, arena), 0, LIMIT_HEADER_VALUE_BYTES)
                        : slice_of(NULL, 0);
}

struct slice mime_parameter(struct slice value, struct slice name, struct arena *arena,
                            uint64_t *quirks)
{
    value = slice_sub(value, 0, LIMIT_HEADER_VALUE_BYTES);
    (void)slice_cut(&value, ';');
    return params_find(value, name, arena, quirks);
}
