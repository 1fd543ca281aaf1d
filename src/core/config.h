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

enum config_type { CONFIG_TYPE_TEXT, CONFIG_TYPE_LIST, CONFIG_TYPE_NUMBER, CONFIG_TYPE_SIZE };

struct config_info {
    const char *name;
    enum config_type type;
    const char *fallback;
    const char *doc;
};
const struct config_info *config_info(enum config_key k);

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
/* NUMBER and SIZE keys. */
uint64_t config_number(const struct config *c, enum config_key k);
/* Where it was set: "file:line", or "default". */
const char *config_origin(const struct config *c, enum config_key k);

/* "64k", "10m", "2g", "123": bytes. */
bool size_parse(struct slice s, uint64_t *out);

#endif
