/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge trap list|gaps: how the traps watched. */
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "out/trap_print.h"

enum { TRAP_ARENA_BYTES = 512 * 1024 * 1024 };

typedef bool (*print_fn)(FILE *f, enum out_format format, const struct trap_watch *w,
                         const struct report_style *style);

static int watch_print(const struct command *c, const struct trap_watch *w, enum out_format format,
                       print_fn print)
{
    FILE *f;
    int status = context_output(c, &f);
    if (status) {
        return status;
    }
    struct report_style style = context_style(f);
    return context_output_end(c, f, print(f, format, w, &style));
}

/* A store without a dated message has traps all the same: as of today. */
static enum err watch_load(struct store *s, struct trap_query *q, struct arena *arena,
                           struct trap_watch *w, struct errbuf *eb)
{
    enum err e = trap_watch_load(s, q, arena, w, eb);
    if (e == ERR_NOTFOUND) {
        q->filter.since = day_of(time_now()) * SECONDS_PER_DAY;
        q->filter.until = q->filter.since + SECONDS_PER_DAY;
        e = trap_watch_load(s, q, arena, w, eb);
    }
    return e;
}

static int watch_run(struct command *c, struct slice name, print_fn print)
{
    struct context x;
    struct errbuf eb = {.text = ""};
    struct trap_query q = {.bucket = BUCKET_DAY};
    struct trap_watch w;
    enum out_format format;
    if (!context_format(c, &format) || !context_filter(c, &q.filter)) {
        return EXIT_STATUS_USAGE;
    }
    q.filter.trap = name.n ? name : q.filter.trap;
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    if (status) {
        context_close(&x);
        return status;
    }
    struct arena *arena = arena_new(TRAP_ARENA_BYTES);
    enum err e = arena ? watch_load(x.store, &q, arena, &w, &eb) : ERR_NOMEM;
    bool is_known = q.filter.trap.n == 0 && q.filter.site.n == 0;
    for (size_t t = 0; e == OK && t < w.trap_count; t++) {
        is_known |= w.is_asked[t];
    }
    if (e == OK && !is_known) {
        e = err_set(&eb, ERR_NOTFOUND, "no such trap or site; trap list has them all");
    }
    status = e == OK ? watch_print(c, &w, format, print) : command_fail(c, e, &eb);
    arena_free(arena);
    context_close(&x);
    return status;
}

static int list_run(struct command *c)
{
    if (c->argument_count) {
        return usage_error(c, "no argument is wanted");
    }
    return watch_run(c, S(""), trap_list_print);
}

static int gaps_run(struct command *c)
{
    if (c->argument_count > 1) {
        return usage_error(c, "one trap or none, please");
    }
    return watch_run(c, c->argument_count ? slice_cstr(c->arguments[0]) : S(""), trap_gaps_print);
}

static const struct option_spec LIST_OPTIONS[] = {
    FILTER_OPTIONS, FORMAT_OPTIONS, {NULL, OPTION_NO_SHORT, NULL, NULL}};

static const char *const GAPS_EXAMPLES[] = {
    "spamgauge trap gaps --since 30d",
    "What was out in the last month.",
    "spamgauge trap gaps mx1 -f json",
    "All gaps of a trap with the evidence, for a program.",
    NULL,
};

const struct verb VERB_TRAP_LIST = {
    .name = "trap list",
    .arguments = "",
    .summary = "the traps: state, coverage, what they saw and when",
    .text =
        "A line a trap. The state is that of the last day of the period: up, degraded, down, "
        "unborn "
        "or dead. Coverage is the part of the trap's life, within the period, in which it "
        "watched. Gaps are outages and partial ones; a question mark says that there are silences "
        "which nobody can judge. See trap gaps.",
    .options = LIST_OPTIONS,
    .run = list_run,
};

const struct verb VERB_TRAP_GAPS = {
    .name = "trap gaps",
    .arguments = "[NAME]",
    .summary = "when traps did not watch, who says so, and the evidence",
    .text =
        "Recorded gaps (by a person, by the server, by a feed), gaps told by refused connections, "
        "and silences found in the counts. A silence is an outage when so little mail is "
        "improbable (less than one in a million) given the trap's rhythm and what the other "
        "traps saw of each botnet; a drop when other traps saw the same; undecided when there "
        "is no other trap and too few botnets to tell. Outages are missing in all figures, not "
        "zero. The last line of a found gap is the command that records it.",
    .options = LIST_OPTIONS,
    .examples = GAPS_EXAMPLES,
    .run = gaps_run,
};
