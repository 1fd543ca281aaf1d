/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Public Suffix List as a hash table of its names: which end of a host name people register.
 * Inside the URL code only; libpsl gives the same answers (the test compares) at many times the
 * cost, which was the largest of all in reading a message with URLs. */
#ifndef MAIL_SUFFIX_H
#define MAIL_SUFFIX_H

#include "core/err.h"
#include "core/slice.h"

#include <libpsl.h>

/* What the Public Suffix List says of a host name in lower case ASCII. */
struct host_info {
    uint16_t domain_start; /* offset of the registrable domain; the name's length when none */
    bool is_listed;        /* its top-level domain is on the list by name, not by the "*" rule */
};

struct suffix_list;

enum { SUFFIX_HOST_BYTES_MAX = 253 }; /* RFC 1035 2.3.4, without the root's dot */

/* From the list's text (publicsuffix.org/list: a rule a line, "*." and "!" rules, UTF-8), both its
 * ICANN and its private part. NULL without a rule in it, past LIMIT_SUFFIX_LIST_BYTES, or out of
 * memory. Read only: shared by threads. */
struct suffix_list *suffix_list_new(struct slice text) MUST_USE;

/* The system's list (package publicsuffix). NULL when it is absent, or older than the one that is
 * part of libpsl. */
struct suffix_list *suffix_list_open(void) MUST_USE;
void suffix_list_free(struct suffix_list *l);

/* A host of 1 to SUFFIX_HOST_BYTES_MAX bytes. Of international names the list has both the punycode
 * and the UTF-8. */
struct host_info suffix_look_up(const struct suffix_list *l, struct slice host);
/* The same from libpsl, for systems without the list's text: at most SUFFIX_HOST_BYTES_MAX bytes,
 * without NUL. */
struct host_info suffix_ask_libpsl(const psl_ctx_t *psl, struct slice host);

#endif
