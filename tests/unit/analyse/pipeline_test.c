/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pipeline over a stream into a real store: threads, chunks, stopping, a source that fails. */
#include "testing.h"

#include "analyse/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGES = 1500, GUARD_SECONDS = 60 };

static struct strbuf mbox = STRBUF_INIT;
static char folder[] = "/tmp/spamgauge-pipeline-XXXXXX";
static const uint8_t KEY[SECRET_KEY_BYTES] = {1};

static int mbox_make(void **state)
{
    (void)state;
    for (int i = 0; i < MESSAGES; i++) {
        strbuf_printf(&mbox,
                      "From a@example.org Fri Oct  1 00:00:00 2010\n"
                      "Received: from h%d (unknown [%d.%d.7.9]) by mx.example.org (Postfix) with "
                      "ESMTP id 1%d\n"
                      "\tfor <trap@example.org>; %d Oct 2010 00:00:%02d +0000\n"
                      "From: <x%d@example.net>\nSubject: offer %d\n\nhttp://d%d.example.com/a\n\n",
                      i, 20 + i % 60, i % 250, i, 1 + i % 28, i % 60, i, i, i % 40);
    }
    alarm(GUARD_SECONDS); /* a deadlock must fail, not hang */
    return mkdtemp(folder) ? 0 : -1;
}

static int mbox_drop(void **state)
{
    char command[128];
    (void)state;
    strbuf_free(&mbox);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* A stream that hands out at most `step` bytes, and fails at `fail_at`. */
struct stream {
    size_t at, step, fail_at;
};

static long stream_read(void *arg, char *p, size_t n)
{
    struct stream *s = arg;
    size_t left = mbox.n - s->at;
    if (s->at >= s->fail_at) {
        return -1;
    }
    n = n < s->step ? n : s->step;
    n = n < left ? n : left;
    memcpy(p, mbox.p + s->at, n);
    s->at += n;
    return (long)n;
}

struct run {
    unsigned jobs;
    struct stream stream;
    const char *identity;
    uint64_t stop_after; /* messages; 0: never */
    bool stop;
    struct pipeline_progress progress;
};

static void progress_watch(void *arg, const struct pipeline_progress *p)
{
    struct run *run = arg;
    run->stop = run->stop_after && p->messages >= run->stop_after;
}

static enum err run_into(const char *name, struct run *run)
{
    char path[256];
    struct store *store;
    struct source *source;
    struct errbuf eb = {.text = ""};
    struct pipeline_options o = {
        .analyse = {.trap = S("t"), .recipient_key = KEY},
        .jobs = run->jobs,
        .identity = slice_cstr(run->identity ? run->identity : ""),
        .now = 1300000000,
        .stop = &run->stop,
        .on_progress = progress_watch,
        .arg = run,
    };
    snprintf(path, sizeof path, "%s/%s.db", folder, name);
    struct store_options so = {.path = path, .mode = STORE_CREATE};
    assert_int_equal(store_open(&so, &store, &eb), OK);
    assert_int_equal(store_trap_put(store, S("t"), S("s"), &eb), OK);
    assert_int_equal(source_open_stream(stream_read, &run->stream, "stream", &source, &eb), OK);
    enum err e = pipeline_run(&o, source, store, &run->progress, &eb);
    source_close(source);
    store_close(store);
    return e;
}

static void cube_add(void *arg, const struct cube_row *row)
{
    strbuf_printf(arg, "%lld %.*s %llu %llu %llu\n", (long long)row->bucket, SLICE_ARG(row->value),
                  (unsigned long long)row->units.messages, (unsigned long long)row->units.bytes,
                  (unsigned long long)row->units.hosts);
}

/* All figures of a store as text. */
static struct strbuf figures_of(const char *name)
{
    static const enum dimension DIMENSIONS[] = {DIMENSION_TOTAL, DIMENSION_DOMAIN, DIMENSION_CLOCK,
                                                DIMENSION_QUIRK};
    struct strbuf out = STRBUF_INIT;
    struct store_filter all = STORE_FILTER_ALL;
    struct store *store;
    char path[256];
    snprintf(path, sizeof path, "%s/%s.db", folder, name);
    struct store_options so = {.path = path, .mode = STORE_READ};
    assert_int_equal(store_open(&so, &store, NULL), OK);
    for (size_t i = 0; i < sizeof DIMENSIONS / sizeof *DIMENSIONS; i++) {
        assert_int_equal(store_cube(store, &all, BUCKET_DAY, DIMENSIONS[i], cube_add, &out, NULL),
                         OK);
    }
    store_close(store);
    return out;
}

static void assert_same_figures(const char *a, const char *b)
{
    struct strbuf x = figures_of(a), y = figures_of(b);
    assert_true(x.n > 100);
    assert_string_equal(strbuf_cstr(&x), strbuf_cstr(&y));
    strbuf_free(&x);
    strbuf_free(&y);
}

static void threads_and_chunks_change_nothing(void **state)
{
    static const struct {
        const char *name;
        unsigned jobs;
        size_t step;
    } CASES[] = {
        {"one", 1, 65536}, {"two", 2, 65536}, {"four", 4, 4096}, {"bytes", 1, 7}, {"odd", 3, 997}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct run run = {.jobs = CASES[i].jobs, .stream = {0, CASES[i].step, SIZE_MAX}};
        assert_int_equal(run_into(CASES[i].name, &run), OK);
        assert_int_equal(run.progress.messages, MESSAGES);
        assert_int_equal(run.progress.added, MESSAGES);
        assert_int_equal(run.progress.failed, 0);
        assert_same_figures("one", CASES[i].name);
    }
}

static void a_second_run_adds_nothing(void **state)
{
    struct run run = {.jobs = 2, .stream = {0, 4096, SIZE_MAX}};
    (void)state;
    assert_int_equal(run_into("one", &run), OK);
    assert_int_equal(run.progress.added, 0);
    assert_int_equal(run.progress.repeated, MESSAGES);
}

static void a_stopped_run_is_taken_up(void **state)
{
    (void)state;
    for (unsigned jobs = 1; jobs <= 3; jobs++) {
        char name[16];
        snprintf(name, sizeof name, "stop%u", jobs);
        struct run first = {
            .jobs = jobs, .stream = {0, 4096, SIZE_MAX}, .identity = "x", .stop_after = 500};
        assert_int_equal(run_into(name, &first), ERR_CANCELLED);
        assert_true(first.progress.added >= 500 && first.progress.added < MESSAGES);
        struct run second = {.jobs = jobs, .stream = {0, 997, SIZE_MAX}, .identity = "x"};
        assert_int_equal(run_into(name, &second), OK);
        assert_int_equal(second.progress.resumed, first.progress.added);
        assert_int_equal(second.progress.added, MESSAGES - first.progress.added);
        assert_int_equal(second.progress.repeated, 0);
        assert_same_figures("one", name);
    }
}

/* Another identity is another input: read from its start, its known messages recognised. */
static void a_changed_input_starts_over(void **state)
{
    struct run first = {
        .jobs = 1, .stream = {0, 4096, SIZE_MAX}, .identity = "x", .stop_after = 300};
    struct run second = {.jobs = 1, .stream = {0, 4096, SIZE_MAX}, .identity = "y"};
    (void)state;
    assert_int_equal(run_into("changed", &first), ERR_CANCELLED);
    assert_int_equal(run_into("changed", &second), OK);
    assert_int_equal(second.progress.resumed, 0);
    assert_int_equal(second.progress.repeated, first.progress.added);
    assert_same_figures("one", "changed");
}

static void a_failing_source_ends_without_a_hang(void **state)
{
    (void)state;
    for (unsigned jobs = 1; jobs <= 3; jobs += 2) {
        char name[16];
        snprintf(name, sizeof name, "fail%u", jobs);
        struct run broken = {.jobs = jobs, .stream = {0, 4096, 200000}, .identity = "x"};
        (void)run_into(name, &broken); /* an error, or what was read and the damage as a reject */
        assert_true(broken.progress.messages > 0 && broken.progress.messages < MESSAGES);
        struct run whole = {.jobs = jobs, .stream = {0, 4096, SIZE_MAX}, .identity = "y"};
        assert_int_equal(run_into(name, &whole), OK);
        assert_same_figures("one", name);
    }
}

static void identity_follows_the_files(void **state)
{
    struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
    struct errbuf eb = {.text = ""};
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%s/tree", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("x", f);
    fclose(f);
    assert_int_equal(input_identity(path, S("t"), &a, &eb), OK);
    assert_int_equal(input_identity(path, S("t"), &b, &eb), OK);
    assert_string_equal(strbuf_cstr(&a), strbuf_cstr(&b));
    assert_int_equal(input_identity(path, S("other"), &b, &eb), OK);
    assert_string_not_equal(strbuf_cstr(&a), strbuf_cstr(&b));
    f = fopen(path, "a");
    fputs("y", f);
    fclose(f);
    assert_int_equal(input_identity(path, S("t"), &b, &eb), OK);
    assert_string_not_equal(strbuf_cstr(&a), strbuf_cstr(&b));
    assert_int_equal(input_identity("-", S("t"), &b, &eb), OK);
    assert_int_equal(b.n, 0);
    assert_int_equal(input_identity("/nonexistent/x", S("t"), &b, &eb), ERR_NOTFOUND);
    strbuf_free(&a);
    strbuf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_chunks_change_nothing),
        cmocka_unit_test(a_second_run_adds_nothing),
        cmocka_unit_test(a_stopped_run_is_taken_up),
        cmocka_unit_test(a_changed_input_starts_over),
        cmocka_unit_test(a_failing_source_ends_without_a_hang),
        cmocka_unit_test(identity_follows_the_files),
    };
    return cmocka_run_group_tests(tests, mbox_make, mbox_drop);
}
