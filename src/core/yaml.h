/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The YAML subset of rule, annotation and persona files as a tree with positions: block and flow
 * maps and lists, plain, quoted and block scalars. Anchors, aliases, tags, merge keys, several
 * documents and duplicate keys are findings. Scalars stay text; nobody guesses types. */
#ifndef CORE_YAML_H
#define CORE_YAML_H

#include "core/arena.h"
#include "core/finding.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    bool is_plain;          /* scalar without quotes, on one line */
    bool is_quoted;         /* scalar in quotes: its text begins one column later */
    unsigned line, column;  /* 1-based */
    struct slice text;      /* of a scalar; arena */
    struct yaml_node *key;  /* of an entry of a map */
    struct yaml_node *next; /* in the same list or map */
    struct yaml_node *first;
    size_t count; /* of children */
};

/* NULL after an error finding (or out of memory, told by findings_failed). Copies into `arena`. */
struct yaml_node *yaml_read(struct slice text, struct arena *arena, struct findings *to);

/* The value of `key`, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
