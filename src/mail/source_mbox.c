/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One pass over the lines; only lines that begin with one of six bytes are looked at.
 * All positions are offsets from the reader's `at`, where the message begins: reading more may move
 * the window. A message larger than the window is settled: what is known to be its content is
 * unquoted, counted, and cut down to LIMIT_MESSAGE_BYTES. */
#include "mail/source_mbox.h"

#include "core/vec.h"

enum {
    LIES_MAX = 8,        /* far Content-Length lines that may be wrong before they are ignored */
    FIELD_LOOK = 128,    /* enough of a line to see its field name */
    SEPARATOR_BLANK = 4, /* bytes of line ends between a held body and its separator */
    SEPARATOR_LOOK = SEPARATOR_BLANK + FROM_LINE_BYTES_MAX + FIELD_LOOK,
};

struct scan {
    size_t line;    /* start of the line under examination, or of its rest if is_mid_line */
    size_t look;    /* no LF between `line` and here */
    size_t kept;    /* settled content from 0 to here */
    size_t blank;   /* start of the last line if that was blank (is_after_blank) */
    size_t hold;    /* a Content-Length that was found true: no separator before this */
    uint64_t total; /* bytes settled, also those that were cut */
    uint64_t content_length; /* UINT64_MAX: none seen */
    bool is_mid_line;
    bool is_settled_mid_line;
    bool is_after_blank;
    bool is_in_header;
    bool has_hold;
    bool has_quoted;    /* a line of >From */
    bool has_bare_from; /* "From " inside a held body: this writer does not quote (mboxcl2) */
};

void mbox_start(struct mbox *m, struct reader *r)
{
    m->r = r;
    m->is_begun = false;
    m->lies = 0;
}

static struct slice window_from(const struct mbox *m, size_t offset)
{
    return slice_sub(reader_window(m->r), offset, SIZE_MAX);
}

static bool line_is_quoted(struct slice s)
{
    size_t i = 0;
    while (i < s.n && s.p[i] == '>') {
        i++;
    }
    return i > 0 && slice_starts(slice_sub(s, i, 5), S("From "));
}

/* Takes one '>' off every line of >+From; returns the new length. `is_line_start`: the first byte
 * begins a line. */
static size_t unquote(char *p, size_t n, bool is_line_start)
{
    size_t from = 0, to = 0;
    while (from < n) {
        const char *nl = memchr(p + from, '\n', n - from);
        size_t next = nl ? (size_t)(nl - p) + 1 : n;
        if (is_line_start && p[from] == '>' && line_is_quoted(slice_of(p + from, next - from))) {
            from++;
        }
        if (to != from) {
            memmove(p + to, p + from, next - from);
        }
        to += next - from;
        from = next;
        is_line_start = true;
    }
    return to;
}

static size_t content_unquote(struct mbox *m, const struct scan *sc, size_t end)
{
    char *p = m->r->buf + m->r->at + sc->kept;
    size_t n = end - sc->kept;
    return sc->has_quoted && !sc->has_bare_from ? unquote(p, n, !sc->is_settled_mid_line) : n;
}

/* The window is full: makes room. A line of more than FROM_LINE_BYTES_MAX is content for sure. */
static void scan_settle(struct mbox *m, struct scan *sc)
{
    struct reader *r = m->r;
    size_t n = r->end - r->at, until = sc->line;
    if (sc->is_mid_line || n - sc->line > FROM_LINE_BYTES_MAX) {
        if (!sc->is_mid_line && line_is_quoted(window_from(m, sc->line))) {
            sc->has_quoted = true;
        }
        sc->is_mid_line = true;
        sc->is_after_blank = false;
        until = n;
    } else if (sc->is_after_blank) {
        until = sc->blank;
    }
    size_t content = content_unquote(m, sc, until);
    size_t kept = sc->kept + content;
    if (kept > LIMIT_MESSAGE_BYTES) {
        kept = LIMIT_MESSAGE_BYTES;
    }
    size_t shift = until - kept;
    memmove(r->buf + r->at + kept, r->buf + r->at + until, n - until);
    r->end -= shift;
    sc->total += content;
    sc->kept = kept;
    sc->line = until == n ? kept : sc->line - shift;
    sc->look = until == n ? kept : sc->look - shift;
    sc->blank = sc->is_after_blank ? sc->blank - shift : 0;
    sc->is_settled_mid_line = until == n;
    sc->has_quoted = sc->has_hold = sc->has_bare_from = sc->is_in_header = false;
}

/* What follows the line that ends at `next`? */
static enum source_field_grade field_after(struct mbox *m, size_t next)
{
    reader_want(m->r, next + FIELD_LOOK);
    struct slice s = slice_sub(window_from(m, next), 0, FIELD_LOOK);
    return source_field_grade(slice_sub(s, 0, slice_find_byte(s, '\n')));
}

static struct slice line_at(const struct mbox *m, size_t offset)
{
    struct slice s = slice_sub(window_from(m, offset), 0, FROM_LINE_BYTES_MAX + 1);
    s.n = slice_find_byte(s, '\n');
    return s;
}

/* Is the line at sc->line, which begins with "From ", a separator? The rule of docs/import.md. */
static bool scan_is_separator(struct mbox *m, struct scan *sc)
{
    struct slice sender, date;
    struct slice line = line_at(m, sc->line);
    enum from_line grade = source_from_line(line, &sender, &date);
    bool is_after_blank = sc->line == 0 || sc->is_after_blank ||
                          (sc->has_hold && sc->line - sc->hold <= SEPARATOR_BLANK);
    bool is_mozilla = slice_eq(sender, S("-")); /* needs no blank line: it never is prose */
    if (grade != FROM_LINE_NONE) {
        m->next = (struct from_places){(size_t)(sender.p - line.p), sender.n,
                                       (size_t)(date.p - line.p), date.n};
    }
    if (grade == FROM_LINE_NONE || (grade == FROM_LINE_WEAK && !is_after_blank && !is_mozilla)) {
        return false;
    }
    if (grade == FROM_LINE_STRONG && is_after_blank) {
        return true;
    }
    size_t n = line.n + 1;
    if (m->r->capacity >= READER_BYTES_MAX && sc->line + n + FIELD_LOOK > READER_BYTES_MAX) {
        scan_settle(m, sc);
    }
    enum source_field_grade field = field_after(m, sc->line + n);
    return field == SOURCE_FIELD_MAIL ||
           (field == SOURCE_FIELD_LIKELY && (is_after_blank || grade == FROM_LINE_STRONG));
}

/* Trusts the Content-Length of a header that ends at `body` only if a separator or the end of the
 * stream stands where it points: it is as often wrong as right (rewritten bodies, forged headers).
 */
static void scan_try_content_length(struct mbox *m, struct scan *sc, size_t body)
{
    struct reader *r = m->r;
    if (sc->content_length > LIMIT_MESSAGE_BYTES || sc->kept > 0) {
        return;
    }
    size_t at = body + (size_t)sc->content_length;
    bool is_far = at > READER_BYTES_BASE;
    if (at > LIMIT_MESSAGE_BYTES || (is_far && m->lies >= LIES_MAX)) {
        return;
    }
    reader_want(r, at + SEPARATOR_LOOK);
    struct slice rest = window_from(m, at), sender, date;
    if (at > r->end - r->at) {
        m->lies += is_far;
        return;
    }
    size_t blank = 0;
    while (blank < SEPARATOR_BLANK && blank < rest.n &&
           (rest.p[blank] == '\r' || rest.p[blank] == '\n')) {
        blank++;
    }
    bool is_line_start = blank > 0 || at == 0 || r->buf[r->at + at - 1] == '\n';
    struct slice line = line_at(m, at + blank);
    enum from_line grade = source_from_line(line, &sender, &date);
    sc->has_hold =
        blank == rest.n
            ? r->is_eof
            : is_line_start && (grade == FROM_LINE_STRONG ||
                                (grade == FROM_LINE_WEAK &&
                                 field_after(m, at + blank + line.n + 1) != SOURCE_FIELD_NONE));
    sc->hold = at;
    m->lies += is_far && !sc->has_hold;
}

static void scan_header_line(struct scan *sc, struct slice line)
{
    if (slice_istarts(line, S("Content-Length:"))) {
        uint64_t n;
        struct slice value = slice_trim(slice_sub(line, sizeof "Content-Length:" - 1, SIZE_MAX));
        sc->content_length = slice_to_u64(value, &n) ? n : UINT64_MAX;
    }
}

/* Looks at the line of `n` bytes (with its LF) at sc->line, which begins with a telling byte. True
 * if it is a separator. May move the window and shift sc->line. */
static bool scan_line(struct mbox *m, struct scan *sc, size_t n)
{
    struct slice line = slice_sub(window_from(m, sc->line), 0, n);
    bool is_blank = line.n > 0 && (line.p[0] == '\n' || slice_eq(line, S("\r\n")));
    if (slice_starts(line, S("From "))) {
        if (sc->has_hold && sc->line < sc->hold) {
            sc->has_bare_from = true;
        } else if (scan_is_separator(m, sc)) {
            return true;
        }
    } else if (line.n > 0 && line.p[0] == '>') {
        sc->has_quoted = sc->has_quoted || line_is_quoted(line);
    } else if (sc->is_in_header && is_blank) {
        sc->is_in_header = false;
        if (sc->content_length != UINT64_MAX) {
            scan_try_content_length(m, sc, sc->line + n);
        }
    } else if (sc->is_in_header) {
        scan_header_line(sc, line);
    }
    sc->is_after_blank = is_blank;
    sc->blank = sc->line;
    return false;
}

static bool body_byte_is_telling(char c)
{
    return c == 'F' || c == '>' || c == '\n' || c == '\r';
}

/* Of a body, `p` at the start of a line: the first line that begins with a telling byte, or else
 * the last. Most lines do not, and are not worth a call of memchr each. */
static const char *body_line_find(const char *p, const char *end)
{
    const char *q = p;
    if (body_byte_is_telling(*p)) {
        return p;
    }
    for (; end - q > (ptrdiff_t)sizeof(vec); q += sizeof(vec)) {
        vec here = vec_load(q), next = vec_load(q + 1);
        vec telling =
            (vec)(next == 'F') | (vec)(next == '>') | (vec)(next == '\n') | (vec)(next == '\r');
        size_t at = vec_first((vec)(here == '\n') & telling);
        if (at < sizeof(vec)) {
            return q + at + 1;
        }
    }
    for (; end - q > 1; q++) {
        if (*q == '\n' && body_byte_is_telling(q[1])) {
            return q + 1;
        }
    }
    const char *nl = memrchr(p, '\n', (size_t)(end - p));
    return nl ? nl + 1 : p;
}

/* The complete lines in the window. True at a separator, which is then at sc->line. */
static bool scan_window(struct mbox *m, struct scan *sc)
{
    struct reader *r = m->r;
    const char *base = r->buf + r->at, *end = r->buf + r->end;
    const char *p = base + sc->line, *from = base + sc->look, *nl;
    while (from < end) {
        if (from == p && !sc->is_in_header && !sc->is_mid_line) {
            from = body_line_find(p, end);
            sc->is_after_blank = sc->is_after_blank && from == p;
            p = from;
        }
        nl = from < end ? memchr(from, '\n', (size_t)(end - from)) : NULL;
        if (!nl) {
            break;
        }
        bool is_telling = *p == 'F' || *p == '>' || *p == '\n' || *p == '\r' ||
                          (sc->is_in_header && ascii_lower(*p) == 'c');
        if (is_telling && !sc->is_mid_line) {
            size_t n = (size_t)(nl - p) + 1;
            sc->line = sc->look = (size_t)(p - base);
            if (scan_line(m, sc, n)) {
                return true;
            }
            base = r->buf + r->at;
            end = r->buf + r->end;
            nl = base + sc->line + n - 1;
        } else {
            sc->is_after_blank = sc->is_mid_line = false;
        }
        p = from = nl + 1;
    }
    sc->line = (size_t)(p - base);
    sc->look = (size_t)(end - base);
    return false;
}

/* Runs to the end of the message; *next is where the next one's separator stands. False if the
 * stream broke off. */
static bool scan_run(struct mbox *m, struct scan *sc, size_t *next)
{
    for (;;) {
        if (m->r->end > m->r->at && scan_window(m, sc)) {
            *next = sc->line;
            return true;
        }
        if (reader_more(m->r)) {
            continue;
        }
        if (!reader_is_full(m->r)) {
            break;
        }
        scan_settle(m, sc);
    }
    size_t n = m->r->end - m->r->at;
    bool is_line = n > sc->line && !sc->is_mid_line;
    if (m->r->is_failed) {
        return false;
    }
    *next = n;
    if (is_line && scan_line(m, sc, n - sc->line)) {
        *next = sc->line;
    } else if (n > sc->line) {
        sc->is_after_blank = false;
    }
    return true;
}

/* The blank line in front of a separator belongs to the separator; where a true Content-Length ends
 * the body, that says it exactly. */
static size_t scan_end(const struct scan *sc, size_t next)
{
    if (sc->has_hold && next >= sc->hold && next - sc->hold <= SEPARATOR_BLANK) {
        return sc->hold;
    }
    return sc->is_after_blank && sc->blank >= sc->kept ? sc->blank : next;
}

/* Consumes the "From " line at the front and keeps a copy for the caller. The first line of the
 * stream may be none; the others were read when they ended the message before. */
static void mbox_take_separator(struct mbox *m, bool is_first, struct mbox_message *out)
{
    struct slice line = line_at(m, 0);
    size_t n = line.n + (line.n < m->r->end - m->r->at ? 1 : 0);
    if (line.n <= sizeof m->line) {
        memcpy(m->line, line.p, line.n);
        if (!is_first) {
            out->sender = slice_of(m->line + m->next.sender, m->next.sender_n);
            out->date = slice_of(m->line + m->next.date, m->next.date_n);
        } else if (source_from_line(slice_of(m->line, line.n), &out->sender, &out->date) ==
                   FROM_LINE_NONE) {
            out->sender = out->date = slice_of(NULL, 0);
        }
    }
    m->r->at += n;
}

bool mbox_next(struct mbox *m, bool is_skipping, struct mbox_message *out)
{
    struct reader *r = m->r;
    struct scan sc = {.content_length = UINT64_MAX, .is_in_header = true};
    bool is_first = !m->is_begun;
    size_t next;

    *out = (struct mbox_message){0};
    m->is_begun = true;
    if (is_first) {
        reader_want(r, SOURCE_HEAD_BYTES);
        r->at += source_dirt(reader_window(r));
    }
    reader_shrink(r);
    reader_want(r, FROM_LINE_BYTES_MAX + 2);
    if (r->end == r->at) {
        return false;
    }
    /* Everything but the first call stands on a separator. */
    if (!is_first || slice_starts(reader_window(r), S("From "))) {
        mbox_take_separator(m, is_first, out);
    } else {
        out->is_junk = true;
    }
    if (!scan_run(m, &sc, &next)) {
        return false;
    }
    size_t end = scan_end(&sc, next);
    size_t content = is_skipping ? end - sc.kept : content_unquote(m, &sc, end);
    size_t kept = sc.kept + content;
    out->bytes = sc.total + content;
    out->raw = slice_of(r->buf + r->at, kept < LIMIT_MESSAGE_BYTES ? kept : LIMIT_MESSAGE_BYTES);
    r->at += next;
    return true;
}
