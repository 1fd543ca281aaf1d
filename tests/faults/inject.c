/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Preloaded into a live serve by fault_test.py: makes calls fail while the file fault.NAME stands
 * in the spool folder ($FAULTS), the one folder that a trap in its sandbox can look into. Its
 * content is the errno; "fault.NAME.percent" may say how many of a hundred calls fail (else all).
 * Only in roles: the parent has no business with files and sockets after its start. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* By system calls of its own, so that it does not fail by itself. */
static long number_read(const char *name)
{
    char path[512], text[16] = "";
    const char *folder = getenv("FAULTS");
    if (!folder) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/fault.%s", folder, name);
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    long n = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    return n > 0 ? strtol(text, NULL, 10) : -1;
}

static bool fails(const char *name)
{
    static __thread bool is_inside;
    static unsigned calls;
    char percent[32];
    if (is_inside) {
        return false;
    }
    is_inside = true;
    int saved = errno;
    long why = number_read(name);
    bool done = why > 0;
    if (done) {
        snprintf(percent, sizeof percent, "%s.percent", name);
        long share = number_read(percent);
        done = share < 0 || (long)(__atomic_fetch_add(&calls, 37, __ATOMIC_RELAXED) % 100) < share;
    }
    errno = done ? (int)why : saved;
    is_inside = false;
    return done;
}

/* A file of the spool or the store, not a socket, pipe or terminal. */
static bool is_file(int fd)
{
    struct stat st;
    int saved = errno;
    bool done = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    errno = saved;
    return done;
}

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

int fdatasync(int fd)
{
    static int (*real)(int);
    real = real ? real : REAL(fdatasync);
    return fails("sync") ? -1 : real(fd);
}

int fsync(int fd)
{
    static int (*real)(int);
    real = real ? real : REAL(fsync);
    return fails("sync") ? -1 : real(fd);
}

ssize_t write(int fd, const void *p, size_t n)
{
    static ssize_t (*real)(int, const void *, size_t);
    real = real ? real : REAL(write);
    return is_file(fd) && fd > 2 && fails("write") ? -1 : real(fd, p, n);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    static ssize_t (*real)(int, const struct iovec *, int);
    real = real ? real : REAL(writev);
    return is_file(fd) && fails("write") ? -1 : real(fd, v, n);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    real = real ? real : REAL(pwrite64);
    return is_file(fd) && fails("write") ? -1 : real(fd, p, n, at);
}

ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at)
{
    static ssize_t (*real)(int, const struct iovec *, int, off64_t);
    real = real ? real : REAL(pwritev64);
    return is_file(fd) && fails("write") ? -1 : real(fd, v, n, at);
}

int accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)
{
    static int (*real)(int, struct sockaddr *, socklen_t *, int);
    real = real ? real : REAL(accept4);
    return fails("accept") ? -1 : real(fd, a, n, flags);
}

#ifndef WITHOUT_MEMORY /* a sanitizer has an allocator of its own */
static bool fails_memory(void)
{
    static unsigned calls;
    static bool is_on;
    if (__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) % 8 == 0) {
        is_on = number_read("memory") > 0;
    }
    if (is_on && calls % 5 == 0) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    return fails_memory() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails_memory() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return fails_memory() ? NULL : __libc_realloc(p, n);
}
#endif
