/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTML: the combined scan against the two single ones. */
#include "url_check.h"

#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct url_context *c;
    static struct arena *arena;
    if (!c) {
        c = url_context_new(NULL);
        arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
        check(c && arena, "memory and the list of suffixes");
    }
    struct slice html = slice_of((const char *)data, size), text = {NULL, 0};
    struct url_list both = {0}, single = {0};
    uint64_t quirks = 0;
    arena_reset(arena);
    check(html_scan(c, html, arena, &both, NULL, &text) == OK, "combined scan");
    check(url_scan_html(c, html, arena, &single) == OK, "single scan");
    url_list_check(c, &both);
    url_lists_same(&both, &single);
    check(slice_eq(text, html_text(html, arena, &quirks)), "the same text");
    check((both.quirks & quirks) == quirks, "the same quirks");
    check(text.n <= size && text.n <= LIMIT_TEXT_BYTES, "text's length");
    check(!utf8_valid(html) || utf8_valid(text), "text is UTF-8");
    return 0;
}
