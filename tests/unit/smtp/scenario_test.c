/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All scenarios against the bare machine, whole, byte by byte and in random pieces. With
 * SCENARIO_UPDATE=1 the expected parts are written anew: read the difference before you keep it. */
#include "scenario.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILES = 32, SEEDS = 3 };

static void replay(const struct scenario *s, struct strbuf *recorded)
{
    scenario_play(s, 0, 0, recorded);
    for (int i = 0; i <= SEEDS; i++) {
        struct strbuf again = STRBUF_INIT;
        scenario_play(s, i == 0 ? 1 : -1, (unsigned)i, &again);
        if (!slice_eq(strbuf_slice(recorded), strbuf_slice(&again))) {
            fail_msg("%.*s: pieces change it:\n%.*s\nwhole:\n%.*s", SLICE_ARG(s->name),
                     SLICE_ARG(strbuf_slice(&again)), SLICE_ARG(strbuf_slice(recorded)));
        }
        strbuf_free(&again);
    }
}

static void update(const char *name, struct slice text)
{
    struct strbuf out = STRBUF_INIT;
    struct scenario s;
    char path[512];
    const char *from = text.p;
    while (scenario_next(&text, &s)) {
        struct strbuf recorded = STRBUF_INIT;
        replay(&s, &recorded);
        strbuf_add(&out, slice_span(from, s.script.p + s.script.n));
        strbuf_add(&out, S("---\n"));
        strbuf_add(&out, strbuf_slice(&recorded));
        if (text.n > 0) {
            strbuf_add(&out, S("\n"));
        }
        from = text.n ? text.p : NULL;
        strbuf_free(&recorded);
        scenario_free(&s);
    }
    snprintf(path, sizeof path, "%s/tests/scenario/%s", getenv("SOURCE_ROOT"), name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(out.p, 1, out.n, f), out.n);
    fclose(f);
    strbuf_free(&out);
}

static void scenarios_play(void **state)
{
    (void)state;
    static struct slice texts[FILES];
    static char names[FILES][64];
    size_t files = scenario_files(texts, names, FILES), count = 0;
    for (size_t i = 0; i < files; i++) {
        struct slice text = texts[i];
        struct scenario s;
        if (getenv("SCENARIO_UPDATE")) {
            update(names[i], text);
            continue;
        }
        while (scenario_next(&text, &s)) {
            struct strbuf recorded = STRBUF_INIT;
            replay(&s, &recorded);
            struct slice want = slice_trim(s.expected), got = slice_trim(strbuf_slice(&recorded));
            if (!slice_eq(want, got)) {
                fail_msg("%s: %.*s\nwanted:\n%.*s\ngot:\n%.*s", names[i], SLICE_ARG(s.name),
                         SLICE_ARG(want), SLICE_ARG(got));
            }
            strbuf_free(&recorded);
            scenario_free(&s);
            count++;
        }
    }
    assert_true(getenv("SCENARIO_UPDATE") || count >= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios_play),
    };
    return cmocka_run_group_tests_name("smtp_scenario", tests, NULL, NULL);
}
