/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole messages: the tree, the decodings, the charsets. */
#include "core/limits.h"
#include "core/utf8.h"
#include "mail/mail.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct slice part, struct slice whole)
{
    return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

static void part_check(struct mail *m, size_t index)
{
    struct part *p = &m->parts[index];
    assert(p->parent < (int)index && (p->parent >= 0 || index == 0));
    assert(p->depth <= LIMIT_MIME_DEPTH);
    assert(p->depth == (index ? m->parts[p->parent].depth + 1 : 0));
    assert(is_inside(p->header.raw, m->raw) && is_inside(p->body, m->raw));
    assert(!index || is_inside(p->body, m->parts[p->parent].body) || !p->body.n);
    assert(p->type.n && ascii_prefix(p->type) == p->type.n);
    assert(p->subtype.n && ascii_prefix(p->subtype) == p->subtype.n);
    assert(utf8_valid(p->filename));
    struct slice bytes = part_decode(m, p), text = part_text(m, p);
    assert(bytes.n <= p->body.n || p->cte == CTE_BASE64);
    assert(text.n <= LIMIT_TEXT_BYTES && utf8_valid(text));
    assert(part_is_text(p) || !text.n);
    assert(slice_eq(part_text(m, p), text) && part_decode(m, p).p == bytes.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice raw = slice_of((const char *)data, size);
    struct arena *arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    struct mail m, again;
    if (!arena || mail_parse(&m, raw, arena) != OK) {
        abort();
    }
    assert(m.part_count >= 1 && m.part_count <= LIMIT_MIME_PARTS);
    uint64_t quirks = 0;
    for (size_t i = 0; i < m.part_count; i++) {
        part_check(&m, i);
        quirks |= m.parts[i].quirks;
    }
    assert(m.quirks == quirks && quirks >> QUIRK_COUNT == 0);
    assert(m.decoded_bytes <= LIMIT_DECODED_BYTES);
    if (mail_parse(&again, raw, arena) != OK) {
        abort();
    }
    assert(again.part_count == m.part_count);
    for (size_t i = 0; i < m.part_count; i++) {
        assert(slice_eq(part_decode(&again, &again.parts[i]), m.parts[i].decoded));
        assert(slice_eq(part_text(&again, &again.parts[i]), m.parts[i].text));
    }
    assert(again.quirks == m.quirks);
    arena_free(arena);
    return 0;
}
