/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Three kinds of hash, each for its own purpose: XXH3-128 for identity (no secret, collisions
 * harmless up to 2^64 items), SHA-256 for fingerprints that people quote, HMAC-SHA-256 for what
 * must not be turned back (recipients). */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include "core/err.h"
#include "core/slice.h"

struct id128 {
    uint8_t b[16]; /* canonical (big-endian) order: memcmp sorts, hex prints as it is */
};

/* XXH3-128 of the bytes. */
struct id128 hash_id128(struct slice s);

/* XXH3-64; for hash tables and caches only. */
uint64_t hash_u64(struct slice s);

/* XXH3-64 with a seed: a checksum that nobody can forge who does not know the seed. */
uint64_t hash_u64_seeded(struct slice s, uint64_t seed);

/* A number's bits mixed: the end of splitmix64 (Steele, Lea and Flood 2014). A bijection: equal
 * numbers are equal, and no two become one. */
static inline uint64_t hash_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Incremental XXH3-128. */
struct hash_stream;
struct hash_stream *hash_stream_new(void) MUST_USE;
void hash_stream_start(struct hash_stream *h);
void hash_stream_add(struct hash_stream *h, struct slice s);
struct id128 hash_stream_end(const struct hash_stream *h);
void hash_stream_free(struct hash_stream *h);

/* Writes 32 lower-case hex digits and a NUL. */
void id128_hex(struct id128 id, char out[33]);
/* Exactly 32 hex digits of either case; false otherwise. */
bool id128_parse(struct slice s, struct id128 *out);
static inline bool id128_eq(struct id128 a, struct id128 b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

/* The first 12 lower-case hex digits of SHA-256 and a NUL: the hash12 of METHODS B1. */
void hash12(struct slice s, char out[13]);
/* The inverse for fingerprints: 12 such digits, or "-" (a part that is absent), as text. */
bool hash12_parse(struct slice s, char out[13]);

enum { SECRET_KEY_BYTES = 32 };
/* The first 16 bytes of HMAC-SHA-256. */
struct id128 hash_keyed(const uint8_t key[SECRET_KEY_BYTES], struct slice s);

/* Fills from the system's random source; ERR_IO when there is none. */
enum err random_bytes(void *p, size_t n) MUST_USE;

#endif
