/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each attempt runs in a child of its own that has entered a role's sandbox: what must be refused
 * is tried for real, and so is what must go on working. */
#include "testing.h"

#include "net/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEST_UID = 61999, DESCRIPTORS = 64 };
enum outcome { DONE, REFUSED, KILLED, CAGE_FAILED = 99 };
enum role { TRAP, ANALYSE, WEB };
static const char *const ROLES[] = {"trap", "analyse", "web"};

static char folder[] = "/tmp/spamgauge-sandbox-XXXXXX";
static char spool[64], data[64], secret[64];
static int listener, channel[2];
static pid_t parent;
static struct sockaddr_in address;

static void file_make(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int setup(void **state)
{
    socklen_t n = sizeof address;
    (void)state;
    parent = getpid();
    if (!mkdtemp(folder) || chmod(folder, 0755) != 0) {
        return -1;
    }
    snprintf(spool, sizeof spool, "%s/spool", folder);
    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(secret, sizeof secret, "%s/secret", folder);
    if (mkdir(spool, 0777) != 0 || chmod(spool, 0777) != 0 || mkdir(data, 0755) != 0) {
        return -1;
    }
    file_make(secret, "not for a role");
    chmod(secret, 0666);
    char rule[96];
    snprintf(rule, sizeof rule, "%s/rule", data);
    file_make(rule, "a rule");
    address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    return bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                   listen(listener, 8) == 0 &&
                   getsockname(listener, (struct sockaddr *)&address, &n) == 0 &&
                   socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel) == 0
               ? 0
               : -1;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static enum err cage(enum role role, struct sandbox_report *report)
{
    struct sandbox_user user = {geteuid() == 0 ? TEST_UID : 0, TEST_UID};
    const struct sandbox_path paths[] = {{spool, role == ANALYSE ? SANDBOX_WRITE : SANDBOX_READ},
                                         {data, SANDBOX_READ}};
    switch (role) {
    case TRAP:
        return sandbox_trap(user, spool, DESCRIPTORS, report, NULL);
    case ANALYSE:
        return sandbox_analyse(user, paths, 2, report, NULL);
    default:
        return sandbox_web(user, paths, 2, DESCRIPTORS, report, NULL);
    }
}

/* Runs fn in a role; what it returns (0: it could, -1 with errno: it could not) or what became of
 * it. */
static enum outcome attempt(enum role role, long (*fn)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct sandbox_report report;
        alarm(20);
        if (cage(role, &report) != OK) {
            _exit(CAGE_FAILED);
        }
        errno = 0;
        bool is_done = fn() >= 0;
        _exit(is_done ? DONE : errno == EPERM || errno == EACCES ? REFUSED : CAGE_FAILED);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status)            ? (enum outcome)WEXITSTATUS(status)
           : WTERMSIG(status) == SIGSYS ? KILLED
                                        : CAGE_FAILED;
}

/* ---- what an intruder would try ---- */

static long open_secret(void)
{
    return open(secret, O_RDONLY);
}

static long open_passwd(void)
{
    return open("/etc/passwd", O_RDONLY);
}

static long write_secret(void)
{
    return open(secret, O_WRONLY);
}

static long make_file_outside(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/new", folder);
    return open(path, O_WRONLY | O_CREAT, 0600);
}

static long out_by_dots(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/../secret", spool);
    return open(path, O_RDONLY);
}

static long out_by_link(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/link", spool);
    if (symlink(secret, path) != 0) { /* not one of the promises */
        return -1;
    }
    return open(path, O_RDONLY);
}

static long list_root(void)
{
    return open("/", O_RDONLY | O_DIRECTORY);
}

static long read_own_memory_map(void)
{
    return open("/proc/self/maps", O_RDONLY);
}

static long run_shell(void)
{
    char *argv[] = {(char[]){"sh"}, NULL};
    return execve("/bin/sh", argv, argv + 1);
}

static long run_by_descriptor(void)
{
    char *none[] = {NULL};
    return (long)syscall(SYS_execveat, listener, "", none, none, AT_EMPTY_PATH);
}

static long make_process(void)
{
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    return child;
}

static long make_process_raw(void)
{
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        _exit(0);
    }
    return child;
}

static long trace_parent(void)
{
    return ptrace(PTRACE_ATTACH, parent, NULL, NULL);
}

static long read_parent(void)
{
    char byte;
    struct iovec local = {&byte, 1}, remote = {&listener, 1};
    return process_vm_readv(parent, &local, 1, &remote, 1, 0);
}

static long signal_parent(void)
{
    return kill(parent, 0);
}

static long signal_parent_thread(void)
{
    return syscall(SYS_tgkill, parent, parent, 0);
}

static long make_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static long make_udp(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0);
}

static long make_unix_pair(void)
{
    int pair[2];
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static long connect_by_listener(void)
{
    return connect(listener, (struct sockaddr *)&address, sizeof address);
}

static long bind_again(void)
{
    return bind(listener, (struct sockaddr *)&address, sizeof address);
}

static long listen_again(void)
{
    return listen(listener, 8);
}

static long become_root(void)
{
    return setuid(0);
}

static long gain_capabilities(void)
{
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0);
}

static long be_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long more_descriptors(void)
{
    struct rlimit most = {DESCRIPTORS * 2, DESCRIPTORS * 2};
    return setrlimit(RLIMIT_NOFILE, &most);
}

static long change_mode(void)
{
    return chmod(secret, 0600);
}

static long link_secret(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/hard", spool);
    return link(secret, path);
}

static long ring(void)
{
    char parameters[120] = {0};
    return syscall(SYS_io_uring_setup, 8, parameters);
}

static long namespace(void)
{
    return unshare(0x10000000 /* CLONE_NEWUSER */);
}

static long mount_something(void)
{
    return syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, "");
}

static long load_program(void)
{
    return syscall(SYS_bpf, 5, NULL, 0);
}

static long unheard_of(void)
{
    return syscall(SYS_quotactl, 0, NULL, 0, NULL);
}

enum { BY_LANDLOCK, BY_SECCOMP, DEADLY };

static const struct {
    const char *name;
    long (*fn)(void);
    int how;
} REFUSALS[] = {
    {"open of a file next door", open_secret, BY_LANDLOCK},
    {"open of /etc/passwd", open_passwd, BY_LANDLOCK},
    {"writing next door", write_secret, BY_LANDLOCK},
    {"a new file outside", make_file_outside, BY_LANDLOCK},
    {"a way out by ..", out_by_dots, BY_LANDLOCK},
    {"a way out by a symbolic link", out_by_link, BY_SECCOMP},
    {"a way out by a hard link", link_secret, BY_SECCOMP},
    {"listing /", list_root, BY_LANDLOCK},
    {"its own memory map", read_own_memory_map, BY_LANDLOCK},
    {"chmod", change_mode, BY_SECCOMP},
    {"exec", run_shell, DEADLY},
    {"exec by descriptor", run_by_descriptor, DEADLY},
    {"fork", make_process, BY_SECCOMP},
    {"fork by clone", make_process_raw, BY_SECCOMP},
    {"ptrace", trace_parent, DEADLY},
    {"another's memory", read_parent, DEADLY},
    {"a signal to another", signal_parent, DEADLY},
    {"a signal to another's thread", signal_parent_thread, BY_SECCOMP},
    {"a new TCP socket", make_socket, DEADLY},
    {"a new UDP socket", make_udp, DEADLY},
    {"a socket pair", make_unix_pair, DEADLY},
    {"connect", connect_by_listener, DEADLY},
    {"bind", bind_again, DEADLY},
    {"listen", listen_again, DEADLY},
    {"root again", become_root, DEADLY},
    {"a capability again", gain_capabilities, BY_SECCOMP},
    {"core dumps again", be_dumpable, BY_SECCOMP},
    {"more open files", more_descriptors, BY_SECCOMP},
    {"io_uring", ring, DEADLY},
    {"a user namespace", namespace, DEADLY},
    {"mount", mount_something, DEADLY},
    {"bpf", load_program, DEADLY},
    {"a call nobody promised", unheard_of, BY_SECCOMP},
};

static void intruders_are_refused(void **state)
{
    bool has_landlock = syscall(444 /* landlock_create_ruleset: its version */, NULL, 0, 1) > 0;
    (void)state;
    for (enum role r = TRAP; r <= WEB; r++) {
        for (size_t i = 0; i < sizeof REFUSALS / sizeof *REFUSALS; i++) {
            if (REFUSALS[i].how == BY_LANDLOCK && !has_landlock) {
                continue;
            }
            enum outcome got = attempt(r, REFUSALS[i].fn);
            if (got != (REFUSALS[i].how == DEADLY ? KILLED : REFUSED)) {
                fail_msg("%s: %s: outcome %d", ROLES[r], REFUSALS[i].name, (int)got);
            }
        }
    }
}

/* ---- what roles live by ---- */

static long write_spool(void)
{
    char path[96], other[96];
    snprintf(path, sizeof path, "%s/1.segment", spool);
    snprintf(other, sizeof other, "%s/1.sealed", spool);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1 && fdatasync(fd) == 0 && ftruncate(fd, 0) == 0 &&
                   close(fd) == 0 && rename(path, other) == 0 && unlink(other) == 0
               ? 0
               : -1;
}

static long read_spool(void)
{
    return open(spool, O_RDONLY | O_DIRECTORY);
}

static long read_data(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/rule", data);
    return open(path, O_RDONLY);
}

static void *thread_main(void *arg)
{
    return arg;
}

static long make_thread(void)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, thread_main, NULL);
    return errno == 0 && pthread_join(thread, NULL) == 0 ? 0 : -1;
}

static long take_connection(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int loop = epoll_create1(EPOLL_CLOEXEC);
    if (loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event) != 0 ||
        epoll_wait(loop, &event, 1, 5000) != 1) {
        return -1;
    }
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd >= 0 ? write(fd, "220\r\n", 5) : -1;
}

static long use_channel(void)
{
    return send(channel[0], "beat", 4, MSG_DONTWAIT);
}

static long stop_itself(void)
{
    signal(SIGABRT, SIG_IGN);
    return raise(SIGABRT);
}

static void roles_can_work(void **state)
{
    (void)state;
    assert_int_equal(attempt(TRAP, write_spool), DONE);
    assert_int_equal(attempt(TRAP, read_spool), DONE);
    assert_int_equal(attempt(ANALYSE, write_spool), DONE);
    assert_int_equal(attempt(ANALYSE, read_data), DONE);
    assert_int_equal(attempt(ANALYSE, take_connection), REFUSED);
    assert_int_equal(attempt(WEB, write_spool), REFUSED);
    assert_int_equal(attempt(WEB, read_spool), DONE);
    assert_int_equal(attempt(WEB, read_data), DONE);
    for (enum role r = TRAP; r <= WEB; r++) {
        assert_int_equal(attempt(r, make_thread), DONE);
        assert_int_equal(attempt(r, use_channel), DONE);
        assert_int_equal(attempt(r, stop_itself), DONE);
    }
    for (enum role r = TRAP; r <= WEB; r += WEB - TRAP) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(attempt(r, take_connection), DONE);
        close(client);
    }
}

static long nobody(void)
{
    return geteuid() != 0 && getegid() != 0 && prctl(PR_SET_NAME, "x", 0, 0, 0) == 0 ? 0 : -1;
}

static void says_what_is_in_force(void **state)
{
    int pipe_ends[2], status;
    char text[256] = "";
    (void)state;
    assert_int_equal(attempt(TRAP, nobody), DONE);
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sandbox_report report;
        bool is_in = cage(TRAP, &report) == OK;
        ssize_t n = write(pipe_ends[1], report.text, strlen(report.text));
        _exit(is_in && n > 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(read(pipe_ends[0], text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "seccomp"));
    assert_non_null(strstr(text, "Landlock"));
}

/* A hard limit that cannot be raised is what there is, and it is said. */
static void fewer_descriptors_are_said(void **state)
{
    int status;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct sandbox_report report;
        struct rlimit few = {DESCRIPTORS, DESCRIPTORS};
        struct sandbox_user user = {geteuid() == 0 ? TEST_UID : 0, TEST_UID};
        bool is_set = setrlimit(RLIMIT_NOFILE, &few) == 0;
        enum err e = sandbox_trap(user, spool, 2 * DESCRIPTORS, &report, NULL);
        bool is_raised = getrlimit(RLIMIT_NOFILE, &few) != 0 || few.rlim_cur > DESCRIPTORS;
        _exit(is_set && e == OK && (is_raised || strstr(report.text, "64 open files of 128")) ? 0
                                                                                              : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_spool_that_is_not_there_is_an_error(void **state)
{
    int status;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct sandbox_report report;
        struct errbuf eb = {.text = ""};
        enum err e = sandbox_trap((struct sandbox_user){0, 0}, "/nonexistent/spool", DESCRIPTORS,
                                  &report, &eb);
        _exit(e == ERR_IO && strstr(eb.file, "/nonexistent/spool") ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intruders_are_refused),
        cmocka_unit_test(roles_can_work),
        cmocka_unit_test(says_what_is_in_force),
        cmocka_unit_test(fewer_descriptors_are_said),
        cmocka_unit_test(a_spool_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
