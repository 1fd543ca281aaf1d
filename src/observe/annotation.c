/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/annotation.h"

#include "core/clock.h"
#include "core/finding.h"
#include "core/limits.h"
#include "core/strbuf.h"
#include "core/yaml.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { ANNOTATIONS_MAX = 10000, NAMES_MAX = 64, ANNOTATION_PATH_BYTES = 4096 };

static const char *const KIND_NAMES[ANNOTATION_KIND_COUNT + 1] = {
#define ANNOTATION_KIND(id, name, text) name,
#include "observe/annotation_kind.def"
#undef ANNOTATION_KIND
    NULL,
};

static const char *const KEYS[] = {"date",     "kind",   "title",  "botnets",
                                   "programs", "effect", "source", NULL};

const char *annotation_kind_name(enum annotation_kind k)
{
    return KIND_NAMES[k];
}

struct loader {
    struct findings findings;
    struct arena *arena;
    struct annotation *items;
    size_t count, size;
};

/* A day, a month or a year, and the first moment after it. */
static bool span_parse(struct slice text, struct annotation *a)
{
    char padded[16];
    int64_t next;
    if (text.n != 4 && text.n != 7 && text.n != 10) {
        return false;
    }
    snprintf(padded, sizeof padded, "%.*s%s", SLICE_ARG(text), text.n == 4 ? "-01" : "");
    if (!time_parse(slice_cstr(padded), 0, &a->since)) {
        return false;
    }
    if (text.n == 10) {
        a->until = a->since + SECONDS_PER_DAY;
        return true;
    }
    int year, month, day;
    days_to_civil(day_of(a->since), &year, &month, &day);
    bool wraps = text.n == 4 || month == 12;
    next = civil_to_days(year + wraps, wraps ? 1 : month + 1, 1);
    a->until = next * SECONDS_PER_DAY;
    return true;
}

static const struct slice *names_read(struct loader *l, const struct yaml_node *list, size_t *count)
{
    *count = 0;
    if (!list || list->kind != YAML_LIST) {
        if (list) {
            finding_add(&l->findings, FINDING_ERROR, list->line, list->column,
                        "a list of names, please");
        }
        return NULL;
    }
    struct slice *names = arena_calloc(l->arena, list->count + 1, sizeof *names);
    for (const struct yaml_node *n = list->first; names && n && *count < NAMES_MAX; n = n->next) {
        if (n->kind == YAML_SCALAR) {
            names[(*count)++] = n->text;
        }
    }
    return names;
}

static struct slice scalar_read(struct loader *l, const struct yaml_node *entry, const char *key,
                                bool is_needed)
{
    const struct yaml_node *node = yaml_get(entry, key);
    if (!node && is_needed) {
        finding_add(&l->findings, FINDING_ERROR, entry->line, entry->column, "%s is missing", key);
    } else if (node && node->kind != YAML_SCALAR) {
        finding_add(&l->findings, FINDING_ERROR, node->line, node->column, "%s: a text, please",
                    key);
    } else if (node) {
        return node->text;
    }
    return (struct slice){NULL, 0};
}

static void keys_check(struct loader *l, const struct yaml_node *entry)
{
    for (const struct yaml_node *n = entry->first; n; n = n->next) {
        bool is_known = false;
        for (const char *const *k = KEYS; *k && !is_known; k++) {
            is_known = slice_eq(n->key->text, slice_cstr(*k));
        }
        if (!is_known) {
            const char *near = name_near(n->key->text, KEYS);
            finding_add(&l->findings, FINDING_ERROR, n->key->line, n->key->column,
                        "unknown key \"%.*s\"%s%s%s", SLICE_ARG(n->key->text),
                        near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        }
    }
}

static bool kind_parse(struct slice text, enum annotation_kind *out)
{
    for (int k = 0; k < ANNOTATION_KIND_COUNT; k++) {
        if (slice_eq(text, slice_cstr(KIND_NAMES[k]))) {
            *out = (enum annotation_kind)k;
            return true;
        }
    }
    return false;
}

/* Adds the entry when nothing was wrong with it. */
static enum err entry_read(struct loader *l, const struct yaml_node *entry)
{
    size_t errors = l->findings.errors;
    struct annotation a = {.since = 0};
    if (entry->kind != YAML_MAP) {
        finding_add(&l->findings, FINDING_ERROR, entry->line, entry->column,
                    "a mapping with date, kind, title, source, please");
        return OK;
    }
    keys_check(l, entry);
    a.date = scalar_read(l, entry, "date", true);
    struct slice kind = scalar_read(l, entry, "kind", true);
    a.title = scalar_read(l, entry, "title", true);
    a.source = scalar_read(l, entry, "source", true);
    a.effect = scalar_read(l, entry, "effect", false);
    a.botnets = names_read(l, yaml_get(entry, "botnets"), &a.botnet_count);
    a.programs = names_read(l, yaml_get(entry, "programs"), &a.program_count);
    if (a.date.p && !span_parse(a.date, &a)) {
        const struct yaml_node *n = yaml_get(entry, "date");
        finding_add(&l->findings, FINDING_ERROR, n->line, n->column,
                    "date: 2008-11-11, 2008-11 or '2008', please");
    }
    if (kind.p && !kind_parse(kind, &a.kind)) {
        const struct yaml_node *n = yaml_get(entry, "kind");
        const char *near = name_near(kind, KIND_NAMES);
        finding_add(&l->findings, FINDING_ERROR, n->line, n->column, "unknown kind \"%.*s\"%s%s%s",
                    SLICE_ARG(kind), near ? "; did you mean " : "", near ? near : "",
                    near ? "?" : "");
    }
    if (l->findings.errors != errors) {
        return OK;
    }
    if (l->count == l->size) {
        size_t size = l->size ? 2 * l->size : 64;
        struct annotation *items =
            size > ANNOTATIONS_MAX ? NULL : realloc(l->items, size * sizeof *items);
        if (!items) {
            return size > ANNOTATIONS_MAX ? ERR_LIMIT : ERR_NOMEM;
        }
        l->items = items;
        l->size = size;
    }
    l->items[l->count++] = a;
    return OK;
}

static enum err text_load(struct loader *l, const char *path, FILE *f)
{
    char *text = malloc(LIMIT_RULE_FILE_BYTES + 1);
    size_t n = text ? fread(text, 1, LIMIT_RULE_FILE_BYTES + 1, f) : 0;
    struct slice name = arena_copy(l->arena, slice_of(path, strlen(path) + 1));
    enum err e = text && name.p ? OK : ERR_NOMEM;
    l->findings.file = name.p;
    if (e == OK && n > LIMIT_RULE_FILE_BYTES) {
        finding_add(&l->findings, FINDING_ERROR, 1, 1, "larger than %d bytes",
                    LIMIT_RULE_FILE_BYTES);
    } else if (e == OK) {
        const struct yaml_node *root = yaml_read(slice_of(text, n), l->arena, &l->findings);
        const struct yaml_node *list = root ? yaml_get(root, "annotations") : NULL;
        if (root && (!list || list->kind != YAML_LIST)) {
            finding_add(&l->findings, FINDING_ERROR, 1, 1, "annotations: a list, please");
            list = NULL;
        }
        for (const struct yaml_node *entry = list ? list->first : NULL; e == OK && entry;
             entry = entry->next) {
            e = entry_read(l, entry);
        }
    }
    free(text);
    return e;
}

static enum err file_load(struct loader *l, const char *path, struct errbuf *eb)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return err_at(eb, ERR_CONFIG, path, 0, 0, "%s", strerror(errno));
    }
    enum err e = text_load(l, path, f);
    fclose(f);
    return e;
}

static int is_yaml(const struct dirent *d)
{
    struct slice name = slice_cstr(d->d_name);
    return d->d_name[0] != '.' && (slice_ends(name, S(".yaml")) || slice_ends(name, S(".yml")));
}

static enum err path_load(struct loader *l, const char *path, struct errbuf *eb)
{
    struct stat st;
    struct dirent **names = NULL;
    enum err e = OK;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return file_load(l, path, eb);
    }
    int n = scandir(path, &names, is_yaml, alphasort);
    for (int i = 0; i < n; i++) {
        char file[ANNOTATION_PATH_BYTES];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        e = e == OK ? file_load(l, file, eb) : e;
        free(names[i]);
    }
    free(names);
    return e;
}

static int compare_dates(const void *a, const void *b)
{
    const struct annotation *x = a, *y = b;
    int order = (x->since > y->since) - (x->since < y->since);
    return order ? order : slice_cmp(x->title, y->title);
}

enum err annotations_load(const char *const *paths, size_t path_count, finding_fn on_finding,
                          void *arg, struct arena *arena, struct annotations *out,
                          struct errbuf *eb)
{
    struct loader l = {.findings = {.arena = arena}, .arena = arena};
    enum err e = OK;
    for (size_t i = 0; e == OK && i < path_count; i++) {
        e = path_load(&l, paths[i], eb);
    }
    for (size_t i = 0; on_finding && i < l.findings.count; i++) {
        on_finding(arg, &l.findings.items[i]);
    }
    struct annotation *items = e == OK ? arena_calloc(arena, l.count, sizeof *items) : NULL;
    if (items && l.count) {
        qsort(l.items, l.count, sizeof *l.items, compare_dates);
        memcpy(items, l.items, l.count * sizeof *items);
    }
    if (e == OK) {
        e = items ? OK : ERR_NOMEM;
        *out = (struct annotations){items, l.count};
    }
    findings_free(&l.findings);
    free(l.items);
    return e;
}

enum err annotations_within(const struct annotations *all, int64_t since, int64_t until,
                            struct arena *arena, struct annotations *out)
{
    struct annotations within = {.count = 0};
    struct annotation *kept = arena_calloc(arena, all->count + 1, sizeof *kept);
    if (!kept) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].since < until && all->items[i].until > since) {
            kept[within.count++] = all->items[i];
        }
    }
    within.items = kept;
    *out = within;
    return OK;
}

size_t annotations_pick(const struct annotations *from, size_t max, const struct annotation **out)
{
    static const enum annotation_kind FIRST[] = {ANNOTATION_TAKEDOWN, ANNOTATION_CLOSURE,
                                                 ANNOTATION_GAP, ANNOTATION_LAW};
    enum { RANKS = sizeof FIRST / sizeof *FIRST + 1 };
    size_t found[RANKS] = {0}, taken[RANKS];
    size_t count = 0;
    size_t rank_of[ANNOTATION_KIND_COUNT];
    for (size_t k = 0; k < ANNOTATION_KIND_COUNT; k++) {
        rank_of[k] = RANKS - 1;
    }
    for (size_t k = 0; k < RANKS - 1; k++) {
        rank_of[FIRST[k]] = k;
    }
    for (size_t i = 0; i < from->count; i++) {
        found[rank_of[from->items[i].kind]]++;
    }
    for (size_t k = 0; k < RANKS; k++) {
        taken[k] = found[k] < max - count ? found[k] : max - count;
        count += taken[k];
    }
    size_t n = 0, seen[RANKS] = {0};
    for (size_t i = 0; i < from->count; i++) {
        size_t rank = rank_of[from->items[i].kind];
        /* Exactly `taken` of `found`, the first of them and then in even steps. */
        if (seen[rank]++ * taken[rank] % found[rank] < taken[rank]) {
            out[n++] = &from->items[i];
        }
    }
    return n;
}
