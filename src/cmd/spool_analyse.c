/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge spool analyse: a spool into the store, up to its end. */
#include "analyse/spool_feed.h"
#include "cmd/context.h"
#include "cmd/verbs.h"

#include <signal.h>

static volatile bool interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = true;
}

/* The relays of the configuration; "auto" means nothing here: a trap knows its client. */
static int trust_make(struct context *x, struct trust **out)
{
    struct errbuf eb = {.text = ""};
    struct trust *t = trust_new();
    enum err e = t ? OK : ERR_NOMEM;
    for (size_t i = 0; e == OK && i < config_count(x->config, CONFIG_TRUST); i++) {
        struct slice rest = slice_cstr(config_item(x->config, CONFIG_TRUST, i));
        while (e == OK && rest.n) {
            struct slice word = slice_trim(slice_cut(&rest, ','));
            bool is_spec = !slice_eq(word, S("auto")) && !slice_eq(word, S("none"));
            e = is_spec ? trust_add(t, word, &eb) : OK;
        }
    }
    *out = t;
    return e == OK ? EXIT_STATUS_OK : command_fail(x->command, e, &eb);
}

static void result_say(const char *folder, const struct pipeline_progress *p,
                       const struct spool_feed_stats *s)
{
    const struct {
        uint64_t n;
        const char *text;
    } notes[] = {
        {s->canaries, "canaries, noted and not counted"},
        {s->without_session, "messages without the record of their session: no SD1"},
        {p->failed, "messages too costly to analyse"},
        {s->damaged, "places of the spool are damaged; `spool verify` has them all"},
    };
    fprintf(stderr, "%s: %llu messages, %llu added, %llu known already; %llu sessions added\n",
            folder, (unsigned long long)p->messages, (unsigned long long)p->added,
            (unsigned long long)p->repeated, (unsigned long long)p->sessions);
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        if (notes[i].n) {
            fprintf(stderr, "%s: %llu %s\n", folder, (unsigned long long)notes[i].n, notes[i].text);
        }
    }
}

static int spool_read(struct context *x, const struct pipeline_options *p,
                      const struct spool_feed_options *o)
{
    struct pipeline_progress done;
    struct errbuf eb = {.text = ""};
    enum err e = spool_follow(p, o, &done, &eb);
    e = e == OK ? clustering_finish(p->clustering, time_now(), &eb) : e;
    if (e != OK) {
        return command_fail(x->command, e, &eb);
    }
    if (!command_flag(x->command, "quiet")) {
        result_say(o->folder, &done, o->stats);
    }
    if (interrupted) {
        fputs("interrupted; the same command goes on where it stopped\n", stderr);
        return EXIT_STATUS_INTERRUPTED;
    }
    return done.failed || o->stats->damaged ? EXIT_STATUS_PARTLY : EXIT_STATUS_OK;
}

static int analyse_prepared(struct context *x, const char *folder, const uint8_t *key,
                            const struct trust *trust, unsigned jobs)
{
    struct pipeline_options p = {
        .analyse = {.trust = trust,
                    .urls = x->urls,
                    .geo = x->geo,
                    .rules = x->rules,
                    .recipient_key = key},
        .jobs = jobs,
        .stop = &interrupted,
    };
    struct spool_feed_stats stats = {0};
    struct spool_feed_options o = {.folder = folder,
                                   .store = x->store,
                                   .geo = x->geo,
                                   .recipient_key = key,
                                   .ends = true,
                                   .stats = &stats};
    struct sigaction act = {.sa_handler = interrupt};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    p.clustering = clustering_new(x->store);
    int status = p.clustering ? spool_read(x, &p, &o) : command_fail(x->command, ERR_NOMEM, NULL);
    clustering_free(p.clustering);
    return status;
}

static int analyse_run(struct command *c)
{
    struct context x;
    struct trust *trust = NULL;
    char folder[CONTEXT_PATH_BYTES];
    uint8_t key[SECRET_KEY_BYTES];
    if (c->argument_count > 1) {
        return usage_error(c, "one spool, please");
    }
    int status = context_open(&x, c);
    if (status) {
        return status;
    }
    unsigned jobs = context_jobs(&x, c);
    status = jobs ? context_spool(&x, c, folder) : EXIT_STATUS_USAGE;
    status = status ? status : context_store(&x, STORE_CREATE);
    status = status ? status : context_recipient_key(&x, key);
    status = status ? status : context_urls(&x);
    status = status ? status : context_geo(&x);
    status = status ? status : context_rules(&x);
    status = status ? status : trust_make(&x, &trust);
    status = status ? status : analyse_prepared(&x, folder, key, trust, jobs);
    trust_free(trust);
    context_close(&x);
    return status;
}

static const struct option_spec OPTIONS[] = {
    {"jobs", 'j', "N", "Threads that analyse messages; default: one per processor."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

const struct verb VERB_SPOOL_ANALYSE = {
    .name = "spool analyse",
    .arguments = "[FOLDER]",
    .summary = "brings what traps accepted into the store",
    .text =
        "Reads the spool from where the store has it and ends at its end. While serve runs it does "
        "this by itself; the verb is for a spool copied from a trap, or for a store to be made "
        "anew from the spool: with a new store everything that is still kept is read again.\n\n"
        "A message counts once, however often its spool is read.",
    .options = OPTIONS,
    .run = analyse_run,
};
