/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge relabel: rules over the stored rows again. */
#include "cmd/relabel.h"

#include "analyse/relabel.h"
#include "cmd/progress.h"
#include "cmd/verbs.h"
#include "out/human.h"
#include "out/json_field.h"
#include "out/layout.h"

#include <signal.h>
#include <stdlib.h>

static volatile bool interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = true;
}

enum { MOVES_SHOWN = 30 }; /* of each dimension in the text; JSON has all */

struct move {
    enum dimension dimension;
    char *from, *to;
    uint64_t messages;
};

struct relabeling {
    struct context x;
    struct relabel_options options;
    struct relabel_result result;
    struct progress progress;
    struct gone_days gone;
    struct move *moves;
    size_t move_count, move_size;
    bool failed;
};

static void progress_show(void *arg, uint64_t done, uint64_t of)
{
    struct relabeling *r = arg;
    progress_draw(&r->progress, done, of, done);
}

static void move_take(void *arg, const struct generation_move *m)
{
    struct relabeling *r = arg;
    if (r->move_count == r->move_size) {
        size_t size = r->move_size ? 2 * r->move_size : 64;
        struct move *more = reallocarray(r->moves, size, sizeof *more);
        if (!more) {
            r->failed = true;
            return;
        }
        r->moves = more;
        r->move_size = size;
    }
    struct move *to = &r->moves[r->move_count];
    *to = (struct move){m->dimension, strndup(m->from.p, m->from.n), strndup(m->to.p, m->to.n),
                        m->messages};
    r->failed |= !to->from || !to->to;
    r->move_count++;
}

/* ---- what is said ---- */

void gone_day_add(void *arg, int64_t day, uint64_t messages)
{
    struct gone_days *g = arg;
    g->messages += messages;
    if (day == INT64_MIN) {
        g->has_no_time = true;
        return;
    }
    g->first = g->days++ ? g->first : day;
    g->last = day;
}

void gone_days_print(struct page *p, const struct gone_days *g)
{
    char count[HUMAN_BYTES], first[11], last[11];
    if (!g->messages) {
        return;
    }
    struct strbuf text = STRBUF_INIT;
    strbuf_printf(&text, "Retention has deleted the rows of %s messages",
                  human_count(count, g->messages));
    if (g->days) {
        day_text(day_of(g->first), first);
        day_text(day_of(g->last), last);
        strbuf_printf(&text, ", received on %zu day%s from %s to %s", g->days,
                      g->days == 1 ? "" : "s", first, last);
    }
    strbuf_printf(&text, "%s: they keep the labels that they had.",
                  g->has_no_time ? ", some without a time" : "");
    page_paragraph(p, "", 0, strbuf_slice(&text));
    strbuf_free(&text);
}

static void head_text(struct page *p, const struct relabeling *r)
{
    const struct relabel_result *k = &r->result;
    char looked[HUMAN_BYTES], changed[HUMAN_BYTES], kept[HUMAN_BYTES], dropped[HUMAN_BYTES];
    struct strbuf text = STRBUF_INIT;
    if (k->generation.number) {
        strbuf_printf(&text, "Generation %u: ", k->generation.number);
    } else {
        strbuf_printf(&text, "%s",
                      r->options.is_dry ? "Nothing is written (--dry-run): "
                                        : "No new generation: ");
    }
    strbuf_printf(
        &text, "%s messages looked at, %s %s other labels or rules, by pack %.*s.",
        human_count(looked, k->generation.messages), human_count(changed, k->generation.changed),
        r->options.is_dry ? "would get" : "got", SLICE_ARG(rules_version(r->options.rules)));
    page_paragraph(p, "", 0, strbuf_slice(&text));
    strbuf_clear(&text);
    strbuf_printf(&text,
                  "%zu of %zu rules look only at what rows keep and were asked again. The others "
                  "cannot be: their %s earlier hits stand, and where they did not hit nobody "
                  "knows what they would say now (reindex asks them). %s hits of rules that are "
                  "not in this pack were dropped.",
                  k->rules_asked, k->rules, human_count(kept, k->hits.kept),
                  human_count(dropped, k->hits.dropped));
    page_paragraph(p, "", 0, strbuf_slice(&text));
    strbuf_free(&text);
}

static void moves_text(struct page *p, const struct relabeling *r)
{
    size_t shown = 0, left = 0;
    for (size_t i = 0; i < r->move_count; i++) {
        const struct move *m = &r->moves[i];
        char count[HUMAN_BYTES];
        bool is_first = i == 0 || r->moves[i - 1].dimension != m->dimension;
        if (is_first) {
            page_newline(p);
            page_printf(p, "%s labels that moved:\n", dimension_name(m->dimension));
            shown = 0;
        }
        if (shown++ >= MOVES_SHOWN) {
            left++;
            continue;
        }
        page_cell(p, slice_cstr(human_count(count, m->messages)), 12, true);
        page_printf(p, "  ");
        page_escaped(p, slice_cstr(m->from));
        page_printf(p, " -> ");
        page_escaped(p, slice_cstr(m->to));
        page_newline(p);
    }
    if (left) {
        page_printf(p, "  and %zu more kinds of moves (-f json has all)\n", left);
    }
}

static bool result_text(const struct relabeling *r, FILE *f)
{
    struct report_style style = context_style(f);
    struct page p = page_new(&style);
    head_text(&p, r);
    moves_text(&p, r);
    if (r->gone.messages) {
        page_newline(&p);
        gone_days_print(&p, &r->gone);
    }
    return page_write(&p, f);
}

static bool result_fields(const struct relabeling *r, enum out_format format, FILE *f)
{
    const struct relabel_result *k = &r->result;
    struct printer *p = printer_new(format, f);
    print_map_begin(p);
    key_unsigned(p, "format_version", 1);
    key_unsigned(p, "generation", k->generation.number);
    key_boolean(p, "dry_run", r->options.is_dry);
    key_text(p, "pack", rules_version(r->options.rules));
    key_unsigned(p, "messages", k->generation.messages);
    key_unsigned(p, "changed", k->generation.changed);
    key_unsigned(p, "rows_gone", r->gone.messages);
    key_unsigned(p, "rules", k->rules);
    key_unsigned(p, "rules_asked", k->rules_asked);
    key_unsigned(p, "hits_kept", k->hits.kept);
    key_unsigned(p, "hits_dropped", k->hits.dropped);
    print_key(p, "moves");
    print_list_begin(p);
    for (size_t i = 0; i < r->move_count; i++) {
        print_map_begin(p);
        key_text(p, "dimension", slice_cstr(dimension_name(r->moves[i].dimension)));
        key_text(p, "from", slice_cstr(r->moves[i].from));
        key_text(p, "to", slice_cstr(r->moves[i].to));
        key_unsigned(p, "messages", r->moves[i].messages);
        print_map_end(p);
    }
    print_list_end(p);
    print_map_end(p);
    return printer_end(p);
}

static int result_print(const struct relabeling *r, const struct command *c, enum out_format format)
{
    FILE *f;
    int status = context_output(c, &f);
    if (status) {
        return status;
    }
    bool ok = format == OUT_TEXT ? result_text(r, f) : result_fields(r, format, f);
    return context_output_end(c, f, ok);
}

/* ---- the verb ---- */

static int relabel_all(struct relabeling *r, const struct command *c, enum out_format format)
{
    struct errbuf eb = {.text = ""};
    int status = context_rules(&r->x);
    if (status) {
        return status;
    }
    struct rules *rules = rules_live_get(r->x.rules);
    struct sigaction act = {.sa_handler = interrupt};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    r->options.rules = rules;
    r->options.is_dry = command_flag(c, "dry-run");
    r->options.note = slice_cstr(command_value(c, "note", ""));
    r->options.stop = &interrupted;
    r->options.on_progress = progress_show;
    r->options.on_move = move_take;
    r->options.arg = r;
    progress_start(&r->progress, r->x.database, command_flag(c, "quiet"));
    enum err e = relabel_run(&r->options, r->x.store, &r->result, &eb);
    progress_end(&r->progress);
    e = e == OK ? store_gone_days(r->x.store, &r->options.filter, gone_day_add, &r->gone, &eb) : e;
    e = e == OK && r->failed ? ERR_NOMEM : e;
    if (e == ERR_CANCELLED) {
        fputs("interrupted; nothing was changed\n", stderr);
        status = EXIT_STATUS_INTERRUPTED;
    } else {
        status = e == OK ? result_print(r, c, format) : command_fail(c, e, &eb);
    }
    rules_unref(rules);
    return status;
}

static int relabel_verb(struct command *c)
{
    struct relabeling r = {.move_count = 0};
    enum out_format format;
    bool compares = command_flag(c, "compare");
    if (c->argument_count) {
        return usage_error(c, "no argument is wanted");
    }
    if (!compares && (command_flag(c, "generation") || command_flag(c, "by"))) {
        return usage_error(c, "--generation and --by go with --compare");
    }
    if (!context_format(c, &format) || !context_filter(c, &r.options.filter)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&r.x, c);
    status = status ? status
                    : context_store(&r.x, compares || command_flag(c, "dry-run") ? STORE_READ
                                                                                 : STORE_WRITE);
    if (!status) {
        status = compares ? relabel_compare(&r.x, c, &r.options.filter, format)
                          : relabel_all(&r, c, format);
    }
    for (size_t i = 0; i < r.move_count; i++) {
        free(r.moves[i].from);
        free(r.moves[i].to);
    }
    free(r.moves);
    context_close(&r.x);
    return status;
}

static const struct option_spec OPTIONS[] = {
    {"rules", OPTION_NO_SHORT, "PATH",
     "Rule files or a folder of them, instead of the configured ones; may be given several times."},
    {"dry-run", 'n', NULL, "Tells what would change and writes nothing."},
    {"note", OPTION_NO_SHORT, "TEXT", "Kept with the new generation."},
    {"compare", OPTION_NO_SHORT, NULL,
     "Shows an older generation beside the newest one; labels nothing."},
    {"generation", OPTION_NO_SHORT, "N",
     "With --compare: the older one; default: the one before the newest."},
    {"by", OPTION_NO_SHORT, "STEP",
     "With --compare: day, month or all (default): labels that differ, step by step."},
    FILTER_OPTIONS,
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EXAMPLES[] = {
    "spamgauge relabel --dry-run --rules ~/new-pack",
    "What another pack would change.",
    "spamgauge relabel --since 2010-09-01",
    "Labels the rows since September again with the configured rules.",
    "spamgauge relabel --compare --by month",
    "The labels before and after, month by month.",
    NULL,
};

const struct verb VERB_RELABEL = {
    .name = "relabel",
    .arguments = "",
    .summary = "asks the rules again about the stored messages",
    .text =
        "Gives every stored message the labels that the rules of today give it: a new label "
        "generation. Rules are asked that look only at what a row keeps (fingerprints, mailer, "
        "HELO, subject, shapes, domains, client, quirks; of a text that was cut or freed of trap "
        "addresses nothing is concluded). Of the other rules the earlier hits stand while the "
        "rule is in the pack. Rows, rollups, host sets and hourly counts follow, in one "
        "transaction: stopped or killed, the store is as it was. What retention has deleted "
        "keeps its labels, and it is said how much that is.\n\n"
        "The old labels' daily counts are kept: --compare shows them beside the new ones, "
        "with what moved from which label to which.",
    .options = OPTIONS,
    .examples = EXAMPLES,
    .run = relabel_verb,
};
