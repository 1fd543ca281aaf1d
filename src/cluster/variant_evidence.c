/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the headers and the machines of two variants say of their being of one mailer. */
#include "cluster/variant_model.h"

#include <math.h>
#include <stdlib.h>

/* All in nats. They were set on real mail and on the labelled generator, and are meant to be
 * round: see docs/clusters.md. */
static const double PRIOR = -5.5;      /* two variants taken at random are of some 400 mailers */
static const double NO_DIFFERENCE = 3; /* in any field: even what is common seldom all agrees */
static const double SMALL_DIFFERENCE = -1;
static const double DAMPING = 0.3;     /* fields of one program agree together */
static const double SAME_NAMES = 3.5;  /* the same names in the same order, besides their rarity; */
static const double ENOUGH_NAMES = 10; /* fewer tell less */
static const double ONE_NAME = 0.8;    /* a name more or less: a relay's, or an option */
static const double MOVED_NAME = 2;    /* a name elsewhere */
static const double NAMES_LEAST = -4;
static const double RECASED_NAME = 1.3;      /* a name in other case: a mistake of its writer */
static const double MOVED_EXTRA = 0.5;       /* only such as some engines write in any order */
static const double BOTH_DRAWN_SAME_SET = 7; /* the same names, which both write in any order; */
static const double BOTH_DRAWN = 3;          /* not quite the same */
static const double RELAYS_MSGID = -0.5;
static const double ALIKE_MSGID = -0.5; /* of one form, but for chance or the machine's name */
static const double ONE_POOL = 40;      /* one pool of machines: outweighs any header */
static const double TWO_POOLS = -4;     /* may be a kit that two botnets use; */
static const double TWO_BUILDS = -25;   /* less likely so when the headers differ, */
static const double DIFFERENCE = -1;    /* by this at least */

static const struct {
    const char *name;
    double differs, absent;
} FIELDS[VARIANT_FIELD_COUNT] = {
#define VARIANT_FIELD(id, name, differs, absent, why) {name, differs, absent},
#include "cluster/variant_field.def"
#undef VARIANT_FIELD
};

double variant_prior(void)
{
    return PRIOR;
}

const char *variant_field_name(enum variant_field f)
{
    return FIELDS[f].name;
}

/* In the form that mail servers give to messages which came without one: it tells nothing of the
 * program. */
static bool may_be_relays_msgid(const struct variant_model *m, size_t i)
{
    char class = m->v->items[i].dialect->classes[0];
    return class == 'f' || class == 's' || class == 'x';
}

/* Of a field that they show different values of, or only one shows. */
static inline double difference(const struct variant_model *m, enum variant_field f, size_t a,
                                size_t b)
{
    uint32_t x = m->value[a][f], y = m->value[b][f];
    if (f == VARIANT_EDITION && m->value[a][VARIANT_MAILER] != m->value[b][VARIANT_MAILER]) {
        return 0; /* said already */
    }
    if (f == VARIANT_MSGID && (may_be_relays_msgid(m, a) || may_be_relays_msgid(m, b))) {
        return RELAYS_MSGID;
    }
    if (f == VARIANT_MSGID && m->msgid[a] && m->msgid[a] == m->msgid[b]) {
        return ALIKE_MSGID;
    }
    return x == VARIANT_ABSENT || y == VARIANT_ABSENT ? -FIELDS[f].absent : -FIELDS[f].differs;
}

static inline double agreement(const struct variant_model *m, enum variant_field f, uint32_t value)
{
    /* an edition without its mailer says nothing new */
    return f == VARIANT_EDITION ? 0 : m->weight[value];
}

/* Those that tell anything of these two. */
static inline uint32_t fields_told(const struct variant_model *m, size_t a, size_t b)
{
    const struct variant_fields *x = &m->fields[a], *y = &m->fields[b];
    return x->known & y->known & (x->shown | y->shown);
}

double variant_field_evidence(const struct variant_model *m, enum variant_field f, size_t a,
                              size_t b)
{
    uint32_t x = m->value[a][f], y = m->value[b][f];
    return !(fields_told(m, a, b) >> f & 1) ? 0
           : x == y                         ? agreement(m, f, x)
                                            : difference(m, f, a, b);
}

/* The longest common subsequence, bit-parallel (Hyyrö 2004); names are at most 63. */
void variant_order(const struct variant_model *m, size_t a, size_t b, struct variant_order *out)
{
    enum { LISTS = 32 };
    const struct variant_names *x = &m->names[a], *y = &m->names[b];
    *out = (struct variant_order){.is_known = x->count && y->count,
                                  .is_equal = m->order[a] == m->order[b],
                                  .first = x->count,
                                  .second = y->count};
    uint64_t rows = UINT64_MAX, taken = 0;
    uint64_t listed[LISTS] = {0}; /* names of x by some bits of their hash */
    for (unsigned i = 0; i < x->count && i < DIALECT_NAMES; i++) {
        listed[x->hash[i] % LISTS] |= UINT64_C(1) << i;
    }
    for (unsigned j = 0; j < y->count && j < DIALECT_NAMES; j++) {
        uint64_t match = 0;
        for (uint64_t may = listed[y->hash[j] % LISTS]; may; may &= may - 1) {
            unsigned i = (unsigned)__builtin_ctzll(may);
            match |= (uint64_t)(x->hash[i] == y->hash[j]) << i;
        }
        uint64_t unused = match & ~taken;
        if (unused) {
            out->common++;
            out->recased += x->written[__builtin_ctzll(unused)] != y->written[j];
            taken |= unused & -unused;
        }
        uint64_t u = rows & match;
        rows = (rows + u) | (rows - u);
    }
    uint64_t mask = (1ull << x->count) - 1; /* DIALECT_NAMES is less than 64 */
    out->in_order = (unsigned)__builtin_popcountll(~rows & mask);
}

static double names_evidence(const struct variant_model *m, size_t a, size_t b)
{
    const struct dialect *x = m->v->items[a].dialect, *y = m->v->items[b].dialect;
    if (m->order[a] == m->order[b]) {
        double part = fmin(x->count / ENOUGH_NAMES, 1);
        return part * (SAME_NAMES + m->weight[m->order[a]]);
    }
    struct variant_order o;
    variant_order(m, a, b, &o);
    if (!o.is_known) {
        return abs(x->count - y->count) <= 2 ? 0 : -2;
    }
    unsigned moved = o.common - o.in_order, single = o.first + o.second - 2 * o.common;
    bool is_listed = x->is_listed || y->is_listed;
    if (is_listed) { /* orders and writes names as it likes */
        moved = 0;
        o.recased = 0;
    }
    if (m->names[a].is_shuffled && m->names[b].is_shuffled) {
        bool is_same = m->names[a].core_set == m->names[b].core_set;
        double e = is_same ? BOTH_DRAWN_SAME_SET : BOTH_DRAWN;
        return fmax(e - RECASED_NAME * o.recased - ONE_NAME * single, NAMES_LEAST);
    }
    double base = is_listed ? 0.5 * SAME_NAMES : SAME_NAMES;
    double e = moved == 0 ? base : 0;
    bool is_core_same = m->names[a].core == m->names[b].core;
    e -= (is_core_same ? MOVED_EXTRA : MOVED_NAME) * moved + RECASED_NAME * o.recased +
         ONE_NAME * single;
    return fmax(e, NAMES_LEAST);
}

/* The most that names in other orders may say. */
static double other_names_most(const struct variant_model *m, size_t a, size_t b)
{
    return m->names[a].is_shuffled && m->names[b].is_shuffled ? BOTH_DRAWN_SAME_SET : SAME_NAMES;
}

/* Both were there for at least half of the time of the shorter one: else the machines may just have
 * new addresses. */
static bool are_contemporary(struct variant_span x, struct variant_span y)
{
    int64_t first = x.first > y.first ? x.first : y.first;
    int64_t last = x.last < y.last ? x.last : y.last;
    int64_t mine = x.last - x.first, other = y.last - y.first;
    return last - first >= (mine < other ? mine : other) / 2;
}

double variant_hosts_evidence(struct variant_span x, struct variant_span y, double differ,
                              double evidence)
{
    if (evidence < 0 && !are_contemporary(x, y)) {
        return 0;
    }
    return fmax(fmin(evidence, ONE_POOL), differ < DIFFERENCE ? TWO_BUILDS : TWO_POOLS);
}

void variant_evidence(const struct variant_model *m, size_t a, size_t b, double floor,
                      struct variant_evidence *out)
{
    double sum = 0, most = 0;
    *out = (struct variant_evidence){0};
    const uint32_t *x = m->value[a], *y = m->value[b];
    /* most are in neither */
    for (uint32_t told = fields_told(m, a, b); told; told &= told - 1) {
        enum variant_field f = (enum variant_field)__builtin_ctz(told);
        if (x[f] != y[f]) {
            out->differ += difference(m, f, a, b);
        } else {
            double e = agreement(m, f, x[f]);
            sum += e;
            most = e > most ? e : most; /* fmax() is a call */
        }
    }
    out->agree = most + DAMPING * (sum - most);
    if (out->differ > SMALL_DIFFERENCE && most > 0) { /* content aside */
        out->agree += NO_DIFFERENCE;
    }
    out->total = PRIOR + out->agree + out->differ;
    /* Names are dear to compare */
    if (m->order[a] != m->order[b] && out->total + other_names_most(m, a, b) <= floor) {
        out->total = floor;
        return;
    }
    out->names = names_evidence(m, a, b);
    out->total += out->names;
}
