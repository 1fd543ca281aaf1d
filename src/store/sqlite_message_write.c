/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message row is written, and compared with what would be written. */
#include "print/cd1.h"
#include "store/sqlite_message.h"

static uint64_t millionths(double p)
{
    return p > 0 ? p < 1 ? (uint64_t)(p * MILLION + 0.5) : MILLION : 0;
}

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

size_t domain_keys(const struct slice *names, size_t n, uint64_t *keys)
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
    strbuf_clear(&s->packed);
    enum err e = dictionary_ids(s, row, TEXT_COLUMNS, TEXT_COLUMN_COUNT, p->texts, eb);
    for (int i = 0; e == OK && i < LABEL_KINDS; i++) {
        e = label_ids_of(s, row_label(row, i), &p->labels[i], eb);
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
    dictionary_bind(st, p->texts, TEXT_COLUMNS, TEXT_COLUMN_COUNT);
    texts_bind(st, row, INLINE_COLUMNS, INLINE_COLUMN_COUNT);
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

/* ---- comparing ---- */

static bool slices_same(const struct slice *a, size_t n, const struct slice *b, size_t m)
{
    bool same = n == m;
    for (size_t i = 0; same && i < n; i++) {
        same = slice_eq(a[i], b[i]);
    }
    return same;
}

static bool texts_same(const struct message_row *a, const struct message_row *b,
                       const struct text_column *columns, size_t n)
{
    bool same = true;
    for (size_t i = 0; same && i < n; i++) {
        same = slice_eq(*row_text(a, &columns[i]), *row_text(b, &columns[i]));
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
    same = same && texts_same(a, b, TEXT_COLUMNS, TEXT_COLUMN_COUNT) &&
           texts_same(a, b, INLINE_COLUMNS, INLINE_COLUMN_COUNT);
    for (int i = 0; same && i < LABEL_KINDS; i++) {
        same = labels_are_same(row_label(a, i), row_label(b, i));
    }
    bool are_packed = a->sketch.n && b->sketch.n; /* one that is yet to be stored has no print */
    return same && (are_packed ? slice_eq(a->sketch, b->sketch) : slice_eq(a->cd1, b->cd1)) &&
           slices_same(a->domains, a->domain_count, b->domains, b->domain_count) &&
           slices_same(a->url_shapes, a->url_shape_count, b->url_shapes, b->url_shape_count) &&
           slices_same(a->rule_ids, a->rule_count, b->rule_ids, b->rule_count) &&
           attachments_same(a, b);
}
