/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge explain: what fell. (rules explain is in rules_explain.c.) */
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "out/explain_out.h"

enum { EXPLAIN_ARENA_BYTES = 256 * 1024 * 1024 };

static int explain_write(const struct command *c, const struct explain *x, enum out_format format)
{
    FILE *f;
    int status = context_output(c, &f);
    if (status) {
        return status;
    }
    struct report_style style = context_style(f);
    bool ok = format == OUT_TEXT ? explain_print_text(f, x, &style) : explain_print(f, format, x);
    return context_output_end(c, f, ok);
}

static int explain_run(struct command *c)
{
    struct context x;
    struct explain_query q;
    struct explain explain;
    struct errbuf eb = {.text = ""};
    enum out_format format;
    if (c->argument_count) {
        return usage_error(c, "no argument is wanted");
    }
    if (!context_format(c, &format) || !context_filter(c, &q.filter) ||
        !context_window(c, "before", &q.before_since, &q.before_until)) {
        return EXIT_STATUS_USAGE;
    }
    if (q.filter.since == INT64_MIN) {
        return usage_error(c, "--since TIME is needed: where the window after begins");
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    struct arena *arena = status ? NULL : arena_new(EXPLAIN_ARENA_BYTES);
    if (!status && !arena) {
        status = command_fail(c, ERR_NOMEM, NULL);
    }
    if (!status) {
        enum err e = explain_build(x.store, &q, arena, &explain, &eb);
        status = e == OK ? explain_write(c, &explain, format) : command_fail(c, e, &eb);
    }
    arena_free(arena);
    context_close(&x);
    return status;
}

static const struct option_spec EXPLAIN_OPTIONS[] = {
    {"before", OPTION_NO_SHORT, "SINCE..UNTIL",
     "The window to compare with, its last day in it; or a month; default: as long a one right "
     "before."},
    FILTER_OPTIONS,
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EXPLAIN_EXAMPLES[] = {
    "spamgauge explain --since 2010-10-03 --until 2010-10-17",
    "Two weeks against the two before.",
    "spamgauge explain --since 2010-10-01 --until 2010-11-01 --before 2010-09",
    "October against September.",
    NULL,
};

const struct verb VERB_EXPLAIN = {
    .name = "explain",
    .arguments = "",
    .summary = "what fell: the change between two windows, split, with intervals",
    .text =
        "How much more or less came than in the window before, with its interval; which botnet, "
        "program, country and trap it is made of; which of these changed on its own (Shapley "
        "and LMDI); whether hosts became fewer or each sends less; and which shares rose only "
        "because others fell or because the mix of traps and countries changed. No split is "
        "given when the change itself is not certain. Only traps that watched in both windows "
        "are compared.",
    .options = EXPLAIN_OPTIONS,
    .examples = EXPLAIN_EXAMPLES,
    .run = explain_run,
};
