/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Header blocks: one pass, nothing copied. The rules for what is not a field are those of the MTAs
 * and clients that the mail has passed: Postfix and GMime both begin the body at the first line
 * that is no header once real fields were seen. */
#include "core/limits.h"
#include "core/utf8.h"
#include "core/vec.h"
#include "mail/header_scan.h"

enum {
    FIELDS_FIRST = 32,
    JUNK_FOLDS = 4, /* folded lines after a stray line that are passed over with it */
};

/* RFC 5322 section 3.6.8 ftext: printable ASCII but the colon. */
static inline bool is_ftext(char c)
{
    return c > ' ' && c < 0x7f && c != ':';
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Length and three characters tell the known names apart (a unit test holds that true). Of a
 * literal the compiler makes a number. */
static inline uint32_t name_key(const char *p, size_t n)
{
    return (uint32_t)n | (uint32_t)(uint8_t)(p[0] | 0x20) << 8 |
           (uint32_t)(uint8_t)(p[n / 2] | 0x20) << 16 | (uint32_t)(uint8_t)(p[n - 1] | 0x20) << 24;
}

/* NOLINTNEXTLINE(readability-function-size): one comparison for each row of the table */
enum header_id header_id_of(struct slice name)
{
    if (!name.n || name.n > UINT8_MAX) {
        return HEADER_OTHER;
    }
    uint32_t key = name_key(name.p, name.n);
    enum header_id id = HEADER_OTHER;
    struct slice full = {0};
    if (key == 0) {
    }
#define HEADER(ID, text)                                                                           \
    else if (key == name_key(text, sizeof(text) - 1))                                              \
    {                                                                                              \
        id = HEADER_##ID;                                                                          \
        full = S(text);                                                                            \
    }
#include "mail/header_name.def"
#undef HEADER
    return id && slice_ieq(name, full) ? id : HEADER_OTHER;
}

/* The fields that RFC 5322 section 3.6 and RFC 2045 section 3 allow once. */
static const uint64_t ONCE =
    UINT64_C(1) << HEADER_BCC | UINT64_C(1) << HEADER_CC |
    UINT64_C(1) << HEADER_CONTENT_DISPOSITION | UINT64_C(1) << HEADER_CONTENT_ID |
    UINT64_C(1) << HEADER_CONTENT_TRANSFER_ENCODING | UINT64_C(1) << HEADER_CONTENT_TYPE |
    UINT64_C(1) << HEADER_DATE | UINT64_C(1) << HEADER_FROM | UINT64_C(1) << HEADER_MESSAGE_ID |
    UINT64_C(1) << HEADER_MIME_VERSION | UINT64_C(1) << HEADER_REPLY_TO |
    UINT64_C(1) << HEADER_SENDER | UINT64_C(1) << HEADER_SUBJECT | UINT64_C(1) << HEADER_TO;
_Static_assert(HEADER_ID_COUNT <= 64, "header ids are bits of a set");

struct block_scan {
    struct header_block *h;
    struct arena *arena;
    size_t capacity;
    const char *next; /* the line after the current one */
    const char *end;  /* of what may be read */
    uint64_t seen;    /* set of ids */
    bool is_folding;  /* the line before was a field or a part of one */
    bool has_crlf, has_lf;
    char eol;
};

char eol_of(struct slice raw)
{
    if (raw.n && !memchr(raw.p, '\n', raw.n) && memchr(raw.p, '\r', raw.n)) {
        return '\r';
    }
    return '\n';
}

/* The place of the colon when the line is a field; *name_end is the end of its name. */
static const char *line_colon(const char *p, const char *end, const char **name_end)
{
    const char *c = p;
    while (end - c >= (ptrdiff_t)sizeof(vec)) {
        vec v = vec_load(c);
        size_t at = vec_first((vec)(v <= ' ') | (vec)(v >= 0x7f) | (vec)(v == ':'));
        c += at;
        if (at < sizeof v) {
            break;
        }
    }
    while (c < end && is_ftext(*c)) {
        c++;
    }
    *name_end = c;
    while (c < end && is_blank(*c)) {
        c++;
    }
    return *name_end > p && c < end && *c == ':' ? c : NULL;
}

static struct header *field_add(struct block_scan *b)
{
    struct header_block *h = b->h;
    if (h->count == b->capacity) {
        size_t bytes = b->capacity * 2 * sizeof *h->fields;
        if (!arena_resize_last(b->arena, h->fields, bytes)) {
            struct header *fields = arena_alloc(b->arena, bytes);
            if (!fields) {
                return NULL;
            }
            memcpy(fields, h->fields, h->count * sizeof *fields);
            h->fields = fields;
        }
        b->capacity *= 2;
    }
    return &h->fields[h->count++];
}

static enum err field_read(struct block_scan *b, const char *p, const char *name_end,
                           const char *colon, const char *end)
{
    b->is_folding = true;
    if (b->h->count == LIMIT_HEADERS) {
        b->h->quirks |= QUIRK_BIT(HEADER_LIMIT);
        b->is_folding = false;
        return OK;
    }
    struct header *f = field_add(b);
    if (!f) {
        return ERR_NOMEM;
    }
    f->name = slice_span(p, name_end);
    f->value = slice_span(colon + 1, end);
    f->id = header_id_of(f->name);
    if (name_end != colon) {
        b->h->quirks |= QUIRK_BIT(HEADER_SPACE);
    }
    uint64_t bit = UINT64_C(1) << f->id;
    if (f->id != HEADER_OTHER) {
        if (b->seen & bit & ONCE) {
            b->h->quirks |= QUIRK_BIT(HEADER_DUPLICATE);
        }
        b->seen |= bit;
    }
    return OK;
}

static void fold_read(struct block_scan *b, const char *p, const char *end)
{
    const char *c = p;
    while (c < end && is_blank(*c)) {
        c++;
    }
    if (c == end) {
        b->h->quirks |= QUIRK_BIT(HEADER_EMPTY_FOLD);
    }
    if (b->is_folding) {
        struct header *last = &b->h->fields[b->h->count - 1];
        last->value.n = (size_t)(end - last->value.p);
    }
}

/* Does the body begin at this line, which is no field? A single stray line (a fold that lost its
 * white space, a mailer's "X Mailer: ...") is passed over when a field follows; more than that is
 * the text of a sender that left out the empty line, or a message without a header. */
static bool junk_is_body(const struct block_scan *b, const char *p, const char *end)
{
    struct slice line = slice_span(p, end);
    if (slice_starts(line, S("From ")) || slice_starts(line, S(">From "))) {
        return false; /* an mbox separator left on */
    }
    if (slice_starts(line, S("--"))) {
        return true; /* a delimiter right after the header: nobody's stray line */
    }
    const char *next = b->next, *name_end;
    for (int folds = 0; next < b->end && folds <= JUNK_FOLDS; folds++) {
        const char *nl = memchr(next, b->eol, (size_t)(b->end - next));
        if (!is_blank(*next)) {
            return !line_colon(next, nl ? nl : b->end, &name_end);
        }
        next = nl ? nl + 1 : b->end;
    }
    return true;
}

static void block_quirks(struct block_scan *b)
{
    struct slice raw = b->h->raw;
    if (b->has_crlf && b->has_lf) {
        b->h->quirks |= QUIRK_BIT(MIXED_EOL);
    }
    if (!raw.n) {
        return;
    }
    if (memchr(raw.p, '\0', raw.n)) {
        b->h->quirks |= QUIRK_BIT(NUL_BYTE);
    }
    const char *end = raw.p + raw.n;
    for (const char *cr = memchr(raw.p, '\r', raw.n); cr;
         cr = cr + 1 < end ? memchr(cr + 1, '\r', (size_t)(end - cr - 1)) : NULL) {
        if (b->eol == '\r' || cr + 1 == end || cr[1] != '\n') {
            b->h->quirks |= QUIRK_BIT(BARE_CR);
            break;
        }
    }
    size_t ascii = ascii_prefix(raw);
    if (ascii < raw.n) {
        b->h->quirks |= utf8_valid(slice_sub(raw, ascii, SIZE_MAX)) ? QUIRK_BIT(HEADER_UTF8)
                                                                    : QUIRK_BIT(HEADER_8BIT);
    }
}

enum line_kind { LINE_MORE, LINE_END, LINE_BODY, LINE_NOMEM };

/* One line [p, end) without its ending. */
static enum line_kind line_read(struct block_scan *b, const struct header_scan *s, const char *p,
                                const char *end)
{
    const char *name_end;
    if (p == end) {
        return LINE_END;
    }
    if (is_blank(*p) && b->h->count) {
        fold_read(b, p, end);
        return LINE_MORE;
    }
    if (s->is_boundary && *p == '-' && end - p >= 2 && p[1] == '-' &&
        s->is_boundary(s->arg, p, end)) {
        b->h->quirks |= QUIRK_BIT(HEADER_NO_END);
        return LINE_BODY;
    }
    const char *colon = line_colon(p, end, &name_end);
    if (colon) {
        return field_read(b, p, name_end, colon, end) ? LINE_NOMEM : LINE_MORE;
    }
    b->h->quirks |= QUIRK_BIT(HEADER_JUNK);
    b->is_folding = false;
    if (junk_is_body(b, p, end)) {
        b->h->quirks |= QUIRK_BIT(HEADER_NO_END);
        return LINE_BODY;
    }
    return LINE_MORE;
}

enum err header_scan(struct header_block *h, const struct header_scan *s, struct slice raw,
                     struct arena *arena)
{
    *h = (struct header_block){.raw = slice_of(raw.p, 0)};
    struct block_scan b = {.h = h, .arena = arena, .capacity = FIELDS_FIRST, .eol = s->eol};
    h->fields = arena_alloc(arena, b.capacity * sizeof *h->fields);
    if (!h->fields) {
        return ERR_NOMEM;
    }
    bool is_cut = raw.n > LIMIT_HEADER_BLOCK_BYTES;
    enum line_kind kind = LINE_MORE;
    const char *p = raw.p;
    b.end = raw.n ? p + (is_cut ? LIMIT_HEADER_BLOCK_BYTES : raw.n) : p;
    while (p < b.end && kind == LINE_MORE) {
        const char *nl = memchr(p, b.eol, (size_t)(b.end - p));
        const char *end = nl ? nl : b.end;
        b.next = nl ? nl + 1 : b.end;
        if (!nl && is_cut) {
            break;
        }
        bool is_crlf = b.eol == '\n' && end > p && end[-1] == '\r';
        if (is_crlf) {
            end--;
        }
        kind = line_read(&b, s, p, end);
        if (kind == LINE_NOMEM) {
            return ERR_NOMEM;
        }
        if (kind != LINE_BODY) {
            b.has_crlf |= is_crlf && nl;
            b.has_lf |= !is_crlf && nl;
            p = b.next;
        }
    }
    if (kind == LINE_MORE) {
        h->quirks |= is_cut ? QUIRK_BIT(HEADER_LIMIT) : QUIRK_BIT(HEADER_NO_END);
    }
    if (raw.n) {
        h->raw = slice_span(raw.p, p);
    }
    block_quirks(&b);
    /* The rest of the first allocation goes back; a failure only leaves it unused. */
    (void)!arena_resize_last(arena, h->fields, h->count * sizeof *h->fields);
    return OK;
}

enum err header_block_parse(struct header_block *h, struct slice raw, struct arena *arena)
{
    struct header_scan s = {.eol = eol_of(raw)};
    return header_scan(h, &s, raw, arena);
}

const struct header *header_find(const struct header_block *h, enum header_id id)
{
    for (size_t i = 0; i < h->count; i++) {
        if (h->fields[i].id == id) {
            return &h->fields[i];
        }
    }
    return NULL;
}

/* The CRs of a line that are breaks, taken out in place: a fold is a break before white space, and
 * another bare CR is evidence and stays. Returns the line's new length. */
static size_t breaks_remove(char *p, size_t n, bool has_lf)
{
    size_t w = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_break = p[i] == '\r' && (i + 1 < n ? is_blank(p[i + 1]) : has_lf);
        if (!is_break) {
            p[w++] = p[i];
        }
    }
    return w;
}

struct slice header_unfold(struct slice value, struct arena *arena)
{
    value = slice_trim(value);
    if (!value.n || (!memchr(value.p, '\n', value.n) && !memchr(value.p, '\r', value.n))) {
        return slice_sub(value, 0, LIMIT_HEADER_VALUE_BYTES);
    }
    char *out = arena_alloc(arena, value.n);
    if (!out) {
        return slice_of(NULL, 0);
    }
    size_t n = 0;
    while (value.n) { /* line by line */
        size_t end = slice_find_byte(value, '\n'), from = n;
        memcpy(out + n, value.p, end);
        n += end;
        value = slice_sub(value, end, SIZE_MAX);
        if (memchr(out + from, '\r', end)) {
            n = from + breaks_remove(out + from, end, value.n > 0);
        }
        value = slice_sub(value, 1, SIZE_MAX);
    }
    n = n < LIMIT_HEADER_VALUE_BYTES ? n : LIMIT_HEADER_VALUE_BYTES;
    (void)!arena_resize_last(arena, out, n);
    return slice_of(out, n);
}
