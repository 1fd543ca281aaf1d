/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer: commit, rotation, quota, shares, recovery. Failing system calls are in faults_test.c.
 */
#include "records.h"

#include "core/limits.h"
#include "spool/folder.h"
#include "spool/reader.h"
#include "spool/segment.h"
#include "spool/spool_sink.h"
#include "spool/writer.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

static int setup(void **state)
{
    (void)state;
    scratch_make(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_delete(folder);
    return 0;
}

static struct message_record message_of(uint32_t number, uint32_t client, struct slice raw)
{
    return (struct message_record){
        .head = {.trap = S("t"), .client = ip_from_v4(client)}, .number = number, .raw = raw};
}

static struct spool_writer *writer_open(const struct spool_writer_options *o)
{
    struct spool_writer_options with = *o;
    struct spool_writer *w = NULL;
    struct errbuf eb = {.text = ""};
    with.folder = folder;
    with.room_ms = 20;
    enum err e = spool_writer_open(&with, &w, &eb);
    assert_string_equal(eb.text, "");
    assert_int_equal(e, OK);
    return w;
}

static struct spool_completion completion_wait(struct spool_writer *w)
{
    struct spool_completion c;
    struct pollfd p = {.fd = spool_writer_fd(w), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_int_equal(spool_writer_poll(w, &c, 1), 1);
    return c;
}

/* How often each message number (below 10,000) is in the spool. */
static size_t spool_count(uint8_t seen[10000], size_t *sessions)
{
    struct spool_reader *r;
    struct spool_item item;
    struct decoded_record record;
    struct spool_reader_options o = {.folder = folder, .is_closed = true};
    struct arena *arena = arena_new(1 << 20);
    size_t n = 0;
    enum err e = spool_reader_open(&o, &r, NULL);
    memset(seen, 0, 10000);
    *sessions = 0;
    while (e == OK && (e = spool_reader_next(r, &item, NULL)) == OK) {
        arena_reset(arena);
        assert_int_equal(record_decode(item.payload, arena, &record), OK);
        if (record.kind == RECORD_MESSAGE) {
            seen[record.message.number]++;
            n++;
        } else {
            ++*sessions;
        }
    }
    assert_int_equal(e, ERR_END);
    spool_reader_close(r);
    arena_free(arena);
    return n;
}

static void test_completions_follow_in_order(void **state)
{
    static uint8_t seen[10000];
    struct spool_writer *w = writer_open(&(struct spool_writer_options){.folder = NULL});
    struct session_record s = {.head = {.trap = S("t"), .client = ip_from_v4(1)}};
    struct spool_completion c;
    size_t sessions;
    (void)state;
    for (uint32_t i = 1; i <= 500; i++) {
        struct message_record m = message_of(i, 1, S("a\r\n"));
        assert_int_equal(spool_append_message(w, &m, i, 0), SPOOL_OK);
        assert_int_equal(spool_append_session(w, &s, 0, 0), SPOOL_OK);
    }
    for (uint32_t i = 1; i <= 500; i++) {
        c = completion_wait(w);
        assert_int_equal(c.cookie, i);
        assert_int_equal(c.status, SPOOL_OK);
    }
    assert_int_equal(spool_writer_poll(w, &c, 1), 0);
    struct pollfd p = {.fd = spool_writer_fd(w), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    struct spool_stats stats = spool_writer_stats(w);
    assert_true(stats.commits <= 501);
    assert_true(stats.records >= 500);
    spool_writer_close(w); /* commits the last session */
    assert_int_equal(spool_count(seen, &sessions), 500);
    assert_int_equal(sessions, 500);
}

static void test_sessions_alone_are_written_soon(void **state)
{
    struct spool_writer *w = writer_open(&(struct spool_writer_options){.session_delay_ms = 30});
    struct session_record s = {.head = {.trap = S("t"), .client = ip_from_v4(1)}};
    (void)state;
    assert_int_equal(spool_append_session(w, &s, 7, 0), SPOOL_OK);
    assert_int_equal(completion_wait(w).cookie, 7);
    for (uint64_t i = 1; i <= 5; i++) { /* nor when the committer has just been at work */
        struct message_record m = message_of((uint32_t)i, 1, S("a\r\n"));
        assert_int_equal(spool_append_message(w, &m, i, 0), SPOOL_OK);
        assert_int_equal(completion_wait(w).cookie, i);
        assert_int_equal(spool_append_session(w, &s, 100 + i, 0), SPOOL_OK);
        assert_int_equal(completion_wait(w).cookie, 100 + i);
    }
    spool_writer_close(w);
}

static void test_one_writer_at_a_time(void **state)
{
    struct spool_writer *w = writer_open(&(struct spool_writer_options){.folder = NULL}), *other;
    struct spool_writer_options o = {.folder = folder};
    (void)state;
    assert_int_equal(spool_writer_open(&o, &other, NULL), ERR_BUSY);
    spool_writer_close(w);
    assert_int_equal(spool_writer_open(&o, &other, NULL), OK);
    spool_writer_close(other);
    o.folder = "/proc/no-spool-here";
    assert_int_equal(spool_writer_open(&o, &other, NULL), ERR_IO);
}

/* Segments end by size, are compressed, and everything is still there; a new writer goes on with
 * the next number. */
static void test_rotation_and_compression(void **state)
{
    static uint8_t seen[10000];
    static char body[1000];
    size_t sessions;
    uint32_t number = 0;
    (void)state;
    memset(body, 'x', sizeof body);
    for (int run = 0; run < 2; run++) {
        struct spool_writer *w = writer_open(
            &(struct spool_writer_options){.segment_bytes = 20000, .compression_level = 1});
        for (int i = 0; i < 100; i++) {
            struct message_record m = message_of(++number, 1, slice_of(body, sizeof body));
            assert_int_equal(spool_append_message(w, &m, number, 0), SPOOL_OK);
            assert_int_equal(completion_wait(w).status, SPOOL_OK);
        }
        for (int i = 0; i < 200 && spool_writer_stats(w).folder_bytes > 40000; i++) {
            usleep(20000);
        }
        assert_true(spool_writer_stats(w).folder_bytes < 40000);
        spool_writer_close(w);
    }
    assert_int_equal(spool_count(seen, &sessions), 200);
    for (uint32_t i = 1; i <= number; i++) {
        assert_int_equal(seen[i], 1);
    }
    struct segment_list l;
    int dir;
    assert_int_equal(spool_folder_open(folder, &dir, NULL), OK);
    assert_int_equal(spool_folder_list(dir, &l, NULL), OK);
    assert_true(l.count >= 10);
    assert_int_equal(l.files[0].number, 1);
    assert_int_equal(l.files[l.count - 1].number, l.count);
    assert_true(l.files[0].is_compressed);
    segment_list_free(&l);
    close(dir);
}

static void test_torn_tail_is_cut_at_start(void **state)
{
    static uint8_t seen[10000];
    char path[128];
    struct stat before, after;
    size_t sessions;
    struct spool_writer *w = writer_open(&(struct spool_writer_options){.folder = NULL});
    (void)state;
    for (uint32_t i = 1; i <= 5; i++) {
        struct message_record m = message_of(i, 1, S("hello\r\n"));
        assert_int_equal(spool_append_message(w, &m, i, 0), SPOOL_OK);
        completion_wait(w);
    }
    spool_writer_close(w);
    snprintf(path, sizeof path, "%s/0000000000000001.seg", folder);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(truncate(path, before.st_size - 2), 0);
    w = writer_open(&(struct spool_writer_options){.folder = NULL});
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size < before.st_size - 2);
    struct message_record m = message_of(9, 1, S("again\r\n"));
    assert_int_equal(spool_append_message(w, &m, 9, 0), SPOOL_OK);
    completion_wait(w);
    spool_writer_close(w);
    assert_int_equal(spool_count(seen, &sessions), 5);
    assert_int_equal(seen[5], 0);
    assert_int_equal(seen[9], 1);
}

/* Small commits go where zeros have been prepared; an end takes back what was not needed, a kill
 * leaves it, and that is neither damage nor lost to the next start. */
static void test_prepared_room_is_given_back(void **state)
{
    static uint8_t seen[10000];
    char path[128];
    struct stat open_size, closed_size;
    size_t sessions;
    (void)state;
    snprintf(path, sizeof path, "%s/0000000000000001.seg", folder);
    pid_t child = fork();
    if (child == 0) {
        struct spool_writer *killed = writer_open(&(struct spool_writer_options){.folder = NULL});
        for (uint32_t i = 1; i <= 5; i++) {
            struct message_record m = message_of(i, 1, S("hello\r\n"));
            if (spool_append_message(killed, &m, i, 0) != SPOOL_OK ||
                completion_wait(killed).status != SPOOL_OK) {
                _exit(1);
            }
        }
        raise(SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(stat(path, &open_size), 0);
    assert_in_range(open_size.st_size, SEGMENT_PREPARED_BYTES, 2 * SEGMENT_PREPARED_BYTES);
    assert_int_equal(spool_count(seen, &sessions), 5);
    struct spool_writer *w = writer_open(&(struct spool_writer_options){.folder = NULL});
    assert_int_equal(stat(path, &closed_size), 0);
    assert_in_range(closed_size.st_size, 5 * sizeof "hello", 2000);
    snprintf(path, sizeof path, "%s/0000000000000002.seg", folder);
    struct message_record m = message_of(6, 1, S("again\r\n"));
    assert_int_equal(spool_append_message(w, &m, 6, 0), SPOOL_OK);
    completion_wait(w);
    assert_int_equal(stat(path, &open_size), 0);
    spool_writer_close(w);
    assert_int_equal(stat(path, &closed_size), 0);
    assert_true(closed_size.st_size < 1000);
    assert_true(open_size.st_size >= SEGMENT_PREPARED_BYTES);
    assert_int_equal(spool_count(seen, &sessions), 6);
}

/* At the quota mail is refused; when the analyser has caught up the oldest segments go and mail is
 * taken again, by the same writer. Without that nothing is deleted. */
static void test_quota_refuses_and_recovers(void **state)
{
    static char body[4000];
    static uint8_t seen[10000];
    size_t sessions;
    uint32_t taken = 0;
    int dir;
    struct spool_writer_options o = {.segment_bytes = 20000, .quota_bytes = 100000};
    struct spool_writer *w = writer_open(&o);
    struct message_record m;
    enum spool_status status = SPOOL_OK;
    (void)state;
    while (taken < 200) {
        m = message_of(taken + 1, 1, slice_of(body, sizeof body));
        status = spool_append_message(w, &m, taken + 1, 0);
        if (status != SPOOL_OK) {
            break;
        }
        assert_int_equal(completion_wait(w).status, SPOOL_OK);
        taken++;
    }
    assert_int_equal(status, SPOOL_FULL);
    assert_in_range(taken, 24, 27);
    usleep(100000); /* several looks later nothing has changed */
    assert_int_equal(spool_writer_status(w, ip_from_v4(2), 0), SPOOL_FULL);
    assert_true(spool_writer_stats(w).is_full);
    assert_int_equal(spool_count(seen, &sessions), taken);
    assert_int_equal(spool_folder_open(folder, &dir, NULL), OK);
    assert_int_equal(spool_folder_set_analysed(dir, (struct spool_position){4, 40}, NULL), OK);
    close(dir);
    for (int i = 0; i < 500 && spool_writer_status(w, ip_from_v4(2), 0) != SPOOL_OK; i++) {
        usleep(10000);
    }
    assert_int_equal(spool_append_message(w, &m, 1, 0), SPOOL_OK);
    assert_int_equal(completion_wait(w).status, SPOOL_OK);
    assert_int_equal(spool_writer_stats(w).segments_dropped_unanalysed, 0);
    assert_true(spool_writer_stats(w).refused_full >= 1);
    spool_writer_close(w);
}

static void test_quota_may_drop_what_nobody_reads(void **state)
{
    static char body[4000];
    struct spool_writer_options o = {
        .segment_bytes = 20000, .quota_bytes = 100000, .may_drop_unanalysed = true};
    struct spool_writer *w = writer_open(&o);
    int refused = 0;
    (void)state;
    for (uint32_t i = 1; i <= 100; i++) {
        struct message_record m = message_of(i, 1, slice_of(body, sizeof body));
        while (spool_append_message(w, &m, i, 0) != SPOOL_OK) {
            usleep(5000);
            assert_true(++refused < 2000);
        }
        assert_int_equal(completion_wait(w).status, SPOOL_OK);
    }
    assert_true(spool_writer_stats(w).segments_dropped_unanalysed > 5);
    assert_true(spool_writer_stats(w).folder_bytes < 110000);
    spool_writer_close(w);
}

/* What one client may put in at once, and that it does not touch the others. */
static void test_share_of_a_client(void **state)
{
    static char body[10000];
    struct spool_writer_options o = {.share_bytes = 100000, .share_seconds = 86400};
    struct spool_writer *w = writer_open(&o);
    struct message_record m;
    uint32_t taken = 0;
    (void)state;
    for (;;) {
        m = message_of(taken + 1, 7, slice_of(body, sizeof body));
        if (spool_append_message(w, &m, taken + 1, 0) != SPOOL_OK) {
            break;
        }
        taken++;
    }
    assert_int_equal(taken, 9); /* ten with their envelopes are more than the share */
    assert_int_equal(spool_append_message(w, &m, 99, 0), SPOOL_SHARE);
    assert_int_equal(spool_append_message(w, &m, 99, SPOOL_NO_SHARE), SPOOL_OK);
    m.head.client = ip_from_v4(8);
    assert_int_equal(spool_append_message(w, &m, 100, 0), SPOOL_OK);
    assert_int_equal(spool_writer_stats(w).refused_share, 2);
    spool_writer_close(w);
}

/* Appended, not yet written: bounded. The test holds nothing back; it is only faster than a disk.
 */
static void test_waiting_bytes_are_bounded(void **state)
{
    size_t n = LIMIT_MESSAGE_BYTES;
    char *body = calloc(1, n);
    struct spool_writer *w = writer_open(&(struct spool_writer_options){.folder = NULL});
    (void)state;
    assert_non_null(body);
    for (uint32_t i = 1; i <= 40; i++) {
        struct message_record m = message_of(i, i, slice_of(body, n));
        enum spool_status status = spool_append_message(w, &m, i, 0);
        assert_true(status == SPOOL_OK || status == SPOOL_FULL);
        assert_true(spool_writer_stats(w).waiting_bytes <= LIMIT_SPOOL_WAITING_BYTES + 4096);
    }
    spool_writer_close(w);
    free(body);
}

struct answer {
    int count;
    enum err e;
};

static void answer_take(void *arg, enum err e)
{
    struct answer *a = arg;
    a->count++;
    a->e = e;
}

static void test_sink_answers_each_once(void **state)
{
    static struct answer answers[300];
    struct spool_writer_options o = {.share_bytes = 50000};
    struct spool_writer *w = writer_open(&o);
    struct sink *k = spool_sink_new(w, NULL, NULL);
    struct session_record s = {.head = {.trap = S("t"), .client = ip_from_v4(1)}};
    int refused = 0;
    (void)state;
    assert_non_null(k);
    for (uint32_t i = 0; i < 300; i++) {
        struct message_record m = message_of(i, 1, S("0123456789012345678901234567890123456789"));
        m.head.client = ip_from_v4(i < 200 ? i + 1 : 1000);
        m.raw = i < 200 ? m.raw : slice_of((const char *)answers, 1000);
        k->message(k, &m, answer_take, &answers[i]);
        if (i % 7 == 0) {
            k->session(k, &s);
            spool_sink_poll(k);
        }
    }
    for (int tries = 0; spool_writer_stats(w).waiting_bytes && tries < 1000; tries++) {
        usleep(5000);
    }
    spool_sink_poll(k);
    spool_sink_free(k);
    spool_writer_close(w);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(answers[i].count, 1);
        assert_true(answers[i].e == OK || (i >= 200 && answers[i].e == ERR_LIMIT));
        refused += answers[i].e == ERR_LIMIT;
    }
    assert_in_range(refused, 45, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_completions_follow_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sessions_alone_are_written_soon, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_writer_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rotation_and_compression, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_tail_is_cut_at_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prepared_room_is_given_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quota_refuses_and_recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quota_may_drop_what_nobody_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_share_of_a_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting_bytes_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sink_answers_each_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
