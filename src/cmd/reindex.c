/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge reindex: mail that is still there, analysed again. */
#include "analyse/reindex.h"

#include "cmd/trust.h"
#include "cmd/verbs.h"
#include "core/log.h"
#include "core/strmap.h"
#include "out/human.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static volatile bool interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = true;
}

/* One finished or begun import, as its mark names it: "HASH TRAP /PATH". */
struct input {
    char *identity, *path, *trap;
    int64_t updated;
};

struct reindexing {
    struct context x;
    struct reindex_options options;
    struct reindex run;
    struct trust_choice trust;
    struct progress progress;
    struct input *inputs;
    size_t input_count, input_size;
    uint64_t messages, failed, damaged;
    size_t gone, changed; /* inputs that cannot be read as they were */
    bool is_quiet, out_of_memory;
    uint8_t key[SECRET_KEY_BYTES];
};

static void progress_show(void *arg, const struct pipeline_progress *p)
{
    struct reindexing *r = arg;
    progress_draw(&r->progress, p->bytes_read, p->bytes_total, p->messages + r->run.resumed);
}

/* ---- inputs ---- */

static void input_free(struct input *i)
{
    free(i->identity);
    free(i->path);
    free(i->trap);
}

static void input_take(void *arg, const struct import_info *info)
{
    struct reindexing *r = arg;
    struct slice rest = info->mark.source;
    (void)slice_cut(&rest, ' ');
    size_t at = slice_find(rest, S(" /"));
    if (at == SIZE_MAX) {
        return;
    }
    if (r->input_count == r->input_size) {
        size_t size = r->input_size ? 2 * r->input_size : 16;
        struct input *more = reallocarray(r->inputs, size, sizeof *more);
        if (!more) {
            r->out_of_memory = true;
            return;
        }
        r->inputs = more;
        r->input_size = size;
    }
    struct slice trap = slice_sub(rest, 0, at), path = slice_sub(rest, at + 1, SIZE_MAX);
    struct input *to = &r->inputs[r->input_count];
    *to = (struct input){strndup(info->mark.source.p, info->mark.source.n), strndup(path.p, path.n),
                         strndup(trap.p, trap.n), info->updated};
    if (!to->identity || !to->path || !to->trap) {
        input_free(to);
        r->out_of_memory = true;
        return;
    }
    r->input_count++;
}

static bool path_is_asked(const struct command *c, const char *path)
{
    for (size_t i = 0; i < c->argument_count; i++) {
        char *real = realpath(c->arguments[i], NULL);
        bool is_it = strcmp(real ? real : c->arguments[i], path) == 0;
        free(real);
        if (is_it) {
            return true;
        }
    }
    return c->argument_count == 0;
}

/* An older mark of a path that was imported again since. */
static bool is_superseded(const struct reindexing *r, size_t at)
{
    for (size_t i = 0; i < r->input_count; i++) {
        const struct input *a = &r->inputs[i], *b = &r->inputs[at];
        bool is_newer = a->updated > b->updated || (a->updated == b->updated && i < at);
        if (i != at && is_newer && strcmp(a->path, b->path) == 0 && strcmp(a->trap, b->trap) == 0) {
            return true;
        }
    }
    return false;
}

static void source_say(const struct reindexing *r, const char *path,
                       const struct reindex_result *before, const struct pipeline_progress *p,
                       double seconds)
{
    const struct reindex_result *now = &r->run.result;
    if (r->is_quiet) {
        return;
    }
    fprintf(stderr, "%s: %llu messages, %llu updated, %llu unchanged, %llu not in the store", path,
            (unsigned long long)p->messages, (unsigned long long)(now->updated - before->updated),
            (unsigned long long)(now->unchanged - before->unchanged),
            (unsigned long long)(now->unknown - before->unknown));
    if (now->added > before->added) {
        fprintf(stderr, ", %llu added", (unsigned long long)(now->added - before->added));
    }
    if (now->gone > before->gone) {
        fprintf(stderr, ", %llu whose rows retention has deleted",
                (unsigned long long)(now->gone - before->gone));
    }
    if (r->run.resumed) {
        fprintf(stderr, ", %llu done by the interrupted run", (unsigned long long)r->run.resumed);
    }
    fprintf(stderr, " (%.1f s, %.0f/s)\n", seconds,
            seconds > 0 ? (double)p->messages / seconds : 0.0);
}

static enum err input_reindex(struct reindexing *r, const struct input *in, struct errbuf *eb)
{
    struct pipeline_progress p = {0};
    struct reindex_result before = r->run.result;
    struct trust *trust = NULL;
    double started = time_monotonic();
    r->trust.progress = &r->progress;
    enum err e = trust_for(&r->trust, in->path, &trust, eb);
    if (e == OK) {
        r->options.pipeline.analyse.trust = trust;
        r->options.pipeline.analyse.trap = slice_cstr(in->trap);
        progress_start(&r->progress, in->path, r->is_quiet);
        e = reindex_source(&r->run, in->path, slice_cstr(in->identity), &p, eb);
        progress_end(&r->progress);
        source_say(r, in->path, &before, &p, time_monotonic() - started);
        trust_free(trust);
    }
    r->messages += p.messages;
    r->failed += p.failed;
    return e;
}

/* Reads it again if it is what was imported. */
static enum err input_run(struct reindexing *r, size_t at, struct errbuf *eb)
{
    const struct input *in = &r->inputs[at];
    struct strbuf identity = STRBUF_INIT;
    enum err e = input_identity(in->path, slice_cstr(in->trap), &identity, eb);
    if (e == ERR_NOTFOUND || e == ERR_IO) {
        say("%s: is gone (%s); its messages stay as they are", in->path, eb->text);
        r->gone++;
        e = OK;
    } else if (e == OK && !slice_eq(strbuf_slice(&identity), slice_cstr(in->identity))) {
        say("%s: has changed since it was imported; left out (import it again)", in->path);
        r->changed++;
    } else if (e == OK) {
        e = input_reindex(r, in, eb);
    }
    strbuf_free(&identity);
    return e;
}

static enum err inputs_run(struct reindexing *r, const struct command *c, struct errbuf *eb)
{
    size_t asked = 0;
    enum err e = store_imports(r->x.store, input_take, r, eb);
    e = e == OK && r->out_of_memory ? ERR_NOMEM : e;
    for (size_t i = 0; e == OK && !interrupted && i < r->input_count; i++) {
        if (!is_superseded(r, i) && path_is_asked(c, r->inputs[i].path)) {
            asked++;
            e = input_run(r, i, eb);
        }
    }
    if (e == OK && c->argument_count && !asked) {
        e = err_set(eb, ERR_NOTFOUND, "nothing of that name was ever imported");
    }
    return e;
}

/* ---- the spool ---- */

static enum err spool_run(struct reindexing *r, const struct command *c, struct errbuf *eb)
{
    char folder[CONTEXT_PATH_BYTES];
    struct pipeline_progress p = {0};
    struct reindex_result before = r->run.result;
    struct spool_feed_stats stats = {0};
    double started = time_monotonic();
    if (context_spool(&r->x, c, folder)) {
        return ERR_USAGE;
    }
    if (access(folder, F_OK) != 0) {
        return err_set(eb, ERR_NOTFOUND, "%s: there is no spool", folder);
    }
    struct spool_feed_options feed = {
        .folder = folder, .geo = r->x.geo, .recipient_key = r->key, .stats = &stats};
    r->options.pipeline.analyse.trust = r->trust.given;
    progress_start(&r->progress, folder, r->is_quiet);
    enum err e = reindex_spool(&r->run, feed, &p, eb);
    progress_end(&r->progress);
    source_say(r, folder, &before, &p, time_monotonic() - started);
    r->messages += p.messages;
    r->failed += p.failed;
    r->damaged += stats.damaged;
    return e;
}

/* ---- the verb ---- */

static void summary_say(const struct reindexing *r)
{
    const struct reindex_result *k = &r->run.result;
    struct store_info info;
    struct errbuf eb = {.text = ""};
    if (r->is_quiet) {
        return;
    }
    fprintf(stderr, "all: %llu updated, %llu unchanged, %llu not in the store, %llu added",
            (unsigned long long)k->updated, (unsigned long long)k->unchanged,
            (unsigned long long)k->unknown, (unsigned long long)k->added);
    if (r->run.generation) {
        fprintf(stderr, "; labels before: relabel --compare --generation %u",
                r->run.generation - 1);
    }
    fputc('\n', stderr);
    if (store_info(r->x.store, &info, &eb) == OK &&
        info.messages > k->updated + k->unchanged + k->added) {
        fprintf(stderr,
                "%llu of %llu rows were in none of these inputs (or done by an earlier run): they "
                "stay as they are\n",
                (unsigned long long)(info.messages - k->updated - k->unchanged - k->added),
                (unsigned long long)info.messages);
    }
}

static int reindex_prepare(struct reindexing *r, const struct command *c)
{
    int status = trust_choice_read(&r->trust, c, r->x.config);
    status = status ? status : context_store(&r->x, STORE_WRITE);
    status = status ? status : context_recipient_key(&r->x, r->key);
    status = status ? status : context_urls(&r->x);
    status = status ? status : context_geo(&r->x);
    status = status ? status : context_rules(&r->x);
    if (status) {
        return status;
    }
    r->trust.is_quiet = r->is_quiet;
    r->trust.stop = &interrupted;
    r->trust.now = time_now();
    r->options = (struct reindex_options){
        .pipeline = {.analyse = {.urls = r->x.urls,
                                 .geo = r->x.geo,
                                 .rules = r->x.rules,
                                 .recipient_key = r->key},
                     .jobs = context_jobs(&r->x, c),
                     .now = r->trust.now,
                     .stop = &interrupted,
                     .on_progress = progress_show,
                     .arg = r},
        .store = r->x.store,
        .adds = command_flag(c, "add"),
    };
    r->options.pipeline.clustering = clustering_new(r->x.store);
    if (!r->options.pipeline.clustering) {
        return command_fail(c, ERR_NOMEM, NULL);
    }
    r->run.o = &r->options;
    return r->options.pipeline.jobs ? EXIT_STATUS_OK : EXIT_STATUS_USAGE;
}

static int reindex_all(struct reindexing *r, const struct command *c, bool is_spool)
{
    struct errbuf eb = {.text = ""};
    struct sigaction act = {.sa_handler = interrupt};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    enum err e = is_spool ? spool_run(r, c, &eb) : inputs_run(r, c, &eb);
    if (e == OK || e == ERR_CANCELLED) {
        enum err kept = clustering_finish(r->options.pipeline.clustering, time_now(), &eb);
        e = kept == OK ? e : kept;
    }
    if (e != OK && e != ERR_CANCELLED) {
        return command_fail(c, e, &eb);
    }
    summary_say(r);
    if (interrupted) {
        fputs("interrupted; what was done stays, the same command goes on\n", stderr);
        return EXIT_STATUS_INTERRUPTED;
    }
    return r->gone || r->changed || r->failed || r->damaged ? EXIT_STATUS_PARTLY : EXIT_STATUS_OK;
}

static int reindex_verb(struct command *c)
{
    struct reindexing r = {.is_quiet = command_flag(c, "quiet")};
    const char *from = command_value(c, "from", "import");
    bool is_spool = strcmp(from, "spool") == 0;
    if (!is_spool && strcmp(from, "import") != 0) {
        return usage_error(c, "--from %s: import or spool, please", from);
    }
    int status = context_open(&r.x, c);
    status = status ? status : reindex_prepare(&r, c);
    status = status ? status : reindex_all(&r, c, is_spool);
    for (size_t i = 0; i < r.input_count; i++) {
        input_free(&r.inputs[i]);
    }
    free(r.inputs);
    clustering_free(r.options.pipeline.clustering);
    trust_choice_free(&r.trust);
    context_close(&r.x);
    return status;
}

static const struct option_spec OPTIONS[] = {
    {"from", OPTION_NO_SHORT, "WHERE",
     "import (default): the files that were imported, all or those named; spool: the configured "
     "spool or the one named."},
    {"add", OPTION_NO_SHORT, NULL,
     "Adds messages that are not in the store; default: counts them."},
    TRUST_OPTION,
    {"jobs", 'j', "N", "Threads that analyse messages; default: one per processor."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EXAMPLES[] = {
    "spamgauge reindex",
    "All files that were imported and are as they were.",
    "spamgauge reindex --from spool",
    "What traps took and is still kept.",
    NULL,
};

const struct verb VERB_REINDEX = {
    .name = "reindex",
    .arguments = "[PATH...]",
    .summary = "analyses mail that is still there again, in place of its rows",
    .text =
        "After a change of the parser, the fingerprints, the geographic data or the rules: reads "
        "the imported files or the spool again and writes the rows anew that come out otherwise. "
        "A message is known by trap, receipt time and bytes, so nothing counts twice; rollups, "
        "host sets and hourly counts follow row by row. Files that are gone or have changed are "
        "named and left out. Give the --trust of the import: with other relays receipt times are "
        "others, and messages are not found.\n\n"
        "Stopped or killed, what was done stays; the same command goes on where it was. Labels "
        "that change make a label generation, as relabel does.",
    .options = OPTIONS,
    .examples = EXAMPLES,
    .run = reindex_verb,
};
