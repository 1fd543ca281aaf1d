/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge mailers, mailer, campaigns, campaign: what is known of them. */
#include "cmd/mailers.h"

#include "cmd/context.h"
#include "cmd/draft.h"
#include "cmd/verbs.h"
#include "observe/clusters.h"
#include "out/clusters_out.h"

enum { CLUSTERS_ARENA_BYTES = 256 * 1024 * 1024 };

typedef int (*show_fn)(struct context *x, struct command *c, struct clusters *clusters,
                       const struct store_filter *f, enum out_format format, struct arena *arena);

enum cluster_kind command_kind(const struct command *c)
{
    return slice_starts(slice_cstr(c->verb->name), S("mailer")) ? CLUSTER_MAILER : CLUSTER_CAMPAIGN;
}

bool command_cluster(const struct command *c, const char *text, uint32_t *id)
{
    enum cluster_kind kind = command_kind(c);
    if (!cluster_id_parse(slice_cstr(text), &kind, id) || kind != command_kind(c)) {
        usage_error(c, "%s: an id such as %s-0123abcd, please", text,
                    cluster_kind_name(command_kind(c)));
        return false;
    }
    return true;
}

static int show(struct command *c, show_fn fn)
{
    struct context x;
    struct store_filter f;
    enum out_format format;
    struct errbuf eb = {.text = ""};
    struct clusters *clusters = NULL;
    if (!context_format(c, &format) || !context_filter(c, &f)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    struct arena *arena = status ? NULL : arena_new(CLUSTERS_ARENA_BYTES);
    if (!status && !arena) {
        status = command_fail(c, ERR_NOMEM, NULL);
    }
    if (!status) {
        enum err e = store_clusters_load(x.store, command_kind(c), &clusters, &eb);
        status = e == OK ? fn(&x, c, clusters, &f, format, arena) : command_fail(c, e, &eb);
    }
    clusters_free(clusters);
    arena_free(arena);
    context_close(&x);
    return status;
}

static int list_show(struct context *x, struct command *c, struct clusters *clusters,
                     const struct store_filter *f, enum out_format format, struct arena *arena)
{
    struct clusters_query q = {
        .filter = *f, .kind = command_kind(c), .is_new = command_flag(c, "new")};
    struct clusters_list list;
    struct errbuf eb = {.text = ""};
    uint64_t limit = CLUSTERS_LISTED;
    FILE *out;
    if (!command_number(c, "limit", 1, CLUSTERS_LISTED_MAX, &limit)) {
        return EXIT_STATUS_USAGE;
    }
    q.limit = (size_t)limit;
    enum err e = clusters_list_build(x->store, clusters, &q, arena, &list, &eb);
    if (e == OK && q.is_new && q.kind == CLUSTER_MAILER) {
        e = drafts_add(x->store, list.lines, list.count, arena, &eb);
    }
    if (e != OK) {
        return command_fail(c, e, &eb);
    }
    int status = context_output(c, &out);
    if (status) {
        return status;
    }
    struct report_style style = context_style(out);
    bool ok = format == OUT_TEXT ? clusters_list_print_text(out, &list, &style)
                                 : clusters_list_print(out, format, &list);
    return context_output_end(c, out, ok);
}

static int list_run(struct command *c)
{
    return c->argument_count ? usage_error(c, "no argument is wanted") : show(c, list_show);
}

static int page_show(struct context *x, struct command *c, struct clusters *clusters,
                     const struct store_filter *f, enum out_format format, struct arena *arena)
{
    struct cluster_page page;
    struct errbuf eb = {.text = ""};
    uint32_t id;
    FILE *out;
    if (!command_cluster(c, c->arguments[0], &id)) {
        return EXIT_STATUS_USAGE;
    }
    enum err e = cluster_page_build(x->store, clusters, f, command_kind(c), id, arena, &page, &eb);
    if (e == OK && page.kind == CLUSTER_MAILER && format != OUT_CSV) { /* that is its volume */
        e = drafts_add(x->store, &page.line, 1, arena, &eb);
    }
    if (e != OK) {
        return command_fail(c, e, &eb);
    }
    int status = context_output(c, &out);
    if (status) {
        return status;
    }
    struct report_style style = context_style(out);
    bool ok = format == OUT_TEXT ? cluster_page_print_text(out, &page, &style)
                                 : cluster_page_print(out, format, &page);
    return context_output_end(c, out, ok);
}

static int page_run(struct command *c)
{
    return c->argument_count == 1 ? show(c, page_show) : usage_error(c, "one id, please");
}

static const struct option_spec LIST_OPTIONS[] = {
    {"new", OPTION_NO_SHORT, NULL,
     "Only those without a name, first seen in the last 28 days, that at least doubled within a "
     "week, of 20 hosts or more; most hosts first."},
    FILTER_OPTIONS,
    {"limit", OPTION_NO_SHORT, "N", "How many; default: 20."},
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const struct option_spec PAGE_OPTIONS[] = {
    FILTER_OPTIONS,
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const MAILERS_EXAMPLES[] = {
    "spamgauge mailers --since 2010-10-01 --until 2010-11-01",
    "The families of sending software of a month, greatest first.",
    "spamgauge mailers --new",
    "Is there a botnet that nobody knows?",
    NULL,
};

const struct verb VERB_MAILERS = {
    .name = "mailers",
    .arguments = "",
    .summary = "families of sending software, also those that no rule knows",
    .text = "A mailer is a group of header and SMTP dialects that one family of software shows. "
            "Messages and their share are those of the period; \"week\" is the last week of it "
            "against the week before; hosts and the most frequent country are of all time, hosts "
            "with \"≈\" are estimated (standard error 13 %). With --new each comes with its "
            "fingerprint, countries and campaigns and a rule drafted for it, as rules suggest does "
            "from a sample of the store.",
    .options = LIST_OPTIONS,
    .examples = MAILERS_EXAMPLES,
    .run = list_run,
};

static const char *const CAMPAIGNS_EXAMPLES[] = {
    "spamgauge campaigns --since 7d --limit 50",
    "What was sent in the last week.",
    NULL,
};

const struct verb VERB_CAMPAIGNS = {
    .name = "campaigns",
    .arguments = "",
    .summary = "what is sent: messages of one content template",
    .text = "A campaign is a group of messages whose contents are alike whatever recipient, link, "
            "number and random part stand in them, whoever sent them. The columns are those of "
            "mailers.",
    .options = LIST_OPTIONS,
    .examples = CAMPAIGNS_EXAMPLES,
    .run = list_run,
};

const struct verb VERB_MAILER = {
    .name = "mailer",
    .arguments = "ID",
    .summary = "one mailer in full: volume, hosts, campaigns, samples",
    .text =
        "Volume, traps and variants are those of the period and exact. Hosts, countries, "
        "labels, domains and campaigns are of all time, as far as they are kept: the most "
        "frequent ones. An id that was merged shows the mailer that it is part of. For one that "
        "no rule names a rule is drafted, as rules suggest does, from a sample of the store. "
        "CSV has the volume over time.",
    .options = PAGE_OPTIONS,
    .run = page_run,
};

const struct verb VERB_CAMPAIGN = {
    .name = "campaign",
    .arguments = "ID",
    .summary = "one campaign in full: volume, template, mailers, samples",
    .text = "As mailer; and the template that was learnt from its messages: what stands in all of "
            "them, with holes for what varies, and what a rule would search for.",
    .options = PAGE_OPTIONS,
    .run = page_run,
};
