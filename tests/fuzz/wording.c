/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wordings as they are kept: what loads can be grouped and printed and is saved to bytes that load
 * again; what does not leaves the table as it was. */
#include "cluster/wording_part.h"
#include "core/varint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            panic("%s:%d: %s", __FILE__, __LINE__, #condition);                                    \
        }                                                                                          \
    } while (0)

/* The key that goes with a state, so that mutants get past the check of the key. */
static uint64_t key_guess(struct slice state)
{
    struct slice rest = slice_sub(state, 1, SIZE_MAX);
    struct wording_sketch s;
    struct slice shapes[WORDING_SHAPES];
    uint64_t missed;
    if (!varint_cut(&rest, &missed) || rest.n == 0) {
        return 1;
    }
    size_t n = (uint8_t)rest.p[0], count = 0;
    rest = slice_sub(rest, 1, SIZE_MAX);
    struct slice packed = slice_sub(rest, 0, n);
    rest = slice_sub(rest, n, SIZE_MAX);
    size_t shape_count = rest.n ? (uint8_t)rest.p[0] : 0;
    rest = slice_sub(rest, 1, SIZE_MAX);
    for (; count < shape_count && count < WORDING_SHAPES && rest.n; count++) {
        size_t length = (uint8_t)rest.p[0];
        shapes[count] = slice_sub(rest, 1, length);
        rest = slice_sub(rest, 1 + length, SIZE_MAX);
    }
    return wording_sketch_unpack(packed, shapes, count, &s, NULL) ? wording_sketch_key(&s) : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wordings *table; /* its index is large: one for all runs */
    struct slice in = slice_of((const char *)data, size), rest = in;
    if (!table) {
        CHECK((table = wordings_new(64)) != NULL);
    }
    uint64_t key = key_guess(in);
    size_t before = wordings_count(table);
    if (!wordings_load(table, key, &rest)) {
        CHECK(rest.n == in.n && wordings_count(table) == before);
        return 0;
    }
    CHECK(rest.n < in.n);
    size_t i = wordings_index(table, key);
    if (i == wordings_count(table)) {
        return 0; /* lighter than all others */
    }
    struct strbuf once = STRBUF_INIT, text = STRBUF_INIT;
    uint32_t group[64];
    CHECK(wordings_save(table, i, &once) == OK);
    CHECK(wordings_print(table, i, &text) == OK && text.n > 0);
    CHECK(wordings_group(table, group) == OK);
    CHECK(group[i] <= i && group[group[i]] == group[i]);
    /* saved again the same: numbers may have been longer than they need to be */
    struct wordings *other = wordings_new(1);
    struct slice again = strbuf_slice(&once);
    CHECK(other && wordings_load(other, key, &again) && again.n == 0);
    struct strbuf twice = STRBUF_INIT;
    CHECK(wordings_save(other, 0, &twice) == OK);
    CHECK(slice_eq(strbuf_slice(&once), strbuf_slice(&twice)));
    wordings_free(other);
    strbuf_free(&once);
    strbuf_free(&twice);
    strbuf_free(&text);
    return 0;
}
