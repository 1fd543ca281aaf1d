/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/csv.h"

enum { HEADER_FIELDS_MAX = 64 };

void csv_open(struct csv *c, const char *file, struct slice text, struct arena *arena)
{
    struct slice mark = S("\xef\xbb\xbf");
    *c = (struct csv){.left = slice_starts(text, mark) ? slice_sub(text, mark.n, text.n) : text,
                      .file = file,
                      .arena = arena,
                      .line = 1,
                      .column = 1};
}

static void advance(struct csv *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool is_end = c->left.p[i] == '\n';
        c->line += is_end;
        c->column = is_end ? 1 : c->column + 1;
    }
    c->left = slice_sub(c->left, n, c->left.n);
}

/* Length of the line end that `s` begins with; 0 when it begins with none. */
static size_t line_end(struct slice s)
{
    return slice_starts(s, S("\n")) ? 1 : slice_starts(s, S("\r\n")) ? 2 : 0;
}

static bool is_field_end(struct slice s)
{
    return s.n == 0 || s.p[0] == ',' || line_end(s) != 0;
}

/* What stands between the quotes, with each "" as one quote. */
static enum err quoted_unfold(struct csv *c, struct slice inner, struct slice *out,
                              struct errbuf *eb)
{
    size_t n = 0;
    if (slice_find_byte(inner, '"') == inner.n) {
        *out = inner;
        return OK;
    }
    char *copy = arena_alloc(c->arena, inner.n);
    if (!copy) {
        return err_at(eb, ERR_NOMEM, c->file, c->line, c->column, "out of memory");
    }
    for (size_t i = 0; i < inner.n; i++) {
        copy[n++] = inner.p[i];
        i += inner.p[i] == '"';
    }
    *out = slice_of(copy, n);
    return OK;
}

static enum err quoted_cut(struct csv *c, struct csv_field *f, struct errbuf *eb)
{
    size_t at = 1;
    while (at < c->left.n) {
        at += slice_find_byte(slice_sub(c->left, at, c->left.n), '"');
        if (!slice_starts(slice_sub(c->left, at, c->left.n), S("\"\""))) {
            break;
        }
        at += 2;
    }
    if (at >= c->left.n) {
        return err_at(eb, ERR_SYNTAX, c->file, f->line, f->column, "a quote that is never closed");
    }
    enum err e = quoted_unfold(c, slice_sub(c->left, 1, at - 1), &f->text, eb);
    if (e != OK) {
        return e;
    }
    advance(c, at + 1);
    return is_field_end(c->left)
               ? OK
               : err_at(eb, ERR_SYNTAX, c->file, c->line, c->column, "text after a closing quote");
}

static enum err bare_cut(struct csv *c, struct csv_field *f, struct errbuf *eb)
{
    size_t n = 0;
    while (!is_field_end(slice_sub(c->left, n, c->left.n))) {
        if (c->left.p[n] == '"') {
            return err_at(eb, ERR_SYNTAX, c->file, c->line, c->column + (unsigned)n,
                          "a quote within a field that does not begin with one");
        }
        n++;
    }
    f->text = slice_sub(c->left, 0, n);
    advance(c, n);
    return OK;
}

enum err csv_row(struct csv *c, struct csv_field *fields, size_t max, size_t *count,
                 struct errbuf *eb)
{
    size_t n = 0, end;
    while ((end = line_end(c->left)) != 0) {
        advance(c, end);
    }
    if (c->left.n == 0) {
        return ERR_END;
    }
    for (;;) {
        struct csv_field f = {.line = c->line, .column = c->column};
        if (n == max) {
            return err_at(eb, ERR_LIMIT, c->file, c->line, c->column, "more than %zu fields", max);
        }
        enum err e = slice_starts(c->left, S("\"")) ? quoted_cut(c, &f, eb) : bare_cut(c, &f, eb);
        if (e != OK) {
            return e;
        }
        fields[n++] = f;
        if (!slice_starts(c->left, S(","))) {
            break;
        }
        advance(c, 1);
    }
    advance(c, line_end(c->left));
    *count = n;
    return OK;
}

enum err csv_header(struct csv *c, const char *const *names, size_t count, size_t *columns,
                    struct errbuf *eb)
{
    struct csv_field fields[HEADER_FIELDS_MAX];
    size_t n;
    enum err e = csv_row(c, fields, HEADER_FIELDS_MAX, &n, eb);
    if (e != OK) {
        return e == ERR_END ? err_at(eb, ERR_SYNTAX, c->file, 1, 1, "no header row") : e;
    }
    for (size_t i = 0; i < count; i++) {
        columns[i] = SIZE_MAX;
    }
    for (size_t f = 0; f < n; f++) {
        size_t i = 0;
        while (i < count && !slice_eq(fields[f].text, slice_cstr(names[i]))) {
            i++;
        }
        if (i == count || columns[i] != SIZE_MAX) {
            return err_at(eb, ERR_SYNTAX, c->file, fields[f].line, fields[f].column,
                          "column '%.*s' is %s", SLICE_ARG(fields[f].text),
                          i == count ? "not known" : "there twice");
        }
        columns[i] = f;
    }
    return OK;
}
