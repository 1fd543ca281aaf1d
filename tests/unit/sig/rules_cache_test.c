/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cache and the live set: what is read back is what was compiled; damage of any byte is seen;
 * loaders and reloads side by side. */
#include "sig_testing.h"

#include <dirent.h>
#include <pthread.h>

static char folder[64], cache[80];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/cache_test.XXXXXX");
    make_folder(folder);
    snprintf(cache, sizeof cache, "%s/deep/cache", folder); /* made when it is needed */
    put_rule(folder, 1, "stable", "  s: {subject|contains: pills, quirk: q}\n  condition: s\n",
             "botnet: alpha, aka: [one, two], confidence: 80, valid_from: 2010-10");
    put_rule(folder, 2, "test", "  s: {msgid|re: '^<0+@'}\n  condition: s\n",
             "mailer: beta, confidence: 60");
    put_rule(folder, 3, "stable",
             "  s: {header.x-a|startswith: b}\n  t: {size|gt: 1}\n"
             "  condition: s and not t\n",
             "program: gamma, confidence: 60");
    put_file(folder, "bad.yml", "title: x\n", 9);
    put_file(folder, "PACK", "my-pack-2010.10\nnothing else counts\n", 36);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

struct told {
    size_t count;
    char text[4096];
};

static void on_finding(void *arg, const struct finding *f)
{
    struct told *t = arg;
    size_t n = strlen(t->text);
    t->count++;
    snprintf(t->text + n, sizeof t->text - n, "%s:%u:%u:%d:%s\n", f->file, f->line, f->column,
             (int)f->level, f->text);
}

static struct rules *load(struct told *t)
{
    const char *paths[] = {folder};
    struct rule_options o = {
        .paths = paths, .path_count = 1, .cache_dir = cache, .on_finding = on_finding, .arg = t};
    struct errbuf eb;
    struct rules *r = NULL;
    *t = (struct told){0};
    assert_int_equal(rules_load(&o, &r, &eb), OK);
    return r;
}

static void expect_same(const struct rules *a, const struct rules *b)
{
    assert_int_equal(rules_count(a), rules_count(b));
    assert_int_equal(rules_rejected(a), rules_rejected(b));
    assert_true(slice_eq(rules_version(a), rules_version(b)));
    for (size_t i = 0; i < rules_count(a); i++) {
        const struct rule_info *x = rules_info(a, i), *y = rules_info(b, i);
        assert_true(slice_eq(x->id, y->id) && slice_eq(x->title, y->title));
        assert_true(slice_eq(x->file, y->file) && slice_eq(x->label, y->label));
        assert_int_equal(x->status, y->status);
        assert_int_equal(x->groups, y->groups);
        assert_int_equal(x->valid_from, y->valid_from);
        assert_int_equal(x->aka_count, y->aka_count);
        assert_true(x->weight == y->weight);
    }
}

static size_t hits_of(const struct rules *r)
{
    struct rule_scratch *s = rule_scratch_new(r);
    struct arena *a = arena_new(SIZE_MAX);
    struct slice subject = S("PILLS"), quirk = S("q"), msgid = S("<000@x>");
    struct features f = {0};
    struct attribution out;
    f.text[FEATURE_SUBJECT].items = &subject;
    f.text[FEATURE_QUIRK].items = &quirk;
    f.text[FEATURE_MSGID].items = &msgid;
    f.text[FEATURE_SUBJECT].count = f.text[FEATURE_QUIRK].count = f.text[FEATURE_MSGID].count = 1;
    size_t n = rules_match(r, s, &f, 0, a, &out) == OK ? out.hit_count : SIZE_MAX;
    rule_scratch_free(s);
    arena_free(a);
    return n;
}

/* The one cached image. */
static void cache_file(char *path, size_t n)
{
    DIR *d = opendir(cache);
    struct dirent *e;
    assert_non_null(d);
    path[0] = '\0';
    while ((e = readdir(d))) {
        if (e->d_name[0] != '.') {
            assert_int_equal(path[0], '\0');
            snprintf(path, n, "%s/%s", cache, e->d_name);
        }
    }
    closedir(d);
    assert_int_not_equal(path[0], '\0');
}

static void test_round_trip(void **state)
{
    (void)state;
    struct told first, second;
    struct rules *a = load(&first), *b = load(&second);
    assert_false(rules_from_cache(a));
    assert_true(rules_from_cache(b));
    assert_int_equal(rules_count(a), 3);
    assert_int_equal(rules_rejected(a), 1);
    expect_same(a, b);
    assert_true(first.count > 3);
    assert_string_equal(first.text, second.text);
    assert_int_equal(hits_of(a), 2);
    assert_int_equal(hits_of(b), 2);
    assert_true(slice_starts(rules_version(a), S("my-pack-2010.10+")));
    assert_int_equal(rules_version(a).n, strlen("my-pack-2010.10+01234567"));
    rules_unref(a);
    /* A change of one byte is another set with another version. */
    put_rule(folder, 2, "test", "  s: {msgid|re: '^<1+@'}\n  condition: s\n",
             "mailer: beta, confidence: 60");
    struct rules *c = load(&first);
    assert_false(rules_from_cache(c));
    assert_false(slice_eq(rules_version(b), rules_version(c)));
    assert_int_equal(hits_of(c), 1);
    rules_unref(b);
    rules_unref(c);
}

static void test_damage(void **state)
{
    (void)state;
    struct told t;
    char path[512];
    static char image[1 << 20];
    rules_unref(load(&t));
    cache_file(path, sizeof path);
    FILE *f = fopen(path, "rb");
    size_t n = fread(image, 1, sizeof image, f);
    fclose(f);
    assert_true(n > 1000 && n < sizeof image);
    uint64_t seed = 5;
    for (int round = 0; round < 60; round++) {
        size_t at = round < 40 ? next_random(&seed) % n : (size_t)round % 20 * 8;
        size_t length = round % 7 == 6 ? at : n; /* cut as well */
        image[at] ^= 0x20;
        f = fopen(path, "wb");
        assert_int_equal(fwrite(image, 1, length, f), length);
        fclose(f);
        image[at] ^= 0x20;
        struct rules *r = load(&t);
        assert_false(rules_from_cache(r));
        assert_int_equal(hits_of(r), 2);
        rules_unref(r);
        r = load(&t); /* and it has been replaced */
        assert_true(rules_from_cache(r));
        rules_unref(r);
    }
}

/* A sound checksum over nonsense: every number is looked at before it is used. */
static void test_forged_image(void **state)
{
    (void)state;
    struct told t;
    char path[512];
    rules_unref(load(&t));
    cache_file(path, sizeof path);
    FILE *f = fopen(path, "rb");
    static char image[1 << 20];
    size_t n = fread(image, 1, sizeof image, f), refused = 0;
    fclose(f);
    uint64_t seed = 9;
    struct image_header header;
    memcpy(&header, image, sizeof header);
    size_t end = (size_t)header.section[SECTION_text].at;
    for (int round = 0; round < 3000; round++) {
        char *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, image, n);
        for (int i = 0; i < 3; i++) {
            copy[next_random(&seed) % end] = (char)next_random(&seed);
        }
        struct rules *r = NULL;
        if (rules_open(copy, n, &r) == OK) {
            rules_unref(r);
        } else {
            refused++;
        }
    }
    assert_true(refused > 500);
}

/* cmocka's assertions are for the test's own thread. */
#define THREAD_CHECK(x)                                                                            \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            panic("line %d: %s", __LINE__, #x);                                                    \
        }                                                                                          \
    } while (0)

static void *loader(void *arg)
{
    (void)arg;
    for (int i = 0; i < 8; i++) {
        const char *paths[] = {folder};
        struct rule_options o = {.paths = paths, .path_count = 1, .cache_dir = cache};
        struct errbuf eb;
        struct rules *r = NULL;
        THREAD_CHECK(rules_load(&o, &r, &eb) == OK);
        THREAD_CHECK(rules_count(r) == 3);
        THREAD_CHECK(hits_of(r) == 2);
        rules_unref(r);
    }
    return NULL;
}

static void test_concurrent_loaders(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, loader, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}

struct live_test {
    struct rules_live *live;
    atomic_bool is_over;
    atomic_uint matched;
};

static void *matcher(void *arg)
{
    struct live_test *t = arg;
    struct rules *r = rules_live_get(t->live);
    struct rule_scratch *s = rule_scratch_new(r);
    struct arena *a = arena_new(SIZE_MAX);
    struct slice quirk = S("q"), subject = S("pills");
    struct features f = {0};
    f.text[FEATURE_QUIRK].items = &quirk;
    f.text[FEATURE_SUBJECT].items = &subject;
    f.text[FEATURE_QUIRK].count = f.text[FEATURE_SUBJECT].count = 1;
    rules_unref(r);
    while (!t->is_over) {
        struct attribution out;
        r = rules_live_get(t->live);
        arena_reset(a);
        /* The scratch follows the set. */
        THREAD_CHECK(rules_match(r, s, &f, 0, a, &out) == OK && out.hit_count >= 1);
        t->matched++;
        rules_unref(r);
    }
    rule_scratch_free(s);
    arena_free(a);
    return NULL;
}

static void test_live(void **state)
{
    (void)state;
    const char *paths[] = {folder};
    struct rule_options o = {.paths = paths, .path_count = 1, .cache_dir = cache};
    struct live_test t = {0};
    struct errbuf eb;
    pthread_t threads[3];
    assert_int_equal(rules_live_open(&o, &t.live, &eb), OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, matcher, &t), 0);
    }
    for (unsigned i = 0; i < 10; i++) {
        put_rule(folder, 100 + i, "stable", "  s: {quirk: q}\n  condition: s\n",
                 "botnet: more, confidence: 70");
        assert_int_equal(rules_live_reload(t.live), OK);
        enum err again = rules_live_reload(t.live);
        assert_true(again == ERR_BUSY || again == OK);
        assert_int_equal(rules_live_wait(t.live, &eb), OK);
        struct rules *r = rules_live_get(t.live);
        assert_int_equal(rules_count(r), 4 + i);
        rules_unref(r);
    }
    /* A reload that fails leaves the set as it is. */
    char moved[128];
    snprintf(moved, sizeof moved, "%s.moved", folder);
    assert_int_equal(rename(folder, moved), 0);
    assert_int_equal(rules_live_reload(t.live), OK);
    assert_int_equal(rules_live_wait(t.live, &eb), ERR_CONFIG);
    assert_int_equal(rename(moved, folder), 0);
    struct rules *r = rules_live_get(t.live);
    assert_int_equal(rules_count(r), 13);
    rules_unref(r);
    t.is_over = true;
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(t.matched > 0);
    rules_live_close(t.live);
}

static void test_duplicate_ids_and_folders(void **state)
{
    (void)state;
    char path[256], text[4096];
    struct told t;
    int n = rule_text(text, sizeof text, 1, "stable", "  s: {quirk: z}\n  condition: s\n",
                      "botnet: alpha, confidence: 80");
    put_file(folder, "zz.yaml", text, (size_t)n);
    put_file(folder, "notes.txt", "no rule", 7);
    put_file(folder, ".hidden.yml", "no rule", 7);
    for (int i = 0; i < 2; i++) { /* events and personas stand beside rules in a pack */
        snprintf(path, sizeof path, "%s/%s", folder, i ? "personas" : "annotations");
        assert_int_equal(mkdir(path, 0777), 0);
        put_file(path, "a.yml", "- no rule\n", 10);
    }
    struct rules *r = load(&t);
    assert_int_equal(rules_count(r), 3);
    assert_int_equal(rules_rejected(r), 2);
    assert_non_null(
        strstr(t.text, "id 00000000-0000-4000-8000-000000000001 is already that of 000001.yml"));
    assert_null(strstr(t.text, "annotations"));
    rules_unref(r);
    const char *missing[] = {"/nonexistent/rules"};
    struct rule_options o = {.paths = missing, .path_count = 1};
    struct errbuf eb;
    assert_int_equal(rules_load(&o, &r, &eb), ERR_CONFIG);
    assert_non_null(strstr(eb.text, "/nonexistent/rules"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forged_image, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_concurrent_loaders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_live, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_duplicate_ids_and_folders, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
