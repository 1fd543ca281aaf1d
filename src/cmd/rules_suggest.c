/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge rules suggest MESSAGES...: a rule drafted from what messages share, held against other
 * mail. Everything is read twice: once to see what there is, once to count it. */
#include "analyse/redact.h"
#include "analyse/stored.h"
#include "cluster/template.h"
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/strmap.h"
#include "out/escape.h"
#include "sig/suggest.h"
#include "stat/wilson.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    TRAITS_SHOWN = 12, /* that were considered and not taken */
    PAGE_ROWS = 1000,
    WANTED_FEW = 5 /* messages under which nothing could be held out */
};

struct suggesting {
    struct context x;
    const struct command *c;
    struct suggest *suggest;
    struct analyser *analyser;
    struct template *body, *subject;
    struct arena *arena;
    struct strmap *ids; /* of the wanted messages, as each trap of the store would have them */
    struct slice traps[64];
    size_t trap_count;
    struct suggest_head head;
    struct rules *rules;
    uint64_t wanted, against, of_tests, of_store;
};

typedef enum err (*message_fn)(struct suggesting *s, const struct analysis *a,
                               const struct source_message *m);

/* ---- reading ---- */

static int path_read(struct suggesting *s, const char *path, message_fn fn)
{
    struct source *source;
    struct source_message m;
    struct errbuf eb = {.text = ""};
    const struct analysis *a;
    enum err e = source_open(path, &source, &eb);
    if (e != OK) {
        return command_fail(s->c, e, &eb);
    }
    while ((e = source_next(source, &m, &eb)) == OK) {
        e = analyse_message(s->analyser, &m, time_now(), &a);
        e = e == OK ? fn(s, a, &m) : e;
        arena_reset(s->arena);
        if (e != OK) {
            err_set(&eb, e, "%s: %s", path, err_text(e));
            break;
        }
    }
    source_close(source);
    return e == ERR_END ? EXIT_STATUS_OK : command_fail(s->c, e, &eb);
}

static struct slice id_slice(const struct id128 *id)
{
    return slice_of((const char *)id->b, sizeof id->b);
}

/* Its identity here and in the store, so that it is never its own background. */
static enum err ids_add(struct suggesting *s, const struct analysis *a,
                        const struct source_message *m)
{
    enum err e = strmap_put(s->ids, id_slice(&a->row.id), NULL) ? OK : ERR_NOMEM;
    for (size_t i = 0; i < s->trap_count && e == OK; i++) {
        struct id128 id = message_id(s->traps[i], a->chain.arrival, m->raw, m->bytes);
        e = strmap_put(s->ids, id_slice(&id), NULL) ? OK : ERR_NOMEM;
    }
    return e;
}

static enum err texts_learn(struct suggesting *s, const struct analysis *a,
                            const struct recipients *r)
{
    struct words w;
    struct slice subject = features_text(&a->features, FEATURE_SUBJECT);
    enum err e = words_of(&w, &a->features, r->addr, r->count, s->arena);
    e = e == OK ? template_learn(s->body, &w) : e;
    e = e == OK ? words_split(&w, subject, r->addr, r->count, s->arena) : e;
    return e == OK ? template_learn(s->subject, &w) : e;
}

static enum err wanted_learn(struct suggesting *s, const struct analysis *a,
                             const struct source_message *m)
{
    struct recipients r;
    bool is_held = suggest_holds_next(s->suggest);
    enum err e = recipients_collect(&r, &a->mail, &a->chain, m->live, s->arena);
    e = e == OK ? ids_add(s, a, m) : e;
    e = e == OK && !is_held ? texts_learn(s, a, &r) : e;
    e = e == OK ? suggest_learn(s->suggest, &a->features, r.addr, r.count, s->arena) : e;
    if (a->row.clock != CLOCK_NONE && (!s->head.first || a->row.received < s->head.first)) {
        s->head.first = a->row.received;
    }
    s->wanted++;
    return e;
}

static enum err wanted_count(struct suggesting *s, const struct analysis *a,
                             const struct source_message *m)
{
    (void)m;
    return suggest_count(s->suggest, SUGGEST_WANTED, &a->features, NULL, s->arena);
}

static enum err against_count(struct suggesting *s, const struct analysis *a,
                              const struct source_message *m)
{
    (void)m;
    if (strmap_get(s->ids, id_slice(&a->row.id))) {
        return OK;
    }
    s->against++;
    return suggest_count(s->suggest, SUGGEST_BACKGROUND, &a->features, NULL, s->arena);
}

/* ---- the background ---- */

struct tests_arg {
    struct suggesting *s;
    enum err e;
};

/* Messages of the pack's tests, but those that show the very label. */
static void test_count(void *arg, size_t rule, bool is_match, struct slice message)
{
    struct tests_arg *t = arg;
    struct suggesting *s = t->s;
    const struct rule_info *info = rules_info(s->rules, rule);
    struct source_message m = {.raw = message, .bytes = message.n, .name = "test"};
    const struct analysis *a;
    if (t->e != OK ||
        (is_match && info->kind == s->head.kind && slice_eq(info->label, s->head.label))) {
        return;
    }
    t->e = analyse_message(s->analyser, &m, time_now(), &a);
    t->e = t->e == OK ? suggest_count(s->suggest, SUGGEST_BACKGROUND, &a->features, NULL, s->arena)
                      : t->e;
    arena_reset(s->arena);
    s->of_tests++;
}

static int tests_read(struct suggesting *s)
{
    struct tests_arg t = {.s = s, .e = OK};
    rules_test_messages(s->rules, test_count, &t);
    return t.e == OK ? EXIT_STATUS_OK : command_fail(s->c, t.e, NULL);
}

static struct slice row_label_name(const struct message_row *row, enum label_kind kind)
{
    return kind == LABEL_BOTNET   ? row->botnet.name
           : kind == LABEL_MAILER ? row->mailer_label.name
                                  : row->program.name;
}

static void row_count(void *arg, const struct message_row *row)
{
    struct tests_arg *t = arg;
    struct suggesting *s = t->s;
    struct features f;
    feature_set known;
    if (t->e != OK || strmap_get(s->ids, id_slice(&row->id)) ||
        slice_eq(row_label_name(row, s->head.kind), s->head.label)) {
        return;
    }
    t->e = stored_features(row, &f, &known, s->arena);
    t->e = t->e == OK ? suggest_count(s->suggest, SUGGEST_BACKGROUND, &f, &known, s->arena) : t->e;
    arena_reset(s->arena);
    s->of_store++;
}

static int store_read(struct suggesting *s)
{
    struct store_filter all = STORE_FILTER_ALL;
    struct page_cursor cursor = {.is_set = false};
    struct tests_arg t = {.s = s, .e = OK};
    struct errbuf eb = {.text = ""};
    enum err e = OK;
    for (bool has_more = true; has_more && e == OK && t.e == OK;) {
        struct page_cursor before = cursor;
        e = store_page(s->x.store, &all, &cursor, PAGE_ROWS, row_count, &t, &eb);
        has_more = cursor.is_set && !(before.is_set && id128_eq(before.id, cursor.id));
    }
    e = e == OK ? t.e : e;
    return e == OK ? EXIT_STATUS_OK : command_fail(s->c, e, &eb);
}

static void trap_take(void *arg, const struct trap_info *info)
{
    struct suggesting *s = arg;
    if (s->trap_count < sizeof s->traps / sizeof *s->traps) {
        char *copy = malloc(info->name.n + 1);
        if (copy) {
            memcpy(copy, info->name.p, info->name.n);
            s->traps[s->trap_count++] = slice_of(copy, info->name.n);
        }
    }
}

/* Without --against the store is the background, when there is one. */
static int store_begin(struct suggesting *s)
{
    struct errbuf eb = {.text = ""};
    if (command_value_at(s->c, "against", 0) || access(s->x.database, F_OK) != 0) {
        return EXIT_STATUS_OK;
    }
    int status = context_store(&s->x, STORE_READ);
    enum err e = status ? OK : store_traps(s->x.store, trap_take, s, &eb);
    return e == OK ? status : command_fail(s->c, e, &eb);
}

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
    if (s->of_store) {
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

static int paths_read(struct suggesting *s, message_fn fn)
{
    int status = EXIT_STATUS_OK;
    for (size_t i = 0; !status && i < s->c->argument_count; i++) {
        status = path_read(s, s->c->arguments[i], fn);
    }
    return status;
}

static int steps_run(struct suggesting *s)
{
    struct errbuf eb = {.text = ""};
    struct suggest_draft draft;
    int status = paths_read(s, wanted_learn);
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
    status = status ? status : paths_read(s, wanted_count);
    for (size_t i = 0; !status && command_value_at(s->c, "against", i); i++) {
        status = path_read(s, command_value_at(s->c, "against", i), against_count);
    }
    status = status ? status : tests_read(s);
    status = status || !s->x.store ? status : store_read(s);
    if (status) {
        return status;
    }
    suggest_draft(s->suggest, s->head.kind, &draft);
    return draft_write(s, &draft);
}

/* --label KIND=NAME; a draft without one names a botnet that is to be named. */
static bool label_take(struct suggesting *s)
{
    struct slice text = slice_cstr(command_value(s->c, "label", "botnet=to-be-named"));
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
            return true;
        }
    }
    usage_error(s->c,
                "--label is botnet=NAME, mailer=NAME or program=NAME, the name in lower case");
    return false;
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
    status = status ? status : store_begin(s);
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
    for (size_t i = 0; i < s->trap_count; i++) {
        union {
            const char *kept;
            void *freed;
        } name = {.kept = s->traps[i].p};
        free(name.freed);
    }
}

static int suggest_run(struct command *c)
{
    struct suggesting s = {.c = c};
    uint8_t key[SECRET_KEY_BYTES] = {0}; /* nothing is stored, so any key does */
    if (!c->argument_count) {
        return usage_error(c, "which messages? (files, folders, mailboxes)");
    }
    for (size_t i = 0; i < c->argument_count; i++) {
        if (strcmp(c->arguments[i], "-") == 0) {
            return usage_error(c, "standard input cannot be read twice: give files");
        }
    }
    if (!label_take(&s)) {
        return EXIT_STATUS_USAGE;
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
     "times. Default: what is in the store."},
    {"label", OPTION_NO_SHORT, "KIND=NAME",
     "What the rule names: botnet=, mailer= or program= and a name; default: botnet=to-be-named. "
     "What bears this label already is no background."},
    {"trust", OPTION_NO_SHORT, "WHAT",
     "A relay of your own side, as for import. May be given several times."},
    {"output", 'o', "PATH", "Writes the rule there instead of standard output."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EXAMPLES[] = {
    "spamgauge rules suggest bot.mbox --against ham/ --label mailer=bot -o bot.yaml",
    "Drafts a rule for the messages of a mailbox that matches none of the folder.",
    NULL,
};

const struct verb VERB_RULES_SUGGEST = {
    .name = "rules suggest",
    .arguments = "MESSAGES...",
    .summary = "drafts a rule from messages that belong together",
    .text = "Takes what the messages share (header order, shapes, quirks, mailer, MIME tree, URL "
            "shapes, texts of their template), leaves out what tells a recipient or what the "
            "receiving side wrote, and chooses few traits that together match nearly all of them "
            "and nothing of the background: the mail given, or the store's rows, and the tests of "
            "the rules in effect. A rule for a mailer uses no content, one for a program nothing "
            "else. Every fifth message is held out and the draft is tried on it.\n\n"
            "The rule goes to standard output, what was counted and considered to standard error. "
            "Exit status 1 when nothing separates the messages from the background. A draft is to "
            "be read by a person: it lacks a source and tests.",
    .options = OPTIONS,
    .examples = EXAMPLES,
    .run = suggest_run,
};
