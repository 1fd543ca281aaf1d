/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A persona file into tables. Every key must be there: a text left to chance would give the trap
 * away. */
#include "smtp/persona.h"

#include "core/limits.h"
#include "core/yaml.h"
#include "smtp/persona_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { PERSONA_ARENA_BYTES = 1024 * 1024 };

struct ehlo_line {
    struct persona_text text;
    unsigned extension; /* bit of enum smtp_extension; 0: always said */
};

struct persona {
    struct arena *arena;
    struct persona_traits traits;
    const char *id_form;
    struct ehlo_line ehlo[LIMIT_PERSONA_EHLO_LINES];
    size_t ehlo_count;
    struct persona_text replies[REPLY_COUNT];
};

static const struct {
    const char *name;
    char class;
} REPLIES[REPLY_COUNT] = {
#define REPLY(id, name, class, doc) [REPLY_##id] = {name, class},
#include "smtp/reply.def"
#undef REPLY
};

static const struct {
    struct slice name;
    unsigned bit;
} EXTENSIONS[] = {
    {SLICE("PIPELINING"), EXTENSION_PIPELINING},
    {SLICE("SIZE"), EXTENSION_SIZE},
    {SLICE("8BITMIME"), EXTENSION_8BITMIME},
    {SLICE("STARTTLS"), EXTENSION_STARTTLS},
    {SLICE("AUTH"), EXTENSION_AUTH},
    {SLICE("AUTH=LOGIN"), EXTENSION_AUTH},
    {SLICE("CHUNKING"), EXTENSION_CHUNKING},
    {SLICE("SMTPUTF8"), EXTENSION_SMTPUTF8},
    {SLICE("DSN"), EXTENSION_DSN},
};

static const struct {
    const char *name, *form;
} QUEUE_IDS[] = {
#define QUEUE_ID(id, name, form) {name, form},
#include "smtp/queue_id.def"
#undef QUEUE_ID
};

/* The file's keys in the order of docs/personas.md. */
static const char *const KEYS[] = {
    "persona",           "title",    "references", "command_lines", "data_lines", "helo_required",
    "brackets_required", "queue_id", "delays_ms",  "ehlo",          "replies",    NULL};

struct reader {
    struct persona *p;
    struct findings *to;
};

static void reader_error(struct reader *r, const struct yaml_node *at, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void reader_error(struct reader *r, const struct yaml_node *at, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    finding_add(r->to, FINDING_ERROR, at->line, at->column, "%s", text);
}

static const struct yaml_node *need(struct reader *r, const struct yaml_node *map, const char *key,
                                    enum yaml_kind kind)
{
    const struct yaml_node *n = yaml_get(map, key);
    if (!n) {
        finding_add(r->to, FINDING_ERROR, map->line, map->column, "'%s' is missing", key);
        return NULL;
    }
    if (n->kind != kind) {
        static const char *const KINDS[] = {
            [YAML_SCALAR] = "one value", [YAML_LIST] = "a list", [YAML_MAP] = "a mapping"};
        reader_error(r, n, "'%s' must be %s", key, KINDS[kind]);
        return NULL;
    }
    return n;
}

static void check_keys(struct reader *r, const struct yaml_node *map, const char *const *known)
{
    for (const struct yaml_node *n = map->first; n; n = n->next) {
        size_t i = 0;
        while (known[i] && !slice_eq(n->key->text, slice_cstr(known[i]))) {
            i++;
        }
        if (!known[i]) {
            const char *near = name_near(n->key->text, known);
            reader_error(r, n->key, "unknown key '%.*s'%s%s", SLICE_ARG(n->key->text),
                         near ? "; did you mean " : "", near ? near : "");
        }
    }
}

/* Which of `choices` (NULL ends them); 0 after a finding. */
static unsigned choice(struct reader *r, const struct yaml_node *map, const char *key,
                       const char *const *choices)
{
    const struct yaml_node *n = need(r, map, key, YAML_SCALAR);
    for (unsigned i = 0; n && choices[i]; i++) {
        if (slice_eq(n->text, slice_cstr(choices[i]))) {
            return i;
        }
    }
    if (n) {
        reader_error(r, n, "'%.*s' is none of the values it may have", SLICE_ARG(n->text));
    }
    return 0;
}

static uint32_t milliseconds(struct reader *r, const struct yaml_node *map, const char *key)
{
    enum { MS_MAX = 120000 }; /* clients give up after minutes */
    const struct yaml_node *n = need(r, map, key, YAML_SCALAR);
    uint64_t v = 0;
    if (n && (!slice_to_u64(n->text, &v) || v > MS_MAX)) {
        reader_error(r, n, "'%.*s' is not a number of milliseconds up to 120000",
                     SLICE_ARG(n->text));
        v = 0;
    }
    return (uint32_t)v;
}

static bool compile(struct reader *r, const struct yaml_node *n, struct slice text,
                    struct persona_text *out)
{
    struct slice bad;
    if (persona_text_compile(text, r->p->arena, out, &bad)) {
        return true;
    }
    if (bad.n > 0) {
        reader_error(r, n, "'%.*s' is no word that can stand in braces", SLICE_ARG(bad));
    } else {
        r->to->is_exhausted = true;
    }
    return false;
}

/* "250 a\nb" becomes "250-a\r\n250 b\r\n". */
static bool reply_lines(struct slice text, unsigned *code, struct strbuf *out)
{
    struct slice digits = slice_sub(text, 0, 3);
    uint64_t v = 0;
    if (!slice_to_u64(digits, &v) || v < 200 || v > 599 || text.n < 4 || text.p[3] != ' ') {
        return false;
    }
    *code = (unsigned)v;
    text = slice_sub(text, 4, text.n);
    while (text.n > 0 && text.p[text.n - 1] == '\n') {
        text.n--;
    }
    while (text.n > 0) {
        struct slice line = slice_cut(&text, '\n');
        strbuf_add(out, digits);
        strbuf_add_byte(out, text.n > 0 ? '-' : ' ');
        strbuf_add(out, line);
        strbuf_add(out, S("\r\n"));
    }
    return out->n > 0;
}

static void read_reply(struct reader *r, enum reply_id id, const struct yaml_node *replies)
{
    const struct yaml_node *n = need(r, replies, REPLIES[id].name, YAML_SCALAR);
    struct strbuf lines = STRBUF_INIT;
    struct persona_text *to = &r->p->replies[id];
    unsigned code = 0;
    if (!n) {
        return;
    }
    unsigned class = (unsigned)REPLIES[id].class;
    if (n->text.n > LIMIT_PERSONA_REPLY_BYTES) {
        reader_error(r, n, "more than %d bytes in a reply", LIMIT_PERSONA_REPLY_BYTES);
    } else if (!reply_lines(n->text, &code, &lines)) {
        reader_error(r, n, "'%.*s' does not begin with a reply code, a blank and a text",
                     SLICE_ARG(n->text));
    } else if (class && code / 100 != class) {
        reader_error(r, n, "'%.*s' has a code of the wrong class", SLICE_ARG(n->text));
    } else if (compile(r, n, strbuf_slice(&lines), to)) {
        to->code = code;
    }
    r->to->is_exhausted |= lines.failed;
    strbuf_free(&lines);
}

static void read_replies(struct reader *r, const struct yaml_node *root)
{
    const char *names[REPLY_COUNT + 1] = {NULL};
    const struct yaml_node *replies = need(r, root, "replies", YAML_MAP);
    if (!replies) {
        return;
    }
    for (enum reply_id id = 0; id < REPLY_COUNT; id++) {
        names[id] = REPLIES[id].name;
        read_reply(r, id, replies);
    }
    check_keys(r, replies, names);
}

static void read_ehlo(struct reader *r, const struct yaml_node *root)
{
    const struct yaml_node *list = need(r, root, "ehlo", YAML_LIST);
    struct persona *p = r->p;
    for (const struct yaml_node *n = list ? list->first : NULL; n; n = n->next) {
        if (n->kind != YAML_SCALAR || slice_find_byte(n->text, '\n') < n->text.n) {
            reader_error(r, n, "a line of the EHLO reply must be one line of text");
            continue;
        }
        if (p->ehlo_count == LIMIT_PERSONA_EHLO_LINES) {
            reader_error(r, n, "'%.*s': too many lines in an EHLO reply", SLICE_ARG(n->text));
            return;
        }
        struct ehlo_line *line = &p->ehlo[p->ehlo_count];
        struct slice rest = n->text, keyword = slice_cut(&rest, ' ');
        for (size_t i = 0; p->ehlo_count > 0 && i < sizeof EXTENSIONS / sizeof *EXTENSIONS; i++) {
            if (slice_ieq(keyword, EXTENSIONS[i].name)) {
                line->extension = EXTENSIONS[i].bit;
                p->traits.extensions |= EXTENSIONS[i].bit;
            }
        }
        p->ehlo_count += compile(r, n, n->text, &line->text);
    }
    if (list && p->ehlo_count == 0) {
        reader_error(r, list, "'ehlo' needs a first line, the greeting");
    }
}

static void read_id_form(struct reader *r, const struct yaml_node *root)
{
    enum { FORMS = sizeof QUEUE_IDS / sizeof *QUEUE_IDS };
    const char *names[FORMS + 1] = {NULL};
    for (size_t i = 0; i < FORMS; i++) {
        names[i] = QUEUE_IDS[i].name;
    }
    r->p->id_form = QUEUE_IDS[choice(r, root, "queue_id", names)].form;
}

static void read_delays(struct reader *r, const struct yaml_node *root)
{
    static const char *const NAMES[] = {"banner", "reply", "error", NULL};
    const struct yaml_node *delays = need(r, root, "delays_ms", YAML_MAP);
    if (delays) {
        check_keys(r, delays, NAMES);
        r->p->traits.banner_ms = milliseconds(r, delays, NAMES[0]);
        r->p->traits.reply_ms = milliseconds(r, delays, NAMES[1]);
        r->p->traits.error_ms = milliseconds(r, delays, NAMES[2]);
    }
}

static void read_root(struct reader *r, const struct yaml_node *root)
{
    static const char *const LINE_RULES[] = {"lf", "crlf", NULL};
    static const char *const BODY_RULES[] = {"lf", "crlf", "refuse", NULL};
    static const char *const BOOLEANS[] = {"false", "true", NULL};
    struct persona *p = r->p;
    check_keys(r, root, KEYS);
    const struct yaml_node *name = need(r, root, "persona", YAML_SCALAR);
    if (name) {
        p->traits.name = arena_copy(p->arena, name->text);
        if (name->text.n == 0 || name->text.n > 64) {
            reader_error(r, name, "'%.*s' is no name", SLICE_ARG(name->text));
        }
    }
    need(r, root, "title", YAML_SCALAR);
    p->traits.line_rule = (enum line_rule)choice(r, root, "command_lines", LINE_RULES);
    p->traits.body_rule = (enum body_rule)choice(r, root, "data_lines", BODY_RULES);
    p->traits.needs_helo = choice(r, root, "helo_required", BOOLEANS);
    p->traits.needs_brackets = choice(r, root, "brackets_required", BOOLEANS);
    read_id_form(r, root);
    read_delays(r, root);
    read_ehlo(r, root);
    read_replies(r, root);
}

struct persona *persona_read(struct slice text, struct findings *to)
{
    struct persona *p = calloc(1, sizeof *p);
    struct arena *scratch = arena_new(PERSONA_ARENA_BYTES);
    size_t errors = to->errors;
    if (p) {
        p->arena = arena_new(PERSONA_ARENA_BYTES);
    }
    if (!p || !scratch || !p->arena) {
        to->is_exhausted = true;
        goto done;
    }
    const struct yaml_node *root = yaml_read(text, scratch, to);
    if (root && root->kind != YAML_MAP) {
        finding_add(to, FINDING_ERROR, root->line, root->column, "a persona is a mapping");
    } else if (root) {
        read_root(&(struct reader){p, to}, root);
    }
done:
    arena_free(scratch);
    if (to->errors > errors || to->is_exhausted) {
        persona_free(p);
        return NULL;
    }
    return p;
}

enum err persona_load(const char *path, struct persona **out, struct errbuf *eb)
{
    struct arena *arena = arena_new(PERSONA_ARENA_BYTES);
    struct findings findings = {.arena = arena, .file = path};
    char *text = malloc(LIMIT_RULE_FILE_BYTES + 1);
    FILE *f = fopen(path, "rb");
    enum err e = OK;
    if (!arena || !text) {
        e = ERR_NOMEM;
    } else if (!f) {
        e = err_at(eb, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, path, 0, 0, "%s", strerror(errno));
    } else {
        size_t n = fread(text, 1, LIMIT_RULE_FILE_BYTES + 1, f);
        struct persona *p = ferror(f) ? NULL : persona_read(slice_of(text, n), &findings);
        if (p) {
            *out = p;
        } else if (findings.count > 0) {
            e = err_at(eb, ERR_CONFIG, path, findings.items[0].line, findings.items[0].column, "%s",
                       findings.items[0].text);
        } else {
            e = ferror(f) ? err_at(eb, ERR_IO, path, 0, 0, "cannot be read") : ERR_NOMEM;
        }
    }
    if (f) {
        fclose(f);
    }
    findings_free(&findings);
    free(text);
    arena_free(arena);
    return e;
}

void persona_free(struct persona *p)
{
    if (p) {
        arena_free(p->arena);
        free(p);
    }
}

const struct persona_traits *persona_traits(const struct persona *p)
{
    return &p->traits;
}

unsigned persona_reply(const struct persona *p, enum reply_id r, const struct persona_words *w,
                       struct strbuf *out)
{
    persona_text_print(&p->replies[r], w, p->id_form, out);
    return p->replies[r].code;
}

unsigned persona_ehlo(const struct persona *p, unsigned allowed, bool has_xclient,
                      const struct persona_words *w, struct strbuf *out)
{
    size_t last = 0; /* where the last line's blank or hyphen is */
    for (size_t i = 0; i < p->ehlo_count; i++) {
        const struct ehlo_line *line = &p->ehlo[i];
        if (line->extension && !(line->extension & allowed)) {
            continue;
        }
        strbuf_add(out, S("250-"));
        last = out->n - 1;
        persona_text_print(&line->text, w, p->id_form, out);
        strbuf_add(out, S("\r\n"));
    }
    if (has_xclient) {
        strbuf_add(out, S("250-XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT\r\n"));
        last = out->n - sizeof "XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT\r\n";
    }
    if (!out->failed) {
        out->p[last] = ' ';
    }
    return 250;
}
