/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "cluster/host_sample.h"
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

/* Order, repeats and the way of merging change nothing. */
static void merging_is_taking(void **state)
{
    (void)state;
    struct host_sample whole, again, part[3];
    host_sample_init(&whole);
    host_sample_init(&again);
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
    assert_int_equal(host_sample_merge(&part[0], &part[1], MOST), OK);
    assert_int_equal(host_sample_merge(&part[2], &part[0], MOST), OK);
    assert_same(&whole, &part[2]);
    assert_int_equal(host_sample_merge(&again, &whole, MOST), OK);
    assert_int_equal(host_sample_merge(&again, &whole, MOST), OK);
    assert_same(&whole, &again);
    host_sample_free(&whole);
    host_sample_free(&again);
    for (unsigned i = 0; i < 3; i++) {
        host_sample_free(&part[i]);
    }
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
        cmocka_unit_test(merging_is_taking), cmocka_unit_test(no_machine_is_none),
        cmocka_unit_test(evidence_by_hand),  cmocka_unit_test(large_pools),
        cmocka_unit_test(few_meet_many),     cmocka_unit_test(kept),
        cmocka_unit_test(longer_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
