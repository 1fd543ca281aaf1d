/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/hd1_shape.h"

#include "core/err.h"
#include "print/date_style.h"

#include <pthread.h>

enum {
    WORDS_BYTES = 128,
    TYPE_PARAMETERS = 16,
    TRACE_BYTES = 1024, /* read of one Received line */
};

void shape_words(struct slice value, struct shape_out *o)
{
    value = slice_sub(slice_trim(value), 0, WORDS_BYTES);
    for (size_t i = 0; i < value.n;) {
        unsigned char c = (unsigned char)value.p[i];
        char as = ascii_is_digit((char)c)   ? '9'
                  : ascii_is_space((char)c) ? ' '
                  : c >= 0x80               ? 'u'
                  : c < 0x20 || c == 0x7f   ? '^'
                                            : (char)c;
        shape_put(o, as);
        i++;
        if (as == '9') {
            while (i < value.n && ascii_is_digit(value.p[i])) {
                i++;
            }
        } else if (as == ' ') {
            while (i < value.n && ascii_is_space(value.p[i])) {
                i++;
            }
        } else if (as == 'u') {
            while (i < value.n && (unsigned char)value.p[i] >= 0x80) {
                i++;
            }
        }
    }
}

void shape_runs(struct slice value, struct shape_out *o)
{
    /* Thread-Index: the class tables' base64, of any length in whole groups of four. */
    struct slice s = slice_trim(value);
    size_t n = s.n;
    while (n > 0 && s.p[n - 1] == '=') {
        n--;
    }
    UNCLEARED char run[SHAPE_BYTES];
    struct shape_out test = {run, 0, sizeof run, false};
    if (n >= 16 && shape_match("%B+", slice_sub(s, 0, n), &test)) {
        for (size_t i = 0; i < s.n && i < 40; i++) {
            shape_put(o, 'B');
        }
    } else {
        shape_text(o, s);
    }
}

/* - empty · b bare address · a address in brackets alone · q quoted name · n other name, N without
 * a space before the bracket (Q for a quoted one) · g group */
void shape_address(struct slice value, struct shape_out *o)
{
    struct slice s = slice_trim(value);
    if (s.n == 0) {
        shape_put(o, '-');
        return;
    }
    bool is_quoted = s.p[0] == '"';
    size_t from = 0;
    if (is_quoted) { /* a bracket inside the quotes opens nothing */
        for (from = 1; from < s.n && s.p[from] != '"'; from++) {
            from += s.p[from] == '\\';
        }
    }
    struct slice rest = slice_sub(s, from, s.n);
    size_t open = slice_find_byte(rest, '<');
    if (open == rest.n) {
        bool is_group = s.p[s.n - 1] == ';' && slice_find_byte(s, ':') < s.n;
        shape_put(o, is_group ? 'g' : 'b');
    } else if (!is_quoted && open == 0) {
        shape_put(o, 'a');
    } else {
        bool is_tight = open > 0 && !ascii_is_space(rest.p[open - 1]);
        char letter = is_quoted ? 'q' : 'n';
        shape_put(o, is_tight ? (char)(letter - 32) : letter);
    }
}

/* White space as it stands, a line break (LF or CRLF) as "|". */
static size_t type_space(struct slice s, size_t i, struct shape_out *o)
{
    enum { RUN_MAX = 16 };
    for (unsigned n = 0; i < s.n && ascii_is_space(s.p[i]); i++) {
        char c = s.p[i];
        if (c != '\r' && n++ < RUN_MAX) {
            shape_put(o, c == '\n' ? '|' : c == '\t' ? 't' : ' ');
        }
    }
    return i;
}

static bool type_is_verbatim(struct slice name)
{
    static const struct slice NAMES[] = {SLICE("type"),  SLICE("format"),      SLICE("reply-type"),
                                         SLICE("delsp"), SLICE("report-type"), SLICE("protocol"),
                                         SLICE("micalg")};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (slice_ieq(name, NAMES[i])) {
            return true;
        }
    }
    return false;
}

/* name=value or name="value" from `i`; returns where it ends (at the next semicolon or the end). */
static size_t type_parameter(struct slice s, size_t i, const struct value_class *boundary,
                             struct shape_out *o)
{
    size_t from = i;
    while (i < s.n && s.p[i] != '=' && s.p[i] != ';') {
        i++;
    }
    struct slice name = slice_trim(slice_sub(s, from, i - from));
    shape_words(name, o);
    if (i >= s.n || s.p[i] == ';') {
        return i;
    }
    i++;
    shape_put(o, '=');
    i = type_space(s, i, o);
    char quote = i < s.n && s.p[i] == '"' ? '"' : '\0';
    struct slice value;
    if (quote) {
        from = ++i;
        while (i < s.n && s.p[i] != '"') {
            i += s.p[i] == '\\' && i + 1 < s.n ? 2 : 1;
        }
        value = slice_sub(s, from, i - from);
        shape_put(o, '"');
    } else {
        from = i;
        while (i < s.n && s.p[i] != ';') {
            i++;
        }
        value = slice_trim(slice_sub(s, from, i - from));
    }
    if (slice_ieq(name, S("boundary"))) {
        boundary_shape(value, boundary, o);
    } else if (type_is_verbatim(name)) {
        shape_words(value, o);
    } else {
        shape_put(o, value.n ? '*' : '-');
    }
    if (quote) {
        shape_put(o, i < s.n ? '"' : '!');
        i += slice_find_byte(slice_sub(s, i, s.n), ';');
    }
    return i;
}

void shape_type(struct slice value, const struct value_class *boundary, struct shape_out *o)
{
    struct slice s = slice_trim(value);
    size_t i = slice_find_byte(s, ';');
    shape_words(slice_sub(s, 0, i), o);
    for (unsigned k = 0; i < s.n && k < TYPE_PARAMETERS && !o->is_cut; k++) {
        shape_put(o, ';');
        i = type_space(s, i + 1, o);
        i = type_parameter(s, i, boundary, o);
    }
}

/* Words of Received lines that are the writer's and not a name or a number; kept as written. Sorted
 * by their first letter. */
static const struct slice TRACE_WORDS[] = {
    SLICE("account"),       SLICE("by"),      SLICE("client"),
    SLICE("ehlo"),          SLICE("esmtp"),   SLICE("esmtpa"),
    SLICE("esmtps"),        SLICE("esmtpsa"), SLICE("exim"),
    SLICE("envelope-from"), SLICE("for"),     SLICE("from"),
    SLICE("helo"),          SLICE("http"),    SLICE("id"),
    SLICE("invoked"),       SLICE("lmtp"),    SLICE("localhost"),
    SLICE("mail"),          SLICE("mapi"),    SLICE("microsoft"),
    SLICE("network"),       SLICE("nnfmp"),   SLICE("port"),
    SLICE("postfix"),       SLICE("qmail"),   SLICE("qmqp"),
    SLICE("sendmail"),      SLICE("server"),  SLICE("smtp"),
    SLICE("smtpsvc"),       SLICE("uid"),     SLICE("unknown"),
    SLICE("user"),          SLICE("via"),     SLICE("with")};

enum { TRACE_WORD_COUNT = sizeof TRACE_WORDS / sizeof TRACE_WORDS[0] };
static unsigned char trace_first[26 + 1]; /* of each letter's words */
static pthread_once_t trace_once = PTHREAD_ONCE_INIT;

static void trace_index(void)
{
    unsigned i = 0;
    for (unsigned letter = 0; letter < 26; letter++) {
        trace_first[letter] = (unsigned char)i;
        while (i < TRACE_WORD_COUNT && TRACE_WORDS[i].p[0] == (char)('a' + letter)) {
            i++;
        }
    }
    trace_first[26] = (unsigned char)i;
    if (i != TRACE_WORD_COUNT) {
        panic("the words of Received lines are not sorted");
    }
}

static bool trace_is_word(struct slice token)
{
    if (!ascii_is_alpha(token.p[0])) {
        return false;
    }
    unsigned letter = (unsigned)(ascii_lower(token.p[0]) - 'a');
    for (unsigned i = trace_first[letter]; i < trace_first[letter + 1]; i++) {
        if (TRACE_WORDS[i].n == token.n && slice_ieq(token, TRACE_WORDS[i])) {
            return true;
        }
    }
    return false;
}

/* Bytes that end a word: white space, punctuation of the grammar, NUL. */
static bool trace_ends(char c)
{
    static const bool ENDS[256] = {
        ['\0'] = true, ['\t'] = true, ['\n'] = true, ['\v'] = true, ['\f'] = true, ['\r'] = true,
        [' '] = true,  ['('] = true,  [')'] = true,  ['['] = true,  [']'] = true,  ['<'] = true,
        ['>'] = true,  [';'] = true,  [','] = true,  ['='] = true};
    return ENDS[(unsigned char)c];
}

void shape_trace(struct slice value, struct shape_out *o)
{
    struct slice s = slice_sub(slice_trim(value), 0, TRACE_BYTES);
    pthread_once(&trace_once, trace_index);
    bool was_word = false; /* one w for a run of unknown words */
    for (size_t i = 0; i < s.n && !o->is_cut;) {
        char c = s.p[i];
        if (ascii_is_space(c)) {
            i++;
            if (!was_word && o->n > 0 && o->p[o->n - 1] != ' ') {
                shape_put(o, ' ');
            }
            continue;
        }
        if (c == ';') { /* RFC 5321 4.4: the date-time ends the line */
            shape_put_slice(o, S("; "));
            date_style(slice_sub(s, i + 1, s.n), o);
            return;
        }
        if (c == '[' || c == '<') { /* an address of either kind */
            i += slice_find_byte(slice_sub(s, i, s.n), c == '[' ? ']' : '>') + 1;
            shape_put_slice(o, c == '[' ? S("[]") : S("<>"));
            was_word = false;
            continue;
        }
        size_t from = i;
        while (i < s.n && !trace_ends(s.p[i])) {
            i++;
        }
        struct slice token = slice_sub(s, from, i - from);
        if (token.n == 0) {
            shape_put(o, c > 0x20 && c < 0x7f ? c : '^');
            was_word = false;
            i++;
        } else if (trace_is_word(token)) {
            if (was_word) {
                shape_put(o, ' ');
            }
            shape_put_slice(o, token);
            was_word = false;
        } else if (!was_word) {
            shape_put(o, 'w');
            was_word = true;
        }
    }
}
