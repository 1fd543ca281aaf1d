/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of wordings: what joins one, what gives way, what is kept. */
#include "made_mail.h"
#include "testing.h"

#include "cluster/wording.h"
#include "cluster/wording_index.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void sketch_make(const struct cd1 *c, const struct slice *shapes, size_t count,
                        struct wording_sketch *out)
{
    uint8_t packed[CD1_PACKED_BYTES];
    assert_true(wording_sketch_unpack(made_sketch(c, packed), shapes, count, out, NULL));
}

static uint64_t place(struct wordings *v, struct made_mail *m, uint64_t id, bool *is_new)
{
    uint64_t key;
    bool made;
    struct profile *profile;
    const struct cluster_message *c = made_message(m, id);
    assert_int_equal(wordings_find(v, c, &key, &profile, &made), OK);
    if (profile) {
        assert_int_equal(profile_take(profile, c, 0), OK);
    }
    if (is_new) {
        *is_new = made;
    }
    return key;
}

static struct made_mail text_of(uint32_t first, size_t n)
{
    struct made_mail m = {0};
    made_run(m.text, &m.text_count, first, n);
    return m;
}

static void the_same_content_has_one_key_on_any_machine(void **state)
{
    (void)state;
    struct wordings *v = wordings_new(100), *w = wordings_new(5);
    struct made_mail m = text_of(1000, 80), other = text_of(5000, 80);
    bool is_new;
    uint64_t key = place(v, &m, 1, &is_new);
    assert_true(is_new);
    assert_int_equal(place(v, &m, 2, &is_new), key);
    assert_false(is_new);
    place(w, &other, 3, NULL);
    assert_int_equal(place(w, &m, 4, NULL), key);
    assert_int_equal(key, 0xf7fedc8ecd2d6663);
    assert_int_equal(wordings_count(v), 1);
    assert_int_equal(wordings_index(v, key), 0);
    assert_int_equal(wordings_key(v, 0), key);
    assert_int_equal(wordings_profile(v, 0)->messages, 2);
    assert_int_equal(wordings_index(v, key + 1), wordings_count(v));
    wordings_free(v);
    wordings_free(w);
}

static void a_printed_sketch_finds_what_a_full_one_made(void **state)
{
    (void)state;
    struct wordings *v = wordings_new(10);
    struct made_mail m = text_of(1, 90);
    made_run(m.call, &m.call_count, 7, 9);
    uint64_t key = place(v, &m, 1, NULL), again;
    uint8_t packed[CD1_PACKED_BYTES];
    struct cd1 kept;
    struct cluster_message c = m.message;
    assert_true(cd1_unpack(made_sketch(&m.cd1, packed), &kept));
    c.sketch = made_sketch(&kept, packed);
    struct profile *profile;
    bool is_new;
    assert_int_equal(wordings_find(v, &c, &again, &profile, &is_new), OK);
    assert_int_equal(again, key);
    assert_false(is_new);
    wordings_free(v);
}

static void mail_without_content_has_no_wording(void **state)
{
    (void)state;
    struct wordings *v = wordings_new(10);
    struct made_mail m = {0};
    bool is_new = true;
    assert_int_equal(place(v, &m, 1, &is_new), 0);
    assert_false(is_new);
    m.message.sketch = S("");
    uint64_t key;
    struct profile *profile;
    assert_int_equal(wordings_find(v, &m.message, &key, &profile, &is_new), OK);
    assert_int_equal(key, 0);
    assert_null(profile);
    assert_int_equal(wordings_count(v), 0);
    wordings_free(v);
}

static void near_texts_are_one_wording_and_others_are_not(void **state)
{
    (void)state;
    struct wordings *v = wordings_new(1000);
    struct made_mail leader = text_of(0, 200);
    uint64_t key = place(v, &leader, 1, NULL);
    unsigned joined = 0, apart = 0;
    for (uint32_t i = 0; i < 100; i++) {
        struct made_mail near = text_of(0, 196), far = text_of(0, 140);
        made_run(near.text, &near.text_count, 100000 + 1000 * i, 4); /* J = .96 */
        made_run(far.text, &far.text_count, 500000 + 1000 * i, 60);  /* J = .54 */
        joined += place(v, &near, 2 + i, NULL) == key;
        apart += place(v, &far, 2000 + i, NULL) != key;
    }
    assert_true(joined >= 99);
    assert_int_equal(apart, 100);
    wordings_free(v);
}

static void short_texts_are_equal_or_not(void **state)
{
    (void)state;
    struct wordings *v = wordings_new(10);
    struct made_mail a = text_of(0, 11), b = text_of(0, 11), c = text_of(1, 11), d = text_of(0, 11);
    b.domains[b.domain_count++] = S("shop.example");
    d.shapes[d.shape_count++] = S("http://d/a*.php?id=9*");
    uint64_t key = place(v, &a, 1, NULL);
    assert_int_equal(place(v, &b, 2, NULL), key);
    assert_int_not_equal(place(v, &c, 3, NULL), key);
    assert_int_not_equal(place(v, &d, 4, NULL), key); /* another link */
    wordings_free(v);
}

static void pictures_are_known_by_their_hash(void **state)
{
    (void)state;
    struct wordings *v = wordings_new(10);
    struct made_mail a = {.attachment = 77}, b = {.attachment = 78};
    made_run(a.html, &a.html_count, 1, 5);
    made_run(b.html, &b.html_count, 1, 5);
    uint64_t key = place(v, &a, 1, NULL);
    assert_int_equal(place(v, &a, 2, NULL), key);
    assert_int_not_equal(place(v, &b, 3, NULL), key);
    wordings_free(v);
}

/* METHODS B3: at least these shares of pairs share a band of 4 out of 64 lanes; lanes of four bits
 * are alike by chance, so a few more do. */
static void bands_find_pairs_as_the_s_curve_says(void **state)
{
    (void)state;
    static const struct {
        double j, at_least;
    } curve[] = {{.5, .644}, {.6, .892}, {.7, .988}, {.75, .998}, {.8, .9998}};
    enum { PAIRS = 4000 };
    struct wording_index *x = wording_index_new();
    uint64_t random = 1;
    for (size_t c = 0; c < sizeof curve / sizeof curve[0]; c++) {
        unsigned found = 0;
        for (unsigned i = 0; i < PAIRS; i++) {
            struct cd1 a = {.kind = CD1_TEXT}, b = a;
            struct wording_sketch s, t;
            struct wording_candidate near[WORDING_CANDIDATES];
            made_alike(a.text, a.text, CD1_TEXT_LANES, 0, &random);
            made_alike(a.text, b.text, CD1_TEXT_LANES, curve[c].j, &random);
            sketch_make(&a, NULL, 0, &s);
            sketch_make(&b, NULL, 0, &t);
            wording_index_add(x, &s, 0, NULL, NULL);
            size_t n = wording_index_find(x, &t, near);
            assert_true(n <= 1);
            found += n == 1;
            wording_index_remove(x, &s, 0);
            assert_int_equal(wording_index_find(x, &s, near), 0);
        }
        double p = curve[c].j + (1 - curve[c].j) / 16;
        double expected = 1 - pow(1 - pow(p, 4), 16);
        double error = sqrt(expected * (1 - expected) / PAIRS) + 1e-4;
        assert_true(fabs((double)found / PAIRS - expected) < 4 * error);
        assert_true((double)found / PAIRS > curve[c].at_least - 4 * error);
    }
    wording_index_free(x);
}

static void the_estimate_of_likeness_is_unbiased(void **state)
{
    (void)state;
    enum { PAIRS = 4000 };
    uint64_t random = 2;
    for (int tenth = 0; tenth <= 10; tenth++) {
        double sum = 0, j = tenth / 10.0;
        for (unsigned i = 0; i < PAIRS; i++) {
            struct cd1 a = {.kind = CD1_TEXT}, b = a;
            struct wording_sketch s, t;
            made_alike(a.text, a.text, CD1_TEXT_LANES, 0, &random);
            made_alike(a.text, b.text, CD1_TEXT_LANES, j, &random);
            b.exact = 1;
            sketch_make(&a, NULL, 0, &s);
            sketch_make(&b, NULL, 0, &t);
            sum += wording_text_likeness(&s, &t);
            assert_true(fabs(wording_text_likeness(&s, &t) - cd1_text_likeness(&a, &b)) < .25);
        }
        /* cut at 0 the mean of unrelated pairs is half a standard error of .03 */
        assert_true(fabs(sum / PAIRS - j) < (tenth ? .005 : .02));
    }
}

static void shapes_are_compared_as_sets(void **state)
{
    (void)state;
    struct slice a[] = {SLICE("http://d/"), SLICE("http://d/a*"), SLICE("http://d/")};
    struct slice b[] = {SLICE("http://d/a*"), SLICE("http://d/")}, c[] = {SLICE("http://h/")};
    struct slice many[100];
    char text[100][16];
    struct cd1 none = {.kind = CD1_SHORT};
    struct wording_sketch x, y, z, w, u;
    for (size_t i = 0; i < 100; i++) {
        many[i] = slice_of(text[i], (size_t)snprintf(text[i], sizeof text[i], "http://d/%zu", i));
    }
    sketch_make(&none, a, 3, &x);
    sketch_make(&none, b, 2, &y);
    sketch_make(&none, c, 1, &z);
    sketch_make(&none, NULL, 0, &w);
    sketch_make(&none, many, 100, &u);
    assert_int_equal(x.shape_count, 2);
    assert_int_equal(u.shape_count, WORDING_SHAPES);
    assert_true(wording_shape_likeness(&x, &y) == 1);
    assert_true(wording_shape_likeness(&x, &z) == 0);
    assert_true(wording_shape_likeness(&x, &w) == -1);
    assert_true(wording_shape_likeness(&u, &u) == 1);
    assert_true(wording_sketch_key(&x) == wording_sketch_key(&y));
}

static void the_least_counted_gives_way(void **state)
{
    (void)state;
    enum { MOST = 200, HEAVY = 20, NOISE = 5000 };
    struct wordings *v = wordings_new(MOST);
    uint64_t random = 3, keys[HEAVY];
    for (uint64_t round = 0; round < 30; round++) {
        for (uint32_t i = 0; i < HEAVY; i++) {
            struct made_mail m = text_of(1000 * i, 60);
            keys[i] = place(v, &m, round * HEAVY + i, NULL);
        }
    }
    for (uint64_t i = 0; i < NOISE; i++) {
        struct made_mail m = {0};
        made_draw(m.text, &m.text_count, &random, 60);
        bool is_new;
        uint64_t key = place(v, &m, 10000 + i, &is_new);
        assert_true(is_new);
        assert_true(wordings_count(v) <= MOST);
        assert_int_equal(wordings_key(v, wordings_index(v, key)), key);
    }
    /* 5000 single messages on 180 places: 28 generations, less than the heavy ones' 30 messages */
    for (uint32_t i = 0; i < HEAVY; i++) {
        size_t at = wordings_index(v, keys[i]);
        assert_true(at < wordings_count(v));
        assert_int_equal(wordings_profile(v, at)->messages, 30);
        assert_int_equal(wordings_missed(v, at), 0);
        bool is_new;
        struct made_mail m = text_of(1000 * i, 60);
        made_run(m.text, &m.text_count, 999999, 1);
        assert_int_equal(place(v, &m, 90000 + i, &is_new), keys[i]);
        assert_false(is_new);
    }
    /* The guarantee of Space-Saving: nothing is missed by more than N/k */
    for (size_t i = 0; i < wordings_count(v); i++) {
        assert_true(wordings_missed(v, i) <= (NOISE + 31 * HEAVY) / MOST);
    }
    wordings_free(v);
}

static void one_place_is_a_table_too(void **state)
{
    (void)state;
    struct wordings *v = wordings_new(1);
    for (uint32_t i = 0; i < 10; i++) {
        struct made_mail m = text_of(1000 * i, 40);
        uint64_t key = place(v, &m, i, NULL);
        assert_int_equal(wordings_count(v), 1);
        assert_int_equal(wordings_index(v, key), 0);
        assert_int_equal(wordings_missed(v, 0), i);
        assert_int_equal(wordings_profile(v, 0)->messages, 1);
    }
    wordings_free(v);
}

/* A sender who knows a campaign's text can make any number of others that share a band with it: the
 * buckets stay small, and the campaign is still found. */
static void a_band_that_all_share_hides_nobody(void **state)
{
    (void)state;
    enum { ATTACK = 100000, MOST = 1 << 14 };
    struct wordings *v = wordings_new(MOST);
    uint64_t random = 4, key;
    struct made_mail victim = text_of(0, 100);
    struct profile *profile;
    bool is_new;
    uint64_t victims = 0;
    for (int i = 0; i < 20; i++) {
        victims = place(v, &victim, (uint64_t)i, NULL);
    }
    for (unsigned i = 0; i < ATTACK; i++) {
        struct cd1 c = victim.cd1;
        uint8_t packed[CD1_PACKED_BYTES];
        c.exact = i;
        struct cluster_message m = victim.message;
        unsigned band = i % 4;
        made_alike(victim.cd1.text, c.text, CD1_TEXT_LANES, 0, &random);
        memcpy(c.text + 4 * band, victim.cd1.text + 4 * band, 4 * sizeof c.text[0]);
        m.sketch = made_sketch(&c, packed);
        assert_int_equal(wordings_find(v, &m, &key, &profile, &is_new), OK);
        assert_true(is_new);
    }
    assert_int_equal(wordings_count(v), MOST);
    for (uint32_t i = 0; i < 50; i++) {
        struct made_mail m = text_of(0, 97);
        made_run(m.text, &m.text_count, 70000 + 10 * i, 3);
        assert_int_equal(place(v, &m, 1000 + i, &is_new), victims);
        assert_false(is_new);
    }
    wordings_free(v);
}

static bool number_gives_way(const void *arg, uint32_t a, uint32_t b)
{
    (void)arg;
    return a < b;
}

static void a_bucket_has_a_hard_limit(void **state)
{
    (void)state;
    struct wording_index *x = wording_index_new();
    struct cd1 c = {.kind = CD1_TEXT};
    struct wording_sketch s;
    struct wording_candidate near[WORDING_CANDIDATES];
    sketch_make(&c, NULL, 0, &s);
    for (uint32_t i = 0; i < WORDING_BUCKET - 1; i++) {
        wording_index_add(x, &s, 10 + i, number_gives_way, NULL);
    }
    assert_int_equal(wording_index_find(x, &s, near), WORDING_BUCKET - 1);
    wording_index_add(x, &s, 50, number_gives_way, NULL);
    assert_int_equal(wording_index_find(x, &s, near), WORDING_BUCKET);
    wording_index_add(x, &s, 51, number_gives_way, NULL); /* 10 gives way */
    wording_index_add(x, &s, 2, number_gives_way, NULL);  /* gives way itself */
    assert_int_equal(wording_index_find(x, &s, near), WORDING_BUCKET);
    assert_int_equal(near[0].place, 11);
    assert_int_equal(near[WORDING_BUCKET - 1].place, 51);
    assert_int_equal(near[0].bands, WORDING_BANDS);
    wording_index_remove(x, &s, 2); /* was not there */
    wording_index_remove(x, &s, 12);
    assert_int_equal(wording_index_find(x, &s, near), WORDING_BUCKET - 1);
    wording_index_free(x);
}

enum { MODEL_PLACES = 40, MODEL_VALUES = 3 };

/* An index as plain arrays: of each band and value, full first. */
struct model {
    uint32_t place[WORDING_BANDS][MODEL_VALUES][WORDING_BUCKET]; /* + 1 */
    uint8_t value[MODEL_PLACES][WORDING_BANDS];                  /* of those that are in */
    bool is_in[MODEL_PLACES];
};

static struct wording_sketch model_sketch(const uint8_t value[WORDING_BANDS])
{
    struct wording_sketch s = {.kind = CD1_TEXT};
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        s.text[band / 4] |= (uint64_t)(value[band] * 0x1234) << band % 4 * WORDING_BAND_BITS;
    }
    return s;
}

static void model_add(struct model *m, uint32_t place)
{
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        uint32_t *bucket = m->place[band][m->value[place][band]];
        unsigned at = 0, least = 0;
        for (; at < WORDING_BUCKET && bucket[at]; at++) {
            least = bucket[at] < bucket[least] ? at : least;
        }
        if (at < WORDING_BUCKET) {
            bucket[at] = place + 1;
        } else if (bucket[least] < place + 1) {
            bucket[least] = place + 1;
        }
    }
    m->is_in[place] = true;
}

static void model_remove(struct model *m, uint32_t place)
{
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        uint32_t *bucket = m->place[band][m->value[place][band]];
        unsigned kept = 0;
        for (unsigned i = 0; i < WORDING_BUCKET; i++) {
            uint32_t one = bucket[i];
            bucket[i] = 0;
            if (one && one != place + 1) {
                bucket[kept++] = one;
            }
        }
    }
    m->is_in[place] = false;
}

static void assert_found_as_in_model(const struct wording_index *x, const struct model *m,
                                     const uint8_t value[WORDING_BANDS])
{
    struct wording_sketch s = model_sketch(value);
    struct wording_candidate near[WORDING_CANDIDATES];
    unsigned bands[MODEL_PLACES] = {0};
    size_t n = wording_index_find(x, &s, near), at = 0;
    for (unsigned band = 0; band < WORDING_BANDS; band++) {
        for (unsigned i = 0; i < WORDING_BUCKET && m->place[band][value[band]][i]; i++) {
            bands[m->place[band][value[band]][i] - 1]++;
        }
    }
    for (uint32_t place = 0; place < MODEL_PLACES; place++) {
        if (bands[place]) {
            assert_true(at < n && near[at].place == place && near[at].bands == bands[place]);
            at++;
        }
    }
    assert_int_equal(at, n);
}

/* Whatever comes and goes, a place that is alone in its bucket and one in a list are found. */
static void the_index_is_as_plain_arrays(void **state)
{
    (void)state;
    struct wording_index *x = wording_index_new();
    struct model *m = calloc(1, sizeof *m);
    uint64_t random = 7;
    for (unsigned step = 0; step < 20000; step++) {
        uint32_t place = (uint32_t)(made_random(&random) % MODEL_PLACES);
        /* now few are in, now many */
        bool is_adding = made_random(&random) % 8 < (step / 1000 % 2 ? 2 : 6);
        uint8_t asked[WORDING_BANDS];
        if (is_adding && !m->is_in[place]) {
            for (unsigned band = 0; band < WORDING_BANDS; band++) {
                m->value[place][band] = (uint8_t)(made_random(&random) % MODEL_VALUES);
            }
            struct wording_sketch s = model_sketch(m->value[place]);
            wording_index_add(x, &s, place, number_gives_way, NULL);
            model_add(m, place);
        } else if (!is_adding && m->is_in[place]) {
            struct wording_sketch s = model_sketch(m->value[place]);
            wording_index_remove(x, &s, place);
            model_remove(m, place);
        }
        for (unsigned band = 0; band < WORDING_BANDS; band++) {
            asked[band] = (uint8_t)(made_random(&random) % MODEL_VALUES);
        }
        assert_found_as_in_model(x, m, asked);
    }
    wording_index_free(x);
    free(m);
}

static struct wordings *some_wordings(void)
{
    struct wordings *v = wordings_new(50);
    for (uint32_t i = 0; i < 12; i++) {
        struct made_mail m = i % 3 ? text_of(1000 * i, 60) : text_of(1000 * i, 5);
        m.attachment = i % 2;
        made_run(m.html, &m.html_count, i, i);
        made_run(m.call, &m.call_count, i, i / 2);
        m.shapes[m.shape_count++] = S("http://www.d/a*/9*.html");
        m.shapes[m.shape_count++] = S("http://d/");
        m.domains[m.domain_count++] = S("pills.example");
        m.shape_count = i % 3;
        for (uint64_t k = 0; k <= i; k++) {
            place(v, &m, 100 * i + k, NULL);
        }
    }
    return v;
}

static void what_is_kept_comes_back(void **state)
{
    (void)state;
    struct wordings *v = some_wordings(), *w = wordings_new(50);
    for (size_t i = wordings_count(v); i-- > 0;) {
        struct strbuf state_of = STRBUF_INIT, again = STRBUF_INIT, a = STRBUF_INIT, b = STRBUF_INIT;
        uint64_t key = wordings_key(v, i);
        assert_int_equal(wordings_save(v, i, &state_of), OK);
        strbuf_add_cstr(&state_of, "rest");
        struct slice in = strbuf_slice(&state_of);
        assert_true(wordings_load(w, key, &in));
        assert_true(slice_eq(in, S("rest")));
        size_t at = wordings_index(w, key);
        assert_int_equal(wordings_save(w, at, &again), OK);
        state_of.n -= 4;
        assert_true(slice_eq(strbuf_slice(&state_of), strbuf_slice(&again)));
        assert_int_equal(wordings_print(v, i, &a), OK);
        assert_int_equal(wordings_print(w, at, &b), OK);
        assert_true(a.n > 0);
        assert_string_equal(strbuf_cstr(&a), strbuf_cstr(&b));
        in = strbuf_slice(&state_of); /* there already */
        assert_false(wordings_load(w, key, &in));
        strbuf_free(&state_of);
        strbuf_free(&again);
        strbuf_free(&a);
        strbuf_free(&b);
    }
    assert_int_equal(wordings_count(w), wordings_count(v));
    /* Mail finds what was loaded */
    struct made_mail m = text_of(1000, 60);
    bool is_new;
    m.attachment = 1;
    place(w, &m, 1, &is_new);
    assert_false(is_new);
    wordings_free(v);
    wordings_free(w);
}

static void damaged_states_are_refused(void **state)
{
    (void)state;
    struct wordings *v = some_wordings();
    for (size_t i = 0; i < wordings_count(v); i++) {
        struct strbuf kept = STRBUF_INIT;
        uint64_t key = wordings_key(v, i);
        assert_int_equal(wordings_save(v, i, &kept), OK);
        struct wordings *w = wordings_new(4);
        for (size_t n = 0; n < kept.n; n++) {
            char *copy = malloc(n + 1); /* the sanitizer sees a byte too far */
            assert_non_null(copy);
            memcpy(copy, kept.p, n);
            struct slice in = slice_of(copy, n);
            assert_false(wordings_load(w, key, &in));
            assert_int_equal(in.n, n);
            assert_int_equal(wordings_count(w), 0);
            free(copy);
        }
        struct slice in = strbuf_slice(&kept);
        assert_false(wordings_load(w, key ^ 1, &in)); /* not its key */
        kept.p[0]++;
        assert_false(wordings_load(w, key, &in)); /* a version to come */
        wordings_free(w);
        strbuf_free(&kept);
    }
    wordings_free(v);
}

static void of_more_than_fit_the_heaviest_are_loaded(void **state)
{
    (void)state;
    struct wordings *v = some_wordings(), *w = wordings_new(5);
    for (size_t i = 0; i < wordings_count(v); i++) {
        size_t from = i * 5 % 12; /* in no order */
        struct strbuf kept = STRBUF_INIT;
        assert_int_equal(wordings_save(v, from, &kept), OK);
        struct slice in = strbuf_slice(&kept);
        assert_true(wordings_load(w, wordings_key(v, from), &in));
        strbuf_free(&kept);
    }
    assert_int_equal(wordings_count(w), 5);
    for (size_t i = 0; i < 12; i++) { /* wording i has i + 1 messages */
        assert_int_equal(wordings_index(w, wordings_key(v, i)) < 5, i >= 7);
    }
    wordings_free(v);
    wordings_free(w);
}

static void bytes_are_bounded(void **state)
{
    (void)state;
    struct wordings *v = wordings_new(1 << 17);
    assert_true(wordings_bytes(v) < 72 * 1024 * 1024);
    wordings_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_content_has_one_key_on_any_machine),
        cmocka_unit_test(a_printed_sketch_finds_what_a_full_one_made),
        cmocka_unit_test(mail_without_content_has_no_wording),
        cmocka_unit_test(near_texts_are_one_wording_and_others_are_not),
        cmocka_unit_test(short_texts_are_equal_or_not),
        cmocka_unit_test(pictures_are_known_by_their_hash),
        cmocka_unit_test(bands_find_pairs_as_the_s_curve_says),
        cmocka_unit_test(the_estimate_of_likeness_is_unbiased),
        cmocka_unit_test(shapes_are_compared_as_sets),
        cmocka_unit_test(the_least_counted_gives_way),
        cmocka_unit_test(one_place_is_a_table_too),
        cmocka_unit_test(a_band_that_all_share_hides_nobody),
        cmocka_unit_test(a_bucket_has_a_hard_limit),
        cmocka_unit_test(the_index_is_as_plain_arrays),
        cmocka_unit_test(what_is_kept_comes_back),
        cmocka_unit_test(damaged_states_are_refused),
        cmocka_unit_test(of_more_than_fit_the_heaviest_are_loaded),
        cmocka_unit_test(bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
