/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/field.h"

#include "core/err.h"

#include <pthread.h>

static const struct {
    struct slice name;
    enum value_mode mode;
} VALUES[] = {
#define VALUE(id, name, mode) {SLICE(name), MODE_##mode},
#include "print/value_shape.def"
#undef VALUE
};

enum relay_match { RELAY_EXACT, RELAY_PREFIX };

static const struct {
    struct slice name;
    enum relay_match match;
    enum field_kind kind;
} RELAYS[] = {
#define RELAY(name, match, when, who) {SLICE(name), RELAY_##match, FIELD_##when},
#include "print/relay_header.def"
#undef RELAY
};

enum {
    RELAY_COUNT = sizeof RELAYS / sizeof RELAYS[0],
    SLOTS = 512, /* power of two, well above the number of exact names: short probes */
    PREFIX_MAX = 16,
    LETTERS = 26,
    EMPTY = 0xffff,
};

/* Exact names of both tables by hash; prefixes by their first letter. */
static struct {
    uint16_t slot[SLOTS]; /* index in RELAYS, or RELAY_COUNT + row */
    uint8_t prefix[LETTERS][PREFIX_MAX];
    uint8_t prefix_count[LETTERS];
    char lower[VALUE_COUNT][32];
} table;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static size_t name_hash(struct slice name)
{
    uint32_t h = (uint32_t)name.n;
    for (size_t i = 0; i < name.n; i++) {
        h = (h ^ ((unsigned char)name.p[i] | 0x20)) * UINT32_C(0x01000193);
    }
    return (h ^ h >> 15) & (SLOTS - 1);
}

static struct slice entry_name(unsigned i)
{
    return i < RELAY_COUNT ? RELAYS[i].name : VALUES[i - RELAY_COUNT].name;
}

static void table_put(unsigned i)
{
    size_t at = name_hash(entry_name(i));
    while (table.slot[at] != EMPTY) {
        if (slice_ieq(entry_name(table.slot[at]), entry_name(i))) {
            return; /* "Sender" is in both: the relay row leads, field_of() adds the other */
        }
        at = (at + 1) & (SLOTS - 1);
    }
    table.slot[at] = (uint16_t)i;
}

/* Prefixes are kept by their first letter, those in X- by the letter after it; 26 for none. */
static unsigned prefix_letter(struct slice name)
{
    char c = name.n > 2 && name.p[1] == '-' ? name.p[2] : name.n > 0 ? name.p[0] : '\0';
    return ascii_is_alpha(c) ? (unsigned)(ascii_lower(c) - 'a') : LETTERS;
}

static void table_make(void)
{
    memset(table.slot, 0xff, sizeof table.slot);
    for (unsigned i = 0; i < RELAY_COUNT; i++) {
        if (RELAYS[i].match == RELAY_EXACT) {
            table_put(i);
            continue;
        }
        unsigned letter = prefix_letter(RELAYS[i].name);
        if (letter < LETTERS && table.prefix_count[letter] < PREFIX_MAX) {
            table.prefix[letter][table.prefix_count[letter]++] = (uint8_t)i;
        } else {
            panic("relay_header.def: no room for the prefix %.*s", SLICE_ARG(RELAYS[i].name));
        }
    }
    for (unsigned row = 0; row < VALUE_COUNT; row++) {
        table_put(RELAY_COUNT + row);
        for (size_t i = 0; i < VALUES[row].name.n; i++) {
            table.lower[row][i] = ascii_lower(VALUES[row].name.p[i]);
        }
    }
}

struct field field_of(struct slice name)
{
    pthread_once(&table_once, table_make);
    struct field f = {FIELD_OWN, -1};
    for (size_t at = name_hash(name); table.slot[at] != EMPTY; at = (at + 1) & (SLOTS - 1)) {
        unsigned i = table.slot[at];
        if (!slice_ieq(entry_name(i), name)) {
            continue;
        }
        if (i >= RELAY_COUNT) {
            f.row = (int)(i - RELAY_COUNT);
            return f;
        }
        f.kind = RELAYS[i].kind;
        if (slice_eq(RELAYS[i].name, VALUES[VALUE_SENDER].name)) {
            f.row = VALUE_SENDER;
        }
        return f;
    }
    unsigned letter = prefix_letter(name);
    for (unsigned k = 0; letter < LETTERS && k < table.prefix_count[letter]; k++) {
        unsigned i = table.prefix[letter][k];
        if (slice_istarts(name, RELAYS[i].name)) {
            f.kind = RELAYS[i].kind;
            return f;
        }
    }
    return f;
}

struct slice value_name(enum value_row row)
{
    pthread_once(&table_once, table_make);
    return slice_of(table.lower[row], VALUES[row].name.n);
}

enum value_mode value_mode(enum value_row row)
{
    return VALUES[row].mode;
}
