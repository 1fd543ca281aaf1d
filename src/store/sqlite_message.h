/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a message stands in its table, for writing and reading. Private to sqlite_message_*.c. */
#ifndef STORE_SQLITE_MESSAGE_H
#define STORE_SQLITE_MESSAGE_H

#include "store/sqlite.h"

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

/* Ids of the dictionary. */
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
/* Texts that stand in the row itself. */
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

static inline const struct row_label *row_label(const struct message_row *row, int kind)
{
    return (const struct row_label *)(const void *)((const char *)row + LABEL_OFFSETS[kind]);
}

static inline bool clock_is_off(bool has_offset, int64_t offset)
{
    return has_offset && (offset > CLOCK_OFF_SECONDS || offset < -CLOCK_OFF_SECONDS);
}

/* The keys of names, each once: how many. */
size_t domain_keys(const struct slice *names, size_t n, uint64_t *keys);

#endif
