/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge rules explain MESSAGE: why a message got its labels, and what came near. */
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "core/clock.h"
#include "out/escape.h"

#include <inttypes.h>

struct explain {
    const struct rules *rules;
    bool shows_all;
    size_t near; /* rules with some, but not enough, true comparisons */
};

/* A rule came near when at least half of its comparisons held. */
static bool is_near(const struct rule_trace *t)
{
    return !t->is_match && t->atoms_true * 2 >= t->atoms;
}

static void trace_print(void *arg, const struct rule_trace *t)
{
    struct explain *ex = arg;
    const struct rule_info *info = rules_info(ex->rules, t->rule);
    struct slice text = t->text;
    struct strbuf line = STRBUF_INIT;
    ex->near += is_near(t);
    if (!t->is_match && !(ex->shows_all && is_near(t))) {
        return;
    }
    printf("%s %s %.*s (%.0f %%, %s): %.*s\n      %.*s:%u\n", t->is_match ? "match" : "near ",
           label_kind_name(info->kind), SLICE_ARG(info->label), info->confidence * 100,
           rule_status_name(info->status), SLICE_ARG(info->title), SLICE_ARG(info->file),
           info->line);
    while (text.n) {
        strbuf_clear(&line);
        escape_terminal(&line, slice_cut(&text, '\n'), true);
        printf("      %s\n", strbuf_cstr(&line));
    }
    strbuf_free(&line);
}

static void label_print(enum label_kind kind, const struct label *l)
{
    if (!l->best.n) {
        printf("%-8s unknown: no rule matched\n", label_kind_name(kind));
        return;
    }
    printf("%-8s %.*s: p = %.3f%s; unknown p = %.3f", label_kind_name(kind), SLICE_ARG(l->best),
           l->posterior, l->name.n ? "" : ", under 0.9: not decided", l->unknown);
    if (l->runner_up.n && !slice_eq(l->runner_up, S("unknown"))) {
        printf("; runner-up %.*s p = %.3f", SLICE_ARG(l->runner_up), l->runner_up_posterior);
    }
    printf("%s\n", l->is_conflict ? "; CONFLICT" : "");
}

static void features_print(const struct features *f)
{
    struct strbuf line = STRBUF_INIT;
    for (int i = 0; i < FEATURE_COUNT; i++) {
        enum feature_id id = (enum feature_id)i;
        const struct feature_info *info = feature_info(id);
        if (f->has_number[id]) {
            printf("%-18s %" PRId64 "\n", info->name, f->number[id]);
        }
        for (size_t k = 0; k < f->text[id].count; k++) {
            strbuf_clear(&line);
            escape_terminal(&line, slice_sub(f->text[id].items[k], 0, 300), true);
            printf("%-18s %s\n", info->name, strbuf_cstr(&line));
        }
    }
    strbuf_free(&line);
}

static int message_explain(struct context *x, const struct command *c, struct analyser *analyser,
                           const struct source_message *m)
{
    const struct analysis *a;
    struct explain ex = {.shows_all = command_flag(c, "near")};
    char id[33], when[21];
    enum err e = analyse_message(analyser, m, time_now(), &a);
    if (e != OK) {
        return command_fail(c, e, NULL);
    }
    id128_hex(a->row.id, id);
    time_rfc3339(a->row.received, when);
    printf("%s (message %s, received %s)\n", m->name, id,
           a->row.clock == CLOCK_NONE ? "at no time that can be believed" : when);
    for (int k = 0; k < LABEL_KIND_COUNT; k++) {
        label_print((enum label_kind)k, &a->attribution.label[k]);
    }
    if (command_flag(c, "features")) {
        features_print(&a->features);
    }
    ex.rules = a->rules;
    struct rule_scratch *scratch = rule_scratch_new(a->rules);
    struct arena *arena = arena_new(16 * 1024 * 1024);
    e = scratch && arena ? rules_explain(a->rules, scratch, &a->features,
                                         a->row.clock == CLOCK_NONE ? 0 : a->row.received, arena,
                                         trace_print, &ex)
                         : ERR_NOMEM;
    if (ex.near && !ex.shows_all) {
        printf("%zu rule%s came near; --near shows %s\n", ex.near, ex.near == 1 ? "" : "s",
               ex.near == 1 ? "it" : "them");
    }
    rule_scratch_free(scratch);
    arena_free(arena);
    (void)x;
    return e == OK ? EXIT_STATUS_OK : command_fail(c, e, NULL);
}

static int path_explain(struct context *x, const struct command *c, struct analyser *analyser,
                        const char *path)
{
    struct source *source;
    struct source_message m;
    struct errbuf eb = {.text = ""};
    enum err e = source_open(path, &source, &eb);
    if (e != OK) {
        return command_fail(c, e, &eb);
    }
    uint64_t shown = 0;
    int status = EXIT_STATUS_OK;
    while (!status && (e = source_next(source, &m, &eb)) == OK) {
        status = message_explain(x, c, analyser, &m);
        shown++;
    }
    source_close(source);
    if (!status && e != ERR_END) {
        status = command_fail(c, e, &eb);
    } else if (!status && !shown) {
        fprintf(stderr, "spamgauge rules explain: %s: no message in it\n", path);
        status = EXIT_STATUS_NEGATIVE;
    }
    return status;
}

static int explain_run(struct command *c)
{
    struct context x;
    uint8_t key[SECRET_KEY_BYTES] = {0}; /* nothing is stored, so any key does */
    struct errbuf eb = {.text = ""};
    if (!c->argument_count) {
        return usage_error(c, "which message? (a file, or - for standard input)");
    }
    int status = context_open(&x, c);
    if (status) {
        return status;
    }
    struct trust *trust = trust_new();
    for (size_t i = 0; trust && command_value_at(c, "trust", i); i++) {
        enum err e = trust_add(trust, slice_cstr(command_value_at(c, "trust", i)), &eb);
        status = e == OK ? status : command_fail(c, e, &eb);
    }
    status = status ? status : context_urls(&x);
    status = status ? status : context_geo(&x);
    status = status ? status : context_rules(&x);
    if (!status) {
        struct analyse_config config = {.trap = S("explain"),
                                        .trust = trust,
                                        .urls = x.urls,
                                        .geo = x.geo,
                                        .rules = x.rules,
                                        .recipient_key = key};
        struct analyser *analyser = analyser_new(&config);
        for (size_t i = 0; analyser && !status && i < c->argument_count; i++) {
            status = path_explain(&x, c, analyser, c->arguments[i]);
        }
        analyser_free(analyser);
    }
    trust_free(trust);
    context_close(&x);
    return status;
}

static const struct option_spec OPTIONS[] = {
    {"near", OPTION_NO_SHORT, NULL,
     "Shows also the rules of which at least half held, with what was missing."},
    {"features", OPTION_NO_SHORT, NULL,
     "Prints every feature of the message in the form that rules use."},
    {"trust", OPTION_NO_SHORT, "WHAT",
     "A relay of your own side, as for import. May be given several times."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EXAMPLES[] = {
    "spamgauge rules explain --features suspicious.eml",
    "All that a rule could match, then what did.",
    NULL,
};

const struct verb VERB_RULES_EXPLAIN = {
    .name = "rules explain",
    .arguments = "MESSAGE...",
    .summary = "says why a message gets its labels, with evidence and near misses",
    .text = "Reads a message (any file that import reads) and prints its labels with their "
            "probabilities, each rule that matched "
            "with the bytes that matched, and on request all features and near misses. Stores "
            "nothing. It shows the message as it "
            "is, with addresses: do not publish its output.",
    .options = OPTIONS,
    .examples = EXAMPLES,
    .run = explain_run,
};
