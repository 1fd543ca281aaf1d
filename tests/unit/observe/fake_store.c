/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_store.h"

#include "core/strbuf.h"
#include "core/strmap.h"
#include "mail/mail.h"
#include "store/generation.h"

#include <stdio.h>
#include <stdlib.h>

static enum err store_call(struct store *s, struct errbuf *eb)
{
    if (++s->calls == s->fail_at) {
        return err_set(eb, s->fail, "the fake store fails at call %u", s->calls);
    }
    return OK;
}

static bool message_passes(const struct store_filter *f, const struct fake_message *m)
{
    bool is_open = f->since == INT64_MIN && f->until == INT64_MAX;
    if (f->trap.n && !slice_eq(f->trap, slice_cstr(m->trap))) {
        return false;
    }
    if (f->site.n && !slice_eq(f->site, slice_cstr(m->site))) {
        return false;
    }
    return m->received ? m->received >= f->since && m->received < f->until : is_open;
}

static struct slice or_text(const char *s, const char *otherwise)
{
    return slice_cstr(s ? s : otherwise);
}

/* The values of a dimension that a message has, at most `max`; text in `room`. */
static size_t message_values(const struct fake_message *m, enum dimension d, struct slice *out,
                             char room[64])
{
    static const char *const CLOCKS[] = {"none", "received", "envelope", "trap"};
    size_t n = 0;
    switch (d) {
    case DIMENSION_TOTAL:
        out[0] = S("");
        return 1;
    case DIMENSION_BOTNET:
        out[0] = or_text(m->botnet, "unknown");
        return 1;
    case DIMENSION_MAILER:
        out[0] = or_text(m->mailer, "unknown");
        return 1;
    case DIMENSION_PROGRAM:
        out[0] = or_text(m->program, "unknown");
        return 1;
    case DIMENSION_COUNTRY:
        out[0] = or_text(m->country, "-");
        return 1;
    case DIMENSION_ASN:
        out[0] = or_text(m->asn, "0");
        return 1;
    case DIMENSION_TRAP:
        out[0] = slice_cstr(m->trap);
        return 1;
    case DIMENSION_SITE:
        out[0] = slice_cstr(m->site);
        return 1;
    case DIMENSION_CLOCK:
        out[0] = slice_cstr(CLOCKS[m->clock]);
        return 1;
    case DIMENSION_HOST:
    case DIMENSION_NET24:
        snprintf(room, 64, d == DIMENSION_HOST ? "%u.%u.%u.%u" : "%u.%u.%u.0/24", m->host >> 24,
                 m->host >> 16 & 255, m->host >> 8 & 255, m->host & 255);
        out[0] = slice_cstr(room);
        return m->host != 0;
    case DIMENSION_DOMAIN:
        for (size_t i = 0; i < 3 && m->domains[i]; i++) {
            out[n++] = slice_cstr(m->domains[i]);
        }
        return n;
    case DIMENSION_QUIRK:
        for (unsigned q = 0; q < QUIRK_COUNT; q++) {
            if (m->quirks >> q & 1) {
                out[n++] = slice_cstr(quirk_name(q));
            }
        }
        return n;
    case DIMENSION_COUNT:
        break;
    }
    return 0;
}

static int64_t bucket_start(enum bucket bucket, int64_t t)
{
    int year, month, day;
    switch (bucket) {
    case BUCKET_HOUR:
        return t - t % 3600;
    case BUCKET_DAY:
        return day_of(t) * SECONDS_PER_DAY;
    case BUCKET_MONTH:
        days_to_civil(day_of(t), &year, &month, &day);
        return civil_to_days(year, month, 1) * SECONDS_PER_DAY;
    case BUCKET_ALL:
        break;
    }
    return INT64_MIN;
}

struct group {
    int64_t bucket;
    char value[128];
    struct units units;
};

static int group_cmp(const void *pa, const void *pb)
{
    const struct group *a = pa;
    const struct group *b = pb;
    if (a->bucket != b->bucket) {
        return a->bucket < b->bucket ? -1 : 1;
    }
    return strcmp(a->value, b->value);
}

static bool dimension_has_hosts(enum dimension d, enum bucket bucket)
{
    return bucket != BUCKET_HOUR &&
           (d == DIMENSION_TOTAL || d == DIMENSION_BOTNET || d == DIMENSION_TRAP ||
            d == DIMENSION_SITE || d == DIMENSION_NET24);
}

/* Groups everything; the caller frees. */
static struct group *groups_of(struct store *s, const struct store_filter *f, enum bucket bucket,
                               enum dimension d, size_t *count)
{
    struct strmap *index = strmap_new();
    struct strmap *seen = strmap_new();
    struct group *groups = NULL;
    *count = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct fake_message *m = &s->messages[i];
        if (!message_passes(f, m) || (bucket != BUCKET_ALL && !m->received)) {
            continue;
        }
        struct slice values[QUIRK_COUNT];
        char room[64], key[256];
        size_t n = message_values(m, d, values, room);
        for (size_t v = 0; v < n; v++) {
            int64_t start = bucket_start(bucket, m->received);
            snprintf(key, sizeof key, "%lld %.*s", (long long)start, SLICE_ARG(values[v]));
            bool is_new;
            uint64_t *at = strmap_put(index, slice_cstr(key), &is_new);
            if (is_new) {
                *at = (*count)++;
                groups = reallocarray(groups, *count, sizeof *groups);
                groups[*at] = (struct group){.bucket = start};
                snprintf(groups[*at].value, sizeof groups->value, "%.*s", SLICE_ARG(values[v]));
            }
            struct units *u = &groups[*at].units;
            u->messages++;
            u->recipients += m->recipients;
            u->bytes += m->bytes;
            u->expected += 1.0;
            size_t length = strlen(key);
            snprintf(key + length, sizeof key - length, " %u", m->host);
            u->hosts += strmap_put(seen, slice_cstr(key), &is_new) && is_new && m->host &&
                        dimension_has_hosts(d, bucket);
        }
    }
    if (*count) {
        qsort(groups, *count, sizeof *groups, group_cmp);
    }
    strmap_free(index);
    strmap_free(seen);
    return groups;
}

static void groups_give(const struct group *g, size_t n, cube_fn fn, void *arg)
{
    for (size_t i = 0; i < n; i++) {
        struct cube_row row = {g[i].bucket, slice_cstr(g[i].value), g[i].units};
        fn(arg, &row);
    }
}

enum err store_cube(struct store *s, const struct store_filter *f, enum bucket bucket,
                    enum dimension d, cube_fn fn, void *arg, struct errbuf *eb)
{
    enum err e = store_call(s, eb);
    if (!e) {
        size_t n;
        struct group *g = groups_of(s, f, bucket, d, &n);
        groups_give(g, n, fn, arg);
        for (size_t i = 0; s->has_second_unknown && i < n; i++) {
            if (strcmp(g[i].value, "unknown") == 0) {
                fn(arg, &(struct cube_row){g[i].bucket, S("unknown"), {.expected = 0.25}});
            }
        }
        free(g);
    }
    return e;
}

static enum dimension top_dimension;

static int top_cmp(const void *pa, const void *pb)
{
    const struct group *a = pa;
    const struct group *b = pb;
    uint64_t x = top_dimension == DIMENSION_NET24 ? a->units.hosts : a->units.messages;
    uint64_t y = top_dimension == DIMENSION_NET24 ? b->units.hosts : b->units.messages;
    /* Addresses in order of their numbers, as the store has them. */
    return x != y ? (x < y ? 1 : -1) : strverscmp(a->value, b->value);
}

enum err store_top(struct store *s, const struct store_filter *f, enum dimension d, size_t limit,
                   unsigned *least_daily, cube_fn fn, void *arg, struct errbuf *eb)
{
    enum err e = store_call(s, eb);
    if (!e) {
        size_t n;
        struct group *g = groups_of(s, f, BUCKET_ALL, d, &n);
        top_dimension = d;
        if (n) {
            qsort(g, n, sizeof *g, top_cmp);
        }
        *least_daily = d == DIMENSION_NET24 ? 0 : s->least_daily;
        groups_give(g, n < limit ? n : limit, fn, arg);
        free(g);
    }
    return e;
}

enum err store_span(struct store *s, const struct store_filter *f, struct store_span *out,
                    struct errbuf *eb)
{
    enum err e = store_call(s, eb);
    struct store_filter all = *f;
    all.since = INT64_MIN;
    all.until = INT64_MAX;
    struct store_span span = {0};
    for (size_t i = 0; i < s->count; i++) {
        const struct fake_message *m = &s->messages[i];
        if (!message_passes(&all, m)) {
            continue;
        }
        span.messages++;
        span.no_clock += m->clock == CLOCK_NONE;
        span.no_client += m->host == 0;
        span.conflicts += m->is_conflict;
        span.clock_off += m->is_date_off;
        if (m->received) {
            span.first = !span.first || m->received < span.first ? m->received : span.first;
            span.last = m->received > span.last ? m->received : span.last;
        }
    }
    *out = e ? *out : span;
    return e;
}

enum err store_fact_get(struct store *s, struct slice key, struct strbuf *out, struct errbuf *eb)
{
    enum err e = store_call(s, eb);
    const char *v = slice_eq(key, S("geo"))     ? s->geo
                    : slice_eq(key, S("trust")) ? s->trust
                    : slice_eq(key, S("pack"))  ? s->pack
                                                : NULL;
    if (!e && v) {
        strbuf_add_cstr(out, v);
    }
    return e ? e : v ? OK : ERR_NOTFOUND;
}

/* ---- panels ---- */

static int trap_cmp(const void *pa, const void *pb)
{
    const struct trap_info *a = pa;
    const struct trap_info *b = pb;
    return slice_cmp(a->name, b->name);
}

/* All traps by name; the caller frees. */
static struct trap_info *traps_of(const struct store *s, size_t *count)
{
    struct trap_info *traps = NULL;
    *count = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct fake_message *m = &s->messages[i];
        size_t at = 0;
        while (at < *count && !slice_eq(traps[at].name, slice_cstr(m->trap))) {
            at++;
        }
        if (at == *count) {
            traps = reallocarray(traps, ++*count, sizeof *traps);
            traps[at] = (struct trap_info){slice_cstr(m->trap), or_text(m->site, ""), 0, 0, 0};
        }
        struct trap_info *t = &traps[at];
        t->messages++;
        if (m->received) {
            t->first_seen =
                !t->first_seen || m->received < t->first_seen ? m->received : t->first_seen;
            t->last_seen = m->received > t->last_seen ? m->received : t->last_seen;
        }
    }
    if (*count) {
        qsort(traps, *count, sizeof *traps, trap_cmp);
    }
    return traps;
}

enum err store_traps(struct store *s, void (*fn)(void *, const struct trap_info *), void *arg,
                     struct errbuf *eb)
{
    enum err e = store_call(s, eb);
    if (!e) {
        size_t n;
        struct trap_info *traps = traps_of(s, &n);
        for (size_t i = 0; i < n; i++) {
            fn(arg, &traps[i]);
        }
        free(traps);
    }
    return e;
}

static int panel_cmp(const void *pa, const void *pb)
{
    const struct panel_row *a = pa;
    const struct panel_row *b = pb;
    int by_value = slice_cmp(a->value, b->value);
    return a->bucket != b->bucket ? (a->bucket < b->bucket ? -1 : 1)
           : by_value             ? by_value
                                  : (a->trap > b->trap) - (a->trap < b->trap);
}

/* It was never labelled again. */
enum err store_generation_panel(struct store *s, const struct store_filter *f, unsigned number,
                                enum dimension d, panel_fn fn, void *arg, struct errbuf *eb)
{
    return number == 1 ? store_panel(s, f, BUCKET_DAY, d, fn, arg, eb)
                       : err_set(eb, ERR_NOTFOUND, "there is no generation %u", number);
}

/* The cube of each trap, side by side. */
enum err store_panel(struct store *s, const struct store_filter *f, enum bucket bucket,
                     enum dimension d, panel_fn fn, void *arg, struct errbuf *eb)
{
    enum err e = store_call(s, eb);
    if (e) {
        return e;
    }
    size_t trap_count, n = 0;
    struct trap_info *traps = traps_of(s, &trap_count);
    struct group **groups = calloc(trap_count + 1, sizeof *groups);
    struct panel_row *rows = NULL;
    for (size_t t = 0; t < trap_count; t++) {
        struct store_filter one = *f;
        size_t count;
        if (f->trap.n && !slice_eq(f->trap, traps[t].name)) {
            continue;
        }
        one.trap = traps[t].name;
        groups[t] = groups_of(s, &one, bucket, d, &count);
        rows = reallocarray(rows, n + count + 1, sizeof *rows);
        for (size_t i = 0; i < count; i++) {
            const struct group *g = &groups[t][i];
            rows[n] = (struct panel_row){g->bucket, slice_cstr(g->value), t, g->units};
            rows[n++].units.hosts = 0;
        }
    }
    if (n) {
        qsort(rows, n, sizeof *rows, panel_cmp);
    }
    for (size_t i = 0; i < n; i++) {
        fn(arg, &rows[i]);
    }
    for (size_t t = 0; t < trap_count; t++) {
        free(groups[t]);
    }
    free(groups);
    free(rows);
    free(traps);
    return OK;
}

static int joint_cmp(const void *pa, const void *pb)
{
    const struct joint_row *a = pa;
    const struct joint_row *b = pb;
    int by_botnet = slice_cmp(a->botnet, b->botnet);
    int by_program = slice_cmp(a->program, b->program);
    int by_country = slice_cmp(a->country, b->country);
    return a->bucket != b->bucket ? (a->bucket < b->bucket ? -1 : 1)
           : by_botnet            ? by_botnet
           : by_program           ? by_program
           : by_country           ? by_country
                                  : (a->trap > b->trap) - (a->trap < b->trap);
}

/* A row for each message, sorted, neighbours that are the same added up. */
enum err store_joint(struct store *s, const struct store_filter *f, enum bucket bucket, joint_fn fn,
                     void *arg, struct errbuf *eb)
{
    enum err e = store_call(s, eb);
    if (e) {
        return e;
    }
    size_t trap_count, n = 0, last = 0;
    struct trap_info *traps = traps_of(s, &trap_count);
    struct joint_row *rows = calloc(s->count + 1, sizeof *rows);
    for (size_t i = 0; i < s->count; i++) {
        const struct fake_message *m = &s->messages[i];
        struct trap_info key = {.name = slice_cstr(m->trap)};
        if (!m->received || !message_passes(f, m)) {
            continue;
        }
        const struct trap_info *t = bsearch(&key, traps, trap_count, sizeof *traps, trap_cmp);
        rows[n++] = (struct joint_row){
            .bucket = bucket_start(bucket, m->received),
            .botnet = or_text(m->botnet, "unknown"),
            .program = or_text(m->program, "unknown"),
            .country = or_text(m->country, "-"),
            .trap = (size_t)(t - traps),
            .units = {
                .messages = 1, .recipients = m->recipients, .bytes = m->bytes, .expected = 1.0}};
    }
    if (n) {
        qsort(rows, n, sizeof *rows, joint_cmp);
    }
    for (size_t i = 1; i < n; i++) {
        if (joint_cmp(&rows[last], &rows[i]) == 0) {
            rows[last].units.messages++;
            rows[last].units.recipients += rows[i].units.recipients;
            rows[last].units.bytes += rows[i].units.bytes;
            rows[last].units.expected += 1.0;
        } else {
            rows[++last] = rows[i];
        }
    }
    for (size_t i = 0; n && i <= last; i++) {
        fn(arg, &rows[i]);
    }
    free(rows);
    free(traps);
    return OK;
}

enum err store_coverage_list(struct store *s, const struct store_filter *f,
                             void (*fn)(void *, const struct coverage *), void *arg,
                             struct errbuf *eb)
{
    enum err e = store_call(s, eb);
    for (size_t i = 0; !e && i < s->coverage_count; i++) {
        if (s->coverage[i].since < f->until && s->coverage[i].until > f->since) {
            fn(arg, &s->coverage[i]);
        }
    }
    return e;
}

enum err store_trap_hours_list(struct store *s, const struct store_filter *f,
                               void (*fn)(void *, const struct trap_hour *), void *arg,
                               struct errbuf *eb)
{
    enum err e = store_call(s, eb);
    for (size_t i = 0; !e && i < s->hour_count; i++) {
        if (s->hours[i].hour < f->until && s->hours[i].hour + 3600 > f->since) {
            fn(arg, &s->hours[i]);
        }
    }
    return e;
}
