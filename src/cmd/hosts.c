/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge hosts: how many machines. */
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "core/limits.h"
#include "out/hosts_out.h"

enum { HOSTS_ARENA_BYTES = 256 * 1024 * 1024 };

static int hosts_one(struct command *c, struct store *s, const struct hosts_query *q,
                     enum out_format format, struct arena *arena)
{
    struct hosts h;
    struct errbuf eb = {.text = ""};
    FILE *f;
    enum err e = hosts_build(s, q, arena, &h, &eb);
    if (e) {
        return command_fail(c, e, &eb);
    }
    int status = context_output(c, &f);
    if (status) {
        return status;
    }
    struct report_style style = context_style(f);
    bool ok = format == OUT_TEXT ? hosts_print_text(f, &h, &style) : hosts_print(f, format, &h);
    return context_output_end(c, f, ok);
}

static int hosts_two(struct command *c, struct store *s, const struct hosts_query *q,
                     int64_t before_since, int64_t before_until, enum out_format format,
                     struct arena *arena)
{
    struct hosts_change change;
    struct errbuf eb = {.text = ""};
    FILE *f;
    enum err e = hosts_compare(s, q, before_since, before_until, arena, &change, &eb);
    if (e) {
        return command_fail(c, e, &eb);
    }
    int status = context_output(c, &f);
    if (status) {
        return status;
    }
    struct report_style style = context_style(f);
    bool ok = format == OUT_TEXT ? hosts_change_print_text(f, &change, &style)
                                 : hosts_change_print(f, format, &change);
    return context_output_end(c, f, ok);
}

static int hosts_run(struct command *c)
{
    struct context x;
    struct hosts_query q = {.botnet = slice_cstr(command_value(c, "botnet", "")),
                            .program = slice_cstr(command_value(c, "program", ""))};
    int64_t before_since, before_until;
    enum out_format format;
    uint64_t rows = LIMIT_HOST_ROWS;
    if (c->argument_count) {
        return usage_error(c, "no argument is wanted");
    }
    if (!context_format(c, &format) || !context_filter(c, &q.filter) ||
        !context_window(c, "compare", &before_since, &before_until) ||
        !command_number(c, "rows", 1, LIMIT_HOST_ROWS_MAX, &rows)) {
        return EXIT_STATUS_USAGE;
    }
    q.rows_max = (size_t)rows;
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    status = status ? status : context_geo(&x);
    struct arena *arena = status ? NULL : arena_new(HOSTS_ARENA_BYTES);
    if (!status && !arena) {
        status = command_fail(c, ERR_NOMEM, NULL);
    }
    if (!status) {
        q.network = x.geo ? context_host_network : NULL;
        q.arg = x.geo;
        status = before_since != INT64_MIN
                     ? hosts_two(c, x.store, &q, before_since, before_until, format, arena)
                     : hosts_one(c, x.store, &q, format, arena);
    }
    arena_free(arena);
    context_close(&x);
    return status;
}

static const struct option_spec HOSTS_OPTIONS[] = {
    {"botnet", OPTION_NO_SHORT, "NAME", "Hosts of this botnet only; unknown: of none."},
    {"program", OPTION_NO_SHORT, "NAME",
     "Hosts that advertised this program, from message rows as far back as they are kept."},
    {"compare", OPTION_NO_SHORT, "SINCE..UNTIL",
     "With an earlier period, its last day in it, or a month: what changed, hosts or what each "
     "sends."},
    {"rows", OPTION_NO_SHORT, "N",
     "Message rows to look at for the busiest hour and for --program, newest first; default: "
     "1000000."},
    FILTER_OPTIONS,
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const HOSTS_EXAMPLES[] = {
    "spamgauge hosts --botnet rustock --since 2010-09-01 --until 2010-10-01",
    "A month: addresses, and the machines behind them.",
    "spamgauge hosts --since 2010-10-01 --until 2010-11-01 --compare 2010-09",
    "Fewer machines, or less from each?",
    NULL,
};

const struct verb VERB_HOSTS = {
    .name = "hosts",
    .arguments = "",
    .summary = "infected hosts: addresses, machines, what a change is made of",
    .text = "Distinct addresses by day, week and period, /24 networks and the busiest hour; the "
            "number of machines behind them, corrected for addresses that change and for machines "
            "that were not seen, with its interval; and what sites have in common "
            "(capture-recapture). With --compare the change of volume between two periods is split "
            "into hosts and what each sends. What the figures can not say stands below them.",
    .options = HOSTS_OPTIONS,
    .examples = HOSTS_EXAMPLES,
    .run = hosts_run,
};
