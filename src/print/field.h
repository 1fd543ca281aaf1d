/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a header field's name means for the prints: added by a relay, or one whose value counts. */
#ifndef PRINT_FIELD_H
#define PRINT_FIELD_H

#include "core/slice.h"

enum value_row {
#define VALUE(id, name, mode) VALUE_##id,
#include "print/value_shape.def"
#undef VALUE
    VALUE_COUNT
};

enum value_mode {
    MODE_TRACE,
    MODE_MSGID,
    MODE_DATE,
    MODE_ADDRESS,
    MODE_TYPE,
    MODE_WORDS,
    MODE_RUNS
};

enum field_kind {
    FIELD_OWN,    /* the sending program's */
    FIELD_ALWAYS, /* a relay's */
    FIELD_MARK,   /* a list server's */
    FIELD_LIST,   /* a list server's if there is a FIELD_MARK, else the sending program's */
};

struct field {
    enum field_kind kind;
    int row; /* of value_shape.def, or -1 */
};

/* By name, ASCII case aside. */
struct field field_of(struct slice name);

/* The name of value_shape.def in lower case, and its mode. */
struct slice value_name(enum value_row row);
enum value_mode value_mode(enum value_row row);

#endif
