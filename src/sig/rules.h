/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rule files (DESIGN 6, docs/rules.md): loaded, checked, compiled into one libhs database per
 * field, matched. A rule set is immutable and shared by threads through a reference count; a reload
 * makes a new one beside it. */
#ifndef SIG_RULES_H
#define SIG_RULES_H

#include "core/err.h"
#include "core/finding.h"
#include "print/features.h"

/* What a rule's attribution names; each kind has its own posterior. */
enum label_kind { LABEL_BOTNET, LABEL_MAILER, LABEL_PROGRAM, LABEL_KIND_COUNT };
const char *label_kind_name(enum label_kind k);

enum rule_status { RULE_EXPERIMENTAL, RULE_TEST, RULE_STABLE, RULE_DEPRECATED };
const char *rule_status_name(enum rule_status s);

struct rule_info {   /* borrowed from the set */
    struct slice id; /* UUID */
    struct slice title;
    struct slice file; /* relative to the path it was found under */
    unsigned line;
    enum rule_status status;
    enum label_kind kind;
    struct slice label;  /* "srizbi" */
    double confidence;   /* 0..1 */
    double weight;       /* log-likelihood ratio against `unknown`: ln(c / (1 - c)) */
    unsigned groups;     /* bits 1 << enum evidence_group that its positive parts use */
    int64_t valid_from;  /* INT64_MIN when open */
    int64_t valid_until; /* INT64_MAX when open; first moment after */
    const struct slice *references;
    size_t reference_count;
    const struct slice *aka;
    size_t aka_count;
    size_t test_match_count, test_reject_count;
};

struct rule_options {
    const char *const *paths; /* files or folders; *.yml and *.yaml below them, sorted */
    size_t path_count;
    const char *cache_dir; /* compiled databases by content hash; NULL: no cache */
    finding_fn on_finding; /* may be NULL; during a live reload called from its thread */
    void *arg;
};

struct rules;

/* Loads and compiles. Bad rules are reported as findings and left out; ERR_CONFIG when a path
 * cannot be read. *out has one reference. */
enum err rules_load(const struct rule_options *o, struct rules **out, struct errbuf *eb) MUST_USE;
struct rules *rules_ref(struct rules *r);
void rules_unref(struct rules *r);

size_t rules_count(const struct rules *r);
const struct rule_info *rules_info(const struct rules *r, size_t i);
/* Rules left out because of errors at load. */
size_t rules_rejected(const struct rules *r);
/* "spamgauge-2026.11+9f3a1c2b": name and content hash of the pack; stored with every label. */
struct slice rules_version(const struct rules *r);
bool rules_from_cache(const struct rules *r);

/* Per-thread working memory for matching against `r` (grows with a new set). */
struct rule_scratch;
struct rule_scratch *rule_scratch_new(const struct rules *r) MUST_USE;
void rule_scratch_free(struct rule_scratch *s);

struct rule_hit {
    size_t rule;     /* index for rules_info */
    double weight;   /* after the date rule: full inside the rule's dates, halved outside */
    bool is_expired; /* out of its dates at the message's time */
    unsigned evidence_count;
    struct rule_evidence {
        struct slice field; /* "msgid", "header.x-mailer" */
        struct slice
            matched;   /* the bytes that the atom matched, at most 80 of them; may be secret */
        size_t offset; /* of the match in the field's value */
    } evidence[4];
};

struct label {
    struct slice name;      /* the winner at p >= 0.9, else empty: unknown */
    struct slice best;      /* the strongest label whatever its posterior; empty when no rule hit */
    double posterior;       /* of `best` */
    struct slice runner_up; /* "unknown" is a candidate too; empty when there is no other */
    double runner_up_posterior;
    double unknown;   /* posterior of unknown */
    bool is_conflict; /* two labels above 0.2, or groups that disagree at |LLR| >= 3 */
};

struct attribution {
    struct label label[LABEL_KIND_COUNT];
    const struct rule_hit *hits; /* strongest first, at most LIMIT_RULE_HITS; arena */
    size_t hit_count;
};

/* Matches one message. `when` is its receipt time (0: unknown, then no rule expires). ERR_NOMEM
 * only. */
enum err rules_match(const struct rules *r, struct rule_scratch *s, const struct features *f,
                     int64_t when, struct arena *arena, struct attribution *out) MUST_USE;

/* Like rules_match, and tells of every rule why it did or did not match: for `rules explain`. */
struct rule_trace {
    size_t rule;
    bool is_match;
    unsigned atoms, atoms_true;
    struct slice text; /* a line per comparison: search, field|modifiers, value, true or false, what
                          was matched or what is there; valid during the call */
};
typedef void (*rule_trace_fn)(void *arg, const struct rule_trace *t);
enum err rules_explain(const struct rules *r, struct rule_scratch *s, const struct features *f,
                       int64_t when, struct arena *arena, rule_trace_fn fn, void *arg) MUST_USE;

/* Runs the tests inside the rules. */
struct rule_test_result {
    size_t rule;
    bool is_match_case; /* from `match`, else from `reject` */
    size_t index;
    bool passed;
    const char *why; /* of a failure */
};
typedef void (*rule_test_fn)(void *arg, const struct rule_test_result *t);
enum err rules_test(const struct rules *r, rule_test_fn fn, void *arg, size_t *passed,
                    size_t *failed, struct errbuf *eb) MUST_USE;

/* The messages of those tests, rule by rule; borrowed from the set. */
void rules_test_messages(const struct rules *r,
                         void (*fn)(void *arg, size_t rule, bool is_match, struct slice message),
                         void *arg);

/* A rule set that can be renewed while others use it: rules_live_get gives a reference to the
 * newest complete set; rules_live_reload compiles in a background thread and swaps when done. */
struct rules_live;
enum err rules_live_open(const struct rule_options *o, struct rules_live **out,
                         struct errbuf *eb) MUST_USE;
struct rules *rules_live_get(struct rules_live *l);
/* Returns at once; ERR_BUSY while one is running. */
enum err rules_live_reload(struct rules_live *l) MUST_USE;
/* Waits for a running reload; its result. */
enum err rules_live_wait(struct rules_live *l, struct errbuf *eb);
void rules_live_close(struct rules_live *l);

#endif
