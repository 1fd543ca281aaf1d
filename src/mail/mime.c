/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The MIME scanner: one pass over the bytes, a stack of the boundaries that are open, recursion
 * bounded by LIMIT_MIME_DEPTH. A line is a delimiter of RFC 2046 section 5.1.1 when it is the whole
 * boundary, perhaps the closing "--", and then only white space: so one boundary may be the prefix
 * of another. The innermost open one wins; one further out ends all inside it. */
#include "core/limits.h"
#include "core/vec.h"
#include "mail/header_scan.h"
#include "mail/parameter.h"

enum { PARTS_FIRST = 4, LEVELS = LIMIT_MIME_DEPTH + 1 };

struct mime_scan {
    struct mail *m;
    size_t capacity;
    const char *at; /* read up to here */
    const char *end;
    struct slice open[LEVELS]; /* boundaries, outermost first */
    int open_count;
    char eol;
};

/* Where a part's content stops. */
struct stop {
    const char *line; /* start of the delimiter line, or the end of the message */
    const char *next; /* the line after it */
    int level;        /* of the open boundary; -1 at the end of the message */
    bool is_close;
};

/* ---- boundaries ---- */

/* The level of the boundary that the line [p, end) is, -1 for none. It starts with "--". */
static int line_level(const struct mime_scan *s, const char *p, const char *end, bool *is_close)
{
    while (end > p && ascii_is_space(end[-1])) {
        end--; /* transport padding */
    }
    struct slice line = slice_span(p + 2, end > p + 2 ? end : p + 2);
    for (int i = s->open_count - 1; i >= 0; i--) {
        struct slice b = s->open[i];
        if (line.n != b.n && line.n != b.n + 2) {
            continue;
        }
        if (memcmp(line.p, b.p, b.n) != 0) {
            continue;
        }
        *is_close = line.n > b.n;
        if (!*is_close || (line.p[b.n] == '-' && line.p[b.n + 1] == '-')) {
            return i;
        }
    }
    return -1;
}

static bool line_is_boundary(const void *arg, const char *line, const char *end)
{
    bool is_close;
    return line_level(arg, line, end, &is_close) >= 0;
}

/* The next line from `p` on that starts with "--"; `p` is at the start of a line. */
static const char *dashes_find(const char *p, const char *end, char eol)
{
    if (end - p >= 2 && p[0] == '-' && p[1] == '-') {
        return p;
    }
    const vec ends = (vec){0} + (uint8_t)eol;
    for (; end - p >= (ptrdiff_t)sizeof(vec) + 2; p += sizeof(vec)) {
        size_t at = vec_first((vec)(vec_load(p) == ends) & (vec)(vec_load(p + 1) == '-') &
                              (vec)(vec_load(p + 2) == '-'));
        if (at < sizeof(vec)) {
            return p + at + 1;
        }
    }
    for (; end - p >= 3; p++) {
        if (*p == eol && p[1] == '-' && p[2] == '-') {
            return p + 1;
        }
    }
    return NULL;
}

static void stop_find(struct mime_scan *s, struct stop *out)
{
    *out = (struct stop){.line = s->end, .next = s->end, .level = -1};
    const char *p = s->at;
    while (s->open_count && (p = dashes_find(p, s->end, s->eol))) {
        const char *nl = memchr(p, s->eol, (size_t)(s->end - p));
        int level = line_level(s, p, nl ? nl : s->end, &out->is_close);
        const char *next = nl ? nl + 1 : s->end;
        if (level >= 0) {
            out->line = p;
            out->next = next;
            out->level = level;
            break;
        }
        p = next;
    }
    s->at = out->line;
}

/* Nothing stands between here and the next delimiter or the end of the message. */
static bool is_at_stop(const struct mime_scan *s)
{
    if (s->at == s->end) {
        return true;
    }
    if (!s->open_count || s->end - s->at < 2 || s->at[0] != '-' || s->at[1] != '-') {
        return false;
    }
    const char *nl = memchr(s->at, s->eol, (size_t)(s->end - s->at));
    return line_is_boundary(s, s->at, nl ? nl : s->end);
}

/* The end of content that starts at `start`: the line break before a delimiter belongs to it. */
static const char *content_end(const struct mime_scan *s, const char *start,
                               const struct stop *stop)
{
    const char *end = stop->line;
    if (stop->level >= 0 && end > start) {
        end--;
        if (s->eol == '\n' && end > start && end[-1] == '\r') {
            end--;
        }
    }
    return end;
}

/* ---- what a part says of itself ---- */

static enum cte cte_of(struct slice value, uint64_t *quirks)
{
    static const struct {
        struct slice name;
        enum cte cte;
    } NAMES[] = {
        {SLICE("7bit"), CTE_7BIT},
        {SLICE("8bit"), CTE_8BIT},
        {SLICE("quoted-printable"), CTE_QP},
        {SLICE("base64"), CTE_BASE64},
        {SLICE("binary"), CTE_BINARY},
        {SLICE("x-uuencode"), CTE_UU},
        {SLICE("x-uue"), CTE_UU},
        {SLICE("uuencode"), CTE_UU},
        {SLICE("7-bit"), CTE_7BIT},
        {SLICE("8-bit"), CTE_8BIT},
    };
    struct slice s = slice_trim(cfws_skip(value));
    size_t n = 0;
    while (n < s.n && (uint8_t)s.p[n] > ' ' && s.p[n] != ';' && s.p[n] != '(') {
        n++;
    }
    s.n = n;
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"') {
        s = slice_sub(s, 1, s.n - 2);
    }
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (slice_ieq(s, NAMES[i].name)) {
            return NAMES[i].cte;
        }
    }
    *quirks |= QUIRK_BIT(CTE_BAD);
    return CTE_UNKNOWN;
}

static void type_read(struct part *p, struct slice value, struct slice *name, struct arena *arena)
{
    struct slice rest;
    if (!content_type_split(value, &p->type, &p->subtype, &rest, arena)) {
        p->quirks |= QUIRK_BIT(MIME_TYPE_BAD);
        bool is_multipart = slice_eq(p->type, S("multipart"));
        if (!is_multipart) {
            p->type = S("text");
        }
        p->subtype = is_multipart ? S("mixed") : S("plain");
    }
    struct param q;
    bool has_charset = false, has_boundary = false, has_name = false;
    struct slice whole = rest;
    while (param_next(&rest, &q)) {
        if (!has_charset && slice_ieq(q.name, S("charset"))) {
            has_charset = true;
            p->charset = slice_lower(slice_trim(param_token(&q, arena)), arena);
        } else if (!has_boundary && slice_ieq(q.name, S("boundary"))) {
            has_boundary = true;
            p->boundary = param_text(&q, arena); /* unquoted with spaces inside: The Bat! */
        } else if (!has_name && slice_ieq(q.name, S("name"))) {
            has_name = true;
            *name = param_text(&q, arena);
        } else if (q.name.n > 5 && memchr(q.name.p, '*', q.name.n)) {
            /* RFC 2231, rare: look all three up the long way */
            struct slice found = params_find(whole, S("name"), arena, &p->quirks);
            *name = found.n ? found : *name;
            found = params_find(whole, S("boundary"), arena, &p->quirks);
            p->boundary = found.n ? found : p->boundary;
            found = params_find(whole, S("charset"), arena, &p->quirks);
            p->charset = found.n ? slice_lower(found, arena) : p->charset;
            break;
        }
    }
    while (p->boundary.n && ascii_is_space(p->boundary.p[p->boundary.n - 1])) {
        p->boundary.n--; /* RFC 2046: it cannot end with white space */
    }
    if (p->boundary.n > LIMIT_BOUNDARY_BYTES) {
        p->quirks |= QUIRK_BIT(MIME_BOUNDARY_LONG);
    }
}

static void part_describe(struct part *p, bool is_digest, struct arena *arena)
{
    const struct header *type = NULL, *encoding = NULL, *disposition = NULL;
    for (size_t i = 0; i < p->header.count; i++) {
        const struct header *f = &p->header.fields[i];
        if (f->id == HEADER_CONTENT_TYPE) {
            type = type ? type : f;
        } else if (f->id == HEADER_CONTENT_TRANSFER_ENCODING) {
            encoding = encoding ? encoding : f;
        } else if (f->id == HEADER_CONTENT_DISPOSITION) {
            disposition = disposition ? disposition : f;
        }
    }
    struct slice name = {0};
    p->cte = encoding ? cte_of(encoding->value, &p->quirks) : CTE_NONE;
    p->type = is_digest ? S("message") : S("text");
    p->subtype = is_digest ? S("rfc822") : S("plain");
    if (type) {
        type_read(p, type->value, &name, arena);
    }
    if (disposition) {
        struct slice rest = disposition->value;
        struct slice kind = cfws_skip(slice_cut(&rest, ';'));
        p->is_attachment = slice_istarts(kind, S("attachment"));
        struct slice found = mime_parameter(disposition->value, S("filename"), arena, &p->quirks);
        name = found.n ? found : name;
    }
    p->filename = name.n ? header_decode(name, arena, &p->quirks) : name;
    p->is_attachment |= p->filename.n && !slice_eq(p->type, S("text"));
}

/* ---- the tree ---- */

static struct part *part_add(struct mime_scan *s, int parent, unsigned depth)
{
    struct mail *m = s->m;
    if (m->part_count == s->capacity) {
        size_t capacity = s->capacity * 2;
        struct part *parts = arena_alloc(m->arena, capacity * sizeof *parts);
        if (!parts) {
            return NULL;
        }
        memcpy(parts, m->parts, m->part_count * sizeof *parts);
        m->parts = parts;
        s->capacity = capacity;
    }
    struct part *p = &m->parts[m->part_count++];
    *p = (struct part){.parent = parent, .depth = depth};
    return p;
}

static enum err entity_read(struct mime_scan *s, int parent, unsigned depth, bool is_digest,
                            struct stop *stop);

/* The rest of a multipart that may have no more parts: up to a delimiter further out. */
static void parts_skip(struct mime_scan *s, int level, struct stop *stop)
{
    while (stop->level == level && !stop->is_close) {
        s->at = stop->next;
        stop_find(s, stop);
    }
}

static enum err multipart_read(struct mime_scan *s, int index, struct stop *stop)
{
    const struct part *self = &s->m->parts[index];
    unsigned depth = self->depth;
    bool is_digest = slice_eq(self->subtype, S("digest"));
    uint64_t quirks = 0;
    int level = s->open_count++;
    s->open[level] = self->boundary;
    stop_find(s, stop);
    if (stop->level != level || stop->is_close) {
        quirks |= QUIRK_BIT(MIME_NO_FIRST);
    }
    while (stop->level == level && !stop->is_close) {
        if (s->m->part_count == LIMIT_MIME_PARTS) {
            quirks |= QUIRK_BIT(MIME_PARTS);
            parts_skip(s, level, stop);
            break;
        }
        s->at = stop->next;
        if (is_at_stop(s)) {
            stop_find(s, stop); /* a delimiter right after another, or at the end: no part */
            continue;
        }
        enum err e = entity_read(s, index, depth + 1, is_digest, stop);
        if (e) {
            return e;
        }
    }
    s->open_count = level;
    if (stop->level == level && stop->is_close) {
        const char *epilogue = stop->next;
        s->at = epilogue;
        stop_find(s, stop);
        if (slice_trim(slice_span(epilogue, stop->line)).n) {
            quirks |= QUIRK_BIT(MIME_EPILOGUE);
        }
    } else if (!(quirks & QUIRK_BIT(MIME_NO_FIRST))) {
        quirks |= QUIRK_BIT(MIME_NO_CLOSE);
    }
    s->m->parts[index].quirks |= quirks;
    return OK;
}

static bool type_is_message(const struct part *p)
{
    return slice_eq(p->type, S("message")) &&
           (slice_eq(p->subtype, S("rfc822")) || slice_eq(p->subtype, S("rfc2822")) ||
            slice_eq(p->subtype, S("global")) || slice_eq(p->subtype, S("news")));
}

/* Is it read as a container? Sets the quirks of what keeps it from being one. */
static bool part_is_container(struct part *p, bool has_body)
{
    bool is_multipart = part_is_multipart(p);
    if (!is_multipart && !type_is_message(p)) {
        return false;
    }
    bool is_coded = p->cte == CTE_BASE64 || p->cte == CTE_QP || p->cte == CTE_UU;
    if (is_coded) {
        p->quirks |= QUIRK_BIT(CTE_MULTIPART);
    }
    if (is_multipart && !p->boundary.n) {
        p->quirks |= QUIRK_BIT(MIME_NO_BOUNDARY);
        return false;
    }
    if (!is_multipart && is_coded) {
        return false; /* its bytes are what part_decode gives */
    }
    if (!is_multipart && !has_body) {
        return false;
    }
    if (p->depth >= LIMIT_MIME_DEPTH) {
        p->quirks |= QUIRK_BIT(MIME_DEPTH);
        return false;
    }
    return true;
}

/* One part from its header on; s->at ends up at the delimiter that stops it. */
static enum err entity_read(struct mime_scan *s, int parent, unsigned depth, bool is_digest,
                            struct stop *stop)
{
    struct part *p = part_add(s, parent, depth);
    if (!p) {
        return ERR_NOMEM;
    }
    int index = (int)(s->m->part_count - 1);
    struct header_scan hs = {.eol = s->eol, .arg = s};
    hs.is_boundary = s->open_count ? line_is_boundary : NULL;
    enum err e = header_scan(&p->header, &hs, slice_span(s->at, s->end), s->m->arena);
    if (e) {
        return e;
    }
    p->quirks |= p->header.quirks;
    part_describe(p, is_digest, s->m->arena);
    const char *start = s->at + p->header.raw.n;
    s->at = start;
    if (!part_is_container(p, !is_at_stop(s))) {
        stop_find(s, stop);
    } else if (part_is_multipart(p)) {
        e = multipart_read(s, index, stop);
    } else if (s->m->part_count == LIMIT_MIME_PARTS) {
        p->quirks |= QUIRK_BIT(MIME_PARTS);
        stop_find(s, stop);
    } else {
        e = entity_read(s, index, depth + 1, false, stop);
    }
    if (e) {
        return e;
    }
    p = &s->m->parts[index]; /* the array may have moved */
    p->body = slice_span(start, content_end(s, start, stop));
    s->m->quirks |= p->quirks;
    return OK;
}

enum err mail_parse(struct mail *m, struct slice raw, struct arena *arena)
{
    if (!raw.p) {
        raw = S("");
    }
    *m = (struct mail){.raw = raw, .arena = arena};
    struct mime_scan s = {
        .m = m, .capacity = PARTS_FIRST, .at = raw.p, .end = raw.p + raw.n, .eol = eol_of(raw)};
    m->parts = arena_alloc(arena, s.capacity * sizeof *m->parts);
    if (!m->parts) {
        return ERR_NOMEM;
    }
    struct stop stop;
    return entity_read(&s, -1, 0, false, &stop);
}
