/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

struct hash_stream {
    XXH3_state_t *state;
};

static struct id128 id128_of(XXH128_hash_t h)
{
    XXH128_canonical_t canonical;
    struct id128 id;
    XXH128_canonicalFromHash(&canonical, h);
    memcpy(id.b, canonical.digest, sizeof id.b);
    return id;
}

struct id128 hash_id128(struct slice s)
{
    return id128_of(XXH3_128bits(s.p, s.n));
}

uint64_t hash_u64(struct slice s)
{
    return XXH3_64bits(s.p, s.n);
}

uint64_t hash_u64_seeded(struct slice s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.p, s.n, seed);
}

struct hash_stream *hash_stream_new(void)
{
    struct hash_stream *h = malloc(sizeof *h);
    if (h && !(h->state = XXH3_createState())) {
        free(h);
        return NULL;
    }
    if (h) {
        hash_stream_start(h);
    }
    return h;
}

void hash_stream_start(struct hash_stream *h)
{
    XXH3_128bits_reset(h->state);
}

void hash_stream_add(struct hash_stream *h, struct slice s)
{
    XXH3_128bits_update(h->state, s.p, s.n);
}

struct id128 hash_stream_end(const struct hash_stream *h)
{
    return id128_of(XXH3_128bits_digest(h->state));
}

void hash_stream_free(struct hash_stream *h)
{
    if (h) {
        XXH3_freeState(h->state);
        free(h);
    }
}

static void hex(const uint8_t *p, size_t n, char *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = DIGITS[p[i] >> 4];
        out[2 * i + 1] = DIGITS[p[i] & 15];
    }
    out[2 * n] = '\0';
}

void id128_hex(struct id128 id, char out[33])
{
    hex(id.b, sizeof id.b, out);
}

bool id128_parse(struct slice s, struct id128 *out)
{
    struct id128 id;
    if (s.n != 2 * sizeof id.b) {
        return false;
    }
    for (size_t i = 0; i < sizeof id.b; i++) {
        int high = ascii_hex(s.p[2 * i]), low = ascii_hex(s.p[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        id.b[i] = (uint8_t)(high << 4 | low);
    }
    *out = id;
    return true;
}

/* OpenSSL 3 looks an algorithm up by name at each legacy call; fetching it once halves the cost.
 * Each thread has a context of its own, freed when it ends. */
static EVP_MD *sha256;
static pthread_key_t context_key;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void context_free(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

static void sha256_fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256 || pthread_key_create(&context_key, context_free) != 0) {
        panic("the crypto library has no SHA-256");
    }
}

static EVP_MD_CTX *context_get(void)
{
    pthread_once(&sha256_once, sha256_fetch);
    EVP_MD_CTX *ctx = pthread_getspecific(context_key);
    if (!ctx) {
        ctx = EVP_MD_CTX_new();
        if (!ctx || pthread_setspecific(context_key, ctx) != 0) {
            panic("out of memory for a digest");
        }
    }
    return ctx;
}

void hash12(struct slice s, char out[13])
{
    uint8_t digest[32];
    EVP_MD_CTX *ctx = context_get();
    if (!EVP_DigestInit_ex2(ctx, sha256, NULL) || !EVP_DigestUpdate(ctx, s.p, s.n) ||
        !EVP_DigestFinal_ex(ctx, digest, NULL)) {
        panic("SHA-256 failed");
    }
    hex(digest, 6, out);
}

bool hash12_parse(struct slice s, char out[13])
{
    if (slice_eq(s, S("-"))) {
        memcpy(out, "-", 2);
        return true;
    }
    if (s.n != 12) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f')) {
            return false;
        }
    }
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

struct id128 hash_keyed(const uint8_t key[SECRET_KEY_BYTES], struct slice s)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct id128 id;
    pthread_once(&sha256_once, sha256_fetch);
    if (!HMAC(sha256, key, SECRET_KEY_BYTES, (const uint8_t *)s.p, s.n, digest, &n)) {
        panic("HMAC-SHA-256 failed");
    }
    memcpy(id.b, digest, sizeof id.b);
    return id;
}

enum err random_bytes(void *p, size_t n)
{
    for (char *at = p; n > 0;) {
        ssize_t got = getrandom(at, n, 0);
        if (got <= 0) {
            return ERR_IO;
        }
        at += got;
        n -= (size_t)got;
    }
    return OK;
}
