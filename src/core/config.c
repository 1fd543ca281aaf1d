/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/config.h"

#include <libfyaml.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONFIG_ITEMS_MAX = 256, CONFIG_FILE_BYTES_MAX = 1024 * 1024, PATH_BYTES = 4096 };

struct value {
    char **items;
    size_t count;
    uint64_t number;
    char origin[300];
};

struct config {
    struct value values[CONFIG_KEY_COUNT];
};

static const struct config_info INFOS[CONFIG_KEY_COUNT] = {
#define CONFIG(key, name, type, fallback, doc) {name, CONFIG_TYPE_##type, fallback, doc},
#include "core/config.def"
#undef CONFIG
};

const struct config_info *config_info(enum config_key k)
{
    return &INFOS[k];
}

bool size_parse(struct slice s, uint64_t *out)
{
    static const char UNITS[] = "kmgt";
    uint64_t value;
    unsigned shift = 0;
    const char *unit = s.n ? strchr(UNITS, ascii_lower(s.p[s.n - 1])) : NULL;
    if (unit && *unit) {
        shift = 10 * (unsigned)(unit - UNITS + 1);
        s.n--;
    }
    if (!slice_to_u64(s, &value) || value > UINT64_MAX >> shift) {
        return false;
    }
    *out = value << shift;
    return true;
}

static void value_clear(struct value *v)
{
    for (size_t i = 0; i < v->count; i++) {
        free(v->items[i]);
    }
    free(v->items);
    v->items = NULL;
    v->count = 0;
}

static bool value_add(struct value *v, struct slice text)
{
    char **items = realloc(v->items, (v->count + 1) * sizeof *items);
    if (!items) {
        return false;
    }
    v->items = items;
    v->items[v->count] = strndup(text.p ? text.p : "", text.n);
    return v->items[v->count] && ++v->count;
}

/* Checks the type of a value just set. */
static bool value_check(struct value *v, enum config_type type)
{
    struct slice text = slice_cstr(v->count ? v->items[0] : "");
    switch (type) {
    case CONFIG_TYPE_NUMBER:
        return v->count == 1 && slice_to_u64(text, &v->number);
    case CONFIG_TYPE_SIZE:
        return v->count == 1 && size_parse(text, &v->number);
    case CONFIG_TYPE_TEXT:
        return v->count == 1;
    default:
        return true;
    }
}

struct config *config_new(void)
{
    struct config *c = calloc(1, sizeof *c);
    for (int k = 0; c && k < CONFIG_KEY_COUNT; k++) {
        struct value *v = &c->values[k];
        bool is_empty_list = INFOS[k].type == CONFIG_TYPE_LIST && !INFOS[k].fallback[0];
        snprintf(v->origin, sizeof v->origin, "default");
        if (!is_empty_list && !value_add(v, slice_cstr(INFOS[k].fallback))) {
            config_free(c);
            return NULL;
        }
        if (!value_check(v, INFOS[k].type)) {
            panic("config.def: bad default of %s", INFOS[k].name);
        }
    }
    return c;
}

void config_free(struct config *c)
{
    if (c) {
        for (int k = 0; k < CONFIG_KEY_COUNT; k++) {
            value_clear(&c->values[k]);
        }
        free(c);
    }
}

static enum err node_error(struct errbuf *eb, const char *path, struct fy_node *node,
                           const char *text)
{
    const struct fy_mark *mark = NULL;
    struct fy_token *token = node ? fy_node_get_scalar_token(node) : NULL;
    if (token) {
        mark = fy_token_start_mark(token);
    }
    return err_at(eb, ERR_CONFIG, path, mark ? (unsigned)mark->line + 1 : 0,
                  mark ? (unsigned)mark->column + 1 : 0, "%s", text);
}

static struct slice scalar(struct fy_node *node)
{
    size_t n = 0;
    const char *p = node && fy_node_is_scalar(node) ? fy_node_get_scalar(node, &n) : NULL;
    return slice_of(p, p ? n : 0);
}

static enum err value_read(struct value *v, enum config_type type, struct fy_node *node)
{
    value_clear(v);
    if (fy_node_is_sequence(node)) {
        if (type != CONFIG_TYPE_LIST || fy_node_sequence_item_count(node) > CONFIG_ITEMS_MAX) {
            return ERR_CONFIG;
        }
        void *iterator = NULL;
        for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &iterator)) != NULL;) {
            if (!fy_node_is_scalar(item)) {
                return ERR_CONFIG;
            }
            if (!value_add(v, scalar(item))) {
                return ERR_NOMEM;
            }
        }
    } else if (!fy_node_is_scalar(node)) {
        return ERR_CONFIG;
    } else if (!value_add(v, scalar(node))) {
        return ERR_NOMEM;
    }
    return value_check(v, type) ? OK : ERR_CONFIG;
}

static enum err pair_read(struct config *c, const char *path, struct fy_node_pair *pair,
                          struct errbuf *eb)
{
    static const char *const WANTS[] = {"a text", "a list of texts", "a whole number",
                                        "a size such as 64m"};
    struct fy_node *key = fy_node_pair_key(pair);
    struct slice name = scalar(key);
    char text[200];
    for (int k = 0; k < CONFIG_KEY_COUNT; k++) {
        if (!slice_eq(name, slice_cstr(INFOS[k].name))) {
            continue;
        }
        enum err e = value_read(&c->values[k], INFOS[k].type, fy_node_pair_value(pair));
        if (e == ERR_CONFIG) {
            snprintf(text, sizeof text, "%s: %s, please", INFOS[k].name, WANTS[INFOS[k].type]);
            return node_error(eb, path, key, text);
        }
        snprintf(c->values[k].origin, sizeof c->values[k].origin, "%s", path);
        return e;
    }
    snprintf(text, sizeof text, "unknown key \"%.*s\"; spamgauge check --help-config lists them",
             (int)(name.n < 60 ? name.n : 60), name.p ? name.p : "");
    return node_error(eb, path, key, text);
}

/* libfyaml writes "file:line:column: error: text" lines; the first one is the cause. (Its list of
 * collected errors would be the cleaner way, but 0.7.12 leaks the tokens in it.) */
static enum err diag_error(struct errbuf *eb, const char *path, const char *diag)
{
    struct slice rest = slice_cstr(diag), prefix = slice_cstr(path);
    uint64_t line = 0, column = 0;
    rest = slice_cut(&rest, '\n');
    if (slice_starts(rest, prefix)) {
        rest = slice_sub(rest, prefix.n, SIZE_MAX);
        slice_cut(&rest, ':');
        bool has_place = slice_to_u64(slice_cut(&rest, ':'), &line) &&
                         slice_to_u64(slice_cut(&rest, ':'), &column) && line < UINT_MAX &&
                         column < UINT_MAX;
        line = has_place ? line : 0;
        rest = slice_trim(rest);
        rest = slice_starts(rest, S("error: ")) ? slice_sub(rest, 7, SIZE_MAX) : rest;
    }
    return err_at(eb, ERR_CONFIG, path, (unsigned)line, (unsigned)column, "%.*s",
                  SLICE_ARG(rest.n ? rest : S("not YAML")));
}

static enum err root_read(struct config *c, const char *path, struct fy_node *root,
                          struct errbuf *eb)
{
    void *iterator = NULL;
    enum err e = OK;
    if (root && !fy_node_is_mapping(root)) {
        return err_at(eb, ERR_CONFIG, path, 1, 1, "a mapping of keys, please");
    }
    for (struct fy_node_pair *pair;
         e == OK && root && (pair = fy_node_mapping_iterate(root, &iterator)) != NULL;) {
        e = pair_read(c, path, pair, eb);
    }
    return e;
}

static enum err file_read(struct config *c, const char *path, struct errbuf *eb)
{
    struct fy_diag_cfg diag_cfg;
    char *said = NULL;
    size_t said_bytes = 0;
    enum err e = ERR_NOMEM;
    if (access(path, R_OK) != 0) {
        return err_at(eb, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, path, 0, 0, "%s",
                      strerror(errno));
    }
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = open_memstream(&said, &said_bytes);
    diag_cfg.colorize = false;
    struct fy_parse_cfg parse = {.diag = diag_cfg.fp ? fy_diag_create(&diag_cfg) : NULL};
    if (parse.diag) {
        struct fy_document *doc = fy_document_build_from_file(&parse, path);
        fflush(diag_cfg.fp);
        e = doc ? root_read(c, path, fy_document_root(doc), eb) : diag_error(eb, path, said);
        fy_document_destroy(doc);
        fy_diag_unref(parse.diag);
    }
    if (diag_cfg.fp) {
        fclose(diag_cfg.fp);
    }
    free(said);
    return e;
}

static int is_yaml(const struct dirent *d)
{
    return slice_ends(slice_cstr(d->d_name), S(".yaml")) && d->d_name[0] != '.';
}

enum err config_read(struct config *c, const char *path, struct errbuf *eb)
{
    char folder[PATH_BYTES], file[PATH_BYTES + 300];
    struct dirent **names = NULL;
    enum err e = file_read(c, path, eb);
    if (e != OK) {
        return e;
    }
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*sconf.d", slash ? (int)(slash - path + 1) : 0, path);
    int n = scandir(folder, &names, is_yaml, alphasort);
    for (int i = 0; i < n; i++) {
        snprintf(file, sizeof file, "%s/%s", folder, names[i]->d_name);
        e = e == OK ? file_read(c, file, eb) : e;
        free(names[i]);
    }
    free(names);
    return e;
}

const char *config_text(const struct config *c, enum config_key k)
{
    return config_item(c, k, 0);
}

size_t config_count(const struct config *c, enum config_key k)
{
    return c->values[k].count;
}

const char *config_item(const struct config *c, enum config_key k, size_t i)
{
    return i < c->values[k].count ? c->values[k].items[i] : "";
}

uint64_t config_number(const struct config *c, enum config_key k)
{
    return c->values[k].number;
}

const char *config_origin(const struct config *c, enum config_key k)
{
    return c->values[k].origin;
}
