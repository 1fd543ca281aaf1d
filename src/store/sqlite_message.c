/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One message row: written, read back, found and paged. */
#include "print/cd1.h"
#include "store/sqlite.h"

#include <stdlib.h>

enum column {
    COLUMN_SEQ,
    COLUMN_ID,
    COLUMN_TRAP,
    COLUMN_RECEIVED,
    COLUMN_CLOCK,
    COLUMN_CLIENT,
    COLUMN_COUNTRY,
    COLUMN_ASN,
    COLUMN_HELO,
    COLUMN_PTR,
    COLUMN_PROTOCOL,
    COLUMN_TLS,
    COLUMN_ENVELOPE_FROM,
    COLUMN_RECIPIENTS,
    COLUMN_RECIPIENT_HASHES,
    COLUMN_BYTES,
    COLUMN_SD1,
    COLUMN_HD1,
    COLUMN_TD1,
    COLUMN_CD1,
    COLUMN_MSGID_SHAPE,
    COLUMN_BOUNDARY_SHAPE,
    COLUMN_MIME_TREE,
    COLUMN_MAILER,
    COLUMN_CHARSETS,
    COLUMN_SUBJECT,
    COLUMN_DATE_OFFSET,
    COLUMN_DOMAINS,
    COLUMN_URL_SHAPES,
    COLUMN_ATTACHMENTS,
    COLUMN_QUIRKS,
    COLUMN_BOTNET,
    COLUMN_MAILER_LABEL,
    COLUMN_PROGRAM,
    COLUMN_LABELS,
    COLUMN_RULES,
    COLUMN_PACK,
    COLUMN_SESSION,
    COLUMN_VARIANT,
    COLUMN_WORDING, /* in the order of enum cluster_kind */
    COLUMN_SKETCH,
};

enum {
    MILLION = 1000000,
    CLOCK_OFF_SECONDS = 3600,
    LABEL_KINDS = 3,
    LABEL_HAS_CONFLICT = 1, /* bits of a packed label's first number */
    LABEL_HAS_POSTERIOR = 2,
};

/* A column of text that is an id of the dictionary. */
struct text_column {
    enum column column;
    size_t offset; /* of the slice in struct message_row */
};
static const struct text_column TEXT_COLUMNS[] = {
    {COLUMN_PROTOCOL, offsetof(struct message_row, protocol)},
    {COLUMN_TLS, offsetof(struct message_row, tls)},
    {COLUMN_SD1, offsetof(struct message_row, sd1)},
    {COLUMN_HD1, offsetof(struct message_row, hd1)},
    {COLUMN_TD1, offsetof(struct message_row, td1)},
    {COLUMN_MSGID_SHAPE, offsetof(struct message_row, msgid_shape)},
    {COLUMN_BOUNDARY_SHAPE, offsetof(struct message_row, boundary_shape)},
    {COLUMN_MIME_TREE, offsetof(struct message_row, mime_tree)},
    {COLUMN_MAILER, offsetof(struct message_row, mailer)},
    {COLUMN_CHARSETS, offsetof(struct message_row, charsets)},
    {COLUMN_PACK, offsetof(struct message_row, pack_version)},
};
/* A column of text that stands in the row itself. */
static const struct text_column INLINE_COLUMNS[] = {
    {COLUMN_HELO, offsetof(struct message_row, helo)},
    {COLUMN_PTR, offsetof(struct message_row, ptr)},
    {COLUMN_ENVELOPE_FROM, offsetof(struct message_row, envelope_from)},
    {COLUMN_SUBJECT, offsetof(struct message_row, subject)},
};
enum {
    TEXT_COLUMN_COUNT = sizeof TEXT_COLUMNS / sizeof *TEXT_COLUMNS,
    INLINE_COLUMN_COUNT = sizeof INLINE_COLUMNS / sizeof *INLINE_COLUMNS,
};

/* Each row has three labels: these places. */
static const size_t LABEL_OFFSETS[LABEL_KINDS] = {
    offsetof(struct message_row, botnet),
    offsetof(struct message_row, mailer_label),
    offsetof(struct message_row, program),
};
static const enum dimension LABEL_DIMENSIONS[LABEL_KINDS] = {DIMENSION_BOTNET, DIMENSION_MAILER,
                                                             DIMENSION_PROGRAM};

static uint64_t millionths(double p)
{
    return p > 0 ? p < 1 ? (uint64_t)(p * MILLION + 0.5) : MILLION : 0;
}

/* ---- writing ---- */

/* A packed column is a run of s->packed; bound when all are written, because that moves. */
struct packed_run {
    size_t from, n;
};

static struct packed_run run_since(const struct strbuf *b, size_t from)
{
    return (struct packed_run){from, b->n - from};
}

static enum err texts_pack(struct store *s, const struct slice *texts, size_t n,
                           struct packed_run *run, struct errbuf *eb)
{
    size_t from = s->packed.n;
    for (size_t i = 0; i < n; i++) {
        int64_t id;
        enum err e = text_id(s, texts[i], true, &id, eb);
        if (e != OK) {
            return e;
        }
        varint_add(&s->packed, (uint64_t)id);
    }
    *run = run_since(&s->packed, from);
    return OK;
}

static enum err attachments_pack(struct store *s, const struct message_row *row,
                                 struct packed_run *run, struct errbuf *eb)
{
    size_t from = s->packed.n;
    for (size_t i = 0; i < row->attachment_count; i++) {
        const struct row_attachment *a = &row->attachments[i];
        int64_t type, shape;
        enum err e = text_id(s, a->type, true, &type, eb);
        e = e == OK ? text_id(s, a->name_shape, true, &shape, eb) : e;
        if (e != OK) {
            return e;
        }
        varint_add(&s->packed, (uint64_t)type);
        varint_add(&s->packed, (uint64_t)shape);
        varint_add(&s->packed, a->bytes);
        strbuf_add(&s->packed, slice_of((const char *)a->hash.b, sizeof a->hash.b));
    }
    *run = run_since(&s->packed, from);
    return OK;
}

static enum err label_ids_of(struct store *s, const struct row_label *l, struct label_ids *out,
                             struct errbuf *eb)
{
    *out = (struct label_ids){
        .posterior = millionths(l->posterior),
        .runner_up_posterior = millionths(l->runner_up_posterior),
        .unknown = millionths(l->unknown),
        .is_conflict = l->is_conflict,
    };
    enum err e = text_id(s, l->name, true, &out->name, eb);
    out->best = out->name;
    if (e == OK && !slice_eq(l->best, l->name)) {
        e = text_id(s, l->best, true, &out->best, eb);
    }
    return e == OK ? text_id(s, l->runner_up, true, &out->runner_up, eb) : e;
}

/* Nothing for three labels that no rule hit. */
static void labels_pack(struct strbuf *b, const struct label_ids labels[LABEL_KINDS])
{
    bool any = false;
    for (int i = 0; i < LABEL_KINDS; i++) {
        any |= labels[i].best || labels[i].is_conflict || labels[i].unknown != MILLION;
    }
    for (int i = 0; any && i < LABEL_KINDS; i++) {
        const struct label_ids *l = &labels[i];
        bool has = l->best || l->runner_up || l->unknown != MILLION || l->posterior;
        varint_add(b, (l->is_conflict ? LABEL_HAS_CONFLICT : 0) | (has ? LABEL_HAS_POSTERIOR : 0));
        if (has) {
            varint_add(b, (uint64_t)l->best);
            varint_add(b, l->posterior);
            varint_add(b, (uint64_t)l->runner_up);
            varint_add(b, l->runner_up_posterior);
            varint_add(b, l->unknown);
        }
    }
}

void client_bind(sqlite3_stmt *st, int at, const struct ip *client)
{
    bool v4 = ip_is_v4(*client);
    sqlite3_bind_blob(st, at, client->b + (v4 ? 12 : 0), v4 ? 4 : 16, SQLITE_STATIC);
}

struct packed_row {
    int64_t texts[TEXT_COLUMN_COUNT];
    struct label_ids labels[LABEL_KINDS];
    int64_t part[CLUSTER_KIND_COUNT];
    struct packed_run domains, url_shapes, attachments, packed_labels, rules, sketch;
};

/* The keys of names, each once. */
static size_t domain_keys(const struct slice *names, size_t n, uint64_t *keys)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t key = domain_key(names[i]);
        bool is_known = false;
        for (size_t k = 0; k < count && !is_known; k++) {
            is_known = keys[k] == key;
        }
        if (!is_known) {
            keys[count++] = key;
        }
    }
    return count;
}

static enum err domains_pack(struct store *s, const struct message_row *row, struct packed_run *run,
                             struct errbuf *eb)
{
    size_t from = s->packed.n;
    enum err e = OK;
    for (size_t i = 0; e == OK && i < row->domain_count; i++) {
        if (i) {
            strbuf_add_byte(&s->packed, '\n');
        }
        strbuf_add(&s->packed, row->domains[i]);
        e = domain_note(s, domain_key(row->domains[i]), row->domains[i], eb);
    }
    *run = run_since(&s->packed, from);
    return e;
}

/* The sketch in half its printed bytes; nothing when it is not one of this version. */
static void sketch_pack(struct strbuf *b, const struct message_row *row, struct packed_run *run)
{
    size_t from = b->n;
    struct cd1 sketch;
    uint8_t packed[CD1_PACKED_BYTES];
    if (row->sketch.n != 0) {
        strbuf_add(b, row->sketch);
    } else if (row->cd1.n != 0 && cd1_parse(row->cd1, &sketch)) {
        strbuf_add(b, slice_of((const char *)packed, cd1_pack(&sketch, packed)));
    }
    *run = run_since(b, from);
}

static enum err row_pack(struct store *s, const struct message_row *row, int64_t seq,
                         struct packed_row *p, struct errbuf *eb)
{
    enum err e = OK;
    strbuf_clear(&s->packed);
    for (size_t i = 0; e == OK && i < TEXT_COLUMN_COUNT; i++) {
        const struct slice *text =
            (const struct slice *)(const void *)((const char *)row + TEXT_COLUMNS[i].offset);
        e = text_id(s, *text, true, &p->texts[i], eb);
    }
    for (size_t i = 0; e == OK && i < LABEL_KINDS; i++) {
        const struct row_label *label =
            (const struct row_label *)(const void *)((const char *)row + LABEL_OFFSETS[i]);
        e = label_ids_of(s, label, &p->labels[i], eb);
    }
    e = e == OK ? domains_pack(s, row, &p->domains, eb) : e;
    e = e == OK ? texts_pack(s, row->url_shapes, row->url_shape_count, &p->url_shapes, eb) : e;
    e = e == OK ? attachments_pack(s, row, &p->attachments, eb) : e;
    e = e == OK ? texts_pack(s, row->rule_ids, row->rule_count, &p->rules, eb) : e;
    for (int k = 0; e == OK && k < CLUSTER_KIND_COUNT; k++) {
        e = part_id(s, (enum cluster_kind)k, row->part[k], row->part_is_new[k] ? seq : 0,
                    &p->part[k], eb);
    }
    sketch_pack(&s->packed, row, &p->sketch);
    size_t from = s->packed.n;
    labels_pack(&s->packed, p->labels);
    p->packed_labels = run_since(&s->packed, from);
    if (e == OK && s->packed.failed) {
        e = err_set(eb, ERR_NOMEM, "out of memory for a message row");
    }
    return e;
}

static void row_bind(struct store *s, sqlite3_stmt *st, const struct message_row *row,
                     const struct packed_row *p, int64_t seq, int64_t trap)
{
    sqlite3_bind_int64(st, COLUMN_SEQ + 1, seq);
    sqlite3_bind_blob(st, COLUMN_ID + 1, row->id.b, sizeof row->id.b, SQLITE_STATIC);
    sqlite3_bind_int64(st, COLUMN_TRAP + 1, trap);
    if (row->clock != CLOCK_NONE) {
        sqlite3_bind_int64(st, COLUMN_RECEIVED + 1, row->received);
    }
    sqlite3_bind_int64(st, COLUMN_CLOCK + 1, row->clock);
    if (row->has_client) {
        client_bind(st, COLUMN_CLIENT + 1, &row->client);
    }
    bind_slice(st, COLUMN_COUNTRY + 1, row->country);
    bind_id(st, COLUMN_ASN + 1, row->asn);
    sqlite3_bind_int64(st, COLUMN_RECIPIENTS + 1, row->recipients);
    if (row->recipient_hashes) {
        bind_packed(st, COLUMN_RECIPIENT_HASHES + 1,
                    slice_of((const char *)row->recipient_hashes,
                             row->recipients * sizeof *row->recipient_hashes));
    }
    sqlite3_bind_int64(st, COLUMN_BYTES + 1, (int64_t)row->bytes);
    if (row->has_date_offset) {
        sqlite3_bind_int64(st, COLUMN_DATE_OFFSET + 1, row->date_offset);
    }
    sqlite3_bind_int64(st, COLUMN_QUIRKS + 1, (int64_t)row->quirks);
    bind_id(st, COLUMN_SESSION + 1, row->session_us);
    for (size_t i = 0; i < TEXT_COLUMN_COUNT; i++) {
        bind_id(st, (int)TEXT_COLUMNS[i].column + 1, p->texts[i]);
    }
    for (size_t i = 0; i < INLINE_COLUMN_COUNT; i++) {
        const struct slice *text =
            (const struct slice *)(const void *)((const char *)row + INLINE_COLUMNS[i].offset);
        bind_slice(st, (int)INLINE_COLUMNS[i].column + 1, *text);
    }
    for (int i = 0; i < LABEL_KINDS; i++) {
        bind_id(st, COLUMN_BOTNET + i + 1, p->labels[i].name);
    }
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        bind_id(st, COLUMN_VARIANT + k + 1, p->part[k]);
    }
    if (p->sketch.n == 0) {
        bind_slice(st, COLUMN_CD1 + 1, row->cd1);
    }
    bind_slice(st, COLUMN_DOMAINS + 1,
               slice_sub(strbuf_slice(&s->packed), p->domains.from, p->domains.n));
    const struct {
        enum column column;
        struct packed_run run;
    } runs[] = {
        {COLUMN_URL_SHAPES, p->url_shapes}, {COLUMN_ATTACHMENTS, p->attachments},
        {COLUMN_LABELS, p->packed_labels},  {COLUMN_RULES, p->rules},
        {COLUMN_SKETCH, p->sketch},
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        bind_packed(st, (int)runs[i].column + 1,
                    slice_sub(strbuf_slice(&s->packed), runs[i].run.from, runs[i].run.n));
    }
}

static bool clock_is_off(bool has_offset, int64_t offset)
{
    return has_offset && (offset > CLOCK_OFF_SECONDS || offset < -CLOCK_OFF_SECONDS);
}

static enum err message_write(struct store *s, enum statement how, const struct message_row *row,
                              int64_t seq, struct counted *m, struct errbuf *eb)
{
    struct packed_row p;
    sqlite3_stmt *st;
    uint64_t *domains = arena_calloc(s->arena, row->domain_count, sizeof *domains);
    if (!domains) {
        return err_set(eb, ERR_NOMEM, "out of memory for a message row");
    }
    enum err e = row_pack(s, row, seq, &p, eb);
    e = e == OK ? store_statement(s, how, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    *m = (struct counted){
        .arrived = BUCKET_NONE,
        .botnet = p.labels[0].name,
        .mailer = p.labels[1].name,
        .program = p.labels[2].name,
        .received = row->received,
        .has_time = row->clock != CLOCK_NONE,
        .has_client = row->has_client,
        .is_conflict = row->botnet.is_conflict,
        .is_clock_off = clock_is_off(row->has_date_offset, row->date_offset),
        .clock = row->clock,
        .country = country_code(row->country),
        .asn = row->asn,
        .host = row->has_client ? host_key(row->client) : 0,
        .recipients = row->recipients,
        .bytes = row->bytes,
        .quirks = row->quirks,
        .domains = domains,
        .domain_count = domain_keys(row->domains, row->domain_count, domains),
    };
    memcpy(m->part, p.part, sizeof m->part);
    for (int i = 0; i < LABEL_KINDS; i++) {
        counted_label(m, LABEL_DIMENSIONS[i], &p.labels[i]);
    }
    e = trap_id(s, row->trap, true, &m->trap, eb);
    e = e == OK ? stream_id(s, m->trap, m->botnet, true, &m->stream, eb) : e;
    if (e != OK) {
        return e;
    }
    row_bind(s, st, row, &p, seq, m->trap);
    return store_run(s, st, "writing a message", eb);
}

enum err message_put(struct store *s, const struct message_row *row, int64_t seq, struct counted *m,
                     struct errbuf *eb)
{
    arena_reset(s->arena);
    return message_write(s, STATEMENT_MESSAGE_ADD, row, seq, m, eb);
}

/* The row may be one that was read: its memory is the arena. */
enum err message_replace(struct store *s, const struct message_row *row, int64_t seq,
                         struct counted *m, struct errbuf *eb)
{
    return message_write(s, STATEMENT_MESSAGE_REPLACE, row, seq, m, eb);
}

static const struct slice *row_text(const struct message_row *row, size_t offset)
{
    return (const struct slice *)(const void *)((const char *)row + offset);
}

static bool slices_same(const struct slice *a, size_t n, const struct slice *b, size_t m)
{
    bool same = n == m;
    for (size_t i = 0; same && i < n; i++) {
        same = slice_eq(a[i], b[i]);
    }
    return same;
}

bool labels_are_same(const struct row_label *a, const struct row_label *b)
{
    /* A label that was decided is the best one. */
    struct slice x = a->best.n ? a->best : a->name, y = b->best.n ? b->best : b->name;
    return slice_eq(a->name, b->name) && slice_eq(x, y) && slice_eq(a->runner_up, b->runner_up) &&
           millionths(a->posterior) == millionths(b->posterior) &&
           millionths(a->runner_up_posterior) == millionths(b->runner_up_posterior) &&
           millionths(a->unknown) == millionths(b->unknown) && a->is_conflict == b->is_conflict;
}

static bool attachments_same(const struct message_row *a, const struct message_row *b)
{
    bool same = a->attachment_count == b->attachment_count;
    for (size_t i = 0; same && i < a->attachment_count; i++) {
        const struct row_attachment *x = &a->attachments[i], *y = &b->attachments[i];
        same = slice_eq(x->type, y->type) && slice_eq(x->name_shape, y->name_shape) &&
               id128_eq(x->hash, y->hash) && x->bytes == y->bytes;
    }
    return same;
}

bool message_is_same(const struct message_row *a, const struct message_row *b)
{
    bool same =
        slice_eq(a->trap, b->trap) && a->clock == b->clock &&
        (a->clock == CLOCK_NONE || a->received == b->received) && a->has_client == b->has_client &&
        (!a->has_client || ip_eq(a->client, b->client)) && slice_eq(a->country, b->country) &&
        a->asn == b->asn && a->recipients == b->recipients && a->bytes == b->bytes &&
        a->has_date_offset == b->has_date_offset &&
        (!a->has_date_offset || a->date_offset == b->date_offset) && a->quirks == b->quirks &&
        a->session_us == b->session_us && !a->recipient_hashes == !b->recipient_hashes;
    same = same && (!a->recipient_hashes || memcmp(a->recipient_hashes, b->recipient_hashes,
                                                   a->recipients * sizeof(struct id128)) == 0);
    for (size_t i = 0; same && i < TEXT_COLUMN_COUNT; i++) {
        same = slice_eq(*row_text(a, TEXT_COLUMNS[i].offset), *row_text(b, TEXT_COLUMNS[i].offset));
    }
    for (size_t i = 0; same && i < INLINE_COLUMN_COUNT; i++) {
        same = slice_eq(*row_text(a, INLINE_COLUMNS[i].offset),
                        *row_text(b, INLINE_COLUMNS[i].offset));
    }
    for (size_t i = 0; same && i < LABEL_KINDS; i++) {
        same = labels_are_same(
            (const struct row_label *)(const void *)((const char *)a + LABEL_OFFSETS[i]),
            (const struct row_label *)(const void *)((const char *)b + LABEL_OFFSETS[i]));
    }
    bool are_packed = a->sketch.n && b->sketch.n; /* one that is yet to be stored has no print */
    return same && (are_packed ? slice_eq(a->sketch, b->sketch) : slice_eq(a->cd1, b->cd1)) &&
           slices_same(a->domains, a->domain_count, b->domains, b->domain_count) &&
           slices_same(a->url_shapes, a->url_shape_count, b->url_shapes, b->url_shape_count) &&
           slices_same(a->rule_ids, a->rule_count, b->rule_ids, b->rule_count) &&
           attachments_same(a, b);
}

/* ---- reading ---- */

static enum err damaged(struct store *s, sqlite3_stmt *st, struct errbuf *eb)
{
    return err_set(eb, ERR_STORE, "%s: message %lld is damaged", s->path,
                   (long long)sqlite3_column_int64(st, COLUMN_SEQ));
}

static enum err labels_unpack(struct store *s, sqlite3_stmt *st,
                              struct label_ids labels[LABEL_KINDS], struct errbuf *eb)
{
    struct slice packed = column_slice(st, COLUMN_LABELS);
    bool none = packed.n == 0;
    for (int i = 0; i < LABEL_KINDS; i++) {
        struct label_ids *l = &labels[i];
        uint64_t flags = 0, best = 0, runner_up = 0;
        *l = (struct label_ids){.unknown = MILLION,
                                .name = sqlite3_column_int64(st, COLUMN_BOTNET + i)};
        if (!none && !varint_cut(&packed, &flags)) {
            return damaged(s, st, eb);
        }
        if ((flags & LABEL_HAS_POSTERIOR) &&
            (!varint_cut(&packed, &best) || !varint_cut(&packed, &l->posterior) ||
             !varint_cut(&packed, &runner_up) || !varint_cut(&packed, &l->runner_up_posterior) ||
             !varint_cut(&packed, &l->unknown))) {
            return damaged(s, st, eb);
        }
        l->best = (int64_t)best;
        l->runner_up = (int64_t)runner_up;
        l->is_conflict = flags & LABEL_HAS_CONFLICT;
    }
    return OK;
}

struct ip client_of(struct slice bytes)
{
    struct ip a = {{0}};
    if (bytes.n == 4) {
        const uint8_t *b = (const uint8_t *)bytes.p;
        a = ip_from_v4((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]);
    } else if (bytes.n == sizeof a.b) {
        memcpy(a.b, bytes.p, sizeof a.b);
    }
    return a;
}

static enum err ids_unpack(struct store *s, sqlite3_stmt *st, int column, int64_t **ids,
                           size_t *count, struct errbuf *eb)
{
    struct slice packed = column_slice(st, column);
    *count = 0;
    *ids = NULL;
    if (packed.n == 0) {
        return OK;
    }
    /* An id takes a byte at least. */
    *ids = arena_calloc(s->arena, packed.n, sizeof **ids);
    if (!*ids) {
        return err_set(eb, ERR_NOMEM, "out of memory for a message row");
    }
    while (packed.n != 0) {
        uint64_t id;
        if (!varint_cut(&packed, &id)) {
            return damaged(s, st, eb);
        }
        (*ids)[(*count)++] = (int64_t)id;
    }
    return OK;
}

/* The domains of a stored row; copied, since the statement moves on. */
static enum err domains_unpack(struct store *s, sqlite3_stmt *st, struct slice **names,
                               size_t *count, struct errbuf *eb)
{
    struct slice list = column_slice(st, COLUMN_DOMAINS);
    struct slice copy = arena_copy(s->arena, list);
    *names = arena_calloc(s->arena, list.n / 2 + 1, sizeof **names);
    *count = 0;
    if (!copy.p || !*names) {
        return err_set(eb, ERR_NOMEM, "out of memory for a message row");
    }
    while (*count <= list.n / 2 && domain_cut(&copy, &(*names)[*count])) {
        ++*count;
    }
    return OK;
}

enum err message_counted(struct store *s, sqlite3_stmt *st, struct counted *m, struct errbuf *eb)
{
    struct label_ids labels[LABEL_KINDS];
    struct slice *domains;
    size_t domain_count;
    *m = (struct counted){
        .arrived = BUCKET_NONE,
        .trap = sqlite3_column_int64(st, COLUMN_TRAP),
        .received = sqlite3_column_int64(st, COLUMN_RECEIVED),
        .has_time = sqlite3_column_type(st, COLUMN_RECEIVED) != SQLITE_NULL,
        .has_client = sqlite3_column_type(st, COLUMN_CLIENT) != SQLITE_NULL,
        .is_clock_off = clock_is_off(sqlite3_column_type(st, COLUMN_DATE_OFFSET) != SQLITE_NULL,
                                     sqlite3_column_int64(st, COLUMN_DATE_OFFSET)),
        .clock = (unsigned)sqlite3_column_int(st, COLUMN_CLOCK),
        .country = country_code(column_slice(st, COLUMN_COUNTRY)),
        .asn = (uint32_t)sqlite3_column_int64(st, COLUMN_ASN),
        .recipients = (uint64_t)sqlite3_column_int64(st, COLUMN_RECIPIENTS),
        .bytes = (uint64_t)sqlite3_column_int64(st, COLUMN_BYTES),
        .quirks = (uint64_t)sqlite3_column_int64(st, COLUMN_QUIRKS),
    };
    if (m->has_client) {
        m->host = host_key(client_of(column_slice(st, COLUMN_CLIENT)));
    }
    enum err e = labels_unpack(s, st, labels, eb);
    e = e == OK ? domains_unpack(s, st, &domains, &domain_count, eb) : e;
    uint64_t *keys = e == OK ? arena_calloc(s->arena, domain_count, sizeof *keys) : NULL;
    if (e != OK || !keys) {
        return e != OK ? e : err_set(eb, ERR_NOMEM, "out of memory for a message row");
    }
    for (int k = 0; k < CLUSTER_KIND_COUNT; k++) {
        m->part[k] = sqlite3_column_int64(st, COLUMN_VARIANT + k);
    }
    m->domains = keys;
    m->domain_count = domain_keys(domains, domain_count, keys);
    m->botnet = labels[0].name;
    m->mailer = labels[1].name;
    m->program = labels[2].name;
    m->is_conflict = labels[0].is_conflict;
    for (int i = 0; i < LABEL_KINDS; i++) {
        counted_label(m, LABEL_DIMENSIONS[i], &labels[i]);
    }
    return stream_id(s, m->trap, m->botnet, false, &m->stream, eb);
}

enum err arena_text(struct store *s, struct slice from, struct slice *out, struct errbuf *eb)
{
    *out = (struct slice){NULL, 0};
    if (from.n != 0) {
        *out = arena_copy(s->arena, from);
        if (!out->p) {
            return err_set(eb, ERR_NOMEM, "out of memory for a message row");
        }
    }
    return OK;
}

enum err dictionary_text(struct store *s, int64_t id, struct slice *out, struct errbuf *eb)
{
    struct slice value;
    enum err e = text_value(s, id, &value, eb);
    return e == OK ? arena_text(s, value, out, eb) : e;
}

static enum err texts_unpack(struct store *s, sqlite3_stmt *st, int column,
                             const struct slice **texts, size_t *count, struct errbuf *eb)
{
    int64_t *ids;
    enum err e = ids_unpack(s, st, column, &ids, count, eb);
    struct slice *out = e == OK && *count ? arena_calloc(s->arena, *count, sizeof *out) : NULL;
    if (e == OK && *count && !out) {
        return err_set(eb, ERR_NOMEM, "out of memory for a message row");
    }
    for (size_t i = 0; e == OK && i < *count; i++) {
        e = dictionary_text(s, ids[i], &out[i], eb);
    }
    *texts = out;
    return e;
}

static enum err attachments_unpack(struct store *s, sqlite3_stmt *st, struct message_row *row,
                                   struct errbuf *eb)
{
    struct slice packed = column_slice(st, COLUMN_ATTACHMENTS);
    size_t most = packed.n / (3 + sizeof(struct id128)), n = 0;
    struct row_attachment *out = arena_calloc(s->arena, most + 1, sizeof *out);
    enum err e = out ? OK : err_set(eb, ERR_NOMEM, "out of memory for a message row");
    while (e == OK && packed.n != 0) {
        uint64_t type, shape, bytes;
        if (n == most || !varint_cut(&packed, &type) || !varint_cut(&packed, &shape) ||
            !varint_cut(&packed, &bytes) || packed.n < sizeof out[n].hash.b) {
            return damaged(s, st, eb);
        }
        out[n].bytes = bytes;
        memcpy(out[n].hash.b, packed.p, sizeof out[n].hash.b);
        packed = slice_sub(packed, sizeof out[n].hash.b, SIZE_MAX);
        e = dictionary_text(s, (int64_t)type, &out[n].type, eb);
        e = e == OK ? dictionary_text(s, (int64_t)shape, &out[n].name_shape, eb) : e;
        n++;
    }
    row->attachments = n ? out : NULL;
    row->attachment_count = n;
    return e;
}

static enum err labels_read(struct store *s, sqlite3_stmt *st, struct message_row *row,
                            struct errbuf *eb)
{
    struct label_ids labels[LABEL_KINDS];
    enum err e = labels_unpack(s, st, labels, eb);
    for (int i = 0; e == OK && i < LABEL_KINDS; i++) {
        struct row_label *l = (struct row_label *)(void *)((char *)row + LABEL_OFFSETS[i]);
        l->posterior = (double)labels[i].posterior / MILLION;
        l->runner_up_posterior = (double)labels[i].runner_up_posterior / MILLION;
        l->unknown = (double)labels[i].unknown / MILLION;
        l->is_conflict = labels[i].is_conflict;
        e = dictionary_text(s, labels[i].name, &l->name, eb);
        e = e == OK ? dictionary_text(s, labels[i].best, &l->best, eb) : e;
        e = e == OK ? dictionary_text(s, labels[i].runner_up, &l->runner_up, eb) : e;
    }
    return e;
}

static enum err sketch_read(struct store *s, sqlite3_stmt *st, struct message_row *row,
                            struct errbuf *eb)
{
    struct slice packed = column_slice(st, COLUMN_SKETCH);
    struct cd1 sketch;
    char text[CD1_TEXT_BYTES];
    if (packed.n == 0) {
        return arena_text(s, column_slice(st, COLUMN_CD1), &row->cd1, eb);
    }
    if (!cd1_unpack(packed, &sketch)) {
        return damaged(s, st, eb);
    }
    enum err e = arena_text(s, packed, &row->sketch, eb);
    return e == OK ? arena_text(s, slice_of(text, cd1_print(&sketch, text)), &row->cd1, eb) : e;
}

static enum err recipients_read(struct store *s, sqlite3_stmt *st, struct message_row *row,
                                struct errbuf *eb)
{
    struct slice hashes = column_slice(st, COLUMN_RECIPIENT_HASHES), copy;
    row->recipients = (uint32_t)sqlite3_column_int64(st, COLUMN_RECIPIENTS);
    if (hashes.n != 0 && hashes.n != row->recipients * sizeof(struct id128)) {
        return damaged(s, st, eb);
    }
    enum err e = arena_text(s, hashes, &copy, eb);
    row->recipient_hashes = (const struct id128 *)(const void *)copy.p;
    return e;
}

enum err trap_read(struct store *s, int64_t id, struct slice *out, struct errbuf *eb)
{
    for (size_t i = 0; i < strmap_count(s->trap_ids); i++) {
        if (*strmap_value_at(s->trap_ids, i) == (uint64_t)id) {
            return arena_text(s, strmap_key_at(s->trap_ids, i), out, eb);
        }
    }
    sqlite3_stmt *st;
    int64_t known = 0;
    struct slice name = {NULL, 0};
    enum err e = store_statement(s, STATEMENT_TRAPS, &st, eb);
    while (e == OK && known != id && (e = store_step(s, st, "reading the traps", eb)) == OK) {
        known = sqlite3_column_int64(st, 0);
        name = column_slice(st, 1);
    }
    if (e == OK) {
        int64_t ignored;
        e = arena_text(s, name, out, eb);
        sqlite3_reset(st);
        e = e == OK ? trap_id(s, *out, false, &ignored, eb) : e;
    }
    return e == ERR_END ? err_set(eb, ERR_STORE, "%s: trap %lld is missing", s->path, (long long)id)
                        : e;
}

enum err message_read(struct store *s, sqlite3_stmt *st, struct message_row *row, struct errbuf *eb)
{
    struct slice id = column_slice(st, COLUMN_ID);
    arena_reset(s->arena);
    *row = (struct message_row){
        .received = sqlite3_column_int64(st, COLUMN_RECEIVED),
        .clock = (enum clock_source)sqlite3_column_int(st, COLUMN_CLOCK),
        .has_client = sqlite3_column_type(st, COLUMN_CLIENT) != SQLITE_NULL,
        .asn = (uint32_t)sqlite3_column_int64(st, COLUMN_ASN),
        .bytes = (uint64_t)sqlite3_column_int64(st, COLUMN_BYTES),
        .has_date_offset = sqlite3_column_type(st, COLUMN_DATE_OFFSET) != SQLITE_NULL,
        .date_offset = sqlite3_column_int64(st, COLUMN_DATE_OFFSET),
        .quirks = (uint64_t)sqlite3_column_int64(st, COLUMN_QUIRKS),
        .session_us = sqlite3_column_int64(st, COLUMN_SESSION),
    };
    if (id.n != sizeof row->id.b) {
        return damaged(s, st, eb);
    }
    memcpy(row->id.b, id.p, sizeof row->id.b);
    if (row->has_client) {
        row->client = client_of(column_slice(st, COLUMN_CLIENT));
    }
    enum err e = trap_read(s, sqlite3_column_int64(st, COLUMN_TRAP), &row->trap, eb);
    e = e == OK ? arena_text(s, column_slice(st, COLUMN_COUNTRY), &row->country, eb) : e;
    for (size_t i = 0; e == OK && i < TEXT_COLUMN_COUNT; i++) {
        e = dictionary_text(s, sqlite3_column_int64(st, (int)TEXT_COLUMNS[i].column),
                            (struct slice *)(void *)((char *)row + TEXT_COLUMNS[i].offset), eb);
    }
    for (size_t i = 0; e == OK && i < INLINE_COLUMN_COUNT; i++) {
        e = arena_text(s, column_slice(st, (int)INLINE_COLUMNS[i].column),
                       (struct slice *)(void *)((char *)row + INLINE_COLUMNS[i].offset), eb);
    }
    for (int k = 0; e == OK && k < CLUSTER_KIND_COUNT; k++) {
        e = part_key(s, sqlite3_column_int64(st, COLUMN_VARIANT + k), &row->part[k], eb);
    }
    e = e == OK ? sketch_read(s, st, row, eb) : e;
    e = e == OK ? recipients_read(s, st, row, eb) : e;
    struct slice *domains = NULL;
    e = e == OK ? domains_unpack(s, st, &domains, &row->domain_count, eb) : e;
    row->domains = domains;
    e = e == OK
            ? texts_unpack(s, st, COLUMN_URL_SHAPES, &row->url_shapes, &row->url_shape_count, eb)
            : e;
    e = e == OK ? texts_unpack(s, st, COLUMN_RULES, &row->rule_ids, &row->rule_count, eb) : e;
    e = e == OK ? attachments_unpack(s, st, row, eb) : e;
    return e == OK ? labels_read(s, st, row, eb) : e;
}

static enum err message_by_id(struct store *s, struct id128 id, struct message_row *out,
                              struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t seq;
    enum err e = identity_look_up(s, id, &seq, eb);
    e = e == OK ? store_statement(s, STATEMENT_MESSAGE_BY_SEQ, &st, eb) : e;
    if (e == OK) {
        sqlite3_bind_int64(st, 1, seq);
        e = store_step(s, st, "reading a message", eb);
        if (e == OK) {
            e = message_read(s, st, out, eb);
            sqlite3_reset(st);
        }
    }
    if (e == ERR_NOTFOUND || e == ERR_END || (e == OK && !id128_eq(out->id, id))) {
        char hex[33];
        id128_hex(id, hex);
        return err_set(eb, ERR_NOTFOUND, "%s: no message %s", s->path, hex);
    }
    return e;
}

enum err store_message(struct store *s, struct id128 id, struct message_row *out, struct errbuf *eb)
{
    enum err e = store_begin_read(s, eb);
    return e == OK ? store_end_read(s, message_by_id(s, id, out, eb), eb) : e;
}

static bool prefix_matches(struct id128 id, struct slice hex_prefix)
{
    char hex[33];
    id128_hex(id, hex);
    return slice_istarts(slice_of(hex, 32), hex_prefix);
}

static int id_cmp(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct id128));
}

struct found {
    struct id128 *ids;
    size_t n, limit;
    struct slice prefix;
};

/* Keeps the smallest `limit`. */
static void found_add(struct found *f, struct slice bytes)
{
    struct id128 id;
    if (bytes.n != sizeof id.b) {
        return;
    }
    memcpy(id.b, bytes.p, sizeof id.b);
    if (!prefix_matches(id, f->prefix)) {
        return;
    }
    if (f->n == f->limit) {
        if (id_cmp(&id, &f->ids[f->n - 1]) >= 0) {
            return;
        }
        f->n--;
    }
    size_t at = f->n++;
    for (; at > 0 && id_cmp(&id, &f->ids[at - 1]) < 0; at--) {
        f->ids[at] = f->ids[at - 1];
    }
    f->ids[at] = id;
}

static enum err keyed_find(struct store *s, struct found *f, struct errbuf *eb)
{
    sqlite3_stmt *st, *by_seq;
    struct id128 low = {{0}}, high;
    memset(high.b, 0xff, sizeof high.b);
    for (size_t i = 0; i < f->prefix.n && i < 16; i++) {
        uint8_t digit = (uint8_t)ascii_hex(f->prefix.p[i]);
        unsigned shift = i % 2 ? 0 : 4;
        low.b[i / 2] = (uint8_t)(low.b[i / 2] | digit << shift);
        high.b[i / 2] = (uint8_t)((high.b[i / 2] & ~(0xf << shift)) | digit << shift);
    }
    enum err e = store_statement(s, STATEMENT_KEY_RANGE, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, identity_key(low));
    sqlite3_bind_int64(st, 2, identity_key(high));
    while (f->n < f->limit && (e = store_step(s, st, "finding a message", eb)) == OK) {
        e = store_statement(s, STATEMENT_ID_BY_SEQ, &by_seq, eb);
        if (e != OK) {
            break;
        }
        sqlite3_bind_int64(by_seq, 1, sqlite3_column_int64(st, 0));
        e = store_step(s, by_seq, "finding a message", eb);
        if (e == OK) {
            found_add(f, column_slice(by_seq, 0));
            sqlite3_reset(by_seq);
        } else if (e != ERR_END) {
            break;
        }
    }
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

static enum err tail_find(struct store *s, struct found *f, struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t keyed;
    enum err e = counter_get(s, "keyed", &keyed, eb);
    e = e == OK ? store_statement(s, STATEMENT_TAIL, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, keyed);
    while ((e = store_step(s, st, "finding a message", eb)) == OK) {
        found_add(f, column_slice(st, 1));
    }
    return e == ERR_END ? OK : e;
}

enum err store_find(struct store *s, struct slice hex_prefix, size_t limit,
                    void (*fn)(void *, struct id128), void *arg, struct errbuf *eb)
{
    enum { DIGITS_MIN = 4, DIGITS_MAX = 32, FOUND_MAX = 10000 };
    struct found f = {.limit = limit < FOUND_MAX ? limit : FOUND_MAX, .prefix = hex_prefix};
    bool ok = hex_prefix.n >= DIGITS_MIN && hex_prefix.n <= DIGITS_MAX;
    for (size_t i = 0; ok && i < hex_prefix.n; i++) {
        ok = ascii_hex(hex_prefix.p[i]) >= 0;
    }
    if (!ok) {
        return err_set(eb, ERR_USAGE, "an identity is %d to %d hex digits", DIGITS_MIN, DIGITS_MAX);
    }
    if (f.limit == 0) {
        return OK;
    }
    f.ids = malloc(f.limit * sizeof *f.ids);
    enum err e = f.ids ? store_begin_read(s, eb) : err_set(eb, ERR_NOMEM, "out of memory");
    if (e == OK) {
        e = keyed_find(s, &f, eb);
        e = e == OK ? tail_find(s, &f, eb) : e;
        e = store_end_read(s, e, eb);
    }
    for (size_t i = 0; e == OK && i < f.n; i++) {
        fn(arg, f.ids[i]);
    }
    free(f.ids);
    return e;
}

/* ---- paging ---- */

/* The cursor's place in the order (received, seq): its message's seq, also when retention has
 * deleted the row since. */
struct place {
    bool has_time;
    int64_t received, seq;
};

static enum err place_find(struct store *s, const struct page_cursor *cursor, struct place *out,
                           struct errbuf *eb)
{
    *out = (struct place){.received = INT64_MIN};
    if (!cursor->is_set) {
        return OK;
    }
    enum err e = identity_look_up(s, cursor->id, &out->seq, eb);
    /* With seq 0 the whole second comes again, which repeats rather than loses. */
    out->has_time = cursor->received != 0;
    out->received = cursor->received;
    return e == ERR_NOTFOUND ? OK : e;
}

struct paging {
    struct page_cursor *cursor;
    size_t left;
    const struct scope *scope;
    void (*fn)(void *, const struct message_row *);
    void *arg;
};

static enum err rows_page(struct store *s, sqlite3_stmt *st, struct paging *p, struct errbuf *eb)
{
    enum err e = OK;
    while (p->left > 0 && (e = store_step(s, st, "reading messages", eb)) == OK) {
        struct message_row row;
        if (!scope_holds_trap(p->scope, sqlite3_column_int64(st, COLUMN_TRAP))) {
            continue;
        }
        e = message_read(s, st, &row, eb);
        if (e != OK) {
            break;
        }
        *p->cursor = (struct page_cursor){row.received, row.id, true};
        p->left--;
        p->fn(p->arg, &row);
    }
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

static enum err filter_page(struct store *s, const struct store_filter *f, struct paging *p,
                            struct errbuf *eb)
{
    sqlite3_stmt *st;
    struct place place;
    enum err e = place_find(s, p->cursor, &place, eb);
    if (e == OK && p->scope->is_open && !place.has_time) {
        e = store_statement(s, STATEMENT_MESSAGE_PAGE_NO_CLOCK, &st, eb);
        if (e == OK) {
            sqlite3_bind_int64(st, 1, place.seq);
            e = rows_page(s, st, p, eb);
        }
        place = (struct place){.received = INT64_MIN};
    }
    if (e == OK && p->left > 0) {
        e = store_statement(s, STATEMENT_MESSAGE_PAGE, &st, eb);
        if (e == OK) {
            int64_t from = place.received > f->since ? place.received : f->since;
            sqlite3_bind_int64(st, 1, from);
            sqlite3_bind_int64(st, 2, f->until);
            sqlite3_bind_int64(st, 3, place.received);
            sqlite3_bind_int64(st, 4, place.seq);
            e = rows_page(s, st, p, eb);
        }
    }
    return e;
}

enum err store_page(struct store *s, const struct store_filter *f, struct page_cursor *cursor,
                    size_t limit, void (*fn)(void *, const struct message_row *), void *arg,
                    struct errbuf *eb)
{
    struct scope scope;
    enum err e = store_begin_read(s, eb);
    if (e != OK) {
        return e;
    }
    e = scope_open(s, f, &scope, eb);
    if (e == OK) {
        struct paging p = {cursor, limit, &scope, fn, arg};
        e = filter_page(s, f, &p, eb);
        scope_close(&scope);
    }
    return store_end_read(s, e, eb);
}
