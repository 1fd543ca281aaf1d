/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host of a URL as its client would take it: escapes undone, international names to punycode
 * (UTS 46), every way to write an IPv4 address (the WHATWG URL standard's "IPv4 parser": decimal,
 * octal, hexadecimal, fewer than four parts) to the dotted quad. */
#include "mail/url_host.h"

#include "core/utf8.h"

#include <idn2.h>

/* One part of an IPv4 address in any base; false when it is not a number below 2^32. */
static bool ipv4_part(struct slice s, uint64_t *out)
{
    unsigned base = 10;
    if (s.n > 1 && s.p[0] == '0') {
        base = (s.p[1] | 0x20) == 'x' ? 16 : 8;
        s = slice_sub(s, base == 16 ? 2 : 1, SIZE_MAX);
        /* "09" is no octal number; people who write it mean nine. */
        if (base == 8 && (memchr(s.p, '8', s.n) || memchr(s.p, '9', s.n))) {
            base = 10;
        }
    }
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        int digit = ascii_hex(s.p[i]);
        if (digit < 0 || (unsigned)digit >= base || v > UINT32_MAX) {
            return false;
        }
        v = v * base + (unsigned)digit;
    }
    *out = v;
    return v <= UINT32_MAX;
}

static bool ipv4_disguised(struct slice host, struct ip *out)
{
    uint64_t part[4], address = 0;
    size_t n = 0;
    while (host.n) {
        struct slice s = slice_cut(&host, '.');
        if (n == 4 || !s.n || !ipv4_part(s, &part[n])) {
            return false;
        }
        n++;
    }
    if (!n || part[n - 1] >= UINT64_C(1) << (8 * (5 - n))) {
        return false;
    }
    for (size_t i = 0; i + 1 < n; i++) {
        if (part[i] > 255) {
            return false;
        }
        address |= part[i] << (8 * (3 - i));
    }
    *out = ip_from_v4((uint32_t)(address | part[n - 1]));
    return true;
}

/* Does the last label read as a number, so that the host can be nothing but an IPv4 address? */
static bool host_is_numeric(struct slice host)
{
    size_t at = host.n;
    while (at && host.p[at - 1] != '.') {
        at--;
    }
    struct slice last = slice_sub(host, at, SIZE_MAX);
    if (!last.n || !ascii_is_digit(last.p[0])) {
        return false;
    }
    bool is_hex = last.n > 1 && last.p[0] == '0' && last.p[1] == 'x';
    for (size_t i = is_hex ? 2 : 0; i < last.n; i++) {
        if (is_hex ? ascii_hex(last.p[i]) < 0 : !ascii_is_digit(last.p[i])) {
            return false;
        }
    }
    return true;
}

/* Takes out empty labels; 0 when a label or the name is longer than DNS has it. */
static size_t labels_check(char *p, size_t n, bool *is_obfuscated)
{
    size_t w = 0, label = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '.') {
            if (!label) {
                *is_obfuscated = true;
                continue;
            }
            label = 0;
        } else if (++label > LABEL_BYTES_MAX) {
            return 0;
        }
        p[w++] = p[i];
    }
    w -= w && p[w - 1] == '.'; /* the root's dot */
    return w <= HOST_BYTES_MAX ? w : 0;
}

/* To punycode in place. Names that no registry could hold are refused, as clients do. */
static size_t host_to_ascii(struct url_scan *s, char *p, size_t n)
{
    if (s->index->idn_conversions == IDN_CONVERSIONS_MAX || !utf8_valid(slice_of(p, n))) {
        return 0;
    }
    s->index->idn_conversions++;
    p[n] = '\0';
    char *ascii = NULL;
    if (idn2_to_ascii_8z(p, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK) {
        return 0;
    }
    size_t ascii_n = strlen(ascii);
    if (ascii_n >= HOST_RAW_BYTES) {
        ascii_n = 0;
    }
    for (size_t i = 0; i < ascii_n; i++) {
        p[i] = ascii_lower(ascii[i]);
        if (!ascii_is_alnum(p[i]) && !memchr("-_.", p[i], 3)) {
            ascii_n = 0;
        }
    }
    idn2_free(ascii);
    return ascii_n;
}

static size_t host_v6(struct slice raw, struct host *h)
{
    struct ip address;
    size_t close = slice_find_byte(raw, ']');
    if (!ip_parse(slice_sub(raw, 1, close - 1), &address)) {
        return 0;
    }
    ip_text(address, h->text);
    h->is_ip = true;
    h->is_v6 = !ip_is_v4(address);
    h->is_obfuscated |= !h->is_v6;
    return strlen(h->text);
}

/* Lower case, escapes and blanks out, up to the first byte that no host holds. */
static size_t host_clean(struct slice raw, struct host *h, bool *is_ascii)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        char c = ascii_lower(raw.p[i]);
        if (ascii_is_lower(c) && n < HOST_RAW_BYTES - 1) {
            h->text[n++] = c; /* most of it */
            continue;
        }
        if (c == '%' && i + 2 < raw.n && ascii_hex(raw.p[i + 1]) >= 0 &&
            ascii_hex(raw.p[i + 2]) >= 0) {
            c = ascii_lower((char)(ascii_hex(raw.p[i + 1]) * 16 + ascii_hex(raw.p[i + 2])));
            i += 2;
            h->is_obfuscated = true;
        }
        if (ascii_is_alnum(c) || c == '.' || c == '-' || c == '_') {
            ;
        } else if ((uint8_t)c >= 0x80) {
            *is_ascii = false;
        } else if (ascii_is_space(c)) {
            h->is_obfuscated = true;
            continue;
        } else {
            break;
        }
        if (n == HOST_RAW_BYTES - 1) {
            return 0;
        }
        h->text[n++] = c;
    }
    return n;
}

bool host_read(struct url_scan *s, struct slice raw, struct host *h)
{
    h->is_ip = h->is_v6 = h->is_obfuscated = false;
    if (raw.n && raw.p[0] == '[') {
        h->n = host_v6(raw, h);
        return h->n > 0;
    }
    bool is_ascii = true;
    h->n = host_clean(raw, h, &is_ascii);
    if (!is_ascii) {
        h->n = host_to_ascii(s, h->text, h->n);
    }
    h->n = labels_check(h->text, h->n, &h->is_obfuscated);
    struct slice host = slice_of(h->text, h->n);
    if (host_is_numeric(host)) {
        struct ip address;
        char quad[IP_TEXT_BYTES];
        if (!ipv4_disguised(host, &address)) {
            return false;
        }
        ip_text(address, quad);
        h->is_ip = true;
        h->is_obfuscated |= !slice_eq(host, slice_cstr(quad));
        h->n = strlen(quad);
        memcpy(h->text, quad, h->n);
    }
    return h->n > 0;
}

bool host_is_complete(const struct url_scan *s, struct slice host)
{
    char lower[HOST_BYTES_MAX];
    size_t dots = 0, digits = 0;
    if (!host.n || host.n > HOST_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < host.n; i++) {
        lower[i] = ascii_lower(host.p[i]);
        dots += lower[i] == '.';
        digits += ascii_is_digit(lower[i]);
    }
    if (!dots || lower[host.n - 1] == '.' || lower[0] == '.') {
        return false;
    }
    if (dots == 3 && dots + digits == host.n) {
        return true;
    }
    struct slice name = slice_of(lower, host.n);
    struct host_info info = host_info(s->context, name);
    /* "www.foo" is the beginning of a name, though .foo is a top-level domain. */
    return info.is_listed && info.domain_start < host.n &&
           !(dots == 1 && slice_starts(name, S("www.")));
}
