/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of a rule into what the index looks up: exact values by hash, everything else as a libhs
 * expression. What libhs cannot do is refused here, by name. */
#include "core/limits.h"
#include "sig/rule.h"

#include <math.h>

enum { WILD_NONE, WILD_RUN, WILD_ONE };

/* The next byte of a value, or a wildcard where the field has them. False at the end. */
static bool value_next(struct slice *s, bool has_wildcards, char *byte, int *wild)
{
    if (s->n == 0) {
        return false;
    }
    *byte = s->p[0];
    *wild = WILD_NONE;
    size_t step = 1;
    if (has_wildcards && *byte == '\\' && s->n > 1 &&
        (s->p[1] == '*' || s->p[1] == '?' || s->p[1] == '\\')) {
        *byte = s->p[1];
        step = 2;
    } else if (has_wildcards && *byte == '*') {
        *wild = WILD_RUN;
    } else if (has_wildcards && *byte == '?') {
        *wild = WILD_ONE;
    }
    *s = slice_sub(*s, step, s->n);
    return true;
}

static void regex_put_byte(struct strbuf *b, char c)
{
    if (ascii_is_alnum(c)) {
        strbuf_add_byte(b, c);
    } else {
        strbuf_printf(b, "\\x%02x", (unsigned)(unsigned char)c);
    }
}

static bool regex_take(struct pattern *p, struct strbuf *b, struct arena *arena,
                       struct findings *to)
{
    strbuf_add_byte(b, '\0');
    p->text = b->failed ? S("") : arena_copy(arena, strbuf_slice(b));
    strbuf_free(b);
    if (!p->text.p || p->text.n == 0) {
        to->is_exhausted = true;
        return false;
    }
    p->text.n--; /* the NUL stays behind it: libhs wants C strings */
    return true;
}

/* How likely a message is to have it, from the bytes that are fixed. Only the order matters. */
static double rarity_of(size_t literals)
{
    return exp2(-(double)(literals < 40 ? literals : 40) / 2.0);
}

static void pattern_set(struct pattern *p, const struct rule_field *field, bool is_cased)
{
    *p = (struct pattern){.field = *field, .is_caseless = field->is_folded && !is_cased};
    p->flags = HS_FLAG_SINGLEMATCH | (p->is_caseless ? HS_FLAG_CASELESS : 0);
}

static bool value_is_wild(struct slice s)
{
    char byte;
    int wild;
    while (value_next(&s, true, &byte, &wild)) {
        if (wild != WILD_NONE) {
            return true;
        }
    }
    return false;
}

bool pattern_exact(struct pattern *p, const struct rule_field *field, bool is_cased,
                   const struct yaml_node *n, struct arena *arena, struct findings *to)
{
    if (field->is_folded && value_is_wild(n->text)) {
        return pattern_literal(p, field, is_cased, PLACE_WHOLE, n, arena, to);
    }
    pattern_set(p, field, is_cased);
    p->kind = PATTERN_EXACT;
    struct strbuf b = STRBUF_INIT;
    struct slice rest = n->text;
    char byte;
    int wild;
    while (value_next(&rest, field->is_folded, &byte, &wild)) {
        strbuf_add_byte(&b, byte);
    }
    p->text = b.failed ? S("") : arena_copy(arena, strbuf_slice(&b));
    p->length = (unsigned)b.n;
    p->is_anchored = p->is_fixed = true;
    p->rarity = rarity_of(b.n) / 2;
    strbuf_free(&b);
    if (!p->text.p || p->text.n == 0) {
        to->is_exhausted = true;
        return false;
    }
    return true;
}

bool pattern_literal(struct pattern *p, const struct rule_field *field, bool is_cased,
                     enum pattern_place place, const struct yaml_node *n, struct arena *arena,
                     struct findings *to)
{
    struct strbuf b = STRBUF_INIT;
    struct slice rest = n->text;
    char byte;
    int wild;
    size_t literals = 0;
    bool is_open_start = place == PLACE_ANYWHERE || place == PLACE_END;
    bool is_open_end = place == PLACE_ANYWHERE || place == PLACE_START;
    bool has_run = false, is_pending = false;

    pattern_set(p, field, is_cased);
    p->kind = PATTERN_REGEX;
    p->flags |= HS_FLAG_DOTALL;
    if (!is_open_start) {
        strbuf_add_cstr(&b, "\\A");
    }
    while (value_next(&rest, field->is_folded, &byte, &wild)) {
        if (wild == WILD_RUN) {
            is_pending = true;
            continue;
        }
        if (is_pending && p->length == 0) {
            /* A run at the start only takes the anchor away. */
            strbuf_clear(&b);
            is_open_start = true;
        } else if (is_pending) {
            strbuf_add_cstr(&b, ".*");
            has_run = true;
        }
        is_pending = false;
        if (wild == WILD_ONE) {
            strbuf_add_byte(&b, '.');
        } else {
            regex_put_byte(&b, byte);
            literals++;
        }
        p->length++;
    }
    if (literals == 0) {
        finding_add(to, FINDING_ERROR, n->line, n->column,
                    "matches whatever stands there; write 'exists: true' for that");
        strbuf_free(&b);
        return false;
    }
    if (!is_open_end && !is_pending) {
        strbuf_add_cstr(&b, "\\z");
    }
    p->is_anchored = !is_open_start;
    p->is_fixed = !has_run && p->length > 0;
    p->rarity = rarity_of(literals);
    return regex_take(p, &b, arena, to);
}

/* ---- regular expressions ---- */

/* The construct that libhs does not do at s[i], or NULL. */
static const char *group_refused(struct slice s)
{
    if (slice_starts(s, S("(?=")) || slice_starts(s, S("(?!"))) {
        return "look-ahead";
    }
    if (slice_starts(s, S("(?<=")) || slice_starts(s, S("(?<!"))) {
        return "look-behind";
    }
    if (slice_starts(s, S("(?>"))) {
        return "an atomic group";
    }
    if (slice_starts(s, S("(?("))) {
        return "a conditional group";
    }
    if (slice_starts(s, S("(?R")) || slice_starts(s, S("(?&")) || slice_starts(s, S("(?P>")) ||
        (s.n > 2 && s.p[1] == '?' && ascii_is_digit(s.p[2]))) {
        return "recursion";
    }
    if (slice_starts(s, S("(?P="))) {
        return "a back-reference";
    }
    if (slice_starts(s, S("(?C"))) {
        return "a callout";
    }
    return NULL;
}

static const char *escape_refused(char c)
{
    if ((c >= '1' && c <= '9') || c == 'g' || c == 'k') {
        return "a back-reference";
    }
    switch (c) {
    case 'K':
        return "\\K";
    case 'G':
        return "\\G";
    case 'C':
        return "\\C";
    case 'R':
        return "\\R";
    case 'X':
        return "\\X";
    default:
        return NULL;
    }
}

struct regex_scan {
    const char *refused;
    size_t at;
    size_t literals;
    bool has_alternatives; /* at the top level */
};

/* The end of a class that begins at s[i] (its '['), and whether it holds bytes above 0x7f. */
static size_t class_end(struct slice s, size_t i, bool *has_high)
{
    size_t at = i + 1;
    at += at < s.n && s.p[at] == '^';
    at += at < s.n && s.p[at] == ']';
    while (at < s.n && s.p[at] != ']') {
        *has_high |= (unsigned char)s.p[at] > 0x7f;
        if (s.p[at] == '\\') {
            at++;
        } else if (s.p[at] == '[' && at + 1 < s.n && s.p[at + 1] == ':') {
            size_t close = slice_find(slice_sub(s, at + 2, s.n), S(":]"));
            at += close == SIZE_MAX ? 0 : close + 3;
        }
        at++;
    }
    return at;
}

static struct regex_scan regex_look(struct slice s)
{
    struct regex_scan r = {0};
    unsigned depth = 0;
    for (size_t i = 0; i < s.n && !r.refused; i++) {
        char c = s.p[i];
        r.at = i;
        if (c == '\\' && i + 1 < s.n) {
            r.refused = escape_refused(s.p[i + 1]);
            r.literals += !ascii_is_alnum(s.p[i + 1]);
            i++;
        } else if (c == '[') {
            bool has_high = false;
            i = class_end(s, i, &has_high);
            r.refused =
                has_high ? "a byte above 0x7f in a class (write alternatives instead)" : NULL;
        } else if (c == '(') {
            r.refused = group_refused(slice_sub(s, i, 8));
            if (i + 1 < s.n && s.p[i + 1] == '*') {
                r.refused = "a control verb";
            }
            depth++;
        } else if (c == ')') {
            depth -= depth > 0;
        } else if (c == '|') {
            r.has_alternatives |= depth == 0;
        } else if ((c == '*' || c == '+' || c == '?' || c == '}') && i + 1 < s.n &&
                   s.p[i + 1] == '+') {
            r.refused = "a possessive quantifier";
        } else if (c == '*' || c == '?') {
            r.literals -= r.literals > 0;
        } else if (ascii_is_alnum(c) || (unsigned char)c > 0x7f || c == '@' || c == '-' ||
                   c == '/' || c == ' ' || c == '_' || c == '<' || c == ':') {
            r.literals++;
        }
    }
    return r;
}

/* Asks libhs, without building anything: its error, or the widths. */
static bool regex_measure(struct pattern *p, const struct yaml_node *n, struct findings *to)
{
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *error = NULL;
    if (hs_expression_info(p->text.p, p->flags, &info, &error) != HS_SUCCESS) {
        finding_add(to, FINDING_ERROR, n->line, n->column, "regular expression: %s",
                    error ? error->message : "refused");
        hs_free_compile_error(error);
        return false;
    }
    p->length = info->min_width;
    p->is_fixed = info->min_width == info->max_width;
    free(info);
    if (p->length == 0) {
        finding_add(to, FINDING_ERROR, n->line, n->column,
                    "the expression matches the empty text, so it matches every value");
        return false;
    }
    return true;
}

bool pattern_regex(struct pattern *p, const struct rule_field *field, bool is_cased,
                   const struct yaml_node *n, struct arena *arena, struct findings *to)
{
    pattern_set(p, field, is_cased);
    p->kind = PATTERN_REGEX;
    if (memchr(n->text.p, 0, n->text.n)) {
        finding_add(to, FINDING_ERROR, n->line, n->column, "write NUL as \\x00");
        return false;
    }
    struct regex_scan look = regex_look(n->text);
    if (look.refused) {
        unsigned column = n->column;
        if (n->is_plain || n->is_quoted) {
            column += (unsigned)look.at + n->is_quoted;
        }
        finding_add(to, FINDING_ERROR, n->line, column,
                    "%s is not possible here: libhs matches in linear time, without backtracking",
                    look.refused);
        return false;
    }
    struct strbuf b = STRBUF_INIT;
    strbuf_add(&b, n->text);
    if (!regex_take(p, &b, arena, to)) {
        return false;
    }
    p->is_anchored = !look.has_alternatives &&
                     (slice_starts(n->text, S("^")) || slice_starts(n->text, S("\\A")));
    p->rarity = look.has_alternatives ? rarity_of(look.literals / 2) : rarity_of(look.literals);
    return regex_measure(p, n, to);
}

/* ---- shapes ---- */

/* The bytes of a class letter of print/shape.h. */
static const char *shape_class(char letter)
{
    switch (letter) {
    case '9':
        return "[0-9]";
    case 'x':
        return "[0-9a-f]";
    case 'X':
        return "[0-9A-F]";
    case 'h':
        return "[0-9a-fA-F]";
    case 'a':
        return "[a-z]";
    case 'A':
        return "[A-Z]";
    case 'w':
        return "[A-Za-z]";
    case 'n':
        return "[0-9A-Za-z]";
    case 'N':
        return "[0-9A-Z]";
    case 'b':
        return "[0-9A-Za-z+/=_-]";
    case 'u':
        return "[\\x80-\\xff]";
    default:
        return NULL;
    }
}

/* `{n}` at the start of `s`; 0 when there is none. */
static size_t shape_count(struct slice s, uint64_t *count)
{
    size_t close = slice_find_byte(s, '}');
    if (s.n < 3 || s.p[0] != '{' || close == s.n ||
        !slice_to_u64(slice_sub(s, 1, close - 1), count)) {
        return 0;
    }
    return close + 1;
}

static bool field_is_shape(const struct rule_field *field)
{
    return slice_ends(field->name, S(".shape"));
}

bool pattern_shape(struct pattern *p, const struct rule_field *field, const struct yaml_node *n,
                   struct arena *arena, struct findings *to)
{
    struct strbuf b = STRBUF_INIT;
    struct slice s = n->text;
    bool is_shape = field_is_shape(field), is_open_end = false;
    size_t fixed = 0;

    pattern_set(p, field, true);
    p->kind = PATTERN_REGEX;
    p->flags |= HS_FLAG_DOTALL;
    strbuf_add_cstr(&b, "\\A");
    for (size_t i = 0; i < s.n; i++) {
        const char *class = is_shape ? NULL : shape_class(s.p[i]);
        uint64_t count = 0;
        size_t skip;
        is_open_end = false;
        if (s.p[i] == '*') {
            is_open_end = i + 1 == s.n;
            strbuf_add_cstr(&b, is_open_end ? "" : ".*");
            continue;
        }
        fixed++;
        if (s.p[i] == '\\' && i + 1 < s.n) {
            regex_put_byte(&b, s.p[++i]);
        } else if (!class) {
            regex_put_byte(&b, s.p[i]);
        } else if (i + 1 < s.n && s.p[i + 1] == '+') {
            strbuf_printf(&b, "%s+", class);
            i++;
        } else if ((skip = shape_count(slice_sub(s, i + 1, s.n), &count)) > 0) {
            if (count < 1 || count > LIMIT_SHAPE_RUN) {
                finding_add(to, FINDING_ERROR, n->line, n->column,
                            "a run in a shape has 1 to %d bytes", LIMIT_SHAPE_RUN);
                strbuf_free(&b);
                return false;
            }
            strbuf_printf(&b, "%s{%u}", class, (unsigned)count);
            i += skip;
        } else {
            strbuf_add_cstr(&b, class);
        }
    }
    if (fixed == 0) {
        finding_add(to, FINDING_ERROR, n->line, n->column,
                    "matches whatever stands there; write 'exists: true' for that");
        strbuf_free(&b);
        return false;
    }
    if (!is_open_end) {
        strbuf_add_cstr(&b, "\\z");
    }
    p->is_anchored = s.p[0] != '*';
    p->rarity = rarity_of(is_shape ? fixed / 2 : fixed / 3);
    return regex_take(p, &b, arena, to) && regex_measure(p, n, to);
}
