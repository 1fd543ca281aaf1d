/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a word means among clusters with known ids and names, and panels of what was chosen against
 * the rows that made the store. */
#include "count_scratch.h"

#include "observe/index.h"

enum { DAYS = 40, PARTS = 5, TRAPS = 2, KEY_FIRST = 1000 };

/* Part i of the campaigns is in CLUSTER_OF[i]; 30 was merged into 10, where its part is by now only
 * through that. */
static const uint32_t CLUSTER_OF[PARTS] = {0x10, 0x20, 0x40, 0x30, 0};
static const struct cluster_info CLUSTERS[] = {
    {.kind = CLUSTER_MAILER, .id = 0x20, .namer = CLUSTER_NAMER_RULES, .name = {"pills", 5}},
    {.kind = CLUSTER_CAMPAIGN, .id = 0x10, .namer = CLUSTER_NAMER_RULES, .name = {"pills", 5}},
    {.kind = CLUSTER_CAMPAIGN, .id = 0x20, .namer = CLUSTER_NAMER_PERSON, .name = {"watches", 7}},
    {.kind = CLUSTER_CAMPAIGN, .id = 0x30, .merged_into = 0x10, .name = {"jobs", 4}},
    {.kind = CLUSTER_CAMPAIGN, .id = 0x40, .namer = CLUSTER_NAMER_RULES, .name = {"pills", 5}},
    {.kind = CLUSTER_CAMPAIGN, .id = 0x50, .namer = CLUSTER_NAMER_PERSON, .name = {"00000020", 8}},
    {.kind = CLUSTER_CAMPAIGN, .id = 0x60, .namer = CLUSTER_NAMER_PERSON, .name = {"00000070", 8}},
};

static unsigned messages_of(unsigned part, unsigned trap, unsigned day)
{
    return (part + 1) * (trap + 1) + (day * (part + 2) + trap) % 3;
}

static enum err place(void *arg, size_t index, uint64_t number, struct message_row *row)
{
    const uint64_t *keys = arg;
    (void)number;
    row->part[CLUSTER_CAMPAIGN] = keys[index];
    return OK;
}

static enum err give(void *arg, const struct cluster_sink *sink)
{
    enum err e = OK;
    (void)arg;
    for (size_t i = 0; e == OK && i < PARTS; i++) {
        const struct cluster_part part = {.kind = CLUSTER_CAMPAIGN,
                                          .key = KEY_FIRST + i,
                                          .cluster = CLUSTER_OF[i],
                                          .state = S("state")};
        e = sink->part(sink->arg, &part);
    }
    for (size_t i = 0; e == OK && i < sizeof CLUSTERS / sizeof *CLUSTERS; i++) {
        e = sink->cluster(sink->arg, &CLUSTERS[i]);
    }
    return e;
}

static void day_append(struct store *s, unsigned day)
{
    static struct message_row rows[512];
    static uint64_t keys[512];
    static unsigned number;
    static const char *const NAMES[TRAPS] = {"north", "south"};
    size_t n = 0;
    struct append_result result;
    struct errbuf eb = {0};
    for (unsigned part = 0; part < PARTS; part++) {
        for (unsigned trap = 0; trap < TRAPS; trap++) {
            for (unsigned i = messages_of(part, trap, day); i; i--) {
                number++;
                rows[n] = (struct message_row){
                    .id = hash_id128(slice_of((const char *)&number, sizeof number)),
                    .received = at(day) + (int64_t)(number * 7919 % SECONDS_PER_DAY),
                    .clock = CLOCK_RECEIVED,
                    .trap = slice_cstr(NAMES[trap]),
                    .recipients = 3,
                    .bytes = 100};
                keys[n++] = KEY_FIRST + part;
            }
        }
    }
    struct store_placing placing = {.place = place, .arg = keys};
    struct store_batch batch = {.rows = rows, .row_count = n, .placing = &placing};
    assert_int_equal(store_append_batch(s, &batch, &result, &eb), OK);
    assert_int_equal(result.added, n);
}

static struct store *store_made(void)
{
    struct errbuf eb = {0};
    store_remove();
    struct store *s = scratch_open(STORE_CREATE);
    for (unsigned day = 0; day < DAYS; day++) {
        day_append(s, day);
    }
    assert_int_equal(store_clusters_put(s, give, NULL, &eb), OK);
    return s;
}

static struct cluster_choice choose(struct store *s, const char *text)
{
    struct cluster_choice c;
    struct errbuf eb = {0};
    enum err e = cluster_choose(s, CLUSTER_CAMPAIGN, slice_cstr(text), arena, &c, &eb);
    if (e) {
        fail_msg("%s: %s: %s", text, err_name(e), eb.text);
    }
    return c;
}

static void choice_is(struct store *s, const char *text, const char *asked, const char *title,
                      size_t count, uint32_t first, uint32_t last)
{
    struct cluster_choice c = choose(s, text);
    assert_true(slice_eq(c.asked, slice_cstr(asked)));
    assert_true(slice_eq(c.title, slice_cstr(title)));
    assert_int_equal(c.count, count);
    assert_int_equal(c.ids[0], first);
    assert_int_equal(c.ids[count - 1], last);
    for (uint32_t id = 0; id < 0x80; id++) {
        assert_int_equal(cluster_choice_has(&c, id), id == first || id == last);
    }
}

static void test_words(void **state)
{
    struct store *s = store_made();
    struct cluster_choice c;
    struct errbuf eb = {0};
    (void)state;
    choice_is(s, "campaign-00000040", "campaign-00000040", "campaign-00000040", 1, 0x40, 0x40);
    choice_is(s, "00000040", "campaign-00000040", "campaign-00000040", 1, 0x40, 0x40);
    /* merged */
    choice_is(s, "campaign-00000030", "campaign-00000030", "campaign-00000010", 1, 0x10, 0x10);
    choice_is(s, "watches", "watches", "watches (campaign-00000020)", 1, 0x20, 0x20);
    choice_is(s, "pills", "pills", "pills (2 campaigns)", 2, 0x10, 0x40);
    /* could be both; is no id */
    choice_is(s, "00000020", "campaign-00000020", "campaign-00000020", 1, 0x20, 0x20);
    choice_is(s, "00000070", "00000070", "00000070 (campaign-00000060)", 1, 0x60, 0x60);
    /* the name of a merged one is gone */
    assert_int_equal(cluster_choose(s, CLUSTER_CAMPAIGN, S("jobs"), arena, &c, &eb), ERR_NOTFOUND);
    assert_string_equal(eb.text, "no campaign has the id or the name jobs");
    assert_int_equal(cluster_choose(s, CLUSTER_CAMPAIGN, S("campaign-00000099"), arena, &c, &eb),
                     ERR_NOTFOUND);
    assert_int_equal(cluster_choose(s, CLUSTER_CAMPAIGN, S("mailer-00000020"), arena, &c, &eb),
                     ERR_USAGE);
    store_close(s);
}

static unsigned counted(const struct cluster_choice *c, unsigned trap, unsigned day)
{
    unsigned n = 0;
    for (unsigned part = 0; part < PARTS; part++) {
        uint32_t id = CLUSTER_OF[part] == 0x30 ? 0x10 : CLUSTER_OF[part];
        n += cluster_choice_has(c, id) ? messages_of(part, trap, day) : 0;
    }
    return n;
}

static void panel_is(struct store *s, const char *text, enum unit unit, unsigned times)
{
    struct cluster_choice c = choose(s, text);
    struct index_query q = {
        .filter = STORE_FILTER_ALL, .step = INDEX_DAY, .unit = unit, .clusters = &c};
    struct index_panel p;
    struct errbuf eb = {0};
    enum err e = index_panel_load(s, &q, arena, &p, &eb);
    if (e) {
        fail_msg("%s: %s: %s", text, err_name(e), eb.text);
    }
    assert_int_equal(p.traps, TRAPS);
    assert_int_equal(p.times, DAYS);
    for (unsigned trap = 0; trap < TRAPS; trap++) {
        for (unsigned day = 0; day < DAYS; day++) {
            assert_int_equal(p.count[trap * DAYS + day], times * counted(&c, trap, day));
        }
    }
}

static void test_panels(void **state)
{
    struct store *s = store_made();
    (void)state;
    panel_is(s, "campaign-00000020", UNIT_MESSAGES, 1);
    panel_is(s, "campaign-00000030", UNIT_MESSAGES, 1); /* with what was merged */
    panel_is(s, "pills", UNIT_RECIPIENTS, 3);
    panel_is(s, "pills", UNIT_BYTES, 100);
    /* One that has no message. */
    struct cluster_choice none = choose(s, "campaign-00000060");
    struct index_query q = {.filter = STORE_FILTER_ALL, .step = INDEX_DAY, .clusters = &none};
    struct index_panel p;
    struct errbuf eb = {0};
    assert_int_equal(index_panel_load(s, &q, arena, &p, &eb), ERR_NOTFOUND);
    q.step = INDEX_HOUR;
    assert_int_equal(index_panel_load(s, &q, arena, &p, &eb), ERR_UNSUPPORTED);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_panels),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
