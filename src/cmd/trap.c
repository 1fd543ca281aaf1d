/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge trap list|gaps: how the traps watched. */
#include "analyse/canary.h"
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "out/trap_print.h"

enum { TRAP_ARENA_BYTES = 512 * 1024 * 1024 };

enum watch_verb { WATCH_LIST, WATCH_GAPS };

/* Which traps that used to get canaries wait for one. */
static enum err canaries_look(const struct context *x, const struct trap_watch *w,
                              struct arena *arena, struct trap_canary **out, struct errbuf *eb)
{
    int64_t now = time_now(), every = (int64_t)config_number(x->config, CONFIG_CANARY_SECONDS);
    struct trap_canary *c = arena_calloc(arena, w->trap_count + 1, sizeof *c);
    enum err e = c ? OK : ERR_NOMEM;
    for (size_t t = 0; t < w->trap_count && e == OK; t++) {
        enum trap_state state = trap_summarise(w, t).state;
        int64_t made;
        e = canary_last(x->store, w->traps[t].name, &made, &c[t].received, eb);
        c[t].is_missing = c[t].received && now - c[t].received > every && state != TRAP_DEAD;
    }
    *out = c;
    return e;
}

static int watch_print(const struct context *x, const struct trap_watch *w, struct arena *arena,
                       enum out_format format, enum watch_verb verb)
{
    FILE *f;
    struct errbuf eb = {.text = ""};
    struct trap_canary *canaries = NULL;
    enum err e = verb == WATCH_LIST ? canaries_look(x, w, arena, &canaries, &eb) : OK;
    if (e != OK) {
        return command_fail(x->command, e, &eb);
    }
    int status = context_output(x->command, &f);
    if (status) {
        return status;
    }
    struct report_style style = context_style(f);
    bool ok = verb == WATCH_LIST ? trap_list_print(f, format, w, canaries, &style)
                                 : trap_gaps_print(f, format, w, &style);
    return context_output_end(x->command, f, ok);
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

static int watch_run(struct command *c, struct slice name, enum watch_verb verb)
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
    status = e == OK ? watch_print(&x, &w, arena, format, verb) : command_fail(c, e, &eb);
    arena_free(arena);
    context_close(&x);
    return status;
}

static int list_run(struct command *c)
{
    if (c->argument_count) {
        return usage_error(c, "no argument is wanted");
    }
    return watch_run(c, S(""), WATCH_LIST);
}

static int gaps_run(struct command *c)
{
    if (c->argument_count > 1) {
        return usage_error(c, "one trap or none, please");
    }
    return watch_run(c, c->argument_count ? slice_cstr(c->arguments[0]) : S(""), WATCH_GAPS);
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
        "which nobody can judge. See trap gaps. A trap that used to get canaries and waits for one "
        "longer than canary_seconds is told.",
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
