/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/date_style.h"

#include "print/value_class.h"

static const struct {
    char code;
    struct slice style;
} STYLES[] = {
#define DATE_STYLE(code, style, example) {code, SLICE(style)},
#include "print/date_style.def"
#undef DATE_STYLE
};

/* Names by their first three letters in lower case, as one number. */
#define THREE(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))

static const struct name {
    uint32_t three;
    struct slice full;
} WEEKDAYS[] = {{THREE('m', 'o', 'n'), SLICE("Monday")},
                {THREE('t', 'u', 'e'), SLICE("Tuesday")},
                {THREE('w', 'e', 'd'), SLICE("Wednesday")},
                {THREE('t', 'h', 'u'), SLICE("Thursday")},
                {THREE('f', 'r', 'i'), SLICE("Friday")},
                {THREE('s', 'a', 't'), SLICE("Saturday")},
                {THREE('s', 'u', 'n'), SLICE("Sunday")},
                {0, {NULL, 0}}},
  MONTHS[] = {{THREE('j', 'a', 'n'), SLICE("January")},
              {THREE('f', 'e', 'b'), SLICE("February")},
              {THREE('m', 'a', 'r'), SLICE("March")},
              {THREE('a', 'p', 'r'), SLICE("April")},
              {THREE('m', 'a', 'y'), SLICE("May")},
              {THREE('j', 'u', 'n'), SLICE("June")},
              {THREE('j', 'u', 'l'), SLICE("July")},
              {THREE('a', 'u', 'g'), SLICE("August")},
              {THREE('s', 'e', 'p'), SLICE("September")},
              {THREE('o', 'c', 't'), SLICE("October")},
              {THREE('n', 'o', 'v'), SLICE("November")},
              {THREE('d', 'e', 'c'), SLICE("December")},
              {0, {NULL, 0}}};

struct seen {
    bool day, month;
};

/* Is the word one of the names, in full (2) or by its first three letters (1)? */
static unsigned word_named(struct slice word, const struct name *names, bool *is_cased)
{
    if (word.n < 3) {
        return 0;
    }
    uint32_t three = THREE(ascii_lower(word.p[0]), ascii_lower(word.p[1]), ascii_lower(word.p[2]));
    while (names->three && names->three != three) {
        names++;
    }
    if (!names->three || (word.n != 3 && !slice_ieq(names->full, word))) {
        return 0;
    }
    *is_cased = slice_starts(names->full, word);
    return word.n == 3 ? 1 : 2;
}

static void word_style(struct slice word, struct seen *seen, struct shape_out *o)
{
    bool is_cased = true;
    char letter = 'w';
    unsigned length = word_named(word, WEEKDAYS, &is_cased);
    if (!length) {
        letter = 'm';
        length = word_named(word, MONTHS, &is_cased);
        seen->month |= length > 0;
    }
    if (length) {
        if (!is_cased) {
            shape_put(o, '!');
        }
        shape_put(o, letter);
        if (length == 2 && word.n > 3) {
            shape_put(o, letter);
        }
    } else if (word.n == 1 && word.p[0] == 'T') {
        shape_put(o, 'T'); /* RFC 3339 */
    } else if (slice_ieq(word, S("AM")) || slice_ieq(word, S("PM"))) {
        shape_put(o, 'p');
    } else {
        shape_put(o, word.n <= 5 ? 'g' : 'a');
    }
}

static size_t digits_end(struct slice s, size_t i)
{
    while (i < s.n && ascii_is_digit(s.p[i])) {
        i++;
    }
    return i;
}

/* A number, or a time of day if a colon follows; returns where it ends. */
static size_t number_style(struct slice s, size_t i, struct seen *seen, struct shape_out *o)
{
    size_t end = digits_end(s, i);
    if (end < s.n && s.p[end] == ':') {
        unsigned colons = 0;
        while (end < s.n && s.p[end] == ':') {
            colons++;
            end = digits_end(s, end + 1);
        }
        if (end < s.n && s.p[end] == '.') { /* fractions */
            end = digits_end(s, end + 1);
        }
        shape_put(o, colons == 2 ? 't' : colons == 1 ? 's' : '9');
    } else if (end - i == 4) {
        shape_put(o, 'y');
    } else if (end - i > 4) {
        shape_put(o, '9');
    } else if (!seen->day && end - i <= 2) {
        seen->day = true;
        shape_put(o, 'd');
    } else if (!seen->month) {
        seen->month = true;
        shape_put(o, 'n');
    } else {
        shape_put(o, 'q');
    }
    return end;
}

static size_t zone_style(struct slice s, size_t i, struct shape_out *o)
{
    size_t end = digits_end(s, i + 1);
    bool is_plain = end - i == 5;
    if (end < s.n && s.p[end] == ':') {
        end = digits_end(s, end + 1);
        is_plain = false;
    }
    shape_put(o, is_plain ? 'z' : 'Z');
    return end;
}

static size_t comment_style(struct slice s, size_t i, struct shape_out *o)
{
    i += slice_find_byte(slice_sub(s, i, s.n), ')');
    shape_put_slice(o, i < s.n ? S("(c)") : S("(c"));
    return i < s.n ? i + 1 : i;
}

void date_style(struct slice date, struct shape_out *o)
{
    enum { DATE_MAX = 128 };
    struct slice s = slice_sub(slice_trim(date), 0, DATE_MAX);
    struct seen seen = {false, false};
    for (size_t i = 0; i < s.n && !o->is_cut;) {
        char c = s.p[i];
        bool next_digit = i + 1 < s.n && ascii_is_digit(s.p[i + 1]);
        if (ascii_is_space(c)) {
            while (i < s.n && ascii_is_space(s.p[i])) {
                i++;
            }
            shape_put(o, ' ');
        } else if (ascii_is_digit(c)) {
            i = number_style(s, i, &seen, o);
        } else if (ascii_is_alpha(c)) {
            size_t from = i;
            while (i < s.n && ascii_is_alpha(s.p[i])) {
                i++;
            }
            word_style(slice_sub(s, from, i - from), &seen, o);
        } else if (next_digit && (c == '+' || (c == '-' && i > 0 && ascii_is_space(s.p[i - 1])))) {
            i = zone_style(s, i, o);
        } else if (c == '(') {
            i = comment_style(s, i, o);
        } else {
            shape_put(o, c > 0x20 && c < 0x7f ? c : '^');
            i++;
        }
    }
}

char date_style_code(struct slice style)
{
    if (style.n == 0) {
        return CLASS_CODE_NONE;
    }
    for (size_t i = 0; i < sizeof STYLES / sizeof STYLES[0]; i++) {
        if (slice_eq(style, STYLES[i].style)) {
            return STYLES[i].code;
        }
    }
    return CLASS_CODE_OTHER;
}
