/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seccomp from the tables. What no promise names raises SIGSYS, whose handler logs the call once
 * and has it return EPERM: the kernel's own way of refusing (SCMP_ACT_ERRNO) would leave no trace
 * but in an audit log that containers don't have. An intruder may take the handler away; the call
 * is refused all the same, and the deadly ones kill whatever the handlers are. */
#include "core/log.h"
#include "net/sandbox_part.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

enum { SYSCALLS_NAMED = 512, SYSCALL_NAME_BYTES = 24 };

#if defined(__s390x__)
enum { CLONE_FLAGS_ARGUMENT = 1 };
#else
enum { CLONE_FLAGS_ARGUMENT = 0 };
#endif

struct rule {
    const char *promise; /* not NULL: begins one */
    const char *call;
    unsigned argument;
    bool has_condition;
    uint64_t mask, value;
};

static const struct rule RULES[] = {
#define PROMISE(name)                   {#name, NULL, 0, false, 0, 0},
#define CALL(call)                      {NULL, #call, 0, false, 0, 0},
#define IF(call, argument, mask, value) {NULL, #call, argument, true, (mask), (value)},
#include "net/sandbox_call.def"
#undef PROMISE
#undef CALL
#undef IF
};

static const char *const DEADLY_CALLS[] = {
#define DEADLY(call) #call,
#include "net/sandbox_deadly.def"
#undef DEADLY
};

/* For the handler, which may not allocate: names by number, and what was logged already. */
static struct {
    const char *role;
    char names[SYSCALLS_NAMED][SYSCALL_NAME_BYTES];
    volatile sig_atomic_t said[SYSCALLS_NAMED];
} refusals;

static void call_refused(int number, siginfo_t *info, void *context)
{
    (void)number;
    int saved = errno, call = info->si_syscall;
    if (call >= 0 && call < SYSCALLS_NAMED && !refusals.said[call]) {
        refusals.said[call] = 1;
        log_warn("sandbox", "role=%s refused=%s call=%d", refusals.role, refusals.names[call],
                 call);
    }
#if defined(__x86_64__)
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
    ((ucontext_t *)context)->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#else
    (void)context;
    _exit(126); /* the result cannot be set here, so the call would seem to have succeeded */
#endif
    errno = saved;
}

static bool handler_set(const char *role)
{
    struct sigaction act = {.sa_sigaction = call_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};
    refusals.role = role;
    for (int i = 0; i < SYSCALLS_NAMED; i++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
        snprintf(refusals.names[i], sizeof refusals.names[i], "%s", name ? name : "?");
        free(name);
    }
    return sigaction(SIGSYS, &act, NULL) == 0;
}

static bool word_in(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = words; (at = strstr(at, word)) != NULL; at += n) {
        if ((at == words || at[-1] == ' ') && (at[n] == ' ' || !at[n])) {
            return true;
        }
    }
    return false;
}

static int rule_add(scmp_filter_ctx filter, const struct rule *r, unsigned *calls)
{
    int call = seccomp_syscall_resolve_name(r->call);
    struct scmp_arg_cmp condition = SCMP_CMP(r->argument, SCMP_CMP_MASKED_EQ, r->mask, r->value);
    if (call < 0) {
        return 0; /* not on this architecture */
    }
    ++*calls;
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, r->has_condition, &condition);
}

/* abort() and pthread_kill() signal this process; kill() and others' tgkill() stay out. clone3
 * hides its flags in memory: libcs fall back to clone when it is not there. */
static int fixed_add(scmp_filter_ctx filter)
{
    int e = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    return e ? e : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int filter_fill(scmp_filter_ctx filter, const char *promises, unsigned *calls)
{
    bool is_promised = false;
    int e = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES && !e; i++) {
        if (RULES[i].promise) {
            is_promised = word_in(promises, RULES[i].promise);
        } else if (is_promised) {
            e = rule_add(filter, &RULES[i], calls);
        }
    }
    for (size_t i = 0; i < sizeof DEADLY_CALLS / sizeof *DEADLY_CALLS && !e; i++) {
        int call = seccomp_syscall_resolve_name(DEADLY_CALLS[i]);
        e = call < 0 ? 0 : seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, call, 0);
    }
    return e ? e : fixed_add(filter);
}

enum err seccomp_close(const char *role, const char *promises, unsigned *calls, struct errbuf *eb)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    *calls = 0;
    if (!filter) {
        return ERR_NOMEM;
    }
    int e = handler_set(role) ? filter_fill(filter, promises, calls) : -errno;
    e = e ? e : seccomp_load(filter);
    seccomp_release(filter);
    return e ? err_set(eb, ERR_IO, "seccomp: %s", strerror(-e)) : OK;
}
