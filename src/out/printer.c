/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/printer.h"

#include "core/clock.h"
#include "core/utf8.h"
#include "out/escape.h"

#include <math.h>
#include <stdlib.h>

enum { CSV_COLUMNS = 128, FLUSH_BYTES = 64 * 1024 };

struct level {
    bool is_map;
    bool has_key;      /* a key waits for its value */
    bool is_multiline; /* the last item was a map or list: its end stands on a line of its own */
    size_t items;
};

struct csv_column {
    struct strbuf name;
    struct strbuf cell;
    bool is_set;
    bool is_text;
};

struct printer {
    enum out_format format;
    FILE *f;
    struct strbuf out;
    struct level levels[PRINTER_DEPTH];
    size_t depth;
    bool is_done;
    bool failed;

    /* JSONL and CSV: rows are the items of the list that was opened at depth row_depth. */
    size_t row_depth; /* levels open when in that list; 0: in none */
    bool has_list;    /* an outermost list was seen: what stands outside is not printed */

    /* CSV */
    struct csv_column *columns;
    size_t column_count;
    size_t column_next; /* where the next key is expected: rows repeat the order of the first */
    struct csv_column *column; /* of the value that follows */
    bool has_header;
    bool is_over;                 /* the first outermost list has ended */
    size_t path_n[PRINTER_DEPTH]; /* length of `path` outside of each level */
    struct strbuf path;
    size_t cell_depth; /* depth of the list that is a cell; 0: none */
};

static const char *const FORMATS[] = {"text", "json", "jsonl", "csv"};

bool out_format_parse(struct slice s, enum out_format *out)
{
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++) {
        if (slice_eq(s, slice_cstr(FORMATS[i]))) {
            *out = (enum out_format)i;
            return true;
        }
    }
    return false;
}

const char *out_format_name(enum out_format format)
{
    return FORMATS[format];
}

struct printer *printer_new(enum out_format format, FILE *f)
{
    if (format != OUT_JSON && format != OUT_JSONL && format != OUT_CSV) {
        panic("printer_new: not a printer's format: %d", (int)format);
    }
    struct printer *p = calloc(1, sizeof *p);
    struct csv_column *columns = format == OUT_CSV ? calloc(CSV_COLUMNS, sizeof *columns) : NULL;
    if (!p || (format == OUT_CSV && !columns)) {
        panic("printer_new: out of memory");
    }
    p->format = format;
    p->f = f;
    p->columns = columns;
    return p;
}

static void printer_flush(struct printer *p)
{
    p->failed |= p->out.failed;
    if (p->out.n && fwrite(p->out.p, 1, p->out.n, p->f) != p->out.n) {
        p->failed = true;
    }
    strbuf_clear(&p->out);
}

static struct level *level_top(struct printer *p)
{
    return p->depth ? &p->levels[p->depth - 1] : NULL;
}

/* ---- JSON text ---- */

static void json_quote(struct strbuf *out, struct slice s)
{
    strbuf_add_byte(out, '"');
    size_t from = 0;
    for (size_t at = 0; at < s.n;) {
        uint32_t c = 0;
        size_t n = utf8_sequence(slice_sub(s, at, 4), &c);
        bool is_plain = n > 1 || (n == 1 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f);
        if (is_plain) {
            at += n;
            continue;
        }
        strbuf_add(out, slice_sub(s, from, at - from));
        switch (n ? (int)c : -1) {
        case -1:
            strbuf_add_cstr(out, "\ufffd");
            break;
        case '"':
            strbuf_add_cstr(out, "\\\"");
            break;
        case '\\':
            strbuf_add_cstr(out, "\\\\");
            break;
        case '\n':
            strbuf_add_cstr(out, "\\n");
            break;
        case '\r':
            strbuf_add_cstr(out, "\\r");
            break;
        case '\t':
            strbuf_add_cstr(out, "\\t");
            break;
        default: /* also DEL, which terminals take for more than a character */
            strbuf_printf(out, "\\u%04x", (unsigned)c);
            break;
        }
        from = ++at;
    }
    strbuf_add(out, slice_sub(s, from, SIZE_MAX));
    strbuf_add_byte(out, '"');
}

static void json_newline(struct printer *p)
{
    strbuf_add_byte(&p->out, '\n');
    for (size_t i = 0; i < p->depth; i++) {
        strbuf_add_cstr(&p->out, "  ");
    }
}

/* Does JSONL print at this point? Rows, and outer scalars as long as no list has come. */
static bool json_is_on(const struct printer *p)
{
    return p->format == OUT_JSON || p->row_depth || !p->has_list;
}

/* What stands between the item before and this one. */
static void json_separate(struct printer *p, bool is_container)
{
    struct level *l = level_top(p);
    if (!l || (p->format == OUT_JSONL && p->depth == p->row_depth)) {
        return;
    }
    if (l->is_map) {
        return; /* print_key did it */
    }
    if (p->format == OUT_JSONL) {
        strbuf_add_cstr(&p->out, l->items ? "," : "");
        return;
    }
    if (is_container || l->is_multiline) {
        strbuf_add_cstr(&p->out, l->items ? "," : "");
        json_newline(p);
        l->is_multiline = true;
    } else {
        strbuf_add_cstr(&p->out, l->items ? ", " : "");
    }
}

static void json_key(struct printer *p, const char *key)
{
    struct level *l = level_top(p);
    strbuf_add_cstr(&p->out, l->items ? "," : "");
    if (p->format == OUT_JSON) {
        json_newline(p);
        l->is_multiline = true;
    }
    json_quote(&p->out, slice_cstr(key));
    strbuf_add_cstr(&p->out, p->format == OUT_JSON ? ": " : ":");
}

/* ---- CSV ---- */

static struct csv_column *csv_column_of(struct printer *p, struct slice name)
{
    for (size_t i = 0; i < p->column_count; i++) {
        size_t k = (p->column_next + i) % p->column_count;
        if (slice_eq(strbuf_slice(&p->columns[k].name), name)) {
            p->column_next = k + 1;
            return &p->columns[k];
        }
    }
    if (p->has_header || p->column_count == CSV_COLUMNS) {
        panic("csv: the key '%.*s' is not in the header", SLICE_ARG(name));
    }
    struct csv_column *c = &p->columns[p->column_count++];
    strbuf_add(&c->name, name);
    p->column_next = p->column_count;
    return c;
}

static void csv_field(struct strbuf *out, struct slice s, bool is_text)
{
    bool is_formula = is_text && s.n && memchr("=+-@\t\r", s.p[0], 6) != NULL;
    bool is_quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        is_quoted |= s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\r' || s.p[i] == '\n';
    }
    is_quoted |= s.n && (ascii_is_space(s.p[0]) || ascii_is_space(s.p[s.n - 1]));
    strbuf_add_cstr(out, is_quoted ? "\"" : "");
    strbuf_add_cstr(out, is_formula ? "'" : "");
    for (size_t i = 0; i < s.n; i++) {
        unsigned char b = (unsigned char)s.p[i];
        if ((b < ' ' && !ascii_is_space(s.p[i])) || b == 0x7f) {
            strbuf_printf(out, "\\x%02x", b); /* a CSV is looked at in terminals, too */
            continue;
        }
        if (b == '"') {
            strbuf_add_byte(out, '"');
        }
        strbuf_add_byte(out, s.p[i]);
    }
    strbuf_add_cstr(out, is_quoted ? "\"" : "");
}

static void csv_row_end(struct printer *p)
{
    for (size_t i = 0; !p->has_header && i < p->column_count; i++) {
        strbuf_add_cstr(&p->out, i ? "," : "");
        csv_field(&p->out, strbuf_slice(&p->columns[i].name), false);
    }
    strbuf_add_cstr(&p->out, p->has_header ? "" : "\r\n");
    p->has_header = true;
    for (size_t i = 0; i < p->column_count; i++) {
        struct csv_column *c = &p->columns[i];
        strbuf_add_cstr(&p->out, i ? "," : "");
        csv_field(&p->out, strbuf_slice(&c->cell), c->is_text);
        p->failed |= c->cell.failed || c->name.failed;
        strbuf_clear(&c->cell);
        c->is_set = c->is_text = false;
    }
    strbuf_add_cstr(&p->out, "\r\n");
    p->column_next = 0;
}

/* Cells of the outer map are dropped when the document turns out to have rows. */
static void csv_columns_clear(struct printer *p)
{
    for (size_t i = 0; i < p->column_count; i++) {
        strbuf_free(&p->columns[i].name);
        strbuf_free(&p->columns[i].cell);
    }
    memset(p->columns, 0, p->column_count * sizeof *p->columns);
    p->column_count = p->column_next = 0;
}

static bool csv_is_on(const struct printer *p)
{
    return !p->is_over && (p->row_depth || !p->has_list);
}

static void csv_scalar(struct printer *p, struct slice s, bool is_text, bool is_null)
{
    if (!csv_is_on(p) || (p->cell_depth && p->depth != p->cell_depth)) {
        return;
    }
    if (!p->cell_depth) {
        p->column = csv_column_of(p, p->path.n ? strbuf_slice(&p->path) : S("value"));
    }
    struct csv_column *c = p->column;
    if (c->is_set && !p->cell_depth) {
        panic("csv: the key '%s' comes twice in a row", strbuf_cstr(&c->name));
    }
    if (p->cell_depth && c->is_set) {
        strbuf_add_byte(&c->cell, ';');
    }
    c->is_set = true;
    c->is_text |= is_text;
    if (!is_null && is_text) {
        utf8_repair(&c->cell, s);
    } else if (!is_null) {
        strbuf_add(&c->cell, s);
    }
}

/* ---- the tree ---- */

/* Every value passes here first. */
static void value_begin(struct printer *p, bool is_container)
{
    struct level *l = level_top(p);
    if (p->is_done) {
        panic("printer: a value after the end of the document");
    }
    if (l && l->is_map && !l->has_key) {
        panic("printer: a value in a map needs a key");
    }
    if (p->format != OUT_CSV && json_is_on(p)) {
        json_separate(p, is_container);
    }
    if (l) {
        l->has_key = false;
        l->items++;
    }
}

/* And here last. */
static void value_end(struct printer *p)
{
    struct level *l = level_top(p);
    if (p->row_depth && p->depth == p->row_depth) {
        if (p->format == OUT_JSONL) {
            strbuf_add_byte(&p->out, '\n');
        } else if (p->format == OUT_CSV && !p->is_over) {
            csv_row_end(p);
        }
    }
    if (l && l->is_map && p->format == OUT_CSV && !p->path.failed) {
        p->path.n = p->path_n[p->depth - 1];
    }
    if (!p->depth) {
        p->is_done = true;
    }
    /* Outer scalars of JSONL stay in the buffer until it is known whether rows come. */
    bool is_held = p->format == OUT_JSONL && !p->has_list;
    if (p->out.n >= FLUSH_BYTES && !is_held) {
        printer_flush(p);
    }
}

static void container_begin(struct printer *p, bool is_map)
{
    value_begin(p, true);
    if (p->depth == PRINTER_DEPTH) {
        panic("printer: nested deeper than %d", PRINTER_DEPTH);
    }
    bool is_rows = p->format != OUT_JSON && !is_map && !p->row_depth;
    if (is_rows) {
        if (!p->has_list && p->format == OUT_JSONL) {
            strbuf_clear(&p->out);
        } else if (!p->has_list) {
            csv_columns_clear(p);
        }
        p->has_list = true;
        p->row_depth = p->depth + 1;
    } else if (p->format == OUT_CSV) {
        if (!is_map && !p->cell_depth && csv_is_on(p)) {
            p->cell_depth = p->depth + 1;
            p->column = csv_column_of(p, p->path.n ? strbuf_slice(&p->path) : S("value"));
        }
    } else if (json_is_on(p)) {
        strbuf_add_byte(&p->out, is_map ? '{' : '[');
    }
    p->levels[p->depth++] = (struct level){.is_map = is_map};
    p->path_n[p->depth - 1] = is_rows ? 0 : p->path.n;
    if (is_rows && !p->path.failed) {
        p->path.n = 0;
    }
}

static void container_end(struct printer *p, bool is_map)
{
    struct level *l = level_top(p);
    if (!l || l->is_map != is_map || l->has_key) {
        panic("printer: the end of a %s that is not open, or a key without a value",
              is_map ? "map" : "list");
    }
    struct level ended = *l;
    p->depth--;
    if (p->row_depth == p->depth + 1) {
        p->row_depth = 0;
        p->is_over = true;
    } else if (p->format == OUT_CSV) {
        if (p->cell_depth == p->depth + 1) {
            p->cell_depth = 0;
        }
    } else if (json_is_on(p)) {
        if (p->format == OUT_JSON && ended.items && ended.is_multiline) {
            json_newline(p);
        }
        strbuf_add_byte(&p->out, is_map ? '}' : ']');
    }
    value_end(p);
}

static void scalar(struct printer *p, struct slice json, struct slice text, bool is_text,
                   bool is_null)
{
    value_begin(p, false);
    if (p->format == OUT_CSV) {
        csv_scalar(p, text, is_text, is_null);
    } else if (json_is_on(p)) {
        strbuf_add(&p->out, json);
    }
    value_end(p);
}

void print_map_begin(struct printer *p)
{
    container_begin(p, true);
}

void print_map_end(struct printer *p)
{
    container_end(p, true);
}

void print_list_begin(struct printer *p)
{
    container_begin(p, false);
}

void print_list_end(struct printer *p)
{
    container_end(p, false);
}

void print_key(struct printer *p, const char *key)
{
    struct level *l = level_top(p);
    if (!l || !l->is_map || l->has_key) {
        panic("printer: the key '%s' has no place here", key);
    }
    if (p->format == OUT_CSV) {
        p->path_n[p->depth - 1] = p->path.n;
        strbuf_add_cstr(&p->path, p->path.n ? "." : "");
        strbuf_add_cstr(&p->path, key);
    } else if (json_is_on(p)) {
        json_key(p, key);
    }
    l->has_key = true;
}

void print_text(struct printer *p, struct slice s)
{
    struct strbuf quoted = STRBUF_INIT;
    if (p->format != OUT_CSV && json_is_on(p)) {
        json_quote(&quoted, s);
    }
    p->failed |= quoted.failed;
    scalar(p, strbuf_slice(&quoted), s, true, false);
    strbuf_free(&quoted);
}

void print_text_or_null(struct printer *p, struct slice s)
{
    if (s.n) {
        print_text(p, s);
    } else {
        print_null(p);
    }
}

static void print_literal(struct printer *p, const char *s)
{
    scalar(p, slice_cstr(s), slice_cstr(s), false, false);
}

void print_integer(struct printer *p, int64_t v)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)v);
    print_literal(p, text);
}

void print_unsigned(struct printer *p, uint64_t v)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)v);
    print_literal(p, text);
}

void print_number(struct printer *p, double v, int decimals)
{
    char text[400]; /* DBL_MAX has 309 digits before the point */
    if (decimals < 0 || decimals > 17) {
        panic("print_number: %d decimals", decimals);
    }
    if (!isfinite(v)) {
        print_null(p);
        return;
    }
    snprintf(text, sizeof text, "%.*f", decimals, v);
    bool is_zero = !text[strspn(text, "-0.")];
    print_literal(p, is_zero && text[0] == '-' ? text + 1 : text);
}

void print_boolean(struct printer *p, bool v)
{
    print_literal(p, v ? "true" : "false");
}

void print_null(struct printer *p)
{
    scalar(p, S("null"), S(""), false, true);
}

void print_time(struct printer *p, int64_t t)
{
    char text[21];
    time_rfc3339(t, text);
    print_text(p, slice_cstr(text));
}

void print_day(struct printer *p, int64_t day)
{
    char text[11];
    day_text(day, text);
    print_text(p, slice_cstr(text));
}

bool printer_end(struct printer *p)
{
    if (p->depth || !p->is_done) {
        panic("printer_end: the document is not complete");
    }
    if (p->format == OUT_CSV && !p->has_list && p->column_count) {
        csv_row_end(p);
    } else if (p->format == OUT_JSON || (p->format == OUT_JSONL && !p->has_list)) {
        strbuf_add_byte(&p->out, '\n');
    }
    p->failed |= p->path.failed;
    printer_flush(p);
    bool ok = !p->failed && fflush(p->f) == 0 && !ferror(p->f);
    if (p->columns) {
        csv_columns_clear(p);
    }
    free(p->columns);
    strbuf_free(&p->path);
    strbuf_free(&p->out);
    free(p);
    return ok;
}
