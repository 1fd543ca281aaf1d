/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Profiles out of a store that may be damaged. What loads is saved to bytes that load to the same,
 * and can be merged, asked and counted in. */
#include "cluster/profile.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void entry_check(void *arg, const struct profile_entry *e)
{
    uint64_t *last = arg;
    assert(e->count <= *last && e->error <= e->count);
    assert(e->value.n > 0 && e->value.n <= PROFILE_VALUE_BYTES);
    *last = e->count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of((const char *)data, size);
    struct strbuf first = STRBUF_INIT, again = STRBUF_INIT;
    struct profile p, q;
    if (!profile_load(&p, &in)) {
        return 0;
    }
    assert(profile_save(&p, &first) == OK);
    struct slice saved = strbuf_slice(&first);
    assert(profile_load(&q, &saved) && saved.n == 0);
    assert(profile_save(&q, &again) == OK);
    assert(slice_eq(strbuf_slice(&first), strbuf_slice(&again)));
    assert(profile_hosts(&p, NULL) == profile_hosts(&q, NULL));
    for (int t = 0; t < PROFILE_TOP_COUNT; t++) {
        uint64_t last = UINT64_MAX;
        profile_each(&p, (enum profile_top)t, entry_check, &last);
    }
    struct cluster_message m = {.host = size + 1,
                                .trap = slice_sub(slice_of((const char *)data, size), 0, 9),
                                .country = slice_sub(slice_of((const char *)data, size), 1, 2),
                                .domains = &in,
                                .domain_count = 1,
                                .recipients = 1};
    assert(profile_take(&p, &m, size) == OK);
    assert(profile_merge(&p, &q) == OK);
    assert(profile_bytes(&p) < 64 * 1024);
    profile_clear(&p);
    profile_clear(&q);
    strbuf_free(&first);
    strbuf_free(&again);
    return 0;
}
