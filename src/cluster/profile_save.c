/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A profile as bytes and back. What is read comes from a file that may be damaged, or made to harm:
 * every count is checked against its bound, every order against the one that is written. */
#include "cluster/profile_detail.h"
#include "core/varint.h"

#include <stdlib.h>

/* Version 1 had partners as 16 hex digits, it and version 2 hashes of hosts of 64 bits. */
enum {
    PROFILE_VERSION = 3,
    VERSION_HEX = 1,
    VERSION_LONG_HASHES = 2,
    HEX_DIGITS = 16,
    HAS_DETAIL = 1,
    HAS_MORE_HOSTS = 2
};

/* By value, so that equal profiles are equal bytes whatever came first. */
static size_t top_sorted(struct profile_detail *d, enum profile_top top,
                         const struct profile_entry_slot **out)
{
    size_t n = detail_top(d, top, out);
    for (size_t i = 1; i < n; i++) {
        const struct profile_entry_slot *e = out[i];
        size_t at = i;
        for (; at > 0 && slice_cmp(detail_value(d, out[at - 1]), detail_value(d, e)) > 0; at--) {
            out[at] = out[at - 1];
        }
        out[at] = e;
    }
    return n;
}

static void detail_save(struct profile_detail *d, struct strbuf *out)
{
    uint32_t last = 0;
    varint_add(out, d->used.hosts);
    for (size_t i = 0; i < d->used.hosts; i++) {
        varint_add(out, detail_hosts(d)[i] - last);
        last = detail_hosts(d)[i];
    }
    varint_add(out, d->used.samples);
    strbuf_add(out, slice_of((const char *)detail_samples(d),
                             d->used.samples * sizeof *detail_samples(d)));
    for (int t = 0; t < PROFILE_LABELS; t++) {
        bool any = d->room.extras & PROFILE_HAS_LABELS;
        varint_add(out, any ? detail_labels(d)[t].messages : 0);
        varint_add(out, any ? detail_labels(d)[t].doubt : 0);
    }
    for (int t = 0; t < PROFILE_TOP_COUNT; t++) {
        const struct profile_entry_slot *slots[PROFILE_TOP_MAX];
        size_t n = top_sorted(d, (enum profile_top)t, slots);
        varint_add(out, detail_floor(d, (enum profile_top)t));
        varint_add(out, n);
        for (size_t i = 0; i < n; i++) {
            varint_add(out, slots[i]->count);
            varint_add(out, slots[i]->error);
            strbuf_add_byte(out, (char)slots[i]->length);
            strbuf_add(out, detail_value(d, slots[i]));
        }
    }
}

enum err profile_save(const struct profile *p, struct strbuf *out)
{
    struct profile_detail *d = p->detail;
    strbuf_add_byte(out, PROFILE_VERSION);
    strbuf_add_byte(out,
                    (char)((d ? HAS_DETAIL : 0) | (d && d->has_more_hosts ? HAS_MORE_HOSTS : 0)));
    varint_add(out, p->messages);
    varint_add(out, p->recipients);
    varint_add(out, p->bytes);
    varint_add(out, zigzag(p->first));
    varint_add(out, zigzag(p->last));
    varint_add(out, p->hosted);
    if (d) {
        detail_save(d, out);
    }
    return out->failed ? ERR_NOMEM : OK;
}

/* ---- loading ---- */

static bool count_cut(struct slice *in, uint64_t most, uint64_t *out)
{
    return varint_cut(in, out) && *out <= most;
}

static bool bytes_cut(struct slice *in, size_t n, struct slice *out)
{
    if (in->n < n) {
        return false;
    }
    *out = slice_sub(*in, 0, n);
    *in = slice_sub(*in, n, SIZE_MAX);
    return true;
}

/* Of long hashes two may begin alike: then the second is put behind the first, for their number is
 * known. */
static bool hosts_load(struct profile_detail *d, uint8_t version, struct slice *in)
{
    unsigned more_bits = version <= VERSION_LONG_HASHES ? 32 : 0;
    uint64_t n, delta, hash = 0, next = 0;
    if (!count_cut(in, PROFILE_HOSTS, &n) || (d->has_more_hosts && n < PROFILE_HOSTS)) {
        return false;
    }
    for (; d->used.hosts < n; d->used.hosts++) {
        if (!varint_cut(in, &delta) || (delta == 0 && d->used.hosts > 0) ||
            __builtin_add_overflow(hash, delta, &hash)) {
            return false;
        }
        uint64_t host = hash >> more_bits > next ? hash >> more_bits : next;
        if (host > UINT32_MAX) {
            return false;
        }
        detail_hosts(d)[d->used.hosts] = (uint32_t)host;
        next = host + 1;
    }
    return true;
}

/* Hosts and samples of a detail that has room for all that there can be. */
static bool lists_load(struct profile_detail *d, uint8_t version, struct slice *in)
{
    uint64_t n;
    struct slice bytes;
    if (!hosts_load(d, version, in)) {
        return false;
    }
    if (!count_cut(in, PROFILE_SAMPLES, &n) || !bytes_cut(in, n * sizeof(struct id128), &bytes)) {
        return false;
    }
    struct id128 *samples = detail_samples(d);
    if (n) {
        memcpy(samples, bytes.p, bytes.n);
    }
    for (size_t i = 1; i < n; i++) {
        if (memcmp(samples[i - 1].b, samples[i].b, sizeof samples[i].b) >= 0) {
            return false;
        }
    }
    d->used.samples = (uint8_t)n;
    for (int t = 0; t < PROFILE_LABELS; t++) {
        struct profile_label *l = &detail_labels(d)[t];
        if (!varint_cut(in, &l->messages) || !varint_cut(in, &l->doubt) ||
            l->doubt / 1000000 > l->messages) {
            return false;
        }
    }
    return true;
}

/* A partner's value, as it is now or as version 1 had it; false: it is none. */
static bool key_take(struct slice *value, char key[PROFILE_KEY_BYTES], bool is_hex)
{
    uint64_t number = 0;
    if (value->n != (is_hex ? (size_t)HEX_DIGITS : (size_t)PROFILE_KEY_BYTES)) {
        return false;
    }
    for (size_t i = 0; is_hex && i < HEX_DIGITS; i++) {
        if (ascii_hex(value->p[i]) < 0) {
            return false;
        }
        number = number << 4 | (unsigned)ascii_hex(value->p[i]);
    }
    if (is_hex) {
        *value = profile_key_put(number, key);
    }
    return true;
}

static bool top_load(struct profile_detail *d, enum profile_top top, bool is_hex, struct slice *in)
{
    uint64_t floor, n, count, error;
    char keys[2][PROFILE_KEY_BYTES]; /* of this one and of the last */
    struct slice length, value, last = {NULL, 0};
    if (!count_cut(in, UINT32_MAX, &floor) || !count_cut(in, profile_top_room(top), &n)) {
        return false;
    }
    detail_floors(d)[top] = (uint32_t)floor;
    for (size_t i = 0; i < n; i++) {
        if (!count_cut(in, UINT32_MAX, &count) || !count_cut(in, UINT32_MAX, &error) ||
            count < error || count < floor || !bytes_cut(in, 1, &length) ||
            !bytes_cut(in, (uint8_t)length.p[0], &value) || value.n == 0 ||
            (top == PROFILE_PARTNER && !key_take(&value, keys[i % 2], is_hex)) ||
            slice_cmp(last, value) >= 0) {
            return false;
        }
        detail_entry_add(d, top, value, (uint32_t)count, (uint32_t)error);
        last = value;
    }
    return true;
}

static bool detail_load(struct profile_detail *d, uint8_t version, struct slice *in)
{
    if (!lists_load(d, version, in)) {
        return false;
    }
    for (int t = 0; t < PROFILE_TOP_COUNT; t++) {
        if (!top_load(d, (enum profile_top)t, version == VERSION_HEX, in)) {
            return false;
        }
    }
    return true;
}

static struct profile_room room_whole(void)
{
    struct profile_room room = {.hosts = PROFILE_HOSTS,
                                .samples = PROFILE_SAMPLES,
                                .extras = PROFILE_HAS_LABELS | PROFILE_HAS_FLOORS};
    for (int t = 0; t < PROFILE_TOP_COUNT; t++) {
        room.entries = (uint8_t)(room.entries + profile_top_room((enum profile_top)t));
    }
    room.text = (uint16_t)(room.entries * PROFILE_VALUE_BYTES);
    return room;
}

bool profile_load(struct profile *p, struct slice *in)
{
    struct slice rest = *in, head;
    struct profile loaded, whole;
    uint64_t first, last;
    profile_init(p);
    profile_init(&loaded);
    profile_init(&whole);
    if (!bytes_cut(&rest, 2, &head) || head.p[0] < VERSION_HEX || head.p[0] > PROFILE_VERSION ||
        (uint8_t)head.p[1] > (HAS_DETAIL | HAS_MORE_HOSTS) ||
        !varint_cut(&rest, &loaded.messages) || !varint_cut(&rest, &loaded.recipients) ||
        !varint_cut(&rest, &loaded.bytes) || !varint_cut(&rest, &first) ||
        !varint_cut(&rest, &last) || !count_cut(&rest, loaded.messages, &loaded.hosted)) {
        return false;
    }
    loaded.first = zigzag_back(first);
    loaded.last = zigzag_back(last);
    if (head.p[1] & HAS_DETAIL) {
        /* Into the largest there can be; merging then gives it the size it needs */
        whole.detail = detail_new(room_whole());
        bool ok = whole.detail != NULL;
        if (ok) {
            whole.detail->has_more_hosts = (head.p[1] & HAS_MORE_HOSTS) != 0;
            ok = detail_load(whole.detail, (uint8_t)head.p[0], &rest) &&
                 profile_merge(&loaded, &whole) == OK;
        }
        profile_clear(&whole);
        if (!ok) {
            profile_clear(&loaded);
            return false;
        }
    } else if (head.p[1] != 0) {
        return false;
    }
    *p = loaded;
    *in = rest;
    return true;
}
