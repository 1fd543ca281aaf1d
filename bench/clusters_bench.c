/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole of clusters over a long stream: time of placing, grouping and giving out, and memory.
 * Usage: clusters_bench [MESSAGES]   (default 1,000,000; the budget is for 10,000,000) */
#include "cluster/cluster.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum {
    DIALECTS = 20000,
    CONTENTS = 60000,
    LONE = 30, /* of 100 messages: a content that nobody sends again */
    HOSTS = 500000,
    DOMAINS = 100000,
    BLOCK = 4096, /* messages of a transaction */
    REGROUP_FIRST = 5000,
    REGROUP_MOST = 200000 /* as analyse/clustering.c does */
};

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t seed = 1;

/* Few are frequent: the k-th about 1/k. */
static uint64_t zipf(uint64_t n)
{
    double u = (double)(next(&seed) >> 11) / 9007199254740992.0;
    return (uint64_t)pow((double)n, u) - 1;
}

struct sent {
    struct cluster_message m;
    struct cd1 cd1;
    uint8_t packed[CD1_PACKED_BYTES];
    char names[256], shapes[256], hd1[96], trap[16], country[4], domain[32];
    struct slice domains[1];
};

static void dialect_make(struct sent *s, uint64_t number)
{
    char b[13], c[13];
    unsigned family = (unsigned)(number % 900), option = (unsigned)(number / 900);
    snprintf(s->names, sizeof s->names, "received\nfrom\nto\nsubject\nx-f%u\nx-g%u\nx-o%u\ndate\n",
             family, family / 3, option);
    snprintf(s->shapes, sizeof s->shapes, "message-id=x%u\ndate=%u\nx-mailer=m%u\n", family,
             family % 7, family);
    hash12(slice_cstr(s->names), b);
    hash12(slice_cstr(s->shapes), c);
    snprintf(s->hd1, sizeof s->hd1, "HD1:08.p.onr6.0.1q_%s_%s", b, c);
}

static void content_make(struct sent *s, uint64_t number)
{
    uint64_t state = number * 3 + 1;
    s->cd1 =
        (struct cd1){.kind = CD1_TEXT, .is_full = true, .shingles = 150, .exact = next(&state)};
    for (int i = 0; i < CD1_TEXT_LANES; i++) {
        s->cd1.text[i] = (uint32_t)next(&state);
    }
    for (int i = 0; i < CD1_OPEN_LANES; i++) { /* else all were pages of one book */
        s->cd1.open[i] = (uint32_t)next(&state);
    }
}

static void sent_make(struct sent *s, uint64_t i)
{
    bool is_lone = next(&seed) % 100 < LONE;
    uint64_t content = is_lone ? CONTENTS + i : zipf(CONTENTS);
    dialect_make(s, zipf(DIALECTS));
    content_make(s, content);
    snprintf(s->trap, sizeof s->trap, "trap-%u", (unsigned)(next(&seed) % 20));
    snprintf(s->country, sizeof s->country, "%c%c", 'A' + (int)zipf(12), 'A' + (int)zipf(8));
    snprintf(s->domain, sizeof s->domain, "d%u.example", (unsigned)zipf(DOMAINS));
    s->domains[0] = slice_cstr(s->domain);
    s->m = (struct cluster_message){
        .id = hash_id128(slice_of((const char *)&i, sizeof i)),
        .received = 1286000000 + (int64_t)i / 10,
        .host = 1 + next(&seed) % HOSTS,
        .trap = slice_cstr(s->trap),
        .country = slice_cstr(s->country),
        .recipients = 1,
        .bytes = 4000,
        .hd1 = slice_cstr(s->hd1),
        .hd1_names = slice_cstr(s->names),
        .hd1_shapes = slice_cstr(s->shapes),
        .sketch = slice_of((const char *)s->packed, cd1_pack(&s->cd1, s->packed)),
        .domains = s->domains,
        .domain_count = 1,
    };
}

struct given {
    uint64_t parts, bytes, clusters, events;
};

static enum err part_count(void *arg, const struct cluster_part *p)
{
    struct given *g = arg;
    g->parts++;
    g->bytes += p->state.n;
    return OK;
}

static enum err cluster_count(void *arg, const struct cluster_info *i)
{
    (void)i;
    ((struct given *)arg)->clusters++;
    return OK;
}

static enum err event_count(void *arg, const struct cluster_event *e)
{
    (void)e;
    ((struct given *)arg)->events++;
    return OK;
}

struct times {
    double make, place, group, give, group_longest;
};

static void regroup(struct clusters *c, struct times *t)
{
    double began = seconds();
    if (clusters_regroup(c, 1300000000) != OK) {
        abort();
    }
    double took = seconds() - began;
    t->group += took;
    t->group_longest = took > t->group_longest ? took : t->group_longest;
}

int main(int argc, char **argv)
{
    uint64_t messages = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000 * 1000;
    uint64_t regroup_at = REGROUP_FIRST, since = 0;
    struct given given = {0};
    struct cluster_sink sink = {part_count, cluster_count, event_count, &given};
    struct times t = {0};
    struct clusters *c = clusters_new();
    struct sent *block = calloc(BLOCK, sizeof *block);
    if (!c || !block) {
        abort();
    }
    for (uint64_t i = 0; i < messages;) {
        size_t n = messages - i < BLOCK ? (size_t)(messages - i) : BLOCK;
        double began = seconds();
        for (size_t k = 0; k < n; k++) {
            sent_make(&block[k], i + k);
        }
        double made = seconds();
        for (size_t k = 0; k < n; k++) {
            struct placed placed;
            if (clusters_place(c, &block[k].m, &placed) != OK) {
                abort();
            }
        }
        double placed = seconds();
        since += n;
        if (since >= regroup_at) {
            regroup(c, &t);
            since = 0;
            regroup_at = regroup_at * 2 < REGROUP_MOST ? regroup_at * 2 : REGROUP_MOST;
        }
        double grouped = seconds();
        if (clusters_give(c, CLUSTERS_NEW, &sink) != OK) {
            abort();
        }
        t.make += made - began;
        t.place += placed - made;
        t.give += seconds() - grouped;
        i += n;
    }
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    double n = (double)messages;
    printf("%.0f messages: place %.2f us, group %.2f us (longest %.2f s), give %.2f us a message\n",
           n, t.place / n * 1e6, t.group / n * 1e6, t.group_longest, t.give / n * 1e6);
    printf("%.1f MiB in clusters, %.1f MiB at most in the process (the block of messages: %.1f)\n",
           (double)clusters_bytes(c) / 1048576, (double)usage.ru_maxrss / 1024,
           (double)(BLOCK * sizeof *block) / 1048576);
    printf("given: %llu parts, %.1f MB, %llu clusters, %llu events\n",
           (unsigned long long)given.parts, (double)given.bytes / 1e6,
           (unsigned long long)given.clusters, (unsigned long long)given.events);
    clusters_free(c);
    free(block);
    return 0;
}
