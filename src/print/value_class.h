/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The classes of Message-IDs, boundaries, mailers and charsets: one row of a .def table each, with
 * the letter that HD1 prints. */
#ifndef PRINT_VALUE_CLASS_H
#define PRINT_VALUE_CLASS_H

#include "core/slice.h"

struct value_class {
    char code;
    const char *name;
    const char *pattern; /* print/shape.h; of a mailer: the prefix */
    struct slice
        part; /* end of the right side (Message-ID), part of the value (mailer); or empty */
    const char *doc;
};

enum { CLASS_CODE_OTHER = '?', CLASS_CODE_NONE = '-' };

/* The class, or NULL for none of the table ("other"). */
const struct value_class *msgid_class(struct slice left, struct slice right);
const struct value_class *boundary_class(struct slice boundary);
const struct value_class *mailer_class(struct slice mailer);

/* HD1's letter of a declared charset, lower case. */
char charset_code(struct slice charset);

/* "other" and '?' for NULL. */
static inline const char *value_class_name(const struct value_class *c)
{
    return c ? c->name : "other";
}
static inline char value_class_code(const struct value_class *c)
{
    return c ? c->code : CLASS_CODE_OTHER;
}

/* The tables, for documents and tests: returns the number of rows. */
size_t msgid_classes(const struct value_class **out);
size_t boundary_classes(const struct value_class **out);
size_t mailer_classes(const struct value_class **out);

#endif
