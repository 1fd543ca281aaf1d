/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rules_bench RULES MAIL [ROUNDS]: time of loading a pack (compiled, then from a cache) and of
 * matching it against messages whose features were made before. User time. */
#include "core/limits.h"
#include "mail/source.h"
#include "sig/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { MESSAGES_MAX = 3000 };

static double seconds(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct features *message_features(struct slice raw, const struct url_context *urls)
{
    struct arena *a = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    struct slice copy = arena_copy(a, raw);
    struct mail *m = arena_calloc(a, 1, sizeof *m);
    struct chain *c = arena_calloc(a, 1, sizeof *c);
    struct features *f = arena_calloc(a, 1, sizeof *f);
    struct envelope e = {.bytes = raw.n};
    if (!f || mail_parse(m, copy, a) != OK || chain_build(c, m, NULL, time(NULL), a) != OK ||
        features_extract(f, m, c, urls, &e, a) != OK) {
        return NULL;
    }
    return f; /* lives until the end */
}

static struct rules *load(const char *path, const char *cache, const char *what)
{
    struct rule_options o = {.paths = &path, .path_count = 1, .cache_dir = cache};
    struct errbuf eb = {.text = ""};
    struct rules *r = NULL;
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (rules_load(&o, &r, &eb) != OK) {
        fprintf(stderr, "%s: %s\n", path, eb.text);
        exit(1);
    }
    printf("%-9s %zu rules in %.1f ms (%.1f ms CPU)\n", what, rules_count(r),
           (seconds(CLOCK_MONOTONIC) - wall) * 1e3,
           (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e3);
    return r;
}

int main(int argc, char **argv)
{
    static struct features *list[MESSAGES_MAX];
    char cache[] = "/tmp/rules_bench.XXXXXX";
    struct errbuf eb = {.text = ""};
    struct source *source;
    struct source_message message;
    size_t n = 0, bytes = 0, hits = 0;
    if (argc < 3 || !mkdtemp(cache)) {
        fprintf(stderr, "rules_bench RULES MAIL [ROUNDS]\n");
        return 1;
    }
    int rounds = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 5;
    rules_unref(load(argv[1], cache, "compiled"));
    struct rules *r = load(argv[1], cache, "cached");
    struct url_context *urls = url_context_new(&eb);
    if (!urls || source_open(argv[2], &source, &eb) != OK) {
        fprintf(stderr, "%s\n", eb.text);
        return 1;
    }
    while (n < MESSAGES_MAX && source_next(source, &message, &eb) == OK) {
        bytes += message.raw.n;
        n += (list[n] = message_features(message.raw, urls)) != NULL;
    }
    struct rule_scratch *s = rule_scratch_new(r);
    struct arena *a = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    double best = 1e9;
    for (int round = 0; round < rounds; round++) {
        double start = seconds(CLOCK_THREAD_CPUTIME_ID);
        hits = 0;
        for (size_t i = 0; i < n; i++) {
            struct attribution out;
            arena_reset(a);
            if (rules_match(r, s, list[i], 0, a, &out) == OK) {
                hits += out.hit_count;
            }
        }
        double spent = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
        best = spent < best ? spent : best;
    }
    printf("matched   %zu messages of %zu bytes: %.2f us a message, %.2f hits a message\n", n,
           n ? bytes / n : 0, best * 1e6 / (double)n, (double)hits / (double)n);
    return 0;
}
