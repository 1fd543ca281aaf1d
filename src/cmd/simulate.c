/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge simulate mail, simulate spool: a trap's mail with its truth, for trying methods on. */
#include "simulate/simulate.h"

#include "analyse/spool_feed.h"
#include "cmd/context.h"
#include "cmd/progress.h"
#include "cmd/verbs.h"
#include "core/clock.h"
#include "spool/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum {
    PATH_BYTES = 4096,
    SPOOL_TRIES = 5000, /* of 2 ms: a disk that stands still for 10 s is one that failed */
};

/* An mbox line that looks like a separator gets one ">" more (mboxrd). */
static void message_write(FILE *f, const struct simulated *m)
{
    char text[64];
    time_t t = (time_t)m->received;
    struct tm tm;
    struct slice left = m->raw;
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &tm);
    fprintf(f, "From %.*s %s\n", SLICE_ARG(m->sender), text);
    while (left.n) {
        struct slice line = slice_cut(&left, '\n');
        size_t quotes = 0;
        while (quotes < line.n && line.p[quotes] == '>') {
            quotes++;
        }
        if (slice_starts(slice_sub(line, quotes, SIZE_MAX), S("From "))) {
            fputc('>', f);
        }
        fwrite(line.p, 1, line.n, f);
        fputc('\n', f);
    }
    fputc('\n', f);
}

static const char TRUTH_HEADER[] = "ordinal,id,received,client,machine,country,mailer,version,"
                                   "client_forged,botnet,label,campaign,type,layout,program,path\n";

/* No field holds a comma or a quote: they are names of ours. */
static void truth_write(FILE *f, uint64_t ordinal, const struct simulated *m)
{
    char id[33], received[21], client[IP_TEXT_BYTES];
    id128_hex(m->id, id);
    time_rfc3339(m->received, received);
    ip_text(m->client, client);
    fprintf(f, "%llu,%s,%s,%s,%016llx,%s,%.*s,%u,%s,%.*s,%.*s,%.*s,%s,%s,%.*s,%s\n",
            (unsigned long long)ordinal, id, received, client, (unsigned long long)m->machine,
            m->country, SLICE_ARG(m->mailer), m->version, m->forged, SLICE_ARG(m->botnet),
            SLICE_ARG(m->label), SLICE_ARG(m->campaign), m->type ? m->type : "",
            m->layout ? m->layout : "", SLICE_ARG(m->program), m->path);
}

static int io_failed(const struct command *c, const char *path)
{
    struct errbuf eb;
    err_at(&eb, ERR_IO, path, 0, 0, "%s", strerror(errno));
    return command_fail(c, ERR_IO, &eb);
}

static int mail_write(struct command *c, struct simulation *s, uint64_t messages, FILE *mbox,
                      FILE *truth)
{
    struct progress progress;
    struct simulated m;
    uint64_t ordinal = 0;
    enum err e;
    progress_start(&progress, "mail", command_flag(c, "quiet"));
    if (truth) {
        fputs(TRUTH_HEADER, truth);
    }
    while ((e = simulation_next(s, &m)) == OK && !ferror(mbox)) {
        message_write(mbox, &m);
        if (truth) {
            truth_write(truth, ordinal, &m);
        }
        ordinal++;
        progress_draw(&progress, ordinal, messages, ordinal);
    }
    progress_end(&progress);
    return e == OK || e == ERR_END ? EXIT_STATUS_OK : command_fail(c, e, NULL);
}

/* Appends one record; waits while the writer has no room. */
static enum spool_status record_append(struct spool_writer *w, const struct simulated *m,
                                       bool is_session)
{
    static const struct timespec PAUSE = {.tv_nsec = 2000000};
    enum spool_status status = SPOOL_FULL;
    for (unsigned i = 0; i < SPOOL_TRIES && status == SPOOL_FULL; i++) {
        if (i > 0) {
            nanosleep(&PAUSE, NULL);
        }
        status = is_session ? spool_append_session(w, m->session, 0, SPOOL_NO_SHARE)
                            : spool_append_message(w, m->message, 0, SPOOL_NO_SHARE);
    }
    return status;
}

static enum err spool_append(struct spool_writer *w, const struct simulated *m, struct errbuf *eb)
{
    enum spool_status status = record_append(w, m, false);
    status = status == SPOOL_OK ? record_append(w, m, true) : status;
    return status == SPOOL_OK ? OK
                              : err_set(eb, ERR_IO, "the spool: %s", spool_status_name(status));
}

static int spool_write(struct command *c, struct simulation *s, uint64_t messages,
                       const char *folder, FILE *truth)
{
    struct spool_writer_options o = {.folder = folder, .compression_level = 1};
    struct spool_writer *w;
    struct errbuf eb = {.text = ""};
    struct progress progress;
    struct simulated m;
    uint64_t ordinal = 0;
    enum err e = spool_writer_open(&o, &w, &eb);
    if (e != OK) {
        return command_fail(c, e, &eb);
    }
    progress_start(&progress, "spool", command_flag(c, "quiet"));
    fputs(TRUTH_HEADER, truth);
    while (e == OK && (e = simulation_next(s, &m)) == OK) {
        e = spool_append(w, &m, &eb);
        m.id = spool_message_id(m.message);
        truth_write(truth, ordinal++, &m);
        progress_draw(&progress, ordinal, messages, ordinal);
    }
    progress_end(&progress);
    struct spool_stats stats = spool_writer_stats(w);
    spool_writer_close(w);
    if (e == ERR_END && stats.failed) {
        e = err_set(&eb, ERR_IO, "%s: %llu records could not be written", folder,
                    (unsigned long long)stats.failed);
    }
    return e == ERR_END ? EXIT_STATUS_OK : command_fail(c, e, &eb);
}

static bool options_read(struct command *c, struct simulate_options *o)
{
    uint64_t seed = 1, messages = 20000, families = 24, campaigns = 40, days = 60;
    const char *mess = command_value(c, "mess", "0.5"), *since = command_value(c, "since", NULL);
    char *end;
    if (!command_number(c, "seed", 0, UINT64_MAX, &seed) ||
        !command_number(c, "messages", 1, SIMULATE_MESSAGES_MAX, &messages) ||
        !command_number(c, "families", 1, SIMULATE_FAMILIES_MAX, &families) ||
        !command_number(c, "campaigns", 1, SIMULATE_CAMPAIGNS_MAX, &campaigns) ||
        !command_number(c, "days", 1, SIMULATE_DAYS_MAX, &days)) {
        return false;
    }
    *o = (struct simulate_options){.seed = seed,
                                   .messages = messages,
                                   .families = (unsigned)families,
                                   .campaigns = (unsigned)campaigns,
                                   .days = (unsigned)days,
                                   .mess = strtod(mess, &end),
                                   .since = civil_to_days(2007, 7, 1) * SECONDS_PER_DAY,
                                   .trap = slice_cstr(command_value(c, "trap", "import"))};
    if (end == mess || *end || !(o->mess >= 0 && o->mess <= 1)) {
        usage_error(c, "--mess %s: a number from 0 to 1, please", mess);
        return false;
    }
    if (since && !time_parse(slice_cstr(since), time_now(), &o->since)) {
        usage_error(c, "--since %s: no time", since);
        return false;
    }
    return true;
}

static int simulate_spool_run(struct command *c)
{
    struct simulate_options o;
    struct simulation *s;
    struct errbuf eb = {.text = ""};
    char path[PATH_BYTES] = "";
    const char *folder = command_value(c, "output", NULL), *truth = command_value(c, "truth", NULL);
    if (c->argument_count || !folder) {
        return usage_error(c, c->argument_count ? "no argument is wanted"
                                                : "--output says where to, please");
    }
    if (!options_read(c, &o)) {
        return EXIT_STATUS_USAGE;
    }
    o.is_live = true;
    snprintf(path, sizeof path, truth ? "%s" : "%s.truth.csv", truth ? truth : folder);
    enum err e = simulation_new(&o, &s, &eb);
    if (e != OK) {
        return command_fail(c, e, &eb);
    }
    FILE *table = fopen(path, "w");
    int status = table ? spool_write(c, s, o.messages, folder, table) : io_failed(c, path);
    bool is_bad = table && ferror(table);
    is_bad = (table && fclose(table) != 0) || is_bad;
    simulation_free(s);
    return status == 0 && is_bad ? io_failed(c, path) : status;
}

static int simulate_mail_run(struct command *c)
{
    struct simulate_options o;
    struct simulation *s;
    struct errbuf eb = {.text = ""};
    char truth_path[PATH_BYTES] = "";
    const char *path = command_value(c, "output", NULL), *truth = command_value(c, "truth", NULL);
    FILE *mbox, *table = NULL;
    if (c->argument_count || !path) {
        return usage_error(c, c->argument_count ? "no argument is wanted"
                                                : "--output says where to, please");
    }
    if (!options_read(c, &o)) {
        return EXIT_STATUS_USAGE;
    }
    if (truth) {
        snprintf(truth_path, sizeof truth_path, "%s", truth);
    } else if (strcmp(path, "-") != 0) {
        snprintf(truth_path, sizeof truth_path, "%s.truth.csv", path);
    }
    enum err e = simulation_new(&o, &s, &eb);
    if (e != OK) {
        return command_fail(c, e, &eb);
    }
    int status = context_output(c, &mbox);
    if (status == 0 && truth_path[0] && !(table = fopen(truth_path, "w"))) {
        status = io_failed(c, truth_path);
        if (mbox != stdout) {
            fclose(mbox);
        }
    } else if (status == 0) {
        status = mail_write(c, s, o.messages, mbox, table);
        int closed = context_output_end(c, mbox, true);
        status = status ? status : closed;
        bool is_bad = table && ferror(table);
        is_bad = (table && fclose(table) != 0) || is_bad;
        status = status == 0 && is_bad ? io_failed(c, truth_path) : status;
    }
    simulation_free(s);
    return status;
}

#define SIMULATE_OPTIONS                                                                           \
    {"seed", OPTION_NO_SHORT, "N", "Another seed, another world; default: 1."},                    \
        {"messages", 'n', "N", "Messages; default: 20000."},                                       \
        {"families", OPTION_NO_SHORT, "N", "Families of sending software; default: 24."},          \
        {"campaigns", OPTION_NO_SHORT, "N",                                                        \
         "Campaigns, besides those of botnets that nobody rents; default: 40."},                   \
        {"days", OPTION_NO_SHORT, "N", "Days; default: 60."},                                      \
        {"since", OPTION_NO_SHORT, "TIME", "The first day; default: 2007-07-01."},                 \
        {"mess", OPTION_NO_SHORT, "0..1",                                                          \
         "How much goes wrong: fields that come and go, upgrades, padding, relays' marks, shared " \
         "machines; default: 0.5."},                                                               \
    {                                                                                              \
        "trap", OPTION_NO_SHORT, "NAME",                                                           \
            "The trap under whose name it will be imported, for the ids in the table; default: "   \
            "import."                                                                              \
    }

static const struct option_spec SIMULATE_MAIL_OPTIONS[] = {
    {"output", 'o', "PATH", "The mbox to write; - is standard output."},
    {"truth", OPTION_NO_SHORT, "PATH",
     "The table of truth to write; default: the mbox's name and .truth.csv."},
    SIMULATE_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const SIMULATE_MAIL_EXAMPLES[] = {
    "spamgauge simulate mail --seed 7 -o spam.mbox",
    "20,000 messages in spam.mbox, what is true of them in spam.mbox.truth.csv.",
    "spamgauge simulate mail --mess 0 --families 5 -n 500 -o easy.mbox",
    "A small world in which nothing goes wrong.",
    NULL,
};

const struct verb VERB_SIMULATE_MAIL = {
    .name = "simulate mail",
    .arguments = "",
    .summary = "writes a trap's mail together with its truth",
    .text =
        "An mbox of spam as traps get it, and a CSV table that says of each message which "
        "software, "
        "botnet, campaign and machine it is from: for measuring how well mailers and campaigns are "
        "found. Families of sending software forge clients, make mistakes, vary and are upgraded; "
        "campaigns have several carriers; relays add, move and rename fields; people write, too. "
        "The same options give the same bytes. Nothing is ever sent. docs/simulate.md says what is "
        "modelled and what is not.\n\n"
        "The table's columns: ordinal (the message's number in the mbox, from 0), id (as an import "
        "computes it), received, client, machine, country, mailer, version, client_forged, botnet "
        "(empty: a person), label (the name that the shipped rules may give; empty: none fits), "
        "campaign, type, layout, program, path.",
    .options = SIMULATE_MAIL_OPTIONS,
    .examples = SIMULATE_MAIL_EXAMPLES,
    .run = simulate_mail_run,
};

static const struct option_spec SIMULATE_SPOOL_OPTIONS[] = {
    {"output", 'o', "FOLDER", "The spool's folder; made when it is not there."},
    {"truth", OPTION_NO_SHORT, "PATH",
     "The table of truth to write; default: the folder's name and .truth.csv."},
    SIMULATE_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const SIMULATE_SPOOL_EXAMPLES[] = {
    "spamgauge simulate spool --seed 7 -o spool",
    "The same messages as simulate mail's, with the sessions in which they came.",
    "spamgauge spool analyse spool",
    "Reads it into the store; docs/simulate.md says which relays the configuration should trust.",
    NULL,
};

const struct verb VERB_SIMULATE_SPOOL = {
    .name = "simulate spool",
    .arguments = "",
    .summary = "writes a trap's spool, sessions too, together with its truth",
    .text =
        "What simulate mail writes, but as a trap of one's own has it: with the SMTP session of "
        "each "
        "message, so that there are fingerprints of the dialect (SD1). Each family speaks SMTP in "
        "a way of its own; what came through a forwarder comes in the forwarder's.",
    .options = SIMULATE_SPOOL_OPTIONS,
    .examples = SIMULATE_SPOOL_EXAMPLES,
    .run = simulate_spool_run,
};
