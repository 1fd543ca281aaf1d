/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cluster/variant_dialect.h"

#include "core/varint.h"
#include "print/hd1.h"

#include <inttypes.h>
#include <stdlib.h>

enum { DIALECT_VERSION = 1 };

/* ---- key ---- */

/* "0123456789ab" as a number; 0 for "-" (and for twelve zeros, which no one will meet). */
static uint64_t hash12_number(const char *text)
{
    uint64_t n = 0;
    for (; *text && *text != '-'; text++) {
        n = n << 4 | (unsigned)ascii_hex(*text);
    }
    return n;
}

/* What the trap, the session's length or a reverse name decides is open ('*'); a program that draws
 * the form of its HELO at random would else be as many variants. */
static void sd1_of_key(const struct sd1 *s, char out[SD1_TRAIT_COUNT])
{
    memcpy(out, s->a, SD1_TRAIT_COUNT);
    static const enum sd1_trait open[] = {SD1_RECIPIENTS, SD1_AFTER_4XX, SD1_AFTER_5XX, SD1_RESET,
                                          SD1_END};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        out[open[i]] = '*';
    }
    if (out[SD1_STARTTLS] == 'f') {
        out[SD1_STARTTLS] = '1'; /* whether it worked is the trap's doing */
    }
    if (out[SD1_HELO] != 'L' && out[SD1_HELO] != 'I' && out[SD1_HELO] != '-') {
        out[SD1_HELO] = 'M';
    }
}

bool dialect_key(const struct cluster_message *m, struct dialect_key *k, uint64_t *key)
{
    struct hd1 h;
    struct sd1 s = {0};
    memset(k, 0, sizeof *k); /* hashed as bytes */
    *key = 0;
    if (!hd1_parse(m->hd1, &h)) {
        return false;
    }
    k->names = hash12_number(h.names);
    k->shapes = hash12_number(h.shapes);
    if (k->names == 0) {
        return false;
    }
    memcpy(k->classes, (char[]){h.msgid, h.boundary, h.date, h.mailer}, DIALECT_CLASSES);
    memset(k->sd1_a, '-', sizeof k->sd1_a);
    if (m->sd1.n > 0 && sd1_parse(m->sd1, &s)) {
        k->sd1_skeleton = hash12_number(s.c);
        sd1_of_key(&s, k->sd1_a);
    }
    struct {
        uint8_t names[8], shapes[8], skeleton[8];
        char classes[DIALECT_CLASSES], sd1_a[SD1_TRAIT_COUNT];
    } bytes;
    for (unsigned i = 0; i < 8; i++) {
        bytes.names[i] = (uint8_t)(k->names >> 8 * i);
        bytes.shapes[i] = (uint8_t)(k->shapes >> 8 * i);
        bytes.skeleton[i] = (uint8_t)(k->sd1_skeleton >> 8 * i);
    }
    memcpy(bytes.classes, k->classes, sizeof bytes.classes);
    memcpy(bytes.sd1_a, k->sd1_a, sizeof bytes.sd1_a);
    struct id128 id = hash_id128(slice_of((const char *)&bytes, sizeof bytes));
    for (unsigned i = 0; i < 8; i++) {
        *key = *key << 8 | id.b[i];
    }
    *key += *key == 0; /* 0 is "none" */
    k->count = (uint8_t)h.count;
    k->sd1_sequence = k->sd1_skeleton ? hash12_number(s.b) : 0;
    return true;
}

/* ---- texts ---- */

struct slice dialect_text(const struct dialect *d, enum dialect_text t)
{
    size_t at = 0;
    for (unsigned i = 0; i < t; i++) {
        at += d->text_bytes[i];
    }
    return slice_of(d->text + at, d->text_bytes[t]);
}

static size_t text_total(const struct dialect *d)
{
    size_t n = 0;
    for (unsigned i = 0; i < DIALECT_TEXTS; i++) {
        n += d->text_bytes[i];
    }
    return n;
}

size_t dialect_bytes(const struct dialect *d)
{
    return sizeof *d + text_total(d);
}

static struct dialect *dialect_make(const struct dialect *head,
                                    const struct slice texts[DIALECT_TEXTS])
{
    size_t n = 0;
    for (unsigned i = 0; i < DIALECT_TEXTS; i++) {
        n += texts[i].n;
    }
    struct dialect *d = malloc(sizeof *d + n);
    if (!d) {
        return NULL;
    }
    *d = *head;
    n = 0;
    for (unsigned i = 0; i < DIALECT_TEXTS; i++) {
        d->text_bytes[i] = (uint16_t)texts[i].n;
        if (texts[i].n) {
            memcpy(d->text + n, texts[i].p, texts[i].n);
        }
        n += texts[i].n;
    }
    return d;
}

/* A mailer's name without its numbers: builds differ within one program. */
static struct slice mailer_shape(struct slice mailer, char out[DIALECT_TEXT_BYTES])
{
    size_t n = 0;
    mailer = slice_trim(mailer);
    for (size_t i = 0; i < mailer.n && n < DIALECT_TEXT_BYTES; i++) {
        bool is_number = ascii_is_digit(mailer.p[i]);
        bool is_behind = n > 0 && out[n - 1] == '9';
        if (is_behind && (is_number || mailer.p[i] == '.')) {
            continue; /* 5.50.4807 and 6.00 are one shape */
        }
        out[n++] = is_number ? '9' : mailer.p[i];
    }
    return slice_of(out, n);
}

static void message_texts(const struct cluster_message *m, struct slice texts[DIALECT_TEXTS],
                          char buffer[DIALECT_TEXT_BYTES])
{
    texts[DIALECT_MSGID] = slice_sub(m->msgid_shape, 0, DIALECT_TEXT_BYTES);
    texts[DIALECT_BOUNDARY] = slice_sub(m->boundary_shape, 0, DIALECT_TEXT_BYTES);
    texts[DIALECT_MAILER] = mailer_shape(m->mailer, buffer);
    texts[DIALECT_NAME_LIST] = slice_sub(m->hd1_names, 0, DIALECT_NAMES_BYTES);
}

/* ---- rows ---- */

static uint32_t shape_hash(struct slice shape)
{
    uint32_t h = (uint32_t)hash_u64(shape);
    return h + (h == 0);
}

static int row_of(struct slice name)
{
    if (slice_eq(name, S("part"))) {
        return DIALECT_PART;
    }
    for (int i = 0; i < VALUE_COUNT; i++) {
        if (slice_eq(name, value_name((enum value_row)i))) {
            return i;
        }
    }
    return -1;
}

/* How Content-Type is written, whatever type it is: the type's words and the boundary's shape left
 * out. */
static uint32_t type_form(struct slice shape)
{
    char form[256];
    size_t n = 0, i = slice_find_byte(shape, ';');
    const struct slice boundary = S("boundary=");
    while (i < shape.n && n < sizeof form) {
        form[n++] = shape.p[i++];
        bool is_boundary =
            n >= boundary.n && slice_ieq(slice_of(form + n - boundary.n, boundary.n), boundary);
        if (is_boundary && i < shape.n && n < sizeof form) {
            form[n++] = shape.p[i] == '"' ? '"' : 'w';
            while (i < shape.n && shape.p[i] != ';') {
                i++;
            }
        }
    }
    return shape_hash(slice_of(form, n));
}

static void rows_read(struct dialect *d, struct slice shapes)
{
    while (shapes.n > 0) {
        struct slice value = slice_cut(&shapes, '\n');
        int row = row_of(slice_cut(&value, '='));
        if (row == VALUE_CONTENT_TYPE) {
            bool is_multi = slice_istarts(value, S("multipart/"));
            d->row[is_multi ? DIALECT_MULTI : DIALECT_LEAF] = type_form(value);
        }
        if (row >= 0) {
            d->row[row] = d->row[row] * 31 + shape_hash(value); /* Received may have several */
            d->row[row] += d->row[row] == 0;
        }
    }
    d->knows_rows = true;
}

static uint32_t td1_hash(const struct cluster_message *m)
{
    return m->td1.n ? shape_hash(m->td1) : 0;
}

struct dialect *dialect_new(const struct cluster_message *m, const struct dialect_key *k)
{
    struct slice texts[DIALECT_TEXTS];
    char buffer[DIALECT_TEXT_BYTES];
    struct dialect head = {.count = k->count,
                           .names = k->names,
                           .shapes = k->shapes,
                           .sd1_sequence = k->sd1_sequence,
                           .sd1_skeleton = k->sd1_skeleton,
                           .quirks = m->quirks,
                           .is_listed = m->is_listed,
                           .td1 = td1_hash(m)};
    memcpy(head.classes, k->classes, sizeof head.classes);
    memcpy(head.sd1_a, k->sd1_a, sizeof head.sd1_a);
    if (m->hd1_shapes.n > 0) {
        rows_read(&head, m->hd1_shapes);
    }
    message_texts(m, texts, buffer);
    return dialect_make(&head, texts);
}

/* Less, but any text is better than none. */
static bool text_is_better(struct slice a, struct slice than)
{
    return a.n > 0 && (than.n == 0 || slice_cmp(a, than) < 0);
}

enum err dialect_take(struct dialect **d, const struct cluster_message *m,
                      const struct dialect_key *k)
{
    struct slice seen[DIALECT_TEXTS], kept[DIALECT_TEXTS];
    char buffer[DIALECT_TEXT_BYTES];
    bool is_changed = false;
    message_texts(m, seen, buffer);
    for (unsigned i = 0; i < DIALECT_TEXTS; i++) {
        kept[i] = dialect_text(*d, (enum dialect_text)i);
        if (text_is_better(seen[i], kept[i])) {
            kept[i] = seen[i];
            is_changed = true;
        }
    }
    if (is_changed) {
        struct dialect *made = dialect_make(*d, kept);
        if (!made) {
            return ERR_NOMEM;
        }
        free(*d);
        *d = made;
    }
    uint32_t td1 = td1_hash(m);
    (*d)->is_td1_mixed |= td1 && (*d)->td1 && td1 != (*d)->td1;
    (*d)->td1 = (*d)->td1 ? (*d)->td1 : td1;
    (*d)->quirks &= m->quirks;
    (*d)->is_listed &= m->is_listed;
    (*d)->count = k->count < (*d)->count ? k->count : (*d)->count;
    if (k->sd1_sequence && k->sd1_sequence < (*d)->sd1_sequence) {
        (*d)->sd1_sequence = k->sd1_sequence;
    }
    if (!(*d)->knows_rows && m->hd1_shapes.n > 0) {
        rows_read(*d, m->hd1_shapes);
    }
    return OK;
}

bool dialect_has_sd1(const struct dialect *d)
{
    return d->sd1_skeleton != 0;
}

/* ---- out ---- */

static void hash12_add(struct strbuf *out, uint64_t hash)
{
    if (hash) {
        strbuf_printf(out, "%012" PRIx64, hash);
    } else {
        strbuf_add_byte(out, '-');
    }
}

void dialect_print(const struct dialect *d, struct strbuf *out)
{
    strbuf_add_cstr(out, "HD1:*.*.");
    strbuf_add(out, slice_of(d->classes, DIALECT_CLASSES));
    strbuf_add_cstr(out, ".*.*_");
    hash12_add(out, d->names);
    strbuf_add_byte(out, '_');
    hash12_add(out, d->shapes);
    if (dialect_has_sd1(d)) {
        strbuf_add_cstr(out, " SD1:");
        strbuf_add(out, slice_of(d->sd1_a, SD1_TRAIT_COUNT));
        strbuf_add_cstr(out, "_*_");
        hash12_add(out, d->sd1_skeleton);
    }
}

void dialect_save(const struct dialect *d, struct strbuf *out)
{
    varint_add(out, DIALECT_VERSION);
    strbuf_add(out, slice_of(d->classes, DIALECT_CLASSES));
    strbuf_add(out, slice_of(d->sd1_a, SD1_TRAIT_COUNT));
    varint_add(out, d->count);
    varint_add(out, (uint64_t)d->knows_rows | (uint64_t)d->is_td1_mixed << 1 |
                        (uint64_t)d->is_listed << 2);
    varint_add(out, d->names);
    varint_add(out, d->shapes);
    varint_add(out, d->sd1_sequence);
    varint_add(out, d->sd1_skeleton);
    varint_add(out, d->quirks);
    varint_add(out, d->td1);
    varint_add(out, DIALECT_ROWS);
    for (unsigned i = 0; i < DIALECT_ROWS; i++) {
        varint_add(out, d->row[i]);
    }
    for (unsigned i = 0; i < DIALECT_TEXTS; i++) {
        struct slice t = dialect_text(d, (enum dialect_text)i);
        varint_add(out, t.n);
        strbuf_add(out, t);
    }
}

static bool letters_cut(struct slice *in, char *out, size_t n)
{
    if (in->n < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (in->p[i] <= ' ' || in->p[i] > '~') {
            return false;
        }
    }
    memcpy(out, in->p, n);
    *in = slice_sub(*in, n, in->n);
    return true;
}

static bool number_cut(struct slice *in, uint64_t most, uint64_t *out)
{
    return varint_cut(in, out) && *out <= most;
}

static bool head_load(struct slice *in, struct dialect *d)
{
    const uint64_t hash_max = (1ull << 48) - 1;
    uint64_t version, count, flags, td1, rows;
    if (!number_cut(in, DIALECT_VERSION, &version) || version != DIALECT_VERSION ||
        !letters_cut(in, d->classes, DIALECT_CLASSES) ||
        !letters_cut(in, d->sd1_a, SD1_TRAIT_COUNT) || !number_cut(in, 99, &count) ||
        !number_cut(in, 7, &flags) || !number_cut(in, hash_max, &d->names) || d->names == 0 ||
        !number_cut(in, hash_max, &d->shapes) || !number_cut(in, hash_max, &d->sd1_sequence) ||
        !number_cut(in, hash_max, &d->sd1_skeleton) || !number_cut(in, UINT64_MAX, &d->quirks) ||
        !number_cut(in, UINT32_MAX, &td1) || !number_cut(in, DIALECT_ROWS, &rows) ||
        rows != DIALECT_ROWS) {
        return false;
    }
    d->count = (uint8_t)count;
    d->knows_rows = flags & 1;
    d->is_td1_mixed = flags & 2;
    d->is_listed = flags & 4;
    d->td1 = (uint32_t)td1;
    for (unsigned i = 0; i < DIALECT_ROWS; i++) {
        uint64_t row;
        if (!number_cut(in, UINT32_MAX, &row)) {
            return false;
        }
        d->row[i] = (uint32_t)row;
    }
    return true;
}

struct dialect *dialect_load(struct slice *in)
{
    struct dialect head = {0};
    struct slice texts[DIALECT_TEXTS], rest = *in;
    if (!head_load(&rest, &head)) {
        return NULL;
    }
    for (unsigned i = 0; i < DIALECT_TEXTS; i++) {
        uint64_t n, most = i == DIALECT_NAME_LIST ? DIALECT_NAMES_BYTES : DIALECT_TEXT_BYTES;
        if (!number_cut(&rest, most, &n) || n > rest.n) {
            return NULL;
        }
        texts[i] = slice_sub(rest, 0, n);
        rest = slice_sub(rest, n, rest.n);
    }
    struct dialect *d = dialect_make(&head, texts);
    if (d) {
        *in = rest;
    }
    return d;
}
