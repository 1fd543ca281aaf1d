/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mailers and campaigns of simulated mail: the same in whatever order it comes, of half of it, and
 * of all of it twice. How good they are is measured by hand (bench/cluster_score.py); here only
 * that they are not nonsense. */
#include "testing.h"

#include "analyse/analyse.h"
#include "cluster/cluster.h"
#include "simulate/simulate.h"
#include "stat/agreement.h"
#include "stat/pcg.h"

#include <stdlib.h>

enum { MESSAGES = 1200, RELAYS = 5 };

struct item {
    struct slice raw; /* ours */
    uint64_t truth[CLUSTER_KIND_COUNT];
    bool is_spam;
};

struct fixture {
    struct item items[MESSAGES];
    struct trust *trust;
    struct url_context *urls;
};

/* Clusters of a run, by message: only those that were in it. */
struct found {
    bool is_in[MESSAGES];
    uint64_t of[MESSAGES][CLUSTER_KIND_COUNT];
};

static int fixture_make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    static const char *const TRUSTED[RELAYS] = {"212.27.48.10", "193.99.144.80", "209.85.199.27",
                                                "140.211.166.4", "*.traphost.org"};
    struct simulate_options o = {.seed = 11,
                                 .messages = MESSAGES,
                                 .families = 14,
                                 .campaigns = 12,
                                 .days = 40,
                                 .mess = 0.3,
                                 .since = 1183248000,
                                 .trap = S("import")};
    struct simulation *world;
    struct simulated m;
    struct errbuf eb = {.text = ""};
    assert_non_null(f);
    assert_int_equal(simulation_new(&o, &world, &eb), OK);
    for (size_t i = 0; i < MESSAGES; i++) {
        struct item *item = &f->items[i];
        assert_int_equal(simulation_next(world, &m), OK);
        char *raw = malloc(m.raw.n);
        assert_non_null(raw);
        memcpy(raw, m.raw.p, m.raw.n);
        *item = (struct item){.raw = slice_of(raw, m.raw.n), .is_spam = m.botnet.n != 0};
        item->truth[CLUSTER_MAILER] = hash_u64(m.mailer);
        item->truth[CLUSTER_CAMPAIGN] = hash_u64(m.campaign);
    }
    simulation_free(world);
    f->trust = trust_new();
    for (size_t i = 0; i < RELAYS; i++) {
        assert_int_equal(trust_add(f->trust, slice_cstr(TRUSTED[i]), &eb), OK);
    }
    f->urls = url_context_new(&eb);
    assert_non_null(f->urls);
    *state = f;
    return 0;
}

static int fixture_free(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < MESSAGES; i++) {
        free((void *)(uintptr_t)f->items[i].raw.p);
    }
    trust_free(f->trust);
    url_context_free(f->urls);
    free(f);
    return 0;
}

static void message_place(const struct fixture *f, struct analyser *a, struct clusters *c, size_t i,
                          struct placed *placed)
{
    const struct item *item = &f->items[i];
    const struct analysis *x;
    struct source_message source = {
        .raw = item->raw, .bytes = item->raw.n, .name = "simulated", .ordinal = i};
    assert_int_equal(analyse_message(a, &source, 1300000000, &x), OK);
    const struct message_row *r = &x->row;
    struct cluster_message m = {
        .id = r->id,
        .received = r->received,
        .host = r->has_client ? host_key(r->client) : 0,
        .trap = r->trap,
        .recipients = 1,
        .bytes = r->bytes,
        .hd1 = r->hd1,
        .hd1_names = x->features.hd1.names,
        .hd1_shapes = x->features.hd1.shapes,
        .is_listed = x->features.hd1.is_listed,
        .msgid_shape = r->msgid_shape,
        .boundary_shape = r->boundary_shape,
        .mime_tree = r->mime_tree,
        .mailer = r->mailer,
        .charsets = r->charsets,
        .quirks = r->quirks,
        .sketch = r->sketch,
        .words = &x->words,
        .domains = r->domains,
        .domain_count = r->domain_count,
        .url_shapes = r->url_shapes,
        .url_shape_count = r->url_shape_count,
        .subject = r->subject,
        .attachment_type = r->attachment_count ? r->attachments[0].type : S(""),
        .attachment_bytes = r->attachment_count ? r->attachments[0].bytes : 0,
    };
    assert_int_equal(clusters_place(c, &m, placed), OK);
}

static void run(const struct fixture *f, const size_t *order, size_t n, struct found *out)
{
    static const uint8_t KEY[SECRET_KEY_BYTES];
    struct analyse_config config = {
        .trap = S("import"), .trust = f->trust, .urls = f->urls, .recipient_key = KEY};
    struct analyser *a = analyser_new(&config);
    struct clusters *c = clusters_new();
    static struct placed placed[MESSAGES];
    assert_true(a && c);
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        out->is_in[order[i]] = true;
        message_place(f, a, c, order[i], &placed[order[i]]);
    }
    assert_int_equal(clusters_regroup(c, 1300000000), OK);
    for (size_t i = 0; i < MESSAGES; i++) {
        for (enum cluster_kind k = 0; out->is_in[i] && k < CLUSTER_KIND_COUNT; k++) {
            uint64_t key = placed[i].key[k];
            const struct cluster_info *info = key ? clusters_of(c, k, key) : NULL;
            /* no cluster: its part; no part: itself */
            out->of[i][k] = info ? info->id : key ? key : UINT64_MAX - i;
        }
    }
    analyser_free(a);
    clusters_free(c);
}

/* Of the messages that both have; with `f`, against the truth of what is spam. */
static double likeness(const struct found *a, const struct found *b, enum cluster_kind k,
                       const struct fixture *f, bool is_v)
{
    struct agreement_cell cells[MESSAGES];
    struct agreement out;
    size_t n = 0;
    for (size_t i = 0; i < MESSAGES; i++) {
        if (a->is_in[i] && b->is_in[i] && (!f || f->items[i].is_spam)) {
            cells[n++] =
                (struct agreement_cell){a->of[i][k], f ? f->items[i].truth[k] : b->of[i][k], 1};
        }
    }
    assert_int_equal(agreement_of(cells, n, &out), OK);
    return is_v ? out.v_measure : out.ari;
}

static void assert_least(double value, double least)
{
    if (!(value >= least)) {
        fail_msg("%.4f, at least %.4f wanted", value, least);
    }
}

static void test_orders(void **state)
{
    const struct fixture *f = *state;
    static struct found first, other;
    static size_t order[MESSAGES];
    for (size_t i = 0; i < MESSAGES; i++) {
        order[i] = i;
    }
    run(f, order, MESSAGES, &first);
    assert_least(likeness(&first, &first, CLUSTER_MAILER, f, true), 0.8);
    assert_least(likeness(&first, &first, CLUSTER_CAMPAIGN, f, true), 0.8);
    for (uint64_t k = 0; k < 2; k++) {
        struct pcg r = pcg_keyed(k, 0, 0, 0);
        for (size_t i = MESSAGES; i > 1; i--) {
            size_t j = pcg_below(&r, i), swap = order[i - 1];
            order[i - 1] = order[j];
            order[j] = swap;
        }
        run(f, order, MESSAGES, &other);
        assert_least(likeness(&first, &other, CLUSTER_MAILER, NULL, false), 0.99);
        assert_least(likeness(&first, &other, CLUSTER_CAMPAIGN, NULL, false), 0.99);
    }
}

static void test_half_and_twice(void **state)
{
    const struct fixture *f = *state;
    static struct found all, half, twice;
    static size_t order[2 * MESSAGES];
    for (size_t i = 0; i < 2 * MESSAGES; i++) {
        order[i] = i / 2;
    }
    run(f, order, 2 * MESSAGES, &twice);
    for (size_t i = 0; i < MESSAGES; i++) {
        order[i] = i;
    }
    run(f, order, MESSAGES, &all);
    for (size_t i = 0; i < MESSAGES / 2; i++) {
        order[i] = 2 * i;
    }
    run(f, order, MESSAGES / 2, &half);
    for (enum cluster_kind k = 0; k < CLUSTER_KIND_COUNT; k++) {
        assert_least(likeness(&all, &twice, k, NULL, false), 0.95);
        assert_least(likeness(&all, &half, k, NULL, false), 0.9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_half_and_twice),
    };
    return cmocka_run_group_tests_name("simulate/cluster", tests, fixture_make, fixture_free);
}
