/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Golden values of R's surveillance 1.20.3, farringtonFlexible on salmonella.agona, weeks 282 to
 * 312 (METHODS C1 "Farrington / EARS" has the upper bounds; all were printed again from R 4.2.2,
 * with glm.control(epsilon = 1e-14): by its default of 1e-8 R stops up to 6e-6 short of the
 * bounds). The lower bounds are the reflected formulas, coded here a second time. */
#include "salmonella_agona.h"
#include "testing.h"

#include "stat/farrington.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>

enum { FIRST = 281, WEEKS = 31 }; /* week 282 of R */

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(16 * 1024 * 1024);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void near(const char *what, size_t i, double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fmax(fabs(want), 1e-9))) {
        fail_msg("%s of week %zu: %.10g, expected %.10g", what, i + 1, got, want);
    }
}

static struct farrington_options classic(void)
{
    return (struct farrington_options){.years = 4,
                                       .half_window = 3,
                                       .periods = 1,
                                       .weights_threshold = 1.0,
                                       .past_excluded = 3,
                                       .trend_p = .05,
                                       .alpha = .1,
                                       .method = FARRINGTON_DELTA,
                                       .enough_count = 5.0,
                                       .enough_weeks = 4};
}

static struct farrington at(const double *y, size_t now, const struct farrington_options *o)
{
    struct farrington f = {.expected = -1.0};
    enum err e = farrington_at(y, NULL, now, o, arena, &f);
    if (e != OK) {
        fail_msg("week %zu: %s", now, err_text(e));
    }
    return f;
}

static void test_delta(void **state)
{
    static const double UPPER[WEEKS] = {
        3.0225556109, 2.9317838854, 3.2607991577, 3.3716917499, 2.8100079328, 3.3737733698,
        3.0991190158, 2.4766835333, 2.7833867570, 3.1124803354, 4.0830686610, 5.8417256360,
        6.9686622593, 7.6665783043, 7.6281297982, 7.4774280719, 7.4223024892, 7.4850669191,
        7.3115468404, 4.8925020430, 3.9355967782, 4.0251639099, 3.9519094445, 3.1730018260,
        2.9604495704, 4.7165164760, 4.5178566495, 4.6154905694, 4.0228621001, 7.4559322050,
        11.2525735376};
    static const double EXPECTED[WEEKS] = {
        1.26218830299, 1.20943535531, 1.42813732605, 1.49638719245, 1.15107407034, 1.29644841498,
        1.00300290718, 0.79362474653, 0.98048396412, 1.00265446356, 1.53629306847, 2.64168909415,
        3.38573578018, 4.27603957355, 4.47000693879, 4.38660067813, 4.38586085530, 4.49722038148,
        4.08679724661, 2.53251890443, 1.81671190794, 1.75186345733, 1.68919230757, 1.26700882673,
        1.05891728348, 2.22318886311, 2.05142563627, 2.02483832965, 1.78406597023, 3.82583619665,
        6.68326969676};
    static const double PHI[WEEKS] = {
        1.0000000000, 1.0000000000, 1.0000000000, 1.0084935623, 1.0002650377, 1.3641732819,
        1.6763577218, 1.3650363062, 1.3160412321, 1.6942416624, 1.7202998881, 1.7022667220,
        1.7067191551, 1.3154235653, 1.1130844171, 1.0867257883, 1.0518959406, 1.0000000000,
        1.2455853032, 1.0051095554, 1.0779254214, 1.2520143159, 1.2744104275, 1.1608327032,
        1.3160792904, 1.2706030541, 1.3255083523, 1.4606542827, 1.2406281173, 1.3418926727,
        1.1704046161};
    /* METHODS C1, by R's own tolerance */
    static const double COARSE[WEEKS] = {
        3.022555740, 2.931784131, 3.260799158, 3.371691750, 2.810007933, 3.373773370, 3.099119174,
        2.476683549, 2.783386757, 3.112480414, 4.083068661, 5.841725636, 6.968662259, 7.666578304,
        7.628173447, 7.477470064, 7.422367424, 7.485071738, 7.311546840, 4.892502043, 3.935596778,
        4.025163910, 3.951909445, 3.173001904, 2.960450322, 4.716516663, 4.517857356, 4.615492303,
        4.022863352, 7.455937458, 11.252584842};
    static const char TREND[] = "1111111111111000000111111000011";
    static const char ALARM[] = "0111011101101100000000100000000";
    struct farrington_options o = classic();
    (void)state;
    for (size_t i = 0; i < WEEKS; i++) {
        struct farrington f = at(SALMONELLA, FIRST + i, &o);
        near("upper", i, f.upper, UPPER[i], 1e-7);
        near("upper", i, f.upper, COARSE[i], 1e-5);
        near("expected", i, f.expected, EXPECTED[i], 1e-7);
        near("phi", i, f.dispersion, PHI[i], 1e-7);
        assert_int_equal(f.has_trend, TREND[i] == '1');
        assert_int_equal(f.is_high, ALARM[i] == '1');
        /* The reflected tail: as far below the centre, after the power 2/3, as the upper is above.
         */
        double centre = pow(f.expected, 2.0 / 3.0), reach = pow(f.upper, 2.0 / 3.0) - centre;
        near("lower", i, f.lower, pow(fmax(centre - reach, 0.0), 1.5), 1e-9);
        assert_true(fabs(f.p_high + f.p_low - 1.0) < 1e-12);
        assert_true((f.p_high < .1) == (SALMONELLA[FIRST + i] > f.upper));
        assert_true((f.p_low < .1) == (SALMONELLA[FIRST + i] < f.lower));
    }
}

static void test_nb_plugin(void **state)
{
    static const double UPPER[WEEKS] = {3, 3, 4, 4, 5, 5, 5, 5, 6, 7, 7, 7, 8, 8, 8, 8,
                                        8, 8, 8, 8, 7, 7, 7, 6, 6, 5, 5, 5, 5, 5, 6};
    static const double EXPECTED[WEEKS] = {
        1.3809393198, 1.4372698798, 1.7238985603, 1.9727062223, 2.1096617289, 2.3216527959,
        2.4925259331, 2.6078484216, 3.1522729583, 3.5367045527, 3.4855871304, 3.9862276752,
        4.2604234419, 4.2667791822, 4.6988198608, 4.6405455157, 4.8522470552, 4.8991872981,
        4.7125898576, 4.5364467739, 4.0987984194, 4.0297289192, 3.7688425242, 3.1380987902,
        2.9788888197, 2.8384527730, 2.7301981800, 2.6890307361, 2.6563954310, 2.8269989967,
        3.2042579030};
    static const double PHI[WEEKS] = {
        1.5493931851, 1.4831825321, 1.4384510276, 1.4725095784, 1.5880201570, 1.5849583788,
        1.5455726918, 1.5267295261, 1.6195937178, 1.7236161301, 1.5804005814, 1.5314356946,
        1.4922778241, 1.4819829305, 1.4556572331, 1.5003666934, 1.4048518762, 1.3981178800,
        1.3663623422, 1.3205557224, 1.3239483718, 1.3560599324, 1.3539646571, 1.3048336810,
        1.3037080784, 1.3043089698, 1.3085803237, 1.2929207762, 1.2258108891, 1.2213571540,
        1.2728866023};
    static const char ALARM[] = "0111001000001000000000000000000";
    struct farrington_options o = FARRINGTON_IMPROVED;
    (void)state;
    o.years = 4;
    o.alpha = .1;
    for (size_t i = 0; i < WEEKS; i++) {
        double y = SALMONELLA[FIRST + i];
        struct farrington f = at(SALMONELLA, FIRST + i, &o);
        near("upper", i, f.upper, UPPER[i], 0.0);
        near("expected", i, f.expected, EXPECTED[i], 1e-7);
        near("phi", i, f.dispersion, PHI[i], 1e-7);
        assert_int_equal(f.is_high, ALARM[i] == '1');
        /* Tails by adding up the law. */
        double low = 0.0, n = f.expected / (f.dispersion - 1.0);
        unsigned quantile = 0;
        for (unsigned k = 0; k <= (unsigned)y; k++) {
            low += gsl_ran_negative_binomial_pdf(k, 1.0 / f.dispersion, n);
        }
        while (gsl_cdf_negative_binomial_P(quantile, 1.0 / f.dispersion, n) < .1) {
            quantile++;
        }
        near("p_low", i, f.p_low, low, 1e-9);
        near("p_high", i, f.p_high,
             1.0 - low + gsl_ran_negative_binomial_pdf((unsigned)y, 1.0 / f.dispersion, n), 1e-9);
        near("lower", i, f.lower, quantile, 0.0);
    }
}

/* The same golden run by delta with 10 periods: what the seasons and the error of the fit do. */
static void test_delta_seasons(void **state)
{
    static const double UPPER[WEEKS] = {
        3.6526270649, 3.6921956897, 4.1211272245, 4.5487591844, 4.8792188725, 5.2077874455,
        5.4316496729, 5.5876498639, 6.5031072058, 7.1912573136, 6.9458336258, 7.6037064856,
        7.9409081709, 7.9347414453, 8.5012103283, 8.4830735121, 8.6425040069, 8.6995792809,
        8.4004106111, 8.0966794879, 7.5026026823, 7.4516205073, 7.0859447389, 6.1297725967,
        5.9006856702, 5.6980758814, 5.5488438731, 5.4694449158, 5.3428564423, 5.5855199535,
        6.1921517295};
    struct farrington_options o = FARRINGTON_IMPROVED;
    (void)state;
    o.years = 4;
    o.alpha = .1;
    o.method = FARRINGTON_DELTA;
    for (size_t i = 0; i < WEEKS; i++) {
        near("upper", i, at(SALMONELLA, FIRST + i, &o).upper, UPPER[i], 1e-7);
    }
}

/* Half the exposure, half the bound; exposure the same for all changes nothing. */
static void test_exposure(void **state)
{
    static double y[SALMONELLA_WEEKS], up[SALMONELLA_WEEKS];
    struct farrington_options o = classic();
    struct farrington whole = at(SALMONELLA, 300, &o), f;
    (void)state;
    for (size_t i = 0; i < SALMONELLA_WEEKS; i++) {
        y[i] = SALMONELLA[i] * 100.0;
        up[i] = .25;
    }
    assert_int_equal(farrington_at(SALMONELLA, up, 300, &o, arena, &f), OK);
    near("upper", 300, f.upper, whole.upper, 1e-8);
    for (size_t i = 0; i < SALMONELLA_WEEKS; i++) {
        up[i] = i % 3 ? 1.0 : .5;
        y[i] *= up[i];
    }
    struct farrington part;
    up[300] = .5;
    assert_int_equal(farrington_at(y, up, 300, &o, arena, &part), OK);
    up[300] = 1.0;
    assert_int_equal(farrington_at(y, up, 300, &o, arena, &f), OK);
    near("expected", 300, part.expected, f.expected / 2.0, 1e-8);
}

/* A steady series that stops: the lower bound says so, with a tiny probability; great counts. */
static void test_drop(void **state)
{
    static double y[320];
    struct farrington_options o = FARRINGTON_IMPROVED;
    (void)state;
    for (int great = 0; great < 2; great++) {
        for (size_t i = 0; i < 320; i++) {
            y[i] = (1000.0 + (double)(i * 7919 % 101)) * (great ? 1e6 : 1.0);
        }
        struct farrington f = at(y, 319, &o);
        assert_false(f.is_low || f.is_high);
        y[319] *= .5;
        f = at(y, 319, &o);
        assert_true(f.is_low && !f.is_high && f.p_low < 1e-6);
        y[319] = 0.0;
        f = at(y, 319, &o);
        assert_true(f.is_low);
        y[319] = 3000.0 * (great ? 1e6 : 1.0);
        f = at(y, 319, &o);
        assert_true(f.is_high && !f.is_low && f.p_high < 1e-8);
    }
}

static void test_edges(void **state)
{
    static double y[SALMONELLA_WEEKS];
    struct farrington_options o = classic();
    struct farrington f;
    (void)state;
    memcpy(y, SALMONELLA, sizeof y);
    assert_int_equal(farrington_at(y, NULL, 4 * 52 + 2, &o, arena, &f), ERR_USAGE);
    assert_int_equal(farrington_at(y, NULL, 4 * 52 + 3, &o, arena, &f), OK);
    y[300] = (double)NAN;
    assert_int_equal(farrington_at(y, NULL, 300, &o, arena, &f), ERR_NOTFOUND);
    for (size_t i = 0; i < 300; i++) {
        y[i] = i < 240 ? (double)NAN : 3.0;
    }
    y[300] = 3.0;
    struct farrington got;
    o.past_excluded = 60;
    assert_int_equal(farrington_at(y, NULL, 300, &o, arena, &got), ERR_NOTFOUND);
    for (size_t i = 0; i < SALMONELLA_WEEKS; i++) {
        y[i] = 0.0; /* nothing ever: no alarm, no crash */
    }
    o.past_excluded = 3;
    enum err e = farrington_at(y, NULL, 300, &o, arena, &got);
    assert_true(e == ERR_UNSUPPORTED || (e == OK && !got.is_low && !got.is_high));
    o.periods = 50;
    assert_int_equal(farrington_at(y, NULL, 300, &o, arena, &got), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delta),         cmocka_unit_test(test_nb_plugin),
        cmocka_unit_test(test_delta_seasons), cmocka_unit_test(test_exposure),
        cmocka_unit_test(test_drop),          cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
