/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "serve/channel.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void messages_arrive_whole_and_in_order(void **state)
{
    int ends[2];
    struct message m = {.type = MESSAGE_BEAT}, got;
    (void)state;
    assert_int_equal(channel_open(ends, NULL), OK);
    assert_int_equal(channel_receive(ends[1], &got), ERR_BUSY);
    m.beat.counters[COUNTER_MESSAGES] = 7;
    assert_int_equal(channel_send(ends[0], &m), OK);
    m = (struct message){.type = MESSAGE_STOP, .stop = {2500}};
    assert_int_equal(channel_send(ends[0], &m), OK);
    assert_int_equal(channel_receive(ends[1], &got), OK);
    assert_int_equal(got.type, MESSAGE_BEAT);
    assert_int_equal(got.beat.counters[COUNTER_MESSAGES], 7);
    assert_int_equal(channel_receive(ends[1], &got), OK);
    assert_int_equal(got.type, MESSAGE_STOP);
    assert_int_equal(got.stop.grace_ms, 2500);
    close(ends[0]);
    assert_int_equal(channel_receive(ends[1], &got), ERR_END);
    assert_int_equal(channel_send(ends[1], &m), ERR_END);
    close(ends[1]);
}

/* A role may have been taken over: whatever it sends is refused or is a message of the right size.
 */
static void nonsense_is_refused(void **state)
{
    int ends[2];
    struct message m = {.type = MESSAGE_BEAT}, got;
    char large[sizeof m + 100];
    (void)state;
    assert_int_equal(channel_open(ends, NULL), OK);
    memset(large, 0, sizeof large);
    for (size_t n = 1; n <= sizeof large; n++) { /* all sizes, as type 0, READY */
        size_t right = offsetof(struct message, ready) + sizeof m.ready;
        assert_int_equal(send(ends[0], large, n, 0), n);
        assert_int_equal(channel_receive(ends[1], &got), n == right ? OK : ERR_SYNTAX);
    }
    m.type = (enum message_type)MESSAGE_COUNT;
    assert_int_equal(send(ends[0], &m, sizeof m, 0), sizeof m);
    assert_int_equal(channel_receive(ends[1], &got), ERR_SYNTAX);
    m.type = (enum message_type) - 1;
    assert_int_equal(send(ends[0], &m, sizeof m, 0), sizeof m);
    assert_int_equal(channel_receive(ends[1], &got), ERR_SYNTAX);
    close(ends[0]);
    close(ends[1]);
}

static void a_full_channel_never_blocks(void **state)
{
    int ends[2], sent = 0;
    struct message m = {.type = MESSAGE_BEAT}, got;
    (void)state;
    assert_int_equal(channel_open(ends, NULL), OK);
    while (channel_send(ends[0], &m) == OK) {
        assert_true(++sent < 100000);
    }
    assert_int_equal(channel_send(ends[0], &m), ERR_BUSY);
    assert_int_equal(channel_receive(ends[1], &got), OK);
    assert_int_equal(channel_send(ends[0], &m), OK);
    close(ends[0]);
    close(ends[1]);
}

static void counters_have_names_and_roles(void **state)
{
    (void)state;
    for (int i = 0; i < COUNTER_COUNT; i++) {
        assert_true(counter_name((enum counter)i)[0] != '\0');
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(counter_name((enum counter)i), counter_name((enum counter)k));
        }
    }
    assert_int_equal(counter_role(COUNTER_MESSAGES), ROLE_TRAP);
    assert_int_equal(counter_role(COUNTER_ANALYSED), ROLE_ANALYSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_arrive_whole_and_in_order),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(a_full_channel_never_blocks),
        cmocka_unit_test(counters_have_names_and_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
