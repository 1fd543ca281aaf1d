/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A spool into a store: what traps saw arrives whole, once, whatever is killed when. */
#include "testing.h"

#include "analyse/spool_feed.h"
#include "core/limits.h"
#include "spool/folder.h"
#include "spool/writer.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGES_MAX = 20000, GUARD_SECONDS = 90 };

static char folder[] = "/tmp/spamgauge-feed-XXXXXX", spool[128], database[128];
static const uint8_t KEY[SECRET_KEY_BYTES] = {1};
static const int64_t START_US = INT64_C(1290000000) * 1000000; /* 2010-11-17 13:20 UTC */
static volatile bool stopped;

static int folder_make(void **state)
{
    (void)state;
    alarm(GUARD_SECONDS); /* a deadlock must fail, not hang */
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_drop(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void place(const char *name)
{
    snprintf(spool, sizeof spool, "%s/%s.spool", folder, name);
    snprintf(database, sizeof database, "%s/%s.db", folder, name);
    stopped = false;
}

static struct spool_writer *writer_open(void)
{
    struct spool_writer *w;
    struct errbuf eb = {.text = ""};
    struct spool_writer_options o = {
        .folder = spool, .segment_bytes = 60000, .compression_level = 1};
    assert_int_equal(spool_writer_open(&o, &w, &eb), OK);
    return w;
}

static void completion_wait(struct spool_writer *w, uint64_t cookie)
{
    struct spool_completion c = {.cookie = 0};
    while (c.cookie != cookie) {
        struct pollfd p = {.fd = spool_writer_fd(w), .events = POLLIN};
        assert_true(poll(&p, 1, 10000) == 1);
        while (spool_writer_poll(w, &c, 1) == 1 && c.cookie != cookie) {
        }
    }
    assert_int_equal(c.status, SPOOL_OK);
}

/* Session `n` with its messages, numbered from `first`; the session's record comes at the end, if
 * at all. Every message has the same bytes but for a number in its subject. */
struct dialogue {
    unsigned n, messages;
    uint32_t first;
    bool has_end;
};

static struct session_head head_of(const struct dialogue *d)
{
    struct session_head h = {.trap = S("mx1"),
                             .site = S("north"),
                             .persona = S("postfix"),
                             .listener = S("192.0.2.1:25"),
                             .client = ip_from_v4(0x55000000U + d->n),
                             .client_port = 1234,
                             .accepted_us = START_US + (int64_t)d->n * 1000};
    memcpy(h.session.b, &d->n, sizeof d->n);
    return h;
}

static void dialogue_write(struct spool_writer *w, const struct dialogue *d)
{
    char raw[256], recipient[64];
    struct session_step steps[] = {
        {.kind = STEP_REPLY, .code = 220, .text = S("220 mx1 ESMTP")},
        {.kind = STEP_COMMAND, .at_us = 1000, .text = S("EHLO bot.example.com")},
        {.kind = STEP_COMMAND, .at_us = 2000, .text = S("RCPT TO:<trapsecret9@example.org>")},
        {.kind = STEP_END, .at_us = 900000, .code = END_QUIT_WAIT},
    };
    for (uint32_t i = d->first; i < d->first + d->messages; i++) {
        snprintf(raw, sizeof raw,
                 "From: <x@example.net>\r\nTo: <trapsecret%u@example.org>\r\n"
                 "Received: from forged (unknown [8.8.8.8]) by other.example; Fri, 1 Oct 2010 "
                 "00:00:00 +0000\r\nSubject: token %u\r\n\r\nhttp://d.example.com/\r\n",
                 i, i);
        snprintf(recipient, sizeof recipient, "trapsecret%u@example.org", i);
        struct slice recipients[2] = {slice_cstr(recipient), S("trapsecretx@example.org")};
        struct message_record m = {
            .head = head_of(d),
            .number = i - d->first + 1,
            .accepted_us = START_US + (int64_t)d->n * 1000 + 500,
            .helo = S("bot.example.com"),
            .protocol = S("ESMTP"),
            .mail_from = S("bounce@spam.example"),
            .recipients = recipients,
            .recipient_count = 2,
            .raw = slice_cstr(raw),
        };
        assert_int_equal(spool_append_message(w, &m, i + 1, 0), SPOOL_OK);
    }
    if (d->has_end) {
        struct session_record s = {.head = head_of(d),
                                   .ended_us = START_US + (int64_t)d->n * 1000 + 900,
                                   .end = END_QUIT_WAIT,
                                   .helo = S("bot.example.com"),
                                   .steps = steps,
                                   .step_count = 4,
                                   .steps_first = 4,
                                   .messages = d->messages,
                                   .recipients_accepted = 2 * d->messages,
                                   .commands = 4,
                                   .bytes_in = 1000,
                                   .bytes_out = 500};
        assert_int_equal(spool_append_session(w, &s, 0, 0), SPOOL_OK);
    }
    if (d->messages) {
        completion_wait(w, d->first + d->messages);
    }
}

static struct store *store_at(enum store_mode mode)
{
    struct store *s;
    struct errbuf eb = {.text = ""};
    struct store_options o = {.path = database, .mode = mode};
    enum err e = store_open(&o, &s, &eb);
    assert_string_equal(eb.text, "");
    assert_int_equal(e, OK);
    return s;
}

static const struct trust *relays; /* NULL: none */

static struct pipeline_progress follow(bool ends, unsigned jobs)
{
    struct pipeline_progress progress;
    struct errbuf eb = {.text = ""};
    struct store *s = store_at(STORE_CREATE);
    struct pipeline_options p = {.analyse = {.recipient_key = KEY, .trust = relays},
                                 .jobs = jobs,
                                 .append_ms = 5,
                                 .stop = &stopped};
    struct spool_feed_options o = {.folder = spool, .store = s, .recipient_key = KEY, .ends = ends};
    enum err e = spool_follow(&p, &o, &progress, &eb);
    assert_string_equal(eb.text, "");
    assert_int_equal(e, OK);
    store_close(s);
    return progress;
}

struct counted {
    uint8_t seen[MESSAGES_MAX];
    size_t messages, with_session, sessions;
};

static void row_count(void *arg, const struct message_row *row)
{
    struct counted *c = arg;
    char subject[64];
    unsigned n;
    snprintf(subject, sizeof subject, "%.*s", SLICE_ARG(row->subject));
    assert_int_equal(sscanf(subject, "token %u", &n), 1);
    assert_true(n < MESSAGES_MAX);
    c->seen[n]++;
    c->messages++;
    assert_int_equal(row->clock, CLOCK_TRAP);
    assert_true(row->has_client);
    assert_int_equal(ip_v4(row->client) >> 24, 0x55);
    assert_true(slice_eq(row->helo, S("bot.example.com")));
    assert_true(slice_eq(row->protocol, S("ESMTP")));
    assert_true(slice_eq(row->envelope_from, S("bounce@spam.example")));
    assert_true(slice_eq(row->trap, S("mx1")));
    assert_int_equal(row->recipients, 2);
    assert_int_equal(row->received, 1290000000 + (row->session_us - START_US + 500) / 1000000);
}

static void session_count(void *arg, const struct session_row *row)
{
    struct counted *c = arg;
    c->sessions++;
    assert_int_equal(row->transcript.count, 4);
    assert_true(slice_eq(row->transcript.steps[2].text, S("RCPT TO:<<rcpt>>")));
    assert_int_equal(row->transcript.steps[3].at_us, 900000);
    assert_int_equal(row->bytes_in, 1000);
    assert_true(slice_eq(row->persona, S("postfix")));
}

static struct counted *store_count(void)
{
    static struct counted c;
    struct store_filter all = STORE_FILTER_ALL;
    struct page_cursor cursor = {.is_set = false};
    struct session_cursor place_of = {.is_set = false};
    struct store *s = store_at(STORE_READ);
    size_t problems = 1, before;
    memset(&c, 0, sizeof c);
    assert_int_equal(store_page(s, &all, &cursor, SIZE_MAX, row_count, &c, NULL), OK);
    do { /* in pages: each session once */
        before = c.sessions;
        assert_int_equal(store_sessions(s, &all, NULL, &place_of, 7, session_count, &c, NULL), OK);
    } while (c.sessions > before);
    assert_int_equal(store_verify(s, NULL, NULL, &problems, NULL), OK);
    assert_int_equal(problems, 0);
    store_close(s);
    return &c;
}

/* The bytes of the store's files hold no trap address. */
static void store_is_free_of(const char *secret)
{
    static const char *const SUFFIXES[] = {"", "-wal"};
    for (size_t i = 0; i < 2; i++) {
        char path[160];
        struct stat st;
        snprintf(path, sizeof path, "%s%s", database, SUFFIXES[i]);
        int fd = open(path, O_RDONLY);
        if (fd < 0) {
            continue;
        }
        assert_int_equal(fstat(fd, &st), 0);
        char *p = malloc((size_t)st.st_size + 1);
        assert_non_null(p);
        assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
        assert_int_equal(slice_find(slice_of(p, (size_t)st.st_size), slice_cstr(secret)), SIZE_MAX);
        free(p);
        close(fd);
    }
}

static void test_everything_arrives_once(void **state)
{
    (void)state;
    for (unsigned jobs = 1; jobs <= 3; jobs += 2) {
        place(jobs == 1 ? "once1" : "once3");
        struct spool_writer *w = writer_open();
        uint32_t first = 0;
        for (unsigned n = 0; n < 400; n++) {
            struct dialogue d = {n, n % 4, first, n % 9 != 0};
            dialogue_write(w, &d);
            first += d.messages;
        }
        spool_writer_close(w);
        struct pipeline_progress p = follow(true, jobs);
        assert_int_equal(p.messages, first);
        assert_int_equal(p.added, first);
        assert_int_equal(p.sessions, 400 - 45);
        struct counted *c = store_count();
        assert_int_equal(c->messages, first);
        assert_int_equal(c->sessions, 400 - 45);
        for (uint32_t i = 0; i < first; i++) {
            assert_int_equal(c->seen[i], 1);
        }
        store_is_free_of("trapsecret");
        /* nothing is left to do, and a second reading from the start adds nothing */
        p = follow(true, jobs);
        assert_int_equal(p.messages, 0);
        int dir;
        assert_int_equal(spool_folder_open(spool, &dir, NULL), OK);
        struct spool_position at = spool_folder_analysed(dir);
        assert_true(at.segment > 1);
        close(dir);
    }
}

static void test_sessions_are_found(void **state)
{
    struct session_row row;
    struct message_row message;
    struct dialogue d = {77, 1, 5, true}, other = {78, 1, 6, true};
    (void)state;
    place("found");
    struct spool_writer *w = writer_open();
    dialogue_write(w, &d);
    dialogue_write(w, &other);
    spool_writer_close(w);
    follow(true, 1);
    struct store *s = store_at(STORE_READ);
    struct session_head h = head_of(&d);
    struct id128 id = session_id(h.accepted_us, h.session);
    assert_int_equal(store_session(s, id, &row, NULL), OK);
    assert_true(id128_eq(row.id, id));
    assert_true(ip_eq(row.client, h.client));
    id.b[15] ^= 1;
    assert_int_equal(store_session(s, id, &row, NULL), ERR_NOTFOUND);
    message = (struct message_row){
        .session_us = h.accepted_us, .has_client = true, .client = h.client, .trap = S("mx1")};
    assert_int_equal(store_message_session(s, &message, &row, NULL), OK);
    assert_int_equal(row.client_port, 1234);
    message.client = ip_from_v4(5);
    assert_int_equal(store_message_session(s, &message, &row, NULL), ERR_NOTFOUND);
    store_close(s);
}

static void row_keep(void *arg, const struct message_row *row)
{
    struct message_row *kept = arg;
    kept->client = row->client;
    kept->clock = row->clock;
    kept->received = row->received;
}

/* Mail that a relay of ours hands on without saying who its client was: the relay's line says. The
 * time is the trap's all the same. Any other client's lines are not believed. */
static void test_a_relay_is_no_client(void **state)
{
    struct dialogue d = {9, 1, 1, true};
    struct store_filter all = STORE_FILTER_ALL;
    struct trust *t = trust_new();
    (void)state;
    assert_int_equal(trust_add(t, S("85.0.0.0/8"), NULL), OK);
    for (int is_ours = 0; is_ours < 2; is_ours++) {
        struct page_cursor cursor = {.is_set = false};
        struct message_row row = {.received = 0};
        place(is_ours ? "relay" : "norelay");
        struct spool_writer *w = writer_open();
        dialogue_write(w, &d);
        spool_writer_close(w);
        relays = is_ours ? t : NULL;
        follow(true, 1);
        relays = NULL;
        struct store *s = store_at(STORE_READ);
        assert_int_equal(store_page(s, &all, &cursor, 1, row_keep, &row, NULL), OK);
        assert_int_equal(ip_v4(row.client), is_ours ? 0x08080808U : 0x55000009U);
        assert_int_equal(row.clock, CLOCK_TRAP);
        assert_int_equal(row.received, 1290000000);
        store_close(s);
    }
    trust_free(t);
}

/* The analyser is killed at random moments while the trap goes on; each of its starts takes up
 * where the last transaction ended. */
static void test_kills_lose_and_repeat_nothing(void **state)
{
    enum { ROUNDS = 25 };
    uint32_t first = 0, seed = 1;
    unsigned n = 0;
    (void)state;
    place("kills");
    struct spool_writer *w = writer_open();
    for (int round = 0; round < ROUNDS; round++) {
        for (int k = 0; k < 25; k++, n++) {
            struct dialogue d = {n, 1 + n % 3, first, n % 5 != 0};
            dialogue_write(w, &d);
            first += d.messages;
        }
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            follow(false, 1 + (unsigned)round % 2);
            _exit(0);
        }
        seed = seed * 1103515245 + 12345;
        usleep(1000 * (5 + (seed >> 16) % 150));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    spool_writer_close(w);
    follow(true, 1);
    struct counted *c = store_count();
    assert_int_equal(c->messages, first);
    for (uint32_t i = 0; i < first; i++) {
        assert_int_equal(c->seen[i], 1);
    }
    assert_int_equal(c->sessions, n - n / 5);
}

/* A record that the store would refuse is a finding; it does not stop what comes after it. */
static void test_a_poisoned_record_is_passed(void **state)
{
    static const int64_t TIMES[] = {0, -1, INT64_MIN, INT64_MAX, INT64_C(253402300800000000)};
    enum { N = sizeof TIMES / sizeof *TIMES };
    struct dialogue d = {3, 1, 1, true};
    (void)state;
    place("poison");
    struct spool_writer *w = writer_open();
    for (size_t i = 0; i <= N; i++) {
        struct message_record m = {.head = head_of(&d), .accepted_us = START_US, .raw = S("x")};
        struct session_record s = {.head = head_of(&d), .ended_us = START_US};
        m.accepted_us = i < N ? TIMES[i] : START_US;
        s.head.accepted_us = i < N ? TIMES[i] : START_US;
        m.head.trap = s.head.trap = i < N ? S("mx1") : S("");
        assert_int_equal(spool_append_message(w, &m, 1, 0), SPOOL_OK);
        completion_wait(w, 1);
        assert_int_equal(spool_append_session(w, &s, 0, 0), SPOOL_OK);
    }
    dialogue_write(w, &d);
    spool_writer_close(w);
    assert_int_equal(follow(true, 1).added, 1);
    assert_int_equal(store_count()->sessions, 1);
}

static pthread_t follower;

static void stop_now(int number)
{
    (void)number;
    stopped = true;
}

/* Live: what is appended while it follows arrives, and `stop` ends it with all of that stored. */
static void *stop_later(void *arg)
{
    struct spool_writer *w = arg;
    for (unsigned n = 0; n < 50; n++) {
        struct dialogue d = {n, 2, 2 * n, true};
        dialogue_write(w, &d);
        usleep(2000);
    }
    usleep(400000);
    pthread_kill(follower, SIGUSR1); /* as a process is told */
    return NULL;
}

static void test_follows_until_told_to_stop(void **state)
{
    pthread_t thread;
    (void)state;
    place("live");
    struct spool_writer *w = writer_open();
    struct sigaction act = {.sa_handler = stop_now, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &act, NULL);
    follower = pthread_self();
    assert_int_equal(pthread_create(&thread, NULL, stop_later, w), 0);
    struct pipeline_progress p = follow(false, 1);
    pthread_join(thread, NULL);
    spool_writer_close(w);
    assert_int_equal(p.added, 100);
    assert_int_equal(store_count()->messages, 100);
}

/* A message whose session goes on is held for a minute of the spool's time, then it goes without.
 */
static void test_messages_do_not_wait_for_ever(void **state)
{
    struct errbuf eb = {.text = ""};
    struct feed *f;
    struct feed_item item;
    struct dialogue slow = {0, 1, 0, false};
    unsigned second = 1000; /* dialogues are a millisecond apart */
    (void)state;
    place("wait");
    struct spool_writer *w = writer_open();
    dialogue_write(w, &slow);
    for (unsigned n = 1; n <= LIMIT_HELD_SECONDS + 1; n++) {
        struct dialogue d = {n * second, 0, 0, true};
        dialogue_write(w, &d);
    }
    spool_writer_close(w);
    struct store *s = store_at(STORE_CREATE);
    struct spool_feed_options o = {.folder = spool, .store = s, .recipient_key = KEY, .ends = true};
    assert_int_equal(spool_feed_new(&o, &f, &eb), OK);
    unsigned sessions = 0;
    while (f->next(f, &item, &eb) == OK && !item.message) {
        /* the mark stays before what waits: the spool's first record */
        assert_true(!item.has_mark || (item.mark.segment == 1 && item.mark.offset < 100));
        sessions += item.session != NULL;
    }
    assert_non_null(item.message);
    assert_in_range(sessions, LIMIT_HELD_SECONDS - 1, LIMIT_HELD_SECONDS + 1);
    assert_int_equal(spool_feed_stats(f).without_session, 1);
    assert_true(item.has_mark);
    spool_feed_free(f);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_arrives_once),
        cmocka_unit_test(test_sessions_are_found),
        cmocka_unit_test(test_a_relay_is_no_client),
        cmocka_unit_test(test_a_poisoned_record_is_passed),
        cmocka_unit_test(test_kills_lose_and_repeat_nothing),
        cmocka_unit_test(test_follows_until_told_to_stop),
        cmocka_unit_test(test_messages_do_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_drop);
}
