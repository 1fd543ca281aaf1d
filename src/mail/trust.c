/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The set of relays that are ours, and the one rule of how trust goes down a chain: a line is
 * trusted only if all lines above it are, and only if the line directly above says, by address or
 * by a looked-up name, that a trusted relay handed the message over. HELO never counts. */
#include "mail/trust.h"

#include "core/limits.h"

#include <stdlib.h>

enum { HOST_BYTES_MAX = 255 }; /* RFC 1035 2.3.4 */

struct spec {
    struct slice text; /* NUL-terminated copy */
    bool is_network;
    struct cidr network;
};

struct trust {
    struct spec *specs;
    size_t count, size;
};

struct trust *trust_new(void)
{
    return calloc(1, sizeof(struct trust));
}

void trust_free(struct trust *t)
{
    if (!t) {
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        free((void *)(uintptr_t)t->specs[i].text.p);
    }
    free(t->specs);
    free(t);
}

/* Letters, digits, hyphens, dots and globs; some letter, so that neither "*" (everybody) nor a
 * mistyped address is taken for a name. */
static bool is_host_glob(struct slice s)
{
    bool has_letter = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        has_letter |= ascii_is_alpha(c);
        if (!ascii_is_alnum(c) && c != '.' && c != '-' && c != '_' && c != '*' && c != '?') {
            return false;
        }
    }
    return has_letter && s.n <= HOST_BYTES_MAX;
}

static struct slice without_dot(struct slice name)
{
    if (name.n > 1 && name.p[name.n - 1] == '.') {
        name.n--;
    }
    return name;
}

bool trust_name_eq(struct slice a, struct slice b)
{
    return slice_ieq(without_dot(a), without_dot(b));
}

enum err trust_add(struct trust *t, struct slice spec, struct errbuf *eb)
{
    struct spec new = {0};
    spec = slice_trim(spec);
    new.is_network = cidr_parse(spec, &new.network);
    if (!new.is_network && !is_host_glob(without_dot(spec))) {
        return err_set(eb, ERR_USAGE,
                       "\"%.*s\" is neither an address, a network (192.0.2.0/24, 2001:db8::/32) "
                       "nor a host name (mx.example.org, *.example.org)",
                       (int)(spec.n < 100 ? spec.n : 100), spec.p ? spec.p : "");
    }
    spec = new.is_network ? spec : without_dot(spec);
    for (size_t i = 0; i < t->count; i++) {
        if (slice_ieq(t->specs[i].text, spec)) {
            return OK;
        }
    }
    if (t->count == LIMIT_TRUST_SPECS) {
        return err_set(eb, ERR_LIMIT, "more than %d trusted relays", LIMIT_TRUST_SPECS);
    }
    if (t->count == t->size) {
        size_t size = t->size ? 2 * t->size : 16;
        struct spec *specs = realloc(t->specs, size * sizeof *specs);
        if (!specs) {
            return ERR_NOMEM;
        }
        t->specs = specs;
        t->size = size;
    }
    char *text = malloc(spec.n + 1);
    if (!text) {
        return ERR_NOMEM;
    }
    memcpy(text, spec.p, spec.n);
    text[spec.n] = '\0';
    new.text = slice_of(text, spec.n);
    t->specs[t->count++] = new;
    return OK;
}

bool trust_holds_ip(const struct trust *t, struct ip a)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->specs[i].is_network && cidr_holds(t->specs[i].network, a)) {
            return true;
        }
    }
    return false;
}

bool trust_holds_host(const struct trust *t, struct slice name)
{
    name = without_dot(name);
    for (size_t i = 0; name.n && name.n <= HOST_BYTES_MAX && i < t->count; i++) {
        if (!t->specs[i].is_network && slice_glob(name, t->specs[i].text)) {
            return true;
        }
    }
    return false;
}

size_t trust_count(const struct trust *t)
{
    return t->count;
}

struct slice trust_spec(const struct trust *t, size_t i)
{
    return t->specs[i].text;
}

bool trust_ip_is_own(struct ip a)
{
    if (ip_is_v4(a)) {
        uint32_t v4 = ip_v4(a);
        return v4 >> 24 == 127 || v4 >> 24 == 10 || v4 >> 24 == 0 || v4 >> 20 == 0xac1 ||
               v4 >> 16 == 0xc0a8 || v4 >> 16 == 0xa9fe || v4 >> 22 == 0x64400000 >> 22;
    }
    static const struct ip LOOPBACK = {{[15] = 1}};
    return (a.b[0] & 0xfe) == 0xfc || (a.b[0] == 0xfe && (a.b[1] & 0xc0) == 0x80) ||
           ip_eq(a, LOOPBACK);
}

enum crossing trust_crossing(const struct trust *t, const struct hop *hop, const struct hop *below,
                             struct slice own_by)
{
    if (hop->is_pickup) {
        /* A content filter handed it back on the same machine, or a script made it up there: the
         * line below is ours only if the same machine (or a trusted one) wrote it. */
        struct slice by = hop->by.n ? hop->by : own_by;
        bool is_ours =
            below && (below->by.n == 0 || below->is_local || trust_name_eq(below->by, by) ||
                      (t && trust_holds_host(t, below->by)));
        return !below || is_ours ? CROSSING_OWN : CROSSING_BLIND;
    }
    if (hop->is_local) {
        return CROSSING_OWN;
    }
    if (!hop->has_addr) {
        return below && below->by.n && t && trust_holds_host(t, below->by) ? CROSSING_RELAY
                                                                           : CROSSING_BLIND;
    }
    if (trust_ip_is_own(hop->addr)) {
        return CROSSING_OWN;
    }
    if (t && (trust_holds_ip(t, hop->addr) ||
              (!hop->is_ptr_doubtful && trust_holds_host(t, hop->ptr)))) {
        return CROSSING_RELAY;
    }
    return CROSSING_CLIENT;
}
