/* SPDX-License-Identifier: GPL-3.0-or-later */
/* METHODS B2: rules that matched into a posterior over the labels of each kind, with `unknown` as a
 * competitor of score 0. docs/rules.md has the arithmetic with an example. */
#include "core/limits.h"
#include "sig/rule.h"

#include <math.h>
#include <stdlib.h>

/* The decision and conflict thresholds of METHODS B2. */
static const double DECIDE_POSTERIOR = 0.9;
static const double CONFLICT_POSTERIOR = 0.2;
static const double CONFLICT_WEIGHT = 3.0;

static const struct slice UNKNOWN = SLICE("unknown");

double attribution_weight(const struct rule_info *info, int64_t when, bool *is_expired)
{
    double weight = info->weight;
    *is_expired = when != 0 && (when < info->valid_from || when >= info->valid_until);
    if (info->status == RULE_TEST) {
        return 0;
    }
    if (info->status == RULE_EXPERIMENTAL) {
        weight /= 2;
    }
    return *is_expired ? weight / 2 : weight;
}

static int hit_cmp(const void *a, const void *b, void *arg)
{
    const struct rule_hit *x = a, *y = b;
    const struct rules *r = arg;
    if (x->weight != y->weight) {
        return x->weight < y->weight ? 1 : -1;
    }
    int order = slice_cmp(r->info[x->rule].id, r->info[y->rule].id);
    return order ? order : (x->rule > y->rule) - (x->rule < y->rule);
}

void attribution_sort(const struct rules *r, struct rule_hit *hits, size_t count)
{
    if (count > 1) {
        qsort_r(hits, count, sizeof *hits, hit_cmp, (void *)(uintptr_t)r);
    }
}

struct candidate {
    struct slice name;
    unsigned groups; /* taken */
    double score;
    double posterior;
};

/* Per label the strongest rule of each evidence group, greedily: a rule that uses several groups
 * takes all of them. A rule below even odds never speaks against what stronger ones say. */
static size_t candidates_of(const struct rules *r, const struct rule_hit *hits, size_t count,
                            enum label_kind kind, struct candidate *out)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct rule_info *info = &r->info[hits[i].rule];
        if (info->kind != kind || info->status == RULE_TEST || info->status == RULE_DEPRECATED) {
            continue;
        }
        size_t at = 0;
        while (at < n && !slice_eq(out[at].name, info->label)) {
            at++;
        }
        if (at == n) {
            out[n++] = (struct candidate){
                .name = info->label, .groups = info->groups, .score = hits[i].weight};
        } else if (!(out[at].groups & info->groups) && hits[i].weight > 0) {
            out[at].groups |= info->groups;
            out[at].score += hits[i].weight;
        }
    }
    return n;
}

/* The posterior of unknown; those of the candidates into the candidates. */
static double softmax(struct candidate *c, size_t n)
{
    double top = 0, sum;
    for (size_t i = 0; i < n; i++) {
        top = c[i].score > top ? c[i].score : top;
    }
    double unknown = exp(-top);
    sum = unknown;
    for (size_t i = 0; i < n; i++) {
        c[i].posterior = exp(c[i].score - top);
        sum += c[i].posterior;
    }
    for (size_t i = 0; i < n; i++) {
        c[i].posterior /= sum;
    }
    return unknown / sum;
}

/* Do two evidence groups each say, with weight, another label? */
static bool groups_disagree(const struct rules *r, const struct rule_hit *hits, size_t count,
                            enum label_kind kind)
{
    struct slice first = {NULL, 0};
    for (int group = 0; group < EVIDENCE_COUNT; group++) {
        for (size_t i = 0; i < count; i++) {
            const struct rule_info *info = &r->info[hits[i].rule];
            if (info->kind != kind || !(info->groups & 1U << group) ||
                hits[i].weight < CONFLICT_WEIGHT) {
                continue;
            }
            if (first.p && !slice_eq(first, info->label)) {
                return true;
            }
            first = info->label;
            break; /* strongest first: this is what the group says */
        }
    }
    return false;
}

static bool candidate_is_before(const struct candidate *a, const struct candidate *b)
{
    return a->posterior != b->posterior ? a->posterior > b->posterior
                                        : slice_cmp(a->name, b->name) < 0;
}

static void label_decide(struct label *out, const struct candidate *c, size_t n, double unknown)
{
    const struct candidate *best = NULL, *second = NULL;
    unsigned strong = 0;
    for (size_t i = 0; i < n; i++) {
        strong += c[i].posterior > CONFLICT_POSTERIOR;
        if (!best || candidate_is_before(&c[i], best)) {
            second = best;
            best = &c[i];
        } else if (!second || candidate_is_before(&c[i], second)) {
            second = &c[i];
        }
    }
    out->best = best->name;
    out->posterior = best->posterior;
    if (best->posterior >= DECIDE_POSTERIOR) {
        out->name = best->name;
    }
    bool is_second = second && second->posterior > unknown;
    out->runner_up = is_second ? second->name : UNKNOWN;
    out->runner_up_posterior = is_second ? second->posterior : unknown;
    out->is_conflict = strong > 1;
}

void attribution_decide(const struct rules *r, const struct rule_hit *hits, size_t count,
                        struct label label[LABEL_KIND_COUNT])
{
    UNCLEARED struct candidate candidates[LIMIT_RULE_HITS];
    count = count < LIMIT_RULE_HITS ? count : LIMIT_RULE_HITS;
    for (int kind = 0; kind < LABEL_KIND_COUNT; kind++) {
        struct label *out = &label[kind];
        size_t n = candidates_of(r, hits, count, (enum label_kind)kind, candidates);
        *out = (struct label){.unknown = 1};
        if (n > 0) {
            out->unknown = softmax(candidates, n);
            label_decide(out, candidates, n, out->unknown);
            out->is_conflict |= groups_disagree(r, hits, count, (enum label_kind)kind);
        }
    }
}
