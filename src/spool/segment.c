/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spool/segment.h"

#include "core/hash.h"
#include "core/limits.h"

static const char MAGIC[8] = {'S', 'G', 'S', 'P', 'O', 'O', 'L', '1'};

/* A frame's head: mark (4), checksum of what follows (8), length of the payload (4). */
enum { FRAME_SUM_AT = 4, FRAME_LENGTH_AT = 12, LENGTH_BYTES = 4 };

static void put(char *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (char)(v >> (8 * i));
    }
}

static uint64_t get(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v |= (uint64_t)(uint8_t)p[i] << (8 * i);
    }
    return v;
}

void segment_header_write(const struct segment_header *h, char out[SEGMENT_HEADER_BYTES])
{
    memcpy(out, MAGIC, sizeof MAGIC);
    put(out + 8, h->number, 8);
    put(out + 16, (uint64_t)h->begun_us, 8);
    put(out + 24, h->seed, 8);
    put(out + 32, hash_u64_seeded(slice_of(out, 32), h->seed), 8);
}

bool segment_header_read(struct slice s, struct segment_header *out)
{
    if (s.n < SEGMENT_HEADER_BYTES || memcmp(s.p, MAGIC, sizeof MAGIC) != 0) {
        return false;
    }
    *out = (struct segment_header){
        .number = get(s.p + 8, 8),
        .begun_us = (int64_t)get(s.p + 16, 8),
        .seed = get(s.p + 24, 8),
    };
    return get(s.p + 32, 8) == hash_u64_seeded(slice_of(s.p, 32), out->seed);
}

void frame_mark(uint64_t seed, char out[FRAME_MARK_BYTES])
{
    put(out, hash_u64_seeded(S("mark"), seed), FRAME_MARK_BYTES);
}

static uint64_t frame_sum(const char *head, size_t n, uint64_t seed, uint64_t offset)
{
    return hash_u64_seeded(slice_of(head + FRAME_LENGTH_AT, LENGTH_BYTES + n), seed + offset);
}

void frame_seal(char *head, size_t n, uint64_t seed, uint64_t offset)
{
    frame_mark(seed, head);
    put(head + FRAME_LENGTH_AT, n, LENGTH_BYTES);
    put(head + FRAME_SUM_AT, frame_sum(head, n, seed, offset), 8);
}

enum frame_state frame_look(struct slice s, uint64_t seed, uint64_t offset, struct slice *payload,
                            size_t *bytes)
{
    char mark[FRAME_MARK_BYTES];
    frame_mark(seed, mark);
    size_t n = s.n < sizeof mark ? s.n : sizeof mark;
    if (n && memcmp(s.p, mark, n) != 0) {
        return FRAME_DAMAGED;
    }
    if (s.n < FRAME_HEAD_BYTES) {
        *bytes = FRAME_HEAD_BYTES;
        return FRAME_PARTLY;
    }
    size_t length = (size_t)get(s.p + FRAME_LENGTH_AT, LENGTH_BYTES);
    if (length == 0 || length > LIMIT_RECORD_BYTES) {
        return FRAME_DAMAGED;
    }
    *bytes = FRAME_HEAD_BYTES + length;
    if (s.n < *bytes) {
        return FRAME_PARTLY;
    }
    if (get(s.p + FRAME_SUM_AT, 8) != frame_sum(s.p, length, seed, offset)) {
        return FRAME_DAMAGED;
    }
    *payload = slice_sub(s, FRAME_HEAD_BYTES, length);
    return FRAME_WHOLE;
}

bool segment_is_blank(struct slice s)
{
    return s.n == 0 || (s.p[0] == 0 && memcmp(s.p, s.p + 1, s.n - 1) == 0);
}

/* RFC 8878 3.1.2: a skippable frame is its magic number, the length of its content, the content. */
enum { SUMMARY_CONTENT = SEGMENT_SUMMARY_BYTES - 8 };
static const uint32_t SKIPPABLE = 0x184D2A5B;

void segment_summary_write(const struct segment_summary *s, char out[SEGMENT_SUMMARY_BYTES])
{
    put(out, SKIPPABLE, 4);
    put(out + 4, SUMMARY_CONTENT, 4);
    put(out + 8, s->records, 8);
    put(out + 16, s->messages, 8);
    put(out + 24, s->bytes, 8);
    put(out + 32, (uint64_t)s->first_us, 8);
    put(out + 40, (uint64_t)s->last_us, 8);
    put(out + 48, s->damaged_bytes, 8);
    put(out + 56, hash_u64(slice_of(out, 56)), 8);
}

bool segment_summary_read(struct slice s, struct segment_summary *out)
{
    if (s.n < SEGMENT_SUMMARY_BYTES || get(s.p, 4) != SKIPPABLE ||
        get(s.p + 4, 4) != SUMMARY_CONTENT || get(s.p + 56, 8) != hash_u64(slice_of(s.p, 56))) {
        return false;
    }
    *out = (struct segment_summary){
        .records = get(s.p + 8, 8),
        .messages = get(s.p + 16, 8),
        .bytes = get(s.p + 24, 8),
        .first_us = (int64_t)get(s.p + 32, 8),
        .last_us = (int64_t)get(s.p + 40, 8),
        .damaged_bytes = get(s.p + 48, 8),
    };
    return true;
}
