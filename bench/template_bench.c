/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Templates: microseconds to learn and to match a message, bytes of a template, shares of fresh
 * messages missed. */
#include "../tests/unit/cluster/template_mail.h"
#include "cluster/template.h"

#include <time.h>

static const struct planted GRAMMARS[][24] = {
    {{'a', 3},
     {'m', 1},
     {'a', 12},
     {'d', 10},
     {'a', 7},
     {'n', 5},
     {'a', 4},
     {'u', 1},
     {'a', 60},
     {'c', 2},
     {'a', 6},
     {'h', 8},
     {'a', 5},
     {'w', 6},
     {'a', 90}},
    {{'a', 30}, {'w', 200}, {'a', 20}},
    {{'a', 12}, {'p', 4}, {'a', 9}, {'p', 3}, {'a', 80}},
    {{'a', 2},
     {'d', 9},
     {'a', 2},
     {'w', 3},
     {'a', 2},
     {'n', 3},
     {'a', 2},
     {'w', 4},
     {'a', 2},
     {'h', 8},
     {'a', 2},
     {'d', 7},
     {'a', 2},
     {'w', 2},
     {'a', 2},
     {'w', 5},
     {'a', 2}},
};
enum { GRAMMAR_COUNT = sizeof GRAMMARS / sizeof *GRAMMARS, FRESH = 2000 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(void)
{
    struct message_words *all = malloc(TEMPLATE_LEARN * sizeof *all);
    if (!all) {
        return 1;
    }
    for (size_t g = 0; g < GRAMMAR_COUNT; g++) {
        struct dice d = {77 + g};
        struct template *t = template_new();
        double first = 0, rest = 0, match = 0;
        size_t missed = 0, words = 0;
        for (size_t i = 0; i < TEMPLATE_LEARN; i++) {
            mail_make(&all[i], GRAMMARS[g], g, &d);
            words += all[i].view.count;
            double start = seconds();
            if (template_learn(t, &all[i].view) != OK) {
                return 1;
            }
            *(i < 100 ? &first : &rest) += seconds() - start;
        }
        for (size_t i = 0; i < FRESH; i++) {
            mail_make(&all[0], GRAMMARS[g], g, &d);
            double start = seconds();
            missed += !template_matches(t, &all[0].view);
            match += seconds() - start;
        }
        printf("grammar %zu: %3zu words; learn %6.1f us (first 100), %4.1f us (then); match %4.1f "
               "us; %5zu bytes; missed %.2f %%\n",
               g, words / TEMPLATE_LEARN, first * 1e4, rest * 1e6 / 900, match * 1e6 / FRESH,
               template_bytes(t), 100.0 * (double)missed / FRESH);
        template_free(t);
    }
    free(all);
    return 0;
}
