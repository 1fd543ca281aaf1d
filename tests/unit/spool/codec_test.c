/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records through the codec: what goes in comes out, and no bytes can do harm. */
#include "records.h"

#include "core/limits.h"

static struct arena *arena;

static void same_text(struct slice a, struct slice b)
{
    assert_int_equal(a.n, b.n);
    assert_true(slice_eq(a, b));
}

static void same_head(const struct session_head *a, const struct session_head *b)
{
    assert_true(id128_eq(a->session, b->session));
    same_text(a->trap, b->trap);
    same_text(a->site, b->site);
    same_text(a->listener, b->listener);
    same_text(a->persona, b->persona);
    same_text(a->server_name, b->server_name);
    assert_true(ip_eq(a->client, b->client));
    assert_true(ip_eq(a->server, b->server));
    assert_int_equal(a->client_port, b->client_port);
    assert_int_equal(a->server_port, b->server_port);
    assert_int_equal(a->has_proxy, b->has_proxy);
    assert_int_equal(a->accepted_us, b->accepted_us);
}

static void same_message(const struct message_record *a, const struct message_record *b)
{
    same_head(&a->head, &b->head);
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->accepted_us, b->accepted_us);
    same_text(a->helo, b->helo);
    same_text(a->protocol, b->protocol);
    same_text(a->mail_from, b->mail_from);
    same_text(a->mail_parameters, b->mail_parameters);
    same_text(a->tls, b->tls);
    assert_int_equal(a->recipient_count, b->recipient_count);
    for (size_t i = 0; i < a->recipient_count; i++) {
        same_text(a->recipients[i], b->recipients[i]);
    }
    assert_int_equal(a->data_flags, b->data_flags);
    same_text(a->raw, b->raw);
}

static void same_session(const struct session_record *a, const struct session_record *b)
{
    same_head(&a->head, &b->head);
    assert_int_equal(a->ended_us, b->ended_us);
    assert_int_equal(a->end, b->end);
    same_text(a->syn, b->syn);
    same_text(a->tls_hello, b->tls_hello);
    same_text(a->tls_version, b->tls_version);
    same_text(a->tls_cipher, b->tls_cipher);
    same_text(a->tls_sni, b->tls_sni);
    same_text(a->helo, b->helo);
    same_text(a->client_name, b->client_name);
    same_text(a->auth_mechanism, b->auth_mechanism);
    same_text(a->auth_user, b->auth_user);
    assert_true(id128_eq(a->auth_password_hash, b->auth_password_hash));
    assert_int_equal(a->step_count, b->step_count);
    for (size_t i = 0; i < a->step_count; i++) {
        assert_int_equal(a->steps[i].at_us, b->steps[i].at_us);
        assert_int_equal(a->steps[i].kind, b->steps[i].kind);
        assert_int_equal(a->steps[i].ending, b->steps[i].ending);
        assert_int_equal(a->steps[i].code, b->steps[i].code);
        assert_int_equal(a->steps[i].flags, b->steps[i].flags);
        assert_int_equal(a->steps[i].was_buffered, b->steps[i].was_buffered);
        assert_int_equal(a->steps[i].bytes, b->steps[i].bytes);
        same_text(a->steps[i].text, b->steps[i].text);
    }
    assert_int_equal(a->steps_dropped, b->steps_dropped);
    assert_int_equal(a->steps_first, b->steps_first);
    assert_int_equal(a->offered, b->offered);
    assert_int_equal(a->messages, b->messages);
    assert_int_equal(a->recipients_accepted, b->recipients_accepted);
    assert_int_equal(a->recipients_refused, b->recipients_refused);
    assert_int_equal(a->commands, b->commands);
    assert_int_equal(a->errors, b->errors);
    assert_int_equal(a->bytes_in, b->bytes_in);
    assert_int_equal(a->bytes_out, b->bytes_out);
}

static void test_random_records_round_trip(void **state)
{
    static struct random_record x;
    struct random r = {1};
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
        struct decoded_record back;
        random_record_make(&x, &r, 6000);
        assert_int_equal(message_encode(&a, &x.message), OK);
        assert_int_equal(session_encode(&b, &x.session), OK);
        arena_reset(arena);
        assert_int_equal(record_decode(strbuf_slice(&a), arena, &back), OK);
        assert_int_equal(back.kind, RECORD_MESSAGE);
        same_message(&x.message, &back.message);
        assert_int_equal(record_decode(strbuf_slice(&b), arena, &back), OK);
        assert_int_equal(back.kind, RECORD_SESSION);
        same_session(&x.session, &back.session);
        strbuf_free(&a);
        strbuf_free(&b);
    }
}

/* A record that lacks bytes at its end, or has one more, is none. */
static void test_every_cut_is_refused(void **state)
{
    static struct random_record x;
    struct random r = {2};
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct strbuf a = STRBUF_INIT;
        struct decoded_record back;
        random_record_make(&x, &r, 500);
        assert_int_equal(kind ? session_encode(&a, &x.session) : message_encode(&a, &x.message),
                         OK);
        for (size_t n = 0; n < a.n; n++) {
            arena_reset(arena);
            assert_int_equal(record_decode(slice_of(a.p, n), arena, &back), ERR_SYNTAX);
        }
        strbuf_add_byte(&a, 0);
        assert_int_equal(record_decode(strbuf_slice(&a), arena, &back), ERR_SYNTAX);
        strbuf_free(&a);
    }
}

/* Whatever decodes is encoded to something that decodes to the same (the bytes may differ: a longer
 * varint says the same number). */
static void test_changed_bytes_decode_to_something_whole_or_nothing(void **state)
{
    static struct random_record x;
    struct random r = {3};
    (void)state;
    for (int i = 0; i < 3000; i++) {
        struct strbuf a = STRBUF_INIT, again = STRBUF_INIT;
        struct decoded_record one, two;
        if (i % 100 == 0) {
            random_record_make(&x, &r, 200);
        }
        assert_int_equal(i & 1 ? session_encode(&a, &x.session) : message_encode(&a, &x.message),
                         OK);
        for (uint64_t k = 1 + random_below(&r, 4); k; k--) {
            a.p[random_below(&r, a.n)] = (char)random_next(&r);
        }
        arena_reset(arena);
        enum err e = record_decode(strbuf_slice(&a), arena, &one);
        if (e == OK) {
            assert_int_equal(one.kind == RECORD_MESSAGE ? message_encode(&again, &one.message)
                                                        : session_encode(&again, &one.session),
                             OK);
            assert_int_equal(record_decode(strbuf_slice(&again), arena, &two), OK);
            assert_int_equal(one.kind, two.kind);
            if (one.kind == RECORD_MESSAGE) {
                same_message(&one.message, &two.message);
            } else {
                same_session(&one.session, &two.session);
            }
        } else {
            assert_true(e == ERR_SYNTAX || e == ERR_VERSION);
        }
        strbuf_free(&a);
        strbuf_free(&again);
    }
}

static void test_newer_versions_say_so(void **state)
{
    struct decoded_record back;
    (void)state;
    assert_int_equal(record_decode(S("\x01\x02"), arena, &back), ERR_VERSION);
    assert_int_equal(record_decode(S("\x02\x07xyz"), arena, &back), ERR_VERSION);
    assert_int_equal(record_decode(S("\x03\x01"), arena, &back), ERR_SYNTAX);
    assert_int_equal(record_decode(S(""), arena, &back), ERR_SYNTAX);
}

/* What lies in a spool that an older program wrote: sessions without the client's name. */
static void test_older_versions_are_read(void **state)
{
    static struct random_record x;
    struct random r = {6};
    struct strbuf a = STRBUF_INIT;
    struct decoded_record back;
    (void)state;
    random_record_make(&x, &r, 0);
    x.session.client_name = S("");
    assert_int_equal(session_encode(&a, &x.session), OK);
    assert_int_equal(a.p[1], 2);
    a.p[1] = 1;
    assert_int_equal(a.p[a.n - 1], 0); /* the name's length */
    assert_int_equal(record_decode(slice_of(a.p, a.n - 1), arena, &back), OK);
    same_session(&x.session, &back.session);
    a.p[1] = 0;
    assert_int_equal(record_decode(slice_of(a.p, a.n - 1), arena, &back), ERR_SYNTAX);
    strbuf_free(&a);
}

/* A count asks for memory only when there are bytes for so many items. */
static void test_hostile_counts_take_no_memory(void **state)
{
    static struct random_record x;
    struct strbuf a = STRBUF_INIT;
    struct decoded_record back;
    struct random r = {4};
    struct arena *small = arena_new(4096);
    (void)state;
    random_record_make(&x, &r, 0);
    x.message.recipient_count = 0;
    x.message.raw = S("");
    assert_int_equal(message_encode(&a, &x.message), OK);
    /* the list's length stands before the flags and the raw message's length */
    a.p[a.n - 3 - (x.message.data_flags >= 0x80)] = 0x7f;
    assert_int_equal(record_decode(strbuf_slice(&a), small, &back), ERR_SYNTAX);
    strbuf_free(&a);
    arena_free(small);
}

static void test_limits(void **state)
{
    static struct random_record x;
    struct random r = {5};
    struct strbuf a = STRBUF_INIT;
    struct decoded_record back;
    (void)state;
    random_record_make(&x, &r, 0);
    struct slice *many = calloc(LIMIT_RECORD_RECIPIENTS + 1, sizeof *many);
    char *body = calloc(1, LIMIT_RECORD_BYTES + 1);
    assert_non_null(many);
    assert_non_null(body);
    x.message.recipients = many;
    for (size_t n = LIMIT_RECORD_RECIPIENTS - 1; n <= LIMIT_RECORD_RECIPIENTS + 1; n++) {
        strbuf_clear(&a);
        x.message.recipient_count = n;
        assert_int_equal(message_encode(&a, &x.message),
                         n > LIMIT_RECORD_RECIPIENTS ? ERR_LIMIT : OK);
        assert_true(n <= LIMIT_RECORD_RECIPIENTS || a.n == 0);
    }
    x.message.recipient_count = 0;
    x.message.raw = slice_of(body, 1 << 20); /* the length then takes as many bytes as below */
    strbuf_clear(&a);
    assert_int_equal(message_encode(&a, &x.message), OK);
    size_t rest = a.n - (1 << 20) + 1;
    for (size_t n = LIMIT_RECORD_BYTES - 1; n <= LIMIT_RECORD_BYTES + 1; n++) {
        strbuf_clear(&a);
        x.message.raw = slice_of(body, n - rest);
        assert_int_equal(message_encode(&a, &x.message), n > LIMIT_RECORD_BYTES ? ERR_LIMIT : OK);
        assert_int_equal(a.n, n > LIMIT_RECORD_BYTES ? 0 : n);
        if (a.n) {
            assert_int_equal(record_decode(strbuf_slice(&a), arena, &back), OK);
        }
    }
    struct session_step *steps = calloc(LIMIT_RECORD_STEPS + 1, sizeof *steps);
    assert_non_null(steps);
    x.session.steps = steps;
    for (size_t n = LIMIT_RECORD_STEPS - 1; n <= LIMIT_RECORD_STEPS + 1; n++) {
        strbuf_clear(&a);
        x.session.step_count = n;
        x.session.steps_first = n;
        assert_int_equal(session_encode(&a, &x.session), n > LIMIT_RECORD_STEPS ? ERR_LIMIT : OK);
    }
    free(steps);
    free(body);
    free(many);
    strbuf_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_records_round_trip),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_changed_bytes_decode_to_something_whole_or_nothing),
        cmocka_unit_test(test_newer_versions_say_so),
        cmocka_unit_test(test_older_versions_are_read),
        cmocka_unit_test(test_hostile_counts_take_no_memory),
        cmocka_unit_test(test_limits),
    };
    arena = arena_new(64 * 1024 * 1024);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
