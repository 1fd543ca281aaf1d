/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "serve/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void tells_a_socket_of_either_kind(void **state)
{
    char names[2][64];
    (void)state;
    snprintf(names[0], sizeof names[0], "/tmp/spamgauge-notify-%d", (int)getpid());
    snprintf(names[1], sizeof names[1], "@spamgauge-notify-%d", (int)getpid());
    for (int i = 0; i < 2; i++) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        char got[128] = "";
        memcpy(a.sun_path, names[i], strlen(names[i]));
        a.sun_path[0] = i ? '\0' : '/';
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        assert_int_equal(
            bind(fd, (struct sockaddr *)&a,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(names[i]))),
            0);
        setenv("NOTIFY_SOCKET", names[i], 1);
        notify_send("READY=1\nSTATUS=%d open", 5);
        assert_true(recv(fd, got, sizeof got - 1, MSG_DONTWAIT) > 0);
        assert_string_equal(got, "READY=1\nSTATUS=5 open");
        close(fd);
    }
    unlink(names[0]);
    notify_send("READY=1"); /* nobody there: nothing happens */
    setenv("NOTIFY_SOCKET", "relative", 1);
    notify_send("READY=1");
    unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
}

static void knows_its_watchdog(void **state)
{
    char pid[16];
    (void)state;
    unsetenv("WATCHDOG_USEC");
    assert_true(notify_watchdog_seconds() <= 0.0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_true(notify_watchdog_seconds() > 29.9 && notify_watchdog_seconds() < 30.1);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    assert_true(notify_watchdog_seconds() > 29.9);
    setenv("WATCHDOG_PID", "1", 1); /* another's */
    assert_true(notify_watchdog_seconds() <= 0.0);
    unsetenv("WATCHDOG_PID");
    setenv("WATCHDOG_USEC", "soon", 1);
    assert_true(notify_watchdog_seconds() <= 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_a_socket_of_either_kind),
        cmocka_unit_test(knows_its_watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
