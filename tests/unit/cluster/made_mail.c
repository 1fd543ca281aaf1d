/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "made_mail.h"

uint64_t made_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

void made_run(uint32_t *set, size_t *count, uint32_t first, size_t n)
{
    for (size_t i = 0; i < n && *count < MADE_SHINGLES; i++) {
        set[(*count)++] = first + (uint32_t)i;
    }
}

void made_draw(uint32_t *set, size_t *count, uint64_t *state, size_t n)
{
    for (size_t i = 0; i < n && *count < MADE_SHINGLES; i++) {
        set[(*count)++] = (uint32_t)made_random(state);
    }
}

/* Min-hash with a hash of its own for each lane: what one-permutation min-hash estimates. */
static void lanes_make(const uint32_t *set, size_t n, uint32_t *lanes, size_t count)
{
    for (size_t lane = 0; lane < count; lane++) {
        uint64_t least = UINT64_MAX;
        for (size_t i = 0; i < n; i++) {
            uint64_t x = ((uint64_t)lane << 32 | set[i]) * 0x9e3779b97f4a7c15;
            x = (x ^ x >> 32) * 0xd6e8feb86659fd93;
            x ^= x >> 32;
            least = x < least ? x : least;
        }
        lanes[lane] = (uint32_t)(least * 0xd6e8feb86659fd93 >> 32);
    }
}

static uint64_t set_hash(const uint32_t *set, size_t n, uint64_t seed)
{
    return hash_u64_seeded(slice_of((const char *)set, n * sizeof set[0]), seed);
}

struct slice made_sketch(const struct cd1 *c, uint8_t packed[CD1_PACKED_BYTES])
{
    return slice_of((const char *)packed, cd1_pack(c, packed));
}

const struct cluster_message *made_message(struct made_mail *m, uint64_t id)
{
    m->cd1 = (struct cd1){
        .kind = m->text_count >= CD1_SHORT_SHINGLES  ? CD1_TEXT
                : m->text_count > 0                  ? CD1_SHORT
                : m->attachment || m->html_count > 0 ? CD1_SHAPE
                                                     : CD1_NONE,
        .has_call = m->call_count > 0,
        .has_html = m->html_count > 0,
        .is_full = true,
        .shingles = (unsigned)m->text_count,
        .exact = set_hash(m->text, m->text_count, set_hash(m->html, m->html_count, m->attachment)),
    };
    uint64_t own = m->cd1.exact;
    for (size_t i = 0; i < CD1_OPEN_LANES && m->cd1.kind == CD1_TEXT; i++) {
        m->cd1.open[i] = (uint32_t)made_random(&own);
        m->cd1.close[i] = (uint32_t)made_random(&own);
    }
    if (m->open_count > 0) {
        lanes_make(m->open, m->open_count, m->cd1.open, CD1_OPEN_LANES);
    }
    if (m->close_count > 0) {
        lanes_make(m->close, m->close_count, m->cd1.close, CD1_CLOSE_LANES);
    }
    if (m->text_count > 0 && cd1_has_lanes(m->cd1.kind, m->cd1.shingles)) {
        lanes_make(m->text, m->text_count, m->cd1.text, CD1_TEXT_LANES);
    } else if (m->cd1.kind == CD1_SHAPE) {
        uint32_t items[MADE_SHINGLES + 4] = {1, 2,
                                             (uint32_t)m->attachment + 3}; /* tree, type, file */
        memcpy(items + 3, m->html, m->html_count * sizeof items[0]);
        m->cd1.shingles = (unsigned)m->html_count + 3;
        lanes_make(items, m->cd1.shingles, m->cd1.text, CD1_TEXT_LANES);
    }
    lanes_make(m->call, m->call_count, m->cd1.call, CD1_CALL_LANES);
    lanes_make(m->html, m->html_count, m->cd1.html, CD1_HTML_LANES);
    m->message = (struct cluster_message){
        .id = hash_id128(slice_of((const char *)&id, sizeof id)),
        .received = 1199145600 + (int64_t)(id % 86400),
        .host = id + 1,
        .recipients = 1,
        .bytes = 3000,
        .sketch = made_sketch(&m->cd1, m->packed),
        .url_shapes = m->shapes,
        .url_shape_count = m->shape_count,
        .domains = m->domains,
        .domain_count = m->domain_count,
        .subject = m->subject,
        .attachment_type = m->attachment ? S("image/gif") : S(""),
        .attachment_bytes = m->attachment_bytes,
    };
    return &m->message;
}

void made_alike(const uint32_t *from, uint32_t *to, size_t lanes, double j, uint64_t *state)
{
    for (size_t i = 0; i < lanes; i++) {
        double u = (double)(made_random(state) >> 11) * 0x1p-53;
        to[i] = u < j ? from[i] : (uint32_t)made_random(state);
    }
}
