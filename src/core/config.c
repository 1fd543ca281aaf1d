/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/config.h"

#include "core/limits.h"

#include <libfyaml.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONFIG_ITEMS_MAX = 256, CONFIG_FILE_BYTES_MAX = 1024 * 1024, PATH_BYTES = 4096 };

struct place {
    unsigned line, column; /* 1-based; 0: none */
};

struct item {
    char *text;
    struct place at;
};

struct value {
    struct item *items;
    size_t count;
    uint64_t number;
    struct place at;                             /* of the key */
    char file[sizeof((struct errbuf *)0)->file]; /* "": the default */
    char origin[300];
};

struct listener {
    struct value values[LISTENER_KEY_COUNT];
};

struct config {
    struct value values[CONFIG_KEY_COUNT];
    struct listener *listeners;
    size_t listener_count;
};

static const struct config_info INFOS[CONFIG_KEY_COUNT] = {
#define CONFIG(key, name, type, fallback, doc) {name, CONFIG_TYPE_##type, fallback, doc},
#include "core/config.def"
#undef CONFIG
};

static const struct config_info LISTENER_INFOS[LISTENER_KEY_COUNT] = {
#define CONFIG(key, name, type, fallback, doc) {name, CONFIG_TYPE_##type, fallback, doc},
#include "core/config_listener.def"
#undef CONFIG
};

const struct config_info *config_info(enum config_key k)
{
    return &INFOS[k];
}

const struct config_info *listener_info(enum listener_key k)
{
    return &LISTENER_INFOS[k];
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
        free(v->items[i].text);
    }
    free(v->items);
    v->items = NULL;
    v->count = 0;
}

static bool value_add(struct value *v, struct slice text, struct place at)
{
    struct item *items = realloc(v->items, (v->count + 1) * sizeof *items);
    if (!items) {
        return false;
    }
    v->items = items;
    v->items[v->count] = (struct item){strndup(text.p ? text.p : "", text.n), at};
    return v->items[v->count].text && ++v->count;
}

/* Checks the type of a value just set. */
static bool value_check(struct value *v, enum config_type type)
{
    struct slice text = slice_cstr(v->count ? v->items[0].text : "");
    switch (type) {
    case CONFIG_TYPE_NUMBER:
        return v->count == 1 && slice_to_u64(text, &v->number);
    case CONFIG_TYPE_SIZE:
        return v->count == 1 && size_parse(text, &v->number);
    case CONFIG_TYPE_FLAG:
        v->number = slice_eq(text, S("yes")) || slice_eq(text, S("true"));
        return v->count == 1 &&
               (v->number || slice_eq(text, S("no")) || slice_eq(text, S("false")));
    case CONFIG_TYPE_TEXT:
        return v->count == 1;
    default:
        return true;
    }
}

static bool values_default(struct value *values, const struct config_info *infos, int n)
{
    for (int k = 0; k < n; k++) {
        struct value *v = &values[k];
        bool has_none = infos[k].type == CONFIG_TYPE_LISTENERS ||
                        (infos[k].type == CONFIG_TYPE_LIST && !infos[k].fallback[0]);
        snprintf(v->origin, sizeof v->origin, "default");
        if (!has_none && !value_add(v, slice_cstr(infos[k].fallback), (struct place){0, 0})) {
            return false;
        }
        if (!value_check(v, infos[k].type)) {
            panic("config.def: bad default of %s", infos[k].name);
        }
    }
    return true;
}

static void values_clear(struct value *values, int n)
{
    for (int k = 0; k < n; k++) {
        value_clear(&values[k]);
    }
}

static void listeners_clear(struct config *c)
{
    for (size_t i = 0; i < c->listener_count; i++) {
        values_clear(c->listeners[i].values, LISTENER_KEY_COUNT);
    }
    free(c->listeners);
    c->listeners = NULL;
    c->listener_count = 0;
}

struct config *config_new(void)
{
    struct config *c = calloc(1, sizeof *c);
    if (c && !values_default(c->values, INFOS, CONFIG_KEY_COUNT)) {
        config_free(c);
        return NULL;
    }
    return c;
}

void config_free(struct config *c)
{
    if (c) {
        listeners_clear(c);
        values_clear(c->values, CONFIG_KEY_COUNT);
        free(c);
    }
}

static struct place place_of(struct fy_node *node)
{
    struct fy_token *token = NULL;
    const struct fy_mark *mark = NULL;
    if (node && fy_node_is_scalar(node)) {
        token = fy_node_get_scalar_token(node);
    } else if (node && fy_node_is_mapping(node) && fy_node_mapping_item_count(node) > 0) {
        return place_of(fy_node_pair_key(fy_node_mapping_get_by_index(node, 0)));
    }
    mark = token ? fy_token_start_mark(token) : NULL;
    return mark ? (struct place){(unsigned)mark->line + 1, (unsigned)mark->column + 1}
                : (struct place){0, 0};
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
    if (node && fy_node_is_sequence(node)) {
        if (type != CONFIG_TYPE_LIST || fy_node_sequence_item_count(node) > CONFIG_ITEMS_MAX) {
            return ERR_CONFIG;
        }
        void *iterator = NULL;
        for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &iterator)) != NULL;) {
            if (!fy_node_is_scalar(item)) {
                return ERR_CONFIG;
            }
            if (!value_add(v, scalar(item), place_of(item))) {
                return ERR_NOMEM;
            }
        }
    } else if (!node || !fy_node_is_scalar(node)) {
        return ERR_CONFIG;
    } else if (!value_add(v, scalar(node), place_of(node))) {
        return ERR_NOMEM;
    }
    return value_check(v, type) ? OK : ERR_CONFIG;
}

/* One key of a mapping into the value of that name. */
static enum err pair_read(struct value *values, const struct config_info *infos, int n,
                          const char *path, struct fy_node_pair *pair, struct errbuf *eb)
{
    static const char *const WANTS[] = {"a text",         "a list of texts",
                                        "a whole number", "a size such as 64m",
                                        "yes or no",      "a list of listeners"};
    struct slice name = scalar(fy_node_pair_key(pair));
    struct place at = place_of(fy_node_pair_key(pair));
    for (int k = 0; k < n; k++) {
        if (!slice_eq(name, slice_cstr(infos[k].name))) {
            continue;
        }
        struct value *v = &values[k];
        enum err e = value_read(v, infos[k].type, fy_node_pair_value(pair));
        if (e == ERR_CONFIG) {
            return err_at(eb, e, path, at.line, at.column, "%s: %s, please", infos[k].name,
                          WANTS[infos[k].type]);
        }
        v->at = at;
        snprintf(v->file, sizeof v->file, "%s", path);
        snprintf(v->origin, sizeof v->origin, "%.250s:%u", path, at.line);
        return e;
    }
    return err_at(eb, ERR_CONFIG, path, at.line, at.column,
                  "unknown key \"%.*s\"; spamgauge check --help-config lists them",
                  (int)(name.n < 60 ? name.n : 60), name.p ? name.p : "");
}

static enum err listener_read(struct listener *l, const char *path, struct fy_node *node,
                              struct errbuf *eb)
{
    void *iterator = NULL;
    enum err e = values_default(l->values, LISTENER_INFOS, LISTENER_KEY_COUNT) ? OK : ERR_NOMEM;
    for (struct fy_node_pair *pair;
         e == OK && (pair = fy_node_mapping_iterate(node, &iterator)) != NULL;) {
        e = pair_read(l->values, LISTENER_INFOS, LISTENER_KEY_COUNT, path, pair, eb);
    }
    for (int k = 0; k < LISTENER_KEY_COUNT; k++) { /* a default is placed at its listener */
        struct value *v = &l->values[k];
        if (!v->file[0]) {
            v->at = place_of(node);
            snprintf(v->file, sizeof v->file, "%s", path);
        }
    }
    return e;
}

static enum err listeners_read(struct config *c, const char *path, struct fy_node_pair *pair,
                               struct errbuf *eb)
{
    struct fy_node *node = fy_node_pair_value(pair);
    struct place at = place_of(fy_node_pair_key(pair));
    struct value *v = &c->values[CONFIG_LISTENERS];
    int n = node && fy_node_is_sequence(node) ? fy_node_sequence_item_count(node) : -1;
    if (n < 0 || n > LIMIT_LISTENERS) {
        return err_at(eb, ERR_CONFIG, path, at.line, at.column,
                      "listeners: a list of at most %d listeners, please", LIMIT_LISTENERS);
    }
    listeners_clear(c);
    c->listeners = calloc((size_t)n + 1, sizeof *c->listeners);
    if (!c->listeners) {
        return ERR_NOMEM;
    }
    void *iterator = NULL;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &iterator)) != NULL;) {
        if (!fy_node_is_mapping(item)) {
            at = fy_node_is_scalar(item) ? place_of(item) : at;
            return err_at(eb, ERR_CONFIG, path, at.line, at.column,
                          "listeners: each is a mapping of keys such as address and port");
        }
        enum err e = listener_read(&c->listeners[c->listener_count++], path, item, eb);
        if (e != OK) {
            return e;
        }
    }
    v->at = at;
    snprintf(v->file, sizeof v->file, "%s", path);
    snprintf(v->origin, sizeof v->origin, "%.250s:%u", path, at.line);
    return OK;
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
        bool is_listeners =
            slice_eq(scalar(fy_node_pair_key(pair)), slice_cstr(INFOS[CONFIG_LISTENERS].name));
        e = is_listeners ? listeners_read(c, path, pair, eb)
                         : pair_read(c->values, INFOS, CONFIG_KEY_COUNT, path, pair, eb);
    }
    return e;
}

static enum err file_read(struct config *c, const char *path, struct errbuf *eb)
{
    struct fy_diag_cfg diag_cfg;
    struct stat st;
    char *said = NULL;
    size_t said_bytes = 0;
    enum err e = ERR_NOMEM;
    if (access(path, R_OK) != 0) {
        return err_at(eb, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, path, 0, 0, "%s",
                      strerror(errno));
    }
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return err_at(eb, ERR_IO, path, 0, 0, "%s", strerror(EISDIR));
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

static const char *value_item(const struct value *v, size_t i)
{
    return i < v->count ? v->items[i].text : "";
}

const char *config_item(const struct config *c, enum config_key k, size_t i)
{
    return value_item(&c->values[k], i);
}

uint64_t config_number(const struct config *c, enum config_key k)
{
    return c->values[k].number;
}

const char *config_origin(const struct config *c, enum config_key k)
{
    return c->values[k].origin;
}

size_t config_listeners(const struct config *c)
{
    return c->listener_count;
}

const char *listener_text(const struct config *c, size_t listener, enum listener_key k)
{
    return listener_item(c, listener, k, 0);
}

size_t listener_count(const struct config *c, size_t listener, enum listener_key k)
{
    return c->listeners[listener].values[k].count;
}

const char *listener_item(const struct config *c, size_t listener, enum listener_key k, size_t i)
{
    return value_item(&c->listeners[listener].values[k], i);
}

uint64_t listener_number(const struct config *c, size_t listener, enum listener_key k)
{
    return c->listeners[listener].values[k].number;
}

enum err config_listener_add(struct config *c, const char *address)
{
    struct listener *grown = realloc(c->listeners, (c->listener_count + 1) * sizeof *grown);
    if (!grown) {
        return ERR_NOMEM;
    }
    c->listeners = grown;
    struct listener *l = &grown[c->listener_count++];
    *l = (struct listener){.values = {{.count = 0}}};
    bool done = values_default(l->values, LISTENER_INFOS, LISTENER_KEY_COUNT);
    value_clear(&l->values[LISTENER_ADDRESS]);
    return done && value_add(&l->values[LISTENER_ADDRESS], slice_cstr(address),
                             (struct place){0, 0})
               ? OK
               : ERR_NOMEM;
}

static enum err PRINTF_LIKE(5, 0) value_error(const struct value *v, const char *name, size_t i,
                                              struct errbuf *eb, const char *fmt, va_list ap)
{
    struct place at = i < v->count && v->items[i].at.line ? v->items[i].at : v->at;
    char text[sizeof eb->text];
    vsnprintf(text, sizeof text, fmt, ap);
    return err_at(eb, ERR_CONFIG, v->file, at.line, at.column, "%s: %.400s", name, text);
}

enum err config_error(const struct config *c, enum config_key k, size_t i, struct errbuf *eb,
                      const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    enum err e = value_error(&c->values[k], INFOS[k].name, i, eb, fmt, ap);
    va_end(ap);
    return e;
}

enum err listener_error(const struct config *c, size_t listener, enum listener_key k, size_t i,
                        struct errbuf *eb, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    enum err e =
        value_error(&c->listeners[listener].values[k], LISTENER_INFOS[k].name, i, eb, fmt, ap);
    va_end(ap);
    return e;
}
