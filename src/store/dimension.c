/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/store.h"

static const struct {
    const char *name, *text;
} DIMENSIONS[] = {
#define DIMENSION(id, name, text) {name, text},
#include "store/dimension.def"
#undef DIMENSION
};

const char *dimension_name(enum dimension d)
{
    return (unsigned)d < DIMENSION_COUNT ? DIMENSIONS[d].name : "?";
}

const char *dimension_text(enum dimension d)
{
    return (unsigned)d < DIMENSION_COUNT ? DIMENSIONS[d].text : "?";
}

enum dimension dimension_by_name(struct slice name)
{
    unsigned d = 0;
    while (d < DIMENSION_COUNT && !slice_eq(name, slice_cstr(DIMENSIONS[d].name))) {
        d++;
    }
    return (enum dimension)d;
}
