/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "simulate/family.h"

#include "core/strbuf.h"
#include "simulate/kind.h"

#include <stdio.h>

enum trait_kind {
    TRAIT_MSGID,
    TRAIT_BOUNDARY,
    TRAIT_DATE,
    TRAIT_FROM,
    TRAIT_TO,
    TRAIT_RECEIVED,
    TRAIT_MAILER,
    TRAIT_EXTRA,
    TRAIT_LEAF,
    TRAIT_MULTI,
    TRAIT_HELO,
    TRAIT_KIND_COUNT,
};

static const struct {
    enum trait_kind kind;
    const char *text;
} TRAITS[] = {
#define TRAIT(kind, text) {TRAIT_##kind, text},
#include "simulate/trait.def"
#undef TRAIT
};

enum client_id {
#define CLIENT(id, name, alternative, boundary, multi, leaf, part, preamble, fields) CLIENT_##id,
#include "simulate/client.def"
#undef CLIENT
    CLIENT_COUNT
};
enum { CLIENT_FLAT, CLIENT_ALTERNATIVE };
const size_t FAMILY_SERVER = CLIENT_PHP;

static const struct {
    const char *name;
    bool is_alternative;
    struct slice boundary, multi, leaf, part, preamble, fields;
} CLIENTS[CLIENT_COUNT] = {
#define CLIENT(id, name, alternative, boundary, multi, leaf, part, preamble, fields)               \
    {name,        CLIENT_##alternative, SLICE(boundary), SLICE(multi),                             \
     SLICE(leaf), SLICE(part),          SLICE(preamble), SLICE(fields)},
#include "simulate/client.def"
#undef CLIENT
};

static const struct {
    struct slice name, label;
    enum client_id client;
    struct slice helo, changes;
} KNOWN[] = {
#define FAMILY(name, label, client, helo, changes)                                                 \
    {SLICE(#name), SLICE(label), CLIENT_##client, SLICE(helo), SLICE(changes)},
#include "simulate/family.def"
#undef FAMILY
};

size_t family_known_count(void)
{
    return sizeof KNOWN / sizeof *KNOWN;
}

/* ---- fields ---- */

/* "Name: value", with "%30 " in front. */
static struct family_field field_parse(struct slice line)
{
    struct family_field f = {.percent = 100};
    uint64_t percent;
    if (line.n && line.p[0] == '%') {
        struct slice word = slice_cut(&line, ' ');
        if (slice_to_u64(slice_sub(word, 1, SIZE_MAX), &percent)) {
            f.percent = (unsigned)percent;
        }
    }
    f.name = slice_cut(&line, ':');
    f.value = slice_sub(line, 1, SIZE_MAX);
    return f;
}

static size_t field_find(const struct family_client *c, struct slice name)
{
    size_t i = 0;
    while (i < c->count && !slice_ieq(c->fields[i].name, name)) {
        i++;
    }
    return i;
}

static void field_insert(struct family_client *c, size_t at, struct family_field f)
{
    if (c->count < FAMILY_FIELDS) {
        memmove(&c->fields[at + 1], &c->fields[at], (c->count - at) * sizeof *c->fields);
        c->fields[at] = f;
        c->count++;
    }
}

static void field_remove(struct family_client *c, size_t at)
{
    if (at < c->count) {
        c->count--;
        memmove(&c->fields[at], &c->fields[at + 1], (c->count - at) * sizeof *c->fields);
    }
}

/* Replaces the value of the field of that name (and its name: case counts), else appends. */
static void field_set(struct family_client *c, struct family_field f)
{
    size_t at = field_find(c, f.name);
    if (at < c->count) {
        c->fields[at] = f;
    } else {
        field_insert(c, c->count, f);
    }
}

static void client_init(struct family_client *c, enum client_id id)
{
    struct slice lines = CLIENTS[id].fields;
    *c = (struct family_client){.name = CLIENTS[id].name,
                                .boundary = CLIENTS[id].boundary,
                                .multi = CLIENTS[id].multi,
                                .leaf = CLIENTS[id].leaf,
                                .part = CLIENTS[id].part,
                                .preamble = CLIENTS[id].preamble,
                                .is_alternative = CLIENTS[id].is_alternative};
    while (lines.n) {
        field_insert(c, c->count, field_parse(slice_cut(&lines, '\n')));
    }
}

/* ---- families of the table ---- */

static enum client_id client_by_word(struct slice word)
{
    static const struct slice WORDS[CLIENT_COUNT] = {
#define CLIENT(id, name, alternative, boundary, multi, leaf, part, preamble, fields) SLICE(#id),
#include "simulate/client.def"
#undef CLIENT
    };
    size_t i = 0;
    while (i + 1 < CLIENT_COUNT && !slice_eq(WORDS[i], word)) {
        i++;
    }
    return (enum client_id)i;
}

static void change_apply(struct family_client *c, struct slice line)
{
    struct slice value = line, key = slice_cut(&value, '=');
    if (line.p[0] == '-') {
        field_remove(c, field_find(c, slice_sub(line, 1, SIZE_MAX)));
    } else if (line.p[0] == '^') {
        field_insert(c, 0, field_parse(slice_sub(line, 1, SIZE_MAX)));
    } else if (slice_eq(key, S("boundary"))) {
        c->boundary = value;
    } else if (slice_eq(key, S("leaf"))) {
        c->leaf = value;
    } else if (slice_eq(key, S("multi"))) {
        c->multi = value;
    } else {
        field_set(c, field_parse(line));
    }
}

static void known_make(struct family *f, size_t number)
{
    struct slice lines = KNOWN[number].changes;
    struct family_version *v = &f->versions[0];
    struct family_client *c = &v->clients[0];
    f->name = KNOWN[number].name;
    f->label = KNOWN[number].label;
    f->helo = KNOWN[number].helo;
    f->version_count = v->client_count = 1;
    client_init(c, KNOWN[number].client);
    while (lines.n) {
        struct slice line = slice_cut(&lines, '\n');
        if (slice_eq(line, S("---")) && f->version_count < FAMILY_VERSIONS) {
            f->versions[f->version_count] = *v;
            v = &f->versions[f->version_count++];
            c = &v->clients[0];
        } else if (slice_starts(line, S("+++ "))) {
            /* a further version changes the client that the first one has */
            bool is_new = v->client_count < FAMILY_CLIENTS;
            c = &v->clients[is_new ? v->client_count++ : FAMILY_CLIENTS - 1];
            if (is_new) {
                client_init(c, client_by_word(slice_sub(line, 4, SIZE_MAX)));
            }
        } else if (line.n) {
            change_apply(c, line);
        }
    }
}

/* ---- families made from a seed ---- */

static struct slice trait_draw(struct pcg *r, enum trait_kind kind)
{
    size_t first = 0, count = 0;
    for (size_t i = 0; i < sizeof TRAITS / sizeof *TRAITS; i++) {
        if (TRAITS[i].kind == kind) {
            first = count++ ? first : i;
        }
    }
    return slice_cstr(TRAITS[first + pcg_below(r, count)].text);
}

static void field_value(struct family_client *c, struct slice name, struct slice value)
{
    size_t at = field_find(c, name);
    if (at < c->count) {
        c->fields[at].value = value;
    } else {
        field_insert(c, c->count, (struct family_field){name, value, 100});
    }
}

/* Another way to write a name. */
static struct slice name_recased(struct pcg *r, struct slice name, struct arena *arena)
{
    char *p = arena_alloc(arena, name.n + 1);
    uint64_t way = pcg_below(r, 3);
    if (!p) {
        return name;
    }
    memcpy(p, name.p, name.n);
    for (size_t i = 0; i < name.n; i++) {
        bool is_first = i == 0 || p[i - 1] == '-';
        bool is_upper = ascii_is_upper(p[i]) || ascii_is_lower(p[i]);
        if (is_upper) {
            p[i] = ascii_lower(p[i]);
            if ((way == 0 && i == 0) || (way == 1 && is_first)) {
                p[i] = (char)(p[i] - 32);
            }
        }
    }
    return slice_of(p, name.n);
}

enum { TRIES_MAX = 60 }; /* of changes until a family is unlike all others */

enum change {
    CHANGE_MSGID,
    CHANGE_BOUNDARY,
    CHANGE_DATE,
    CHANGE_FROM,
    CHANGE_TO,
    CHANGE_RECEIVED,
    CHANGE_MAILER,
    CHANGE_EXTRA,
    CHANGE_LEAF,
    CHANGE_MULTI,
    CHANGE_MOVE,
    CHANGE_CASE,
    CHANGE_DROP,
    CHANGE_COUNT,
};

static void mailer_change(struct pcg *r, struct family_client *c)
{
    struct family_field f = field_parse(trait_draw(r, TRAIT_MAILER));
    size_t at = field_find(c, S("X-Mailer"));
    at = at < c->count ? at : field_find(c, S("User-Agent"));
    if (at < c->count) {
        c->fields[at] = f;
    } else {
        field_insert(c, pcg_below(r, c->count + 1), f);
    }
}

static void change_draw(struct pcg *r, struct family_client *c, enum change what, double mess,
                        struct arena *arena)
{
    switch (what) {
    case CHANGE_MSGID:
        field_value(c, pcg_chance(r, 0.5) ? S("Message-ID") : S("Message-Id"),
                    trait_draw(r, TRAIT_MSGID));
        break;
    case CHANGE_BOUNDARY:
        c->boundary = trait_draw(r, TRAIT_BOUNDARY);
        break;
    case CHANGE_DATE:
        field_value(c, S("Date"), trait_draw(r, TRAIT_DATE));
        break;
    case CHANGE_FROM:
        field_value(c, S("From"), trait_draw(r, TRAIT_FROM));
        break;
    case CHANGE_TO:
        field_value(c, S("To"), trait_draw(r, TRAIT_TO));
        break;
    case CHANGE_RECEIVED: {
        struct family_field f = {S("Received"), trait_draw(r, TRAIT_RECEIVED), 100};
        field_insert(c, 0, f);
        if (pcg_chance(r, 0.5 * mess)) {
            f.percent = 40; /* a second one now and then */
            field_insert(c, 0, f);
        }
        break;
    }
    case CHANGE_MAILER:
        mailer_change(r, c);
        break;
    case CHANGE_EXTRA: {
        struct family_field f = field_parse(trait_draw(r, TRAIT_EXTRA));
        f.percent = pcg_chance(r, 0.4 * mess) ? (unsigned)pcg_between(r, 10, 90) : 100;
        field_insert(c, pcg_below(r, c->count + 1), f);
        break;
    }
    case CHANGE_LEAF:
        c->leaf = trait_draw(r, TRAIT_LEAF);
        break;
    case CHANGE_MULTI:
        c->multi = trait_draw(r, TRAIT_MULTI);
        break;
    case CHANGE_MOVE: {
        size_t from = pcg_below(r, c->count);
        struct family_field f = c->fields[from];
        field_remove(c, from);
        field_insert(c, pcg_below(r, c->count + 1), f);
        break;
    }
    case CHANGE_CASE: {
        struct family_field *f = &c->fields[pcg_below(r, c->count)];
        if (!slice_ieq(f->name, S("Thread-Index"))) { /* Rustock's, in lower case */
            f->name = name_recased(r, f->name, arena);
        }
        break;
    }
    case CHANGE_DROP: {
        size_t at = pcg_below(r, c->count);
        bool is_needed = slice_ieq(c->fields[at].name, S("Content-Type")) ||
                         slice_ieq(c->fields[at].name, S("Content-Transfer-Encoding")) ||
                         slice_ieq(c->fields[at].name, S("From")) ||
                         slice_ieq(c->fields[at].name, S("Subject"));
        if (!is_needed && c->count > 6) {
            field_remove(c, at);
        }
        break;
    }
    case CHANGE_COUNT:
        break;
    }
}

/* What an engine's writer did once holds for every client that it forges. */
static void client_follow(struct family_client *to, const struct family_client *from)
{
    static const struct slice SHARED[] = {SLICE("Message-ID"), SLICE("Date"), SLICE("From"),
                                          SLICE("To")};
    for (size_t i = 0; i < sizeof SHARED / sizeof *SHARED; i++) {
        size_t at = field_find(from, SHARED[i]);
        if (at < from->count) {
            field_set(to, from->fields[at]);
        } else {
            field_remove(to, field_find(to, SHARED[i]));
        }
    }
    field_remove(to, field_find(to, S("Received")));
    for (size_t i = 0; i < from->count && slice_ieq(from->fields[i].name, S("Received")); i++) {
        field_insert(to, i, from->fields[i]);
    }
    to->boundary = from->boundary;
    to->leaf = from->leaf;
    to->multi = from->multi;
    to->part = from->part;
    to->preamble = from->preamble;
    to->is_alternative = from->is_alternative;
}

/* In how many things that a header shows two clients differ. */
static unsigned differences(const struct family_client *a, const struct family_client *b)
{
    static const struct slice SHOWN[] = {SLICE("Message-ID"), SLICE("Date"),     SLICE("From"),
                                         SLICE("To"),         SLICE("Received"), SLICE("X-Mailer"),
                                         SLICE("User-Agent"), SLICE("X-MimeOLE")};
    unsigned n = !slice_eq(a->leaf, b->leaf);
    bool is_same_order = a->count == b->count;
    for (size_t i = 0; i < a->count && is_same_order; i++) {
        is_same_order = slice_eq(a->fields[i].name, b->fields[i].name);
    }
    n += !is_same_order;
    for (size_t i = 0; i < sizeof SHOWN / sizeof *SHOWN; i++) {
        size_t x = field_find(a, SHOWN[i]), y = field_find(b, SHOWN[i]);
        bool has_x = x < a->count, has_y = y < b->count;
        n += has_x != has_y || (has_x && !slice_eq(a->fields[x].value, b->fields[y].value));
    }
    return n;
}

static bool is_alone(const struct family_client *c, const struct family *earlier, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t v = 0; v < earlier[i].version_count; v++) {
            for (size_t k = 0; k < earlier[i].versions[v].client_count; k++) {
                if (differences(c, &earlier[i].versions[v].clients[k]) < FAMILY_DIFFERENCES) {
                    return false;
                }
            }
        }
    }
    return true;
}

static void upgrade(struct pcg *r, struct family *f, double mess, struct arena *arena)
{
    static const enum change WHAT[] = {CHANGE_MAILER, CHANGE_EXTRA, CHANGE_MSGID,
                                       CHANGE_DATE,   CHANGE_MOVE,  CHANGE_DROP};
    f->versions[f->version_count] = f->versions[f->version_count - 1];
    struct family_version *v = &f->versions[f->version_count++];
    for (int64_t n = pcg_between(r, 1, 2); n > 0; n--) {
        enum change what = WHAT[pcg_below(r, sizeof WHAT / sizeof *WHAT)];
        for (size_t i = 0; i < v->client_count; i++) {
            change_draw(r, &v->clients[i], what, mess, arena);
        }
    }
}

static enum err fresh_make(struct family *f, uint64_t seed, size_t number, double mess,
                           const struct family *earlier, struct arena *arena)
{
    struct pcg r = pcg_keyed(seed, KIND_FAMILY, number, 1);
    struct family_client *c = &f->versions[0].clients[0];
    char name[32];
    size_t first = family_known_count();
    int64_t changes;
    if (number > first && pcg_chance(&r, 0.25)) {
        /* taken from another family and changed a little, as code that is sold or stolen is */
        const struct family *parent = &earlier[first + pcg_below(&r, number - first)];
        *c = parent->versions[0].clients[0];
        f->helo = parent->helo;
        changes = pcg_between(&r, 2, 4);
    } else {
        client_init(c, (enum client_id)pcg_below(&r, CLIENT_COUNT));
        f->helo = trait_draw(&r, TRAIT_HELO);
        changes = pcg_between(&r, 3, 8);
    }
    bool has_two = pcg_chance(&r, 0.15);
    if (pcg_chance(&r, 0.2)) {
        field_remove(c, field_find(c, S("Message-ID"))); /* the receiver makes one */
    }
    if (has_two && field_find(c, S("Received")) == c->count) {
        change_draw(&r, c, CHANGE_RECEIVED, mess, arena);
    }
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        if (changes-- <= 0 && is_alone(c, earlier, number)) {
            break;
        }
        change_draw(&r, c, (enum change)pcg_below(&r, CHANGE_COUNT), mess, arena);
    }
    f->versions[0].client_count = f->version_count = 1;
    if (has_two) {
        client_init(&f->versions[0].clients[1], (enum client_id)pcg_below(&r, CLIENT_COUNT));
        client_follow(&f->versions[0].clients[1], c);
        f->versions[0].client_count = 2;
    }
    while (f->version_count < FAMILY_VERSIONS && pcg_chance(&r, 0.35 * mess)) {
        upgrade(&r, f, mess, arena);
    }
    snprintf(name, sizeof name, "family-%02zu", number);
    f->name = arena_copy(arena, slice_cstr(name));
    return f->name.p ? OK : ERR_NOMEM;
}

/* What no field tells must be plain. */
static void coding_fit(struct family *f)
{
    for (size_t v = 0; v < f->version_count; v++) {
        for (size_t i = 0; i < f->versions[v].client_count; i++) {
            const struct family_client *c = &f->versions[v].clients[i];
            size_t at = field_find(c, S("Content-Transfer-Encoding"));
            if (at == c->count || slice_find(c->fields[at].value, S("{cte}")) == SIZE_MAX) {
                f->coding = FAMILY_7BIT;
            }
        }
    }
}

enum err family_make(struct family *out, uint64_t seed, size_t number, double mess,
                     const struct family *earlier, struct arena *arena)
{
    static const struct slice CHARSETS[] = {SLICE("iso-8859-1"),   SLICE("us-ascii"),
                                            SLICE("windows-1252"), SLICE("utf-8"),
                                            SLICE("windows-1251"), SLICE("iso-8859-2")};
    struct pcg r = pcg_keyed(seed, KIND_FAMILY, number, 0);
    *out = (struct family){.charset = CHARSETS[pcg_below(&r, sizeof CHARSETS / sizeof *CHARSETS)]};
    out->dialect = dialect_make(seed, number);
    out->coding = (enum family_coding)pcg_below(&r, 3);
    out->is_shuffled = pcg_chance(&r, 0.06 * mess);
    out->has_own_words = pcg_chance(&r, 0.3);
    out->person = (unsigned)pcg_below(&r, 3);
    if (number < family_known_count()) {
        known_make(out, number);
    } else {
        enum err e = fresh_make(out, seed, number, mess, earlier, arena);
        if (e != OK) {
            return e;
        }
    }
    coding_fit(out);
    return OK;
}

bool family_person(struct family *out, size_t number)
{
    if (number >= CLIENT_COUNT) {
        return false;
    }
    *out = (struct family){.name = slice_cstr(CLIENTS[number].name),
                           .helo = S("{host.name}"),
                           .dialect = dialect_server(),
                           .charset = S("iso-8859-1"),
                           .coding = FAMILY_7BIT,
                           .version_count = 1};
    out->versions[0].client_count = 1;
    client_init(&out->versions[0].clients[0], (enum client_id)number);
    return true;
}
