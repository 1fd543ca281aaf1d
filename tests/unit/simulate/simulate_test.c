/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must hold of every simulated world, whatever the seed. */
#include "testing.h"

#include "core/arena.h"
#include "core/strmap.h"
#include "mail/received.h"
#include "mail/source.h"
#include "simulate/simulate.h"

#include <stdlib.h>

enum { MESSAGES = 400, ARENA_BYTES = 64 * 1024 * 1024 };

static struct simulation *world(uint64_t seed, unsigned families, unsigned campaigns, double mess)
{
    struct simulate_options o = {.seed = seed,
                                 .messages = MESSAGES,
                                 .families = families,
                                 .campaigns = campaigns,
                                 .days = 30,
                                 .mess = mess,
                                 .since = 1183248000,
                                 .trap = S("import")};
    struct simulation *s;
    assert_int_equal(simulation_new(&o, &s, NULL), OK);
    return s;
}

static void test_same_seed_same_bytes(void **state)
{
    (void)state;
    struct simulation *a = world(3, 12, 12, 0.5), *b = world(3, 12, 12, 0.5);
    struct simulation *other = world(4, 12, 12, 0.5);
    struct simulated x, y, z;
    size_t n = 0, equal = 0;
    while (simulation_next(a, &x) == OK) {
        assert_int_equal(simulation_next(b, &y), OK);
        assert_true(slice_eq(x.raw, y.raw) && id128_eq(x.id, y.id));
        assert_true(slice_eq(x.mailer, y.mailer) && slice_eq(x.campaign, y.campaign));
        assert_int_equal(simulation_next(other, &z), OK);
        equal += slice_eq(x.raw, z.raw);
        n++;
    }
    assert_int_equal(n, MESSAGES);
    assert_int_equal(equal, 0);
    assert_int_equal(simulation_next(b, &y), ERR_END);
    simulation_free(a);
    simulation_free(b);
    simulation_free(other);
}

/* Remembers all messages of a world by their bytes without what the trap's queue gave them. */
static size_t messages_common(struct simulation *a, struct simulation *b)
{
    struct strmap *seen = strmap_new();
    struct simulated m;
    size_t common = 0;
    assert_non_null(seen);
    while (simulation_next(a, &m) == OK) {
        assert_non_null(strmap_put(seen, m.raw, NULL));
    }
    while (simulation_next(b, &m) == OK) {
        common += strmap_get(seen, m.raw) != NULL;
    }
    strmap_free(seen);
    return common;
}

static void test_one_more_changes_no_other(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 4; seed++) {
        struct simulation *a = world(seed, 14, 10, 0.5), *b = world(seed, 14, 11, 0.5);
        /* a campaign more takes its share of messages from the others, whose bytes stay */
        size_t common = messages_common(a, b);
        assert_true(common > MESSAGES * 6 / 10);
        simulation_free(a);
        simulation_free(b);
    }
}

static void test_order_and_truth(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 6; seed++) {
        struct simulation *s = world(seed, 20, 20, 0.2 * (double)seed);
        struct simulated m;
        int64_t last = 0;
        size_t people = 0;
        while (simulation_next(s, &m) == OK) {
            assert_true(m.received >= last);
            last = m.received;
            assert_true(m.mailer.n && m.version >= 1 && m.client.b[15]);
            assert_int_equal(m.botnet.n == 0, m.campaign.n == 0);
            assert_true(m.label.n == 0 || m.botnet.n);
            assert_false(ip_is_special(m.client));
            assert_null(memchr(m.raw.p, '\0', m.raw.n));
            people += m.botnet.n == 0;
        }
        assert_in_range(people, MESSAGES * 3 / 100, MESSAGES * 7 / 100);
        simulation_free(s);
    }
}

/* What the chain says, once the relays are known, is what is true; and the id is an import's. */
static void test_read_back(void **state)
{
    (void)state;
    struct trust *t = trust_new();
    struct arena *arena = arena_new(ARENA_BYTES);
    static const char *const RELAYS[] = {"212.27.48.10", "193.99.144.80", "209.85.199.27",
                                         "140.211.166.4", "*.traphost.org"};
    for (size_t i = 0; i < sizeof RELAYS / sizeof *RELAYS; i++) {
        assert_int_equal(trust_add(t, slice_cstr(RELAYS[i]), NULL), OK);
    }
    for (uint64_t seed = 1; seed < 4; seed++) {
        struct simulation *s = world(seed, 20, 20, 0.8);
        struct simulated m;
        size_t multiparts = 0;
        while (simulation_next(s, &m) == OK) {
            struct mail mail;
            struct chain chain;
            arena_reset(arena);
            assert_int_equal(mail_parse(&mail, m.raw, arena), OK);
            assert_int_equal(chain_build(&chain, &mail, t, m.received + 86400, arena), OK);
            assert_true(chain.has_client && ip_eq(chain.client, m.client));
            assert_int_equal(chain.time, m.received);
            assert_true(id128_eq(message_id(S("import"), chain.arrival, m.raw, m.raw.n), m.id));
            for (size_t i = 0; i < mail.part_count; i++) {
                struct part *p = &mail.parts[i];
                if (part_is_multipart(p)) {
                    multiparts++;
                    assert_true(i + 1 < mail.part_count && mail.parts[i + 1].parent == (int)i);
                }
            }
        }
        assert_true(multiparts > MESSAGES / 20);
        simulation_free(s);
    }
    trust_free(t);
    arena_free(arena);
}

static void test_options(void **state)
{
    (void)state;
    struct simulate_options o = {
        .seed = 1, .messages = 1, .families = 1, .campaigns = 1, .days = 1, .trap = S("x")};
    struct simulation *s;
    struct simulated m;
    struct errbuf eb;
    assert_int_equal(simulation_new(&o, &s, &eb), OK);
    assert_int_equal(simulation_next(s, &m), OK);
    assert_int_equal(simulation_next(s, &m), ERR_END);
    simulation_free(s);
    struct simulate_options bad[] = {o, o, o, o, o, o};
    bad[0].families = 0;
    bad[1].families = SIMULATE_FAMILIES_MAX + 1;
    bad[2].campaigns = SIMULATE_CAMPAIGNS_MAX + 1;
    bad[3].days = SIMULATE_DAYS_MAX + 1;
    bad[4].messages = (uint64_t)SIMULATE_MESSAGES_MAX + 1;
    bad[5].mess = 1.01;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(simulation_new(&bad[i], &s, &eb), ERR_USAGE);
    }
    o.families = SIMULATE_FAMILIES_MAX;
    o.campaigns = SIMULATE_CAMPAIGNS_MAX;
    o.days = SIMULATE_DAYS_MAX;
    o.mess = 1;
    assert_int_equal(simulation_new(&o, &s, &eb), OK);
    simulation_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_one_more_changes_no_other),
        cmocka_unit_test(test_order_and_truth),
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests_name("simulate/simulate", tests, NULL, NULL);
}
