/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One reference to one normalised URL, forgiving as browsers are (WHATWG URL standard) where that
 * is what lets a spammer's link work, and RFC 3986 section 6 for the normal form. Output is
 * printable ASCII whatever comes in. */
#include "mail/url_build.h"
#include "mail/url_host.h"

struct scheme {
    struct slice word, name;
    unsigned port;
};

/* Besides the three schemes, how people write them so that no filter follows. */
static const struct scheme SCHEMES[] = {
    {SLICE("http"), SLICE("http"), 80},    {SLICE("https"), SLICE("https"), 443},
    {SLICE("ftp"), SLICE("ftp"), 21},      {SLICE("hxxp"), SLICE("http"), 80},
    {SLICE("hxxps"), SLICE("https"), 443}, {SLICE("htxp"), SLICE("http"), 80},
    {SLICE("hxtp"), SLICE("http"), 80},    {SLICE("h**p"), SLICE("http"), 80},
    {SLICE("h**ps"), SLICE("https"), 443}, {SLICE("h__p"), SLICE("http"), 80},
    {SLICE("fxp"), SLICE("ftp"), 21},
};
enum { SCHEME_BYTES_MAX = 5, SCHEME_PLAIN = 3 }; /* the first three are no disguise */

static const struct scheme *scheme_find(struct slice word)
{
    char first = word.n ? ascii_lower(word.p[0]) : 0;
    if (word.n < 3 || word.n > SCHEME_BYTES_MAX || (first != 'h' && first != 'f')) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof SCHEMES / sizeof SCHEMES[0]; i++) {
        if (slice_ieq(word, SCHEMES[i].word)) {
            return &SCHEMES[i];
        }
    }
    return NULL;
}

bool url_scheme_is_known(struct slice word)
{
    return scheme_find(word) != NULL;
}

static bool byte_is_dropped(char c)
{
    return c == '\t' || c == '\n' || c == '\r';
}

/* The output: bytes go in whole or not at all, and nothing after a cut. */
struct out {
    char *p;
    size_t n;
    bool is_cut;
};

static void out_bytes(struct out *o, const char *p, size_t n)
{
    if (o->is_cut || n > LIMIT_URL_BYTES - o->n) {
        o->is_cut = true;
        return;
    }
    memcpy(o->p + o->n, p, n);
    o->n += n;
}

static void out_escaped(struct out *o, uint8_t c)
{
    static const char HEX[] = "0123456789ABCDEF";
    char escape[3] = {'%', HEX[c >> 4], HEX[c & 15]};
    out_bytes(o, escape, sizeof escape);
}

/* Printable ASCII that stands for itself: IN_QUERY in queries and fragments, IN_PATH in paths,
 * which end at '?' and '#'. What is left: '%', '\\', '"', '<', '>', '`', blanks, controls, and what
 * is not ASCII. */
enum { IN_PATH = 1, IN_QUERY = 2, IN_ALL = IN_PATH | IN_QUERY };
static const uint8_t LITERAL[256] = {
    ['!'] = IN_ALL,         ['#'] = IN_QUERY,       ['$'] = IN_ALL,
    ['&' ... ';'] = IN_ALL, ['='] = IN_ALL,         ['?'] = IN_QUERY,
    ['@' ... '['] = IN_ALL, [']' ... '_'] = IN_ALL, ['a' ... '~'] = IN_ALL,
};

static bool byte_is_unreserved(char c)
{
    return ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* RFC 3986 6.2.2: escapes of unreserved bytes undone, the others in capitals. Copies `s` up to
 * where the component ends and returns how far it came. */
static size_t component_copy(struct out *o, struct slice s, uint8_t component, bool *is_obfuscated)
{
    size_t i = 0;
    while (i < s.n && !o->is_cut) {
        size_t from = i;
        while (i < s.n && (LITERAL[(uint8_t)s.p[i]] & component)) {
            i++;
        }
        if (i > from) {
            size_t room = LIMIT_URL_BYTES - o->n;
            out_bytes(o, s.p + from, i - from < room ? i - from : room);
            o->is_cut = i - from > room;
        }
        if (i == s.n || LITERAL[(uint8_t)s.p[i]]) {
            return i;
        }
        char c = s.p[i++];
        if (c == '%' && i + 1 < s.n && ascii_hex(s.p[i]) >= 0 && ascii_hex(s.p[i + 1]) >= 0) {
            c = (char)(ascii_hex(s.p[i]) * 16 + ascii_hex(s.p[i + 1]));
            i += 2;
            if (byte_is_unreserved(c)) {
                out_bytes(o, &c, 1);
                continue;
            }
        } else if (byte_is_dropped(c)) {
            continue;
        } else if (c == '\\' && component == IN_PATH) {
            *is_obfuscated = true;
            out_bytes(o, "/", 1);
            continue;
        }
        out_escaped(o, (uint8_t)c);
    }
    return o->is_cut ? s.n : i;
}

/* RFC 3986 5.2.4, in place; the path starts with '/'. Returns its new length. */
static size_t dot_segments_remove(char *p, size_t n)
{
    size_t w = 0, i = 0;
    while (i < n) { /* p[i] is '/' */
        const char *next = memchr(p + i + 1, '/', n - i - 1);
        size_t end = next ? (size_t)(next - p) : n;
        struct slice segment = slice_of(p + i + 1, end - i - 1);
        bool is_up = slice_eq(segment, S(".."));
        if (is_up) {
            while (w && p[--w] != '/') {
            }
        } else if (!slice_eq(segment, S("."))) {
            memmove(p + w, p + i, end - i);
            w += end - i;
            i = end;
            continue;
        }
        if (!next) {
            p[w++] = '/';
        }
        i = end;
    }
    return w;
}

static bool has_dot_segment(struct slice path)
{
    for (size_t i = 0; (i += slice_find_byte(slice_sub(path, i, SIZE_MAX), '.')) < path.n; i++) {
        if (i && path.p[i - 1] == '/') {
            return true;
        }
    }
    return false;
}

/* Path, query and fragment. */
static void rest_copy(struct out *o, struct slice rest, bool *is_obfuscated)
{
    size_t start = o->n;
    if (!rest.n || (rest.p[0] != '/' && rest.p[0] != '\\')) {
        out_bytes(o, "/", 1);
    }
    size_t at = component_copy(o, rest, IN_PATH, is_obfuscated);
    if (has_dot_segment(slice_of(o->p + start, o->n - start))) {
        o->n = start + dot_segments_remove(o->p + start, o->n - start);
    }
    if (at < rest.n) {
        (void)component_copy(o, slice_sub(rest, at, SIZE_MAX), IN_QUERY, is_obfuscated);
    }
}

/* ":8080" unless it is the scheme's own or no port; digits only. */
static void port_copy(struct out *o, struct slice s, unsigned own, struct url_parsed *u)
{
    unsigned v = 0;
    for (size_t i = 0; i < s.n && v <= 65535 && (ascii_is_digit(s.p[i])); i++) {
        v = v * 10 + (unsigned)(s.p[i] - '0');
    }
    if (!v || v > 65535 || v == own) {
        return;
    }
    char digits[6];
    size_t n = sizeof digits;
    for (; v; v /= 10) {
        digits[--n] = (char)('0' + v % 10);
    }
    out_bytes(o, ":", 1);
    u->port = slice_of(o->p + o->n, sizeof digits - n);
    out_bytes(o, digits + n, sizeof digits - n);
}

/* user:password@, bounded so that the host stays in front of any cut. */
static void userinfo_copy(struct out *o, struct slice s, struct url_parsed *u)
{
    size_t start = o->n;
    u->has_userinfo = true;
    u->is_obfuscated = true;
    bool ignored = false;
    for (size_t i = 0; i < s.n && o->n - start < USERINFO_BYTES_MAX - 3;) {
        bool is_escape = s.p[i] == '%' && i + 2 < s.n && ascii_hex(s.p[i + 1]) >= 0 &&
                         ascii_hex(s.p[i + 2]) >= 0;
        struct slice piece = slice_sub(s, i, is_escape ? 3 : 1);
        if (s.p[i] == '@' || s.p[i] == '[' || s.p[i] == ']') {
            out_escaped(o, (uint8_t)s.p[i]);
            i++;
        } else {
            i += component_copy(o, piece, IN_QUERY, &ignored);
        }
    }
    out_bytes(o, "@", 1);
}

/* What follows the scheme's slashes. */
static bool authority_parse(struct url_scan *s, struct slice after, const struct scheme *scheme,
                            char out[LIMIT_URL_BYTES], struct url_parsed *u)
{
    size_t end = 0;
    while (end < after.n && !(after.p[end] == '/' || after.p[end] == '\\' || after.p[end] == '?' ||
                              after.p[end] == '#')) {
        end++;
    }
    struct slice host = slice_of(after.p, end), user = {NULL, 0}, port = {NULL, 0};
    const char *at = end ? memrchr(host.p, '@', host.n) : NULL;
    if (at) {
        user = slice_span(host.p, at);
        host = slice_span(at + 1, host.p + host.n);
    }
    size_t from = host.n && host.p[0] == '[' ? slice_find_byte(host, ']') : 0;
    size_t colon = from + slice_find_byte(slice_sub(host, from, SIZE_MAX), ':');
    if (colon < host.n) {
        port = slice_sub(host, colon + 1, SIZE_MAX);
        host.n = colon;
    }
    UNCLEARED struct host h;
    if (!host_read(s, host, &h)) {
        return false;
    }
    struct out o = {out, 0, false};
    out_bytes(&o, scheme->name.p, scheme->name.n);
    out_bytes(&o, "://", 3);
    if (at && user.n) {
        userinfo_copy(&o, user, u);
    }
    out_bytes(&o, "[", h.is_v6);
    u->host = slice_of(o.p + o.n, h.n);
    out_bytes(&o, h.text, h.n);
    out_bytes(&o, "]", h.is_v6);
    port_copy(&o, port, scheme->port, u);
    u->is_obfuscated |= h.is_obfuscated;
    u->is_ip = h.is_ip;
    size_t rest = o.n;
    rest_copy(&o, slice_sub(after, end, SIZE_MAX), &u->is_obfuscated);
    u->scheme = slice_of(o.p, scheme->name.n);
    u->text = slice_of(o.p, o.n);
    u->rest = slice_sub(u->text, rest, SIZE_MAX);
    u->is_cut |= o.is_cut;
    return true;
}

/* A relative reference against <base href>: RFC 3986 5.2 by putting the text together. */
static bool relative_parse(struct url_scan *s, struct slice reference, char out[LIMIT_URL_BYTES],
                           struct url_parsed *u)
{
    if (!s->base.n || !reference.n || reference.p[0] == '#') {
        return false;
    }
    struct slice base = s->base;
    size_t authority = slice_find(base, S("://")) + 3;
    size_t path = authority + slice_find_byte(slice_sub(base, authority, SIZE_MAX), '/');
    size_t keep = path;
    while (keep < base.n && base.p[keep] != '?' && base.p[keep] != '#') {
        keep++;
    }
    if (reference.p[0] == '/' || reference.p[0] == '\\') {
        keep = path;
    } else if (reference.p[0] != '?') {
        while (keep > path && base.p[keep - 1] != '/') {
            keep--;
        }
    }
    char *joined = s->index->inner;
    size_t n = LIMIT_URL_BYTES - keep < reference.n ? LIMIT_URL_BYTES - keep : reference.n;
    memcpy(joined, base.p, keep);
    memcpy(joined + keep, reference.p, n);
    u->is_cut |= n < reference.n;
    const struct scheme *scheme = scheme_find(slice_sub(base, 0, authority - 3));
    return scheme &&
           authority_parse(s, slice_of(joined + authority, keep + n - authority), scheme, out, u);
}

/* An attribute without a scheme: "//host/", relative, or the host name that a careless template
 * wrote there ("www.example.com/x", which webmail repairs). */
static bool schemeless_parse(struct url_scan *s, struct slice reference, enum reference_kind kind,
                             char out[LIMIT_URL_BYTES], struct url_parsed *u)
{
    const struct scheme *http = &SCHEMES[0];
    if (kind == REFERENCE_TEXT) {
        return authority_parse(s, reference, http, out, u);
    }
    bool is_backslash = reference.n && reference.p[0] == '\\';
    if (reference.n > 2 && reference.p[1] == reference.p[0] &&
        (reference.p[0] == '/' || is_backslash)) {
        u->is_obfuscated |= is_backslash;
        struct slice after = slice_sub(reference, 2, SIZE_MAX);
        const struct scheme *own =
            s->base.n ? scheme_find(slice_sub(s->base, 0, slice_find_byte(s->base, ':'))) : http;
        return authority_parse(s, after, own ? own : http, out, u);
    }
    size_t end = 0;
    while (end < reference.n && (ascii_is_alnum(reference.p[end]) || reference.p[end] == '-' ||
                                 reference.p[end] == '.')) {
        end++;
    }
    struct slice host = slice_sub(reference, 0, end);
    bool ends = end == reference.n || memchr("/?#:", reference.p[end], 4);
    if (ends && host_is_complete(s, host) &&
        (slice_istarts(host, S("www.")) || (!s->base.n && tld_class_of(host) == TLD_OPEN))) {
        return authority_parse(s, reference, http, out, u);
    }
    if (end < reference.n && reference.p[end] == ':') {
        return false; /* "x-msg:", "tel:" and the like */
    }
    return relative_parse(s, reference, out, u);
}

bool url_parse(struct url_scan *s, struct slice reference, enum reference_kind kind,
               char out[LIMIT_URL_BYTES], struct url_parsed *u)
{
    memset(u, 0, sizeof *u);
    while (reference.n && (uint8_t)reference.p[0] <= ' ') {
        reference = slice_sub(reference, 1, SIZE_MAX);
    }
    while (reference.n && (uint8_t)reference.p[reference.n - 1] <= ' ') {
        reference.n--;
    }
    if (reference.n > REFERENCE_BYTES_MAX) {
        reference.n = REFERENCE_BYTES_MAX;
        u->is_cut = true;
    }
    char word[SCHEME_BYTES_MAX + 1];
    size_t n = 0, i = 0;
    while (i < reference.n && n <= SCHEME_BYTES_MAX &&
           (ascii_is_alpha(reference.p[i]) || reference.p[i] == '*' || reference.p[i] == '_' ||
            byte_is_dropped(reference.p[i]))) {
        if (byte_is_dropped(reference.p[i])) {
            u->is_obfuscated = true;
        } else {
            word[n++] = reference.p[i];
        }
        i++;
    }
    if (i == reference.n || reference.p[i] != ':' || !n) {
        u->is_obfuscated = false;
        return schemeless_parse(s, reference, kind, out, u);
    }
    const struct scheme *scheme = scheme_find(slice_of(word, n));
    if (!scheme) {
        return false;
    }
    u->is_obfuscated |= scheme >= SCHEMES + SCHEME_PLAIN;
    size_t slashes = 0;
    for (i++; i < reference.n &&
              (reference.p[i] == '/' || reference.p[i] == '\\' || ascii_is_space(reference.p[i]));
         i++) {
        u->is_obfuscated |= reference.p[i] != '/';
        slashes += !ascii_is_space(reference.p[i]);
    }
    u->is_obfuscated |= slashes != 2;
    /* "http://http://example.com/": pasted twice */
    while (slice_istarts(slice_sub(reference, i, SIZE_MAX), S("http://"))) {
        u->is_obfuscated = true;
        i += 7;
    }
    return authority_parse(s, slice_sub(reference, i, SIZE_MAX), scheme, out, u);
}

/* Length of "://" at `at`, plain or escaped once or twice (*level says); 0 if it is not there. */
static size_t separator_at(struct slice s, size_t at, unsigned *level)
{
    static const struct slice COLON[] = {SLICE(":"), SLICE("%3A"), SLICE("%253A")};
    static const struct slice SLASH[] = {SLICE("/"), SLICE("%2F"), SLICE("%252F")};
    for (unsigned i = 0; i < 3; i++) {
        struct slice tail = slice_sub(s, at, SIZE_MAX);
        if (slice_istarts(tail, COLON[i])) {
            tail = slice_sub(tail, COLON[i].n, SIZE_MAX);
            for (unsigned j = 0; j < 3; j++) {
                if (slice_istarts(tail, SLASH[j])) {
                    *level = i > j ? i : j;
                    return COLON[i].n + SLASH[j].n;
                }
            }
        }
    }
    return 0;
}

static size_t unescape(char *p, size_t n)
{
    size_t w = 0;
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        if (c == '%' && i + 2 < n && ascii_hex(p[i + 1]) >= 0 && ascii_hex(p[i + 2]) >= 0) {
            c = (char)(ascii_hex(p[i + 1]) * 16 + ascii_hex(p[i + 2]));
            i += 2;
        }
        p[w++] = c;
    }
    return w;
}

/* Where in the path and query another URL starts. */
static size_t inner_start(struct slice rest, unsigned *level)
{
    for (size_t i = 1; i < rest.n; i++) {
        char c = ascii_lower(rest.p[i]);
        if ((c != 'h' && c != 'f' && c != 'w') || ascii_is_alnum(rest.p[i - 1])) {
            /* "%3Dhttp": the letter of an escape is no letter */
            if ((c != 'h' && c != 'f') || i < 3 || rest.p[i - 3] != '%') {
                continue;
            }
        }
        if (c == 'w') {
            if (rest.p[i - 1] == '=' && slice_istarts(slice_sub(rest, i, SIZE_MAX), S("www."))) {
                *level = 0;
                return i;
            }
            continue;
        }
        size_t n = 3;
        while (n <= SCHEME_BYTES_MAX && i + n < rest.n && ascii_is_alpha(rest.p[i + n])) {
            n++;
        }
        if (scheme_find(slice_sub(rest, i, n)) && separator_at(rest, i + n, level)) {
            return i;
        }
    }
    return rest.n;
}

struct slice url_inner(const struct url_parsed *u, char out[LIMIT_URL_BYTES])
{
    unsigned level = 0;
    size_t at = inner_start(u->rest, &level);
    struct slice inner = slice_sub(u->rest, at, SIZE_MAX);
    if (!inner.n) {
        return inner;
    }
    /* A parameter ends at '&'; but a target pasted in unescaped keeps its own parameters. */
    size_t end = slice_find_byte(inner, '&');
    if (level || (u->rest.p[at - 1] == '=' && !memchr(inner.p, '?', end))) {
        inner.n = end;
    }
    memcpy(out, inner.p, inner.n);
    for (unsigned i = 0; i < level; i++) {
        inner.n = unescape(out, inner.n);
    }
    return slice_of(out, inner.n);
}
