/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge rules check|test|list|explain: the analyst's bench. */
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "core/clock.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- check ---- */

struct finding_counts {
    size_t counts[FINDING_ERROR + 1];
};

static void finding_print(void *arg, const struct finding *f)
{
    static const char *const LEVELS[] = {"style", "warning", "error"};
    struct finding_counts *all = arg;
    all->counts[f->level]++;
    say("%s:%u:%u: %s: %s", f->file, f->line, f->column, LEVELS[f->level], f->text);
}

/* The paths given, else those of the configuration, else the shipped pack; no cache, so that
 * everything is read. */
static enum err rules_read(struct context *x, struct finding_counts *all, struct rules **out,
                           struct errbuf *eb)
{
    struct context_paths paths;
    context_rule_paths(x, true, &paths);
    struct rule_options o = {
        .paths = paths.items, .path_count = paths.count, .on_finding = finding_print, .arg = all};
    return rules_load(&o, out, eb);
}

static int check_run(struct command *c)
{
    struct context x;
    struct rules *rules;
    struct finding_counts all = {{0}};
    struct errbuf eb = {.text = ""};
    int status = context_open(&x, c);
    if (status) {
        return status;
    }
    enum err e = rules_read(&x, &all, &rules, &eb);
    if (e != OK) {
        status = command_fail(c, e, &eb);
    } else {
        if (!command_flag(c, "quiet")) {
            printf("%zu rules, %zu left out; %zu errors, %zu warnings, %zu style findings; %.*s\n",
                   rules_count(rules), rules_rejected(rules), all.counts[FINDING_ERROR],
                   all.counts[FINDING_WARNING], all.counts[FINDING_STYLE],
                   SLICE_ARG(rules_version(rules)));
        }
        bool is_bad = all.counts[FINDING_ERROR] ||
                      (command_flag(c, "strict") &&
                       (all.counts[FINDING_WARNING] || all.counts[FINDING_STYLE]));
        status = is_bad ? EXIT_STATUS_NEGATIVE : EXIT_STATUS_OK;
        rules_unref(rules);
    }
    context_close(&x);
    return status;
}

/* ---- test ---- */

struct test_say {
    const struct rules *rules;
    bool is_verbose;
};

static void test_result_print(void *arg, const struct rule_test_result *t)
{
    const struct test_say *say = arg;
    const struct rule_info *info = rules_info(say->rules, t->rule);
    if (!t->passed || say->is_verbose) {
        printf("%s %.*s:%u %.*s: %s[%zu]%s%s\n", t->passed ? "ok    " : "FAILED",
               SLICE_ARG(info->file), info->line, SLICE_ARG(info->title),
               t->is_match_case ? "match" : "reject", t->index, t->passed ? "" : ": ",
               t->passed ? "" : t->why);
    }
}

static int test_run(struct command *c)
{
    struct context x;
    struct rules *rules;
    struct finding_counts all = {{0}};
    struct errbuf eb = {.text = ""};
    size_t passed = 0, failed = 0;
    int status = context_open(&x, c);
    if (status) {
        return status;
    }
    enum err e = rules_read(&x, &all, &rules, &eb);
    if (e == OK) {
        struct test_say say = {rules, command_flag(c, "verbose")};
        e = rules_test(rules, test_result_print, &say, &passed, &failed, &eb);
        rules_unref(rules);
    }
    if (e != OK) {
        status = command_fail(c, e, &eb);
    } else {
        printf("%zu passed, %zu failed\n", passed, failed);
        status = failed || all.counts[FINDING_ERROR] ? EXIT_STATUS_NEGATIVE : EXIT_STATUS_OK;
    }
    context_close(&x);
    return status;
}

/* ---- list ---- */

static void validity_text(const struct rule_info *r, char out[32])
{
    char from[11] = "", until[11] = "";
    if (r->valid_from != INT64_MIN) {
        day_text(day_of(r->valid_from), from);
    }
    if (r->valid_until != INT64_MAX) {
        day_text(day_of(r->valid_until), until);
    }
    snprintf(out, 32, "%s..%s", from, until);
}

static void groups_text(unsigned groups, char *out, size_t n)
{
    size_t at = 0;
    out[0] = '\0';
    for (int g = 0; g < EVIDENCE_COUNT; g++) {
        if (groups & 1U << g) {
            at += (size_t)snprintf(out + at, n - at, "%s%s", at ? "," : "",
                                   evidence_group_name((enum evidence_group)g));
        }
    }
}

static void rule_line(FILE *f, const struct rule_info *r)
{
    char valid[32], groups[80];
    validity_text(r, valid);
    groups_text(r->groups, groups, sizeof groups);
    fprintf(f, "%-8s %-22.*s %3.0f %%  %-12s %-24s %-18s %.*s\n", label_kind_name(r->kind),
            SLICE_ARG(r->label), r->confidence * 100, rule_status_name(r->status), valid, groups,
            SLICE_ARG(r->title));
}

static void rule_fields(struct printer *p, const struct rule_info *r)
{
    char groups[80];
    groups_text(r->groups, groups, sizeof groups);
    print_map_begin(p);
    print_key(p, "id");
    print_text(p, r->id);
    print_key(p, "title");
    print_text(p, r->title);
    print_key(p, "file");
    print_text(p, r->file);
    print_key(p, "line");
    print_unsigned(p, r->line);
    print_key(p, "status");
    print_text(p, slice_cstr(rule_status_name(r->status)));
    print_key(p, "kind");
    print_text(p, slice_cstr(label_kind_name(r->kind)));
    print_key(p, "label");
    print_text(p, r->label);
    print_key(p, "confidence");
    print_number(p, r->confidence, 2);
    print_key(p, "evidence");
    print_text(p, slice_cstr(groups));
    print_key(p, "valid_from");
    r->valid_from == INT64_MIN ? print_null(p) : print_day(p, day_of(r->valid_from));
    print_key(p, "valid_until");
    r->valid_until == INT64_MAX ? print_null(p) : print_day(p, day_of(r->valid_until));
    print_key(p, "reference");
    print_text_or_null(p, r->reference_count ? r->references[0] : S(""));
    print_map_end(p);
}

static int rules_print(const struct command *c, const struct rules *rules, enum out_format format)
{
    FILE *f;
    bool ok = true;
    int status = context_output(c, &f);
    if (status) {
        return status;
    }
    struct printer *p = format == OUT_TEXT ? NULL : printer_new(format, f);
    if (p) {
        print_map_begin(p);
        print_key(p, "format_version");
        print_unsigned(p, 1);
        print_key(p, "pack");
        print_text(p, rules_version(rules));
        print_key(p, "rules");
        print_list_begin(p);
    }
    for (size_t i = 0; i < rules_count(rules); i++) {
        if (p) {
            rule_fields(p, rules_info(rules, i));
        } else {
            rule_line(f, rules_info(rules, i));
        }
    }
    if (p) {
        print_list_end(p);
        print_map_end(p);
        ok = printer_end(p);
    }
    return context_output_end(c, f, ok);
}

static int list_run(struct command *c)
{
    struct context x;
    struct rules *rules;
    struct finding_counts all = {{0}};
    struct errbuf eb = {.text = ""};
    enum out_format format;
    if (!context_format(c, &format)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    if (status) {
        return status;
    }
    enum err e = rules_read(&x, &all, &rules, &eb);
    if (e == OK) {
        status = rules_print(c, rules, format);
        rules_unref(rules);
    } else {
        status = command_fail(c, e, &eb);
    }
    context_close(&x);
    return status;
}

static const struct option_spec CHECK_OPTIONS[] = {
    {"strict", OPTION_NO_SHORT, NULL, "Warnings and style findings also give exit status 1."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};
static const struct option_spec LIST_OPTIONS[] = {FORMAT_OPTIONS,
                                                  {NULL, OPTION_NO_SHORT, NULL, NULL}};

static const char *const CHECK_EXAMPLES[] = {
    "spamgauge rules check rules/botnets/srizbi.yaml",
    "One file; findings are file:line:column: level: text.",
    NULL,
};

const struct verb VERB_RULES_CHECK = {
    .name = "rules check",
    .arguments = "[PATH...]",
    .summary = "checks rule files; findings with file, line and column",
    .text = "Reads rule files or folders of them (default: the configured rules, else the shipped "
            "pack) and says what is wrong "
            "with each. Exit status 1 when there is an error.",
    .options = CHECK_OPTIONS,
    .examples = CHECK_EXAMPLES,
    .run = check_run,
};

const struct verb VERB_RULES_TEST = {
    .name = "rules test",
    .arguments = "[PATH...]",
    .summary = "runs the tests inside rule files",
    .text = "Every rule carries messages that it must match and messages that it must not; this "
            "runs them through the whole "
            "pipeline. Failures are printed, with -v all; exit status 1 when one failed.",
    .run = test_run,
};

const struct verb VERB_RULES_LIST = {
    .name = "rules list",
    .arguments = "[PATH...]",
    .summary = "lists rules: label, confidence, status, dates, evidence",
    .text = "Lists the rules as they are in effect, or those of the paths given.",
    .options = LIST_OPTIONS,
    .run = list_run,
};
