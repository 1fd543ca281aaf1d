/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole messages up to their features and HD1. */
#include "print/hd1.h"

#include "core/limits.h"
#include "print/features.h"

#include <assert.h>
#include <stdlib.h>

enum { NOW = 1300000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t hd1_of(struct slice raw, struct arena *arena, char text[HD1_TEXT_BYTES])
{
    struct mail m;
    struct chain c;
    struct sender s;
    struct hd1 h;
    if (mail_parse(&m, raw, arena) != OK || chain_build(&c, &m, NULL, NOW, arena) != OK ||
        sender_find(&s, &m, &c, arena) != OK || hd1_make(&h, &s, &m, &c, NULL, arena) != OK) {
        abort();
    }
    return hd1_print(&h, text, NULL);
}

static void hd1_check(struct slice raw, struct arena *arena)
{
    char text[HD1_TEXT_BYTES], again[HD1_TEXT_BYTES];
    struct hd1 parsed;
    size_t n = hd1_of(raw, arena, text);
    for (size_t i = 0; i < n; i++) {
        assert(text[i] > 0x20 && text[i] < 0x7f);
    }
    assert(hd1_parse(slice_of(text, n), &parsed));
    assert(hd1_print(&parsed, again, NULL) == n && memcmp(text, again, n) == 0);
    assert(hd1_of(raw, arena, again) == n && memcmp(text, again, n) == 0);
}

static void features_check(struct slice raw, struct arena *arena)
{
    static struct url_context *urls;
    struct mail m;
    struct chain c;
    struct features f;
    struct envelope e = {{NULL, 0}, raw.n};
    if (!urls && !(urls = url_context_new(NULL))) {
        abort();
    }
    if (mail_parse(&m, raw, arena) != OK || chain_build(&c, &m, NULL, NOW, arena) != OK ||
        features_extract(&f, &m, &c, urls, &e, arena) != OK) {
        abort();
    }
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        enum feature_type type = feature_info((enum feature_id)i)->type;
        assert(!f.has_number[i] || type == FEATURE_TYPE_NUMBER || type == FEATURE_TYPE_FLAG);
        assert(f.text[i].count <= 1 || type == FEATURE_TYPE_LIST);
        assert(type != FEATURE_TYPE_FLAG || f.number[i] == 0 || f.number[i] == 1);
        for (size_t k = 0; k < f.text[i].count; k++) {
            assert(f.text[i].items[k].n > 0 || i == FEATURE_HEADER_ORDER ||
                   i == FEATURE_RECEIVED_FORGED);
        }
    }
    assert(f.quirks >> QUIRK_COUNT == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(4 * (size_t)LIMIT_MESSAGE_ARENA_BYTES);
    struct slice raw = slice_of((const char *)data, size);
    if (!arena) {
        abort();
    }
    hd1_check(raw, arena);
    arena_reset(arena);
    features_check(raw, arena);
    arena_free(arena);
    return 0;
}
