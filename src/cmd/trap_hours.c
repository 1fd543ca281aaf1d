/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge trap hours: connection counts of a feed that has a log. */
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "core/csv.h"
#include "core/limits.h"
#include "core/strmap.h"
#include "store/trap.h"

#include <errno.h>
#include <stdlib.h>

enum column {
    COLUMN_TRAP,
    COLUMN_HOUR,
    COLUMN_CONNECTIONS,
    COLUMN_ACCEPTED,
    COLUMN_REFUSED,
    COLUMNS
};
static const char *const COLUMN_NAMES[COLUMNS] = {"trap", "hour", "connections", "accepted",
                                                  "refused"};

enum { ARENA_BYTES_MAX = LIMIT_TRAP_HOURS_BYTES };

struct table {
    const char *path;
    struct strmap *traps; /* known names */
    struct slice trap;    /* of --trap: for rows without one */
    size_t columns[COLUMNS];
    struct trap_hour *hours;
    size_t count, size;
    struct errbuf *eb;
};

static void trap_know(void *arg, const struct trap_info *t)
{
    struct table *table = arg;
    (void)!strmap_put(table->traps, t->name, NULL);
}

static enum err file_read(const char *path, struct strbuf *out, struct errbuf *eb)
{
    char buffer[65536];
    size_t n;
    FILE *f = fopen(path, "r");
    if (!f) {
        return err_at(eb, ERR_IO, path, 0, 0, "%s", strerror(errno));
    }
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0 && out->n <= LIMIT_TRAP_HOURS_BYTES) {
        strbuf_add(out, slice_of(buffer, n));
    }
    bool is_bad = ferror(f);
    fclose(f);
    return is_bad        ? err_at(eb, ERR_IO, path, 0, 0, "cannot be read")
           : out->failed ? err_set(eb, ERR_NOMEM, "out of memory")
           : out->n > LIMIT_TRAP_HOURS_BYTES
               ? err_at(eb, ERR_LIMIT, path, 0, 0, "more than %d MiB; give it in parts",
                        LIMIT_TRAP_HOURS_BYTES >> 20)
               : OK;
}

static enum err field_bad(const struct table *t, const struct csv_field *f, const char *what)
{
    return err_at(t->eb, ERR_SYNTAX, t->path, f->line, f->column, "'%.*s' %s", SLICE_ARG(f->text),
                  what);
}

static enum err counts_read(const struct table *t, const struct csv_field *fields, size_t n,
                            struct trap_hour *h)
{
    uint64_t *const counts[COLUMNS] = {[COLUMN_CONNECTIONS] = &h->connections,
                                       [COLUMN_ACCEPTED] = &h->accepted,
                                       [COLUMN_REFUSED] = &h->refused};
    const struct csv_field *last = &fields[0];
    for (size_t c = COLUMN_CONNECTIONS; c < COLUMNS; c++) {
        if (t->columns[c] >= n) {
            continue; /* no column of refused: none were */
        }
        last = &fields[t->columns[c]];
        if (!slice_to_u64(last->text, counts[c]) || *counts[c] > INT64_MAX) {
            return field_bad(t, last, "is not a count");
        }
    }
    if (h->accepted > h->connections || h->refused > h->connections - h->accepted) {
        return err_at(t->eb, ERR_SYNTAX, t->path, last->line, last->column,
                      "more accepted and refused than connections");
    }
    return OK;
}

static enum err row_read(struct table *t, const struct csv_field *fields, size_t n,
                         struct trap_hour *h)
{
    const struct csv_field *name =
        t->columns[COLUMN_TRAP] < n ? &fields[t->columns[COLUMN_TRAP]] : NULL;
    size_t least = 0;
    for (size_t c = 0; c < COLUMNS; c++) {
        least = t->columns[c] != SIZE_MAX && t->columns[c] >= least ? t->columns[c] + 1 : least;
    }
    if (n != least) {
        return err_at(t->eb, ERR_SYNTAX, t->path, fields[0].line, 1,
                      "%zu fields where the header has %zu", n, least);
    }
    const struct csv_field *hour = &fields[t->columns[COLUMN_HOUR]];
    *h = (struct trap_hour){.trap = name && name->text.n ? name->text : t->trap};
    if (h->trap.n == 0 || !strmap_get(t->traps, h->trap)) {
        return name ? field_bad(t, name, "is no trap of this store")
                    : err_set(t->eb, ERR_USAGE,
                              "without a column 'trap' the trap is given with "
                              "--trap, and must be one of the store");
    }
    if (!time_parse(hour->text, 0, &h->hour) || h->hour % 3600 != 0) {
        return field_bad(t, hour, "is no hour, such as 2012-06-26T04:00:00Z");
    }
    return counts_read(t, fields, n, h);
}

static enum err table_read(struct table *t, struct slice text, struct arena *arena)
{
    struct csv csv;
    struct csv_field fields[COLUMNS];
    size_t n;
    csv_open(&csv, t->path, text, arena);
    enum err e = csv_header(&csv, COLUMN_NAMES, COLUMNS, t->columns, t->eb);
    for (size_t c = COLUMN_HOUR; e == OK && c <= COLUMN_ACCEPTED; c++) {
        if (t->columns[c] == SIZE_MAX) {
            e = err_at(t->eb, ERR_SYNTAX, t->path, 1, 1, "no column '%s'", COLUMN_NAMES[c]);
        }
    }
    while (e == OK && (e = csv_row(&csv, fields, COLUMNS, &n, t->eb)) == OK) {
        if (t->count == t->size) {
            size_t size = t->size ? 2 * t->size : 1024;
            struct trap_hour *more = reallocarray(t->hours, size, sizeof *more);
            if (!more) {
                return err_set(t->eb, ERR_NOMEM, "out of memory");
            }
            t->hours = more;
            t->size = size;
        }
        e = row_read(t, fields, n, &t->hours[t->count++]);
    }
    return e == ERR_END ? OK : e;
}

static enum err hours_import(struct store *s, const struct command *c, struct errbuf *eb,
                             size_t *count)
{
    struct table t = {.path = c->arguments[0],
                      .trap = slice_cstr(command_value(c, "trap", "")),
                      .traps = strmap_new(),
                      .eb = eb};
    struct strbuf text = STRBUF_INIT;
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    enum err e = t.traps && arena ? store_traps(s, trap_know, &t, eb) : ERR_NOMEM;
    e = e == OK ? file_read(t.path, &text, eb) : e;
    e = e == OK ? table_read(&t, strbuf_slice(&text), arena) : e;
    e = e == OK ? store_trap_hours_put(s, t.hours, t.count, eb) : e;
    *count = t.count;
    free(t.hours);
    strmap_free(t.traps);
    arena_free(arena);
    strbuf_free(&text);
    return e;
}

static int hours_run(struct command *c)
{
    struct context x;
    struct errbuf eb = {.text = ""};
    size_t count = 0;
    if (c->argument_count != 1) {
        return usage_error(c, "one file, please");
    }
    int status = context_open(&x, c);
    status = status ? status : context_store(&x, STORE_WRITE);
    if (!status) {
        enum err e = hours_import(x.store, c, &eb, &count);
        status = e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
    }
    if (!status && !command_flag(c, "quiet")) {
        printf("%zu hours\n", count);
    }
    context_close(&x);
    return status;
}

static const struct option_spec HOURS_OPTIONS[] = {
    {"trap", OPTION_NO_SHORT, "NAME", "The trap of rows that name none."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const HOURS_EXAMPLES[] = {
    "spamgauge trap hours connections.csv --trap mx1",
    "With the header hour,connections,accepted,refused.",
    NULL,
};

const struct verb VERB_TRAP_HOURS = {
    .name = "trap hours",
    .arguments = "FILE.csv",
    .summary = "reads connection counts by the hour of feeds that have a log",
    .text =
        "A CSV file with a header: trap, hour (its start, UTC), connections, accepted (that left a "
        "message), refused (that the trap turned away; may be left out). An hour that is there "
        "already is replaced. Everything is read before anything is written: a bad line, told "
        "with its place, changes nothing. Connections without mail tell an outage from a drop.",
    .options = HOURS_OPTIONS,
    .examples = HOURS_EXAMPLES,
    .run = hours_run,
};
