/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside cluster only: the dialect that all messages of a variant share, as far as it is compared.
 * What is not part of the key is kept so that the order of the messages does not matter: the least
 * text, the quirks that all have. */
#ifndef CLUSTER_VARIANT_DIALECT_H
#define CLUSTER_VARIANT_DIALECT_H

#include "cluster/part.h"
#include "print/field.h"
#include "print/sd1.h"

enum {
    /* Of HD1's part c: the fields, the first part's names, and of Content-Type how it is written,
       in a message of one part and in one of several */
    DIALECT_PART = VALUE_COUNT,
    DIALECT_LEAF,
    DIALECT_MULTI,
    DIALECT_ROWS,
    DIALECT_NAMES = 48,        /* compared; real mail has under 30, a hash has the rest */
    DIALECT_TEXT_BYTES = 160,  /* kept of a shape or a mailer's name; the rest tells no more */
    DIALECT_NAMES_BYTES = 768, /* kept of the names: 48 of 16 bytes */
    DIALECT_CLASSES = 4,       /* Message-ID, boundary, Date, mailer */
};

enum dialect_text {
    DIALECT_MSGID,
    DIALECT_BOUNDARY,
    DIALECT_MAILER,
    DIALECT_NAME_LIST,
    DIALECT_TEXTS
};

struct dialect {
    char classes[DIALECT_CLASSES]; /* HD1's letters */
    char sd1_a[SD1_TRAIT_COUNT];   /* as the key sees it; all '-': no SD1 */
    uint8_t count;                 /* of fields; the least seen */
    bool knows_rows, is_td1_mixed, is_listed;
    uint64_t names, shapes;              /* HD1's parts b and c as numbers; 0: '-' */
    uint64_t sd1_sequence, sd1_skeleton; /* SD1's b (the least seen) and c; 0: none */
    uint64_t quirks;                     /* those of every message */
    uint32_t td1;                        /* hash; 0: none */
    uint32_t row[DIALECT_ROWS];          /* hash of the shape; 0: absent (when rows are known) */
    uint16_t text_bytes[DIALECT_TEXTS];
    char text[]; /* the texts, one behind the other */
};

/* The key alone and what it is made of; false: the message shows no dialect. */
struct dialect_key {
    char classes[DIALECT_CLASSES], sd1_a[SD1_TRAIT_COUNT];
    uint8_t count;
    uint64_t names, shapes, sd1_sequence, sd1_skeleton;
};
bool dialect_key(const struct cluster_message *m, struct dialect_key *k, uint64_t *key);

/* NULL: out of memory. */
struct dialect *dialect_new(const struct cluster_message *m, const struct dialect_key *k) MUST_USE;
/* Takes in one more message of the same key. ERR_NOMEM: as it was. */
enum err dialect_take(struct dialect **d, const struct cluster_message *m,
                      const struct dialect_key *k) MUST_USE;

struct slice dialect_text(const struct dialect *d, enum dialect_text t);
bool dialect_has_sd1(const struct dialect *d);
size_t dialect_bytes(const struct dialect *d);
/* The print with what the variant leaves open as '*'. */
void dialect_print(const struct dialect *d, struct strbuf *out);

void dialect_save(const struct dialect *d, struct strbuf *out);
/* NULL: damaged, or out of memory. */
struct dialect *dialect_load(struct slice *in) MUST_USE;

#endif
