/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From paths to a set: files are found and read in a stable order, their bytes give the key; with
 * an image of that key in the cache nothing is parsed at all, else every file is checked and the
 * good ones compiled. */
#include "core/limits.h"
#include "core/log.h"
#include "sig/rule.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct rule_file {
    const char *path;      /* as findings say it */
    struct slice relative; /* to the path that was given */
    struct slice text;
    bool is_too_long;
};

struct load {
    const struct rule_options *options;
    struct arena *arena;
    struct findings findings;
    struct rule_file *files;
    size_t count, size;
    struct slice pack; /* name of the pack */
    struct errbuf *eb;
};

static enum err no_memory(struct load *l)
{
    return err_set(l->eb, ERR_NOMEM, "out of memory while rules are read");
}

/* ---- files ---- */

static enum err file_read(struct load *l, const char *path, struct slice *out, bool *is_too_long)
{
    struct stat st;
    enum err e = OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        e = err_set(l->eb, ERR_CONFIG, "%s: %s", path, fd < 0 ? strerror(errno) : "not a file");
        goto done;
    }
    /* One byte more than allowed tells a file that is too long, also one that grows meanwhile. */
    size_t room = LIMIT_RULE_FILE_BYTES + 1, n = 0;
    if (S_ISREG(st.st_mode) && st.st_size < LIMIT_RULE_FILE_BYTES) {
        room = (size_t)st.st_size + 1;
    }
    char *p = arena_alloc(l->arena, room);
    ssize_t got = 0;
    while (p && n < room && (got = read(fd, p + n, room - n)) > 0) {
        n += (size_t)got;
    }
    if (!p || got < 0) {
        e = p ? err_set(l->eb, ERR_CONFIG, "%s: %s", path, strerror(errno)) : no_memory(l);
        goto done;
    }
    *out = slice_of(p, n);
    *is_too_long = n > LIMIT_RULE_FILE_BYTES;
done:
    if (fd >= 0) {
        close(fd);
    }
    return e;
}

static const char *path_join(struct load *l, const char *folder, const char *name)
{
    size_t a = strlen(folder), b = strlen(name);
    while (a > 1 && folder[a - 1] == '/') {
        a--;
    }
    size_t n = a + b + 2;
    char *p = arena_alloc(l->arena, n);
    if (p) {
        snprintf(p, n, "%.*s/%s", (int)a, folder, name);
    }
    return p;
}

static enum err file_add(struct load *l, const char *path, size_t root)
{
    if (l->count == LIMIT_RULES) {
        return err_set(l->eb, ERR_LIMIT, "%s: more than %d rule files", path, LIMIT_RULES);
    }
    if (l->count == l->size) {
        size_t size = l->size ? 2 * l->size : 64;
        struct rule_file *files = realloc(l->files, size * sizeof *files);
        if (!files) {
            return no_memory(l);
        }
        l->files = files;
        l->size = size;
    }
    struct rule_file *f = &l->files[l->count];
    *f = (struct rule_file){.path = path, .relative = slice_cstr(path + root)};
    enum err e = file_read(l, path, &f->text, &f->is_too_long);
    l->count += e == OK;
    return e;
}

static bool name_is_rule(const char *name)
{
    struct slice s = slice_cstr(name);
    return name[0] != '.' && (slice_ends(s, S(".yml")) || slice_ends(s, S(".yaml")));
}

/* What stands beside the rules in a pack and is none (DESIGN 3). */
static bool folder_is_other(const char *name, unsigned depth)
{
    return depth == 0 && (strcmp(name, "annotations") == 0 || strcmp(name, "personas") == 0);
}

static int name_cmp(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not the locale's order */
}

static enum err folder_add(struct load *l, const char *folder, size_t root, unsigned depth)
{
    struct dirent **names = NULL;
    enum err e = OK;
    int n = scandir(folder, &names, NULL, name_cmp);
    if (n < 0) {
        return err_set(l->eb, ERR_CONFIG, "%s: %s", folder, strerror(errno));
    }
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        if (e == OK && name[0] != '.') {
            struct stat st;
            const char *path = path_join(l, folder, name);
            if (!path) {
                e = no_memory(l);
            } else if (stat(path, &st) != 0) {
                /* Other files may come and go meanwhile; a rule that cannot be read is told. */
                e = name_is_rule(name) ? err_set(l->eb, ERR_CONFIG, "%s: %s", path, strerror(errno))
                                       : OK;
            } else if (S_ISDIR(st.st_mode) && folder_is_other(name, depth)) {
                e = OK;
            } else if (S_ISDIR(st.st_mode)) {
                e = depth < LIMIT_FOLDER_DEPTH
                        ? folder_add(l, path, root, depth + 1)
                        : err_set(l->eb, ERR_LIMIT, "%s: folders nested too deep", path);
            } else if (name_is_rule(name)) {
                e = file_add(l, path, root);
            }
        }
        free(names[i]);
    }
    free(names);
    return e;
}

/* The name of the pack: the line in the file PACK of the first folder (or of the folder above it),
 * else what the first path is called. */
static void pack_name(struct load *l, const char *path)
{
    static const char *const PLACES[] = {"PACK", "../PACK"};
    for (int i = 0; i < 2; i++) {
        const char *file = path_join(l, path, PLACES[i]);
        struct errbuf *eb = l->eb;
        struct slice text;
        bool is_too_long;
        l->eb = NULL;
        bool is_there =
            file && access(file, R_OK) == 0 && file_read(l, file, &text, &is_too_long) == OK;
        l->eb = eb;
        if (is_there) {
            struct slice name = slice_trim(slice_cut(&text, '\n'));
            if (name.n > 0 && name.n <= 64) {
                l->pack = name;
                return;
            }
        }
    }
    struct slice name = slice_cstr(path);
    while (name.n > 1 && name.p[name.n - 1] == '/') {
        name.n--;
    }
    const char *slash = name.n ? memrchr(name.p, '/', name.n) : NULL;
    if (slash) {
        name = slice_span(slash + 1, name.p + name.n);
    }
    l->pack = name.n && name.n <= 64 && !slice_eq(name, S(".")) ? name : S("rules");
}

static enum err paths_read(struct load *l)
{
    enum err e = OK;
    for (size_t i = 0; i < l->options->path_count && e == OK; i++) {
        const char *path = l->options->paths[i];
        struct stat st;
        size_t root = strlen(path);
        if (stat(path, &st) != 0) {
            return err_set(l->eb, ERR_CONFIG, "%s: %s", path, strerror(errno));
        }
        if (S_ISDIR(st.st_mode)) {
            while (root > 1 && path[root - 1] == '/') {
                root--;
            }
            e = folder_add(l, path, root + 1, 0);
        } else {
            const char *slash = strrchr(path, '/');
            e = file_add(l, path, slash ? (size_t)(slash - path) + 1 : 0);
        }
    }
    if (e == OK && l->options->path_count) {
        pack_name(l, l->options->paths[0]);
    }
    return e;
}

/* ---- the key ---- */

static void hash_part(struct hash_stream *h, struct slice s)
{
    uint64_t n = s.n;
    hash_stream_add(h, slice_of((const char *)&n, sizeof n));
    hash_stream_add(h, s);
}

/* Two hashes: of what the rules say (the version), and of that with everything else that goes into
 * an image: paths in findings, the library, the processor, the numbering of the features. */
static enum err keys_make(struct load *l, struct id128 *content, struct id128 *key)
{
    hs_platform_info_t platform = {0};
    struct hash_stream *h = hash_stream_new();
    if (!h) {
        return no_memory(l);
    }
    hash_part(h, l->pack);
    for (size_t i = 0; i < l->count; i++) {
        hash_part(h, l->files[i].relative);
        hash_part(h, l->files[i].text);
    }
    *content = hash_stream_end(h);
    for (size_t i = 0; i < l->count; i++) {
        hash_part(h, slice_cstr(l->files[i].path));
    }
    hash_part(h, slice_of(IMAGE_MAGIC, sizeof IMAGE_MAGIC));
    hash_part(h, S(SPAMGAUGE_VERSION));
    hash_part(h, slice_cstr(hs_version()));
    hs_populate_platform(&platform);
    hash_part(h, slice_of((const char *)&platform.tune, sizeof platform.tune));
    hash_part(h, slice_of((const char *)&platform.cpu_features, sizeof platform.cpu_features));
    for (const char *const *name = rule_field_names(); *name; name++) {
        hash_part(h, slice_cstr(*name));
    }
    *key = hash_stream_end(h);
    hash_stream_free(h);
    return OK;
}

/* ---- check and compile ---- */

/* An id names one rule: the later file of two with the same is refused. */
static bool id_is_new(struct load *l, struct strmap *ids, const struct rule_source *rule)
{
    bool is_new;
    uint64_t *first = strmap_put(ids, rule->id, &is_new);
    if (!first) {
        l->findings.is_exhausted = true;
        return false;
    }
    if (is_new) {
        *first = (uint64_t)(uintptr_t)rule;
        return true;
    }
    const struct rule_source *other = (const struct rule_source *)(uintptr_t)*first;
    finding_add(&l->findings, FINDING_ERROR, rule->line, 1, "id %.*s is already that of %.*s",
                SLICE_ARG(rule->id), SLICE_ARG(other->relative));
    return false;
}

static enum err rules_make(struct load *l, struct slice version, struct id128 key,
                           struct strbuf *image)
{
    enum err e = OK;
    size_t count = 0;
    struct strmap *ids = strmap_new();
    struct rule_source **rules = calloc(l->count + 1, sizeof(struct rule_source *));
    if (!ids || !rules) {
        e = no_memory(l);
        goto done;
    }
    for (size_t i = 0; i < l->count; i++) {
        struct rule_source *rule =
            rule_check(l->files[i].text, l->files[i].path, l->arena, &l->findings);
        if (rule) {
            rule->relative = l->files[i].relative;
            if (id_is_new(l, ids, rule)) {
                rules[count++] = rule;
            }
        }
    }
    e = l->findings.is_exhausted ? no_memory(l)
                                 : image_compile(rules, count, &l->findings, version, key,
                                                 l->count - count, image, l->eb);
done:
    strmap_free(ids);
    free(rules);
    return e;
}

static void findings_tell(const struct rule_options *o, const struct rules *r)
{
    char file[4096], text[1024];
    for (size_t i = 0; o->on_finding && i < r->findings_count; i++) {
        const struct image_finding *f = &r->findings[i];
        snprintf(file, sizeof file, "%.*s", SLICE_ARG(image_slice(r, f->file)));
        snprintf(text, sizeof text, "%.*s", SLICE_ARG(image_slice(r, f->text)));
        const struct finding out = {(enum finding_level)f->level, file, f->line, f->column, text};
        o->on_finding(o->arg, &out);
    }
}

static enum err load_cached(struct load *l, struct id128 key, struct rules **out)
{
    char *image;
    size_t bytes;
    enum err e = l->options->cache_dir ? cache_read(l->options->cache_dir, key, &image, &bytes)
                                       : ERR_NOTFOUND;
    e = e == OK ? rules_open(image, bytes, out) : e;
    if (e == OK) {
        (*out)->is_from_cache = true;
    }
    return e;
}

static enum err load_compiled(struct load *l, struct slice version, struct id128 key,
                              struct rules **out)
{
    struct strbuf image = STRBUF_INIT;
    struct errbuf lost;
    enum err e = rules_make(l, version, key, &image);
    if (e != OK) {
        strbuf_free(&image);
        return e;
    }
    if (l->options->cache_dir &&
        cache_write(l->options->cache_dir, key, strbuf_slice(&image), &lost) != OK) {
        log_warn("rules", "not cached: %s", lost.text);
    }
    e = rules_open(image.p, image.n, out);
    return e == OK ? OK : err_set(l->eb, e, "the compiled rules cannot be used: %s", err_text(e));
}

enum err rules_load(const struct rule_options *o, struct rules **out, struct errbuf *eb)
{
    struct load l = {.options = o, .eb = eb, .pack = S("rules")};
    struct rules *r = NULL;
    struct id128 content, key;
    char hex[33], version[128];
    enum err e;

    l.arena = arena_new(SIZE_MAX);
    if (!l.arena) {
        return no_memory(&l);
    }
    l.findings.arena = l.arena;
    e = paths_read(&l);
    e = e == OK ? keys_make(&l, &content, &key) : e;
    if (e == OK && load_cached(&l, key, &r) != OK) {
        id128_hex(content, hex);
        snprintf(version, sizeof version, "%.*s+%.8s", SLICE_ARG(l.pack), hex);
        e = load_compiled(&l, slice_cstr(version), key, &r);
    }
    if (e == OK) {
        findings_tell(o, r);
        *out = r;
    }
    findings_free(&l.findings);
    free(l.files);
    arena_free(l.arena);
    return e;
}
