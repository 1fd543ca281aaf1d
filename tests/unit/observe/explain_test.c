/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes with known parts, in stores with known counts. */
#include "count_scratch.h"

#include "observe/explain.h"

#include <math.h>

enum { DAYS = 28, FALL = 14, TRAPS = 6 };

/* Messages of a trap, botnet and day; what a test plants. */
typedef double (*volume_fn)(size_t trap, size_t botnet, int64_t day);

static const char *const TRAP_NAMES[TRAPS] = {"a1", "a2", "b1", "b2", "c1", "c2"};
static const char *const SITE_NAMES[TRAPS] = {"a", "a", "b", "b", "c", "c"};
static const char *const BOTNETS[] = {"rustock", "cutwail", "lethic", ""};
static const char *const COUNTRIES[] = {"US", "IN", "BR"};

static struct store *store_make(volume_fn volume)
{
    struct count_store *c = scratch_begin();
    for (int64_t day = 0; day < DAYS; day++) {
        for (size_t t = 0; t < TRAPS; t++) {
            for (size_t b = 0; b < 4; b++) {
                for (size_t k = 0; k < 3; k++) {
                    /* days differ a little, without chance */
                    double wobble =
                        1 + 0.01 * (double)((day * 5 + (int64_t)(t * 3 + b + k)) % 7 - 3);
                    struct count_cell cell = {
                        .from = at(day),
                        .until = at(day + 1),
                        .trap = TRAP_NAMES[t],
                        .site = SITE_NAMES[t],
                        .botnet = BOTNETS[b],
                        .program = b == 0 ? "glavmed" : "",
                        .country = COUNTRIES[k],
                        .messages = (uint32_t)lround(volume(t, b, day) * wobble / 3),
                        .hosts = 5,
                    };
                    if (cell.messages) {
                        count_store_add(c, &cell);
                    }
                }
            }
        }
    }
    count_store_close(c);
    return scratch_open(STORE_READ);
}

static struct explain build(struct store *s)
{
    struct explain_query q = {.filter = {at(FALL), at(DAYS), {NULL, 0}, {NULL, 0}},
                              .before_since = INT64_MIN,
                              .before_until = INT64_MIN};
    struct explain x;
    struct errbuf eb = {0};
    enum err e = explain_build(s, &q, arena, &x, &eb);
    if (e) {
        fail_msg("%s: %s", err_name(e), eb.text);
    }
    return x;
}

static const struct explain_part *part_of(const struct explain *x, enum explain_dimension d,
                                          const char *name)
{
    for (size_t i = 0; i < x->tables[d].count; i++) {
        if (slice_eq(x->tables[d].parts[i].name, slice_cstr(name))) {
            return &x->tables[d].parts[i];
        }
    }
    fail_msg("no %s", name);
    return NULL;
}

static void assert_near(double got, double want, double off)
{
    if (!(fabs(got - want) <= off)) {
        fail_msg("%.6g, not %.6g", got, want);
    }
}

static const double SIZES[] = {120, 60, 30, 30};

static double rustock_falls(size_t trap, size_t botnet, int64_t day)
{
    return SIZES[botnet] * (1 + 0.5 * (double)trap) * (botnet == 0 && day >= FALL ? 0.5 : 1);
}

static void one_botnet(void **state)
{
    (void)state;
    struct store *s = store_make(rustock_falls);
    struct explain x = build(s);
    assert_int_equal(x.before_since, at(0));
    assert_int_equal(x.traps, 6);
    assert_int_equal(x.sites, 3);
    assert_true(x.has_interval && x.is_certain);
    assert_near(x.total.ratio.value, 0.75, 0.01); /* rustock is half of 240 */
    assert_true(x.total.ratio.low < x.total.ratio.value &&
                x.total.ratio.value < x.total.ratio.high);
    const struct explain_part *rustock = part_of(&x, EXPLAIN_BOTNET, "rustock");
    assert_ptr_equal(rustock, &x.tables[EXPLAIN_BOTNET].parts[0]);
    assert_near(rustock->ratio.value, 0.5, 0.01);
    assert_near(rustock->part.value, 1, 0.02);
    assert_true(rustock->part.low > 0.9 && rustock->part.high < 1.1);
    const struct explain_part *lethic = part_of(&x, EXPLAIN_BOTNET, "lethic");
    assert_true(lethic->is_share_only && lethic->share_after > lethic->share_before);
    assert_false(rustock->is_share_only);
    for (size_t d = 0; d < EXPLAIN_DIMENSIONS; d++) { /* additive */
        double change = 0, parts = 0;
        for (size_t i = 0; i < x.tables[d].count; i++) {
            change += x.tables[d].parts[i].change.value;
            parts += x.tables[d].parts[i].part.value;
            assert_near(x.tables[d].parts[i].mix.rate + x.tables[d].parts[i].mix.mix,
                        x.tables[d].parts[i].mix.crude, 1e-12);
            assert_false(x.tables[d].parts[i].is_mix);
        }
        assert_near(change, x.total.change.value, 1e-6);
        assert_near(parts, 1, 1e-9);
    }
    double shapley = 0, lmdi = 0;
    for (size_t k = 0; k < EXPLAIN_FACTORS; k++) {
        shapley += x.shapley[k].value;
        lmdi += x.lmdi[k].value;
    }
    assert_near(shapley, x.total.change.value, 1e-4);
    assert_near(lmdi, x.total.change.value, 1e-4);
    /* botnet and program fall together; traps, countries, all in common do not */
    assert_near((x.shapley[EXPLAIN_BOTNET].value + x.shapley[EXPLAIN_PROGRAM].value) /
                    x.total.change.value,
                1, 0.03);
    /* five hosts a cell throughout: less from each */
    assert_near(rustock->hosts_after, rustock->hosts_before, 1e-9);
    assert_near(rustock->by_hosts, 0, 1e-9);
    assert_near(rustock->by_rate, rustock->change.value, 1e-6);
    /* the same store, the same numbers */
    struct explain again = build(s);
    assert_memory_equal(&again.total, &x.total, sizeof x.total);
    assert_memory_equal(again.shapley, x.shapley, sizeof x.shapley);
    store_close(s);
}

static double nothing_falls(size_t trap, size_t botnet, int64_t day)
{
    return SIZES[botnet] * (1 + 0.5 * (double)trap) * (1 + 0.2 * (double)(day % 4 == 1));
}

static void not_certain(void **state)
{
    (void)state;
    struct store *s = store_make(nothing_falls);
    struct explain x = build(s);
    assert_true(x.has_interval);
    assert_false(x.is_certain);
    for (size_t d = 0; d < EXPLAIN_DIMENSIONS; d++) {
        for (size_t i = 0; i < x.tables[d].count; i++) {
            assert_true(isnan(x.tables[d].parts[i].part.value));
        }
    }
    store_close(s);
}

static double all_fall(size_t trap, size_t botnet, int64_t day)
{
    return SIZES[botnet] * (1 + 0.5 * (double)trap) * (day >= FALL ? 0.7 : 1);
}

static void all_in_common(void **state)
{
    (void)state;
    struct store *s = store_make(all_fall);
    struct explain x = build(s);
    assert_near(x.level, 0.7, 0.02);
    assert_near(x.shapley[EXPLAIN_DIMENSIONS].value / x.total.change.value, 1, 0.1);
    store_close(s);
}

/* Trap c2 is down for most of the window after: what it would have seen is missing, not zero. */
static double one_trap_down(size_t trap, size_t botnet, int64_t day)
{
    return trap == 5 && day >= FALL + 1 ? 0 : SIZES[botnet] * (1 + 0.5 * (double)trap);
}

static void outage_is_left_out(void **state)
{
    (void)state;
    struct store *s = store_make(one_trap_down);
    struct explain x = build(s);
    assert_int_equal(x.traps, 5);
    assert_int_equal(x.traps_left_out, 1);
    assert_near(x.total.ratio.value, 1, 0.01);
    assert_false(x.is_certain);
    assert_true(isnan(x.total.hosts_before));
    store_close(s);
}

/* Mail moves from a trap of which Rustock is a tenth to one of which it is nine tenths. */
static double mix_moves(size_t trap, size_t botnet, int64_t day)
{
    double size = trap == 0 ? 300 : trap == 2 ? 100 : 0;
    double part = botnet > 1 ? 0 : (trap == 0) == (botnet == 0) ? 0.1 : 0.9;
    double moved = day < FALL ? 1 : trap == 0 ? 0.4 : 2.4;
    return size * part * moved;
}

static void simpson(void **state)
{
    (void)state;
    struct store *s = store_make(mix_moves);
    struct explain x = build(s);
    const struct explain_part *rustock = part_of(&x, EXPLAIN_BOTNET, "rustock");
    assert_true(rustock->is_mix);
    assert_true(rustock->mix.crude > 0.2);
    assert_near(rustock->mix.standardised, 0, 0.01);
    assert_near(rustock->mix.mix, rustock->mix.crude, 0.01);
    store_close(s);
}

static void wrong_windows(void **state)
{
    (void)state;
    struct store *s = store_make(rustock_falls);
    static const struct {
        int64_t since, until, before_since, before_until;
        enum err e;
    } CASES[] = {
        {14, 14, 0, 14, ERR_USAGE},   {14, 28, 10, 15, ERR_USAGE},    {14, 28, 10, 10, ERR_USAGE},
        {14, 1100, 0, 14, ERR_LIMIT}, {40, 50, 30, 40, ERR_NOTFOUND},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct explain_query q = {
            .filter = {at(CASES[i].since), at(CASES[i].until), {NULL, 0}, {NULL, 0}},
            .before_since = at(CASES[i].before_since),
            .before_until = at(CASES[i].before_until)};
        struct explain x;
        struct errbuf eb = {0};
        assert_int_equal(explain_build(s, &q, arena, &x, &eb), CASES[i].e);
        assert_true(eb.text[0]);
    }
    /* two days: no interval, so nothing is split */
    struct explain_query q = {.filter = {at(14), at(16), {NULL, 0}, {NULL, 0}},
                              .before_since = INT64_MIN,
                              .before_until = INT64_MIN};
    struct explain x;
    struct errbuf eb = {0};
    assert_int_equal(explain_build(s, &q, arena, &x, &eb), OK);
    assert_false(x.has_interval || x.is_certain);
    assert_near(x.total.ratio.value, 0.75, 0.05);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_botnet),    cmocka_unit_test(not_certain),
        cmocka_unit_test(all_in_common), cmocka_unit_test(outage_is_left_out),
        cmocka_unit_test(simpson),       cmocka_unit_test(wrong_windows),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
