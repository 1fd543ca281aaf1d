/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules drafted for mailers from rows of a store: each against all other mail, never against its
 * own. */
#include "testing.h"

#include "analyse/draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DAY = 1286000000, EACH = 60, BOT = 7, TWIN = 8, CLIENT = 9, GONE = 10, MAILERS = 4 };

static char path[] = "/tmp/spamgauge-draft-XXXXXX";

static int path_make(void **state)
{
    int fd = mkstemp(path);
    (void)state;
    return fd < 0 || close(fd) != 0 || unlink(path) != 0;
}

static int path_drop(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -f %s*", path);
    return system(command);
}

/* The bot and its twin have one shape of Message-ID, the client another; the twin alone has a
 * boundary. Their mailers' names vary, some with an address in them. */
static void rows_add(struct store *s, uint32_t mailer)
{
    static char names[EACH][64];
    static struct message_row rows[EACH];
    struct errbuf eb = {.text = ""};
    struct append_result result;
    for (unsigned i = 0; i < EACH; i++) {
        uint32_t number[2] = {mailer, i};
        snprintf(names[i], sizeof names[i], "bot%u@example.com Mail 2.%u", mailer, i % 3);
        rows[i] = (struct message_row){
            .id = hash_id128(slice_of((const char *)number, sizeof number)),
            .received = DAY + i,
            .clock = CLOCK_RECEIVED,
            .trap = S("t"),
            .recipients = 1,
            .bytes = 1000,
            .msgid_shape = mailer == CLIENT ? S("9+.9+@host") : S("XXXX$9999@host"),
            .boundary_shape = mailer == TWIN ? S("--=_x+") : S(""),
            .mime_tree = mailer == CLIENT ? S("p") : S("a(ph)"),
            .mailer = slice_cstr(names[i]),
            .part = {[CLUSTER_MAILER] = mailer},
        };
    }
    const struct store_batch batch = {.rows = rows, .row_count = EACH};
    assert_int_equal(store_append_batch(s, &batch, &result, &eb), OK);
    assert_int_equal(result.added, EACH);
}

static enum err parts_give(void *arg, const struct cluster_sink *sink)
{
    const uint32_t *mailers = arg;
    enum err e = OK;
    for (size_t i = 0; e == OK && i < MAILERS; i++) {
        const struct cluster_part part = {CLUSTER_MAILER, mailers[i], mailers[i], 0, S("x")};
        const struct cluster_info info = {.kind = CLUSTER_MAILER, .id = mailers[i]};
        e = sink->part(sink->arg, &part);
        e = e == OK ? sink->cluster(sink->arg, &info) : e;
    }
    return e;
}

static void test_drafts(void **state)
{
    uint32_t mailers[MAILERS] = {BOT, TWIN, CLIENT, GONE};
    const struct store_options options = {.path = path, .mode = STORE_CREATE};
    struct rule_draft drafts[MAILERS];
    struct errbuf eb = {.text = ""};
    struct store *s;
    struct arena *arena = arena_new(SIZE_MAX);
    (void)state;
    assert_int_equal(store_open(&options, &s, &eb), OK);
    for (size_t i = 0; i < MAILERS - 1; i++) {
        rows_add(s, mailers[i]);
    }
    assert_int_equal(store_clusters_put(s, parts_give, mailers, &eb), OK);
    assert_int_equal(drafts_make(s, mailers, MAILERS, DAY, arena, drafts, &eb), OK);

    /* Nothing of the bot is not the twin's, too: no rule, but how near it came. */
    assert_true(drafts[0].is_tried && !drafts[0].rule.n && drafts[0].trait_count);
    assert_int_equal(drafts[0].background, EACH);
    assert_int_equal(drafts[0].background_of, 2 * EACH);
    assert_true(slice_eq(drafts[0].rival, S("mailer-00000008")));
    assert_int_equal(drafts[0].rival_messages, EACH);

    assert_int_equal(drafts[1].background, 0);
    assert_int_equal(drafts[1].wanted, EACH - EACH / 5);
    assert_int_equal(drafts[1].held, EACH / 5);
    assert_int_not_equal(slice_find(drafts[1].rule, S("boundary.shape: '--=_x+'")), SIZE_MAX);
    assert_int_not_equal(slice_find(drafts[1].rule, S("{mailer: new-00000008,")), SIZE_MAX);
    assert_int_not_equal(slice_find(drafts[1].rule, S("valid_from: 2010-10-02")), SIZE_MAX);

    assert_int_equal(drafts[2].background, 0);
    assert_int_equal(drafts[2].background_of, 2 * EACH);
    assert_true(drafts[2].rule.n > 0 && !drafts[2].rival.n);
    for (size_t i = 0; i < 3; i++) { /* whoever's address it is */
        assert_int_equal(slice_find(drafts[i].rule, S("@example.com")), SIZE_MAX);
    }

    assert_false(drafts[3].is_tried); /* no row of it is left */
    arena_free(arena);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drafts)};
    return cmocka_run_group_tests_name("draft", tests, path_make, path_drop);
}
