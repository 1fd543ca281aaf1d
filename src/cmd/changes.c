/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge changes: what fell and rose, when, by how much, where. */
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "out/change_out.h"
#include "out/chart.h"

#include <math.h>
#include <stdlib.h>

enum { CHANGES_ARENA_BYTES = 512 * 1024 * 1024 };
static const double LEAST = 0.1;

static const enum dimension BY_DAY[] = {DIMENSION_TOTAL,   DIMENSION_BOTNET,  DIMENSION_MAILER,
                                        DIMENSION_PROGRAM, DIMENSION_COUNTRY, DIMENSION_SITE,
                                        DIMENSION_TRAP};
static const enum dimension BY_HOUR[] = {DIMENSION_TOTAL,   DIMENSION_BOTNET, DIMENSION_PROGRAM,
                                         DIMENSION_COUNTRY, DIMENSION_SITE,   DIMENSION_TRAP};

/* "10%", "10 %", "10": per cent. */
static bool percent_parse(const char *text, double *out)
{
    char *end;
    double v = strtod(text, &end);
    while (*end == ' ') {
        end++;
    }
    end += *end == '%';
    if (end == text || *end || !(v >= 0) || v >= 1000) {
        return false;
    }
    *out = v / 100;
    return true;
}

static bool dimensions_read(const struct command *c, struct change_query *q,
                            enum dimension out[DIMENSION_COUNT])
{
    static const enum dimension LABELS[] = {DIMENSION_BOTNET, DIMENSION_PROGRAM, DIMENSION_MAILER,
                                            DIMENSION_COUNTRY};
    const char *name;
    size_t n = 0;
    for (size_t i = 0; (name = command_value_at(c, "dimension", i)) != NULL; i++) {
        enum dimension d = dimension_by_name(slice_cstr(name));
        bool is_known = false;
        for (size_t k = 0; k < sizeof BY_DAY / sizeof *BY_DAY; k++) {
            is_known |= BY_DAY[k] == d;
        }
        if (!is_known || n == DIMENSION_COUNT) {
            usage_error(c, "--dimension %s: total, botnet, mailer, program, country, site or trap",
                        name);
            return false;
        }
        out[n++] = d;
    }
    for (size_t k = 0; k < sizeof LABELS / sizeof *LABELS; k++) {
        name = command_value(c, dimension_name(LABELS[k]), NULL);
        if (name && n) {
            usage_error(c, "--%s: one label, without --dimension", dimension_name(LABELS[k]));
            return false;
        }
        if (name) {
            q->value = slice_cstr(name);
            out[n++] = LABELS[k];
        }
    }
    q->dimensions = n ? out : q->bucket == BUCKET_HOUR ? BY_HOUR : BY_DAY;
    q->dimension_count = n                          ? n
                         : q->bucket == BUCKET_HOUR ? sizeof BY_HOUR / sizeof *BY_HOUR
                                                    : sizeof BY_DAY / sizeof *BY_DAY;
    return true;
}

static bool word_is(const struct command *c, const char *option, const char *value, const char *a,
                    const char *b)
{
    if (strcmp(value, a) != 0 && strcmp(value, b) != 0) {
        usage_error(c, "--%s %s: %s or %s", option, value, a, b);
        return false;
    }
    return true;
}

static bool query_read(const struct command *c, struct change_query *q,
                       enum dimension dimensions[DIMENSION_COUNT])
{
    const char *by = command_value(c, "by", "day");
    const char *unit = command_value(c, "unit", "messages");
    const char *least = command_value(c, "least", NULL);
    const char *interval = command_value(c, "interval", "model");
    uint64_t top = 0, days = 0;
    if (!context_filter(c, &q->filter) || !word_is(c, "by", by, "day", "hour") ||
        !word_is(c, "interval", interval, "model", "bootstrap") ||
        !command_number(c, "top", 1, 1000, &top) ||
        !command_number(c, "return-days", 1, 365, &days)) {
        return false;
    }
    if (!unit_parse(slice_cstr(unit), &q->unit)) {
        usage_error(c, "--unit %s: messages, recipients, bytes or hosts", unit);
        return false;
    }
    q->least = LEAST;
    if (least && !percent_parse(least, &q->least)) {
        usage_error(c, "--least %s: per cent, such as 10%%", least);
        return false;
    }
    q->bucket = strcmp(by, "hour") == 0 ? BUCKET_HOUR : BUCKET_DAY;
    q->series_max = (size_t)top;
    q->return_days = (unsigned)days;
    q->is_all = command_flag(c, "all");
    q->is_bootstrap = strcmp(interval, "bootstrap") == 0;
    return dimensions_read(c, q, dimensions);
}

static int changes_write(const struct command *c, const struct changes *changes,
                         const struct change_query *q, enum out_format format)
{
    FILE *f;
    int status = context_output(c, &f);
    if (status) {
        return status;
    }
    struct report_style style = context_style(f);
    bool ok = format == OUT_TEXT ? changes_print_text(f, changes, q, &style)
                                 : changes_print(f, format, changes, q);
    return context_output_end(c, f, ok);
}

static int changes_status(const struct command *c, const struct changes *changes)
{
    for (size_t i = 0; command_flag(c, "exit-code") && i < changes->count; i++) {
        if (changes->items[i].is_confirmed) {
            return EXIT_STATUS_NEGATIVE;
        }
    }
    return EXIT_STATUS_OK;
}

static int changes_run(struct command *c)
{
    struct context x;
    struct change_query query = {.bucket = BUCKET_DAY};
    enum dimension dimensions[DIMENSION_COUNT];
    struct changes changes;
    struct errbuf eb = {.text = ""};
    enum out_format format;
    if (c->argument_count) {
        return usage_error(c, "no argument is wanted");
    }
    if (!context_format(c, &format) || !query_read(c, &query, dimensions)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    struct arena *arena = status ? NULL : arena_new(CHANGES_ARENA_BYTES);
    if (!status) {
        struct annotations annotations = {.count = 0};
        query.annotations = &annotations;
        status =
            arena ? context_annotations(&x, arena, &annotations) : command_fail(c, ERR_NOMEM, NULL);
        if (!status) {
            enum err e = changes_build(x.store, &query, arena, &changes, &eb);
            status = e == OK ? changes_write(c, &changes, &query, format) : command_fail(c, e, &eb);
            status = status ? status : changes_status(c, &changes);
        }
    }
    arena_free(arena);
    context_close(&x);
    return status;
}

static const struct option_spec CHANGES_OPTIONS[] = {
    FILTER_OPTIONS,
    {"by", OPTION_NO_SHORT, "day|hour",
     "Length of a bucket; default: day. Hours find short "
     "silences and date a change better, over shorter periods."},
    {"dimension", OPTION_NO_SHORT, "NAME",
     "Lines to look at: total, botnet, mailer, program, country, site, trap; may be given several "
     "times; default: all of them."},
    LABEL_OPTIONS,
    {"unit", OPTION_NO_SHORT, "UNIT", "messages, recipients, bytes or hosts; default: messages."},
    {"least", OPTION_NO_SHORT, "PERCENT", "Smaller changes are left out; default: 10%."},
    {"return-days", OPTION_NO_SHORT, "N",
     "A change that is undone within so many days is transient; default: 28."},
    {"interval", OPTION_NO_SHORT, "model|bootstrap",
     "How intervals of sizes are made; default: model."},
    {"top", OPTION_NO_SHORT, "N", "Lines of each dimension, the greatest first; default: 100."},
    {"all", 'a', NULL, "Also changes that are too small or that chance may have made; marked."},
    {"exit-code", OPTION_NO_SHORT, NULL,
     "Exit status 1 when there is a change in the period: for scripts."},
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const CHANGES_EXAMPLES[] = {
    "spamgauge changes --since 2008-10-01 --until 2009-01-01",
    "What fell and rose around the disconnection of McColo.",
    "spamgauge changes --botnet cutwail --by hour --since 2009-07-25",
    "One botnet by the hour: a silence of 60 hours.",
    "spamgauge changes --since 2d --least 30% --dimension total --exit-code",
    "Did the total move by a third since the day before yesterday?",
    NULL,
};

const struct verb VERB_CHANGES = {
    .name = "changes",
    .arguments = "",
    .summary = "what fell and rose: when, by how much, for how long, where",
    .text =
        "Finds steps in the level of the total and of each botnet, mailer, program, country, site "
        "and trap, and lists them by date. Each has an interval for its date and for its size, its "
        "size over other windows, whether it lasted, at how many sites and traps it was seen, and "
        "the public events near it.\n\n"
        "Levels, never shares, are looked at, with seasons of the week taken out. Hours and days "
        "in which no trap watched are missing, not zero. A change is listed when it stands against "
        "a simulation of the line's own noise (p < 0.01) and when of everything listed no more "
        "than "
        "5 % is expected to be chance. Data of three months before and after the period is used "
        "when it is there (by the hour: four weeks), so what is said of a day may change when "
        "later days come in.",
    .options = CHANGES_OPTIONS,
    .examples = CHANGES_EXAMPLES,
    .run = changes_run,
};
