/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From traits to a rule: counted, chosen, written. */
#include "core/clock.h"
#include "sig/suggest_part.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum {
    RARE = 5, /* a trait added for safety is of at most one background message in so many */
    SUGGEST_GROUPS = 2,      /* evidence groups that a rule should stand on */
    SUGGEST_CONFIDENCE = 60, /* of a draft: nobody has looked at it yet */
    SURE_PERCENT = 98 /* of what is matched already that a trait added for safety must have */
};
/* Added traits make a match by chance rarer (as if they were independent): down to one in so many
 */
static const double CHANCE = 1e-6;

/* ---- counting ---- */

static struct trait_bits *row_add(struct trait_rows *rows)
{
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity ? 2 * rows->capacity : 256;
        struct trait_bits *items = realloc(rows->items, capacity * sizeof *items);
        if (!items) {
            return NULL;
        }
        rows->items = items;
        rows->capacity = capacity;
    }
    struct trait_bits *row = &rows->items[rows->count++];
    *row = (struct trait_bits){{0}};
    return row;
}

static bool has_trait(const struct trait_bits *row, size_t trait)
{
    return row->bits[trait / 64] >> trait % 64 & 1;
}

enum err suggest_count(struct suggest *s, enum suggest_side side, const struct features *f,
                       const feature_set *known, struct arena *arena)
{
    struct trait_rows *rows = &s->rows[side];
    if (rows->count == SUGGEST_ROWS) {
        return ERR_LIMIT;
    }
    enum err e = match_scan(s->rules, s->scratch, f, arena);
    struct trait_bits *row = e == OK ? row_add(rows) : NULL;
    if (!row) {
        return e == OK ? ERR_NOMEM : e;
    }
    for (size_t i = 0; i < s->trait_count; i++) {
        enum feature_id id = s->features[i];
        bool is_known = !known || (id < FEATURE_COUNT && (*known & feature_bit(id)));
        if (!is_known || match_node(s->rules, s->scratch, s->rules->rules[i].root)) {
            row->bits[i / 64] |= UINT64_C(1) << i % 64;
        }
    }
    return OK;
}

/* ---- choosing ---- */

struct counts {
    uint64_t wanted, held, background;
};

static bool has_all(const struct trait_bits *row, const struct trait_bits *all)
{
    for (size_t i = 0; i < SUGGEST_TRAITS / 64; i++) {
        if (all->bits[i] & ~row->bits[i]) {
            return false;
        }
    }
    return true;
}

static struct counts counts_of(const struct suggest *s, const struct trait_bits *all)
{
    struct counts c = {0};
    const struct trait_rows *wanted = &s->rows[SUGGEST_WANTED];
    const struct trait_rows *background = &s->rows[SUGGEST_BACKGROUND];
    for (size_t i = 0; i < wanted->count; i++) {
        if (has_all(&wanted->items[i], all)) {
            *(i % HOLD_OUT == HOLD_OUT - 1 ? &c.held : &c.wanted) += 1;
        }
    }
    for (size_t i = 0; i < background->count; i++) {
        c.background += has_all(&background->items[i], all);
    }
    return c;
}

static double log_rate(uint64_t k, uint64_t n)
{
    return log(((double)k + 0.5) / ((double)n + 1));
}

struct choice {
    struct trait_bits bits;
    struct counts counts;
    unsigned groups;
    enum label_kind kind;
    double chance; /* of a message of the background, were the traits independent */
};

static void choice_take(struct suggest *s, struct choice *c, size_t trait)
{
    c->bits.bits[trait / 64] |= UINT64_C(1) << trait % 64;
    c->counts = counts_of(s, &c->bits);
    c->groups |= 1U << s->traits[trait].group;
    c->chance *= exp(log_rate(s->traits[trait].background, s->rows[SUGGEST_BACKGROUND].count));
    s->chosen[s->chosen_count++] = trait;
}

/* Content tells a campaign, and so a program, but no software. */
static bool is_apt(enum label_kind kind, enum evidence_group group)
{
    bool is_content = group == EVIDENCE_TEMPLATE || group == EVIDENCE_URL;
    return kind == LABEL_BOTNET || is_content == (kind == LABEL_PROGRAM);
}

/* The trait that raises the likelihood ratio most without losing too many of the wanted; of equal
 * ones that of a new evidence group, then the first of the table. trait_count: none raises it. */
static size_t best_trait(const struct suggest *s, const struct choice *now)
{
    uint64_t wanted_of = s->draft.wanted_of, background_of = s->rows[SUGGEST_BACKGROUND].count;
    double best = 1e-9;
    size_t found = s->trait_count;
    for (size_t i = 0; i < s->trait_count; i++) {
        struct trait_bits with = now->bits;
        if (has_trait(&with, i) || !is_apt(now->kind, s->traits[i].group)) {
            continue;
        }
        with.bits[i / 64] |= UINT64_C(1) << i % 64;
        struct counts c = counts_of(s, &with);
        if (c.wanted * 100 < wanted_of * SUGGEST_COVER_PERCENT ||
            c.background >= now->counts.background) {
            continue;
        }
        double gain = log_rate(c.wanted, wanted_of) - log_rate(now->counts.wanted, wanted_of) +
                      log_rate(now->counts.background, background_of) -
                      log_rate(c.background, background_of);
        gain += now->groups >> s->traits[i].group & 1 ? 0 : 1e-3;
        if (gain > best + 1e-12) {
            best = gain;
            found = i;
        }
    }
    return found;
}

/* For when no background is left: a trait of another group that nearly all have and that is rare.
 */
static size_t safer_trait(const struct suggest *s, const struct choice *now)
{
    uint64_t background_of = s->rows[SUGGEST_BACKGROUND].count, rarest = UINT64_MAX;
    size_t found = s->trait_count;
    for (size_t i = 0; i < s->trait_count; i++) {
        struct trait_bits with = now->bits;
        with.bits[i / 64] |= UINT64_C(1) << i % 64;
        struct counts c = counts_of(s, &with);
        bool is_good = !has_trait(&now->bits, i) && is_apt(now->kind, s->traits[i].group) &&
                       !(now->groups >> s->traits[i].group & 1) &&
                       c.wanted * 100 >= now->counts.wanted * SURE_PERCENT &&
                       s->traits[i].background * RARE <= background_of;
        if (is_good && s->traits[i].background < rarest) {
            rarest = s->traits[i].background;
            found = i;
        }
    }
    return found;
}

static int trait_compare(const void *a, const void *b)
{
    const struct suggest_trait *x = a, *y = b;
    if (x->is_chosen != y->is_chosen) {
        return x->is_chosen ? -1 : 1;
    }
    if (x->background != y->background) {
        return x->background < y->background ? -1 : 1;
    }
    return x->wanted != y->wanted ? (x->wanted > y->wanted ? -1 : 1)
                                  : slice_cmp(x->entry, y->entry);
}

static void traits_count(struct suggest *s)
{
    for (size_t i = 0; i < s->trait_count; i++) {
        struct trait_bits one = {{0}};
        one.bits[i / 64] |= UINT64_C(1) << i % 64;
        struct counts c = counts_of(s, &one);
        s->traits[i].wanted = c.wanted;
        s->traits[i].background = c.background;
        s->traits[i].is_chosen = false;
    }
}

void suggest_draft(struct suggest *s, enum label_kind kind, struct suggest_draft *out)
{
    struct choice now = {.chance = 1, .kind = kind};
    struct suggest_draft *d = &s->draft;
    *d = (struct suggest_draft){.background_of = s->rows[SUGGEST_BACKGROUND].count};
    d->held_of = s->rows[SUGGEST_WANTED].count / HOLD_OUT;
    d->wanted_of = s->rows[SUGGEST_WANTED].count - d->held_of;
    s->chosen_count = 0;
    traits_count(s);
    now.counts = counts_of(s, &now.bits);
    size_t trait;
    while (s->chosen_count < SUGGEST_CHOSEN && now.counts.background &&
           (trait = best_trait(s, &now)) < s->trait_count) {
        choice_take(s, &now, trait);
    }
    while (s->chosen_count < SUGGEST_CHOSEN && !now.counts.background &&
           (now.chance > CHANCE || s->chosen_count < SUGGEST_GROUPS) &&
           (trait = safer_trait(s, &now)) < s->trait_count) {
        choice_take(s, &now, trait);
    }
    for (size_t i = 0; i < s->chosen_count; i++) {
        s->traits[s->chosen[i]].is_chosen = true;
    }
    memcpy(s->sorted, s->traits, s->trait_count * sizeof *s->traits);
    qsort(s->sorted, s->trait_count, sizeof *s->sorted, trait_compare);
    d->traits = s->sorted;
    d->trait_count = s->trait_count;
    d->chosen_count = s->chosen_count;
    d->wanted = now.counts.wanted;
    d->held = now.counts.held;
    d->background = now.counts.background;
    d->is_rule = s->chosen_count && !d->background && d->wanted &&
                 d->wanted * 100 >= d->wanted_of * SUGGEST_COVER_PERCENT;
    *out = *d;
}

bool suggest_draft_has(const struct suggest *s, enum suggest_side side, size_t at)
{
    for (size_t i = 0; i < s->chosen_count; i++) {
        if (!has_trait(&s->rows[side].items[at], s->chosen[i])) {
            return false;
        }
    }
    return true;
}

/* ---- writing ---- */

/* A UUID of what the rule says: the same draft has the same id. */
static void id_add(const struct suggest *s, const struct suggest_head *head, struct strbuf *out)
{
    struct strbuf all = STRBUF_INIT;
    char hex[33];
    strbuf_printf(&all, "%s %.*s\n", label_kind_name(head->kind), SLICE_ARG(head->label));
    for (size_t i = 0; i < s->chosen_count; i++) {
        strbuf_printf(&all, "%.*s\n", SLICE_ARG(s->traits[s->chosen[i]].entry));
    }
    struct id128 id = hash_id128(strbuf_slice(&all));
    id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x80); /* RFC 9562: version 8, made by us */
    id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
    id128_hex(id, hex);
    strbuf_printf(out, "id: %.8s-%.4s-%.4s-%.4s-%s\n", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    strbuf_free(&all);
}

enum err suggest_write(struct suggest *s, const struct suggest_head *head, struct strbuf *out)
{
    const struct suggest_draft *d = &s->draft;
    char day[11];
    if (!d->is_rule) {
        return ERR_NOTFOUND;
    }
    day_text(day_of(head->now), day);
    strbuf_printf(out, "title: Draft for %s %.*s\n", label_kind_name(head->kind),
                  SLICE_ARG(head->label));
    id_add(s, head, out);
    strbuf_printf(out,
                  "status: experimental\n"
                  "# A draft: read it, say where it is from, give it tests, then a status.\n"
                  "references: [https://example.org/say-where-this-is-from]\n"
                  "date: %s\n"
                  "logsource: {product: spamgauge, category: message}\n"
                  "detection:\n",
                  day);
    for (size_t i = 0; i < s->chosen_count; i++) {
        const struct suggest_trait *t = &s->traits[s->chosen[i]];
        strbuf_printf(out,
                      "  # %" PRIu64 " of %" PRIu64 " messages, %" PRIu64 " of %" PRIu64
                      " of the background\n  trait%zu:\n    %.*s\n",
                      t->wanted, d->wanted_of, t->background, d->background_of, i + 1,
                      SLICE_ARG(t->entry));
    }
    strbuf_printf(out, "  condition: all of trait*\nattribution: {%s: %.*s, confidence: %d",
                  label_kind_name(head->kind), SLICE_ARG(head->label), SUGGEST_CONFIDENCE);
    if (head->first) {
        day_text(day_of(head->first), day);
        strbuf_printf(out, ", valid_from: %s", day);
    }
    strbuf_printf(
        out,
        "}\n# All traits together: %" PRIu64 " of %" PRIu64 " messages, %" PRIu64 " of %" PRIu64
        " held out, 0 of %" PRIu64 " of the background.\n"
        "# tests: {match: [a message without its recipient], reject: [one that comes near]}\n",
        d->wanted, d->wanted_of, d->held, d->held_of, d->background_of);
    return out->failed ? ERR_NOMEM : OK;
}

enum err suggest_keep(struct suggest *s, const struct suggest_draft *d,
                      const struct suggest_head *head, struct arena *arena, struct rule_draft *out)
{
    struct strbuf text = STRBUF_INIT;
    struct slice *traits = arena_alloc(arena, (d->chosen_count + 1) * sizeof *traits);
    bool is_good = traits;
    for (size_t i = 0; is_good && i < d->chosen_count; i++) {
        traits[i] = arena_copy(arena, d->traits[i].entry);
        is_good = traits[i].p;
    }
    *out = (struct rule_draft){
        .is_tried = true,
        .traits = traits,
        .trait_count = d->chosen_count,
        .wanted = d->wanted,
        .wanted_of = d->wanted_of,
        .held = d->held,
        .held_of = d->held_of,
        .background = d->background,
        .background_of = d->background_of,
    };
    enum err e = !is_good ? ERR_NOMEM : d->is_rule ? suggest_write(s, head, &text) : OK;
    if (e == OK && d->is_rule) {
        out->rule = arena_copy(arena, strbuf_slice(&text));
        e = out->rule.p ? OK : ERR_NOMEM;
    }
    strbuf_free(&text);
    return e;
}
