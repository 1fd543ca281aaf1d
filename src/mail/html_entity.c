/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Character references of HTML, with the forgiveness of browsers (HTML 5, "character reference
 * state"): missing semicolons, windows-1252 numbers, nonsense numbers. */
#include "mail/html_entity.h"

#include "core/utf8.h"

struct entity {
    const char *name;
    uint16_t code_point;
    bool is_bare; /* known without the semicolon too */
};

static const struct entity ENTITIES[] = {
#define ENTITY(name, code_point, bare) {name, code_point, bare},
#include "mail/html_entity.def"
#undef ENTITY
};

enum {
    ENTITY_COUNT = sizeof ENTITIES / sizeof ENTITIES[0],
    ENTITY_NAME_MAX = 21,
    ENTITY_BARE_MAX = 6,    /* longest name known without semicolon */
    ENTITY_DIGITS_MAX = 32, /* leading zeros are a known disguise; more is none of ours */
};

/* 0x80..0x9f: HTML authors mean windows-1252, and browsers read it so. 0: no such character. */
static const uint16_t C1[32] = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178,
};

static const struct entity *entity_find(struct slice name)
{
    size_t low = 0, high = ENTITY_COUNT;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int d = strncmp(ENTITIES[middle].name, name.p, name.n);
        if (!d && ENTITIES[middle].name[name.n] == '\0') {
            return &ENTITIES[middle];
        }
        if (d < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* "&#104;" "&#x68": number, digits required. */
static size_t entity_number(struct slice s, uint32_t *code_point)
{
    size_t i = 2;
    bool is_hex = s.n > 2 && (s.p[2] | 0x20) == 'x';
    i += is_hex;
    size_t digits = 0;
    uint32_t v = 0;
    for (; i < s.n && digits < ENTITY_DIGITS_MAX; i++, digits++) {
        int digit = is_hex || ascii_is_digit(s.p[i]) ? ascii_hex(s.p[i]) : -1;
        if (digit < 0) {
            break;
        }
        if (v <= 0x10ffff) {
            v = v * (is_hex ? 16 : 10) + (uint32_t)digit;
        }
    }
    if (!digits) {
        return 0;
    }
    *code_point = v >= 0x80 && v <= 0x9f ? C1[v - 0x80] : v ? v : 0xfffd;
    return i + (i < s.n && s.p[i] == ';');
}

size_t html_entity(struct slice s, bool is_attribute, uint32_t *code_point)
{
    if (s.n < 3) {
        return 0;
    }
    if (s.p[1] == '#') {
        return entity_number(s, code_point);
    }
    size_t n = 0;
    while (n < ENTITY_NAME_MAX && n + 1 < s.n && ascii_is_alnum(s.p[n + 1])) {
        n++;
    }
    struct slice name = slice_of(s.p + 1, n);
    bool has_semicolon = n + 1 < s.n && s.p[n + 1] == ';';
    const struct entity *e = n >= 2 ? entity_find(name) : NULL;
    if (e && has_semicolon) {
        *code_point = e->code_point;
        return n + 2;
    }
    /* "&copy=1" in a link is a parameter, not a sign; so is "&region". */
    if (is_attribute && (!e || !e->is_bare || (n + 1 < s.n && s.p[n + 1] == '='))) {
        return 0;
    }
    for (name.n = n < ENTITY_BARE_MAX ? n : ENTITY_BARE_MAX; name.n >= 2; name.n--) {
        e = entity_find(name);
        if (e && e->is_bare) {
            *code_point = e->code_point;
            return name.n + 1;
        }
    }
    return 0;
}
