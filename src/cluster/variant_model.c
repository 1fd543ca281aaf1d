/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the values that variants show are worth: how rare each is, and what engines draw anew. */
#include "cluster/variant_model.h"

#include "core/scratch.h"

#include <math.h>
#include <stdlib.h>

/* In nats; set as the constants of variant_evidence.c are. */
static const double WEIGHT_MAX = 6;  /* of one value: no single agreement decides */
static const double GENUINE_MAX = 2; /* what known programs write, anybody may forge */
static const double UNSEEN = 15;     /* dialects that a small store has not met yet */

enum { DRAWN_ORDERS = 6, DRAWN_MAILERS = 8 };  /* from so many on, they are drawn by chance */
static const double DRAWN_MAILERS_SHARE = 0.6; /* names to a visit, from which they are random */

/* ---- values ---- */

/* What a value tells depends on how many dialects show it. Relays multiply the variants of one
 * mailer, so dialects are told by what relays leave alone; a mailer whose Message-IDs or names are
 * random would be many dialects, so they are counted without the one and without the other, and
 * the lesser number holds. */
enum context { CONTEXT_NO_MSGID, CONTEXT_NO_MAILER, CONTEXT_COUNT };

struct value_entry {
    uint64_t hash; /* of field and value; 0: free */
    uint32_t number;
};

/* Bits of hashed contexts: counts up to some 250 well, which is as good as "everybody". */
struct value_spread {
    uint64_t hash;
    uint64_t bits[CONTEXT_COUNT];
    uint32_t field;
    uint8_t claims;   /* of an order: known programs that it stands under, at most 2 */
    uint32_t claimed; /* the last of them */
    bool is_genuine;  /* a form that a known program writes: what forgers copy */
};

struct value_map {
    struct value_entry *slots;
    size_t mask, count;
    struct value_spread *spread; /* by number */
    size_t capacity;
};

enum { ORDER_FIELD = VARIANT_FIELD_COUNT, ALL_FIELDS, FIRST_NUMBER = VARIANT_ABSENT + 1 };

static bool map_grow(struct value_map *m)
{
    size_t slots = m->slots ? (m->mask + 1) * 2 : 1024;
    struct value_entry *made = scratch_new(slots, sizeof *made);
    struct value_spread *spread = scratch_grow(m->spread, slots, sizeof *spread);
    if (spread) {
        m->spread = spread;
        m->capacity = slots;
    }
    if (!made || !spread) {
        scratch_free(made);
        return false;
    }
    for (size_t i = 0; m->slots && i <= m->mask; i++) {
        if (m->slots[i].hash) {
            size_t at = (size_t)m->slots[i].hash & (slots - 1);
            while (made[at].hash) {
                at = (at + 1) & (slots - 1);
            }
            made[at] = m->slots[i];
        }
    }
    scratch_free(m->slots);
    m->slots = made;
    m->mask = slots - 1;
    return true;
}

/* The number of a value; 0: out of memory. */
static uint32_t value_number(struct value_map *m, unsigned field, uint64_t value)
{
    uint64_t hash = (value ^ (uint64_t)(field + 1) * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
    hash += hash == 0;
    if ((!m->slots || m->count * 2 > m->mask) && !map_grow(m)) {
        return 0;
    }
    size_t at = (size_t)hash & m->mask;
    while (m->slots[at].hash && m->slots[at].hash != hash) {
        at = (at + 1) & m->mask;
    }
    if (!m->slots[at].hash) {
        m->slots[at] = (struct value_entry){hash, (uint32_t)m->count + FIRST_NUMBER};
        m->spread[m->count++] = (struct value_spread){.hash = hash, .field = field};
    }
    return m->slots[at].number;
}

/* The row of HD1's part c behind a field; -1: it has another source. */
static int field_row(enum variant_field f)
{
    static const int8_t rows[VARIANT_FIELD_COUNT] = {
        [VARIANT_MSGID] = -1,
        [VARIANT_MAILER] = -1,
        [VARIANT_EDITION] = -1,
        [VARIANT_BOUNDARY] = -1,
        [VARIANT_DATE] = VALUE_DATE,
        [VARIANT_MIME_VERSION] = VALUE_MIME_VERSION,
        [VARIANT_MIMEOLE] = VALUE_X_MIMEOLE,
        [VARIANT_FROM] = VALUE_FROM,
        [VARIANT_TO] = VALUE_TO,
        [VARIANT_REPLY_TO] = VALUE_REPLY_TO,
        [VARIANT_SENDER] = VALUE_SENDER,
        [VARIANT_CONTENT_TYPE] = VALUE_CONTENT_TYPE,
        [VARIANT_ENCODING] = VALUE_CTE,
        [VARIANT_PART] = DIALECT_PART,
        [VARIANT_LEAF_TYPE] = DIALECT_LEAF,
        [VARIANT_MULTI_TYPE] = DIALECT_MULTI,
        [VARIANT_CONTENT_CLASS] = VALUE_CONTENT_CLASS,
        [VARIANT_NEWSREADER] = VALUE_X_NEWSREADER,
        [VARIANT_X_PRIORITY] = VALUE_X_PRIORITY,
        [VARIANT_MS_PRIORITY] = VALUE_X_MSMAIL_PRIORITY,
        [VARIANT_IMPORTANCE] = VALUE_IMPORTANCE,
        [VARIANT_PRIORITY] = VALUE_PRIORITY,
        [VARIANT_THREAD_INDEX] = VALUE_THREAD_INDEX,
        [VARIANT_RECEIVED] = VALUE_RECEIVED,
        [VARIANT_QUIRKS] = -1,
        [VARIANT_SMTP_SKELETON] = -1,
        [VARIANT_SMTP_TRAITS] = -1,
        [VARIANT_SMTP_SEQUENCE] = -1,
        [VARIANT_TCP] = -1,
    };
    return rows[f];
}

/* A text where there is one, else the class letter; '-' is absent. */
static uint64_t text_or_class(struct slice text, char class)
{
    if (text.n > 0) {
        return hash_u64(text);
    }
    return class == '-' ? VARIANT_ABSENT : (uint64_t)(uint8_t) class << 8;
}

/* "Outlook Express 9" is "Outlook Express", "The Bat! (v9) Home" is "The Bat!". */
static struct slice mailer_name(struct slice mailer)
{
    size_t n = 0;
    while (n < mailer.n && mailer.p[n] != '9' && mailer.p[n] != '(' && mailer.p[n] != '[') {
        n++;
    }
    return n ? slice_sub(mailer, 0, n) : mailer;
}

/* VARIANT_UNKNOWN, VARIANT_ABSENT or a hash. */
static uint64_t field_value(const struct dialect *d, enum variant_field f)
{
    int row = field_row(f);
    if (row >= 0) {
        return !d->knows_rows ? VARIANT_UNKNOWN
               : d->row[row]  ? (uint64_t)d->row[row] << 8
                              : VARIANT_ABSENT;
    }
    switch (f) {
    case VARIANT_MSGID:
        return text_or_class(dialect_text(d, DIALECT_MSGID), d->classes[0]);
    case VARIANT_BOUNDARY:
        return text_or_class(dialect_text(d, DIALECT_BOUNDARY), d->classes[1]);
    case VARIANT_MAILER:
        return text_or_class(mailer_name(dialect_text(d, DIALECT_MAILER)), d->classes[3]);
    case VARIANT_EDITION:
        return d->text_bytes[DIALECT_MAILER] ? hash_u64(dialect_text(d, DIALECT_MAILER))
                                             : VARIANT_UNKNOWN;
    case VARIANT_QUIRKS:
        return d->quirks ? d->quirks << 8 : VARIANT_ABSENT;
    case VARIANT_SMTP_SKELETON:
        return d->sd1_skeleton << 8;
    case VARIANT_SMTP_TRAITS:
        return dialect_has_sd1(d) ? hash_u64(slice_of(d->sd1_a, sizeof d->sd1_a)) : VARIANT_UNKNOWN;
    case VARIANT_SMTP_SEQUENCE:
        return d->sd1_sequence << 8;
    case VARIANT_TCP:
        return d->is_td1_mixed ? VARIANT_UNKNOWN : (uint64_t)d->td1 << 8;
    default:
        return VARIANT_UNKNOWN;
    }
}

/* A random run of letters and digits is sometimes of letters alone, and a machine's name is with a
 * domain or without one: these are not two forms. 0: none. */
static uint64_t msgid_folded(struct slice shape)
{
    char folded[DIALECT_TEXT_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < shape.n && shape.p[i] != '@'; i++) {
        bool is_run = i + 1 < shape.n && shape.p[i + 1] == '+';
        bool is_chance = is_run && (shape.p[i] == 'a' || shape.p[i] == '9');
        folded[n++] = is_chance ? 'n' : shape.p[i];
    }
    return n ? hash_u64(slice_of(folded, n)) : 0;
}

/* An order of names under one known program's name is copied with it. Under several names it is
 * none of theirs: an engine draws the name at random, and the order is its own. */
static void order_claim(struct value_spread *order, uint32_t mailer, const struct dialect *d)
{
    char class = d->classes[DIALECT_CLASSES - 1];
    if (class == '?' || class == '-') {
        return;
    }
    if (order->claims == 0 || (order->claims == 1 && order->claimed != mailer)) {
        order->claims++;
    }
    order->claimed = mailer;
    order->is_genuine = order->claims == 1;
}

/* Forms that belong to a class of a known program. */
static void genuine_mark(struct value_map *map, const uint32_t value[VARIANT_FIELD_COUNT],
                         const struct dialect *d)
{
    static const enum variant_field of_class[DIALECT_CLASSES] = {VARIANT_MSGID, VARIANT_BOUNDARY,
                                                                 VARIANT_DATE, VARIANT_MAILER};
    for (unsigned k = 0; k < DIALECT_CLASSES; k++) {
        if (value[of_class[k]] >= FIRST_NUMBER && d->classes[k] != '?') {
            map->spread[value[of_class[k]] - FIRST_NUMBER].is_genuine = true;
        }
    }
}

static bool values_make(struct variant_model *m, struct value_map *map)
{
    for (size_t i = 0; i < m->v->count; i++) {
        const struct dialect *d = m->v->items[i].dialect;
        for (unsigned f = 0; f < VARIANT_FIELD_COUNT; f++) {
            uint64_t value = field_value(d, (enum variant_field)f);
            m->value[i][f] =
                value <= VARIANT_ABSENT ? (uint32_t)value : value_number(map, f, value);
            if (value > VARIANT_ABSENT && m->value[i][f] == 0) {
                return false;
            }
        }
        genuine_mark(map, m->value[i], d);
        m->msgid[i] = msgid_folded(dialect_text(d, DIALECT_MSGID));
        m->order[i] = value_number(map, ORDER_FIELD, d->names);
        if (m->order[i] == 0) {
            return false;
        }
        order_claim(&map->spread[m->order[i] - FIRST_NUMBER], m->value[i][VARIANT_MAILER], d);
    }
    return true;
}

static uint64_t mixed(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ b * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    return h ^ h >> 32;
}

/* Numbers depend on the order in which variants came, hashes do not. */
static uint64_t value_hash(const struct variant_model *m, const struct value_map *map, size_t i,
                           enum variant_field f)
{
    uint32_t number = m->value[i][f];
    return number >= FIRST_NUMBER ? map->spread[number - FIRST_NUMBER].hash : number;
}

/* ---- what an engine draws anew for each message ---- */

/* One variant's value under what its program otherwise shows. */
struct variety {
    uint64_t key, value;
    size_t place;
};

static int variety_cmp(const void *a, const void *b)
{
    const struct variety *x = a, *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return x->value < y->value ? -1 : x->value > y->value;
}

static struct variety variety_of(const struct variant_model *m, const struct value_map *map,
                                 size_t i, uint64_t besides, uint64_t value)
{
    static const enum variant_field told[] = {VARIANT_DATE, VARIANT_FROM, VARIANT_MIME_VERSION,
                                              VARIANT_MIMEOLE};
    uint64_t key = mixed(besides, m->msgid[i]);
    for (size_t k = 0; k < sizeof told / sizeof *told; k++) {
        key = mixed(key, value_hash(m, map, i, told[k]));
    }
    return (struct variety){key, value, i};
}

typedef void variety_mark(struct variant_model *m, const struct variety *v, size_t n,
                          size_t different);

/* Sorts, and calls `mark` with those of each key. */
static void varieties_run(struct variant_model *m, struct variety *v, size_t n, variety_mark *mark)
{
    qsort(v, n, sizeof *v, variety_cmp);
    for (size_t i = 0, next; i < n; i = next) {
        size_t different = 0;
        for (next = i; next < n && v[next].key == v[i].key; next++) {
            different += next == i || v[next].value != v[next - 1].value;
        }
        mark(m, v + i, next - i, different);
    }
}

static void orders_mark(struct variant_model *m, const struct variety *v, size_t n,
                        size_t different)
{
    for (size_t i = 0; i < n && different >= DRAWN_ORDERS; i++) {
        m->names[v[i].place].is_shuffled = true;
    }
}

/* A program writes one order of names; an engine that shuffles shows many. List servers, which have
 * orders of their own, do not show it. */
static void orders_find(struct variant_model *m, const struct value_map *map, struct variety *v)
{
    size_t n = 0;
    for (size_t i = 0; i < m->v->count; i++) {
        if (!m->v->items[i].dialect->is_listed && m->names[i].count) {
            uint64_t besides = mixed(m->names[i].core_set, value_hash(m, map, i, VARIANT_MAILER));
            v[n++] = variety_of(m, map, i, besides, m->names[i].core);
        }
    }
    varieties_run(m, v, n, orders_mark);
}

/* Of machines: messages would make the same mail twice less random. */
static uint64_t visits_of(const struct variant_model *m, const struct variety *v, size_t n)
{
    uint64_t visits = 0;
    for (size_t i = 0; i < n; i++) {
        struct host_tally t;
        host_sample_tally(&m->v->items[v[i].place].hosts, &t);
        visits += t.visits ? t.visits : 1;
    }
    return visits;
}

static void mailers_mark(struct variant_model *m, const struct variety *v, size_t n,
                         size_t different)
{
    bool is_drawn = different >= DRAWN_MAILERS &&
                    (double)different >= DRAWN_MAILERS_SHARE * (double)visits_of(m, v, n);
    for (size_t i = 0; i < n && is_drawn; i++) {
        m->value[v[i].place][VARIANT_MAILER] = m->drawn_mailer;
        m->value[v[i].place][VARIANT_EDITION] = VARIANT_UNKNOWN;
    }
}

/* Random names, nearly each time another: being random is what they have in common. */
static void mailers_find(struct variant_model *m, const struct value_map *map, struct variety *v)
{
    size_t n = 0;
    for (size_t i = 0; i < m->v->count; i++) {
        const struct variant_names *names = &m->names[i];
        bool is_any_order = m->v->items[i].dialect->is_listed || names->is_shuffled;
        if (names->count && m->value[i][VARIANT_MAILER] >= FIRST_NUMBER) {
            v[n++] = variety_of(m, map, i, is_any_order ? names->core_set : names->core,
                                value_hash(m, map, i, VARIANT_MAILER));
        }
    }
    varieties_run(m, v, n, mailers_mark);
}

static void fields_mark(struct variant_model *m)
{
    _Static_assert(VARIANT_FIELD_COUNT <= 32, "a bit for each");
    for (size_t i = 0; i < m->v->count; i++) {
        for (unsigned f = 0; f < VARIANT_FIELD_COUNT; f++) {
            m->fields[i].known |= (uint32_t)(m->value[i][f] != VARIANT_UNKNOWN) << f;
            m->fields[i].shown |= (uint32_t)(m->value[i][f] >= FIRST_NUMBER) << f;
        }
    }
}

/* Before weights: what is drawn would be many dialects. */
static bool drawn_find(struct variant_model *m, struct value_map *map)
{
    struct variety *v = scratch_new(m->v->count ? m->v->count : 1, sizeof *v);
    m->drawn_mailer = value_number(map, VARIANT_MAILER, UINT64_MAX);
    if (!v || m->drawn_mailer == 0) {
        scratch_free(v);
        return false;
    }
    orders_find(m, map, v);
    mailers_find(m, map, v);
    scratch_free(v);
    return true;
}

/* ---- weights ---- */

static void contexts(const struct variant_model *m, const struct value_map *map, size_t i,
                     uint64_t bits[CONTEXT_COUNT])
{
    static const enum variant_field told[] = {
        VARIANT_DATE,      VARIANT_FROM,       VARIANT_MIME_VERSION,
        VARIANT_MIMEOLE,   VARIANT_X_PRIORITY, VARIANT_MS_PRIORITY,
        VARIANT_LEAF_TYPE, VARIANT_MULTI_TYPE, VARIANT_SMTP_SKELETON};
    uint64_t h = m->names[i].is_shuffled ? m->names[i].core_set : m->names[i].core;
    for (size_t k = 0; k < sizeof told / sizeof *told; k++) {
        h = mixed(h, value_hash(m, map, i, told[k]));
    }
    bits[CONTEXT_NO_MSGID] = 1ull << (mixed(h, value_hash(m, map, i, VARIANT_MAILER)) >> 58);
    bits[CONTEXT_NO_MAILER] = 1ull << (mixed(h, value_hash(m, map, i, VARIANT_MSGID)) >> 58);
}

static void spread_add(struct value_spread *s, const uint64_t bits[CONTEXT_COUNT])
{
    for (unsigned c = 0; c < CONTEXT_COUNT; c++) {
        s->bits[c] |= bits[c];
    }
}

/* Different dialects that show a value: linear counting (Whang 1990). */
static double spread_count(const struct value_spread *s)
{
    double least = 256;
    for (unsigned c = 0; c < CONTEXT_COUNT; c++) {
        int bits = __builtin_popcountll(s->bits[c]);
        double n = bits == 64 ? 256 : -64 * log(1 - bits / 64.0);
        least = fmin(least, n);
    }
    return least;
}

/* The weight of agreement in a value: -log of the chance that another dialect shows it. The mean of
 * this over a field's values is its collision entropy log(1 / sum p^2) of METHODS B3. */
static bool weights_make(struct variant_model *m, struct value_map *map)
{
    double total[ALL_FIELDS] = {0};
    for (size_t i = 0; i < m->v->count; i++) {
        uint64_t bits[CONTEXT_COUNT];
        contexts(m, map, i, bits);
        for (unsigned f = 0; f < VARIANT_FIELD_COUNT; f++) {
            if (m->value[i][f] >= FIRST_NUMBER) {
                spread_add(&map->spread[m->value[i][f] - FIRST_NUMBER], bits);
            }
        }
        spread_add(&map->spread[m->order[i] - FIRST_NUMBER], bits);
    }
    m->weight = scratch_new(map->count + FIRST_NUMBER, sizeof *m->weight);
    if (!m->weight) {
        return false;
    }
    for (size_t i = 0; i < map->count; i++) {
        double n = spread_count(&map->spread[i]);
        m->weight[i + FIRST_NUMBER] = (float)n;
        total[map->spread[i].field] += n;
    }
    for (size_t i = 0; i < map->count; i++) {
        float *w = &m->weight[i + FIRST_NUMBER];
        double chance = (*w + 1) / (total[map->spread[i].field] + UNSEEN);
        double most = map->spread[i].is_genuine ? GENUINE_MAX : WEIGHT_MAX;
        *w = (float)fmin(-log(fmin(chance, 1)), most);
    }
    return true;
}

/* ---- names ---- */

/* The fields that programs write and relays leave alone, in lower case. Some engines write those
 * with X- in any order. */
static bool name_is_core(struct slice name)
{
    if (slice_starts(name, S("x-"))) {
        return false;
    }
    for (int i = VALUE_RECEIVED + 1; i < VALUE_COUNT; i++) {
        if (slice_eq(name, value_name((enum value_row)i))) {
            return i != VALUE_CTE && i != VALUE_REPLY_TO && i != VALUE_SENDER;
        }
    }
    return slice_eq(name, S("subject"));
}

/* What is made of a name; most variants have the same few dozen. */
struct name_known {
    struct slice name; /* as written, in a dialect's text */
    uint64_t hash;     /* in lower case */
    bool is_set, is_core;
};
enum { NAMES_KNOWN = 256 };

static void name_look(struct name_known *k, struct slice name)
{
    char lower[DIALECT_NAMES_BYTES];
    for (size_t i = 0; i < name.n; i++) {
        lower[i] = ascii_lower(name.p[i]);
    }
    struct slice folded = slice_of(lower, name.n);
    *k = (struct name_known){name, hash_u64(folded), true, name_is_core(folded)};
}

/* `n` has room for them, and none yet. */
static void names_make(struct variant_names *n, struct slice list,
                       struct name_known known[NAMES_KNOWN])
{
    while (list.n > 0 && n->count < DIALECT_NAMES) {
        struct slice name = slice_cut(&list, '\n');
        uint64_t written = hash_u64(name);
        struct name_known *k = &known[written % NAMES_KNOWN];
        if (!k->is_set || !slice_eq(k->name, name)) {
            name_look(k, name);
        }
        n->hash[n->count] = (uint32_t)k->hash;
        n->written[n->count++] = (uint16_t)written;
        if (k->is_core) {
            n->core = mixed(n->core, k->hash);
            n->core_set += mixed(k->hash, 1);
        }
    }
}

static size_t names_count(struct slice list)
{
    size_t n = 0;
    while (list.n > 0 && n < DIALECT_NAMES) {
        slice_cut(&list, '\n');
        n++;
    }
    return n;
}

static struct slice names_of(const struct variant_model *m, size_t i)
{
    return dialect_text(m->v->items[i].dialect, DIALECT_NAME_LIST);
}

static bool names_make_all(struct variant_model *m)
{
    struct name_known known[NAMES_KNOWN] = {0};
    size_t count = 0, at = 0;
    for (size_t i = 0; i < m->v->count; i++) {
        count += names_count(names_of(m, i));
    }
    m->hashes = scratch_new(count, sizeof *m->hashes);
    m->written = scratch_new(count, sizeof *m->written);
    if (!m->hashes || !m->written) {
        return false;
    }
    for (size_t i = 0; i < m->v->count; i++) {
        struct variant_names *n = &m->names[i];
        *n = (struct variant_names){.hash = m->hashes + at, .written = m->written + at};
        names_make(n, names_of(m, i), known);
        at += n->count;
    }
    return true;
}

enum err variant_model_make(struct variant_model *m, const struct variants *v)
{
    struct value_map map = {0};
    size_t n = v->count ? v->count : 1;
    *m = (struct variant_model){
        .v = v,
        .value = scratch_new(n, sizeof *m->value),
        .fields = scratch_new(n, sizeof *m->fields),
        .msgid = scratch_new(n, sizeof *m->msgid),
        .order = scratch_new(n, sizeof *m->order),
        .names = scratch_new(n, sizeof *m->names),
    };
    bool ok = m->value && m->fields && m->msgid && m->order && m->names;
    ok = ok && names_make_all(m); /* first: weights look at the names' order */
    ok = ok && values_make(m, &map) && drawn_find(m, &map) && weights_make(m, &map);
    scratch_free(map.slots);
    scratch_free(map.spread);
    if (!ok) {
        variant_model_free(m);
        return ERR_NOMEM;
    }
    fields_mark(m);
    return OK;
}

void variant_model_free(struct variant_model *m)
{
    scratch_free(m->value);
    scratch_free(m->fields);
    scratch_free(m->msgid);
    scratch_free(m->order);
    scratch_free(m->weight);
    scratch_free(m->names);
    scratch_free(m->hashes);
    scratch_free(m->written);
    *m = (struct variant_model){0};
}
