/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the drafting of rules: what was seen, and the traits made of it. */
#ifndef SIG_SUGGEST_PART_H
#define SIG_SUGGEST_PART_H

#include "sig/rule.h"
#include "sig/suggest.h"

enum suggest_how { HOW_TEXT, HOW_VALUE, HOW_SHAPE, HOW_ITEM, HOW_PREFIX, HOW_ORDER };

enum aspect_index {
#define SUGGEST(feature, how) ASPECT_##feature,
#define SUGGEST_HEADER(name)
#include "sig/suggest.def"
#undef SUGGEST
#undef SUGGEST_HEADER
    ASPECT_FEATURES,
    ASPECT_HEADERS = 8,
    ASPECT_COUNT = ASPECT_FEATURES + ASPECT_HEADERS
};

enum {
    ASPECT_VALUES = 256, /* different values remembered: more are no trait */
    ASPECT_NAMES = 40,   /* of a header's order */
    ASPECT_VALUE = 200,  /* bytes; longer values are no traits */
    SUGGEST_SECRETS = 4096,
    TRAIT_SET = 4,      /* values of one trait */
    TRAIT_ITEMS = 8,    /* traits of one list */
    TRAIT_PERCENT = 95, /* of the messages that must show a trait */
    TRAIT_PREFIX = 5,   /* bytes of a beginning that tells anything */
    HOLD_OUT = 5        /* each so-manyth message is held out */
};

struct aspect {
    struct strmap *values; /* value: messages, and in the high half the last one that had it */
    size_t present;        /* learnt messages that have any */
    struct strbuf prefix, suffix; /* of all values */
    char *names[ASPECT_NAMES];    /* ORDER: what all have in this order; malloc */
    size_t name_count;
};

struct trait_bits {
    uint64_t bits[SUGGEST_TRAITS / 64];
};
struct trait_rows {
    struct trait_bits *items;
    size_t count, capacity;
};

struct suggest {
    struct aspect aspects[ASPECT_COUNT];
    struct strmap *secrets;
    uint64_t seen, learnt; /* messages of step 1 */
    struct arena *arena;   /* entries of traits, texts */
    struct suggest_trait traits[SUGGEST_TRAITS];
    struct suggest_trait sorted[SUGGEST_TRAITS];
    enum feature_id features[SUGGEST_TRAITS]; /* FEATURE_COUNT: header.NAME */
    size_t trait_count;
    struct slice texts[2 * SUGGEST_CHOSEN + 6];
    enum feature_id text_fields[2 * SUGGEST_CHOSEN + 6];
    size_t text_count;
    struct rules *rules;
    struct rule_scratch *scratch;
    struct trait_rows rows[2]; /* by enum suggest_side */
    size_t chosen[SUGGEST_CHOSEN];
    size_t chosen_count;
    struct suggest_draft draft;
};

enum feature_id aspect_feature(size_t aspect);
enum suggest_how aspect_how(size_t aspect);
/* "msgid.shape", "header.x-priority" */
struct slice aspect_name(size_t aspect, char buffer[HEADER_FIELD_BYTES]);

#endif
