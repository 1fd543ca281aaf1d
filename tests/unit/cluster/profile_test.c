/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "cluster/profile.h"
#include "core/varint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A small generator of its own, so that a test's numbers are the same everywhere. */
static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (seed >> 33) % n;
}

struct sample {
    struct cluster_message m;
    uint64_t partner;
    char country[3], trap[16], botnet[16], domain[2][64];
    struct slice domains[2];
};

/* Message number i of a mail flow with so many distinct hosts, countries and domains. */
static void sample_make(struct sample *s, uint64_t i, uint64_t hosts, uint64_t countries,
                        uint64_t domains)
{
    uint64_t country = random_below(countries);
    *s = (struct sample){.partner = 1 + random_below(20)};
    snprintf(s->country, sizeof s->country, "%c%c", (char)('A' + country % 26),
             (char)('A' + country / 26));
    snprintf(s->trap, sizeof s->trap, "trap-%u", (unsigned)random_below(5));
    snprintf(s->botnet, sizeof s->botnet, "botnet-%u", (unsigned)random_below(3));
    for (int k = 0; k < 2; k++) {
        snprintf(s->domain[k], sizeof s->domain[k], "shop-%u.example",
                 (unsigned)random_below(domains));
        s->domains[k] = slice_cstr(s->domain[k]);
    }
    struct slice bytes = slice_of((const char *)&i, sizeof i);
    s->m = (struct cluster_message){.id = hash_id128(bytes),
                                    .received = 1286000000 + (int64_t)random_below(86400),
                                    .host = 1 + random_below(hosts),
                                    .trap = slice_cstr(s->trap),
                                    .country = slice_cstr(s->country),
                                    .recipients = 1 + (uint32_t)random_below(9),
                                    .bytes = 1000 + random_below(5000),
                                    .domains = s->domains,
                                    .domain_count = 2,
                                    .botnet_posterior = .95};
    if (random_below(2)) {
        s->m.botnet = slice_cstr(s->botnet);
    }
}

static struct sample *flow(uint64_t from, size_t n, uint64_t hosts, uint64_t countries,
                           uint64_t domains)
{
    struct sample *s = calloc(n, sizeof *s);
    assert_non_null(s);
    for (size_t i = 0; i < n; i++) {
        sample_make(&s[i], from + i, hosts, countries, domains);
        s[i].m.domains = s[i].domains;
        s[i].domains[0].p = s[i].domain[0];
        s[i].domains[1].p = s[i].domain[1];
    }
    return s;
}

static void take_all(struct profile *p, const struct sample *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(profile_take(p, &s[i].m, s[i].partner), OK);
    }
}

static struct strbuf saved(const struct profile *p)
{
    struct strbuf b = STRBUF_INIT;
    assert_int_equal(profile_save(p, &b), OK);
    return b;
}

static void assert_same(const struct profile *a, const struct profile *b)
{
    struct strbuf x = saved(a), y = saved(b);
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.p, y.p, x.n);
    strbuf_free(&x);
    strbuf_free(&y);
}

static void shuffle(size_t *order, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = random_below(i), t = order[i - 1];
        order[i - 1] = order[k];
        order[k] = t;
    }
}

static void test_one(void **state)
{
    (void)state;
    seed = 1;
    struct sample *s = flow(0, 1, 10, 5, 10);
    struct profile p;
    profile_init(&p);
    take_all(&p, s, 1);
    assert_int_equal(p.messages, 1);
    assert_int_equal(p.recipients, s->m.recipients);
    assert_int_equal(p.bytes, s->m.bytes);
    assert_int_equal(p.first, s->m.received);
    assert_int_equal(p.last, s->m.received);
    bool exact = false;
    assert_float_equal(profile_hosts(&p, &exact), 1, 0);
    assert_true(exact);
    struct profile_entry e;
    assert_true(profile_first(&p, PROFILE_COUNTRY, &e));
    assert_true(slice_eq(e.value, s->m.country));
    assert_int_equal(e.count, 1);
    assert_int_equal(e.error, 0);
    struct id128 id[PROFILE_SAMPLES];
    assert_int_equal(profile_samples(&p, id, PROFILE_SAMPLES), 1);
    assert_true(id128_eq(id[0], s->m.id));
    /* 200,000 parts of one message are 40 MB */
    assert_true(profile_bytes(&p) + sizeof p <= 360);
    profile_clear(&p);
    assert_int_equal(profile_bytes(&p), 0);
    free(s);
}

static void test_unknown(void **state)
{
    (void)state;
    struct profile p;
    profile_init(&p);
    struct cluster_message m = {.recipients = 1, .bytes = 5};
    assert_int_equal(profile_take(&p, &m, 0), OK);
    struct profile_entry e;
    for (int t = 0; t < PROFILE_TOP_COUNT; t++) {
        assert_false(profile_first(&p, (enum profile_top)t, &e));
    }
    double posterior = 7;
    assert_int_equal(profile_labelled(&p, PROFILE_BOTNET, &posterior), 0);
    assert_float_equal(posterior, 0, 0);
    assert_int_equal(p.hosted, 0);
    assert_int_equal(p.first, 0);
    assert_float_equal(profile_hosts(&p, NULL), 0, 0);
    profile_clear(&p);
}

/* As long as no top overflows, any order and any cutting into parts gives the same bytes. */
static void test_order_and_merge(void **state)
{
    (void)state;
    enum { N = 2000 };
    seed = 2;
    struct sample *s = flow(0, N, 5000, 30, 14);
    size_t order[N];
    struct profile all;
    profile_init(&all);
    take_all(&all, s, N);
    for (size_t i = 0; i < N; i++) {
        order[i] = i;
    }
    for (int round = 0; round < 5; round++) {
        struct profile part[3];
        shuffle(order, N);
        for (int k = 0; k < 3; k++) {
            profile_init(&part[k]);
        }
        for (size_t i = 0; i < N; i++) {
            const struct sample *one = &s[order[i]];
            assert_int_equal(profile_take(&part[i % 7 % 3], &one->m, one->partner), OK);
        }
        assert_int_equal(profile_merge(&part[0], &part[1]), OK);
        assert_int_equal(profile_merge(&part[2], &part[0]), OK);
        assert_same(&all, &part[2]);
        for (int k = 0; k < 3; k++) {
            profile_clear(&part[k]);
        }
    }
    profile_clear(&all);
    free(s);
}

static void test_hosts(void **state)
{
    (void)state;
    double squares = 0;
    enum { ROUNDS = 40 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct profile p;
        bool exact = true;
        profile_init(&p);
        for (uint64_t h = 1; h <= 3000; h++) {
            struct cluster_message m = {.host = round * 100000 + h, .recipients = 1};
            assert_int_equal(profile_take(&p, &m, 0), OK);
            assert_int_equal(profile_take(&p, &m, 0), OK); /* seen again: the same host */
            if (h <= PROFILE_HOSTS) {
                assert_float_equal(profile_hosts(&p, &exact), (double)h, 0);
                assert_true(exact);
            }
        }
        double error = profile_hosts(&p, &exact) / 3000 - 1;
        assert_false(exact);
        squares += error * error;
        profile_clear(&p);
    }
    double deviation = sqrt(squares / ROUNDS);
    assert_true(deviation > .08 && deviation < .19); /* 1/sqrt(62) is .127 */
}

struct bound {
    const uint64_t *truth; /* by number of the domain */
    uint64_t last, listed, messages;
    bool is_held;
};

static void bound_check(void *arg, const struct profile_entry *e)
{
    struct bound *b = arg;
    uint64_t number = (uint64_t)strtoul(e->value.p + 5, NULL, 10), truth = b->truth[number];
    b->is_held &= e->count >= truth && e->count - e->error <= truth && e->count <= b->last;
    b->is_held &= truth * 16 < b->messages || e->count >= truth;
    b->last = e->count;
    b->listed |= number < 64 ? 1ULL << number : 0;
}

/* More domains than there is room for: counts stay within their error, and what is more frequent
 * than 1/16 of all is listed; also after merging. */
static void test_overflow(void **state)
{
    (void)state;
    enum { N = 6000, DOMAINS = 500 };
    static uint64_t truth[DOMAINS];
    struct profile part[2];
    seed = 3;
    memset(truth, 0, sizeof truth);
    profile_init(&part[0]);
    profile_init(&part[1]);
    for (unsigned i = 0; i < N; i++) {
        uint64_t number = random_below(10) < 3 ? random_below(3) : random_below(DOMAINS);
        char text[32];
        snprintf(text, sizeof text, "shop-%u.example", (unsigned)number);
        struct slice domain = slice_cstr(text);
        struct cluster_message m = {.domains = &domain, .domain_count = 1, .recipients = 1};
        truth[number]++;
        assert_int_equal(profile_take(&part[i % 3 == 0], &m, 0), OK);
    }
    struct bound b = {truth, UINT64_MAX, 0, N, true};
    assert_int_equal(profile_merge(&part[0], &part[1]), OK);
    profile_each(&part[0], PROFILE_DOMAIN, bound_check, &b);
    assert_true(b.is_held);
    assert_int_equal(b.listed & 7, 7);
    assert_true(profile_bytes(&part[0]) < 6 * 1024);
    profile_clear(&part[0]);
    profile_clear(&part[1]);
}

/* One message with more domains than the top has left: those known before are not lost for it. */
static void test_many_domains(void **state)
{
    (void)state;
    struct profile p;
    char text[40][PROFILE_VALUE_BYTES + 20];
    struct slice domains[40];
    profile_init(&p);
    for (unsigned i = 0; i < 40; i++) {
        memset(text[i], 'a' + (char)(i % 26), sizeof text[i]);
        text[i][0] = (char)('0' + i);
        domains[i] = slice_of(text[i], i % 2 ? sizeof text[i] : 10 + i);
    }
    for (unsigned i = 0; i < 1000; i++) {
        struct cluster_message m = {
            .domains = &domains[i * 7 % 33], .domain_count = 7 + i % 2, .recipients = 1};
        assert_int_equal(profile_take(&p, &m, i), OK);
    }
    struct strbuf b = saved(&p);
    struct slice in = strbuf_slice(&b);
    struct profile again;
    assert_true(profile_load(&again, &in));
    assert_int_equal(in.n, 0);
    assert_same(&p, &again);
    profile_clear(&p);
    profile_clear(&again);
    strbuf_free(&b);
}

static void test_labels(void **state)
{
    (void)state;
    struct profile p;
    double posterior;
    profile_init(&p);
    for (unsigned i = 0; i < 10; i++) {
        struct cluster_message m = {.recipients = 1,
                                    .botnet = i < 8 ? slice_cstr(i < 6 ? "rustock" : "pushdo")
                                                    : (struct slice){NULL, 0},
                                    .botnet_posterior = i < 4 ? .9 : 1};
        assert_int_equal(profile_take(&p, &m, 0), OK);
    }
    struct profile_entry e;
    assert_int_equal(profile_labelled(&p, PROFILE_BOTNET, &posterior), 8);
    assert_float_equal(posterior, .95, 1e-9);
    assert_true(profile_first(&p, PROFILE_BOTNET, &e));
    assert_true(slice_eq(e.value, slice_cstr("rustock")));
    assert_int_equal(e.count, 6);
    assert_int_equal(profile_labelled(&p, PROFILE_COUNTRY, &posterior), 0);
    profile_clear(&p);
}

static void test_load_damaged(void **state)
{
    (void)state;
    seed = 4;
    struct sample *s = flow(0, 300, 200, 10, 30);
    struct profile p, again;
    profile_init(&p);
    take_all(&p, s, 300);
    struct strbuf b = saved(&p);
    for (size_t n = 0; n < b.n; n++) {
        struct slice in = slice_of(b.p, n);
        assert_false(profile_load(&again, &in));
        assert_int_equal(in.n, n);
        assert_null(again.detail);
    }
    for (size_t i = 0; i < b.n; i++) {
        char kept = b.p[i];
        b.p[i] = (char)(kept ^ 0xff);
        struct slice in = strbuf_slice(&b);
        if (profile_load(&again, &in)) { /* a number may have changed, the bounds hold */
            assert_true(profile_bytes(&again) < 64 * 1024);
            profile_clear(&again);
        }
        b.p[i] = kept;
    }
    strbuf_free(&b);
    profile_clear(&p);
    free(s);
}

/* With partners in hex digits, as states of version 1 are in stores. */
static void test_load_version_1(void **state)
{
    (void)state;
    static const char old[] = "\1\1\2\2\12\0\0\0"        /* 2 messages and recipients, 10 bytes */
                              "\0\0\0\0\0\0\0\0"         /* no hosts, samples, labels */
                              "\0\0\0\0\0\0\0\0\0\0\0\0" /* empty tops ... */
                              "\0\2\1\0\20"
                              "00000000000000ff"
                              "\1\0\20"
                              "0123456789abcdef";
    struct slice in = slice_of(old, sizeof old - 1);
    struct profile p;
    struct profile_entry first;
    assert_true(profile_load(&p, &in));
    assert_int_equal(in.n, 0);
    assert_int_equal(p.messages, 2);
    assert_true(profile_first(&p, PROFILE_PARTNER, &first));
    assert_int_equal(profile_key(first.value), 0xff);
    struct strbuf b = saved(&p); /* as it is now */
    assert_int_equal(b.n, sizeof old - 1 - 16);
    struct profile again;
    in = strbuf_slice(&b);
    assert_true(profile_load(&again, &in));
    assert_same(&p, &again);
    profile_clear(&p);
    profile_clear(&again);
    strbuf_free(&b);
    char damaged[sizeof old - 1];
    memcpy(damaged, old, sizeof damaged);
    damaged[sizeof damaged - 1] = 'g'; /* no digit */
    in = slice_of(damaged, sizeof damaged);
    assert_false(profile_load(&again, &in));
}

/* Hosts were 64 bits of hash, of which 32 are left: of two that begin alike none is lost. */
static void test_load_version_2(void **state)
{
    (void)state;
    static const uint64_t hash[] = {5ULL << 32 | 1, 5ULL << 32 | 2, 9ULL << 32};
    static const char now[] = "\3\1\3\3\0\0\0\3" /* 3 messages, recipients, with a host */
                              "\3\5\1\3"         /* hashes 5, 6, 9 */
                              "\0\0\0\0\0\0\0"   /* no samples, labels */
                              "\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    struct strbuf old = STRBUF_INIT;
    strbuf_add(&old, slice_of(now, 9));
    old.p[0] = 2;
    for (unsigned i = 0; i < 3; i++) {
        varint_add(&old, hash[i] - (i ? hash[i - 1] : 0));
    }
    strbuf_add(&old, slice_of(now + 12, sizeof now - 1 - 12));
    struct slice in = strbuf_slice(&old);
    struct profile p;
    assert_true(profile_load(&p, &in));
    assert_int_equal(in.n, 0);
    assert_float_equal(profile_hosts(&p, NULL), 3, 0);
    struct strbuf b = saved(&p);
    assert_true(slice_eq(strbuf_slice(&b), slice_of(now, sizeof now - 1)));
    old.p[0] = 3; /* such hashes it cannot have */
    in = strbuf_slice(&old);
    profile_clear(&p);
    assert_false(profile_load(&p, &in));
    strbuf_free(&b);
    strbuf_free(&old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_order_and_merge),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_many_domains),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_load_damaged),
        cmocka_unit_test(test_load_version_1),
        cmocka_unit_test(test_load_version_2),
    };
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
