/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the store costs: microseconds of CPU and bytes a message going in, milliseconds of the
 * queries of one report. The rows are made from a seed: like the mail of five traps, 15 botnets,
 * 5,000 networks, 5,000 domains, nearly every host new, 3,000 variants of senders, a third of the
 * wordings seen once.
 *
 *   store_bench [-n MESSAGES] [-b BATCH] [-d DAYS] [-s SEED] [-p PATH] [-k] [-u] [-x]
 *     -u: unordered receipt times; -k: keep the file; -x: rows without parts of clusters */
#include "print/cd1.h"
#include "store/cluster.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    TRAPS = 5,
    BOTNETS = 15,
    MAILERS = 20,
    PROGRAMS = 10,
    ASNS = 5000,
    DOMAINS = 5000,
    VARIANTS = 3000,
    WORDINGS = 20000
};
enum { START_DAY = 14610 }; /* 2010-01-01 */

static uint64_t random_state;
static bool has_no_parts;

static uint64_t random_next(void)
{
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t random_below(uint64_t n)
{
    return random_next() % n;
}

/* Few values often, many seldom: about what labels, countries and networks do. */
static uint64_t random_skewed(uint64_t n)
{
    uint64_t a = random_below(n), b = random_below(n);
    return a * b / n;
}

struct text {
    char bytes[160];
    size_t n;
};

static struct slice text_set(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static struct slice text_set(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->bytes, sizeof t->bytes, fmt, ap);
    va_end(ap);
    t->n = n < 0 ? 0 : (size_t)n < sizeof t->bytes ? (size_t)n : sizeof t->bytes - 1;
    return slice_of(t->bytes, t->n);
}

/* The strings of one row. */
struct row_texts {
    struct text trap, country, helo, ptr, from, hd1, msgid, boundary, tree, mailer, subject, botnet,
        mailer_label, program, cd1, rule[2];
    struct text domain[2];
    struct slice domains[2], shapes[1], rules[2];
    struct id128 recipients[2];
};

static struct row_label label_make(struct text *t, const char *kind, uint64_t n)
{
    struct row_label l = {.unknown = 1.0};
    if (n != 0) {
        l.name = l.best = text_set(t, "%s-%02u", kind, (unsigned)n);
        l.posterior = 0.97;
        l.unknown = 0.03;
    }
    return l;
}

static void row_make(struct message_row *row, struct row_texts *t, uint64_t i, uint64_t n, int days,
                     bool is_unordered)
{
    uint64_t span = (uint64_t)days * SECONDS_PER_DAY;
    uint64_t at = is_unordered ? random_below(span) : i * span / n;
    uint32_t host = (uint32_t)(random_below(0xdf000000 - 0x01000000) + 0x01000000);
    uint64_t words = random_next();
    *row = (struct message_row){
        .trap = text_set(&t->trap, "trap-%u", (unsigned)random_below(TRAPS)),
        .received = (int64_t)START_DAY * SECONDS_PER_DAY + (int64_t)at,
        .clock = CLOCK_RECEIVED,
        .client = ip_from_v4(host),
        .has_client = random_below(100) != 0,
        .asn = (uint32_t)random_skewed(ASNS) + 1,
        .protocol = S("ESMTP"),
        .recipients = random_below(10) == 0 ? 2 : 1,
        .bytes = 1500 + random_skewed(12000),
        .quirks = (UINT64_C(1) << random_skewed(40)) | (random_below(3) ? 0 : UINT64_C(1) << 6),
        .has_date_offset = true,
        .date_offset = random_below(5) ? (int64_t)random_below(600) : 10 * 3600,
        .url_shape_count = 1,
        .rule_count = 2,
        .pack_version = S("2026.11.1"),
        .charsets = S("utf-8"),
    };
    for (size_t b = 0; b < sizeof row->id.b; b += 8) {
        uint64_t v = random_next();
        memcpy(row->id.b + b, &v, sizeof v);
        memcpy(t->recipients[b / 8].b, &v, sizeof v);
        memcpy(t->recipients[b / 8].b + 8, &words, sizeof words);
    }
    row->recipient_hashes = t->recipients;
    uint64_t country = random_skewed(200);
    row->country =
        text_set(&t->country, "%c%c", (char)('A' + country / 26), (char)('A' + country % 26));
    row->helo = text_set(&t->helo, "host-%04x", (unsigned)(words & 0xffff));
    row->ptr = random_below(2)
                   ? text_set(&t->ptr, "%u-%u.dynamic.example.net", host >> 16, host & 0xffff)
                   : (struct slice){NULL, 0};
    row->envelope_from = text_set(&t->from, "%08x@example.com", (unsigned)(words >> 32));
    row->hd1 = text_set(&t->hd1, "hd1/%04u/from,to,subject,date,mime,msgid/%u/a7x",
                        (unsigned)random_skewed(3000), (unsigned)random_below(4));
    struct cd1 sketch = {.kind = CD1_TEXT, .has_call = true, .shingles = 100, .exact = words};
    for (size_t i = 0; i < CD1_TEXT_LANES; i++) {
        sketch.text[i] = (uint32_t)(words >> i % 60) & 15;
    }
    for (size_t i = 0; i < CD1_CALL_LANES; i++) {
        sketch.call[i] = (uint32_t)(words >> i % 50) & 15;
    }
    t->cd1.n = cd1_print(&sketch, t->cd1.bytes);
    row->cd1 = slice_of(t->cd1.bytes, t->cd1.n);
    row->msgid_shape = text_set(&t->msgid, "8x.8x@%u", (unsigned)random_skewed(300));
    row->boundary_shape =
        text_set(&t->boundary, "----=_NextPart_%ux", (unsigned)random_skewed(200));
    row->mime_tree = text_set(&t->tree, "alternative(plain,html)%u", (unsigned)random_skewed(50));
    row->mailer =
        text_set(&t->mailer, "Microsoft Outlook Express 6.00.%04u", (unsigned)random_skewed(100));
    row->subject = text_set(&t->subject, "Great offer %llu for you today only",
                            (unsigned long long)(words % 100000000));
    row->domain_count = 1 + random_below(2);
    for (size_t d = 0; d < row->domain_count; d++) {
        t->domains[d] =
            text_set(&t->domain[d], "pills%04u.example", (unsigned)random_skewed(DOMAINS));
    }
    row->domains = t->domains;
    t->shapes[0] = S("http://d/6x?2=4x");
    row->url_shapes = t->shapes;
    for (size_t r = 0; r < row->rule_count; r++) {
        t->rules[r] =
            text_set(&t->rule[r], "6f0c0000-0000-4000-8000-%012u", (unsigned)random_skewed(200));
    }
    row->rule_ids = t->rules;
    row->botnet = label_make(&t->botnet, "botnet", random_skewed(BOTNETS + 1));
    row->mailer_label = label_make(&t->mailer_label, "mailer", random_skewed(MAILERS + 1));
    row->program = label_make(&t->program, "program", random_skewed(PROGRAMS + 1));
    if (!has_no_parts) {
        uint64_t wording = random_below(3) ? random_skewed(WORDINGS) + 1 : random_next();
        row->part[CLUSTER_MAILER] = (random_skewed(VARIANTS) + 1) * UINT64_C(0x9e3779b97f4a7c15);
        row->part[CLUSTER_CAMPAIGN] = wording * UINT64_C(0xc2b2ae3d27d4eb4f);
    }
}

static double cpu_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void must(enum err e, const struct errbuf *eb)
{
    if (e != OK) {
        fprintf(stderr, "store_bench: %s: %s\n", err_name(e), eb->text);
        exit(1);
    }
}

static void fill(struct store *s, uint64_t n, size_t batch, int days, bool is_unordered)
{
    struct errbuf eb = {0};
    struct message_row *rows = calloc(batch, sizeof *rows);
    struct row_texts *texts = calloc(batch, sizeof *texts);
    double store_cpu = 0, last_cpu = 0;
    uint64_t done = 0, last = 0;
    if (!rows || !texts) {
        exit(1);
    }
    while (done < n) {
        size_t m = n - done < batch ? (size_t)(n - done) : batch;
        struct append_result result;
        for (size_t i = 0; i < m; i++) {
            row_make(&rows[i], &texts[i], done + i, n, days, is_unordered);
        }
        double before = cpu_seconds();
        must(store_append(s, rows, m, NULL, &result, &eb), &eb);
        store_cpu += cpu_seconds() - before;
        done += result.added;
        if (done - last >= 500000 || done == n) {
            printf("%9llu messages: %.2f us each, %.2f us over the last %llu\n",
                   (unsigned long long)done, store_cpu / (double)done * 1e6,
                   (store_cpu - last_cpu) / (double)(done - last) * 1e6,
                   (unsigned long long)(done - last));
            fflush(stdout);
            last = done;
            last_cpu = store_cpu;
        }
    }
    free(rows);
    free(texts);
}

static void row_count(void *arg, const struct cube_row *row)
{
    (void)row;
    ++*(uint64_t *)arg;
}

static double query(struct store *s, enum bucket bucket, enum dimension d, size_t top,
                    const struct store_filter *f)
{
    struct errbuf eb = {0};
    uint64_t rows = 0;
    double before = cpu_seconds();
    must(top ? store_top(s, f, d, top, NULL, row_count, &rows, &eb)
             : store_cube(s, f, bucket, d, row_count, &rows, &eb),
         &eb);
    double ms = (cpu_seconds() - before) * 1e3;
    printf("  %-8s %-5s %7.1f ms  %llu rows\n", dimension_name(d),
           top                      ? "top"
           : bucket == BUCKET_DAY   ? "day"
           : bucket == BUCKET_MONTH ? "month"
                                    : "all",
           ms, (unsigned long long)rows);
    return ms;
}

/* Every wording that repeats into one of 2,000 campaigns. */
static enum err campaigns_give(void *arg, const struct cluster_sink *sink)
{
    enum { CAMPAIGNS = 2000 };
    enum err e = OK;
    (void)arg;
    for (uint32_t i = 1; e == OK && i <= CAMPAIGNS; i++) {
        e = sink->cluster(sink->arg, &(struct cluster_info){.kind = CLUSTER_CAMPAIGN, .id = i});
    }
    for (uint64_t i = 1; e == OK && i <= WORDINGS; i++) {
        e = sink->part(sink->arg,
                       &(struct cluster_part){.kind = CLUSTER_CAMPAIGN,
                                              .key = i * UINT64_C(0xc2b2ae3d27d4eb4f),
                                              .cluster = (uint32_t)(i % CAMPAIGNS) + 1,
                                              .state = slice_of((const char *)sink, sizeof *sink)});
    }
    return e;
}

static void volume_count(void *arg, const struct cluster_volume *v)
{
    *(uint64_t *)arg += v->units.messages != 0;
}

static void series_count(void *arg, const struct cluster_series_row *row)
{
    *(uint64_t *)arg += row->units.messages != 0;
}

static void campaigns(const char *path, const struct store_filter *f)
{
    struct errbuf eb = {0};
    struct store *s;
    uint64_t rows = 0;
    must(store_open(&(struct store_options){.path = path, .mode = STORE_WRITE}, &s, &eb), &eb);
    double start = cpu_seconds();
    must(store_clusters_put(s, campaigns_give, NULL, &eb), &eb);
    printf("campaigns (CPU):\n  %-14s %7.1f ms\n", "put", (cpu_seconds() - start) * 1e3);
    start = cpu_seconds();
    must(store_cluster_top(s, f, CLUSTER_CAMPAIGN, 20, volume_count, &rows, &eb), &eb);
    printf("  %-14s %7.1f ms  %llu rows\n", "top", (cpu_seconds() - start) * 1e3,
           (unsigned long long)rows);
    start = cpu_seconds();
    rows = 0;
    must(store_cluster_series(s, f, BUCKET_DAY, CLUSTER_CAMPAIGN, NULL, series_count, &rows, &eb),
         &eb);
    printf("  %-14s %7.1f ms  %llu rows\n", "day", (cpu_seconds() - start) * 1e3,
           (unsigned long long)rows);
    store_close(s);
}

static void report(const char *path, const struct store_filter *f, const char *what)
{
    static const enum dimension ALL[] = {DIMENSION_BOTNET,  DIMENSION_MAILER, DIMENSION_PROGRAM,
                                         DIMENSION_COUNTRY, DIMENSION_TRAP,   DIMENSION_QUIRK,
                                         DIMENSION_CLOCK};
    static const enum dimension TOP[] = {DIMENSION_ASN, DIMENSION_HOST, DIMENSION_NET24,
                                         DIMENSION_DOMAIN};
    struct errbuf eb = {0};
    struct store *s;
    struct store_span span;
    double before = time_monotonic();
    must(store_open(&(struct store_options){.path = path, .mode = STORE_READ}, &s, &eb), &eb);
    printf("report, %s (CPU):\n", what);
    double ms = query(s, BUCKET_DAY, DIMENSION_TOTAL, 0, f);
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++) {
        ms += query(s, BUCKET_ALL, ALL[i], 0, f);
    }
    ms += query(s, BUCKET_DAY, DIMENSION_BOTNET, 0, f);
    for (size_t i = 0; i < sizeof TOP / sizeof *TOP; i++) {
        ms += query(s, BUCKET_ALL, TOP[i], 10, f);
    }
    must(store_span(s, f, &span, &eb), &eb);
    store_close(s);
    printf("  in all %.0f ms (%.0f ms of wall time with opening and closing)\n", ms,
           (time_monotonic() - before) * 1e3);
}

static void files_remove(const char *path)
{
    static const char *const SUFFIXES[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s%s", path, SUFFIXES[i]);
        unlink(name);
    }
}

int main(int argc, char **argv)
{
    uint64_t n = 1000000, batch = 5000, days = 365, seed = 1;
    bool is_unordered = false, is_kept = false, is_filled = false;
    char scratch[4096];
    const char *path = NULL, *tmp = getenv("TMPDIR");
    struct errbuf eb = {0};
    for (int c; (c = getopt(argc, argv, "n:b:d:s:p:kuqx")) != -1;) {
        uint64_t *number = c == 'n' ? &n : c == 'b' ? &batch : c == 'd' ? &days : &seed;
        if (c == 'p') {
            path = optarg;
        } else if (c == 'x') {
            has_no_parts = true;
        } else if (c == 'k' || c == 'u' || c == 'q') {
            *(c == 'k' ? &is_kept : c == 'u' ? &is_unordered : &is_filled) = true;
        } else if (c == '?' || !slice_to_u64(slice_cstr(optarg), number) || *number == 0) {
            fprintf(stderr, "usage: store_bench [-n MESSAGES] [-b BATCH] [-d DAYS] [-s SEED] "
                            "[-p PATH] [-k] [-u] [-x] [-q: queries only]\n");
            return 64;
        }
    }
    random_state = seed;
    snprintf(scratch, sizeof scratch, "%s/store_bench.%ld.db", tmp ? tmp : "/tmp", (long)getpid());
    path = path ? path : scratch;
    if (!is_filled) {
        struct store *s;
        struct store_info info;
        struct rusage usage;
        files_remove(path);
        must(store_open(&(struct store_options){.path = path, .mode = STORE_CREATE}, &s, &eb), &eb);
        fill(s, n, batch, (int)days, is_unordered);
        must(store_info(s, &info, &eb), &eb);
        getrusage(RUSAGE_SELF, &usage);
        printf("%llu bytes a message, peak RSS %ld MiB\n",
               (unsigned long long)info.bytes_per_message, usage.ru_maxrss / 1024);
        double before = time_monotonic();
        store_close(s);
        printf("closing %.0f ms\n", (time_monotonic() - before) * 1e3);
    }
    struct store_filter all = STORE_FILTER_ALL, edges = STORE_FILTER_ALL;
    edges.since = ((int64_t)START_DAY + 5) * SECONDS_PER_DAY;
    edges.until = ((int64_t)START_DAY + (int64_t)days - 5) * SECONDS_PER_DAY;
    report(path, &all, "all");
    report(path, &edges, "with days at the edges");
    campaigns(path, &all);
    if (!is_kept) {
        files_remove(path);
    }
    return 0;
}
