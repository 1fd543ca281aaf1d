/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message row is read back, whole or as it is counted. */
#include "print/cd1.h"
#include "store/sqlite_message.h"

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
    e = e == OK ? dictionary_read(s, st, TEXT_COLUMNS, TEXT_COLUMN_COUNT, row, eb) : e;
    e = e == OK ? texts_read(s, st, INLINE_COLUMNS, INLINE_COLUMN_COUNT, row, eb) : e;
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
