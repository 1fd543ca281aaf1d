/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/hd1.h"

#include "core/hash.h"
#include "core/limits.h"
#include "print/date_style.h"
#include "print/hd1_shape.h"
#include "print/mime_tree.h"

enum {
    NAMES = 100,     /* hashed; a hundred fields tell the program */
    NAME_BYTES = 64, /* of each */
    SHAPES_BYTES = 4096,
    VALUE_BYTES = 256, /* of one row's shape */
    FORGED_LINES = 8,  /* different Received shapes hashed */
    COUNT_CAP = 99,
    FORGED_CAP = 9,
};

static const char PREFIX[] = "HD1:";

/* A run of fields of one name counts once: bots forge a random number of Received lines. */
static void names_input(const struct sender *s, struct shape_out *o)
{
    struct slice last = {NULL, 0};
    unsigned hashed = 0;
    for (size_t i = 0; i < s->count && hashed < NAMES; i++) {
        struct slice name = slice_sub(s->fields[i]->name, 0, NAME_BYTES);
        if (slice_eq(name, last)) {
            continue;
        }
        shape_put_slice(o, name);
        shape_put(o, '\n');
        last = name;
        hashed++;
    }
}

/* The shapes of the forged Received lines, each once where equal ones follow each other. */
static void traces_input(const struct sender *s, struct shape_out *o)
{
    char buffers[2][VALUE_BYTES] = {{0}};
    struct slice last = {NULL, 0};
    unsigned turn = 0, hashed = 0;
    for (size_t i = 0; i < s->count && hashed < FORGED_LINES; i++) {
        if (s->fields[i]->id != HEADER_RECEIVED) {
            continue;
        }
        struct shape_out one = {buffers[turn], 0, VALUE_BYTES, false};
        shape_trace(s->fields[i]->value, &one);
        struct slice shape = shape_end(&one);
        if (hashed > 0 && slice_eq(shape, last)) {
            continue;
        }
        shape_put_slice(o, value_name(VALUE_RECEIVED));
        shape_put(o, '=');
        shape_put_slice(o, shape);
        shape_put(o, '\n');
        last = shape;
        turn ^= 1;
        hashed++;
    }
}

static void msgid_input(const struct sender *s, struct shape_out *o)
{
    struct msgid_words words = {s->to.local, s->to.domain, s->from.local, s->from.domain};
    if (s->has_msgid) {
        msgid_shape(&s->msgid, &words, o);
    }
}

/* Rows come in the order of the table, not of the message: the order is part b's. */
static void shapes_input(const struct sender *s, const struct mail *m, struct shape_out *o)
{
    for (unsigned row = 0; row < VALUE_COUNT; row++) {
        const struct header *h = s->value[row];
        if (!h) {
            continue;
        }
        if (value_mode(row) == MODE_TRACE) {
            traces_input(s, o);
            continue;
        }
        UNCLEARED char buffer[VALUE_BYTES];
        struct shape_out one = {buffer, 0, sizeof buffer, false};
        switch (value_mode(row)) {
        case MODE_MSGID:
            msgid_input(s, &one);
            break;
        case MODE_DATE:
            shape_put_slice(&one, s->date_style);
            break;
        case MODE_ADDRESS:
            shape_address(h->value, &one);
            break;
        case MODE_TYPE:
            shape_type(h->value, s->boundary_class, &one);
            break;
        case MODE_WORDS:
            shape_words(h->value, &one);
            break;
        case MODE_RUNS:
            shape_runs(h->value, &one);
            break;
        case MODE_TRACE:
            break;
        }
        shape_put_slice(o, value_name(row));
        shape_put(o, '=');
        shape_put_slice(o, shape_end(&one));
        shape_put(o, '\n');
    }
    if (m->part_count > 1) { /* the first part's own field names: mailers differ in their order */
        const struct header_block *part = &m->parts[1].header;
        shape_put_slice(o, S("part="));
        for (size_t i = 0; i < part->count && i < NAMES; i++) {
            shape_put_slice(o, slice_sub(part->fields[i].name, 0, NAME_BYTES));
            shape_put(o, ',');
        }
        shape_put(o, '\n');
    }
}

static char cte_code(enum cte cte)
{
    static const char CODES[] = {
        [CTE_7BIT] = '7',   [CTE_8BIT] = '8', [CTE_BINARY] = 'n',  [CTE_QP] = 'q',
        [CTE_BASE64] = 'b', [CTE_UU] = 'u',   [CTE_UNKNOWN] = '?', [CTE_NONE] = '-'};
    return CODES[cte];
}

static void coding_letters(const struct mail *m, char out[5])
{
    size_t n = 0;
    for (size_t i = 0; i < m->part_count && n < 4; i++) {
        const struct part *p = &m->parts[i];
        if (slice_eq(p->type, S("text")) && part_is_leaf(m, i)) {
            out[n++] = charset_code(p->charset);
            out[n++] = cte_code(p->cte);
        }
    }
    if (n == 0) {
        out[n++] = CLASS_CODE_NONE;
        out[n++] = CLASS_CODE_NONE;
    }
    out[n] = '\0';
}

static void hash_part(struct slice input, char out[13])
{
    if (input.n == 0) {
        memcpy(out, "-", 2);
    } else {
        hash12(input, out);
    }
}

static void readable_part(struct hd1 *h, const struct sender *s, const struct mail *m,
                          const struct chain *c)
{
    size_t own = 0, forged = 0;
    for (size_t i = 0; i < s->count; i++) {
        own += s->fields[i]->id != HEADER_RECEIVED;
    }
    if (c && c->count > c->trusted) {
        forged = c->count - c->trusted;
    }
    h->count = own < COUNT_CAP ? (unsigned)own : COUNT_CAP;
    h->forged = forged < FORGED_CAP ? (unsigned)forged : FORGED_CAP;
    struct shape_out tree = {h->tree, 0, HD1_TREE_BYTES, false};
    mime_tree(m, &tree);
    h->tree[shape_end(&tree).n] = '\0';
    h->msgid = s->has_msgid ? value_class_code(s->msgid.class) : CLASS_CODE_NONE;
    h->boundary = s->boundary.n ? value_class_code(s->boundary_class) : CLASS_CODE_NONE;
    h->date = date_style_code(s->date_style);
    h->mailer = s->mailer.n ? value_class_code(s->mailer_class) : CLASS_CODE_NONE;
    coding_letters(m, h->coding);
}

enum err hd1_make(struct hd1 *out, const struct sender *s, const struct mail *m,
                  const struct chain *c, struct hd1_inputs *inputs, struct arena *arena)
{
    UNCLEARED char names[NAMES * (NAME_BYTES + 1)], shapes[SHAPES_BYTES];
    struct shape_out n = {names, 0, sizeof names, false};
    struct shape_out v = {shapes, 0, sizeof shapes, false};
    names_input(s, &n);
    shapes_input(s, m, &v);
    readable_part(out, s, m, c);
    hash_part(shape_end(&n), out->names);
    hash_part(shape_end(&v), out->shapes);
    if (inputs) {
        inputs->is_listed = s->is_listed;
        inputs->names = arena_copy(arena, shape_end(&n));
        inputs->shapes = arena_copy(arena, shape_end(&v));
        if (!inputs->names.p || !inputs->shapes.p) {
            return ERR_NOMEM;
        }
    }
    return OK;
}

size_t hd1_print(const struct hd1 *h, char out[HD1_TEXT_BYTES], size_t *a_bytes)
{
    struct shape_out o = {out, 0, HD1_TEXT_BYTES, false};
    shape_put_slice(&o, slice_of(PREFIX, sizeof PREFIX - 1));
    shape_put(&o, (char)('0' + h->count / 10 % 10));
    shape_put(&o, (char)('0' + h->count % 10));
    shape_put(&o, '.');
    shape_put_slice(&o, slice_cstr(h->tree));
    shape_put(&o, '.');
    shape_put(&o, h->msgid);
    shape_put(&o, h->boundary);
    shape_put(&o, h->date);
    shape_put(&o, h->mailer);
    shape_put(&o, '.');
    shape_put(&o, (char)('0' + h->forged % 10));
    shape_put(&o, '.');
    shape_put_slice(&o, slice_cstr(h->coding));
    if (a_bytes) {
        *a_bytes = o.n - (sizeof PREFIX - 1);
    }
    shape_put(&o, '_');
    shape_put_slice(&o, slice_cstr(h->names));
    shape_put(&o, '_');
    shape_put_slice(&o, slice_cstr(h->shapes));
    return o.n;
}

static bool parse_tree(struct slice s, char *out)
{
    int open = 0;
    if (s.n == 0 || s.n > HD1_TREE_BYTES) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        open += (s.p[i] == '(') - (s.p[i] == ')');
        bool is_cut = s.p[i] == '~';
        if (!mime_tree_byte(s.p[i]) || open < 0 || (is_cut && i + 1 < s.n)) {
            return false;
        }
    }
    if (open > 0 && s.p[s.n - 1] != '~') {
        return false;
    }
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static bool parse_letters(struct slice s, char *out, size_t n)
{
    if (s.n != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != CLASS_CODE_NONE && s.p[i] != CLASS_CODE_OTHER) {
            return false;
        }
    }
    memcpy(out, s.p, n);
    return true;
}

bool hd1_parse(struct slice text, struct hd1 *out)
{
    struct slice prefix = {PREFIX, sizeof PREFIX - 1};
    *out = (struct hd1){0};
    if (!slice_starts(text, prefix)) {
        return false;
    }
    struct slice rest = slice_sub(text, prefix.n, text.n);
    struct slice a = slice_cut(&rest, '_'), b = slice_cut(&rest, '_');
    if (!hash12_parse(b, out->names) || !hash12_parse(rest, out->shapes)) {
        return false;
    }
    struct slice count = slice_cut(&a, '.'), tree = slice_cut(&a, '.'),
                 classes = slice_cut(&a, '.'), forged = slice_cut(&a, '.');
    uint64_t n;
    char four[4];
    if (count.n != 2 || !slice_to_u64(count, &n)) {
        return false;
    }
    out->count = (unsigned)n;
    if (forged.n != 1 || !slice_to_u64(forged, &n)) {
        return false;
    }
    out->forged = (unsigned)n;
    if (!parse_tree(tree, out->tree) || !parse_letters(classes, four, sizeof four) ||
        (a.n != 2 && a.n != 4) || !parse_letters(a, out->coding, a.n)) {
        return false;
    }
    out->msgid = four[0];
    out->boundary = four[1];
    out->date = four[2];
    out->mailer = four[3];
    return true;
}
