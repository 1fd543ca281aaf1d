/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration: one YAML mapping, then the *.yaml files of a conf.d folder beside it in order
 * of name; a later value replaces an earlier one. Only cmd and http read it; all other rooms get
 * structs. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include "core/err.h"
#include "core/slice.h"

enum config_key {
#define CONFIG(key, name, type, fallback, doc) CONFIG_##key,
#include "core/config.def"
#undef CONFIG
    CONFIG_KEY_COUNT
};

/* The keys of one entry of `listeners`. */
enum listener_key {
#define CONFIG(key, name, type, fallback, doc) LISTENER_##key,
#include "core/config_listener.def"
#undef CONFIG
    LISTENER_KEY_COUNT
};

enum config_type {
    CONFIG_TYPE_TEXT,
    CONFIG_TYPE_LIST,
    CONFIG_TYPE_NUMBER,
    CONFIG_TYPE_SIZE,
    CONFIG_TYPE_FLAG,      /* yes or no (true, false); its number is 1 or 0 */
    CONFIG_TYPE_LISTENERS, /* a list of mappings with the keys of config_listener.def */
};

struct config_info {
    const char *name;
    enum config_type type;
    const char *fallback;
    const char *doc;
};
const struct config_info *config_info(enum config_key k);
const struct config_info *listener_info(enum listener_key k);

struct config;

/* All defaults. */
struct config *config_new(void) MUST_USE;
void config_free(struct config *c);

/* Reads a file and the *.yaml files of conf.d/ beside it. ERR_NOTFOUND, ERR_IO, or ERR_CONFIG with
 * file, line and column. */
enum err config_read(struct config *c, const char *path, struct errbuf *eb) MUST_USE;

/* Values as texts; "" for an empty one. Borrowed. */
const char *config_text(const struct config *c, enum config_key k);
size_t config_count(const struct config *c, enum config_key k);
const char *config_item(const struct config *c, enum config_key k, size_t i);
/* NUMBER, SIZE and FLAG keys. */
uint64_t config_number(const struct config *c, enum config_key k);
/* Where it was set: "file:line", or "default". */
const char *config_origin(const struct config *c, enum config_key k);

/* Entries of `listeners`, and the values of one; as above. Keys that an entry does not give have
 * their defaults. */
size_t config_listeners(const struct config *c);
const char *listener_text(const struct config *c, size_t listener, enum listener_key k);
size_t listener_count(const struct config *c, size_t listener, enum listener_key k);
const char *listener_item(const struct config *c, size_t listener, enum listener_key k, size_t i);
uint64_t listener_number(const struct config *c, size_t listener, enum listener_key k);

/* One more listener with the defaults but this address. ERR_NOMEM. */
enum err config_listener_add(struct config *c, const char *address) MUST_USE;

/* ERR_CONFIG with the place of the i-th item of a value, for what only its user can judge. */
enum err config_error(const struct config *c, enum config_key k, size_t i, struct errbuf *eb,
                      const char *fmt, ...) PRINTF_LIKE(5, 6);
enum err listener_error(const struct config *c, size_t listener, enum listener_key k, size_t i,
                        struct errbuf *eb, const char *fmt, ...) PRINTF_LIKE(6, 7);

/* The effective configuration as YAML that config_read reads back to the same, each key with a
 * comment that says where it was set. */
struct strbuf;
void config_print(const struct config *c, struct strbuf *out);
/* The commented defaults (check --help-config), as a file to start from. */
void config_explain(struct strbuf *out);

/* "64k", "10m", "2g", "123": bytes. */
bool size_parse(struct slice s, uint64_t *out);

#endif
