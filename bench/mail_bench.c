/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time of parse + decode of all text to UTF-8, ours beside GMime's, over the same messages in
 * memory, one thread. Usage: mail_bench [-n ROUNDS] PATH... (mbox files, one-message files, folders
 * of them). Prints microseconds of CPU a message for both and their ratio. */
#include "core/limits.h"
#include "core/strbuf.h"
#include "mail/mail.h"

#include <gmime/gmime.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct corpus {
    struct slice *items;
    size_t count, capacity, bytes;
};
static struct corpus corpus;

static void corpus_add(struct slice s)
{
    if (corpus.count == corpus.capacity) {
        corpus.capacity = corpus.capacity ? corpus.capacity * 2 : 1024;
        corpus.items = realloc(corpus.items, corpus.capacity * sizeof *corpus.items);
        if (!corpus.items) {
            exit(1);
        }
    }
    corpus.items[corpus.count++] = s;
    corpus.bytes += s.n;
}

/* The messages of an mbox, or the file as one message. The bytes stay allocated. */
static int file_add(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)ftw;
    if (kind != FTW_F || !st->st_size) {
        return 0;
    }
    FILE *f = fopen(path, "rb");
    char *p = malloc((size_t)st->st_size);
    size_t n = f && p ? fread(p, 1, (size_t)st->st_size, f) : 0;
    if (f) {
        (void)fclose(f);
    }
    struct slice rest = slice_of(p, n);
    if (!slice_starts(rest, S("From "))) {
        corpus_add(rest);
        return 0;
    }
    while (rest.n) {
        (void)slice_cut(&rest, '\n'); /* the separator */
        size_t at = slice_find(rest, S("\n\nFrom "));
        corpus_add(slice_sub(rest, 0, at == SIZE_MAX ? SIZE_MAX : at + 1));
        rest = slice_sub(rest, at == SIZE_MAX ? rest.n : at + 2, SIZE_MAX);
    }
    return 0;
}

static double cpu_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t ours(struct slice raw, struct arena *arena)
{
    struct mail m;
    size_t n = 0;
    arena_reset(arena);
    if (mail_parse(&m, raw, arena) == OK) {
        for (size_t i = 0; i < m.part_count; i++) {
            n += part_text(&m, &m.parts[i]).n;
        }
    }
    return n;
}

static void part_count_text(GMimeObject *parent, GMimeObject *part, gpointer arg)
{
    (void)parent;
    size_t *n = arg;
    if (GMIME_IS_TEXT_PART(part)) {
        char *text = g_mime_text_part_get_text((GMimeTextPart *)part);
        *n += text ? strlen(text) : 0;
        g_free(text);
    }
}

static size_t gmimes(struct slice raw)
{
    size_t n = 0;
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(raw.p, raw.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    if (message) {
        g_mime_message_foreach(message, part_count_text, &n);
        g_object_unref(message);
    }
    g_object_unref(parser);
    g_object_unref(stream);
    return n;
}

int main(int argc, char **argv)
{
    int rounds = 5, first = 1;
    if (argc > 2 && strcmp(argv[1], "-n") == 0) {
        rounds = (int)strtol(argv[2], NULL, 10);
        first = 3;
    }
    for (int i = first; i < argc; i++) {
        if (nftw(argv[i], file_add, 16, FTW_PHYS)) {
            perror(argv[i]);
            return 1;
        }
    }
    struct arena *arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    if (!corpus.count || !arena || rounds < 1) {
        (void)fprintf(stderr, "usage: mail_bench [-n ROUNDS] PATH...\n");
        arena_free(arena);
        return 2;
    }
    g_mime_init();
    double best[2] = {1e9, 1e9};
    size_t text[2] = {0, 0};
    for (int r = 0; r < rounds; r++) {
        for (int who = 0; who < 2; who++) {
            text[who] = 0;
            double start = cpu_seconds();
            for (size_t i = 0; i < corpus.count; i++) {
                text[who] += who ? gmimes(corpus.items[i]) : ours(corpus.items[i], arena);
            }
            double took = cpu_seconds() - start;
            best[who] = took < best[who] ? took : best[who];
        }
    }
    double n = (double)corpus.count;
    printf("messages %zu, mean %.1f KB, best of %d rounds\n", corpus.count,
           (double)corpus.bytes / n / 1000, rounds);
    printf("spamgauge %7.2f us/message  %7.0f messages/s  %6.1f MB/s  text %zu\n",
           best[0] / n * 1e6, n / best[0], (double)corpus.bytes / best[0] / 1e6, text[0]);
    printf("gmime     %7.2f us/message  %7.0f messages/s  %6.1f MB/s  text %zu\n",
           best[1] / n * 1e6, n / best[1], (double)corpus.bytes / best[1] / 1e6, text[1]);
    printf("ratio     %7.2f\n", best[1] / best[0]);
    arena_free(arena);
    return 0;
}
