/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fields of rules: the table of features.def, and header.NAME. */
#include "sig/rule.h"

static const struct {
    const char *name;
    enum feature_type type;
    enum evidence_group group;
    enum feature_match match;
} FIELDS[FEATURE_COUNT] = {
#define FEATURE(id, name, type, group, match, doc)                                                 \
    {name, FEATURE_TYPE_##type, EVIDENCE_##group, FEATURE_MATCH_##match},
#include "print/features.def"
#undef FEATURE
};

static const char *const NAMES[] = {
#define FEATURE(id, name, type, group, match, doc) name,
#include "print/features.def"
#undef FEATURE
    "header.NAME", NULL};

const char *const *rule_field_names(void)
{
    return NAMES;
}

/* RFC 5322 ftext: printable ASCII without the colon. */
static bool header_name_is_sound(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':') {
            return false;
        }
    }
    return name.n > 0;
}

bool rule_field_find(struct slice name, char buffer[HEADER_FIELD_BYTES], struct rule_field *out)
{
    for (int i = 0; i < FEATURE_COUNT; i++) {
        if (slice_eq(name, slice_cstr(FIELDS[i].name))) {
            *out =
                (struct rule_field){(enum feature_id)i, slice_cstr(FIELDS[i].name), FIELDS[i].type,
                                    FIELDS[i].group, FIELDS[i].match == FEATURE_MATCH_FOLDED};
            return true;
        }
    }
    static const struct slice PREFIX = SLICE("header.");
    if (!slice_starts(name, PREFIX) || name.n > HEADER_FIELD_BYTES ||
        !header_name_is_sound(slice_sub(name, PREFIX.n, name.n))) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        buffer[i] = ascii_lower(name.p[i]);
    }
    *out = (struct rule_field){FEATURE_COUNT, slice_of(buffer, name.n), FEATURE_TYPE_LIST,
                               EVIDENCE_HEADER, true};
    return true;
}
