/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libfyaml's events into a tree. Everything that could surprise a reader of a rule file (anchors,
 * aliases, tags, merge keys) is refused here, so the checker sees plain data only. */
#include "core/yaml.h"

#include "core/limits.h"
#include "core/utf8.h"

#include <libfyaml.h>

struct reader {
    struct fy_parser *parser;
    struct arena *arena;
    struct findings *to;
    unsigned lines; /* of the text: positions are kept inside it */
    bool failed;
};

static bool reader_refuse(struct reader *r, const struct fy_mark *at, const char *text)
{
    unsigned line = at ? (unsigned)at->line + 1 : 1;
    finding_add(r->to, FINDING_ERROR, line < r->lines ? line : r->lines,
                at ? (unsigned)at->column + 1 : 1, "%s", text);
    r->failed = true;
    return false;
}

/* Bytes that YAML does not allow, told before the parser sees them. */
static bool text_is_clean(struct slice text, struct findings *to)
{
    unsigned line = 1;
    size_t start = 0;
    for (size_t i = 0; i < text.n;) {
        unsigned char c = (unsigned char)text.p[i];
        size_t step = c < 0x80 ? 1 : utf8_sequence(slice_sub(text, i, 4), NULL);
        if (step == 0) {
            finding_add(to, FINDING_ERROR, line, (unsigned)(i - start) + 1, "this is not UTF-8");
            return false;
        }
        bool is_line_end = c == '\n' || (c == '\r' && i + 1 < text.n && text.p[i + 1] == '\n');
        if ((c < 0x20 && c != '\t' && !is_line_end) || c == 0x7f) {
            finding_add(to, FINDING_ERROR, line, (unsigned)(i - start) + 1,
                        "control byte 0x%02x; write it as an escape in double quotes", c);
            return false;
        }
        i += step;
        if (c == '\n') {
            line++;
            start = i;
        }
    }
    return true;
}

static struct fy_event *reader_next(struct reader *r)
{
    return r->failed ? NULL : fy_parser_parse(r->parser);
}

static bool event_is_plain_data(struct reader *r, struct fy_event *e)
{
    struct fy_token *anchor = NULL, *tag = NULL;
    switch (e->type) {
    case FYET_ALIAS:
        return reader_refuse(r, fy_event_start_mark(e), "aliases are not allowed here");
    case FYET_SCALAR:
        anchor = e->scalar.anchor;
        tag = e->scalar.tag;
        break;
    case FYET_SEQUENCE_START:
        anchor = e->sequence_start.anchor;
        tag = e->sequence_start.tag;
        break;
    case FYET_MAPPING_START:
        anchor = e->mapping_start.anchor;
        tag = e->mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor) {
        /* The token begins after its '&'. */
        const struct fy_mark *at = fy_token_start_mark(anchor);
        struct fy_mark sign = at ? *at : (struct fy_mark){0};
        sign.column -= sign.column > 0;
        return reader_refuse(r, &sign, "anchors are not allowed here");
    }
    if (tag) {
        return reader_refuse(r, fy_token_start_mark(tag), "tags are not allowed here");
    }
    return true;
}

static struct yaml_node *node_new(struct reader *r, struct fy_event *e, enum yaml_kind kind)
{
    const struct fy_mark *at = fy_event_start_mark(e);
    struct yaml_node *n = arena_calloc(r->arena, 1, sizeof *n);
    if (!n) {
        r->to->is_exhausted = r->failed = true;
        return NULL;
    }
    n->kind = kind;
    n->line = at && (unsigned)at->line < r->lines ? (unsigned)at->line + 1 : r->lines;
    n->column = at && at->column >= 0 ? (unsigned)at->column + 1 : 1;
    return n;
}

static struct yaml_node *node_scalar(struct reader *r, struct fy_event *e)
{
    struct yaml_node *n = node_new(r, e, YAML_SCALAR);
    if (!n || !e->scalar.value) {
        if (n) {
            n->is_plain = true;
            n->text = S("");
        }
        return n;
    }
    size_t length = 0;
    const char *text = fy_token_get_text(e->scalar.value, &length);
    enum fy_scalar_style style = fy_token_scalar_style(e->scalar.value);
    n->is_plain = style == FYSS_PLAIN;
    n->is_quoted = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
    n->text = text ? arena_copy(r->arena, slice_of(text, length)) : S("");
    if (!n->text.p) {
        r->to->is_exhausted = r->failed = true;
        return NULL;
    }
    return n;
}

static struct yaml_node *reader_node(struct reader *r, struct fy_event *e, unsigned depth);

static void map_check_key(struct reader *r, const struct yaml_node *map,
                          const struct yaml_node *key)
{
    if (key->kind != YAML_SCALAR) {
        finding_add(r->to, FINDING_ERROR, key->line, key->column, "a key must be one word");
        r->failed = true;
        return;
    }
    if (key->is_plain && slice_eq(key->text, S("<<"))) {
        finding_add(r->to, FINDING_ERROR, key->line, key->column,
                    "merge keys are not allowed here");
        r->failed = true;
        return;
    }
    for (const struct yaml_node *at = map->first; at; at = at->next) {
        if (slice_eq(at->key->text, key->text)) {
            finding_add(r->to, FINDING_ERROR, key->line, key->column,
                        "duplicate key '%.*s', first in line %u", SLICE_ARG(key->text),
                        at->key->line);
            r->failed = true;
            return;
        }
    }
}

/* The children up to the end event of a list or map that has begun. */
static void reader_children(struct reader *r, struct yaml_node *parent, unsigned depth)
{
    struct yaml_node **tail = &parent->first;
    struct yaml_node *key = NULL;
    for (;;) {
        struct fy_event *e = reader_next(r);
        if (!e) {
            r->failed = true;
            return;
        }
        if (e->type == FYET_SEQUENCE_END || e->type == FYET_MAPPING_END) {
            fy_parser_event_free(r->parser, e);
            return;
        }
        struct yaml_node *n = reader_node(r, e, depth + 1);
        if (!n) {
            return;
        }
        if (parent->kind == YAML_MAP && !key) {
            map_check_key(r, parent, n);
            key = n;
            continue;
        }
        if (parent->count++ == LIMIT_RULE_ATOMS) {
            finding_add(r->to, FINDING_ERROR, n->line, n->column, "more than %d entries",
                        LIMIT_RULE_ATOMS);
            r->failed = true;
            return;
        }
        if (key && n->kind == YAML_SCALAR && n->is_plain && n->text.n == 0) {
            /* An absent value has no place of its own: libfyaml puts it at the next token. */
            n->line = key->line;
            n->column = key->column;
        }
        n->key = key;
        key = NULL;
        *tail = n;
        tail = &n->next;
    }
}

/* Takes the event. */
static struct yaml_node *reader_node(struct reader *r, struct fy_event *e, unsigned depth)
{
    struct yaml_node *n = NULL;
    if (!event_is_plain_data(r, e)) {
        fy_parser_event_free(r->parser, e);
        return NULL;
    }
    if (depth > LIMIT_RULE_DEPTH) {
        reader_refuse(r, fy_event_start_mark(e), "nested too deep");
        fy_parser_event_free(r->parser, e);
        return NULL;
    }
    if (e->type == FYET_SCALAR) {
        n = node_scalar(r, e);
        fy_parser_event_free(r->parser, e);
        return n;
    }
    bool is_map = e->type == FYET_MAPPING_START;
    if (is_map || e->type == FYET_SEQUENCE_START) {
        n = node_new(r, e, is_map ? YAML_MAP : YAML_LIST);
    } else {
        reader_refuse(r, fy_event_start_mark(e), "unexpected end");
    }
    fy_parser_event_free(r->parser, e);
    if (n) {
        reader_children(r, n, depth);
    }
    return r->failed ? NULL : n;
}

static struct yaml_node *reader_document(struct reader *r)
{
    struct yaml_node *root = NULL;
    struct fy_event *e;
    while ((e = reader_next(r))) {
        enum fy_event_type type = e->type;
        if (type == FYET_DOCUMENT_START && root) {
            const struct fy_mark *at = fy_event_start_mark(e);
            reader_refuse(r, at, "a second document; a file holds one rule");
        }
        if (type == FYET_STREAM_START || type == FYET_STREAM_END || type == FYET_DOCUMENT_START ||
            type == FYET_DOCUMENT_END) {
            fy_parser_event_free(r->parser, e);
            if (type == FYET_STREAM_END) {
                return root;
            }
            continue;
        }
        root = reader_node(r, e, 0);
        if (!root) {
            return NULL;
        }
    }
    return NULL;
}

/* What libfyaml has to say, first error only: the others follow from it. */
static void reader_report(struct reader *r, struct fy_diag *diag)
{
    void *iterator = NULL;
    const struct fy_diag_error *error = diag ? fy_diag_errors_iterate(diag, &iterator) : NULL;
    unsigned line = error && error->line > 0 ? (unsigned)error->line : 1;
    unsigned column = error && error->column > 0 ? (unsigned)error->column : 1;
    finding_add(r->to, FINDING_ERROR, line < r->lines ? line : r->lines, column, "YAML: %s",
                error && error->msg ? error->msg : "cannot be read");
}

/* libfyaml would print some of its errors to stderr; they are collected anyway. */
static void output_ignore(struct fy_diag *diag, void *user, const char *buf, size_t n)
{
    (void)diag;
    (void)user;
    (void)buf;
    (void)n;
}

static unsigned line_count(struct slice text)
{
    unsigned lines = 1;
    for (size_t i = 0; i < text.n; i++) {
        lines += text.p[i] == '\n';
    }
    return lines;
}

struct yaml_node *yaml_read(struct slice text, struct arena *arena, struct findings *to)
{
    struct reader r = {.arena = arena, .to = to, .lines = line_count(text)};
    struct yaml_node *root = NULL;
    struct fy_diag_cfg diag_cfg;
    struct fy_diag *diag = NULL;
    size_t errors = to->errors;

    if (text.n > LIMIT_RULE_FILE_BYTES) {
        finding_add(to, FINDING_ERROR, 1, 1, "a rule file has at most %d bytes, this one %zu",
                    LIMIT_RULE_FILE_BYTES, text.n);
        return NULL;
    }
    if (!text_is_clean(text, to)) {
        return NULL;
    }
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.output_fn = output_ignore;
    diag_cfg.level = FYET_ERROR;
    diag_cfg.colorize = false;
    diag = fy_diag_create(&diag_cfg);
    if (diag) {
        fy_diag_set_collect_errors(diag, true);
    }
    const struct fy_parse_cfg cfg = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 |
                 FYPCF_ALLOW_DUPLICATE_KEYS | FYPCF_JSON_NONE | FYPCF_DISABLE_RECYCLING,
        .diag = diag,
    };
    r.parser = fy_parser_create(&cfg);
    if (!diag || !r.parser || fy_parser_set_string(r.parser, text.p ? text.p : "", text.n) != 0) {
        to->is_exhausted = true;
        goto done;
    }
    root = reader_document(&r);
    if (r.failed) {
        root = NULL;
    }
    if (!root && to->errors == errors && !to->is_exhausted) {
        if (fy_diag_got_error(diag)) {
            reader_report(&r, diag);
        } else {
            finding_add(to, FINDING_ERROR, 1, 1, "the file holds no rule");
        }
    }
done:
    fy_parser_destroy(r.parser);
    fy_diag_destroy(diag);
    return root;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    for (const struct yaml_node *at = map->first; at; at = at->next) {
        if (slice_eq(at->key->text, slice_cstr(key))) {
            return at;
        }
    }
    return NULL;
}
