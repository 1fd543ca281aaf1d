/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge import: files of mail into the store. */
#include "cmd/context.h"
#include "cmd/trust.h"
#include "cmd/verbs.h"
#include "core/log.h"

#include <signal.h>
#include <stdlib.h>

static volatile bool interrupted, reload_wanted;

static void interrupt(int number)
{
    (void)number;
    interrupted = true;
}

static void reload_request(int number)
{
    (void)number;
    reload_wanted = true;
}

struct import {
    struct context x;
    struct pipeline_options options;
    struct progress progress;
    struct pipeline_progress total;
    bool is_quiet;
    struct trust_choice trust;
    uint64_t rejected;
    uint8_t key[SECRET_KEY_BYTES];
};

static void progress_show(void *arg, const struct pipeline_progress *p)
{
    struct import *im = arg;
    if (reload_wanted &&
        rules_live_reload(im->x.rules) == OK) { /* busy: asked again at the next call */
        reload_wanted = false;
    }
    progress_draw(&im->progress, p->bytes_read, p->bytes_total, p->messages + p->resumed);
}

/* ---- one input ---- */

static void rejects_say(struct import *im, const char *path, const struct source *source)
{
    const struct source_rejects *rejects;
    size_t n = source_rejects(source, &rejects);
    for (size_t i = 0; i < n; i++) {
        im->rejected += rejects[i].count;
        if (!im->is_quiet) {
            say("%s: left out %llu: %s (first: %s)", path, (unsigned long long)rejects[i].count,
                rejects[i].reason, rejects[i].example);
        }
    }
}

static void result_say(struct import *im, const char *path, const struct pipeline_progress *p,
                       double seconds)
{
    if (im->is_quiet) {
        return;
    }
    fprintf(stderr, "%s: %llu messages, %llu added, %llu known already", path,
            (unsigned long long)(p->messages + p->resumed), (unsigned long long)p->added,
            (unsigned long long)p->repeated);
    if (p->resumed) {
        fprintf(stderr, ", %llu taken over from the interrupted run",
                (unsigned long long)p->resumed);
    }
    if (p->failed) {
        fprintf(stderr, ", %llu too costly to analyse", (unsigned long long)p->failed);
    }
    fprintf(stderr, " (%.1f s, %.0f/s)\n", seconds,
            seconds > 0 ? (double)p->messages / seconds : 0.0);
}

static enum err input_run(struct import *im, const char *path, struct trust *t, struct errbuf *eb)
{
    struct source *source;
    struct pipeline_progress p = {0};
    struct strbuf identity = STRBUF_INIT;
    double started = time_monotonic();
    enum err e = input_identity(path, im->options.analyse.trap, &identity, eb);
    e = e == OK ? source_open(path, &source, eb) : e;
    if (e == OK) {
        im->options.analyse.trust = t;
        im->options.identity = strbuf_slice(&identity);
        progress_start(&im->progress, path, im->is_quiet);
        e = pipeline_run(&im->options, source, im->x.store, &p, eb);
        progress_end(&im->progress);
        rejects_say(im, path, source);
        result_say(im, path, &p, time_monotonic() - started);
        source_close(source);
    }
    im->total.messages += p.messages;
    im->total.resumed += p.resumed;
    im->total.added += p.added;
    im->total.repeated += p.repeated;
    im->total.failed += p.failed;
    strbuf_free(&identity);
    return e;
}

static enum err input_import(struct import *im, const char *path, struct errbuf *eb)
{
    struct trust *t = NULL;
    enum err e = trust_for(&im->trust, path, &t, eb);
    if (e == OK) {
        e = input_run(im, path, t, eb);
        trust_free(t);
    }
    return e;
}

/* ---- the verb ---- */

static int import_prepare(struct import *im, const struct command *c)
{
    struct errbuf eb = {.text = ""};
    const char *trap = command_value(c, "trap", config_text(im->x.config, CONFIG_TRAP));
    const char *site = command_value(c, "site", config_text(im->x.config, CONFIG_SITE));
    int status = trust_choice_read(&im->trust, c, im->x.config);
    status = status ? status : context_store(&im->x, STORE_CREATE);
    status = status ? status : context_recipient_key(&im->x, im->key);
    status = status ? status : context_urls(&im->x);
    status = status ? status : context_geo(&im->x);
    status = status ? status : context_rules(&im->x);
    if (status) {
        return status;
    }
    im->options = (struct pipeline_options){
        .analyse = {.trap = slice_cstr(trap),
                    .urls = im->x.urls,
                    .geo = im->x.geo,
                    .rules = im->x.rules,
                    .recipient_key = im->key},
        .jobs = context_jobs(&im->x, c),
        .now = time_now(),
        .stop = &interrupted,
        .on_progress = progress_show,
        .arg = im,
    };
    im->trust.is_quiet = im->is_quiet;
    im->trust.progress = &im->progress;
    im->trust.stop = &interrupted;
    im->trust.now = im->options.now;
    if (!im->options.jobs) {
        return EXIT_STATUS_USAGE;
    }
    im->options.clustering = clustering_new(im->x.store);
    enum err e = im->options.clustering
                     ? store_trap_put(im->x.store, slice_cstr(trap), slice_cstr(site), &eb)
                     : ERR_NOMEM;
    return e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
}

/* What a report must say of how its figures came about. */
static enum err facts_put(struct import *im, struct errbuf *eb)
{
    struct strbuf text = STRBUF_INIT;
    if (rules_live_wait(im->x.rules, eb) != OK) {
        log_warn("rules", "reload failed, the old ones stay: %s", eb->text);
    }
    struct rules *rules = rules_live_get(im->x.rules);
    struct trust_choice *trust = &im->trust;
    for (size_t i = 0; i < trust_count(trust->given); i++) {
        strbuf_printf(&text, "%s%.*s",
                      i ? ", " : "given: ", SLICE_ARG(trust_spec(trust->given, i)));
    }
    if (trust->is_auto) {
        strbuf_printf(&text, "%sinferred: %s", text.n ? "; " : "",
                      trust->inferred.n ? strbuf_cstr(&trust->inferred) : "topmost line only");
    }
    enum err e = store_fact_put(im->x.store, S("trust"), strbuf_slice(&text), eb);
    e = e == OK ? store_fact_put(im->x.store, S("geo"), slice_cstr(geo_name(im->x.geo)), eb) : e;
    e = e == OK ? store_fact_put(im->x.store, S("pack"), rules_version(rules), eb) : e;
    rules_unref(rules);
    strbuf_free(&text);
    return e;
}

static enum err retention_apply(struct import *im, struct errbuf *eb)
{
    uint64_t days = config_number(im->x.config, CONFIG_RETAIN_DAYS), deleted = 0;
    int64_t before = days ? im->options.now - (int64_t)days * SECONDS_PER_DAY : INT64_MIN;
    enum err e = store_retain(im->x.store, before, config_number(im->x.config, CONFIG_RETAIN_BYTES),
                              &deleted, eb);
    if (e == OK && deleted && !im->is_quiet) {
        fprintf(stderr, "retention: %llu message rows deleted; their counts stay\n",
                (unsigned long long)deleted);
    }
    return e;
}

static int import_all(struct import *im, const struct command *c)
{
    struct errbuf eb = {.text = ""};
    int status = EXIT_STATUS_OK;
    for (size_t i = 0; i < c->argument_count && !interrupted; i++) {
        enum err e = input_import(im, c->arguments[i], &eb);
        if (e == ERR_CANCELLED) {
            break;
        }
        if (e != OK) {
            /* a path that cannot be read does not keep the others out; a store that fails does */
            int failed = command_fail(c, e, &eb);
            status = failed == EXIT_STATUS_NEGATIVE ? EXIT_STATUS_PARTLY : failed;
            if (e == ERR_STORE || e == ERR_BUSY || e == ERR_NOMEM) {
                return status;
            }
        }
    }
    enum err e = clustering_finish(im->options.clustering, time_now(), &eb);
    e = e == OK ? facts_put(im, &eb) : e;
    e = e == OK ? retention_apply(im, &eb) : e;
    if (e != OK) {
        return command_fail(c, e, &eb);
    }
    if (interrupted) {
        fputs("interrupted; the same command goes on where it stopped\n", stderr);
        return EXIT_STATUS_INTERRUPTED;
    }
    if (!im->is_quiet && c->argument_count > 1) {
        fprintf(stderr, "all: %llu messages, %llu added, %llu known already\n",
                (unsigned long long)(im->total.messages + im->total.resumed),
                (unsigned long long)im->total.added, (unsigned long long)im->total.repeated);
    }
    return status ? status : im->total.failed ? EXIT_STATUS_PARTLY : EXIT_STATUS_OK;
}

static int import_run(struct command *c)
{
    struct import im = {.is_quiet = command_flag(c, "quiet")};
    if (!c->argument_count) {
        return usage_error(c, "which files? (- is standard input)");
    }
    int status = context_open(&im.x, c);
    if (status) {
        return status;
    }
    status = import_prepare(&im, c);
    if (!status) {
        struct sigaction act = {.sa_handler = interrupt};
        sigaction(SIGINT, &act, NULL);
        sigaction(SIGTERM, &act, NULL);
        act.sa_handler = reload_request;
        sigaction(SIGHUP, &act, NULL);
        status = import_all(&im, c);
    }
    clustering_free(im.options.clustering);
    trust_choice_free(&im.trust);
    context_close(&im.x);
    return status;
}

static const struct option_spec OPTIONS[] = {
    {"trap", OPTION_NO_SHORT, "NAME", "The trap that collected this mail; default: import."},
    {"site", OPTION_NO_SHORT, "NAME",
     "The site of that trap (operator, address list or MX); default: local."},
    TRUST_OPTION,
    {"jobs", 'j', "N", "Threads that analyse messages; default: one per processor."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EXAMPLES[] = {
    "spamgauge import spam.mbox",
    "One mbox; relays are inferred.",
    "spamgauge import --trap mx2 --trust 192.0.2.0/28 ~/Maildir old.tar.zst",
    "A Maildir and an archive from one trap, with relays given.",
    "zcat spam.mbox.gz | spamgauge import -",
    "Standard input.",
    NULL,
};

const struct verb VERB_IMPORT = {
    .name = "import",
    .arguments = "PATH...",
    .summary = "reads mail from files into the store",
    .text = "Reads mbox files (all quotings), Maildirs, one-message files, folders of them, and "
            "tar, zip, gzip, bzip2, xz and "
            "zstd of any of these; - is standard input. What a file is, its content tells, not its "
            "name. What is no mail is "
            "counted, named and left out.\n\n"
            "Each message goes the whole way: headers and MIME, Received chain, URLs, "
            "fingerprints, rules, store. Importing "
            "the same mail again adds nothing, whatever it comes packed in. An import that was "
            "stopped or killed is taken "
            "up where it was by the same command.\n\n"
            "SIGHUP has the rules read again; they are compiled in the background and used for the "
            "messages that follow.\n\n"
            "Receipt time and client address come from the Received lines that your own side "
            "wrote. Say which relays those "
            "are with --trust, or let them be inferred and check what is printed: with the wrong "
            "relays, forwarders look "
            "like giant bots.",
    .options = OPTIONS,
    .examples = EXAMPLES,
    .run = import_run,
};
