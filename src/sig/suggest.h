/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drafts a rule from messages that belong together (p0f's loop: what was seen is printed as a rule,
 * generalised, and held against other mail). Three steps: suggest_learn() for each wanted message,
 * suggest_traits(), then suggest_count() for each wanted message again and for each of the
 * background; suggest_draft() chooses. Features are not kept. Every fifth wanted message is held
 * out: nothing is learnt from it, the draft is tried on it. */
#ifndef SIG_SUGGEST_H
#define SIG_SUGGEST_H

#include "core/strbuf.h"
#include "sig/rematch.h"

enum {
    SUGGEST_TRAITS = 128,
    SUGGEST_CHOSEN = 5,        /* traits of a rule: more than a person can judge */
    SUGGEST_ROWS = 4000000,    /* messages counted of each side; 64 MB */
    SUGGEST_COVER_PERCENT = 90 /* of the wanted messages learnt from that a draft must match */
};

struct suggest;
struct suggest *suggest_new(void) MUST_USE;
void suggest_free(struct suggest *s);

/* Whether the next message given to suggest_learn will be held out: templates must not learn from
 * it either. */
bool suggest_holds_next(const struct suggest *s);
/* Step 1. `secrets`: addresses of its recipients; no trait that holds one, its local part (of four
 * bytes or more) or its domain is ever made. ERR_NOMEM. */
enum err suggest_learn(struct suggest *s, const struct features *f, const struct slice *secrets,
                       size_t secret_count, struct arena *arena) MUST_USE;
/* Texts of the messages' template, for BODY_TEXT or SUBJECT (template_texts). Copies. */
enum err suggest_texts(struct suggest *s, enum feature_id field, const struct slice *texts,
                       size_t count) MUST_USE;
/* Step 2: makes the traits and compiles them. ERR_NOTFOUND: the messages share nothing. */
enum err suggest_traits(struct suggest *s, struct errbuf *eb) MUST_USE;

/* Step 3. `known`: the features that `f` has at all (of stored rows); traits of
 * others count as there, so background is never counted too low. NULL: all. Wanted messages in the
 * order of step 1. */
enum suggest_side { SUGGEST_WANTED, SUGGEST_BACKGROUND };
enum err suggest_count(struct suggest *s, enum suggest_side side, const struct features *f,
                       const feature_set *known, struct arena *arena) MUST_USE;

struct suggest_trait {
    struct slice entry; /* "msgid.shape|shape: '...'"; borrowed from the suggest */
    enum evidence_group group;
    bool is_chosen;
    uint64_t wanted, background; /* messages that have it (held-out ones are not in `wanted`) */
};
struct suggest_draft {
    const struct suggest_trait *traits; /* all that were considered, the most telling first */
    size_t trait_count, chosen_count;
    uint64_t wanted, wanted_of;         /* learnt from */
    uint64_t held, held_of;             /* held out */
    uint64_t background, background_of; /* that the draft matches: 0, or nothing separates */
    bool is_rule;                       /* chosen, covers enough, matches no background */
};
/* Chooses a small conjunction, greedily by likelihood ratio: for a mailer of what its software
 * makes (no content), for a program of what it says (content only), for a botnet of all. Valid
 * until the next call. */
void suggest_draft(struct suggest *s, enum label_kind kind, struct suggest_draft *out);

/* Whether the message that was counted as number `at` (from 0) of that side has all that the last
 * draft chose. */
bool suggest_draft_has(const struct suggest *s, enum suggest_side side, size_t at);

struct suggest_head {
    enum label_kind kind;
    struct slice label;
    int64_t now;   /* the rule's date */
    int64_t first; /* the earliest receipt of the messages; 0: not known */
};
/* The rule file of the last draft, as `rules check` accepts it. ERR_NOTFOUND: it is none. */
enum err suggest_write(struct suggest *s, const struct suggest_head *head,
                       struct strbuf *out) MUST_USE;

/* A draft that outlives its suggest; plain data. */
struct rule_draft {
    bool is_tried;              /* there was something to learn from */
    struct slice rule;          /* the rule file; empty: there is none */
    const struct slice *traits; /* its entries, or what was chosen in vain */
    size_t trait_count;
    uint64_t wanted, wanted_of, held, held_of, background, background_of; /* as suggest_draft */
    struct slice rival; /* what most of that background belongs to; empty: to nothing, or unknown */
    uint64_t rival_messages;
};
/* Copies a draft and its rule into the arena; knows no rival. ERR_NOMEM. */
enum err suggest_keep(struct suggest *s, const struct suggest_draft *d,
                      const struct suggest_head *head, struct arena *arena,
                      struct rule_draft *out) MUST_USE;

#endif
