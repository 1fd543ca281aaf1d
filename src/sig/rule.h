/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the room. A rule has three lives: the tree that the checker makes of a file (struct
 * rule_source), the image that the compiler writes (struct image_*, flat, position-free, what the
 * cache keeps) and the set that matches (struct rules, pointers into an image). */
#ifndef SIG_RULE_H
#define SIG_RULE_H

#include "core/finding.h"
#include "core/ip.h"
#include "core/strbuf.h"
#include "core/strmap.h"
#include "core/yaml.h"
#include "sig/rules.h"

#include <hs/hs.h>

#include <stdatomic.h>

/* ---- fields of rules: features.def and header.NAME ---- */

struct rule_field {
    enum feature_id feature; /* FEATURE_COUNT: header.NAME */
    struct slice name;       /* "msgid"; "header.x-mailer" in lower case */
    enum feature_type type;
    enum evidence_group group;
    bool is_folded;
};

enum { HEADER_FIELD_BYTES = 128 }; /* "header." and the longest name that a rule may ask for */

/* False when there is no such field. `name` of a header field is written into `buffer`. */
bool rule_field_find(struct slice name, char buffer[HEADER_FIELD_BYTES], struct rule_field *out);
/* All feature names and "header.NAME", NULL at the end: for "did you mean". */
const char *const *rule_field_names(void);

/* ---- the tree of one rule ---- */

enum atom_op {
    ATOM_PATTERN, /* index: the field's libhs database or the table of exact values */
    ATOM_ORDER,   /* index: one item of the sequence; confirmed on the list */
    ATOM_NEAR,    /* index: word triples of the template; confirmed on the text */
    ATOM_EXISTS,
    ATOM_EQ,
    ATOM_GT,
    ATOM_GTE,
    ATOM_LT,
    ATOM_LTE,
    ATOM_CIDR,
    ATOM_REF_EQ, /* fieldref: equal, contains, starts, ends; on numbers eq .. lte */
    ATOM_REF_CONTAINS,
    ATOM_REF_STARTS,
    ATOM_REF_ENDS,
    ATOM_REF_GT,
    ATOM_REF_GTE,
    ATOM_REF_LT,
    ATOM_REF_LTE,
    ATOM_OP_COUNT
};

enum pattern_kind {
    PATTERN_EXACT, /* whole value, found by hash */
    PATTERN_REGEX, /* libhs expression */
    PATTERN_NEAR,  /* template */
};

struct pattern {
    enum pattern_kind kind;
    struct rule_field field;
    bool is_caseless;
    struct slice text; /* EXACT: the value; REGEX: the expression; NEAR: the template */
    unsigned flags;    /* HS_FLAG_* */
    double rarity;     /* rough chance that a message has it, for choosing the index */
    unsigned length;   /* bytes of the shortest match; NEAR: the threshold in percent */
    bool is_anchored;  /* matches begin at the value's start */
    bool is_fixed;     /* every match has `length` bytes */
};

struct atom {
    enum atom_op op;
    struct rule_field field;
    struct rule_field other; /* fieldref */
    struct pattern pattern;  /* of the indexed kinds */
    struct slice key;        /* as written: "header.x-mailer|startswith" */
    struct slice value;      /* as written */
    struct slice *items;     /* order */
    size_t item_count;
    int64_t number; /* numbers, flags, exists; near: percent; text fieldref: is cased */
    struct cidr net;
    unsigned line, column; /* of the value */
    bool is_watched;       /* rule_triggers */
    bool is_positive;      /* rule_groups */
};

enum cond_op { COND_TRUE_ATOM, COND_AND, COND_OR, COND_NOT, COND_SEARCH };

struct cond {
    enum cond_op op;
    size_t index; /* of the atom or the search */
    struct cond *first, *next;
};

struct search {
    struct slice name;
    struct cond *root;
    unsigned line, column;
    bool is_used;
};

struct rule_test_source {
    bool is_match;
    struct slice message;
    struct slice received, client, helo, ptr; /* empty: as the message says */
    int64_t when;                             /* received as a time */
};

struct rule_source {
    const char *file;      /* as findings say it */
    struct slice relative; /* to the pack's folder */
    unsigned line;
    struct slice id, title, label;
    enum rule_status status;
    enum label_kind kind;
    unsigned confidence; /* 0..100 */
    int64_t valid_from, valid_until;
    struct slice *references, *aka;
    size_t reference_count, aka_count;
    struct rule_test_source *tests;
    size_t test_count;
    struct search *searches;
    size_t search_count;
    struct atom *atoms;
    size_t atom_count;
    struct cond *condition;
    unsigned groups;
    bool is_dropped; /* its patterns do not compile */
};

/* ---- from text to tree ---- */

/* Checks one file; NULL when it has errors. Everything lives in `arena`. */
struct rule_source *rule_check(struct slice text, const char *file, struct arena *arena,
                               struct findings *to);

/* The parts of rule_check: */
bool check_detection(const struct yaml_node *detection, struct rule_source *rule,
                     struct arena *arena, struct findings *to);
bool check_attribution(const struct yaml_node *attribution, struct rule_source *rule,
                       struct arena *arena, struct findings *to);
bool check_tests(const struct yaml_node *tests, struct rule_source *rule, struct arena *arena,
                 struct findings *to);
/* A scalar that is not empty; a finding otherwise. */
bool check_text(const struct yaml_node *n, const char *what, struct findings *to);
/* YYYY, YYYY-MM or YYYY-MM-DD: its first moment and the first after it. */
bool check_date(struct slice s, int64_t *from, int64_t *until);

/* Parses the condition over rule->searches (marks those used). NULL after a finding. */
struct cond *condition_parse(const struct yaml_node *n, struct rule_source *rule,
                             struct arena *arena, struct findings *to);

/* Patterns. False after a finding at `n`; `skip` bytes of the value precede the text (columns). */
bool pattern_exact(struct pattern *p, const struct rule_field *field, bool is_cased,
                   const struct yaml_node *n, struct arena *arena, struct findings *to);
enum pattern_place { PLACE_WHOLE, PLACE_ANYWHERE, PLACE_START, PLACE_END };
bool pattern_literal(struct pattern *p, const struct rule_field *field, bool is_cased,
                     enum pattern_place place, const struct yaml_node *n, struct arena *arena,
                     struct findings *to);
bool pattern_regex(struct pattern *p, const struct rule_field *field, bool is_cased,
                   const struct yaml_node *n, struct arena *arena, struct findings *to);
bool pattern_shape(struct pattern *p, const struct rule_field *field, const struct yaml_node *n,
                   struct arena *arena, struct findings *to);
bool pattern_near(struct pattern *p, const struct rule_field *field, const struct yaml_node *n,
                  struct arena *arena, struct findings *to);

/* A set of atoms such that the condition is false whenever all of them are false: what the index
 * must watch. False when there is none. Appends atom indexes to `out` (atom_count places). `users`
 * says how many rules share an atom's pattern (NULL: one). */
bool rule_triggers(struct rule_source *rule, const unsigned *users, size_t *out, size_t *count);
/* The evidence groups of the parts that speak for the rule (marks their atoms as positive); absence
 * is evidence of nothing. */
unsigned rule_groups(struct rule_source *rule);

/* ---- the image ---- */

enum { IMAGE_NONE = 0xffffffffU };

struct image_text {
    uint32_t at, n; /* in the text section */
};
struct image_span {
    uint32_t first, count; /* in the section that the member's name says */
};

struct image_rule {
    struct image_text id, title, file, label;
    uint32_t line, status, kind, groups;
    double confidence, weight;
    int64_t valid_from, valid_until;
    struct image_span references, aka; /* texts */
    struct image_span tests, atoms, searches;
    uint32_t root; /* node */
    uint32_t pad;
};
struct image_test {
    uint32_t is_match, has_when;
    int64_t when;
    struct image_text message, client, helo, ptr;
};
struct image_search {
    struct image_text name;
    uint32_t root, pad;
};
struct image_node {
    uint32_t op;            /* enum cond_op, COND_SEARCH resolved */
    uint32_t atom;          /* COND_TRUE_ATOM */
    struct image_span kids; /* in the kids section: node numbers, all below the parent's own */
};
struct image_atom {
    uint32_t op, field, other, pattern; /* IMAGE_NONE where not used */
    struct image_text key, value;
    struct image_span items; /* texts */
    int64_t number;
    struct cidr net;
    uint32_t is_positive;
};
struct image_field {
    uint32_t feature, type, group, is_folded;
    struct image_text name;
    uint64_t db_at, db_bytes; /* serialised libhs database in the blob; 0 bytes: none */
    uint32_t exact_bytes_max; /* of its exact values; 0: none */
    uint32_t pad;
};
struct image_pattern {
    uint32_t kind, field, is_caseless, length;
    uint32_t is_anchored, is_fixed;
    struct image_text text;
    struct image_span triggers; /* rules, in the watch section */
};
struct image_finding {
    uint32_t level, line, column, pad;
    struct image_text file, text;
};

#define IMAGE_SECTIONS(X)                                                                          \
    X(rules, struct image_rule)                                                                    \
    X(tests, struct image_test)                                                                    \
    X(searches, struct image_search)                                                               \
    X(nodes, struct image_node)                                                                    \
    X(kids, uint32_t)                                                                              \
    X(atoms, struct image_atom)                                                                    \
    X(fields, struct image_field)                                                                  \
    X(patterns, struct image_pattern)                                                              \
    X(watch, uint32_t)                                                                             \
    X(texts, struct image_text)                                                                    \
    X(findings, struct image_finding)                                                              \
    X(text, char)                                                                                  \
    X(blob, char)

enum image_section {
#define X(name, type) SECTION_##name,
    IMAGE_SECTIONS(X)
#undef X
        SECTION_COUNT
};

/* The last byte is the format: a change of any struct above raises it. */
#define IMAGE_MAGIC "SGRULE\n\1"

struct image_header {
    char magic[9];
    struct id128 key;      /* of the rule text and everything that makes databases differ */
    struct id128 checksum; /* of all bytes, with this one as zeros */
    uint64_t bytes;        /* of the image with its header */
    uint64_t rejected;
    struct image_text version;
    struct {
        uint64_t at, bytes;
    } section[SECTION_COUNT];
};

/* False when out of memory. */
bool image_checksum(const char *image, size_t bytes, struct id128 *out);

/* Compiles the rules (not those with is_dropped) into an image. Findings of compiling mark rules
 * as dropped and the work starts again without them. */
enum err image_compile(struct rule_source **rules, size_t count, struct findings *findings,
                       struct slice version, struct id128 key, size_t rejected,
                       struct strbuf *image, struct errbuf *eb) MUST_USE;

/* ---- the set ---- */

struct rules {
    atomic_uint refs;
    uint64_t serial; /* unique in the process; tells a scratch that the set is another one */
    char *image;
    size_t image_bytes;
    const struct image_header *header;
#define X(name, type)                                                                              \
    const type *name;                                                                              \
    size_t name##_count;
    IMAGE_SECTIONS(X)
#undef X
    struct rule_info *info;
    struct slice *info_texts;
    hs_database_t **databases; /* one a field; NULL where it has none */
    hs_scratch_t *scratch;     /* fits all databases; threads clone it */
    uint32_t *exact;           /* open addressing by hash: pattern + 1 */
    size_t exact_mask;
    uint32_t *scanned; /* feature fields that have patterns */
    size_t scanned_count;
    struct strmap *header_fields; /* lower-case name: field */
    uint32_t near_field;          /* IMAGE_NONE without templates */
    struct near_index *near;      /* NULL when no rule has a template */
    struct slice version;
    bool is_from_cache;
};

/* Takes the image (malloc) also on failure. ERR_SYNTAX when it is not sound. */
enum err rules_open(char *image, size_t bytes, struct rules **out) MUST_USE;

static inline struct slice image_slice(const struct rules *r, struct image_text t)
{
    return slice_of(r->text + t.at, t.n);
}

/* Hash of a value for the table of exact ones: ASCII case aside. */
uint64_t exact_hash(uint32_t field, struct slice value);

/* ---- the cache ---- */

/* ERR_NOTFOUND when there is no sound image of that key. */
enum err cache_read(const char *dir, struct id128 key, char **image, size_t *bytes) MUST_USE;
/* Atomic; a failure is only a lost shortcut. */
enum err cache_write(const char *dir, struct id128 key, struct slice image,
                     struct errbuf *eb) MUST_USE;

/* ---- matching, for explain and test ---- */

struct pattern_hit {
    uint32_t epoch; /* of the scan that found it */
    uint32_t end;   /* offset after the match in `item` */
    struct slice item;
};

struct rule_scratch {
    uint64_t serial;
    hs_scratch_t *hs;
    uint32_t epoch;
    struct pattern_hit *hits; /* by pattern */
    uint32_t *seen;           /* epoch by rule */
    uint32_t *candidates;
    size_t candidate_count;
    struct rule_hit *found;
    size_t pattern_count, rule_count;
    /* of the scan going on */
    const struct rules *rules;
    const struct features *features;
    struct arena *arena;
    struct slice item;
    uint32_t field;
    bool failed;
    struct near_words *near;
};

/* Marks a pattern as found in s->item, its match ending at `end`. */
void match_mark(struct rule_scratch *s, uint32_t pattern, size_t end);

/* ---- templates (near.c) ---- */

struct near_index;
struct near_words;
/* *out is NULL when there are no templates. */
enum err near_index_new(const struct rules *r, struct near_index **out) MUST_USE;
void near_index_free(struct near_index *index);
struct near_words *near_words_new(void) MUST_USE;
void near_words_free(struct near_words *w);
/* Takes in the items of the field and marks the templates that may be near. */
void near_scan(const struct rules *r, struct rule_scratch *s, const struct slice *items,
               size_t count);
/* The percentage of word triples that the text and the template share. */
unsigned near_share(const struct rules *r, const struct rule_scratch *s, uint32_t pattern);
/* Words of a template, for the check. */
size_t near_word_count(struct slice text);

/* Looks all indexed fields up. Fills hits and candidates. */
enum err match_scan(const struct rules *r, struct rule_scratch *s, const struct features *f,
                    struct arena *arena) MUST_USE;
bool match_atom(const struct rules *r, struct rule_scratch *s, const struct image_atom *a);
bool match_node(const struct rules *r, struct rule_scratch *s, uint32_t node);
/* The bytes that a pattern matched, at most RULE_MATCHED_BYTES. */
struct rule_evidence match_evidence(const struct rules *r, const struct rule_scratch *s,
                                    const struct image_atom *a);

enum { RULE_MATCHED_BYTES = 80 };

/* METHODS B2 over hits sorted strongest first. */
void attribution_decide(const struct rules *r, const struct rule_hit *hits, size_t count,
                        struct label label[LABEL_KIND_COUNT]);
double attribution_weight(const struct rule_info *info, int64_t when, bool *is_expired);
/* Strongest first; ties by id, so the order of the rules does not matter. */
void attribution_sort(const struct rules *r, struct rule_hit *hits, size_t count);

#endif
