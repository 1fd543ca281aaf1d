/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration as text: what is in effect, and the commented defaults. */
#include "core/config.h"
#include "core/strbuf.h"

static const char *const TYPES[] = {"text", "list",      "number",
                                    "size", "yes or no", "list of listeners"};

/* Single quotes hold everything but themselves, which are doubled (YAML 1.2, 7.3.2). */
static void quoted(struct strbuf *out, const char *text)
{
    strbuf_add_byte(out, '\'');
    for (; *text; text++) {
        strbuf_add_cstr(out, *text == '\'' ? "''" : (char[]){*text, '\0'});
    }
    strbuf_add_byte(out, '\'');
}

static void list_print(struct strbuf *out, size_t n, const char *(*item)(const void *, size_t),
                       const void *arg)
{
    strbuf_add_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        strbuf_add_cstr(out, i ? ", " : "");
        quoted(out, item(arg, i));
    }
    strbuf_add_byte(out, ']');
}

struct at {
    const struct config *c;
    size_t listener;
    int key;
};

static const char *config_item_at(const void *arg, size_t i)
{
    const struct at *at = arg;
    return config_item(at->c, (enum config_key)at->key, i);
}

static const char *listener_item_at(const void *arg, size_t i)
{
    const struct at *at = arg;
    return listener_item(at->c, at->listener, (enum listener_key)at->key, i);
}

static void value_print(struct strbuf *out, enum config_type type, size_t count,
                        const char *(*item)(const void *, size_t), const struct at *at)
{
    if (type == CONFIG_TYPE_LIST) {
        list_print(out, count, item, at);
    } else if (type == CONFIG_TYPE_TEXT) {
        quoted(out, item(at, 0));
    } else {
        strbuf_add_cstr(out, item(at, 0));
    }
}

static void listeners_print(const struct config *c, struct strbuf *out)
{
    for (size_t i = 0; i < config_listeners(c); i++) {
        for (int k = 0; k < LISTENER_KEY_COUNT; k++) {
            const struct config_info *info = listener_info((enum listener_key)k);
            struct at at = {c, i, k};
            strbuf_printf(out, "%s%s: ", k ? "    " : "  - ", info->name);
            value_print(out, info->type, listener_count(c, i, (enum listener_key)k),
                        listener_item_at, &at);
            strbuf_add_byte(out, '\n');
        }
    }
}

void config_print(const struct config *c, struct strbuf *out)
{
    for (int k = 0; k < CONFIG_KEY_COUNT; k++) {
        const struct config_info *info = config_info((enum config_key)k);
        struct at at = {c, 0, k};
        bool is_listeners = info->type == CONFIG_TYPE_LISTENERS;
        strbuf_printf(out, "%s: ", info->name);
        if (!is_listeners) {
            value_print(out, info->type, config_count(c, (enum config_key)k), config_item_at, &at);
        } else if (!config_listeners(c)) {
            strbuf_add_cstr(out, "[]");
        }
        strbuf_printf(out, "  # %s\n", config_origin(c, (enum config_key)k));
        if (is_listeners) {
            listeners_print(c, out);
        }
    }
}

static const char *fallback_text(const struct config_info *info)
{
    bool is_list = info->type == CONFIG_TYPE_LIST || info->type == CONFIG_TYPE_LISTENERS;
    return *info->fallback ? info->fallback : is_list ? "[]" : "\"\"";
}

void config_explain(struct strbuf *out)
{
    for (int k = 0; k < CONFIG_KEY_COUNT; k++) {
        const struct config_info *info = config_info((enum config_key)k);
        strbuf_printf(out, "# %s\n# type: %s\n", info->doc, TYPES[info->type]);
        for (int l = 0; info->type == CONFIG_TYPE_LISTENERS && l < LISTENER_KEY_COUNT; l++) {
            const struct config_info *key = listener_info((enum listener_key)l);
            strbuf_printf(out, "#   %s%s: %s  # %s: %s\n", l ? "  " : "- ", key->name,
                          fallback_text(key), TYPES[key->type], key->doc);
        }
        strbuf_printf(out, "%s: %s\n\n", info->name, fallback_text(info));
    }
}
