/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge session, sessions: connections of traps, with or without mail. */
#include "out/session.h"

#include "cmd/choose.h"
#include "cmd/context.h"
#include "cmd/verbs.h"

enum { LIMIT_MAX = 100000 };

static int session_write(const struct command *c, const struct session_row *row,
                         enum out_format format)
{
    FILE *f;
    int status = context_output(c, &f);
    if (!status) {
        struct report_style style = context_style(f);
        bool ok =
            format == OUT_TEXT ? session_print_text(f, row, &style) : session_print(f, format, row);
        status = context_output_end(c, f, ok);
    }
    return status;
}

static int session_run(struct command *c)
{
    struct context x;
    struct id128 id;
    struct session_row row;
    struct errbuf eb = {.text = ""};
    enum out_format format;
    if (c->argument_count != 1) {
        return usage_error(c, "one id, please; `spamgauge sessions` lists them");
    }
    if (!context_format(c, &format)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    status = status ? status
                    : id_choose(c, x.store, store_session_find, "session", c->arguments[0], &id);
    if (!status) {
        enum err e = store_session(x.store, id, &row, &eb);
        status = e == OK ? session_write(c, &row, format) : command_fail(c, e, &eb);
    }
    context_close(&x);
    return status;
}

/* ---- the list ---- */

struct listing {
    struct session_list *list;
    uint64_t limit, count;
};

static void listing_add(void *arg, const struct session_row *row)
{
    struct listing *listing = arg;
    if (listing->count++ < listing->limit) {
        session_list_add(listing->list, row);
    }
}

static int sessions_list(struct context *x, const struct command *c, enum out_format format)
{
    struct listing listing = {.limit = 20};
    struct store_filter filter;
    struct session_cursor cursor = {.is_set = false};
    struct errbuf eb = {.text = ""};
    struct ip client;
    FILE *f;
    const char *client_text = command_value(c, "client", NULL);
    if (!context_filter(c, &filter) || !command_number(c, "limit", 1, LIMIT_MAX, &listing.limit)) {
        return EXIT_STATUS_USAGE;
    }
    if (client_text && !ip_parse(slice_cstr(client_text), &client)) {
        return usage_error(c, "--client %s: an IPv4 or IPv6 address, please", client_text);
    }
    int status = context_output(c, &f);
    if (status) {
        return status;
    }
    struct report_style style = context_style(f);
    listing.list = session_list_new(f, format, &style);
    /* One more than is shown tells whether there are more. */
    enum err e = listing.list
                     ? store_sessions(x->store, &filter, client_text ? &client : NULL, &cursor,
                                      (size_t)listing.limit + 1, listing_add, &listing, &eb)
                     : ERR_NOMEM;
    bool has_more = listing.count > listing.limit;
    bool ok = !listing.list || session_list_end(listing.list, has_more);
    status = context_output_end(c, f, ok);
    if (e != OK) {
        return command_fail(c, e, &eb);
    }
    if (!status && has_more && !command_flag(c, "quiet")) {
        fprintf(stderr, "spamgauge sessions: there are more; --limit or --since shows them\n");
    }
    return status;
}

static int sessions_run(struct command *c)
{
    struct context x;
    enum out_format format;
    if (c->argument_count) {
        return usage_error(c, "no argument is wanted");
    }
    if (!context_format(c, &format)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_READ);
    status = status ? status : sessions_list(&x, c, format);
    context_close(&x);
    return status;
}

static const struct option_spec SESSION_OPTIONS[] = {FORMAT_OPTIONS,
                                                     {NULL, OPTION_NO_SHORT, NULL, NULL}};

static const struct option_spec SESSIONS_OPTIONS[] = {
    FILTER_OPTIONS,
    {"client", OPTION_NO_SHORT, "ADDRESS", "Connections of this client only."},
    {"limit", OPTION_NO_SHORT, "N", "How many to list; default: 20."},
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const SESSIONS_EXAMPLES[] = {
    "spamgauge sessions --since 1d --client 192.0.2.7",
    "What one client did today.",
    NULL,
};

const struct verb VERB_SESSION = {
    .name = "session",
    .arguments = "ID",
    .summary = "one connection of a trap with its dialogue, redacted",
    .text = "Shows what a trap saw of one connection: client, times, TLS, authentication, "
            "fingerprints, and the dialogue with the time of each line, as far as it is kept. ID "
            "may be cut short as long as one session begins so. Recipients are not stored, and of "
            "all other addresses only the domain is shown.",
    .options = SESSION_OPTIONS,
    .run = session_run,
};

const struct verb VERB_SESSIONS = {
    .name = "sessions",
    .arguments = "",
    .summary = "connections of traps, with or without mail",
    .text = "Lists connections by the time at which they began. The text form cuts ids to what "
            "session ID needs; json, jsonl and csv have them whole.",
    .options = SESSIONS_OPTIONS,
    .examples = SESSIONS_EXAMPLES,
    .run = sessions_run,
};
