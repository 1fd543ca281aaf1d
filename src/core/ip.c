/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/ip.h"

#include <arpa/inet.h>

static const uint8_t V4_PREFIX[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool v4_parse(struct slice s, uint32_t *out)
{
    uint32_t value = 0;
    size_t i = 0;
    for (int octet = 0; octet < 4; octet++) {
        size_t start = i;
        unsigned v = 0;
        while (i < s.n && ascii_is_digit(s.p[i]) && i - start < 3) {
            v = v * 10 + (unsigned)(s.p[i++] - '0');
        }
        if (i == start || v > 255 || (i - start > 1 && s.p[start] == '0')) {
            return false;
        }
        value = value << 8 | v;
        if (octet < 3 && (i >= s.n || s.p[i++] != '.')) {
            return false;
        }
    }
    *out = value;
    return i == s.n;
}

struct ip ip_from_v4(uint32_t v4)
{
    struct ip a;
    memcpy(a.b, V4_PREFIX, sizeof V4_PREFIX);
    for (int i = 0; i < 4; i++) {
        a.b[12 + i] = (uint8_t)(v4 >> (24 - 8 * i));
    }
    return a;
}

bool ip_parse(struct slice s, struct ip *out)
{
    char text[IP_TEXT_BYTES];
    uint32_t v4;
    if (v4_parse(s, &v4)) {
        *out = ip_from_v4(v4);
        return true;
    }
    if (slice_istarts(s, S("IPv6:"))) {
        s = slice_sub(s, 5, SIZE_MAX);
    }
    if (s.n >= sizeof text || slice_find_byte(s, ':') == s.n || memchr(s.p, '\0', s.n)) {
        return false;
    }
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(AF_INET6, text, out->b) == 1;
}

bool ip_is_v4(struct ip a)
{
    return memcmp(a.b, V4_PREFIX, sizeof V4_PREFIX) == 0;
}

uint32_t ip_v4(struct ip a)
{
    return ip_is_v4(a) ? (uint32_t)a.b[12] << 24 | (uint32_t)a.b[13] << 16 |
                             (uint32_t)a.b[14] << 8 | a.b[15]
                       : 0;
}

void ip_text(struct ip a, char out[IP_TEXT_BYTES])
{
    if (ip_is_v4(a)) {
        inet_ntop(AF_INET, a.b + 12, out, IP_TEXT_BYTES);
    } else {
        inet_ntop(AF_INET6, a.b, out, IP_TEXT_BYTES);
    }
}

bool cidr_parse(struct slice s, struct cidr *out)
{
    size_t slash = slice_find_byte(s, '/');
    struct cidr c;
    uint64_t bits;
    if (!ip_parse(slice_sub(s, 0, slash), &c.base)) {
        return false;
    }
    unsigned most = ip_is_v4(c.base) && slice_find_byte(s, ':') == s.n ? 32 : 128;
    if (slash == s.n) {
        bits = most;
    } else if (!slice_to_u64(slice_sub(s, slash + 1, SIZE_MAX), &bits) || bits > most) {
        return false;
    }
    c.bits = (unsigned)bits + (128 - most);
    *out = c;
    return true;
}

bool cidr_holds(struct cidr c, struct ip a)
{
    unsigned whole = c.bits / 8, rest = c.bits % 8;
    if (memcmp(c.base.b, a.b, whole) != 0) {
        return false;
    }
    return rest == 0 || ((c.base.b[whole] ^ a.b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

/* RFC 6890 and its successors' registries. */
bool ip_is_special(struct ip a)
{
    static const struct {
        uint32_t base;
        unsigned bits;
    } V4[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
        {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0a80000, 16}, {0xc6120000, 15},
        {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3},
    };
    if (ip_is_v4(a)) {
        uint32_t v4 = ip_v4(a);
        for (size_t i = 0; i < sizeof V4 / sizeof *V4; i++) {
            if ((v4 ^ V4[i].base) >> (32 - V4[i].bits) == 0) {
                return true;
            }
        }
        return false;
    }
    bool is_documentation = a.b[0] == 0x20 && a.b[1] == 0x01 && a.b[2] == 0x0d && a.b[3] == 0xb8;
    return (a.b[0] & 0xe0) != 0x20 || is_documentation;
}

uint64_t host_key(struct ip a)
{
    if (ip_is_v4(a)) {
        return ip_v4(a);
    }
    uint64_t key = 0;
    for (int i = 0; i < 8; i++) {
        key = key << 8 | a.b[i];
    }
    return key <= UINT32_MAX ? 0 : key;
}

struct ip host_ip(uint64_t key)
{
    struct ip a = {{0}};
    if (key <= UINT32_MAX) {
        return ip_from_v4((uint32_t)key);
    }
    for (int i = 0; i < 8; i++) {
        a.b[i] = (uint8_t)(key >> (56 - 8 * i));
    }
    return a;
}
