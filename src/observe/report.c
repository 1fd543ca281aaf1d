/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/report.h"

#include "core/strbuf.h"
#include "mail/mail.h"
#include "stat/wilson.h"

#include <math.h>
#include <stdlib.h>

static const struct slice UNKNOWN = SLICE("unknown");
static const struct slice OTHER = SLICE("other");

/* What a build carries along; the first failure inside a callback is kept here. */
struct build {
    struct store *store;
    const struct report_query *query;
    struct store_filter filter; /* the query's, rounded to whole days */
    size_t top;
    struct arena *arena;
    struct report *r;
    struct errbuf *eb;
    enum err err;
};

const char *unit_name(enum unit u)
{
    static const char *const NAMES[UNIT_COUNT] = {"messages", "recipients", "bytes", "hosts"};
    return NAMES[u];
}

uint64_t unit_of(const struct units *u, enum unit unit)
{
    switch (unit) {
    case UNIT_RECIPIENTS:
        return u->recipients;
    case UNIT_BYTES:
        return u->bytes;
    case UNIT_HOSTS:
        return u->hosts;
    case UNIT_MESSAGES:
    case UNIT_COUNT:
        break;
    }
    return u->messages;
}

/* Hosts overlap between values, so they are not added. */
static void units_add(struct units *to, const struct units *u)
{
    to->messages += u->messages;
    to->recipients += u->recipients;
    to->bytes += u->bytes;
    to->expected += u->expected;
}

/* Two parts of one value, of which only one has messages and thus hosts. */
static void units_merge(struct units *to, const struct units *u)
{
    units_add(to, u);
    to->hosts = u->hosts > to->hosts ? u->hosts : to->hosts;
}

static struct slice build_copy(struct build *b, struct slice s)
{
    struct slice copy = arena_copy(b->arena, s);
    if (!copy.p) {
        b->err = ERR_NOMEM;
    }
    return copy;
}

static enum err build_nomem(struct build *b)
{
    return err_set(b->eb, ERR_NOMEM, "the report needs more memory than its arena has");
}

/* ---- tables ---- */

enum table_source {
    FROM_CUBE, /* all values, so that what is not shown is known */
    FROM_TOP,  /* the store ranks: there are too many values to see them all */
};

static const struct table_plan {
    struct report_table_info info;
    size_t offset; /* of the table in struct report */
    enum table_source source;
    bool has_hosts;
    struct slice unknown; /* how the store writes "unknown"; empty: the table has no such value */
} PLANS[REPORT_TABLES] = {
#define TABLE(field, row, title, dimension, source, has_hosts, unknown)                            \
    {                                                                                              \
        {#field, row, title, DIMENSION_##dimension}, offsetof(struct report, field), source,       \
            has_hosts, SLICE(unknown)                                                              \
    }
    TABLE(botnets, "botnet", "Botnets", BOTNET, FROM_CUBE, true, "unknown"),
    TABLE(mailers, "mailer", "Mailers", MAILER, FROM_CUBE, false, "unknown"),
    TABLE(programs, "program", "Programs", PROGRAM, FROM_CUBE, false, "unknown"),
    TABLE(countries, "country", "Countries", COUNTRY, FROM_CUBE, false, "-"),
    TABLE(networks, "network", "Networks (AS)", ASN, FROM_TOP, false, "0"),
    TABLE(hosts, "host", "Hosts", HOST, FROM_TOP, false, ""),
    TABLE(net24s, "net24", "/24s by hosts", NET24, FROM_TOP, true, ""),
    TABLE(domains, "domain", "Domains", DOMAIN, FROM_TOP, false, ""),
    TABLE(traps, "trap", "Traps", TRAP, FROM_CUBE, true, ""),
    TABLE(sites, "site", "Sites", SITE, FROM_CUBE, true, "-"),
    TABLE(quirks, "quirk", "Quirks", QUIRK, FROM_CUBE, false, ""),
#undef TABLE
};

const struct report_table_info *report_table_info(size_t i)
{
    return &PLANS[i].info;
}

const struct report_table *report_table(const struct report *r, size_t i)
{
    return (const struct report_table *)((const char *)r + PLANS[i].offset);
}

static struct report_table *table_of(struct report *r, const struct table_plan *p)
{
    return (struct report_table *)((char *)r + p->offset);
}

/* All values of one dimension as they come from the store. */
struct gather {
    struct build *build;
    struct report_share *rows; /* heap: most are dropped after ranking */
    size_t count, capacity;
};

static void gather_row(void *arg, const struct cube_row *row)
{
    struct gather *g = arg;
    if (g->build->err) {
        return;
    }
    /* "unknown" that came second is a value of its own in the store, beside no label at all. */
    for (size_t i = 0; slice_eq(row->value, UNKNOWN) && i < g->count; i++) {
        if (slice_eq(g->rows[i].name, UNKNOWN)) {
            units_merge(&g->rows[i].units, &row->units);
            return;
        }
    }
    if (g->count == g->capacity) {
        size_t capacity = g->capacity ? g->capacity * 2 : 64;
        struct report_share *rows = reallocarray(g->rows, capacity, sizeof *rows);
        if (!rows) {
            g->build->err = ERR_NOMEM;
            return;
        }
        g->rows = rows;
        g->capacity = capacity;
    }
    g->rows[g->count++] = (struct report_share){
        .name = build_copy(g->build, row->value),
        .units = row->units,
    };
}

/* Greatest first, unknown last; names break ties, so that the order is always the same. */
static int share_cmp_messages(const void *pa, const void *pb)
{
    const struct report_share *a = pa;
    const struct report_share *b = pb;
    if (a->units.messages != b->units.messages) {
        return a->units.messages < b->units.messages ? 1 : -1;
    }
    return slice_cmp(a->name, b->name);
}

static int share_cmp_hosts(const void *pa, const void *pb)
{
    const struct report_share *a = pa;
    const struct report_share *b = pb;
    if (a->units.hosts != b->units.hosts) {
        return a->units.hosts < b->units.hosts ? 1 : -1;
    }
    return share_cmp_messages(pa, pb);
}

/* Takes the unknown row out of the gathered ones; false when there is none. */
static bool gather_take_unknown(struct gather *g, struct slice name, struct report_share *out)
{
    for (size_t i = 0; name.n && i < g->count; i++) {
        if (slice_eq(g->rows[i].name, name)) {
            *out = g->rows[i];
            out->name = UNKNOWN;
            g->rows[i] = g->rows[--g->count];
            return true;
        }
    }
    return false;
}

static void share_finish(struct build *b, const struct table_plan *plan, struct report_share *row)
{
    uint64_t n = b->r->total.messages;
    struct interval i = wilson_95(row->units.messages, n);
    row->share_messages = n ? (double)row->units.messages / (double)n : NAN;
    row->share_low = i.low;
    row->share_high = i.high;
    if (!plan->has_hosts) {
        row->units.hosts = 0;
    }
    if (slice_eq(row->name, UNKNOWN)) {
        return;
    }
    if (plan->info.dimension == DIMENSION_QUIRK) {
        for (unsigned q = 0; q < QUIRK_COUNT; q++) {
            if (slice_eq(row->name, slice_cstr(quirk_name(q)))) {
                row->text = slice_cstr(quirk_text(q));
            }
        }
    } else if (b->query->describe && (plan->info.dimension == DIMENSION_COUNTRY ||
                                      plan->info.dimension == DIMENSION_ASN)) {
        row->text =
            build_copy(b, b->query->describe(b->query->arg, plan->info.dimension, row->name));
    }
}

static void table_leaders(struct report_table *t, const struct gather *g, bool has_hosts)
{
    uint64_t best[UNIT_COUNT] = {0};
    for (size_t i = 0; i < g->count; i++) {
        for (enum unit u = 0; u < (has_hosts ? UNIT_COUNT : UNIT_HOSTS); u++) {
            uint64_t v = unit_of(&g->rows[i].units, u);
            if (v > best[u]) {
                best[u] = v;
                t->first_by[u] = g->rows[i].name;
            }
        }
    }
}

/* Ranks what was gathered and keeps the top of it. */
static enum err table_rank(struct build *b, const struct table_plan *plan, struct gather *g,
                           struct report_table *t)
{
    struct report_share unknown = {.name = UNKNOWN};
    bool has_unknown = gather_take_unknown(g, plan->unknown, &unknown);
    /* A label table says "unknown: 0" too; a ranking without it only says that it is small. */
    has_unknown |= plan->source == FROM_CUBE && plan->unknown.n &&
                   plan->info.dimension != DIMENSION_SITE; /* most traps have a site */
    if (g->count) {
        qsort(g->rows, g->count, sizeof *g->rows,
              plan->info.dimension == DIMENSION_NET24 ? share_cmp_hosts : share_cmp_messages);
    }
    table_leaders(t, g, plan->has_hosts);
    size_t shown = g->count < b->top ? g->count : b->top;
    struct report_share *rows = arena_calloc(b->arena, shown + 1, sizeof *rows);
    if (!rows) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < shown; i++) {
        rows[i] = g->rows[i];
    }
    if (has_unknown) {
        rows[shown] = unknown;
    }
    t->rows = rows;
    t->count = shown + has_unknown;
    for (size_t i = 0; i < t->count; i++) {
        share_finish(b, plan, &rows[i]);
    }
    t->total = b->r->total;
    t->has_hosts = plan->has_hosts;
    t->has_rest = plan->source == FROM_CUBE;
    for (size_t i = shown; t->has_rest && i < g->count; i++) {
        units_add(&t->rest, &g->rows[i].units);
        t->rest_count++;
    }
    return b->err;
}

static enum err table_build(struct build *b, const struct table_plan *plan)
{
    struct gather g = {.build = b};
    struct report_table *t = table_of(b->r, plan);
    enum err e;
    if (plan->source == FROM_TOP) {
        /* One more than is shown, for the unknown among them. */
        e = store_top(b->store, &b->filter, plan->info.dimension, b->top + (plan->unknown.n != 0),
                      &t->least_daily, gather_row, &g, b->eb);
    } else {
        e = store_cube(b->store, &b->filter, BUCKET_ALL, plan->info.dimension, gather_row, &g,
                       b->eb);
    }
    e = e ? e : b->err;
    if (!e) {
        e = table_rank(b, plan, &g, t);
    }
    free(g.rows);
    return e == ERR_NOMEM ? build_nomem(b) : e;
}

/* ---- days and bands ---- */

struct daily {
    struct build *build;
    struct report_day *days;
    struct report_band *bands;
    struct units **cells; /* of the bands */
    size_t band_count;
    size_t other, unknown; /* indices of bands */
};

/* The index of a bucket's day; day_count when it is outside of the period. */
static size_t day_index(const struct report *r, int64_t bucket)
{
    int64_t i = day_of(bucket) - day_of(r->since);
    return i >= 0 && (uint64_t)i < r->day_count ? (size_t)i : r->day_count;
}

static void daily_total(void *arg, const struct cube_row *row)
{
    struct daily *d = arg;
    size_t i = day_index(d->build->r, row->bucket);
    if (i < d->build->r->day_count) {
        d->days[i].units = row->units;
    }
}

static void daily_botnet(void *arg, const struct cube_row *row)
{
    struct daily *d = arg;
    size_t i = day_index(d->build->r, row->bucket);
    if (i == d->build->r->day_count) {
        return;
    }
    size_t band = d->other;
    for (size_t k = 0; k < d->other; k++) {
        if (slice_eq(d->bands[k].name, row->value)) {
            band = k;
        }
    }
    if (slice_eq(row->value, UNKNOWN)) {
        band = d->unknown;
        d->days[i].unknown_messages += row->units.messages;
    }
    units_add(&d->bands[band].total, &row->units);
    if (band == d->other) {
        units_add(&d->cells[band][i], &row->units);
    } else {
        units_merge(&d->cells[band][i], &row->units);
    }
}

/* The greatest botnets get a band each; "other" and "unknown" stand after them. */
static enum err daily_bands(struct daily *d, struct gather *g)
{
    struct build *b = d->build;
    struct report_share unknown;
    (void)gather_take_unknown(g, UNKNOWN, &unknown);
    if (g->count) {
        qsort(g->rows, g->count, sizeof *g->rows, share_cmp_messages);
    }
    size_t named = g->count < REPORT_BANDS ? g->count : REPORT_BANDS;
    d->other = named;
    d->unknown = named + 1;
    d->band_count = named + 2;
    d->bands = arena_calloc(b->arena, d->band_count, sizeof *d->bands);
    d->cells = arena_calloc(b->arena, d->band_count, sizeof *d->cells);
    if (!d->bands || !d->cells) {
        return ERR_NOMEM;
    }
    for (size_t k = 0; k < d->band_count; k++) {
        d->cells[k] = arena_calloc(b->arena, b->r->day_count + 1, sizeof **d->cells);
        if (!d->cells[k]) {
            return ERR_NOMEM;
        }
        d->bands[k].days = d->cells[k];
        d->bands[k].name = k < named ? g->rows[k].name : k == d->other ? OTHER : UNKNOWN;
    }
    return OK;
}

static enum err daily_build(struct build *b)
{
    struct daily d = {.build = b};
    struct gather g = {.build = b};
    d.days = arena_calloc(b->arena, b->r->day_count + 1, sizeof *d.days);
    if (!d.days) {
        return build_nomem(b);
    }
    for (size_t i = 0; i < b->r->day_count; i++) {
        d.days[i].day = day_of(b->r->since) + (int64_t)i;
    }
    enum err e =
        store_cube(b->store, &b->filter, BUCKET_DAY, DIMENSION_TOTAL, daily_total, &d, b->eb);
    if (!e) {
        e = store_cube(b->store, &b->filter, BUCKET_ALL, DIMENSION_BOTNET, gather_row, &g, b->eb);
    }
    e = e ? e : b->err;
    if (!e) {
        e = daily_bands(&d, &g);
    }
    free(g.rows);
    if (!e) {
        e = store_cube(b->store, &b->filter, BUCKET_DAY, DIMENSION_BOTNET, daily_botnet, &d, b->eb);
    }
    if (e) {
        return e == ERR_NOMEM ? build_nomem(b) : e;
    }
    size_t kept = 0;
    for (size_t k = 0; k < d.band_count; k++) {
        if (d.bands[k].total.messages) {
            d.bands[kept++] = d.bands[k];
        }
    }
    b->r->days = d.days;
    b->r->bands = d.bands;
    b->r->band_count = kept;
    return OK;
}

/* ---- the rest ---- */

static void total_row(void *arg, const struct cube_row *row)
{
    struct build *b = arg;
    b->r->total = row->units;
}

static void clock_row(void *arg, const struct cube_row *row)
{
    struct build *b = arg;
    const struct {
        struct slice name;
        uint64_t *to;
    } CLOCKS[] = {
        {SLICE("received"), &b->r->clock_received},
        {SLICE("envelope"), &b->r->clock_envelope},
        {SLICE("trap"), &b->r->clock_trap},
        {SLICE("none"), &b->r->clock_none},
    };
    for (size_t i = 0; i < sizeof CLOCKS / sizeof *CLOCKS; i++) {
        if (slice_eq(row->value, CLOCKS[i].name)) {
            *CLOCKS[i].to += row->units.messages;
        }
    }
}

static int64_t round_up_to_day(int64_t t)
{
    int64_t start = day_of(t) * SECONDS_PER_DAY;
    return t == start ? t : start + SECONDS_PER_DAY;
}

/* From the query's ends and the store's first and last day to whole days. */
static enum err period_build(struct build *b)
{
    struct report *r = b->r;
    const struct store_filter *f = &b->query->filter;
    bool is_since_open = f->since == INT64_MIN;
    bool is_until_open = f->until == INT64_MAX;
    if (!is_since_open && !is_until_open && f->since >= f->until) {
        return err_set(b->eb, ERR_USAGE, "the period is empty: its start is not before its end");
    }
    r->is_whole = is_since_open && is_until_open;
    bool has_data = r->span.first != 0 || r->span.last != 0;
    b->filter.since = is_since_open ? INT64_MIN : day_of(f->since) * SECONDS_PER_DAY;
    b->filter.until = is_until_open ? INT64_MAX : round_up_to_day(f->until);
    r->since = is_since_open ? day_of(r->span.first) * SECONDS_PER_DAY : b->filter.since;
    r->until = is_until_open ? (day_of(r->span.last) + 1) * SECONDS_PER_DAY : b->filter.until;
    /* Nothing to reach to, or all of the data lies on the other side of the one end given. */
    if ((!has_data && (is_since_open || is_until_open)) || r->since >= r->until) {
        r->since = r->until = is_since_open && is_until_open ? 0
                              : is_since_open                ? r->until
                                                             : r->since;
    }
    int64_t days = (r->until - r->since) / SECONDS_PER_DAY;
    if (days > REPORT_DAYS_MAX) {
        return err_set(b->eb, ERR_LIMIT, "the period has %lld days; at most %d are reported",
                       (long long)days, REPORT_DAYS_MAX);
    }
    r->day_count = (size_t)days;
    return OK;
}

static enum err fact_build(struct build *b, const char *key, struct slice *out)
{
    struct strbuf text = STRBUF_INIT;
    enum err e = store_fact_get(b->store, slice_cstr(key), &text, b->eb);
    if (e == ERR_NOTFOUND) {
        e = OK;
    } else if (!e && text.failed) {
        e = build_nomem(b);
    } else if (!e) {
        *out = build_copy(b, strbuf_slice(&text));
        e = b->err ? build_nomem(b) : OK;
    }
    strbuf_free(&text);
    return e;
}

enum err report_build(struct store *s, const struct report_query *q, struct arena *arena,
                      struct report *out, struct errbuf *eb)
{
    struct report r = {0};
    struct build b = {
        .store = s,
        .query = q,
        .filter = q->filter,
        .top = q->top ? q->top : REPORT_TOP,
        .arena = arena,
        .r = &r,
        .eb = eb,
    };
    r.trap = build_copy(&b, q->filter.trap);
    r.site = build_copy(&b, q->filter.site);
    enum err e = b.err ? build_nomem(&b) : store_span(s, &q->filter, &r.span, eb);
    e = e ? e : period_build(&b);
    e = e ? e : store_cube(s, &b.filter, BUCKET_ALL, DIMENSION_TOTAL, total_row, &b, eb);
    e = e ? e : store_cube(s, &b.filter, BUCKET_ALL, DIMENSION_CLOCK, clock_row, &b, eb);
    e = e ? e : daily_build(&b);
    for (size_t i = 0; !e && i < REPORT_TABLES; i++) {
        e = table_build(&b, &PLANS[i]);
    }
    e = e ? e : fact_build(&b, "geo", &r.geo_name);
    e = e ? e : fact_build(&b, "trust", &r.trust);
    e = e ? e : fact_build(&b, "pack", &r.pack_version);
    if (!e && q->annotations && r.day_count) {
        e = annotations_within(q->annotations, r.since, r.until, arena, &r.annotations);
        e = e ? build_nomem(&b) : OK;
    }
    if (!e) {
        *out = r;
    }
    return e;
}
