/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which relays do nearly all messages of a source share? Rules and failure cases: docs/received.md.
 *
 * Order must not matter and memory must be bounded, so no counters are kept while messages come in
 * but a sample: the messages whose Received lines have the smallest hashes (a uniform choice that
 * depends on the set of messages only). With up to SAMPLE_MAX messages it is all of them. The
 * learning is then done over the sample, one relay depth a round. */
#include "core/clock.h"
#include "core/hash.h"
#include "mail/trust.h"

#include <stdlib.h>

enum {
    SAMPLE_MAX = 16384,    /* messages: a share of 5 % is known to +-0.2 % */
    STEPS_MAX = 6,         /* relays in a row that can be learnt */
    NAME_BYTES = 64,       /* of a writer's name; longer ones are not learnt */
    HASHED_HOPS = 8,       /* hops that tell two messages apart */
    MESSAGES_MIN = 20,     /* below that nothing but the topmost writer is learnt */
    SHARE_MIN = 5,         /* per cent of all messages that a relay hands over */
    SMALL_SHARE = 1,       /* per cent: enough for one whose clients are known otherwise: ... */
    KNOWN_MIN = 5,         /* ... so many of them, ... */
    KNOWN_SHARE = 10,      /* ... and so many per cent */
    MAJOR_SHARE = 20,      /* per cent: a steady source of that size needs no name of its own ... */
    MAJOR_FOLLOWED = 95,   /* ... if so many of its messages have a line below, in time, */
    MAJOR_CLIENTS = 25,    /* ... so many per cent of them from different clients, */
    MAJOR_DAYS = 2,        /* ... on one in two days */
    GATEWAY_SHARE = 90,    /* per cent: then its names need not agree */
    CONSISTENT_MIN = 80,   /* per cent of its messages with a line below that fits */
    CLIENTS_MIN = 10,      /* different addresses below it ... */
    CLIENTS_SHARE = 5,     /* ... and per cent of its messages */
    NAME_SHARE = 5,        /* per cent: a name of its own, not one that is forged by chance */
    DAYS_FRACTION = 4,     /* active on at least one in four of the source's days */
    TOP_SHARE_FEW = 20,    /* per cent of a source of few messages */
    QUEUE_DAYS = 5,        /* RFC 5321 4.5.4.1: how long a relay may keep a message */
    FARM_MEMBERS_MIN = 3,  /* addresses that make a network a relay farm */
    FARM_SIGHTINGS_MIN = 3 /* messages of an address that may join one */
};

/* One stranger on the way down, supposing that all above him were relays. */
struct step {
    struct ip addr;
    uint64_t by;        /* hash of the domain that wrote the line below; 0: none */
    bool is_blind;      /* no address: the line above does not say who came */
    bool is_in_time;    /* the line below is not younger, and not older than a queue */
    bool is_consistent; /* the line below is by the name under which he came, and in time */
};

struct name {
    uint8_t n; /* 0: none or too long */
    char text[NAME_BYTES];
};

struct sighting {
    uint64_t hash;
    uint64_t count;
    int64_t day; /* INT64_MIN: unknown */
    unsigned step_count;
    struct step steps[STEPS_MAX];
    struct name writer;   /* of the topmost line */
    struct name blind_by; /* of the line below the first blind step */
};

struct trust_learner {
    struct sighting *sample; /* up to 2 * SAMPLE_MAX, then thinned out */
    size_t count, size;
    uint64_t hash_max; /* above that a message is not in the sample */
    uint64_t messages;
};

struct trust_learner *trust_learner_new(void)
{
    struct trust_learner *l = calloc(1, sizeof *l);
    if (l) {
        l->hash_max = UINT64_MAX;
    }
    return l;
}

void trust_learner_free(struct trust_learner *l)
{
    if (l) {
        free(l->sample);
        free(l);
    }
}

/* ---- one message ---- */

/* The part of a name that its owner registered, near enough: the last two labels, or three when the
 * last two are as short as "co.uk". */
static struct slice domain_of(struct slice name)
{
    size_t dots[3] = {0}, found = 0;
    if (name.n && name.p[name.n - 1] == '.') {
        name.n--;
    }
    for (size_t i = name.n; i-- > 0 && found < 3;) {
        if (name.p[i] == '.') {
            dots[found++] = i;
        }
    }
    if (found < 2) {
        return name;
    }
    bool is_short = name.n - dots[0] <= 3 && dots[0] - dots[1] <= 4;
    if (!is_short) {
        return slice_sub(name, dots[1] + 1, SIZE_MAX);
    }
    return found < 3 ? name : slice_sub(name, dots[2] + 1, SIZE_MAX);
}

static uint64_t name_hash(struct slice name)
{
    char lower[NAME_BYTES];
    size_t n = name.n < sizeof lower ? name.n : sizeof lower;
    for (size_t i = 0; i < n; i++) {
        lower[i] = ascii_lower(name.p[i]);
    }
    return hash_u64(slice_of(lower, n)) | 1;
}

static bool names_agree(struct slice by, struct slice name)
{
    struct ip addr;
    if (by.n == 0 || name.n == 0) {
        return false;
    }
    if (trust_name_eq(by, name)) {
        return true;
    }
    struct slice domain = domain_of(by);
    return slice_find_byte(domain, '.') < domain.n && !ip_parse(by, &addr) &&
           slice_ieq(domain, domain_of(name));
}

static struct name name_of(struct slice s)
{
    struct name out = {0};
    if (s.n && s.n <= NAME_BYTES) {
        out.n = (uint8_t)s.n;
        for (size_t i = 0; i < s.n; i++) {
            out.text[i] = ascii_lower(s.p[i]);
        }
    }
    return out;
}

/* The next line that somebody's SMTP server wrote, or a local one with a name: qmail's and others'
 * "(invoked ...)" lines have none. */
static const struct hop *writer_below(const struct hop *hops, size_t count, size_t i)
{
    while (++i < count) {
        if (hops[i].by.n || !hops[i].is_local) {
            return &hops[i];
        }
    }
    return NULL;
}

static void step_add(struct sighting *s, const struct hop *hops, size_t count, size_t i,
                     enum crossing how)
{
    const struct hop *h = &hops[i], *below = writer_below(hops, count, i);
    struct step step = {.addr = h->addr, .is_blind = how == CROSSING_BLIND};
    if (below) {
        step.by = name_hash(domain_of(below->by));
        step.is_in_time = h->has_time && below->has_time && below->time <= h->time + 3600 &&
                          below->time >= h->time - QUEUE_DAYS * SECONDS_PER_DAY;
        step.is_consistent =
            step.is_in_time && (names_agree(below->by, h->ptr) || names_agree(below->by, h->helo));
        if (step.is_blind) {
            s->blind_by = name_of(below->by);
        }
    }
    s->steps[s->step_count++] = step;
}

static struct sighting sighting_of(const struct hop *hops, size_t count)
{
    struct sighting s = {.count = 1, .day = INT64_MIN};
    struct slice own_by = {NULL, 0};
    uint64_t hashes[HASHED_HOPS];
    size_t hashed = count < HASHED_HOPS ? count : HASHED_HOPS;
    bool was_blind = false;
    for (size_t i = 0; i < hashed; i++) {
        hashes[i] = hash_u64(hops[i].raw);
    }
    s.hash = hash_u64(slice_of((const char *)hashes, hashed * sizeof *hashes));
    s.writer = name_of(hops[0].by);
    if (hops[0].has_time) {
        s.day = day_of(hops[0].time);
    }
    for (size_t i = 0; i < count && s.step_count < STEPS_MAX; i++) {
        const struct hop *below = i + 1 < count ? &hops[i + 1] : NULL;
        enum crossing how = trust_crossing(NULL, &hops[i], below, own_by);
        if (how == CROSSING_CLIENT || how == CROSSING_BLIND) {
            if (how == CROSSING_BLIND && was_blind) {
                break;
            }
            was_blind |= how == CROSSING_BLIND;
            step_add(&s, hops, count, i, how);
        }
        if (hops[i].by.n) {
            own_by = hops[i].by;
        }
    }
    return s;
}

static int sighting_cmp(const void *a, const void *b)
{
    uint64_t x = ((const struct sighting *)a)->hash, y = ((const struct sighting *)b)->hash;
    return (x > y) - (x < y);
}

/* Sorts by hash, adds repeats together, keeps the SAMPLE_MAX smallest; returns how many. */
static size_t sample_thin(struct sighting *sample, size_t count)
{
    size_t kept = 0;
    qsort(sample, count, sizeof *sample, sighting_cmp);
    for (size_t i = 0; i < count; i++) {
        if (kept && sample[kept - 1].hash == sample[i].hash) {
            sample[kept - 1].count += sample[i].count;
        } else {
            sample[kept++] = sample[i];
        }
    }
    return kept < SAMPLE_MAX ? kept : SAMPLE_MAX;
}

void trust_learner_see(struct trust_learner *l, const struct hop *hops, size_t count)
{
    if (count == 0) {
        return;
    }
    struct sighting s = sighting_of(hops, count);
    l->messages++;
    if (s.hash > l->hash_max) {
        return;
    }
    if (l->count == l->size) {
        size_t size = l->size ? 2 * l->size : 256;
        struct sighting *sample = realloc(l->sample, size * sizeof *sample);
        if (!sample) {
            l->messages--; /* out of memory: as if the message had not come */
            return;
        }
        l->sample = sample;
        l->size = size;
    }
    l->sample[l->count++] = s;
    if (l->count == 2 * SAMPLE_MAX) {
        l->count = sample_thin(l->sample, l->count);
        if (l->count == SAMPLE_MAX) {
            l->hash_max = l->sample[l->count - 1].hash;
        }
    }
}

/* ---- learning ---- */

/* A message at the place where, with what is learnt so far, the first stranger stands. */
struct border {
    const struct sighting *seen;
    unsigned at; /* of seen->steps */
};

struct lesson {
    const struct sighting *sample; /* the learner's, thinned */
    size_t count;
    uint64_t total; /* messages in the sample, repeats too */
    uint64_t days;  /* different days */
    struct border *borders;
    size_t seen;       /* of them, those with an address, sorted by it */
    uint64_t *scratch; /* count numbers */
    struct trust *learnt;
    struct trust *into;
    uint64_t messages;
    void (*say)(void *, struct slice, uint64_t, uint64_t);
    void *arg;
};

static int u64_cmp(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Different numbers among v[0..n); sorts them. */
static uint64_t distinct(uint64_t *v, size_t n)
{
    uint64_t count = 0;
    qsort(v, n, sizeof *v, u64_cmp);
    for (size_t i = 0; i < n; i++) {
        count += i == 0 || v[i] != v[i - 1];
    }
    return count;
}

/* Per cent of v[0..n) that is taken by numbers which each have NAME_SHARE per cent; sorts. */
static bool is_steady(uint64_t *v, size_t n)
{
    size_t steady = 0;
    qsort(v, n, sizeof *v, u64_cmp);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && v[j] == v[i]; j++) {
        }
        steady += (j - i) * 100 >= n * NAME_SHARE ? j - i : 0;
    }
    return n && steady * 100 >= n * CONSISTENT_MIN;
}

static uint64_t days_of(const struct lesson *l, const struct border *b, size_t n)
{
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
        if (b[i].seen->day != INT64_MIN) {
            l->scratch[known++] = (uint64_t)b[i].seen->day;
        }
    }
    return distinct(l->scratch, known);
}

static const struct step *border_step(const struct border *b)
{
    return &b->seen->steps[b->at];
}

struct weight {
    uint64_t messages, consistent, in_time, followed;
};

static struct weight weigh(const struct border *b, size_t n)
{
    struct weight w = {0};
    for (size_t i = 0; i < n; i++) {
        const struct step *s = border_step(&b[i]);
        w.messages += b[i].seen->count;
        w.consistent += s->is_consistent ? b[i].seen->count : 0;
        w.in_time += s->is_in_time ? b[i].seen->count : 0;
        w.followed += s->by ? b[i].seen->count : 0;
    }
    return w;
}

/* Whether some message comes from there, as far as lines that are believed tell. */
static bool is_at_border(const struct lesson *l, const struct ip *a)
{
    size_t from = 0, to = l->seen;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (memcmp(border_step(&l->borders[middle])->addr.b, a->b, sizeof a->b) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < l->seen && ip_eq(border_step(&l->borders[from])->addr, *a);
}

/* Different clients below; `is_known`: only those that hand in mail without it, too. */
static uint64_t clients_of(const struct lesson *l, const struct border *b, size_t n, bool is_known)
{
    size_t clients = 0;
    for (size_t i = 0; i < n; i++) {
        if (b[i].at + 1 < b[i].seen->step_count && !b[i].seen->steps[b[i].at + 1].is_blind) {
            const struct ip *a = &b[i].seen->steps[b[i].at + 1].addr;
            if (!is_known || is_at_border(l, a)) {
                l->scratch[clients++] = hash_u64(slice_of((const char *)a->b, sizeof a->b));
            }
        }
    }
    return distinct(l->scratch, clients);
}

/* A list server or a small forwarder hands over what the same machines also send without it.
 * Whoever makes up clients does not know which addresses the other mail of this source comes from.
 */
static bool is_vouched_for(const struct lesson *l, const struct border *b, size_t n)
{
    uint64_t known = clients_of(l, b, n, true);
    return known >= KNOWN_MIN && known * 100 >= clients_of(l, b, n, false) * KNOWN_SHARE;
}

/* Is what these messages share at their border a relay? Either the names agree, or it carries so
 * much, so steadily, from so many that one spammer's forgeries are the worse explanation. */
static bool is_relay(const struct lesson *l, const struct border *b, size_t n)
{
    struct weight w = weigh(b, n);
    if (w.messages < MESSAGES_MIN || w.messages * 100 < l->total * SMALL_SHARE ||
        (w.messages * 100 < l->total * SHARE_MIN && !is_vouched_for(l, b, n))) {
        return false;
    }
    bool is_named = w.consistent * 100 >= w.messages * CONSISTENT_MIN;
    bool is_major = w.messages * 100 >= l->total * MAJOR_SHARE &&
                    w.in_time * 100 >= w.messages * MAJOR_FOLLOWED;
    bool is_gateway = w.messages * 100 >= l->total * GATEWAY_SHARE &&
                      w.followed * 100 >= w.messages * CONSISTENT_MIN;
    if (!is_named && !is_major && !is_gateway) {
        return false;
    }
    uint64_t days = days_of(l, b, n), days_all = l->days < w.messages ? l->days : w.messages;
    if (days * (is_named || is_gateway ? DAYS_FRACTION : MAJOR_DAYS) < days_all) {
        return false; /* a hacked server's one day */
    }
    size_t lines = 0;
    for (size_t i = 0; i < n; i++) {
        const struct step *s = border_step(&b[i]);
        if (s->by && (s->is_consistent || !is_named)) {
            l->scratch[lines++] = s->by;
        }
    }
    if (!is_steady(l->scratch, lines)) {
        return false;
    }
    uint64_t clients = clients_of(l, b, n, false);
    return clients >= CLIENTS_MIN &&
           clients * 100 >= w.messages * (is_named || is_gateway ? CLIENTS_SHARE : MAJOR_CLIENTS);
}

static void spec_learn(struct lesson *l, struct slice spec, uint64_t messages)
{
    size_t had = trust_count(l->learnt);
    if (trust_add(l->learnt, spec, NULL) != OK || trust_count(l->learnt) == had ||
        trust_add(l->into, spec, NULL) != OK) {
        return; /* no name that trust can hold, or told already */
    }
    if (l->say) {
        /* In parts of the whole source when the sample is smaller. */
        double share = (double)messages / (double)l->total;
        l->say(l->arg, spec, (uint64_t)(share * (double)l->messages + 0.5), l->messages);
    }
}

static void network_learn(struct lesson *l, struct ip a, bool is_farm, uint64_t messages)
{
    char text[IP_TEXT_BYTES + 4];
    if (is_farm) {
        memset(a.b + (ip_is_v4(a) ? 15 : 8), 0, ip_is_v4(a) ? 1 : 8);
    }
    ip_text(a, text);
    size_t n = strlen(text);
    if (is_farm) {
        memcpy(text + n, ip_is_v4(a) ? "/24" : "/64", 4);
        n += 3;
    }
    spec_learn(l, slice_of(text, n), messages);
}

static int border_cmp(const void *a, const void *b)
{
    return memcmp(border_step(a)->addr.b, border_step(b)->addr.b, sizeof(struct ip));
}

static bool same_network(struct ip a, struct ip b)
{
    return memcmp(a.b, b.b, ip_is_v4(a) ? 15 : 8) == 0;
}

static size_t run_of_address(const struct border *b, size_t from, size_t n)
{
    size_t to = from + 1;
    while (to < n && ip_eq(border_step(&b[to])->addr, border_step(&b[from])->addr)) {
        to++;
    }
    return to;
}

/* Borders of one /24 or /64. A farm of relays passes as a whole, and each address of it that was
 * seen more than by chance fits; else each address has to pass alone. */
static void network_weigh(struct lesson *l, const struct border *b, size_t n)
{
    size_t members = 0, fitting = 0;
    for (size_t i = 0, j; i < n; i = j) {
        j = run_of_address(b, i, n);
        struct weight w = weigh(b + i, j - i);
        members++;
        fitting +=
            w.consistent * 100 >= w.messages * CONSISTENT_MIN && w.messages >= FARM_SIGHTINGS_MIN;
    }
    bool is_farm = members > 1 && fitting > 1 && is_relay(l, b, n);
    if (is_farm && fitting == members && members >= FARM_MEMBERS_MIN) {
        network_learn(l, border_step(b)->addr, true, weigh(b, n).messages);
        return;
    }
    for (size_t i = 0, j; i < n; i = j) {
        j = run_of_address(b, i, n);
        struct weight w = weigh(b + i, j - i);
        bool is_member = is_farm && w.messages >= FARM_SIGHTINGS_MIN &&
                         w.consistent * 100 >= w.messages * CONSISTENT_MIN;
        if (is_member || is_relay(l, b + i, j - i)) {
            network_learn(l, border_step(&b[i])->addr, false, w.messages);
        }
    }
}

static void name_learn(struct lesson *l, const struct name *name, uint64_t messages,
                       uint64_t share_min)
{
    struct slice s = slice_of(name->text, name->n);
    struct ip addr;
    bool is_full = slice_find_byte(s, '.') < s.n && !slice_istarts(s, S("localhost")) &&
                   !ip_parse(s, &addr) && slice_find_byte(s, '*') == s.n &&
                   slice_find_byte(s, '?') == s.n;
    if (is_full && messages * 100 >= l->total * share_min) {
        spec_learn(l, s, messages);
    }
}

static int writer_cmp(const void *a, const void *b)
{
    const struct name *x = &((const struct border *)a)->seen->writer;
    const struct name *y = &((const struct border *)b)->seen->writer;
    return slice_cmp(slice_of(x->text, x->n), slice_of(y->text, y->n));
}

static int blind_cmp(const void *a, const void *b)
{
    const struct name *x = &((const struct border *)a)->seen->blind_by;
    const struct name *y = &((const struct border *)b)->seen->blind_by;
    return slice_cmp(slice_of(x->text, x->n), slice_of(y->text, y->n));
}

/* The names of the receiving side; a host that was renamed has two. */
static void writers_learn(struct lesson *l)
{
    for (size_t i = 0; i < l->count; i++) {
        l->borders[i] = (struct border){&l->sample[i], 0};
    }
    qsort(l->borders, l->count, sizeof *l->borders, writer_cmp);
    for (size_t i = 0, j; i < l->count; i = j) {
        uint64_t messages = 0;
        for (j = i; j < l->count && writer_cmp(&l->borders[i], &l->borders[j]) == 0; j++) {
            messages += l->borders[j].seen->count;
        }
        name_learn(l, &l->borders[i].seen->writer, messages,
                   l->total < MESSAGES_MIN ? TOP_SHARE_FEW : SHARE_MIN);
    }
}

/* Writers that hide their clients' addresses: the lines below are ours if nearly all messages of
 * the source have there one of a few names. */
static void blind_learn(struct lesson *l, struct border *b, size_t n)
{
    uint64_t steady = 0;
    qsort(b, n, sizeof *b, blind_cmp);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0, j; i < n; i = j) {
            uint64_t messages = 0;
            for (j = i; j < n && blind_cmp(&b[i], &b[j]) == 0; j++) {
                messages += b[j].seen->count;
            }
            if (!b[i].seen->blind_by.n || messages * 100 < l->total * SHARE_MIN) {
                continue;
            }
            if (pass == 0) {
                steady += messages;
            } else {
                name_learn(l, &b[i].seen->blind_by, messages, SHARE_MIN);
            }
        }
        if (steady * 100 < l->total * GATEWAY_SHARE) {
            return;
        }
    }
}

static bool step_is_learnt(const struct lesson *l, const struct sighting *s, unsigned at)
{
    const struct step *step = &s->steps[at];
    return step->is_blind ? trust_holds_host(l->learnt, slice_of(s->blind_by.text, s->blind_by.n))
                          : trust_holds_ip(l->learnt, step->addr);
}

/* One round: where do the messages stand now, and what is shared there? */
static void depth_learn(struct lesson *l)
{
    size_t seen = 0, blind = 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct sighting *s = &l->sample[i];
        unsigned at = 0;
        while (at < s->step_count && step_is_learnt(l, s, at)) {
            at++;
        }
        if (at < s->step_count && !s->steps[at].is_blind) {
            l->borders[seen++] = (struct border){s, at};
        } else if (at < s->step_count) {
            l->borders[l->count - ++blind] = (struct border){s, at};
        }
    }
    qsort(l->borders, seen, sizeof *l->borders, border_cmp);
    l->seen = seen;
    for (size_t i = 0, j; i < seen; i = j) {
        struct ip addr = border_step(&l->borders[i])->addr;
        for (j = i + 1; j < seen && same_network(addr, border_step(&l->borders[j])->addr); j++) {
        }
        network_weigh(l, l->borders + i, j - i);
    }
    blind_learn(l, l->borders + (l->count - blind), blind);
}

void trust_learner_apply(struct trust_learner *l, struct trust *t,
                         void (*say)(void *arg, struct slice spec, uint64_t messages, uint64_t of),
                         void *arg)
{
    struct lesson k = {.into = t, .messages = l->messages, .say = say, .arg = arg};
    k.borders = malloc((l->count + 1) * sizeof *k.borders);
    k.scratch = malloc((l->count + 1) * sizeof *k.scratch);
    k.learnt = trust_new();
    if (!k.borders || !k.scratch || !k.learnt || l->count == 0) {
        goto done;
    }
    l->count = sample_thin(l->sample, l->count);
    k.sample = l->sample;
    k.count = l->count;
    for (size_t i = 0; i < k.count; i++) {
        k.total += k.sample[i].count;
        k.borders[i] = (struct border){&k.sample[i], 0};
    }
    k.days = days_of(&k, k.borders, k.count);
    writers_learn(&k);
    for (int round = 0; round < STEPS_MAX && k.total >= MESSAGES_MIN; round++) {
        size_t had = trust_count(k.learnt);
        depth_learn(&k);
        if (trust_count(k.learnt) == had) {
            break;
        }
    }
done:
    trust_free(k.learnt);
    free(k.scratch);
    free(k.borders);
}
