/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the room: what a template is made of. Anchors in order, a hole before some of them
 * (and one may stand at the end); where no hole is, two anchors always stood side by side. */
#ifndef CLUSTER_TEMPLATE_PART_H
#define CLUSTER_TEMPLATE_PART_H

#include "cluster/template.h"

enum {
    TEMPLATE_WORDS = 512,    /* words of a message that are looked at; a template's anchors */
    TEMPLATE_HOLES = 48,     /* of one template; past that the weakest anchors fall */
    TEMPLATE_ENTRIES = 160,  /* of all its dictionaries */
    DICTIONARY_ENTRIES = 32, /* of one; what has more is no dictionary but words */
    DICTIONARY_WORDS = 24,   /* of one entry: a sentence */
    TEMPLATE_TEXT = 4096,    /* bytes of anchors and entries; what does not fit is known by hash */
    WORD_TEXT = 64,          /* longer words, and entries, are known by hash */
    SEPARATOR_TEXT = 4,      /* of what stands between two anchors, for them to be one text */
    TEMPLATE_PRIVATE = 3,    /* messages that must show a text before it is told to anyone: what
                                only one shows may be its recipient's */
    TEMPLATE_SHOWS = 8,      /* entries that are printed of one dictionary */
    MISFIT_FREE = 1,         /* learnt messages that may lack anchors before these fall ... */
    MISFIT_EVERY = 500       /* ... and one more for so many: a cut message must not take the rest
                                away */
};

#define POSITION_NONE    UINT16_MAX
#define SEPARATOR_VARIES UINT8_MAX

/* A word as the template looks at it; ends of lines are none. */
struct token {
    uint32_t hash;
    uint8_t kind;           /* enum word_kind */
    struct slice text;      /* borrowed */
    struct slice separator; /* between the token before and this one */
    bool has_separator;     /* it is known, on one line, and short */
};

struct tokens {
    struct token items[TEMPLATE_WORDS];
    size_t count;
    size_t plain; /* of kind WORD_PLAIN */
    bool is_cut;
};

void tokens_take(struct tokens *out, const struct words *w);

struct anchor {
    uint32_t hash;
    uint16_t at;         /* text: its separator and itself */
    uint16_t misses;     /* learnt messages that lacked it */
    uint8_t kind;        /* enum word_kind; a typed one stands for one word of that kind */
    uint8_t separator_n; /* bytes; SEPARATOR_VARIES */
    uint8_t n;           /* bytes of the word; 0: only its hash is known */
    uint8_t least, most; /* bytes; 255 is that and more */
    bool is_exact;       /* always the same bytes but for ASCII case */
};

struct hole {
    uint32_t seen;                    /* messages whose content is in the dictionary's counts */
    uint32_t empties;                 /* of these, without content */
    uint16_t before;                  /* the anchor it stands before; anchor_count: at the end */
    uint16_t least, most;             /* words */
    uint16_t least_bytes, most_bytes; /* of contents that are not empty */
    uint16_t kinds;                   /* bits 1 << enum word_kind */
    bool is_capital;                  /* all plain words begin with a capital */
    bool is_open;                     /* more different contents than a dictionary has */
};

struct entry {
    uint32_t hash;
    uint16_t count; /* messages; stops at its greatest value */
    uint16_t at;    /* text */
    uint8_t n;      /* 0: none (yet) */
    uint8_t hole;   /* index */
};

struct template
{
    uint64_t learnt, outliers;
    uint64_t votes;   /* learnt less outliers: at nothing another message may begin anew */
    uint32_t misfits; /* learnt ones that lacked an anchor which still stands */
    bool is_cut;      /* the end was not always seen */
    struct anchor *anchors;
    size_t anchor_count, anchor_capacity;
    struct hole holes[TEMPLATE_HOLES];
    size_t hole_count;
    struct entry *entries;
    size_t entry_count, entry_capacity;
    char *text;
    size_t text_n, text_capacity;
};

static inline struct slice template_text(const struct template *t, size_t at, size_t n)
{
    return n ? slice_of(t->text + at, n) : S("");
}
static inline struct slice anchor_text(const struct template *t, const struct anchor *a)
{
    return template_text(t, a->at + (a->separator_n == SEPARATOR_VARIES ? 0U : a->separator_n),
                         a->n);
}

/* Appends to the text; false when it is full (or memory is out: *e). */
bool template_text_add(struct template *t, struct slice s, enum err *e);
/* Writes the text anew without what nobody refers to any more. */
enum err template_text_compact(struct template *t) MUST_USE;

/* Where each anchor stands in a message. True when all stand in order, with nothing but holes
 * between them. Linear. */
bool align_anchors(const struct template *t, const struct tokens *w, uint16_t *position);
/* The best common order of anchors and words (LCS that likes runs); POSITION_NONE: missing.
 * ERR_NOMEM. */
enum err align_common(const struct template *t, const struct tokens *w,
                      uint16_t *position) MUST_USE;

/* Whether a message shares too little with the template to be of it. */
bool is_outlier(const struct template *t, const struct tokens *w, const uint16_t *position);
/* Lets the weakest anchors fall until there are no more holes than fit; parted[i]: a hole is, or
 * will be, before i. Returns whether any fell. */
bool anchors_make_room(const struct template *t, const bool *parted, bool *falls);
/* A new anchor's text, with what stands before it. */
enum err anchor_fill(struct template *t, struct anchor *a, const struct token *w) MUST_USE;
/* Forgets what a further message has otherwise; `is_joined`: it stands behind the same anchor. */
void anchor_take_text(const struct template *t, struct anchor *a, const struct token *w,
                      bool is_joined);

/* The hole before an anchor, or NULL. */
struct hole *hole_before(struct template *t, size_t anchor);
/* Widens by one content. */
enum err hole_take(struct template *t, struct hole *h, const struct token *items,
                   size_t n) MUST_USE;
/* A hole before an anchor where always nothing stood; there must be room. */
struct hole *hole_add(struct template *t, size_t anchor, uint64_t seen);
/* Lets anchors fall; what they stood between becomes one hole. Moves `position` along when it is
 * not NULL. */
enum err anchors_fall(struct template *t, const bool *falls, uint16_t *position) MUST_USE;
/* A hole that is no dictionary any more. */
void hole_open(struct template *t, size_t hole);
/* What is counted of its contents begins anew. */
void hole_begin(struct hole *h);
/* The kinds of what an anchor, or another hole, leaves in the hole. */
void hole_take_anchor(const struct template *t, struct hole *h, const struct anchor *a);
void hole_merge(struct hole *h, const struct hole *other);
enum hole_kind hole_kind(const struct template *t, const struct hole *h);
/* "digits", "url" ...: a word of a typed kind, as a hole is called. */
const char *typed_name(uint8_t kind);
uint32_t content_hash(const struct token *items, size_t n);
/* A content as it is shown, typed words by their kind only: no number, address or token of one
 * message. Returns its bytes; 0: it is too long. */
size_t content_text(const struct token *items, size_t n, char text[WORD_TEXT]);
/* One content of another template's dictionary, with its count and text, in that of a hole which is
 * not open. */
enum err entry_join(struct template *t, size_t hole, const struct entry *other,
                    struct slice text) MUST_USE;
const struct entry *entry_find(const struct template *t, const struct hole *h, uint32_t hash);

/* How much an anchor tells, in quarters of a word: 0 in phrases that everybody's mail has. `weight`
 * has anchor_count places. */
void anchors_weigh(const struct template *t, uint8_t *weight);
enum { ANCHOR_WEIGHT = 4, TEMPLATE_USABLE = 8 * ANCHOR_WEIGHT };

#endif
