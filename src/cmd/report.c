/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge report: the figures of the store. */
#include "cmd/context.h"
#include "cmd/draft.h"
#include "cmd/verbs.h"
#include "observe/bulletin.h"
#include "out/report_json.h"

enum { REPORT_ARENA_BYTES = 256 * 1024 * 1024 };

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
        struct bulletin bulletin;
        enum err e = report_build(x.store, &query, arena, &report, &eb);
        if (e == OK && !command_flag(c, "sums")) {
            struct bulletin_query q = {.filter = query.filter,
                                       .network = x.geo ? context_host_network : NULL,
                                       .arg = x.geo,
                                       .annotations = &annotations};
            e = bulletin_build(x.store, &report, &q, arena, &bulletin, &eb);
            e = e == OK ? drafts_add(x.store, bulletin.new_mailers.lines,
                                     bulletin.new_mailers.count, arena, &eb)
                        : e;
            report.bulletin = &bulletin;
        }
        status = e == OK ? report_write(c, &report, format) : command_fail(c, e, &eb);
    }
    arena_free(arena);
    context_close(&x);
    return status;
}

static const struct option_spec REPORT_OPTIONS[] = {
    FILTER_OPTIONS,
    {"top", OPTION_NO_SHORT, "N", "Rows of each ranking; default: 10."},
    {"sums", OPTION_NO_SHORT, NULL,
     "Sums alone: without the volume index, changes and the estimates of hosts."},
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
            "the data can not say. Public events of the period, such as takedowns, stand with "
            "their sources. "
            "Figures come from rollups, so the time it takes does not depend on the number of "
            "messages. Days are UTC.",
    .options = REPORT_OPTIONS,
    .examples = REPORT_EXAMPLES,
    .run = report_run,
};
