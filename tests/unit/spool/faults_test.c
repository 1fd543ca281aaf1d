/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer while system calls fail: nothing that was acknowledged is lost, nothing is there
 * twice, and service returns by itself. Linked with --wrap, so that the calls of the spool come by
 * here. */
#include "records.h"

#include "spool/folder.h"
#include "spool/reader.h"
#include "spool/writer.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/types.h>

enum call {
    CALL_WRITE,
    CALL_FDATASYNC,
    CALL_FSYNC,
    CALL_OPENAT,
    CALL_FTRUNCATE,
    CALL_ALLOC,
    CALLS
};
static const char *const CALL_NAMES[CALLS] = {"write",  "fdatasync", "fsync",
                                              "openat", "ftruncate", "malloc"};

/* The `at`-th call and the `times - 1` after it fail with `error`; write puts half of it first. */
static struct {
    enum call call;
    int error;
    atomic_int at, times;
    atomic_bool is_armed;
    bool is_short, cuts_fail; /* cuts_fail: every ftruncate besides */
} fault;
static atomic_int failures;

static bool fails(enum call call)
{
    if (!fault.is_armed || fault.call != call || atomic_fetch_sub(&fault.at, 1) > 1 ||
        atomic_fetch_sub(&fault.times, 1) <= 0) {
        return false;
    }
    failures++;
    errno = fault.error;
    return true;
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t at);
int __real_fsync(int fd);
int __real_openat64(int dir, const char *path, int flags, ...);
int __real_ftruncate64(int fd, off_t n);
void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_openat64(int dir, const char *path, int flags, mode_t mode);
int __wrap_ftruncate64(int fd, off_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    if (n > 8 && fails(CALL_WRITE)) { /* not the eventfd's */
        if (fault.is_short && n > 100) {
            return __real_write(fd, p, n / 2); /* then the rest fails, or not */
        }
        return -1;
    }
    return __real_write(fd, p, n);
}
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at)
{
    if (fails(CALL_WRITE)) {
        return fault.is_short && n > 100 ? __real_pwrite64(fd, p, n / 2, at) : -1;
    }
    return __real_pwrite64(fd, p, n, at);
}
int __wrap_fdatasync(int fd)
{
    (void)fd; /* nothing loses its power here, and it would take minutes */
    return fails(CALL_FDATASYNC) ? -1 : 0;
}
int __wrap_fsync(int fd)
{
    return fails(CALL_FSYNC) ? -1 : __real_fsync(fd);
}
int __wrap_openat64(int dir, const char *path, int flags, mode_t mode)
{
    return fails(CALL_OPENAT) ? -1 : __real_openat64(dir, path, flags, mode);
}
int __wrap_ftruncate64(int fd, off_t n)
{
    if (fault.is_armed && fault.cuts_fail) {
        errno = EIO;
        return -1;
    }
    return fails(CALL_FTRUNCATE) ? -1 : __real_ftruncate64(fd, n);
}
void *__wrap_malloc(size_t n)
{
    return fails(CALL_ALLOC) ? NULL : __real_malloc(n);
}
void *__wrap_calloc(size_t count, size_t n)
{
    return fails(CALL_ALLOC) ? NULL : __real_calloc(count, n);
}
void *__wrap_realloc(void *p, size_t n)
{
    return fails(CALL_ALLOC) ? NULL : __real_realloc(p, n);
}

enum { MESSAGES = 30, TRIES_MAX = 400 };

struct outcome {
    uint8_t acknowledged[MESSAGES + 1];
    uint32_t tries;
};

/* One message after the other until each is acknowledged, as its client would: a refusal or a
 * failure is tried again. */
static void messages_deliver(struct spool_writer *w, struct outcome *o)
{
    static char body[700];
    memset(body, 'x', sizeof body);
    for (uint32_t n = 1; n <= MESSAGES; n++) {
        struct message_record m = {.head = {.trap = S("t"), .client = ip_from_v4(n)}, .number = n};
        m.raw = slice_of(body, sizeof body);
        while (!o->acknowledged[n]) {
            struct spool_completion c = {.status = SPOOL_ERROR};
            assert_true(o->tries++ < TRIES_MAX);
            if (spool_append_message(w, &m, n, 0) == SPOOL_OK) {
                struct pollfd p = {.fd = spool_writer_fd(w), .events = POLLIN};
                assert_int_equal(poll(&p, 1, 5000), 1);
                assert_int_equal(spool_writer_poll(w, &c, 1), 1);
                assert_int_equal(c.cookie, n);
            } else {
                usleep(2000);
            }
            o->acknowledged[n] = c.status == SPOOL_OK;
        }
    }
}

static void spool_check(const char *folder, const struct outcome *o)
{
    uint8_t seen[MESSAGES + 1] = {0};
    struct spool_reader *r;
    struct spool_item item;
    struct decoded_record record;
    struct spool_reader_options options = {.folder = folder, .is_closed = true};
    struct arena *arena = arena_new(1 << 20);
    enum err e = spool_reader_open(&options, &r, NULL);
    while (e == OK && (e = spool_reader_next(r, &item, NULL)) == OK) {
        arena_reset(arena);
        assert_int_equal(record_decode(item.payload, arena, &record), OK);
        assert_in_range(record.message.number, 1, MESSAGES);
        seen[record.message.number]++;
    }
    assert_int_equal(e, ERR_END);
    spool_reader_close(r);
    arena_free(arena);
    for (uint32_t n = 1; n <= MESSAGES; n++) {
        assert_int_equal(o->acknowledged[n], 1);
        assert_int_equal(seen[n], 1); /* what was not acknowledged was cut off */
    }
}

static void scenario_run(enum call call, int error, int at, int times, bool is_short)
{
    char folder[64];
    struct outcome o = {.tries = 0};
    struct spool_writer *w = NULL;
    struct errbuf eb = {.text = ""};
    scratch_make(folder);
    struct spool_writer_options options = {
        .folder = folder, .segment_bytes = 8000, .compression_level = 1, .room_ms = 3};
    fault.call = call;
    fault.error = error;
    fault.at = at;
    fault.times = times;
    fault.is_short = is_short;
    fault.is_armed = true;
    enum err e = spool_writer_open(&options, &w, &eb);
    if (e != OK) { /* that may fail; then it says so, and the next start works */
        assert_null(w);
        fault.is_armed = false;
        assert_int_equal(spool_writer_open(&options, &w, &eb), OK);
    }
    messages_deliver(w, &o);
    spool_writer_close(w);
    fault.is_armed = false;
    spool_check(folder, &o);
    scratch_delete(folder);
}

static void calls_fail(enum call call, const int *errors, size_t n, int at_most)
{
    int before = failures;
    for (size_t i = 0; i < n; i++) {
        for (int at = 1; at <= at_most; at++) {
            scenario_run(call, errors[i], at, 1, false);
            scenario_run(call, errors[i], at, 4, at % 2);
        }
    }
    print_message("%d calls of %s failed\n", failures - before, CALL_NAMES[call]);
    assert_true(failures - before >= at_most);
}

static void test_write_fails(void **state)
{
    static const int ERRORS[] = {ENOSPC, EIO, EDQUOT};
    (void)state;
    calls_fail(CALL_WRITE, ERRORS, 3, 20);
}

static void test_fdatasync_fails(void **state)
{
    static const int ERRORS[] = {EIO, ENOSPC};
    (void)state;
    calls_fail(CALL_FDATASYNC, ERRORS, 2, 12);
}

static void test_fsync_fails(void **state)
{
    static const int ERRORS[] = {EIO};
    (void)state;
    calls_fail(CALL_FSYNC, ERRORS, 1, 8);
}

static void test_openat_fails(void **state)
{
    static const int ERRORS[] = {EMFILE, ENOSPC, EACCES};
    (void)state;
    calls_fail(CALL_OPENAT, ERRORS, 3, 12);
}

static void test_memory_runs_out(void **state)
{
    static const int ERRORS[] = {ENOMEM};
    (void)state;
    calls_fail(CALL_ALLOC, ERRORS, 1, 40);
}

/* Two things at once: half of a write fails, and so does cutting that off. What is half there is
 * not whole, and the segment is left. */
static void test_a_segment_that_cannot_be_cut_is_left(void **state)
{
    (void)state;
    for (int at = 3; at < 10; at++) {
        int before = failures;
        fault.cuts_fail = true;
        scenario_run(CALL_WRITE, EIO, at, 2, true);
        fault.cuts_fail = false;
        assert_true(failures > before);
    }
}

static void test_a_failed_fdatasync_ends_the_segment(void **state)
{
    char folder[64];
    struct outcome o = {.tries = 0};
    struct spool_writer *w;
    (void)state;
    scratch_make(folder);
    struct spool_writer_options options = {.folder = folder, .room_ms = 3};
    assert_int_equal(spool_writer_open(&options, &w, NULL), OK);
    fault.call = CALL_FDATASYNC;
    fault.error = EIO;
    fault.at = 3;
    fault.times = 2;
    fault.is_armed = true;
    messages_deliver(w, &o);
    fault.is_armed = false;
    assert_int_equal(spool_writer_stats(w).segments_abandoned, 2);
    assert_int_equal(spool_writer_stats(w).failed, 2);
    spool_writer_close(w);
    struct segment_list l;
    int dir;
    assert_int_equal(spool_folder_open(folder, &dir, NULL), OK);
    assert_int_equal(spool_folder_list(dir, &l, NULL), OK);
    assert_int_equal(l.count, 3);
    segment_list_free(&l);
    close(dir);
    spool_check(folder, &o);
    scratch_delete(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_fails),
        cmocka_unit_test(test_fdatasync_fails),
        cmocka_unit_test(test_fsync_fails),
        cmocka_unit_test(test_openat_fails),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_a_segment_that_cannot_be_cut_is_left),
        cmocka_unit_test(test_a_failed_fdatasync_ends_the_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
