/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The condition over the searches of a rule:
 *   or   := and ("or" and)*         and := not ("and" not)*        not := "not" not | atom
 *   atom := "(" or ")" | NAME | ("1" | "all") "of" (NAME | PREFIX* | "them")
 * `them` is every search whose name does not begin with an underscore. */
#include "core/limits.h"
#include "sig/rule.h"

#include <stdio.h>

struct condition {
    const struct yaml_node *node;
    struct slice text;
    size_t at;
    struct rule_source *rule;
    struct arena *arena;
    struct findings *to;
    unsigned depth;
    bool failed;
};

static struct cond *refuse(struct condition *c, size_t at, const char *fmt, struct slice word)
{
    char text[160];
    /* Columns are exact where the text stands in the file as it is: on one line. */
    unsigned column = c->node->column;
    if (c->node->is_plain || c->node->is_quoted) {
        column += (unsigned)at + c->node->is_quoted;
    }
    if (!c->failed) {
        snprintf(text, sizeof text, "%.*s", SLICE_ARG(slice_sub(word, 0, 100)));
        finding_add(c->to, FINDING_ERROR, c->node->line, column, "condition: %s%s%s%s", fmt,
                    word.n ? " '" : "", text, word.n ? "'" : "");
    }
    c->failed = true;
    return NULL;
}

static bool is_word_byte(char b)
{
    return ascii_is_alnum(b) || b == '_' || b == '-' || b == '.' || b == '*';
}

static struct slice next_word(struct condition *c)
{
    while (c->at < c->text.n && ascii_is_space(c->text.p[c->at])) {
        c->at++;
    }
    size_t end = c->at;
    while (end < c->text.n && is_word_byte(c->text.p[end])) {
        end++;
    }
    if (end == c->at && end < c->text.n) {
        end++; /* a bracket, or a byte that belongs to nothing */
    }
    return slice_sub(c->text, c->at, end - c->at);
}

static bool take(struct condition *c, const char *word)
{
    struct slice next = next_word(c);
    if (slice_eq(next, slice_cstr(word))) {
        c->at += next.n;
        return true;
    }
    return false;
}

static struct cond *cond_new(struct condition *c, enum cond_op op)
{
    struct cond *n = arena_calloc(c->arena, 1, sizeof *n);
    if (!n) {
        c->to->is_exhausted = c->failed = true;
        return NULL;
    }
    n->op = op;
    return n;
}

static struct cond *cond_search(struct condition *c, size_t index)
{
    struct cond *n = cond_new(c, COND_SEARCH);
    if (n) {
        n->index = index;
        c->rule->searches[index].is_used = true;
    }
    return n;
}

static bool search_is_selected(struct slice name, struct slice pattern)
{
    if (slice_eq(pattern, S("them"))) {
        return name.n && name.p[0] != '_';
    }
    if (pattern.n && pattern.p[pattern.n - 1] == '*') {
        return slice_starts(name, slice_sub(pattern, 0, pattern.n - 1));
    }
    return slice_eq(name, pattern);
}

/* "1 of x*", "all of them": after the "of". */
static struct cond *parse_of(struct condition *c, enum cond_op op)
{
    struct slice pattern = next_word(c);
    size_t at = c->at;
    struct cond *group = cond_new(c, op);
    struct cond **tail = group ? &group->first : NULL;
    size_t star = slice_find_byte(pattern, '*');
    if (pattern.n == 0 || !is_word_byte(pattern.p[0])) {
        return refuse(c, at, "a search, a prefix like x* or 'them' must follow 'of'", S(""));
    }
    if (star + 1 < pattern.n) {
        return refuse(c, at, "* may only end a prefix, not stand inside", pattern);
    }
    c->at += pattern.n;
    for (size_t i = 0; group && i < c->rule->search_count; i++) {
        if (search_is_selected(c->rule->searches[i].name, pattern)) {
            struct cond *one = cond_search(c, i);
            if (!one) {
                return NULL;
            }
            *tail = one;
            tail = &one->next;
        }
    }
    if (group && !group->first) {
        return refuse(c, at, "no search is called", pattern);
    }
    return group;
}

static struct cond *parse_or(struct condition *c);

static struct cond *parse_atom(struct condition *c)
{
    struct slice word = next_word(c);
    size_t at = c->at;
    if (word.n == 0) {
        return refuse(c, at, "ends where a search is expected", S(""));
    }
    if (take(c, "(")) {
        struct cond *inner = parse_or(c);
        if (!c->failed && !take(c, ")")) {
            return refuse(c, c->at, "a closing bracket is missing", S(""));
        }
        return inner;
    }
    if (!is_word_byte(word.p[0])) {
        return refuse(c, at, "unexpected", word);
    }
    c->at += word.n;
    if (slice_eq(word, S("1")) || slice_eq(word, S("all"))) {
        if (!take(c, "of")) {
            return refuse(c, c->at, "'of' must follow", word);
        }
        return parse_of(c, word.p[0] == '1' ? COND_OR : COND_AND);
    }
    for (size_t i = 0; i < c->rule->search_count; i++) {
        if (slice_eq(c->rule->searches[i].name, word)) {
            return cond_search(c, i);
        }
    }
    if (slice_find_byte(word, '*') < word.n) {
        return refuse(c, at, "write '1 of' or 'all of' before", word);
    }
    if (ascii_is_digit(word.p[0])) {
        return refuse(c, at, "only '1 of' and 'all of' count, not", word);
    }
    if (slice_ieq(word, S("and")) || slice_ieq(word, S("or")) || slice_ieq(word, S("not"))) {
        return refuse(c, at, "a search is expected, not", word);
    }
    return refuse(c, at, "no search is called", word);
}

static struct cond *parse_not(struct condition *c)
{
    if (++c->depth > LIMIT_RULE_DEPTH) {
        return refuse(c, c->at, "nested too deep", S(""));
    }
    struct cond *n;
    if (take(c, "not")) {
        n = cond_new(c, COND_NOT);
        struct cond *inner = n ? parse_not(c) : NULL;
        if (n) {
            n->first = inner;
        }
    } else {
        n = parse_atom(c);
    }
    c->depth--;
    return c->failed ? NULL : n;
}

/* A list of operands with the same word between them; one operand is itself. */
static struct cond *parse_list(struct condition *c, const char *word, enum cond_op op,
                               struct cond *(*operand)(struct condition *))
{
    struct cond *one = operand(c);
    if (c->failed || !take(c, word)) {
        return one;
    }
    struct cond *group = cond_new(c, op);
    if (!group) {
        return NULL;
    }
    group->first = one;
    struct cond **tail = &one->next;
    do {
        one = operand(c);
        if (c->failed) {
            return NULL;
        }
        *tail = one;
        tail = &one->next;
    } while (take(c, word));
    return group;
}

static struct cond *parse_and(struct condition *c)
{
    return parse_list(c, "and", COND_AND, parse_not);
}

static struct cond *parse_or(struct condition *c)
{
    return parse_list(c, "or", COND_OR, parse_and);
}

struct cond *condition_parse(const struct yaml_node *n, struct rule_source *rule,
                             struct arena *arena, struct findings *to)
{
    struct condition c = {.node = n, .rule = rule, .arena = arena, .to = to};
    if (n->kind != YAML_SCALAR) {
        finding_add(to, FINDING_ERROR, n->line, n->column, "condition must be one line of text");
        return NULL;
    }
    if (n->text.n > LIMIT_PATTERN_BYTES) {
        finding_add(to, FINDING_ERROR, n->line, n->column, "condition longer than %d bytes",
                    LIMIT_PATTERN_BYTES);
        return NULL;
    }
    c.text = n->text;
    struct cond *root = parse_or(&c);
    if (!c.failed) {
        struct slice rest = next_word(&c);
        if (rest.n) {
            return refuse(&c, c.at,
                          slice_ieq(rest, S("and")) || slice_ieq(rest, S("or"))
                              ? "write 'and' and 'or' in lower case, not"
                              : "'and' or 'or' is missing before",
                          rest);
        }
    }
    return c.failed ? NULL : root;
}
