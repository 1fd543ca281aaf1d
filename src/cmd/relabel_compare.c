/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/relabel.h"
#include "core/strmap.h"
#include "out/human.h"
#include "out/json_field.h"
#include "out/layout.h"

#include <inttypes.h>
#include <stdlib.h>

static const enum dimension LABELS[] = {DIMENSION_BOTNET, DIMENSION_MAILER, DIMENSION_PROGRAM};
enum { LABEL_COUNT = sizeof LABELS / sizeof *LABELS, ARENA_BYTES_MAX = 256 * 1024 * 1024 };

struct line {
    int64_t bucket;
    enum dimension dimension;
    struct slice label;
    uint64_t before, now;
};

struct comparison {
    const struct store_filter *filter;
    enum bucket bucket;
    unsigned generation, newest;
    struct line *lines;
    size_t count, size;
    struct strmap *places; /* (dimension, bucket, label) to line */
    struct arena *arena;
    enum dimension dimension; /* that is being read */
    bool is_now;              /* the newest labels are being read */
    bool failed;
    struct gone_days gone;
    struct printer *printer; /* of moves; or */
    struct page *page;
    unsigned move_generation;
};

static struct line *line_put(struct comparison *c, const struct cube_row *row)
{
    struct strbuf key = STRBUF_INIT;
    bool is_new = false;
    strbuf_printf(&key, "%d %" PRId64 " %.*s", (int)c->dimension, row->bucket,
                  SLICE_ARG(row->value));
    uint64_t *place = key.failed ? NULL : strmap_put(c->places, strbuf_slice(&key), &is_new);
    strbuf_free(&key);
    if (place && is_new && c->count == c->size) {
        size_t size = c->size ? 2 * c->size : 256;
        struct line *more = reallocarray(c->lines, size, sizeof *more);
        if (!more) {
            return NULL;
        }
        c->lines = more;
        c->size = size;
    }
    if (place && is_new) {
        struct slice label = arena_copy(c->arena, row->value);
        if (!label.p) {
            return NULL;
        }
        *place = c->count;
        c->lines[c->count++] =
            (struct line){.bucket = row->bucket, .dimension = c->dimension, .label = label};
    }
    return place ? &c->lines[*place] : NULL;
}

static void row_take(void *arg, const struct cube_row *row)
{
    struct comparison *c = arg;
    struct line *line = row->units.messages ? line_put(c, row) : NULL;
    if (line) {
        *(c->is_now ? &line->now : &line->before) += row->units.messages;
    }
    c->failed |= row->units.messages && !line;
}

static int64_t difference(const struct line *l)
{
    return (int64_t)(l->now - l->before);
}

/* By time, dimension, greatest difference first. */
static int line_cmp(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int64_t dx = difference(x) < 0 ? -difference(x) : difference(x);
    int64_t dy = difference(y) < 0 ? -difference(y) : difference(y);
    if (x->dimension != y->dimension) {
        return x->dimension < y->dimension ? -1 : 1;
    }
    if (x->bucket != y->bucket) {
        return x->bucket < y->bucket ? -1 : 1;
    }
    if (dx != dy) {
        return dx > dy ? -1 : 1;
    }
    return x->now != y->now ? (x->now > y->now ? -1 : 1) : slice_cmp(x->label, y->label);
}

static enum err comparison_load(struct comparison *c, struct store *s, struct errbuf *eb)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < LABEL_COUNT; i++) {
        c->dimension = LABELS[i];
        c->is_now = false;
        e = store_generation_cube(s, c->filter, c->generation, c->bucket, LABELS[i], row_take, c,
                                  eb);
        c->is_now = true;
        e = e == OK ? store_cube(s, c->filter, c->bucket, LABELS[i], row_take, c, eb) : e;
    }
    e = e == OK ? store_gone_days(s, c->filter, gone_day_add, &c->gone, eb) : e;
    if (e == OK && c->failed) {
        e = err_set(eb, ERR_NOMEM, "out of memory for the comparison");
    }
    if (e == OK && c->count) {
        qsort(c->lines, c->count, sizeof *c->lines, line_cmp);
    }
    return e;
}

/* ---- text ---- */

static void bucket_text(const struct comparison *c, int64_t bucket, char out[11])
{
    day_text(day_of(bucket), out);
    if (c->bucket == BUCKET_MONTH) {
        out[7] = '\0';
    }
}

static void difference_cell(struct page *p, const struct line *l)
{
    char text[24];
    snprintf(text, sizeof text, "%+" PRId64, difference(l));
    page_cell(p, slice_cstr(difference(l) ? text : "0"), 11, true);
}

static void line_text(struct page *p, const struct comparison *c, const struct line *l)
{
    char bucket[11], count[HUMAN_BYTES];
    if (c->bucket != BUCKET_ALL) {
        bucket_text(c, l->bucket, bucket);
        page_printf(p, "%s  ", bucket);
    }
    page_cell(p, l->label, 24, false);
    page_cell(p, slice_cstr(human_count(count, l->before)), 11, true);
    page_cell(p, slice_cstr(human_count(count, l->now)), 11, true);
    difference_cell(p, l);
    page_newline(p);
}

static void lines_text(struct page *p, const struct comparison *c)
{
    bool any = false;
    for (size_t i = 0; i < c->count; i++) {
        const struct line *l = &c->lines[i];
        /* Step by step only what differs: the rest is what other reports show. */
        if (c->bucket != BUCKET_ALL && difference(l) == 0) {
            continue;
        }
        if (!any || c->lines[i - 1].dimension != l->dimension) {
            page_newline(p);
            page_printf(p, "%s%-*s%11s%11s%11s\n",
                        c->bucket == BUCKET_ALL     ? ""
                        : c->bucket == BUCKET_MONTH ? "         "
                                                    : "            ",
                        24, dimension_name(l->dimension), "before", "now", "difference");
        }
        any = true;
        line_text(p, c, l);
    }
    if (!any) {
        page_printf(p, "\nNo label differs.\n");
    }
}

static void move_text(void *arg, const struct generation_move *m)
{
    struct comparison *c = arg;
    char count[HUMAN_BYTES];
    page_cell(c->page, slice_cstr(human_count(count, m->messages)), 12, true);
    page_printf(c->page, "  %s ", dimension_name(m->dimension));
    page_escaped(c->page, m->from);
    page_printf(c->page, " -> ");
    page_escaped(c->page, m->to);
    page_newline(c->page);
}

static void generation_text(void *arg, const struct generation *g)
{
    struct comparison *c = arg;
    char made[21], count[HUMAN_BYTES];
    if (g->number <= c->generation) {
        return;
    }
    time_rfc3339(g->made, made);
    page_printf(c->page, "Generation %u: %s, pack ", g->number, made);
    page_escaped(c->page, g->pack);
    page_printf(c->page, ", %s messages changed", human_count(count, g->changed));
    if (g->note.n) {
        page_printf(c->page, ": ");
        page_escaped(c->page, g->note);
    }
    page_newline(c->page);
}

static enum err comparison_text(struct comparison *c, struct store *s, FILE *f, bool *written,
                                struct errbuf *eb)
{
    struct report_style style = context_style(f);
    struct page p = page_new(&style);
    c->page = &p;
    page_printf(&p, "Labels of generation %u and of generation %u, messages.\n", c->generation,
                c->newest);
    enum err e = store_generations(s, generation_text, c, eb);
    lines_text(&p, c);
    if (e == OK) {
        page_printf(&p, "\nWhat moved, in the whole store:\n");
    }
    for (unsigned n = c->generation; e == OK && n < c->newest; n++) {
        e = store_generation_moves(s, n, move_text, c, eb);
    }
    if (c->gone.messages) {
        page_newline(&p);
        gone_days_print(&p, &c->gone);
    }
    *written = page_write(&p, f);
    return e;
}

/* ---- fields ---- */

static void move_fields(void *arg, const struct generation_move *m)
{
    struct comparison *c = arg;
    print_map_begin(c->printer);
    key_unsigned(c->printer, "generation", c->move_generation);
    key_text(c->printer, "dimension", slice_cstr(dimension_name(m->dimension)));
    key_text(c->printer, "from", m->from);
    key_text(c->printer, "to", m->to);
    key_unsigned(c->printer, "messages", m->messages);
    print_map_end(c->printer);
}

static void line_fields(const struct comparison *c, const struct line *l)
{
    struct printer *p = c->printer;
    char bucket[11] = "";
    print_map_begin(p);
    if (c->bucket != BUCKET_ALL) {
        bucket_text(c, l->bucket, bucket);
    }
    key_text(p, "time", slice_cstr(bucket));
    key_text(p, "dimension", slice_cstr(dimension_name(l->dimension)));
    key_text(p, "label", l->label);
    key_unsigned(p, "before", l->before);
    key_unsigned(p, "now", l->now);
    print_key(p, "difference");
    print_integer(p, difference(l));
    print_map_end(p);
}

static enum err comparison_fields(struct comparison *c, struct store *s, enum out_format format,
                                  FILE *f, bool *written, struct errbuf *eb)
{
    enum err e = OK;
    struct printer *p = c->printer = printer_new(format, f);
    print_map_begin(p);
    key_unsigned(p, "format_version", 1);
    key_unsigned(p, "generation", c->generation);
    key_unsigned(p, "newest", c->newest);
    key_unsigned(p, "rows_gone", c->gone.messages);
    print_key(p, "labels");
    print_list_begin(p);
    for (size_t i = 0; i < c->count; i++) {
        line_fields(c, &c->lines[i]);
    }
    print_list_end(p);
    print_key(p, "moves");
    print_list_begin(p);
    for (unsigned n = c->generation; e == OK && n < c->newest; n++) {
        c->move_generation = n;
        e = store_generation_moves(s, n, move_fields, c, eb);
    }
    print_list_end(p);
    print_map_end(p);
    *written = printer_end(p);
    return e;
}

/* ---- all ---- */

static bool options_read(struct comparison *c, const struct command *command)
{
    const char *by = command_value(command, "by", "all");
    uint64_t generation = c->newest > 1 ? c->newest - 1 : 1;
    if (strcmp(by, "day") == 0) {
        c->bucket = BUCKET_DAY;
    } else if (strcmp(by, "month") == 0) {
        c->bucket = BUCKET_MONTH;
    } else if (strcmp(by, "all") != 0) {
        usage_error(command, "--by %s: day, month or all, please", by);
        return false;
    }
    if (!command_number(command, "generation", 1, UINT32_MAX, &generation)) {
        return false;
    }
    c->generation = (unsigned)generation;
    return true;
}

int relabel_compare(struct context *x, const struct command *command, const struct store_filter *f,
                    enum out_format format)
{
    struct errbuf eb = {.text = ""};
    struct comparison c = {.filter = f, .bucket = BUCKET_ALL, .places = strmap_new()};
    bool written = false;
    FILE *out;
    c.arena = arena_new(ARENA_BYTES_MAX);
    enum err e =
        c.arena && c.places ? store_generation_newest(x->store, &c.newest, &eb) : ERR_NOMEM;
    int status = e != OK                     ? command_fail(command, e, &eb)
                 : options_read(&c, command) ? EXIT_STATUS_OK
                                             : EXIT_STATUS_USAGE;
    if (!status) {
        e = comparison_load(&c, x->store, &eb);
        status = e == OK ? context_output(command, &out) : command_fail(command, e, &eb);
    }
    if (!status) {
        e = format == OUT_TEXT ? comparison_text(&c, x->store, out, &written, &eb)
                               : comparison_fields(&c, x->store, format, out, &written, &eb);
        status = context_output_end(command, out, written);
        status = e == OK ? status : command_fail(command, e, &eb);
    }
    free(c.lines);
    strmap_free(c.places);
    arena_free(c.arena);
    return status;
}
