/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge mailers name, join, split and the same of campaigns: what a person knows better. It
 * stands over any later grouping. */
#include "analyse/clustering.h"
#include "cmd/context.h"
#include "cmd/mailers.h"
#include "cmd/verbs.h"

enum { NAME_BYTES_MAX = 64 };

typedef enum err (*edit_fn)(struct command *c, struct clusters *clusters, enum cluster_kind kind,
                            uint32_t id, struct errbuf *eb);

struct edit {
    struct command *c;
    edit_fn fn;
    uint32_t id;
};

static enum err edit_do(void *arg, struct clusters *clusters, struct errbuf *eb)
{
    const struct edit *x = arg;
    if (!clusters_living(clusters, command_kind(x->c), x->id)) {
        return err_set(eb, ERR_NOTFOUND, "there is no %s", x->c->arguments[0]);
    }
    return x->fn(x->c, clusters, command_kind(x->c), x->id, eb);
}

/* Opens the store for writing, does it and keeps it. */
static int edit(struct command *c, edit_fn fn)
{
    struct context x;
    struct errbuf eb = {.text = ""};
    struct edit what = {.c = c, .fn = fn};
    if (!command_cluster(c, c->arguments[0], &what.id)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_WRITE);
    if (!status) {
        enum err e = clustering_edit(x.store, edit_do, &what, &eb);
        status = e == OK ? 0 : command_fail(c, e, &eb);
    }
    context_close(&x);
    return status;
}

static enum err name_do(struct command *c, struct clusters *clusters, enum cluster_kind kind,
                        uint32_t id, struct errbuf *eb)
{
    const char *as = command_value(c, "as", kind == CLUSTER_MAILER ? "botnet" : "program");
    struct slice name = slice_cstr(c->argument_count > 1 ? c->arguments[1] : "");
    unsigned label = 0;
    while (label < CLUSTER_LABEL_COUNT &&
           strcmp(as, cluster_label_name((enum cluster_label)label)) != 0) {
        label++;
    }
    if (label == CLUSTER_LABEL_COUNT) {
        return err_set(eb, ERR_USAGE, "--as %s: botnet, mailer or program", as);
    }
    if (name.n > NAME_BYTES_MAX) {
        return err_set(eb, ERR_USAGE, "a name has at most %d bytes", NAME_BYTES_MAX);
    }
    return clusters_name(clusters, kind, id, (enum cluster_label)label, name,
                         slice_cstr(command_value(c, "note", "")), time_now());
}

static int name_run(struct command *c)
{
    bool takes_away = command_flag(c, "remove");
    if (c->argument_count != (takes_away ? 1 : 2)) {
        return usage_error(c, takes_away ? "one id, please" : "an id and a name, please");
    }
    return edit(c, name_do);
}

static enum err join_do(struct command *c, struct clusters *clusters, enum cluster_kind kind,
                        uint32_t id, struct errbuf *eb)
{
    for (size_t i = 1; i < c->argument_count; i++) {
        uint32_t from;
        enum err e = command_cluster(c, c->arguments[i], &from) ? OK : ERR_USAGE;
        if (e == OK && !clusters_living(clusters, kind, from)) {
            e = err_set(eb, ERR_NOTFOUND, "there is no %s", c->arguments[i]);
        }
        e = e == OK ? clusters_join(clusters, kind, id, from, time_now()) : e;
        if (e != OK) {
            return e;
        }
    }
    return OK;
}

static int join_run(struct command *c)
{
    return c->argument_count < 2 ? usage_error(c, "two ids, please") : edit(c, join_do);
}

static bool key_parse(struct slice text, uint64_t *key)
{
    *key = 0;
    for (size_t i = 0; i < text.n; i++) {
        int digit = ascii_hex(text.p[i]);
        if (digit < 0) {
            return false;
        }
        *key = *key << 4 | (unsigned)digit;
    }
    return text.n == 16;
}

static enum err split_do(struct command *c, struct clusters *clusters, enum cluster_kind kind,
                         uint32_t id, struct errbuf *eb)
{
    uint64_t keys[COMMAND_VALUES_MAX];
    char text[CLUSTER_ID_BYTES];
    uint32_t made;
    size_t n = 0;
    for (size_t i = 1; i < c->argument_count; i++) {
        if (n == COMMAND_VALUES_MAX || !key_parse(slice_cstr(c->arguments[i]), &keys[n++])) {
            return err_set(eb, ERR_USAGE, "%s: the 16 hex digits of a part, please",
                           c->arguments[i]);
        }
    }
    enum err e = clusters_split(clusters, kind, id, keys, n, &made, time_now());
    if (e == ERR_NOTFOUND) {
        return err_set(eb, e, "a part is not of %s", c->arguments[0]);
    }
    if (e == ERR_USAGE) {
        return err_set(eb, e, "that would be all of %s", c->arguments[0]);
    }
    if (e == OK) {
        printf("%.*s\n", (int)cluster_id_print(kind, made, text), text);
    }
    return e;
}

static int split_run(struct command *c)
{
    return c->argument_count < 2 ? usage_error(c, "an id and keys of parts, please")
                                 : edit(c, split_do);
}

static const struct option_spec NAME_OPTIONS[] = {
    {"as", OPTION_NO_SHORT, "WHAT",
     "What it is a name of: botnet, mailer or program; default: botnet of a mailer, program of a "
     "campaign."},
    {"note", OPTION_NO_SHORT, "TEXT", "Why, for the next person."},
    {"remove", OPTION_NO_SHORT, NULL,
     "Takes the name away; one that rules give comes back by itself."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const NAME_EXAMPLES[] = {
    "spamgauge mailers name mailer-0123abcd rustock --note 'as in our paper'",
    "Its members that no rule knows are counted as rustock's from now on.",
    NULL,
};

#define NAME_TEXT                                                                                  \
    "A person's name stands over names of rules and over any later grouping. New messages of it "  \
    "that no rule knows get the name as their label, with the probability that the page of it "    \
    "shows. What is stored already keeps its labels."
#define JOIN_TEXT                                                                                  \
    "All parts of the others become the first one's, for good. Their ids lead to it; the journal " \
    "tells. Volumes are of the joined one at once, also of the past."
#define SPLIT_TEXT                                                                                 \
    "The parts become one of their own, whose id is printed; they stay together and apart "        \
    "whatever the grouping says. The page of it shows the keys of its parts."

const struct verb VERB_MAILERS_NAME = {
    .name = "mailers name",
    .arguments = "ID [NAME]",
    .summary = "name a mailer",
    .text = NAME_TEXT,
    .options = NAME_OPTIONS,
    .examples = NAME_EXAMPLES,
    .run = name_run,
};

const struct verb VERB_MAILERS_JOIN = {
    .name = "mailers join",
    .arguments = "ID OTHER...",
    .summary = "make one mailer of several",
    .text = JOIN_TEXT,
    .run = join_run,
};

const struct verb VERB_MAILERS_SPLIT = {
    .name = "mailers split",
    .arguments = "ID KEY...",
    .summary = "take variants out of a mailer",
    .text = SPLIT_TEXT,
    .run = split_run,
};

const struct verb VERB_CAMPAIGNS_NAME = {
    .name = "campaigns name",
    .arguments = "ID [NAME]",
    .summary = "name a campaign",
    .text = NAME_TEXT,
    .options = NAME_OPTIONS,
    .run = name_run,
};

const struct verb VERB_CAMPAIGNS_JOIN = {
    .name = "campaigns join",
    .arguments = "ID OTHER...",
    .summary = "make one campaign of several",
    .text = JOIN_TEXT,
    .run = join_run,
};

const struct verb VERB_CAMPAIGNS_SPLIT = {
    .name = "campaigns split",
    .arguments = "ID KEY...",
    .summary = "take wordings out of a campaign",
    .text = SPLIT_TEXT,
    .run = split_run,
};
