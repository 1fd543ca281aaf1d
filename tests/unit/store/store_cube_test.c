/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Aggregates against the same sums made the slow way, over random rows. */
#include "store_rows.h"

/* ---- what is expected ---- */

struct cell {
    int64_t bucket;
    char value[64];
    struct units units;
    uint64_t expected; /* millionths */
};

struct host_of {
    size_t cell;
    uint64_t host;
};

struct expectation {
    struct cell *cells;
    size_t count, size;
    struct host_of *hosts;
    size_t host_count;
};

static struct slice site_of(struct slice trap)
{
    return slice_eq(trap, S("alpha")) ? S("north") : slice_eq(trap, S("beta")) ? S("north") : S("");
}

static size_t cell_at(struct expectation *x, int64_t bucket, struct slice value)
{
    for (size_t i = 0; i < x->count; i++) {
        if (x->cells[i].bucket == bucket && slice_eq(slice_cstr(x->cells[i].value), value)) {
            return i;
        }
    }
    if (x->count == x->size) {
        x->size = x->size ? x->size * 2 : 64;
        x->cells = realloc(x->cells, x->size * sizeof *x->cells);
        assert_non_null(x->cells);
    }
    struct cell *c = &x->cells[x->count];
    memset(c, 0, sizeof *c);
    c->bucket = bucket;
    memcpy(c->value, value.p, value.n);
    return x->count++;
}

static int64_t bucket_start(enum bucket b, int64_t t)
{
    int year, month, day;
    switch (b) {
    case BUCKET_HOUR:
        return t - t % 3600;
    case BUCKET_DAY:
        return t - t % SECONDS_PER_DAY;
    case BUCKET_MONTH:
        days_to_civil(day_of(t), &year, &month, &day);
        return civil_to_days(year, month, 1) * SECONDS_PER_DAY;
    default:
        return INT64_MIN;
    }
}

static struct slice or_else(struct slice s, const char *other)
{
    return s.n ? s : slice_cstr(other);
}

/* The values of a row in a dimension: texts in `out`. */
static size_t values_of(const struct message_row *row, enum dimension d, char out[64][64])
{
    struct slice v;
    size_t n = 0;
    char text[64];
    switch (d) {
    case DIMENSION_TOTAL:
        v = S("all");
        break;
    case DIMENSION_BOTNET:
        v = or_else(row->botnet.name, "unknown");
        break;
    case DIMENSION_MAILER:
        v = or_else(row->mailer_label.name, "unknown");
        break;
    case DIMENSION_PROGRAM:
        v = or_else(row->program.name, "unknown");
        break;
    case DIMENSION_COUNTRY:
        v = or_else(row->country, "-");
        break;
    case DIMENSION_ASN:
        (void)snprintf(text, sizeof text, "%u", row->asn);
        v = slice_cstr(text);
        break;
    case DIMENSION_TRAP:
        v = row->trap;
        break;
    case DIMENSION_SITE:
        v = or_else(site_of(row->trap), "-");
        break;
    case DIMENSION_CLOCK: {
        static const char *const NAMES[] = {"none", "received", "envelope", "trap"};
        v = slice_cstr(NAMES[row->clock]);
        break;
    }
    case DIMENSION_QUIRK:
        for (unsigned q = 0; q < QUIRK_COUNT; q++) {
            if (row->quirks >> q & 1) {
                (void)snprintf(out[n++], 64, "%s", quirk_name(q));
            }
        }
        return n;
    case DIMENSION_DOMAIN:
        for (size_t i = 0; i < row->domain_count; i++) {
            bool is_new = true;
            for (size_t j = 0; j < i; j++) {
                is_new &= !slice_eq(row->domains[i], row->domains[j]);
            }
            if (is_new) {
                (void)snprintf(out[n++], 64, "%.*s", SLICE_ARG(row->domains[i]));
            }
        }
        return n;
    default:
        return 0;
    }
    (void)snprintf(out[0], 64, "%.*s", SLICE_ARG(v));
    return 1;
}

static const struct row_label *label_of(const struct message_row *row, enum dimension d)
{
    return d == DIMENSION_BOTNET    ? &row->botnet
           : d == DIMENSION_MAILER  ? &row->mailer_label
           : d == DIMENSION_PROGRAM ? &row->program
                                    : NULL;
}

static void soft_expect(struct expectation *x, int64_t bucket, const struct row_label *l)
{
    uint64_t best = l->best.n ? (uint64_t)(l->posterior * 1e6 + 0.5) : 0;
    uint64_t second = l->runner_up.n ? (uint64_t)(l->runner_up_posterior * 1e6 + 0.5) : 0;
    if (best) {
        size_t c = cell_at(x, bucket, l->best);
        x->cells[c].expected += best;
    }
    if (second) {
        size_t c = cell_at(x, bucket, l->runner_up);
        x->cells[c].expected += second;
    }
    if (best + second < 1000000) {
        size_t c = cell_at(x, bucket, S("unknown"));
        x->cells[c].expected += 1000000 - best - second;
    }
}

static bool filter_holds(const struct store_filter *f, enum bucket b, const struct message_row *row)
{
    if (f->trap.n && !slice_eq(f->trap, row->trap)) {
        return false;
    }
    if (f->site.n && !slice_eq(f->site, site_of(row->trap))) {
        return false;
    }
    if (row->clock == CLOCK_NONE) {
        return f->since == INT64_MIN && f->until == INT64_MAX && b == BUCKET_ALL;
    }
    /* Whole days (hours) that the period touches. */
    int64_t unit = b == BUCKET_HOUR ? 3600 : SECONDS_PER_DAY;
    int64_t at = row->received / unit;
    return (f->since == INT64_MIN || at >= f->since / unit) &&
           (f->until == INT64_MAX || at <= (f->until - 1) / unit) && f->since < f->until;
}

static int host_cmp(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct host_of));
}

static int cell_cmp(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    if (x->bucket != y->bucket) {
        return x->bucket < y->bucket ? -1 : 1;
    }
    return slice_cmp(slice_cstr(x->value), slice_cstr(y->value));
}

static struct expectation expect(const struct message_row *rows, size_t n,
                                 const struct store_filter *f, enum bucket b, enum dimension d)
{
    struct expectation x = {0};
    x.hosts = calloc(n + 1, sizeof *x.hosts);
    assert_non_null(x.hosts);
    for (size_t i = 0; i < n; i++) {
        const struct message_row *row = &rows[i];
        char values[64][64];
        if (!filter_holds(f, b, row)) {
            continue;
        }
        size_t count = values_of(row, d, values);
        int64_t bucket = bucket_start(b, row->received);
        const struct row_label *label = b == BUCKET_HOUR ? NULL : label_of(row, d);
        for (size_t v = 0; v < count; v++) {
            size_t at = cell_at(&x, bucket, slice_cstr(values[v]));
            struct cell *c = &x.cells[at];
            c->units.messages++;
            c->units.recipients += row->recipients;
            c->units.bytes += row->bytes;
            c->expected += label ? 0 : 1000000;
            bool counts_hosts =
                b != BUCKET_HOUR && (d == DIMENSION_TOTAL || d == DIMENSION_BOTNET ||
                                     d == DIMENSION_TRAP || d == DIMENSION_SITE);
            if (counts_hosts && row->has_client) {
                x.hosts[x.host_count++] = (struct host_of){at, host_key(row->client)};
            }
        }
        if (label) {
            soft_expect(&x, bucket, label);
        }
    }
    if (x.host_count) {
        qsort(x.hosts, x.host_count, sizeof *x.hosts, host_cmp);
    }
    for (size_t i = 0; i < x.host_count; i++) {
        if (i == 0 || host_cmp(&x.hosts[i - 1], &x.hosts[i]) != 0) {
            x.cells[x.hosts[i].cell].units.hosts++;
        }
    }
    if (x.count) {
        qsort(x.cells, x.count, sizeof *x.cells, cell_cmp);
    }
    return x;
}

static void expectation_free(struct expectation *x)
{
    free(x->cells);
    free(x->hosts);
}

/* ---- what the store says ---- */

struct comparison {
    const struct expectation *x;
    size_t at;
    const char *what;
};

static void row_compare(void *arg, const struct cube_row *row)
{
    struct comparison *c = arg;
    if (c->at >= c->x->count) {
        fail_msg("%s: a row too many: %.*s", c->what, SLICE_ARG(row->value));
    }
    const struct cell *want = &c->x->cells[c->at++];
    if (row->bucket != want->bucket || !slice_eq(row->value, slice_cstr(want->value)) ||
        row->units.messages != want->units.messages ||
        row->units.recipients != want->units.recipients || row->units.bytes != want->units.bytes ||
        row->units.hosts != want->units.hosts ||
        (uint64_t)(row->units.expected * 1e6 + 0.5) != want->expected) {
        fail_msg("%s: has %lld '%.*s' %llu %llu %llu %llu %f, should have %lld '%s' %llu %llu %llu "
                 "%llu %f",
                 c->what, (long long)row->bucket, SLICE_ARG(row->value),
                 (unsigned long long)row->units.messages, (unsigned long long)row->units.recipients,
                 (unsigned long long)row->units.bytes, (unsigned long long)row->units.hosts,
                 row->units.expected, (long long)want->bucket, want->value,
                 (unsigned long long)want->units.messages,
                 (unsigned long long)want->units.recipients, (unsigned long long)want->units.bytes,
                 (unsigned long long)want->units.hosts, (double)want->expected / 1e6);
    }
}

static const int64_t START = (int64_t)ROWS_START_DAY * SECONDS_PER_DAY;

static const struct {
    const char *name;
    struct store_filter f;
} FILTERS[] = {
    {"all", {INT64_MIN, INT64_MAX, {NULL, 0}, {NULL, 0}}},
    {"trap", {INT64_MIN, INT64_MAX, SLICE("beta"), {NULL, 0}}},
    {"site", {INT64_MIN, INT64_MAX, {NULL, 0}, SLICE("north")}},
    {"trap and another site", {INT64_MIN, INT64_MAX, SLICE("gamma"), SLICE("north")}},
    {"no such trap", {INT64_MIN, INT64_MAX, SLICE("omega"), {NULL, 0}}},
    {"from a day on",
     {(int64_t)(ROWS_START_DAY + 9) * SECONDS_PER_DAY, INT64_MAX, {NULL, 0}, {NULL, 0}}},
    {"to a day",
     {INT64_MIN, (int64_t)(ROWS_START_DAY + 40) * SECONDS_PER_DAY, {NULL, 0}, {NULL, 0}}},
    {"within a month",
     {(int64_t)(ROWS_START_DAY + 8) * SECONDS_PER_DAY,
      (int64_t)(ROWS_START_DAY + 20) * SECONDS_PER_DAY,
      {NULL, 0},
      {NULL, 0}}},
    {"a month",
     {(int64_t)14853 * SECONDS_PER_DAY, (int64_t)14883 * SECONDS_PER_DAY, {NULL, 0}, {NULL, 0}}},
    {"days around two months",
     {(int64_t)(ROWS_START_DAY + 1) * SECONDS_PER_DAY + 7000,
      (int64_t)(ROWS_START_DAY + 70) * SECONDS_PER_DAY + 5,
      {NULL, 0},
      SLICE("north")}},
    {"an hour and a bit",
     {(int64_t)(ROWS_START_DAY + 30) * SECONDS_PER_DAY + 3600 * 5,
      (int64_t)(ROWS_START_DAY + 30) * SECONDS_PER_DAY + 3600 * 6 + 1,
      {NULL, 0},
      {NULL, 0}}},
    {"empty", {1286000000, 1286000000, {NULL, 0}, {NULL, 0}}},
    {"before all", {INT64_MIN, 1000000, {NULL, 0}, {NULL, 0}}},
    {"wide but closed", {INT64_MIN + 1, INT64_MAX - 1, {NULL, 0}, {NULL, 0}}},
};

static void cubes_compare(struct store *s, const struct message_row *rows, size_t n)
{
    static const char *const BUCKETS[] = {"all", "hour", "day", "month"};
    for (size_t i = 0; i < sizeof FILTERS / sizeof *FILTERS; i++) {
        for (int b = BUCKET_ALL; b <= BUCKET_MONTH; b++) {
            for (int d = 0; d < DIMENSION_COUNT; d++) {
                bool has_hours = d == DIMENSION_TOTAL || d == DIMENSION_BOTNET ||
                                 d == DIMENSION_PROGRAM || d == DIMENSION_COUNTRY ||
                                 d == DIMENSION_TRAP || d == DIMENSION_SITE;
                char what[128];
                (void)snprintf(what, sizeof what, "%s by %s, %s", dimension_name((enum dimension)d),
                               BUCKETS[b], FILTERS[i].name);
                struct expectation x =
                    expect(rows, n, &FILTERS[i].f, (enum bucket)b, (enum dimension)d);
                struct comparison c = {&x, 0, what};
                struct errbuf error = {0};
                enum err e = store_cube(s, &FILTERS[i].f, (enum bucket)b, (enum dimension)d,
                                        row_compare, &c, &error);
                bool is_supported =
                    d != DIMENSION_HOST && d != DIMENSION_NET24 && (b != BUCKET_HOUR || has_hours);
                if (e != (is_supported ? OK : ERR_UNSUPPORTED)) {
                    fail_msg("%s: %s %s", what, err_name(e), error.text);
                }
                if (is_supported && c.at != x.count) {
                    fail_msg("%s: %zu rows, should have %zu; next %s", what, c.at, x.count,
                             x.cells[c.at].value);
                }
                expectation_free(&x);
            }
        }
    }
}

/* ---- top ---- */

struct top {
    struct cell cells[4000];
    size_t count;
};

static void top_add(void *arg, const struct cube_row *row)
{
    struct top *t = arg;
    assert_true(t->count < sizeof t->cells / sizeof *t->cells);
    struct cell *c = &t->cells[t->count++];
    *c = (struct cell){.bucket = row->bucket, .units = row->units};
    memcpy(c->value, row->value.p, row->value.n);
}

/* Hosts and networks the slow way: sums and distinct hosts by text, no order. */
static struct expectation hosts_expect(const struct message_row *rows, size_t n,
                                       const struct store_filter *f, enum dimension d)
{
    struct expectation x = {0};
    x.hosts = calloc(n + 1, sizeof *x.hosts);
    for (size_t i = 0; i < n; i++) {
        if (!rows[i].has_client || !filter_holds(f, BUCKET_ALL, &rows[i])) {
            continue;
        }
        char text[64];
        uint64_t key = host_key(rows[i].client);
        if (d == DIMENSION_NET24 && key > UINT32_MAX) {
            continue;
        }
        ip_text(host_ip(d == DIMENSION_NET24 ? key & 0xffffff00 : key), text);
        strncat(text, d == DIMENSION_NET24 ? "/24" : key > UINT32_MAX ? "/64" : "", 4);
        size_t at = cell_at(&x, INT64_MIN, slice_cstr(text));
        x.cells[at].units.messages++;
        x.cells[at].units.recipients += rows[i].recipients;
        x.cells[at].units.bytes += rows[i].bytes;
        x.hosts[x.host_count++] = (struct host_of){at, key};
    }
    if (x.host_count) {
        qsort(x.hosts, x.host_count, sizeof *x.hosts, host_cmp);
    }
    for (size_t i = 0; i < x.host_count; i++) {
        if (i == 0 || host_cmp(&x.hosts[i - 1], &x.hosts[i]) != 0) {
            x.cells[x.hosts[i].cell].units.hosts++;
        }
    }
    return x;
}

static void tops_compare(struct store *s, const struct message_row *rows, size_t n)
{
    static struct top all, ten;
    for (size_t i = 0; i < sizeof FILTERS / sizeof *FILTERS; i++) {
        for (int k = 0; k < 2; k++) {
            enum dimension d = k ? DIMENSION_NET24 : DIMENSION_HOST;
            struct expectation x = hosts_expect(rows, n, &FILTERS[i].f, d);
            unsigned least = 99;
            all.count = ten.count = 0;
            memset(&all, 0, sizeof all);
            assert_ok(store_top(s, &FILTERS[i].f, d, 10, &least, top_add, &ten, eb));
            assert_ok(store_top(s, &FILTERS[i].f, d, 3999, &least, top_add, &all, eb));
            assert_int_equal(least, 0);
            assert_int_equal(all.count, x.count);
            assert_int_equal(ten.count, x.count < 10 ? x.count : 10);
            for (size_t j = 0; j < all.count; j++) {
                const struct units *u = &all.cells[j].units;
                size_t at = cell_at(&x, INT64_MIN, slice_cstr(all.cells[j].value));
                const struct units *want = &x.cells[at].units;
                assert_int_equal(u->messages, want->messages);
                assert_int_equal(u->recipients, want->recipients);
                assert_int_equal(u->bytes, want->bytes);
                assert_int_equal(u->hosts, want->hosts);
                if (j > 0) {
                    const struct units *p = &all.cells[j - 1].units;
                    assert_true(k ? p->hosts >= u->hosts : p->messages >= u->messages);
                }
                if (j < 10) {
                    assert_string_equal(all.cells[j].value, ten.cells[j].value);
                }
            }
            expectation_free(&x);
        }
        for (int k = 0; k < 2; k++) {
            enum dimension d = k ? DIMENSION_ASN : DIMENSION_DOMAIN;
            struct expectation x = expect(rows, n, &FILTERS[i].f, BUCKET_ALL, d);
            all.count = 0;
            memset(&all, 0, sizeof all);
            assert_ok(store_top(s, &FILTERS[i].f, d, 100, NULL, top_add, &all, eb));
            assert_int_equal(all.count, x.count);
            for (size_t j = 0; j < all.count; j++) {
                size_t at = cell_at(&x, INT64_MIN, slice_cstr(all.cells[j].value));
                assert_int_equal(all.cells[j].units.messages, x.cells[at].units.messages);
                assert_true(j == 0 ||
                            all.cells[j - 1].units.messages >= all.cells[j].units.messages);
            }
            expectation_free(&x);
        }
    }
}

/* ---- host sets and span ---- */

struct host_list {
    uint64_t hosts[4000];
    size_t count;
};

static void host_add(void *arg, uint64_t host)
{
    struct host_list *l = arg;
    assert_true(l->count < 4000);
    assert_true(l->count == 0 || l->hosts[l->count - 1] < host);
    l->hosts[l->count++] = host;
}

static int u64_cmp(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static void hosts_compare(struct store *s, const struct message_row *rows, size_t n)
{
    static const char *const LABELS[] = {"", "rustock", "grum", "unknown", "never-heard-of"};
    static struct host_list have, want;
    for (size_t i = 0; i < sizeof FILTERS / sizeof *FILTERS; i++) {
        for (size_t l = 0; l < sizeof LABELS / sizeof *LABELS; l++) {
            struct slice label = slice_cstr(LABELS[l]);
            have.count = want.count = 0;
            for (size_t r = 0; r < n; r++) {
                if (rows[r].has_client && filter_holds(&FILTERS[i].f, BUCKET_ALL, &rows[r]) &&
                    (label.n == 0 || slice_eq(label, or_else(rows[r].botnet.name, "unknown")))) {
                    want.hosts[want.count++] = host_key(rows[r].client);
                }
            }
            if (want.count) {
                qsort(want.hosts, want.count, sizeof *want.hosts, u64_cmp);
            }
            size_t distinct = 0;
            for (size_t h = 0; h < want.count; h++) {
                if (h == 0 || want.hosts[h] != want.hosts[distinct - 1]) {
                    want.hosts[distinct++] = want.hosts[h];
                }
            }
            assert_ok(store_hosts(s, &FILTERS[i].f, label, host_add, &have, eb));
            assert_int_equal(have.count, distinct);
            assert_memory_equal(have.hosts, want.hosts, distinct * sizeof *want.hosts);
        }
    }
}

static void span_compare(struct store *s, const struct message_row *rows, size_t n)
{
    for (size_t i = 0; i < 5; i++) {
        struct store_span have, want = {0};
        for (size_t r = 0; r < n; r++) {
            const struct message_row *row = &rows[r];
            if (!filter_holds(&FILTERS[i].f, BUCKET_ALL, row)) {
                continue;
            }
            want.messages++;
            want.no_clock += row->clock == CLOCK_NONE;
            want.no_client += !row->has_client;
            want.conflicts += row->botnet.is_conflict;
            want.clock_off += row->has_date_offset && llabs(row->date_offset) > 3600;
            if (row->clock != CLOCK_NONE) {
                want.first = !want.first || row->received < want.first ? row->received : want.first;
                want.last = row->received > want.last ? row->received : want.last;
            }
        }
        assert_ok(store_span(s, &FILTERS[i].f, &have, eb));
        assert_memory_equal(&have, &want, sizeof want);
    }
}

static struct store *sited_store(const char *path)
{
    struct store *s = open_as(path, STORE_CREATE);
    assert_ok(store_trap_put(s, S("alpha"), S("north"), eb));
    assert_ok(store_trap_put(s, S("beta"), S("south"), eb));
    assert_ok(store_trap_put(s, S("beta"), S("north"), eb)); /* moves */
    assert_ok(store_trap_put(s, S("beta"), S(""), eb));      /* stays */
    return s;
}

static void test_brute_force(void **state)
{
    (void)state;
    struct rows rows = rows_make(1, 1500);
    struct scratch scratch = scratch_make();
    struct store *s = sited_store(scratch.path);
    assert_int_equal(append_all(s, rows.rows, rows.n, 400), rows.n);
    cubes_compare(s, rows.rows, rows.n);
    tops_compare(s, rows.rows, rows.n);
    hosts_compare(s, rows.rows, rows.n);
    span_compare(s, rows.rows, rows.n);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    s = open_as(scratch.path, STORE_READ);
    cubes_compare(s, rows.rows, rows.n);
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

static void shuffle(struct message_row *rows, size_t n, struct random *r)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = random_below(r, i);
        struct message_row t = rows[i - 1];
        rows[i - 1] = rows[j];
        rows[j] = t;
    }
}

/* Any order, any split, all of it again: the same aggregates. */
static void test_order_does_not_matter(void **state)
{
    static const size_t BATCHES[] = {1, 7, 100, 100000};
    (void)state;
    struct rows rows = rows_make(2, 400);
    struct random r = {5};
    for (size_t b = 0; b < sizeof BATCHES / sizeof *BATCHES; b++) {
        struct scratch scratch = scratch_make();
        struct store *s = sited_store(scratch.path);
        shuffle(rows.rows, rows.n, &r);
        assert_int_equal(append_all(s, rows.rows, rows.n / 2, BATCHES[b]), rows.n / 2);
        shuffle(rows.rows, rows.n / 2, &r);
        assert_int_equal(append_all(s, rows.rows, rows.n, BATCHES[b]), rows.n - rows.n / 2);
        store_close(s);
        s = open_as(scratch.path, STORE_WRITE);
        assert_int_equal(append_all(s, rows.rows, rows.n, 90), 0);
        cubes_compare(s, rows.rows, rows.n);
        tops_compare(s, rows.rows, rows.n);
        span_compare(s, rows.rows, rows.n);
        assert_int_equal(verify_count(s), 0);
        store_close(s);
        scratch_remove(&scratch);
    }
    rows_free(&rows);
}

/* The same message twice in one batch, and two whose first 64 bits are equal. */
static void test_identity(void **state)
{
    (void)state;
    struct rows rows = rows_make(3, 6);
    struct scratch scratch = scratch_make();
    struct store *s = sited_store(scratch.path);
    struct append_result result;
    memset(rows.rows[0].id.b, 0xff, 8);
    rows.rows[1].id = rows.rows[2].id = rows.rows[0].id; /* key + 1 wraps */
    rows.rows[1].id.b[15] ^= 1;
    rows.rows[2].id.b[15] ^= 2;
    rows.rows[4] = rows.rows[3];
    assert_ok(store_append(s, rows.rows, rows.n, NULL, &result, eb));
    assert_int_equal(result.added, 5);
    assert_int_equal(result.repeated, 1);
    assert_ok(store_append(s, rows.rows, rows.n, NULL, &result, eb));
    assert_int_equal(result.added, 0);
    assert_int_equal(result.repeated, 6);
    for (size_t i = 0; i < rows.n; i++) {
        struct message_row row;
        assert_ok(store_message(s, rows.rows[i].id, &row, eb));
        assert_true(id128_eq(row.id, rows.rows[i].id));
    }
    assert_int_equal(verify_count(s), 0);
    store_close(s);
    scratch_remove(&scratch);
    rows_free(&rows);
}

static void test_dimensions(void **state)
{
    (void)state;
    for (int d = 0; d < DIMENSION_COUNT; d++) {
        const char *name = dimension_name((enum dimension)d);
        assert_int_equal(dimension_by_name(slice_cstr(name)), d);
        assert_true(strlen(dimension_text((enum dimension)d)) > 0);
    }
    assert_int_equal(dimension_by_name(S("nothing")), DIMENSION_COUNT);
    assert_true(START > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dimensions),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_brute_force),
        cmocka_unit_test(test_order_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
