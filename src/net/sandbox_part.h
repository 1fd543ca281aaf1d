/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two closings of a sandbox. Private to net/sandbox*.c. */
#ifndef NET_SANDBOX_PART_H
#define NET_SANDBOX_PART_H

#include "net/sandbox.h"

/* Closes the file system but for `paths` and, where the kernel can, TCP connect and bind, abstract
 * sockets and signals to others. *abi: what the kernel has, 0: no Landlock. Wants no_new_privs. */
enum err landlock_close(const struct sandbox_path *paths, size_t n, int *abi,
                        struct errbuf *eb) MUST_USE;

/* Lets through the calls of the promises, separated by blanks. `role` must stay. *calls: how many.
 */
enum err seccomp_close(const char *role, const char *promises, unsigned *calls,
                       struct errbuf *eb) MUST_USE;

#endif
