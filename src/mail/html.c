/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTML of mail, read once: one forgiving tag scanner gives the visible text and the references of
 * attributes; the URLs of the text itself come from url_text.c. It does what browsers do where that
 * decides what the reader saw, and gives up sooner on quotes that never end (a broken template must
 * not swallow the links after it). Linear: what was searched for in vain is not searched again. */
#include "core/utf8.h"
#include "mail/html_entity.h"
#include "mail/url.h"
#include "mail/url_build.h"

enum tag_kind {
    TAG_UNKNOWN, /* no element of HTML: a disguise, or a namespace of an office program */
    TAG_INLINE,
    TAG_LINE,
    TAG_SPACE,
    TAG_PRE,
    TAG_SCRIPT,
    TAG_STYLE,
    TAG_BASE,
    TAG_META,
};

enum attribute_kind {
    ATTRIBUTE_OTHER,
    ATTRIBUTE_URL,
    ATTRIBUTE_SRCSET,
    ATTRIBUTE_STYLE,
    ATTRIBUTE_CONTENT,
    ATTRIBUTE_VALUE,
    ATTRIBUTE_EVENT,
};

enum { VECTOR_BYTES = sizeof(vec) };

struct html {
    struct url_scan *urls;        /* NULL: only the text is wanted */
    struct html_outline *outline; /* may be NULL */
    struct arena *arena;
    const char *end;
    char *text;
    size_t n, capacity; /* there is room for VECTOR_BYTES and a character more */
    bool is_text_cut;
    bool is_pre;
    bool is_broken;
    /* Where the last search for a closing quote ended in vain: [0] for ", [1] for '. */
    bool no_quote[2];
    bool no_comment_end;
};

/* A case for each row of the table. NOLINTNEXTLINE(readability-function-size) */
static enum tag_kind tag_kind(uint64_t key)
{
    switch (key) {
#define HTML_TAG(kind, ...)                                                                        \
    case NAME_KEY(__VA_ARGS__):                                                                    \
        return kind;
#include "mail/html_name.def"
#undef HTML_TAG
    default:
        return TAG_UNKNOWN;
    }
}

static enum attribute_kind attribute_kind(uint64_t key)
{
    switch (key) {
#define HTML_ATTRIBUTE(kind, ...)                                                                  \
    case NAME_KEY(__VA_ARGS__):                                                                    \
        return kind;
#include "mail/html_name.def"
#undef HTML_ATTRIBUTE
    default:
        return key >> 48 == ('o' << 8 | 'n') ? ATTRIBUTE_EVENT : ATTRIBUTE_OTHER;
    }
}

static void text_space(struct html *h)
{
    if (h->n && h->text[h->n - 1] != ' ' && h->text[h->n - 1] != '\n') {
        h->text[h->n++] = ' ';
    }
}

static void text_line(struct html *h)
{
    if (h->n && h->text[h->n - 1] == ' ') {
        h->n--;
    }
    if (h->n && h->text[h->n - 1] != '\n') {
        h->text[h->n++] = '\n';
    }
}

/* Copies what needs no thought: no markup, no entity, no control, no second blank. */
static const char *text_plain(struct html *h, const char *p)
{
    while (h->end - p > VECTOR_BYTES && h->n < h->capacity) {
        vec a = vec_load(p), b = vec_load(p + 1);
        vec stop = (vec)(a < ' ') | (vec)(a == '&') | (vec)(a == '<') |
                   ((vec)(a == ' ') & (vec)(b == ' '));
        memcpy(h->text + h->n, &a, sizeof a);
        size_t i = vec_first(stop);
        h->n += i;
        p += i;
        if (i < VECTOR_BYTES) {
            break;
        }
    }
    return p;
}

/* Text up to the next '<' or the end. */
static const char *text_add(struct html *h, const char *p)
{
    while (p < h->end) {
        char c = *p;
        if (c == '<') {
            break;
        }
        if (h->n >= h->capacity) {
            h->is_text_cut = true;
            const char *tag = memchr(p, '<', (size_t)(h->end - p));
            return tag ? tag : h->end;
        }
        if (c == '&') {
            uint32_t code_point;
            size_t n = html_entity(slice_span(p, h->end), false, &code_point);
            if (n && (code_point == 0xa0 || code_point <= ' ')) {
                text_space(h); /* &nbsp; is how mail programs write any blank */
            } else if (n) {
                h->n += utf8_encode(code_point, h->text + h->n);
            } else {
                h->text[h->n++] = '&';
            }
            p += n ? n : 1;
        } else if ((uint8_t)c <= ' ' && !h->is_pre) {
            text_space(h);
            do { /* the indentation of the source */
                p++;
            } while (p < h->end && (uint8_t)*p <= ' ');
        } else {
            h->text[h->n++] = c;
            p++;
        }
        if (p < h->end && (uint8_t)*p > ' ') {
            p = text_plain(h, p);
        }
    }
    return p;
}

/* A value's entities undone, if it has any, in the scan's own memory. A plain letter, dot or
 * slash written as an entity has no other reason than to hide it. */
static struct slice value_decode(struct html *h, struct slice value, bool *is_obfuscated)
{
    size_t at = slice_find_byte(value, '&');
    if (at == value.n) {
        return value;
    }
    char *out = h->urls->index->reference;
    size_t n = 0;
    while (value.n && n + 4 <= REFERENCE_BYTES_MAX) {
        size_t run = slice_find_byte(value, '&');
        run = run < REFERENCE_BYTES_MAX - n ? run : REFERENCE_BYTES_MAX - n;
        memcpy(out + n, value.p, run);
        n += run;
        value = slice_sub(value, run, SIZE_MAX);
        if (!value.n || n + 4 > REFERENCE_BYTES_MAX) {
            break;
        }
        uint32_t code_point;
        size_t taken = html_entity(value, true, &code_point);
        if (taken) {
            n += utf8_encode(code_point, out + n);
            *is_obfuscated |=
                code_point < 0x80 && (ascii_is_alnum((char)code_point) || code_point == '.' ||
                                      code_point == '/' || code_point == ':');
        } else {
            out[n++] = '&';
            taken = 1;
        }
        value = slice_sub(value, taken, SIZE_MAX);
    }
    if (value.n) {
        h->urls->list->quirks |= QUIRK_BIT(URL_LIMIT);
    }
    return slice_of(out, n);
}

static void value_base(struct html *h, struct slice value)
{
    struct url_parsed u;
    struct url_scan *s = h->urls;
    if (!s->base.n && url_parse(s, value, REFERENCE_ATTRIBUTE, s->index->scratch, &u)) {
        s->base = arena_copy(s->arena, u.text);
        if (!s->base.n) {
            s->e = ERR_NOMEM;
        }
    }
}

/* "image.png 2x, http://example.com/b.png 3x" */
static void value_srcset(struct html *h, struct slice value)
{
    while (value.n && url_scan_wants(h->urls)) {
        struct slice candidate = slice_trim(slice_cut(&value, ','));
        size_t n = 0;
        while (n < candidate.n && !ascii_is_space(candidate.p[n])) {
            n++;
        }
        url_add(h->urls, slice_sub(candidate, 0, n), REFERENCE_ATTRIBUTE, false);
    }
}

/* <meta http-equiv=refresh content="0; url=http://example.com/"> */
static void value_refresh(struct html *h, struct slice value, bool is_obfuscated)
{
    size_t at = slice_ifind(value, S("url"));
    struct slice target =
        at == SIZE_MAX ? (struct slice){NULL, 0} : slice_sub(value, at + 3, SIZE_MAX);
    target = slice_trim(target);
    if (target.n && target.p[0] == '=') {
        target = slice_trim(slice_sub(target, 1, SIZE_MAX));
        if (target.n && (target.p[0] == '\'' || target.p[0] == '"')) {
            char quote = target.p[0];
            target = slice_sub(target, 1, SIZE_MAX);
            target.n = slice_find_byte(target, quote);
        }
        url_add(h->urls, target, REFERENCE_ATTRIBUTE, is_obfuscated);
    }
}

static void attribute_use(struct html *h, enum tag_kind tag, uint64_t key, struct slice value)
{
    enum attribute_kind kind = attribute_kind(key);
    if (kind == ATTRIBUTE_OTHER || !value.n || !url_scan_wants(h->urls)) {
        return;
    }
    if (kind == ATTRIBUTE_STYLE && slice_find_byte(value, '(') == value.n) {
        return;
    }
    if (kind == ATTRIBUTE_CONTENT && tag != TAG_META) {
        return;
    }
    bool is_obfuscated = false;
    value = value_decode(h, value, &is_obfuscated);
    h->urls->place = (uint32_t)h->n;
    switch (kind) {
    case ATTRIBUTE_URL:
        if (tag == TAG_BASE) {
            value_base(h, value);
        }
        if (slice_istarts(slice_trim(slice_sub(value, 0, 32)), S("javascript:"))) {
            url_scan_run(h->urls, value, URL_TEXT_EXPLICIT);
        } else {
            url_add(h->urls, value, REFERENCE_ATTRIBUTE, is_obfuscated);
        }
        break;
    case ATTRIBUTE_SRCSET:
        value_srcset(h, value);
        break;
    case ATTRIBUTE_STYLE:
        url_scan_css(h->urls, value);
        break;
    case ATTRIBUTE_CONTENT:
        value_refresh(h, value, is_obfuscated);
        break;
    case ATTRIBUTE_VALUE: /* <param name=movie>, hidden form fields with the next page */
    case ATTRIBUTE_EVENT:
        url_scan_run(h->urls, value, URL_TEXT_EXPLICIT);
        break;
    case ATTRIBUTE_OTHER:
        break;
    }
}

static bool byte_ends_name(char c)
{
    static const bool ENDS[256] = {
        [0 ... ' '] = true, ['>'] = true, ['='] = true,  ['/'] = true,
        ['<'] = true,       ['"'] = true, ['\''] = true,
    };
    return ENDS[(uint8_t)c];
}

/* The first `quote` or '<' from `p` on, or the end. */
static const char *quote_or_tag(const char *p, const char *end, char quote)
{
    for (; end - p >= VECTOR_BYTES; p += VECTOR_BYTES) {
        vec v = vec_load(p);
        size_t i = vec_first((vec)(v == (uint8_t)quote) | (vec)(v == '<'));
        if (i < VECTOR_BYTES) {
            return p + i;
        }
    }
    while (p < end && *p != quote && *p != '<') {
        p++;
    }
    return p;
}

/* The value that begins at `p`, behind the '=' and blanks; *value is set. */
static const char *value_read(struct html *h, const char *p, struct slice *value)
{
    bool is_single = *p == '\'';
    if (is_single || *p == '"') {
        char quote = *p++;
        const char *stop = quote_or_tag(p, h->end, quote);
        if (stop < h->end && *stop == quote) {
            *value = slice_span(p, stop);
            return stop + 1;
        }
        const char *close = h->no_quote[is_single] ? NULL : memchr(p, quote, (size_t)(h->end - p));
        if (!close) {
            h->no_quote[is_single] = true;
        } else {
            *value = slice_span(p, close);
            const char *tag = memchr(p, '<', value->n);
            const char *gt = tag ? memchr(p, '>', (size_t)(tag - p)) : NULL;
            if (!gt) {
                return close + 1;
            }
        }
        /* A quote that never ends, or only in another tag. */
        h->is_broken = true;
        const char *q = p;
        while (q < h->end && *q != '>' && *q != '<') {
            q++;
        }
        *value = slice_span(p, q);
        return q;
    }
    const char *q = p;
    while (q < h->end && (uint8_t)*q > ' ' && *q != '>' && *q != '<') {
        q++;
    }
    *value = slice_span(p, q);
    return q;
}

/* Attributes up to and with the '>'. A '<' on the way ends the tag too: the '>' was forgotten. */
static const char *attributes_scan(struct html *h, const char *p, enum tag_kind tag)
{
    while (p < h->end) {
        char c = *p;
        if (c == '>') {
            return p + 1;
        }
        if (c == '<') {
            h->is_broken = true;
            return p;
        }
        if (byte_ends_name(c)) {
            p++;
            continue;
        }
        const char *name = p;
        while (p < h->end && !byte_ends_name(*p)) {
            p++;
        }
        struct slice key = slice_span(name, p);
        while (p < h->end && (uint8_t)*p <= ' ') {
            p++;
        }
        if (p == h->end || *p != '=') {
            continue;
        }
        do {
            p++;
        } while (p < h->end && (uint8_t)*p <= ' ');
        if (p == h->end) {
            break;
        }
        struct slice value;
        p = value_read(h, p, &value);
        if (h->urls) {
            attribute_use(h, tag, name_key(key), value);
        }
    }
    h->is_broken = true;
    return p;
}

/* From "<!" or "<?": a comment, a declaration, or one of the many broken forms of them. */
static const char *comment_skip(struct html *h, const char *p)
{
    size_t left = (size_t)(h->end - p);
    if (left >= 4 && p[1] == '!' && p[2] == '-' && p[3] == '-') {
        if (left > 4 && p[4] == '>') {
            return p + 5;
        }
        if (left > 5 && p[4] == '-' && p[5] == '>') {
            return p + 6;
        }
        const char *close = h->no_comment_end ? NULL : memmem(p + 4, left - 4, "-->", 3);
        if (close) {
            return close + 3;
        }
        h->no_comment_end = true;
        h->is_broken = true;
    }
    const char *gt = memchr(p, '>', left);
    if (!gt) {
        h->is_broken = true;
        return h->end;
    }
    return gt + 1;
}

/* The inside of <script> or <style>, up to its end tag. */
static const char *raw_skip(struct html *h, const char *p, enum tag_kind tag)
{
    struct slice name = tag == TAG_SCRIPT ? S("script") : S("style");
    const char *q = p;
    for (;; q++) {
        q = q < h->end ? memchr(q, '<', (size_t)(h->end - q)) : NULL;
        if (!q) {
            h->is_broken = true;
            q = h->end;
            break;
        }
        struct slice tail = slice_span(q + 1, h->end);
        if (tail.n && tail.p[0] == '/' && slice_istarts(slice_sub(tail, 1, SIZE_MAX), name)) {
            break;
        }
    }
    if (h->urls) {
        h->urls->place = (uint32_t)h->n;
        if (tag == TAG_STYLE) {
            url_scan_css(h->urls, slice_span(p, q));
        } else {
            url_scan_run(h->urls, slice_span(p, q), URL_TEXT_EXPLICIT);
        }
    }
    return q;
}

static void tag_text(struct html *h, enum tag_kind kind, bool is_end)
{
    if (kind == TAG_LINE) {
        text_line(h);
    } else if (kind == TAG_SPACE) {
        text_space(h);
    } else if (kind == TAG_PRE) {
        text_line(h);
        h->is_pre = !is_end;
    }
}

/* Notes where the element begins in the text. Out of memory and past the limit it is cut. */
static void outline_add(struct html *h, uint64_t name)
{
    struct html_outline *o = h->outline;
    if (o->count == o->capacity) {
        size_t capacity = o->capacity ? 4 * o->capacity : LIMIT_HTML_TAGS / 64;
        struct html_tag *tags =
            capacity > LIMIT_HTML_TAGS ? NULL : arena_alloc(h->arena, capacity * sizeof *tags);
        if (!tags) {
            o->is_cut = true;
            h->outline = NULL;
            return;
        }
        if (o->count) {
            memcpy(tags, o->tags, o->count * sizeof *tags);
        }
        o->tags = tags;
        o->capacity = capacity;
    }
    o->tags[o->count++] = (struct html_tag){name, (uint32_t)h->n};
}

/* `p` is at '<'. Returns what follows the tag; the '<' itself is text when no tag begins there. */
static const char *tag_scan(struct html *h, const char *p)
{
    const char *q = p + 1;
    bool is_end = q < h->end && *q == '/';
    q += is_end;
    char first = q < h->end ? *q : ' ';
    if (!ascii_is_alpha(first)) {
        if (first == '!' || first == '?' || (is_end && first == '>')) {
            return comment_skip(h, p);
        }
        if (h->n < h->capacity) {
            h->text[h->n++] = '<';
        }
        return p + 1;
    }
    const char *name = q;
    while (q < h->end && !byte_ends_name(*q)) {
        q++;
    }
    uint64_t key = name_key(slice_span(name, q));
    enum tag_kind kind = tag_kind(key);
    if (h->n < h->capacity) {
        tag_text(h, kind, is_end);
    }
    if (h->outline && kind != TAG_UNKNOWN && !is_end) {
        outline_add(h, key);
    }
    /* "<http://example.com/>": no tag, but an address that its writer put into brackets. */
    if (q < h->end && q[-1] == ':' && *q == '/') {
        const char *close =
            memchr(q, '>',
                   (size_t)(h->end - q) < LIMIT_URL_BYTES ? (size_t)(h->end - q) : LIMIT_URL_BYTES);
        if (close && url_scheme_is_known(slice_span(name, q - 1))) {
            if (h->urls) {
                h->urls->place = (uint32_t)h->n;
                url_add(h->urls, slice_span(name, close), REFERENCE_TEXT, false);
            }
            return close + 1;
        }
    }
    if (q < h->end && *q == '>') {
        q++;
    } else {
        q = attributes_scan(h, q, kind);
    }
    if (!is_end && (kind == TAG_SCRIPT || kind == TAG_STYLE)) {
        q = raw_skip(h, q, kind);
    }
    return q;
}

/* Fills h->text; `html` may be of any size, the text may not. */
static bool html_read(struct html *h, struct slice html, struct arena *arena)
{
    h->end = html.p + html.n;
    h->capacity = html.n < LIMIT_TEXT_BYTES ? html.n : LIMIT_TEXT_BYTES;
    h->text = arena_alloc(arena, h->capacity + 2 * VECTOR_BYTES);
    if (!h->text) {
        return false;
    }
    for (const char *p = html.p; html.n && p < h->end;) {
        p = *p == '<' ? tag_scan(h, p) : text_add(h, p);
    }
    if (h->n > h->capacity) {
        h->n = h->capacity;
        h->is_text_cut = true;
    }
    if (h->is_text_cut) { /* not within a character */
        size_t lead = h->n;
        while (lead && h->n - lead < 4 && ((uint8_t)h->text[lead - 1] & 0xc0) == 0x80) {
            lead--;
        }
        uint32_t code_point;
        if (lead && (uint8_t)h->text[lead - 1] >= 0xc0 &&
            !utf8_sequence(slice_of(h->text + lead - 1, h->n - lead + 1), &code_point)) {
            h->n = lead - 1;
        }
    }
    while (h->n && (h->text[h->n - 1] == ' ' || h->text[h->n - 1] == '\n')) {
        h->n--;
    }
    return true;
}

static uint64_t html_quirks(const struct html *h)
{
    return (h->is_broken ? QUIRK_BIT(HTML_BROKEN) : 0) |
           (h->is_text_cut ? QUIRK_BIT(DECODE_LIMIT) : 0);
}

struct slice html_text(struct slice html, struct arena *arena, uint64_t *quirks)
{
    struct html h = {.urls = NULL};
    if (!html_read(&h, html, arena)) {
        return (struct slice){NULL, 0};
    }
    char *shrunk = arena_resize_last(arena, h.text, h.n ? h.n : 1);
    h.text = shrunk ? shrunk : h.text;
    if (quirks) {
        *quirks |= html_quirks(&h);
    }
    return slice_of(h.text, h.n);
}

enum err html_scan(const struct url_context *c, struct slice html, struct arena *arena,
                   struct url_list *list, struct html_outline *outline, struct slice *text)
{
    struct url_scan s;
    enum err e = url_scan_begin(&s, c, arena, list);
    if (e != OK) {
        return e;
    }
    struct html h = {.urls = &s, .outline = outline, .arena = arena};
    size_t from = list->count;
    if (!html_read(&h, html, arena)) {
        return ERR_NOMEM;
    }
    size_t middle = list->count;
    url_scan_run(&s, slice_of(h.text, h.n), URL_TEXT_PROSE);
    if (s.e != OK) {
        return s.e;
    }
    url_list_merge(&s, from, middle);
    list->quirks |= html_quirks(&h);
    *text = slice_of(h.text, h.n);
    return OK;
}

enum err url_scan_html(const struct url_context *c, struct slice html, struct arena *arena,
                       struct url_list *list)
{
    struct slice text;
    return html_scan(c, html, arena, list, NULL, &text);
}
