/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The template behind a campaign's texts, learnt message by message: anchors (runs of words that
 * all members have) and typed holes between them (Botnet Judo's idea; METHODS A, B3). */
#ifndef CLUSTER_TEMPLATE_H
#define CLUSTER_TEMPLATE_H

#include "core/strbuf.h"
#include "print/words.h"

enum {
    TEMPLATE_LEARN = 1000, /* messages after which it is settled */
    TEMPLATE_TRY = 4       /* then one message in so many is worth learning: spam changes */
};

/* HOLE(ID, "name", "meaning"): nothing, one of a dictionary, digits, hex, ... */
enum hole_kind {
#define HOLE(id, name, doc) HOLE_##id,
#include "cluster/hole.def"
#undef HOLE
    HOLE_KIND_COUNT
};

struct template;
struct template *template_new(void) MUST_USE;
void template_free(struct template *t);

/* Learns one message: the anchors that it lacks fall (one message alone makes none fall: it may be
 * cut short), its holes widen. Messages that share too little with what is there are outliers:
 * counted, not learnt; when they outnumber the learnt ones the template begins anew. Settled after
 * TEMPLATE_LEARN messages: then one that fits is only counted. ERR_NOMEM. */
enum err template_learn(struct template *t, const struct words *w) MUST_USE;
/* Whether the words fit: all anchors in order, each hole's content of its kind. Behind the last
 * anchor of a usable length of text a footer may stand that a mailing list or a scanner wrote. */
bool template_matches(const struct template *t, const struct words *w);

/* Takes in what another template of the same campaign learnt, as if `t` had learnt its messages:
 * anchors that it lacks fall, holes take the contents of both. One that shares too little is so
 * many outliers. ERR_NOMEM: `t` is as it was. */
enum err template_merge(struct template *t, const struct template *other) MUST_USE;

/* Messages learnt so far. */
uint64_t template_learnt(const struct template *t);

struct template_info {
    uint64_t learnt, outliers; /* messages */
    size_t anchors, anchor_words, holes;
    bool is_usable; /* enough anchor words to tell it from other mail */
};
void template_info(const struct template *t, struct template_info *out);

/* Readable: anchors as text, holes as ⟨digits 4-6⟩, ⟨url⟩, ⟨one of: cheap | best | 12 more⟩. */
enum err template_print(const struct template *t, struct strbuf *out) MUST_USE;
/* The one entry of a search of a rule (docs/rules.md), its lines indented by `indent`: the texts
 * that all must be in body.text, or one regular expression when no text alone tells enough.
 * ERR_NOTFOUND when the template is not usable. */
enum err template_rule(const struct template *t, unsigned indent, struct strbuf *out) MUST_USE;

enum { TEMPLATE_TEXTS = 6 };
/* The texts that tell most, in their order; none when there are too few messages. Arena. */
enum err template_texts(const struct template *t, struct slice texts[TEMPLATE_TEXTS], size_t *count,
                        struct arena *arena) MUST_USE;

enum err template_save(const struct template *t, struct strbuf *out) MUST_USE;
struct template *template_load(struct slice *in) MUST_USE;
size_t template_bytes(const struct template *t);

#endif
