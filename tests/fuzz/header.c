/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Header blocks and all that is read out of field values. */
#include "core/limits.h"
#include "core/utf8.h"
#include "mail/mail.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct slice part, struct slice whole)
{
    return !part.n || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void value_check(struct slice value, struct arena *arena)
{
    uint64_t quirks = 0;
    struct slice flat = header_unfold(value, arena);
    assert(flat.n <= LIMIT_HEADER_VALUE_BYTES && flat.n <= value.n);
    assert(!flat.n || !memchr(flat.p, '\n', flat.n));
    struct slice text = header_decode(value, arena, &quirks);
    assert(text.n <= LIMIT_HEADER_VALUE_BYTES && utf8_valid(text));
    struct slice again = header_decode(value, arena, NULL);
    assert(slice_eq(text, again));
    struct mailbox m = mailbox_first(value, arena);
    assert(is_inside(m.local, m.addr) && is_inside(m.domain, m.addr));
    assert(m.local.n + m.domain.n <= m.addr.n && utf8_valid(m.name));
    assert(mailbox_count(value) <= value.n);
    struct slice name = mime_parameter(value, S("name"), arena, &quirks);
    assert(name.n <= LIMIT_HEADER_VALUE_BYTES);
    assert(quirks >> QUIRK_COUNT == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice raw = slice_of((const char *)data, size);
    struct arena *arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    struct header_block h;
    if (!arena || header_block_parse(&h, raw, arena) != OK) {
        abort();
    }
    assert(h.count <= LIMIT_HEADERS && h.raw.n <= LIMIT_HEADER_BLOCK_BYTES);
    assert(is_inside(h.raw, raw) && h.quirks >> QUIRK_COUNT == 0);
    const char *last = raw.p;
    for (size_t i = 0; i < h.count; i++) {
        const struct header *f = &h.fields[i];
        assert(is_inside(f->name, h.raw) && is_inside(f->value, h.raw));
        assert(f->name.n && f->name.p >= last && f->value.p > f->name.p);
        assert(f->id == header_id_of(f->name));
        last = f->value.p + f->value.n;
        if (i < 64) {
            value_check(f->value, arena);
        }
    }
    value_check(raw, arena);
    arena_free(arena);
    return 0;
}
