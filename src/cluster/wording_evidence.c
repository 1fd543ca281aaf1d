/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What two wordings have in common, and how much of it says anything: what stands beside many other
 * things is anybody's. docs/clusters.md, "Campaigns". */
#include "cluster/wording_grouping.h"
#include "core/scratch.h"
#include "core/sort.h"

enum {
    DOMAINS = 8,        /* of a wording, the most frequent */
    DOMAIN_GROUPS = 16, /* more groups than these have it: it is a big site's ... */
    DOMAIN_SHAPES = 3,  /* ... unless no more URL shapes than these go there */
    COMMON = 8, /* URL shapes beside which a call or a skeleton stands: more, and it is anybody's */
    LIGHT = 8   /* messages of a wording that may be one of the many pages of a book */
};

/* Likeness of two texts that makes them one campaign: alone; when one more thing is alike (METHODS
 * B3); when two are; and when nothing is against it. */
static const double ALONE = 0.75, SUPPORTED = 0.5, WELL_SUPPORTED = 0.35, UNOPPOSED = 0.6;
/* Of two openings in the same form, when a book's text follows */
static const double OPENING = 0.5;
/* The same of what is known by its attachments: few items, so coarse. With the same URL shapes;
 * with a rare domain. */
static const double SHAPE_SUPPORTED = 0.6, SHAPE_SIZE = 0.6, SHAPE_DOMAIN = 0.3;
/* The same skeleton; the same URL shapes */
static const double LAYOUT = 0.75, SHAPES = 0.5;

/* The same subject; and an opening or an end with it */
static const double SUBJECT = 0.7, SIDE_SUBJECT = 0.3, SIDE_NEAR_SUBJECT = 0.5,
                    SIDE_ONE_LIGHT = 0.6;
/* Short texts with the same subject */
static const double SHORT_SUBJECT = 0.25, SHORT_NEAR_SUBJECT = 0.35;
enum { LONG_SUBJECT = 3 }; /* own words: with links in the same form it tells two short texts */
/* Attachments in the same form, with the same subject */
static const double SHAPE_SUBJECT = 0.6;

static bool shares_domain(const struct wording_grouping *g, uint32_t a, uint32_t b)
{
    size_t i = a ? g->domain_end[a - 1] : 0, k = b ? g->domain_end[b - 1] : 0;
    while (i < g->domain_end[a] && k < g->domain_end[b]) {
        if (g->domains[i] == g->domains[k]) {
            return true;
        }
        if (g->domains[i] < g->domains[k]) {
            i++;
        } else {
            k++;
        }
    }
    return false;
}

static void strengthen(struct wording_evidence *e, double likeness, double enough,
                       const char *reason)
{
    if (likeness / enough > e->strength) {
        e->strength = likeness / enough;
        e->reason = reason;
    }
}

/* What else two wordings have in common, if it says anything. */
struct support {
    bool layout, shapes; /* alike, whoever else has them */
    bool own_layout, own_shapes, domain, subject;
    bool is_plain;            /* neither has links or HTML */
    bool is_against;          /* both have links, or HTML, and they differ */
    bool is_light, are_light; /* one, both */
};

static void text_weigh(struct wording_evidence *e, const struct support *s)
{
    strengthen(e, e->text, ALONE, "text");
    if (s->layout || s->shapes || s->domain || s->subject) {
        strengthen(e, e->text, SUPPORTED, "text, and layout, URL shapes, subject or a rare domain");
    }
    if (s->own_layout + s->own_shapes + s->domain + s->subject >= 2) {
        strengthen(e, e->text, WELL_SUPPORTED,
                   "text, and two of layout, URL shapes, subject, rare domain");
    }
    if (!s->is_against) {
        strengthen(e, e->text, UNOPPOSED, "text, and nothing against it");
    }
    if (s->layout || s->shapes || s->domain || s->is_plain) {
        strengthen(e, e->open, OPENING, "the opening, and the same form");
    }
    /* a footer is anybody's; a text that comes again and again is no padding */
    if (s->subject && s->is_light) {
        double enough = !s->are_light     ? SIDE_ONE_LIGHT
                        : e->subject >= 1 ? SIDE_SUBJECT
                                          : SIDE_NEAR_SUBJECT;
        strengthen(e, e->open, enough, "the opening and the subject");
        strengthen(e, e->close, enough, "the end and the subject");
    }
}

/* What stands around the links, where the rest may be pages of a book. Two wordings of many
 * messages each are no such pages but templates of their own, unless all else is equal. */
static void call_weigh(struct wording_evidence *e, const struct support *s)
{
    int support = s->own_layout + s->own_shapes + s->domain;
    if (support >= 2 || s->domain || (support == 1 && s->is_light)) {
        strengthen(e, e->call, ALONE, "text around the links, and layout, URL shapes or domain");
    }
    if (support >= 2 && s->is_light) {
        strengthen(e, e->call, SUPPORTED, "text around the links, and layout, URL shapes, domain");
    }
}

/* What is enough beside the subject, whatever the text is. */
static void subject_weigh(struct wording_evidence *e, const struct support *s)
{
    if (s->subject) {
        strengthen(e, s->own_layout && s->shapes, 1, "the subject, layout and URL shapes");
        strengthen(e, s->own_shapes, 1, "the subject and URL shapes");
        strengthen(e, s->domain, 1, "the subject and a rare domain");
        strengthen(e, e->attachment, 1, "the subject and attachments of one size");
    }
}

/* The most alike of what both had. */
static double subjects_likeness(const struct wording *v, const struct wording *w, unsigned *own)
{
    double most = -1;
    *own = 0;
    for (size_t i = 0; i < WORDING_SUBJECTS; i++) {
        for (size_t k = 0; k < WORDING_SUBJECTS; k++) {
            const struct wording_subject *x = &v->subjects[i], *y = &w->subjects[k];
            if (x->count == 0 || y->count == 0) { /* as most second ones */
                break;
            }
            double j = wording_subject_likeness(x, y);
            if (j > most) {
                most = j;
                *own = x->own < y->own ? x->own : y->own;
            }
        }
    }
    return most;
}

static void kind_weigh(struct wording_evidence *e, enum cd1_kind kind, const struct support *s)
{
    switch (kind) {
    case CD1_TEXT:
        text_weigh(e, s);
        break;
    case CD1_SHAPE: /* it holds layout and shapes */
        strengthen(e, e->text, ALONE, "attachments and structure");
        if (s->own_shapes) {
            strengthen(e, e->text, SHAPE_SUPPORTED, "attachments and URL shapes");
        }
        if (e->attachment >= 1 &&
            !s->is_against) { /* all but the hash, and the size's step by its border */
            strengthen(e, e->text, SHAPE_SIZE, "structure, and attachments of one size");
        }
        if (s->domain) {
            strengthen(e, e->text, SHAPE_DOMAIN, "attachments and a rare domain");
        }
        if (s->subject) {
            strengthen(e, e->text, SHAPE_SUBJECT, "attachments and the subject");
        }
        break;
    case CD1_SHORT: /* "look at this" is anybody's */
        strengthen(e, s->domain && e->text >= 1, 1, "equal short texts and a rare domain");
        if (s->subject) {
            strengthen(e, e->text, e->subject >= 1 ? SHORT_SUBJECT : SHORT_NEAR_SUBJECT,
                       "short texts and the subject");
            strengthen(e, s->shapes && e->subject >= 1 && e->subject_words >= LONG_SUBJECT, 1,
                       "short texts, the subject and URL shapes");
        }
        break;
    case CD1_NONE:
        break;
    }
}

void grouping_evidence(const struct wording_grouping *g, uint32_t a, uint32_t b,
                       struct wording_evidence *e)
{
    const struct wording *v = grouping_wording(g, a), *w = grouping_wording(g, b);
    const struct wording_sketch *x = &v->sketch, *y = &w->sketch;
    unsigned flags = g->flags[a] | g->flags[b];
    *e = (struct wording_evidence){
        .text = wording_text_likeness(x, y),
        .open = wording_open_likeness(x, y),
        .close = wording_close_likeness(x, y),
        .call = wording_call_likeness(x, y),
        .html = wording_html_likeness(x, y),
        .shapes = wording_shape_likeness(x, y),
        .attachment = wording_attachment_likeness(x, y),
        .shares_domain = g->has_domains && shares_domain(g, a, b),
        .reason = "nothing",
    };
    e->subject = subjects_likeness(v, w, &e->subject_words);
    struct support s = {
        .layout = e->html >= LAYOUT,
        .shapes = e->shapes >= SHAPES,
        .own_layout = e->html >= LAYOUT && !(flags & HTML_COMMON),
        .own_shapes = e->shapes >= SHAPES && !(flags & SHAPES_TRIVIAL),
        .domain = e->shares_domain,
        .subject = e->subject >= SUBJECT && !(flags & SUBJECT_COMMON),
        .is_against = (e->html >= 0 && e->html < LAYOUT) || (e->shapes >= 0 && e->shapes < SHAPES),
        .is_plain = !x->has_html && !y->has_html && x->shape_count + y->shape_count == 0,
        .is_light = v->profile.messages <= LIGHT || w->profile.messages <= LIGHT,
        .are_light = v->profile.messages <= LIGHT && w->profile.messages <= LIGHT,
    };
    if (x->kind == y->kind) {
        kind_weigh(e, (enum cd1_kind)x->kind, &s);
    }
    if (!(flags & CALL_COMMON)) {
        call_weigh(e, &s);
    }
    subject_weigh(e, &s);
}

bool grouping_may_be_alike(const struct wording_grouping *g, uint32_t a, uint32_t b)
{
    const struct wording *v = grouping_wording(g, a), *w = grouping_wording(g, b);
    const struct wording_sketch *x = &v->sketch, *y = &w->sketch;
    const unsigned flags = g->flags[a] | g->flags[b];
    /* The least that is asked of a text or of attachments; of an opening, an end */
    if (x->kind == y->kind && (wording_text_likeness(x, y) >= SHORT_SUBJECT ||
                               wording_open_likeness(x, y) >= SIDE_SUBJECT ||
                               wording_close_likeness(x, y) >= SIDE_SUBJECT)) {
        return true;
    }
    if (!(flags & CALL_COMMON) && wording_call_likeness(x, y) >= SUPPORTED) {
        return true;
    }
    /* With a subject one more thing is enough */
    unsigned own;
    return !(flags & SUBJECT_COMMON) &&
           (wording_shape_likeness(x, y) >= SHAPES || wording_attachment_likeness(x, y) >= 1 ||
            (g->has_domains && shares_domain(g, a, b))) &&
           subjects_likeness(v, w, &own) >= SUBJECT;
}

/* Flags those values (b) that stand beside many different URL shapes (c). */
static void common_flag(struct wording_grouping *g, const struct sort_item *all, size_t n,
                        uint8_t flag)
{
    for (size_t from = 0, to; from < n; from = to) {
        size_t shapes = 1;
        for (to = from + 1; to < n && all[to].b == all[from].b; to++) {
            shapes += all[to].c != all[to - 1].c;
        }
        for (size_t i = from; shapes > COMMON && i < to; i++) {
            g->flags[all[i].index] |= flag;
        }
    }
}

/* Without a path, so anybody's: "http://www.d/". */
static bool shapes_are_trivial(const char *shapes)
{
    struct slice rest = slice_cstr(shapes);
    while (rest.n > 0) {
        struct slice shape = slice_cut(&rest, '\n');
        size_t host = slice_find(shape, S("://"));
        struct slice path = host < shape.n ? slice_sub(shape, host + 3, SIZE_MAX) : shape;
        slice_cut(&path, '/');
        if (path.n > 0) {
            return false;
        }
    }
    return true;
}

/* Leaves what may stand beside more than COMMON URL shapes: most values stand nowhere else. By hash
 * alone, so that a few more are left. */
static size_t frequent_leave(struct sort_item *all, size_t n)
{
    enum { CELL_BITS = 16 };
    uint8_t times[1 << CELL_BITS] = {0};
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t *t = &times[all[i].b * 0x9e3779b97f4a7c15 >> (64 - CELL_BITS)];
        *t = (uint8_t)(*t + (*t <= COMMON));
    }
    for (size_t i = 0; i < n; i++) {
        if (times[all[i].b * 0x9e3779b97f4a7c15 >> (64 - CELL_BITS)] > COMMON) {
            all[left++] = all[i];
        }
    }
    return left;
}

static bool commons_find(struct wording_grouping *g)
{
    struct sort_item *all = scratch_new(2 * g->n, sizeof all[0]);
    if (!all) {
        return false;
    }
    static const uint8_t FLAGS[] = {CALL_COMMON, HTML_COMMON, SUBJECT_COMMON};
    for (size_t k = 0; k < sizeof FLAGS; k++) {
        size_t n = 0;
        for (uint32_t i = 0; i < g->n; i++) {
            const struct wording *w = grouping_wording(g, i);
            const struct wording_sketch *s = &w->sketch;
            all[n] = (struct sort_item){.c = s->shape_count ? s->shapes[0] : 0, .index = i};
            switch (FLAGS[k]) {
            case CALL_COMMON:
                all[n].b = s->call;
                n += s->has_call;
                break;
            case HTML_COMMON:
                all[n].b = s->html;
                n += s->has_html;
                break;
            default:
                all[n].b = wording_subject_hash(&w->subjects[0]);
                n += w->subjects[0].count > 0;
            }
        }
        n = frequent_leave(all, n);
        common_flag(g, sort_items(all, all + g->n, n), n, FLAGS[k]);
    }
    for (uint32_t i = 0; i < g->n; i++) {
        g->flags[i] |= shapes_are_trivial(grouping_wording(g, i)->shapes) ? SHAPES_TRIVIAL : 0;
    }
    scratch_free(all);
    return true;
}

/* Hashes of a wording's most frequent domains, ascending. */
static size_t domains_take(const struct profile *p, uint32_t out[DOMAINS])
{
    struct slice values[DOMAINS];
    size_t n = profile_most(p, PROFILE_DOMAIN, values, DOMAINS);
    for (size_t i = 0; i < n; i++) {
        uint32_t hash = (uint32_t)hash_u64(values[i]);
        size_t at = i;
        for (; at > 0 && out[at - 1] > hash; at--) {
            out[at] = out[at - 1];
        }
        out[at] = hash;
    }
    return n;
}

static bool domains_list(struct wording_grouping *g)
{
    enum { FETCHED = 16 }; /* wordings ahead */
    size_t n = 0, room = 0;
    for (size_t i = 0; i < g->n; i++) {
        if (room < n + DOMAINS) {
            room = (n + DOMAINS) * 2;
            uint32_t *domains = scratch_grow(g->domains, room, sizeof domains[0]);
            if (!domains) {
                return false;
            }
            g->domains = domains;
        }
        if (i + FETCHED < g->n) { /* profiles lie anywhere */
            __builtin_prefetch(&grouping_wording(g, i + FETCHED)->profile);
            __builtin_prefetch(grouping_wording(g, i + FETCHED / 2)->profile.detail);
        }
        n += domains_take(&grouping_wording(g, i)->profile, g->domains + n);
        g->domain_end[i] = (uint32_t)n;
    }
    return true;
}

enum err grouping_look(struct wording_grouping *g)
{
    return domains_list(g) && commons_find(g) ? OK : ERR_NOMEM;
}

bool grouping_call_is_common(const struct wording_grouping *g, size_t node)
{
    return g->flags[node] & CALL_COMMON;
}

/* Few groups have it; or it goes with few URL shapes, as a campaign's own does whose texts have
 * nothing in common. */
static bool domain_is_rare(struct wording_grouping *g, const struct wording_value *members,
                           size_t n)
{
    uint32_t roots[DOMAIN_GROUPS + 1], shapes[DOMAIN_SHAPES + 1];
    size_t root_count = 0, shape_count = 0;
    for (size_t i = 0; i < n && (root_count <= DOMAIN_GROUPS || shape_count <= DOMAIN_SHAPES);
         i++) {
        const struct wording_sketch *s = &grouping_wording(g, members[i].node)->sketch;
        uint32_t root = grouping_root(g, members[i].node);
        size_t k = 0;
        while (k < root_count && roots[k] != root) {
            k++;
        }
        if (k == root_count && k <= DOMAIN_GROUPS) {
            roots[root_count++] = root;
        }
        if (g->flags[members[i].node] & SHAPES_TRIVIAL) {
            shape_count = DOMAIN_SHAPES + 1;
        }
        for (k = 0; k < shape_count && shapes[k] != s->shapes[0];) {
            k++;
        }
        if (k == shape_count && k <= DOMAIN_SHAPES) {
            shapes[shape_count++] = s->shapes[0];
        }
    }
    return n > 1 && (root_count <= DOMAIN_GROUPS || shape_count <= DOMAIN_SHAPES);
}

/* The lists of all nodes again, out of (domain, node) of the rare ones. */
static void domains_relist(struct wording_grouping *g, const struct wording_value *all, size_t n)
{
    uint32_t end = 0;
    memset(g->domain_end, 0, g->n * sizeof g->domain_end[0]);
    for (size_t i = 0; i < n; i++) {
        g->domain_end[all[i].node]++;
    }
    for (size_t i = 0; i < g->n; i++) {
        uint32_t count = g->domain_end[i];
        g->domain_end[i] = end;
        end += count;
    }
    for (size_t i = 0; i < n; i++) { /* by value, so ascending in each list */
        g->domains[g->domain_end[all[i].node]++] = all[i].value;
    }
}

/* Leaves the domains that more than one wording may have; by hash alone, so that a few more are
 * left. */
static size_t shared_leave(struct wording_value *all, size_t n)
{
    enum { BITS = 1 << 19, WORD = 64 };
    static _Thread_local uint64_t once[BITS / WORD], again[BITS / WORD];
    size_t left = 0;
    memset(once, 0, sizeof once);
    memset(again, 0, sizeof again);
    for (size_t i = 0; i < n; i++) {
        uint64_t bit = UINT64_C(1) << all[i].value % WORD;
        size_t word = all[i].value / WORD % (BITS / WORD);
        again[word] |= once[word] & bit;
        once[word] |= bit;
    }
    for (size_t i = 0; i < n; i++) {
        if (again[all[i].value / WORD % (BITS / WORD)] >> all[i].value % WORD & 1) {
            all[left++] = all[i];
        }
    }
    return left;
}

enum err grouping_rare_domains(struct wording_grouping *g,
                               enum err (*fn)(struct wording_grouping *g,
                                              const struct wording_value *members, size_t n))
{
    size_t n = g->n ? g->domain_end[g->n - 1] : 0, rare = 0;
    struct wording_value *all = scratch_new(2 * n, sizeof all[0]);
    if (!all) {
        return ERR_NOMEM;
    }
    for (uint32_t node = 0, i = 0; node < g->n; node++) {
        for (; i < g->domain_end[node]; i++) {
            all[i] = (struct wording_value){g->domains[i], node};
        }
    }
    n = shared_leave(all, n);
    wording_values_sort(all, all + n, n);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && all[to].value == all[from].value; to++) {
        }
        if (domain_is_rare(g, all + from, to - from)) {
            memmove(all + rare, all + from, (to - from) * sizeof all[0]);
            rare += to - from;
        }
    }
    domains_relist(g, all, rare);
    g->has_domains = true;
    enum err e = OK;
    for (size_t from = 0, to; e == OK && from < rare; from = to) {
        for (to = from + 1; to < rare && all[to].value == all[from].value; to++) {
        }
        e = fn(g, all + from, to - from);
    }
    scratch_free(all);
    return e;
}
