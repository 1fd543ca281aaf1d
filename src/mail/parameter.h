/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of src/mail only: the parts of a Content-Type or Content-Disposition value. */
#ifndef MAIL_PARAMETER_H
#define MAIL_PARAMETER_H

#include "core/arena.h"
#include "core/slice.h"

struct param {
    struct slice name;
    struct slice value; /* raw: between the quotes, or up to the ";" */
    bool is_quoted;
    bool is_open; /* the closing quote is missing */
};

/* Cuts the next parameter off *rest (what stands after the first ";"); false at the end. */
bool param_next(struct slice *rest, struct param *out);

/* Its text: quoting and folding undone, comments off. Borrows when there is nothing to undo. */
struct slice param_text(const struct param *p, struct arena *arena);

/* The same for what cannot hold a space (charset, boundary unquoted): up to the first one. */
struct slice param_token(const struct param *p, struct arena *arena);

/* mime_parameter over what stands after the first ";". */
struct slice params_find(struct slice rest, struct slice name, struct arena *arena,
                         uint64_t *quirks);

/* Skips white space and comments; what is left. */
struct slice cfws_skip(struct slice s);

/* "Type / SubType ; rest": lower case; false when there is no such thing. *rest is what follows the
 * first ";", also when it returns false. */
bool content_type_split(struct slice value, struct slice *type, struct slice *subtype,
                        struct slice *rest, struct arena *arena);

/* Lower case; borrows when it is so already. */
struct slice slice_lower(struct slice s, struct arena *arena);

#endif
