/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge message: one message with its evidence, or a list to choose from. */
#include "out/message.h"

#include "analyse/row.h"
#include "cmd/choose.h"
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "out/message_list.h"
#include "store/cluster.h"

enum { LIMIT_MAX = 100000, ROW_BYTES_MAX = 16 * 1024 * 1024 };

static struct slice title_find(void *arg, struct slice rule_id)
{
    const struct rules *rules = arg;
    for (size_t i = 0; rules && i < rules_count(rules); i++) {
        if (slice_eq(rules_info(rules, i)->id, rule_id)) {
            return rules_info(rules, i)->title;
        }
    }
    return S("");
}

/* The cluster that the message's part is in now, into the arena; empty when there is none. */
static enum err cluster_name(struct store *s, const struct message_row *row, enum cluster_kind k,
                             struct arena *arena, struct slice *out)
{
    struct cluster_info info;
    char id[CLUSTER_ID_BYTES];
    struct strbuf text = STRBUF_INIT;
    *out = S("");
    if (!row->part[k] || store_part_cluster(s, k, row->part[k], &info, NULL) != OK) {
        return OK;
    }
    strbuf_add(&text, slice_of(id, cluster_id_print(k, info.id, id)));
    if (info.name.n) {
        strbuf_printf(&text, " (%.*s)", SLICE_ARG(info.name));
    }
    *out = arena_copy(arena, strbuf_slice(&text));
    bool ok = !text.failed && out->p;
    strbuf_free(&text);
    return ok ? OK : ERR_NOMEM;
}

static int message_write(struct context *x, const struct command *c, const struct message_row *row,
                         struct message_names names, enum out_format format)
{
    FILE *f;
    struct rules *rules = rules_live_get(x->rules);
    names.rule_title = title_find;
    names.arg = rules;
    int status = context_output(c, &f);
    if (!status) {
        struct report_style style = context_style(f);
        bool ok = format == OUT_TEXT ? message_print_text(f, row, &names, &style)
                                     : message_print(f, format, row, &names);
        status = context_output_end(c, f, ok);
    }
    rules_unref(rules);
    return status;
}

/* Without an id: what there is to choose from. */
struct listing {
    struct message_list *list;
    uint64_t limit, count;
};

static void listing_add(void *arg, const struct message_row *row)
{
    struct listing *listing = arg;
    if (listing->count++ < listing->limit) {
        message_list_add(listing->list, row);
    }
}

static int messages_list(struct context *x, const struct command *c, enum out_format format)
{
    struct listing listing = {.limit = 20};
    struct store_filter filter;
    struct page_cursor cursor = {.is_set = false};
    struct errbuf eb = {.text = ""};
    FILE *f;
    if (!context_filter(c, &filter) || !command_number(c, "limit", 1, LIMIT_MAX, &listing.limit)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_output(c, &f);
    if (status) {
        return status;
    }
    struct report_style style = context_style(f);
    listing.list = message_list_new(f, format, &style);
    /* One more than is shown tells whether there are more. */
    enum err e = listing.list ? store_page(x->store, &filter, &cursor, (size_t)listing.limit + 1,
                                           listing_add, &listing, &eb)
                              : ERR_NOMEM;
    bool has_more = listing.count > listing.limit;
    bool ok = !listing.list || message_list_end(listing.list, has_more);
    status = context_output_end(c, f, ok);
    if (e != OK) {
        return command_fail(c, e, &eb);
    }
    if (!status && has_more && !command_flag(c, "quiet")) {
        fprintf(
            stderr, "spamgauge message: there are more; --limit %llu or --since shows them\n",
            (unsigned long long)(listing.limit * 10 < LIMIT_MAX ? listing.limit * 10 : LIMIT_MAX));
    }
    return status;
}

/* The site of a message's trap as the store has it now; empty when it has none. */
struct site_search {
    struct slice trap;
    struct strbuf site;
};

static void site_compare(void *arg, const struct trap_info *t)
{
    struct site_search *search = arg;
    if (slice_eq(t->name, search->trap) && !search->site.n) {
        strbuf_add(&search->site, t->site);
    }
}

static int message_show(struct context *x, const struct command *c, struct id128 id,
                        enum out_format format)
{
    struct message_row found, row;
    struct session_row session;
    struct errbuf eb = {.text = ""};
    struct site_search search = {.site = STRBUF_INIT};
    struct arena *arena = arena_new(ROW_BYTES_MAX); /* a row does not outlive the next call */
    enum err e = arena ? store_message(x->store, id, &found, &eb) : ERR_NOMEM;
    e = e == OK ? row_copy(&row, &found, arena) : e;
    if (e == OK) {
        search.trap = row.trap;
        e = store_traps(x->store, site_compare, &search, &eb);
    }
    e = e == OK && search.site.failed ? ERR_NOMEM : e;
    struct message_names names = {.site = strbuf_slice(&search.site)};
    if (e == OK) {
        e = cluster_name(x->store, &row, CLUSTER_MAILER, arena, &names.mailer);
    }
    if (e == OK) {
        e = cluster_name(x->store, &row, CLUSTER_CAMPAIGN, arena, &names.campaign);
    }
    if (e == OK && store_message_session(x->store, &row, &session, NULL) == OK) {
        names.session = &session;
    }
    int status = e == OK ? message_write(x, c, &row, names, format) : command_fail(c, e, &eb);
    arena_free(arena);
    strbuf_free(&search.site);
    return status;
}

static int message_run(struct command *c)
{
    struct context x;
    struct id128 id;
    enum out_format format;
    if (c->argument_count > 1) {
        return usage_error(c, "one id, please");
    }
    if (!context_format(c, &format)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    if (!status && !c->argument_count) {
        status = messages_list(&x, c, format);
        context_close(&x);
        return status;
    }
    status = status ? status : context_rules(&x);
    status = status ? status : id_choose(c, x.store, store_find, "message", c->arguments[0], &id);
    status = status ? status : message_show(&x, c, id, format);
    context_close(&x);
    return status;
}

static const struct option_spec MESSAGE_OPTIONS[] = {
    FILTER_OPTIONS,
    {"limit", OPTION_NO_SHORT, "N", "How many to list when no id is given; default: 20."},
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

const struct verb VERB_MESSAGE = {
    .name = "message",
    .arguments = "[ID]",
    .summary = "one message with its evidence, redacted; without ID a list",
    .text = "Shows what is stored of a message: where it came from, its fingerprints, its labels "
            "with their probabilities and the "
            "rules behind them. ID may be cut short as long as one message begins so. Addresses "
            "are redacted.\n\n"
            "Without an ID it lists messages in the order of their receipt, with --since, --until, "
            "--trap and --site: id, time, trap, country, botnet and its probability. The text form "
            "cuts ids to what ID needs; json, jsonl and csv have them whole.",
    .options = MESSAGE_OPTIONS,
    .run = message_run,
};
