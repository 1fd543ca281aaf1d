/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions: a family speaks one dialect, as SD1 reads it, and relays speak theirs. */
#include "testing.h"

#include "core/strmap.h"
#include "print/sd1.h"
#include "simulate/simulate.h"

static struct simulation *world(uint64_t seed, bool is_live)
{
    struct simulate_options o = {.seed = seed,
                                 .messages = 500,
                                 .families = 20,
                                 .campaigns = 15,
                                 .days = 30,
                                 .mess = 0.6,
                                 .since = 1183248000,
                                 .trap = S("mx1"),
                                 .is_live = is_live};
    struct simulation *s;
    assert_int_equal(simulation_new(&o, &s, NULL), OK);
    return s;
}

/* Part c of SD1 (what is written) and how often each family wrote another one. */
static void test_dialects(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct strmap *first = strmap_new();
    char prints[64][SD1_TEXT_BYTES];
    size_t families = 0;
    for (uint64_t seed = 1; seed < 4; seed++) {
        struct simulation *s = world(seed, true);
        struct simulated m;
        strmap_clear(first);
        families = 0;
        while (simulation_next(s, &m) == OK) {
            struct sd1 d;
            bool is_new;
            arena_reset(arena);
            assert_non_null(m.session);
            assert_int_equal(sd1_make(&d, m.session, S(""), NULL, arena), OK);
            assert_int_equal(m.session->messages, 1);
            assert_true(id128_eq(m.session->head.session, m.message->head.session));
            assert_true(m.message->accepted_us / 1000000 >= m.received);
            if (strcmp(m.path, "direct") != 0) {
                assert_false(ip_eq(m.message->head.client, m.client));
                assert_string_equal(d.a, "EMUnS1001--0cQ");
                continue;
            }
            assert_true(ip_eq(m.message->head.client, m.client));
            assert_true(slice_eq(m.message->raw, m.raw));
            if (m.botnet.n == 0 || slice_eq(m.botnet, S("hacked-server"))) {
                continue;
            }
            uint64_t *at = strmap_put(first, m.mailer, &is_new);
            assert_non_null(at);
            if (is_new) {
                *at = families++;
                assert_true(families < 64);
                memcpy(prints[*at], d.c, sizeof d.c);
            }
            assert_string_equal(prints[*at], d.c);
        }
        size_t different = 0;
        for (size_t i = 0; i < families; i++) {
            bool is_alone = true;
            for (size_t k = 0; k < i; k++) {
                is_alone = is_alone && strcmp(prints[i], prints[k]) != 0;
            }
            different += is_alone;
        }
        assert_true(different >= families / 3 && families > 10);
        simulation_free(s);
    }
    strmap_free(first);
    arena_free(arena);
}

/* The trap that has sessions sees the same messages as the one that writes an mbox. */
static void test_same_world(void **state)
{
    (void)state;
    struct simulation *live = world(5, true), *file = world(5, false);
    struct simulated a, b;
    while (simulation_next(live, &a) == OK) {
        assert_int_equal(simulation_next(file, &b), OK);
        assert_null(b.session);
        assert_int_equal(a.received, b.received);
        assert_true(slice_eq(a.mailer, b.mailer) && slice_eq(a.campaign, b.campaign));
        assert_int_equal(slice_find(a.raw, S("by mx1.traphost.org")), SIZE_MAX);
    }
    assert_int_equal(simulation_next(file, &b), ERR_END);
    simulation_free(live);
    simulation_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_same_world),
    };
    return cmocka_run_group_tests_name("simulate/live", tests, NULL, NULL);
}
