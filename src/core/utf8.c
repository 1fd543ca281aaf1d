/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/utf8.h"

#include "core/vec.h"

size_t utf8_sequence(struct slice s, uint32_t *code_point)
{
    uint32_t unwanted = 0;
    code_point = code_point ? code_point : &unwanted;
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!s.n) {
        return 0;
    }
    uint8_t first = (uint8_t)s.p[0];
    if (first < 0x80) {
        *code_point = first;
        return 1;
    }
    size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || s.n < n) {
        return 0;
    }
    uint32_t c = first & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if (((uint8_t)s.p[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | ((uint8_t)s.p[i] & 0x3f);
    }
    if (c < LEAST[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }
    *code_point = c;
    return n;
}

size_t utf8_encode(uint32_t c, char out[4])
{
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        c = 0xfffd;
    }
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

size_t ascii_prefix(struct slice s)
{
    size_t i = 0;
    for (; i + sizeof(vec) <= s.n; i += sizeof(vec)) {
        size_t at = vec_first((vec)(vec_load(s.p + i) >= 0x80));
        if (at < sizeof(vec)) {
            return i + at;
        }
    }
    while (i < s.n && (uint8_t)s.p[i] < 0x80) {
        i++;
    }
    return i;
}

bool utf8_valid(struct slice s)
{
    size_t i = ascii_prefix(s);
    while (i < s.n) {
        uint32_t c;
        size_t n = utf8_sequence(slice_sub(s, i, 4), &c);
        if (!n) {
            return false;
        }
        i += n;
        i += ascii_prefix(slice_sub(s, i, SIZE_MAX));
    }
    return true;
}
