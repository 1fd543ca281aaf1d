/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge rules suggest: a rule drafted from what messages share, held against other mail. */
#include "cmd/context.h"
#include "cmd/suggest_read.h"
#include "cmd/verbs.h"
#include "core/clock.h"
#include "core/limits.h"
#include "out/escape.h"
#include "stat/wilson.h"

#include <inttypes.h>

enum {
    TRAITS_SHOWN = 12, /* that were considered and not taken */
    WANTED_FEW = 5     /* messages under which nothing could be held out */
};

/* ---- telling ---- */

static void trait_say(const struct suggest_trait *t, const struct suggest_draft *d)
{
    struct strbuf line = STRBUF_INIT;
    escape_terminal(&line, t->entry, true);
    fprintf(stderr, "  %6" PRIu64 " of %" PRIu64 "  %8" PRIu64 " of %" PRIu64 "  %s\n", t->wanted,
            d->wanted_of, t->background, d->background_of, strbuf_cstr(&line));
    strbuf_free(&line);
}

static void draft_say(const struct suggesting *s, const struct suggest_draft *d)
{
    struct interval i = wilson_95(d->background, d->background_of);
    size_t shown = 0;
    if (command_flag(s->c, "quiet")) {
        return;
    }
    fprintf(stderr,
            "%" PRIu64 " messages, %" PRIu64 " of them held out. Background: %" PRIu64
            " of --against, %" PRIu64 " rows of the store, %" PRIu64 " of the pack's tests.\n",
            s->wanted, d->held_of, s->against, s->of_store, s->of_tests);
    fprintf(stderr, "Traits of the draft (messages, background):\n");
    for (size_t k = 0; k < d->chosen_count; k++) {
        trait_say(&d->traits[k], d);
    }
    fprintf(stderr,
            "Together: %" PRIu64 " of %" PRIu64 " messages, %" PRIu64 " of %" PRIu64
            " held out, %" PRIu64 " of %" PRIu64 " of the background",
            d->wanted, d->wanted_of, d->held, d->held_of, d->background, d->background_of);
    if (d->background_of) {
        fprintf(stderr, " (95 %%: at most %.3g %%)", 100 * i.high);
    }
    fprintf(stderr, ".\n");
    for (size_t k = d->chosen_count; k < d->trait_count && shown < TRAITS_SHOWN; k++, shown++) {
        if (!shown) {
            fprintf(stderr, "Considered, not taken:\n");
        }
        trait_say(&d->traits[k], d);
    }
    if (s->wanted < WANTED_FEW) {
        fprintf(stderr,
                "So few messages: none could be held out, the draft may fit these alone.\n");
    }
    if (s->of_store || s->cluster_count || s->message_count) {
        fprintf(stderr, "Rows of the store lack the text and most headers: a trait of these counts "
                        "as there.\n");
    }
    if (d->background_of < 100) {
        fprintf(stderr, "So little background tells nothing: give --against.\n");
    }
}

static int draft_write(struct suggesting *s, const struct suggest_draft *d)
{
    struct strbuf out = STRBUF_INIT;
    FILE *f;
    draft_say(s, d);
    if (!d->is_rule) {
        fprintf(stderr, "Nothing separates these messages from the background: no rule.\n");
        return EXIT_STATUS_NEGATIVE;
    }
    enum err e = suggest_write(s->suggest, &s->head, &out);
    int status = e == OK ? context_output(s->c, &f) : command_fail(s->c, e, NULL);
    if (e == OK && !status) {
        bool is_written = fwrite(out.p, 1, out.n, f) == out.n;
        status = context_output_end(s->c, f, is_written);
    }
    strbuf_free(&out);
    return status;
}

/* ---- the steps ---- */

static int texts_give(struct suggesting *s)
{
    struct slice texts[TEMPLATE_TEXTS];
    size_t n = 0;
    enum err e = template_texts(s->body, texts, &n, s->arena);
    e = e == OK ? suggest_texts(s->suggest, FEATURE_BODY_TEXT, texts, n) : e;
    e = e == OK ? template_texts(s->subject, texts, &n, s->arena) : e;
    e = e == OK ? suggest_texts(s->suggest, FEATURE_SUBJECT, texts, n) : e;
    arena_reset(s->arena);
    return e == OK ? EXIT_STATUS_OK : command_fail(s->c, e, NULL);
}

static int steps_run(struct suggesting *s)
{
    struct errbuf eb = {.text = ""};
    struct suggest_draft draft;
    int status = suggest_read_wanted(s, SUGGEST_LEARN);
    if (!status && !s->wanted) {
        fprintf(stderr, "spamgauge rules suggest: no message in it\n");
        return EXIT_STATUS_NEGATIVE;
    }
    status = status ? status : texts_give(s);
    enum err e = status ? OK : suggest_traits(s->suggest, &eb);
    if (e == ERR_NOTFOUND) {
        fprintf(stderr, "The messages share nothing that a rule could be made of.\n");
        return EXIT_STATUS_NEGATIVE;
    }
    if (e != OK) {
        return command_fail(s->c, e, &eb);
    }
    status = status ? status : suggest_read_wanted(s, SUGGEST_COUNT);
    status = status ? status : suggest_read_background(s);
    if (status) {
        return status;
    }
    suggest_draft(s->suggest, s->head.kind, &draft);
    return draft_write(s, &draft);
}

/* --label KIND=NAME; else what is known by what was asked for is to be named. */
static int label_take(struct suggesting *s)
{
    const char *unnamed = !s->cluster_count             ? "botnet=to-be-named"
                          : s->kind == CLUSTER_CAMPAIGN ? "program=to-be-named"
                                                        : "mailer=to-be-named";
    struct slice text = slice_cstr(command_value(s->c, "label", unnamed));
    struct slice kind = slice_cut(&text, '=');
    s->head.label = text;
    bool is_slug = text.n > 0 && text.n <= 64 && text.p[0] != '-' && text.p[text.n - 1] != '-';
    for (size_t i = 0; i < text.n; i++) {
        is_slug &= ascii_is_lower(text.p[i]) || ascii_is_digit(text.p[i]) || text.p[i] == '-' ||
                   text.p[i] == '.' || text.p[i] == '_';
    }
    for (int k = 0; k < LABEL_KIND_COUNT; k++) {
        if (is_slug && slice_eq(kind, slice_cstr(label_kind_name((enum label_kind)k)))) {
            s->head.kind = (enum label_kind)k;
            return EXIT_STATUS_OK;
        }
    }
    return usage_error(
        s->c, "--label is botnet=NAME, mailer=NAME or program=NAME, the name in lower case");
}

static int suggest_begin(struct suggesting *s, struct trust *trust,
                         const uint8_t key[SECRET_KEY_BYTES])
{
    struct errbuf eb = {.text = ""};
    int status = trust ? EXIT_STATUS_OK : command_fail(s->c, ERR_NOMEM, NULL);
    for (size_t i = 0; !status && command_value_at(s->c, "trust", i); i++) {
        enum err e = trust_add(trust, slice_cstr(command_value_at(s->c, "trust", i)), &eb);
        status = e == OK ? status : command_fail(s->c, e, &eb);
    }
    status = status ? status : context_urls(&s->x);
    status = status ? status : context_rules(&s->x);
    status = status ? status : suggest_sources(s);
    status = status ? status : label_take(s);
    if (status) {
        return status;
    }
    struct analyse_config config = {
        .trap = S("suggest"), .trust = trust, .urls = s->x.urls, .recipient_key = key};
    s->rules = rules_live_get(s->x.rules);
    s->analyser = analyser_new(&config);
    s->suggest = suggest_new();
    s->body = template_new();
    s->subject = template_new();
    s->arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    s->ids = strmap_new();
    s->head.now = time_now();
    return s->analyser && s->suggest && s->body && s->subject && s->arena && s->ids
               ? EXIT_STATUS_OK
               : command_fail(s->c, ERR_NOMEM, NULL);
}

static void suggest_end(struct suggesting *s)
{
    if (s->rules) {
        rules_unref(s->rules);
    }
    analyser_free(s->analyser);
    suggest_free(s->suggest);
    template_free(s->body);
    template_free(s->subject);
    arena_free(s->arena);
    strmap_free(s->ids);
    suggest_sources_free(s);
}

static int suggest_run(struct command *c)
{
    struct suggesting s = {.c = c};
    uint8_t key[SECRET_KEY_BYTES] = {0}; /* nothing is stored, so any key does */
    if (!c->argument_count) {
        return usage_error(c, "which messages? (files, folders, mailboxes, or ids of the store)");
    }
    for (size_t i = 0; i < c->argument_count; i++) {
        if (strcmp(c->arguments[i], "-") == 0) {
            return usage_error(c, "standard input cannot be read twice: give files");
        }
    }
    int status = context_open(&s.x, c);
    if (status) {
        return status;
    }
    struct trust *trust = trust_new();
    status = suggest_begin(&s, trust, key);
    status = status ? status : steps_run(&s);
    suggest_end(&s);
    trust_free(trust);
    context_close(&s.x);
    return status;
}

static const struct option_spec OPTIONS[] = {
    {"against", OPTION_NO_SHORT, "PATH",
     "Other mail (any file that import reads) that the rule must not match; may be given several "
     "times. Default: a sample of the store."},
    {"label", OPTION_NO_SHORT, "KIND=NAME",
     "What the rule names: botnet=, mailer= or program= and a name; default: to-be-named, a mailer "
     "of mailers, a program of campaigns, else a botnet. What bears this label already is no "
     "background."},
    {"trust", OPTION_NO_SHORT, "WHAT",
     "A relay of your own side, as for import. May be given several times."},
    {"output", 'o', "PATH", "Writes the rule there instead of standard output."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EXAMPLES[] = {
    "spamgauge rules suggest bot.mbox --against ham/ --label mailer=bot -o bot.yaml",
    "Drafts a rule for the messages of a mailbox that matches none of the folder.",
    "spamgauge rules suggest mailer-0123abcd --label botnet=newcomer",
    "Drafts a rule for a mailer that the clustering found.",
    NULL,
};

const struct verb VERB_RULES_SUGGEST = {
    .name = "rules suggest",
    .arguments = "MESSAGES|ID...",
    .summary = "drafts a rule from messages that belong together",
    .text =
        "MESSAGES are any files that import reads; an ID is a mailer's, a campaign's or a "
        "message's "
        "of the store (its first digits will do). Takes what the messages share (header order, "
        "shapes, quirks, mailer, MIME tree, URL "
        "shapes, texts of their template), leaves out what tells a recipient or what the "
        "receiving side wrote, and chooses few traits that together match nearly all of them "
        "and nothing of the background: the mail given, or a sample of the store's rows, and "
        "the tests of the rules in effect. A rule for a mailer uses no content, one for a program "
        "nothing "
        "else. Every fifth message is held out and the draft is tried on it. Rows of the store "
        "have "
        "neither text nor most headers: a rule drafted from them stands on fingerprints, shapes, "
        "quirks and URLs; \"campaign ID\" shows the text that one would search for.\n\n"
        "The rule goes to standard output, what was counted and considered to standard error. "
        "Exit status 1 when nothing separates the messages from the background. A draft is to "
        "be read by a person: it lacks a source and tests.",
    .options = OPTIONS,
    .examples = EXAMPLES,
    .run = suggest_run,
};
