/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the spool costs: microseconds of CPU a message of the whole writer (all threads), the time
 * from append to completion, how many messages share a commit, and how well segments compress. The
 * mail is made from a seed: templates with random words, as campaigns are, each with its session's
 * record.
 *
 *   spool_bench [-n MESSAGES] [-s SESSIONS] [-b BYTES] [-l LEVEL] [-p FOLDER] [-i MBOX] [-k]
 *     -s: so many messages are on their way at any time; -l: zstd's level; -i: bodies out of an
 *     mbox instead; -k: keep the spool, for `spamgauge spool analyse` */
#include "core/strbuf.h"
#include "mail/source.h"
#include "spool/folder.h"
#include "spool/keeper.h"
#include "spool/reader.h"
#include "spool/writer.h"

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BODIES = 8192, SESSIONS_MAX = 4096, WORDS = 4000, TEMPLATES = 12 };

static uint64_t random_state = 1;

static uint64_t random_next(void)
{
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void word_add(struct strbuf *b, uint64_t n)
{
    static const char LETTERS[] = "etaoinshrdlucmfwypvbgkjqxz";
    for (unsigned i = 2 + (unsigned)(n % 7); i; i--, n = n * 31 + 7) {
        strbuf_add_byte(b, LETTERS[n * n % 26]);
    }
    strbuf_add_byte(b, ' ');
}

/* A template's text is the same in all its messages but for every fifth word. */
static struct strbuf body_make(size_t bytes)
{
    struct strbuf b = STRBUF_INIT;
    uint64_t template = random_next() % TEMPLATES, place = template * 1000;
    strbuf_printf(&b,
                  "Received: from x%llu by y; Fri, 1 Oct 2010 00:00:00 +0000\r\nFrom: "
                  "<u%llu@example.com>\r\nTo: <trap%llu@example.org>\r\nSubject: ",
                  (unsigned long long)random_next(), (unsigned long long)random_next(),
                  (unsigned long long)(random_next() % 1000));
    word_add(&b, random_next() % WORDS);
    strbuf_printf(&b, "\r\nMessage-ID: <%016llx@example.com>\r\nMIME-Version: 1.0\r\n\r\n",
                  (unsigned long long)random_next());
    for (size_t line = 0; b.n < bytes; place++) {
        word_add(&b, place % 5 ? place : random_next() % WORDS);
        if (b.n - line > 70) {
            strbuf_add_cstr(&b, "\r\n");
            line = b.n;
        }
    }
    return b;
}

static size_t bodies_read(const char *path, struct strbuf *bodies)
{
    struct source *source;
    struct source_message m;
    size_t n = 0;
    if (source_open(path, &source, NULL) != OK) {
        fprintf(stderr, "spool_bench: %s cannot be read\n", path);
        exit(1);
    }
    while (n < BODIES && source_next(source, &m, NULL) == OK) {
        strbuf_add(&bodies[n++], m.raw);
    }
    source_close(source);
    return n;
}

static int time_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct run {
    struct spool_writer *w;
    struct strbuf bodies[BODIES];
    size_t body_count;
    uint32_t messages;
    unsigned sessions;
    uint32_t sent, done, refused;
    double started[SESSIONS_MAX];
    double *times;
};

static void message_send(struct run *r, unsigned slot)
{
    struct slice recipients[1] = {S("trap77@example.org")};
    struct session_step steps[] = {
        {.kind = STEP_REPLY, .code = 220, .text = S("220 mx.example.org ESMTP Postfix")},
        {.kind = STEP_COMMAND, .at_us = 20000, .text = S("EHLO bot.example.com")},
        {.kind = STEP_REPLY, .at_us = 20100, .code = 250, .text = S("250-mx.example.org")},
        {.kind = STEP_COMMAND, .at_us = 40000, .text = S("MAIL FROM:<u@example.com>")},
        {.kind = STEP_REPLY, .at_us = 40100, .code = 250, .text = S("250 2.1.0 Ok")},
        {.kind = STEP_COMMAND, .at_us = 60000, .text = S("RCPT TO:<trap77@example.org>")},
        {.kind = STEP_REPLY, .at_us = 60100, .code = 250, .text = S("250 2.1.5 Ok")},
        {.kind = STEP_DATA, .at_us = 80000, .bytes = 5000},
        {.kind = STEP_END, .at_us = 90000},
    };
    struct message_record m = {
        .head = {.trap = S("mx1"),
                 .site = S("north"),
                 .listener = S("192.0.2.1:25"),
                 .persona = S("postfix"),
                 .client = ip_from_v4((uint32_t)random_next()),
                 .accepted_us = 1290000000000000 + (int64_t)r->sent * 100},
        .accepted_us = 1290000000000000 + (int64_t)r->sent * 100,
        .number = r->sent,
        .helo = S("bot.example.com"),
        .protocol = S("ESMTP"),
        .mail_from = S("u@example.com"),
        .recipients = recipients,
        .recipient_count = 1,
        .raw = strbuf_slice(&r->bodies[r->sent % r->body_count]),
    };
    memcpy(m.head.session.b, &r->sent, sizeof r->sent);
    struct session_record s = {.head = m.head,
                               .ended_us = m.accepted_us + 10,
                               .helo = m.helo,
                               .steps = steps,
                               .step_count = sizeof steps / sizeof *steps,
                               .messages = 1};
    r->started[slot] = now_seconds();
    if (spool_append_message(r->w, &m, slot + 1, 0) != SPOOL_OK ||
        spool_append_session(r->w, &s, 0, 0) != SPOOL_OK) {
        fputs("spool_bench: refused\n", stderr);
        exit(1);
    }
    r->sent++;
}

static void load_run(struct run *r)
{
    struct spool_completion done[256];
    for (unsigned slot = 0; slot < r->sessions && r->sent < r->messages; slot++) {
        message_send(r, slot);
    }
    while (r->done < r->messages) {
        struct pollfd p = {.fd = spool_writer_fd(r->w), .events = POLLIN};
        poll(&p, 1, 1000);
        size_t n = spool_writer_poll(r->w, done, sizeof done / sizeof *done);
        for (size_t i = 0; i < n; i++) {
            unsigned slot = (unsigned)done[i].cookie - 1;
            r->times[r->done++] = now_seconds() - r->started[slot];
            if (r->sent < r->messages) {
                message_send(r, slot);
            }
        }
    }
}

/* Reads it all back: what an analyser pays before it begins. */
static void reading_measure(const char *folder)
{
    struct spool_reader *r;
    struct spool_item item;
    struct spool_reader_options o = {.folder = folder, .is_closed = true};
    uint64_t records = 0, bytes = 0;
    double cpu = cpu_seconds();
    if (spool_reader_open(&o, &r, NULL) != OK) {
        return;
    }
    while (spool_reader_next(r, &item, NULL) == OK) {
        records++;
        bytes += item.payload.n;
    }
    spool_reader_close(r);
    printf("reading: %.2f us CPU a record, %llu records, %.1f MB\n",
           (cpu_seconds() - cpu) * 1e6 / (double)records, (unsigned long long)records,
           (double)bytes / 1e6);
}

/* All segments, one after the other. */
static void compression_measure(const char *folder, int level)
{
    struct segment_list l;
    int dir;
    uint64_t before = 0, after = 0;
    double cpu = cpu_seconds();
    if (spool_folder_open(folder, &dir, NULL) != OK || spool_folder_list(dir, &l, NULL) != OK) {
        return;
    }
    for (size_t i = 0; i < l.count; i++) {
        before += l.files[i].bytes;
        if (segment_compress(dir, l.files[i].number, level, NULL) != OK) {
            fputs("spool_bench: compression failed\n", stderr);
        }
    }
    segment_list_free(&l);
    cpu = cpu_seconds() - cpu;
    if (spool_folder_list(dir, &l, NULL) == OK) {
        for (size_t i = 0; i < l.count; i++) {
            after += l.files[i].bytes;
        }
        segment_list_free(&l);
    }
    printf("zstd -%d: %.2f : 1, %.0f MB/s of CPU\n", level, (double)before / (double)after,
           (double)before / 1e6 / cpu);
    close(dir);
}

static void folder_delete(const char *folder)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) {
        fprintf(stderr, "spool_bench: %s is left\n", folder);
    }
}

int main(int argc, char **argv)
{
    static struct run r = {.messages = 50000, .sessions = 10};
    struct spool_writer_options o = {.folder = "spool_bench.tmp", .compression_level = 0};
    int level = 1;
    bool is_kept = false;
    size_t bytes = 5000;
    const char *mbox = NULL;
    struct errbuf eb = {.text = ""};
    for (int c; (c = getopt(argc, argv, "n:s:b:l:p:i:k")) != -1;) {
        switch (c) {
        case 'n':
            r.messages = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 's':
            r.sessions = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'b':
            bytes = strtoul(optarg, NULL, 10);
            break;
        case 'l':
            level = (int)strtol(optarg, NULL, 10);
            break;
        case 'p':
            o.folder = optarg;
            break;
        case 'i':
            mbox = optarg;
            break;
        case 'k':
            is_kept = true;
            break;
        default:
            return 2;
        }
    }
    r.sessions = r.sessions && r.sessions <= SESSIONS_MAX ? r.sessions : 1;
    r.times = calloc(r.messages + 1, sizeof *r.times);
    r.body_count = mbox ? bodies_read(mbox, r.bodies) : BODIES;
    for (size_t i = 0; !mbox && i < BODIES; i++) {
        r.bodies[i] = body_make(bytes);
    }
    if (!r.times || !r.body_count || spool_writer_open(&o, &r.w, &eb) != OK) {
        fprintf(stderr, "spool_bench: %s\n", eb.text);
        return 1;
    }
    double cpu = cpu_seconds(), wall = now_seconds();
    load_run(&r);
    struct spool_stats stats = spool_writer_stats(r.w);
    cpu = cpu_seconds() - cpu;
    wall = now_seconds() - wall;
    spool_writer_close(r.w);
    qsort(r.times, r.messages, sizeof *r.times, time_order);
    printf("%u sessions: %.0f messages/s, %.1f us CPU a message, commit p50 %.2f ms, p99 %.2f ms, "
           "max %.2f ms, %.1f messages a commit, %.1f MB\n",
           r.sessions, r.messages / wall, cpu * 1e6 / r.messages, r.times[r.messages / 2] * 1e3,
           r.times[r.messages - r.messages / 100 - 1] * 1e3, r.times[r.messages - 1] * 1e3,
           (double)r.messages / (double)stats.commits, (double)stats.bytes / 1e6);
    reading_measure(o.folder);
    if (!is_kept) {
        compression_measure(o.folder, level);
        folder_delete(o.folder);
    }
    return 0;
}
