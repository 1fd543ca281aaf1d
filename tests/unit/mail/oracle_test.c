/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GMime as the oracle: the same tree of parts, the same decoded bytes, the same text as UTF-8, over
 * our own samples, seeded mutations of them, and the real mail of ../shared/data where it is.
 * Every difference must fall in one of the classes below, each of which says why it is one; any
 * other fails. */
#include "core/limits.h"
#include "core/strbuf.h"
#include "core/utf8.h"
#include "mail/mail.h"
#include "unit/mail/golden.h"

#include <gmime/gmime.h>

#include <ftw.h>
#include <unistd.h>

/* cmocka.h wants these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

enum { MUTATIONS_EACH = 40, NODES_MAX = 600, PART_DEPTH_MAX = 64, UNEXPLAINED_SHOWN = 10 };

/* ---- GMime's view, flat ---- */

struct node {
    char type[128]; /* "text/plain" lower case */
    char charset[64], boundary[300];
    bool is_text;
    struct slice bytes; /* decoded; malloc */
    struct slice text;  /* malloc */
};

struct view {
    bool is_refused;
    struct node nodes[NODES_MAX];
    size_t count;
};

static struct slice bytes_copy(const void *p, size_t n)
{
    char *copy = malloc(n + 1);
    assert_non_null(copy);
    if (n) {
        memcpy(copy, p, n);
    }
    return slice_of(copy, n);
}

static struct node *node_add(struct view *v, GMimeObject *o)
{
    if (v->count == NODES_MAX) {
        return NULL;
    }
    struct node *n = &v->nodes[v->count++];
    *n = (struct node){.is_text = false};
    GMimeContentType *type = g_mime_object_get_content_type(o);
    (void)snprintf(n->type, sizeof n->type, "%s/%s", g_mime_content_type_get_media_type(type),
                   g_mime_content_type_get_media_subtype(type));
    const char *charset = g_mime_content_type_get_parameter(type, "charset");
    const char *boundary = g_mime_content_type_get_parameter(type, "boundary");
    (void)snprintf(n->charset, sizeof n->charset, "%s", charset ? charset : "");
    (void)snprintf(n->boundary, sizeof n->boundary, "%s", boundary ? boundary : "");
    for (char *c = n->type; *c; c++) {
        *c = ascii_lower(*c);
    }
    return n;
}

static void object_walk(struct view *v, GMimeObject *o, int depth)
{
    struct node *n = depth < PART_DEPTH_MAX ? node_add(v, o) : NULL;
    if (!n) {
        return;
    }
    if (GMIME_IS_MULTIPART(o)) {
        GMimeMultipart *m = (GMimeMultipart *)o;
        for (int i = 0; i < g_mime_multipart_get_count(m); i++) {
            object_walk(v, g_mime_multipart_get_part(m, i), depth + 1);
        }
    } else if (GMIME_IS_MESSAGE_PART(o)) {
        GMimeMessage *m = g_mime_message_part_get_message((GMimeMessagePart *)o);
        if (m && g_mime_message_get_mime_part(m)) {
            object_walk(v, g_mime_message_get_mime_part(m), depth + 1);
        }
    } else if (GMIME_IS_PART(o)) {
        GMimeDataWrapper *content = g_mime_part_get_content((GMimePart *)o);
        GMimeStream *mem = g_mime_stream_mem_new();
        if (content) {
            (void)g_mime_data_wrapper_write_to_stream(content, mem);
        }
        GByteArray *a = g_mime_stream_mem_get_byte_array((GMimeStreamMem *)mem);
        n->bytes = bytes_copy(a->data, a->len);
        g_object_unref(mem);
        if (GMIME_IS_TEXT_PART(o)) {
            char *text = g_mime_text_part_get_text((GMimeTextPart *)o);
            n->text = bytes_copy(text, text ? strlen(text) : 0);
            n->is_text = true;
            g_free(text);
        }
    }
}

static void view_read(struct view *v, struct slice raw)
{
    v->count = 0;
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(raw.p, raw.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    GMimeObject *top = message ? g_mime_message_get_mime_part(message) : NULL;
    v->is_refused = !top;
    if (top) {
        object_walk(v, top, 0);
    }
    if (message) {
        g_object_unref(message);
    }
    g_object_unref(parser);
    g_object_unref(stream);
}

static void view_free(struct view *v)
{
    for (size_t i = 0; i < v->count; i++) {
        free((void *)(uintptr_t)v->nodes[i].bytes.p);
        free((void *)(uintptr_t)v->nodes[i].text.p);
    }
}

/* ---- comparing ---- */

enum difference { SAME, REFUSED, TREE, BYTES, TEXT };
static const char *const DIFFERENCE_NAMES[] = {"same", "refused", "tree", "bytes", "text"};

struct found {
    enum difference kind;
    size_t part; /* where */
    struct mail *m;
    const struct view *v;
};

static bool part_is_leaf(const struct mail *m, size_t i)
{
    return !part_is_multipart(&m->parts[i]) &&
           (i + 1 == m->part_count || m->parts[i + 1].parent != (int)i);
}

static struct found compare(struct mail *m, const struct view *v)
{
    struct found f = {.m = m, .v = v};
    if (v->is_refused) {
        f.kind = REFUSED;
        return f;
    }
    for (size_t i = 0; i < m->part_count && i < v->count; i++) {
        struct part *p = &m->parts[i];
        char type[128];
        (void)snprintf(type, sizeof type, "%.*s/%.*s", SLICE_ARG(p->type), SLICE_ARG(p->subtype));
        f.part = i;
        if (strcmp(type, v->nodes[i].type) != 0) {
            f.kind = TREE;
            return f;
        }
    }
    if (m->part_count != v->count) {
        f.kind = TREE;
        f.part = m->part_count < v->count ? m->part_count - 1 : v->count - 1;
        return f;
    }
    for (size_t i = 0; i < m->part_count; i++) {
        f.part = i;
        if (!part_is_leaf(m, i)) {
            continue;
        }
        if (!slice_eq(part_decode(m, &m->parts[i]), v->nodes[i].bytes)) {
            f.kind = BYTES;
            return f;
        }
        if (v->nodes[i].is_text && !slice_eq(part_text(m, &m->parts[i]), v->nodes[i].text)) {
            f.kind = TEXT;
            return f;
        }
    }
    return f;
}

/* ---- the classes ---- */

static bool quirk_in_tree(const struct found *f, uint64_t quirks)
{
    for (size_t i = 0; i < f->m->part_count; i++) {
        if (f->m->parts[i].quirks & quirks) {
            return true;
        }
    }
    return false;
}

static bool quirk_in_part(const struct found *f, uint64_t quirks)
{
    return f->m->parts[f->part].quirks & quirks;
}

/* Without U+FFFD, which we put for what GMime leaves out. */
static struct strbuf text_reduced(struct slice s)
{
    struct strbuf b = STRBUF_INIT;
    for (size_t i = 0; i < s.n;) {
        if (slice_starts(slice_sub(s, i, 3), S("\xef\xbf\xbd"))) {
            i += 3;
        } else {
            strbuf_add_byte(&b, s.p[i++]);
        }
    }
    return b;
}

static bool is_bad_bytes(const struct found *f)
{
    struct strbuf ours = text_reduced(part_text(f->m, &f->m->parts[f->part]));
    struct strbuf theirs = text_reduced(f->v->nodes[f->part].text);
    bool is_same = slice_eq(strbuf_slice(&ours), strbuf_slice(&theirs));
    strbuf_free(&ours);
    strbuf_free(&theirs);
    return is_same && quirk_in_part(f, QUIRK_BIT(CHARSET_BAD));
}

/* Does GLib agree that the bytes in `charset` are our text? */
static bool text_is(const struct found *f, const char *charset)
{
    struct slice bytes = f->v->nodes[f->part].bytes;
    struct slice ours = part_text(f->m, &f->m->parts[f->part]);
    gsize n = 0;
    char *text = g_convert(bytes.p, (gssize)bytes.n, "UTF-8", charset, NULL, &n, NULL);
    bool is_same = text && slice_eq(slice_of(text, n), ours);
    g_free(text);
    return is_same;
}

/* windows-1252 but for its five holes, which g_convert refuses. */
static bool text_is_cp1252(const struct found *f)
{
    struct slice bytes = f->v->nodes[f->part].bytes;
    for (size_t i = 0; i < bytes.n; i++) {
        if (slice_find_byte(S("\x81\x8d\x8f\x90\x9d"), bytes.p[i]) < 5) {
            return quirk_in_part(f, QUIRK_BIT(CHARSET_BAD));
        }
    }
    return text_is(f, "WINDOWS-1252");
}

static bool is_guess(const struct found *f)
{
    return quirk_in_part(f, QUIRK_BIT(CHARSET_BAD) | QUIRK_BIT(CHARSET_UNKNOWN)) &&
           (text_is(f, "UTF-8") || text_is_cp1252(f));
}

static bool is_nul(const struct found *f)
{
    struct slice bytes = f->v->nodes[f->part].bytes;
    return memchr(bytes.p, '\0', bytes.n) &&
           slice_starts(part_text(f->m, &f->m->parts[f->part]), f->v->nodes[f->part].text);
}

static bool is_junk(const struct found *f)
{
    return quirk_in_tree(f, QUIRK_BIT(HEADER_JUNK));
}

static bool is_no_header(const struct found *f)
{
    return f->m->parts[0].header.count == 0;
}

/* Lines end in CR alone, which GMime does not know. */
static bool is_bare_cr(const struct found *f)
{
    return !memchr(f->m->raw.p, '\n', f->m->raw.n) && memchr(f->m->raw.p, '\r', f->m->raw.n);
}

/* Does a part up to the one that differs have the field more than once? */
static bool is_repeated(const struct found *f, enum header_id id)
{
    for (size_t i = 0; i <= f->part; i++) {
        const struct header_block *h = &f->m->parts[i].header;
        size_t count = 0;
        for (size_t k = 0; k < h->count; k++) {
            count += h->fields[k].id == id;
        }
        if (count > 1) {
            return true;
        }
    }
    return false;
}

static bool is_type_repeated(const struct found *f)
{
    return is_repeated(f, HEADER_CONTENT_TYPE);
}

static bool is_cte_repeated(const struct found *f)
{
    return is_repeated(f, HEADER_CONTENT_TRANSFER_ENCODING);
}

static bool is_type_bad(const struct found *f)
{
    return quirk_in_tree(f, QUIRK_BIT(MIME_TYPE_BAD));
}

static bool is_limit(const struct found *f)
{
    return quirk_in_tree(f, QUIRK_BIT(MIME_DEPTH) | QUIRK_BIT(MIME_PARTS));
}

/* A boundary parameter of no characters, or with white space at its end. */
static bool is_odd_boundary(const struct found *f)
{
    for (size_t i = 0; i <= f->part; i++) {
        const struct header *type = header_find(&f->m->parts[i].header, HEADER_CONTENT_TYPE);
        struct slice b =
            type ? mime_parameter(type->value, S("boundary"), f->m->arena, NULL) : S("x");
        if (part_is_multipart(&f->m->parts[i]) && b.n != slice_trim(b).n) {
            return true;
        }
        if (part_is_multipart(&f->m->parts[i]) && !b.n && type &&
            slice_ifind(type->value, S("boundary")) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static bool is_base64(const struct found *f)
{
    return quirk_in_part(f, QUIRK_BIT(BASE64_BAD));
}

static bool is_uu(const struct found *f)
{
    return quirk_in_part(f, QUIRK_BIT(UU_BAD));
}

/* "=" with white space before the line's end. */
static bool is_qp_space(const struct found *f)
{
    const struct part *p = &f->m->parts[f->part];
    for (size_t i = 0; p->cte == CTE_QP && i + 1 < p->body.n; i++) {
        size_t k = i + 1;
        while (k < p->body.n && (p->body.p[k] == ' ' || p->body.p[k] == '\t')) {
            k++;
        }
        bool is_break = k == p->body.n || p->body.p[k] == '\n' || p->body.p[k] == '\r';
        if (p->body.p[i] == '=' && is_break &&
            (k > i + 1 || k == p->body.n || p->body.p[k] == '\r')) {
            return true;
        }
    }
    return false;
}

/* One byte more or less at the end. */
static bool is_last_byte(const struct found *f)
{
    struct slice ours = f->m->parts[f->part].decoded, theirs = f->v->nodes[f->part].bytes;
    return (theirs.n == ours.n + 1 && slice_starts(theirs, ours)) ||
           (ours.n == theirs.n + 1 && slice_starts(ours, theirs));
}

/* The two do not read the same boundary out of a field. */
static bool is_boundary_other(const struct found *f)
{
    for (size_t i = 0; i <= f->part && i < f->v->count; i++) {
        const struct part *p = &f->m->parts[i];
        if (part_is_multipart(p) && !slice_eq(p->boundary, slice_cstr(f->v->nodes[i].boundary))) {
            return true;
        }
    }
    return false;
}

static bool is_odd_byte(const struct found *f)
{
    return quirk_in_tree(f, QUIRK_BIT(HEADER_8BIT) | QUIRK_BIT(HEADER_UTF8) | QUIRK_BIT(NUL_BYTE));
}

/* We know the charset by that name, and GMime hands the bytes out as they are. */
static bool is_alias(const struct found *f)
{
    const struct node *n = &f->v->nodes[f->part];
    struct slice ours = part_text(f->m, &f->m->parts[f->part]);
    return slice_starts(n->bytes, n->text) && utf8_valid(ours) &&
           !quirk_in_part(f, QUIRK_BIT(CHARSET_UNKNOWN));
}

static bool is_cte_odd(const struct found *f)
{
    for (size_t i = 0; i <= f->part; i++) {
        const struct header *cte =
            header_find(&f->m->parts[i].header, HEADER_CONTENT_TRANSFER_ENCODING);
        for (size_t k = 0; cte && f->m->parts[i].cte <= CTE_UU && k < cte->value.n; k++) {
            if (slice_find_byte(S("\";("), cte->value.p[k]) < 3) {
                return true;
            }
        }
    }
    return false;
}

static bool is_latin1(const struct found *f)
{
    return text_is_cp1252(f) && !quirk_in_part(f, QUIRK_BIT(CHARSET_UNKNOWN));
}

/* Bytes that are not valid in the declared charset: each side finds its own way back. */
static bool is_resync(const struct found *f)
{
    const struct node *n = &f->v->nodes[f->part];
    return quirk_in_part(f, QUIRK_BIT(CHARSET_BAD)) && n->charset[0] && !text_is(f, n->charset) &&
           utf8_valid(part_text(f->m, &f->m->parts[f->part]));
}

/* The two do not read the same charset name out of the field. */
static bool is_charset_other(const struct found *f)
{
    return !slice_ieq(slice_cstr(f->v->nodes[f->part].charset), f->m->parts[f->part].charset);
}

static bool is_qp_bad(const struct found *f)
{
    return quirk_in_part(f, QUIRK_BIT(QP_BAD));
}

static bool is_cr_in_header(const struct found *f)
{
    return quirk_in_tree(f, QUIRK_BIT(BARE_CR));
}

static bool is_superset(const struct found *f)
{
    static const char *const SUPERSETS[] = {"GB18030", "BIG5-HKSCS", "EUC-JP-MS",
                                            "CP932",   "CP949",      "ISO-2022-JP-2"};
    for (size_t i = 0; i < sizeof SUPERSETS / sizeof SUPERSETS[0]; i++) {
        if (text_is(f, SUPERSETS[i])) {
            return true;
        }
    }
    return false;
}

static const struct class {
    const char *name;
    const char *why;
    enum difference kind;
    bool (*is_it)(const struct found *f);
} CLASSES[] = {
    {"no-lf", "lines end in CR alone: one endless line to GMime", REFUSED, is_bare_cr},
    {"no-lf", "the same", TREE, is_bare_cr},
    {"no-lf", "the same", BYTES, is_bare_cr},
    {"no-lf", "the same", TEXT, is_bare_cr},
    {"no-header", "GMime refuses a message without a field; to us it is text", REFUSED,
     is_no_header},
    {"junk-first", "GMime refuses a message whose first line is no field; we read on", REFUSED,
     is_junk},
    {"type-repeated", "the first Content-Type counts for us, the last one for GMime", TREE,
     is_type_repeated},
    {"type-repeated", "the same", BYTES, is_type_repeated},
    {"type-repeated", "the same", TEXT, is_type_repeated},
    {"type-bad",
     "a Content-Type that does not parse is text/plain (multipart/mixed when it says multipart) "
     "for us, application/octet-stream for GMime",
     TREE, is_type_bad},
    {"limit", "GMime has no limit of parts, and another one of depth", TREE, is_limit},
    {"junk", "GMime passes over any lines that are no fields; for us several begin the body", TREE,
     is_junk},
    {"junk", "the same", BYTES, is_junk},
    {"odd-boundary",
     "a boundary of no characters is none, and white space at its end is none of it (RFC 2046); "
     "GMime takes both as they are",
     TREE, is_odd_boundary},
    {"base64", "GMime stops at the first padding and drops an unpadded end; we go on", BYTES,
     is_base64},
    {"uu", "broken uuencoding: we keep what whole characters say, GMime stops or fills up", BYTES,
     is_uu},
    {"qp-soft-space",
     "white space between = and the line's end is to be ignored (RFC 2045 6.7 rule 3); GMime keeps "
     "the =, and a CR alone or the end of the data after it",
     BYTES, is_qp_space},
    {"qp-bad", "a broken escape: we go on after the =, GMime after the two bytes that follow it",
     BYTES, is_qp_bad},
    {"odd-boundary", "the same", BYTES, is_odd_boundary},
    {"cr-in-header", "GMime drops a bare CR in a field, for us it is a byte of the value", TREE,
     is_cr_in_header},
    {"cr-in-header", "the same, in the name of an encoding", BYTES, is_cr_in_header},
    {"parameter", "GMime gives up at the first broken parameter, we go on to the next", TREE,
     is_boundary_other},
    {"odd-byte",
     "8-bit and NUL bytes end a type for us; GMime keeps the one and stops at the other", TREE,
     is_odd_byte},
    {"line-end",
     "GMime takes the break before a delimiter to be like the one after it; where lines end in "
     "both ways that is a byte too many or too few",
     BYTES, is_last_byte},
    {"cte-repeated", "the first Content-Transfer-Encoding counts for us, the last one for GMime",
     BYTES, is_cte_repeated},
    {"cte-odd", "the same", TREE, is_cte_odd},
    {"cte-odd", "GMime does not know an encoding in quotes, or with ; or a comment right after it",
     BYTES, is_cte_odd},
    {"bad-bytes", "we put U+FFFD where GMime leaves bytes out that its charset does not have", TEXT,
     is_bad_bytes},
    {"charset-guess",
     "8-bit text under us-ascii, no or an unknown charset is UTF-8 when valid, else windows-1252; "
     "GMime passes it on or empties it",
     TEXT, is_guess},
    {"latin1", "ISO-8859-1 is windows-1252, as in all clients; GMime makes control characters",
     TEXT, is_latin1},
    {"superset", "a charset's superset is taken, as senders mislabel", TEXT, is_superset},
    {"charset-parameter",
     "a parameter without \";\" before it, or with odd bytes: GMime reads another name", TEXT,
     is_charset_other},
    {"alias", "a spelling of a charset's name that GMime does not know", TEXT, is_alias},
    {"resync", "after bytes that the charset does not have each side finds its own way back", TEXT,
     is_resync},
    {"nul", "GMime's text is a C string, ours goes on after a NUL", TEXT, is_nul},
};
enum { CLASS_COUNT = sizeof CLASSES / sizeof CLASSES[0] };

/* ---- the run ---- */

static size_t class_counts[CLASS_COUNT], same_count, message_count, unexplained_count;

static void difference_show(const struct found *f, const char *name)
{
    print_message("# unexplained %s at part %zu of %s\n", DIFFERENCE_NAMES[f->kind], f->part, name);
    for (size_t i = 0; i < f->m->part_count || i < f->v->count; i++) {
        const struct part *p = i < f->m->part_count ? &f->m->parts[i] : NULL;
        print_message("#   %.*s/%.*s (%zu) | %s (%zu)\n", p ? (int)p->type.n : 1,
                      p ? p->type.p : "-", p ? (int)p->subtype.n : 1, p ? p->subtype.p : "-",
                      p ? p->decoded.n : 0, i < f->v->count ? f->v->nodes[i].type : "-",
                      i < f->v->count ? f->v->nodes[i].bytes.n : 0);
    }
    const char *folder = getenv("ORACLE_KEEP"); /* for a look by hand */
    if (folder) {
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%zu-%s", folder, message_count,
                       DIFFERENCE_NAMES[f->kind]);
        FILE *out = fopen(path, "wb");
        if (out) {
            (void)fwrite(f->m->raw.p, 1, f->m->raw.n, out);
            (void)fclose(out);
        }
    }
}

static void message_check(struct slice raw, const char *name)
{
    static struct view v;
    static struct arena *arena;
    arena = arena ? arena : arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    assert_non_null(arena);
    struct mail m;
    arena_reset(arena);
    assert_int_equal(mail_parse(&m, raw, arena), OK);
    view_read(&v, raw);
    struct found f = compare(&m, &v);
    message_count++;
    size_t c = 0;
    if (f.kind == SAME) {
        same_count++;
    } else {
        while (c < CLASS_COUNT && (CLASSES[c].kind != f.kind || !CLASSES[c].is_it(&f))) {
            c++;
        }
        if (c < CLASS_COUNT) {
            class_counts[c]++;
        } else if (unexplained_count++ < UNEXPLAINED_SHOWN || getenv("ORACLE_KEEP")) {
            difference_show(&f, name);
        }
    }
    view_free(&v);
}

static void counts_start(void)
{
    memset(class_counts, 0, sizeof class_counts);
    same_count = message_count = unexplained_count = 0;
}

static void counts_end(const char *what)
{
    print_message("# %s: %zu messages, %zu the same\n", what, message_count, same_count);
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        if (class_counts[i]) {
            print_message("#   %6zu %s: %s\n", class_counts[i], CLASSES[i].name, CLASSES[i].why);
        }
    }
    assert_int_equal(unexplained_count, 0);
}

static void samples_agree(void **state)
{
    (void)state;
    static struct golden samples[GOLDEN_MAX];
    size_t count = golden_load(samples);
    assert_true(count > 50);
    counts_start();
    for (size_t i = 0; i < count; i++) {
        message_check(samples[i].in, samples[i].name);
        free((void *)(uintptr_t)samples[i].in.p);
    }
    counts_end("samples");
}

/* ---- mutations ---- */

static uint64_t random_state;

static size_t random_below(size_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return n ? (size_t)(random_state % n) : 0;
}

/* Takes `cut` bytes out at `at` and puts `in` there. */
static void bytes_splice(struct strbuf *b, size_t at, size_t cut, struct slice in)
{
    struct strbuf out = STRBUF_INIT;
    struct slice s = strbuf_slice(b);
    strbuf_add(&out, slice_sub(s, 0, at));
    strbuf_add(&out, in);
    strbuf_add(&out, slice_sub(s, at + cut, SIZE_MAX));
    assert_false(out.failed);
    strbuf_free(b);
    *b = out;
}

static size_t line_start(struct slice s, size_t at)
{
    while (at && s.p[at - 1] != '\n') {
        at--;
    }
    return at;
}

static void message_mutate(struct strbuf *b)
{
    static const struct slice LINES[] = {
        SLICE("stray line\n"),
        SLICE("--b\n"),
        SLICE("--b--\n"),
        SLICE("--\n"),
        SLICE("\n"),
        SLICE(" folded\n"),
        SLICE("X-Odd : value\n"),
        SLICE("Content-Transfer-Encoding: base64\n"),
        SLICE("Content-Transfer-Encoding: quoted-printable\n"),
        SLICE("Content-Type: text/html; charset=utf-8\n"),
        SLICE("Content-Type: multipart/mixed; boundary=b\n"),
        SLICE("Content-Type: message/rfc822\n"),
        SLICE("From x@example.com Fri Oct  1 12:34:56 2010\n"),
    };
    static const struct slice BYTES_IN[] = {SLICE("="),    SLICE("\r"),   SLICE("-"),
                                            SLICE("\xe9"), SLICE("\n\n"), SLICE("\""),
                                            SLICE(";"),    SLICE("="),    SLICE("\0")};
    struct slice s = strbuf_slice(b);
    size_t at = random_below(s.n), line = line_start(s, at);
    size_t line_bytes = slice_find_byte(slice_sub(s, line, SIZE_MAX), '\n') + 1;
    switch (random_below(7)) {
    case 0: /* a line comes in */
        bytes_splice(b, line, 0, LINES[random_below(sizeof LINES / sizeof LINES[0])]);
        break;
    case 1: /* a line is lost */
        bytes_splice(b, line, line_bytes, slice_of(NULL, 0));
        break;
    case 2: /* a byte is lost */
        bytes_splice(b, at, 1, slice_of(NULL, 0));
        break;
    case 3: /* bytes come in */
        bytes_splice(b, at, 0, BYTES_IN[random_below(sizeof BYTES_IN / sizeof BYTES_IN[0])]);
        break;
    case 4: /* the end is lost */
        bytes_splice(b, at, SIZE_MAX, slice_of(NULL, 0));
        break;
    case 5: { /* a line comes twice */
        struct strbuf twice = STRBUF_INIT;
        strbuf_add(&twice, slice_sub(s, line, line_bytes));
        bytes_splice(b, line, 0, strbuf_slice(&twice));
        strbuf_free(&twice);
        break;
    }
    default: { /* a boundary is damaged */
        size_t dashes = slice_find(slice_sub(s, at, SIZE_MAX), S("\n--"));
        if (dashes != SIZE_MAX) {
            bytes_splice(b, at + dashes + 1 + random_below(4), random_below(2),
                         random_below(2) ? S("-") : S(" "));
        }
        break;
    }
    }
}

static void mutations_agree(void **state)
{
    (void)state;
    static struct golden samples[GOLDEN_MAX];
    size_t count = golden_load(samples);
    const char *seed = getenv("ORACLE_SEED"); /* another walk, by hand */
    random_state = seed ? strtoull(seed, NULL, 10) : UINT64_C(20101001);
    counts_start();
    for (size_t i = 0; i < count; i++) {
        for (int k = 0; k < MUTATIONS_EACH; k++) {
            struct strbuf b = STRBUF_INIT;
            strbuf_add(&b, samples[i].in);
            for (size_t times = 1 + random_below(3); times && b.n; times--) {
                message_mutate(&b);
            }
            message_check(strbuf_slice(&b), samples[i].name);
            strbuf_free(&b);
        }
        free((void *)(uintptr_t)samples[i].in.p);
    }
    counts_end("mutations");
}

/* ---- real mail ---- */

/* The messages of an mbox, or the file as one message. */
static int file_check(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)ftw;
    if (kind != FTW_F || !st->st_size || strstr(path, ".mmdb")) {
        return 0;
    }
    struct slice all = file_read(path), rest = all;
    if (!slice_starts(rest, S("From "))) {
        message_check(rest, path);
    }
    while (slice_starts(rest, S("From "))) {
        (void)slice_cut(&rest, '\n');
        size_t at = slice_find(rest, S("\n\nFrom "));
        message_check(slice_sub(rest, 0, at == SIZE_MAX ? SIZE_MAX : at + 1), path);
        rest = slice_sub(rest, at == SIZE_MAX ? rest.n : at + 2, SIZE_MAX);
    }
    free((void *)(uintptr_t)all.p);
    return 0;
}

static int file_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void real_mail_agrees(void **state)
{
    (void)state;
    const char *root = getenv("SOURCE_ROOT");
    const char *given = getenv("SPAMGAUGE_DATA");
    char data[1024], work[] = "/tmp/oracle_test.XXXXXX", command[4096];
    (void)snprintf(data, sizeof data, "%s/../shared/data", root ? root : ".");
    if (access(given ? given : data, R_OK) != 0) {
        print_message("# no ../shared/data here: the comparison over real mail is left out\n");
        skip();
    }
    assert_non_null(mkdtemp(work));
    (void)snprintf(
        command, sizeof command,
        "for f in '%s'/*.tar.zst; do zstd -dqc --long=27 \"$f\" | tar -xf - -C '%s'; done",
        given ? given : data, work);
    counts_start();
    int status = system(command); /* NOLINT(cert-env33-c): the test's own command */
    if (status == 0) {
        assert_int_equal(nftw(work, file_check, 16, FTW_PHYS), 0);
    }
    assert_int_equal(nftw(work, file_remove, 16, FTW_PHYS | FTW_DEPTH), 0);
    assert_int_equal(status, 0);
    assert_true(message_count > 100);
    counts_end("real mail");
}

int main(void)
{
    g_mime_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_agree),
        cmocka_unit_test(mutations_agree),
        cmocka_unit_test(real_mail_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
