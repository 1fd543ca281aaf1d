/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/varint.h"

size_t varint_put(uint8_t *out, uint64_t v)
{
    size_t n = 0;
    while (v >= 0x80) {
        out[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[n++] = (uint8_t)v;
    return n;
}

void varint_add(struct strbuf *b, uint64_t v)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    size_t n = varint_put(bytes, v);
    strbuf_add(b, slice_of((const char *)bytes, n));
}

bool varint_get_slowly(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
    const uint8_t *at = *p;
    uint64_t value = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        uint8_t byte = *at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *p = at;
            *v = value;
            return true;
        }
    }
    return false;
}

bool varint_cut(struct slice *s, uint64_t *v)
{
    const uint8_t *p = (const uint8_t *)s->p;
    if (s->n == 0 || !varint_get(&p, p + s->n, v)) {
        return false;
    }
    *s = slice_span((const char *)p, s->p + s->n);
    return true;
}
