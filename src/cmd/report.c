/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge report and spamgauge message: what the store says. */
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "core/clock.h"
#include "out/message.h"
#include "out/report_json.h"

#include <stdlib.h>

enum { REPORT_ARENA_BYTES = 256 * 1024 * 1024, CANDIDATES_MAX = 10 };

/* ---- report ---- */

struct describe {
    const struct geo *geo;
    char text[200];
};

static struct slice value_describe(void *arg, enum dimension d, struct slice value)
{
    struct describe *describe = arg;
    uint64_t asn;
    if (d != DIMENSION_ASN || !slice_to_u64(value, &asn) || asn > UINT32_MAX) {
        return S("");
    }
    return slice_cstr(
        geo_as_name(describe->geo, (uint32_t)asn, describe->text, sizeof describe->text));
}

static int report_write(const struct command *c, const struct report *r, enum out_format format)
{
    FILE *f;
    int status = context_output(c, &f);
    if (status) {
        return status;
    }
    struct report_style style = context_style(f);
    bool ok = format == OUT_TEXT ? report_print_text(f, r, &style) : report_print(f, format, r);
    return context_output_end(c, f, ok);
}

static int report_run(struct command *c)
{
    struct context x;
    struct report_query query = {.top = 10};
    struct report report;
    struct errbuf eb = {.text = ""};
    enum out_format format;
    uint64_t top = 10;
    if (c->argument_count) {
        return usage_error(c, "no argument is wanted");
    }
    if (!context_format(c, &format) || !context_filter(c, &query.filter) ||
        !command_number(c, "top", 1, 1000, &top)) {
        return EXIT_STATUS_USAGE;
    }
    query.top = (size_t)top;
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    status = status ? status : context_geo(&x);
    if (status) {
        context_close(&x);
        return status;
    }
    struct describe describe = {.geo = x.geo};
    query.describe = value_describe;
    query.arg = &describe;
    struct arena *arena = arena_new(REPORT_ARENA_BYTES);
    struct annotations annotations = {.count = 0};
    query.annotations = &annotations;
    status =
        arena ? context_annotations(&x, arena, &annotations) : command_fail(c, ERR_NOMEM, NULL);
    if (!status) {
        enum err e = report_build(x.store, &query, arena, &report, &eb);
        status = e == OK ? report_write(c, &report, format) : command_fail(c, e, &eb);
    }
    arena_free(arena);
    context_close(&x);
    return status;
}

/* ---- message ---- */

struct candidates {
    struct id128 ids[CANDIDATES_MAX];
    size_t count;
};

static void candidate_add(void *arg, struct id128 id)
{
    struct candidates *all = arg;
    if (all->count < CANDIDATES_MAX) {
        all->ids[all->count++] = id;
    }
}

static struct slice title_find(void *arg, struct slice rule_id)
{
    const struct rules *rules = arg;
    for (size_t i = 0; rules && i < rules_count(rules); i++) {
        if (slice_eq(rules_info(rules, i)->id, rule_id)) {
            return rules_info(rules, i)->title;
        }
    }
    return S("");
}

/* The one id that begins as the user typed it. */
static int id_resolve(struct context *x, const struct command *c, const char *text,
                      struct id128 *out)
{
    struct candidates all = {.count = 0};
    struct errbuf eb = {.text = ""};
    char hex[33];
    enum err e = store_find(x->store, slice_cstr(text), CANDIDATES_MAX, candidate_add, &all, &eb);
    if (e != OK) {
        return command_fail(c, e, &eb);
    }
    if (all.count == 1) {
        *out = all.ids[0];
        return EXIT_STATUS_OK;
    }
    fprintf(stderr, "spamgauge message: %s: %s\n", text,
            all.count ? "several messages begin so:" : "no such message");
    for (size_t i = 0; i < all.count; i++) {
        id128_hex(all.ids[i], hex);
        fprintf(stderr, "  %s\n", hex);
    }
    return EXIT_STATUS_NEGATIVE;
}

static int message_write(struct context *x, const struct command *c, const struct message_row *row,
                         enum out_format format)
{
    FILE *f;
    struct rules *rules = rules_live_get(x->rules);
    struct message_names names = {.rule_title = title_find, .arg = rules};
    int status = context_output(c, &f);
    if (!status) {
        struct report_style style = context_style(f);
        bool ok = format == OUT_TEXT ? message_print_text(f, row, &names, &style)
                                     : message_print(f, format, row, &names);
        status = context_output_end(c, f, ok);
    }
    rules_unref(rules);
    return status;
}

/* Without an id: what there is to choose from. */
static void row_line(void *arg, const struct message_row *row)
{
    char hex[33], when[21];
    (void)arg;
    id128_hex(row->id, hex);
    time_rfc3339(row->received, when);
    printf("%s  %-20s  %-16.*s %.*s\n", hex, row->clock == CLOCK_NONE ? "-" : when,
           SLICE_ARG(row->trap), SLICE_ARG(row->botnet.name.n ? row->botnet.name : S("unknown")));
}

static int message_list(struct context *x, const struct command *c)
{
    struct store_filter filter;
    struct page_cursor cursor = {.is_set = false};
    struct errbuf eb = {.text = ""};
    uint64_t limit = 20;
    if (!context_filter(c, &filter) || !command_number(c, "limit", 1, 100000, &limit)) {
        return EXIT_STATUS_USAGE;
    }
    enum err e = store_page(x->store, &filter, &cursor, (size_t)limit, row_line, NULL, &eb);
    return e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
}

static int message_run(struct command *c)
{
    struct context x;
    struct message_row row;
    struct errbuf eb = {.text = ""};
    struct id128 id;
    enum out_format format;
    if (c->argument_count > 1) {
        return usage_error(c, "one id, please");
    }
    if (!context_format(c, &format)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    if (!status && !c->argument_count) {
        status = message_list(&x, c);
        context_close(&x);
        return status;
    }
    status = status ? status : context_rules(&x);
    status = status ? status : id_resolve(&x, c, c->arguments[0], &id);
    if (!status) {
        enum err e = store_message(x.store, id, &row, &eb);
        status = e == OK ? message_write(&x, c, &row, format) : command_fail(c, e, &eb);
    }
    context_close(&x);
    return status;
}

static const struct option_spec REPORT_OPTIONS[] = {
    FILTER_OPTIONS,
    {"top", OPTION_NO_SHORT, "N", "Rows of each ranking; default: 10."},
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const REPORT_EXAMPLES[] = {
    "spamgauge report",
    "Everything in the store.",
    "spamgauge report --since 2010-09-01 --until 2010-11-01 -f json -o october.json",
    "Two months, for a program.",
    NULL,
};

const struct verb VERB_REPORT = {
    .name = "report",
    .arguments = "",
    .summary = "the bulletin: volume, botnets, hosts, programs, networks, data quality",
    .text = "Volume by day in four units (messages, recipients, bytes, hosts); share and level by "
            "botnet, mailer, program, "
            "country and network; top hosts, networks and domains; the unattributed part; and what "
            "the data can not say. "
            "Figures come from rollups, so the time it takes does not depend on the number of "
            "messages. Days are UTC.",
    .options = REPORT_OPTIONS,
    .examples = REPORT_EXAMPLES,
    .run = report_run,
};

static const struct option_spec MESSAGE_OPTIONS[] = {
    FILTER_OPTIONS,
    {"limit", OPTION_NO_SHORT, "N", "How many to list when no id is given; default: 20."},
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

const struct verb VERB_MESSAGE = {
    .name = "message",
    .arguments = "[ID]",
    .summary = "one message with its evidence, redacted; without ID a list",
    .text = "Shows what is stored of a message: where it came from, its fingerprints, its labels "
            "with their probabilities and the "
            "rules behind them. ID may be cut short as long as one message begins so. Addresses "
            "are redacted.\n\n"
            "Without an ID it lists messages in the order of their receipt, with --since, --until, "
            "--trap and --site.",
    .options = MESSAGE_OPTIONS,
    .run = message_run,
};
