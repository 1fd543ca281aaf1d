/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside cluster only: how much speaks for two variants being of one mailer, in nats. Made for one
 * grouping from the variants that are there, because what a value tells depends on how many
 * dialects show it. Places of variants are the table's. */
#ifndef CLUSTER_VARIANT_MODEL_H
#define CLUSTER_VARIANT_MODEL_H

#include "cluster/variant_table.h"

enum variant_field {
#define VARIANT_FIELD(id, name, differs, absent, why) VARIANT_##id,
#include "cluster/variant_field.def"
#undef VARIANT_FIELD
    VARIANT_FIELD_COUNT
};

/* The values of VARIANT_* are numbered over all fields. */
enum { VARIANT_UNKNOWN = 0, VARIANT_ABSENT = 1 };

struct variant_names {
    uint32_t *hash;    /* of each field's name in lower case, in order */
    uint16_t *written; /* of the name as it is */
    uint64_t core;     /* of the order of those that relays leave alone */
    uint64_t core_set; /* of the same in any order */
    bool is_shuffled;  /* its program writes them in any order */
    uint8_t count;     /* at most DIALECT_NAMES; 0: not known */
};

/* A bit for each field. */
struct variant_fields {
    uint32_t known; /* not VARIANT_UNKNOWN */
    uint32_t shown; /* nor VARIANT_ABSENT */
};

struct variant_model {
    const struct variants *v;
    uint32_t (*value)[VARIANT_FIELD_COUNT];
    struct variant_fields *fields;
    uint64_t *msgid;       /* each variant's Message-ID without what varies by chance or machine */
    uint32_t *order;       /* the number of each variant's part b */
    uint32_t drawn_mailer; /* stands for all names of mailers that are random */
    float *weight;         /* what agreement in a value is worth, by its number */
    struct variant_names *names;
    uint32_t *hashes; /* what the names of all point into */
    uint16_t *written;
};

/* ERR_NOMEM: nothing was made. */
enum err variant_model_make(struct variant_model *m, const struct variants *v) MUST_USE;
void variant_model_free(struct variant_model *m);

/* ---- variant_evidence.c ---- */

struct variant_evidence {
    double names;         /* field names and their order */
    double agree, differ; /* the other fields */
    double total;         /* with the prior; above 0: one mailer */
};
/* A total that would not be above `floor` may be given as `floor`, with the names left out. */
void variant_evidence(const struct variant_model *m, size_t a, size_t b, double floor,
                      struct variant_evidence *out);

/* How the field names of two variants relate. */
struct variant_order {
    bool is_known, is_equal;
    unsigned common;   /* names in both */
    unsigned in_order; /* of these, most that stand in the same order */
    unsigned recased;  /* of the common ones: in other case */
    unsigned first, second;
};
void variant_order(const struct variant_model *m, size_t a, size_t b, struct variant_order *out);

/* The time in which a variant or a group was seen. */
struct variant_span {
    int64_t first, last;
};

/* The evidence of machines as it counts, from that of a meeting: at most so that it outweighs any
 * header, and little against, for a kit may be used by two botnets, unless what `differ`s in their
 * headers (nats, negative) says that it is not one kit; nothing when the two were not there at one
 * time. */
double variant_hosts_evidence(struct variant_span x, struct variant_span y, double differ,
                              double evidence);

/* Before any evidence. */
double variant_prior(void);
const char *variant_field_name(enum variant_field f);
/* The evidence of one field; 0: neutral. */
double variant_field_evidence(const struct variant_model *m, enum variant_field f, size_t a,
                              size_t b);

#endif
