/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store_rows.h"

#include "core/sort.h"
#include "store/tally.h"

static void test_varint(void **state)
{
    static const struct {
        uint64_t v;
        size_t bytes;
    } CASES[] = {{0, 1},         {1, 1},         {127, 1},        {128, 2},
                 {16383, 2},     {16384, 3},     {2097151, 3},    {2097152, 4},
                 {268435455, 4}, {268435456, 5}, {UINT32_MAX, 5}, {UINT64_MAX, 10}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        uint8_t bytes[VARINT_BYTES_MAX + 4] = {0};
        uint64_t v = 1;
        size_t n = varint_put(bytes, CASES[i].v);
        assert_int_equal(n, CASES[i].bytes);
        /* At the end of the bytes, and with others after it. */
        for (size_t tail = 0; tail <= 4; tail += 4) {
            struct slice s = slice_of((const char *)bytes, n + tail);
            assert_true(varint_cut(&s, &v));
            assert_int_equal(v, CASES[i].v);
            assert_int_equal(s.n, tail);
        }
        for (size_t cut = 0; cut < n; cut++) {
            struct slice s = slice_of((const char *)bytes, cut);
            assert_false(varint_cut(&s, &v));
        }
    }
    struct slice endless = S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    uint64_t v;
    assert_false(varint_cut(&endless, &v));
}

static int entry_cmp(const void *a, const void *b)
{
    const struct tally_entry *x = a, *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return (x->tag > y->tag) - (x->tag < y->tag);
}

/* Merging random runs gives what adding up gives; what is taken away again is not there. */
static void test_merge(void **state)
{
    enum { KEYS = 50, TAGS = 3, ROUNDS = 40 };
    static const uint64_t FACTORS[] = {1, 7919, UINT64_C(0x100000001),
                                       UINT64_C(0x0200000000000000)};
    (void)state;
    for (size_t f = 0; f < sizeof FACTORS / sizeof *FACTORS; f++) {
        struct tally_entry sums[KEYS][TAGS] = {0};
        struct random r = {f + 1};
        struct strbuf packed = STRBUF_INIT;
        for (int round = 0; round < ROUNDS; round++) {
            struct tally_entry add[10];
            size_t n = 0;
            for (int i = 0; i < 10; i++) {
                uint64_t k = random_below(&r, KEYS);
                uint32_t tag = (uint32_t)random_below(&r, TAGS);
                bool is_new = true;
                for (size_t j = 0; j < n; j++) {
                    is_new &= add[j].key != k * FACTORS[f] || add[j].tag != tag;
                }
                if (is_new) {
                    struct tally_entry *sum = &sums[k][tag];
                    add[n] = (struct tally_entry){k * FACTORS[f], tag, 1 + random_below(&r, 3),
                                                  random_below(&r, 300), random_next(&r) >> 30};
                    if (sum->messages != 0 && random_below(&r, 4) == 0) {
                        add[n].messages = 0 - sum->messages;
                        add[n].recipients = 0 - sum->recipients;
                        add[n].bytes = 0 - sum->bytes;
                    }
                    sums[k][tag].messages += add[n].messages;
                    sums[k][tag].recipients += add[n].recipients;
                    sums[k][tag].bytes += add[n].bytes;
                    n++;
                }
            }
            qsort(add, n, sizeof *add, entry_cmp);
            struct strbuf merged = STRBUF_INIT;
            assert_int_equal(tally_merge(strbuf_slice(&packed), add, n, &merged), OK);
            strbuf_free(&packed);
            packed = merged;
        }
        struct tally_reader reader;
        struct tally_entry e;
        tally_read(&reader, strbuf_slice(&packed));
        for (size_t k = 0; k < KEYS; k++) {
            for (uint32_t tag = 0; tag < TAGS; tag++) {
                if (sums[k][tag].messages) {
                    assert_true(tally_next(&reader, &e));
                    assert_int_equal(e.key, k * FACTORS[f]);
                    assert_int_equal(e.tag, tag);
                    assert_int_equal(e.messages, sums[k][tag].messages);
                    assert_int_equal(e.recipients, sums[k][tag].recipients);
                    assert_int_equal(e.bytes, sums[k][tag].bytes);
                }
            }
        }
        assert_false(tally_next(&reader, &e));
        assert_false(reader.is_bad);
        strbuf_free(&packed);
    }
}

/* Any bytes: an end or is_bad, never a read past them (ASan looks). */
static void test_damage(void **state)
{
    static const struct tally_entry ENTRIES[] = {
        {5, 1, 1, 1, 100}, {5, 2, 3, 9, 1000}, {UINT64_MAX, 1, 1, 2, 70000}};
    struct strbuf packed = STRBUF_INIT;
    (void)state;
    assert_int_equal(tally_merge(slice_of(NULL, 0), ENTRIES, 3, &packed), OK);
    for (size_t cut = 1; cut < packed.n; cut++) {
        char *copy = malloc(cut);
        struct tally_reader r;
        struct tally_entry e;
        memcpy(copy, packed.p, cut);
        tally_read(&r, slice_of(copy, cut));
        while (tally_next(&r, &e)) {
        }
        assert_true(r.is_bad);
        struct strbuf out = STRBUF_INIT;
        assert_int_equal(tally_merge(slice_of(copy, cut), ENTRIES, 3, &out), ERR_STORE);
        strbuf_free(&out);
        free(copy);
    }
    struct random random = {9};
    for (int round = 0; round < 20000; round++) {
        uint8_t *bytes = malloc(24);
        struct tally_reader r;
        struct tally_entry e;
        bytes[0] = 1;
        for (size_t i = 1; i < 24; i++) {
            bytes[i] = (uint8_t)random_next(&random);
        }
        tally_read(&r, slice_of((const char *)bytes, 24));
        for (size_t n = 0; tally_next(&r, &e); n++) {
            assert_true(n < 24);
        }
        free(bytes);
    }
    strbuf_free(&packed);
}

static void test_sort(void **state)
{
    (void)state;
    struct random r = {3};
    for (size_t n = 0; n < 400; n += 13) {
        struct sort_item items[400], scratch[400];
        for (size_t i = 0; i < n; i++) {
            items[i] = (struct sort_item){random_below(&r, 3) << 40, random_below(&r, 70000),
                                          (uint32_t)random_below(&r, 300), (uint32_t)i};
        }
        const struct sort_item *s = sort_items(items, scratch, n);
        for (size_t i = 1; i < n; i++) {
            const struct sort_item *x = &s[i - 1], *y = &s[i];
            bool ok = x->a != y->a   ? x->a < y->a
                      : x->b != y->b ? x->b < y->b
                      : x->c != y->c ? x->c < y->c
                                     : x->index < y->index;
            assert_true(ok);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varint),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_sort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
