/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "stat/random.h"

static void same_text_same_numbers(void **state)
{
    (void)state;
    gsl_rng *a = random_seeded(S("rustock 2010-10")), *b = random_seeded(S("rustock 2010-10"));
    gsl_rng *c = random_seeded(S("rustock 2010-11"));
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        unsigned long x = gsl_rng_get(a);
        assert_int_equal(x, gsl_rng_get(b));
        differs |= x != gsl_rng_get(c);
    }
    assert_true(differs);
    gsl_rng_free(a);
    gsl_rng_free(b);
    gsl_rng_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_text_same_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
