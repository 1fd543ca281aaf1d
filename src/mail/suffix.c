/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each rule's name and all its ends are entries: a host is looked up from its last label on, until
 * an end is no entry or has none below it. "www.example.com" takes two probes. The hash runs
 * backwards over the bytes, so that each longer end only adds its label to it. */
#include "mail/suffix.h"

#include "core/limits.h"
#include "core/strbuf.h"

#include <libpsl.h>

#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SLOTS_START = 1 << 15 }; /* fits the list of today, 10,000 names */

enum {
    IS_RULE = 1,      /* "co.uk" */
    IS_WILDCARD = 2,  /* "*.ck": any label in front; by libpsl's reading, the name itself too */
    IS_EXCEPTION = 4, /* "!www.ck" */
    HAS_BELOW = 8,    /* some entry has more labels */
};

struct entry {
    uint32_t hash;
    uint32_t name; /* offset in `names` */
    uint16_t n;    /* 0: free */
    uint16_t flags;
};

struct suffix_list {
    struct strbuf names;
    struct entry *slots; /* open addressing, power of two, at most half full */
    size_t slot_count, count;
};

/* FNV-1a's step. What hash a host has does not matter: only the list's own names are in the table,
 * so that no input makes a probe long. */
static uint64_t hash_step(uint64_t hash, char c)
{
    return (hash ^ (uint8_t)c) * UINT64_C(0x100000001b3);
}

static const uint64_t HASH_START = UINT64_C(0xcbf29ce484222325);

static uint32_t hash_fold(uint64_t hash)
{
    return (uint32_t)(hash >> 32 ^ hash);
}

/* The entry of the name, or the free one where it belongs. */
static struct entry *slot_find(const struct suffix_list *l, uint32_t hash, struct slice name)
{
    size_t mask = l->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct entry *e = &l->slots[i];
        if (!e->n || (e->hash == hash && slice_eq(slice_of(l->names.p + e->name, e->n), name))) {
            return e;
        }
    }
}

static bool list_grow(struct suffix_list *l)
{
    if (2 * (l->count + 1) <= l->slot_count) {
        return true;
    }
    struct suffix_list grown = *l;
    grown.slot_count = l->slot_count ? 2 * l->slot_count : SLOTS_START;
    grown.slots = calloc(grown.slot_count, sizeof *grown.slots);
    if (!grown.slots) {
        return false;
    }
    for (size_t i = 0; i < l->slot_count; i++) {
        const struct entry *e = &l->slots[i];
        if (e->n) {
            *slot_find(&grown, e->hash, slice_of(l->names.p + e->name, e->n)) = *e;
        }
    }
    free(l->slots);
    *l = grown;
    return true;
}

/* Adds the name with all its ends. */
static bool name_add(struct suffix_list *l, struct slice name, unsigned flags)
{
    size_t at = l->names.n;
    strbuf_add(&l->names, name);
    if (l->names.failed) {
        return false;
    }
    uint64_t hash = HASH_START;
    for (size_t i = name.n; i-- > 0;) {
        hash = hash_step(hash, name.p[i]);
        if (i && name.p[i - 1] != '.') {
            continue;
        }
        if (!list_grow(l)) {
            return false;
        }
        uint32_t folded = hash_fold(hash);
        struct entry *e = slot_find(l, folded, slice_sub(name, i, SIZE_MAX));
        if (!e->n) {
            *e = (struct entry){folded, (uint32_t)(at + i), (uint16_t)(name.n - i), 0};
            l->count++;
        }
        e->flags |= (uint16_t)(i ? HAS_BELOW : flags);
    }
    return true;
}

/* One rule, and its punycode when it is not ASCII: hosts come in both (text as it was written, and
 * what url_host.c made of it). */
static bool rule_add(struct suffix_list *l, struct slice rule)
{
    unsigned flags = IS_RULE;
    if (rule.p[0] == '!') {
        flags = IS_EXCEPTION;
        rule = slice_sub(rule, 1, SIZE_MAX);
    } else if (slice_starts(rule, S("*."))) {
        flags = IS_WILDCARD;
        rule = slice_sub(rule, 2, SIZE_MAX);
    }
    if (!rule.n || rule.n > SUFFIX_HOST_BYTES_MAX) {
        return true;
    }
    char name[SUFFIX_HOST_BYTES_MAX + 1], *ascii = NULL;
    bool is_ascii = true;
    for (size_t i = 0; i < rule.n; i++) {
        name[i] = ascii_lower(rule.p[i]);
        is_ascii &= (uint8_t)name[i] < 0x80;
    }
    name[rule.n] = '\0';
    if (!name_add(l, slice_of(name, rule.n), flags)) {
        return false;
    }
    if (is_ascii ||
        idn2_to_ascii_8z(name, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK) {
        return true; /* what has no punycode is the end of no host */
    }
    size_t n = strlen(ascii);
    bool is_added = n > SUFFIX_HOST_BYTES_MAX || name_add(l, slice_of(ascii, n), flags);
    idn2_free(ascii);
    return is_added;
}

struct suffix_list *suffix_list_new(struct slice text)
{
    struct suffix_list *l = text.n > LIMIT_SUFFIX_LIST_BYTES ? NULL : calloc(1, sizeof *l);
    bool is_whole = l != NULL;
    while (is_whole && text.n) {
        /* A line is read up to its first white space. */
        struct slice line = slice_cut(&text, '\n');
        size_t n = 0;
        while (n < line.n && !ascii_is_space(line.p[n])) {
            n++;
        }
        if (n && !slice_starts(line, S("//"))) {
            is_whole = rule_add(l, slice_sub(line, 0, n));
        }
    }
    if (!is_whole || !l->count) {
        suffix_list_free(l);
        return NULL;
    }
    return l;
}

static struct suffix_list *file_load(const char *path)
{
    struct suffix_list *l = NULL;
    struct strbuf text = STRBUF_INIT;
    struct stat st;
    FILE *f = fopen(path, "rbe");
    if (f && fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
        st.st_size <= LIMIT_SUFFIX_LIST_BYTES && st.st_mtime >= psl_builtin_file_time() &&
        strbuf_reserve(&text, (size_t)st.st_size)) {
        text.n = fread(text.p, 1, (size_t)st.st_size, f);
        if (text.n == (size_t)st.st_size) {
            l = suffix_list_new(strbuf_slice(&text));
        }
    }
    if (f) {
        (void)fclose(f);
    }
    strbuf_free(&text);
    return l;
}

struct suffix_list *suffix_list_open(void)
{
    /* libpsl reads a compiled form of the list (a DAFSA); the list itself lies beside it. */
    struct strbuf path = STRBUF_INIT;
    struct slice dist = slice_cstr(psl_dist_filename());
    bool is_compiled = slice_ends(dist, S(".dafsa"));
    strbuf_add(&path, slice_sub(dist, 0, dist.n - (is_compiled ? 6 : 0)));
    strbuf_add_cstr(&path, is_compiled ? ".dat" : "");
    struct suffix_list *l = path.failed || !path.n ? NULL : file_load(path.p);
    strbuf_free(&path);
    return l;
}

void suffix_list_free(struct suffix_list *l)
{
    if (l) {
        strbuf_free(&l->names);
        free(l->slots);
        free(l);
    }
}

struct host_info suffix_look_up(const struct suffix_list *l, struct slice host)
{
    struct host_info info = {(uint16_t)host.n, false};
    size_t suffix = host.n; /* where the longest public suffix so far begins */
    unsigned above = HAS_BELOW;
    uint64_t hash = HASH_START;
    for (size_t i = host.n; i-- > 0 && (above & (HAS_BELOW | IS_WILDCARD));) {
        hash = hash_step(hash, host.p[i]);
        if (i && host.p[i - 1] != '.') {
            continue;
        }
        unsigned flags = slot_find(l, hash_fold(hash), slice_sub(host, i, SIZE_MAX))->flags;
        bool is_named = flags & (IS_RULE | IS_WILDCARD);
        if (suffix == host.n) {
            info.is_listed = is_named;
            suffix = i; /* by the "*" rule if no other */
        } else if (!(flags & IS_EXCEPTION) && (is_named || (above & IS_WILDCARD))) {
            suffix = i;
        }
        above = flags;
    }
    if (host.p[0] == '.' || !suffix) {
        return info;
    }
    /* libpsl lets an empty label in front go with the suffix: "a..com" is a domain. */
    suffix -= suffix >= 2 && host.p[suffix - 2] == '.';
    size_t label = suffix - 1;
    while (label && host.p[label - 1] != '.') {
        label--;
    }
    info.domain_start = (uint16_t)label;
    return info;
}

static bool tld_is_listed(const psl_ctx_t *psl, const char *tld)
{
    int type = PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE;
    if (psl_is_public_suffix2(psl, tld, type)) {
        return true;
    }
    /* "*.ck" alone lists the names below ck. */
    char below[SUFFIX_HOST_BYTES_MAX + 3] = "x.";
    memcpy(below + 2, tld, strlen(tld) + 1);
    return psl_is_public_suffix2(psl, below, type);
}

struct host_info suffix_ask_libpsl(const psl_ctx_t *psl, struct slice host)
{
    char name[SUFFIX_HOST_BYTES_MAX + 1];
    memcpy(name, host.p, host.n);
    name[host.n] = '\0';
    struct host_info info = {(uint16_t)host.n, false};
    const char *domain = psl_registrable_domain(psl, name);
    if (domain) {
        info.domain_start = (uint16_t)(domain - name);
    }
    const char *dot = strrchr(name, '.');
    info.is_listed = tld_is_listed(psl, dot ? dot + 1 : name);
    return info;
}
