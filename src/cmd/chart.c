/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge chart: pictures of the report's figures. */
#include "cmd/chart.h"

#include "cmd/context.h"
#include "cmd/subject.h"
#include "cmd/verbs.h"

enum { CHART_ARENA_BYTES = 256 * 1024 * 1024 };

static bool word_option(const struct command *c, const char *name, bool ok)
{
    if (!ok) {
        usage_error(c, "--%s %s: see --help for what there is", name, command_value(c, name, ""));
    }
    return ok;
}

bool chart_size_read(const struct command *c, struct chart_options *o)
{
    uint64_t width = 0, height = 0;
    const char *image = command_value(c, "format", NULL), *unit = command_value(c, "unit", NULL);
    *o = (struct chart_options){.path = command_value(c, "output", NULL),
                                .is_log = command_flag(c, "log")};
    if (!o->path) {
        usage_error(c, "where to? -o chart.svg or -o chart.png");
        return false;
    }
    if (!word_option(c, "format", !image || chart_image_parse(slice_cstr(image), &o->image)) ||
        !word_option(c, "unit", !unit || unit_parse(slice_cstr(unit), &o->unit)) ||
        !command_number(c, "width", CHART_WIDTH_MIN, CHART_SIDE_MAX, &width) ||
        !command_number(c, "height", CHART_HEIGHT_MIN, CHART_SIDE_MAX, &height)) {
        return false;
    }
    o->width = (unsigned)width;
    o->height = (unsigned)height;
    return true;
}

/* What volume and share know besides; what only the others know is refused. */
static bool chart_options_read(const struct command *c, struct chart_options *o)
{
    static const char *const OF_SERIES[] = {"botnet",  "program",  "mailer",
                                            "country", "campaign", "generation",
                                            "weight",  "robust",   "base"};
    const char *step = command_value(c, "step", NULL);
    const char *kind = c->argument_count ? c->arguments[0] : "volume";
    for (size_t i = 0; i < sizeof OF_SERIES / sizeof *OF_SERIES; i++) {
        if (command_value(c, OF_SERIES[i], NULL) || command_flag(c, OF_SERIES[i])) {
            usage_error(c, "--%s goes with chart index and chart level", OF_SERIES[i]);
            return false;
        }
    }
    if (!chart_size_read(c, o)) {
        return false;
    }
    if (!chart_kind_parse(slice_cstr(kind), &o->kind)) {
        usage_error(c, "%s: volume, share, index or level, please", kind);
        return false;
    }
    return word_option(c, "step", !step || volume_step_parse(slice_cstr(step), &o->step));
}

static enum err chart_make(const struct command *c, const struct report *r,
                           const struct chart_options *o, struct errbuf *eb)
{
    if (!command_flag(c, "script")) {
        return chart_draw(r, o, eb);
    }
    struct strbuf script = STRBUF_INIT;
    enum err e = chart_script(r, o, &script, eb);
    if (e == OK) {
        fwrite(script.p, 1, script.n, stdout);
    }
    strbuf_free(&script);
    return e;
}

static int chart_run(struct command *c)
{
    struct context x;
    struct chart_options options;
    struct report_query query = {.top = 10};
    struct report report;
    struct errbuf eb = {.text = ""};
    if (c->argument_count > 1) {
        return usage_error(c, "one kind of chart, please");
    }
    if (c->argument_count && chart_is_of_series(c->arguments[0])) {
        return chart_series_run(c);
    }
    if (!chart_options_read(c, &options) || !context_filter(c, &query.filter)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    if (!status) {
        struct arena *arena = arena_new(CHART_ARENA_BYTES);
        struct annotations annotations = {.count = 0};
        enum err e = arena ? OK : ERR_NOMEM;
        if (e == OK && !command_flag(c, "no-events")) {
            status = context_annotations(&x, arena, &annotations);
            query.annotations = &annotations;
        }
        if (!status) {
            e = e == OK ? report_build(x.store, &query, arena, &report, &eb) : e;
            e = e == OK ? chart_make(c, &report, &options, &eb) : e;
            status = e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
        }
        arena_free(arena);
    }
    context_close(&x);
    return status;
}

static const struct option_spec OPTIONS[] = {
    FILTER_OPTIONS,
    {"output", 'o', "PATH",
     "The picture; .svg or .png tells the format. - is standard output, then --format is needed."},
    {"format", 'f', "FORMAT", "svg or png."},
    {"unit", OPTION_NO_SHORT, "UNIT", "messages (default), recipients, bytes or hosts."},
    {"step", OPTION_NO_SHORT, "STEP",
     "day, week, month or year (index and level: hour, day, week, month); default: the finest that "
     "can be seen."},
    SUBJECT_OPTIONS,
    {"weight", OPTION_NO_SHORT, "BY", "index: mail (default) or trap: how much a trap weighs."},
    {"robust", OPTION_NO_SHORT, NULL, "index: a trap gone wild for a while weighs less."},
    {"base", OPTION_NO_SHORT, "PERIOD",
     "index: the day, month or SINCE..UNTIL that is 100; default: the first 28 days, at most the "
     "first half."},
    {"log", OPTION_NO_SHORT, NULL, "Logarithmic volume axis."},
    {"width", OPTION_NO_SHORT, "PIXELS", "Default: 960."},
    {"height", OPTION_NO_SHORT, "PIXELS", "Default: 480, and the list of events."},
    {"no-events", OPTION_NO_SHORT, NULL,
     "Without the dated events of the annotation files (see spamgauge check --help-config)."},
    {"no-changes", OPTION_NO_SHORT, NULL,
     "index, level: without the bands of changes of level (see spamgauge changes), which there are "
     "of all spam and of one of today's labels."},
    {"script", OPTION_NO_SHORT, NULL, "Prints the gnuplot script instead of drawing."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EXAMPLES[] = {
    "spamgauge chart volume -o volume.svg",
    "Volume over the whole store.",
    "spamgauge chart share --since 2010-09-01 --until 2010-11-01 -o share.png",
    "Botnet shares of two months.",
    "spamgauge chart index --base 2010-09 -o index.svg",
    "The volume index with its 95 % interval.",
    "spamgauge chart index --botnet rustock --botnet cutwail --step week -o two.svg",
    "Two botnets in one picture.",
    "spamgauge chart level --campaign campaign-0123abcd -o campaign.svg",
    "One campaign, whoever sent it; bands of changes are of labels only.",
    NULL,
};

const struct verb VERB_CHART = {
    .name = "chart",
    .arguments = "[volume|share|index|level]",
    .summary = "draws volume, botnet shares, the volume index or levels as SVG or PNG",
    .text = "Draws with gnuplot. volume: one unit over time, with the part that has no botnet "
            "label; share: the botnets stacked to "
            "100 %, the unknown part always shown. A share rises also when others fall: look at "
            "the volume beside it. index: the volume index, which traps that are new or out do not "
            "move, with its 95 % interval, of all spam or of up to seven labels, mailers or "
            "campaigns; level: what the "
            "whole network would have counted. Where nobody watched there is a grey gap. Public "
            "events of the period, such as takedowns, are numbered "
            "lines with a list under the plot.",
    .options = OPTIONS,
    .examples = EXAMPLES,
    .run = chart_run,
};
