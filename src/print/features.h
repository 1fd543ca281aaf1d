/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The features of one message: everything that rules, clusters and the store may know it by. Plain
 * data; all slices live in the message's arena or raw bytes. An absent feature is absent, never 0
 * or "". */
#ifndef PRINT_FEATURES_H
#define PRINT_FEATURES_H

#include "core/hash.h"
#include "mail/mail.h"
#include "mail/received.h"
#include "mail/url.h"
#include "print/hd1.h"

enum feature_id {
#define FEATURE(id, name, type, group, match, doc) FEATURE_##id,
#include "print/features.def"
#undef FEATURE
    FEATURE_COUNT
};

enum feature_type { FEATURE_TYPE_TEXT, FEATURE_TYPE_LIST, FEATURE_TYPE_NUMBER, FEATURE_TYPE_FLAG };
enum evidence_group {
    EVIDENCE_DIALECT,
    EVIDENCE_HEADER,
    EVIDENCE_TEMPLATE,
    EVIDENCE_URL,
    EVIDENCE_IPLIST,
    EVIDENCE_TRANSPORT,
    EVIDENCE_COUNT
};
enum feature_match { FEATURE_MATCH_CASED, FEATURE_MATCH_FOLDED };

struct feature_info {
    const char *name;
    enum feature_type type;
    enum evidence_group group;
    enum feature_match match;
    const char *doc;
};
const struct feature_info *feature_info(enum feature_id id);
/* FEATURE_COUNT when there is none of that name. */
enum feature_id feature_by_name(struct slice name);
const char *evidence_group_name(enum evidence_group g);

struct attachment {
    struct slice type; /* "image/gif" */
    struct slice name; /* file name, decoded; may hold personal tokens: store its shape only */
    struct slice name_shape;
    struct id128 hash; /* of the decoded bytes */
    uint64_t bytes;
};

/* A text part as its reader meets it. */
struct body_text {
    struct slice text; /* visible */
    bool is_html;
    bool is_seen; /* false: the plain variant of an HTML text, or a file */
    struct html_outline outline;
};

struct features {
    struct {
        const struct slice *items; /* TEXT: one; LIST: any number */
        size_t count;              /* 0: absent */
    } text[FEATURE_COUNT];
    int64_t number[FEATURE_COUNT]; /* NUMBER and FLAG */
    bool has_number[FEATURE_COUNT];
    const struct mail *mail; /* for header.NAME */
    const struct chain *chain;
    const struct url_list *urls;
    const struct attachment *attachments;
    size_t attachment_count;
    const struct body_text *bodies; /* in order; those without any text too */
    size_t body_count;
    struct hd1_inputs hd1; /* what FP_HD1's parts b and c are hashes of */
    uint64_t quirks;       /* of mail, chain, URLs and the prints together */
};

struct envelope {
    struct slice from; /* envelope sender when the source knows it; empty otherwise */
    uint64_t bytes;    /* whole size */
};

/* Fills all features that the message itself gives (not client.country, client.asn: the caller sets
 * those with features_set_text / features_set_number before matching). `text_parts` decoding and
 * the URL scan happen here, once. ERR_NOMEM only. */
enum err features_extract(struct features *f, struct mail *m, const struct chain *c,
                          const struct url_context *urls, const struct envelope *e,
                          struct arena *arena) MUST_USE;

enum err features_set_text(struct features *f, enum feature_id id, struct slice value,
                           struct arena *arena) MUST_USE;
void features_set_number(struct features *f, enum feature_id id, int64_t value);

/* The first item, or an empty slice. */
struct slice features_text(const struct features *f, enum feature_id id);

#endif
