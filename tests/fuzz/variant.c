/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Variants out of a store that may be damaged, one behind the other. What loads is saved to bytes
 * that load to the same, and can be grouped, printed and explained. */
#include "cluster/variant.h"

#include <assert.h>
#include <stdlib.h>

enum { MOST = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_again(const struct variants *v, size_t i)
{
    struct variants *w = variants_new(1);
    struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
    assert(w && variants_save(v, i, &first) == OK);
    struct slice in = strbuf_slice(&first);
    assert(variants_load(w, variants_key(v, i), &in) && in.n == 0);
    assert(variants_save(w, 0, &second) == OK);
    assert(slice_eq(strbuf_slice(&first), strbuf_slice(&second)));
    strbuf_free(&first);
    strbuf_free(&second);
    variants_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct variants *v = variants_new(MOST);
    struct slice in = slice_of((const char *)data, size);
    uint64_t key = 1;
    assert(v);
    while (in.n > 0 && variants_load(v, key, &in)) {
        assert(in.n < size);
        key++;
    }
    size_t n = variants_count(v);
    uint32_t group[MOST];
    struct strbuf text = STRBUF_INIT;
    assert(n <= MOST && variants_group(v, group) == OK);
    for (size_t i = 0; i < n; i++) {
        assert(group[i] <= i && group[group[i]] == group[i]);
        assert(variants_index(v, variants_key(v, i)) == i);
        assert(variants_print(v, i, &text) == OK);
        assert(variants_explain(v, i, 0, &text) == OK);
        same_again(v, i);
    }
    strbuf_free(&text);
    variants_free(v);
    return 0;
}
