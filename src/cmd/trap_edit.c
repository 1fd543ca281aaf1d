/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge trap edit: what a person knows of a trap. */
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "store/trap.h"

#include <math.h>
#include <stdlib.h>

/* A time of day is that moment; a day or a month is all of it. */
static bool end_parse(struct slice text, int64_t now, int64_t *since, int64_t *until)
{
    enum { DAY_DIGITS = 10 };
    if (text.n > DAY_DIGITS) {
        return time_parse(text, now, since) && time_parse(text, now, until);
    }
    return context_period(text, now, since, until);
}

/* A day, a month, SINCE..UNTIL, or SINCE.. for what has no end yet. */
static bool period_parse(struct slice text, int64_t now, int64_t *since, int64_t *until)
{
    int64_t ignored;
    size_t dots = slice_find(text, S(".."));
    if (dots == SIZE_MAX) {
        return end_parse(text, now, since, until) && *since < *until;
    }
    struct slice end = slice_sub(text, dots + 2, SIZE_MAX);
    *until = INT64_MAX;
    return end_parse(slice_sub(text, 0, dots), now, since, &ignored) &&
           (end.n == 0 || end_parse(end, now, &ignored, until)) && *since < *until;
}

struct edit {
    struct trap_edit trap;
    struct slice site, note, name;
    int64_t up_from, retired;
    struct coverage coverage[COMMAND_VALUES_MAX];
    size_t coverage_count;
};

/* --up-from and --retired: a time, or "-" to take it back. */
static bool time_option(const struct command *c, const char *name, int64_t *value,
                        const int64_t **out)
{
    const char *text = command_value(c, name, NULL);
    if (!text) {
        return true;
    }
    *value = 0;
    *out = value;
    if (strcmp(text, "-") != 0 && !time_parse(slice_cstr(text), time_now(), value)) {
        usage_error(c, "--%s %s: a time such as 2010-10-01, or - for none", name, text);
        return false;
    }
    return true;
}

static bool part_option(const struct command *c, double *part)
{
    const char *text = command_value(c, "part", NULL);
    char *end;
    *part = (double)NAN;
    if (text) {
        *part = strtod(text, &end);
        if (end == text || *end || !(*part >= 0 && *part <= 1)) {
            usage_error(c, "--part %s: a number from 0 to 1, please", text);
            return false;
        }
    }
    return true;
}

static bool coverage_options(const struct command *c, struct slice trap, struct edit *e)
{
    const char *note = command_value(c, "note", "");
    double part;
    if (!part_option(c, &part)) {
        return false;
    }
    for (size_t i = 0; i < c->value_count; i++) {
        const char *name = c->values[i].spec->name, *text = c->values[i].value;
        size_t state = 0;
        while (state < COVERAGE_STATE_COUNT &&
               strcmp(name, coverage_state_name((enum coverage_state)state)) != 0) {
            state++;
        }
        if (state == COVERAGE_STATE_COUNT) {
            continue;
        }
        struct coverage *v = &e->coverage[e->coverage_count++];
        *v = (struct coverage){.trap = trap,
                               .state = (enum coverage_state)state,
                               .source = COVERAGE_PERSON,
                               .part = part,
                               .note = slice_cstr(note)};
        if (!period_parse(slice_cstr(text), time_now(), &v->since, &v->until)) {
            usage_error(c, "--%s %s: a day, a month, SINCE..UNTIL or SINCE..", name, text);
            return false;
        }
    }
    return true;
}

static bool edit_read(const struct command *c, struct slice trap, struct edit *e)
{
    const char *site = command_value(c, "site", NULL), *name = command_value(c, "rename", NULL),
               *note = command_value(c, "note", NULL);
    *e =
        (struct edit){.site = slice_cstr(site), .name = slice_cstr(name), .note = slice_cstr(note)};
    e->trap.site = site ? &e->site : NULL;
    e->trap.name = name ? &e->name : NULL;
    if (!time_option(c, "up-from", &e->up_from, &e->trap.up_from) ||
        !time_option(c, "retired", &e->retired, &e->trap.retired) ||
        !coverage_options(c, trap, e)) {
        return false;
    }
    /* A note given with an interval is the interval's. */
    e->trap.note = note && e->coverage_count == 0 ? &e->note : NULL;
    if (!site && !name && !note && !e->trap.up_from && !e->trap.retired && !e->coverage_count) {
        usage_error(c, "nothing to change");
        return false;
    }
    return true;
}

static enum err edit_apply(struct store *s, struct slice trap, const struct edit *e,
                           struct errbuf *eb)
{
    /* First, because it says so when there is no such trap; the rename makes the old name a known
     * one. */
    enum err err = store_trap_edit(s, trap, &e->trap, eb);
    for (size_t i = 0; err == OK && i < e->coverage_count; i++) {
        err = store_coverage_put(s, &e->coverage[i], eb);
    }
    return err;
}

static int edit_run(struct command *c)
{
    struct context x;
    struct errbuf eb = {.text = ""};
    struct edit edit;
    if (c->argument_count != 1) {
        return usage_error(c, "the name of one trap, please");
    }
    struct slice trap = slice_cstr(c->arguments[0]);
    if (!edit_read(c, trap, &edit)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_WRITE);
    if (!status) {
        enum err e = edit_apply(x.store, trap, &edit, &eb);
        status = e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
    }
    context_close(&x);
    return status;
}

static const struct option_spec EDIT_OPTIONS[] = {
    {"site", OPTION_NO_SHORT, "NAME", "It belongs to this site; traps of a site share their fate."},
    {"rename", OPTION_NO_SHORT, "NAME",
     "Gives it another name. What comes in under the old one is still its mail."},
    {"up-from", OPTION_NO_SHORT, "TIME",
     "In service since then, with mail or without; - takes it back: since its first message."},
    {"retired", OPTION_NO_SHORT, "TIME", "Out of service from then on; - takes it back."},
    {"down", OPTION_NO_SHORT, "PERIOD",
     "It did not watch: a day, a month, SINCE..UNTIL (days at the ends are whole, times of day are "
     "those moments), or SINCE.. when it still does not. May be given several times."},
    {"degraded", OPTION_NO_SHORT, "PERIOD", "It lost a part of its mail then."},
    {"part", OPTION_NO_SHORT, "FRACTION", "What it still saw when degraded: 0 to 1."},
    {"up", OPTION_NO_SHORT, "PERIOD",
     "It watched then, whatever was recorded or found: takes --down back."},
    {"note", OPTION_NO_SHORT, "TEXT", "Why. Of the period when one is given, else of the trap."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EDIT_EXAMPLES[] = {
    "spamgauge trap edit mx1 --site south --rename mx1-south",
    "The trap moves; its mail stays with it.",
    "spamgauge trap edit cbl --down 2012-06-26..2012-06-27 --note 'own software'",
    "Two days are missing, not zero.",
    "spamgauge trap edit cbl --up 2012-06-26..2012-06-27",
    "No, it was up: the silence was real.",
    NULL,
};

const struct verb VERB_TRAP_EDIT = {
    .name = "trap edit",
    .arguments = "NAME",
    .summary = "names, sites and coverage of a trap, as a person knows them",
    .text =
        "What a person says comes before what the server, a feed, connections or the counts say; "
        "what was said last of a time holds.",
    .options = EDIT_OPTIONS,
    .examples = EDIT_EXAMPLES,
    .run = edit_run,
};
