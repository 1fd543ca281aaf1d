/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge db info|verify|vacuum|retain: care of the store. */
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "core/clock.h"
#include "out/human.h"

#include <inttypes.h>
#include <unistd.h>

static int db_open(struct context *x, const struct command *c, enum store_mode mode)
{
    if (c->argument_count) {
        return usage_error(c, "no argument is wanted; the store is given with -d");
    }
    int status = context_open(x, c);
    status = status ? status : context_store(x, mode);
    if (status) {
        context_close(x);
    }
    return status;
}

/* ---- info ---- */

struct info_printer {
    struct printer *printer; /* NULL: text */
    FILE *out;
};

static void trap_print(void *arg, const struct trap_info *t)
{
    struct info_printer *p = arg;
    char first[21], last[21];
    if (p->printer) {
        print_map_begin(p->printer);
        print_key(p->printer, "name");
        print_text(p->printer, t->name);
        print_key(p->printer, "site");
        print_text(p->printer, t->site);
        print_key(p->printer, "messages");
        print_unsigned(p->printer, t->messages);
        print_map_end(p->printer);
        return;
    }
    time_rfc3339(t->first_seen, first);
    time_rfc3339(t->last_seen, last);
    struct report_style style = context_style(p->out);
    struct page page = page_new(&style);
    char number[HUMAN_BYTES];
    page_printf(&page, "trap      ");
    page_escaped(&page, t->name);
    page_printf(&page, " (site ");
    page_escaped(&page, t->site);
    page_printf(&page, "): %s message%s", human_count(number, t->messages),
                t->messages == 1 ? "" : "s");
    page_printf(&page, t->first_seen ? ", %s .. %s\n" : "\n", first, last);
    (void)page_write(&page, p->out);
}

static void info_text(FILE *f, const char *path, const struct store_info *i)
{
    fprintf(f, "store     %s (%s)\n", path, i->engine);
    fprintf(f, "schema    %d (newest known: %d)\n", i->schema_version, i->schema_newest);
    char number[HUMAN_BYTES], more[HUMAN_BYTES];
    fprintf(f, "messages  %s\n", human_count(number, i->messages));
    fprintf(f, "sessions  %s\n", human_count(number, i->sessions));
    fprintf(f, "size      %s, %s in the log, ", human_bytes(number, i->file_bytes),
            human_bytes(more, i->wal_bytes));
    fprintf(f, "%s bytes a message\n", human_count(number, i->bytes_per_message));
    fprintf(f, "strings   %s in dictionaries\n", human_count(number, i->dictionary_strings));
    fprintf(f, "host sets %s\n", human_count(number, i->host_sets));
}

static void info_fields(struct printer *p, const char *path, const struct store_info *i)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"schema_version", (uint64_t)i->schema_version},
        {"schema_newest", (uint64_t)i->schema_newest},
        {"messages", i->messages},
        {"sessions", i->sessions},
        {"file_bytes", i->file_bytes},
        {"wal_bytes", i->wal_bytes},
        {"bytes_per_message", i->bytes_per_message},
        {"dictionary_strings", i->dictionary_strings},
        {"host_sets", i->host_sets},
    };
    print_key(p, "format_version");
    print_unsigned(p, 1);
    print_key(p, "path");
    print_text(p, slice_cstr(path));
    print_key(p, "engine");
    print_text(p, slice_cstr(i->engine));
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        print_key(p, numbers[k].key);
        print_unsigned(p, numbers[k].value);
    }
}

static int info_run(struct command *c)
{
    struct context x;
    struct errbuf eb = {.text = ""};
    struct store_info info;
    struct info_printer printer = {NULL, stdout};
    enum out_format format;
    if (!context_format(c, &format)) {
        return EXIT_STATUS_USAGE;
    }
    int status = db_open(&x, c, STORE_READ);
    if (status) {
        return status;
    }
    enum err e = store_info(x.store, &info, &eb);
    if (e == OK && format == OUT_TEXT) {
        info_text(stdout, x.database, &info);
        e = store_traps(x.store, trap_print, &printer, &eb);
    } else if (e == OK) {
        printer.printer = printer_new(format, stdout);
        print_map_begin(printer.printer);
        info_fields(printer.printer, x.database, &info);
        print_key(printer.printer, "traps");
        print_list_begin(printer.printer);
        e = store_traps(x.store, trap_print, &printer, &eb);
        print_list_end(printer.printer);
        print_map_end(printer.printer);
        e = printer_end(printer.printer) ? e : ERR_IO;
    }
    status = e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
    context_close(&x);
    return status;
}

/* ---- verify, vacuum, retain ---- */

static void problem_say(void *arg, const char *line)
{
    (void)arg;
    printf("%s\n", line);
}

static int verify_run(struct command *c)
{
    struct context x;
    struct errbuf eb = {.text = ""};
    size_t problems = 0;
    int status = db_open(&x, c, STORE_READ);
    if (status) {
        return status;
    }
    enum err e = store_verify(x.store, problem_say, NULL, &problems, &eb);
    if (e != OK) {
        status = command_fail(c, e, &eb);
    } else if (problems) {
        status = EXIT_STATUS_NEGATIVE;
    } else if (!command_flag(c, "quiet")) {
        printf("%s: no problem found\n", x.database);
    }
    context_close(&x);
    return status;
}

static int migrate_run(struct command *c)
{
    struct context x;
    struct errbuf eb = {.text = ""};
    struct store_info info;
    if (c->argument_count) {
        return usage_error(c, "no argument is wanted; the store is given with -d");
    }
    int status = context_open(&x, c);
    if (!status && access(x.database, F_OK) != 0) {
        /* Opening to migrate would make one. */
        status = command_fail(c, ERR_IO, &(struct errbuf){.text = "there is no store to migrate"});
    }
    status = status ? status : context_store(&x, STORE_CREATE);
    if (!status) {
        enum err e = store_info(x.store, &info, &eb);
        status = e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
    }
    if (!status && !command_flag(c, "quiet")) {
        printf("%s: schema %d\n", x.database, info.schema_version);
    }
    context_close(&x);
    return status;
}

static int vacuum_run(struct command *c)
{
    struct context x;
    struct errbuf eb = {.text = ""};
    int status = db_open(&x, c, STORE_WRITE);
    if (status) {
        return status;
    }
    enum err e = store_vacuum(x.store, &eb);
    status = e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
    context_close(&x);
    return status;
}

static int retain_run(struct command *c)
{
    struct context x;
    struct errbuf eb = {.text = ""};
    uint64_t deleted = 0;
    int status = db_open(&x, c, STORE_WRITE);
    if (status) {
        return status;
    }
    uint64_t days = config_number(x.config, CONFIG_RETAIN_DAYS),
             bytes = config_number(x.config, CONFIG_RETAIN_BYTES);
    const char *size = command_value(c, "bytes", NULL);
    if (!command_number(c, "days", 0, 100000, &days)) {
        status = EXIT_STATUS_USAGE;
    } else if (size && !size_parse(slice_cstr(size), &bytes)) {
        status = usage_error(c, "--bytes %s: a size such as 500m or 20g, please", size);
    }
    if (!status) {
        int64_t before = days ? time_now() - (int64_t)days * SECONDS_PER_DAY : INT64_MIN;
        enum err e = store_retain(x.store, before, bytes, &deleted, &eb);
        if (e != OK) {
            status = command_fail(c, e, &eb);
        } else if (!command_flag(c, "quiet")) {
            printf("%" PRIu64 " message rows deleted; their counts stay\n", deleted);
        }
    }
    context_close(&x);
    return status;
}

static const struct option_spec INFO_OPTIONS[] = {FORMAT_OPTIONS,
                                                  {NULL, OPTION_NO_SHORT, NULL, NULL}};

static const struct option_spec RETAIN_OPTIONS[] = {
    {"days", OPTION_NO_SHORT, "N",
     "Keep rows for N days after they were stored; 0: for ever. Default: retain_days of the "
     "configuration."},
    {"bytes", OPTION_NO_SHORT, "SIZE",
     "Delete oldest rows until the store is no larger; 0: no bound. Default: retain_bytes of the "
     "configuration."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

const struct verb VERB_DB_INFO = {
    .name = "db info",
    .arguments = "",
    .summary = "size, schema and traps of the store",
    .text = "Prints what the store holds and how large it is.",
    .options = INFO_OPTIONS,
    .run = info_run,
};

const struct verb VERB_DB_VERIFY = {
    .name = "db verify",
    .arguments = "",
    .summary = "checks the store: integrity, rollups and host sets against the messages",
    .text = "Runs the database's own integrity check, then computes rollups and host sets anew "
            "from the messages and "
            "compares. Each problem is a line; the exit status is 1 when there is one. It changes "
            "nothing.",
    .run = verify_run,
};

const struct verb VERB_DB_MIGRATE = {
    .name = "db migrate",
    .arguments = "",
    .summary = "brings a store of an older version up to date",
    .text =
        "Runs the migrations that the store has not seen yet, each in one transaction; nothing is "
        "lost, and there is no way back: copy the file first. A store that is up to date is left "
        "alone. An import migrates by itself; what only reads refuses an old store.",
    .run = migrate_run,
};

const struct verb VERB_DB_VACUUM = {
    .name = "db vacuum",
    .arguments = "",
    .summary = "gives unused space of the store back to the disk",
    .text =
        "Rewrites the store without its free pages. Needs as much free disk as the store is large.",
    .run = vacuum_run,
};

const struct verb VERB_DB_RETAIN = {
    .name = "db retain",
    .arguments = "",
    .summary = "deletes old message rows; counts, rollups and host sets stay",
    .text =
        "Applies retention now. An import applies the configured retention by itself when it ends.",
    .options = RETAIN_OPTIONS,
    .run = retain_run,
};
