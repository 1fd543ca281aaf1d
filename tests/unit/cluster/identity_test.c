/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "cluster/identity.h"

#include <stdlib.h>

enum { EVENTS_MAX = 4096, IDS_MAX = 65536, LEAST = 5 };

/* The journal as a caller keeps it: every id ever given, and what it leads to. */
struct journal {
    struct identity_event events[EVENTS_MAX];
    size_t count;
    uint32_t ids[IDS_MAX], leads_to[IDS_MAX];
    size_t id_count;
    bool refuse_first; /* says of each new id once that it is taken */
    uint32_t refused;
};

static struct journal journal;
static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (seed >> 33) % n;
}

static size_t id_index(uint32_t id)
{
    size_t i = 0;
    while (i < journal.id_count && journal.ids[i] != id) {
        i++;
    }
    return i;
}

static bool is_taken(void *arg, uint32_t id)
{
    (void)arg;
    if (journal.refuse_first && journal.refused == 0) {
        journal.refused = id;
    }
    return id_index(id) < journal.id_count || id == journal.refused;
}

static void on_event(void *arg, const struct identity_event *e)
{
    (void)arg;
    assert_true(journal.count < EVENTS_MAX);
    journal.events[journal.count++] = *e;
    assert_true(e->parts > 0);
    if (e->kind == CLUSTER_BORN) {
        assert_int_equal(id_index(e->cluster), journal.id_count); /* never reused */
        journal.ids[journal.id_count] = e->cluster;
        journal.leads_to[journal.id_count++] = 0;
    } else if (e->kind == CLUSTER_MERGED) {
        size_t at = id_index(e->cluster);
        assert_true(at < journal.id_count);
        assert_int_equal(journal.leads_to[at], 0); /* once */
        assert_true(e->other != 0 && e->other != e->cluster);
        journal.leads_to[at] = e->other;
    } else {
        assert_int_equal(e->kind, CLUSTER_SPLIT);
    }
}

static void start(void)
{
    memset(&journal, 0, sizeof journal);
}

static void update(struct identity_part *parts, size_t n)
{
    journal.count = 0;
    assert_int_equal(identity_update(parts, n, LEAST, is_taken, on_event, NULL), OK);
}

/* Keys far apart, as hashes are. */
static uint64_t key(uint64_t i)
{
    return (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static struct identity_part part(uint64_t i, uint64_t weight, uint32_t group)
{
    return (struct identity_part){.key = key(i), .weight = weight, .group = group};
}

static void test_born(void **state)
{
    (void)state;
    struct identity_part p[] = {part(0, 10, 0), part(1, 20, 0), part(2, LEAST, 2),
                                part(3, LEAST - 1, 3)};
    start();
    update(p, 4);
    assert_int_equal(p[0].cluster, key(1) >> 32); /* the heaviest part's */
    assert_int_equal(p[1].cluster, p[0].cluster);
    assert_int_equal(p[2].cluster, key(2) >> 32);
    assert_int_equal(p[3].cluster, 0);
    assert_int_equal(journal.count, 2);
    assert_int_equal(journal.events[0].messages, 30);
    assert_int_equal(journal.events[0].parts, 2);
    update(p, 4); /* again: nothing new */
    assert_int_equal(journal.count, 0);
    assert_int_equal(identity_update(p, 0, LEAST, is_taken, on_event, NULL), OK);
}

static void test_taken_id(void **state)
{
    (void)state;
    struct identity_part p[] = {part(0, 10, 0)};
    start();
    journal.refuse_first = true;
    update(p, 1);
    assert_int_equal(journal.refused, key(0) >> 32);
    assert_true(p[0].cluster && p[0].cluster != journal.refused);
}

static void test_merge_then_split(void **state)
{
    (void)state;
    struct identity_part p[] = {part(0, 10, 0), part(1, 8, 0), part(2, 30, 2), part(3, 2, 2)};
    start();
    update(p, 4);
    uint32_t small = p[0].cluster, large = p[2].cluster;
    p[0].group = p[1].group = p[2].group = p[3].group = 0;
    update(p, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(p[i].cluster, large);
    }
    assert_int_equal(journal.count, 1);
    assert_int_equal(journal.events[0].kind, CLUSTER_MERGED);
    assert_int_equal(journal.events[0].cluster, small);
    assert_int_equal(journal.events[0].other, large);
    assert_int_equal(journal.events[0].messages, 18);
    assert_int_equal(journal.events[0].parts, 2);
    p[2].group = p[3].group = 2;
    p[3].group = 3; /* too small for a cluster of its own */
    update(p, 4);
    assert_int_equal(p[2].cluster, large);
    assert_true(p[0].cluster && p[0].cluster != small && p[0].cluster != large);
    assert_int_equal(p[1].cluster, p[0].cluster);
    assert_int_equal(p[3].cluster, 0);
    assert_int_equal(journal.count, 3);
    assert_int_equal(journal.events[0].kind, CLUSTER_BORN);
    assert_int_equal(journal.events[1].kind, CLUSTER_SPLIT); /* to none */
    assert_int_equal(journal.events[1].other, 0);
    assert_int_equal(journal.events[2].other, p[0].cluster);
    assert_int_equal(journal.events[2].cluster, large);
}

/* The same mail twice, and new parts beside the old: no id changes. */
static void test_doubled(void **state)
{
    (void)state;
    enum { N = 300 };
    struct identity_part p[2 * N];
    uint32_t before[N];
    start();
    seed = 5;
    for (uint64_t i = 0; i < N; i++) {
        p[i] = part(i, 1 + random_below(100), (uint32_t)random_below(20));
    }
    update(p, N);
    for (uint64_t i = 0; i < N; i++) {
        before[i] = p[i].cluster;
        p[i].weight *= 2;
        p[N + i] = part(N + i, 1 + random_below(50), (uint32_t)random_below(40));
    }
    update(p, 2 * N);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(p[i].cluster, before[i]);
    }
    for (size_t i = 0; i < journal.count; i++) {
        assert_int_equal(journal.events[i].kind, CLUSTER_BORN);
    }
}

static void test_order(void **state)
{
    (void)state;
    enum { N = 200 };
    struct identity_part p[N], q[N];
    start();
    seed = 6;
    for (uint64_t i = 0; i < N; i++) { /* equal weights: many ties */
        p[i] = part(i, 1 + random_below(3), (uint32_t)random_below(30));
        p[i].cluster = (uint32_t)random_below(12);
        p[i].pin = random_below(8) ? 0 : (uint32_t)(1 + random_below(4));
    }
    for (size_t i = 0; i < N; i++) {
        q[i] = p[(i * 77 + 13) % N];
        q[i].group = 1000 - q[i].group; /* numbers of groups mean nothing */
    }
    update(p, N);
    update(q, N);
    for (size_t i = 0; i < N; i++) {
        /* ids that the first call gave are not given again: compare by who shares one */
        const struct identity_part *twin = &p[(i * 77 + 13) % N];
        for (size_t k = 0; k < i; k++) {
            const struct identity_part *other = &p[(k * 77 + 13) % N];
            assert_int_equal(q[i].cluster == q[k].cluster, twin->cluster == other->cluster);
        }
        assert_int_equal(q[i].cluster == 0, twin->cluster == 0);
        assert_true(twin->cluster > 12 || q[i].cluster == twin->cluster);
    }
}

static void test_pins(void **state)
{
    (void)state;
    struct identity_part p[] = {part(0, 10, 0), part(1, 8, 0), part(2, 30, 2), part(3, 9, 3)};
    start();
    update(p, 4);
    uint32_t a = p[0].cluster, b = p[2].cluster;
    /* joined by a person: a's parts are wanted in b, whatever the grouping says */
    p[0].pin = p[1].pin = b;
    update(p, 4);
    assert_int_equal(p[0].cluster, b);
    assert_int_equal(p[1].cluster, b);
    assert_int_equal(p[2].cluster, b);
    assert_int_equal(journal.count, 1);
    assert_int_equal(journal.events[0].kind, CLUSTER_MERGED);
    assert_int_equal(journal.events[0].cluster, a);
    /* what the grouping adds to them follows */
    p[3].group = 0;
    update(p, 4);
    assert_int_equal(p[3].cluster, b);
    /* but where they are the lesser part, the rest keeps its own way */
    p[3].weight = 100;
    p[3].group = 3;
    p[3].cluster = 0;
    update(p, 4);
    p[0].group = p[1].group = 3;
    update(p, 4);
    assert_int_equal(p[0].cluster, b);
    assert_true(p[3].cluster && p[3].cluster != b);
}

static uint32_t led_to(uint32_t id)
{
    for (size_t step = 0; step <= journal.id_count; step++) {
        size_t at = id_index(id);
        assert_true(at < journal.id_count);
        if (!journal.leads_to[at]) {
            return id;
        }
        id = journal.leads_to[at];
    }
    fail_msg("ids lead in a circle");
    return 0;
}

/* What moved is what was told, cluster by cluster. */
static void moves_check(const struct identity_part *before, const struct identity_part *after,
                        size_t n)
{
    uint64_t told = 0, moved = 0;
    for (size_t i = 0; i < journal.count; i++) {
        const struct identity_event *e = &journal.events[i];
        uint64_t messages = 0;
        if (e->kind == CLUSTER_BORN) {
            continue;
        }
        for (size_t k = 0; k < n; k++) {
            bool is_it = before[k].cluster == e->cluster && after[k].cluster == e->other;
            messages += is_it ? before[k].weight : 0;
        }
        assert_int_equal(messages, e->messages);
        told += messages;
    }
    for (size_t k = 0; k < n; k++) {
        bool has_left = before[k].cluster && before[k].cluster != after[k].cluster;
        moved += has_left ? before[k].weight : 0;
    }
    assert_int_equal(told, moved);
}

static void test_random_histories(void **state)
{
    (void)state;
    enum { N = 120, ROUNDS = 60 };
    for (uint64_t history = 0; history < 20; history++) {
        static struct identity_part p[N], before[N];
        size_t n = 20;
        seed = 100 + history;
        start();
        memset(p, 0, sizeof p);
        for (size_t round = 0; round < ROUNDS; round++) {
            for (; n < N && random_below(3); n++) {
                p[n] = (struct identity_part){.group = 0};
            }
            for (size_t i = 0; i < n; i++) {
                p[i].key = key(i);
                p[i].weight += random_below(4);
                p[i].group = random_below(10) && round ? p[i].group : (uint32_t)random_below(15);
            }
            if (journal.id_count && random_below(4) == 0) {
                p[random_below(n)].pin = led_to(journal.ids[random_below(journal.id_count)]);
            }
            for (size_t i = 0; i < n; i++) { /* as a caller does: a pin follows what it means */
                p[i].pin = p[i].pin ? led_to(p[i].pin) : 0;
            }
            memcpy(before, p, sizeof before);
            update(p, n);
            moves_check(before, p, n);
            for (size_t i = 0; i < n; i++) { /* in a living cluster, or in none */
                assert_true(!p[i].cluster || led_to(p[i].cluster) == p[i].cluster);
                assert_true(!p[i].pin || p[i].cluster == p[i].pin);
            }
            for (size_t i = 0; i < journal.id_count; i++) {
                led_to(journal.ids[i]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_born),
        cmocka_unit_test(test_taken_id),
        cmocka_unit_test(test_merge_then_split),
        cmocka_unit_test(test_doubled),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_random_histories),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
