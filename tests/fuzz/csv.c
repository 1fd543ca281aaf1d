/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/csv.h"

#include <stdlib.h>

#define CHECK(truth)                                                                               \
    do {                                                                                           \
        if (!(truth)) {                                                                            \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1 << 20);
    struct slice text = slice_of((const char *)data, size);
    struct csv c;
    struct csv_field fields[8];
    struct errbuf eb = {.line = 0};
    size_t n, bytes = 0;
    unsigned line = 1;
    enum err e;
    CHECK(arena);
    csv_open(&c, "f", text, arena);
    while ((e = csv_row(&c, fields, 8, &n, &eb)) == OK) {
        CHECK(n >= 1 && n <= 8);
        for (size_t i = 0; i < n; i++) {
            bytes += fields[i].text.n;
            /* In the order of the text, in a place that it has. */
            CHECK(fields[i].line >= line && fields[i].column >= 1);
            line = fields[i].line;
        }
    }
    CHECK(bytes <= size);
    CHECK(e == ERR_END ? c.left.n == 0 : eb.line >= line && eb.column >= 1);
    arena_free(arena);
    return 0;
}
