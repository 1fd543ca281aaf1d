/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole of the room: messages in, clusters with ids and names out, kept and taken in again. */
#include "testing.h"

#include "cluster/cluster.h"
#include "core/limits.h"

#include <stdio.h>
#include <stdlib.h>

enum { HOST_COUNT = 40 };

static uint64_t seed;

static uint64_t random_next(void)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return seed ^ seed >> 29;
}

/* A message of a family of software and with a content; families and contents of different numbers
 * have nothing in common. */
struct sent {
    struct cluster_message m;
    struct cd1 cd1;
    uint8_t packed[CD1_PACKED_BYTES];
    char names[128], shapes[128], hd1[96];
};

static void mail_make(struct sent *out, uint64_t number, unsigned family, unsigned content)
{
    char b[13], c[13];
    snprintf(out->names, sizeof out->names, "received\nf%u-a\nf%u-b\nfrom\nto\nf%u-c\nf%u-d\n",
             family, family, family, family);
    snprintf(out->shapes, sizeof out->shapes, "message-id=%ux%u\ndate=%u\nf%u-c=%u\n", family,
             family, family, family, family);
    hash12(slice_cstr(out->names), b);
    hash12(slice_cstr(out->shapes), c);
    snprintf(out->hd1, sizeof out->hd1, "HD1:07.p.onr6.0.1q_%s_%s", b, c);
    out->m = (struct cluster_message){
        .id = hash_id128(slice_of((const char *)&number, sizeof number)),
        .received = 1286000000 + (int64_t)number,
        .host = 1 + number % HOST_COUNT,
        .trap = S("trap"),
        .country = S("BR"),
        .recipients = 2,
        .bytes = 1000,
        .hd1 = slice_cstr(out->hd1),
        .hd1_names = slice_cstr(out->names),
        .hd1_shapes = slice_cstr(out->shapes),
    };
    if (content) {
        uint64_t kept = seed;
        seed = content;
        out->cd1 = (struct cd1){
            .kind = CD1_TEXT, .is_full = true, .shingles = 200, .exact = random_next()};
        for (int i = 0; i < CD1_TEXT_LANES; i++) {
            out->cd1.text[i] = (uint32_t)(random_next() >> 32);
        }
        seed = kept;
        out->m.sketch = slice_of((const char *)out->packed, cd1_pack(&out->cd1, out->packed));
    }
}

static struct placed place(struct clusters *c, uint64_t number, unsigned family, unsigned content,
                           const char *botnet)
{
    struct sent mail;
    struct placed placed;
    mail_make(&mail, number, family, content);
    mail.m.botnet = slice_cstr(botnet);
    mail.m.botnet_posterior = .99;
    assert_int_equal(clusters_place(c, &mail.m, &placed), OK);
    assert_true(placed.key[CLUSTER_MAILER] != 0);
    assert_int_equal(placed.key[CLUSTER_CAMPAIGN] != 0, content != 0);
    return placed;
}

/* n messages of a family; the variant's key. */
static uint64_t place_many(struct clusters *c, unsigned family, size_t n, const char *botnet)
{
    static uint64_t number;
    struct placed placed = {{0}, {false}};
    for (size_t i = 0; i < n; i++) {
        placed = place(c, ++number, family, 0, botnet);
    }
    return placed.key[CLUSTER_MAILER];
}

static uint32_t mailer_of(struct clusters *c, uint64_t key)
{
    const struct cluster_info *i = clusters_of(c, CLUSTER_MAILER, key);
    return i ? i->id : 0;
}

static void regroup(struct clusters *c)
{
    assert_int_equal(clusters_regroup(c, 1300000000), OK);
}

/* ---- a store in memory ---- */

enum { KEPT_PARTS = 2000, KEPT_CLUSTERS = 200, KEPT_EVENTS = 400 };

struct kept_part {
    struct cluster_part part;
    struct strbuf state;
};

struct kept {
    struct kept_part parts[KEPT_PARTS];
    struct cluster_info clusters[KEPT_CLUSTERS];
    char names[KEPT_CLUSTERS][64];
    struct cluster_event events[KEPT_EVENTS];
    size_t part_count, cluster_count, event_count;
    size_t given; /* parts, in the last give */
};

static enum err part_keep(void *arg, const struct cluster_part *p)
{
    struct kept *k = arg;
    size_t i = 0;
    while (i < k->part_count &&
           (k->parts[i].part.key != p->key || k->parts[i].part.kind != p->kind)) {
        i++;
    }
    assert_true(i < KEPT_PARTS);
    k->part_count += i == k->part_count;
    k->parts[i].part = *p;
    if (!p->is_same_state) {
        strbuf_clear(&k->parts[i].state);
        strbuf_add(&k->parts[i].state, p->state);
    }
    k->given++;
    return OK;
}

static enum err cluster_keep(void *arg, const struct cluster_info *info)
{
    struct kept *k = arg;
    size_t i = 0;
    while (i < k->cluster_count &&
           (k->clusters[i].id != info->id || k->clusters[i].kind != info->kind)) {
        i++;
    }
    assert_true(i < KEPT_CLUSTERS && info->name.n < sizeof k->names[i]);
    k->cluster_count += i == k->cluster_count;
    k->clusters[i] = *info;
    if (info->name.n) {
        memcpy(k->names[i], info->name.p, info->name.n);
    }
    k->clusters[i].name = slice_of(k->names[i], info->name.n);
    k->clusters[i].note = slice_of(NULL, 0);
    return OK;
}

static enum err event_keep(void *arg, const struct cluster_event *e)
{
    struct kept *k = arg;
    assert_true(k->event_count < KEPT_EVENTS);
    k->events[k->event_count++] = *e;
    return OK;
}

static void keep(struct kept *k, struct clusters *c, enum cluster_changes what)
{
    struct cluster_sink sink = {part_keep, cluster_keep, event_keep, k};
    k->given = 0;
    assert_int_equal(clusters_give(c, what, &sink), OK);
}

static struct clusters *loaded(struct kept *k)
{
    struct clusters *c = clusters_new();
    assert_non_null(c);
    for (size_t i = 0; i < k->cluster_count; i++) {
        assert_true(clusters_load_cluster(c, &k->clusters[i]));
    }
    for (size_t i = 0; i < k->part_count; i++) {
        struct cluster_part p = k->parts[i].part;
        p.state = strbuf_slice(&k->parts[i].state);
        if (p.state.n) {
            assert_true(clusters_load_part(c, &p));
        }
    }
    return c;
}

static void kept_free(struct kept *k)
{
    for (size_t i = 0; i < KEPT_PARTS; i++) {
        strbuf_free(&k->parts[i].state);
    }
    free(k);
}

/* ---- tests ---- */

static void test_ids(void **state)
{
    (void)state;
    char text[CLUSTER_ID_BYTES];
    enum cluster_kind k = CLUSTER_CAMPAIGN;
    uint32_t id = 0;
    size_t n = cluster_id_print(CLUSTER_MAILER, 0x0123abcd, text);
    assert_true(slice_eq(slice_of(text, n), S("mailer-0123abcd")));
    assert_true(cluster_id_parse(slice_of(text, n), &k, &id));
    assert_int_equal(k, CLUSTER_MAILER);
    assert_int_equal(id, 0x0123abcd);
    assert_true(cluster_id_parse(S("campaign-FFFFFFFF"), &k, &id));
    assert_int_equal(k, CLUSTER_CAMPAIGN);
    assert_true(cluster_id_parse(S("00000001"), &k, &id));
    assert_int_equal(k, CLUSTER_CAMPAIGN); /* as the caller said */
    static const char *const wrong[] = {"",
                                        "mailer",
                                        "mailer-",
                                        "mailer-123",
                                        "00000000",
                                        "mailer-0123abcg",
                                        "0123abcd0",
                                        "mailer_0123abcd",
                                        "botnet-0123abcd",
                                        "mailer-0123abcd "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(cluster_id_parse(slice_cstr(wrong[i]), &k, &id));
    }
}

static void test_place(void **state)
{
    (void)state;
    struct clusters *c = clusters_new();
    struct placed first = place(c, 1, 1, 1, ""), again = place(c, 2, 1, 1, "");
    assert_true(first.is_new[CLUSTER_MAILER] && first.is_new[CLUSTER_CAMPAIGN]);
    assert_false(again.is_new[CLUSTER_MAILER] || again.is_new[CLUSTER_CAMPAIGN]);
    assert_memory_equal(first.key, again.key, sizeof first.key);
    assert_null(clusters_of(c, CLUSTER_MAILER, first.key[CLUSTER_MAILER]));
    for (uint64_t i = 3; i < 10; i++) {
        place(c, i, 1, i % 2 ? 1 : 2, "");
    }
    struct placed lone = place(c, 10, 2, 3, "");
    regroup(c);
    uint32_t id = mailer_of(c, first.key[CLUSTER_MAILER]);
    assert_int_equal(id, first.key[CLUSTER_MAILER] >> 32);
    assert_int_equal(mailer_of(c, lone.key[CLUSTER_MAILER]), 0); /* one message is no cluster */
    assert_non_null(clusters_of(c, CLUSTER_CAMPAIGN, first.key[CLUSTER_CAMPAIGN]));
    struct profile p;
    assert_int_equal(clusters_profile(c, CLUSTER_MAILER, id, &p), OK);
    assert_int_equal(p.messages, 9);
    assert_int_equal(p.recipients, 18);
    struct profile_entry partner;
    assert_true(profile_first(&p, PROFILE_PARTNER, &partner));
    assert_int_equal(partner.count, 6);
    assert_true(profile_key(partner.value) == first.key[CLUSTER_CAMPAIGN]);
    profile_clear(&p);
    assert_int_equal(clusters_profile(c, CLUSTER_MAILER, 77, &p), ERR_NOTFOUND);
    size_t places[2];
    assert_int_equal(clusters_parts(c, CLUSTER_MAILER, id, places, 2), 1);
    assert_int_equal(variants_key(clusters_variants(c), places[0]), first.key[CLUSTER_MAILER]);
    assert_int_equal(clusters_next(c, CLUSTER_MAILER, 0)->id, id);
    assert_null(clusters_next(c, CLUSTER_MAILER, id));
    assert_true(clusters_bytes(c) > 1000);
    clusters_free(c);
}

/* What is kept is all that there is: taken in again it goes on as if nothing had been. */
static void test_keep(void **state)
{
    (void)state;
    struct kept *k = calloc(1, sizeof *k);
    struct clusters *c = clusters_new();
    for (uint64_t i = 0; i < 600; i++) {
        place(c, i, 1 + (unsigned)(i % 7), 1 + (unsigned)(i % 11), i % 7 == 2 ? "rustock" : "");
    }
    keep(k, c, CLUSTERS_NEW);
    assert_int_equal(k->given, 18);
    keep(k, c, CLUSTERS_NEW);
    assert_int_equal(k->given, 0);
    place(c, 1000, 1, 1, "");
    keep(k, c, CLUSTERS_NEW); /* known parts wait for their minute */
    assert_int_equal(k->given, 0);
    keep(k, c, CLUSTERS_CHANGED);
    assert_int_equal(k->given, 2);
    regroup(c);
    keep(k, c, CLUSTERS_CHANGED);
    assert_int_equal(k->given, 18); /* each has a cluster now */
    struct clusters *d = loaded(k);
    size_t events = k->event_count;
    regroup(d);
    keep(k, d, CLUSTERS_CHANGED);
    assert_int_equal(k->event_count, events); /* nothing happened */
    assert_int_equal(k->given, 0);
    for (uint32_t id = 0;;) {
        const struct cluster_info *a = clusters_next(c, CLUSTER_MAILER, id);
        const struct cluster_info *b = clusters_next(d, CLUSTER_MAILER, id);
        assert_int_equal(a != NULL, b != NULL);
        if (!a) {
            break;
        }
        assert_int_equal(a->id, b->id);
        assert_true(slice_eq(a->name, b->name));
        id = a->id;
        struct profile p, q;
        struct strbuf x = STRBUF_INIT, y = STRBUF_INIT;
        assert_int_equal(clusters_profile(c, CLUSTER_MAILER, id, &p), OK);
        assert_int_equal(clusters_profile(d, CLUSTER_MAILER, id, &q), OK);
        assert_int_equal(profile_save(&p, &x), OK);
        assert_int_equal(profile_save(&q, &y), OK);
        assert_true(slice_eq(strbuf_slice(&x), strbuf_slice(&y)));
        strbuf_free(&x);
        strbuf_free(&y);
        profile_clear(&p);
        profile_clear(&q);
    }
    clusters_free(c);
    clusters_free(d);
    kept_free(k);
}

static void test_damaged(void **state)
{
    (void)state;
    struct clusters *c = clusters_new();
    struct cluster_info ring[] = {{.id = 1, .merged_into = 2}, {.id = 2, .merged_into = 1}};
    assert_true(clusters_load_cluster(c, &ring[0]));
    assert_true(clusters_load_cluster(c, &ring[1]));
    assert_null(clusters_living(c, CLUSTER_MAILER, 1));
    assert_false(clusters_load_cluster(c, &ring[0]));
    assert_false(clusters_load_cluster(c, &(struct cluster_info){.id = 0}));
    assert_false(clusters_load_cluster(c, &(struct cluster_info){.id = 3, .probability = 2}));
    assert_false(clusters_load_cluster(c, &(struct cluster_info){.id = 3, .merged_into = 3}));
    assert_false(clusters_load_part(c, &(struct cluster_part){.key = 5, .state = S("\xff\xff")}));
    assert_false(clusters_load_part(c, &(struct cluster_part){.key = 0}));
    clusters_free(c);
}

static void test_names_of_rules(void **state)
{
    (void)state;
    static const struct {
        size_t labelled, others, unlabelled; /* rustock's, pushdo's, none's */
        enum cluster_namer namer;
    } cases[] = {
        {100, 0, 100, CLUSTER_NAMER_RULES}, {19, 0, 10, CLUSTER_NAMER_NONE},   /* too few */
        {20, 0, 10, CLUSTER_NAMER_RULES},   {20, 0, 1000, CLUSTER_NAMER_NONE}, /* of so many */
        {60, 40, 0, CLUSTER_NAMER_MIXED},   {95, 5, 0, CLUSTER_NAMER_RULES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct clusters *c = clusters_new();
        uint64_t key = place_many(c, 1, cases[i].labelled, "rustock");
        place_many(c, 1, cases[i].others, "pushdo");
        place_many(c, 1, cases[i].unlabelled, "");
        regroup(c);
        const struct cluster_info *info = clusters_of(c, CLUSTER_MAILER, key);
        assert_non_null(info);
        assert_int_equal(info->namer, cases[i].namer);
        bool is_named = cases[i].namer == CLUSTER_NAMER_RULES;
        assert_true(slice_eq(info->name, is_named ? S("rustock") : S("")));
        if (cases[i].labelled == 100) { /* Wilson's bound for 100 of 100 is .96301 */
            assert_float_equal(info->probability, .905708F, 1e-4F);
        }
        clusters_free(c);
    }
    /* all from one host: it names no one else's mail */
    struct clusters *c = clusters_new();
    struct placed placed = {{0}, {false}};
    for (uint64_t i = 0; i < 50; i++) {
        placed = place(c, i * HOST_COUNT, 1, 0, "rustock");
    }
    regroup(c);
    assert_int_equal(clusters_of(c, CLUSTER_MAILER, placed.key[0])->namer, CLUSTER_NAMER_NONE);
    clusters_free(c);
}

static void test_rules_change(void **state)
{
    (void)state;
    struct kept *k = calloc(1, sizeof *k);
    struct clusters *c = clusters_new();
    uint64_t key[CLUSTER_KIND_COUNT] = {place_many(c, 1, 100, "rustock")};
    regroup(c);
    assert_true(slice_eq(clusters_of(c, CLUSTER_MAILER, key[0])->name, S("rustock")));
    clusters_labels_clear(c);
    struct cluster_message m = {.botnet = S("cutwail"), .botnet_posterior = .95};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(clusters_label(c, key, &m), OK);
    }
    regroup(c);
    assert_true(slice_eq(clusters_of(c, CLUSTER_MAILER, key[0])->name, S("cutwail")));
    clusters_labels_clear(c);
    regroup(c);
    assert_true(slice_eq(clusters_of(c, CLUSTER_MAILER, key[0])->name, S("")));
    keep(k, c, CLUSTERS_ALL);
    struct profile p;
    assert_int_equal(clusters_profile(c, CLUSTER_MAILER, mailer_of(c, key[0]), &p), OK);
    assert_int_equal(p.messages, 100);
    profile_clear(&p);
    assert_int_equal(k->events[k->event_count - 1].what.kind, CLUSTER_UNNAMED);
    clusters_free(c);
    kept_free(k);
}

static void test_person_names(void **state)
{
    (void)state;
    struct clusters *c = clusters_new();
    uint64_t key = place_many(c, 1, 100, "rustock");
    regroup(c);
    uint32_t id = mailer_of(c, key);
    assert_int_equal(
        clusters_name(c, CLUSTER_MAILER, id, CLUSTER_LABEL_BOTNET, S("mine"), S("why"), 9), OK);
    place_many(c, 1, 100, "rustock");
    regroup(c);
    const struct cluster_info *info = clusters_of(c, CLUSTER_MAILER, key);
    assert_true(slice_eq(info->name, S("mine")));
    assert_true(slice_eq(info->note, S("why")));
    assert_int_equal(info->namer, CLUSTER_NAMER_PERSON);
    assert_float_equal(info->probability, .95F, 1e-6F);
    assert_int_equal(clusters_name(c, CLUSTER_MAILER, id, CLUSTER_LABEL_BOTNET, S(""), S(""), 9),
                     OK);
    regroup(c);
    assert_true(slice_eq(clusters_of(c, CLUSTER_MAILER, key)->name, S("rustock")));
    assert_int_equal(clusters_name(c, CLUSTER_CAMPAIGN, id, CLUSTER_LABEL_BOTNET, S("x"), S(""), 9),
                     ERR_NOTFOUND);
    clusters_free(c);
}

static void test_join_and_split(void **state)
{
    (void)state;
    struct kept *k = calloc(1, sizeof *k);
    struct clusters *c = clusters_new();
    uint64_t a = place_many(c, 1, 10, ""), b = place_many(c, 2, 30, "");
    regroup(c);
    uint32_t id_a = mailer_of(c, a), id_b = mailer_of(c, b), id_new = 0;
    assert_true(id_a && id_b && id_a != id_b);
    assert_int_equal(clusters_join(c, CLUSTER_MAILER, id_a, id_b, 5), OK); /* the lesser wins */
    assert_int_equal(mailer_of(c, b), id_a);
    place_many(c, 2, 500, "");
    regroup(c);
    assert_int_equal(mailer_of(c, b), id_a);
    assert_int_equal(clusters_living(c, CLUSTER_MAILER, id_b)->id, id_a);
    keep(k, c, CLUSTERS_CHANGED);
    struct clusters *d = loaded(k);
    regroup(d);
    assert_int_equal(mailer_of(d, a), id_a);
    assert_int_equal(mailer_of(d, b), id_a);
    clusters_free(c);
    assert_int_equal(clusters_split(d, CLUSTER_MAILER, id_b, (uint64_t[]){a, a}, 1, &id_new, 6),
                     OK);
    assert_true(id_new && id_new != id_a && id_new != id_b);
    place_many(d, 1, 800, "");
    regroup(d);
    assert_int_equal(mailer_of(d, a), id_new);
    assert_int_equal(mailer_of(d, b), id_a);
    uint32_t id = 0;
    assert_int_equal(clusters_split(d, CLUSTER_MAILER, id_a, &b, 1, &id, 6), ERR_USAGE);
    assert_int_equal(clusters_split(d, CLUSTER_MAILER, id_a, &a, 1, &id, 6), ERR_NOTFOUND);
    assert_int_equal(clusters_join(d, CLUSTER_MAILER, id_a, 5, 7), ERR_NOTFOUND);
    keep(k, d, CLUSTERS_NEW);
    assert_int_equal(k->events[k->event_count - 1].what.kind, CLUSTER_PARTED);
    clusters_free(d);
    kept_free(k);
}

/* The same mail in any order: the same parts in the same clusters. */
static void test_order(void **state)
{
    (void)state;
    enum { N = 1500, FAMILIES = 12, ROUNDS = 4 };
    uint32_t order[N], id[ROUNDS][FAMILIES];
    for (uint32_t i = 0; i < N; i++) {
        order[i] = i;
    }
    seed = 9;
    for (int round = 0; round < ROUNDS; round++) {
        struct clusters *c = clusters_new();
        for (uint32_t i = 0; i < N; i++) {
            uint32_t n = order[i], family = n % FAMILIES;
            uint64_t key = place(c, n, family, 1 + n % 50, family == 3 ? "rustock" : "").key[0];
            if (i == N / 2 && round == 1) {
                regroup(c); /* also when it grouped in between */
            }
            id[round][family] = (uint32_t)(key >> 32);
        }
        regroup(c);
        for (uint32_t n = 0; n < FAMILIES; n++) {
            struct sent mail;
            struct placed placed;
            mail_make(&mail, n, n, 0);
            assert_int_equal(clusters_place(c, &mail.m, &placed), OK);
            id[round][n] = mailer_of(c, placed.key[0]);
            assert_true(id[round][n] != 0);
        }
        for (uint32_t n = 0; n < FAMILIES; n++) {
            /* an id is of the part that was heaviest when the cluster began */
            assert_true(round == 1 || id[round][n] == id[0][n]);
            for (uint32_t i = 0; i < n; i++) {
                assert_int_equal(id[round][n] == id[round][i], id[0][n] == id[0][i]);
            }
        }
        clusters_free(c);
        for (uint32_t i = N; i > 1; i--) {
            uint32_t at = (uint32_t)(random_next() >> 33) % i, other = order[i - 1];
            order[i - 1] = order[at];
            order[at] = other;
        }
    }
}

static enum err part_count(void *arg, const struct cluster_part *p)
{
    *(size_t *)arg += p->state.n == 0;
    return OK;
}

static enum err cluster_skip(void *arg, const struct cluster_info *i)
{
    (void)arg;
    (void)i;
    return OK;
}

static enum err event_skip(void *arg, const struct cluster_event *e)
{
    (void)arg;
    (void)e;
    return OK;
}

/* More variants than fit: what gives way is told of, and finds its cluster when it is back. */
static void test_giving_way(void **state)
{
    (void)state;
    size_t gone = 0;
    struct cluster_sink sink = {part_count, cluster_skip, event_skip, &gone};
    struct clusters *c = clusters_new();
    uint64_t key = place_many(c, 1, 6, "");
    regroup(c);
    uint32_t id = mailer_of(c, key);
    assert_true(id != 0);
    assert_int_equal(clusters_give(c, CLUSTERS_ALL, &sink), OK);
    assert_int_equal(gone, 0);
    for (unsigned i = 0; i < LIMIT_VARIANTS + 10 && clusters_of(c, CLUSTER_MAILER, key); i++) {
        place_many(c, 10 + i % (LIMIT_VARIANTS + 5), 7, "");
    }
    assert_null(clusters_of(c, CLUSTER_MAILER, key));
    assert_int_equal(clusters_give(c, CLUSTERS_NEW, &sink), OK);
    assert_true(gone >= 1);
    assert_non_null(clusters_info(c, CLUSTER_MAILER, id));
    assert_int_equal(place_many(c, 1, 1, ""), key);
    assert_int_equal(mailer_of(c, key), id);
    clusters_free(c);
}

static void words_make(struct words *out, struct word *items, char (*text)[16], size_t n,
                       unsigned number)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(text[i], sizeof text[i], i == 5 ? "hole%u" : "word%u",
                 i == 5 ? number : (unsigned)i);
        struct slice s = slice_cstr(text[i]);
        items[i] = (struct word){.text = s, .hash = hash_u64(s), .kind = WORD_PLAIN};
    }
    *out = (struct words){.items = items, .count = n};
}

static void test_template(void **state)
{
    (void)state;
    enum { WORDS = 30 };
    struct kept *k = calloc(1, sizeof *k);
    struct clusters *c = clusters_new();
    uint64_t key = 0;
    char text[WORDS][16];
    struct word items[WORDS];
    struct words words;
    for (unsigned i = 0; i < 40; i++) {
        key = place(c, i, 1, 1, "").key[CLUSTER_CAMPAIGN];
        assert_int_equal(clusters_learns(c, key), i >= 2);
        words_make(&words, items, text, WORDS, i);
        assert_int_equal(i >= 2 ? clusters_teach(c, key, &words) : OK, OK);
        if (i == 20) {
            regroup(c);
        }
    }
    regroup(c);
    const struct cluster_info *info = clusters_of(c, CLUSTER_CAMPAIGN, key);
    assert_non_null(info);
    const struct template *t = clusters_template(c, info->id);
    assert_non_null(t);
    struct template_info known, again;
    template_info(t, &known);
    assert_int_equal(known.learnt, 38);
    words_make(&words, items, text, WORDS, 77);
    assert_true(template_matches(t, &words));
    keep(k, c, CLUSTERS_ALL);
    struct clusters *d = loaded(k);
    assert_non_null(clusters_template(d, info->id));
    template_info(clusters_template(d, info->id), &again);
    assert_int_equal(again.learnt, known.learnt);
    assert_true(clusters_learns(d, key));
    clusters_free(c);
    clusters_free(d);
    kept_free(k);
}

/* Two wordings of a campaign, each with a template before they meet: all that both learnt stays. */
static void test_templates_that_meet(void **state)
{
    (void)state;
    enum { WORDS = 30 };
    struct clusters *c = clusters_new();
    uint64_t key[2] = {0};
    char text[WORDS][16];
    struct word items[WORDS];
    struct words words;
    for (unsigned i = 0; i < 60; i++) {
        unsigned side = i % 3 == 2;
        key[side] = place(c, i, 1, side ? 77777 : 13, "").key[CLUSTER_CAMPAIGN];
        words_make(&words, items, text, side ? WORDS - 4 : WORDS, i);
        assert_int_equal(clusters_teach(c, key[side], &words), OK);
    }
    struct template_info info;
    assert_true(key[0] != key[1]);
    regroup(c); /* nothing speaks against one campaign */
    assert_ptr_equal(clusters_of(c, CLUSTER_CAMPAIGN, key[0]),
                     clusters_of(c, CLUSTER_CAMPAIGN, key[1]));
    const struct template *t = clusters_template(c, clusters_of(c, CLUSTER_CAMPAIGN, key[1])->id);
    assert_non_null(t);
    template_info(t, &info);
    assert_int_equal(info.learnt, 60);
    for (size_t n = WORDS - 4; n <= WORDS; n += 4) {
        words_make(&words, items, text, n, 7);
        assert_true(template_matches(t, &words));
    }
    clusters_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_names_of_rules),
        cmocka_unit_test(test_rules_change),
        cmocka_unit_test(test_person_names),
        cmocka_unit_test(test_join_and_split),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_giving_way),
        cmocka_unit_test(test_template),
        cmocka_unit_test(test_templates_that_meet),
    };
    return cmocka_run_group_tests_name("cluster", tests, NULL, NULL);
}
