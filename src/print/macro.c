/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/macro.h"

enum { NAME_MAX = 40 };

static bool is_capital(char c)
{
    return ascii_is_upper(c) || c == '_';
}

static bool is_word(char c)
{
    return ascii_is_alnum(c) || c == '_';
}

static size_t run(struct slice s, size_t i, bool (*is)(char))
{
    size_t n = 0;
    while (n < NAME_MAX && i + n < s.n && is(s.p[i + n])) {
        n++;
    }
    return n;
}

static bool has(struct slice s, size_t i, char c)
{
    return i < s.n && s.p[i] == c;
}

/* "{...}" at `i`: its length, or 0. */
static size_t brace_macro(struct slice s, size_t i)
{
    size_t at = i + 1;
    if (has(s, at, '%')) { /* {%NAME%} */
        size_t n = run(s, at + 1, is_word);
        at += 1 + n;
        return n >= 2 && has(s, at, '%') && has(s, at + 1, '}') ? at + 2 - i : 0;
    }
    if (has(s, at, '{')) { /* {{name}} */
        size_t n = run(s, at + 1, is_word);
        at += 1 + n;
        return n >= 2 && has(s, at, '}') && has(s, at + 1, '}') ? at + 2 - i : 0;
    }
    size_t capitals = run(s, at, is_capital);
    if (capitals >= 3 && has(s, at + capitals, '}')) { /* {FIRST_NAME} */
        return at + capitals + 1 - i;
    }
    at += run(s, at, is_word); /* {nChar[8-12]}, {nChar[8]} */
    if (at == i + 1 || !ascii_is_alpha(s.p[i + 1]) || !has(s, at, '[')) {
        return 0;
    }
    size_t low = run(s, at + 1, ascii_is_digit);
    at += 1 + low;
    if (has(s, at, '-')) {
        at += 1 + run(s, at + 1, ascii_is_digit);
    }
    return low > 0 && has(s, at, ']') && has(s, at + 1, '}') ? at + 2 - i : 0;
}

static bool hex_pair(struct slice s, size_t i)
{
    return i + 1 < s.n && ascii_hex(s.p[i]) >= 0 && ascii_hex(s.p[i + 1]) >= 0;
}

/* "%NAME" at `i`. A percent escape (%AB) is none: then a non-hex letter must come early, or a
 * second percent sign must close the name. */
static size_t percent_macro(struct slice s, size_t i)
{
    size_t n = run(s, i + 1, is_capital);
    if (n < 4) {
        return 0;
    }
    bool is_closed = has(s, i + 1 + n, '%');
    if (hex_pair(s, i + 1) && !(is_closed && !hex_pair(s, i + 2 + n))) {
        return 0;
    }
    return n + (is_closed ? 2 : 1);
}

static size_t dollar_macro(struct slice s, size_t i)
{
    size_t n = run(s, i + 1, is_capital);
    bool is_alone = i == 0 || !(is_word(s.p[i - 1]) || s.p[i - 1] == '\x1b' || s.p[i - 1] == '$');
    bool ends = i + 1 + n >= s.n || !(is_word(s.p[i + 1 + n]) || s.p[i + 1 + n] == '$');
    return n >= 6 && is_alone && ends ? n + 1 : 0;
}

struct slice macro_find(struct slice value)
{
    static const struct {
        char start;
        size_t (*length)(struct slice s, size_t i);
    } FORMS[] = {{'{', brace_macro}, {'%', percent_macro}, {'$', dollar_macro}};
    for (size_t f = 0; f < sizeof FORMS / sizeof FORMS[0]; f++) {
        for (size_t i = slice_find_byte(value, FORMS[f].start); i < value.n;
             i += 1 + slice_find_byte(slice_sub(value, i + 1, value.n), FORMS[f].start)) {
            size_t n = FORMS[f].length(value, i);
            if (n > 0) {
                return slice_sub(value, i, n);
            }
        }
    }
    return slice_sub(value, 0, 0);
}
