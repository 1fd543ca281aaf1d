/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/policy.h"

#include "core/limits.h"
#include "core/strmap.h"
#include "spool/command.h"

#include <stdlib.h>

enum { ADDRESS_BYTES = 320 }; /* RFC 5321: 64 + 1 + 255 */

struct glob {
    char *pattern;
    size_t n;
    uint64_t trap;
};

struct policy {
    bool takes_all;
    struct strmap *entries; /* "user@domain", "@domain", "@.domain" → index into traps */
    struct strmap *traps;   /* names, in order of insertion; the first is "" */
    struct glob *globs;
    size_t glob_count, glob_size;
};

struct policy *policy_new(bool takes_all)
{
    struct policy *p = calloc(1, sizeof *p);
    if (!p) {
        return NULL;
    }
    p->takes_all = takes_all;
    p->entries = strmap_new();
    p->traps = strmap_new();
    if (!p->entries || !p->traps || !strmap_put(p->traps, S(""), NULL)) {
        policy_free(p);
        return NULL;
    }
    return p;
}

void policy_free(struct policy *p)
{
    if (!p) {
        return;
    }
    for (size_t i = 0; i < p->glob_count; i++) {
        free(p->globs[i].pattern);
    }
    free(p->globs);
    strmap_free(p->entries);
    strmap_free(p->traps);
    free(p);
}

static struct slice lower(struct slice s, char out[ADDRESS_BYTES])
{
    size_t n = s.n < ADDRESS_BYTES ? s.n : ADDRESS_BYTES;
    for (size_t i = 0; i < n; i++) {
        out[i] = ascii_lower(s.p[i]);
    }
    return slice_of(out, n);
}

static enum err glob_add(struct policy *p, struct slice pattern, uint64_t trap)
{
    if (p->glob_count == p->glob_size) {
        size_t size = p->glob_size ? 2 * p->glob_size : 16;
        struct glob *globs = realloc(p->globs, size * sizeof *globs);
        if (!globs) {
            return ERR_NOMEM;
        }
        p->globs = globs;
        p->glob_size = size;
    }
    struct glob *g = &p->globs[p->glob_count];
    g->pattern = malloc(pattern.n);
    if (!g->pattern) {
        return ERR_NOMEM;
    }
    memcpy(g->pattern, pattern.p, pattern.n);
    g->n = pattern.n;
    g->trap = trap;
    p->glob_count++;
    return OK;
}

static enum err trap_index(struct policy *p, struct slice trap, uint64_t *index)
{
    bool is_new;
    uint64_t *place = strmap_put(p->traps, trap, &is_new);
    if (!place) {
        return ERR_NOMEM;
    }
    if (is_new) {
        *place = strmap_count(p->traps) - 1;
    }
    *index = *place;
    return OK;
}

enum err policy_add(struct policy *p, struct slice entry, struct slice trap)
{
    char buffer[ADDRESS_BYTES + 1];
    uint64_t index = 0;
    bool is_glob = slice_find_byte(entry, '*') < entry.n || slice_find_byte(entry, '?') < entry.n;
    if (entry.n == 0 || entry.n > ADDRESS_BYTES || slice_eq(entry, S("@"))) {
        return ERR_SYNTAX;
    }
    if (strmap_count(p->entries) + p->glob_count >= LIMIT_POLICY_ENTRIES) {
        return ERR_LIMIT;
    }
    enum err e = trap_index(p, trap, &index);
    if (e != OK) {
        return e;
    }
    if (is_glob) {
        return glob_add(p, entry, index);
    }
    bool has_at = slice_find_byte(entry, '@') < entry.n;
    buffer[0] = '@'; /* a bare domain is kept as "@domain" */
    struct slice key = lower(entry, buffer + 1);
    key = has_at ? key : slice_of(buffer, key.n + 1);
    uint64_t *place = strmap_put(p->entries, key, NULL);
    if (!place) {
        return ERR_NOMEM;
    }
    *place = index;
    return OK;
}

/* "@a.b.c", then "@.a.b.c", "@.b.c", "@.c". */
static const uint64_t *domain_find(const struct policy *p, struct slice domain)
{
    char key[ADDRESS_BYTES + 2] = "@";
    const uint64_t *found;
    memcpy(key + 1, domain.p, domain.n);
    if ((found = strmap_get(p->entries, slice_of(key, domain.n + 1)))) {
        return found;
    }
    while (domain.n > 0) {
        key[1] = '.';
        memcpy(key + 2, domain.p, domain.n);
        if ((found = strmap_get(p->entries, slice_of(key, domain.n + 2)))) {
            return found;
        }
        slice_cut(&domain, '.');
    }
    return NULL;
}

bool policy_takes(const struct policy *p, struct slice address, struct slice *trap)
{
    char buffer[ADDRESS_BYTES];
    *trap = S("");
    if (address.n > ADDRESS_BYTES) {
        return p->takes_all;
    }
    struct slice key = lower(address, buffer);
    const uint64_t *found = strmap_get(p->entries, key);
    if (!found) {
        found = domain_find(p, address_domain(key));
    }
    for (size_t i = 0; !found && i < p->glob_count; i++) {
        if (slice_glob(address, slice_of(p->globs[i].pattern, p->globs[i].n))) {
            found = &p->globs[i].trap;
        }
    }
    if (found) {
        *trap = strmap_key_at(p->traps, (size_t)*found);
    }
    return found || p->takes_all;
}
