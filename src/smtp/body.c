/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two speeds: whole lines are found by memchr and copied in runs; a line's first bytes and those at
 * the edge of a piece go through the places one by one. */
#include "smtp/body.h"

#include <stdlib.h>

enum { BODY_BYTES_FIRST = 8192 };

void body_start(struct body *b, enum body_rule rule, size_t bytes_max)
{
    *b = (struct body){
        .rule = rule, .place = BODY_START, .start = ENDING_CRLF, .bytes_max = bytes_max};
}

void body_free(struct body *b)
{
    free(b->p);
    b->p = NULL;
    b->n = b->capacity = 0;
}

static void body_put(struct body *b, const char *p, size_t n)
{
    if (n > b->bytes_max - b->n) {
        b->flags |= DATA_CUT;
        n = b->bytes_max - b->n;
    }
    if (n > b->capacity - b->n) {
        size_t capacity = b->capacity ? b->capacity : BODY_BYTES_FIRST;
        while (capacity < b->n + n) {
            capacity *= 2;
        }
        char *grown = realloc(b->p, capacity);
        if (!grown) {
            b->flags |= DATA_CUT;
            b->bytes_max = b->n; /* nothing more: a message has no holes */
            return;
        }
        b->p = grown;
        b->capacity = capacity;
    }
    if (n > 0) {
        memcpy(b->p + b->n, p, n);
        b->n += n;
    }
}

static void body_note_line_end(struct body *b, enum line_ending ending)
{
    b->flags |= (uint8_t)(ending == ENDING_CRLF ? DATA_HAS_CRLF : DATA_HAS_BARE_LF);
    b->place = BODY_START;
    b->start = ending;
}

/* Is the line that begins now one whose first dot counts? */
static bool body_dot_counts(const struct body *b)
{
    return b->start == ENDING_CRLF || (b->start == ENDING_LF && b->rule != BODY_RULE_CRLF);
}

/* ".<LF>" or ".<CR><LF>" as a whole line: the end of the data, or a look-alike of it. */
static bool body_dot_line(struct body *b, enum line_ending ending)
{
    bool is_strict = b->start == ENDING_CRLF && ending == ENDING_CRLF;
    bool is_end = is_strict || (b->rule != BODY_RULE_CRLF && b->start != ENDING_CR);
    /* Who ends all lines with LF means nothing by it. */
    if (!is_strict && (!is_end || (b->flags & DATA_HAS_CRLF) || ending == ENDING_CRLF)) {
        b->flags |= DATA_SMUGGLE;
    }
    if (is_end) {
        return true;
    }
    /* For the persona the dot begins a line only behind CRLF; there it is taken off. */
    if (body_dot_counts(b)) {
        b->flags |= DATA_DOT_NOT_STUFFED;
    } else {
        body_put(b, ".", 1);
    }
    if (ending == ENDING_CRLF) {
        body_put(b, "\r", 1);
    }
    body_put(b, "\n", 1);
    body_note_line_end(b, ending);
    return false;
}

/* A dot at a line's start, with more behind it. */
static void body_dot_text(struct body *b, char next)
{
    if (!body_dot_counts(b)) {
        body_put(b, ".", 1);
    } else if (next != '.') {
        b->flags |= DATA_DOT_NOT_STUFFED;
    }
}

/* One byte where the place is not plain text. Returns whether it was the data's end. */
static bool body_step(struct body *b, char c)
{
    switch (b->place) {
    case BODY_START:
        if (c == '.') {
            b->place = BODY_DOT;
            return false;
        }
        break;
    case BODY_DOT:
        if (c == '\n') {
            return body_dot_line(b, ENDING_LF);
        }
        if (c == '\r') {
            b->place = BODY_DOT_CR;
            return false;
        }
        body_dot_text(b, c);
        break;
    case BODY_DOT_CR:
        if (c == '\n') {
            return body_dot_line(b, ENDING_CRLF);
        }
        b->flags |= DATA_SMUGGLE | DATA_HAS_BARE_CR; /* ".<CR>" and no LF */
        body_dot_text(b, '\r');
        body_put(b, "\r", 1);
        b->start = ENDING_CR;
        b->place = BODY_START;
        return body_step(b, c);
    case BODY_CR:
        if (c != '\n') {
            b->flags |= DATA_HAS_BARE_CR;
            b->start = ENDING_CR;
            b->place = BODY_START;
            return body_step(b, c);
        }
        break;
    case BODY_TEXT:
        break;
    }
    if (c == '\n') {
        bool has_cr = b->place == BODY_CR;
        body_put(b, "\n", 1);
        body_note_line_end(b, has_cr ? ENDING_CRLF : ENDING_LF);
        return false;
    }
    body_put(b, &c, 1);
    b->place = c == '\r' ? BODY_CR : BODY_TEXT;
    if (c == '\0') {
        b->flags |= DATA_HAS_NUL;
    }
    return false;
}

static bool body_is_refused(const struct body *b)
{
    return b->rule == BODY_RULE_REFUSE && (b->flags & DATA_HAS_BARE_LF);
}

/* Whole lines from `p` on that begin at a line's start behind CRLF, have no dot first and no odd
 * byte in them: nearly all of all mail. Returns where they end. */
static const char *body_plain_lines(struct body *b, const char *p, const char *end)
{
    const char *from = p;
    while (p < end && *p != '.') {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        if (!lf || lf == p || lf[-1] != '\r' ||
            memchr(p, '\r', (size_t)(lf - p)) != lf - 1) { /* bare CR or LF: step by step */
            break;
        }
        p = lf + 1;
    }
    if (p > from) {
        size_t n = (size_t)(p - from);
        body_put(b, from, n);
        b->flags |= DATA_HAS_CRLF;
        if (memchr(from, '\0', n)) {
            b->flags |= DATA_HAS_NUL;
        }
    }
    return p;
}

/* A run of bytes inside a line, up to a CR, an LF or the piece's end. */
static const char *body_plain_text(struct body *b, const char *p, const char *end)
{
    const char *lf = memchr(p, '\n', (size_t)(end - p));
    const char *stop = lf ? lf : end;
    const char *cr = memchr(p, '\r', (size_t)(stop - p));
    stop = cr ? cr : stop;
    size_t n = (size_t)(stop - p);
    body_put(b, p, n);
    if (n > 0 && memchr(p, '\0', n)) {
        b->flags |= DATA_HAS_NUL;
    }
    return stop;
}

enum body_result body_feed(struct body *b, struct slice bytes, size_t *used)
{
    const char *p = bytes.p, *end = bytes.p + bytes.n;
    enum body_result result = BODY_MORE;
    size_t room = b->bytes_max;
    while (p < end) {
        if (b->place == BODY_START && b->start == ENDING_CRLF) {
            p = body_plain_lines(b, p, end);
        } else if (b->place == BODY_TEXT) {
            p = body_plain_text(b, p, end);
        }
        if (p == end) {
            break;
        }
        bool is_end = body_step(b, *p++);
        if (is_end || body_is_refused(b)) {
            result = is_end ? BODY_END : BODY_REFUSED;
            break;
        }
    }
    *used = (size_t)(p - bytes.p);
    b->bytes += *used;
    return result == BODY_MORE && b->bytes_max != room ? BODY_NOMEM : result;
}

enum body_result body_chunk(struct body *b, struct slice bytes)
{
    size_t room = b->bytes_max;
    b->bytes += bytes.n;
    b->flags |= DATA_BDAT;
    body_put(b, bytes.p, bytes.n);
    /* `place` carries the one thing that may lie across two chunks: a CR. */
    for (const char *p = bytes.p, *end = p + bytes.n; p < end; p++) {
        const char *stop = p;
        while (stop < end && *stop != '\r' && *stop != '\n' && *stop != '\0') {
            stop++;
        }
        if (stop > p && b->place == BODY_CR) {
            b->flags |= DATA_HAS_BARE_CR;
            b->place = BODY_TEXT;
        }
        p = stop;
        if (p == end) {
            break;
        }
        if (b->place == BODY_CR && *p != '\n') {
            b->flags |= DATA_HAS_BARE_CR;
        }
        if (*p == '\n') {
            b->flags |= (uint8_t)(b->place == BODY_CR ? DATA_HAS_CRLF : DATA_HAS_BARE_LF);
        } else if (*p == '\0') {
            b->flags |= DATA_HAS_NUL;
        }
        b->place = *p == '\r' ? BODY_CR : BODY_TEXT;
    }
    return b->bytes_max != room ? BODY_NOMEM : BODY_MORE;
}
