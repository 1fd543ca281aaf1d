/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge changes now|watch: what is not as it was, as of the last whole day. docs/alarms.md. */
#include "cmd/alarm_told.h"
#include "cmd/context.h"
#include "cmd/hook.h"
#include "cmd/verbs.h"
#include "core/clock.h"
#include "core/log.h"
#include "out/alarm_out.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum {
    WATCH_ARENA_BYTES = 1024 * 1024 * 1024,
    HISTORY_DAYS = 800, /* what teaches: two years and the seasons' windows */
    SERIES_TOP = 60,    /* of each dimension, the greatest: 300 series in all or so */
    FRESH_DAYS = 14,    /* what is older and untold when the watch begins is no news */
    HOOK_SECONDS = 30,
    EVERY_SECONDS = 300
};

static const enum dimension WATCHED[] = {DIMENSION_TOTAL,  DIMENSION_TRAP,   DIMENSION_SITE,
                                         DIMENSION_BOTNET, DIMENSION_MAILER, DIMENSION_PROGRAM,
                                         DIMENSION_COUNTRY};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

struct watch {
    const struct command *c;
    struct context x;
    struct series_query query;
    struct alarm_options options;
    enum out_format format;
    uint64_t days, history, lag, every, hook_seconds;
    const char *program, *url;
    char state[CONTEXT_PATH_BYTES];
    struct told_list told;
    struct arena *arena;
    struct store_span span; /* at the last round */
    int64_t until;          /* of the last round */
};

/* A part of 1, as "0.3", "30%" or "30 %"; below 1. */
static bool part_read(const struct command *c, const char *name, double *out)
{
    const char *text = command_value(c, name, NULL);
    if (!text) {
        return true;
    }
    char *end;
    double v = strtod(text, &end);
    while (*end == ' ') {
        end++;
    }
    v = *end == '%' ? v / 100.0 : v;
    end += *end == '%';
    if (end == text || *end || !(v > 0.0 && v < 1.0)) {
        usage_error(c, "--%s %s: a part, such as 30%% or 0.3", name, text);
        return false;
    }
    *out = v;
    return true;
}

static bool options_read(struct watch *w)
{
    const struct command *c = w->c;
    uint64_t run_length = 365, top = SERIES_TOP;
    const char *what;
    w->options = ALARM_DEFAULT;
    if (!context_filter(c, &w->query.filter) || !part_read(c, "shift", &w->options.shift) ||
        !part_read(c, "fdr", &w->options.fdr) ||
        !command_number(c, "run-length", 30, 100000, &run_length) ||
        !command_number(c, "top", 1, 1000, &top) || !command_number(c, "days", 1, 3660, &w->days) ||
        !command_number(c, "history", 60, 3660, &w->history) ||
        !command_number(c, "lag", 0, 60, &w->lag) ||
        !command_number(c, "every", 1, 86400, &w->every) ||
        !command_number(c, "hook-timeout", 1, 3600, &w->hook_seconds)) {
        return false;
    }
    w->options.run_length = (double)run_length;
    w->options.is_dependent = command_flag(c, "e-values");
    if (!alarm_options_check(&w->options, &what)) {
        usage_error(c, "the %s makes no sense", what);
        return false;
    }
    w->query.bucket = BUCKET_DAY;
    w->query.dimensions = WATCHED;
    w->query.dimension_count = sizeof WATCHED / sizeof *WATCHED;
    w->query.series_max = (size_t)top;
    w->program = command_value(c, "exec", NULL);
    w->url = command_value(c, "webhook", NULL);
    if (w->url && !hook_url_check(w->url)) {
        usage_error(c, "--webhook %s: an http or https address, please", w->url);
        return false;
    }
    return true;
}

/* The end of the last whole day: --until, else that of the store's newest mail, but not today. */
static int64_t last_day_end(const struct watch *w, const struct store_span *span)
{
    int64_t end = (day_of(span->last) + 1) * SECONDS_PER_DAY;
    int64_t today = day_of(time_now()) * SECONDS_PER_DAY;
    int64_t asked = w->query.filter.until;
    end = end > today ? today : end;
    end = asked != INT64_MAX && asked < end ? day_of(asked) * SECONDS_PER_DAY : end;
    return end - (int64_t)w->lag * SECONDS_PER_DAY;
}

static enum err round_compute(struct watch *w, int64_t until, uint64_t days, struct alarms *out,
                              struct errbuf *eb)
{
    struct series_query q = w->query;
    const struct series *series;
    size_t count;
    q.filter.since = until - (int64_t)w->history * SECONDS_PER_DAY;
    q.filter.since = q.filter.since > day_of(w->span.first) * SECONDS_PER_DAY
                         ? q.filter.since
                         : day_of(w->span.first) * SECONDS_PER_DAY;
    q.filter.until = until;
    *out = (struct alarms){.count = 0};
    if (q.filter.since >= until) {
        return OK; /* no whole day yet */
    }
    arena_reset(w->arena);
    enum err e = series_load(w->x.store, &q, w->arena, &series, &count, eb);
    return e ? e
             : alarm_find(series, count, &w->options, until - (int64_t)days * SECONDS_PER_DAY,
                          until, w->arena, out);
}

static int watch_open(struct watch *w, struct command *c, enum out_format fallback)
{
    w->c = c;
    w->days = 1;
    w->history = HISTORY_DAYS;
    w->every = EVERY_SECONDS;
    w->hook_seconds = HOOK_SECONDS;
    w->format = fallback;
    if (c->argument_count) {
        return usage_error(c, "no argument is wanted");
    }
    if (!context_format(c, &w->format) || !options_read(w)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&w->x, c);
    status = status ? status : context_store(&w->x, STORE_READ);
    w->arena = status ? NULL : arena_new(WATCH_ARENA_BYTES);
    return status || w->arena ? status : command_fail(c, ERR_NOMEM, NULL);
}

static void watch_close(struct watch *w)
{
    arena_free(w->arena);
    context_close(&w->x);
}

/* ---- now ---- */

static int now_write(struct watch *w, const struct alarms *alarms)
{
    FILE *f;
    int status = context_output(w->c, &f);
    return status ? status
                  : context_output_end(
                        w->c, f, alarms_print(f, w->format, alarms, context_style(f).use_utf8));
}

static int now_run(struct command *c)
{
    struct watch w = {.query = {.unit = UNIT_MESSAGES}};
    struct alarms alarms;
    struct errbuf eb = {.text = ""};
    int status = watch_open(&w, c, OUT_TEXT);
    if (!status) {
        enum err e = store_span(w.x.store, &w.query.filter, &w.span, &eb);
        e = e ? e : round_compute(&w, last_day_end(&w, &w.span), w.days, &alarms, &eb);
        status = e ? command_fail(c, e, &eb) : now_write(&w, &alarms);
        bool is_found = !status && alarms.count && command_flag(c, "exit-code");
        status = is_found ? EXIT_STATUS_NEGATIVE : status;
    }
    watch_close(&w);
    return status;
}

/* ---- watch ---- */

static bool alarm_json(const struct alarm *a, struct strbuf *out)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f) {
        return false;
    }
    struct printer *p = printer_new(OUT_JSONL, f);
    alarm_print(p, a);
    bool is_done = printer_end(p);
    is_done &= fclose(f) == 0;
    strbuf_add(out, slice_of(text, n));
    free(text);
    return is_done && !out->failed;
}

static enum err program_run(const struct watch *w, const struct alarm *a, struct slice json,
                            struct errbuf *eb)
{
    char raised[11], date[11], ratio[32];
    day_text(day_of(a->raised), raised);
    day_text(day_of(a->date), date);
    snprintf(ratio, sizeof ratio, "%.4f", a->ratio);
    const struct hook_variable variables[] = {
        {"SPAMGAUGE_ALARM", slice_cstr(alarm_direction(a))},
        {"SPAMGAUGE_ALARM_KIND", slice_cstr(alarm_kind_name(a->kind))},
        {"SPAMGAUGE_ALARM_DIMENSION", slice_cstr(dimension_name(a->series->key.dimension))},
        {"SPAMGAUGE_ALARM_VALUE", a->series->key.value},
        {"SPAMGAUGE_ALARM_RAISED", slice_cstr(raised)},
        {"SPAMGAUGE_ALARM_DATE", slice_cstr(date)},
        {"SPAMGAUGE_ALARM_RATIO", slice_cstr(ratio)},
    };
    return hook_exec(w->program, variables, sizeof variables / sizeof *variables, json,
                     (unsigned)w->hook_seconds, eb);
}

/* A hook that failed is tried again in the next round: an alarm is told to it at least once. */
static void hook_done(struct told *t, enum told_way way, enum err e, const struct errbuf *eb)
{
    if (e == OK) {
        t->ways |= (unsigned)way;
    } else {
        log_warn("watch", "%s; it will be tried again", eb->text);
    }
}

static enum err alarm_tell(struct watch *w, const struct alarm *a, bool *is_told)
{
    struct told *t = told_entry(&w->told, a);
    struct strbuf json = STRBUF_INIT;
    struct errbuf eb = {.text = ""};
    unsigned before = t->ways;
    *is_told = !(before & TOLD_PRINTED);
    if (!alarm_json(a, &json)) {
        strbuf_free(&json);
        return ERR_NOMEM;
    }
    if (*is_told) {
        if (w->format == OUT_TEXT) {
            alarm_print_text(stdout, a, context_style(stdout).use_utf8);
        } else {
            fwrite(json.p, 1, json.n, stdout);
        }
        t->ways |= fflush(stdout) == 0 ? TOLD_PRINTED : 0u;
    }
    if (w->program && !(t->ways & TOLD_EXEC) && !stopped) {
        hook_done(t, TOLD_EXEC, program_run(w, a, strbuf_slice(&json), &eb), &eb);
    }
    if (w->url && !(t->ways & TOLD_WEBHOOK) && !stopped) {
        hook_done(t, TOLD_WEBHOOK,
                  hook_post(w->url, strbuf_slice(&json), (unsigned)w->hook_seconds, &stopped, &eb),
                  &eb);
    }
    strbuf_free(&json);
    return t->ways == before ? OK : told_save(w->state, &w->told, &eb);
}

/* Is there anything that the last round did not have, or something left to tell? */
static bool is_due(const struct watch *w, const struct store_span *span, int64_t until)
{
    unsigned wanted = TOLD_PRINTED | (w->program ? TOLD_EXEC : 0u) | (w->url ? TOLD_WEBHOOK : 0u);
    for (size_t i = 0; i < w->told.count; i++) {
        if ((w->told.items[i].ways & wanted) != wanted) {
            return true;
        }
    }
    return until != w->until || span->messages != w->span.messages || span->last != w->span.last;
}

static enum err watch_round(struct watch *w, size_t *told, struct errbuf *eb)
{
    struct store_span span;
    struct alarms alarms;
    enum err e = store_span(w->x.store, &w->query.filter, &span, eb);
    if (e) {
        return e;
    }
    int64_t until = last_day_end(w, &span);
    if (!is_due(w, &span, until)) {
        return OK;
    }
    w->span = span;
    e = round_compute(w, until, FRESH_DAYS, &alarms, eb);
    for (size_t i = 0; !e && i < alarms.count && !stopped; i++) {
        bool is_told = false;
        e = alarm_tell(w, &alarms.items[i], &is_told);
        *told += is_told;
        if (e) {
            (void)err_set(eb, e, "%s: the state of the watch cannot be written", w->state);
        }
    }
    w->until = until;
    return e;
}

static void sleep_until_next(const struct watch *w)
{
    double end = time_monotonic() + (double)w->every;
    while (!stopped && time_monotonic() < end) {
        struct timespec t = {.tv_nsec = 100000000L};
        nanosleep(&t, NULL);
    }
}

static int watch_loop(struct watch *w)
{
    size_t told = 0;
    struct errbuf eb = {.text = ""};
    bool is_once = command_flag(w->c, "once");
    const char *state = command_value(w->c, "state", NULL);
    if (state) {
        snprintf(w->state, sizeof w->state, "%s", state);
    } else {
        snprintf(w->state, sizeof w->state, "%.4000s.told", w->x.database);
    }
    enum err e = told_load(w->state, &w->told, &eb);
    while (!e && !stopped) {
        e = watch_round(w, &told, &eb);
        if (e == ERR_BUSY) {
            log_warn("watch", "%s; it will be tried again", eb.text);
            e = is_once ? e : OK;
        }
        if (is_once) {
            break;
        }
        if (!e) {
            sleep_until_next(w);
        }
    }
    if (e) {
        return command_fail(w->c, e, &eb);
    }
    return is_once && told && command_flag(w->c, "exit-code") ? EXIT_STATUS_NEGATIVE
                                                              : EXIT_STATUS_OK;
}

static int watch_run(struct command *c)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w) {
        return command_fail(c, ERR_NOMEM, NULL);
    }
    w->query.unit = UNIT_MESSAGES;
    int status = watch_open(w, c, OUT_TEXT);
    if (!status && w->format != OUT_TEXT && w->format != OUT_JSONL) {
        status = usage_error(c, "text or jsonl: a watch has no end");
    }
    if (!status) {
        struct sigaction act = {.sa_handler = stop};
        sigaction(SIGINT, &act, NULL);
        sigaction(SIGTERM, &act, NULL);
        status = watch_loop(w);
    }
    watch_close(w);
    free(w);
    return status;
}

#define ALARM_OPTIONS                                                                              \
    {"until", OPTION_NO_SHORT, "TIME",                                                             \
     "As of this day, not with it; default: the last whole day in the store, today left out."},    \
        {"trap", OPTION_NO_SHORT, "NAME", "This trap only."},                                      \
        {"site", OPTION_NO_SHORT, "NAME", "Traps of this site only."},                             \
        {"lag", OPTION_NO_SHORT, "DAYS",                                                           \
         "Leaves the newest days out, for feeds that come late; default: 0."},                     \
        {"history", OPTION_NO_SHORT, "DAYS",                                                       \
         "How far back is looked for what is usual; default: 800."},                               \
        {"top", OPTION_NO_SHORT, "N",                                                              \
         "Series of each dimension, the greatest first; default: 60."},                            \
        {"shift", OPTION_NO_SHORT, "PART",                                                         \
         "The drop that is to be found soonest, such as 30%; default: 30%."},                      \
        {"run-length", OPTION_NO_SHORT, "DAYS",                                                    \
         "Days to a false crossing of one series' CUSUM in one direction; default: 365."},         \
        {"fdr", OPTION_NO_SHORT, "PART",                                                           \
         "False ones among the alarms of a day over all series; default: 5%."},                    \
    {                                                                                              \
        "e-values", OPTION_NO_SHORT, NULL,                                                         \
            "Holds that by e-values, whatever series have in common; slower to alarm."             \
    }

static const struct option_spec NOW_OPTIONS[] = {
    ALARM_OPTIONS,
    {"days", OPTION_NO_SHORT, "N", "Alarms raised on the last N days; default: 1."},
    {"exit-code", OPTION_NO_SHORT, NULL, "Exit status 1 when there is an alarm: for scripts."},
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const NOW_EXAMPLES[] = {
    "spamgauge changes now --exit-code",
    "Did anything fall or rise as of yesterday? From cron, say.",
    "spamgauge changes now --until 2011-03-19 --days 7 -f json",
    "What would have been alarmed in that week.",
    NULL,
};

const struct verb VERB_CHANGES_NOW = {
    .name = "changes now",
    .arguments = "",
    .summary = "alarms as of the last whole day",
    .text = "Looks at each trap, site, botnet, mailer, program and country and at the total as it "
            "was known at the end of the day: a CUSUM of the day's residual that is past its "
            "threshold, a posterior probability of 0.9 that the level changed in the last four "
            "weeks, and a p-value that holds over all series. Weeks are held against the same "
            "season of the years before. Days in which no trap watched are missing, not zero.",
    .options = NOW_OPTIONS,
    .examples = NOW_EXAMPLES,
    .run = now_run,
};

static const struct option_spec WATCH_OPTIONS[] = {
    ALARM_OPTIONS,
    {"every", OPTION_NO_SHORT, "SECONDS",
     "How often the store is looked at; default: 300. Nothing is computed when it has nothing "
     "new."},
    {"once", OPTION_NO_SHORT, NULL, "One round, then ends: for cron."},
    {"exec", OPTION_NO_SHORT, "PROGRAM",
     "Runs this program (a path, without arguments) for each new alarm: JSON on its standard "
     "input, SPAMGAUGE_ALARM_* in its environment."},
    {"webhook", OPTION_NO_SHORT, "URL", "POSTs each new alarm there as JSON."},
    {"hook-timeout", OPTION_NO_SHORT, "SECONDS",
     "How long a program or a POST may take; default: 30."},
    {"state", OPTION_NO_SHORT, "PATH",
     "File of what was told already; default: that of the store with .told at its end."},
    {"exit-code", OPTION_NO_SHORT, NULL, "With --once: exit status 1 when something new was told."},
    {"format", 'f', "FORMAT", "text or jsonl; default: text."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const WATCH_EXAMPLES[] = {
    "spamgauge changes watch --exec /usr/local/bin/page-me",
    "Runs a program for each new alarm, until it is stopped.",
    "spamgauge changes watch --once --webhook https://chat.example.org/hooks/abc",
    "One round from cron; each alarm is posted once.",
    NULL,
};

const struct verb VERB_CHANGES_WATCH = {
    .name = "changes watch",
    .arguments = "",
    .summary = "prints new alarms as they come, runs a program, posts to an address",
    .text = "Alarms are those of \"changes now\". Each is told once, also over restarts: what was "
            "told is kept in a file beside the store. A program or address that failed is tried "
            "again in the next round, as long as the alarm is younger than two weeks. SIGTERM and "
            "SIGINT end the watch with status 0.",
    .options = WATCH_OPTIONS,
    .examples = WATCH_EXAMPLES,
    .run = watch_run,
};
