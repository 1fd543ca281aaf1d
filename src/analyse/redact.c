/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/redact.h"

enum { LOCAL_PART_MIN = 4, ADDRESS_MAX = 320 };

static const char MARK[] = "<rcpt>";

static void recipient_add(struct recipients *r, struct slice addr)
{
    size_t at = slice_find_byte(addr, '@');
    if (at == 0 || at + 1 >= addr.n || addr.n > ADDRESS_MAX || r->count == r->most) {
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        if (slice_ieq(r->addr[i], addr)) {
            return;
        }
    }
    r->addr[r->count++] = addr;
}

static bool is_delivery_field(enum header_id id)
{
    return id == HEADER_DELIVERED_TO || id == HEADER_X_ORIGINAL_TO || id == HEADER_ENVELOPE_TO ||
           id == HEADER_X_ENVELOPE_TO;
}

/* Rough is right here: it only hides. */
void recipients_scan(struct recipients *r, struct slice value)
{
    static const char STOP[] = " \t\r\n<>,;:\"()[]";
    size_t from = 0;
    while (from < value.n && r->count < r->most) {
        size_t at = from + slice_find_byte(slice_sub(value, from, SIZE_MAX), '@');
        if (at >= value.n) {
            break;
        }
        size_t start = at, end = at + 1;
        while (start > from && !memchr(STOP, value.p[start - 1], sizeof STOP - 1)) {
            start--;
        }
        while (end < value.n && !memchr(STOP, value.p[end], sizeof STOP - 1)) {
            end++;
        }
        recipient_add(r, slice_sub(value, start, end - start));
        from = end;
    }
}

/* One envelope is written down several times, under another name at each forwarding: only the line
 * that saw the client, or else the first kind of delivery field there is, says how many recipients
 * it had. */
enum err recipients_collect(struct recipients *r, const struct mail *m, const struct chain *c,
                            const struct live_envelope *live, struct arena *arena)
{
    const struct header_block *h = &m->parts[0].header;
    enum header_id counted = HEADER_OTHER;
    r->count = 0;
    r->most = RECIPIENTS_MAX + (live ? live->recipient_count : 0);
    r->addr = arena_alloc(arena, r->most * sizeof *r->addr);
    if (!r->addr) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; live && i < live->recipient_count; i++) {
        recipient_add(r, live->recipients[i]);
    }
    if (!live && c->trusted && c->trusted <= c->count) {
        recipient_add(r, c->hops[c->trusted - 1].for_addr);
    }
    bool is_told = live || r->count > 0;
    for (size_t i = 0; i < h->count && !is_told; i++) {
        enum header_id id = h->fields[i].id;
        if (is_delivery_field(id) && (counted == HEADER_OTHER || counted == id)) {
            counted = id;
            recipients_scan(r, header_unfold(h->fields[i].value, arena));
        }
    }
    r->delivered = r->count;
    for (size_t i = 0; i < c->trusted && i < c->count; i++) {
        recipient_add(r, c->hops[i].for_addr);
    }
    for (size_t i = 0; i < h->count; i++) {
        enum header_id id = h->fields[i].id;
        if (is_delivery_field(id) || id == HEADER_TO || id == HEADER_CC || id == HEADER_BCC) {
            recipients_scan(r, h->fields[i].value);
        }
    }
    return OK;
}

static bool is_token_byte(char c)
{
    return ascii_is_alnum(c) || (uint8_t)c >= 0x80;
}

/* Length of what must go at text[i], 0 for nothing. */
static size_t secret_at(const struct recipients *r, struct slice text, size_t i)
{
    struct slice rest = slice_sub(text, i, SIZE_MAX);
    if (i > 0 && is_token_byte(text.p[i - 1])) {
        return 0;
    }
    for (size_t k = 0; k < r->count; k++) {
        struct slice addr = r->addr[k];
        struct slice local = slice_sub(addr, 0, slice_find_byte(addr, '@'));
        if (!slice_istarts(rest, local)) {
            continue;
        }
        struct slice tail = slice_sub(rest, local.n, SIZE_MAX);
        struct slice domain = slice_sub(addr, local.n + 1, SIZE_MAX);
        bool is_joined = tail.n && (tail.p[0] == '@' || tail.p[0] == '=' || tail.p[0] == '#' ||
                                    tail.p[0] == '%');
        if (is_joined && slice_istarts(slice_sub(tail, 1, SIZE_MAX), domain)) {
            return addr.n;
        }
        if (local.n >= LOCAL_PART_MIN && (!tail.n || !is_token_byte(tail.p[0]))) {
            return local.n;
        }
    }
    return 0;
}

struct slice redact(const struct recipients *r, struct slice text, struct arena *arena)
{
    char *out = NULL;
    size_t n = 0, kept = 0;
    bool is_first[256] = {false}; /* of a secret */
    for (size_t k = 0; k < r->count; k++) {
        is_first[(uint8_t)r->addr[k].p[0] & ~0x20] = true;
    }
    for (size_t i = 0; r->count && i < text.n;) {
        size_t secret = is_first[(uint8_t)text.p[i] & ~0x20] ? secret_at(r, text, i) : 0;
        if (!secret) {
            i++;
            continue;
        }
        if (!out) {
            /* each replacement takes at least one byte away and adds six */
            out = arena_alloc(arena, text.n * sizeof MARK);
            if (!out) {
                return (struct slice){NULL, 0}; /* better nothing than a secret */
            }
        }
        memcpy(out + n, text.p + kept, i - kept);
        n += i - kept;
        memcpy(out + n, MARK, sizeof MARK - 1);
        n += sizeof MARK - 1;
        i += secret;
        kept = i;
    }
    if (!out) {
        return text;
    }
    memcpy(out + n, text.p + kept, text.n - kept);
    return slice_of(out, n + text.n - kept);
}
