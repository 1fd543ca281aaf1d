/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "serve/listen.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static bool answers(const struct listen_socket *s)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
    int fd = socket(a.ss_family, SOCK_STREAM, 0);
    bool done = connect(fd, (struct sockaddr *)&a, n) == 0;
    close(fd);
    return done;
}

static void binds_both_families(void **state)
{
    const struct listen_wish wishes[] = {{"127.0.0.1", 0}, {"::1", 0}};
    struct listen_sockets s;
    struct errbuf eb = {.text = ""};
    (void)state;
    if (listen_open(wishes, 2, NULL, &s, &eb) != OK) {
        assert_non_null(strstr(eb.text, "::1")); /* a machine without IPv6 */
        skip();
    }
    assert_int_equal(s.count, 2);
    assert_true(strncmp(s.items[0].name, "127.0.0.1:", 10) == 0);
    assert_true(strncmp(s.items[1].name, "[::1]:", 6) == 0);
    assert_int_equal(s.items[1].wish, 1);
    assert_true(answers(&s.items[0]) && answers(&s.items[1]));
    assert_true(fcntl(s.items[0].fd, F_GETFD) & FD_CLOEXEC);
    listen_close(&s, NULL);
}

static uint16_t port_of(const struct listen_socket *s)
{
    return (uint16_t)strtoul(strrchr(s->name, ':') + 1, NULL, 10);
}

static void a_reload_keeps_what_stays(void **state)
{
    struct listen_sockets first, second, third;
    struct listen_wish wishes[] = {{"127.0.0.1", 0}, {"127.0.0.1", 0}, {"127.0.0.1", 0}};
    (void)state;
    assert_int_equal(listen_open(wishes, 1, NULL, &first, NULL), OK);
    wishes[1].port = port_of(&first.items[0]); /* a port that is free now */
    listen_close(&first, NULL);
    assert_int_equal(listen_open(wishes, 3, NULL, &first, NULL), OK);
    int named = first.items[1].fd, chosen[] = {first.items[0].fd, first.items[2].fd};
    /* fewer of them and in another order: none is bound anew */
    struct listen_wish fewer[] = {{"127.0.0.1", wishes[1].port}, {"127.0.0.1", 0}};
    assert_int_equal(listen_open(fewer, 2, &first, &second, NULL), OK);
    assert_int_equal(second.items[0].fd, named);
    assert_int_equal(second.items[1].fd, chosen[0]);
    listen_close(&first, &second);
    assert_true(answers(&second.items[0]) && answers(&second.items[1]));
    assert_int_equal(fcntl(chosen[1], F_GETFD), -1);
    /* one that fails leaves the old ones alone */
    fewer[1].address = "192.0.2.1";
    assert_int_equal(listen_open(fewer, 2, &second, &third, NULL), ERR_IO);
    assert_true(answers(&second.items[0]) && answers(&second.items[1]));
    listen_close(&second, NULL);
}

static void a_port_in_use_is_said(void **state)
{
    struct listen_sockets first, second;
    struct listen_wish wish = {"127.0.0.1", 0};
    struct errbuf eb = {.text = ""};
    (void)state;
    assert_int_equal(listen_open(&wish, 1, NULL, &first, NULL), OK);
    wish.port = port_of(&first.items[0]);
    assert_int_equal(listen_open(&wish, 1, NULL, &second, &eb), ERR_IO);
    assert_non_null(strstr(eb.text, "in use"));
    listen_close(&first, NULL);
}

static void knows_addresses(void **state)
{
    (void)state;
    assert_true(listen_address_is_valid("192.0.2.1"));
    assert_true(listen_address_is_valid("::"));
    assert_true(listen_address_is_valid("systemd:smtp"));
    assert_false(listen_address_is_valid("systemd:"));
    assert_false(listen_address_is_valid("localhost"));
    assert_false(listen_address_is_valid(""));
    assert_false(listen_address_is_valid("192.0.2.1:25"));
}

/* In a child whose descriptors 3 and 4 are what a service manager passes. */
static int passed_child(void)
{
    const struct listen_wish by_name = {"systemd:smtps", 0}, all = {"systemd:*", 0},
                             unknown = {"systemd:lmtp", 0}, datagram = {"systemd:udp", 0};
    struct listen_sockets s;
    char pid[16];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < 2; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 1) != 0) {
            return 10;
        }
        dup2(fd, 100 + i);
    }
    dup2(100, 3);
    dup2(101, 4);
    dup2(socket(AF_INET, SOCK_DGRAM, 0), 5);
    if (listen_is_activated()) {
        return 1;
    }
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "smtp:smtps", 1);
    if (!listen_is_activated() || listen_open(&by_name, 1, NULL, &s, NULL) != OK || s.count != 1 ||
        s.items[0].fd != 4 || !s.items[0].is_passed) {
        return 2;
    }
    listen_close(&s, NULL);
    if (fcntl(4, F_GETFD) < 0) { /* it cannot be had again, so it is not closed */
        return 3;
    }
    if (listen_open(&all, 1, NULL, &s, NULL) != OK || s.count != 2) {
        return 4;
    }
    if (listen_open(&unknown, 1, NULL, &s, NULL) != ERR_CONFIG) {
        return 5;
    }
    setenv("LISTEN_FDS", "3", 1);
    setenv("LISTEN_FDNAMES", "smtp:smtps:udp", 1);
    if (listen_open(&datagram, 1, NULL, &s, NULL) != ERR_CONFIG) {
        return 6;
    }
    setenv("LISTEN_PID", "1", 1); /* for another process */
    return listen_is_activated() ? 7 : 0;
}

static void takes_what_a_service_manager_passes(void **state)
{
    int status;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        _exit(passed_child());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_both_families),
        cmocka_unit_test(a_reload_keeps_what_stays),
        cmocka_unit_test(a_port_in_use_is_said),
        cmocka_unit_test(knows_addresses),
        cmocka_unit_test(takes_what_a_service_manager_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
