/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "cluster/host_gather.h"
#include "core/varint.h"

#include <stdlib.h>

enum { MOST = 64 };

static uint64_t seed = 1;

static unsigned random_below(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static void take(struct host_sample *s, uint64_t host, uint64_t visit, size_t most)
{
    assert_int_equal(host_sample_take(s, host, visit, most), OK);
}

static void assert_same(const struct host_sample *a, const struct host_sample *b)
{
    assert_int_equal(a->count, b->count);
    assert_true(a->below == b->below);
    assert_memory_equal(a->hashes, b->hashes, a->count * sizeof *a->hashes);
    assert_memory_equal(host_sample_visits(a), host_sample_visits(b), a->count * sizeof(uint16_t));
}

/* All of them, in memory of the gathering. */
static void sum(struct host_gather *g, const struct host_sample *parts, size_t n,
                struct host_sample *out)
{
    for (size_t i = 0; i < n; i++) {
        host_gather_add(g, &parts[i]);
    }
    host_gather_sum(g, out);
}

/* Order, repeats and the way of gathering change nothing. */
static void gathering_is_taking(void **state)
{
    (void)state;
    struct host_sample whole, two, all, part[3];
    struct host_gather g;
    assert_int_equal(host_gather_init(&g, MOST), OK);
    host_sample_init(&whole);
    for (unsigned i = 0; i < 3; i++) {
        host_sample_init(&part[i]);
    }
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t host = 1 + random_below(400), visit = random_below(30);
        take(&whole, host, visit, MOST);
        take(&whole, host, visit, MOST);
        take(&part[random_below(3)], host, visit, MOST);
    }
    assert_int_equal(whole.count, MOST);
    sum(&g, part, 3, &all);
    assert_same(&whole, &all);
    sum(&g, &whole, 1, &all); /* nothing is left of the last ones */
    assert_same(&whole, &all);
    assert_int_equal(host_sample_union(&part[0], &part[1], MOST, &two), OK);
    sum(&g, part, 2, &all);
    assert_same(&two, &all);
    host_sample_free(&two);
    sum(&g, NULL, 0, &all);
    assert_int_equal(all.count, 0);
    assert_true(all.below == UINT32_MAX);
    host_gather_free(&g);
    host_sample_free(&whole);
    for (unsigned i = 0; i < 3; i++) {
        host_sample_free(&part[i]);
    }
}

/* More than there is room for at once: the sum of sums. */
static void many_are_gathered(void **state)
{
    (void)state;
    enum { PARTS = 40, OF_PART = 1000, MANY = 2048 };
    struct host_sample whole, all, *parts = calloc(PARTS, sizeof *parts);
    struct host_gather g;
    assert_non_null(parts);
    assert_int_equal(host_gather_init(&g, MANY), OK);
    host_sample_init(&whole);
    for (unsigned i = 0; i < PARTS; i++) {
        host_sample_init(&parts[i]);
        for (unsigned k = 0; k < OF_PART; k++) {
            uint64_t host = 1 + random_below(i < PARTS / 2 ? 1500 : 20000);
            take(&parts[i], host, k, OF_PART);
            take(&whole, host, k, MANY);
        }
    }
    for (unsigned k = 0; k < 2; k++) {
        /* the first half fits, with the other it does not */
        sum(&g, parts, k ? PARTS : PARTS / 2, &all);
        assert_int_equal(all.count, k ? MANY : 1500);
        assert_true((all.below == UINT32_MAX) == (k == 0));
    }
    assert_same(&whole, &all);
    for (unsigned i = 0; i < PARTS; i++) {
        host_sample_free(&parts[i]);
    }
    host_sample_free(&whole);
    host_gather_free(&g);
    free(parts);
}

static void no_machine_is_none(void **state)
{
    (void)state;
    struct host_sample s;
    host_sample_init(&s);
    take(&s, 0, 1, MOST);
    assert_int_equal(s.count, 0);
    take(&s, 7, 1, MOST);
    assert_int_equal(s.count, 1);
    host_sample_free(&s);
}

/* Of machines that came twice: the likelihood ratio by hand. All of two came with both: (0.35^2 +
 * 0.6^2 + 0.999^2) / (0.01^2 + 0.05^2 + 0.15^2). */
static void evidence_by_hand(void **state)
{
    (void)state;
    struct host_sample a, b;
    struct host_meeting m;
    host_sample_init(&a);
    host_sample_init(&b);
    take(&a, 1, 1, MOST);
    take(&b, 1, 2, MOST);
    take(&a, 2, 1, MOST);
    take(&b, 2, 2, MOST);
    host_sample_meet(&a, &b, &m);
    assert_int_equal(m.first, 2);
    assert_int_equal(m.second, 2);
    assert_int_equal(m.both, 2);
    assert_int_equal(m.returned, 0);
    assert_float_equal(m.evidence, 4.0773, 1e-3);
    host_sample_free(&b);
    host_sample_init(&b);
    take(&b, 3, 1, MOST);
    host_sample_meet(&a, &b, &m);
    assert_int_equal(m.both, 0);
    assert_float_equal(m.evidence, 0, 1e-9); /* none came twice: nothing is known */
    host_sample_free(&a);
    host_sample_free(&b);
}

/* Samples that were cut are compared where both are complete. */
static void large_pools(void **state)
{
    (void)state;
    for (unsigned shared = 0; shared < 2; shared++) {
        struct host_sample a, b;
        struct host_meeting m;
        host_sample_init(&a);
        host_sample_init(&b);
        for (unsigned i = 0; i < 20000; i++) {
            bool is_first = random_below(2) == 0;
            uint64_t host = 1 + random_below(5000) + (!shared && !is_first ? 100000 : 0);
            take(is_first ? &a : &b, host, i, MOST);
        }
        host_sample_meet(&a, &b, &m);
        assert_true(shared ? m.evidence > 20 : m.evidence < -3);
        assert_true(m.first <= MOST && m.second <= MOST);
        host_sample_free(&a);
        host_sample_free(&b);
    }
}

/* By sorting alone: machines with visits of each of two samples, where both are complete. */
static void meet_by_hand(const struct host_sample *a, const struct host_sample *b,
                         struct host_meeting *out)
{
    uint32_t below = a->below < b->below ? a->below : b->below;
    *out = (struct host_meeting){0};
    for (size_t i = 0, j = 0;;) {
        uint32_t x = i < a->count ? a->hashes[i] : UINT32_MAX;
        uint32_t y = j < b->count ? b->hashes[j] : UINT32_MAX;
        if ((x < y ? x : y) >= below) {
            return;
        }
        int visits = __builtin_popcount((x <= y ? host_sample_visits(a)[i] : 0u) << 16 |
                                        (y <= x ? host_sample_visits(b)[j] : 0u));
        out->first += x <= y;
        out->second += y <= x;
        out->both += x == y;
        out->returned += x != y && visits > 1;
        i += x <= y;
        j += y <= x;
    }
}

/* Samples of few and of many, cut or not: both are looked up in either way. */
static void few_meet_many(void **state)
{
    (void)state;
    static const struct {
        unsigned messages, hosts;
    } made[] = {{0, 1}, {3, 50}, {40, 200}, {400, 90}, {3000, 600}, {20000, 2000}};
    enum { N = sizeof made / sizeof *made, ROOM = 500 };
    struct host_sample s[N];
    for (unsigned i = 0; i < N; i++) {
        host_sample_init(&s[i]);
        for (unsigned k = 0; k < made[i].messages; k++) {
            take(&s[i], 1 + random_below(made[i].hosts), random_below(30), ROOM);
        }
    }
    for (unsigned i = 0; i < N; i++) {
        for (unsigned k = 0; k < N; k++) {
            struct host_meeting m, expected, back;
            host_sample_meet(&s[i], &s[k], &m);
            host_sample_meet(&s[k], &s[i], &back);
            meet_by_hand(&s[i], &s[k], &expected);
            bool is_empty = s[i].count == 0 || s[k].count == 0;
            assert_int_equal(m.first, is_empty ? 0 : expected.first);
            assert_int_equal(m.second, is_empty ? 0 : expected.second);
            assert_int_equal(m.both, expected.both);
            assert_int_equal(m.returned, is_empty ? 0 : expected.returned);
            assert_int_equal(back.both, m.both);
            assert_float_equal(back.evidence, m.evidence, 1e-9);
        }
    }
    for (unsigned i = 0; i < N; i++) {
        host_sample_free(&s[i]);
    }
}

static void kept(void **state)
{
    (void)state;
    struct host_sample s, back;
    struct strbuf b = STRBUF_INIT;
    host_sample_init(&s);
    for (unsigned i = 0; i < 300; i++) {
        take(&s, 1 + random_below(200), i, MOST);
    }
    host_sample_save(&s, &b);
    struct slice in = strbuf_slice(&b), whole = in;
    assert_true(host_sample_load(&back, &in, MOST, HOST_SAMPLE_HASH_BITS));
    assert_int_equal(in.n, 0);
    assert_same(&s, &back);
    host_sample_free(&back);
    for (size_t n = 0; n < whole.n; n++) {
        in = slice_sub(whole, 0, n);
        assert_false(host_sample_load(&back, &in, MOST, HOST_SAMPLE_HASH_BITS));
    }
    in = whole; /* where fewer are kept than were: as if it had always been so */
    assert_true(host_sample_load(&back, &in, MOST - 5, HOST_SAMPLE_HASH_BITS));
    assert_int_equal(back.count, MOST - 5);
    assert_true(back.below == s.hashes[MOST - 5]);
    host_sample_free(&back);
    host_sample_free(&s);
    strbuf_free(&b);
}

/* Of hashes of 48 bits the first 32 count: two machines may become one, and the limit moves down.
 */
static void longer_hashes(void **state)
{
    (void)state;
    struct host_sample s;
    struct strbuf b = STRBUF_INIT;
    const uint64_t hash[] = {0x000100020003, 0x000100020004, 0x000100030000, 0x000500000001};
    varint_add(&b, 4);
    varint_add(&b, 0x000500000002);
    for (unsigned i = 0; i < 4; i++) {
        varint_add(&b, hash[i] - (i ? hash[i - 1] : 0));
        varint_add(&b, 1u << i);
    }
    struct slice in = strbuf_slice(&b);
    assert_true(host_sample_load(&s, &in, MOST, 48));
    assert_int_equal(in.n, 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.below, 0x00050000);
    assert_int_equal(s.hashes[0], 0x00010002);
    assert_int_equal(host_sample_visits(&s)[0], 1 | 2);
    assert_int_equal(s.hashes[1], 0x00010003);
    host_sample_free(&s);
    in = strbuf_slice(&b);
    assert_false(host_sample_load(&s, &in, MOST, HOST_SAMPLE_HASH_BITS));
    strbuf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gathering_is_taking),
        cmocka_unit_test(many_are_gathered),
        cmocka_unit_test(no_machine_is_none),
        cmocka_unit_test(evidence_by_hand),
        cmocka_unit_test(large_pools),
        cmocka_unit_test(few_meet_many),
        cmocka_unit_test(kept),
        cmocka_unit_test(longer_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
