/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clusters: time of placing a message and of grouping, and memory, at their limits.
 * Usage: cluster_bench [variants|wordings] */
#include "cluster/variant.h"
#include "cluster/wording.h"
#include "core/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t seed = 1;

static uint64_t random_below(uint64_t n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (seed >> 33) % n;
}

/* ---- variants ---- */

enum { VARIANTS = 65536, MESSAGES = 1000 * 1000, BLOCK = 4096 };

struct shown {
    char hd1[96], names[512], shapes[512], msgid[64], mailer[64];
    struct cluster_message m;
};

enum world {
    WORLD_MAILERS, /* 2,000 mailers, each in some 33 variants, by relays, options, builds */
    WORLD_FLOOD,   /* every message another one, all alike in what buckets are made of */
    WORLD_RANDOM,  /* every message another one, alike in nothing */
    WORLD_COUNT
};

static size_t names_add(struct shown *h, size_t n, const char *name, uint64_t number)
{
    return n +
           (size_t)snprintf(h->names + n, sizeof h->names - n, "%s%u\n", name, (unsigned)number);
}

static void shown_make(struct shown *h, enum world w, uint64_t i)
{
    uint64_t mailer = w == WORLD_MAILERS ? random_below(2000) : w == WORLD_FLOOD ? 7 : i;
    uint64_t part = w == WORLD_MAILERS ? random_below(60) : i;
    size_t n = 0;
    for (unsigned k = 0; k < 12; k++) {
        if (k == 1 + part % 11) {
            n = names_add(h, n, "X-Relay-", part);
        }
        n = names_add(h, n, "Field-", (mailer * 131 + k * k * (mailer % 13)) % 40);
    }
    snprintf(h->msgid, sizeof h->msgid, "%u.%u@host", (unsigned)(mailer % 97),
             (unsigned)(mailer / 400));
    snprintf(h->mailer, sizeof h->mailer, "Mailer %c 1.%u", 'A' + (char)(mailer % 26),
             (unsigned)part);
    snprintf(h->shapes, sizeof h->shapes,
             "message-id=%s\ndate=w, d m y t z\nfrom=%c\nto=a\nmime-version=9.9\nx-mailer=%s\n"
             "content-type=text/plain; charset=%u\n",
             h->msgid, "qb"[part % 2], h -> mailer, (unsigned)(part % 3));
    char b[13], c[13];
    hash12(slice_cstr(h->names), b);
    hash12(slice_cstr(h->shapes), c);
    snprintf(h->hd1, sizeof h->hd1, "HD1:13.p.?-r?.0.1q_%s_%s", b, c);
    h->m = (struct cluster_message){.id = hash_id128(slice_of((const char *)&i, sizeof i)),
                                    .received = 1286000000,
                                    .host = 1 + mailer * 1000 + random_below(1000),
                                    .trap = S("trap"),
                                    .country = S("XX"),
                                    .recipients = 1,
                                    .bytes = 3000,
                                    .hd1 = slice_cstr(h->hd1),
                                    .hd1_names = slice_cstr(h->names),
                                    .hd1_shapes = slice_cstr(h->shapes),
                                    .msgid_shape = slice_cstr(h->msgid),
                                    .mailer = slice_cstr(h->mailer)};
}

static struct profile *find(struct variants *v, const struct cluster_message *m, uint64_t *key)
{
    struct profile *p;
    bool is_new;
    if (variants_find(v, m, key, &p, &is_new) != OK || !p) {
        exit(1);
    }
    return p;
}

static void variants_world(enum world w, const char *name)
{
    static struct shown headers[BLOCK];
    struct variants *v = variants_new(VARIANTS);
    double place = 0, again = 0;
    size_t messages = 0;
    uint64_t last = w == WORLD_MAILERS ? MESSAGES : 2 * VARIANTS;
    for (uint64_t i = 0; i < last; i += BLOCK) {
        for (size_t k = 0; k < BLOCK; k++) {
            shown_make(&headers[k], w, i + k);
        }
        double start = seconds();
        for (size_t k = 0; k < BLOCK; k++) {
            uint64_t key;
            struct profile *p = find(v, &headers[k].m, &key);
            if (profile_take(p, &headers[k].m, 0) != OK) {
                exit(1);
            }
        }
        place += seconds() - start;
        start = seconds();
        for (size_t k = 0; k < BLOCK; k++) {
            uint64_t key;
            (void)find(v, &headers[k].m, &key);
        }
        again += seconds() - start;
        messages += BLOCK;
    }
    size_t n = variants_count(v), groups = 0;
    uint32_t *group = calloc(n, sizeof *group);
    double start = seconds();
    if (!group || variants_group(v, group) != OK) {
        exit(1);
    }
    double grouped = seconds() - start;
    for (size_t i = 0; i < n; i++) {
        groups += group[i] == i;
    }
    printf("%-8s  place %5.2f us  find again %5.2f us  %6zu variants  group %6.0f ms  %6zu groups  "
           "%5.0f bytes a variant\n",
           name, place / (double)messages * 1e6, again / (double)messages * 1e6, n, grouped * 1e3,
           groups, (double)variants_bytes(v) / (double)n);
    free(group);
    variants_free(v);
}

static void bench_variants(void)
{
    static const char *const names[WORLD_COUNT] = {"mailers", "flood", "random"};
    for (int w = 0; w < WORLD_COUNT; w++) {
        variants_world((enum world)w, names[w]);
    }
}

/* ---- wordings ---- */

struct content {
    struct cd1 cd1;
    uint8_t packed[CD1_PACKED_BYTES];
    struct slice shape, domain;
    char text[40];
    struct cluster_message m;
};

enum content_world {
    CONTENT_CAMPAIGNS, /* 2,000 templates of any number of wordings, and one message in five random
                        */
    CONTENT_BAND,      /* an attack: all share a band, nothing else */
    CONTENT_BOOK,      /* one campaign: its links' surroundings, and random text */
    CONTENT_RANDOM,
    CONTENT_COUNT
};

/* So many lanes of 100 are the template's, the others random. */
static void lanes_make(uint32_t *lanes, size_t n, uint64_t template, unsigned likeness)
{
    for (size_t i = 0; i < n; i++) {
        lanes[i] = random_below(100) < likeness ? (uint32_t)((template + i) * 2654435761U >> 7)
                                                : (uint32_t)random_below(UINT32_MAX);
    }
}

static void content_make(struct content *c, enum content_world w, uint64_t i)
{
    uint64_t template = w == CONTENT_CAMPAIGNS ? random_below(1 + random_below(2000)) * 1000 : 0;
    unsigned like = w == CONTENT_CAMPAIGNS && random_below(5) > 0 ? 80 : 0;
    memset(c, 0, sizeof *c);
    c->cd1 = (struct cd1){.kind = CD1_TEXT,
                          .is_full = true,
                          .shingles = 100,
                          .exact = random_below(UINT64_MAX),
                          .has_call = w != CONTENT_RANDOM,
                          .has_html = w != CONTENT_RANDOM};
    lanes_make(c->cd1.text, CD1_TEXT_LANES, template, like);
    lanes_make(c->cd1.open, CD1_OPEN_LANES, template, like);
    lanes_make(c->cd1.close, CD1_CLOSE_LANES, template, like);
    lanes_make(c->cd1.call, CD1_CALL_LANES, template, w == CONTENT_BOOK ? 100 : like);
    lanes_make(c->cd1.html, CD1_HTML_LANES, template, w == CONTENT_BOOK ? 100 : like);
    if (w == CONTENT_BAND) {
        memset(c->cd1.text, 0, 4 * sizeof c->cd1.text[0]);
    }
    c->shape = S("http://www.d/a*/?9*");
    snprintf(c->text, sizeof c->text, "d%u.example", (unsigned)(template + random_below(10)));
    c->domain = slice_cstr(c->text);
    c->m = (struct cluster_message){
        .id = hash_id128(slice_of((const char *)&i, sizeof i)),
        .received = 1286000000,
        .host = 1 + random_below(100000),
        .trap = S("trap"),
        .country = S("XX"),
        .recipients = 1,
        .bytes = 3000,
        .sketch = slice_of((const char *)c->packed, cd1_pack(&c->cd1, c->packed)),
        .domains = &c->domain,
        .url_shapes = &c->shape,
        .domain_count = 1,
        .url_shape_count = 1};
}

static void wordings_world(enum content_world w, const char *name)
{
    static struct content contents[BLOCK];
    struct wordings *v = wordings_new(LIMIT_WORDINGS);
    double spent = 0;
    uint64_t last = w == CONTENT_CAMPAIGNS ? MESSAGES : 2 * LIMIT_WORDINGS;
    size_t messages = 0;
    for (uint64_t i = 0; v && i < last; i += BLOCK) {
        for (size_t k = 0; k < BLOCK; k++) {
            content_make(&contents[k], w, i + k);
        }
        double start = seconds();
        for (size_t k = 0; k < BLOCK; k++) {
            uint64_t key;
            bool is_new;
            struct profile *p;
            if (wordings_find(v, &contents[k].m, &key, &p, &is_new) != OK ||
                profile_take(p, &contents[k].m, 0) != OK) {
                exit(1);
            }
        }
        spent += seconds() - start;
        messages += BLOCK;
    }
    size_t n = v ? wordings_count(v) : 0, groups = 0;
    uint32_t *group = calloc(n + 1, sizeof *group);
    double start = seconds();
    if (!v || !group || wordings_group(v, group) != OK) {
        exit(1);
    }
    double grouped = seconds() - start;
    for (size_t i = 0; i < n; i++) {
        groups += group[i] == i;
    }
    printf("%-9s  place %5.2f us  %6zu wordings  group %6.0f ms  %6zu groups  %5.0f bytes a "
           "wording, %.0f MiB\n",
           name, spent / (double)messages * 1e6, n, grouped * 1e3, groups,
           (double)wordings_bytes(v) / (double)n, (double)wordings_bytes(v) / (1 << 20));
    free(group);
    wordings_free(v);
}

static void bench_wordings(void)
{
    static const char *const names[CONTENT_COUNT] = {"campaigns", "band", "book", "random"};
    for (int w = 0; w < CONTENT_COUNT; w++) {
        wordings_world((enum content_world)w, names[w]);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {{"variants", bench_variants}, {"wordings", bench_wordings}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (argc < 2 || strcmp(argv[1], parts[i].name) == 0) {
            printf("%s\n", parts[i].name);
            parts[i].run();
        }
    }
    return 0;
}
