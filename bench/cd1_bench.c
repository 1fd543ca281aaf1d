/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cd1_bench [MBOX]: what words and CD1 cost for each message, on one thread; without a file for
 * generated plain texts of 4 kB. The features are made before the clock starts. */
#include "core/limits.h"
#include "mail/source.h"
#include "print/cd1.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TEXTS = 200, TEXT_BYTES = 4096, ROUNDS = 50 };

struct item {
    struct arena *arena;
    struct features features;
    struct body_text body; /* of a generated text */
    size_t seen_bytes;
};

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void generate(struct item *item, unsigned *seed)
{
    static const char *const WORDS[] = {"the",    "best",
                                        "offer",  "of",
                                        "our",    "pharmacy",
                                        "and",    "you",
                                        "will",   "receive",
                                        "within", "days",
                                        "price",  "order",
                                        "online", "without",
                                        "doctor", "today",
                                        "Money",  "100",
                                        "$5.99",  "http://example.com/a"};
    char *p = malloc(TEXT_BYTES + 32);
    size_t n = 0;
    while (p && n < TEXT_BYTES) {
        *seed = *seed * 1103515245 + 12345;
        n += (size_t)snprintf(p + n, 32, "%s%c", WORDS[(*seed >> 16) % 22],
                              (*seed >> 8) % 13 ? ' ' : '\n');
    }
    item->body = (struct body_text){.text = slice_of(p, n), .is_seen = true};
    item->features.bodies = &item->body;
    item->features.body_count = 1;
}

static size_t read_mbox(const char *path, struct item **items)
{
    size_t count = 0, room = 0;
    struct source *source = NULL;
    struct source_message m;
    struct url_context *urls = url_context_new(NULL);
    if (!urls || source_open(path, &source, NULL) != OK) {
        return 0;
    }
    while (source_next(source, &m, NULL) == OK && count < 20000) {
        if (count == room) {
            room = room ? 2 * room : 1024;
            *items = realloc(*items, room * sizeof **items);
        }
        struct item *item = &(*items)[count];
        memset(item, 0, sizeof *item);
        item->arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
        struct slice raw = arena_copy(item->arena, m.raw);
        struct mail *mail = arena_alloc(item->arena, sizeof *mail);
        struct envelope e = {.bytes = raw.n};
        if (!mail || mail_parse(mail, raw, item->arena) != OK ||
            features_extract(&item->features, mail, NULL, urls, &e, item->arena) != OK) {
            break;
        }
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    struct item *items = NULL;
    size_t count = 0, seen = 0, words = 0;
    unsigned seed = 1;
    if (argc > 1) {
        count = read_mbox(argv[1], &items);
    } else {
        items = calloc(TEXTS, sizeof *items);
        for (; items && count < TEXTS; count++) {
            generate(&items[count], &seed);
        }
    }
    struct arena *arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    const struct slice me = SLICE("john.smith@example.org");
    if (!count || !arena) {
        (void)fprintf(stderr, "cd1_bench: nothing to do\n");
        return 1;
    }
    double split_us = 0, all_us = 0;
    uint64_t sum = 0;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        double start = now_us();
        for (size_t i = 0; i < count; i++) {
            struct words w;
            struct cd1 c = {.exact = 0};
            arena_reset(arena);
            if (words_of(&w, &items[i].features, &me, 1, arena) != OK ||
                (round % 2 && cd1_make(&c, &w, &items[i].features, arena) != OK)) {
                return 1;
            }
            sum += c.exact + w.count;
            words += round ? 0 : w.count;
        }
        *(round % 2 ? &all_us : &split_us) += now_us() - start;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < items[i].features.body_count; k++) {
            const struct body_text *b = &items[i].features.bodies[k];
            seen += b->is_seen ? b->text.n : 0;
        }
    }
    double each = 1.0 / ((double)count * ROUNDS);
    (void)printf("%zu messages, %.0f bytes of text and %.0f words each: words %.2f us, words and "
                 "CD1 %.2f us a message (%.1f ns a word) [%llx]\n",
                 count, (double)seen / (double)count, (double)words / (double)count,
                 split_us * each, all_us * each,
                 1000 * all_us * each * (double)count / (double)words, (unsigned long long)sum);
    return 0;
}
