/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which atoms must the index watch, so that a rule is looked at only when it can be true? For "and"
 * the best part is enough, for "or" all parts are needed, "not" turns one into the other (De
 * Morgan), and what the index does not hold (numbers, absence) can never be watched. */
#include "sig/rule.h"

#include <math.h>

struct triggers {
    struct rule_source *rule;
    const unsigned *users;
    size_t *out; /* NULL while only the cost is asked for */
    size_t count;
};

static double node_cost(struct triggers *t, const struct cond *c, bool is_negated);

static bool atom_is_indexed(const struct atom *a)
{
    return a->op == ATOM_PATTERN || a->op == ATOM_ORDER || a->op == ATOM_NEAR;
}

static double atom_cost(struct triggers *t, size_t atom, bool is_negated)
{
    struct atom *a = &t->rule->atoms[atom];
    if (is_negated || !atom_is_indexed(a)) {
        return INFINITY;
    }
    if (t->out && !a->is_watched) { /* a search may be named twice */
        a->is_watched = true;
        t->out[t->count++] = atom;
    }
    /* What many rules ask for is likely to be common. */
    return a->pattern.rarity * (t->users ? (double)t->users[atom] : 1.0);
}

static double list_cost(struct triggers *t, const struct cond *c, bool is_negated, bool is_and)
{
    size_t *out = t->out;
    const struct cond *best = NULL;
    double best_cost = INFINITY, sum = 0;
    t->out = NULL;
    for (const struct cond *kid = c->first; kid; kid = kid->next) {
        double cost = node_cost(t, kid, is_negated);
        sum += cost;
        if (cost < best_cost) {
            best_cost = cost;
            best = kid;
        }
    }
    t->out = out;
    double cost = is_and ? best_cost : sum;
    if (!out || isinf(cost)) {
        return cost;
    }
    for (const struct cond *kid = c->first; kid; kid = kid->next) {
        if (!is_and || kid == best) {
            node_cost(t, kid, is_negated);
        }
    }
    return cost;
}

static double node_cost(struct triggers *t, const struct cond *c, bool is_negated)
{
    switch (c->op) {
    case COND_TRUE_ATOM:
        return atom_cost(t, c->index, is_negated);
    case COND_SEARCH:
        return node_cost(t, t->rule->searches[c->index].root, is_negated);
    case COND_NOT:
        return node_cost(t, c->first, !is_negated);
    case COND_AND:
        return list_cost(t, c, is_negated, !is_negated);
    case COND_OR:
        return list_cost(t, c, is_negated, is_negated);
    }
    return INFINITY;
}

bool rule_triggers(struct rule_source *rule, const unsigned *users, size_t *out, size_t *count)
{
    struct triggers t = {.rule = rule, .users = users};
    if (isinf(node_cost(&t, rule->condition, false))) {
        return false;
    }
    for (size_t i = 0; i < rule->atom_count; i++) {
        rule->atoms[i].is_watched = false;
    }
    t.out = out;
    node_cost(&t, rule->condition, false);
    *count = t.count;
    return true;
}

static unsigned groups_of(struct rule_source *rule, const struct cond *c, bool is_negated)
{
    struct atom *a;
    unsigned groups = 0;
    switch (c->op) {
    case COND_TRUE_ATOM:
        a = &rule->atoms[c->index];
        if (is_negated != (a->op == ATOM_EXISTS && a->number == 0)) {
            return 0;
        }
        a->is_positive = true;
        groups = 1U << a->field.group;
        return a->op >= ATOM_REF_EQ ? groups | 1U << a->other.group : groups;
    case COND_SEARCH:
        return groups_of(rule, rule->searches[c->index].root, is_negated);
    case COND_NOT:
        return groups_of(rule, c->first, !is_negated);
    case COND_AND:
    case COND_OR:
        for (const struct cond *kid = c->first; kid; kid = kid->next) {
            groups |= groups_of(rule, kid, is_negated);
        }
        break;
    }
    return groups;
}

unsigned rule_groups(struct rule_source *rule)
{
    return groups_of(rule, rule->condition, false);
}
