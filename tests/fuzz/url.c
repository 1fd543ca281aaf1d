/* SPDX-License-Identifier: GPL-3.0-or-later */
/* URLs of plain text, and the registrable domain of any bytes. */
#include "url_check.h"

#include "mail/url_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A normal form is its own normal form, and says the same: url_add takes it for listed. */
static void normal_check(const struct url_context *c, struct arena *arena, const struct url *u)
{
    struct url_scan s;
    struct url_list alone = {0};
    check(url_scan_begin(&s, c, arena, &alone) == OK, "memory");
    url_add(&s, u->text, REFERENCE_TEXT, false);
    check(alone.count > 0 && slice_eq(alone.items[0].text, u->text), "normal form of normal form");
    check(!alone.items[0].is_obfuscated || u->is_obfuscated, "obfuscated by its normal form");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct url_context *c;
    static struct arena *arena;
    if (!c) {
        c = url_context_new(NULL);
        arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
        check(c && arena, "memory and the list of suffixes");
    }
    struct slice text = slice_of((const char *)data, size);
    struct url_list first = {0}, again = {0};
    arena_reset(arena);
    check(url_scan_text(c, text, arena, &first) == OK, "first scan");
    check(url_scan_text(c, text, arena, &again) == OK, "second scan");
    url_list_check(c, &first);
    url_lists_same(&first, &again);
    for (size_t i = 0; i < first.count; i++) {
        normal_check(c, arena, &first.items[i]);
    }
    size_t count = again.count;
    check(url_scan_text(c, text, arena, &again) == OK && again.count == count,
          "nothing new in the same text");
    struct slice domain = domain_registrable(c, text);
    check(slice_ends(text, domain), "domain is the end of what was asked");
    return 0;
}
