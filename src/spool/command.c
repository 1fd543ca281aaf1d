/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spool/command.h"

static const struct slice NAMES[VERB_COUNT] = {
#define VERB(id, name) [VERB_##id] = SLICE(name),
#include "spool/verb.def"
#undef VERB
    [VERB_OTHER] = SLICE(""),
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Cuts the blanks at the beginning off and returns them. */
static struct slice blanks_cut(struct slice *s)
{
    size_t n = 0;
    while (n < s->n && is_blank(s->p[n])) {
        n++;
    }
    struct slice blanks = slice_sub(*s, 0, n);
    *s = slice_sub(*s, n, s->n);
    return blanks;
}

static struct slice word_cut(struct slice *s)
{
    size_t n = 0;
    while (n < s->n && !is_blank(s->p[n])) {
        n++;
    }
    struct slice word = slice_sub(*s, 0, n);
    *s = slice_sub(*s, n, s->n);
    return word;
}

struct slice verb_name(enum smtp_verb v)
{
    return NAMES[v];
}

enum smtp_verb verb_by_name(struct slice word)
{
    if (word.n > 0) {
        for (enum smtp_verb v = 0; v < VERB_OTHER; v++) {
            if (slice_ieq(word, NAMES[v])) {
                return v;
            }
        }
    }
    return VERB_OTHER;
}

void command_read(struct slice line, struct command *out)
{
    struct slice rest = line;
    out->lead = blanks_cut(&rest);
    out->word = word_cut(&rest);
    out->gap = blanks_cut(&rest);
    size_t n = rest.n;
    while (n > 0 && is_blank(rest.p[n - 1])) {
        n--;
    }
    out->argument = slice_sub(rest, 0, n);
    out->tail = slice_sub(rest, n, rest.n);
    out->verb = verb_by_name(out->word);
}

/* Behind "<": up to the ">" that is not in a quoted string. */
static size_t path_end(struct slice s)
{
    bool is_quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && is_quoted) {
            i++;
        } else if (s.p[i] == '"') {
            is_quoted = !is_quoted;
        } else if (s.p[i] == '>' && !is_quoted) {
            return i;
        }
    }
    return slice_find_byte(s, '>'); /* a quote that never ends does not count */
}

void path_read(struct slice argument, struct slice keyword, struct path *out)
{
    struct slice rest = argument;
    *out = (struct path){0};
    if (slice_istarts(rest, keyword)) {
        struct slice after = slice_sub(rest, keyword.n, rest.n);
        struct slice gap = blanks_cut(&after);
        if (after.n > 0 && after.p[0] == ':') {
            out->has_keyword = true;
            out->keyword = slice_sub(rest, 0, keyword.n);
            out->colon_gap = gap;
            rest = slice_sub(after, 1, after.n);
            out->gap = blanks_cut(&rest);
        }
    }
    if (rest.n > 0 && rest.p[0] == '<') {
        rest = slice_sub(rest, 1, rest.n);
        size_t end = path_end(rest);
        out->has_brackets = end < rest.n;
        out->is_open = end == rest.n;
        out->address = slice_sub(rest, 0, end);
        rest = slice_sub(rest, end + 1, rest.n);
    } else {
        out->address = word_cut(&rest);
    }
    if (out->address.n > 0 && out->address.p[0] == '@') {
        size_t colon = slice_find_byte(out->address, ':');
        if (colon < out->address.n) {
            out->route = slice_sub(out->address, 0, colon + 1);
            out->address = slice_sub(out->address, colon + 1, out->address.n);
        }
    }
    out->parameters = slice_trim(rest);
}

bool parameter_next(struct slice *parameters, struct slice *name, struct slice *value)
{
    blanks_cut(parameters);
    if (parameters->n == 0) {
        return false;
    }
    struct slice word = word_cut(parameters);
    *name = slice_cut(&word, '=');
    *value = word;
    return true;
}

struct slice address_domain(struct slice address)
{
    for (size_t i = address.n; i > 0; i--) {
        if (address.p[i - 1] == '@') {
            return slice_sub(address, i, address.n);
        }
    }
    return S("");
}
