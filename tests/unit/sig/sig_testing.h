/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Helpers of the rule tests: packs in a temporary folder, features made by hand. */
#ifndef SIG_TESTING_H
#define SIG_TESTING_H

#include "testing.h"

#include "sig/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void put_file(const char *folder, const char *name, const char *text, size_t n)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static inline void make_folder(char *template)
{
    assert_non_null(mkdtemp(template));
}

static inline void remove_folder(const char *folder)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

static inline struct rules *load_folder(const char *folder, const char *cache)
{
    struct rule_options o = {.paths = &folder, .path_count = 1, .cache_dir = cache};
    struct errbuf eb = {.text = ""};
    struct rules *r = NULL;
    enum err e = rules_load(&o, &r, &eb);
    if (e != OK) {
        fail_msg("%s: %s", err_name(e), eb.text);
    }
    return r;
}

/* A rule with a detection block (lines with two spaces before them) and an attribution. */
static inline int rule_text(char *out, size_t n, unsigned id, const char *status,
                            const char *detection, const char *attribution)
{
    return snprintf(out, n,
                    "title: rule %u\nid: 00000000-0000-4000-8000-%012u\nstatus: %s\n"
                    "references: [https://example.com/]\n"
                    "logsource: {product: spamgauge, category: message}\n"
                    "detection:\n%sattribution: {%s}\n",
                    id, id, status, detection, attribution);
}

static inline void put_rule(const char *folder, unsigned id, const char *status,
                            const char *detection, const char *attribution)
{
    static char text[65536];
    char name[64];
    int n = rule_text(text, sizeof text, id, status, detection, attribution);
    snprintf(name, sizeof name, "%06u.yml", id);
    put_file(folder, name, text, (size_t)n);
}

/* A small generator of its own: the same on every machine. */
static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

#endif
